"""What a DCF reads from filings: complete years, balances, rates; or what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import fmean, median
from typing import Final

from engine.errors import Problem
from services.company_lines import path_of
from services.errors import Refused
from services.figures import day, fiscal, listed, money
from services.words import camel
from store.companies import BalanceSheet, Company, FiscalYear, Origin

RECENT_YEARS: Final = 3  # what is averaged: long enough for a bad year, short enough to be today's
DAYS_NEAR: Final = 7  # a year ends on a Saturday or a Sunday, its last price is a Friday's
_DAYS_A_YEAR: Final = 365.25
_DAYS_SLACK: Final = 14  # a year of 52 weeks is short of a year, and so are two
_LAST_INTERIM: Final = 9  # the month of the last interim report after a calendar year's end
_LEAST: Final = 1.0  # of a currency: a share of less is out of all bounds
_SHOWN: Final = 3  # sources, or notes, of one assumption; more would be a list and no sentence


class MissingData(Refused):
    """The data that is here does not hold a figure that the answer cannot do without."""

    code = "MISSING_DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A fiscal year with every flow that a forecast starts from, in whole currency."""

    fiscal_year: int
    revenue: float
    ebit: float
    depreciation: float
    capital_expenditure: float
    stock_compensation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filings:
    """A company's filings as a DCF reads them: adjusted, in whole currency."""

    company: Company  # its years are adjusted
    reported: Company  # the same as reported
    recent: tuple[Year, ...]  # one to three, without a gap, to the last
    sheet: BalanceSheet  # the last
    debt: float
    cash: float
    diluted_shares: float

    @property
    def last(self) -> Year:
        return self.recent[-1]

    @property
    def sourced(self) -> bool:
        """Whether each figure says where it is from; if so, all that is given is made use of."""
        return bool(self.company.origins)

    def of_years(self, *lines: str, years: Iterable[int] = ()) -> Origin:
        """Where lines of the fiscal years are from; without ``years``, of the last."""
        known = list(years) or [self.last.fiscal_year]
        return self._origin(
            path_of("years", str(year), camel(line)) for year in known for line in lines
        )

    def of_sheet(self, *lines: str) -> Origin:
        """Where lines of the last balance sheet are from."""
        day = self.sheet.as_of.isoformat()
        return self._origin(path_of("balanceSheets", day, camel(line)) for line in lines)

    def of_sheets(self, *lines: str) -> Origin:
        """Where lines of all balance sheets are from."""
        days = [sheet.as_of.isoformat() for sheet in self.company.balance_sheets]
        return self._origin(
            path_of("balanceSheets", day, camel(line)) for day in days for line in lines
        )

    def of_price(self) -> Origin | None:
        """Where the price is from; None where it does not say."""
        path = path_of("prices", self.company.price.date.isoformat(), "close")
        return self.company.origins.get(path)

    def of_peers(self) -> Origin:
        """Where the peers' betas are from."""
        return self._origin(path_of("peers", peer.ticker, "beta") for peer in self.company.peers)

    def _origin(self, paths: Iterable[str]) -> Origin:
        """One origin of several figures; where none says its own, that of the reports."""
        found = [each for path in paths if (each := self.company.origins.get(path)) is not None]
        if not found:
            return Origin(source=self.company.source, as_of=self.sheet.as_of)
        days = [each.as_of for each in found if each.as_of is not None]
        return Origin(
            source=_few([each.source for each in found], "; "),
            as_of=max(days, default=self.sheet.as_of),
            author=_few([each.author for each in found if each.author], ", "),
            note=_few([each.note for each in found if each.note], " ") or None,
        )

    @property
    def recent_years(self) -> list[int]:
        return [year.fiscal_year for year in self.recent]

    def adjusted_in(self, *lines: str, years: Iterable[int] | None = None) -> str:
        """How lines came from what was reported to what is used; empty where nothing was changed.

        ``years``: those that count; None: all.
        """
        currency, wanted = self.company.currency, None if years is None else set(years)
        told = []
        for year in self.reported.years:
            if wanted is not None and year.fiscal_year not in wanted:
                continue
            for line in lines:
                reported = getattr(year, line)
                steps = [each for each in year.adjustments if each.line == line]
                if reported is None or not steps:
                    continue
                parts = [
                    f"{'less' if each.amount < 0.0 else 'plus'} "
                    f"{money(abs(each.amount), currency)} for {each.reason} ({each.source})"
                    for each in steps
                ]
                total = getattr(year.adjusted(), line)
                told.append(
                    f"{line.replace('_', ' ')} of {fiscal([year.fiscal_year])} is "
                    f"{money(reported, currency)} as reported, {listed(parts)}: "
                    f"{money(total, currency)}"
                )
        return f" Adjusted, not as reported: {'; '.join(told)}." if told else ""

    def average(self, of: Callable[[Year], float]) -> float:
        """The mean of the recent years' shares of revenue."""
        return fmean(of(year) / year.revenue for year in self.recent)

    def growth(self) -> dict[int, float]:
        """By fiscal year, as far back from the last as the years follow each other."""
        grown: dict[int, float] = {}
        year = self.last.fiscal_year
        while min(self.revenue_of(year), self.revenue_of(year - 1)) >= _LEAST:
            grown[year] = self.revenue_of(year) / self.revenue_of(year - 1) - 1.0
            year -= 1
        return dict(sorted(grown.items()))

    def revenue_of(self, fiscal_year: int) -> float:
        """Zero where the year is not there."""
        found = [year.revenue for year in self.company.years if year.fiscal_year == fiscal_year]
        return found[0] or 0.0 if found else 0.0

    def effective_tax(self) -> dict[int, float]:
        """By fiscal year, where there was a profit to tax."""
        return {
            year.fiscal_year: year.income_tax / year.pretax_income
            for year in self.company.years
            if year.income_tax is not None
            and year.pretax_income is not None
            and year.pretax_income >= _LEAST
        }

    def working_capital(self) -> list[float]:
        """As a share of the year's revenue, for each balance sheet that gives the parts."""
        shares = []
        for sheet in self.company.balance_sheets:
            # A year is named after its end by some and its start by others: count from the last.
            # An interim sheet is within a year of the last one, and is set beside the same revenue.
            ago = int(((self.sheet.as_of - sheet.as_of).days + _DAYS_SLACK) / _DAYS_A_YEAR)
            revenue, parts = (
                self.revenue_of(self.last.fiscal_year - ago),
                working_capital_parts(sheet),
            )
            if revenue >= _LEAST and parts:
                shares.append(sum(parts.values()) / revenue)
        return shares

    def note_on(self, word: str) -> str | None:
        """The filings' own notes that speak of it."""
        said = [note for note in self.company.notes if word.lower() in note.lower()]
        return " ".join(said) or None


