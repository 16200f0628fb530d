"""The commands ``valor audit verify``, ``valor audit export`` and ``valor audit report``."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from api.terminal import fail, run_to_end, settings_of

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

    from api.settings import Settings
    from services.audit_report import AuditReport
    from services.audit_verification import Finding
    from services.auditing import Auditing
    from store.audit_events import EventFilter

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


class Moment(click.ParamType[datetime]):
    """A day or a moment; without a zone it is in UTC."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is no day or moment: 2026-11-23 or 2026-11-23T12:00:00Z", param, ctx
            )
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


_TENANT = click.option(
    "--tenant", type=click.UUID, help="Whose audit. Left out: the demonstration's."
)


@click.group()
def audit() -> None:
    """Prove, copy and add up what was done and seen.

    The database is that of VALOR_DATABASE_URL; no server has to run.
    """


@audit.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--jwks", type=_FILE, help="The keys in /.well-known/audit-jwks.json, as a file.")
@click.option("--heads", type=_FILE, help="Signed heads that you kept yourself, one a line.")
@click.option("--tenant", type=click.UUID, help="Instead of a FILE: this tenant's in the database.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(
    file: Path | None, jwks: Path | None, heads: Path | None, tenant: UUID | None, *, as_json: bool
) -> None:
    """Check that an exported audit is whole: the JSONL in FILE, or a tenant's in the database.

    With a FILE nothing else is needed, no server, no database. Ends with 0 where the audit holds,
    with 1 where it does not, having said the first thing that is wrong, and with 2 where that
    cannot be found out.
    """
    from services.audit_lines import NoProof, NotWhole, heads_in, keys_in, texts_in
    from services.audit_verification import verify as verify_file

    if (file is None) == (tenant is None):
        raise click.UsageError("Name either a FILE or a --tenant.")
    if file is not None and heads is not None and jwks is None:
        raise click.UsageError("Heads prove something by the public keys alone: name --jwks, too.")
    try:
        keys = None if jwks is None else keys_in(json.loads(jwks.read_bytes()))
    except (ValueError, RecursionError) as flaw:
        click.echo(f"{jwks} is no JSON Web Key Set of an audit: {flaw}.", err=True)
        sys.exit(2)
    try:
        kept = [] if heads is None else list(heads_in(heads.read_text("utf-8").splitlines()))
    except ValueError:
        click.echo(f"{heads} has no signed head, or a line that is none.", err=True)
        sys.exit(2)
    try:
        if file is not None:
            with file.open("rb") as content:
                found = verify_file(texts_in(content), keys, kept)
        else:
            assert tenant is not None  # noqa: S101 - one of the two is there
            found = run_to_end(_verified(settings_of(dev=True), tenant, keys, kept))
    except NotWhole as flaw:
        if as_json:
            click.echo(json.dumps({"holds": False, "flaw": str(flaw)}))
        else:
            click.echo(f"The audit does not hold. {flaw}", err=True)
        sys.exit(1)
    except NoProof as no:
        click.echo(str(no), err=True)
        sys.exit(2)
    except OSError as no:
        click.echo(f"{file} cannot be read ({no.strerror}).", err=True)
        sys.exit(2)
    click.echo(
        json.dumps({"holds": True, **asdict(found)}) if as_json else "\n".join(found.lines())
    )


