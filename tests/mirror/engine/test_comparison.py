"""Scenarios side by side: each is a valuation of its own, and together they have a mean."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.comparison import (
    MAX_CASES,
    MAX_CHANGES,
    Case,
    Change,
    Comparison,
    compare,
)
from engine.dcf import Bridge, DcfInputs, DcfOutput, dcf_question, value_dcf
from engine.errors import Infeasible, InvalidInput
from engine.paths import replaced
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms
from tests.mirror.engine.plots import plot_question
from tests.mirror.engine.test_scenarios import BUILT

WACC, GROWTH, TAX = "capital.wacc", "terminal.gordon.growth", "operations.tax_rate"
BETA = "capital.capm.beta"


def case(name: str, probability: float | None = None, /, **changes: float) -> Case:
    made = tuple(Change(path, value) for path, value in changes.items())
    return Case(name=name, changes=made, probability=probability)


def compared(*cases: Case, inputs: DcfInputs | None = None) -> Comparison:
    return compare(dcf_question(inputs or firm(), DcfOutput.VALUE_PER_SHARE), cases)


def refused(*cases: Case) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as no:
        compared(*cases)
    return [(problem.path, problem.code) for problem in no.value.problems]


def test_each_case_is_what_its_inputs_are_worth_alone_in_every_output() -> None:
    inputs = firm(bridge=Bridge(debt=100.0, cash=20.0))
    cases = [
        case("Dear money", **{WACC: 0.3, GROWTH: 0.03}),
        case("Taxed", **{TAX: 0.05, f"{TAX}[0]": 0.4}),
        case("As it is"),
    ]
    found = compared(*cases, inputs=inputs)
    own = dcf_question(inputs, DcfOutput.VALUE_PER_SHARE).inputs
    for each, values in zip(cases, found.cases, strict=True):
        worth = value_dcf(
            replaced(own, {change.path: change.value for change in each.changes})
        ).worth
        assert values == {
            "VALUE_PER_SHARE": worth.value_per_share,
            "EQUITY_VALUE": worth.equity_value,
            "ENTERPRISE_VALUE": worth.enterprise_value,
        }
    assert found.cases[2] == found.base
    assert found.expected is None


def test_a_wacc_in_one_case_and_its_parts_in_another_do_not_contradict() -> None:
    cases = (case("Whole", **{WACC: 0.09}), case("Part", **{BETA: 1.0}), case("None"))
    found = compared(*cases, inputs=firm(capital=BUILT))
    for each, values in zip(cases, found.cases, strict=True):
        assert compared(each, inputs=firm(capital=BUILT)).cases == (values,)
    with pytest.raises(InvalidInput) as no:
        compared(case("Both", **{WACC: 0.09, BETA: 1.0}), inputs=firm(capital=BUILT))
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("cases[0].changes", "CONTRADICTION")
    ]


def test_the_expected_value_is_weighed_by_hand() -> None:
    cases = [
        Case(name=name, changes=(Change("width", width),), probability=probability)
        for name, width, probability in (("a", 2.0, 0.25), ("b", 4.0, 0.25), ("c", 1.0, 0.5))
    ]
    found = compare(plot_question(length=3.0), cases)
    assert found.expected == {"AREA": 6.0, "PRICE": 5.5}  # (6 + 12) / 4 + 3 / 2, (4 + 16) / 4 + 1/2


@LAW
@given(firms(), st.lists(st.integers(1, 1_000), min_size=1, max_size=6))
def test_equal_cases_are_worth_what_each_is_however_likely(
    inputs: DcfInputs, weights: list[int]
) -> None:
    cases = [case(str(k), weight / sum(weights)) for k, weight in enumerate(weights)]
    found = compared(*cases, inputs=inputs)
    assert found.expected is not None
    size = float(exact_dcf(inputs).gross)
    for name, value in found.expected.items():
        assert value == pytest.approx(found.base[name], rel=1e-12, abs=1e-12 * size)


def test_a_mean_lies_between_the_least_and_the_greatest() -> None:
    cases = [case(str(wacc), 0.2, **{WACC: wacc}) for wacc in (0.15, 0.2, 0.25, 0.3, 0.35)]
    found = compared(*cases)
    assert found.expected is not None
    for name, value in found.expected.items():
        column = [values[name] for values in found.cases]
        assert min(column) < value < max(column)
        assert value == pytest.approx(sum(column) / 5.0)


def test_all_that_is_wrong_with_cases_is_said_at_once() -> None:
    assert refused(
        case("", 0.5, **{WACC: 0.2}),
        case("b", **{"nowhere": 1.0, GROWTH: math.nan}),
        case("b", 1.5),
    ) == [
        ("cases[0].name", "WRONG_LENGTH"),
        ("cases[2].name", "CONTRADICTION"),
        ("cases[2].probability", "OUT_OF_RANGE"),
        ("cases[1].changes[0].path", "UNKNOWN"),
        ("cases[1].changes[1].value", "NOT_FINITE"),
    ]
    twice = Case(name="a", changes=(Change(WACC, 0.2), Change(WACC, 0.3)))
    assert refused(twice) == [("cases[0].changes[1].path", "CONTRADICTION")]


@pytest.mark.parametrize("probability", [math.nan, math.inf, -0.1])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    ((path, _),) = refused(case("a", probability), case("b", 0.5))
    assert path == "cases[0].probability"


def test_probabilities_are_given_for_all_or_for_none_and_make_up_one() -> None:
    assert refused(case("a", 0.5), case("b"), case("c", 0.5)) == [
        ("cases[1].probability", "MISSING")
    ]
    assert refused(case("a", 0.5), case("b", 0.4)) == [("cases", "CONTRADICTION")]
    assert refused(case("a", 0.5), case("b", 0.5 + 2e-9)) == [("cases", "CONTRADICTION")]
    assert compared(case("a", 0.5), case("b", 0.5 + 5e-10)).expected is not None
    assert compared(*(case(str(k), 0.1) for k in range(10))).expected is not None


def test_what_the_door_refuses_stands_at_the_change_that_it_is_about() -> None:
    assert refused(
        case("a", **{WACC: 0.2}),
        case("b", **{"bridge.debt": -1.0, WACC: 2.0, TAX: 0.0}),
        case("c", **{GROWTH: 0.3}),
        case("d", **{f"{TAX}[1]": 0.95}),
    ) == [
        ("cases[1].changes[1].value", "OUT_OF_RANGE"),
        ("cases[1].changes[0].value", "OUT_OF_RANGE"),
        ("cases[2].changes[0].value", "CONTRADICTION"),
        ("cases[3].changes[0].value", "OUT_OF_RANGE"),
    ]


def test_the_number_of_cases_and_of_changes_has_a_limit_and_reaches_it() -> None:
    assert refused() == [("cases", "WRONG_LENGTH")]
    many = [case(str(k), **{WACC: 0.2 + k / 1e4}) for k in range(MAX_CASES + 1)]
    assert refused(*many) == [("cases", "WRONG_LENGTH")]
    assert len(compared(*many[:MAX_CASES]).cases) == MAX_CASES
    long = firm(years=100)
    years = {f"{TAX}[{year}]": 0.3 for year in range(100)}
    assert len(years) == MAX_CHANGES
    compared(case("a", **years), inputs=long)
    with pytest.raises(InvalidInput) as no:
        compared(case("a", **years, **{WACC: 0.2}), inputs=long)
    assert [(each.path, each.code) for each in no.value.problems] == [
        ("cases[0].changes", "TOO_LARGE")
    ]


def test_a_case_without_a_finite_value_is_infeasible() -> None:
    question = plot_question(law=lambda width: 1.0 / (width - 2.0))
    with pytest.raises(Infeasible):
        compare(question, [Case(name="a", changes=(Change("width", 2.0),))])