def read(company: Company) -> Filings:
    """
    Raises:
        MissingData: with every figure that is missing.
    """
    problems: list[Problem] = []
    reported = company
    company = replace(company, years=tuple(year.adjusted() for year in company.years))
    last, sheet = company.years[-1], company.balance_sheets[-1]

    def needed(figure: float | None, what: str, of: str) -> float:
        if figure is None:
            problems.append(
                Problem(
                    "ticker",
                    "MISSING",
                    f"{company.ticker}: {what} of {of} is not in the filings that are here.",
                    "Give the inputs yourself, with this figure from the company's report.",
                )
            )
            return 0.0
        return figure

    named = f"fiscal {last.fiscal_year}"
    if last.revenue is not None and last.revenue < _LEAST:
        message = f"{company.ticker}: revenue of {named} is {last.revenue:g}."
        rule = "Give the inputs yourself: where nothing was sold, no share of it can be forecast."
        problems.append(Problem("ticker", "OUT_OF_RANGE", message, rule))
    needed(last.revenue, "revenue", named)
    needed(last.operating_income, "operating income", named)
    needed(last.depreciation_amortization, "depreciation and amortisation", named)
    needed(last.capital_expenditure, "capital expenditure", named)
    at = f"the balance sheet of {sheet.as_of}"
    debt = needed(either(sheet.debt_current, sheet.debt_noncurrent), "debt", at)
    cash = needed(sheet.cash_and_equivalents, "cash", at)
    counted = sheet.diluted_shares or sheet.basic_shares or None
    shares = needed(counted, "the number of diluted shares", at)
    problems += _out_of_step(company, last, sheet)
    recent = _recent(company.years)
    if problems or not recent:
        raise MissingData(
            f"The filings of {company.name} that are here are not enough for a DCF.", problems
        )
    return Filings(
        company=company,
        reported=reported,
        recent=recent,
        sheet=sheet,
        debt=debt,
        cash=cash
        + (sheet.marketable_securities_current or 0.0)
        + (sheet.marketable_securities_noncurrent or 0.0),
        diluted_shares=shares,
    )


