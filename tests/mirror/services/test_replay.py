"""After an upgrade every kept number is the same, rounded, explained, or found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.changes import REFUSED, Change
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from services.compute import Compute
from services.errors import Forbidden, NotFound
from services.kinds import DCF, KINDS
from services.principal import ALLOWED, Action, Role
from services.replay import How, ReplayService, Tally, Verdict, replay, replay_all
from store.database import Database
from store.valuations import Valuations
from tests.dcf_documents import WORTH_A_SHARE, firm, without
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import OURS, THEIRS
from tests.older_engine import kept, result_of

pytestmark = pytest.mark.anyio

Changes = dict[str, tuple[Change, ...]]


def explaining(*outputs: str, inputs: tuple[str, ...] = (), version: str = "1.0.0") -> Changes:
    """A list with one change in it."""
    change = Change(title="Why", why="Because.", kinds=("DCF",), outputs=outputs, inputs=inputs)
    return {"0.9.0": (), version: (change,)}


def numbers_in(document: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a document with its path, by another road than the one that is tested."""
    if isinstance(document, dict):
        for name, below in document.items():
            yield from numbers_in(below, f"{path}.{name}" if path else name)
    elif isinstance(document, list):
        for place, below in enumerate(document):
            yield from numbers_in(below, f"{path}[{place}]")
    elif isinstance(document, float):
        yield path, document


NUMBERS = dict(numbers_in(result_of(firm())))


# What is said of a number


def test_what_todays_engine_kept_is_identical() -> None:
    found = replay(kept(engine=ENGINE_VERSION, numpy_version=NUMPY_VERSION))
    assert found.verdict is Verdict.IDENTICAL
    assert found.result_hash == found.kept.result_hash
    assert found.lines == ()


def test_an_older_engines_number_that_is_still_the_same_is_identical() -> None:
    assert replay(kept(engine="0.9.0")).verdict is Verdict.IDENTICAL


def test_a_number_that_changed_is_told_with_what_stood_there_and_by_how_much() -> None:
    found = replay(kept(numbers={"valuePerShare": 10.0}))
    (line,) = found.lines
    assert found.verdict is Verdict.UNEXPLAINED
    assert (line.path, line.kept, line.now) == ("valuePerShare", 10.0, WORTH_A_SHARE)
    assert line.difference == pytest.approx(1.0, rel=1e-12)
    assert line.relative == pytest.approx(0.1, rel=1e-12)
    assert line.how is How.UNEXPLAINED


@given(
    st.dictionaries(
        st.sampled_from(sorted(NUMBERS)), st.floats(0.5, 2.0).filter(lambda by: abs(by - 1) > 1e-6)
    )
)
def test_exactly_the_numbers_that_changed_are_told(factors: dict[str, float]) -> None:
    changed = {path: (NUMBERS[path] + 1.0) * by for path, by in factors.items()}
    changed = {path: value for path, value in changed.items() if value != NUMBERS[path]}
    found = replay(kept(numbers=changed))
    assert {line.path: line.kept for line in found.lines} == changed
    assert {line.path: line.now for line in found.lines} == {
        path: NUMBERS[path] for path in changed
    }


def test_a_change_is_explained_by_an_entry_of_a_later_version_that_names_it() -> None:
    row = kept(numbers={"forecast.tax[1]": 1.0})
    found = replay(row, explaining("forecast.tax"))
    (line,) = found.lines
    assert found.verdict is Verdict.EXPLAINED
    assert line.version == "1.0.0"
    assert line.change is not None
    assert line.change.why == "Because."


@pytest.mark.parametrize(
    "changes",
    [
        explaining("forecast.nopat"),
        explaining("forecast.tax", version="0.9.0"),  # the number was kept with it
        explaining("forecast.tax", inputs=("operations.stubYear",)),  # which it does not have
        explaining("forecast.tax", inputs=("timing.flows=MID_YEAR",)),
    ],
)
def test_an_entry_explains_nothing_that_it_does_not_touch(changes: Changes) -> None:
    row = kept(numbers={"forecast.tax[1]": 1.0})
    assert replay(row, changes).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    "asked", ["timing.flows=END_YEAR", "terminal.gordon", "operations.revenue_growth"]
)
def test_an_entry_for_some_inputs_explains_valuations_that_have_one_of_them(asked: str) -> None:
    row = kept(numbers={"forecast.tax[1]": 1.0})
    changes = explaining("forecast.tax", inputs=("timing.stub", asked))
    assert replay(row, changes).verdict is Verdict.EXPLAINED


