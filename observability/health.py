"""Is it alive, may it be sent work, what does it depend on: three questions, three answers.

``live`` looks at the event loop alone: a database that is away must not get a process killed.
``ready`` is a cached answer of the critical checks, and no while draining, whatever they say.
``report`` runs every check now, all at once, and is over in a tenth of a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TOTAL_S = 0.1
DEADLINE_S = 0.08  # of one check, unless it names another; leaves time to answer
READY_FOR_S = 1.0  # how long an answer to ``ready`` is good for
LATE_S = 2.0  # a loop that is later than this does not live


class State(StrEnum):
    """How a check, or the whole, stands."""

    PASS = "PASS"  # noqa: S105 # not a password: the word for healthy
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe says: its state, and a sentence without addresses or secrets."""

    state: State
    detail: str | None = None


Probe = Callable[[], Awaitable[Finding | None]]
"""Looks at one thing: None is PASS; an exception, or no answer in time, is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to look at."""

    name: str
    probe: Probe  # must give way to cancellation; what blocks belongs in a thread
    critical: bool = True  # False: what goes wrong is a warning, and the process stays ready
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found."""

    name: str
    state: State
    critical: bool
    latency_ms: float
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What all of them found."""

    state: State
    draining: bool
    loop_lag_s: float
    checks: tuple[Result, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "state": self.state,
            "draining": self.draining,
            "eventLoopLagMs": round(self.loop_lag_s * 1e3, 3),
            "checks": [
                {
                    "name": check.name,
                    "state": check.state,
                    "critical": check.critical,
                    "latencyMs": round(check.latency_ms, 3),
                    "detail": check.detail,
                }
                for check in self.checks
            ],
        }


class Beat:
    """How late the event loop is: it sleeps, and looks how much later it woke."""

    def __init__(
        self,
        every_s: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep
        self._due_s: float | None = None
        self._late_s = 0.0

    async def run(self) -> None:
        """Beat until cancelled."""
        try:
            while True:
                self._due_s = self._clock() + self._every_s
                await self._sleep(self._every_s)
                self._late_s = max(0.0, self._clock() - self._due_s)
        finally:
            self._due_s = None
            self._late_s = 0.0

    def lag_s(self) -> float:
        """Seconds the last beat was late, or the next one is already. 0 when it does not run."""
        overdue = 0.0 if self._due_s is None else self._clock() - self._due_s
        return max(self._late_s, overdue)


class Health:
    """The checks of one application."""

    def __init__(
        self,
        checks: Sequence[Check] = (),
        *,
        beat: Beat | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = tuple(checks)
        self._beat = beat or Beat()
        self._clock = clock
        self._draining = False
        self._last: tuple[float, Report] | None = None
        self._asked: asyncio.Task[Report] | None = None
        # Checks that missed their deadline and have not given way yet: asyncio holds tasks weakly.
        self._stragglers: set[asyncio.Task[Finding | None]] = set()

    @property
    def draining(self) -> bool:
        """Whether it was told to take no more work."""
        return self._draining

    def drain(self) -> None:
        """Take no more work: ``ready`` is no from now on."""
        self._draining = True

    def live(self) -> tuple[int, dict[str, Any]]:
        """(HTTP status, body): whether the event loop turns. Asks nobody."""
        lag_s = self._beat.lag_s()
        state = State.FAIL if lag_s > LATE_S else State.PASS
        body = {"state": state, "eventLoopLagMs": round(lag_s * 1e3, 3)}
        return (503 if state is State.FAIL else 200), body

    async def ready(self) -> tuple[int, dict[str, Any]]:
        """(HTTP status, body): whether work may be sent. At most a second old."""
        if self._draining:
            return 503, {"state": State.FAIL, "draining": True, "failing": []}
        report = await self._recent()
        failing = [check.name for check in report.checks if check.state is State.FAIL]
        body = {"state": report.state, "draining": False, "failing": failing}
        return (503 if report.state is State.FAIL else 200), body

    async def report(self) -> Report:
        """Every check, now."""
        results = await self._run()
        report = Report(_worst(results), self._draining, self._beat.lag_s(), results)
        self._last = (self._clock(), report)
        return report

    async def _recent(self) -> Report:
        if self._last is not None and self._clock() - self._last[0] < READY_FOR_S:
            return self._last[1]
        # Whoever asks at the same time waits for the same run; one of them leaving ends it for
        # nobody else.
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self.report())
        return await asyncio.shield(self._asked)

    async def _run(self) -> tuple[Result, ...]:
        return tuple(await asyncio.gather(*(self._look(check) for check in self._checks)))

    async def _look(self, check: Check) -> Result:
        began = time.perf_counter()
        task = asyncio.ensure_future(_probed(check))
        try:
            done, _ = await asyncio.wait({task}, timeout=min(check.deadline_s, TOTAL_S))
        except asyncio.CancelledError:
            task.cancel()
            raise
        finding = Finding(State.FAIL, "no answer in time")
        if done:
            finding = _found(task)
        else:
            # Not awaited: a probe that does not give way would hold the answer.
            task.cancel()
            self._stragglers.add(task)
            task.add_done_callback(self._gone)
        state = finding.state
        if state is State.FAIL and not check.critical:
            state = State.WARN
        latency_ms = (time.perf_counter() - began) * 1e3
        return Result(check.name, state, check.critical, latency_ms, finding.detail)

    def _gone(self, task: asyncio.Task[Finding | None]) -> None:
        self._stragglers.discard(task)
        if not task.cancelled():
            task.exception()  # read, or asyncio complains that nobody did


async def _probed(check: Check) -> Finding | None:
    return await check.probe()


def _found(task: asyncio.Task[Finding | None]) -> Finding:
    if task.cancelled():
        return Finding(State.FAIL, "cancelled")
    error = task.exception()
    if error is not None:
        # Its type alone: messages of drivers hold addresses and passwords.
        return Finding(State.FAIL, type(error).__name__)
    return task.result() or Finding(State.PASS)


def _worst(results: Sequence[Result]) -> State:
    states = {result.state for result in results}
    for state in (State.FAIL, State.WARN):
        if state in states:
            return state
    return State.PASS
