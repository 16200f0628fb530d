"""A football field: methods on one scale, and where they agree."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.football import METHODS_MOST, MethodRange, football_field, overlap, scale
from services.documents import document_of
from tests.mirror.engine.firms import LAW, numbers


def method(name: str, low: float, high: float, mid: float | None = None) -> MethodRange:
    return MethodRange(name=name, low=low, mid=mid, high=high)


@st.composite
def methods(draw: st.DrawFn) -> list[MethodRange]:
    size = draw(st.sampled_from([1e-3, 1.0, 1e3, 1e9]))
    found = []
    for number in range(draw(st.integers(1, 6))):
        low, mid, high = sorted(size * draw(numbers(-5.0, 50.0)) for _ in range(3))
        found.append(method(f"Method {number}", low, high, draw(st.sampled_from([None, mid]))))
    return found


FIELD = [method("DCF", 90.0, 130.0, 105.0), method("LBO", 70.0, 95.0), method("Peers", 85.0, 110.0)]


def test_a_field_by_hand() -> None:
    found = football_field(FIELD, 88.0)
    assert found.ticks == (70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0)
    dcf, lbo, peers = found.bars
    assert (dcf.low_place, dcf.mid_place, dcf.high_place) == (1 / 3, 35 / 60, 1.0)
    assert (lbo.low_place, lbo.mid_place, lbo.high_place) == (0.0, None, 25 / 60)
    assert found.market_place == 0.3
    assert [bar.holds_market_price for bar in found.bars] == [False, True, True]
    assert lbo.low_upside == pytest.approx(-18.0 / 88.0)
    assert peers.high_upside == 0.25
    assert found.overlap is not None
    assert (found.overlap.low, found.overlap.high, found.overlap.all) == (90.0, 95.0, True)
    assert found.overlap.methods == ("DCF", "LBO", "Peers")


def test_a_market_price_at_either_end_of_a_range_is_in_it() -> None:
    held = [football_field([method("A", 90.0, 95.0)], price).bars[0] for price in (90.0, 95.0)]
    assert [bar.holds_market_price for bar in held] == [True, True]


def test_a_name_has_no_blanks_around_it_wherever_it_is_told() -> None:
    found = football_field([method(" DCF ", 1.0, 3.0), method("LBO", 2.0, 4.0)])
    assert [bar.name for bar in found.bars] == ["DCF", "LBO"]
    assert found.overlap is not None
    assert found.overlap.methods == ("DCF", "LBO")
    again = [method(name, 2.0, 4.0) for name in ("DCF", " DCF ", "D\nCF", "Dcf")]
    assert refused(again) == {
        "methods[1].name": "CONTRADICTION",
        "methods[2].name": "WRONG_LENGTH",
        "methods[3].name": "CONTRADICTION",
    }


def test_without_a_market_price_nothing_is_said_of_it() -> None:
    found = football_field(FIELD)
    assert found.market_place is None
    assert {(bar.low_upside, bar.holds_market_price) for bar in found.bars} == {(None, None)}


@LAW
@given(methods(), st.none() | numbers(1e-3, 1e9))
def test_everything_lies_on_the_scale_in_its_order(
    given_methods: list[MethodRange], price: float | None
) -> None:
    found = football_field(given_methods, price)
    places = [] if found.market_place is None else [found.market_place]
    for bar in found.bars:
        line = [bar.low_place, bar.mid_place, bar.high_place]
        known = [place for place in line if place is not None]
        assert known == sorted(known)
        places += known
    assert min(places) >= -1e-9
    assert max(places) <= 1.0 + 1e-9
    span = found.ticks[-1] - found.ticks[0]
    for bar in found.bars:
        assert found.ticks[0] + bar.low_place * span == pytest.approx(
            bar.low, abs=1e-9 * max(span, abs(bar.low))
        )


@LAW
@given(methods())
def test_the_overlap_is_where_most_methods_agree(given_methods: list[MethodRange]) -> None:
    """By asking every end of a range how many ranges hold it: no point is held by more."""
    found = overlap(given_methods)
    ends = [end for each in given_methods for end in (each.low, each.high)]
    held = {end: sum(each.low <= end <= each.high for each in given_methods) for end in ends}
    most = max(held.values())
    if found is None:
        assert most == 1
        return
    assert len(found.methods) == most
    assert found.all == (most == len(given_methods))
    for each in given_methods:
        inside = each.name in found.methods
        assert inside == (each.low <= found.low and found.high <= each.high)
        if not inside:  # nor does it hold the whole stretch's middle, or there would be one more
            middle = 0.5 * (found.low + found.high)
            assert not each.low < middle < each.high


def test_of_several_agreements_the_widest_is_told() -> None:
    pairs = [method("A", 0, 10), method("B", 8, 20), method("C", 15, 30)]
    found = overlap(pairs)
    assert found is not None
    assert (found.low, found.high, found.methods, found.all) == (15, 20, ("B", "C"), False)


def test_of_agreements_of_one_width_the_lowest_is_told() -> None:
    pairs = [method("A", 0, 2), method("B", 1, 5), method("C", 4, 8)]
    for order in itertools.permutations(pairs):
        found = overlap(order)
        assert found is not None
        assert (found.low, found.high) == (1, 2)


def test_methods_that_do_not_meet_have_no_overlap_and_those_that_touch_do() -> None:
    assert overlap([method("A", 0, 1), method("B", 2, 3)]) is None
    found = overlap([method("A", 0, 2), method("B", 2, 3)])
    assert found is not None
    assert (found.low, found.high) == (2, 2)


@LAW
@given(numbers(-1e9, 1e9), numbers(-1e9, 1e9))
def test_a_scale_holds_its_ends_in_a_few_steps_that_a_person_reads(
    one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assume(high - low > 1e-6 * max(abs(low), abs(high)))
    assume(high - low > 1e-9)
    ticks = scale(low, high)
    step = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
    slack = 1e-9 * step
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert ticks[0] > low - step - slack
    assert ticks[-1] < high + step + slack
    assert 3 <= len(ticks) <= 9
    assert all(b - a == pytest.approx(step, rel=1e-5) for a, b in itertools.pairwise(ticks))
    digits = step / 10.0 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(digits - each) for each in (1.0, 2.0, 2.5, 5.0, 10.0)) < 1e-4


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.02, 0.58, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
        (1.0, 14.0, (0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0)),
        (-3e9, 7e9, (-4e9, -2e9, 0.0, 2e9, 4e9, 6e9, 8e9)),
    ],
)
def test_ticks_are_the_numbers_that_a_person_writes(
    low: float, high: float, ticks: tuple[float, ...]
) -> None:
    assert scale(low, high) == ticks


def test_nothing_is_the_middle_of_its_scale() -> None:
    (bar,) = football_field([method("A", 0.0, 0.0)]).bars
    assert bar.low_place == 0.5


@pytest.mark.parametrize("value", [0.0, 7.0, -3.5, 1e12, 1e-12])
def test_one_number_has_a_scale_as_well(value: float) -> None:
    found = football_field([method("A", value, value, value)])
    assert 0.0 <= found.bars[0].low_place == found.bars[0].high_place <= 1.0


def refused(given_methods: list[MethodRange], price: float | None = None) -> dict[str, str]:
    with pytest.raises(InvalidInput) as no:
        football_field(given_methods, price)
    return {problem.path: problem.code for problem in no.value.problems}


def test_every_problem_is_said_at_once() -> None:
    wrong = [
        method(" ", 1.0, 2.0),
        method("A", 3.0, 2.0),
        method("A", 1.0, math.nan),
        method("B", 1.0, 3.0, 5.0),
        method("C", 2.0, 3.0, 1.0),
    ]
    assert refused(wrong, -1.0) == {
        "methods[0].name": "WRONG_LENGTH",
        "methods[1].high": "CONTRADICTION",
        "methods[2].name": "CONTRADICTION",
        "methods[2].high": "NOT_FINITE",
        "methods[3].high": "CONTRADICTION",
        "methods[4].mid": "CONTRADICTION",
        "market_price": "OUT_OF_RANGE",
    }


@pytest.mark.parametrize("count", [0, METHODS_MOST + 1])
def test_how_many_methods_there_may_be(count: int) -> None:
    many = [method(f"Method {number}", 1.0, 2.0) for number in range(count)]
    assert refused(many) == {"methods": "WRONG_LENGTH"}
    # What is beyond them is not looked at.
    assert refused([*many[:-1], method("", 2.0, 1.0)][:count]) == {"methods": "WRONG_LENGTH"}


def test_a_field_is_a_document_by_its_names() -> None:
    document = document_of(football_field(FIELD, 88.0))
    assert document["bars"][0]["midPlace"] == 35 / 60
    assert document["overlap"]["methods"] == ["DCF", "LBO", "Peers"]
