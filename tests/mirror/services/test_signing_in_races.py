"""Two things at once about one account: neither undoes the other, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pyotp import TOTP

from services.errors import Conflict, Forbidden, Unauthenticated
from services.principal import Role
from store import members
from store.database import Database
from tests.mirror.services.signing_in import ADA, OWNER, PASSWORD, Desk, desk, somebody
from tests.mirror.store.conftest import (
    database,
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import OURS

__all__ = [
    "database",
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "sqlite_template",
]
pytestmark = pytest.mark.anyio
NEW = "seven loud herons on a hill"


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Desk]:
    async with desk(database) as made:
        yield made


async def test_who_signs_in_by_a_password_that_is_just_changed_is_not_in(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in, accounts = here.identity.signed_in, here.identity.accounts
    begin = signed_in.begin

    async def changed_first(*given: Any) -> Any:
        await accounts.change_password(somebody(), PASSWORD, NEW)
        return await begin(*given)

    monkeypatch.setattr(type(signed_in), "begin", lambda _, *given: changed_first(*given))
    with pytest.raises(Unauthenticated):
        await here.sign_in()
    assert await signed_in.of_member(somebody()) == []


async def test_failures_at_one_time_are_all_counted(here: Desk) -> None:
    async def fail(number: int) -> None:
        with pytest.raises(Unauthenticated):
            await here.sign_in(password="wrong", address=f"192.0.2.{number}")

    await asyncio.gather(*map(fail, range(9)))
    await here.identity.accounts.settled()
    account = await here.identity.accounts.of_caller(somebody())
    assert account is not None
    assert account.failures == 9


async def test_a_second_factor_that_was_just_confirmed_is_not_begun_anew(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolments = here.identity.enrolments
    first = await enrolments.begin(somebody())
    member = enrolments._accounts.member

    async def confirmed_first(*given: Any) -> Any:
        await enrolments.confirm(somebody(), TOTP(first.secret).at(here.clock()))
        return await member(*given)

    monkeypatch.setattr(enrolments._accounts, "member", confirmed_first)
    with pytest.raises(Conflict):
        await enrolments.begin(somebody())
    assert await enrolments.spares_left(somebody()) == 10


async def test_nobody_comes_in_as_a_member_above_them(here: Desk) -> None:
    async with here.database.writing(OURS) as session:
        ada = await members.find(session, ADA)
        assert ada is not None
        await members.change(session, replace(ada, role="ADMIN"))
    admin, owner = somebody(ADA, Role.ADMIN), somebody(OWNER, Role.OWNER)
    accounts, enrolments = here.identity.accounts, here.identity.enrolments
    with pytest.raises(Forbidden, match="OWNER"):
        await accounts.offer_reset(admin, OWNER, None)
    with pytest.raises(Forbidden, match="OWNER"):
        await enrolments.reset(admin, OWNER, None)
    assert await accounts.of_caller(owner) is None, "nothing was offered"
    secret, _ = await accounts.offer_reset(owner, ADA, None)
    assert secret
