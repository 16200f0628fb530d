"""A backup is whole or none: of one moment, for its owner alone, and refused with what mends it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import store.sqlite_backup
from store.backup import back_up, verify
from store.backup_manifest import DATA, MANIFEST, BackupRefused, Manifest, read_manifest
from store.database import head
from store.errors import DatabaseAway
from store.financial_models import FinancialModels
from store.migrate import migrate
from store.postgresql_backup import why
from store.postgresql_programs import conninfo
from store.sqlite_connection import open_file
from tests.mirror.store.world import NOON, OURS, model, opened, operation, settle
from tests.own_postgres import OwnPostgres, own_postgres


async def filled(url: str, owner_url: str) -> None:
    """Two tenants, and a model in one."""
    await migrate(owner_url)
    async with opened(url) as database:
        await settle(database)
        await FinancialModels(database).create(OURS, model(), operation())


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path}/valor.db"
    asyncio.run(filled(found, found))
    return found


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "tonight"


def backed_up(url: str, to: Path, **given: Any) -> Manifest:
    return asyncio.run(back_up(url, to, **given))


def test_a_backup_says_what_it_is_and_what_is_in_it(url: str, to: Path) -> None:
    made = backed_up(url, to)
    assert read_manifest(to) == made
    assert (made.kind, made.server) == ("sqlite", f"SQLite {sqlite3.sqlite_version}")
    assert made.begun_at <= made.ended_at
    holds = made.holds
    assert (holds.schema, holds.tenants, holds.operations) == (head(), 2, 1)
    assert holds.last_operation_at == NOON.isoformat(timespec="microseconds")
    assert (holds.rows["financial_model"], holds.rows["member"], holds.rows["run"]) == (1, 2, 0)
    assert list(made.files) == ["valor.db"]
    assert verify(to).faults == ()


def test_what_is_not_committed_is_not_in_it_and_whoever_writes_is_not_held_up(
    url: str, to: Path
) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as writer:
        writer.create_function("valor_tenant", 0, lambda: OURS.hex)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE financial_model SET name = 'Half' WHERE tenant_id = ?", (OURS.hex,))
        backed_up(url, to)
        writer.commit()
    with closing(sqlite3.connect(to / DATA / "valor.db")) as copy:
        assert copy.execute("SELECT name FROM financial_model").fetchall() == [("Model 1",)]
    assert [path.name for path in (to / DATA).iterdir()] == ["valor.db"]  # it needs no log


@pytest.mark.skipif(os.name != "posix", reason="there a file has no such rights")
def test_a_backup_is_for_its_owner_alone(url: str, to: Path) -> None:
    before = os.umask(0)
    try:
        backed_up(url, to)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (to, to / DATA)} == {0o700}
    files = [to / MANIFEST, to / DATA / "valor.db"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_disk_that_is_full_in_the_middle_of_a_page_leaves_nothing_behind(
    url: str, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(path: Path) -> sqlite3.Connection:
        connection = open_file(path)
        if path.is_relative_to(to):
            connection.execute("PRAGMA max_page_count = 2")
        return connection

    monkeypatch.setattr(store.sqlite_backup, "open_file", small)
    assert "no space left" in refusal(url, to)
    assert not to.exists()


def refusal(url: str, to: Path, **given: Any) -> str:
    with pytest.raises(BackupRefused) as no:
        backed_up(url, to, **given)
    return str(no.value)


def test_a_folder_with_something_in_it_is_left_as_it_is(url: str, to: Path) -> None:
    backed_up(url, to)
    before = (to / MANIFEST).read_bytes()
    assert refusal(url, to).endswith("Name a new one: --to FOLDER")
    assert (to / MANIFEST).read_bytes() == before
    assert "is a file" in refusal(url, to / MANIFEST)
    assert "cannot be written" in refusal(url, to / MANIFEST / "below")


def test_an_empty_folder_that_is_there_is_taken(url: str, to: Path) -> None:
    to.mkdir(parents=True)
    backed_up(url, to)
    assert verify(to).faults == ()


def test_no_database_is_no_backup(tmp_path: Path, to: Path) -> None:
    assert "VALOR_DATABASE_URL" in refusal(f"sqlite:///{tmp_path}/other.db", to)
    assert not to.exists()


def test_a_database_without_tables_is_no_backup_either(tmp_path: Path, to: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert "Begin with: valor migrate" in refusal(f"sqlite:///{tmp_path}/empty.db", to)
    assert not to.exists()


def test_what_does_not_fit_is_refused_before_it_is_begun(
    url: str, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(to.anchor)._replace(free=1_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    said = refusal(url, to)
    assert said.startswith("There is no space")
    assert said.endswith("--to FOLDER")
    assert not to.exists()


@pytest.mark.parametrize("kept", [True, False])
def test_a_disk_that_fills_up_half_way_leaves_nothing_behind(
    kept: bool, url: str, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_source: Path, target: Path) -> None:
        target.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.sqlite_backup, "_copy", half)
    if kept:
        to.mkdir(parents=True)
    assert "no space left" in refusal(url, to).lower()
    assert to.exists() == kept
    assert not kept or list(to.iterdir()) == []


def test_one_that_was_killed_half_way_is_no_backup(url: str, to: Path) -> None:
    backed_up(url, to)
    (to / MANIFEST).unlink()  # which is written last
    with pytest.raises(BackupRefused, match="did not end: remove it"):
        verify(to)
    assert "is not empty" in refusal(url, to)


@pytest.mark.parametrize(
    "manifest", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "holds": 3, "files": {}}']
)
def test_a_manifest_that_is_damaged_is_said_to_be(manifest: str, url: str, to: Path) -> None:
    backed_up(url, to)
    (to / MANIFEST).write_text(manifest)
    with pytest.raises(BackupRefused, match="damaged"):
        verify(to)


def test_a_backup_of_a_form_to_come_is_not_guessed_at(url: str, to: Path) -> None:
    backed_up(url, to)
    told = json.loads((to / MANIFEST).read_text())
    (to / MANIFEST).write_text(json.dumps(told | {"format": 2}))
    with pytest.raises(BackupRefused, match="another form"):
        verify(to)


def test_every_file_that_is_not_as_it_was_written_is_named(url: str, to: Path) -> None:
    backed_up(url, to)
    file = to / DATA / "valor.db"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (to / DATA / "stranger").touch()
    assert verify(to).faults == (
        "stranger does not belong to it.",
        "valor.db is not what was written.",
    )
    file.unlink()
    assert "valor.db is missing." in verify(to).faults


def test_a_file_whose_hash_is_right_is_opened_all_the_same(url: str, to: Path) -> None:
    """Whoever can write the manifest too could take out a row, or a trigger that keeps tenants
    apart."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute("DROP TRIGGER member_update_tenant")
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("DROP TRIGGER financial_model_delete_tenant")
        database.execute("DELETE FROM financial_model")
        database.commit()
    backed_up(url, to)
    said = "\n".join(verify(to).faults)
    assert "Tenants are not kept apart: member has other triggers" in said
    assert "operation refers to a row of financial_model that is not there" in said


# PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with own_postgres(durable=False) as server:
        asyncio.run(filled(server.url("valor_app"), server.url("valor_owner")))
        yield server


def test_a_server_is_copied_whole_by_the_role_that_backs_up(server: OwnPostgres, to: Path) -> None:
    made = backed_up(server.url("valor_backup"), to, programs=server.program.folder)
    assert (made.kind, made.role, made.database) == ("postgresql", "valor_backup", "valor")
    assert made.server.startswith("PostgreSQL 1")
    assert (made.holds.tenants, made.holds.operations, made.holds.rows["member"]) == (2, 1, 2)
    assert {"PG_VERSION", "backup_label", "backup_manifest", "global/pg_control"} <= set(made.files)
    assert verify(to).faults == ()
    (to / DATA / "global" / "pg_control").write_bytes(b"")
    assert verify(to).faults == ("global/pg_control is not what was written.",)


@pytest.mark.parametrize(
    ("role", "cannot"),
    [("valor_app", "cannot copy the server"), ("valor_owner", "cannot copy the server")],
)
def test_a_role_that_may_not_is_told_who_may(
    role: str, cannot: str, server: OwnPostgres, to: Path
) -> None:
    said = refusal(server.url(role), to, programs=server.program.folder)
    assert cannot in said
    assert "valor_backup" in said
    assert "VALOR_DATABASE_BACKUP_URL" in said
    assert not to.exists()


