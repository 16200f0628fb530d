"""The whole corpus is fired at a live server, beside somebody who only wants an answer.

What the neighbour waits is printed, not judged: it depends on the machine, and is judged by
`python3 dev.py bench attacks`. Judged is that nothing is a fault of ours, that every answer is the
one that the corpus says, that none tells what is behind the door, and that the door stands after.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, get_named_type

from resolvers.ids import type_of
from tests.attack.corpus import BadEntry, corpus, read, spread
from tests.attack.everything import everything
from tests.attack.runner import Report, fired, quiet_of
from tests.attack.sending import exchanged, post
from tests.attack.strangers import SEEDS, in_vain, unreached
from tests.attack.verdicts import LEAKS, judged
from tests.attack.world import World, standing
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.served import served
from tests.the_schema import GRAPHQL

THEMES = ("documents", "flows", "frames", "json", "protocol", "tenants", "tokens", "values")
VALUE = "mutation ($i: DcfInput!) { valueDcf(input: $i) { ... on DcfValuation { valuePerShare } } }"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with standing(tmp_path_factory.mktemp("attacked")) as world:
        yield world


class Fired:
    """The reports by theme, each made when it is first asked for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._attacks = everything(world)
        self._quiet = asyncio.run(quiet_of(world))
        self._reports: dict[str, Report] = {}

    def __getitem__(self, theme: str) -> Report:
        if theme not in self._reports:
            attacks = [one for one in self._attacks if one.theme == theme]
            self._reports[theme] = asyncio.run(fired(self.world, attacks, self._quiet))
        return self._reports[theme]

    def __len__(self) -> int:
        return len(self._attacks)

    def themes(self) -> set[str]:
        return {one.theme for one in self._attacks}


@pytest.fixture(scope="module")
def reports(world: World) -> Fired:
    return Fired(world)


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_hostile_is_a_fault_of_ours_or_learns_what_is_behind(
    reports: Fired, theme: str, record_property: Callable[[str, object], None]
) -> None:
    report = reports[theme]
    record_property("says", f"attacks: {report.sentence(theme)}")
    assert report.wrong() == []


def test_there_are_many_and_every_theme_is_fired(reports: Fired) -> None:
    assert len(reports) >= 2_000
    assert reports.themes() == set(THEMES)


def test_all_wrong_credentials_have_one_answer(reports: Fired) -> None:
    told = {
        re.sub(r'"requestId":"\w+"', "", answer.body)
        for verdict in reports["tokens"].verdicts
        if verdict.attack.kind == "credential"
        for answer in verdict.answers
        if answer.status == 401
    }
    assert len(told) == 1, sorted(told)


def test_after_the_attacks_the_server_answers_as_ever(world: World, reports: Fired) -> None:
    body = json.dumps({"query": VALUE, "variables": {"i": firm()}}).encode()
    (answer,) = asyncio.run(exchanged(world, post(world, body)))
    assert json.loads(answer.body)["data"]["valueDcf"]["valuePerShare"] == WORTH_A_SHARE


def test_a_fault_of_ours_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a resolver that raises is INTERNAL and masked, and the verdict says so."""

    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM valuation at /home/valor.db")

    with served(tmp_path) as server:
        monkeypatch.setattr(type(server.parts.watch), "slo_status", broken)
        world = World(server.origin, server.issuer)
        body = b'{"query":"{ sloStatus { name } }"}'
        answers = asyncio.run(exchanged(world, post(world, body)))
    verdict = judged(corpus()[0], answers, 0.0)
    assert verdict.faults
    assert verdict.unexpected
    assert not verdict.leaks
    assert "secret" not in answers[0].body


@pytest.mark.parametrize(
    "told",
    [
        'Traceback (most recent call last): File "api/app.py", line 3, in f',
        "(sqlite3.OperationalError) no such table: x",
        "SELECT a FROM b",
        "CANARY model",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_leak_would_be_seen(told: str) -> None:
    assert LEAKS.search(told)


def test_every_type_that_has_an_id_is_made_for_the_other_tenant(
    world: World, reports: Fired
) -> None:
    types = {
        kind.name
        for kind in GRAPHQL.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        and "id" in kind.fields
        and get_named_type(kind.fields["id"].type).name == "ID"
    }
    made = {type_of(id_) for id_ in world.found.values()}
    assert types - made == set(SEEDS["not_made"])


def test_at_every_place_an_id_is_looked_for(reports: Fired) -> None:
    assert in_vain(reports["tenants"].verdicts) == set()


def test_every_field_that_takes_an_id_is_asked() -> None:
    assert unreached() == set(SEEDS["unreached"])


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "x", "tries": "y", "back": "400"},
        {"name": "x", "tries": "y", "back": "400", "raw": "", "body": ""},
        {"name": "x", "tries": "y", "raw": ""},
        {"name": "x", "tries": "y", "back": "400", "raw": "", "badly": 1},
    ],
)
def test_an_entry_that_nobody_would_read_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(BadEntry):
        read("theme", entry)


def test_an_entry_stands_for_every_combination_of_what_it_names() -> None:
    entry = {"name": "<a> <b>", "put": {"<a>": "<b>"}, "each": {"a": ["x", "y"], "b": [1, None]}}
    assert list(spread(entry)) == [
        {"name": "x 1", "put": {"x": 1}},
        {"name": "x None", "put": {"x": None}},
        {"name": "y 1", "put": {"y": 1}},
        {"name": "y None", "put": {"y": None}},
    ]
