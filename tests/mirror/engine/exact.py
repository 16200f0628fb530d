"""The same valuation from the book, in 40 digits: an independent witness, not a copy of the kernel.

Each year stands by itself: revenue is a product, a discount factor is a power, and the flow is
EBIT - tax + D&A - capex - (NWC - NWC of the year before). (Rosenbaum and Pearl, Investment
Banking, 2nd ed., ch. 3.)
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
from mpmath import mp, mpf

from engine.dcf import (
    Capm,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    FlowTiming,
    Gordon,
    TerminalDiscounting,
)
from engine.schedules import Schedule

DIGITS = 40


@dataclass(frozen=True, kw_only=True)
class ExactDcf:
    """The numbers that are compared; ``gross`` is the size of all that was added to reach them."""

    wacc: mpf
    flows: list[mpf]
    present_values: list[mpf]
    terminal_value: mpf
    value_of_terminal: mpf
    enterprise_value: mpf
    equity_value: mpf
    value_per_share: mpf
    gross: mpf

    def output(self, output: DcfOutput) -> mpf:
        return getattr(self, output.value.lower())


class Moved:
    """Reads inputs with the number at ``path`` moved by ``by``: of a schedule, every year."""

    def __init__(self, path: str = "", by: mpf | int = 0) -> None:
        self.path, self.by = path, by

    def number(self, path: str, value: float) -> mpf:
        return mpf(value) + (self.by if path == self.path else 0)

    def years(self, path: str, schedule: Schedule, count: int) -> list[mpf]:
        plain = in_full(schedule, count)
        return [
            value + (self.by if self.path in (path, f"{path}[{year}]") else 0)
            for year, value in enumerate(plain)
        ]


def in_full(schedule: Schedule, years: int) -> list[mpf]:
    """A ramp reaches its value in its last year, by equal steps from the year before it."""
    if schedule.level is not None:
        return [mpf(schedule.level)] * years
    if schedule.by_year is not None:
        return [mpf(value) for value in schedule.by_year]
    values: list[mpf] = []
    for stage in schedule.stages or ():
        target = mpf(stage.value)
        start = values[-1] if stage.ramp else target
        values += [start + (target - start) * k / stage.years for k in range(1, stage.years + 1)]
    return values


def exact_dcf(inputs: DcfInputs, moved: Moved | None = None) -> ExactDcf:
    with mp.workdps(DIGITS):
        return _exact(inputs, moved or Moved())


def exact_slope(inputs: DcfInputs, path: str, output: DcfOutput) -> mpf:
    """The derivative by the number at ``path``, good to more digits than a double has."""
    with mp.workdps(DIGITS):
        return mpmath.diff(lambda by: _exact(inputs, Moved(path, by)).output(output), 0)


def _exact(inputs: DcfInputs, read: Moved) -> ExactDcf:
    operations, years = inputs.operations, inputs.timing.years

    def driver(name: str) -> list[mpf]:
        return read.years(f"operations.{name}", getattr(operations, name), years)

    growth, rate, da = driver("revenue_growth"), driver("tax_rate"), driver("depreciation")
    capex, share = driver("capital_expenditure"), driver("working_capital")
    base = read.number("operations.revenue", operations.revenue)
    revenue = [base * mpmath.fprod(1 + g for g in growth[: year + 1]) for year in range(years)]
    if operations.ebit_margin is not None:
        ebit = [m * sales for m, sales in zip(driver("ebit_margin"), revenue, strict=True)]
    else:
        ebitda = driver("ebitda_margin")
        ebit = [(m - d) * sales for m, d, sales in zip(ebitda, da, revenue, strict=True)]
    tax = [r * max(profit, mpf(0)) for r, profit in zip(rate, ebit, strict=True)]
    invested = [w * sales for w, sales in zip(share, revenue, strict=True)]
    opening = (
        share[0] * base
        if operations.opening_working_capital is None
        else read.number("operations.opening_working_capital", operations.opening_working_capital)
    )
    before = [opening, *invested[:-1]]
    flows = [
        ebit[t] - tax[t] + (da[t] - capex[t]) * revenue[t] - (invested[t] - before[t])
        for t in range(years)
    ]
    wacc = _wacc(inputs, read)
    early = mpf(1) / 2 if inputs.timing.flows is FlowTiming.MID_YEAR else mpf(0)
    factors = [(1 + wacc) ** -(t + 1 - early) for t in range(years)]
    present = [flow * factor for flow, factor in zip(flows, factors, strict=True)]
    nopat, last_ebitda = ebit[-1] - tax[-1], ebit[-1] + da[-1] * revenue[-1]
    terminal, periods = _terminal(inputs, read, wacc, flows[-1], nopat, last_ebitda, early)
    value_of_terminal = terminal * (1 + wacc) ** -periods
    enterprise = mpmath.fsum(present) + value_of_terminal
    bridge = {
        name: read.number(f"bridge.{name}", getattr(inputs.bridge, name))
        for name in inputs.bridge.__slots__
    }
    equity = enterprise + sum(
        amount if name in ("cash", "associates") else -amount for name, amount in bridge.items()
    )
    gross = mpmath.fsum(
        factors[t]
        * (
            abs(ebit[t])
            + tax[t]
            + (da[t] + abs(capex[t])) * revenue[t]
            + abs(invested[t])
            + abs(before[t])
        )
        for t in range(years)
    )
    return ExactDcf(
        wacc=wacc,
        flows=flows,
        present_values=present,
        terminal_value=terminal,
        value_of_terminal=value_of_terminal,
        enterprise_value=enterprise,
        equity_value=equity,
        value_per_share=equity / read.number("shares.diluted", inputs.shares.diluted),
        gross=gross + abs(value_of_terminal) + sum(bridge.values()),
    )


def _wacc(inputs: DcfInputs, read: Moved) -> mpf:
    capital = inputs.capital
    if not isinstance(capital, Capm):
        return read.number("capital.wacc", capital.wacc)
    part = {
        name: read.number(f"capital.capm.{name}", getattr(capital, name))
        for name in capital.__slots__
    }
    cost_of_equity = part["risk_free_rate"] + part["beta"] * part["equity_risk_premium"]
    cost_of_debt = part["pre_tax_cost_of_debt"] * (1 - part["tax_rate"])
    return part["debt_weight"] * cost_of_debt + (1 - part["debt_weight"]) * cost_of_equity


def _terminal(
    inputs: DcfInputs, read: Moved, wacc: mpf, flow: mpf, nopat: mpf, ebitda: mpf, early: mpf
) -> tuple[mpf, mpf]:
    """The terminal value, and the years by which it is discounted."""
    terminal, years = inputs.terminal, inputs.timing.years
    if isinstance(terminal, ExitMultiple):
        multiple = read.number("terminal.exit_multiple.ev_to_ebitda", terminal.ev_to_ebitda)
        return multiple * ebitda, mpf(years)
    at_last_flow = terminal.discounting is TerminalDiscounting.LAST_FLOW
    periods = years - early if at_last_flow else mpf(years)
    if isinstance(terminal, Gordon):
        g = read.number("terminal.gordon.growth", terminal.growth)
        return flow * (1 + g) / (wacc - g), periods
    g = read.number("terminal.value_driver.growth", terminal.growth)
    ronic = read.number(
        "terminal.value_driver.return_on_new_capital", terminal.return_on_new_capital
    )
    return nopat * (1 + g) * (1 - g / ronic) / (wacc - g), periods
