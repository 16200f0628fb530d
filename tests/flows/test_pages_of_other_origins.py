"""What pages of other origins can do with a member's cookies: a real browser, three origins.

The hard case is a neighbour: 127.0.0.1 with another port is another origin of the same *site*, so
the browser adds cookies to whatever it asks, SameSite=Strict or not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from api.terminals.demo import CREATE
from services.principal import Role
from tests.browser import Browser
from tests.dcf_documents import firm
from tests.served import THEIRS, Caller, Served, http, served

WHO: Final = "{ viewer { role } }"
FRIEND: Final = "Friendly"  # the member whom the browser is signed in as
PASSWORD: Final = "a long password that nobody else has 31415"
ROOM: Final = "subscription ($id: ID!) { collaboration(modelId: $id) { me { id } } }"
MARK: Final = (
    'mutation { createModel(input: {name: "by a page", inputs: {dcf: %s}}) { __typename '
    "... on FinancialModel { id } } }"
)


@contextmanager
def pages() -> Iterator[str]:
    """A server of empty pages on a free port: its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>page</title><link rel=icon href=data:,>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def friend() -> Iterator[str]:
    with pages() as origin:
        yield origin


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    with pages() as origin:
        yield origin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, friend: str) -> Iterator[Served]:
    """Of two tenants; ours lists the friend's origin."""
    with served(tmp_path_factory.mktemp("served")) as it:
        with it.caller(Role.OWNER) as owner:
            answer = owner.data(
                "mutation ($origins: [String!]) { updateTenant(input: {origins: $origins}) { "
                "__typename } }",
                {"origins": [friend]},
            )
            assert answer == {"updateTenant": {"__typename": "Tenant"}}
        yield it


@pytest.fixture(scope="module")
def member(server: Served) -> str:
    """Somebody with a password: whom they sign in as."""
    with server.caller(Role.OWNER) as owner:
        invited = owner.data(
            'mutation { inviteMember(email: "friend@x.example", role: ANALYST) { '
            "... on InvitedMember { secret } } }"
        )["inviteMember"]
    with http(base_url=server.origin) as client:
        body = {"invitation": invited["secret"], "password": PASSWORD, "name": FRIEND}
        answer = client.post("/auth/accept", json=body)
        assert answer.status_code == 200, answer.text
    return "friend@x.example"


@pytest.fixture
def model(server: Served) -> str:
    """A model's id."""
    with server.caller() as caller:
        return _created(caller)


def _created(caller: Caller) -> str:
    variables = {"name": "Acme", "inputs": firm(), "operationId": "of-a-page"}
    answer = caller.data(CREATE, variables)
    found: str = answer["createModel"]["id"]
    return found


def ask(tab: Browser, url: str, **options: Any) -> Any:
    """(status, text) of what the page fetched with cookies; "unread" where it may not read it."""
    given = {"credentials": "include", "mode": "cors"} | options
    return tab.evaluate(
        f"""fetch({json.dumps(url)}, {json.dumps(given)})
            .then(async (answer) => [answer.status, await answer.text()], () => 'unread')"""
    )


def graphql(query: str, **headers: str) -> dict[str, Any]:
    """The options of a POST."""
    return {
        "method": "POST",
        "headers": {"content-type": "application/json", **headers},
        "body": json.dumps({"query": query}),
    }


def sign_in(tab: Browser, server: Served, member: str, page: str) -> str:
    """Sign in from a page; the word for changes."""
    tab.visit(page)
    body = {"tenant": "ours", "subject": member, "password": PASSWORD, "cookies": True}
    status, text = ask(
        tab,
        f"{server.origin}/auth/login",
        method="POST",
        headers={"content-type": "application/json"},
        body=json.dumps(body),
    )
    assert status == 200, text
    answer = json.loads(text)
    assert not {"accessToken", "refreshToken"} & answer.keys()
    assert tab.evaluate("document.cookie") == ""  # no script reads them
    word: str = answer["csrfToken"]
    return word


def names(server: Served) -> list[str]:
    """What our tenant's models are called."""
    with server.caller() as caller:
        found = caller.data("{ models(first: 100) { edges { node { name } } } }")
    return [edge["node"]["name"] for edge in found["models"]["edges"]]


def change() -> str:
    """A mutation that leaves a mark, without variables: as a form could send it."""
    return MARK % _literal(firm())


def _literal(value: Any) -> str:
    """JSON as a literal of GraphQL's."""
    if isinstance(value, dict):
        inner = ", ".join(f"{name}: {_literal(each)}" for name, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str) and "_" in value:
        return value  # of an enum
    return json.dumps(value)


