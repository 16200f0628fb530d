"""What a comparison is made of: the firm, those like it, and the multiples that are asked about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from engine.comparables.metrics import Calendarised, Metrics, Period, advice
from engine.door import MONEY_MAX, Bounds, Door, Scalar, Sieve
from engine.errors import Problem
from engine.firm.equity import Bridge, Shares
from engine.names import check_currency, folded, is_line

INPUT_VERSION = 1
PEERS_MOST = 50
MULTIPLES_MOST = 24  # every multiple of every period, among each kind of peers and among all
NAME_MOST = 80  # characters
PRICES = (1e-9, 1e12)  # money a share
_OWN_INPUT = re.compile(r"\b(?:bridge|shares)\.[a-z]")


class PeerKind(StrEnum):
    """Where a peer's value was seen.

    TRADING: on a stock exchange, on the day of the comparison. TRANSACTION: in a takeover, on the
    day it was announced; such a price has a premium for control in it.
    """

    TRADING = "TRADING"
    TRANSACTION = "TRANSACTION"


class Multiple(StrEnum):
    """What is divided by what. PRICE_TO_EARNINGS is equity value by net income."""

    EV_TO_REVENUE = "EV_TO_REVENUE"
    EV_TO_EBITDA = "EV_TO_EBITDA"
    EV_TO_EBIT = "EV_TO_EBIT"
    PRICE_TO_EARNINGS = "PRICE_TO_EARNINGS"

    @property
    def metric(self) -> str:
        """The name of what the value is divided by."""
        return _METRICS[self][0]

    @property
    def metric_words(self) -> str:
        """What the value is divided by, in words."""
        return _METRICS[self][1]

    @property
    def words(self) -> str:
        """What the trade calls it."""
        return _METRICS[self][2]


_METRICS = {
    Multiple.EV_TO_REVENUE: ("revenue", "revenue", "EV/revenue"),
    Multiple.EV_TO_EBITDA: ("ebitda", "EBITDA", "EV/EBITDA"),
    Multiple.EV_TO_EBIT: ("ebit", "EBIT", "EV/EBIT"),
    Multiple.PRICE_TO_EARNINGS: ("net_income", "net income", "P/E"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """One multiple over one period, among peers of one kind."""

    multiple: Multiple
    period: Period
    kind: PeerKind | None = None  # None: all peers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peer:
    """A firm in the same business whose value was seen.

    Its value is the enterprise value, or follows from a price of its share with ``shares`` and
    ``bridge``. Its money may be in a currency of its own, as long as all of it is: a multiple has
    none.
    """

    name: str
    kind: PeerKind = PeerKind.TRADING
    enterprise_value: Scalar | None = None  # money
    share_price: Scalar | None = None  # money a share
    shares: Shares | None = None  # beside the share price only
    bridge: Bridge | None = None  # beside an enterprise value: what leads to the equity's
    announced: date | None = None  # of a transaction: its twelve months end or begin here
    metrics: Metrics

    def day(self, as_of: date) -> date:
        """The day on which its value was seen: its twelve months are counted from there."""
        return as_of if self.announced is None else self.announced


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """The firm that is to be valued."""

    name: str
    metrics: Metrics
    bridge: Bridge
    shares: Shares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparablesInputs:
    """Money is in whole units. Any number may be an array over scenarios, the batch."""

    as_of: date  # the day of the comparison: its last and next twelve months, its prices
    subject: Subject
    peers: tuple[Peer, ...]
    multiples: tuple[Asked, ...]  # the first one is what the firm is valued by
    currency: str = "USD"  # ISO 4217, of the subject's money; a label, never converted
    market_price: float | None = None  # money a share; only compared with


def admit(inputs: ComparablesInputs, known: ComparablesInputs | None = None) -> ComparablesInputs:
    """The same inputs, checked. ``known`` went through this door before.

    Raises:
        InvalidInput: with every problem, each under its path.
    """
    if inputs is not known:
        door = Door()
        _enter(door, inputs, known)
        door.close()
    return inputs


def outside(inputs: ComparablesInputs, known: ComparablesInputs) -> npt.NDArray[np.bool_] | None:
    """(*batch) the drawn scenarios that `admit` would refuse; None where it would refuse none."""
    sieve = Sieve()
    _enter(sieve, inputs, known)
    return sieve.broken


def bounds(inputs: ComparablesInputs) -> dict[str, tuple[float, float]]:
    """Between which two numbers each input has to lie, while the others are as they are."""
    door = Bounds()
    _enter(door, inputs, None)
    return door.found


def _enter(door: Door, inputs: ComparablesInputs, known: ComparablesInputs | None) -> None:
    check_currency(door, inputs.currency)
    same_day = known is not None and inputs.as_of == known.as_of
    before = len(door.problems)
    if known is None or inputs.subject is not known.subject:
        _enter_subject(door, inputs.subject)
    if not 1 <= len(inputs.peers) <= PEERS_MOST:
        door.refuse(
            "peers",
            "WRONG_LENGTH",
            f"{len(inputs.peers)} comparable firms are given.",
            f"Give 1 to {PEERS_MOST}; five to ten close ones say more than many.",
        )
    names = set[str]()
    for number, peer in enumerate(inputs.peers[:PEERS_MOST]):
        _check_name(door, f"peers[{number}].name", peer.name, names)
        was = known.peers[number] if known and number < len(known.peers) else None
        if peer is not was or not same_day:
            _enter_peer(door, peer, f"peers[{number}]", inputs.as_of)
    if inputs.market_price is not None:
        door.within("market_price", inputs.market_price, *PRICES)
    _check_asked(door, inputs, door.problems[before:])


def _enter_subject(door: Door, subject: Subject) -> None:
    _check_name(door, "subject.name", subject.name, set())
    subject.metrics.check(door, "subject.metrics")
    before = len(door.problems)
    subject.bridge.check(door)
    subject.shares.check(door)
    _move(door, before, "subject.")


def _enter_peer(door: Door, peer: Peer, path: str, as_of: date) -> None:
    by_value, by_price = peer.enterprise_value, peer.share_price
    if (by_value is None) == (by_price is None):
        door.refuse(
            f"{path}.enterprise_value",
            "MISSING" if by_value is None else "CONTRADICTION",
            "Exactly one of the enterprise value and the price of a share has to be given.",
            f"Give {path}.enterprise_value, or {path}.share_price with its shares and bridge.",
        )
    if by_value is not None:
        door.within(f"{path}.enterprise_value", by_value, -MONEY_MAX, MONEY_MAX)
        if by_price is None and peer.shares is not None:
            door.refuse(
                f"{path}.shares",
                "CONTRADICTION",
                "Beside an enterprise value the shares say nothing.",
                f"Leave them out, or give {path}.share_price instead of the enterprise value.",
            )
    if by_price is not None:
        door.within(f"{path}.share_price", by_price, *PRICES)
        for name in ("shares", "bridge"):
            if getattr(peer, name) is None:
                door.refuse(
                    f"{path}.{name}",
                    "MISSING",
                    f"The price of a share leads to an enterprise value by the {name} only.",
                    f"Give {path}.{name}, or {path}.enterprise_value instead of the price.",
                )
    before = len(door.problems)
    if peer.bridge is not None:
        peer.bridge.check(door)
    if peer.shares is not None:
        peer.shares.check(door)
    _move(door, before, f"{path}.")
    _check_day(door, peer, path, as_of)
    peer.metrics.check(door, f"{path}.metrics")


def _check_day(door: Door, peer: Peer, path: str, as_of: date) -> None:
    if peer.kind is PeerKind.TRADING and peer.announced is not None:
        door.refuse(
            f"{path}.announced",
            "CONTRADICTION",
            "Only a transaction is announced; a share is traded on the day of the comparison.",
            "Leave it out, or give kind as TRANSACTION.",
        )
    elif peer.kind is PeerKind.TRANSACTION:
        if peer.announced is None and isinstance(peer.metrics, Calendarised):
            door.refuse(
                f"{path}.announced",
                "MISSING",
                "The twelve months of a transaction are counted from the day it was announced.",
                "Give that day, or metrics that are stated for twelve months.",
            )
        elif peer.announced is not None and peer.announced > as_of:
            door.refuse(
                f"{path}.announced",
                "OUT_OF_RANGE",
                f"On {as_of.isoformat()} nobody knew of a transaction announced on "
                f"{peer.announced.isoformat()}.",
                "Give a day that is not after as_of, or leave the peer out.",
            )


def _check_asked(door: Door, inputs: ComparablesInputs, wrong: Sequence[Problem]) -> None:
    """``wrong``: what subject and peers are refused for. A number that is out of its range is given
    all the same; where it is not known what is given, nothing is said to be missing.
    """
    many = len(inputs.multiples)
    if not 1 <= many <= MULTIPLES_MOST:
        door.refuse(
            "multiples",
            "WRONG_LENGTH",
            f"{many} multiples are asked about.",
            f"Ask about 1 to {MULTIPLES_MOST}; the first one is what the firm is valued by.",
        )
    unclear = [problem.path for problem in wrong if not _of_a_number(problem)]
    own_known = not any(path.startswith("subject.metrics") for path in unclear)
    peers_known = not any(
        path.startswith("peers") and not path.endswith(".name") for path in unclear
    )
    asked_once: dict[tuple[str, ...], tuple[str, Asked]] = {}
    for number, asked in enumerate(inputs.multiples[:MULTIPLES_MOST]):
        path, key = f"multiples[{number}]", (asked.multiple, asked.period, asked.kind or "")
        if key in asked_once:
            door.refuse(
                path, "CONTRADICTION", "This multiple is asked about already.", "Leave it out."
            )
            continue
        asked_once[key] = path, asked
        if peers_known:
            _check_peers(door, inputs, asked, path)
    if own_known:
        _check_own(door, inputs, list(asked_once.values()))


def _of_a_number(problem: Problem) -> bool:
    """Whether it is about how large a number is; a day is none."""
    return problem.code in ("OUT_OF_RANGE", "NOT_FINITE") and not problem.path.endswith("announced")


def _check_own(door: Door, inputs: ComparablesInputs, asked: list[tuple[str, Asked]]) -> None:
    """What the firm lacks, said once for all multiples that need the same."""
    lacking: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    metrics = inputs.subject.metrics
    for path, each in asked:
        name, period = each.multiple.metric, each.period
        if metrics.of(name, period, inputs.as_of) is not None:
            continue
        where = f"subject.metrics.{metrics.BRANCH}"
        if isinstance(metrics, Calendarised):
            where = f"{where}.fiscal_years"
            years = advice(metrics, period, inputs.as_of, "as_of")
            given = f"Give {years or f'{name} of every fiscal year'}"
        else:
            where = f"{where}.{period.value.lower()}"
            given = f"Give {where}.{name}"
        needed_by = lacking.setdefault((WORDS[period], where, given), [])
        needed_by.append((path, each.multiple.metric_words))
    for (period_words, where, given), needed_by in lacking.items():
        others = len(needed_by) - 1
        which = f"{needed_by[0][0]} needs"
        if others:
            which = f"{needed_by[0][0]} and {others} other{'s' if others > 1 else ''} need"
        *figures, last = dict.fromkeys(words for _, words in needed_by)
        told = f"{', '.join(figures)} and {last}" if figures else last
        door.refuse(
            where,
            "MISSING",
            f"{which} the firm's {told} of {period_words}.",
            f"{given}, or do not ask about {'them' if others else 'that multiple'}.",
        )


def _check_peers(door: Door, inputs: ComparablesInputs, asked: Asked, path: str) -> None:
    if not any(has_figures(peer, asked, inputs.as_of) for peer in inputs.peers):
        among = "" if asked.kind is None else f" of the kind {asked.kind}"
        door.refuse(
            path,
            "MISSING",
            f"No peer{among} has {asked.multiple.metric_words} of {WORDS[asked.period]} beside a "
            "value to divide by it.",
            "Give it for at least one, or do not ask about that multiple.",
        )


WORDS = {Period.LTM: "the last twelve months", Period.NTM: "the next twelve months"}


def has_figures(peer: Peer, asked: Asked, as_of: date) -> bool:
    """Whether a multiple can be formed at all, whatever its sign."""
    if asked.kind not in (None, peer.kind):
        return False
    if asked.multiple is Multiple.PRICE_TO_EARNINGS and peer.bridge is None:
        return False
    return peer.metrics.of(asked.multiple.metric, asked.period, peer.day(as_of)) is not None


def _move(door: Door, before: int, where: str) -> None:
    """A part of a group knows its own name only: its problems get the group's before it."""
    door.problems[before:] = [
        Problem(
            where + problem.path,
            problem.code,
            problem.message,
            _OWN_INPUT.sub(lambda name: where + name[0], problem.suggestion),
        )
        for problem in door.problems[before:]
    ]


def _check_name(door: Door, path: str, name: str, names: set[str]) -> None:
    seen = folded(name)
    if not is_line(name, NAME_MOST):
        door.refuse(
            path,
            "WRONG_LENGTH",
            f"A firm's name is one line of 1 to {NAME_MOST} characters.",
            "Give a name that can be read, such as its ticker.",
        )
    elif seen in names:
        door.refuse(
            path,
            "CONTRADICTION",
            "Another peer has this name.",
            "Give each firm once, or tell two deals for it apart by their years.",
        )
    names.add(seen)
