"""What a merger comes to, as the schema says it: terms, books, earnings per share, and worth."""

from __future__ import annotations

from typing import Any

import strawberry

from resolvers.scalars import FloatSeries
from resolvers.valuations.dcf import DilutingConvertible, DilutingOptions

_MONEY = "In money."
_BY_YEAR = "In money, by year."
_AT_YEAR_END = "In money, at each year's end."


def _line(description: str = _MONEY) -> Any:
    return strawberry.field(description=description)


def _column(description: str = _BY_YEAR) -> Any:
    return strawberry.field(description=description)


def _sheet(description: str = _AT_YEAR_END) -> Any:
    return strawberry.field(description=description)


@strawberry.type(description="Who takes part in the target's price: its diluted shares there.")
class TargetDilution:
    price: float = _line("In money a share: the offer, at which all of them decide.")
    held_shares: float = _line("Basic shares and restricted stock.")
    options: list[DilutingOptions] = _line("In the order of the inputs.")
    convertibles: list[DilutingConvertible] = _line("In the order of the inputs.")


@strawberry.type(
    description="What is paid for the target, and how much that is. Null: the divisor is not above "
    "zero."
)
class MergerOfferTerms:
    price: float = _line("For one of the target's shares, in money.")
    premium: float = _line("Above the target's share price, a fraction.")
    premium_on_equity: float | None = _line(
        "The whole price above the target's diluted equity before the deal was known, a fraction."
    )
    exchange_ratio: float = _line(
        "The acquirer's shares for one of the target's; 0 where all is cash."
    )
    stock_share: float = _line("Of the price in shares, a fraction.")
    stock_per_share: float = _line("In the acquirer's shares, for one of the target's, in money.")
    cash_per_share: float = _line("For one of the target's shares, in money.")
    diluted_shares: float = _line("The target's at the offer, whole shares.")
    dilution: TargetDilution | None = _line(
        "Who takes part in it. Null: diluted shares were given."
    )
    equity_price: float = _line("For all of the target's diluted shares, in money.")
    earn_out: float = _line("At its fair value, in money; 0 where there is none.")
    net_debt: float = _line("The target's at closing, in money; below zero is net cash.")
    enterprise_value: float = _line("Equity price, earn-out and net debt, in money.")
    ev_to_revenue: float | None = _line("On the target's year 1, a multiple.")
    ev_to_ebitda: float | None = _line("On the target's year 1, a multiple.")
    price_to_earnings: float | None = _line(
        "Equity price and earn-out over the target's net income of year 1, a multiple."
    )
    acquirer_price_to_earnings: float | None = _line(
        "At the acquirer's share price, over its own net income of year 1, a multiple."
    )


@strawberry.type(
    description="Where the money comes from at closing, and where it goes; each side added up by "
    "itself."
)
class MergerSourcesAndUses:
    new_shares: float = _line("A source: at the acquirer's share price, in money.")
    balance_sheet_cash: float = _line("A source: cash that both firms had, in money.")
    new_debt: float = _line("A source: with what pays its own fee, in money.")
    total_sources: float = _line()
    equity: float = _line("A use: for all of the target's diluted shares, in money.")
    refinanced_debt: float = _line("A use: the target's debt that is repaid, in money.")
    advisory_fees: float = _line("A use, in money.")
    financing_fees: float = _line("A use: of the new debt, in money.")
    total_uses: float = _line()


@strawberry.type(description="Who owns the acquirer after closing.")
class MergerHolders:
    acquirer_shares: float = _line("Diluted at the acquirer's share price, whole shares.")
    new_shares: float = _line("Issued to the target's holders.")
    shares: float = _line("Both together.")
    acquirer: float = _line("Of all shares, a fraction: those who held the acquirer.")
    target: float = _line("Of all shares, a fraction: those who held the target.")


