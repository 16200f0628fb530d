"""What fails is left alone for a while; one probe finds out whether it works again."""

from __future__ import annotations

import asyncio

import pytest

from services.circuit import Circuit, CircuitOpen, State

pytestmark = pytest.mark.anyio


class Away(Exception):
    """It does not answer."""


class Clock:
    """Seconds, moved by a test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Thing:
    """Something outside, which may be away."""

    def __init__(self) -> None:
        self.away, self.asked = False, 0

    async def ask(self) -> str:
        self.asked += 1
        if self.away:
            raise Away
        return "here"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(failures=2, open_s=5.0, counted=Away, clock=clock)


async def test_after_two_failures_nobody_waits_for_it(circuit: Circuit) -> None:
    thing = Thing()
    thing.away = True
    for _ in range(2):
        with pytest.raises(Away):
            await circuit.call(thing.ask)
    assert circuit.state is State.OPEN
    with pytest.raises(CircuitOpen) as no:
        await circuit.call(thing.ask)
    assert no.value.retry_after_s == 5.0
    assert thing.asked == 2


async def test_a_success_between_forgives_a_failure(circuit: Circuit) -> None:
    thing = Thing()
    for away in (True, False, True, False, True):
        thing.away = away
        try:
            await circuit.call(thing.ask)
        except Away:
            assert away
    assert circuit.state is State.CLOSED


async def test_one_probe_closes_it_and_the_others_are_not_made_to_wait(
    circuit: Circuit, clock: Clock
) -> None:
    circuit.failed()
    circuit.failed()
    clock.now += 5.0
    gate = asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        return "here"

    probe = asyncio.create_task(circuit.call(slow))
    await asyncio.sleep(0)
    assert circuit.state is State.HALF_OPEN
    with pytest.raises(CircuitOpen):
        await circuit.call(Thing().ask)
    gate.set()
    assert await probe == "here"
    assert circuit.state is State.CLOSED


async def test_a_probe_that_fails_opens_it_for_as_long_again(
    circuit: Circuit, clock: Clock
) -> None:
    thing = Thing()
    thing.away = True
    circuit.failed()
    circuit.failed()
    clock.now += 6.0
    with pytest.raises(Away):
        await circuit.call(thing.ask)
    assert circuit.retry_after_s == 5.0


async def test_a_probe_that_was_given_up_lets_the_next_one_find_out(
    circuit: Circuit, clock: Clock
) -> None:
    circuit.failed()
    circuit.failed()
    clock.now += 6.0
    probe = asyncio.create_task(circuit.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert await circuit.call(Thing().ask) == "here"
    assert circuit.state is State.CLOSED


async def test_what_is_no_failure_of_the_thing_does_not_open_it(circuit: Circuit) -> None:
    async def refuses() -> None:
        raise ValueError

    for _ in range(5):
        with pytest.raises(ValueError):  # noqa: PT011 - it is the one above
            await circuit.call(refuses)
    assert circuit.state is State.CLOSED
