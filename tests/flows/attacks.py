"""The attacks: bytes, addresses, bodies, documents, values and tokens that mean no good."""

from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from tests.dcf_documents import but, firm
from tests.served import Served, http

NOISE: Final = random.Random(1)  # noqa: S311 - the same noise every time
VALUE: Final = """mutation ($input: DcfInput!) { valueDcf(input: $input) {
  __typename ... on DcfValuation { id valuePerShare } } }"""


@dataclass(frozen=True)
class Answer:
    status: int  # 0: the connection was closed without one
    body: str


Attack = Callable[[Served], list[Answer]]


# Bytes on the wire


def raw(payload: bytes, *, end: bool = False) -> Attack:
    """Bytes as they are. With ``end``, the client leaves at once and does not wait."""

    def send(server: Served) -> list[Answer]:
        host, port = server.origin.removeprefix("http://").split(":")
        received = b""
        with (
            suppress(OSError),
            socket.create_connection((host, int(port)), timeout=60) as connection,
        ):
            connection.sendall(payload)
            if end:
                return []
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        return answers_in(received)

    return send


def answers_in(received: bytes) -> list[Answer]:
    heads = re.findall(rb"HTTP/1\.[01] (\d{3})", received)
    text = received.decode("utf-8", "replace")
    return [Answer(int(status), text) for status in heads] or [Answer(0, text)]


def head(server_token: str, *lines: str, path: str = "/graphql", method: str = "POST") -> bytes:
    plain = [f"{method} {path} HTTP/1.1", "host: x", f"authorization: Bearer {server_token}"]
    return "\r\n".join([*plain, *lines, "", ""]).encode("latin-1", "replace")


def on_the_wire(token: str) -> dict[str, Attack]:
    json_type = "content-type: application/json"
    body = b'{"query":"{__typename}"}'
    told = f"content-length: {len(body)}"
    return {
        "nothing": raw(b""),
        "a line break": raw(b"\r\n\r\n"),
        "words": raw(b"hello\r\n\r\n"),
        "bytes": raw(NOISE.randbytes(4_096)),
        "TLS": raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
        "HTTP/2": raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100)),
        "HTTP/0.9": raw(b"GET /graphql\r\n"),
        "HTTP/9.9": raw(b"GET / HTTP/9.9\r\n\r\n"),
        "a header of a megabyte": raw(head(token, "x: " + "y" * 1_000_000)),
        "ten thousand headers": raw(head(token, *(f"x{n}: y" for n in range(10_000)))),
        "an address of a megabyte": raw(head(token, path="/" + "x" * 1_000_000, method="GET")),
        "a null in a header": raw(head(token, "x: a\0b")),
        "a header that is folded": raw(head(token, "x: a\r\n b")),
        "a line break in an address": raw(head(token, path="/graphql%0d%0ax:%20y", method="GET")),
        "a length below zero": raw(head(token, json_type, "content-length: -1") + body),
        "a length in words": raw(head(token, json_type, "content-length: many") + body),
        "a length beyond all": raw(head(token, json_type, f"content-length: {10**30}") + body),
        "two lengths": raw(head(token, json_type, told, "content-length: 5") + body),
        "a length and chunks": raw(
            head(token, json_type, told, "transfer-encoding: chunked") + b"0\r\n\r\n" + body
        ),
        "chunks of no number": raw(
            head(token, json_type, "transfer-encoding: chunked") + b"zz\r\n"
        ),
        "an endless chunk": raw(
            head(token, json_type, "transfer-encoding: chunked") + b"f" * 15 + b"\r\n" + body
        ),
        "less than was said": raw(head(token, json_type, "content-length: 500") + body),
        "less than was said, and gone": raw(
            head(token, json_type, "content-length: 9") + b"{", end=True
        ),
        "more than was said": raw(head(token, json_type, "content-length: 5") + body),
        "an upgrade": raw(head(token, "connection: upgrade", "upgrade: websocket", method="GET")),
        "expecting a go-ahead": raw(head(token, json_type, told, "expect: 100-continue") + body),
        "another host": raw(head(token, "host: evil", json_type, told) + body),
        "a trace": raw(head(token, method="TRACE")),
        "a tunnel": raw(head(token, path="evil:80", method="CONNECT")),
        "forty requests at once": raw((head(token, json_type, told) + body) * 40),
    }


# Addresses


PATHS: Final = [
    "/../../../etc/passwd",
    "/explorer/../../api/keys.py",
    "/explorer/..%2f..%2fpyproject.toml",
    "/explorer/%2e%2e/%2e%2e/.valor/development-key.pem",
    "/explorer/....//....//etc/passwd",
    "/explorer/%00",
    "/explorer//etc/passwd",
    "/graphql/",
    "/graphql%00",
    "/GRAPHQL",
    "//evil.example/%2f..",
    "/metrics/../graphql",
    "/health/live/../ready",
    "/.git/config",
    "/.env",
    "/docs",
    "/openapi.json",
    "/" + "a/" * 5_000,
    "/" + "%ff" * 100,
    "/" + quote("é€😀" * 100),
    "/slo/status?tenant=../../x",
    "/metrics?name[]=" + "x" * 5_000,
]