@strawberry.type(
    description=(
        "From the target's books to goodwill: net assets are book equity less the goodwill there, "
        "plus the deferred tax there and the write-ups, less the tax on them."
    )
)
class MergerPriceAllocation:
    price: float = _line("The equity price, and the earn-out at its fair value, in money.")
    book_equity: float = _line("The target's, in money; below zero, more is owed than owned.")
    existing_goodwill: float = _line("Of the target's earlier deals, written off, in money.")
    existing_deferred_tax: float = _line(
        "The target's liability, written off, in money; below zero, an asset."
    )
    intangibles: float = _line("Written up, in money.")
    fixed_asset_step_up: float = _line("Written up, in money.")
    inventory_step_up: float = _line("Written up, in money.")
    deferred_tax: float = _line("Liability on the three, in money; 0 where assets are bought.")
    net_assets: float = _line("At their fair values, in money.")
    goodwill: float = _line("The price less the net assets, in money.")


@strawberry.type(description="One set of books. An adjustment below zero takes away.")
class MergerBalanceSheet:
    cash: float = _line()
    working_capital: float = _line("Net, without cash and debt, in money.")
    fixed_assets: float = _line("Net, in money.")
    goodwill: float = _line()
    intangibles: float = _line("Without goodwill, in money.")
    other_assets: float = _line()
    financing_fees: float = _line("Of the new debt, not yet written off, in money.")
    total_assets: float = _line()
    debt: float = _line("With the convertibles that are not converted, in money.")
    new_debt: float = _line("Borrowed for the deal, in money.")
    deferred_tax_liability: float = _line("Net, in money; below zero is an asset.")
    earn_out: float = _line("At its fair value, in money.")
    other_liabilities: float = _line()
    equity: float = _line()
    total_claims: float = _line("Equal to the assets, in money.")


@strawberry.type(
    description="At closing: acquirer + target + adjustments = pro forma, line by line."
)
class MergerClosingBalance:
    acquirer: MergerBalanceSheet = _line("Before the deal.")
    target: MergerBalanceSheet = _line("Before the deal, its convertibles as the offer has them.")
    adjustments: MergerBalanceSheet = _line("What the deal changes.")
    pro_forma: MergerBalanceSheet = _line("The two firms as one.")


@strawberry.type(description="The two firms as one at each year's end, in money.")
class MergerBalanceSheets:
    cash: FloatSeries = _sheet(
        "In money, at each year's end; below zero, so much more is to borrow."
    )
    working_capital: FloatSeries = _sheet("Net, in money, at each year's end.")
    fixed_assets: FloatSeries = _sheet("Net, in money, at each year's end.")
    goodwill: FloatSeries = _sheet()
    intangibles: FloatSeries = _sheet("Without goodwill, in money, at each year's end.")
    other_assets: FloatSeries = _sheet()
    financing_fees: FloatSeries = _sheet("Not yet written off, in money, at each year's end.")
    total_assets: FloatSeries = _sheet()
    debt: FloatSeries = _sheet("That both owed before, in money, at each year's end.")
    new_debt: FloatSeries = _sheet("Borrowed for the deal, in money, at each year's end.")
    deferred_tax_liability: FloatSeries = _sheet(
        "Net, in money, at each year's end; below zero is an asset."
    )
    earn_out: FloatSeries = _sheet("At its fair value, in money, at each year's end.")
    other_liabilities: FloatSeries = _sheet()
    equity: FloatSeries = _sheet()
    total_claims: FloatSeries = _sheet("Equal to the assets, in money, at each year's end.")


