# ruff: noqa: S608 - changes are written as text here, to be refused or to find nothing
"""Changes drawn by chance over all tenants' tables, in the dialect of one database.

Rows of another tenant, or ours with another's ids; updates and deletions that reach as far
as they can; another's rows taken for ours; and ways to take the protection away.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from tests.contract.marked_rows import BARE, OURS, THEIRS, at_home, kind_of, literal, row
from tests.contract.random_sql import COLUMNS, Drawn, RandomSql


class RandomChanges(RandomSql):
    """An endless supply of statements that change rows, or what keeps them apart."""

    def draw(self) -> Drawn:
        """The next change."""
        self.begin()
        ways = {self._insert: 6, self._update: 6, self._delete: 3, self._copy: 4}
        return Drawn(self.chance({**ways, self._sabotage: 2})())

    def to_change(self, table: str) -> str:
        if self.sqlite:
            return self.chance({f"main.{table}": 12, table: 1, f'main."{table}"': 1})
        return self.chance({table: 6, f"public.{table}": 1})

    def _new(self, table: Table) -> dict[str, str]:
        """A row to insert, as literals: another's, ours, ours with another's ids, or a mixture."""
        ours, theirs = at_home(table, OURS), at_home(table, THEIRS)
        there = row(table, THEIRS, self.random.randrange(2))
        new: dict[str, Any] = dict(
            self.random.choice([ours, theirs, there, {**ours, "tenant_id": THEIRS.id}])
        )
        if self.often(0.5):
            # Pointing to the other tenant's row, at its key, or with what is unique among all. Our
            # own row may have any key: it is a key of ours then.
            for column in table.columns:
                if column.name != "tenant_id" and (
                    column.foreign_keys or (column.primary_key and new["tenant_id"] == THEIRS.id)
                ):
                    new[column.name] = there[column.name]
            for rule in table.constraints:
                if isinstance(rule, UniqueConstraint) and "tenant_id" not in rule.columns:
                    bare = row(table, BARE, 0)
                    new |= {column.name: bare[column.name] for column in rule.columns}
        return {name: literal(held, self.dialect_name) for name, held in new.items()}

    def _insert(self) -> str:
        table = self.table()
        new = self._new(table)
        verb = "INSERT INTO"
        if self.sqlite:
            ways = {"INSERT INTO": 8, "INSERT OR REPLACE INTO": 2, "INSERT OR IGNORE INTO": 1}
            verb = self.chance({**ways, "REPLACE INTO": 1})
        tail = ""
        if verb == "INSERT INTO" and self.often(0.6):
            kinds = (PrimaryKeyConstraint, UniqueConstraint)
            unique = [rule for rule in table.constraints if isinstance(rule, kinds)]
            names = ", ".join(column.name for column in self.random.choice(unique).columns)
            column = self.random.choice(list(new))
            tail = f" ON CONFLICT ({names}) DO " + self.chance(
                {"NOTHING": 1, f"UPDATE SET {column} = excluded.{column}": 4}
            )
        values = ", ".join(new.values())
        named = self.to_change(table.name)
        return f"{verb} {named} ({', '.join(new)}) VALUES ({values}){tail}{self._returning()}"

    def _update(self) -> str:
        table = self.table()
        column = self.random.choice(list(table.columns))
        other = self.random.choice([table, self.table()])
        names = COLUMNS[other.name]
        same = [name for name in names if names[name] == kind_of(column)] or ["tenant_id"]
        source = self.random.choice(same)
        new = self.chance(
            {
                literal(row(table, OURS, 9)[column.name], self.dialect_name): 3,
                f"(SELECT {self._least(source)} FROM {self.to_read(other.name)})": 3,
                f"{column.name}": 1,
            }
        )
        set_ = f"{column.name} = {new}"
        if self.often(0.25):
            set_ = f"tenant_id = {self.chance({self.theirs(): 2, self.ours(): 3})}"
        named = self.to_change(table.name)
        where = self._where_of(table)
        if self.often(0.15):
            alias = self.name()
            set_ = f"{column.name} = {alias}.{source}" if self.often(0.7) else set_
            return f"UPDATE {named} SET {set_} FROM {self.to_read(other.name)} AS {alias}{where}"
        return f"UPDATE {named} SET {set_}{where}{self._returning()}"

    def _least(self, column: str) -> str:
        """One value of a column. PostgreSQL has no least one of every type."""
        return (
            f"max({column})" if self.sqlite else f"(array_agg({column} ORDER BY tenant_id DESC))[1]"
        )

    def _delete(self) -> str:
        table = self.table()
        return f"DELETE FROM {self.to_change(table.name)}{self._where_of(table)}{self._returning()}"

    def _where_of(self, table: Table) -> str:
        name = self.random.choice(list(COLUMNS[table.name]))
        kind = COLUMNS[table.name][name]
        other = self.table().name
        column = f"{table.name}.{name}"
        condition = self.chance(
            {
                f"{table.name}.tenant_id = {self.theirs()}": 4,
                f"{table.name}.tenant_id = {self.ours()}": 5,
                f"{table.name}.tenant_id <> {self.ours()}": 2,
                f"CAST({column} AS text) LIKE '{THEIRS.word}%'": 2,
                f"{column} = {self.foreign(kind) if kind != 'flag' else column}": 2,
                f"EXISTS (SELECT 1 FROM {self.to_read(other)})": 2,
                "1 = 1": 2,
            }
        )
        return f" WHERE {condition}"

    def _copy(self) -> str:
        """Take another's rows for ours."""
        self._daring = self.often(0.5)
        table = self.table()
        source, columns = table.name, []
        for column in table.columns:
            if column.name == "tenant_id":
                columns.append(self.chance({self.ours(): 6, "tenant_id": 1, self.theirs(): 1}))
            elif column.foreign_keys and self.often(0.7):
                columns.append(literal(row(table, OURS, 0)[column.name], self.dialect_name))
            elif kind_of(column) == "whole" and column.primary_key:
                columns.append(f"{column.name} + 10")
            else:
                columns.append(column.name)
        names = ", ".join(column.name for column in table.columns)
        tail = self.chance({"": 3, " ON CONFLICT DO NOTHING": 2})
        where = " WHERE 1 = 1" if self.often(0.5) or tail else ""
        return (
            f"INSERT INTO {self.to_change(table.name)} ({names}) "
            f"SELECT {', '.join(columns)} FROM {self.to_read(source)}{where}{tail}"
        )

    def _returning(self) -> str:
        return " RETURNING *" if self.often(0.3) else ""

    def _sabotage(self) -> str:
        """Take the protection away."""
        table = self.table().name
        ways = _SQLITE_SABOTAGE if self.sqlite else _POSTGRESQL_SABOTAGE
        return self.random.choice(ways).format(
            table=table,
            verb=self.random.choice(["insert", "update", "delete"]),
            ours=self.ours(),
            theirs=self.theirs(),
        )


