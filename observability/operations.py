"""The schema's eye: what was asked, how it ended, how long it took.

Names come from the schema: the root field (``Mutation.valueDcf``), never the name that a client
gave its operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter_ns
from types import TracebackType
from typing import Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from observability.counts import Counts
from observability.metrics import Histograms, Meter
from observability.objectives import Objective, check_operations
from observability.outcomes import Outcome, Promises, Recognise, classify, recognise_code

KINDS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
UNKNOWN = "unknown"  # refused before its fields were known

# The operation that this context is part of: resolvers report to it, whichever application it is.
under_way: ContextVar[Operation | None] = ContextVar("valor_operation", default=None)


class Tracer(Protocol):
    """What tracing offers; asked only inside a request that is sampled."""

    def sampled(self) -> bool:
        """Whether the request of this context is."""

    def span(self, name: str, began_ns: int | None = None) -> AbstractContextManager[Span]:
        """One span; ``name`` is of the schema, ``began_ns`` of ``perf_counter_ns``."""


class Span(Protocol):
    """What is said about a span after it began."""

    def update_name(self, name: str) -> None:
        """Call it so."""

    def set_attribute(self, key: str, value: str) -> None:
        """Add a fact that is of the schema or a closed list."""


class Untraced:
    """A tracer that samples nothing."""

    def sampled(self) -> bool:
        """No."""
        return False

    def span(self, name: str, began_ns: int | None = None) -> AbstractContextManager[Span]:
        """None is ever asked for."""
        raise LookupError(f"nothing is sampled here: no span {name} of {began_ns}")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of an operation from its document: made once for each, and kept."""

    label: str  # Mutation.valueDcf; "Query (several)"; unknown
    introspection: bool  # asks for nothing but the schema
    promises: Promises | None  # None: counted, but under no promise (a subscription)


class Operation:
    """One operation under way. A context manager: leaving it is the end of the operation.

    Set ``tenant`` when it is known and ``errors`` to those of the response; call ``named`` as
    soon as the document is. A deadline belongs inside: a cancellation that passes through here
    is taken for the client's.
    """

    __slots__ = (
        "_began_ns", "_span", "_span_open", "_watch", "answers",
        "errors", "outcome", "recognise", "sampled", "shape", "tenant", "timers", "tracer",
    )  # fmt: skip

    def __init__(self, watch: OperationWatch, tenant: str | None) -> None:
        self._watch = watch
        self.shape = watch.unknown
        self.tenant = tenant  # an id that was validated
        self.errors: Sequence[BaseException] | None = None
        self.answers: list[str] = []  # codes of refusals given as data
        self.outcome: Outcome | None = None  # None while it is under way
        self.timers: Histograms = watch.timers
        self.recognise: Recognise = watch.recognise
        self.tracer = watch.tracer
        self.sampled = False
        self._span: Span | None = None
        self._span_open: AbstractContextManager[Span] | None = None
        self._began_ns = 0

    def __enter__(self) -> Operation:
        self._began_ns = perf_counter_ns()
        if self.tracer.sampled():
            self.sampled = True
            self._span_open = self.tracer.span("operation")
            self._span = self._span_open.__enter__()
        under_way.set(self)
        return self

    def named(self, kind: str, fields: Sequence[str]) -> None:
        """Say what is asked: ``query`` | ``mutation`` | ``subscription``, and its root fields."""
        self.shape = self._watch.shape(kind, fields)
        if self._span is not None:
            self._span.update_name(self.shape.label)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        waited_ns = perf_counter_ns() - self._began_ns
        # Not reset by token: a stream may be closed in another context than it was opened in.
        under_way.set(None)
        errors = (error,) if error is not None else self.errors
        if errors or self.answers or self.shape.introspection:
            outcome = classify(
                errors,
                self.answers,
                recognise=self.recognise,
                introspection=self.shape.introspection,
            )
        else:
            outcome = Outcome.GOOD
        self.outcome = outcome
        if self._span is not None:
            self._span.set_attribute("valor.outcome", outcome.value)
        if self._span_open is not None:
            self._span_open.__exit__(kind, error, traceback)
        self._watch.ended(self, outcome, waited_ns)


