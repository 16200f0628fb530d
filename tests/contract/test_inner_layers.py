"""Layers that stand behind another, each asked by itself: the outer one would hide its absence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.api_keys import NewKey
from services.errors import Unauthenticated
from services.principal import Action, Role
from store.migrate import migrate
from tests.mirror.services.signing_in import OWNER, Desk, desk, somebody
from tests.mirror.store.world import opened, settle

pytestmark = pytest.mark.anyio


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Desk]:
    url = f"sqlite:///{tmp_path}/valor.db"
    await migrate(url)
    async with opened(url) as database:
        await settle(database)
        async with desk(database) as made:
            yield made


async def test_a_revoked_key_proves_nothing_before_anybody_asks_for_its_standing(
    here: Desk,
) -> None:
    owner = somebody(OWNER, Role.OWNER)
    asked = NewKey(name="Nightly", scopes={Action.READ_MODEL})
    keys = here.identity.keys
    kept, ended = await keys.make(owner, asked, None), await keys.make(owner, asked, None)
    await keys.revoke(owner, ended.key.id, None)
    assert (await keys.principal_by(str(kept.text))).member_id == OWNER
    with pytest.raises(Unauthenticated):
        await keys.principal_by(str(ended.text))
