"""Commands that a page shows run as they stand there, and print what the page says they print."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.terminals.cli import main
from tests.pages import DOCS, EXAMPLES, PAGES, ROOT, blocks, code


def quoted() -> Iterator[str]:
    """Commands on a file of ours that need no server; those on own companies have their page."""
    for page in PAGES:
        for line in code(page):
            found = re.search(r"\bvalor ((?:value|query) examples/[^`|]+)$", line)
            if found and "examples/companies/" not in line:
                yield found[1].strip()


def printed(line: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
    said = CliRunner().invoke(main, shlex.split(line), env={**clean, "VALOR_HOME": str(home)})
    assert said.exit_code == 0, said.output
    return said.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("line", sorted(set(quoted())))
def test_a_command_that_is_shown_runs(
    line: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = printed(line, home, monkeypatch)
    if line.startswith("query"):
        answer = json.loads(said)
        assert "errors" not in answer
        assert "Refusal" not in {each.get("__typename") for each in answer["data"].values()}
    else:
        assert "Value per share" in said


def test_the_steps_in_the_walk_are_the_steps_that_are_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = printed("value examples/apple.json --explain", home, monkeypatch).splitlines()
    (shown,) = (block for block in blocks(DOCS / "valuing.md", "") if block.startswith("Year "))
    # Columns between years 3 and 10, and a few lines, are left out of the page.
    of_years = [re.split(r"\s{2,}", line) for line in said]
    columns = [[*row[:4], "…", row[-1]] for row in of_years if len(row) == 11]
    for line in filter(None, map(str.strip, shown.splitlines())):
        cells = re.split(r"\s{2,}", line)
        assert line == "…" or cells in columns or line in map(str.strip, said), line


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("dcf_*.json")))
def test_every_firm_that_we_made_up_is_explained(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = printed(f"value examples/{name} --explain", home, monkeypatch)
    assert "Value per share" in said
    assert not re.search(r"\b(?:nan|inf|None)\b", said)
