"""An API key acts as its member, does no more than its scopes, and is told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.api_keys import MadeKey, NewKey
from services.credentials import Credential, Secret
from services.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    Unauthenticated,
)
from services.principal import Action, Principal, Role
from store.database import Database
from tests.mirror.services.signing_in import ADA, OWNER, ROBOT, Desk, desk, somebody
from tests.mirror.store.world import OURS, THEIRS

pytestmark = pytest.mark.anyio
ADMIN = somebody(OWNER, Role.OWNER)
READS = frozenset({Action.READ_MODEL, Action.READ_VALUATION})


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Desk]:
    async with desk(database) as made:
        yield made


async def made(here: Desk, by: Principal | None = None, **changes: Any) -> MadeKey:
    plain: dict[str, Any] = {"name": "Nightly", "scopes": READS}
    operation_id = changes.pop("operation_id", None)
    return await here.identity.keys.make(
        by or somebody(), NewKey(**(plain | changes)), operation_id
    )


async def proved(here: Desk, text: str | None) -> Principal:
    return await here.identity.authenticator.admitted(Credential(str(text)))


async def test_a_key_acts_as_its_member_within_its_scopes(here: Desk) -> None:
    key = await made(here)
    assert key.text is not None
    assert key.text.startswith("vk_dev_")
    principal = await proved(here, key.text)
    assert (principal.tenant_id, principal.member_id) == (OURS, ADA)
    principal.require(Action.READ_MODEL)
    with pytest.raises(Forbidden):
        principal.require(Action.EDIT_MODEL)
    assert key.key.secret_hash not in key.text
    assert (await here.audit())[-1] == "key.made"


async def test_a_repeat_finds_the_key_but_not_its_secret(here: Desk) -> None:
    first = await made(here, operation_id="one")
    again = await made(here, operation_id="one")
    assert (again.key.id, again.text) == (first.key.id, None)
    with pytest.raises(IdempotencyKeyReused):
        await made(here, operation_id="one", name="Another")


async def test_a_service_accounts_key_is_made_by_who_manages_access(here: Desk) -> None:
    with pytest.raises(Forbidden):
        await made(here, member_id=ROBOT)
    key = await made(here, ADMIN, member_id=ROBOT)
    assert (await proved(here, key.text)).member_id == ROBOT
    for nobody in (ADA, UUID(int=9)):
        with pytest.raises(NotFound):
            await made(here, ADMIN, member_id=nobody)


async def test_everything_that_is_wrong_with_a_wish_is_said_at_once(here: Desk) -> None:
    wish = {
        "name": " ",
        "scopes": {Action.MANAGE_TENANT, Action.OWN_ACCESS, Action.READ_MODEL},
        "expires_at": here.clock(),
    }
    with pytest.raises(InvalidInput) as no:
        await made(here, **wish)
    assert [problem.path for problem in no.value.problems] == [
        "input.name",
        "input.scopes",
        "input.scopes",
        "input.expiresAt",
    ]
    with pytest.raises(InvalidInput):
        await made(here, scopes=[])


async def test_nobody_gives_a_key_what_they_may_not_do_themselves(here: Desk) -> None:
    narrow = somebody(scopes=frozenset({Action.MAKE_KEY, Action.READ_MODEL}))
    with pytest.raises(InvalidInput, match="nothing that you may do"):
        await made(here, narrow, scopes={Action.EDIT_MODEL})


async def test_a_key_ends_when_it_says_and_when_it_is_revoked(here: Desk) -> None:
    short = await made(here, expires_at=here.clock() + timedelta(hours=1))
    long = await made(here)
    assert (await proved(here, short.text)).expires_at == short.key.expires_at
    here.clock.advance(hours=1)
    with pytest.raises(Unauthenticated):
        await proved(here, short.text)
    await proved(here, long.text)
    with pytest.raises(NotFound):
        await here.identity.keys.revoke(somebody(UUID(int=7)), long.key.id, None)
    ended = await here.identity.keys.revoke(ADMIN, long.key.id, None)
    assert ended.ended_at is not None
    with pytest.raises(Unauthenticated):
        await proved(here, long.text)
    assert (await here.identity.keys.revoke(ADMIN, long.key.id, None)).ended_at == ended.ended_at
    assert (await here.audit()).count("key.revoked") == 1
    assert [key.id for key in await here.identity.keys.live(somebody())] == [short.key.id]


async def test_one_sees_ones_own_keys_and_who_manages_access_all(here: Desk) -> None:
    mine, robots = await made(here), await made(here, ADMIN, member_id=ROBOT)
    assert [key.id for key in await here.identity.keys.live(somebody())] == [mine.key.id]
    every = await here.identity.keys.live(ADMIN, of_all=True)
    assert {key.id for key in every} == {mine.key.id, robots.key.id}
    with pytest.raises(Forbidden):
        await here.identity.keys.live(somebody(), of_all=True)


async def test_what_is_no_key_is_refused_alike_and_a_slip_without_the_database(
    here: Desk,
) -> None:
    key = await made(here)
    given = Secret.read("vk_dev", str(key.text))
    assert given is not None
    well_formed = [
        Secret("vk_dev", OURS, given.id, bytes(32)),
        Secret("vk_dev", THEIRS, given.id, given.bits),
        Secret("vk_dev", OURS, UUID(int=5), given.bits),
    ]
    slips = [
        str(key.text)[:-1],
        str(key.text)[:-1] + ("a" if str(key.text)[-1] != "a" else "b"),
        str(key.text).replace("vk_dev", "vk_live"),
        Secret("vk_live", OURS, given.id, given.bits).text,
        "vk_",
        "vk_dev_" + "x" * 10_000,
    ]
    messages = set()
    for text in [secret.text for secret in well_formed] + slips:
        with pytest.raises(Unauthenticated) as no:
            await proved(here, text)
        messages.add(no.value.message)
    assert len(messages) == 1
    await here.database.close()
    for text in slips:
        with pytest.raises(Unauthenticated):
            await here.identity.keys.principal_by(text)


async def test_a_key_is_looked_up_once_a_minute_and_its_use_written_as_often(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await made(here)
    looks = []
    real = here.identity.keys._keys.find

    async def find_key(tenant_id: UUID, key_id: UUID) -> Any:
        looks.append(key_id)
        return await real(tenant_id, key_id)

    monkeypatch.setattr(here.identity.keys._keys, "find", find_key)
    monkeypatch.setattr(here.identity.keys, "_timer", here.clock.timer)
    used = set()
    for _ in range(6):
        for _ in range(5):
            await here.identity.keys.principal_by(str(key.text))
        await here.identity.keys.settled()
        kept = await real(OURS, key.key.id)
        assert kept is not None
        used.add(kept.used_at)
        here.clock.advance(seconds=20)
    assert len(looks) == 2
    assert len(used) == 2
