"""Both forms of the bus keep the same promises."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from collab.bus import OUTGOING, BroadcastBus
from collab.keys import Channel, RoomKey, run_channel
from tests.mirror.collab.by_hand import Said, eventually

pytestmark = pytest.mark.anyio

Buses = tuple[BroadcastBus, BroadcastBus]


def a_channel() -> Channel:
    """One that no other test uses: they share a Redis."""
    tenant_id = uuid4()
    return Channel.of(f"v1:{{{tenant_id}}}:test", tenant_id)


async def test_what_one_worker_says_both_hear_in_order(buses: Buses) -> None:
    here, there = buses
    channel = a_channel()
    heard: tuple[list[bytes], list[bytes]] = ([], [])
    await here.subscribe(channel, heard[0].append)
    await there.subscribe(channel, heard[1].append)
    said = [b"%d" % number for number in range(300)]
    for message in said:
        here.publish(channel, message)
    await eventually(lambda: len(heard[0]) == len(heard[1]) == 300)
    assert heard == (said, said)


async def test_a_message_after_subscribing_is_always_heard(buses: Buses) -> None:
    here, there = buses
    for _ in range(50):
        channel = a_channel()
        heard: list[bytes] = []
        subscription = await there.subscribe(channel, heard.append)
        here.publish(channel, b"at once")
        await eventually(lambda heard=heard: heard)
        await subscription.close()


async def test_two_who_are_the_first_at_once_both_hear(buses: Buses) -> None:
    here, there = buses
    channel = a_channel()
    heard: tuple[list[bytes], list[bytes]] = ([], [])
    await asyncio.gather(
        here.subscribe(channel, heard[0].append), here.subscribe(channel, heard[1].append)
    )
    there.publish(channel, b"both")
    await eventually(lambda: heard == ([b"both"], [b"both"]))


async def test_channels_are_apart_and_one_that_was_left_is_silent(buses: Buses) -> None:
    here, there = buses
    mine, yours = a_channel(), a_channel()
    heard: list[bytes] = []
    subscription = await here.subscribe(mine, heard.append)
    there.publish(yours, b"not for me")
    there.publish(mine, b"for me")
    await eventually(lambda: heard == [b"for me"])
    await subscription.close()
    # A second listener of the same channel tells when a message has come by.
    again: list[bytes] = []
    await here.subscribe(mine, again.append)
    there.publish(mine, b"later")
    await eventually(lambda: again == [b"later"])
    assert heard == [b"for me"]


async def test_leaving_and_coming_back_at_once_misses_nothing(buses: Buses) -> None:
    here, there = buses
    channel = a_channel()
    for turn in range(100):
        heard: list[bytes] = []
        subscription = await here.subscribe(channel, heard.append)
        there.publish(channel, b"%d" % turn)
        await eventually(lambda heard=heard, turn=turn: b"%d" % turn in heard)
        await subscription.close()


async def test_a_listener_that_fails_fails_alone(buses: Buses, said: Said) -> None:
    here, there = buses
    channel = a_channel()
    heard: list[bytes] = []

    def fails(message: bytes) -> None:
        raise ValueError(message)

    await here.subscribe(channel, fails)
    await here.subscribe(channel, heard.append)
    there.publish(channel, b"one")
    there.publish(channel, b"two")
    await eventually(lambda: heard == [b"one", b"two"])
    await eventually(lambda: said.events.count("a message could not be heard") == 2)


async def test_bytes_of_any_kind_arrive_as_they_are(buses: Buses) -> None:
    here, there = buses
    channel = a_channel()
    heard: list[bytes] = []
    await there.subscribe(channel, heard.append)
    messages = [b"", b"\r\n", bytes(range(256)), b"\xff" * 100_000, "ß€😀".encode()]
    for message in messages:
        here.publish(channel, message)
    await eventually(lambda: len(heard) == len(messages))
    assert heard == messages


async def test_what_waits_to_be_sent_is_bounded_and_the_newest_stays(buses: Buses) -> None:
    here, there = buses
    channel = a_channel()
    heard: list[bytes] = []
    await there.subscribe(channel, heard.append)
    for number in range(10 * OUTGOING):  # without a turn of the loop
        here.publish(channel, b"%d" % number)
    await eventually(lambda: heard and heard[-1] == b"%d" % (10 * OUTGOING - 1))
    assert len(heard) == OUTGOING


async def test_what_was_said_before_the_end_is_sent(buses: Buses, shared: str | None) -> None:
    here, there = buses
    if shared is None:
        return  # one bus: whoever ends it hears nothing more
    channel = a_channel()
    heard: list[bytes] = []
    await there.subscribe(channel, heard.append)
    here.publish(channel, b"goodbye")
    await here.close()
    await eventually(lambda: heard == [b"goodbye"])


async def test_a_bus_that_runs_answers(buses: Buses) -> None:
    for bus in buses:
        await bus.ping()
        assert bus.up
    await asyncio.gather(*(buses[0].ping() for _ in range(20)))


async def test_a_message_of_another_owner_is_dropped_and_counted(buses: Buses, said: Said) -> None:
    here, there = buses
    ours, theirs, model, other = (uuid4() for _ in range(4))
    channel = RoomKey(ours, model).channel
    heard: list[bytes] = []
    await there.subscribe(channel, heard.append)
    for owner in (
        RoomKey(theirs, model).channel.owner,  # another tenant's, whatever its model is called
        RoomKey(ours, other).channel.owner,
        run_channel(theirs, other).owner,
        b"",
        channel.owner[:-1],
    ):
        here.publish(Channel(channel.name, owner), b"theirs")
    here.publish(channel, b"ours")
    await eventually(lambda: heard)
    assert heard == [b"ours"]
    assert there.foreign == 5
    assert said.events.count("a foreign message on a channel") == 5
