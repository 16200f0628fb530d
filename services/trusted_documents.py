"""Documents that a tenant trusts: registered by its administrators, found by their ids.

A tenant may admit no others (its setting ``onlyTrusted``). What was looked up is believed for ten
seconds, so a document that another process was told of, or to forget, is felt within that time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.audit import entry
from services.errors import QuotaExceeded
from services.principal import Action, Principal
from store.trusted_documents import TooMany, TrustedDocument, TrustedDocuments

FRESH_S: Final = 10.0
AT_ONCE: Final = 100  # documents of one call
OF_TENANT: Final = 2_000
NAME_MAX: Final = 200  # characters
_REMEMBERED: Final = 4_096
_REMEMBERED_CHARACTERS: Final = 4 * 1024 * 1024

__all__ = ["Complaints", "TrustedDocument", "TrustedDocumentService"]

Complaints: TypeAlias = Callable[[str], Awaitable[list[str]]]  # why a text would not run


class _Known(NamedTuple):
    at_s: float
    text: str | None  # None: the tenant has none of that id


class TrustedDocumentService:
    """What a tenant's administrators may do with its trusted documents."""

    def __init__(
        self,
        kept: TrustedDocuments,
        complaints: Complaints,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._kept, self._complaints = kept, complaints
        self._clock, self._timer = clock, timer
        self._known: OrderedDict[tuple[UUID, str], _Known] = OrderedDict()
        self._characters = 0

    async def text(self, tenant_id: UUID, document_id: str) -> str | None:
        """The tenant's document of an id, looked up at most ten seconds ago.

        Raises:
            DatabaseAway, DatabaseBusy.
        """
        key = (tenant_id, document_id)
        known = self._known.get(key)
        now = self._timer()
        if known is not None and now - known.at_s < FRESH_S:
            self._known.move_to_end(key)
            return known.text
        text = await self._kept.text(tenant_id, document_id)
        self._forget(key)
        self._known[key] = _Known(now, text)
        self._characters += len(text or "")
        while len(self._known) > _REMEMBERED or self._characters > _REMEMBERED_CHARACTERS:
            self._forget(next(iter(self._known)))
        return text

    async def page(
        self, principal: Principal, after: str, limit: int
    ) -> tuple[list[TrustedDocument], bool]:
        """(the next ones by their ids, whether there are more).

        Raises:
            Forbidden.
        """
        principal.require(Action.MANAGE_DOCUMENTS)
        found = await self._kept.page(principal.tenant_id, after, limit + 1)
        return found[:limit], len(found) > limit

    async def register(
        self, principal: Principal, documents: Sequence[tuple[str, str | None]]
    ) -> list[TrustedDocument]:
        """Trust documents, each with a name or none: all of them or nothing. Those that are known
        already stay as they are.

        Raises:
            Forbidden; InvalidInput: with everything that is wrong with any of them;
            QuotaExceeded: if there would be too many.
        """
        principal.require(Action.MANAGE_DOCUMENTS)
        problems = _problems(documents)
        if not problems:
            for number, (text, _) in enumerate(documents):
                problems += [
                    Problem(
                        f"documents[{number}].text",
                        "OUT_OF_RANGE",
                        complaint,
                        "Give a document that this schema can run.",
                    )
                    for complaint in await self._complaints(text)
                ]
        if problems:
            raise InvalidInput.of(problems)
        now = self._clock()
        new = [
            TrustedDocument(
                id=sha256(text.encode()).hexdigest(),
                text=text,
                name=name or None,
                registered_by=principal.member_id,
                registered_at=now,
            )
            for text, name in documents
        ]
        noted = entry(
            principal,
            "documents.registered",
            "tenant",
            principal.tenant_id,
            at=now,
            documents=[each.id for each in new],
        )
        try:
            kept = await self._kept.add(principal.tenant_id, new, OF_TENANT, noted)
        except TooMany:
            raise QuotaExceeded(
                f"A tenant trusts at most {OF_TENANT:,} documents. Remove those that no client "
                "sends any more."
            ) from None
        for each in new:
            self._forget((principal.tenant_id, each.id))
        return kept

    async def remove(self, principal: Principal, ids: Sequence[str]) -> int:
        """Trust documents no more; how many of them were trusted.

        Raises:
            Forbidden; InvalidInput: for too many at once.
        """
        principal.require(Action.MANAGE_DOCUMENTS)
        if not 1 <= len(ids) <= AT_ONCE:
            raise InvalidInput.of([_of_number("ids", len(ids))])
        noted = entry(
            principal, "documents.removed", "tenant", principal.tenant_id, documents=list(ids)
        )
        removed = await self._kept.remove(principal.tenant_id, ids, noted)
        for each in ids:
            self._forget((principal.tenant_id, each))
        return removed

    def _forget(self, key: tuple[UUID, str]) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._characters -= len(known.text or "")


def _of_number(path: str, number: int) -> Problem:
    return Problem(
        path, "OUT_OF_RANGE", f"There are {number:,} of them.", f"Give 1 to {AT_ONCE} at once."
    )


def _problems(documents: Sequence[tuple[str, str | None]]) -> list[Problem]:
    if not 1 <= len(documents) <= AT_ONCE:
        return [_of_number("documents", len(documents))]
    return [
        Problem(
            f"documents[{number}].name",
            "OUT_OF_RANGE",
            f"The name has {len(name):,} characters.",
            f"Give it at most {NAME_MAX}, or none.",
        )
        for number, (_, name) in enumerate(documents)
        if name is not None and len(name) > NAME_MAX
    ]