def at(path: str, method: str = "GET", **options: Any) -> Attack:
    def send(server: Served) -> list[Answer]:
        with http() as client:
            request = client.build_request(method, server.origin, **options)
            request.url = request.url.copy_with(raw_path=path.encode("ascii"))
            response = client.send(request)
        return [Answer(response.status_code, response.text)]

    return send


# Bodies, documents, values, tokens


def post(content: Any, **headers: str) -> Attack:
    def send(server: Served) -> list[Answer]:
        plain = {"authorization": f"Bearer {server.token()}", "content-type": "application/json"}
        told: Any = {
            name: value.encode("latin-1", "replace") for name, value in (plain | headers).items()
        }
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        with http() as client:
            response = client.post(server.graphql, content=sent, headers=told)
        return [Answer(response.status_code, response.text)]

    return send


def document(text: str, **variables: Any) -> Attack:
    return post({"query": text, "variables": variables})


def bodies() -> dict[str, Attack]:
    noise = random.Random(2)  # noqa: S311 - the same noise every time
    good = json.dumps({"query": VALUE, "variables": {"input": firm()}}).encode()
    found: dict[str, Attack] = {
        "a body of brackets": post(b"[" * 200_000),
        "a body of maps": post(b'{"a":' * 40_000),
        "a body of 20 MB": post(b" " * 20_000_000),
        "a hundred thousand keys": post(
            b"{" + b",".join(b'"k%d":0' % n for n in range(20_000)) + b"}"
        ),
        "a key twice": post(b'{"query":"{__typename}","query":"{nope}"}'),
        "a text of escapes": post(b'{"query":"' + b"\\u0041" * 30_000 + b'"}'),
        "numbers of digits": post(
            b'{"query":"{__typename}","variables":{"a":' + b"1" * 100_000 + b"}}"
        ),
        "an exponent of digits": post(
            b'{"query":"{__typename}","variables":{"a":1e' + b"9" * 10_000 + b"}}"
        ),
    }
    for number in range(60):  # a good body, with a few bytes that are not
        spoiled = bytearray(good)
        for _ in range(noise.randint(1, 4)):
            spoiled[noise.randrange(len(spoiled))] = noise.randrange(256)
        found[f"spoiled {number}"] = post(bytes(spoiled))
    for number in range(0, len(good), len(good) // 20):
        found[f"cut at {number}"] = post(good[:number])
    return found


def documents() -> dict[str, Attack]:
    bomb = "{ ...f0 } " + " ".join(
        f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60)
    )
    analysis = 'valuation(id: "x") { ... on DcfValuation { %s } }'
    return {
        "a fragment bomb": document(bomb + " fragment f60 on Query { tenant { id } }"),
        "a cycle": document("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"),
        "a thousand aliases": document(
            "{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(400)) + " }"
        ),
        "fields again and again": document("{ tenant { " + "members { name } " * 480 + "} }"),
        "fields with arguments again and again": document(
            "{ " + analysis % ('gradient(paths: ["a"]) { __typename } ' * 150) + " }"
        ),
        "a hundred levels": document("{ a " * 100 + "}" * 100),
        "a thousand levels": document("{a" * 1_000),
        "a list of lists": document("{ company(ticker: " + "[" * 900 + "]" * 900 + ") { name } }"),
        "a type of lists": document(
            "query ($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }"
        ),
        "directives": document("{ viewer " + "@skip(if: false) " * 400 + "{ role } }"),
        "unknown directives": document("{ viewer " + "@x " * 900 + "{ role } }"),
        "variables": document(
            "query (" + " ".join(f"$v{n}: Int" for n in range(400)) + ") { viewer { role } }"
        ),
        "a variable in itself": document("query ($a: Int = $a) { viewer { role } }"),
        "comments": document("# " * 20_000 + "\n{ viewer { role } }"),
        "commas": document("," * 60_000 + "{ viewer { role } }"),
        "a text block": document('{ company(ticker: """' + "x\n" * 20_000 + '""") { name } }'),
        "introspection without an end": document(
            "{ __schema { types { " + "fields { type { " * 8 + "name" + " } }" * 8 + " } } }"
        ),
        "introspection twenty times": document(
            "{ "
            + " ".join(
                f"a{n}: __schema {{ types {{ fields {{ type {{ fields {{ name }} }} }} }} }}"
                for n in range(20)
            )
            + " }"
        ),
        "a field of the machine": document("{ __class__ }"),
        "a name of the machine": document("{ viewer { __init__ __dict__ } }"),
        "a subscription": document("subscription { collaboration { x } }"),
        "a schema": document("type Query { x: Int } extend type Query { y: Int }"),
        "several changes in fragments": document(
            "mutation ($input: DcfInput!) { ...f } fragment f on Mutation { "
            + " ".join(f"a{n}: valueDcf(input: $input) {{ __typename }}" for n in range(20))
            + " }",
            input=firm(),
        ),
        "eleven operations": document(
            " ".join(f"query q{n} {{ viewer {{ role }} }}" for n in range(11))
        ),
    }


