"""A no that is raised anywhere becomes the second member of the outcome, in the caller's words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.errors import InvalidInput, Problem, Refused
from resolvers.refusal import Issue, Refusal, RefusalCode

PROBLEM = Problem(
    "operations.revenue_growth[3]",
    "OUT_OF_RANGE",
    "Of operations.revenue_growth one is too high.",
    "Give less to revenue_growth.",
)


def every_no(of: type[Refused] = Refused) -> Iterator[type[Refused]]:
    for each in of.__subclasses__():
        yield each
        yield from every_no(each)


def test_an_issue_names_the_input_as_the_caller_does() -> None:
    issue = Issue.of(PROBLEM)
    assert issue.path == "operations.revenueGrowth[3]"
    assert issue.code == "OUT_OF_RANGE"
    assert issue.message == "Of operations.revenueGrowth one is too high."
    assert issue.suggestion == "Give less to revenueGrowth."


def test_a_refusal_has_every_problem_in_order() -> None:
    problems = [Problem(f"a{n}", "MISSING", f"Message {n}.", f"Do {n}.") for n in range(3)]
    refusal = Refusal.of(InvalidInput.of(problems))
    assert refusal.code is RefusalCode.INVALID_INPUT
    assert [issue.path for issue in refusal.issues] == ["a0", "a1", "a2"]
    assert refusal.message == "3 inputs need mending. First: Message 0."
    assert refusal.retry_after is None


def test_one_problem_is_its_own_headline() -> None:
    assert Refusal.of(InvalidInput.of([PROBLEM])).message == (
        "Of operations.revenueGrowth one is too high."
    )


def test_when_waiting_helps_the_refusal_says_how_long() -> None:
    no = InvalidInput("Later.")
    no.retry_after_s = 1.5
    assert Refusal.of(no).retry_after == 1.5


@pytest.mark.parametrize("kind", sorted(set(every_no()), key=str))
def test_every_no_has_a_refusal(kind: type[Refused]) -> None:
    refusal = Refusal.of(kind("No."))
    assert refusal.code.value == kind.code
    assert refusal.issues == []
