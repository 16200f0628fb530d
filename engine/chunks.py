"""Chunks of work on any executor, handed back in their own order, never as they were completed.

Who computes a chunk, and how many do, can then change nothing of what comes out: the same bits
from one thread, from five, from processes or from a cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from itertools import islice
from typing import Final, TypeVar

R = TypeVar("R")

AHEAD: Final = 16  # tasks that are handed out before the first of them is asked for
LOOK_S: Final = 0.02  # between two looks at whether to stop, while a task is waited for


class Stopped(Exception):
    """Somebody wants no answer any more."""


def never() -> bool:
    """Whether to stop: no."""
    return False


def spans(chunks: int, each: int) -> list[range]:
    """Chunks 0 to ``chunks`` - 1: the first one alone, so that something is soon known; then ranges
    of ``each``, the last one shorter."""
    later = range(1, chunks, each)
    return [range(min(1, chunks)), *(range(at, min(at + each, chunks)) for at in later)]


def in_order(
    work: Callable[[range], R],
    ranges: Sequence[range],
    executor: Executor | None = None,
    stopped: Callable[[], bool] = never,
) -> Iterator[R]:
    """What ``work`` makes of each range of chunks, in the order of the ranges.

    Without an executor the work is done here, one range when the one before was taken. With one,
    up to `AHEAD` ranges are under way; it may be of threads, of processes (then ``work`` and what
    it returns are pickled) or of a cluster. Whoever stops listening, or is told of an exception,
    leaves nothing behind but the ranges that are being computed at that moment.

    Raises:
        Stopped: soon after ``stopped`` says so; whatever ``work`` raises, at its range.
    """
    if executor is None:
        for each in ranges:
            if stopped():
                raise Stopped
            yield work(each)
        return
    coming = iter(ranges)
    under_way: deque[Future[R]] = deque()
    try:
        while True:
            for each in islice(coming, AHEAD - len(under_way)):
                under_way.append(executor.submit(work, each))
            if not under_way:
                return
            first = under_way[0]
            while not (stopped() or wait((first,), timeout=LOOK_S).done):
                pass
            if stopped():
                raise Stopped
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()
