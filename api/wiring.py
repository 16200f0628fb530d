"""The one place where things are built and handed to each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import strawberry
from joserfc.jwk import OKPKey

from api import VERSION
from api.operations.graphql import Executor, recognise
from api.settings import Settings
from api.stopping import Stopping
from api.transports.lasting import Lasting, Limits
from api.transports.sockets import Sockets
from collab.bus import BroadcastBus, MemoryBackend
from collab.connection import RedisConnection
from collab.directory import MemoryDirectory, RedisDirectory
from collab.flights import MemoryFlights, RedisFlights
from collab.redis_backend import RedisBackend
from collab.surroundings import RunningLoop
from engine.provenance import ENGINE_VERSION
from observability.health import Check, Finding
from observability.logs import Logs
from observability.watch import Watch
from resolvers.context import Services
from resolvers.schema import build_schema
from resolvers.shapes import shapes_of
from services.analyses import AnalysisService
from services.authentication import Authenticator
from services.cluster_watch import ClusterWatch, finding
from services.collaboration import CollaborationService
from services.companies import CompanyService, ShippedCompanies
from services.compute import Compute
from services.credit import CreditService
from services.financial_models import ModelService
from services.football import FootballService
from services.kinds import KINDS
from services.own_companies import OwnCompanyService
from services.replay import ReplayService
from services.run_work import RunWork
from services.runs import RunService
from services.service_levels import ServiceLevels
from services.tenants import TenantService
from services.valuations import ValuationService
from services.workbooks import WorkbookService
from services.workers import WorkerPool
from store.companies import Companies
from store.database import Database
from store.financial_models import FinancialModels
from store.market import Market
from store.own_companies import OwnCompanies
from store.runs import Runs
from store.tenants import Tenants
from store.valuations import Valuations

ROUTES: Final = (
    "/graphql",
    "/metrics",
    "/health",
    "/health/live",
    "/health/ready",
    "/slo/status",
    "/system/metrics",
)

# How much of a request's time its simulation may take: the caller then hears why it was too long.
OF_A_REQUEST: Final = 2.0 / 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One application, built. `close` undoes it."""

    settings: Settings
    schema: strawberry.Schema
    database: Database
    redis: RedisConnection | None
    tenants: Tenants
    bus: BroadcastBus
    collaboration: CollaborationService
    compute: Compute
    workers: WorkerPool
    simulators: WorkerPool
    run_work: RunWork
    cluster_watch: ClusterWatch | None
    watch: Watch
    authenticator: Authenticator
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
        await self.collaboration.start()
        self.workers.start()  # in the background: the first run finds one that is ready
        self.simulators.start()
        if self.cluster_watch is not None:
            self.cluster_watch.start()
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
        await stop.step("bus", self.bus.close(), 2.0)
        await stop.step("engine", asyncio.to_thread(self.compute.close), 5.0)
        if self.redis is not None:
            await stop.step("redis", self.redis.close(), 2.0)
        await stop.step("database", self.database.close(), 10.0)


