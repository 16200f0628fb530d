"""What is asked further of a valuation: a weighed value, and slopes that a person can work out."""

from __future__ import annotations

import dataclasses
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.comparison import Case, Change, compare
from engine.dcf import DcfInputs, DcfOutput, ExitMultiple, dcf_question
from engine.scenarios import gradient
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms, numbers

REVENUE = "operations.revenue"


def told(
    inputs: DcfInputs, cases: dict[str, float], weights: list[float]
) -> tuple[list[float], float]:
    """The enterprise value of cases that change the revenue, and the one that is expected."""
    question = dcf_question(inputs, DcfOutput.ENTERPRISE_VALUE)
    given_ = [
        Case(name=name, changes=(Change(REVENUE, sales),), probability=weight)
        for (name, sales), weight in zip(cases.items(), weights, strict=True)
    ]
    found = compare(question, given_)
    assert found.expected is not None
    output = DcfOutput.ENTERPRISE_VALUE.value
    return [values[output] for values in found.cases], found.expected[output]


@LAW
@given(firms(), st.lists(numbers(0.1, 5.0), min_size=1, max_size=6), st.randoms())
def test_numpy_finds_the_same_weighed_mean(
    inputs: DcfInputs, times: list[float], chance: Random
) -> None:
    parts = [chance.random() + 0.01 for _ in times]
    weights = [part / sum(parts) for part in parts]
    sales = float(inputs.business.revenue)
    cases = {f"Case {k}": max(0.01, sales * by) for k, by in enumerate(times)}
    values, expected = told(inputs, cases, weights)
    close = 1e-12 * float(exact_dcf(inputs).gross) * 5.0
    assert expected == pytest.approx(float(np.average(values, weights=weights)), abs=close)
    # And each case is the firm itself with that revenue.
    for sold, value in zip(cases.values(), values, strict=True):
        alone = firm_with(inputs, sold)
        assert value == pytest.approx(float(exact_dcf(alone).enterprise_value), abs=close)


def firm_with(inputs: DcfInputs, revenue: float) -> DcfInputs:
    operations = dataclasses.replace(inputs.business, revenue=revenue)
    return dataclasses.replace(inputs, operations=operations)


@LAW
@given(firms(), numbers(0.0, 1.0), numbers(1.1, 5.0))
def test_a_point_of_probability_is_worth_what_lies_between_the_cases(
    inputs: DcfInputs, likely: float, times: float
) -> None:
    sales = float(inputs.business.revenue)
    cases = {"Low": sales, "High": sales * times}
    (low, high), expected = told(inputs, cases, [1.0 - likely, likely])
    close = 1e-12 * float(exact_dcf(inputs).gross) * times
    assert expected - low == pytest.approx(likely * (high - low), rel=0, abs=close)


def test_slopes_by_hand() -> None:
    # The firm of round numbers: flows of 122 and 134.20, EBIT of 220 and 242, EBITDA of 302.50,
    # factors 0.8 and 0.64, TV 134.20 x 1.05 / 0.20.
    paths = ["terminal.gordon.growth", "operations.tax_rate", "operations.tax_rate[0]"]
    slopes = gradient(dcf_question(firm(), DcfOutput.ENTERPRISE_VALUE), paths)
    assert slopes == pytest.approx(
        {
            # A point of growth adds to the flow and narrows the spread, squared.
            "terminal.gordon.growth": 134.20 * 1.25 / 0.04 * 0.64,
            # A point of tax takes 2.20 and 2.42, and 2.42 of what lasts.
            "operations.tax_rate": -(220.0 * 0.8 + 242.0 * 0.64 + 242.0 * 1.05 / 0.20 * 0.64),
            "operations.tax_rate[0]": -176.0,
        },
        rel=1e-13,
    )
    exits = firm(terminal=ExitMultiple(ev_to_ebitda=5.0))
    path = "terminal.exit_multiple.ev_to_ebitda"
    assert gradient(dcf_question(exits, DcfOutput.EQUITY_VALUE), [path]) == pytest.approx(
        {path: 302.50 * 0.64}, rel=1e-13
    )
    share = gradient(dcf_question(exits, DcfOutput.VALUE_PER_SHARE), ["bridge.debt"])
    assert share == pytest.approx({"bridge.debt": -1.0 / 50.0}, rel=1e-13)
    # A loss pays no tax, whatever the rate; and of a gain in year 2 only that year's rate counts.
    losing = firm(ebit_margin=Schedule.explicit([-0.1, 0.2]), terminal=ExitMultiple(ev_to_ebitda=5))
    taxes = ["operations.tax_rate", "operations.tax_rate[0]"]
    assert gradient(dcf_question(losing, DcfOutput.ENTERPRISE_VALUE), taxes) == pytest.approx(
        {"operations.tax_rate": -242.0 * 0.64, "operations.tax_rate[0]": 0.0}, rel=1e-13
    )
