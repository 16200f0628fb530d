"""Traces of sampled requests; the others do not touch the SDK.

Entering OpenTelemetry's middleware costs 140 µs even when it decides not to sample, so the
decision is made before it: one header looked for and one random number. Its modules are imported
for the first request that is sampled, in a thread, while other requests go on.

A span carries names of the schema, outcomes and types of exceptions: never a document, an
argument, a query string, a token or the message of an exception.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# With its retries. A collector that is away must not hold up a server that stops.
EXPORT_WITHIN_S = 2.0

_trace_id: ContextVar[str | None] = ContextVar("valor_trace_id", default=None)
_QUERY = "valor.query_string"
# Headers of this look are replaced when somebody tells OpenTelemetry by its own environment
# variables to record headers.
_SECRET_HEADERS = ["authorization", "cookie", "set-cookie", ".*key.*", ".*token.*", ".*secret.*"]


def current_trace_id() -> str | None:
    """32 hexadecimal digits inside a sampled request, else None."""
    return _trace_id.get()


class Tracing:
    """One application's traces: who is sampled, where spans go."""

    def __init__(
        self,
        *,
        share: float,
        endpoint: str | None = None,
        version: str = "",
        routes: Collection[str] = (),
        asked_per_s: int = 20,
        exporter: Callable[[], SpanExporter] | None = None,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``share`` of requests is sampled, and each one whose ``traceparent`` asks for it, up
        to ``asked_per_s``: a stranger's header must not buy our CPU.

        Spans go to ``exporter()``, or by OTLP over HTTP to ``endpoint``; without either they
        are made (there is a trace id for logs and answers) and dropped. ``routes`` are the
        paths that may name a span. Raises ValueError for a share outside 0 to 1.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the share of traced requests must be from 0 to 1, not {share}")
        self.share = share
        self._endpoint = endpoint
        self._version = version
        self._routes = frozenset(routes)
        self._asked_per_s = asked_per_s
        self._asked: tuple[int, int] = (0, 0)  # (second, requests that asked in it)
        self._exporter = exporter
        self._chance = chance
        self._clock = clock
        self._lock = threading.Lock()
        self._provider: TracerProvider | None = None
        self._tracer: Any = None

    def gate(self, app: AsgiApp) -> TraceGate:
        """The application behind its gate."""
        return TraceGate(app, self)

    def samples(self, scope: Scope) -> bool:
        """Decide for one HTTP request."""
        for name, value in scope["headers"]:
            # 00-<trace id>-<span id>-<flags>; the last bit of the flags asks to be sampled.
            if name == b"traceparent":
                if len(value) == 55 and value[54:] in b"13579bdf" and self._may_ask():
                    return True
                break
        return self.share > 0.0 and self._chance() < self.share

    def sampled(self) -> bool:
        """Whether the request of this context is."""
        return _trace_id.get() is not None

    def prepare(self) -> TracerProvider:
        """Import the SDK and open the exporter, once. Takes half a second: call it in a thread."""
        with self._lock:
            if self._provider is None:
                provider = self._provided()
                self._tracer = provider.get_tracer("valor", self._version)
                self._provider = provider
        return self._provider

    @contextmanager
    def span(self, name: str, began_ns: int | None = None) -> Iterator[Span]:
        """One span, current for its block; for use inside a sampled request.

        ``began_ns`` is a moment of ``time.perf_counter_ns``: the span began then.
        """
        from opentelemetry.trace import Status, StatusCode

        if self._tracer is None:
            self.prepare()
        start = None
        if began_ns is not None:
            start = time.time_ns() - (time.perf_counter_ns() - began_ns)
        with self._tracer.start_as_current_span(
            name, start_time=start, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                # Its type alone: a message may quote what the caller sent.
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def middleware(self, app: AsgiApp) -> AsgiApp:
        """OpenTelemetry's own middleware around ``app``, as we want it. Call it in a thread."""
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.metrics import NoOpMeterProvider

        middleware: AsgiApp = OpenTelemetryMiddleware(
            app,
            tracer_provider=self.prepare(),
            meter_provider=NoOpMeterProvider(),
            default_span_details=self._details,
            exclude_spans=["receive", "send"],
            http_capture_headers_sanitize_fields=_SECRET_HEADERS,
        )
        return middleware

    def close(self) -> None:
        """Send what is left and stop. May wait for the collector: call it in a thread."""
        with self._lock:
            provider, self._provider, self._tracer = self._provider, None, None
        if provider is not None:
            provider.shutdown()

    def _may_ask(self) -> bool:
        second = int(self._clock())
        at, times = self._asked
        if second != at:
            times = 0
        self._asked = (second, times + 1)
        return times < self._asked_per_s

    def _details(self, scope: Scope) -> tuple[str, dict[str, str]]:
        path = scope["path"]
        return f"{scope['method']} {path if path in self._routes else 'other'}", {}

    def _provided(self) -> TracerProvider:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        provider = TracerProvider(
            sampler=ALWAYS_ON,  # the gate has decided
            resource=Resource.create({"service.name": "valor", "service.version": self._version}),
            shutdown_on_exit=False,
        )
        if self._exporter is not None:
            provider.add_span_processor(SimpleSpanProcessor(self._exporter()))
        elif self._endpoint is not None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            address = self._endpoint.rstrip("/").removesuffix("/v1/traces") + "/v1/traces"
            exporter = OTLPSpanExporter(endpoint=address, timeout=EXPORT_WITHIN_S)
            provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider


class TraceGate:
    """Pure ASGI: a sampled request goes through OpenTelemetry's middleware, any other straight."""

    def __init__(self, app: AsgiApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing
        self._traced: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._tracing.samples(scope):
            await self._app(scope, receive, send)
        else:
            await self._enter(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._traced is None:
            self._traced = await asyncio.to_thread(self._tracing.middleware, self._inside)
        # The middleware records the whole URL, and a GET has its document in the query.
        hidden = {**scope, "query_string": b"", _QUERY: scope.get("query_string", b"")}
        await self._traced(hidden, receive, send)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        from opentelemetry.trace import get_current_span

        scope["query_string"] = scope.pop(_QUERY)
        token = _trace_id.set(f"{get_current_span().get_span_context().trace_id:032x}")
        try:
            await self._app(scope, receive, send)
        finally:
            _trace_id.reset(token)
