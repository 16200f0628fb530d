"""What a refusal says would mend a deal does mend it, to the digit that is told."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Infeasible, InvalidInput, Refused
from engine.firm.dilution import Convertible, OptionTranche
from engine.firm.equity import Shares
from engine.merger import (
    Allocation,
    Collar,
    Financing,
    FixedRatio,
    FloatingRatio,
    MergerInputs,
    NewDebt,
    Offer,
    Structure,
    Synergies,
    WrittenUp,
    admit,
    value_merger,
)
from engine.paths import replaced
from engine.schedules import Schedule
from tests.mirror.engine.merger.deals import bought, deal, numbers

FEW = settings(deadline=None, max_examples=20)
WAY = re.compile(r"let ([a-z_.\[\]\d]+) be ([-\d.,e]+) or (?:more|less)")
STOCK = Financing(refinanced=0.0)  # beside an exchange ratio
HOLDERS = Shares(
    basic=44.0,
    restricted_stock=1.0,
    options=(OptionTranche(count=6.0, strike=11.0),),
    convertibles=(
        Convertible(face_value=30.0, conversion_price=11.5),
        Convertible(face_value=40.0, conversion_price=60.0),
    ),
)


def ways(inputs: MergerInputs) -> dict[str, float]:
    """The inputs that are named as what would mend it, and to what."""
    with pytest.raises(Refused) as refused:
        value_merger(inputs)
    assert isinstance(refused.value, Infeasible | InvalidInput)
    (problem,) = refused.value.problems
    return {
        path: float(number.replace(",", "")) for path, number in WAY.findall(problem.suggestion)
    }


@FEW
@given(
    numbers(500.0, 5000.0),
    st.sampled_from(
        [
            ("offer.price", Offer(price=10.0)),
            ("offer.premium", Offer(premium=0.25)),
            (
                "offer.exchange_ratio.fixed.ratio",
                Offer(exchange_ratio=FixedRatio(ratio=0.5), cash_per_share=0.4),
            ),
            ("offer.exchange_ratio.floating.value", Offer(exchange_ratio=FloatingRatio(value=9.0))),
            (
                "offer.exchange_ratio.collar.ratio",
                Offer(exchange_ratio=Collar(ratio=0.5, low_price=19.0, high_price=22.0)),
            ),
        ]
    ),
    st.sampled_from([Shares(diluted=50.0), HOLDERS]),
)
def test_at_the_offer_that_is_told_the_price_pays_for_what_is_bought(
    written_up: float, offered: tuple[str, Offer], shares: Shares
) -> None:
    path, offer = offered
    by_ratio = offer.exchange_ratio is not None
    inputs = deal(
        target=bought(shares=shares),
        offer=offer,
        financing=replace(STOCK, balance_sheet_cash=100.0, stock_share=None if by_ratio else 1.0),
        allocation=Allocation(intangibles=(WrittenUp(amount=written_up, life=10.0),)),
    )
    found = ways(inputs)
    assert list(found)[-1] == path
    mended = value_merger(replaced(inputs, {path: found[path]}))
    assert 0.0 <= mended.goodwill + 1e-6 < 1e-3 * mended.offer.equity_price + 0.1 * 50.0


@FEW
@given(
    st.sampled_from(Structure),
    st.sampled_from(["inventory_step_up", "fixed_asset_step_up.amount", "intangibles[1].amount"]),
    numbers(600.0, 5000.0),
    st.lists(numbers(0.0, 0.6), min_size=3, max_size=3),
)
def test_at_the_write_up_that_is_told_the_price_pays_for_what_is_bought(
    structure: Structure, largest: str, written_up: float, rates: list[float]
) -> None:
    """The largest of them, whatever the tax that is deferred on it: at rates that change, too."""
    small = Allocation(
        structure=structure,
        intangibles=(WrittenUp(amount=9.0, life=5.0), WrittenUp(amount=8.0, life=2.0)),
        fixed_asset_step_up=WrittenUp(amount=7.0, life=1.5),
        inventory_step_up=6.0,
    )
    path = f"allocation.{largest}"
    inputs = replaced(deal(allocation=small), {path: written_up / (1.0 - max(rates))})
    taxed = replace(inputs.acquirer.statements, tax_rate=Schedule.explicit(rates))
    inputs = replace(inputs, acquirer=replace(inputs.acquirer, statements=taxed))
    with pytest.raises(Infeasible) as refused:
        admit(inputs)
    (problem,) = refused.value.problems
    assert ("after deferred tax" in problem.suggestion) == (structure is Structure.STOCK)
    found = ways(inputs)
    mended = value_merger(replaced(inputs, {path: found[path]}))
    assert 0.0 <= mended.goodwill + 1e-6 < 1.0 + 1e-5 * written_up


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"financing.balance_sheet_cash": np.array([0.0, 250.0, 230.0])}, "Use up to 220,"),
        (
            {
                "financing.balance_sheet_cash": np.array([0.0, 190.0, 230.0]),
                "acquirer.balance.cash": np.array([200.0, 130.123456, 200.0]),
            },
            "Use up to 150.123,",
        ),
    ],
)
def test_of_scenarios_the_worst_is_told_what_would_mend_it(
    batch: dict[str, Any], said: str
) -> None:
    """In the numbers that the message shows: the target has 20."""
    with pytest.raises(InvalidInput) as refused:
        admit(replaced(deal(), batch))
    (problem,) = refused.value.problems
    assert said in problem.suggestion


@FEW
@given(numbers(0.0, 0.999), numbers(0.0, 0.4), numbers(0.0, 1.0))
def test_with_as_much_cash_or_shares_or_debt_that_stays_the_sources_are_the_uses(
    mix: float, used: float, refinanced: float
) -> None:
    financing = Financing(stock_share=mix, balance_sheet_cash=220.0 * used, refinanced=refinanced)
    inputs = deal(financing=financing)
    missing = 500.0 * (1.0 - mix) + 200.0 * refinanced - 220.0 * used
    if missing <= 1e-6:
        value_merger(inputs)
        return
    found = ways(inputs)
    assert ("financing.balance_sheet_cash" in found) == (missing <= 220.0 * (1.0 - used))
    assert ("financing.stock_share" in found) == (missing <= 500.0 * (1.0 - mix))
    assert ("financing.refinanced" in found) == (missing <= 200.0 * refinanced)
    for path, value in found.items():
        table = value_merger(replaced(inputs, {path: value})).sources_and_uses
        assert table.total_sources == pytest.approx(table.total_uses, rel=1e-8)


@pytest.mark.parametrize(
    ("inputs", "said", "mended"),
    [
        (
            deal(financing=Financing(stock_share=0.5, balance_sheet_cash=230.123456)),
            "Use up to 220,",
            {"financing.balance_sheet_cash": 220.0, "financing.stock_share": 1.0},
        ),
        (
            deal(
                offer=Offer(
                    exchange_ratio=Collar(ratio=0.5, low_price=22.1234567, high_price=18.0)
                ),
                financing=STOCK,
            ),
            "highest price of 22.1235 or more, or a lowest of 18 or less",
            {"offer.exchange_ratio.collar.high_price": 22.1235},
        ),
        (
            deal(
                offer=Offer(
                    exchange_ratio=Collar(
                        ratio=0.5, low_price=18.1234567, high_price=22.0, reference_price=17.0
                    )
                ),
                financing=STOCK,
            ),
            "Give a reference price from 18.1235 to 22.",
            {"offer.exchange_ratio.collar.reference_price": 18.1235},
        ),
        *(
            (
                deal(wacc=0.0912345678, synergies=Synergies(growth=0.0905)),
                "Let synergies.growth be 0.0902345 or less, or let wacc be 0.0915 or more.",
                {"financing.stock_share": 1.0} | mended,
            )
            for mended in ({"synergies.growth": 0.0902345}, {"wacc": 0.0915})
        ),
    ],
)
def test_a_number_that_is_told_is_let_in(
    inputs: MergerInputs, said: str, mended: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        admit(inputs)
    (problem,) = refused.value.problems
    assert said in problem.suggestion
    admit(replaced(replace(inputs, financing=replace(inputs.financing, refinanced=0.0)), mended))


def test_where_nothing_by_itself_would_do_only_debt_is_told() -> None:
    dear = deal(financing=Financing(stock_share=0.4, refinanced=0.5, balance_sheet_cash=0.0))
    with pytest.raises(Infeasible) as refused:
        value_merger(dear)
    said = refused.value.problems[0].suggestion
    assert said == "Give financing.new_debt: 400 / (1 - its fee) would be borrowed."
    lent = NewDebt(rate=0.05, fee=0.2, tenor=5.0)
    mended = replace(dear, financing=replace(dear.financing, new_debt=lent))
    assert value_merger(mended).new_debt == pytest.approx(400.0 / (1.0 - 0.2))


@pytest.mark.parametrize(
    "ratio", [FixedRatio(ratio=1e5), Collar(ratio=1e5, low_price=19.0, high_price=22.0)]
)
def test_a_ratio_that_nobody_may_give_is_not_told(ratio: FixedRatio | Collar) -> None:
    """Of 50 shares at 20 the most that may be paid for are a thousand million."""
    rich = bought(balance=replace(bought().balance, fixed_assets=2e9))
    inputs = deal(target=rich, offer=Offer(exchange_ratio=ratio), financing=STOCK)
    assert "offer" in str(ways(replaced(inputs, {"target.balance.fixed_assets": 9e8})))
    assert ways(inputs) == {}
