"""`valor keys prune`: keys go once nothing needs them, and none under which something is sealed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from api.keys import make_keys, open_keyring, read_keys
from services.sealing import Sealer, kid_of
from store import accounts, identity_providers
from store.accounts import AccountRecord, Accounts
from store.database import Database
from store.directory import SYSTEM
from store.identity_providers import IdentityRecord, ProviderRecord
from store.members import add
from store.tenants import MemberRecord
from tests.mirror.api.terminals.test_tenant_commands import valor

NOW = datetime.now(UTC)
OP = UUID(int=1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A database, and two generations of keys, of which the second is in use."""
    assert valor(tmp_path, "migrate").exit_code == 0
    assert valor(tmp_path, "tenant", "list").exit_code == 0  # the system's tenant is there
    for ago in (60, 30):
        make_keys(tmp_path / "keys", NOW - timedelta(days=ago))
    return tmp_path


def with_account(home: Path, seal: Callable[[Sealer], str] | None) -> AccountRecord:
    """An operator's account whose second factor is sealed under the older key; or as it is now."""

    async def work() -> AccountRecord:
        database = Database.open(f"sqlite:///{home / 'valor.db'}")
        try:
            if seal is not None:
                older = Sealer(open_keyring(home / "keys", lambda: NOW - timedelta(days=59)))
                async with database.writing(SYSTEM) as session:
                    member = MemberRecord(id=OP, subject="op", name="Op", role="OPERATOR")
                    await add(session, member)
                    await accounts.put_password(session, OP, "hash", NOW)
                    await accounts.offer_factor(session, OP, seal(older))
            found = await Accounts(database).find(SYSTEM, OP)
            assert found is not None
            return found
        finally:
            await database.close()

    return asyncio.run(work())


def test_an_old_seal_goes_once_everything_is_sealed_anew(home: Path) -> None:
    with_account(home, lambda older: older.seal("totp", "secret"))
    old, new = (str(key.kid) for key in read_keys(home / "keys").sealing)
    done = valor(home, "keys", "prune")
    assert done.exit_code == 0, done.output
    assert f"Took {old}.seal.key away" in done.output
    assert [key.kid for key in read_keys(home / "keys").sealing] == [new]
    found = with_account(home, None)
    assert kid_of(str(found.totp)) == new
    assert Sealer(open_keyring(home / "keys")).open("totp", str(found.totp)) == "secret"
    assert "Nothing to do" in valor(home, "keys", "prune").output


def test_a_seal_stays_under_which_something_does_not_open(home: Path) -> None:
    old = str(read_keys(home / "keys").sealing[0].kid)
    with_account(home, lambda older: older.seal("totp", "secret")[:-4] + "AAAA")
    no = valor(home, "keys", "prune")
    assert no.exit_code == 1
    assert f"Kept, since something is sealed under them that does not open: {old}.seal.key (1)" in (
        no.output
    )
    assert str(read_keys(home / "keys").sealing[0].kid) == old


def test_a_seal_stays_by_which_an_erased_member_is_known_again(home: Path) -> None:
    old = str(read_keys(home / "keys").sealing[0].kid)
    older = Sealer(open_keyring(home / "keys", lambda: NOW - timedelta(days=59)))
    provider = ProviderRecord(
        id=UUID(int=2),
        issuer="https://issuer.example",
        client_id="valor",
        client_secret=None,
        role_claim=None,
        roles="{}",
        default_role="VIEWER",
        enabled=True,
        created_by=OP,
        created_at=NOW,
        updated_at=NOW,
    )
    gone = MemberRecord(id=OP, subject="gone", name="Gone", role="OPERATOR", state="ERASED")

    async def erased() -> None:
        database = Database.open(f"sqlite:///{home / 'valor.db'}")
        try:
            async with database.writing(SYSTEM) as session:
                await add(session, gone)
                await identity_providers.add(session, provider)
                mark = older.mark("erased", "max@x.example")
                known = IdentityRecord(
                    provider_id=provider.id, subject=mark, member_id=OP, linked_at=NOW
                )
                await identity_providers.link(session, known)
        finally:
            await database.close()

    asyncio.run(erased())
    done = valor(home, "keys", "prune")
    assert done.exit_code == 0, done.output
    assert f"Kept {old}.seal.key: 1 erased member would be known again by it alone." in done.output
    assert str(read_keys(home / "keys").sealing[0].kid) == old
    assert "max@x.example" not in mark_of(home)


def mark_of(home: Path) -> str:
    """What the database has in place of the erased member's subject."""
    with closing(sqlite3.connect(home / "valor.db")) as connection:
        ((mark,),) = connection.execute("SELECT subject FROM federated_identity").fetchall()
    return str(mark)


def test_no_seal_goes_while_its_database_is_not_there(home: Path) -> None:
    (home / "valor.db").unlink()
    no = valor(home, "keys", "prune")
    assert no.exit_code == 1
    assert "Keys that seal stay" in no.output
    keys = read_keys(home / "keys")
    assert (len(keys.sealing), len(keys.signing)) == (2, 1)
    assert not (home / "valor.db").exists()
