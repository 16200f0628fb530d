"""Who pays, who belongs, what was bought and used; and what leads to a tenant."""

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
    text,
)
from sqlmodel import Field

from store.tables.base import KEY_TEXT, Moment, Row, of_member, of_tenant, one_of

ROLES = ("OWNER", "ADMIN", "ANALYST", "VIEWER", "OPERATOR")
PLANS = ("FREE", "PRO", "ENTERPRISE")
TENANT_STATES = ("ACTIVE", "SUSPENDED")
MEMBER_KINDS = ("PERSON", "SERVICE")
MEMBER_STATES = ("ACTIVE", "REMOVED", "ERASED")
LEADS = ("SLUG", "ISSUER", "CUSTOMER", "ORIGIN", "WEBHOOKS", "GRACE")
SWITCHES = ("OPERATION", "KIND", "TENANT")


class TenantRow(Row, table=True):
    """Who pays. The tenant's own id is its key: a tenant sees this one row."""

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("slug"),
        one_of("plan", PLANS),
        one_of("state", TENANT_STATES),
        CheckConstraint("length(slug) BETWEEN 1 AND 63", name="slug"),
    )

    tenant_id: UUID = Field(primary_key=True)
    slug: str = Field(sa_type=String(63))
    name: str = Field(sa_type=Text)
    plan: str = Field(sa_type=String(16))
    created_at: datetime = Field(sa_type=Moment)
    state: str = Field(
        default="ACTIVE", sa_type=String(16), sa_column_kwargs={"server_default": "ACTIVE"}
    )
    state_reason: str | None = Field(default=None, sa_type=Text)  # as the tenant reads it
    state_since: datetime | None = Field(default=None, sa_type=Moment)
    settings: str = Field(  # canonical JSON: origins, onlyTrusted, secondFactor, contract
        default="{}", sa_type=Text, sa_column_kwargs={"server_default": "{}"}
    )
    revision: int = Field(  # of plan, state and settings
        default=1, sa_type=BigInteger, sa_column_kwargs={"server_default": text("1")}
    )


class MemberRow(Row, table=True):
    """Who belongs to a tenant. ``subject`` is the person's name in access tokens."""

    __tablename__ = "member"
    __table_args__ = (
        of_tenant(),
        UniqueConstraint("tenant_id", "subject"),
        one_of("role", ROLES),
        one_of("kind", MEMBER_KINDS),
        one_of("state", MEMBER_STATES),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    subject: str = Field(sa_type=String(255))
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=String(16))
    kind: str = Field(
        default="PERSON", sa_type=String(16), sa_column_kwargs={"server_default": "PERSON"}
    )
    state: str = Field(
        default="ACTIVE", sa_type=String(16), sa_column_kwargs={"server_default": "ACTIVE"}
    )
    email: str | None = Field(default=None, sa_type=Text)
    joined_at: datetime | None = Field(default=None, sa_type=Moment)
    changed_at: datetime | None = Field(default=None, sa_type=Moment)  # role or state


class InvitationRow(Row, table=True):
    """Somebody who may become a member, with a secret that was sent to them."""

    __tablename__ = "invitation"
    __table_args__ = (
        of_tenant(),
        Index(None, "tenant_id", "created_at", "id"),
        one_of("role", ROLES),
        CheckConstraint("length(secret_hash) = 64", name="secret_hash"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    role: str = Field(sa_type=String(16))
    secret_hash: str = Field(sa_type=String(64))
    created_by: UUID
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    accepted_at: datetime | None = Field(default=None, sa_type=Moment)
    member_id: UUID | None = None  # who came of it
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)


class BrandingRow(Row, table=True):
    """How the console looks for a tenant."""

    __tablename__ = "branding"
    __table_args__ = (of_tenant(),)

    tenant_id: UUID = Field(primary_key=True)
    name: str | None = Field(default=None, sa_type=Text)
    colours: str = Field(sa_type=Text)  # JSON: primary, accent, background, text
    logo: str | None = Field(default=None, sa_type=Text)  # base64
    logo_type: str | None = Field(default=None, sa_type=String(32))  # media type
    logo_hash: str | None = Field(default=None, sa_type=String(64))  # SHA-256, for its address
    updated_at: datetime = Field(sa_type=Moment)
    updated_by: UUID


class UsageRow(Row, table=True):
    """How much of something a tenant used on a day, UTC."""

    __tablename__ = "usage"
    __table_args__ = (of_tenant(),)

    tenant_id: UUID = Field(primary_key=True)
    day: str = Field(primary_key=True, sa_type=String(10))  # 2026-11-23
    metric: str = Field(primary_key=True, sa_type=String(64))
    amount: int = Field(sa_type=BigInteger)


class DirectoryRow(Row, table=True):
    """What leads to a tenant before anybody has proved to be in it. Rows of the system's tenant."""

    __tablename__ = "directory"
    __table_args__ = (of_tenant(), one_of("kind", LEADS))

    tenant_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=String(16))
    name: str = Field(primary_key=True, sa_type=KEY_TEXT)
    leads_to: UUID
    at: datetime = Field(sa_type=Moment)


