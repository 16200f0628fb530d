"""The sum of the parts: what each segment adds to the firm, and the lines that add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.dcf import DcfResult
from services.labels import Form
from services.words import camel
from services.workbook.book import Book, years_of
from services.workbook.dcf.part import Part, sheet_of
from services.workbook.firm import less, numbers
from services.workbook.sheet import Sheet

_OPERATIONS: Final = (
    ("revenue", "Revenue"),
    ("ebitda", "EBITDA"),
    ("ebit", "EBIT"),
    ("depreciation", "Depreciation and amortisation"),
    ("working_capital", "Net working capital"),
)
_STRONG: Final = ("revenue", "ebit")
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
    for name, words in _OPERATIONS:
        values = numbers(getattr(result.forecast, name))
        _add_sum(sheet, parts, camel(name), words, values, strong=name in _STRONG)
    sheet.heading("Free cash flow, all segments", years_of(result.inputs.timing.years))
    _add_flows(sheet, result, parts)
    sheet.heading("Value")
    for name, words, field in _VALUES:
        value = float(getattr(result.worth, field))
        formula = f"={{parts.by.{name}@open}}"
        sheet.number(f"parts.{name}", words, formula, value, strong=name == "enterpriseValue")
    book.check(
        "The segments' flows add up to the firm's free cash flow",
        "=ABS(SUM({sum.nopat:sum.flow.increaseInWorkingCapital@all})-SUM({sum.freeCashFlow@all}))"
        "<=1E-9*MAX(1,SUM({sum.revenue@all}))",
    )
    book.check(
        "The segments' present values add up to the firm's",
        "=ABS(SUM({sum.presentValue@all})+{parts.valueOfTerminal}-{parts.enterpriseValue})"
        "<=1E-9*MAX(1,ABS({parts.enterpriseValue}))",
    )


def _add_flows(sheet: Sheet, result: DcfResult, parts: Sequence[Part]) -> None:
    """From EBIT down, each line with the sign with which it is added."""
    lines = result.forecast
    _add_sum(sheet, parts, "flow.ebit", "EBIT", numbers(lines.ebit))
    _add_sum(sheet, parts, "tax", "Less tax on EBIT", less(lines.tax))
    _add_sum(sheet, parts, "nopat", "NOPAT", numbers(lines.nopat), strong=True)
    words = "Plus depreciation and amortisation"
    _add_sum(sheet, parts, "flow.depreciation", words, numbers(lines.depreciation))
    adding = [part for part in parts if part.inputs.business.adds_back]
    if adding:
        years = zip(*(part.forecast.stock_compensation for part in adding), strict=True)
        stock = [float(sum(year)) for year in years]
        _add_sum(sheet, adding, "flow.stockCompensation", "Plus stock compensation", stock)
    for name, words, values in (
        ("capitalExpenditure", "Less capital expenditure", lines.capital_expenditure),
        (
            "increaseInWorkingCapital",
            "Less increase in net working capital",
            lines.increase_in_working_capital,
        ),
    ):
        _add_sum(sheet, parts, f"flow.{name}", words, less(values))
    flow = numbers(lines.free_cash_flow)
    _add_sum(sheet, parts, "freeCashFlow", "Free cash flow", flow, strong=True)
    _add_sum(sheet, parts, "presentValue", "Present value", numbers(lines.present_value))


def _add_sum(
    sheet: Sheet,
    parts: Sequence[Part],
    name: str,
    words: str,
    values: Sequence[float],
    *,
    strong: bool = False,
) -> None:
    formula = "=" + "+".join(f"{{{part.key}.{name}}}" for part in parts)
    sheet.line(f"sum.{name}", words, formula, values, strong=strong)
