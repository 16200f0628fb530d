"""Adjusted present value: the firm without its debt, and the tax that its debt saves."""

from __future__ import annotations

from itertools import pairwise

from engine.dcf.reconciliation import AdjustedPresentValue, flow_times
from engine.dcf.terminal import ExitMultiple
from engine.firm.capital import SPREAD_MIN, Capm, TaxShields
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.dcf.capital import LEAST_SPREAD, prefix_of
from services.workbook.dcf.part import Part, add_gap
from services.workbook.sheet import Sheet


def add_adjusted(book: Book, sheet: Sheet, part: Part, found: AdjustedPresentValue) -> None:
    """`<key>.byAdjusted`. Debt that is fixed in money comes to a value of its own, so that it is
    held against the value by cash flow is a law of debt in proportion only."""
    capm, timing, key = part.inputs.capital, part.inputs.timing, part.key
    assert isinstance(capm, Capm)  # noqa: S101 - without the parts of a WACC there is no APV
    fixed = capm.tax_shields is TaxShields.COST_OF_DEBT
    times, end = flow_times(timing), part.terminal_time
    periods = [later - earlier for earlier, later in pairwise((0.0, *times, end))]
    sheet.heading(f"Adjusted present value{part.named}", years_of(timing.years))
    _add_periods(sheet, key, periods)
    if fixed:
        rate = f"{{{part.capital}.capm.preTaxCostOfDebt}}"
        at, shields = float(capm.pre_tax_cost_of_debt), _add_fixed(sheet, part, capm, periods)
    else:
        rate, at = _unlevered(part), found.unlevered_cost
        shields = _add_in_proportion(book, sheet, part, at, periods)
    sheet.line(
        f"{key}.shieldValue",
        "Tax saved, present value",
        f"={{{key}.taxShield}}/(1+{rate})^{{time}}",
        [shield * (1.0 + at) ** -time for shield, time in zip(shields, times, strict=False)],
    )
    _add_laws(book, part, fixed=fixed)
    factor = (1.0 + at) ** -end
    sheet.number(
        f"{key}.shieldFactor",
        "Discount factor to the terminal value",
        f"=1/(1+{rate})^{{{key}.terminalTime}}",
        factor,
        Form.COUNT,
    )
    after = _add_after(sheet, part, capm, found, factor, fixed=fixed)
    _add_unlevered(sheet, part, found, after)
    _add_sum(sheet, part, found, saves_after=after is not None)
    add_gap(book, sheet, part, "byAdjusted", found.gap, "Adjusted present value", law=not fixed)


def _add_laws(book: Book, part: Part, *, fixed: bool) -> None:
    """Without them the engine has no adjusted present value."""
    if not isinstance(part.inputs.terminal, ExitMultiple):
        book.check(
            "Terminal growth is below the cost of capital without debt, by 0.1% or more"
            + part.named,
            f"={_unlevered(part)}-{{{part.at_terminal}.growth}}>={LEAST_SPREAD}",
        )
    if fixed:
        book.check(
            f"Debt that is fixed in money costs something{part.named}",
            f"=OR({{bridge.debt}}=0,{{{part.capital}.capm.preTaxCostOfDebt}}>0)",
        )


def _unlevered(part: Part) -> str:
    return f"{{{prefix_of(part.wacc)}unleveredCost}}"


def _add_periods(sheet: Sheet, key: str, periods: list[float]) -> None:
    sheet.line(
        f"{key}.period",
        "Years since the flow before",
        ["={time}", *["={time}-{time@-1}"] * (len(periods) - 2)],
        periods[:-1],
        Form.COUNT,
    )
    sheet.number(
        f"{key}.lastPeriod",
        "Years from the last flow to the terminal value",
        f"={{{key}.terminalTime}}-{{time@last}}",
        periods[-1],
        Form.COUNT,
    )


