"""Whatever has a global id, by that id alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

import strawberry

from resolvers.context import Info
from resolvers.financial_models import ModelQuery
from resolvers.ids import Node, type_of
from resolvers.runs import RunQuery
from resolvers.valuations.kinds import ValuationQuery, type_names
from resolvers.webhooks import webhook, webhook_delivery
from services.errors import NotFound

# Type to how one is found. Each asks its own permission.
_FOUND: Final[Mapping[str, Callable[[Info, strawberry.ID], Awaitable[Node | None]]]] = {
    **dict.fromkeys(type_names(), lambda info, given: ValuationQuery().valuation(info, given)),
    "FinancialModel": lambda info, given: ModelQuery().model(info, given),
    "Run": lambda info, given: RunQuery().run(info, given),
    "Webhook": webhook,
    "WebhookDelivery": webhook_delivery,
}


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="A valuation, a model, a run or a webhook of the caller's tenant, by its id."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Global id.")],  # noqa: A002 - the field's name in the schema
    ) -> Node | None:
        found = _FOUND.get(type_of(id))
        if found is None:
            raise NotFound("There is nothing under this id.")
        return await found(info, id)
