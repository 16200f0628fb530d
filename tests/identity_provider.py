"""A real OpenID provider, started for a test: `oidc-provider`, which is certified, on Node."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.node import node
from tests.outward import Certificates

SOURCES: Final = Path(__file__).parent / "flows" / "identity_provider"
FILES: Final = ("package.json", "package-lock.json", "provider.mjs")
CLIENT: Final = "valor"
SECRET: Final = "a secret of the client, and no other's: 2718281828"
_FORM: Final = re.compile(r'<form[^>]*action="([^"]+)"', re.IGNORECASE)
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def keys(algorithm: str, kid: str) -> list[dict[str, Any]]:
    """A private key set that signs with one algorithm, and with ES256, which is always wanted."""
    made: list[RSAKey | ECKey | OKPKey] = [ECKey.generate_key("P-256", {"kid": f"{kid}-ec"})]
    if algorithm in ("RS256", "PS256"):
        made.append(RSAKey.generate_key(2_048, {"kid": kid}))
    elif algorithm in ("Ed25519", "EdDSA"):
        made.append(OKPKey.generate_key("Ed25519", {"kid": kid}))
    found = [dict(key.as_dict(private=True)) for key in made]
    for key, one in zip(found, made, strict=True):
        key.update(kid=one.kid, use="sig")
    return found


@dataclass(slots=True)
class RealProvider:
    """A provider that runs. People sign in at it with any password."""

    issuer: str
    certificates: Certificates
    process: subprocess.Popen[str]
    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def tell(self, **what: Any) -> None:
        """Make it anew: ``keys``, ``people``. Returns when it is so."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline()) == {"issuer": self.issuer}

    def client(self) -> httpx.Client:
        """Of a browser that believes its certificate, and keeps its cookies."""
        context = ssl.create_default_context(cafile=self.certificates.ca_file)
        return httpx.Client(verify=context, timeout=30.0)

    def token_by_credentials(self, audience: str = CLIENT) -> str:
        """An access token, a JWT, for the client itself."""
        with self.client() as http:
            answer = http.post(
                f"{self.issuer}/token",
                data={
                    "grant_type": "client_credentials",
                    "resource": f"urn:audience:{audience}",
                },
                auth=(
                    CLIENT,
                    SECRET.replace(" ", "+")
                    .replace(",", "%2C")
                    .replace("'", "%27")
                    .replace(":", "%3A"),
                ),
            )
            assert answer.status_code == 200, answer.text
            return str(answer.json()["access_token"])


def sign_in(http: httpx.Client, url: str, person: str, back_to: str) -> str:
    """Walk through the provider's pages from ``url`` as a person; the address that it leads back
    to, which begins with ``back_to`` and is not asked."""
    answer = http.get(url)
    for _ in range(20):
        if answer.is_redirect:
            there = urljoin(str(answer.url), answer.headers["location"])
            if there.startswith(back_to):
                return there
            answer = http.get(there)
            continue
        assert answer.status_code == 200, answer.text
        form = _FORM.search(answer.text)
        assert form is not None, answer.text
        fields = {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}
        if 'name="login"' in answer.text:
            fields |= {"login": person, "password": "any"}
        answer = http.post(urljoin(str(answer.url), unescape(form[1])), data=fields)
    raise AssertionError("the provider's pages lead nowhere")


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@contextmanager
def providing(
    home: Path,
    certificates: Certificates,
    *,
    redirect_uris: list[str],
    algorithm: str = "RS256",
    people: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[RealProvider]:
    """``home``: what `tests.node.installed` made."""
    process = subprocess.Popen(
        [node(), "provider.mjs"],
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": redirect_uris,
        "grant_types": ["authorization_code", "client_credentials"],
        "id_token_signed_response_alg": algorithm,
    }
    other = client | {"client_id": "another"}
    given = {
        "keyFile": str(certificates.key_file),
        "certFile": str(certificates.cert_file),
        "clients": [client, other],
        "keys": keys(algorithm, "first"),
        "people": people or {},
    }
    try:
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.flush()
        issuer = json.loads(process.stdout.readline())["issuer"]
        yield RealProvider(issuer, certificates, process, people or {})
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
