"""What a firm does, line by line, for every kind that has `operations`.

How a kind's writer uses it, on any sheet whose columns are the years of the forecast::

    sheet.heading("Operations", years_of(n), opening="Base year")
    lines = fiscal_years(operations)  # or the engine's own forecast, where the result has one
    add_profit(sheet, operations, lines)  # business.revenue to business.ebit
    add_investment(sheet, operations, lines)  # business.capitalExpenditure and working capital

Every line is of the whole fiscal year. ``add_parts`` writes the share of each year that counts,
``add_losses`` what losses carried forward take off an income. ``at`` is where the operations stand
in the document, ``key`` what comes before the names of the lines: a segment has
``at="segments[0].operations"`` and ``key="segment1"``. The names of lines are those of `Forecast`,
as the document has them: ``business.increaseInWorkingCapital``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from engine.dcf.inputs import DcfInputs
from engine.dcf.kernel import Forecast, worth
from engine.dcf.terminal import ExitMultiple
from engine.dcf.timing import Timing
from engine.door import Scalar
from engine.firm.capital import GivenWacc
from engine.firm.equity import Bridge, Shares
from engine.firm.losses import LossesCarriedForward, LossesLeft
from engine.firm.operations import (
    Operations,
    WorkingCapitalDays,
    working_capital_shares,
)
from services.labels import Form
from services.workbook.sheet import Sheet

_ANY_DAY: Final = date(2000, 1, 1)  # whole fiscal years do not hang on when they are


def numbers(line: Sequence[Scalar]) -> tuple[float, ...]:
    """A line of the engine's, of one firm."""
    return tuple(map(float, line))


def less(line: Sequence[Scalar]) -> tuple[float, ...]:
    """A cost as it stands in a statement, where it lessens what is below it."""
    return tuple(0.0 - value for value in numbers(line))


def taken_off(formula: str) -> str:
    """The same amount as it stands in a statement, where it lessens what is below it."""
    return f"=-({formula[1:]})"


def fiscal_years(operations: Operations) -> Forecast:
    """The lines of whole fiscal years down to EBIT and of what is invested: money, (n_years,).

    They are the kernel's own, of a firm that does the same and is valued for nothing else: what its
    cash flows come to is left aside, and so are their discount factors.
    """
    lines, years = Forecast(), len(operations.revenue_growth.years())
    plain = DcfInputs(
        timing=Timing(valuation_date=_ANY_DAY, years=years),
        operations=operations,
        capital=GivenWacc(wacc=0.1),
        terminal=ExitMultiple(ev_to_ebitda=0.0),
        bridge=Bridge(debt=0.0, cash=0.0),
        shares=Shares(diluted=1.0),
    )
    worth(plain, lines)
    return lines


def opening_working_capital(operations: Operations) -> float:
    """Money at the start of fiscal year 1: given, or year 1's share of base revenue."""
    if operations.opening_working_capital is not None:
        return float(operations.opening_working_capital)
    return float(working_capital_shares(operations)[0] * operations.revenue)


def add_profit(
    sheet: Sheet,
    operations: Operations,
    lines: Forecast,
    *,
    at: str = "operations",
    key: str = "business",
) -> None:
    """Revenue, EBITDA, depreciation and EBIT."""
    sheet.line(
        f"{key}.revenue",
        "Revenue",
        f"={{{key}.revenue@-1}}*(1+{{{at}.revenueGrowth}})",
        numbers(lines.revenue),
        opening=(f"={{{at}.revenue}}", float(operations.revenue)),
        strong=True,
    )
    if operations.ebit_margin is None:
        ebitda = f"={{{key}.revenue}}*{{{at}.ebitdaMargin}}"
        ebit = f"={{{key}.ebitda}}-{{{key}.depreciation}}"
    else:
        ebitda = f"={{{key}.ebit}}+{{{key}.depreciation}}"
        ebit = f"={{{key}.revenue}}*{{{at}.ebitMargin}}"
    depreciation = f"={{{key}.revenue}}*{{{at}.depreciation}}"
    sheet.line(f"{key}.ebitda", "EBITDA", ebitda, numbers(lines.ebitda))
    sheet.line(f"{key}.ebit", "EBIT", ebit, numbers(lines.ebit), strong=True)
    sheet.line(
        f"{key}.depreciation",
        "Depreciation and amortisation",
        depreciation,
        numbers(lines.depreciation),
    )


