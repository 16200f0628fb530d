"""Requests that browsers make for pages: which are let through, and which answers may be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from joserfc.jwk import OctKey
from starlette.types import Message, Receive, Scope, Send

from api.transports.cookies import (
    ACCESS,
    Browsers,
    cookie,
    credential_of,
    refresh_of,
    set_cookie,
    signed_out,
)
from api.transports.cors import Cors, Origins
from services.credentials import Credential
from services.csrf import CsrfTokens
from services.errors import DatabaseAway, Forbidden, Unauthenticated
from services.plans import LIMITS, Plan
from services.principal import Principal, Role
from services.standing import Terms

pytestmark = pytest.mark.anyio

HOST: Final = "valor.example"
LISTED: Final = "https://app.example"  # by our tenant
THEIRS: Final = "https://theirs.example"  # by another
EVERYWHERE: Final = "https://console.example"  # by the settings
FOREIGN: Final = "https://evil.example"
WHO: Final = Principal(
    tenant_id=UUID(int=1),
    member_id=UUID(int=2),
    role=Role.ANALYST,
    session_id="a-session",
    expires_at=datetime(2030, 1, 1, tzinfo=UTC),
)
BY_HEADER: Final = Credential("token")
BY_COOKIE: Final = Credential("token", "cookie")


class Keys:
    """Two that seal: one in use, one from before."""

    def __init__(self) -> None:
        self.all = [OctKey.generate_key(256, {"kid": name}) for name in ("old", "new")]

    def sealing(self) -> OctKey:
        return self.all[-1]

    def opening(self, kid: str) -> OctKey | None:
        return next((key for key in self.all if key.kid == kid), None)


@dataclass
class Directory:
    """The origins that tenants list, and how often it was asked."""

    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def page(
        self, kind: str, *, after: str = "", until: str = "", limit: int
    ) -> list[tuple[str, UUID]]:
        assert kind == "ORIGIN"
        self.asked.append(after)
        if self.away:
            raise DatabaseAway
        names = sorted((f"{LISTED} {UUID(int=1)}", f"{THEIRS} {UUID(int=9)}"))
        return [(name, UUID(int=1)) for name in names if after < name < until][:limit]


class Standings:
    async def of(self, principal: Principal) -> Terms:
        assert principal is WHO
        return Terms(
            plan=Plan.PRO,
            limits=LIMITS[Plan.PRO],
            origins=frozenset({LISTED}),
            only_trusted=False,
            second_factor=False,
            suspended=None,
        )


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def csrf() -> CsrfTokens:
    return CsrfTokens(Keys())


@pytest.fixture
def browsers(directory: Directory, csrf: CsrfTokens) -> Browsers:
    return Browsers(Origins(directory, [EVERYWHERE]), csrf, Standings())


def request(method: str = "POST", path: str = "/graphql", **headers: str) -> dict[str, Any]:
    """A request to us; an underscore in a header's name stands for a dash."""
    given = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "state": {},
    }


