"""Attribution of many changes: by the groups of the inputs, and by the segments of a firm."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from engine.attribution import Attribution, Method, attribution
from engine.dcf import (
    Bridge,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    Failure,
    FlowTiming,
    LossesCarriedForward,
    Segment,
    Terminal,
    ValueDriver,
)
from engine.questions import Question
from engine.schedules import Schedule
from tests.mirror.engine.firms import firm
from tests.mirror.engine.test_attribution import by_path, why
from tests.mirror.engine.test_scenarios import BUILT


def test_more_than_ten_changes_are_shared_out_among_the_groups_of_the_inputs() -> None:
    new = firm(
        wacc=0.2,
        terminal=ValueDriver(growth=0.04, return_on_new_capital=0.3),
        bridge=Bridge(debt=30.0, cash=20.0, leases=5.0),
        shares=60.0,
        revenue=900.0,
        revenue_growth=Schedule.explicit([0.2, 0.1]),
        tax_rate=0.3,
        depreciation=0.06,
        capital_expenditure=0.1,
        ebit_margin=0.25,
    )
    found = why(firm(), new, DcfOutput.VALUE_PER_SHARE)
    assert found.method is Method.SHAPLEY_BY_GROUP
    assert {paths[0].split(".")[0] for paths in by_path(found)} == {
        "operations",
        "capital",
        "terminal",
        "bridge",
        "shares",
    }
    assert len(found.contributions) == 5
    total = math.fsum(each.amount for each in found.contributions)
    assert total == pytest.approx(found.after - found.before, abs=1e-13)


def in_segments(
    count: int, own: Terminal | None = None, bridge: Bridge | None = None, **operations: Any
) -> DcfInputs:
    """A firm of equal segments: ``operations`` are theirs, and so is an ``own`` terminal value."""
    base = firm(bridge=bridge, **operations)
    business = base.operations
    assert business is not None
    segments = tuple(
        Segment(name=f"Part {number}", operations=business, terminal=own) for number in range(count)
    )
    return dataclasses.replace(base, operations=None, segments=segments)


def groups_of(found: Attribution) -> set[str]:
    assert found.method is Method.SHAPLEY_BY_GROUP
    return {path.split(".")[0] for each in found.contributions for path in each.paths[:1]}


def test_of_many_changes_in_segments_each_segment_is_told_what_it_adds() -> None:
    changed = in_segments(
        4, revenue=1_100.0, ebit_margin=0.22, tax_rate=0.26, bridge=Bridge(debt=70.0, cash=0.0)
    )
    found = why(in_segments(4), changed, DcfOutput.EQUITY_VALUE)
    segments = [f"segments[{number}]" for number in range(4)]
    assert groups_of(found) == {*segments, "bridge"}
    # Segments do not touch each other, so each adds what one of them does alone, debt apart.
    one = why(in_segments(1), in_segments(1, revenue=1_100.0, ebit_margin=0.22, tax_rate=0.26))
    amounts = {each.paths[0].split(".")[0]: each.amount for each in found.contributions}
    assert amounts.pop("bridge") == pytest.approx(-70.0, rel=1e-12)
    assert list(amounts.values()) == pytest.approx([one.after - one.before] * 4, rel=1e-12)


def test_more_segments_than_can_be_told_apart_are_one_group() -> None:
    eleven = why(in_segments(11), in_segments(11, revenue=1_100.0))
    assert groups_of(eleven) == {"segments[0]"}
    (whole,) = eleven.contributions
    assert whole.paths == tuple(f"segments[{number}].operations.revenue" for number in range(11))
    # Nor can seven that change by what is no number, each with a kernel of its own.
    own = ExitMultiple(ev_to_ebitda=8.0)
    seven, six = (why(in_segments(count), in_segments(count, own)) for count in (7, 6))
    assert len(seven.contributions) == 1
    assert (len(six.contributions), six.method) == (6, Method.SHAPLEY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dozen:
    """A kind with more groups than can be told apart."""

    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    g: float = 0.0
    h: float = 0.0
    i: float = 0.0
    j: float = 0.0
    k: float = 0.0
    l: float = 0.0  # noqa: E741 - the twelfth


def test_of_a_dozen_groups_the_last_ones_count_as_one() -> None:
    names = Dozen.__slots__
    after = Dozen(**{name: float(number) for number, name in enumerate(names, start=1)})

    def ask(inputs: Dozen) -> Question[Dozen]:
        return Question(
            inputs=inputs,
            admit=lambda given: given,
            values=lambda given: {"it": sum(getattr(given, name) for name in names)},
            outside=lambda _given: None,
            output="it",
        )

    found = attribution(ask(Dozen()), ask(after))
    assert found.method is Method.SHAPLEY_BY_GROUP
    assert by_path(found) == pytest.approx(
        {("j", "k", "l"): 33.0} | {(name,): float(n) for n, name in enumerate(names[:9], start=1)}
    )


def test_more_than_six_changes_of_what_is_no_number_are_shared_out_by_group() -> None:
    new = firm(
        flows=FlowTiming.MID_YEAR,
        opening_working_capital=80.0,
        losses=LossesCarriedForward(balance=10.0),
        terminal=ExitMultiple(ev_to_ebitda=8.0),
    )
    six = dataclasses.replace(
        new,
        capital=BUILT,
        timing=dataclasses.replace(new.timing, fiscal_year_end=date(2024, 12, 31)),
    )
    seven = dataclasses.replace(six, failure=Failure(probability=0.1, recovery=0.2))
    assert why(firm(), six).method is Method.SHAPLEY
    found = why(firm(), seven)
    assert found.method is Method.SHAPLEY_BY_GROUP
    assert len(found.contributions) == 5
    assert ("timing.flows", "timing.fiscal_year_end") in by_path(found)
