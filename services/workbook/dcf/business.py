"""The sheet of a business: its operations, its free cash flow, and what that is worth today."""

from __future__ import annotations

from engine.dcf.terminal import ExitMultiple, ValueDriver
from engine.dcf.timing import FlowTiming
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.dcf.capital import LEAST_SPREAD
from services.workbook.dcf.part import Part
from services.workbook.dcf.terminal import add_terminal
from services.workbook.firm import (
    add_investment,
    add_losses,
    add_profit,
    less,
    numbers,
)
from services.workbook.sheet import Sheet


def add_business(book: Book, part: Part) -> None:
    """`<key>.enterpriseValue`, and `<key>.taxSavings` where losses are carried forward."""
    sheet, timing = part.sheet(book), part.inputs.timing
    sheet.frozen = (1, 1)
    sheet.heading(part.title or "Operations", years_of(timing.years), opening="Base year")
    operations, key = part.inputs.business, part.key
    add_profit(sheet, operations, part.forecast, at=part.operations, key=key)
    add_investment(sheet, operations, part.forecast, at=part.operations, key=key)
    sheet.heading("Free cash flow", years_of(timing.years))
    _add_free_cash_flow(sheet, part)
    _add_present_values(sheet, part)
    _add_losses(sheet, part)
    sheet.heading("Terminal value")
    add_terminal(sheet, part)
    _add_value(sheet, part)
    _add_laws(book, part)


def _add_free_cash_flow(sheet: Sheet, part: Part) -> None:
    """From EBIT down, each line with the sign with which it is added."""
    key, lines = part.key, part.forecast
    ebit, tax = f"={{{key}.ebit}}", f"=-MAX({{{key}.ebit}},0)*{{{part.operations}.taxRate}}"
    sheet.line(f"{key}.flow.ebit", "EBIT", ebit, numbers(lines.ebit))
    sheet.line(f"{key}.tax", "Less tax on EBIT", tax, less(lines.tax))
    nopat = f"=SUM({{{key}.flow.ebit:{key}.tax}})"
    sheet.line(f"{key}.nopat", "NOPAT", nopat, numbers(lines.nopat), strong=True)
    spent, more = less(lines.capital_expenditure), less(lines.increase_in_working_capital)
    flows = [("depreciation", "Plus depreciation and amortisation", numbers(lines.depreciation))]
    if part.inputs.business.adds_back:
        stock = numbers(lines.stock_compensation)
        flows.append(("stockCompensation", "Plus stock compensation", stock))
    flows.append(("capitalExpenditure", "Less capital expenditure", spent))
    flows.append(("increaseInWorkingCapital", "Less increase in net working capital", more))
    for name, words, values in flows:
        sign = "-" if words.startswith("Less") else ""
        sheet.line(f"{key}.flow.{name}", words, f"={sign}{{{key}.{name}}}", values)
    sheet.line(
        f"{key}.freeCashFlow",
        "Free cash flow",
        f"=SUM({{{key}.nopat:{key}.flow.increaseInWorkingCapital}})",
        numbers(lines.free_cash_flow),
        strong=True,
    )


def _add_present_values(sheet: Sheet, part: Part) -> None:
    key, lines = part.key, part.forecast
    sheet.line(
        f"{key}.discountFactor",
        "Discount factor",
        f"=1/(1+{{{part.wacc}}})^{{time}}",
        numbers(lines.discount_factor),
        Form.COUNT,
    )
    cut = "*{part}" if part.has_parts else ""
    sheet.line(
        f"{key}.presentValue",
        "Present value",
        f"={{{key}.freeCashFlow}}{cut}*{{{key}.discountFactor}}",
        numbers(lines.present_value),
    )


