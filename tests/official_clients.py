"""The official clients of graphql-transport-ws and of GraphQL over SSE, in a process of Node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.node import installed, node

SOURCES: Final = Path(__file__).parent / "contract" / "graphql_ws"
FILES: Final = ("package.json", "package-lock.json", "client.mjs")
WITHIN_S: Final = 60.0

Event = dict[str, Any]


class Clients:
    """What they are told to do, and what they have told so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._heard: list[Event] = []
        self._news = asyncio.Event()

    async def read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self._heard.append(json.loads(line))
            self._news.set()

    def do(self, verb: str, client: str, **more: Any) -> None:
        assert self._process.stdin is not None
        command = {"do": verb, "client": client, **more}
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    def told(self, client: str, event: str, **more: Any) -> list[Event]:
        """What has been told so far."""
        wanted = {"client": client, "event": event, **more}
        return [each for each in self._heard if wanted.items() <= each.items()]

    async def wait(self, client: str, event: str, count: int = 1, **more: Any) -> list[Event]:
        """What has been told, as soon as it is so many."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while len(found := self.told(client, event, **more)) < count:
                    await self.news()
        except TimeoutError:
            told = [each for each in self._heard if each["client"] == client]
            seen = [(each["event"], each.get("code")) for each in told]
            raise AssertionError(f"{client}: no “{event}” with {more}, but {seen}") from None
        return found

    async def news(self) -> None:
        """Until something more is told."""
        self._news.clear()
        await self._news.wait()

    async def answer(self, client: str, id_: str, query: str, **variables: Any) -> Any:
        request = {"query": query, "variables": variables}
        self.do("follow", client, id=id_, request=request)
        (value, *_) = await self.wait(client, "next", id=id_)
        await self.wait(client, "complete", id=id_)
        return value["value"]


@pytest.fixture(scope="module")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the program and its packages are. Import it by its name."""
    return installed(SOURCES, FILES, pytestconfig, tmp_path_factory)


@asynccontextmanager
async def clients_of(folder: Path, url: str) -> AsyncIterator[Clients]:
    """Clients of a server (http://127.0.0.1:PORT/graphql), until the block ends."""
    process = await asyncio.create_subprocess_exec(
        node(), "client.mjs", url, cwd=folder, limit=2**24,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    clients = Clients(process)
    reading = asyncio.create_task(clients.read())
    try:
        await clients.wait("", "ready")
        yield clients
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), WITHIN_S)
        await reading
