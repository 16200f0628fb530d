"""What a valuation tells beside its value, each number by itself: ratios, parts, roads, remarks."""

from __future__ import annotations

import dataclasses
import math
import statistics
from datetime import timedelta
from typing import Any

import mpmath
import numpy_financial
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from engine.dcf import (
    Bridge,
    Capm,
    ExitMultiple,
    Failure,
    FlowTiming,
    Gordon,
    HModel,
    LossesCarriedForward,
    Normalised,
    Segment,
    TaxShields,
    Terminal,
    TerminalDiscounting,
    Unlevering,
    ValueDriver,
    value_dcf,
)
from engine.dcf.inputs import DcfInputs
from engine.schedules import Schedule
from tests.mirror.engine.exact import DIGITS, exact_dcf, in_full
from tests.mirror.engine.firms import LAW, built_in_full, firm, firms, fuller, numbers

SAME = 1e-12  # relative: the roundings of a few hundred operations
CARRYING = fuller(firms()).filter(lambda inputs: inputs.business.losses is not None)


def changed(inputs: DcfInputs, **drivers: Any) -> DcfInputs:
    return dataclasses.replace(inputs, operations=dataclasses.replace(inputs.business, **drivers))


# Ratios


@LAW
@given(firms(sound=True))
def test_what_comes_in_the_forecast_and_after_it_is_the_whole(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    share = result.cross_checks.terminal_share
    assume(share is not None)
    forecast = float(result.worth.value_of_forecast) / float(result.worth.enterprise_value)
    assert share == pytest.approx(1.0 - forecast, rel=0, abs=1e-12 * (1.0 + abs(forecast)))


@LAW
@given(firms(sound=True), numbers(0.01, 0.5))
def test_next_years_sales_move_the_multiple_of_this_years_as_they_move_the_value(
    inputs: DcfInputs, faster: float
) -> None:
    growth = in_full(inputs.business.revenue_growth, inputs.timing.years)
    quicker = Schedule.explicit([float(growth[0]) + faster, *map(float, growth[1:])])
    one, other = value_dcf(inputs), value_dcf(changed(inputs, revenue_growth=quicker))
    moved = float(other.worth.enterprise_value) / float(one.worth.enterprise_value)
    multiples = other.cross_checks.ev_to_revenue / one.cross_checks.ev_to_revenue
    assert multiples == pytest.approx(moved, rel=1e-13)


@LAW
@given(firms(sound=True), numbers(0.01, 0.3))
def test_later_years_move_the_multiple_of_the_first_ones_profit_as_they_move_the_value(
    inputs: DcfInputs, faster: float
) -> None:
    assume(inputs.timing.years > 1)
    growth = list(map(float, in_full(inputs.business.revenue_growth, inputs.timing.years)))
    quicker = Schedule.explicit([*growth[:-1], growth[-1] + faster])
    one, other = value_dcf(inputs), value_dcf(changed(inputs, revenue_growth=quicker))
    assert one.cross_checks.ev_to_ebitda is not None
    assert other.cross_checks.ev_to_ebitda is not None
    moved = float(other.worth.enterprise_value) / float(one.worth.enterprise_value)
    multiples = other.cross_checks.ev_to_ebitda / one.cross_checks.ev_to_ebitda
    assert multiples == pytest.approx(moved, rel=1e-13)


# What comes after


@st.composite
def ends(draw: st.DrawFn, kind: str, wacc: float) -> Terminal:
    growth = draw(numbers(-0.02, min(0.03, wacc - 0.01)))
    how = draw(st.sampled_from(TerminalDiscounting))
    match kind:
        case "exit multiple":
            return ExitMultiple(ev_to_ebitda=draw(numbers(3.0, 20.0)))
        case "value driver":
            returns = draw(numbers(growth + 0.04, 0.5))
            return ValueDriver(growth=growth, return_on_new_capital=returns, discounting=how)
        case "H-model":
            return HModel(
                initial_growth=growth + draw(numbers(0.01, 0.1)),
                growth=growth,
                half_life=draw(numbers(0.5, 8.0)),
                discounting=how,
            )
        case "normalised":
            parts = {"depreciation": numbers(0.01, 0.1), "capital_expenditure": numbers(0.02, 0.1)}
            normal = Normalised(**{name: draw(part) for name, part in parts.items()})
            return Gordon(growth=growth, normalised=normal, discounting=how)
    return Gordon(growth=growth, discounting=how)


@pytest.mark.parametrize(
    "kind", ["gordon", "normalised", "exit multiple", "value driver", "H-model"]
)
@settings(LAW, max_examples=30)
@given(data=st.data(), inputs=firms(sound=True), flows=st.sampled_from(FlowTiming))
def test_each_way_to_end_is_worth_what_it_is_in_forty_digits(
    kind: str, data: st.DataObject, inputs: DcfInputs, flows: FlowTiming
) -> None:
    inputs = dataclasses.replace(
        inputs,
        timing=dataclasses.replace(inputs.timing, flows=flows),
        terminal=data.draw(ends(kind, float(inputs.capital.wacc))),
    )
    book, ours = exact_dcf(inputs), value_dcf(inputs).worth
    close = SAME * float(book.gross)
    assert ours.terminal_value == pytest.approx(float(book.terminal_value), rel=1e-11, abs=close)
    assert ours.value_of_terminal == pytest.approx(float(book.value_of_terminal), abs=close)
    assert ours.enterprise_value == pytest.approx(float(book.enterprise_value), abs=close)


# What equity costs


@LAW
@given(built_in_full())
def test_the_cost_of_equity_that_is_told_is_that_of_forty_digits(capital: Capm) -> None:
    comparables = capital.comparables
    assert comparables is not None
    assume(0.02 < capital.wacc < 0.5)
    inputs = firm(capital=capital, terminal=Gordon(growth=-0.01))
    result = value_dcf(inputs)
    assert result.cost_of_capital is not None
    with mp.workdps(DIGITS):

        def leverage(debt: mpf, tax: float) -> mpf:
            return 1 + debt * (1 - mpf(tax) if comparables.unlevering is Unlevering.HAMADA else 1)

        observed = [mpf(peer.beta) for peer in comparables.peers]
        if comparables.blume:
            observed = [beta * 2 / 3 + mpf(1) / 3 for beta in observed]
        unlevered = statistics.median(
            beta / leverage(mpf(peer.debt_to_equity), peer.tax_rate)
            for beta, peer in zip(observed, comparables.peers, strict=True)
        )
        weight = mpf(capital.debt_weight)
        beta = unlevered * leverage(weight / (1 - weight), capital.tax_rate)
        premia = (capital.country_premium, capital.size_premium, capital.specific_premium)
        exact = mpf(capital.risk_free_rate) + beta * mpf(capital.equity_risk_premium)
        exact += mpmath.fsum(premium for premium in premia if premium is not None)
        found = {
            result.cost_of_equity: exact,
            result.cost_of_capital.cost_of_equity: exact,
            result.cost_of_capital.beta: beta,
            result.cost_of_capital.unlevered_beta: unlevered,
        }
        for told, number in found.items():
            assert told == pytest.approx(float(number), rel=1e-14)


def test_embraers_cost_of_equity_is_told_as_the_book_has_it() -> None:
    """Damodaran, Damodaran on Valuation, 2nd ed., illustration 2.4.

    A beta of 1.07 at a riskless 4.25 % and a premium of 4.84 %, and 0.27 of Brazil's 4.67 % on top:
    equity costs 10.69 %.
    """
    embraer = Capm(
        risk_free_rate=0.0425,
        equity_risk_premium=0.0484,
        beta=1.07,
        country_premium=0.27 * 0.0467,
        pre_tax_cost_of_debt=0.06,
        debt_weight=0.1895 / 1.1895,
        tax_rate=0.34,
    )
    result = value_dcf(firm(capital=embraer, terminal=Gordon(growth=0.0)))
    assert result.cost_of_capital is not None
    assert result.cost_of_equity == pytest.approx(0.1069, abs=0.00005)
    assert result.cost_of_capital.cost_of_equity == result.cost_of_equity


# Losses carried forward


@st.composite
def limited(draw: st.DrawFn) -> DcfInputs:
    """A firm with income, in a year that has begun, whose limits bind: by chance they seldom do."""
    inputs = draw(firms(sound=True))
    end = inputs.timing.valuation_date + timedelta(days=draw(st.integers(30, 330)))
    timing = dataclasses.replace(inputs.timing, fiscal_year_end=end)
    revenue = float(inputs.business.revenue)
    losses = LossesCarriedForward(
        balance=draw(numbers(1.0, 3.0)) * revenue,
        limit_share=draw(st.none() | numbers(0.5, 1.0)),
        limit_amount=draw(numbers(0.001, 0.05)) * revenue,
    )
    return changed(dataclasses.replace(inputs, timing=timing), losses=losses)


@LAW
@given(CARRYING | limited())
def test_losses_used_and_left_are_those_of_forty_digits(inputs: DcfInputs) -> None:
    book, lines = exact_dcf(inputs), value_dcf(inputs).forecast
    rates = in_full(inputs.business.tax_rate, inputs.timing.years)
    close = SAME * float(book.gross)
    assert lines.losses_left == pytest.approx([float(x) for x in book.losses_left], abs=close)
    assert lines.tax_saved == pytest.approx([float(x) for x in book.tax_saved], abs=close)
    used = [
        saved / rate if rate else mpf(0) for saved, rate in zip(book.tax_saved, rates, strict=True)
    ]
    for year, rate in enumerate(rates):
        if rate > 0.01:
            assert lines.losses_used[year] == pytest.approx(float(used[year]), abs=close / 0.01)


@settings(LAW, max_examples=25)
@given(CARRYING, numbers(0.0, 1.0), numbers(0.0, 1.0))
def test_losses_carried_forward_are_lost_with_the_firm(
    inputs: DcfInputs, chance: float, recovery: float
) -> None:
    failure = Failure(probability=chance, recovery=recovery)
    bridge = Bridge(debt=0.0, cash=0.0)
    having = dataclasses.replace(inputs, failure=failure, bridge=bridge)
    losses = inputs.business.losses
    assert isinstance(losses, LossesCarriedForward)
    lives, dies = (
        [
            float(getattr(value_dcf(each).worth.settled, future).equity_value)
            for each in (having, changed(having, losses=None))
        ]
        for future in ("going_concern", "failed")
    )
    assert dies[0] == dies[1]
    assert lives[0] - lives[1] == pytest.approx(
        float(value_dcf(having).worth.losses_carried_forward or 0.0),
        rel=0,
        abs=SAME * float(exact_dcf(inputs).gross),
    )


# Segments


@LAW
@given(firms(sound=True), numbers(0.05, 0.3))
def test_the_parts_of_a_firm_are_shares_of_its_enterprise_value(
    inputs: DcfInputs, other: float
) -> None:
    growth = min(0.02, float(inputs.capital.wacc) - 0.02)
    dear = dataclasses.replace(
        inputs,
        operations=dataclasses.replace(inputs.business, revenue=2.0 * inputs.business.revenue),
        capital=Capm(
            risk_free_rate=other,
            equity_risk_premium=0.0,
            beta=1.0,
            pre_tax_cost_of_debt=0.05,
            debt_weight=0.0,
            tax_rate=0.0,
        ),
        terminal=Gordon(growth=min(growth, other - 0.02)),
    )
    segments = tuple(
        Segment(
            name=name, operations=firm_.business, capital=firm_.capital, terminal=firm_.terminal
        )
        for name, firm_ in (("One", inputs), ("Other", dear))
    )
    whole = value_dcf(dataclasses.replace(inputs, operations=None, segments=segments))
    alone = [float(value_dcf(each).worth.enterprise_value) for each in (inputs, dear)]
    assert [float(each.worth.enterprise_value) for each in whole.segments] == alone
    shares = [each.share for each in whole.segments]
    assert None not in shares
    assert math.fsum(share or 0.0 for share in shares) == pytest.approx(1.0, rel=1e-14)
    assert (shares[0] or 0.0) / (shares[1] or 1.0) == pytest.approx(alone[0] / alone[1], rel=1e-13)


# Adjusted present value


@pytest.mark.parametrize("years", [1, 5, 20])
@pytest.mark.parametrize("growth", [-0.02, 0.0, 0.03])
def test_numpy_financial_values_what_debt_of_a_constant_share_saves(
    years: int, growth: float
) -> None:
    # Equity costs 4 % + 1.2 x 5 % = 10 %, debt 6 %, 4.5 % after tax: WACC 8.35 %, unlevered 8.8 %.
    capital = Capm(
        risk_free_rate=0.04,
        equity_risk_premium=0.05,
        beta=1.2,
        pre_tax_cost_of_debt=0.06,
        debt_weight=0.3,
        tax_rate=0.25,
        tax_shields=TaxShields.UNLEVERED_COST,
    )
    wacc, unlevered = 0.0835, 0.088
    result = value_dcf(firm(years=years, capital=capital, terminal=Gordon(growth=growth)))
    assert result.reconciliation is not None
    road = result.reconciliation.adjusted_present_value
    assert road is not None
    flows = list(map(float, result.forecast.free_cash_flow))
    end = flows[-1] * (1.0 + growth) / (wacc - growth)
    # What the firm is worth at the start of each year, and the tax on the interest of 30 % of it.
    starts = [
        float(numpy_financial.npv(wacc, [0.0, *flows[year:-1], flows[-1] + end]))
        for year in range(years)
    ]
    shields = [0.25 * 0.06 * 0.3 * value for value in starts]
    later = 0.25 * 0.06 * 0.3 * end / (unlevered - growth) * (1.0 + unlevered) ** -years
    saved = float(numpy_financial.npv(unlevered, [0.0, *shields]))
    assert road.tax_shields == pytest.approx(shields, rel=1e-11)
    assert road.value_of_tax_shields == pytest.approx(saved, rel=1e-11)
    assert road.value_of_terminal_tax_shields == pytest.approx(later, rel=1e-11)
    assert road.enterprise_value == pytest.approx(road.unlevered_value + saved + later, rel=1e-12)
    assert road.enterprise_value == pytest.approx(starts[0], rel=1e-11)


@pytest.mark.parametrize("debt", [0.0, 100.0, 900.0])
def test_numpy_financial_finds_the_gap_that_a_fixed_debt_leaves(debt: float) -> None:
    # Without debt it costs 8.8 %, by the WACC 8.35 %; the tax on interest at 6 % lasts for ever.
    capital = Capm(
        risk_free_rate=0.04,
        equity_risk_premium=0.05,
        beta=1.2,
        pre_tax_cost_of_debt=0.06,
        debt_weight=0.3,
        tax_rate=0.25,
        tax_shields=TaxShields.COST_OF_DEBT,
    )
    bridge = Bridge(debt=debt, cash=0.0)
    result = value_dcf(firm(years=5, capital=capital, terminal=Gordon(growth=0.02), bridge=bridge))
    assert result.reconciliation is not None
    road = result.reconciliation.adjusted_present_value
    assert road is not None
    flows = list(map(float, result.forecast.free_cash_flow))

    def at(rate: float) -> float:
        end = flows[-1] * 1.02 / (rate - 0.02)
        return float(numpy_financial.npv(rate, [0.0, *flows[:-1], flows[-1] + end]))

    assert road.enterprise_value == pytest.approx(at(0.088) + 0.25 * debt, rel=1e-11)
    assert road.gap == pytest.approx(at(0.088) + 0.25 * debt - at(0.0835), abs=1e-9)


# From the firm to its shareholders


@LAW
@given(firms())
def test_every_line_of_the_bridge_is_that_of_forty_digits(inputs: DcfInputs) -> None:
    book, ours = exact_dcf(inputs), value_dcf(inputs).worth
    bridge = inputs.bridge
    with mp.workdps(DIGITS):
        owed = mpmath.fsum(
            mpf(getattr(bridge, name))
            for name in (
                *("debt", "leases", "preferred_stock"),
                *("minority_interests", "pensions_after_tax"),
            )
        )
        net = float(owed - mpf(bridge.cash) - mpf(bridge.associates))
    close = SAME * float(book.gross)
    assert ours.net_debt == pytest.approx(net, rel=0, abs=close)
    assert ours.equity_value == pytest.approx(float(book.equity_value), rel=0, abs=close)
