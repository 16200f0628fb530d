"""Documents: parsed, gated, priced and validated once each, and remembered.

Validation is put off until a request has been paid for: of all that is done with a document before
it runs, it takes the longest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

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
from api.operations.price import NOTHING, Priced, Pricer
from api.operations.request import Parameters
from observability.operations import root_fields
from services.metering import Charge
from services.pricing import Estimate

SOURCE_MAX: Final = 64 * 1024  # characters
TOKENS_MAX: Final = 2_000
COMPARISONS_MAX: Final = 50_000  # some 50 ms; forty fragments on one type come to a third of it
SHORT: Final = 256  # characters: nothing fits in that takes longer to validate than 10 ms
_REMEMBERED: Final = 512
_NAMES: Final = 20  # of operations that are not there there is no end
_REMEMBERED_CHARACTERS: Final = 4 * 1024 * 1024  # a parsed document is some 50 times its text

# Fields of one name are compared pairwise, so a field written 500 times would hold the event loop
# for a second. graphql-core counts these comparisons and gives up; its own limit is ten times ours.
merging.MAX_COMPLEXITY_BUDGET = COMPARISONS_MAX


class RequestError(Exception):
    """Well-formed, but nothing was executed: the answer has no ``data`` entry."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.charge: Charge | None = None  # what it cost to find out, where it was charged


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation of a document, as far as the document says."""

    node: OperationDefinitionNode | None  # None: no such operation, or not clear which
    kind: str  # query, mutation, subscription; "" where there is no such operation
    root_fields: tuple[str, ...]
    priced: Priced = NOTHING


@dataclass(slots=True)
class Document:
    """A text that was looked at once. With ``errors`` it must not even be validated."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    schema: GraphQLSchema
    planner: Planner
    pricer: Pricer
    _flaws: tuple[GraphQLError, ...] | None = None
    _asked: dict[str | None, Asked] = field(default_factory=dict)
    _plans: dict[str | None, Plan | None] = field(default_factory=dict)

    def asked(self, operation_name: str | None) -> Asked:
        """What one of its operations asks for, and at which price."""
        found = self._asked.get(operation_name)
        if found is None:
            if self.node is None:
                return Asked(None, "", ())
            kind, fields = root_fields(self.node, operation_name)
            node = get_operation_ast(self.node, operation_name)
            sound = node is not None and not self.errors
            priced = self.pricer.priced(self.node, node) if sound and node else NOTHING
            found = Asked(node, kind, fields, priced)
            if len(self._asked) < _NAMES:
                self._asked[operation_name] = found
        return found

    @property
    def takes_long(self) -> bool:
        """Whether it has still to be validated, and that may take more than some milliseconds."""
        if self._flaws is not None or self.errors or self.node is None or self.node.loc is None:
            return False
        return self.node.loc.end > SHORT

    def validated(self) -> DocumentNode:
        """The document, known to be valid.

        Raises:
            RequestError: with its flaws.
        """
        if self._flaws is None:
            if self.errors or self.node is None:
                raise RequestError(*self.errors)
            self._flaws = _flaws(self.schema, self.node)
        if self._flaws or self.node is None:
            raise RequestError(*self._flaws)
        return self.node

    def plan(self, operation_name: str | None) -> Plan | None:
        """The plan of an operation, once the document is known to be valid; None: it runs in the
        reference."""
        if operation_name not in self._plans:
            node = self.asked(operation_name).node
            if node is None or self.node is None:
                return None  # a name that is not there
            self._plans[operation_name] = self.planner.plan(self.node, node)
        return self._plans[operation_name]


class Own(NamedTuple):
    """What a tenant has said of its own documents."""

    only: bool  # no other document runs for it
    text: str | None  # of the id that was asked for, if it is one of them


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
        self.planner, self._pricer = Planner(self.schema), Pricer(self.schema)
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._trusted, self._only_trusted = trusted, only_trusted
        # What takes so long that the event loop would serve nobody else: in one thread, one after
        # the other, so that it still gets to; also after whoever asked has left.
        self.beside = ThreadPoolExecutor(1, "documents")

    @property
    def only_trusted(self) -> bool:
        """Whether the server itself runs no others."""
        return self._only_trusted

    def find(self, asked: Parameters, own: Own | None = None) -> Document:
        """The document of a request, by its text or by its id.

        Raises:
            RequestError: if it is not one that is trusted, and has to be.
        """
        text: str | None = asked.query
        only = self._only_trusted or (own is not None and own.only)
        if asked.document_id is not None:
            # Whoever sent the text as well has proved that it is the one of the id.
            text = self._trusted.get(asked.document_id, text if not only else None)
            if own is not None and own.text is not None:
                text = own.text
        elif only:
            text = None
        if not text:
            raise RequestError(
                GraphQLError(
                    "This document is not known here. Send the id of one that is: its SHA-256, as "
                    "“documentId”."
                    if only
                    else "There is no document of this id here. Send its text as “query”.",
                    extensions={"code": "DOCUMENT_NOT_TRUSTED"},
                )
            )
        return self.read(text)

    async def valid(self, document: Document) -> DocumentNode:
        """The document, known to be valid. A long one is validated beside the event loop: it takes
        up to 0.3 s.

        Raises:
            RequestError: with its flaws.
        """
        if document.takes_long:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.beside, document.validated)
        return document.validated()

    async def estimate(
        self, query: str, variables: Mapping[str, Any], operation_name: str | None
    ) -> Estimate:
        """What a request would cost, or why it would not run."""
        document = self.read(query)
        found = document.asked(operation_name)
        try:
            await self.valid(document)
        except RequestError as no:
            return Estimate(None, tuple(error.message for error in no.errors))
        if found.node is None:
            return Estimate(None, ("The document has no operation of this name, or several.",))
        return Estimate(found.priced.of(variables), ())

    async def complaints(self, text: str) -> list[str]:
        """Why a document would not run, whoever asked; nothing of it is kept."""
        try:
            await self.valid(self._look(text))
        except RequestError as no:
            return [error.message for error in no.errors]
        return []

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
        made = partial(Document, schema=self.schema, planner=self.planner, pricer=self._pricer)
        if len(text) > SOURCE_MAX:
            long = GraphQLError(
                f"The document has {len(text):,} characters (at most {SOURCE_MAX:,}).",
                extensions={"code": "QUERY_TOO_COMPLEX"},
            )
            return made(None, (long,))
        try:
            node = parse(text, max_tokens=TOKENS_MAX)
        except GraphQLError as flaw:
            return made(None, (flaw,))
        complaint = complaint_of(node)
        return made(node, () if complaint is None else (complaint,))


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
