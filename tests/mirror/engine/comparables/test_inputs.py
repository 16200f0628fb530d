"""The door of a comparison: what comes in, what is refused, and under which path."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from engine.comparables import (
    Asked,
    Calendarised,
    ComparablesInputs,
    FiscalYear,
    Multiple,
    PeerKind,
    Period,
    Stated,
    value_comparables,
)
from engine.comparables.inputs import PEERS_MOST, admit, outside
from engine.dcf import Bridge, Convertible, OptionTranche, Shares
from engine.errors import InvalidInput, Problem
from engine.paths import numbers, replaced
from tests.mirror.engine.comparables.firms import (
    AS_OF,
    EVERY,
    LTM_EBITDA,
    comparison,
    comparisons,
    fiscal_years,
    months,
    peer,
    stated,
    subject,
)
from tests.mirror.engine.firms import LAW

MONEY = (-1e18, 1e18)
NTM = replace(LTM_EBITDA, period=Period.NTM)


def problems(inputs: ComparablesInputs) -> list[Problem]:
    with pytest.raises(InvalidInput) as no:
        value_comparables(inputs)
    return list(no.value.problems)


def refused(inputs: ComparablesInputs) -> dict[str, str]:
    """Path to code; the paths of one answer are distinct here."""
    found = problems(inputs)
    assert len({problem.path for problem in found}) == len(found)
    return {problem.path: problem.code for problem in found}


def priced(**changes: Any) -> ComparablesInputs:
    plain: dict[str, Any] = {
        "enterprise_value": None,
        "share_price": 20.0,
        "shares": Shares(diluted=10.0),
        "bridge": Bridge(debt=1.0, cash=0.0),
    }
    return comparison(peer(**(plain | changes)))


def own(**changes: Any) -> ComparablesInputs:
    return comparison(subject=subject(**changes))


def by_year(x: float) -> Calendarised:
    return Calendarised(
        fiscal_years=(FiscalYear(end=AS_OF, ebitda=20.0, ebit=x), FiscalYear(end=date(2027, 3, 31)))
    )


BOUNDS: dict[str, tuple[Any, float, float]] = {
    "peers[0].enterprise_value": (lambda x: comparison(peer(value=x), peer("Pear")), *MONEY),
    "peers[0].share_price": (lambda x: priced(share_price=x), 1e-9, 1e12),
    "peers[0].shares.diluted": (lambda x: priced(shares=Shares(diluted=x)), 1.0, 1e15),
    "peers[0].shares.basic": (lambda x: priced(shares=Shares(basic=x)), 1.0, 1e15),
    "peers[0].bridge.debt": (lambda x: priced(bridge=Bridge(debt=x, cash=0.0)), 0.0, 1e18),
    "peers[0].shares.options[0].strike": (
        lambda x: priced(shares=Shares(basic=9.0, options=(OptionTranche(count=1.0, strike=x),))),
        0.0,
        1e12,
    ),
    "peers[0].metrics.stated.ltm.revenue": (
        lambda x: comparison(peer(metrics=stated(revenue=x))),
        0.0,
        1e18,
    ),
    "peers[0].metrics.stated.ltm.net_income": (
        lambda x: comparison(peer(metrics=Stated(ltm=months(net_income=x)))),
        *MONEY,
    ),
    "peers[0].metrics.calendarised.fiscal_years[0].ebit": (
        lambda x: comparison(peer(metrics=by_year(x))),
        *MONEY,
    ),
    "subject.metrics.stated.ntm.ebit": (
        lambda x: own(metrics=Stated(ltm=months(), ntm=months(ebit=x))),
        *MONEY,
    ),
    "subject.bridge.cash": (lambda x: own(bridge=Bridge(debt=1.0, cash=x)), 0.0, 1e18),
    "subject.shares.convertibles[0].face_value": (
        lambda x: own(
            shares=Shares(
                basic=9.0, convertibles=(Convertible(face_value=x, conversion_price=5.0),)
            )
        ),
        0.0,
        1e18,
    ),
    "market_price": (lambda x: comparison(market_price=x), 1e-9, 1e12),
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_number_at_its_bound_comes_in_and_one_step_beyond_does_not(path: str) -> None:
    typed, low, high = BOUNDS[path]
    for inside in (low, high):
        admit(typed(inside))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(typed(beyond)).get(path) == "OUT_OF_RANGE"


@pytest.mark.parametrize("path", BOUNDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_refused_under_its_own_name(path: str, value: float) -> None:
    assert refused(BOUNDS[path][0](value)).get(path) == "NOT_FINITE"


@LAW
@given(comparisons())
def test_a_drawn_scenario_is_sorted_out_where_the_door_would_refuse_it(
    inputs: ComparablesInputs,
) -> None:
    question = admit(inputs)
    for path, value in numbers(question).items():
        changed = replaced(question, {path: np.array([value, -1.0, 2e18, math.nan])})
        broken = outside(changed, question)
        expected = []
        for x in (value, -1.0, 2e18, math.nan):
            try:
                admit(replaced(question, {path: float(x)}))
                expected.append(False)
            except InvalidInput:
                expected.append(True)
        assert broken is not None
        assert broken.tolist() == expected


def test_every_problem_is_said_at_once() -> None:
    inputs = ComparablesInputs(
        as_of=AS_OF,
        subject=subject(name=" ", bridge=Bridge(debt=-1.0, cash=0.0), shares=Shares()),
        peers=(
            peer("Plum", math.nan),
            peer("plum ", share_price=5.0),
            peer("Pear", enterprise_value=None),
            peer("Fig", announced=AS_OF),
        ),
        multiples=(LTM_EBITDA, LTM_EBITDA),
        currency="dollars",
        market_price=0.0,
    )
    assert refused(inputs) == {
        "currency": "UNKNOWN",
        "subject.name": "WRONG_LENGTH",
        "subject.bridge.debt": "OUT_OF_RANGE",
        "subject.shares.diluted": "MISSING",
        "peers[0].enterprise_value": "NOT_FINITE",
        "peers[1].name": "CONTRADICTION",
        "peers[1].enterprise_value": "CONTRADICTION",
        "peers[1].shares": "MISSING",
        "peers[2].enterprise_value": "MISSING",
        "peers[3].announced": "CONTRADICTION",
        "market_price": "OUT_OF_RANGE",
        "multiples[1]": "CONTRADICTION",
    }


def test_a_number_out_of_its_range_hides_nothing_that_is_missing() -> None:
    """Not even its own firm's figures: they are given. What is not known to be given does."""
    lacking = subject(metrics=Stated(), bridge=Bridge(debt=-1.0, cash=0.0), shares=Shares())
    no_peer_has_it = replace(NTM, kind=PeerKind.TRADING)
    fruit = peer(value=math.nan, metrics=Stated(ltm=months()))
    broken = comparison(fruit, subject=lacking, asked=(no_peer_has_it,), market_price=-3.0)
    assert {"subject.metrics.stated.ntm", "multiples[0]", "market_price"} < set(refused(broken))
    unclear = peer("Deal", kind=PeerKind.TRANSACTION, announced=date(2030, 1, 1))
    assert refused(comparison(unclear, asked=(no_peer_has_it,), subject=lacking)) == {
        "subject.bridge.debt": "OUT_OF_RANGE",
        "subject.shares.diluted": "MISSING",
        "peers[0].announced": "OUT_OF_RANGE",
        "subject.metrics.stated.ntm": "MISSING",
    }


