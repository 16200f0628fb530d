"""Every analysis of the engine, asked about a merger: the same kernel, no formula of its own."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.attribution import attribution
from engine.comparison import Case, Change, compare
from engine.errors import Infeasible, InvalidInput, Refused
from engine.merger import (
    Allocation,
    EarnOut,
    Financing,
    MergerInputs,
    MergerOutput,
    MergerTiming,
    NewDebt,
    Offer,
    WrittenUp,
    merger_question,
    value_merger,
)
from engine.paths import Names, numbers, replaced, value_at
from engine.questions import Question
from engine.scenarios import Axis, Swing, default_swings, gradient, one_way, sensitivity, tornado
from engine.schedules import Schedule
from engine.simulation import Normal, Shock, SimulationSpec, draw_values, simulate
from engine.solving import reverse
from tests.mirror.engine.merger.deals import CLOSING, LAW, bought, deal, deals, level, whole

PREMIUM, MIX = "offer.premium", "financing.stock_share"
OUTPUTS = st.sampled_from(MergerOutput)
ANY = st.floats() | st.sampled_from(
    [math.nan, math.inf, -math.inf, 5e-324, -0.0, 1e308, -1e308, 1e-308, 1e18, 0.001, 1.0]
)


def asked(
    inputs: MergerInputs | None = None, output: MergerOutput = MergerOutput.ACCRETION
) -> Question[MergerInputs]:
    return merger_question(inputs or whole(), output)


def alone(inputs: MergerInputs, output: MergerOutput) -> float | None:
    """The number through the public verb; None where the deal is refused."""
    try:
        return float(getattr(value_merger(inputs), output.value.lower()))
    except Refused:
        return None


@st.composite
def axes(draw: st.DrawFn, inputs: MergerInputs) -> Axis:
    """Some path, one year of a schedule among them, and values around the one that it has."""
    table = Names(inputs)
    path = draw(st.sampled_from(list(table)))
    is_schedule = isinstance(table[path], Schedule)
    if is_schedule and draw(st.booleans()):
        path = f"{path}[{draw(st.integers(0, inputs.timing.years - 1))}]"
        is_schedule = False
    at = value_at(table, path)
    moves = draw(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=3))
    return Axis(path, np.array([0.1 * by if is_schedule else at + at * by for by in moves]))


@LAW
@given(st.data(), deals() | st.just(whole()), OUTPUTS)
def test_a_cell_of_a_grid_is_a_merger_to_the_last_bit(
    data: st.DataObject, inputs: MergerInputs, output: MergerOutput
) -> None:
    assume(alone(inputs, output) is not None)
    question = asked(inputs, output)
    rows, columns = data.draw(axes(question.inputs)), data.draw(axes(question.inputs))
    assume(rows.path != columns.path)
    cells = [
        [
            alone(
                replaced(question.inputs, {rows.path: float(row), columns.path: float(column)}),
                output,
            )
            for column in columns.values
        ]
        for row in rows.values
    ]
    if any(cell is None for line in cells for cell in line):
        with pytest.raises((InvalidInput, Infeasible)):
            sensitivity(question, rows, columns)
    else:
        assert sensitivity(question, rows, columns).tolist() == cells


def test_the_grid_of_premium_and_mix_has_the_corners_that_were_worked_out() -> None:
    inputs = deal(
        financing=Financing(stock_share=1.0, refinanced=0.0, new_debt=NewDebt(rate=0.08, tenor=5.0))
    )
    rows, columns = Axis(PREMIUM, np.linspace(0.0, 0.8, 50)), Axis(MIX, np.linspace(0.0, 1.0, 50))
    grid = sensitivity(asked(inputs), rows, columns)
    assert grid.shape == (50, 50)
    # All debt at 6 % after tax for 400 and 720; all stock for 400, and for 720 at 20 times.
    assert grid[0, 0] == pytest.approx((126.0 - 24.0) / 90.0 - 1.0)
    assert grid[-1, 0] == pytest.approx((126.0 - 43.2) / 90.0 - 1.0)
    assert grid[0, -1] == pytest.approx(126.0 / (100.0 + 400.0 / 18.0) / 0.9 - 1.0)
    assert grid[-1, -1] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(grid, axis=0) < 0.0).all()  # a higher premium earns less in every mix


def test_one_way_gives_every_output_along_an_axis() -> None:
    columns = one_way(asked(), Axis(PREMIUM, np.array([0.2, 0.3])))
    assert set(columns) == {output.value for output in MergerOutput}
    for row, premium in enumerate((0.2, 0.3)):
        result = value_merger(dataclasses.replace(whole(), offer=Offer(premium=premium)))
        for name, values in columns.items():
            assert values[row] == getattr(result, name.lower())


@pytest.mark.parametrize("output", MergerOutput)
def test_the_gradient_is_the_derivative_by_every_number(output: MergerOutput) -> None:
    question = asked(output=output)
    slopes = gradient(question)
    assert set(slopes) == set(numbers(question.inputs))
    base = float(question.worth(question.inputs))

    def at(path: str, value: float) -> float:
        return float(question.worth(replaced(question.inputs, {path: value})))

    for path, slope in slopes.items():
        own = value_at(Names(question.inputs), path)
        step = 1e-4 * max(abs(own), 1e-2)

        def central(by: float, path: str = path, own: float = own) -> float:
            return (at(path, own + by) - at(path, own - by)) / (2.0 * by)

        # Richardson: the error of two central differences, taken off.
        differenced = (4.0 * central(step / 2.0) - central(step)) / 3.0
        rounding = 1e-10 * abs(base) / step
        assert slope == pytest.approx(differenced, rel=1e-6, abs=rounding), path


def test_the_gradient_goes_through_a_collar_and_an_offer_in_money() -> None:
    for offer, slope in (
        (Offer(price=10.0), {"offer.price": 50.0, "target.share_price": 0.0}),
        (Offer(premium=0.25), {"offer.premium": 400.0, "target.share_price": 62.5}),
    ):
        question = asked(deal(offer=offer), MergerOutput.ENTERPRISE_VALUE)
        assert gradient(question, list(slope)) == pytest.approx(slope)


def test_the_premium_that_dilutes_nobody_is_found_backwards_too() -> None:
    result = value_merger(whole())
    most = result.per_share.maximum_premium[0]
    assert most is not None
    found = reverse(asked(), PREMIUM, 0.0, low=-0.5, high=3.0)
    assert any(root.input == pytest.approx(most, rel=1e-9) for root in found.roots)


@LAW
@given(st.floats(0.05, 0.95))
def test_solving_back_returns_the_mix_that_was_hidden(mix: float) -> None:
    hidden = dataclasses.replace(
        whole(), financing=dataclasses.replace(whole().financing, stock_share=mix)
    )
    accretion = value_merger(hidden).accretion
    found = reverse(asked(), MIX, accretion, low=0.0, high=1.0)
    assert any(root.input == pytest.approx(mix, rel=1e-8) for root in found.roots)


def test_a_tornado_has_the_ends_of_single_mergers_and_stays_inside_the_door() -> None:
    question = asked()
    swings = default_swings(question, 0.1)
    assert PREMIUM in {swing.path for swing in swings}
    bars = tornado(question, swings)
    widths = [bar.width for bar in bars]
    assert widths == sorted(widths, reverse=True)
    for bar in bars[:5]:
        low = replaced(question.inputs, {bar.swing.path: bar.swing.low})
        assert bar.at_low == alone(low, MergerOutput.ACCRETION)


def test_a_swing_ends_where_a_deal_could_not_be_closed() -> None:
    # Of goodwill of 340 the write-up takes 225 after tax: half as much again is too much.
    inputs = deal(allocation=Allocation(intangibles=(WrittenUp(amount=400.0, life=10.0),)))
    question = asked(inputs, MergerOutput.GOODWILL)
    path = "allocation.intangibles[0].amount"
    swing = next(each for each in default_swings(question, 0.5) if each.path == path)
    assert swing.drawn_in
    assert swing.high == pytest.approx(340.0 / 0.75, rel=1e-8)
    assert tornado(question, [Swing(path, 200.0, swing.high)])[0].at_high == pytest.approx(
        0.0, abs=1e-5
    )


def test_cases_side_by_side_are_mergers_of_their_own() -> None:
    cases = (
        Case(name="Dear", changes=(Change(PREMIUM, 0.5),), probability=0.4),
        Case(
            name="Slow",
            changes=(Change("synergies.phase_in[0]", 0.0), Change("wacc", 0.12)),
            probability=0.6,
        ),
    )
    found = compare(asked(), cases)
    for case, values in zip(cases, found.cases, strict=True):
        there = {change.path: change.value for change in case.changes}
        single = value_merger(replaced(asked().inputs, there))
        assert values["ACCRETION"] == single.accretion
        assert values["VALUE_CREATED"] == single.value_created
    assert found.expected is not None
    assert found.expected["NEW_SHARES"] == pytest.approx(
        0.4 * found.cases[0]["NEW_SHARES"] + 0.6 * found.cases[1]["NEW_SHARES"]
    )


def test_a_case_that_cannot_be_closed_is_refused() -> None:
    dear = Case(name="All written up", changes=(Change("allocation.inventory_step_up", 9e3),))
    with pytest.raises(Infeasible, match="goodwill"):
        compare(asked(), [dear])


def test_what_changed_between_two_deals_adds_up() -> None:
    later = dataclasses.replace(
        whole(),
        offer=Offer(premium=0.4),
        wacc=0.11,
        earn_out=EarnOut(amount=20.0, year=3, probability=0.5),
        fees=None,
        financing=dataclasses.replace(whole().financing, stock_share=0.6),
    )
    for output in MergerOutput:
        old, new = asked(whole(), output), asked(later, output)
        found = attribution(old, new)
        total = found.before + sum(each.amount for each in found.contributions)
        assert total == pytest.approx(found.after, rel=1e-10, abs=1e-10)
        assert found.after == alone(later, output)


def test_an_offer_made_in_another_way_is_one_change() -> None:
    other = deal(offer=Offer(price=11.0))
    found = attribution(asked(deal()), asked(other))
    assert found.before + sum(each.amount for each in found.contributions) == pytest.approx(
        found.after
    )


def test_a_longer_forecast_is_counted_and_never_moved() -> None:
    longer = deal(timing=MergerTiming(closing_date=CLOSING, years=4))
    found = attribution(asked(deal()), asked(longer))
    assert found.after == pytest.approx(found.before)


def test_a_simulation_draws_mergers() -> None:
    shocks = (
        Shock("target.statements.ebitda", Normal(8.0)),
        Shock("synergies.cost", Normal(5.0)),
        Shock(PREMIUM, Normal(0.05)),
    )
    spec = SimulationSpec(trials=2_000, seed=3, shocks=shocks)
    question = asked(output=MergerOutput.VALUE_CREATED)
    values = draw_values(question, spec)
    assert np.isfinite(values).all()
    found = simulate(question, spec)
    assert found.mean == pytest.approx(float(values.mean()))
    assert abs(found.mean - value_merger(whole()).value_created) < 5.0 * found.standard_error


def test_drawn_deals_that_cannot_be_closed_are_sorted_out() -> None:
    inputs = deal(allocation=Allocation(intangibles=(WrittenUp(amount=440.0, life=10.0),)))
    shock = Shock("allocation.intangibles[0].amount", Normal(20.0))
    values = draw_values(
        asked(inputs, MergerOutput.GOODWILL),
        SimulationSpec(trials=1_000, seed=3, shocks=(shock,)),
    )
    kept = values[np.isfinite(values)]
    assert 0 < kept.size < 1_000
    assert kept.min() >= -1e-6


def test_a_question_can_be_sent_to_another_process() -> None:
    question = asked()
    sent = pickle.loads(pickle.dumps(question))  # noqa: S301 - our own bytes
    assert sent.worth(sent.inputs) == question.worth(question.inputs)


@LAW
@given(st.data())
def test_whatever_is_typed_is_refused_or_gives_finite_numbers(data: st.DataObject) -> None:
    table = Names(whole_admitted())
    paths = data.draw(st.lists(st.sampled_from(list(numbers(whole_admitted()))), max_size=3))
    changes = {path: data.draw(ANY) for path in paths}
    changes = {
        path if not isinstance(table[path], Schedule) else f"{path}[0]": value
        for path, value in changes.items()
    }
    try:
        result = value_merger(replaced(whole_admitted(), changes))
    except Refused:
        return
    for number in finite(dataclasses.replace(result, inputs=None)):
        assert math.isfinite(number)


def whole_admitted() -> MergerInputs:
    return asked().inputs


def finite(node: Any) -> Any:
    if isinstance(node, float):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from finite(each)
    elif dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            yield from finite(getattr(node, field.name))


def test_a_target_worth_next_to_nothing_is_no_division_by_zero() -> None:
    poor = bought(share_price=1e-9, balance=dataclasses.replace(bought().balance, debt=1e6))
    result = value_merger(deal(target=poor))
    assert math.isfinite(result.accretion)


def test_an_offer_in_years_without_profit_has_no_multiple() -> None:
    idle = bought(
        statements=dataclasses.replace(bought().statements, ebitda=level(-5.0)),
    )
    result = value_merger(deal(target=idle))
    assert result.offer.ev_to_ebitda is None
    assert result.offer.price_to_earnings is None
    assert result.contribution.ebitda.target_share == (None, None, None)
