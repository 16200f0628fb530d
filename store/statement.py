"""A statement made ready once, for the roads that are too hot for SQLAlchemy's own.

Building, compiling and typing stay SQLAlchemy's; what is saved is its work per run: a
one-row insert costs some 40 µs of CPU by these, and several hundred by a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Delete, Dialect, Float, Insert, Update
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Processor = Callable[[Any], Any]


def schema_of(statement: Any, dialect: Dialect) -> dict[str | None, str | None]:
    """In which schema the tables of a statement are found, as SQLAlchemy takes it.

    On SQLite a view has the place of each table (``store.sqlite_guard``); what changes rows
    has to name the table behind it.
    """
    if dialect.name == "sqlite" and isinstance(statement, (Insert, Update, Delete)):
        return {None: "main"}
    return {}


class Prepared:
    """Text, parameters in order, and the converters between Python's values and SQL's."""

    __slots__ = ("_columns", "_constants", "_parameters", "text")

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        """Compile for one dialect. A bound value needs a name and a type to be found."""
        compiled = statement.compile(
            dialect=dialect,
            schema_translate_map=schema_of(statement, dialect),
            render_schema_translate=True,
        )
        if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
            raise TypeError("a prepared statement has positional parameters")
        self.text: str = compiled.string
        self._parameters: list[tuple[str, Processor | None]] = []
        self._constants: dict[str, Any] = {}  # what the statement itself gives: SQLite's OFFSET 0
        for name in compiled.positiontup:
            value = compiled.binds[name]
            if not value.required:
                self._constants[name] = value.effective_value
            kind = value.type.dialect_impl(dialect)
            self._parameters.append((name, kind.bind_processor(dialect)))
        self._columns: list[Processor | None] = []
        if hasattr(statement, "selected_columns"):
            self._columns = [
                _converter(column.type, dialect) for column in statement.selected_columns
            ]

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the text, as the driver takes them."""
        if self._constants:
            values = {**self._constants, **values}
        return tuple(
            values[name] if process is None else process(values[name])
            for name, process in self._parameters
        )

    def row(self, stored: Sequence[Any]) -> tuple[Any, ...]:
        """A row as the driver gave it, in Python's values."""
        return tuple(
            value if process is None else process(value)
            for value, process in zip(stored, self._columns, strict=True)
        )


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    if isinstance(kind, Float):
        return None  # every driver gives a float; SQLAlchemy would ask for the driver's type first
    return kind.dialect_impl(dialect).result_processor(dialect, None)
