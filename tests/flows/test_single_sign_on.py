"""Signing in by a tenant's own identity provider: a real one, a real server, page after page."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import httpx
import pytest

from api.settings import Settings
from api.transports.oidc import FLOW_FOR
from services import attempts
from services.principal import Role
from store.database import Database
from store.migrate import migrate
from store.tenants import TenantRecord, Tenants
from tests.identity_provider import (
    CLIENT,
    FILES,
    SECRET,
    SOURCES,
    RealProvider,
    keys,
    providing,
    query_of,
    sign_in,
)
from tests.node import installed
from tests.outward import Certificates
from tests.served import OURS, THEIRS, Served, http, served

CALLBACK: Final = "/auth/oidc/callback"
SET: Final = """
mutation ($issuer: String!, $client: String!, $secret: String, $claim: String,
          $roles: [MappedRoleInput!]!, $default: Role) {
  setIdentityProvider(issuer: $issuer, clientId: $client, clientSecret: $secret,
                      roleClaim: $claim, roles: $roles, defaultRole: $default) {
    ... on IdentityProvider { id enabled hasSecret }
    ... on Refusal { code message issues { path message } }
  }
}
"""
WHO: Final = "{ viewer { role member { id name } tenant { slug } } }"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Served]:
    """Of two tenants with every feature."""
    home = tmp_path_factory.mktemp("served")
    asyncio.run(_enterprise(Settings.read({"VALOR_HOME": str(home)}, dev=True)))
    outward = {
        "VALOR_OUTWARD_PRIVATE": "127.0.0.0/8",
        "VALOR_OUTWARD_CA_FILE": str(certificates.ca_file),
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(attempts, "OF_ADDRESS", 1_000)  # everybody here is at one address
        with served(home, **outward) as it:
            yield it


async def _enterprise(settings: Settings) -> None:
    await migrate(settings.database_owner_url)
    database = Database.open(settings.database_url)
    try:
        for tenant_id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            tenant = TenantRecord(
                tenant_id=tenant_id,
                slug=slug,
                name=slug.title(),
                plan="ENTERPRISE",
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            await Tenants(database).ensure(tenant, [])
    finally:
        await database.close()


@pytest.fixture(scope="module")
def provider(
    server: Served,
    certificates: Certificates,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealProvider]:
    home = installed(SOURCES, FILES, pytestconfig, tmp_path_factory)
    people = {
        "ada": {"name": "Ada", "groups": ["desk"], "email": "a@x.example", "email_verified": True},
        "bob": {"name": "Bob", "groups": ["nothing of ours"]},
        "max": {"name": "Max", "groups": ["heads", "desk"]},
    }
    with providing(
        home, certificates, redirect_uris=[f"{server.origin}{CALLBACK}"], people=people
    ) as it:
        yield it


def trust(server: Served, provider: RealProvider, **changes: Any) -> dict[str, Any]:
    """Have our tenant trust the provider; its answer."""
    variables = {
        "issuer": provider.issuer,
        "client": CLIENT,
        "secret": SECRET,
        "claim": "groups",
        "roles": [{"value": "desk", "role": "ANALYST"}, {"value": "heads", "role": "ADMIN"}],
        "default": "VIEWER",
    }
    with server.caller(Role.OWNER) as owner:
        found: dict[str, Any] = owner.data(SET, variables | changes)["setIdentityProvider"]
    return found


@pytest.fixture
def trusted(server: Served, provider: RealProvider) -> Iterator[str]:
    """The id of the provider, until the end of the test."""
    found = trust(server, provider)
    assert found["enabled"], found
    yield found["id"]
    with server.caller(Role.OWNER) as owner:
        owner.ask(
            "mutation ($id: ID!) { removeIdentityProvider(id: $id) { __typename } }",
            {"id": found["id"]},
        )


@dataclass(slots=True)
class Browser:
    """One browser, at our server: cookies are kept by their names, as it may send them here."""

    client: httpx.Client
    cookies: dict[str, str]

    def get(self, path: str) -> httpx.Response:
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.get(path, headers={"cookie": header} if header else {})
        for written in answer.headers.get_list("set-cookie"):
            pair, *said = [part.strip() for part in written.split(";")]
            name, _, value = pair.partition("=")
            assert {"Secure", "HttpOnly"} <= set(said), written
            assert "Path=/" in said or name.startswith("__Secure-"), written
            self.cookies.pop(name, None)
            if "Max-Age=0" not in said:
                self.cookies[name] = value
        return answer

    def begin(self, **more: str) -> str:
        """The address at the provider that a browser is sent to."""
        answer = self.get(f"/auth/oidc/start?{urlencode({'tenant': 'ours', **more})}")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def who(self) -> dict[str, Any]:
        """Who it is signed in as."""
        found: dict[str, Any] = self.get(f"/graphql?{urlencode({'query': WHO})}").json()
        return found["data"]["viewer"]


@pytest.fixture
def browser(server: Served) -> Iterator[Browser]:
    with http(base_url=server.origin) as client:
        yield Browser(client, {})


def come_back(browser: Browser, server: Served, provider: RealProvider, person: str) -> str:
    """Sign in at the provider; the path and query that it leads back to."""
    with provider.client() as there:
        back = sign_in(there, browser.begin(), person, server.origin)
    return back.removeprefix(server.origin)


def refused(answer: httpx.Response) -> None:
    """The one answer to every wrong credential."""
    assert answer.status_code == 401, answer.text
    assert answer.json() == {
        "error": {
            "code": "UNAUTHENTICATED",
            "message": "That does not prove who you are here. Sign in again, or ask for a new "
            "token.",
        }
    }


def test_a_stranger_becomes_a_member_with_the_role_that_the_claim_says(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    asked = browser.begin(**{"return": "/console?model=7"})
    given = query_of(asked)
    assert urlsplit(asked).netloc == urlsplit(provider.issuer).netloc
    assert (given["response_type"], given["code_challenge_method"]) == ("code", "S256")
    assert SECRET not in asked
    with provider.client() as there:
        back = sign_in(there, asked, "ada", server.origin)
    answer = browser.get(back.removeprefix(server.origin))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console?model=7")
    assert browser.cookies.keys() == {"__Host-valor-access", "__Secure-valor-refresh"}
    who = browser.who()
    assert (who["role"], who["member"]["name"], who["tenant"]["slug"]) == ("ANALYST", "Ada", "ours")


def test_somebody_is_known_by_the_subject_and_gets_todays_role(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    browser.get(come_back(browser, server, provider, "max"))
    first = browser.who()
    assert first["role"] == "ADMIN"
    people = dict(provider.people)
    provider.tell(people=people | {"max": {"name": "Maximilian", "groups": ["desk"]}})
    try:
        browser.get(come_back(browser, server, provider, "max"))
        second = browser.who()
    finally:
        provider.tell(people=people)
    assert second["member"]["id"] == first["member"]["id"]
    assert second["role"] == "ANALYST"


def test_nobody_is_taken_for_a_member_by_an_address(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    """The provider says the very name that an owner signs in by."""
    people = dict(provider.people)
    claims = {"email": "owner@ours", "email_verified": True, "preferred_username": "owner@ours"}
    provider.tell(people=people | {"owner@ours": claims})
    try:
        browser.get(come_back(browser, server, provider, "owner@ours"))
    finally:
        provider.tell(people=people)
    assert browser.who()["role"] == "VIEWER"


def test_strangers_stay_out_where_nothing_is_said_of_them(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    trust(server, provider, default=None)
    refused(browser.get(come_back(browser, server, provider, "bob")))
    assert "__Host-valor-access" not in browser.cookies


def test_who_was_linked_by_hand_comes_in_as_the_member_that_they_are(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    trust(server, provider, default=None, claim=None, roles=[])
    with server.caller(Role.OWNER) as owner:
        members = owner.data("{ tenant { members { id role } } }")["tenant"]["members"]
        member = next(each["id"] for each in members if each["role"] == "OWNER")
        linked = owner.data(
            "mutation ($id: ID!, $member: ID!) { linkIdentity(providerId: $id, "
            'subject: "bob", memberId: $member) { ... on IdentityProvider { identities { subject '
            "memberId } } } }",
            {"id": trusted, "member": member},
        )["linkIdentity"]
    assert linked == {"identities": [{"subject": "bob", "memberId": member}]}
    browser.get(come_back(browser, server, provider, "bob"))
    assert browser.who()["role"] == "OWNER"


def test_a_removed_member_stays_out(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    browser.get(come_back(browser, server, provider, "max"))
    member = browser.who()["member"]["id"]
    with server.caller(Role.OWNER) as owner:
        owner.data(
            "mutation ($id: ID!) { removeMember(memberId: $id) { __typename } }", {"id": member}
        )
    assert browser.get(f"/graphql?{urlencode({'query': WHO})}").status_code == 401
    refused(browser.get(come_back(browser, server, provider, "max")))


def test_sessions_of_a_provider_that_is_disabled_end_at_once(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    browser.get(come_back(browser, server, provider, "ada"))
    assert browser.who()["role"] == "ANALYST"
    with server.caller(Role.OWNER) as owner:
        owner.data(
            "mutation ($id: ID!) { disableIdentityProvider(id: $id) { __typename } }",
            {"id": trusted},
        )
        assert browser.get(f"/graphql?{urlencode({'query': WHO})}").status_code == 401
        refused(browser.get("/auth/oidc/start?tenant=ours"))
        owner.data(
            "mutation ($id: ID!) { enableIdentityProvider(id: $id) { __typename } }",
            {"id": trusted},
        )
    browser.begin()


def test_a_code_is_good_once_and_only_in_the_browser_that_asked_for_it(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    back = come_back(browser, server, provider, "ada")
    with http(base_url=server.origin) as client:
        another = Browser(client, {})
        refused(another.get(back))  # a link that somebody was sent
        another.begin()
        refused(another.get(back))  # a state of its own, and not this one
    flow = dict(browser.cookies)
    assert browser.get(back).status_code == 303
    refused(browser.get(back))
    browser.cookies = flow  # even by whoever kept the cookie
    refused(browser.get(back))


def test_what_a_browser_did_not_ask_for_signs_nobody_in(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    """A nonce of somebody else's; and a code that was asked for with another verifier."""
    asked = browser.begin()
    swapped = asked.replace(query_of(asked)["nonce"], "a-nonce-of-mine")
    with provider.client() as there:
        back = sign_in(there, swapped, "ada", server.origin)
    refused(browser.get(back.removeprefix(server.origin)))
    with http(base_url=server.origin) as client:
        mine = query_of(come_back(Browser(client, {}), server, provider, "ada"))
    browser.begin()
    with provider.client() as there:
        back = sign_in(there, asked := browser.begin(), "ada", server.origin)
    injected = query_of(back) | {"code": mine["code"], "state": query_of(asked)["state"]}
    refused(browser.get(f"{CALLBACK}?{urlencode(injected)}"))


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "another"},
        {"state": ""},
        {"state": "é"},
        {"code": "invented"},
        {"code": ""},
        {"iss": "https://other.example"},
        {"iss": ""},
    ],
    ids=str,
)
def test_what_comes_back_changed_signs_nobody_in(
    server: Served,
    provider: RealProvider,
    trusted: str,
    browser: Browser,
    changes: dict[str, str],
) -> None:
    back = query_of(come_back(browser, server, provider, "ada")) | changes
    refused(browser.get(f"{CALLBACK}?{urlencode({k: v for k, v in back.items() if v})}"))


