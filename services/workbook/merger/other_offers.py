"""The same deal at another offer: in the engine, and as formulas in the cell of an offer."""

from __future__ import annotations

from dataclasses import replace

from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, earn
from engine.merger.offer import Offer
from services.workbook.merger.case import Case


def with_offer(case: Case, price: float) -> MergerInputs:
    """The same deal at another offer, in the same mix."""
    mix = replace(case.inputs.financing, stock_share=case.deal.terms.stock_share)
    return replace(case.inputs, offer=Offer(price=price), financing=mix)


def free_income(case: Case, there: MergerInputs, deal: Deal, year: int) -> float:
    """Money: a year's net income of another deal before what its money costs."""
    earned = earn(there, deal, year)
    charged = float(earned.new_interest + earned.lost_yield + earned.fee_amortisation)
    return float(earned.net_income) + kept(case, year) * charged


def kept(case: Case, year: int) -> float:
    """The share of a profit that no tax takes."""
    return 1.0 - float(case.inputs.acquirer.statements.tax_rate.years()[year])


def diluted_at(case: Case, price: str) -> str:
    """The formula of the target's diluted shares at an offer, without the equals sign."""
    shares = case.inputs.target.shares
    if shares.diluted is not None:
        return "{bought.diluted}"
    formula = "{bought.held}"
    if shares.options:
        above = f"({price}>{{bought.strike@all}})*{{bought.count@all}}"
        formula += f"+SUMPRODUCT({above}*(1-{{bought.strike@all}}/{price}))"
    if shares.convertibles:
        above = f"({price}>{{bought.conversion@all}})*{{bought.face@all}}"
        formula += f"+SUMPRODUCT({above}/{{bought.conversion@all}})"
    return formula


def debt_at(case: Case, price: str) -> str:
    """The formula of the target's debt at an offer, with convertibles that stay debt."""
    if not case.has("bought.debt"):
        return "{target.balance.debt}"
    stays = f"({price}<={{bought.conversion@all}})*{{bought.face@all}}"
    return f"{{target.balance.debt}}+SUMPRODUCT({stays})"
