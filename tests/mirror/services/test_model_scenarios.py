"""A model's scenarios side by side: each is worth what it is valued at, and nothing is kept."""

from __future__ import annotations

import math

import pytest

from services.errors import Forbidden, InvalidInput
from services.model import Model
from services.model_reading import Likely
from services.principal import ALLOWED, Role
from store.database import Database
from tests.dcf_documents import WORTH_A_SHARE
from tests.mirror.services.conftest import principal
from tests.mirror.services.models_at_work import Office

pytestmark = pytest.mark.anyio


@pytest.fixture
def office(database: Database) -> Office:
    return Office.opened(database)


async def two_scenarios(office: Office) -> Model:
    """11 a share as it is; 6 at a WACC of 15 %; and one that is sold after a year."""
    sale = {
        "name": "Sold",
        "changes": [
            {"path": "terminal", "value": {"exitMultiple": {"evToEbitda": 8.0}}},
            {"path": "timing.years", "value": 1},
        ],
    }
    dear = {"name": "Dear", "changes": [{"path": "capital.wacc", "value": 0.15}]}
    made = await office.make()
    return (await office.edit(made, ("scenarios.dear", dear), ("scenarios.a-sale", sale))).model


async def test_each_scenario_is_worth_what_it_is_valued_at(office: Office) -> None:
    of = await two_scenarios(office)
    cases, found = await office.service.compare_scenarios(office.me, of, None)
    assert [case.name for case in cases] == ["a-sale", "dear"]
    assert found.base["VALUE_PER_SHARE"] == WORTH_A_SHARE
    assert found.expected is None
    for case, values in zip(cases, found.cases, strict=True):
        _, recorded = await office.service.value(office.me, of.id, case.name)
        assert values == {
            "VALUE_PER_SHARE": recorded.result["valuePerShare"],
            "EQUITY_VALUE": recorded.result["equityValue"],
            "ENTERPRISE_VALUE": recorded.result["enterpriseValue"],
        }
    # 150 of year 1 and 8 × 250 a year from now: 2,150 / 1.1 less 400.
    assert found.cases[0]["EQUITY_VALUE"] == pytest.approx(2_150.0 / 1.1 - 400.0)
    assert found.cases[1]["VALUE_PER_SHARE"] == pytest.approx(6.0)


async def test_the_model_itself_may_be_weighed_as_well(office: Office) -> None:
    of = await two_scenarios(office)
    sale = 2_150.0 / 1.1 - 400.0
    for likely, expected in (
        ([Likely("dear", 0.75), Likely("a-sale", 0.25)], 0.75 * 600.0 + 0.25 * sale),
        (
            [Likely("dear", 0.5), Likely("a-sale", 0.25), Likely(None, 0.25)],
            0.5 * 600.0 + 0.25 * sale + 0.25 * 1_100.0,
        ),
    ):
        cases, found = await office.service.compare_scenarios(office.me, of, likely)
        assert found.expected is not None
        assert found.expected["EQUITY_VALUE"] == pytest.approx(expected)
        given = {each.scenario: each.probability for each in likely}
        assert [case.probability for case in cases] == [given["a-sale"], given["dear"]]


@pytest.mark.parametrize(
    ("likely", "problems"),
    [
        ([], [("probabilities", "MISSING")]),
        ([Likely("dear", 1.0)], [("probabilities", "MISSING")]),
        ([Likely("dear", 0.5), Likely("a-sale", 0.4)], [("probabilities", "CONTRADICTION")]),
        (
            [Likely("deer", 0.5), Likely("dear", -0.5), Likely("dear", math.nan)],
            [
                ("probabilities[0].scenario", "UNKNOWN"),
                ("probabilities[1].probability", "OUT_OF_RANGE"),
                ("probabilities[2].scenario", "CONTRADICTION"),
                ("probabilities[2].probability", "NOT_FINITE"),
            ],
        ),
    ],
)
async def test_probabilities_that_do_not_fit_are_refused_with_all_their_faults(
    office: Office, likely: list[Likely], problems: list[tuple[str, str]]
) -> None:
    of = await two_scenarios(office)
    with pytest.raises(InvalidInput) as no:
        await office.service.compare_scenarios(office.me, of, likely)
    assert [(each.path, each.code) for each in no.value.problems] == problems


async def test_a_model_without_a_scenario_stands_alone(office: Office) -> None:
    cases, found = await office.service.compare_scenarios(office.me, await office.make(), None)
    assert (cases, found.cases, found.expected) == ([], (), None)
    assert found.base["VALUE_PER_SHARE"] == WORTH_A_SHARE


async def test_a_scenario_that_no_longer_fits_refuses_the_comparison(office: Office) -> None:
    made = await office.make()
    year = {
        "name": "Bear",
        "changes": [{"path": "operations.taxRate", "value": {"byYear": [0.5] * 3}}],
    }
    await office.edit(made, ("scenarios.bear", year))
    shorter = (await office.edit(made, ("timing.years", 2))).model
    with pytest.raises(InvalidInput, match="The scenario bear no longer fits the model"):
        await office.service.compare_scenarios(office.me, shorter, None)


async def test_who_may_read_models_may_compare_their_scenarios(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, viewer = await two_scenarios(office), principal(Role.VIEWER)
    await office.service.compare_scenarios(viewer, of, None)
    monkeypatch.setitem(ALLOWED, Role.VIEWER, frozenset())
    with pytest.raises(Forbidden):
        await office.service.compare_scenarios(viewer, of, None)
