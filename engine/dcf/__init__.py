"""Discounted cash flow: what a firm is worth, from the cash it will free."""

from engine.dcf.capital import Capital, Capm, GivenWacc
from engine.dcf.equity import Bridge, Shares
from engine.dcf.inputs import INPUT_VERSION, DcfInputs
from engine.dcf.kernel import DcfOutput, Forecast
from engine.dcf.operations import Operations
from engine.dcf.review import Remark
from engine.dcf.terminal import (
    ExitMultiple,
    Gordon,
    Terminal,
    TerminalDiscounting,
    ValueDriver,
)
from engine.dcf.timing import FlowTiming, Timing
from engine.dcf.value import CrossChecks, DcfResult, dcf_question, value_dcf

__all__ = [
    "INPUT_VERSION",
    "Bridge",
    "Capital",
    "Capm",
    "CrossChecks",
    "DcfInputs",
    "DcfOutput",
    "DcfResult",
    "ExitMultiple",
    "FlowTiming",
    "Forecast",
    "GivenWacc",
    "Gordon",
    "Operations",
    "Remark",
    "Shares",
    "Terminal",
    "TerminalDiscounting",
    "Timing",
    "ValueDriver",
    "dcf_question",
    "value_dcf",
]
