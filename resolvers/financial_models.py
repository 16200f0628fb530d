"""Financial models: what analysts build, share and value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import strawberry

from resolvers.context import Info
from resolvers.ids import Node, global_id, inner_id
from resolvers.members import Member
from resolvers.model_inputs import (
    CreateModelInput,
    ModelEdit,
    ModelFilter,
    ModelOrder,
    edits_of,
    given_inputs,
    listing_of,
)
from resolvers.model_scenarios import Probabilities, Scenario, shared_of
from resolvers.paging import (
    After,
    Before,
    First,
    Last,
    PageInfo,
    Window,
    cursor_of,
    no_cursor,
    values_of,
    window,
)
from resolvers.refusal import Refusal
from resolvers.revisions import Change, Revision, RevisionConnection, revision_of
from resolvers.scalars import InputDocument
from resolvers.valuations.comparisons import ScenarioComparison, ScenariosOutcome
from resolvers.valuations.kinds import AnyValuation, said
from resolvers.valuations.record import ValuationKind
from services.contents import Unit
from services.errors import NotFound
from services.model import Changed, Key, Model, Order, Page
from services.model_rights import Access, Right
from services.shapes import is_printed
from services.sharing import ModelGrant as Granted

_NODE: Final = "FinancialModel"


Past: TypeAlias = Annotated[int, strawberry.argument(description="From 1 to the newest.")]
From: TypeAlias = Annotated[
    int, strawberry.argument(name="from", description="The revision to look back to.")
]
To: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="The revision to look from; left out: this one."),
]


ACCESS = strawberry.enum(
    Access,
    name="ModelAccess",
    description="Who sees what was not shared with them: the tenant by its roles, or nobody.",
)
RIGHT = strawberry.enum(
    Right,
    name="ModelRight",
    description=(
        "What somebody may do with a model: see it, edit it, or share it too. Each allows what "
        "those before it do."
    ),
)


@strawberry.type(description="What a member may do with a model, because somebody said so.")
class ModelGrant:
    member: Member = strawberry.field(description="Whom it was shared with.")
    right: Right = strawberry.field(description="What they may do, whatever their role says.")
    granted_by: Member | None = strawberry.field(description="Null: an operator.")
    granted_at: datetime = strawberry.field(description="When, UTC.")

    @classmethod
    def of(cls, grant: Granted) -> ModelGrant:
        by = grant.granted_by
        return cls(
            member=Member.of(grant.member),
            right=grant.right,
            granted_by=None if by is None else Member.of(by),
            granted_at=grant.granted_at,
        )


@strawberry.type(description="A model that a tenant's members build together, and its history.")
class FinancialModel(Node):
    model: strawberry.Private[Model]
    id: strawberry.ID = strawberry.field(description="Global id.")
    kind: ValuationKind = strawberry.field(description="What is valued, and how.")
    name: str = strawberry.field(description="As people call it.")
    unit: Unit = strawberry.field(description="How a person sees amounts of money.")
    inputs: InputDocument = strawberry.field(
        description="What it is made of, in the fields of the kind's input type."
    )
    scenarios: list[Scenario] = strawberry.field(description="By their keys.")
    archived: bool = strawberry.field(description="Put away: it is read, and not edited.")
    access: Access = strawberry.field(description="Who sees it without its being shared with them.")
    revision: int = strawberry.field(
        description="Of this state: the number of operations that made it."
    )
    created_at: datetime = strawberry.field(description="When it was made, UTC.")
    created_by: Member | None = strawberry.field(description="Null: they have left the tenant.")
    updated_at: datetime = strawberry.field(description="When this revision was made, UTC.")
    updated_by: Member | None = strawberry.field(description="Null: they have left the tenant.")

    @classmethod
    def of(cls, model: Model) -> FinancialModel:
        made, changed = model.created_by, model.updated_by
        return cls(
            model=model,
            id=global_id(_NODE, str(model.id)),
            kind=ValuationKind(model.kind.name),
            name=model.name,
            unit=model.unit,
            inputs=InputDocument(model.inputs),
            scenarios=[Scenario.of(model, key) for key in sorted(model.scenarios)],
            archived=model.archived,
            access=Access(model.access),
            revision=model.revision,
            created_at=model.created_at,
            created_by=None if made is None else Member.of(made),
            updated_at=model.updated_at,
            updated_by=None if changed is None else Member.of(changed),
        )

    @strawberry.field(description="Its operations, newest first.")
    async def revisions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> RevisionConnection:
        part = window(first, after, last, before)
        found = await info.context.services.models.revisions(
            info.context.principal,
            self.model,
            limit=part.limit + 1,
            beyond=revision_of(part.cursor),
            newer=part.backwards,
        )
        return RevisionConnection.of(found, part)

    @strawberry.field(
        description="What is different at one revision from another, in the field's words."
    )
    async def changes(self, info: Info, from_: From, to: To = None) -> list[Change]:
        found = await info.context.services.models.changes_between(
            info.context.principal, self.model, from_, self.revision if to is None else to
        )
        return [Change.of(change) for change in found]

    @strawberry.field(
        description=(
            "Every scenario of the model beside the model itself: what each is worth, and what "
            "they are together. Nothing is kept."
        )
    )
    async def scenario_comparison(
        self, info: Info, probabilities: Probabilities = None
    ) -> ScenariosOutcome:
        cases, found = await info.context.services.models.compare_scenarios(
            info.context.principal, self.model, shared_of(probabilities)
        )
        return ScenarioComparison.of(cases, found)

    @strawberry.field(description="What the caller may do with it.")
    async def right(self, info: Info) -> Right:
        return await info.context.services.models.right(info.context.principal, self.model.id)

    @strawberry.field(description="Whom it was shared with, the first one first.")
    async def grants(self, info: Info) -> list[ModelGrant]:
        found = await info.context.services.sharing.grants(info.context.principal, self.model.id)
        return [ModelGrant.of(each) for each in found]

    @strawberry.field(description="The model as a revision left it.")
    async def at_revision(self, info: Info, revision: Past) -> FinancialModel:
        return FinancialModel.of(
            await info.context.services.models.at(info.context.principal, self.model.id, revision)
        )


@strawberry.type(description="A model in a list.")
class FinancialModelEdge:
    cursor: str = strawberry.field(description="Of this place in the list.")
    node: FinancialModel = strawberry.field(description="The model.")


@strawberry.type(description="Models of the tenant.")
class FinancialModelConnection:
    edges: list[FinancialModelEdge] = strawberry.field(description="One for each model.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, page: Page, part: Window, order: Order) -> FinancialModelConnection:
        edges = [
            FinancialModelEdge(
                cursor=_cursor(order, model.key(order)), node=FinancialModel.of(model)
            )
            for model in page.models
        ]
        cursors = [edge.cursor for edge in edges]
        return cls(edges=edges, page_info=part.page_info(cursors, more=page.more))


@strawberry.type(description="A model after an operation, and the operation.")
class EditedModel:
    model: FinancialModel = strawberry.field(description="As the operation left it.")
    revision: Revision = strawberry.field(description="The operation; a repeat gets the first one.")

    @classmethod
    def of(cls, changed: Changed) -> EditedModel:
        return cls(model=FinancialModel.of(changed.model), revision=Revision.of(changed.revision))


CreateModelOutcome: TypeAlias = Annotated[
    FinancialModel | Refusal,
    strawberry.union("CreateModelOutcome", description="The new model, or why there is none."),
]
EditModelOutcome: TypeAlias = Annotated[
    EditedModel | Refusal,
    strawberry.union("EditModelOutcome", description="What was done, or why nothing was."),
]
ValueModelOutcome: TypeAlias = Annotated[
    AnyValuation | Refusal,
    strawberry.union("ValueModelOutcome", description="A valuation, or what to mend first."),
]
Id: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="A model's global id.")]
OperationId: TypeAlias = Annotated[
    strawberry.ID,
    strawberry.argument(
        description=(
            "Names the operation, 1 to 64 characters: draw a UUID, and keep it for repeats. A "
            "repeat does nothing and gets the first answer."
        )
    ),
]
NewId: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Names the operation, so that it can be repeated; left out: one is drawn."
    ),
]


@strawberry.type
class ModelMutation:
    @strawberry.mutation(description="Make a model.")
    async def create_model(
        self,
        info: Info,
        input: Annotated[CreateModelInput, strawberry.argument(description="What to make.")],  # noqa: A002 - the field's name in the schema
        operation_id: NewId = None,
    ) -> CreateModelOutcome:
        kind, inputs = given_inputs(input.inputs)
        model = await info.context.services.models.create(
            info.context.principal,
            kind=kind,
            name=input.name,
            unit=input.unit,
            inputs=inputs,
            operation_id=operation_id,
        )
        return FinancialModel.of(model)

    @strawberry.mutation(
        description="Edit paths of a model: all edits or none, as one operation and one revision."
    )
    async def edit_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId,
        edits: Annotated[
            list[ModelEdit], strawberry.argument(description="Made in this order, 1 to 100.")
        ],
    ) -> EditModelOutcome:
        changed = await info.context.services.models.edit(
            info.context.principal, model_id(id), operation_id, edits_of(edits)
        )
        return EditedModel.of(changed)

    @strawberry.mutation(
        description="Value a model as it stands, or in a scenario, and keep the valuation."
    )
    async def value_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        scenario: Annotated[
            str | None, strawberry.argument(description="Its key; left out: the model as it is.")
        ] = None,
    ) -> ValueModelOutcome:
        _, recorded = await info.context.services.models.value(
            info.context.principal, model_id(id), scenario
        )
        return said(recorded)

    @strawberry.mutation(description="Make a model with another's content.")
    async def duplicate_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        name: Annotated[str, strawberry.argument(description="Of the new model.")],
        revision: Annotated[
            int | None,
            strawberry.argument(description="As it was then; left out: as it is now."),
        ] = None,
        operation_id: NewId = None,
    ) -> CreateModelOutcome:
        model = await info.context.services.models.duplicate(
            info.context.principal,
            model_id(id),
            name=name,
            revision=revision,
            operation_id=operation_id,
        )
        return FinancialModel.of(model)

    @strawberry.mutation(
        description="Put a model away, or take it out again. In the archive it is not edited."
    )
    async def archive_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId,
        archived: Annotated[
            bool, strawberry.argument(description="False: take it out again.")
        ] = True,
    ) -> EditModelOutcome:
        changed = await info.context.services.models.archive(
            info.context.principal, model_id(id), operation_id, archived=archived
        )
        return EditedModel.of(changed)

    @strawberry.mutation(
        description=(
            "Bring the content of a revision back: name, unit, scenarios and inputs. It is a new "
            "operation, and nothing is lost by it."
        )
    )
    async def restore_revision(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        revision: Past,
        operation_id: OperationId,
    ) -> EditModelOutcome:
        changed = await info.context.services.models.restore(
            info.context.principal, model_id(id), revision, operation_id
        )
        return EditedModel.of(changed)


@strawberry.type
class ModelQuery:
    @strawberry.field(description="A model of the caller's tenant.")
    async def model(self, info: Info, id: Id) -> FinancialModel | None:  # noqa: A002 - the field's name in the schema
        return FinancialModel.of(
            await info.context.services.models.find(info.context.principal, model_id(id))
        )

    @strawberry.field(description="Models of the caller's tenant.")
    async def models(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the field's name in the schema
            ModelFilter | None,
            strawberry.argument(description="Left out: all that are not archived."),
        ] = None,
        order_by: Annotated[
            ModelOrder | None,
            strawberry.argument(description="Left out: what was changed last comes first."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> FinancialModelConnection:
        part = window(first, after, last, before)
        listing = listing_of(filter or ModelFilter(), order_by or ModelOrder())
        page = await info.context.services.models.page(
            info.context.principal,
            listing,
            limit=part.limit,
            after=_key(listing.order, part.cursor),
            backwards=part.backwards,
        )
        return FinancialModelConnection.of(page, part, listing.order)


def model_id(given: str) -> UUID:
    """
    Raises:
        NotFound: if this is no id of a model.
    """
    try:
        return UUID(inner_id(_NODE, given))
    except ValueError:
        raise NotFound("There is no such model.") from None


def _cursor(order: Order, key: Key) -> str:
    at, inner = key
    return cursor_of(
        order.value, at if isinstance(at, str) else at.astimezone(UTC).isoformat(), str(inner)
    )


def _key(order: Order, cursor: str | None) -> Key | None:
    """Where a cursor stands.

    Raises:
        QueryInvalid: for another list's or another order's cursor.
    """
    if cursor is None:
        return None
    name, at, inner = values_of(cursor, 3)
    try:
        if name != order.value or not is_printed(at):
            raise no_cursor()
        moment: Any = at if order is Order.NAME else datetime.fromisoformat(at).astimezone(UTC)
        return moment, UUID(inner)
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise no_cursor() from None
