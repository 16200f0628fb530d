"""A development tenant that may ask as often as a benchmark does: with a contract that says so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final
from uuid import UUID

from api.embedded import DEMO_TENANT
from store.database import Database
from store.tenants import change, find

CONTRACT: Final = '{"contract":{"points_per_minute":1000000000,"requests_per_minute":100000000}}'


def lift(home: Path, tenant_id: UUID = DEMO_TENANT) -> None:
    """For the SQLite file in a server's folder. Felt within ten seconds, at the first request at
    once."""
    asyncio.run(lifted(f"sqlite:///{home / 'valor.db'}", tenant_id))


async def lifted(url: str, tenant_id: UUID = DEMO_TENANT) -> None:
    """For a database that is there."""
    database = Database.open(url)
    try:
        async with database.writing(tenant_id) as session:
            tenant = await find(session)
            if tenant is None:
                raise LookupError(f"there is no tenant {tenant_id} at {url}")
            await change(session, tenant, settings=CONTRACT)
    finally:
        await database.close()
