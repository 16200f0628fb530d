"""Other issuers of tokens: what they say of themselves, their keys, and codes for tokens.

Everything is asked through `services.outward`. What was good is kept while an issuer does not
answer; a key that nobody knows has its list fetched again, but not for everybody who invents one.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import orjson

from services.circuit import Circuit
from services.errors import Overloaded, Unauthenticated
from services.id_tokens import ALGORITHMS, Header, IssuerKey, choose, keys_of
from services.outward import (
    WITHIN_S,
    NoAnswer,
    NotAllowed,
    Outward,
    OutwardError,
    check_url,
)

METADATA_FRESH_S: Final = 3_600.0
KEYS_FRESH_S: Final = 600.0  # in which a key that an issuer took away is forgotten
KEPT_S: Final = 86_400.0  # for which what was good is good, while an issuer does not answer
UNKNOWN_EVERY_S: Final = 30.0  # for a key that is not listed, the list is fetched no more often
OPEN_S: Final = 10.0
WELL_KNOWN: Final = "/.well-known/openid-configuration"
CODE_WITHIN_S: Final = 5.0
CODES_AT_ONCE: Final = 16  # of one issuer: one that is slow keeps no other's people waiting
_REMEMBERED: Final = 1_000
_AWAY: Final = "The identity provider does not answer now. Try again in a moment."


class IssuerUnfit(Exception):
    """What an issuer says of itself cannot be used. The message is a sentence for who named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What an issuer says of itself: OpenID Connect Discovery."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: frozenset[str]  # of ID tokens, as far as they are accepted here
    secret_in_body: bool  # it takes a client's secret in the body, and not as a header
    says_issuer: bool  # it names itself when it sends somebody back, RFC 9207


@dataclass(slots=True)
class _Issuer:
    """What is known of one issuer."""

    circuit: Circuit
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: Metadata | None = None
    metadata_at_s: float = float("-inf")
    keys: tuple[IssuerKey, ...] = ()
    keys_at_s: float = float("-inf")
    looked_at_s: float = float("-inf")  # for a key that was not listed
    codes: int = 0  # that it is redeeming


