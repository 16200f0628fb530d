"""The sum of the parts: segments valued by themselves, and the firm that they make."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Capm,
    DcfInputs,
    DcfOutput,
    DcfResult,
    ExitMultiple,
    Failure,
    GivenWacc,
    Gordon,
    LossesCarriedForward,
    Segment,
    Shares,
    TaxShields,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit
from engine.errors import Infeasible
from engine.paths import Names, replaced
from engine.scenarios import Axis, gradient, sensitivity
from engine.schedules import Schedule
from engine.simulation import Normal, Shock, SimulationSpec, draw_values
from tests.mirror.engine.exact import exact_slope
from tests.mirror.engine.firms import (
    CLOUD,
    LAW,
    OFFICE,
    SHOPS,
    any_firms,
    firm,
    firms,
    numbers,
    whole,
)

SAME = 1e-12  # relative


def in_one(inputs: DcfInputs) -> DcfInputs:
    """The same firm, as its only segment."""
    only = Segment(name="All", operations=inputs.business)
    return dataclasses.replace(inputs, operations=None, segments=(only,))


def scaled(inputs: DcfInputs, by: float) -> Any:
    """The business at another size: every amount of money, and no rate."""
    operations = inputs.business
    losses = operations.losses

    def times(amount: Any) -> Any:
        return None if amount is None else amount * by

    return dataclasses.replace(
        operations,
        revenue=operations.revenue * by,
        opening_working_capital=times(operations.opening_working_capital),
        opening_fixed_assets=times(operations.opening_fixed_assets),
        losses=losses
        and dataclasses.replace(
            losses, balance=losses.balance * by, limit_amount=times(losses.limit_amount)
        ),
    )


def said(result: DcfResult) -> set[tuple[str, str]]:
    return {(remark.code, remark.path) for remark in result.remarks}


# What the parts come to


@LAW
@given(
    any_firms(), st.none() | st.builds(Failure, probability=numbers(0, 1), recovery=numbers(0, 1))
)
def test_a_firm_with_one_segment_is_the_firm_to_the_last_bit(
    inputs: DcfInputs, failure: Failure | None
) -> None:
    inputs = dataclasses.replace(inputs, failure=failure)
    try:
        one = value_dcf(inputs)
    except Infeasible:
        return
    same = value_dcf(in_one(inputs))
    for name in ("value_of_forecast", "value_of_terminal", "terminal_value", "net_debt"):
        assert getattr(same.worth, name) == getattr(one.worth, name), name
    for output in DcfOutput:
        name = output.value.lower()
        assert getattr(same.worth, name) == getattr(one.worth, name), name
    for name in one.forecast.__dataclass_fields__:
        summed = [] if name == "discount_factor" else getattr(one.forecast, name)
        assert getattr(same.forecast, name) == summed, name
    (segment,) = same.segments
    assert segment.forecast.discount_factor == one.forecast.discount_factor
    assert segment.worth.terminal_discount_factor == one.worth.terminal_discount_factor
    checks = dataclasses.replace(one.cross_checks, upside=None)
    assert segment.cross_checks == checks
    assert same.cross_checks.terminal_share == checks.terminal_share
    assert same.cross_checks.ev_to_revenue == checks.ev_to_revenue
    assert same.cross_checks.ev_to_ebitda == checks.ev_to_ebitda
    assert same.cross_checks.upside == one.cross_checks.upside


@LAW
@given(firms())
def test_two_halves_are_the_whole_to_the_last_bit(inputs: DcfInputs) -> None:
    half = scaled(inputs, 0.5)
    assume(half.revenue >= 0.01)
    halves = tuple(Segment(name=name, operations=half) for name in ("Left", "Right"))
    both = value_dcf(dataclasses.replace(inputs, operations=None, segments=halves)).worth
    one = value_dcf(inputs).worth
    for output in DcfOutput:
        assert getattr(both, output.value.lower()) == getattr(one, output.value.lower())
    assert both.losses_carried_forward == one.losses_carried_forward


@LAW
@given(firms(), numbers(0.05, 0.95))
def test_however_a_firm_is_cut_it_is_worth_the_same(inputs: DcfInputs, part: float) -> None:
    cut = tuple(
        Segment(name=name, operations=scaled(inputs, share))
        for name, share in (("Left", part), ("Right", 1.0 - part))
    )
    assume(min(each.operations.revenue for each in cut) >= 0.01)
    again = value_dcf(dataclasses.replace(inputs, operations=None, segments=cut))
    one = value_dcf(inputs)
    gross = math.fsum(map(abs, one.forecast.present_value)) + abs(one.worth.value_of_terminal)
    for name in ("ebitda", "capital_expenditure", "working_capital", "nopat"):
        gross += math.fsum(map(abs, getattr(one.forecast, name)))
    assert again.worth.enterprise_value == pytest.approx(
        float(one.worth.enterprise_value), rel=0, abs=SAME * 10 * gross
    )


def test_each_segment_is_valued_as_it_is_alone_and_the_firm_is_their_sum() -> None:
    bridge = Bridge(debt=300.0, cash=65.60)
    result = value_dcf(whole(SHOPS, CLOUD, OFFICE, bridge=bridge, market_price=10.0))
    alone = [
        value_dcf(firm()),
        value_dcf(
            firm(
                revenue=400.0,
                revenue_growth=0.20,
                ebit_margin=0.10,
                wacc=0.30,
                terminal=ExitMultiple(ev_to_ebitda=8.0),
            )
        ),
        value_dcf(firm(revenue=50.0, ebit_margin=-1.0)),
    ]
    assert [each.name for each in result.segments] == ["Shops", "Cloud", "Head office"]
    for segment, single in zip(result.segments, alone, strict=True):
        assert segment.worth.enterprise_value == single.worth.enterprise_value
        assert segment.worth.wacc == single.worth.wacc
        assert segment.cross_checks == single.cross_checks
        assert segment.forecast.free_cash_flow == single.forecast.free_cash_flow
        assert segment.share == pytest.approx(
            single.worth.enterprise_value / result.worth.enterprise_value
        )
    # 634.40 of the shops; EBITDA 86.40 x 8 / 1.69 and flows of the cloud; costs of the office.
    values = [float(each.worth.enterprise_value) for each in alone]
    assert values[0] == pytest.approx(634.40)
    assert values[2] < 0.0
    assert result.worth.enterprise_value == pytest.approx(sum(values))
    assert result.worth.equity_value == pytest.approx(sum(values) - 234.40)
    assert sum(each.share or 0.0 for each in result.segments) == pytest.approx(1.0)
    for year in range(2):
        for name in ("revenue", "ebit", "tax", "free_cash_flow", "present_value"):
            parts = [getattr(each.forecast, name)[year] for each in alone]
            assert getattr(result.forecast, name)[year] == pytest.approx(sum(parts))
    # What has no sum is not there.
    assert result.forecast.discount_factor == []
    assert result.worth.terminal_discount_factor is None
    checks = result.cross_checks
    implied = (checks.implied_growth, checks.implied_exit_multiple)
    assert implied == (None, None)
    assert checks.ev_to_revenue == pytest.approx(sum(values) / 1_450.0)
    assert checks.upside == pytest.approx(result.worth.value_per_share / 10.0 - 1.0)
    assert result.reconciliation is None


def test_no_segment_has_a_share_of_a_firm_that_is_worth_nothing() -> None:
    result = value_dcf(whole(OFFICE))
    assert result.worth.enterprise_value < 0.0
    assert result.segments[0].share is None


def test_losses_are_used_where_they_were_made() -> None:
    # Losses of 1,000 in a segment that earns nothing are lost on the one that earns.
    losses = LossesCarriedForward(balance=1_000.0)
    poor = Segment(
        name="Poor", operations=firm(revenue=100.0, ebit_margin=-0.1, losses=losses).business
    )
    result = value_dcf(whole(SHOPS, poor))
    assert result.worth.losses_carried_forward == 0.0
    assert result.forecast.losses_used == []  # of one segment alone
    assert result.segments[1].forecast.losses_used == [0.0, 0.0]
    rich = Segment(name="Rich", operations=firm(losses=losses).business)
    used = value_dcf(whole(rich, OFFICE)).worth
    # 220 and 242 of EBIT at 25 % of tax, over 1.25 and 1.5625.
    assert used.losses_carried_forward == pytest.approx(55.0 / 1.25 + 60.5 / 1.5625)
    assert used.equity_value == used.enterprise_value + used.losses_carried_forward
    assert value_dcf(whole(SHOPS)).worth.losses_carried_forward is None


def test_debt_that_is_fixed_in_money_is_the_firms_and_saves_no_segment_its_tax() -> None:
    capital = Capm(
        risk_free_rate=0.10,
        equity_risk_premium=0.05,
        beta=1.0,
        pre_tax_cost_of_debt=0.08,
        debt_weight=0.5,
        tax_rate=0.25,
        tax_shields=TaxShields.COST_OF_DEBT,
    )
    bridge = Bridge(debt=500.0, cash=0.0)
    slow = Gordon(growth=0.02)
    result = value_dcf(whole(SHOPS, CLOUD, capital=capital, bridge=bridge, terminal=slow))
    shops, cloud = (segment.reconciliation for segment in result.segments)
    assert shops.adjusted_present_value is None
    assert shops.no_adjusted_present_value is not None
    assert shops.no_adjusted_present_value.startswith("Debt that is fixed in money is the firm's")
    assert cloud.no_adjusted_present_value is not None
    assert cloud.no_adjusted_present_value.startswith("The WACC was given")
    # A share of each segment's own value can be told.
    kept = dataclasses.replace(capital, tax_shields=TaxShields.UNLEVERED_COST)
    (only,) = value_dcf(whole(SHOPS, capital=kept, bridge=bridge, terminal=slow)).segments
    adjusted = only.reconciliation.adjusted_present_value
    assert adjusted is not None
    assert adjusted.gap == pytest.approx(0.0, abs=1e-9)


def test_dilution_and_failure_are_of_the_firm() -> None:
    failure = Failure(probability=0.5, recovery=0.5)
    shares = Shares(basic=50.0)
    worth = value_dcf(whole(SHOPS, CLOUD, failure=failure, shares=shares)).worth
    assert worth.equity_value == pytest.approx(0.75 * worth.enterprise_value)
    assert worth.value_per_share == pytest.approx(worth.equity_value / 50.0)


# The batch


def test_every_input_of_a_segment_has_a_path() -> None:
    table = Names(admit(whole(SHOPS, CLOUD)))
    assert isinstance(table["segments[0].operations.revenue_growth"], Schedule)
    assert table["segments[1].capital.wacc"] == 0.30
    assert table["segments[1].terminal.exit_multiple.ev_to_ebitda"] == 8.0
    paths = list(table)
    assert "segments[1].operations.revenue" in paths
    for odd in ("segments[2].operations.revenue", "operations.revenue", "segments[0].name"):
        assert odd not in paths
        with pytest.raises(KeyError):
            table[odd]
    # What the segment does not have itself is moved where the firm has it.
    with pytest.raises(KeyError):
        table["segments[0].capital.wacc"]


@LAW
@given(st.data(), st.sampled_from(DcfOutput))
def test_a_cell_over_segments_is_a_valuation_to_the_last_bit(
    data: st.DataObject, output: DcfOutput
) -> None:
    inputs = admit(whole(SHOPS, CLOUD, OFFICE, bridge=Bridge(debt=300.0, cash=1.0)))
    bases = {
        "segments[0].operations.revenue": 1_000.0,
        "segments[1].operations.revenue_growth[1]": 0.2,
        "segments[1].capital.wacc": 0.3,
        "segments[2].operations.ebit_margin": 0.01,
        "capital.wacc": 0.25,
        "terminal.gordon.growth": 0.05,
        "bridge.debt": 300.0,
    }
    rows, columns = data.draw(
        st.lists(st.sampled_from(list(bases)), min_size=2, max_size=2, unique=True)
    )

    def axis(path: str) -> Axis:
        moves = data.draw(st.lists(numbers(0.8, 1.2), min_size=1, max_size=3))
        return Axis(path, bases[path] * np.array(moves))

    down, across = axis(rows), axis(columns)
    grid = sensitivity(dcf_question(inputs, output), down, across)
    for i, row in enumerate(down.values):
        for k, column in enumerate(across.values):
            cell = replaced(inputs, {rows: float(row), columns: float(column)})
            assert grid[i, k] == getattr(value_dcf(cell).worth, output.value.lower())


def test_inputs_of_a_segment_are_drawn_like_others() -> None:
    question = dcf_question(whole(SHOPS, CLOUD), DcfOutput.VALUE_PER_SHARE)
    path = "segments[1].operations.revenue_growth"
    shocks = (Shock(path, Normal(0.05), every_year=True), Shock("capital.wacc", Normal(0.02)))
    values = draw_values(question, SimulationSpec(trials=100, seed=3, shocks=shocks))
    assert np.isfinite(values).all()
    assert len(set(values.tolist())) == 100


@LAW
@given(firms(sound=True), st.data())
def test_the_slope_by_an_input_of_a_segment_is_that_of_the_segment_in_forty_digits(
    inputs: DcfInputs, data: st.DataObject
) -> None:
    own = Segment(
        name="Own",
        operations=inputs.business,
        capital=inputs.capital,
        terminal=inputs.terminal,
    )
    other = Segment(name="Other", operations=scaled(inputs, 0.3))
    both = dataclasses.replace(inputs, operations=None, segments=(own, other))
    slopes = gradient(dcf_question(both, DcfOutput.ENTERPRISE_VALUE))
    path = data.draw(
        st.sampled_from(["operations.revenue_growth", "operations.tax_rate", "operations.revenue"])
    )
    exact = float(exact_slope(inputs, path, DcfOutput.ENTERPRISE_VALUE))
    assert slopes[f"segments[0].{path}"] == pytest.approx(exact, rel=1e-10)
    if path != "operations.revenue":
        assert slopes[f"segments[1].{path}"] == pytest.approx(0.3 * exact, rel=1e-10)


def test_the_firms_capital_moves_every_segment_without_its_own() -> None:
    slope = gradient(dcf_question(whole(SHOPS, CLOUD, OFFICE), DcfOutput.ENTERPRISE_VALUE))
    without = [
        gradient(dcf_question(whole(each), DcfOutput.ENTERPRISE_VALUE)) for each in (SHOPS, OFFICE)
    ]
    for path in ("capital.wacc", "terminal.gordon.growth"):
        assert slope[path] == pytest.approx(sum(each[path] for each in without))


# The margin


def test_a_remark_says_of_which_segments_it_is_true() -> None:
    result = value_dcf(whole(SHOPS, CLOUD, OFFICE))
    remarks = {(remark.code, remark.path): remark.message for remark in result.remarks}
    assert remarks["UNUSUAL_WACC", "capital"].startswith("Shops, Head office: ")
    assert remarks["UNUSUAL_WACC", "segments[1].capital"].startswith("Cloud: ")
    assert remarks["GROWTH_ABOVE_ECONOMY", "terminal.gordon.growth"].startswith(
        "Shops, Head office: "
    )
    assert remarks["LOSS_WITHOUT_CREDIT", "segments[2].operations"].startswith("Head office: ")
    assert remarks["SEGMENT_BELOW_ZERO", "segments[2]"].startswith("Head office: ")
    assert not any(path.startswith("segments[0]") for _, path in remarks)


def test_what_is_of_the_firm_is_said_of_the_firm() -> None:
    result = value_dcf(whole(SHOPS, OFFICE, bridge=Bridge(debt=1e6, cash=0.0)))
    assert ("EQUITY_BELOW_ZERO", "bridge") in said(result)
    late = value_dcf(whole(SHOPS, capital=GivenWacc(wacc=0.06)))
    messages = [r.message for r in late.remarks if r.code == "TERMINAL_VALUE_DOMINATES"]
    assert len(messages) == 1
    assert messages[0].startswith(f"{late.cross_checks.terminal_share:.0%} of the enterprise")
