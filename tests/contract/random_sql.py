# ruff: noqa: S311 - nothing secret is drawn
"""Drawing SQL by chance: what every statement over all tenants' tables is put together from."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy import Table

from tests.contract.marked_rows import OURS, TABLES, THEIRS, kind_of, literal, one_of, rows_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Something to ask, and whether its answer is the same wherever the same rows are seen."""

    sql: str
    exact: bool = True
    statement: Any = None  # of SQLAlchemy, where it is not text that is asked
    values: Mapping[str, Any] = field(default_factory=dict)


Columns = Mapping[str, str]  # names and kinds
COLUMNS: Final[dict[str, Columns]] = {
    table.name: {column.name: kind_of(column) for column in table.columns} for table in TABLES
}


class RandomSql:
    """A source of chance for one dialect. The same seed draws the same statements."""

    def __init__(self, dialect_name: str, seed: int, tables: Sequence[Table] = TABLES) -> None:
        self.dialect_name = dialect_name
        self.tables = tables
        self.sqlite = dialect_name == "sqlite"
        self.random = random.Random(seed)
        self._names = 0
        self._daring = False

    def begin(self) -> None:
        """A new statement: one that names the tables behind the views, or one that does not."""
        self._names = 0
        self._daring = self.often(0.2)

    def chance(self, weights: Mapping[T, float]) -> T:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def often(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, things: Sequence[T], least: int = 1, most: int = 3) -> list[T]:
        most = min(most, len(things))
        return self.random.sample(things, self.random.randint(min(least, most), most))

    def name(self) -> str:
        self._names += 1
        return f"n{self._names}"

    def table(self) -> Table:
        return self.random.choice(self.tables)

    def to_read(self, table: str) -> str:
        """A name for a table: the plain one mostly, or one that may lead past the view."""
        if self.sqlite:
            ways = {table: 8, f'"{table}"': 1, f"temp.{table}": 1}
            if self._daring:
                ways |= {f"main.{table}": 4, f'"main"."{table}"': 1, f"[main].{table}": 0.5}
            return self.chance(ways)
        return self.chance({table: 10, f'"{table}"': 1, f"public.{table}": 2, f"ONLY {table}": 1})

    def foreign(self, kind: str = "uuid") -> str:
        """Something of the other tenant's, as a literal of a kind."""
        table = self.table()
        held = [
            each[column.name]
            for each in rows_of(table, THEIRS)
            for column in table.columns
            if kind_of(column) == kind and not one_of(column)
        ]
        return literal(self.random.choice(held or [THEIRS.id]), self.dialect_name)

    def theirs(self) -> str:
        return literal(THEIRS.id, self.dialect_name)

    def ours(self) -> str:
        return literal(OURS.id, self.dialect_name)
