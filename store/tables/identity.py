"""How members prove who they are: accounts, sessions, keys, identity providers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field

from store.tables.base import Moment, Row, of_member, of_tenant, one_of
from store.tables.tenants import ROLES

METHODS = ("PASSWORD", "OIDC", "INVITATION", "OPERATOR")


class AccountRow(Row, table=True):
    """A member's local account: a password, and a second factor."""

    __tablename__ = "account"
    __table_args__ = (of_member(),)

    tenant_id: UUID = Field(primary_key=True)
    member_id: UUID = Field(primary_key=True)
    password_hash: str = Field(sa_type=Text)  # argon2id, in its own form
    changed_at: datetime = Field(sa_type=Moment)
    failures: int = Field(sa_type=Integer)  # since the last success
    locked_until: datetime | None = Field(default=None, sa_type=Moment)
    totp: str | None = Field(default=None, sa_type=Text)  # the secret, sealed
    totp_since: datetime | None = Field(default=None, sa_type=Moment)  # confirmed; None: asked for
    totp_step: int | None = Field(default=None, sa_type=BigInteger)  # the newest that was used
    recovery: str = Field(sa_type=Text)  # sealed: hashes of codes that were not used; or []
    places: str = Field(sa_type=Text)  # JSON: hashes of addresses that sign-ins came from
    reset_hash: str | None = Field(default=None, sa_type=String(64))  # of a way to a new password
    reset_until: datetime | None = Field(default=None, sa_type=Moment)


class SessionRow(Row, table=True):
    """A member who is signed in: a family of refresh tokens, of which the newest is good."""

    __tablename__ = "session"
    __table_args__ = (
        of_tenant(),
        Index(None, "tenant_id", "member_id", "created_at", "id"),
        one_of("method", METHODS),
        CheckConstraint("length(refresh_hash) = 64", name="refresh_hash"),
        CheckConstraint("length(family_hash) = 64", name="family_hash"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    member_id: UUID  # of this tenant; of the system's for an operator
    method: str = Field(sa_type=String(16))
    family_hash: str = Field(sa_type=String(64))  # SHA-256 of what all its tokens share, in hex
    refresh_hash: str = Field(sa_type=String(64))  # SHA-256 of the newest one's secret
    previous_hash: str | None = Field(default=None, sa_type=String(64))  # of the one before it
    salt: str | None = Field(default=None, sa_type=String(64))  # with which it became the newest
    refreshes: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=Moment)
    used_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)  # whatever is done until then
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_why: str | None = Field(default=None, sa_type=String(64))
    agent: str | None = Field(default=None, sa_type=Text)  # as the client calls itself
    grant_id: UUID | None = None  # an operator's


class ApiKeyRow(Row, table=True):
    """A machine's way in, as one of the tenant's members, narrowed to scopes."""

    __tablename__ = "api_key"
    __table_args__ = (
        of_member(),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint("length(secret_hash) = 64", name="secret_hash"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    member_id: UUID  # whom it acts as
    name: str = Field(sa_type=Text)
    secret_hash: str = Field(sa_type=String(64))
    scopes: str = Field(sa_type=Text)  # JSON: a list of permissions
    created_by: UUID
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime | None = Field(default=None, sa_type=Moment)
    used_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_by: UUID | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class IdentityProviderRow(Row, table=True):
    """Whom a tenant trusts to say who somebody is."""

    __tablename__ = "identity_provider"
    __table_args__ = (
        of_tenant(),
        UniqueConstraint("tenant_id", "issuer"),
        one_of("default_role", ROLES),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    issuer: str = Field(sa_type=Text)
    client_id: str = Field(sa_type=Text)
    client_secret: str | None = Field(default=None, sa_type=Text)  # sealed
    role_claim: str | None = Field(default=None, sa_type=Text)
    roles: str = Field(sa_type=Text)  # JSON: value of the claim -> role
    default_role: str | None = Field(default=None, sa_type=String(16))  # None: strangers stay out
    enabled: bool
    created_by: UUID
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class FederatedIdentityRow(Row, table=True):
    """Who a provider's subject is here; of an erased member a keyed hash stands for it."""

    __tablename__ = "federated_identity"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "provider_id"], ["identity_provider.tenant_id", "identity_provider.id"]
        ),
        of_member(),
    )

    tenant_id: UUID = Field(primary_key=True)
    provider_id: UUID = Field(primary_key=True)
    subject: str = Field(primary_key=True, sa_type=String(255))
    member_id: UUID
    linked_at: datetime = Field(sa_type=Moment)
