"""What peers say that a firm is worth: laws, and a comparison done by hand."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any

import mpmath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.comparables import (
    Asked,
    ComparablesInputs,
    Multiple,
    PeerKind,
    Period,
    Silence,
    Stated,
    value_comparables,
)
from engine.dcf import Bridge, Convertible, OptionTranche, Shares
from engine.errors import Infeasible
from engine.firm.dilution import share_out
from services.documents import document_of, reader
from tests.mirror.engine.comparables.firms import (
    EVERY,
    LTM_EBITDA,
    any_bridge,
    any_metrics,
    any_peer,
    any_shares,
    comparison,
    comparisons,
    fiscal_years,
    months,
    peer,
    stated,
    subject,
)
from tests.mirror.engine.firms import LAW, numbers
from tests.pages import DOCS, EXAMPLES, table

CLOSE = 1e-10  # relative, to all the money that was added up


def gross(of: Any) -> float:
    """All the money that a firm's bridge and dilution add up."""
    shares, bridge = of.shares, of.bridge
    strikes = sum(each.count * each.strike for each in shares.options)
    return float(
        bridge.debt + bridge.cash + bridge.leases + bridge.minority_interests + bridge.associates
    ) + float(strikes + shares.convertible_debt)


@LAW
@given(
    numbers(0.5, 80.0),
    any_shares(),
    any_bridge(),
    any_metrics(losses=False),
    st.sampled_from(EVERY),
)
def test_a_firm_that_is_its_own_only_peer_is_worth_what_it_trades_at(
    price: float, shares: Shares, bridge: Bridge, metrics: Stated, asked: Asked
) -> None:
    own = subject(name="Plum", shares=shares, bridge=bridge, metrics=metrics)
    itself = peer(
        enterprise_value=None, share_price=price, shares=shares, bridge=bridge, metrics=metrics
    )
    value = shares.claims_at(price) + bridge.net_debt
    equity = shares.claims_at(price) - shares.convertible_debt
    assume((equity if asked.multiple is Multiple.PRICE_TO_EARNINGS else value) > 0.01)
    answer = value_comparables(comparison(itself, asked=(asked,), subject=own)).valuation
    slack = CLOSE * (gross(own) + abs(value))
    assert answer.enterprise_value == pytest.approx(value, abs=slack)
    held = shares.diluted if shares.diluted is not None else shares.held
    assert answer.value_per_share == pytest.approx(price, abs=slack / held)


@LAW
@given(numbers(0.0, 80.0), any_shares())
def test_claims_at_a_price_are_what_is_shared_out_at_it(price: float, shares: Shares) -> None:
    claims = shares.claims_at(price)
    if shares.diluted is not None:
        assert claims == price * shares.diluted
        return
    shared = share_out(claims, shares.held, shares.options, shares.convertibles)
    assert shared.price == pytest.approx(price, rel=1e-12, abs=1e-10)


@LAW
@given(comparisons(), numbers(0.1, 10.0))
def test_peers_in_another_currency_say_the_same(inputs: ComparablesInputs, rate: float) -> None:
    def exchanged(of: Any) -> Any:
        """Every amount of money at the rate; prices a share among them, numbers of shares not."""
        counts = {"diluted", "basic", "restricted_stock", "count"}
        changes = {}
        for field in dataclasses.fields(of):
            now = getattr(of, field.name)
            if isinstance(now, float) and field.name not in counts:
                changes[field.name] = now * rate
            elif dataclasses.is_dataclass(now):
                changes[field.name] = exchanged(now)
            elif isinstance(now, tuple):
                changes[field.name] = tuple(exchanged(each) for each in now)
        return dataclasses.replace(of, **changes)

    abroad = dataclasses.replace(inputs, peers=tuple(exchanged(each) for each in inputs.peers))
    try:
        home = value_comparables(inputs).valuation
    except Infeasible:
        return
    # Less than a hundredth of a unit is nothing, and a hundredth is more in some currencies.
    earned = [getattr(each, when) for each in home.peers for when in ("ltm", "ntm")]
    amounts = [getattr(each, name) for each in earned for name in type(each).__slots__]
    assume(not any(0.0 < amount < 0.11 for amount in amounts if amount is not None))
    found = value_comparables(abroad).valuation
    slack = 1e-9 * (gross(inputs.subject) + abs(home.enterprise_value))
    assert found.enterprise_value == pytest.approx(home.enterprise_value, rel=1e-9, abs=slack)


