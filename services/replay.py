"""Replay: a kept valuation is valued again by the engine that is installed, and compared.

After an upgrade this says of every number whether it is still the same, and of every one that is
not, which entry of `engine/changes.py` explains it. It reads what is kept and writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from engine.changes import CHANGES, REFUSED, Change, since
from engine.errors import Refused
from services.compute import Compute
from services.errors import NotFound
from services.kinds import KINDS, Document, Kind
from services.principal import Action, Principal
from services.valuations import canonical, kept_id
from services.words import camel, snake
from services.work import BASE_CASE_MS
from store.valuations import KeptValuation, Valuations

# What another type of processor may differ by: of the number, or, for a number that is itself a
# small difference of large ones (an upside of 0.01 %), of one. No money, rate or share is so small.
RELATIVE: Final = 1e-12
ABSOLUTE: Final = 1e-12
PAGE: Final = 200  # rows at a time: a few megabytes, however many are kept

NO_KIND: Final = "This version knows no valuation of the kind {kind}."
NEWER: Final = "Its inputs are of version {version}, which is newer than this program."
TAMPERED: Final = "What is kept is not what was kept: {what} does not fit its hash."


class How(StrEnum):
    """What there is to say of a line of the result that is not what was kept. The worst is last."""

    NEW = "NEW"  # a line that the kept result did not have
    ROUNDING = "ROUNDING"  # as another type of processor rounds
    EXPLAINED = "EXPLAINED"  # a change of the engine says that it changes
    UNEXPLAINED = "UNEXPLAINED"  # nothing does


class Verdict(StrEnum):
    """What there is to say of a valuation."""

    IDENTICAL = "IDENTICAL"  # the result has its hash again
    SAME = "SAME"  # every number that was kept is the same; there are new lines
    ROUNDING = "ROUNDING"
    EXPLAINED = "EXPLAINED"
    UNEXPLAINED = "UNEXPLAINED"
    UNREADABLE = "UNREADABLE"  # it could not be replayed at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A place in the result where something else stands now. None: nothing stood or stands there,
    or null."""

    path: str  # in the schema's names, such as forecast.tax[3]
    kept: Any  # JSON
    now: Any
    how: How
    version: str | None = None  # of the engine that came with the change
    change: Change | None = None

    @property
    def numbers(self) -> tuple[float, float] | None:
        """(kept, now), where both are numbers."""
        return (self.kept, self.now) if _both_numbers(self.kept, self.now) else None

    @property
    def difference(self) -> float | None:
        """Now less kept; None where they are not both numbers."""
        return None if self.numbers is None else self.numbers[1] - self.numbers[0]

    @property
    def relative(self) -> float | None:
        """The difference as a fraction of what was kept; None also where that is 0."""
        if self.numbers is None or not self.numbers[0]:
            return None
        return (self.numbers[1] - self.numbers[0]) / abs(self.numbers[0])


class Kept(Protocol):
    """What is replayed: a valuation, or the result of a run."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def engine_version(self) -> str: ...
    @property
    def numpy_version(self) -> str: ...
    @property
    def result_hash(self) -> str: ...
    @property
    def computed_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What is kept beside what the same inputs give today."""

    kept: Kept
    result_hash: str | None  # of today's result; None where there is none
    lines: tuple[Line, ...] = ()  # that are not as they were kept
    problem: str | None = None  # why it could not be replayed

    @property
    def verdict(self) -> Verdict:
        if self.problem is not None:
            return Verdict.UNREADABLE
        if self.result_hash == self.kept.result_hash:
            return Verdict.IDENTICAL
        worst = max((list(How).index(line.how) for line in self.lines), default=0)
        return (Verdict.SAME, Verdict.ROUNDING, Verdict.EXPLAINED, Verdict.UNEXPLAINED)[worst]


