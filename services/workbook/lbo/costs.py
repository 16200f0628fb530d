"""Fee and discount of a tranche on the sheet “Debt”: over its tenor, or with what is prepaid."""

from __future__ import annotations

from dataclasses import dataclass

from engine.lbo.financing_costs import part_of_what_is_left, written_off
from services.workbook.firm import numbers
from services.workbook.lbo.buyout import Buyout, Loan
from services.workbook.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Costs:
    """The engine's numbers of a tranche whose costs go with what is prepaid: (n_years,) money."""

    written: list[float]  # over what is left of the tenor
    kept: list[float]  # not written off before the sweep, and not more than is owed
    at_once: list[float]  # written off so that it is not more
    left: list[float]  # not written off at the end
    gone: list[float]  # beyond the line over the tenor
    unit: list[float]  # of each unit that is owed before the sweep: a share of it

    @classmethod
    def of(cls, buyout: Buyout, loan: Loan) -> Costs:
        timing, schedule = buyout.inputs.timing, loan.schedule
        found = cls([], [], [], [], [], [])
        before = _cost(buyout, loan)
        flows = zip(
            numbers(schedule.opening),
            numbers(schedule.paid_in_kind),
            numbers(schedule.mandatory),
            numbers(schedule.sweep),
            strict=True,
        )
        for year, (opening, accrued, due, paid) in enumerate(flows):
            owed = opening + accrued - due
            written = before * part_of_what_is_left(loan.tranche.tenor, timing, year)
            kept = min(before - written, owed)
            left = kept * (1.0 - paid / owed) if owed > 0.0 else 0.0
            found.written.append(written)
            found.kept.append(kept)
            found.at_once.append(before - written - kept)
            found.left.append(left)
            found.gone.append(before - written - left)
            found.unit.append(kept / owed if owed > 0.0 else 0.0)
            before = left
        return found


def add_written(sheet: Sheet, buyout: Buyout, loan: Loan) -> None:
    """The line ``<key>.written``; where costs go with the debt, also ``<key>.gone``."""
    key, at = loan.key, loan.at
    cost = f"{{transaction.cost.{loan.number}@2}}"
    label = "Fee and discount written off"
    if not buyout.goes(loan):
        formula = f"{cost}/{{{at}.tenor}}{buyout.part}"
        rest = f"{cost}*(1-{{time.elapsed@-1}}/{{{at}.tenor}})"
        values = costs_of(buyout, loan)
        sheet.line(f"{key}.written", label, _until_due(loan, formula, rest), values)
        return
    costs, before = Costs.of(buyout, loan), f"{{{key}.left@-1}}"
    over = f"{before}/({{{at}.tenor}}-{{time.elapsed@-1}}){buyout.part}"
    label += ", over what is left of the tenor"
    sheet.line(f"{key}.written", label, _until_due(loan, over, before), costs.written)
    owed, left = _owed(buyout, loan), f"={{{key}.kept}}"
    if loan in buyout.swept:
        paid = f"{{debt.paid.{buyout.swept.index(loan)}}}"
        left = f"=IF({owed}>0,{{{key}.kept}}*(1-{paid}/{owed}),0)"
    sheet.line(
        f"{key}.kept",
        "Not written off before the sweep, nor above what is owed",
        f"=MIN({before}-{{{key}.written}},{owed})",
        costs.kept,
    )
    sheet.line(
        f"{key}.left",
        "Fee and discount not written off",
        left,
        costs.left,
        opening=(f"={cost}", _cost(buyout, loan)),
    )
    sheet.line(
        f"{key}.gone",
        "Unamortised fee and discount written off on prepayment",
        f"={before}-{{{key}.written}}-{{{key}.left}}",
        costs.gone,
    )


def costs_of(buyout: Buyout, loan: Loan) -> list[float]:
    """(n_years,) money: all that is written off of a tranche's fee and discount."""
    if buyout.goes(loan):
        costs = Costs.of(buyout, loan)
        return [line + gone for line, gone in zip(costs.written, costs.gone, strict=True)]
    timing, total = buyout.inputs.timing, _cost(buyout, loan)
    return [total * written_off(loan.tranche.tenor, timing, t) for t in range(buyout.years)]


def at_once(loan: Loan) -> str:
    """A formula, without its =: what is written off so that no more is left than is owed."""
    return f"({{{loan.key}.left@-1}}-{{{loan.key}.written}}-{{{loan.key}.kept}})"


def _until_due(loan: Loan, formula: str, rest: str) -> str:
    if not loan.due:
        return f"={formula}"
    tenor = f"{{{loan.at}.tenor}}"
    return f"=IF({{time.year}}<{tenor},{formula},IF({{time.year}}={tenor},{rest},0))"


def _owed(buyout: Buyout, loan: Loan) -> str:
    """Before the sweep."""
    if loan in buyout.swept:
        return f"{{debt.before.{buyout.swept.index(loan)}}}"
    more = (("accrued", loan.accrues), ("mandatory", loan.repays))
    terms = [f"{{{loan.key}.opening}}", *(f"{{{loan.key}.{name}}}" for name, has in more if has)]
    return f"({'+'.join(terms)})" if len(terms) > 1 else terms[0]


def _cost(buyout: Buyout, loan: Loan) -> float:
    source = buyout.valuation.sources_and_uses.tranches[loan.number]
    return float(source.financing_fee + source.original_issue_discount)
