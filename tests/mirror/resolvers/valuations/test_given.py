"""What a caller sends becomes one document: defaults applied, numbers as doubles, no nulls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import Undefined, coerce_input_value, parse_value
from graphql.utilities import validate_input_value, value_from_ast
from hypothesis import given
from hypothesis import strategies as st

from resolvers.valuations.given import document_of
from services.kinds import DCF
from services.valuations import canonical, content_id
from tests.dcf_documents import Document, but, firm, without
from tests.the_schema import GRAPHQL

INPUT: Any = GRAPHQL.type_map["DcfInput"]

DEFAULTS = {
    "currency": "USD",
    "timing.flows": "END_YEAR",
    "terminal.gordon.discounting": "LAST_FLOW",
    "bridge.leases": 0.0,
    "bridge.preferredStock": 0.0,
    "bridge.minorityInterests": 0.0,
    "bridge.pensionsAfterTax": 0.0,
    "bridge.associates": 0.0,
}


def read(document: Document) -> Document:
    """The document of a variable, by the schema's own coercion."""
    assert complaints(document) == []
    found: Document = document_of(coerce_input_value(document, INPUT))
    return found


def complaints(document: Document) -> list[str]:
    said: list[str] = []
    validate_input_value(document, INPUT, lambda error, _path: said.append(error.message))
    return said


def address(document: Document) -> str:
    return content_id(DCF, canonical(read(document)))


