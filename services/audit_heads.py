"""Signed heads on their way out: told to the tenant's webhooks in the transaction that keeps them.

Who keeps the heads somewhere else finds out whatever is rewritten here, whoever rewrites it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from services.audit_form import moment
from services.webhook_events import Bodies, WebhookEvent
from store.audit_chain import Checkpoint
from store.outbox import Happening


class HeadNews:
    """A sink: whoever has a webhook for `audit.head` is told."""

    def __init__(self, bodies: Bodies, wake: Callable[[UUID], None]) -> None:
        """``wake``: have what is on its way sent."""
        self._bodies, self._wake = bodies, wake

    def on_head(self, tenant_id: UUID, _checkpoint: Checkpoint) -> None:
        """Have it sent now."""
        self._wake(tenant_id)

    def told(self, tenant_id: UUID, checkpoint: Checkpoint) -> Sequence[Happening]:
        """One event, `audit.head`, in the order of the chain."""
        data = {
            "seq": checkpoint.seq,
            "hash": checkpoint.hash,
            "at": moment(checkpoint.at),
            "signature": checkpoint.signature,
        }
        return [
            self._bodies.of(
                WebhookEvent.AUDIT_HEAD, tenant_id, "audit", checkpoint.seq, checkpoint.at, data
            )
        ]
