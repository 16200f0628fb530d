"""What a firm earns in twelve months that count for everybody: stated, or mixed by days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar, TypeAlias

from engine.door import MONEY_MAX, Door, Scalar, show

FISCAL_YEARS_MOST = 10
# Days of a fiscal year: 52 or 53 weeks, or a calendar's year with a few days of moving its end.
SHORTEST, LONGEST = 350, 380


class Period(StrEnum):
    """Twelve months that end, or begin, on the day of the comparison.

    LTM: the last twelve months. NTM: the next twelve, as forecast.
    """

    LTM = "LTM"
    NTM = "NTM"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwelveMonths:
    """Money of twelve months, before what does not come again. A loss is below zero."""

    revenue: Scalar | None = None
    ebitda: Scalar | None = None
    ebit: Scalar | None = None
    net_income: Scalar | None = None  # to the ordinary shareholders, after tax and interest

    def check(self, door: Door, path: str) -> None:
        _check_money(door, path, self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FiscalYear:
    """Money of a whole fiscal year, reported or forecast, before what does not come again."""

    end: date  # its last day
    revenue: Scalar | None = None
    ebitda: Scalar | None = None
    ebit: Scalar | None = None
    net_income: Scalar | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stated:
    """Twelve months that somebody has put together already."""

    BRANCH: ClassVar = "stated"

    ltm: TwelveMonths | None = None
    ntm: TwelveMonths | None = None

    def of(self, name: str, period: Period, as_of: date) -> Scalar | None:  # noqa: ARG002 - as those that are mixed
        """(*batch) money; None: it was not given."""
        months = self.ltm if period is Period.LTM else self.ntm
        return None if months is None else getattr(months, name)

    def check(self, door: Door, path: str) -> None:
        for name in ("ltm", "ntm"):
            months = getattr(self, name)
            if months is not None:
                months.check(door, f"{path}.stated.{name}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calendarised:
    """Fiscal years, of which twelve months are mixed by the days that each has in them.

    With a share f of a fiscal year gone on the day of the comparison, the last twelve months are
    f of that year and 1 - f of the one before, and the next twelve are 1 - f of that year and f of
    the one after: what a year earns comes evenly over its days (Rosenbaum and Pearl, Investment
    Banking, 2nd ed., ch. 1, on calendarization, who count months).
    """

    BRANCH: ClassVar = "calendarised"

    fiscal_years: tuple[FiscalYear, ...]  # one after the other, from early to late

    def of(self, name: str, period: Period, as_of: date) -> Scalar | None:
        """(*batch) money; None: a fiscal year that has a part in it was not given."""
        total: Scalar = 0.0
        for index, weight in self.weights(period, as_of):
            if not 0 <= index < len(self.fiscal_years):
                return None
            amount: Scalar | None = getattr(self.fiscal_years[index], name)
            if amount is None:
                return None
            total = total + weight * amount
        return total

    def weights(self, period: Period, as_of: date) -> list[tuple[int, float]]:
        """The fiscal years in twelve months, and the share of each; the shares add up to one.

        Indices count from the first fiscal year; those before it and after the last have no
        figures.
        """
        running, gone = self._running(as_of)
        first = running - 1 if period is Period.LTM else running
        early, late = (first, 1.0 - gone), (first + 1, gone)
        return [each for each in (early, late) if each[1] > 0.0]

    def _running(self, as_of: date) -> tuple[int, float]:
        """The fiscal year that runs after the day, and the share of its days that is gone. Beyond
        the years that were given it is counted on in whole years."""
        ends = [year.end for year in self.fiscal_years]
        running = sum(end <= as_of for end in ends)
        if 0 < running < len(ends):
            begun, end = ends[running - 1], ends[running]
        else:
            near = ends[-1] if running else ends[0]
            years = as_of.year - near.year
            years += _year_from(near, years) <= as_of
            running = years + (len(ends) - 1 if running else 0)
            begun, end = _year_from(near, years - 1), _year_from(near, years)
        if not begun <= as_of < end:  # where the calendar ends
            return running, 0.5
        return running, (as_of - begun).days / (end - begun).days

    def check(self, door: Door, path: str) -> None:
        where = f"{path}.calendarised.fiscal_years"
        many = len(self.fiscal_years)
        if not 1 <= many <= FISCAL_YEARS_MOST:
            door.refuse(
                where,
                "WRONG_LENGTH",
                f"{many} fiscal years are given.",
                f"Give 1 to {FISCAL_YEARS_MOST}: those that twelve months reach into are enough.",
            )
        before: date | None = None
        for number, year in enumerate(self.fiscal_years[:FISCAL_YEARS_MOST]):
            if before is not None and not SHORTEST <= (year.end - before).days <= LONGEST:
                door.refuse(
                    f"{where}[{number}].end",
                    "CONTRADICTION",
                    f"A fiscal year cannot end {_after((year.end - before).days)} the one before "
                    "it in the list.",
                    f"Give the years from early to late, without a gap: {SHORTEST} to {LONGEST} "
                    "days from one end to the next.",
                )
            before = year.end
            _check_money(door, f"{where}[{number}]", year)


Metrics: TypeAlias = Stated | Calendarised
NAMES = TwelveMonths.__slots__  # what is counted, in the order of an income statement


def advice(metrics: Calendarised, period: Period, as_of: date, path: str) -> str:
    """What to give so that twelve months can be mixed; empty: nothing of them lies outside.

    All from the nearest year that was given: the list has no gap. Where the day itself, under
    ``path``, lies more than a year outside, that is the likelier slip.
    """
    taken = [index for index, _ in metrics.weights(period, as_of)]
    ends = [year.end for year in metrics.fiscal_years]
    many, running = len(ends), taken[0] + (period is Period.LTM)
    missing = [*range(taken[0], 0), *range(many, taken[-1] + 1)]
    if not missing:
        return ""
    instead = ""
    if many + len(missing) > FISCAL_YEARS_MOST:
        missing, instead = [running - 1, running, running + 1], " instead of those given"
    days = (
        _year_from(ends[0], index) if index < 0 else _year_from(ends[-1], index - many + 1)
        for index in missing
    )
    *others, final = (day.isoformat() for day in dict.fromkeys(days))
    which = f"years that end about {', '.join(others)} and" if others else "year that ends about"
    far = "" if 0 <= running <= many else f", or mend {path}"
    return f"the fiscal {which} {final}{instead}{far}"


def _check_money(door: Door, path: str, of: TwelveMonths | FiscalYear) -> None:
    for name in NAMES:
        amount = getattr(of, name)
        if amount is not None:
            least = 0.0 if name == "revenue" else -MONEY_MAX
            door.within(f"{path}.{name}", amount, least, MONEY_MAX)


def _year_from(day: date, years: int) -> date:
    """The same day so many years later; of 29 February the day before."""
    if not years:
        return day
    year = min(max(day.year + years, date.min.year), date.max.year)
    if (day.month, day.day) == (2, 29):
        day -= timedelta(days=1)
    return day.replace(year=year)


def _after(days: int) -> str:
    return f"{show(days)} days after" if days > 0 else f"{show(-days)} days before"
