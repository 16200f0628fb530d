"""Named scenarios side by side: what each is worth, against the base, and weighed together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.door import Door
from engine.errors import Infeasible, InvalidInput, Problem
from engine.paths import Names, known, replaced
from engine.questions import I, Question

MAX_CASES = 100
MAX_CHANGES = 100  # of one case
NAME_MOST = 80  # characters
WEIGHTS_OFF = 1e-9  # how far from 1 the probabilities may add up


@dataclass(frozen=True, slots=True)
class Change:
    """A number for a path; for a whole schedule, what is added to each of its years."""

    path: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario: what it is called, what is different in it, and how likely it is."""

    name: str
    changes: tuple[Change, ...]
    probability: float | None = None  # None: in no case


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every output, by its name, of the base and of each case in the order given."""

    base: Mapping[str, float]
    cases: tuple[Mapping[str, float], ...]
    expected: Mapping[str, float] | None  # weighed by the probabilities; None: there are none


def compare(question: Question[I], cases: Sequence[Case]) -> Comparison:
    """Value each case by itself: all of them are one batch.

    Raises:
        InvalidInput: with every problem of the cases, each under the place where it was given.
        Infeasible: if a case has no finite value.
    """
    door = Door()
    check_weights(door, [case.name for case in cases], [case.probability for case in cases])
    table = Names(question.inputs)
    for number, case in enumerate(cases[:MAX_CASES]):
        _check_changes(door, table, question, f"cases[{number}].changes", case.changes)
    door.close()
    scenarios = [{change.path: change.value for change in case.changes} for case in cases]
    _check_values(door, question, cases, scenarios)
    door.close()
    values = question.of_each([{}, *scenarios])
    columns = {name: column.tolist() for name, column in values.items()}
    base, *others = [
        {name: column[row] for name, column in columns.items()} for row in range(len(cases) + 1)
    ]
    return weighed(base, others, [case.probability for case in cases])


def weighed(
    base: Mapping[str, float],
    cases: Sequence[Mapping[str, float]],
    probabilities: Sequence[float | None],
) -> Comparison:
    """The values of cases as one comparison; the probabilities have passed `check_weights`.

    The expected value is the sum of p V: the mean of the cases by their probabilities.
    """
    weights = [weight for weight in probabilities if weight is not None]
    expected = None
    if weights:
        expected = {
            name: math.fsum(w * case[name] for w, case in zip(weights, cases, strict=True))
            for name in base
        }
        if not all(map(math.isfinite, expected.values())):
            raise Infeasible("The expected value is beyond the range of a number.")
    return Comparison(base=base, cases=tuple(cases), expected=expected)


def check_weights(door: Door, names: Sequence[str], probabilities: Sequence[float | None]) -> None:
    """Names that can be told apart, and probabilities for all or for none, which make up 1."""
    if not 1 <= len(names) <= MAX_CASES:
        door.refuse(
            "cases", "WRONG_LENGTH", f"{len(names)} cases are given.", f"Give 1 to {MAX_CASES}."
        )
        return
    for number, name in enumerate(names):
        where = f"cases[{number}].name"
        if not 1 <= len(name.strip()) <= NAME_MOST:
            door.refuse(
                where,
                "WRONG_LENGTH",
                "A case needs a name.",
                f"Give one of 1 to {NAME_MOST} characters, such as Downside.",
            )
        elif name in names[:number]:
            door.refuse(where, "CONTRADICTION", "Another case has this name.", "Name each apart.")
    before = len(door.problems)
    given = 0
    for number, probability in enumerate(probabilities):
        if probability is not None:
            given += 1
            door.within(f"cases[{number}].probability", probability, 0.0, 1.0)
    if not given or len(door.problems) > before:
        return
    if given < len(names):
        missing = probabilities.index(None)
        door.refuse(
            f"cases[{missing}].probability",
            "MISSING",
            f"{given} of {len(names)} cases have a probability.",
            "Give one for every case, or for none.",
        )
        return
    check_total(door, "cases", [p for p in probabilities if p is not None])


def check_total(door: Door, where: str, probabilities: Sequence[float]) -> None:
    """Whether they make up 1, in a sum that does not round."""
    total = math.fsum(probabilities)
    if not abs(total - 1.0) <= WEIGHTS_OFF:
        door.refuse(
            where,
            "CONTRADICTION",
            f"The probabilities add up to {total:.12g}.",
            "Let them add up to 1: the cases are all that can happen.",
        )


def _check_changes(
    door: Door, table: Names, question: Question[I], where: str, changes: Sequence[Change]
) -> None:
    if len(changes) > MAX_CHANGES:
        door.refuse(
            where,
            "TOO_LARGE",
            f"{len(changes)} changes are given.",
            f"Give up to {MAX_CHANGES}: change whole schedules, not years.",
        )
        return
    before, seen = len(door.problems), dict[str, float]()
    for number, change in enumerate(changes):
        at = f"{where}[{number}]"
        known(door, table, f"{at}.path", change.path)
        if change.path in seen:
            door.refuse(
                f"{at}.path", "CONTRADICTION", "This path is changed already.", "Change it once."
            )
        if not math.isfinite(change.value):
            door.refuse(
                f"{at}.value", "NOT_FINITE", "A value is not finite.", "Give a finite number."
            )
        seen[change.path] = change.value
    if len(door.problems) == before:
        try:
            replaced(question.inputs, seen, where)
        except InvalidInput as no:
            door.problems += no.problems


def _check_values(
    door: Door, question: Question[I], cases: Sequence[Case], scenarios: Sequence[dict[str, float]]
) -> None:
    """What the door says of each case, under the change that it is about.

    Raises:
        Infeasible: if no number is wrong, and some cases are of a deal that cannot be.
    """
    cannot_be: list[Problem] = []
    for number in question.refused(scenarios).nonzero()[0].tolist():
        where = f"cases[{number}].changes"
        try:
            question.admit(replaced(question.inputs, scenarios[number]))
        except InvalidInput as no:
            door.problems += [_placed(problem, where, cases[number]) for problem in no.problems]
        except Infeasible as no:
            cannot_be += [_placed(problem, where, cases[number]) for problem in no.problems]
    if cannot_be and not door.problems:
        raise Infeasible(cannot_be[0].message, cannot_be)


def _placed(problem: Problem, where: str, case: Case) -> Problem:
    """A problem with an input, under the last change that has to do with it."""
    about = [
        number
        for number, change in enumerate(case.changes)
        if problem.path.startswith(change.path) or change.path.startswith(problem.path)
    ]
    at = f"{where}[{about[-1]}].value" if about else where
    return replace(problem, path=at)
