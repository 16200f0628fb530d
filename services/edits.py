"""Edits: typed values put at paths of a model, all or none, and all that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.errors import InvalidInput, Problem, ProblemCode
from services.contents import (
    NAME_MOST,
    Document,
    canonical_text,
    copied,
    inputs_in,
    joined,
    model_shape,
)
from services.errors import Stale
from services.fitting import fit, misplaced, words_of
from services.shapes import (
    Group,
    Line,
    Many,
    Shape,
    Steps,
    canonical_steps,
    meant,
    member_at,
    overlap,
    path_of,
    steps_of,
    value_at,
)
from services.sourced_inputs import forget
from services.words import camel

EDITS_MOST: Final = 100  # in one call
SCENARIOS_MOST: Final = 32  # of one model
CHANGES_MOST: Final = 64  # of one scenario
SCENARIOS_BYTES: Final = 64 * 1024  # of all scenarios of one model, as JSON
KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Edit:
    """A value for a place. None leaves out what stands there, or brings its default back."""

    path: str  # as the caller spells it
    value: Any  # JSON
    base_revision: int | None = None  # that the caller has seen; None: whatever stands there now


@dataclass(frozen=True, slots=True)
class Rules:
    """What the documents of one kind may be."""

    inputs: Group
    model: Group  # the inputs, and beside them the model's own words
    door: Callable[[Document], object]  # raises InvalidInput with every problem of the inputs

    @classmethod
    def of(cls, inputs: Group, door: Callable[[Document], object]) -> Rules:
        """The rules of a kind with inputs of that shape."""
        return cls(inputs, model_shape(inputs), door)


@dataclass(frozen=True, slots=True)
class Placed:
    """The place that an edit names, and the outermost one that it changes.

    They differ where a choice falls on another branch: ``capital.wacc``, where CAPM stood, changes
    the whole of ``capital``.
    """

    steps: Steps
    site: Steps
    value: Any  # as the document has it; None: left out, or its default


@dataclass(frozen=True, slots=True)
class Edited:
    """What edits make of a document. It may be kept only if nothing is wrong with it."""

    document: Document
    placed: tuple[Placed | None, ...]  # one for each edit; None: it fits nowhere
    wrong: tuple[Problem, ...]  # with the edits themselves, whoever edited before
    flaws: tuple[Problem, ...]  # of the model that they would leave


def edited(rules: Rules, before: Document, edits: Sequence[Edit]) -> Edited:
    """A model's document after edits, made one after the other."""
    document, wrong, flaws = copied(before), list[Problem](), list[Problem]()
    if not 1 <= len(edits) <= EDITS_MOST:
        code: ProblemCode = "TOO_LARGE" if edits else "MISSING"
        message = f"One call takes from 1 to {EDITS_MOST} edits."
        wrong.append(Problem("edits", code, message, "Split them up, or give at least one."))
        return Edited(document, (), tuple(wrong), ())
    placed = tuple(
        _place(rules.model, document, edit, f"edits[{number}]", wrong)
        for number, edit in enumerate(edits)
    )
    forget(document, [place.site for place in placed if place is not None])
    inputs = _settled(rules, inputs_in(document), flaws)
    document = joined(document, inputs)
    # What is missing may be what an edit that fits nowhere was meant to give.
    failed = [
        steps
        for edit, place in zip(edits, placed, strict=True)
        if place is None and (steps := steps_of(edit.path))
    ]
    flaws = [flaw for flaw in flaws if not _about(rules.inputs, flaw, failed)]
    for number, (edit, place) in enumerate(zip(edits, placed, strict=True)):
        if place is not None and place.steps[0] == "scenarios" and edit.value is not None:
            at, key = f"edits[{number}].value.scenario", str(place.steps[1])
            kept = _scenario(rules, inputs, edit.value, at, wrong, sound=not flaws)
            document["scenarios"][key] = kept
    _weigh(document["scenarios"], flaws)
    return Edited(document, placed, tuple(wrong), tuple(flaws))


def stale(
    touched: Mapping[str, int], before: Document, edits: Sequence[Edit], of: Edited
) -> list[Stale]:
    """Every edit whose path somebody changed after the revision that it is based on."""
    found = []
    for edit, place in zip(edits, of.placed, strict=True):
        if place is None or edit.base_revision is None:
            continue
        newer = [
            revision
            for path, revision in touched.items()
            if revision > edit.base_revision
            and (steps := steps_of(path)) is not None
            and (overlap(steps, place.steps) or overlap(steps, place.site))
        ]
        if newer:
            now = value_at(before, place.steps)
            found.append(Stale(path=edit.path, value=now, revision=max(newer)))
    return found


