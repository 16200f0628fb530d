"""A guest in a room goes on over the next connection where the last one broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from api.terminals import join
from api.terminals.caller import Caller, Lost, NoAnswer
from api.terminals.join import EDIT, RENEW, Ended, Guest, typed_lines
from api.terminals.tokens import GivenToken

pytestmark = pytest.mark.anyio

REVISION = {"revision": 8, "author": None, "changes": [{"text": "WACC to 8 %"}]}
DONE = {"editModel": {"__typename": "EditedModel", "revision": REVISION}}


def first() -> dict[str, Any]:
    me = {"id": "p1", "member": {"name": "Ada"}}
    return {
        "me": me, "seq": 7, "resync": False, "members": [me], "joined": [], "left": [],
        "cursors": [], "selections": [], "edits": [], "valuation": None,
        "model": {"name": "Orchard", "kind": "DCF", "revision": 7},
    }  # fmt: skip


@dataclass
class Script:
    """A server's side of one connection: answers, or what breaks it, in their order."""

    answers: list[Any]
    edits: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)  # the room is told of them
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    followed: list[Mapping[str, Any]] = field(default_factory=list)

    async def follow(self, _: str, variables: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        self.followed.append(variables)
        batch = first()
        yield {"collaboration": batch}
        while edit := await self.edits.get():
            nothing = {"me": None, "model": None, "members": None}
            yield {"collaboration": {**batch, **nothing, "seq": edit["revision"], "edits": [edit]}}

    async def ask(self, document: str, variables: Mapping[str, Any]) -> Any:
        self.asked.append((document, variables))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if edit := answer.get("editModel", {}).get("revision"):
            self.edits.put_nowait(edit)
        return answer


@dataclass(frozen=True)
class Renewable:
    renewable: bool = True

    def token(self) -> str:
        return "another"


def guest(*lines: str | None, tokens: join.Tokens | None = None) -> Guest:
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    for line in lines:
        queue.put_nowait(line)
    return Guest("m", tokens or GivenToken("t"), queue)


async def stay(here: Guest, script: Script) -> None:
    await here.stay(cast("Caller", script))


async def test_an_edit_whose_answer_was_lost_is_sent_again_the_same_and_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = guest("set capital.wacc 8%", None)
    broken, whole = Script([Lost("the connection broke")]), Script([DONE])
    with pytest.raises(Lost):
        await stay(here, broken)
    assert not here.left
    here.room.seq = 12  # others went on meanwhile
    await stay(here, whole)
    assert here.left
    assert broken.asked == whole.asked  # to the byte, its id and its base among it
    document, variables = whole.asked[0]
    assert document == EDIT
    assert variables["edits"][0]["baseRevision"] == 7
    assert capsys.readouterr().out.count("WACC to 8 %") == 1


async def test_the_next_connection_goes_on_after_what_was_seen() -> None:
    here = guest(None)
    script = Script([])
    await stay(here, script)
    here.left = False
    here._lines.put_nowait("quit")
    await stay(here, script)
    assert [said["after"] for said in script.followed] == [None, 7]


async def test_two_edits_have_an_id_each_and_the_second_is_based_on_the_first() -> None:
    script = Script([DONE, DONE])
    await stay(guest("set a.b 1", "set a.b 1", "quit"), script)
    ids = {variables["operationId"] for _, variables in script.asked}
    assert len(ids) == 2
    assert [variables["edits"][0]["baseRevision"] for _, variables in script.asked] == [7, 8]


async def test_a_model_is_valued_as_it_stands_or_in_a_scenario(
    capsys: pytest.CaptureFixture[str],
) -> None:
    worth = {"__typename": "DcfValuation", "valuePerShare": 12.5, "currency": "USD"}
    script = Script([{"valueModel": worth}, {"valueModel": worth}])
    await stay(guest("value", "value bear", None), script)
    assert [variables["scenario"] for _, variables in script.asked] == [None, "bear"]
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == ["Worth 12.50 USD a share", "Worth 12.50 USD a share in bear"]


async def test_a_refusal_is_told_with_what_mends_it_and_the_next_command_is_obeyed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    issue = {"path": "capital.wacc", "message": "It is too high.", "suggestion": "Lower it."}
    no = {"__typename": "Refusal", "code": "INVALID_INPUT", "message": "No.", "issues": [issue]}
    script = Script([{"editModel": no}, NoAnswer("Too slow."), {"select": True}])
    await stay(guest("set capital.wacc 9", "move a.b", "select", None), script)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "capital.wacc: It is too high. Lower it.",
        "Too slow.",
    ]


async def test_a_development_token_is_renewed_and_a_given_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(join, "RENEW_EVERY_S", 0.0)
    renewed = Script([Lost("enough")])
    with pytest.raises(Lost):
        await stay(guest(tokens=Renewable()), renewed)
    assert renewed.asked == [(RENEW, {"token": "another"})]
    given = Script([])
    await stay(guest("who", None, tokens=GivenToken("t")), given)
    assert given.asked == []


async def test_a_room_that_is_refused_is_the_end() -> None:
    class Closed(Script):
        async def follow(self, _: str, __: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
            raise NoAnswer("There is no such model.")
            yield

    with pytest.raises(Ended, match="no such model"):
        await stay(guest("who"), Closed([]))


async def test_lines_are_read_as_they_come_and_the_last_one_needs_no_end(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("lines") / "typed"
    file.write_bytes("who\nset name Čapek\nquit".encode())
    with file.open("rb") as stream:
        lines = typed_lines(stream.fileno())
        told = [await asyncio.wait_for(lines.get(), 60) for _ in range(4)]
    assert told == ["who", "set name Čapek", "quit", None]