@pytest.mark.parametrize("name", ["code", "state", "iss"])
def test_what_comes_back_twice_is_not_chosen_from(
    server: Served, provider: RealProvider, trusted: str, browser: Browser, name: str
) -> None:
    back = come_back(browser, server, provider, "ada")
    answer = browser.get(f"{back}&{name}=another")
    assert answer.status_code == 400
    assert f"`{name}` once" in answer.json()["error"]["message"]


def test_a_sealed_cookie_that_was_touched_or_is_old_signs_nobody_in(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    back = come_back(browser, server, provider, "ada")
    (name,) = browser.cookies
    whole = browser.cookies[name]
    routes = server.parts.oidc
    routes._clock = lambda: datetime.now(UTC) + FLOW_FOR
    refused(browser.get(back))
    routes._clock = lambda: datetime.now(UTC)
    for cookie in (whole[:-2] + "AA", whole.rpartition(".")[0], "x", ""):
        browser.cookies = {name: cookie}
        refused(browser.get(back))
    browser.cookies = {name: whole}
    assert browser.get(back).status_code == 303  # the code itself was still good


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", "evil.example",
        "/%0d%0aSet-Cookie:x\r\n", "/é", "/" + "a" * 600, " //evil.example",
    ],
)  # fmt: skip
def test_nobody_is_sent_on_to_another_place(browser: Browser, trusted: str, path: str) -> None:
    answer = browser.get(f"/auth/oidc/start?{urlencode({'tenant': 'ours', 'return': path})}")
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_tenant_without_a_provider_and_one_that_is_none_answer_alike(browser: Browser) -> None:
    for tenant in ("theirs", "nobody", "x" * 200):
        refused(browser.get(f"/auth/oidc/start?tenant={tenant}"))


