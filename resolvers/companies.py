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
    fiscal_year: int
    revenue: float
    operating_income: float
    pretax_income: float
    income_tax: float
    net_income: float
    depreciation_amortization: float
    capital_expenditure: float
    stock_compensation: float | None = strawberry.field(description="Null: not shipped.")

    @classmethod
    def of(cls, year: service.FiscalYear) -> FiscalYear:
        return cls(**{name: getattr(year, name) for name in cls.__dataclass_fields__})


@strawberry.type(description="A balance sheet as reported, in part. Null: not shipped.")
class BalanceSheet:
    as_of: date
    cash_and_equivalents: float
    marketable_securities_current: float
    marketable_securities_noncurrent: float
    debt_current: float | None
    debt_noncurrent: float
    diluted_shares: float = strawberry.field(description="Whole shares.")

    @classmethod
    def of(cls, sheet: service.BalanceSheet) -> BalanceSheet:
        return cls(**{name: getattr(sheet, name) for name in cls.__dataclass_fields__})


@strawberry.type(description="What a share cost.")
class Price:
    date: date
    close: float = strawberry.field(description="Unadjusted, in units of the currency.")


@strawberry.type(description="One assumption, and where it comes from.")
class Assumption:
    path: str = strawberry.field(description="The input it fills.")
    value: str = strawberry.field(description="As a person reads it.")
    text: str = strawberry.field(description="Where it comes from, in a sentence.")
    source: str | None
    as_of: date | None


@strawberry.type(
    description="Inputs that follow from a company's filings by stated rules: a place to start."
)
class DerivedDcfInputs:
    input: InputDocument = strawberry.field(description="Ready to be sent to `valueDcf`.")
    assumptions: list[Assumption] = strawberry.field(description="One for each number.")
    notes: list[str] = strawberry.field(description="What the filings say to watch out for.")


DcfInputsOutcome: TypeAlias = Annotated[
    DerivedDcfInputs | Refusal, strawberry.union("DcfInputsOutcome")
]


@strawberry.type(description="A company and what it filed.")
class Company:
    company: strawberry.Private[service.Company]
    ticker: str
    name: str
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    fiscal_year_end: str
    source: str
    notes: list[str]
    price: Price
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


@strawberry.type
class CompanyQuery:
    @strawberry.field(description="A company by its ticker, in any case.")
    def company(self, info: Info, ticker: str) -> Company | None:
        return Company.of(info.context.services.companies.find(info.context.principal, ticker))

    @strawberry.field(description="Every company whose filings are shipped, by ticker.")
    def companies(self, info: Info) -> list[Company]:
        everyone = info.context.services.companies.all(info.context.principal)
        return [Company.of(company) for company in everyone]
