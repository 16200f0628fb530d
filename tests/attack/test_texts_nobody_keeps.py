"""Every place where a text can be given refuses one that no database keeps, with one answer.

The places are read off the schema, so that a field which is added tomorrow is asked tomorrow.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from tests.attack.answers import Answer
from tests.attack.sending import exchanged, post, posted
from tests.attack.strangers import arguments_with, selected, ways, with_own
from tests.attack.world import World
from tests.served import served
from tests.the_schema import GRAPHQL

# The second is half of what is one character in UTF-16. JSON has an escape for either.
TEXTS = pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["null", "half a pair"])
AT_ONCE = 8
BODIES: Mapping[str, Mapping[str, str]] = {
    "/auth/login": {"tenant": "x", "subject": "x", "password": "x", "code": "x"},
    "/auth/refresh": {"refreshToken": "x"},
    "/auth/logout": {"refreshToken": "x"},
    "/auth/accept": {"invitation": "x", "password": "a long enough one", "name": "x"},
    "/auth/reset": {"token": "x", "password": "a long enough one"},
    "/auth/oidc/exchange": {"token": "x", "accessToken": "x"},
}
ADDRESSES = (
    "/graphql?query={__typename}&operationName=TEXT",
    "/graphql?query={__typename}&documentId=TEXT",
    "/graphql?query=query($it:ID!){node(id:$it){id}}&variables={%22it%22:%22TEXT%22}",
    "/audit/export?action=TEXT",
    "/audit/export?actor=TEXT",
    "/audit/export?subject=TEXT",
    "/audit/export?from=TEXT",
    "/audit/export?TEXT=x",
    "/auth/oidc/start?tenant=TEXT",
    "/auth/oidc/start?tenant=x&back=TEXT",
    "/auth/oidc/callback?state=TEXT&code=TEXT",
    "/branding/TEXT.json",
    "/branding/TEXT/logo",
)


class Place(NamedTuple):
    """Somewhere in the schema where a text can be given."""

    name: str  # Mutation.inviteMember(email)
    document: str  # with $it there
    type: str


def places() -> Iterator[Place]:
    for parent, way in ways().items():
        kind = GRAPHQL.type_map[parent]
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            for argument, given in field.args.items():
                for path, type_ in _texts(given.type):
                    if parent == "Subscription" or way.count("%s") != 1:
                        continue
                    said = arguments_with(f"{parent}.{name}", field, argument, path)
                    yield Place(
                        f"{parent}.{name}({'.'.join((argument, *path))})",
                        way % f"{name}({said}) {selected(field)}",
                        type_,
                    )


def _texts(
    type_: Any, path: tuple[str, ...] = (), seen: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    named = get_named_type(type_)
    if named.name in ("ID", "String"):
        yield path, f"{named.name}!"
    elif isinstance(named, GraphQLInputObjectType) and named.name not in seen:
        for inner, field in named.fields.items():
            yield from _texts(field.type, (*path, inner), (*seen, named.name))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("texts")) as server:
        yield World(server.origin, server.issuer)


async def answered(world: World, payloads: Mapping[str, bytes]) -> dict[str, Answer]:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(payload: bytes) -> Answer:
        async with free:
            (answer,) = await exchanged(world, payload)
            return answer

    found = await asyncio.gather(*map(one, payloads.values()))
    return dict(zip(payloads, found, strict=True))


def body_of(world: World, place: Place, text: str, *, literal: bool) -> bytes:
    """A request with the text there, written into the document or into its variables."""
    document, variables = with_own(world, place.document), {}
    declared = ['$op: ID = "op"'] if "$op" in document else []
    if literal:
        document = document.replace("$it", json.dumps(text))
    else:
        variables["it"] = text
        declared.append(f"$it: {place.type}")
    word, _, rest = document.partition("{")
    head = f"({', '.join(declared)})" if declared else ""
    written = f"{word.strip() or 'query'} {head} {{{rest}"
    return json.dumps({"query": written, "variables": variables}).encode()


@TEXTS
@pytest.mark.parametrize("literal", [False, True], ids=["variable", "literal"])
def test_no_place_of_the_schema_takes_it(world: World, text: str, *, literal: bool) -> None:
    payloads = {
        place.name: post(world, body_of(world, place, text, literal=literal)) for place in places()
    }
    assert len(payloads) > 200
    said = {
        name: f"{answer.words}: {answer.body[:200]}"
        for name, answer in asyncio.run(answered(world, payloads)).items()
        if answer.words != ("200 QUERY_INVALID" if literal else "400 QUERY_INVALID")
    }
    assert said == {}


@TEXTS
def test_no_body_takes_it(world: World, text: str) -> None:
    payloads = {
        f"{path} {name}": posted(path, fields | {name: text})
        for path, fields in BODIES.items()
        for name in fields
    }
    said = {name: each.words for name, each in asyncio.run(answered(world, payloads)).items()}
    assert said == dict.fromkeys(payloads, "400 QUERY_INVALID")


@pytest.mark.parametrize("text", ["a%00b", "a%ED%A0%80b"], ids=["null", "half a pair"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_takes_it(world: World, address: str, text: str) -> None:
    token = world.token("ours-owner")
    lines = [f"GET {address.replace('TEXT', text)} HTTP/1.1", "host: x", "connection: close"]
    lines += [f"authorization: Bearer {token}", "", ""]
    (answer,) = asyncio.run(exchanged(world, "\r\n".join(lines).encode()))
    assert 400 <= answer.status < 500 or answer.words == "200 QUERY_INVALID", answer
