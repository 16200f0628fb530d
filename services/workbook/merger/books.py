"""The sheet “Balance sheet”: the two firms' books at the closing, and from year to year."""

from __future__ import annotations

from typing import Final

from engine.merger.kernel import taxed_apart
from services.workbook.firm import less
from services.workbook.merger.allocation import RATE
from services.workbook.merger.case import Case, same_lines
from services.workbook.sheet import Sheet

_ASSETS: Final = {
    "cash": "Cash",
    "working_capital": "Net working capital",
    "fixed_assets": "Fixed assets",
    "goodwill": "Goodwill",
    "intangibles": "Intangible assets",
    "other_assets": "Other assets",
    "financing_fees": "Capitalised fee of the new debt",
}
_CLAIMS: Final = {
    "debt": "Debt, with convertibles that stay debt",
    "new_debt": "New debt",
    "deferred_tax_liability": "Deferred tax liability",
    "earn_out": "Earn-out",
    "other_liabilities": "Other liabilities",
    "equity": "Equity",
}
# As the document names what stands in a firm's own books; equity is what is left.
_OWN: Final = {
    "cash": "cash",
    "working_capital": "workingCapital",
    "fixed_assets": "fixedAssets",
    "goodwill": "goodwill",
    "intangibles": "intangibles",
    "other_assets": "otherAssets",
    "debt": "debt",
    "deferred_tax_liability": "deferredTaxLiability",
    "other_liabilities": "otherLiabilities",
}


def add_closing(case: Case, sheet: Sheet) -> None:
    """``closing.cash`` and its like: acquirer, target, adjustments, and all three together."""
    names = case.inputs.acquirer.name.strip(), case.inputs.target.name.strip()
    sheet.heading("At the closing", [*names, "Adjustments", "Pro forma"])
    _add_side(case, sheet, _ASSETS, "total_assets", "Assets")
    _add_side(case, sheet, _CLAIMS, "total_claims", "Liabilities and equity")
    case.book.check(
        "The books balance at the closing: both firms', the adjustments, and together",
        same_lines("closing.total_assets", "closing.total_claims", "closing.total_assets"),
    )


def _add_side(case: Case, sheet: Sheet, lines: dict[str, str], total: str, words: str) -> None:
    closing, adjusted = case.result.closing, _adjustments(case)
    sheets = (closing.acquirer, closing.target, closing.adjustments, closing.pro_forma)
    for name, label in lines.items():
        key = f"closing.{name}"
        own = _own(case, name)
        together = f"={{{key}@0}}+{{{key}@1}}+{{{key}@2}}"
        values = [getattr(each, name) for each in sheets]
        sheet.line(key, label, [*own, adjusted.get(name, "=0"), together], values)
    first, last = (f"closing.{name}" for name in (next(iter(lines)), list(lines)[-1]))
    values = [getattr(each, total) for each in sheets]
    sheet.line(f"closing.{total}", words, f"=SUM({{{first}:{last}}})", values, strong=True)


def _own(case: Case, name: str) -> list[str]:
    """A line of each firm's own books."""
    if name == "equity":
        owed = "{closing.debt}-{closing.deferred_tax_liability}-{closing.other_liabilities}"
        return [f"={{closing.total_assets}}-{owed}"] * 2
    if name not in _OWN:
        return ["=0", "=0"]
    formulas = [f"={{{firm}.balance.{_OWN[name]}}}" for firm in ("acquirer", "target")]
    if name != "debt":
        return formulas
    bonds = [f"+{{{key}}}" if case.has(key) else "" for key in ("own.debt", "bought.debt")]
    return [formula + more for formula, more in zip(formulas, bonds, strict=True)]


def _adjustments(case: Case) -> dict[str, str]:
    """What the deal does to each line on the day of closing."""
    issued = ("sources.shares", "-closing.equity@1", "-fees.advisory")
    return {
        "cash": "=-{cash_used}",
        "working_capital": case.total("write_off.inventory@open"),
        "fixed_assets": case.total("write_off.fixed_assets@open"),
        "goodwill": "={goodwill}-{target.balance.goodwill}",
        "intangibles": case.total("write_off.intangibles@open"),
        "financing_fees": case.total("new_debt.fee"),
        "debt": "=-{refinanced}",
        "new_debt": case.total("new_debt"),
        "deferred_tax_liability": case.total(
            "deferred_tax", "-target.balance.deferredTaxLiability"
        ),
        "earn_out": case.total("earn_out.value@open"),
        "equity": case.total(*issued),
    }


