"""The audit, for whoever may read it: events, who saw a model, and copies to take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from services.audit import entry
from services.audit_chainer import AuditChainer
from services.audit_export import AuditExport, Format, told_filter
from services.audit_log import Looks, Notes
from services.errors import NotFound, QueryInvalid
from services.plans import Feature, require_feature
from services.principal import Action, Principal
from services.tenants import TenantService
from store.audit_chain import Link
from store.audit_events import AuditEvents, EventFilter

__all__ = ["AuditEvent", "AuditService", "EventFilter", "Seen"]

# What tells that somebody saw a model, or what comes of it, and in which words.
ACCESS: Final[Mapping[str, str]] = {
    "model.read": "READ",
    "model.listed": "LISTED",
    "model.history_read": "HISTORY",
    "model.joined": "ROOM",
    "model.valued": "VALUED",
    "model.created": "CHANGED",
    "model.duplicated": "CHANGED",
    "model.edited": "CHANGED",
    "model.restored": "CHANGED",
    "model.archived": "CHANGED",
    "valuation.read": "VALUATION_READ",
    "valuation.run_read": "RUN",
    "valuation.exported": "WORKBOOK",
}
_OF_MODEL: Final = tuple(action for action in ACCESS if action.startswith("model."))
_OF_VALUATION: Final = tuple(action for action in ACCESS if action.startswith("valuation."))
_PAGE: Final = 1_000
_CHUNK: Final = 500  # ids of one statement
TEXT_MOST: Final = 128  # characters of an action or a subject


class Models(Protocol):
    """Who knows whether a model is there."""

    async def find(self, tenant_id: UUID, model_id: UUID) -> object | None: ...


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event of the chain, with what it tells besides."""

    link: Link
    details: dict[str, Any]

    @classmethod
    def of(cls, link: Link) -> AuditEvent:
        return cls(link, orjson.loads(link.details))


@dataclass(frozen=True, slots=True)
class Seen:
    """That somebody saw a model, or what comes of it."""

    event: AuditEvent
    how: str  # one of the values of ACCESS
    grant_id: UUID | None  # by which an operator was in the tenant