@LAW
@given(comparisons(losses=False), numbers(0.1, 10.0))
def test_a_firm_that_earns_twice_as_much_is_worth_twice_as_much_before_its_claims(
    inputs: ComparablesInputs, times: float
) -> None:
    # Of an enterprise multiple: earnings belong to the equity, and debt does not grow with them.
    asked = [each for each in inputs.multiples if each.multiple is not Multiple.PRICE_TO_EARNINGS]
    assume(asked)
    inputs = dataclasses.replace(inputs, multiples=tuple(asked))
    own = inputs.subject

    def larger(of: Any) -> Any:
        if of is None:
            return None
        amounts = {name: getattr(of, name) * times for name in ("revenue", "ebitda", "ebit")}
        return dataclasses.replace(of, **amounts)

    if isinstance(own.metrics, Stated):
        metrics: Any = Stated(ltm=larger(own.metrics.ltm), ntm=larger(own.metrics.ntm))
    else:
        years = tuple(larger(year) for year in own.metrics.fiscal_years)
        metrics = dataclasses.replace(own.metrics, fiscal_years=years)
    grown = dataclasses.replace(inputs, subject=dataclasses.replace(own, metrics=metrics))
    before, after = value_comparables(inputs).valuation, value_comparables(grown).valuation
    assert after.enterprise_value == pytest.approx(times * before.enterprise_value, rel=1e-12)


@LAW
@given(comparisons())
def test_ranges_stand_in_order_and_add_up(inputs: ComparablesInputs) -> None:
    try:
        answer = value_comparables(inputs).valuation
    except Infeasible:
        return
    for found in answer.ranges:
        meant = [each.multiple for each in found.peers if each.multiple is not None]
        assert found.count == len(meant)
        assert (found.statistics is None) == (not meant)
        assert all((each.multiple is None) != (each.silence is None) for each in found.peers)
        if found.median is None:
            assert found.lower_quartile is None
            assert found.upper_quartile is None
            assert not meant or found.metric < 0.01
            continue
        line = [found.lower_quartile, found.median, found.upper_quartile]
        assert all(each is not None for each in line)
        for low, high in ((line[0], line[1]), (line[1], line[2])):
            assert low.multiple <= high.multiple
            slack = CLOSE * (gross(inputs.subject) + abs(high.enterprise_value))
            assert low.enterprise_value <= high.enterprise_value + slack
            assert low.value_per_share <= high.value_per_share + slack
    first = answer.ranges[0].median
    assert first is not None
    assert (answer.multiple, answer.enterprise_value) == (first.multiple, first.enterprise_value)
    assert answer.value_per_share == first.value_per_share
    slack = CLOSE * (gross(inputs.subject) + abs(answer.enterprise_value))
    assert answer.equity_value == pytest.approx(
        answer.enterprise_value - answer.net_debt, abs=slack
    )
    assert answer.value_per_share * answer.diluted_shares == pytest.approx(
        answer.equity_value, abs=slack
    )


@LAW
@given(comparisons())
def test_the_firms_own_multiple_at_its_market_price_gives_that_price_back(
    inputs: ComparablesInputs,
) -> None:
    assume(inputs.market_price is not None)
    own = inputs.subject
    try:
        ranges = value_comparables(inputs).valuation.ranges
    except Infeasible:
        return
    for asked, found in zip(inputs.multiples, ranges, strict=True):
        if found.at_market is None:
            continue
        thousands = stated(revenue=1e3, ebitda=1e3, ebit=1e3, net_income=1e3)
        at = peer(value=found.at_market * 1e3, metrics=thousands)
        again = value_comparables(
            comparison(at, asked=(asked,), subject=own, market_price=inputs.market_price)
        ).valuation
        size = gross(own) + abs(again.enterprise_value)
        held = own.shares.diluted if own.shares.diluted is not None else own.shares.held
        assert again.value_per_share == pytest.approx(
            inputs.market_price, rel=1e-9, abs=CLOSE * size / held
        )
        assert again.upside == pytest.approx(0.0, abs=1e-8 * (1.0 + size / held))


