"""A document is looked at once: parsed, gated, validated, and remembered for a while."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType
from typing import Any

import pytest
from graphql import GraphQLError, OperationType
from graphql.validation.rules import overlapping_fields_can_be_merged as merging

from api.operations import documents as module
from api.operations.documents import (
    SOURCE_MAX,
    TOKENS_MAX,
    Document,
    Documents,
    RequestError,
)
from tests.the_schema import SCHEMA


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMA)


def flaws(documents: Documents, text: str) -> tuple[GraphQLError, ...]:
    """Everything that is wrong with it, whether it shows before validation or then."""
    try:
        documents.read(text).validated()
    except RequestError as no:
        return no.errors
    return ()


def codes(documents: Documents, text: str) -> set[str | None]:
    return {(error.extensions or {}).get("code") for error in flaws(documents, text)}


def test_a_good_document_is_ready_to_run(documents: Documents) -> None:
    document = documents.read("query Mine { tenant { id } viewer { role } }")
    assert document.errors == ()
    asked = document.asked(None)
    assert (asked.kind, asked.root_fields) == ("query", ("tenant", "viewer"))
    assert asked.node is not None
    assert asked.node.operation is OperationType.QUERY


def test_a_text_is_looked_at_once(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    look = Documents._look

    def looking(self: Documents, text: str) -> Document:
        looked.append(text)
        return look(self, text)

    monkeypatch.setattr(Documents, "_look", looking)
    texts = ["{ tenant { id } }", "{ nope }", "{", "{ tenant { id } }", "{ nope }", "{"]
    found = [documents.read(text) for text in texts]
    assert looked == texts[:3]
    assert found[:3] == found[3:]


def test_a_syntax_error_is_said_with_its_place(documents: Documents) -> None:
    (flaw,) = flaws(documents, "{ tenant { id }")
    assert "Syntax Error" in flaw.message
    assert flaw.locations


def test_every_flaw_of_a_document_is_said(documents: Documents) -> None:
    found = flaws(documents, "query ($unused: Int) { nope tenant { nope } }")
    assert len(found) == 3
    assert all(flaw.locations for flaw in found)


def test_a_document_with_a_thousand_flaws_says_a_hundred(documents: Documents) -> None:
    text = "{ viewer { " + " ".join(f"x{n}" for n in range(500)) + " } }"
    assert 100 <= len(flaws(documents, text)) <= 101


@pytest.mark.parametrize(
    "text",
    [
        "#" * (SOURCE_MAX + 1),
        "{ tenant { " + "members { name } " * 490 + "} }",
        "{ companies { " + "price { date close } " * 330 + "} }",
        "{ ...f0 } "
        + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(230))
        + " fragment f230 on Query { tenant { id } }",
        "{ " + " ".join(f"a{n}: tenant {{ id }}" for n in range(100)) + " }",
    ],
    ids=["too long", "a field 490 times", "a field 330 times", "a chain of fragments", "aliases"],
)
def test_a_document_that_would_cost_too_much_is_refused_as_such(
    documents: Documents, text: str
) -> None:
    assert codes(documents, text) == {"QUERY_TOO_COMPLEX"}


@pytest.mark.parametrize(
    "text",
    [
        "{ " + "a " * TOKENS_MAX + "}",
        "{a" * 900 + "}" * 900,
        "{ a(x: " + "[" * 900 + "]" * 900 + ") }",
        "query ($v: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }",
        "{ __typename @" + "a@" * 200 + "a }",
        '{ __type(name: "\\ud800") { name } }',
        "#" * 5_000,
        "",
        "\0",
        "subscription { x }",
        "fragment f on Query { tenant { id } }",
        "type Query { x: Int }",
        "{ ... on Nothing { x } }",
    ],
    ids=lambda text: text[:16],
)
def test_whatever_else_is_wrong_with_a_document_is_an_answer_and_no_exception(
    documents: Documents, text: str
) -> None:
    found = flaws(documents, text)
    if found:
        assert all(error.message for error in found)
    else:
        assert documents.read(text).asked(None).node is None  # nothing in it runs


def test_fields_of_one_name_are_compared_only_so_often(documents: Documents) -> None:
    """Counted, not timed: calls of the rule that compares fields."""
    calls = 0

    def seen(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename == merging.__file__

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        flaws(documents, "{ tenant { " + "members { name } " * 490 + "} }")
    finally:
        sys.setprofile(before)
    assert 1_000 < calls < 20 * module.COMPARISONS_MAX


def test_a_long_document_is_validated_once_and_beside_the_event_loop(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate, ran_in = module.validate, []

    def noted(*given: Any) -> list[GraphQLError]:
        ran_in.append(threading.current_thread())
        return validate(*given)

    async def asked() -> None:
        document = documents.read("{ tenant { " + "members { name } " * 20 + "} }")
        await asyncio.gather(*(documents.valid(document) for _ in range(3)))
        await documents.valid(document)

    monkeypatch.setattr(module, "validate", noted)
    asyncio.run(asked())
    (beside,) = ran_in
    assert beside is not threading.current_thread()


def test_forty_fragments_on_one_type_are_no_bomb(documents: Documents) -> None:
    parts = " ".join(
        f"fragment F{n} on DcfValuation {{ id wacc enterpriseValue bridge {{ debt cash }} }}"
        for n in range(40)
    )
    spreads = " ".join(f"...F{n}" for n in range(40))
    assert flaws(documents, f'{{ valuation(id: "x") {{ {spreads} }} }} {parts}') == ()


def test_of_several_operations_the_named_one_is_asked_for(documents: Documents) -> None:
    document = documents.read("query A { tenant { id } } query B { viewer { role } }")
    assert document.asked("A").root_fields == ("tenant",)
    assert document.asked("B").root_fields == ("viewer",)
    assert document.asked(None).node is None  # which of them?
    assert document.asked("C").node is None


def test_what_is_remembered_has_an_end(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 10)
    for number in range(50):
        documents.read(f"{{ tenant {{ a{number}: id }} }}")
    assert len(documents._known) == 10
    monkeypatch.setattr(module, "_REMEMBERED_CHARACTERS", 10_000)
    for number in range(50):
        documents.read(f"{{ tenant {{ a{number}: id }} }}" + " " * 1_000)
    assert sum(map(len, documents._known)) <= 10_000
    assert documents._characters == sum(map(len, documents._known))


def test_the_latest_used_are_remembered(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    first, second, third = (f"{{ tenant {{ a{number}: id }} }}" for number in range(3))
    documents.read(first)
    documents.read(second)
    documents.read(first)
    documents.read(third)
    assert set(documents._known) == {first, third}


def test_names_that_are_not_there_do_not_pile_up(documents: Documents) -> None:
    document = documents.read("query A { tenant { id } }")
    for number in range(1_000):
        assert document.asked(f"N{number}").node is None
    assert len(document._asked) <= 20
    assert document.asked("A").node is not None
