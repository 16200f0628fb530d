"""The gate: what a document may be, decided before validation, in time linear in its length.

Validation compares fields pairwise and follows fragments again and again, so a document of a few
hundred bytes can hold the event loop for seconds. Counting comes first, and counts each fragment
once, with as many fields as it would spread to.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TokenKind,
)

_CAP: Final = 10**6  # counts grow exponentially with nested fragments; beyond this they are alike


class Size(NamedTuple):
    """What a selection comes to when its fragments are spread."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    schemas: int = 0  # how often the whole schema is asked for
    top: int = 0  # fields on its own level

    def beside(self, other: Size) -> Size:
        return Size(
            max(self.depth, other.depth),
            min(_CAP, self.fields + other.fields),
            min(_CAP, self.aliases + other.aliases),
            min(_CAP, self.directives + other.directives),
            min(_CAP, self.schemas + other.schemas),
            min(_CAP, self.top + other.top),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one document."""

    depth: int = 12
    fields: int = 1_000
    aliases: int = 30
    directives: int = 50
    schemas: int = 1  # the answer is as large as the schema
    root_fields: int = 20
    mutations: int = 5
    operations: int = 10


LIMITS: Final = Limits()
# Introspection is as deep as its own type wrappers go, and its answer is as large as the schema.
_INTROSPECTION_DEPTH: Final = 20


_TEXTS: Final = (TokenKind.STRING, TokenKind.BLOCK_STRING)


def complaint_of(document: DocumentNode, limits: Limits = LIMITS) -> GraphQLError | None:
    """Why the document may not run; None when it may."""
    return _literals(document) or _Gate(document, limits).complaint()


def _literals(document: DocumentNode) -> GraphQLError | None:
    """What would reach a resolver and must not: 1e400, which is infinity, and a text with a null
    character, which no database keeps. Of variables, whoever reads the JSON says the same."""
    location = document.loc
    token = location.start_token if location else None
    while token is not None:
        flaw = None
        if token.kind in (TokenKind.FLOAT, TokenKind.INT):
            if not isfinite(float(token.value or 0)):
                flaw = "A number in the document is larger than a double can hold."
        elif token.kind in _TEXTS and "\0" in (token.value or ""):
            flaw = "A text in the document has a null character (U+0000). Leave it out."
        if flaw is not None:
            assert location is not None  # noqa: S101 - its first token was found there
            return GraphQLError(flaw, source=location.source, positions=[token.start])
        token = token.next
    return None


class _Gate:
    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self._limits = limits
        self._operations = [
            node for node in document.definitions if isinstance(node, OperationDefinitionNode)
        ]
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}
        self._open: set[str] = set()

    def complaint(self) -> GraphQLError | None:
        limits = self._limits
        try:
            sizes = [self._size(each.selection_set, at_root=True) for each in self._operations]
            total = Size()
            for size in sizes:
                total = total.beside(size)
            for name in self._fragments:  # unused ones are validated as well
                if name not in self._known:
                    total = total.beside(self._fragment(name))
        except GraphQLError as cycle:
            return cycle
        changes = [
            size.top
            for operation, size in zip(self._operations, sizes, strict=True)
            if operation.operation is OperationType.MUTATION
        ]
        measured = (
            ("operations", len(self._operations), limits.operations),
            ("levels of fields", total.depth, limits.depth),
            ("fields", total.fields, limits.fields),
            ("aliases", total.aliases, limits.aliases),
            ("directives", total.directives, limits.directives),
            ("times the whole schema", total.schemas, limits.schemas),
            ("root fields", max((size.top for size in sizes), default=0), limits.root_fields),
            ("mutations", max(changes, default=0), limits.mutations),
        )
        over = [
            f"{_CAP:,} or more {what} (at most {most:,})"
            if count >= _CAP
            else f"{count:,} {what} (at most {most:,})"
            for what, count, most in measured
            if count > most
        ]
        return _refusal(f"The document has {', '.join(over)}. Ask for less.") if over else None

    def _size(self, selections: SelectionSetNode, *, at_root: bool = False) -> Size:
        total = Size()
        for node in selections.selections:
            directives = len(node.directives or ())
            if isinstance(node, FieldNode):
                inner = self._size(node.selection_set) if node.selection_set else Size()
                depth = inner.depth + 1
                if at_root and node.name.value in ("__schema", "__type"):
                    depth = 1 if depth <= _INTROSPECTION_DEPTH else depth
                size = Size(
                    depth,
                    min(_CAP, inner.fields + 1),
                    min(_CAP, inner.aliases + (node.alias is not None)),
                    min(_CAP, inner.directives + directives),
                    min(_CAP, inner.schemas + (node.name.value == "__schema")),
                    1,
                )
            else:
                inner = Size()
                if isinstance(node, FragmentSpreadNode):
                    inner = self._fragment(node.name.value)
                elif isinstance(node, InlineFragmentNode):
                    inner = self._size(node.selection_set)
                size = inner._replace(directives=min(_CAP, inner.directives + directives))
            total = total.beside(size)
        return total

    def _fragment(self, name: str) -> Size:
        if name in self._open:
            raise _refusal(f"The fragment “{name}” contains itself.")
        if name not in self._known:
            fragment = self._fragments.get(name)
            if fragment is None:
                return Size()  # validation will say that there is none
            self._open.add(name)
            self._known[name] = self._size(fragment.selection_set)
            self._open.discard(name)
        return self._known[name]


def _refusal(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "QUERY_TOO_COMPLEX"})
