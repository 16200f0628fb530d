"""Two terminals in one model's room: each sees the other's cursor, selection, edit, and leaving."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from api.keys import make_development_keys
from api.settings import Settings
from api.terminals.demo import CREATE
from services.principal import Role
from tests.dcf_documents import firm
from tests.flows.wire import Wire
from tests.pages import ROOT, blocks, text_of
from tests.terminals import Terminal, running, valor
from tests.two_workers import TwoWorkers, two_workers

__all__ = ["two_workers"]

GROWTH: Final = "terminal.gordon.growth"


@dataclass(frozen=True)
class Place:
    """A model, and how each of two guests gets to it."""

    home: Path
    model_id: str
    one: tuple[str, ...]  # words for `valor join`
    other: tuple[str, ...]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One process without Redis, and the two commands that it prints itself."""
    with running(tmp_path_factory.mktemp("demo"), "demo", "--port", "0") as terminal:
        printed = terminal.until("out", "--as partner")
        commands = re.findall(r"python3 dev\.py valor join (\S+) (.+)", printed)
        assert len(commands) == 2
        ids = {model_id for model_id, _ in commands}
        yield Place(terminal.home, ids.pop(), *(tuple(words.split()) for _, words in commands))


@pytest.fixture(scope="module")
def workers(two_workers: TwoWorkers) -> Place:
    """Two processes that meet in Redis, with a guest at each."""
    given = {"name": "Orchard", "inputs": firm(), "operationId": "two-workers"}
    with two_workers.caller(0, Role.OWNER) as caller:
        model_id = caller.data(CREATE, given)["createModel"]["id"]
    tokens = [two_workers.token(role) for role in (Role.OWNER, Role.ANALYST)]
    one, other = (
        ("--url", origin, "--token", token)
        for origin, token in zip(two_workers.workers, tokens, strict=True)
    )
    return Place(two_workers.terminal.home, model_id, one, other)