def values() -> dict[str, Attack]:
    numbers = [
        0,
        -0.0,
        5e-324,
        1e308,
        -1e308,
        2**63,
        2**64 - 1,
        -(2**63),
        1e-320,
        0.1 + 0.2,
        True,
        "1",
        None,
        [],
        {},
    ]
    places = [
        "operations.revenue",
        "timing.years",
        "capital.wacc",
        "shares.diluted",
        "terminal.gordon.growth",
    ]
    found: dict[str, Attack] = {
        f"{place} = {number!r}": document(VALUE, input=but(firm(), place, number))
        for place in places
        for number in numbers
    }
    texts = [
        "",
        "\0",
        "'; DROP TABLE valuation; --",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n",
        "../../x",
        "<script>",
        "\u202e",
        "💣" * 10_000,
    ]
    for text in texts:
        found[f"a currency {text[:12]!r}"] = document(VALUE, input=firm(currency=text))
        found[f"an id {text[:12]!r}"] = document(
            "query ($id: ID!) { valuation(id: $id) { id } }", id=text
        )
        found[f"a ticker {text[:12]!r}"] = document(
            "query ($t: String!) { company(ticker: $t) { name } }", t=text
        )
        found[f"a promise {text[:12]!r}"] = document(
            "query ($n: [String!]) { sloStatus(names: $n) { name } }", n=[text]
        )
        found[f"a name {text[:12]!r}"] = post(
            {"query": "{ viewer { role } }", "operationName": text}
        )
    found["a hundred thousand names"] = document(
        "query ($n: [String!]) { sloStatus(names: $n) { name } }", n=["x"] * 50_000
    )
    found["sixty thousand years"] = document(
        VALUE, input=firm(**{"operations.taxRate": {"byYear": [0.1] * 50_000}})
    )
    return found


def tokens() -> dict[str, Attack]:
    odd = [
        "",
        "x",
        "a.b.c",
        "." * 500,
        "eyJhbGciOiJub25lIn0.e30.",
        "x" * 5_000,
        "\x7f",
        "é".encode().decode("latin-1"),
    ]
    found = {
        f"a token {odd[:12]!r}": post(
            {"query": "{ viewer { role } }"}, authorization=f"Bearer {odd}x"
        )
        for odd in odd
    }
    found["no scheme"] = post({"query": "{ viewer { role } }"}, authorization="x")
    found["a basic login"] = post(
        {"query": "{ viewer { role } }"}, authorization="Basic YWRtaW46YWRtaW4="
    )
    return found


def heavy(server: Served) -> dict[str, Attack]:
    """What is allowed and costs much."""
    with server.caller() as analyst:
        kept = analyst.data(VALUE, {"input": firm(**{"timing.years": 100})})["valueDcf"]["id"]
    grid = "sensitivity(rows: $rows, columns: $columns) { ... on Sensitivity { values } }"
    axes = {
        "rows": {"path": "capital.wacc", "values": [0.05 + n / 10_000 for n in range(500)]},
        "columns": {"path": "bridge.debt", "values": [float(n) for n in range(500)]},
    }
    shocks = [
        {
            "path": f"operations.{name}",
            "everyYear": True,
            "distribution": {"normal": {"standardDeviation": 0.001}},
        }
        for name in ("revenueGrowth", "taxRate", "ebitMargin", "depreciation")
    ]
    spec = {"trials": 100_000, "shocks": shocks}

    def asked(declared: str, analysis: str) -> str:
        found = f"valuation(id: $id) {{ ... on Analysable {{ {analysis} }} }}"
        return f"query ($id: ID!, {declared}) {{ {found} }}"

    cells = asked("$rows: AxisInput!, $columns: AxisInput!", grid)
    draws = asked("$spec: SimulationInput!", "simulation(spec: $spec) { __typename }")
    return {
        "a grid of 250,000 cells": document(cells, id=kept, **axes),
        "a simulation of 40,000,000 draws": document(draws, id=kept, spec=spec),
    }


def every(server: Served) -> dict[str, Attack]:
    """All of them, by kind and name."""
    kinds = {
        "wire": on_the_wire(server.token()),
        "path": {path[:30]: at(path) for path in PATHS},
        "method": {each: at("/graphql", each) for each in ("TRACE", "PUT", "QUERY", "LINK")},
        "body": bodies(),
        "document": documents(),
        "value": values(),
        "token": tokens(),
        "heavy": heavy(server),
    }
    return {
        f"{kind}: {name}": attack
        for kind, attacks in kinds.items()
        for name, attack in attacks.items()
    }
