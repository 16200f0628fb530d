"""``valor billing``: whether what the payment provider lists is what tenants have here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from api.settings import Settings
from api.terminal import fail, run_to_end, settings_of


@click.group()
def billing() -> None:
    """What the payment provider says, and what tenants have."""


@billing.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--apply", is_flag=True, help="Take what the list says for what is paid.")
@click.option("--dev", is_flag=True, help="With the settings of `valor serve --dev`.")
def reconcile(file: Path, *, apply: bool, dev: bool) -> None:
    """Compare FILE, the provider's list of subscriptions, with ours, and say what differs.

    FILE is JSON: {"data": [...]} or [...], each a subscription in Stripe's form. Exit code 1: there
    are differences, or some are left.
    """
    listed = _listed(file)
    settings = settings_of(dev=dev)
    sys.exit(run_to_end(_reconcile(settings, listed, apply=apply)))


async def _reconcile(settings: Settings, listed: Sequence[Any], *, apply: bool) -> int:
    from api.administered import CannotAdminister, administered
    from services.billing_objects import NotUnderstood

    try:
        async with administered(settings) as here:
            reconciling = here.payments.reconciling
            found = await reconciling.differences(listed)
            for each in found:
                whose = "no tenant" if each.tenant_id is None else f"tenant {each.tenant_id}"
                click.echo(f"{each.customer} ({whose}): {each.message}")
            if not found:
                click.echo(f"Nothing differs: {len(listed):,} subscriptions were compared.")
                return 0
            if not apply:
                click.echo(f"{len(found):,} differ. --apply takes the list for what is paid.")
                return 1
            mended = await reconciling.mend(found)
    except (CannotAdminister, NotUnderstood) as no:
        fail(str(no))
    click.echo(f"{mended:,} of {len(found):,} were mended; the rest is for a person to mend.")
    return 0 if mended == len(found) else 1


def _listed(file: Path) -> Sequence[Any]:
    import orjson

    try:
        found = orjson.loads(file.read_bytes())
    except ValueError:
        fail(f"{file} is no JSON.")
    listed = found.get("data") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        fail(f'{file} holds a list of subscriptions, or {{"data": [...]}}.')
    return listed