def exchange(server: Served, token: str, **more: Any) -> httpx.Response:
    with http(base_url=server.origin) as client:
        return client.post("/auth/oidc/exchange", json={"token": token, **more})


def test_a_program_comes_in_with_its_providers_access_token(
    server: Served, provider: RealProvider, trusted: str
) -> None:
    answer = exchange(server, provider.token_by_credentials())
    assert answer.status_code == 200, answer.text
    token = answer.json()["accessToken"]
    with http(base_url=server.origin, headers={"authorization": f"Bearer {token}"}) as client:
        viewer = client.post("/graphql", json={"query": WHO}).json()["data"]["viewer"]
    assert (viewer["role"], viewer["tenant"]["slug"]) == ("VIEWER", "ours")


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=str,
)
def test_a_page_that_no_tenant_lists_exchanges_nothing(
    server: Served, provider: RealProvider, trusted: str, headers: dict[str, str]
) -> None:
    body = {"token": provider.token_by_credentials(), "cookies": True}
    with http(base_url=server.origin) as client:
        answer = client.post("/auth/oidc/exchange", json=body, headers=headers)
    assert answer.status_code == 403
    assert not {"set-cookie", "access-control-allow-origin"} & answer.headers.keys()


def test_a_token_for_somebody_else_or_changed_proves_nothing(
    server: Served, provider: RealProvider, trusted: str
) -> None:
    honest = provider.token_by_credentials()
    head, payload, signature = honest.split(".")
    for token in (
        provider.token_by_credentials("another"),
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{head}.{payload}.",
        f"{head}.{payload[:-4]}AAAA.{signature}",
        "token",
        server.token(),  # ours
    ):
        refused(exchange(server, token))
    assert exchange(server, honest).status_code == 200


