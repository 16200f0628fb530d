"""What other issuers say of themselves, and what is kept of it while they are away."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from services.errors import Overloaded, Unauthenticated
from services.id_tokens import Header
from services.issuers import (
    CODES_AT_ONCE,
    KEPT_S,
    KEYS_FRESH_S,
    METADATA_FRESH_S,
    OPEN_S,
    UNKNOWN_EVERY_S,
    WELL_KNOWN,
    Issuers,
    IssuerUnfit,
)
from services.outward import Outward
from tests.outward import LOOPBACK, Certificates, Outside, Received, outside

pytestmark = pytest.mark.anyio

HEADER = Header("ES256", "first", "JWT")


class Clock:
    """Seconds, as the test says."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """An issuer of the test's own, which does as told."""

    def __init__(self, there: Outside) -> None:
        self.there = there
        self.keys: dict[str, ECKey | RSAKey] = {"first": ECKey.generate_key("P-256")}
        self.says: dict[str, Any] = {}
        self.away = self.no_keys = False
        there.answer = self.answer

    @property
    def name(self) -> str:
        return self.there.origin

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.there.received]

    def document(self) -> dict[str, Any]:
        plain = {
            "issuer": self.name,
            "authorization_endpoint": f"{self.name}/auth",
            "token_endpoint": f"{self.name}/token",
            "jwks_uri": f"{self.name}/jwks",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        }
        return plain | self.says

    def jwks(self) -> dict[str, Any]:
        return {
            "keys": [{**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()]
        }

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        if self.away:
            return 503, {}, b""
        if self.no_keys and request.path == "/jwks":
            return 500, {}, b""
        body = self.document() if request.path == WELL_KNOWN else self.jwks()
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def issuer(certificates: Certificates) -> Iterator[Issuer]:
    with outside(certificates) as there:
        yield Issuer(there)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def issuers(certificates: Certificates, clock: Clock) -> AsyncIterator[Issuers]:
    outward = Outward(private=[LOOPBACK], ca_file=certificates.ca_file)
    yield Issuers(outward, clock)
    await outward.close()


async def test_what_an_issuer_says_is_asked_once_and_kept(issuers: Issuers, issuer: Issuer) -> None:
    for _ in range(3):
        assert (await issuers.key(issuer.name, HEADER)).kid == "first"
    assert issuer.asked == [WELL_KNOWN, "/jwks"]
    metadata = await issuers.metadata(issuer.name)
    assert metadata.algorithms == {"ES256"}  # of those that it names, what is accepted here


async def test_a_key_that_the_issuer_took_away_proves_nothing_any_more(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    await issuers.key(issuer.name, HEADER)
    issuer.keys = {"second": ECKey.generate_key("P-256")}
    clock.now += KEYS_FRESH_S
    with pytest.raises(Unauthenticated):
        await issuers.key(issuer.name, HEADER)
    assert (await issuers.key(issuer.name, Header("ES256", "second", None))).kid == "second"


async def test_an_algorithm_that_the_issuer_does_not_name_proves_nothing(
    issuers: Issuers, issuer: Issuer
) -> None:
    issuer.keys["rsa"] = RSAKey.generate_key(2_048)
    with pytest.raises(Unauthenticated):
        await issuers.key(issuer.name, Header("RS256", "rsa", None))


async def test_a_new_key_is_known_at_once_and_invented_ones_are_not_asked_for_all_the_time(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    await issuers.key(issuer.name, HEADER)
    clock.now += 1
    issuer.keys["second"] = ECKey.generate_key("P-256")
    assert (await issuers.key(issuer.name, Header("ES256", "second", None))).kid == "second"
    asked = len(issuer.asked)
    for number in range(20):
        clock.now += 1
        with pytest.raises(Unauthenticated):
            await issuers.key(issuer.name, Header("ES256", f"invented-{number}", None))
    assert len(issuer.asked) == asked
    clock.now += UNKNOWN_EVERY_S
    with pytest.raises(Unauthenticated):
        await issuers.key(issuer.name, Header("ES256", "invented", None))
    assert len(issuer.asked) == asked + 1


async def test_an_issuer_that_is_away_leaves_what_was_good_for_a_day(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    await issuers.key(issuer.name, HEADER)
    issuer.away = True
    clock.now += METADATA_FRESH_S
    assert (await issuers.key(issuer.name, HEADER)).kid == "first"
    asked = len(issuer.asked)
    assert (await issuers.key(issuer.name, HEADER)).kid == "first"
    assert len(issuer.asked) == asked  # the circuit is open: nobody waits for it again
    clock.now += OPEN_S
    await issuers.key(issuer.name, HEADER)
    assert len(issuer.asked) > asked
    clock.now += KEPT_S
    with pytest.raises(Overloaded):
        await issuers.key(issuer.name, HEADER)
    issuer.away = False
    clock.now += OPEN_S
    assert (await issuers.key(issuer.name, HEADER)).kid == "first"  # it is back by itself


async def test_keys_that_nobody_could_look_at_for_a_day_are_good_no_more(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    await issuers.key(issuer.name, HEADER)
    issuer.no_keys = True
    clock.now += KEPT_S - 1
    assert (await issuers.key(issuer.name, HEADER)).kid == "first"
    clock.now += OPEN_S
    with pytest.raises(Overloaded):
        await issuers.key(issuer.name, HEADER)


async def test_an_issuer_that_never_answered_is_a_matter_of_waiting(
    issuers: Issuers, issuer: Issuer
) -> None:
    issuer.away = True
    with pytest.raises(Overloaded) as no:
        await issuers.key(issuer.name, HEADER)
    assert no.value.retry_after_s == OPEN_S


async def test_a_list_of_keys_that_is_huge_slow_or_elsewhere_leaves_what_was_good(
    issuers: Issuers, issuer: Issuer, clock: Clock
) -> None:
    await issuers.key(issuer.name, HEADER)
    over = threading.Event()

    def huge(_: Received) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps(issuer.jwks() | {"more": "x" * 70_000}).encode()

    def slow(_: Received) -> tuple[int, dict[str, str], bytes]:
        over.wait(30)
        return 200, {}, b""

    def elsewhere(_: Received) -> tuple[int, dict[str, str], bytes]:
        return 302, {"Location": f"{issuer.name}/keys"}, b""

    def empty(_: Received) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b'{"keys": []}'

    def no_json(_: Received) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b"<html>"

    for bad in (huge, slow, elsewhere, empty, no_json):
        issuer.there.answer = bad
        clock.now += KEYS_FRESH_S
        issuers._within_s = 0.1 if bad is slow else 30.0
        assert (await issuers.key(issuer.name, HEADER)).kid == "first", bad.__name__
    over.set()
    assert "/keys" not in issuer.asked


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"issuer": "https://other.example"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"jwks_uri": "http://localhost/jwks"}, "jwks_uri"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "algorithms"),
        ({"id_token_signing_alg_values_supported": "ES256"}, "algorithms"),
    ],
    ids=str,
)
async def test_an_issuer_that_cannot_be_used_says_why(
    issuers: Issuers, issuer: Issuer, says: dict[str, Any], reason: str
) -> None:
    issuer.says = says
    with pytest.raises(IssuerUnfit, match=reason):
        await issuers.check(issuer.name)


async def test_an_issuer_inside_is_not_asked(certificates: Certificates, issuer: Issuer) -> None:
    outward = Outward(ca_file=certificates.ca_file)  # as in production
    with pytest.raises(IssuerUnfit, match=r"no host .* on the open network"):
        await Issuers(outward).check(issuer.name)
    assert issuer.asked == []
    await outward.close()


async def test_a_list_of_keys_inside_is_not_asked_though_the_issuer_is_outside(
    certificates: Certificates, issuer: Issuer
) -> None:
    async def resolve(host: str, _port: int) -> list[str]:
        return ["127.0.0.1" if host == "localhost" else "169.254.169.254"]

    issuer.says = {"jwks_uri": "https://metadata.example/latest/meta-data"}
    outward = Outward(private=[LOOPBACK], ca_file=certificates.ca_file, resolve=resolve)
    with pytest.raises(IssuerUnfit, match=r"no host .* on the open network"):
        await Issuers(outward).check(issuer.name)
    await outward.close()


async def test_a_client_proves_itself_as_the_issuer_wants_it(
    issuers: Issuers, issuer: Issuer
) -> None:
    issuer.says = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    in_body = await issuers.check(issuer.name)
    issuer.says = {}
    in_header = await issuers.check(issuer.name)
    redeeming = {"code": "c", "verifier": "v", "redirect_uri": "https://us.example/back"}
    issuer.there.answer = lambda _: (200, {}, b'{"id_token": "t"}')
    for metadata in (in_body, in_header):
        answer = await issuers.redeem(metadata, ("valor", "s:&"), **redeeming)
        assert answer == {"id_token": "t"}
    public = await issuers.redeem(in_header, ("valor", None), **redeeming)
    assert public == {"id_token": "t"}
    body, header, nothing = issuer.there.received[-3:]
    assert b"client_secret=s%3A%26" in body.body
    assert "authorization" not in body.headers
    assert header.headers["authorization"] == "Basic dmFsb3I6cyUzQSUyNg=="
    assert b"client_secret" not in header.body
    assert b"client_id=valor" in nothing.body


@pytest.mark.parametrize(
    ("status", "body", "no"),
    [
        (400, b'{"error": "invalid_grant"}', Unauthenticated),
        (401, b'{"error": "invalid_client"}', Unauthenticated),
        (302, b"", Unauthenticated),
        (200, b"<html>", Unauthenticated),
        (200, b"[]", Unauthenticated),
        (500, b"{}", Overloaded),
        (503, b"", Overloaded),
    ],
)
async def test_a_code_that_is_not_honoured_signs_nobody_in(
    issuers: Issuers, issuer: Issuer, status: int, body: bytes, no: type[Exception]
) -> None:
    metadata = await issuers.check(issuer.name)
    issuer.there.answer = lambda _: (status, {}, body)
    with pytest.raises(no):
        await issuers.redeem(
            metadata, ("valor", "s"), code="c", verifier="v", redirect_uri="https://us.example/b"
        )


async def test_an_issuer_that_is_slow_has_so_many_codes_to_redeem_and_no_more(
    issuers: Issuers, issuer: Issuer
) -> None:
    metadata = await issuers.check(issuer.name)
    over, begun = threading.Event(), threading.Semaphore(0)

    def slowly(_: Received) -> tuple[int, dict[str, str], bytes]:
        begun.release()
        over.wait(30)
        return 200, {}, b'{"id_token": "t"}'

    async def redeem() -> object:
        return await issuers.redeem(
            metadata, ("valor", "s"), code="c", verifier="v", redirect_uri="https://us.example/b"
        )

    issuer.there.answer = slowly
    redeeming = [asyncio.create_task(redeem()) for _ in range(CODES_AT_ONCE)]
    await asyncio.to_thread(begun.acquire)
    with pytest.raises(Overloaded) as no:
        await redeem()
    assert no.value.retry_after_s == 1.0
    over.set()
    await asyncio.gather(*redeeming, return_exceptions=True)
    issuer.there.answer = lambda _: (200, {}, b'{"id_token": "t"}')
    assert await redeem() == {"id_token": "t"}