def build(
    settings: Settings,
    public_key: OKPKey,
    logs: Logs | None = None,
    limits: Limits | None = None,
) -> Parts:
    """An application that has not started: nothing is connected yet."""
    database = Database.open(settings.database_url)
    redis = RedisConnection(settings.redis_url) if settings.redis_url else None
    checks = [Check(name="database", probe=_quiet(database.ping))]
    if redis is not None:
        # Nothing that is served today waits for Redis, so without it the process stays ready.
        checks.append(Check(name="redis", probe=_quiet(redis.ping), critical=False))
    logs = logs or Logs(settings.log_level)
    log = logs.get("runs")
    workers = WorkerPool(
        settings.compute_processes,
        settings.compute_threads,
        settings.compute_memory_mb,
        log,
        settings.cluster,
    )
    if settings.cluster is not None:
        # What is served at once does not need it, and runs may wait for it.
        checks.append(Check(name="cluster", probe=_of_cluster(workers), critical=False))
    watch = Watch(
        version=VERSION,
        engine_version=ENGINE_VERSION,
        routes=ROUTES,
        kinds=tuple(KINDS),
        checks=checks,
        recognise=recognise,
        trace_share=settings.trace_share,
        otlp_endpoint=settings.otlp_endpoint,
        log_level=settings.log_level,
        logs=logs,
        data_path=_data_path(settings),
    )
    schema = build_schema()
    watch.attach(schema._schema)  # noqa: SLF001 - Strawberry offers no other way to its schema
    compute, tenants = Compute(), Tenants(database)
    tenant_service = TenantService(tenants)
    bus = BroadcastBus(
        RedisBackend(settings.redis_url, log) if settings.redis_url else MemoryBackend(), log
    )
    simulators = WorkerPool(1, settings.compute_threads, settings.compute_memory_mb, log)
    runs = Runs(database)
    run_work = RunWork(
        runs, Valuations(database), workers, bus, log, deadline_s=settings.run_deadline_s
    )
    valuations = ValuationService(Valuations(database), tenant_service, compute, watch.meter)
    operations = FinancialModels(database)
    models = ModelService(operations, tenant_service, valuations, shapes_of(schema))
    collaboration = CollaborationService(
        models=models,
        operations=operations,
        tenants=tenant_service,
        valuations=valuations,
        bus=bus,
        directory=MemoryDirectory(RunningLoop()) if redis is None else RedisDirectory(redis),
        flights=MemoryFlights(RunningLoop()) if redis is None else RedisFlights(redis),
        log=watch.logs.get("rooms"),
    )
    models.doorbell = collaboration
    analyses = AnalysisService(
        compute, valuations, simulators, deadline_s=settings.deadline_s * OF_A_REQUEST
    )
    services = Services(
        valuations=valuations,
        analyses=analyses,
        football=FootballService(valuations, analyses),
        credit=CreditService(valuations),
        replays=ReplayService(Valuations(database), compute),
        workbooks=WorkbookService(
            valuations, simulators, deadline_s=settings.deadline_s * OF_A_REQUEST
        ),
        models=models,
        collaboration=collaboration,
        runs=RunService(runs, run_work, tenant_service, valuations, models, bus),
        companies=CompanyService(
            OwnCompanyService(OwnCompanies(database), tenant_service),
            [ShippedCompanies(Companies())],
            Market(),
        ),
        tenants=tenant_service,
        service_levels=ServiceLevels(watch, VERSION),
    )
    authenticator = Authenticator(settings.issuer, public_key)
    executor = Executor(
        schema,
        services,
        watch.operations,
        watch.logs.get("api"),
        settings.deadline_s,
        settings.trusted_documents,
        only_trusted=settings.only_trusted,
    )
    lasting = Lasting(tenant_service.belongs, watch.logs.get("api"), limits)
    return Parts(
        settings=settings,
        schema=schema,
        database=database,
        redis=redis,
        tenants=tenants,
        bus=bus,
        collaboration=collaboration,
        compute=compute,
        workers=workers,
        simulators=simulators,
        run_work=run_work,
        cluster_watch=ClusterWatch(workers, watch.meter, log) if settings.cluster else None,
        watch=watch,
        authenticator=authenticator,
        executor=executor,
        lasting=lasting,
        sockets=Sockets(
            executor,
            authenticator,
            lasting,
            watch.meter,
            watch.logs.get("api"),
            settings.origins,
        ),
        stopping=Stopping(watch.logs.get("api")),
    )


def _quiet(ping: Callable[[], Any]) -> Callable[[], Any]:
    async def probe() -> None:
        await ping()

    return probe


def _of_cluster(workers: WorkerPool) -> Callable[[], Any]:
    async def probe() -> Finding:
        return finding(workers.cluster_news)

    return probe


def _data_path(settings: Settings) -> Path:
    if settings.database_url.startswith("sqlite:///"):
        parent = Path(settings.database_url.removeprefix("sqlite:///")).parent
        return parent if parent.exists() else Path()
    return Path()