def test_while_the_provider_stands_still_what_it_said_is_good(
    server: Served, provider: RealProvider, trusted: str
) -> None:
    """Its process stands still: it answers nothing, and refuses nothing."""
    token = provider.token_by_credentials()
    assert exchange(server, token).status_code == 200
    provider.process.send_signal(signal.SIGSTOP)
    try:
        assert exchange(server, token).status_code == 200
        with http(base_url=server.origin) as client:
            assert Browser(client, {}).begin().startswith(provider.issuer)  # what was good is kept
    finally:
        provider.process.send_signal(signal.SIGCONT)


def test_a_key_that_the_provider_changes_is_known_at_once_and_the_old_one_is_forgotten(
    server: Served, provider: RealProvider, trusted: str
) -> None:
    before = provider.token_by_credentials()
    provider.tell(keys=keys("RS256", "second"))
    try:
        assert exchange(server, provider.token_by_credentials()).status_code == 200
        refused(exchange(server, before))
    finally:
        provider.tell(keys=keys("RS256", "third"))


def test_another_tenant_cannot_name_the_same_client_and_sees_nothing(
    server: Served, provider: RealProvider, trusted: str
) -> None:
    with server.caller(Role.OWNER, THEIRS) as owner:
        variables = {
            "issuer": provider.issuer,
            "client": CLIENT,
            "secret": None,
            "claim": None,
            "roles": [],
            "default": "ADMIN",
        }
        answer = owner.data(SET, variables)["setIdentityProvider"]
        assert answer["code"] == "CONFLICT"
        assert owner.data("{ identityProviders { id } }") == {"identityProviders": []}
        for verb in ("enable", "disable", "remove"):
            found = owner.data(
                f"mutation ($id: ID!) {{ it: {verb}IdentityProvider(id: $id) {{ "
                "... on Refusal { code } } }",
                {"id": trusted},
            )
            assert found["it"] == {"code": "NOT_FOUND"}


def test_an_issuer_that_cannot_be_used_is_refused_with_the_reason(server: Served) -> None:
    with server.caller(Role.OWNER) as owner:
        for issuer, reason in (
            ("http://localhost:1", "https"),
            ("https://10.0.0.1", "open network"),
            ("https://169.254.169.254/latest", "open network"),
            ("https://localhost:1", "did not answer"),
        ):
            variables = {"issuer": issuer, "client": "x", "roles": [], "default": "OWNER"}
            answer = owner.data(SET, variables)["setIdentityProvider"]
            assert answer["code"] == "INVALID_INPUT"
            assert reason in str(answer["issues"]) or "owner" in str(answer["issues"])
            answer = owner.data(SET, variables | {"default": None})["setIdentityProvider"]
            assert reason in answer["issues"][0]["message"], answer


def test_what_was_done_is_on_record_in_the_tenant(
    server: Served, provider: RealProvider, trusted: str, browser: Browser
) -> None:
    browser.get(come_back(browser, server, provider, "ada"))
    done = asyncio.run(_on_record(server.parts.settings.database_url, OURS))
    assert {
        "identity_provider.set",
        "identity_provider.removed",
        "identity_provider.disabled",
        "identity.linked",
        "member.joined",
        "member.role_changed",
        "session.began",
    } <= {action for action, _ in done}
    assert not any(SECRET in details for _, details in done)


async def _on_record(url: str, tenant_id: UUID) -> list[tuple[str, str]]:
    """(action, details) of all that waits to be chained, or is."""
    from store import scope
    from store.tables import AuditEventRow, AuditPendingRow

    database = Database.open(url)
    try:
        async with database.reading(tenant_id) as session:
            waiting = await session.all(scope.select(AuditPendingRow))
            chained = await session.all(scope.select(AuditEventRow))
        return [(row["action"], row["details"]) for row in (*waiting, *chained)]
    finally:
        await database.close()
