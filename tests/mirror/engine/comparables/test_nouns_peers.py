"""Comparables by somebody else's arithmetic, and laws of single inputs.

The peer is a second comparison in Python's fractions: it reads the inputs, shares no line with the
engine, and finds the price at which options and convertibles are paid by trying every set of them.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.comparables import (
    Asked,
    ComparablesInputs,
    ComparablesValuation,
    Multiple,
    PeerKind,
    Period,
    Stated,
    TwelveMonths,
    value_comparables,
)
from engine.dcf import Bridge, Shares
from engine.errors import Infeasible
from engine.football import MethodRange, football_field, overlap
from tests.mirror.engine.comparables.firms import (
    EVERY,
    LTM_EBITDA,
    any_peer,
    any_shares,
    comparison,
    comparisons,
    fiscal_years,
    peer,
    subject,
)
from tests.mirror.engine.firms import LAW, numbers

EACH = settings(deadline=None, max_examples=6)  # of each name, so that none is left out

F = Fraction
Exact = Fraction | None
CLAIMS = ("debt", "leases", "preferred_stock", "minority_interests", "pensions_after_tax")
OWNED = ("cash", "associates")
WORDS = {
    Multiple.EV_TO_REVENUE: "revenue",
    Multiple.EV_TO_EBITDA: "ebitda",
    Multiple.EV_TO_EBIT: "ebit",
    Multiple.PRICE_TO_EARNINGS: "net_income",
}


def earned(metrics: Any, name: str, period: Period, day: date) -> Exact:
    """Of twelve months, from the days of each fiscal year that lie in them."""
    if isinstance(metrics, Stated):
        months = metrics.ltm if period is Period.LTM else metrics.ntm
        amount = None if months is None else getattr(months, name)
        return None if amount is None else F(amount)
    years = metrics.fiscal_years
    for number, (before, running) in enumerate(pairwise(years), 1):
        if before.end <= day < running.end:
            gone = F((day - before.end).days, (running.end - before.end).days)
            early = number - 1 if period is Period.LTM else number
            parts = [(early, 1 - gone), (early + 1, gone)]
            return sum((F(getattr(years[at], name)) * part for at, part in parts if part), F(0))
    raise AssertionError(day)


def owed(bridge: Any) -> Fraction:
    claims = sum((F(getattr(bridge, name)) for name in CLAIMS), F(0))
    return claims - sum((F(getattr(bridge, name)) for name in OWNED), F(0))


def claimed(price: Fraction, shares: Any) -> Fraction:
    """What every holder has at a price of the share."""
    if shares.diluted is not None:
        return price * F(shares.diluted)
    total = price * (F(shares.basic) + F(shares.restricted_stock or 0.0))
    for option in shares.options:
        total += F(option.count) * max(price - F(option.strike), F(0))
    for bond in shares.convertibles:
        as_shares = F(bond.face_value) / F(bond.conversion_price) * price
        total += max(F(bond.face_value), as_shares)
    return total


def face(shares: Any) -> Fraction:
    return sum((F(each.face_value) for each in shares.convertibles), F(0))


def price_of(equity: Fraction, shares: Any) -> Fraction:
    """The price at which all claims come to the equity: between two prices they are a line."""
    kinks = {F(0), *(F(each.strike) for each in shares.options)}
    kinks |= {F(each.conversion_price) for each in shares.convertibles}
    for low, high in pairwise([*sorted(kinks), max(kinks) + 1]):
        slope = (claimed(high, shares) - claimed(low, shares)) / (high - low)
        found = low + (equity - claimed(low, shares)) / slope
        if found <= high:
            return found
    return found


def unconverted(price: Fraction, shares: Any) -> Fraction:
    """What holders of convertibles are owed as lenders."""
    bonds = [each for each in shares.convertibles if price <= F(each.conversion_price)]
    return sum((F(each.face_value) for each in bonds), F(0))


def quantile(values: list[Fraction], level: Fraction) -> Fraction:
    """Type 7 of Hyndman and Fan."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * level
    at = int(place)
    rest = place - at
    return ordered[at] if not rest else ordered[at] * (1 - rest) + ordered[at + 1] * rest


