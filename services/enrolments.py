"""Second factors: turned on with a code, off with password and code, or by an administrator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services import second_factor
from services.accounts import AccountService, used_by
from services.administration import Administration, Change
from services.audit import entry
from services.errors import Conflict, InvalidInput, NotFound, Problem, Unsupported
from services.members import reachable
from services.principal import Action, Principal
from services.sealing import Sealer
from services.second_factor import Enrolment, Factor
from services.signing import Clock
from services.standing import Standings
from store import accounts
from store.accounts import AccountRecord, Accounts
from store.audit import note
from store.database import Database

_WRONG: Final = Problem(
    "code",
    "CONTRADICTION",
    "The code is not right, or was used before.",
    "Wait for the next one, and see that the device's clock is right.",
)


class Enrolments:
    """Everybody's."""

    def __init__(
        self,
        database: Database,
        service: AccountService,
        sealer: Sealer,
        administration: Administration,
        standings: Standings,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._service = database, service
        self._accounts = Accounts(database)
        self._sealer, self._administration, self._clock = sealer, administration, clock
        self._standings = standings

    async def begin(self, principal: Principal) -> Enrolment:
        """A secret for an authenticator app, shown once. It counts from `confirm` on.

        Raises:
            Unsupported: for who has no password here. Conflict: if there is a factor already.
        """
        account = await self._own(principal)
        if account.totp_since is not None:
            raise _there_is_one()
        person = await self._accounts.member(principal.tenant_id, principal.member_id)
        subject = person.subject if person else str(principal.member_id)
        made = second_factor.enrol(self._sealer, principal.tenant_id, principal.member_id, subject)
        async with self._database.writing(principal.tenant_id) as session:
            if not await accounts.offer_factor(session, principal.member_id, made.sealed):
                raise _there_is_one()  # confirmed since we looked
        return made

    async def confirm(self, principal: Principal, code: str) -> list[str]:
        """Turn it on, with a code of the app; ten spare codes, shown once.

        Raises:
            InvalidInput: for a wrong code. Conflict: if there is nothing to confirm.
        """
        account = await self._own(principal)
        if account.totp is None or account.totp_since is not None:
            raise Conflict("There is no second factor to confirm. Begin one first.")
        await self._service.slow_down(principal)
        factor = Factor(principal.tenant_id, principal.member_id, account.totp, None, "[]")
        now = self._clock()
        step = second_factor.step_of(self._sealer, factor, code.strip(), now)
        if step is None:
            raise InvalidInput.of([_WRONG])
        codes, recovery = second_factor.spare_codes(
            self._sealer, principal.tenant_id, principal.member_id
        )
        async with self._database.writing(principal.tenant_id) as session:
            done = await accounts.confirm_factor(
                session, principal.member_id, account.totp, step=step, recovery=recovery, at=now
            )
            if done:
                on = entry(principal, "second_factor.on", "member", principal.member_id)
                await note(session, on)
        if not done:
            raise Conflict("The second factor was begun anew meanwhile. Scan the newest code.")
        self._standings.changed(principal.tenant_id)
        return codes

    async def disable(self, principal: Principal, password: str, code: str) -> None:
        """Turn it off.

        Raises:
            InvalidInput: for a wrong password or code. Conflict: if there is none.
        """
        account = await self._own(principal)
        if account.totp_since is None:
            raise Conflict("You have no second factor.")
        await self._service.prove_again(principal, account, password, "password")
        used = used_by(self._sealer, principal.tenant_id, account, code, self._clock())
        if used is None:
            raise InvalidInput.of([_WRONG])
        async with self._database.writing(principal.tenant_id) as session:
            await accounts.drop_factor(session, principal.member_id)
            off = entry(principal, "second_factor.off", "member", principal.member_id)
            await note(session, off)
        self._standings.changed(principal.tenant_id)

    async def reset(self, principal: Principal, member_id: UUID, operation_id: str | None) -> None:
        """Take a member's second factor away, who has lost it.

        Raises:
            NotFound: if there is none. Forbidden: for a member above the caller.
            IdempotencyKeyReused.
        """
        principal.require(Action.MANAGE_ACCESS)

        async def work(change: Change) -> dict[str, str]:
            await reachable(change, member_id)
            account = await accounts.find(change.session, member_id)
            if account is None or account.totp_since is None:
                raise NotFound("There is no such member who has a second factor.")
            await accounts.drop_factor(change.session, member_id)
            await change.note("second_factor.reset", "member", member_id)
            return {}

        await self._administration.change(
            principal, "resetSecondFactor", str(member_id), operation_id, work
        )

    async def spares_left(self, principal: Principal) -> int | None:
        """How many spare codes the caller has left; None: no second factor."""
        account = await self._service.of_caller(principal)
        if account is None or account.totp_since is None:
            return None
        factor = Factor(principal.tenant_id, principal.member_id, None, None, account.recovery)
        return second_factor.spares_left(self._sealer, factor)

    async def _own(self, principal: Principal) -> AccountRecord:
        account = await self._service.of_caller(principal)
        if account is None or not account.password_hash:
            raise Unsupported(
                "A second factor belongs to a password, and you have none here: your "
                "organisation's identity provider asks for it."
            )
        return account


def _there_is_one() -> Conflict:
    return Conflict("You have a second factor. Turn it off before you set up another.")
