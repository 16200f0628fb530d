"""Each kind of request has one answer for each type that a caller may want to read it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.transports.protocol import GRAPHQL, JSON, wants_page
from tests.plain_http import GOOD, Client, asking, check
from tests.served import Served, http

# Accept, and the type of the answer.
ACCEPTS = {
    "the old type": (JSON, JSON),
    "the new type": (GRAPHQL, GRAPHQL),
    "anything": ("*/*", JSON),
    "nothing said": (None, JSON),
    "an empty header": ("", JSON),
    "any application": ("application/*", JSON),
    "the new type rather": (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
    "the old type rather": (f"{JSON}, {GRAPHQL};q=0.5", JSON),
    "both alike": (f"{JSON}, {GRAPHQL}", GRAPHQL),
    "anything but the new type": (f"{GRAPHQL};q=0, */*", JSON),
    "the new type in capitals": (GRAPHQL.upper(), GRAPHQL),
    "a browser that posts": ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
    "a quality that is no number": (f"{GRAPHQL};q=much, {JSON};q=0.1", JSON),
}


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[Client]:
    with http(base_url=server.origin) as client:
        client.headers["authorization"] = f"Bearer {server.token()}"
        del client.headers["accept"]
        yield Client(client)


# The kinds of request, and the status for those who read the new type and the old one.
DOCUMENTS = {
    "a good one": (asking(), 200, 200),
    "an operation by its name": (asking("query A{__typename}", operationName="A"), 200, 200),
    "a syntax error": (asking("{"), 400, 200),
    "a field that there is not": (asking("{nope}"), 400, 200),
    "a document too complex": (asking("{" + "tenant{id} " * 21 + "}"), 400, 200),
    "a variable of another type": (
        asking("query($id:ID!){valuation(id:$id){id}}", variables={"id": {}}),
        400,
        200,
    ),
    "a variable left out": (asking("query($id:ID!){valuation(id:$id){id}}"), 400, 200),
    "an operation that there is not": (asking("query A{__typename}", operationName="B"), 400, 200),
    "two operations and no name": (asking("query A{__typename} query B{__typename}"), 400, 200),
    "a subscription": (asking("subscription{x}"), 400, 200),
    "a literal beyond a double": (asking("{company(ticker:1e400){name}}"), 400, 200),
    "a fault in a field": (asking('{valuation(id:"x"){id}}'), 200, 200),
    "a fault beside data": (asking('{company(ticker:"x"){name} viewer{role}}'), 200, 200),
}
EXECUTED = {"a good one", "an operation by its name", "a fault in a field", "a fault beside data"}


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize(("accept", "media"), ACCEPTS.values(), ids=ACCEPTS.keys())
def test_a_well_formed_request_is_answered_in_the_type_that_was_asked_for(
    client: Client, accept: str | None, media: str, kind: str
) -> None:
    body, status, old_status = DOCUMENTS[kind]
    answer = client.send(body=body, accept=accept)
    check(answer, status if media == GRAPHQL else old_status, media, data=kind in EXECUTED)


@pytest.mark.parametrize(("accept", "media"), ACCEPTS.values(), ids=ACCEPTS.keys())
def test_what_is_not_well_formed_has_one_status_for_every_accept(
    client: Client, accept: str | None, media: str
) -> None:
    def sent(status: int, **request: Any) -> None:
        check(client.send(accept=accept, **request), status, media, data=False)

    sent(400, body=b"{}")
    sent(400, body=asking(variables=[]))
    sent(400, body=b'{ "no')
    sent(415, body=asking(), content_type="text/plain")
    sent(405, method="PUT", body=asking())


@pytest.mark.parametrize(
    ("accept", "media"),
    [pair for name, pair in ACCEPTS.items() if "browser" not in name],
)
def test_a_query_may_be_asked_by_get_and_a_change_may_not(
    client: Client, accept: str | None, media: str
) -> None:
    check(client.get(GOOD, accept=accept), 200, media, data=True)
    refused = client.get("mutation{__typename}", accept=accept)
    check(refused, 405, media, data=False)
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize("accept", ["image/png", "text/plain", f"{JSON};q=0"])
def test_who_reads_none_of_our_types_gets_406_before_anything_is_done(
    client: Client, accept: str
) -> None:
    check(client.send(body=b"not even JSON", accept=accept), 406, data=False)


PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (PAGE, True),
        ("text/html", True),
        (f"text/html, {JSON};q=0.9", True),
        (f"text/html;q=0.5, {JSON}", False),
        (f"text/html;q=0.5, {GRAPHQL}", False),
        ("*/*", False),
        ("text/*", False),
        ("text/html;q=0", False),
        (JSON, False),
        ("", False),
    ],
)
def test_only_who_names_html_gets_the_page(accept: str, page: bool) -> None:
    assert wants_page(accept) is page


def test_a_browser_gets_the_page_without_a_token(server: Served) -> None:
    with http() as browser:
        answer = browser.get(server.graphql, headers={"accept": PAGE})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
