"""What was sealed under an old key is sealed anew, as often as one likes, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from joserfc.jwk import OctKey
from pyotp import TOTP

from api.keys import temporary_keys
from services.resealing import reseal
from services.sealing import Sealer, kid_of
from services.signing import Keyring, Keys, kid_at
from store import identity_providers, seals, tables, webhooks
from store.database import Database
from store.identity_providers import ProviderRecord
from store.seals import PLACES, Seals
from store.webhooks import WebhookRecord
from tests.mirror.services.signing_in import ADA, Desk, desk, somebody
from tests.mirror.store.conftest import (
    database,
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import OURS, THEIRS

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
NOW = datetime.now(UTC)
ALL = [OURS, THEIRS]


def sealing(name: str, ago: timedelta) -> OctKey:
    return OctKey.generate_key(256, {"kid": kid_at(NOW - ago, name)})


OLD, NEW = sealing("old", timedelta(days=30)), sealing("new", timedelta(hours=1))


def sealer(*keys: OctKey) -> Sealer:
    others = temporary_keys()._now()
    return Sealer(Keyring(lambda: Keys(others.signing, others.auditing, keys)))


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Desk]:
    """Ada has a second factor, both tenants a provider and a webhook: all sealed under `OLD`."""
    old = sealer(OLD)
    async with desk(database) as made:
        for user in (made.identity.enrolments, made.identity.accounts):
            user._sealer = old
        app = TOTP((await made.identity.enrolments.begin(somebody())).secret)
        await made.identity.enrolments.confirm(somebody(), app.at(made.clock()))
        for number, tenant_id in enumerate(ALL):
            await keep(made.database, tenant_id, UUID(int=500 + number), old)
        yield made


async def keep(database: Database, tenant_id: UUID, id_: UUID, by: Sealer) -> None:
    both: dict[str, Any] = {"created_by": ADA, "created_at": NOW, "updated_at": NOW, "id": id_}
    provider = ProviderRecord(
        issuer="https://issuer.example",
        client_id="valor",
        client_secret=by.seal("provider", f"p-{tenant_id}"),
        role_claim=None,
        roles="{}",
        default_role=None,
        enabled=True,
        **both,
    )
    webhook = WebhookRecord(
        url="https://hook.example",
        description=None,
        events="[]",
        secret=by.seal("webhook", f"w-{tenant_id}"),
        state="ACTIVE",
        state_reason=None,
        **both,
    )
    async with database.writing(tenant_id) as session:
        await identity_providers.add(session, provider)
        await webhooks.add(session, webhook)


async def kept(database: Database) -> list[str]:
    """All that is sealed."""
    found = []
    for tenant_id in ALL:
        for each in PLACES:
            found += [sealed for _, sealed in await Seals(database).page(tenant_id, each)]
    return found


async def test_everything_is_under_the_key_in_use_and_says_the_same(here: Desk) -> None:
    before = await kept(here.database)
    assert {kid_of(sealed) for sealed in before} == {str(OLD.kid)}
    assert len(before) == 6
    assert not await reseal(here.database, sealer(OLD, NEW), ALL)
    after = await kept(here.database)
    assert {kid_of(sealed) for sealed in after} == {str(NEW.kid)}
    only_new = sealer(NEW)
    assert only_new.open("webhook", after[-1]) == f"w-{THEIRS}"
    assert only_new.open("provider", after[-2]) == f"p-{THEIRS}"
    assert not await reseal(here.database, sealer(OLD, NEW), ALL)
    assert await kept(here.database) == after, "again changes nothing"
    ((last, _),) = await Seals(here.database).page(OURS, PLACES[0])
    assert await Seals(here.database).page(OURS, PLACES[0], last) == []
    for user in (here.identity.enrolments, here.identity.accounts):
        user._sealer = only_new
    assert await here.identity.enrolments.spares_left(somebody()) == 10


async def test_it_may_be_stopped_at_any_row_and_goes_on(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, done = Seals.replace, list[UUID]()

    async def killed(self: Seals, *given: Any) -> bool:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(given[2])
        return await replace(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Seals, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            await reseal(here.database, sealer(OLD, NEW), ALL)
    found = [kid_of(sealed) for sealed in await kept(here.database)]
    assert sorted(found.count(str(key.kid)) for key in (OLD, NEW)) == [2, 4]
    assert not await reseal(here.database, sealer(OLD, NEW), ALL)
    assert {kid_of(sealed) for sealed in await kept(here.database)} == {str(NEW.kid)}


async def test_what_changed_meanwhile_is_not_overwritten(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, changed = Seals.page, list[str]()

    async def then_changed(self: Seals, tenant_id: UUID, of: seals.Place, *after: UUID) -> Any:
        rows = await page(self, tenant_id, of, *after)
        if of.column == "secret" and rows and not changed:
            ((key, was),) = rows
            changed.append(sealer(OLD).seal("webhook", "rotated"))
            assert await self.replace(tenant_id, of, key, was, changed[0])
        return rows

    monkeypatch.setattr(Seals, "page", then_changed)
    assert not await reseal(here.database, sealer(OLD, NEW), ALL)
    monkeypatch.undo()
    opened = []
    for tenant_id in ALL:
        ((_, sealed),) = await Seals(here.database).page(tenant_id, PLACES[-1])
        opened.append(sealer(NEW).open("webhook", sealed))
    assert opened == ["rotated", f"w-{THEIRS}"]


async def test_what_does_not_open_stays_and_is_counted(here: Desk) -> None:
    flaw = sealer(sealing(str(OLD.kid).partition("-")[2], timedelta(days=30)))
    assert kid_of(flaw.seal("x", "x")) == str(OLD.kid), "of that name, and another key"
    ((key, was),) = await Seals(here.database).page(OURS, PLACES[-1])
    assert await Seals(here.database).replace(OURS, PLACES[-1], key, was, flaw.seal("x", "x"))
    assert await reseal(here.database, sealer(OLD, NEW), ALL) == {str(OLD.kid): 1}


def test_nothing_that_is_sealed_is_forgotten() -> None:
    said = set()
    for file in Path(tables.__file__).parent.glob("*.py"):
        for line in file.read_text("utf-8").splitlines():
            found = re.match(r"    (\w+): str.*#.*\bsealed\b", line)
            said |= {found[1]} if found else set()
    assert said == {each.column for each in PLACES}
