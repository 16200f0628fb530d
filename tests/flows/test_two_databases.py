"""The same on SQLite and on PostgreSQL; and what happens when the database, or Redis, is away."""

from __future__ import annotations

import asyncio
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from services.principal import Role
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.flows.wire import Wire
from tests.mirror.store.conftest import OWNER, SERVING, administer, postgres_roles, role_url
from tests.served import OURS, THEIRS, Caller, Served, served

__all__ = ["postgres_roles"]

DEADLINE_S: Final = 60.0
VALUE: Final = """mutation ($input: DcfInput!) { valueDcf(input: $input) {
  __typename ... on Refusal { code } ... on DcfValuation { id valuePerShare computedAt } } }"""
FIND: Final = """query ($id: ID!) { valuation(id: $id) {
  id computedAt inputs ... on DcfValuation { valuePerShare } } }"""


@dataclass(frozen=True)
class Place:
    """A server on one kind of database, and how to take that away and give it back."""

    kind: str
    server: Served
    away: Callable[[], None]
    back: Callable[[], None]


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("sqlite")

    def move(source: str, target: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            if (home / f"{source}{suffix}").exists():
                (home / f"{source}{suffix}").rename(home / f"{target}{suffix}")

    with served(home) as server:
        yield Place(
            "sqlite",
            server,
            lambda: move("valor.db", "away.db"),
            lambda: move("away.db", "valor.db"),
        )


@pytest.fixture(scope="module")
def redis_wire(redis_url: str) -> Iterator[Wire]:
    parts = urlsplit(redis_url)
    with Wire(str(parts.hostname), int(parts.port or 0)) as wire:
        yield wire


@pytest.fixture(scope="module")
def postgresql(
    postgres_url: str,
    postgres_roles: None,
    redis_wire: Wire,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """Served by the application role, through a wire; migrated by the owner's."""
    name = f"flow_{os.getpid()}"
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    parts = urlsplit(postgres_url)
    with Wire(str(parts.hostname), int(parts.port or 0)) as wire:
        environment: dict[str, Any] = {
            "VALOR_DATABASE_URL": f"postgresql://{SERVING}@127.0.0.1:{wire.port}/{name}",
            "VALOR_DATABASE_OWNER_URL": role_url(postgres_url, OWNER, name),
            "VALOR_REDIS_URL": f"redis://127.0.0.1:{redis_wire.port}/0",
        }
        with served(tmp_path_factory.mktemp("postgresql"), **environment) as server:
            yield Place("postgresql", server, wire.cut, wire.mend)
    asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def caller(place: Place) -> Iterator[Caller]:
    with place.server.caller() as caller:
        yield caller


def soon(what: str, ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """The first answer with a status: a check's answer may be a second old."""
    end = time.monotonic() + DEADLINE_S
    while (response := ask()).status_code != status:
        assert time.monotonic() < end, f"{what}: {response.status_code} {response.text[:300]}"
        time.sleep(0.02)
    return response


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


def test_a_valuation_is_kept_found_and_of_one_moment(caller: Caller) -> None:
    first = caller.data(VALUE, {"input": firm()})["valueDcf"]
    again = caller.data(VALUE, {"input": firm()})["valueDcf"]
    found = caller.data(FIND, {"id": first["id"]})["valuation"]
    assert first["valuePerShare"] == WORTH_A_SHARE
    assert first == again
    assert {name: found[name] for name in ("id", "computedAt", "valuePerShare")} == {
        name: first[name] for name in ("id", "computedAt", "valuePerShare")
    }


def test_both_databases_keep_it_under_the_same_id_with_the_same_number(
    sqlite: Place, postgresql: Place
) -> None:
    told = []
    for place in (sqlite, postgresql):
        with place.server.caller() as caller:
            told.append(caller.data(VALUE, {"input": firm()})["valueDcf"])
    assert told[0]["id"] == told[1]["id"]
    assert told[0]["valuePerShare"] == told[1]["valuePerShare"]


def test_tenants_are_apart(place: Place, caller: Caller) -> None:
    ours = caller.data(VALUE, {"input": firm(marketPrice=3.0)})["valueDcf"]
    with place.server.caller(Role.OWNER, THEIRS) as stranger:
        assert codes(stranger.ask(FIND, {"id": ours["id"]})) == ["NOT_FOUND"]
        assert stranger.data("{ tenant { slug members { name } } }")["tenant"]["slug"] == "theirs"
    assert caller.data("{ tenant { slug } }")["tenant"]["slug"] == "ours"


def test_members_and_viewer_are_read(caller: Caller) -> None:
    told = caller.data(
        "{ viewer { member { name role } tenant { plan } } tenant { members { name } } }"
    )
    assert told["viewer"]["member"] == {"name": "Analyst", "role": "ANALYST"}
    assert [member["name"] for member in told["tenant"]["members"]] == [
        "Admin",
        "Analyst",
        "Owner",
        "Viewer",
    ]


@pytest.mark.parametrize(
    "inner",
    [
        "DcfValuation:\0",
        "DcfValuation:a\0b",
        "DcfValuation:" + "x" * 99_999,
        "DcfValuation:\U0001f4a3",
    ],
)
def test_an_id_that_a_database_could_choke_on_is_not_found(caller: Caller, inner: str) -> None:
    given = urlsafe_b64encode(inner.encode()).decode().rstrip("=")
    assert codes(caller.ask(FIND, {"id": given})) == ["NOT_FOUND"]


def test_many_at_once_get_one_moment_each(place: Place) -> None:
    """The same inputs from many callers at the same time: one row, and everybody hears of it."""

    def one(number: int) -> tuple[str, str]:
        with place.server.caller() as caller:
            given = {"input": firm(marketPrice=50.0 + number % 4)}
            # While a machine stands still the wait for a connection may run out: an overload.
            told = soon("kept", lambda: caller.post(VALUE, given), 200).json()["data"]["valueDcf"]
            return told["id"], told["computedAt"]

    with ThreadPoolExecutor(8) as crowd:
        told = set(crowd.map(one, range(48)))
    assert len(told) == len({valuation_id for valuation_id, _ in told}) == 4


def test_postgresql_is_served_by_a_role_that_owns_nothing(
    postgresql: Place, postgres_url: str
) -> None:
    with postgresql.server.caller() as caller:
        caller.data(VALUE, {"input": firm()})

    async def roles() -> set[str]:
        name = urlsplit(postgresql.server.parts.settings.database_url).path.removeprefix("/")
        connection = await asyncpg.connect(postgres_url)
        try:
            found = await connection.fetch(
                # A vacuum of PostgreSQL's own may look in at any moment, as nobody.
                "SELECT DISTINCT usename FROM pg_stat_activity"
                " WHERE datname = $1 AND backend_type = 'client backend'",
                name,
            )
        finally:
            await connection.close()
        return {row["usename"] for row in found}

    assert asyncio.run(roles()) == {SERVING}


def test_health_names_redis_where_it_is_set_up(postgresql: Place) -> None:
    with postgresql.server.caller() as caller:
        body = soon("health", lambda: caller.http.get("/health"), 200).json()
    checks = {check["name"]: check["state"] for check in body["checks"]}
    assert (checks["database"], checks["redis"]) == ("PASS", "PASS")


def test_a_database_that_is_away_is_an_overload_and_when_it_is_back_all_is_well(
    place: Place, caller: Caller
) -> None:
    kept = caller.data(VALUE, {"input": firm()})["valueDcf"]
    place.away()
    try:
        no = soon("away", lambda: caller.post(VALUE, {"input": firm(marketPrice=7.0)}), 503)
        assert codes(no.json()) == ["OVERLOADED"]
        assert int(no.headers["retry-after"]) >= 1
        assert no.json()["errors"][0]["message"] == (
            "The database cannot answer now. Try again in a second."
        )
        find = caller.post(FIND, {"id": kept["id"]})
        assert (find.status_code, codes(find.json())) == (503, ["OVERLOADED"])
        tenant = caller.post("{ tenant { name } }")
        assert (tenant.status_code, codes(tenant.json())) == (503, ["OVERLOADED"])
        # A shipped company might hide the tenant's own, so nobody is told of one meanwhile.
        companies = caller.post("{ companies { ticker } }")
        assert (companies.status_code, codes(companies.json())) == (503, ["OVERLOADED"])
        # What needs no database is answered.
        assert caller.data("{ viewer { role } }")["viewer"]["role"] == "ANALYST"
        health = soon("health", lambda: caller.http.get("/health"), 503).json()
        assert health["state"] == "FAIL"
        database = next(check for check in health["checks"] if check["name"] == "database")
        assert database["state"] == "FAIL"
        assert "127.0.0.1" not in str(health)
        ready = soon("ready", lambda: caller.http.get("/health/ready"), 503).json()
        assert ready["failing"] == ["database"]
        assert caller.http.get("/health/live").status_code == 200  # nobody is to kill it for that
    finally:
        place.back()
    soon("ready again", lambda: caller.http.get("/health/ready"), 200)
    soon("back", lambda: caller.post(VALUE, {"input": firm(marketPrice=7.0)}), 200)
    assert caller.data(FIND, {"id": kept["id"]})["valuation"]["computedAt"] == kept["computedAt"]


def test_redis_that_is_away_is_seen_and_stops_no_valuation(
    postgresql: Place, redis_wire: Wire
) -> None:
    def redis_state(caller: Caller) -> str:
        checks = caller.http.get("/health").json()["checks"]
        return str(next(check["state"] for check in checks if check["name"] == "redis"))

    with postgresql.server.caller() as caller:
        redis_wire.cut()
        try:
            end = time.monotonic() + DEADLINE_S
            while redis_state(caller) == "PASS":
                assert time.monotonic() < end
            assert caller.data(VALUE, {"input": firm()})["valueDcf"]["valuePerShare"]
        finally:
            redis_wire.mend()
        end = time.monotonic() + DEADLINE_S
        while redis_state(caller) != "PASS":
            assert time.monotonic() < end


def test_what_was_kept_outlives_the_server(tmp_path: Path) -> None:
    with served(tmp_path) as server, server.caller() as caller:
        kept = caller.data(VALUE, {"input": firm()})["valueDcf"]
    with served(tmp_path) as server, server.caller() as caller:
        found = caller.data(FIND, {"id": kept["id"]})["valuation"]
    assert found["computedAt"] == kept["computedAt"]
    assert str(OURS) not in str(found)
