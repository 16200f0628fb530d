"""The type `DcfValuation` says the whole result, each number under its own name."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLObjectType

from engine.dcf import value_dcf
from resolvers.ids import inner_id
from resolvers.schema import build_schema
from resolvers.valuations.dcf import DcfValuation
from resolvers.valuations.record import ValuationKind
from services.dcf import inputs_of, result_document
from services.kinds import DCF, KINDS
from services.valuations import Recorded
from services.words import snake
from store.tables import KINDS as KINDS_OF_THE_TABLE
from tests.dcf_documents import firm

ID = "ab" * 32
SCHEMA = build_schema()._schema
# A remark, a price and an exit multiple: a result in which little is null.
INPUTS = firm(
    **{
        "marketPrice": 12.0,
        "terminal": {"exitMultiple": {"evToEbitda": 40.0}},
        "operations.revenueGrowth": {"level": 0.03},
        "capital": {
            "capm": {
                "riskFreeRate": 0.04,
                "equityRiskPremium": 0.05,
                "beta": 1.2,
                "preTaxCostOfDebt": 0.06,
                "debtWeight": 0.25,
                "taxRate": 0.21,
            }
        },
    }
)


@pytest.fixture
def recorded() -> Recorded:
    return Recorded(
        id=ID,
        kind=DCF,
        inputs=INPUTS,
        result=result_document(value_dcf(inputs_of(INPUTS))),
        result_hash="cd" * 32,
        engine_version="1.2.3",
        computed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        duration_ms=0.25,
    )


@pytest.fixture
def said(recorded: Recorded) -> DcfValuation:
    return DcfValuation.of(recorded)


def names(type_name: str) -> set[str]:
    found = SCHEMA.type_map[type_name]
    assert isinstance(found, GraphQLObjectType)
    return set(found.fields)


def plain(thing: Any) -> dict[str, Any]:
    """The fields of one of our types, in the engine's spelling."""
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def test_every_number_of_the_result_is_a_field_with_its_value(
    said: DcfValuation, recorded: Recorded
) -> None:
    numbers = {name: value for name, value in recorded.result.items() if isinstance(value, float)}
    assert len(numbers) >= 10
    for name, value in numbers.items():
        assert name in names("DcfValuation"), name
        assert getattr(said, snake(name)) == value, name


@pytest.mark.parametrize(
    ("field", "type_name"),
    [
        ("forecast", "DcfForecast"),
        ("bridge", "EquityBridge"),
        ("crossChecks", "DcfCrossChecks"),
    ],
)
def test_every_part_of_the_result_is_there_in_full(
    said: DcfValuation, recorded: Recorded, field: str, type_name: str
) -> None:
    kept = recorded.result[field]
    assert names(type_name) == set(kept)
    part = plain(getattr(said, snake(field)))
    assert part == {snake(name): value for name, value in kept.items()}


def test_the_remarks_are_there(said: DcfValuation, recorded: Recorded) -> None:
    assert recorded.result["remarks"]
    assert [plain(remark) for remark in said.remarks] == recorded.result["remarks"]


def test_where_the_valuation_comes_from_is_said(said: DcfValuation, recorded: Recorded) -> None:
    assert inner_id("DcfValuation", said.id) == ID
    assert said.kind is ValuationKind.DCF
    inputs: object = said.inputs
    assert inputs == INPUTS
    assert said.currency == "USD"
    assert (said.result_hash, said.engine_version) == ("cd" * 32, "1.2.3")
    assert (said.computed_at, said.duration_ms) == (recorded.computed_at, 0.25)


def test_a_kept_result_is_not_used_up_by_being_said(recorded: Recorded) -> None:
    before = repr(recorded)
    first, again = DcfValuation.of(recorded), DcfValuation.of(recorded)
    assert repr(recorded) == before
    assert first.value_per_share == again.value_per_share


def test_the_schemas_kinds_are_those_that_may_be_kept() -> None:
    assert tuple(ValuationKind) == tuple(ValuationKind(kind) for kind in KINDS_OF_THE_TABLE)
    assert set(KINDS) <= set(ValuationKind)
