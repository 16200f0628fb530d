"""`valor join`: a model's room in a terminal. What happens comes out as lines, commands go in."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import uuid4

from api.terminals.caller import Caller, Lost, NoAnswer, NotAdmitted, calling
from api.terminals.headline import FRAGMENT, headline
from api.terminals.room_lines import HELP, Misspelt, Room, Typed, refusal, typed

AGAIN_S: Final = (0.2, 5.0)  # before the first attempt to connect again, and at most
RENEW_EVERY_S: Final = 240.0  # a development token lasts ten minutes
ROOM: Final = (
    FRAGMENT
    + """
subscription Room($id: ID!, $after: Int) {
  collaboration(modelId: $id, after: $after) {
    me { ...Here }
    seq resync
    model { name kind revision }
    members { ...Here }
    joined { ...Here }
    left
    cursors { participant path }
    selections { participant paths }
    edits { revision author { name } changes { text } }
    valuation {
      basedOnSeq
      valuation { ...Headline }
      refusal { message }
    }
  }
}
fragment Here on Participant { id member { name } }
"""
)
MOVE: Final = """
mutation Move($id: ID!, $cursor: CursorInput!) { moveCursor(modelId: $id, cursor: $cursor) }
"""
SELECT: Final = """
mutation Select($id: ID!, $paths: [String!]!) { select(modelId: $id, paths: $paths) }
"""
EDIT: Final = """
mutation Edit($id: ID!, $operationId: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: $operationId, edits: $edits) {
    __typename
    ... on EditedModel {
      revision { revision author { name } changes { text } }
    }
    ... on Refusal {
      message issues { path message suggestion } conflicts { path value revision }
    }
  }
}
"""
VALUE: Final = (
    FRAGMENT
    + """
