"""Prices: from what a document asks for, whatever way it asks; bounded, and never free."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from hypothesis import given
from hypothesis import strategies as st

from api.operations.documents import Documents
from api.operations.price import Pricer
from resolvers.ids import global_id
from resolvers.tariffs import MOST
from services.metering import Price
from tests.dcf_documents import firm
from tests.the_schema import GRAPHQL, SCHEMA

PRICER = Pricer(GRAPHQL)
SHOCK: dict[str, Any] = {
    "path": "capital.wacc",
    "distribution": {"normal": {"standardDeviation": 0.01}},
}
SIMULATION = "simulation(spec: {trials: 100000, shocks: []}) { __typename }"


def price(text: str, **variables: Any) -> Price:
    document = parse(text)
    node = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    return PRICER.priced(document, node).of(variables)


def parts(text: str, **variables: Any) -> dict[str, float]:
    return {part.path: round(part.points, 3) for part in price(text, **variables).parts}


def told(found: Price) -> list[tuple[str, float, str]]:
    return [(part.path, part.points, part.how) for part in found.parts]


def test_whatever_is_asked_costs_something() -> None:
    assert price("{ __typename }").points == 1
    assert price("{ viewer { role } }").points == 1
    assert price("{ nothing { of: this } }").points == 1
    assert price("mutation { nothing }").points == 1


def test_the_whole_schema_has_its_price_and_is_not_given_back() -> None:
    whole = price("{ s: __schema { types { name } } viewer { role } }")
    assert [(part.path, part.points) for part in whole.parts] == [("s", 25.0)]
    assert whole.sure == 25.0
    assert price("{ viewer { role } }").sure == 0


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ('mutation { moveCursor(modelId: "a", cursor: {path: "x"}) }', 0),
        ('mutation { a: select(modelId: "a", paths: []) renewSession(token: "") { code } }', 0),
        ('mutation { select(modelId: "a", paths: []) archiveModel { code } }', 1),
        ('mutation { select(modelId: "a", paths: []) nothing }', 1),
        ("mutation { ... { select } ...F } fragment F on Mutation { moveCursor }", 0),
    ],
)
def test_presence_alone_is_free(text: str, points: int) -> None:
    assert price(text).points == points


def test_a_list_multiplies_what_is_below_it() -> None:
    text = "{ models(first: 10) { edges { node { revisions(last: 50) { edges { cursor } } } } } }"
    assert parts(text) == {"models": 1.2, "models.edges.node.revisions": 20.0}
    assert parts(text.replace("(first: 10)", "")) == {
        "models": 2.0,
        "models.edges.node.revisions": 100.0,
    }


def test_nested_lists_never_overflow() -> None:
    inner = "revisions(first: 2000000000) { edges { cursor } }"
    text = f"{{ models(first: 2000000000) {{ edges {{ node {{ {inner} }} }} }} }}"
    assert price(text).points == MOST
    assert (
        price("query ($n: Int) { models(first: $n) { edges { cursor } } }", n=1e308).points <= MOST
    )


@pytest.mark.parametrize("value", [None, -5, "many", [], {}, True, 1.5])
def test_a_number_that_is_none_is_priced_and_left_to_validation(value: Any) -> None:
    text = "query ($n: Int) { models(first: $n) { edges { cursor } } }"
    assert 1 <= price(text, n=value).points <= 3


def test_aliases_are_counted_and_what_is_merged_is_counted_once() -> None:
    one = 'exportWorkbook(valuationId: "x") { __typename }'
    assert price(f"{{ {one} }}").points == 80
    assert price(f"{{ {one} {one} ...F }} fragment F on Query {{ {one} }}").points == 80
    assert price(f"{{ {one} other: {one} }}").points == 160


def test_a_default_of_the_schema_counts_like_a_number() -> None:
    text = (
        "query ($s: SimulationInput!) { valuation(id: $id) { ... on DcfValuation "
        "{ simulation(spec: $s) { __typename } } } }"
    )
    left_out = price(text, s={"shocks": [SHOCK]})
    assert told(left_out) == told(price(text, s={"shocks": [SHOCK], "trials": 16_384}))
    assert left_out.parts[1].how == "16,384 cases of 10 years"


def test_a_variables_default_counts_like_a_variable() -> None:
    text = "query ($n: Int = 100) { models(first: $n) { edges { cursor } } }"
    assert price(text).points == 3
    assert price(text, n=1).points == 2


def test_literals_and_variables_cost_the_same() -> None:
    literal = "{ models(first: 70) { edges { cursor } } }"
    variable = "query ($n: Int) { models(first: $n) { edges { cursor } } }"
    assert told(price(literal)) == told(price(variable, n=70))
    inside = (
        "query ($t: Int) { valuation(id: 1) { ... on Analysable "
        "{ simulation(spec: {trials: $t, shocks: []}) { __typename } } } }"
    )
    written = inside.replace("$t: Int", "$x: Int").replace(": $t", ": 50000")
    assert told(price(written)) == told(price(inside, t=50_000))


def test_of_several_types_the_dearest_counts_and_an_id_tells_which_it_is() -> None:
    kinds = ("DcfValuation", "CreditValuation")
    each = " ".join(f"... on {kind} {{ s: {SIMULATION} }}" for kind in kinds)
    text = f"query ($id: ID!) {{ valuation(id: $id) {{ {each} }} }}"
    either = price(text, id="x").points
    credit = price(text, id=global_id("CreditValuation", "a")).points
    dcf = price(text, id=global_id("DcfValuation", "a")).points
    lbo = price(text, id=global_id("LboValuation", "a")).points
    assert either == credit > 5 * dcf
    assert lbo == either  # what is asked of no buyout may be asked of whatever this id really is


def test_the_years_of_a_forecast_and_of_its_segments_count() -> None:
    text = (
        "mutation ($input: DcfInput!) { valueDcf(input: $input) "
        f"{{ ... on Analysable {{ {SIMULATION.replace('[]', '[{}, {}, {}, {}]')} }} }} }}"
    )

    def asked(**more: Any) -> int:
        return price(text, input=firm(**more)).points

    ten, hundred = asked(timing={"years": 10}), asked(timing={"years": 100})
    assert hundred > 3 * ten
    assert asked(timing={"years": 10}, segments=[{}] * 10) == hundred
    assert asked(timing={"years": True}) == asked(timing=None) == price(text).points == ten


def test_a_fragment_that_contains_itself_is_not_followed_for_ever() -> None:
    # The gate refuses it before it is priced; were it not so, this would not return.
    document = Documents(SCHEMA).read(
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    )
    assert document.errors
    assert document.asked(None).priced.of({}).points == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["timing", "years", "segments", "trials", "shocks", "dcf", "valuation"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_variables_have_a_price(value: Any) -> None:
    text = (
        "mutation ($v: DcfInput!) { startSimulation(input: $v) { __typename } valueDcf(input: $v) "
        "{ ... on Analysable { simulation(spec: $v) { __typename } "
        "sensitivity(rows: $v, columns: $v) { __typename } } } }"
    )
    assert 1 <= price(text, v=value).points <= MOST


# What an engine does grows with each of these; whoever asks for more of one never pays less.
GROWING = """mutation ($input: DcfInput!, $spec: SimulationInput!, $rows: AxisInput!,
  $columns: AxisInput!, $cases: [CaseInput!]!, $start: StartSimulationInput!) {
  valueDcf(input: $input) { ... on DcfValuation {
    simulation(spec: $spec) { __typename }
    sensitivity(rows: $rows, columns: $columns) { __typename }
    oneWaySensitivity(axis: $rows) { __typename }
    scenarios(cases: $cases) { __typename } } }
  startSimulation(input: $start) { __typename } }"""
SIZES = ("years", "segments", "trials", "shocks", "matrix", "rows", "columns", "cases")


def growing(**sizes: int) -> Price:
    spec: dict[str, Any] = {
        "trials": sizes["trials"],
        "shocks": [SHOCK] * sizes["shocks"],
        "correlation": {"matrix": [[0.0] * sizes["matrix"]] * sizes["matrix"]},
    }
    inputs = {"timing": {"years": sizes["years"]}, "segments": [{}] * sizes["segments"]}
    axes = {name: {"path": "x", "values": [0.0] * sizes[name]} for name in ("rows", "columns")}
    start = {"source": {"dcf": inputs}, "spec": spec}
    cases = [{}] * sizes["cases"]
    return price(GROWING, input=inputs, spec=spec, cases=cases, start=start, **axes)


@given(st.fixed_dictionaries(dict.fromkeys(SIZES, st.integers(1, 200))), st.sampled_from(SIZES))
def test_more_of_anything_costs_more(sizes: dict[str, int], more: str) -> None:
    before = growing(**sizes)
    after = growing(**{**sizes, more: 2 * sizes[more]})
    assert sum(part.points for part in after.parts) > sum(part.points for part in before.parts)
    fields = {part.path: part.points for part in after.parts}
    assert all(fields[part.path] >= part.points for part in before.parts)


@given(st.integers(1_000, 10**6), st.integers(1, 100), st.integers(1, 100))
def test_trials_times_shocks_times_years_is_a_product(trials: int, shocks: int, years: int) -> None:
    def simulated(trials: int, shocks: int, years: int) -> float:
        sizes = dict.fromkeys(SIZES, 1) | {"trials": trials, "shocks": shocks, "years": years}
        return sum(part.points for part in growing(**sizes).parts if part.work == "run")

    def slope(shocks: int, years: int) -> float:
        return simulated(3 * trials, shocks, years) - simulated(trials, shocks, years)

    assert slope(shocks, years) > 0
    # What each shock adds to a trial, a year adds to a shock: no split of a product is cheaper.
    alone = slope(2 * shocks, years) - slope(shocks, years)
    assert slope(2 * shocks, 2 * years) - slope(shocks, 2 * years) == pytest.approx(2 * alone)
