"""Tokens, codes and passwords that are good once are used once, whoever races for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from store import accounts, api_keys, sessions
from store.accounts import Accounts
from store.api_keys import ApiKeyRecord, ApiKeys
from store.database import Database
from store.sessions import SessionRecord, Sessions
from store.tenants import Tenants
from tests.mirror.store.world import LATER, NOON, OURS, THEIRS, content_id, member

pytestmark = pytest.mark.anyio
ID, ADA = UUID(int=50), member(60)


def session(number: int = 50, **changes: Any) -> SessionRecord:
    plain: dict[str, Any] = {
        "id": UUID(int=number),
        "member_id": ADA.id,
        "method": "PASSWORD",
        "family_hash": content_id("family"),
        "refresh_hash": content_id("first"),
        "created_at": NOON,
        "used_at": NOON,
        "expires_at": NOON + timedelta(days=30),
        "agent": "test",
    }
    return SessionRecord(**(plain | changes))


@pytest.fixture
async def ours(database: Database) -> Database:
    await Tenants(database).join(OURS, ADA)
    return database


async def test_of_two_who_use_one_token_at_once_one_is_first(ours: Database) -> None:
    async with ours.writing(OURS) as writing:
        await sessions.add(writing, session())

    async def rotate(name: str) -> bool:
        becomes = replace(
            session(), refresh_hash=content_id(name), previous_hash=content_id("first"), salt="00"
        )
        async with ours.writing(OURS) as writing:
            return await sessions.rotate(writing, session(), becomes)

    assert sorted(await asyncio.gather(*map(rotate, ("one", "two", "three")))) == [
        False,
        False,
        True,
    ]
    kept = await Sessions(ours).find(OURS, ID)
    assert kept is not None
    assert kept.previous_hash == content_id("first")
    assert await Sessions(ours).find(THEIRS, ID) is None


async def test_a_session_ends_once_and_is_no_longer_among_those_that_go_on(
    ours: Database,
) -> None:
    async with ours.writing(OURS) as writing:
        await sessions.add(writing, session())
        await sessions.add(writing, session(51, created_at=LATER))
        await sessions.add(writing, session(52, expires_at=NOON))
        await sessions.add(writing, session(53, used_at=NOON - timedelta(days=8)))

    async def live() -> list[int]:
        found = await Sessions(ours).of_member(
            OURS, ADA.id, now=LATER, since=NOON - timedelta(days=7), limit=10
        )
        return [each.id.int for each in found]

    assert await live() == [51, 50]
    async with ours.writing(OURS) as writing:
        assert await sessions.end(writing, ID, "ENDED", LATER)
        assert not await sessions.end(writing, ID, "ENDED", LATER)
        assert not await sessions.rotate(writing, session(), session(refresh_hash=content_id(2)))
        assert await sessions.end_all(writing, ADA.id, "ENDED", LATER, but=UUID(int=51)) == 2
    assert await live() == [51]


async def test_a_code_is_used_by_one_of_all_who_have_it(ours: Database) -> None:
    async with ours.writing(OURS) as writing:
        await accounts.put_password(writing, ADA.id, "hash", NOON)
        assert await accounts.offer_factor(writing, ADA.id, "sealed")
        assert await accounts.confirm_factor(
            writing, ADA.id, "sealed", step=5, recovery="spares", at=NOON
        )
        assert not await accounts.confirm_factor(
            writing, ADA.id, "another", step=5, recovery="spares", at=NOON
        )
        assert not await accounts.offer_factor(writing, ADA.id, "another")

    async def use(step: int) -> bool:
        async with ours.writing(OURS) as writing:
            return await accounts.use_step(writing, ADA.id, step)

    async def spend(_: int) -> bool:
        async with ours.writing(OURS) as writing:
            return await accounts.use_spare(writing, ADA.id, "spares", "fewer")

    assert sum(await asyncio.gather(*map(use, (6, 6, 6)))) == 1
    assert not await use(5)
    assert sum(await asyncio.gather(*map(spend, (1, 2, 3)))) == 1
    kept = await Accounts(ours).find(OURS, ADA.id)
    assert kept is not None
    assert (kept.totp_step, kept.recovery) == (6, "fewer")


async def test_what_one_change_of_an_account_writes_another_leaves_alone(ours: Database) -> None:
    async with ours.writing(OURS) as writing:
        await accounts.offer_reset(writing, ADA.id, content_id("way"), LATER, NOON)
        assert not await accounts.reset_password(
            writing, ADA.id, content_id("other"), "wrong", LATER
        )
        assert await accounts.reset_password(writing, ADA.id, content_id("way"), "first", LATER)
        assert not await accounts.reset_password(writing, ADA.id, content_id("way"), "again", LATER)
        assert await accounts.offer_factor(writing, ADA.id, "sealed")
        assert [await accounts.failed(writing, ADA.id) for _ in range(3)] == [1, 2, 3]
        assert await accounts.failed(writing, UUID(int=99)) == 0
        await accounts.lock(writing, ADA.id, LATER)
        await accounts.rehash(writing, ADA.id, "wrong", "lost")
        await accounts.rehash(writing, ADA.id, "first", "second")
    kept = await Accounts(ours).find(OURS, ADA.id)
    assert kept is not None
    assert (kept.password_hash, kept.totp, kept.failures) == ("second", "sealed", 3)
    async with ours.writing(OURS) as writing:
        assert not await accounts.succeeded(writing, ADA.id, "first", '["elsewhere"]')
        assert await accounts.succeeded(writing, ADA.id, "second", '["here"]')
        await accounts.put_password(writing, ADA.id, "third", LATER)
    kept = await Accounts(ours).find(OURS, ADA.id)
    assert kept is not None
    assert (kept.password_hash, kept.totp, kept.places) == ("third", "sealed", '["here"]')
    assert (kept.failures, kept.locked_until) == (0, None)


async def test_keys_are_found_by_whom_they_are_and_end_once(ours: Database) -> None:
    key = ApiKeyRecord(
        id=UUID(int=70),
        member_id=ADA.id,
        name="Nightly",
        secret_hash=content_id("secret"),
        scopes="[]",
        created_by=ADA.id,
        created_at=NOON,
        expires_at=None,
    )
    store = ApiKeys(ours)
    async with ours.writing(OURS) as writing:
        await api_keys.add(writing, key)
        assert await api_keys.count(writing) == 1
    await store.used(OURS, key.id, LATER)
    assert await store.find(OURS, key.id) == replace(key, used_at=LATER)
    assert await store.find(THEIRS, key.id) is None
    assert [each.id for each in await store.live(OURS, 10, ADA.id)] == [key.id]
    assert await store.live(OURS, 10, UUID(int=1)) == []
    async with ours.writing(OURS) as writing:
        assert await api_keys.end(writing, key.id, ADA.id, LATER)
        assert not await api_keys.end(writing, key.id, ADA.id, LATER)
        assert await api_keys.count(writing) == 0
    assert await store.live(OURS, 10) == []
