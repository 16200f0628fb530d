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
    HModel,
    StockCompensation,
    TerminalDiscounting,
    Unlevering,
)
from engine.schedules import Schedule

DIGITS = 40


@dataclass(frozen=True, kw_only=True)
class ExactDcf:
    """The numbers that are compared; ``gross`` is the size of all that was added to reach them."""

    wacc: mpf
    flows: list[mpf]  # of whole fiscal years
    present_values: list[mpf]
    tax_saved: list[mpf]  # by losses carried forward, of what is left of each year
    losses_left: list[mpf]
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
    capex = driver("capital_expenditure")
    if operations.working_capital is not None:
        share = driver("working_capital")
    else:
        days, of_sales = (
            [
                read.years(
                    f"operations.working_capital_days.{name}",
                    getattr(operations.working_capital_days, name),
                    years,
                )
                for name in names
            ]
            for names in (("receivables", "inventories", "payables"), ("cost_of_sales",))
        )
        share = [
            days[0][t] / 365 + (days[1][t] - days[2][t]) * of_sales[0][t] / 365
            for t in range(years)
        ]
    added = [mpf(0)] * years
    if operations.stock_compensation_treatment is StockCompensation.ADD_BACK:
        added = driver("stock_compensation")
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
        ebit[t] - tax[t] + (da[t] + added[t] - capex[t]) * revenue[t] - (invested[t] - before[t])
        for t in range(years)
    ]
    wacc = _wacc(inputs, read)
    early = mpf(1) / 2 if inputs.timing.flows is FlowTiming.MID_YEAR else mpf(0)
    stub = mpf(1)
    if inputs.timing.fiscal_year_end is not None:
        left = (inputs.timing.fiscal_year_end - inputs.timing.valuation_date).days
        stub = min(mpf(left) / 365, mpf(1))
    # What is left of year 1 comes at its end or halfway through it, each later year one after that.
    parts = [stub if t == 0 else mpf(1) for t in range(years)]
    periods = [stub + t - early * parts[t] for t in range(years)]
    factors = [(1 + wacc) ** -period for period in periods]
    present = [flows[t] * parts[t] * factors[t] for t in range(years)]
    saved, left_over = _losses(inputs, read, [ebit[t] * parts[t] for t in range(years)], rate, stub)
    tax_savings = mpmath.fsum(saved[t] * factors[t] for t in range(years))
    nopat, last_ebitda = ebit[-1] - tax[-1], ebit[-1] + da[-1] * revenue[-1]
    last = Last(flows[-1], nopat, last_ebitda, revenue[-1], invested[-1], added[-1] * revenue[-1])
    terminal, wait = _terminal(inputs, read, wacc, last, early)
    value_of_terminal = terminal * (1 + wacc) ** -(wait - 1 + stub)
    enterprise = mpmath.fsum(present) + value_of_terminal
    bridge = {
        name: read.number(f"bridge.{name}", getattr(inputs.bridge, name))
        for name in inputs.bridge.__slots__
    }
    equity = (
        enterprise
        + tax_savings
        + sum(
            amount if name in ("cash", "associates") else -amount for name, amount in bridge.items()
        )
    )
    gross = mpmath.fsum(
        factors[t]
        * (
            abs(ebit[t])
            + tax[t]
            + (da[t] + added[t] + abs(capex[t])) * revenue[t]
            + abs(invested[t])
            + abs(before[t])
        )
        for t in range(years)
    )
    return ExactDcf(
        wacc=wacc,
        flows=flows,
        present_values=present,
        tax_saved=saved,
        losses_left=left_over,
        terminal_value=terminal,
        value_of_terminal=value_of_terminal,
        enterprise_value=enterprise,
        equity_value=equity,
        value_per_share=equity / read.number("shares.diluted", inputs.shares.diluted),
        gross=gross + abs(value_of_terminal) + tax_savings + sum(bridge.values()),
    )


def _losses(
    inputs: DcfInputs, read: Moved, income: list[mpf], rate: list[mpf], stub: mpf
) -> tuple[list[mpf], list[mpf]]:
    """Tax saved and losses left, year by year."""
    losses = inputs.operations.losses
    if losses is None:
        return [mpf(0)] * len(income), [mpf(0)] * len(income)
    given = {
        name: read.number(f"operations.losses.{name}", getattr(losses, name))
        for name in losses.__slots__
        if getattr(losses, name) is not None
    }
    balance, saved, left = given["balance"], [], []
    for year, earned in enumerate(income):
        if earned < 0:
            used = mpf(0)
            balance -= earned
        else:
            most = given.get("limit_amount", mpf("inf")) * (stub if year == 0 else 1)
            used = min(balance, earned * given.get("limit_share", 1), most)
            balance -= used
        saved.append(used * rate[year])
        left.append(balance)
    return saved, left


