"""The documents are true of what stands: links, names, the house, settings, commands, queries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import click
import grimp
import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

import dev
from api.settings import Settings
from api.terminals import cli
from engine.errors import ProblemCode
from observability.outcomes import OURS
from resolvers.refusal import ErrorCode, RefusalCode
from services.kinds import KINDS
from tests.pages import (
    DECISIONS,
    DOCS,
    EXAMPLES,
    PAGES,
    ROOT,
    SPAN,
    anchors,
    blocks,
    code,
    headings,
    named,
    prose,
    table,
    text_of,
)

ROOMS = ("api", "resolvers", "services", "engine", "store", "collab", "observability")
VARIABLE = re.compile(r"VALOR_[A-Z_]+[A-Z]")


# Links and names


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    for span in code(page):
        for path in re.findall(r"(?<![\w/.<])((?:[\w.-]+/)+[\w-]+\.(?!db\b|pem\b)\w+)\b", span):
            room = path.split("/")[0]
            if (ROOT / room).is_dir():
                assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_folder_of_one_machine(page: Path) -> None:
    assert (
        re.findall(r"(?<![\w.])/(?:work|home|root|tmp|Users)/\S*|\.\./shared\S*", text_of(page))
        == []
    )


def test_decisions_are_numbered_without_a_gap_and_say_all_four_things() -> None:
    pages = sorted(DECISIONS.glob("*.md"))
    for number, page in enumerate(pages, start=1):
        text = text_of(page)
        assert page.name.startswith(f"{number:04}-"), page.name
        assert text.startswith(f"# {number}. "), page.name
        parts = ("What forced it.", "What we do.", "What it costs.", "What we left.")
        assert [part for part in parts if f"**{part}**" not in text] == [], page.name


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


# The house


def test_the_architecture_draws_the_rooms_and_imports_as_they_are() -> None:
    listed = (
        text_of(DOCS / "architecture.md").split("<!-- rooms -->")[1].split("<!-- /rooms -->")[0]
    )
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    drawn = []
    for room in ROOMS:
        modules = {room, *graph.find_descendants(room)}
        imported = {
            name.split(".")[0]
            for module in modules
            for name in graph.find_modules_directly_imported_by(module)
        }
        drawn.append(f"- {room} → {', '.join(sorted(imported - {room})) or 'nothing'}")
    assert listed.strip().splitlines() == drawn


def test_the_architecture_names_every_file_of_a_room() -> None:
    told: dict[str, set[str]] = {}
    for row in table(DOCS / "architecture.md", "room | files, and what they are for"):
        # A large room has several rows, `services`: who, or rooms of its own, `api/operations/`.
        folder = SPAN.findall(row[0])[0].rstrip("/")
        told.setdefault(folder, set()).update(SPAN.findall(row[1]))
    assert told.keys() >= set(ROOMS) | {f"api/{part.name}" for part in folders_in(ROOT / "api")}
    for folder, names in told.items():
        files = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
        assert files - names == set(), folder


def folders_in(room: Path) -> list[Path]:
    return [path.parent for path in room.glob("*/__init__.py")]


# Settings and commands


def test_every_setting_has_a_default_and_an_example_and_no_other_is_told() -> None:
    page = DOCS / "settings.md"
    read = set(VARIABLE.findall(text_of(ROOT / "api" / "settings.py")))
    assert sorted(headings(page, "The server")) == sorted(read)
    for variable in read:
        section = text_of(page).split(f"### {variable}\n")[1].split("\n#")[0]
        assert "- Default: " in section, variable
        assert f"- Example: `{variable}=" in section, variable


def test_every_example_of_a_setting_is_accepted_and_every_default_is_the_default() -> None:
    examples = dict(
        re.findall(r"^- Example: `(\w+)=(.+)`$", text_of(DOCS / "settings.md"), re.MULTILINE)
    )
    assert Settings.read(examples, dev=False)
    bare = Settings.read({}, dev=True)
    sections = text_of(DOCS / "settings.md")
    for variable, default in {
        "VALOR_TRACE_SAMPLE": f"{bare.trace_share:g}",
        "VALOR_DEADLINE_S": f"{bare.deadline_s:g}",
        "VALOR_LOG_LEVEL": bare.log_level,
        "VALOR_HOME": str(bare.home),
        "VALOR_ISSUER": "valor-ivx`; in development `" + bare.issuer,
    }.items():
        assert f"- Default: `{default}`" in sections.split(f"### {variable}\n")[1].split("\n#")[0]


def test_what_docker_compose_reads_is_told_with_its_default() -> None:
    compose = text_of(ROOT / "docker-compose.yml")
    read = {
        (f"`{name}`", default)
        for name, default in re.findall(r"\$\{(VALOR_\w+):-([^}]+)\}", compose)
    }
    told = {
        (row[0], row[1]) for row in table(DOCS / "settings.md", "variable | default | what it is")
    }
    assert told == read


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_is_quoted_exists(page: Path) -> None:
    for line in code(page):
        for command in re.findall(r"\bdev\.py ([a-z]+)", line):
            assert command in dev.COMMANDS, line
        for command, rest in re.findall(
            r"(?<!--entrypoint )\bvalor ([a-z][a-z-]*)([^|`$)]*)", line
        ):
            known = cli.main.commands.get(command)
            assert known is not None, line
            below = known.commands.values() if isinstance(known, click.Group) else ()
            parameters = [each for one in (known, *below) for each in one.params]
            options = {option for parameter in parameters for option in parameter.opts}
            assert set(re.findall(r"(?<= )--[a-z-]+", rest)) - options - {"--help"} == set(), line


def test_every_command_of_valor_is_told_somewhere() -> None:
    told = " ".join(line for page in PAGES for line in code(page))
    assert [name for name in cli.main.commands if f"valor {name}" not in told] == []


# Refusals, remarks


def test_every_code_of_a_no_has_its_heading_and_no_other_has() -> None:
    page = DOCS / "refusals.md"
    assert sorted(headings(page, "Refusals")) == sorted(RefusalCode)
    assert sorted(headings(page, "Errors")) == sorted(ErrorCode)
    assert {row[0].strip("`") for row in table(page, "issue | what is wrong")} == set(
        get_args(ProblemCode)
    )
    counted = text_of(page).split("## What counts against us")[1].split("burn")[0]
    assert set(SPAN.findall(counted)) == OURS


def test_every_remark_of_a_reviewer_is_explained() -> None:
    given = set(
        re.findall(r'Remark\(\s*"([A-Z_]+)"', text_of(ROOT / "engine" / "dcf" / "review.py"))
    )
    told = {row[0].strip("`") for row in table(DOCS / "valuing.md", "remark | when | what to do")}
    assert told == given


@pytest.mark.parametrize("kind", sorted(kind.lower() for kind in KINDS if kind != "DCF"))
def test_every_remark_on_another_kind_is_explained_with_its_maths(kind: str) -> None:
    sources = "".join(map(text_of, (ROOT / "engine" / kind).glob("*.py")))
    given = set(re.findall(r'Remark\(\s*"([A-Z_]+)"', sources))
    assert given
    assert given - set(SPAN.findall(prose(DOCS / "maths" / f"{kind}.md"))) == set()


# Documents in GraphQL


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(text_of(ROOT / "schema.graphql"))


@pytest.mark.parametrize("page", [*PAGES, *sorted(EXAMPLES.glob("*.graphql"))], ids=named)
def test_every_query_that_is_shown_can_be_asked(page: Path, schema: GraphQLSchema) -> None:
    texts = [text_of(page)] if page.suffix == ".graphql" else blocks(page, "graphql")
    for text in texts:
        assert validate(schema, parse(text)) == []
