"""Invitations: an address may become a member, by a secret that is told once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.audit import entry
from services.credentials import Secret
from services.errors import Conflict, Forbidden, NotFound, Unauthenticated
from services.ids import new_id
from services.members import check_role, may_still_give, name_of, require_seat
from services.principal import Action, Principal, Role
from services.standing import terms_of
from services.tenants import require_own
from store import invitations, members, tenants
from store.audit import note
from store.invitations import InvitationRecord, Invitations
from store.session import WriteSession
from store.tenants import MemberRecord

__all__ = ["Accepted", "InvitationRecord", "InvitationService", "Invited"]

PREFIX: Final = "vi"
LIFETIME: Final = timedelta(days=7)
_ADDRESS: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,189}")
_NOT_VALID: Final = "The invitation is not valid here. Ask for a new one."

Also: TypeAlias = Callable[[WriteSession, MemberRecord], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation, and its secret where it was made just now: it is told once."""

    invitation: InvitationRecord
    text: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who came of an invitation."""

    tenant_id: UUID
    member: MemberRecord
    invitation_id: UUID


class InvitationService:
    """Who may become a member of the caller's tenant, and how they do."""

    def __init__(self, kept: Invitations, administration: Administration) -> None:
        self._kept, self._administration = kept, administration

    async def open(self, principal: Principal, tenant_id: UUID) -> list[InvitationRecord]:
        """Those that can still be accepted, the oldest first."""
        principal.require(Action.MANAGE_MEMBERS)
        require_own(principal, tenant_id)
        return await self._kept.open(tenant_id, self._administration.clock())

    async def invite(
        self,
        principal: Principal,
        *,
        email: str,
        name: str | None,
        role: Role,
        operation_id: str | None = None,
    ) -> Invited:
        """Let an address become a member; earlier invitations of it end.

        Raises:
            InvalidInput; Forbidden: for a role above the caller's.
            Conflict: if they are a member. QuotaExceeded, IdempotencyKeyReused.
        """
        principal.require(Action.MANAGE_MEMBERS)
        email, name = checked(email, name)
        told: list[str] = []

        async def work(change: Change) -> dict[str, str]:
            await check_role(change, role)
            there = await members.find_subject(change.session, email)
            if there is not None and there.state == "ACTIVE":
                raise Conflict("They are a member already.")
            await invitations.revoke_earlier(change.session, email, change.at)
            await require_seat(change.session, change.at)
            secret = Secret.new(PREFIX, principal.tenant_id, new_id())
            await add(change, secret, email=email, name=name, role=role)
            told.append(secret.text)
            return {"invitation": str(secret.id)}

        asked = [email, name, role.value]
        made = await self._administration.change(
            principal, "inviteMember", asked, operation_id, work
        )
        found = await self._kept.find(principal.tenant_id, made.id("invitation"))
        if found is None:
            raise no_invitation()
        return Invited(found, told[-1] if made.fresh else None)

    async def revoke(
        self, principal: Principal, invitation_id: UUID, operation_id: str | None = None
    ) -> InvitationRecord:
        """End an invitation that nobody has accepted. Of one that has ended, nothing changes.

        Raises:
            NotFound; Conflict: if it was accepted.
        """
        principal.require(Action.MANAGE_MEMBERS)

        async def work(change: Change) -> dict[str, str]:
            before = await invitations.find(change.session, invitation_id)
            if before is None:
                raise no_invitation()
            if before.accepted_at is not None:
                raise Conflict("It was accepted: remove the member instead.")
            if await invitations.revoke(change.session, invitation_id, change.at):
                await change.note("invitation.revoked", "invitation", invitation_id)
            return {"invitation": str(invitation_id)}

        asked = str(invitation_id)
        await self._administration.change(principal, "revokeInvitation", asked, operation_id, work)
        found = await self._kept.find(principal.tenant_id, invitation_id)
        if found is None:
            raise no_invitation()
        return found

    async def accept(
        self, text: str, *, name: str | None = None, also: Also | None = None
    ) -> Accepted:
        """Become a member by the secret of an invitation; a former member is one again.

        ``also`` writes what goes with it in the same transaction: a password, a session. It awaits
        nothing but the session that it is given.

        Raises:
            Unauthenticated: whatever is wrong with the invitation, with one message.
            InvalidInput: for the name. Forbidden: the tenant is suspended. QuotaExceeded, Conflict.
        """
        secret = Secret.read(PREFIX, text.strip())
        # Looked at first without holding anything up: a stranger may try.
        seen = None if secret is None else await self._kept.find(secret.tenant_id, secret.id)
        if secret is None or not secret.matches(None if seen is None else seen.secret_hash):
            raise Unauthenticated(_NOT_VALID)
        if name is not None:
            problems: list[Problem] = []
            name = name_of(name, "name", problems)
            if problems:
                raise InvalidInput.of(problems)

        async def work(session: WriteSession, now: datetime) -> MemberRecord:
            invitation = await invitations.find(session, secret.id)
            if (
                invitation is None
                or not invitation.open_at(now)
                or not await may_still_give(session, invitation.created_by, Role(invitation.role))
            ):
                raise Unauthenticated(_NOT_VALID)
            tenant = await tenants.find(session)
            suspended = None if tenant is None else terms_of(tenant).suspended
            if suspended is not None:
                raise Forbidden(f"This tenant is suspended. {suspended}".rstrip())
            await require_seat(session, now, invited=False)
            member = await _joined(session, invitation, name, now)
            await invitations.accept(session, invitation.id, member.id, now)
            if also is not None:
                await also(session, member)
            self_made = Principal(
                tenant_id=secret.tenant_id,
                member_id=member.id,
                role=Role(member.role),
                session_id="invitation",
                expires_at=now,
            )
            await note(
                session,
                entry(
                    self_made,
                    "invitation.accepted",
                    "member",
                    member.id,
                    at=now,
                    invitation=invitation.id,
                    role=member.role,
                ),
            )
            return member

        member = await self._administration.alone(secret.tenant_id, work)
        return Accepted(secret.tenant_id, member, secret.id)


