"""The sheets of a DCF, in the order in which a reader follows the value."""

from __future__ import annotations

from engine.dcf import DcfResult
from engine.dcf.reconciliation import flow_times
from engine.dcf.timing import FlowTiming
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.dcf.business import add_business
from services.workbook.dcf.capital import add_capital, check_capital
from services.workbook.dcf.crosschecks import add_cross_checks
from services.workbook.dcf.part import Part, parts_of, sheet_of
from services.workbook.dcf.reconciliation import add_reconciliation
from services.workbook.dcf.sensitivity import add_sensitivity
from services.workbook.dcf.settling import add_equity
from services.workbook.dcf.sums import add_sums
from services.workbook.firm import add_parts


def add_dcf(book: Book, result: DcfResult) -> None:
    """Every sheet of the kind. The firm's keys are `value.enterpriseValue` and the like."""
    parts = tuple(parts_of(result))
    _add_discounting(book, result, parts)
    for part in parts:
        add_business(book, part)
    if result.segments:
        add_sums(book, result, parts)
    enterprise = "parts.enterpriseValue" if result.segments else "business.enterpriseValue"
    add_equity(book, result, parts, enterprise)
    add_cross_checks(book, result, parts, enterprise)
    add_sensitivity(book, result, parts, enterprise)
    add_reconciliation(book, parts)


def _add_discounting(book: Book, result: DcfResult, parts: tuple[Part, ...]) -> None:
    """When flows come, and what capital costs: the firm's, and of segments with one of their own.

    The line `time` is in years from the valuation date to each year's flow.
    """
    sheet, timing = sheet_of(book, "Discounting"), result.inputs.timing
    sheet.heading("When flows come", years_of(timing.years))
    sheet.year_ends()
    at_mid_year = timing.flows is FlowTiming.MID_YEAR
    first, second = ("=0.5", "={time@-1}+1") if at_mid_year else ("=1", "={time@-1}+1")
    if timing.fiscal_year_end is not None:
        add_parts(sheet, timing.years, timing.stub, what="the valuation date")
        first, second = "={stub}", "={time@-1}+1"
        if at_mid_year:
            first, second = "={stub}/2", "={stub}+0.5"
    formulas = [first, second, *["={time@-1}+1"] * timing.years][: timing.years]
    sheet.line("time", "Years to the year's cash flow", formulas, flow_times(timing), Form.COUNT)
    capital = result.inputs.capital
    add_capital(sheet, capital, at="capital", wacc="wacc", title="Cost of capital")
    check_capital(book, capital, wacc="wacc")
    for part in parts:
        if part.wacc != "wacc":
            title = f"Cost of capital{part.named}"
            own = part.inputs.capital
            add_capital(sheet, own, at=part.capital, wacc=part.wacc, title=title)
            check_capital(book, own, wacc=part.wacc, named=part.named)
