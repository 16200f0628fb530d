"""What is known of a company, line by line: years, balance sheets, prices, peers, and changes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import strawberry

from resolvers.members import Member
from resolvers.scalars import InputValue
from services import companies as service
from services.own_companies import CompanyChange
from services.words import camel

# What each line is, said once for those who bring it (`company_inputs`) and those who look at it.
_MEANT: Final = {
    "revenue": "Net sales, 0 or more.",
    "operating_income": "EBIT as reported, after stock compensation.",
    "pretax_income": "Income before tax.",
    "income_tax": "Expense, positive.",
    "net_income": "After tax.",
    "depreciation_amortization": "D&A of the cash flow statement, positive.",
    "capital_expenditure": "Payments for property, plant and equipment, positive.",
    "stock_compensation": "Expense without cash, positive.",
    "cash_and_equivalents": "Cash and what is nearly cash.",
    "marketable_securities_current": "Securities to be sold within a year.",
    "marketable_securities_noncurrent": "Securities held for longer.",
    "debt_current": "Debt that is due within a year, commercial paper included.",
    "debt_noncurrent": "Debt that is due later.",
    "accounts_receivable": "What customers owe.",
    "vendor_nontrade_receivables": "What suppliers owe.",
    "inventories": "Goods in stock and in work.",
    "other_current_assets": "The rest of the current operating assets.",
    "accounts_payable": "What suppliers are owed.",
    "other_current_liabilities": (
        "The rest of the current operating liabilities, without debt and deferred revenue."
    ),
    "deferred_revenue_current": "Paid by customers and not yet earned.",
    "leases": "Lease liabilities that are taken off the enterprise value.",
    "preferred_stock": "Preferred stock.",
    "minority_interests": "Minority (non-controlling) interests.",
    "pensions_after_tax": "Unfunded pensions, after tax.",
    "associates": "Associates and other holdings outside operations.",
    "losses_carried_forward": "Losses of the past that may be used, before tax.",
    "diluted_shares": "Shares, weighted over the fiscal year.",
    "basic_shares": "Shares outstanding on the day.",
    "restricted_stock": "Shares beside the basic ones, all counted.",
}


def line(name: str, **default: Any) -> Any:
    """The field of a line of a statement."""
    return strawberry.field(description=_MEANT[name], **default)


@strawberry.type(
    description="What a reported line of a fiscal year is corrected by, such as a one-off."
)
class Adjustment:
    line: str = strawberry.field(description="The line, such as `operatingIncome`.")
    amount: float = strawberry.field(description="Money, added to what was reported.")
    reason: str = strawberry.field(description="What it is.")
    source: str = strawberry.field(description="Where it is told.")


@strawberry.type(
    description=(
        "The lines of one fiscal year; money in whole units of the currency. Null: not given here."
    )
)
class FiscalYearLines:
    revenue: float | None = line("revenue")
    operating_income: float | None = line("operating_income")
    pretax_income: float | None = line("pretax_income")
    income_tax: float | None = line("income_tax")
    net_income: float | None = line("net_income")
    depreciation_amortization: float | None = line("depreciation_amortization")
    capital_expenditure: float | None = line("capital_expenditure")
    stock_compensation: float | None = line("stock_compensation")

    @classmethod
    def lines(cls, year: service.FiscalYear) -> dict[str, float | None]:
        return {name: getattr(year, name) for name in FiscalYearLines.__dataclass_fields__}


@strawberry.type(
    description=(
        "One fiscal year as reported; money in whole units of the currency. Null: not given here."
    )
)
class FiscalYear(FiscalYearLines):
    fiscal_year: int = strawberry.field(description="The calendar year in which it ends.")
    adjustments: list[Adjustment] = strawberry.field(
        description="The bridge from these figures to the adjusted ones; often none."
    )
    adjusted: FiscalYearLines = strawberry.field(
        description="Each line as reported + the sum of its adjustments: what is derived from."
    )

    @classmethod
    def of(cls, year: service.FiscalYear) -> FiscalYear:
        return cls(
            **cls.lines(year),
            fiscal_year=year.fiscal_year,
            adjustments=[
                Adjustment(
                    line=camel(each.line),
                    amount=each.amount,
                    reason=each.reason,
                    source=each.source,
                )
                for each in year.adjustments
            ],
            adjusted=FiscalYearLines(**cls.lines(year.adjusted())),
        )


@strawberry.type(description="Options outstanding at one strike.")
class OptionGrant:
    count: float = strawberry.field(description="Whole shares.")
    strike: float = strawberry.field(description="Units of the currency for a share.")


@strawberry.type(
    description=(
        "A balance sheet as reported, in part; money in whole units of the currency, whole shares. "
        "Null: not given here."
    )
)
class BalanceSheet:
    as_of: date = strawberry.field(description="The day of the balances.")
    cash_and_equivalents: float | None = line("cash_and_equivalents")
    marketable_securities_current: float | None = line("marketable_securities_current")
    marketable_securities_noncurrent: float | None = line("marketable_securities_noncurrent")
    debt_current: float | None = line("debt_current")
    debt_noncurrent: float | None = line("debt_noncurrent")
    accounts_receivable: float | None = line("accounts_receivable")
    vendor_nontrade_receivables: float | None = line("vendor_nontrade_receivables")
    inventories: float | None = line("inventories")
    other_current_assets: float | None = line("other_current_assets")
    accounts_payable: float | None = line("accounts_payable")
    other_current_liabilities: float | None = line("other_current_liabilities")
    deferred_revenue_current: float | None = line("deferred_revenue_current")
    leases: float | None = line("leases")
    preferred_stock: float | None = line("preferred_stock")
    minority_interests: float | None = line("minority_interests")
    pensions_after_tax: float | None = line("pensions_after_tax")
    associates: float | None = line("associates")
    losses_carried_forward: float | None = line("losses_carried_forward")
    diluted_shares: float | None = line("diluted_shares")
    basic_shares: float | None = line("basic_shares")
    restricted_stock: float | None = line("restricted_stock")
    options: list[OptionGrant] = strawberry.field(
        description="Options outstanding, by strike; often none given."
    )

    @classmethod
    def of(cls, sheet: service.BalanceSheet) -> BalanceSheet:
        lines = {name: getattr(sheet, name) for name in cls.__dataclass_fields__}
        options = [OptionGrant(count=each.count, strike=each.strike) for each in sheet.options]
        return cls(**{**lines, "options": options})


@strawberry.type(description="What a share cost.")
class Price:
    date: date = strawberry.field(description="The day of the close.")
    close: float = strawberry.field(description="Unadjusted, in units of the currency.")

    @classmethod
    def of(cls, price: service.Price) -> Price:
        return cls(date=price.date, close=price.close)


@strawberry.type(description="A listed firm in the same business, for its beta.")
class Peer:
    ticker: str = strawberry.field(description="In capitals.")
    beta: float = strawberry.field(description="Levered, as observed.")
    debt_to_equity: float = strawberry.field(description="At market values.")
    tax_rate: float = strawberry.field(description="Marginal, its own, a fraction.")

    @classmethod
    def of(cls, peer: service.Peer) -> Peer:
        return cls(**{name: getattr(peer, name) for name in cls.__dataclass_fields__})


@strawberry.type(description="A figure that the tenant has brought, and where it is from.")
class Figure:
    path: str = strawberry.field(description="Such as `years[2024].revenue`.")
    value: InputValue | None = strawberry.field(
        description="In whole units: a number, a text, or a list."
    )
    source: str = strawberry.field(description="Which report, and where in it.")
    as_of: date | None = strawberry.field(description="What day it is true of; null: not said.")
    author: str | None = strawberry.field(description="The member who brought it, by name.")
    at: datetime | None = strawberry.field(description="When it was brought, UTC.")
    note: str | None = strawberry.field(description="What to know of it; null: nothing was said.")

    @classmethod
    def all_of(cls, company: service.Company) -> list[Figure]:
        """Each figure that the company says the origin of, by path."""
        values = service.figure_values(company)
        return [
            cls(
                path=path,
                value=_json(values.get(path)),
                source=origin.source,
                as_of=origin.as_of,
                author=origin.author,
                at=origin.at,
                note=origin.note,
            )
            for path, origin in sorted(company.origins.items())
        ]


@strawberry.type(description="One figure before and after a change. Null: nothing stood there.")
class FigureChange:
    path: str = strawberry.field(description="Such as `years[2024].revenue`.")
    old: InputValue | None = strawberry.field(description="The figure with its source, before.")
    new: InputValue | None = strawberry.field(description="The figure with its source, after.")


@strawberry.type(description="One change of a company of the tenant's own.")
class CompanyRevision:
    revision: int = strawberry.field(description="Its number: 1, 2, 3, without a gap.")
    verb: str = strawberry.field(description="ADD, IMPORT, CORRECT or REMOVE.")
    author: Member | None = strawberry.field(description="Null: they have left the tenant.")
    at: datetime = strawberry.field(description="When, UTC.")
    changes: list[FigureChange] = strawberry.field(description="What it changed, by path.")

    @classmethod
    def of(cls, change: CompanyChange) -> CompanyRevision:
        return cls(
            revision=change.revision,
            verb=change.verb,
            author=None if change.author is None else Member.of(change.author),
            at=change.at,
            changes=[
                FigureChange(path=each["path"], old=_json(each["old"]), new=_json(each["new"]))
                for each in change.changes
            ],
        )


def _json(value: Any) -> InputValue | None:
    return None if value is None else InputValue(value)
