"""What has to hold of any buyout, whatever else a law is about: each line again from the others.

Days, shares of a year and elapsed years are reckoned here from the dates, not by the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume

from engine.errors import Infeasible
from engine.lbo import InterestBasis, LboInputs, LboValuation, Timing, TrancheKind, value_lbo
from engine.lbo.statements import TrancheSchedule


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-8)


def after_closing(timing: Timing, year: int) -> float:
    """What of a year, from 0, comes after the closing: days of 365, and no more than all."""
    if year > 0 or timing.fiscal_year_end is None:
        return 1.0
    return min(1.0, (timing.fiscal_year_end.toordinal() - timing.closing_date.toordinal()) / 365.0)


def years_until(timing: Timing, year: int) -> float:
    """From the closing to the end of a year, from 0."""
    return sum(after_closing(timing, each) for each in range(year + 1))


def valued(inputs: LboInputs) -> LboValuation:
    """A buyout that has a value, and that is sound."""
    try:
        told = value_lbo(inputs).valuation
    except Infeasible:  # wiped out, or sold after a day for a rate that no number holds
        assume(False)
        raise
    sound(inputs, told)
    return told


def owed_on_average(inputs: LboInputs, of: TrancheSchedule, year: int) -> float:
    """The balance that a year's cash coupon is on. What is borrowed for a dividend is borrowed on
    the last day of its year.
    """
    if inputs.interest is InterestBasis.OPENING or of.kind is None:
        return of.opening[year]
    return (of.opening[year] + of.closing[year]) / 2.0


@dataclass(frozen=True)
class Carried:
    """A tranche at the end of a year: money."""

    owed: float  # before the sweep
    before: float  # of its costs not written off before the sweep
    after: float  # and after it


def carried(inputs: LboInputs, told: LboValuation) -> list[list[Carried]]:
    """By tranche and year, from the printed schedule: what of a tranche's fee and discount is left.

    Without the option, what of its tenor is left. With it, what is left goes on over what is left
    of the tenor, is never more than is owed, and goes with what the sweep repays.
    """
    found = []
    sources = told.sources_and_uses.tranches
    for each, schedule, source in zip(inputs.tranches, told.debt, sources, strict=False):
        cost = source.financing_fee + source.original_issue_discount
        goes = inputs.write_off_fees_on_prepayment and each.kind is not TrancheKind.REVOLVER
        rows, left = [], cost
        for t, closing in enumerate(schedule.closing):
            owed = schedule.opening[t] + schedule.paid_in_kind[t] - schedule.mandatory[t]
            ended = years_until(inputs.timing, t)
            if t + 1 >= each.tenor:
                left = 0.0
            elif goes:
                over = each.tenor - ended + after_closing(inputs.timing, t)
                left *= (each.tenor - ended) / over
            else:
                left = cost * (1.0 - ended / each.tenor)
            before = min(left, owed) if goes else left
            left = before * closing / owed if goes and owed > 0.0 else before
            rows.append(Carried(owed, before, left))
        found.append(rows)
    return found


def sound(inputs: LboInputs, told: LboValuation) -> None:
    """Balances roll forward, coupons are rates on balances, and no cash appears or is lost."""
    income, flow = told.statements.income, told.statements.cash_flow
    sheet, funds = told.statements.balance_sheet, told.sources_and_uses
    lent = [each for each in told.debt if each.kind is not TrancheKind.PREFERRED]
    held = [each for each in told.debt if each.kind is TrancheKind.PREFERRED]
    faces = [each.amount for each in funds.tranches]
    assert funds.total == near(sum(faces) + funds.rollover + funds.sponsor_equity)
    faces += [0.0] * (len(told.debt) - len(faces))
    for each, face in zip(told.debt, faces, strict=True):
        assert each.opening[0] == near(face)
        assert list(each.opening[1:]) == near_all(each.closing[:-1])
        for t, closing in enumerate(each.closing):
            grown = each.opening[t] + each.drawn[t] + each.paid_in_kind[t]
            assert closing == near(grown - each.mandatory[t] - each.sweep[t])
    assert flow.opening_cash[0] == inputs.entry.cash_at_closing
    assert flow.opening_cash[1:] == flow.closing_cash[:-1]
    assert sheet.cash == (flow.opening_cash[0], *flow.closing_cash)
    for t in range(inputs.timing.years):
        part = after_closing(inputs.timing, t)

        def coupons(of: list[TrancheSchedule], t: int = t, part: float = part) -> float:
            return sum(each.rate[t] * part * owed_on_average(inputs, each, t) for each in of)

        assert income.cash_interest[t] == near(coupons(lent))
        assert flow.cash_preferred_dividends[t] == near(coupons(held))
        assert flow.mandatory_repayment[t] == near(sum(each.mandatory[t] for each in told.debt))
        assert flow.sweep[t] == near(sum(each.sweep[t] for each in told.debt))
        assert flow.revolver_drawn[t] == near(sum(each.drawn[t] for each in lent if each.kind))
        assert sheet.debt[t + 1] == near(sum(each.closing[t] for each in lent))
        assert sheet.preferred[t + 1] == near(sum(each.closing[t] for each in held))
        added_back = 0.0 if flow.stock_compensation is None else flow.stock_compensation[t]
        came = income.ebitda[t] + added_back + income.interest_income[t] + flow.revolver_drawn[t]
        went = (
            *(income.cash_interest[t], income.undrawn_fees[t], income.tax[t]),
            *(flow.capital_expenditure[t], flow.increase_in_working_capital[t]),
            *(flow.cash_preferred_dividends[t], flow.mandatory_repayment[t], flow.sweep[t]),
        )
        assert flow.change_in_cash[t] == near(came - sum(went))
        assert flow.closing_cash[t] == near(flow.opening_cash[t] + came - sum(went))


def near_all(values: tuple[float, ...]) -> Any:
    return pytest.approx(list(values), rel=1e-9, abs=1e-8)