def test_a_page_of_a_listed_origin_asks_and_changes_with_cookies(
    tab: Browser, server: Served, member: str, friend: str
) -> None:
    word = sign_in(tab, server, member, friend)
    status, text = ask(tab, server.graphql, **graphql(WHO, **{"x-csrf-token": word}))
    assert (status, json.loads(text)["data"]) == (200, {"viewer": {"role": "ANALYST"}})
    status, text = ask(tab, f"{server.graphql}?query=%7Bviewer%7Brole%7D%7D")
    assert (status, json.loads(text)["data"]) == (200, {"viewer": {"role": "ANALYST"}})
    seen = tab.evaluate(
        f"""fetch({json.dumps(server.graphql + "?query=%7Bviewer%7Brole%7D%7D")},
            {{credentials: 'include'}}).then((answer) => answer.headers.get('x-request-id'))"""
    )
    assert seen
    before = len(names(server))
    status, _ = ask(tab, server.graphql, **graphql(change(), **{"x-csrf-token": word}))
    assert (status, len(names(server))) == (200, before + 1)


def test_without_the_word_of_the_session_nothing_is_changed_not_even_from_a_listed_page(
    tab: Browser, server: Served, member: str, friend: str
) -> None:
    word = sign_in(tab, server, member, friend)
    before = names(server)
    for headers in ({}, {"x-csrf-token": word[:-1] + "0" if word[-1] != "0" else word[:-1] + "1"}):
        status, text = ask(tab, server.graphql, **graphql(change(), **headers))
        assert status == 403, text
    assert names(server) == before


def test_a_page_that_was_loaded_anew_gets_the_word_and_a_session_goes_on_and_ends(
    tab: Browser, server: Served, member: str, friend: str
) -> None:
    first = sign_in(tab, server, member, friend)
    status, text = ask(tab, f"{server.origin}/auth/csrf")
    assert (status, json.loads(text)["csrfToken"]) == (200, first)
    given = {"method": "POST", "headers": {"content-type": "application/json"}, "body": "{}"}
    status, text = ask(tab, f"{server.origin}/auth/refresh", **given)
    assert (status, json.loads(text)["csrfToken"]) == (200, first)
    assert "accessToken" not in json.loads(text)
    status, text = ask(tab, f"{server.origin}/auth/logout", **given)
    assert status == 204
    status, _ = ask(tab, f"{server.graphql}?query=%7Bviewer%7Brole%7D%7D")
    assert status == 401


def test_a_foreign_page_reads_nothing_and_none_of_its_ways_changes_anything(
    tab: Browser, server: Served, member: str, friend: str, stranger: str
) -> None:
    word = sign_in(tab, server, member, friend)
    before = names(server)
    tab.visit(stranger)
    query = change()
    ways: dict[str, dict[str, Any]] = {
        "a query by GET": {},
        "JSON": graphql(query),
        "JSON with a stolen word": graphql(query, **{"x-csrf-token": word}),
        "plain text": {"method": "POST", "body": json.dumps({"query": query})},
        "a form": {
            "method": "POST",
            "headers": {"content-type": "application/x-www-form-urlencoded"},
            "body": "query=mutation",
        },
        "no body": {"method": "POST"},
    }
    for name, options in ways.items():
        url = f"{server.graphql}?query=%7Bviewer%7Brole%7D%7D" if not options else server.graphql
        assert ask(tab, url, **options) == "unread", name
        if name not in ("JSON", "JSON with a stolen word"):  # sent, and the answer is opaque
            ask(tab, url, **options | {"mode": "no-cors"})
    tab.evaluate(
        f"""(async () => {{
            const form = new FormData();
            form.append('operations', {json.dumps(json.dumps({"query": query}))});
            form.append('map', '{{}}');
            await fetch({json.dumps(server.graphql)},
                {{method: 'POST', mode: 'no-cors', credentials: 'include', body: form}});
            navigator.sendBeacon({json.dumps(server.graphql)},
                new Blob([{json.dumps(json.dumps({"query": query}))}], {{type: 'text/plain'}}));
        }})()"""
    )
    for path in ("/auth/csrf", "/auth/refresh", "/auth/logout"):
        assert (
            ask(
                tab,
                f"{server.origin}{path}",
                method="GET" if "csrf" in path else "POST",
                **({} if "csrf" in path else {"body": "{}"}),
            )
            == "unread"
        )
    assert names(server) == before
    sent = [
        each
        for each in tab.of("Network.requestWillBeSentExtraInfo")
        if any(
            "valor-access" in str(cookie) and not cookie.get("blockedReasons")
            for cookie in each.get("associatedCookies", ())
        )
    ]
    assert sent, "the browser did send the cookies: it was the server that refused"
    tab.visit(friend)
    assert ask(tab, f"{server.origin}/auth/csrf")[0] == 200  # nobody was signed out


