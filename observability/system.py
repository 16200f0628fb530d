"""The machine under us: processor, memory, disk, network, this process.

Totals only. Listing connections takes 50 ms and more, so nothing here does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from observability.health import Check, Finding, State

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_LEFT = 0.05  # shares below which a check warns
DISK_LEFT = 0.05


class Machine:
    """Reads the machine. Usage is measured between two readings of the same object."""

    def __init__(self, path: Path = Path()) -> None:
        """``path`` is on the disk that matters: where data is kept."""
        self._path = path
        self._process: Any = None
        self._all = _Usage()
        self._own = _Usage()

    def snapshot(self) -> dict[str, Any]:
        """Everything, for JSON: bytes, seconds, shares from 0 to 1.

        Takes a millisecond or two, and the first one 50 for the import: call it in a thread.
        """
        # Imported at the first look: no request needs it.
        import psutil

        if self._process is None:
            self._process = psutil.Process()
        memory, io, net = (
            psutil.virtual_memory(),
            psutil.disk_io_counters(),
            psutil.net_io_counters(),
        )
        disk = psutil.disk_usage(str(self._path))
        return {
            "cpu": self._cpu(),
            "memory": {
                "totalBytes": memory.total,
                "availableBytes": memory.available,
                "usedShare": round(1 - memory.available / memory.total, 4),
            },
            "disk": {
                "totalBytes": disk.total,
                "freeBytes": disk.free,
                "usedShare": round(disk.used / disk.total, 4) if disk.total else None,
                "readBytes": io.read_bytes if io else None,
                "writtenBytes": io.write_bytes if io else None,
            },
            "network": {
                "sentBytes": net.bytes_sent if net else None,
                "receivedBytes": net.bytes_recv if net else None,
                "errors": net.errin + net.errout if net else None,
                "dropped": net.dropin + net.dropout if net else None,
            },
            "process": self._of_process(),
        }

    def memory(self) -> Finding:
        """Whether memory is left."""
        import psutil

        memory = psutil.virtual_memory()
        return _left("memory", memory.available / memory.total, MEMORY_LEFT)

    def disk(self) -> Finding:
        """Whether room is left where data is kept."""
        import psutil

        disk = psutil.disk_usage(str(self._path))
        return _left("disk", disk.free / disk.total if disk.total else 1.0, DISK_LEFT)

    def checks(self) -> tuple[Check, ...]:
        """Memory and disk, as warnings: a full disk still answers what is read."""
        return (
            Check(name="memory", probe=_in_thread(self.memory), critical=False),
            Check(name="disk", probe=_in_thread(self.disk), critical=False),
        )

    def _cpu(self) -> dict[str, Any]:
        import psutil

        times = psutil.cpu_times()
        total = float(sum(times[:8]))  # guest time is counted in user time already
        idle = times.idle + getattr(times, "iowait", 0.0)
        own = self._process.cpu_times()
        return {
            "cores": psutil.cpu_count() or 1,
            # Of all cores, since the snapshot before; null at the first.
            "usedShare": self._all.share(total - idle, total),
            "processShare": self._own.share(own.user + own.system, total),
            "loadAverage": [round(load, 2) for load in psutil.getloadavg()],
        }

    def _of_process(self) -> dict[str, Any]:
        process = self._process
        with process.oneshot():
            return {
                "pid": process.pid,
                "residentBytes": process.memory_info().rss,
                "cpuSeconds": round(sum(process.cpu_times()[:2]), 3),
                "threads": process.num_threads(),
                "openFiles": process.num_fds() if hasattr(process, "num_fds") else None,
                "startedAtS": process.create_time(),  # since the epoch
            }


class _Usage:
    """The share of the machine's time that something had between two readings."""

    LEAST_S = 0.1  # the kernel counts in hundredths: less says nothing, and the last share stands

    def __init__(self) -> None:
        self._before: tuple[float, float] | None = None
        self._share: float | None = None

    def share(self, busy_s: float, total_s: float) -> float | None:
        """From 0 to 1; None until there are two readings."""
        if self._before is None:
            self._before = (busy_s, total_s)
        elif total_s - self._before[1] >= self.LEAST_S:
            share = (busy_s - self._before[0]) / (total_s - self._before[1])
            self._share = round(min(1.0, max(0.0, share)), 4)
            self._before = (busy_s, total_s)
        return self._share


def _left(what: str, share: float, least: float) -> Finding:
    if share >= least:
        return Finding(State.PASS)
    return Finding(State.WARN, f"{share:.1%} of the {what} is left")


def _in_thread(read: Callable[[], Finding]) -> Callable[[], Any]:
    async def probe() -> Finding:
        return await asyncio.to_thread(read)

    return probe