async def add(change: Change, secret: Secret, *, email: str, name: str | None, role: Role) -> None:
    """Keep a new invitation, within whatever else a change does."""
    await invitations.add(
        change.session,
        InvitationRecord(
            id=secret.id,
            email=email,
            name=name,
            role=role.value,
            secret_hash=secret.hash,
            created_by=change.principal.member_id,
            created_at=change.at,
            expires_at=change.at + LIFETIME,
        ),
    )
    await change.note("member.invited", "invitation", secret.id, role=role.value)


def checked(email: str, name: str | None, at: str = "") -> tuple[str, str | None]:
    """An address in small letters, and a name, as they are kept. ``at``: where they stand.

    Raises:
        InvalidInput: with every problem.
    """
    problems: list[Problem] = []
    email = email.strip().lower()
    if not _ADDRESS.fullmatch(email) or not email.isprintable():
        message = "This is no address of electronic mail, such as ada@example.com."
        mend = "Give the address to which you will send the invitation."
        problems.append(Problem(f"{at}email", "WRONG_TYPE", message, mend))
    if name is not None:
        name = name_of(name, f"{at}name", problems)
    if problems:
        raise InvalidInput.of(problems)
    return email, name


def no_invitation() -> NotFound:
    return NotFound("There is no such invitation.")


async def _joined(
    session: WriteSession, invitation: InvitationRecord, name: str | None, now: datetime
) -> MemberRecord:
    """The member that comes of an invitation."""
    there = await members.find_subject(session, invitation.email)
    called = name or invitation.name
    if there is None:
        member = MemberRecord(
            id=new_id(),
            subject=invitation.email,
            name=called or invitation.email.partition("@")[0],
            role=invitation.role,
            email=invitation.email,
            joined_at=now,
            changed_at=now,
        )
        await members.add(session, member)
        return member
    if there.state == "ACTIVE":
        raise Conflict("You are a member already. Sign in.")
    member = replace(
        there,
        name=called or there.name,
        role=invitation.role,
        state="ACTIVE",
        email=invitation.email,
        joined_at=now,
        changed_at=now,
    )
    await members.change(session, member)
    return member
