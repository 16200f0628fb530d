"""`valor keys`: the keys that sign tokens and the audit's heads, and that seal secrets."""

from __future__ import annotations

import click

from api.terminal import fail, settings_of


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
    """Take away keys that no token in use can be of.

    Of the audit's keys the public part stays, so that old heads are proved for ever. Keys that
    seal stay as they are: something may be sealed with them.
    """
    from api.keys import KeyUnusable, prune_keys

    try:
        gone = prune_keys(settings_of(dev=True).keys)
    except KeyUnusable as no:
        fail(str(no))
    for name in gone:
        click.echo(f"Took {name} away.")
    if not gone:
        click.echo("Nothing to do: every key may still be needed.")
