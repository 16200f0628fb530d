"""Local accounts: signing in with a password, and how one is chosen, changed and lost.

Whatever is wrong, a stranger hears one sentence after the same work: of an unknown tenant, an
unknown name, a wrong password, an account that is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

import orjson

from observability.logs import Log
from services import passwords as rules
from services import second_factor
from services.administration import Administration, Change
from services.attempts import Attempts, network_of, too_many
from services.audit import entry
from services.credentials import Secret
from services.errors import InvalidInput, Problem, Unauthenticated, Unsupported
from services.members import no_member, reachable
from services.passwords import Passwords
from services.principal import Action, Principal, Role
from services.sealing import Sealer
from services.second_factor import Factor
from services.signed_in import SignedIn, Tokens
from services.signing import Clock
from services.standing import Standings, session_of
from store import accounts, sessions
from store.accounts import AccountRecord, Accounts, Person
from store.audit import note
from store.database import Database
from store.directory import SYSTEM, Directory
from store.session import WriteSession
from store.tenants import MemberRecord

RESET: Final = "vp"
RESET_FOR: Final = timedelta(hours=24)
FREE_FAILURES: Final = 5  # until an account is locked for a while
LOCKED_FOR: Final = timedelta(seconds=30)  # at first; twice as long each time
LOCKED_AT_MOST: Final = timedelta(minutes=15)
PLACES: Final = 8  # addresses of an account that are remembered
_NOBODY: Final = UUID(int=0)


class SecondFactorWanted(Unauthenticated):
    """The password was right, and a code of the second factor did not come with it."""

    def __init__(self, message: str | None = None) -> None:
        wanted = "Send `code`, too: six digits of your authenticator app, or a recovery code."
        super().__init__(message or wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What somebody gives to sign in."""

    tenant: str  # its short name
    subject: str
    password: str
    code: str | None
    address: str  # where it comes from
    agent: str | None


class Invitations(Protocol):
    """Who makes members of those who were invited."""

    async def accept(
        self,
        text: str,
        *,
        name: str | None,
        also: Callable[[WriteSession, MemberRecord], Awaitable[None]] | None,
    ) -> object: ...


