"""Rows of two tenants in every table there is, the other tenant's marked in every column.

Made from the tables themselves: a table that is added tomorrow has its rows here at once.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    Integer,
    Table,
    TypeDecorator,
    Uuid,
)

from store.tables import TENANT_TABLES, Row

TABLES: Final = tuple(
    table for table in Row.metadata.sorted_tables if table.name in TENANT_TABLES
)  # whom others point to first


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows they are, and how one knows them."""

    id: UUID
    word: str  # at the beginning of every text
    number: int  # the least of every whole number
    year: int  # of every moment
    rows: int  # of each table, where a tenant may have several


OURS: Final = Tenant(UUID("01900000-0000-7000-8000-00000000000a"), "ours", 1, 2026, 3)
THEIRS: Final = Tenant(UUID("01900000-0000-7000-8000-00000000000b"), "CANARY", 770_001, 2077, 5)
# Made a moment ago: nothing points to its row, so no foreign key protects it either.
BARE: Final = Tenant(UUID("01900000-0000-7000-8000-00000000000c"), "CANARY bare", 770_501, 2077, 0)
OTHERS: Final = (THEIRS, BARE)
FOREIGN_NUMBERS: Final = range(THEIRS.number, THEIRS.number + 1_000)
_DIGITS: Final = re.compile(r"[0-9a-f]{32,}")


def rows_of(table: Table, tenant: Tenant) -> Sequence[Mapping[str, Any]]:
    """What a tenant has in a table, as Python's values by column. It has itself at least."""
    is_tenant = not table.foreign_key_constraints
    alone = [column.name for column in table.primary_key] == ["tenant_id"]
    count = min(1, tenant.rows) if alone else tenant.rows
    return [row(table, tenant, number) for number in range(1 if is_tenant else count)]


@cache
def row(table: Table, tenant: Tenant, number: int) -> Mapping[str, Any]:
    """One row; where it points to another, to that of the same number."""
    pointing: dict[str, Any] = {}
    for key in table.foreign_key_constraints:
        there = row(key.referred_table, tenant, number)
        for element in key.elements:
            pointing[element.parent.name] = there[element.column.name]
    return {
        column.name: tenant.id
        if column.name == "tenant_id"
        else pointing.get(column.name, value(column, tenant, number))
        for column in table.columns
    }


def at_home(table: Table, tenant: Tenant) -> dict[str, Any]:
    """A new row of a tenant that points to rows which are there."""
    there = row(table, tenant, 0)
    pointing = {column.name: there[column.name] for column in table.columns if column.foreign_keys}
    return {**row(table, tenant, 7), **pointing}


def value(column: Column[Any], tenant: Tenant, number: int) -> Any:
    """A value that the column may hold and that tells its tenant, unless it is one of a few."""
    few = one_of(column)
    if few:
        return few[number % len(few)]
    name = f"{column.table.name}-{column.name}-{number}"
    kind = kind_of(column)
    if kind == "uuid":
        return UUID(int=(tenant.number << 64) | (zlib.crc32(name.encode()) << 8) | number)
    if kind == "moment":
        return datetime(tenant.year, 3, 1, 12, tzinfo=UTC) + timedelta(hours=number)
    if kind == "flag":
        return bool(number % 2)
    if kind == "whole":
        return tenant.number + number
    if kind == "number":
        return tenant.number + number + 0.5
    if any(f"length({column.name}) = 64" in rule for rule in rules(column)):
        return hashlib.sha256(f"{tenant.word}-{name}".encode()).hexdigest()
    return f"{tenant.word}-{name}"[: getattr(column.type, "length", None)]


def kind_of(column: Column[Any]) -> str:
    """uuid, moment, flag, whole, number or text."""
    type_ = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    for kinds, name in (
        (Uuid, "uuid"),
        (DateTime, "moment"),
        (Boolean, "flag"),
        ((Integer, BigInteger), "whole"),
        (Float, "number"),
    ):
        if isinstance(type_, kinds):
            return name
    return "text"


def rules(column: Column[Any]) -> Iterator[str]:
    for constraint in column.table.constraints:
        if isinstance(constraint, CheckConstraint):
            yield str(constraint.sqltext)


@cache
def one_of(column: Column[Any]) -> tuple[str, ...]:
    """The values that a column is restricted to, if it is."""
    for rule in rules(column):
        listed = re.fullmatch(rf"{column.name} IN \((.*)\)", rule)
        if listed:
            return tuple(re.findall(r"'([^']*)'", listed[1]))
    return ()


@cache
def _foreign_digits() -> frozenset[str]:
    """The other tenants' ids and hashes, as the first 32 hexadecimal digits of each."""
    rows = [row for other in OTHERS for table in TABLES for row in rows_of(table, other)]
    known = set()
    for held in (held for row in rows for held in row.values()):
        if isinstance(held, UUID):
            known.add(held.hex)
        elif isinstance(held, str) and len(held) == 64:
            known.add(held[:32])
    return frozenset(known)


def _is_foreign_text(text: str) -> bool:
    """Whether anything of the other tenants' stands in a text, however it is written."""
    lower = text.lower()
    if THEIRS.word.lower() in lower or f"{THEIRS.year}-03-" in lower:
        return True
    known = _foreign_digits()
    return any(
        run[at : at + 32] in known
        for run in _DIGITS.findall(lower.replace("-", ""))
        for at in range(len(run) - 31)
    )


def is_foreign(found: Any) -> bool:
    """Whether what a query returned holds anything that is the other tenant's."""
    if found is None or isinstance(found, bool):
        return False
    if isinstance(found, (int, float)):
        return found in FOREIGN_NUMBERS or found - 0.5 in FOREIGN_NUMBERS
    if isinstance(found, datetime):
        return found.year == THEIRS.year
    if isinstance(found, (str, UUID)):
        return _is_foreign_text(str(found))
    if isinstance(found, bytes):
        return _is_foreign_text(found.decode("latin-1"))
    if isinstance(found, Mapping):
        return any(is_foreign(each) for each in found.values())
    if isinstance(found, (list, tuple)) or hasattr(found, "values"):
        return any(is_foreign(each) for each in found)
    return False


def literal(held: Any, dialect_name: str) -> str:
    """A value as the dialect's SQL spells it, in the form that its column holds."""
    if held is None:
        return "NULL"
    if isinstance(held, bool):
        return str(held).upper() if dialect_name == "postgresql" else str(int(held))
    if isinstance(held, (int, float)):
        return str(held)
    if isinstance(held, UUID):
        return f"'{held.hex}'" if dialect_name == "sqlite" else f"'{held}'"
    if isinstance(held, datetime):
        moment = held.strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"'{moment}'" if dialect_name == "sqlite" else f"'{moment}+00'"
    return "'" + str(held).replace("'", "''") + "'"
