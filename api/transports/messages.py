"""The messages of graphql-transport-ws: what may come in, and what goes out."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from api.operations.request import NotWellFormed, Parameters
from api.transports.protocol import parameters_in, strict_json

MESSAGE_MAX: Final = 64 * 1024  # bytes
ID_MAX: Final = 128  # characters
REASON_MAX: Final = 123  # bytes of UTF-8, as a close frame has it

PING: Final = b'{"type":"ping"}'
PONG: Final = b'{"type":"pong"}'
_PONG: Final = PONG.decode()
ACKNOWLEDGED: Final = b'{"type":"connection_ack"}'
_TYPES: Final = frozenset({"connection_init", "ping", "pong", "subscribe", "complete"})
_WITH_ID: Final = frozenset({"subscribe", "complete"})


class Malformed(Exception):
    """This is no message of the protocol. Its words fit into a close frame."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = fitted(reason)


class TooLarge(Exception):
    """A `subscribe` whose id can be read, so that only this operation has to end."""

    def __init__(self, id_: str, message: str) -> None:
        super().__init__(message)
        self.id, self.message = id_, message


class Message(NamedTuple):
    """What a client says."""

    type: str
    id: str  # "" where its type has none
    payload: dict[str, Any] | None


def read(text: str | None) -> Message:
    """One message; None is a binary one.

    Raises:
        Malformed, TooLarge.
    """
    if text is None:
        raise Malformed("Messages are text, in JSON.")
    if text == _PONG:  # by far the most
        return Message("pong", "", None)
    try:
        value = strict_json(text, "The message")
    except NotWellFormed as no:
        raise Malformed(no.message) from None
    if not isinstance(value, dict):
        raise Malformed("A message is a JSON object.")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise Malformed("“type” is none that a client sends.")
    id_ = ""
    if kind in _WITH_ID:
        given = value.get("id")
        if not isinstance(given, str) or not 1 <= len(given) <= ID_MAX:
            raise Malformed(f"“id” must be a string of 1 to {ID_MAX} characters.")
        id_ = given
    size = len(text) if text.isascii() else len(text.encode())
    if size > MESSAGE_MAX:
        words = f"The message has {size:,} bytes (at most {MESSAGE_MAX:,})."
        if kind == "subscribe":
            raise TooLarge(id_, words)
        raise Malformed(words)
    payload = value.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Malformed("“payload” must be an object or null.")
    return Message(kind, id_, payload)


def asked(message: Message) -> Parameters:
    """The operation of a `subscribe`.

    Raises:
        Malformed: if its payload is none.
    """
    if message.payload is None:
        raise Malformed("“payload” of subscribe must be an object.")
    try:
        return parameters_in(message.payload)
    except NotWellFormed as no:
        raise Malformed(no.message) from None


def written(kind: str, id_: str, payload: Any = None) -> bytes:
    """A message of ours."""
    message = {"id": id_, "type": kind}
    if payload is not None:
        message["payload"] = payload
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)


def fitted(reason: str) -> str:
    """As much of it as fits into a close frame."""
    return reason.encode()[:REASON_MAX].decode(errors="ignore")


def pong(payload: dict[str, Any] | None) -> bytes:
    """The answer to a ping, with what came in it."""
    return PONG if payload is None else orjson.dumps({"type": "pong", "payload": payload})
