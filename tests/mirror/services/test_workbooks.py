"""Workbooks are written by a worker process, so that nobody else waits for them."""

from __future__ import annotations

import subprocess
import sys
from typing import cast

import pytest

from services.errors import Overloaded
from services.kinds import CREDIT, DCF
from services.principal import Principal
from services.refusals import DeadlineMissed, Unsupported
from services.valuations import KeptId, Recorded, ValuationService
from services.workbook.export import workbook_of
from services.workbooks import WorkbookService
from services.workers import ROOT, WorkerPool
from tests.admitted import Unseen
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.mirror.services.computing import pool_of
from tests.workbooks import recorded

pytestmark = pytest.mark.anyio


class _One:
    """Every valuation that is asked for is the same."""

    def __init__(self, valuation: Recorded) -> None:
        self._valuation = valuation

    async def find_named(self, _principal: Principal, _asked: KeptId, _at: str) -> Recorded:
        return self._valuation


def service(valuation: Recorded, pool: WorkerPool, deadline_s: float = 60.0) -> WorkbookService:
    return WorkbookService(
        cast("ValuationService", _One(valuation)), pool, Unseen(), deadline_s=deadline_s
    )


ANYBODY = cast("Principal", None)
ANY = (KeptId("", ""), "valuation_id")


async def test_another_process_writes_the_same_bytes_and_refuses_in_the_same_words() -> None:
    valuation = recorded(DCF, firm())
    async with pool_of() as pool:
        written = await service(valuation, pool).export(ANYBODY, *ANY)
        assert written.content == workbook_of(valuation)
        assert written.name == f"dcf-{valuation.id[:12]}.xlsx"
        with pytest.raises(Unsupported, match="A credit valuation has no workbook"):
            await service(recorded(CREDIT, indebted()), pool).export(ANYBODY, *ANY)
        with pytest.raises(DeadlineMissed, match="Writing took longer"):
            await service(valuation, pool, deadline_s=1e-4).export(ANYBODY, *ANY)


async def test_when_too_many_wait_a_workbook_is_refused() -> None:
    async with pool_of() as pool:
        await pool.close()
        with pytest.raises(Overloaded):
            await service(recorded(DCF, firm()), pool).export(ANYBODY, *ANY)


def test_a_worker_process_needs_nothing_that_can_open_a_database() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import sys, services.worker; print(*sys.modules)"],
        env={"PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"store", "sqlalchemy", "strawberry"} & set(done.stdout.split())