def test_what_several_multiples_lack_is_said_once_for_each_period() -> None:
    years = fiscal_years(10.0, 20.0, 30.0, last=date(2027, 12, 31))
    peers = peer(metrics=Stated(ltm=months(), ntm=months()))
    typo = comparison(peers, asked=EVERY, subject=subject(metrics=years), as_of=date(2031, 3, 31))
    ltm, ntm = problems(typo)
    assert "last twelve months" in ltm.message
    assert "next twelve months" in ntm.message
    for said in (ltm, ntm):
        assert said.message.startswith("multiples[")
        assert "and 3 others need the firm's revenue, EBITDA, EBIT and net income" in said.message


def test_advice_names_the_firms_own_inputs() -> None:
    shares = Shares(diluted=5.0, options=(OptionTranche(count=1.0, strike=1.0),))
    (said,) = problems(priced(shares=shares))
    assert said.path == "peers[0].shares.options"
    assert "peers[0].shares.basic" in said.suggestion
    (said,) = problems(own(shares=shares))
    assert "subject.shares.basic" in said.suggestion


@pytest.mark.parametrize(("name", "left_out"), [("shares", "shares"), ("bridge", "bridge")])
def test_a_price_alone_is_no_value_of_a_firm(name: str, left_out: str) -> None:
    assert refused(priced(**{left_out: None})) == {f"peers[0].{name}": "MISSING"}


