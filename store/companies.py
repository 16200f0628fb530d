"""Companies' figures as they were reported, and those that are shipped with the product.

The shipped file tells amounts and shares in millions, as the reports do; here everything is in
whole currency and whole shares, converted exactly. What a report does not give is None,
never zero. No tenant is involved: these are the same for everyone. What a tenant brings itself
has the same form (`store.own_companies` keeps it), and says of each figure where it is from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from store.errors import ShippedDataWrong

FILINGS = Path(__file__).parent / "shipped" / "filings.json"

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What one line of a year is corrected by, such as a one-off; added to what was reported."""

    line: str  # a field of FiscalYear: "operating_income"
    amount: float  # in whole currency; above zero raises the line
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalYear:
    """A year's flows as reported, in whole currency. Expenses and expenditure are positive."""

    fiscal_year: int
    revenue: float | None
    operating_income: float | None
    pretax_income: float | None
    income_tax: float | None
    net_income: float | None
    depreciation_amortization: float | None
    capital_expenditure: float | None
    stock_compensation: float | None
    adjustments: tuple[Adjustment, ...] = ()

    def adjusted(self) -> FiscalYear:
        """The year with each line as reported + the sum of its adjustments, which are then done.

        A line that was not reported has nothing to be added to, and stays None.
        """
        lines: dict[str, float] = {}
        for each in self.adjustments:
            so_far = lines.get(each.line, getattr(self, each.line))
            if so_far is not None:
                lines[each.line] = so_far + each.amount
        return replace(self, **lines, adjustments=())  # type: ignore[arg-type] # lines are floats


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionGrant:
    """Options outstanding at one strike."""

    count: float  # whole shares
    strike: float  # units of the currency per share


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSheet:
    """Balances on a day, in whole currency; shares are whole shares."""

    as_of: date
    cash_and_equivalents: float | None
    marketable_securities_current: float | None
    marketable_securities_noncurrent: float | None
    debt_current: float | None  # commercial paper, current term debt and the like
    debt_noncurrent: float | None
    diluted_shares: float | None  # weighted over the last fiscal year
    accounts_receivable: float | None = None
    vendor_nontrade_receivables: float | None = None
    inventories: float | None = None
    other_current_assets: float | None = None
    accounts_payable: float | None = None
    other_current_liabilities: float | None = None  # without debt and deferred revenue
    deferred_revenue_current: float | None = None
    leases: float | None = None
    preferred_stock: float | None = None
    minority_interests: float | None = None
    pensions_after_tax: float | None = None  # unfunded
    associates: float | None = None
    losses_carried_forward: float | None = None  # before tax, that may be used
    basic_shares: float | None = None  # outstanding on the day
    restricted_stock: float | None = None  # whole shares beside the basic ones
    options: tuple[OptionGrant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An unadjusted close, in units of the currency per share."""

    date: date
    close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A listed firm in the same business, for its beta."""

    ticker: str
    beta: float  # levered, as observed
    debt_to_equity: float  # at market values
    tax_rate: float  # marginal, its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a figure is from, and who stands behind it."""

    source: str
    as_of: date | None = None
    note: str | None = None
    author: str | None = None  # a member's name; None: nobody of the tenant's
    at: datetime | None = None  # when the author brought it


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company and its filings. Years and balance sheets run from the oldest to the newest."""

    ticker: str
    name: str
    currency: str  # ISO 4217
    fiscal_year_end: str  # in words: "last Saturday of September"
    source: str  # which reports the figures are from
    notes: tuple[str, ...]  # what a reader has to know before using them
    years: tuple[FiscalYear, ...]
    balance_sheets: tuple[BalanceSheet, ...]
    price: Price  # the newest
    earlier_prices: tuple[Price, ...] = ()
    peers: tuple[Peer, ...] = ()
    # By the path of a figure, such as "years[2024].revenue"; what is not here is of `source`.
    origins: Mapping[str, Origin] = field(default_factory=dict)
    revision: int | None = None  # how often it was changed; None: it is not for the tenant to


class Companies:
    """The shipped companies, read from the file when they are first asked for."""

    def __init__(self, filings: Path = FILINGS) -> None:
        self._filings = filings

    @cached_property
    def about(self) -> str:
        """What the figures are and how they were taken from the reports."""
        return self._shipped[0]

    def all(self) -> tuple[Company, ...]:
        """Every company, in the order of the file. Raises ShippedDataWrong."""
        return tuple(self._shipped[1].values())

    def find(self, ticker: str) -> Company | None:
        """The company of a ticker, in capitals or not. Raises ShippedDataWrong."""
        return self._shipped[1].get(ticker.upper())

    @cached_property
    def _shipped(self) -> tuple[str, dict[str, Company]]:
        try:
            # Decimal, so that 15812.547 million shares are 15,812,547,000 and not a hair beside.
            told = json.loads(
                self._filings.read_text(encoding="utf-8"),
                parse_float=Decimal,
                parse_constant=_no_such_number,
            )
            _check_keys(told, {"about", "companies"}, "the file")
            companies = [_company(each) for each in told["companies"]]
            by_ticker = {company.ticker: company for company in companies}
            if len(by_ticker) != len(companies):
                raise ValueError("a ticker is there twice")
            return str(told["about"]), by_ticker
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ShippedDataWrong(f"{self._filings.name}: {error}") from error


def _company(told: Mapping[str, Any]) -> Company:
    ticker = _text(told, "ticker", "a company")
    if ticker != ticker.upper():
        raise ValueError(f"{ticker}: a ticker is in capitals")
    _check_keys(told, _needed(Company), ticker)
    price = told["price"]
    _check_keys(price, {"date", "close"}, f"{ticker}, price")
    close = _finite(price["close"], f"{ticker}, close")
    if close <= 0:
        raise ValueError(f"{ticker}: close is not above zero")
    years = tuple(_fiscal_year(each, ticker) for each in told["years"])
    sheets = tuple(_balance_sheet(each, ticker) for each in told["balance_sheets"])
    _check_order([year.fiscal_year for year in years], f"{ticker}, years")
    _check_order([sheet.as_of for sheet in sheets], f"{ticker}, balance sheets")
    return Company(
        ticker=ticker,
        name=_text(told, "name", ticker),
        currency=_text(told, "currency", ticker),
        fiscal_year_end=_text(told, "fiscal_year_end", ticker),
        source=_text(told, "source", ticker),
        notes=tuple(str(note) for note in told["notes"]),
        years=years,
        balance_sheets=sheets,
        price=Price(date=date.fromisoformat(price["date"]), close=float(close)),
    )


def _fiscal_year(told: Mapping[str, Any], ticker: str) -> FiscalYear:
    year = told["fiscal_year"]
    if type(year) is not int:
        raise ValueError(f"{ticker}: {year!r} is not a fiscal year")
    where = f"{ticker}, {year}"
    lines = _from_millions(told, _needed(FiscalYear), "fiscal_year", where)
    return FiscalYear(fiscal_year=year, **lines)  # type: ignore[arg-type] # lines are floats


def _balance_sheet(told: Mapping[str, Any], ticker: str) -> BalanceSheet:
    as_of = date.fromisoformat(told["as_of"])
    # Not every report breaks its balance sheet down so far: what has a default may be left out.
    free = {each.name for each in fields(BalanceSheet)} - {"options"}
    names = _needed(BalanceSheet) | (free & told.keys())
    lines = _from_millions(told, names, "as_of", f"{ticker}, {as_of}")
    return BalanceSheet(as_of=as_of, **lines)  # type: ignore[arg-type] # lines are floats


def _needed(of: type) -> set[str]:
    """What the file has to tell: the fields without a default."""
    return {
        each.name
        for each in fields(of)
        if each.default is MISSING and each.default_factory is MISSING
    }


def _from_millions(
    told: Mapping[str, Any], names: set[str], period: str, where: str
) -> dict[str, float | None]:
    _check_keys(told, names, where)
    return {
        name: None
        if told[name] is None
        else float(_finite(told[name], f"{where}, {name}") * _MILLION)
        for name in names - {period}
    }


def _finite(told: object, where: str) -> Decimal | int:
    if type(told) is int or (isinstance(told, Decimal) and math.isfinite(float(told))):
        return told
    raise ValueError(f"{where}: {told!r} is not a number")


def _text(told: Mapping[str, Any], name: str, where: str) -> str:
    text = told[name]
    if not isinstance(text, str) or not text:
        raise ValueError(f"{where}: {name} is not a text")
    return text


def _check_keys(told: Mapping[str, Any], known: set[str], where: str) -> None:
    if wrong := told.keys() ^ known:
        raise ValueError(f"{where}: {', '.join(sorted(wrong))} missing or unknown")


def _check_order(periods: Sequence[Any], where: str) -> None:
    if not periods or list(periods) != sorted(set(periods)):
        raise ValueError(f"{where}: not from the oldest to the newest")


def _no_such_number(word: str) -> None:
    raise ValueError(f"{word} is not a number")
