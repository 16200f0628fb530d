"""Laws of a valuation, for any firm. Cases by hand are in test_kernel_by_hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Capm,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    FlowTiming,
    GivenWacc,
    Gordon,
    StockCompensation,
    TerminalDiscounting,
    ValueDriver,
    value_dcf,
)
from engine.dcf.inputs import admit
from engine.dcf.kernel import Worth, output_of, worth
from engine.firm.operations import working_capital_shares
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import (
    LAW,
    any_firms,
    capitals,
    firm,
    firms,
    fuller,
    numbers,
)

MID_YEAR, END_YEAR = FlowTiming.MID_YEAR, FlowTiming.END_YEAR
YEAR_END, LAST_FLOW = TerminalDiscounting.YEAR_END, TerminalDiscounting.LAST_FLOW
SAME = 1e-12  # relative: the roundings of a few hundred operations


def valued(inputs: DcfInputs) -> Worth:
    return value_dcf(inputs).worth


def in_unit(inputs: DcfInputs, unit: float) -> DcfInputs:
    """The same firm with all of its money in another unit, or that much richer."""
    operations, losses = inputs.operations, inputs.operations.losses
    scaled: dict[str, Any] = {"revenue": operations.revenue * unit}
    if operations.opening_working_capital is not None:
        scaled["opening_working_capital"] = operations.opening_working_capital * unit
    if losses is not None:
        limit = losses.limit_amount
        scaled["losses"] = dataclasses.replace(
            losses,
            balance=losses.balance * unit,
            limit_amount=None if limit is None else limit * unit,
        )
    bridge = {name: getattr(inputs.bridge, name) * unit for name in Bridge.__slots__}
    return dataclasses.replace(with_drivers(inputs, **scaled), bridge=Bridge(**bridge))


def with_drivers(inputs: DcfInputs, **drivers: Any) -> DcfInputs:
    return dataclasses.replace(inputs, operations=dataclasses.replace(inputs.operations, **drivers))


@LAW
@given(
    st.integers(1, 30),
    st.sampled_from(FlowTiming),
    capitals(),
    numbers(0.01, 1.0),
    numbers(0.0, 0.5),
    numbers(0.0, 0.3),
    numbers(-0.5, 0.5),
)
def test_a_flat_firm_is_worth_its_perpetuity(
    years: int,
    flows: FlowTiming,
    capital: GivenWacc | Capm,
    margin: float,
    tax: float,
    depreciation: float,
    working_capital: float,
) -> None:
    flat = firm(
        years=years,
        flows=flows,
        capital=capital,
        terminal=Gordon(growth=0.0),
        revenue_growth=0.0,
        ebit_margin=margin,
        tax_rate=tax,
        depreciation=depreciation,
        capital_expenditure=depreciation,
        working_capital=working_capital,
    )
    wacc = float(capital.wacc)
    earlier = math.sqrt(1.0 + wacc) if flows is MID_YEAR else 1.0
    perpetuity = 1_000.0 * margin * (1.0 - tax) / wacc * earlier
    assert valued(flat).enterprise_value == pytest.approx(perpetuity, rel=SAME)


@LAW
@given(
    st.sampled_from(FlowTiming),
    numbers(-0.04, 0.05),
    numbers(0.065, 0.25),
    st.integers(1, 12),
    st.integers(1, 12),
    st.booleans(),
)
def test_the_horizon_does_not_matter_when_growth_never_changes(
    flows: FlowTiming, growth: float, wacc: float, soon: int, late: int, driver: bool
) -> None:
    # NOPAT is 15 % of revenue and net investment 3 % + 10 % g / (1 + g): what is reinvested from a
    # year's profit earns the growth of the next, at this return on new capital.
    invested = (0.03 + 0.10 * growth / (1.0 + growth)) / 0.15
    terminal = (
        ValueDriver(growth=growth, return_on_new_capital=growth / invested)
        if driver and growth / invested >= 0.001
        else Gordon(growth=growth)
    )

    def over(years: int) -> float:
        grown = firm(years=years, flows=flows, wacc=wacc, terminal=terminal, revenue_growth=growth)
        return float(valued(grown).enterprise_value)

    assert over(soon) == pytest.approx(over(late), rel=1e-11)


@LAW
@given(any_firms() | fuller(any_firms(), wide=True), st.integers(-12, 12))
def test_a_firm_that_counts_in_another_unit_is_worth_the_same_to_the_last_bit(
    inputs: DcfInputs, power: int
) -> None:
    # A power of two, so that the unit itself adds no rounding.
    unit = 2.0**power
    # The door's bounds are on money as it is typed; the law is the kernel's.
    before, after = worth(admit(inputs)), worth(in_unit(admit(inputs), unit))
    for output in DcfOutput:
        assert output_of(after, output) == output_of(before, output) * unit


@LAW
@given(firms() | fuller(firms()), numbers(0.01, 100.0))
def test_twice_the_money_is_twice_the_value(inputs: DcfInputs, times: float) -> None:
    richer = in_unit(inputs, times)
    assume(richer.operations.revenue >= 0.01)
    size = float(exact_dcf(inputs).gross) * times
    expected = float(valued(inputs).equity_value) * times
    assert valued(richer).equity_value == pytest.approx(expected, abs=SAME * size)


@LAW
@given(any_firms() | fuller(any_firms(), wide=True))
def test_the_lines_add_up(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    lines, total = result.forecast, result.worth
    operations = result.inputs.operations
    tied_up = working_capital_shares(operations)
    added_back = operations.stock_compensation_treatment is StockCompensation.ADD_BACK
    before = operations.opening_working_capital
    if before is None:
        before = tied_up[0] * operations.revenue
    sales = operations.revenue
    losses = 0.0 if operations.losses is None else operations.losses.balance
    for year in range(inputs.timing.years):
        at = {name: (getattr(lines, name) or [0.0] * 100)[year] for name in lines.__slots__}
        part = result.inputs.timing.stub if year == 0 else 1.0
        size = 1e-14 * sum(
            abs(at[name])
            for name in (
                *("ebitda", "depreciation", "capital_expenditure", "working_capital"),
                *("stock_compensation", "receivables", "inventories", "payables"),
            )
        )
        size += 1e-14 * abs(before)
        sales *= 1.0 + operations.revenue_growth.years()[year]
        rate = operations.tax_rate.years()[year]
        assert at["revenue"] == sales
        assert at["ebitda"] - at["depreciation"] == pytest.approx(at["ebit"], rel=0, abs=size)
        assert at["tax"] == max(at["ebit"], 0.0) * rate
        assert at["nopat"] == at["ebit"] - at["tax"]
        assert at["working_capital"] == tied_up[year] * sales
        assert at["increase_in_working_capital"] == at["working_capital"] - before
        flow = (
            at["nopat"]
            + at["depreciation"]
            - at["capital_expenditure"]
            - at["increase_in_working_capital"]
            + (at["stock_compensation"] if added_back else 0.0)
        )
        assert at["free_cash_flow"] == pytest.approx(flow, rel=0, abs=size)
        assert at["present_value"] == at["free_cash_flow"] * part * at["discount_factor"]
        if operations.working_capital_days is not None:
            parts = at["receivables"] + at["inventories"] - at["payables"]
            assert parts == pytest.approx(at["working_capital"], rel=0, abs=size)
        if operations.losses is not None:
            of_year = losses + max(-at["ebit"] * part, 0.0)
            assert at["losses_left"] == pytest.approx(
                of_year - at["losses_used"], rel=1e-12, abs=size
            )
            assert at["tax_saved"] == at["losses_used"] * rate
            assert at["tax_saved"] <= at["tax"] * part + size
            losses = at["losses_left"]
        before = at["working_capital"]
    summed = math.fsum(lines.present_value)
    pieces = math.fsum(map(abs, lines.present_value))
    assert total.value_of_forecast == pytest.approx(summed, rel=0, abs=1e-13 * pieces)
    assert total.value_of_terminal == total.terminal_value * total.terminal_discount_factor
    assert total.enterprise_value == total.value_of_forecast + total.value_of_terminal
    extra = total.losses_carried_forward or 0.0
    assert total.equity_value == total.enterprise_value - total.net_debt + extra
    saved = [tax * lines.discount_factor[year] for year, tax in enumerate(lines.tax_saved)]
    assert extra == pytest.approx(math.fsum(saved), rel=1e-13)
    assert total.value_per_share == total.equity_value / inputs.shares.diluted


@LAW
@given(any_firms())
def test_net_debt_is_every_claim_before_the_shareholders_less_what_is_theirs_already(
    inputs: DcfInputs,
) -> None:
    b = inputs.bridge
    claims = (b.debt, b.leases, b.preferred_stock, b.minority_interests, b.pensions_after_tax)
    expected = math.fsum((*claims, -b.cash, -b.associates))
    size = math.fsum((*claims, b.cash, b.associates))
    assert valued(inputs).net_debt == pytest.approx(expected, rel=0, abs=1e-15 * size)


@LAW
@given(firms() | fuller(firms()))
def test_the_value_is_the_books_value_in_forty_digits(inputs: DcfInputs) -> None:
    book, ours = exact_dcf(inputs), value_dcf(inputs)
    close = SAME * float(book.gross)
    assert float(ours.worth.wacc) == pytest.approx(float(book.wacc), rel=SAME)
    assert ours.worth.enterprise_value == pytest.approx(float(book.enterprise_value), abs=close)
    assert ours.worth.equity_value == pytest.approx(float(book.equity_value), abs=close)
    assert ours.worth.value_of_terminal == pytest.approx(float(book.value_of_terminal), abs=close)
    assert ours.worth.value_per_share == pytest.approx(
        float(book.value_per_share), abs=close / float(inputs.shares.diluted)
    )
    for year, present in enumerate(book.present_values):
        assert ours.forecast.present_value[year] == pytest.approx(float(present), abs=close)
    for lines, exact in (
        (ours.forecast.tax_saved, book.tax_saved),
        (ours.forecast.losses_left, book.losses_left),
    ):
        assert lines == pytest.approx([float(amount) for amount in exact][: len(lines)], abs=close)


@LAW
@given(firms(sound=True), numbers(0.001, 0.2))
def test_dearer_capital_makes_a_sound_firm_worth_less(inputs: DcfInputs, dearer: float) -> None:
    wacc = float(inputs.capital.wacc)
    result = value_dcf(inputs)
    assume(min(result.forecast.free_cash_flow) > 0.0)
    assume(result.worth.terminal_value > 0.0)
    costly = dataclasses.replace(inputs, capital=GivenWacc(wacc=wacc + dearer))
    assert valued(costly).enterprise_value < result.worth.enterprise_value


@LAW
@given(firms(sound=True), numbers(-0.05, 0.02), numbers(1e-4, 0.01))
def test_a_perpetuity_that_grows_faster_is_worth_more(
    inputs: DcfInputs, growth: float, faster: float
) -> None:
    assume(value_dcf(inputs).forecast.free_cash_flow[-1] > 0.0)

    def growing(at: float) -> float:
        terminal = Gordon(growth=at)
        return float(valued(dataclasses.replace(inputs, terminal=terminal)).enterprise_value)

    assert growing(growth + faster) > growing(growth)


@LAW
@given(firms(sound=True), numbers(0.02, 0.5), numbers(0.0, 0.03))
def test_growth_adds_value_only_where_new_capital_earns_more_than_it_costs(
    inputs: DcfInputs, returns: float, growth: float
) -> None:
    wacc = float(inputs.capital.wacc)
    assume(abs(returns - wacc) > 1e-3)
    assume(growth > 1e-4)

    def worth_at(g: float) -> float:
        driver = ValueDriver(growth=g, return_on_new_capital=returns)
        perpetuity = valued(dataclasses.replace(inputs, terminal=driver)).terminal_value
        return float(perpetuity) / (1.0 + g)  # per unit of next year's profit

    assume(growth < returns)
    assert (worth_at(growth) > worth_at(0.0)) == (returns > wacc)


@LAW
@given(firms(sound=True), numbers(-0.02, 0.03))
def test_where_new_capital_earns_its_cost_growth_is_worth_nothing(
    inputs: DcfInputs, growth: float
) -> None:
    # NOPAT (1 + g) (1 - g / w) / (w - g) = NOPAT (1 + g) / w. (Koller et al., on the value driver.)
    wacc = float(inputs.capital.wacc)
    driver = ValueDriver(growth=growth, return_on_new_capital=wacc)
    result = value_dcf(dataclasses.replace(inputs, terminal=driver))
    next_profit = float(result.forecast.nopat[-1]) * (1.0 + growth)
    assert result.worth.terminal_value == pytest.approx(next_profit / wacc, rel=1e-11)


@LAW
@given(firms())
def test_cash_that_comes_half_a_year_earlier_is_worth_half_a_year_more(inputs: DcfInputs) -> None:
    def at(flows: FlowTiming) -> Worth:
        return valued(
            dataclasses.replace(inputs, timing=dataclasses.replace(inputs.timing, flows=flows))
        )

    end, mid = at(END_YEAR), at(MID_YEAR)
    half = math.sqrt(1.0 + float(end.wacc))
    close = SAME * float(exact_dcf(inputs).gross)
    early = half * float(end.value_of_forecast)
    assert mid.value_of_forecast == pytest.approx(early, abs=close)
    assert mid.terminal_value == end.terminal_value
    earns = (
        not isinstance(inputs.terminal, ExitMultiple) and inputs.terminal.discounting is LAST_FLOW
    )
    terminal = float(end.value_of_terminal) * (half if earns else 1.0)
    assert mid.value_of_terminal == pytest.approx(terminal, abs=close)


@LAW
@given(firms())
def test_the_two_margins_say_the_same_of_the_same_firm(inputs: DcfInputs) -> None:
    forecast = value_dcf(inputs).forecast
    years = range(inputs.timing.years)
    twin = with_drivers(
        inputs,
        ebit_margin=None,
        ebitda_margin=Schedule.explicit([forecast.ebitda[t] / forecast.revenue[t] for t in years]),
    )
    close = SAME * float(exact_dcf(inputs).gross)
    assert valued(twin).enterprise_value == pytest.approx(
        float(valued(inputs).enterprise_value), abs=close
    )


@LAW
@given(firms(), numbers(0.0, 0.9))
def test_a_loss_pays_no_tax_and_earns_no_credit(inputs: DcfInputs, rate: float) -> None:
    loss = with_drivers(inputs, ebitda_margin=None, ebit_margin=Schedule.constant(-0.2))
    taxed = with_drivers(loss, tax_rate=Schedule.constant(rate))
    assert valued(taxed).enterprise_value == valued(loss).enterprise_value
    assert set(value_dcf(taxed).forecast.tax) == {0.0}