@strawberry.type(
    description=(
        "The two firms as one, year by year; year 1 counts what comes after closing. Costs are "
        "positive numbers."
    )
)
class MergerIncomeStatement:
    revenue: FloatSeries = _column("With that of synergies, in money, by year.")
    ebitda: FloatSeries = _column(
        "With synergies, before what they cost to achieve, in money, by year."
    )
    synergies: FloatSeries = _column("Part of EBITDA, in money, by year.")
    costs_to_achieve: FloatSeries = _column("Of synergies, in money, by year.")
    depreciation: FloatSeries = _column("Of what both had in their books, in money, by year.")
    intangible_amortisation: FloatSeries = _column("Of write-ups, in money, by year.")
    step_up_depreciation: FloatSeries = _column(
        "Of what fixed assets were written up by, in money, by year."
    )
    inventory_charge: FloatSeries = _column(
        "Of what inventory was written up by, in money, by year."
    )
    ebit: FloatSeries = _column()
    interest: FloatSeries = _column(
        "Net, of what both owed before and still owe, in money, by year; below zero is income."
    )
    interest_saved: FloatSeries | None = _column(
        "Of the target's debt that ends, in money, by year: `interest` is what is left without it. "
        "Null: it was kept before this was told."
    )
    new_interest: FloatSeries = _column("On the new debt, in money, by year.")
    lost_yield: FloatSeries = _column("On the cash used at closing, in money, by year.")
    fee_amortisation: FloatSeries = _column("Of the new debt's fee, in money, by year.")
    earn_out_charge: FloatSeries = _column(
        "By which what is promised grows; not deducted for tax, in money, by year."
    )
    pre_tax_profit: FloatSeries = _column()
    tax: FloatSeries = _column("In money, by year; below zero, a loss saves it.")
    tax_on_adjustments: FloatSeries | None = _column(
        "Part of `tax`: on all that the deal adds and takes, at the acquirer's rate, in money, by "
        "year; below zero it is saved. The rest is both firms' tax by themselves. Null: it was "
        "kept before this was told."
    )
    net_income: FloatSeries = _column()


@strawberry.type(
    description=(
        "From net income to the change in cash: the first five lines come in, the next four go "
        "out. No dividends are paid."
    )
)
class MergerCashFlow:
    net_income: FloatSeries = _column()
    depreciation: FloatSeries = _column(
        "Added back, with the write-off of write-ups, in money, by year."
    )
    fee_amortisation: FloatSeries = _column("Added back, in money, by year.")
    earn_out_charge: FloatSeries = _column("Added back, in money, by year.")
    deferred_tax: FloatSeries = _column(
        "By which the liability grows, in money, by year; below zero, more tax is paid than "
        "charged."
    )
    capital_expenditure: FloatSeries = _column("Positive when spent, in money, by year.")
    increase_in_working_capital: FloatSeries = _column("Positive when tied up, in money, by year.")
    new_debt_repaid: FloatSeries = _column("Positive when repaid, in money, by year.")
    earn_out_paid: FloatSeries = _column("As expected; positive when paid, in money, by year.")
    change_in_cash: FloatSeries = _column()


@strawberry.type(
    description=(
        "Earnings per share with and without the deal; of a stub year what follows closing, on "
        "both sides."
    )
)
class MergerEarningsPerShare:
    stand_alone: FloatSeries = _column("Of the acquirer by itself, in money a share, by year.")
    gaap: FloatSeries = _column("With the deal, in money a share, by year.")
    cash: FloatSeries = _column(
        "With the deal, without what write-ups, fees and an earn-out charge, in money a share, by "
        "year."
    )
    accretion: list[float | None] = _column(
        "Of GAAP earnings per share over the stand-alone ones, a fraction, by year; below zero is "
        "dilution. Of a loss, of its amount. Null: by itself the acquirer earns nothing."
    )
    accretion_amount: FloatSeries = _column("The same in money a share, by year.")
    cash_accretion: list[float | None] = _column(
        "Of cash earnings per share over the stand-alone ones, a fraction, by year. Null as "
        "`accretion` is."
    )
    cash_accretion_amount: FloatSeries = _column("The same in money a share, by year.")
    breakeven_synergies: FloatSeries = _column(
        "Further synergies before tax at which the year's GAAP earnings per share do not change, "
        "in money, by year; below zero, so much may be missing. They are profit of the year "
        "itself: to `synergies.cost` add this, divided by the share of the year that comes after "
        "closing and by `synergies.phaseIn`."
    )
    maximum_premium: list[float | None] = _column(
        "The premium at which the year's GAAP earnings per share do not change, all else equal, a "
        "fraction, by year. Null: no price above zero does that, or none that can be paid, or "
        "earnings rise with the price, as where a loss is shared out among more shares."
    )


