"""The entrance: whoever asks is let in, their document found, gated, priced and paid for.

Only then it is validated, which takes the longest of all that comes before it runs.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from graphql import DocumentNode, GraphQLError, OperationType

from api.operations.documents import Asked, Document, Documents, Own, RequestError
from api.operations.request import NotWellFormed, Parameters
from observability.operations import Operation
from resolvers.context import Context, Services
from resolvers.tariffs import whole
from services.admission import Admission, LetIn
from services.errors import DatabaseAway, DatabaseBusy, Denied, Forbidden, Refused
from services.metering import LEAST, SURE, Charge
from services.principal import Action
from services.sessions import Session

# What keeps a request from running at all: whoever asks may not, not now, or nobody can say.
NOS: Final = (Denied, Forbidden, DatabaseAway, DatabaseBusy)


# What runs for a tenant's administrators although the tenant trusts no such document.
WAY_OUT: Final = frozenset(
    {"trustedDocuments", "registerDocuments", "removeDocuments", "updateTenant"}
)


class OwnDocuments(Protocol):
    """Documents that a tenant trusts."""

    async def text(self, tenant_id: UUID, document_id: str) -> str | None:
        """Of an id, a SHA-256; None: it is none of the tenant's."""


class Begun(NamedTuple):
    """An operation that may run, and is paid for."""

    document: Document
    node: DocumentNode  # valid
    found: Asked
    context: Context
    charge: Charge | None


class Entrance:
    """Of one application, whichever transport somebody comes by."""

    def __init__(
        self,
        services: Services,
        admission: Admission,
        documents: Documents,
        own_documents: OwnDocuments | None = None,
    ) -> None:
        """``own_documents``: those that tenants trust, beside those that the server does."""
        self._services, self._admission = services, admission
        self._documents, self._own_documents = documents, own_documents

    async def state(self, session: Session, *, asks: bool = False) -> Charge:
        """How the budget of the tenant stands; ``asks``: whoever it is wants something more.

        Raises:
            Denied, Forbidden: they may not, or with ``asks`` not now.
        """
        who = await self._admission.let_in(session.principal)
        return await (self._admission.look(who) if asks else self._admission.state(who))

    async def kind(self, asked: Parameters, session: Session) -> str:
        """query, mutation or subscription; "" where there is no such document or operation, or
        nobody is let in."""
        try:
            who = await self._admission.let_in(session.principal)
            return (await self._find(asked, who)).asked(asked.operation_name).kind
        except (RequestError, Denied, Refused, DatabaseAway, DatabaseBusy):
            return ""

    async def begin(
        self,
        asked: Parameters,
        session: Session,
        operation: Operation,
        *,
        by_get: bool | None = None,
    ) -> Begun:
        """Let in, find, gate, charge, validate. ``by_get``: None over a connection that lasts.

        Raises:
            RequestError, NotWellFormed, Denied, Forbidden: nothing is run.
        """
        who = await self._admission.let_in(session.principal)
        try:
            document = await self._find(asked, who)
            found = document.asked(asked.operation_name)
            operation.named(found.kind, found.root_fields)
            if document.errors:
                raise RequestError(*document.errors)
        except RequestError as no:
            no.charge = await self._admission.charge(who, LEAST)
            self._admission.settle(no.charge, LEAST.points)
            raise
        if by_get is not None:
            _check_transport(found, by_get=by_get)
        self._services.tenancy.stopped.require(who.asked.tenant_id, roots(found))
        price = found.priced.of(asked.variables)
        charge = await self._admission.charge(who, price) if price.points else None
        context = Context(session, self._services, let_in=who, deadline_s=_deadline(asked))
        context.bill.returnable = charge is not None and not charge.local
        if price.sure:
            context.bill.add(SURE, price.sure)
        try:
            node = await self._documents.valid(document)
        except BaseException as no:  # also that whoever asked has left meanwhile
            if charge is not None:
                self._admission.settle(charge, LEAST.points)
            if isinstance(no, RequestError):
                no.charge = charge
            raise
        return Begun(document, node, found, context, charge)

    def settle(self, begun: Begun, *, nothing: bool | None = None) -> None:
        """Give back what was not done; ``nothing``: True, all of it; False, none of it."""
        charge, bill = begun.charge, begun.context.bill
        if charge is None:
            return
        if nothing is None:
            self._admission.settle(charge, whole(bill.points), bill.by_work)
        else:
            self._admission.settle(charge, LEAST.points if nothing else charge.requested)

    def count(self, begun: Begun) -> None:
        if begun.charge is not None:
            points = begun.charge.requested
            self._admission.settle(begun.charge, points, {"follow": float(points)})

    async def _find(self, asked: Parameters, who: LetIn) -> Document:
        """
        Raises:
            RequestError: if it is not one that is trusted, and has to be.
        """
        own: Own | None = None
        only = who.standing.only_trusted
        if self._own_documents is not None and (only or asked.document_id is not None):
            text = None
            if asked.document_id is not None:
                tenant_id = who.asked.tenant_id
                text = await self._own_documents.text(tenant_id, asked.document_id)
            own = Own(only, text)
        try:
            return self._documents.find(asked, own)
        except RequestError:
            if only and not self._documents.only_trusted and self._leads_out(asked, who):
                return self._documents.read(asked.query)
            raise

    def _leads_out(self, asked: Parameters, who: LetIn) -> bool:
        """Whether it is about trusted documents themselves, by whoever may say which those are: a
        tenant that trusted too few could not go back otherwise."""
        if not asked.query or not who.standing.principal.may(Action.MANAGE_DOCUMENTS):
            return False
        fields = self._documents.read(asked.query).asked(asked.operation_name).root_fields
        return bool(fields) and WAY_OUT.issuperset(fields)


def roots(found: Asked) -> list[str]:
    """The root fields, as Mutation.valueDcf: as an operator stops them."""
    return [f"{found.kind.capitalize()}.{field}" for field in found.root_fields]


def _deadline(asked: Parameters) -> float | None:
    """When the client stops waiting, by the event loop's clock."""
    if asked.deadline_s is None:
        return None
    return asyncio.get_running_loop().time() + asked.deadline_s


def _check_transport(found: Asked, *, by_get: bool) -> None:
    if found.node is None:
        return  # `build` says which name was missing or unknown
    if by_get and found.node.operation is not OperationType.QUERY:
        raise NotWellFormed(405, "GET serves queries alone; POST the others.", Allow="POST")
    if found.node.operation is OperationType.SUBSCRIPTION:
        raise RequestError(
            GraphQLError(
                "A subscription has many answers: open a WebSocket (graphql-transport-ws), or "
                "accept text/event-stream."
            )
        )