def worths(of: Any, price: Exact) -> tuple[Fraction, Exact]:
    """Enterprise value, and the equity that earnings belong to."""
    if price is None:
        value = F(of.enterprise_value)
        return value, None if of.bridge is None else value - owed(of.bridge)
    claims = claimed(price, of.shares)
    return claims + owed(of.bridge), claims - face(of.shares)


def in_fractions(inputs: ComparablesInputs) -> list[dict[str, Any]]:
    """Of each multiple that is asked about what the engine says of it, exactly."""
    told = []
    for asked in inputs.multiples:
        name, equity_is = WORDS[asked.multiple], asked.multiple is Multiple.PRICE_TO_EARNINGS
        seen: list[Exact] = []
        for each in inputs.peers:
            if asked.kind not in (None, each.kind):
                continue
            price = None if each.share_price is None else F(each.share_price)
            value = worths(each, price)[equity_is]
            amount = earned(each.metrics, name, asked.period, each.announced or inputs.as_of)
            says = value is not None and value > 0 and amount is not None and amount >= F(0.01)
            seen.append(value / amount if says and value and amount else None)
        own = inputs.subject
        metric = earned(own.metrics, name, asked.period, inputs.as_of)
        meant = [each for each in seen if each is not None]
        row: dict[str, Any] = {"metric": metric, "peers": seen, "quantiles": None, "values": None}
        if meant:
            row["quantiles"] = [quantile(meant, F(k, 4)) for k in range(5)]
            row["mean"] = sum(meant, F(0)) / len(meant)
        if meant and metric is not None and metric >= F(0.01):
            values = []
            for multiple in row["quantiles"][1:4]:
                enterprise = multiple * metric
                enterprise += owed(own.bridge) + face(own.shares) if equity_is else 0
                claims = enterprise - owed(own.bridge)
                price = price_of(claims, own.shares)
                lent = unconverted(price, own.shares)
                values.append((multiple, enterprise, claims - lent, price, lent))
            row["values"] = values
        row["market"] = None
        if inputs.market_price is not None and metric is not None and metric >= F(0.01):
            worth = worths(own, F(inputs.market_price))[equity_is]
            row["market"] = worth / metric if worth is not None and worth > 0 else None
        told.append(row)
    return told


def whole(bridge: Bridge | None, preferred: float, pensions: float) -> Bridge | None:
    """The same with the two claims that are drawn nowhere else."""
    if bridge is None:
        return None
    return replace(bridge, preferred_stock=preferred, pensions_after_tax=pensions)


@st.composite
def firms(draw: st.DrawFn) -> ComparablesInputs:
    """Comparisons in which every input is drawn."""
    inputs = draw(comparisons())
    money = st.just(0.0) | numbers(0.1, 90.0)
    more = [draw(money) for _ in range(4)]
    own = replace(inputs.subject, bridge=whole(inputs.subject.bridge, more[0], more[1]))
    peers = [replace(each, bridge=whole(each.bridge, more[2], more[3])) for each in inputs.peers]
    return replace(inputs, subject=own, peers=tuple(peers))


def valued(inputs: ComparablesInputs) -> ComparablesValuation:
    try:
        return value_comparables(inputs).valuation
    except Infeasible:
        assume(False)
        raise


def size(inputs: ComparablesInputs) -> float:
    """Money that a comparison adds up, with which what is left of it is compared."""
    total = 1.0
    for of in (inputs.subject, *inputs.peers):
        if of.bridge is not None:
            total += sum(abs(getattr(of.bridge, each.name)) for each in fields(of.bridge))
        if of.shares is not None:
            total += sum(each.count * each.strike for each in of.shares.options)
            total += sum(each.face_value for each in of.shares.convertibles)
    return total


