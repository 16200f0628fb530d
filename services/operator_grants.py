"""Operators' ways into a tenant: by a grant with a reason and an end, which the tenant sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.authentication import LIFETIME
from services.errors import Conflict, Forbidden, NotFound
from services.ids import new_id
from services.operators import no_tenant, reason_of
from services.plans import Feature
from services.principal import Action, Principal, Role
from services.standing import terms_of
from services.tenants import require_own
from store import operators, tenants
from store.directory import SYSTEM
from store.operators import GrantRecord, OperatorGrants
from store.tenants import Tenants

__all__ = ["GrantRecord", "GrantService", "GrantState", "TenantAccess", "state_of"]

LONGEST: Final = timedelta(days=7)
_SHOWN: Final = 100
_ROLES: Final = (Role.ADMIN, Role.ANALYST, Role.VIEWER)  # an owner's word is nobody else's


class GrantState(StrEnum):
    """Where an operator's grant stands."""

    WAITING = "WAITING"  # for the tenant to approve it
    OPEN = "OPEN"
    ENDED = "ENDED"  # before its time
    EXPIRED = "EXPIRED"


class Issues(Protocol):
    """Signs access tokens."""

    def issue(
        self,
        tenant_id: UUID,
        member_id: UUID,
        role: Role,
        lifetime: timedelta = ...,
        *,
        session_id: str | None = ...,
        grant_id: UUID | None = ...,
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """An access token for somebody else's tenant."""

    token: str
    expires_at: datetime
    grant: GrantRecord


class GrantService:
    """Who of the operators may be in a tenant, why and until when."""

    def __init__(
        self,
        kept: OperatorGrants,
        people: Tenants,
        administration: Administration,
        issuer: Callable[[], Issues | None] = lambda: None,
    ) -> None:
        """``issuer``: who signs now; None where this process cannot."""
        self._kept, self._people = kept, people
        self._administration, self._issuer = administration, issuer

    async def shown(self, principal: Principal, tenant_id: UUID) -> list[GrantRecord]:
        """The newest hundred, whatever became of them.

        Raises:
            Forbidden: for who is neither of the tenant nor an operator.
        """
        principal.require(Action.READ_TENANT)
        if not principal.may(Action.OPERATE):
            require_own(principal, tenant_id)
        return await self._kept.newest(tenant_id, _SHOWN)

    def state(self, grant: GrantRecord) -> GrantState:
        return state_of(grant, self._administration.clock())

    async def open(
        self,
        principal: Principal,
        tenant_id: UUID,
        *,
        role: Role,
        reason: str,
        until: datetime,
        operation_id: str | None = None,
    ) -> GrantRecord:
        """Ask for a way into a tenant. Where its plan has a say in that, it waits for a yes.

        Raises:
            Forbidden, NotFound, IdempotencyKeyReused.
            InvalidInput: for an end that is past or too far off, a role, or a reason.
        """
        principal.require(Action.OPERATE)
        problems: list[Problem] = []
        now = self._administration.clock()
        if not now < until <= now + LONGEST:
            message = f"A grant ends within {LONGEST.days} days from now, and not before now."
            problems.append(
                Problem("until", "OUT_OF_RANGE", message, "Give a moment in the next hours.")
            )
        if role not in _ROLES:
            message = "An operator is let in as ADMIN, ANALYST or VIEWER."
            problems.append(Problem("role", "OUT_OF_RANGE", message, "Take the least that does."))
        try:
            reason = reason_of(reason)
        except InvalidInput as no:
            problems += no.problems
        if problems:
            raise InvalidInput.of(problems)
        operator = await self._people.member(SYSTEM, principal.member_id)
        if operator is None:
            raise Forbidden("You are no operator any more.")

        async def work(change: Change) -> dict[str, str]:
            tenant = await tenants.find(change.session)
            if tenant is None or tenant_id == SYSTEM:
                raise no_tenant()
            asks = Feature.OPERATOR_GRANTS in terms_of(tenant).limits.features
            grant = GrantRecord(
                id=new_id(),
                operator_id=principal.member_id,
                operator_name=operator.name,
                role=role.value,
                reason=reason,
                created_at=change.at,
                ends_at=until,
                needs_approval=asks,
            )
            await operators.add(change.session, grant)
            await change.note(
                "grant.opened",
                "grant",
                grant.id,
                role=role.value,
                reason=reason,
                until=until,
                needs_approval=asks,
            )
            return {"grant": str(grant.id)}

        asked = [str(tenant_id), role.value, reason, until.isoformat()]
        made = await self._administration.change(
            principal, "openOperatorGrant", asked, operation_id, work, tenant_id=tenant_id
        )
        return await self._found(tenant_id, made.id("grant"))

    async def approve(
        self,
        principal: Principal,
        tenant_id: UUID,
        grant_id: UUID,
        operation_id: str | None = None,
    ) -> GrantRecord:
        """Say yes to an operator who waits for it.

        Raises:
            Forbidden, NotFound; Conflict: if it has ended.
        """
        principal.require(Action.ADMIT_OPERATOR)
        if principal.tenant_id != tenant_id:
            raise _no_grant()

        async def work(change: Change) -> dict[str, str]:
            grant = await operators.find(change.session, grant_id)
            if grant is None:
                raise _no_grant()
            state = state_of(grant, change.at)
            if state in (GrantState.ENDED, GrantState.EXPIRED):
                raise Conflict(f"It is {state}. Whoever wants in opens another.")
            if state is GrantState.WAITING:
                await operators.approve(change.session, grant_id, principal.member_id, change.at)
                await change.note("grant.approved", "grant", grant_id)
            return {"grant": str(grant_id)}

        await self._administration.change(
            principal, "approveOperatorGrant", str(grant_id), operation_id, work
        )
        return await self._found(tenant_id, grant_id)

    async def end(
        self,
        principal: Principal,
        tenant_id: UUID,
        grant_id: UUID,
        operation_id: str | None = None,
    ) -> GrantRecord:
        """End a grant of one's tenant before its time: whoever is in by it is out at once.

        Raises:
            Forbidden, NotFound.
        """
        principal.require(Action.ADMIT_OPERATOR)
        if principal.tenant_id != tenant_id:
            raise _no_grant()
        return await self._end(principal, tenant_id, grant_id, operation_id)

    async def leave(
        self,
        principal: Principal,
        tenant_id: UUID,
        grant_id: UUID,
        operation_id: str | None = None,
    ) -> GrantRecord:
        """End a grant as an operator: one's own, or a colleague's.

        Raises:
            Forbidden, NotFound.
        """
        principal.require(Action.OPERATE)
        return await self._end(principal, tenant_id, grant_id, operation_id)

    async def _end(
        self, principal: Principal, tenant_id: UUID, grant_id: UUID, operation_id: str | None
    ) -> GrantRecord:
        async def work(change: Change) -> dict[str, str]:
            grant = await operators.find(change.session, grant_id)
            if grant is None:
                raise _no_grant()
            if state_of(grant, change.at) in (GrantState.WAITING, GrantState.OPEN):
                await operators.end(change.session, grant_id, principal.member_id, change.at)
                await change.note("grant.ended", "grant", grant_id)
            return {"grant": str(grant_id)}

        await self._administration.change(
            principal,
            "endOperatorGrant",
            str(grant_id),
            operation_id,
            work,
            tenant_id=tenant_id,
        )
        return await self._found(tenant_id, grant_id)

    async def enter(self, principal: Principal, tenant_id: UUID, grant_id: UUID) -> TenantAccess:
        """A token for the tenant, as what the grant says, for minutes. Each one is on record.

        Raises:
            Forbidden; NotFound: for a grant that is another operator's.
            Conflict: if it is not open.
        """
        principal.require(Action.OPERATE)
        grant = await self._kept.find(tenant_id, grant_id)
        if grant is None or grant.operator_id != principal.member_id:
            raise _no_grant()
        issuer = self._issuer()
        if issuer is None:
            raise Forbidden("This server only proves tokens; it makes none.")

        async def work(change: Change) -> dict[str, str]:
            found = await operators.find(change.session, grant_id)
            state = GrantState.ENDED if found is None else state_of(found, change.at)
            if state is not GrantState.OPEN:
                wait = " The tenant has not said yes yet." if state is GrantState.WAITING else ""
                raise Conflict(f"The grant is {state}.{wait}")
            await change.note("grant.entered", "grant", grant_id, role=grant.role)
            return {"grant": str(grant_id)}

        await self._administration.change(
            principal, "enterTenant", str(grant_id), None, work, tenant_id=tenant_id
        )
        now = self._administration.clock()
        lifetime = min(LIFETIME, grant.ends_at - now)
        token = issuer.issue(
            tenant_id,
            principal.member_id,
            Role(grant.role),
            lifetime,
            session_id=principal.session_id,
            grant_id=grant_id,
        )
        return TenantAccess(token, now + lifetime, grant)

    async def _found(self, tenant_id: UUID, grant_id: UUID) -> GrantRecord:
        grant = await self._kept.find(tenant_id, grant_id)
        if grant is None:
            raise _no_grant()
        return grant


def state_of(grant: GrantRecord, now: datetime) -> GrantState:
    if grant.ended_at is not None:
        return GrantState.ENDED
    if grant.ends_at <= now:
        return GrantState.EXPIRED
    if grant.needs_approval and grant.approved_at is None:
        return GrantState.WAITING
    return GrantState.OPEN


def _no_grant() -> NotFound:
    return NotFound("There is no such grant.")
