"""`valor serve --workers N`: one socket, N server processes on it, and who looks after them.

The supervisor serves nothing itself. It binds the shared socket, and one on 127.0.0.1 for each
worker, so that a worker can be told from the others and keeps its address when it is started again;
and it passes signals on. All read the same keys, which in development are made before it starts. A
worker is a new process of its own, never a fork.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from api.processes.listening import listen
from api.processes.server_process import UP, Orders
from api.settings import Settings
from observability.logs import Logs

BACKOFF_S: Final = (1.0, 30.0)  # before a worker is started again: at first, and at most
STEADY_S: Final = 60.0  # who served so long begins again at the first delay
STOP_WITHIN_S: Final = 100.0  # beyond the drain: more than all the limits of a stop in a worker
HURRIED_WITHIN_S: Final = 5.0
ROOT: Final = Path(__file__).parents[2]


@dataclass(slots=True, eq=False)
class Worker:
    """A place for a process, and the process that is in it now."""

    number: int  # from 1
    own: socket.socket  # listens on 127.0.0.1
    address: str  # of its own socket, host:port
    process: subprocess.Popen[bytes] | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)  # it served, once or more

    def tell(self, what: signal.Signals) -> None:
        """Send a signal, if there is a process."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(what)


class Supervisor:
    """Workers on one socket."""

    def __init__(self, settings: Settings, listener: socket.socket, logs: Logs) -> None:
        self._settings, self._listener = settings, listener
        self._log = logs.get("api")
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._told_by: signal.Signals | None = None
        self._failed = 0  # an exit code: of a worker that could not start, or did not stop in order

    async def run(self) -> int:
        """Start all, keep them, stop them when told to; the exit code.

        The first worker goes ahead alone: it finds out whether the database is ready, and in
        development it migrates. If it cannot start, it has said why, and the others need not.

        Raises:
            PortTaken: if there is no port left for a worker of its own.
        """
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._told, each)
        with ExitStack() as own:
            workers = [self._place(number, own) for number in range(1, self._settings.workers + 1)]
            kept = [asyncio.create_task(self._keep(workers[0]))]
            await self._first(workers[:1])
            if not self._stop.is_set():
                kept += [asyncio.create_task(self._keep(worker)) for worker in workers[1:]]
                await self._first(workers)
            if not self._stop.is_set():
                self._announce(workers)
            await self._stop.wait()
            # Who listens holds the port open: from now on that is the workers' business alone.
            own.close()
            self._listener.close()
            await self._end(workers, kept)
        if self._told_by == signal.SIGINT:
            return 130
        return self._failed

    def _told(self, what: signal.Signals) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._told_by = self._told_by or what
        self._stop.set()

    def _place(self, number: int, own: ExitStack) -> Worker:
        listener = own.enter_context(listen("127.0.0.1", 0))
        host, port = listener.getsockname()
        return Worker(number, listener, f"{host}:{port}")

    async def _first(self, workers: list[Worker]) -> None:
        """Until each of them served once, or everything stops."""
        up = asyncio.ensure_future(_all(worker.up.wait() for worker in workers))
        await _until_one_of(up, self._stop.wait())
        up.cancel()

    def _announce(self, workers: list[Worker]) -> None:
        host, port = self._listener.getsockname()[:2]
        scrape = [worker.address for worker in workers]
        self._log.info("all workers serve", host=host, port=port, scrape=scrape)
        # What Prometheus reads as a file of targets.
        targets = ", ".join(f'"{address}"' for address in scrape)
        print(f'[{{"targets": [{targets}]}}]', flush=True)  # noqa: T201 - the command's output

    async def _keep(self, worker: Worker) -> None:
        """Have a process in a worker's place until everything stops."""
        first_s, most_s = BACKOFF_S
        delay_s = first_s
        while not self._stop.is_set():
            began = asyncio.get_running_loop().time()
            code = await self._live(worker)
            if self._stop.is_set():
                # A process that had no time to listen to signals dies of them, in order.
                if code not in (0, -signal.SIGTERM):
                    self._failed = self._failed or 1
                return
            if not worker.up.is_set():
                self._failed = max(1, code)  # below zero for a signal
                self._stop.set()
                return
            if asyncio.get_running_loop().time() - began > STEADY_S:
                delay_s = first_s
            self._log.error(
                "worker ended", worker=worker.number, exit_code=code, again_in_s=delay_s
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stop.wait()
            delay_s = min(2 * delay_s, most_s)

    async def _live(self, worker: Worker) -> int:
        """One process in a worker's place, from its start to its exit code."""
        with self._spawn(worker) as lifeline:
            orders = Orders(
                worker=worker.number,
                dev=self._settings.dev,
                sockets=self._shared(worker),
            )
            loop = asyncio.get_running_loop()
            with suppress(OSError):  # it died before it heard
                await loop.sock_sendall(lifeline, orders.written())
                while said := await loop.sock_recv(lifeline, 64):
                    if said == UP:
                        worker.up.set()
        # The lifeline broke, so it is dead, or about to be.
        assert worker.process is not None  # noqa: S101 - it was just spawned
        return await asyncio.to_thread(worker.process.wait)

    def _spawn(self, worker: Worker) -> socket.socket:
        """Start a process in a worker's place; our end of its lifeline."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            worker.process = subprocess.Popen(  # noqa: S603 - it is our own program
                [sys.executable, "-P", "-m", "api.processes.server_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno(), *self._shared(worker)],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self._variables()},
                # A Ctrl-C at the terminal is for the supervisor, who passes it on.
                start_new_session=True,
            )
        return ours

    def _variables(self) -> dict[str, str]:
        """What is not in the environment already: an option, and where this code is."""
        known = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([str(ROOT), *([known] if known else [])])
        cluster = self._settings.cluster
        return {
            "VALOR_WORKERS": str(self._settings.workers),
            "VALOR_CLUSTER": "" if cluster is None else cluster.address,
            "PYTHONPATH": path,
        }

    def _shared(self, worker: Worker) -> list[int]:
        return [self._listener.fileno(), worker.own.fileno()]

    async def _end(self, workers: list[Worker], kept: list[asyncio.Task[None]]) -> None:
        """Pass the stop on, and then the hurry; kill who stays."""
        for worker in workers:
            worker.tell(signal.SIGTERM)
        ended = asyncio.ensure_future(_all(kept))
        limit_s = self._settings.drain_s + STOP_WITHIN_S
        await _until_one_of(ended, self._hurry.wait(), limit_s)
        if not ended.done():
            for worker in workers:
                worker.tell(signal.SIGTERM)
            await asyncio.wait({ended}, timeout=HURRIED_WITHIN_S)
        if not ended.done():
            self._failed = self._failed or 1
            for worker in workers:
                worker.tell(signal.SIGKILL)
            await ended


async def _all(these: Iterable[Awaitable[object]]) -> None:
    await asyncio.gather(*these)


async def _until_one_of(
    future: asyncio.Future[None], event: Coroutine[Any, Any, object], within_s: float | None = None
) -> None:
    """Until the future is done, the event has come, or the time is over."""
    came = asyncio.ensure_future(event)
    both: set[asyncio.Future[Any]] = {future, came}
    await asyncio.wait(both, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    came.cancel()
