"""The judge of the fault trials sees every kind of flaw, and none where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.faults import ledger
from benchmarks.faults.comparison import Flaws, Logged, Sighting, Told, compare
from benchmarks.faults.ledger import Entry

DEBT, CASH = "bridge.debt", "bridge.cash"
MADE: Final = Logged(1, "made", {}, "ours")


def entry(operation: str, path: str, value: float, *answers: int) -> Entry:
    return Entry(operation, "model", path, value, sent=0.0, answers=list(answers))


def logged(revision: int, operation: str, path: str, value: float, tenant: str = "ours") -> Logged:
    return Logged(revision, operation, {path: value}, tenant)


def seen(*operations: str) -> list[Sighting]:
    return [Sighting(revision, operation) for revision, operation in enumerate(operations, 2)]


ENTRIES: Final = [
    entry("a", DEBT, 1.0, 2),
    entry("b", CASH, 2.0, 3, 3),
    entry("c", DEBT, 3.0, 4),
    entry("never answered, and kept", CASH, 4.0),
    entry("never answered, and not kept", CASH, 5.0),
]
LOG: Final = [
    MADE,
    logged(2, "a", DEBT, 1.0),
    logged(3, "b", CASH, 2.0),
    logged(4, "c", DEBT, 3.0),
    logged(5, "never answered, and kept", CASH, 4.0),
]
SEEN: Final = seen("a", "b", "c", "never answered, and kept")
VALUES: Final = {DEBT: 3.0, CASH: 4.0}
FINE: Final = Told(
    model="model",
    tenant="ours",
    kept_for="ours",
    entries=ENTRIES,
    logs={"the API": LOG, "the database": LOG},
    revisions={"the API": 5, "the database": 5},
    values={"the API": VALUES, "the database": VALUES},
    watchers={"Vera": SEEN},
)


def kinds(flaws: Flaws) -> set[str]:
    return {sentence.partition(":")[0] for sentence in flaws.sentences()}


def with_log(log: Sequence[Logged], road: str, **more: Any) -> Told:
    return replace(FINE, logs={**FINE.logs, road: log}, **more)


def test_nothing_is_wrong_where_everything_is_on_record_once() -> None:
    assert not compare(FINE), compare(FINE).sentences()


@pytest.mark.parametrize("road", ["the API", "the database"])
class TestOfWhatIsOnRecord:
    def test_an_acknowledged_operation_that_is_gone_is_lost(self, road: str) -> None:
        log = [*LOG[:3], logged(4, "d", DEBT, 3.5), LOG[4]]
        assert "lost" in kinds(compare(with_log(log, road)))

    def test_an_acknowledged_operation_with_another_value_is_lost(self, road: str) -> None:
        log = [*LOG[:3], logged(4, "c", DEBT, 7.0), LOG[4]]
        assert kinds(compare(with_log(log, road))) == {"lost"}

    def test_an_operation_that_is_there_twice_is_doubled(self, road: str) -> None:
        log = [*LOG, logged(6, "c", DEBT, 3.0)]
        assert "doubled" in kinds(compare(with_log(log, road)))

    def test_one_that_is_there_again_under_another_id_is_doubled(self, road: str) -> None:
        log = [*LOG, logged(6, "another", DEBT, 3.0)]
        assert "doubled" in kinds(compare(with_log(log, road)))

    def test_an_unanswered_operation_may_be_there_once_but_not_twice(self, road: str) -> None:
        log = [*LOG, logged(6, "never answered, and kept", CASH, 4.0)]
        assert "doubled" in kinds(compare(with_log(log, road)))

    def test_a_gap_in_the_revisions_is_out_of_order(self, road: str) -> None:
        assert "out of order" in kinds(compare(with_log([*LOG[:2], *LOG[3:]], road)))

    def test_revisions_that_come_in_another_order_are_out_of_order(self, road: str) -> None:
        log = [MADE, LOG[2], LOG[1], *LOG[3:]]
        assert kinds(compare(with_log(log, road))) == {"out of order"}

    def test_a_revision_other_than_the_acknowledged_one_is_out_of_order(self, road: str) -> None:
        log = [MADE, logged(2, "b", CASH, 2.0), logged(3, "a", DEBT, 1.0), *LOG[3:]]
        assert "out of order" in kinds(compare(with_log(log, road)))

    def test_a_value_that_is_not_the_last_that_was_written_is_lost(self, road: str) -> None:
        values = {**FINE.values, road: {DEBT: 1.0, CASH: 4.0}}
        assert kinds(compare(replace(FINE, values=values))) == {"lost"}

    def test_an_operation_that_nobody_sent_is_foreign(self, road: str) -> None:
        log = [*LOG, logged(6, "whose?", CASH, 9e9)]
        assert "foreign" in kinds(compare(with_log(log, road)))


def test_a_row_of_another_tenant_is_foreign() -> None:
    log = [*LOG[:3], replace(LOG[3], tenant="canary"), LOG[4]]
    assert kinds(compare(with_log(log, "the database"))) == {"foreign"}


def test_a_model_that_is_kept_for_another_tenant_is_foreign() -> None:
    assert kinds(compare(replace(FINE, kept_for="canary"))) == {"foreign"}


def test_two_answers_that_name_two_revisions_are_a_doubled_operation() -> None:
    entries = [entry("a", DEBT, 1.0, 2, 5), *ENTRIES[1:]]
    assert kinds(compare(replace(FINE, entries=entries))) == {"doubled"}


@pytest.mark.parametrize(
    ("saw", "flaw"),
    [
        (SEEN[:-1], "lost"),
        ([SEEN[0], *SEEN[2:]], "lost"),
        ([*SEEN, SEEN[-1]], "doubled"),
        ([SEEN[1], SEEN[0], *SEEN[2:]], "out of order"),
        ([*SEEN[:-1], Sighting(5, "another's")], "foreign"),
    ],
)
def test_a_watcher_sees_each_revision_once_and_in_order(saw: list[Sighting], flaw: str) -> None:
    assert kinds(compare(replace(FINE, watchers={"Vera": SEEN, "Walt": saw}))) == {flaw}


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    with ledger.kept(tmp_path / "ledger.jsonl") as kept:
        answered = kept.sent("model", DEBT, 1.0)
        unanswered = kept.sent("model", CASH, 2.0)
        kept.answered(answered, 2)
        kept.answered(answered, 2)
    assert ledger.read(tmp_path / "ledger.jsonl") == [answered, unanswered]
    assert answered.answers == [2, 2]
    assert (answered.revision, unanswered.revision) == (2, None)
