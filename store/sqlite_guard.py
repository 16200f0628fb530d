"""What a connection to SQLite may do: it sees one tenant's rows, and changes no one else's.

Every connection sees, in place of each table, a temporary view of the same name that holds
the rows of ``valor_tenant()`` alone. The table itself can be read only from inside an inner
view whose name is drawn at random for the connection: SQLite tells its authorizer from
which view a read comes, and that name can be claimed by a common table expression, but not
guessed. Everything else is refused: what is not listed here is not allowed.

A connection that writes is guarded the same, with one addition. A statement that begins
``INSERT INTO main.x``, ``UPDATE main.x`` or ``DELETE FROM main.x`` may change that table,
and look at the rows that it changes; whose they are, the table's triggers check
(``store.isolation``). Whatever else it asks, in a subquery, it asks of the views.

For the foreign keys of that table SQLite itself reads others, and tells the authorizer the
same as if the statement had. But no statement reads a table that it does not name, so what it
does not name is read by SQLite: also of a table that a newer step has made and that this code
does not know, and hides behind no view.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from store.tables import TENANT_TABLES

VERSION_TABLE = "alembic_version"

_ALWAYS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
    }
)
_CHANGES = {
    sqlite3.SQLITE_INSERT: "insert",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete",
}
_CHANGE = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+main\.(\w+)\b", re.IGNORECASE)
_PLAIN = re.compile(r"\w+")
_MAIN = re.compile(r"\bmain\b", re.IGNORECASE)
_TRIGGERS = {
    f"{table}_{verb}_tenant": table for table in TENANT_TABLES for verb in _CHANGES.values()
}


class WritingConnection(sqlite3.Connection):
    """Knows which table the statement at hand may change, and all the words in it."""

    changed: str | None = None
    named: frozenset[str] = frozenset()
    inner_of: Mapping[str, str]

    def cursor(self, factory: Any = None, /) -> Any:
        """A cursor that tells the guard what each of its statements begins with."""
        return super().cursor(_WritingCursor if factory is None else factory)

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        return self.cursor().executemany(sql, parameters)

    def may(
        self,
        action: int,
        first: str | None,
        second: str | None,
        schema: str | None,
        source: str | None,
    ) -> int:
        """What SQLite asks while it reads the statement."""
        changed = self.changed
        if changed is not None and schema == "main":
            if action == sqlite3.SQLITE_READ:
                known = (
                    first == changed or not _may_be_named(first, self.named)
                    if source is None
                    else second == "tenant_id" and first == changed == _TRIGGERS.get(source)
                )
            else:
                known = action in _CHANGES and first == changed and source is None
            if known:
                return sqlite3.SQLITE_OK
        return _may_read(self.inner_of, action, first, second, schema, source)


class _WritingCursor(sqlite3.Cursor):
    connection: WritingConnection

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        with self._telling(sql):
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        with self._telling(sql):
            return super().executemany(sql, parameters)

    @contextmanager
    def _telling(self, sql: str) -> Iterator[None]:
        """The guard may ask while SQLite reads the statement, and again while it runs it."""
        self.connection.changed, self.connection.named = changed_by(sql), words_of(sql)
        try:
            yield
        finally:
            self.connection.changed, self.connection.named = None, frozenset()


@lru_cache(maxsize=512)
def changed_by(sql: str) -> str | None:
    """The table that a statement changes, or None where it does anything else besides.

    Only the columns of that one table may be named by way of ``main`` again; so a
    subquery has no name for a table but the view's.
    """
    begins = _CHANGE.match(sql)
    if begins is None or begins[1] not in TENANT_TABLES:
        return None
    rest = sql[begins.end() :]
    its_columns = re.findall(rf"\bmain\.{begins[1]}\.\w", rest)
    return begins[1] if len(_MAIN.findall(rest)) == len(its_columns) else None


@lru_cache(maxsize=512)
def words_of(sql: str) -> frozenset[str]:
    """Every run of letters, digits and ``_`` in a statement, in small letters."""
    return frozenset(re.findall(r"\w+", sql.lower()))


def _may_be_named(table: str | None, words: frozenset[str]) -> bool:
    """Whether a statement of these words could mean the table, however it spells it.

    SQL has no other spelling for a name of letters, digits and ``_``: quotes stand around it,
    and its letters are large or small. But ``sqlite_master`` has other names.
    """
    return (
        table is None
        or not _PLAIN.fullmatch(table)
        or table.lower().startswith("sqlite_")
        or table.lower() in words
    )


def guard_reader(connection: sqlite3.Connection) -> None:
    """Hide every table behind a view of the tenant's rows, and allow nothing but looking."""
    inner_of = _hide(connection)
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(partial(_may_read, inner_of))


def guard_writer(connection: WritingConnection) -> None:
    """The same, and a change of one table's rows at a time."""
    connection.inner_of = _hide(connection)
    connection.set_authorizer(connection.may)


def _hide(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Make the views; the secret name of the inner one, by table."""
    inner_of: dict[str, str] = {}
    for table in TENANT_TABLES:
        inner = inner_of[table] = _secret_name(table)
        connection.execute(
            f"CREATE TEMP VIEW {inner} AS SELECT * FROM main.{table} "  # noqa: S608 (our own names)
            "WHERE tenant_id = valor_tenant()"
        )
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM temp.{inner}")  # noqa: S608
    return inner_of


def _secret_name(_table: str) -> str:
    return f"inner_{secrets.token_hex(16)}"


def _may_read(
    inner_of: Mapping[str, str],
    action: int,
    first: str | None,
    second: str | None,
    schema: str | None,
    source: str | None,
) -> int:
    if action == sqlite3.SQLITE_READ:
        if schema == "temp":
            known = first in inner_of or first in inner_of.values()
        elif first is not None and first in inner_of:
            known = source == inner_of[first]
        else:
            known = first == VERSION_TABLE
    elif action == sqlite3.SQLITE_FUNCTION:
        known = second != "load_extension"
    elif action == sqlite3.SQLITE_PRAGMA:
        # SQLAlchemy asks for this once; it cannot be set by the asking.
        known = first == "read_uncommitted" and second is None
    else:
        known = action in _ALWAYS
    return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY
