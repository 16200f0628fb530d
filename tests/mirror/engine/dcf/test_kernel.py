"""Laws of a valuation, for any firm; then cases by hand."""

from __future__ import annotations

import dataclasses
import math

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
    Shares,
    TerminalDiscounting,
    ValueDriver,
    value_dcf,
)
from engine.dcf.inputs import admit, wacc_of
from engine.dcf.kernel import Worth, output_of, worth
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, SCHEDULES, any_firms, capitals, firm, firms, numbers

MID_YEAR, END_YEAR = FlowTiming.MID_YEAR, FlowTiming.END_YEAR
YEAR_END, LAST_FLOW = TerminalDiscounting.YEAR_END, TerminalDiscounting.LAST_FLOW
SAME = 1e-12  # relative: the roundings of a few hundred operations


def valued(inputs: DcfInputs) -> Worth:
    return value_dcf(inputs).worth


def with_drivers(inputs: DcfInputs, **drivers: Schedule | float | None) -> DcfInputs:
    return dataclasses.replace(inputs, operations=dataclasses.replace(inputs.operations, **drivers))


# Laws


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
    wacc = float(wacc_of(capital))
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
@given(any_firms(), st.integers(-12, 12))
def test_a_firm_that_counts_in_another_unit_is_worth_the_same_to_the_last_bit(
    inputs: DcfInputs, power: int
) -> None:
    # A power of two, so that the unit itself adds no rounding.
    unit = 2.0**power
    operations, bridge = inputs.operations, inputs.bridge
    opening = operations.opening_working_capital
    scaled = dataclasses.replace(
        with_drivers(
            inputs,
            revenue=operations.revenue * unit,
            opening_working_capital=None if opening is None else opening * unit,
        ),
        bridge=Bridge(**{name: getattr(bridge, name) * unit for name in bridge.__slots__}),
    )
    # The door's bounds are on money as it is typed; the law is the kernel's.
    before, after = worth(admit(inputs)), worth(_year_by_year(scaled, admit(inputs)))
    for output in DcfOutput:
        assert output_of(after, output) == output_of(before, output) * unit


def _year_by_year(inputs: DcfInputs, admitted: DcfInputs) -> DcfInputs:
    drivers = {name: getattr(admitted.operations, name) for name in SCHEDULES}
    return with_drivers(inputs, **drivers)


@LAW
@given(firms(), numbers(0.01, 100.0))
def test_twice_the_money_is_twice_the_value(inputs: DcfInputs, times: float) -> None:
    opening = inputs.operations.opening_working_capital
    richer = dataclasses.replace(
        with_drivers(
            inputs,
            revenue=inputs.operations.revenue * times,
            opening_working_capital=None if opening is None else opening * times,
        ),
        bridge=Bridge(**{name: getattr(inputs.bridge, name) * times for name in Bridge.__slots__}),
        shares=Shares(diluted=inputs.shares.diluted),
    )
    assume(richer.operations.revenue >= 0.01)
    size = float(exact_dcf(inputs).gross) * times
    expected = float(valued(inputs).equity_value) * times
    assert valued(richer).equity_value == pytest.approx(expected, abs=SAME * size)