def ahead(edits: Sequence[Edit], revision: int) -> list[Problem]:
    """The edits that say they have seen a revision which is not there."""
    return [
        Problem(
            f"edits[{number}].baseRevision",
            "OUT_OF_RANGE",
            f"The model's revisions go from 1 to {revision}.",
            "Give the revision that you have read the value at, or leave it out.",
        )
        for number, edit in enumerate(edits)
        if edit.base_revision is not None and not 1 <= edit.base_revision <= revision
    ]


def in_scenario(rules: Rules, inputs: Document, changes: Sequence[Any], at: str) -> Document:
    """The inputs with a kept scenario's changes made; ``at`` is where its changes stand.

    Raises:
        InvalidInput: with every change that no longer fits, and what is wrong with the inputs.
    """
    problems: list[Problem] = []
    document, _ = _changed(rules, inputs, changes, at, problems, sound=True)
    if problems:
        raise InvalidInput.of(problems)
    return document


class _Misfit(Exception):
    """An edit that fits nowhere: whether its path or its value is at fault, and how to mend it."""

    def __init__(self, part: str, code: ProblemCode, message: str, suggestion: str) -> None:
        super().__init__(message)
        self.part, self.code, self.message, self.suggestion = part, code, message, suggestion


def _place(
    shape: Group, document: Document, edit: Edit, at: str, problems: list[Problem]
) -> Placed | None:
    """Put an edit's value into the document; None, and a problem, where it does not fit."""
    leave = edit.value is None
    try:
        steps = _found(shape, document, edit.path)
        value = _fitted(shape, steps, edit.value)
    except _Misfit as no:
        problems.append(Problem(f"{at}.{no.part}", no.code, no.message, no.suggestion))
        return None
    site = _put(shape, document, steps, value, leave=leave)
    return Placed(steps, site, None if leave else value)


def _found(shape: Group, document: Document, path: str) -> Steps:
    """The place that a path names, with all of its indices in the lists that stand there."""
    steps = canonical_steps(shape, steps_of(path) or ())
    if not steps or steps == ("scenarios",):
        whole = "A scenario is edited as a whole, under scenarios.<key>."
        known = whole if path.startswith("scenarios") else meant(shape, path)
        raise _Misfit("path", "UNKNOWN", "There is no input under this path.", known)
    if not member_at(shape, steps).by_path:
        raise _Misfit("path", "UNKNOWN", "This is not edited by path.", "Use archiveModel.")
    if steps[0] == "scenarios" and not KEY.fullmatch(str(steps[1])):
        rule = "A key has up to 32 small letters, digits and hyphens, and begins with a letter."
        raise _Misfit("path", "UNKNOWN", "This is no key of a scenario.", rule)
    for depth, step in enumerate(steps):
        if isinstance(step, str):
            continue
        items = value_at(document, steps[:depth])
        if not isinstance(items, list):
            otherwise = "Read how it stands now, and edit that, or give it as a whole."
            message = "This does not stand one by one in the model."
            raise _Misfit("path", "UNKNOWN", message, otherwise)
        if step >= len(items):
            message = f"There are {len(items)} of them, counted from 0."
            raise _Misfit("path", "OUT_OF_RANGE", message, "Give the list as a whole to extend it.")
    return steps


def _fitted(shape: Group, steps: Steps, value: Any) -> Any:
    """The value as the document has it; None: nothing is to stand there."""
    member = member_at(shape, steps)
    if value is None:
        if member.required and member.default is None:
            message = "This cannot be left out."
            listed = isinstance(steps[-1], int) and isinstance(member.shape, Group)
            shorter = "Give the list as a whole, without it."
            given = shorter if listed else f"Give {words_of(member.shape)}."
            raise _Misfit("value", "MISSING", message, given)
        return copied(member.default)
    if steps[0] == "scenarios" and not _is_scenario(value):
        message = misplaced("a scenario", value)
        rule = "Give a scenario: a name, and changes of inputs."
        raise _Misfit("value", "WRONG_TYPE", message, rule)
    problems: list[Problem] = []
    fitted = fit(member.shape, value, (), problems)
    if problems:
        first = problems[0]
        raise _Misfit("value", first.code, first.message, first.suggestion)
    return fitted


