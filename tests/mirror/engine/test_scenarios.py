"""Grids, lines and tornados: what is asked, what is refused, what is exact."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Capm,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    Gordon,
    Segment,
    dcf_question,
    value_dcf,
)
from engine.edges import edges
from engine.errors import Infeasible, InvalidInput
from engine.paths import numbers
from engine.questions import Question
from engine.scenarios import (
    MAX_CELLS,
    MAX_SWINGS,
    Axis,
    Swing,
    default_swings,
    gradient,
    one_way,
    sensitivity,
    tornado,
)
from engine.schedules import Schedule
from tests.mirror.engine.firms import LAW, any_firms, firm, fuller
from tests.mirror.engine.plots import LEAST, plot_question

WACC, GROWTH, TAX = "capital.wacc", "terminal.gordon.growth", "operations.tax_rate"


def asked(inputs: DcfInputs | None = None) -> Question[DcfInputs]:
    return dcf_question(inputs or firm(), DcfOutput.ENTERPRISE_VALUE)


def in_parts(count: int = 20) -> DcfInputs:
    """A firm in segments, each with a capital and a terminal value of its own, the later ones the
    smaller: of twenty there are 290 numbers."""
    parts = tuple(
        Segment(
            name=f"Part {number}",
            operations=firm(revenue=1_000.0 / (1.0 + number)).business,
            capital=BUILT,
            terminal=Gordon(growth=0.001 * (1.0 + number)),
        )
        for number in range(count)
    )
    whole = firm(bridge=Bridge(debt=100.0, cash=10.0))
    return dataclasses.replace(whole, operations=None, segments=parts)


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
    assert WACC not in {swing.path for swing in default_swings(built, 0.1)}


def test_a_wacc_and_one_of_its_parts_do_not_move_side_by_side() -> None:
    beta = "capital.capm.beta"
    with pytest.raises(InvalidInput) as no:
        sensitivity(asked(firm(capital=BUILT)), axis(WACC, 0.08), axis(beta, 1.0))
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("columns.path", "CONTRADICTION")
    ]


def test_a_wacc_and_its_parts_are_each_a_bar_and_a_slope_of_their_own() -> None:
    built, beta = asked(firm(capital=BUILT)), "capital.capm.beta"
    swings = [Swing(beta, 0.9, 1.5), Swing(WACC, 0.07, 0.1), Swing("bridge.cash", 0.0, 1.0)]
    together = tornado(built, swings)
    assert together[-1].swing is swings[-1]  # cash is no part of the enterprise value
    for bar in together:
        assert tornado(built, [bar.swing]) == [bar]
    slopes = gradient(built, [beta, WACC, GROWTH])
    assert list(slopes) == [beta, WACC, GROWTH]
    for path, slope in slopes.items():
        assert gradient(built, [path]) == {path: slope}
    # The chain rule: a unit of beta is the equity's share of a premium more of WACC.
    assert slopes[beta] == pytest.approx(slopes[WACC] * 0.75 * 0.05, rel=1e-12)


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
    assert (problem.path, problem.code) == ("columns.values[1]", "CONTRADICTION")
    assert problem.message.startswith(f"At {WACC} 0.08 and {GROWTH} 0.09: ")
    assert "0.09 against 0.08" in problem.message
    with pytest.raises(InvalidInput) as moved:  # in each of its years alike: said once
        one_way(asked(), axis(TAX, 0.0, 0.9))
    (same,) = moved.value.problems
    assert (same.path, same.code) == ("axis.values[1]", "OUT_OF_RANGE")
    assert same.message.startswith(f"At {TAX} moved by 0.9: ")
    with pytest.raises(InvalidInput, match=r"1\.5 is above the most"):
        sensitivity(asked(), axis(WACC, 0.25, 1.5), axis(GROWTH, 0.02))


def test_numbers_at_the_end_of_a_double_are_refused_not_warned_about() -> None:
    beta, premium = "capital.capm.beta", "capital.capm.equity_risk_premium"
    with pytest.raises(InvalidInput) as no:
        sensitivity(asked(firm(capital=BUILT)), axis(beta, 1e308), axis(premium, 1e308))
    problems = [(problem.path, problem.code) for problem in no.value.problems]
    assert sorted(problems) == [
        ("columns.values[0]", "OUT_OF_RANGE"),
        ("rows.values[0]", "OUT_OF_RANGE"),
    ]


def test_a_value_that_is_not_finite_is_infeasible() -> None:
    question = dataclasses.replace(
        asked(),
        values=lambda at: {
            "ENTERPRISE_VALUE": np.where(np.asarray(at.terminal.growth) > 0.1, math.inf, 1.0)
        },
    )
    with pytest.raises(Infeasible) as no:
        sensitivity(question, axis(WACC, 0.2), axis(GROWTH, 0.01, 0.12))
    assert no.value.message.startswith(f"At {WACC} 0.2 and {GROWTH} 0.12: ")
    assert [problem.path for problem in no.value.problems] == ["columns.values[1]"]


# One way


def test_along_one_axis_every_output_stands_beside_the_others() -> None:
    inputs = firm(bridge=Bridge(debt=100.0, cash=20.0), capital=BUILT)
    waccs = (0.07, 0.085, 0.10)
    lines = one_way(asked(inputs), axis(WACC, *waccs))
    assert list(lines) == ["VALUE_PER_SHARE", "EQUITY_VALUE", "ENTERPRISE_VALUE"]
    for at, wacc in enumerate(waccs):
        alone = value_dcf(firm(bridge=inputs.bridge, wacc=wacc)).worth
        assert lines["VALUE_PER_SHARE"][at] == alone.value_per_share
        assert lines["EQUITY_VALUE"][at] == alone.equity_value
        assert lines["ENTERPRISE_VALUE"][at] == alone.enterprise_value


def test_what_an_axis_does_not_move_stays_the_same_all_along_it() -> None:
    lines = one_way(asked(), axis("shares.diluted", 25.0, 50.0, 100.0))
    assert lines["ENTERPRISE_VALUE"].tolist() == [lines["ENTERPRISE_VALUE"][0]] * 3
    assert lines["VALUE_PER_SHARE"].tolist() == pytest.approx([25.376, 12.688, 6.344])


def test_one_axis_is_refused_with_all_its_faults_and_has_a_limit() -> None:
    for wrong, problems in (
        (axis("capital.beta"), [("axis.values", "WRONG_LENGTH"), ("axis.path", "UNKNOWN")]),
        (axis(WACC, 0.2, math.nan), [("axis.values", "NOT_FINITE")]),
        (Axis(WACC, np.full(MAX_CELLS + 1, 0.2)), [("axis.values", "TOO_LARGE")]),
        (axis(WACC, 0.2, 2.0, 3.0), [("axis.values[1]", "OUT_OF_RANGE")]),
    ):
        with pytest.raises(InvalidInput) as no:
            one_way(asked(), wrong)
        assert [(problem.path, problem.code) for problem in no.value.problems] == problems


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
    with pytest.raises(InvalidInput) as flood:
        tornado(asked(), [Swing("nowhere", 0.0, 1.0)] * 20_000)
    assert len(flood.value.problems) <= 2 * MAX_SWINGS


@pytest.mark.parametrize("low", [math.nan, -math.inf, -0.5, 0.04])
def test_an_end_past_the_door_refuses_the_tornado(low: float) -> None:
    with pytest.raises(InvalidInput) as no:
        tornado(asked(), [Swing(TAX, -0.1, 0.1), Swing(WACC, 0.3, low)])
    assert no.value.problems[0].path == "swings[1].high"


def test_a_schedule_at_its_limit_is_not_moved_by_what_its_last_bit_forgives() -> None:
    question = asked(firm(tax_rate=Schedule.explicit([0.2, 0.9])))  # 0.9 is the most
    (swing,) = (swing for swing in default_swings(question, 0.1) if swing.path == TAX)
    assert (swing.high, swing.drawn_in) == (0.0, True)


def test_every_number_but_zeros_swings_by_a_share_of_itself() -> None:
    question = asked(firm(working_capital=-0.10, tax_rate=Schedule.explicit([0.2, 0.3])))
    inputs = question.inputs
    swings = {swing.path: swing for swing in default_swings(question, 0.1)}
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
    shrinking = asked(firm(terminal=Gordon(growth=-0.02)))
    below = {swing.path: swing for swing in default_swings(shrinking, 0.5)}[GROWTH]
    assert (below.low, below.high) == pytest.approx((-0.03, -0.01))


def test_a_default_end_past_the_door_is_drawn_in_to_where_it_begins_and_says_so() -> None:
    built = dataclasses.replace(BUILT, debt_weight=0.95, tax_rate=0.85)
    multiple = firm(capital=built, terminal=ExitMultiple(ev_to_ebitda=8.0))
    swings = {swing.path: swing for swing in default_swings(asked(multiple), 0.2)}
    weight, tax = swings["capital.capm.debt_weight"], swings["capital.capm.tax_rate"]
    assert (weight.low, weight.high, weight.drawn_in) == (pytest.approx(0.76), 1.0, True)
    assert (tax.low, tax.high, tax.drawn_in) == (pytest.approx(0.68), 0.9, True)
    assert not swings["capital.capm.beta"].drawn_in
    near = {swing.path: swing for swing in default_swings(asked(firm(wacc=0.06)), 0.5)}
    assert (near[WACC].low, near[WACC].high) == pytest.approx((0.051, 0.09))
    assert (near[GROWTH].low, near[GROWTH].high) == pytest.approx((0.025, 0.059))
    bars = tornado(asked(firm(wacc=0.06)), list(near.values()))
    assert {bar.swing.path for bar in bars if bar.swing.drawn_in} == {WACC, GROWTH}


def test_of_too_many_numbers_those_swing_by_default_that_move_the_value_most() -> None:
    question = asked(in_parts())
    table = numbers(question.inputs)
    share = 0.001  # so little that the value answers in proportion
    swings = default_swings(question, share)
    assert len(swings) == MAX_SWINGS < len(table)
    order = list(table)
    assert [swing.path for swing in swings] == sorted((s.path for s in swings), key=order.index)
    bars = tornado(question, swings)
    left = []
    for path in set(table) - {swing.path for swing in swings}:
        own = table[path]
        by = own.years()[0] if isinstance(own, Schedule) else own
        centre = 0.0 if isinstance(own, Schedule) else by
        left.append(Swing(path, centre - share * abs(by), centre + share * abs(by)))
    widest_left = max(bar.width for bar in tornado(question, left))
    assert 0.0 < widest_left <= bars[-1].width * 1.01


def test_what_swings_by_default_takes_no_more_room_than_its_answer() -> None:
    # Every rate stands where its door ends, so every end is looked for, over many points at once.
    whole = firm(years=20, tax_rate=0.9, depreciation=2.0, capital_expenditure=5.0, ebit_margin=1.0)
    part = Segment(name="Part", operations=whole.business)
    parts = tuple(dataclasses.replace(part, name=f"Part {number}") for number in range(20))
    question = asked(dataclasses.replace(whole, operations=None, segments=parts))
    tracemalloc.start()
    swings = default_swings(question, 0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(swing.drawn_in for swing in swings) >= 80
    assert peak < 16e6


@LAW
@given(any_firms() | fuller(any_firms(), wide=True), st.floats(1e-6, 0.9))
def test_no_default_swing_is_ever_past_the_door(inputs: DcfInputs, share: float) -> None:
    question = asked(inputs)
    swings = default_swings(question, share)
    ends = [{swing.path: end} for swing in swings for end in (swing.low, swing.high)]
    assert not question.refused(ends).any()
    table = numbers(question.inputs)
    for swing in swings:
        own = table[swing.path]
        assert swing.low <= (0.0 if isinstance(own, Schedule) else own) <= swing.high


def test_the_edge_of_the_door_is_found_to_the_last_double() -> None:
    def narrow(points: np.ndarray) -> np.ndarray:
        return (abs(points) < LEAST) | (points > 0.7)

    inner, outer = np.array([0.6, 0.6, -3.0]), np.array([-0.3, 1e19, 0.0])
    assert edges(inner, outer, narrow).tolist() == [LEAST, 0.7, -LEAST]


# Any kind


def test_a_kind_that_nobody_has_heard_of_is_analysed_like_any_other() -> None:
    plot = plot_question("AREA", width=3.0, length=4.0)
    grid = sensitivity(plot, axis("width", 2.0, 3.0), axis("length", 4.0, 5.0))
    assert grid.tolist() == [[8.0, 10.0], [12.0, 15.0]]
    lines = one_way(plot, axis("width", 2.0))
    assert {name: line.tolist() for name, line in lines.items()} == {"AREA": [8.0], "PRICE": [4.0]}
    bars = tornado(plot, default_swings(plot, 0.5))
    assert [(bar.swing.path, bar.at_low, bar.at_high) for bar in bars] == [
        ("width", 6.0, 18.0),
        ("length", 6.0, 18.0),
    ]
    assert gradient(plot) == {"width": 4.0, "length": 3.0}