class AuditService:
    """What a member may know of the audit. Every method may raise Forbidden."""

    def __init__(
        self,
        events: AuditEvents,
        export: AuditExport,
        chainer: AuditChainer,
        looks: Looks,
        notes: Notes,
        tenants: TenantService,
        models: Models,
    ) -> None:
        self._events, self._export, self._chainer = events, export, chainer
        self._notes = notes
        self._looks, self._tenants, self._models = looks, tenants, models

    async def events(
        self, principal: Principal, wanted: EventFilter, *, limit: int, beyond: int | None = None
    ) -> list[AuditEvent]:
        """Events from the newest back, those past a seq.

        Raises:
            QueryInvalid: for a period that ends before it begins.
        """
        await self.begin(principal, wanted)
        links = await self._events.page(
            principal.tenant_id, wanted, beyond=beyond, limit=limit, descending=True
        )
        return [AuditEvent.of(link) for link in links]

    async def access_list(
        self,
        principal: Principal,
        model_id: UUID,
        since: datetime | None,
        until: datetime | None,
        *,
        limit: int,
        beyond: int | None = None,
    ) -> list[Seen]:
        """Who saw a model, how and when, from the newest back: its valuations and workbooks too.

        Raises:
            NotFound: if there is no such model. QueryInvalid: as `events`.
        """
        period = EventFilter(since=since, until=until)
        await self.begin(principal, period)
        tenant_id = principal.tenant_id
        if await self._models.find(tenant_id, model_id) is None:
            raise NotFound("There is no such model.")
        found = await self._events.page(
            tenant_id,
            replace(period, actions=_OF_MODEL, subjects=(str(model_id),)),
            beyond=beyond,
            limit=limit,
            descending=True,
        )
        valuations = sorted(await self._valuations_of(tenant_id, model_id))
        for start in range(0, len(valuations), _CHUNK):
            found += await self._events.page(
                tenant_id,
                replace(
                    period,
                    actions=_OF_VALUATION,
                    subjects=tuple(valuations[start : start + _CHUNK]),
                ),
                beyond=beyond,
                limit=limit,
                descending=True,
            )
        found.sort(key=lambda link: link.seq, reverse=True)
        return [_seen(link) for link in found[:limit]]

    async def export(
        self, principal: Principal, wanted: EventFilter, written_as: Format
    ) -> AsyncIterator[bytes]:
        """The audit as a file, page by page. That it was taken is on record before the first byte.

        Raises:
            QuotaExceeded: if the plan has no export. QueryInvalid: as `events`.
        """
        principal.require(Action.READ_AUDIT)
        _check(wanted)
        terms = await self._tenants.terms(principal.tenant_id)
        require_feature(terms.plan, terms.limits, Feature.AUDIT_EXPORT)
        await self._looks.took(
            principal,
            "audit.exported",
            "audit",
            principal.tenant_id,
            format=written_as.value,
            filter=told_filter(wanted) or None,
        )
        await self._sign(principal.tenant_id)
        return self._export.written(principal.tenant_id, wanted, written_as)

    async def export_for(
        self, tenant_id: UUID, wanted: EventFilter, written_as: Format
    ) -> AsyncIterator[bytes]:
        """The same for whoever holds the database: on record as the system's."""
        taken = entry(
            None,
            "audit.exported",
            "audit",
            tenant_id,
            format=written_as.value,
            filter=told_filter(wanted) or None,
        )
        await self._notes.add(tenant_id, taken)
        await self._sign(tenant_id)
        return self._export.written(tenant_id, wanted, written_as)

    async def begin(self, principal: Principal, wanted: EventFilter) -> None:
        """Let somebody in, put it on record, and see to it that all there is can be found."""
        principal.require(Action.READ_AUDIT)
        _check(wanted)
        await self._looks.saw(principal, "audit.read", "audit", principal.tenant_id)
        await self._chainer.drain(principal.tenant_id)

    async def told_of(self, principal: Principal, models: Iterable[str]) -> None:
        """Put on record that somebody reads in the audit what was changed in these models."""
        await self._looks.saw_all(principal, "model.history_read", "model", models)

    async def _sign(self, tenant_id: UUID) -> None:
        """What leaves the house is signed to its end."""
        await self._chainer.drain(tenant_id)
        await self._chainer.sign(tenant_id)

    async def _valuations_of(self, tenant_id: UUID, model_id: UUID) -> set[str]:
        """The ids of all that the model was worth, whenever that was."""
        wanted = EventFilter(actions=("model.valued",), subjects=(str(model_id),))
        found: set[str] = set()
        beyond = 0
        while True:
            links = await self._events.page(tenant_id, wanted, beyond=beyond, limit=_PAGE)
            found |= {orjson.loads(link.details)["valuation"] for link in links}
            if len(links) < _PAGE:
                return found
            beyond = links[-1].seq


def _seen(link: Link) -> Seen:
    event = AuditEvent.of(link)
    grant = event.details.get("grant")
    return Seen(event, ACCESS[link.action], None if grant is None else UUID(grant))


def _check(wanted: EventFilter) -> None:
    """
    Raises:
        QueryInvalid: for what no event can have, and for a period that is none.
    """
    for text in (*(wanted.actions or ()), *(wanted.subjects or ())):
        if not 1 <= len(text) <= TEXT_MOST or not text.isprintable():
            raise QueryInvalid(
                f"An action and a subject have 1 to {TEXT_MOST} characters, all of which can be "
                "seen."
            )
    try:
        since, until = (at and at.astimezone(UTC) for at in (wanted.since, wanted.until))
    except OverflowError:
        raise QueryInvalid("A moment is of the years 1 to 9999, in UTC.") from None
    if since is not None and until is not None and since >= until:
        raise QueryInvalid("The period ends before it begins: `from` is before `to`.")
