"""Local accounts: passwords and second factors, one row for each member who has one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import AccountRow, MemberRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """How a member proves who they are."""

    member_id: UUID
    password_hash: str  # argon2id in its own form; "" until one is chosen
    changed_at: datetime  # with a zone, as all of them
    failures: int = 0  # since the last success
    locked_until: datetime | None = None
    totp: str | None = None  # the secret, sealed
    totp_since: datetime | None = None  # confirmed; None: it was only asked for
    totp_step: int | None = None  # the newest that was used
    recovery: str = "[]"  # sealed: hashes of codes that were not used
    places: str = "[]"  # JSON: hashes of addresses that sign-ins came from
    reset_hash: str | None = None  # of a way to a new password
    reset_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member, as far as signing in has to know."""

    id: UUID
    subject: str
    name: str
    role: str
    state: str
    kind: str


_ALL = tuple(field.name for field in fields(AccountRecord))
_PERSON = tuple(field.name for field in fields(Person))
_FIND = scope.select(AccountRow, *_ALL).where(scope.equals(AccountRow, "member_id"))
_BY_SUBJECT = scope.select(MemberRow, *_PERSON).where(scope.equals(MemberRow, "subject"))
_MEMBER = scope.select(MemberRow, *_PERSON).where(scope.equals(MemberRow, "id"))
_MINE = scope.equals(AccountRow, "member_id", called="of_member")
_PASSWORD = scope.update(
    AccountRow,
    "password_hash",
    "changed_at",
    "failures",
    "locked_until",
    "reset_hash",
    "reset_until",
).where(_MINE)
_RESET_PASSWORD = _PASSWORD.where(scope.equals(AccountRow, "reset_hash", called="was"))
_REHASH = scope.update(AccountRow, "password_hash").where(
    _MINE, scope.equals(AccountRow, "password_hash", called="was")
)
_SUCCEEDED = scope.update(AccountRow, "failures", "locked_until", "places").where(
    _MINE, scope.equals(AccountRow, "password_hash", called="was")
)
# Counted by the database: of two who read the same number, one failure would be lost.
_FAILED = (
    scope.update(AccountRow).values(failures=scope.column(AccountRow, "failures") + 1).where(_MINE)
)
_LOCK = scope.update(AccountRow, "locked_until").where(_MINE)
_STEP = scope.column(AccountRow, "totp_step")
_USE_STEP = scope.update(AccountRow, "totp_step").where(
    _MINE, _STEP.is_(None) | (scope.given(AccountRow, "totp_step", "now") > _STEP)
)
_USE_SPARE = scope.update(AccountRow, "recovery").where(
    _MINE, scope.equals(AccountRow, "recovery", called="was")
)
_FACTOR = scope.update(AccountRow, "totp", "totp_since", "totp_step", "recovery").where(_MINE)
_OFFER_FACTOR = _FACTOR.where(scope.column(AccountRow, "totp_since").is_(None))
_CONFIRM = _FACTOR.where(scope.equals(AccountRow, "totp", called="was"))
_OFFER_RESET = scope.update(AccountRow, "reset_hash", "reset_until").where(_MINE)

_NO_FACTOR: Final = {"totp": None, "totp_since": None, "totp_step": None, "recovery": "[]"}


class Accounts:
    """Accounts of each tenant. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_subject(self, tenant_id: UUID, subject: str) -> Person | None:
        row = await self._database.first(tenant_id, _BY_SUBJECT, subject=subject)
        return None if row is None else Person(**dict(zip(_PERSON, row, strict=True)))

    async def member(self, tenant_id: UUID, member_id: UUID) -> Person | None:
        row = await self._database.first(tenant_id, _MEMBER, id=member_id)
        return None if row is None else Person(**dict(zip(_PERSON, row, strict=True)))

    async def find(self, tenant_id: UUID, member_id: UUID) -> AccountRecord | None:
        row = await self._database.first(tenant_id, _FIND, member_id=member_id)
        return None if row is None else AccountRecord(**dict(zip(_ALL, row, strict=True)))


async def find(session: ReadSession, member_id: UUID) -> AccountRecord | None:
    """A member's account, as the transaction sees it."""
    row = await session.first(_FIND, member_id=member_id)
    return None if row is None else AccountRecord(**row)