async def through(
    browsers: Browsers, scope: dict[str, Any], credential: Credential = BY_HEADER
) -> tuple[int, dict[str, str], bool]:
    """(status, headers, whether it ran) of an endpoint that asks `check` before it runs."""
    ran = False
    sent: list[Message] = []

    async def endpoint(scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal ran
        status = 200
        try:
            await browsers.check(scope, credential, WHO)
            ran = True
        except Forbidden:
            status = 403
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await Cors(endpoint, browsers.origins)(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, ran


@pytest.mark.parametrize("origin", [LISTED, EVERYWHERE])
async def test_a_listed_page_reads_its_answer(browsers: Browsers, origin: str) -> None:
    status, headers, ran = await through(browsers, request(origin=origin))
    assert (status, ran) == (200, True)
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-credentials"] == "true"
    assert "x-request-id" in headers["access-control-expose-headers"]
    assert headers["vary"].startswith("origin")


@pytest.mark.parametrize("by", [BY_HEADER, BY_COOKIE], ids=["header", "cookie"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "origin",
    [
        FOREIGN,
        THEIRS,
        "null",
        "",
        LISTED + "/",
        LISTED + ":444",
        LISTED.replace("https", "http"),
        f"{LISTED}.evil.example",
        f"https://evil.example#{LISTED}",
        f"{LISTED} {LISTED}",
        f"{LISTED}, {FOREIGN}",
        f"https://{HOST}.evil.example",
        f"https://evil{HOST}",
        "*",
    ],
)
async def test_a_page_that_the_tenant_does_not_list_has_nothing_run_for_it(
    browsers: Browsers, origin: str, method: str, by: Credential
) -> None:
    status, headers, ran = await through(browsers, request(method, origin=origin), by)
    assert (status, ran) == (403, False)
    assert "access-control-allow-origin" not in headers


async def test_our_own_page_and_no_page_need_no_list(
    browsers: Browsers, directory: Directory
) -> None:
    for scope in (request(), request(origin=f"https://{HOST}"), request(origin=f"http://{HOST}")):
        status, headers, ran = await through(browsers, scope)
        assert (status, ran) == (200, True)
        assert "access-control-allow-origin" not in headers
    assert directory.asked == []


async def test_a_page_of_our_host_without_tls_is_another_page(browsers: Browsers) -> None:
    scope = request(origin=f"http://{HOST}", sec_fetch_site="cross-site")
    assert await through(browsers, scope) == (403, {"vary": VARY}, False)


VARY: Final = "origin, access-control-request-method, access-control-request-headers"


@pytest.mark.parametrize("origin", [LISTED, THEIRS, EVERYWHERE])
async def test_a_preflight_is_answered_for_what_some_tenant_lists(
    browsers: Browsers, origin: str
) -> None:
    scope = request("OPTIONS", origin=origin, access_control_request_method="POST")
    status, headers, ran = await through(browsers, scope)
    assert (status, ran) == (204, False)
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-methods"] == "GET, POST"
    assert "x-csrf-token" in headers["access-control-allow-headers"]
    assert headers["access-control-max-age"] == "600"


@pytest.mark.parametrize("origin", [FOREIGN, "null", "https://" + "a" * 400, "https://a b"])
async def test_a_preflight_of_an_unknown_page_is_refused(browsers: Browsers, origin: str) -> None:
    scope = request("OPTIONS", origin=origin, access_control_request_method="POST")
    status, headers, _ = await through(browsers, scope)
    assert status == 403
    assert "access-control-allow-origin" not in headers


async def test_the_directory_is_asked_once_for_an_origin(
    browsers: Browsers, directory: Directory
) -> None:
    scope = request("OPTIONS", origin=FOREIGN, access_control_request_method="POST")
    for _ in range(5):
        await through(browsers, scope)
    assert len(directory.asked) == 1


async def test_while_the_directory_is_away_a_preflight_is_to_come_back(
    browsers: Browsers, directory: Directory
) -> None:
    directory.away = True
    scope = request("OPTIONS", origin=LISTED, access_control_request_method="POST")
    status, headers, _ = await through(browsers, scope)
    assert (status, headers["retry-after"]) == (503, "1")
    status, _, ran = await through(browsers, request(origin=LISTED))
    assert (status, ran) == (200, True)  # what the tenant lists is known without it


async def test_a_page_that_some_tenant_lists_reads_that_its_token_has_ended(
    browsers: Browsers,
) -> None:
    async def endpoint(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})

    for origin, reads in ((LISTED, True), (FOREIGN, False)):
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        await Cors(endpoint, browsers.origins)(request(origin=origin), None, send)  # type: ignore[arg-type]  # it is not asked
        names = [name for name, _ in sent[0]["headers"]]
        assert (b"access-control-allow-origin" in names) is reads


async def test_what_is_not_for_pages_of_others_says_nothing_to_them(browsers: Browsers) -> None:
    sent: list[Message] = []

    async def health(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        sent.append(message)

    await Cors(health, browsers.origins)(request("GET", "/health", origin=FOREIGN), None, send)  # type: ignore[arg-type]  # it is not asked
    assert sent == [{"type": "http.response.start", "status": 200, "headers": []}]


async def test_where_the_layer_is_missing_a_cookie_is_good_for_our_own_pages_alone(
    browsers: Browsers,
) -> None:
    """Somebody adds a path, asks `check` and forgets the rest."""
    for origin in (LISTED, FOREIGN, "null"):
        with pytest.raises(Forbidden):
            await browsers.check(request("GET", "/new", origin=origin), BY_COOKIE, WHO)
        with pytest.raises(Forbidden):
            browsers.check_site(request(path="/auth/refresh", origin=origin))  # nor before `admit`
    await browsers.check(request("GET", "/new"), BY_COOKIE, WHO)


async def test_a_change_by_cookie_needs_the_word_of_its_session(
    browsers: Browsers, csrf: CsrfTokens
) -> None:
    ours = {"origin": f"https://{HOST}", "sec_fetch_site": "same-origin"}
    word = csrf.of("a-session")
    assert (await through(browsers, request(x_csrf_token=word, **ours), BY_COOKIE))[0] == 200
    kid, _, mac = word.rpartition(".")
    for wrong in (
        csrf.of("another"),
        "",
        ".",
        kid,
        f"{kid}.",
        f".{mac}",
        word[:-1],
        f"x.{mac}",
        word.upper(),
        f"{word}é",
    ):
        scope = request(x_csrf_token=wrong, **ours)
        assert (await through(browsers, scope, BY_COOKIE))[0] == 403, wrong
    assert (await through(browsers, request(**ours), BY_COOKIE))[0] == 403
    assert (await through(browsers, request(**ours), BY_HEADER))[0] == 200


def test_the_word_of_a_session_outlives_the_key_that_it_was_made_with() -> None:
    keys = Keys()
    csrf = CsrfTokens(keys)
    word = csrf.of("a-session")
    keys.all.append(OctKey.generate_key(256, {"kid": "newest"}))
    assert csrf.matches("a-session", word)
    assert csrf.of("a-session") != word
    del keys.all[1]
    assert not csrf.matches("a-session", word)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": f"https://{HOST}", "sec_fetch_site": "same-origin"}, 200),
        ({"origin": f"https://{HOST}"}, 200),  # an older browser
        ({"origin": LISTED, "sec_fetch_site": "same-site"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({}, 403),  # no browser, or one that says nothing
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
        ({"origin": FOREIGN, "sec_fetch_site": "same-origin"}, 403),
        ({"origin": "null"}, 403),
    ],
    ids=str,
)
async def test_even_with_the_word_a_cookie_comes_from_a_page_that_may_ask(
    browsers: Browsers, csrf: CsrfTokens, headers: dict[str, str], status: int
) -> None:
    scope = request(x_csrf_token=csrf.of("a-session"), **headers)
    assert (await through(browsers, scope, BY_COOKIE))[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),  # somebody typed it
        ({"origin": LISTED, "sec_fetch_site": "same-site"}, 200),
        ({"sec_fetch_site": "same-site"}, 403),  # an image, a script or a link of a neighbour's
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"origin": FOREIGN}, 403),
    ],
    ids=str,
)
async def test_a_query_by_cookie_needs_no_word_and_comes_from_a_page_that_may_ask(
    browsers: Browsers, headers: dict[str, str], status: int
) -> None:
    assert (await through(browsers, request("GET", **headers), BY_COOKIE))[0] == status


