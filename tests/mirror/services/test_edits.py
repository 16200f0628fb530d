"""Edits leave what the input's own coercion would have made, or nothing, with every reason."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from graphql import coerce_input_value
from graphql.utilities import validate_input_value
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from resolvers.valuations.given import document_of
from services.contents import OWN, canonical_text, differences, inputs_in, play, touched_after
from services.edits import (
    CHANGES_MOST,
    EDITS_MOST,
    SCENARIOS_MOST,
    Edit,
    Edited,
    ahead,
    edited,
    in_scenario,
    stale,
)
from services.shapes import canonical_steps, steps_of, value_at
from tests.dcf_documents import Document
from tests.model_edits import EDITS, RULES, model
from tests.the_schema import GRAPHQL

INPUT: Any = GRAPHQL.type_map["DcfInput"]
BY_YEAR = {"operations.taxRate": {"byYear": [0.1, 0.2, 0.3]}}
CAPM = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "beta": 1.0,
    "preTaxCostOfDebt": 0.06,
    "debtWeight": 0.2,
    "taxRate": 0.25,
}


def coerced(inputs: Document) -> Document:
    """The inputs as the schema's own coercion makes them."""
    said: list[str] = []
    validate_input_value(inputs, INPUT, lambda error, _path: said.append(error.message))
    assert said == []
    found: Document = document_of(coerce_input_value(inputs, INPUT))
    return found


def done(before: Document, *edits: Edit) -> Document:
    """What the edits leave; nothing may be wrong with them."""
    after = edited(RULES, before, edits)
    assert (after.wrong, after.flaws) == ((), ())
    return after.document


def put(path: str, value: Any, before: Document | None = None) -> Document:
    return done(model() if before is None else before, Edit(path, value))


def wrong(before: Document, *edits: Edit) -> list[tuple[str, str]]:
    """Path and code of each problem, with the edits and with what they leave."""
    after = edited(RULES, before, edits)
    return [(problem.path, problem.code) for problem in (*after.wrong, *after.flaws)]


def says(path: str, value: Any, before: Document | None = None) -> tuple[str, str, str]:
    """Path, code and suggestion of the one thing that is wrong with an edit."""
    after = edited(RULES, model() if before is None else before, [Edit(path, value)])
    (problem,) = (*after.wrong, *after.flaws)
    return problem.path, problem.code, problem.suggestion


def edited_by(before: Document, calls: list[list[Edit]]) -> list[Document]:
    """The document after each call that can be made; the first is as it was."""
    found = [before]
    for call in calls:
        after = edited(RULES, found[-1], call)
        if not (after.wrong or after.flaws):
            found.append(after.document)
    return found


@given(st.lists(EDITS, max_size=6))
def test_whatever_is_edited_is_what_the_schema_would_have_made_of_it(
    calls: list[list[Edit]],
) -> None:
    for document in edited_by(model(), calls):
        inputs = inputs_in(document)
        assert canonical_text(coerced(inputs)) == canonical_text(inputs)
        assert document.keys() - inputs.keys() == OWN.keys()


@given(st.lists(EDITS, min_size=1, max_size=6))
def test_what_an_edit_put_in_is_read_back_at_its_path(calls: list[list[Edit]]) -> None:
    before = edited_by(model(), calls[:-1])[-1]
    after = edited(RULES, before, calls[-1])
    assume(not (after.wrong or after.flaws))
    last = calls[-1][-1]
    steps = canonical_steps(RULES.model, steps_of(last.path) or ())
    assert steps is not None
    found = value_at(after.document, steps)
    if last.value is None:
        assert found in (None, 0.0, "END_YEAR", "LAST_FLOW", "USD")
    elif isinstance(last.value, int | float | str):
        assert found in (last.value, str(last.value).strip(), "2025-01-01")


