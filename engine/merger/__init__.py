"""Mergers: what an acquirer's shareholders earn and own after buying another firm."""

from engine.merger.admission import admit, outside
from engine.merger.allocation import Allocation, Structure, WrittenUp
from engine.merger.earnings import EarningsPerShare
from engine.merger.financing import Fees, Financing, NewDebt
from engine.merger.inputs import INPUT_VERSION, MergerInputs
from engine.merger.kernel import MergerOutput
from engine.merger.offer import Collar, CollarFixes, FixedRatio, FloatingRatio, Offer
from engine.merger.parties import OpeningBalance, Party, Statements
from engine.merger.statements import (
    BalanceSheet,
    BalanceSheets,
    CashFlow,
    ClosingBalance,
    IncomeStatement,
)
from engine.merger.synergies import EarnOut, Synergies
from engine.merger.timing import MergerTiming
from engine.merger.value import (
    Holders,
    MergerResult,
    OfferTerms,
    PriceAllocation,
    SourcesAndUses,
    merger_question,
    value_merger,
)
from engine.merger.worth import (
    Contribution,
    ContributionLine,
    Leverage,
    Returns,
    ValueCreation,
)
from engine.remarks import Remark

__all__ = [
    "INPUT_VERSION",
    "Allocation",
    "BalanceSheet",
    "BalanceSheets",
    "CashFlow",
    "ClosingBalance",
    "Collar",
    "CollarFixes",
    "Contribution",
    "ContributionLine",
    "EarnOut",
    "EarningsPerShare",
    "Fees",
    "Financing",
    "FixedRatio",
    "FloatingRatio",
    "Holders",
    "IncomeStatement",
    "Leverage",
    "MergerInputs",
    "MergerOutput",
    "MergerResult",
    "MergerTiming",
    "NewDebt",
    "Offer",
    "OfferTerms",
    "OpeningBalance",
    "Party",
    "PriceAllocation",
    "Remark",
    "Returns",
    "SourcesAndUses",
    "Statements",
    "Structure",
    "Synergies",
    "ValueCreation",
    "WrittenUp",
    "admit",
    "merger_question",
    "outside",
    "value_merger",
]
