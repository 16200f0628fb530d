"""The sheet “Forecast”: the years, and what the firm does in each of them, before any financing."""

from __future__ import annotations

from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.firm import add_investment, add_parts, add_profit, fiscal_years
from services.workbook.lbo.buyout import Buyout


def add_forecast(book: Book, buyout: Buyout) -> None:
    operations, timing, years = buyout.inputs.operations, buyout.inputs.timing, buyout.years
    sheet = book.sheet("Forecast")
    sheet.frozen = (1, 3)
    sheet.heading("Time", years_of(years), opening="Closing")
    sheet.year_ends()
    sheet.line(
        "time.year",
        "Year",
        "={time.year@-1}+1",
        [float(year + 1) for year in range(years)],
        Form.CHOICE,
        opening=("=0", 0.0),
    )
    if buyout.begins_late:
        add_parts(sheet, years, timing.stub, since="timing.closingDate", what="the closing")
    sheet.line(
        "time.elapsed",
        "Years since the closing",
        "={time.elapsed@-1}+{part}" if buyout.begins_late else "={time.elapsed@-1}+1",
        [timing.elapsed(year) for year in range(years)],
        Form.COUNT,
        opening=("=0", 0.0),
    )
    lines = fiscal_years(operations)
    sheet.heading("Operations, whole fiscal years", years_of(years), opening="Base year")
    add_profit(sheet, operations, lines)
    add_investment(sheet, operations, lines)
