"""The only door to a tenant's rows: every statement about them is built here.

A statement built here carries the tenant's criterion as the bound value ``SCOPE``, and
only a session, or the database's own ``first`` and ``insert_once``, fills it in, with
the tenant it was opened for. So a statement can be made once, for the life of the
process, and cannot be run for anyone but the caller. The databases check the same again
by themselves; this door is there so that they never have to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Insert,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    true,
)
from sqlalchemy import select as select_columns
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite

from store.tables import Row, table_of

SCOPE = "scope_tenant"
SCOPE_TEXT = "scope_tenant_text"
TENANT_SETTING = "valor.tenant_id"

_MARK = {"valor_scoped": True}


def _tenant() -> BindParameter[Any]:
    return bindparam(SCOPE, type_=Uuid())


def is_scoped(statement: Any) -> bool:
    """Whether the statement came through this door."""
    return bool(statement.get_execution_options().get("valor_scoped"))


def select(row: type[Row], *names: str) -> Select[Any]:
    """The tenant's rows: the named columns, or all of them. ``.where(…)`` narrows it."""
    table = table_of(row)
    columns = [table.c[name] for name in names] if names else list(table.c)
    chosen = select_columns(*columns).where(table.c.tenant_id == _tenant())
    return chosen.execution_options(**_MARK)


def equals(row: type[Row], name: str) -> Any:
    """The criterion that a column equals the value given by its own name at each run."""
    column = table_of(row).c[name]
    return column == bindparam(name, type_=column.type)


def _values(row: type[Row]) -> dict[str, BindParameter[Any]]:
    named = {
        column.name: bindparam(column.name, type_=column.type) for column in table_of(row).columns
    }
    return named | {"tenant_id": _tenant()}


def insert_if_absent(row: type[Row], dialect_name: str) -> Insert:
    """Insert a row of the tenant; nothing happens where its key is already there."""
    table = table_of(row)
    kind = insert_on_sqlite if dialect_name == "sqlite" else insert_on_postgresql
    insert = kind(table).values(_values(row))
    return insert.on_conflict_do_nothing(index_elements=list(table.primary_key)).execution_options(
        **_MARK
    )


@dataclass(frozen=True, slots=True, eq=False)
class InsertOnce:
    """A row that the first writer makes; whoever comes later learns one column of it."""

    row: type[Row]
    tells: str

    def first_on_record(self) -> Select[Any]:
        """The told column of the row that is there, by its key."""
        statement = select(self.row, self.tells)
        for column in table_of(self.row).primary_key:
            if column.name != "tenant_id":
                statement = statement.where(equals(self.row, column.name))
        return statement

    def in_one_statement(self) -> CompoundSelect[Any]:
        """PostgreSQL: set the tenant, insert, and tell, in one statement and one round trip.

        The tenant's id of the new row *is* the answer of ``set_config``, so the setting
        stands before row-level security looks at the row; were it ever otherwise, the
        policy would refuse the row. ``true`` ends the setting with this transaction.
        The second half sees the row of an earlier transaction. It is empty, like the
        first, when another transaction inserts the row at this very moment: then
        ``first_on_record`` has to be asked.
        """
        table = table_of(self.row)
        values = _values(self.row)
        setting = func.set_config(
            literal_column(f"'{TENANT_SETTING}'"), bindparam(SCOPE_TEXT, type_=String()), true()
        )
        new = select_columns(
            *(
                cast(setting, Uuid()) if column.name == "tenant_id" else values[column.name]
                for column in table.columns
            )
        )
        told = table.c[self.tells]
        inserted = (
            insert_on_postgresql(table)
            .from_select([column.name for column in table.columns], new)
            .on_conflict_do_nothing(index_elements=list(table.primary_key))
            .returning(told)
            .cte("inserted")
        )
        return select_columns(inserted.c[self.tells]).union_all(self.first_on_record())
