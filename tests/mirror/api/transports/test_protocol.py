"""GraphQL over HTTP: each way to ask has one answer, whatever the type that the caller reads."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.operations.request import NotWellFormed
from api.transports.protocol import (
    BODY_MAX,
    GRAPHQL,
    JSON,
    JSON_DEPTH_MAX,
    URL_QUERY_MAX,
    media_type,
    strict_json,
    wants_page,
)
from tests.plain_http import GOOD, Client, asking, check
from tests.served import Served, http


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[Client]:
    with http(base_url=server.origin) as client:
        client.headers["authorization"] = f"Bearer {server.token()}"
        del client.headers["accept"]
        yield Client(client)


def test_everybody_else_needs_a_token_before_a_byte_of_the_body_is_read(server: Served) -> None:
    for request in (
        {"method": "POST", "content": b"not JSON"},
        {"method": "POST", "content": b" " * 1_000_000},
        {"method": "POST", "headers": {"authorization": "Bearer x"}},
        {"method": "GET", "params": {"query": GOOD}},
        {"method": "DELETE"},
    ):
        with http() as stranger:
            answer = stranger.request(url=server.graphql, **request)
        check(answer, 401, data=False)
        wrong = ' error="invalid_token"' if "headers" in request else ""  # by RFC 6750
        assert answer.headers["www-authenticate"] == f"Bearer{wrong}"
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


BODIES: dict[str, bytes] = {
    "a number": b"5",
    "a text": b'"x"',
    "null": b"null",
    "true": b"true",
    "an empty list": b"[]",
    "a batch": b'[{"query":"{__typename}"}]',
    "nothing": b"",
    "a space": b" ",
    "no query": b"{}",
    "a query with a slip": b'{"qeury":"{__typename}"}',
    "a hundred thousand brackets": b"[" * 100_000,
    "ten thousand maps": b'{"a":' * 10_000,
    "depth that closes again": b'{"query":"{__typename}","variables":{"a":'
    + b"[" * 900
    + b"]" * 900
    + b"}}",
    "one level too many": (
        b'{"query":"{__typename}","variables":'
        + b'{"a":' * JSON_DEPTH_MAX
        + b"1"
        + b"}" * JSON_DEPTH_MAX
        + b"}"
    ),
    "NaN": b'{"query":"{__typename}","variables":{"a":NaN}}',
    "Infinity": b'{"query":"{__typename}","variables":{"a":Infinity}}',
    "minus Infinity": b'{"query":"{__typename}","variables":{"a":-Infinity}}',
    "1e400": b'{"query":"{__typename}","variables":{"a":1e400}}',
    "minus 1e400": b'{"query":"{__typename}","variables":{"a":-1e400}}',
    "four hundred digits": b'{"query":"{__typename}","variables":{"a":' + b"9" * 400 + b"}}",
    "bytes before it": b'\xff{"query":"{__typename}"}',
    "a byte-order mark": b'\xef\xbb\xbf{"query":"{__typename}"}',
    "half a pair": b'{"query":"{__typename}","variables":{"a":"\\ud800"}}',
    "UTF-16": '{"query":"{__typename}"}'.encode("utf-16"),
    "words after it": b'{"query":"{__typename}"} x',
    "two values": b'{"query":"{__typename}"}{"query":"{__typename}"}',
    "a comma too many": b'{"query":"{__typename}",}',
    "a comment": b'{"query":"{__typename}" /* x */}',
    "single quotes": b"{'query':'{__typename}'}",
    "a map for a query": b'{"query":{"a":1}}',
    "a list for a query": b'{"query":["{__typename}"]}',
    "null for a query": b'{"query":null}',
    "an empty query": b'{"query":""}',
    "a number for a query": b'{"query":5}',
    "a number for a name": b'{"query":"{__typename}","operationName":5}',
    "a list for a name": b'{"query":"{__typename}","operationName":[]}',
    "a map for a name": b'{"query":"{__typename}","operationName":{}}',
    "a truth for a name": b'{"query":"{__typename}","operationName":true}',
    "a text for variables": b'{"query":"{__typename}","variables":"{}"}',
    "a number for variables": b'{"query":"{__typename}","variables":0}',
    "false for variables": b'{"query":"{__typename}","variables":false}',
    "a list for variables": b'{"query":"{__typename}","variables":[]}',
    "a text for extensions": b'{"query":"{__typename}","extensions":"x"}',
    "a list for extensions": b'{"query":"{__typename}","extensions":[]}',
    "null bytes": b"\x00" * 100,
    "a control character": b'{"query":"{__typename}\x01"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_of_which_no_request_can_be_made_is_a_400(client: Client, body: bytes) -> None:
    check(client.send(body=body), 400, data=False)


@pytest.mark.parametrize("name", ["operationName", "variables", "extensions"])
def test_null_is_as_good_as_left_out(client: Client, name: str) -> None:
    answer = client.send(body=asking(**{name: None}))
    check(answer, 200, data=True)
    assert "errors" not in answer.json()


def test_what_we_do_not_know_beside_the_query_is_passed_over(client: Client) -> None:
    check(client.send(body=asking(id=7, doc_id="x", extensions={"a": 1})), 200, data=True)


def test_a_body_of_the_greatest_size_is_read_and_one_byte_more_is_not(client: Client) -> None:
    body = asking()
    check(client.send(body=body + b" " * (BODY_MAX - len(body))), 200, data=True)
    check(client.send(body=body + b" " * (BODY_MAX + 1 - len(body))), 413, data=False)


def test_a_body_that_says_it_is_too_large_is_refused_before_a_byte_of_it_has_come(
    server: Served,
) -> None:
    host, port = server.origin.removeprefix("http://").split(":")
    head = (
        "POST /graphql HTTP/1.1",
        f"host: {host}",
        f"authorization: Bearer {server.token()}",
        f"content-type: {JSON}",
        f"content-length: {BODY_MAX + 1}",
        "",
        "",
    )
    with socket.create_connection((host, int(port)), timeout=60.0) as connection:
        connection.sendall("\r\n".join(head).encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_counted_as_it_comes(client: Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    check(client.send(body=chunks()), 413, data=False)
    check(client.send(body=iter([asking()[:5], asking()[5:]])), 200, data=True)


def test_after_a_body_that_was_too_large_the_server_answers_again(client: Client) -> None:
    check(client.send(body=b" " * 10_000_000), 413, data=False)
    check(client.send(body=asking()), 200, data=True)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (JSON, 200),
        (f"{JSON}; charset=utf-8", 200),
        (f'{JSON};charset="UTF-8"', 200),
        ("Application/JSON", 200),
        (f"{JSON}; profile=x", 200),
        (f"{JSON}; charset=iso-8859-1", 415),
        (f"{JSON}; charset=utf-16", 415),
        ("", 415),
        ("text/plain", 415),
        ("application/graphql", 415),
        ("application/jsonp", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_is_json_in_utf_8_and_says_so(
    client: Client, content_type: str, status: int
) -> None:
    answer = client.send(body=asking(), content_type=content_type)
    check(answer, status, data=status == 200)


def test_a_post_without_a_type_is_not_guessed_at(client: Client) -> None:
    answer = client.send(body=asking(), content_type=None)
    check(answer, 415, data=False)
    assert answer.headers["accept"] == JSON


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_a_compressed_body_is_not_unpacked(client: Client, encoding: str) -> None:
    check(client.send(body=asking(), content_encoding=encoding), 415, data=False)


def test_a_body_that_says_it_is_not_compressed_is_read(client: Client) -> None:
    check(client.send(body=asking(), content_encoding="Identity"), 200, data=True)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"])
def test_another_method_is_told_which_there_are(client: Client, method: str) -> None:
    answer = client.send(method)
    check(answer, 405, data=False)
    assert answer.headers["allow"] == "GET, POST"


def test_head_is_another_method(client: Client) -> None:
    assert client.send("HEAD").status_code == 405


GETS: dict[str, tuple[Any, int]] = {
    "nothing": ({}, 400),
    "an empty query": ({"query": ""}, 400),
    "variables": (
        {"query": "query($t:String!){company(ticker:$t){name}}", "variables": '{"t":"AAPL"}'},
        200,
    ),
    "empty parameters": (
        {"query": GOOD, "variables": "", "operationName": "", "extensions": ""},
        200,
    ),
    "a name": ({"query": "query A{__typename} query B{__typename}", "operationName": "B"}, 200),
    "letters beyond ASCII": ({"query": '{__type(name:"é€😀"){name}}'}, 200),
    "a parameter that we do not know": ({"query": GOOD, "utm": "x"}, 200),
    "variables that are no JSON": ({"query": GOOD, "variables": "x"}, 400),
    "variables with NaN": ({"query": GOOD, "variables": '{"a":NaN}'}, 400),
    "variables with 1e400": ({"query": GOOD, "variables": '{"a":1e400}'}, 400),
    "variables in a list": ({"query": GOOD, "variables": "[]"}, 400),
    "extensions in a text": ({"query": GOOD, "extensions": '"x"'}, 400),
    "a query twice": ([("query", GOOD), ("query", GOOD)], 400),
    "too many parameters": ([("query", GOOD), *((f"p{n}", "") for n in range(40))], 400),
}


@pytest.mark.parametrize(("params", "status"), GETS.values(), ids=GETS.keys())
def test_a_get_is_read_from_its_address(client: Client, params: Any, status: int) -> None:
    answer = client.send("GET", params=params)
    check(answer, status, data=status == 200)
    if status == 200:
        assert "errors" not in answer.json()


@pytest.mark.parametrize("query", ["query=%FF", "query=%C3%28", "query=%ED%A0%80"])
def test_an_address_that_is_no_utf_8_is_a_400(client: Client, query: str) -> None:
    check(client.send("GET", path=f"/graphql?{query}"), 400, data=False)


def test_an_address_has_an_end(client: Client) -> None:
    longest = "query=" + GOOD + "%20" * ((URL_QUERY_MAX - 20) // 3)
    check(client.send("GET", path=f"/graphql?{longest}"), 200, data=True)
    check(client.send("GET", path="/graphql?query=" + "x" * 20_000), 414, data=False)
    below = client.send("GET", path="/graphql?query=" + "x" * 40_000)  # before it is a request
    assert (below.status_code, below.headers["connection"]) == (414, "close")
    large = client.send("GET", path="/graphql", x="y" * 40_000)
    assert (large.status_code, large.json()["errors"][0]["extensions"]["code"]) == (
        431,
        "QUERY_INVALID",
    )


def test_every_answer_has_an_id_of_its_own(client: Client) -> None:
    answers = [client.send(body=asking()), client.send(body=b"{}"), client.send(body=asking("{"))]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 3
    assert answers[0].json()["extensions"]["requestId"] == ids[0]


def test_what_the_header_accepts_is_one_list_however_many_headers_there_are(
    client: Client,
) -> None:
    answer = client._http.post(
        "/graphql",
        content=asking("{"),
        headers=[("content-type", JSON), ("accept", "text/plain"), ("accept", GRAPHQL)],
    )
    check(answer, 400, GRAPHQL, data=False)


# The parts, without a socket.


@given(st.text(max_size=60))
def test_whatever_stands_in_accept_has_an_answer(accept: str) -> None:
    assert media_type(accept) in (JSON, GRAPHQL, None)
    assert wants_page(accept) in (True, False)


@given(st.lists(st.sampled_from(["*/*", "application/*", JSON, GRAPHQL, f"{GRAPHQL};q=0", "x/y"])))
def test_who_does_not_name_the_new_type_does_not_get_it(entries: list[str]) -> None:
    chosen = media_type(", ".join(entries))
    assert chosen != GRAPHQL or GRAPHQL in entries
    if JSON in entries:
        assert chosen is not None


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
FINITE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(FINITE)
def test_json_that_a_double_holds_is_read_as_it_is(value: Any) -> None:
    assert strict_json(json.dumps(value), "It") == value


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("\0", ""),
        ({"a": [1, {"b": "x\0y"}]}, " at “a[1].b”"),
        ({"a": {"\0": 1}}, " at “a”"),
        ({"a": 1, "b\0": 2}, ""),
    ],
)
def test_a_null_character_is_refused_wherever_it_stands(value: Any, where: str) -> None:
    with pytest.raises(NotWellFormed) as no:
        strict_json(json.dumps(value), "It")
    assert no.value.message == f"It has a null character (U+0000){where}. Leave it out."


def test_what_only_looks_like_one_is_read() -> None:
    assert strict_json(json.dumps({"a": r"\u0000"}), "It") == {"a": r"\u0000"}


def test_json_may_be_so_deep_and_no_deeper() -> None:
    def deep(levels: int) -> str:
        return "[" * levels + "]" * levels

    assert strict_json(deep(JSON_DEPTH_MAX), "It")
    with pytest.raises(NotWellFormed, match=f"nested deeper than {JSON_DEPTH_MAX} levels") as no:
        strict_json(deep(JSON_DEPTH_MAX + 1), "It")
    assert no.value.status == 400


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    assert len(strict_json("[" + ",".join(["[]"] * 5_000) + "]", "It")) == 5_000


@pytest.mark.parametrize("text", ['"[[[["', '{"a": "' + "{" * 100 + '"}'])
def test_brackets_in_a_text_are_no_depth(text: str) -> None:
    assert strict_json(text, "It")


def test_what_is_no_json_is_said_of_what() -> None:
    with pytest.raises(NotWellFormed, match="“variables” is not JSON, line 2, column 2: "):
        strict_json('{"a": 1\n "b": 2}', "“variables”")
