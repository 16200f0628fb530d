"""What a change of plan gives back and costs, in whole units of the smallest coin.

An amount for a period accrues by the second. What has accrued is rounded to a whole unit, half to
even, from the period's beginning; what lies between two moments is the difference of the two. So
the parts of a period sum to the whole, whatever it is cut into, and a change that is taken back at
once costs nothing. https://en.wikipedia.org/wiki/Pro_rata
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proration:
    """Of one change, at one moment of a period."""

    credit: int  # what of the old amount was not used
    charge: int  # what the new amount is for the rest of the period
    unused_s: int  # seconds that are left of the period
    period_s: int
    currency: str  # in small letters, ISO 4217

    @property
    def net(self) -> int:
        """What is to be paid; below zero: what is given back, never more than the credit."""
        return self.charge - self.credit

    def document(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "credit": self.credit,
            "charge": self.charge,
            "net": self.net,
            "unusedSeconds": self.unused_s,
            "periodSeconds": self.period_s,
            "currency": self.currency,
        }


def prorated(
    before: int, after: int, start: datetime, end: datetime, at: datetime, currency: str
) -> Proration:
    """A change at a moment from one amount a period to another; a moment outside counts as its end.

    Raises:
        ValueError: for a period that does not end after it starts, or an amount below 0.
    """
    period_s = (end - start) // _SECOND
    if period_s <= 0 or before < 0 or after < 0:
        raise ValueError("a period has an end after its start, and amounts of 0 or more")
    elapsed_s = min(max((at - start) // _SECOND, 0), period_s)
    return Proration(
        credit=before - accrued(before, elapsed_s, period_s),
        charge=after - accrued(after, elapsed_s, period_s),
        unused_s=period_s - elapsed_s,
        period_s=period_s,
        currency=currency,
    )


def accrued(amount: int, elapsed_s: int, period_s: int) -> int:
    """What an amount for a period has come to after so many seconds: rounded half to even."""
    whole, rest = divmod(amount * elapsed_s, period_s)
    twice = 2 * rest
    if twice > period_s or (twice == period_s and whole % 2 == 1):
        return whole + 1
    return whole


def period_at(start: datetime, months: int, at: datetime) -> tuple[datetime, datetime]:
    """The period of so many months that holds a moment, counted on from a first one's start."""
    number = 0
    while months_after(start, (number + 1) * months) <= at:
        number += 1
    return months_after(start, number * months), months_after(start, (number + 1) * months)


def months_of(start: datetime, end: datetime) -> int | None:
    """How many months a period is long; None: no whole number of them, as a trial."""
    months = 12 * (end.year - start.year) + end.month - start.month
    return months if months > 0 and months_after(start, months) == end else None


def months_after(start: datetime, months: int) -> datetime:
    """The same day of a later month, or its last day where there is no such one."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
