"""What webhooks are told: the names of events, and the one form that all bodies have.

A body is small and has a version: ids, who, when and where to look. What a model holds is read over
the API, by whoever may; so a body that reaches the wrong hands gives no number away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from services.contents import canonical_text
from store.outbox import Happening, ModelChange, RunEnd, named_id

VERSION: Final = 1  # of the form of bodies


class WebhookEvent(StrEnum):
    """Something that a webhook may ask to be told."""

    MODEL_CREATED = "model.created"
    MODEL_EDITED = "model.edited"
    MODEL_RESTORED = "model.restored"
    MODEL_ARCHIVED = "model.archived"  # or taken out of the archive
    MODEL_DUPLICATED = "model.duplicated"  # of the new model
    RUN_ENDED = "run.ended"
    AUDIT_HEAD = "audit.head"
    TENANT_PLAN_CHANGED = "tenant.plan_changed"


TEST: Final = "webhook.test"  # sent on demand, whatever was asked for

_OF_VERB: Final = {
    "CREATE": WebhookEvent.MODEL_CREATED,
    "EDIT": WebhookEvent.MODEL_EDITED,
    "RESTORE": WebhookEvent.MODEL_RESTORED,
    "ARCHIVE": WebhookEvent.MODEL_ARCHIVED,
    "DUPLICATE": WebhookEvent.MODEL_DUPLICATED,
}


class Bodies:
    """Puts what happened into words for the world."""

    def __init__(self, global_id: Callable[[str, str], str], origin: str | None = None) -> None:
        """``global_id``: how the schema names a thing; ``origin``: where this service is found."""
        self._global_id, self._origin = global_id, origin

    def of(
        self,
        event: str,
        tenant_id: UUID,
        stream: str,
        seq: int,
        at: datetime,
        data: Mapping[str, Any],
    ) -> Happening:
        """A happening; ``data`` is JSON. Its id is the same, whoever tells of it."""
        body = {
            "id": event_id(tenant_id, stream, seq),
            "type": event,
            "version": VERSION,
            "timestamp": _moment(at),
            "tenant": self._global_id("Tenant", str(tenant_id)),
            "data": dict(data),
        }
        return Happening(stream=stream, seq=seq, event=event, at=at, payload=canonical_text(body))

    def of_model(self, tenant_id: UUID, change: ModelChange) -> Happening:
        """An operation of a model."""
        model = self._global_id("FinancialModel", str(change.model_id))
        data = {
            "model": model,
            "kind": change.kind,
            "revision": change.seq,
            "operationId": change.operation_id,
            "by": self._global_id("Member", str(change.author)),
            **self._link(f'{{model(id:"{model}"){{name revision}}}}'),
        }
        stream = f"model:{change.model_id}"
        return self.of(_OF_VERB[change.verb], tenant_id, stream, change.seq, change.at, data)

    def of_run(self, tenant_id: UUID, end: RunEnd) -> Happening:
        """The end of a run, whichever it is."""
        run = self._global_id("Run", str(end.id))
        data = {
            "run": run,
            "kind": end.kind,
            "state": end.state,
            "by": self._global_id("Member", str(end.created_by)),
            **self._link(f'{{run(id:"{run}"){{state}}}}'),
        }
        stream = f"run:{end.id}"
        return self.of(WebhookEvent.RUN_ENDED, tenant_id, stream, 1, end.ended_at, data)

    def of_test(self, tenant_id: UUID, webhook_id: UUID, test_id: UUID, at: datetime) -> Happening:
        """Something that has not happened: to try an address."""
        data = {"webhook": self._global_id("Webhook", str(webhook_id))}
        return self.of(TEST, tenant_id, f"test:{test_id}", 1, at, data)

    def _link(self, query: str) -> dict[str, str]:
        """Where it is looked at, with a token."""
        if self._origin is None:
            return {}
        return {"link": f"{self._origin}/graphql?query={quote(query, safe='(){}:')}"}


def event_id(tenant_id: UUID, stream: str, seq: int) -> str:
    """What a receiver knows an event by: the same at each try, and to each webhook."""
    return f"evt_{named_id(f'{tenant_id}/{stream}/{seq}').hex}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
