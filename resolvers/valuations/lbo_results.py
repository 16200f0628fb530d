"""What a buyout comes to, as the schema says it: sources and uses, statements, debt, returns."""

from __future__ import annotations

from typing import Any

import strawberry

from engine.lbo import Measure, TrancheKind
from resolvers.scalars import FloatSeries

_MONEY = "In money, by year."


def _line(description: str = _MONEY, **default: Any) -> Any:
    return strawberry.field(description=description, **default)


@strawberry.type(description="What one tranche brings at closing.")
class TrancheSource:
    name: str = _line("As given.")
    kind: TrancheKind = _line("What it is.")
    amount: float = _line("Face value, in money.")
    times_ebitda: float = _line("The same over the EBITDA before closing.")
    share: float = _line("Of all sources, a fraction.")
    financing_fee: float = _line("In money, a use.")
    original_issue_discount: float = _line("In money, a use.")


@strawberry.type(description="Where the money comes from at closing, and where it goes; in money.")
class SourcesAndUses:
    enterprise_value: float = _line("A use: the price of the firm.")
    ev_to_ebitda: float = _line("The price over the EBITDA before closing.")
    transaction_fees: float = _line("A use.")
    financing_fees: float = _line("A use.")
    original_issue_discount: float = _line("A use: what lenders keep back of the face value.")
    cash_to_balance_sheet: float = _line("A use.")
    total: float = _line("Of the uses, and of the sources.")
    tranches: list[TrancheSource] = _line("Sources, in the order of the inputs.")
    rollover: float = _line("A source: what the old owners leave in.")
    sponsor_equity: float = _line("A source: the rest.")
    equity_share: float = _line("Of sponsor and rollover in all sources, a fraction.")


@strawberry.type(
    description="Year by year; year 1 counts what comes after closing. Costs are positive numbers."
)
class LboIncomeStatement:
    revenue: FloatSeries = _line()
    ebitda: FloatSeries = _line()
    depreciation: FloatSeries = _line("With amortisation, in money, by year.")
    ebit: FloatSeries = _line()
    cash_interest: FloatSeries = _line("Of all debt, in money, by year.")
    pik_interest: FloatSeries = _line("Paid in kind, in money, by year.")
    undrawn_fees: FloatSeries = _line("On what revolvers could still lend, in money, by year.")
    amortisation_of_fees: FloatSeries = _line(
        "Of financing fees and issue discounts of debt, straight over the tenor, in money, by year."
    )
    fees_written_off: FloatSeries | None = _line(
        "Of the same, beyond that: with debt that is prepaid; in money, by year. Null: no "
        "prepayment hastens it (`writeOffFeesOnPrepayment`).",
        default=None,
    )
    interest_income: FloatSeries = _line("On cash, in money, by year.")
    ebt: FloatSeries = _line("Earnings before tax, in money, by year.")
    losses_used: FloatSeries | None = _line(
        "Against taxable income, in money, by year. Null: no losses are carried forward.",
        default=None,
    )
    fees_deducted: FloatSeries | None = _line(
        "Transaction fees in taxable income, in money, by year. Null: they are not deducted.",
        default=None,
    )
    tax: FloatSeries = _line("None on a loss; in money, by year.")
    net_income: FloatSeries = _line("Before preferred dividends, in money, by year.")
    preferred_dividends: FloatSeries = _line(
        "In cash and in kind, and what is written off of its fee and discount, which save no tax; "
        "in money, by year."
    )


@strawberry.type(description="Year by year: opening cash and every line come to closing cash.")
class LboCashFlowStatement:
    net_income: FloatSeries = _line()
    depreciation: FloatSeries = _line("Added back, in money, by year.")
    amortisation_of_fees: FloatSeries = _line("Added back, in money, by year.")
    fees_written_off: FloatSeries | None = _line(
        "Added back, in money, by year. Null: no prepayment hastens it.", default=None
    )
    pik_interest: FloatSeries = _line("Added back, in money, by year.")
    stock_compensation: FloatSeries | None = _line(
        "Added back, in money, by year. Null: it is not.", default=None
    )
    capital_expenditure: FloatSeries = _line("Positive when spent, in money, by year.")
    increase_in_working_capital: FloatSeries = _line("Positive when tied up, in money, by year.")
    cash_preferred_dividends: FloatSeries = _line("Positive when paid, in money, by year.")
    cash_before_repayment: FloatSeries = _line("What the lines above come to, by year.")
    mandatory_repayment: FloatSeries = _line("Positive when repaid, in money, by year.")
    sweep: FloatSeries = _line(
        "Repaid from cash to spare, revolvers with it; positive, in money, by year."
    )
    revolver_drawn: FloatSeries = _line("Borrowed from revolvers, in money, by year.")
    change_in_cash: FloatSeries = _line()
    opening_cash: FloatSeries = _line()
    closing_cash: FloatSeries = _line()
    shortfall: FloatSeries = _line(
        "What no revolver could lend: cash ends so far below its minimum; in money, by year."
    )