class Issuers:
    """All issuers that tenants trust. Any method: Overloaded, while an issuer does not answer."""

    def __init__(
        self,
        outward: Outward,
        timer: Callable[[], float] = monotonic,
        within_s: float = WITHIN_S,
    ) -> None:
        """``within_s``: for which an issuer's document or list of keys is waited for."""
        self._outward, self._timer, self._within_s = outward, timer, within_s
        self._known: OrderedDict[str, _Issuer] = OrderedDict()

    async def check(self, issuer: str) -> Metadata:
        """Ask an issuer anew whether it can be used.

        Raises:
            IssuerUnfit: with the reason.
        """
        try:
            metadata = await self._discover(issuer)
            if not await self._fetch_keys(metadata):
                raise IssuerUnfit("It lists no key that can be used here.")
        except OutwardError as no:
            raise IssuerUnfit(str(no)) from None
        return metadata

    async def metadata(self, issuer: str) -> Metadata:
        """What an issuer says of itself."""
        known = self._of(issuer)
        async with known.lock:
            return await self._metadata(known, issuer)

    async def key(self, issuer: str, header: Header) -> IssuerKey:
        """The key that a token of an issuer names.

        Raises:
            Unauthenticated: if the issuer has no such key.
        """
        known = self._of(issuer)
        async with known.lock:
            metadata = await self._metadata(known, issuer)
            if header.algorithm not in metadata.algorithms:
                raise Unauthenticated
            now = self._timer()
            if now - known.keys_at_s >= KEYS_FRESH_S:
                await self._renew_keys(known, metadata)
            found = choose(known.keys, header)
            if found is None and now - known.looked_at_s >= UNKNOWN_EVERY_S:
                known.looked_at_s = now
                if known.keys_at_s < now:  # else they were fetched just now
                    await self._renew_keys(known, metadata)
                    found = choose(known.keys, header)
        if found is None:
            raise Unauthenticated
        return found

    async def redeem(
        self,
        metadata: Metadata,
        client: tuple[str, str | None],
        *,
        code: str,
        verifier: str,
        redirect_uri: str,
    ) -> Mapping[str, Any]:
        """The tokens that an issuer gives for a code: good once, and for whoever asked for it.

        Raises:
            Unauthenticated: if it gives none.
        """
        known = self._of(metadata.issuer)
        if known.codes >= CODES_AT_ONCE:
            raise Overloaded(_AWAY, 1.0)
        client_id, secret = client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        if secret is None:
            form["client_id"] = client_id
        elif metadata.secret_in_body:
            form |= {"client_id": client_id, "client_secret": secret}
        else:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        known.codes += 1
        try:
            reply = await self._outward.post(
                metadata.token_endpoint,
                urlencode(form).encode(),
                headers=headers,
                within_s=CODE_WITHIN_S,
            )
        except OutwardError:
            raise Overloaded(_AWAY, OPEN_S) from None
        finally:
            known.codes -= 1
        if reply.status >= 500:
            raise Overloaded(_AWAY, OPEN_S)
        try:
            answer = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            raise Unauthenticated from None
        if reply.status != 200 or not isinstance(answer, dict):
            raise Unauthenticated
        return answer

    def _of(self, issuer: str) -> _Issuer:
        known = self._known.get(issuer)
        if known is None:
            failing = (OutwardError, IssuerUnfit)
            circuit = Circuit(open_s=OPEN_S, counted=failing, clock=self._timer)
            known = self._known[issuer] = _Issuer(circuit)
        self._known.move_to_end(issuer)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _metadata(self, known: _Issuer, issuer: str) -> Metadata:
        now = self._timer()
        age_s = now - known.metadata_at_s
        if age_s >= METADATA_FRESH_S and known.circuit.admits():
            try:
                known.metadata = await self._discover(issuer)
                known.metadata_at_s = now
                known.circuit.succeeded()
            except (OutwardError, IssuerUnfit):
                known.circuit.failed()
            except BaseException:
                known.circuit.abandoned()
                raise
        if known.metadata is None or now - known.metadata_at_s >= KEPT_S:
            raise Overloaded(_AWAY, OPEN_S)
        return known.metadata

    async def _renew_keys(self, known: _Issuer, metadata: Metadata) -> None:
        """Fetch the list of keys; while that fails, what was good is good."""
        now = self._timer()
        if known.circuit.admits():
            try:
                keys = await self._fetch_keys(metadata)
                if not keys:
                    raise NoAnswer("It lists no key that can be used here.")
                known.keys, known.keys_at_s = keys, now
                known.circuit.succeeded()
            except (OutwardError, IssuerUnfit):
                known.circuit.failed()
            except BaseException:
                known.circuit.abandoned()
                raise
        if now - known.keys_at_s >= KEPT_S:
            raise Overloaded(_AWAY, OPEN_S)

    async def _discover(self, issuer: str) -> Metadata:
        """
        Raises:
            NotAllowed, NoAnswer, IssuerUnfit.
        """
        document = await self._json(issuer.rstrip("/") + WELL_KNOWN)
        if not isinstance(document, dict) or document.get("issuer") != issuer:
            raise IssuerUnfit(
                f"What stands at {issuer.rstrip('/')}{WELL_KNOWN} names another issuer."
            )
        places = {
            name: document.get(name)
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        }
        for name, place in places.items():
            try:
                check_url(place if isinstance(place, str) else "")
            except NotAllowed as no:
                raise IssuerUnfit(f"Its {name} cannot be asked: {no}") from None
        algorithms = _listed(document, "id_token_signing_alg_values_supported") & ALGORITHMS.keys()
        if "EdDSA" in algorithms:
            algorithms |= {"Ed25519"}
        if not algorithms:
            able = ", ".join(ALGORITHMS)
            raise IssuerUnfit(f"It signs ID tokens with none of the algorithms {able}.")
        methods = _listed(document, "token_endpoint_auth_methods_supported")
        return Metadata(
            issuer=issuer,
            authorization_endpoint=str(places["authorization_endpoint"]),
            token_endpoint=str(places["token_endpoint"]),
            jwks_uri=str(places["jwks_uri"]),
            algorithms=frozenset(algorithms),
            secret_in_body="client_secret_post" in methods and "client_secret_basic" not in methods,
            says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    async def _fetch_keys(self, metadata: Metadata) -> tuple[IssuerKey, ...]:
        return keys_of(await self._json(metadata.jwks_uri))

    async def _json(self, url: str) -> object:
        reply = await self._outward.get(
            url, headers={"accept": "application/json"}, within_s=self._within_s
        )
        if reply.status != 200:
            raise IssuerUnfit(f"{url} answers with status {reply.status}; redirects are no answer.")
        try:
            found: object = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            raise IssuerUnfit(f"{url} does not answer with JSON.") from None
        return found


def _listed(document: Mapping[str, Any], name: str) -> set[str]:
    found = document.get(name)
    return {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()
