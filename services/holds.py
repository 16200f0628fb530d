"""What must be kept, and what may be forgotten: legal holds, and the erasure of a person.

A hold stops what a plan or a member's wish would remove. Erasure takes away who somebody is, and
leaves what they did: models, operations and the audit name an id, and an id is all that stays.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.errors import Conflict, NotFound
from services.identity_provider import mark_of
from services.ids import new_id
from services.members import no_member
from services.model_rights import no_model
from services.principal import Action, Principal, Role
from services.sealing import Sealer
from store import erasure, holds, identity_providers, members
from store.financial_models import FinancialModels
from store.holds import HoldRecord, Holds
from store.identity_providers import IdentityRecord
from store.tenants import MemberRecord, Tenants

__all__ = ["Held", "HoldRecord", "HoldService"]

REASON_MOST: Final = 500  # characters
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Held(StrEnum):
    """What a hold is about."""

    TENANT = "TENANT"
    MODEL = "MODEL"
    MEMBER = "MEMBER"


class HoldService:
    """What an owner keeps, and whom they forget. Every method may raise Forbidden."""

    def __init__(
        self,
        kept: Holds,
        tenants: Tenants,
        models: FinancialModels,
        administration: Administration,
        sealer: Sealer,
    ) -> None:
        self._kept, self._tenants, self._models = kept, tenants, models
        self._administration, self._sealer = administration, sealer

    async def all(self, principal: Principal) -> list[HoldRecord]:
        """Those that hold and those that were let go of, the newest first."""
        principal.require(Action.KEEP)
        return await self._kept.all(principal.tenant_id)

    async def place(
        self,
        principal: Principal,
        held: Held,
        subject: UUID,
        reason: str,
        operation_id: str | None = None,
    ) -> HoldRecord:
        """Have something kept until the hold is released. The reason is for people, and is kept.

        Raises:
            NotFound: if there is no such thing in the tenant. InvalidInput: for the reason.
        """
        principal.require(Action.KEEP)
        reason = reason.strip()
        if not 1 <= len(reason) <= REASON_MOST or _UNPRINTABLE.search(reason):
            message = f"A reason has 1 to {REASON_MOST} characters, all of which can be seen."
            mend = "Say why it must be kept, as a colleague would understand it years later."
            raise InvalidInput.of([Problem("reason", "WRONG_LENGTH", message, mend)])
        await self._require(principal.tenant_id, held, subject)

        async def work(change: Change) -> dict[str, str]:
            hold = HoldRecord(
                id=new_id(),
                subject_kind=held.value,
                subject=str(subject),
                reason=reason,
                placed_by=principal.member_id,
                placed_at=change.at,
            )
            await holds.place(change.session, hold)
            # Not the reason: it may name somebody, and the audit names nobody.
            await change.note("hold.placed", "hold", hold.id, kind=held.value, held=subject)
            return {"hold": str(hold.id)}

        asked = [held.value, str(subject), reason]
        made = await self._administration.change(principal, "placeHold", asked, operation_id, work)
        return await self._found(principal, made.id("hold"))

    async def release(
        self, principal: Principal, hold_id: UUID, operation_id: str | None = None
    ) -> HoldRecord:
        """Let go of a hold; it stays on record.

        Raises:
            NotFound. Conflict: if it was released already.
        """
        principal.require(Action.KEEP)

        async def work(change: Change) -> dict[str, str]:
            if await holds.find(change.session, hold_id) is None:
                raise _no_hold()
            if not await holds.release(
                change.session, hold_id, by=principal.member_id, at=change.at
            ):
                raise Conflict("It was released already.")
            await change.note("hold.released", "hold", hold_id)
            return {"hold": str(hold_id)}

        await self._administration.change(
            principal, "releaseHold", str(hold_id), operation_id, work
        )
        return await self._found(principal, hold_id)

    async def erase(
        self, principal: Principal, member_id: UUID, operation_id: str | None = None
    ) -> MemberRecord:
        """Forget who a member is. Their access ends; what they did keeps their id. For good.

        Raises:
            NotFound. Conflict: under a hold, with its reason; and for the last owner.
        """
        principal.require(Action.KEEP)

        async def work(change: Change) -> dict[str, str]:
            session = change.session
            member = await members.find(session, member_id)
            if member is None:
                raise no_member()
            if member.state == "ERASED":
                raise Conflict("The member was erased already.")
            hold = await holds.holding_member(session, member_id)
            if hold is not None:
                raise Conflict(
                    f"A legal hold keeps them: {hold.reason} Release it first, if that may be: "
                    "releaseHold."
                )
            if (
                member.state == "ACTIVE"
                and (member.kind, member.role) == ("PERSON", Role.OWNER)
                and await members.count_people(session, Role.OWNER.value) <= 1
            ):
                raise Conflict("This is the last OWNER. Make somebody else one first.")
            await members.end_access(
                session, member_id, by=principal.member_id, why="ERASED", at=change.at
            )
            await identity_providers.cover(session, member_id, self._covered)
            await erasure.erase(session, member_id, member.email, change.at)
            await change.note("member.erased", "member", member_id)
            return {"member": str(member_id)}

        await self._administration.change(
            principal, "eraseMember", str(member_id), operation_id, work
        )
        found = await self._tenants.member(principal.tenant_id, member_id)
        if found is None:
            raise no_member()
        return found

    def _covered(self, link: IdentityRecord) -> str:
        # Else a provider that lets strangers in would bring them back as one.
        return self._sealer.mark(mark_of(link.provider_id), link.subject)

    async def _require(self, tenant_id: UUID, held: Held, subject: UUID) -> None:
        if held is Held.TENANT and subject != tenant_id:
            raise NotFound("There is no such tenant.")
        if held is Held.MODEL and await self._models.find(tenant_id, subject) is None:
            raise no_model()
        if held is Held.MEMBER and await self._tenants.member(tenant_id, subject) is None:
            raise no_member()

    async def _found(self, principal: Principal, hold_id: UUID) -> HoldRecord:
        hold = await self._kept.find(principal.tenant_id, hold_id)
        if hold is None:
            raise _no_hold()
        return hold


def _no_hold() -> NotFound:
    return NotFound("There is no such hold.")
