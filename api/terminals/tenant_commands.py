"""The commands ``valor tenant`` and ``valor operator``: administration without a server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from api.terminal import fail, run_to_end, settings_of

if TYPE_CHECKING:
    from api.administered import Administered
    from services.tenants import MemberRecord, TenantRecord
    from services.usage import Quota

R = TypeVar("R")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON.")
_OPERATION = click.option(
    "--operation-id", help="Of your own making: run again with the same one, it goes on."
)
_PAGE = 100


@click.group()
def tenant() -> None:
    """Make tenants, look at them, suspend and resume them."""


@click.group()
def operator() -> None:
    """Say who administers all tenants."""


@tenant.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="As people write it.")
@click.option(
    "--plan",
    type=click.Choice(["FREE", "PRO", "ENTERPRISE"], case_sensitive=False),
    default="FREE",
    show_default=True,
    help="What was bought.",
)
@click.option("--owner", required=True, metavar="ADDRESS", help="Who is invited as first owner.")
@click.option("--owner-name", help="What colleagues call them.")
@_OPERATION
@_JSON
def create(
    slug: str,
    name: str,
    plan: str,
    owner: str,
    owner_name: str | None,
    operation_id: str | None,
    *,
    as_json: bool,
) -> None:
    """Make the tenant SLUG, and invite its first owner.

    Prints the invitation, once. No mail is sent.
    """
    from services.plans import Plan

    async def make(to: Administered) -> tuple[TenantRecord, str | None]:
        made = await to.tenancy.operators.create(
            to.principal,
            slug=slug,
            name=name,
            plan=Plan(plan.upper()),
            owner_email=owner,
            owner_name=owner_name,
            operation_id=operation_id,
        )
        return made.tenant, made.invitation

    made, invitation = _done(make)
    if as_json:
        click.echo(json.dumps({"tenant": _told(made), "invitation": invitation}))
        return
    click.echo(f"Made {made.name} ({made.slug}, {made.plan}): {made.tenant_id}")
    _say(invitation, owner)


@tenant.command("list")
@_JSON
def list_tenants(*, as_json: bool) -> None:
    """List all tenants by slug."""

    async def look(to: Administered) -> list[TenantRecord]:
        found: list[TenantRecord] = []
        more = True
        while more:
            after = found[-1].slug if found else ""
            page, more = await to.tenancy.operators.page(to.principal, after, _PAGE)
            found += page
        return found

    found = _done(look)
    if as_json:
        click.echo(json.dumps([_told(each) for each in found]))
        return
    width = max((len(each.slug) for each in found), default=0)
    for each in found:
        click.echo(f"{each.slug:<{width}}  {each.plan:<10}  {each.state:<9}  {each.name}")
    if not found:
        click.echo("There are no tenants. Make one: valor tenant create")


@tenant.command("show")
@click.argument("slug")
@_JSON
def show(slug: str, *, as_json: bool) -> None:
    """Show what the tenant SLUG has, and how much of it is used."""

    async def look(to: Administered) -> tuple[TenantRecord, list[Quota]]:
        tenant_id = await _named(to, slug)
        found = await to.tenancy.operators.find(to.principal, tenant_id)
        return found, await to.tenancy.usage.quotas(to.principal, tenant_id)

    found, quotas = _done(look)
    counted = {each.name.value.lower(): [each.used, each.limit] for each in quotas}
    if as_json:
        click.echo(json.dumps({**_told(found), "quotas": counted}))
        return
    click.echo(f"{found.name} ({found.slug}): {found.tenant_id}")
    click.echo(f"plan     {found.plan}")
    why = f": {found.state_reason}" if found.state_reason else ""
    click.echo(f"state    {found.state}{why}")
    for name, (used, limit) in counted.items():
        click.echo(f"{name:<8} {used:,} of {'any number' if limit is None else f'{limit:,}'}")


@tenant.command("suspend")
@click.argument("slug")
@click.option("--reason", required=True, help="Why, for its members to read.")
@_OPERATION
def suspend(slug: str, reason: str, operation_id: str | None) -> None:
    """Let nobody of the tenant SLUG in. Nothing is lost."""

    async def change(to: Administered) -> TenantRecord:
        return await to.tenancy.operators.suspend(
            to.principal, await _named(to, slug), reason, operation_id
        )

    found = _done(change)
    click.echo(f"{found.slug} is suspended. Its members read: {found.state_reason}")


@tenant.command("resume")
@click.argument("slug")
@_OPERATION
def resume(slug: str, operation_id: str | None) -> None:
    """Let the members of the tenant SLUG in again."""

    async def change(to: Administered) -> TenantRecord:
        return await to.tenancy.operators.resume(to.principal, await _named(to, slug), operation_id)

    click.echo(f"{_done(change).slug} is active.")


@operator.command("add")
@click.argument("address")
@click.option("--name", help="What tenants will read as their name.")
@_OPERATION
def add(address: str, name: str | None, operation_id: str | None) -> None:
    """Invite ADDRESS as an operator, who administers all tenants.

    Prints the invitation, once. No mail is sent.
    """
    from services.principal import Role

    async def invite(to: Administered) -> str | None:
        invited = await to.tenancy.invitations.invite(
            to.owner, email=address, name=name, role=Role.OPERATOR, operation_id=operation_id
        )
        return invited.text

    _say(_done(invite), address)


@operator.command("list")
def list_operators() -> None:
    """List the operators."""

    async def look(to: Administered) -> list[MemberRecord]:
        return await to.tenants.members(to.owner, to.owner.tenant_id)

    found = _done(look)
    for each in found:
        click.echo(f"{each.subject}  {each.name}")
    if not found:
        click.echo("There are no operators. Invite one: valor operator add ADDRESS")


@operator.command("remove")
@click.argument("address")
def remove(address: str) -> None:
    """End what ADDRESS may do as an operator, with every session and key of theirs."""

    async def end(to: Administered) -> MemberRecord:
        found = await to.tenants.members(to.owner, to.owner.tenant_id)
        them = [each.id for each in found if each.subject == address.lower()]
        if not them:
            fail(f"{address} is no operator. See who is: valor operator list")
        return await to.tenancy.members.remove(to.owner, them[0])

    click.echo(f"{_done(end).subject} is no operator any more.")


def _done(work: Callable[[Administered], Awaitable[R]]) -> R:
    """What comes of work on the settings' database; a no ends the command."""
    from api.administered import CannotAdminister, administered
    from engine.errors import Refused
    from services.errors import Denied

    async def go() -> R:
        async with administered(settings_of(dev=True)) as to:
            return await work(to)

    try:
        return run_to_end(go())
    except Refused as no:
        lines = (
            [no.message]
            if not no.problems
            else [f"{each.path}: {each.message} {each.suggestion}" for each in no.problems]
        )
        fail("\n".join(lines))
    except (Denied, CannotAdminister) as no:
        fail(str(no))


async def _named(to: Administered, slug: str) -> UUID:
    # What is no text, as a terminal may have it, no database looks up.
    found = await to.directory.find("SLUG", slug) if slug.isascii() else None
    if found is None:
        fail(f"There is no tenant {slug}. See which there are: valor tenant list")
    return found


def _say(invitation: str | None, address: str) -> None:
    if invitation is None:
        click.echo("The invitation was told when this was done first, and is told once.")
        return
    click.echo(f"Send this to {address} over a way that you trust; it is good once, for 7 days:")
    click.echo(invitation)


def _told(of: TenantRecord) -> dict[str, Any]:
    def text(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "id": str(of.tenant_id),
        "slug": of.slug,
        "name": of.name,
        "plan": of.plan,
        "state": of.state,
        "stateReason": of.state_reason,
        "stateSince": text(of.state_since),
        "createdAt": text(of.created_at),
    }
