"""Counts of this process, in buckets of time.

An operation leaves one mark: which promises it counts for and which of them it met, as two sets
of bits (bit i is objective i of the catalogue). A bucket maps a mark to how often it came, so an
event is one dictionary increment for the process and one for its tenant, whatever the number of
objectives; what each objective counts is read from the bits when somebody asks.

    10 s  x 2 h    the live windows
    5 min x 24 h   the middle
    1 h   x 35 d   error budgets, for as long as this process lives

A window is the newest ``window / width`` buckets of the finest tier that holds it, the one being
filled among them: sums of whole buckets, so two windows never disagree about an event.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import chain
from threading import Lock
from typing import NamedTuple

from observability.slo import Count

# Valid bits above, good bits below: one small integer hashes in half the time of a pair.
Mark = int
_SHIFT = 32
OBJECTIVES_MAX = _SHIFT
Cell = dict[Mark, int]


def mark(valid: int, good: int) -> Mark:
    """Which promises an operation counts for, and which it met; bit i is objective i."""
    return valid << _SHIFT | good


class Width(NamedTuple):
    """One tier: buckets of ``width_s`` seconds, ``kept`` of them."""

    width_s: int
    kept: int


WIDTHS = (Width(10, 720), Width(300, 288), Width(3_600, 840))
# A tenant that is never silent fills its tiers with 0.2 MB in the end.
TENANTS_MAX = 250


class Tier:
    """Buckets of one width: the one being filled, and those that were."""

    __slots__ = ("cell", "closed", "kept", "number", "ratio", "width_s")

    def __init__(self, width: Width, finest: int) -> None:
        self.width_s, self.kept = width
        self.ratio = self.width_s // WIDTHS[0].width_s  # finest buckets in one of these
        self.number = finest // self.ratio  # of the one being filled
        self.cell: Cell = {}
        # (number, mark, times, mark, times, …): a third of the memory of dictionaries.
        self.closed: deque[tuple[int, ...]] = deque()

    def roll(self, finest: int) -> None:
        """Go on to the bucket that holds finest bucket ``finest``; never back."""
        number = finest // self.ratio
        if number <= self.number:
            return
        if self.cell:
            self.closed.append((self.number, *chain.from_iterable(self.cell.items())))
            self.cell = {}
        self.number = number
        while self.closed and self.closed[0][0] <= number - self.kept:
            self.closed.popleft()

    def window(self, window_s: float) -> Cell:
        """Marks of the newest buckets that make up ``window_s`` seconds."""
        summed = dict(self.cell)
        oldest = self.number - -(-window_s // self.width_s)
        for bucket in reversed(self.closed):
            if bucket[0] <= oldest:
                break
            for mark, times in zip(bucket[1::2], bucket[2::2], strict=True):
                summed[mark] = summed.get(mark, 0) + times
        return summed


class Ring:
    """Marks of one owner over time. Not locked: its Counts is."""

    __slots__ = ("coarser", "fine", "since_s", "total")

    def __init__(self, bucket: int, since_s: float) -> None:
        self.fine, *self.coarser = (Tier(width, bucket) for width in WIDTHS)
        self.total: Cell = {}  # marks of all closed buckets, for ever
        self.since_s = since_s  # nothing before this moment is known

    def turn(self, bucket: int) -> None:
        """Close the finest bucket and begin number ``bucket``."""
        closed = self.fine.cell
        _pour(closed, self.total)
        for tier in self.coarser:
            _pour(closed, tier.cell)
            tier.roll(bucket)
        self.fine.roll(bucket)

    def window(self, window_s: float) -> Cell:
        """Marks of the newest ``window_s`` seconds; turn to now first."""
        if window_s <= self.fine.width_s * self.fine.kept:
            return self.fine.window(window_s)
        holding = (tier for tier in self.coarser if window_s <= tier.width_s * tier.kept)
        summed = next(holding, self.coarser[-1]).window(window_s)
        _pour(self.fine.cell, summed)  # it is in no coarser bucket yet
        return summed


class Counts:
    """What happened in this process, for all tenants together and for each of the latest ones."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, tenants_max: int = TENANTS_MAX
    ) -> None:
        """``clock`` gives seconds; ``tenants_max`` bounds memory: the longest silent one goes."""
        self._clock = clock
        self._tenants_max = tenants_max
        self._forgot = False
        self._width_s = float(WIDTHS[0].width_s)
        # One lock for all: an increment takes a tenth of a microsecond, and worker threads may
        # end operations too.
        self._lock = Lock()
        now = clock()
        self._all = Ring(int(now // self._width_s), now)
        self._ends_s = (self._all.fine.number + 1) * self._width_s  # when its bucket closes
        self._tenants: OrderedDict[str, Ring] = OrderedDict()

    def add(self, mark: Mark, tenant: str | None = None) -> None:
        """Count one operation. ``tenant`` is an id that was validated, or None."""
        now = self._clock()
        with self._lock:
            if now >= self._ends_s:
                self._turn(now)
            ring = self._all
            cell = ring.fine.cell
            cell[mark] = cell.get(mark, 0) + 1
            if tenant is None:
                return
            own = self._tenants.get(tenant)
            if own is None:
                own = self._welcome(tenant, ring.fine.number, now)
            else:
                self._tenants.move_to_end(tenant)
            if own.fine.number < ring.fine.number:
                own.turn(ring.fine.number)
            cell = own.fine.cell
            cell[mark] = cell.get(mark, 0) + 1

    def window(self, objective: int, window_s: float, tenant: str | None = None) -> Count:
        """Events of objective number ``objective`` in the newest ``window_s`` seconds.

        A tenant that was never seen, or was forgotten, has none.
        """
        now = self._clock()
        with self._lock:
            if now >= self._ends_s:
                self._turn(now)
            ring = self._all if tenant is None else self._tenants.get(tenant)
            if ring is None:
                return Count(0, 0)
            if ring.fine.number < self._all.fine.number:
                ring.turn(self._all.fine.number)
            return _count(ring.window(window_s), objective)

    def total(self, objective: int) -> Count:
        """Events of one objective since the process began, for counters that only rise."""
        with self._lock:
            marks = dict(self._all.total)
            _pour(self._all.fine.cell, marks)
        return _count(marks, objective)

    def covered_s(self, tenant: str | None = None) -> float:
        """How many seconds back the counts of a tenant, or of the process, are complete."""
        now = self._clock()
        with self._lock:
            ring = self._all if tenant is None else self._tenants.get(tenant)
            if ring is not None:
                return now - ring.since_s
            return 0.0 if self._forgot else now - self._all.since_s

    @property
    def tenants(self) -> int:
        """How many tenants are held apart."""
        return len(self._tenants)

    def _turn(self, now: float) -> None:
        self._all.turn(int(now // self._width_s))
        self._ends_s = (self._all.fine.number + 1) * self._width_s

    def _welcome(self, tenant: str, bucket: int, now: float) -> Ring:
        # Until somebody was forgotten, a newcomer's silence so far is known to be silence.
        ring = Ring(bucket, now if self._forgot else self._all.since_s)
        self._tenants[tenant] = ring
        if len(self._tenants) > self._tenants_max:
            self._tenants.popitem(last=False)
            self._forgot = True
        return ring


def _pour(source: Cell, into: Cell) -> None:
    for mark, times in source.items():
        into[mark] = into.get(mark, 0) + times


def _count(marks: Cell, objective: int) -> Count:
    met = 1 << objective
    counted = met << _SHIFT
    valid = sum(times for mark, times in marks.items() if mark & counted)
    good = sum(times for mark, times in marks.items() if mark & met)
    return Count(good, valid)
