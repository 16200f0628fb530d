"""Tenants, their members, and kept valuations.

Expand: the first schema. Every table is isolated from the start. The serving role may
add and read valuations and let them expire; nobody rewrites one.
"""

import sqlalchemy as sa
from alembic import op

from store.isolation import Isolated
from store.migrations.protecting import protect, serving_role

revision = "0001"
down_revision = None

ISOLATED = (
    Isolated(table="tenant", verbs=("SELECT", "INSERT", "UPDATE")),
    Isolated(table="member", verbs=("SELECT", "INSERT", "UPDATE", "DELETE")),
    Isolated(table="valuation", verbs=("SELECT", "INSERT", "DELETE")),
)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "tenant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("plan", sa.String(16), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenant"),
        sa.UniqueConstraint("slug", name="uq_tenant_slug"),
        sa.CheckConstraint("plan IN ('FREE', 'PRO', 'ENTERPRISE')", name="ck_tenant_plan"),
        sa.CheckConstraint("length(slug) BETWEEN 1 AND 63", name="ck_tenant_slug"),
    )
    op.create_table(
        "member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_member"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_member_tenant"),
        sa.UniqueConstraint("tenant_id", "subject", name="uq_member_tenant_id_subject"),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'ANALYST', 'VIEWER')", name="ck_member_role"
        ),
    )
    op.create_table(
        "valuation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("input_version", sa.Integer(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.String(64), nullable=False),
        sa.Column("engine_version", sa.String(32), nullable=False),
        sa.Column("stream_version", sa.String(32), nullable=False),
        sa.Column("numpy_version", sa.String(32), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("computed_at", moment, nullable=False),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("keep_until", moment, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_valuation"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_valuation_tenant"),
        sa.CheckConstraint(
            "kind IN ('DCF', 'LBO', 'MERGER', 'COMPARABLES',"
            " 'REAL_OPTION', 'PORTFOLIO', 'RISK', 'CREDIT')",
            name="ck_valuation_kind",
        ),
        sa.CheckConstraint("length(id) = 64", name="ck_valuation_id"),
        sa.CheckConstraint("input_version >= 1", name="ck_valuation_input_version"),
        sa.CheckConstraint("duration_ms >= 0", name="ck_valuation_duration_ms"),
    )
    op.create_index("ix_valuation_tenant_id_computed_at", "valuation", ["tenant_id", "computed_at"])
    protect(ISOLATED)
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"GRANT SELECT ON alembic_version TO {serving_role()}")
