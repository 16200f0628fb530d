"""What became of events on their way to webhooks, as the schema says it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import orjson
import strawberry

from resolvers.ids import Node, global_id, inner_uuid
from resolvers.paging import PageInfo, Window, cursor_of, no_cursor, values_of
from services.webhooks import DeliveryRecord

_DELIVERY: Final = "WebhookDelivery"


@strawberry.enum(description="What became of a delivery. DELIVERED and DEAD are ends.")
class DeliveryState(StrEnum):
    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@strawberry.type(description="One event on its way to one webhook.")
class WebhookDelivery(Node):
    record: strawberry.Private[DeliveryRecord]
    id: strawberry.ID = strawberry.field(description="Global id.")
    event: str = strawberry.field(description="What it tells of, such as `model.edited`.")
    event_id: str = strawberry.field(
        description="The event's own id, the same for every webhook and at each try."
    )
    state: DeliveryState = strawberry.field(description="What became of it.")
    attempts: int = strawberry.field(description="How often it was tried since it was asked for.")
    status: int | None = strawberry.field(
        description="HTTP status of the newest answer; null: there was none."
    )
    problem: str | None = strawberry.field(
        description="What was wrong with the newest try; null: nothing, or it was not tried yet."
    )
    created_at: datetime = strawberry.field(description="When it happened, UTC.")
    due_at: datetime | None = strawberry.field(
        description="When it is looked at next, UTC; null: it has ended."
    )
    ended_at: datetime | None = strawberry.field(
        description="When it was delivered or given up, UTC; null: it is on its way."
    )
    payload: str = strawberry.field(description="The body, as it is sent.")

    @classmethod
    def of(cls, record: DeliveryRecord) -> WebhookDelivery:
        waiting = record.state == DeliveryState.WAITING
        return cls(
            record=record,
            id=global_id(_DELIVERY, str(record.id)),
            event=record.event,
            event_id=orjson.loads(record.payload)["id"],
            state=DeliveryState(record.state),
            attempts=record.attempts,
            status=record.status,
            problem=record.problem,
            created_at=record.created_at,
            due_at=record.due_at if waiting else None,
            ended_at=record.ended_at,
            payload=record.payload,
        )


@strawberry.type(description="A delivery in its list.")
class WebhookDeliveryEdge:
    cursor: str = strawberry.field(description="Where it stands.")
    node: WebhookDelivery = strawberry.field(description="The delivery.")


@strawberry.type(description="Deliveries, the newest first.")
class WebhookDeliveryConnection:
    edges: list[WebhookDeliveryEdge] = strawberry.field(description="Those of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, found: list[DeliveryRecord], part: Window) -> WebhookDeliveryConnection:
        shown = found[: part.limit]
        cursors = [
            cursor_of(each.created_at.astimezone(UTC).isoformat(), str(each.id)) for each in shown
        ]
        return cls(
            edges=[
                WebhookDeliveryEdge(cursor=cursor, node=WebhookDelivery.of(each))
                for cursor, each in zip(cursors, shown, strict=True)
            ],
            page_info=part.page_info(cursors, more=len(found) > part.limit),
        )


def delivery_id(given: str) -> UUID:
    """
    Raises:
        NotFound: if this is no id of a delivery.
    """
    return inner_uuid(_DELIVERY, given)


def place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """
    Raises:
        QueryInvalid: for another list's cursor.
    """
    if cursor is None:
        return None
    at, inner = values_of(cursor, 2)
    try:
        return datetime.fromisoformat(at).astimezone(UTC), UUID(inner)
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise no_cursor() from None
