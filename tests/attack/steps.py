"""Plays what takes several steps: sockets, and requests that build on one another.

A step is a map with one verb. On a socket, whose name ``on`` gives: ``open``, ``say`` (a message),
``text`` and ``frame`` and ``bytes`` (anything), ``hear``, ``ended``, ``deaf``, ``abort``. Beside
them ``ask`` (a request over HTTP) and ``pause_s``. ``times`` repeats a step, ``#`` is the number of
the time; ``take`` keeps a value of the answer under a name, which ``@name`` then stands for;
``back`` says what must have come.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tests.attack.answers import Answer
from tests.attack.corpus import Attack
from tests.attack.forging import forged
from tests.attack.parts import filled, octets, text
from tests.attack.raw_socket import RawSocket, frame
from tests.attack.sending import OTHER_SENDERS, exchanged, post, posted
from tests.attack.verdicts import fits
from tests.attack.world import World

VERBS: Final = frozenset(
    {"open", "say", "text", "frame", "bytes", "hear", "ended", "deaf", "abort", "ask", "pause_s"}
)


async def played(world: World, attack: Attack) -> list[Answer]:
    """All that was heard; the last is the one that the entry's ``back`` speaks of."""
    player = _Player(world)
    try:
        for step in attack.given["steps"]:
            for number in range(int(step.get("times", 1))):
                await player.play(step, number)
        return [*player.others(), *player.answers]
    except _Unexpected as no:
        return [*player.others(), Answer(0, "", str(no))]
    finally:
        for socket in player.opened:
            socket.abort()


class _Unexpected(Exception):
    """A step that came to something else than it says."""


class _Player:
    def __init__(self, world: World) -> None:
        self._world = world
        self._names: dict[str, Any] = dict(world.found)
        self.sockets: dict[str, RawSocket] = {}  # by name, the last that was opened so
        self.opened: list[RawSocket] = []
        self.answers: list[Answer] = []

    def others(self) -> list[Answer]:
        """What sockets said that no step asked for."""
        known = set(map(id, self.answers))
        return [a for s in self.opened for a in s.all if id(a) not in known]

    async def play(self, step: Mapping[str, Any], number: int) -> None:
        (verb,) = step.keys() & VERBS
        given = self._numbered(step[verb], number)
        socket = self.sockets.get(step.get("on", "it"))
        answer = None
        if verb == "pause_s":
            await asyncio.sleep(float(given))
        elif verb == "ask":
            answer = await self._ask(given)
        elif verb == "open":
            answer = await self._open(str(given), step)
        else:
            assert socket is not None, f"no socket is open for {step}"
            answer = await self._on(socket, verb, given)
        if answer is None:
            return
        self.answers.append(answer)
        wanted = str(step.get("back", ""))
        if wanted and not fits(answer, wanted.split(" or ")):
            raise _Unexpected(f"{verb} came to {answer.words}, not {wanted}")
        for name, path in step.get("take", {}).items():
            self._names[name] = _at(json.loads(answer.body), path)

    async def _on(self, socket: RawSocket, verb: str, given: Any) -> Answer | None:
        if verb == "say":
            socket.say(self._known(filled(given)))
        elif verb == "text":
            socket.send(frame(octets(given)))
        elif verb == "frame":
            options = {key: value for key, value in given.items() if key != "payload"}
            socket.send(frame(octets(given.get("payload", "")), **options))
        elif verb == "bytes":
            socket.send(octets(given))
        elif verb == "hear":
            answer = Answer(0, "", "silence")
            for _ in range(int(given)):
                answer = await socket.hear()
            return answer
        elif verb == "ended":
            return await socket.ended()
        elif verb == "deaf":
            socket.read_no_more()
        elif verb == "abort":
            socket.abort()
        await socket.sent()
        return None

    async def _open(self, who: str, step: Mapping[str, Any]) -> Answer | None:
        socket = self.sockets[step.get("on", "it")] = RawSocket()
        self.opened.append(socket)
        path = text(step.get("path", "/graphql"))
        await socket.open(self._world.address, path, *map(text, step.get("headers", ())))
        if socket.refused is not None:
            return await socket.hear()
        if who == "nobody":
            return None
        token = self._world.token(who)
        socket.say({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        await socket.hear()
        return None

    async def _ask(self, given: Mapping[str, Any]) -> Answer:
        if "path" in given:
            body = self._known(filled(given.get("body", {})))
            lines = [self._filled_in(text(line)) for line in given.get("headers", ())]
            return (await exchanged(self._world, posted(given["path"], body, lines)))[0]
        variables = self._known(filled(given.get("variables", {})))
        asked = {"query": text(given["query"]), "variables": variables}
        if given.get("events"):
            lines = ["accept: text/event-stream", *given.get("headers", ())]
        else:
            lines = list(given.get("headers", ()))
        lines = [self._filled_in(text(line)) for line in lines]
        payload = post(self._world, json.dumps(asked).encode(), lines, given.get("as"))
        return (await exchanged(self._world, payload))[0]

    def _filled_in(self, line: str) -> str:
        """A header's line, in which ``@name`` is what was kept under it."""
        return re.sub(r"@([\w-]+)", lambda name: str(self._names.get(name[1], name[0])), line)

    def _known(self, value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"token_of"}:
                return self._world.token(value["token_of"])
            if value.keys() == {"forged"}:
                return forged(self._world, value["forged"])
            return {key: self._known(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._known(inner) for inner in value]
        if isinstance(value, str) and value.startswith("@"):
            return self._names[value[1:]]
        return value

    def _numbered(self, value: Any, number: int) -> Any:
        if isinstance(value, dict):
            return {key: self._numbered(inner, number) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._numbered(inner, number) for inner in value]
        return value.replace("#", str(number)) if isinstance(value, str) else value


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


OTHER_SENDERS["steps"] = played
