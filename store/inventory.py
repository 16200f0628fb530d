"""What a database holds, counted: for backups, and for what was restored from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, inspect, text

from store.backup_manifest import BackupRefused, Inventory, moment
from store.migrate import APPLICATION_ROLE, declared_at
from store.protection import VERSION_TABLE, unprotected

# A log is only ever added to, so that it never has fewer rows than it had.
LOGS: Final = ("operation", "model_snapshot", "own_company_change")


def inventory_of(connection: Connection) -> Inventory:
    """Count everything, in one transaction. The connection must see all tenants' rows.

    Raises BackupRefused where there is no schema of ours.
    """
    found = set(inspect(connection).get_table_names())
    if VERSION_TABLE.table not in found:
        raise BackupRefused(
            "There is nothing in this database to back up. Begin with: valor migrate"
        )
    tables = sorted(found - {VERSION_TABLE.table})
    rows = {table: _one(connection, f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - names from the catalogue
    has_operations = "operation" in rows
    return Inventory(
        schema=_one(connection, f"SELECT version_num FROM {VERSION_TABLE.table}"),  # noqa: S608 - a name of ours
        tenants=rows.get("tenant", 0),
        rows=rows,
        operations=rows.get("operation", 0),
        last_operation_at=_moment(_one(connection, "SELECT max(at) FROM operation"))
        if has_operations
        else None,
    )


def faults_of(connection: Connection, then: Inventory, *, exactly: bool) -> Iterator[str]:
    """What is wrong with a restored database, one sentence each.

    ``then`` is what its backup counted; ``exactly`` where nothing could change since.
    """
    now = inventory_of(connection)
    for table, before in then.rows.items():
        after = now.rows.get(table)
        if after is None:
            yield f"{table} is not there."
        elif (exactly and after != before) or (table in LOGS and after < before):
            yield f"{table} has {after:,} rows, and had {before:,}."
    if now.schema < then.schema:
        yield f"The schema is at {now.schema}, and was at {then.schema}."
    for wrong in unprotected(connection, declared_at(now.schema), APPLICATION_ROLE):
        yield f"Tenants are not kept apart: {wrong}."


def _one(connection: Connection, query: str) -> Any:
    return connection.execute(text(query)).scalar()


def _moment(found: datetime | str | None) -> str | None:
    if found is None:
        return None
    at = datetime.fromisoformat(found) if isinstance(found, str) else found
    return moment(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
