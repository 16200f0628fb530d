"""Remarks on a comparison: said where they are true, and not elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.comparables import Multiple, Peer, PeerKind, Period, value_comparables
from engine.dcf import Bridge
from tests.mirror.engine.comparables.firms import (
    LTM_EBITDA,
    comparison,
    fiscal_years,
    peer,
    stated,
    subject,
)

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


def test_where_no_peer_is_left_nobodys_luck_is_spoken_of() -> None:
    losses = [peer(f"Loss {k}", metrics=stated(ebitda=-2.0, ebit=-3.0)) for k in range(3)]
    found = value_comparables(comparison(*losses, asked=(REVENUE, LTM_EBITDA))).valuation
    (few,) = (each for each in found.remarks if each.code == "FEW_PEERS")
    assert (few.path, found.ranges[1].count) == ("multiples[1]", 0)
    assert few.message == "No peer is left that EV/EBITDA (LTM) could be read from."


def test_peers_that_mean_nothing_do_not_count_as_peers() -> None:
    loss = peer("Loss", metrics=stated(ebitda=-2.0, ebit=-3.0))
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
    own = subject(metrics=stated(ebitda=-5.0, ebit=-6.0))
    found = remarks(*at(10.0, 10.0, 10.0), asked=(REVENUE, LTM_EBITDA), subject=own)
    assert found == {"NOTHING_TO_MULTIPLY": "multiples[1]"}


@pytest.mark.parametrize(("last", "said"), [(date(2026, 6, 30), True), (date(2027, 6, 30), False)])
def test_a_peer_whose_next_twelve_months_reach_beyond_its_fiscal_years(
    last: date, said: bool
) -> None:
    short = peer("Short", metrics=fiscal_years(18.0, 19.0, 20.0, last=last))
    asked = tuple(replace(LTM_EBITDA, period=period) for period in Period)
    found = value_comparables(comparison(short, *at(10.0, 10.0, 10.0), asked=asked)).valuation
    codes = {remark.code: remark for remark in found.remarks}
    assert list(codes) == (["FISCAL_YEAR_MISSING"] if said else [])
    assert (found.ranges[1].peers[0].multiple is None) == said
    if said:
        remark = codes["FISCAL_YEAR_MISSING"]
        assert remark.path == "peers[0].metrics.calendarised.fiscal_years"
        assert remark.message == (
            "Short counts nowhere by the next twelve months, which reach beyond its fiscal years: "
            "give the fiscal year that ends about 2027-06-30."
        )
        only_last = comparison(short, *at(10.0, 10.0, 10.0), asked=asked[:1])
        assert value_comparables(only_last).valuation.remarks == ()
        deals = [replace(each, kind=PeerKind.TRANSACTION) for each in at(10.0, 10.0, 10.0)]
        asked = (replace(LTM_EBITDA, period=Period.NTM, kind=PeerKind.TRANSACTION),)
        of_deals = comparison(short, *deals, asked=asked)
        assert value_comparables(of_deals).valuation.remarks == ()


def test_a_peer_whose_years_end_long_before_the_day_is_told_every_year_that_is_missing() -> None:
    old = peer("Old", metrics=fiscal_years(18.0, 19.0, last=date(2024, 6, 30)))
    asked = (replace(LTM_EBITDA, period=Period.NTM),)
    found = value_comparables(comparison(old, *at(10.0, 10.0, 10.0), asked=asked)).valuation
    (remark,) = found.remarks
    assert remark.message == (
        "Old counts nowhere by the next twelve months, which reach beyond its fiscal years: give "
        "the fiscal years that end about 2025-06-30, 2026-06-30 and 2027-06-30, or mend as_of."
    )


def test_a_figure_above_the_one_that_it_is_a_part_of() -> None:
    wrong = peer("Wrong", metrics=stated(ebit=21.0))
    assert remarks(wrong, *at(10.0, 10.0)) == {
        "LINES_OUT_OF_ORDER": "peers[0].metrics.stated.ltm.ebit"
    }
    own = subject(metrics=fiscal_years(20.0, 20.0, 20.0, last=date(2026, 12, 31)))
    year = replace(own.metrics.fiscal_years[1], revenue=19.9)
    years = (own.metrics.fiscal_years[0], year, own.metrics.fiscal_years[2])
    own = replace(own, metrics=replace(own.metrics, fiscal_years=years))
    assert remarks(*at(10.0, 10.0, 10.0), subject=own) == {
        "LINES_OUT_OF_ORDER": "subject.metrics.calendarised.fiscal_years[1].ebitda"
    }
    assert remarks(*at(10.0, 10.0), peer("Equal", metrics=stated(ebit=20.0))) == {}


@pytest.mark.parametrize(
    ("multiple", "said"), [(0.0199, True), (0.0201, False), (1_999.0, False), (2_001.0, True)]
)
def test_a_value_in_other_units_than_its_figures(multiple: float, said: bool) -> None:
    found = remarks(*at(10.0, 10.0, 10.0, multiple))
    assert (found.get("OTHER_UNITS") == "peers[3]") == said


def test_the_firms_own_figures_in_other_units_than_its_claims() -> None:
    # 20 of EBITDA in millions, a debt of 60 and ten shares at 12 in units.
    own = subject(bridge=Bridge(debt=60e6, cash=10e6))
    found = remarks(*at(10.0, 10.0, 10.0), subject=own, market_price=12.0)
    assert found == {"OTHER_UNITS": "subject.metrics", "EQUITY_BELOW_ZERO": "subject.bridge"}


@pytest.mark.parametrize(
    ("debt", "cash", "said"),
    [(3_990.0, 0.0, False), (4_010.0, 0.0, True), (0.0, 3_990.0, False), (0.0, 4_010.0, True)],
)
def test_without_a_price_claims_of_twenty_times_the_value_are_in_other_units(
    debt: float, cash: float, said: bool
) -> None:
    own = subject(bridge=Bridge(debt=debt, cash=cash))  # beside an enterprise value of 200
    found = remarks(*at(10.0, 10.0, 10.0), subject=own)
    assert (found.get("OTHER_UNITS") == "subject.metrics") == said
    assert ("EQUITY_BELOW_ZERO" in found) == (debt > 0.0)
