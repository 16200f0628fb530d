"""What must be kept is kept; whoever is forgotten is so everywhere but in what they did."""

from __future__ import annotations

import re
import sqlite3
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.errors import InvalidInput
from services.audit_export import EVERYTHING
from services.errors import Conflict, Forbidden, NotFound
from services.holds import Held
from services.principal import ALLOWED, Action, Principal, Role
from store import scope
from store.database import Database
from store.sqlite import SqliteDatabase
from store.tables import (
    AccountRow,
    ApiKeyRow,
    FederatedIdentityRow,
    IdentityProviderRow,
    InvitationRow,
    MemberRow,
    SessionRow,
)
from store.tables.base import Row
from tests.mirror.services.audited import OURS, THEIRS
from tests.mirror.services.auditing_at_work import House, somebody, whole
from tests.mirror.store.world import member, model, operation

pytestmark = pytest.mark.anyio
ME = somebody(1)
CANARY = "Grace Nightingale"
ADDRESS = "grace@nightingale.example"


@pytest.fixture
async def house(database: Database) -> House:
    """Two owners, and an analyst whose name stands wherever a name may stand."""
    house = House(database)
    owner = member(1, role="OWNER", subject="owner")
    async with database.writing(OURS) as session:
        await session.execute(
            scope.update(MemberRow, "role").where(scope.equals(MemberRow, "id", "me")),
            me=owner.id,
            role="OWNER",
        )
    await house.tenants.join(
        OURS, member(2, role="ANALYST", name=CANARY, email=ADDRESS, subject=ADDRESS)
    )
    return house


async def canaries(database: Database) -> None:
    """A row with the canary in every table that tells of people."""
    hash_ = "a" * 64
    rows: list[tuple[type[Row], dict[str, Any]]] = [
        (AccountRow, {"member_id": UUID(int=2), "password_hash": CANARY, "recovery": "[]"}),
        (
            SessionRow,
            {
                "id": UUID(int=5),
                "member_id": UUID(int=2),
                "method": "PASSWORD",
                "refresh_hash": hash_,
                "family_hash": hash_,
                "agent": f"Browser of {CANARY}",
            },
        ),
        (
            ApiKeyRow,
            {
                "id": UUID(int=6),
                "member_id": UUID(int=2),
                "name": CANARY,
                "secret_hash": hash_,
                "scopes": "[]",
                "created_by": UUID(int=2),
            },
        ),
        (
            IdentityProviderRow,
            {"id": UUID(int=7), "issuer": "https://id.example", "client_id": "c", "roles": "{}"},
        ),
        (
            FederatedIdentityRow,
            {"provider_id": UUID(int=7), "subject": ADDRESS, "member_id": UUID(int=2)},
        ),
        (
            InvitationRow,
            {
                "id": UUID(int=8),
                "email": ADDRESS,
                "name": CANARY,
                "role": "ANALYST",
                "secret_hash": hash_,
                "created_by": UUID(int=1),
                "member_id": UUID(int=2),
            },
        ),
        (
            InvitationRow,  # an earlier one that nobody took
            {
                "id": UUID(int=9),
                "email": ADDRESS,
                "name": CANARY,
                "role": "ANALYST",
                "secret_hash": hash_,
                "created_by": UUID(int=1),
                "member_id": None,
            },
        ),
    ]
    async with database.writing(OURS) as session:
        for row, given in rows:
            assert await session.add_if_absent(row, **whole(row, given))


def mentions(database: Database, *words: str) -> list[str]:
    """The tables in whose rows one of the words stands, whatever the column."""
    assert isinstance(database, SqliteDatabase)
    connection = sqlite3.connect(database._path)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [
            table
            for (table,) in tables.fetchall()
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
            if any(word.casefold() in str(row).casefold() for word in words)
        ]
    finally:
        connection.close()


async def test_whoever_is_erased_is_named_nowhere_any_more(house: House) -> None:
    await canaries(house.database)
    words = (CANARY, ADDRESS, "nightingale")
    assert set(mentions(house.database, *words)) >= {
        "member",
        "account",
        "session",
        "api_key",
        "federated_identity",
        "invitation",
    }
    await house.did(somebody(2, Role.ANALYST), "model.read", "model.edited")
    erased = await house.holds.erase(ME, member(2).id)
    assert (erased.name, erased.state, erased.email) == ("Erased member", "ERASED", None)
    assert mentions(house.database, *words) == []


