"""The sheet of a business: its operations, its free cash flow, and what that is worth today."""

from __future__ import annotations

from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.dcf.part import Part
from services.workbook.dcf.terminal import add_terminal
from services.workbook.firm import (
    add_investment,
    add_losses,
    add_profit,
    adds_back,
    numbers,
)
from services.workbook.sheet import Sheet


def add_business(book: Book, part: Part) -> None:
    """`<key>.enterpriseValue`, and `<key>.taxSavings` where losses are carried forward."""
    sheet, timing = part.sheet(book), part.inputs.timing
    sheet.frozen = (1, 1)
    sheet.heading(part.title or "Operations", years_of(timing.years), opening="Base year")
    _add_free_cash_flow(sheet, part)
    _add_present_values(sheet, part)
    _add_losses(sheet, part)
    sheet.heading("Terminal value")
    add_terminal(sheet, part)
    _add_value(sheet, part)
    _add_laws(book, part)


def _add_free_cash_flow(sheet: Sheet, part: Part) -> None:
    key, lines, operations = part.key, part.forecast, part.inputs.business
    add_profit(sheet, operations, lines, at=part.operations, key=key)
    sheet.line(
        f"{key}.tax",
        "Tax on EBIT",
        f"=MAX({{{key}.ebit}},0)*{{{part.operations}.taxRate}}",
        numbers(lines.tax),
    )
    sheet.line(f"{key}.nopat", "NOPAT", f"={{{key}.ebit}}-{{{key}.tax}}", numbers(lines.nopat))
    add_investment(sheet, operations, lines, at=part.operations, key=key)
    added = f"+{{{key}.stockCompensation}}" if adds_back(operations) else ""
    sheet.line(
        f"{key}.freeCashFlow",
        "Free cash flow",
        f"={{{key}.nopat}}+{{{key}.depreciation}}{added}-{{{key}.capitalExpenditure}}"
        f"-{{{key}.increaseInWorkingCapital}}",
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


def _add_value(sheet: Sheet, part: Part) -> None:
    key, worth = part.key, part.worth
    sheet.number(
        f"{key}.terminalTime",
        "Years to the terminal value",
        "={timing.years}"
        + ("-1+{stub}" if part.has_parts else "")
        + ("-0.5" if part.early else ""),
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
    added = f"+SUM({{{key}.stockCompensation@all}})" if adds_back(part.inputs.business) else ""
    earned = f"SUM({{{key}.ebitda@all}})-SUM({{{key}.tax@all}}){added}"
    invested = (
        f"SUM({{{key}.capitalExpenditure@all}})"
        f"-({{{key}.workingCapital@last}}-{{{key}.workingCapital@open}})"
    )
    book.check(
        f"Free cash flow is EBITDA less tax and what is invested{part.named}",
        f"=ABS(SUM({{{key}.freeCashFlow@all}})-({earned}-{invested}))"
        f"<=1E-9*MAX(1,SUM({{{key}.revenue@all}}))",
    )
    if part.inputs.business.losses is None:
        return
    income = f"{key}.incomeLeft" if part.has_parts else f"{key}.ebit"
    book.check(
        f"Losses that are left are those there were, and new ones, less those used{part.named}",
        f'=ABS({{{key}.losses.left@open}}-SUMIF({{{income}@all}},"<0")'
        f"-SUM({{{key}.losses.used@all}})-{{{key}.losses.left@last}})"
        f"<=1E-9*MAX(1,SUM({{{key}.revenue@all}}))",
    )
