"""The house stands as it is drawn: imports go down, and drawing, rules and code agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
ROOMS: list[str] = RULES["root_packages"]
LINE = re.compile(r"- (?P<room>\w+) → (?P<imports>nothing|\w+(?:, \w+)*)")

Imports = dict[str, set[str]]


def drawn(page: str) -> Imports:
    """What the page says that each room imports, between its two markers."""
    part = page.partition("<!-- rooms -->")[2].partition("<!-- /rooms -->")[0]
    found: Imports = {}
    for line in part.strip().splitlines():
        match = LINE.fullmatch(line.strip())
        assert match, f"not of the form “- room → room, room”: {line}"
        named = match["imports"]
        found[match["room"]] = set() if named == "nothing" else set(named.split(", "))
    return found


@cache
def real() -> Imports:
    """What the code imports, room by room; ``if TYPE_CHECKING`` counts as well."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    found: Imports = {room: set() for room in ROOMS}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            one, other = importer.split(".")[0], imported.split(".")[0]
            if one != other:
                found[one].add(other)
    return found


def allowed() -> Imports:
    """What the rules allow: each floor all that are below it, none of its own."""
    (rule,) = (rule for rule in RULES["contracts"] if rule["name"].startswith("Floors: "))
    floors = [[room.strip() for room in floor.split("|")] for floor in rule["layers"]]
    return {
        room: {below for lower in floors[number + 1 :] for below in lower}
        for number, floor in enumerate(floors)
        for room in floor
    }


def architecture() -> str:
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """import-linter by its own command, on a tree."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=root,
        env={"PATH": "", "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_drawing_shows_what_the_code_imports() -> None:
    assert drawn(architecture()) == real()


def test_the_drawing_the_rules_and_the_folders_name_the_same_rooms() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    assert set(drawn(architecture())) == set(allowed()) == set(ROOMS) == folders


def test_whatever_is_imported_is_on_a_lower_floor() -> None:
    for room, imported in real().items():
        assert imported <= allowed()[room], room


def test_the_ground_floor_knows_nobody() -> None:
    for room in ("engine", "store", "collab", "observability"):
        assert allowed()[room] == set()
        assert real()[room] == set()


def test_every_rule_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(RULES['contracts'])} kept, 0 broken." in done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house in another place, where a test may break a rule."""
    place = tmp_path_factory.mktemp("house")
    leave = shutil.ignore_patterns("__pycache__", "explorer_assets", "shipped")
    for room in ROOMS:
        shutil.copytree(ROOT / room, place / room, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def test_a_rule_that_is_broken_is_seen(copy: Path) -> None:
    """All at once: an upward import, SQL away from home, and a resolver that skips a floor."""
    broken = {
        "engine/door.py": "import store.errors",
        "services/words.py": "import sqlalchemy",
        "resolvers/ids.py": "import collab.connection",
    }
    for name, line in broken.items():
        file = copy / name
        text = file.read_text()
        file.write_text(text.replace("import annotations\n", f"import annotations\n{line}\n", 1))
    done = lint(copy)
    assert done.returncode == 1
    for no in (
        "engine is not allowed to import store",
        "services is not allowed to import sqlalchemy",
        "resolvers is not allowed to import collab",
    ):
        assert no in done.stdout, done.stdout


def test_a_drawing_that_is_wrong_is_seen() -> None:
    page = architecture()
    assert drawn(page.replace("- engine → nothing", "- engine → store")) != real()
    assert drawn(page.replace("- collab → nothing\n", "")) != real()
    with pytest.raises(AssertionError, match="not of the form"):
        drawn(page.replace("- engine → nothing", "- engine: nothing"))
