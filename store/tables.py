"""The tables: one ``...Row`` class each, with the tenant first in every key.

A row is what SQL holds and stays in this room; what leaves it is a plain record of the
noun's own file. Enumerations are closed here by CHECKs, so that a value the product
does not know cannot be stored by any road.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

ROLES = ("OWNER", "ADMIN", "ANALYST", "VIEWER")
PLANS = ("FREE", "PRO", "ENTERPRISE")
KINDS = (
    "DCF",
    "LBO",
    "MERGER",
    "COMPARABLES",
    "REAL_OPTION",
    "PORTFOLIO",
    "RISK",
    "CREDIT",
)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond, the same on every database.

    PostgreSQL holds ``timestamptz``; SQLite has no such type and holds text of a fixed
    width, which sorts as time does. A moment without a zone is refused: it means nothing.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


class Row(SQLModel):
    """What every table shares: names of constraints that migrations can rely on."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class TenantRow(Row, table=True):
    """Who pays. The tenant's own id is its key: a tenant sees this one row."""

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("slug"),
        _one_of("plan", PLANS),
        CheckConstraint("length(slug) BETWEEN 1 AND 63", name="slug"),
    )

    tenant_id: UUID = Field(primary_key=True)
    slug: str = Field(sa_type=String(63))
    name: str = Field(sa_type=Text)
    plan: str = Field(sa_type=String(16))
    created_at: datetime = Field(sa_type=Moment)


class MemberRow(Row, table=True):
    """Who belongs to a tenant. ``subject`` is the person's name in access tokens."""

    __tablename__ = "member"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"]),
        UniqueConstraint("tenant_id", "subject"),
        _one_of("role", ROLES),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    subject: str = Field(sa_type=String(255))
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=String(16))


class ValuationRow(Row, table=True):
    """One run, kept with its inputs under its content address. Never rewritten."""

    __tablename__ = "valuation"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"]),
        Index(None, "tenant_id", "computed_at"),
        _one_of("kind", KINDS),
        CheckConstraint("length(id) = 64", name="id"),
        CheckConstraint("input_version >= 1", name="input_version"),
        CheckConstraint("duration_ms >= 0", name="duration_ms"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=String(64))  # SHA-256 of the inputs, in hex
    kind: str = Field(sa_type=String(16))
    input_version: int
    inputs: str = Field(sa_type=Text)  # canonical JSON
    result: str = Field(sa_type=Text)  # JSON
    result_hash: str = Field(sa_type=String(64))
    engine_version: str = Field(sa_type=String(32))
    stream_version: str = Field(sa_type=String(32))
    numpy_version: str = Field(sa_type=String(32))
    seed: int | None = Field(default=None, sa_type=BigInteger)
    computed_at: datetime = Field(sa_type=Moment)
    duration_ms: float
    keep_until: datetime | None = Field(default=None, sa_type=Moment)  # None: no end


def table_of(row: type[Row]) -> Table:
    """The SQL table of a ``...Row`` class."""
    table: Any = getattr(row, "__table__")  # noqa: B009 (SQLModel adds it without declaring it)
    if not isinstance(table, Table):
        raise TypeError(f"{row.__name__} is not a table")
    return table


TENANT_TABLES: tuple[str, ...] = tuple(
    sorted(name for name, table in Row.metadata.tables.items() if "tenant_id" in table.columns)
)