def test_a_server_that_lets_nobody_replicate_is_told_the_line_to_add(
    server: OwnPostgres, to: Path
) -> None:
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("".join(line for line in before.splitlines(True) if "replication" not in line))
    server.psql("SELECT pg_reload_conf()")
    try:
        said = refusal(server.url("valor_backup"), to, programs=server.program.folder)
    finally:
        hba.write_text(before)
        server.psql("SELECT pg_reload_conf()")
    assert "hostssl replication valor_backup" in said
    assert not to.exists()


def test_programs_that_are_not_there_are_named(
    server: OwnPostgres, to: Path, tmp_path: Path
) -> None:
    said = refusal(server.url("valor_backup"), to, programs=tmp_path)
    assert f"pg_basebackup is not in {tmp_path}" in said
    assert "VALOR_PG_BIN=" in said


def test_a_server_that_is_away_is_away(to: Path, server: OwnPostgres) -> None:
    with pytest.raises(DatabaseAway):
        backed_up("postgresql://a@127.0.0.1:1/valor", to, programs=server.program.folder)
    assert not to.exists()


def test_a_password_goes_by_the_environment_and_the_rest_as_it_was_written() -> None:
    words, environment = conninfo(
        "postgresql://valor_backup:it%27s%20secret@db.internal:5433/valor?sslmode=verify-full"
    )
    assert words == [
        "--dbname",
        "host='db.internal' port='5433' user='valor_backup' dbname='valor' sslmode='verify-full'",
    ]
    assert environment["PGPASSWORD"] == "it's secret"
    plain, _ = conninfo("postgresql://o'brien@/valor?host=/run/postgresql")
    assert plain == ["--dbname", r"host='/run/postgresql' user='o\'brien' dbname='valor'"]


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("FATAL:  number of requested standby connections exceeds max_wal_senders", "max_wal_send"),
        ("could not get COPY data stream: No space left on device", "--to FOLDER"),
        ("error: incompatible server version 18.6", "VALOR_PG_BIN="),
        ("requested WAL segment 0001 has already been removed", "wal_keep_size"),
        ("pg_basebackup: error: the moon is full", "the moon is full"),
        ("", "says nothing"),
    ],
)
def test_what_a_program_says_becomes_a_cause_and_a_cure(said: str, cure: str) -> None:
    assert cure in why(said)


def test_a_file_of_the_log_is_archived_whole_and_never_over_another(tmp_path: Path) -> None:
    """The script that `docker-compose.yml` and `docs/backups.md` have PostgreSQL run."""
    new, kept = tmp_path / "new", tmp_path / "archive" / "0001"
    kept.parent.mkdir()
    new.write_bytes(b"the first")

    def archive() -> int:
        script = Path(__file__).parents[3] / "deploy" / "postgres" / "archive-wal.sh"
        return subprocess.run(["sh", script, new, kept], capture_output=True).returncode

    assert (archive(), kept.read_bytes()) == (0, b"the first")
    assert (archive(), kept.read_bytes()) == (0, b"the first")  # PostgreSQL may ask again
    new.write_bytes(b"another's")
    assert archive() != 0
    assert kept.read_bytes() == b"the first"
    assert [path.name for path in kept.parent.iterdir()] == ["0001"]
    shutil.rmtree(kept.parent)
    assert archive() != 0  # nowhere to put it: PostgreSQL keeps its own