def test_shares_beside_an_enterprise_value_are_refused() -> None:
    inputs = comparison(peer(shares=Shares(diluted=5.0)))
    assert refused(inputs) == {"peers[0].shares": "CONTRADICTION"}


def test_how_many_there_may_be() -> None:
    assert refused(comparison(peers=())) == {"peers": "WRONG_LENGTH"}
    many = tuple(peer(f"Peer {number}") for number in range(PEERS_MOST + 1))
    assert refused(comparison(*many)) == {"peers": "WRONG_LENGTH"}
    assert value_comparables(comparison(*many[:-1])).valuation.ranges[0].count == PEERS_MOST
    assert refused(comparison(asked=())) == {"multiples": "WRONG_LENGTH"}
    every = tuple(replace(each, kind=kind) for each in EVERY for kind in (None, PeerKind.TRADING))
    assert len(value_comparables(comparison(asked=every)).valuation.ranges) == 16
    assert refused(comparison(asked=(*every, *every)))["multiples"] == "WRONG_LENGTH"


def test_fiscal_years_follow_each_other_without_a_gap() -> None:
    def ends(*days: date) -> dict[str, str]:
        years = tuple(FiscalYear(end=day, ebitda=20.0) for day in days)
        return refused(comparison(peer(metrics=Calendarised(fiscal_years=years)), peer("Pear")))

    path = "peers[0].metrics.calendarised.fiscal_years"
    first, gap = date(2025, 12, 31), "CONTRADICTION"
    assert ends(first, date(2027, 12, 31)) == {f"{path}[1].end": gap}
    assert ends(first, date(2024, 12, 31)) == {f"{path}[1].end": gap}
    assert ends(first, first, date(2026, 12, 31)) == {f"{path}[1].end": gap}
    assert ends() == {path: "WRONG_LENGTH"}
    assert ends(*[date(2020 + k, 12, 31) for k in range(11)]) == {path: "WRONG_LENGTH"}
    weeks = (date(2025, 9, 27), date(2026, 10, 3))
    years = tuple(FiscalYear(end=day, ebitda=20.0) for day in weeks)
    admit(comparison(peer(metrics=Calendarised(fiscal_years=years)), peer("Pear")))


@pytest.mark.parametrize("kept", [0, 1])
def test_what_the_firm_lacks_for_a_multiple_is_named_with_its_day(kept: int) -> None:
    whole = fiscal_years(10.0, 20.0, 30.0, last=date(2027, 12, 31))
    short = Calendarised(fiscal_years=whole.fiscal_years[kept : kept + 2])
    (said,) = problems(comparison(asked=(LTM_EBITDA, NTM), subject=subject(metrics=short)))
    assert (said.path, said.code) == ("subject.metrics.calendarised.fiscal_years", "MISSING")
    assert ("2027-12-31", "2025-12-31")[kept] in said.suggestion
    assert value_comparables(comparison(asked=(LTM_EBITDA, NTM), subject=subject(metrics=whole)))


