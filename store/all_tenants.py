"""Who the tenants of a database are, all of them: for its operator, never for a server.

No session can ask this, since each belongs to one tenant. The operator holds the file, or a role
that row-level security does not bind; then this reads the ids, and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from store.errors import TRANSLATED, AccessRefused
from store.postgresql_address import address

_IDS: Final = "SELECT tenant_id FROM tenant ORDER BY tenant_id"
_SEES_ALL: Final = (
    "SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user"
)


async def all_tenants(url: str) -> list[UUID]:
    """The id of every tenant, in order. ``url`` is a SQLite file, or has a role that sees them.

    Raises AccessRefused for a role to which PostgreSQL would show none; DatabaseAway.
    """
    with TRANSLATED:
        if make_url(url).get_backend_name() == "sqlite":
            return await asyncio.to_thread(_in_file, url)
        return await _on_postgresql(url)


def _in_file(url: str) -> list[UUID]:
    from store.sqlite import file_of
    from store.sqlite_connection import open_file

    connection = open_file(file_of(url))
    try:
        connection.execute("PRAGMA query_only = ON")
        return [UUID(found) for (found,) in connection.execute(_IDS)]
    finally:
        connection.close()


async def _on_postgresql(url: str) -> list[UUID]:
    where, tls = address(url)
    engine = create_async_engine(
        where,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            **tls,
            "server_settings": {
                "application_name": "valor replay",
                "default_transaction_read_only": "on",
                "search_path": "public",
            },
        },
    )
    try:
        async with engine.connect() as connection:
            if not await connection.scalar(text(_SEES_ALL)):
                raise AccessRefused("PostgreSQL shows this role one tenant at a time.")
            return [UUID(str(found)) for found in await connection.scalars(text(_IDS))]
    finally:
        await engine.dispose()
