"""What comes after the forecast: growth that fades, and a year that is normal."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.dcf import (
    DcfInputs,
    DcfOutput,
    FlowTiming,
    Gordon,
    HModel,
    Normalised,
    StockCompensation,
    TerminalDiscounting,
    WorkingCapitalDays,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit, outside
from engine.dcf.kernel import Worth
from engine.errors import InvalidInput
from engine.firm.operations import non_cash_costs
from engine.paths import numbers
from engine.scenarios import Axis, gradient, sensitivity
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf, exact_slope
from tests.mirror.engine.firms import LAW, firm, firms, fuller, level, typed
from tests.mirror.engine.firms import numbers as anywhere

SAME = 1e-12  # relative: the roundings of a few hundred operations
MID_YEAR, YEAR_END = FlowTiming.MID_YEAR, TerminalDiscounting.YEAR_END
DISCOUNTINGS = st.sampled_from(TerminalDiscounting)


def valued(inputs: DcfInputs) -> Worth:
    return value_dcf(inputs).worth


def ending(inputs: DcfInputs, terminal: Gordon | HModel) -> DcfInputs:
    return dataclasses.replace(inputs, terminal=terminal)


def refused(terminal: Gordon | HModel, wacc: float = 0.9) -> dict[str, str]:
    with pytest.raises(InvalidInput) as no:
        admit(firm(wacc=wacc, terminal=terminal))
    return {problem.path: problem.code for problem in no.value.problems}


def fading(**changes: Any) -> HModel:
    return HModel(**{"initial_growth": 0.09, "growth": 0.05, "half_life": 4.0} | changes)


def normal(growth: float = 0.05, **changes: Any) -> Gordon:
    shares = {"depreciation": 0.05, "capital_expenditure": 0.06} | changes
    return Gordon(growth=growth, normalised=Normalised(**shares))


# Laws of the H-model


@LAW
@given(firms() | fuller(firms()), typed(-0.05, 0.03), typed(-0.5, 1.0), DISCOUNTINGS)
def test_a_fade_that_takes_no_time_is_none(
    inputs: DcfInputs, growth: float, first: float, how: TerminalDiscounting
) -> None:
    at_once = HModel(initial_growth=first, growth=growth, half_life=0.0, discounting=how)
    lasting = Gordon(growth=growth, discounting=how)
    assert valued(ending(inputs, at_once)).enterprise_value == pytest.approx(
        float(valued(ending(inputs, lasting)).enterprise_value), rel=SAME
    )


@LAW
@given(firms() | fuller(firms()), typed(-0.05, 0.03), typed(0.0, 50.0), DISCOUNTINGS)
def test_growth_that_fades_to_what_it_is_never_changes(
    inputs: DcfInputs, growth: float, half: float, how: TerminalDiscounting
) -> None:
    flat = HModel(initial_growth=growth, growth=growth, half_life=half, discounting=how)
    lasting = Gordon(growth=growth, discounting=how)
    assert valued(ending(inputs, flat)).terminal_value == pytest.approx(
        float(valued(ending(inputs, lasting)).terminal_value), rel=SAME
    )


@LAW
@given(
    firms(sound=True),
    typed(0.0, 0.02),
    typed(0.0, 0.1),
    typed(0.0, 20.0),
    typed(0.1, 5.0),
)
def test_faster_growth_that_fades_more_slowly_is_worth_more_while_cash_comes_in(
    inputs: DcfInputs, growth: float, above: float, half: float, longer: float
) -> None:
    result = value_dcf(inputs)
    assume(result.forecast.free_cash_flow[-1] > 0.0)
    assume(above > 1e-3)

    def over(years: float, first: float) -> float:
        terminal = HModel(initial_growth=first, growth=growth, half_life=years)
        return float(valued(ending(inputs, terminal)).enterprise_value)

    assert over(half + longer, growth + above) > over(half, growth + above)
    assert over(half + longer, growth + above) > over(half + longer, growth + above / 2.0)


@pytest.mark.parametrize(("first", "last", "years"), [(0.10, 0.03, 8), (0.06, 0.02, 10)])
def test_the_rule_of_thumb_comes_near_a_straight_line_year_by_year(
    first: float, last: float, years: int
) -> None:
    """Growth falls by equal steps from the first rate, and reaches the last one in year 2 H + 1."""
    line = [first + (last - first) * (k + 0.5) / years for k in range(years)]
    flow, wacc = 100.0, 0.11
    flows = flow * np.cumprod(1.0 + np.array(line))
    present = sum(amount / (1.0 + wacc) ** (k + 1) for k, amount in enumerate(flows))
    by_year = present + flows[-1] * (1.0 + last) / (wacc - last) / (1.0 + wacc) ** years
    inputs = firm(
        years=1,
        wacc=wacc,
        terminal=HModel(initial_growth=first, growth=last, half_life=years / 2.0),
        revenue=1_000.0,
        revenue_growth=0.0,
        ebit_margin=0.1,
        tax_rate=0.0,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
    )
    assert valued(inputs).terminal_value == pytest.approx(by_year, rel=0.03)


# Laws of a normalised year


@LAW
@given(firms() | fuller(firms()), typed(-0.05, 0.03), DISCOUNTINGS)
def test_a_normal_year_like_the_last_one_is_gordons_where_working_capital_is_steady(
    inputs: DcfInputs, growth: float, how: TerminalDiscounting
) -> None:
    # Growth in the last year as for ever, with working capital at the same share of revenue.
    admitted = admit(inputs)
    years = admitted.timing.years
    operations = admitted.business
    before = operations.revenue_growth.years()[:-1]
    shares = typed_or_days(operations.working_capital, years)
    steady = dataclasses.replace(
        operations,
        revenue_growth=Schedule.explicit([*before, growth]),
        working_capital=shares,
        working_capital_days=None,
        opening_working_capital=None,
    )
    da, capex = (
        operations.depreciation.years()[-1],
        operations.capital_expenditure.years()[-1],
    )
    alike = Gordon(
        growth=growth,
        normalised=Normalised(depreciation=da, capital_expenditure=capex),
        discounting=how,
    )
    changed = dataclasses.replace(admitted, operations=steady)
    last = Gordon(growth=growth, discounting=how)
    size = float(exact_dcf(ending(changed, last)).gross)
    assert valued(ending(changed, alike)).value_of_terminal == pytest.approx(
        float(valued(ending(changed, last)).value_of_terminal), rel=1e-11, abs=SAME * size
    )


def typed_or_days(given_: Schedule | None, years: int) -> Schedule:
    """The last year's share in every year."""
    return Schedule.constant(0.1 if given_ is None else given_.years()[years - 1])