class AccountService:
    """Accounts of all tenants."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        standings: Standings,
        signed_in: SignedIn,
        passwords: Passwords,
        attempts: Attempts,
        sealer: Sealer,
        administration: Administration,
        invitations: Invitations,
        log: Log,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._directory, self._standings = database, directory, standings
        self._accounts = Accounts(database)
        self._signed_in, self._passwords, self._attempts = signed_in, passwords, attempts
        self._sealer, self._administration = sealer, administration
        self._invitations = invitations
        self._log, self._clock = log, clock
        self._counting: set[asyncio.Task[None]] = set()

    async def sign_in(self, asked: SignIn) -> Tokens:
        """
        Raises:
            Unauthenticated: whatever is wrong. SecondFactorWanted: the code is missing.
            Forbidden: if the tenant is suspended, to who proved to be in it.
            RateLimited: after too many tries. Overloaded: while too many sign in.
        """
        await self._attempts.from_address(asked.address)
        early_s = await self._attempts.as_name(asked.tenant, asked.subject)
        tenant_id = await self._directory.find("SLUG", asked.tenant)
        # Who is not there is looked for all the same: it takes as long.
        home = tenant_id or SYSTEM
        person = await self._accounts.by_subject(home, asked.subject)
        account = await self._accounts.find(home, person.id if person else _NOBODY)
        place = _place(account, asked.address)
        known = account is not None and place in orjson.loads(account.places)
        if early_s and not known:
            raise too_many(early_s)
        stored = account.password_hash if account else None
        right = await self._passwords.is_right(stored, asked.password)
        now = self._clock()
        # Strangers who lock an account do not lock out who signs in from where they did before.
        locked = account is not None and not known and (account.locked_until or now) > now
        if (
            tenant_id is None
            or person is None
            or account is None
            or locked
            or person.state != "ACTIVE"
            or person.kind != "PERSON"
        ):
            raise Unauthenticated
        used = self._factor(tenant_id, account, asked.code) if right else None
        if used is None:
            self._count(self._failed(tenant_id, account.member_id))
            raise Unauthenticated
        renewed = None
        if self._passwords.is_dated(account.password_hash):
            renewed = await self._passwords.hash(rules.normal(asked.password))

        async def proved(session: WriteSession) -> None:
            # Whoever changed the password meanwhile ended all sessions, and this is not there yet.
            places, was = _with(account.places, place), account.password_hash
            if not (
                await _use(session, account, used)
                and await accounts.succeeded(session, account.member_id, was, places)
            ):
                raise Unauthenticated
            if renewed is not None:
                await accounts.rehash(session, account.member_id, account.password_hash, renewed)

        tokens = await self._signed_in.begin(tenant_id, person.id, "PASSWORD", asked.agent, proved)
        await self._attempts.was_right(asked.address)
        return tokens

    async def accept(
        self, invitation: str, password: str, name: str | None, address: str, agent: str | None
    ) -> Tokens:
        """Become a member by an invitation, with a password, and be signed in.

        Raises:
            InvalidInput: for a password that may not be one.
            Unauthenticated, Forbidden, QuotaExceeded: as invitations do. RateLimited, Overloaded.
        """
        await self._attempts.from_address(address)
        plain = rules.check(password, name)
        hashed = await self._passwords.hash(plain)
        tokens: list[Tokens] = []

        async def also(session: WriteSession, member: MemberRecord) -> None:
            rules.check(password, member.name, member.subject)
            now = self._clock()
            await accounts.put_password(session, member.id, hashed, now)
            await accounts.drop_factor(session, member.id)  # of an earlier membership
            role = Role(member.role)
            began = await self._signed_in.begin_in(session, member.id, role, "INVITATION", agent)
            tokens.append(began)

        await self._invitations.accept(invitation, name=name, also=also)
        return tokens[-1]

    async def change_password(self, principal: Principal, current: str, new: str) -> int:
        """Choose another password; how many other sessions ended.

        Raises:
            InvalidInput: if the current one is wrong, or the new one may not be one.
            Unsupported: for who has no password here. RateLimited, Overloaded.
        """
        principal.require(Action.OWN_ACCESS)
        person, account = await self._own(principal)
        plain = rules.check(new, person.name, person.subject, path="new")
        await self.prove_again(principal, account, current, "current")
        hashed = await self._passwords.hash(plain)
        now = self._clock()
        async with self._database.writing(principal.tenant_id) as session:
            await accounts.put_password(session, person.id, hashed, now)
            mine = session_of(principal.session_id)
            ended = await sessions.end_all(session, person.id, "PASSWORD_CHANGED", now, but=mine)
            await note(session, entry(principal, "password.changed", "member", person.id))
        self._standings.changed(principal.tenant_id)
        return ended

    async def offer_reset(
        self, principal: Principal, member_id: UUID, operation_id: str | None
    ) -> tuple[str | None, datetime]:
        """A way for a member to a new password, told once (None: it was told before), and its end.

        Raises:
            NotFound: if there is no such member. Forbidden: for one above the caller.
            IdempotencyKeyReused.
        """
        principal.require(Action.MANAGE_ACCESS)
        secret = Secret.new(RESET, principal.tenant_id, member_id)

        async def work(change: Change) -> dict[str, str]:
            # The secret is told to the caller, who could sign in with it: as nobody above them.
            if (await reachable(change, member_id)).kind != "PERSON":
                raise no_member()
            until = change.at + RESET_FOR
            await accounts.offer_reset(change.session, member_id, secret.hash, until, change.at)
            await change.note("password.reset_offered", "member", member_id)
            return {"until": until.isoformat()}

        made = await self._administration.change(
            principal, "resetPassword", str(member_id), operation_id, work
        )
        until = datetime.fromisoformat(made.answer["until"])
        return (secret.text if made.fresh else None), until

    async def reset(self, text: str, password: str, address: str) -> None:
        """Choose a password by a way that an administrator offered. All sessions end.

        Raises:
            Unauthenticated: if it is none, or was used, or is over.
            InvalidInput: for a password that may not be one. RateLimited, Overloaded.
        """
        await self._attempts.from_address(address)
        given = Secret.read(RESET, text)
        if given is None:
            raise Unauthenticated
        person = await self._accounts.member(given.tenant_id, given.id)
        account = await self._accounts.find(given.tenant_id, given.id)
        right = given.matches(account.reset_hash if account else None)
        now = self._clock()
        if person is None or account is None or not right or person.state != "ACTIVE":
            raise Unauthenticated
        if account.reset_until is None or account.reset_until <= now:
            raise Unauthenticated
        plain = rules.check(password, person.name, person.subject)
        hashed = await self._passwords.hash(plain)
        async with self._database.writing(given.tenant_id) as session:
            done = await accounts.reset_password(session, person.id, given.hash, hashed, now)
            if done:
                await sessions.end_all(session, person.id, "PASSWORD_RESET", now)
                await note(session, entry(None, "password.reset", "member", person.id))
        if not done:
            raise Unauthenticated
        self._standings.changed(given.tenant_id)

    async def prove_again(
        self, principal: Principal, account: AccountRecord, password: str, path: str
    ) -> None:
        """See that whoever is signed in knows the password.

        Raises:
            InvalidInput: if not. RateLimited, Overloaded.
        """
        await self.slow_down(principal)
        if not await self._passwords.is_right(account.password_hash, password):
            problem = Problem(path, "CONTRADICTION", "This is not your password.", "Type it again.")
            raise InvalidInput.of([problem])

    async def slow_down(self, principal: Principal) -> None:
        """Count a try of somebody who is signed in: a stolen token must not find a password out.

        Raises:
            RateLimited.
        """
        early_s = await self._attempts.as_name(str(principal.tenant_id), str(principal.member_id))
        if early_s:
            raise too_many(early_s)

    async def of_caller(self, principal: Principal) -> AccountRecord | None:
        """The caller's own account."""
        principal.require(Action.OWN_ACCESS)
        return await self._accounts.find(principal.tenant_id, principal.member_id)

    async def settled(self) -> None:
        """Once every failure so far is counted."""
        await asyncio.gather(*self._counting, return_exceptions=True)

    async def close(self) -> None:
        """Count what is left, and begin nothing more."""
        await self.settled()
        self._passwords.close()

    async def _own(self, principal: Principal) -> tuple[Person, AccountRecord]:
        person = await self._accounts.member(principal.tenant_id, principal.member_id)
        account = await self._accounts.find(principal.tenant_id, principal.member_id)
        if person is None or account is None or not account.password_hash:
            raise Unsupported(
                "You have no password here. Sign in the way that your organisation has set up."
            )
        return person, account

    def _factor(self, tenant_id: UUID, account: AccountRecord, code: str | None) -> Used | None:
        """What of the second factor is used up by this code; None: it is not right.

        Raises:
            SecondFactorWanted: if there is no code, and there has to be one.
        """
        if account.totp_since is None:
            return Used()
        if not code:
            raise SecondFactorWanted
        return used_by(self._sealer, tenant_id, account, code, self._clock())

    def _count(self, work: Awaitable[None]) -> None:
        """Write it down after the answer: else a name that is there would take longer."""
        task = asyncio.ensure_future(work)
        self._counting.add(task)
        task.add_done_callback(self._counted)

    def _counted(self, task: asyncio.Task[None]) -> None:
        self._counting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.warning("a failed sign-in was not counted")

    async def _failed(self, tenant_id: UUID, member_id: UUID) -> None:
        async with self._database.writing(tenant_id) as session:
            failures = await accounts.failed(session, member_id)
            if not failures:
                return
            if failures >= FREE_FAILURES:
                doubled = min(failures - FREE_FAILURES, 10)
                until = self._clock() + min(LOCKED_AT_MOST, LOCKED_FOR * 2**doubled)
                await accounts.lock(session, member_id, until)
            await note(
                session, entry(None, "session.refused", "member", member_id, failures=failures)
            )


