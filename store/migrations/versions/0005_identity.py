"""How members prove who they are: accounts, sessions, keys, identity providers.

Expand: five tables. A session or a key that has ended stays on record.
"""

import sqlalchemy as sa
from alembic import op

from store.isolation import Isolated
from store.migrations.protecting import protect

revision = "0005"
down_revision = "0004"

ISOLATED = (
    Isolated(
        table="account",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
        ),
    ),
    Isolated(
        table="session",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="api_key",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
        ),
    ),
    Isolated(
        table="identity_provider",
        verbs=(
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
        ),
    ),
    Isolated(
        table="federated_identity",
        verbs=(
            "SELECT",
            "INSERT",
            "DELETE",
        ),
    ),
)

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _account()
    _session()
    _api_key()
    _identity_provider()
    _federated_identity()
    protect(ISOLATED)


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", MOMENT, nullable=True),
        sa.Column("totp", sa.Text(), nullable=True),
        sa.Column("totp_since", MOMENT, nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("reset_hash", sa.String(64), nullable=True),
        sa.Column("reset_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "member_id", name="pk_account"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"], ["member.tenant_id", "member.id"], name="fk_account_member"
        ),
    )


def _session() -> None:
    op.create_table(
        "session",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("family_hash", sa.String(64), nullable=False),
        sa.Column("refresh_hash", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=True),
        sa.Column("salt", sa.String(64), nullable=True),
        sa.Column("refreshes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_why", sa.String(64), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_session"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_session_tenant"),
        sa.CheckConstraint(
            "method IN ('PASSWORD', 'OIDC', 'INVITATION', 'OPERATOR')", name="ck_session_method"
        ),
        sa.CheckConstraint("length(refresh_hash) = 64", name="ck_session_refresh_hash"),
        sa.CheckConstraint("length(family_hash) = 64", name="ck_session_family_hash"),
    )
    op.create_index(
        "ix_session_tenant_id_member_id_created_at_id",
        "session",
        ["tenant_id", "member_id", "created_at", "id"],
    )


def _api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_api_key"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"], ["member.tenant_id", "member.id"], name="fk_api_key_member"
        ),
        sa.CheckConstraint("length(secret_hash) = 64", name="ck_api_key_secret_hash"),
    )
    op.create_index(
        "ix_api_key_tenant_id_created_at_id", "api_key", ["tenant_id", "created_at", "id"]
    )


def _identity_provider() -> None:
    op.create_table(
        "identity_provider",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=True),
        sa.Column("role_claim", sa.Text(), nullable=True),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("default_role", sa.String(16), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_identity_provider"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.tenant_id"], name="fk_identity_provider_tenant"
        ),
        sa.UniqueConstraint("tenant_id", "issuer", name="uq_identity_provider_tenant_id_issuer"),
        sa.CheckConstraint(
            "default_role IN ('OWNER', 'ADMIN', 'ANALYST', 'VIEWER', 'OPERATOR')",
            name="ck_identity_provider_default_role",
        ),
    )


def _federated_identity() -> None:
    op.create_table(
        "federated_identity",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "provider_id", "subject", name="pk_federated_identity"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name="fk_federated_identity_identity_provider",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name="fk_federated_identity_member",
        ),
    )
