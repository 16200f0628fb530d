"""A period of the audit, added up, as the schema says it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers.audit_events import ActorKind, AuditEvent, People, member_of
from resolvers.members import Member
from services.audit_page import page_of
from services.audit_reading import AuditEvent as Event
from services.audit_report import AuditReport as Report
from services.audit_report import MemberActivity


@strawberry.type(description="How often something was done in a period.")
class ActionCount:
    action: str = strawberry.field(description="As `AuditEvent.action`.")
    count: int = strawberry.field(description="How many events there are of it.")


@strawberry.type(description="What one party did in a period.")
class AuditActivity:
    name: str = strawberry.field(
        description="As people know them today; of whoever has none, the beginning of their id."
    )
    actor_kind: ActorKind = strawberry.field(description="What they are; keys count as theirs.")
    member: Member | None = strawberry.field(description="Null: they are no member of the tenant.")
    logins: int = strawberry.field(description="How often they signed in.")
    models_read: int = strawberry.field(description="How many models they saw.")
    reads: int = strawberry.field(description="How many looks at models are on record.")
    models_changed: int = strawberry.field(description="How many models they changed.")
    changes: int = strawberry.field(description="How many changes of models they made.")
    valuations: int = strawberry.field(description="How many valuations they made.")
    exports: int = strawberry.field(description="How many files they took away.")
    administrative: int = strawberry.field(description="How many administrative changes they made.")
    first_at: datetime | None = strawberry.field(description="Their first event, UTC.")
    last_at: datetime | None = strawberry.field(description="Their last one, UTC.")

    @classmethod
    def of(cls, activity: MemberActivity, people: People) -> AuditActivity:
        return cls(
            name=activity.name,
            actor_kind=ActorKind(activity.actor_kind),
            member=member_of(activity.id, people),
            logins=activity.logins,
            models_read=len(activity.models_read),
            reads=activity.reads,
            models_changed=len(activity.models_changed),
            changes=activity.changes,
            valuations=activity.valuations,
            exports=activity.exports,
            administrative=activity.administrative,
            first_at=activity.first_at,
            last_at=activity.last_at,
        )


@strawberry.type(description="Access and changes in a period.")
class AuditReport:
    report: strawberry.Private[Report]
    from_: datetime = strawberry.field(name="from", description="UTC.")
    to: datetime = strawberry.field(description="UTC; the moment itself is not in the period.")
    made_at: datetime = strawberry.field(description="UTC.")
    kept_since: datetime | None = strawberry.field(
        description="The first event that is there at all, UTC: what is older was pruned."
    )
    events: int = strawberry.field(description="How many there are in the period.")
    by_action: list[ActionCount] = strawberry.field(description="By the name of the action.")
    members: list[AuditActivity] = strawberry.field(description="The most active first.")
    sensitive: list[AuditEvent] = strawberry.field(
        description=(
            "The newest 500 events one by one that are not everyday work: roles, keys, sharing, "
            "exports, holds, and all that operators did."
        )
    )
    sensitive_events: int = strawberry.field(description="How many of those there are.")
    head_seq: int = strawberry.field(description="Where the chain ended when it was made.")
    head_hash: str = strawberry.field(description="The hash of that event.")

    @classmethod
    def of(cls, report: Report, people: People) -> AuditReport:
        return cls(
            report=report,
            from_=report.since,
            to=report.until,
            made_at=report.made_at,
            kept_since=report.kept_since,
            events=report.events,
            by_action=[
                ActionCount(action=action, count=count)
                for action, count in report.by_action.items()
            ],
            members=[AuditActivity.of(each, people) for each in report.members],
            sensitive=[AuditEvent.of(Event.of(link), people) for link in report.sensitive],
            sensitive_events=report.sensitive_events,
            head_seq=report.head[0],
            head_hash=report.head[1],
        )

    @strawberry.field(description="The same as a page for a browser, and for paper: HTML.")
    def html(self) -> str:
        return page_of(self.report)
