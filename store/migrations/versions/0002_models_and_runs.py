"""Financial models with their operations, snapshots and outbox; runs.

Expand: five tables. The log of operations and the snapshots are only ever added to, a
model and a run are changed but not removed, and the outbox is emptied as the world is
told. Each is isolated in this step.
"""

import sqlalchemy as sa
from alembic import op

from store.isolation import Isolated
from store.migrations.protecting import protect

revision = "0002"
down_revision = "0001"

ISOLATED = (
    Isolated(table="financial_model", verbs=("SELECT", "INSERT", "UPDATE")),
    Isolated(table="operation", verbs=("SELECT", "INSERT")),
    Isolated(table="model_snapshot", verbs=("SELECT", "INSERT")),
    Isolated(table="outbox", verbs=("SELECT", "INSERT", "DELETE")),
    Isolated(table="run", verbs=("SELECT", "INSERT", "UPDATE")),
)

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _financial_model()
    _operation()
    _model_snapshot()
    _outbox()
    _run()
    protect(ISOLATED)


def _financial_model() -> None:
    op.create_table(
        "financial_model",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("input_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "name_key",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("scenarios", sa.Text(), nullable=False),
        sa.Column("touched", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_financial_model"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_financial_model_tenant"
        ),
        sa.CheckConstraint(
            "kind IN ('DCF', 'LBO', 'MERGER', 'COMPARABLES',"
            " 'REAL_OPTION', 'PORTFOLIO', 'RISK', 'CREDIT')",
            name="ck_financial_model_kind",
        ),
        sa.CheckConstraint(
            "unit IN ('ONES', 'THOUSANDS', 'MILLIONS', 'BILLIONS')",
            name="ck_financial_model_unit",
        ),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 200", name="ck_financial_model_name"),
        sa.CheckConstraint("input_version >= 1", name="ck_financial_model_input_version"),
        sa.CheckConstraint("revision >= 1", name="ck_financial_model_revision"),
    )
    for ordered_by in ("updated_at", "created_at", "name_key"):
        op.create_index(
            f"ix_financial_model_tenant_id_{ordered_by}_id",
            "financial_model",
            ["tenant_id", ordered_by, "id"],
        )


def _operation() -> None:
    op.create_table(
        "operation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("operation_id", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("input_version", sa.Integer(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "model_id", "seq", name="pk_operation"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "model_id"],
            ["financial_model.tenant_id", "financial_model.id"],
            name="fk_operation_financial_model",
        ),
        sa.UniqueConstraint(
            "tenant_id", "operation_id", name="uq_operation_tenant_id_operation_id"
        ),
        sa.CheckConstraint(
            "verb IN ('CREATE', 'EDIT', 'RESTORE', 'ARCHIVE', 'DUPLICATE')",
            name="ck_operation_verb",
        ),
        sa.CheckConstraint("seq >= 1", name="ck_operation_seq"),
        sa.CheckConstraint(
            "length(operation_id) BETWEEN 1 AND 64", name="ck_operation_operation_id"
        ),
        sa.CheckConstraint("length(fingerprint) = 64", name="ck_operation_fingerprint"),
        sa.CheckConstraint("input_version >= 1", name="ck_operation_input_version"),
    )


def _model_snapshot() -> None:
    op.create_table(
        "model_snapshot",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("input_version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "model_id", "seq", name="pk_model_snapshot"),
        _of_an_operation("fk_model_snapshot_operation"),
        sa.CheckConstraint("input_version >= 1", name="ck_model_snapshot_input_version"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "model_id", "seq", name="pk_outbox"),
        _of_an_operation("fk_outbox_operation"),
    )


def _of_an_operation(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "model_id", "seq"],
        ["operation.tenant_id", "operation.model_id", "operation.seq"],
        name=name,
    )


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("operation_id", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("valuation_id", sa.String(64), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("trials", sa.BigInteger(), nullable=False),
        sa.Column("trials_done", sa.BigInteger(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_run"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_run_tenant"),
        sa.UniqueConstraint("tenant_id", "operation_id", name="uq_run_tenant_id_operation_id"),
        sa.CheckConstraint("kind IN ('SIMULATION')", name="ck_run_kind"),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')", name="ck_run_state"
        ),
        sa.CheckConstraint("length(operation_id) BETWEEN 1 AND 64", name="ck_run_operation_id"),
        sa.CheckConstraint("length(fingerprint) = 64", name="ck_run_fingerprint"),
        sa.CheckConstraint("length(valuation_id) = 64", name="ck_run_valuation_id"),
        sa.CheckConstraint("length(owner) BETWEEN 1 AND 64", name="ck_run_owner"),
        sa.CheckConstraint("attempts >= 0", name="ck_run_attempts"),
        sa.CheckConstraint("trials >= 1", name="ck_run_trials"),
        sa.CheckConstraint("trials_done BETWEEN 0 AND trials", name="ck_run_trials_done"),
    )
    op.create_index("ix_run_tenant_id_state", "run", ["tenant_id", "state"])
    op.create_index("ix_run_tenant_id_created_at_id", "run", ["tenant_id", "created_at", "id"])
