"""How long an audit is kept: what is older goes, by a signed word, and never under a hold."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from services.audit import entry
from services.audit_form import moment
from services.audit_signing import Signer, signed
from store.audit import Entry
from store.audit_chain import Checkpoint
from store.audit_prune import Engine, Pruned
from store.audit_prune import prune as prune_events

__all__ = ["Pruned", "prune"]


async def prune(
    engine: Engine,
    tenant_id: UUID,
    before: datetime,
    signer: Signer,
    now: datetime | None = None,
) -> Pruned:
    """Remove a tenant's events of before a moment; that it was done is an event itself.

    ``engine``: of the role that owns the tables; what serves cannot.

    Raises:
        DatabaseAway, DatabaseBusy.
    """
    at = now or datetime.now(UTC)

    def sign(tenant_id: UUID, seq: int, hash_: str) -> Checkpoint:
        return signed(signer, tenant_id, "PRUNED", seq, hash_, at)

    def noted(events: int, seq: int) -> Entry:
        return entry(
            None,
            "audit.pruned",
            "audit",
            tenant_id,
            at=at,
            events=events,
            until=seq,
            before=moment(before),
        )

    return await prune_events(engine, tenant_id, before, sign, noted)