def replay(kept: KeptValuation, changes: dict[str, tuple[Change, ...]] = CHANGES) -> Replayed:
    """Value what is kept again, and compare. What the engine refuses today is an answer too."""
    wrong = not_as_kept(kept)
    if wrong is not None:
        return Replayed(kept=kept, result_hash=None, problem=wrong)
    kind = KINDS.get(kept.kind)
    if kind is None:
        return Replayed(kept=kept, result_hash=None, problem=NO_KIND.format(kind=kept.kind))
    if kept.input_version > kind.input_version:
        problem = NEWER.format(version=kept.input_version)
        return Replayed(kept=kept, result_hash=None, problem=problem)
    inputs = kind.upgraded(orjson.loads(kept.inputs), kept.input_version, to=kind.input_version)
    judge = Judge(kind, inputs, since(kept.engine_version, changes))
    try:
        result = canonical(kind.result_document(kind.value(kind.inputs_of(inputs))))
    except Refused as no:
        refused = judge.line(REFUSED, None, no.message)
        return Replayed(kept=kept, result_hash=None, lines=(refused,))
    found = hashlib.sha256(result).hexdigest()
    if found == kept.result_hash:
        return Replayed(kept=kept, result_hash=found)
    lines = tuple(differences(orjson.loads(kept.result), orjson.loads(result), "", judge))
    return Replayed(kept=kept, result_hash=found, lines=lines)


def not_as_kept(kept: KeptValuation) -> str | None:
    """What of the row was written over, if something was."""
    if hashlib.sha256(kept.result.encode()).hexdigest() != kept.result_hash:
        return TAMPERED.format(what="the result")
    if kept_id(kept) != kept.id:
        return TAMPERED.format(what="an input, or a version")
    return None


def its_own_name(path: str) -> tuple[str, ...]:
    """Under what `CHANGES` lists a number of a valuation, by its path in the engine's names."""
    return (path,)


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what there is to say of a difference, for one valuation or run."""

    kind: Kind[Any, Any]
    inputs: Document
    later: tuple[tuple[str, Change], ...]
    names: Callable[[str], tuple[str, ...]] = its_own_name

    def line(self, path: str, kept: Any, now: Any) -> Line:
        if _both_numbers(kept, now) and _rounded(kept, now):
            return Line(path=path, kept=kept, now=now, how=How.ROUNDING)
        names = self.names(snake(path))
        for version, change in self.later:
            touched = any(change.touches(self.kind.name, name) for name in names)
            if touched and self._has_one_of(change.inputs):
                return Line(
                    path=path,
                    kept=kept,
                    now=now,
                    how=How.EXPLAINED,
                    version=version,
                    change=change,
                )
        return Line(path=path, kept=kept, now=now, how=How.UNEXPLAINED)

    def _has_one_of(self, inputs: tuple[str, ...]) -> bool:
        return not inputs or any(_has(self.inputs, camel(each)) for each in inputs)


def _has(document: Document, asked: str) -> bool:
    path, _, value = asked.partition("=")
    found: Any = document
    for name in path.split("."):
        if not isinstance(found, Mapping) or found.get(name) is None:
            return False
        found = found[name]
    return not value or str(found) == value


def differences(kept: Any, now: Any, path: str, judge: Judge) -> Iterator[Line]:
    """Every place that differs, in the order of the document."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for name in [*kept, *(new for new in now if new not in kept)]:
            below = f"{path}.{name}" if path else name
            if name not in kept:
                yield Line(path=below, kept=None, now=now[name], how=How.NEW)
            else:
                yield from differences(kept[name], now.get(name), below, judge)
    elif isinstance(kept, list) and isinstance(now, list):
        for place in range(max(len(kept), len(now))):
            below = f"{path}[{place}]"
            yield from differences(_at(kept, place), _at(now, place), below, judge)
    elif not _same(kept, now):
        yield judge.line(path, kept, now)


def _at(entries: list[Any], place: int) -> Any:
    return entries[place] if place < len(entries) else None


def _both_numbers(kept: Any, now: Any) -> bool:
    return type(kept) in (int, float) and type(now) in (int, float)


