"""Sessions: signing in, refresh tokens, and their end.

A refresh token is good once. The next one follows from it and from a salt that only the server
knows, so whoever repeats a token because the answer was lost, or because two tabs asked at once,
gets the same next one, for a few seconds. After that a repeat means that somebody else has it too,
and the whole session ends.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from services.audit import entry
from services.authentication import LIFETIME, Issuer
from services.credentials import Secret, hash_of
from services.errors import Forbidden, NotFound, Unauthenticated
from services.ids import new_id
from services.principal import Action, Principal, Role
from services.signing import Clock, Keyring
from services.standing import Standings, session_of
from store import sessions
from store.audit import note
from store.database import Database
from store.session import WriteSession
from store.sessions import SessionRecord, Sessions
from store.standing import Standings as StandingStore

REFRESH: Final = "vr"
LASTS: Final = timedelta(days=30)  # whatever is done
IDLE: Final = timedelta(days=7)  # without a refresh
LOST_ANSWER: Final = timedelta(seconds=10)  # in which a used token may come once more
LISTED: Final = 100
_FAMILY: Final = 16  # bytes that all refresh tokens of a session share
_AGENT_MAX: Final = 200  # characters

__all__ = ["REFRESH", "SessionRecord", "SignedIn", "Tokens"]

Method: TypeAlias = Literal["PASSWORD", "OIDC", "INVITATION"]
Also: TypeAlias = Callable[[WriteSession], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a client gets that signed in, or refreshed."""

    access: str
    expires_at: datetime  # of the access token
    refresh: str
    refresh_until: datetime  # unless it is used before
    principal: Principal  # whom the access token proves

    @property
    def session_id(self) -> str:
        return self.principal.session_id


