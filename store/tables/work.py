"""What tenants make: valuations, models with their operations, runs, companies of their own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field

from store.tables.base import KEY_TEXT, Moment, Row, one_of

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
ACCESS = ("TENANT", "RESTRICTED")
VERBS = ("CREATE", "EDIT", "RESTORE", "ARCHIVE", "DUPLICATE")
COMPANY_VERBS = ("ADD", "IMPORT", "CORRECT", "REMOVE")
RUN_KINDS = ("SIMULATION",)
RUN_STATES = ("QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED")


class ValuationRow(Row, table=True):
    """One run, kept with its inputs under its content address. Never rewritten."""

    __tablename__ = "valuation"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"]),
        Index(None, "tenant_id", "computed_at"),
        one_of("kind", KINDS),
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
        one_of("kind", KINDS),
        one_of("unit", UNITS),
        one_of("access", ACCESS),
        CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
        CheckConstraint("input_version >= 1", name="input_version"),
        CheckConstraint("revision >= 1", name="revision"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=String(16))
    input_version: int
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=KEY_TEXT)  # the name, casefolded
    unit: str = Field(sa_type=String(16))
    inputs: str = Field(sa_type=Text)  # canonical JSON
    scenarios: str = Field(sa_type=Text)  # canonical JSON
    touched: str = Field(sa_type=Text)  # JSON: path -> the revision that last changed it
    revision: int = Field(sa_type=BigInteger)  # the seq of the newest operation
    archived: bool
    # TENANT: whoever may read models; RESTRICTED: whom it was shared with.
    access: str = Field(
        default="TENANT", sa_type=String(16), sa_column_kwargs={"server_default": "TENANT"}
    )
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
        one_of("verb", VERBS),
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
        Index(None, "tenant_id", "announced", "state"),
        Index(None, "tenant_id", "points_back"),
        Index(None, "tenant_id", "created_at", "id"),
        one_of("kind", RUN_KINDS),
        one_of("state", RUN_STATES),
        CheckConstraint("length(operation_id) BETWEEN 1 AND 64", name="operation_id"),
        CheckConstraint("length(fingerprint) = 64", name="fingerprint"),
        CheckConstraint("length(valuation_id) = 64", name="valuation_id"),
        CheckConstraint("length(owner) BETWEEN 1 AND 64", name="owner"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("trials >= 1", name="trials"),
        CheckConstraint("trials_done BETWEEN 0 AND trials", name="trials_done"),
        CheckConstraint("points_back BETWEEN 0 AND points", name="points_back"),
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
    announced: bool = Field(  # whether webhooks were told of its end
        default=False, sa_column_kwargs={"server_default": false()}
    )
    points: int = Field(  # that were paid for its trials
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )
    points_back: int | None = Field(  # of them, given back; NULL: that is not settled yet
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )


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
        one_of("verb", COMPANY_VERBS),
        CheckConstraint("seq >= 1", name="seq"),
    )

    tenant_id: UUID = Field(primary_key=True)
    ticker: str = Field(primary_key=True, sa_type=String(64))
    seq: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 … without a gap
    verb: str = Field(sa_type=String(16))
    author: UUID
    at: datetime = Field(sa_type=Moment)
    changes: str = Field(sa_type=Text)  # JSON: [{"path", "old", "new"}]
