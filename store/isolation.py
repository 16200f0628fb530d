"""The SQL by which a database keeps tenants apart by itself. Migrations run it.

PostgreSQL: row-level security, forced on the owner too, with one policy: a row's tenant
is the transaction's ``valor.tenant_id``. Without that setting there are no rows.

SQLite: triggers before every change compare the row's tenant with ``valor_tenant()``, a
function that only our connections have; on any other connection a change fails. Reading
is guarded on the connection itself (``store.sqlite``).

What a released migration has run must not change: a new idea is a new function here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_TENANT = "(SELECT nullif(current_setting('valor.tenant_id', true), '')::uuid)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """A table with a ``tenant_id``, and what the serving role may do to its rows."""

    table: str
    verbs: tuple[str, ...]  # of SELECT, INSERT, UPDATE, DELETE


def postgresql_isolation(isolated: Isolated, application_role: str) -> Iterator[str]:
    """Row-level security, forced, and the serving role's rights. ``application_role`` quoted."""
    table = isolated.table
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield (
        f"CREATE POLICY tenant_isolation ON {table} "
        f"USING (tenant_id = {_TENANT}) WITH CHECK (tenant_id = {_TENANT})"
    )
    yield f"GRANT {', '.join(isolated.verbs)} ON {table} TO {application_role}"


def sqlite_isolation(isolated: Isolated) -> Iterator[str]:
    """One trigger for each way to change a row; a verb that is not allowed always fails."""
    table = isolated.table
    foreign = {
        "INSERT": "NEW.tenant_id IS NOT valor_tenant()",
        "UPDATE": "OLD.tenant_id IS NOT valor_tenant() OR NEW.tenant_id IS NOT valor_tenant()",
        "DELETE": "OLD.tenant_id IS NOT valor_tenant()",
    }
    for verb, condition in foreign.items():
        when = condition if verb in isolated.verbs else "1"
        yield (
            f"CREATE TRIGGER {table}_{verb.lower()}_tenant BEFORE {verb} ON {table} "
            f"WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