class OperationWatch:
    """Counts the operations of one application."""

    def __init__(
        self,
        *,
        objectives: Sequence[Objective],
        counts: Counts,
        meter: Meter,
        recognise: Recognise = recognise_code,
        tracer: Tracer | None = None,
    ) -> None:
        """``objectives``: the whole catalogue, whose order numbers the bits of a mark."""
        self.recognise = recognise
        self.tracer = tracer or Untraced()
        self.timers = meter.resolver_seconds
        self.unknown = Shape(UNKNOWN, introspection=False, promises=Promises(objectives, ()))
        self._objectives = tuple(objectives)
        self._counts = counts
        self._meter = meter
        self._coordinates: frozenset[str] = frozenset()
        self._shapes: dict[tuple[str, tuple[str, ...]], Shape] = {}

    def know(self, schema: GraphQLSchema) -> None:
        """Learn the schema's root fields.

        Raises ObjectivesInvalid when a promise is made for a field that is not there.
        """
        coordinates = root_coordinates(schema)
        check_operations(self._objectives, coordinates)
        self._coordinates = coordinates

    def operation(self, tenant: str | None = None) -> Operation:
        """``with watch.operation() as operation:`` from the document to the last field."""
        return Operation(self, tenant)

    def shape(self, kind: str, fields: Sequence[str]) -> Shape:
        """The shape of an operation; a field that is not of the schema makes it ``unknown``."""
        key = (kind, tuple(fields))
        found = self._shapes.get(key)
        if found is None:
            found = self._shape(kind, key[1])
            # Field lists are of the schema, but their combinations have no end.
            if len(self._shapes) < 1_000:
                self._shapes[key] = found
        return found

    def ended(self, operation: Operation, outcome: Outcome, waited_ns: int) -> None:
        """Count an operation that ended."""
        shape = operation.shape
        self._meter.operation(shape.label, outcome, waited_ns)
        if shape.promises is not None:
            mark = shape.promises.mark(outcome, waited_ns)
            if mark is not None:
                self._counts.add(mark, operation.tenant)

    def _shape(self, kind: str, fields: tuple[str, ...]) -> Shape:
        root = KINDS.get(kind, "")
        asked = {f"{root}.{field}" for field in fields if not field.startswith("__")}
        if not root or not asked <= self._coordinates:
            return self.unknown
        # A subscription lasts as long as its socket: it has promises of its own.
        promises = None if kind == "subscription" else Promises(self._objectives, asked)
        if not asked:
            return Shape(f"{root} (introspection)", introspection=True, promises=promises)
        label = next(iter(asked)) if len(asked) == 1 else f"{root} (several)"
        return Shape(label, introspection=False, promises=promises)


def root_coordinates(schema: GraphQLSchema) -> frozenset[str]:
    """Every root field as Query.field, Mutation.field, Subscription.field."""
    roots = (
        ("Query", schema.query_type),
        ("Mutation", schema.mutation_type),
        ("Subscription", schema.subscription_type),
    )
    return frozenset(f"{name}.{field}" for name, t in roots if t is not None for field in t.fields)


def root_fields(document: DocumentNode, name: str | None = None) -> tuple[str, tuple[str, ...]]:
    """(kind, root field names, each once) of the operation called ``name``, or the first one.

    Linear in the document: a fragment is walked once. ("", ()) when there is no such operation.
    """
    fragments: dict[str, FragmentDefinitionNode] = {}
    operations: list[OperationDefinitionNode] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
    for operation in operations:
        if name is None or (operation.name is not None and operation.name.value == name):
            names = dict.fromkeys(_walk(operation.selection_set, fragments))
            return operation.operation.value, tuple(names)
    return "", ()


def _walk(top: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[str]:
    seen: set[str] = set()
    sets = [top]
    while sets:
        for node in sets.pop().selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, FragmentSpreadNode):
                fragment = fragments.get(node.name.value)
                if fragment is not None and node.name.value not in seen:
                    seen.add(node.name.value)
                    sets.append(fragment.selection_set)
            elif isinstance(node, InlineFragmentNode):
                sets.append(node.selection_set)
