"""Tenants: states, invitations, branding, usage, grants, switches, and what leads to them.

Expand: columns with defaults for tenants, members, models and runs, a role for operators, and
nine tables. The code before this one goes on: what it writes takes the defaults.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from store.isolation import Isolated
from store.migrations.protecting import protect, serving_role

revision = "0004"
down_revision = "0003"

ISOLATED = (
    Isolated(table="member", verbs=("SELECT", "INSERT", "UPDATE")),
    Isolated(table="valuation", verbs=("SELECT", "INSERT")),
    Isolated(
        table="invitation",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="branding",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
        ),
    ),
    Isolated(
        table="usage",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="directory",
        verbs=(
            "SELECT",
            "INSERT",
            "DELETE",
        ),
    ),
    Isolated(
        table="kill_switch",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="operator_grant",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="done_once",
        verbs=(
            "SELECT",
            "INSERT",
        ),
    ),
    Isolated(
        table="model_grant",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
        ),
    ),
    Isolated(
        table="trusted_document",
        verbs=(
            "SELECT",
            "INSERT",
            "DELETE",
        ),
    ),
)

SYSTEM = UUID("00000000-0000-7000-8000-000000000001")
MOMENT = sa.DateTime(timezone=True)
KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_LESS, _NEW = ISOLATED[:2], ISOLATED[2:]

# As they are from now on. SQLite cannot change a rule in place, so the table is made again.
_MEMBER = """
CREATE TABLE member_next (
    tenant_id CHAR(32) NOT NULL,
    id CHAR(32) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    name TEXT NOT NULL,
    role VARCHAR(16) NOT NULL,
    CONSTRAINT pk_member PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_member_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (tenant_id),
    CONSTRAINT uq_member_tenant_id_subject UNIQUE (tenant_id, subject),
    CONSTRAINT ck_member_role
        CHECK (role IN ('OWNER', 'ADMIN', 'ANALYST', 'VIEWER', 'OPERATOR'))
)"""
_COLUMNS = (
    (
        "tenant ADD COLUMN state VARCHAR(16) DEFAULT 'ACTIVE' NOT NULL "
        "CONSTRAINT ck_tenant_state CHECK (state IN ('ACTIVE', 'SUSPENDED'))"
    ),
    "tenant ADD COLUMN state_reason TEXT",
    "tenant ADD COLUMN state_since {moment}",
    "tenant ADD COLUMN settings TEXT DEFAULT '{{}}' NOT NULL",
    "tenant ADD COLUMN revision BIGINT DEFAULT 1 NOT NULL",
    (
        "member ADD COLUMN kind VARCHAR(16) DEFAULT 'PERSON' NOT NULL "
        "CONSTRAINT ck_member_kind CHECK (kind IN ('PERSON', 'SERVICE'))"
    ),
    (
        "member ADD COLUMN state VARCHAR(16) DEFAULT 'ACTIVE' NOT NULL "
        "CONSTRAINT ck_member_state CHECK (state IN ('ACTIVE', 'REMOVED', 'ERASED'))"
    ),
    "member ADD COLUMN email TEXT",
    "member ADD COLUMN joined_at {moment}",
    "member ADD COLUMN changed_at {moment}",
    (
        "financial_model ADD COLUMN access VARCHAR(16) DEFAULT 'TENANT' NOT NULL "
        "CONSTRAINT ck_financial_model_access CHECK (access IN ('TENANT', 'RESTRICTED'))"
    ),
    "run ADD COLUMN announced BOOLEAN DEFAULT {false} NOT NULL",
    "run ADD COLUMN points BIGINT DEFAULT 0 NOT NULL",
    (
        "run ADD COLUMN points_back BIGINT DEFAULT 0 "
        "CONSTRAINT ck_run_points_back CHECK (points_back BETWEEN 0 AND points)"
    ),
)


def upgrade() -> None:
    _members_may_be_operators()
    sqlite = op.get_bind().dialect.name == "sqlite"
    moment = "DATETIME" if sqlite else "TIMESTAMP WITH TIME ZONE"
    false = "0" if sqlite else "false"
    for column in _COLUMNS:
        op.execute("ALTER TABLE " + column.format(moment=moment, false=false))
    op.create_index("ix_run_tenant_id_announced_state", "run", ["tenant_id", "announced", "state"])
    op.create_index("ix_run_tenant_id_points_back", "run", ["tenant_id", "points_back"])
    _invitation()
    _branding()
    _usage()
    _directory()
    _kill_switch()
    _operator_grant()
    _done_once()
    _model_grant()
    _trusted_document()
    _take_rights_away()
    _slugs_lead_to_tenants()
    protect(_NEW)


def _members_may_be_operators() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("ck_member_role", "member", type_="check")
        op.create_check_constraint(
            "ck_member_role",
            "member",
            "role IN ('OWNER', 'ADMIN', 'ANALYST', 'VIEWER', 'OPERATOR')",
        )
        return
    op.execute(_MEMBER)
    op.execute(
        "INSERT INTO member_next (tenant_id, id, subject, name, role) "
        "SELECT tenant_id, id, subject, name, role FROM member"
    )
    op.execute("DROP TABLE member")  # and its triggers with it
    op.execute("ALTER TABLE member_next RENAME TO member")


def _take_rights_away() -> None:
    """Nobody who serves removes a member or a valuation: the owner's retention does."""
    if op.get_bind().dialect.name != "sqlite":
        role = serving_role()
        for each in _LESS:
            op.execute(f"REVOKE DELETE ON {each.table} FROM {role}")
        return
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER valuation_{verb}_tenant")
    protect(_LESS)  # a table of members that was made again has no triggers


