"""A real SQLite file with two tenants in it, for services that keep things."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from services.compute import Compute
from services.principal import Principal, Role
from services.tenants import TenantService
from store.database import Database
from tests.mirror.services.tenants_at_work import tenant_service
from tests.mirror.store.conftest import sqlite_template
from tests.mirror.store.world import OURS, opened, settle

__all__ = ["sqlite_template"]


def principal(role: Role = Role.ANALYST, tenant_id: UUID = OURS) -> Principal:
    """Somebody who asks; by default an analyst of ours."""
    return Principal(
        tenant_id=tenant_id,
        member_id=UUID(int=1),
        role=role,
        session_id="session",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(sqlite_template, tmp_path / "valor.db")
    async with opened(f"sqlite:///{file}") as database:
        await settle(database)
        yield database


@pytest.fixture
def tenants(database: Database) -> TenantService:
    return tenant_service(database)


@pytest.fixture
def compute() -> Iterator[Compute]:
    compute = Compute()
    yield compute
    compute.close()
