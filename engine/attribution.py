"""Why a valuation differs from another one: what each input that changed has to do with it.

Whoever changes one input after the other finds amounts that depend on the order. Shapley's value
is the mean over all orders (Shapley, A Value for n-Person Games, in Contributions to the Theory of
Games II, Annals of Mathematics Studies 28, 1953, pp. 307-317): it adds up to the whole change,
gives nothing to what changes nothing, and treats equals alike.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.door import FloatArray
from engine.edges import BoolArray
from engine.errors import Refused
from engine.paths import COMPARED, COUNTED, WHOLE_YEARS
from engine.questions import I, Question
from engine.schedules import Schedule

Player: TypeAlias = tuple[str, ...]  # the paths of inputs that change together

# 2^10 valuations, of which 2^6 by a kernel of their own; with more, a group's inputs count as one.
MAX_PLAYERS: Final = 10
MAX_ALONE: Final = 6


class Method(StrEnum):
    """How a change was shared out among the inputs."""

    SHAPLEY = "SHAPLEY"
    SHAPLEY_BY_GROUP = "SHAPLEY_BY_GROUP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What the change of some inputs adds to the value; several where they go together."""

    paths: tuple[str, ...]
    amount: float
    before: float | None = None  # the input, where it is one number on both sides
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The contributions, the largest first: ``before`` + their sum = ``after``, to rounding."""

    before: float
    after: float
    contributions: tuple[Contribution, ...]
    method: Method


def attribution(old: Question[I], new: Question[I]) -> Attribution:
    """What made ``old`` into ``new``, two valuations of one kind.

    Every mix of old and new inputs is valued: numbers and schedules as one batch, and what is no
    number (a date, a branch of a choice, what was given or left out) by a kernel of its own each.
    Inputs that make no sense apart, such as a growth above the old WACC and the WACC that it was
    chosen for, change together.

    Raises nothing: both have passed the door, and so has every mix that is counted.
    """
    changed = _changes(old.inputs, new.inputs)
    players = _players(changed)
    method = Method.SHAPLEY
    batched = {change.path for change in changed if change.in_batch}
    if not _few(players, batched):
        method, players = Method.SHAPLEY_BY_GROUP, _groups(players, batched)
    players, values = _apart(players, _values(old, new, changed, players))
    numbers = {change.path: change.numbers for change in changed}
    found = []
    for paths, amount in zip(players, shapley(values), strict=True):
        before, after = numbers[paths[0]] if len(paths) == 1 else (None, None)
        found.append(Contribution(paths=paths, amount=amount, before=before, after=after))
    found.sort(key=lambda each: -abs(each.amount))
    return Attribution(
        before=float(values[0]), after=float(values[-1]), contributions=tuple(found), method=method
    )


def shapley(values: FloatArray) -> list[float]:
    """(n,) each player's part, from (2^n,) what each coalition is worth.

    Player k is in the coalitions whose number has bit k. phi_k = sum over S without k of
    |S|! (n - |S| - 1)! / n! (v(S + k) - v(S)).
    """
    count = _count(values)
    coalitions = np.arange(values.size)
    sizes = np.bitwise_count(coalitions)
    weights = np.array([1.0 / (count * math.comb(count - 1, size)) for size in range(count)])
    parts = []
    for player in range(count):
        without = coalitions[~_has(coalitions, player)]
        gains = values[without | (1 << player)] - values[without]
        parts.append(math.fsum((weights[sizes[without]] * gains).tolist()))
    return parts


# What changed


def _changes(old: object, new: object) -> list[_Change]:
    found: list[_Change] = []

    def noted(change: _Change) -> Any:
        found.append(change)
        return change.one

    _mixed(old, new, "", noted)
    return found


def _players(changed: Sequence[_Change]) -> list[Player]:
    """One for each change; a count of years is one with the schedules that it resizes."""
    resized = tuple(change.path for change in changed if change.resizes)
    alone = [(change.path,) for change in changed if not change.resizes]
    return [resized, *alone] if resized else list[Player](alone)


@dataclass(frozen=True, slots=True)
class _Change:
    """An input that differs. ``in_batch``: it can be mixed as an array over scenarios."""

    path: str
    one: Any
    other: Any
    in_batch: bool

    @property
    def resizes(self) -> bool:
        schedule = isinstance(self.one, Schedule) and isinstance(self.other, Schedule)
        return _counts(self.path) or (schedule and not self.in_batch)

    @property
    def numbers(self) -> tuple[float | None, float | None]:
        """Both numbers, where it is one."""
        if isinstance(self.one, Schedule) or not self.in_batch:
            return None, None
        return float(self.one), float(self.other)


def _mixed(one: Any, other: Any, path: str, chosen: Callable[[_Change], Any]) -> Any:
    """A tree of inputs with, at each place where two of them differ, what ``chosen`` takes of it.

    It goes as deep as they have the same form. Names, of which no value knows, are the other's.
    """
    if one is other:
        return one
    if isinstance(one, Schedule) and isinstance(other, Schedule):
        if one.years() == other.years():
            return one
        return chosen(_Change(path, one, other, len(one.years()) == len(other.years())))
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return tuple(_mixed(*pair, f"{path}[{index}]", chosen) for index, pair in pairs)
    if dataclasses.is_dataclass(one) and type(one) is type(other):
        return _mixed_group(one, other, path, chosen)
    if _is_label(one) and _is_label(other):
        return other
    if one == other:
        return one
    whole = path.rsplit(".", 1)[-1] in COUNTED | WHOLE_YEARS
    number = _is_amount(one) and _is_amount(other) and not whole
    return chosen(_Change(path, one, other, number))


def _mixed_group(one: Any, other: Any, path: str, chosen: Callable[[_Change], Any]) -> Any:
    steps = (path, getattr(one, "BRANCH", ""))
    before = "".join(f"{step}." for step in steps if step)
    fresh = {}
    for name in one.__dataclass_fields__:  # with those that a class has from another
        now = getattr(one, name)
        if name not in COMPARED:
            mixed = _mixed(now, getattr(other, name), f"{before}{name}", chosen)
            if mixed is not now:
                fresh[name] = mixed
    return dataclasses.replace(one, **fresh) if fresh else one


def _counts(path: str) -> bool:
    return path.rsplit(".", 1)[-1] in COUNTED


def _is_amount(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _is_label(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Enum)


# What the mixes are worth


def _values(
    old: Question[I], new: Question[I], changed: Sequence[_Change], players: Sequence[Player]
) -> FloatArray:
    """(2^n,) the value with each coalition's inputs as they are now; NaN where it has none."""
    batched = {change.path for change in changed if change.in_batch}
    inside = [number for number, paths in enumerate(players) if batched.issuperset(paths)]
    outside = [number for number in range(len(players)) if number not in inside]
    numbers = _coalitions(inside)
    values = np.full(1 << len(players), np.nan)

    def value(coalitions: npt.NDArray[np.int64]) -> None:
        on = {
            path: _has(coalitions, number) for number, paths in enumerate(players) for path in paths
        }
        mix = _mixed(old.inputs, new.inputs, "", lambda change: _chosen(change, on[change.path]))
        try:
            new.admit(mix)
        except Refused:
            # Some of them have no value. What is wrong with one number alone, is with them all.
            with suppress(Refused):
                broken = new.outside(mix)
                if broken is not None and not broken.all():
                    value(coalitions[~broken])
        else:
            values[coalitions] = np.asarray(new.worth(mix), dtype=np.float64)

    with np.errstate(all="ignore"):  # a mix that has no finite value is not counted
        for others in _coalitions(outside).tolist():
            value(numbers | others)
    values[~np.isfinite(values)] = np.nan
    return values