mutation Value($id: ID!, $scenario: String) {
  valueModel(id: $id, scenario: $scenario) {
    __typename
    ...Headline
    ... on Refusal { message issues { path message suggestion } }
  }
}
"""
)
RENEW: Final = "mutation Renew($token: String!) { renewSession(token: $token) { __typename } }"


class Tokens(Protocol):
    """Where tokens come from."""

    @property
    def renewable(self) -> bool:
        """Whether another one may be asked for."""

    def token(self) -> str:
        """One that is good now."""


class Ended(Exception):
    """It is over, for a reason that a person reads."""


async def join(
    address: str, model_id: str, tokens: Tokens, lines: asyncio.Queue[str | None]
) -> None:
    """Be in a room until the lines end, with None, or say `quit`.

    Raises:
        Ended: if the server does not want us, or there is no such model.
    """
    guest = Guest(model_id, tokens, lines)
    first_s, most_s = AGAIN_S
    wait_s, refused = first_s, False
    while not guest.left:
        try:
            async with calling(address, tokens.token()) as caller:
                wait_s, refused = first_s, False
                await guest.stay(caller)
        except NotAdmitted as no:
            # A token that expired while this machine slept is no reason to give up. Two are.
            if refused or not (no.for_token and tokens.renewable):
                raise Ended(str(no)) from None
            refused = True
        except Lost as lost:
            if guest.room.me and wait_s == first_s:
                say(f"Away: {lost}. I try again")
            elif not guest.room.me:
                raise Ended(f"{address}: {lost}. Start the server: valor demo") from None
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            wait_s = min(2 * wait_s, most_s)


@dataclass(frozen=True, slots=True)
class Doing:
    """A command, with what makes a repeat of it the same."""

    command: Typed
    base_revision: int
    operation_id: str = field(default_factory=lambda: str(uuid4()))


class Guest:
    """Somebody in a room, over one connection after the other."""

    def __init__(self, model_id: str, tokens: Tokens, lines: asyncio.Queue[str | None]) -> None:
        self.room = Room()
        self.left = False
        self._model_id, self._tokens, self._lines = model_id, tokens, lines
        # What was typed, until it has an answer: over a lost connection nothing is known of it.
        self._doing: Doing | None = None
        self._batch = asyncio.Event()  # one more has come

    async def stay(self, caller: Caller) -> None:
        """Be there, over one connection.

        Raises:
            Lost, NotAdmitted, Ended.
        """
        inside = asyncio.Event()
        parts = [
            asyncio.create_task(self._watch(caller, inside)),
            asyncio.create_task(self._obey(caller, inside)),
            asyncio.create_task(self._renew(caller)),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _watch(self, caller: Caller, inside: asyncio.Event) -> None:
        seen = {"id": self._model_id, "after": self.room.seq or None}
        try:
            async with aclosing(caller.follow(ROOM, seen)) as batches:
                async for data in batches:
                    for line in self.room.lines(data["collaboration"]):
                        say(line)
                    self._batch.set()
                    inside.set()
        except NoAnswer as no:
            raise Ended(str(no)) from None
        raise Lost("the room was closed")

    async def _obey(self, caller: Caller, inside: asyncio.Event) -> None:
        await inside.wait()
        while not self.left:
            if self._doing is None:
                while self.room.behind:  # the next edit is based on one's own as well
                    self._batch.clear()
                    await self._batch.wait()
                line = await self._lines.get()
                if line is None:
                    self.left = True
                    return
                try:
                    command = typed(line)
                except Misspelt as no:
                    say(str(no))
                    continue
                if command is None:
                    continue
                self._doing = Doing(command, self.room.seq)
            try:
                await self._do(caller, self._doing)
            except NoAnswer as no:
                say(str(no))
            self._doing = None

    async def _do(self, caller: Caller, doing: Doing) -> None:
        command, model = doing.command, {"id": self._model_id}
        match command.word:
            case "quit":
                self.left = True
            case "help":
                say(HELP)
            case "who":
                for line in self.room.who():
                    say(line)
            case "move":
                await caller.ask(MOVE, {**model, "cursor": {"path": command.paths[0]}})
            case "select":
                await caller.ask(SELECT, {**model, "paths": list(command.paths)})
            case "set":
                edit = {
                    "path": command.paths[0],
                    "value": command.value,
                    "baseRevision": doing.base_revision,
                }
                # Repeated over another connection it is the same to the byte, and done once.
                asked = {**model, "operationId": doing.operation_id, "edits": [edit]}
                outcome = (await caller.ask(EDIT, asked))["editModel"]
                if not _refused(outcome):
                    for line in self.room.made(outcome["revision"]):
                        say(line)
            case "value":
                (scenario,) = command.paths or (None,)
                given = {**model, "scenario": scenario}
                outcome = (await caller.ask(VALUE, given))["valueModel"]
                if not _refused(outcome):
                    told = headline(outcome)
                    say(told if scenario is None else f"{told} in {scenario}")

    async def _renew(self, caller: Caller) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            if self._tokens.renewable:
                # If it is refused, the server says so by closing.
                with suppress(NoAnswer):
                    await caller.ask(RENEW, {"token": self._tokens.token()})


def _refused(outcome: Any) -> bool:
    """Whether it is a refusal, which is told then."""
    if outcome["__typename"] != "Refusal":
        return False
    for line in refusal(outcome):
        say(line)
    return True


def say(line: str) -> None:
    """One line, at once: somebody may read it from a pipe."""
    print(line, flush=True)  # noqa: T201 - the command's output


def typed_lines(file: int = 0) -> asyncio.Queue[str | None]:
    """The lines of an open file, standard input's if none is given, as they come; None at its end.

    A thread reads them, since an event loop cannot wait for a file; and it reads past Python's own
    buffer, which the interpreter would wait for at its end.
    """
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        left = b""
        with suppress(RuntimeError):  # the loop has ended, and nobody wants them
            while part := os.read(file, 65_536):
                *whole, left = (left + part).split(b"\n")
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace"))
            if left:
                loop.call_soon_threadsafe(lines.put_nowait, left.decode(errors="replace"))
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return lines
