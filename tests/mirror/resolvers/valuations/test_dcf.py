"""The type `DcfValuation` says the whole result, each number under its own name."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLObjectType

from engine.dcf import value_dcf
from resolvers.ids import inner_id
from resolvers.valuations.dcf import DcfValuation
from resolvers.valuations.record import ValuationKind
from services.dcf import inputs_of, result_document
from services.kinds import DCF, KINDS
from services.valuations import Recorded
from services.words import snake
from store.tables import KINDS as KINDS_OF_THE_TABLE
from tests.dcf_documents import but, firm, without
from tests.the_schema import GRAPHQL

ID = "ab" * 32
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
    found = GRAPHQL.type_map[type_name]
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


def test_money_is_in_the_currency_of_the_inputs(recorded: Recorded) -> None:
    euros = replace(recorded, inputs={**recorded.inputs, "currency": "EUR"})
    assert (DcfValuation.of(recorded).currency, DcfValuation.of(euros).currency) == ("USD", "EUR")


def test_the_remarks_are_there(said: DcfValuation, recorded: Recorded) -> None:
    assert recorded.result["remarks"]
    assert [plain(remark) for remark in said.remarks] == recorded.result["remarks"]


DILUTED = {
    "basic": 90.0,
    "restrictedStock": 5.0,
    "options": [{"count": 10.0, "strike": 4.0}, {"count": 10.0, "strike": 99.0}],
    "convertibles": [{"faceValue": 20.0, "conversionPrice": 5.0}],
}


def test_dilution_and_failure_are_said_in_full(recorded: Recorded) -> None:
    failure = {"probability": 0.2, "recovery": 0.4}
    inputs = firm(shares=DILUTED, failure=failure)
    result = result_document(value_dcf(inputs_of(inputs)))
    said = DcfValuation.of(replace(recorded, inputs=inputs, result=result))
    dilution, futures = said.dilution, said.failure
    assert dilution is not None
    assert futures is not None
    assert (dilution.price, dilution.held_shares) == (result["dilution"]["price"], 95.0)
    for name, tranches in (("options", dilution.options), ("convertibles", dilution.convertibles)):
        kept = result["dilution"][name]
        assert [plain(each) for each in tranches] == [
            {snake(word): value for word, value in each.items()} for each in kept
        ]
        assert len(kept) == len(DILUTED[name])
    for name, future in (("goingConcern", futures.going_concern), ("failed", futures.failed)):
        assert plain(future) == {snake(w): v for w, v in result["failure"][name].items()}
    assert names("Dilution") == {"price", "heldShares", "options", "convertibles"}
    assert names("DilutingOptions") == set(result["dilution"]["options"][0])
    assert names("DilutingConvertible") == set(result["dilution"]["convertibles"][0])
    assert names("DcfFuture") == set(result["failure"]["failed"])


def test_every_segment_is_said_in_full(recorded: Recorded) -> None:
    one = {"name": "One", "operations": INPUTS["operations"]}
    inputs = without(INPUTS, "operations") | {"segments": [one, one | {"name": "Two"}]}
    result = result_document(value_dcf(inputs_of(inputs)))
    said = DcfValuation.of(replace(recorded, inputs=inputs, result=result))
    assert said.segments is not None
    assert [each.name for each in said.segments] == ["One", "Two"]
    assert said.terminal_discount_factor is None
    assert said.forecast.discount_factor is None
    for segment, kept in zip(said.segments, result["segments"], strict=True):
        assert names("DcfSegment") == set(kept)
        assert asdict(segment) == spelled(kept)


def spelled(kept: Any) -> Any:
    """A part of a result, however deep, in the engine's spelling."""
    if isinstance(kept, dict):
        return {snake(name): spelled(value) for name, value in kept.items()}
    return [spelled(each) for each in kept] if isinstance(kept, list) else kept