def ends(text: str) -> list[date]:
    return [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", text)]


@pytest.mark.parametrize(
    ("day", "period", "said", "far"),
    [
        (date(2028, 12, 31), Period.NTM, ["2028-12-31", "2029-12-31"], True),
        (date(2028, 12, 30), Period.NTM, ["2028-12-31", "2029-12-31"], False),
        (
            date(2020, 12, 31),
            Period.NTM,
            ["2021-12-31", "2022-12-31", "2023-12-31", "2024-12-31"],
            True,
        ),
        (
            date(2022, 6, 30),
            Period.LTM,
            ["2021-12-31", "2022-12-31", "2023-12-31", "2024-12-31"],
            True,
        ),
        (date(2024, 6, 30), Period.LTM, ["2023-12-31", "2024-12-31"], True),
        # Eleven years are too many: those around the day, for either period.
        (date(2045, 6, 30), Period.NTM, ["2044-12-31", "2045-12-31", "2046-12-31"], True),
    ],
)
def test_the_fiscal_years_that_are_named_mend_a_day_outside_those_that_were_given(
    day: date, period: Period, said: list[str], far: bool
) -> None:
    years = fiscal_years(10.0, 20.0, 30.0, last=date(2027, 12, 31))
    asked = (replace(LTM_EBITDA, period=period),)
    (problem,) = problems(comparison(asked=asked, subject=subject(metrics=years), as_of=day))
    assert ends(problem.suggestion) == [date.fromisoformat(each) for each in said]
    assert ("or mend as_of" in problem.suggestion) == far
    kept = () if "instead" in problem.suggestion else years.fiscal_years
    named = [FiscalYear(end=end, ebitda=10.0) for end in ends(problem.suggestion)]
    mended = Calendarised(fiscal_years=tuple(sorted((*kept, *named), key=lambda each: each.end)))
    admit(comparison(asked=asked, subject=subject(metrics=mended), as_of=day))


def test_a_line_that_the_firm_lacks_is_named() -> None:
    lines = Stated(ltm=replace(months(), ebitda=None))
    (said,) = problems(own(metrics=lines))
    assert said.path == "subject.metrics.stated.ltm"
    assert "subject.metrics.stated.ltm.ebitda" in said.suggestion


def test_a_multiple_that_no_peer_has_figures_of_is_refused() -> None:
    only_ltm = peer(metrics=Stated(ltm=months()))
    assert refused(comparison(only_ltm, asked=(NTM, LTM_EBITDA))) == {"multiples[0]": "MISSING"}
    deals = replace(LTM_EBITDA, kind=PeerKind.TRANSACTION)
    assert refused(comparison(asked=(LTM_EBITDA, deals))) == {"multiples[1]": "MISSING"}
    earnings = Asked(multiple=Multiple.PRICE_TO_EARNINGS, period=Period.LTM)
    assert refused(comparison(peer(bridge=None), asked=(earnings,))) == {"multiples[0]": "MISSING"}


def test_when_a_transaction_was_announced() -> None:
    def deal(**changes: Any) -> dict[str, str]:
        made = peer("Deal", kind=PeerKind.TRANSACTION, **changes)
        return refused(comparison(made, peer()))

    later = date(2026, 4, 1)
    assert deal(announced=later) == {"peers[0].announced": "OUT_OF_RANGE"}
    by_days = fiscal_years(10.0, 20.0, last=AS_OF)
    assert deal(metrics=by_days) == {"peers[0].announced": "MISSING"}
    on_the_day = peer("Deal", kind=PeerKind.TRANSACTION, announced=AS_OF, metrics=by_days)
    assert value_comparables(comparison(on_the_day)).valuation.multiple == 10.0


def test_what_went_through_the_door_is_not_looked_at_again() -> None:
    inputs = admit(comparison())
    assert admit(inputs, inputs) is inputs
    worse = replace(inputs, peers=(peer(value=math.nan),))
    with pytest.raises(InvalidInput):
        admit(worse, inputs)
    moved = replace(inputs, as_of=date(2020, 1, 1))
    assert admit(moved, inputs) is moved


def test_another_day_lets_in_no_deal_that_was_not_announced_yet() -> None:
    known = admit(comparison(peer("Deal", kind=PeerKind.TRANSACTION, announced=AS_OF)))
    with pytest.raises(InvalidInput):
        admit(replace(known, as_of=date(2026, 3, 30)), known)
