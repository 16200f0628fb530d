"""Options and convertibles that take part, and a failure that leaves something.

Drawn at random, most tranches stay idle and most failures leave nothing; here they have work to do.
"""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.optimize import brentq

from engine.dcf import (
    Bridge,
    Convertible,
    DcfInputs,
    Failure,
    OptionTranche,
    Shares,
    value_dcf,
)
from engine.firm.equity import settle
from tests.mirror.engine.exact import DIGITS, exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms, fuller, numbers

ENTERPRISE = 634.40  # of the firm of round numbers, by hand in test_kernel_by_hand


@st.composite
def shared(draw: st.DrawFn) -> DcfInputs:
    """Of options and of convertibles one tranche that is in the money whatever the other does, and
    one about whose price only the price of all of them together decides.
    """
    debt, held = draw(numbers(0.0, 300.0)), draw(numbers(10.0, 1_000.0))
    before = (ENTERPRISE - debt) / held
    part, below, about = numbers(0.05, 0.3), numbers(0.05, 0.35), numbers(0.5, 1.1)
    options = tuple(
        OptionTranche(count=draw(part) * held, strike=draw(price) * before)
        for price in (below, about)
    )
    bonds = tuple(
        Convertible(
            face_value=draw(numbers(0.01, 0.1)) * before * held,
            conversion_price=draw(price) * before,
        )
        for price in (numbers(0.2, 0.35), about)
    )
    restricted = draw(part) * held
    shares = Shares(
        basic=held - restricted, restricted_stock=restricted, options=options, convertibles=bonds
    )
    return dataclasses.replace(firm(bridge=Bridge(debt=debt, cash=0.0)), shares=shares)


def held_by(shares: Shares) -> float:
    assert shares.basic is not None
    assert shares.restricted_stock is not None
    return float(shares.basic) + float(shares.restricted_stock)


@LAW
@given(shared())
def test_brent_finds_the_price_at_which_everybody_is_paid(inputs: DcfInputs) -> None:
    shares, equity = inputs.shares, ENTERPRISE - float(inputs.bridge.debt)
    held = held_by(shares)

    def unpaid(price: float) -> float:
        owners = held * price
        options = math.fsum(o.count * max(price - o.strike, 0.0) for o in shares.options)
        lenders = math.fsum(
            max(b.face_value, b.face_value / b.conversion_price * price)
            for b in shares.convertibles
        )
        return owners + options + lenders - equity

    price = brentq(unpaid, 0.0, equity / held, xtol=1e-14 * equity / held, rtol=1e-14)
    prices = [o.strike for o in shares.options] + [b.conversion_price for b in shares.convertibles]
    assume(all(abs(price - other) > 1e-9 * price for other in prices))
    result = value_dcf(inputs)
    assert result.worth.value_per_share == pytest.approx(price, rel=1e-11)
    assert result.dilution is not None
    assert [each.net_shares for each in result.dilution.options] == pytest.approx(
        [o.count * max(0.0, 1.0 - o.strike / price) for o in shares.options], rel=1e-9
    )
    converted = [b.conversion_price < price for b in shares.convertibles]
    assert [each.converted for each in result.dilution.convertibles] == converted
    assert [each.shares for each in result.dilution.convertibles] == pytest.approx(
        [
            b.face_value / b.conversion_price if becomes else 0.0
            for b, becomes in zip(shares.convertibles, converted, strict=True)
        ],
        rel=1e-14,
    )
    owed = math.fsum(
        0.0 if becomes else b.face_value
        for b, becomes in zip(shares.convertibles, converted, strict=True)
    )
    assert result.worth.equity_value == pytest.approx(equity - owed, rel=1e-12)


@LAW
@given(shared())
def test_what_each_holder_has_at_the_price_adds_up_to_the_equity(inputs: DcfInputs) -> None:
    shares, result = inputs.shares, value_dcf(inputs)
    price, told = float(result.worth.value_per_share), result.dilution
    assert told is not None
    # By what they claim, and by the shares and the debt that are told of each.
    claimed = [held_by(shares) * price]
    for option in shares.options:
        if price > option.strike:  # a share each, for which they paid
            claimed += [option.count * price, -option.count * option.strike]
    for bond in shares.convertibles:
        becomes = price > bond.conversion_price
        claimed.append(
            bond.face_value / bond.conversion_price * price if becomes else bond.face_value
        )
    told_of = [held_by(shares) * price]
    told_of += [each.net_shares * price for each in told.options]
    told_of += [each.shares * price + each.debt for each in told.convertibles]
    equity = ENTERPRISE - float(inputs.bridge.debt)
    assert math.fsum(claimed) == pytest.approx(equity, rel=1e-11)
    assert math.fsum(told_of) == pytest.approx(equity, rel=1e-11)


