"""What a valuation says beside its value, held against others who can compute it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy_financial
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.optimize import brentq

from engine.dcf import (
    Capm,
    Comparables,
    DcfInputs,
    ExitMultiple,
    Failure,
    FlowTiming,
    GivenWacc,
    Gordon,
    Peer,
    Segment,
    Shares,
    TaxShields,
    ValueDriver,
    value_dcf,
)
from engine.firm.betas import median
from tests.mirror.engine.exact import DIGITS, exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms, fuller, numbers

SAME = 1e-12  # relative: the roundings of a few hundred operations
CAPM = Capm(
    risk_free_rate=0.04,
    equity_risk_premium=0.05,
    beta=1.2,
    pre_tax_cost_of_debt=0.06,
    debt_weight=0.3,
    tax_rate=0.25,
)


# Cross-checks


@LAW
@given(firms() | fuller(firms()))
def test_the_ratios_of_a_valuation_are_those_of_forty_digits(inputs: DcfInputs) -> None:
    book, result = exact_dcf(inputs), value_dcf(inputs)
    checks = result.cross_checks
    with mp.workdps(DIGITS):
        close = SAME * book.gross
        revenue = mpf(inputs.business.revenue)
        ebitda = mpf(result.forecast.ebitda[0])
        assert abs(checks.ev_to_revenue * revenue - book.enterprise_value) <= close
        if checks.ev_to_ebitda is not None:
            assert abs(checks.ev_to_ebitda * ebitda - book.enterprise_value) <= close
        if checks.terminal_share is not None:
            share = checks.terminal_share * book.enterprise_value
            assert abs(share - book.value_of_terminal) <= close * (1 + abs(checks.terminal_share))
        if inputs.market_price is not None:
            paid = mpf(inputs.market_price) * mpf(inputs.shares.diluted)
            upside = (1 + mpf(checks.upside)) * paid
            assert abs(upside - book.equity_value) <= close + SAME * paid
        assert (checks.upside is None) == (inputs.market_price is None)


@pytest.mark.parametrize("flows", FlowTiming)
def test_the_growth_behind_an_exit_is_the_one_that_a_search_finds(flows: FlowTiming) -> None:
    inputs = firm(years=6, flows=flows, wacc=0.09, terminal=ExitMultiple(ev_to_ebitda=8.0))
    sold = float(exact_dcf(inputs).value_of_terminal)

    def more(growth: float) -> float:
        lasting = dataclasses.replace(inputs, terminal=Gordon(growth=growth))
        return float(exact_dcf(lasting).value_of_terminal) - sold

    found = brentq(more, -0.3, 0.089, xtol=1e-15, rtol=1e-14)
    assert value_dcf(inputs).cross_checks.implied_growth == pytest.approx(found, rel=1e-11)


@pytest.mark.parametrize("growth", [0.01, 0.025, 0.04])
def test_the_return_behind_a_perpetuity_is_the_one_that_a_search_finds(growth: float) -> None:
    inputs = firm(years=4, wacc=0.09, revenue_growth=0.05, terminal=Gordon(growth=growth))
    lasting = float(exact_dcf(inputs).value_of_terminal)

    def more(returns: float) -> float:
        driver = ValueDriver(growth=growth, return_on_new_capital=returns)
        changed = dataclasses.replace(inputs, terminal=driver)
        return float(exact_dcf(changed).value_of_terminal) - lasting

    found = brentq(more, growth + 0.001, 5.0, xtol=1e-15, rtol=1e-14)
    implied = value_dcf(inputs).cross_checks.implied_return_on_new_capital
    assert implied == pytest.approx(found, rel=1e-11)


@LAW
@given(firms() | fuller(firms()))
def test_a_buyer_who_pays_the_implied_multiple_pays_what_it_is_worth_in_forty_digits(
    inputs: DcfInputs,
) -> None:
    multiple = value_dcf(inputs).cross_checks.implied_exit_multiple
    assume(multiple is not None)
    book = exact_dcf(inputs)
    sale = exact_dcf(
        dataclasses.replace(inputs, terminal=ExitMultiple(ev_to_ebitda=float(multiple)))
    )
    gap = abs(sale.value_of_terminal - book.value_of_terminal)
    assert gap <= SAME * abs(book.value_of_terminal) + 1e-300


# The other two roads


@LAW
@given(numbers(0.0, 3_000.0), numbers(0.03, 0.2), numbers(0.0, 0.02), st.integers(1, 12))
def test_numpy_financial_adds_up_the_economic_profit(
    capital: float, wacc: float, growth: float, years: int
) -> None:
    inputs = firm(
        years=years, wacc=wacc, terminal=Gordon(growth=growth), opening_fixed_assets=capital
    )
    result = value_dcf(inputs)
    assert result.reconciliation is not None
    road = result.reconciliation.economic_profit
    assert road is not None
    # Each year's profit by itself, at the WACC on the capital that the year began with.
    began = [road.opening_capital, *road.capital[:-1]]
    earned = [
        float(nopat) - wacc * before
        for nopat, before in zip(result.forecast.nopat, began, strict=True)
    ]
    later = float(result.worth.terminal_value) - road.capital[-1]
    present = float(numpy_financial.npv(wacc, [road.opening_capital, *earned[:-1]]))
    present += (earned[-1] + later) * (1.0 + wacc) ** -years
    size = sum(map(abs, began)) + float(exact_dcf(inputs).gross)
    assert road.economic_profit == pytest.approx(earned, rel=0, abs=SAME * size)
    assert road.enterprise_value == pytest.approx(present, rel=0, abs=SAME * size)
    assert present == pytest.approx(float(exact_dcf(inputs).enterprise_value), abs=SAME * size)


@pytest.mark.parametrize("years", [1, 5, 20])
def test_numpy_financial_values_the_firm_without_debt_and_what_its_debt_saves(years: int) -> None:
    debt, growth = 400.0, 0.02
    inputs = firm(years=years, capital=CAPM, terminal=Gordon(growth=growth))
    unlevered = 0.7 * 0.10 + 0.3 * 0.06  # equity costs 4 % + 1.2 x 5 %
    kept = value_dcf(inputs)
    bridge = dataclasses.replace(inputs.bridge, debt=debt)
    fixed = dataclasses.replace(CAPM, tax_shields=TaxShields.COST_OF_DEBT)
    stays = value_dcf(dataclasses.replace(inputs, bridge=bridge, capital=fixed))
    for result in (kept, stays):
        assert result.reconciliation is not None
        road = result.reconciliation.adjusted_present_value
        assert road is not None
        flows = [0.0, *map(float, result.forecast.free_cash_flow)]
        last = flows[-1] * (1.0 + growth) / (unlevered - growth)
        alone = float(numpy_financial.npv(unlevered, flows)) + last * (1.0 + unlevered) ** -years
        assert road.unlevered_value == pytest.approx(alone, rel=1e-12)
        rate = unlevered if result is kept else 0.06
        saved = float(numpy_financial.npv(rate, [0.0, *road.tax_shields]))
        assert road.value_of_tax_shields == pytest.approx(saved, rel=1e-12)
    # A fixed debt saves an annuity of the tax on its interest.
    annuity = -float(numpy_financial.pv(0.06, years, 0.25 * 0.06 * debt))
    assert road.value_of_tax_shields == pytest.approx(annuity, rel=1e-12)
    assert road.value_of_terminal_tax_shields == pytest.approx(0.25 * debt - annuity, rel=1e-12)


# Betas, segments, failure, remarks


@LAW
@given(st.lists(numbers(-1.0, 5.0), min_size=1, max_size=30))
def test_numpy_finds_the_same_median(betas: list[float]) -> None:
    assert median(tuple(betas)) == pytest.approx(float(np.median(betas)), rel=1e-15, abs=1e-15)


def test_a_regression_of_betas_on_debt_gives_back_the_business_and_its_leverage() -> None:
    # Peers that are one business with different debt: beta = 0.8 (1 + (1 - t) D/E), to the line.
    debts = np.array([0.0, 0.2, 0.5, 1.0, 2.0])
    peers = tuple(
        Peer(name=f"Firm {n}", beta=0.8 * (1.0 + 0.75 * debt), debt_to_equity=debt, tax_rate=0.25)
        for n, debt in enumerate(debts.tolist())
    )
    slope, start = np.polyfit(debts, [peer.beta for peer in peers], 1)
    found = Comparables(peers=peers)
    assert found.unlevered_beta() == pytest.approx(start, rel=1e-12)
    assert found.relevered_beta(0.4, 0.25) == pytest.approx(start + slope * 2.0 / 3.0, rel=1e-12)


@LAW
@given(firms() | fuller(firms()), numbers(0.05, 0.3))
def test_the_sum_of_the_parts_is_that_of_forty_digits(inputs: DcfInputs, other: float) -> None:
    dear = dataclasses.replace(
        inputs, capital=GivenWacc(wacc=other), terminal=ExitMultiple(ev_to_ebitda=7.0)
    )
    segments = (
        Segment(name="As the firm", operations=inputs.business),
        Segment(
            name="Its own", operations=inputs.business, capital=dear.capital, terminal=dear.terminal
        ),
    )
    whole = value_dcf(dataclasses.replace(inputs, operations=None, segments=segments))
    one, two = exact_dcf(inputs), exact_dcf(dear)
    close = SAME * float(one.gross + two.gross)
    expected = float(one.enterprise_value + two.enterprise_value)
    assert whole.worth.enterprise_value == pytest.approx(expected, rel=0, abs=close)
    assert [float(part.worth.enterprise_value) for part in whole.segments] == pytest.approx(
        [float(one.enterprise_value), float(two.enterprise_value)], rel=0, abs=close
    )


@LAW
@given(firms(), numbers(0.0, 1.0), numbers(0.0, 1.0))
def test_a_failure_weighs_two_futures_in_forty_digits(
    inputs: DcfInputs, chance: float, recovery: float
) -> None:
    book = exact_dcf(inputs)
    failure = Failure(probability=chance, recovery=recovery)
    ours = value_dcf(dataclasses.replace(inputs, failure=failure)).worth
    with mp.workdps(DIGITS):
        claims = book.enterprise_value - book.equity_value
        left = max(mpf(recovery) * book.enterprise_value - claims, mpf(0))
        expected = (1 - mpf(chance)) * book.equity_value + mpf(chance) * left
        close = SAME * float(book.gross)
        assert ours.equity_value == pytest.approx(float(expected), rel=0, abs=close)


@LAW
@given(firms() | fuller(firms()))
def test_the_remark_on_the_terminal_share_is_made_exactly_where_forty_digits_say_so(
    inputs: DcfInputs,
) -> None:
    book = exact_dcf(inputs)
    over = book.value_of_terminal - mpf("0.75") * book.enterprise_value
    assume(abs(over) > 1e-9 * book.gross)  # rounding may say it either way
    assume(abs(book.enterprise_value) > 1e-9 * book.gross)
    due = book.enterprise_value > 0 and over > 0
    codes = {remark.code for remark in value_dcf(inputs).remarks}
    assert ("TERMINAL_VALUE_DOMINATES" in codes) == due


@LAW
@given(firms(), numbers(0.0, 0.5))
def test_restricted_stock_is_a_share_like_any_other_in_forty_digits(
    inputs: DcfInputs, part: float
) -> None:
    basic = float(inputs.shares.diluted)
    shares = Shares(basic=basic, restricted_stock=part * basic)
    ours = value_dcf(dataclasses.replace(inputs, shares=shares)).worth
    book = exact_dcf(inputs)
    with mp.workdps(DIGITS):
        held = mpf(basic) + mpf(part * basic)
        exact = float(book.equity_value / held)
    close = SAME * float(book.gross) / basic
    assert ours.value_per_share == pytest.approx(exact, rel=0, abs=close)
    assert math.isclose(float(ours.diluted_shares), float(held), rel_tol=1e-15)


@LAW
@given(firms() | fuller(firms()), numbers(0.01, 1e5), numbers(1.01, 10.0))
def test_a_market_price_moves_the_upside_and_nothing_else(
    inputs: DcfInputs, price: float, dearer: float
) -> None:
    cheap, dear = (
        value_dcf(dataclasses.replace(inputs, market_price=paid))
        for paid in (price, price * dearer)
    )
    assert dear.worth.value_per_share == cheap.worth.value_per_share
    one, other = cheap.cross_checks, dear.cross_checks
    assert one.upside is not None
    assert other.upside is not None
    # Both say the same of the same value.
    size = abs(float(cheap.worth.value_per_share)) + price * dearer
    assert (1.0 + one.upside) * price == pytest.approx(
        (1.0 + other.upside) * price * dearer, rel=0, abs=SAME * size
    )
    assert dataclasses.replace(one, upside=None) == dataclasses.replace(other, upside=None)
