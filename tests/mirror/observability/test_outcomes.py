from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import pytest
from graphql import GraphQLError

from observability.counts import mark
from observability.objectives import Objective, Sli, load
from observability.outcomes import Outcome, Promises, classify

MS = 1_000_000


def error(code: str | None = None, **more: Any) -> GraphQLError:
    return GraphQLError("no", extensions={"code": code} if code else None, **more)


class Refused(Exception):
    """A no as a higher floor would raise it."""

    code = "INFEASIBLE"


def recognise(thing: object) -> str | None:
    return getattr(thing, "code", None)


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        (None, Outcome.GOOD),
        ([], Outcome.GOOD),
        ([GraphQLError("Syntax Error")], Outcome.EXCLUDED),
        ([error("UNAUTHENTICATED")], Outcome.EXCLUDED),
        ([error("RATE_LIMITED")], Outcome.EXCLUDED),
        ([error("NOT_FOUND", path=["model"])], Outcome.EXCLUDED),
        ([error("OVERLOADED")], Outcome.BAD),
        ([error("DEADLINE_EXCEEDED", path=["a"])], Outcome.BAD),
        ([error("INTERNAL", path=["a"])], Outcome.BAD),
        ([error(path=["a"], original_error=KeyError("x"))], Outcome.BAD),
        ([GraphQLError("Cannot return null", path=["a"])], Outcome.BAD),
        ([error("FORBIDDEN"), error("INTERNAL")], Outcome.BAD),
        ([KeyError("x")], Outcome.BAD),
        ([TimeoutError()], Outcome.BAD),
        ([asyncio.CancelledError()], Outcome.CANCELLED),
        ([GeneratorExit()], Outcome.CANCELLED),
    ],
)
def test_it_is_bad_exactly_when_only_we_can_mend_it(
    errors: list[BaseException] | None, outcome: Outcome
) -> None:
    assert classify(errors) is outcome


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["INVALID_INPUT"], Outcome.EXCLUDED),
        (["QUOTA_EXCEEDED", "NOT_FOUND"], Outcome.EXCLUDED),
        (["DEADLINE_EXCEEDED"], Outcome.BAD),
        (["INVALID_INPUT", "DEADLINE_EXCEEDED"], Outcome.BAD),
        (["CANCELLED"], Outcome.CANCELLED),
    ],
)
def test_a_refusal_given_as_data_is_judged_by_its_code(
    answers: list[str], outcome: Outcome
) -> None:
    assert classify(None, answers) is outcome


def test_partial_data_beside_a_fault_is_bad() -> None:
    assert classify([error(path=["b"], original_error=OSError())], ["INVALID_INPUT"]) is Outcome.BAD


def test_a_refusal_behind_an_error_is_seen_through_the_function_that_was_handed_in() -> None:
    wrapped = error(path=["a"], original_error=Refused())
    assert classify([wrapped], recognise=recognise) is Outcome.EXCLUDED
    assert classify([wrapped]) is Outcome.BAD


def test_asking_for_the_schema_alone_is_not_counted_unless_it_fails() -> None:
    assert classify(None, introspection=True) is Outcome.EXCLUDED
    assert classify([KeyError()], introspection=True) is Outcome.BAD


CATALOGUE = (
    Objective(name="up", sli=Sli.AVAILABILITY, target=Fraction(1, 2), window_s=60),
    Objective(name="fast", sli=Sli.LATENCY, target=Fraction(1, 2), window_s=60, within_ns=200 * MS),
    Objective(
        name="dcf",
        sli=Sli.LATENCY,
        target=Fraction(1, 2),
        window_s=60,
        within_ns=250 * MS,
        operation="Mutation.valueDcf",
    ),
)


@pytest.mark.parametrize(
    ("outcome", "waited_ms", "valid", "good"),
    [
        (Outcome.GOOD, 10, 0b111, 0b111),
        (Outcome.GOOD, 200, 0b111, 0b111),  # as long as promised is in time
        (Outcome.GOOD, 201, 0b111, 0b101),
        (Outcome.GOOD, 900, 0b111, 0b001),
        (Outcome.BAD, 10, 0b001, 0),  # a fast failure is no fast answer
        (Outcome.BAD, 220, 0b011, 0),
        (Outcome.CANCELLED, 220, 0b010, 0),  # had already waited longer than the first promise
        (Outcome.CANCELLED, 900, 0b110, 0),
    ],
)
def test_a_mark_says_which_promises_are_concerned_and_which_are_kept(
    outcome: Outcome, waited_ms: int, valid: int, good: int
) -> None:
    promises = Promises(CATALOGUE, ["Mutation.valueDcf"])
    assert promises.mark(outcome, waited_ms * MS) == mark(valid, good)


@pytest.mark.parametrize(
    ("outcome", "waited_ms"),
    [(Outcome.EXCLUDED, 10), (Outcome.EXCLUDED, 900), (Outcome.CANCELLED, 10)],
)
def test_what_is_not_counted_leaves_no_mark(outcome: Outcome, waited_ms: int) -> None:
    assert Promises(CATALOGUE, ["Mutation.valueDcf"]).mark(outcome, waited_ms * MS) is None


def test_a_promise_for_one_field_does_not_concern_another() -> None:
    assert Promises(CATALOGUE, ["Query.viewer"]).mark(Outcome.GOOD, 0) == mark(0b011, 0b011)


@pytest.mark.parametrize("fields", [["Mutation.moveCursor"], ["Mutation.select"]])
@pytest.mark.parametrize("outcome", [Outcome.GOOD, Outcome.BAD, Outcome.CANCELLED])
def test_presence_is_never_in_the_api_s_promises(fields: list[str], outcome: Outcome) -> None:
    assert Promises(CATALOGUE, fields).mark(outcome, 10_000 * MS) is None
    both = ["Mutation.moveCursor", "Mutation.select"]
    assert Promises(CATALOGUE, both).mark(outcome, 10_000 * MS) is None


def test_what_comes_along_with_an_edit_is_counted_with_it() -> None:
    promises = Promises(CATALOGUE, ["Mutation.moveCursor", "Mutation.editModel"])
    assert promises.mark(Outcome.GOOD, 0) == mark(0b011, 0b011)


def test_a_move_of_a_cursor_has_a_promise_of_its_own() -> None:
    catalogue = load()
    (own,) = (each for each in catalogue if each.operation == "Mutation.moveCursor")
    bit = 1 << catalogue.index(own)
    promises = Promises(catalogue, ["Mutation.moveCursor"])
    assert promises.mark(Outcome.GOOD, 50 * MS) == mark(bit, bit)
    assert promises.mark(Outcome.GOOD, 51 * MS) == mark(bit, 0)
