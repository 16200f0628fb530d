"""Two more roads to the same value, on a sheet of checks: economic profit, and APV."""

from __future__ import annotations

from collections.abc import Sequence

from engine.dcf.reconciliation import EconomicProfit
from engine.dcf.terminal import ValueDriver
from services.workbook.book import Book, years_of
from services.workbook.dcf.adjusted import add_adjusted
from services.workbook.dcf.part import Part, add_gap, sheet_of
from services.workbook.dcf.terminal import horizon_of
from services.workbook.firm import numbers
from services.workbook.sheet import Sheet


def add_reconciliation(book: Book, parts: Sequence[Part]) -> None:
    """The sheet “Reconciliation”, of the roads that can be gone."""
    roads = [each.reconciliation for each in parts]
    if not any(each.economic_profit or each.adjusted_present_value for each in roads):
        return
    sheet = sheet_of(book, "Reconciliation")
    sheet.frozen = (0, 1)
    for part, found in zip(parts, roads, strict=True):
        if found.economic_profit is not None:
            _add_economic_profit(book, sheet, part, found.economic_profit)
        if found.adjusted_present_value is not None:
            add_adjusted(book, sheet, part, found.adjusted_present_value)


def _add_economic_profit(book: Book, sheet: Sheet, part: Part, found: EconomicProfit) -> None:
    key, lines, shares = part.key, part.forecast, part.shares
    cut = "*{part}" if part.has_parts else ""
    operations = part.inputs.business
    title = f"Economic profit{part.named}"
    sheet.heading(title, years_of(len(shares)), opening="Valuation date")
    first = float(lines.working_capital[0] - lines.increase_in_working_capital[0] * shares[0])
    fixed = [
        capital - float(nwc)
        for capital, nwc in zip(found.capital, lines.working_capital, strict=True)
    ]
    sheet.line(
        f"{key}.fixedAssets",
        "Fixed assets",
        f"={{{key}.fixedAssets@-1}}+({{{key}.capitalExpenditure}}-{{{key}.depreciation}}){cut}",
        fixed,
        opening=(f"={{{part.operations}.openingFixedAssets}}", found.opening_capital - first),
    )
    sooner = "*{part@0}" if part.has_parts else ""
    sheet.line(
        f"{key}.workingCapitalInPlace",
        "Net working capital",
        f"={{{key}.workingCapital}}",
        numbers(lines.working_capital),
        opening=(
            f"={{{key}.workingCapital@0}}-{{{key}.increaseInWorkingCapital@0}}{sooner}",
            first,
        ),
    )
    both = f"{{{key}.fixedAssets}}+{{{key}.workingCapitalInPlace}}"
    opening = f"={{{key}.fixedAssets@open}}+{{{key}.workingCapitalInPlace@open}}"
    sheet.line(
        f"{key}.capital",
        "Capital in place",
        f"={both}",
        found.capital,
        opening=(opening, found.opening_capital),
        strong=True,
    )
    factor = f"{{{key}.discountFactor}}"
    sheet.line(
        f"{key}.capitalCharge",
        "What capital costs",
        [
            f"={{{key}.capital@-1}}*(1/{factor}-1)",
            *[f"={{{key}.capital@-1}}*({{{key}.discountFactor@-1}}/{factor}-1)"]
            * (len(shares) - 1),
        ],
        found.capital_charge,
    )
    earned = f"{{{key}.nopat}}"
    if operations.adds_back:
        earned = f"({earned}+{{{key}.stockCompensation}})"
    sheet.line(
        f"{key}.economicProfit",
        "Economic profit",
        f"={earned}{cut}-{{{key}.capitalCharge}}",
        found.economic_profit,
    )
    _add_continuing(sheet, part, found)
    after = (
        (
            "valueOfEconomicProfit",
            "Economic profit of the forecast, present value",
            f"=SUMPRODUCT({{{key}.economicProfit@all}},{{{key}.discountFactor@all}})",
            found.value_of_economic_profit,
        ),
        (
            "valueOfContinuing",
            "Economic profit after it, present value",
            f"={{{key}.continuing}}*{{{key}.terminalFactor}}",
            found.value_of_terminal,
        ),
        (
            "byEconomicProfit",
            "Enterprise value by economic profit",
            f"={{{key}.capital@open}}+{{{key}.valueOfEconomicProfit}}+{{{key}.valueOfContinuing}}",
            found.enterprise_value,
        ),
    )
    for name, words, formula, value in after:
        sheet.number(f"{key}.{name}", words, formula, value, strong=name.startswith("by"))
    add_gap(book, sheet, part, "byEconomicProfit", found.gap, "Economic profit")


def _add_continuing(sheet: Sheet, part: Part, found: EconomicProfit) -> None:
    """`<key>.continuing`: what the economic profit after the forecast is worth at its end."""
    key, path, terminal = part.key, part.at_terminal, part.inputs.terminal
    at = part.terminal_factor
    last, capital = float(part.forecast.discount_factor[-1]), found.capital[-1]
    between = capital * (last / at - 1.0)
    worth = f"{{{key}.terminalValue}}-{{{key}.capital@last}}"
    wait = f"{{{key}.capital@last}}*({{{key}.discountFactor@last}}/{{{key}.terminalFactor}}-1)"
    if isinstance(terminal, ValueDriver):
        w, g = float(part.worth.wacc), float(terminal.growth)
        ronic = float(terminal.return_on_new_capital)
        nopat = float(horizon_of(part).nopat) * (1.0 + g)
        rate, growth = f"{{{part.wacc}}}", f"{{{path}.growth}}"
        sheet.number(
            f"{key}.profitAfter",
            "Economic profit of the year after",
            f"={{{key}.nopatAfter}}-{rate}*{{{key}.capital@last}}",
            nopat - w * capital,
        )
        sheet.number(
            f"{key}.growthValue",
            "What its growth is worth",
            f"={{{key}.nopatAfter}}*{{{key}.reinvested}}*({{{path}.returnOnNewCapital}}-{rate})"
            f"/({rate}*({rate}-{growth}))",
            nopat * (g / ronic) * (ronic - w) / (w * (w - g)),
        )
        worth = f"{{{key}.profitAfter}}/{rate}+{{{key}.growthValue}}"
    sheet.number(
        f"{key}.waiting",
        "Cost of capital until the terminal value",
        f"={wait}",
        between,
    )
    sheet.number(
        f"{key}.continuing",
        "Economic profit after the forecast, at its end",
        f"={worth}-{{{key}.waiting}}",
        found.value_of_terminal / at,
    )
