from __future__ import annotations

import asyncio
import gzip
import http.server
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability.logs import Logs
from observability.tracing import Tracing, current_trace_id
from observability.watch import Watch

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
ASKED = (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())
NOT_ASKED = (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-00".encode())


def scope(*headers: tuple[bytes, bytes], **changes: Any) -> dict[str, Any]:
    plain = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"query={hunter2}",
        "headers": [(b"host", b"valor"), (b"authorization", b"Bearer hunter2"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    return plain | changes


class App:
    """An application that remembers what it was called with."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.traces: list[str | None] = []

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.traces.append(current_trace_id())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def call(app: Any, with_scope: dict[str, Any]) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(with_scope, receive, send)
    return sent


def tracing(memory: InMemorySpanExporter, **changes: Any) -> Tracing:
    return Tracing(**{"share": 0.0, "routes": ("/graphql",), "exporter": lambda: memory} | changes)


async def test_a_request_that_is_not_sampled_goes_straight_to_the_application() -> None:
    memory, app = InMemorySpanExporter(), App()
    gate = tracing(memory).gate(app)
    asked = scope(NOT_ASKED)
    await call(gate, asked)
    assert app.scopes == [asked]
    assert app.scopes[0] is asked
    assert app.traces == [None]
    assert memory.get_finished_spans() == ()


async def test_a_request_that_asks_is_traced_under_the_callers_trace() -> None:
    memory, app = InMemorySpanExporter(), App()
    sent = await call(tracing(memory).gate(app), scope(ASKED))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert app.traces == [TRACE]
    assert current_trace_id() is None
    (span,) = memory.get_finished_spans()  # none for receive and send
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.name == "GET /graphql"


@pytest.mark.parametrize(("share", "drawn", "traced"), [(0.1, 0.09, 1), (0.1, 0.1, 0), (1, 0.9, 1)])
async def test_a_share_of_requests_is_traced(share: float, drawn: float, traced: int) -> None:
    memory, app = InMemorySpanExporter(), App()
    await call(tracing(memory, share=share, chance=lambda: drawn).gate(app), scope())
    assert len(memory.get_finished_spans()) == traced
    assert [trace is not None for trace in app.traces] == [bool(traced)]


async def test_a_span_holds_no_document_no_token_and_the_application_gets_its_query() -> None:
    memory, app = InMemorySpanExporter(), App()
    await call(tracing(memory).gate(app), scope(ASKED))
    (span,) = memory.get_finished_spans()
    assert "hunter2" not in span.to_json()
    assert app.scopes[0]["query_string"] == b"query={hunter2}"


async def test_a_path_that_is_no_route_names_no_span() -> None:
    memory = InMemorySpanExporter()
    await call(tracing(memory).gate(App()), scope(ASKED, path="/wp-admin"))
    (span,) = memory.get_finished_spans()
    assert span.name == "GET other"


async def test_strangers_cannot_buy_more_traces_than_a_few_a_second() -> None:
    memory, now = InMemorySpanExporter(), [100.0]
    traces = tracing(memory, asked_per_s=2, clock=lambda: now[0])
    assert [traces.samples(scope(ASKED)) for _ in range(4)] == [True, True, False, False]
    now[0] = 101.0
    assert traces.samples(scope(ASKED))


@pytest.mark.parametrize(
    "header", [b"", b"00", b"01" * 40, ASKED[1][:-1] + b"z", ASKED[1] + b"1", b"\xff" * 55]
)
def test_a_header_that_is_none_asks_for_nothing(header: bytes) -> None:
    assert not tracing(InMemorySpanExporter()).samples(scope((b"traceparent", header)))


def test_a_server_takes_the_gate_for_what_it_is() -> None:
    # uvicorn looks whether an application is called as ASGI 3 or in the way before it.
    config = uvicorn.Config(Tracing(share=0).gate(App()), log_config=None)
    config.load()
    assert config.interface == "asgi3"


async def test_sockets_are_not_traced() -> None:
    memory, app = InMemorySpanExporter(), App()
    await call(tracing(memory, share=1).gate(app), scope(ASKED, type="websocket"))
    assert app.traces == [None]


async def test_two_requests_at_once_keep_their_own_traces() -> None:
    memory = InMemorySpanExporter()
    both_in = asyncio.Barrier(2)
    seen: dict[bytes, str | None] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await both_in.wait()
        seen[scope["query_string"]] = current_trace_id()

    gate = tracing(memory, share=1).gate(app)
    await asyncio.gather(*(call(gate, scope(query_string=name)) for name in (b"a", b"b")))
    assert len({seen[b"a"], seen[b"b"]}) == 2
    told = {f"{span.context.trace_id:032x}" for span in memory.get_finished_spans()}
    assert told == set(seen.values())


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Tracing(share=share)


async def test_without_a_collector_there_is_still_a_trace_id() -> None:
    app = App()
    traces = Tracing(share=1.0)
    await call(traces.gate(app), scope())
    assert len(app.traces[0] or "") == 32
    traces.close()


@strawberry.type
class Query:
    @strawberry.field
    def fine(self, secret: str) -> int:
        return len(secret)

    @strawberry.field
    async def broken(self) -> str | None:
        raise KeyError("hunter2")


async def test_operation_and_resolvers_are_spans_of_the_request_and_logs_know_it() -> None:
    memory, stream = InMemorySpanExporter(), io.BytesIO()
    watch = Watch(
        version="1",
        objectives=(),
        trace_share=0.0,
        span_exporter=lambda: memory,
        routes=("/graphql",),
        logs=Logs(stream=stream),
    )
    schema = strawberry.Schema(Query)
    watch.attach(schema._schema)
    log = watch.logs.get("a")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with watch.operations.operation() as operation:
            operation.named("query", ("fine", "broken"))
            result = await schema.execute('query Hunter2 { fine(secret: "hunter2") broken }')
            operation.errors = result.errors
            log.info("served")

    await call(watch.tracing.gate(app), scope(ASKED))
    spans = {span.name: span for span in memory.get_finished_spans()}
    assert set(spans) == {"GET /graphql", "Query (several)", "Query.fine", "Query.broken"}
    operation = spans["Query (several)"]
    for name in ("Query.fine", "Query.broken"):
        assert spans[name].parent.span_id == operation.context.span_id
        assert operation.start_time <= spans[name].start_time <= spans[name].end_time
    assert spans["Query.broken"].status.description == "KeyError"
    assert operation.attributes == {"valor.outcome": "bad"}
    assert not any("hunter2" in span.to_json().lower() for span in spans.values())
    assert json.loads(stream.getvalue())["trace_id"] == TRACE


class Collector:
    """A small OTLP receiver."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.paths: list[str] = []
        self.services: list[str] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.paths.append(self.path)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for fact in resource.resource.attributes:
                        if fact.key == "service.name":
                            collector.services.append(fact.value.string_value)
                    for scoped in resource.scope_spans:
                        collector.names.extend(span.name for span in scoped.spans)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


@pytest.mark.parametrize("suffix", ["", "/", "/v1/traces"])
async def test_spans_reach_a_collector_over_otlp(collector: Collector, suffix: str) -> None:
    watch = Watch(
        version="1", objectives=(), trace_share=1.0, otlp_endpoint=collector.address + suffix,
        routes=("/graphql",),
    )  # fmt: skip
    watch.attach(strawberry.Schema(Query)._schema)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with watch.operations.operation() as operation:
            operation.named("query", ("fine",))

    await call(watch.tracing.gate(app), scope())
    await watch.stop()  # sends what is left
    assert sorted(collector.names) == ["GET /graphql", "Query.fine"]
    assert collector.paths == ["/v1/traces"]
    assert collector.services == ["valor"]


def test_opentelemetry_is_not_imported_while_nothing_is_sampled() -> None:
    program = """
import asyncio, sys
from observability.tracing import Tracing
async def app(scope, receive, send): pass
gate = Tracing(share=0.01, endpoint="http://127.0.0.1:9", chance=lambda: 0.5).gate(app)
asyncio.run(gate({"type": "http", "headers": []}, None, None))
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout.strip() == "[]", told.stderr