@dataclass(frozen=True, slots=True)
class Used:
    """What of a second factor is used up by a code."""

    step: int | None = None  # of the app
    recovery: str | None = None  # what is left of the spare codes, as it is stored


def used_by(
    sealer: Sealer, tenant_id: UUID, account: AccountRecord, code: str, now: datetime
) -> Used | None:
    """What a code of the app, or a spare one, uses up; None: it is neither."""
    factor = Factor(tenant_id, account.member_id, account.totp, account.totp_step, account.recovery)
    step = second_factor.step_of(sealer, factor, code.strip(), now)
    if step is not None:
        return Used(step=step)
    left = second_factor.without(sealer, factor, code)
    return None if left is None else Used(recovery=left)


async def _use(session: WriteSession, account: AccountRecord, used: Used) -> bool:
    """Use it up. False: it was used a moment ago."""
    if used.step is not None:
        return await accounts.use_step(session, account.member_id, used.step)
    if used.recovery is not None:
        return await accounts.use_spare(session, account.member_id, account.recovery, used.recovery)
    return True


def _place(account: AccountRecord | None, address: str) -> str:
    """An address, as an account remembers it: a hash that means nothing for another account."""
    whose = account.member_id if account else _NOBODY
    return sha256(f"{whose}\0{network_of(address)}".encode()).hexdigest()[:32]


def _with(places: str, place: str) -> str:
    """The newest first, and not too many."""
    known = [each for each in orjson.loads(places) if each != place]
    return orjson.dumps([place, *known][:PLACES]).decode()
