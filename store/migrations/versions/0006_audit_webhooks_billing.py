"""Audit, webhooks, and what a payment provider says.

Expand: nine tables. The chain of the audit and changes of a subscription are only ever added to.
"""

import sqlalchemy as sa
from alembic import op

from store.isolation import Isolated
from store.migrations.protecting import protect

revision = "0006"
down_revision = "0005"

ISOLATED = (
    Isolated(
        table="audit_pending",
        verbs=(
            "SELECT",
            "INSERT",
            "DELETE",
        ),
    ),
    Isolated(
        table="audit_event",
        verbs=(
            "SELECT",
            "INSERT",
        ),
    ),
    Isolated(
        table="audit_checkpoint",
        verbs=(
            "SELECT",
            "INSERT",
        ),
    ),
    Isolated(
        table="legal_hold",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="webhook",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="webhook_delivery",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="subscription",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="subscription_change",
        verbs=(
            "SELECT",
            "INSERT",
        ),
    ),
    Isolated(
        table="billing_event",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
)

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _audit_pending()
    _audit_event()
    _audit_checkpoint()
    _legal_hold()
    _webhook()
    _webhook_delivery()
    _subscription()
    _subscription_change()
    _billing_event()
    protect(ISOLATED)


def _audit_pending() -> None:
    op.create_table(
        "audit_pending",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject_kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("operation_id", sa.String(64), nullable=True),
        sa.Column("session", sa.String(64), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_audit_pending"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_audit_pending_tenant"
        ),
        sa.CheckConstraint(
            "actor_kind IN ('MEMBER', 'SERVICE', 'OPERATOR', 'SYSTEM')",
            name="ck_audit_pending_actor_kind",
        ),
    )


def _audit_event() -> None:
    op.create_table(
        "audit_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject_kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("operation_id", sa.String(64), nullable=True),
        sa.Column("session", sa.String(64), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name="pk_audit_event"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_audit_event_tenant"),
        sa.CheckConstraint(
            "actor_kind IN ('MEMBER', 'SERVICE', 'OPERATOR', 'SYSTEM')",
            name="ck_audit_event_actor_kind",
        ),
        sa.CheckConstraint("length(hash) = 64", name="ck_audit_event_hash"),
        sa.CheckConstraint("length(previous) = 64", name="ck_audit_event_previous"),
        sa.CheckConstraint("seq >= 1", name="ck_audit_event_seq"),
    )
    op.create_index(
        "ix_audit_event_tenant_id_subject_seq", "audit_event", ["tenant_id", "subject", "seq"]
    )
    op.create_index("ix_audit_event_tenant_id_at", "audit_event", ["tenant_id", "at"])


def _audit_checkpoint() -> None:
    op.create_table(
        "audit_checkpoint",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "seq", name="pk_audit_checkpoint"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_audit_checkpoint_tenant"
        ),
        sa.CheckConstraint("length(hash) = 64", name="ck_audit_checkpoint_hash"),
        sa.CheckConstraint("kind IN ('HEAD', 'PRUNED')", name="ck_audit_checkpoint_kind"),
    )


def _legal_hold() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Uuid(), nullable=False),
        sa.Column("placed_at", MOMENT, nullable=False),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_legal_hold"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_legal_hold_tenant"),
        sa.CheckConstraint(
            "subject_kind IN ('TENANT', 'MODEL', 'MEMBER')", name="ck_legal_hold_subject_kind"
        ),
    )


def _webhook() -> None:
    op.create_table(
        "webhook",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_webhook"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_webhook_tenant"),
        sa.CheckConstraint("state IN ('ACTIVE', 'PAUSED', 'REMOVED')", name="ck_webhook_state"),
    )


def _webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("stream", sa.String(128), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_webhook_delivery"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_webhook_delivery_webhook",
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "webhook_id",
            "stream",
            "seq",
            name="uq_webhook_delivery_tenant_id_webhook_id_stream_seq",
        ),
        sa.CheckConstraint("attempts >= 0", name="ck_webhook_delivery_attempts"),
        sa.CheckConstraint(
            "state IN ('WAITING', 'DELIVERED', 'DEAD')", name="ck_webhook_delivery_state"
        ),
    )
    for columns in (
        ("state", "webhook_id", "due_at"),
        ("state", "webhook_id", "stream", "seq"),
        ("state", "webhook_id", "created_at", "id"),
        ("webhook_id", "created_at", "id"),
    ):
        op.create_index(
            "ix_webhook_delivery_tenant_id_" + "_".join(columns),
            "webhook_delivery",
            ["tenant_id", *columns],
        )


def _subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plan", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_since", MOMENT, nullable=False),
        sa.Column("period_start", MOMENT, nullable=False),
        sa.Column("period_end", MOMENT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("customer", sa.String(255), nullable=True),
        sa.Column("reference", sa.String(255), nullable=True),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_subscription"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_subscription_tenant"),
        sa.CheckConstraint("plan IN ('FREE', 'PRO', 'ENTERPRISE')", name="ck_subscription_plan"),
        sa.CheckConstraint(
            "state IN ('ACTIVE', 'PAST_DUE', 'CANCELLED')", name="ck_subscription_state"
        ),
    )


def _subscription_change() -> None:
    op.create_table(
        "subscription_change",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("plan_before", sa.String(16), nullable=False),
        sa.Column("plan_after", sa.String(16), nullable=False),
        sa.Column("proration", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.String(255), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_subscription_change"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_subscription_change_tenant"
        ),
        sa.CheckConstraint(
            "plan_after IN ('FREE', 'PRO', 'ENTERPRISE')", name="ck_subscription_change_plan_after"
        ),
        sa.CheckConstraint(
            "plan_before IN ('FREE', 'PRO', 'ENTERPRISE')",
            name="ck_subscription_change_plan_before",
        ),
    )
    op.create_index(
        "ix_subscription_change_tenant_id_at", "subscription_change", ["tenant_id", "at"]
    )


def _billing_event() -> None:
    op.create_table(
        "billing_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("customer", sa.String(255), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_billing_event"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_billing_event_tenant"
        ),
        sa.CheckConstraint(
            "outcome IN ('APPLIED', 'IGNORED', 'OUT_OF_DATE', 'UNKNOWN')",
            name="ck_billing_event_outcome",
        ),
        sa.CheckConstraint("length(payload_hash) = 64", name="ck_billing_event_payload_hash"),
    )
    op.create_index(
        "ix_billing_event_tenant_id_customer", "billing_event", ["tenant_id", "customer"]
    )