@LAW
@given(firms() | fuller(firms()), typed(-0.05, 0.03), typed(0.0, 0.2), typed(0.0, 0.2))
def test_a_point_more_of_normal_spending_costs_a_point_of_the_next_years_revenue_for_ever(
    inputs: DcfInputs, growth: float, spent: float, more: float
) -> None:
    def at(capex: float) -> Worth:
        return valued(ending(inputs, normal(growth, capital_expenditure=capex)))

    less, costly = at(spent), at(spent + more)
    revenue = float(value_dcf(inputs).forecast.revenue[-1]) * (1.0 + growth)
    perpetuity = more * revenue / (float(less.wacc) - growth)
    size = float(exact_dcf(ending(inputs, normal(growth, capital_expenditure=spent))).gross)
    assert less.terminal_value - costly.terminal_value == pytest.approx(
        perpetuity, rel=1e-10, abs=1e-9 * size
    )


# By hand: FCF 134.20, NOPAT 181.50, revenue 1,210 and NWC 121 in year 2, WACC 25 %


@pytest.mark.parametrize(
    ("terminal", "value"),
    [
        # 134.20 x (1 + 5 % + 4 x 4 %) / 20 % = 134.20 x 1.21 / 0.2
        (fading(), 811.91),
        # 181.50 x 1.05 + (5 % - 6 %) x 1,270.50 - 121 x 5 % = 190.575 - 12.705 - 6.05 = 171.82
        (normal(), 859.10),
        # Without growth: 181.50 - 1 % x 1,210 = 169.40, over 25 %
        (normal(0.0), 677.60),
    ],
)
def test_a_terminal_value_by_hand(terminal: Gordon | HModel, value: float) -> None:
    result = value_dcf(firm(terminal=terminal))
    assert result.worth.terminal_value == pytest.approx(value)
    assert result.worth.value_of_terminal == pytest.approx(value * 0.64)
    assert result.worth.enterprise_value == pytest.approx(183.488 + value * 0.64)


