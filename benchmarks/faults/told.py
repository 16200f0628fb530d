"""What webhooks were told beside what happened: each event once after its id, in order, to its own.

Nothing here speaks to a server, so that a test can show it every kind of flaw.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.faults.comparison import Flaws


@dataclass(frozen=True, slots=True)
class Telling:
    """A body that a tenant's address was sent."""

    id: str  # webhook-id, by which a receiver knows what it has had
    tenant: str  # whose event it says it is
    thing: str  # what it happened to: those of one thing come in order
    seq: int
    body: bytes
    signed: bool  # with the secret of the tenant's webhook


@dataclass(frozen=True, slots=True)
class Happened:
    """What the database says happened to a tenant's things, and how much is not told yet."""

    things: Mapping[str, Collection[int]]  # each thing, and the places of its events
    on_its_way: int  # events and bodies that nobody has had, as far as it knows


def compare_told(name: str, tenant: str, happened: Happened, heard: Sequence[Telling]) -> Flaws:
    """Every flaw in what a tenant's address was sent, in the order in which it came."""
    flaws = Flaws()
    first: dict[str, Telling] = {}
    for telling in heard:
        what = f"{name}'s {telling.thing}, event {telling.seq}"
        if telling.tenant != tenant or telling.seq not in happened.things.get(telling.thing, ()):
            flaws.foreign[what] = f"{what} came as {telling.tenant}'s, and is not on record"
        if not telling.signed:
            flaws.unclean[what] = f"{what} was not signed with {name}'s secret"
        if first.setdefault(telling.id, telling).body != telling.body:
            flaws.doubled[telling.id] = f"the id {telling.id} was sent with two bodies"
    came: dict[str, list[int]] = {}
    for telling in first.values():  # as a receiver has it that knows ids: each when it came first
        came.setdefault(telling.thing, []).append(telling.seq)
    for thing, seqs in came.items():
        for seq in {seq for seq in seqs if seqs.count(seq) > 1}:
            flaws.doubled[f"{thing} {seq}"] = f"{name}'s {thing}, event {seq} has two ids"
        for before, seq in pairwise(seqs):
            if seq < before:
                flaws.out_of_order[f"{thing} {seq}"] = (
                    f"{name}'s {thing}: event {seq} came after {before}"
                )
    for thing, seqs in happened.things.items():
        for seq in set(seqs) - set(came.get(thing, ())):
            flaws.lost[f"{thing} {seq}"] = f"{name}'s {thing}: event {seq} never came"
    return flaws
