"""Events of the audit and accesses to a model, as the schema says them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

import strawberry

from resolvers.ids import global_id
from resolvers.members import Member
from resolvers.paging import PageInfo
from resolvers.scalars import InputValue
from services.audit_reading import AuditEvent as Event
from services.audit_reading import Seen
from services.tenants import MemberRecord

NODES: Final = {"model": "FinancialModel", "member": "Member", "run": "Run"}
People: TypeAlias = Mapping[UUID, MemberRecord]


@strawberry.enum(
    description=(
        "Who did it: a member in person, a program with a member's key, an operator of the house "
        "by a grant, or the system by itself."
    )
)
class ActorKind(StrEnum):
    MEMBER = "MEMBER"
    SERVICE = "SERVICE"
    OPERATOR = "OPERATOR"
    SYSTEM = "SYSTEM"


@strawberry.enum(
    description=(
        "How somebody saw a model: READ by itself, LISTED with others, its HISTORY, in its ROOM, "
        "VALUED or CHANGED by them; VALUATION_READ: a valuation of it was looked at later, RUN: or "
        "what a run made of it, WORKBOOK: or taken away as a file."
    )
)
class AccessHow(StrEnum):
    READ = "READ"
    LISTED = "LISTED"
    HISTORY = "HISTORY"
    ROOM = "ROOM"
    VALUED = "VALUED"
    CHANGED = "CHANGED"
    VALUATION_READ = "VALUATION_READ"
    RUN = "RUN"
    WORKBOOK = "WORKBOOK"


@strawberry.type(description="One event of the tenant's audit. Nothing of it ever changes.")
class AuditEvent:
    seq: int = strawberry.field(description="1, 2, 3 …: its place in the tenant's chain.")
    at: datetime = strawberry.field(description="When it was done, UTC.")
    actor_kind: ActorKind = strawberry.field(description="What kind of party did it.")
    actor: str | None = strawberry.field(description="Its id; null: the system.")
    member: Member | None = strawberry.field(
        description="The same as a member of the tenant; null: it is none."
    )
    action: str = strawberry.field(
        description="What was done, such as `model.read`; the documentation lists them all."
    )
    subject_kind: str = strawberry.field(description="What it was done to, such as `model`.")
    subject: str = strawberry.field(description="The id of that, as the chain has it.")
    subject_id: strawberry.ID | None = strawberry.field(
        description="The global id of a model, a member or a run; null: it is something else."
    )
    operation_id: str | None = strawberry.field(
        description=(
            "The id that the caller gave it; a model's log has the old and new values under it."
        )
    )
    session: str | None = strawberry.field(description="The way in: a session's or a key's id.")
    details: InputValue = strawberry.field(
        description="What it tells besides, as JSON: ids, roles and numbers, no names."
    )
    previous: str = strawberry.field(
        description="The hash of the event before, 64 hexadecimal digits; zeros before the first."
    )
    hash: str = strawberry.field(
        description="SHA-256 of the event with `previous`, 64 hexadecimal digits."
    )

    @classmethod
    def of(cls, event: Event, people: People) -> AuditEvent:
        link = event.link
        node = NODES.get(link.subject_kind)
        return cls(
            seq=link.seq,
            at=link.at,
            actor_kind=ActorKind(link.actor_kind),
            actor=None if link.actor is None else str(link.actor),
            member=member_of(link.actor, people),
            action=link.action,
            subject_kind=link.subject_kind,
            subject=link.subject,
            subject_id=None if node is None else global_id(node, link.subject),
            operation_id=link.operation_id,
            session=link.session,
            details=InputValue(event.details),
            previous=link.previous,
            hash=link.hash,
        )


@strawberry.type(description="An event in a list.")
class AuditEventEdge:
    cursor: str = strawberry.field(description="Of this place in the list.")
    node: AuditEvent = strawberry.field(description="The event.")


@strawberry.type(description="Events of the tenant's audit, newest first.")
class AuditEventConnection:
    edges: list[AuditEventEdge] = strawberry.field(description="One for each event.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="That somebody saw a model, or what comes of it.")
class Access:
    at: datetime = strawberry.field(
        description=(
            "When, UTC. The same party that looks again within a minute, over the same process "
            "of the service, is not told again."
        )
    )
    how: AccessHow = strawberry.field(description="In which way.")
    actor_kind: ActorKind = strawberry.field(description="What kind of party it was.")
    member: Member | None = strawberry.field(
        description="Who; null: an operator of the house, or the system."
    )
    grant: str | None = strawberry.field(
        description="By which grant an operator was in the tenant; null: it was none."
    )
    event: AuditEvent = strawberry.field(description="The event that says so.")

    @classmethod
    def of(cls, seen: Seen, people: People) -> Access:
        link = seen.event.link
        return cls(
            at=link.at,
            how=AccessHow(seen.how),
            actor_kind=ActorKind(link.actor_kind),
            member=member_of(link.actor, people),
            grant=None if seen.grant_id is None else str(seen.grant_id),
            event=AuditEvent.of(seen.event, people),
        )


@strawberry.type(description="An access in a list.")
class AccessEdge:
    cursor: str = strawberry.field(description="Of this place in the list.")
    node: Access = strawberry.field(description="The access.")


@strawberry.type(description="Who saw a model, newest first.")
class AccessConnection:
    edges: list[AccessEdge] = strawberry.field(description="One for each access.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


def member_of(id_: UUID | None, people: People) -> Member | None:
    """The member with this id, if the tenant has one."""
    found = None if id_ is None else people.get(id_)
    return None if found is None else Member.of(found)
