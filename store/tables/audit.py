"""Who did what, and when: written with the effect, chained soon after, never changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String, Text
from sqlmodel import Field

from store.tables.base import Moment, Row, of_tenant, one_of

ACTORS = ("MEMBER", "SERVICE", "OPERATOR", "SYSTEM")
CHECKPOINTS = ("HEAD", "PRUNED")
HELD = ("TENANT", "MODEL", "MEMBER")


class AuditPendingRow(Row, table=True):
    """Something that was done and is not in the chain yet."""

    __tablename__ = "audit_pending"
    __table_args__ = (of_tenant(), one_of("actor_kind", ACTORS))

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)  # version 7: they are chained in its order
    at: datetime = Field(sa_type=Moment)
    actor_kind: str = Field(sa_type=String(16))
    actor: UUID | None = None
    action: str = Field(sa_type=String(64))  # model.read, member.invited, …
    subject_kind: str = Field(sa_type=String(32))
    subject: str = Field(sa_type=String(128))
    operation_id: str | None = Field(default=None, sa_type=String(64))
    session: str | None = Field(default=None, sa_type=String(64))
    details: str = Field(sa_type=Text)  # canonical JSON, without secrets and without names


class AuditEventRow(Row, table=True):
    """One link of a tenant's chain. Only ever added to."""

    __tablename__ = "audit_event"
    __table_args__ = (
        of_tenant(),
        Index(None, "tenant_id", "subject", "seq"),
        Index(None, "tenant_id", "at"),
        one_of("actor_kind", ACTORS),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("length(previous) = 64", name="previous"),
        CheckConstraint("length(hash) = 64", name="hash"),
    )

    tenant_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 … without a gap
    id: UUID
    at: datetime = Field(sa_type=Moment)
    actor_kind: str = Field(sa_type=String(16))
    actor: UUID | None = None
    action: str = Field(sa_type=String(64))
    subject_kind: str = Field(sa_type=String(32))
    subject: str = Field(sa_type=String(128))
    operation_id: str | None = Field(default=None, sa_type=String(64))
    session: str | None = Field(default=None, sa_type=String(64))
    details: str = Field(sa_type=Text)
    previous: str = Field(sa_type=String(64))  # the hash before; zeros before the first
    hash: str = Field(sa_type=String(64))  # SHA-256 of all of this, in hex


class AuditCheckpointRow(Row, table=True):
    """A signed word on how far the chain was, or from where on it is kept."""

    __tablename__ = "audit_checkpoint"
    __table_args__ = (
        of_tenant(),
        one_of("kind", CHECKPOINTS),
        CheckConstraint("length(hash) = 64", name="hash"),
    )

    tenant_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=String(16))
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    hash: str = Field(sa_type=String(64))
    at: datetime = Field(sa_type=Moment)
    signature: str = Field(sa_type=Text)  # a compact JWS over all of it


class LegalHoldRow(Row, table=True):
    """Something that must be kept, whatever a plan says."""

    __tablename__ = "legal_hold"
    __table_args__ = (of_tenant(), one_of("subject_kind", HELD))

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    subject_kind: str = Field(sa_type=String(16))
    subject: str = Field(sa_type=String(128))
    reason: str = Field(sa_type=Text)
    placed_by: UUID
    placed_at: datetime = Field(sa_type=Moment)
    released_by: UUID | None = None
    released_at: datetime | None = Field(default=None, sa_type=Moment)
