"""Operators and members at work on a live server: what they ask, and how they come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import pytest

from tests.served import LATE_S, PATIENT, Caller, Served, http, served

VALUE = "mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename } }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # Nobody is looked up but on a word.
    limits = replace(PATIENT, member_every_s=LATE_S)
    with served(tmp_path_factory.mktemp("tenants"), limits=limits) as server:
        yield server


def done(caller: Caller, call: str, selected: str, **variables: Any) -> dict[str, Any]:
    """What a mutation answers; it must be no refusal."""
    said = told(caller, call, f"... on Refusal {{ code message }} {selected}", **variables)
    assert said["__typename"] != "Refusal", said
    return said


def told(caller: Caller, call: str, selected: str, **variables: Any) -> dict[str, Any]:
    kinds = {
        "id": "ID!",
        "op": "ID!",
        "until": "DateTime!",
        "logo": "String",
        "slug": "String!",
        "input": "DcfInput!",
    }
    head = ", ".join(f"${name}: {kinds[name]}" for name in variables)
    text = f"mutation {f'({head})' if head else ''} {{ it: {call} {{ __typename {selected} }} }}"
    answer: dict[str, Any] = caller.data(text, variables)["it"]
    return answer


def refused(caller: Caller, call: str, **variables: Any) -> dict[str, Any]:
    said = told(caller, call, "... on Refusal { code message issues { path code } }", **variables)
    assert said["__typename"] == "Refusal", said
    return said


def create(operator: Caller, slug: str, plan: str = "PRO", op: str | None = None) -> dict[str, Any]:
    call = (
        f'createTenant(input: {{slug: $slug, name: "Acme", plan: {plan}, '
        'owner: {email: "Ada@Example.com", name: "Ada"}}, operationId: $op)'
    )
    selected = "... on CreatedTenant { secret link tenant { id slug plan state } }"
    return done(operator, call, selected, slug=slug, op=op or str(uuid4()))


def accept(server: Served, secret: str, name: str = "Ada") -> httpx.Response:
    with http(base_url=server.origin) as client:
        return client.post(
            "/auth/accept",
            json={"invitation": secret, "password": "correct horse battery staple", "name": name},
        )


Join: TypeAlias = Callable[..., Caller]


@pytest.fixture
def join(server: Served) -> Iterator[Join]:
    """How somebody accepts an invitation and signs in."""
    with ExitStack() as stack:

        def member(secret: str, name: str = "Ada") -> Caller:
            response = accept(server, secret, name)
            assert response.status_code == 200, response.text
            headers = {"authorization": f"Bearer {response.json()['accessToken']}"}
            return Caller(stack.enter_context(http(base_url=server.origin, headers=headers)))

        yield member
