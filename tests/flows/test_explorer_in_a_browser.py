"""The explorer as a person meets it: a link, a page, a query, an answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.terminals.demo import CREATE
from tests.browser import Browser
from tests.dcf_documents import firm
from tests.live_server import LiveServer
from tests.served import Caller, gauge, http
from tests.sockets import until

QUERY = "document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror.getValue()"
VARIABLES = (
    "document.querySelector('.graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror')"
    "?.CodeMirror.getValue()"
)
ANSWER = "document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue()"
HEADERS = ".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror"
RUN = ".graphiql-execute-button"


def open_link(tab: Browser, server: LiveServer, *, token: str | None = None) -> None:
    tab.visit(server.graphql + (f"#token={token}" if token else ""))
    tab.wait_for(QUERY)
    tab.wait_for(VARIABLES)


def run(tab: Browser) -> dict[str, object]:
    """Press the play button; the answer that follows."""
    tab.evaluate("document.querySelector('.result-window .CodeMirror')?.CodeMirror.setValue('')")
    tab.click(RUN)
    answer = json.loads(tab.wait_for(ANSWER))
    assert isinstance(answer, dict)
    return answer


def write_query(tab: Browser, text: str) -> None:
    tab.click(".graphiql-query-editor .CodeMirror")
    tab.press("a", 65, control=True)
    tab.type(text)
    # GraphiQL reads what was typed after a pause, and keeps it when it has read it.
    tab.wait_for(f"localStorage.getItem('graphiql:query') === {json.dumps(text)}")


def test_the_link_opens_a_page_whose_first_query_answers(
    tab: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    open_link(tab, live_server, token=live_server.token)
    answer = run(tab)
    print("screenshot:", tab.screenshot(tmp_path / "explorer.png"))

    assert tab.evaluate("document.title") == "Valor IVX"
    assert "errors" not in answer, answer
    assert answer["data"]
    assert tab.complaints() == []
    here = urlsplit(live_server.origin).netloc
    assert {urlsplit(address).netloc for address in tab.requested()} == {here}


def test_the_token_leaves_the_address_and_stays_in_the_tab(
    tab: Browser, live_server: LiveServer
) -> None:
    open_link(tab, live_server, token=live_server.token)
    run(tab)

    assert tab.evaluate("location.href") == live_server.graphql
    assert tab.evaluate("sessionStorage.getItem('valor:token')") == live_server.token
    assert live_server.token not in tab.evaluate("JSON.stringify(localStorage)")
    assert live_server.token not in tab.evaluate("document.cookie")
    assert not any(live_server.token in address for address in tab.requested())


def test_without_a_token_the_page_opens_and_the_server_says_what_is_missing(
    tab: Browser, live_server: LiveServer
) -> None:
    open_link(tab, live_server)
    answer = run(tab)

    assert "UNAUTHENTICATED" in json.dumps(answer["errors"])
    assert tab.evaluate("document.querySelector('.valor-token').placeholder") == "Paste a token"


def test_a_token_may_be_pasted_into_the_field(tab: Browser, live_server: LiveServer) -> None:
    open_link(tab, live_server)
    tab.click(".valor-token")
    tab.type(f"Bearer {live_server.token}\n")
    tab.wait_for("document.querySelector('.valor-session')")
    write_query(tab, "{ __typename }")
    # GraphiQL asks with the token from its next drawing on; nobody presses as fast as this test.
    answers = (run(tab) for _ in range(10))
    answer = next((answer for answer in answers if "data" in answer), {})

    assert answer["data"] == {"__typename": "Query"}

    tab.click(".valor-session button")
    tab.wait_for("document.querySelector('.valor-token')")
    assert tab.evaluate("sessionStorage.length") == 0


def test_a_header_that_is_pasted_is_sent_and_never_stored(
    tab: Browser, live_server: LiveServer
) -> None:
    open_link(tab, live_server)
    tab.click('[data-name="headers"]')
    tab.click(HEADERS)
    tab.type(json.dumps({"Authorization": f"Bearer {live_server.token}"}))
    write_query(tab, "{ __typename }")

    assert run(tab)["data"] == {"__typename": "Query"}
    # The history is what GraphiQL writes with headers in it, were it allowed to.
    history = tab.wait_for("localStorage.getItem('graphiql:queries')")
    assert "__typename" in history
    assert live_server.token not in tab.evaluate("JSON.stringify(localStorage)")


def test_a_subscription_is_followed_until_it_is_stopped(
    tab: Browser, live_server: LiveServer
) -> None:
    headers = {"authorization": f"Bearer {live_server.token}"}
    with http(base_url=live_server.origin, headers=headers) as client:
        caller = Caller(client)
        given = {"name": "Orchard", "inputs": firm(), "operationId": "explorer-make"}
        model_id = caller.data(CREATE, given)["createModel"]["id"]
        open_link(tab, live_server, token=live_server.token)
        write_query(
            tab,
            f'subscription {{ collaboration(modelId: "{model_id}") '
            "{ resync edits { revision } } }",
        )
        assert run(tab)["data"] == {"collaboration": {"resync": False, "edits": []}}
        assert gauge(live_server.origin, "valor_streams_open") == 1
        # The page shows the newest event alone, and what the model is worth now follows the edit.
        tab.evaluate(
            "(window.shown = [], document.querySelector('.result-window .CodeMirror').CodeMirror"
            ".on('change', editor => window.shown.push(editor.getValue())), true)"
        )
        caller.data(
            "mutation ($id: ID!, $edits: [ModelEdit!]!) "
            '{ editModel(id: $id, operationId: "explorer-edit", edits: $edits) { __typename } }',
            {"id": model_id, "edits": [{"path": "name", "value": {"text": "Grove"}}]},
        )
        tab.wait_for("window.shown.some(text => text.includes('\"revision\": 2'))")
        tab.click('[aria-label^="Stop query"]')
        tab.wait_for("document.querySelector('[aria-label^=\"Execute query\"]')")
        asyncio.run(until(lambda: gauge(live_server.origin, "valor_streams_open") == 0))
    assert tab.complaints() == []


def test_a_later_visit_finds_the_query_that_was_left(tab: Browser, live_server: LiveServer) -> None:
    open_link(tab, live_server, token=live_server.token)
    write_query(tab, "query Left { __typename }")
    tab.wait_for("localStorage.getItem('graphiql:tabState')?.includes('query Left')")
    variables = tab.evaluate(VARIABLES)

    tab.visit(f"{live_server.graphql}?again")
    assert tab.wait_for(QUERY) == "query Left { __typename }"
    assert tab.wait_for(VARIABLES) == variables
    assert tab.evaluate("document.querySelectorAll('.graphiql-tab').length") == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_in_the_page_breaks_its_policy(
    tab: Browser, live_server: LiveServer, theme: str
) -> None:
    tab.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": theme}],
    )
    open_link(tab, live_server, token=live_server.token)
    tab.click('[aria-label="Show Documentation Explorer"]')
    tab.wait_for("document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Query')")
    tab.click('[aria-label="Show History"]')
    for dialog in ("Open settings dialog", "Open short keys dialog"):
        tab.click(f'[aria-label="{dialog}"]')
        tab.wait_for("document.querySelector('.graphiql-dialog')")
        tab.press("Escape", 27)
        tab.wait_for("!document.querySelector('.graphiql-dialog')")
    # Completion and a mark of the linter: both are drawn over the editor.
    write_query(tab, "{ __typ")
    tab.press(" ", 32, control=True)
    tab.wait_for("document.querySelector('.CodeMirror-hints')")
    tab.wait_for("document.querySelector('.CodeMirror-lint-mark')")

    assert tab.complaints() == []


def test_the_policy_refuses_what_the_page_did_not_bring(
    tab: Browser, live_server: LiveServer
) -> None:
    """The control for the test above: a breach is seen."""
    open_link(tab, live_server, token=live_server.token)
    tab.evaluate(
        """(() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
        })()"""
    )
    with pytest.raises(RuntimeError, match="Content Security Policy"):
        tab.evaluate("setTimeout && new Function('return 1')()")

    assert tab.evaluate("window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in tab.complaints())
