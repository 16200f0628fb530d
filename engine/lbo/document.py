"""What a buyout's valuation says: every line of it, under the names of the schema."""

from __future__ import annotations

from dataclasses import dataclass

from engine.lbo.attribution import ValueCreation
from engine.lbo.covenants import CovenantTest, CreditYear
from engine.lbo.statements import Statements, TrancheSchedule
from engine.lbo.tranches import TrancheKind
from engine.remarks import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class TrancheSource:
    """What one tranche brings at closing."""

    name: str
    kind: TrancheKind
    amount: float  # money, face value
    times_ebitda: float  # of LTM EBITDA
    share: float  # of all sources
    financing_fee: float  # money, a use
    original_issue_discount: float  # money, a use


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAndUses:
    """Money at closing; both sides come to ``total``."""

    enterprise_value: float
    ev_to_ebitda: float  # of LTM EBITDA
    transaction_fees: float
    financing_fees: float
    original_issue_discount: float
    cash_to_balance_sheet: float
    total: float
    tranches: tuple[TrancheSource, ...]
    rollover: float
    sponsor_equity: float
    equity_share: float  # of sponsor and rollover, in all sources


@dataclass(frozen=True, slots=True, kw_only=True)
class CircularYear:
    """The certificate of one year: the error of its balances is at most
    residual / (1 - contraction), as a share of all that the year adds up.
    """

    year: int  # from 1
    iterations: int
    residual: float
    contraction: float  # below 1: there is one solution


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has a part of the equity, and what it came to."""

    name: str  # SPONSOR, ROLLOVER or OPTION_POOL
    invested: float  # money at closing
    dividend: float  # money of the recapitalisation
    proceeds: float  # money at exit
    moic: float | None  # None: nothing was invested
    irr: float | None  # 1/year; None also where no number holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitYear:
    """A sale at the end of a year, at the exit multiple."""

    year: int  # from 1
    enterprise_value: float
    net_debt: float  # debt and preferred stock, less all cash
    equity: float  # after costs; 0 where claims are not covered
    moic: float
    irr: float | None  # 1/year; -1: wiped out; None: sold so soon that no number holds it
    holders: tuple[Holder, ...]  # of that equity; dividends until then


@dataclass(frozen=True, slots=True, kw_only=True)
class LboValuation:
    """A buyout's document: every line of it, under the names of the schema."""

    irr: float  # 1/year, the sponsor's
    moic: float  # the sponsor's: received / paid
    exit_equity: float  # money, of all owners
    sponsor_equity: float  # money at closing
    stub_share: float | None  # of year 1 that comes after closing; None: all of it
    exit_year: int  # from 1
    sources_and_uses: SourcesAndUses
    statements: Statements
    debt: tuple[TrancheSchedule, ...]
    credit: tuple[CreditYear, ...]
    covenants: tuple[CovenantTest, ...]
    circularity: tuple[CircularYear, ...] | None  # None: nothing is circular
    exits: tuple[ExitYear, ...]  # in each year of the forecast
    exit_costs: float  # money
    holders: tuple[Holder, ...]  # at the exit
    value_creation: ValueCreation
    remarks: tuple[Remark, ...]
