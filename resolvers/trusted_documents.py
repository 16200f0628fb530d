"""Trusted documents, as the schema says them: registered, listed and removed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id
from resolvers.paging import PageInfo, cursor_of, values_of, window
from resolvers.refusal import Refusal
from services.trusted_documents import TrustedDocument as Trusted

_ID = "SHA-256 of the text, 64 lower hexadecimal digits: what clients send as `documentId`."


@strawberry.type(description="A GraphQL document that the tenant has looked at beforehand.")
class TrustedDocument:
    id: str = strawberry.field(description=_ID)
    text: str = strawberry.field(description="The document.")
    name: str | None = strawberry.field(description="What it is called. Null: nothing.")
    registered_by: strawberry.ID = strawberry.field(description="Global id of a member.")
    registered_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, trusted: Trusted) -> TrustedDocument:
        return cls(
            id=trusted.id,
            text=trusted.text,
            name=trusted.name,
            registered_by=global_id("Member", str(trusted.registered_by)),
            registered_at=trusted.registered_at,
        )


@strawberry.type(description="A trusted document's place in its list.")
class TrustedDocumentEdge:
    node: TrustedDocument = strawberry.field(description="The document.")
    cursor: str = strawberry.field(description="Where it stands.")


@strawberry.type(description="A page of trusted documents, by their ids.")
class TrustedDocumentConnection:
    edges: list[TrustedDocumentEdge] = strawberry.field(description="The documents.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="Documents that were registered, or were registered already.")
class RegisteredDocuments:
    documents: list[TrustedDocument] = strawberry.field(description="In the order given.")


@strawberry.type(description="What was removed.")
class RemovedDocuments:
    removed: int = strawberry.field(description="How many of the documents were trusted before.")


@strawberry.input(description="A document to trust.")
class TrustedDocumentInput:
    text: str = strawberry.field(
        description="All operations and fragments that it needs, exactly as clients hash it."
    )
    name: str | None = strawberry.field(
        description="What to call it, up to 200 characters.", default=None
    )


RegisterDocumentsOutcome: TypeAlias = Annotated[
    RegisteredDocuments | Refusal,
    strawberry.union(
        "RegisterDocumentsOutcome",
        description="The documents, or everything that is wrong with any of them.",
    ),
]
RemoveDocumentsOutcome: TypeAlias = Annotated[
    RemovedDocuments | Refusal,
    strawberry.union("RemoveDocumentsOutcome", description="What was removed, or why nothing was."),
]
Documents: TypeAlias = Annotated[
    list[TrustedDocumentInput], strawberry.argument(description="1 to 100: all of them or none.")
]
Ids: TypeAlias = Annotated[
    list[str], strawberry.argument(description="Of 1 to 100 documents, their SHA-256.")
]
First: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many, from 1 to 100; 50 if left out.")
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Those after the edge with this cursor.")
]


@strawberry.type
class TrustedDocumentQuery:
    @strawberry.field(description="The documents that the caller's tenant trusts.")
    async def trusted_documents(
        self, info: Info, first: First = None, after: After = None
    ) -> TrustedDocumentConnection:
        page = window(first, after, None, None)
        begin = "" if page.cursor is None else str(values_of(page.cursor, 1)[0])
        found, more = await info.context.services.trusted_documents.page(
            info.context.principal, begin, page.limit
        )
        edges = [
            TrustedDocumentEdge(node=TrustedDocument.of(each), cursor=cursor_of(each.id))
            for each in found
        ]
        cursors = [edge.cursor for edge in edges]
        return TrustedDocumentConnection(edges=edges, page_info=page.page_info(cursors, more=more))


@strawberry.type
class TrustedDocumentMutation:
    @strawberry.mutation(
        description=(
            "Trust documents. With the tenant's setting `onlyTrusted`, no other runs for it. Each "
            "is checked against the schema; one that is trusted already stays as it is."
        )
    )
    async def register_documents(
        self, info: Info, documents: Documents
    ) -> RegisterDocumentsOutcome:
        found = await info.context.services.trusted_documents.register(
            info.context.principal, [(each.text, each.name) for each in documents]
        )
        return RegisteredDocuments(documents=[TrustedDocument.of(each) for each in found])

    @strawberry.mutation(
        description="Trust documents no more: here at once, in other processes within 10 s."
    )
    async def remove_documents(self, info: Info, ids: Ids) -> RemoveDocumentsOutcome:
        removed = await info.context.services.trusted_documents.remove(info.context.principal, ids)
        return RemovedDocuments(removed=removed)
