"""The judge of administration in the fault trials sees every kind of flaw, and none without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from benchmarks.faults.administration import (
    EDITED,
    MADE,
    NOTHING,
    Link,
    Making,
    Office,
    compare_administration,
    compare_audit,
)
from benchmarks.faults.comparison import Flaws, Logged

OURS: Final = "tenant-ours"


def chain(*told: tuple[str, str]) -> list[Link]:
    hashes = [NOTHING, *(f"{number:064x}" for number in range(1, len(told) + 1))]
    return [
        Link(seq, hashes[seq - 1], hashes[seq], action, operation)
        for seq, (action, operation) in enumerate(told, 1)
    ]


MAKINGS: Final = [
    Making("op-1", "ours robot 1", ["m1", "m1"]),
    Making("op-2", "ours robot 2", ["m2"]),
    Making("op-3", "ours robot 3"),  # never answered, and kept
    Making("op-4", "ours robot 4"),  # never answered, and not kept
]
MEMBERS: Final = [(OURS, f"m{number}", f"ours robot {number}") for number in (1, 2, 3)]
CHAIN: Final = chain((MADE, "op-1"), (EDITED, "e-1"), (MADE, "op-2"), (MADE, "op-3"))
FINE: Final = Office(MEMBERS, CHAIN)


def found(office: Office, makings: list[Making] = MAKINGS) -> dict[str, int]:
    flaws = compare_administration(OURS, "ours", makings, office)
    return {
        name: len(getattr(flaws, name)) for name in ("lost", "doubled", "foreign", "out_of_order")
    }


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert not compare_administration(OURS, "ours", MAKINGS, FINE)


@pytest.mark.parametrize(
    ("office", "kind"),
    [
        (replace(FINE, members=MEMBERS[1:]), "lost"),
        (replace(FINE, members=[*MEMBERS, (OURS, "m9", "ours robot 2")]), "doubled"),
        (replace(FINE, members=[(OURS, "m9", "ours robot 1"), *MEMBERS[1:]]), "lost"),
        (replace(FINE, members=[("another", "m1", "ours robot 1"), *MEMBERS[1:]]), "foreign"),
        (replace(FINE, members=[*MEMBERS, (OURS, "m9", "canary robot 7")]), "foreign"),
        (replace(FINE, chain=chain((MADE, "op-1"), (MADE, "op-2"))), "lost"),
        (replace(FINE, chain=chain(*((MADE, f"op-{n}") for n in (1, 2, 2, 3)))), "doubled"),
        (replace(FINE, chain=chain(*((MADE, f"op-{n}") for n in (1, 2, 3, 4)))), "doubled"),
        (replace(FINE, chain=[*CHAIN[:1], *CHAIN[2:]]), "out_of_order"),
        (replace(FINE, chain=[replace(CHAIN[0], hash="f" * 64), *CHAIN[1:]]), "out_of_order"),
    ],
)
def test_each_flaw_is_found(office: Office, kind: str) -> None:
    assert found(office)[kind] > 0


def test_a_repeat_that_was_answered_otherwise_is_a_double() -> None:
    assert found(FINE, [replace(MAKINGS[0], answers=["m1", "m7"]), *MAKINGS[1:]])["doubled"] == 1


def edits(*operations: str) -> Flaws:
    log = [Logged(n, f"e-{n}", {}) for n in (1, 2, 3)]
    return compare_audit("model", log, chain(*((EDITED, operation) for operation in operations)))


def test_the_audit_has_each_edit_once() -> None:
    assert not edits("e-2", "e-3", "of another model")
    assert len(edits("e-2").lost) == 1
    assert len(edits("e-2", "e-3", "e-3").doubled) == 1
