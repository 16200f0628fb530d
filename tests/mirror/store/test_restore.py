"""A restore overwrites nothing, refuses what cannot be, and looks at what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.terminals.cli import main
from store.backup import back_up
from store.backup_manifest import (
    DATA,
    BackupRefused,
    described,
    read_manifest,
    write_manifest,
)
from store.financial_models import FinancialModels
from store.postgresql_programs import why
from store.postgresql_restore import restore_command
from store.restore import Restored, Wanted, restore
from tests.mirror.store.test_backup import filled
from tests.mirror.store.world import OURS, model, opened, operation
from tests.own_postgres import OwnPostgres, own_postgres

LONG_AFTER = datetime.now(UTC) + timedelta(days=9)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Of a SQLite file with one model."""
    url = f"sqlite:///{tmp_path}/valor.db"
    asyncio.run(filled(url, url))
    asyncio.run(back_up(url, tmp_path / "backup"))
    return tmp_path / "backup"


def restored(source: Path, target: Path, **given: Any) -> Restored:
    return asyncio.run(restore(Wanted(source=source, target=target, **given)))


def refusal(source: Path, target: Path, **given: Any) -> str:
    with pytest.raises(BackupRefused) as no:
        restored(source, target, **given)
    return str(no.value)


def names(file: Path) -> list[str]:
    async def look() -> list[str]:
        async with opened(f"sqlite:///{file}") as database:
            found = await FinancialModels(database).find(OURS, model().id)
            return [] if found is None else [found.name]

    return asyncio.run(look())


def test_a_file_is_made_with_its_folder_and_what_is_in_it_is_told(
    backup: Path, tmp_path: Path
) -> None:
    target = tmp_path / "not" / "yet" / "valor.db"
    done = restored(backup, target)
    assert (done.faults, done.aside, done.behind) == ((), None, False)
    assert done.holds == read_manifest(backup).holds
    assert names(target) == ["Model 1"]
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o600


def test_what_is_there_stays_unless_it_is_said_that_it_goes_aside(
    backup: Path, tmp_path: Path
) -> None:
    target = tmp_path / "valor.db"
    before = target.read_bytes()
    said = refusal(backup, target)
    assert said.startswith(f"There is something at {target}")
    assert "--replace" in said
    assert target.read_bytes() == before
    done = restored(backup, target, replace=True)
    assert done.aside is not None
    assert names(target) == names(done.aside) == ["Model 1"]


