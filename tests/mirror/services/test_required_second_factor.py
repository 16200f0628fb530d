"""A tenant may ask for a second factor: who has none sets one up, and does nothing before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pyotp import TOTP

from services.api_keys import NewKey
from services.errors import Forbidden
from services.principal import ALLOWED, Action, Principal, Role
from services.standing import Terms
from services.tenant_settings import TenantSettings, Wanted
from store.database import Database
from store.directory import Directory
from store.tenants import Tenants
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
ADMIN = somebody(OWNER, Role.OWNER)


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Desk]:
    async with desk(database) as made:
        yield made


async def asked_for(here: Desk, wanted: bool, by: Principal = ADMIN) -> Terms:
    """Have the tenant ask for a second factor, or no longer; its terms after that."""
    settings = TenantSettings(
        Tenants(here.database), Directory(here.database), here.administration, here.standings
    )
    await settings.update(by, Wanted(second_factor=wanted))
    return await here.standings.terms(OURS)


async def now(here: Desk, principal: Principal) -> Principal:
    return (await here.standings.of(principal)).principal


async def enrolled(here: Desk, principal: Principal) -> TOTP:
    app = TOTP((await here.identity.enrolments.begin(principal)).secret)
    await here.identity.enrolments.confirm(principal, app.at(here.clock()))
    return app


async def test_without_one_nothing_may_be_done_but_setting_it_up(here: Desk) -> None:
    before = (await here.sign_in()).principal
    assert await here.standings.still(before)
    assert (await asked_for(here, True)).second_factor
    tokens = await here.sign_in()
    for principal in (before, tokens.principal):
        found = await now(here, principal)
        assert [action for action in Action if found.may(action)] == [Action.OWN_ACCESS]
        with pytest.raises(Forbidden, match=r"asks for a second factor.*beginSecondFactor"):
            found.require(Action.READ_TENANT)
        assert not await here.standings.still(principal), "its sockets end"
    refreshed = await here.identity.signed_in.refresh(tokens.refresh)
    assert (await now(here, refreshed.principal)).enrols
    app = await enrolled(here, await now(here, refreshed.principal))
    for principal in (before, tokens.principal):
        assert await here.standings.still(principal), "at once, and for every session"
    here.clock.advance(seconds=30)
    await here.identity.enrolments.disable(before, PASSWORD, app.at(here.clock()))
    assert (await now(here, before)).enrols, "turned off, it is missing again"


async def test_who_has_one_goes_on_until_an_administrator_takes_it_away(here: Desk) -> None:
    tokens = await here.sign_in()
    await enrolled(here, tokens.principal)
    await asked_for(here, True)
    assert await here.standings.still(tokens.principal)
    await here.identity.enrolments.reset(ADMIN, ADA, None)
    assert (await now(here, tokens.principal)).enrols


async def test_keys_and_who_signs_in_elsewhere_are_not_concerned(here: Desk) -> None:
    await asked_for(here, True)
    elsewhere = await here.identity.signed_in.begin(OURS, ADA, "OIDC")
    made = await here.identity.keys.make(somebody(), NewKey(name="x", scopes=[Action.VALUE]), None)
    by_key = await here.identity.keys.principal_by(str(made.text))
    for principal in (elsewhere.principal, by_key, somebody()):
        assert await now(here, principal) == principal


async def test_who_was_invited_begins_with_it_and_who_may_changes_it(here: Desk) -> None:
    await asked_for(here, True)
    invited = await here.identity.signed_in.begin(OURS, ADA, "INVITATION")
    limited = await now(here, invited.principal)
    assert limited.enrols
    changed: list[Any] = [
        limited,
        *(somebody(ADA, role) for role in Role if Action.MANAGE_TENANT not in ALLOWED[role]),
    ]
    for nobody in changed:
        with pytest.raises(Forbidden):
            await asked_for(here, False, nobody)
    assert not (await asked_for(here, False)).second_factor
    assert await here.standings.still(invited.principal)
    assert (await here.audit()).count("tenant.updated") == 2
