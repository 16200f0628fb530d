"""What a document says of where its inputs come from: it changes no number, and it is not lost."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidInput
from observability.metrics import Meter
from observability.objectives import edges_ns, load
from services.compute import Compute
from services.dcf_labels import DCF_LABELS
from services.edits import Edit, Rules, edited
from services.kinds import DCF, KINDS
from services.sourced_inputs import forget, known_paths, problems_of
from services.tenants import TenantService
from services.valuations import ValuationService, canonical, content_id
from store.database import Database
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.dcf_documents import WORTH_A_SHARE, but, firm
from tests.mirror.services.conftest import principal
from tests.model_edits import SHAPES

SAID = {"path": "bridge.debt", "source": "10-K, p. 61", "asOf": "2024-09-28", "author": "Ada"}


def sourced(*said: dict[str, Any]) -> Any:
    return firm() | {"assumptions": list(said or (SAID,))}


def wrong(document: Any) -> list[str]:
    with pytest.raises(InvalidInput) as no:
        DCF.door(document)
    return [problem.path for problem in no.value.problems]


def test_they_change_no_number() -> None:
    plain, told = (DCF.value(DCF.inputs_of(each)) for each in (firm(), sourced()))
    assert DCF.result_document(told) == DCF.result_document(plain)
    assert told.worth.value_per_share == WORTH_A_SHARE


def test_they_are_part_of_the_id_and_a_document_without_them_keeps_its_own() -> None:
    def of(document: Any) -> str:
        return content_id(DCF, canonical(document))

    assert of(sourced()) != of(firm())
    assert of(sourced()) == of(sourced())
    assert of(sourced({**SAID, "source": "10-K, p. 62"})) != of(sourced())


@pytest.mark.parametrize(
    "path",
    [
        "operations.revenueGrowth",
        "operations.revenueGrowth.byYear[3]",
        "operations.revenueGrowth.stages[0].value",
        "bridge",
        "operations",
        "capital.wacc",
        "capital.capm.beta",  # of a branch that this firm does not take
        "terminal",
        "marketPrice",
    ],
)
def test_any_input_or_group_of_inputs_may_have_one(path: str) -> None:
    DCF.door(sourced({"path": path, "note": "So."}))


@pytest.mark.parametrize(
    "path",
    ["", "bridge.dept", "operations.revenueGrowth.foo", "assumptions", "x" * 500, "bridge.", "[0]"],
)
def test_a_path_of_nothing_is_refused(path: str) -> None:
    assert wrong(sourced({"path": path, "note": "So."})) == ["assumptions[0].path"]


def test_a_slip_of_the_pen_is_answered_with_what_may_have_been_meant() -> None:
    (problem,) = problems_of([{"path": "bridge.dept", "note": "x"}], known_paths(DCF_LABELS))
    assert problem.suggestion == "Did you mean bridge.debt?"


def test_all_problems_are_said_at_once_with_those_of_the_numbers() -> None:
    document = sourced(
        {"path": "bridge.debt"},
        {"path": "bridge.debt", "note": "a\x07"},
        {"path": "bridge.cash", "source": "x" * 2_001, "author": "y" * 201, "note": "z" * 4_001},
    )
    document["bridge"]["cash"] = -1.0
    assert wrong(document) == [
        "bridge.cash",
        "assumptions[0]",
        "assumptions[1].path",
        "assumptions[1].note",
        "assumptions[2].source",
        "assumptions[2].author",
        "assumptions[2].note",
    ]


def test_there_are_not_too_many() -> None:
    many = [{"path": "bridge.debt", "note": "x"}] * 201
    assert wrong(sourced(*many)) == ["assumptions"]


@pytest.mark.anyio
async def test_they_are_kept_with_the_valuation(
    database: Database, tenants: TenantService, compute: Compute
) -> None:
    meter = Meter(edges_ns=edges_ns(load()), build={}, kinds=tuple(KINDS))
    service = ValuationService(Valuations(database), tenants, compute, meter, Unseen())
    told = await service.value(principal(), DCF, sourced())
    plain = await service.value(principal(), DCF, firm())
    other = await service.value(principal(), DCF, sourced({**SAID, "author": "Bob"}))
    assert len({told.id, plain.id, other.id}) == 3
    assert told.result_hash == plain.result_hash == other.result_hash  # the numbers are the same
    assert (await service.find(principal(), told.id)).inputs["assumptions"] == [SAID]
    assert (await service.find(principal(), other.id)).inputs["assumptions"][0]["author"] == "Bob"


# Models


def model(*said: dict[str, Any]) -> Any:
    own = {"name": "Firm", "unit": "ONES", "archived": False, "scenarios": {}}
    return own | sourced(*said)


def after(document: Any, *edits: Edit) -> Any:
    rules = Rules.of(SHAPES["DCF"], DCF.door)
    found = edited(rules, document, edits)
    assert (found.wrong, found.flaws) == ((), ())
    return found.document


GROWTH = {"path": "operations.revenueGrowth", "source": "a study"}


def test_who_changes_an_input_of_a_model_takes_away_what_was_said_of_its_old_value() -> None:
    left = after(model(SAID, GROWTH), Edit("bridge.debt", 1.0))
    assert left["assumptions"] == [GROWTH]
    assert "assumptions" not in after(model(SAID), Edit("bridge.debt", 1.0))
    assert after(model(SAID, GROWTH), Edit("name", "Other"))["assumptions"] == [SAID, GROWTH]
    part = after(model(GROWTH), Edit("operations.revenueGrowth.level", 0.01))
    assert "assumptions" not in part
    group = after(model({"path": "bridge", "note": "x"}), Edit("bridge.debt", 1.0))
    assert "assumptions" not in group


def test_who_says_it_anew_in_the_same_edit_has_the_last_word() -> None:
    said = [{"path": "bridge.debt", "note": "Ours."}]
    left = after(model(SAID), Edit("bridge.debt", 1.0), Edit("assumptions", said))
    assert left["assumptions"] == said


def test_a_scenario_does_not_borrow_the_sources_of_what_it_changes() -> None:
    document = firm() | {"assumptions": [SAID, GROWTH]}
    forget(document, [("bridge", "debt")])
    assert document["assumptions"] == [GROWTH]
    assert but(document, "bridge.debt", 500.0) == document
