"""The only door to a tenant's rows: every statement about them is built here.

A statement built here carries the tenant's criterion as the bound value ``SCOPE``, and
only a session, or the database's own ``first`` and ``insert_once``, fills it in, with
the tenant it was opened for. So a statement can be made once, for the life of the
process, and cannot be run for anyone but the caller. The databases check the same again
by themselves; this door is there so that they never have to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Update,
    Uuid,
    bindparam,
    func,
    tuple_,
)
from sqlalchemy import delete as delete_rows
from sqlalchemy import insert as insert_rows
from sqlalchemy import select as select_columns
from sqlalchemy import update as update_rows
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite

from store.errors import StoreError
from store.scoped import asks_for_its_tenant
from store.tables import Row, table_of

SCOPE = "scope_tenant"
NOTE = "note_"  # before the names of values that would be those of another row of the change

_CHECKED: WeakSet[Any] = WeakSet()  # looking at a statement costs as much as running it


def _tenant() -> BindParameter[Any]:
    return bindparam(SCOPE, type_=Uuid())


class Unscoped(StoreError):
    """A statement that does not ask for its tenant: a mistake in our code."""

    message = "Statements about a tenant's rows are built by store.scope."


def check(statement: Any) -> None:
    """Let nothing pass but what asks for its tenant, all through. Raises Unscoped."""
    if statement in _CHECKED:
        return
    if not asks_for_its_tenant(statement, SCOPE):
        raise Unscoped
    _CHECKED.add(statement)


def select(row: type[Row], *names: str) -> Select[Any]:
    """The tenant's rows: the named columns, or all of them. ``.where(…)`` narrows it."""
    table = table_of(row)
    columns = [table.c[name] for name in names] if names else list(table.c)
    return select_columns(*columns).where(table.c.tenant_id == _tenant())


def count(row: type[Row]) -> Select[Any]:
    """How many rows the tenant has. ``.where(…)`` narrows it."""
    table = table_of(row)
    counted = select_columns(func.count().label("count")).select_from(table)
    return counted.where(table.c.tenant_id == _tenant())


def update(row: type[Row], *names: str) -> Update:
    """Give the named columns of the tenant's rows the values of the same names.

    ``.where(…)`` narrows it; a value that is only compared with needs a name that no column
    has: ``scope.equals(RunRow, "id", called="run_id")``.
    """
    table = table_of(row)
    change = update_rows(table).values({name: given(row, name) for name in names})
    return change.where(table.c.tenant_id == _tenant())


def delete(row: type[Row]) -> Delete:
    """Remove the tenant's rows. ``.where(…)`` narrows it."""
    table = table_of(row)
    return delete_rows(table).where(table.c.tenant_id == _tenant())


def column(row: type[Row], name: str) -> Column[Any]:
    """A column, to compare and to order by."""
    return table_of(row).c[name]


def given(row: type[Row], name: str, called: str | None = None) -> BindParameter[Any]:
    """A value of a column's type, given at each run by the column's name or another."""
    return bindparam(called or name, type_=column(row, name).type)


def equals(row: type[Row], name: str, called: str | None = None) -> ColumnElement[bool]:
    """The criterion that a column equals the value given by its own name, or another."""
    return column(row, name) == given(row, name, called)


def among(row: type[Row], names: Sequence[str], called: str) -> ColumnElement[bool]:
    """The criterion that a column has one of a list of values; several: one of tuples."""
    columns = [column(row, name) for name in names]
    several = tuple_(*columns) if len(columns) > 1 else columns[0]
    return several.in_(bindparam(called, expanding=True))


def beyond(row: type[Row], names: Sequence[str], *, descending: bool) -> ColumnElement[bool]:
    """The criterion that a row comes after the one given as ``after_<name>``, in that order."""
    here = tuple_(*(column(row, name) for name in names))
    there = tuple_(*(given(row, name, f"after_{name}") for name in names))
    return here < there if descending else here > there


def values_of(row: type[Row], before: str = "") -> dict[str, ColumnElement[Any]]:
    """A value for each column of a new row, given by its name; the tenant's by the session.

    ``before``: what stands before the columns' names where the values are given.
    """
    named: dict[str, ColumnElement[Any]] = {
        column.name: given(row, column.name, before + column.name)
        for column in table_of(row).columns
    }
    return named | {"tenant_id": _tenant()}


def insert(row: type[Row], before: str = "") -> Insert:
    """Insert a row of the tenant. It is an error where its key is already there."""
    return insert_rows(table_of(row)).values(values_of(row, before))


def insert_if_absent(row: type[Row], dialect_name: str) -> Insert:
    """Insert a row of the tenant; nothing happens where its key is already there."""
    table = table_of(row)
    kind = insert_on_sqlite if dialect_name == "sqlite" else insert_on_postgresql
    insert_row = kind(table).values(values_of(row))
    return insert_row.on_conflict_do_nothing(index_elements=list(table.primary_key))


@dataclass(frozen=True, slots=True, eq=False)
class InsertOnce:
    """A row that the first writer makes; whoever comes later learns one column of it.

    ``noting``: a row that is added beside it in any case, its values named ``NOTE`` + column.
    """

    row: type[Row]
    tells: str
    noting: type[Row] | None = None

    def first_on_record(self) -> Select[Any]:
        """The told column of the row that is there, by its key."""
        statement = select(self.row, self.tells)
        for column in table_of(self.row).primary_key:
            if column.name != "tenant_id":
                statement = statement.where(equals(self.row, column.name))
        return statement


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is looked at before a change: of each select the first row, all at one moment.

    The first column of each is one that is never null, so that a row is known to be there.
    """

    selects: tuple[Select[Any], ...]
    changing: int | None = None  # which of them is the row to be changed; None: a new one is made
    alone: bool = False  # what was counted stays so: nobody of the tenant decides alone meanwhile

    def __post_init__(self) -> None:
        for statement in self.selects:
            check(statement)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A row that is changed or made, and rows that are added along with it: all or nothing.

    A row of each table in ``along`` is added where the first change touched a row. All
    take their values by the columns' names, so columns of one name have one value; but those
    of ``noting``, another such row, are named ``NOTE`` + column.
    """

    first: Update | Insert
    along: tuple[type[Row], ...]
    noting: type[Row] | None = None

    def __post_init__(self) -> None:
        check(self.first)
