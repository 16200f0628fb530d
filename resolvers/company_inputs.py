"""What callers bring of companies of their own: the fields of the statements, each optional."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

import strawberry
from strawberry import UNSET

from resolvers.company_filings import line
from resolvers.valuations.given import document_of
from services.company_figures import StatementUnit
from services.currencies import StatedRate
from services.stated_market import StatedRates

STATEMENT_UNIT = strawberry.enum(
    StatementUnit,
    description="What one of a given number is: amounts and counts are kept in whole units.",
)


def _field(description: str, **default: Any) -> Any:
    return strawberry.field(description=description, **default)


def _line(description: str) -> Any:
    return strawberry.field(description=description, default=UNSET)


_SOURCE = "Of the figures beside it, up to 1,000 characters. Left out: the company's."
_NOTE = "What to know of the figures beside it. Left out: the company's."


@strawberry.input(description="A figure that is from somewhere else than those beside it.")
class FigureOriginInput:
    line: str = _field("Its name, such as `revenue`.")
    source: str | None = _line("Which report, and where in it.")
    as_of: date | None = _line("What day it is true of; on a balance sheet, its own.")
    note: str | None = _line("What to know of it.")


@strawberry.input(
    description=(
        "What a reported line is corrected by, such as a one-off: adjusted = reported + the sum of "
        "these. The reported figure stays as it is."
    )
)
class AdjustmentInput:
    line: str = _field("A line of the fiscal year, such as `operatingIncome`.")
    amount: float = _field("Money, in the company's unit; above zero raises the line.")
    reason: str = _field("What it is: restructuring, a settlement, a disposal.")
    source: str | None = _line("Where it is told. Left out: the fiscal year's source.")


@strawberry.input(
    description=(
        "One fiscal year as reported, in the company's unit. A line that is left out stays as it "
        "is kept."
    )
)
class FiscalYearInput:
    fiscal_year: int = _field("The calendar year in which it ends, 1900 to 2200.")
    revenue: float | None = line("revenue", default=UNSET)
    operating_income: float | None = line("operating_income", default=UNSET)
    pretax_income: float | None = line("pretax_income", default=UNSET)
    income_tax: float | None = line("income_tax", default=UNSET)
    net_income: float | None = line("net_income", default=UNSET)
    depreciation_amortization: float | None = line("depreciation_amortization", default=UNSET)
    capital_expenditure: float | None = line("capital_expenditure", default=UNSET)
    stock_compensation: float | None = line("stock_compensation", default=UNSET)
    adjustments: list[AdjustmentInput] | None = _line(
        "All of the year's, up to 30. Left out: as they are kept; empty: none."
    )
    source: str | None = _line(_SOURCE)
    as_of: date | None = _line("What day the figures beside it are true of.")
    note: str | None = _line(_NOTE)
    origins: list[FigureOriginInput] | None = _line("Figures that are from somewhere else.")


@strawberry.input(description="Options outstanding at one strike.")
class OptionGrantInput:
    count: float = _field("How many, in the company's unit of shares.")
    strike: float = _field("What one pays for a share, in whole units of the currency.")


@strawberry.input(
    description=(
        "A balance sheet as reported, in part, in the company's unit; 0 or more. A line that is "
        "left out stays as it is kept."
    )
)
class BalanceSheetInput:
    as_of: date = _field("The day of the balances.")
    cash_and_equivalents: float | None = line("cash_and_equivalents", default=UNSET)
    marketable_securities_current: float | None = line(
        "marketable_securities_current", default=UNSET
    )
    marketable_securities_noncurrent: float | None = line(
        "marketable_securities_noncurrent", default=UNSET
    )
    debt_current: float | None = line("debt_current", default=UNSET)
    debt_noncurrent: float | None = line("debt_noncurrent", default=UNSET)
    accounts_receivable: float | None = line("accounts_receivable", default=UNSET)
    vendor_nontrade_receivables: float | None = line("vendor_nontrade_receivables", default=UNSET)
    inventories: float | None = line("inventories", default=UNSET)
    other_current_assets: float | None = line("other_current_assets", default=UNSET)
    accounts_payable: float | None = line("accounts_payable", default=UNSET)
    other_current_liabilities: float | None = line("other_current_liabilities", default=UNSET)
    deferred_revenue_current: float | None = line("deferred_revenue_current", default=UNSET)
    leases: float | None = line("leases", default=UNSET)
    preferred_stock: float | None = line("preferred_stock", default=UNSET)
    minority_interests: float | None = line("minority_interests", default=UNSET)
    pensions_after_tax: float | None = line("pensions_after_tax", default=UNSET)
    associates: float | None = line("associates", default=UNSET)
    losses_carried_forward: float | None = line("losses_carried_forward", default=UNSET)
    diluted_shares: float | None = line("diluted_shares", default=UNSET)
    basic_shares: float | None = line("basic_shares", default=UNSET)
    restricted_stock: float | None = line("restricted_stock", default=UNSET)
    options: list[OptionGrantInput] | None = _line(
        "All of the options, up to 20 strikes. Left out: as they are kept; empty: none."
    )
    source: str | None = _line(_SOURCE)
    note: str | None = _line(_NOTE)
    origins: list[FigureOriginInput] | None = _line("Figures that are from somewhere else.")


@strawberry.input(description="What a share cost.")
class PriceInput:
    date: date = _field("The day of the close.")
    close: float = _field("Unadjusted, in whole units of the currency, above 0.")
    source: str | None = _line(_SOURCE)
    note: str | None = _line(_NOTE)


@strawberry.input(description="A listed firm in the same business, for its beta.")
class CompanyPeerInput:
    ticker: str = _field("Of the peer.")
    beta: float | None = _line("Levered, as observed, -1 to 5.")
    debt_to_equity: float | None = _line("At market values, 0 to 20.")
    tax_rate: float | None = _line("Marginal, its own: a fraction, so 0.25 is 25 %.")
    source: str | None = _line(_SOURCE)
    as_of: date | None = _line("What day the figures beside it are true of.")
    note: str | None = _line(_NOTE)


@strawberry.input(
    description=(
        "A company of the tenant's own. To be complete it has a name, a currency, a fiscal year, a "
        "balance sheet and a price; what is kept of it already counts."
    )
)
class CompanyInput:
    ticker: str = _field("1 to 32 letters, digits, dots and hyphens, in any case.")
    document: strawberry.Private[dict[str, Any]]
    name: str | None = _line("Legal name.")
    currency: str | None = _line("ISO 4217, of all money here.")
    fiscal_year_end: str | None = _line("In words. Left out: the day of the last balance sheet.")
    unit: StatementUnit = _field(
        "Of amounts of money in years and balance sheets.", default=StatementUnit.ONES
    )
    shares_unit: StatementUnit | None = _line("Of counts of shares. Left out: `unit`.")
    source: str | None = _line("Of every figure that has none of its own.")
    note: str | None = _line("Of every figure that has none of its own.")
    notes: list[str] | None = _line("What to know before using the figures, up to 20.")
    years: list[FiscalYearInput] | None = _line("Up to 60.")
    balance_sheets: list[BalanceSheetInput] | None = _line("Up to 60.")
    prices: list[PriceInput] | None = _line("Up to 400. The newest is that of a valuation.")
    peers: list[CompanyPeerInput] | None = _line("Up to 30, for the beta.")


@strawberry.input(description="One figure, in whole units, and where it is from.")
class FigureInput:
    document: strawberry.Private[dict[str, Any]]
    value: float = _field("In whole units: an amount, a count of shares, a price, a rate.")
    source: str = _field("Which report, and where in it; up to 1,000 characters.")
    as_of: date | None = _line("What day it is true of; on a balance sheet, its own.")
    note: str | None = _line("What to know of it, such as why it was corrected.")


@strawberry.input(description="What one unit of a company's currency is worth in another.")
class StatedRateInput:
    value: float = _field("Units of the other currency for 1 of the company's, above 0.")
    as_of: date = _field("The day of the rate.")
    source: str = _field("Who published it.")

    def stated(self) -> StatedRate:
        """As services take it."""
        return StatedRate(value=self.value, as_of=self.as_of, source=self.source)


@strawberry.input(
    description=(
        "Rates of the capital market in the valuation's currency, as the caller knows them: for a "
        "day or a currency that none are shipped of."
    )
)
class StatedMarketInput:
    risk_free_rate: float = _field("Per year: a fraction, so 0.045 is 4.5 %.")
    equity_risk_premium: float = _field("Expected return of the market above it, per year.")
    tax_rate: float = _field("Of companies, on one more unit of profit: a fraction.")
    as_of: date = _field("The day of the rates, not after that of the price.")
    source: str = _field("Who published them.")

    def stated(self) -> StatedRates:
        """As services take it."""
        return StatedRates(
            risk_free_rate=self.risk_free_rate,
            equity_risk_premium=self.equity_risk_premium,
            tax_rate=self.tax_rate,
            as_of=self.as_of,
            source=self.source,
        )


_Documents: TypeAlias = type[CompanyInput] | type[FigureInput]


def _read(kind: _Documents, given: Mapping[str, Any], _context: object) -> Any:
    """The input as its document alone."""
    read = kind.__new__(kind)
    read.document = document_of(given)
    return read


_BY_DOCUMENT: tuple[Any, ...] = (CompanyInput, FigureInput)
for _kind in _BY_DOCUMENT:
    _kind.__strawberry_definition__.from_input = _read  # Strawberry's hook
