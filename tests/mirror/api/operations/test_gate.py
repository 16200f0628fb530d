"""The gate refuses what would cost much, and finds out by looking once at each part."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from api.operations import gate
from api.operations.documents import TOKENS_MAX
from api.operations.gate import LIMITS, complaint_of
from api.terminals.demo import DERIVED
from api.terminals.selections import VALUE
from api.transports.explorer import FOLDER

TOO_MANY: Final = 1_000_000  # calls: a gate that does not look once would never end


def look(text: str) -> GraphQLError | None:
    """What the gate says; red where it works without an end, instead of hanging."""
    document = parse(text)
    with counting():
        return complaint_of(document)


def complaint(text: str) -> str | None:
    found = look(text)
    return None if found is None else found.message


def code(text: str) -> str:
    found = look(text)
    assert isinstance(found, GraphQLError)
    return str((found.extensions or {})["code"])


class Calls:
    """How many functions of the gate were called."""

    number = 0


@contextmanager
def counting() -> Iterator[Calls]:
    """Counts instead of timing: the number does not depend on how busy the machine is."""
    calls = Calls()

    def seen(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename == gate.__file__:
            calls.number += 1
            assert calls.number < TOO_MANY, "the gate looks again and again"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def calls_of(text: str) -> int:
    document = parse(text)
    with counting() as calls:
        complaint_of(document)
    return calls.number


def doubling(levels: int) -> str:
    """A bomb: each fragment spreads the next one twice, so the last is there 2 ** levels times."""
    parts = [
        f"fragment f{n} on Query {{ a: tenant {{ id }} ...f{n + 1} ...f{n + 1} }}"
        for n in range(levels)
    ]
    return "{ ...f0 } " + " ".join(parts) + f" fragment f{levels} on Query {{ tenant {{ id }} }}"


def nested(levels: int) -> str:
    return "{ a " * levels + "}" * levels


CYCLE = "{ ...a } fragment a on Query { ...b } fragment b on Query { tenant { id } ...a }"
SELF = "{ ...a } fragment a on Query { ...a }"
UNUSED_CYCLE = "{ tenant { id } } " + CYCLE.partition("} ")[2]

# What is refused, and what of it is said.
REFUSED = {
    "a fragment bomb": (doubling(25), "1,000,000 or more fields"),
    "a small fragment bomb": (doubling(9), "fields"),
    "two fragments that contain each other": (CYCLE, "contains itself"),
    "a fragment that contains itself": (SELF, "contains itself"),
    "a cycle that nothing uses": (UNUSED_CYCLE, "contains itself"),
    "a thousand aliases": (
        "{ " + " ".join(f"a{n}: tenant {{ id }}" for n in range(1_000)) + " }",
        "1,000 aliases (at most 30)",
    ),
    "a thousand aliases below": (
        "{ tenant { " + " ".join(f"a{n}: id" for n in range(1_000)) + " } }",
        "1,000 aliases",
    ),
    "more aliases by fragments": (
        "{ tenant { ...f } viewer { tenant { ...f } } companies { name } a: tenant { ...f } } "
        "fragment f on Tenant { " + " ".join(f"a{n}: id" for n in range(10)) + " }",
        "31 aliases (at most 30)",
    ),
    "thirteen levels": (nested(13), "13 levels of fields (at most 12)"),
    "a hundred levels": (nested(100), "100 levels of fields"),
    "levels that hide in fragments": (
        "{ " + "a { " * 6 + "...f" + " }" * 6 + " } fragment f on A " + nested(7),
        "13 levels",
    ),
    "levels that hide behind a type": (
        "{ " + "... on A { a { " * 13 + "b" + " } }" * 13 + " }",
        "14 levels",
    ),
    "a thousand and one fields": (
        "{ tenant { " + "id " * 1_000 + "} }",
        "1,001 fields (at most 1,000)",
    ),
    "fields in a fragment that nothing uses": (
        "{ tenant { id } } fragment f on Tenant { " + "id " * 1_000 + "}",
        "fields",
    ),
    "fifty-one directives": (
        "{ tenant " + "@skip(if: false) " * 51 + "{ id } }",
        "51 directives (at most 50)",
    ),
    "directives on fragments": (
        "{ "
        + "...f @skip(if: false) " * 26
        + "} fragment f on Query { tenant @skip(if: false) { id } }",
        "52 directives",
    ),
    "directives behind a type": (
        "{ "
        + "... on Query @skip(if: false) { tenant { id } } " * 10
        + "... "
        + "@skip(if: true) " * 41
        + "{ tenant { id } } }",
        "51 directives",
    ),
    "twenty-one root fields": ("{ " + "tenant { id } " * 21 + "}", "21 root fields (at most 20)"),
    "root fields in a fragment": (
        "{ ...f ...g } fragment f on Query { " + "tenant { id } " * 11 + "} "
        "fragment g on Query { " + "viewer { role } " * 10 + "}",
        "21 root fields",
    ),
    "six changes": (
        "mutation { " + " ".join(f"a{n}: valueDcf {{ id }}" for n in range(6)) + " }",
        "6 mutations (at most 5)",
    ),
    "six changes in a fragment": (
        "mutation { ...f } fragment f on Mutation { "
        + " ".join(f"a{n}: valueDcf {{ id }}" for n in range(6))
        + " }",
        "6 mutations",
    ),
    "six changes behind a type": (
        "mutation { ... on Mutation { "
        + " ".join(f"a{n}: valueDcf {{ id }}" for n in range(6))
        + " } }",
        "6 mutations",
    ),
    "eleven operations": (
        " ".join(f"query q{n} {{ tenant {{ id }} }}" for n in range(11)),
        "11 operations (at most 10)",
    ),
    "introspection without an end": (
        "{ __schema { types { " + "ofType { " * 25 + "name" + " }" * 25 + " } } }",
        "levels of fields",
    ),
    "the whole schema twice": (
        "{ __schema { types { name } } ...F } fragment F on Query { again: __schema { types } }",
        "2 times the whole schema (at most 1)",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_cost_too_much_is_refused_with_the_number_and_the_limit(
    text: str, words: str
) -> None:
    said = complaint(text)
    assert said is not None
    assert words in said
    assert code(text) == "QUERY_TOO_COMPLEX"


@pytest.mark.parametrize(("text", "_words"), REFUSED.values(), ids=REFUSED.keys())
def test_the_gate_looks_once_at_each_part_of_what_it_refuses(text: str, _words: str) -> None:
    # A selection costs a handful of calls, wherever and however often it is spread.
    assert calls_of(text) < 10 * (len(text.split()) + 10)


def test_a_bomb_twice_as_long_costs_twice_as_much_and_not_its_square() -> None:
    short, long = calls_of(doubling(50)), calls_of(doubling(100))
    assert long < 2.2 * short


def test_the_gate_does_the_same_work_for_a_bomb_as_for_a_chain() -> None:
    once = "{ ...f0 } " + " ".join(
        f"fragment f{n} on Query {{ a: tenant {{ id }} ...f{n + 1} }}" for n in range(60)
    )
    once += " fragment f60 on Query { tenant { id } }"
    assert calls_of(doubling(60)) < 2 * calls_of(once)


def test_several_things_are_said_together() -> None:
    said = complaint("{ " + " ".join(f"a{n}: tenant {{ id }}" for n in range(40)) + " }")
    assert said == (
        "The document has 40 aliases (at most 30), 40 root fields (at most 20). Ask for less."
    )


ALLOWED = {
    "the introspection of an explorer": get_introspection_query(
        descriptions=True, input_value_deprecation=True, specified_by_url=True
    ),
    "the first query of the explorer": (FOLDER / "default.graphql").read_text(encoding="utf-8"),
    "what the demo asks": DERIVED,
    "what the terminal asks": VALUE,
    "as many of everything as is allowed": "{ "
    + " ".join(f"a{n}: tenant {{ id }}" for n in range(20))
    + " }",
    "twelve levels": nested(12),
    "a thousand fields": "{ tenant { " + "id " * 999 + "} }",
    "a fragment used often": "{ "
    + "tenant { ...f } " * 15
    + "} fragment f on Tenant { id name plan }",
    "five changes": "mutation { " + " ".join(f"a{n}: valueDcf {{ id }}" for n in range(5)) + " }",
    "an unknown fragment, which validation refuses": "{ ...nothing }",
}


@pytest.mark.parametrize("text", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_people_ask_passes(text: str) -> None:
    assert complaint(text) is None


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "-" + "9" * 400, "1.5e309"])
def test_a_number_that_no_double_holds_is_refused_where_it_stands(number: str) -> None:
    text = f"{{ a(x: 1.5, y: [0, {{z: {number}}}]) }}"
    found = complaint_of(parse(text))
    assert found is not None
    assert found.message == "A number in the document is larger than a double can hold."
    assert found.positions == [text.index(number)]


@pytest.mark.parametrize(
    "number", ["1e308", "-1.7976931348623157e308", "5e-324", "1e-400", "0", "9" * 308]
)
def test_a_number_that_a_double_holds_passes(number: str) -> None:
    assert complaint(f"{{ a(x: {number}) }}") is None


def test_digits_in_a_text_are_no_number() -> None:
    assert complaint('{ a(x: "1e400") # 1e400\n }') is None


def test_the_limits_are_those_that_were_decided() -> None:
    assert (LIMITS.depth, LIMITS.aliases, LIMITS.root_fields, LIMITS.mutations) == (12, 30, 20, 5)
    assert TOKENS_MAX == 2_000
