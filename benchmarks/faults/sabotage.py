"""Servers with a fault of their own: who judges must find it, or judges nothing.

The product knows nothing of this. `sabotaged` gives the variables with which a server's processes
start: the folder `sabotaged/` in their PYTHONPATH has them call `arm` before anything else, and it
replaces what the sabotage is about.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

from benchmarks.faults.custody import ROOT
from benchmarks.faults.tenants import CANARY, OURS

VARIABLE: Final = "VALOR_BENCH_SABOTAGE"
TOO_EARLY_S: Final = 0.03
TOO_LATE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One deliberate fault."""

    words: str
    arm: Callable[[], None]


def forget_operations() -> None:
    """Whoever repeats an operation has it done again, under an id of the server's own."""
    from store.financial_models import FinancialModels

    honest = FinancialModels.append

    async def append(
        self: FinancialModels, tenant: UUID, model: UUID, new: Any, decide: Any, **more: Any
    ) -> Any:
        appended = await honest(self, tenant, model, new, decide, **more)
        if appended is None or appended.fresh:
            return appended
        again = replace(new, operation_id=str(uuid4()))
        return await honest(self, tenant, model, again, decide, **more)

    _put(FinancialModels, "append", append)


def answer_before_commit() -> None:
    """Whoever writes is answered as soon as it is clear what is to be written."""
    from store.database import Database

    honest = Database.decide
    under_way = set()

    async def decide(self: Database, tenant: UUID, look: Any, asked: Any, **values: Any) -> Any:
        loop = asyncio.get_running_loop()
        clear: asyncio.Future[Any] = loop.create_future()

        def tell(answer: Any) -> None:
            if not clear.done():  # a database may ask twice
                clear.set_result(answer)

        def overheard(rows: Any) -> Any:
            write = asked(rows)
            if write is not None:
                loop.call_soon_threadsafe(tell, (rows, write))
                if threading.current_thread() is not threading.main_thread():
                    time.sleep(TOO_EARLY_S)  # SQLite's writer; PostgreSQL is as quick as it is
            return write

        work = loop.create_task(honest(self, tenant, look, overheard, **values))
        under_way.add(work)
        work.add_done_callback(under_way.discard)
        done, _ = await asyncio.wait({clear, work}, return_when=asyncio.FIRST_COMPLETED)
        return clear.result() if clear in done else work.result()

    _put(Database, "decide", decide)


def forget_the_scope() -> None:
    """The canary's statements run for the other tenant, and the database is told so too."""
    from store.postgresql import PostgresDatabase
    from store.sqlite import SqliteDatabase

    def for_the_other(honest: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: object, tenant: UUID, *words: Any, **values: Any) -> Any:
            scope = OURS.tenant_id if tenant == CANARY.tenant_id else tenant
            return honest(self, scope, *words, **values)

        return method

    for kind in (PostgresDatabase, SqliteDatabase):
        for name in ("first", "all", "insert_once", "decide", "reading", "writing"):
            _put(kind, name, for_the_other(getattr(kind, name)))


def forget_what_was_missed() -> None:
    """Whoever comes back to a room begins with the model as it is."""
    from services.collaboration import CollaborationService

    honest = CollaborationService.join

    def join(self: CollaborationService, session: Any, model: UUID, _after: int | None) -> Any:
        return honest(self, session, model, None)

    _put(CollaborationService, "join", join)


def tell_too_late() -> None:
    """An operation is out of the outbox a while before it is on its way to webhooks."""
    from store import outbox

    honest_tell, honest = outbox._tell, outbox.Outbox.clear  # noqa: SLF001 - what a sabotage is for
    put_off: ContextVar[list[Any]] = ContextVar("put_off")

    async def tell(session: Any, wanted: Any, happenings: Any) -> int:
        if put_off.get(None) is None:
            return await honest_tell(session, wanted, happenings)
        put_off.get().extend(happenings)
        return len(happenings)

    async def clear(self: Any, tenant: UUID, *words: Any) -> int:
        left: list[Any] = []
        token = put_off.set(left)
        try:
            told = await honest(self, tenant, *words)
        finally:
            put_off.reset(token)
        await asyncio.sleep(TOO_LATE_S)
        async with self._database.writing(tenant) as session:
            await outbox.tell(session, left)
        return told

    outbox._tell = tell  # noqa: SLF001 - what a sabotage is for
    _put(outbox.Outbox, "clear", clear)


def lend_for_ever() -> None:
    """A participant whose worker died is believed to be there for an hour."""
    from collab.directory import RedisDirectory

    honest = RedisDirectory.__init__
    _put(RedisDirectory, "__init__", lambda self, redis: honest(self, redis, 3_600.0))


def _put(kind: type, name: str, what: Callable[..., Any]) -> None:
    setattr(kind, name, what)


SABOTAGES: Final = {
    "no-idempotency": Sabotage("an operation's id is not looked up", forget_operations),
    "ack-before-commit": Sabotage("an edit is answered before it is kept", answer_before_commit),
    "no-scope": Sabotage("one tenant's statements run for another", forget_the_scope),
    "no-catch-up": Sabotage("who comes back is not told what he missed", forget_what_was_missed),
    "told-too-late": Sabotage("an event may be told to nobody", tell_too_late),
    "long-leases": Sabotage("who died is shown for an hour", lend_for_ever),
}


def sabotaged(name: str | None) -> dict[str, str]:
    """The variables for a server with that sabotage; none for an honest one."""
    if name is None:
        return {}
    path = os.pathsep.join([str(ROOT / "benchmarks" / "faults" / "sabotaged"), str(ROOT)])
    return {VARIABLE: name, "PYTHONPATH": path}


def arm() -> None:
    """Put the sabotage in place of which the environment speaks."""
    SABOTAGES[os.environ[VARIABLE]].arm()
