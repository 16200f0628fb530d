"""Comparables: what a firm is worth if it is priced as others like it are."""

from engine.comparables.inputs import (
    INPUT_VERSION,
    Asked,
    ComparablesInputs,
    Multiple,
    Peer,
    PeerKind,
    Subject,
)
from engine.comparables.kernel import ComparablesOutput
from engine.comparables.metrics import (
    Calendarised,
    FiscalYear,
    Metrics,
    Period,
    Stated,
    TwelveMonths,
)
from engine.comparables.valuation import (
    ComparablesResult,
    ComparablesValuation,
    Earnings,
    FirmFigures,
    ImpliedValue,
    MultipleRange,
    PeerMultiple,
    Silence,
    Statistics,
)
from engine.comparables.value import comparables_question, value_comparables

__all__ = [
    "INPUT_VERSION",
    "Asked",
    "Calendarised",
    "ComparablesInputs",
    "ComparablesOutput",
    "ComparablesResult",
    "ComparablesValuation",
    "Earnings",
    "FirmFigures",
    "FiscalYear",
    "ImpliedValue",
    "Metrics",
    "Multiple",
    "MultipleRange",
    "Peer",
    "PeerKind",
    "PeerMultiple",
    "Period",
    "Silence",
    "Stated",
    "Statistics",
    "Subject",
    "TwelveMonths",
    "comparables_question",
    "value_comparables",
]
