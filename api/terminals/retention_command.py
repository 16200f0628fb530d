"""The command ``valor retention run``: for the owner of the database, once a day."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from api.terminal import counted, fail, run_to_end, settings_of

if TYPE_CHECKING:
    from services.retention import Kept


_WORDS: Final = {
    "valuations": ("valuation",),
    "deliveries": ("delivery", "deliveries"),
    "sessions": ("session",),
    "invitations": ("invitation",),
    "answers": ("answer",),
    "audit_events": ("audit event",),
}


@click.group()
def retention() -> None:
    """Remove what no plan keeps any longer."""


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a tenant, on a line each.")
def run_command(*, dry_run: bool, as_json: bool) -> None:
    """Remove what has outlived its tenant's plan, in small steps beside those who work.

    Valuations past their end, unless a run was made from them; deliveries, sessions and
    invitations that ended 90 days ago; answers to administrative changes, for whoever repeats
    them, as late; audit events that are older than the plan keeps them, by a signed word.
    Nothing that is under a legal hold. As the role of VALOR_DATABASE_OWNER_URL;
    VALOR_DATABASE_BACKUP_URL names one that sees who the tenants are.
    """
    from api.keys import KeyUnusable, open_keyring, read_keys
    from services.retention import run
    from store.all_tenants import all_tenants
    from store.errors import AccessRefused

    settings = settings_of(dev=True)
    try:
        read_keys(settings.keys)
        signer = open_keyring(settings.keys)
    except KeyUnusable as no:
        signer = None
        click.echo(f"The audit stays as it is, since nothing can sign for it: {no}", err=True)

    async def work() -> None:
        try:
            tenants = await all_tenants(settings.database_backup_url)
        except AccessRefused as no:
            fail(f"{no} Name one that sees them all: VALOR_DATABASE_BACKUP_URL")
        if not tenants and not as_json:
            click.echo("There are no tenants.")
        url = settings.database_owner_url
        try:
            async for each in run(url, tenants, signer, dry_run=dry_run):
                click.echo(json.dumps(_told(each)) if as_json else _said(each, dry_run=dry_run))
        except AccessRefused:
            fail("The role may not remove rows. Name the one that owns: VALOR_DATABASE_OWNER_URL")

    run_to_end(work(), database="VALOR_DATABASE_OWNER_URL")


def _told(each: Kept) -> dict[str, object]:
    return {**asdict(each), "tenant_id": str(each.tenant_id)}


def _said(each: Kept, *, dry_run: bool) -> str:
    counts: dict[str, int] = {**asdict(each.gone), "audit_events": each.audit_events or 0}
    told = [counted(counts[name], *words) for name, words in _WORDS.items() if counts[name]]
    went = ", ".join(told) or "nothing"
    held = f" (held: {each.held})" if each.held else ""
    return f"{each.slug}: {'would remove' if dry_run else 'removed'} {went}{held}"
