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
from api.graphql import Executor, recognise
from api.settings import Settings
from collab.connection import RedisConnection
from engine.provenance import ENGINE_VERSION
from observability.health import Check
from observability.logs import Logs
from observability.watch import Watch
from resolvers.context import Services
from resolvers.schema import build_schema
from services.analyses import AnalysisService
from services.authentication import Authenticator
from services.companies import CompanyService
from services.compute import Compute
from services.kinds import KINDS
from services.service_levels import ServiceLevels
from services.tenants import TenantService
from services.valuations import ValuationService
from store.companies import Companies
from store.database import Database
from store.market import Market
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One application, built. `close` undoes it."""

    settings: Settings
    schema: strawberry.Schema
    database: Database
    redis: RedisConnection | None
    tenants: Tenants
    compute: Compute
    watch: Watch
    authenticator: Authenticator
    executor: Executor

    async def start(self) -> None:
        """Listen to the event loop. Raises DangerousRole and DatabaseAway."""
        await self.database.ping()
        if self.redis is not None:
            # Imports the client: done in a check, it would make the first one miss its deadline.
            await asyncio.to_thread(self.redis.client)
        await self.watch.start()

    async def close(self) -> None:
        """Not ready first, then the rest in the order of dependence."""
        await self.watch.stop()
        self.compute.close()
        if self.redis is not None:
            await self.redis.close()
        await self.database.close()


def build(settings: Settings, public_key: OKPKey, logs: Logs | None = None) -> Parts:
    """An application that has not started: nothing is connected yet."""
    database = Database.open(settings.database_url)
    redis = RedisConnection(settings.redis_url) if settings.redis_url else None
    checks = [Check(name="database", probe=_quiet(database.ping))]
    if redis is not None:
        # Nothing that is served today waits for Redis, so without it the process stays ready.
        checks.append(Check(name="redis", probe=_quiet(redis.ping), critical=False))
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
    services = Services(
        valuations=ValuationService(Valuations(database), tenant_service, compute, watch.meter),
        analyses=AnalysisService(compute),
        companies=CompanyService(Companies(), Market()),
        tenants=tenant_service,
        service_levels=ServiceLevels(watch, VERSION),
    )
    return Parts(
        settings=settings,
        schema=schema,
        database=database,
        redis=redis,
        tenants=tenants,
        compute=compute,
        watch=watch,
        authenticator=Authenticator(settings.issuer, public_key),
        executor=Executor(
            schema, services, watch.operations, watch.logs.get("api"), settings.deadline_s
        ),
    )


def _quiet(ping: Callable[[], Any]) -> Callable[[], Any]:
    async def probe() -> None:
        await ping()

    return probe


def _data_path(settings: Settings) -> Path:
    if settings.database_url.startswith("sqlite:///"):
        parent = Path(settings.database_url.removeprefix("sqlite:///")).parent
        return parent if parent.exists() else Path()
    return Path()
