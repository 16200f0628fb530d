"""PostgreSQL: set the tenant and do a thing, in one statement and one round trip.

Row-level security compares with the transaction's ``valor.tenant_id``, and a statement that
is sent alone is a transaction of its own: so these set it themselves, until they end. Each
is so built that no plan can look at a row before the setting stands. Were that ever to fail,
nothing would be leaked: the policy would see no tenant, so nothing would be found and
nothing written.

The statements are those of ``store.scope``; here is only the way that they are sent.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Insert,
    Select,
    String,
    Update,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.sql.visitors import replacement_traverse

from store.scope import NOTE, SCOPE, Change, InsertOnce, Look, check, values_of
from store.tables import table_of

T = TypeVar("T", bound=Any)

SCOPE_TEXT = "scope_tenant_text"
TENANT_SETTING = "valor.tenant_id"


def insert_once(what: InsertOnce) -> CompoundSelect[Any]:
    """Insert the row, and tell.

    The tenant's id of the new row *is* the answer of ``set_config``, so the setting stands
    before row-level security looks at the row. The second half sees the row of an earlier
    transaction. It is empty, like the first, when another transaction inserts the row at
    this very moment: then ``first_on_record`` has to be asked.
    """
    table = table_of(what.row)
    values = values_of(what.row) | {"tenant_id": _set_tenant()}
    told = table.c[what.tells]
    inserted = (
        insert_on_postgresql(table)
        .from_select(list(values), select(*values.values()))
        .on_conflict_do_nothing(index_elements=list(table.primary_key))
        .returning(told)
        .cte("inserted")
    )
    told_of_it = select(inserted.c[what.tells]).union_all(what.first_on_record())
    if what.noting is not None:
        noted = values_of(what.noting, NOTE) | {"tenant_id": _set_tenant()}
        told_of_it = told_of_it.add_cte(
            insert(table_of(what.noting))
            .from_select(list(noted), select(*noted.values()))
            .cte("noted")
        )
    return told_of_it


def first_of(statement: Select[Any]) -> Select[Any]:
    """The first row of a select. Raises Unscoped.

    It asks for the tenant that the setting answered with, and its LIMIT keeps it a query of
    its own, which a plan can only run for that answer.
    """
    check(statement)
    scope = _scope()
    one = statement.limit(literal_column("1"))
    row = _with_tenant(one, scope.c.tenant_id).lateral("first")
    return select(*row.c).select_from(scope.join(row, true()))


def look_at(look: Look, *, locked: bool = False) -> Select[Any]:
    """All the rows of a look, side by side; ``apart`` takes them apart again.

    Each is asked for as in ``first_of``. ``locked``: the row to be changed is held until the
    transaction ends.
    """
    scope = _scope()
    joined: FromClause = scope
    columns: list[ColumnElement[Any]] = []
    for number, statement in enumerate(look.selects):
        one = statement.limit(literal_column("1"))
        if locked and number == look.changing:
            one = one.with_for_update(key_share=True)
        row = _with_tenant(one, scope.c.tenant_id).lateral(f"look_{number}")
        joined = joined.outerjoin(row, true())
        columns += row.c
    return select(*columns).select_from(joined)


def apart(look: Look, told: tuple[Any, ...]) -> list[tuple[Any, ...] | None]:
    """The rows of a look; None for one that is not there."""
    rows: list[tuple[Any, ...] | None] = []
    start = 0
    for statement in look.selects:
        end = start + len(statement.selected_columns)
        rows.append(None if told[start] is None else told[start:end])
        start = end
    return rows


def do_all(change: Change) -> Select[Any]:
    """Make a change and all that goes along with it. Tells one row where it was done.

    The row to be changed is looked for behind a condition that has no column of it, which a
    plan asks before it opens the table. What is added takes its tenant from the changed row.
    """
    scope = _scope()
    tenant = select(scope.c.tenant_id).scalar_subquery()
    first: Update | Insert = _with_tenant(change.first, tenant)
    if isinstance(first, Update):
        first = first.where(tenant.is_not(None))
    changed = first.returning(first.table.c.tenant_id).cte("changed")
    done = select(changed.c.tenant_id)
    added = [(row, "") for row in change.along]
    if change.noting is not None:
        added.append((change.noting, NOTE))
    for row, before in added:
        table = table_of(row)
        values = values_of(row, before) | {"tenant_id": changed.c.tenant_id}
        new = insert(table).from_select(list(values), select(*values.values()))
        done = done.add_cte(new.cte(f"new_{table.name}"))
    return done


def _set_tenant() -> ColumnElement[Any]:
    """Set the tenant until this transaction ends, and answer with it."""
    setting: ColumnElement[Any] = literal_column(f"'{TENANT_SETTING}'")
    tenant = bindparam(SCOPE_TEXT, type_=String())
    return cast(func.set_config(setting, tenant, true()), Uuid())


def _scope() -> CTE:
    """The tenant, set once and before anybody can ask for it."""
    return select(_set_tenant().label("tenant_id")).cte("scope").prefix_with("MATERIALIZED")


def _with_tenant(statement: T, tenant: ColumnElement[Any]) -> T:
    """The statement with another expression for the tenant than the value at each run."""

    def instead(element: Any, **_: object) -> ColumnElement[Any] | None:
        is_tenant = isinstance(element, BindParameter) and element.key == SCOPE
        return tenant if is_tenant else None

    changed: T = replacement_traverse(statement, {}, instead)
    return changed