def _chosen(change: _Change, on: BoolArray) -> Any:
    """What stands at a place in each of some mixes: one thing where it is the same in all."""
    if on.all():
        return change.other
    if not on.any():
        return change.one
    if isinstance(change.one, Schedule):
        years = zip(change.one.years(), change.other.years(), strict=True)
        return Schedule.explicit([np.where(on, after, before) for before, after in years])
    return np.where(on, change.other, change.one)


def _apart(given: Sequence[Player], values: FloatArray) -> tuple[list[Player], FloatArray]:
    """Players and coalitions that all have a value: those that have none apart are put together.

    Two players are at odds by how often there is no value when one is in and the other is not.
    """
    players = list(given)
    while (lost := np.isnan(values)).any():
        coalitions = np.arange(values.size)
        has = [_has(coalitions, player) for player in range(len(players))]
        odds = {
            (one, other): float(lost[has[one] ^ has[other]].mean())
            for other in range(len(players))
            for one in range(other)
        }
        one, other = max(odds, key=lambda pair: odds[pair])
        kept = coalitions[has[one] == has[other]]
        below = kept & ((1 << other) - 1)
        together = np.empty(kept.size)
        together[below | (kept >> (other + 1) << other)] = values[kept]
        players[one] = (*players[one], *players.pop(other))
        values = together
    return players, values


def _few(players: Sequence[Player], batched: set[str]) -> bool:
    """Whether every coalition of them can be valued; ``batched`` are the paths of numbers."""
    alone = sum(not batched.issuperset(paths) for paths in players)
    return len(players) <= MAX_PLAYERS and alone <= MAX_ALONE


def _groups(players: Sequence[Player], batched: set[str]) -> list[Player]:
    """The inputs of a group as one player. Each of a list of groups, such as the segments of a
    firm, is a group by itself, unless that makes too many."""
    each = _gathered(players, lambda path: path.split(".", 1)[0])
    if _few(each, batched):
        return each
    whole = _gathered(players, lambda path: path.split(".", 1)[0].split("[", 1)[0])
    first, rest = whole[: MAX_PLAYERS - 1], whole[MAX_PLAYERS - 1 :]
    return [*first, tuple(path for paths in rest for path in paths)] if rest else first


def _gathered(players: Sequence[Player], group_of: Callable[[str], str]) -> list[Player]:
    """One player for each group of their first paths."""
    groups: dict[str, Player] = {}
    for paths in players:
        group = group_of(paths[0])
        groups[group] = (*groups.get(group, ()), *paths)
    return list(groups.values())


def _coalitions(players: Sequence[int]) -> npt.NDArray[np.int64]:
    """(2^k,) every coalition of some of the players."""
    found = np.zeros(1, dtype=np.int64)
    for player in players:
        found = np.concatenate((found, found | (1 << player)))
    return found


def _has(coalitions: npt.NDArray[np.int64], player: int) -> BoolArray:
    found: BoolArray = (coalitions >> player) & 1 == 1
    return found


def _count(values: FloatArray) -> int:
    return values.size.bit_length() - 1