@settings(deadline=None, max_examples=150)
@given(firms())
def test_a_comparison_is_that_of_pythons_fractions(inputs: ComparablesInputs) -> None:
    answer, told = valued(inputs), in_fractions(inputs)
    money = size(inputs)
    for found, exact in zip(answer.ranges, told, strict=True):

        def near(value: Fraction, found: Any = found) -> Any:
            least = 1e-10 * (money + abs(found.metric)) * max(1.0, abs(float(value)))
            return pytest.approx(float(value), rel=1e-9, abs=least)

        assert found.metric == near(exact["metric"])
        pairs = list(zip(found.peers, exact["peers"], strict=True))
        for each, multiple in pairs:
            if each.multiple is None or multiple is None:  # or a value that is nothing but rounding
                assert (each.multiple or float(multiple or 0)) * 0.01 <= 1e-9 * money
            else:
                assert each.multiple == near(multiple)
        counted = sum(each is not None for each in exact["peers"])
        if found.count != counted:  # one of the values above is nothing but rounding
            assert any((a.multiple is None) != (b is None) for a, b in pairs)
            assume(False)
        if found.statistics is None:
            continue
        names = ("low", "lower_quartile", "median", "upper_quartile", "high")
        spread = [getattr(found.statistics, name) for name in names]
        for one, other in zip(spread, exact["quantiles"], strict=True):
            assert one == near(other)
        assert found.statistics.mean == near(exact["mean"])
        assert (found.median is None) == (exact["values"] is None)
        if found.median is not None:
            ends = (found.lower_quartile, found.median, found.upper_quartile)
            for implied, values in zip(ends, exact["values"], strict=True):
                assert implied is not None
                assert implied.multiple == near(values[0])
                assert implied.enterprise_value == near(values[1])
                assert implied.equity_value == near(values[2])
                if values[2] > 0:
                    assert implied.value_per_share == near(values[3])
        if found.at_market is not None and exact["market"] is not None:
            assert found.at_market == near(exact["market"])
    first = told[0]["values"][1]
    assert (answer.multiple, answer.enterprise_value, answer.equity_value) == tuple(
        pytest.approx(float(each), rel=1e-9, abs=1e-10 * money * max(1.0, abs(float(first[0]))))
        for each in first[:3]
    )
    net_debt = float(owed(inputs.subject.bridge) + first[4])
    assert answer.net_debt == pytest.approx(net_debt, abs=1e-12 * money)
    if inputs.market_price is not None and first[2] > 0:
        upside = float(first[3] / F(inputs.market_price) - 1)
        assert answer.upside == pytest.approx(upside, rel=1e-8, abs=1e-8 * money)
    if first[2] > 1e-6 * money:
        count = float(first[2] / first[3])
        assert answer.diluted_shares == pytest.approx(count, rel=1e-6)


@settings(deadline=None, max_examples=80)
@given(firms())
def test_each_firm_is_told_as_pythons_fractions_have_it(inputs: ComparablesInputs) -> None:
    answer, told = valued(inputs), in_fractions(inputs)
    assert len(told) == len(answer.ranges)
    money = size(inputs)
    for each, found in zip(inputs.peers, answer.peers, strict=True):
        price = None if each.share_price is None else F(each.share_price)
        value, equity = worths(each, price)
        assert found.as_of == (each.announced or inputs.as_of)
        assert found.enterprise_value == pytest.approx(float(value), rel=1e-12, abs=1e-12 * money)
        assert (found.equity_value is None) == (equity is None)
        if equity is not None:
            near = pytest.approx(float(equity), rel=1e-12, abs=1e-12 * money)
            assert found.equity_value == near
        for period, months in ((Period.LTM, found.ltm), (Period.NTM, found.ntm)):
            for name in WORDS.values():
                amount = earned(each.metrics, name, period, found.as_of)
                assert amount is not None
                assert getattr(months, name) == pytest.approx(float(amount), rel=1e-12, abs=1e-10)


