"""A valuation date within a fiscal year: what is left of the year, and when its cash comes."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    FlowTiming,
    Gordon,
    TerminalDiscounting,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit
from engine.errors import InvalidInput
from engine.scenarios import Axis, sensitivity
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, TODAY, firm, firms

MID_YEAR, END_YEAR = FlowTiming.MID_YEAR, FlowTiming.END_YEAR
SAME = 1e-12


def ending(inputs: DcfInputs, days: int | None) -> DcfInputs:
    """The same firm, whose fiscal year 1 ends so many days after the valuation date."""
    timing = inputs.timing
    end = None if days is None else timing.valuation_date + timedelta(days=days)
    return dataclasses.replace(inputs, timing=dataclasses.replace(timing, fiscal_year_end=end))


def enterprise(inputs: DcfInputs) -> float:
    return float(value_dcf(inputs).worth.enterprise_value)


@pytest.mark.parametrize("days", [73, 146, 292])
def test_one_year_that_is_nearly_over_is_worth_its_rest_and_every_year_after_it(days: int) -> None:
    # What is left of year 1 comes halfway through it, and each later year half a year after the
    # one before has ended: a perpetuity a year before its first flow, which for a stub of less
    # than half a year is before the valuation date.
    wacc, growth, stub = 0.10, 0.02, days / 365.0
    timing = {"years": 1, "flows": MID_YEAR, "wacc": wacc}
    result = value_dcf(ending(firm(**timing, terminal=Gordon(growth=growth)), days))
    flow = float(result.forecast.free_cash_flow[0])
    one_by_one = stub * flow * 1.1 ** (-stub / 2.0) + math.fsum(
        flow * 1.02**year * 1.1 ** -(stub + year - 0.5) for year in range(1, 600)
    )
    assert result.worth.enterprise_value == pytest.approx(one_by_one, rel=1e-12)


def a_year_on(inputs: DcfInputs) -> DcfInputs:
    """The firm at the end of fiscal year 1, with what it is then and the years that are left."""
    forecast, admitted = value_dcf(inputs).forecast, admit(inputs)
    operations = admitted.operations
    later: dict[str, Any] = {
        name: Schedule.explicit(schedule.years()[1:])
        for name in operations.__slots__
        if isinstance(schedule := getattr(operations, name), Schedule)
    }
    later |= {
        "revenue": forecast.revenue[0],
        "opening_working_capital": forecast.working_capital[0],
    }
    timing = dataclasses.replace(inputs.timing, years=inputs.timing.years - 1, fiscal_year_end=None)
    return dataclasses.replace(
        inputs, timing=timing, operations=dataclasses.replace(operations, **later)
    )


@LAW
@given(firms(), st.sampled_from([365, 366]))
def test_a_whole_year_is_no_stub_to_the_last_bit(inputs: DcfInputs, days: int) -> None:
    whole, plain = value_dcf(ending(inputs, days)), value_dcf(inputs)
    assert whole.worth.value_per_share == plain.worth.value_per_share
    assert whole.forecast.present_value == plain.forecast.present_value


@LAW
@given(firms().filter(lambda firm: firm.timing.years > 1), st.integers(1, 366))
def test_value_grows_at_the_wacc_to_the_end_of_the_year_but_for_what_is_paid_out(
    inputs: DcfInputs, days: int
) -> None:
    begun = ending(inputs, days)
    stub, wacc = min(days / 365, 1.0), float(inputs.capital.wacc)
    flow = stub * float(value_dcf(begun).forecast.free_cash_flow[0])
    # Paid at the end of the year, or halfway through what is left of it.
    paid = flow * (1.0 + wacc) ** (0.0 if inputs.timing.flows is END_YEAR else stub / 2.0)
    grown = enterprise(begun) * (1.0 + wacc) ** stub
    size = float(exact_dcf(begun).gross) + abs(paid)
    assert grown - paid == pytest.approx(enterprise(a_year_on(inputs)), rel=0, abs=SAME * size)


@LAW
@given(firms(), st.integers(1, 365), st.integers(1, 365))
def test_value_grows_at_the_wacc_from_one_day_of_the_year_to_another(
    inputs: DcfInputs, one: int, other: int
) -> None:
    # Cash comes at the year's end: what is earned in between is still to come.
    timing = dataclasses.replace(inputs.timing, flows=END_YEAR)
    inputs = dataclasses.replace(inputs, timing=timing)
    early, late = max(one, other), min(one, other)
    wacc = float(inputs.capital.wacc)
    flow = float(value_dcf(inputs).forecast.free_cash_flow[0])
    between = (early - late) / 365 * flow * (1.0 + wacc) ** (-late / 365)
    grown = enterprise(ending(inputs, early)) * (1.0 + wacc) ** ((early - late) / 365)
    size = float(exact_dcf(inputs).gross) * (1.0 + wacc)
    assert grown == pytest.approx(
        enterprise(ending(inputs, late)) + between, rel=0, abs=SAME * size
    )


@pytest.mark.parametrize("flows", FlowTiming)
@pytest.mark.parametrize("days", [1, 100, 364])
def test_a_grid_over_a_stub_has_the_bits_of_its_cells(flows: FlowTiming, days: int) -> None:
    inputs = ending(firm(years=4, flows=flows, wacc=0.09, terminal=Gordon(growth=0.02)), days)
    waccs, growths = np.linspace(0.05, 0.2, 37), np.linspace(-0.01, 0.03, 5)
    question = dcf_question(inputs, DcfOutput.VALUE_PER_SHARE)
    grid = sensitivity(
        question, Axis("capital.wacc", waccs), Axis("terminal.gordon.growth", growths)
    )
    cells = [
        [
            float(
                value_dcf(
                    ending(
                        firm(years=4, flows=flows, wacc=wacc, terminal=Gordon(growth=growth)), days
                    )
                ).worth.value_per_share
            )
            for growth in growths.tolist()
        ]
        for wacc in waccs.tolist()
    ]
    assert grid.tolist() == cells


# By hand: 1 + WACC = 1.02 ^ 10, so a tenth of a year is 1.02, and 73 days are two of them.

TENTH = 1.02
WACC = TENTH**10 - 1.0


def begun(flows: FlowTiming, **changes: Any) -> DcfInputs:
    return ending(firm(flows=flows, wacc=WACC, **changes), 73)


@pytest.mark.parametrize(
    ("flows", "tenths", "gordon"), [(END_YEAR, (2, 12), 12), (MID_YEAR, (1, 7), 7)]
)
def test_a_stub_by_hand(flows: FlowTiming, tenths: tuple[int, int], gordon: int) -> None:
    # The firm of test_kernel_by_hand frees 122 and 134.20; 73 days of year 1 are left, a fifth.
    result = value_dcf(begun(flows))
    assert result.forecast.free_cash_flow == pytest.approx([122.0, 134.20])
    assert result.forecast.discount_factor == pytest.approx([TENTH**-wait for wait in tenths])
    assert result.forecast.present_value == pytest.approx(
        [24.40 * TENTH ** -tenths[0], 134.20 * TENTH ** -tenths[1]]
    )
    assert result.worth.terminal_value == pytest.approx(134.20 * 1.05 / (WACC - 0.05))
    assert result.worth.terminal_discount_factor == pytest.approx(TENTH**-gordon)


def test_what_is_paid_at_the_years_end_is_paid_then_whenever_flows_come() -> None:
    at_end = TENTH**-12
    sale = value_dcf(begun(MID_YEAR, terminal=ExitMultiple(ev_to_ebitda=5.0))).worth
    assert sale.terminal_discount_factor == pytest.approx(at_end)
    year_end = Gordon(growth=0.05, discounting=TerminalDiscounting.YEAR_END)
    later = value_dcf(begun(MID_YEAR, terminal=year_end)).worth
    assert later.terminal_discount_factor == pytest.approx(at_end)


def test_a_perpetuity_after_a_single_stub_begins_halfway_through_the_next_year() -> None:
    # Its first flow comes in 0.2 + 0.5 years, and a perpetuity is worth its value a year before it.
    alone = value_dcf(begun(MID_YEAR, years=1)).worth
    assert alone.terminal_discount_factor == pytest.approx(TENTH**3)


def test_a_valuation_a_quarter_before_year_end_has_the_periods_of_the_trade() -> None:
    # Valued on 30 September, years end in December: an eighth, three quarters, 1.75 at mid-year.
    timing = dataclasses.replace(
        firm(years=3, flows=MID_YEAR).timing,
        valuation_date=date(2013, 9, 30),
        fiscal_year_end=date(2013, 12, 31),
    )
    result = value_dcf(dataclasses.replace(firm(years=3, wacc=0.1), timing=timing))
    periods = [-math.log(factor) / math.log(1.1) for factor in result.forecast.discount_factor]
    stub = 92 / 365
    assert periods == pytest.approx([stub / 2, stub + 0.5, stub + 1.5])
    assert periods == pytest.approx([0.125, 0.75, 1.75], abs=0.003)


# The door


@pytest.mark.parametrize(
    ("days", "when"),
    [
        (0, "on the valuation date"),
        (-1, "end 1 day before"),
        (367, "367 days after"),
        (-4_000, "4,000 days before"),
    ],
)
def test_year_1_ends_within_a_year_of_the_valuation_date(days: int, when: str) -> None:
    with pytest.raises(InvalidInput) as no:
        value_dcf(ending(firm(), days))
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("timing.fiscal_year_end", "OUT_OF_RANGE")
    assert when in problem.message
    assert (
        f"from {TODAY + timedelta(days=1)} to {TODAY + timedelta(days=366)}" in problem.suggestion
    )


@pytest.mark.parametrize("days", [1, 366])
def test_the_first_and_the_last_day_come_in(days: int) -> None:
    assert value_dcf(ending(firm(), days)).inputs.timing.stub == min(days / 365, 1.0)


def test_both_problems_of_the_timing_are_told_at_once() -> None:
    timing = dataclasses.replace(firm().timing, years=0, fiscal_year_end=TODAY - timedelta(days=1))
    with pytest.raises(InvalidInput) as no:
        value_dcf(dataclasses.replace(firm(), timing=timing))
    assert [problem.path for problem in no.value.problems] == [
        "timing.fiscal_year_end",
        "timing.years",
    ]
