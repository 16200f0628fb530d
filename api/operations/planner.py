"""Making plans: what of an operation can be worked out before it is asked, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from math import isfinite
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    type_from_ast,
    visit,
)
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from api.operations.coercion import Coercers
from api.operations.plans import (
    Argument,
    Call,
    Complete,
    Handover,
    Info,
    Plan,
    Variables,
    abandon,
    called,
    joined,
)

STRAWBERRY: Final = "strawberry-definition"  # where Strawberry leaves a type's Python side
_SIMPLE: Final = {"Float": float, "Int": int, "String": str, "ID": str, "Boolean": bool}
_INT_32: Final = 2**31


class Unsupported(Exception):
    """This operation has no plan: the reference runs it."""


class Planner:
    """Makes plans for one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._coercers = Coercers()
        self._reference = _shadow(schema)

    @property
    def reference(self) -> GraphQLSchema:
        """The schema to hand over to: its root fields take the values in ``root_value``."""
        return self._reference

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Plan | None:
        """The plan of a validated operation; None if it has to run in the reference."""
        try:
            return _Compiler(self._schema, self._coercers, document, operation).plan()
        except Unsupported:
            return None


def _shadow(schema: GraphQLSchema) -> GraphQLSchema:
    kwargs: Any = schema.to_kwargs()
    roots = {"query": schema.query_type, "mutation": schema.mutation_type}
    for name, root in roots.items():
        if root is not None:
            fields = {
                key: GraphQLField(**{**field.to_kwargs(), "resolve": _resumed(field)})
                for key, field in root.fields.items()
            }
            copied: Any = {**root.to_kwargs(), "fields": fields}
            kwargs[name] = GraphQLObjectType(**copied)
    names = {root.name for root in roots.values() if root is not None}
    kwargs["types"] = tuple(kind for kind in kwargs["types"] or () if kind.name not in names)
    kwargs["assume_valid"] = True
    return GraphQLSchema(**kwargs)


def _resumed(field: GraphQLField) -> Callable[..., Any]:
    """Takes the value that is there already; resolves what had not been reached."""

    def resolve(source: dict[str, Any], info: Any, /, **arguments: Any) -> Any:
        key = info.path.key
        if key not in source:
            return field.resolve(None, info, **arguments)  # type: ignore[misc] # Strawberry gives every field one
        value = source[key]
        if isinstance(value, BaseException):
            raise value
        return value

    return resolve


