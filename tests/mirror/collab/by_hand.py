"""What tests of the rooms move by hand: a clock, a Redis of their own, and somebody who listens."""

from __future__ import annotations

import asyncio
import heapq
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from inspect import isawaitable
from pathlib import Path
from typing import Any

from tests.servers import HOST, PLACES, free_port, programs

DEADLINE_S = 60.0


async def eventually(holds: Callable[[], object]) -> None:
    """Return as soon as it does; it may be a coroutine function."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            held = holds()
            if await held if isawaitable(held) else held:
                return
            await asyncio.sleep(0.005)


async def settled() -> None:
    """Let every task that can go on do so."""
    for _ in range(50):
        await asyncio.sleep(0)


@dataclass
class Said:
    """A log that is read by tests."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = error = exception = info

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


@dataclass(order=True)
class HandTimer:
    when: float
    number: int
    callback: Callable[[], object] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class HandClock:
    """Stands still until it is moved; then whatever was due on the way is called in order."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._timers: list[HandTimer] = []
        self._made = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> HandTimer:
        self._made += 1
        timer = HandTimer(when, self._made, callback)
        heapq.heappush(self._timers, timer)
        return timer

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, and what it sets going come to rest."""
        await settled()
        end = self.now + seconds
        while self._timers and self._timers[0].when <= end:
            timer = heapq.heappop(self._timers)
            self.now = max(self.now, timer.when)
            if not timer.cancelled:
                timer.callback()
                await settled()
        self.now = end
        await settled()

    @property
    def waiting(self) -> int:
        """Timers that are set."""
        return sum(not timer.cancelled for timer in self._timers)


class OwnRedis:
    """A Redis on a port that it keeps, for tests that kill it, stop it and start it again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Empty: nothing is kept on the disk."""
        program = next(programs(*PLACES["redis"]))
        command = [program["redis-server"], "--bind", HOST, "--port", str(self.port)]
        command += ["--dir", str(self._folder), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    async def answering(self) -> None:
        await eventually(self._answers)

    def _answers(self) -> bool:
        with (
            suppress(OSError),
            socket.create_connection((HOST, self.port), timeout=DEADLINE_S) as client,
        ):
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def ask(self, command: bytes) -> None:
        """One inline command, whose answer nobody reads."""
        with socket.create_connection((HOST, self.port), timeout=DEADLINE_S) as client:
            client.sendall(command + b"\r\n")
            client.recv(1_024)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
