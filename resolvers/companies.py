"""Companies: what they filed, and the DCF inputs that follow from it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.scalars import InputDocument
from services import companies as service


@strawberry.type(description="One fiscal year as reported; money in whole units of the currency.")
class FiscalYear:
    fiscal_year: int = strawberry.field(description="The calendar year in which it ends.")
    revenue: float = strawberry.field(description="Net sales.")
    operating_income: float = strawberry.field(
        description="EBIT as reported, after stock compensation."
    )
    pretax_income: float = strawberry.field(description="Income before tax.")
    income_tax: float = strawberry.field(description="Expense, positive.")
    net_income: float = strawberry.field(description="After tax.")
    depreciation_amortization: float = strawberry.field(
        description="D&A of the cash flow statement, positive."
    )
    capital_expenditure: float = strawberry.field(
        description="Payments for property, plant and equipment, positive."
    )
    stock_compensation: float | None = strawberry.field(
        description="Expense without cash, positive; null: not shipped."
    )

    @classmethod
    def of(cls, year: service.FiscalYear) -> FiscalYear:
        return cls(**{name: getattr(year, name) for name in cls.__dataclass_fields__})


@strawberry.type(
    description=(
        "A balance sheet as reported, in part; money in whole units of the currency. Null: not "
        "shipped."
    )
)
class BalanceSheet:
    as_of: date = strawberry.field(description="The day of the balances.")
    cash_and_equivalents: float = strawberry.field(description="Cash and what is nearly cash.")
    marketable_securities_current: float = strawberry.field(
        description="Securities to be sold within a year."
    )
    marketable_securities_noncurrent: float = strawberry.field(
        description="Securities held for longer."
    )
    debt_current: float | None = strawberry.field(
        description="Debt that is due within a year, commercial paper included."
    )
    debt_noncurrent: float = strawberry.field(description="Debt that is due later.")
    diluted_shares: float = strawberry.field(
        description="Whole shares, weighted over the fiscal year."
    )

    @classmethod
    def of(cls, sheet: service.BalanceSheet) -> BalanceSheet:
        return cls(**{name: getattr(sheet, name) for name in cls.__dataclass_fields__})


@strawberry.type(description="What a share cost.")
class Price:
    date: date = strawberry.field(description="The day of the close.")
    close: float = strawberry.field(description="Unadjusted, in units of the currency.")


@strawberry.type(description="One assumption, and where it comes from.")
class Assumption:
    path: str = strawberry.field(description="The input it fills.")
    value: str = strawberry.field(description="As a person reads it.")
    text: str = strawberry.field(description="Where it comes from, in a sentence.")
    source: str | None = strawberry.field(
        description="The document that it comes from; null: an assumption of ours."
    )
    as_of: date | None = strawberry.field(
        description="What day the source is true of; null without one."
    )


@strawberry.type(
    description="Inputs that follow from a company's filings by stated rules: a place to start."
)
class DerivedDcfInputs:
    input: InputDocument = strawberry.field(description="Ready to be sent to `valueDcf`.")
    assumptions: list[Assumption] = strawberry.field(description="One for each number.")
    notes: list[str] = strawberry.field(description="What the filings say to watch out for.")


DcfInputsOutcome: TypeAlias = Annotated[
    DerivedDcfInputs | Refusal,
    strawberry.union("DcfInputsOutcome", description="Inputs, or what the filings lack for them."),
]


@strawberry.type(description="A company and what it filed.")
class Company:
    company: strawberry.Private[service.Company]
    ticker: str = strawberry.field(description="In capitals.")
    name: str = strawberry.field(description="Legal name.")
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    fiscal_year_end: str = strawberry.field(
        description="In words, such as: last Saturday of September."
    )
    source: str = strawberry.field(description="Which reports the figures are from.")
    notes: list[str] = strawberry.field(description="What to know before using the figures.")
    price: Price = strawberry.field(description="On the day that a valuation would be of.")
    years: list[FiscalYear] = strawberry.field(description="Oldest first.")
    balance_sheets: list[BalanceSheet] = strawberry.field(description="Oldest first.")

    @classmethod
    def of(cls, company: service.Company) -> Company:
        return cls(
            company=company,
            ticker=company.ticker,
            name=company.name,
            currency=company.currency,
            fiscal_year_end=company.fiscal_year_end,
            source=company.source,
            notes=list(company.notes),
            price=Price(date=company.price.date, close=company.price.close),
            years=[FiscalYear.of(year) for year in company.years],
            balance_sheets=[BalanceSheet.of(sheet) for sheet in company.balance_sheets],
        )

    @strawberry.field(description="DCF inputs from these filings, each with its reason.")
    def dcf_inputs(self, info: Info) -> DcfInputsOutcome:
        derived = info.context.services.companies.dcf_inputs(
            info.context.principal, self.company.ticker
        )
        return DerivedDcfInputs(
            input=InputDocument(derived.document),
            assumptions=[
                Assumption(
                    path=each.path,
                    value=each.value,
                    text=each.text,
                    source=each.source,
                    as_of=each.as_of,
                )
                for each in derived.assumptions
            ],
            notes=list(derived.notes),
        )


Ticker: TypeAlias = Annotated[str, strawberry.argument(description="Such as `AAPL`, in any case.")]


@strawberry.type
class CompanyQuery:
    @strawberry.field(description="A company by its ticker, in any case.")
    def company(self, info: Info, ticker: Ticker) -> Company | None:
        return Company.of(info.context.services.companies.find(info.context.principal, ticker))

    @strawberry.field(description="Every company whose filings are shipped.")
    def companies(self, info: Info) -> list[Company]:
        everyone = info.context.services.companies.all(info.context.principal)
        return [Company.of(company) for company in everyone]
