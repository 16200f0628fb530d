"""Grids, tornados and gradients: what is asked, what is refused, what is exact."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given

from engine.dcf import Capm, DcfInputs, DcfOutput, Gordon, ValueDriver, dcf_question, value_dcf
from engine.dcf.inputs import admit
from engine.errors import Infeasible, InvalidInput
from engine.paths import numbers, replaced
from engine.scenarios import (
    MAX_CELLS,
    MAX_SWINGS,
    Axis,
    Question,
    Swing,
    default_swings,
    gradient,
    sensitivity,
    tornado,
)
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf, exact_slope
from tests.mirror.engine.firms import LAW, firm, firms

WACC, GROWTH, TAX = "capital.wacc", "terminal.gordon.growth", "operations.tax_rate"


def asked(inputs: DcfInputs | None = None) -> Question[DcfInputs]:
    return dcf_question(inputs or firm(), DcfOutput.ENTERPRISE_VALUE)


def axis(path: str, *values: float) -> Axis:
    return Axis(path, np.array(values, dtype=float))


def refused(rows: Axis, columns: Axis) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as no:
        sensitivity(asked(), rows, columns)
    return [(problem.path, problem.code) for problem in no.value.problems]


# Grid


def test_a_grid_has_its_rows_and_columns_where_they_were_asked() -> None:
    # Two flows of 122 and 134.20 and a perpetuity of the second: 122 a + 134.20 a^2 (1 + q).
    grid = sensitivity(asked(), axis(WACC, 0.25, 0.60), axis(GROWTH, 0.0, 0.05, 0.10))
    assert grid.shape == (2, 3)
    for row, wacc in enumerate((0.25, 0.60)):
        for column, growth in enumerate((0.0, 0.05, 0.10)):
            a, q = 1.0 / (1.0 + wacc), (1.0 + growth) / (wacc - growth)
            assert grid[row, column] == pytest.approx(122.0 * a + 134.20 * a * a * (1.0 + q))


def test_an_axis_that_moves_nothing_still_has_its_place() -> None:
    grid = sensitivity(asked(), axis("bridge.cash", 1.0, 2.0), axis("shares.diluted", 1.0, 2.0))
    assert grid.tolist() == [[grid[0, 0]] * 2] * 2
    assert grid[0, 0] == pytest.approx(634.40)


def test_a_whole_schedule_is_moved_by_its_axis() -> None:
    grid = sensitivity(asked(), axis(TAX, -0.05, 0.0), axis(f"{TAX}[0]", 0.25, 0.5))
    flat = asked(firm(tax_rate=0.20)).inputs
    assert grid[0, 0] == asked(flat).worth(flat)
    assert grid[1, 0] == pytest.approx(634.40)
    # 25 points more tax on an EBIT of 220 in year 1, discounted by 0.8
    assert grid[1, 1] == pytest.approx(634.40 - 0.25 * 220.0 * 0.8)


def test_in_a_batch_with_losses_only_the_profits_are_taxed() -> None:
    # Revenue 1,100, D&A 55, capex 88, 10 more of NWC: the flow is EBIT after tax less 43. At a WACC
    # of 100 % the year is worth half of it, and the perpetuity after it the other half.
    question = asked(firm(years=1, wacc=1.0, terminal=Gordon(growth=0.0)))
    margins = "operations.ebit_margin[0]"
    grid = sensitivity(question, axis(margins, -0.1, 0.0, 0.2), axis(TAX, 0.0, 0.25))
    assert grid == pytest.approx(
        np.array(
            [
                [-110.0 - 43.0, -110.0 - 43.0],
                [-43.0, -43.0],
                [220.0 * 0.75 - 43.0, 220.0 * 0.50 - 43.0],
            ]
        )
    )


BUILT = Capm(
    risk_free_rate=0.04,
    equity_risk_premium=0.05,
    beta=1.2,
    pre_tax_cost_of_debt=0.05,
    debt_weight=0.25,
    tax_rate=0.2,
)  # 8.5 %


def test_a_wacc_that_was_built_moves_as_a_whole_like_one_that_was_given() -> None:
    built, given_ = asked(firm(capital=BUILT)), asked(firm(wacc=float(BUILT.wacc)))
    rows, columns = axis(WACC, 0.07, 0.085, 0.10), axis(GROWTH, 0.01, 0.02)
    grids = [sensitivity(question, rows, columns).tolist() for question in (built, given_)]
    assert grids[0] == grids[1]
    assert gradient(built, [WACC]) == gradient(given_, [WACC])
    assert WACC not in gradient(built)
    assert WACC not in {swing.path for swing in default_swings(built.inputs, 0.1)}


def test_a_wacc_and_one_of_its_parts_do_not_move_side_by_side() -> None:
    beta = "capital.capm.beta"
    with pytest.raises(InvalidInput) as no:
        sensitivity(asked(firm(capital=BUILT)), axis(WACC, 0.08), axis(beta, 1.0))
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("columns.path", "CONTRADICTION")
    ]
    for where, ask in (
        ("swings", lambda built: tornado(built, [Swing(WACC, 0.1, 0.2), Swing(beta, 0.9, 1.1)])),
        ("paths", lambda built: gradient(built, [WACC, beta])),
    ):
        with pytest.raises(InvalidInput) as no:
            ask(asked(firm(capital=BUILT)))
        assert [(problem.path, problem.code) for problem in no.value.problems] == [
            (where, "CONTRADICTION")
        ]


def test_an_axis_is_refused_with_all_its_faults() -> None:
    assert refused(axis("capital.beta"), axis(GROWTH, math.nan)) == [
        ("rows.values", "WRONG_LENGTH"),
        ("rows.path", "UNKNOWN"),
        ("columns.values", "NOT_FINITE"),
    ]
    assert refused(axis(WACC, 0.2), axis(WACC, 0.3)) == [("columns.path", "CONTRADICTION")]
    square = Axis(WACC, np.array([[0.1]]))
    assert refused(square, axis(GROWTH, math.inf)) == [
        ("rows.values", "WRONG_LENGTH"),
        ("columns.values", "NOT_FINITE"),
    ]


def test_a_grid_has_a_limit_and_reaches_it() -> None:
    rows = Axis(WACC, np.linspace(0.2, 0.3, MAX_CELLS // 250))
    columns = Axis(GROWTH, np.linspace(0.0, 0.05, 251))
    assert refused(rows, columns) == [("rows.values", "TOO_LARGE")]
    fits = sensitivity(asked(), rows, Axis(GROWTH, columns.values[:250]))
    assert fits.size == MAX_CELLS


def test_a_cell_past_the_door_refuses_the_grid_and_names_its_numbers() -> None:
    with pytest.raises(InvalidInput) as no:
        sensitivity(asked(), axis(WACC, 0.25, 0.08), axis(GROWTH, 0.02, 0.09))
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == (GROWTH, "CONTRADICTION")
    assert "0.09 against 0.08" in problem.message
    with pytest.raises(InvalidInput, match=r"1\.5 is above the most"):
        sensitivity(asked(), axis(WACC, 0.25, 1.5), axis(GROWTH, 0.02))


def test_numbers_at_the_end_of_a_double_are_refused_not_warned_about() -> None:
    beta, premium = "capital.capm.beta", "capital.capm.equity_risk_premium"
    with pytest.raises(InvalidInput) as no:
        sensitivity(asked(firm(capital=BUILT)), axis(beta, 1e308), axis(premium, 1e308))
    assert {problem.path for problem in no.value.problems} == {beta, premium}


def test_a_value_that_is_not_finite_is_infeasible() -> None:
    question = dataclasses.replace(asked(), worth=lambda _: np.array([[1.0, math.inf]]))
    with pytest.raises(Infeasible):
        sensitivity(question, axis(WACC, 0.2), axis(GROWTH, 0.01, 0.02))


# Tornado


def test_a_tornado_has_its_widest_bar_first() -> None:
    swings = [
        Swing("bridge.cash", 0.0, 50.0),  # no part of the enterprise value
        Swing(WACC, 0.20, 0.30),
        Swing(TAX, -0.01, 0.01),
    ]
    bars = tornado(asked(), swings)
    assert [bar.swing for bar in bars] == [swings[1], swings[2], swings[0]]
    widest = bars[0]
    assert widest.at_low > widest.at_high
    assert widest.width == widest.at_low - widest.at_high
    at_20 = asked(firm(wacc=0.20))
    assert widest.at_low == at_20.worth(at_20.inputs)
    assert bars[2].width == 0.0
    assert bars[2].at_low == pytest.approx(634.40)


def test_a_tornado_is_refused_with_all_its_faults() -> None:
    with pytest.raises(InvalidInput) as no:
        tornado(asked(), [Swing(WACC, 0.2, 0.3), Swing("nowhere", 0, 1), Swing(WACC, 0.1, 0.3)])
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("swings[1].path", "UNKNOWN"),
        ("swings[2].path", "CONTRADICTION"),
    ]
    for swings in ([], [Swing(WACC, 0.2, 0.3)] * (MAX_SWINGS + 1)):
        with pytest.raises(InvalidInput) as many:
            tornado(asked(), swings)
        assert many.value.problems[0].code == "WRONG_LENGTH"


@pytest.mark.parametrize("low", [math.nan, -math.inf, -0.5, 0.04])
def test_an_end_past_the_door_refuses_the_tornado(low: float) -> None:
    with pytest.raises(InvalidInput):
        tornado(asked(), [Swing(WACC, low, 0.3)])


def test_every_number_but_zeros_swings_by_a_share_of_itself() -> None:
    inputs = admit(firm(working_capital=-0.10, tax_rate=Schedule.explicit([0.2, 0.3])))
    swings = {swing.path: swing for swing in default_swings(inputs, 0.1)}
    assert set(swings) == set(numbers(inputs)) - {
        "bridge.debt",
        "bridge.cash",
        "bridge.leases",
        "bridge.preferred_stock",
        "bridge.minority_interests",
        "bridge.pensions_after_tax",
        "bridge.associates",
    }
    assert (swings[WACC].low, swings[WACC].high) == pytest.approx((0.225, 0.275))
    assert (swings[TAX].low, swings[TAX].high) == pytest.approx((-0.025, 0.025))
    working_capital = swings["operations.working_capital"]
    assert (working_capital.low, working_capital.high) == pytest.approx((-0.01, 0.01))
    shrinking = admit(firm(terminal=Gordon(growth=-0.02)))
    below = {swing.path: swing for swing in default_swings(shrinking, 0.5)}[GROWTH]
    assert (below.low, below.high) == pytest.approx((-0.03, -0.01))


# Gradient


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
