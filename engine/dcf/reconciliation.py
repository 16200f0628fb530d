"""One value by three roads: discounted cash flow, economic profit, and adjusted present value.

Each road has its own arithmetic, so that what they agree on is no accident of one of them. A road
that cannot be gone says why; one that ends elsewhere, by how much.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.dcf.inputs import DcfInputs
from engine.dcf.kernel import Forecast, Worth, worth
from engine.dcf.terminal import ExitMultiple, Horizon, ValueDriver, comes_with_last_flow
from engine.dcf.timing import FlowTiming, Timing
from engine.firm.capital import SPREAD_MIN, Capm, GivenWacc, TaxShields


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomicProfit:
    """Capital in place, and what the business earns above its cost: money, lists by year.

    EV = capital + sum(EP[t] d[t]) + continuing value, EP[t] = NOPAT[t] - charge[t] and
    charge[t] = capital[t - 1] (d[t - 1] / d[t] - 1), which after a whole year is WACC x capital
    (Koller et al., Valuation, 7th ed., ch. 10). Of a year 1 that has begun, what is left counts.
    """

    opening_capital: float  # on the valuation date: fixed assets and net working capital
    capital: list[float]  # at the end of each year
    capital_charge: list[float]
    economic_profit: list[float]
    value_of_economic_profit: float  # of the forecast, today
    value_of_terminal: float  # of the economic profit after the forecast, today
    enterprise_value: float
    gap: float  # less the value by discounted cash flow


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedPresentValue:
    """The firm without its debt, and the tax that the debt saves: money, lists by year."""

    unlevered_cost: float  # 1/year
    unlevered_value: float  # the same flows at the unlevered cost, today
    tax_shields: list[float]  # when the year's flow comes; the last one's until the terminal value
    value_of_tax_shields: float  # of the forecast, today
    value_of_terminal_tax_shields: float | None  # after it, today; None: within the exit's price
    enterprise_value: float
    gap: float  # less the value by discounted cash flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Each of the other two roads, or in words why there is none."""

    economic_profit: EconomicProfit | None
    no_economic_profit: str | None
    adjusted_present_value: AdjustedPresentValue | None
    no_adjusted_present_value: str | None


def reconcile(
    inputs: DcfInputs,
    forecast: Forecast,
    value: Worth,
    implied_growth: float | None,
    *,
    segment: bool = False,
) -> Reconciliation:
    """Value one firm again. Inputs are admitted; every number of them is a number alone.

    ``implied_growth``, 1/year, is an exit multiple's: of the perpetuity that it stands for. A
    ``segment`` has no debt of its own.
    """
    profit, no_profit, adjusted, no_adjusted = None, None, None, None
    if inputs.business.opening_fixed_assets is None:
        no_profit = (
            "The capital that earns the profit is not known: give operations.opening_fixed_assets."
        )
    else:
        profit = _economic_profit(inputs, forecast, value)
    if isinstance(inputs.capital, GivenWacc):
        no_adjusted = (
            "The WACC was given as a whole, so what debt saves in tax cannot be taken apart: "
            "build it from its parts, as capital.capm."
        )
    elif segment and inputs.capital.tax_shields is TaxShields.COST_OF_DEBT:
        no_adjusted = (
            "Debt that is fixed in money is the firm's, and how much of it is this segment's is "
            "not known: with capital.capm.tax_shields of UNLEVERED_COST it would be its share."
        )
    else:
        found = _adjusted_present_value(inputs, inputs.capital, forecast, value, implied_growth)
        adjusted, no_adjusted = (None, found) if isinstance(found, str) else (found, None)
    return Reconciliation(
        economic_profit=profit,
        no_economic_profit=no_profit,
        adjusted_present_value=adjusted,
        no_adjusted_present_value=no_adjusted,
    )


def _economic_profit(inputs: DcfInputs, forecast: Forecast, value: Worth) -> EconomicProfit:
    operations, stub = inputs.business, inputs.timing.stub
    nopat = [float(line) for line in forecast.nopat]
    if operations.adds_back:
        nopat = [
            line + float(paid)
            for line, paid in zip(nopat, forecast.stock_compensation, strict=True)
        ]
    assert operations.opening_fixed_assets is not None  # noqa: S101 - the caller looked
    fixed = float(operations.opening_fixed_assets)
    # Of year 1's investment the share that is left after the valuation date is still to come.
    working = float(forecast.working_capital[0] - forecast.increase_in_working_capital[0] * stub)
    opening = before = fixed + working
    capital, charges, profits = [], [], []
    present, last = 0.0, 1.0
    for year, line in enumerate(forecast.discount_factor):
        part, factor = stub if year == 0 else 1.0, float(line)
        charge = before * (last / factor - 1.0)
        profit = nopat[year] * part - charge
        present += profit * factor
        fixed += float(forecast.capital_expenditure[year] - forecast.depreciation[year]) * part
        before, last = fixed + float(forecast.working_capital[year]), factor
        capital.append(before)
        charges.append(charge)
        profits.append(profit)
    assert value.terminal_discount_factor is not None  # noqa: S101 - of one business
    at = float(value.terminal_discount_factor)
    # What capital costs between the last flow and the day of the terminal value.
    continuing = _continuing_value(inputs, forecast, value, before) - before * (last / at - 1.0)
    enterprise = opening + present + continuing * at
    return EconomicProfit(
        opening_capital=opening,
        capital=capital,
        capital_charge=charges,
        economic_profit=profits,
        value_of_economic_profit=present,
        value_of_terminal=continuing * at,
        enterprise_value=enterprise,
        gap=enterprise - float(value.enterprise_value),
    )


