"""The sum of the parts: what each segment adds to the firm, and the lines that add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.dcf import DcfResult
from services.labels import Form
from services.words import camel
from services.workbook.book import Book, years_of
from services.workbook.dcf.part import Part, sheet_of
from services.workbook.firm import numbers

_LINES: Final = (
    ("revenue", "Revenue"),
    ("ebitda", "EBITDA"),
    ("depreciation", "Depreciation and amortisation"),
    ("ebit", "EBIT"),
    ("tax", "Tax on EBIT"),
    ("nopat", "NOPAT"),
    ("capital_expenditure", "Capital expenditure"),
    ("working_capital", "Net working capital"),
    ("increase_in_working_capital", "Increase in net working capital"),
    ("free_cash_flow", "Free cash flow"),
    ("present_value", "Present value"),
)
_STRONG: Final = ("revenue", "ebit", "free_cash_flow")
_VALUES: Final = (
    ("valueOfForecast", "Value of the forecast", "value_of_forecast"),
    ("valueOfTerminal", "Value of the terminal value", "value_of_terminal"),
    ("enterpriseValue", "Enterprise value", "enterprise_value"),
)


def add_sums(book: Book, result: DcfResult, parts: Sequence[Part]) -> None:
    """`parts.enterpriseValue` and the like of the firm; year by year `sum.revenue` and so on."""
    sheet = sheet_of(book, "Sum of parts")
    sheet.heading("Segments", [part.title for part in parts], opening="Firm")
    for name, words, field in _VALUES:
        # The firm's stands in the column of opening balances, and has a name of its own.
        firm = float(getattr(result.worth, field))
        sheet.line(
            f"parts.by.{name}",
            words,
            [f"={{{part.key}.{name}}}" for part in parts],
            [float(getattr(part.worth, field)) for part in parts],
            opening=(f"=SUM({{parts.by.{name}@all}})", firm),
            strong=name == "enterpriseValue",
        )
    enterprise = "{parts.by.enterpriseValue@open}"
    sheet.line(
        "parts.share",
        "Share of enterprise value",
        f'=IF({enterprise}>0,{{parts.by.enterpriseValue}}/{enterprise},"")',
        ["" if each.share is None else each.share for each in result.segments],
        Form.RATE,
    )
    sheet.heading("Forecast, all segments", years_of(result.inputs.timing.years))
    for name, words in _LINES:
        sheet.line(
            f"sum.{camel(name)}",
            words,
            "=" + "+".join(f"{{{part.key}.{camel(name)}}}" for part in parts),
            numbers(getattr(result.forecast, name)),
            strong=name in _STRONG,
        )
    sheet.heading("Value")
    for name, words, field in _VALUES:
        value = float(getattr(result.worth, field))
        formula = f"={{parts.by.{name}@open}}"
        sheet.number(f"parts.{name}", words, formula, value, strong=name == "enterpriseValue")
    book.check(
        "The segments' present values add up to the firm's",
        "=ABS(SUM({sum.presentValue@all})+{parts.valueOfTerminal}-{parts.enterpriseValue})"
        "<=1E-9*MAX(1,ABS({parts.enterpriseValue}))",
    )