def test_a_comparison_by_hand() -> None:
    """8, 9, 11 and 14 times: quartiles 8.75, 10, 11.75. EBITDA 20, net debt 50, 10 shares."""
    peers = [peer(f"Peer {times}", 20.0 * times) for times in (11, 8, 14, 9)]
    answer = value_comparables(comparison(*peers, market_price=12.0)).valuation
    (found,) = answer.ranges
    assert found.count == 4
    assert [each.multiple for each in found.peers] == [11.0, 8.0, 14.0, 9.0]
    low, mid, high = found.lower_quartile, found.median, found.upper_quartile
    assert low is not None
    assert mid is not None
    assert high is not None
    assert (low.enterprise_value, mid.enterprise_value, high.enterprise_value) == (
        175.0,
        200.0,
        235.0,
    )
    assert (low.value_per_share, mid.value_per_share, high.value_per_share) == (12.5, 15.0, 18.5)
    assert (answer.enterprise_value, answer.equity_value, answer.value_per_share) == (
        200.0,
        150.0,
        15.0,
    )
    assert answer.net_debt == 50.0
    assert answer.upside == 0.25
    assert found.at_market == 8.5  # (12 x 10 + 50) / 20


def test_a_peer_at_its_share_price_by_hand() -> None:
    """At 30 a share: 100 shares and 20 options at 15 that leave 10 new ones; a convertible of 400
    at 25 is 16 shares, one of 90 at 45 is debt. EV = 126 x 30 + 90 + 500 - 70."""
    shares = Shares(
        basic=98.0,
        restricted_stock=2.0,
        options=(OptionTranche(count=20.0, strike=15.0), OptionTranche(count=5.0, strike=40.0)),
        convertibles=(
            Convertible(face_value=400.0, conversion_price=25.0),
            Convertible(face_value=90.0, conversion_price=45.0),
        ),
    )
    priced = peer(
        enterprise_value=None,
        share_price=30.0,
        shares=shares,
        bridge=Bridge(debt=500.0, cash=70.0),
        metrics=stated(ebitda=430.0, net_income=100.0),
    )
    asked = (LTM_EBITDA, Asked(multiple=Multiple.PRICE_TO_EARNINGS, period=Period.NTM))
    answer = value_comparables(comparison(priced, asked=asked)).valuation
    (seen,) = answer.peers
    assert seen.enterprise_value == pytest.approx(4_300.0, rel=1e-14)
    assert answer.ranges[0].peers[0].multiple == pytest.approx(10.0, rel=1e-14)
    # Earnings bear the interest of both convertibles: 3,780 less the 400 that one is owed, which
    # its holders would have been paid as lenders.
    assert seen.equity_value == pytest.approx(3_380.0, rel=1e-14)
    assert answer.ranges[1].peers[0].multiple == pytest.approx(33.8, rel=1e-14)


def test_a_peer_whose_shares_were_counted_already_by_hand() -> None:
    """30 shares at 20, and 90 more that it owes, less 40 of cash: 650, for 130 and for 65."""
    priced = peer(
        enterprise_value=None,
        share_price=20.0,
        shares=Shares(diluted=30.0),
        bridge=Bridge(debt=90.0, cash=40.0),
        metrics=Stated(ltm=months(ebitda=130.0), ntm=months(ebitda=65.0)),
    )
    asked = (dataclasses.replace(LTM_EBITDA, period=Period.NTM), LTM_EBITDA)
    answer = value_comparables(comparison(priced, asked=asked)).valuation
    assert (answer.peers[0].enterprise_value, answer.peers[0].equity_value) == (650.0, 600.0)
    assert [each.peers[0].multiple for each in answer.ranges] == [10.0, 5.0]
    # By the first: 10 times the firm's 20.
    assert answer.enterprise_value == 200.0


def test_price_to_earnings_by_hand() -> None:
    """Equity 300 for earnings of 20 is 15 times; 15 times 10 is an equity of 150, an EV of 200."""
    priced = peer(value=360.0, bridge=Bridge(debt=80.0, cash=20.0), metrics=stated(net_income=20.0))
    asked = Asked(multiple=Multiple.PRICE_TO_EARNINGS, period=Period.LTM)
    answer = value_comparables(comparison(priced, asked=(asked,))).valuation
    assert (answer.multiple, answer.equity_value, answer.enterprise_value) == (15.0, 150.0, 200.0)


