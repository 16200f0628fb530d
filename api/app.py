"""The ASGI application: routes, what every request goes through, start and stop."""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.parts import Parts
from api.transports import explorer
from api.transports.billing import BillingEvents
from api.transports.branding import BrandingPages
from api.transports.cors import Cors
from api.transports.endpoint import GraphQLEndpoint
from api.transports.overload import Limited
from observability.logs import bind
from observability.metrics import Meter

GRAPHQL: Final = "/graphql"


def create_app(parts: Parts) -> ASGIApp:
    """The application, outermost layer first: sampling, bookkeeping, routes."""
    watch = parts.watch

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await parts.start()
        # What was made so far stays until the end: no collection needs to look at it again.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            await parts.close()

    async def metrics(request: Request) -> Response:
        body, kind = await asyncio.to_thread(watch.metrics, request.headers.get("accept", ""))
        return Response(body, media_type=kind)

    async def health(_request: Request) -> Response:
        report = await watch.health.report()
        return _json(report.as_dict(), 503 if report.state == "FAIL" else 200)

    async def live(_request: Request) -> Response:
        status, body = watch.health.live()
        return _json(body, status)

    async def ready(_request: Request) -> Response:
        status, body = await watch.health.ready()
        return _json(body, status)

    async def slo_status(_request: Request) -> Response:
        return _json(watch.slo_report())

    async def system(_request: Request) -> Response:
        return _json(await asyncio.to_thread(watch.system_report))

    plain: dict[str, Callable[[Request], Any]] = {
        "/metrics": metrics,
        "/health": health,
        "/health/live": live,
        "/health/ready": ready,
        "/slo/status": slo_status,
        "/system/metrics": system,
    }
    endpoint = GraphQLEndpoint(
        parts.executor,
        parts.authenticator,
        parts.browsers,
        explorer.page,
        parts.lasting,
        watch.meter,
        watch.logs.get("api"),
    )
    origins = parts.browsers.origins
    graphql = Cors(Limited(endpoint, watch.operations), origins)
    app = Starlette(
        routes=[
            *(Route(path, endpoint, methods=["GET"]) for path, endpoint in plain.items()),
            *explorer.explorer_routes(),
            *parts.auth.routes(),
            *parts.oidc.routes(),
            *BrandingPages(parts.tenancy.branding).routes(),
            *BillingEvents(parts.payments.billing, watch.meter, watch.logs.get("billing")).routes(),
            *parts.audit_exports.routes(parts.auth.told),
            Route("/", explorer.page, methods=["GET"]),
        ],
        lifespan=lifespan,
    )
    return watch.tracing.gate(Bookkeeping(Cors(app, origins), graphql, parts.sockets, watch.meter))


class Bookkeeping:
    """Gives every request an id and counts it. What is for the API does not pass the router."""

    def __init__(self, app: ASGIApp, graphql: ASGIApp, sockets: ASGIApp, meter: Meter) -> None:
        self._app, self._graphql, self._meter = app, graphql, meter
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        # Starlette shares one state between requests; this one's is its own.
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        bind(request_id=request_id)
        header = (b"x-request-id", request_id.encode())
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        self._meter.request_began()
        path = scope["path"]
        try:
            await (self._graphql if path == GRAPHQL else self._app)(scope, receive, answer)
        finally:
            self._meter.request_ended(path, scope["method"], status)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        {"cache-control": "no-store", "x-content-type-options": "nosniff"},
        media_type="application/json",
    )
