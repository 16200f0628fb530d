"""The inputs of a merger, as callers give them."""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from engine.merger import CollarFixes, Structure
from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.equity_inputs import SharesInput
from resolvers.valuations.firm_inputs import RATE, ScheduleInput, field
from resolvers.valuations.given import as_document

COLLAR_FIXES = strawberry.enum(
    CollarFixes,
    description=(
        "What stays fixed while the acquirer's share price is inside the band of a collar: the "
        "VALUE in shares, or the RATIO of shares. Outside the band the other one does."
    ),
)
STRUCTURE = strawberry.enum(
    Structure,
    name="MergerStructure",
    description=(
        "What the tax office sees. STOCK: shares change hands, assets cost for tax what they did, "
        "so every write-up makes a deferred tax liability. ASSET: the assets are bought, or taxed "
        "as if; write-ups are deducted, and make none."
    ),
)
_OF_ACQUIRER = "Of the acquirer's share, in money, above 0"


@strawberry.input(description="When the merger closes, and how far the forecast goes.")
class MergerTimingInput:
    closing_date: date = field(
        "The day of closing. Year 1 begins on it, unless `fiscalYearEnd` is given."
    )
    years: int = field("Years of forecast, by the acquirer's fiscal year, 1 to 10.")
    fiscal_year_end: date | None = field(
        "The last day of the acquirer's year 1, from 1 to 366 days after closing. What is given "
        "by year is the whole year's, and of year 1 the share after closing counts (days / 365, "
        "at most 1). Left out: a whole year.",
        default=strawberry.UNSET,
    )
    target_fiscal_year_end: date | None = field(
        "The last day of the target's year 1, from 0 to 364 days before `fiscalYearEnd`, which "
        "is given too. Where it is earlier, the target's statements have one year more, and each "
        "of the acquirer's years takes its days from two of them. Left out: as the acquirer's.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description=(
        "What a firm earns by itself, in money by fiscal year, each year as a whole. A loss saves "
        "as much tax as a profit pays."
    )
)
class MergerStatementsInput:
    revenue: ScheduleInput = field("In money a year, 0 or more.")
    ebitda: ScheduleInput = field("In money a year; below zero is a loss.")
    depreciation: ScheduleInput = field(
        "Depreciation and amortisation of what the firm has already, in money a year, 0 or more."
    )
    interest: ScheduleInput = field(
        "Net interest expense, in money a year; below zero is net income."
    )
    tax_rate: ScheduleInput = field(f"Tax on the profit before tax, from 0 to 0.9: {RATE}.")
    capital_expenditure: ScheduleInput | None = field(
        "In money a year, above zero when spent. Left out: what is depreciated.",
        default=strawberry.UNSET,
    )
    increase_in_working_capital: ScheduleInput | None = field(
        "Of net working capital, in money a year, above zero when tied up. Left out: none.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description=(
        "A firm's books on the day of closing, before the deal, in money; equity is what is left. "
        "Convertibles stand under the shares, and are not debt here."
    )
)
class MergerBalanceInput:
    cash: float = field("In money, 0 or more.")
    working_capital: float = field(
        "Net, without cash and debt, in money; below zero, it is owed.", default=0.0
    )
    fixed_assets: float = field(
        "Net property, plant and equipment, in money, 0 or more.", default=0.0
    )
    goodwill: float = field("Of earlier deals, in money, 0 or more.", default=0.0)
    intangibles: float = field("Without goodwill, in money, 0 or more.", default=0.0)
    other_assets: float = field("In money, 0 or more.", default=0.0)
    debt: float = field("Borrowings, in money, 0 or more.", default=0.0)
    deferred_tax_liability: float = field("Net, in money; below zero is an asset.", default=0.0)
    other_liabilities: float = field("In money, 0 or more.", default=0.0)


@strawberry.input(description="One of the two firms, by itself.")
class MergerPartyInput:
    name: str = field("One line of 1 to 60 characters.")
    share_price: float = field(
        "In money, above 0: the acquirer's at closing, the target's before the deal was known."
    )
    shares: SharesInput = field(
        "Who shares its equity: the acquirer's diluted at its share price, the target's at the "
        "offer."
    )
    statements: MergerStatementsInput = field("What it earns, year by year.")
    balance: MergerBalanceInput = field("Its books on the day of closing.")


