"""One trial: clients at work, a blow, and when all are through, what is left of their work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar
from uuid import uuid4

from benchmarks.faults import ledger as ledgers
from benchmarks.faults.administration import Office, compare_administration, compare_audit
from benchmarks.faults.administrators import CHAIN, Administrator
from benchmarks.faults.comparison import Flaws, Logged, Told, compare
from benchmarks.faults.disk import NotPossible
from benchmarks.faults.documents import (
    CREATE,
    EDIT,
    LIST,
    OWN_PATHS,
    READ,
    SHARED_PATHS,
    creation,
    edit,
    uuid_of,
    value_at,
)
from benchmarks.faults.editors import Editor
from benchmarks.faults.faults import Blow, Fault
from benchmarks.faults.ledger import Entry, Ledger
from benchmarks.faults.room import GHOST_AFTER_S, Room
from benchmarks.faults.stack import Stack
from benchmarks.faults.tenants import CANARY, MEMBERS, OURS, Tenant
from benchmarks.faults.wire import (
    Answer,
    HttpRoad,
    NotNow,
    Road,
    SocketRoad,
    Unclean,
    data_of,
    holds,
    patience,
)

T = TypeVar("T")

DEADLINE_S: Final = 60.0  # until everybody is through
CATCH_UP_S: Final = 30.0  # until watchers have seen the last revision
TELLINGS: Final = 5  # at most, until both roads tell of the same revision
BEFORE: Final = 6  # operations of each editor before the blow


@dataclass(slots=True)
class Outcome:
    """What one trial came to."""

    acknowledged: int = 0
    flaws: Flaws = field(default_factory=Flaws)
    recovery_s: float | None = None  # None: it did not recover in time


class Trial:
    """Two models of ours and a canary's, edited and watched while a fault strikes."""

    def __init__(
        self,
        stack: Stack,
        fault: Fault,
        ledger: Path,
        values: Mapping[str, Iterator[int]],
        seed: str,
    ) -> None:
        self._stack = stack
        self._fault = fault
        self._file = ledger
        self._values = values
        self._chance = Random(seed)  # noqa: S311 - nothing secret
        self._editors: list[Editor] = []
        self._administrators: list[Administrator] = []
        self._office_hours: list[asyncio.Task[None]] = []
        self._rooms: list[Room] = []
        self._unclean: list[str] = []
        self._foreign: list[str] = []
        self._through = 0.0  # when all were

    async def run(self) -> Outcome:
        outcome = Outcome()
        enough = asyncio.Event()
        tasks: list[asyncio.Task[None]] = []
        try:
            with ledgers.kept(self._file) as ledger:
                async with asyncio.timeout(DEADLINE_S):
                    await self._settle_in(ledger)
                    self._office_hours = [
                        asyncio.create_task(a.administer_until(enough))
                        for a in self._administrators
                    ]
                    tasks = [asyncio.create_task(e.edit_until(enough)) for e in self._editors]
                    outcome.recovery_s = await self._blow(tasks)
                    enough.set()
                    await asyncio.gather(*tasks[1:], *self._office_hours)
        except TimeoutError:
            self._unclean.append(f"not through in {DEADLINE_S:g} s: {self._state()}")
        finally:
            enough.set()
            for task in (*tasks, *self._office_hours):
                task.cancel()
            await asyncio.gather(*tasks, *self._office_hours, return_exceptions=True)
        self._through = time.monotonic()
        entries = ledgers.read(self._file)
        outcome.acknowledged = sum(entry.revision is not None for entry in entries)
        async with asyncio.timeout(DEADLINE_S):
            for room in self._rooms:
                mine = [entry for entry in entries if entry.model == room.model]
                try:
                    told = await self._told(room, mine)
                    outcome.flaws.add(compare(told))
                    outcome.flaws.add(await self._audited(room, told))
                except (LookupError, Unclean) as no:
                    outcome.flaws.lost[room.model] = f"the model {room.model}: {no}"
            for administrator in self._administrators:
                await self._inspect(administrator, outcome)
        unclean = [*self._unclean]
        for administrator in self._administrators:
            unclean += administrator.unclean
            administrator.file.close()
        for editor in self._editors:
            unclean += editor.unclean
        for room in self._rooms:
            unclean += room.unclean
        outcome.flaws.unclean |= {words: words for words in unclean}
        outcome.flaws.foreign |= {words: words for words in self._foreign}
        return outcome

    async def observe(self, outcome: Outcome) -> None:
        """Wait for 20 s and look who is still shown, though nobody is there."""
        until = self._through + GHOST_AFTER_S + 0.5
        for wrong in await asyncio.gather(*(room.observed(until) for room in self._rooms)):
            outcome.flaws.ghosts |= {words: words for words in wrong}

    async def close(self) -> None:
        """Everybody leaves."""
        await asyncio.gather(*(room.close() for room in self._rooms))

    async def _settle_in(self, ledger: Ledger) -> None:
        """Make the models, and have them watched and edited."""
        for tenant, names in ((OURS, ("first", "second")), (CANARY, ("canary",))):
            for name in names:
                room = Room(self._stack, tenant, await self._created(tenant, name))
                room.have("Vera", "Walt", "Xena")
                self._rooms.append(room)
        first, second, canary = self._rooms
        # The one who gives up comes first: `_blow` sends it away.
        for member, (room, road, paths) in enumerate(
            (
                (first, HttpRoad, ("bridge.minorityInterests",)),
                (first, HttpRoad, (*SHARED_PATHS, OWN_PATHS[0])),
                (first, SocketRoad, (*SHARED_PATHS, OWN_PATHS[1])),
                (second, HttpRoad, SHARED_PATHS),
                (second, SocketRoad, SHARED_PATHS),
                (canary, HttpRoad, SHARED_PATHS),
            )
        ):
            self._editors.append(
                Editor(
                    ledger,
                    road(self._stack, room.tenant, member),
                    room.model,
                    paths,
                    self._values[room.tenant.name],
                    Random(self._chance.random()),  # noqa: S311 - the same each time
                )
            )

        for tenant in (OURS, CANARY):
            self._administrators.append(
                Administrator(
                    HttpRoad(self._stack, tenant, MEMBERS - 1),
                    self._values[tenant.name],
                    Random(self._chance.random()),  # noqa: S311 - the same each time
                    self._file.with_suffix(f".{tenant.name}.office").open("x", encoding="utf-8"),
                )
            )

    async def _inspect(self, administrator: Administrator, outcome: Outcome) -> None:
        """What is on record of an administrator's work."""
        tenant = administrator.road.tenant
        outcome.acknowledged += sum(making.acknowledged for making in administrator.makings)
        office = await self._office(tenant)
        outcome.flaws.add(
            compare_administration(
                str(tenant.tenant_id), tenant.name, administrator.makings, office
            )
        )

    async def _office(self, tenant: Tenant) -> Office:
        """A tenant's members and audit; whoever asks for the audit has all of it chained."""

        async def ask(road: Road) -> None:
            data_of(await road.ask(CHAIN, {}))

        await self._asked(tenant, ask)
        return await self._stack.records.office_of(tenant.tenant_id)

    async def _audited(self, room: Room, told: Told) -> Flaws:
        """Whether the audit has every edit of a model once."""
        office = await self._office(room.tenant)
        return compare_audit(told.model, told.logs["the database"], office.chain)

    async def _created(self, tenant: Tenant, name: str) -> str:
        given = creation(str(uuid4()), f"{tenant.name} {self._fault.name} {name}")

        async def create(road: Road) -> str:
            outcome = data_of(await road.ask(CREATE, given))["createModel"]
            if outcome["__typename"] == "Refusal":
                raise RuntimeError(f"no model could be made: {outcome}")
            model: str = outcome["id"]
            return model

        return await self._asked(tenant, create)

    async def _asked(self, tenant: Tenant, ask: Callable[[Road], Awaitable[T]]) -> T:
        """Ask over HTTP until there is an answer."""
        road = HttpRoad(self._stack, tenant)
        tries = 0
        try:
            while True:
                with suppress(NotNow):
                    return await ask(road)
                await patience(tries)
                tries += 1
        finally:
            await road.close()

    async def _blow(self, tasks: Sequence[asyncio.Task[None]]) -> float:
        """Strike while everybody is at work; the seconds until everybody is at work again."""
        await self._when(lambda: all(len(e.acknowledged) >= BEFORE for e in self._editors), tasks)
        await self._when(lambda: all(w.me for room in self._rooms for w in room.watchers), tasks)
        await asyncio.sleep(self._chance.uniform(0.0, 0.1))
        blow = Blow(self._stack, self._chance, lambda: sum(e.put_off for e in self._editors))
        intruders = [
            asyncio.create_task(self._intrude(CANARY, self._rooms[0].model)),
            asyncio.create_task(self._intrude(OURS, self._rooms[2].model)),
        ]
        strike = asyncio.create_task(self._fault.strike(blow))
        await asyncio.sleep(self._chance.uniform(0.0, 0.05))
        self._rooms[0].watchers[-1].crash()
        tasks[0].cancel()
        try:
            await strike
        except (TimeoutError, NotPossible) as no:
            self._unclean.append(f"{self._fault.name} did not strike: {no}")
        over = time.monotonic()
        await asyncio.gather(*intruders)
        await self._when(lambda: self._recovered_at(over) is not None, tasks[1:])
        return (self._recovered_at(over) or over) - over

    def _recovered_at(self, over: float) -> float | None:
        """When everybody had written, and everybody had seen, something that was begun since."""
        moments = []
        for room in self._rooms:
            at_work = [e for e in self._editors[1:] if e.model == room.model]
            firsts = [next((x for x in e.acknowledged if x.sent > over), None) for e in at_work]
            if any(entry is None for entry in firsts):
                return None
            since = min(entry.revision or 0 for entry in firsts if entry)
            moments += [entry.answered or 0.0 for entry in firsts if entry]
            for watcher in room.watchers:
                seen = [at for revision, at in watcher.seen_at.items() if revision >= since]
                if not seen:
                    return None
                moments.append(min(seen))
        return max(moments)

    async def _when(
        self, condition: Callable[[], bool], tasks: Sequence[asyncio.Task[None]]
    ) -> None:
        """Wait for a condition, as long as nobody who works for it fails."""
        while not condition():
            for task in tasks:
                if task.done() and not task.cancelled() and task.exception():
                    task.result()
            await asyncio.sleep(0.01)

    async def _intrude(self, tenant: Tenant, model: str) -> None:
        """Ask for another tenant's model by its id, edit it, look for it in the list."""
        asked = edit(model, str(uuid4()), SHARED_PATHS[0], float(next(self._values[tenant.name])))

        async def read(road: Road) -> None:
            answer = _definite(await road.ask(READ, {"model": model}))
            if (answer.get("data") or {}).get("model"):
                self._foreign.append(f"{tenant.name} read {model}, which is another's")

        async def write(road: Road) -> None:
            outcome = data_of(await road.ask(EDIT, asked))["editModel"]
            if outcome.get("code") != "NOT_FOUND":
                self._foreign.append(f"{tenant.name} edited {model}, which is another's: {outcome}")

        async def look(road: Road) -> None:
            edges = data_of(await road.ask(LIST, {}))["models"]["edges"]
            names = [edge["node"]["name"] for edge in edges]
            foreign = [name for name in names if not name.startswith(f"{tenant.name} ")]
            if foreign:
                self._foreign.append(f"{tenant.name} is shown {foreign[:3]}, which are another's")

        for ask in (read, write, look):
            await self._asked(tenant, ask)

    async def _told(self, room: Room, entries: Sequence[Entry]) -> Told:
        """All that is known of a model now."""
        id_ = uuid_of(room.model)
        for tries in range(TELLINGS):
            api, values, revision = await self._asked(room.tenant, _log_of(room.model))
            found = await self._stack.records.of(id_)
            if found.revision == revision:
                break
            # Whoever gave up in the middle may have his last wish granted between the two.
            await patience(tries)
        await holds(partial(room.has_seen, revision), CATCH_UP_S)
        paths = {entry.path for entry in entries}
        return Told(
            model=f"{room.tenant.name} {id_}",
            tenant=str(room.tenant.tenant_id),
            kept_for=found.tenant,
            entries=entries,
            logs={"the API": api, "the database": found.log},
            revisions={"the API": revision, "the database": found.revision},
            values={
                "the API": {path: value_at(values, path) for path in paths},
                "the database": {path: value_at(found.inputs, path) for path in paths},
            },
            watchers={watcher.name: list(watcher.seen) for watcher in room.watchers},
        )

    def _state(self) -> str:
        """Where everybody is, for whoever wants to know what they wait for."""
        editors = [f"{len(e.acknowledged)} done, {e.put_off} put off" for e in self._editors]
        watchers = [
            f"{w.name} at {w.seq}" + ("" if w.me else f", away: {w.cut_off_by}")
            for room in self._rooms
            for w in room.watchers
        ]
        return f"editors {editors}, watchers {watchers}"


def _log_of(model: str) -> Callable[[Road], Awaitable[tuple[list[Logged], dict[str, Any], int]]]:
    """Read a model through the API, newest revision first: its log, its inputs, its revision."""

    async def read(road: Road) -> tuple[list[Logged], dict[str, Any], int]:
        log: list[Logged] = []
        after = None
        while True:
            found = data_of(await road.ask(READ, {"model": model, "after": after}))["model"]
            page = found["revisions"]
            for edge in page["edges"]:
                node = edge["node"]
                written = {change["path"]: change["to"] for change in node["changes"]}
                log.append(Logged(node["revision"], node["operationId"], written))
            if not page["pageInfo"]["hasNextPage"]:
                return log[::-1], found["inputs"], found["revision"]
            after = page["pageInfo"]["endCursor"]

    return read


def _definite(answer: Answer) -> Answer:
    """An answer that says that there is no such thing is an answer too."""
    codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", ())}
    if codes != {"NOT_FOUND"}:
        data_of(answer)
    return answer
