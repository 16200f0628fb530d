"""API keys: a machine's way in, as one of the tenant's members, narrowed to scopes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any, Final
from uuid import UUID

import orjson

from observability.logs import Log
from services.administration import Administration, Change
from services.credentials import Secret
from services.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Overloaded,
    Problem,
    Unauthenticated,
)
from services.ids import new_id
from services.principal import ALLOWED, IN_PERSON, Action, Principal, Role
from services.signing import Clock
from services.standing import KEY_SESSION
from store import api_keys
from store.accounts import Accounts
from store.api_keys import ApiKeyRecord, ApiKeys
from store.database import Database

__all__ = ["ApiKeyRecord", "ApiKeyService", "MadeKey", "NewKey", "scopes_of"]

NAME_MAX: Final = 100  # characters
KEYS_MAX: Final = 100  # of a tenant at one time
LASTS_AT_MOST: Final = timedelta(days=5 * 366)
USED_EVERY_S: Final = 60.0  # how often it is written down that a key was used
_FRESH_S: Final = 60.0  # for which a proved key is remembered; `Standings` looks sooner
_REMEMBERED: Final = 1_024
_LOOKS_MAX: Final = 32  # at one time, of keys that are not remembered
_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class _Proved:
    principal: Principal
    key_id: UUID
    at_s: float
    told_s: float  # when it was written down last that it was used


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made. ``text`` is told once: None in the answer to a repeat."""

    key: ApiKeyRecord
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What is asked for."""

    name: str
    scopes: Collection[Action]
    expires_at: datetime | None = None  # None: never
    member_id: UUID | None = None  # a service account; None: the caller


class ApiKeyService:
    """Keys of all tenants."""

    def __init__(
        self,
        database: Database,
        administration: Administration,
        environment: str,
        log: Log,
        clock: Clock = lambda: datetime.now(UTC),
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """``environment``: live or dev; a key of one is none in the other."""
        self._keys, self._members = ApiKeys(database), Accounts(database)
        self._administration, self._log = administration, log
        self._prefix = f"vk_{environment}"
        self._clock, self._timer = clock, timer
        self._proved: OrderedDict[bytes, _Proved] = OrderedDict()
        self._looks = 0
        self._telling: set[asyncio.Task[None]] = set()

    async def principal_by(self, text: str) -> Principal:
        """Whom a key acts as, and what it may do.

        Raises:
            Unauthenticated: for anything but a key that is good now.
            DatabaseAway, DatabaseBusy, Overloaded: if it cannot be looked up.
        """
        digest, now_s = sha256(text.encode()).digest(), self._timer()
        known = self._proved.get(digest)
        if known is None or now_s - known.at_s >= _FRESH_S:
            given = Secret.read(self._prefix, text)
            if given is None:  # mistyped, or of another deployment: the database is not asked
                raise Unauthenticated
            principal = await self._look(given)
            told_s = known.told_s if known else now_s - USED_EVERY_S
            known = self._proved[digest] = _Proved(principal, given.id, now_s, told_s)
            if len(self._proved) > _REMEMBERED:
                self._proved.popitem(last=False)
        if known.principal.expires_at <= self._clock():
            raise Unauthenticated
        if now_s - known.told_s >= USED_EVERY_S:
            known.told_s = now_s
            self._tell(known)
        return known.principal

    async def make(self, principal: Principal, asked: NewKey, operation_id: str | None) -> MadeKey:
        """
        Raises:
            InvalidInput: with everything that is wrong. NotFound: for no service account.
            Conflict: if there are too many. Forbidden, IdempotencyKeyReused.
        """
        mine = asked.member_id is None or asked.member_id == principal.member_id
        principal.require(Action.MAKE_KEY if mine else Action.MANAGE_ACCESS)
        member_id = asked.member_id or principal.member_id
        member = await self._members.member(principal.tenant_id, member_id)
        if member is None or member.state != "ACTIVE" or not (mine or member.kind == "SERVICE"):
            raise NotFound("There is no such service account.")
        scopes = self._checked(principal, Role(member.role), asked)
        secret = Secret.new(self._prefix, principal.tenant_id, new_id())

        async def work(change: Change) -> dict[str, Any]:
            if await api_keys.count(change.session) >= KEYS_MAX:
                raise Conflict(f"A tenant has at most {KEYS_MAX} API keys. Revoke one first.")
            key = ApiKeyRecord(
                id=secret.id,
                member_id=member_id,
                name=asked.name.strip(),
                secret_hash=secret.hash,
                scopes=orjson.dumps(scopes).decode(),
                created_by=principal.member_id,
                created_at=change.at,
                expires_at=asked.expires_at,
            )
            await api_keys.add(change.session, key)
            await change.note("key.made", "key", secret.id, scopes=scopes, of=member_id)
            return {"key": str(secret.id)}

        expires = asked.expires_at.isoformat() if asked.expires_at else None
        wanted = [asked.name, scopes, expires, str(member_id)]
        made = await self._administration.change(
            principal, "createApiKey", wanted, operation_id, work
        )
        key = await self._keys.find(principal.tenant_id, made.id("key"))
        assert key is not None  # noqa: S101 - no key is ever removed
        return MadeKey(key, secret.text if made.fresh else None)

    async def live(self, principal: Principal, *, of_all: bool = False) -> list[ApiKeyRecord]:
        """Keys that were not revoked, the newest first: the caller's own, or the tenant's."""
        principal.require(Action.MANAGE_ACCESS if of_all else Action.OWN_ACCESS)
        whose = None if of_all else principal.member_id
        return await self._keys.live(principal.tenant_id, KEYS_MAX, whose)

    async def revoke(
        self, principal: Principal, key_id: UUID, operation_id: str | None
    ) -> ApiKeyRecord:
        """End a key of one's own; anybody's, for who may manage access.

        Raises:
            NotFound: if there is none that the caller may end. IdempotencyKeyReused.
        """
        principal.require(Action.OWN_ACCESS)
        found = await self._keys.find(principal.tenant_id, key_id)
        mine = found is not None and found.member_id == principal.member_id
        if found is None or not (mine or principal.may(Action.MANAGE_ACCESS)):
            raise NotFound("There is no such API key.")

        async def work(change: Change) -> dict[str, Any]:
            if await api_keys.end(change.session, key_id, principal.member_id, change.at):
                await change.note("key.revoked", "key", key_id, of=found.member_id)
            return {"key": str(key_id)}

        await self._administration.change(
            principal, "revokeApiKey", str(key_id), operation_id, work
        )
        ended = await self._keys.find(principal.tenant_id, key_id)
        return ended or found

    async def settled(self) -> None:
        """Once every use so far is written down."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _checked(self, principal: Principal, role: Role, asked: NewKey) -> list[str]:
        problems = []
        name = asked.name.strip()
        if not (1 <= len(name) <= NAME_MAX and name.isprintable()):
            problems.append(
                Problem(
                    "input.name",
                    "WRONG_LENGTH",
                    "A key's name has 1 to 100 characters that can be printed.",
                    "Say what it is for.",
                )
            )
        if not asked.scopes:
            problems.append(
                Problem(
                    "input.scopes",
                    "MISSING",
                    "A key without scopes may do nothing.",
                    "Name the permissions that it needs, and no others.",
                )
            )
        for action in sorted(set(asked.scopes), key=list(Action).index):
            mend = "Leave it out."
            if action in IN_PERSON:
                why = "is done in person, by no key"
            elif action not in ALLOWED[role]:
                why = f"is nothing that the role {role} allows"
                mend = "Leave it out, or give the member another role."
            elif not principal.may(action):
                why = "is nothing that you may do yourself"
            else:
                continue
            problems.append(
                Problem(
                    "input.scopes",
                    "OUT_OF_RANGE",
                    f"{action.name} {why}.",
                    mend,
                )
            )
        now, expires = self._clock(), asked.expires_at
        if expires is not None and not now < expires <= now + LASTS_AT_MOST:
            problems.append(
                Problem(
                    "input.expiresAt",
                    "OUT_OF_RANGE",
                    "A key ends in the future, and within five years.",
                    "Ninety days from now, for instance; or leave it out.",
                )
            )
        if problems:
            raise InvalidInput.of(problems)
        return sorted({action.name for action in asked.scopes})

    async def _look(self, given: Secret) -> Principal:
        if self._looks >= _LOOKS_MAX:
            raise Overloaded("Too many API keys are looked up right now. Try again in a moment.")
        self._looks += 1
        try:
            key = await self._keys.find(given.tenant_id, given.id)
            right = given.matches(key.secret_hash if key else None)
            if key is None or not right or key.ended_at is not None:
                raise Unauthenticated
            member = await self._members.member(given.tenant_id, key.member_id)
        finally:
            self._looks -= 1
        if member is None or member.state != "ACTIVE":
            raise Unauthenticated
        return Principal(
            tenant_id=given.tenant_id,
            member_id=key.member_id,
            role=Role(member.role),
            session_id=f"{KEY_SESSION}{key.id}",
            expires_at=key.expires_at or _NEVER,
            scopes=scopes_of(key),
        )

    def _tell(self, known: _Proved) -> None:
        used = self._keys.used(known.principal.tenant_id, known.key_id, self._clock())
        task = asyncio.ensure_future(used)
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.warning("the use of an API key was not written down")


def scopes_of(key: ApiKeyRecord) -> frozenset[Action]:
    """What a key may do at most. What the product no longer knows, it may not."""
    names: list[str] = orjson.loads(key.scopes)
    return frozenset(Action[name] for name in names if name in Action.__members__)