def _add_shields(
    sheet: Sheet, key: str, of_year: str, of_terminal: str, shields: list[float]
) -> list[float]:
    sheet.line(f"{key}.taxShield", "Tax that debt saves", f"={of_year}", shields[:-1])
    words = "Tax that debt saves until the terminal value"
    sheet.number(f"{key}.lastShield", words, f"={of_terminal}", shields[-1])
    return shields


def _add_fixed(sheet: Sheet, part: Part, capm: Capm, periods: list[float]) -> list[float]:
    """Debt that is fixed in money: t debt ((1 + kd)^period - 1)."""
    key, path, kd = part.key, f"{part.capital}.capm", float(capm.pre_tax_cost_of_debt)
    debt = float(capm.tax_rate) * float(part.inputs.bridge.debt)
    rate, saving = f"{{{path}.preTaxCostOfDebt}}", f"{{{path}.taxRate}}*{{bridge.debt}}"
    shields = [debt * ((1.0 + kd) ** period - 1.0) for period in periods]
    return _add_shields(
        sheet,
        key,
        f"{saving}*((1+{rate})^{{{key}.period}}-1)",
        f"{saving}*((1+{rate})^{{{key}.lastPeriod}}-1)",
        shields,
    )


def _add_in_proportion(
    book: Book, sheet: Sheet, part: Part, ku: float, periods: list[float]
) -> list[float]:
    """Debt as a share of value: value before ((1 + ku)^period - (1 + WACC)^period)."""
    key, wacc, w = part.key, f"{{{part.wacc}}}", float(part.worth.wacc)
    flows = [
        float(flow) * share
        for flow, share in zip(part.forecast.free_cash_flow, part.shares, strict=True)
    ]
    at = float(part.worth.terminal_value) * (1.0 + w) ** -periods[-1]
    values = [at]
    for flow, period in zip(reversed(flows), reversed(periods[:-1]), strict=True):
        at = (at + flow) * (1.0 + w) ** -period
        values.insert(0, at)
    sheet.number(
        f"{key}.valueBeforeTerminal",
        "Value after the last flow",
        f"={{{key}.terminalValue}}/(1+{wacc})^{{{key}.lastPeriod}}",
        values[-1],
    )
    cut = "*{part}" if part.has_parts else ""
    own = f"+{{{key}.freeCashFlow}}{cut})/(1+{wacc})^{{{key}.period}}"
    sheet.line(
        f"{key}.valueBefore",
        "Value when the period begins",
        [
            *[f"=({{{key}.valueBefore@+1}}{own}"] * (len(flows) - 1),
            f"=({{{key}.valueBeforeTerminal}}{own}",
        ],
        values[:-1],
    )
    book.check(
        f"Rolled back year by year, the value is the same{part.named}",
        f"=ABS({{{key}.valueBefore@0}}-{{{key}.enterpriseValue}})"
        f"<=1E-9*MAX(1,ABS({{{key}.enterpriseValue}}))",
    )
    rate = _unlevered(part)
    return _add_shields(
        sheet,
        key,
        f"{{{key}.valueBefore}}*((1+{rate})^{{{key}.period}}-(1+{wacc})^{{{key}.period}})",
        f"{{{key}.valueBeforeTerminal}}"
        f"*((1+{rate})^{{{key}.lastPeriod}}-(1+{wacc})^{{{key}.lastPeriod}})",
        [
            value * ((1.0 + ku) ** period - (1.0 + w) ** period)
            for value, period in zip(values, periods, strict=True)
        ],
    )