def test_a_transaction_is_measured_on_the_day_it_was_announced() -> None:
    deal = peer(
        "Deal",
        300.0,
        kind=PeerKind.TRANSACTION,
        announced=date(2024, 12, 31),
        metrics=fiscal_years(25.0, 30.0, 40.0, last=date(2025, 12, 31)),
    )
    answer = value_comparables(comparison(deal)).valuation
    assert answer.multiple == 10.0
    assert answer.peers[0].as_of == date(2024, 12, 31)
    assert answer.peers[0].ntm.ebitda == 40.0


def test_each_kind_of_peers_can_be_asked_by_itself() -> None:
    deal = peer("Deal", 260.0, kind=PeerKind.TRANSACTION)
    asked = [dataclasses.replace(LTM_EBITDA, kind=kind) for kind in (*PeerKind, None)]
    found = value_comparables(comparison(peer(), deal, asked=tuple(asked))).valuation
    assert (found.enterprise_value, found.multiple) == (200.0, 10.0)  # by the first, of its kind
    ranges = found.ranges
    assert [each.count for each in ranges] == [1, 1, 2]
    assert [each.statistics.median for each in ranges if each.statistics] == [10.0, 13.0, 11.5]


def test_a_loss_has_no_multiple_and_nothing_takes_its_place() -> None:
    loss = peer("Loss", metrics=stated(ebitda=-1.0))
    nothing = peer("Nothing", metrics=stated(ebitda=0.0))
    cash = peer("Cash", -5.0)
    unknown = peer("Unknown", metrics=Stated(ltm=dataclasses.replace(months(), ebitda=None)))
    answer = value_comparables(comparison(loss, peer(), nothing, cash, unknown)).valuation
    (found,) = answer.ranges
    assert [each.multiple for each in found.peers] == [None, 10.0, None, None, None]
    not_meant = Silence.NOT_MEANINGFUL
    assert [each.silence for each in found.peers] == [
        not_meant,
        None,
        not_meant,
        not_meant,
        Silence.NOT_GIVEN,
    ]
    assert found.count == 1
    assert answer.multiple == 10.0


def test_without_a_bridge_a_peer_has_no_price_to_earnings() -> None:
    asked = Asked(multiple=Multiple.PRICE_TO_EARNINGS, period=Period.LTM)
    answer = value_comparables(
        comparison(peer(bridge=None), peer("Pear"), asked=(asked,))
    ).valuation
    assert [each.silence for each in answer.ranges[0].peers] == [Silence.NOT_GIVEN, None]
    assert answer.peers[0].equity_value is None


def test_where_no_peer_earns_anything_the_first_multiple_says_so() -> None:
    loss = peer(metrics=stated(ebitda=-1.0))
    with pytest.raises(Infeasible, match="No peer's EV/EBITDA means anything") as no:
        value_comparables(comparison(loss))
    assert [problem.path for problem in no.value.problems] == ["multiples[0]"]
    # Asked second, it is null and hurts nobody.
    revenue = dataclasses.replace(LTM_EBITDA, multiple=Multiple.EV_TO_REVENUE)
    answer = value_comparables(comparison(loss, asked=(revenue, LTM_EBITDA))).valuation
    assert answer.ranges[1].statistics is None
    assert answer.ranges[1].median is None


def test_where_the_firm_itself_earns_nothing_the_first_multiple_says_so() -> None:
    own = subject(metrics=stated(ebitda=-3.0))
    with pytest.raises(
        Infeasible, match=r"The firm's EBITDA of the last twelve months is -3"
    ) as no:
        value_comparables(comparison(subject=own))
    assert [problem.path for problem in no.value.problems] == ["subject.metrics.stated"]
    revenue = dataclasses.replace(LTM_EBITDA, multiple=Multiple.EV_TO_REVENUE)
    answer = value_comparables(comparison(asked=(revenue, LTM_EBITDA), subject=own)).valuation
    assert answer.ranges[1].statistics is not None
    assert answer.ranges[1].median is None