def _slugs_lead_to_tenants() -> None:
    """Tenants that were there before are found by their slugs, as those to come will be."""
    bind = op.get_bind()
    sqlite = bind.dialect.name == "sqlite"
    if sqlite:
        driver = bind.connection.dbapi_connection
        driver.create_function("valor_tenant", 0, lambda: SYSTEM.hex)  # type: ignore[union-attr] # it is open
        system, now = f"'{SYSTEM.hex}'", "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    else:
        system, now = f"'{SYSTEM}'::uuid", "now()"
        # The owner sees every tenant, for as long as nobody else can look.
        op.execute("ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO tenant (tenant_id, slug, name, plan, created_at) "  # noqa: S608 - words above
        f"SELECT {system}, 'system', 'Valor IVX', 'ENTERPRISE', {now} FROM tenant LIMIT 1"
    )
    op.execute(
        "INSERT INTO directory (tenant_id, kind, name, leads_to, at) "  # noqa: S608 - words above
        f"SELECT {system}, 'SLUG', slug, tenant_id, {now} FROM tenant WHERE tenant_id <> {system}"
    )
    if not sqlite:
        op.execute("ALTER TABLE tenant FORCE ROW LEVEL SECURITY")


def _invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("accepted_at", MOMENT, nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_invitation"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_invitation_tenant"),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'ANALYST', 'VIEWER', 'OPERATOR')", name="ck_invitation_role"
        ),
        sa.CheckConstraint("length(secret_hash) = 64", name="ck_invitation_secret_hash"),
    )
    op.create_index(
        "ix_invitation_tenant_id_created_at_id", "invitation", ["tenant_id", "created_at", "id"]
    )


def _branding() -> None:
    op.create_table(
        "branding",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("colours", sa.Text(), nullable=False),
        sa.Column("logo", sa.Text(), nullable=True),
        sa.Column("logo_type", sa.String(32), nullable=True),
        sa.Column("logo_hash", sa.String(64), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_branding"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_branding_tenant"),
    )


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "day", "metric", name="pk_usage"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_usage_tenant"),
    )


def _directory() -> None:
    op.create_table(
        "directory",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", KEY_TEXT, nullable=False),
        sa.Column("leads_to", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "name", name="pk_directory"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_directory_tenant"),
        sa.CheckConstraint(
            "kind IN ('SLUG', 'ISSUER', 'CUSTOMER', 'ORIGIN', 'WEBHOOKS', 'GRACE')",
            name="ck_directory_kind",
        ),
    )


def _kill_switch() -> None:
    op.create_table(
        "kill_switch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("thrown_by", sa.Uuid(), nullable=False),
        sa.Column("thrown_at", MOMENT, nullable=False),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_kill_switch"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_kill_switch_tenant"),
        sa.CheckConstraint("scope IN ('OPERATION', 'KIND', 'TENANT')", name="ck_kill_switch_scope"),
    )


def _operator_grant() -> None:
    op.create_table(
        "operator_grant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("operator_name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_operator_grant"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_operator_grant_tenant"
        ),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'ANALYST', 'VIEWER', 'OPERATOR')",
            name="ck_operator_grant_role",
        ),
    )
    op.create_index(
        "ix_operator_grant_tenant_id_created_at_id",
        "operator_grant",
        ["tenant_id", "created_at", "id"],
    )


def _done_once() -> None:
    op.create_table(
        "done_once",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("operation_id", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "operation_id", name="pk_done_once"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_done_once_tenant"),
        sa.CheckConstraint("length(fingerprint) = 64", name="ck_done_once_fingerprint"),
        sa.CheckConstraint(
            "length(operation_id) BETWEEN 1 AND 64", name="ck_done_once_operation_id"
        ),
    )


def _model_grant() -> None:
    op.create_table(
        "model_grant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "model_id", "member_id", name="pk_model_grant"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "model_id"],
            ["financial_model.tenant_id", "financial_model.id"],
            name="fk_model_grant_financial_model",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name="fk_model_grant_member",
        ),
        sa.CheckConstraint("role IN ('OWNER', 'EDITOR', 'VIEWER')", name="ck_model_grant_role"),
    )
    op.create_index("ix_model_grant_tenant_id_member_id", "model_grant", ["tenant_id", "member_id"])


def _trusted_document() -> None:
    op.create_table(
        "trusted_document",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_trusted_document"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_trusted_document_tenant"
        ),
        sa.CheckConstraint("length(id) = 64", name="ck_trusted_document_id"),
    )
