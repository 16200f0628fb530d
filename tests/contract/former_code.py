"""What the code before this schema asks of a database, statement by statement, and asked again.

`tests/contract/former/*.json` hold every statement that the code of the schema 0003 sent, with its
values and on which of its connections, while it was made to do all that it can do; how many rows
each gave; and what stood in its tables at the end. They are data, made once and never edited: a
release that is on the way out does not change.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

FORMER: Final = Path(__file__).with_name("former")
VERSION: Final = "0003"

# (connection, statement, its values, how many rows it gave). SQLite's have their values in their
# text; no statement, and a tenant's id: the connection serves that tenant from now on.
Step: TypeAlias = tuple[int, str | None, Any, int]
Kept: TypeAlias = dict[str, list[Any]]  # by table: its columns, then its rows as text


def former(kind: str) -> dict[str, Any]:
    """``steps``, and ``kept``: what they leave."""
    found: dict[str, Any] = json.loads((FORMER / f"{kind}.json").read_text("utf-8"))
    return found


def ask_sqlite(path: Path, steps: list[Step]) -> list[int]:
    """Every statement again, in its order; how many rows each gives."""
    connections: dict[int, sqlite3.Connection] = {}
    serving: dict[int, str | None] = {}
    given = []
    try:
        for number, statement, value, _ in steps:
            if number not in connections:
                connection = sqlite3.connect(path, isolation_level=None)
                connection.create_function(
                    "valor_tenant", 0, lambda number=number: serving.get(number)
                )
                connections[number] = connection
            if statement is None:
                serving[number] = value
                given.append(0)
                continue
            given.append(len(connections[number].execute(statement).fetchall()))
    finally:
        for connection in connections.values():
            connection.close()
    return given


def left_in_sqlite(path: Path, columns: dict[str, list[str]]) -> Kept:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: [
                names,
                *sorted(
                    [None if value is None else str(value) for value in row]
                    for row in connection.execute(f"SELECT {', '.join(names)} FROM {table}")  # noqa: S608 - names of ours
                ),
            ]
            for table, names in columns.items()
        }


async def ask_postgresql(url: str, steps: list[Step]) -> list[int]:
    """Every statement again, in its order; how many rows each gives."""
    connections: dict[int, asyncpg.Connection] = {}
    given = []
    try:
        for number, statement, values, _ in steps:
            if number not in connections:
                connections[number] = await asyncpg.connect(url)
            if values:
                found = await connections[number].fetch(statement, *map(_value, values))
                given.append(len(found))
            else:
                await connections[number].execute(statement)
                given.append(0)
    finally:
        for connection in connections.values():
            await connection.close()
    return given


async def left_in_postgresql(url: str, columns: dict[str, list[str]]) -> Kept:
    """``url`` is a superuser's, who sees every tenant's rows."""
    connection = await asyncpg.connect(url)
    kept: Kept = {}
    try:
        for table, names in columns.items():
            told = ", ".join(f"{name}::text" for name in names)
            rows = await connection.fetch(f"SELECT {told} FROM {table}")  # noqa: S608 - as above
            kept[table] = [names, *sorted(list(row) for row in rows)]
    finally:
        await connection.close()
    return kept


def _value(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    ((kind, value),) = written.items()
    if kind == "uuid":
        return UUID(value)
    if kind == "moment":
        return datetime.fromisoformat(value)
    return [_value(each) for each in value]
