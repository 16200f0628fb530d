"""A room's names in Redis."""

from __future__ import annotations

from uuid import UUID

from collab.keys import RoomKey


def test_all_of_a_room_is_in_one_slot_of_its_tenant_and_model() -> None:
    room = RoomKey(UUID(int=10), UUID(int=11))
    tenant, model = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
    assert room.channel.name == f"v1:{{{tenant}:{model}}}:rt"
    assert room.named("pm") == f"v1:{{{tenant}:{model}}}:pm"
