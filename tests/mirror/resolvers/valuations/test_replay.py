"""Whoever audits a number asks for its replay beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest

from engine.changes import CHANGES, Change
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from resolvers.ids import global_id
from services.principal import Role
from store.database import Database
from store.valuations import KeptValuation, Valuations
from tests.dcf_documents import firm
from tests.older_engine import kept
from tests.served import OURS, Served, served

REPLAY: Final = """
replay {
  verdict sameHash keptHash replayedHash keptEngineVersion engineVersion
  keptNumpyVersion numpyVersion problem
  changes { path kept now difference relative state since why }
}
"""
FIND: Final = f"query ($id: ID!) {{ valuation(id: $id) {{ resultHash {REPLAY} }} }}"
VALUE: Final = (
    "mutation ($input: DcfInput!) { valueDcf(input: $input) "
    f"{{ ... on DcfValuation {{ resultHash {REPLAY} }} }} }}"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


def asked(server: Served, row: KeptValuation) -> dict[str, Any]:
    """Keep a row and ask for its replay, as somebody who may only read."""

    async def keep() -> None:
        database = Database.open(server.parts.settings.database_url)
        try:
            await Valuations(database).keep(OURS, row)
        finally:
            await database.close()

    asyncio.run(keep())
    with server.caller(Role.VIEWER) as caller:
        found = caller.data(FIND, {"id": global_id("DcfValuation", row.id)})["valuation"]
    replay: dict[str, Any] = found["replay"]
    assert replay["keptHash"] == found["resultHash"] == row.result_hash
    return replay


def test_what_was_just_valued_is_identical(server: Served) -> None:
    with server.caller() as caller:
        found = caller.data(VALUE, {"input": firm()})["valueDcf"]
    assert found["replay"] == {
        "verdict": "IDENTICAL",
        "sameHash": True,
        "keptHash": found["resultHash"],
        "replayedHash": found["resultHash"],
        "keptEngineVersion": ENGINE_VERSION,
        "engineVersion": ENGINE_VERSION,
        "keptNumpyVersion": NUMPY_VERSION,
        "numpyVersion": NUMPY_VERSION,
        "problem": None,
        "changes": [],
    }


def test_a_number_of_an_older_engine_stands_beside_todays(server: Served) -> None:
    replay = asked(server, kept(numbers={"valuePerShare": 10.0, "costOfEquity": 0.1}))
    assert (replay["verdict"], replay["sameHash"]) == ("UNEXPLAINED", False)
    assert (replay["keptEngineVersion"], replay["engineVersion"]) == ("0.9.0", ENGINE_VERSION)
    equity, share = replay["changes"]
    assert equity == {
        "path": "costOfEquity",
        "kept": 0.1,
        "now": None,
        "difference": None,
        "relative": None,
        "state": "UNEXPLAINED",
        "since": None,
        "why": None,
    }
    assert (share["path"], share["kept"]) == ("valuePerShare", 10.0)
    assert share["now"] == pytest.approx(11.0, rel=1e-12)
    assert share["difference"] == pytest.approx(1.0, rel=1e-12)
    assert share["relative"] == pytest.approx(0.1, rel=1e-12)


def test_a_change_is_told_with_its_version_and_its_reason(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = Change(title="Shares", why="Counted.", kinds=("DCF",), outputs=("value_per_share",))
    monkeypatch.setitem(CHANGES, ENGINE_VERSION, (change,))
    row = kept(firm(**{"bridge.cash": 8.0}), numbers={"valuePerShare": 9.0})
    replay = asked(server, row)
    assert replay["verdict"] == "EXPLAINED"
    (line,) = replay["changes"]
    assert (line["since"], line["why"]) == (ENGINE_VERSION, "Shares: Counted.")


def test_what_cannot_be_replayed_says_why(server: Served) -> None:
    row = kept(firm(**{"bridge.cash": 7.0}), input_version=99)
    replay = asked(server, row)
    assert (replay["verdict"], replay["replayedHash"]) == ("UNREADABLE", None)
    assert "newer than this program" in replay["problem"]