@pytest.mark.parametrize("name", [*CLAIMS, *OWNED])
@EACH
@given(numbers(0.0, 500.0), numbers(0.0, 500.0), any_shares())
def test_a_claim_more_is_so_much_less_for_the_shareholders(
    name: str, before: float, after: float, shares: Any
) -> None:
    """And what the firm owns beside its business so much more; the firm is worth what it was."""
    shares = replace(shares, convertibles=())  # a claim more may turn their holders into lenders
    bridge = Bridge(**({"debt": 10.0, "cash": 20.0} | {name: before}))
    other = replace(bridge, **{name: after})
    one, two = (
        valued(comparison(peer(value=9_000.0), subject=subject(bridge=each, shares=shares)))
        for each in (bridge, other)
    )
    more = (after - before) * (-1.0 if name in CLAIMS else 1.0)
    assert two.enterprise_value == one.enterprise_value
    assert two.equity_value - one.equity_value == pytest.approx(more, abs=1e-8)
    assert two.net_debt - one.net_debt == pytest.approx(-more, abs=1e-9)


@pytest.mark.parametrize("name", [*CLAIMS, *OWNED])
@EACH
@given(numbers(0.0, 500.0), numbers(0.0, 500.0), any_shares())
def test_a_claim_more_on_a_peer_is_so_much_more_that_its_buyer_pays(
    name: str, before: float, after: float, shares: Any
) -> None:
    bridge = Bridge(**({"debt": 600.0, "cash": 20.0} | {name: before}))
    priced = peer(enterprise_value=None, share_price=30.0, shares=shares, bridge=bridge)
    other = replace(priced, bridge=replace(bridge, **{name: after}))
    one, two = (valued(comparison(each, peer("Pear"))).peers[0] for each in (priced, other))
    more = (after - before) * (1.0 if name in CLAIMS else -1.0)
    assert one.enterprise_value is not None
    assert two.enterprise_value is not None
    assert two.enterprise_value - one.enterprise_value == pytest.approx(more, abs=1e-8)
    assert two.equity_value == one.equity_value


@LAW
@given(comparisons(), numbers(0.1, 500.0))
def test_a_market_price_moves_nothing_but_what_is_compared_with_it(
    inputs: ComparablesInputs, price: float
) -> None:
    answer = valued(replace(inputs, market_price=None))
    again = valued(replace(inputs, market_price=price))
    assert (answer.upside, answer.value_per_share) == (None, again.value_per_share)
    assert again.upside == pytest.approx(again.value_per_share / price - 1.0, rel=1e-14)
    assert [each.at_market for each in answer.ranges] == [None] * len(answer.ranges)
    one, two = ([each.median for each in found.ranges] for found in (answer, again))
    assert [each and each.value_per_share for each in one] == [
        each and each.value_per_share for each in two
    ]


@LAW
@given(comparisons(), st.sampled_from(PeerKind))
def test_to_ask_one_kind_is_to_leave_out_the_other(
    inputs: ComparablesInputs, kind: PeerKind
) -> None:
    kept = tuple(each for each in inputs.peers if each.kind is kind)
    asked = replace(inputs.multiples[0], kind=None)
    everyone = [has for each in kept if (has := each.bridge or each.enterprise_value) is not None]
    assume(everyone)
    if asked.multiple is Multiple.PRICE_TO_EARNINGS:
        assume(any(each.bridge is not None for each in kept))
    one = valued(replace(inputs, multiples=(replace(asked, kind=kind),)))
    other = valued(replace(inputs, peers=kept, multiples=(asked,)))
    assert (one.multiple, one.value_per_share) == (other.multiple, other.value_per_share)
    assert one.ranges[0].count == other.ranges[0].count


@LAW
@given(comparisons(losses=False), numbers(0.1, 10.0))
def test_peers_that_cost_so_many_times_as_much_make_the_firm_worth_so_many_times_as_much(
    inputs: ComparablesInputs, times: float
) -> None:
    """Given by their enterprise value, and asked for a multiple of that."""
    peers = [each for each in inputs.peers if each.enterprise_value is not None]
    assume(any((each.enterprise_value or 0.0) > 0.1 for each in peers))
    own = replace(inputs, peers=tuple(peers), multiples=(LTM_EBITDA,), market_price=None)
    dear = [
        replace(each, enterprise_value=(each.enterprise_value or 0.0) * times) for each in peers
    ]
    one, two = valued(own), valued(replace(own, peers=tuple(dear)))
    assert two.enterprise_value == pytest.approx(times * one.enterprise_value, rel=1e-12)


