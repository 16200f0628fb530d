from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from observability.health import State
from observability.system import Machine

pytestmark = pytest.mark.anyio

Free = namedtuple("Free", "total free")
Available = namedtuple("Available", "total available")


def test_a_snapshot_has_every_resource_and_is_json(tmp_path: Path) -> None:
    told = json.loads(json.dumps(Machine(tmp_path).snapshot()))
    assert set(told) == {"cpu", "memory", "disk", "network", "process"}
    assert told["memory"]["totalBytes"] == psutil.virtual_memory().total
    assert told["disk"]["totalBytes"] == psutil.disk_usage(str(tmp_path)).total
    assert told["process"]["pid"] == psutil.Process().pid
    assert told["process"]["residentBytes"] > 10_000_000
    assert told["cpu"]["cores"] >= 1
    assert 0 < told["memory"]["usedShare"] < 1


def test_usage_is_measured_between_two_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    times = psutil.cpu_times()
    assert machine.snapshot()["cpu"]["usedShare"] is None

    def after(busy_s: float, idle_s: float) -> None:
        moved = times._replace(user=times.user + busy_s, idle=times.idle + idle_s)
        monkeypatch.setattr(psutil, "cpu_times", lambda: moved)

    after(1e6, 1e6)
    machine.snapshot()
    after(1e6 + 30, 1e6 + 70)
    assert machine.snapshot()["cpu"]["usedShare"] == pytest.approx(0.3)
    after(1e6 + 30.01, 1e6 + 70.01)  # too soon to say anything new
    assert machine.snapshot()["cpu"]["usedShare"] == pytest.approx(0.3)
    after(1e6 + 30, 1e6 + 170)
    assert machine.snapshot()["cpu"]["usedShare"] == 0.0


async def test_a_machine_with_room_passes() -> None:
    memory, disk = Machine().checks()
    assert (memory.name, disk.name) == ("memory", "disk")
    assert not memory.critical
    assert not disk.critical
    assert (await memory.probe()).state in set(State)  # type: ignore[union-attr]


@pytest.mark.parametrize(("left", "state"), [(4, State.WARN), (5, State.PASS), (90, State.PASS)])
def test_it_warns_below_a_twentieth(
    left: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "disk_usage", lambda _: Free(100, left))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Available(100, left))
    disk, memory = Machine().disk(), Machine().memory()
    assert (disk.state, memory.state) == (state, state)
    if state is State.WARN:
        assert disk.detail == "4.0% of the disk is left"
        assert memory.detail == "4.0% of the memory is left"


def test_connections_are_never_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("listed")

    monkeypatch.setattr(psutil, "net_connections", never)
    monkeypatch.setattr(psutil.Process, "net_connections", never)
    Machine().snapshot()