def test_a_normal_year_knows_days_and_what_is_added_back() -> None:
    # Receivables of 36.5 days of revenue are 10 % of it, as the share of working capital was; 2 %
    # of revenue paid in shares and added back are 24.20 more, growing: 25.41 over 20 %.
    days = WorkingCapitalDays(
        receivables=level(36.5), inventories=level(0.0), payables=level(0.0), cost_of_sales=level(0)
    )
    inputs = firm(terminal=normal(), working_capital=None, working_capital_days=days)
    assert valued(inputs).terminal_value == pytest.approx(859.10)
    paid = firm(
        terminal=normal(),
        stock_compensation=level(0.02),
        stock_compensation_treatment=StockCompensation.ADD_BACK,
    )
    assert non_cash_costs(admit(paid).business)[-1] == pytest.approx(0.07)
    assert valued(paid).terminal_value == pytest.approx(859.10 + 25.41 / 0.2)


@pytest.mark.parametrize("terminal", [fading(growth=0.0625), normal(0.0625)])
def test_both_are_discounted_as_perpetuities_are(terminal: Gordon | HModel) -> None:
    # At 56.25 % the factors are 0.8 and 0.512 at mid-year, and 0.4096 at the end of year 2.
    mid = firm(flows=MID_YEAR, wacc=0.5625, terminal=terminal)
    at_end = dataclasses.replace(terminal, discounting=YEAR_END)
    assert valued(mid).terminal_discount_factor == pytest.approx(0.512)
    assert valued(ending(mid, at_end)).terminal_discount_factor == pytest.approx(0.4096)


def test_the_cross_checks_of_a_fade_are_those_of_the_perpetuity_it_stands_for() -> None:
    # TV 811.91 on a flow of 134.20: (811.91 x 25 % - 134.20) / (811.91 + 134.20) = 7.27 %, between
    # 5 and 9 %. 1 - 134.20 / 181.50 of profit pays for it.
    checks = value_dcf(firm(terminal=fading())).cross_checks
    growth = (811.91 * 0.25 - 134.20) / (811.91 + 134.20)
    assert checks.implied_growth == pytest.approx(growth)
    assert 0.05 < growth < 0.09
    assert checks.implied_exit_multiple == pytest.approx(811.91 / 302.50)
    assert checks.implied_return_on_new_capital == pytest.approx(growth / (47.30 / 181.50))


def test_the_cross_checks_of_a_normal_year_speak_of_that_year() -> None:
    # 171.82 of 190.575 after tax are free: 18.755 reinvested for 5 % of growth.
    checks = value_dcf(firm(terminal=normal())).cross_checks
    assert checks.implied_growth == pytest.approx(0.05)
    assert checks.implied_exit_multiple == pytest.approx(859.10 / 302.50)
    assert checks.implied_return_on_new_capital == pytest.approx(0.05 / (18.755 / 190.575))


# Published


def test_barclays_with_its_figures_in_the_book() -> None:
    """Damodaran, Damodaran on Valuation, 2nd ed., illustration 5.3 (the H-model).

    Dividends of 0.24 pounds that grew by 8 % fade over five years to 3 %; equity costs 4.2 % +
    0.9 x 4 % = 7.8 %: 0.24 x 1.03 / 0.048 = 5.15 and 0.24 x 2.5 x 5 % / 0.048 = 0.625 on top.
    """
    barclays = firm(
        years=1,
        wacc=0.078,
        terminal=HModel(initial_growth=0.08, growth=0.03, half_life=2.5),
        revenue=0.24,
        revenue_growth=0.0,
        ebit_margin=1.0,
        tax_rate=0.0,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
    )
    assert valued(barclays).terminal_value == pytest.approx(5.775)


# The door


