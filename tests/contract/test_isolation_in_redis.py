"""What two tenants do at once leaves each its own names in Redis, and no word in the other's.

A server with a Redis of its own, which tells everything that it is asked (MONITOR). Operations are
drawn at random under two tenants; each command that names a key or a channel names one of the
tenant that was at work or of the system, and what is in it holds nothing of the other's.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from collab import keys
from services.principal import Role
from store.directory import SYSTEM
from tests.dcf_documents import firm
from tests.mirror.collab.by_hand import OwnRedis
from tests.served import OURS, THEIRS, Served, served
from tests.sockets import Talk, talking, until

pytestmark = pytest.mark.anyio

OPERATIONS: Final = 150
SEED: Final = 20261123
NAME: Final = re.compile(r"v1:\{([0-9a-f-]{36})(?::([0-9a-f-]{36}))?\}:[\w:.\-]+")
# Commands about the server itself, which name neither a key nor a channel.
OF_THE_SERVER: Final = frozenset(
    {"HELLO", "CLIENT", "PING", "SELECT", "SCRIPT", "INFO", "TIME", "AUTH", "QUIT", "MONITOR"}
    | {"SCAN"}  # by which this test itself asks for all names
)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(own_redis: OwnRedis, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "home", VALOR_REDIS_URL=own_redis.url) as server:
        yield server


@asynccontextmanager
async def overheard(url: str) -> AsyncIterator[list[str]]:
    """Every command that a Redis gets during the block."""
    told: list[str] = []
    async with redis.asyncio.Redis.from_url(url) as client, client.monitor() as monitor:

        async def listen() -> None:
            async for command in monitor.listen():
                told.append(command["command"])  # noqa: PERF401 - it is read while it grows

        task = asyncio.create_task(listen())
        try:
            yield told
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Analyst:
    """One tenant's member at one socket: does things at random, and keeps all that is heard."""

    def __init__(self, talk: Talk, word: str, chance: Random) -> None:
        self.talk, self.word, self.chance = talk, word, chance
        self.models: list[str] = []
        self.rooms: dict[str, str] = {}  # operation -> model
        self.heard: list[str] = []
        self._answered: dict[str, dict[str, Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for text in self.talk.socket:
            told = json.loads(text)
            if told["type"] == "ping":
                await self.talk.say("pong")
                continue
            self.heard.append(str(text))
            if told["type"] in ("next", "error") and told["id"] not in self.rooms:
                self._answered[told["id"]] = told

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        id_ = uuid4().hex
        await self.talk.subscribe(id_, query, **variables)
        await until(lambda: id_ in self._answered)
        told = self._answered[id_]
        assert told["type"] == "next", told
        found: dict[str, Any] = told["payload"]["data"]
        return found

    async def act(self) -> None:
        ways = (
            [self.make] if len(self.models) < 3 else [self.edit, self.edit, self.move, self.enter]
        )
        await self.chance.choice([*ways, self.run])()

    async def make(self) -> None:
        made = await self.ask(
            "mutation ($i: CreateModelInput!) { createModel(input: $i) "
            "{ ... on FinancialModel { id } } }",
            i={"name": f"{self.word} model", "inputs": {"dcf": firm()}},
        )
        self.models.append(made["createModel"]["id"])
        await self.enter()

    async def enter(self) -> None:
        model = self.chance.choice(self.models)
        if model in self.rooms.values():
            return
        id_ = uuid4().hex
        self.rooms[id_] = model
        query = (
            "subscription ($m: ID!) { collaboration(modelId: $m) { seq members { id } "
            "cursors { path } edits { operationId changes { to } } } }"
        )
        await self.talk.subscribe(id_, query, m=model)

    async def edit(self) -> None:
        await self.ask(
            "mutation ($m: ID!, $op: ID!, $n: String!) { editModel(id: $m, operationId: $op, "
            'edits: [{path: "name", value: {text: $n}}]) { __typename } }',
            m=self.chance.choice(self.models),
            op=f"{self.word}-{uuid4().hex}",
            n=f"{self.word} {self.chance.random()}",
        )

    async def move(self) -> None:
        await self.ask(
            'mutation ($m: ID!) { moveCursor(modelId: $m, cursor: {path: "name"}) }',
            m=self.chance.choice(list(self.rooms.values())),
        )

    async def run(self) -> None:
        started = await self.ask(
            "mutation ($i: DcfInput!, $op: ID!) { startSimulation(input: {source: {dcf: $i}, spec: "
            '{trials: 100, shocks: [{path: "capital.wacc", distribution: '
            "{normal: {standardDeviation: 0.01}}}]}}, operationId: $op) "
            "{ __typename ... on Run { id } } }",
            i=firm(),
            op=f"{self.word}-{uuid4().hex}",
        )
        run = started["startSimulation"].get("id")
        if run is not None:
            id_ = uuid4().hex
            self.rooms[id_] = run
            query = "subscription ($r: ID!) { runProgress(id: $r) { state } }"
            await self.talk.subscribe(id_, query, r=run)


WORDS: Final = {OURS: "pear-of-ours", THEIRS: "plum-of-theirs"}


async def at_work(server: Served) -> dict[UUID, Analyst]:
    """Both tenants at once, in an order drawn at random; and what they heard."""
    chance = Random(SEED)  # noqa: S311 - the same each time
    tokens = [server.token(Role.OWNER, tenant) for tenant in WORDS]
    async with (
        talking(server.origin, tokens[0]) as ours,
        talking(server.origin, tokens[1]) as theirs,
    ):
        there = {
            tenant: Analyst(talk, word, chance)
            for (tenant, word), talk in zip(WORDS.items(), (ours, theirs), strict=True)
        }
        for _ in range(OPERATIONS):
            await chance.choice(list(there.values())).act()
        await until(lambda: all(len(one.heard) > OPERATIONS // 2 for one in there.values()))
        return there


async def test_neither_tenant_has_a_name_of_the_others_or_hears_of_it(
    own_redis: OwnRedis, server: Served, record_property: Callable[[str, object], None]
) -> None:
    async with overheard(own_redis.url) as commands:
        there = await at_work(server)
        async with redis.asyncio.Redis.from_url(own_redis.url, decode_responses=True) as client:
            held = [key async for key in client.scan_iter()]
    tenants = {str(OURS): WORDS[OURS], str(THEIRS): WORDS[THEIRS]}
    named = 0
    for command in commands:
        verb = command.split(" ", 1)[0].strip('"').upper()
        owners = {found[1] for found in NAME.finditer(command)}
        if verb in OF_THE_SERVER and not owners:
            continue
        named += 1
        assert owners, f"no tenant is named by: {command[:300]}"
        assert len(owners) == 1 or verb in ("SUBSCRIBE", "UNSUBSCRIBE"), command[:300]
        assert owners <= {*tenants, str(SYSTEM)}, command[:300]
        for owner, word in tenants.items():
            if owner not in owners:
                assert word not in command, f"of another tenant: {command[:300]}"
    assert all(NAME.fullmatch(key) for key in held), held
    for tenant, analyst in there.items():
        (other,) = (word for of, word in WORDS.items() if of != tenant)
        assert not [text for text in analyst.heard if other in text]
        assert [text for text in analyst.heard if WORDS[tenant] in text]
    assert {found[1] for key in held for found in NAME.finditer(key)} >= set(tenants)
    record_property(
        "says",
        f"isolation in Redis: {OPERATIONS} operations, {named} commands with names, "
        f"{len(held)} keys, foreign: 0",
    )


def makers() -> Iterator[tuple[str, Callable[..., str | keys.Channel], list[str]]]:
    """Every maker of names there is: what it is called, and what its arguments are."""
    for name, maker in inspect.getmembers(keys, inspect.isfunction):
        if maker.__module__ == keys.__name__ and not name.startswith("_"):
            yield name, maker, list(inspect.signature(maker).parameters)

    def room(tenant_id: UUID, of: UUID) -> str:
        return keys.RoomKey(tenant_id, of).named("x") + keys.RoomKey(tenant_id, of).channel.name

    yield "RoomKey", room, ["tenant_id", "of"]


@given(st.uuids(), st.uuids(), st.uuids())
def test_every_maker_of_names_puts_its_tenant_first_and_no_two_tenants_share_a_name(
    one: UUID, other: UUID, of: UUID
) -> None:
    for name, maker, parameters in makers():
        first, *rest = parameters
        assert first in ("tenant_id", "system"), f"{name} does not begin with whose it is"
        named = [maker(tenant, *(of for _ in rest)) for tenant in (one, other)]
        for tenant, channel in zip((one, other), named, strict=True):
            assert isinstance(channel, str) or channel.owner.startswith(tenant.bytes), name
        made = [each if isinstance(each, str) else each.name for each in named]
        assert made[0].startswith((f"v1:{{{one}}}:", f"v1:{{{one}:")), name
        assert one == other or made[0] != made[1], name
