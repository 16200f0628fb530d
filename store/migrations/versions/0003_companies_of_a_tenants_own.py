"""Companies that tenants bring themselves, and every change of them.

Expand: two tables. A company is changed but not removed from the table, and its changes are
only ever added to. Each is isolated in this step.
"""

import sqlalchemy as sa
from alembic import op

from store.isolation import Isolated
from store.migrations.protecting import protect

revision = "0003"
down_revision = "0002"

ISOLATED = (
    Isolated(table="own_company", verbs=("SELECT", "INSERT", "UPDATE")),
    Isolated(table="own_company_change", verbs=("SELECT", "INSERT")),
)

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _own_company()
    _own_company_change()
    protect(ISOLATED)


def _own_company() -> None:
    op.create_table(
        "own_company",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("ticker", sa.String(64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "ticker", name="pk_own_company"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name="fk_own_company_tenant"),
        sa.CheckConstraint("length(ticker) BETWEEN 1 AND 64", name="ck_own_company_ticker"),
        sa.CheckConstraint("revision >= 1", name="ck_own_company_revision"),
    )


def _own_company_change() -> None:
    op.create_table(
        "own_company_change",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("ticker", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "ticker", "seq", name="pk_own_company_change"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ticker"],
            ["own_company.tenant_id", "own_company.ticker"],
            name="fk_own_company_change_own_company",
        ),
        sa.CheckConstraint(
            "verb IN ('ADD', 'IMPORT', 'CORRECT', 'REMOVE')", name="ck_own_company_change_verb"
        ),
        sa.CheckConstraint("seq >= 1", name="ck_own_company_change_seq"),
    )