@LAW
@given(st.dates(date(2025, 3, 31), date(2026, 3, 31)), st.sampled_from(Period))
def test_a_deal_is_a_peer_of_the_day_on_which_it_was_announced(day: date, period: Period) -> None:
    metrics = fiscal_years(20.0, 25.0, 31.0, 44.0, 50.0, last=date(2028, 3, 31))
    asked = (replace(LTM_EBITDA, period=period),)
    deal = peer("Deal", 300.0, kind=PeerKind.TRANSACTION, announced=day, metrics=metrics)
    then = peer("Deal", 300.0, metrics=metrics)
    one = valued(comparison(deal, asked=asked))
    two = valued(comparison(then, asked=asked, as_of=day))
    assert (one.multiple, one.peers[0].as_of) == (two.multiple, day)


@LAW
@given(any_peer("Plum"), numbers(1.0, 400.0), st.sampled_from(EVERY))
def test_a_multiple_asks_for_its_own_figure_of_its_own_months_alone(
    plum: Any, amount: float, asked: Asked
) -> None:
    """Every other figure of the firm may be anything."""
    name = WORDS[asked.multiple]
    plain = dict.fromkeys(WORDS.values(), 7.0)
    other = dict.fromkeys(WORDS.values(), 900.0)

    def own(rest: dict[str, float]) -> Any:
        told, other_months = TwelveMonths(**(rest | {name: amount})), TwelveMonths(**rest)
        first = asked.period is Period.LTM
        return subject(
            metrics=Stated(ltm=told if first else other_months, ntm=other_months if first else told)
        )

    sound = peer("Pear", bridge=Bridge(debt=0.0, cash=0.0))
    one, two = (
        valued(comparison(plum, sound, asked=(asked,), subject=own(rest)))
        for rest in (plain, other)
    )
    assert one.ranges[0].metric == two.ranges[0].metric == amount
    assert one.enterprise_value == two.enterprise_value


@LAW
@given(any_peer("Plum"), numbers(1.0, 400.0), st.sampled_from(EVERY))
def test_a_peers_multiple_asks_for_its_own_figure_of_its_own_months_alone(
    plum: Any, amount: float, asked: Asked
) -> None:
    name = WORDS[asked.multiple]
    assume(plum.bridge is not None)

    def seen(rest: float) -> Any:
        other = TwelveMonths(**dict.fromkeys(WORDS.values(), rest))
        told = replace(other, **{name: amount})
        first = asked.period is Period.LTM
        metrics = Stated(ltm=told if first else other, ntm=other if first else told)
        answer = valued(comparison(replace(plum, metrics=metrics), peer("Pear"), asked=(asked,)))
        months = answer.peers[0].ltm if first else answer.peers[0].ntm
        assert getattr(months, name) == amount
        return answer.ranges[0].peers[0].multiple

    one = seen(7.0)
    assert one == seen(900.0)
    value = worths(plum, None if plum.share_price is None else F(plum.share_price))
    its = value[asked.multiple is Multiple.PRICE_TO_EARNINGS]
    assert its is not None
    assert (one or 0.0) * amount == pytest.approx(max(float(its), 0.0), rel=1e-9, abs=1e-6)


@LAW
@given(numbers(5.0, 200.0), numbers(0.0, 20.0), numbers(50.0, 900.0))
def test_a_share_is_a_share_by_whatever_name(count: float, restricted: float, value: float) -> None:
    """Of the firm, and of a peer at the price of its share."""
    one, *others = (
        Shares(diluted=count + restricted),
        Shares(basic=count + restricted),
        Shares(basic=count, restricted_stock=restricted),
    )
    debts = Bridge(debt=90.0, cash=5.0)

    def told(shares: Shares) -> tuple[float | None, ...]:
        own = valued(comparison(peer(value=value), subject=subject(shares=shares)))
        seen = peer(enterprise_value=None, share_price=7.0, shares=shares, bridge=debts)
        its = valued(comparison(seen)).peers[0]
        return own.value_per_share, own.diluted_shares, its.enterprise_value, its.equity_value

    for other in others:
        assert told(other) == pytest.approx(told(one), rel=1e-12)
    assert told(one)[2] == pytest.approx(7.0 * (count + restricted) + 85.0, rel=1e-12)


