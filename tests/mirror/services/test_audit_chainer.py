"""Who chains, and when a head is signed and told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Connection

from services.audit import entry
from services.audit_chainer import HEAD_AFTER, HEAD_EVENTS
from services.audit_heads import HeadNews
from services.audit_lines import NotWhole, heads_in
from services.webhook_events import Bodies
from store import scope
from store.audit_chain import Checkpoint
from store.database import Database
from store.errors import DatabaseAway, DatabaseBusy
from store.migrate import owner_engine
from store.outbox import Happening
from store.owning import owning
from store.sqlite import SqliteDatabase
from store.tables import AuditEventRow, DeliveryRow, WebhookRow, table_of
from tests.mirror.services.audited import OURS, THEIRS
from tests.mirror.services.auditing_at_work import House, somebody, whole

pytestmark = pytest.mark.anyio


class Told:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.heads: list[tuple[UUID, Checkpoint]] = []

    def told(self, _tenant_id: UUID, _checkpoint: Checkpoint) -> Sequence[Happening]:
        return ()

    def on_head(self, tenant_id: UUID, checkpoint: Checkpoint) -> None:
        self.heads.append((tenant_id, checkpoint))


async def test_a_round_chains_for_whom_this_process_wrote(database: Database) -> None:
    house = House(database)
    await house.did(somebody(), "model.read")
    await house.notes.add_all(THEIRS, [])
    assert database.noted == {OURS}
    await house.chainer.round()
    assert database.noted == set()
    assert (await house.chain.head(OURS)).seq == 1


async def test_what_a_dead_process_left_is_chained_by_the_next_that_writes(
    database: Database,
) -> None:
    dead = House(database)
    await dead.did(somebody(), "model.read", "model.read")
    database.noted.clear()  # it knows nothing any more
    house = House(database)
    await house.chainer.round()
    assert await house.chain.waits(OURS)
    await house.did(somebody(2), "model.edited")
    await house.chainer.round()
    assert (await house.chain.head(OURS)).seq == 3


async def test_a_round_that_fails_is_made_up_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(database)
    await house.did(somebody(), "model.read")

    async def away(*_: object) -> int:
        raise DatabaseAway

    with monkeypatch.context() as broken:
        broken.setattr(house.chain, "chain", away)
        with pytest.raises(DatabaseAway):
            await house.chainer.round()
    await house.chainer.round()
    assert (await house.chain.head(OURS)).seq == 1


async def test_a_tenant_that_is_busy_holds_up_nobody_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(database)
    await house.did(somebody(), "model.read")
    await house.notes.add_all(THEIRS, [entry(None, "model.read", "model", "m")])
    whole = house.chainer.drain

    async def busy(tenant_id: UUID) -> None:
        if tenant_id == OURS:
            raise DatabaseBusy
        await whole(tenant_id)

    monkeypatch.setattr(house.chainer, "drain", busy)
    with pytest.raises(DatabaseBusy):
        await house.chainer.round()
    assert (await house.chain.head(THEIRS)).seq == 1
    assert database.noted == {OURS}


async def test_a_head_is_signed_when_it_is_time_and_only_if_anything_is_new(
    database: Database,
) -> None:
    sink = Told()
    house = House(database, sink=sink)
    await house.did(somebody(), "model.read")
    await house.chainer.round()
    assert sink.heads == []
    house.at[0] += HEAD_AFTER
    await house.chainer.round()
    ((tenant_id, first),) = sink.heads
    assert (tenant_id, first.seq, first.kind) == (OURS, 1, "HEAD")
    house.at[0] += 2 * HEAD_AFTER
    await house.chainer.round()
    assert len(sink.heads) == 1
    await house.did(somebody(), "model.read")
    await house.chainer.round()
    house.at[0] += HEAD_AFTER - timedelta(seconds=1)
    await house.chainer.round()
    assert len(sink.heads) == 1
    house.at[0] += timedelta(seconds=1)
    await house.chainer.round()
    assert [head.seq for _, head in sink.heads] == [1, 2]
    assert (await house.verified()).heads == 2


async def test_a_head_is_signed_after_so_many_events(database: Database) -> None:
    house = House(database)
    await house.did(somebody(), *["model.read"] * 3)
    house.chainer._head_events = 4
    await house.chainer.round()
    assert await house.chain.newest(OURS, "HEAD") is None
    await house.did(somebody(), "model.read")
    await house.chainer.round()
    newest = await house.chain.newest(OURS, "HEAD")
    assert newest is not None
    assert newest.seq == 4
    assert HEAD_EVENTS == 1_000


async def test_of_two_processes_one_tells_the_world(database: Database) -> None:
    sink = Told()
    both = [House(database, sink=sink), House(database, sink=sink)]
    await both[0].did(somebody(), "model.read")
    for house in both:
        await house.chainer.drain(OURS)
    assert [await house.chainer.sign(OURS) is not None for house in both] == [True, False]
    assert len(sink.heads) == 1


async def test_without_a_key_nothing_is_signed(database: Database) -> None:
    house = House(database, key=None)
    await house.did(somebody(), "model.read")
    house.at[0] += HEAD_AFTER
    await house.chainer.round()
    assert await house.chainer.sign(OURS) is None


async def test_a_chain_that_somebody_cut_off_is_signed_no_more(database: Database) -> None:
    house = House(database)
    await house.did(somebody(), *["model.read"] * 3)
    await house.chainer.drain(OURS)
    await house.chainer.sign(OURS)
    engine = owner_engine(url_of(database), "somebody")

    def cut(connection: Connection) -> None:
        events = table_of(AuditEventRow)
        with owning(connection, OURS, (events.name,)):
            connection.execute(events.delete().where(events.c.seq > 1))

    async with engine.begin() as connection:
        await connection.run_sync(cut)
    await engine.dispose()
    assert await house.chainer.sign(OURS) is None
    with pytest.raises(NotWhole, match="ends at event 1, and a head was signed at event 3"):
        await house.verified()


def url_of(database: Database) -> str:
    assert isinstance(database, SqliteDatabase)
    return f"sqlite:///{database._path}"


async def test_a_head_is_on_its_way_to_the_webhooks_that_want_it(database: Database) -> None:
    woken: list[UUID] = []
    bodies = Bodies(lambda kind, inner: f"{kind}:{inner}")
    house = House(database, sink=HeadNews(bodies, woken.append))
    wants = {"url": "https://example.com/hook", "events": '["audit.head"]', "state": "ACTIVE"}
    async with database.writing(OURS) as session:
        assert await session.add_if_absent(
            WebhookRow, **whole(WebhookRow, wants | {"id": UUID(int=3)})
        )
    await house.did(somebody(), "model.read")
    await house.chainer.drain(OURS)
    head = await house.chainer.sign(OURS)
    assert head is not None
    assert woken == [OURS]
    async with database.reading(OURS) as session:
        (delivery,) = await session.all(scope.select(DeliveryRow))
    body = orjson.loads(delivery["payload"])
    assert (body["type"], body["data"]["seq"]) == ("audit.head", 1)
    kept = list(heads_in([delivery["payload"]]))  # what a receiver keeps proves the chain
    assert kept == [head.signature]
    assert (await house.verified(*kept)).signed == 1