@dataclass(frozen=True)
class Last:
    """What the last year of the forecast hands on."""

    flow: mpf
    nopat: mpf
    ebitda: mpf
    revenue: mpf
    working_capital: mpf
    added_back: mpf


def _wacc(inputs: DcfInputs, read: Moved) -> mpf:
    capital = inputs.capital
    if not isinstance(capital, Capm):
        return read.number("capital.wacc", capital.wacc)
    part = {
        name: read.number(f"capital.capm.{name}", getattr(capital, name))
        for name in capital.__slots__
        if isinstance(getattr(capital, name), float | int)
    }
    beta = part["beta"] if capital.comparables is None else _levered(capital, part, read)
    premia = ("country_premium", "size_premium", "specific_premium")
    cost_of_equity = part["risk_free_rate"] + beta * part["equity_risk_premium"]
    cost_of_equity += mpmath.fsum(part[name] for name in premia if name in part)
    cost_of_debt = part["pre_tax_cost_of_debt"] * (1 - part["tax_rate"])
    return part["debt_weight"] * cost_of_debt + (1 - part["debt_weight"]) * cost_of_equity


def _levered(capital: Capm, part: dict[str, mpf], read: Moved) -> mpf:
    """Each peer unlevered, the median of them levered at the firm's own debt to equity."""
    comparables = capital.comparables
    assert comparables is not None
    taxed = comparables.unlevering is Unlevering.HAMADA

    def leverage(debt: mpf, tax: mpf) -> mpf:
        return 1 + debt * (1 - tax if taxed else 1)

    unlevered = []
    for index, peer in enumerate(comparables.peers):
        path = f"capital.capm.comparables.peers[{index}]"
        beta, debt, tax = (
            read.number(f"{path}.{name}", getattr(peer, name))
            for name in ("beta", "debt_to_equity", "tax_rate")
        )
        if comparables.blume:
            beta = beta * 2 / 3 + mpf(1) / 3
        unlevered.append(beta / leverage(debt, tax))
    unlevered.sort()
    count = len(unlevered)
    middle = (unlevered[(count - 1) // 2] + unlevered[count // 2]) / 2
    return middle * leverage(part["debt_weight"] / (1 - part["debt_weight"]), part["tax_rate"])


def _terminal(inputs: DcfInputs, read: Moved, wacc: mpf, last: Last, early: mpf) -> tuple[mpf, mpf]:
    """The terminal value, and the years by which it is discounted."""
    terminal, years = inputs.terminal, inputs.timing.years
    if isinstance(terminal, ExitMultiple):
        multiple = read.number("terminal.exit_multiple.ev_to_ebitda", terminal.ev_to_ebitda)
        return multiple * last.ebitda, mpf(years)
    at_last_flow = terminal.discounting is TerminalDiscounting.LAST_FLOW
    periods = years - early if at_last_flow else mpf(years)
    if isinstance(terminal, Gordon):
        g = read.number("terminal.gordon.growth", terminal.growth)
        if terminal.normalised is None:
            return last.flow * (1 + g) / (wacc - g), periods
        # A year like any other, of which the forecast says no more than its shares of revenue.
        shares = [
            read.number(f"terminal.gordon.normalised.{name}", getattr(terminal.normalised, name))
            for name in ("depreciation", "capital_expenditure")
        ]
        revenue, needed = last.revenue * (1 + g), last.working_capital * (1 + g)
        profit = (last.nopat + last.added_back) * (1 + g)
        flow = profit + shares[0] * revenue - shares[1] * revenue - (needed - last.working_capital)
        return flow / (wacc - g), periods
    if isinstance(terminal, HModel):
        g = read.number("terminal.h_model.growth", terminal.growth)
        first = read.number("terminal.h_model.initial_growth", terminal.initial_growth)
        half = read.number("terminal.h_model.half_life", terminal.half_life)
        # The perpetuity, and H years' worth of the flow that the faster growth adds.
        lasting = last.flow * (1 + g) / (wacc - g)
        return lasting + last.flow * half * (first - g) / (wacc - g), periods
    g = read.number("terminal.value_driver.growth", terminal.growth)
    ronic = read.number(
        "terminal.value_driver.return_on_new_capital", terminal.return_on_new_capital
    )
    return last.nopat * (1 + g) * (1 - g / ronic) / (wacc - g), periods
