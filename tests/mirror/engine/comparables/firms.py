"""Firms beside each other: one comparison that is easy by hand, and strategies for any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from engine.comparables import (
    Asked,
    Calendarised,
    ComparablesInputs,
    FiscalYear,
    Metrics,
    Multiple,
    Peer,
    PeerKind,
    Period,
    Stated,
    Subject,
    TwelveMonths,
)
from engine.comparables.kernel import enterprise_value
from engine.dcf import Bridge, Convertible, OptionTranche, Shares
from tests.mirror.engine.firms import numbers

AS_OF = date(2026, 3, 31)
LTM_EBITDA = Asked(multiple=Multiple.EV_TO_EBITDA, period=Period.LTM)
EVERY = tuple(Asked(multiple=each, period=when) for each in Multiple for when in Period)


def months(
    revenue: float = 100.0, ebitda: float = 20.0, ebit: float = 15.0, net_income: float = 10.0
) -> TwelveMonths:
    return TwelveMonths(revenue=revenue, ebitda=ebitda, ebit=ebit, net_income=net_income)


def stated(**changes: float) -> Stated:
    return Stated(ltm=months(**changes), ntm=months(**changes))


def peer(name: str = "Plum", value: float = 200.0, **changes: Any) -> Peer:
    """Ten times its EBITDA of 20, without debt."""
    plain: dict[str, Any] = {
        "name": name,
        "enterprise_value": value,
        "bridge": Bridge(debt=0.0, cash=0.0),
        "metrics": stated(),
    }
    return Peer(**(plain | changes))


def subject(**changes: Any) -> Subject:
    """EBITDA 20, net debt 50, ten shares."""
    plain: dict[str, Any] = {
        "name": "Medlar",
        "metrics": stated(),
        "bridge": Bridge(debt=60.0, cash=10.0),
        "shares": Shares(diluted=10.0),
    }
    return Subject(**(plain | changes))


def comparison(*peers: Peer, asked: tuple[Asked, ...] = (LTM_EBITDA,), **changes: Any) -> Any:
    plain: dict[str, Any] = {
        "as_of": AS_OF,
        "subject": subject(),
        "peers": peers or (peer(),),
        "multiples": asked,
    }
    return ComparablesInputs(**(plain | changes))


def fiscal_years(*figures: float, last: date) -> Calendarised:
    """EBITDA of fiscal years, the last of which ends on a day; other lines follow it."""
    ends = [last.replace(year=last.year - back) for back in reversed(range(len(figures)))]
    return Calendarised(
        fiscal_years=tuple(
            FiscalYear(end=end, revenue=5.0 * one, ebitda=one, ebit=0.8 * one, net_income=0.5 * one)
            for end, one in zip(ends, figures, strict=True)
        )
    )


def any_bridge() -> st.SearchStrategy[Bridge]:
    money = st.just(0.0) | numbers(0.1, 500.0)
    return st.builds(
        Bridge, debt=money, cash=money, leases=money, minority_interests=money, associates=money
    )


@st.composite
def any_shares(draw: st.DrawFn) -> Shares:
    if draw(st.booleans()):
        return Shares(diluted=draw(numbers(1.0, 200.0)))
    options = st.builds(OptionTranche, count=numbers(0.0, 20.0), strike=numbers(0.0, 60.0))
    bonds = st.builds(
        Convertible, face_value=numbers(0.0, 90.0), conversion_price=numbers(1.0, 60.0)
    )
    return Shares(
        basic=draw(numbers(5.0, 200.0)),
        restricted_stock=draw(st.none() | numbers(0.0, 5.0)),
        options=tuple(draw(st.lists(options, max_size=3))),
        convertibles=tuple(draw(st.lists(bonds, max_size=2))),
    )


@st.composite
def any_metrics(draw: st.DrawFn, losses: bool = True) -> Metrics:
    """Figures of every line, for both periods; with ``losses``, some are below zero."""
    least = -20.0 if losses else 0.5

    def twelve() -> dict[str, float]:
        return {
            "revenue": draw(numbers(50.0, 500.0)),
            "ebitda": draw(numbers(least, 90.0)),
            "ebit": draw(numbers(least, 60.0)),
            "net_income": draw(numbers(least, 40.0)),
        }

    if draw(st.booleans()):
        return Stated(ltm=TwelveMonths(**twelve()), ntm=TwelveMonths(**twelve()))
    first = AS_OF - timedelta(days=draw(st.integers(366, 700)))
    years = [FiscalYear(end=first, **twelve())]
    while len(years) < 5:
        end = years[-1].end + timedelta(days=draw(st.sampled_from([364, 365, 366, 371])))
        years.append(FiscalYear(end=end, **twelve()))
    return Calendarised(fiscal_years=tuple(years))


@st.composite
def any_peer(draw: st.DrawFn, name: str, losses: bool = True) -> Peer:
    given: dict[str, Any] = (
        {
            "enterprise_value": draw(numbers(-50.0, 2_000.0)),
            "bridge": draw(st.none() | any_bridge()),
        }
        if draw(st.booleans())
        else {
            "share_price": draw(numbers(0.5, 80.0)),
            "shares": draw(any_shares()),
            "bridge": draw(any_bridge()),
        }
    )
    if draw(st.integers(0, 3)) == 0:
        given |= {
            "kind": PeerKind.TRANSACTION,
            "announced": AS_OF - timedelta(days=draw(st.integers(0, 120))),
        }
    return Peer(name=name, metrics=draw(any_metrics(losses)), **given)


@st.composite
def comparisons(draw: st.DrawFn, losses: bool = True) -> ComparablesInputs:
    """A comparison whose multiples can be formed, and with ``losses`` may mean nothing."""
    count = draw(st.integers(1, 7))
    peers = [draw(any_peer(f"Peer {number}", losses)) for number in range(count)]
    # One whose every multiple can be formed, so that there is always something to ask about.
    plum = Peer(
        name="Plum",
        share_price=draw(numbers(0.5, 80.0)),
        shares=draw(any_shares()),
        bridge=draw(any_bridge()),
        metrics=draw(any_metrics(losses=False)),
    )
    if not losses:  # a firm with more cash than its shares cost has multiples that mean nothing
        assume(float(enterprise_value(plum)) > 0.0)
    peers.append(plum)
    kinds = st.sampled_from([None, PeerKind.TRADING])
    picked = draw(st.lists(st.sampled_from(EVERY), min_size=1, max_size=4, unique=True))
    asked = [replace(each, kind=draw(kinds)) for each in picked]
    own = Subject(
        name="Medlar",
        metrics=draw(any_metrics(losses)),
        bridge=draw(any_bridge()),
        shares=draw(any_shares()),
    )
    return comparison(
        *draw(st.permutations(peers)),
        asked=tuple(asked),
        subject=own,
        market_price=draw(st.none() | numbers(1.0, 90.0)),
    )