async def test_what_the_erased_did_stays_theirs_and_the_audit_holds(house: House) -> None:
    who = somebody(2, Role.ANALYST)
    await house.models.create(
        OURS, model(1, created_by=who.member_id), operation(author=who.member_id)
    )
    await house.did(who, "model.read")
    await house.chainer.drain(OURS)
    await house.chainer.sign(OURS)
    await house.holds.erase(ME, who.member_id)
    await house.chainer.drain(OURS)
    found = await house.models.find(OURS, model(1).id)
    assert found is not None
    assert found.created_by == who.member_id
    assert (await house.verified()).heads == 1
    links = await house.found.page(OURS, EVERYTHING, limit=10)
    assert links[-1].action == "member.erased"
    assert links[-1].subject == str(who.member_id)
    assert not any(re.search("nightingale", str(link), re.IGNORECASE) for link in links)


async def test_access_ends_with_erasure(house: House) -> None:
    from store.standing import Standings

    await canaries(house.database)
    await house.holds.erase(ME, member(2).id)
    standings = Standings(house.database)
    session = await standings.session(OURS, UUID(int=5))
    key = await standings.key(OURS, UUID(int=6))
    assert session is not None
    assert key is not None
    assert session.ended_at is not None
    assert key.ended_at is not None


async def test_a_repeat_of_an_erasure_gets_its_first_answer(house: House) -> None:
    first = await house.holds.erase(ME, member(2).id, "once")
    assert await house.holds.erase(ME, member(2).id, "once") == first
    with pytest.raises(Conflict, match="already"):
        await house.holds.erase(ME, member(2).id, "twice")
    assert (await house.actions()).count("member.erased") == 1


async def test_who_must_be_kept_is_not_erased(house: House) -> None:
    analyst = member(2).id
    await house.models.create(OURS, model(1), operation(author=analyst))
    for held, subject in (
        (Held.MEMBER, analyst),
        (Held.TENANT, OURS),
        (Held.MODEL, model(1).id),  # which they wrote
    ):
        hold = await house.holds.place(ME, held, subject, "A case in court.")
        with pytest.raises(Conflict, match=r"A legal hold keeps them: A case in court\."):
            await house.holds.erase(ME, analyst)
        await house.holds.release(ME, hold.id)
    await house.models.create(OURS, model(2), operation("other", author=UUID(int=1)))
    await house.holds.place(ME, Held.MODEL, model(2).id, "Another case")
    assert (await house.holds.erase(ME, analyst)).state == "ERASED"


async def test_the_last_owner_is_not_erased(house: House) -> None:
    with pytest.raises(Conflict, match="last OWNER"):
        await house.holds.erase(ME, ME.member_id)


async def test_a_hold_is_placed_released_and_stays_on_record(house: House) -> None:
    hold = await house.holds.place(ME, Held.TENANT, OURS, "  A case  ", "op")
    assert (hold.reason, hold.placed_by, hold.released_at) == ("A case", ME.member_id, None)
    assert await house.holds.place(ME, Held.TENANT, OURS, "  A case  ", "op") == hold
    released = await house.holds.release(ME, hold.id)
    assert released.released_by == ME.member_id
    assert await house.holds.all(ME) == [released]
    with pytest.raises(Conflict, match="already"):
        await house.holds.release(ME, hold.id)
    assert await house.actions() == ["hold.placed", "hold.released"]
    links = await house.found.page(OURS, EVERYTHING, limit=1)
    assert "A case" not in links[0].details  # a reason may name somebody


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\nb", "\x00", "\ud800"])
async def test_a_reason_is_one_that_people_can_read(house: House, reason: str) -> None:
    with pytest.raises(InvalidInput) as no:
        await house.holds.place(ME, Held.TENANT, OURS, reason)
    assert [problem.path for problem in no.value.problems] == ["reason"]


async def test_what_is_not_ours_cannot_be_held_erased_or_released(house: House) -> None:
    for held in Held:
        with pytest.raises(NotFound):
            await house.holds.place(ME, held, THEIRS, "Why")
    with pytest.raises(NotFound):
        await house.holds.erase(ME, uuid4())
    with pytest.raises(NotFound):
        await house.holds.release(ME, uuid4())
    hold = await house.holds.place(ME, Held.TENANT, OURS, "Why")
    with pytest.raises(NotFound):
        await house.holds.release(somebody(1, tenant_id=THEIRS), hold.id)


@pytest.mark.parametrize("role", Role)
async def test_owners_alone_keep_and_forget_and_only_in_person(house: House, role: Role) -> None:
    assert (Action.KEEP in ALLOWED[role]) == (role is Role.OWNER)
    not_allowed: list[Principal] = [somebody(1, grant_id=UUID(int=5))]
    if role is not Role.OWNER:
        not_allowed.append(somebody(1, role))
    for who in not_allowed:
        for work in (
            house.holds.all(who),
            house.holds.place(who, Held.TENANT, OURS, "Why"),
            house.holds.release(who, uuid4()),
            house.holds.erase(who, member(2).id),
        ):
            with pytest.raises(Forbidden):
                await work
