"""The door of a DCF: what comes in, what is refused, and under which path."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from engine.dcf import (
    Bridge,
    Capm,
    DcfInputs,
    ExitMultiple,
    GivenWacc,
    Gordon,
    Segment,
    Shares,
    Terminal,
    ValueDriver,
    value_dcf,
)
from engine.dcf.inputs import admit, outside
from engine.errors import InvalidInput, Problem
from engine.paths import numbers, replaced
from engine.schedules import Schedule, Stage
from tests.mirror.engine.firms import BRIDGE, CAPM, LAW, SCHEDULES, any_firms, firm

CAPITAL = {
    "risk_free_rate": 0.10,
    "equity_risk_premium": 0.05,
    "beta": 1.0,
    "pre_tax_cost_of_debt": 0.05,
    "debt_weight": 0.5,
    "tax_rate": 0.2,
}


def refusals(inputs: DcfInputs) -> list[Problem]:
    with pytest.raises(InvalidInput) as no:
        value_dcf(inputs)
    assert no.value.code == "INVALID_INPUT"
    return list(no.value.problems)


def refused(inputs: DcfInputs) -> dict[str, str]:
    """Path to code; the paths of one answer are distinct here."""
    problems = refusals(inputs)
    assert len({problem.path for problem in problems}) == len(problems)
    return {problem.path: problem.code for problem in problems}


def with_bridge(**changes: float) -> DcfInputs:
    return firm(bridge=Bridge(**({"debt": 0.0, "cash": 0.0} | changes)))


def with_capm(**changes: float) -> DcfInputs:
    return firm(capital=Capm(**(CAPITAL | changes)), terminal=Gordon(growth=-0.4))


def with_driver(**changes: float) -> DcfInputs:
    plain = {"growth": -0.4, "return_on_new_capital": 0.2}
    return firm(wacc=0.9, terminal=ValueDriver(**(plain | changes)))


# Each bound: its path, how to type a number there, and the two ends.
BOUNDS: dict[str, tuple[Any, float, float]] = {
    "operations.revenue": (lambda x: firm(revenue=x), 0.01, 1e18),
    "operations.opening_working_capital": (
        lambda x: firm(opening_working_capital=x),
        -1e18,
        1e18,
    ),
    "capital.wacc": (lambda x: firm(wacc=x, terminal=Gordon(growth=-0.4)), 0.001 - 1e-12, 1.0),
    "terminal.gordon.growth": (lambda x: firm(wacc=0.9, terminal=Gordon(growth=x)), -0.5, 0.5),
    "terminal.exit_multiple.ev_to_ebitda": (
        lambda x: firm(terminal=ExitMultiple(ev_to_ebitda=x)),
        0.0,
        1_000.0,
    ),
    "terminal.value_driver.growth": (
        lambda x: with_driver(growth=x, return_on_new_capital=5.0),
        -0.5,
        0.5,
    ),
    "terminal.value_driver.return_on_new_capital": (
        lambda x: with_driver(return_on_new_capital=x),
        0.001,
        10.0,
    ),
    "shares.diluted": (lambda x: firm(shares=x), 1.0, 1e15),
    "market_price": (lambda x: firm(market_price=x), 1e-9, 1e12),
}
BOUNDS |= {
    f"bridge.{name}": (lambda x, name=name: with_bridge(**{name: x}), 0.0, 1e18) for name in BRIDGE
}
BOUNDS |= {
    f"operations.{name}.level": (lambda x, name=name: firm(**{name: x}), *bounds)
    for name, bounds in SCHEDULES.items()
}
BOUNDS |= {
    f"operations.{name}[1]": (
        lambda x, name=name: firm(years=3, **{name: Schedule.explicit([0.1, x, 0.1])}),
        *bounds,
    )
    for name, bounds in SCHEDULES.items()
}
BOUNDS |= {
    f"operations.{name}.stages[1].value": (
        lambda x, name=name: firm(
            years=3,
            **{
                name: Schedule.staged(Stage(years=1, value=0.1), Stage(years=2, value=x, ramp=True))
            },
        ),
        *bounds,
    )
    for name, bounds in SCHEDULES.items()
}
BOUNDS |= {
    f"capital.capm.{name}": (lambda x, name=name: with_capm(**{name: x}), *bounds)
    for name, bounds in CAPM.items()
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_number_at_its_bound_comes_in_and_one_step_beyond_does_not(path: str) -> None:
    typed, low, high = BOUNDS[path]
    for inside in (low, high):
        value_dcf(typed(inside))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(typed(beyond)) == {path: "OUT_OF_RANGE"}


@pytest.mark.parametrize("path", BOUNDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_refused_under_its_own_name(path: str, value: float) -> None:
    typed, _, _ = BOUNDS[path]
    first = refusals(typed(value))[0]
    assert (first.path, first.code) == (path, "NOT_FINITE")


@pytest.mark.parametrize("path", BOUNDS)
def test_what_is_huge_is_refused_in_few_words(path: str) -> None:
    typed, _, _ = BOUNDS[path]
    for huge in (1.7e308, -1.7e308):
        first = refusals(typed(huge))[0]
        assert first.path == path
        assert first.code == "OUT_OF_RANGE"
        assert len(first.message) < 120


@LAW
@given(any_firms())
def test_every_firm_inside_the_bounds_comes_in_and_its_schedules_come_out_year_by_year(
    inputs: DcfInputs,
) -> None:
    operations = admit(inputs).operations
    for name in SCHEDULES:
        schedule = getattr(operations, name)
        if schedule is not None:
            assert len(schedule.years()) == inputs.timing.years


def test_all_problems_are_told_at_once_and_in_order() -> None:
    inputs = DcfInputs(
        timing=firm(years=3).timing,
        operations=dataclasses.replace(
            firm().operations,
            revenue=-5.0,
            revenue_growth=Schedule.explicit([0.1, 0.1]),
            tax_rate=Schedule.constant(21.0),
            ebitda_margin=Schedule.constant(0.3),
            working_capital=Schedule.explicit([0.1, math.nan, 9.0]),
        ),
        capital=GivenWacc(wacc=8.5),
        terminal=ExitMultiple(ev_to_ebitda=-1.0),
        bridge=Bridge(debt=-1.0, cash=math.inf),
        shares=Shares(diluted=0.0),
        currency="dollars",
        market_price=-2.0,
    )
    assert list(refused(inputs).items()) == [
        ("operations.revenue", "OUT_OF_RANGE"),
        ("operations.ebit_margin", "CONTRADICTION"),
        ("operations.revenue_growth", "WRONG_LENGTH"),
        ("operations.tax_rate.level", "OUT_OF_RANGE"),
        ("operations.working_capital[1]", "NOT_FINITE"),
        ("operations.working_capital[2]", "OUT_OF_RANGE"),
        ("capital.wacc", "OUT_OF_RANGE"),
        ("terminal.exit_multiple.ev_to_ebitda", "OUT_OF_RANGE"),
        ("bridge.debt", "OUT_OF_RANGE"),
        ("bridge.cash", "NOT_FINITE"),
        ("shares.diluted", "OUT_OF_RANGE"),
        ("currency", "UNKNOWN"),
        ("market_price", "OUT_OF_RANGE"),
    ]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        (firm(tax_rate=21.0), "operations.tax_rate.level"),
        (firm(wacc=8.5), "capital.wacc"),
        (firm(wacc=0.9, terminal=Gordon(growth=2.5)), "terminal.gordon.growth"),
        (with_capm(risk_free_rate=4.2), "capital.capm.risk_free_rate"),
        (with_capm(debt_weight=25.0), "capital.capm.debt_weight"),
        (firm(ebit_margin=31.5), "operations.ebit_margin.level"),
    ],
)
def test_a_rate_typed_in_percent_is_recognised(inputs: DcfInputs, path: str) -> None:
    first = refusals(inputs)[0]
    assert first.path == path
    assert "rates are fractions" in first.suggestion


def test_the_hint_shows_the_fraction_that_was_meant() -> None:
    (problem,) = refusals(firm(tax_rate=21.0))
    assert problem.message == "21 is above the most that is allowed here, 0.9."
    assert problem.suggestion == (
        "Give a number from 0 to 0.9; rates are fractions, so 21 % is 0.21."
    )


@pytest.mark.parametrize("inputs", [firm(shares=1e16), firm(revenue=1e19), firm(tax_rate=-0.2)])
def test_no_hint_is_given_where_percent_was_not_the_slip(inputs: DcfInputs) -> None:
    (problem,) = refusals(inputs)
    assert "fractions" not in problem.suggestion


@pytest.mark.parametrize("years", [0, -1, 101, 10**9])
def test_a_forecast_has_from_one_to_a_hundred_years(years: int) -> None:
    assert refused(firm(years=years)) == {"timing.years": "OUT_OF_RANGE"}


def test_a_forecast_that_nobody_can_count_hides_no_other_problem() -> None:
    sound = firm(years=3)
    inputs = DcfInputs(
        timing=firm(years=0).timing,
        operations=dataclasses.replace(
            sound.operations,
            revenue=-5.0,
            revenue_growth=Schedule.explicit([0.1, 99.0]),  # how many it should have is not known
            tax_rate=Schedule.staged(
                Stage(years=2, value=21.0), Stage(years=1, value=0.3, ramp=True)
            ),
            depreciation=Schedule.staged(Stage(years=101, value=0.1)),
            ebit_margin=Schedule.constant(7.0),
        ),
        capital=GivenWacc(wacc=8.5),
        terminal=ExitMultiple(ev_to_ebitda=-1.0),
        bridge=Bridge(debt=-1.0, cash=0.0),
        shares=Shares(diluted=0.0),
        currency="dollars",
    )
    assert refused(inputs) == {
        "timing.years": "OUT_OF_RANGE",
        "operations.revenue": "OUT_OF_RANGE",
        "operations.revenue_growth[1]": "OUT_OF_RANGE",
        "operations.tax_rate.stages[0].value": "OUT_OF_RANGE",
        "operations.depreciation.stages[0].years": "OUT_OF_RANGE",
        "operations.ebit_margin.level": "OUT_OF_RANGE",
        "capital.wacc": "OUT_OF_RANGE",
        "terminal.exit_multiple.ev_to_ebitda": "OUT_OF_RANGE",
        "bridge.debt": "OUT_OF_RANGE",
        "shares.diluted": "OUT_OF_RANGE",
        "currency": "UNKNOWN",
    }


def test_nothing_is_said_of_schedules_that_only_the_years_make_wrong() -> None:
    staged = Schedule.staged(Stage(years=4, value=0.1), Stage(years=2, value=0.3, ramp=True))
    uncounted = firm(years=101, tax_rate=staged, revenue_growth=Schedule.explicit([0.1] * 7))
    assert refused(uncounted) == {"timing.years": "OUT_OF_RANGE"}
    operations = uncounted.operations
    assert operations is not None
    parts = dataclasses.replace(
        uncounted, operations=None, segments=(Segment(name="One", operations=operations),)
    )
    assert refused(parts) == {"timing.years": "OUT_OF_RANGE"}


HUGE = 10**400  # an integer that no double can hold, as a program may well hand over


@pytest.mark.parametrize("path", BOUNDS)
def test_an_integer_that_no_double_can_hold_is_refused_as_not_finite(path: str) -> None:
    typed, _, _ = BOUNDS[path]
    for huge in (HUGE, -HUGE):
        assert refused(typed(huge))[path] == "NOT_FINITE"


def test_the_advice_on_a_segment_names_the_segments_own_input() -> None:
    both = dataclasses.replace(firm().operations, ebitda_margin=Schedule.constant(0.3))
    beta = Capm(**{name: value for name, value in CAPITAL.items() if name != "beta"})
    segments = (
        Segment(name="One", operations=firm().operations),
        Segment(name="Two", operations=both, capital=beta),
    )
    problems = refusals(dataclasses.replace(firm(), operations=None, segments=segments))
    assert {problem.path: problem.suggestion for problem in problems} == {
        "segments[1].operations.ebit_margin": (
            "Give segments[1].operations.ebit_margin, or segments[1].operations.ebitda_margin."
        ),
        "segments[1].capital.capm.beta": (
            "Give segments[1].capital.capm.beta, or segments[1].capital.capm.comparables."
        ),
    }


@pytest.mark.parametrize("years", [1, 100])
def test_the_shortest_and_the_longest_forecast_are_valued(years: int) -> None:
    assert len(value_dcf(firm(years=years)).forecast.revenue) == years


@pytest.mark.parametrize("margin", [None, Schedule.constant(0.2)])
def test_exactly_one_margin_is_given(margin: Schedule | None) -> None:
    operations = dataclasses.replace(firm().operations, ebit_margin=margin, ebitda_margin=margin)
    inputs = dataclasses.replace(firm(), operations=operations)
    code = "MISSING" if margin is None else "CONTRADICTION"
    assert refused(inputs) == {"operations.ebit_margin": code}


@pytest.mark.parametrize("currency", ["", "usd", "US", "USDX", "U$D", "USD\n", "ÄÖÜ"])
def test_a_currency_has_three_capital_letters(currency: str) -> None:
    assert refused(dataclasses.replace(firm(), currency=currency)) == {"currency": "UNKNOWN"}


def growing(growth: float, driver: bool) -> Terminal:
    if driver:
        return ValueDriver(growth=growth, return_on_new_capital=0.6)
    return Gordon(growth=growth)


@pytest.mark.parametrize("driver", [False, True])
def test_a_perpetuity_has_to_grow_more_slowly_than_capital_costs(driver: bool) -> None:
    for growth in (0.08, 0.0791, 0.3):
        inputs = firm(wacc=0.08, terminal=growing(growth, driver))
        branch = "value_driver" if driver else "gordon"
        assert refused(inputs) == {f"terminal.{branch}.growth": "CONTRADICTION"}
    value_dcf(firm(wacc=0.08, terminal=growing(0.079, driver)))


def test_ten_basis_points_are_enough_even_where_doubles_make_them_a_hair_less() -> None:
    assert 0.026 - 0.025 < 0.001
    value_dcf(firm(wacc=0.026, terminal=Gordon(growth=0.025)))


def test_the_refusal_shows_both_rates_also_where_the_wacc_was_built() -> None:
    # 0.5 x (10 % + 5 %) + 0.5 x 5 % x 0.8 = 9.5 %
    inputs = firm(capital=Capm(**CAPITAL), terminal=Gordon(growth=0.10))
    (problem,) = refusals(inputs)
    assert problem.path == "terminal.gordon.growth"
    assert problem.code == "CONTRADICTION"
    assert "0.1 against 0.095" in problem.message
    assert "0.001" in problem.suggestion


def test_a_wacc_that_is_out_of_range_through_its_parts_is_refused_as_a_whole() -> None:
    # Equity 0.5 % - 1 x 5 %: below zero.
    inputs = with_capm(risk_free_rate=0.005, beta=-1.0, debt_weight=0.0)
    assert refused(inputs)["capital.capm"] == "OUT_OF_RANGE"
    # Equity 100 % + 5 x 50 %
    dear = with_capm(risk_free_rate=1.0, beta=5.0, equity_risk_premium=0.5, debt_weight=0.0)
    assert refused(dear) == {"capital.capm": "OUT_OF_RANGE"}


def test_growth_cannot_need_more_than_all_of_the_profit() -> None:
    assert refused(with_driver(growth=0.2, return_on_new_capital=0.19)) == {
        "terminal.value_driver.return_on_new_capital": "CONTRADICTION"
    }
    value_dcf(with_driver(growth=0.2, return_on_new_capital=0.2))


def test_what_passed_the_door_is_not_looked_at_again_and_what_changed_is() -> None:
    admitted = admit(firm(years=3, capital=Capm(**CAPITAL), opening_working_capital=5.0))
    assert admit(admitted, admitted) is admitted
    for path in numbers(admitted):
        spoiled = replaced(admitted, {path: math.nan})
        with pytest.raises(InvalidInput) as no:
            admit(spoiled, admitted)
        assert no.value.problems[0].path.startswith(path)
    longer = dataclasses.replace(admitted, timing=firm(years=4).timing)
    with pytest.raises(InvalidInput) as no:
        admit(longer, admitted)
    assert {problem.code for problem in no.value.problems} == {"WRONG_LENGTH"}


def test_a_scenario_is_outside_exactly_where_the_door_would_refuse_its_discounting() -> None:
    wacc = np.array([0.0005, 0.001, 0.04, 0.0509, 0.0511, 0.2])
    inputs = admit(firm(wacc=0.08, terminal=Gordon(growth=0.05)))
    drawn = dataclasses.replace(inputs, capital=GivenWacc(wacc=wacc))
    assert outside(drawn, inputs).tolist() == [True, True, True, True, False, False]
    exits = dataclasses.replace(drawn, terminal=ExitMultiple(ev_to_ebitda=9.0))
    assert outside(exits, inputs).tolist() == [True, False, False, False, False, False]
    fewer = dataclasses.replace(inputs, shares=Shares(diluted=np.array([0.5, 1.0, -3.0])))
    assert outside(fewer, inputs).tolist() == [True, False, True]
    returns = np.array([0.04, 0.05, 0.06])
    driver = ValueDriver(growth=0.05, return_on_new_capital=returns)
    sorted_out = outside(dataclasses.replace(inputs, terminal=driver), inputs)
    assert sorted_out.tolist() == [True, False, False]
    assert outside(inputs, inputs) is None
