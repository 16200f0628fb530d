"""The door of a firm in segments: what comes in, what is refused, and under which path."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    GivenWacc,
    Gordon,
    Segment,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit, outside
from engine.errors import InvalidInput, Problem, Refused
from engine.paths import replaced
from engine.scenarios import gradient
from engine.schedules import Schedule
from tests.mirror.engine.firms import CLOUD, LAW, OFFICE, SHOPS, any_firms, firm, whole


def problems_of(inputs: DcfInputs) -> dict[str, Problem]:
    with pytest.raises(InvalidInput) as no:
        value_dcf(inputs)
    assert len({problem.path for problem in no.value.problems}) == len(no.value.problems)
    return {problem.path: problem for problem in no.value.problems}


def refused(inputs: DcfInputs) -> dict[str, str]:
    return {path: problem.code for path, problem in problems_of(inputs).items()}


def test_exactly_one_of_operations_and_segments_is_given() -> None:
    assert refused(dataclasses.replace(firm(), operations=None)) == {"operations": "MISSING"}
    assert refused(dataclasses.replace(firm(), segments=(SHOPS,))) == {
        "operations": "CONTRADICTION"
    }


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "two\nlines", "\u202eabc", "tab\there"])
def test_a_segment_has_a_name_that_can_be_read(name: str) -> None:
    nameless = dataclasses.replace(SHOPS, name=name)
    assert refused(whole(CLOUD, nameless)) == {"segments[1].name": "WRONG_LENGTH"}


def test_segments_have_different_names() -> None:
    twice = dataclasses.replace(CLOUD, name=" sHOPS ")
    assert refused(whole(SHOPS, twice)) == {"segments[1].name": "CONTRADICTION"}
    assert value_dcf(whole(SHOPS, dataclasses.replace(CLOUD, name="x" * 60)))


def test_names_that_look_the_same_are_the_same() -> None:
    one, two = "Caf\u00e9", "Cafe\u0301"
    twins = whole(dataclasses.replace(SHOPS, name=one), dataclasses.replace(CLOUD, name=two))
    assert refused(twins) == {"segments[1].name": "CONTRADICTION"}


def test_up_to_twenty_segments_come_in() -> None:
    many = [dataclasses.replace(SHOPS, name=f"Shop {number}") for number in range(10_000)]
    assert len(value_dcf(whole(*many[:20])).segments) == 20
    assert refused(whole(*many[:21])) == {"segments": "TOO_LARGE"}
    assert refused(whole(*many)) == {"segments": "TOO_LARGE"}


def test_every_problem_of_every_segment_is_told_under_its_own_path() -> None:
    wrong = dataclasses.replace(
        CLOUD,
        operations=firm(revenue=-1.0, tax_rate=21.0).business,
        capital=GivenWacc(wacc=8.5),
        terminal=ExitMultiple(ev_to_ebitda=-1.0),
    )
    short = dataclasses.replace(
        OFFICE, operations=firm(revenue_growth=Schedule.explicit([0.1])).business
    )
    assert refused(whole(SHOPS, wrong, short)) == {
        "segments[1].operations.revenue": "OUT_OF_RANGE",
        "segments[1].operations.tax_rate.level": "OUT_OF_RANGE",
        "segments[1].capital.wacc": "OUT_OF_RANGE",
        "segments[1].terminal.exit_multiple.ev_to_ebitda": "OUT_OF_RANGE",
        "segments[2].operations.revenue_growth": "WRONG_LENGTH",
    }


def test_growth_stays_below_the_cost_of_the_segments_own_capital() -> None:
    # The firm's perpetuity grows by 5 %, and this segment's capital costs 4 %.
    cheap = dataclasses.replace(SHOPS, capital=GivenWacc(wacc=0.04))
    problems = problems_of(whole(cheap))
    assert problems.keys() == {"segments[0].capital"}
    assert "0.05 against 0.04" in problems["segments[0].capital"].message
    slow = dataclasses.replace(cheap, terminal=Gordon(growth=0.02))
    assert value_dcf(whole(slow))
    fast = dataclasses.replace(SHOPS, terminal=Gordon(growth=0.3))
    assert refused(whole(fast)) == {"segments[0].terminal.gordon.growth": "CONTRADICTION"}
    # Where the firm's own is wrong, no segment says it again.
    with pytest.raises(InvalidInput) as no:
        value_dcf(whole(cheap, terminal=Gordon(growth=0.9)))
    assert {problem.path for problem in no.value.problems} == {"terminal.gordon.growth"}


def test_what_passed_the_door_is_not_looked_at_again_and_what_changed_is() -> None:
    admitted = admit(whole(SHOPS, CLOUD))
    assert admit(admitted, admitted) is admitted
    moved = replaced(admitted, {"segments[0].operations.revenue": 900.0})
    again = admit(moved, admitted)
    assert again.segments[1].operations is admitted.segments[1].operations
    for path in ("segments[1].operations.tax_rate", "segments[0].operations.revenue"):
        with pytest.raises(InvalidInput) as no:
            admit(replaced(admitted, {path: math.nan}), admitted)
        assert no.value.problems[0].path.startswith(path)
    drawn = replaced(admitted, {"segments[1].capital.wacc": np.array([0.0005, 0.3, 1.5])})
    assert outside(drawn, admitted).tolist() == [True, False, True]
    assert outside(moved, admitted) is None
    longer = dataclasses.replace(admitted, timing=firm(years=3).timing)
    with pytest.raises(InvalidInput) as no:
        admit(longer, admitted)
    assert {problem.code for problem in no.value.problems} == {"WRONG_LENGTH"}


@LAW
@given(st.lists(any_firms(), min_size=1, max_size=3))
def test_whatever_the_segments_are_they_are_refused_or_valued_in_finite_numbers(
    several: list[DcfInputs],
) -> None:
    first = several[0]
    segments = tuple(
        Segment(
            name=f"Segment {number}",
            operations=each.business,
            capital=each.capital,
            terminal=each.terminal,
        )
        for number, each in enumerate(several)
    )
    inputs = dataclasses.replace(first, operations=None, segments=segments)
    try:
        result = value_dcf(inputs)
    except Refused as no:
        for problem in no.problems:
            assert problem.path.startswith("segments[")
        return
    assert math.isfinite(result.worth.value_per_share)
    for segment in result.segments:
        assert math.isfinite(segment.worth.enterprise_value)
        assert segment.share is None or math.isfinite(segment.share)
    slopes = gradient(dcf_question(inputs, DcfOutput.VALUE_PER_SHARE))
    assert all(map(math.isfinite, slopes.values()))
