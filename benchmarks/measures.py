"""How long something takes and how much it holds, and a table of it."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Final

ROUNDS: Final = 5


def best(**tasks: tuple[Callable[[], object], int]) -> dict[str, float]:
    """Seconds of CPU for one call of each (task, calls a round): the best of the rounds."""
    fastest = dict.fromkeys(tasks, float("inf"))
    for _ in range(ROUNDS):
        for name, (task, calls) in tasks.items():
            start = time.process_time()
            for _ in range(calls):
                task()
            fastest[name] = min(fastest[name], (time.process_time() - start) / calls)
    return fastest


def peak_mb(task: Callable[[], object]) -> float:
    """Traced megabytes at the highest, in a pass of its own: tracing slows what it watches."""
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def show(lines: tuple[tuple[str, str, str], ...]) -> None:
    for task, measured, target in lines:
        print(f"{task:<50}{measured:>12}   {target}".rstrip())
