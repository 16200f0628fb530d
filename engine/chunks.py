"""Chunks of work on any executor, handed back in their own order, never as they were completed.

Who computes a chunk, and how many do, can then change nothing of what comes out: the same bits
from one thread, from five, from processes or from a cluster.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Final, Generic, TypeVar

R = TypeVar("R")
T = TypeVar("T")

AHEAD: Final = 16  # tasks that are handed out before the first of them is asked for
LOOK_S: Final = 0.02  # between two looks at whether to stop, while a task is waited for
# What travels to another machine takes so long there that the way is cheap beside it, and is no
# more than some megabytes on the way back: a chunk is 64 kB of values.
FAR_TASK_S: Final = 0.1
FAR_CHUNKS: Final = (16, 64)  # of a task: at least, and at most


class Stopped(Exception):
    """Somebody wants no answer any more."""


class FarExecutor(Executor):
    """An executor on other machines. It is handed several ranges at a time, and more of them."""

    ahead: int = AHEAD


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
    elif isinstance(executor, FarExecutor):
        yield from _far_away(work, ranges, executor, stopped)
    else:
        yield from _handed_out(work, iter(ranges), executor, AHEAD, stopped)


def _handed_out(
    work: Callable[[T], R],
    coming: Iterator[T],
    executor: Executor,
    ahead: int,
    stopped: Callable[[], bool],
) -> Iterator[R]:
    under_way: deque[Future[R]] = deque()
    try:
        while True:
            for each in islice(coming, ahead - len(under_way)):
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


def _far_away(
    work: Callable[[range], R],
    ranges: Sequence[range],
    executor: FarExecutor,
    stopped: Callable[[], bool],
) -> Iterator[R]:
    """The same ranges, and so the same results; only several of them travel together.

    The first one is computed here: something is soon known, and so is how long a chunk takes. From
    then on each task that comes back says so.
    """
    if stopped():
        raise Stopped
    bundle = _Bundle(work)
    done = bundle(list(ranges[:1]))
    yield from done.found

    def bundles() -> Iterator[list[range]]:
        held: list[range] = []
        for each in ranges[1:]:
            held.append(each)
            if sum(map(len, held)) >= far_chunks(done.chunk_s):  # as of the task that came last
                yield held
                held = []
        if held:
            yield held

    for done in _handed_out(bundle, bundles(), executor, executor.ahead, stopped):
        yield from done.found


@dataclass(frozen=True, slots=True)
class _Done(Generic[R]):
    found: list[R]  # of each range
    chunk_s: float  # that a chunk took


@dataclass(frozen=True, slots=True)
class _Bundle(Generic[R]):
    """Some ranges as one task."""

    work: Callable[[range], R]

    def __call__(self, ranges: list[range]) -> _Done[R]:
        began = perf_counter()
        found = [self.work(each) for each in ranges]
        chunks = sum(map(len, ranges))
        return _Done(found, (perf_counter() - began) / max(1, chunks))


def far_chunks(chunk_s: float) -> int:
    """How many chunks make a task on another machine, where one of them takes so long."""
    fewest, most = FAR_CHUNKS
    return min(most, max(fewest, math.ceil(FAR_TASK_S / max(chunk_s, 1e-6))))
