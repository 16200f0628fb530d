"""The DCF itself, written once for one firm or a batch of scenarios.

Numbers alone go through as Python floats (a few microseconds), arrays as numpy's; nothing here
asks which. Inputs that no scenario changes stay numbers, so a grid over WACC and growth computes
its cash flows once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.dcf.inputs import DcfInputs
from engine.dcf.terminal import Horizon, comes_with_last_flow
from engine.dcf.timing import FlowTiming
from engine.door import Scalar, power, square_root
from engine.firm.equity import Settled, settle
from engine.firm.losses import LossesLeft
from engine.firm.operations import (
    Operations,
    after_tax,
    ebit_margins,
    non_cash_costs,
    rate_paid,
    working_capital_shares,
)


class DcfOutput(StrEnum):
    """A number of a DCF that can be asked for over many scenarios."""

    VALUE_PER_SHARE = "VALUE_PER_SHARE"
    EQUITY_VALUE = "EQUITY_VALUE"
    ENTERPRISE_VALUE = "ENTERPRISE_VALUE"


@dataclass(slots=True, eq=False)
class Forecast:
    """Every line of every year, as columns (n_years,): money, but for the discount factors.

    Year 1 is a whole fiscal year, but in the lines on losses and in the present value, which
    count what comes after the valuation date. A line that does not apply is empty.
    """

    revenue: list[Scalar] = field(default_factory=list)
    ebitda: list[Scalar] = field(default_factory=list)
    depreciation: list[Scalar] = field(default_factory=list)
    ebit: list[Scalar] = field(default_factory=list)
    tax: list[Scalar] = field(default_factory=list)
    nopat: list[Scalar] = field(default_factory=list)
    capital_expenditure: list[Scalar] = field(default_factory=list)
    working_capital: list[Scalar] = field(default_factory=list)
    increase_in_working_capital: list[Scalar] = field(default_factory=list)
    free_cash_flow: list[Scalar] = field(default_factory=list)
    discount_factor: list[Scalar] = field(default_factory=list)
    present_value: list[Scalar] = field(default_factory=list)
    # Where it was given by days:
    receivables: list[Scalar] = field(default_factory=list)
    inventories: list[Scalar] = field(default_factory=list)
    payables: list[Scalar] = field(default_factory=list)
    # Where it was given:
    stock_compensation: list[Scalar] = field(default_factory=list)
    # Where losses are carried forward:
    losses_used: list[Scalar] = field(default_factory=list)
    losses_left: list[Scalar] = field(default_factory=list)  # at the end of the year
    tax_saved: list[Scalar] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth:
    """What the kernel returns: (*batch) money, shares apart."""

    wacc: Scalar
    value_of_forecast: Scalar  # the explicit years, today
    terminal_value: Scalar  # at the end of year N
    terminal_discount_factor: Scalar | None  # None: of segments, each of which has its own
    value_of_terminal: Scalar  # today
    enterprise_value: Scalar
    net_debt: Scalar  # all claims before the shareholders', less cash and associates
    equity_value: Scalar
    value_per_share: Scalar
    diluted_shares: Scalar
    settled: Settled  # how the last four came about
    losses_carried_forward: Scalar | None = None  # the tax that they save, today; None: not given


def worth(inputs: DcfInputs, keep: Forecast | None = None) -> Worth:
    """Value admitted inputs; ``keep``, where given, collects every line of every year.

    EV = sum(FCF[t] d[t]) + TV d[T],  FCF = EBIT - tax + D&A - capex - increase in NWC,
    d[t] = (1 + WACC)^-t at year end and (1 + WACC)^-(t - 1/2) at mid-year;
    equity = EV - debt - leases - preferred - minorities - pensions + cash + associates.
    (Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 3.)

    Where a share s of year 1 is left on the valuation date, s FCF[1] counts of its flow, and t is
    s, s + 1, ... at year end and s / 2, s + 1/2, ... at mid-year. What losses carried forward save
    in tax, sum(saved[t] d[t]), is added to the equity and no part of the EV.

    Raises nothing; values are finite where `admit` let the inputs in.
    """
    operations, wacc = inputs.business, inputs.capital.wacc
    mid_year = inputs.timing.flows is FlowTiming.MID_YEAR
    stub = inputs.timing.stub
    step = 1.0 / (1.0 + wacc)
    half = square_root(1.0 + wacc) if mid_year else 1.0
    growth = operations.revenue_growth.years()
    capex = operations.capital_expenditure.years()
    non_cash = non_cash_costs(operations)
    working_capital = working_capital_shares(operations)
    margin, rate = ebit_margins(operations), operations.tax_rate.years()

    revenue = operations.revenue
    invested = operations.opening_working_capital
    if invested is None:
        invested = working_capital[0] * revenue
    losses = None if operations.losses is None else LossesLeft(operations.losses)
    saved_in_all: Scalar = 0.0
    discount: Scalar = half
    begun = stub < 1.0
    if begun:
        gone = power(1.0 + wacc, 1.0 - stub)  # what a unit grows by in what is past of year 1
        discount = half * gone
    forecast: Scalar = 0.0
    flow: Scalar = 0.0
    for year in range(inputs.timing.years):
        revenue = revenue * (1.0 + growth[year])
        needed = working_capital[year] * revenue
        # NOPAT + D&A - NWC - capex, as one share of revenue: the same sum with fewer passes.
        share = after_tax(margin[year], rate[year]) + (
            non_cash[year] - working_capital[year] - capex[year]
        )
        flow = revenue * share + invested
        discount = discount * step
        factor = discount
        if begun and year == 0:
            if mid_year:  # halfway through what is left, which is later than halfway through it all
                factor = discount / square_root(gone)
            present = flow * stub * factor
        else:
            present = flow * discount
        forecast = forecast + present
        if losses is not None:
            part = 1.0 if year else stub
            used = losses.set_against(revenue * margin[year] * part, part)
            saved = used * rate[year]
            saved_in_all = saved_in_all + saved * factor
            if keep is not None:
                keep.losses_used.append(used)
                keep.losses_left.append(losses.balance)
                keep.tax_saved.append(saved)
        if keep is not None:
            keep.working_capital.append(needed)
            keep.increase_in_working_capital.append(needed - invested)
            keep.free_cash_flow.append(flow)
            keep.discount_factor.append(factor)
            keep.present_value.append(present)
            _keep_profit(keep, operations, year, revenue)
        invested = needed
    terminal = inputs.terminal.value(Horizon(operations, revenue, flow, wacc))
    # The last flow's factor is half a year early at mid-year.
    at = discount if comes_with_last_flow(inputs.terminal) else discount / half
    value_of_terminal = terminal * at
    enterprise = forecast + value_of_terminal
    settled = settle(enterprise, inputs.bridge, inputs.shares, saved_in_all, inputs.failure)
    return Worth(
        wacc=wacc,
        value_of_forecast=forecast,
        terminal_value=terminal,
        terminal_discount_factor=at,
        value_of_terminal=value_of_terminal,
        enterprise_value=enterprise,
        net_debt=settled.net_debt,
        equity_value=settled.equity_value,
        value_per_share=settled.value_per_share,
        diluted_shares=settled.diluted_shares,
        settled=settled,
        losses_carried_forward=None if losses is None else saved_in_all,
    )


def output_of(value: Worth, output: DcfOutput) -> Scalar:
    """The one number that was asked for."""
    match output:
        case DcfOutput.VALUE_PER_SHARE:
            return value.value_per_share
        case DcfOutput.EQUITY_VALUE:
            return value.equity_value
        case DcfOutput.ENTERPRISE_VALUE:
            return value.enterprise_value


def _keep_profit(keep: Forecast, operations: Operations, year: int, revenue: Scalar) -> None:
    depreciation = revenue * operations.depreciation.years()[year]
    if operations.ebit_margin is not None:
        ebit = revenue * operations.ebit_margin.years()[year]
        ebitda = ebit + depreciation
    else:
        assert operations.ebitda_margin is not None  # noqa: S101 - the door let exactly one in
        ebitda = revenue * operations.ebitda_margin.years()[year]
        ebit = ebitda - depreciation
    tax = ebit * rate_paid(ebit, operations.tax_rate.years()[year]) + 0.0  # of a loss: no -0.0
    keep.revenue.append(revenue)
    keep.ebitda.append(ebitda)
    keep.depreciation.append(depreciation)
    keep.ebit.append(ebit)
    keep.tax.append(tax)
    keep.nopat.append(ebit - tax)
    keep.capital_expenditure.append(revenue * operations.capital_expenditure.years()[year])
    if operations.stock_compensation is not None:
        keep.stock_compensation.append(revenue * operations.stock_compensation.years()[year])
    if operations.working_capital_days is not None:
        receivables, inventories, payables = operations.working_capital_days.shares(year)
        keep.receivables.append(revenue * receivables)
        keep.inventories.append(revenue * inventories)
        keep.payables.append(revenue * payables)
