"""What may stand in a document is what the schema's input types say, and nothing is said twice."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, coerce_input_value
from graphql.utilities import validate_input_value
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Problem
from resolvers.model_inputs import EditValue, ModelInputs
from resolvers.shapes import kind_of, shapes_of
from resolvers.valuations.given import document_of
from services.contents import canonical_text, inputs_in, model_shape
from services.edits import Edit, Rules, edited
from services.fitting import fit
from services.kinds import KINDS
from services.shapes import Choice, Day, Flag, Group, Many, Number, Shape, Text, known_paths
from tests.model_edits import SHAPES
from tests.the_schema import GRAPHQL

INPUT: Any = GRAPHQL.type_map["DcfInput"]


@strawberry.input
class Odd:
    id: strawberry.ID


@strawberry.input(one_of=True, name="ModelInputs")
class OddInputs:
    odd: Odd | None = strawberry.UNSET


@strawberry.type
class OddQuery:
    @strawberry.field
    def asked(self, given: OddInputs) -> str:
        return str(given)


def documents(shape: Shape) -> st.SearchStrategy[Any]:
    """JSON that fits a shape, as callers write it: whole doubles, short dates, things left out."""
    match shape:
        case Group():
            members = {name: documents(member.shape) for name, member in shape.members.items()}
            if shape.one_of:
                return st.one_of(
                    *(st.fixed_dictionaries({name: each}) for name, each in members.items())
                )
            needed = {
                name: members[name] for name, member in shape.members.items() if member.required
            }
            free = {name: members[name] for name in members.keys() - needed.keys()}
            return st.fixed_dictionaries(needed, optional=free)
        case Many():
            return st.lists(documents(shape.of), max_size=3)
        case Number(whole=True):
            return st.integers(-(2**31), 2**31 - 1) | st.sampled_from([3.0, -1.0])
        case Number():
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
        case Choice():
            return st.sampled_from(shape.names)
        case Day():
            return st.dates().map(str) | st.sampled_from(["20240927", "2024-W39-5"])
        case Flag():
            return st.booleans()
        case _:
            return st.text(max_size=5)


def spoiled(document: Any) -> st.SearchStrategy[Any]:
    """The document with one thing in it replaced, or one name added."""

    def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        items = (
            node.items()
            if isinstance(node, dict)
            else enumerate(node)
            if isinstance(node, list)
            else ()
        )
        return [at, *(place for key, inner in items for place in places(inner, (*at, key)))]

    def replaced(node: Any, place: tuple[Any, ...], value: Any) -> Any:
        if not place:
            return value
        fresh = dict(node) if isinstance(node, dict) else list(node)
        fresh[place[0]] = replaced(node[place[0]], place[1:], value)
        return fresh

    junk = st.sampled_from([[], {}, "x", 2.5, 1e40, True, {"level": 0.1}, ["x"], 2**31, "END_YEAR"])
    return st.builds(replaced, st.just(document), st.sampled_from(places(document)), junk)


def judged(document: Any) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    return fit(SHAPES["DCF"], document, (), problems), problems


def complaints(document: Any) -> list[GraphQLError]:
    said: list[GraphQLError] = []
    validate_input_value(document, INPUT, lambda error, _path: said.append(error))
    return said


@given(documents(SHAPES["DCF"]))
def test_what_fits_comes_out_as_the_schemas_coercion_makes_it(document: Any) -> None:
    assert complaints(document) == []
    found, problems = judged(document)
    assert problems == []
    assert canonical_text(found) == canonical_text(document_of(coerce_input_value(document, INPUT)))


@given(documents(SHAPES["DCF"]).flatmap(spoiled))
def test_what_the_schema_refuses_does_not_fit_and_the_other_way_round(document: Any) -> None:
    lists_of_one = any(  # GraphQL takes one value for a list of one; a document has lists
        "list" in problem.message for problem in judged(document)[1]
    )
    if not lists_of_one:
        assert bool(judged(document)[1]) == bool(complaints(document))


@given(documents(SHAPES["DCF"]))
def test_judging_twice_changes_nothing(document: Any) -> None:
    once, _ = judged(document)
    assert judged(once) == (once, [])


def test_every_kind_that_can_be_valued_can_be_a_model() -> None:
    assert SHAPES.keys() == KINDS.keys()
    assert {kind_of(name) for name in ModelInputs.__dataclass_fields__} == KINDS.keys()
    assert kind_of("realOption") == "REAL_OPTION"


def test_every_choice_in_a_kinds_inputs_can_be_given_as_a_whole() -> None:
    """A choice cannot be made in parts, so an edit has a field for it."""

    def choices(shape: Shape) -> set[str]:
        inner = shape.members.values() if isinstance(shape, Group) else ()
        own = {shape.name} if isinstance(shape, Group) and shape.one_of else set()
        return own.union(*(choices(member.shape) for member in inner))

    kind = GRAPHQL.type_map[EditValue.__name__]
    assert isinstance(kind, GraphQLInputObjectType)
    given_as = {str(field.type) for field in kind.fields.values()}
    assert choices(SHAPES["DCF"]) <= given_as


def test_every_list_of_groups_can_be_given_as_a_whole() -> None:
    """It grows and shrinks as a whole, so an edit has a field for it, or for what it stands in."""

    def lists(shape: Shape) -> set[str]:
        if isinstance(shape, Many) and isinstance(shape.of, Group):
            return {shape.of.name} | lists(shape.of)
        if not isinstance(shape, Group) or shape.name == "ScheduleInput":
            return set()
        return set().union(*(lists(member.shape) for member in shape.members.values()))

    kind = GRAPHQL.type_map[EditValue.__name__]
    assert isinstance(kind, GraphQLInputObjectType)
    given_as = {str(field.type) for field in kind.fields.values()}
    found = {f"[{name}!]" for name in lists(SHAPES["DCF"])}
    assert len(found) == 5
    assert found <= given_as


def test_every_input_has_a_path() -> None:
    paths = list(known_paths(SHAPES["DCF"]))
    assert "terminal.valueDriver.returnOnNewCapital" in paths
    assert "operations.taxRate.stages" in paths
    assert len(paths) == len(set(paths))


def test_an_input_of_an_unknown_type_is_found_when_the_server_is_built() -> None:
    with pytest.raises(TypeError, match="no shape is known for an input of type ID"):
        shapes_of(strawberry.Schema(query=OddQuery))


# A kind to come: a choice, a list of parts, a date, defaults, and a name in capitals.


@strawberry.enum
class Rank(StrEnum):
    SENIOR = "SENIOR"
    JUNIOR = "JUNIOR"


@strawberry.input
class TrancheInput:
    amount: float
    rank: Rank = Rank.SENIOR


@strawberry.input(one_of=True)
class ExitInput:
    multiple: float | None = strawberry.UNSET
    on: date | None = strawberry.UNSET


@strawberry.input
class BuyoutInput:
    tranches: list[TrancheInput]
    exit: ExitInput
    years: int = 5


@strawberry.input(one_of=True, name="ModelInputs")
class BuyoutInputs:
    lbo: BuyoutInput | None = strawberry.UNSET


@strawberry.type
class BuyoutQuery:
    @strawberry.field
    def asked(self, given: BuyoutInputs) -> str:
        return str(given)


def test_a_kind_to_come_is_edited_by_its_input_type_alone() -> None:
    schema = strawberry.Schema(query=BuyoutQuery)
    kind: Any = schema._schema.type_map["BuyoutInput"]
    for each in schema._schema.type_map.values():  # as `build_schema` does
        if isinstance(each, GraphQLInputObjectType):
            each.is_one_of = each.extensions["strawberry-definition"].is_one_of
    (shape,) = shapes_of(schema).values()
    rules = Rules.of(shape, dict)
    own = {"name": "Buyout", "unit": "ONES", "archived": False, "scenarios": {}}
    inputs = {
        "tranches": [{"amount": 70}, {"amount": 30, "rank": "JUNIOR"}],
        "exit": {"multiple": 8},
    }
    before = own | document_of(coerce_input_value(inputs, kind))
    edits = [
        Edit("tranches[1].amount", 40),
        Edit("tranches[0].rank", "JUNIOR"),
        Edit("tranches[1].rank", None),
        Edit("exit.on", "20310101"),
        Edit("years", 6.0),
    ]
    after = edited(rules, before, edits)
    assert (after.wrong, after.flaws) == ((), ())
    left = inputs_in(after.document)
    assert left == {
        "tranches": [{"amount": 70.0, "rank": "JUNIOR"}, {"amount": 40.0, "rank": "SENIOR"}],
        "exit": {"on": "2031-01-01"},
        "years": 6,
    }
    assert canonical_text(left) == canonical_text(document_of(coerce_input_value(left, kind)))
    slips = [Edit("tranches[2].amount", 1.0), Edit("exit[0]", 1.0), Edit("tranches[0].rank", "X")]
    assert [problem.path for problem in edited(rules, before, slips).wrong] == [
        "edits[0].path",
        "edits[1].path",
        "edits[2].value",
    ]


def test_an_input_has_no_name_that_the_model_has() -> None:
    with pytest.raises(ValueError, match="unit would have two meanings"):
        model_shape(Group("OddInput", {"unit": SHAPES["DCF"].members["currency"]}))


def test_a_text_is_any_text() -> None:
    problems: list[Problem] = []
    assert fit(Text(), "", (), problems) == ""
    assert problems == []