def test_one_number_without_an_explanation_is_not_hidden_by_those_that_have_one() -> None:
    row = kept(numbers={"forecast.tax[1]": 1.0, "wacc": 0.2})
    found = replay(row, explaining("forecast.tax"))
    assert {line.path: line.how for line in found.lines} == {
        "forecast.tax[1]": How.EXPLAINED,
        "wacc": How.UNEXPLAINED,
    }
    assert found.verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("by", "verdict"),
    [(2.0**-52, Verdict.ROUNDING), (9e-13, Verdict.ROUNDING), (2e-12, Verdict.UNEXPLAINED)],
)
def test_what_another_processor_rounds_is_told_from_what_changed(
    by: float, verdict: Verdict
) -> None:
    worth = NUMBERS["enterpriseValue"] * (1.0 + by)
    assert replay(kept(numbers={"enterpriseValue": worth})).verdict is verdict


def test_a_small_difference_of_large_numbers_may_differ_by_their_rounding() -> None:
    """At a price just below the value the upside is what rounding left of two numbers near 11."""
    document = firm(marketPrice=11.0)
    upside = result_of(document)["crossChecks"]["upside"]
    assert abs(upside) < 1e-14
    row = kept(document, numbers={"crossChecks.upside": 3e-15})
    assert replay(row).verdict is Verdict.ROUNDING
    row = kept(document, numbers={"crossChecks.upside": 3e-12})
    assert replay(row).verdict is Verdict.UNEXPLAINED


def test_a_line_that_is_new_changes_no_number() -> None:
    result = result_of(firm())
    del result["crossChecks"]["evToRevenue"]
    found = replay(kept(result=result))
    assert [(line.path, line.how) for line in found.lines] == [("crossChecks.evToRevenue", How.NEW)]
    assert found.verdict is Verdict.SAME


def test_a_line_that_is_gone_must_be_explained() -> None:
    found = replay(kept(result=result_of(firm()) | {"adjustedValue": 1.0}))
    (line,) = found.lines
    assert (line.path, line.kept, line.now) == ("adjustedValue", 1.0, None)
    assert found.verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("path", "was"),
    [
        ("costOfEquity", 0.1),  # a number became null
        ("wacc", None),  # null became a number
        ("wacc", "0.1"),  # a word became a number
        ("remarks", [{"code": "GROWTH", "message": "High.", "path": "terminal"}]),
    ],
)
def test_what_is_no_number_must_be_explained_too(path: str, was: Any) -> None:
    found = replay(kept(numbers={path: was}))
    assert found.verdict is Verdict.UNEXPLAINED
    assert all(line.difference is None for line in found.lines)


def test_a_year_more_or_less_is_a_change() -> None:
    tax = result_of(firm())["forecast"]["tax"]
    for years in (tax[:-1], [*tax, 1.0]):
        found = replay(kept(numbers={"forecast.tax": years}))
        (line,) = found.lines
        assert line.path == f"forecast.tax[{min(len(years), len(tax))}]"
        assert found.verdict is Verdict.UNEXPLAINED


# What cannot be valued again


def test_inputs_that_are_refused_now_must_be_explained() -> None:
    """An engine before this one let a WACC below the growth in."""
    document = firm(**{"capital.wacc": 0.02, "terminal.gordon.growth": 0.03})
    row = kept(document, result={"valuePerShare": -5.0})
    found = replay(row)
    (line,) = found.lines
    assert found.verdict is Verdict.UNEXPLAINED
    assert found.result_hash is None
    assert line.path == REFUSED
    assert "WACC" in line.now or "wacc" in line.now
    assert replay(row, explaining(REFUSED)).verdict is Verdict.EXPLAINED


@pytest.mark.parametrize(
    "written_over",
    [
        {"result": '{"valuePerShare":12.0}'},
        {"result_hash": "0" * 64},
        {"inputs": '{"currency":"EUR"}'},
        {"engine_version": "1.0.0"},
        {"seed": 1},
        {"id": "0" * 64},
    ],
)
def test_a_row_that_was_written_over_is_found(written_over: dict[str, Any]) -> None:
    found = replay(replace(kept(), **written_over))
    assert found.verdict is Verdict.UNREADABLE
    assert "does not fit its hash" in str(found.problem)


def test_a_kind_that_this_version_does_not_know_is_told() -> None:
    found = replay(kept(kind="REAL_OPTION"))
    assert found.problem == "This version knows no valuation of the kind REAL_OPTION."


