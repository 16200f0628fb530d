"""Members: who they are, what they may do, and how they leave. What they wrote stays theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.errors import Conflict, Forbidden, NotFound, QuotaExceeded
from services.ids import new_id
from services.principal import ALLOWED, Action, Principal, Role
from services.shapes import is_readable
from services.standing import terms_of
from store import invitations, members, tenants
from store.directory import SYSTEM
from store.session import ReadSession, WriteSession
from store.tenants import MemberRecord, Tenants

# Whoever may use the database itself, in a terminal: a member of nothing, so no token is theirs.
TERMINAL: Final = UUID("00000000-0000-7000-8000-000000000002")
NAME_MOST: Final = 200  # characters
_RANK: Final = {role: number for number, role in enumerate(Role)}  # the mightiest first


class MemberService:
    """Who belongs to the caller's tenant, and as what."""

    def __init__(self, tenants: Tenants, administration: Administration) -> None:
        self._tenants, self._administration = tenants, administration

    async def change_role(
        self, principal: Principal, member_id: UUID, role: Role, operation_id: str | None = None
    ) -> MemberRecord:
        """Have a member be something else. Sessions stay, and are felt to allow less at once.

        Raises:
            NotFound; Forbidden: for a role, or a member, above the caller's own.
            Conflict: for the last owner.
        """
        principal.require(Action.MANAGE_MEMBERS)

        async def work(change: Change) -> dict[str, str]:
            before = await reachable(change, member_id)
            await check_role(change, role)
            if before.role == role.value:
                return {"member": str(member_id)}
            await _keep_an_owner(change.session, before, after=role)
            after = replace(before, role=role.value, changed_at=change.at)
            await members.change(change.session, after)
            await change.note(
                "member.role_changed", "member", member_id, before=before.role, after=role.value
            )
            return {"member": str(member_id)}

        asked = [str(member_id), role.value]
        await self._administration.change(principal, "changeRole", asked, operation_id, work)
        return await self._found(principal, member_id)

    async def remove(
        self, principal: Principal, member_id: UUID, operation_id: str | None = None
    ) -> MemberRecord:
        """End a membership with every session and key. Models and authorship stay.

        Of somebody who is no member any more, nothing changes.

        Raises:
            NotFound; Forbidden: for a member above the caller. Conflict: for the last owner.
        """
        principal.require(Action.MANAGE_MEMBERS)

        async def work(change: Change) -> dict[str, str]:
            before = await members.find(change.session, member_id)
            if before is not None and before.state != "ACTIVE":
                return {"member": str(member_id)}
            before = await reachable(change, member_id)
            await _keep_an_owner(change.session, before, after=None)
            after = replace(before, state="REMOVED", changed_at=change.at)
            await members.change(change.session, after)
            sessions, keys = await members.end_access(
                change.session,
                member_id,
                by=principal.member_id,
                why="REMOVED",
                at=change.at,
            )
            await change.note(
                "member.removed",
                "member",
                member_id,
                role=before.role,
                sessions=sessions,
                keys=keys,
            )
            return {"member": str(member_id)}

        asked = str(member_id)
        await self._administration.change(principal, "removeMember", asked, operation_id, work)
        return await self._found(principal, member_id)

    async def create_service_account(
        self, principal: Principal, name: str, role: Role, operation_id: str | None = None
    ) -> MemberRecord:
        """A member that is a program: it has no password, only keys.

        Raises:
            InvalidInput; Forbidden: for a role above the caller's. QuotaExceeded.
        """
        principal.require(Action.MANAGE_ACCESS)
        problems: list[Problem] = []
        name = name_of(name, "name", problems)
        if problems:
            raise InvalidInput.of(problems)

        async def work(change: Change) -> dict[str, str]:
            await check_role(change, role)
            await require_seat(change.session, change.at)
            member_id = new_id()
            member = MemberRecord(
                id=member_id,
                subject=f"service-{member_id}",
                name=name,
                role=role.value,
                kind="SERVICE",
                joined_at=change.at,
                changed_at=change.at,
            )
            await members.add(change.session, member)
            await change.note(
                "member.service_account_created", "member", member_id, role=role.value
            )
            return {"member": str(member_id)}

        asked = [name, role.value]
        made = await self._administration.change(
            principal, "createServiceAccount", asked, operation_id, work
        )
        return await self._found(principal, made.id("member"))

    async def _found(self, principal: Principal, member_id: UUID) -> MemberRecord:
        member = await self._tenants.member(principal.tenant_id, member_id)
        if member is None:
            raise no_member()
        return member


