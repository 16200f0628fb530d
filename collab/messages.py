"""What workers tell each other about a room: one JSON object, with only the parts that it needs.

A message never carries an edit. Published after its commit, an edit from one worker overtakes
another's; so ``seq`` says only that there is one, and everybody reads the log.

What comes in is read as if anybody could have sent it: a message is right in every part, or it is
none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from collab.presence import Cursor, Participant, Paths

T = TypeVar("T")

LONGEST: Final = 1_000_000  # bytes; the state of a full room takes a tenth
SEQ_MAX: Final = 2**53


class _Wrong(ValueError):
    """No message of ours."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A move or a selection that reached a worker which its participant is not connected to."""

    member_id: UUID  # who asked
    cursor: Cursor | None = None
    paths: Paths | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """Gathered until it is sent: of each thing, the newest state."""

    worker: str  # who sends it
    seq: int = 0  # the newest operation there is, as far as the sender knows
    asks: bool = False  # for everybody's members, cursors and selections
    joined: dict[str, Participant] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    cursors: dict[str, tuple[int, Cursor]] = field(default_factory=dict)
    selections: dict[str, tuple[int, Paths]] = field(default_factory=dict)
    wishes: dict[str, Wish] = field(default_factory=dict)  # by participant
    valuation: dict[str, Any] | None = None  # not for the rooms to read

    def __bool__(self) -> bool:
        return bool(
            self.seq
            or self.asks
            or self.joined
            or self.left
            or self.cursors
            or self.selections
            or self.wishes
            or self.valuation
        )


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    parts = {
        "worker": message.worker,
        "seq": message.seq,
        "asks": message.asks,
        "joined": {id_: written(who) for id_, who in message.joined.items()},
        "left": message.left,
        "cursors": {
            id_: [count, cursor.path, cursor.x, cursor.y]
            for id_, (count, cursor) in message.cursors.items()
        },
        "selections": message.selections,
        "wishes": {
            id_: {
                "member": wish.member_id,
                "cursor": wish.cursor and [wish.cursor.path, wish.cursor.x, wish.cursor.y],
                "paths": wish.paths,
            }
            for id_, wish in message.wishes.items()
        },
        "valuation": message.valuation,
    }
    return orjson.dumps({name: part for name, part in parts.items() if part or name == "worker"})


def decode(content: bytes) -> Message | None:
    """The message in some bytes; None when they are no message of ours."""
    if len(content) > LONGEST:
        return None
    try:
        parts = _of(dict, orjson.loads(content))
        valuation = parts.get("valuation")
        return Message(
            worker=_of(str, parts["worker"]),
            seq=_count(parts.get("seq", 0)),
            asks=_of(bool, parts.get("asks", False)),
            joined={id_: read(id_, who) for id_, who in _part(parts, "joined").items()},
            left=[_of(str, id_) for id_ in _of(list, parts.get("left", []))],
            cursors={
                id_: (_count(count), _cursor(cursor))
                for id_, (count, *cursor) in _part(parts, "cursors").items()
            },
            selections={
                id_: (_count(count), _paths(paths))
                for id_, (count, paths) in _part(parts, "selections").items()
            },
            wishes={id_: _wish(wish) for id_, wish in _part(parts, "wishes").items()},
            valuation=None if valuation is None else _of(dict, valuation),
        )
    except (ValueError, TypeError, KeyError):  # orjson's own is a ValueError
        return None


def written(who: Participant) -> dict[str, Any]:
    """A participant as JSON, without the id."""
    return {
        "member": str(who.member_id),
        "name": who.name,
        "role": who.role,
        "colour": who.colour,
    }


def read(id_: str, who: Any) -> Participant:
    """
    Raises:
        ValueError, TypeError, KeyError: if it was not `written`.
    """
    parts = _of(dict, who)
    return Participant(
        id=id_,
        member_id=UUID(_of(str, parts["member"])),
        name=_of(str, parts["name"]),
        role=_of(str, parts["role"]),
        colour=_count(parts["colour"]),
    )


def _part(parts: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _of(dict, parts.get(name, {}))


def _of(kind: type[T], value: Any) -> T:
    if type(value) is not kind:  # a bool is an int, and not here
        raise _Wrong
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= SEQ_MAX:
        raise _Wrong
    return value


def _cursor(parts: Any) -> Cursor:
    path, *place = parts
    x, y = (None if value is None else _finite(value) for value in place)
    return Cursor(None if path is None else _of(str, path), x, y)


def _finite(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise _Wrong
    return float(value)


def _paths(value: Any) -> Paths:
    return tuple(_of(str, path) for path in _of(list, value))


def _wish(value: Any) -> Wish:
    parts = _of(dict, value)
    cursor, paths = parts["cursor"], parts["paths"]
    return Wish(
        member_id=UUID(_of(str, parts["member"])),
        cursor=None if cursor is None else _cursor(_of(list, cursor)),
        paths=None if paths is None else _paths(paths),
    )
