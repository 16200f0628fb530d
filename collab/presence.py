"""Who is in a room, where they point, and what they selected. No clock, no network, no tenant.

Everything here may come twice, late and in any order: a newer state replaces an older one by the
owner's own count, whoever said goodbye stays away (an id is never used again), and nothing grows
beyond the members of the room.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias
from uuid import UUID

GONE: Final = 512  # of those who left, these are remembered

Paths: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One connection's presence in one room."""

    id: str  # made for it alone
    member_id: UUID
    name: str
    role: str
    colour: int  # 0, 1, 2, …: the same for all of a member's connections in the room


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where somebody points."""

    path: str | None  # the input that it is over; None: none of them
    x: float | None = None  # within that, or within the page: from 0 (left) to 1
    y: float | None = None  # from 0 (top) to 1


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a room since some version: for each participant the newest state, once."""

    left: tuple[str, ...] = ()  # first: who was dropped and came back is in `joined` as well
    joined: tuple[Participant, ...] = ()
    cursors: tuple[tuple[str, Cursor], ...] = ()
    selections: tuple[tuple[str, Paths], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joined or self.left or self.cursors or self.selections)


class _Kind(Enum):
    JOINED = auto()
    LEFT = auto()
    CURSOR = auto()
    SELECTION = auto()


class Presence:
    """The state of one room. Its ``version`` rises with each change."""

    def __init__(self) -> None:
        self.version = 0
        self.members: dict[str, Participant] = {}
        self.cursors: dict[str, tuple[int, Cursor]] = {}  # with the owner's count
        self.selections: dict[str, tuple[int, Paths]] = {}
        # The newest version of each change; the newest change comes last.
        self._changes: dict[tuple[_Kind, str], int] = {}
        self._gone: dict[str, bool] = {}  # whether they said so; the newest comes last
        self._forgotten = 0  # changes up to this version may be missing: see `since`

    def enter(self, participant: Participant) -> bool:
        """Whether that was news."""
        id_ = participant.id
        if id_ in self.members or self._gone.get(id_, False):
            return False
        self._gone.pop(id_, None)  # that they had gone stays a change: their cursor went with them
        self.members[id_] = participant
        self._changed(_Kind.JOINED, id_)
        return True

    def leave(self, id_: str) -> bool:
        """Somebody said goodbye, and never comes back: word of their coming may be on its way.

        Whether that was news.
        """
        return self._remove(id_, for_good=True)

    def move(self, id_: str, count: int, cursor: Cursor) -> bool:
        """Whether that was news: of somebody who is here, and newer than what was known."""
        if id_ not in self.members or count <= self.cursors.get(id_, (0,))[0]:
            return False
        self.cursors[id_] = (count, cursor)
        self._changed(_Kind.CURSOR, id_)
        return True

    def select(self, id_: str, count: int, paths: Paths) -> bool:
        """Whether that was news, as for `move`."""
        if id_ not in self.members or count <= self.selections.get(id_, (0,))[0]:
            return False
        self.selections[id_] = (count, paths)
        self._changed(_Kind.SELECTION, id_)
        return True

    def adopt(self, members: Mapping[str, Participant], keep: Collection[str]) -> bool:
        """Let in whoever is on a list, and out whoever is not, but for those in ``keep``.

        Who is not on it may come back: their worker stood still, and their leases ran out.
        Whether somebody on it was not known.
        """
        new = [participant for participant in members.values() if self.enter(participant)]
        for id_ in [id_ for id_ in self.members if id_ not in members and id_ not in keep]:
            self._remove(id_, for_good=False)
        return bool(new)

    def since(self, version: int) -> Changes | None:
        """What is newer than ``version``; None when that is too long ago: take `everything`."""
        if version < self._forgotten:
            return None
        found: dict[_Kind, list[str]] = {kind: [] for kind in _Kind}
        for (kind, id_), changed in reversed(self._changes.items()):
            if changed <= version:
                break
            found[kind].append(id_)
        return Changes(
            left=tuple(reversed(found[_Kind.LEFT])),
            joined=tuple(self.members[id_] for id_ in reversed(found[_Kind.JOINED])),
            cursors=tuple((id_, self.cursors[id_][1]) for id_ in found[_Kind.CURSOR]),
            selections=tuple((id_, self.selections[id_][1]) for id_ in found[_Kind.SELECTION]),
        )

    def everything(self) -> Changes:
        """Everybody who is here, as if they had just come."""
        return Changes(
            joined=tuple(self.members.values()),
            cursors=tuple((id_, cursor) for id_, (_, cursor) in self.cursors.items()),
            selections=tuple((id_, paths) for id_, (_, paths) in self.selections.items()),
        )

    def _remove(self, id_: str, *, for_good: bool) -> bool:
        known = self.members.pop(id_, None) is not None
        self._gone[id_] = for_good or self._gone.pop(id_, False)
        self.cursors.pop(id_, None)
        self.selections.pop(id_, None)
        if known:
            for kind in (_Kind.JOINED, _Kind.CURSOR, _Kind.SELECTION):
                self._changes.pop((kind, id_), None)
            self._changed(_Kind.LEFT, id_)
        if len(self._gone) > GONE:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._forgotten = self._changes.pop((_Kind.LEFT, oldest), self._forgotten)
        return known

    def _changed(self, kind: _Kind, id_: str) -> None:
        self.version += 1
        self._changes.pop((kind, id_), None)  # moved to the end
        self._changes[(kind, id_)] = self.version
