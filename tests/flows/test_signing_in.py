"""Signing in over a real socket: password to tokens, tokens to answers, refresh, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pyotp import TOTP

from services.credentials import Secret
from services.principal import Role
from tests.accounts import PASSWORD, invited, joined
from tests.served import OURS, Caller, Served, gauge, http, served

VIEWER: Final = "{ viewer { role member { id name } tenant { slug } } }"
WRONG: Final = {
    "error": {
        "code": "UNAUTHENTICATED",
        "message": "That does not prove who you are here. Sign in again, or ask for a new token.",
    }
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("identity")) as server:
        yield server


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    server.parts.identity.accounts._attempts._own._full_at.clear()
    with http(base_url=server.origin) as client:
        yield client


@pytest.fixture(scope="module")
def ada(server: Served) -> dict[str, Any]:
    """What Ada got, who accepted an invitation."""
    with http(base_url=server.origin) as client:
        return joined(client, invited(server, "ada@example.com"))


def login(client: httpx.Client, **changes: Any) -> httpx.Response:
    given = {"tenant": "ours", "subject": "ada@example.com", "password": PASSWORD} | changes
    return client.post("/auth/login", json=given)


def asks(client: httpx.Client, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return client.post("/graphql", json={"query": VIEWER}, headers=headers)


def test_who_was_invited_signs_in_asks_refreshes_and_signs_out(
    client: httpx.Client, ada: dict[str, Any]
) -> None:
    assert ada["role"] == "ANALYST"
    response = login(client)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    tokens = response.json()
    assert 0 < tokens["expiresIn"] <= 600
    viewer = asks(client, tokens["accessToken"]).json()["data"]["viewer"]
    assert viewer == {
        "role": "ANALYST",
        "member": {"id": tokens["member"], "name": "Ada"},
        "tenant": {"slug": "ours"},
    }
    response = client.post("/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
    assert response.status_code == 200, response.text
    newer = response.json()
    assert newer["refreshToken"] != tokens["refreshToken"]
    assert asks(client, newer["accessToken"]).status_code == 200
    gone = client.post("/auth/logout", json={"refreshToken": newer["refreshToken"]})
    assert gone.status_code == 204
    refused = asks(client, newer["accessToken"])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    again = client.post("/auth/refresh", json={"refreshToken": newer["refreshToken"]})
    assert again.status_code == 401
    assert asks(client, ada["accessToken"]).status_code == 200


def test_whatever_is_wrong_with_a_credential_the_answer_is_the_same_to_the_byte(
    server: Served, client: httpx.Client, ada: dict[str, Any]
) -> None:
    given = Secret.read("vr", ada["refreshToken"])
    assert given is not None
    made_up = Secret("vr", given.tenant_id, given.id, bytes(32)).text
    stranger = Secret.new("vr", OURS, OURS).text
    password = "seven loud herons on a hill"
    answers = [
        login(client, tenant="nobodys"),
        login(client, tenant="theirs"),
        login(client, tenant="system"),
        login(client, subject="eve@example.com"),
        login(client, password="wrong"),
        login(client, subject="owner@ours"),
        client.post("/auth/refresh", json={"refreshToken": "x"}),
        client.post("/auth/refresh", json={"refreshToken": made_up}),
        client.post("/auth/refresh", json={"refreshToken": stranger}),
        client.post("/auth/refresh", json={"refreshToken": "vk_dev_x"}),
        client.post("/auth/refresh", json={}),
        client.post("/auth/reset", json={"token": "vp_x", "password": password}),
        client.post(
            "/auth/reset", json={"token": Secret.new("vp", OURS, OURS).text, "password": password}
        ),
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json() == WRONG
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert len({answer.content for answer in answers}) == 1
    bad = client.post("/auth/accept", json={"invitation": "vi_x", "password": password})
    assert bad.status_code == 401
    assert asks(client, ada["accessToken"]).status_code == 200, "nothing of it ended her session"
    assert gauge(server.origin, 'valor_credentials_refused_total{kind="password"}') == 6


@pytest.mark.parametrize("path", ["/graphql", "/graphql of events", "/audit/export", "/auth/csrf"])
def test_who_is_named_twice_is_nobody_whichever_came_first(
    client: httpx.Client, ada: dict[str, Any], path: str
) -> None:
    good = f"Bearer {ada['accessToken']}"
    accept = "text/event-stream" if path.endswith("events") else "application/json"
    for pair in ([good, "Bearer x"], ["Bearer x", good], [good, good]):
        headers = [("authorization", each) for each in pair] + [("accept", accept)]
        url = path.partition(" ")[0]
        if url == "/graphql":
            response = client.post(url, json={"query": VIEWER}, headers=headers)
        else:
            response = client.get(url, headers=headers)
        assert response.status_code == 400
        assert "Authorization came twice" in response.text
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_request"'


def test_who_signs_out_without_a_session_learns_nothing(client: httpx.Client) -> None:
    for text in ("x", Secret.new("vr", OURS, OURS).text):
        assert client.post("/auth/logout", json={"refreshToken": text}).status_code == 204


@pytest.mark.parametrize("path", ["login", "refresh", "logout", "accept", "reset"])
def test_a_body_that_is_none_is_refused_by_the_book(client: httpx.Client, path: str) -> None:
    url = f"/auth/{path}"
    assert client.get(url).status_code == 405
    json = {"content-type": "application/json"}
    for content, status in (
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b'{"tenant": NaN}', 400),
        (b'{"x":' + b"[" * 100 + b"]" * 100 + b"}", 400),
        (b'{"x": "' + b"x" * 300_000 + b'"}', 413),
    ):
        response = client.post(url, content=content, headers=json)
        assert response.status_code == status, content[:20]
        assert response.json()["error"]["code"] == "QUERY_INVALID"
    form = client.post(url, data={"tenant": "ours"})
    assert form.status_code == 415


def test_every_field_that_is_wrong_is_named_at_once(client: httpx.Client) -> None:
    response = client.post("/auth/login", json={"tenant": 5, "password": "x" * 2_000, "cookies": 1})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "INVALID_INPUT"
    assert [(each["path"], each["code"]) for each in error["issues"]] == [
        ("tenant", "WRONG_TYPE"),
        ("subject", "MISSING"),
        ("password", "WRONG_LENGTH"),
        ("cookies", "WRONG_TYPE"),
    ]


def test_a_password_that_may_not_be_one_makes_no_member_and_spends_no_invitation(
    server: Served, client: httpx.Client
) -> None:
    invitation = invited(server, "bob@example.com")
    for password in ("short", "password1234", "bob@example.com"):
        given = {"invitation": invitation, "password": password, "name": "Bob"}
        response = client.post("/auth/accept", json=given)
        assert response.status_code == 400
        assert response.json()["error"]["issues"][0]["path"] == "password"
    joined(client, invitation, name="Bob")
    again = client.post("/auth/accept", json={"invitation": invitation, "password": PASSWORD})
    assert again.status_code == 401


def test_an_address_is_the_same_in_any_case_and_a_null_is_no_letter(
    client: httpx.Client, ada: dict[str, Any]
) -> None:
    assert ada["role"] == "ANALYST"
    assert login(client, subject=" Ada@Example.COM ", tenant="OURS").status_code == 200
    odd = login(client, subject="ada\0@example.com")
    assert odd.status_code == 400


def test_too_many_tries_are_told_when_to_come_again(client: httpx.Client) -> None:
    tries = 0
    while (late := login(client, subject="nobody", password="wrong")).status_code == 401:
        tries += 1
    assert tries >= 10
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1
    assert late.json()["error"]["code"] == "RATE_LIMITED"
    assert late.json()["error"]["retryAfter"] >= 1


def test_the_second_factor_is_asked_for_once_the_password_was_right(
    server: Served, client: httpx.Client
) -> None:
    tokens = joined(client, invited(server, "cy@example.com"), name="Cy")
    headers = {"authorization": f"Bearer {tokens['accessToken']}"}
    with http(base_url=server.origin, headers=headers) as own:
        cy = Caller(own)
        begin = "mutation { beginSecondFactor { ... on SecondFactorEnrolment { secret uri } } }"
        app = TOTP(cy.data(begin)["beginSecondFactor"]["secret"])
        confirm = """mutation ($code: String!) { confirmSecondFactor(code: $code) {
            ... on SecondFactorOn { recoveryCodes } ... on Refusal { code } } }"""
        on = cy.data(confirm, {"code": app.now()})["confirmSecondFactor"]
        state = cy.data("{ viewer { secondFactor { on recoveryCodesLeft } } }")["viewer"]
    assert state == {"secondFactor": {"on": True, "recoveryCodesLeft": 10}}
    asked = login(client, subject="cy@example.com")
    assert asked.status_code == 401
    assert asked.json()["error"]["secondFactor"] is True
    wrong = login(client, subject="cy@example.com", password="wrong")
    assert wrong.json() == WRONG
    used = login(client, subject="cy@example.com", code="000000")
    assert used.json() == WRONG
    spare = on["recoveryCodes"][0]
    assert login(client, subject="cy@example.com", code=spare).status_code == 200
    assert login(client, subject="cy@example.com", code=spare).json() == WRONG


def test_a_tenant_may_ask_for_a_second_factor_of_all_who_have_a_password(
    server: Served, client: httpx.Client
) -> None:
    tokens = joined(client, invited(server, "fay@example.com"), name="Fay")
    assert tokens["secondFactorRequired"] is False
    ask = """mutation ($on: Boolean!) { updateTenant(input: {secondFactorRequired: $on}) {
        ... on Tenant { secondFactorRequired } ... on Refusal { message } } }"""
    with server.caller(Role.ADMIN) as admin:
        try:
            on = admin.data(ask, {"on": True})
            assert on == {"updateTenant": {"secondFactorRequired": True}}
            again = login(client, subject="fay@example.com").json()
            assert again["secondFactorRequired"] is True
            headers = {"authorization": f"Bearer {again['accessToken']}"}
            with http(base_url=server.origin, headers=headers) as own:
                fay = Caller(own)
                seen = fay.ask("{ tenant { slug } }")
                assert seen["errors"][0]["extensions"]["code"] == "FORBIDDEN"
                assert "beginSecondFactor" in seen["errors"][0]["message"]
                may = fay.data("{ viewer { permissions } }")["viewer"]["permissions"]
                assert may == ["OWN_ACCESS"]
                begin = "mutation { beginSecondFactor { ... on SecondFactorEnrolment { secret } } }"
                app = TOTP(fay.data(begin)["beginSecondFactor"]["secret"])
                confirm = """mutation ($code: String!) { confirmSecondFactor(code: $code) {
                    ... on SecondFactorOn { recoveryCodes } } }"""
                assert fay.data(confirm, {"code": app.now()})["confirmSecondFactor"]
                assert len(fay.data("{ viewer { permissions } }")["viewer"]["permissions"]) > 1
        finally:
            admin.data(ask, {"on": False})


def test_an_administrator_hands_over_a_way_to_a_new_password(
    server: Served, client: httpx.Client
) -> None:
    tokens = joined(client, invited(server, "dee@example.com"), name="Dee")
    reset = """mutation ($id: ID!) { resetPassword(memberId: $id, operationId: "once") {
        ... on PasswordReset { secret expiresAt } } }"""
    with server.caller(Role.ADMIN) as admin:
        secret = admin.data(reset, {"id": tokens["member"]})["resetPassword"]["secret"]
        assert admin.data(reset, {"id": tokens["member"]})["resetPassword"]["secret"] is None
    new = "seven loud herons on a hill"
    done = client.post("/auth/reset", json={"token": secret, "password": new})
    assert done.status_code == 204
    assert asks(client, tokens["accessToken"]).status_code == 401
    assert login(client, subject="dee@example.com").status_code == 401
    assert login(client, subject="dee@example.com", password=new).status_code == 200


def test_anybody_may_prove_a_token_by_the_public_keys(
    client: httpx.Client, ada: dict[str, Any]
) -> None:
    response = client.get("/.well-known/jwks.json")
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert response.headers["cache-control"] == "public, max-age=300"
    keys = response.json()["keys"]
    assert len(keys) == 1
    assert set(keys[0]) == {"kty", "crv", "x", "kid", "use", "alg", "purpose"}
    claims = jwt.decode(ada["accessToken"], KeySet.import_key_set({"keys": keys}), ["Ed25519"])
    assert claims.claims["role"] == "ANALYST"
    of_audit = client.get("/.well-known/audit-jwks.json").json()["keys"]
    assert [key["purpose"] for key in keys + of_audit] == ["tokens", "audit"]
    assert keys[0]["kid"] != of_audit[0]["kid"]


def test_the_database_being_away_is_no_ones_fault_who_signs_in(
    server: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.errors import DatabaseAway

    async def away(*_: object) -> None:
        raise DatabaseAway("The database is away.")

    monkeypatch.setattr(server.parts.directory, "find", away)
    response = login(client)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "OVERLOADED"
    assert int(response.headers["retry-after"]) >= 1
