"""What fields cost: the table, the directive that tells it in the schema, and what was done of it.

A price is worked out twice, by the same formula: before a request runs from what it asks for
(`api/operations/price.py`), and while it runs from what its resolvers did. The difference is given
back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from inspect import iscoroutinefunction
from typing import Any, Final

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
)
from strawberry.schema_directive import Location

from resolvers.calls import DEFINITION
from resolvers.metered import metered
from resolvers.tariffs import Sized, Tariff, size_of
from services import work

ELEMENTS: Final = 20  # of a list that says nothing of its length
PAGE: Final = 50  # of one that is asked for in pages, where nothing is said
TARIFF: Final = "valor-tariff"  # where graphql-core's fields keep theirs


@strawberry.enum(description="What kind of work a field is; usage is told by it.")
class Work(StrEnum):
    READ = "READ"
    CHANGE = "CHANGE"
    FOLLOW = "FOLLOW"
    VALUATION = "VALUATION"
    ANALYSIS = "ANALYSIS"
    SIMULATION = "SIMULATION"
    RUN = "RUN"
    WORKBOOK = "WORKBOOK"


def _said(description: str) -> Any:
    return strawberry.field(description=description, default=strawberry.UNSET)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description=(
        "What a field costs, in points of about a millisecond of one core, as the sum of what its "
        "arguments say. A request costs at least 1, and what it asked for and did not get is given "
        "back. A size is that of an argument: a number counts as itself, a list by its length; "
        "several are multiplied. A field without the directive costs nothing."
    ),
)
class Cost:
    work: Work = strawberry.field(description="What kind of work it is.")
    points: float | None = _said("Whatever is asked.")
    each: float | None = _said("For each of the product of the sizes `of`.")
    of: list[str] | None = _said("Whose sizes `each` is for, as `spec.trials`.")
    bases: float | None = _said("For so many base cases of the valuation's kind, see `@pace`.")
    cases: list[str] | None = _said(
        "For a batch of so many cases, the product of these sizes: 3 base cases, and for each case "
        "the kind's `case` × (0.7 + 0.025 × inputs that change × years)."
    )
    changing: str | None = _said("Whose size is the number of inputs that change; else 2.")
    inputs: str | None = _said(
        "Which argument holds the inputs of the valuation, with kind and years. A forecast that is "
        "named by an id counts as 10 years before it runs, and as what it has afterwards."
    )
    elements: int | None = _said(
        "How long a list is taken to be where `first` and `last` say nothing. Below it everything "
        "counts so often; afterwards, as often as there are elements."
    )
    element: float | None = _said("For each element of a list.")
    free: bool | None = _said("True: a request of nothing else costs 0, and is not counted.")


@strawberry.schema_directive(
    locations=[Location.OBJECT],
    name="pace",
    description="How fast a kind of valuation is computed, in milliseconds of one core.",
)
class PaceOf:
    base: float = strawberry.field(
        description="One valuation, × (0.7 + 0.03 × years); years of segments count apart."
    )
    case: float = strawberry.field(description="One more case of a batch.")


_BATCH_OF_AXES: Final = ["rows.values", "columns.values"]
COSTS: Final[Mapping[str, Cost]] = {
    **{
        f"Mutation.value{kind}": Cost(work=Work.VALUATION, bases=1, inputs="input")
        for kind in ("Dcf", "Lbo", "Merger", "Comparables", "Credit")
    },
    "Mutation.valueModel": Cost(work=Work.VALUATION, bases=1),
    "Mutation.editModel": Cost(work=Work.CHANGE, points=1, each=0.05, of=["edits"]),
    "Mutation.importCompanies": Cost(work=Work.CHANGE, points=1, each=3, of=["companies"]),
    "Mutation.moveCursor": Cost(work=Work.FOLLOW, free=True),
    "Mutation.select": Cost(work=Work.FOLLOW, free=True),
    "Mutation.renewSession": Cost(work=Work.FOLLOW, free=True),
    "Mutation.startSimulation": Cost(
        work=Work.RUN,
        points=3,
        cases=["input.spec.trials"],
        changing="input.spec.shocks",
        inputs="input.source",
        each=work.CORRELATION,
        of=["input.spec.correlation.matrix", "input.spec.correlation.matrix"],
    ),
    "Query.auditReport": Cost(work=Work.READ, points=20),
    "Query.accessList": Cost(work=Work.READ, points=3),
    "Query.exportWorkbook": Cost(work=Work.WORKBOOK, points=work.WORKBOOK),
    "Query.footballField": Cost(work=Work.ANALYSIS, points=1, each=5, of=["methods"]),
    "FinancialModel.scenarioComparison": Cost(work=Work.ANALYSIS, points=10),
    "Valuation.replay": Cost(work=Work.ANALYSIS, points=1, bases=2),
    "Analysable.sensitivity": Cost(
        work=Work.ANALYSIS, cases=_BATCH_OF_AXES, each=work.WRITTEN, of=_BATCH_OF_AXES
    ),
    "Analysable.oneWaySensitivity": Cost(
        work=Work.ANALYSIS, cases=["axis.values"], each=9e-4, of=["axis.values"]
    ),
    "Analysable.tornado": Cost(work=Work.ANALYSIS, bases=work.TORNADO),
    "Analysable.gradient": Cost(work=Work.ANALYSIS, bases=work.GRADIENT),
    "Analysable.reverse": Cost(work=Work.ANALYSIS, points=work.REVERSE),
    "Analysable.scenarios": Cost(
        work=Work.ANALYSIS, cases=["cases"], each=10 * work.CHANGE, of=["cases"]
    ),
    "Analysable.attribution": Cost(work=Work.ANALYSIS, points=work.ATTRIBUTION),
    "Analysable.simulation": Cost(
        work=Work.SIMULATION,
        points=2,
        cases=["spec.trials"],
        changing="spec.shocks",
        each=work.CORRELATION,
        of=["spec.correlation.matrix", "spec.correlation.matrix"],
    ),
    "LboValuation.exitGrid": Cost(
        work=Work.ANALYSIS,
        cases=["years"],
        each=4 * work.WRITTEN,
        of=["years", "multiples"],
    ),
    "LboValuation.maximumPrice": Cost(work=Work.ANALYSIS, points=work.MAXIMUM_PRICE),
}

TELLING: Final = frozenset({"Mutation.startSimulation"})  # who say themselves what they made


def price_fields(schema: strawberry.Schema) -> None:
    """Give every field of a schema its tariff, its directive, and a resolver that keeps the bill.

    In place, and after `resolvers.calls.call_directly`.

    Raises:
        LookupError: for a row of the table that no field of the schema has.
    """
    core = schema._schema  # noqa: SLF001 - Strawberry has no other door to graphql-core's schema
    for directive in (Cost, PaceOf):
        _define(schema, directive)
    roots = (core.query_type, core.mutation_type, core.subscription_type)
    unused = set(COSTS)
    for kind in core.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        pace = work.PACES.get(_kind_of(kind.name) or "")
        if pace is not None:
            kind.extensions[DEFINITION].directives = [PaceOf(base=pace.base, case=pace.cell)]
        for name, field in kind.fields.items():
            row = _row(kind, name)
            unused.discard(row)
            cost = COSTS.get(row) or _usual(field, kind, is_root=kind in roots)
            if cost is None:
                continue
            field.extensions[DEFINITION].directives = [cost]
            tariff = _tariff(core, cost, field)
            field.extensions[TARIFF] = tariff
            if kind is not core.subscription_type and not tariff.free:
                field.resolve = metered(
                    tariff,
                    field,
                    _kind_of(kind.name),
                    changes=kind is core.mutation_type,
                    tells=row in TELLING,
                )
    if unused:
        raise LookupError(f"no field is called so: {', '.join(sorted(unused))}")


def _row(kind: GraphQLObjectType, name: str) -> str:
    """Whose row of the table is meant: the type's own, or that of an interface."""
    owners = (kind.name, *(each.name for each in kind.interfaces))
    return next(
        (f"{owner}.{name}" for owner in owners if f"{owner}.{name}" in COSTS),
        f"{kind.name}.{name}",
    )


