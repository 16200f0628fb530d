"""Leveraged buyout: what the owners earn on a firm that is mostly bought with debt."""

from engine.lbo.attribution import ValueCreation
from engine.lbo.covenants import Covenant, CovenantTest, CovenantYear, CreditYear, Measure
from engine.lbo.document import (
    CircularYear,
    ExitYear,
    Holder,
    LboValuation,
    SourcesAndUses,
    TrancheSource,
)
from engine.lbo.entry import Entry, FeeTreatment
from engine.lbo.inputs import (
    INPUT_VERSION,
    Cash,
    Equity,
    Exit,
    InterestBasis,
    LboInputs,
    Recapitalisation,
)
from engine.lbo.kernel import LboOutput
from engine.lbo.price import ExitGrid, ExitGridHolder, MaximumPrice, exit_grid, maximum_price
from engine.lbo.statements import (
    BalanceSheet,
    CashFlowStatement,
    IncomeStatement,
    Statements,
    TrancheSchedule,
)
from engine.lbo.timing import Timing
from engine.lbo.tranches import Tranche, TrancheKind
from engine.lbo.value import LboResult, lbo_question, value_lbo

__all__ = [
    "INPUT_VERSION",
    "BalanceSheet",
    "Cash",
    "CashFlowStatement",
    "CircularYear",
    "Covenant",
    "CovenantTest",
    "CovenantYear",
    "CreditYear",
    "Entry",
    "Equity",
    "Exit",
    "ExitGrid",
    "ExitGridHolder",
    "ExitYear",
    "FeeTreatment",
    "Holder",
    "IncomeStatement",
    "InterestBasis",
    "LboInputs",
    "LboOutput",
    "LboResult",
    "LboValuation",
    "MaximumPrice",
    "Measure",
    "Recapitalisation",
    "SourcesAndUses",
    "Statements",
    "Timing",
    "Tranche",
    "TrancheKind",
    "TrancheSchedule",
    "TrancheSource",
    "ValueCreation",
    "exit_grid",
    "lbo_question",
    "maximum_price",
    "value_lbo",
]
