"""The judge of webhooks in the fault trials sees every kind of flaw, and none without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from benchmarks.faults.told import Happened, Telling, compare_told

THINGS: Final = {"model m": [1, 2, 3], "run r": [1], "audit": [5, 9]}
HAPPENED: Final = Happened(THINGS, 0)
HEARD: Final = [
    Telling(f"evt_{thing}_{seq}", "t", thing, seq, f"{thing} {seq}".encode(), signed=True)
    for thing, seqs in THINGS.items()
    for seq in seqs
]
ONE, TWO, THREE, *REST = HEARD


def found(heard: list[Telling], happened: Happened = HAPPENED) -> dict[str, int]:
    flaws = compare_told("ours", "t", happened, heard)
    names = ("lost", "doubled", "out_of_order", "foreign", "unclean")
    return {name: len(getattr(flaws, name)) for name in names if getattr(flaws, name)}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert found(HEARD) == {}


def test_what_comes_again_under_its_id_is_no_flaw_wherever_it_comes() -> None:
    assert found([*HEARD, ONE, TWO, *REST]) == {}
    assert found([ONE, TWO, ONE, THREE, *REST]) == {}


@pytest.mark.parametrize(
    ("heard", "kind"),
    [
        ([TWO, THREE, *REST], "lost"),
        (HEARD[:-1], "lost"),
        ([*HEARD, replace(TWO, id="evt_another")], "doubled"),
        ([*HEARD, replace(TWO, body=b"something else")], "doubled"),
        ([ONE, THREE, TWO, *REST], "out_of_order"),
        ([*HEARD, replace(ONE, id="x", thing="model of another")], "foreign"),
        ([*HEARD, replace(THREE, id="x", seq=4)], "foreign"),
        ([replace(ONE, tenant="another"), TWO, THREE, *REST], "foreign"),
        ([replace(ONE, signed=False), TWO, THREE, *REST], "unclean"),
    ],
)
def test_each_flaw_is_found(heard: list[Telling], kind: str) -> None:
    assert kind in found(heard)