def test_how_the_wacc_came_about_and_the_other_roads_are_said_in_full(recorded: Recorded) -> None:
    peer = {"beta": 1.3, "debtToEquity": 0.5, "taxRate": 0.4}
    capm = without(INPUTS["capital"]["capm"], "beta") | {
        "comparables": {"peers": [peer | {"name": "Plum"}, peer | {"name": "Pear", "beta": 1.1}]},
        "countryPremium": 0.01,
        "sizePremium": 0.02,
        "specificPremium": 0.003,
    }
    inputs = but(INPUTS | {"capital": {"capm": capm}}, "operations.openingFixedAssets", 300.0)
    result = result_document(value_dcf(inputs_of(inputs)))
    said = DcfValuation.of(replace(recorded, inputs=inputs, result=result))
    assert said.cost_of_capital is not None
    assert said.cost_of_capital.peers is not None
    assert [each.name for each in said.cost_of_capital.peers] == ["Plum", "Pear"]
    assert asdict(said.cost_of_capital) == spelled(result["costOfCapital"])
    assert said.reconciliation is not None
    assert asdict(said.reconciliation) == spelled(result["reconciliation"])
    roads = result["reconciliation"]
    assert None not in (roads["economicProfit"], roads["adjustedPresentValue"])
    for name, part in (
        ("CostOfCapital", result["costOfCapital"]),
        ("PeerBeta", result["costOfCapital"]["peers"][0]),
        ("Reconciliation", roads),
        ("EconomicProfit", roads["economicProfit"]),
        ("AdjustedPresentValue", roads["adjustedPresentValue"]),
    ):
        assert names(name) == set(part)
        assert None not in part.values() or name == "Reconciliation"


def test_a_road_that_is_not_there_says_why_in_the_callers_words(recorded: Recorded) -> None:
    inputs = INPUTS | {"capital": {"wacc": 0.1}}
    result = result_document(value_dcf(inputs_of(inputs)))
    said = DcfValuation.of(replace(recorded, inputs=inputs, result=result))
    assert said.cost_of_capital is None
    assert said.reconciliation is not None
    assert said.reconciliation.economic_profit is None
    assert said.reconciliation.adjusted_present_value is None
    assert "operations.openingFixedAssets" in str(said.reconciliation.no_economic_profit)
    assert "capital.capm" in str(said.reconciliation.no_adjusted_present_value)


def test_a_result_that_was_kept_before_there_were_other_roads_is_still_said(
    recorded: Recorded,
) -> None:
    kept = dict(recorded.result)
    for name in ("costOfCapital", "reconciliation"):
        assert kept.pop(name) is not None
    said = DcfValuation.of(replace(recorded, result=kept))
    assert (said.cost_of_capital, said.reconciliation) == (None, None)


def test_a_result_that_was_kept_before_its_form_had_a_line_is_still_said(
    recorded: Recorded,
) -> None:
    kept = dict(recorded.result)
    lines, bridge = dict(kept["forecast"]), dict(kept["bridge"])
    for name in ("receivables", "inventories", "payables", "stockCompensation"):
        assert lines.pop(name) is None
    for name in ("lossesUsed", "lossesLeft", "taxSaved"):
        assert lines.pop(name) is None
    assert (bridge.pop("lossesCarriedForward"), kept.pop("stubShare")) == (None, None)
    old = DcfValuation.of(replace(recorded, result=kept | {"forecast": lines, "bridge": bridge}))
    new = DcfValuation.of(recorded)
    assert plain(old.forecast) == plain(new.forecast)
    assert plain(old.bridge) == plain(new.bridge)
    assert old.stub_share is None


def test_without_them_they_are_null_in_results_old_and_new(recorded: Recorded) -> None:
    new = DcfValuation.of(recorded)
    kept = {
        k: v for k, v in recorded.result.items() if k not in ("dilution", "failure", "segments")
    }
    kept["bridge"] = {k: v for k, v in kept["bridge"].items() if k != "convertibles"}
    old = DcfValuation.of(replace(recorded, result=kept))
    for said in (new, old):
        assert (said.dilution, said.failure, said.segments) == (None, None, None)
        assert said.bridge.convertibles is None


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
