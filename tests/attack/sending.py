"""Sends one input and gives back what comes: every connection is new, and written by hand.

A client of a library would mend what is to be wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from tests.attack.answers import Answer, answers_in
from tests.attack.corpus import Attack
from tests.attack.forging import forged
from tests.attack.parts import filled, octets, text
from tests.attack.world import World
from tests.dcf_documents import FIRM, but, without

Sender = Callable[[World, Attack], Awaitable[list[Answer]]]

ANSWER_WITHIN_S: Final = 30.0
HEARS_NOTHING_S: Final = 2.0
HEARS_NO_MORE_S: Final = 0.3
VIEWER: Final = b'{"query":"{ viewer { role } }"}'
BASES: Final = {"firm": FIRM}
OTHER_SENDERS: Final[dict[str, Sender]] = {}  # those that build on this one add themselves
GONE: Final = "GONE"  # put in a place: nothing is there any more


async def sent(world: World, attack: Attack) -> list[Answer]:
    """Everything that an input was answered with."""
    other = OTHER_SENDERS.get(attack.kind)
    if other is not None:
        return await other(world, attack)
    payload = written(world, attack)
    half = attack.kind == "raw"
    return await exchanged(world, payload, leave=bool(attack.given.get("leave")), half=half)


async def exchanged(
    world: World, payload: bytes, *, leave: bool = False, half: bool = False
) -> list[Answer]:
    """Send bytes and read to the end. ``leave``: be gone without waiting.

    What may be ``half`` a request, or have no end, is followed by word that there will be no more,
    once nothing is heard any longer. At once would be too early: who hangs up gets no answer.
    """
    received = bytearray()
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(*world.address)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reading = asyncio.create_task(_read(reader, received))
                writer.write(payload)
                with suppress(OSError):
                    await writer.drain()
                    if leave:
                        reading.cancel()
                        return []
                    await asyncio.wait({reading}, timeout=HEARS_NO_MORE_S if half else None)
                    if not received and not reading.done():
                        await asyncio.wait({reading}, timeout=HEARS_NOTHING_S)
                    heard = -1
                    while not reading.done() and heard < len(received):
                        heard = len(received)
                        await asyncio.wait({reading}, timeout=HEARS_NO_MORE_S)
                    if not reading.done():
                        writer.write_eof()
                await reading
        except TimeoutError:
            return [Answer(0, "", "silence")]
        finally:
            reading.cancel()
            writer.transport.abort()
    return answers_in(bytes(received))


async def _read(reader: asyncio.StreamReader, received: bytearray) -> None:
    with suppress(OSError):
        while part := await reader.read(65_536):
            received += part


def written(world: World, attack: Attack) -> bytes:
    """The bytes of an input."""
    given = attack.given
    if attack.kind == "raw":
        token = world.token(given.get("as", "analyst")).encode()
        return octets(given["raw"]).replace(b"TOKEN", token)
    if attack.kind == "http":
        return _http(world, given["http"])
    if attack.kind == "body":
        return post(world, octets(given["body"]), given.get("headers", ()), given.get("as"))
    if attack.kind == "credential":
        return _with_credential(world, given["credential"], given.get("at", "graphql"))
    return post(world, _query(world, given), given.get("headers", ()), given.get("as"))


def _http(world: World, given: Mapping[str, Any]) -> bytes:
    """``{method, path, headers, body}``; a token is sent unless ``as`` is "nobody"."""
    lines = [f"{given.get('method', 'GET')} {text(given.get('path', '/'))} HTTP/1.1", "host: x"]
    who = given.get("as", "analyst")
    if who != "nobody":
        lines.append(f"authorization: Bearer {world.token(who)}")
    body = octets(given["body"]) if "body" in given else b""
    lines += ["connection: close", *(text(line) for line in given.get("headers", ()))]
    if body and not any("content-length" in line or "chunked" in line for line in lines):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


def post(world: World, body: bytes, headers: Any = (), who: str | None = None) -> bytes:
    """A POST to /graphql, as an application sends it but for what is said otherwise."""
    more = [text(line) for line in headers]
    names = {line.partition(":")[0].lower() for line in more}
    lines = ["POST /graphql HTTP/1.1", "host: x", "connection: close"]
    if "authorization" not in names and who != "nobody":
        lines.append(f"authorization: Bearer {world.token(who or 'analyst')}")
    if "content-type" not in names:
        lines.append("content-type: application/json")
    lines += [*more, f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


def posted(path: str, body: Any, headers: Any = ()) -> bytes:
    """JSON that is posted to another address, by nobody."""
    written = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "host: x", "connection: close", *map(text, headers)]
    lines += ["content-type: application/json", f"content-length: {len(written)}", "", ""]
    return "\r\n".join(lines).encode("utf-8") + written


def _query(world: World, given: Mapping[str, Any]) -> bytes:
    variables = dict(filled(given.get("variables", {})))
    if "base" in given:
        name, base = given["base"]
        document = BASES[base]
        for path, value in given.get("put", {}).items():
            held = filled(value)
            document = without(document, path) if held == GONE else but(document, path, held)
        variables[name] = document
    asked = {"query": known(world, text(given["query"])), "variables": known(world, variables)}
    if "operation" in given:
        asked["operationName"] = filled(given["operation"])
    return json.dumps(asked).encode()


def known(world: World, value: Any) -> Any:
    """With ids of what is there: ``@model`` is our model's, ``@theirs-model`` another's."""
    if isinstance(value, dict):
        return {key: known(world, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [known(world, inner) for inner in value]
    if isinstance(value, str) and value.startswith("@"):
        return world.found.get(value[1:], value)
    return value


def _with_credential(world: World, given: Any, at: str) -> bytes:
    """One credential: a text is the whole header, a map a forged token."""
    header = text(given) if not _is_forged(given) else f"Bearer {forged(world, given)}"
    headers = [f"authorization: {header}"]
    if at == "events":
        headers.append("accept: text/event-stream")
    return post(world, VIEWER, headers)


def _is_forged(given: Any) -> bool:
    from tests.attack.forging import READS

    return isinstance(given, dict) and given.keys() <= READS
