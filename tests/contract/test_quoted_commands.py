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

from api.embedded import opened
from api.settings import Settings
from api.terminals.cli import main
from api.terminals.headline import headline
from api.terminals.kinds import told
from api.terminals.selections import VALUE, kind_of, whole
from resolvers.valuations.kinds import TYPES
from services.kinds import DCF, KINDS
from tests.example_inputs import example_inputs
from tests.pages import DOCS, PAGES, ROOT, blocks, code, table


def quoted() -> Iterator[str]:
    """Commands on a file of ours that need no server; own companies and deals have their pages."""
    for page in PAGES:
        for line in code(page):
            found = re.search(r"\bvalor ((?:value|query) examples/[^`|]+)$", line)
            if found and "examples/companies/" not in line and "deals.graphql" not in line:
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
        assert "Valuation id" in said


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


def test_what_the_walk_shows_of_other_kinds_is_what_is_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = blocks(DOCS / "valuing.md", "")
    for name, first in (("lbo_average_interest", "Enterprise value "), ("merger_mixed", "USD a ")):
        (block,) = (each for each in shown if each.startswith(first))
        assert block.rstrip() in printed(f"value examples/{name}.json --explain", home, monkeypatch)


def test_each_kind_has_an_example_in_the_walk_and_its_answer() -> None:
    rows = table(DOCS / "valuing.md", "you want to know | mutation | example | its answer")
    answers = {}
    for _, mutation, link, answer in rows:
        kind, document = example_inputs()[link.split("]")[0].strip("[")]
        name = TYPES[kind.name].__name__
        assert mutation == f"`value{name.removesuffix('Valuation')}`"
        result = kind.result_document(kind.value(kind.inputs_of(document)))
        answers[kind.name] = (answer, headline({**document, **result, "__typename": name}))
    assert answers.keys() == KINDS.keys() - {"DCF"}  # whose walk it is
    assert all(answer == found for answer, found in answers.values()), answers


@pytest.mark.anyio
async def test_every_firm_that_we_made_up_is_explained(home: Path) -> None:
    async with opened(Settings.read({"VALOR_HOME": str(home)}, dev=True)) as embedded:
        schema = embedded.schema
        for name, (kind, document) in example_inputs().items():
            asked = VALUE if kind is DCF else whole(schema, kind_of(schema, document, "a document"))
            outcome = (await embedded.data(asked, {"input": document}))["valued"]
            for explained in (False, True):
                said = told(outcome, explained=explained)
                assert "Valuation id" in said, name
                assert not re.search(r"\b(?:nan|inf|None|True|False|[A-Z]+_[A-Z_]+)\b", said), name
