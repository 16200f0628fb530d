"""What is to be on record of administration: each change once, with one entry in the audit.

And the audit itself: every edit of a model in it, once, and a chain without a gap. Nothing here
speaks to a server, so that a test can show it every kind of flaw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.faults.comparison import Flaws, Logged

MADE: Final = "member.service_account_created"
EDITED: Final = "model.edited"
NOTHING: Final = "0" * 64  # the hash before the first event


@dataclass(slots=True)
class Making:
    """One member that is to be made."""

    operation_id: str
    name: str
    answers: list[str] = field(default_factory=list)  # the member's id in each answer

    @property
    def acknowledged(self) -> bool:
        return bool(self.answers)


@dataclass(frozen=True, slots=True)
class Link:
    """One event of a tenant's audit, as the database has it."""

    seq: int
    previous: str
    hash: str
    action: str
    operation_id: str | None


@dataclass(frozen=True, slots=True)
class Office:
    """What the database has of a tenant's administration."""

    members: Sequence[tuple[str, str, str]]  # tenant, id, name
    chain: Sequence[Link]


def compare_administration(
    tenant_id: str, name: str, makings: Sequence[Making], office: Office
) -> Flaws:
    """Every flaw in what is on record of members that were made, and of their audit."""
    flaws = Flaws()
    by_name: dict[str, list[tuple[str, str]]] = {}
    for tenant, member, called in office.members:
        by_name.setdefault(called, []).append((tenant, member))
    told = Counter(link.operation_id for link in office.chain if link.action == MADE)
    for making in makings:
        found = by_name.pop(making.name, [])
        answers = sorted({answer for answer in making.answers if answer})
        what = f"{making.name} ({making.operation_id})"
        if len(found) > 1 or len(answers) > 1:
            flaws.doubled[what] = f"{what} is there {len(found)} times, answered as {answers}"
        if making.acknowledged and not found:
            flaws.lost[what] = f"{what} was acknowledged as {answers}, and is gone"
        for tenant, member in found:
            if tenant != tenant_id:
                flaws.foreign[what] = f"{what} is a member of {tenant}"
            elif answers and member not in answers:
                flaws.lost[what] = f"{what} was acknowledged as {answers}, and is {member}"
        _once(flaws, f"the audit's entry for {what}", told[making.operation_id], len(found))
    for called in by_name:
        if not called.startswith(f"{name} "):
            flaws.foreign[called] = f"{name} has the member {called}, whom it never made"
    _chained(flaws, name, office.chain)
    return flaws


def compare_audit(model: str, log: Sequence[Logged], chain: Sequence[Link]) -> Flaws:
    """Each edit on record has one entry in the audit, and none has more."""
    flaws = Flaws()
    told = Counter(link.operation_id for link in chain if link.action == EDITED)
    for logged in log:
        if logged.revision > 1:
            what = f"the audit's entry for {model}, revision {logged.revision}"
            _once(flaws, what, told[logged.operation_id], 1)
    return flaws


def _once(flaws: Flaws, what: str, times: int, due: int) -> None:
    if times < due:
        flaws.lost[what] = f"{what} is missing"
    elif times > due:
        flaws.doubled[what] = f"{what} is there {times} times"


def _chained(flaws: Flaws, name: str, chain: Sequence[Link]) -> None:
    before = NOTHING
    for due, link in enumerate(chain, 1):
        if link.seq != due or link.previous != before:
            flaws.out_of_order[name] = f"{name}'s audit is no chain at event {link.seq}"
            return
        before = link.hash
