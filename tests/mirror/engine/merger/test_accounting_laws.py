"""Laws of a merger's books: what stands in them, what was paid for it, and what it is charged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.merger import (
    Allocation,
    Fees,
    Financing,
    MergerInputs,
    MergerTiming,
    NewDebt,
    Offer,
    Structure,
    WrittenUp,
    value_merger,
)
from tests.mirror.engine.merger.deals import (
    CLOSING,
    LAW,
    deal,
    deals,
    followed,
    near,
    numbers,
)


@LAW
@given(deals())
def test_every_balance_sheet_balances(inputs: MergerInputs) -> None:
    result = followed(inputs)
    closing, size = result.closing, result.closing.pro_forma.total_assets
    size = max(abs(size), result.offer.equity_price)
    for sheet in (closing.acquirer, closing.target, closing.adjustments, closing.pro_forma):
        assert sheet.total_assets == near(sheet.total_claims, size)
    for assets, claims in zip(
        result.balance_sheets.total_assets, result.balance_sheets.total_claims, strict=True
    ):
        assert assets == near(claims, size + abs(assets))


@LAW
@given(deals())
def test_cash_is_what_was_there_and_what_came_in(inputs: MergerInputs) -> None:
    result = followed(inputs)
    cash = inputs.acquirer.balance.cash + inputs.target.balance.cash
    cash -= result.sources_and_uses.balance_sheet_cash
    assert result.closing.pro_forma.cash == near(cash, 100.0)
    flows, rows = result.cash_flow, result.balance_sheets.cash
    for year, held in enumerate(rows):
        paid = (
            flows.capital_expenditure[year]
            + flows.increase_in_working_capital[year]
            + flows.new_debt_repaid[year]
            + flows.earn_out_paid[year]
        )
        kept = (
            flows.net_income[year]
            + flows.depreciation[year]
            + flows.fee_amortisation[year]
            + flows.earn_out_charge[year]
            + flows.deferred_tax[year]
        )
        cash += kept - paid
        assert held == near(cash, abs(kept) + abs(paid) + 1000.0)


@LAW
@given(deals())
def test_goodwill_is_the_price_above_the_fair_value_of_what_is_bought(
    inputs: MergerInputs,
) -> None:
    result = followed(inputs)
    rate = inputs.acquirer.statements.tax_rate.level
    allocated = inputs.allocation or Allocation()
    written_up = sum(each.amount for each in allocated.intangibles) + allocated.inventory_step_up
    if allocated.fixed_asset_step_up is not None:
        written_up += allocated.fixed_asset_step_up.amount
    tax = 0.0 if allocated.structure is Structure.ASSET else rate * written_up
    its, sheet = inputs.target.balance, result.closing.target
    tangible = its.cash + its.working_capital + its.fixed_assets + its.intangibles
    tangible += its.other_assets
    fair = tangible + written_up - tax - sheet.debt - its.other_liabilities
    price = result.offer.equity_price + result.offer.earn_out
    assert result.goodwill == near(price - fair, price)
    assert result.allocation.deferred_tax == near(tax, price)
    assert result.closing.pro_forma.goodwill == near(
        inputs.acquirer.balance.goodwill + result.goodwill, price
    )


@LAW
@given(deals())
def test_deferred_tax_is_its_rate_of_what_is_not_yet_written_off(inputs: MergerInputs) -> None:
    allocated = inputs.allocation or Allocation()
    assume(allocated.structure is Structure.STOCK)
    result, rate = followed(inputs), inputs.acquirer.statements.tax_rate.level
    assets = list(allocated.intangibles)
    if allocated.fixed_asset_step_up is not None:
        assets.append(allocated.fixed_asset_step_up)
    own = inputs.acquirer.balance.deferred_tax_liability
    for year, owed in enumerate(result.balance_sheets.deferred_tax_liability):
        gone = inputs.timing.stub + year
        left = sum(each.amount * max(0.0, 1.0 - gone / each.life) for each in assets)
        assert owed == near(own + rate * left, 100.0)


@LAW
@given(deals())
def test_an_asset_deal_earns_what_a_stock_deal_earns_with_less_goodwill_by_the_deferred_tax(
    inputs: MergerInputs,
) -> None:
    base = replace(inputs.allocation or Allocation(), goodwill_tax_life=None)
    stock = followed(replace(inputs, allocation=replace(base, structure=Structure.STOCK)))
    asset = followed(replace(inputs, allocation=replace(base, structure=Structure.ASSET)))
    assert asset.per_share.gaap == stock.per_share.gaap
    assert asset.allocation.deferred_tax == 0.0
    price = stock.offer.equity_price
    assert stock.goodwill - asset.goodwill == near(stock.allocation.deferred_tax, price)
    # What is never paid to the tax office is in the cash.
    saved = asset.balance_sheets.cash[-1] - stock.balance_sheets.cash[-1]
    released = (
        stock.closing.pro_forma.deferred_tax_liability
        - stock.balance_sheets.deferred_tax_liability[-1]
    )
    assert saved == near(released, 10.0 * abs(stock.balance_sheets.cash[-1]) + price)


@LAW
@given(deals(), numbers(5.0, 20.0))
def test_deducted_goodwill_is_in_cash_and_deferred_tax_and_in_no_earnings(
    inputs: MergerInputs, life: float
) -> None:
    base = replace(
        inputs.allocation or Allocation(), structure=Structure.ASSET, goodwill_tax_life=None
    )
    without = followed(replace(inputs, allocation=base))
    with_it = followed(replace(inputs, allocation=replace(base, goodwill_tax_life=life)))
    assert with_it.per_share.gaap == without.per_share.gaap
    assert with_it.per_share.cash == without.per_share.cash
    rate = inputs.acquirer.statements.tax_rate.level
    gone = min(inputs.timing.stub + inputs.timing.years - 1, life)
    saved = rate * without.goodwill * gone / life
    size = 10.0 * abs(without.balance_sheets.cash[-1]) + without.goodwill
    assert with_it.balance_sheets.cash[-1] - without.balance_sheets.cash[-1] == near(saved, size)


@LAW
@given(deals())
def test_profit_is_what_both_earn_apart_and_what_the_deal_adds_and_takes_after_tax(
    inputs: MergerInputs,
) -> None:
    result, lines = followed(inputs), followed(inputs).income_statement
    rate = inputs.acquirer.statements.tax_rate.level
    for year, net in enumerate(lines.net_income):
        part = inputs.timing.stub if year == 0 else 1.0
        apart, owed = 0.0, 0.0
        for party in (inputs.acquirer, inputs.target):
            its = party.statements
            profit = its.ebitda.by_year[year] - its.depreciation.by_year[year]
            owed += its.interest.by_year[year] * part
            profit -= its.interest.by_year[year]
            apart += profit * (1.0 - its.tax_rate.level) * part
        added = lines.synergies[year] - lines.costs_to_achieve[year]
        added += lines.interest_saved[year]
        # What both paid before is paid still, or saved.
        assert lines.interest[year] + lines.interest_saved[year] == near(owed, lines.ebitda[year])
        taken = (
            lines.intangible_amortisation[year]
            + lines.step_up_depreciation[year]
            + lines.inventory_charge[year]
            + lines.new_interest[year]
            + lines.lost_yield[year]
            + lines.fee_amortisation[year]
        )
        expected = apart + (added - taken) * (1.0 - rate) - lines.earn_out_charge[year]
        assert net == near(expected, lines.ebitda[year] + taken)
        on_adjustments = (added - taken) * rate
        assert lines.tax_on_adjustments[year] == near(on_adjustments, lines.ebitda[year] + taken)
        assert lines.pre_tax_profit[year] - lines.tax[year] == near(net, lines.ebitda[year])
        by_hand = result.per_share.gaap[year] * result.holders.shares
        assert by_hand == near(net, lines.ebitda[year])


@LAW
@given(st.none() | st.integers(1, 366))
def test_what_a_deal_charges_over_all_years_is_what_was_paid_for_it(days: int | None) -> None:
    # Ten years and every life below them: all that was capitalised has been written off.
    short = Allocation(
        intangibles=(WrittenUp(amount=10.0, life=3.3),),
        fixed_asset_step_up=WrittenUp(amount=5.0, life=8.9),
        inventory_step_up=1.0,
    )
    plain = deal(
        timing=MergerTiming(
            closing_date=CLOSING,
            years=10,
            fiscal_year_end=None if days is None else CLOSING + timedelta(days=days),
        ),
        offer=Offer(premium=0.5),
        financing=Financing(
            stock_share=0.2, new_debt=NewDebt(rate=0.05, fee=0.03, tenor=7.7), refinanced=1.0
        ),
        allocation=short,
    )
    result = value_merger(plain)
    lines = result.income_statement
    assert sum(lines.intangible_amortisation) == near(10.0)
    assert sum(lines.step_up_depreciation) == near(5.0)
    assert sum(lines.inventory_charge) == near(1.0)
    assert sum(lines.fee_amortisation) == near(result.sources_and_uses.financing_fees)
    assert result.balance_sheets.financing_fees[-1] == near(0.0, 10.0)
    assert result.balance_sheets.new_debt[-1] == 0.0
    assert result.balance_sheets.deferred_tax_liability[-1] == near(0.0, 10.0)


@LAW
@given(deals())
def test_an_earn_out_is_owed_until_it_is_paid_and_costs_what_it_grew_by(
    inputs: MergerInputs,
) -> None:
    promised = inputs.earn_out
    assume(promised is not None)
    result = followed(inputs)
    expected = promised.amount * promised.probability
    charged = sum(result.income_statement.earn_out_charge)
    assert result.offer.earn_out + charged == near(expected, expected)
    assert result.cash_flow.earn_out_paid[promised.year - 1] == expected
    assert all(owed == 0.0 for owed in result.balance_sheets.earn_out[promised.year - 1 :])
    assert all(
        owed > 0.0 or expected == 0.0
        for owed in result.balance_sheets.earn_out[: promised.year - 1]
    )


def test_fees_of_advisers_are_in_equity_and_in_no_years_earnings() -> None:
    financing = Financing(stock_share=1.0, refinanced=0.0, balance_sheet_cash=50.0)
    without = value_merger(deal(financing=financing))
    with_them = value_merger(deal(financing=financing, fees=Fees(advisory=30.0)))
    assert with_them.per_share.gaap == without.per_share.gaap
    fallen = without.closing.pro_forma.equity - with_them.closing.pro_forma.equity
    assert fallen == 30.0
    assert with_them.closing.pro_forma.cash == without.closing.pro_forma.cash - 30.0
