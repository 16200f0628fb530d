"""A process that is killed between any two steps loses no event and doubles none."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.deliveries import LEASE, OF_A_WEBHOOK
from services.outward import Reply
from store.database import Database
from tests.mirror.store.conftest import (
    database,
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import OURS, Place, model
from tests.webhooks_at_work import Desk

__all__ = [
    "database",
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "sqlite_template",
]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the victim forks, which Windows cannot"),
]
ROOT = Path(__file__).parents[2]
EACH = 9  # steps from one kill to the next


class Heir:
    """The same file as the victims', kept by who comes after them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def post(self, _url: str, body: bytes, **_given: Any) -> Reply:
        with self._file.open("a") as lines:
            lines.write(json.dumps({"sent": json.loads(body)}) + "\n")
        return Reply(200, {}, b"")


async def test_killed_between_any_two_steps_nothing_is_lost_doubled_or_out_of_order(
    place: Place, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "told"
    heir = Desk(database, Heir(file))
    webhook, _ = await heir.webhook("https://example.com/")
    for number in (1, 2):
        await heir.make(number)
        await heir.tell((number, 1))
    kills = await asyncio.to_thread(killed, place.url, file)
    assert kills >= 60 // EACH
    # Somebody comes after them all, once their leases have ended.
    heir.time.pass_by(days=1)
    assert timedelta(minutes=1) > LEASE
    await heir.deliveries.look_after(OURS)
    await heir.send()

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    sent = [line["sent"] for line in lines if "sent" in line]
    edited = [tuple(line["edited"]) for line in lines if "edited" in line]
    told = {number: first_of(sent, model(number).id) for number in (1, 2)}
    for number, revisions in told.items():
        newest = max(seq for of, seq in edited if of == number)
        assert revisions == list(range(1, newest + 1))
    ran = {line["ran"] for line in lines if "ran" in line}
    assert ran <= {each["data"].get("run") for each in sent}
    # As a row each is there once; sent twice is only what was under way when a process was killed.
    rows = Counter((each.stream, each.seq) for each in await heir.kept(webhook))
    assert set(rows.values()) == {1}
    assert {each.state for each in await heir.kept(webhook)} == {"DELIVERED"}
    assert len(sent) - len({each["id"] for each in sent}) <= kills * OF_A_WEBHOOK
    assert await heir.models.left_in_outbox(OURS, heir.time.at, 9) == []


def killed(url: str, file: Path) -> int:
    """Kill one process after the other, each a little later, until one comes to its end."""
    command = [sys.executable, "-m", "tests.webhook_victim", url, str(file)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as victims:
        kills, step = 0, 1
        while True:
            victims.stdin.write(f"{step}\n")
            victims.stdin.flush()
            said = victims.stdout.readline().strip()
            assert said in ("killed", "ended"), said
            if said == "ended":
                victims.stdin.close()
                return kills
            kills, step = kills + 1, step + EACH


def first_of(sent: list[dict[str, Any]], model_id: object) -> list[int]:
    """The revisions of a model in the order in which each was first sent."""
    revisions = [
        each["data"]["revision"]
        for each in sent
        if each["data"].get("model") == f"FinancialModel/{model_id}"
    ]
    return list(dict.fromkeys(revisions))