async def test_a_stranger_hears_of_no_tenant_and_comes_from_a_page_of_some(
    browsers: Browsers,
) -> None:
    async def check(scope: dict[str, Any]) -> int:
        async def endpoint(scope: Scope, _receive: Receive, send: Send) -> None:
            await browsers.check_stranger(scope)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(_message: Message) -> None:
            return

        try:
            await Cors(endpoint, browsers.origins)(scope, None, send)  # type: ignore[arg-type]  # it is not asked
        except Forbidden:
            return 403
        return 200

    path = "/auth/login"
    assert await check(request(path=path)) == 200
    assert await check(request(path=path, origin=LISTED)) == 200
    assert await check(request(path=path, origin=THEIRS)) == 200
    assert await check(request(path=path, origin=FOREIGN)) == 403
    assert await check(request(path=path, sec_fetch_site="cross-site")) == 403
    assert await check(request(path=path, sec_fetch_site="same-origin")) == 200


@pytest.mark.parametrize(
    ("origin", "status", "reads"),
    [
        (THEIRS, 400, True),
        (THEIRS, 401, True),
        (THEIRS, 429, True),
        (THEIRS, 204, True),
        (THEIRS, 200, False),  # tokens: those of a tenant that does not list the page
        (FOREIGN, 403, False),
    ],
)
async def test_a_page_that_some_tenant_lists_reads_a_no_to_a_stranger_and_nothing_else(
    browsers: Browsers, origin: str, status: int, reads: bool
) -> None:
    sent: list[Message] = []

    async def endpoint(scope: Scope, _receive: Receive, send: Send) -> None:
        said = status
        try:
            await browsers.check_stranger(scope)
        except Forbidden:
            said = 403
        await send({"type": "http.response.start", "status": said, "headers": []})

    async def send(message: Message) -> None:
        sent.append(message)

    scope = request(path="/auth/login", origin=origin)
    await Cors(endpoint, browsers.origins)(scope, None, send)  # type: ignore[arg-type]  # it is not asked
    assert sent[0]["status"] == status
    names = [name for name, _ in sent[0]["headers"]]
    assert (b"access-control-allow-origin" in names) is reads