class KillSwitchRow(Row, table=True):
    """Something that an operator has stopped. Rows of the system's tenant."""

    __tablename__ = "kill_switch"
    __table_args__ = (of_tenant(), one_of("scope", SWITCHES))

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    scope: str = Field(sa_type=String(16))
    name: str = Field(sa_type=String(128))  # Mutation.valueDcf, a kind, or a tenant's id
    reason: str = Field(sa_type=Text)  # as callers read it
    thrown_by: UUID
    thrown_at: datetime = Field(sa_type=Moment)
    lifted_by: UUID | None = None
    lifted_at: datetime | None = Field(default=None, sa_type=Moment)


class OperatorGrantRow(Row, table=True):
    """An operator's way into a tenant: with a reason and an end, seen and ended by the tenant."""

    __tablename__ = "operator_grant"
    __table_args__ = (
        of_tenant(),
        Index(None, "tenant_id", "created_at", "id"),
        one_of("role", ROLES),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    operator_id: UUID  # a member of the system's tenant
    operator_name: str = Field(sa_type=Text)
    role: str = Field(sa_type=String(16))  # what they may do here
    reason: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)
    needs_approval: bool
    approved_by: UUID | None = None
    approved_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_by: UUID | None = None  # before its time
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class DoneOnceRow(Row, table=True):
    """An administrative change under the caller's own id: a repeat gets the first answer."""

    __tablename__ = "done_once"
    __table_args__ = (
        of_tenant(),
        CheckConstraint("length(operation_id) BETWEEN 1 AND 64", name="operation_id"),
        CheckConstraint("length(fingerprint) = 64", name="fingerprint"),
    )

    tenant_id: UUID = Field(primary_key=True)
    operation_id: str = Field(primary_key=True, sa_type=String(64))
    fingerprint: str = Field(sa_type=String(64))  # SHA-256 of who asked for what, in hex
    answer: str = Field(sa_type=Text)  # JSON, without secrets
    at: datetime = Field(sa_type=Moment)


class ModelGrantRow(Row, table=True):
    """What a member may do with one model, whatever their role."""

    __tablename__ = "model_grant"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "model_id"], ["financial_model.tenant_id", "financial_model.id"]
        ),
        of_member(),
        Index(None, "tenant_id", "member_id"),
        one_of("role", ("OWNER", "EDITOR", "VIEWER")),
    )

    tenant_id: UUID = Field(primary_key=True)
    model_id: UUID = Field(primary_key=True)
    member_id: UUID = Field(primary_key=True)
    role: str = Field(sa_type=String(16))
    granted_by: UUID
    granted_at: datetime = Field(sa_type=Moment)


class TrustedDocumentRow(Row, table=True):
    """A GraphQL document that a tenant has looked at beforehand."""

    __tablename__ = "trusted_document"
    __table_args__ = (of_tenant(), CheckConstraint("length(id) = 64", name="id"))

    tenant_id: UUID = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=String(64))  # SHA-256 of the text, in hex
    text: str = Field(sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    registered_by: UUID
    registered_at: datetime = Field(sa_type=Moment)