@audit.command()
@_TENANT
@click.option(
    "--to", default="-", show_default=True, type=_OUT, help="The file; - is the terminal."
)
@click.option(
    "--format",
    "written_as",
    type=click.Choice(["jsonl", "csv"], case_sensitive=False),
    default="jsonl",
    show_default=True,
    help="JSONL can be verified; CSV is for a spreadsheet.",
)
@click.option("--action", help="Only events of this action, such as model.read.")
@click.option("--actor", type=click.UUID, help="Only what this member did.")
@click.option("--subject", help="Only events about this: a global id, or an id as events have it.")
@click.option("--from", "since", type=Moment(), help="At this moment or after it.")
@click.option("--until", type=Moment(), help="Before this moment.")
def export(
    tenant: UUID | None,
    to: Path,
    written_as: str,
    action: str | None,
    actor: UUID | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Copy a tenant's audit into a file. That it was copied is on record in it."""
    from resolvers.audit import subject_of
    from services.audit_reading import EventFilter

    wanted = EventFilter(
        actions=None if action is None else (action,),
        actor=actor,
        subjects=None if subject is None else (subject_of(subject),),
        since=since,
        until=until,
    )
    events = run_to_end(_exported(settings_of(dev=True), tenant, wanted, written_as.upper(), to))
    if str(to) != "-":
        click.echo(f"Wrote {to}: {events:,} bytes.")


@audit.command()
@_TENANT
@click.option("--from", "since", type=Moment(), help="Left out: 30 days before the end.")
@click.option("--until", type=Moment(), help="The end, not in it. Left out: now.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="A page to print.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def report(
    tenant: UUID | None,
    since: datetime | None,
    until: datetime | None,
    html: Path | None,
    *,
    as_json: bool,
) -> None:
    """Say who saw and changed what in a period, by member."""
    from services.audit_page import page_of
    from services.audit_report import document_of

    until = until or datetime.now(UTC)
    since = since or until - timedelta(days=30)
    if since >= until:
        fail("The period ends before it begins: --from is before --until.")
    found = run_to_end(_reported(settings_of(dev=True), tenant, since, until))
    if html is not None:
        try:
            html.write_text(page_of(found), encoding="utf-8")
        except OSError as no:
            fail(f"{html} cannot be written ({no.strerror}). Name another file: --html FILE")
        click.echo(f"Wrote {html}.", err=as_json)
    if as_json:
        click.echo(json.dumps(document_of(found), indent=2, ensure_ascii=False))
    elif html is None:
        click.echo("\n".join(_lines(found)))


def _lines(found: AuditReport) -> Iterator[str]:
    """The report for a terminal: one line for each member."""
    yield (
        f"{found.tenant_name}: {found.events:,} events, {found.since:%Y-%m-%d} to "
        f"{found.until:%Y-%m-%d}"
    )
    for each in found.members:
        told = [
            f"{len(each.models_read)} models seen",
            f"{len(each.models_changed)} changed in {each.changes} changes",
            f"{each.valuations} valuations",
            f"{each.exports} files",
        ]
        if each.logins:
            told.insert(0, f"signed in {each.logins} times")
        if each.administrative:
            told.append(f"{each.administrative} administrative")
        yield f"  {each.name}: {', '.join(told)}"


@asynccontextmanager
async def _opened(settings: Settings, tenant: UUID | None) -> AsyncIterator[tuple[Auditing, UUID]]:
    """The audit of a database as it is, chained to its end, and whose it is."""
    from api.embedded import DEMO_TENANT
    from api.keys import KeyUnusable, open_keyring, temporary_keys
    from collab.bus import BroadcastBus, MemoryBackend
    from observability.logs import Logs
    from resolvers.ids import global_id
    from services.administration import Administration
    from services.audit_heads import HeadNews
    from services.audit_log import AuditLog
    from services.auditing import Auditing
    from services.sealing import Sealer
    from services.standing import Standings
    from services.tenants import TenantService
    from services.webhook_events import Bodies
    from store.audit import AuditNotes
    from store.changes import Changes
    from store.database import Database
    from store.standing import Standings as StandingStore
    from store.tenants import Tenants

    log = Logs("ERROR").get("audit")
    try:
        signer = open_keyring(settings.keys)
    except KeyUnusable:  # then nothing is signed
        signer = None
    database = Database.open(settings.database_url)
    try:
        if await database.behind():  # also where there is none yet
            fail("The database's schema is behind this version. Run: valor migrate")
        standings = Standings(StandingStore(database), BroadcastBus(MemoryBackend(), log))
        tenants = Tenants(database)
        auditing = Auditing.build(
            database=database,
            looks=AuditLog(AuditNotes(database)),
            tenants=TenantService(tenants, standings),
            administration=Administration(Changes(database), standings),
            signer=signer,
            # Servers find it among what is to be sent.
            sink=HeadNews(Bodies(global_id, settings.public_url), lambda _: None),
            sealer=Sealer(signer or temporary_keys()),  # nobody is erased here
            log=log,
        )
        whose = tenant or DEMO_TENANT
        if await tenants.find(whose) is None:
            fail(f"There is no tenant {whose} in the database.")
        await auditing.chainer.drain(whose)
        yield auditing, whose
    finally:
        await database.close()


async def _verified(
    settings: Settings, tenant: UUID, keys: Mapping[str, OKPKey] | None, heads: list[str]
) -> Finding:
    from api.keys import KeyUnusable, read_keys
    from services.audit_verification import Verification

    if keys is None:
        try:
            keys = {str(key.kid): key for key in read_keys(settings.keys).auditing}
        except KeyUnusable:
            click.echo(f"There are no keys in {settings.keys} to check signatures by.", err=True)
    verification = Verification(keys, heads)
    async with _opened(settings, tenant) as (auditing, whose):
        async for page in auditing.export.pages(whose):
            for line in page:
                verification.take(line)
    return verification.close()


async def _exported(
    settings: Settings, tenant: UUID | None, wanted: EventFilter, written_as: str, to: Path
) -> int:
    from services.audit_export import Format

    written = 0
    async with _opened(settings, tenant) as (auditing, whose):
        pages = await auditing.reading.export_for(whose, wanted, Format(written_as))
        try:
            with click.open_file(str(to), "wb") as file:
                async for page in pages:
                    written += file.write(page)
        except OSError as no:
            fail(f"{to} cannot be written ({no.strerror}). Name another file: --to FILE")
    return written


async def _reported(
    settings: Settings, tenant: UUID | None, since: datetime, until: datetime
) -> AuditReport:
    async with _opened(settings, tenant) as (auditing, whose):
        return await auditing.reports.for_tenant(whose, since, until)