def test_a_file_that_somebody_has_open_is_left_to_them(backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "valor.db"
    with closing(sqlite3.connect(target)) as server:
        server.execute("SELECT count(*) FROM tenant").fetchall()
        said = refusal(backup, target, replace=True)
    assert said == f"{target} is in use. Stop the server first, then run this again."
    assert names(target) == ["Model 1"]


def test_a_file_that_failed_goes_aside_with_its_log(backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "valor.db"
    target.write_bytes(b"a disk that failed")
    log = tmp_path / "valor.db-wal"
    log.write_bytes(b"of another life")
    done = restored(backup, target, replace=True)
    assert done.aside is not None
    assert done.aside.read_bytes() == b"a disk that failed"
    assert Path(f"{done.aside}-wal").read_bytes() == b"of another life"
    assert names(target) == ["Model 1"]


def test_a_damaged_backup_is_not_restored(backup: Path, tmp_path: Path) -> None:
    with (backup / DATA / "valor.db").open("ab") as file:
        file.write(b"more")
    said = refusal(backup, tmp_path / "new.db")
    assert "is damaged, and nothing was restored:\n  valor.db is not what was written." in said
    assert not (tmp_path / "new.db").exists()


def test_a_backup_of_a_schema_to_come_wants_the_version_that_made_it(
    backup: Path, tmp_path: Path
) -> None:
    manifest = read_manifest(backup)
    write_manifest(backup, replace(manifest, holds=replace(manifest.holds, schema="9999")))
    assert "Use the version of valor that made it" in refusal(backup, tmp_path / "new.db")


@pytest.mark.parametrize("given", [{"at": LONG_AFTER}])
def test_a_file_has_one_moment(given: dict[str, Any], backup: Path, tmp_path: Path) -> None:
    said = refusal(backup, tmp_path / "new.db", **given)
    assert f"holds one moment: {read_manifest(backup).ended_at}" in said


def test_what_came_of_it_is_told_where_it_is_not_sound(backup: Path, tmp_path: Path) -> None:
    """A backup that somebody changed, hashes and all."""
    file = backup / DATA / "valor.db"
    with closing(sqlite3.connect(file)) as changed:
        changed.create_function("valor_tenant", 0, lambda: OURS.hex)
        changed.execute("DROP TRIGGER member_update_tenant")
        changed.execute("DROP TRIGGER own_company_insert_tenant")
        changed.execute("UPDATE tenant SET name = 'Theirs' WHERE tenant_id = ?", (OURS.hex,))
        changed.commit()
    manifest = read_manifest(backup)
    rows = {**manifest.holds.rows, "operation": 9}
    holds = replace(manifest.holds, rows=rows)
    write_manifest(backup, replace(manifest, holds=holds, files={"valor.db": described(file)}))
    faults = restored(backup, tmp_path / "new.db").faults
    assert faults[0] == "operation has 1 rows, and had 9."
    assert [each.split(" has other")[0] for each in faults[1:]] == [
        "Tenants are not kept apart: member",
        "Tenants are not kept apart: own_company",
    ]
    done = CliRunner().invoke(
        main, ["restore", "--from", str(backup), "--to", str(tmp_path / "again.db")]
    )
    assert done.exit_code == 1
    assert "What came of it is not what was backed up" in done.output


def test_the_command_tells_it_in_words_and_as_json(backup: Path, tmp_path: Path) -> None:
    home = {"VALOR_HOME": str(tmp_path)}
    run = CliRunner().invoke
    said = run(main, ["backup", "verify", str(backup)], env=home).output
    assert "is whole: 1 file of SQLite" in said
    assert "On record: 1 operation on models" in said
    told = run(main, ["restore", "--from", str(backup), "--replace", "--json"], env=home)
    found = json.loads(told.output)
    assert (found["faults"], found["holds"]["operations"]) == ([], 1)
    assert found["target"] == str(tmp_path / "valor.db")
    (backup / DATA / "valor.db").unlink()
    damaged = run(main, ["backup", "verify", str(backup)], env=home)
    assert damaged.exit_code == 1
    assert "valor.db is missing." in damaged.output


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("yesterday", "is no moment: give it as 2026-11-23T15:24:06Z"),
        ("2026-11-23T15:24:06", "has no time zone"),
    ],
)
def test_a_moment_that_is_none_is_refused_with_how_to_say_it(
    at: str, words: str, backup: Path
) -> None:
    done = CliRunner().invoke(main, ["restore", "--from", str(backup), "--to", "x", "--at", at])
    assert done.exit_code == 1
    assert words in done.output


# PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    """One that is backed up, in `base/backup`, and has a second model since."""
    with own_postgres(durable=False) as server:
        asyncio.run(filled(server.url("valor_app"), server.url("valor_owner")))
        made = back_up(
            server.url("valor_backup"), server.base / "backup", programs=server.program.folder
        )
        asyncio.run(made)
        asyncio.run(one_more(server.url("valor_app")))
        server.archived()
        yield server


async def one_more(url: str) -> None:
    async with opened(url) as database:
        await FinancialModels(database).create(OURS, model(2), operation("second"))


def cluster(server: OwnPostgres, **given: Any) -> str:
    """Why one is not restored."""
    given = {"programs": server.program.folder, **given}
    target = given.pop("target", server.base / "new")
    said = refusal(server.base / "backup", target, **given)
    assert not (server.base / "new").exists()
    return said


def test_a_moment_wants_the_archive_and_to_be_after_the_backup(server: OwnPostgres) -> None:
    ended = datetime.fromisoformat(read_manifest(server.base / "backup").ended_at)
    assert "--wal FOLDER" in cluster(server, at=LONG_AFTER)
    before = cluster(server, at=ended - timedelta(seconds=1), archive=server.archive)
    assert "Name an earlier backup" in before
    assert "is no folder" in cluster(server, at=LONG_AFTER, archive=server.base / "nowhere")