def literal(value: Any) -> str:
    """A JSON value as it is written in a GraphQL document; enums are the words in capitals."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, str) and value.isupper() and len(value) > 3:
        return value
    return json.dumps(value)


def least() -> Document:
    document = firm()
    for path in ("currency", "timing.flows"):
        document = without(document, path)
    return document


def test_the_document_says_every_default() -> None:
    document = read(least())
    for path, value in DEFAULTS.items():
        place: Any = document
        for step in path.split("."):
            place = place[step]
        assert place == value, path


@pytest.mark.parametrize(("path", "value"), DEFAULTS.items())
def test_a_default_that_is_said_is_the_same_as_one_that_is_left_out(path: str, value: Any) -> None:
    assert address(but(least(), path, value)) == address(least())


@pytest.mark.parametrize(
    "path",
    [
        "marketPrice",
        "operations.openingWorkingCapital",
        "operations.openingFixedAssets",
        "operations.ebitdaMargin",
        "terminal.gordon.normalised",
    ],
)
def test_null_is_the_same_as_left_out(path: str) -> None:
    assert address(but(firm(), path, None)) == address(firm())
    *parents, last = path.split(".")
    place: Any = read(but(firm(), path, None))
    for step in parents:
        place = place[step]
    assert last not in place


def test_whole_numbers_and_doubles_give_one_id() -> None:
    whole = firm(
        **{
            "operations.revenue": 1000,
            "operations.revenueGrowth": {"level": 0},
            "terminal.gordon.growth": 0,
            "bridge.debt": 500,
            "bridge.cash": 100,
            "shares.diluted": 100,
        }
    )
    assert address(whole) == address(firm())
    years = firm(**{"operations.taxRate": {"byYear": [0, 0.25, 0.5]}})
    doubles = firm(**{"operations.taxRate": {"byYear": [0.0, 0.25, 0.5]}})
    assert address(years) == address(doubles)


def test_years_stay_whole() -> None:
    assert read(firm())["timing"]["years"] == 3
    assert type(read(firm(**{"timing.years": 3.0}))["timing"]["years"]) is int


def test_the_order_in_which_a_caller_writes_makes_no_difference() -> None:
    turned = {
        name: dict(reversed(part.items())) if isinstance(part, dict) else part
        for name, part in reversed(firm().items())
    }
    assert address(turned) == address(firm())


STAGED = firm(
    **{
        "operations.revenueGrowth": {
            "stages": [{"years": 1, "value": 0.1}, {"years": 2, "value": 0.02, "ramp": True}]
        },
        "operations.ebitMargin": {"byYear": [0.1, 0.2, 0.3]},
        "capital": {
            "capm": {
                "riskFreeRate": 0.04,
                "equityRiskPremium": 0.05,
                "beta": 1,
                "preTaxCostOfDebt": 0.06,
                "debtWeight": 0.2,
                "taxRate": 0.25,
            }
        },
        "terminal": {"valueDriver": {"growth": 0.02, "returnOnNewCapital": 0.12}},
        "timing.flows": "MID_YEAR",
        "marketPrice": 10.5,
    }
)


def compared(**changes: Any) -> Document:
    peer = {"name": "Plum", "beta": 1, "debtToEquity": 0.5, "taxRate": 0.25}
    capm = STAGED["capital"]["capm"] | {"comparables": {"peers": [peer], **changes}}
    return but(STAGED, "capital.capm", {k: v for k, v in capm.items() if k != "beta"})


def test_a_built_wacc_of_today_gains_no_word_in_its_document() -> None:
    capm = read(STAGED)["capital"]["capm"]
    assert set(capm) == set(STAGED["capital"]["capm"])
    assert set(read(firm())["terminal"]["gordon"]) == {"growth", "discounting"}
    assert set(read(firm())["operations"]) == set(firm()["operations"])


def test_what_is_said_of_comparables_or_left_out_has_one_address() -> None:
    assert address(compared()) == address(compared(unlevering="HAMADA", blume=False))
    others = [compared(unlevering="HARRIS_PRINGLE"), compared(blume=True)]
    assert len({address(document) for document in [compared(), *others]}) == 3
    fade = {"initialGrowth": 0.08, "growth": 0.02, "halfLife": 4}
    fading = firm(terminal={"hModel": fade})
    assert address(fading) == address(
        firm(terminal={"hModel": fade | {"discounting": "LAST_FLOW"}})
    )


@pytest.mark.parametrize("document", [firm(), least(), STAGED], ids=["firm", "least", "staged"])
def test_a_document_sent_again_gives_the_same_id(document: Document) -> None:
    kept = read(document)
    assert read(json.loads(json.dumps(kept))) == kept
    assert address(kept) == address(document)


@pytest.mark.parametrize("document", [firm(), least(), STAGED], ids=["firm", "least", "staged"])
def test_a_literal_is_the_same_as_a_variable(document: Document) -> None:
    written = value_from_ast(parse_value(literal(document)), INPUT)
    assert written is not Undefined
    assert document_of(written) == read(document)


@pytest.mark.parametrize("document", [firm(), STAGED], ids=["firm", "staged"])
def test_the_document_is_plain_json(document: Document) -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(type(name) is str and plain(each) for name, each in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return type(value) in (str, int, float, bool)

    assert plain(read(document))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_nothing_is_lost_but_the_nulls_of_maps(value: Any) -> None:
    def without_nulls(each: Any) -> Any:
        if isinstance(each, dict):
            return {name: without_nulls(inner) for name, inner in each.items() if inner is not None}
        return [without_nulls(inner) for inner in each] if isinstance(each, list) else each

    assert document_of(value) == without_nulls(value)


# One wrong thing each, and a word of what the schema says about it.
WRONG: dict[str, tuple[Document, str]] = {
    "a field that is missing": (without(firm(), "bridge.debt"), "debt"),
    "a part that is missing": (without(firm(), "timing"), "timing"),
    "a field that there is not": (but(firm(), "waac", 0.1), "waac"),
    "a number in words": (but(firm(), "operations.revenue", "1000"), "Float"),
    "a truth for a number": (but(firm(), "operations.revenue", True), "Float"),
    "null for a number": (but(firm(), "operations.revenue", None), "non-null"),
    "a list for a number": (but(firm(), "operations.revenue", [1000.0]), "Float"),
    "half a year": (but(firm(), "timing.years", 3.5), "Int"),
    "more years than an Int has": (but(firm(), "timing.years", 2**31), "Int"),
    "a day that there is not": (but(firm(), "timing.valuationDate", "2024-02-30"), "date"),
    "a day with its time": (but(firm(), "timing.valuationDate", "2024-02-03T00:00:00"), "date"),
    "a day as a number": (but(firm(), "timing.valuationDate", 20240203), "date"),
    "a word that is no choice": (but(firm(), "timing.flows", "SOMETIMES"), "FlowTiming"),
    "two choices at once": (but(firm(), "capital.capm", None), "one"),
    "no choice at all": (but(firm(), "terminal", {}), "one"),
    "a choice that is null": (but(firm(), "terminal", {"gordon": None}), "non-null"),
    "a bare number for a schedule": (but(firm(), "operations.taxRate", 0.25), "ScheduleInput"),
}


@pytest.mark.parametrize(("document", "word"), WRONG.values(), ids=WRONG.keys())
def test_what_is_not_of_its_type_is_refused_by_the_schema(document: Document, word: str) -> None:
    assert word.lower() in " ".join(complaints(document)).lower()
    assert coerce_input_value(document, INPUT) is Undefined


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("capital", {"wacc": 0.1, "capm": None}),
        ("terminal", {}),
        ("operations.taxRate", {"level": 0.1, "byYear": [0.1, 0.1, 0.1]}),
        ("operations.revenue", "1000"),
        ("timing.years", 0.5),
    ],
)
def test_what_is_not_of_its_type_is_said_to_be_where_it_is(path: str, value: Any) -> None:
    said: list[str] = []
    validate_input_value(
        but(firm(), path, value), INPUT, lambda _, where: said.append(".".join(map(str, where)))
    )
    assert said == [path]
