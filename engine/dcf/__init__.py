"""Discounted cash flow: what a firm is worth, from the cash it will free."""

from engine.dcf.inputs import INPUT_VERSION, DcfInputs, Segment
from engine.dcf.kernel import DcfOutput, Forecast
from engine.dcf.reconciliation import AdjustedPresentValue, EconomicProfit, Reconciliation
from engine.dcf.terminal import (
    ExitMultiple,
    Gordon,
    HModel,
    Normalised,
    Terminal,
    TerminalDiscounting,
    ValueDriver,
)
from engine.dcf.timing import FlowTiming, Timing
from engine.dcf.value import CrossChecks, DcfResult, SegmentValue, dcf_question, value_dcf
from engine.firm.betas import Comparables, Peer, Unlevering
from engine.firm.capital import (
    Capital,
    Capm,
    CostOfCapital,
    GivenWacc,
    PeerBeta,
    TaxShields,
)
from engine.firm.dilution import Convertible, Dilution, OptionTranche
from engine.firm.equity import Bridge, Failure, Settled, Shares
from engine.firm.losses import LossesCarriedForward
from engine.firm.operations import Operations, StockCompensation, WorkingCapitalDays
from engine.remarks import Remark

__all__ = [
    "INPUT_VERSION",
    "AdjustedPresentValue",
    "Bridge",
    "Capital",
    "Capm",
    "Comparables",
    "Convertible",
    "CostOfCapital",
    "CrossChecks",
    "DcfInputs",
    "DcfOutput",
    "DcfResult",
    "Dilution",
    "EconomicProfit",
    "ExitMultiple",
    "Failure",
    "FlowTiming",
    "Forecast",
    "GivenWacc",
    "Gordon",
    "HModel",
    "LossesCarriedForward",
    "Normalised",
    "Operations",
    "OptionTranche",
    "Peer",
    "PeerBeta",
    "Reconciliation",
    "Remark",
    "Segment",
    "SegmentValue",
    "Settled",
    "Shares",
    "StockCompensation",
    "TaxShields",
    "Terminal",
    "TerminalDiscounting",
    "Timing",
    "Unlevering",
    "ValueDriver",
    "WorkingCapitalDays",
    "dcf_question",
    "value_dcf",
]
