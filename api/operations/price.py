"""Prices: what an operation may cost, compiled once from its document and worked out per request.

Nothing is validated yet: a field that is not there costs nothing, and validation says so. Fields
are merged by their response keys, as execution merges them; where a value may be of several types
the dearest counts. The gate has been passed, so a document spreads to a bounded number of fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    value_from_ast_untyped,
)

from resolvers.cost import ELEMENTS, TARIFF
from resolvers.ids import type_of
from resolvers.tariffs import MOST, Scope, Tariff, whole
from services.metering import FREE, LEAST, SURE, Part, Price

Given = Callable[[Mapping[str, Any]], Any]  # an argument's value, from the variables

_CONNECTION: Final = "Connection"  # its edges are counted where the page is asked for


@dataclass(frozen=True, slots=True)
class Step:
    """A field that costs something, or that something below costs."""

    key: str
    field: str  # of the schema: Type.field
    tariff: Tariff | None
    times: float  # how often what is below counts, where there is no tariff to say
    arguments: Mapping[str, Given]  # those that the price depends on
    named: Given | None  # the global id that tells the type of the value
    below: Mapping[str, tuple[Step, ...]]  # by the type that the value may have
    varies: bool  # with variables


@dataclass(frozen=True, slots=True)
class Priced:
    """The price of one operation."""

    steps: tuple[Step, ...]
    defaults: Mapping[str, Any]  # of variables
    free: bool
    fixed: Price | None  # the same whatever the variables are

    def of(self, variables: Mapping[str, Any]) -> Price:
        """What it costs with these variables."""
        if self.fixed is not None:
            return self.fixed
        given = {**self.defaults, **variables} if self.defaults else variables
        return _price(self.steps, given)


# No resolver of ours does it, so its bill is known beforehand: see `Price.sure`.
_WHOLE: Final = Tariff(SURE, points=25.0)
NOTHING: Final = Priced((), {}, free=False, fixed=LEAST)


class Pricer:
    """Prices the operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def priced(self, document: DocumentNode, operation: OperationDefinitionNode) -> Priced:
        """The price of an operation whose document has passed the gate."""
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            return NOTHING
        compiler = _Compiler(self._schema, document)
        steps, free = compiler.root(root, operation.selection_set)
        defaults = {
            definition.variable.name.value: value_from_ast_untyped(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        if free:
            return Priced((), {}, free=True, fixed=FREE)
        varies = any(step.varies for step in steps)
        return Priced(steps, defaults, free=False, fixed=None if varies else _price(steps, {}))


def _price(steps: Sequence[Step], variables: Mapping[str, Any]) -> Price:
    parts: list[Part] = []
    scope = Scope()
    for step in steps:
        _parts(step, variables, scope, 1.0, "", parts)
    return Price(whole(sum(part.points for part in parts)), tuple(parts))


def _parts(
    step: Step,
    variables: Mapping[str, Any],
    outer: Scope,
    times: float,
    above: str,
    parts: list[Part],
) -> None:
    path = f"{above}.{step.key}" if above else step.key
    tariff, scope = step.tariff, outer
    arguments = {name: given(variables) for name, given in step.arguments.items()}
    below = times * step.times
    if tariff is not None:
        scope = tariff.scope(arguments, outer)
        elements = tariff.count(arguments)
        points = min(MOST, times * tariff.own(arguments, scope, elements))
        if points > 0.0:
            told = partial(tariff.how, arguments, scope, elements)
            parts.append(Part(path, step.field, points, tariff.work, told))
        below = times * elements
    if not step.below:
        return
    options = step.below
    if step.named is not None and len(options) > 1:
        told = step.named(variables)
        its = options.get(type_of(told)) if isinstance(told, str) else None
        if its is not None:
            options = {type_of(told): its}
    dearest: list[Part] = []
    most = 0.0
    for name, steps in options.items():
        found: list[Part] = []
        kind = name.removesuffix("Valuation").upper() if name.endswith("Valuation") else None
        inner = scope if kind is None or scope.kind == kind else Scope(kind, scope.years)
        for each in steps:
            _parts(each, variables, inner, min(MOST, below), path, found)
        total = sum(part.points for part in found)
        if total > most:
            dearest, most = found, total
    parts += dearest


@dataclass(slots=True)
class _Compiler:
    schema: GraphQLSchema
    document: DocumentNode
    fragments: dict[str, FragmentDefinitionNode] = field(init=False)
    known: dict[tuple[str, tuple[int, ...]], tuple[Step, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fragments = {
            node.name.value: node
            for node in self.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def root(
        self, kind: GraphQLObjectType, selections: SelectionSetNode
    ) -> tuple[tuple[Step, ...], bool]:
        """(steps, whether nothing but free fields is asked for)."""
        fields = self._collect(kind, [selections])
        steps = tuple(step for key in fields if (step := self._step(kind, key, fields[key])))
        tariffs = [
            definition.extensions.get(TARIFF)
            for nodes in fields.values()
            if (definition := kind.fields.get(nodes[0].name.value)) is not None
        ]
        free = bool(tariffs) and len(tariffs) == len(fields)
        return steps, free and all(tariff is not None and tariff.free for tariff in tariffs)

    def _object(self, kind: GraphQLObjectType, sets: list[SelectionSetNode]) -> tuple[Step, ...]:
        place = (kind.name, tuple(map(id, sets)))
        found = self.known.get(place)
        if found is None:
            fields = self._collect(kind, sets)
            steps = (self._step(kind, key, nodes) for key, nodes in fields.items())
            found = self.known[place] = tuple(step for step in steps if step is not None)
        return found

    def _collect(
        self,
        kind: GraphQLObjectType,
        sets: Sequence[SelectionSetNode],
        found: dict[str, list[FieldNode]] | None = None,
    ) -> dict[str, list[FieldNode]]:
        found = {} if found is None else found
        for selections in sets:
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    key = node.alias.value if node.alias else node.name.value
                    found.setdefault(key, []).append(node)
                    continue
                fragment: Any = node
                if isinstance(node, FragmentSpreadNode):
                    fragment = self.fragments.get(node.name.value)
                if fragment is None:
                    continue
                condition = fragment.type_condition
                if condition is None or self._applies(condition.name.value, kind):
                    self._collect(kind, [fragment.selection_set], found)
        return found

    def _applies(self, name: str, kind: GraphQLObjectType) -> bool:
        wanted = self.schema.get_type(name)
        if isinstance(wanted, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(wanted, kind)
        return wanted is kind

    def _step(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Step | None:
        name = nodes[0].name.value
        if name == "__schema":
            return Step(key, f"{parent.name}.{name}", _WHOLE, 1.0, {}, None, {}, varies=False)
        definition = parent.fields.get(name)
        if definition is None:
            return None
        tariff: Tariff | None = definition.extensions.get(TARIFF)
        below = self._below(definition, nodes)
        if tariff is None and not below:
            return None
        given = {node.name.value: node.value for node in nodes[0].arguments or ()}
        wanted = tariff.arguments if tariff is not None else frozenset()
        named = given.get("id") if len(below) > 1 else None
        counted = [given[each] for each in wanted if each in given]
        return Step(
            key=key,
            field=f"{parent.name}.{name}",
            tariff=tariff,
            times=_times(parent, definition, tariff),
            arguments={each: _getter(given[each]) for each in wanted if each in given},
            named=None if named is None else _getter(named),
            below=below,
            varies=any(map(_varies, [*counted, *([] if named is None else [named])]))
            or any(step.varies for steps in below.values() for step in steps),
        )

    def _below(
        self, definition: GraphQLField, nodes: list[FieldNode]
    ) -> dict[str, tuple[Step, ...]]:
        sets = [node.selection_set for node in nodes if node.selection_set]
        kind = get_named_type(definition.type)
        possible: Sequence[GraphQLObjectType] = ()
        if isinstance(kind, GraphQLObjectType):
            possible = (kind,)
        elif isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            possible = self.schema.get_possible_types(kind)
        found = {each.name: self._object(each, sets) for each in possible} if sets else {}
        return {name: steps for name, steps in found.items() if steps}


def _times(parent: GraphQLObjectType, definition: GraphQLField, tariff: Tariff | None) -> float:
    """How many values a plain attribute has: nobody asked for so many of them."""
    listed = isinstance(get_nullable_type(definition.type), GraphQLList)
    if tariff is not None or not listed or parent.name.endswith(_CONNECTION):
        return 1.0
    return float(ELEMENTS)


def _getter(node: ValueNode) -> Given:
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda variables: variables.get(name)
    if _varies(node):
        return lambda variables: value_from_ast_untyped(node, dict(variables))
    value = value_from_ast_untyped(node)
    return lambda _: value


def _varies(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(_varies(value) for value in node.values)
    if isinstance(node, ObjectValueNode):
        return any(_varies(each.value) for each in node.fields)
    return isinstance(node, VariableNode)
