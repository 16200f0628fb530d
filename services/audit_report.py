"""Who saw and changed what in a period: a tenant's audit, added up by member.

It says what the events say and nothing else: events that were pruned are not in it, and it tells
from which moment on there are any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from services.audit_form import form_of, moment
from services.audit_reading import ACCESS, AuditService
from services.contents import Unit, changes_of
from services.errors import QueryInvalid
from services.history import ToldChange, in_words
from services.model import kind_of
from services.model_rights import administers
from services.principal import Action, Principal
from store.audit_chain import AuditChain, Link
from store.audit_events import AuditEvents, EventFilter
from store.financial_models import FinancialModels
from store.tenants import MemberRecord, Tenants

LONGEST: Final = timedelta(days=400)
SENSITIVE_MOST: Final = 500  # told one by one; how many there are is told besides
EDITS_MOST: Final = 500  # told with old and new values, the newest
_LOG: Final = 500  # operations read in one statement
_PAGE: Final = 1_000
_LOGINS: Final = ("session.began",)
_EXPORTS: Final = ("valuation.exported", "audit.exported")
_READS: Final = frozenset(
    action for action, how in ACCESS.items() if action.startswith("model.") and how != "CHANGED"
)
_CHANGES: Final = frozenset(action for action, how in ACCESS.items() if how == "CHANGED")
# What is done all day is counted. All else is told one by one: who may do what, who came in from
# outside, what left the house, and what is kept or forgotten.
_EVERY_DAY: Final = ("model.", "valuation.", "run.", "session.", "company.", "audit.read")
# A model's log has the old and new values of these; of a new model there are no old ones.
_EDITS: Final = frozenset({"model.edited", "model.restored", "model.archived"})
# And what is done all day, but tells of somebody who should not be here, or of a door that opened.
_FAILED: Final = frozenset({"session.refused", "session.reused", "act.refused"})
_TOLD: Final = frozenset({"model.shared", "model.unshared", "model.opened"}) | _FAILED

Clock = Callable[[], datetime]


@dataclass(slots=True)
class MemberActivity:
    """What one member did, or the house by itself."""

    id: UUID | None  # None: the system
    name: str  # as it is today
    role: str | None
    actor_kind: str
    logins: int = 0
    models_read: set[str] = field(default_factory=set)
    reads: int = 0
    models_changed: set[str] = field(default_factory=set)
    changes: int = 0
    valuations: int = 0
    exports: int = 0
    administrative: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An edit of a model, with what it changed."""

    link: Link
    model: str  # its name as it is today
    changes: Sequence[ToldChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """A period of a tenant's audit."""

    tenant_id: UUID
    tenant_name: str
    since: datetime
    until: datetime
    made_at: datetime
    kept_since: datetime | None  # the first event that is there at all; None: there are none
    events: int
    by_action: Mapping[str, int]  # by the name of the action
    members: Sequence[MemberActivity]  # the most active first
    sensitive: Sequence[Link]  # the newest first, SENSITIVE_MOST at most
    sensitive_events: int  # all of them
    edits: Sequence[Edited]  # the newest first, EDITS_MOST at most; of who may read models
    head: tuple[int, str]  # where the chain ended when it was made: seq, hash
    names: Mapping[UUID, str]  # of whoever stands in it


class AuditReports:
    """Reports, for whoever may read the audit."""

    def __init__(
        self,
        audit: AuditService,
        events: AuditEvents,
        chain: AuditChain,
        tenants: Tenants,
        models: FinancialModels,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._audit, self._events, self._chain = audit, events, chain
        self._tenants, self._models, self._clock = tenants, models, clock

    async def of(self, principal: Principal, since: datetime, until: datetime) -> AuditReport:
        """The report of a period of up to 400 days, its end not in it.

        Old and new values are in it for who may read every model, and that is a look at each.

        Raises:
            Forbidden; QueryInvalid: for a period that is none, or too long.
        """
        if until - since > LONGEST:
            raise QueryInvalid(f"A report is of {LONGEST.days} days at most.")
        await self._audit.begin(principal, EventFilter(since=since, until=until))
        values = principal.may(Action.READ_MODEL) and administers(principal)
        report = await self.for_tenant(principal.tenant_id, since, until, values=values)
        await self._audit.told_of(principal, {each.link.subject for each in report.edits})
        return report

    async def for_tenant(
        self, tenant_id: UUID, since: datetime, until: datetime, *, values: bool = True
    ) -> AuditReport:
        """The same for whoever holds the database. Nobody is asked.

        ``values``: with what each edit changed.
        """
        tenant = await self._tenants.find(tenant_id)
        people = {member.id: member for member in await self._tenants.members(tenant_id)}
        head = await self._chain.head(tenant_id)
        first = await self._events.page(tenant_id, EventFilter(), limit=1)
        operators = await self._events.operators(tenant_id)
        tally = _Tally(people, operators)
        beyond = 0
        while True:
            links = await self._events.page(
                tenant_id, EventFilter(since=since, until=until), beyond=beyond, limit=_PAGE
            )
            for link in links:
                tally.add(link)
            if len(links) < _PAGE:
                break
            beyond = links[-1].seq
        return AuditReport(
            tenant_id=tenant_id,
            tenant_name="" if tenant is None else tenant.name,
            since=since,
            until=until,
            made_at=self._clock(),
            kept_since=first[0].at if first else None,
            events=tally.by_action.total(),
            by_action=dict(sorted(tally.by_action.items())),
            members=sorted(
                tally.members.values(),
                key=lambda each: (
                    each.actor_kind == "SYSTEM",
                    -each.reads - each.changes - each.administrative,
                    each.name,
                ),
            ),
            sensitive=tally.sensitive[::-1],
            sensitive_events=tally.sensitive_events,
            edits=await self._edited(tenant_id, tally.edits) if values else (),
            head=(head.seq, head.hash),
            names={**operators, **{id_: member.name for id_, member in people.items()}},
        )

    async def _edited(self, tenant_id: UUID, links: Sequence[Link]) -> list[Edited]:
        """What each of these edits changed, the newest first; one model's log after the other."""
        of_model: dict[str, dict[int, Link]] = {}
        for link in links:
            revision = orjson.loads(link.details).get("seq")
            if revision is not None:
                of_model.setdefault(link.subject, {})[revision] = link
        found: dict[int, Edited] = {}
        for subject, places in of_model.items():
            record = await self._models.find(tenant_id, UUID(subject))
            seq, last = min(places) - 1, max(places)
            while record is not None and seq < last:
                log = await self._models.operations(
                    tenant_id, record.id, after=seq, until=last, limit=_LOG
                )
                if not log:
                    break
                for each in log:
                    link_ = places.get(each.seq)
                    if link_ is not None:
                        told = in_words(
                            kind_of(record), Unit(record.unit), changes_of(each.changes)
                        )
                        found[link_.seq] = Edited(link=link_, model=record.name, changes=told)
                seq = log[-1].seq
        return [found[seq] for seq in sorted(found, reverse=True)]


class _Tally:
    """What was added up so far."""

    def __init__(self, people: Mapping[UUID, MemberRecord], operators: Mapping[UUID, str]) -> None:
        self._people, self._operators = people, operators
        self.by_action: Counter[str] = Counter()
        self.members: dict[tuple[str, UUID | None], MemberActivity] = {}
        self.sensitive: list[Link] = []
        self.sensitive_events = 0
        self.edits: list[Link] = []

    def add(self, link: Link) -> None:
        self.by_action[link.action] += 1
        # A member's keys count as theirs.
        kind = "MEMBER" if link.actor_kind == "SERVICE" else link.actor_kind
        member = self.members.get((kind, link.actor))
        if member is None:
            member = self.members[kind, link.actor] = self._member(kind, link.actor)
        member.first_at = member.first_at or link.at
        member.last_at = link.at
        if link.action in _READS:
            member.reads += 1
            member.models_read.add(link.subject)
        elif link.action in _CHANGES:
            member.changes += 1
            member.models_changed.add(link.subject)
        if link.action in _EDITS:
            self.edits.append(link)
            del self.edits[:-EDITS_MOST]
        if link.action in ("valuation.made", "model.valued"):
            member.valuations += 1
        if link.action in _LOGINS:
            member.logins += 1
        if link.action in _EXPORTS:
            member.exports += 1
        if (
            link.actor_kind == "OPERATOR"
            or link.action in _TOLD
            or not link.action.startswith(_EVERY_DAY)
        ):
            member.administrative += link.action not in _FAILED
            self.sensitive_events += 1
            self.sensitive.append(link)
            del self.sensitive[:-SENSITIVE_MOST]

    def _member(self, kind: str, id_: UUID | None) -> MemberActivity:
        known = None if id_ is None else self._people.get(id_)
        if known is not None:
            return MemberActivity(id_, known.name, known.role, kind)
        if id_ is None:
            return MemberActivity(None, "The system itself", None, kind)
        return MemberActivity(id_, self._operators.get(id_, f"Somebody {str(id_)[:8]}"), None, kind)


def details_of(link: Link) -> str:
    """What an event tells besides, in one line for a person."""
    details = orjson.loads(link.details)
    return ", ".join(
        f"{name} {value if isinstance(value, (str, int, float)) else orjson.dumps(value).decode()}"
        for name, value in details.items()
    )


def document_of(report: AuditReport) -> dict[str, Any]:
    """The report as JSON has it."""
    return {
        "tenant": {"id": str(report.tenant_id), "name": report.tenant_name},
        "from": moment(report.since),
        "to": moment(report.until),
        "madeAt": moment(report.made_at),
        "keptSince": None if report.kept_since is None else moment(report.kept_since),
        "events": report.events,
        "byAction": dict(report.by_action),
        "members": [_activity(each) for each in report.members],
        "sensitiveEvents": report.sensitive_events,
        "sensitive": [
            {**form_of(report.tenant_id, link), "details": orjson.loads(link.details)}
            for link in report.sensitive
        ],
        "edits": [
            {
                "seq": each.link.seq,
                "at": moment(each.link.at),
                "actor": None if each.link.actor is None else str(each.link.actor),
                "model": each.link.subject,
                "name": each.model,
                "revision": orjson.loads(each.link.details)["seq"],
                "operationId": each.link.operation_id,
                "changes": [
                    {"path": change.path, "from": change.old, "to": change.new, "text": change.text}
                    for change in each.changes
                ],
            }
            for each in report.edits
        ],
        "head": {"seq": report.head[0], "hash": report.head[1]},
    }


def _activity(each: MemberActivity) -> dict[str, Any]:
    return {
        "id": None if each.id is None else str(each.id),
        "name": each.name,
        "role": each.role,
        "actorKind": each.actor_kind,
        "logins": each.logins,
        "modelsRead": sorted(each.models_read),
        "reads": each.reads,
        "modelsChanged": sorted(each.models_changed),
        "changes": each.changes,
        "valuations": each.valuations,
        "exports": each.exports,
        "administrative": each.administrative,
        "firstAt": None if each.first_at is None else moment(each.first_at),
        "lastAt": None if each.last_at is None else moment(each.last_at),
    }
