"""Where the owners' gain came from: growth, multiple, both at once, cash, less what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from engine.lbo.inputs import LboInputs
from engine.lbo.kernel import Course
from engine.lbo.returns import Owners


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCreation:
    """Money of all owners: the parts sum to ``total``."""

    total: float  # exit equity + dividends - invested
    ebitda_growth: float  # at the entry multiple
    multiple_expansion: float  # on LTM EBITDA at entry
    cross: float  # of both together
    net_debt: float  # paid down, with what was borrowed for the dividend added back
    fees: float  # below zero: of the transaction, the financing, the recapitalisation, the exit
    # Money that is owed at exit beyond what the firm is sold for; None: all claims are covered.
    claims_not_covered: float | None


def created(inputs: LboInputs, course: Course, owners: Owners) -> ValueCreation:
    """Take the gain of one deal apart.

    growth = (EBITDA_n - LTM) m_0, multiple = (m_n - m_0) LTM, cross = (EBITDA_n - LTM)(m_n - m_0),
    with m_0 the entry and m_n the exit multiple; net debt = (debt + preferred - cash at closing)
    - (the same at exit) + the new debt of a recapitalisation.
    """
    deal, entry, paid_out = course.deal, inputs.entry, course.paid_out
    claims = course.claims[inputs.exit_year - 1]
    ltm, last = float(entry.ltm_ebitda), float(claims.ebitda)
    at_entry, at_exit = float(deal.price) / ltm, float(inputs.exit.ev_to_ebitda)
    borrowed = 0.0 if paid_out is None else float(paid_out.borrowed)
    net = 0.0 if paid_out is None else float(paid_out.net)
    before = float(deal.debt) - float(entry.cash_at_closing)
    after = float(claims.debt + claims.preferred - claims.cash)
    financing = sum(float(cost) for cost in deal.costs_of_financing)
    spent = float(entry.transaction_fees) + financing + float(owners.exit_costs)
    return ValueCreation(
        total=float(owners.exit_equity) + net - float(deal.invested),
        ebitda_growth=(last - ltm) * at_entry,
        multiple_expansion=(at_exit - at_entry) * ltm,
        cross=(last - ltm) * (at_exit - at_entry),
        net_debt=before - after + borrowed,
        fees=-(spent + borrowed - net),
        claims_not_covered=-float(owners.surplus) if owners.surplus < 0.0 else None,
    )
