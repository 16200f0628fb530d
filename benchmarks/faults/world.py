"""The world outside of a trial: an address of each tenant's, which is told of all that happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from benchmarks.faults.documents import uuid_of
from benchmarks.faults.report import Tally
from benchmarks.faults.stack import Stack
from benchmarks.faults.tenants import CANARY, OURS, Tenant
from benchmarks.faults.told import Happened, Telling, compare_told
from benchmarks.faults.wire import HttpRoad, NotNow, data_of, patience
from tests.webhooks_at_work import Heard, Receiver, is_signed, receiving

LISTEN: Final = """mutation Listen($url: String!, $operation: ID) {
  createWebhook(url: $url, operationId: $operation,
      events: [MODEL_CREATED, MODEL_EDITED, RUN_ENDED, AUDIT_HEAD]) { __typename
    ... on Refusal { code message issues { message } } ... on WebhookWithSecret { secret } } }"""
TOLD_WITHIN_S: Final = 90.0  # three times as long as the lease of whoever was killed
QUIET_S: Final = 5.0  # so long nothing is on its way: then nothing more comes
LOOK_S: Final = 0.5


class World:
    """Who listens, and with which secrets."""

    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self._stack, self._receiver = stack, receiver
        self._secrets: dict[str, str] = {}

    async def listen(self) -> None:
        """Have every tenant's webhook set up. Raises RuntimeError where it is refused."""
        for tenant in (OURS, CANARY):
            road, tries = HttpRoad(self._stack, tenant), 0
            url = f"https://127.0.0.1:{self._receiver.port}/{tenant.name}"
            asked = {"url": url, "operation": str(uuid4())}
            try:
                while tenant.name not in self._secrets:
                    try:
                        made = data_of(await road.ask(LISTEN, asked))["createWebhook"]
                    except NotNow:
                        await patience(tries)
                        tries += 1
                        continue
                    if made.get("secret") is None:
                        raise RuntimeError(f"no webhook could be set up: {made}")
                    self._secrets[tenant.name] = made["secret"]
            finally:
                await road.close()

    async def judged(self, tally: Tally) -> Tally:
        """Wait until all was told, and compare that with what happened."""
        await self._all_told()
        for tenant in (OURS, CANARY):
            happened, heard = await self._happened(tenant), self._heard(tenant)
            tally.acknowledged += len({telling.id for telling in heard})
            tally.again += len(heard) - len({telling.id for telling in heard})
            tally.flaws.add(compare_told(tenant.name, str(tenant.tenant_id), happened, heard))
        return tally

    async def _all_told(self) -> None:
        end, quiet_since = time.monotonic() + TOLD_WITHIN_S, time.monotonic()
        while (now := time.monotonic()) < end and now < quiet_since + QUIET_S:
            on_their_way = [(await self._happened(tenant)).on_its_way for tenant in (OURS, CANARY)]
            if any(on_their_way):
                quiet_since = time.monotonic()
            await asyncio.sleep(LOOK_S)

    async def _happened(self, tenant: Tenant) -> Happened:
        return await self._stack.records.happened(tenant.tenant_id)

    def _heard(self, tenant: Tenant) -> list[Telling]:
        secret = self._secrets[tenant.name]
        return [
            _telling(heard, secret)
            for heard in self._receiver.heard
            if heard.path == f"/{tenant.name}"
        ]


@asynccontextmanager
async def listening(stack: Stack) -> AsyncIterator[World]:
    """A world that listens to a stack that stands."""
    async with receiving(stack.certificates) as receiver:
        world = World(stack, receiver)
        await world.listen()
        yield world


def _telling(heard: Heard, secret: str) -> Telling:
    told = heard.told
    thing, seq = _place(told["type"], told["data"])
    sent_at = datetime.fromtimestamp(int(heard.headers["webhook-timestamp"]), UTC)
    return Telling(
        id=heard.headers["webhook-id"],
        tenant=str(uuid_of(told["tenant"])),
        thing=thing,
        seq=seq,
        body=heard.body,
        signed=is_signed(heard.headers, heard.body, secret, sent_at),
    )


def _place(event: str, data: dict[str, Any]) -> tuple[str, int]:
    """What it happened to, and which of its events it is."""
    if event.startswith("model."):
        return f"model {uuid_of(data['model'])}", data["revision"]
    if event == "run.ended":
        return f"run {uuid_of(data['run'])}", 1
    return "audit", data["seq"]
