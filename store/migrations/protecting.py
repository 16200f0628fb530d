"""What each step that makes tables ends with: the database keeps their tenants apart."""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op

from store.isolation import Isolated, postgresql_isolation, sqlite_isolation


def serving_role() -> str:
    """The role that serves on PostgreSQL, quoted, as `valor migrate` names it to Alembic."""
    config = op.get_context().config
    if config is None:
        raise RuntimeError("steps are run by store.migrate, which says for which role")
    role: str = config.attributes["application_role"]
    return role


def protect(isolated: Iterable[Isolated]) -> None:
    """Isolate tables that this step has made."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for each in isolated:
        statements = (
            sqlite_isolation(each) if sqlite else postgresql_isolation(each, serving_role())
        )
        for statement in statements:
            op.execute(statement)
