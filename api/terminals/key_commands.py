"""`valor keys`: the keys that sign tokens and the audit's heads, and that seal secrets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from api.terminal import counted, fail, run_to_end, settings_of

if TYPE_CHECKING:
    from api.settings import Settings


@click.group()
def keys() -> None:
    """Make, list and take away the keys in VALOR_KEYS. Servers see a change within seconds."""


@keys.command()
def rotate() -> None:
    """Make a new key for each purpose. It is used once it has been there for ten minutes.

    Tokens of the keys before it stay good. Run this now and then, and whenever a key may be
    known to somebody else; then `valor keys prune` half an hour later.
    """
    from api.keys import KeyUnusable, make_keys

    directory = settings_of(dev=True).keys
    try:
        for name in make_keys(directory):
            click.echo(f"Wrote {directory / name}")
    except KeyUnusable as no:
        fail(str(no))


@keys.command("list")
def list_() -> None:
    """List the keys, the newest first, and say which are in use."""
    from api.keys import KeyUnusable, list_keys

    try:
        found = list_keys(settings_of(dev=True).keys)
    except KeyUnusable as no:
        fail(str(no))
    for key in found:
        state = "in use" if key.in_use else "only proves" if key.only_proves else "-"
        click.echo(f"{key.kid}  {key.purpose:<6}  {key.made_at:%Y-%m-%d %H:%M} UTC  {state}")


@keys.command()
def prune() -> None:
    """Take away keys that nothing needs any longer.

    Of the audit's keys the public part stays, so that old heads are proved for ever. What is
    sealed under an old key is sealed anew in the database of VALOR_DATABASE_URL, and the key goes
    once nothing is left under it; VALOR_DATABASE_BACKUP_URL names a role that sees who the tenants
    are. Stopped halfway, it goes on where it was when it is run again.
    """
    from api.keys import KeyUnusable, prune_keys, remove_seal, superseded_seals

    settings = settings_of(dev=True)
    try:
        gone = prune_keys(settings.keys)
        seals = superseded_seals(settings.keys)
    except KeyUnusable as no:
        fail(str(no))
    for name in gone:
        click.echo(f"Took {name} away.")
    left, marks = run_to_end(_resealed(settings)) if seals else (Counter[str](), Counter[str]())
    for kid in seals:
        if left[kid]:
            continue
        if marks[kid]:
            whom = counted(marks[kid], "erased member", "erased members")
            click.echo(f"Kept {kid}.seal.key: {whom} would be known again by it alone.")
        else:
            remove_seal(settings.keys, kid)
            click.echo(f"Took {kid}.seal.key away: nothing is sealed under it.")
    kept = [f"{kid}.seal.key ({left[kid]:,})" for kid in seals if left[kid]]
    if kept:
        fail(
            f"Kept, since something is sealed under them that does not open: {', '.join(kept)}. "
            "Reset those second factors, and rotate those webhooks' and providers' secrets."
        )
    if not (gone or seals):
        click.echo("Nothing to do: every key may still be needed.")


async def _resealed(settings: Settings) -> tuple[Counter[str], Counter[str]]:
    """How much is left under keys that are not in use, once all else was sealed anew; and how many
    who were erased are known by each."""
    from api.keys import open_keyring
    from services.resealing import marked, reseal
    from services.sealing import Sealer
    from store.all_tenants import all_tenants
    from store.database import Database
    from store.errors import AccessRefused

    database = Database.open(settings.database_url)
    try:
        if await database.behind():  # also where there is none yet
            fail(
                "Keys that seal stay: the database, in which something may be sealed under them, "
                "is not there or behind this version. Run: valor migrate"
            )
        tenants = await all_tenants(settings.database_backup_url)
        left = await reseal(database, Sealer(open_keyring(settings.keys)), tenants)
        return left, await marked(database, tenants)
    except AccessRefused as no:
        fail(f"{no} Name one that sees them all: VALOR_DATABASE_BACKUP_URL")
    finally:
        await database.close()
