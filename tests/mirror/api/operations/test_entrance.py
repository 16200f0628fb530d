"""Whoever leaves before their request has begun has paid for the least there is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from threading import Event
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from graphql import DocumentNode

from api.operations.documents import Document, Documents
from api.operations.entrance import Entrance
from api.operations.request import Parameters
from observability.logs import Logs
from services.admission import Admission
from services.metering import Budget
from tests.admitted import SERVICES, Everybody
from tests.mirror.services.conftest import principal
from tests.the_schema import SCHEMA

pytestmark = pytest.mark.anyio

MANY = "{ models(first: 100) { edges { node { " + "name " * 100 + "} } } }"


class Counted:
    """What a tenant has used."""

    def __init__(self) -> None:
        self.amounts: Counter[str] = Counter()

    def count(self, _tenant_id: UUID, amounts: Mapping[str, int]) -> None:
        self.amounts.update(amounts)


async def test_who_leaves_while_a_document_is_validated_gets_the_rest_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, go_on, validated = asyncio.Event(), Event(), Document.validated
    loop = asyncio.get_running_loop()

    def slow(self: Document) -> DocumentNode:
        loop.call_soon_threadsafe(began.set)
        go_on.wait(30.0)
        return validated(self)

    monkeypatch.setattr(Document, "validated", slow)
    who: Any = SimpleNamespace(principal=principal())
    operation: Any = SimpleNamespace(named=lambda *_: None)
    counts = Counted()
    let_in = Admission(Everybody(), Budget(Logs("CRITICAL").get("test")), counts)
    entrance = Entrance(SERVICES, let_in, Documents(SCHEMA))
    asked = asyncio.ensure_future(entrance.begin(Parameters(MANY), who, operation))
    await began.wait()
    assert counts.amounts == {"requests": 1}
    asked.cancel()
    with suppress(asyncio.CancelledError):
        await asked
    go_on.set()
    assert counts.amounts == {"requests": 1, "points": 1}
