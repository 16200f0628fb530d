"""Names in Redis: all of them begin with the version and the tenant, and are made here."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

OWNER_BYTES: Final = 32
EVERYTHING: Final = UUID(int=0)  # what a channel is about that is about nothing by itself


class Channel(NamedTuple):
    """Where something is told, and whose it is: every message carries that, and its receiver
    compares it with what was subscribed."""

    name: str
    owner: bytes  # OWNER_BYTES: of the tenant, then of what it is about

    @classmethod
    def of(cls, name: str, tenant_id: UUID, about: UUID = EVERYTHING) -> Channel:
        return cls(name, tenant_id.bytes + about.bytes)


class RoomKey(NamedTuple):
    """A model of a tenant: one room."""

    tenant_id: UUID
    model_id: UUID

    def named(self, what: str) -> str:
        """``v1:{tenant:model}:what``. The braces are Redis' own: one slot for all of a room."""
        return f"v1:{{{self.tenant_id}:{self.model_id}}}:{what}"

    @property
    def channel(self) -> Channel:
        """Where its workers talk to each other."""
        return Channel.of(self.named("rt"), self.tenant_id, self.model_id)


def run_channel(tenant_id: UUID, run_id: UUID) -> Channel:
    """Where a run's progress is told. The tenant alone is in the braces: it is in no room."""
    return Channel.of(f"v1:{{{tenant_id}}}:run:{run_id}", tenant_id, run_id)


def standing_channel(system: UUID) -> Channel:
    """Where it is told whose standing is another now. It is everybody's, so it is the system's."""
    return Channel.of(f"v1:{{{system}}}:standing", system)


def bucket_key(tenant_id: UUID, bucket: str) -> str:
    """Where one of a tenant's buckets stands. Those of a tenant are in one slot."""
    return f"v1:{{{tenant_id}}}:bucket:{bucket}"


def given_back_key(tenant_id: UUID, name: str) -> str:
    """Where it stands that something has come back to a tenant's bucket, and how much."""
    return f"v1:{{{tenant_id}}}:returned:{name}"


def switches_channel(system: UUID) -> Channel:
    """Where it is told that operators have stopped something, or let it go on."""
    return Channel.of(f"v1:{{{system}}}:switches", system)


def open_room_key(tenant_id: UUID) -> str:
    """Where it stands which room of a tenant is open, if it may have only one."""
    return f"v1:{{{tenant_id}}}:open-room"
