"""Documents: parsed, gated and validated once each, and remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged as merging
from graphql.validation.validate import ValidationAbortedError

from api.operations.gate import complaint_of
from api.operations.planner import Planner
from api.operations.plans import Plan
from api.operations.request import Parameters
from observability.operations import root_fields

SOURCE_MAX: Final = 64 * 1024  # characters
TOKENS_MAX: Final = 2_000
COMPARISONS_MAX: Final = 50_000  # some 50 ms; forty fragments on one type come to a third of it
_REMEMBERED: Final = 512
_REMEMBERED_CHARACTERS: Final = 4 * 1024 * 1024  # a parsed document is some 50 times its text

# Fields of one name are compared pairwise, so a field written 500 times would hold the event loop
# for a second. graphql-core counts these comparisons and gives up; its own limit is ten times ours.
merging.MAX_COMPLEXITY_BUDGET = COMPARISONS_MAX


class RequestError(Exception):
    """Well-formed, but nothing was executed: the answer has no ``data`` entry."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation of a document, as far as the document says."""

    node: OperationDefinitionNode | None  # None: no such operation, or not clear which
    kind: str  # query, mutation, subscription; "" where there is no such operation
    root_fields: tuple[str, ...]
    plan: Plan | None = None  # None: runs in the reference


@dataclass(slots=True)
class Document:
    """A text that was looked at once. With ``errors`` it must not run."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    planner: Planner
    _asked: dict[str | None, Asked] = field(default_factory=dict)

    def asked(self, operation_name: str | None) -> Asked:
        """What one of its operations asks for."""
        found = self._asked.get(operation_name)
        if found is None:
            if self.node is None:
                return Asked(None, "", ())
            kind, fields = root_fields(self.node, operation_name)
            node = get_operation_ast(self.node, operation_name)
            runs = node is not None and not self.errors
            plan = self.planner.plan(self.node, node) if runs and node is not None else None
            found = Asked(node, kind, fields, plan)
            if len(self._asked) < 20:  # names that are not there have no end
                self._asked[operation_name] = found
        return found


class Documents:
    """The documents of one schema, the latest used kept."""

    def __init__(
        self,
        schema: strawberry.Schema,
        trusted: Mapping[str, str] = MappingProxyType({}),
        *,
        only_trusted: bool = False,
    ) -> None:
        """``trusted``: documents by the SHA-256 of their text, 64 lower hexadecimal digits."""
        # Strawberry executes on graphql-core's schema, and offers no other way to it.
        self.schema = schema._schema  # noqa: SLF001
        self.planner = Planner(self.schema)
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._trusted, self._only_trusted = trusted, only_trusted

    def find(self, asked: Parameters) -> Document:
        """The document of a request, by its text or by its id.

        Raises:
            RequestError: if it is not one that is trusted, and has to be.
        """
        text: str | None = asked.query
        if asked.document_id is not None:
            # Whoever sent the text as well has proved that it is the one of the id.
            text = self._trusted.get(asked.document_id, text if not self._only_trusted else None)
        elif self._only_trusted:
            text = None
        if not text:
            raise RequestError(
                GraphQLError(
                    "This document is not known here. Send the id of one that is: its SHA-256, as "
                    "“documentId”."
                    if self._only_trusted
                    else "There is no document of this id here. Send its text as “query”.",
                    extensions={"code": "DOCUMENT_NOT_TRUSTED"},
                )
            )
        return self.read(text)

    def read(self, text: str) -> Document:
        """Parse, gate and validate, or remember having done so."""
        document = self._known.get(text)
        if document is not None:
            self._known.move_to_end(text)
            return document
        document = self._look(text)
        self._known[text] = document
        self._characters += len(text)
        while len(self._known) > _REMEMBERED or self._characters > _REMEMBERED_CHARACTERS:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)
        return document

    def _look(self, text: str) -> Document:
        if len(text) > SOURCE_MAX:
            long = GraphQLError(
                f"The document has {len(text):,} characters (at most {SOURCE_MAX:,}).",
                extensions={"code": "QUERY_TOO_COMPLEX"},
            )
            return Document(None, (long,), self.planner)
        try:
            node = parse(text, max_tokens=TOKENS_MAX)
        except GraphQLError as flaw:
            return Document(None, (flaw,), self.planner)
        complaint = complaint_of(node)
        if complaint is not None:
            return Document(node, (complaint,), self.planner)
        return Document(node, _flaws(self.schema, node), self.planner)


def _flaws(schema: GraphQLSchema, node: DocumentNode) -> tuple[GraphQLError, ...]:
    """What validation says; with many flaws, the first hundred."""
    flaws = validate(schema, node)
    if len(flaws) == 1 and isinstance(flaws[0], ValidationAbortedError):
        return (
            GraphQLError(
                "The document would take too long to check: it repeats fields over and over, or "
                "nests fragments too deeply. Ask for each field once.",
                extensions={"code": "QUERY_TOO_COMPLEX"},
            ),
        )
    return tuple(flaws)