@strawberry.type(description="What each firm brings of one figure, by whole year.")
class MergerContributionLine:
    acquirer: FloatSeries = _column()
    target: FloatSeries = _column()
    target_share: list[float | None] = _column(
        "Of the sum, a fraction, by year. Null: one of them brings less than nothing, or both "
        "nothing."
    )
    implied_ownership: list[float | None] = _column(
        "What the target's holders would own by this figure alone, a fraction, by year: of what "
        "comes before interest, each firm's own net debt is taken off. Null as `targetShare` is."
    )


@strawberry.type(
    description="What each firm brings, beside what the target's holders would own for it."
)
class MergerContribution:
    revenue: MergerContributionLine = _line("By itself, before synergies.")
    ebitda: MergerContributionLine = _line("By itself, before synergies.")
    ebit: MergerContributionLine = _line("By itself, before synergies.")
    net_income: MergerContributionLine = _line("By itself, before synergies.")
    equity_value: float | None = _line(
        "The target's part of both market values before the deal, a fraction. Null: it says "
        "nothing."
    )
    ownership: float = _line(
        "Of the target's holders, were all of the price paid in shares, a fraction."
    )


@strawberry.type(
    description=(
        "All debt beside EBITDA of the whole year, with the synergies in place. Null: the divisor "
        "is not above zero."
    )
)
class MergerLeverage:
    debt_at_closing: float = _line("With the new debt, in money.")
    at_closing: float | None = _line("Debt over EBITDA of year 1 without synergies, a multiple.")
    net_at_closing: float | None = _line("The same, of debt less cash.")
    debt: FloatSeries = _column("With the new debt, in money, at each year's end.")
    debt_to_ebitda: list[float | None] = _column("A multiple, by year.")
    net_debt_to_ebitda: list[float | None] = _column(
        "Debt less cash over EBITDA, a multiple, by year; below zero, there is more cash."
    )
    interest_cover: list[float | None] = _column(
        "EBITDA over interest, both of what follows closing, a multiple, by year."
    )


@strawberry.type(
    description=(
        "What the price earns: ROIC = (the target's NOPAT + synergies after tax) / what was "
        "invested. Null: that is not above zero."
    )
)
class MergerReturns:
    invested: float = _line("Enterprise value and all fees, in money.")
    nopat: FloatSeries = _column(
        "With synergies after tax, before write-offs and costs to achieve, in money, by whole year."
    )
    roic: list[float | None] = _column("A fraction, by year.")
    wacc: float = _line("As given, a fraction per year.")
    spread: list[float | None] = _column(
        "ROIC less WACC, a fraction, by year; below zero, it earns less than it costs."
    )


@strawberry.type(
    description=(
        "What the synergies are worth at closing, and whose they are: the parts add up to the "
        "synergies, before fees."
    )
)
class MergerValueCreation:
    synergies: float = _line("After tax and costs to achieve, discounted, in money.")
    premium: float = _line(
        "Of the price above the target's diluted equity before the deal was known, in money."
    )
    created: float = _line(
        "Synergies less premium, in money; below zero, more is paid for than comes."
    )
    acquirer_part: float = _line("Its holders' share of what is created, in money.")
    target_part: float = _line("The premium, and its holders' share of what is created, in money.")
    acquirer_part_per_share: float = _line("In money, for each of the acquirer's own shares.")
    fees: float = _line("Of advisers and the new debt, in money: in nobody's part.")
