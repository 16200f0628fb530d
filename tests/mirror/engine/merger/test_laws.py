"""Laws of a merger, for any deal that can be closed; of its books in test_accounting_laws."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.firm.dilution import share_out
from engine.firm.equity import Shares
from engine.merger import (
    Financing,
    FixedRatio,
    MergerInputs,
    NewDebt,
    Offer,
    Synergies,
    value_merger,
)
from engine.merger.kernel import close
from tests.mirror.engine.merger.deals import (
    LAW,
    buyer,
    by_year,
    deal,
    deals,
    followed,
    level,
    near,
    numbers,
    parties,
    shares,
)


@LAW
@given(deals())
def test_sources_equal_uses_and_no_source_is_below_zero(inputs: MergerInputs) -> None:
    table = followed(inputs).sources_and_uses
    assert table.total_sources == near(table.total_uses)
    assert min(table.new_shares, table.balance_sheet_cash, table.new_debt) >= 0.0
    assert table.balance_sheet_cash <= inputs.financing.balance_sheet_cash


@LAW
@given(st.integers(1, 5), st.data())
def test_a_merger_with_a_clone_at_no_premium_in_shares_changes_no_earnings_per_share(
    years: int, data: st.DataObject
) -> None:
    firm = data.draw(parties("Clone", years))
    # A clone's books may be worth more than its shares: then nobody would sell it for them.
    inputs = deal(
        timing=replace(deal().timing, years=years),
        acquirer=firm,
        target=replace(firm, balance=replace(firm.balance, goodwill=0.0)),
        offer=Offer(premium=0.0),
        financing=Financing(stock_share=1.0, refinanced=0.0),
    )
    # A convertible that is converted ends its interest on one side only.
    assume(not firm.shares.convertibles)
    result = followed(inputs)
    for change, alone in zip(
        result.per_share.accretion_amount, result.per_share.stand_alone, strict=True
    ):
        assert change == near(0.0, abs(alone))
    assert result.acquirer_ownership == near(0.5)


@LAW
@given(
    parties("Acquirer", 1),
    parties("Target", 1),
    numbers(-0.1, 1.0),
)
def test_a_deal_in_shares_is_accretive_where_the_price_earns_more_than_the_acquirers_shares(
    acquirer: Any, target: Any, premium: float
) -> None:
    inputs = deal(
        timing=replace(deal().timing, years=1),
        acquirer=acquirer,
        target=replace(target, shares=Shares(diluted=100.0)),
        offer=Offer(premium=premium),
    )
    result = followed(inputs)
    paid, own = result.offer.price_to_earnings, result.offer.acquirer_price_to_earnings
    assert paid is not None
    assert own is not None
    assume(abs(paid / own - 1.0) > 1e-9)
    assert (result.accretion > 0.0) == (paid < own)
    assert result.per_share.accretion[0] == near(result.accretion, 1.0)
    # And by how much: earnings of the new shares at the one price, against the other.
    bought = result.offer.equity_price / (acquirer.share_price * result.holders.shares)
    assert result.accretion == near(bought * (own / paid - 1.0), 1.0)


@LAW
@given(numbers(0.01, 0.2), numbers(0.0, 0.9), numbers(-0.2, 1.0))
def test_a_deal_in_debt_is_accretive_where_the_price_earns_more_than_debt_costs_after_tax(
    rate: float, tax: float, premium: float
) -> None:
    inputs = deal(
        acquirer=buyer(statements=replace(buyer().statements, tax_rate=level(tax))),
        offer=Offer(premium=premium),
        financing=Financing(
            stock_share=0.0, refinanced=0.0, new_debt=NewDebt(rate=rate, tenor=10.0)
        ),
    )
    result = followed(inputs)
    paid = result.offer.price_to_earnings
    assert paid is not None
    spread = 1.0 / paid - rate * (1.0 - tax)
    assume(abs(spread) > 1e-9)
    assert (result.accretion > 0.0) == (spread > 0.0)


@LAW
@given(deals())
def test_breakeven_synergies_put_in_leave_every_years_earnings_as_they_are(
    inputs: MergerInputs,
) -> None:
    result = followed(inputs)
    missing = result.per_share.breakeven_synergies
    stub = inputs.timing.stub
    joined = inputs.synergies or Synergies()
    phased = joined.phase_in.by_year if joined.phase_in is not None else (1.0,) * len(missing)
    saved = 0.0 if joined.cost is None else joined.cost.level
    more = [
        saved * part + extra / (1.0 if year else stub)
        for year, (part, extra) in enumerate(zip(phased, missing, strict=True))
    ]
    revenue = None
    if joined.revenue is not None:
        revenue = by_year([joined.revenue.level * part for part in phased])
    there = followed(
        replace(
            inputs, synergies=replace(joined, cost=by_year(more), revenue=revenue, phase_in=None)
        )
    )
    for year, (gaap, alone) in enumerate(
        zip(there.per_share.gaap, there.per_share.stand_alone, strict=True)
    ):
        earned = abs(there.income_statement.ebitda[year]) / there.holders.shares
        assert gaap == near(alone, earned + abs(alone))


@LAW
@given(deals(), st.integers(0, 5))
def test_the_maximum_premium_put_in_leaves_earnings_per_share_as_they_are(
    inputs: MergerInputs, year: int
) -> None:
    result = followed(inputs)
    assume(year < inputs.timing.years)
    premium = result.per_share.maximum_premium[year]
    assume(premium is not None and -0.9 < premium < 10.0)
    mix = result.offer.stock_share
    there = replace(
        inputs,
        offer=Offer(premium=premium),
        financing=replace(inputs.financing, stock_share=mix),
        # A price below the net assets is no deal: goodwill is of no matter for earnings.
        target=replace(
            inputs.target, balance=replace(inputs.target.balance, other_liabilities=1e6)
        ),
    )
    found = value_merger(there)
    size = abs(found.income_statement.ebitda[year]) / found.holders.shares
    assert found.per_share.gaap[year] == near(found.per_share.stand_alone[year], size)


def test_no_higher_premium_than_the_maximum_keeps_earnings_per_share() -> None:
    result = value_merger(deal())
    for year, most in enumerate(result.per_share.maximum_premium):
        assert most is not None
        above = value_merger(deal(offer=Offer(premium=most + 0.01)))
        below = value_merger(deal(offer=Offer(premium=most - 0.01)))
        assert above.per_share.accretion_amount[year] < 0.0
        assert below.per_share.accretion_amount[year] > 0.0


@LAW
@given(deals())
def test_what_a_deal_is_worth_to_both_sides_is_what_the_synergies_are_worth(
    inputs: MergerInputs,
) -> None:
    result = followed(inputs)
    value = result.value_creation
    assert result.value_created == near(value.created, abs(value.premium))
    both = value.acquirer_part + value.target_part
    assert both == near(value.synergies, abs(value.premium) + abs(value.acquirer_part))
    assert value.created == near(value.synergies - value.premium)


@LAW
@given(deals())
def test_the_acquirers_part_is_its_share_of_all_that_is_there_less_what_it_had(
    inputs: MergerInputs,
) -> None:
    # Without an earn-out or a convertible, all that is there is the two market values and the
    # synergies, less the cash that is paid out.
    assume(inputs.earn_out is None and not inputs.target.shares.convertibles)
    result = followed(inputs)
    mine = inputs.acquirer.share_price * result.holders.acquirer_shares
    target = inputs.target
    its = target.share_price * target.shares.shared_at(target.share_price).diluted_shares
    cash = result.offer.equity_price * (1.0 - result.offer.stock_share)
    after = mine + its + result.value_creation.synergies - cash
    gain = result.holders.acquirer * after - mine
    assert result.value_creation.acquirer_part == near(gain, mine + abs(after))


@LAW
@given(deals())
def test_the_holders_own_all_of_it(inputs: MergerInputs) -> None:
    result = followed(inputs)
    assert result.holders.acquirer + result.holders.target == near(1.0)
    assert result.holders.acquirer_shares + result.new_shares == near(result.holders.shares)
    paid = result.offer.exchange_ratio * result.offer.diluted_shares
    assert paid == near(result.new_shares, 1.0)
    told = (result.holders.new_shares, result.holders.acquirer)
    assert told == (result.new_shares, result.acquirer_ownership)


@LAW
@given(deals())
def test_the_price_shared_out_among_the_targets_holders_is_the_offer(inputs: MergerInputs) -> None:
    given = inputs.target.shares
    assume(given.diluted is None)
    result = followed(inputs)
    table = result.offer.dilution
    assert table is not None
    owed = sum(each.debt for each in table.convertibles)
    claims = result.offer.equity_price + owed
    shared = share_out(claims, given.held, given.options, given.convertibles)
    assert shared.price == near(result.offer.price)
    counted = table.held_shares + sum(each.net_shares for each in table.options)
    counted += sum(each.shares for each in table.convertibles)
    assert counted == near(result.offer.diluted_shares)


@given(st.floats(1.0, 100.0), st.data())
@LAW
def test_shares_at_a_price_are_those_that_are_found_where_the_price_is_looked_for(
    price: float, data: st.DataObject
) -> None:
    given = data.draw(shares(50.0))
    assume(given.diluted is None)
    there = given.shared_at(price)
    claims = price * there.diluted_shares + there.debt
    shared = share_out(claims, given.held, given.options, given.convertibles)
    assert shared.price == near(price)
    assert shared.diluted_shares == near(float(there.diluted_shares), 1e-6 * claims)


def scaled(node: Any, unit: float) -> Any:
    """The same deal with all of its money in another unit."""
    money = {
        *("share_price", "price", "value", "low_price", "high_price", "reference_price"),
        *("cash_per_share", "strike", "face_value", "conversion_price", "amount", "advisory"),
        *("balance_sheet_cash", "inventory_step_up", "revenue", "ebitda", "depreciation"),
        *("interest", "capital_expenditure", "increase_in_working_capital", "cost"),
        *("costs_to_achieve", "cash", "working_capital", "fixed_assets", "goodwill"),
        *("intangibles", "other_assets", "debt", "deferred_tax_liability", "other_liabilities"),
    }
    fresh: dict[str, Any] = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, float) and field.name in money:
            fresh[field.name] = value * unit
        elif isinstance(value, tuple):
            fresh[field.name] = tuple(scaled(each, unit) for each in value)
        elif type(value).__name__ == "Schedule":
            if field.name in money:
                years = value.by_year and tuple(year * unit for year in value.by_year)
                one = None if value.level is None else value.level * unit
                fresh[field.name] = replace(value, level=one, by_year=years)
        elif dataclasses.is_dataclass(value):
            fresh[field.name] = scaled(value, unit)
    return replace(node, **fresh)


@LAW
@given(deals(), st.integers(-10, 20))
def test_no_ratio_of_a_deal_depends_on_the_unit_of_money(inputs: MergerInputs, power: int) -> None:
    unit = 2.0**power  # exact, so every branch goes the same way
    one, other = followed(inputs), followed(scaled(inputs, unit))
    assert other.accretion == one.accretion
    assert other.cash_accretion == one.cash_accretion
    assert other.acquirer_ownership == one.acquirer_ownership
    assert other.goodwill == one.goodwill * unit
    assert other.value_created == one.value_created * unit
    assert other.per_share.maximum_premium == one.per_share.maximum_premium
    assert other.returns.roic == one.returns.roic
    assert other.leverage.debt_to_ebitda == one.leverage.debt_to_ebitda
    assert other.offer.premium_on_equity == one.offer.premium_on_equity
    assert other.offer.ev_to_ebitda == one.offer.ev_to_ebitda


@LAW
@given(deals(), numbers(0.0, 0.5))
def test_more_cash_used_is_less_debt_with_its_fee(inputs: MergerInputs, less: float) -> None:
    cash = inputs.financing.balance_sheet_cash
    fewer = replace(
        inputs, financing=replace(inputs.financing, balance_sheet_cash=cash * (1.0 - less))
    )
    one, other = close_of(inputs), close_of(fewer)
    debt = inputs.financing.new_debt
    saved = float(one.funding.cash_used) - float(other.funding.cash_used)
    assert saved >= 0.0
    assert float(other.funding.new_debt) - float(one.funding.new_debt) == near(
        saved / (1.0 - debt.fee), float(one.cash_need) + 1.0
    )


def close_of(inputs: MergerInputs) -> Any:
    return close(followed(inputs).inputs)


@given(numbers(1.0, 60.0))
@LAW
def test_a_fixed_ratio_gives_the_same_shares_whatever_they_are_worth(price: float) -> None:
    offer = Offer(exchange_ratio=FixedRatio(ratio=0.6))
    result = value_merger(
        deal(
            offer=offer,
            acquirer=buyer(share_price=price),
            financing=Financing(refinanced=0.0),
            target=replace(
                deal().target,
                balance=replace(deal().target.balance, other_liabilities=1e4),
            ),
        )
    )
    assert result.new_shares == near(30.0)
    assert result.offer.price == near(0.6 * price)
