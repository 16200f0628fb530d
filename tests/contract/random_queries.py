# ruff: noqa: S608 - queries are written as text here, to be refused or to find nothing
"""Queries drawn by chance over all tenants' tables, in the dialect of one database.

What a careless or a cunning hand could write: joins, subqueries, set operations, windows,
common table expressions that take a table's name, another tenant's ids as literals, and
names that lead past the views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Table

from tests.contract.marked_rows import TABLES, THEIRS
from tests.contract.random_sql import COLUMNS, Columns, Drawn, RandomSql


@dataclass(frozen=True, slots=True)
class Item:
    """Something that has a value: its text and its kind."""

    text: str
    kind: str


class RandomQueries(RandomSql):
    """An endless supply of statements that only look."""

    def __init__(self, dialect_name: str, seed: int, tables: Sequence[Table] = TABLES) -> None:
        super().__init__(dialect_name, seed, tables)
        self._shadows: dict[str, Columns] = {}
        self._exact = True

    def draw(self) -> Drawn:
        """The next query."""
        self.begin()
        self._exact, self._shadows = True, {}
        sql = self.chance({self._query: 8, self._with: 4, self._special: 1})()
        return Drawn(sql, self._exact)

    def _query(self) -> str:
        return self.chance({self._select: 6, self._set_operation: 3})(2)

    def _with(self) -> str:
        """Common table expressions: of a table's name, of a guess at the inner view's, of any."""
        parts = []
        recursive = self.often(0.15)
        for _ in range(self.random.randint(1, 2)):
            inner = self.table().name
            outer = self.chance(
                {
                    inner: 5,
                    self.table().name: 2,
                    f"inner_{inner}": 2 + 4 * self._daring,
                    f"{inner}_insert_tenant": 0.5,
                    self.name(): 2,
                }
            )
            if outer in self._shadows:
                continue
            how = self.chance({"": 4, "MATERIALIZED ": 1, "NOT MATERIALIZED ": 1})
            schema = ("main" if self._daring else "temp") if self.sqlite else "public"
            source = self.chance({f"{schema}.{inner}": 5, inner if inner != outer else "": 3})
            source = source or f"{schema}.{inner}"
            where = f" WHERE {self._about_tenants('tenant_id')}" if self.often(0.3) else ""
            if recursive:
                kinds = {"n": "text"}
                column = self.random.choice(list(COLUMNS[inner]))
                body = (
                    f"SELECT CAST({column} AS text) FROM {source}{where} "
                    f"UNION SELECT n FROM {outer}"
                )
                parts.append(f"{outer}(n) AS {how}({body})")
            else:
                kinds = dict(COLUMNS[inner])
                parts.append(f"{outer} AS {how}(SELECT * FROM {source}{where})")
            self._shadows[outer] = kinds
        return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} {self._query()}"

    def _select(
        self,
        depth: int,
        width: int | None = None,
        *,
        as_text: bool = False,
        names: Sequence[str] = (),
    ) -> str:
        """A select of ``width`` columns; they are all text where several selects are to fit."""
        from_, items = self._from(depth)
        where = f" WHERE {self._condition(items, depth)}" if self.often(0.7) else ""
        width = width or self.random.randint(1, 3)
        grouped = self.often(0.25)
        if grouped:
            keys = self.some(items, 1, 2)
            chosen = [self.random.choice([*keys, *self._aggregates(items)]) for _ in range(width)]
            tail = f" GROUP BY {', '.join(key.text for key in keys)}"
            if self.often(0.3):
                tail += f" HAVING {self._aggregates(items)[0].text} > 0"
        else:
            chosen = [self._item(items, depth) for _ in range(width)]
            tail = ""
        texts = [f"CAST({each.text} AS text)" if as_text else each.text for each in chosen]
        if names:
            texts = [f"{text} AS {name}" for text, name in zip(texts, names, strict=True)]
        if not as_text and not grouped and self.often(0.1):
            texts = ["*"]
        distinct = "DISTINCT " if self.often(0.15) else ""
        select = f"SELECT {distinct}{', '.join(texts)} FROM {from_}{where}{tail}"
        if not as_text and texts != ["*"] and self.often(0.15):
            order = ", ".join(str(number) for number in range(1, width + 1))
            select += f" ORDER BY {order} LIMIT {self.random.randint(1, 4)}"
        return select

    def _set_operation(self, depth: int) -> str:
        width = self.random.randint(1, 3)
        selects = [self._select(depth - 1, width, as_text=True) for _ in range(2)]
        how = self.random.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
        return f" {how} ".join(selects)

    def _from(self, depth: int) -> tuple[str, list[Item]]:
        text, items = self._source(depth)
        for _ in range(self.chance({0: 5, 1: 4, 2: 2})):
            other, more = self._source(depth)
            how = self.chance({"JOIN": 4, "LEFT JOIN": 3, "FULL JOIN": 0.5, "CROSS JOIN": 1})
            pairs = [(a, b) for a in items for b in more if a.kind == b.kind]
            if how == "CROSS JOIN" or not pairs:
                text += f" CROSS JOIN {other}"
            elif self.often(0.3) and how != "FULL JOIN":
                text += f" {how} {other} ON {'1 = 1' if self.sqlite else 'true'}"
            else:
                a, b = self.random.choice(pairs)
                text += f" {how} {other} ON {a.text} = {b.text}"
            items += more
        return text, items

    def _source(self, depth: int) -> tuple[str, list[Item]]:
        alias = self.name()
        if depth and self.often(0.2):
            width = self.random.randint(1, 3)
            names = [self.name() for _ in range(width)]
            lateral = "LATERAL " if not self.sqlite and self.often(0.2) else ""
            inner = self._select(depth - 1, width, as_text=True, names=names)
            text = f"{lateral}({inner}) AS {alias}"
            return text, [Item(f"{alias}.{name}", "text") for name in names]
        table = self.chance(
            {self.table().name: 3, **dict.fromkeys(self._shadows, 2 if self._shadows else 0)}
        )
        named = table if table in self._shadows else self.to_read(table)
        kinds = self._shadows.get(table) or COLUMNS[table]
        return f"{named} AS {alias}", [Item(f"{alias}.{name}", kinds[name]) for name in kinds]

    def _item(self, items: list[Item], depth: int) -> Item:
        column = self.random.choice(items)
        ways: dict[Callable[[], Item], float] = {
            lambda: column: 8,
            lambda: Item(f"CAST({column.text} AS text)", "text"): 1,
            lambda: Item(f"coalesce(CAST({column.text} AS text), 'none')", "text"): 1,
            lambda: Item(f"count(*) OVER (PARTITION BY {column.text})", "whole"): 0.5,
            lambda: Item(f"max(CAST({column.text} AS text)) OVER ()", "text"): 0.5,
            lambda: Item(f"rank() OVER (ORDER BY {column.text})", "whole"): 0.5,
        }
        if depth:
            ways[lambda: self._scalar(depth - 1)] = 1.5
            ways[
                lambda: Item(
                    f"CASE WHEN {self._condition(items, depth - 1)} THEN 1 ELSE 0 END", "whole"
                )
            ] = 0.7
        return self.chance(ways)()

    def _aggregates(self, items: list[Item]) -> list[Item]:
        column = self.random.choice(items)
        found = [
            Item("count(*)", "whole"),
            Item(f"count(DISTINCT {column.text})", "whole"),
            Item(f"max(CAST({column.text} AS text))", "text"),
            Item(f"min(CAST({column.text} AS text))", "text"),
        ]
        whole = [item for item in items if item.kind == "whole"]
        if whole:
            found.append(Item(f"sum({self.random.choice(whole).text})", "number"))
        self.random.shuffle(found)
        return sorted(found, key=lambda item: item.kind == "text")  # the first can be compared

    def _scalar(self, depth: int) -> Item:
        from_, items = self._from(max(depth, 0))
        column = self.random.choice(items)
        what = self.random.choice([f"max(CAST({column.text} AS text))", "CAST(count(*) AS text)"])
        where = f" WHERE {self._condition(items, 0)}" if self.often(0.4) else ""
        return Item(f"(SELECT {what} FROM {from_}{where})", "text")

    def _condition(self, items: list[Item], depth: int) -> str:
        column = self.random.choice(items)
        tenants = [item for item in items if item.text.endswith("tenant_id")] or [column]
        ways: dict[Callable[[], str], float] = {
            lambda: "1 = 1": 2,
            lambda: f"{column.text} IS NOT NULL": 3,
            lambda: f"CAST({column.text} AS text) LIKE '{THEIRS.word}%'": 2,
            lambda: f"CAST({column.text} AS text) >= '{self.random.choice('0Cao')}'": 1,
            lambda: self._about_tenants(self.random.choice(tenants).text): 4,
        }
        if column.kind != "flag":
            ways[lambda: f"{column.text} = {self.foreign(column.kind)}"] = 1.5
        if depth:
            ways[lambda: self._within(column, depth - 1)] = 2
            ways[lambda: self._exists(items, depth - 1)] = 2
            ways[
                lambda: (
                    f"({self._condition(items, depth - 1)} "
                    f"{self.random.choice(['AND', 'OR', 'AND NOT', 'OR NOT'])} "
                    f"{self._condition(items, depth - 1)})"
                )
            ] = 2
        return self.chance(ways)()

    def _about_tenants(self, column: str) -> str:
        column = f"CAST({column} AS text)"
        theirs, ours = self.theirs(), self.ours()
        return self.random.choice(
            [
                f"{column} = {theirs}",
                f"{column} <> {ours}",
                f"{column} IN ({ours}, {theirs})",
                f"({column} = {ours} OR 1 = 1)",
                f"NOT {column} = {ours}",
                f"{column} >= {ours}",
            ]
        )

    def _within(self, column: Item, depth: int) -> str:
        inner = self._select(depth, 1, as_text=True)
        return f"CAST({column.text} AS text) {self.random.choice(['IN', 'NOT IN'])} ({inner})"

    def _exists(self, items: list[Item], depth: int) -> str:
        from_, more = self._from(max(depth, 0))
        pairs = [(a, b) for a in items for b in more if a.kind == b.kind]
        where = ""
        if pairs and self.often(0.7):
            a, b = self.random.choice(pairs)
            where = f" WHERE {a.text} = {b.text}"
        return f"{self.random.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {from_}{where})"

    def _special(self) -> str:
        self._exact = False
        table = self.table().name
        column = self.random.choice(list(COLUMNS[table]))
        return self.random.choice(_SQLITE_WAYS if self.sqlite else _POSTGRESQL_WAYS).format(
            table=table, column=column, ours=self.ours(), theirs=self.theirs()
        )


_SQLITE_WAYS: Final = (
    "SELECT name FROM sqlite_master",
    "SELECT sql FROM sqlite_temp_master",
    "SELECT sql FROM temp.sqlite_schema",
    "SELECT * FROM pragma_table_list",
    "SELECT * FROM pragma_table_info('{table}')",
    "SELECT rowid, * FROM main.{table}",
    "SELECT rowid FROM main.{table}",
    "SELECT count(*) FROM main.{table}",
    "SELECT * FROM {table} WHERE {column} IN main.{table}",
    "SELECT {theirs} IN (SELECT tenant_id FROM main.{table})",
    "SELECT group_concat({column}) FROM {table}",
    "SELECT group_concat({column}) FROM main.{table}",
    "SELECT json_group_array({column}) FROM {table}",
    "EXPLAIN SELECT * FROM main.{table}",
    "SELECT * FROM sqlite_stat1",
    "SELECT * FROM dbstat",
    "PRAGMA table_info({table})",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "DROP VIEW temp.{table}",
    "CREATE TEMP VIEW mine AS SELECT * FROM main.{table}",
    "CREATE TEMP TABLE mine AS SELECT * FROM main.{table}",
    "DELETE FROM main.{table}",
    "UPDATE main.{table} SET {column} = {column} RETURNING *",
    "SELECT * FROM {table} AS {table} JOIN main.{table} AS other ON 1",
    "SELECT (SELECT max({column}) FROM main.{table})",
    "VALUES ((SELECT max({column}) FROM main.{table}))",
    "SELECT * FROM (SELECT * FROM main.{table}) AS {table}",
    "SELECT valor_tenant()",
)
_POSTGRESQL_WAYS: Final = (
    "TABLE {table}",
    "SELECT {table} FROM {table}",
    "SELECT row_to_json(t)::text FROM {table} t",
    "SELECT array_agg({column}) FROM {table}",
    "SELECT string_agg({column}::text, ',') FROM {table}",
    "SELECT ctid, tableoid, * FROM {table}",
    "SELECT * FROM {table} TABLESAMPLE SYSTEM (100)",
    "SELECT DISTINCT ON (tenant_id) * FROM {table}",
    "SELECT query_to_xml('SELECT * FROM {table}', true, false, '')::text",
    "SELECT table_to_xml('{table}', true, false, '')::text",
    "SELECT schema_to_xml('public', true, false, '')::text",
    "SELECT most_common_vals::text FROM pg_stats WHERE tablename = '{table}'",
    "SELECT histogram_bounds::text FROM pg_stats WHERE tablename = '{table}'",
    "SELECT stavalues1::text FROM pg_statistic",
    "SELECT v.* FROM {table} v, LATERAL (SELECT * FROM {table}) w",
    "SELECT * FROM {table} WHERE set_config('row_security', 'off', true) IS NOT NULL",
    "SELECT * FROM {table} GROUP BY GROUPING SETS (({column}), ())",
    "SELECT {column}, count(*) FROM {table} GROUP BY ROLLUP ({column})",
    "SELECT * FROM {table} FOR UPDATE",
    "SELECT * FROM {table} FOR KEY SHARE",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {table}",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT lo_import('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT * FROM pg_shadow",
    "SET ROLE valor_owner",
    "SET SESSION AUTHORIZATION valor_owner",
    "DELETE FROM {table} RETURNING *",
)
