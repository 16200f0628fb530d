"""Sharing models: whom with, and for what."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.financial_models import FinancialModel, Id, model_id
from resolvers.ids import inner_uuid
from resolvers.refusal import Refusal
from services.model_rights import Access, Right

ShareModelOutcome: TypeAlias = Annotated[
    FinancialModel | Refusal,
    strawberry.union(
        "ShareModelOutcome", description="The model, shared as it is now; or why nothing was done."
    ),
]
MemberId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="A member's id.")]


@strawberry.type
class SharingMutation:
    @strawberry.mutation(
        description=(
            "Let a member do so much with a model, and no more, whatever their role would. Of the "
            "tenant's owners and administrators every model is theirs. Doing it again changes "
            "nothing."
        )
    )
    async def share_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        member_id: MemberId,
        right: Annotated[Right, strawberry.argument(description="What they may do.")],
    ) -> ShareModelOutcome:
        model = await info.context.services.sharing.share(
            info.context.principal, model_id(id), inner_uuid("Member", member_id), right
        )
        return FinancialModel.of(model)

    @strawberry.mutation(
        description="Share a model with a member no more: what their role allows is theirs again."
    )
    async def unshare_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        member_id: MemberId,
    ) -> ShareModelOutcome:
        model = await info.context.services.sharing.unshare(
            info.context.principal, model_id(id), inner_uuid("Member", member_id)
        )
        return FinancialModel.of(model)

    @strawberry.mutation(
        description=(
            "Have the whole tenant see a model by their roles, or only whom it was shared with. "
            "Who may not see it any more leaves its room at once."
        )
    )
    async def open_model(
        self,
        info: Info,
        id: Id,  # noqa: A002 - the field's name in the schema
        access: Annotated[Access, strawberry.argument(description="Who sees it.")],
    ) -> ShareModelOutcome:
        model = await info.context.services.sharing.open(
            info.context.principal, model_id(id), access
        )
        return FinancialModel.of(model)