def add_investment(
    sheet: Sheet,
    operations: Operations,
    lines: Forecast,
    *,
    at: str = "operations",
    key: str = "business",
) -> None:
    """Stock compensation where it is given, capital expenditure, and working capital with its
    increase. Working capital has an opening balance: that at the start of fiscal year 1."""
    revenue = f"{{{key}.revenue}}"
    if operations.stock_compensation is not None:
        words = "added back" if operations.adds_back else "within EBIT"
        sheet.line(
            f"{key}.stockCompensation",
            f"Stock compensation, {words}",
            f"={revenue}*{{{at}.stockCompensation}}",
            numbers(lines.stock_compensation),
        )
    sheet.line(
        f"{key}.capitalExpenditure",
        "Capital expenditure",
        f"={revenue}*{{{at}.capitalExpenditure}}",
        numbers(lines.capital_expenditure),
    )
    days, given = operations.working_capital_days, operations.opening_working_capital
    opening = f"={{{at}.openingWorkingCapital}}"
    if days is not None:
        _add_by_days(sheet, operations, days, lines, at, key)
        needed = f"={{{key}.receivables}}+{{{key}.inventories}}-{{{key}.payables}}"
        if given is None:
            opening = (
                f"={{{key}.receivables@open}}+{{{key}.inventories@open}}-{{{key}.payables@open}}"
            )
    else:
        needed = f"={revenue}*{{{at}.workingCapital}}"
        if given is None:
            opening = f"={{{at}.revenue}}*{{{at}.workingCapital@0}}"
    sheet.line(
        f"{key}.workingCapital",
        "Net working capital",
        needed,
        numbers(lines.working_capital),
        opening=(opening, opening_working_capital(operations)),
    )
    sheet.line(
        f"{key}.increaseInWorkingCapital",
        "Increase in net working capital",
        f"={{{key}.workingCapital}}-{{{key}.workingCapital@-1}}",
        numbers(lines.increase_in_working_capital),
    )


def _add_by_days(
    sheet: Sheet,
    operations: Operations,
    days: WorkingCapitalDays,
    lines: Forecast,
    at: str,
    key: str,
) -> None:
    """Receivables, inventories and payables. At the start of year 1 they are of as many days as at
    its end, of base revenue, where nobody says what they are together."""
    path = f"{at}.workingCapitalDays"
    opens = operations.opening_working_capital is None

    def by_days(name: str, revenue: str, column: str) -> str:
        cost = "" if name == "receivables" else f"*{{{path}.costOfSales{column}}}"
        return f"={{{revenue}}}{cost}*{{{path}.{name}{column}}}/365"

    for name, words, line, share in zip(
        ("receivables", "inventories", "payables"),
        ("Receivables", "Inventories", "Payables"),
        (lines.receivables, lines.inventories, lines.payables),
        days.shares(0),
        strict=True,
    ):
        formula = by_days(name, f"{key}.revenue", "")
        at_start = by_days(name, f"{at}.revenue", "@0")
        opening = (at_start, float(operations.revenue * share)) if opens else None
        sheet.line(f"{key}.{name}", words, formula, numbers(line), opening=opening)


def add_parts(
    sheet: Sheet, years: int, stub: float, *, since: str = "timing.valuationDate", what: str
) -> None:
    """The lines ``stub`` and ``part``: what of each fiscal year comes after a day, actual/365.

    ``what`` says which day, such as “the closing”. Only where `timing.fiscalYearEnd` is given.
    """
    sheet.number(
        "stub",
        f"Share of year 1 after {what}",
        f"=MIN(({{timing.fiscalYearEnd}}-{{{since}}})/365,1)",
        stub,
        Form.COUNT,
    )
    sheet.line(
        "part",
        "Share of the year that counts",
        ["={stub}", *["=1"] * (years - 1)],
        [stub, *[1.0] * (years - 1)],
        Form.COUNT,
    )


def add_losses(
    sheet: Sheet,
    losses: LossesCarriedForward,
    incomes: Sequence[float],
    *,
    income: str,
    parts: Sequence[float] | None = None,
    at: str = "operations.losses",
    key: str = "losses",
) -> None:
    """``<key>.limit``, ``<key>.used`` and ``<key>.left``, which opens with the balance given.

    ``income`` is the line that losses are set against, ``incomes`` its numbers: of the part of the
    year that counts. ``parts`` are those of the line ``part``, where year 1 has begun: the yearly
    amount is cut to it.
    """
    running, used, left = LossesLeft(losses), list[float](), list[float]()
    cut = [1.0] * len(incomes) if parts is None else parts
    limits = []
    for amount, part in zip(incomes, cut, strict=True):
        limits.append(_most(losses, amount, part))
        used.append(float(running.set_against(amount, part)))
        left.append(float(running.balance))
    most = most_used(losses, income, cut=parts is not None, at=at)
    sheet.line(f"{key}.limit", "Most losses that may be used", f"={most}", limits)
    sheet.line(f"{key}.used", "Losses used", f"=MIN({{{key}.limit}},{{{key}.left@-1}})", used)
    sheet.line(
        f"{key}.left",
        "Losses carried forward",
        f"={{{key}.left@-1}}-{{{key}.used}}-MIN({{{income}}},0)",
        left,
        opening=(f"={{{at}.balance}}", float(losses.balance)),
    )


def most_used(
    losses: LossesCarriedForward, income: str, *, cut: bool, at: str = "operations.losses"
) -> str:
    """A formula, without its =: the most that an income's line may use of the losses.

    ``cut``: the yearly amount is, to the line ``part``.
    """
    most = f"MAX({{{income}}},0)"
    if losses.limit_share is not None:
        most = f"{most}*{{{at}.limitShare}}"
    if losses.limit_amount is not None:
        most = f"MIN({most},{{{at}.limitAmount}}{'*{part}' if cut else ''})"
    return most


def _most(losses: LossesCarriedForward, income: float, part: float) -> float:
    most = max(income, 0.0)
    if losses.limit_share is not None:
        most *= float(losses.limit_share)
    if losses.limit_amount is not None:
        most = min(most, float(losses.limit_amount) * part)
    return most
