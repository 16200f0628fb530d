"""The one place where things are built and handed to each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from api import VERSION
from api.operations.answers import recognise
from api.operations.documents import Documents
from api.operations.graphql import Executor
from api.parts import Parts
from api.settings import Settings
from api.stopping import Stopping
from api.transports.audit_export import PATH as AUDIT_EXPORT_PATH
from api.transports.audit_export import AuditExports
from api.transports.auth import PATHS as AUTH_PATHS
from api.transports.auth import Auth
from api.transports.billing import PATH as BILLING_PATH
from api.transports.cookies import Browsers
from api.transports.cors import Origins
from api.transports.lasting import Lasting, Limits
from api.transports.oidc import PATHS as OIDC_PATHS
from api.transports.oidc import OidcRoutes
from api.transports.sockets import Sockets
from collab.buckets import RedisBuckets
from collab.bus import BroadcastBus, MemoryBackend
from collab.connection import RedisConnection
from collab.directory import MemoryDirectory, RedisDirectory
from collab.flights import MemoryFlights, RedisFlights
from collab.one_room import RedisOneRoom
from collab.redis_backend import RedisBackend
from collab.surroundings import RunningLoop
from engine.provenance import ENGINE_VERSION
from observability.health import Check, Finding
from observability.logs import Logs
from observability.watch import Watch
from resolvers.context import Services
from resolvers.ids import global_id
from resolvers.schema import build_schema, root_fields
from resolvers.shapes import shapes_of
from services.administration import Administration
from services.admission import Admission
from services.analyses import AnalysisService
from services.attempts import Attempts
from services.audit_heads import HeadNews
from services.audit_log import AuditLog
from services.auditing import Auditing
from services.authentication import Issuer
from services.cluster_watch import ClusterWatch, finding
from services.collaboration import CollaborationService
from services.companies import CompanyService, ShippedCompanies
from services.compute import Compute
from services.credit import CreditService
from services.csrf import CsrfTokens
from services.deliveries import Deliveries
from services.federation import Federation
from services.financial_models import ModelService
from services.football import FootballService
from services.identity import Identity
from services.identity_providers import IdentityProviderService
from services.invitations import InvitationService
from services.issuers import Issuers
from services.kinds import KINDS
from services.metering import SHARE, Budget
from services.outward import Outward
from services.own_companies import OwnCompanyService
from services.payments import Payments
from services.prices import PriceList
from services.pricing import PricingService
from services.replay import ReplayService
from services.run_refunds import RunRefunds
from services.run_work import RunWork
from services.runs import RunService
from services.sealing import Sealer
from services.service_levels import ServiceLevels
from services.sharing import SharingService
from services.signing import Keyring
from services.standing import Standings
from services.tenancy import Tenancy
from services.tenants import TenantService
from services.trusted_documents import TrustedDocumentService
from services.usage_counts import UsageCounts
from services.valuations import ValuationService
from services.webhook_events import Bodies
from services.webhook_secrets import WebhookSecrets
from services.webhooks import WebhookService
from services.workbooks import WorkbookService
from services.workers import WorkerPool
from store.audit import AuditNotes
from store.changes import Changes
from store.companies import Companies
from store.database import Database
from store.directory import Directory
from store.financial_models import FinancialModels
from store.identity_providers import IdentityProviders
from store.invitations import Invitations
from store.market import Market
from store.model_grants import ModelGrants
from store.own_companies import OwnCompanies
from store.runs import Runs
from store.standing import Standings as StandingStore
from store.tenants import Tenants
from store.trusted_documents import TrustedDocuments
from store.usage import Usage
from store.valuations import Valuations
from store.webhooks import Webhooks

ROUTES: Final = (
    "/graphql",
    "/metrics",
    "/health",
    "/health/live",
    "/health/ready",
    "/slo/status",
    "/system/metrics",
    *AUTH_PATHS,
    *OIDC_PATHS,
    BILLING_PATH,
    AUDIT_EXPORT_PATH,
)

# How much of a request's time its simulation may take: the caller then hears why it was too long.
OF_A_REQUEST: Final = 2.0 / 3.0


def build(
    settings: Settings,
    keyring: Keyring,
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
    compute, tenants, directory = Compute(), Tenants(database), Directory(database)
    outward = [Outward(settings.outward_private, settings.outward_ca_file) for _ in range(2)]
    to_receivers, to_issuers = outward  # slow receivers keep nobody from signing in
    bus = BroadcastBus(
        RedisBackend(settings.redis_url, log) if settings.redis_url else MemoryBackend(), log
    )
    standings = Standings(StandingStore(database), bus)
    tenant_service = TenantService(tenants, standings)
    administration = Administration(Changes(database), standings)
    invitations = InvitationService(Invitations(database), administration)
    webhook_bodies = Bodies(global_id, settings.public_url)
    prices = PriceList.read(settings.billing_prices) if settings.billing_prices else PriceList()
    webhook_secrets = WebhookSecrets(Sealer(keyring))
    deliveries = Deliveries(
        database,
        directory,
        webhook_bodies,
        webhook_secrets,
        to_receivers,
        RunningLoop(),
        watch.logs.get("webhooks"),
        meter=watch.meter,
        may_send=standings.in_force,
    )
    watch.meter.oldest_undelivered_s = lambda: deliveries.oldest_s
    standings.on_change(deliveries.wake)
    payments = Payments.build(
        database=database,
        directory=directory,
        standings=standings,
        bodies=webhook_bodies,
        prices=prices,
        secrets=settings.billing_secrets,
        clock=administration.clock,
        log=watch.logs.get("billing"),
    )
    tenancy = Tenancy.build(
        database=database,
        directory=directory,
        standings=standings,
        administration=administration,
        invitations=invitations,
        bus=bus,
        log=watch.logs.get("switches"),
        issuer=lambda: Issuer(settings.issuer, keyring.signing()),
        operations=lambda: root_fields(schema),
        kinds=KINDS,
        prorate=payments.subscriptions.prorate,
    )
    browsers = Browsers(Origins(directory, settings.origins), CsrfTokens(keyring), standings)
    buckets = None if redis is None else RedisBuckets(redis)
    identity = Identity.build(
        database=database,
        directory=directory,
        standings=standings,
        administration=administration,
        invitations=invitations,
        keyring=keyring,
        issuer=settings.issuer,
        environment="dev" if settings.dev else "live",
        buckets=buckets,
        refusals=watch.meter,
        log=watch.logs.get("identity"),
    )
    authenticator = identity.authenticator
    issuers, providers = Issuers(to_issuers), IdentityProviders(database)
    identity_providers = IdentityProviderService(
        providers, directory, administration, standings, issuers, identity.sealer
    )
    federation = Federation(
        providers,
        directory,
        identity_providers,
        administration,
        standings,
        issuers,
        identity.signed_in,
        Attempts(watch.logs.get("identity"), buckets),
    )
    simulators = WorkerPool(1, settings.compute_threads, settings.compute_memory_mb, log)
    budget = Budget(watch.logs.get("limits"), buckets, share=min(SHARE, 1.0 / settings.workers))
    runs = Runs(database)
    refunds = RunRefunds(runs, budget, standings.terms, log)
    run_work = RunWork(
        runs,
        Valuations(database),
        workers,
        bus,
        log,
        deadline_s=settings.run_deadline_s,
        refunds=refunds,
        may_begin=tenancy.may_begin,
        ended=deliveries.wake,
    )
    looks = AuditLog(AuditNotes(database))
    valuations = ValuationService(
        Valuations(database),
        tenant_service,
        compute,
        watch.meter,
        looks,
        admit=tenancy.stopped.require_kind,
    )
    operations = FinancialModels(database)
    models = ModelService(operations, tenant_service, valuations, shapes_of(schema), looks)
    collaboration = CollaborationService(
        models=models,
        operations=operations,
        tenants=tenant_service,
        valuations=valuations,
        bus=bus,
        directory=MemoryDirectory(RunningLoop()) if redis is None else RedisDirectory(redis),
        flights=MemoryFlights(RunningLoop()) if redis is None else RedisFlights(redis),
        log=watch.logs.get("rooms"),
        clear_outbox=deliveries.clear_outbox,
        one_room=None if redis is None else RedisOneRoom(redis),
    )
    models.doorbell = collaboration
    standings.on_change(collaboration.look_again)
    analyses = AnalysisService(
        compute, valuations, simulators, deadline_s=settings.deadline_s * OF_A_REQUEST
    )
    usage = UsageCounts(Usage(database), watch.logs.get("limits"))
    admission = Admission(standings, budget, usage)
    documents = Documents(schema, settings.trusted_documents, only_trusted=settings.only_trusted)
    own_documents = TrustedDocumentService(TrustedDocuments(database), documents.complaints)
    auditing = Auditing.build(
        database=database,
        looks=looks,
        tenants=tenant_service,
        administration=administration,
        signer=keyring,
        sink=HeadNews(webhook_bodies, deliveries.wake),
        sealer=identity.sealer,
        log=watch.logs.get("audit"),
    )
    services = Services(
        tenancy=tenancy,
        identity=identity,
        identity_providers=identity_providers,
        valuations=valuations,
        analyses=analyses,
        football=FootballService(valuations, analyses),
        credit=CreditService(valuations),
        replays=ReplayService(Valuations(database), compute),
        workbooks=WorkbookService(
            valuations, simulators, looks, deadline_s=settings.deadline_s * OF_A_REQUEST
        ),
        models=models,
        sharing=SharingService(ModelGrants(database), models, tenant_service, standings),
        collaboration=collaboration,
        runs=RunService(runs, run_work, tenant_service, valuations, models, bus, looks, refunds),
        companies=CompanyService(
            OwnCompanyService(OwnCompanies(database), tenant_service),
            [ShippedCompanies(Companies())],
            Market(),
        ),
        tenants=tenant_service,
        service_levels=ServiceLevels(watch, VERSION),
        subscriptions=payments.subscriptions,
        webhooks=WebhookService(
            administration,
            Webhooks(database),
            directory,
            standings,
            to_receivers,
            webhook_secrets,
            webhook_bodies,
        ),
        pricing=PricingService(admission, documents),
        trusted_documents=own_documents,
        auditing=auditing,
    )
    auth = Auth(identity, standings, browsers, watch.logs.get("identity"))
    executor = Executor(
        schema,
        services,
        watch.operations,
        watch.logs.get("api"),
        settings.deadline_s,
        admission,
        documents,
        own_documents,
    )
    lasting = Lasting(standings.still, watch.logs.get("api"), limits, lambda: bus.up)
    standings.on_change(lasting.look_again)
    return Parts(
        settings=settings,
        schema=schema,
        database=database,
        redis=redis,
        tenants=tenants,
        directory=directory,
        outward=outward,
        browsers=browsers,
        bus=bus,
        standings=standings,
        tenancy=tenancy,
        collaboration=collaboration,
        webhook_bodies=webhook_bodies,
        deliveries=deliveries,
        payments=payments,
        compute=compute,
        workers=workers,
        simulators=simulators,
        run_work=run_work,
        cluster_watch=ClusterWatch(workers, watch.meter, log) if settings.cluster else None,
        watch=watch,
        identity=identity,
        auth=auth,
        oidc=OidcRoutes(
            auth,
            federation,
            browsers,
            authenticator,
            standings,
            identity.sealer,
            settings.public_url,
        ),
        authenticator=authenticator,
        auditing=auditing,
        audit_exports=AuditExports(authenticator, browsers, admission, auditing.reading),
        budget=budget,
        usage=usage,
        executor=executor,
        lasting=lasting,
        sockets=Sockets(
            executor, authenticator, lasting, watch.meter, watch.logs.get("api"), browsers
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
