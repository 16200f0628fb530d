"""Exchange ratios: what is fixed, what floats, and where a collar changes its mind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from engine.merger import (
    Collar,
    CollarFixes,
    Financing,
    FixedRatio,
    FloatingRatio,
    MergerOutput,
    Offer,
    merger_question,
    value_merger,
)
from engine.scenarios import Axis, sensitivity
from tests.mirror.engine.merger.deals import LAW, buyer, deal, numbers

VALUE, RATIO = CollarFixes.VALUE, CollarFixes.RATIO


def offered(ratio: Any, price: float, **beside: Any) -> tuple[float, float]:
    """The offer in money, and the shares in it, at a price of the acquirer."""
    terms = value_merger(
        deal(
            acquirer=buyer(share_price=price),
            offer=Offer(exchange_ratio=ratio, **beside),
            financing=Financing(refinanced=0.0),
        )
    ).offer
    return terms.price, terms.exchange_ratio


def band(**changes: Any) -> Collar:
    """Half a share, agreed at 20: 10 in money, from 18 to 22."""
    plain: dict[str, Any] = {"ratio": 0.5, "low_price": 18.0, "high_price": 22.0}
    return Collar(**(plain | changes))


@pytest.mark.parametrize(
    ("fixes", "price", "value", "shares"),
    [
        (VALUE, 20.0, 10.0, 0.5),
        (VALUE, 18.0, 10.0, 10.0 / 18.0),
        (VALUE, 22.0, 10.0, 10.0 / 22.0),
        (VALUE, 16.0, 10.0 * 16.0 / 18.0, 10.0 / 18.0),
        (VALUE, 25.0, 10.0 * 25.0 / 22.0, 10.0 / 22.0),
        (RATIO, 20.0, 10.0, 0.5),
        (RATIO, 18.0, 9.0, 0.5),
        (RATIO, 16.0, 9.0, 9.0 / 16.0),
        (RATIO, 22.0, 11.0, 0.5),
        (RATIO, 25.0, 11.0, 11.0 / 25.0),
    ],
)
def test_a_collar_by_hand(fixes: CollarFixes, price: float, value: float, shares: float) -> None:
    found = offered(band(fixes=fixes), price)
    assert found == pytest.approx((value, shares))


def test_the_price_that_a_ratio_was_agreed_at_can_be_given() -> None:
    assert offered(band(reference_price=19.0), 21.0)[0] == pytest.approx(9.5)


def test_a_floating_ratio_by_hand() -> None:
    # 9 in money is half a share at 18 and three quarters of one at 12.
    assert offered(FloatingRatio(value=9.0), 18.0) == (9.0, 0.5)
    assert offered(FloatingRatio(value=9.0), 12.0) == (9.0, 0.75)


def test_cash_beside_shares_is_in_the_price() -> None:
    price, shares = offered(FixedRatio(ratio=0.5), 18.0, cash_per_share=0.0)
    assert (price, shares) == (9.0, 0.5)
    result = value_merger(
        deal(
            offer=Offer(exchange_ratio=FixedRatio(ratio=0.5), cash_per_share=3.0),
            financing=Financing(refinanced=0.0, balance_sheet_cash=150.0),
        )
    )
    assert result.offer.price == 12.0
    assert result.offer.stock_share == pytest.approx(0.75)
    assert result.sources_and_uses.balance_sheet_cash == pytest.approx(150.0)


@LAW
@given(numbers(14.0, 30.0))
def test_a_collar_is_worth_no_less_than_the_lesser_and_no_more_than_the_greater_of_its_ends(
    price: float,
) -> None:
    value, shares = offered(band(), price)
    floating, _ = offered(FloatingRatio(value=10.0), price)
    low, _ = offered(FixedRatio(ratio=10.0 / 18.0), price)
    high, _ = offered(FixedRatio(ratio=10.0 / 22.0), price)
    # Inside the band what floats, below it the larger fixed ratio, above it the smaller one.
    assert value == pytest.approx(sorted((low, floating, high))[1])
    assert 10.0 / 22.0 * (1.0 - 1e-12) <= shares <= 10.0 / 18.0 * (1.0 + 1e-12)


@pytest.mark.parametrize("fixes", CollarFixes)
@pytest.mark.parametrize("edge", [18.0, 22.0])
def test_no_price_makes_the_value_or_the_ratio_jump(fixes: CollarFixes, edge: float) -> None:
    below = offered(band(fixes=fixes), float(np.nextafter(edge, 0.0)))
    above = offered(band(fixes=fixes), float(np.nextafter(edge, 100.0)))
    assert below == pytest.approx(above, rel=1e-14)


def test_over_the_acquirers_price_a_collar_is_flat_in_the_band_and_nowhere_else() -> None:
    inputs = deal(offer=Offer(exchange_ratio=band()), financing=Financing(refinanced=0.0))
    question = merger_question(inputs, MergerOutput.ENTERPRISE_VALUE)
    prices = Axis("acquirer.share_price", np.linspace(15.0, 25.0, 21))
    once = Axis("target.balance.debt", np.array([200.0]))
    values = sensitivity(question, prices, once)[:, 0]
    flat = np.diff(values) == 0.0
    inside = (prices.values[:-1] >= 18.0) & (prices.values[1:] <= 22.0)
    assert (flat == inside).all()