@given(st.lists(EDITS, min_size=1, max_size=6))
def test_changes_are_played_from_one_document_to_the_next_and_back(
    calls: list[list[Edit]],
) -> None:
    documents = edited_by(model(), calls)
    for before, after in pairwise(documents):
        changes = list(differences(RULES.model, before, after))
        there = edited(RULES, before, [Edit("name", before["name"])]).document
        play(there, changes)
        assert canonical_text(there) == canonical_text(after)
        play(there, [change._replace(old=change.new, new=change.old) for change in changes])
        assert canonical_text(there) == canonical_text(before)


@given(st.lists(EDITS, min_size=2, max_size=6))
def test_what_somebody_changed_is_overwritten_only_by_who_has_seen_it(
    calls: list[list[Edit]],
) -> None:
    """Two who began at revision 1: either the second hears of it, or all of the first's stays."""
    first = edited(RULES, model(), calls[0])
    assume(not (first.wrong or first.flaws))
    changes = list(differences(RULES.model, model(), first.document))
    touched = touched_after({}, changes, 2)
    mine = [Edit(edit.path, edit.value, 1) for edit in calls[1]]
    second = edited(RULES, first.document, mine)
    assume(not (second.wrong or second.flaws))
    found = stale(touched, first.document, mine, second)
    if not found:
        for steps, _, new in changes:
            assert canonical_text(value_at(second.document, steps)) == canonical_text(new)
    for each in found:
        assert each.revision == 2
    seen = [Edit(edit.path, edit.value, 2) for edit in calls[1]]
    assert stale(touched, first.document, seen, second) == []


def test_a_zero_with_another_sign_is_a_change() -> None:
    """The two are equal numbers and two documents, with two valuation ids."""
    after = put("terminal.gordon.growth", -0.0)
    (change,) = differences(RULES.model, model(), after)
    assert canonical_text([change.old, change.new]) == "[0.0,-0.0]"


def test_a_year_has_a_long_and_a_short_path() -> None:
    for path in ("operations.taxRate.byYear[1]", "operations.taxRate[1]"):
        after = put(path, 0.25, model(**BY_YEAR))
        assert after["operations"]["taxRate"] == {"byYear": [0.1, 0.25, 0.3]}


def test_giving_a_branch_of_a_choice_takes_the_other_away() -> None:
    capm = put("capital", {"capm": CAPM})
    assert put("capital.wacc", 0.09, capm)["capital"] == {"wacc": 0.09}
    assert put("operations.taxRate.level", 0.2, model(**BY_YEAR))["operations"]["taxRate"] == {
        "level": 0.2
    }
    parts = [Edit(f"capital.capm.{name}", value) for name, value in CAPM.items()]
    assert done(model(), *parts)["capital"] == {"capm": CAPM}


def test_a_branch_that_is_begun_and_not_finished_says_what_is_missing() -> None:
    missing = [f"capital.capm.{name}" for name in CAPM if name != "beta"]
    assert wrong(model(), Edit("capital.capm.beta", 1.0)) == [(path, "MISSING") for path in missing]


def test_nothing_leaves_out_what_can_be_left_out_and_brings_defaults_back() -> None:
    priced = put("marketPrice", 12)
    assert priced["marketPrice"] == 12.0
    assert "marketPrice" not in put("marketPrice", None, priced)
    mid = put("timing.flows", "MID_YEAR")
    assert put("timing.flows", None, mid)["timing"]["flows"] == "END_YEAR"
    assert put("terminal.exitMultiple", None) == model()  # it was not there
    assert says("bridge.debt", None)[:2] == ("edits[0].value", "MISSING")
    assert wrong(model(), Edit("capital.wacc", None)) == [("capital", "MISSING")]


