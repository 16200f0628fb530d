"""How tenants are administered: one transaction, once for each operation's id, on record, felt."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import orjson

from services.audit import entry
from services.contents import canonical_text
from services.errors import IdempotencyKeyReused
from services.ids import operation_id_of
from services.principal import Principal
from services.standing import Clock, Standings
from store.audit import note
from store.changes import Asked, Changes
from store.session import WriteSession


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is being made. It awaits nothing but its session."""

    session: WriteSession
    principal: Principal
    at: datetime
    operation_id: str

    async def note(
        self, action: str, subject_kind: str, subject: UUID | str, **details: Any
    ) -> None:
        """Put it on record. ``details``: ids, roles, numbers; never a secret or a person's name."""
        await note(
            self.session,
            entry(
                self.principal,
                action,
                subject_kind,
                subject,
                operation_id=self.operation_id,
                at=self.at,
                **details,
            ),
        )


T = TypeVar("T")
Work: TypeAlias = Callable[[Change], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a change; not ``fresh``: it was made before, under the same id."""

    answer: dict[str, Any]
    fresh: bool

    def id(self, name: str) -> UUID:
        return UUID(self.answer[name])


class Administration:
    """The one way in which tenants, members and what they may do are changed."""

    def __init__(
        self,
        changes: Changes,
        standings: Standings,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._changes, self._standings, self.clock = changes, standings, clock

    async def alone(
        self, tenant_id: UUID, work: Callable[[WriteSession, datetime], Awaitable[T]]
    ) -> T:
        """Make a change that has no operation's id: it can be made once by what it is."""
        at = self.clock()
        found = await self._changes.alone(tenant_id, lambda session: work(session, at))
        self._standings.changed(tenant_id)
        return found

    async def change(
        self,
        principal: Principal,
        verb: str,
        asked: Any,
        operation_id: str | None,
        work: Work,
        *,
        tenant_id: UUID | None = None,
    ) -> Made:
        """Make a change, or tell what came of it the first time.

        ``verb`` and ``asked`` (JSON) are what a repeat has to ask again. ``work`` answers with
        JSON without secrets; what it raises comes out as it is, and nothing is changed.
        ``tenant_id``: whose rows; left out, those of the caller's tenant.

        Raises:
            InvalidInput: for an operation's id that cannot be one. IdempotencyKeyReused.
        """
        whose = principal.tenant_id if tenant_id is None else tenant_id
        operation_id = operation_id_of(operation_id)
        # With the member: nobody learns another's answer by an id that was guessed.
        payload = canonical_text([verb, str(principal.member_id), asked])
        wanted = Asked(
            operation_id=operation_id,
            fingerprint=hashlib.sha256(payload.encode()).hexdigest(),
            at=self.clock(),
        )

        async def in_transaction(session: WriteSession) -> str:
            change = Change(session, principal, wanted.at, operation_id)
            return canonical_text(await work(change))

        done, fresh = await self._changes.make(whose, wanted, in_transaction)
        if done.fingerprint != wanted.fingerprint:
            raise IdempotencyKeyReused(
                "This operation id was used before, for something else. Draw a new one."
            )
        if fresh:
            self._standings.changed(whose)
        return Made(orjson.loads(done.answer), fresh)
