"""The command ``valor migrate``."""

from __future__ import annotations

import click

from api.terminal import run_to_end, settings_of


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0.1, 600.0),
    default=5.0,
    show_default=True,
    help="For how many seconds to wait for somebody else's lock; then nothing is changed.",
)
@click.option("--contract", is_flag=True, help="Also take away what older servers used.")
def migrate(*, dry_run: bool, wait_s: float, contract: bool) -> None:
    """Bring the database's schema up to date, all of it or nothing."""
    from store.migrate import migrate as run
    from store.migrate import outlook

    url = settings_of(dev=True).database_owner_url
    work = outlook(url) if dry_run else run(url, lock_wait_s=wait_s, contract=contract)
    report = run_to_end(work, database="VALOR_DATABASE_OWNER_URL")
    if not report.steps:
        click.echo(f"Nothing to do: the schema is at {report.after}.")
        return
    for step in report.steps:
        click.echo(f"{step.version}  {step.what}{' Wants --contract.' if step.contracts else ''}")
    did = "Would migrate" if dry_run else "Migrated"
    click.echo(f"{did} from {report.before or 'nothing'} to {report.after}.")
