"""Whether a statement asks for its tenant wherever it names a table.

What ``store.scope`` builds does; but SQLAlchemy's statements can be built upon, and a join
to a table without its criterion shows every tenant's rows of it. So sessions look at the
whole statement before they run it. This is about mistakes of ours: SQL as text is refused
because it cannot be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    CTE,
    Alias,
    BindParameter,
    Column,
    Delete,
    Insert,
    Join,
    Lateral,
    Select,
    Subquery,
    Table,
    Update,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BooleanClauseList,
    ColumnClause,
    Grouping,
    TextClause,
)
from sqlalchemy.sql.visitors import iterate

from store.tables import Row


def asks_for_its_tenant(statement: Any, scope: str) -> bool:
    """Whether each of its tables has the criterion that its tenant is the bound value ``scope``.

    A select may hold others, each with criteria of its own for its tables. A change speaks
    of one table, has no select inside and gives no row to another tenant.
    """
    parts = list(iterate(statement))
    if any(_cannot_be_looked_at(part) for part in parts):
        return False
    selects = [part for part in parts if isinstance(part, Select)]
    if isinstance(statement, Select):
        return all(
            _is_asked(from_, select, scope) for select in selects for from_ in _froms(select)
        )
    if not isinstance(statement, (Insert, Update, Delete)) or selects:
        return False
    if any(part.table is not statement.table for part in parts if isinstance(part, Column)):
        return False
    values = _values(statement)
    if isinstance(statement, Insert):
        return _is_scope(values.get("tenant_id"), scope) and not _updates_on_conflict(statement)
    return "tenant_id" not in values and _is_asked(statement.table, statement, scope)


def _cannot_be_looked_at(part: Any) -> bool:
    if isinstance(part, ColumnClause) and part.is_literal:
        return str(part) != "*"
    if isinstance(part, Table):
        return part.metadata is not Row.metadata
    return isinstance(part, TextClause)


def _froms(select: Select[Any]) -> Iterator[Any]:
    """The tables, aliases and subqueries that a select takes its rows from."""
    waiting = list(select.get_final_froms())
    while waiting:
        from_ = waiting.pop()
        if isinstance(from_, Join):
            waiting += [from_.left, from_.right]
        else:
            yield from_


def _is_asked(from_: Any, statement: Any, scope: str) -> bool:
    """Whether the rows of one table are narrowed to the tenant's. A subquery is looked at apart."""
    if isinstance(from_, (CTE, Lateral, Subquery)):
        return isinstance(from_.element, Select)
    named = from_.element if isinstance(from_, Alias) else from_
    return isinstance(named, Table) and any(
        isinstance(criterion, BinaryExpression)
        and criterion.operator is operators.eq
        and criterion.left is from_.c.tenant_id
        and _is_scope(criterion.right, scope)
        for criterion in _criteria(statement.whereclause)
    )


def _criteria(where: Any) -> Iterator[Any]:
    """What must all be true of a row."""
    if isinstance(where, Grouping):
        yield from _criteria(where.element)
    elif isinstance(where, BooleanClauseList) and where.operator is operators.and_:
        for clause in where.clauses:
            yield from _criteria(clause)
    elif where is not None:
        yield where


def _is_scope(value: Any, scope: str) -> bool:
    return isinstance(value, BindParameter) and value.key == scope


def _values(statement: Insert | Update | Delete) -> dict[str, Any]:
    """What a change gives to columns, by their names. SQLAlchemy tells it nowhere else."""
    given = vars(statement).get("_values") or {}
    return {getattr(column, "name", column): value for column, value in given.items()}


def _updates_on_conflict(insert: Insert) -> bool:
    """Whether it is more than one row, or has another way out than leaving what is there."""
    clause = vars(insert).get("_post_values_clause")
    name = "on_conflict_do_nothing" if clause is None else clause.__visit_name__
    return bool(vars(insert).get("_multi_values")) or name != "on_conflict_do_nothing"
