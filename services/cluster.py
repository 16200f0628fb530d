"""A Dask cluster that computes the chunks of runs, as one worker process sees it.

What goes to the cluster and comes back is pickle, which runs code on both sides: whoever can reach
the cluster's port can do whatever its machines can. So only worker processes connect, which hold no
other secret, and over anything but a private network they do so by TLS with certificates.

Nothing that comes back is wrong: each task says by what it would be computed, and a worker of the
cluster in which that is not what it is here refuses it. What is lost is computed elsewhere, or the
run is begun anew.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from threading import Event, Thread
from time import monotonic
from typing import Any, Final, TypeAlias, TypeVar

from engine.chunks import AHEAD, FarExecutor, Stopped
from engine.errors import Refused
from engine.provenance import surroundings
from services.refusals import Unsupported

R = TypeVar("R")
Client: TypeAlias = Any  # distributed.Client: half of it has no types

CONNECT_S: Final = 10.0  # for the scheduler to answer at first
ANSWER_S: Final = 10.0  # for it to answer later
LOOK_S: Final = 2.0  # between two looks at whether it is still there
IDLE_S: Final = 20.0  # without any worker; then the run is begun anew
CLOSE_S: Final = 1.0  # to take leave of the scheduler, and as much for what is still under way
MOST_AHEAD: Final = 64  # tasks under way: a quarter of a gigabyte of values

# What it has to say comes as exceptions; its own log would be lines that are no JSON.
_SETTINGS: Final[dict[str, Any]] = {
    "distributed.comm.timeouts.connect": f"{CONNECT_S:g}s",
    "logging": {"distributed": "critical", "distributed.client": "critical", "tornado": "critical"},
}


class ClusterLost(Exception):
    """It does not answer, or not any more. The same work may succeed a little later."""


class ClusterUnfit(Unsupported):
    """It would compute other bits than this machine, or cannot compute at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """Where a cluster is, and by what it is known. The files are PEM; tls:// needs all of them."""

    address: str  # of the scheduler: tls://host:port or tcp://host:port
    ca_file: str | None = None  # of whoever signed the cluster's certificates
    cert_file: str | None = None  # ours
    key_file: str | None = None  # of it

    def document(self) -> dict[str, str | None]:
        """JSON, for a worker process."""
        return asdict(self)


class Cluster:
    """The connection of one process to a cluster, made when it is first wanted."""

    def __init__(self, place: ClusterPlace) -> None:
        self._place = place
        self._client: Client | None = None
        self._loop: _Loop | None = None

    @contextmanager
    def crew(self, stopped: Callable[[], bool]) -> Iterator[tuple[FarExecutor, Callable[[], bool]]]:
        """An executor on the cluster's workers, and ``stopped``, which also sees to the cluster:
        it raises ClusterLost soon after that is gone.

        Raises:
            ClusterLost: also from what is computed in the block.
            ClusterUnfit: also from there.
        """
        client = self._connected()
        try:
            threads = self._check(client)
            ahead = min(MOST_AHEAD, max(AHEAD, 2 * threads))
            yield _ClusterExecutor(client, ahead), _Watch(client, self._place.address, stopped)
        except BaseException as error:
            lost = self._lost(error)
            if lost is None:
                raise
            self._let_go()
            raise lost from None

    def threads(self) -> tuple[int, int]:
        """How many workers it has now, and how many threads they have.

        Raises:
            ClusterLost, ClusterUnfit.
        """
        client = self._connected()
        try:
            self._check(client)
            threads = client.nthreads(callback_timeout=ANSWER_S)
        except Exception as error:
            self._let_go()
            raise self._lost(error) or error from None
        return len(threads), sum(threads.values())

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        self._let_go()

    def _connected(self) -> Client:
        client = self._client
        if client is not None and client.status == "running":
            return client
        self._let_go()
        # Its settings are ours: no file of this machine, or of whoever runs it, changes them.
        os.environ["DASK_CONFIG"] = os.devnull
        try:
            import dask

            dask.config.set(_SETTINGS)
            import distributed
        except ImportError:
            raise ClusterUnfit(
                "This server cannot use a cluster: `distributed` is not installed. Whoever runs it "
                "installs valor-ivx-server[cluster]."
            ) from None
        security = self._security()
        self._loop = _Loop()
        try:
            connect: Any = distributed.Client  # untyped
            self._client = connect(
                self._place.address,
                loop=self._loop.io,
                timeout=CONNECT_S,
                set_as_default=False,
                security=security,
            )
        except (OSError, TimeoutError) as no:
            self._let_go()
            raise ClusterLost(
                f"The cluster at {self._place.address} does not answer: {_words(no)}"
            ) from None
        return self._client

    def _security(self) -> Any:
        if not self._place.address.startswith("tls://"):
            return None
        from distributed import security

        make: Any = security.Security  # untyped
        found = make(
            require_encryption=True,
            tls_ca_file=self._place.ca_file,
            tls_client_cert=self._place.cert_file,
            tls_client_key=self._place.key_file,
        )
        try:
            found.get_connection_args("client")  # reads the files
        except (OSError, ValueError) as no:
            files = ", ".join(
                str(file)
                for file in (self._place.ca_file, self._place.cert_file, self._place.key_file)
            )
            raise ClusterUnfit(
                f"The certificates of the cluster cannot be used ({_words(no)}): {files}"
            ) from None
        return found

    def _check(self, client: Client) -> int:
        """That what is there now would compute what is computed here; how many threads it has.

        Raises:
            ClusterUnfit.
        """
        ours, there = _dask_versions(), client.get_versions()
        for who, found in [("scheduler", there["scheduler"]), *there["workers"].items()]:
            packages = (found or {}).get("packages") or {}
            theirs = {name: str(packages.get(name)) for name in ours}
            _compare(ours, theirs, f"The cluster's {_who(who)}")
        try:
            answers = client.run(surroundings, on_error="return")
        except ModuleNotFoundError as no:
            answers = {"of some address": no}
        for who, answer in answers.items():
            if isinstance(answer, OSError | TimeoutError):
                continue  # it was lost at this moment; each task compares again
            if isinstance(answer, Exception):
                raise ClusterUnfit(
                    f"The cluster's {_who(who)} cannot compute: {_words(answer)}. Whoever runs it "
                    "installs the same version of valor-ivx-server there."
                )
            _compare(surroundings(), answer, f"The cluster's {_who(who)}")
        return sum(client.nthreads(callback_timeout=ANSWER_S).values())

    def _lost(self, error: BaseException) -> ClusterLost | None:
        """The loss that an exception stands for, if it does."""
        if isinstance(error, ClusterLost):
            return error
        if isinstance(error, Refused | Stopped) or not isinstance(error, Exception):
            return None
        # `KilledWorker` is known by its name: to import it would load the whole scheduler.
        if (
            isinstance(error, CancelledError | OSError | TimeoutError)
            or type(error).__name__ == "KilledWorker"
            or (self._client is not None and self._client.status != "running")
        ):
            return ClusterLost(f"The cluster at {self._place.address} was lost: {_words(error)}")
        return None

    def _let_go(self) -> None:
        client, self._client = self._client, None
        loop, self._loop = self._loop, None
        if client is not None:
            with suppress(Exception):  # it is of no use any more, whatever it says
                client.close(timeout=CLOSE_S)
        if loop is not None:
            loop.end()
        if client is not None:
            client.status = "closed"  # else its finalizer would ask for the loop


