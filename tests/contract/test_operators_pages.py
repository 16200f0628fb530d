"""Commands on the pages for operators run, in their order, on a database that is there."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.terminals.cli import main
from tests.mirror.store.test_backup import filled
from tests.pages import DOCS, ROOT, blocks, table, text_of


@pytest.mark.parametrize("page", ["backups.md", "migrations.md"])
def test_what_is_shown_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/valor.db"
    asyncio.run(filled(url, url))
    monkeypatch.chdir(tmp_path)
    clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
    lines = [line for block in blocks(DOCS / page, "sh") for line in block.splitlines()]
    assert lines
    for line in lines:
        command, *words = shlex.split(line)
        assert command == "valor"
        done = CliRunner().invoke(main, words, env={**clean, "VALOR_HOME": str(tmp_path)})
        assert done.exit_code == 0, f"{line}: {done.output}"


def test_the_settings_of_the_archive_are_those_of_docker_compose() -> None:
    page, compose = text_of(DOCS / "backups.md"), text_of(ROOT / "docker-compose.yml")
    told = dict(re.findall(r"^(archive_\w+) = '?([^'\n]+)'?$", page, re.MULTILINE))
    assert told.keys() == {"archive_mode", "archive_timeout", "archive_command"}
    for name in ("archive_mode", "archive_timeout"):
        assert f"{name}={told[name]}" in compose
    for command in (told["archive_command"], *re.findall(r"archive_command=([^\"]+)", compose)):
        assert re.fullmatch(r"sh /\S*archive-wal\.sh %p /\S+/%f", command)


def test_every_no_of_a_migration_that_is_explained_is_said_somewhere() -> None:
    said = text_of(ROOT / "store" / "migrate.py")
    for words, _ in table(DOCS / "migrations.md", "it says | mend it"):
        assert words.strip("`").replace(" valor_app", "") in said, words


def test_every_refusal_of_production_is_on_its_page() -> None:
    source = text_of(ROOT / "api" / "production.py")
    page = text_of(DOCS / "production.md")
    named = set(re.findall(r"VALOR_[A-Z_]+[A-Z]", source)) - {"VALOR_DATABASE_URL"}
    of_urls = {"VALOR_REDIS_URL", "VALOR_CLUSTER_KEY_FILE"}
    assert {name for name in named - of_urls if name not in page} == set()
    assert all(word in page for word in ("Redis", "SQLite file", "fsync"))