async def put_password(
    session: WriteSession, member_id: UUID, password_hash: str, at: datetime
) -> None:
    """A member has this password from now on, and no failures."""
    values = _with_password(password_hash, at)
    if await session.execute(_PASSWORD, of_member=member_id, **values) == 0:
        fresh = AccountRecord(member_id=member_id, password_hash=password_hash, changed_at=at)
        await session.add_if_absent(AccountRow, **asdict(fresh))


async def reset_password(
    session: WriteSession, member_id: UUID, reset_hash: str, password_hash: str, at: datetime
) -> bool:
    """The same, by a way that an administrator offered. False: it was used, or there is another."""
    values = _with_password(password_hash, at)
    changed = await session.execute(_RESET_PASSWORD, of_member=member_id, was=reset_hash, **values)
    return changed == 1


async def rehash(session: WriteSession, member_id: UUID, was: str, password_hash: str) -> None:
    """The same password, hashed with other parameters."""
    await session.execute(_REHASH, of_member=member_id, was=was, password_hash=password_hash)


async def offer_reset(
    session: WriteSession, member_id: UUID, reset_hash: str, until: datetime, at: datetime
) -> None:
    """A way to a new password; who had none has an account from now on."""
    values = {"reset_hash": reset_hash, "reset_until": until}
    if await session.execute(_OFFER_RESET, of_member=member_id, **values) == 0:
        fresh = AccountRecord(
            member_id=member_id,
            password_hash="",
            changed_at=at,
            reset_hash=reset_hash,
            reset_until=until,
        )
        await session.add_if_absent(AccountRow, **asdict(fresh))


async def succeeded(session: WriteSession, member_id: UUID, was: str, places: str) -> bool:
    """They proved who they are, from one of these places. False: by a password of before."""
    values = {"failures": 0, "locked_until": None, "places": places}
    return await session.execute(_SUCCEEDED, of_member=member_id, was=was, **values) == 1


async def failed(session: WriteSession, member_id: UUID) -> int:
    """Somebody did not; how often now, since the last success. 0: there is no such account."""
    if await session.execute(_FAILED, of_member=member_id) == 0:
        return 0
    account = await find(session, member_id)  # ours until the transaction ends
    return account.failures if account else 0


async def lock(session: WriteSession, member_id: UUID, until: datetime) -> None:
    """Take no password for a while."""
    await session.execute(_LOCK, of_member=member_id, locked_until=until)


async def use_step(session: WriteSession, member_id: UUID, step: int) -> bool:
    """An app's code is used. False: it, or a later one, was used before."""
    changed = await session.execute(_USE_STEP, of_member=member_id, totp_step=step, now=step)
    return changed == 1


async def use_spare(session: WriteSession, member_id: UUID, was: str, recovery: str) -> bool:
    """A spare code is used. False: one was used meanwhile."""
    changed = await session.execute(_USE_SPARE, of_member=member_id, was=was, recovery=recovery)
    return changed == 1


async def offer_factor(session: WriteSession, member_id: UUID, totp: str) -> bool:
    """A second factor that is not confirmed yet. False: one is on."""
    changed = await session.execute(
        _OFFER_FACTOR, of_member=member_id, **{**_NO_FACTOR, "totp": totp}
    )
    return changed == 1


async def drop_factor(session: WriteSession, member_id: UUID) -> None:
    """There is no second factor any more."""
    await session.execute(_FACTOR, of_member=member_id, **_NO_FACTOR)


async def confirm_factor(
    session: WriteSession, member_id: UUID, totp: str, *, step: int, recovery: str, at: datetime
) -> bool:
    """It counts from now on. False: it is another one meanwhile."""
    changed = await session.execute(
        _CONFIRM,
        of_member=member_id,
        was=totp,
        totp=totp,
        totp_since=at,
        totp_step=step,
        recovery=recovery,
    )
    return changed == 1


def _with_password(password_hash: str, at: datetime) -> dict[str, object]:
    return {
        "password_hash": password_hash,
        "changed_at": at,
        "failures": 0,
        "locked_until": None,
        "reset_hash": None,
        "reset_until": None,
    }