@strawberry.input(description="So many shares, whatever they are worth.")
class FixedRatioInput:
    ratio: float = field("The acquirer's shares for one of the target's, above 0.")


@strawberry.input(description="Shares for a fixed value, however many they are.")
class FloatingRatioInput:
    value: float = field("In the acquirer's shares for one of the target's, in money, above 0.")


@strawberry.input(
    description=(
        "Shares between two prices of the acquirer's. Value V = ratio × reference price. With "
        "VALUE fixed, V is paid inside the band, and V / lowPrice or V / highPrice shares outside; "
        "with RATIO fixed, the ratio inside, and its value at the nearer edge outside."
    )
)
class CollarInput:
    ratio: float = field("The acquirer's shares for one of the target's, above 0.")
    low_price: float = field(f"{_OF_ACQUIRER}: where the band begins.")
    high_price: float = field(f"{_OF_ACQUIRER}: where the band ends, `lowPrice` or more.")
    reference_price: float | None = field(
        f"{_OF_ACQUIRER}: at signing, inside the band; with VALUE only. Left out: its middle.",
        default=strawberry.UNSET,
    )
    fixes: CollarFixes = field("What is fixed inside the band.", default=CollarFixes.VALUE)


@strawberry.input(
    one_of=True, description="How many of the acquirer's shares are paid. Give exactly one."
)
class ExchangeRatioInput:
    fixed: FixedRatioInput | None = field(
        "A number of shares: the target's holders bear the acquirer's price.",
        default=strawberry.UNSET,
    )
    floating: FloatingRatioInput | None = field(
        "A value in shares: the acquirer's holders bear their own price.",
        default=strawberry.UNSET,
    )
    collar: CollarInput | None = field(
        "One inside a band of the acquirer's price, the other outside.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "What is offered for a share of the target. Give exactly one of `price`, `premium` and "
        "`exchangeRatio`."
    )
)
class MergerOfferInput:
    price: float | None = field(
        "In money, above 0; paid in the mix of `financing.stockShare`.", default=strawberry.UNSET
    )
    premium: float | None = field(
        f"Above the target's share price, from -0.9 to 10: {RATE}; paid in the same mix.",
        default=strawberry.UNSET,
    )
    exchange_ratio: ExchangeRatioInput | None = field(
        "In the acquirer's shares; `cashPerShare` is paid beside them.", default=strawberry.UNSET
    )
    cash_per_share: float | None = field(
        "Beside an exchange ratio only, in money, 0 or more. Left out: none.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="Borrowed for what neither shares nor cash pay, and for its own fee.")
class NewDebtInput:
    rate: float = field(f"Interest on the opening balance, per year, from 0 to 1: {RATE}.")
    fee: float = field(
        "A share of the debt, from 0 to 0.9; capitalised, and written off evenly over the tenor.",
        default=0.0,
    )
    tenor: float = field(
        "Years from closing, 1 to 50: what is left is due at the end of the year they end in."
    )
    amortisation: ScheduleInput | None = field(
        "What is repaid each year, a share of the original debt, from 0 to 1. Left out: nothing "
        "before the end.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="How the price is paid, and the debts that fall due with it.")
class MergerFinancingInput:
    stock_share: float | None = field(
        "Share of the price that is paid in the acquirer's shares, from 0 (all cash) to 1 (all "
        "stock). Left out: only beside an exchange ratio, which says it.",
        default=strawberry.UNSET,
    )
    balance_sheet_cash: float = field(
        "Cash of both firms that pays first, in money, from 0 to all that they have.", default=0.0
    )
    lost_yield: float = field(
        f"What the cash used earned before tax, per year, from -0.05 to 1: {RATE}.", default=0.0
    )
    new_debt: NewDebtInput | None = field(
        "For whatever cash is still missing. Left out: none may be missing.",
        default=strawberry.UNSET,
    )
    refinanced: float = field(
        "Share of the target's debt that is repaid at closing, from 0 to 1, with the convertibles "
        "that are not converted at the offer.",
        default=1.0,
    )
    target_debt_rate: float | None = field(
        f"Interest on the target's debt that ends with the deal, per year, from 0 to 1: {RATE}. "
        "Left out: its interest falls in proportion to its debt.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="What the deal costs beside its price.")
class MergerFeesInput:
    advisory: float = field(
        "Of advisers and lawyers, in money, 0 or more: taken from equity at closing, and from no "
        "year's earnings.",
        default=0.0,
    )


@strawberry.input(
    description="An asset's fair value above the target's books, written off evenly from closing."
)
class WriteUpInput:
    amount: float = field("In money, 0 or more.")
    life: float = field("Years, 0.25 to 100.")


@strawberry.input(
    description="How the target's books are restated. What is paid above them is goodwill."
)
class MergerAllocationInput:
    structure: Structure = field("What the tax office sees.", default=Structure.STOCK)
    intangibles: list[WriteUpInput] | None = field(
        "Intangible assets, up to 20. Left out: none.", default=strawberry.UNSET
    )
    fixed_asset_step_up: WriteUpInput | None = field(
        "Of property, plant and equipment. Left out: none.", default=strawberry.UNSET
    )
    inventory_step_up: float = field(
        "Of inventory, in money, 0 or more: all of it is charged in year 1.", default=0.0
    )
    goodwill_tax_life: float | None = field(
        "Years over which goodwill is deducted for tax, 0.25 to 100; with ASSET only. It lessens "
        "the tax paid and no earnings. Left out: it is not deducted.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description=(
        "What the two firms earn together beyond what they earn apart, before tax, in money by "
        "fiscal year. `revenue` and `flowThrough` are given together."
    )
)
class SynergiesInput:
    cost: ScheduleInput | None = field(
        "Cost saved once all is in place, in money a year; below zero, more is spent. Left out: "
        "none.",
        default=strawberry.UNSET,
    )
    revenue: ScheduleInput | None = field(
        "Revenue added once all is in place, in money a year; below zero, it is lost. Left out: "
        "none.",
        default=strawberry.UNSET,
    )
    flow_through: float | None = field(
        "Share of that revenue that is profit, from 0 to 1.", default=strawberry.UNSET
    )
    phase_in: ScheduleInput | None = field(
        "Share of savings and revenue that is in place, from 0 to 1. Left out: all of it.",
        default=strawberry.UNSET,
    )
    costs_to_achieve: ScheduleInput | None = field(
        "Spent once, in money in its year, 0 or more. Left out: none.", default=strawberry.UNSET
    )
    growth: float | None = field(
        "Growth of the last year's synergies for ever after, per year, from -0.5 to 0.5 and 0.001 "
        f"or more below `wacc`: {RATE}. Left out: they end with the forecast.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description="A part of the price that is paid later, and only if something comes true."
)
class EarnOutInput:
    amount: float = field("In money, 0 or more.")
    year: int = field("At whose end it is paid, from 1 to the last of the forecast.")
    probability: float = field("That it is paid, from 0 to 1.")
    discount_rate: float | None = field(
        f"Per year, from -0.05 to 1: {RATE}. Left out: it is not discounted.",
        default=strawberry.UNSET,
    )


@as_document
@strawberry.input(
    description=(
        "A merger: one firm buys another. Money is in whole units of one currency; rates are "
        "fractions."
    )
)
class MergerInput:
    timing: MergerTimingInput = field("When it closes, and how far the forecast goes.")
    acquirer: MergerPartyInput = field("The firm that buys.")
    target: MergerPartyInput = field("The firm that is bought.")
    offer: MergerOfferInput = field("What is offered for a share of the target.")
    financing: MergerFinancingInput = field("How it is paid.")
    wacc: float = field(
        "Weighted average cost of capital of the target's business, per year, from 0.001 to 1: "
        "what synergies are discounted at, and ROIC is compared with."
    )
    fees: MergerFeesInput | None = field(
        "What the deal costs beside its price. Left out: nothing.", default=strawberry.UNSET
    )
    allocation: MergerAllocationInput | None = field(
        "How the target's books are restated. Left out: all that is paid above them is goodwill.",
        default=strawberry.UNSET,
    )
    synergies: SynergiesInput | None = field(
        "What they earn together beyond what they earn apart. Left out: nothing.",
        default=strawberry.UNSET,
    )
    earn_out: EarnOutInput | None = field(
        "What is paid later, and only if. Left out: nothing.", default=strawberry.UNSET
    )
    currency: str = field("ISO 4217 code of all money here.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    assumptions: list[AssumptionInput] | None = field(
        "Where inputs come from, up to 200. They change no number, are kept with the valuation, "
        "and are part of its id.",
        default=strawberry.UNSET,
    )