def _usual(field: GraphQLField, kind: GraphQLObjectType, *, is_root: bool) -> Cost | None:
    """What a field costs that is not in the table: one that waits for something, a point."""
    definition = field.extensions[DEFINITION]
    if getattr(field.resolve, "_is_default", False) and not definition.is_subscription:
        return None
    waits = definition.is_subscription or iscoroutinefunction(definition.base_resolver.wrapped_func)
    works = {"Mutation": Work.CHANGE, "Subscription": Work.FOLLOW}
    paged = "first" in field.args
    listed = paged or isinstance(get_nullable_type(field.type), GraphQLList)
    if not (waits or listed):
        return None
    cost = Cost(work=works.get(kind.name if is_root else "", Work.READ))
    if waits:
        cost.points = 1
    if listed:
        cost.elements, cost.element = PAGE if paged else ELEMENTS, work.ROW
    return cost


def _define(schema: strawberry.Schema, directive: type) -> None:
    """Make a directive part of the schema, with what its arguments mean: Strawberry forgets it."""
    made = schema.schema_converter.from_schema_directive(directive)
    for field in directive.__strawberry_directive__.fields:  # type: ignore[attr-defined] # it is one
        argument: GraphQLArgument = made.args[schema.config.name_converter.get_graphql_name(field)]
        argument.description = field.description
    core: GraphQLSchema = schema._schema  # noqa: SLF001 - as above
    core.directives = (*core.directives, made)
    schema._schema_graphql_directives[directive] = made  # noqa: SLF001 - its printer looks here


