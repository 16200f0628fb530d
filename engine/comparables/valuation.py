"""What a comparison comes to: the numbers of its document, under the same names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from engine.comparables.inputs import ComparablesInputs, Multiple, PeerKind
from engine.comparables.metrics import Period
from engine.remarks import Remark


class Silence(StrEnum):
    """Why a peer has no multiple.

    NOT_GIVEN: its figures, or what leads to its value, were not given. NOT_MEANINGFUL: it makes a
    loss, or its value is not above zero.
    """

    NOT_GIVEN = "NOT_GIVEN"
    NOT_MEANINGFUL = "NOT_MEANINGFUL"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMultiple:
    """One peer's multiple, or why it has none."""

    name: str
    multiple: float | None
    silence: Silence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Of the peers' multiples that mean something; quartiles of type 7."""

    low: float
    lower_quartile: float
    median: float
    mean: float
    upper_quartile: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedValue:
    """What the firm is worth at one multiple, through its bridge and the dilution at that price."""

    multiple: float
    enterprise_value: float  # money
    equity_value: float  # money
    value_per_share: float  # money a share


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleRange:
    """What one multiple says."""

    multiple: Multiple
    period: Period
    kind: PeerKind | None  # None: all peers
    metric: float  # money: the firm's own, that is multiplied
    count: int  # peers whose multiple means something
    peers: tuple[PeerMultiple, ...]  # of that kind, in the order given
    statistics: Statistics | None  # None: there is no such peer
    lower_quartile: ImpliedValue | None  # None: that, or the firm's own metric is not above zero
    median: ImpliedValue | None
    upper_quartile: ImpliedValue | None
    at_market: float | None  # the firm's own multiple at its market price; None: no price, or sense


@dataclass(frozen=True, slots=True, kw_only=True)
class Earnings:
    """Money of twelve months, as the multiples use it. None: not to be had from what was given."""

    revenue: float | None
    ebitda: float | None
    ebit: float | None
    net_income: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmFigures:
    """A firm on one day: its value, and what it earns in the twelve months before and after."""

    name: str
    kind: PeerKind | None  # None: the firm that is valued
    as_of: date
    enterprise_value: float | None  # money; of the firm that is valued at its market price, if any
    equity_value: float | None  # money, with convertibles at face value among the debt
    ltm: Earnings
    ntm: Earnings


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparablesValuation:
    """What a document of the result shows, under the same names.

    The firm is valued by the median of the first multiple; all others stand beside it.
    """

    multiple: float  # the median that the firm is valued at
    enterprise_value: float  # money
    net_debt: float  # money, with convertibles that are not converted
    equity_value: float  # money
    diluted_shares: float  # whole shares
    value_per_share: float  # money a share
    upside: float | None  # value per share / market price - 1
    ranges: tuple[MultipleRange, ...]  # in the order asked
    subject: FirmFigures
    peers: tuple[FirmFigures, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparablesResult:
    """``inputs`` are as admitted."""

    inputs: ComparablesInputs
    valuation: ComparablesValuation