async def test_a_socket_needs_a_page_that_may_ask_and_a_cookie_the_browsers_word(
    browsers: Browsers,
) -> None:
    with_cookie = {"cookie": f"{ACCESS}=token"}
    for origin in (LISTED, EVERYWHERE, f"https://{HOST}"):
        handshake = await browsers.handshake(request("GET", origin=origin, **with_cookie))
        assert handshake.cookie == Credential("token", "cookie")
        await browsers.check_socket(handshake, WHO)
    handshake = await browsers.handshake(request("GET", **with_cookie))
    assert handshake.cookie is None  # nobody says which page it is
    handshake = await browsers.handshake(request("GET", origin=THEIRS, **with_cookie))
    with pytest.raises(Forbidden):
        await browsers.check_socket(handshake, WHO)
    for origin in (FOREIGN, "null"):
        with pytest.raises(Forbidden):
            await browsers.handshake(request("GET", origin=origin, **with_cookie))


def test_a_header_counts_and_the_cookie_beside_it_is_not_read() -> None:
    cookies = f"a=b; {ACCESS}=from-cookie; __Secure-valor-refresh=refresh"
    both = request(authorization="Bearer from-header", cookie=cookies)
    assert credential_of(both) == Credential("from-header", "header")
    assert credential_of(request(cookie=cookies)) == Credential("from-cookie", "cookie")
    assert refresh_of(request(cookie=cookies)) == "refresh"
    assert credential_of(request()) is None
    with pytest.raises(Unauthenticated):  # a header that is wrong does not make the cookie count
        credential_of(request(authorization="Basic eDp5", cookie=cookies))


@pytest.mark.parametrize(
    "written",
    [
        f"{ACCESS}=one; {ACCESS}=two",
        f"x{ACCESS}=one",
        f"{ACCESS.lower()}=one",
        f"a={ACCESS}=one",
        f"{ACCESS}=" + "x" * 20_000,
        f'"{ACCESS}"=one',
    ],
)
def test_a_cookie_that_somebody_put_beside_ours_is_not_taken_for_it(written: str) -> None:
    assert cookie(request(cookie=written), ACCESS) is None


def test_cookies_are_for_browsers_alone_and_end() -> None:
    _, text = set_cookie(ACCESS, "token", path="/", max_age_s=600)
    assert text.decode().split("; ") == [
        f"{ACCESS}=token", "Path=/", "Max-Age=600", "Secure", "HttpOnly", "SameSite=Strict",
    ]  # fmt: skip
    assert all(b"Max-Age=0" in text for _, text in signed_out())
