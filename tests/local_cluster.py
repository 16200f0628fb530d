"""A real Dask cluster on 127.0.0.1, in a process of its own: ``python tests/local_cluster.py``.

It says where its scheduler listens and which processes its workers are, as one line of JSON; each
line on its standard input makes it say so again, and when that closes it ends. Its workers are
processes, which import the code of this house as any machine of a cluster would.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(slots=True)
class Local:
    """A cluster that runs until its block ends, or is killed."""

    process: subprocess.Popen[str]
    address: str
    workers: list[int]  # process ids

    def look(self) -> list[int]:
        """The processes of its workers now: one that was killed is replaced."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.workers = self._told()["workers"]
        return self.workers

    def kill(self) -> None:
        """Scheduler and workers, at once."""
        self.process.kill()
        self.process.wait(30)

    def _told(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the cluster did not start"
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def local_cluster(
    workers: int = 2, port: int = 0, tls: dict[str, str] | None = None, path: Path | None = None
) -> Iterator[Local]:
    """Workers of one thread each. ``tls``: PEM files by dask's names. ``path``: a folder of modules
    that its processes find before all others."""
    given = json.dumps({"workers": workers, "port": port, "tls": tls})
    folders = [str(folder) for folder in (path, ROOT) if folder is not None]
    process = subprocess.Popen(
        [sys.executable, __file__, given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(folders),
            "DASK_CONFIG": os.devnull,
            "OPENBLAS_NUM_THREADS": "1",
        },
    )
    local = Local(process, "", [])
    try:
        told = local._told()
        local.address, local.workers = told["address"], told["workers"]
        yield local
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        process.stdout.close()


# What follows runs in the cluster's own process.


async def keep(workers: int, port: int, tls: dict[str, str] | None) -> None:
    from distributed import LocalCluster
    from distributed.security import Security

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    async with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        scheduler_port=port,
        dashboard_address=None,
        worker_dashboard_address=None,
        memory_limit=0,
        security=Security(require_encryption=True, **tls) if tls else None,
        protocol="tls://" if tls else "tcp://",
        asynchronous=True,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        loop = asyncio.get_running_loop()
        while True:
            processes = [nanny.process for nanny in cluster.workers.values()]
            pids = [process.pid for process in processes if process is not None]
            told = {"address": cluster.scheduler_address, "workers": pids}
            print(json.dumps(told), flush=True)
            if not await loop.run_in_executor(None, sys.stdin.readline):
                return


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    asyncio.run(keep(asked["workers"], asked["port"], asked["tls"]))
