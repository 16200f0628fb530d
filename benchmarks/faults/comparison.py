"""The ledger beside what is on record and what watchers saw: what does not fit, and how.

Nothing here speaks to a server, so that a test can show it every kind of flaw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise

from benchmarks.faults.ledger import Entry


@dataclass(frozen=True, slots=True)
class Logged:
    """One revision of a model, as one road tells it."""

    revision: int
    operation_id: str
    changes: Mapping[str, object]  # path -> the value that was written there
    tenant: str | None = None  # the row's; None where the road does not tell


@dataclass(frozen=True, slots=True)
class Sighting:
    """A revision that a watcher was told of."""

    revision: int
    operation_id: str


@dataclass(slots=True)
class Told:
    """All that was found out about one model after a trial."""

    model: str
    tenant: str  # to whom it belongs
    kept_for: str  # the tenant of its row in the database
    entries: Sequence[Entry]  # of this model, from the ledger
    # What each road tells: the API, and the database itself.
    logs: Mapping[str, Sequence[Logged]]  # the first revision first
    revisions: Mapping[str, int]  # the model's own, now
    values: Mapping[str, Mapping[str, object]]  # path -> what stands there now
    watchers: Mapping[str, Sequence[Sighting]]  # by name, all they saw from revision 1 on


@dataclass(slots=True)
class Flaws:
    """What must not be: for each kind, which thing, and the first that was said of it."""

    lost: dict[str, str] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    out_of_order: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    ghosts: dict[str, str] = field(default_factory=dict)
    unclean: dict[str, str] = field(default_factory=dict)  # answers that no fault excuses

    def add(self, other: Flaws) -> None:
        for part in fields(self):
            for thing, words in getattr(other, part.name).items():
                getattr(self, part.name).setdefault(thing, words)

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def sentences(self) -> list[str]:
        return [
            f"{part.name.replace('_', ' ')}: {words}"
            for part in fields(self)
            for words in getattr(self, part.name).values()
        ]


def compare(told: Told) -> Flaws:
    """Every flaw in what is on record of one model."""
    flaws = Flaws()
    if told.kept_for != told.tenant:
        flaws.foreign[told.model] = f"{told.model} is kept for {told.kept_for}"
    for road, log in told.logs.items():
        part = Flaws()
        _revisions(part, told.model, told.revisions[road], log)
        _operations(part, told.entries, log)
        _strangers(part, told, log)
        _values(part, told.model, told.entries, log, told.values[road])
        for name, seen in told.watchers.items():
            _sightings(part, f"{told.model}, {name}", log, seen)
        for kind in fields(part):
            said = getattr(part, kind.name)
            said.update({thing: f"{words}, by {road}" for thing, words in said.items()})
        flaws.add(part)
    return flaws


def _revisions(flaws: Flaws, model: str, newest: int, log: Sequence[Logged]) -> None:
    """1, 2, 3 … to the newest, without a gap and in order."""
    told = [logged.revision for logged in log]
    if told != list(range(1, newest + 1)):
        wrong = next(
            (f"{is_} where {due} is due" for due, is_ in enumerate(told, 1) if due != is_),
            f"{len(told)} of them",
        )
        flaws.out_of_order[model] = f"{model}: revisions to {newest} have {wrong}"


def _operations(flaws: Flaws, entries: Sequence[Entry], log: Sequence[Logged]) -> None:
    """Whatever was acknowledged is there once, as that revision; whatever was not, once at most."""
    by_id: dict[str, list[Logged]] = {}
    for logged in log:
        by_id.setdefault(logged.operation_id, []).append(logged)
    written = Counter(_number(value) for one in log for value in one.changes.values())
    for entry in entries:
        found = by_id.get(entry.operation_id, [])
        id_, revision = entry.operation_id, entry.revision
        name = f"operation {id_} ({entry.path} = {entry.value})"
        times = max(len(found), written[entry.value])
        if times > 1:
            flaws.doubled[id_] = f"{name} is there {times} times"
        if len(set(entry.answers)) > 1:
            flaws.doubled[id_] = f"{name} was answered as revisions {sorted(set(entry.answers))}"
        if revision is None:
            continue
        if not found:
            flaws.lost[id_] = f"{name} was acknowledged as revision {revision}, and is gone"
        elif found[0].revision != revision:
            flaws.out_of_order[id_] = (
                f"{name} was acknowledged as revision {revision}, and is {found[0].revision}"
            )
        elif found[0].changes.get(entry.path) != entry.value:
            flaws.lost[id_] = f"{name} is on record with {dict(found[0].changes)}"


def _strangers(flaws: Flaws, told: Told, log: Iterable[Logged]) -> None:
    """Nothing in a model's log comes from elsewhere: its first revision is what made it."""
    ours = {entry.operation_id for entry in told.entries}
    for logged in log:
        thing = f"{told.model}, revision {logged.revision}"
        if logged.revision > 1 and logged.operation_id not in ours:
            flaws.foreign[thing] = f"{thing}: nobody here sent {logged.operation_id}"
        if logged.tenant not in (None, told.tenant):
            flaws.foreign[thing] = f"{thing} is of {logged.tenant}"


def _values(
    flaws: Flaws,
    model: str,
    entries: Sequence[Entry],
    log: Sequence[Logged],
    values: Mapping[str, object],
) -> None:
    """At each path stands the acknowledged write of the highest revision.

    Who never got an answer may have written later; the log says whether and when.
    """
    unanswered = {entry.operation_id: entry for entry in entries if entry.revision is None}
    writes = [(e.revision, e) for e in entries if e.revision is not None]
    writes += [
        (logged.revision, entry) for logged in log if (entry := unanswered.get(logged.operation_id))
    ]
    last = {entry.path: (revision, entry) for revision, entry in sorted(writes, key=_revision_of)}
    for path, (revision, entry) in last.items():
        if values.get(path) != entry.value:
            flaws.lost[f"{model}, {path}"] = (
                f"{model}: {path} is {values.get(path)}, and revision {revision} wrote "
                f"{entry.value}"
            )


def _revision_of(write: tuple[int, Entry]) -> int:
    return write[0]


def _sightings(flaws: Flaws, where: str, log: Sequence[Logged], seen: Sequence[Sighting]) -> None:
    """Each revision after the first once, in order, and as what it is on record."""
    told = [sighting.revision for sighting in seen]
    times = Counter(told)
    on_record = {logged.revision: logged.operation_id for logged in log if logged.revision > 1}
    for revision, count in times.items():
        if count > 1:
            flaws.doubled[f"{where}, {revision}"] = f"{where}: {revision} came {count} times"
    for before, revision in pairwise(told):
        if revision < before:
            flaws.out_of_order[f"{where}, {revision}"] = f"{where}: {revision} came after {before}"
    for revision in on_record.keys() - times.keys():
        flaws.lost[f"{where}, {revision}"] = f"{where}: {revision} never came"
    for sighting in seen:
        if on_record.get(sighting.revision) != sighting.operation_id:
            flaws.foreign[f"{where}, {sighting.revision}"] = (
                f"{where}: {sighting.revision} came as {sighting.operation_id}, which is not what "
                "is on record"
            )


def _number(value: object) -> object:
    return float(value) if isinstance(value, int | float) else str(value)
