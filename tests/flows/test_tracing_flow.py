"""A sampled request leaves spans at a collector, in the schema's words and nobody else's."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.dcf_documents import firm
from tests.served import Caller, served

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SAMPLED: Final = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
NOT_SAMPLED: Final = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
CANARY: Final = "canary5678"
TEXT: Final = f"""mutation {CANARY}($input: DcfInput!) {{ {CANARY}: valueDcf(input: $input) {{
  ... on DcfValuation {{ id gradient(paths: ["bridge.debt"]) {{ __typename }} }} }} }}"""


@dataclass
class Collector:
    """A small OTLP receiver: it keeps the spans that it is sent."""

    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {fact.key: fact.value.string_value for fact in resource.resource.attributes}
            self.services.add(facts["service.name"])
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def of(self, trace: str) -> dict[str, Any]:
        """The spans of one trace by name."""
        return {span.name: span for span in self.spans if span.trace_id.hex() == trace}


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    """A collector, and where it listens."""
    kept = Collector()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            unpacked = self.headers.get("content-encoding") == "gzip"
            kept.take(gzip.decompress(body) if unpacked else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield kept, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def ask(caller: Caller, text: str, headers: dict[str, str], **variables: Any) -> dict[str, Any]:
    body = {"query": text, "variables": variables}
    answer: dict[str, Any] = caller.http.post("/graphql", json=body, headers=headers).json()
    return answer


def test_a_sampled_request_is_followed_from_the_socket_to_the_resolvers(
    collector: tuple[Collector, str], tmp_path: Path
) -> None:
    kept, address = collector
    with served(tmp_path, VALOR_OTLP_ENDPOINT=address) as server, server.caller() as caller:
        followed = ask(caller, TEXT, {**SAMPLED, "x-note": CANARY}, input=firm())
        plain = ask(caller, TEXT, NOT_SAMPLED, input=firm())
        silent = ask(caller, TEXT, {}, input=firm())
    # The server has stopped: what it had to send was sent.
    assert followed["extensions"]["traceId"] == TRACE
    assert "errors" not in followed
    assert "traceId" not in plain["extensions"]
    assert "traceId" not in silent["extensions"]
    assert kept.services == {"valor"}
    assert {span.trace_id.hex() for span in kept.spans} == {TRACE}
    names = [span.name for span in kept.spans]
    assert sorted(names) == [
        "DcfValuation.gradient",
        "Mutation.valueDcf",
        "Mutation.valueDcf",
        "POST /graphql",
    ]


def test_spans_are_in_each_other_as_the_work_was(
    collector: tuple[Collector, str], tmp_path: Path
) -> None:
    kept, address = collector
    with served(tmp_path, VALOR_OTLP_ENDPOINT=address) as server, server.caller() as caller:
        ask(caller, "{ tenant { members { name } } }", SAMPLED)
    spans = {span.span_id: span for span in kept.spans}

    def line(span: Any) -> list[str]:
        found = [span.name]
        while (span := spans.get(span.parent_span_id)) is not None:
            found.append(span.name)
        return found[::-1]

    lines = sorted(line(span) for span in kept.spans)
    assert lines == [
        ["POST /graphql"],
        ["POST /graphql", "Query.tenant"],
        ["POST /graphql", "Query.tenant", "Query.tenant"],
        ["POST /graphql", "Query.tenant", "Tenant.members"],
    ]
    for span in kept.spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano


def test_a_span_says_nothing_that_a_caller_typed(
    collector: tuple[Collector, str], tmp_path: Path
) -> None:
    kept, address = collector
    secret = {**SAMPLED, "x-note": CANARY, "cookie": CANARY, "user-agent": "somebody"}
    with served(tmp_path, VALOR_OTLP_ENDPOINT=address) as server, server.caller() as caller:
        ask(caller, TEXT, secret, input=firm(currency=CANARY))
        ask(caller, f'{{ company(ticker: "{CANARY}") {{ name }} }}', secret)
        caller.http.get(f"/graphql?query={{{CANARY}}}&{CANARY}=1", headers=secret)
        caller.http.get(f"/{CANARY}", headers=secret)
        token = server.token()
    told = json.dumps([str(span) for span in kept.spans])
    assert len(kept.spans) >= 6
    assert CANARY not in told.replace(f"/{CANARY}", "")  # an address that is no route is told
    assert token[:20] not in told
    outcomes = {
        fact.value.string_value
        for span in kept.spans
        for fact in span.attributes
        if fact.key == "valor.outcome"
    }
    assert outcomes == {"excluded"}


def test_of_all_requests_the_share_that_is_set_is_sampled(tmp_path: Path) -> None:
    """Without a collector the trace id is there all the same: logs and answers need it."""
    with served(tmp_path, VALOR_TRACE_SAMPLE="1") as server, server.caller() as caller:
        ids = {ask(caller, "{ viewer { role } }", {})["extensions"]["traceId"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(each) == 32 for each in ids)


def test_a_collector_that_is_away_disturbs_nobody(tmp_path: Path) -> None:
    away: dict[str, Any] = {"VALOR_TRACE_SAMPLE": "1", "VALOR_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with served(tmp_path, **away) as server, server.caller() as caller:
        for _ in range(3):
            assert "errors" not in ask(caller, "{ viewer { role } }", {})
