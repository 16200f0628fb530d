"""`valor tenant` and `valor operator`: a production database administered without a server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.terminals.cli import main


def valor(home: Path, *words: str) -> Result:
    clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
    result = CliRunner().invoke(main, words, env={**clean, "VALOR_HOME": str(home)})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with nothing in it."""
    home = tmp_path_factory.mktemp("home")
    assert valor(home, "migrate").exit_code == 0
    return home


def test_a_database_that_is_behind_is_not_administered(tmp_path: Path) -> None:
    no = valor(tmp_path, "tenant", "list")
    assert (no.exit_code, "Run: valor migrate" in no.output) == (1, True)


def test_a_tenant_is_made_shown_suspended_and_resumed(home: Path) -> None:
    assert "Make one: valor tenant create" in valor(home, "tenant", "list").output
    words = ("tenant", "create", "acme", "--name", "Acme", "--owner", "ada@example.com")
    made = valor(home, *words, "--operation-id", "a").output.splitlines()
    assert made[0].startswith("Made Acme (acme, FREE): ")
    assert made[-1].startswith("vi_")
    again = valor(home, *words, "--operation-id", "a")
    assert (again.exit_code, "vi_" in again.output) == (0, False)  # it is told once
    no = valor(home, "tenant", "create", "A", "--name", "", "--owner", "ada")
    assert (no.exit_code, len(no.output.splitlines())) == (1, 3)
    suspended = valor(home, "tenant", "suspend", "acme", "--reason", "Unpaid.")
    assert "Unpaid." in suspended.output
    shown = valor(home, "tenant", "show", "acme").output
    assert "SUSPENDED: Unpaid." in shown
    assert "members  1 of 3" in shown
    assert valor(home, "tenant", "resume", "acme").exit_code == 0
    (listed,) = json.loads(valor(home, "tenant", "list", "--json").output)
    assert (listed["slug"], listed["plan"], listed["state"]) == ("acme", "FREE", "ACTIVE")
    for nobody in ("nobody", "n\udcff"):  # the second as a terminal gives what is no UTF-8
        no = valor(home, "tenant", "show", nobody)
        assert (no.exit_code, "There is no tenant" in no.output) == (1, True)


def test_an_operator_is_invited_and_is_none_before_they_accept(home: Path) -> None:
    invited = valor(home, "operator", "add", "op@example.com", "--name", "Olga")
    assert (invited.exit_code, "vi_" in invited.output) == (0, True)
    assert "There are no operators" in valor(home, "operator", "list").output
    assert valor(home, "operator", "remove", "op@example.com").exit_code == 1
    assert valor(home, "operator", "add", "op").exit_code == 1
