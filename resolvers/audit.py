"""The audit, as the schema says it: events, who saw a model, and a period's report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, TypeAlias
from uuid import UUID

import strawberry

from resolvers.audit_events import (
    NODES,
    Access,
    AccessConnection,
    AccessEdge,
    AuditEvent,
    AuditEventConnection,
    AuditEventEdge,
    People,
)
from resolvers.audit_report import AuditReport
from resolvers.context import Info
from resolvers.financial_models import model_id as model_of
from resolvers.ids import inner_id, type_of
from resolvers.paging import After, First, Window, cursor_of, no_cursor, values_of, window
from services.audit_reading import EventFilter
from services.errors import NotFound, QueryInvalid

_EVENTS: Final = "AUDIT"


@strawberry.input(description="Which events are wanted. What is left out is not asked for.")
class AuditFilter:
    action: str | None = strawberry.field(
        default=None, description="What was done, such as `model.edited`."
    )
    actor: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of a member, or an id as `AuditEvent.actor` has it."
    )
    subject: str | None = strawberry.field(
        default=None,
        description="Global id of a model, a member or a run, or an id as events have it.",
    )
    from_: datetime | None = strawberry.field(
        name="from", default=None, description="At this moment or after it."
    )
    to: datetime | None = strawberry.field(default=None, description="Before this moment.")


Filter: TypeAlias = Annotated[
    AuditFilter | None, strawberry.argument(description="Left out: all of them.")
]
ModelId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="A model's global id.")
]
From: TypeAlias = Annotated[
    datetime | None,
    strawberry.argument(name="from", description="At this moment or after it."),
]
To: TypeAlias = Annotated[datetime | None, strawberry.argument(description="Before this moment.")]
Begin: TypeAlias = Annotated[
    datetime, strawberry.argument(name="from", description="The moment that the period begins.")
]
End: TypeAlias = Annotated[
    datetime,
    strawberry.argument(description="The moment that it ends before, 400 days later at most."),
]


@strawberry.type
class AuditQuery:
    @strawberry.field(
        description=(
            "The tenant's audit, newest first. Whoever reads it is on record in it themselves."
        )
    )
    async def audit_events(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002 - the field's name in the schema
        first: First = None,
        after: After = None,
    ) -> AuditEventConnection:
        part = window(first, after, None, None)
        found = await info.context.services.auditing.reading.events(
            info.context.principal,
            wanted(filter or AuditFilter()),
            limit=part.limit + 1,
            beyond=_place(part),
        )
        people = await _people(info, [event.link.actor for event in found])
        edges = [
            AuditEventEdge(
                cursor=cursor_of(_EVENTS, event.link.seq), node=AuditEvent.of(event, people)
            )
            for event in found[: part.limit]
        ]
        cursors = [edge.cursor for edge in edges]
        more = len(found) > part.limit
        return AuditEventConnection(edges=edges, page_info=part.page_info(cursors, more=more))

    @strawberry.field(
        description=(
            "Who saw a model, how and when, newest first: by itself, in lists, its history, its "
            "room, its valuations and workbooks; and operators with the grant that let them in."
        )
    )
    async def access_list(
        self,
        info: Info,
        model_id: ModelId,
        from_: From = None,
        to: To = None,
        first: First = None,
        after: After = None,
    ) -> AccessConnection:
        part = window(first, after, None, None)
        found = await info.context.services.auditing.reading.access_list(
            info.context.principal,
            model_of(model_id),
            from_,
            to,
            limit=part.limit + 1,
            beyond=_place(part),
        )
        people = await _people(info, [seen.event.link.actor for seen in found])
        edges = [
            AccessEdge(cursor=cursor_of(_EVENTS, seen.event.link.seq), node=Access.of(seen, people))
            for seen in found[: part.limit]
        ]
        cursors = [edge.cursor for edge in edges]
        more = len(found) > part.limit
        return AccessConnection(edges=edges, page_info=part.page_info(cursors, more=more))

    @strawberry.field(
        description=(
            "Access and changes in a period, by member: sign-ins, models read and changed, "
            "exports, keys, roles, operators."
        )
    )
    async def audit_report(self, info: Info, from_: Begin, to: End) -> AuditReport:
        report = await info.context.services.auditing.reports.of(info.context.principal, from_, to)
        return AuditReport.of(report, await _people(info, report.names))


def wanted(given: AuditFilter) -> EventFilter:
    """
    Raises:
        QueryInvalid: for an actor that is no id.
    """
    return EventFilter(
        actions=None if given.action is None else (given.action,),
        actor=None if given.actor is None else _actor(given.actor),
        subjects=None if given.subject is None else (subject_of(given.subject),),
        since=given.from_,
        until=given.to,
    )


def subject_of(given: str) -> str:
    """The id that the chain has for what a global id names; what is none is taken as it is."""
    if type_of(given) in NODES.values():
        try:
            return inner_id(type_of(given), given)
        except NotFound:
            return given
    return given


def _actor(given: str) -> UUID:
    try:
        return UUID(subject_of(given))
    except ValueError:
        raise QueryInvalid("`actor` is the global id of a member.") from None


def _place(part: Window) -> int | None:
    if part.cursor is None:
        return None
    name, seq = values_of(part.cursor, 2)
    if name != _EVENTS or type(seq) is not int or not 0 < seq < 2**62:
        raise no_cursor()
    return seq


async def _people(info: Info, ids: Iterable[UUID | None]) -> People:
    known = {id_ for id_ in ids if id_ is not None}
    return await info.context.services.tenants.people(info.context.principal.tenant_id, known)
