"""A caller over a socket: many operations over one connection, and a reason for its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from api.terminals.caller import Lost, NoAnswer, NotAdmitted, calling, socket_address
from api.terminals.demo import CREATE
from api.terminals.join import RENEW, ROOM
from services.principal import Role
from tests.dcf_documents import firm
from tests.served import MEMBERS, OURS, Served

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine may stand still for longer than a person waits."""
    for bound in ("OPEN_WITHIN_S", "QUIET_S"):
        monkeypatch.setattr(f"api.terminals.caller.{bound}", 60.0)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/graphql"),
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/graphql"),
        ("https://valor.example.com", "wss://valor.example.com/graphql"),
        ("wss://valor.example.com/api/graphql", "wss://valor.example.com/api/graphql"),
    ],
)
def test_an_address_of_a_server_is_one_of_its_socket(url: str, address: str) -> None:
    assert socket_address(url) == address


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://", "http://x:0", "x"])
def test_what_is_no_address_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        socket_address(url)


async def test_many_operations_share_a_connection(server: Served) -> None:
    async with calling(socket_address(server.origin), server.token()) as caller:
        answers = await asyncio.gather(*(caller.ask("{ viewer { role } }", {}) for _ in range(20)))
        assert answers == [{"viewer": {"role": "ANALYST"}}] * 20


async def test_an_error_is_its_words_and_the_connection_goes_on(server: Served) -> None:
    async with calling(socket_address(server.origin), server.token()) as caller:
        with pytest.raises(NoAnswer, match="Cannot query field 'nope'"):
            await caller.ask("{ nope }", {})
        with pytest.raises(NoAnswer, match="There is no"):
            await caller.ask("query ($id: ID!) { model(id: $id) { id } }", {"id": "x"})
        assert await caller.ask("{ viewer { role } }", {})


async def test_a_session_is_renewed_and_a_room_is_followed(server: Served) -> None:
    given = {"name": "Orchard", "inputs": firm(), "operationId": "caller"}
    address = socket_address(server.origin)
    member = MEMBERS[Role.ANALYST]
    soon_over = server.issuer.issue(OURS, member, Role.ANALYST, timedelta(minutes=1))
    async with calling(address, soon_over) as caller:
        renewed = await caller.ask(RENEW, {"token": server.token()})
        assert renewed == {"renewSession": {"__typename": "Session"}}
        model_id = (await caller.ask(CREATE, given))["createModel"]["id"]
        async with aclosing(caller.follow(ROOM, {"id": model_id, "after": None})) as batches:
            batch = (await anext(batches))["collaboration"]
        assert batch["me"]["member"] == {"name": "Analyst"}


async def test_who_is_not_wanted_reads_why_and_whether_a_token_would_mend_it(
    server: Served,
) -> None:
    with pytest.raises(NotAdmitted, match="token is not valid") as no:
        async with calling(socket_address(server.origin), "nonsense"):
            pass
    assert no.value.for_token
    with pytest.raises(NotAdmitted, match="serves no sockets") as no:
        async with calling(f"{socket_address(server.origin)}x", server.token()):
            pass
    assert not no.value.for_token


async def test_nobody_there_is_a_loss() -> None:
    with pytest.raises(Lost, match="nobody listens"):
        async with calling("ws://127.0.0.1:1/graphql", "x"):
            pass


async def test_a_connection_that_breaks_ends_what_is_under_way(server: Served) -> None:
    async with calling(socket_address(server.origin), server.token()) as caller:
        given = {"name": "Orchard", "inputs": firm(), "operationId": "caller"}
        model_id = (await caller.ask(CREATE, given))["createModel"]["id"]
        async with aclosing(caller.follow(ROOM, {"id": model_id, "after": None})) as batches:
            await anext(batches)
            caller._connection.transport.abort()
            with pytest.raises(Lost, match="broke"):
                _ = [batch async for batch in batches]
        with pytest.raises(Lost):
            await caller.ask("{ viewer { role } }", {})
