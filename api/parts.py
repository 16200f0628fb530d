"""One application, built: its parts, in the order in which they start and stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import strawberry

from api.operations.graphql import Executor
from api.settings import Settings
from api.stopping import Stopping
from api.transports.audit_export import AuditExports
from api.transports.auth import Auth
from api.transports.cookies import Browsers
from api.transports.lasting import Lasting
from api.transports.oidc import OidcRoutes
from api.transports.sockets import Sockets
from collab.bus import BroadcastBus
from collab.connection import RedisConnection
from collab.surroundings import RunningLoop
from observability.watch import Watch
from services.auditing import Auditing
from services.authentication import Authenticator
from services.cluster_watch import ClusterWatch
from services.collaboration import CollaborationService
from services.compute import Compute
from services.deliveries import Deliveries
from services.identity import Identity
from services.metering import Budget
from services.outward import Outward
from services.payments import Payments
from services.run_work import RunWork
from services.standing import Standings
from services.tenancy import Tenancy
from services.usage_counts import UsageCounts
from services.webhook_events import Bodies
from services.workers import WorkerPool
from store.database import Database
from store.directory import Directory
from store.tenants import Tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One application, built. `close` undoes it."""

    settings: Settings
    schema: strawberry.Schema
    database: Database
    redis: RedisConnection | None
    tenants: Tenants
    directory: Directory
    outward: list[Outward]  # to receivers of webhooks, to issuers
    browsers: Browsers
    bus: BroadcastBus
    standings: Standings
    tenancy: Tenancy
    collaboration: CollaborationService
    webhook_bodies: Bodies
    deliveries: Deliveries
    payments: Payments
    compute: Compute
    workers: WorkerPool
    simulators: WorkerPool
    run_work: RunWork
    cluster_watch: ClusterWatch | None
    watch: Watch
    identity: Identity
    auth: Auth
    oidc: OidcRoutes
    authenticator: Authenticator
    auditing: Auditing
    audit_exports: AuditExports
    budget: Budget
    usage: UsageCounts
    executor: Executor
    lasting: Lasting
    sockets: Sockets
    stopping: Stopping

    async def start(self) -> None:
        """Listen to the event loop. Raises DangerousRole and DatabaseAway."""
        await self.database.ping()
        if self.redis is not None:
            # Imports the client: done in a check, it would make the first one miss its deadline.
            await asyncio.to_thread(self.redis.client)
        await self.bus.start()
        await self.standings.start()
        await self.directory.ready()
        await self.tenancy.stopped.start()
        await self.collaboration.start()
        self.deliveries.start()
        self.payments.billing.start(RunningLoop())
        self.workers.start()  # in the background: the first run finds one that is ready
        self.simulators.start()
        if self.cluster_watch is not None:
            self.cluster_watch.start()
        self.usage.start()
        self.auditing.chainer.start()
        await self.watch.start()
        self.lasting.start()

    async def close(self) -> None:
        """Undo `start`, in the order of dependence; what is late keeps nobody else waiting."""
        stop = self.stopping
        await stop.step("lasting", self.lasting.close(), 5.0)
        await stop.step("sockets", self.sockets.close(), 5.0)
        await stop.step("watch", self.watch.stop(), 5.0)
        await stop.step("runs", self.run_work.close(), 5.0)
        if self.cluster_watch is not None:
            await stop.step("cluster", self.cluster_watch.close(), 2.0)
        await stop.step("workers", self.workers.close(), 5.0)
        await stop.step("simulators", self.simulators.close(), 5.0)
        await stop.step("rooms", self.collaboration.close(), 5.0)
        await stop.step("webhooks", self.deliveries.close(), 5.0)
        await stop.step("billing", self.payments.billing.close(), 2.0)
        await stop.step("switches", self.tenancy.stopped.close(), 2.0)
        await stop.step("bus", self.bus.close(), 2.0)
        await stop.step("engine", asyncio.to_thread(self.compute.close), 5.0)
        await stop.step("budget", self.budget.close(), 2.0)
        await stop.step("identity", self.identity.close(), 5.0)
        await stop.step("usage", self.usage.close(), 5.0)
        await stop.step("audit", self.auditing.chainer.close(), 3.0)
        if self.redis is not None:
            await stop.step("redis", self.redis.close(), 2.0)
        for each, to in zip(self.outward, ("receivers", "issuers"), strict=True):
            await stop.step(f"to {to}", each.close(), 2.0)
        await stop.step("database", self.database.close(), 10.0)