def test_a_value_is_read_as_its_place_reads_it() -> None:
    assert put("timing.years", 3.0)["timing"]["years"] == 3
    assert type(put("timing.years", 3.0)["timing"]["years"]) is int
    assert type(put("bridge.debt", 7)["bridge"]["debt"]) is float
    assert put("timing.valuationDate", "20250131")["timing"]["valuationDate"] == "2025-01-31"
    assert put("name", "  Apple\u0301 ")["name"] == "Appl\u00e9"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("bridge.debt", "many", "WRONG_TYPE"),
        ("bridge.debt", True, "WRONG_TYPE"),
        ("bridge.debt", float("inf"), "NOT_FINITE"),
        ("bridge.debt", 10**400, "NOT_FINITE"),
        ("timing.years", 2.5, "WRONG_TYPE"),
        ("timing.years", 2.0**40, "OUT_OF_RANGE"),
        ("timing.years", float("nan"), "WRONG_TYPE"),
        ("timing.flows", "LATE", "UNKNOWN"),
        ("timing.flows", 1.0, "WRONG_TYPE"),
        ("timing.valuationDate", "yesterday", "WRONG_TYPE"),
        ("timing.valuationDate", 5.0, "WRONG_TYPE"),
        ("operations.taxRate", 0.2, "WRONG_TYPE"),
        ("operations.taxRate", {"wacc": 0.1}, "UNKNOWN"),
        ("operations.taxRate", {"level": 0.1, "byYear": [0.1]}, "CONTRADICTION"),
        ("operations.taxRate", {}, "MISSING"),
        ("operations.taxRate.byYear", 0.2, "WRONG_TYPE"),
        ("operations.taxRate.byYear", [0.1, "x", 0.2], "WRONG_TYPE"),
        ("operations", {"revenue": 5.0}, "MISSING"),
        ("name", "", "WRONG_LENGTH"),
        ("name", " \n ", "WRONG_LENGTH"),
        ("name", "one\ntwo", "WRONG_LENGTH"),
        ("name", "x" * 201, "WRONG_LENGTH"),
        ("name", "\u200b\u200d", "WRONG_LENGTH"),  # nothing is seen of it
        ("name", "Apple \u202e 01", "WRONG_LENGTH"),  # turns what follows around
        ("name", 5.0, "WRONG_TYPE"),
        ("unit", "DOZENS", "UNKNOWN"),
        ("scenarios.bear", 5.0, "WRONG_TYPE"),
        ("scenarios.bear", {"level": 0.1}, "WRONG_TYPE"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_where_it_was_given(
    path: str, value: Any, code: str
) -> None:
    assert says(path, value)[:2] == ("edits[0].value", code)


@pytest.mark.parametrize(
    ("path", "value", "message", "suggestion"),
    [
        (
            "bridge.debt",
            "many",
            "This takes a number, and a text was given.",
            "Give a number.",
        ),
        (
            "bridge.debt",
            True,
            "This takes a number, and true or false was given.",
            "Give a number.",
        ),
        (
            "bridge.debt",
            [1.0],
            "This takes a number, and a list was given.",
            "Give a number.",
        ),
        (
            "bridge.debt",
            {"level": 1.0},
            "This takes a number, and an object was given.",
            "Give a number.",
        ),
        (
            "timing.years",
            2.5,
            "This takes a whole number, and another number was given.",
            "Give a whole number.",
        ),
        (
            "timing.valuationDate",
            "yesterday",
            "This takes a day as a text, such as 2024-09-27, and another text was given.",
            "Give a day as a text, such as 2024-09-27.",
        ),
        (
            "timing.flows",
            1.0,
            "This takes one of the texts END_YEAR, MID_YEAR, and a number was given.",
            "Give one of the texts END_YEAR, MID_YEAR.",
        ),
        (
            "operations.taxRate.byYear",
            0.2,
            "This takes a list of numbers, and a number was given.",
            "Give a list of numbers.",
        ),
        (
            "operations.taxRate.byYear",
            [0.2, None],
            "This takes a number, and nothing was given.",
            "Give a number.",
        ),
        ("name", 5.0, "This takes a text, and a number was given.", "Give a text."),
        (
            "scenarios.bear",
            5.0,
            "This takes a scenario, and a number was given.",
            "Give a scenario: a name, and changes of inputs.",
        ),
        (
            "scenarios.bear",
            {"level": 0.1},
            "This takes a scenario, and an object was given.",
            "Give a scenario: a name, and changes of inputs.",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_answered_with_what_its_place_takes_and_what_was_given(
    path: str, value: Any, message: str, suggestion: str
) -> None:
    (problem,) = edited(RULES, model(), [Edit(path, value)]).wrong
    assert (problem.message, problem.suggestion) == (message, suggestion)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("terminal.gordon.groth", "Did you mean terminal.gordon.growth?"),
        ("wacc", "Did you mean capital.wacc?"),
        ("operations.tax_rate", "Did you mean operations.taxRate?"),
        ("operation.taxRate", "Did you mean operations.taxRate or capital.capm.taxRate?"),
        ("capital.wacc.level", "operations.revenueGrowth.level"),
        ("quite.another.thing", "A path begins with one of: name, unit, scenarios, timing, oper"),
        ("", "A path begins with one of:"),
        ("..", "A path begins with one of:"),
        ("operations.taxRate[x]", "operations.taxRate"),
        ("operations.taxRate[-1]", "operations.taxRate"),
        ("operations.taxRate[01]", "operations.taxRate"),
        ("bridge.debt[0]", "bridge.debt"),
        ("terminal[0]", "terminal"),
        ("[0]", "A path begins with one of:"),
        ("x" * 100_000, "A path begins with one of:"),
        ("__proto__.polluted", "A path begins with one of:"),
        ("scenarios", "A scenario is edited as a whole, under scenarios.<key>."),
        ("scenarios.bear.name", "A scenario is edited as a whole, under scenarios.<key>."),
        ("scenarios.Bear", "A key has up to 32 small letters, digits and hyphens"),
        (f"scenarios.{'a' * 33}", "A key has up to 32 small letters, digits and hyphens"),
        ("archived", "Use archiveModel."),
    ],
)
def test_an_unknown_path_is_answered_with_what_was_meant(path: str, meant: str) -> None:
    where, code, suggestion = says(path, 0.1)
    assert (where, code) == ("edits[0].path", "UNKNOWN")
    assert meant in suggestion


@pytest.mark.parametrize("path", ["archive", "archivd", "archived.x", "archived[0]", "nowhere"])
def test_what_no_edit_may_change_is_not_offered(path: str) -> None:
    assert "archived" not in says(path, 0.1)[2]


def test_an_index_has_to_be_there() -> None:
    path = "operations.taxRate[3]"
    assert says(path, 0.1, model(**BY_YEAR))[:2] == ("edits[0].path", "OUT_OF_RANGE")
    assert says(path, 0.1)[:2] == ("edits[0].path", "UNKNOWN")  # it stands at one level


def test_all_problems_of_a_call_are_said_at_once() -> None:
    found = wrong(
        model(),
        Edit("terminal.gordon.growth", 0.03),
        Edit("terminal.gordon.groth", 0.03),
        Edit("bridge.debt", "x"),
        Edit("operations.taxRate.level", 21.0),
        Edit("shares.diluted", -1.0),
        Edit("no path", 1.0),
    )
    assert found == [
        ("edits[1].path", "UNKNOWN"),
        ("edits[2].value", "WRONG_TYPE"),
        ("edits[5].path", "UNKNOWN"),
        ("operations.taxRate.level", "OUT_OF_RANGE"),
        ("shares.diluted", "OUT_OF_RANGE"),
    ]


def test_a_flaw_of_the_model_is_not_said_again_of_its_scenarios() -> None:
    bear = scenario(("terminal.gordon.growth", 0.01))
    found = wrong(model(), Edit("bridge.debt", -5.0), Edit("scenarios.bear", bear))
    assert found == [("bridge.debt", "OUT_OF_RANGE")]


def test_what_an_edit_was_to_mend_is_not_held_against_it_twice() -> None:
    found = wrong(
        model(),
        Edit("capital.capm.beta", 1.0),
        *(
            Edit(f"capital.capm.{name}", "x" if name == "taxRate" else value)
            for name, value in CAPM.items()
        ),
    )
    assert found == [("edits[6].value", "WRONG_TYPE")]


def test_a_call_takes_from_one_to_a_hundred_edits() -> None:
    assert wrong(model()) == [("edits", "MISSING")]
    many = [Edit("bridge.debt", 1.0)] * (EDITS_MOST + 1)
    assert wrong(model(), *many) == [("edits", "TOO_LARGE")]
    assert wrong(model(), *many[1:]) == []


def test_the_document_before_is_left_as_it_was() -> None:
    before = model(**BY_YEAR)
    edited(RULES, before, [Edit("operations.taxRate[0]", 0.5), Edit("capital.capm.beta", 1.0)])
    assert before == model(**BY_YEAR)


# Bases


def staleness(path: str, value: Any, touched: str, before: Document | None = None) -> list[Any]:
    """What is stale in an edit based on revision 3, where a path was changed by revision 5."""
    before = model() if before is None else before
    edits = [Edit(path, value, 3)]
    after = edited(RULES, before, edits)
    assert after.wrong == ()
    found = stale({touched: 5, "name": 3, "unit": 2}, before, edits, after)
    return [(each.path, each.value, each.revision) for each in found]


@pytest.mark.parametrize(
    ("path", "value", "touched", "now"),
    [
        ("bridge.debt", 1.0, "bridge.debt", 500.0),
        ("operations.taxRate[1]", 0.1, "operations.taxRate", 0.2),
        ("operations.taxRate", {"level": 0.1}, "operations.taxRate.byYear[2]", BY_YEAR),
        ("operations.taxRate.level", 0.1, "operations.taxRate.byYear[2]", None),
        ("capital.capm", CAPM, "capital.wacc", None),
        ("capital.wacc", 0.1, "capital", 0.1),
        ("scenarios.bear", None, "scenarios", None),
    ],
)
def test_an_edit_is_stale_where_something_changed_in_or_around_its_path(
    path: str, value: Any, touched: str, now: Any
) -> None:
    now = now["operations.taxRate"] if now is BY_YEAR else now
    assert staleness(path, value, touched, model(**BY_YEAR)) == [(path, now, 5)]


@pytest.mark.parametrize(
    ("path", "value", "touched"),
    [
        ("bridge.debt", 1.0, "bridge.cash"),
        ("operations.taxRate[1]", 0.1, "operations.taxRate.byYear[2]"),
        ("operations.taxRate[1]", 0.1, "operations.taxRate.byYear[10]"),
        ("name", "Pear", "scenarios.bear"),
        ("scenarios.bear", None, "scenarios.bull"),
    ],
)
def test_an_edit_beside_what_changed_is_not_stale(path: str, value: Any, touched: str) -> None:
    assert staleness(path, value, touched, model(**BY_YEAR)) == []


def test_an_edit_without_a_base_is_never_stale() -> None:
    edits = [Edit("bridge.debt", 1.0)]
    assert stale({"bridge.debt": 9}, model(), edits, edited(RULES, model(), edits)) == []


def test_a_base_that_nobody_can_have_seen_is_a_problem() -> None:
    edits = [Edit("name", "a", base) for base in (0, -1, 8, 7, 1, None)]
    assert [problem.path for problem in ahead(edits, 7)] == [
        f"edits[{number}].baseRevision" for number in (0, 1, 2)
    ]


def test_who_touched_a_path_is_kept_once_and_not_without_end() -> None:
    def touch(touched: dict[str, int], path: str, revision: int) -> dict[str, int]:
        steps = steps_of(path)
        assert steps is not None
        change = next(iter(differences(RULES.model, model(), put("name", "x"))))
        return touched_after(touched, [change._replace(steps=steps)], revision)

    touched = touch({}, "operations.taxRate.byYear[1]", 2)
    touched = touch(touched, "operations.taxRateOther", 3)
    touched = touch(touched, "operations.taxRate", 4)
    assert touched == {"operations.taxRate": 4, "operations.taxRateOther": 3}
    touched = touch(touch(touched, "terminal.list[1]", 5), "terminal.list", 6)
    assert touched.pop("terminal.list") == 6
    assert touched == {"operations.taxRate": 4, "operations.taxRateOther": 3}
    for number in range(101):
        touched = touch(touched, f"scenarios.key-{number}", 5 + number)
    assert touched.pop("scenarios") == 105
    assert touched == {"operations.taxRate": 4, "operations.taxRateOther": 3}
    for number in range(250):
        touched = touch(touched, f"scenarios.key-{number}", 5 + number)
    scenarios = [path for path in touched if path.startswith("scenarios")]
    assert len(scenarios) <= 101
    assert max(touched[path] for path in scenarios) == 254


# Scenarios


def scenario(*changes: tuple[str, Any], name: str = "Bear") -> Document:
    return {
        "name": name,
        "changes": [{"path": path, "value": value} for path, value in changes],
    }


def test_a_scenario_is_kept_with_its_paths_and_values_in_their_one_form() -> None:
    given = scenario(
        ("operations.taxRate[1]", 1),
        ("timing.valuationDate", "20250131"),
        ("operations.revenueGrowth", {"stages": [{"years": 3, "value": 0}]}),
        ("marketPrice", None),
    )
    given["changes"][0]["value"] = 0
    after = put("scenarios.bear", given, model(**BY_YEAR))
    assert after["scenarios"]["bear"] == scenario(
        ("operations.taxRate.byYear[1]", 0.0),
        ("timing.valuationDate", "2025-01-31"),
        ("operations.revenueGrowth", {"stages": [{"years": 3, "value": 0.0, "ramp": False}]}),
        ("marketPrice", None),
    )
    assert inputs_in(after) == inputs_in(model(**BY_YEAR))


def test_a_scenario_may_rely_on_what_the_same_call_does_to_the_model() -> None:
    year = scenario(("operations.taxRate[1]", 0.5))
    after = done(
        model(),
        Edit("scenarios.bear", year),
        Edit("operations.taxRate", {"byYear": [0.1, 0.2, 0.3]}),
    )
    found = in_scenario(RULES, inputs_in(after), after["scenarios"]["bear"]["changes"], "at")
    assert found["operations"]["taxRate"] == {"byYear": [0.1, 0.5, 0.3]}


def test_a_scenario_says_which_of_its_changes_are_wrong() -> None:
    given = scenario(
        ("terminal.gordon.growth", 0.2),
        ("bridge.dept", 1.0),
        ("bridge.debt", "x"),
        ("name", "no input"),
        name="",
    )
    at = "edits[0].value.scenario"
    assert wrong(model(), Edit("scenarios.bear", given)) == [
        (f"{at}.name", "WRONG_LENGTH"),
        (f"{at}.changes[1].path", "UNKNOWN"),
        (f"{at}.changes[2].value", "WRONG_TYPE"),
        (f"{at}.changes[3].path", "UNKNOWN"),
    ]
    beyond = scenario(("bridge.debt", 1.0), ("terminal.gordon.growth", 0.2))
    assert wrong(model(), Edit("scenarios.bear", beyond)) == [
        (f"{at}.changes[1].value", "CONTRADICTION")
    ]


def test_a_scenario_that_no_longer_fits_says_which_change_it_is() -> None:
    changes = scenario(("bridge.debt", 1.0), ("operations.taxRate.byYear[1]", 0.5))["changes"]
    with pytest.raises(InvalidInput) as no:
        in_scenario(RULES, inputs_in(model()), changes, "scenarios.bear.changes")
    assert [problem.path for problem in no.value.problems] == ["scenarios.bear.changes[1].path"]
    inputs = inputs_in(model(**{"timing.years": 4}))
    longer = scenario(("operations.taxRate", {"byYear": [0.1, 0.2, 0.3]}))["changes"]
    with pytest.raises(InvalidInput) as no:
        in_scenario(RULES, inputs, longer, "scenarios.bear.changes")
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("scenarios.bear.changes[0].value", "WRONG_LENGTH")
    ]


def test_scenarios_are_few_and_small() -> None:
    document = model()
    for number in range(SCENARIOS_MOST):
        document = put(f"scenarios.key-{number}", scenario(), document)
    assert says("scenarios.one-more", scenario(), document)[:2] == ("scenarios", "TOO_LARGE")
    assert len(put("scenarios.key-0", None, document)["scenarios"]) == SCENARIOS_MOST - 1
    many = scenario(*[("bridge.debt", 1.0)] * (CHANGES_MOST + 1))
    where = "edits[0].value.scenario.changes"
    assert says("scenarios.bear", many)[:2] == (where, "TOO_LARGE")
    full = scenario(
        *[("operations.taxRate", {"stages": [{"years": 1, "value": 0.1}] * 3})] * CHANGES_MOST
    )
    heavy = model()
    after: Edited | None = None
    for number in range(SCENARIOS_MOST):
        after = edited(RULES, heavy, [Edit(f"scenarios.key-{number}", full)])
        if after.flaws:
            break
        heavy = after.document
    assert after is not None
    assert [problem.path for problem in after.flaws] == ["scenarios"]
    assert len(canonical_text(heavy["scenarios"])) <= 64 * 1024


def test_working_capital_by_days_takes_the_place_of_a_share_in_one_call() -> None:
    days = {
        "receivables": {"byYear": [30.0, 40.0, 50.0]},
        "inventories": {"level": 36.5},
        "payables": {"level": 60.0},
        "costOfSales": {"level": 0.5},
    }
    given = Edit("operations.workingCapitalDays", days)
    alone = edited(RULES, model(), [given])
    assert [flaw.path for flaw in alone.flaws] == ["operations.workingCapital"]
    by_days = done(model(), Edit("operations.workingCapital", None), given)
    assert by_days["operations"]["workingCapitalDays"] == days
    assert "workingCapital" not in by_days["operations"]
    longer = done(by_days, Edit("operations.workingCapitalDays.receivables[2]", 55))
    assert longer["operations"]["workingCapitalDays"]["receivables"]["byYear"][2] == 55.0
    back = [Edit("operations.workingCapitalDays", None), Edit("operations.workingCapital.level", 0)]
    assert "workingCapitalDays" not in done(by_days, *back)["operations"]


DILUTED = [
    Edit("shares.diluted", None),
    Edit("shares.basic", 90),
    Edit("shares.options", [{"count": 5, "strike": 8}, {"count": 6, "strike": 9}]),
]


def test_tranches_are_given_as_a_list_and_edited_one_by_one() -> None:
    diluted = done(model(), *DILUTED)
    assert diluted["shares"] == {
        "basic": 90.0,
        "options": [{"count": 5.0, "strike": 8.0}, {"count": 6.0, "strike": 9.0}],
    }
    dearer = put("shares.options[1].strike", 12, diluted)
    assert dearer["shares"]["options"][1] == {"count": 6.0, "strike": 12.0}
    (change,) = differences(RULES.model, diluted, dearer)
    assert (change.steps, change.old, change.new) == (("shares", "options", 1, "strike"), 9.0, 12.0)
    assert wrong(diluted, Edit("shares.options[2].strike", 1.0)) == [
        ("edits[0].path", "OUT_OF_RANGE")
    ]
    assert wrong(diluted, Edit("shares.options[0].strike", -1.0)) == [
        ("shares.options[0].strike", "OUT_OF_RANGE")
    ]
    assert wrong(diluted, Edit("shares.diluted", 100.0)) == [("shares.diluted", "CONTRADICTION")]
    assert "options" not in put("shares.options", None, diluted)["shares"]


def test_a_firm_is_cut_into_segments_and_put_together_again() -> None:
    business = inputs_in(model())["operations"]
    cut = done(
        model(),
        Edit("segments", [{"name": "One", "operations": business}]),
        Edit("operations", None),
    )
    assert "operations" not in cut
    assert cut["segments"] == [{"name": "One", "operations": business}]
    dearer = done(cut, Edit("segments[0].capital.wacc", 0.2))
    assert dearer["segments"][0]["capital"] == {"wacc": 0.2}
    assert put("segments[0].operations.taxRate", {"level": 0.1}, cut)["segments"][0]["operations"][
        "taxRate"
    ] == {"level": 0.1}
    assert wrong(cut, Edit("segments[0].name", " ")) == [("segments[0].name", "WRONG_LENGTH")]
    assert wrong(cut, Edit("segments", None)) == [("operations", "MISSING")]
    one = [Edit(f"operations.{name}", value) for name, value in business.items()]
    assert done(cut, *one, Edit("segments", None)) == model()


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("segments[1]", "Give the list as a whole, without it."),
        ("segments[1].operations.revenueGrowth.byYear[0]", "Give a number."),
    ],
)
def test_an_item_of_a_list_is_left_out_with_the_list_as_a_whole(path: str, suggestion: str) -> None:
    business = inputs_in(model())["operations"] | {"revenueGrowth": {"byYear": [0.1, 0.1, 0.1]}}
    parts = [{"name": name, "operations": business} for name in ("One", "Two")]
    cut = done(model(), Edit("segments", parts), Edit("operations", None))
    assert says(path, None, cut) == ("edits[0].value", "MISSING", suggestion)