def _continuing_value(inputs: DcfInputs, forecast: Forecast, value: Worth, capital: float) -> float:
    """Money at the end of the last year: what the economic profit after it is worth then.

    For the value driver by a formula of its own, EP / w + NOPAT (g / RONIC)(RONIC - w) /
    (w (w - g)) with NOPAT and EP of the year after (Koller et al., Valuation, 7th ed., ch. 14);
    for the others what the terminal value is worth above its capital.
    """
    terminal, w = inputs.terminal, float(value.wacc)
    if not isinstance(terminal, ValueDriver):
        return float(value.terminal_value) - capital
    g, ronic = float(terminal.growth), float(terminal.return_on_new_capital)
    nopat = float(_horizon(inputs, forecast, value).nopat) * (1.0 + g)
    profit = nopat - w * capital
    return profit / w + nopat * (g / ronic) * (ronic - w) / (w * (w - g))


def _adjusted_present_value(
    inputs: DcfInputs,
    capm: Capm,
    forecast: Forecast,
    value: Worth,
    implied_growth: float | None,
) -> AdjustedPresentValue | str:
    """APV, or why there is none.

    Debt of a constant share D saves t kd D V in a year, V being the value that the year begins
    with: with kd after tax, the WACC is so much lower than the unlevered cost ku. Over a period
    of another length the saving is V ((1 + ku)^p - (1 + WACC)^p), which for p = 1 is the same.
    (Harris and Pringle, Journal of Financial Research 8, 1985; Koller et al., Valuation, 7th ed.,
    ch. 10.) Debt that is fixed in money saves t debt ((1 + kd)^p - 1).
    """
    w, ku, terminal = float(value.wacc), float(capm.unlevered_cost), inputs.terminal
    kd, tax = float(capm.pre_tax_cost_of_debt), float(capm.tax_rate)
    exits = isinstance(terminal, ExitMultiple)
    growth = implied_growth if isinstance(terminal, ExitMultiple) else float(terminal.growth)
    if not exits and growth is not None and ku - growth < SPREAD_MIN:
        return (
            "Without its debt the firm would grow for ever as fast as its capital costs, or faster."
        )
    times, end = flow_times(inputs.timing), _terminal_time(inputs)
    periods = [later - earlier for earlier, later in pairwise((0.0, *times, end))]
    tv, discounted_at, shields = float(value.terminal_value), ku, list[float]()
    after: float | None = None  # money at the terminal value's day: what is saved from then on
    if capm.tax_shields is TaxShields.COST_OF_DEBT:
        if kd <= 0.0:
            return "Debt that costs nothing saves no tax: its cost has to be above zero."
        debt, discounted_at = float(inputs.bridge.debt), kd
        shields = [tax * debt * ((1.0 + kd) ** period - 1.0) for period in periods]
        after = None if exits else tax * debt
    else:
        values = _values_before(inputs, forecast, tv, w, periods)
        shields = [
            before * ((1.0 + ku) ** period - (1.0 + w) ** period)
            for before, period in zip(values, periods, strict=True)
        ]
        if growth is not None and ku - growth >= SPREAD_MIN:
            after = tv * (ku - w) / (ku - growth)
    unlevered = float(
        worth(dataclasses.replace(inputs, capital=GivenWacc(wacc=ku))).enterprise_value
    )
    if exits and after is not None:  # the price at the exit holds what debt saves after it
        unlevered -= after * (1.0 + ku) ** -end
    saved = sum(
        shield * (1.0 + discounted_at) ** -time
        for shield, time in zip(shields, (*times, end), strict=True)
    )
    saved_after = None if after is None else after * (1.0 + discounted_at) ** -end
    enterprise = unlevered + saved + (saved_after or 0.0)
    return AdjustedPresentValue(
        unlevered_cost=ku,
        unlevered_value=unlevered,
        tax_shields=[*shields[:-2], shields[-2] + shields[-1]],
        value_of_tax_shields=saved,
        value_of_terminal_tax_shields=saved_after,
        enterprise_value=enterprise,
        gap=enterprise - float(value.enterprise_value),
    )


def _values_before(
    inputs: DcfInputs, forecast: Forecast, terminal_value: float, w: float, periods: Sequence[float]
) -> list[float]:
    """Money: what the firm is worth at the start of each period, from the last back to today."""
    at = terminal_value * (1.0 + w) ** -periods[-1]
    values = [at]
    for year in reversed(range(len(periods) - 1)):
        part = inputs.timing.share(year)
        at = (at + float(forecast.free_cash_flow[year]) * part) * (1.0 + w) ** -periods[year]
        values.append(at)
    return values[::-1]


def flow_times(timing: Timing) -> tuple[float, ...]:
    """(n_years,) years from the valuation date to each flow."""
    ends = tuple(map(timing.elapsed, range(timing.years)))
    if timing.flows is FlowTiming.END_YEAR:
        return ends
    return (timing.stub / 2.0, *(end - 0.5 for end in ends[1:]))


def _terminal_time(inputs: DcfInputs) -> float:
    """Years from the valuation date to the day that the terminal value is of."""
    terminal, timing = inputs.terminal, inputs.timing
    early = timing.flows is FlowTiming.MID_YEAR and comes_with_last_flow(terminal)
    return timing.stub + timing.years - (1.5 if early else 1.0)


def _horizon(inputs: DcfInputs, forecast: Forecast, value: Worth) -> Horizon:
    revenue, flow = forecast.revenue[-1], forecast.free_cash_flow[-1]
    return Horizon(inputs.business, revenue, flow, value.wacc)
