"""The owner of the tables as one tenant, able to remove what the role that serves cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from store.one_statement import TENANT_SETTING


@contextmanager
def owning(connection: Connection, tenant_id: UUID, tables: Sequence[str] = ()) -> Iterator[None]:
    """Until the block ends, the transaction is the tenant's and may remove rows of the tables.

    Where there are any, nobody administers the tenant until the transaction ends: no legal hold is
    placed between the look for one and the removal. On SQLite, which has no roles, the triggers
    that refuse it go, and come back with the same commit.
    """
    if connection.dialect.name != "sqlite":
        setting = {"setting": TENANT_SETTING, "tenant": str(tenant_id)}
        connection.execute(text("SELECT set_config(:setting, :tenant, true)"), setting)
        if tables:  # as ``store.changes`` does; SQLite has one writer
            held = "SELECT FROM tenant WHERE tenant_id = CAST(:tenant AS uuid) FOR NO KEY UPDATE"
            connection.execute(text(held), {"tenant": str(tenant_id)})
        yield
        return
    driver: Any = connection.connection.dbapi_connection
    driver.create_function("valor_tenant", 0, lambda: tenant_id.hex)
    refusing = [
        (name, sql)
        for name, sql in connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_delete_%'"
        ).all()
        if name.removesuffix("_delete_tenant") in tables
    ]
    for name, _ in refusing:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in refusing:
        connection.exec_driver_sql(sql)
