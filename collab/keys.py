"""Where a room is kept: the names of its channel and of its keys in Redis."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class RoomKey(NamedTuple):
    """A model of a tenant: one room."""

    tenant_id: UUID
    model_id: UUID

    def named(self, what: str) -> str:
        """``v1:{tenant:model}:what``. The braces are Redis' own: one slot for all of a room."""
        return f"v1:{{{self.tenant_id}:{self.model_id}}}:{what}"

    @property
    def channel(self) -> str:
        """Where its workers talk to each other."""
        return self.named("rt")
