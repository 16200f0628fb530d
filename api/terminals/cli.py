"""The command ``valor``: everything a person does with the service in a terminal."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from api import VERSION
from api.terminal import URL, fail, json_object, pretty, run_to_end, settings_of
from api.terminals.audit_command import audit
from api.terminals.backup_command import backup, restore
from api.terminals.billing_command import billing
from api.terminals.football_command import football
from api.terminals.key_commands import keys
from api.terminals.migrate_command import migrate
from api.terminals.retention_command import retention
from api.terminals.tenant_commands import operator, tenant
from api.terminals.value_command import JSON_FILE, export, value

PORT = click.IntRange(0, 65_535)


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
    from api.keys import KeyUnusable
    from api.processes.server import PortTaken
    from api.terminals.demo import run

    _loopback(host)
    try:
        sys.exit(run_to_end(run(settings_of(dev=True), host, port)))
    except (PortTaken, KeyUnusable) as no:
        fail(str(no))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, type=PORT, show_default=True, help="0: any free port.")
@click.option("--dev", is_flag=True, help="Loopback only; makes a key that signs its own tokens.")
@click.option("--workers", type=int, help="Server processes; above one wants VALOR_REDIS_URL.")
@click.option("--cluster", metavar="URL", help="Of a Dask scheduler, tls:// or tcp://, for runs.")
def serve(host: str, port: int, *, dev: bool, workers: int | None, cluster: str | None) -> None:
    """Serve the API, and nothing else."""
    from api.keys import KeyUnusable
    from api.processes.listening import PortTaken, listen
    from api.processes.serve import NotReady, keys_of, run
    from api.processes.supervisor import Supervisor
    from observability.logs import Logs

    if dev:
        _loopback(host)
    else:
        _refuse_what_is_unsafe(VALOR_WORKERS=workers, VALOR_CLUSTER=cluster)
    settings = settings_of(dev=dev, VALOR_WORKERS=workers, VALOR_CLUSTER=cluster)
    try:
        with listen(host, port) as listener:
            logs = Logs(settings.log_level)
            logs.adopt()
            keyring = keys_of(settings)
            if settings.workers == 1:
                sys.exit(run_to_end(run(settings, [listener], keyring, logs)))
            sys.exit(run_to_end(Supervisor(settings, listener, logs).run()))
    except (PortTaken, KeyUnusable, NotReady) as no:
        fail(str(no))


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--variables", type=JSON_FILE, help="A JSON object with the query's variables.")
def query(file: Path, variables: Path | None) -> None:
    """Run the GraphQL document in FILE, without a server. Prints the answer as JSON."""
    from api.embedded import opened

    given = json_object(variables) if variables else {}
    try:
        document = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{file} is not text in UTF-8. Save it as that, then run this again.")

    async def ask() -> dict[str, Any]:
        async with opened(settings_of(dev=True)) as embedded:
            return await embedded.ask(document, given)

    answer = run_to_end(ask())
    click.echo(pretty(answer))
    if answer.get("errors"):
        sys.exit(1)


main.add_command(value)
main.add_command(export)
main.add_command(football)
main.add_command(keys)
main.add_command(backup)
main.add_command(billing)
main.add_command(restore)
main.add_command(migrate)
main.add_command(retention)
main.add_command(audit)
main.add_command(tenant)
main.add_command(operator)


@main.command()
@click.option("--engine", metavar="VERSION", help="That is installed; another one is refused.")
@click.option("--tenant", "tenants", type=click.UUID, multiple=True, help="Only this; repeatable.")
@click.option("--valuation", metavar="ID", help="Only this one, with every number.")
@click.option("--run", metavar="ID", help="Only this run, with every number.")
@click.option(
    "--run-trials",
    type=click.IntRange(min=0),
    default=10_000_000,
    show_default=True,
    help="Trials of each tenant's runs that are computed again, the newest runs first.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def replay(
    engine: str | None,
    tenants: tuple[UUID, ...],
    valuation: str | None,
    run: str | None,
    run_trials: int,
    *,
    as_json: bool,
) -> None:
    """Value what is kept again, and say which numbers are others now.

    Writes nothing. Ends with 0 if every number is as it was kept or a change of the engine
    explains it, with 1 if one is not, with 2 if it could not be found out.
    """
    if engine is None and valuation is None and run is None:
        raise click.UsageError("Name the engine (--engine VERSION), or one valuation, or one run.")
    note = partial(click.echo, err=True)
    try:
        from api.terminals import replay as replaying
    except KeyboardInterrupt:  # click would end with 1, and 1 would say that a number changed
        sys.exit(130)
    asked = replaying.Asked(
        engine=engine, tenants=tenants, valuation=valuation, run=run, run_trials=run_trials
    )
    try:
        settings = settings_of(dev=True)
        sound = run_to_end(replaying.run(settings, asked, click.echo, note, as_json=as_json))
    except replaying.CannotReplay as no:
        click.echo(str(no), err=True)
        sys.exit(2)
    except SystemExit as end:  # 1 would say that a number changed
        sys.exit(2 if end.code == 1 else end.code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if sound else 1)


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
            fail(f"{file} is not the schema of this code. Write it anew: valor schema")
        click.echo(f"{file} is up to date.")
    else:
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as no:
            fail(f"{file} cannot be written ({no.strerror}). Name another: valor schema --file F")
        click.echo(f"Wrote {file}.")


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

    from api.embedded import ANALYST
    from api.keys import KeyUnusable
    from api.terminals.tokens import DevelopmentTokens
    from services.principal import Role

    lifetime = timedelta(minutes=minutes)
    tokens = DevelopmentTokens(settings_of(dev=True), ANALYST, Role(role.upper()), lifetime)
    try:
        click.echo(tokens.token())
    except KeyUnusable as no:
        fail(str(no))


@main.command()
def models() -> None:
    """List models with their values, without a server."""
    from api.embedded import opened
    from api.terminals.listing import listed

    async def ask() -> list[str]:
        async with opened(settings_of(dev=True)) as embedded:
            return await listed(embedded)

    for line in run_to_end(ask()):
        click.echo(line)


@main.group()
def companies() -> None:
    """Bring companies of your own from files, and see which there are."""


@companies.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
def import_companies(files: tuple[Path, ...]) -> None:
    """Import companies from FILEs: CSV by statement, or JSON. All of it, or nothing.

    What is imported again changes nothing. docs/companies.md tells the columns.
    """
    from api.embedded import opened
    from api.terminals.companies import NotImported, bring, read

    async def put() -> list[str]:
        statements = read(files)
        async with opened(settings_of(dev=True)) as embedded:
            return await bring(embedded, statements)

    try:
        for line in run_to_end(put()):
            click.echo(line)
    except NotImported as no:
        fail(str(no))


@companies.command("list")
def list_companies() -> None:
    """List the companies that are here: your own, then the shipped ones."""
    from api.embedded import opened
    from api.terminals.companies import listed

    async def ask() -> list[str]:
        async with opened(settings_of(dev=True)) as embedded:
            return await listed(embedded)

    for line in run_to_end(ask()):
        click.echo(line)


@main.command()
@click.argument("model_id")
@click.option("--url", default=URL, show_default=True, help="Of the server.")
@click.option(
    "--token",
    "given",
    envvar="VALOR_TOKEN",
    show_envvar=True,
    help="Who you are. Left out: the demonstration's analyst, by this machine's development key.",
)
@click.option(
    "--as",
    "name",
    type=click.Choice(["analyst", "partner"]),
    help="A member of the demonstration to be, whatever token there is.",
)
def join(model_id: str, url: str, given: str | None, name: str | None) -> None:
    """Be in a model's room: see the others, and be seen.

    Prints who is there, what they point at and edit, and what the model is worth. Commands are
    read from standard input, one a line; `help` lists them, and its end leaves.
    """
    from api.embedded import DEMO_MEMBERS
    from api.keys import KeyUnusable
    from api.terminals import join as room
    from api.terminals.caller import socket_address
    from api.terminals.tokens import DevelopmentTokens, GivenToken

    try:
        address = socket_address(url)
    except ValueError:
        fail(f"{url} is no address of a server. It looks like {URL}")
    tokens: room.Tokens
    if given and name is None:
        tokens = GivenToken(given)
    else:
        tokens = DevelopmentTokens(settings_of(dev=True), DEMO_MEMBERS[name or "analyst"])

    async def be_there() -> None:
        await room.join(address, model_id, tokens, room.typed_lines())

    try:
        run_to_end(be_there())
    except (room.Ended, KeyUnusable) as no:
        fail(str(no))


def _refuse_what_is_unsafe(**given: object) -> None:
    from api.production import problems

    said = {name: str(value) for name, value in given.items() if value is not None}
    if found := run_to_end(problems({**os.environ, **said})):
        fail("The settings need mending:\n" + "\n".join(found))


def _loopback(host: str) -> None:
    if host not in ("127.0.0.1", "localhost", "::1"):
        fail(
            f"A development server signs tokens for whoever asks this machine, so it does not "
            f"listen on {host}. Use 127.0.0.1, or run `valor serve` with VALOR_KEYS."
        )
