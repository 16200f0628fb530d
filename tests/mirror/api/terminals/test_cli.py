"""The command line does what it says, and a no says what, why and what mends it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api import VERSION
from api.keys import make_development_keys, make_keys
from api.settings import Settings
from api.terminals.cli import main
from resolvers.ids import inner_id
from services.authentication import Authenticator
from services.principal import Role
from tests.dcf_documents import WORTH_A_SHARE, Document, firm

ROOT = Path(__file__).parents[4]
EXAMPLES = ROOT / "examples"
COMMANDS = sorted(main.commands)

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the commands of a session: its database is migrated once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(home: Path) -> Run:
    """A command, with nothing else in its environment than what is given."""

    def valor(*words: object, **environment: str) -> Result:
        clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
        result = CliRunner().invoke(
            main,
            [str(word) for word in words],
            env={**clean, "VALOR_HOME": str(home), **environment},
            prog_name="valor",
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return valor


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(content: object, name: str = "given.json") -> Path:
        file = tmp_path / name
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    return written


def refused(result: Result, *words: str, code: int = 1) -> str:
    """The no of a command: on stderr alone, as sentences, without a traceback."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    return result.stderr


# Help


def test_the_help_names_every_command_with_a_whole_sentence(run: Run) -> None:
    said = run("--help").stdout
    assert said.startswith("Usage: valor [OPTIONS] COMMAND [ARGS]...")
    listed = said.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert not [line for line in listed if not line.endswith(".") or line.endswith("...")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_what_each_option_is_for(
    run: Run, command: str
) -> None:
    said = run(command, "--help")
    assert said.exit_code == 0
    assert said.stdout == run(command, "-h").stdout
    doc = main.commands[command].help
    assert doc
    assert doc[0].isupper()
    assert doc.rstrip().endswith(".")
    for option in main.commands[command].params:
        if option.param_type_name == "option":
            assert getattr(option, "help", None), f"{command} {option.name}"


@pytest.mark.parametrize(
    "command", ["demo", "serve", "query", "value", "schema", "migrate", "token"]
)
def test_the_commands_that_were_promised_are_there(command: str) -> None:
    assert command in COMMANDS


def test_a_slip_in_a_command_names_the_help(run: Run) -> None:
    refused(run("valeu"), "No such command 'valeu'", "valor --help", code=2)


def test_the_version_is_the_packages(run: Run) -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert told == VERSION
    assert run("--version").stdout == f"valor, version {VERSION}\n"


# value


def test_value_prints_the_number_and_the_way_to_it(run: Run, write: Any) -> None:
    result = run("value", write(firm()))
    assert result.exit_code == 0
    assert "Value per share                              11.00 USD" in result.stdout
    assert result.stderr == ""


def test_value_explain_prints_every_step(run: Run) -> None:
    result = run("value", EXAMPLES / "apple.json", "--explain")
    assert result.exit_code == 0
    headings = [line[0] for line in result.stdout.splitlines() if line[:1].isdigit()]
    assert headings == ["1", "2", "3", "4", "5"]
    assert "Value per share" in result.stdout
    assert "Valuation id" in result.stdout


def test_value_json_is_one_json_object_with_every_number(run: Run, write: Any) -> None:
    told = json.loads(run("value", write(firm()), "--json").stdout)
    assert told["__typename"] == "DcfValuation"
    assert told["valuePerShare"] == WORTH_A_SHARE
    assert told["forecast"]["freeCashFlow"] == pytest.approx([150.0] * 3)
    assert len(inner_id("DcfValuation", told["id"])) == 64


def test_the_same_file_has_the_same_id_in_a_home_of_its_own(
    run: Run, write: Any, tmp_path: Path
) -> None:
    file = write(firm())
    here = json.loads(run("value", file, "--json").stdout)["id"]
    there = json.loads(run("value", file, "--json", VALOR_HOME=str(tmp_path / "new")).stdout)["id"]
    assert here == there


def test_value_refuses_with_every_number_that_has_to_be_mended(run: Run, write: Any) -> None:
    file = write(
        firm(**{"capital.wacc": 5.0, "shares.diluted": 0.0, "terminal.gordon.growth": 0.9})
    )
    said = refused(run("value", file), f"{file} cannot be valued.", "INVALID_INPUT", "3 inputs")
    for path in ("capital.wacc", "shares.diluted", "terminal.gordon.growth"):
        assert f"\n  {path}\n" in said
    assert said.count("→") == 3


NOT_INPUTS: dict[str, tuple[object, str]] = {
    "no JSON": (b"{", "is not JSON"),
    "nothing": (b"", "is not JSON"),
    "no UTF-8": (b"\xff\xfe{", "is no text in UTF-8. Save it as UTF-8."),
    "variables": ({"input": firm()}, "GraphQL document, not inputs.\nRun `valor query "),
    "NaN": (b'{"capital": {"wacc": NaN}}', "is not JSON"),
    "a number beyond a double": (b'{"capital": {"wacc": 1e400}}', "is not JSON"),
    "a list": ([firm()], "must hold a JSON object"),
    "too deep": (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper"),
    "a part that is missing": ({"capital": {"wacc": 0.1}}, "required field 'timing'"),
    "a part that is null": (firm(**{"operations.revenue": None}), "revenue: This is null. Give a"),
    "a field that there is not": ({**firm(), "waac": 0.1}, "unknown field 'waac'"),
    "a field misspelt": ({**firm(), "capitl": {}}, "Did you mean 'capital'?"),
    "a number in words": (firm(**{"shares.diluted": "many"}), "at shares.diluted: Float"),
    "a rate in percent": (firm(**{"capital.wacc": "25%"}), "quotes, % or separators: 0.25.\n"),
    "a day": (firm(**{"timing.valuationDate": "2026-02-30"}), '"2026-02-30" is no date. Write'),
}


@pytest.mark.parametrize(("content", "words"), NOT_INPUTS.values(), ids=NOT_INPUTS.keys())
def test_value_says_what_is_wrong_with_a_file(
    run: Run, write: Any, content: object, words: str
) -> None:
    file = write(content)
    said = refused(run("value", file), str(file), words)
    assert max(map(len, said.splitlines())) < len(str(file)) + 200  # and never the whole file


@pytest.mark.parametrize("command", ["value", "query"])
def test_a_file_that_is_not_there_is_named(run: Run, command: str, tmp_path: Path) -> None:
    refused(run(command, tmp_path / "no"), str(tmp_path / "no"), "does not exist", code=2)
    refused(run(command, tmp_path), "is a directory", code=2)
    refused(run(command), "Missing argument 'FILE'", f"valor {command} --help", code=2)


# query


def test_query_answers_without_a_server(run: Run, write: Any) -> None:
    file = write("{ viewer { role } companies { ticker } }", "ask.graphql")
    result = run("query", file)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["data"]["viewer"] == {"role": "OWNER"}
    assert told["data"]["companies"][0] == {"ticker": "AAPL"}
    assert result.stderr == ""


def test_query_takes_variables_and_values_what_value_values(run: Run, write: Any) -> None:
    query = EXAMPLES / "value_apple.graphql"
    told = json.loads(run("query", query, "--variables", EXAMPLES / "value_apple.json").stdout)
    alone = json.loads(run("value", EXAMPLES / "apple.json", "--json").stdout)
    assert told["data"]["valueDcf"]["id"] == alone["id"]
    assert told["data"]["valueDcf"]["valuePerShare"] == alone["valuePerShare"]


def test_query_prints_grids_as_numbers(run: Run) -> None:
    query = EXAMPLES / "analyses.graphql"
    result = run("query", query, "--variables", EXAMPLES / "analyses.json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)["data"]["valueDcf"]["sensitivity"]["values"]
    assert all(isinstance(cell, float) for row in values for cell in row)


QUERIES = {
    "a syntax error": "{ viewer { role }",
    "a field that there is not": "{ nope }",
    "a no of a field": '{ valuation(id: "x") { id } }',
    "a variable that is left out": "query ($id: ID!) { valuation(id: $id) { id } }",
    "too many aliases": "{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(40)) + " }",
    "a subscription": "subscription { x }",
    "two operations": "query A { viewer { role } } query B { viewer { role } }",
}


@pytest.mark.parametrize("text", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_with_errors_prints_them_as_json_and_fails(run: Run, write: Any, text: str) -> None:
    result = run("query", write(text, "ask.graphql"))
    assert result.exit_code == 1
    errors = json.loads(result.stdout)["errors"]
    assert all(error["message"] for error in errors)
    assert "Traceback" not in result.output


def test_a_query_is_text_and_its_variables_are_an_object(run: Run, write: Any) -> None:
    good = write("{ viewer { role } }", "ask.graphql")
    refused(run("query", write(b"\xff", "bad.graphql")), "not text in UTF-8")
    refused(run("query", good, "--variables", write("[]")), "must hold a JSON object")
    refused(run("query", good, "--variables", write("{")), "is not JSON")


# schema


def test_schema_writes_checks_and_prints(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    refused(run("schema", "--check", "--file", file), str(file), "Write it anew: valor schema")
    assert run("schema", "--file", file).stdout == f"Wrote {file}.\n"
    assert run("schema", "--check", "--file", file).stdout == f"{file} is up to date.\n"
    assert run("schema", "--file", "-").stdout == file.read_text()
    file.write_text(file.read_text().replace("valuePerShare", "valueAShare"))
    refused(run("schema", "--check", "--file", file), "is not the schema of this code")


def test_a_schema_that_cannot_be_written_is_a_no(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "schema.graphql"
    refused(run("schema", "--file", file), str(file), "cannot be written")


# migrate


def test_migrate_brings_a_new_database_up_to_date_and_then_has_nothing_to_do(
    run: Run, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'valor.db'}"
    told = run("migrate", "--dry-run", VALOR_DATABASE_URL=url).stdout.splitlines()
    assert told[-1].startswith("Would migrate from nothing to 00")
    assert [line.split()[0] for line in told[:3]] == ["0001", "0002", "0003"]
    assert not (tmp_path / "new").exists()
    done = run("migrate", VALOR_DATABASE_URL=url).stdout.splitlines()
    assert done == [*told[:-1], told[-1].replace("Would migrate", "Migrated")]
    assert run("migrate", VALOR_DATABASE_URL=url).stdout.startswith("Nothing to do: the schema is")


@pytest.mark.parametrize("command", ["migrate", "value", "query"])
def test_a_database_that_is_away_names_the_setting_to_look_at(
    run: Run, write: Any, command: str
) -> None:
    files = [] if command == "migrate" else [write(firm())]
    url = "postgresql://nobody@127.0.0.1:1/valor"
    said = refused(run(command, *files, VALOR_DATABASE_URL=url), "The database is away")
    assert "VALOR_DATABASE" in said
    assert "127.0.0.1" not in said


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "postgresql://a@h:port/d", "mysql://u:pw@h"])
def test_settings_that_are_wrong_are_said_before_anything_is_done(
    run: Run, write: Any, url: str
) -> None:
    said = refused(run("value", write(firm()), VALOR_DATABASE_URL=url), "The settings need mending")
    assert "pw" not in said


# token


def test_a_token_is_proved_by_the_development_servers_key(run: Run, tmp_path: Path) -> None:
    settings = Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)
    keyring = make_development_keys(settings.keys)
    said = run("token", "--role", "viewer", "--minutes", "5", VALOR_HOME=str(tmp_path))
    assert said.exit_code == 0
    assert said.stdout.count("\n") == 1
    principal = Authenticator(settings.issuer, keyring).principal_by(said.stdout.strip())
    assert principal.role is Role.VIEWER


def test_without_a_server_there_is_no_token_and_the_command_that_starts_one_is_named(
    run: Run, tmp_path: Path
) -> None:
    refused(run("token", VALOR_HOME=str(tmp_path)), "no key for tokens", "valor serve --dev")


@pytest.mark.parametrize(
    "words", [("--minutes", "0"), ("--minutes", "721"), ("--minutes", "x"), ("--role", "KING")]
)
def test_a_token_has_a_known_role_and_ends_within_half_a_day(
    run: Run, words: tuple[str, str]
) -> None:
    refused(run("token", *words), "Invalid value", code=2)


# serve, demo: what is said before they serve


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
@pytest.mark.parametrize("command", [("serve", "--dev"), ("demo",)])
def test_a_development_server_listens_to_this_machine_alone(
    run: Run, command: tuple[str, ...], host: str
) -> None:
    refused(run(*command, "--host", host), host, "127.0.0.1", "VALOR_KEYS")


def test_production_does_not_start_without_the_keys_that_sign_its_tokens(run: Run) -> None:
    refused(run("serve"), "VALOR_KEYS is not set", "valor serve --dev")


def test_production_makes_no_keys_and_names_the_command_that_does(run: Run, tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    refused(run("serve", "--port", "0", VALOR_KEYS=keys), keys, "valor keys rotate")
    assert not (tmp_path / "keys").exists()


def test_production_does_not_start_with_keys_that_others_may_read(run: Run, tmp_path: Path) -> None:
    names = make_keys(tmp_path)
    (tmp_path / names[0]).chmod(0o644)
    said = refused(run("serve", "--port", "0", VALOR_KEYS=str(tmp_path)), "Others may read")
    assert f"chmod 600 {tmp_path / names[0]}" in said


def test_production_does_not_migrate_and_names_the_command_that_does(
    run: Run, tmp_path: Path
) -> None:
    make_keys(tmp_path / "production-keys")
    keys = str(tmp_path / "production-keys")
    environment = {"VALOR_KEYS": keys, "VALOR_HOME": str(tmp_path)}
    refused(run("serve", "--port", "0", **environment), "The database is away")
    database = tmp_path / "valor.db"
    database.touch(mode=0o600)
    refused(run("serve", "--port", "0", **environment), "is behind", "Run: valor migrate")


@pytest.mark.parametrize("command", [("serve", "--dev"), ("demo",)])
def test_a_port_that_is_taken_is_a_no_with_another_port(run: Run, command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(run(*command, "--port", port), f"127.0.0.1:{port}", "--port 8001")


@pytest.mark.parametrize("command", [("serve", "--dev"), ("demo",)])
def test_a_home_that_cannot_be_written_is_a_no(
    run: Run, command: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    refused(run(*command, "--port", "0", VALOR_HOME=str(file)), "VALOR_HOME")


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_is_a_number_that_ports_have(run: Run, port: str) -> None:
    refused(run("serve", "--dev", "--port", port), "Invalid value for '--port'", code=2)


# One whole process: what the shell sees.


def test_a_process_keeps_its_answer_and_its_complaints_apart(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    def valor(document: Document) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-c",
                "from api.terminals.cli import main; main()",
                "value",
                write(document),
            ],
            cwd=ROOT,
            env={**os.environ, "VALOR_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=60,
        )

    good, bad = valor(firm()), valor(firm(**{"shares.diluted": 0.0}))
    assert (good.returncode, good.stderr) == (0, "")
    assert "11.00 USD" in good.stdout
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "shares.diluted" in bad.stderr
