"""The command ``valor``: everything a person does with the service in a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from api import VERSION
from api.settings import Settings, SettingsInvalid

R = TypeVar("R")

PORT = click.IntRange(0, 65_535)
JSON_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="Settings are environment variables; docs/settings.md lists them.",
)
@click.version_option(VERSION, prog_name="valor")
def main() -> None:
    """Value firms, and serve whoever asks.

    Start with `valor demo`: it needs nothing else.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback only.")
@click.option("--port", default=8000, type=PORT, show_default=True, help="0: any free port.")
def demo(host: str, port: int) -> None:
    """Serve a database of your own and value Apple from its 10-K."""
    from api.demo import run
    from api.keys import KeyUnusable
    from api.server import PortTaken

    _loopback(host)
    try:
        _run(run(_settings(dev=True), host, port))
    except (PortTaken, KeyUnusable) as no:
        _fail(str(no))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, type=PORT, show_default=True, help="0: any free port.")
@click.option("--dev", is_flag=True, help="Loopback only; makes a key that signs its own tokens.")
def serve(host: str, port: int, *, dev: bool) -> None:
    """Serve the API, and nothing else."""
    from api.keys import KeyUnusable
    from api.serve import NotReady, run
    from api.server import PortTaken

    if dev:
        _loopback(host)
    try:
        _run(run(_settings(dev=dev), host, port))
    except (PortTaken, KeyUnusable, NotReady) as no:
        _fail(str(no))


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--variables", type=JSON_FILE, help="A JSON object with the query's variables.")
def query(file: Path, variables: Path | None) -> None:
    """Run the GraphQL document in FILE, without a server. Prints the answer as JSON."""
    from api.embedded import opened

    given = _json_object(variables) if variables else {}
    try:
        document = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        _fail(f"{file} is not text in UTF-8. Save it as that, then run this again.")

    async def ask() -> dict[str, Any]:
        async with opened(_settings(dev=True)) as embedded:
            return await embedded.ask(document, given)

    answer = _run(ask())
    click.echo(_pretty(answer))
    if answer.get("errors"):
        sys.exit(1)


@main.command()
@click.argument("file", type=JSON_FILE)
@click.option("--explain", is_flag=True, help="Every step of the number, in words.")
@click.option("--json", "as_json", is_flag=True, help="The whole valuation as JSON.")
def value(file: Path, *, explain: bool, as_json: bool) -> None:
    """Value the DCF inputs in FILE, without a server. FILE is JSON: the fields of `DcfInput`."""
    from api.embedded import opened
    from api.explain import VALUE, explanation, refusal, summary

    given = _json_object(file)

    async def ask() -> dict[str, Any]:
        async with opened(_settings(dev=True)) as embedded:
            return await embedded.ask(VALUE, {"input": given})

    answer = _run(ask())
    if answer.get("errors"):
        _fail("\n".join(_in_file(error["message"], file) for error in answer["errors"]))
    outcome = answer["data"]["valueDcf"]
    if outcome["__typename"] == "Refusal":
        _fail(f"{file} cannot be valued.\n{refusal(outcome)}")
    if as_json:
        click.echo(_pretty(outcome))
    else:
        click.echo(explanation(outcome) if explain else summary(outcome))


@main.command()
@click.option("--check", is_flag=True, help="Only say whether the file is up to date.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("schema.graphql"),
    show_default=True,
    help="Where the schema is kept; - prints it.",
)
def schema(file: Path, *, check: bool) -> None:
    """Write the schema, as clients see it, to schema.graphql."""
    from resolvers.schema import build_schema

    text = build_schema().as_str().rstrip() + "\n"
    if str(file) == "-":
        click.echo(text, nl=False)
    elif check:
        kept = file.read_text(encoding="utf-8") if file.exists() else ""
        if kept != text:
            _fail(f"{file} is not the schema of this code. Write it anew: valor schema")
        click.echo(f"{file} is up to date.")
    else:
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as no:
            _fail(f"{file} cannot be written ({no.strerror}). Name another: valor schema --file F")
        click.echo(f"Wrote {file}.")


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from store.migrate import migrate as run

    report = _run(run(_settings(dev=True).database_owner_url), database="VALOR_DATABASE_OWNER_URL")
    if report.applied:
        click.echo(f"Migrated from {report.before or 'nothing'} to {report.after}.")
    else:
        click.echo(f"Nothing to do: the schema is at {report.after}.")


@main.command()
@click.option(
    "--role",
    type=click.Choice(["OWNER", "ADMIN", "ANALYST", "VIEWER"], case_sensitive=False),
    default="OWNER",
    show_default=True,
    help="What the token's holder may do.",
)
@click.option(
    "--minutes",
    default=60,
    show_default=True,
    type=click.IntRange(1, 720),
    help="How long it is good.",
)
def token(role: str, minutes: int) -> None:
    """Print a token for the development server of this machine."""
    from datetime import timedelta

    from api.embedded import DEMO_MEMBER, DEMO_TENANT
    from api.keys import KeyUnusable, read_development_key
    from services.authentication import Issuer
    from services.principal import Role

    settings = _settings(dev=True)
    try:
        key = read_development_key(settings.key_file)
    except KeyUnusable as no:
        _fail(str(no))
    issuer = Issuer(settings.issuer, key)
    click.echo(
        issuer.issue(DEMO_TENANT, DEMO_MEMBER, Role(role.upper()), timedelta(minutes=minutes))
    )


def _settings(*, dev: bool) -> Settings:
    try:
        return Settings.read(os.environ, dev=dev)
    except SettingsInvalid as no:
        _fail(f"The settings need mending:\n{no}")


def _run(work: Coroutine[Any, Any, R], database: str = "VALOR_DATABASE_URL") -> R:
    from store.errors import StoreError

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except StoreError as no:
        _fail(f"{no} Check {database}, then run this again.")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: a server spends half as long between requests."""
    try:
        import uvloop
    except ImportError:  # on Windows
        return None
    return uvloop.new_event_loop


def _loopback(host: str) -> None:
    if host not in ("127.0.0.1", "localhost", "::1"):
        _fail(
            f"A development server signs tokens for whoever asks this machine, so it does not "
            f"listen on {host}. Use 127.0.0.1, or run `valor serve` with VALOR_PUBLIC_KEY_FILE."
        )


def _json_object(file: Path) -> dict[str, Any]:
    from api.protocol import NotWellFormed, strict_json

    try:
        found = strict_json(file.read_bytes(), str(file))
    except NotWellFormed as no:
        _fail(no.message)
    if not isinstance(found, dict):
        _fail(f"{file} must hold a JSON object.")
    return found


def _in_file(message: str, file: Path) -> str:
    return message.replace("Variable '$input'", f"{file}").replace("'input", f"'{file}: input")


def _pretty(answer: Any) -> str:
    import orjson

    plain = orjson.loads(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    return json.dumps(plain, indent=2, ensure_ascii=False)


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)