def _add_losses(sheet: Sheet, part: Part) -> None:
    key, operations = part.key, part.inputs.business
    if operations.losses is None:
        return
    sheet.heading(
        "Losses carried forward", years_of(part.inputs.timing.years), opening="Valuation date"
    )
    incomes, income, shares = list(numbers(part.forecast.ebit)), f"{key}.ebit", None
    if part.has_parts:
        shares, income = part.shares, f"{key}.incomeLeft"
        incomes = [ebit * share for ebit, share in zip(incomes, shares, strict=True)]
        formula = f"={{{key}.ebit}}*{{part}}"
        sheet.line(income, "EBIT after the valuation date", formula, incomes)
    add_losses(
        sheet,
        operations.losses,
        incomes,
        income=income,
        parts=shares,
        at=f"{part.operations}.losses",
        key=f"{key}.losses",
    )
    sheet.line(
        f"{key}.taxSaved",
        "Tax saved",
        f"={{{key}.losses.used}}*{{{part.operations}.taxRate}}",
        numbers(part.forecast.tax_saved),
    )
    saved = part.worth.losses_carried_forward
    assert saved is not None  # noqa: S101 - where losses are given, they save something or nothing
    sheet.number(
        f"{key}.taxSavings",
        "Tax saved, present value",
        f"=SUMPRODUCT({{{key}.taxSaved@all}},{{{key}.discountFactor@all}})",
        float(saved),
        strong=True,
    )


def _terminal_time(part: Part) -> str:
    """The formula: from the last year's flow, at its end or half a year before that."""
    if part.inputs.timing.flows is FlowTiming.END_YEAR:
        return "={time@last}"
    if part.has_parts and part.inputs.timing.years == 1:  # of a part of a year, half that before
        return "={stub}-0.5" if part.early else "={stub}"
    return "={time@last}" if part.early else "={time@last}+0.5"


def _add_value(sheet: Sheet, part: Part) -> None:
    key, worth = part.key, part.worth
    sheet.number(
        f"{key}.terminalTime",
        "Years to the terminal value",
        _terminal_time(part),
        part.terminal_time,
        Form.COUNT,
    )
    sheet.number(
        f"{key}.terminalFactor",
        "Its discount factor",
        f"=1/(1+{{{part.wacc}}})^{{{key}.terminalTime}}",
        part.terminal_factor,
        Form.COUNT,
    )
    sheet.heading("Value")
    for name, words, formula, value in (
        (
            "valueOfForecast",
            "Value of the forecast",
            f"=SUM({{{key}.presentValue@all}})",
            worth.value_of_forecast,
        ),
        (
            "valueOfTerminal",
            "Value of the terminal value",
            f"={{{key}.terminalValue}}*{{{key}.terminalFactor}}",
            worth.value_of_terminal,
        ),
        (
            "enterpriseValue",
            "Enterprise value",
            f"={{{key}.valueOfForecast}}+{{{key}.valueOfTerminal}}",
            worth.enterprise_value,
        ),
    ):
        sheet.number(f"{key}.{name}", words, formula, float(value), strong=name[0] == "e")


def _add_laws(book: Book, part: Part) -> None:
    key = part.key
    added = f"+SUM({{{key}.stockCompensation@all}})" if part.inputs.business.adds_back else ""
    earned = f"SUM({{{key}.ebitda@all}})+SUM({{{key}.tax@all}}){added}"
    invested = (
        f"SUM({{{key}.capitalExpenditure@all}})"
        f"-({{{key}.workingCapital@last}}-{{{key}.workingCapital@open}})"
    )
    book.check(
        f"Free cash flow is EBITDA less tax and what is invested{part.named}",
        f"=ABS(SUM({{{key}.freeCashFlow@all}})-({earned}-{invested}))"
        f"<=1E-9*MAX(1,SUM({{{key}.revenue@all}}))",
    )
    _add_terminal_laws(book, part)
    if part.inputs.business.losses is None:
        return
    income = f"{key}.incomeLeft" if part.has_parts else f"{key}.ebit"
    book.check(
        f"Losses that are left are those there were, and new ones, less those used{part.named}",
        f'=ABS({{{key}.losses.left@open}}-SUMIF({{{income}@all}},"<0")'
        f"-SUM({{{key}.losses.used@all}})-{{{key}.losses.left@last}})"
        f"<=1E-9*MAX(1,SUM({{{key}.revenue@all}}))",
    )


def _add_terminal_laws(book: Book, part: Part) -> None:
    """What the engine asks of a perpetuity: a value, and growth that can be paid for."""
    key, path, terminal = part.key, part.at_terminal, part.inputs.terminal
    if isinstance(terminal, ExitMultiple):
        return
    book.check(
        f"Terminal growth is below the cost of capital, by 0.1% or more{part.named}",
        f"={{{key}.spread}}>={LEAST_SPREAD}",
    )
    if isinstance(terminal, ValueDriver):
        book.check(
            f"The return on new capital is not below terminal growth{part.named}",
            f"={{{path}.returnOnNewCapital}}>={{{path}.growth}}",
        )
