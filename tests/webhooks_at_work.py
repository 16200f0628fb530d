"""A desk whose edits are told to the world, and the world: a server that checks signatures."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64decode
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from collab.surroundings import Timer
from services.deliveries import Deliveries
from services.ids import new_id
from services.outward import Outward
from services.webhook_events import Bodies, WebhookEvent
from services.webhook_secrets import WebhookSecrets
from store import webhooks as kept
from store.database import Database
from store.deliveries import Deliveries as DeliveryStore
from store.directory import Directory
from store.financial_models import FinancialModels, ModelRecord
from store.runs import RunRecord, Runs
from store.webhooks import DeliveryPage, DeliveryRecord, WebhookRecord, Webhooks
from tests.mirror.collab.by_hand import HandTimer, Said, eventually, settled
from tests.mirror.store.world import OURS, decided, member, model, operation
from tests.outward import LOOPBACK, Certificates

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLERANCE_S = 300  # as receivers are told to have


class PlainSeals:
    """Seals that anybody opens: what a seal is worth is tested where it is made."""

    def seal(self, purpose: str, secret: str) -> str:
        return json.dumps([purpose, secret])

    def open(self, purpose: str, sealed: str) -> str:
        made_for, secret = json.loads(sealed)
        assert made_for == purpose
        return str(secret)


@dataclass
class Time:
    """Both clocks of a process, moved by hand."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def time(self) -> float:
        return self.at.timestamp()

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        return HandTimer(when, 0, callback)

    def pass_by(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


def is_signed(headers: dict[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Whether a receiver that holds the secret may believe it. By the standard's text alone."""
    stamp = headers["webhook-timestamp"]
    if abs(int(stamp) - now.timestamp()) > TOLERANCE_S:
        return False
    content = b".".join((headers["webhook-id"].encode(), stamp.encode(), body))
    for each in headers["webhook-signature"].split(" "):
        version, _, value = each.partition(",")
        if version != "v1":
            continue
        expected = HMAC(b64decode(secret.split("_", 1)[1]), hashes.SHA256())
        expected.update(content)
        if expected.finalize() == b64decode(value):
            return True
    return False


@dataclass
class Heard:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """An https server on this event loop. ``answer`` may fail, wait, or be changed."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], Awaitable[int | tuple[int, dict[str, str]]]] = None  # type: ignore[assignment]  # set below
    at_once: int = 0
    at_once_most: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self.says(200)

    def says(self, status: int, **headers: str) -> None:
        async def answer(_: Heard) -> tuple[int, dict[str, str]]:
            return status, {name.replace("_", "-"): value for name, value in headers.items()}

        self.answer = answer

    def url(self, path: str = "/hook") -> str:
        return f"https://localhost:{self.port}{path}"

    def revisions(self, path: str | None = None) -> dict[str, list[int]]:
        """Of each model, the revisions that were told of, each when it came first."""
        found: dict[str, list[int]] = defaultdict(list)
        for heard in self.heard:
            told = heard.told
            if told["type"].startswith("model.") and path in (None, heard.path):
                revisions = found[told["data"]["model"]]
                if told["data"]["revision"] not in revisions:
                    revisions.append(told["data"]["revision"])
        return dict(found)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await reader.readline():
                headers = {}
                while (line := await reader.readline()).strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                heard = Heard(request.split()[1].decode(), headers, body)
                self.at_once += 1
                self.at_once_most = max(self.at_once_most, self.at_once)
                try:
                    said = await self.answer(heard)
                finally:
                    self.at_once -= 1
                status, more = said if isinstance(said, tuple) else (said, {})
                if 200 <= status < 300:
                    self.heard.append(heard)
                lines = [f"HTTP/1.1 {status} Said", "Content-Length: 0"]
                lines += [f"{name}: {value}" for name, value in more.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode())
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client had enough
        finally:
            writer.transport.abort()  # a farewell in TLS would outlast the test
            self.connections -= 1


@asynccontextmanager
async def receiving(certificates: Certificates, port: int = 0) -> AsyncIterator[Receiver]:
    it = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert_file, certificates.key_file)
    open_ones: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            await it.serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            open_ones.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for task in list(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await settled()


def global_id(kind: str, inner: str) -> str:
    return f"{kind}/{inner}"


class Desk:
    """One process that edits models and sends what webhooks are told."""

    def __init__(self, database: Database, sender: Any, time: Time | None = None) -> None:
        self.time = time or Time()
        self.outcomes: list[str] = []  # of tries
        self.suspended: set[UUID] = set()
        self.said = Said()
        self.database, self.models = database, FinancialModels(database)
        self.secrets = WebhookSecrets(PlainSeals())
        self.bodies = Bodies(global_id, "https://valor.example.com")
        self.webhooks, self.store = Webhooks(database), DeliveryStore(database)
        self.directory = Directory(database)
        self.deliveries = Deliveries(
            database,
            self.directory,
            self.bodies,
            self.secrets,
            sender,
            self.time,
            self.said,
            now=self.time.now,
            chance=lambda: 0.5,
            meter=self,
            may_send=self._may_send,
        )

    def delivery(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    async def _may_send(self, tenant_id: UUID) -> bool:
        return tenant_id not in self.suspended

    async def webhook(
        self, url: str, *events: str, tenant_id: UUID = OURS, state: str = "ACTIVE"
    ) -> tuple[WebhookRecord, str]:
        """A webhook and its secret; without events it wants all of them."""
        webhook_id = new_id()
        secret, sealed = self.secrets.new(tenant_id, webhook_id)
        made = WebhookRecord(
            id=webhook_id,
            url=url,
            description=None,
            events=json.dumps(list(events) or [each.value for each in WebhookEvent]),
            secret=sealed,
            state=state,
            state_reason=None,
            created_by=member(1).id,
            created_at=self.time.at,
            updated_at=self.time.at,
        )
        await self.directory.ready()
        await self.directory.put("WEBHOOKS", str(tenant_id), tenant_id)
        async with self.database.writing(tenant_id) as session:
            await kept.add(session, made)
        return made, secret

    async def make(self, number: int = 1, tenant_id: UUID = OURS) -> ModelRecord:
        made = await self.models.create(
            tenant_id, model(number), operation(uuid4(), verb="CREATE", at=self.time.at)
        )
        assert made.model is not None
        return made.model

    async def edit(self, number: int = 1, tenant_id: UUID = OURS) -> int:
        """An edit; nobody was told of it yet. Its revision."""
        done = await self.models.append(
            tenant_id,
            model(number).id,
            operation(uuid4(), at=self.time.at),
            lambda record, *_: decided(record),
        )
        assert done is not None
        return done.operation.seq

    async def run(self) -> str:
        """A run that has ended; nobody was told of it yet. Its id, as bodies have it."""
        run = RunRecord(
            id=uuid4(),
            kind="SIMULATION",
            operation_id=str(uuid4()),
            fingerprint="0" * 64,
            valuation_id="1" * 64,
            spec="{}",
            state="DONE",
            owner=None,
            lease_until=None,
            attempts=1,
            trials=1,
            trials_done=1,
            progress=None,
            result="{}",
            refusal=None,
            created_by=member(1).id,
            created_at=NOON,
            started_at=NOON,
            ended_at=self.time.at,
        )
        await Runs(self.database).add(OURS, run, 99)
        return global_id("Run", str(run.id))

    async def tell(self, *events: tuple[int, int], tenant_id: UUID = OURS) -> None:
        """What the doorbells do once an edit was rung: (model's number, revision)."""
        given = [(model(number).id, seq) for number, seq in events]
        await self.deliveries.clear_outbox(tenant_id, given)

    async def send(self) -> None:
        """Send all that is due now, and what comes after it."""
        while True:
            await self.deliveries.turn()
            if not self.deliveries.busy:
                return
            await eventually(lambda: not self.deliveries.busy)

    async def kept(self, webhook: WebhookRecord, tenant_id: UUID = OURS) -> list[DeliveryRecord]:
        """Every delivery of a webhook, the oldest first."""
        page = DeliveryPage(webhook_id=webhook.id, limit=10_000)
        return (await self.webhooks.deliveries(tenant_id, page))[::-1]


# Fixtures of the tests of deliveries.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def there(certificates: Certificates) -> AsyncIterator[Receiver]:
    async with receiving(certificates) as receiver:
        yield receiver


@pytest.fixture
async def outward(certificates: Certificates, there: Receiver) -> AsyncIterator[Outward]:
    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    client = Outward(private=[LOOPBACK], ca_file=certificates.ca_file, resolve=here)
    yield client
    await client.close()
    await eventually(lambda: there.connections == 0)


@pytest.fixture
def desk(database: Database, outward: Outward) -> Desk:
    return Desk(database, outward)