def _add_after(
    sheet: Sheet,
    part: Part,
    capm: Capm,
    found: AdjustedPresentValue,
    factor: float,
    *,
    fixed: bool,
) -> float | None:
    """`<key>.savedAfter`: at the terminal value's day, what is saved from then on. None: no line,
    since the price at an exit holds all that debt saves after it."""
    key, terminal = part.key, part.inputs.terminal
    exits = isinstance(terminal, ExitMultiple)
    if fixed and exits:
        return None
    value = (found.value_of_terminal_tax_shields or 0.0) / factor
    rate, wacc = _unlevered(part), f"{{{part.wacc}}}"
    if fixed:
        formula = f"={{{part.capital}.capm.taxRate}}*{{bridge.debt}}"
        value = float(capm.tax_rate) * float(part.inputs.bridge.debt)
    else:
        growth = f"{{{key}.impliedGrowth}}" if exits else f"{{{part.at_terminal}.growth}}"
        share = f"({rate}-{wacc})/({rate}-{growth})"
        formula = f"={{{key}.terminalValue}}*{share}"
        if exits:  # of a perpetuity that the multiple stands for, where there is such a one
            least = f"{rate}-{growth}<{{{key}.leastSpread}}"
            words = "Least spread over growth"
            sheet.number(f"{key}.leastSpread", words, "=0.001", SPREAD_MIN, Form.RATE)
            formula = f'=IF({growth}="",0,IF({least},0,{formula[1:]}))'
    sheet.number(f"{key}.savedAfter", "Tax saved after the forecast, at its end", formula, value)
    return value


def _add_unlevered(
    sheet: Sheet, part: Part, found: AdjustedPresentValue, after: float | None
) -> None:
    """`<key>.unleveredValue`: the same flows at the cost of capital without debt."""
    key, terminal, rate, ku = part.key, part.inputs.terminal, _unlevered(part), found.unlevered_cost
    cut = "*{part}" if part.has_parts else ""
    flows = zip(
        part.forecast.free_cash_flow, part.shares, flow_times(part.inputs.timing), strict=True
    )
    sheet.line(
        f"{key}.unleveredPresent",
        "Free cash flow, present value without debt",
        f"={{{key}.freeCashFlow}}{cut}/(1+{rate})^{{time}}",
        [float(flow) * share * (1.0 + ku) ** -time for flow, share, time in flows],
    )
    value = float(part.worth.terminal_value)
    if isinstance(terminal, ExitMultiple):
        formula = f"={{{key}.terminalValue}}"
        if after is not None:
            formula, value = f"{formula}-{{{key}.savedAfter}}", value - after
    else:
        spread = float(part.worth.wacc) - float(terminal.growth)
        formula = f"={{{key}.payment}}/({rate}-{{{part.at_terminal}.growth}})"
        value = value * spread / (ku - float(terminal.growth))
    sheet.number(f"{key}.unleveredTerminal", "Terminal value without debt", formula, value)
    sheet.number(
        f"{key}.unleveredValue",
        "Value without debt",
        f"=SUM({{{key}.unleveredPresent@all}})"
        f"+{{{key}.unleveredTerminal}}/(1+{rate})^{{{key}.terminalTime}}",
        found.unlevered_value,
        strong=True,
    )


def _add_sum(sheet: Sheet, part: Part, found: AdjustedPresentValue, *, saves_after: bool) -> None:
    key = part.key
    sheet.number(
        f"{key}.valueOfShields",
        "Tax saved in the forecast",
        f"=SUM({{{key}.shieldValue@all}})+{{{key}.lastShield}}*{{{key}.shieldFactor}}",
        found.value_of_tax_shields,
    )
    formula = f"={{{key}.unleveredValue}}+{{{key}.valueOfShields}}"
    if saves_after:
        sheet.number(
            f"{key}.valueOfShieldsAfter",
            "Tax saved after the forecast",
            f"={{{key}.savedAfter}}*{{{key}.shieldFactor}}",
            found.value_of_terminal_tax_shields or 0.0,
        )
        formula += f"+{{{key}.valueOfShieldsAfter}}"
    sheet.number(
        f"{key}.byAdjusted",
        "Enterprise value by adjusted present value",
        formula,
        found.enterprise_value,
        strong=True,
    )