def test_an_archive_of_another_server_is_not_taken_for_the_end_of_this_one(
    server: OwnPostgres, tmp_path: Path
) -> None:
    said = cluster(server, archive=tmp_path)
    assert f"{tmp_path} has nothing of the time of this backup" in said
    assert "--wal FOLDER" in said


def test_an_archive_that_ends_before_the_moment_says_where_it_ends(server: OwnPostgres) -> None:
    said = cluster(server, at=LONG_AFTER, archive=server.archive)
    assert said.startswith("The archive ends before that moment.")
    assert "leave --at out" in said


def test_a_server_that_runs_on_the_target_is_left_to_run(server: OwnPostgres) -> None:
    target = server.data
    assert "There is something at" in cluster(server, target=target)
    assert "Stop it first" in cluster(server, target=target, replace=True)
    assert server.psql("SELECT 1") == "1"


def test_programs_of_another_version_are_refused(server: OwnPostgres, tmp_path: Path) -> None:
    other = tmp_path / "postgres"
    other.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n")
    other.chmod(0o755)
    said = cluster(server, programs=tmp_path)
    assert "is 9. Name the folder of the programs" in said


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="for those who are root")
def test_root_is_told_to_give_the_folder_to_whoever_runs_postgresql(
    server: OwnPostgres, tmp_path: Path
) -> None:
    said = cluster(server, target=tmp_path / "data")
    assert f"chown postgres {tmp_path}" in said


def test_without_an_archive_it_is_as_the_backup_was_and_what_was_there_goes_aside(
    server: OwnPostgres,
) -> None:
    target = server.base / "again"
    target.mkdir()
    (target / "PG_VERSION").write_text("of another life")
    given = {"programs": server.program.folder, "replace": True}
    done = restored(server.base / "backup", target, **given)
    assert (done.faults, done.behind, done.holds.operations) == ((), False, 1)
    assert done.aside is not None
    assert (done.aside / "PG_VERSION").read_text() == "of another life"
    left = {path.name for path in target.iterdir()}
    assert not left & {"recovery.signal", "standby.signal", "postmaster.pid"}
    assert "restore_command" not in (target / "postgresql.auto.conf").read_text()
    shutil.rmtree(done.aside)


def test_a_file_of_the_log_that_was_still_being_written_is_read_too(server: OwnPostgres) -> None:
    """As `pg_receivewal` leaves it, whose folder may be named as the archive."""
    archive, target = server.base / "received", server.base / "to-the-end"
    shutil.copytree(server.archive, archive)
    newest = max(file for file in archive.iterdir() if len(file.name) == 24)
    newest.rename(f"{newest}.partial")
    given = {"programs": server.program.folder, "archive": archive}
    if os.geteuid() == 0:  # then it is read as the user that runs PostgreSQL, who cannot yet
        said = refusal(server.base / "backup", target, **given)
        assert "A file of the archive is there and cannot be read" in said
        for path in (archive, *archive.iterdir()):
            shutil.chown(path, server.base.owner(), server.base.group())
    done = restored(server.base / "backup", target, **given)
    assert (done.faults, done.holds.operations) == ((), 2)


def test_what_is_run_for_each_file_of_the_log_knows_odd_folders() -> None:
    assert restore_command(Path("/a b/50%")) == (
        "test -x '/a b/50%%' || exit 200; "
        'for f in "%f" "%f.partial"; do test -f \'/a b/50%%\'/"$f" || continue; '
        'cp \'/a b/50%%\'/"$f" "%p" || exit 200; exit 0; done; exit 1'
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("FATAL:  could not locate required checkpoint record", "not all that it needs"),
        ("PANIC:  could not write to file: No space left on device", "no space left"),
        ("LOG:  hello\nFATAL:  the moon is full", "FATAL:  the moon is full"),
        ("", "no word"),
    ],
)
def test_what_a_server_says_becomes_a_cause_and_a_cure(said: str, words: str) -> None:
    assert words in why(said.splitlines())
