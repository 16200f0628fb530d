"""Webhooks and what became of their deliveries, as the schema says them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, TypeAlias
from uuid import UUID

import orjson
import strawberry

from resolvers.context import Info
from resolvers.ids import Node, global_id, inner_uuid
from resolvers.members import OperationId
from resolvers.paging import After, First, window
from resolvers.refusal import Refusal
from resolvers.webhook_deliveries import (
    DeliveryState,
    WebhookDelivery,
    WebhookDeliveryConnection,
    delivery_id,
    place_of,
)
from services.webhook_events import WebhookEvent
from services.webhooks import DeliveryPage, WebhookRecord, WithSecret

_WEBHOOK: Final = "Webhook"

WEBHOOK_EVENT = strawberry.enum(
    WebhookEvent,
    description=(
        "Something that a webhook may ask to be told. In a body its name has a dot: MODEL_EDITED "
        "is `model.edited`."
    ),
)


@strawberry.enum(description="Whether a webhook is sent anything.")
class WebhookState(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


@strawberry.type(
    description=(
        "An address of the tenant's that is told of what happens: signed, at least once, and of "
        "each model, run and audit in order. Bodies follow Standard Webhooks."
    )
)
class Webhook(Node):
    inner: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(description="Global id.")
    url: str = strawberry.field(description="Where to; https.")
    description: str | None = strawberry.field(description="What it is for, in the tenant's words.")
    events: list[WebhookEvent] = strawberry.field(description="What it is told of.")
    state: WebhookState = strawberry.field(description="Whether it is sent anything.")
    state_reason: str | None = strawberry.field(description="Why it is paused; null: it is not.")
    created_at: datetime = strawberry.field(description="UTC.")
    updated_at: datetime = strawberry.field(description="When it was changed last, UTC.")

    @classmethod
    def of(cls, record: WebhookRecord) -> Webhook:
        return cls(
            inner=record.id,
            id=global_id(_WEBHOOK, str(record.id)),
            url=record.url,
            description=record.description,
            events=[WebhookEvent(name) for name in orjson.loads(record.events)],
            state=WebhookState(record.state),
            state_reason=record.state_reason,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )

    @strawberry.field(description="What it was told, or is to be: the newest first.")
    async def deliveries(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        state: Annotated[
            DeliveryState | None, strawberry.argument(description="Left out: every one.")
        ] = None,
    ) -> WebhookDeliveryConnection:
        part = window(first, after, None, None)
        page = DeliveryPage(
            webhook_id=self.inner,
            state=None if state is None else state.value,
            after=place_of(part.cursor),
            limit=part.limit + 1,
        )
        found = await info.context.services.webhooks.deliveries(info.context.principal, page)
        return WebhookDeliveryConnection.of(found, part)


@strawberry.type(description="A webhook with a new secret.")
class WebhookWithSecret:
    webhook: Webhook = strawberry.field(description="The webhook.")
    secret: str | None = strawberry.field(
        description=(
            "What its bodies are signed with: `whsec_` and base64 of the key. It is told this "
            "once; null: this is a repeat, and whoever lost it rotates it."
        )
    )

    @classmethod
    def of(cls, made: WithSecret) -> WebhookWithSecret:
        return cls(webhook=Webhook.of(made.webhook), secret=made.secret)


@strawberry.type(description="A webhook that is sent nothing any more.")
class RemovedWebhook:
    id: strawberry.ID = strawberry.field(description="What it was called.")


@strawberry.type(description="Deliveries that are made again.")
class RepeatedDeliveries:
    count: int = strawberry.field(description="How many they are.")


WebhookOutcome: TypeAlias = Annotated[
    Webhook | Refusal,
    strawberry.union("WebhookOutcome", description="The webhook as it is now, or why not."),
]
WebhookWithSecretOutcome: TypeAlias = Annotated[
    WebhookWithSecret | Refusal,
    strawberry.union("WebhookWithSecretOutcome", description="With its secret, or what to mend."),
]
RemoveWebhookOutcome: TypeAlias = Annotated[
    RemovedWebhook | Refusal,
    strawberry.union("RemoveWebhookOutcome", description="What is gone, or why not."),
]
DeliveryOutcome: TypeAlias = Annotated[
    WebhookDelivery | Refusal,
    strawberry.union("DeliveryOutcome", description="The delivery as it is now, or why not."),
]
RepeatDeliveriesOutcome: TypeAlias = Annotated[
    RepeatedDeliveries | Refusal,
    strawberry.union("RepeatDeliveriesOutcome", description="How many, or why not."),
]
WebhookId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="A webhook's id.")]
Url: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="Where to: https, on the open network, port 443 or one from 1024 on."
    ),
]
Events: TypeAlias = Annotated[
    list[WebhookEvent] | None, strawberry.argument(description="What it is told of.")
]
Described: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="What it is for, in your words; at most 200 characters."),
]


@strawberry.type
class WebhookQuery:
    @strawberry.field(description="All webhooks of the caller's tenant, the oldest first.")
    async def webhooks(self, info: Info) -> list[Webhook]:
        found = await info.context.services.webhooks.all(info.context.principal)
        return [Webhook.of(each) for each in found]


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(
        description="Be told of what happens from now on. The secret is shown this once."
    )
    async def create_webhook(
        self,
        info: Info,
        url: Annotated[
            str,
            strawberry.argument(
                description="Where to: https, on the open network, port 443 or one from 1024 on."
            ),
        ],
        events: Annotated[
            list[WebhookEvent], strawberry.argument(description="What it is told of.")
        ],
        description: Described = None,
        operation_id: OperationId = None,
    ) -> WebhookWithSecretOutcome:
        made = await info.context.services.webhooks.create(
            info.context.principal, url, events, description, operation_id
        )
        return WebhookWithSecret.of(made)

    @strawberry.mutation(description="Change where to, or what of; what is left out stays.")
    async def update_webhook(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the field's name in the schema
        url: Url = None,
        events: Events = None,
        description: Described = None,
        operation_id: OperationId = None,
    ) -> WebhookOutcome:
        changed = await info.context.services.webhooks.update(
            info.context.principal,
            webhook_id(id),
            url=url,
            events=events,
            description=description,
            operation_id=operation_id,
        )
        return Webhook.of(changed)

    @strawberry.mutation(description="Send it nothing for now. What happens meanwhile waits.")
    async def pause_webhook(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> WebhookOutcome:
        return Webhook.of(
            await info.context.services.webhooks.pause(
                info.context.principal, webhook_id(id), operation_id
            )
        )

    @strawberry.mutation(description="Send it what has waited, and what comes.")
    async def resume_webhook(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> WebhookOutcome:
        return Webhook.of(
            await info.context.services.webhooks.resume(
                info.context.principal, webhook_id(id), operation_id
            )
        )

    @strawberry.mutation(description="Send it nothing any more. What it was told stays on record.")
    async def remove_webhook(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> RemoveWebhookOutcome:
        await info.context.services.webhooks.remove(
            info.context.principal, webhook_id(id), operation_id
        )
        return RemovedWebhook(id=id)

    @strawberry.mutation(
        description="A new secret, shown this once. For 24 hours the old one signs beside it."
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> WebhookWithSecretOutcome:
        rotated = await info.context.services.webhooks.rotate(
            info.context.principal, webhook_id(id), operation_id
        )
        return WebhookWithSecret.of(rotated)

    @strawberry.mutation(description="Send it `webhook.test`, which tells of nothing, to try it.")
    async def send_test_event(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> DeliveryOutcome:
        service, principal = info.context.services.webhooks, info.context.principal
        made = await service.test(principal, webhook_id(id), operation_id)
        return WebhookDelivery.of(await service.delivery(principal, made))

    @strawberry.mutation(
        description=(
            "Make a delivery again that has ended. It has the same event id: a receiver that "
            "remembers what it has had ignores it."
        )
    )
    async def repeat_delivery(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A delivery's id.")],  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> DeliveryOutcome:
        repeated = await info.context.services.webhooks.repeat(
            info.context.principal, delivery_id(id), operation_id
        )
        return WebhookDelivery.of(repeated)

    @strawberry.mutation(description="Make all ended deliveries again of what happened since then.")
    async def repeat_deliveries(
        self,
        info: Info,
        webhook_id: WebhookId,
        from_: Annotated[
            datetime, strawberry.argument(name="from", description="When it happened first, UTC.")
        ],
        operation_id: OperationId = None,
    ) -> RepeatDeliveriesOutcome:
        inner = inner_uuid(_WEBHOOK, webhook_id)
        count = await info.context.services.webhooks.repeat_from(
            info.context.principal, inner, from_, operation_id
        )
        return RepeatedDeliveries(count=count)


async def webhook(info: Info, given: str) -> Webhook:
    """The webhook of a global id. Raises NotFound, Forbidden."""
    found = await info.context.services.webhooks.find(info.context.principal, webhook_id(given))
    return Webhook.of(found)


async def webhook_delivery(info: Info, given: str) -> WebhookDelivery:
    """The delivery of a global id. Raises NotFound, Forbidden."""
    service = info.context.services.webhooks
    return WebhookDelivery.of(await service.delivery(info.context.principal, delivery_id(given)))


def webhook_id(given: str) -> UUID:
    """
    Raises:
        NotFound: if this is no id of a webhook.
    """
    return inner_uuid(_WEBHOOK, given)