@LAW
@given(any_firms())
def test_the_lines_add_up(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    lines, total = result.forecast, result.worth
    operations = result.inputs.operations
    before = operations.opening_working_capital
    if before is None:
        before = operations.working_capital.years()[0] * operations.revenue
    sales = operations.revenue
    for year in range(inputs.timing.years):
        at = {name: getattr(lines, name)[year] for name in lines.__slots__}
        size = 1e-14 * sum(
            abs(at[name])
            for name in ("ebitda", "depreciation", "capital_expenditure", "working_capital")
        )
        size += 1e-14 * abs(before)
        sales *= 1.0 + operations.revenue_growth.years()[year]
        rate = operations.tax_rate.years()[year]
        assert at["revenue"] == sales
        assert at["ebitda"] - at["depreciation"] == pytest.approx(at["ebit"], rel=0, abs=size)
        assert at["tax"] == max(at["ebit"], 0.0) * rate
        assert at["nopat"] == at["ebit"] - at["tax"]
        assert at["working_capital"] == operations.working_capital.years()[year] * sales
        assert at["increase_in_working_capital"] == at["working_capital"] - before
        flow = (
            at["nopat"]
            + at["depreciation"]
            - at["capital_expenditure"]
            - at["increase_in_working_capital"]
        )
        assert at["free_cash_flow"] == pytest.approx(flow, rel=0, abs=size)
        assert at["present_value"] == at["free_cash_flow"] * at["discount_factor"]
        before = at["working_capital"]
    summed = math.fsum(lines.present_value)
    pieces = math.fsum(map(abs, lines.present_value))
    assert total.value_of_forecast == pytest.approx(summed, rel=0, abs=1e-13 * pieces)
    assert total.value_of_terminal == total.terminal_value * total.terminal_discount_factor
    assert total.enterprise_value == total.value_of_forecast + total.value_of_terminal
    assert total.equity_value == total.enterprise_value - total.net_debt
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
@given(firms())
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


@LAW
@given(firms(sound=True), numbers(0.001, 0.2))
def test_dearer_capital_makes_a_sound_firm_worth_less(inputs: DcfInputs, dearer: float) -> None:
    wacc = float(wacc_of(inputs.capital))
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
    wacc = float(wacc_of(inputs.capital))
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
    wacc = float(wacc_of(inputs.capital))
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


# By hand: WACC 25 %, so the factors are 0.8 and 0.64


def test_a_firm_valued_by_hand() -> None:
    # Year:                     1          2
    # revenue                1,100      1,210       10 % growth from 1,000
    # EBIT                     220        242       20 %
    # - tax                     55         60.50    25 %
    # + D&A                     55         60.50     5 %
    # - capex                   88         96.80     8 %
    # - increase in NWC         10         11       10 % of revenue: 100, 110, 121
    # = FCF                    122        134.20
    # present value             97.60      85.888
    # TV = 134.20 x 1.05 / (0.25 - 0.05) = 704.55, today x 0.64 = 450.912
    # EV = 97.60 + 85.888 + 450.912 = 634.40
    # net debt = 300 + 50 + 20 + 10 + 15 - 100 - 60.60 = 234.40; equity 400, 8 a share
    bridge = Bridge(
        debt=300.0,
        leases=50.0,
        preferred_stock=20.0,
        minority_interests=10.0,
        pensions_after_tax=15.0,
        cash=100.0,
        associates=60.60,
    )
    result = value_dcf(firm(bridge=bridge, market_price=6.40))
    lines = result.forecast
    for name, expected in {
        "revenue": [1_100.0, 1_210.0],
        "ebitda": [275.0, 302.50],
        "depreciation": [55.0, 60.50],
        "ebit": [220.0, 242.0],
        "tax": [55.0, 60.50],
        "nopat": [165.0, 181.50],
        "capital_expenditure": [88.0, 96.80],
        "working_capital": [110.0, 121.0],
        "increase_in_working_capital": [10.0, 11.0],
        "free_cash_flow": [122.0, 134.20],
        "discount_factor": [0.80, 0.64],
        "present_value": [97.60, 85.888],
    }.items():
        assert getattr(lines, name) == pytest.approx(expected), name
    assert result.worth.value_of_forecast == pytest.approx(183.488)
    assert result.worth.terminal_value == pytest.approx(704.55)
    assert result.worth.value_of_terminal == pytest.approx(450.912)
    assert result.worth.enterprise_value == pytest.approx(634.40)
    assert result.worth.net_debt == pytest.approx(234.40)
    assert result.worth.equity_value == pytest.approx(400.0)
    assert result.worth.value_per_share == pytest.approx(8.0)


def test_an_opening_working_capital_that_is_given_is_the_one_that_is_released() -> None:
    # Opening NWC 150 instead of the implied 100: the first year frees 40 instead of taking 10, and
    # 50 more a year from now is 40 more today.
    assert valued(firm(opening_working_capital=150.0)).enterprise_value == pytest.approx(674.40)
    assert valued(firm(opening_working_capital=0.0)).enterprise_value == pytest.approx(554.40)


# WACC 56.25 %, whose half year is 1.25: factors 0.64 and 0.4096 at year end, 0.8 and 0.512 before
@pytest.mark.parametrize(
    ("terminal", "value_of_terminal"),
    [
        # 134.20 x 1.0625 / (0.5625 - 0.0625) = 285.175
        (Gordon(growth=0.0625), 285.175 * 0.512),
        (Gordon(growth=0.0625, discounting=YEAR_END), 285.175 * 0.4096),
        # 5 x 302.50, paid at the end of year 2
        (ExitMultiple(ev_to_ebitda=5.0), 1_512.50 * 0.4096),
        # 181.50 x 1.0625 x (1 - 0.0625 / 0.25) / 0.5 = 289.265625
        (ValueDriver(growth=0.0625, return_on_new_capital=0.25), 289.265625 * 0.512),
        (
            ValueDriver(growth=0.0625, return_on_new_capital=0.25, discounting=YEAR_END),
            289.265625 * 0.4096,
        ),
    ],
)
def test_mid_year_by_hand(
    terminal: Gordon | ExitMultiple | ValueDriver, value_of_terminal: float
) -> None:
    result = value_dcf(firm(flows=MID_YEAR, wacc=0.5625, terminal=terminal))
    assert result.forecast.discount_factor == pytest.approx([0.8, 0.512])
    assert result.worth.value_of_forecast == pytest.approx(97.60 + 68.7104)
    assert result.worth.value_of_terminal == pytest.approx(value_of_terminal)


def test_a_wacc_is_built_from_its_parts() -> None:
    # Equity 4 % + 1.2 x 5 % = 10 %; debt 5 % x (1 - 20 %) = 4 %; 75 % x 10 % + 25 % x 4 % = 8.5 %
    built = Capm(
        risk_free_rate=0.04,
        equity_risk_premium=0.05,
        beta=1.2,
        pre_tax_cost_of_debt=0.05,
        debt_weight=0.25,
        tax_rate=0.20,
    )
    result = value_dcf(firm(capital=built))
    assert result.worth.wacc == pytest.approx(0.085)
    assert result.cost_of_equity == pytest.approx(0.10)
    assert value_dcf(firm()).cost_of_equity is None
    assert result.worth.enterprise_value == pytest.approx(
        float(valued(firm(wacc=0.085)).enterprise_value)
    )


# Published


def test_sangria_weighs_its_capital_as_in_the_book_and_its_crusher_breaks_even() -> None:
    """Brealey, Myers and Allen, Principles of Corporate Finance, ch. 19 (tax at 35 %).

    Debt 500 at 6 %, equity 750 at 12.4 %: after-tax WACC 9 %. A perpetual crusher that brings
    1.731 million a year before tax is worth the 12.5 million that it costs.
    """
    sangria = Capm(
        risk_free_rate=0.124,  # the book gives the cost of equity as a whole
        equity_risk_premium=0.0,
        beta=1.0,
        pre_tax_cost_of_debt=0.06,
        debt_weight=500.0 / 1_250.0,
        tax_rate=0.35,
    )
    crusher = firm(
        capital=sangria,
        revenue=1_731_000.0,
        revenue_growth=0.0,
        ebit_margin=1.0,
        tax_rate=0.35,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
        terminal=Gordon(growth=0.0),
    )
    result = value_dcf(crusher)
    assert result.worth.wacc == pytest.approx(0.09, abs=5e-13)
    assert result.worth.enterprise_value == pytest.approx(12.5e6, abs=5e3)


def test_the_concatenator_business_is_worth_what_the_book_says() -> None:
    """Brealey, Myers and Allen, Principles of Corporate Finance, 12th ed., pp. 94-95, table 4.7.

    Assets of 10 million grow by 12, 12, 12, 9, 9 and 9 %, then by 6 %; they earn 12 % after tax,
    and growth is paid for out of earnings. At 10 % the free cash flows of years 1 to 6 are worth
    0.9, what comes after them 15.4, the business 16.3 million.
    """
    into_next_year = [0.12, 0.12, 0.12, 0.09, 0.09, 0.09, 0.06]
    concatenator = firm(
        years=7,
        wacc=0.10,
        terminal=Gordon(growth=0.06),
        revenue=10e6 / 1.12,  # revenue stands for the assets at the start of each year
        revenue_growth=Schedule.explicit([0.12, *into_next_year[:-1]]),
        ebit_margin=0.12,
        tax_rate=0.0,
        depreciation=0.0,
        capital_expenditure=Schedule.explicit(into_next_year),
        working_capital=0.0,
    )
    result = value_dcf(concatenator)
    flows = [0.0, 0.0, 0.0, 0.42, 0.46, 0.50, 1.09]
    assert result.forecast.free_cash_flow == pytest.approx([f * 1e6 for f in flows], abs=5e3)
    first_six = math.fsum(result.forecast.present_value[:6])
    assert first_six == pytest.approx(0.9e6, abs=0.05e6)
    assert result.worth.enterprise_value - first_six == pytest.approx(15.4e6, abs=0.05e6)
    assert result.worth.enterprise_value == pytest.approx(16.3e6, abs=0.05e6)