def test_googles_basic_shares_and_its_options_are_worth_what_the_book_says() -> None:
    """Damodaran on Valuation, 2nd ed., illustration 11.2, in millions: equity of 32,187.

    Of 303.39 shares 25.61 are options at 24.41; by the treasury-stock method a share is 108.15.
    """
    google = Shares(basic=303.39 - 25.61, options=(OptionTranche(count=25.61, strike=24.41),))
    assert settle(32_187.0, Bridge(debt=0.0, cash=0.0), google).value_per_share == pytest.approx(
        108.15, abs=0.005
    )


@LAW
@given(firms(), numbers(0.0, 1.0))
def test_a_share_that_vests_is_a_share(inputs: DcfInputs, part: float) -> None:
    count = float(inputs.shares.diluted or 1.0)
    split = Shares(basic=max(1.0, part * count), restricted_stock=count)
    both = Shares(basic=float(split.basic or 0.0) + count)
    diluted = Shares(diluted=both.basic)
    prices = [
        float(value_dcf(dataclasses.replace(inputs, shares=each)).worth.value_per_share)
        for each in (split, both, diluted)
    ]
    assert prices == pytest.approx([prices[2]] * 3, rel=1e-14)


@LAW
@given(firms(sound=True), numbers(0.0, 1.0), numbers(0.0, 0.9), numbers(0.001, 0.1))
def test_each_point_of_recovery_is_the_owners_once_the_lenders_are_paid(
    inputs: DcfInputs, chance: float, recovery: float, more: float
) -> None:
    inputs = dataclasses.replace(inputs, bridge=Bridge(debt=0.0, cash=0.0))

    def equity(recovered: float) -> float:
        failure = Failure(probability=chance, recovery=recovered)
        return float(value_dcf(dataclasses.replace(inputs, failure=failure)).worth.equity_value)

    whole = float(value_dcf(inputs).worth.enterprise_value)
    assert whole > 0.0
    gained = equity(recovery + more) - equity(recovery)
    assert gained == pytest.approx(chance * more * whole, rel=0, abs=1e-13 * whole)


@LAW
@given(
    firms() | fuller(firms()).filter(lambda each: each.business.losses is not None),
    numbers(0.05, 0.95),
    numbers(0.3, 1.0),
)
def test_a_failure_weighs_two_shares_in_forty_digits(
    inputs: DcfInputs, chance: float, recovery: float
) -> None:
    # Debt small enough that a sale in distress leaves something to most firms.
    revenue = float(inputs.business.revenue)
    inputs = dataclasses.replace(inputs, bridge=Bridge(debt=0.05 * revenue, cash=0.01 * revenue))
    book = exact_dcf(inputs)
    failure = Failure(probability=chance, recovery=recovery)
    ours = value_dcf(dataclasses.replace(inputs, failure=failure)).worth
    with mp.workdps(DIGITS):
        count = mpf(inputs.shares.diluted)
        owed = mpf(inputs.bridge.debt) - mpf(inputs.bridge.cash)
        sold = max(recovery * book.enterprise_value - owed, mpf(0))
        lives = book.equity_value  # with what losses carried forward save in tax
        share = float(((1 - mpf(chance)) * lives + chance * sold) / count)
        equity = float((1 - mpf(chance)) * lives + chance * sold)
        futures = [float(lives / count), float(sold / count)]
    close = 1e-12 * float(book.gross) / float(count)
    assert ours.value_per_share == pytest.approx(share, rel=0, abs=close)
    assert ours.equity_value == pytest.approx(equity, rel=0, abs=close * float(count))
    settled = ours.settled
    assert settled.going_concern is not None
    assert settled.failed is not None
    found = [settled.going_concern.value_per_share, settled.failed.value_per_share]
    assert found == pytest.approx(futures, rel=0, abs=close)