class _NoDirectives(Visitor):
    def enter_directive(self, *_: Any) -> None:
        raise Unsupported


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        coercers: Coercers,
        document: DocumentNode,
        operation: OperationDefinitionNode,
    ) -> None:
        self._schema, self._coercers, self._operation = schema, coercers, operation
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        visit(document, _NoDirectives())

    def plan(self) -> Plan:
        operation = self._operation
        mutation = operation.operation is OperationType.MUTATION
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            raise Unsupported
        variables = []
        for definition in operation.variable_definitions or ():
            if definition.default_value is not None:
                raise Unsupported
            kind = type_from_ast(self._schema, definition.type)
            coercer = self._coercers.of(kind)  # type: ignore[arg-type] # validation let it in
            required = isinstance(kind, GraphQLNonNull)
            variables.append((definition.variable.name.value, coercer, required))
        keys: dict[str, str | None] = {}
        calls: list[Call] = []
        for key, nodes in self._collect(root, [operation.selection_set]).items():
            name = nodes[0].name.value
            keys[key] = root.name if name == "__typename" else None
            if name == "__typename":
                continue
            if name.startswith("__"):
                raise Unsupported
            calls.append(self._call(key, root.fields[name], nodes))
        if operation.operation is OperationType.SUBSCRIPTION and len(calls) != 1:
            raise Unsupported  # validation lets one field through; should it change, this holds
        return Plan(tuple(variables), keys, tuple(calls), mutation)

    def _collect(
        self,
        kind: GraphQLObjectType,
        sets: list[SelectionSetNode],
        found: dict[str, list[FieldNode]] | None = None,
    ) -> dict[str, list[FieldNode]]:
        """Response key to nodes, as they apply to one object type."""
        found = {} if found is None else found
        for selections in sets:
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    key = node.alias.value if node.alias else node.name.value
                    found.setdefault(key, []).append(node)
                    continue
                fragment: Any = (
                    self._fragments[node.name.value]
                    if isinstance(node, FragmentSpreadNode)
                    else node
                )
                condition = fragment.type_condition
                if condition is None or self._applies(condition.name.value, kind):
                    self._collect(kind, [fragment.selection_set], found)
        return found

    def _applies(self, name: str, kind: GraphQLObjectType) -> bool:
        wanted = self._schema.get_type(name)
        if isinstance(wanted, GraphQLInterfaceType | GraphQLUnionType):
            return self._schema.is_sub_type(wanted, kind)
        return wanted is kind

    def _call(self, key: str, field: GraphQLField, nodes: list[FieldNode]) -> Call:
        arguments = []
        given = {node.name.value: node.value for node in nodes[0].arguments or ()}
        for name, definition in field.args.items():
            default = coerce_default_value(definition)
            variable, value = None, default
            literal = given.get(name)
            if isinstance(literal, VariableNode):
                variable = literal.name.value
                if isinstance(definition.type, GraphQLNonNull):
                    self._must_be_given(variable)
            elif literal is not None:
                # A variable within would be taken for one that is left out.
                value = (
                    Undefined
                    if _has_variable(literal)
                    else coerce_input_literal(literal, definition.type)
                )
                if value is Undefined:
                    raise Unsupported
            arguments.append(Argument(definition.out_name or name, variable, value))
        complete = self._complete(field.type, nodes)
        return Call(key, field, tuple(arguments), complete)

    def _must_be_given(self, variable: str) -> None:
        """A nullable variable for an argument that is not: allowed with a default, but rare."""
        for definition in self._operation.variable_definitions or ():
            if definition.variable.name.value == variable:
                kind = type_from_ast(self._schema, definition.type)
                if isinstance(kind, GraphQLNonNull):
                    return
        raise Unsupported

    def _complete(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, nodes)
        inner = self._present(kind, nodes)

        def nullable(value: Any, info: Info, variables: Variables) -> Any:
            return None if value is None else inner(value, info, variables)

        return nullable

    def _present(self, kind: Any, nodes: list[FieldNode]) -> Complete:
        """Completes a value that is not null; None raises, as no exact type fits it."""
        if isinstance(kind, GraphQLList):
            return self._list(kind, nodes)
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, nodes)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return self._abstract(kind, nodes)
        return _leaf(kind)

    def _list(self, kind: Any, nodes: list[FieldNode]) -> Complete:
        item = self._complete(kind.of_type, nodes)
        deep = any(node.selection_set for node in nodes)

        def items(value: Any, info: Info, variables: Variables) -> Any:
            if type(value) is not list:
                raise Handover
            done: list[Any] = []
            waiting: list[int] = []
            try:
                for number, each in enumerate(value):
                    done.append(item(each, info, variables))
                    if deep and isawaitable(done[-1]):
                        waiting.append(number)
            except Exception:
                abandon(done, waiting)
                raise
            return joined(done, waiting) if waiting else done

        return items

    def _abstract(self, kind: Any, nodes: list[FieldNode]) -> Complete:
        table: dict[type, Complete] = {
            possible.extensions[STRAWBERRY].origin: self._object(possible, nodes)
            for possible in self._schema.get_possible_types(kind)
        }

        def dispatch(value: Any, info: Info, variables: Variables) -> Any:
            complete = table.get(type(value))
            if complete is None:
                raise Handover
            return complete(value, info, variables)

        return dispatch

    def _object(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Complete:
        origin = kind.extensions[STRAWBERRY].origin
        keys: dict[str, Any] = {}
        leaves: list[tuple[str, str, Complete]] = []
        objects: list[tuple[str, str, Complete]] = []
        calls: list[Call] = []
        selections = [node.selection_set for node in nodes if node.selection_set]
        for key, inner in self._collect(kind, selections).items():
            name = inner[0].name.value
            keys[key] = kind.name if name == "__typename" else None
            if name == "__typename":
                continue
            field = kind.fields[name]
            if getattr(field.resolve, "_is_default", False):
                attribute = field.extensions[STRAWBERRY].python_name
                plain = objects if inner[0].selection_set else leaves
                plain.append((key, attribute, self._complete(field.type, inner)))
            else:
                calls.append(self._call(key, field, inner))

        def members(value: Any, info: Info, variables: Variables) -> Any:
            if type(value) is not origin:
                raise Handover
            done = dict(keys)  # in the order of the document
            for key, attribute, complete in leaves:
                done[key] = complete(getattr(value, attribute), info, variables)
            if not (objects or calls):
                return done
            waiting: list[str] = []
            try:
                for key, attribute, complete in objects:
                    done[key] = found = complete(getattr(value, attribute), info, variables)
                    if isawaitable(found):
                        waiting.append(key)
                for call in calls:
                    done[call.key] = found = called(call, value, info, variables)
                    if isawaitable(found):
                        waiting.append(call.key)
            except Exception:
                abandon(done, waiting)
                raise
            return joined(done, waiting) if waiting else done

        return members


def _has_variable(literal: ValueNode) -> bool:
    if isinstance(literal, ListValueNode):
        return any(_has_variable(value) for value in literal.values)
    if isinstance(literal, ObjectValueNode):
        return any(_has_variable(field.value) for field in literal.fields)
    return isinstance(literal, VariableNode)


def _leaf(kind: Any) -> Complete:
    exact: Any = _SIMPLE.get(kind.name)
    if isinstance(kind, GraphQLEnumType):
        table = {kind.coerce_input_value(name): name for name in kind.values}

        def member(value: Any, _info: Info, _variables: Variables) -> Any:
            return table[value]  # a KeyError hands over, like every exception here

        return member
    if exact is None:
        output = kind.coerce_output_value

        def custom(value: Any, _info: Info, _variables: Variables) -> Any:
            found = output(value)
            if found is None or found is Undefined:
                raise Handover
            return found

        return custom

    def simple(value: Any, _info: Info, _variables: Variables) -> Any:
        if type(value) is not exact:
            raise Handover
        if exact is float and not isfinite(value):
            raise Handover
        if exact is int and not -_INT_32 <= value < _INT_32:
            raise Handover
        return value

    return simple
