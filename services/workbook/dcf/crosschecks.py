"""What the value implies in the terms of the other methods. Where nothing is implied: empty."""

from __future__ import annotations

from collections.abc import Sequence

from engine.dcf import DcfResult, ExitMultiple, Gordon
from engine.dcf.terminal import comes_with_last_flow
from engine.dcf.timing import FlowTiming
from services.labels import Form
from services.workbook.book import Book
from services.workbook.dcf.part import Part, sheet_of
from services.workbook.dcf.terminal import horizon_of
from services.workbook.sheet import Sheet, Value


def add_cross_checks(book: Book, result: DcfResult, parts: Sequence[Part], enterprise: str) -> None:
    """`<key>.impliedGrowth` and the like of each business; of the firm `firm.upside`."""
    sheet = sheet_of(book, "Cross checks")
    for part in parts:
        _add_implied(sheet, part)
    if result.segments:
        sheet.heading("Firm")
        revenue = "+".join(f"{{{part.operations}.revenue}}" for part in parts)
        _add_ratios(
            sheet, result, "firm", enterprise, revenue, "sum.ebitda", "parts.valueOfTerminal"
        )
    price = result.inputs.market_price
    if price is not None:
        of = "going" if result.inputs.failure is None else "weighed"
        sheet.heading("Market")
        sheet.number(
            "firm.upside",
            "Value per share above market price",
            f"={{{of}.valuePerShare}}/{{marketPrice}}-1",
            float(result.worth.value_per_share) / price - 1.0,
            Form.RATE,
        )


def _add_implied(sheet: Sheet, part: Part) -> None:
    key, terminal = part.key, part.inputs.terminal
    sheet.heading(part.title or "Implied by the value")
    _add_ratios(
        sheet,
        part,
        key,
        f"{key}.enterpriseValue",
        f"{{{part.operations}.revenue}}",
        f"{key}.ebitda",
        f"{key}.valueOfTerminal",
    )
    half = _add_half(sheet, part)
    ebitda, value = f"{{{key}.ebitda@last}}", f"{{{key}.terminalValue}}"
    multiple = f'=IF({ebitda}>0,{value}{half}/{ebitda},"")'
    if isinstance(terminal, ExitMultiple):
        multiple = f"={{{part.at_terminal}.evToEbitda}}"
    sheet.number(
        f"{key}.impliedMultiple",
        "Exit multiple, EV/EBITDA",
        multiple,
        _or_nothing(part.checks.implied_exit_multiple),
        Form.MULTIPLE,
    )
    _add_growth(sheet, part, half)


def _add_half(sheet: Sheet, part: Part) -> str:
    """What half a year multiplies by, where multiple and perpetuity are half a year apart."""
    key, terminal = part.key, part.inputs.terminal
    mid_year = part.inputs.timing.flows is FlowTiming.MID_YEAR
    if not (mid_year and (isinstance(terminal, ExitMultiple) or comes_with_last_flow(terminal))):
        return ""
    factor = (1.0 + float(part.worth.wacc)) ** 0.5
    words = "Half a year at the WACC multiplies by"
    sheet.number(f"{key}.half", words, f"=(1+{{{part.wacc}}})^0.5", factor, Form.COUNT)
    return f"*{{{key}.half}}"


def _add_growth(sheet: Sheet, part: Part, half: str) -> None:
    """The growth of a perpetuity with the same value, and what its reinvestment earns."""
    key, terminal, wacc = part.key, part.inputs.terminal, f"{{{part.wacc}}}"
    formula, flow = f"={{{key}.freeCashFlow@last}}", float(part.forecast.free_cash_flow[-1])
    if isinstance(terminal, Gordon) and terminal.normalised is not None:
        formula = f"={{{key}.payment}}/(1+{{{part.at_terminal}.growth}})"
        flow = float(terminal.payment(horizon_of(part)) / (1.0 + terminal.growth))
    sheet.number(f"{key}.lastFlow", "Last cash flow that goes on", formula, flow)
    at_end = f"{{{key}.lastFlow}}"
    if isinstance(terminal, ExitMultiple) and half:
        payment = flow * (1.0 + float(part.worth.wacc)) ** 0.5
        words = "The same at the year's end"
        sheet.number(f"{key}.lastPayment", words, f"={at_end}{half}", payment)
        at_end = f"{{{key}.lastPayment}}"
    value = f"{{{key}.terminalValue}}"
    sheet.number(
        f"{key}.impliedGrowth",
        "Growth of a perpetuity",
        f'=IF(AND({value}>0,{at_end}>0),({value}*{wacc}-{at_end})/({value}+{at_end}),"")',
        _or_nothing(part.checks.implied_growth),
        Form.RATE,
    )
    nopat = float(part.forecast.nopat[-1])
    last, growth = f"{{{key}.nopat@last}}", f"{{{key}.impliedGrowth}}"
    sheet.number(
        f"{key}.reinvestedAtLast",
        "Share of NOPAT that is reinvested",
        f"=IF({last}>0,1-{{{key}.lastFlow}}/{last},0)",
        1.0 - flow / nopat if nopat > 0.0 else 0.0,
        Form.RATE,
    )
    share = f"{{{key}.reinvestedAtLast}}"
    sheet.number(
        f"{key}.impliedReturn",
        "Return on new capital",
        f'=IF({growth}="","",IF({share}>0,{growth}/{share},""))',
        _or_nothing(part.checks.implied_return_on_new_capital),
        Form.RATE,
    )


def _add_ratios(
    sheet: Sheet,
    of: Part | DcfResult,
    key: str,
    enterprise: str,
    revenue: str,
    ebitda: str,
    terminal: str,
) -> None:
    checks = of.checks if isinstance(of, Part) else of.cross_checks
    value, profit = f"{{{enterprise}}}", f"{{{ebitda}@0}}"
    for name, words, formula, found, form in (
        (
            "terminalShare",
            "Terminal value, share of enterprise value",
            f'=IF({value}>0,{{{terminal}}}/{value},"")',
            checks.terminal_share,
            Form.RATE,
        ),
        (
            "evToRevenue",
            "EV/revenue, base year",
            f"={value}/({revenue})",
            checks.ev_to_revenue,
            Form.MULTIPLE,
        ),
        (
            "evToEbitda",
            "EV/EBITDA, year 1",
            f'=IF({profit}>0,{value}/{profit},"")',
            checks.ev_to_ebitda,
            Form.MULTIPLE,
        ),
    ):
        sheet.number(f"{key}.{name}", words, formula, _or_nothing(found), form)


def _or_nothing(value: float | None) -> Value:
    return "" if value is None else value
