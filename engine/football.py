"""A football field: what each method says that a firm is worth, side by side on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.door import Door, show
from engine.names import folded, is_line

METHODS_MOST = 20
NAME_MOST = 80  # characters
AMOUNT_MAX = 1e30  # money, or money a share, either way
TICKS = 6  # steps of the scale, about
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # of which a person reads a scale


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRange:
    """What one method says: all methods of a field in the same unit, such as money a share."""

    name: str
    low: float
    mid: float | None = None  # None: the method has no best guess, as 52 weeks of prices have none
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FootballBar:
    """A method's range; places are shares of the scale, from 0 at its low end to 1."""

    name: str
    low: float
    mid: float | None
    high: float
    low_place: float
    mid_place: float | None
    high_place: float
    low_upside: float | None  # low / market price - 1; None: without a market price
    high_upside: float | None
    holds_market_price: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Where most methods agree; of several such stretches the widest, of these the lowest."""

    low: float
    high: float
    methods: tuple[str, ...]
    all: bool  # of all methods there are


@dataclass(frozen=True, slots=True, kw_only=True)
class FootballField:
    """Methods in the order given."""

    ticks: tuple[float, ...]  # of the scale, from its low end to its high one, in equal steps
    bars: tuple[FootballBar, ...]
    overlap: Overlap | None  # None: no two methods agree
    market_price: float | None
    market_place: float | None


def football_field(
    methods: Sequence[MethodRange], market_price: float | None = None
) -> FootballField:
    """Put methods side by side. Nothing is averaged: methods are no draws of one truth.

    Raises:
        InvalidInput: with every problem of the methods.
    """
    _check(methods, market_price)
    ends = [end for each in methods for end in (each.low, each.high)]
    if market_price is not None:
        ends.append(market_price)
    ticks = scale(min(ends), max(ends))

    def place(value: float) -> float:
        return (value - ticks[0]) / (ticks[-1] - ticks[0])

    def upside(value: float) -> float | None:
        return None if market_price is None else value / market_price - 1.0

    bars = tuple(
        FootballBar(
            name=each.name.strip(),
            low=each.low,
            mid=each.mid,
            high=each.high,
            low_place=place(each.low),
            mid_place=None if each.mid is None else place(each.mid),
            high_place=place(each.high),
            low_upside=upside(each.low),
            high_upside=upside(each.high),
            holds_market_price=None
            if market_price is None
            else each.low <= market_price <= each.high,
        )
        for each in methods
    )
    return FootballField(
        ticks=ticks,
        bars=bars,
        overlap=overlap(methods),
        market_price=market_price,
        market_place=None if market_price is None else place(market_price),
    )


def overlap(methods: Sequence[MethodRange]) -> Overlap | None:
    """Where most of the ranges lie over each other; None: no two of them touch.

    A range that begins where another ends touches it there.
    """
    best: tuple[int, float, float] | None = None
    found: Overlap | None = None
    for low in sorted({each.low for each in methods}):
        here = [each for each in methods if each.low <= low <= each.high]
        high = min(each.high for each in here)
        if len(here) < 2:
            continue
        rank = (len(here), high - low, -low)
        if best is None or rank > best:
            best = rank
            names = tuple(each.name.strip() for each in here)
            found = Overlap(low=low, high=high, methods=names, all=len(here) == len(methods))
    return found


def scale(low: float, high: float) -> tuple[float, ...]:
    """Ticks in steps of 1, 2, 2.5 or 5 times a power of ten, the first and last around the ends."""
    spread = high - low
    # Where ends are one number, or next to it, the scale is as wide as that number is large.
    spread = max(spread, 1e-9 * max(abs(low), abs(high)), 1e-9)
    power = 10.0 ** math.floor(math.log10(spread / TICKS))
    step = next(each * power for each in _STEPS if each * power * TICKS >= spread * (1.0 - 1e-12))
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    # Twelve digits: a person reads 0.3, not what three times a tenth comes to in binary.
    return tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))


def _check(methods: Sequence[MethodRange], market_price: float | None) -> None:
    door = Door()
    if not 1 <= len(methods) <= METHODS_MOST:
        door.refuse(
            "methods",
            "WRONG_LENGTH",
            f"{len(methods)} methods are given.",
            f"Give 1 to {METHODS_MOST}.",
        )
    seen = set[str]()
    for number, each in enumerate(methods[:METHODS_MOST]):
        path, name = f"methods[{number}]", folded(each.name)
        if not is_line(each.name, NAME_MOST):
            door.refuse(
                f"{path}.name",
                "WRONG_LENGTH",
                f"A method's name is one line of 1 to {NAME_MOST} characters.",
                "Give a name that can be read.",
            )
        elif name in seen:
            door.refuse(
                f"{path}.name",
                "CONTRADICTION",
                "Another method has this name.",
                "Give each a name of its own.",
            )
        seen.add(name)
        before = len(door.problems)
        for part in ("low", "mid", "high"):
            value = getattr(each, part)
            if value is not None:
                door.within(f"{path}.{part}", value, -AMOUNT_MAX, AMOUNT_MAX)
        if len(door.problems) == before:
            middle = each.low if each.mid is None else each.mid
            for part, one, other in (("mid", each.low, middle), ("high", middle, each.high)):
                if one > other:
                    door.refuse(
                        f"{path}.{part}",
                        "CONTRADICTION",
                        f"A range goes from low to high, with its middle between them, and not "
                        f"from {show(one)} to {show(other)}.",
                        "Give low, mid and high in their order.",
                    )
    if market_price is not None:
        door.within("market_price", market_price, 1e-9, AMOUNT_MAX)
    door.close()
