"""One socket whose other end is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from api.transports.lasting import Limits
from api.transports.messages import Message
from api.transports.sockets import Socket
from services.principal import Principal, Role
from services.sessions import Session

pytestmark = pytest.mark.anyio

QUERY = Message("subscribe", "1", {"query": "{ viewer { role } }"})


@pytest.mark.parametrize(
    ("kind", "gone", "began"),
    [("query", True, 0), ("subscription", True, 0), ("mutation", True, 1), ("query", False, 1)],
)
async def test_what_nobody_waits_for_any_more_does_not_begin_unless_it_changes_something(
    kind: str, gone: bool, began: int
) -> None:
    """Two hundred dear questions and a reset: they were all answered, into the void."""
    kept: list[Any] = []

    async def told(*_: object) -> str:
        return kind

    def keep(work: Any) -> Any:
        work.close()
        kept.append(work)
        return SimpleNamespace(add_done_callback=lambda _: None)

    sockets: Any = SimpleNamespace(
        executor=SimpleNamespace(kind=told),
        lasting=SimpleNamespace(limits=Limits(), enter=lambda _: 0),
        meter=SimpleNamespace(sockets=0, subscriptions=0),
        keep=keep,
    )
    line: Any = SimpleNamespace(disconnected=gone, behind=False)
    unused: Any = None
    socket = Socket(sockets, line, unused, unused)
    who = Principal(
        tenant_id=UUID(int=1),
        member_id=UUID(int=2),
        role=Role.ANALYST,
        session_id="session",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    socket.session = Session(who, unused)
    await socket._subscribe(QUERY)
    assert len(kept) == began