_SQLITE_SABOTAGE: Final = (
    "DROP TRIGGER main.{table}_{verb}_tenant",
    "DROP TRIGGER {table}_{verb}_tenant",
    "DROP TABLE main.{table}",
    "DROP VIEW {table}",
    "ALTER TABLE main.{table} RENAME TO mine",
    "CREATE TRIGGER mine AFTER INSERT ON main.{table} BEGIN SELECT 1; END",
    "CREATE TEMP TRIGGER mine AFTER INSERT ON main.{table} BEGIN SELECT 1; END",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA ignore_check_constraints = ON",
    "DELETE FROM sqlite_master",
    "UPDATE alembic_version SET version_num = '9999'",
    "ATTACH DATABASE ':memory:' AS other",
    "VACUUM INTO '/dev/null'",
    "WITH mine AS (SELECT * FROM main.{table}) DELETE FROM main.{table}",
)
_POSTGRESQL_SABOTAGE: Final = (
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} OWNER TO valor_app",
    "DROP POLICY tenant_isolation ON {table}",
    "ALTER POLICY tenant_isolation ON {table} USING (true)",
    "CREATE POLICY mine ON {table} USING (true)",
    "CREATE VIEW mine AS SELECT * FROM {table}",
    "CREATE RULE mine AS ON INSERT TO {table} DO NOTHING",
    "TRUNCATE {table} CASCADE",
    "DROP TABLE {table} CASCADE",
    "ALTER ROLE valor_app BYPASSRLS",
    "GRANT valor_owner TO valor_app",
    "SET ROLE valor_owner",
    "SET SESSION AUTHORIZATION valor_owner",
    "SET session_replication_role = replica",
    "SET LOCAL row_security = off",
    "SET valor.tenant_id = {theirs}",
    "UPDATE alembic_version SET version_num = '9999'",
    "MERGE INTO {table} USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    (
        "MERGE INTO {table} AS t USING {table} AS s ON t.tenant_id <> s.tenant_id "
        "WHEN MATCHED THEN UPDATE SET tenant_id = s.tenant_id"
    ),
    "COPY {table} TO PROGRAM 'cat'",
    "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
)