def _same(kept: Any, now: Any) -> bool:
    if _both_numbers(kept, now):
        return bool(kept == now)
    return type(kept) is type(now) and bool(kept == now)


def _rounded(kept: float, now: float) -> bool:
    return abs(now - kept) <= max(RELATIVE * max(abs(kept), abs(now)), ABSOLUTE)


@dataclass(slots=True)
class Worst:
    """Of all valuations in which one place of the result changed: how many, and by how much."""

    line: Line
    valuation_id: str
    valuations: int = 1

    def add(self, line: Line, valuation_id: str) -> None:
        self.valuations += 1
        if _size(line) > _size(self.line):
            self.line, self.valuation_id = line, valuation_id


def _size(line: Line) -> float:
    relative = line.relative
    return abs(relative if relative is not None else line.difference or 0.0)


@dataclass(slots=True)
class Tally:
    """What came of many replays, in as much memory as a few."""

    verdicts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    kept_by: dict[tuple[str, str], int] = field(default_factory=dict)  # (engine, numpy)
    places: dict[tuple[str, str, How, Change | None], Worst] = field(default_factory=dict)
    problems: dict[str, tuple[str, int]] = field(default_factory=dict)  # with the id of one

    def add(self, replayed: Replayed) -> None:
        kept = replayed.kept
        self.verdicts[replayed.verdict] += 1
        versions = (kept.engine_version, kept.numpy_version)
        self.kept_by[versions] = self.kept_by.get(versions, 0) + 1
        if replayed.problem is not None:
            first, count = self.problems.get(replayed.problem, (kept.id, 0))
            self.problems[replayed.problem] = (first, count + 1)
        seen: set[tuple[str, str, How, Change | None]] = set()
        for line in replayed.lines:
            place = (kept.kind, every_year(line.path), line.how, line.change)
            worst = self.places.get(place)
            if worst is None:
                self.places[place] = Worst(line, kept.id)
            elif place in seen:  # another year of a line that this valuation is counted for
                worst.add(line, kept.id)
                worst.valuations -= 1
            else:
                worst.add(line, kept.id)
            seen.add(place)

    @property
    def replayed(self) -> int:
        return sum(self.verdicts.values())

    @property
    def sound(self) -> bool:
        """Whether every number is as it was kept, or explained."""
        return not (self.verdicts[Verdict.UNEXPLAINED] or self.verdicts[Verdict.UNREADABLE])


def every_year(path: str) -> str:
    """``forecast.tax[3]`` as the line that it is of: ``forecast.tax[]``."""
    head, *rest = path.split("[")
    return head + "".join("[]" + each.partition("]")[2] for each in rest)


class ReplayService:
    """Replays what is kept."""

    def __init__(self, kept: Valuations, compute: Compute) -> None:
        self._kept, self._compute = kept, compute

    async def replay(self, principal: Principal, valuation_id: str) -> Replayed:
        """
        Raises:
            Forbidden; NotFound: if it is not kept any longer, or is another tenant's.
        """
        principal.require(Action.READ_VALUATION)
        kept = await self._kept.find(principal.tenant_id, valuation_id)
        if kept is None:
            raise NotFound("There is no such valuation. Value the inputs again to make it.")
        kind = KINDS.get(kept.kind)
        importing_ms = 0.0 if kind is None else kind.importing_ms()
        return await self._compute.run(BASE_CASE_MS + importing_ms, lambda: replay(kept))


async def replay_all(kept: Valuations, tenant_id: UUID) -> AsyncIterator[Replayed]:
    """All of a tenant's valuations, page after page. What fails is told, and the rest goes on."""
    after = ""
    while page := await kept.page(tenant_id, after, PAGE):
        for each in page:
            yield _told(each)
        after = page[-1].id


def _told(kept: KeptValuation) -> Replayed:
    try:
        return replay(kept)
    except Exception as fault:  # of ours: one bad row must not hide what the others have to say
        problem = f"The engine failed: {type(fault).__name__}: {fault}"
        return Replayed(kept=kept, result_hash=None, problem=problem)
