"""Names in Redis begin with the tenant, are made in few places, and are never guessed at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.keys import RoomKey, run_channel

ROOT = Path(__file__).parents[2]
ROOMS = ("api", "resolvers", "services", "engine", "store", "collab", "observability")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
MAKERS = {"collab/keys.py"}

uuids = st.uuids()


def texts(path: Path) -> Iterator[str]:
    """Every piece of text in a source that is no docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            yield str(node.values[0].value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def test_names_are_made_in_these_files_alone() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if any(text.startswith("v1:") for text in texts(path))
    }
    assert found <= MAKERS


@pytest.mark.parametrize("word", ["psubscribe", "punsubscribe", "scan_iter", "keys", "flushdb"])
def test_nobody_asks_for_names_by_a_pattern(word: str) -> None:
    for path in (path for path in SOURCES if path.is_relative_to(ROOT / "collab")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func.value)
                assert node.func.attr != word or "redis" not in of, (path, node.lineno)


@given(uuids, uuids)
def test_a_name_has_the_tenant_in_its_braces(tenant_id: UUID, of: UUID) -> None:
    assert RoomKey(tenant_id, of).channel.name == f"v1:{{{tenant_id}:{of}}}:rt"
    assert run_channel(tenant_id, of).name == f"v1:{{{tenant_id}}}:run:{of}"


@given(uuids, uuids, uuids, uuids)
def test_two_tenants_have_no_name_in_common(one: UUID, other: UUID, a: UUID, b: UUID) -> None:
    def names(tenant_id: UUID) -> set[str]:
        rooms = [RoomKey(tenant_id, of) for of in (a, b)]
        made = {room.named(what) for room in rooms for what in ("rt", "members", "flight")}
        return made | {run_channel(tenant_id, of).name for of in (a, b)}

    assert one == other or not names(one) & names(other)
