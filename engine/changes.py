"""Why a published number is another one since some version of the engine: data, and no code.

Whoever changes a formula so that a number of a result changes raises `ENGINE_VERSION`
(`engine/provenance.py`) and writes here what it touches; `CHANGELOG.md` says the same title to
the people who use the numbers. `valor replay` holds every number that changed against this list,
so what is not listed is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

REFUSED: Final = "refused"  # the output of inputs that are let in no longer
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_PLACE: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the engine that moves numbers.

    ``outputs`` are paths in the result in the engine's names, `forecast.tax`: a path stands for
    all that is below it, and for every year; `REFUSED` for inputs that the door takes no longer.
    ``inputs``: only valuations with one of these inputs are touched, `timing.stub` for one that is
    given and `timing.flows=MID_YEAR` for one that has this value; none named: all of them are.
    """

    title: str  # as CHANGELOG.md says it
    why: str  # for whoever signed the old number
    kinds: tuple[str, ...]  # of the schema's closed list
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()

    def touches(self, kind: str, output: str) -> bool:
        """Whether it may move a number of the result, by its path in the engine's names."""
        if kind not in self.kinds:
            return False
        path = _PLACE.sub("", output)
        return any(path == each or path.startswith(f"{each}.") for each in self.outputs)


# By the version of the engine that came with it, oldest first. The last one is today's.
CHANGES: Final[dict[str, tuple[Change, ...]]] = {
    "1.0.0": (),  # the first that is published
}


def since(
    version: str, changes: dict[str, tuple[Change, ...]] = CHANGES
) -> tuple[tuple[str, Change], ...]:
    """What came after a version of the engine, oldest first, each with the version it came in.

    Nothing is known of a version that is none, or that is newer than all that are listed.
    """
    known = number(version)
    if known is None:
        return ()
    return tuple(
        (later, change)
        for later, came in changes.items()
        if (number(later) or known) > known
        for change in came
    )


def number(version: str) -> tuple[int, ...] | None:
    """``1.10.0`` as numbers, to compare with another; None where it is no version."""
    found = _VERSION.fullmatch(version)
    return None if found is None else tuple(map(int, found.groups()))