@LAW
@given(any_peer("Plum"), st.sampled_from(EVERY))
def test_a_multiple_is_that_of_forty_digits(given_peer: Any, asked: Asked) -> None:
    """The fully diluted enterprise value and equity, share by share, on mpmath."""
    inputs = comparison(given_peer, peer("Pear", bridge=Bridge(debt=0.0, cash=0.0)), asked=(asked,))
    found = value_comparables(inputs).valuation
    metric = getattr(getattr(found.peers[0], asked.period.lower()), asked.multiple.metric)
    with mpmath.workdps(40):
        exact = mpmath.mpf
        if given_peer.enterprise_value is not None:
            value = exact(given_peer.enterprise_value)
            equity = None if given_peer.bridge is None else value - net(given_peer.bridge)
        else:
            price, shares = exact(given_peer.share_price), given_peer.shares
            count = exact(shares.diluted if shares.diluted is not None else shares.held)
            owed = exact(0)
            for option in shares.options:
                if price > option.strike:
                    count += option.count * (price - option.strike) / price
            face = sum((exact(bond.face_value) for bond in shares.convertibles), exact(0))
            for bond in shares.convertibles:
                if price > bond.conversion_price:
                    count += exact(bond.face_value) / bond.conversion_price
                else:
                    owed += bond.face_value
            value = count * price + owed + net(given_peer.bridge)
            equity = count * price + owed - face
        numerator = equity if asked.multiple is Multiple.PRICE_TO_EARNINGS else value
        first = found.ranges[0].peers[0]
        if numerator is None:
            assert first.silence is Silence.NOT_GIVEN
        elif numerator <= 1e-9 or metric < 0.01:
            assert first.multiple is None or first.multiple < 1e-9 / 0.01
        else:
            slack = 1e-12 * (float(numerator) + gross_of(given_peer)) / metric
            assert first.multiple == pytest.approx(float(numerator / exact(metric)), abs=slack)


def net(bridge: Bridge) -> Any:
    exact = mpmath.mpf
    claims = exact(bridge.debt) + bridge.leases + bridge.preferred_stock
    claims += exact(bridge.minority_interests) + bridge.pensions_after_tax
    return claims - bridge.cash - bridge.associates


def gross_of(of: Any) -> float:
    whole = dataclasses.replace(
        of,
        shares=of.shares or Shares(diluted=1.0),
        bridge=of.bridge or Bridge(debt=0.0, cash=0.0),
    )
    return gross(whole) + abs(of.enterprise_value or 0.0)


@pytest.mark.parametrize("name", ["comparables_trading", "comparables_transactions"])
def test_an_example_is_read_and_its_answer_written_by_name(name: str) -> None:
    document = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    inputs = reader(ComparablesInputs)(document)
    assert inputs.as_of == date(2026, 3, 31)
    answer = document_of(value_comparables(inputs).valuation)
    assert json.loads(json.dumps(answer)) == answer
    assert {"valuePerShare", "equityValue", "enterpriseValue", "ranges", "remarks"} <= set(answer)
    assert [each["name"] for each in answer["peers"]] == [
        each["name"] for each in document["peers"]
    ]


def test_the_example_by_its_own_figures() -> None:
    """Sorb is given an enterprise value of 1,480 and an NTM EBITDA of 137; Rowan 5,100 and 520."""
    document = json.loads((EXAMPLES / "comparables_trading.json").read_text("utf-8"))
    answer = value_comparables(reader(ComparablesInputs)(document)).valuation
    named = {each.name: each.multiple for each in answer.ranges[0].peers}
    assert named["Sorb"] == 1_480.0 / 137.0
    assert named["Rowan"] == 5_100.0 / 520.0
    # Medlar's NTM EBITDA is 275 of 365 days of 2026 and 90 of 365 of 2027.
    ebitda = (275.0 * 212e6 + 90.0 * 233e6) / 365.0
    assert answer.ranges[0].metric == pytest.approx(ebitda, rel=1e-14)
    assert answer.enterprise_value == pytest.approx(5_100.0 / 520.0 * ebitda, rel=1e-14)


def test_every_example_is_listed_with_the_value_that_it_has() -> None:
    told = {
        file.split("]")[0].lstrip("["): value
        for file, _, _, value in table(
            DOCS / "maths" / "comparables.md", "file | the firm | what it shows | a share"
        )
    }
    assert told.keys() == {path.name for path in EXAMPLES.glob("comparables_*.json")}
    for name, value in told.items():
        inputs = reader(ComparablesInputs)(json.loads((EXAMPLES / name).read_text("utf-8")))
        per_share = value_comparables(inputs).valuation.value_per_share
        assert value == f"{per_share:.2f} {inputs.currency}"


def test_of_peers_that_are_worth_nothing_a_loss_is_not_all_that_is_said() -> None:
    with pytest.raises(Infeasible, match="or its value is not above zero"):
        value_comparables(comparison(peer("Free", 0.0)))