@pytest.mark.parametrize(
    "encoding", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_a_form_that_a_foreign_page_submits_changes_nothing(
    tab: Browser, server: Served, member: str, friend: str, stranger: str, encoding: str
) -> None:
    sign_in(tab, server, member, friend)
    before = names(server)
    tab.visit(stranger)
    body = json.dumps({"query": change(), "x": "="})
    name, _, value = body.rpartition("=")
    tab.evaluate(
        f"""new Promise((loaded) => {{
            const frame = document.createElement('iframe');
            frame.name = 'answer';
            document.body.append(frame);
            const form = document.createElement('form');
            form.method = 'POST'; form.action = {json.dumps(server.graphql)};
            form.enctype = {json.dumps(encoding)}; form.target = 'answer';
            const field = document.createElement('input');
            field.name = {json.dumps(name)}; field.value = {json.dumps(value)};
            form.append(field); document.body.append(form);
            frame.onload = () => frame.contentDocument || loaded(true);
            form.submit();
        }})"""
    )
    answered = [each["response"] for each in tab.of("Network.responseReceived")]
    assert [each["status"] for each in answered if each["url"] == server.graphql][-1] == 403
    assert names(server) == before


def events(tab: Browser, url: str) -> Any:
    """The first event of a stream, or "refused"."""
    return tab.evaluate(
        f"""new Promise((found) => {{
            const stream = new EventSource({json.dumps(url)}, {{withCredentials: true}});
            stream.addEventListener('next', (event) => {{ stream.close(); found(event.data); }});
            stream.addEventListener('error', () => {{ stream.close(); found('refused'); }});
        }})"""
    )


def test_a_stream_of_events_opens_with_cookies_for_a_listed_page_and_no_other(
    tab: Browser, server: Served, member: str, friend: str, stranger: str, model: str
) -> None:
    sign_in(tab, server, member, friend)
    query = urlencode({"query": ROOM, "variables": json.dumps({"id": model})})
    url = f"{server.graphql}?{query}"
    assert json.loads(events(tab, url))["data"]["collaboration"]["me"]
    tab.visit(stranger)
    assert events(tab, url) == "refused"


def socket(tab: Browser, url: str, payload: dict[str, Any] | None = None) -> Any:
    """What a socket says to connection_init, or the code that it is closed with."""
    init = json.dumps(json.dumps({"type": "connection_init", "payload": payload or {}}))
    return tab.evaluate(
        f"""new Promise((found) => {{
            const socket = new WebSocket({json.dumps(url)}, 'graphql-transport-ws');
            socket.onopen = () => socket.send({init});
            socket.onmessage = (event) => {{ found(JSON.parse(event.data).type); socket.close(); }};
            socket.onclose = (event) => found(event.code);
        }})"""
    )


def test_a_socket_opens_with_cookies_for_a_listed_page_and_no_other(
    tab: Browser, server: Served, member: str, friend: str, stranger: str
) -> None:
    sign_in(tab, server, member, friend)
    url = server.graphql.replace("http", "ws", 1)
    assert socket(tab, url) == "connection_ack"
    wrong = {"authorization": "Bearer nonsense"}
    assert socket(tab, url, wrong) == 4403  # what is said counts, and the cookie beside it does not
    tab.visit(stranger)
    assert socket(tab, url) == 1006  # the handshake itself was refused
    assert socket(tab, url, {"authorization": f"Bearer {server.token()}"}) == 1006


def test_a_page_of_another_tenants_list_gets_nothing_of_ours(
    tab: Browser, server: Served, member: str, friend: str, stranger: str
) -> None:
    with server.caller(Role.OWNER, THEIRS) as owner, pages() as neighbour:
        owner.data(
            "mutation ($origins: [String!]) { updateTenant(input: {origins: $origins}) { "
            "__typename } }",
            {"origins": [neighbour]},
        )
        word = sign_in(tab, server, member, friend)
        tab.visit(neighbour)
        assert ask(tab, server.graphql, **graphql(WHO, **{"x-csrf-token": word})) == "unread"
        assert ask(tab, f"{server.origin}/auth/csrf") == "unread"
        assert socket(tab, server.graphql.replace("http", "ws", 1)) == 4403
        body = {"tenant": "ours", "subject": member, "password": PASSWORD, "cookies": True}
        given = {"headers": {"content-type": "application/json"}, "body": json.dumps(body)}
        status, text = ask(tab, f"{server.origin}/auth/login", method="POST", **given)
        assert (status, "csrfToken" in text) == (403, False)
