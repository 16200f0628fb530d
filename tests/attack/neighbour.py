"""python -m tests.attack.neighbour ORIGIN TOKEN: somebody who only wants an answer, all the time.

A process of its own, so that it waits for the server and for nobody else. It asks until its input
ends, then prints one line of JSON: how long each answer took, and those that were wrong.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

EVERY_S: Final = 0.02
BODY: Final = json.dumps({"query": "{ viewer { role } }"})


@dataclass(slots=True)
class Waits:
    """What the neighbour waited, in milliseconds."""

    ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The wait that a share of all did not exceed."""
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def __str__(self) -> str:
        return (
            f"{len(self.ms)} requests, p50 {self.at(0.5):.1f} ms, p99 {self.at(0.99):.1f} ms, "
            f"max {self.at(1.0):.1f} ms"
        )


def all_of(waits: Sequence[Waits]) -> Waits:
    """Those of several times."""
    return Waits(
        [ms for each in waits for ms in each.ms], [wrong for each in waits for wrong in each.wrong]
    )


@contextmanager
def beside(origin: str, token: str) -> Iterator[Waits]:
    """The neighbour asks during the block; what it waited is there after it."""
    waits = Waits()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, origin, token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    try:
        yield waits
    finally:
        told, _ = process.communicate(timeout=60)
        found = json.loads(told)
        waits.ms, waits.wrong = found["ms"], found["wrong"]


def main(origin: str, token: str) -> None:
    address = origin.removeprefix("http://")
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    waits = Waits()
    client = http.client.HTTPConnection(address, timeout=30)
    print("begun", flush=True)
    while not ended.wait(EVERY_S):
        began = time.perf_counter()
        try:
            client.request("POST", "/graphql", BODY, headers)
            answer = client.getresponse()
            told = answer.read()
            if answer.status != 200 or b'"data"' not in told:
                waits.wrong.append(f"{answer.status} {told[:200].decode(errors='replace')}")
        except (OSError, http.client.HTTPException) as no:
            waits.wrong.append(repr(no))
            client.close()
        waits.ms.append(1e3 * (time.perf_counter() - began))
    print(json.dumps({"ms": waits.ms, "wrong": waits.wrong}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
