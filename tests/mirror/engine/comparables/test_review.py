"""Remarks on a comparison: said where they are true, and not elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.comparables import Multiple, Peer, PeerKind, value_comparables
from engine.dcf import Bridge
from tests.mirror.engine.comparables.firms import LTM_EBITDA, comparison, peer, stated, subject

REVENUE = replace(LTM_EBITDA, multiple=Multiple.EV_TO_REVENUE)


def at(*multiples: float) -> list[Peer]:
    return [peer(f"Peer {number}", 20.0 * times) for number, times in enumerate(multiples)]


def remarks(*peers: Peer, **changes: Any) -> dict[str, str]:
    found = value_comparables(comparison(*peers, **changes)).valuation.remarks
    assert all(remark.message.endswith(".") for remark in found)
    return {remark.code: remark.path for remark in found}


def test_alike_peers_leave_nothing_to_remark() -> None:
    assert remarks(*at(9.0, 9.5, 10.0, 10.5, 11.0)) == {}


@pytest.mark.parametrize(("count", "said"), [(1, True), (2, True), (3, False)])
def test_few_peers(count: int, said: bool) -> None:
    found = remarks(*at(*([10.0] * count)))
    assert found == ({"FEW_PEERS": "multiples[0]"} if said else {})


def test_peers_that_mean_nothing_do_not_count_as_peers() -> None:
    loss = peer("Loss", metrics=stated(ebitda=-2.0))
    found = remarks(*at(10.0, 10.0), loss)
    assert found == {"FEW_PEERS": "multiples[0]", "PEERS_WITHOUT_MEANING": "multiples[0]"}
    message = value_comparables(comparison(*at(10.0, 10.0), loss)).valuation.remarks[1].message
    assert "Loss" in message


@pytest.mark.parametrize(
    ("last", "said"),
    # Quartiles of 9, 10, 10, 11 and x > 11 are 10 and 11: the fences stand at 8.5 and 12.5.
    [(12.4, False), (12.6, True)],
)
def test_an_outlier_lies_beyond_one_and_a_half_spans_of_the_quartiles(
    last: float, said: bool
) -> None:
    found = remarks(*at(9.0, 10.0, 10.0, 11.0, last))
    assert found == ({"OUTLIER": "peers[4]"} if said else {})


def test_of_four_peers_none_is_an_outlier() -> None:
    assert remarks(*at(10.0, 10.0, 10.0, 100.0)) == {"WIDE_RANGE": "multiples[0]"}


def test_a_wide_range() -> None:
    assert "WIDE_RANGE" in remarks(*at(4.0, 4.0, 8.1, 8.1, 8.1))
    assert "WIDE_RANGE" not in remarks(*at(4.0, 4.0, 7.9, 7.9, 7.9))


def test_the_firm_among_its_own_peers() -> None:
    found = remarks(peer(" MEDLAR "), *at(10.0, 10.0))
    assert found == {"COMPARED_WITH_ITSELF": "peers[0]"}
    bought = peer("Medlar", kind=PeerKind.TRANSACTION)  # an earlier deal for it says something
    asked = (replace(LTM_EBITDA, kind=PeerKind.TRADING),)
    assert remarks(bought, *at(10.0, 10.0, 10.0), asked=asked) == {}


@pytest.mark.parametrize(("day", "said"), [(date(2023, 4, 1), False), (date(2023, 3, 31), True)])
def test_a_transaction_of_long_ago(day: date, said: bool) -> None:
    deals = [
        replace(each, kind=PeerKind.TRANSACTION, announced=day if k == 1 else None)
        for k, each in enumerate(at(10.0, 10.0, 10.0))
    ]
    assert remarks(*deals) == ({"OLD_TRANSACTION": "peers[1].announced"} if said else {})


def test_prices_of_two_kinds_are_mixed_where_all_peers_are_asked() -> None:
    deal = peer("Deal", kind=PeerKind.TRANSACTION)
    assert remarks(deal, *at(10.0, 10.0)) == {"PRICES_OF_TWO_KINDS": "multiples[0].kind"}
    asked = (replace(LTM_EBITDA, kind=PeerKind.TRADING),)
    assert remarks(deal, *at(10.0, 10.0, 10.0), asked=asked) == {}


def test_claims_above_the_value() -> None:
    own = subject(bridge=Bridge(debt=400.0, cash=0.0))
    assert remarks(*at(10.0, 10.0, 10.0), subject=own) == {"EQUITY_BELOW_ZERO": "subject.bridge"}


def test_multiples_that_disagree_about_a_share() -> None:
    # At 10 x EBITDA a share is worth 15; at 2 x revenue of 190 it is 33, of 110 it is 17.
    for revenue, said in ((190.0, True), (110.0, False)):
        own = subject(metrics=stated(revenue=revenue))
        found = remarks(*at(10.0, 10.0, 10.0), asked=(LTM_EBITDA, REVENUE), subject=own)
        assert found == ({"MULTIPLES_DISAGREE": "multiples[1]"} if said else {})


def test_a_figure_of_the_firm_that_cannot_be_multiplied() -> None:
    own = subject(metrics=stated(ebitda=-5.0))
    found = remarks(*at(10.0, 10.0, 10.0), asked=(REVENUE, LTM_EBITDA), subject=own)
    assert found == {"NOTHING_TO_MULTIPLY": "multiples[1]"}
