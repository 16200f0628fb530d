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
UNITS = ("ONES", "THOUSANDS", "MILLIONS", "BILLIONS")
VERBS = ("CREATE", "EDIT", "RESTORE", "ARCHIVE", "DUPLICATE")
COMPANY_VERBS = ("ADD", "IMPORT", "CORRECT", "REMOVE")
RUN_KINDS = ("SIMULATION",)
RUN_STATES = ("QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED")

# Sorted and compared by its bytes, which is what SQLite does with every text: PostgreSQL finds a
# prefix by an index only so, and both have one order.
_KEY_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


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


class FinancialModelRow(Row, table=True):
    """What an analyst builds and shares, as it stands after its newest operation."""

    __tablename__ = "financial_model"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"]),
        Index(None, "tenant_id", "updated_at", "id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "name_key", "id"),
        _one_of("kind", KINDS),
        _one_of("unit", UNITS),
        CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
        CheckConstraint("input_version >= 1", name="input_version"),
        CheckConstraint("revision >= 1", name="revision"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=String(16))
    input_version: int
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=_KEY_TEXT)  # the name, casefolded
    unit: str = Field(sa_type=String(16))
    inputs: str = Field(sa_type=Text)  # canonical JSON
    scenarios: str = Field(sa_type=Text)  # canonical JSON
    touched: str = Field(sa_type=Text)  # JSON: path -> the revision that last changed it
    revision: int = Field(sa_type=BigInteger)  # the seq of the newest operation
    archived: bool
    created_at: datetime = Field(sa_type=Moment)
    created_by: UUID
    updated_at: datetime = Field(sa_type=Moment)
    updated_by: UUID


class OperationRow(Row, table=True):
    """One change of a model: who, what, when. The log is only ever added to."""

    __tablename__ = "operation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "model_id"], ["financial_model.tenant_id", "financial_model.id"]
        ),
        UniqueConstraint("tenant_id", "operation_id"),
        _one_of("verb", VERBS),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("length(operation_id) BETWEEN 1 AND 64", name="operation_id"),
        CheckConstraint("length(fingerprint) = 64", name="fingerprint"),
        CheckConstraint("input_version >= 1", name="input_version"),
    )

    tenant_id: UUID = Field(primary_key=True)
    model_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 … without a gap
    operation_id: str = Field(sa_type=String(64))  # the caller's: a repeat gets the first answer
    fingerprint: str = Field(sa_type=String(64))  # SHA-256 of what was asked, in hex
    verb: str = Field(sa_type=String(16))
    author: UUID
    at: datetime = Field(sa_type=Moment)
    input_version: int
    changes: str = Field(sa_type=Text)  # JSON: [{"path", "old", "new"}]


class ModelSnapshotRow(Row, table=True):
    """A model as it stood after one of its operations, so that no history is replayed in full."""

    __tablename__ = "model_snapshot"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "model_id", "seq"],
            ["operation.tenant_id", "operation.model_id", "operation.seq"],
        ),
        CheckConstraint("input_version >= 1", name="input_version"),
    )

    tenant_id: UUID = Field(primary_key=True)
    model_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    input_version: int
    content: str = Field(sa_type=Text)  # JSON: name, unit, archived, scenarios, inputs


class OutboxRow(Row, table=True):
    """An operation that the world was not yet told of."""

    __tablename__ = "outbox"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "model_id", "seq"],
            ["operation.tenant_id", "operation.model_id", "operation.seq"],
        ),
    )

    tenant_id: UUID = Field(primary_key=True)
    model_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(sa_type=Moment)


class RunRow(Row, table=True):
    """Work that is longer than a request, and the lease of the process that does it."""

    __tablename__ = "run"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"]),
        UniqueConstraint("tenant_id", "operation_id"),
        Index(None, "tenant_id", "state"),
        Index(None, "tenant_id", "created_at", "id"),
        _one_of("kind", RUN_KINDS),
        _one_of("state", RUN_STATES),
        CheckConstraint("length(operation_id) BETWEEN 1 AND 64", name="operation_id"),
        CheckConstraint("length(fingerprint) = 64", name="fingerprint"),
        CheckConstraint("length(valuation_id) = 64", name="valuation_id"),
        CheckConstraint("length(owner) BETWEEN 1 AND 64", name="owner"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("trials >= 1", name="trials"),
        CheckConstraint("trials_done BETWEEN 0 AND trials", name="trials_done"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=String(16))
    operation_id: str = Field(sa_type=String(64))  # the caller's: a repeat gets the first answer
    fingerprint: str = Field(sa_type=String(64))  # SHA-256 of what was asked, in hex
    valuation_id: str = Field(sa_type=String(64))  # whose inputs are drawn about
    spec: str = Field(sa_type=Text)  # JSON
    state: str = Field(sa_type=String(16))
    owner: str | None = Field(default=None, sa_type=String(64))  # the process with the lease
    lease_until: datetime | None = Field(default=None, sa_type=Moment)
    attempts: int  # how often it was begun
    trials: int = Field(sa_type=BigInteger)
    trials_done: int = Field(sa_type=BigInteger)
    progress: str | None = Field(default=None, sa_type=Text)  # JSON
    result: str | None = Field(default=None, sa_type=Text)  # JSON
    refusal: str | None = Field(default=None, sa_type=Text)  # JSON
    created_by: UUID
    created_at: datetime = Field(sa_type=Moment)
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class OwnCompanyRow(Row, table=True):
    """A company whose figures a tenant has brought itself, as it stands after its newest change."""

    __tablename__ = "own_company"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"]),
        CheckConstraint("length(ticker) BETWEEN 1 AND 64", name="ticker"),
        CheckConstraint("revision >= 1", name="revision"),
    )

    tenant_id: UUID = Field(primary_key=True)
    ticker: str = Field(primary_key=True, sa_type=String(64))  # in capitals
    revision: int = Field(sa_type=BigInteger)  # the seq of the newest change
    removed: bool  # what it was stands in its history
    figures: str = Field(sa_type=Text)  # canonical JSON: path -> value, source, author, ...
    updated_at: datetime = Field(sa_type=Moment)
    updated_by: UUID


class OwnCompanyChangeRow(Row, table=True):
    """One change of a tenant's own company: who, what, when. Only ever added to."""

    __tablename__ = "own_company_change"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "ticker"], ["own_company.tenant_id", "own_company.ticker"]
        ),
        _one_of("verb", COMPANY_VERBS),
        CheckConstraint("seq >= 1", name="seq"),
    )

    tenant_id: UUID = Field(primary_key=True)
    ticker: str = Field(primary_key=True, sa_type=String(64))
    seq: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 … without a gap
    verb: str = Field(sa_type=String(16))
    author: UUID
    at: datetime = Field(sa_type=Moment)
    changes: str = Field(sa_type=Text)  # JSON: [{"path", "old", "new"}]


def table_of(row: type[Row]) -> Table:
    """The SQL table of a ``...Row`` class."""
    table: Any = getattr(row, "__table__")  # noqa: B009 (SQLModel adds it without declaring it)
    if not isinstance(table, Table):
        raise TypeError(f"{row.__name__} is not a table")
    return table


TENANT_TABLES: tuple[str, ...] = tuple(
    sorted(name for name, table in Row.metadata.tables.items() if "tenant_id" in table.columns)
)
