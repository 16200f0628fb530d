"""Processes that are killed in the middle of edits and of chaining lose nothing of the audit."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from observability.logs import Logs
from services.audit_chainer import AuditChainer
from services.audit_export import AuditExport
from services.audit_verification import Verification
from store.audit_chain import AuditChain
from store.audit_events import AuditEvents, EventFilter
from store.database import Database
from store.financial_models import FinancialModels
from tests.mirror.store.conftest import (
    database,
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import OURS, Place, model, operation

__all__ = [
    "database",
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "sqlite_template",
]
pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
ROUNDS, AT_ONCE, EDITS = 1, 2, 40


async def killed(url: str, name: str) -> set[str]:
    """What a process had acknowledged when it was killed, having come so far."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.audit_writer", url, name),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    told = [await process.stdout.readline() for _ in range(EDITS)]
    process.kill()
    told += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return {line.decode().strip() for line in told if line.endswith(b"\n")}


async def test_every_acknowledged_edit_and_look_is_in_the_chain_once_after_kill_9(
    place: Place, database: Database
) -> None:
    models = FinancialModels(database)
    await models.create(OURS, model(), operation())
    acknowledged: set[str] = set()
    for turn in range(ROUNDS):
        done = await asyncio.gather(
            *(killed(place.url, f"{turn}-{number}") for number in range(AT_ONCE))
        )
        acknowledged = acknowledged.union(*done)
    assert len(acknowledged) >= ROUNDS * AT_ONCE * EDITS

    chain, events = AuditChain(database), AuditEvents(database)
    await AuditChainer(chain, Logs("CRITICAL").get("audit")).drain(OURS)
    assert not await chain.waits(OURS)
    verification = Verification(None)
    async for page in AuditExport(chain, events).pages(OURS):
        for line in page:
            verification.take(line)
    found = verification.close()

    links = await events.page(OURS, EventFilter(), limit=100_000)
    assert found.events == len(links)
    # The first operation made the model, and its entry names none.
    edits = [link.operation_id for link in links if link.operation_id is not None]
    looks = [link.subject for link in links if link.action == "model.read"]
    assert len(set(edits)) == len(edits)
    assert len(set(looks)) == len(looks)
    assert acknowledged <= set(edits)
    assert acknowledged <= set(looks)
    # An edit and its entry are there together or not at all, acknowledged or not.
    log = await models.operations(OURS, model().id, after=1, limit=100_000)
    assert {operation.operation_id for operation in log} == set(edits)
