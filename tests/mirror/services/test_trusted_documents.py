"""Documents that a tenant trusts: looked up seldom, and felt in time."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from services import trusted_documents
from services.errors import Forbidden, InvalidInput, QuotaExceeded
from services.principal import Principal, Role
from services.trusted_documents import AT_ONCE, FRESH_S, TrustedDocumentService
from store.database import Database
from store.trusted_documents import TrustedDocuments
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import OURS, THEIRS

pytestmark = pytest.mark.anyio

TEXT = "{ viewer { role } }"
ID = sha256(TEXT.encode()).hexdigest()


class Clock:
    """Seconds, moved by a test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def administrator(role: Role = Role.ADMIN) -> Principal:
    return principal(role)


def process(database: Database, clock: Clock | None = None) -> TrustedDocumentService:
    """The documents as one process sees them."""

    async def complaints(text: str) -> list[str]:
        return [] if "nothing" not in text else ["There is no field “nothing”."]

    return TrustedDocumentService(
        TrustedDocuments(database),
        complaints,
        timer=clock or Clock(),
    )


async def test_a_document_is_found_by_its_hash_in_its_tenant_alone(database: Database) -> None:
    here = process(database)
    (kept,) = await here.register(administrator(), [(TEXT, "Role")])
    assert (kept.id, kept.name, kept.registered_by) == (ID, "Role", UUID(int=1))
    assert await here.text(OURS, ID) == TEXT
    assert await here.text(THEIRS, ID) is None


async def test_who_registers_it_again_gets_the_first_one(database: Database) -> None:
    here = process(database)
    await here.register(administrator(), [(TEXT, "Role")])
    (again,) = await here.register(administrator(Role.OWNER), [(TEXT, "Other")])
    assert again.name == "Role"
    found, more = await here.page(administrator(), "", 10)
    assert ([each.id for each in found], more) == ([ID], False)


async def test_what_another_process_did_is_felt_within_ten_seconds(database: Database) -> None:
    clock = Clock()
    here, there = process(database), process(database, clock)
    assert await there.text(OURS, ID) is None
    await here.register(administrator(), [(TEXT, None)])
    assert await here.text(OURS, ID) == TEXT  # at once
    assert await there.text(OURS, ID) is None
    clock.now += FRESH_S
    assert await there.text(OURS, ID) == TEXT
    assert await here.remove(administrator(), [ID]) == 1
    assert await here.text(OURS, ID) is None
    assert await there.text(OURS, ID) == TEXT
    clock.now += FRESH_S
    assert await there.text(OURS, ID) is None


async def test_one_bad_document_keeps_all_of_them_out(database: Database) -> None:
    here = process(database)
    with pytest.raises(InvalidInput) as no:
        await here.register(administrator(), [(TEXT, None), ("{ nothing }", None)])
    assert [problem.path for problem in no.value.problems] == ["documents[1].text"]
    assert await here.text(OURS, ID) is None


@pytest.mark.parametrize("documents", [[], [(TEXT, None)] * (AT_ONCE + 1), [(TEXT, "x" * 201)]])
async def test_too_many_too_few_or_too_long_is_refused(database: Database, documents: Any) -> None:
    with pytest.raises(InvalidInput):
        await process(database).register(administrator(), documents)


async def test_a_tenant_has_only_so_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted_documents, "OF_TENANT", 2)
    here = process(database)
    await here.register(administrator(), [(TEXT, None), (TEXT + " ", None)])
    await here.register(administrator(), [(TEXT, None)])  # is there
    with pytest.raises(QuotaExceeded):
        await here.register(administrator(), [(TEXT + "  ", None)])
    found, _ = await here.page(administrator(), "", 10)
    assert len(found) == 2


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
async def test_nobody_else_may_say_what_is_trusted(database: Database, role: Role) -> None:
    here, who = process(database), administrator(role)
    for asked in (
        here.register(who, [(TEXT, None)]),
        here.remove(who, [ID]),
        here.page(who, "", 1),
    ):
        with pytest.raises(Forbidden):
            await asked


async def test_what_is_remembered_has_an_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted_documents, "_REMEMBERED", 5)
    here = process(database)
    for number in range(50):
        await here.text(OURS, f"{number:064}")
    assert len(here._known) == 5
    monkeypatch.setattr(trusted_documents, "_REMEMBERED_CHARACTERS", 30)
    long = "{ viewer { role } } # a comment"
    await here.register(administrator(), [(TEXT, None), (long, None)])
    assert await here.text(OURS, ID) == TEXT
    assert await here.text(OURS, sha256(long.encode()).hexdigest()) == long
    assert here._characters <= 30
