"""What the lenders ask of the borrower each year, and how far it is from breaking it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite

from engine.door import Door
from engine.schedules import Schedule

COVENANTS_MOST = 20
LIMIT_MAX = 1_000.0


class Measure(StrEnum):
    """What a covenant looks at.

    LEVERAGE: all debt at the year's end, without preferred stock, over the fiscal year's EBITDA.
    NET_LEVERAGE: the same, less all cash. Both have to stay at or below the limit.
    INTEREST_COVER: EBITDA over cash interest and undrawn fees. FIXED_CHARGE_COVER: EBITDA less
    capital expenditure and tax, over cash interest, undrawn fees, mandatory repayments and
    preferred dividends in cash. Both count the part of year 1 after closing, and have to stay at or
    above the limit.
    """

    LEVERAGE = "LEVERAGE"
    NET_LEVERAGE = "NET_LEVERAGE"
    INTEREST_COVER = "INTEREST_COVER"
    FIXED_CHARGE_COVER = "FIXED_CHARGE_COVER"

    @property
    def caps(self) -> bool:
        return self in (Measure.LEVERAGE, Measure.NET_LEVERAGE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Covenant:
    """A limit on one measure, by year."""

    measure: Measure
    limit: Schedule  # times

    def admit(self, door: Door, path: str, years: int | None) -> Covenant:
        return replace(self, limit=self.limit.admit(door, f"{path}.limit", years, 0.0, LIMIT_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditYear:
    """A year as a lender reads it. None: not defined, of an EBITDA or of charges that are not
    above zero.
    """

    year: int  # from 1
    debt: float  # money at the year's end, without preferred stock
    net_debt: float  # less all cash
    leverage: float | None  # debt / EBITDA of the fiscal year
    net_leverage: float | None
    interest_cover: float | None
    fixed_charge_cover: float | None
    shortfall: float  # money that the revolvers could not lend: cash is that far below its minimum

    def of(self, measure: Measure) -> float | None:
        match measure:
            case Measure.LEVERAGE:
                return self.leverage
            case Measure.NET_LEVERAGE:
                return self.net_leverage
            case Measure.INTEREST_COVER:
                return self.interest_cover
            case Measure.FIXED_CHARGE_COVER:
                return self.fixed_charge_cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """What a year's measures are made of: money; whole fiscal year, or the part after closing."""

    fiscal_year_ebitda: float
    ebitda: float
    capital_expenditure: float
    tax: float
    cash_interest: float  # with undrawn fees
    mandatory: float
    cash_dividends: float  # of preferred stock
    debt: float
    cash: float
    shortfall: float

    @property
    def fixed_charges(self) -> float:
        return self.cash_interest + self.mandatory + self.cash_dividends


@dataclass(frozen=True, slots=True, kw_only=True)
class CovenantYear:
    """One covenant in one year."""

    year: int  # from 1
    actual: float | None  # times; None: not defined
    limit: float  # times
    headroom: float | None  # share by which EBITDA may fall, all else as it is, before it breaks
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CovenantTest:
    """One covenant over the years."""

    measure: Measure
    years: tuple[CovenantYear, ...]
    kept: bool  # in every year


def credit_year(year: int, flows: Flows) -> CreditYear:
    """``year`` counts from 1."""
    ebitda, net = flows.fiscal_year_ebitda, flows.debt - flows.cash
    left = flows.ebitda - flows.capital_expenditure - flows.tax
    return CreditYear(
        year=year,
        debt=flows.debt,
        net_debt=net,
        leverage=_over(flows.debt, ebitda),
        net_leverage=_over(net, ebitda),
        interest_cover=_over(flows.ebitda, flows.cash_interest),
        fixed_charge_cover=_over(left, flows.fixed_charges),
        shortfall=flows.shortfall,
    )


def covenant_test(
    covenant: Covenant, credit: Sequence[CreditYear], flows: Sequence[Flows]
) -> CovenantTest:
    """Headroom h is exact: with EBITDA (1 - h), and every other amount as it is, the measure is at
    its limit. Below zero it says by how much EBITDA would have to be higher.
    """
    tested = tuple(
        _test_year(covenant.measure, float(limit), year, made_of)
        for limit, year, made_of in zip(covenant.limit.years(), credit, flows, strict=True)
    )
    return CovenantTest(
        measure=covenant.measure, years=tested, kept=all(year.kept for year in tested)
    )


def _test_year(measure: Measure, limit: float, credit: CreditYear, flows: Flows) -> CovenantYear:
    actual = credit.of(measure)
    if measure.caps:
        owed = credit.debt if measure is Measure.LEVERAGE else credit.net_debt
        # Of an EBITDA that is not above zero no debt is a multiple: none may be owed.
        kept = owed <= 0.0 or (actual is not None and actual <= limit)
        ebitda, least = flows.fiscal_year_ebitda, _over(owed, limit)
    else:
        ebitda, least = flows.ebitda, limit * flows.cash_interest
        if measure is Measure.FIXED_CHARGE_COVER:
            least = limit * flows.fixed_charges + flows.capital_expenditure + flows.tax
        kept = actual is None or actual >= limit
        if actual is None:
            least = None
    used = None if least is None else _over(least, ebitda)
    headroom = None if used is None else 1.0 - used
    return CovenantYear(year=credit.year, actual=actual, limit=limit, headroom=headroom, kept=kept)


def _over(part: float, whole: float) -> float | None:
    """How many times; None of what is not above zero, and beyond the range of a number."""
    times = part / whole if whole > 0.0 else inf
    return times if isfinite(times) else None
