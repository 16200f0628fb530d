"""A step of the schema only adds, unless it says that it contracts.

Looked at in two ways: at the statements that each step runs, and at what is there before and after.
What takes away would break the release that serves while the next one is rolled out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect

import store.migrate
from store.database import head
from store.migrate import owner_engine
from tests.contract.former_code import VERSION, former
from tests.mirror.store.conftest import (
    OWNER,
    SERVING,
    administer,
    postgres_roles,
    postgres_template,
    role_url,
)

__all__ = ["postgres_roles", "postgres_template"]

Shape: TypeAlias = dict[str, dict[str, Any]]  # of each table: columns, checks, keys
STEPS: Final = [f"{number:04}" for number in range(1, int(head()) + 1)]

# What takes something away, or asks more of the rows that the code before writes.
TAKES: Final = re.compile(
    r"\bDROP (TABLE|COLUMN|CONSTRAINT|INDEX|VIEW|POLICY|TRIGGER)\b|\bRENAME\b|\bREVOKE\b|"
    r"\bTRUNCATE\b|\bDELETE FROM\b|\bALTER COLUMN\b|\bSET NOT NULL\b|\bADD CONSTRAINT\b|"
    r"\bCREATE UNIQUE INDEX\b",
    re.IGNORECASE,
)
_REVOKED: Final = re.compile(r"REVOKE (\w+) ON (\w+) FROM")


def taking(statements: Sequence[str]) -> list[str]:
    """The statements of a step that take away and give nothing back.

    SQLite changes a rule by making the table again, and PostgreSQL by making the rule again: what
    is put in the place of the old is compared below. A right may go that no code ever used.
    """
    left = []
    for number, statement in enumerate(statements):
        rest = "\n".join(statements[number + 1 :])
        if re.search(r"\bALTER TABLE \w+ ADD COLUMN\b", statement, re.IGNORECASE):
            if "NOT NULL" in statement and "DEFAULT" not in statement:
                left.append(statement)
            continue
        if not TAKES.search(statement):
            continue
        if again := re.fullmatch(r"DROP TABLE (\w+)", statement):
            if re.search(rf"ALTER TABLE \w+ RENAME TO {again[1]}\b", rest):
                continue
        elif again := re.match(r"ALTER TABLE (\w+) RENAME TO (\w+)", statement):
            if f"DROP TABLE {again[2]}" in statements[:number]:
                continue
        elif again := re.search(r"DROP CONSTRAINT (\w+)", statement):
            if f"ADD CONSTRAINT {again[1]} CHECK" in rest:
                continue
        elif again := re.search(r"ADD CONSTRAINT (\w+) CHECK", statement):
            if any(f"DROP CONSTRAINT {again[1]}" in before for before in statements[:number]):
                continue
        elif again := re.fullmatch(r"DROP TRIGGER (\w+)", statement):
            if f"CREATE TRIGGER {again[1]} " in rest:
                continue
        elif (revoked := _REVOKED.match(statement)) and not was_used(revoked[1], revoked[2]):
            continue
        left.append(statement)
    return left


def was_used(verb: str, table: str) -> bool:
    """Whether the code of the release before ever did that to that table."""
    written = re.compile(rf"\b{verb}\b[^;]*\b{table}\b", re.IGNORECASE)
    return any(step[1] and written.search(step[1]) for step in former("postgresql")["steps"])


def narrowed(before: Shape, after: Shape) -> Iterator[str]:
    """What the code before could do with a table, and can no longer do."""
    for table, was in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        now = after[table]
        for name, column in was["columns"].items():
            if name not in now["columns"]:
                yield f"{table}.{name} is gone"
            elif now["columns"][name]["type"] != column["type"]:
                yield f"{table}.{name} has another type"
            elif column["nullable"] and not now["columns"][name]["nullable"]:
                yield f"{table}.{name} may not be null any more"
        for name in now["columns"].keys() - was["columns"].keys():
            column = now["columns"][name]
            if not column["nullable"] and column["default"] is None:
                yield f"{table}.{name} is wanted, and the code before does not write it"
        for name, rule in now["checks"].items():
            old = was["checks"].get(name)
            columns = set(re.findall(r"\b\w+\b", rule)) & was["columns"].keys()
            if old is None and columns:
                yield f"{table} has a new rule on what was there: {name}"
            elif old is not None and old != rule and not _allows_more(old, rule):
                yield f"{table} has another rule {name}"
        for kind in ("unique", "foreign"):
            for columns in now[kind] - was[kind]:
                if set(columns) <= was["columns"].keys():
                    yield f"{table} has a new {kind} key on {', '.join(columns)}"


def _allows_more(old: str, new: str) -> bool:
    def values(rule: str) -> set[str]:
        return set(re.findall(r"'(\w+)'", rule))

    same = re.sub(r"'\w+'(::\w+( \w+)?)?[, ]*", "", old) == re.sub(
        r"'\w+'(::\w+( \w+)?)?[, ]*", "", new
    )
    return same and values(old) < values(new)


def shape(connection: Connection) -> Shape:
    found = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: {
                    "type": str(column["type"]),
                    "nullable": column["nullable"],
                    "default": column["default"],
                }
                for column in found.get_columns(table)
            },
            "checks": {
                str(check["name"]): check["sqltext"] for check in found.get_check_constraints(table)
            },
            "unique": {tuple(each["column_names"]) for each in found.get_unique_constraints(table)},
            "foreign": {
                tuple(each["constrained_columns"]) for each in found.get_foreign_keys(table)
            },
        }
        for table in found.get_table_names()
    }


def walk(connection: Connection) -> list[tuple[str, list[str], Shape, Shape]]:
    """Each step: its version, its statements, and the tables before and after it."""
    config = store.migrate._config()
    config.attributes["connection"] = connection
    config.attributes["application_role"] = SERVING
    said: list[str] = []

    def hear(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.split()))

    event.listen(connection, "before_cursor_execute", hear)
    found = []
    for version in STEPS:
        before = shape(connection)
        said.clear()
        command.upgrade(config, version)
        found.append((version, list(said), before, shape(connection)))
    event.remove(connection, "before_cursor_execute", hear)
    return found


async def walked(url: str) -> list[tuple[str, list[str], Shape, Shape]]:
    engine = owner_engine(url, "valor test")
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(walk)
    finally:
        await engine.dispose()


def contracting() -> set[str]:
    scripts = ScriptDirectory.from_config(store.migrate._config())
    steps = scripts.walk_revisions()
    return {step.revision for step in steps if getattr(step.module, "CONTRACT", False)}


def judged(found: list[tuple[str, list[str], Shape, Shape]]) -> list[str]:
    return [
        f"{version}: {wrong}"
        for version, statements, before, after in found
        if version not in contracting()
        for wrong in (*taking(statements), *narrowed(before, after))
    ]


def test_every_step_only_adds_on_sqlite(tmp_path: Path) -> None:
    found = asyncio.run(walked(f"sqlite:///{tmp_path}/valor.db"))
    assert len(found) == len(STEPS)
    assert all(len(statements) > 5 for _, statements, _, _ in found)
    assert judged(found) == []


def test_every_step_only_adds_on_postgresql(postgres_url: str, postgres_template: str) -> None:
    name = f"{postgres_template}_walked"
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    try:
        found = asyncio.run(walked(role_url(postgres_url, OWNER, name)))
    finally:
        asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))
    assert all(len(statements) > 5 for _, statements, _, _ in found)
    assert judged(found) == []


def test_rights_are_taken_only_where_the_code_before_never_used_them() -> None:
    assert VERSION == "0003"
    assert was_used("INSERT", "valuation")
    assert was_used("DELETE", "outbox")
    assert not was_used("DELETE", "valuation")


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE member",
        "ALTER TABLE member RENAME TO person",
        "ALTER TABLE member RENAME COLUMN name TO title",
        "ALTER TABLE member DROP COLUMN name",
        "ALTER TABLE member ALTER COLUMN name TYPE VARCHAR(10)",
        "ALTER TABLE member ALTER COLUMN email SET NOT NULL",
        "ALTER TABLE member ADD COLUMN age INTEGER NOT NULL",
        "ALTER TABLE member ADD CONSTRAINT ck_member_name CHECK (length(name) > 3)",
        "ALTER TABLE member DROP CONSTRAINT ck_member_role",
        "CREATE UNIQUE INDEX ix_member_name ON member (name)",
        "REVOKE INSERT ON valuation FROM valor_app",
        "DROP TRIGGER member_insert_tenant",
        "DELETE FROM member",
        "TRUNCATE member",
    ],
)
def test_a_statement_that_takes_away_is_found(statement: str) -> None:
    assert taking([statement]) == [statement]


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE member ADD COLUMN age INTEGER"],
        ["ALTER TABLE member ADD COLUMN kind TEXT DEFAULT 'PERSON' NOT NULL"],
        ["CREATE TABLE next (a INT)", "DROP TABLE old", "ALTER TABLE next RENAME TO old"],
        [
            "ALTER TABLE a DROP CONSTRAINT ck_a",
            "ALTER TABLE a ADD CONSTRAINT ck_a CHECK (b IN ('C', 'D'))",
        ],
        ["CREATE INDEX ix_member_name ON member (name)"],
        ["REVOKE DELETE ON member FROM valor_app"],
    ],
)
def test_a_statement_that_adds_is_let_through(statements: list[str]) -> None:
    assert taking(statements) == []


def table(**changes: Any) -> Shape:
    column = {"type": "TEXT", "nullable": True, "default": None}
    plain: dict[str, Any] = {
        "columns": {"name": column, "role": column},
        "checks": {"ck_role": "role IN ('A', 'B')"},
        "unique": set(),
        "foreign": set(),
    }
    return {"member": plain | changes}


COLUMN: Final = {"type": "TEXT", "nullable": True, "default": None}


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({}, "member is gone"),
        (table(columns={"role": COLUMN}), "member.name is gone"),
        (
            table(columns={"name": COLUMN | {"type": "INTEGER"}, "role": COLUMN}),
            "member.name has another type",
        ),
        (
            table(columns={"name": COLUMN | {"nullable": False}, "role": COLUMN}),
            "member.name may not be null any more",
        ),
        (
            table(columns={"name": COLUMN, "role": COLUMN, "age": COLUMN | {"nullable": False}}),
            "member.age is wanted, and the code before does not write it",
        ),
        (table(checks={"ck_role": "role IN ('A')"}), "member has another rule ck_role"),
        (
            table(checks={"ck_role": "role IN ('A', 'B')", "ck_name": "length(name) > 3"}),
            "member has a new rule on what was there: ck_name",
        ),
        (table(unique={("name",)}), "member has a new unique key on name"),
        (table(foreign={("name",)}), "member has a new foreign key on name"),
    ],
)
def test_a_table_that_allows_less_is_found(after: Shape, words: str) -> None:
    assert list(narrowed(table(), after)) == [words]


def test_a_table_that_allows_more_is_let_through() -> None:
    more = table(
        columns={"name": COLUMN, "role": COLUMN, "age": COLUMN},
        checks={"ck_role": "role IN ('A', 'B', 'C')", "ck_age": "age > 3"},
    )
    assert list(narrowed(table(), more)) == []
