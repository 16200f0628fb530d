from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    Select,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite

from store import scope
from store.scope import SCOPE
from store.scoped import asks_for_its_tenant
from store.tables import MemberRow, ValuationRow, table_of

VALUATIONS = table_of(ValuationRow)
MEMBERS = table_of(MemberRow)
OTHERS = MEMBERS.alias("others")
OURS = scope.select(ValuationRow)
RENAME = scope.update(MemberRow, "name")
ADD = scope.insert(MemberRow)


def of_members(from_: Any) -> Any:
    """The tenant's criterion for another table, as the scope writes it."""
    criterion = scope.select(MemberRow).whereclause
    assert criterion is not None
    return criterion if from_ is MEMBERS else from_.c.tenant_id == criterion.right


RIGHT: dict[str, Callable[[], Any]] = {
    "every column": lambda: OURS,
    "some columns": lambda: scope.select(ValuationRow, "id"),
    "narrowed, ordered, limited": lambda: (
        OURS.where(VALUATIONS.c.id == "x").order_by(VALUATIONS.c.id).limit(1)
    ),
    "a criterion with or": lambda: OURS.where(or_(VALUATIONS.c.id == "x", true())),
    "a list of tuples": lambda: OURS.where(scope.among(ValuationRow, ("kind", "id"), "several")),
    "a count": lambda: scope.count(ValuationRow),
    "a join whose other side asks as well": lambda: OURS.join(MEMBERS, true()).where(
        of_members(MEMBERS)
    ),
    "an alias that asks as well": lambda: OURS.add_columns(OTHERS.c.name).where(of_members(OTHERS)),
    "a subquery that asks": lambda: OURS.where(
        VALUATIONS.c.id.in_(scope.select(MemberRow, "name"))
    ),
    "a common table expression that asks": lambda: OURS.join(
        scope.select(MemberRow).cte("c"), true()
    ),
    "an update": lambda: RENAME.where(MEMBERS.c.subject == "x"),
    "an update that tells": lambda: RENAME.returning(MEMBERS.c.name),
    "a delete": lambda: scope.delete(MemberRow).where(MEMBERS.c.subject == "x"),
    "an insert": lambda: ADD,
    "an insert unless it is there": lambda: scope.insert_if_absent(MemberRow, "postgresql"),
}

WRONG: dict[str, Callable[[], Any]] = {
    "a select from elsewhere": lambda: select(VALUATIONS),
    "a join": lambda: OURS.join(MEMBERS, true()),
    "an outer join": lambda: OURS.outerjoin(MEMBERS, MEMBERS.c.tenant_id == VALUATIONS.c.tenant_id),
    "a column of another table": lambda: OURS.add_columns(MEMBERS.c.name),
    "only columns of another table": lambda: OURS.with_only_columns(MEMBERS.c.name),
    "an alias": lambda: OURS.add_columns(OTHERS.c.name),
    "an alias of its own table": lambda: OURS.join(VALUATIONS.alias(), true()),
    "the other's criterion under an or": lambda: OURS.join(MEMBERS, true()).where(
        or_(of_members(MEMBERS), true())
    ),
    "its tenant is not another": lambda: select(VALUATIONS).where(
        VALUATIONS.c.tenant_id != of_members(MEMBERS).right
    ),
    "its tenant is a value of somebody's": lambda: select(VALUATIONS).where(
        VALUATIONS.c.tenant_id == "x"
    ),
    "a subquery": lambda: OURS.where(VALUATIONS.c.id.in_(select(MEMBERS.c.name))),
    "a subquery for one value": lambda: OURS.add_columns(
        select(func.max(MEMBERS.c.name)).scalar_subquery()
    ),
    "a subquery that is asked whether": lambda: OURS.where(
        exists(select(MEMBERS).where(MEMBERS.c.name == VALUATIONS.c.id))
    ),
    "a subquery to select from": lambda: OURS.join(select(MEMBERS).subquery(), true()),
    "a lateral subquery": lambda: OURS.join(select(MEMBERS).lateral(), true()),
    "a common table expression": lambda: OURS.join(select(MEMBERS).cte(), true()),
    "a sample": lambda: OURS.add_columns(MEMBERS.tablesample(50).c.name),
    "a union": lambda: OURS.union(OURS),
    "a criterion as text": lambda: OURS.where(text("1 = 1) OR (1 = 1")),
    "a column as text": lambda: OURS.add_columns(literal_column("(SELECT max(name) FROM member)")),
    "a table by its name": lambda: OURS.add_columns(table("member", column("name")).c.name),
    "an update from elsewhere": lambda: update(MEMBERS).values(name="x"),
    "an update of the tenant": lambda: RENAME.values(tenant_id="x"),
    "an update of the tenant's column": lambda: RENAME.values({MEMBERS.c.tenant_id: "x"}),
    "an update by way of another table": lambda: RENAME.where(MEMBERS.c.name == VALUATIONS.c.id),
    "an update to another table's value": lambda: RENAME.values(name=VALUATIONS.c.id),
    "an update to what a subquery finds": lambda: RENAME.values(
        name=select(func.max(VALUATIONS.c.id)).scalar_subquery()
    ),
    "an update where a subquery says": lambda: RENAME.where(
        MEMBERS.c.name.in_(scope.select(ValuationRow, "id"))
    ),
    "a delete from elsewhere": lambda: delete(MEMBERS),
    "a delete by way of another table": lambda: scope.delete(MemberRow).where(
        MEMBERS.c.name == VALUATIONS.c.id
    ),
    "a delete that tells of another table": lambda: scope.delete(MemberRow).returning(
        VALUATIONS.c.id
    ),
    "an insert from elsewhere": lambda: insert(MEMBERS).values(name="x"),
    "an insert for another tenant": lambda: ADD.values(tenant_id="x"),
    "an insert of what a select finds": lambda: insert(MEMBERS).from_select(
        ["name"], scope.select(MemberRow, "name")
    ),
    "an insert of several rows": lambda: insert(MEMBERS).values(
        [{"tenant_id": "x"}, {"tenant_id": "y"}]
    ),
    "an insert that changes what is there": lambda: (
        insert_on_sqlite(MEMBERS)
        .values(scope.values_of(MemberRow))
        .on_conflict_do_update(index_elements=["subject"], set_={"name": "x"})
    ),
    "text": lambda: text("SELECT 1"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_seen_that_the_tenant_is_asked_for(name: str) -> None:
    assert asks_for_its_tenant(RIGHT[name](), SCOPE)


@pytest.mark.parametrize("name", WRONG)
def test_it_is_seen_that_the_tenant_is_not_asked_for(name: str) -> None:
    assert not asks_for_its_tenant(WRONG[name](), SCOPE)


def test_a_statement_is_looked_at_once_and_what_is_built_upon_it_again() -> None:
    statement: Select[Any] = scope.select(ValuationRow)
    scope.check(statement)
    scope.check(statement)
    with pytest.raises(scope.Unscoped):
        scope.check(statement.join(MEMBERS, true()))
