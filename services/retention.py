"""Retention: what no plan keeps any longer goes, by the command of the owner and of nobody else.

The server's role can remove none of it, so neither a mistake nor somebody who breaks in does.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from services.audit_retention import prune
from services.audit_signing import Signer
from services.plans import LIMITS, Plan
from store.audit_prune import prunable
from store.migrate import owner_engine
from store.retention import Bound, Cut, Gone, bound_of, remove

ENDED_FOR: Final = timedelta(days=90)  # deliveries, sessions, invitations; answers to repeats
OF_NO_END: Final = LIMITS[Plan.PRO].audit_kept or timedelta()  # once a plan without one is no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a run of retention did for one tenant, or would do."""

    tenant_id: UUID
    slug: str
    gone: Gone
    audit_events: int | None  # None: kept for good, or nothing can sign for them
    held: str | None  # why nothing, or not all, went: a legal hold


async def run(
    owner_url: str,
    tenants: Sequence[UUID],
    signer: Signer | None,
    *,
    dry_run: bool,
    now: datetime | None = None,
) -> AsyncIterator[Kept]:
    """Tenant by tenant, as it is done.

    ``owner_url``: of the role that owns the tables. ``signer``: the audit's keys, without which
    its events stay.

    Raises:
        DatabaseAway, DatabaseBusy.
    """
    at = now or datetime.now(UTC)
    engine = owner_engine(owner_url, "valor retention", looks=dry_run)
    try:
        for tenant_id in tenants:
            bound = await bound_of(engine, tenant_id)
            if bound is None:  # it went since the list was made
                continue
            if bound.held:
                yield Kept(
                    tenant_id=tenant_id,
                    slug=bound.slug,
                    gone=Gone(),
                    audit_events=0,
                    held="the tenant is under a legal hold",
                )
                continue
            cut = Cut(now=at, ended=at - ENDED_FOR)
            gone = await remove(engine, tenant_id, cut, dry_run=dry_run)
            events, held = None, None
            before = audit_kept_since(bound, at)
            if signer is not None and before is not None:
                pruned = (
                    await prunable(engine, tenant_id, before)
                    if dry_run
                    else await prune(engine, tenant_id, before, signer, at)
                )
                events, held = pruned.events, pruned.held
            yield Kept(
                tenant_id=tenant_id, slug=bound.slug, gone=gone, audit_events=events, held=held
            )
    finally:
        await engine.dispose()


def audit_kept_since(bound: Bound, now: datetime) -> datetime | None:
    """The moment before which nothing of a tenant's audit is kept; None: all of it is, for good.

    An event stays for as long as the plan of its day says or the plan of today, whichever is
    longer: a lesser plan, if only for a while, takes nothing away that was promised. Of a chain a
    beginning goes, so what is behind something that stays does, too.
    """
    contract = json.loads(bound.settings).get("contract") or {}
    today = LIMITS[Plan(bound.plan)].under(contract).audit_kept
    if today is None or "audit_kept" in contract:
        return None if today is None else now - today
    since = datetime.min.replace(tzinfo=UTC)
    for until, plan in bound.earlier:
        then = LIMITS[Plan(plan)].audit_kept or OF_NO_END
        gone = max(since, now - max(then, today))
        if gone < until:
            return gone
        since = until
    return max(since, now - today)