BOUNDS: dict[str, tuple[Any, float, float]] = {
    "terminal.h_model.initial_growth": (lambda x: fading(initial_growth=x), -0.5, 1.0),
    "terminal.h_model.growth": (lambda x: fading(growth=x), -0.5, 0.5),
    "terminal.h_model.half_life": (lambda x: fading(half_life=x), 0.0, 50.0),
    "terminal.gordon.normalised.depreciation": (lambda x: normal(depreciation=x), 0.0, 2.0),
    "terminal.gordon.normalised.capital_expenditure": (
        lambda x: normal(capital_expenditure=x),
        -1.0,
        5.0,
    ),
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_number_at_its_bound_comes_in_and_one_step_beyond_does_not(path: str) -> None:
    typed_, low, high = BOUNDS[path]
    for inside in (low, high):
        admit(firm(wacc=0.9, terminal=typed_(inside)))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(typed_(beyond)) == {path: "OUT_OF_RANGE"}
    for nothing in (math.nan, math.inf, -math.inf):
        assert refused(typed_(nothing)) == {path: "NOT_FINITE"}


def test_growth_after_the_fade_has_to_stay_below_the_wacc_and_before_it_need_not() -> None:
    assert refused(fading(growth=0.0991), wacc=0.10) == {"terminal.h_model.growth": "CONTRADICTION"}
    assert refused(normal(0.0991), wacc=0.10) == {"terminal.gordon.growth": "CONTRADICTION"}
    admit(firm(wacc=0.10, terminal=fading(initial_growth=0.5)))


def test_a_drawn_fade_is_outside_exactly_where_the_door_would_refuse_it() -> None:
    inputs = admit(firm(wacc=0.10, terminal=fading()))
    half = np.array([-0.1, 0.0, 50.0, 50.1])
    drawn = outside(ending(inputs, fading(half_life=half)), inputs)
    assert drawn is not None
    assert drawn.tolist() == [True, False, False, True]


# What the analyses ask


@pytest.mark.parametrize("terminal", [fading(), normal()])
def test_every_new_number_has_a_path(terminal: Gordon | HModel) -> None:
    paths = [path for path in numbers(admit(firm(terminal=terminal))) if "terminal" in path]
    expected = {
        "h_model": ["initial_growth", "growth", "half_life"],
        "gordon": ["growth", "normalised.depreciation", "normalised.capital_expenditure"],
    }[terminal.BRANCH]
    assert paths == [f"terminal.{terminal.BRANCH}.{name}" for name in expected]


@LAW
@given(
    firms(sound=True) | fuller(firms(sound=True)),
    typed(-0.03, 0.02),
    typed(-0.03, 0.2),
    typed(0.0, 8.0),
    st.booleans(),
)
def test_the_gradient_through_every_new_input_is_that_of_forty_digits(
    inputs: DcfInputs, growth: float, first: float, half: float, fades: bool
) -> None:
    terminal = (
        HModel(initial_growth=first, growth=growth, half_life=half) if fades else normal(growth)
    )
    inputs = admit(ending(inputs, terminal))
    question = dcf_question(inputs, DcfOutput.ENTERPRISE_VALUE)
    gross = float(exact_dcf(inputs).gross)
    paths = [path for path in numbers(inputs) if path.startswith("terminal.")]
    for path, slope in gradient(question, paths).items():
        exact = float(exact_slope(inputs, path, DcfOutput.ENTERPRISE_VALUE))
        assert slope == pytest.approx(exact, rel=1e-10, abs=1e-13 * gross), path


@pytest.mark.parametrize(
    ("terminal", "rows", "columns"),
    [
        (fading(), "terminal.h_model.half_life", "terminal.h_model.initial_growth"),
        (normal(), "terminal.gordon.normalised.depreciation", "terminal.gordon.growth"),
    ],
)
def test_a_cell_of_a_grid_is_a_valuation_to_the_last_bit(
    terminal: Gordon | HModel, rows: str, columns: str
) -> None:
    inputs = firm(terminal=terminal)
    down, across = np.array([0.0, 0.03, 0.07]), np.array([0.01, 0.05, 0.2])
    question = dcf_question(inputs, DcfOutput.VALUE_PER_SHARE)
    grid = sensitivity(question, Axis(rows, down), Axis(columns, across))
    for i, row in enumerate(down):
        for j, column in enumerate(across):
            if isinstance(terminal, HModel):
                alone = fading(half_life=float(row), initial_growth=float(column))
            else:
                alone = normal(float(column), depreciation=float(row))
            assert grid[i, j] == valued(ending(inputs, alone)).value_per_share


@LAW
@given(anywhere(0.0, 50.0), anywhere(-0.5, 1.0))
def test_a_fade_is_worth_the_same_in_a_batch(half: float, first: float) -> None:
    grid = sensitivity(
        dcf_question(firm(terminal=fading()), DcfOutput.ENTERPRISE_VALUE),
        Axis("terminal.h_model.half_life", np.array([half])),
        Axis("terminal.h_model.initial_growth", np.array([first])),
    )
    alone = valued(firm(terminal=fading(half_life=half, initial_growth=first)))
    assert grid[0, 0] == alone.enterprise_value
