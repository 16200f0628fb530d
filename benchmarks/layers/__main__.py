"""Each layer of protection is taken away in turn: which test misses it?

    python3 dev.py bench layers [--layer WORDS] [--at-once N] [--list]

`layers.yaml` says what each layer is, by which small change of a file it goes away, and which
tests stand for it. The change is made in a copy of the project, never in place. All tests are run
on a whole copy first, since a test that is red anyway misses nothing. A layer whose absence turns
no test red, or that cannot be taken away any more as the list says, ends this with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.layers.copies import PASSED, ROOT, Copy, Verdict
from benchmarks.layers.layers import Layer, NotApplicable, layers
from tests.servers import running

AT_ONCE: Final = 2
WHOLE_S: Final = 1_800.0  # for all tests of all layers, on a whole copy
SERVERS: Final = {"postgres": "VALOR_TEST_POSTGRES_URL", "redis": "VALOR_TEST_REDIS_URL"}


class Asked(argparse.Namespace):
    """What the command line says."""

    layer: list[str] | None
    at_once: int
    list: bool


def read() -> Asked:
    parser = argparse.ArgumentParser(
        prog="dev.py bench layers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--layer", action="append", help="only those with these words in the name")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="copies; 2 if not said")
    parser.add_argument("--list", action="store_true", help="name the layers, and take none away")
    return parser.parse_args(namespace=Asked())


def bench(asked: Sequence[Layer], at_once: int, folder: Path, environment: dict[str, str]) -> bool:
    """Take each away, and print what came of it; whether every one was missed."""
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for number in range(at_once):
        copies.put(Copy(folder / str(number)))
    good = True

    def lent_for_the_whole(tests: Sequence[str]) -> Verdict:
        copy = copies.get()
        try:
            return copy.tested(tests, environment, within_s=WHOLE_S)
        finally:
            copies.put(copy)

    files = sorted({test for layer in asked for test in layer.tests})
    parts = [files[number::at_once] for number in range(at_once)]
    with ThreadPoolExecutor(at_once) as threads:
        red: list[str] = []
        for verdict in threads.map(lent_for_the_whole, [part for part in parts if part]):
            if verdict.code != PASSED:
                red += verdict.red
                print(f"RED ANYWAY: {verdict.red or verdict.words[-600:]}", flush=True)
                good = False

        def taken(layer: Layer) -> tuple[Layer, bool, str, float]:
            copy = copies.get()
            began = time.monotonic()
            try:
                verdict = copy.without(
                    layer.file, layer.removed(copy.folder), layer.tests, environment, red
                )
                words = verdict.missed or f"NOT MISSED: {verdict.words[-300:]}"
                return layer, bool(verdict.missed), words, time.monotonic() - began
            except NotApplicable as no:
                return layer, False, f"NOT TAKEN AWAY: {no}", 0.0
            finally:
                copies.put(copy)

        for layer, missed, words, took_s in threads.map(taken, asked):
            print(f"{layer.name:<52}{took_s:>6.1f} s  {words}", flush=True)
            good &= missed
    return good


def main() -> int:
    asked = read()
    chosen = [
        layer
        for layer in layers()
        if not asked.layer or any(words in layer.name for words in asked.layer)
    ]
    if asked.list or not chosen:
        print("\n".join(f"{layer.name:<52}{layer.file}" for layer in chosen or layers()))
        return 0 if asked.list else 2
    began = time.monotonic()
    with ExitStack() as stack:
        environment = {
            variable: os.environ.get(variable) or stack.enter_context(running(kind)).url
            for kind, variable in SERVERS.items()
        }
        environment["PYTHONPATH"] = ""  # a copy imports itself
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="valor-layers-"))
        good = bench(chosen, asked.at_once, Path(folder), environment)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"{len(chosen)} layers of {ROOT.name} in {minutes} min {seconds} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
