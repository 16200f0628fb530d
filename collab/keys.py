"""Names in Redis: all of them begin with the version and the tenant, and are made here."""

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


def run_channel(tenant_id: UUID, run_id: UUID) -> str:
    """Where a run's progress is told. The tenant alone is in the braces: it is in no room."""
    return f"v1:{{{tenant_id}}}:run:{run_id}"


def standing_channel(system: UUID) -> str:
    """Where it is told whose standing is another now. It is everybody's, so it is the system's."""
    return f"v1:{{{system}}}:standing"


def bucket_key(tenant_id: UUID, bucket: str) -> str:
    """Where one of a tenant's buckets stands. Those of a tenant are in one slot."""
    return f"v1:{{{tenant_id}}}:bucket:{bucket}"


def given_back_key(tenant_id: UUID, name: str) -> str:
    """Where it stands that something has come back to a tenant's bucket, and how much."""
    return f"v1:{{{tenant_id}}}:returned:{name}"


def switches_channel(system: UUID) -> str:
    """Where it is told that operators have stopped something, or let it go on."""
    return f"v1:{{{system}}}:switches"


def open_room_key(tenant_id: UUID) -> str:
    """Where it stands which room of a tenant is open, if it may have only one."""
    return f"v1:{{{tenant_id}}}:open-room"