def no_member() -> NotFound:
    return NotFound("There is no such member.")


def name_of(given: str, at: str, problems: list[Problem]) -> str:
    """What people are called, without white space around it; the problem with it is added."""
    name = given.strip()
    if not is_readable(name, NAME_MOST):
        message = f"A name has 1 to {NAME_MOST} characters, all of which can be seen."
        problems.append(Problem(at, "WRONG_LENGTH", message, "Give the name as people write it."))
    return name


async def check_role(change: Change, role: Role) -> None:
    """
    Raises:
        Forbidden: if whoever makes the change may not make somebody this.
    """
    if (role is Role.OPERATOR) != (change.session.tenant_id == SYSTEM):
        raise Forbidden("Operators belong to the system's tenant, and nobody else does.")
    if _RANK[role] < _RANK[await _acting(change)]:
        raise Forbidden(f"Nobody makes somebody {role} who is less than that.")


async def may_still_give(session: ReadSession, giver: UUID, role: Role) -> bool:
    """Whether what somebody promised holds: who was removed since, or is less, gives it no more.

    Who is no member at all is an operator, whose word needs no member behind it.
    """
    member = await members.find(session, giver)
    if member is None:
        return True
    there = Role(member.role)
    able = Action.MANAGE_MEMBERS in ALLOWED[there]
    return member.state == "ACTIVE" and able and _RANK[there] <= _RANK[role]


async def require_seat(session: WriteSession, now: datetime, *, invited: bool = True) -> None:
    """See to it that the plan has room for one more, with those who are ``invited`` or without.

    Raises:
        QuotaExceeded.
    """
    tenant = await tenants.find(session)
    if tenant is None:
        raise NotFound("There is no such tenant.")
    terms = terms_of(tenant)
    most = terms.limits.members
    if most is None:
        return
    taken = await members.count(session)
    if invited:
        taken += await invitations.count_open(session, now)
    if taken >= most:
        raise QuotaExceeded(
            f"The {terms.plan} plan holds {most:,} members, service accounts and open invitations "
            "among them. Remove one, revoke an invitation, or change the plan."
        )


async def _acting(change: Change) -> Role:
    """As what whoever makes the change is there at this moment, whatever their token says.

    Raises:
        Forbidden: if that is nobody who may say who belongs to the tenant.
    """
    principal = change.principal
    for_another = change.session.tenant_id != principal.tenant_id
    if for_another or principal.member_id == TERMINAL:
        return principal.role
    member = await members.find(change.session, principal.member_id)
    if member is None or member.state != "ACTIVE":
        raise Forbidden("You have left the tenant.")
    role = max(principal.role, Role(member.role), key=_RANK.__getitem__)
    replace(principal, role=role, scopes=None).require(Action.MANAGE_MEMBERS)
    return role


async def reachable(change: Change, member_id: UUID) -> MemberRecord:
    """The member, if they may be changed by whoever makes the change.

    Raises:
        NotFound. Forbidden: for a member above whoever it is.
    """
    member = await members.find(change.session, member_id)
    if member is None or member.state != "ACTIVE":
        raise no_member()
    if _RANK[Role(member.role)] < _RANK[await _acting(change)]:
        raise Forbidden(f"The member is {member.role}: only one who is that, too, changes them.")
    return member


async def _keep_an_owner(
    session: WriteSession, before: MemberRecord, *, after: Role | None
) -> None:
    """
    Raises:
        Conflict: if the tenant would be left without anybody who may do everything.
    """
    role = Role(before.role)
    if role not in (Role.OWNER, Role.OPERATOR) or after is role or before.kind != "PERSON":
        return
    # A program is not counted: it cannot sign in and make somebody else owner.
    if await members.count_people(session, role.value) <= 1:
        raise Conflict(f"This is the last {role}. Make somebody else one first.")
