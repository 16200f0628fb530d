"""What passes between a tenant and the world: webhooks, and what a payment provider says."""

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

from store.tables.base import Moment, Row, of_tenant, one_of
from store.tables.tenants import PLANS

WEBHOOK_STATES = ("ACTIVE", "PAUSED", "REMOVED")
DELIVERY_STATES = ("WAITING", "DELIVERED", "DEAD")
SUBSCRIPTION_STATES = ("ACTIVE", "PAST_DUE", "CANCELLED")
BILLING_OUTCOMES = ("APPLIED", "IGNORED", "OUT_OF_DATE", "UNKNOWN")


class WebhookRow(Row, table=True):
    """An address of the tenant's that is told of what happens."""

    __tablename__ = "webhook"
    __table_args__ = (of_tenant(), one_of("state", WEBHOOK_STATES))

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    url: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    events: str = Field(sa_type=Text)  # JSON: a list of their names
    secret: str = Field(sa_type=Text)  # sealed; beside it the one before, for a while
    state: str = Field(sa_type=String(16))
    state_reason: str | None = Field(default=None, sa_type=Text)
    created_by: UUID
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class DeliveryRow(Row, table=True):
    """One event on its way to one address. Those of one stream go in order."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhook.tenant_id", "webhook.id"]),
        UniqueConstraint("tenant_id", "webhook_id", "stream", "seq"),
        Index(None, "tenant_id", "state", "webhook_id", "due_at"),
        Index(None, "tenant_id", "state", "webhook_id", "stream", "seq"),
        Index(None, "tenant_id", "state", "webhook_id", "created_at", "id"),
        Index(None, "tenant_id", "webhook_id", "created_at", "id"),
        one_of("state", DELIVERY_STATES),
        CheckConstraint("attempts >= 0", name="attempts"),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    webhook_id: UUID
    stream: str = Field(sa_type=String(128))  # a model, a run, the audit
    seq: int = Field(sa_type=BigInteger)
    event: str = Field(sa_type=String(64))
    payload: str = Field(sa_type=Text)  # the body, as it is signed
    state: str = Field(sa_type=String(16))
    attempts: int = Field(sa_type=Integer)
    since: datetime = Field(sa_type=Moment)  # when it was made, or asked for again
    due_at: datetime = Field(sa_type=Moment)
    owner: str | None = Field(default=None, sa_type=String(64))  # the process with the lease
    lease_until: datetime | None = Field(default=None, sa_type=Moment)
    status: int | None = Field(default=None, sa_type=Integer)  # the newest answer's
    problem: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class SubscriptionRow(Row, table=True):
    """What a tenant pays for, as the payment provider said last."""

    __tablename__ = "subscription"
    __table_args__ = (
        of_tenant(),
        one_of("plan", PLANS),
        one_of("state", SUBSCRIPTION_STATES),
    )

    tenant_id: UUID = Field(primary_key=True)
    plan: str = Field(sa_type=String(16))
    state: str = Field(sa_type=String(16))
    state_since: datetime = Field(sa_type=Moment)
    period_start: datetime = Field(sa_type=Moment)
    period_end: datetime = Field(sa_type=Moment)
    amount: int = Field(sa_type=BigInteger)  # a period, in the currency's smallest unit
    currency: str = Field(sa_type=String(3))
    customer: str | None = Field(default=None, sa_type=String(255))  # the provider's ids
    reference: str | None = Field(default=None, sa_type=String(255))
    as_of: datetime = Field(sa_type=Moment)  # of the event that said so
    updated_at: datetime = Field(sa_type=Moment)


class SubscriptionChangeRow(Row, table=True):
    """A change of plan, and what of the period it gives back and costs."""

    __tablename__ = "subscription_change"
    __table_args__ = (
        of_tenant(),
        Index(None, "tenant_id", "at"),
        one_of("plan_before", PLANS),
        one_of("plan_after", PLANS),
    )

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment)
    plan_before: str = Field(sa_type=String(16))
    plan_after: str = Field(sa_type=String(16))
    proration: str = Field(sa_type=Text)  # JSON: unused share, credit, charge, currency
    made_by: UUID | None = None  # None: the payment provider
    event_id: str | None = Field(default=None, sa_type=String(255))


class BillingEventRow(Row, table=True):
    """An event of the payment provider's: each counts once."""

    __tablename__ = "billing_event"
    __table_args__ = (
        of_tenant(),
        Index(None, "tenant_id", "customer"),
        one_of("outcome", BILLING_OUTCOMES),
        CheckConstraint("length(payload_hash) = 64", name="payload_hash"),
    )

    tenant_id: UUID = Field(primary_key=True)  # the system's, where the customer is unknown
    id: str = Field(primary_key=True, sa_type=String(255))
    type: str = Field(sa_type=String(128))
    customer: str | None = Field(default=None, sa_type=String(255))
    created_at: datetime = Field(sa_type=Moment)  # by the provider's clock
    received_at: datetime = Field(sa_type=Moment)
    payload: str = Field(sa_type=Text)
    payload_hash: str = Field(sa_type=String(64))
    outcome: str = Field(sa_type=String(16))
    note: str | None = Field(default=None, sa_type=Text)