def _out_of_step(company: Company, last: FiscalYear, sheet: BalanceSheet) -> list[Problem]:
    """Where the newest year, balance sheet and price are of different times.

    A fiscal year is named after the calendar year in which it ends; some firms name it after its
    start. Interim sheets up to the third quarter after it may stand beside it.
    """
    problems, ended = [], sheet.as_of - timedelta(days=DAYS_NEAR)
    late = ended.year - last.fiscal_year
    if late < 0 or late > 1 or (late == 1 and ended.month > _LAST_INTERIM):
        message = (
            f"{company.ticker}: the last fiscal year here is {last.fiscal_year}, and the last "
            f"balance sheet is of {day(sheet.as_of)}."
        )
        rule = "Bring the year and the balance sheet that belong together."
        problems.append(Problem("ticker", "CONTRADICTION", message, rule))
    if ended > company.price.date:
        message = (
            f"{company.ticker}: the newest price is of {day(company.price.date)}, before the "
            f"balance sheet of {day(sheet.as_of)}."
        )
        rule = "Bring a later price: a valuation knows nothing that came after its day."
        problems.append(Problem("ticker", "CONTRADICTION", message, rule))
    return problems


def either(one: float | None, other: float | None) -> float | None:
    """Their sum, where at least one is given."""
    return None if one is None and other is None else (one or 0.0) + (other or 0.0)


WORKING_CAPITAL_LINES: Final = (
    "accounts_receivable",
    "vendor_nontrade_receivables",
    "inventories",
    "other_current_assets",
    "accounts_payable",
    "other_current_liabilities",
    "deferred_revenue_current",
)


def working_capital_parts(sheet: BalanceSheet) -> dict[str, float]:
    """Operating balances with their sign, by name; empty where the sheet is not broken down.

    Cash and debt are left out: they are in the bridge.
    """
    main = (sheet.accounts_receivable, sheet.accounts_payable)
    rest = (sheet.other_current_assets, sheet.other_current_liabilities)
    if None in main or None in rest:
        return {}
    parts = {
        "receivables": sheet.accounts_receivable,
        "vendor receivables": sheet.vendor_nontrade_receivables,
        "inventories": sheet.inventories,
        "other current assets": sheet.other_current_assets,
        "payables": _minus(sheet.accounts_payable),
        "other current liabilities": _minus(sheet.other_current_liabilities),
        "deferred revenue": _minus(sheet.deferred_revenue_current),
    }
    return {name: part for name, part in parts.items() if part is not None}


def middle(rates: dict[int, float]) -> float:
    """The median: one unusual year, however unusual, does not move it far."""
    return median(rates.values())


def _few(words: list[str], between: str) -> str:
    """Each word once; of many, the first and how many more there are."""
    each = list(dict.fromkeys(words))
    more = [f"and {len(each) - _SHOWN} more"] if len(each) > _SHOWN else []
    return between.join([*each[:_SHOWN], *more])


def _minus(figure: float | None) -> float | None:
    return None if figure is None else -figure


def _recent(years: tuple[FiscalYear, ...]) -> tuple[Year, ...]:
    """The last years, as many as are complete and follow each other, at most `RECENT_YEARS`."""
    recent: list[Year] = []
    for year in reversed(years):
        complete = _complete(year)
        follows = not recent or recent[0].fiscal_year == year.fiscal_year + 1
        if complete is None or not follows or len(recent) == RECENT_YEARS:
            break
        recent.insert(0, complete)
    return tuple(recent)


def _complete(year: FiscalYear) -> Year | None:
    revenue, ebit = year.revenue, year.operating_income
    depreciation, spent = year.depreciation_amortization, year.capital_expenditure
    if revenue is None or ebit is None or depreciation is None or spent is None or revenue < _LEAST:
        return None
    return Year(
        fiscal_year=year.fiscal_year,
        revenue=revenue,
        ebit=ebit,
        depreciation=depreciation,
        capital_expenditure=spent,
        stock_compensation=year.stock_compensation,
    )