@LAW
@given(comparisons())
def test_a_remark_on_peers_is_made_exactly_where_it_is_true(inputs: ComparablesInputs) -> None:
    answer = valued(inputs)
    said = {(each.code, each.path) for each in answer.remarks}
    for number, found in enumerate(answer.ranges):
        path, spread = f"multiples[{number}]", found.statistics
        assert (("FEW_PEERS", path) in said) == (found.count < 3)
        lost = any(str(each.silence or "") == "NOT_MEANINGFUL" for each in found.peers)
        assert (("PEERS_WITHOUT_MEANING", path) in said) == lost
        wide = spread is not None and spread.upper_quartile > 2.0 * spread.lower_quartile
        assert (("WIDE_RANGE", path) in said) == wide


@LAW
@given(st.lists(numbers(2.0, 40.0), min_size=5, max_size=9))
def test_an_outlier_is_one_beyond_the_fences_that_numpy_puts_up(multiples: list[float]) -> None:
    peers = [peer(f"Peer {number}", 20.0 * each) for number, each in enumerate(multiples)]
    answer = valued(comparison(*peers))
    seen = np.array([each.multiple for each in answer.ranges[0].peers])
    low, high = np.quantile(seen, [0.25, 0.75])
    reach = 1.5 * (high - low)
    assume(np.abs(seen - (low - reach)).min() > 1e-9)
    assume(np.abs(seen - (high + reach)).min() > 1e-9)
    alone = np.flatnonzero((seen < low - reach) | (seen > high + reach))
    said = {each.path for each in answer.remarks if each.code == "OUTLIER"}
    assert said == {f"peers[{number}]" for number in alone}


RANGES = st.lists(st.tuples(numbers(1.0, 90.0), numbers(0.0, 60.0)), min_size=1, max_size=6)


@LAW
@given(RANGES, numbers(1.0, 120.0))
def test_numpy_puts_every_range_at_the_same_place(
    ranges: list[tuple[float, float]], price: float
) -> None:
    methods = [MethodRange(name=f"M{k}", low=at, high=at + by) for k, (at, by) in enumerate(ranges)]
    found = football_field(methods, price)
    ends = [found.ticks[0], found.ticks[-1]]
    for bar in found.bars:
        places = np.interp([bar.low, bar.high], ends, [0.0, 1.0])
        assert (bar.low_place, bar.high_place) == pytest.approx(tuple(places), abs=1e-9)
        assert bar.low_upside == pytest.approx(np.divide(bar.low, price) - 1.0, abs=1e-9)
    assert found.market_place == pytest.approx(np.interp(price, ends, [0.0, 1.0]), abs=1e-9)


@LAW
@given(RANGES)
def test_numpy_counts_as_many_methods_that_agree(ranges: list[tuple[float, float]]) -> None:
    methods = [MethodRange(name=f"M{k}", low=at, high=at + by) for k, (at, by) in enumerate(ranges)]
    lows, highs = np.array([[each.low, each.high] for each in methods]).T
    ends = np.sort(np.concatenate((lows, highs)))
    held = ((lows <= ends[:, None]) & (ends[:, None] <= highs)).sum(axis=1)
    found = overlap(methods)
    assert (1 if found is None else len(found.methods)) == held.max()


def test_a_day_later_a_deal_of_the_day_before_has_the_multiple_that_it_had() -> None:
    """260 for the 20 of the twelve months before it."""
    metrics = fiscal_years(20.0, 25.0, last=date(2026, 12, 31))
    deal = peer(
        "Deal", 260.0, kind=PeerKind.TRANSACTION, announced=date(2025, 12, 31), metrics=metrics
    )
    for days in (0, 1, 90):
        day = date(2025, 12, 31) + timedelta(days=days)
        assert valued(comparison(deal, as_of=day)).multiple == 13.0