@strawberry.type(
    description="At closing and at the end of each year: one number more than there are years."
)
class LboBalanceSheet:
    cash: FloatSeries = _line()
    working_capital: FloatSeries = _line("Net, without cash; in money.")
    fixed_assets: FloatSeries = _line("Net, in money.")
    goodwill: FloatSeries = _line()
    financing_costs: FloatSeries = _line("Fees and discounts not yet written off, in money.")
    total_assets: FloatSeries = _line()
    debt: FloatSeries = _line("At face value with what was paid in kind, in money.")
    preferred: FloatSeries = _line("Preferred stock, in money.")
    equity: FloatSeries = _line("Of sponsor and rollover, in money.")
    total_claims: FloatSeries = _line("Equal to the assets.")


@strawberry.type(description="The three statements.")
class LboStatements:
    income: LboIncomeStatement = _line("Year by year.")
    cash_flow: LboCashFlowStatement = _line("Year by year.")
    balance_sheet: LboBalanceSheet = _line("At closing and at the end of each year.")


@strawberry.type(
    description=(
        "One tranche, year by year: opening + drawn + paid in kind - mandatory - sweep = closing."
    )
)
class TrancheSchedule:
    name: str = _line("As given.")
    kind: TrancheKind | None = _line("Null: the debt of a recapitalisation.")
    rate: FloatSeries = _line("Of the cash interest, a fraction per year.")
    opening: FloatSeries = _line()
    drawn: FloatSeries = _line()
    paid_in_kind: FloatSeries = _line()
    mandatory: FloatSeries = _line("Repayment that is due, in money, by year.")
    sweep: FloatSeries = _line("Repayment from cash to spare, in money, by year.")
    closing: FloatSeries = _line()


@strawberry.type(
    description="A year as a lender reads it. Null: EBITDA or charges are not above zero."
)
class CreditYear:
    year: int = _line("From 1.")
    debt: float = _line("At the year's end, without preferred stock, in money.")
    net_debt: float = _line("Less all cash, in money.")
    leverage: float | None = _line("Debt over EBITDA of the fiscal year.")
    net_leverage: float | None = _line("Net debt over the same.")
    interest_cover: float | None = _line("EBITDA over cash interest and undrawn fees.")
    fixed_charge_cover: float | None = _line(
        "EBITDA less capital expenditure and tax, over cash interest, undrawn fees, what is due "
        "and preferred dividends in cash."
    )
    shortfall: float = _line("How far cash is below its minimum, in money.")


@strawberry.type(description="A covenant in one year.")
class CovenantYear:
    year: int = _line("From 1.")
    actual: float | None = _line("As a multiple. Null: not defined.")
    limit: float = _line("As a multiple.")
    headroom: float | None = _line(
        "Share by which EBITDA may fall before it breaks; below zero, it is broken. Null: not "
        "defined."
    )
    kept: bool = _line("Whether it is kept.")


@strawberry.type(description="A covenant over the years.")
class CovenantTest:
    measure: Measure = _line("What is measured.")
    years: list[CovenantYear] = _line("Year by year.")
    kept: bool = _line("Whether it is kept in every year.")


@strawberry.type(
    description=(
        "The certificate of a circular year: its balances are wrong by at most residual / "
        "(1 - contraction), as a share of all that the year adds up."
    )
)
class CircularYear:
    year: int = _line("From 1.")
    iterations: int = _line("Until nothing moved any more.")
    residual: float = _line("What a further iteration would move, a share.")
    contraction: float = _line("Below 1: there is one solution, and no other.")


@strawberry.type(description="Who has a part of the equity, and what it came to.")
class EquityHolder:
    name: str = _line("SPONSOR, ROLLOVER or OPTION_POOL.")
    invested: float = _line("At closing, in money.")
    dividend: float = _line("Of the recapitalisation until then, in money.")
    proceeds: float = _line("At exit, in money.")
    moic: float | None = _line("Money back over money in. Null: nothing was invested.")
    irr: float | None = _line(
        "Per year, a fraction; -1: all is lost. Null: nothing was invested, or too soon to tell."
    )


@strawberry.type(description="A sale at the end of a year, at the exit multiple.")
class ExitYear:
    year: int = _line("From 1.")
    enterprise_value: float = _line("In money.")
    net_debt: float = _line("Debt and preferred stock less all cash, in money.")
    equity: float = _line("After costs, in money; 0 where claims are not covered.")
    moic: float = _line("Money back over money in, the sponsor's.")
    irr: float | None = _line("Per year, a fraction; -1: all is lost. Null: too soon to tell.")
    holders: list[EquityHolder] | None = _line(
        "Who has what of the equity, the sponsor first. Null: it was kept before this was told.",
        default=None,
    )


@strawberry.type(description="Where the gain of all owners comes from, in money.")
class ValueCreation:
    total: float = _line("Exit equity and dividends less what was invested: the sum of the parts.")
    ebitda_growth: float = _line("At the entry multiple.")
    multiple_expansion: float = _line("On the EBITDA before closing.")
    cross: float = _line("Of both together.")
    net_debt: float = _line("Paid down.")
    fees: float = _line("Below zero: of transaction, financing, recapitalisation and exit.")
    claims_not_covered: float | None = _line(
        "What is owed at exit beyond the price. Null: all is covered.", default=None
    )
