"""The sheet “Firms”: the calendar, and what each firm earns by itself in the acquirer's years."""

from __future__ import annotations

from collections.abc import Sequence

from engine.merger.earners import Earner
from services.labels import Form
from services.workbook.book import years_of
from services.workbook.firm import add_parts, less, taken_off
from services.workbook.merger.case import Case
from services.workbook.sheet import Sheet
from services.workbook.years import fiscal_years


def add_firms(case: Case, sheet: Sheet) -> None:
    """Lines of whole fiscal years, such as ``acquirer.revenue`` and ``target.net_income``."""
    _add_calendar(case, sheet)
    inputs = case.inputs
    sheet.heading(f"{inputs.acquirer.name.strip()}, the acquirer, by itself", case.titles)
    _add_firm(case, sheet, "acquirer", inputs.buyer)
    if inputs.timing.lag != 0.0:
        _add_own_years(case, sheet)
    sheet.heading(f"{inputs.target.name.strip()}, the target, by itself", case.titles)
    _add_firm(case, sheet, "target", inputs.bought)


def _add_calendar(case: Case, sheet: Sheet) -> None:
    timing = case.inputs.timing
    sheet.heading("Calendar", case.titles, opening="Closing")
    sheet.year_ends()
    whole = "1"
    if timing.fiscal_year_end is not None:
        add_parts(sheet, timing.years, timing.stub, since="timing.closingDate", what="the closing")
        whole = "{part}"
    if timing.lag != 0.0:
        lag = "=({timing.fiscalYearEnd}-{timing.targetFiscalYearEnd})/365"
        label = "The target's years end earlier by, years"
        sheet.number("lag", label, lag, timing.lag, Form.COUNT)
    sheet.line(
        "elapsed",
        "Years since the closing",
        f"={{elapsed@-1}}+{whole}",
        case.each(timing.elapsed),
        Form.COUNT,
        opening=("=0", 0.0),
    )


def _add_own_years(case: Case, sheet: Sheet) -> None:
    """What is taxed year by year has to be taxed before years are put together."""
    count, its = case.inputs.timing.years + 1, case.inputs.target.statements
    own, years, at = Earner(its), range(count), "target.statements"
    its_end = case.inputs.timing.target_fiscal_year_end
    titles = years_of(count) if its_end is None else fiscal_years(its_end, count)
    sheet.heading("The target in its own fiscal years", titles)
    ebit = f"={{{at}.ebitda}}-{{{at}.depreciation}}"
    sheet.line("target.own.ebit", "EBIT", ebit, [float(own.ebit(year)) for year in years])
    profit = f"={{target.own.ebit}}-{{{at}.interest}}"
    sheet.line(
        "target.own.profit",
        "Profit before tax",
        profit,
        [float(own.pre_tax_profit(year)) for year in years],
    )
    tax = f"=-{{target.own.profit}}*{{{at}.taxRate}}"
    sheet.line("target.own.tax", "Less tax", tax, less([own.tax(year) for year in years]))
    nopat = f"={{target.own.ebit}}*(1-{{{at}.taxRate}})"
    sheet.line(
        "target.own.nopat", "EBIT after tax", nopat, [float(own.nopat(year)) for year in years]
    )


def _add_firm(case: Case, sheet: Sheet, firm: str, earner: Earner) -> None:
    at, its = f"{firm}.statements", earner.statements
    lagged = earner.lag != 0.0

    def put_together(line: str) -> str:
        return f"={{{line}}}*(1-{{lag}})+{{{line}@+1}}*{{lag}}" if lagged else f"={{{line}}}"

    def line(name: str, label: str, formula: str, *, strong: bool = False) -> None:
        values: Sequence[float] = case.each(getattr(earner, name))
        if label.startswith("Less"):
            values = less(values)
        sheet.line(f"{firm}.{name}", label, formula, values, strong=strong)

    line("revenue", "Revenue", put_together(f"{at}.revenue"), strong=True)
    line("ebitda", "EBITDA", put_together(f"{at}.ebitda"))
    written_off = taken_off(put_together(f"{at}.depreciation"))
    line("depreciation", "Less depreciation and amortisation", written_off)
    line("ebit", "EBIT", f"=SUM({{{firm}.ebitda:{firm}.depreciation}})", strong=True)
    line("interest", "Less net interest", taken_off(put_together(f"{at}.interest")))
    profit = f"=SUM({{{firm}.ebit:{firm}.interest}})"
    line("pre_tax_profit", "Profit before tax", profit)
    rate = f"{{{at}.taxRate}}"
    taxed = put_together("target.own.tax") if lagged else f"=-{{{firm}.pre_tax_profit}}*{rate}"
    line("tax", "Less tax", taxed)
    net = f"=SUM({{{firm}.pre_tax_profit:{firm}.tax}})"
    line("net_income", "Net income", net, strong=True)
    after = put_together("target.own.nopat") if lagged else f"={{{firm}.ebit}}*(1-{rate})"
    line("nopat", "EBIT after tax", after)
    spent = "depreciation" if its.capital_expenditure is None else "capitalExpenditure"
    line("invested", "Capital expenditure", put_together(f"{at}.{spent}"))
    if case.has(f"{firm}.tied_up"):
        increase = put_together(f"{at}.increaseInWorkingCapital")
        line("tied_up", "Increase in working capital", increase)
