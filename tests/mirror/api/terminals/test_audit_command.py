"""`valor audit`: proved without a server, copied, and added up."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.embedded import DEMO_TENANT
from api.keys import open_keyring
from api.terminals.cli import main

APPLE = Path(__file__).parents[4] / "examples" / "apple.json"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration in which one valuation was made."""
    home = tmp_path_factory.mktemp("home")
    assert valor(home, "value", APPLE).exit_code == 0
    return home


def valor(home: Path, *words: object) -> Result:
    clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
    given = [str(word) for word in words]
    result = CliRunner().invoke(main, given, env={**clean, "VALOR_HOME": str(home)})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def run(home: Path) -> Run:
    return lambda *words: valor(home, "audit", *words)


@pytest.fixture
def export(run: Run, tmp_path: Path) -> Path:
    file = tmp_path / "audit.jsonl"
    assert run("export", "--to", file).exit_code == 0
    return file


@pytest.fixture
def jwks(home: Path, tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(open_keyring(home / "keys").jwks("audit")), "utf-8")
    return file


def test_an_export_is_verified_offline(
    run: Run, export: Path, jwks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("nobody is asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    nowhere = tmp_path / "nowhere"
    result = valor(nowhere, "audit", "verify", export, "--jwks", jwks)
    assert result.exit_code == 0
    assert f"The audit of tenant {DEMO_TENANT} holds." in result.output
    assert "lies on it" in result.output or "lie on it" in result.output
    assert not nowhere.exists()


def test_a_changed_export_is_refused_with_the_first_thing_that_is_wrong(
    run: Run, export: Path, jwks: Path
) -> None:
    export.write_text(export.read_text("utf-8").replace("valuation.made", "valuation.make"))
    result = run("verify", export, "--jwks", jwks)
    assert result.exit_code == 1
    assert result.output == (
        "The audit does not hold. Line 2: event 1 was changed: its hash is not that of what it "
        "says now.\n"
    )
    told = json.loads(run("verify", export, "--jwks", jwks, "--json").output)
    assert told["holds"] is False


def test_a_cut_tail_is_found_by_heads_that_were_kept(
    run: Run, export: Path, jwks: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in export.read_text("utf-8").splitlines()]
    heads = tmp_path / "heads"
    kept = [line["checkpoint"]["signature"] for line in lines if "checkpoint" in line]
    heads.write_text("\n".join(kept), "utf-8")
    head, first = lines[0], lines[1]
    end = {"end": {"events": 1, "seq": 1, "hash": first["event"]["hash"]}}
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(map(json.dumps, (head, first, end))), "utf-8")
    assert run("verify", cut, "--jwks", jwks).exit_code == 0
    result = run("verify", cut, "--jwks", jwks, "--heads", heads)
    assert result.exit_code == 1
    assert "its end was cut off" in result.output


def test_the_database_is_verified_by_the_keys_at_hand(run: Run) -> None:
    result = run("verify", "--tenant", DEMO_TENANT)
    assert result.exit_code == 0
    assert "holds" in result.output
    missing = run("verify", "--tenant", "019300aa-0000-7000-8000-0000000000ff")
    assert missing.exit_code == 1
    assert "There is no tenant" in missing.output


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    result = valor(tmp_path / "nowhere", "audit", "report")
    assert result.exit_code == 1
    assert "Run: valor migrate" in result.output
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "wrong",
    ["", "{}", "[", '{"keys": [{"purpose": "audit", "crv": "Ed25519", "kid": "a"}]}'],
)
def test_what_cannot_be_found_out_is_no_answer(
    run: Run, export: Path, tmp_path: Path, wrong: str
) -> None:
    keys = tmp_path / "wrong.json"
    keys.write_text(wrong, "utf-8")
    result = run("verify", export, "--jwks", keys)
    assert result.exit_code == 2
    assert "is no JSON Web Key Set of an audit" in result.output


def test_what_proves_nothing_is_told_from_what_is_wrong(
    run: Run, jwks: Path, export: Path, tmp_path: Path
) -> None:
    file = tmp_path / "noise"
    file.write_bytes(b"\xff\xfe\x00")
    assert run("verify", file).exit_code == 1
    heads = tmp_path / "heads"
    for wrong in ("{", "", "[" * 100_000, '{"a":' * 100_000):
        heads.write_text(wrong, "utf-8")
        found = run("verify", export, "--jwks", jwks, "--heads", heads)
        assert found.exit_code == (1 if wrong[:1] == "[" else 2), found.output
    heads.write_text("a.b.c", "utf-8")
    alone = run("verify", export, "--heads", heads)
    assert (alone.exit_code, "--jwks" in alone.output) == (2, True)
    assert run("export", "--format", "csv", "--to", file).exit_code == 0
    table = run("verify", file)
    assert (table.exit_code, "JSONL" in table.output) == (2, True)
    file.write_bytes(b"")
    assert run("verify", file).exit_code == 1
    assert run("verify").exit_code == 2
    assert run("verify", file, "--tenant", DEMO_TENANT).exit_code == 2


def test_a_copy_may_be_a_table_and_of_some_events(run: Run) -> None:
    result = run("export", "--format", "csv", "--action", "valuation.made")
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert (row["seq"], row["action"]) == ("1", "valuation.made")
    asked = ("--subject", "nothing", "--from", "2026-01-01", "--until", "2026-01-02T00:00:00Z")
    assert len(run("export", *asked).stdout.splitlines()) == 2


def test_a_period_is_told_in_lines_as_json_and_as_a_page(run: Run, tmp_path: Path) -> None:
    told = run("report").output
    assert "Demonstration: " in told
    assert "Demo Analyst: " in told
    page = tmp_path / "report.html"
    asked = run("report", "--html", page, "--json")
    assert json.loads(asked.stdout)["members"][0]["name"] == "Demo Analyst"
    assert "<h1>Demonstration</h1>" in page.read_text("utf-8")
    assert run("report", "--from", "2026-02-01", "--until", "2026-01-01").exit_code == 1
    assert run("report", "--from", "yesterday").exit_code == 2
    nowhere = run("report", "--html", tmp_path / "no" / "report.html")
    assert "cannot be written" in nowhere.output
