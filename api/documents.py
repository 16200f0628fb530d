"""Documents: parsed, gated and validated once each, and remembered."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from api.gate import complaint_of
from observability.operations import root_fields

SOURCE_MAX: Final = 64 * 1024  # characters
TOKENS_MAX: Final = 2_000
_REMEMBERED: Final = 512
_REMEMBERED_CHARACTERS: Final = 4 * 1024 * 1024  # a parsed document is some 50 times its text


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation of a document, as far as the document says."""

    node: OperationDefinitionNode | None  # None: no such operation, or not clear which
    kind: str  # query, mutation, subscription; "" where there is no such operation
    root_fields: tuple[str, ...]


@dataclass(slots=True)
class Document:
    """A text that was looked at once. With ``errors`` it must not run."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    _asked: dict[str | None, Asked] = field(default_factory=dict)

    def asked(self, operation_name: str | None) -> Asked:
        """What one of its operations asks for."""
        found = self._asked.get(operation_name)
        if found is None:
            if self.node is None:
                return Asked(None, "", ())
            kind, fields = root_fields(self.node, operation_name)
            found = Asked(get_operation_ast(self.node, operation_name), kind, fields)
            if len(self._asked) < 20:  # names that are not there have no end
                self._asked[operation_name] = found
        return found


class Documents:
    """The documents of one schema, the latest used kept."""

    def __init__(self, schema: strawberry.Schema) -> None:
        # Strawberry executes on graphql-core's schema, and offers no other way to it.
        self._schema = schema._schema  # noqa: SLF001
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

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
            return Document(None, (long,))
        try:
            node = parse(text, max_tokens=TOKENS_MAX)
        except GraphQLError as flaw:
            return Document(None, (flaw,))
        complaint = complaint_of(node)
        if complaint is not None:
            return Document(node, (complaint,))
        return Document(node, tuple(validate_document(self._schema, node, tuple(specified_rules))))
