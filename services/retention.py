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
            kept_for = _audit_kept(bound)
            if signer is not None and kept_for is not None:
                before = at - kept_for
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


def _audit_kept(bound: Bound) -> timedelta | None:
    """For how long its audit is kept; None: for good."""
    contract = json.loads(bound.settings).get("contract") or {}
    return LIMITS[Plan(bound.plan)].under(contract).audit_kept
