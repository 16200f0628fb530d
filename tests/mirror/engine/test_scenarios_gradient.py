"""The gradient: exact for every input, refused where it makes no sense."""

from __future__ import annotations

import dataclasses
import math
from datetime import timedelta

import pytest
from hypothesis import assume, given

from engine.dcf import (
    Bridge,
    Capm,
    Comparables,
    Convertible,
    DcfInputs,
    DcfOutput,
    Failure,
    FlowTiming,
    Gordon,
    HModel,
    LossesCarriedForward,
    Normalised,
    OptionTranche,
    Peer,
    Shares,
    StockCompensation,
    Terminal,
    ValueDriver,
    WorkingCapitalDays,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit
from engine.errors import InvalidInput
from engine.paths import numbers, replaced
from engine.questions import Question
from engine.scenarios import MAX_SWINGS, gradient
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf, exact_slope
from tests.mirror.engine.firms import LAW, PEER, firm, firms, level
from tests.mirror.engine.test_scenarios import in_parts

WACC, GROWTH, TAX = "capital.wacc", "terminal.gordon.growth", "operations.tax_rate"


def asked(inputs: DcfInputs | None = None) -> Question[DcfInputs]:
    return dcf_question(inputs or firm(), DcfOutput.ENTERPRISE_VALUE)


def everything(terminal: Terminal) -> DcfInputs:
    """A firm with a word for every input that a DCF knows, away from every corner."""
    capital = Capm(
        risk_free_rate=0.03,
        equity_risk_premium=0.05,
        comparables=Comparables(
            peers=(
                Peer(name="One", beta=1.3, debt_to_equity=0.4, tax_rate=0.2),
                Peer(name="Two", beta=1.1, debt_to_equity=0.2, tax_rate=0.3),
                Peer(name="Three", beta=1.6, debt_to_equity=0.1, tax_rate=0.25),
            ),
            blume=True,
        ),
        pre_tax_cost_of_debt=0.06,
        debt_weight=0.2,
        tax_rate=0.25,
        country_premium=0.01,
        size_premium=0.015,
        specific_premium=0.005,
    )
    inputs = firm(
        years=3,
        flows=FlowTiming.MID_YEAR,
        capital=capital,
        terminal=terminal,
        bridge=Bridge(debt=100.0, cash=30.0, leases=20.0, associates=5.0),
        opening_working_capital=90.0,
        working_capital=None,
        working_capital_days=WorkingCapitalDays(
            receivables=level(60.0),
            inventories=level(40.0),
            payables=level(30.0),
            cost_of_sales=level(0.6),
        ),
        stock_compensation=level(0.02),
        stock_compensation_treatment=StockCompensation.ADD_BACK,
        losses=LossesCarriedForward(balance=300.0, limit_share=0.8, limit_amount=150.0),
    )
    timing = dataclasses.replace(
        inputs.timing, fiscal_year_end=inputs.timing.valuation_date + timedelta(days=200)
    )
    shares = Shares(
        basic=40.0,
        restricted_stock=2.0,
        options=(OptionTranche(count=4.0, strike=10.0), OptionTranche(count=3.0, strike=1e4)),
        convertibles=(
            Convertible(face_value=60.0, conversion_price=12.0),
            Convertible(face_value=50.0, conversion_price=1e4),
        ),
    )
    failure = Failure(probability=0.1, recovery=0.4)
    return dataclasses.replace(inputs, timing=timing, shares=shares, failure=failure)


TERMINALS = [
    Gordon(growth=0.02, normalised=Normalised(depreciation=0.05, capital_expenditure=0.055)),
    HModel(initial_growth=0.07, growth=0.02, half_life=4.0),
    ValueDriver(growth=0.02, return_on_new_capital=0.15),
]


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("output", DcfOutput)
def test_every_input_that_there_is_has_its_slope(terminal: Terminal, output: DcfOutput) -> None:
    question = dcf_question(everything(terminal), output)
    table = numbers(question.inputs)
    slopes = gradient(question)
    assert list(slopes) == list(table)
    assert len(slopes) > 40
    value = float(question.worth(question.inputs))
    for path, slope in slopes.items():
        at = table[path]
        here = 0.0 if isinstance(at, Schedule) else at
        # Central differences at h and h / 2, extrapolated (Richardson): off by h^4 and rounding.
        size = max(abs(here), 1e-3) if here else 0.1
        rough = [
            (worth_at(question, path, here + h) - worth_at(question, path, here - h)) / (2.0 * h)
            for h in (1e-3 * size, 5e-4 * size)
        ]
        best = (4.0 * rough[1] - rough[0]) / 3.0
        assert slope == pytest.approx(best, rel=1e-7, abs=1e-8 * abs(value) / size), path
    if output is DcfOutput.VALUE_PER_SHARE:
        # All move it but peers beside the median, what is out of the money, and the laxer limit.
        peers = "capital.capm.comparables.peers"
        assert {path for path, slope in slopes.items() if slope == 0.0} == {
            *(f"{peers}[{k}].{name}" for k in (0, 2) for name in PEER),
            "shares.options[1].count",
            "shares.options[1].strike",
            "shares.convertibles[1].conversion_price",
            "operations.losses.limit_share",
        }


def worth_at(question: Question[DcfInputs], path: str, value: float) -> float:
    return float(question.worth(replaced(question.inputs, {path: value})))


def off_the_corner(inputs: DcfInputs) -> bool:
    """At a profit of zero the tax has a corner, and no derivative."""
    lines = value_dcf(inputs).forecast
    return all(
        abs(ebit) > 1e-6 * revenue for ebit, revenue in zip(lines.ebit, lines.revenue, strict=True)
    )


@LAW
@given(firms())
def test_the_gradient_is_the_derivative_to_nine_digits(inputs: DcfInputs) -> None:
    assume(off_the_corner(inputs))
    table = numbers(admit(inputs))
    output = DcfOutput.EQUITY_VALUE
    slopes = gradient(dcf_question(inputs, output))
    assert list(slopes) == list(table)
    gross = float(exact_dcf(inputs).gross)
    for path, slope in slopes.items():
        at = table[path]
        # What a rounding of the terms moves, where the slope is a small difference of large ones.
        size = gross / (0.01 if isinstance(at, Schedule) else max(abs(at), 0.01))
        exact = float(exact_slope(inputs, path, output))
        assert slope == pytest.approx(exact, rel=1e-9, abs=1e-15 * size), path


@LAW
@given(firms(sound=True))
def test_central_differences_come_near_the_gradient(inputs: DcfInputs) -> None:
    question = dcf_question(inputs, DcfOutput.ENTERPRISE_VALUE)
    table = numbers(question.inputs)
    gross = float(exact_dcf(inputs).gross)
    for path, slope in gradient(question).items():
        at = table[path]
        here = 0.0 if isinstance(at, Schedule) else at
        step = 1e-6 * max(abs(here), 0.01)
        up, down = (
            float(question.worth(replaced(question.inputs, {path: here + by})))
            for by in (step, -step)
        )
        rough = (up - down) / (2.0 * step)
        assert slope == pytest.approx(rough, rel=1e-3, abs=1e-5 * gross / max(abs(here), 0.01))


@LAW
@given(firms())
def test_a_schedules_slope_is_the_sum_of_its_years_slopes(inputs: DcfInputs) -> None:
    assume(off_the_corner(inputs))
    question = dcf_question(inputs, DcfOutput.ENTERPRISE_VALUE)
    path = "operations.revenue_growth"
    years = [f"{path}[{year}]" for year in range(inputs.timing.years)]
    # The whole comes first: a year that is asked for beside it takes nothing away from it.
    slopes = gradient(question, [path, *years])
    size = math.fsum(abs(slopes[year]) for year in years)
    assert slopes[path] == pytest.approx(math.fsum(slopes[y] for y in years), abs=1e-12 * size)


@LAW
@given(firms())
def test_the_value_of_equity_is_what_each_amount_of_money_brings_to_it(inputs: DcfInputs) -> None:
    # Euler: what is homogeneous of degree one is the sum of its slopes times its amounts.
    question = dcf_question(inputs, DcfOutput.EQUITY_VALUE)
    table = numbers(question.inputs)
    amounts = [
        path
        for path in table
        if path.startswith("bridge.")
        or path in ("operations.revenue", "operations.opening_working_capital")
    ]
    slopes = gradient(question, amounts)
    euler = math.fsum(slopes[path] * float(table[path]) for path in amounts)
    value = float(question.worth(question.inputs))
    assert euler == pytest.approx(value, abs=1e-12 * float(exact_dcf(inputs).gross))


def test_a_gradient_of_some_paths_is_in_their_order_and_each_once() -> None:
    slopes = gradient(asked(), [GROWTH, "bridge.cash", GROWTH])
    assert list(slopes) == [GROWTH, "bridge.cash"]
    assert slopes["bridge.cash"] == 0.0
    assert gradient(asked(), []) == {}
    equity = dcf_question(firm(), DcfOutput.EQUITY_VALUE)
    assert gradient(equity, ["bridge.cash", "bridge.debt"]) == {
        "bridge.cash": 1.0,
        "bridge.debt": -1.0,
    }


def test_a_gradient_is_refused_with_all_its_faults() -> None:
    with pytest.raises(InvalidInput) as no:
        gradient(asked(), ["capital.beta", WACC, f"{TAX}[7]"])
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("paths[0]", "UNKNOWN"),
        ("paths[2]", "UNKNOWN"),
    ]
    years = [f"{TAX}[{year}]" for year in range(100)]
    growths = [f"operations.revenue_growth[{year}]" for year in range(100)]
    long = asked(firm(years=100))
    assert len(gradient(long, years + growths)) == MAX_SWINGS
    with pytest.raises(InvalidInput) as many:
        gradient(long, [*years, *growths, WACC])
    assert [problem.code for problem in many.value.problems] == ["TOO_LARGE"]
    with pytest.raises(InvalidInput) as twice:  # the place is where it was typed
        gradient(asked(), [WACC, WACC, "nowhere"])
    assert [problem.path for problem in twice.value.problems] == ["paths[2]"]
    with pytest.raises(InvalidInput) as again:
        gradient(asked(), ["nowhere", WACC, "nowhere"])
    assert [problem.path for problem in again.value.problems] == ["paths[0]"]
    with pytest.raises(InvalidInput) as flood:
        gradient(asked(), [f"nowhere[{number}]" for number in range(20_000)])
    assert len(flood.value.problems) == 1 + MAX_SWINGS


def test_without_paths_every_number_has_its_slope_however_many_there_are() -> None:
    question = asked(in_parts())
    slopes = gradient(question)
    assert list(slopes) == list(numbers(question.inputs))
    assert len(slopes) > MAX_SWINGS
    # In whatever company: alone, a slope has the same bits.
    for path in list(slopes)[::17]:
        assert gradient(question, [path]) == {path: slopes[path]}


def test_at_a_loss_tax_has_no_slope() -> None:
    losing = asked(firm(ebit_margin=-0.1))
    assert gradient(losing, [TAX]) == {TAX: 0.0}


@pytest.mark.parametrize(
    "inputs",
    [
        firm(terminal=ValueDriver(growth=0.0, return_on_new_capital=0.001)),
        firm(wacc=0.001, terminal=Gordon(growth=-0.5)),
    ],
)
def test_slopes_are_finite_at_the_bounds_of_the_door(inputs: DcfInputs) -> None:
    assert all(math.isfinite(slope) for slope in gradient(asked(inputs)).values())
