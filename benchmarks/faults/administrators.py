"""Who administers: members are made under an operation's id, again and again until acknowledged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, TextIO
from uuid import uuid4

from benchmarks.faults.administration import Making
from benchmarks.faults.documents import uuid_of
from benchmarks.faults.wire import NotNow, Road, Unclean, data_of, patience

MAKE: Final = """mutation Make($name: String!, $operation: ID!) {
  createServiceAccount(name: $name, role: VIEWER, operationId: $operation) { __typename
    ... on Refusal { code message } ... on Member { id } } }"""
CHAIN: Final = "query Chain { auditEvents(first: 1) { edges { node { seq } } } }"
PAUSE_S: Final = 0.2
TWINS: Final = 0.2  # share of operations that are sent twice at the same moment


@dataclass(slots=True)
class Administrator:
    """One person who makes service accounts, one after the other."""

    road: Road
    numbers: Iterator[int]
    chance: Random
    file: TextIO  # what was sent and answered, in the client's own words
    makings: list[Making] = field(default_factory=list)
    unclean: list[str] = field(default_factory=list)

    async def administer_until(self, enough: asyncio.Event) -> None:
        """Until told that it is enough; the last operation is seen through."""
        try:
            while not enough.is_set():
                name = f"{self.road.tenant.name} robot {next(self.numbers)}"
                making = Making(str(uuid4()), name)
                self.makings.append(making)
                self._write(making)
                await self._see_through(making)
                await asyncio.sleep(self.chance.uniform(0.5, 1.5) * PAUSE_S)
        finally:
            await self.road.close()

    async def _see_through(self, making: Making) -> None:
        tries = 0
        while not making.acknowledged:
            twins = 2 if self.chance.random() < TWINS else 1
            await asyncio.gather(*(self._send(making) for _ in range(twins)))
            if not making.acknowledged:
                await patience(tries)
                tries += 1

    async def _send(self, making: Making) -> None:
        asked = {"name": making.name, "operation": making.operation_id}
        try:
            outcome = data_of(await self.road.ask(MAKE, asked))["createServiceAccount"]
            if outcome["__typename"] == "Refusal":
                raise Unclean(f"{outcome['code']}: {outcome['message']}")
        except NotNow:
            return
        except Unclean as no:
            self.unclean.append(f"{making.name} was answered by {no}")
            making.answers.append("")  # to go on
            return
        making.answers.append(str(uuid_of(outcome["id"])))
        self._write(making)

    def _write(self, making: Making) -> None:
        words = {"operation": making.operation_id, "name": making.name, "answers": making.answers}
        self.file.write(json.dumps(words) + "\n")
        self.file.flush()
