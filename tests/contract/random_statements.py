"""Statements drawn by chance at the store's own door, and built upon as SQLAlchemy allows.

What ``store.scope`` makes is narrowed, joined, widened and nested, as somebody might who
does not think of tenants; and it is run with values of every name, the tenant's among them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import (
    Select,
    Text,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy import column as free_column
from sqlalchemy.exc import InvalidRequestError, SQLAlchemyError

from store import scope
from store.one_statement import SCOPE_TEXT
from store.tables import Row, table_of
from tests.contract.marked_rows import OURS, THEIRS, Tenant, at_home, kind_of, rows_of
from tests.contract.random_sql import Drawn, RandomSql

ROWS = tuple(sorted(Row.__subclasses__(), key=lambda row: row.__name__))


class RandomStatements(RandomSql):
    """An endless supply of what goes through a session."""

    def query(self) -> Drawn:
        """A select, mostly one that is right."""
        self.begin()
        of = self.random.choice(ROWS)
        names = (
            self.some([column.name for column in table_of(of).columns], 1, 4)
            if self.often(0.7)
            else []
        )
        statement = scope.count(of) if self.often(0.1) else scope.select(of, *names)
        for _ in range(self.chance({0: 2, 1: 4, 2: 3, 3: 1})):
            with suppress(InvalidRequestError):  # it cannot be built upon in every way
                statement = self._further(statement, of)
        return self._drawn(statement, of)

    def change(self) -> Drawn:
        """An insert, an update or a delete."""
        self.begin()
        of = self.random.choice(ROWS)
        columns = table_of(of).columns
        names = self.some([column.name for column in columns if column.name != "tenant_id"], 1, 3)
        make: Callable[[], Any] = self.chance(
            {
                lambda: scope.insert(of): 2,
                lambda: scope.insert_if_absent(of, self.dialect_name): 2,
                lambda: scope.update(of, *names): 4,
                lambda: scope.delete(of): 2,
                lambda: scope.update(of, "tenant_id"): 0.5,
            }
        )
        statement = make()
        other = table_of(self.random.choice(ROWS))
        if hasattr(statement, "where"):
            for _ in range(self.random.randint(0, 2)):
                statement = statement.where(self._criterion(of, other))
        if hasattr(statement, "values") and self.often(0.2):
            statement = statement.values(tenant_id=THEIRS.id)
        return self._drawn(statement, of)

    def _drawn(self, statement: Any, of: type[Row]) -> Drawn:
        values = at_home(table_of(of), OURS)
        if self.often(0.5):
            values |= {"tenant_id": THEIRS.id, scope.SCOPE: THEIRS.id}
            values[SCOPE_TEXT] = str(THEIRS.id)
        try:
            sql = str(statement)
        except SQLAlchemyError as error:  # it cannot be built in every way
            sql = str(error)
        return Drawn(sql, statement=statement, values=values, exact=False)

    def _further(self, statement: Any, of: type[Row]) -> Any:
        if not isinstance(statement, Select):  # a union was drawn
            return statement
        other = table_of(self.random.choice(ROWS))
        column = self.random.choice(list(other.c))
        alias = other.alias()
        ways: dict[Callable[[], Any], float] = {
            lambda: statement.where(self._criterion(of, other)): 8,
            lambda: statement.order_by(literal_column("1")): 0.3,
            lambda: statement.limit(self.random.randint(1, 9)): 1,
            statement.distinct: 1,
            lambda: statement.join(other, true(), isouter=self.often(0.5)): 1,
            lambda: statement.join(alias, true()).add_columns(alias.c[column.name]): 1,
            lambda: statement.join(
                alias, alias.c.tenant_id == scope.column(of, "tenant_id")
            ).add_columns(alias.c[column.name]): 1,
            lambda: statement.add_columns(column): 1,
            lambda: statement.with_only_columns(column): 1,
            lambda: statement.select_from(other).add_columns(func.count()): 0.5,
            lambda: statement.add_columns(
                select(func.max(cast(column, Text))).scalar_subquery().label("most")
            ): 1,
            lambda: statement.join(
                select(column).cte("a_cte" if self.often(0.5) else other.name), true()
            ): 0.5,
            lambda: statement.join(select(column).subquery(), true()): 0.5,
            lambda: statement.where(text("1 = 1) OR (1 = 1")): 0.5,
            lambda: statement.add_columns(
                literal_column(f"(SELECT max({column.name}) FROM {other.name})")  # noqa: S608
            ): 0.5,
            lambda: statement.add_columns(
                table(other.name, free_column(column.name)).c[column.name].label("bare")
            ): 0.5,
            lambda: statement.union(select(*list(other.c)[: len(statement.selected_columns)])): 0.5,
        }
        return self.chance(ways)()

    def _criterion(self, of: type[Row], other: Any) -> Any:
        column = self.random.choice(list(table_of(of).c))
        there = self.random.choice(list(other.c))
        held = self.random.choice(self._held(column))
        ways: dict[Callable[[], Any], float] = {
            lambda: column == held: 3,
            lambda: column.is_not(None): 4,
            lambda: scope.column(of, "tenant_id") == THEIRS.id: 1,
            lambda: or_(scope.column(of, "tenant_id") == THEIRS.id, true()): 2,
            lambda: or_(column == held, true()): 2,
            lambda: cast(column, Text).in_(select(cast(there, Text))): 1,
            lambda: exists(select(there)): 1,
            lambda: exists(select(there).where(cast(there, Text) == cast(column, Text))): 0.5,
            lambda: column == there: 0.5,
        }
        return self.chance(ways)()

    def _held(self, column: Any) -> list[Any]:
        def of(tenant: Tenant) -> list[Any]:
            return [each[column.name] for each in rows_of(column.table, tenant)]

        return [*of(OURS), *of(THEIRS)] if kind_of(column) != "flag" else [True, False]
