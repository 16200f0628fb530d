"""The explorer's files: what is served, how, and that nothing else is."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from graphql import get_operation_ast, parse
from starlette.applications import Starlette
from starlette.routing import Route

from api.transports.explorer import FOLDER, assets, explorer_routes, page
from tests.live_server import serving

# Addresses that stand in the bundle and are never asked for: names of XML vocabularies, and links
# and messages for a reader.
NAMES = {
    "http://www.w3.org/1998/Math/MathML",
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/XML/1998/namespace",
    "https://codemirror.net/5/doc/manual.html#keymaps",
    "https://commonmark.org/",
    "https://en.wikipedia.org/wiki/IEEE_floating_point",
    "https://github.com/graphql/graphiql",
    "https://react.dev/errors/",
    "https://yarnpkg.com/en/docs/selective-version-resolutions",
}


@pytest.fixture(scope="module")
def authority() -> Iterator[str]:
    app = Starlette(routes=[Route("/graphql", page), *explorer_routes()])
    with serving(app, token="") as server:
        yield urlsplit(server.origin).netloc


def get(authority: str, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    """One request whose path goes out exactly as written: no client tidies it first."""
    connection = HTTPConnection(authority, timeout=60)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def references(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', html)


def addresses(authority: str) -> list[str]:
    """Everything that the page refers to, and what its script asks for."""
    _, body = get(authority, "/graphql")
    script = "/explorer/default.graphql", "/explorer/default-variables.json"
    return ["/graphql", *references(body.decode()), *script]


def test_every_file_that_the_page_refers_to_is_served_with_its_type(authority: str) -> None:
    types = {
        "/graphql": "text/html",
        "css": "text/css",
        "js": "text/javascript",
        "svg": "image/svg+xml",
        "graphql": "application/graphql",
        "json": "application/json",
    }
    found = addresses(authority)
    assert len(found) == 6
    for address in found:
        response, body = get(authority, address)
        expected = types.get(address) or types[address.rpartition(".")[2]]
        assert response.status == 200, address
        assert response.getheader("content-type") == f"{expected}; charset=utf-8"
        assert body


def test_the_policy_allows_this_origin_and_nothing_unsafe(authority: str) -> None:
    for address in addresses(authority):
        response, _ = get(authority, address)
        policy = response.getheader("content-security-policy")
        assert policy is not None
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert directives["script-src"] == directives["style-src"] == "'self'"
        assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
        assert "unsafe" not in policy
        assert "http" not in policy
        assert response.getheader("x-content-type-options") == "nosniff"
        assert response.getheader("referrer-policy") == "no-referrer"
        assert response.getheader("x-frame-options") == "DENY"
        assert response.getheader("cross-origin-opener-policy") == "same-origin"


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|style=|\son\w+=|javascript:", html) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []
    assert all(reference.startswith("/explorer/") for reference in references(html))


@pytest.mark.parametrize("bundle", ["explorer.js", "explorer.css"])
def test_no_bundle_names_an_address_that_it_could_load_from(bundle: str) -> None:
    text = (FOLDER / bundle).read_text(encoding="utf-8")
    found = set(re.findall(r"https?://[^\s\"'`<>()\\$]+", text))
    assert found <= NAMES
    assert "sourceMappingURL" not in text
    if bundle.endswith("css"):
        assert re.findall(r"@import|@font-face|url\((?!\"?(?:data:image/png|#))", text) == []


def test_a_bundle_is_kept_for_ever_under_the_hash_of_its_bytes(authority: str) -> None:
    _, html = get(authority, "/graphql")
    bundles = [address for address in references(html.decode()) if not address.endswith("svg")]
    assert len(bundles) == 2
    for address in bundles:
        response, body = get(authority, address)
        assert response.getheader("cache-control") == "public, max-age=31536000, immutable"
        assert sha256(body).hexdigest()[:16] in address


def test_what_keeps_its_address_is_asked_for_again_each_time(authority: str) -> None:
    for address in ("/graphql", "/explorer/icon.svg", "/explorer/default.graphql"):
        response, _ = get(authority, address)
        assert response.getheader("cache-control") == "no-cache"
        assert "Accept" in str(response.getheader("vary"))


def test_an_unchanged_file_is_not_sent_twice(authority: str) -> None:
    for address in addresses(authority):
        first, _ = get(authority, address)
        etag = first.getheader("etag")
        assert etag is not None
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again, body = get(authority, address, if_none_match=known)
            assert (again.status, body) == (304, b"")
            assert again.getheader("etag") == etag
            assert again.getheader("content-security-policy")
        changed, _ = get(authority, address, if_none_match='"other"')
        assert changed.status == 200


def test_a_client_that_reads_gzip_gets_the_same_bytes_compressed(authority: str) -> None:
    for address in addresses(authority):
        plain, body = get(authority, address)
        packed, smaller = get(authority, address, accept_encoding="br, gzip;q=0.8")
        assert packed.getheader("content-encoding") == "gzip"
        assert gzip.decompress(smaller) == body
        assert packed.getheader("etag") != plain.getheader("etag")
        assert packed.getheader("vary") == "Accept, Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.000", "identity, *;q=0"])
def test_a_client_that_does_not_read_gzip_gets_plain_bytes(authority: str, accepted: str) -> None:
    response, body = get(authority, "/explorer/icon.svg", accept_encoding=accepted)
    assert response.getheader("content-encoding") is None
    assert body == (FOLDER / "icon.svg").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/explorer/../settings.py",
        "/explorer/..%2fexplorer.py",
        "/explorer/%2e%2e%2fexplorer.py",
        "/explorer/%2e%2e/explorer.py",
        "/explorer/..%5cexplorer.py",
        "/explorer/....//explorer.py",
        "/explorer//etc/passwd",
        "/explorer/%2fetc%2fpasswd",
        "/explorer/build/build.mjs",
        "/explorer/build%2fbuild.mjs",
        "/explorer/VENDORED.md",
        "/explorer/explorer.js",  # only under its hash
        "/explorer/index.html",  # only at /graphql
        "/explorer/default.graphql%00",
        "/explorer/DEFAULT.GRAPHQL",
        "/explorer/.",
        "/explorer/",
        "/explorer",
    ],
)
def test_what_is_not_in_the_table_is_not_served(authority: str, path: str) -> None:
    response, body = get(authority, path)
    assert response.status == 404
    assert len(body) < 100


def test_the_files_are_the_ones_that_the_receipt_names() -> None:
    receipt = (FOLDER / "VENDORED.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| (\d+) \| ([0-9a-f]{64}) \|$", receipt, flags=re.MULTILINE)
    assert {name for name, _, _ in rows} == {
        "explorer.js",
        "explorer.css",
        "THIRD-PARTY-LICENSES.txt",
    }
    for name, size, digest in rows:
        content = (FOLDER / name).read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (int(size), digest), name


def test_every_bundled_package_travels_with_its_licence() -> None:
    receipt = (FOLDER / "VENDORED.md").read_text(encoding="utf-8")
    licences = (FOLDER / "THIRD-PARTY-LICENSES.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^\| (\S+) \| (\d\S*) \| ([A-Z0-9][\w.-]*) \|$", receipt, re.MULTILINE)
    packages = [row for row in packages if not re.fullmatch(r"[0-9a-f]{64}", row[2])]
    assert ("graphiql", "4.1.2", "MIT") in packages
    for name, version, _ in packages:
        assert f"{name} {version}\n" in licences


def test_the_versions_of_the_receipt_are_the_locked_ones() -> None:
    lock = json.loads((FOLDER / "build" / "package-lock.json").read_text(encoding="utf-8"))
    locked = {
        (path.rpartition("node_modules/")[2], entry["version"])
        for path, entry in lock["packages"].items()
        if path
    }
    assert not any("resolved" in entry for entry in lock["packages"].values())
    receipt = (FOLDER / "VENDORED.md").read_text(encoding="utf-8")
    packages = re.findall(r"^\| (\S+) \| (\d\S*\.\S+) \| \S+ \|$", receipt, re.MULTILINE)
    assert len(packages) > 50
    assert set(packages) <= locked


def test_the_first_query_can_be_read() -> None:
    document = parse((FOLDER / "default.graphql").read_text(encoding="utf-8"))
    variables = json.loads((FOLDER / "default-variables.json").read_text(encoding="utf-8"))
    operation = get_operation_ast(document)
    assert operation is not None
    declared = {node.variable.name.value for node in operation.variable_definitions or ()}
    assert set(variables) == declared


def test_all_of_it_is_small() -> None:
    assert sum(len(asset.plain) for asset in assets().values()) < 2_000_000
    assert sum(len(asset.gzipped) for asset in assets().values()) < 600_000
