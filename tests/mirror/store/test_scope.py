from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import select

import store.scope
from store import scope
from store.tables import TENANT_TABLES, Row, ValuationRow, table_of

STORE = Path(store.scope.__file__).parent
# What the owner of the tables runs, for one tenant at a time; no server imports it.
OWNERS = ("audit_prune.py", "retention.py")
SOURCES = [
    path
    for path in sorted(STORE.rglob("*.py"))
    if path.name not in ("scope.py", "one_statement.py", *OWNERS) and "migrations" not in path.parts
]
BUILDERS = {"select", "insert", "update", "delete", "Select", "Insert", "Update", "Delete"}


def builders(source: str) -> list[str]:
    """The calls in a source that build a statement by any door but the scope's."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in BUILDERS:
            found.append(f"line {node.lineno}: {called.id}(")
        if (
            isinstance(called, ast.Attribute)
            and called.attr in BUILDERS
            and not (isinstance(called.value, ast.Name) and called.value.id == "scope")
        ):
            found.append(f"line {node.lineno}: .{called.attr}(")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_only_the_scope_builds_statements(path: Path) -> None:
    assert builders(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "select(ValuationRow)",
        "sqlalchemy.select(ValuationRow)",
        "table_of(ValuationRow).delete()",
        "update(ValuationRow).values(x=1)",
    ],
)
def test_the_rule_knows_another_door_when_it_sees_one(source: str) -> None:
    assert builders(source)
    assert not builders("scope.select(ValuationRow)")


@pytest.mark.parametrize("row", Row.__subclasses__(), ids=lambda row: row.__name__)
def test_every_select_asks_for_the_tenant(row: type[Row]) -> None:
    for statement in (scope.select(row), scope.InsertOnce(row, "tenant_id").first_on_record()):
        compiled = statement.compile()
        assert f"{table_of(row).name}.tenant_id = :{scope.SCOPE}" in str(compiled)
        scope.check(statement)
        scope.check(statement.where(table_of(row).c.tenant_id.is_not(None)).limit(1))


@pytest.mark.parametrize("row", Row.__subclasses__(), ids=lambda row: row.__name__)
def test_every_insert_takes_the_tenant_from_the_session(row: type[Row]) -> None:
    for dialect in ("sqlite", "postgresql"):
        insert = scope.insert_if_absent(row, dialect)
        scope.check(insert)
        assert scope.SCOPE in insert.compile().params
        assert "tenant_id" not in insert.compile().params


def test_a_statement_from_elsewhere_does_not_count_as_scoped() -> None:
    with pytest.raises(scope.Unscoped):
        scope.check(select(table_of(ValuationRow)))


def test_every_table_belongs_to_a_tenant_and_has_it_first_in_its_key() -> None:
    assert sorted(Row.metadata.tables) == sorted(TENANT_TABLES)
    for table in Row.metadata.tables.values():
        assert next(iter(table.primary_key)).name == "tenant_id"
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "tenant_id"