def _kind_of(type_name: str) -> str | None:
    kind = type_name.removesuffix("Valuation").upper()
    return kind if kind in work.PACES and type_name.endswith("Valuation") else None


def _given(value: Any) -> Any:
    return None if value is strawberry.UNSET else value


def _tariff(core: GraphQLSchema, cost: Cost, field: GraphQLField) -> Tariff:
    named = get_named_type(field.type)
    possible = core.get_possible_types(named) if is_abstract_type(named) else [named]
    kinds = {found for each in possible if (found := _kind_of(each.name)) is not None}
    inputs = _given(cost.inputs)
    changing = _given(cost.changing)
    cases = tuple(_sized(field, path) for path in _given(cost.cases) or ())
    of = tuple(_sized(field, path) for path in _given(cost.of) or ())
    return Tariff(
        work=cost.work.lower(),
        points=_given(cost.points) or 0.0,
        each=_given(cost.each) or 0.0,
        of=cases if of == cases else of,  # the same ones are multiplied once
        bases=_given(cost.bases) or 0.0,
        cases=cases,
        changing=None if changing is None else _sized(field, changing),
        inputs=() if inputs is None else tuple(inputs.split(".")),
        elements=_given(cost.elements),
        element=_given(cost.element) or 0.0,
        free=bool(_given(cost.free)),
        kind=kinds.pop() if len(kinds) == 1 and inputs is not None else None,
    )


def _sized(field: GraphQLField, written: str) -> Sized:
    """
    Raises:
        LookupError: for a path that is no argument's.
    """
    path = tuple(written.split("."))
    given: Any = field.args[path[0]]
    for name in path[1:]:
        kind = get_named_type(given.type)
        if not isinstance(kind, GraphQLInputObjectType):
            raise LookupError(f"no input is called so: {written}")
        given = kind.fields[name]
    default = given.default_value
    listed = isinstance(get_nullable_type(given.type), GraphQLList)
    return Sized(path, 0.0 if default in (None, Undefined) else size_of(default), listed)
