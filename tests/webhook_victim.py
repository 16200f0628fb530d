"""A process that edits, tells and sends, and is killed at a step that it is told.

`python -m tests.webhook_victim URL FILE`: for each number in a line of its input it forks a child
that is killed before so many words to the database, or ends by itself. A child writes each
operation that was acknowledged, and each body that was sent, to FILE, a line each. Its parent
answers "killed" or "ended".
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.outward import Reply
from store.database import Database
from tests.mirror.store.world import OURS, model
from tests.webhooks_at_work import Desk


class Steps:
    """Counts what is said to the database, and kills the process at one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def take(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class ToFile:
    """Somebody else's server: a file that is on the disk before anything is answered."""

    def __init__(self, file: Path, steps: Steps) -> None:
        self._file, self._steps = file, steps

    def say(self, **what: Any) -> None:
        with self._file.open("a") as lines:
            lines.write(json.dumps(what) + "\n")

    async def post(self, _url: str, body: bytes, **_given: Any) -> Reply:
        self._steps.take()
        self.say(sent=json.loads(body))
        self._steps.take()
        return Reply(200, {}, b"")


async def work(url: str, file: Path, last: int) -> None:
    steps = Steps(last)
    database = Database.open(url)
    desk = Desk(database, out := ToFile(file, steps))
    desk.time.pass_by(minutes=last)  # the leases of those before it have ended
    for _ in range(2):
        for number in (1, 2):
            out.say(edited=[number, await desk.edit(number)])
    out.say(ran=await desk.run())

    execute, commit = AsyncConnection.execute, AsyncConnection.commit

    async def executing(self: AsyncConnection, *given: Any, **more: Any) -> Any:
        steps.take()
        return await execute(self, *given, **more)

    async def committing(self: AsyncConnection) -> None:
        steps.take()
        await commit(self)
        steps.take()

    AsyncConnection.execute = executing  # type: ignore[method-assign]  # that is what we are here for
    AsyncConnection.commit = committing  # type: ignore[method-assign]
    found = await desk.models.find(OURS, model(1).id)
    assert found is not None
    await desk.tell((1, found.revision))
    desk.time.pass_by(seconds=2)
    await desk.deliveries.look_after(OURS)
    await desk.send()
    await database.close()


def main(url: str, file: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(work(url, file, int(line)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        ended = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("ended" if ended else "killed" if killed else f"failed {status}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