def add_cash_flow(case: Case, sheet: Sheet) -> None:
    """``flow.change_in_cash`` by year. No dividends are paid."""
    found, part = case.result.cash_flow, case.part
    sheet.heading("Cash flow", case.titles)
    flows = list[str]()

    def line(key: str, label: str, formula: str, values: tuple[float, ...]) -> None:
        flows.append(f"flow.{key}")
        taken = label.startswith("Less")
        sheet.line(flows[-1], label, formula, less(values) if taken else values)

    line("net_income", "Net income", "={together.net_income}", found.net_income)
    written_off = case.total("-together.depreciation", "write_off")
    label = "Depreciation, with what write-ups charge"
    line("depreciation", label, written_off, found.depreciation)
    if case.has("interest.fee"):
        line("fee", "Fee of the new debt charged", "={interest.fee}", found.fee_amortisation)
    if case.has("earn_out.charge"):
        line("earn_out", "Earn-out charged", "={earn_out.charge}", found.earn_out_charge)
    deferred = _deferred_tax(case)
    if deferred is not None:
        line("deferred_tax", "Deferred tax; below zero it is paid", deferred, found.deferred_tax)
    spent = f"=-({{acquirer.invested}}+{{target.invested}}){part}"
    line("invested", "Less capital expenditure", spent, found.capital_expenditure)
    if case.has("tied_up"):
        both = case.total("acquirer.tied_up", "target.tied_up").removeprefix("=")
        increase = found.increase_in_working_capital
        line("tied_up", "Less increase in working capital", f"=-({both}){part}", increase)
    if case.has("new_debt.repaid"):
        line("repaid", "Less new debt repaid", "=-{new_debt.repaid}", found.new_debt_repaid)
    if case.has("earn_out.paid"):
        line("earn_out_paid", "Less earn-out paid", "=-{earn_out.paid}", found.earn_out_paid)
    change = f"=SUM({{{flows[0]}:{flows[-1]}}})"
    sheet.line("flow.change_in_cash", "Change in cash", change, found.change_in_cash, strong=True)


def _deferred_tax(case: Case) -> str | None:
    """In a stock deal the liability is released as write-ups are charged; in an asset deal it grows
    where goodwill is deducted and never charged."""
    if case.has("goodwill.deducted"):
        return "={goodwill.tax}"
    released = taxed_apart(case.inputs) and case.has("write_off")
    return f"=-{{write_off}}*{RATE}" if released else None


def add_books(case: Case, sheet: Sheet) -> None:
    """``books.cash`` and its like at each year's end, from the books of the year before."""
    found, opening = case.result.balance_sheets, case.result.closing.pro_forma
    moves = {
        "cash": ["flow.change_in_cash"],
        "working_capital": ["-flow.tied_up", "-write_off.inventory"],
        "fixed_assets": [
            "-flow.invested",
            "together.depreciation",
            "-write_off.fixed_assets",
        ],
        "intangibles": ["-write_off.intangibles"],
        "financing_fees": ["-interest.fee"],
        "deferred_tax_liability": ["flow.deferred_tax"],
        "equity": ["together.net_income"],
    }
    absent = set(case.absent) | (set() if case.has("tied_up") else {"flow.tied_up"})
    if _deferred_tax(case) is None:
        absent.add("flow.deferred_tax")
    whole = {"new_debt": "new_debt.balance", "earn_out": "earn_out.value"}
    sheet.heading("From year to year", case.titles, opening="Pro forma")
    for lines, total, words in (
        (_ASSETS, "total_assets", "Assets"),
        (_CLAIMS, "total_claims", "Liabilities and equity"),
    ):
        for name, label in lines.items():
            key = f"books.{name}"
            formula = f"={{{key}@-1}}"
            for move in moves.get(name, ()):
                if move.removeprefix("-") not in absent:
                    formula += f"{'-' if move[0] == '-' else '+'}{{{move.removeprefix('-')}}}"
            if name in whole and case.has(name if name == "new_debt" else "earn_out.value"):
                formula = f"={{{whole[name]}}}"
            start = (f"={{closing.{name}@3}}", getattr(opening, name))
            sheet.line(key, label, formula, getattr(found, name), opening=start)
        first, last = f"books.{next(iter(lines))}", f"books.{list(lines)[-1]}"
        sheet.line(
            f"books.{total}",
            words,
            f"=SUM({{{first}:{last}}})",
            getattr(found, total),
            opening=(f"=SUM({{{first}:{last}@open}})", getattr(opening, total)),
            strong=True,
        )
    case.book.check(
        "The books balance in every year",
        same_lines("books.total_assets", "books.total_claims", "books.total_assets"),
    )