def test_a_failure_needs_both_of_its_numbers() -> None:
    likely, half = Edit("failure.probability", 0.2), Edit("failure.recovery", 0.5)
    assert done(model(), likely, half)["failure"] == {"probability": 0.2, "recovery": 0.5}
    assert wrong(model(), likely) == [("failure.recovery", "MISSING")]
    assert done(done(model(), likely, half), Edit("failure", None)) == model()


def test_a_beta_from_comparables_is_edited_firm_by_firm() -> None:
    peer = {"name": "Plum", "beta": 1.3, "debtToEquity": 0.5, "taxRate": 0.4}
    built = {name: value for name, value in CAPM.items() if name != "beta"}
    capm = built | {"comparables": {"peers": [peer, peer | {"name": "Pear"}]}}
    compared = put("capital", {"capm": capm})
    peers = "capital.capm.comparables.peers"
    found = compared["capital"]["capm"]["comparables"]
    assert (found["unlevering"], found["blume"]) == ("HAMADA", False)
    after = done(
        compared,
        Edit(f"{peers}[1].beta", 1),
        Edit("capital.capm.comparables.blume", True),
        Edit("capital.capm.sizePremium", 0.01),
    )
    assert [each["beta"] for each in after["capital"]["capm"]["comparables"]["peers"]] == [1.3, 1.0]
    assert after["capital"]["capm"]["sizePremium"] == 0.01
    assert says(f"{peers}[2].beta", 1.0, compared)[:2] == ("edits[0].path", "OUT_OF_RANGE")
    # A beta beside the firms to take it from is one too many.
    assert wrong(compared, Edit("capital.capm.beta", 1.1)) == [
        ("capital.capm.beta", "CONTRADICTION")
    ]
    back = [Edit("capital.capm.comparables", None), Edit("capital.capm.beta", 1.1)]
    assert "comparables" not in done(compared, *back)["capital"]["capm"]