class _Loop(Thread):
    """The event loop of one connection, which ends with all that is in it.

    Dask's own stays, with its thread and three files, after a connection that was not made or was
    not closed in time. And tornado forgets a socket whose making is given up in the one turn of the
    loop between its connection and the news of it: only a loop knows what is still open in it.
    """

    def __init__(self) -> None:
        from tornado.ioloop import IOLoop  # what Dask is made of

        super().__init__(name="cluster", daemon=True)
        self.io = IOLoop(make_current=False)
        running = Event()
        self.io.add_callback(running.set)
        self.start()
        running.wait()

    def run(self) -> None:
        self.io.start()
        self.io.run_sync(_give_up)
        self.io.close(all_fds=True)

    def end(self) -> None:
        self.io.add_callback(self.io.stop)
        self.join()


async def _give_up() -> None:
    """Cancel whatever is under way in this loop, and let it come to its end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_S)


class _ClusterExecutor(FarExecutor):
    """Hands tasks to the cluster, each with what it must be computed by."""

    def __init__(self, client: Client, ahead: int) -> None:
        # Not "pure": a task is never taken for another one that looks the same to Dask.
        self._executor = client.get_executor(pure=False)
        self.ahead = ahead

    def submit(self, work: Callable[..., R], /, *given: Any, **_: Any) -> Future[R]:
        future: Future[R] = self._executor.submit(_Sworn(work, surroundings()), *given)
        return future


@dataclass(frozen=True, slots=True)
class _Sworn:
    """Work that is done only where the bits come out the same."""

    work: Callable[..., Any]
    expected: dict[str, str]

    def __call__(self, *given: Any) -> Any:
        _compare(self.expected, surroundings(), "A worker of the cluster")
        return self.work(*given)


class _Watch:
    """Whether to stop; and, now and then, whether the cluster is still there."""

    def __init__(self, client: Client, address: str, stopped: Callable[[], bool]) -> None:
        self._client, self._address, self._stopped = client, address, stopped
        self._connection = client.scheduler_comm
        self._looked_at = self._worked_at = monotonic()

    def __call__(self) -> bool:
        if self._stopped():
            return True
        now = monotonic()
        if now - self._looked_at > LOOK_S:
            self._look()
            self._looked_at = monotonic()
        return False

    def _look(self) -> None:
        lost = f"The cluster at {self._address} was lost: "
        # A connection that broke and was made again has lost its tasks, and Dask's executor does
        # not say so of one whose result was on its way: it would be waited for without end.
        if self._client.status != "running" or self._client.scheduler_comm is not self._connection:
            raise ClusterLost(lost + "its scheduler is gone")
        try:
            threads = self._client.nthreads(callback_timeout=ANSWER_S)
        except (OSError, TimeoutError, AttributeError):  # the last: it was lost at this moment
            raise ClusterLost(lost + "its scheduler does not answer") from None
        if threads:
            self._worked_at = monotonic()
        elif monotonic() - self._worked_at > IDLE_S:
            raise ClusterLost(lost + f"for {IDLE_S:g} s it had no worker")


def _dask_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("dask", "distributed")}


def _compare(ours: dict[str, str], theirs: dict[str, str], who: str) -> None:
    """
    Raises:
        ClusterUnfit: with everything that differs.
    """
    other = [
        f"{name} {theirs.get(name)} instead of {version}"
        for name, version in ours.items()
        if theirs.get(name) != version
    ]
    if other:
        raise ClusterUnfit(
            f"{who} would compute other numbers than this server: it has {', '.join(other)}. "
            "Whoever runs it installs the same versions, on processors of the same type."
        )


def _who(address: str) -> str:
    return address if address == "scheduler" else f"worker {address}"


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
