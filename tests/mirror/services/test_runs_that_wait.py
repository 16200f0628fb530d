"""A run of a tenant that is suspended or stopped waits, and goes on when the tenant does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.compute import Compute
from services.run import RunState
from services.run_work import LEASE
from store.database import Database
from tests.mirror.services.conftest import principal
from tests.mirror.services.processes import asked, process
from tests.mirror.store.world import OURS

pytestmark = pytest.mark.anyio


async def test_a_run_that_may_not_begin_is_kept_and_begun_later(
    database: Database, compute: Compute
) -> None:
    async with process(database, compute) as here:
        may, looked = False, asyncio.Event()

        async def may_begin(tenant_id: UUID, kind: str) -> bool:
            assert (tenant_id, kind) == (OURS, "DCF")
            looked.set()
            return may

        here.work._may_begin = may_begin
        started = await here.start(asked())
        async with asyncio.timeout(60.0):
            await looked.wait()
            while here.work._held:  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.005)
        row = await here.kept(started)
        assert (row.state, row.attempts) == ("QUEUED", 0)
        may = True
        here.clock.now += LEASE + timedelta(seconds=1)
        await here.service.find(principal(), started.id)  # whoever looks at it takes it
        ended = await here.ended(started)
    assert ended.state is RunState.DONE