def _put(shape: Shape, document: Any, steps: Steps, value: Any, *, leave: bool) -> Steps:
    """Set a place of the document, whose lists reach there, and say what was changed by it.

    To ``leave`` out what is not there changes nothing; to give a branch of a choice takes the
    others away.
    """
    node, site = document, None
    for depth, step in enumerate(steps):
        if isinstance(node, dict) and step not in node:
            if leave:
                break
            if isinstance(shape, Group) and shape.one_of:
                node.clear()
                site = steps[:depth] if site is None else site
            if depth + 1 < len(steps):
                node[step] = {}
        if depth + 1 < len(steps):
            node = node[step]
        elif value is None:
            node.pop(step)
        else:
            node[step] = value
        if isinstance(shape, Group):
            shape = shape.members[str(step)].shape
        elif isinstance(shape, Many):
            shape = shape.of
    return steps if site is None else site


def _settled(rules: Rules, inputs: Document, flaws: list[Problem]) -> Document:
    """The inputs as their own coercion would have made them, led through the door."""
    problems: list[Problem] = []
    fitted: Document = fit(rules.inputs, inputs, (), problems)
    if not problems:
        try:
            rules.door(fitted)
        except InvalidInput as no:
            problems = [replace(problem, path=camel(problem.path)) for problem in no.problems]
    flaws += problems
    return fitted


def _changed(
    rules: Rules,
    inputs: Document,
    changes: Sequence[Any],
    at: str,
    problems: list[Problem],
    *,
    sound: bool,
) -> tuple[Document, list[Document]]:
    """The inputs with changes made, and the changes as they are kept.

    What is wrong then is the changes' doing where the inputs are ``sound`` without them.
    """
    document, wrong, flaws = copied(inputs), list[Problem](), list[Problem]()
    edits = [Edit(each["path"], each["value"]) for each in changes]
    placed = [
        _place(rules.inputs, document, edit, f"{at}[{number}]", wrong)
        for number, edit in enumerate(edits)
    ]
    forget(document, [place.site for place in placed if place is not None])
    settled = _settled(rules, document, flaws)
    for flaw in flaws if sound and not wrong else ():
        blamed = [
            number
            for number, place in enumerate(placed)
            if place is not None and _about(rules.inputs, flaw, [place.site])
        ]
        where = f"{at}[{blamed[-1]}].value" if blamed else flaw.path
        problems.append(replace(flaw, path=where))
    problems += wrong
    kept = [
        {"path": path_of(place.steps), "value": copied(place.value)}
        for place in placed
        if place is not None
    ]
    return settled, kept


def _scenario(
    rules: Rules, inputs: Document, given: Any, at: str, problems: list[Problem], *, sound: bool
) -> Document:
    """A scenario as it is kept: named, and with changes that fit the inputs as they are now."""
    named: list[Problem] = []
    name = fit(Line(NAME_MOST), given["name"], (), named)
    problems += [replace(problem, path=f"{at}.name") for problem in named]
    if len(given["changes"]) > CHANGES_MOST:
        message = f"A scenario has at most {CHANGES_MOST} changes."
        problems.append(
            Problem(f"{at}.changes", "TOO_LARGE", message, "Change whole schedules, not years.")
        )
        return {"name": name, "changes": []}
    _, changes = _changed(rules, inputs, given["changes"], f"{at}.changes", problems, sound=sound)
    return {"name": name, "changes": changes}


def _is_scenario(value: Any) -> bool:
    """Whether it has the form of a scenario; its changes are judged with the inputs."""
    return isinstance(value, dict) and isinstance(value.get("changes"), list) and "name" in value


def _weigh(scenarios: Mapping[str, Any], flaws: list[Problem]) -> None:
    """Scenarios are read with the model, each time: together they stay small."""
    if len(scenarios) > SCENARIOS_MOST or len(canonical_text(scenarios)) > SCENARIOS_BYTES:
        message = f"A model has at most {SCENARIOS_MOST} scenarios, of {SCENARIOS_BYTES} bytes."
        flaws.append(
            Problem("scenarios", "TOO_LARGE", message, "Remove one that is not needed any more.")
        )


def _about(shape: Group, problem: Problem, places: Iterable[Steps]) -> bool:
    """Whether a problem stands at one of the places, or in it, or around it."""
    steps = steps_of(problem.path) or ()
    where = canonical_steps(shape, steps) or steps
    return any(overlap(where, canonical_steps(shape, place) or place) for place in places)