@pytest.fixture(params=["demo", "workers"], ids=["in memory", "over Redis"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@contextmanager
def joined(place: Place, words: tuple[str, ...]) -> Iterator[Terminal]:
    with running(place.home, "join", place.model_id, *words) as guest:
        guest.until("out", "With you: ")
        yield guest


def name_of(guest: Terminal) -> str:
    found = re.search(r"^You are (.+)\. With you: ", guest.printed["out"], re.MULTILINE)
    assert found, guest.printed
    return found[1]


def test_each_sees_the_other_come_point_select_edit_and_leave(place: Place) -> None:
    with joined(place, place.one) as one:
        with joined(place, place.other) as other:
            me, them = name_of(one), name_of(other)
            assert me != them
            assert f"With you: {me}" in other.printed["out"]
            one.until("out", f"{them} came")

            other.type(f"move {GROWTH}")
            one.until("out", f"{them} points at {GROWTH}")
            one.type("select shares.diluted operations.taxRate")
            other.until("out", f"{me} selects shares.diluted, operations.taxRate")

            other.type(f"set {GROWTH} 1.25%")
            seen = one.until("out", "to 1.25 % (revision ")
            assert re.search(
                rf"^{them}: Terminal growth from \S+ %? ?to 1\.25 % \(revision \d+\)$",
                seen,
                re.MULTILINE,
            )
            other.until("out", "to 1.25 % (revision ")  # once, as the answer to the edit
            revision = re.findall(r"\(revision (\d+)\)", seen)[-1]
            worth = [
                re.search(
                    r"Worth ([\d.,]+) USD a share", each.until("out", f"at revision {revision}")
                )
                for each in (one, other)
            ]
            assert worth[0]
            assert worth[1]
            assert worth[0][1] == worth[1][1]

            one.type("set operations.revenueGrowth.byYear[1] 0.5%")
            one.type("who")
            told = one.until("out", f"{them}, at {GROWTH}")
            assert f"{me} (you), with shares.diluted, operations.taxRate selected" in told

            other.type("quit")
            assert other.process.wait(60) == 0
            one.until("out", f"{them} left")
        assert one.printed["err"] == other.printed["err"] == ""
        assert other.printed["out"].count("to 1.25 % (revision ") == 1


def test_commands_are_obeyed_or_refused_in_words_until_the_end_of_the_input(
    demo: Place,
) -> None:
    with joined(demo, demo.one) as one, joined(demo, demo.other) as other:
        one.type("set name Apple, base case")
        other.until("out", "Apple, base case")
        one.type("set nothing.of.the.sort 1")
        one.until("out", "There is no input under this path")
        other.type("jump")
        other.until("out", "I know these:")
        other.type("value")
        other.until("out", "USD a share\n")
        one.close_input()
        assert one.process.wait(60) == 0
        assert other.interrupt() == 130
        assert other.whole("err") == ""


def test_a_guest_whose_connection_broke_is_told_what_happened_meanwhile(demo: Place) -> None:
    url = urlsplit(demo.one[demo.one.index("--url") + 1])
    with Wire(str(url.hostname), int(url.port or 0)) as wire:
        through = ("--url", f"http://127.0.0.1:{wire.port}")
        with joined(demo, through) as away, joined(demo, demo.other) as here:
            away.until("out", "came")
            wire.cut()
            away.until("out", "I try again")
            here.until("out", "left")
            here.type(f"set {GROWTH} 1.75%")
            here.until("out", "to 1.75 % (revision ")
            away.type(f"set {GROWTH} 1.5%")  # what is typed meanwhile waits
            wire.mend()
            told = away.until("out", "to 1.75 % (revision ")
            assert told.index("Here again") <= told.index("to 1.75 %")
            away.until("out", "to 1.5 % (revision ")
            here.until("out", "to 1.5 % (revision ")
            assert away.printed["out"].count("to 1.75 %") == 1
            assert away.printed["err"] == ""


def test_the_other_reads_what_the_readme_says(tmp_path: Path) -> None:
    (shown,) = [body for body in blocks(ROOT / "README.md", "") if "points at" in body]
    with running(tmp_path, "demo", "--port", "0") as demo:
        printed = demo.until("out", "--as partner")
        found = re.search(r"valor join (\S+) (--url \S+) --as", printed)
        assert found
        place = Place(tmp_path, found[1], tuple(found[2].split()), ())
        with (
            joined(place, (*place.one, "--as", "partner")) as partner,
            joined(place, place.one) as us,
        ):
            for line in ("move terminal.gordon.growth", "set terminal.gordon.growth 3%"):
                assert f"`{line}`" in text_of(ROOT / "README.md")
                us.type(line)
            told = partner.until("out", "(at revision 2)")
    assert told.endswith(shown)


def test_a_server_that_started_again_finds_its_guests_again(tmp_path: Path) -> None:
    with running(tmp_path, "demo", "--port", "0") as first:
        printed = first.until("out", "--as partner")
        found = re.search(r"valor join (\S+) --url (\S+)", printed)
        assert found
        port = str(urlsplit(found[2]).port)
        with running(tmp_path, "join", found[1], "--url", found[2]) as guest:
            guest.until("out", "With you: nobody")
            assert first.end(signal.SIGINT) == 130
            guest.until("out", "Away: the server stops. I try again")
            with running(tmp_path, "demo", "--port", port):  # with another key, so another token
                guest.until("out", "Here again. With you: nobody")
                guest.type("quit")
                assert guest.process.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("RmluYW5jaWFsTW9kZWw6eA",), "There is no"),
        (("x", "--token", "nonsense"), "The token is not valid here"),
        (("x", "--url", "ftp://here"), "is no address of a server"),
        (("x", "--url", "http://127.0.0.1:1"), "Start the server: valor demo"),
    ],
    ids=["no model", "a wrong token", "no address", "nobody there"],
)
def test_who_cannot_join_reads_why(demo: Place, words: tuple[str, ...], said: str) -> None:
    url = () if "--url" in words else demo.one[:2]
    with running(demo.home, "join", *words, *url) as guest:
        assert said in guest.whole("err")
        assert guest.process.wait(60) == 1
        assert guest.whole("out") == ""
        assert "Traceback" not in guest.printed["err"]


def test_without_a_key_or_a_token_it_says_where_keys_come_from(tmp_path: Path) -> None:
    with running(tmp_path, "join", "x") as guest:
        assert "Start the server first" in guest.whole("err")
        assert guest.process.wait(60) == 1


def test_a_key_of_another_server_is_refused_and_no_token_after_it_is_tried_for_ever(
    demo: Place, tmp_path: Path
) -> None:
    make_development_keys(Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True).keys)
    with running(tmp_path, "join", demo.model_id, *demo.one) as guest:
        assert "The token is not valid here" in guest.whole("err")
        assert guest.process.wait(60) == 1


def test_models_are_listed_with_what_they_are_worth(demo: Place) -> None:
    (line,) = valor(demo.home, "models").splitlines()
    id_, _, kind, revision, worth = line.split("\t")
    assert (id_, kind) == (demo.model_id, "DCF")
    assert int(revision) >= 1
    assert re.fullmatch(r"Worth [\d.,]+ USD a share", worth)


def test_a_member_that_is_named_wins_over_a_token_in_the_environment(demo: Place) -> None:
    token = valor(demo.home, "token").strip()
    url = demo.one[:2]
    with running(demo.home, "join", demo.model_id, *url, VALOR_TOKEN=token) as guest:
        guest.until("out", "You are Demo Analyst")
    words = ("join", demo.model_id, *url, "--as", "partner")
    with running(demo.home, *words, VALOR_TOKEN=token) as guest:
        guest.until("out", "You are Demo Partner")
