"""What every table shares: names of constraints, moments, closed lists of words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlmodel import SQLModel

# Sorted and compared by its bytes, which is what SQLite does with every text: PostgreSQL finds a
# prefix by an index only so, and both have one order.
KEY_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond, the same on every database.

    PostgreSQL holds ``timestamptz``; SQLite has no such type and holds text of a fixed
    width, which sorts as time does. A moment without a zone is refused: it means nothing.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


class Row(SQLModel):
    """What every table shares: names of constraints that migrations can rely on."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


def of_tenant() -> ForeignKeyConstraint:
    """The key to the row of the tenant itself."""
    return ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"])


def of_member(column: str = "member_id") -> ForeignKeyConstraint:
    """The key to one of the tenant's members."""
    return ForeignKeyConstraint(["tenant_id", column], ["member.tenant_id", "member.id"])


def table_of(row: type[Row]) -> Table:
    """The SQL table of a ``...Row`` class."""
    table: Any = getattr(row, "__table__")  # noqa: B009 (SQLModel adds it without declaring it)
    if not isinstance(table, Table):
        raise TypeError(f"{row.__name__} is not a table")
    return table