class SignedIn:
    """Everybody's sessions."""

    def __init__(
        self,
        database: Database,
        standings: Standings,
        issuer: str,
        keyring: Keyring,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._standings = database, standings
        self._sessions, self._members = Sessions(database), StandingStore(database)
        self._issuer, self._keyring, self._clock = issuer, keyring, clock

    async def begin(
        self,
        tenant_id: UUID,
        member_id: UUID,
        method: Method,
        agent: str | None = None,
        also: Also | None = None,
    ) -> Tokens:
        """Sign a member in who has proved who they are; ``also`` is written along with it.

        Raises:
            Unauthenticated: if they are no member any more.
            Forbidden: if the tenant is suspended.
        """
        role = await self._role(tenant_id, member_id)
        async with self._database.writing(tenant_id) as session:
            tokens = await self.begin_in(session, member_id, role, method, agent)
            if also is not None:
                await also(session)
        return tokens

    async def begin_in(
        self,
        session: WriteSession,
        member_id: UUID,
        role: Role,
        method: Method,
        agent: str | None = None,
    ) -> Tokens:
        """The same, in a transaction that does more."""
        now = self._clock()
        secret = Secret.new(REFRESH, session.tenant_id, new_id())
        record = SessionRecord(
            id=secret.id,
            member_id=member_id,
            method=method,
            family_hash=hash_of(secret.bits[:_FAMILY]),
            refresh_hash=secret.hash,
            created_at=now,
            used_at=now,
            expires_at=now + LASTS,
            agent=agent[:_AGENT_MAX] if agent else None,
        )
        await sessions.add(session, record)
        tokens = self._tokens(session.tenant_id, record, secret, role)
        began = entry(
            tokens.principal, "session.began", "session", secret.id, at=now, method=method
        )
        await note(session, began)
        return tokens

    async def refresh(self, text: str) -> Tokens:
        """New tokens for the newest refresh token of a session.

        Raises:
            Unauthenticated: for anything else. A token that was used before ends its session.
            Forbidden: if the tenant is suspended.
        """
        given = self._read(text)
        found = await self._sessions.find(given.tenant_id, given.id)
        self._check(given, found)
        assert found is not None  # noqa: S101 - `_check` has seen to it
        role = await self._role(given.tenant_id, found.member_id)
        async with self._database.writing(given.tenant_id) as session:
            now = self._clock()
            salt = secrets.token_bytes(32)
            following = _following(given, salt)
            becomes = replace(
                found,
                refresh_hash=following.hash,
                previous_hash=given.hash,
                salt=salt.hex(),
                refreshes=found.refreshes + 1,
                used_at=now,
            )
            if given.matches(found.refresh_hash) and await sessions.rotate(session, found, becomes):
                return self._tokens(given.tenant_id, becomes, following, role)
            # It is not the newest, or was until a moment ago.
            found = await sessions.find(session, given.id)
            if found is not None and _is_lost_answer(given, found, now):
                following = _following(given, bytes.fromhex(found.salt or ""))
                return self._tokens(given.tenant_id, found, following, role)
            ended = await sessions.end(session, given.id, "REFRESH_REUSED", now)
            if ended:
                await note(session, entry(None, "session.reused", "session", given.id, at=now))
        if ended:
            self._standings.changed(given.tenant_id)
        raise Unauthenticated

    async def leave(self, text: str) -> None:
        """Sign out, by a refresh token of the session. What is none ends nothing, silently."""
        try:
            given = self._read(text)
            found = await self._sessions.find(given.tenant_id, given.id)
            self._check(given, found)
        except Unauthenticated:
            return
        if found is not None:
            # Which role it is does not matter to who signs out, nor to the record of it.
            by = self._principal(given.tenant_id, found, Role.VIEWER)
            await self._end(given.tenant_id, found.id, "SIGNED_OUT", by=by)

    async def of_member(
        self, principal: Principal, member_id: UUID | None = None
    ) -> list[SessionRecord]:
        """A member's sessions that can go on, the newest first; None: the caller's own.

        Raises:
            Forbidden: for somebody else's, if the caller may not manage access.
        """
        self._require(principal, member_id)
        now = self._clock()
        return await self._sessions.of_member(
            principal.tenant_id,
            member_id or principal.member_id,
            now=now,
            since=now - IDLE,
            limit=LISTED,
        )

    async def end(self, principal: Principal, session_id: UUID) -> None:
        """End a session of one's own; of anybody's, for who may manage access.

        Raises:
            NotFound: if there is none that the caller may end.
        """
        principal.require(Action.OWN_ACCESS)
        found = await self._sessions.find(principal.tenant_id, session_id)
        mine = found is not None and found.member_id == principal.member_id
        if found is None or not (mine or principal.may(Action.MANAGE_ACCESS)):
            raise NotFound("There is no such session.")
        await self._end(principal.tenant_id, session_id, "ENDED", by=principal)

    async def end_others(self, principal: Principal) -> int:
        """End all sessions of one's own but the one that asks; how many."""
        principal.require(Action.OWN_ACCESS)
        now = self._clock()
        async with self._database.writing(principal.tenant_id) as session:
            ended = await sessions.end_all(
                session,
                principal.member_id,
                "ENDED",
                now,
                but=session_of(principal.session_id),
            )
            if ended:
                done = entry(
                    principal, "sessions.ended", "member", principal.member_id, count=ended
                )
                await note(session, done)
        if ended:
            self._standings.changed(principal.tenant_id)
        return ended

    async def _end(self, tenant_id: UUID, session_id: UUID, why: str, *, by: Principal) -> None:
        async with self._database.writing(tenant_id) as session:
            if await sessions.end(session, session_id, why, self._clock()):
                await note(session, entry(by, "session.ended", "session", session_id, why=why))
        self._standings.changed(tenant_id)

    def _require(self, principal: Principal, member_id: UUID | None) -> None:
        mine = member_id is None or member_id == principal.member_id
        principal.require(Action.OWN_ACCESS if mine else Action.MANAGE_ACCESS)

    def _read(self, text: str) -> Secret:
        given = Secret.read(REFRESH, text)
        if given is None:
            raise Unauthenticated
        return given

    def _check(self, given: Secret, found: SessionRecord | None) -> None:
        """
        Raises:
            Unauthenticated: unless it was a token of a session that can go on.
        """
        # Who only knows the session's id, which access tokens tell, must not be able to end it.
        family = hash_of(given.bits[:_FAMILY])
        known = hmac.compare_digest(family, found.family_hash if found else "0" * 64)
        now = self._clock()
        if (
            found is None
            or not known
            or found.ended_at is not None
            or found.expires_at <= now
            or found.used_at + IDLE <= now
        ):
            raise Unauthenticated

    async def _role(self, tenant_id: UUID, member_id: UUID) -> Role:
        """What a member is now.

        Raises:
            Unauthenticated: if they are none. Forbidden: if the tenant is suspended.
        """
        member = await self._members.member(tenant_id, member_id)
        if member is None or member.state != "ACTIVE":
            raise Unauthenticated
        terms = await self._standings.terms(tenant_id)
        if terms.suspended is not None:
            raise Forbidden(f"This tenant is suspended. {terms.suspended}".rstrip())
        return Role(member.role)

    def _tokens(
        self, tenant_id: UUID, record: SessionRecord, refresh: Secret, role: Role
    ) -> Tokens:
        issuer = Issuer(self._issuer, self._keyring.signing(), self._clock)
        principal = self._principal(tenant_id, record, role)
        access = issuer.issue(tenant_id, record.member_id, role, session_id=str(record.id))
        return Tokens(
            access=access,
            expires_at=principal.expires_at,
            refresh=refresh.text,
            refresh_until=min(record.expires_at, record.used_at + IDLE),
            principal=principal,
        )

    def _principal(self, tenant_id: UUID, record: SessionRecord, role: Role) -> Principal:
        return Principal(
            tenant_id=tenant_id,
            member_id=record.member_id,
            role=role,
            session_id=str(record.id),
            expires_at=self._clock().replace(microsecond=0) + LIFETIME,  # as the token says it
        )


def _following(given: Secret, salt: bytes) -> Secret:
    """The token after this one: by both, so neither who has it nor who reads the row can tell."""
    family = given.bits[:_FAMILY]
    return replace(given, bits=family + hmac.digest(salt, given.bits, "sha256")[:_FAMILY])


def _is_lost_answer(given: Secret, found: SessionRecord, now: datetime) -> bool:
    """Whether it is the token before the newest one, used a moment ago."""
    return (
        found.ended_at is None
        and given.matches(found.previous_hash)
        and now - found.used_at <= LOST_ANSWER
    )