def test_inputs_of_a_later_version_are_told_and_not_guessed() -> None:
    found = replay(kept(input_version=DCF.input_version + 1))
    assert found.verdict is Verdict.UNREADABLE
    assert "newer than this program" in str(found.problem)


def test_inputs_of_an_older_version_are_upgraded_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 wrote the currency of what it kept nowhere."""
    now = DCF.input_version

    def upgrade(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"currency": "USD"}

    later = replace(DCF, input_version=now + 1, upgrades={now: upgrade})
    monkeypatch.setitem(KINDS, "DCF", replace(later, inputs_of=lambda d: DCF.inputs_of(_full(d))))
    row = kept(without(firm(), "currency"), result=result_of(firm()), input_version=now)
    assert replay(row).verdict is Verdict.IDENTICAL


def _full(document: Any) -> Any:
    assert document["currency"] == "USD"
    return document


# Many of them


def test_a_tally_counts_valuations_and_keeps_the_largest_change_of_each_line() -> None:
    tally = Tally()
    for number, tax in enumerate((51.0, 75.0, 60.0)):
        years = {f"forecast.tax[{year}]": tax for year in range(3)}
        row = kept(firm(**{"operations.revenue": 1000.0 + number}), numbers=years)
        tally.add(replay(row))
        if tax == 75.0:
            widest = row.id
    ((place, worst),) = tally.places.items()
    assert place[:3] == ("DCF", "forecast.tax[]", How.UNEXPLAINED)
    assert worst.valuations == 3
    assert worst.valuation_id == widest
    assert worst.line.kept == 75.0
    assert tally.replayed == 3
    assert tally.kept_by == {("0.9.0", "2.4.0"): 3}
    assert not tally.sound


def test_a_tally_is_sound_as_long_as_everything_is_explained() -> None:
    tally = Tally()
    changes = explaining("wacc")
    tally.add(replay(kept(), changes))
    tally.add(replay(kept(numbers={"wacc": 0.2}), changes))
    assert tally.sound
    tally.add(replay(replace(kept(), result_hash="0" * 64), changes))
    assert not tally.sound
    ((_, count),) = tally.problems.values()
    assert count == 1


async def test_every_valuation_of_one_tenant_is_replayed_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.replay.PAGE", 3)
    valuations = Valuations(database)
    rows = [kept(firm(**{"operations.revenue": 1000.0 + more})) for more in range(10)]
    for row in rows:
        await valuations.keep(OURS, row)
    await valuations.keep(THEIRS, kept(firm(**{"operations.revenue": 1.0})))
    found = [each.kept.id async for each in replay_all(valuations, OURS)]
    assert found == sorted(row.id for row in rows)


async def test_a_fault_of_ours_is_told_and_the_others_are_replayed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    valuations = Valuations(database)
    await valuations.keep(OURS, kept())
    await valuations.keep(OURS, kept(without(firm(), "operations.revenue"), result={}))
    found = [each async for each in replay_all(valuations, OURS)]
    assert {each.verdict for each in found} == {Verdict.IDENTICAL, Verdict.UNREADABLE}
    (problem,) = [each.problem for each in found if each.problem]
    assert problem.startswith("The engine failed: TypeError: Operations")
    assert "'revenue'" in problem


async def test_a_member_replays_what_is_their_tenants(database: Database, compute: Compute) -> None:
    valuations, row = Valuations(database), kept(numbers={"valuePerShare": 10.0})
    await valuations.keep(OURS, row)
    service = ReplayService(valuations, compute)
    found = await service.replay(principal(Role.VIEWER), row.id)
    assert [line.path for line in found.lines] == ["valuePerShare"]
    for stranger, asked in ((principal(tenant_id=THEIRS), row.id), (principal(), "0" * 64)):
        with pytest.raises(NotFound):
            await service.replay(stranger, asked)


async def test_whoever_may_not_read_a_valuation_may_not_replay_it(
    database: Database, compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = ALLOWED[Role.VIEWER] - {Action.READ_VALUATION}
    monkeypatch.setitem(ALLOWED, Role.VIEWER, allowed)
    with pytest.raises(Forbidden):
        await ReplayService(Valuations(database), compute).replay(principal(Role.VIEWER), "0" * 64)


def test_the_rows_of_these_tests_are_kept_as_the_service_keeps_them() -> None:
    row = kept()
    assert json.loads(row.result)["valuePerShare"] == WORTH_A_SHARE
