"""Webhooks as a tenant sets them up: where to, for what, with which secret, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from services.administration import Administration, Change
from services.errors import Conflict, NotFound, QuotaExceeded
from services.ids import new_id
from services.plans import Feature, require_feature
from services.principal import Action, Principal
from services.standing import Standings
from services.webhook_checks import World, check
from services.webhook_events import Bodies, WebhookEvent
from services.webhook_secrets import WebhookSecrets
from store import webhooks as kept
from store.directory import Directory
from store.outbox import add_delivery
from store.session import WriteSession
from store.webhooks import DeliveryPage, DeliveryRecord, WebhookRecord, Webhooks

__all__ = ["DeliveryPage", "DeliveryRecord", "WebhookRecord", "WebhookService", "WithSecret"]

MOST: Final = 20  # of a tenant

# What else is done to what waits for a webhook, in the transaction of its change.
Also: TypeAlias = Callable[[WriteSession, UUID, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WithSecret:
    """A webhook, and its new secret. None: the operation is a repeat, and it was shown before."""

    webhook: WebhookRecord
    secret: str | None


class WebhookService:
    """What an owner or administrator may do with the tenant's webhooks."""

    def __init__(
        self,
        administration: Administration,
        webhooks: Webhooks,
        directory: Directory,
        standings: Standings,
        world: World,
        signs: WebhookSecrets,
        bodies: Bodies,
    ) -> None:
        self._administration, self._webhooks = administration, webhooks
        self._directory, self._standings, self._world = directory, standings, world
        self._signs, self._bodies = signs, bodies

    async def all(self, principal: Principal) -> list[WebhookRecord]:
        """All of the tenant's, the oldest first."""
        principal.require(Action.MANAGE_WEBHOOKS)
        return await self._webhooks.all(principal.tenant_id)

    async def find(self, principal: Principal, webhook_id: UUID) -> WebhookRecord:
        """
        Raises:
            NotFound.
        """
        principal.require(Action.MANAGE_WEBHOOKS)
        return _there(await self._webhooks.find(principal.tenant_id, webhook_id))

    async def deliveries(self, principal: Principal, page: DeliveryPage) -> list[DeliveryRecord]:
        """The deliveries of a webhook's page, the newest first."""
        principal.require(Action.MANAGE_WEBHOOKS)
        return await self._webhooks.deliveries(principal.tenant_id, page)

    async def delivery(self, principal: Principal, delivery_id: UUID) -> DeliveryRecord:
        """
        Raises:
            NotFound.
        """
        principal.require(Action.MANAGE_WEBHOOKS)
        found = await self._webhooks.delivery(principal.tenant_id, delivery_id)
        if found is None:
            raise NotFound("There is no such delivery.")
        return found

    async def create(
        self,
        principal: Principal,
        url: str,
        events: Sequence[WebhookEvent],
        description: str | None,
        operation_id: str | None,
    ) -> WithSecret:
        """A webhook that hears what happens from now on.

        Raises:
            InvalidInput; QuotaExceeded: without the feature, or with too many.
        """
        await self._begin(principal)
        await check(self._world, url, events, description)
        webhook_id = new_id()
        secret, sealed = self._signs.new(principal.tenant_id, webhook_id)
        names = _names(events)
        # Before the webhook is there: one that nobody finds would never be sent anything.
        await self._directory.put("WEBHOOKS", str(principal.tenant_id), principal.tenant_id)

        async def add(change: Change) -> dict[str, Any]:
            if await kept.count(change.session) >= MOST:
                raise QuotaExceeded(f"A tenant has at most {MOST} webhooks. Remove one first.")
            made = WebhookRecord(
                id=webhook_id,
                url=url,
                description=description,
                events=names,
                secret=sealed,
                state="ACTIVE",
                state_reason=None,
                created_by=principal.member_id,
                created_at=change.at,
                updated_at=change.at,
            )
            await kept.add(change.session, made)
            await change.note(
                "webhook.created", "webhook", webhook_id, host=_host(url), events=sorted(events)
            )
            return {"webhook": str(webhook_id)}

        asked = {"url": url, "events": orjson.loads(names), "description": description}
        made = await self._administration.change(
            principal, "createWebhook", asked, operation_id, add
        )
        found = await self.find(principal, made.id("webhook"))
        return WithSecret(found, secret if made.fresh else None)

    async def update(
        self,
        principal: Principal,
        webhook_id: UUID,
        *,
        url: str | None = None,
        events: Sequence[WebhookEvent] | None = None,
        description: str | None = None,
        operation_id: str | None = None,
    ) -> WebhookRecord:
        """Change what is given; what is None stays.

        Raises:
            NotFound, InvalidInput.
        """
        await self._begin(principal)
        await check(self._world, url, events, description)
        asked: dict[str, Any] = {"webhook": str(webhook_id), "description": description}
        asked |= {"url": url, "events": None if events is None else orjson.loads(_names(events))}

        def changed(webhook: WebhookRecord) -> WebhookRecord:
            return replace(
                webhook,
                url=webhook.url if url is None else url,
                events=webhook.events if events is None else _names(events),
                description=webhook.description if description is None else description,
            )

        details: dict[str, Any] = {"host": None if url is None else _host(url)}
        details["events"] = None if events is None else sorted(events)
        return await self._change(
            principal,
            "updateWebhook",
            asked,
            operation_id,
            changed,
            "webhook.updated",
            details,
            also=None
            if url is None
            else kept.begin_anew,  # what the old one did not take, the new one may
        )

    async def pause(
        self, principal: Principal, webhook_id: UUID, operation_id: str | None
    ) -> WebhookRecord:
        """Send it nothing for now: what happens meanwhile waits."""
        principal.require(Action.MANAGE_WEBHOOKS)
        state = {"state": "PAUSED", "state_reason": "It was paused."}
        return await self._switch(principal, webhook_id, operation_id, "pause", "paused", state)

    async def resume(
        self, principal: Principal, webhook_id: UUID, operation_id: str | None
    ) -> WebhookRecord:
        """Send it what has waited, each with all of its time, and what comes."""
        await self._begin(principal)
        state = {"state": "ACTIVE", "state_reason": None}
        return await self._switch(principal, webhook_id, operation_id, "resume", "resumed", state)

    async def _switch(
        self,
        principal: Principal,
        webhook_id: UUID,
        operation_id: str | None,
        verb: str,
        done: str,
        state: dict[str, Any],
    ) -> WebhookRecord:
        return await self._change(
            principal,
            f"{verb}Webhook",
            {"webhook": str(webhook_id)},
            operation_id,
            lambda webhook: replace(webhook, **state),
            f"webhook.{done}",
            also=kept.begin_anew if verb == "resume" else None,
        )

    async def remove(
        self, principal: Principal, webhook_id: UUID, operation_id: str | None
    ) -> None:
        """Send it nothing any more. What it was told stays on record.

        Raises:
            NotFound.
        """
        principal.require(Action.MANAGE_WEBHOOKS)
        await self._made(
            principal,
            "removeWebhook",
            {"webhook": str(webhook_id)},
            operation_id,
            lambda webhook: replace(webhook, state="REMOVED", state_reason=None),
            "webhook.removed",
            also=_given_up,
        )

    async def rotate(
        self, principal: Principal, webhook_id: UUID, operation_id: str | None
    ) -> WithSecret:
        """A new secret. For a day the old one signs beside it.

        Raises:
            NotFound.
        """
        await self._begin(principal)
        shown: list[str] = []

        def changed(webhook: WebhookRecord) -> WebhookRecord:
            secret, sealed = self._signs.rotated(
                principal.tenant_id, webhook.id, webhook.secret, self._administration.clock()
            )
            shown[:] = [secret]
            return replace(webhook, secret=sealed)

        found = await self._change(
            principal,
            "rotateWebhookSecret",
            {"webhook": str(webhook_id)},
            operation_id,
            changed,
            "webhook.secret_rotated",
        )
        return WithSecret(found, shown[0] if shown else None)

    async def test(self, principal: Principal, webhook_id: UUID, operation_id: str | None) -> UUID:
        """Send it an event that has not happened; the delivery's id.

        Raises:
            NotFound; Conflict: it is paused.
        """
        await self._begin(principal)

        async def tell(change: Change) -> dict[str, Any]:
            webhook = _there(await kept.find(change.session, webhook_id))
            if webhook.state != "ACTIVE":
                raise Conflict("This webhook is paused. Resume it first.")
            it = self._bodies.of_test(principal.tenant_id, webhook_id, new_id(), change.at)
            delivery_id = await add_delivery(change.session, webhook_id, it)
            await change.note("webhook.tested", "webhook", webhook_id)
            return {"delivery": str(delivery_id)}

        asked = {"webhook": str(webhook_id)}
        made = await self._administration.change(
            principal, "sendTestEvent", asked, operation_id, tell
        )
        return made.id("delivery")

    async def repeat(
        self, principal: Principal, delivery_id: UUID, operation_id: str | None
    ) -> DeliveryRecord:
        """Make a delivery again that has ended, well or not.

        Raises:
            NotFound; Conflict: it is under way still.
        """
        await self._begin(principal)

        async def again(change: Change) -> dict[str, Any]:
            found = await kept.delivery(change.session, delivery_id)
            if found is None or await kept.find(change.session, found.webhook_id) is None:
                raise NotFound("There is no such delivery.")
            if not await kept.repeat(change.session, delivery_id, change.at):
                raise Conflict("This delivery has not ended: it is tried again by itself.")
            await change.note("webhook.repeated", "webhook", found.webhook_id, deliveries=1)
            return {"delivery": str(delivery_id)}

        asked = {"delivery": str(delivery_id)}
        await self._administration.change(principal, "repeatDelivery", asked, operation_id, again)
        return await self.delivery(principal, delivery_id)

    async def repeat_from(
        self, principal: Principal, webhook_id: UUID, then: datetime, operation_id: str | None
    ) -> int:
        """Make all deliveries again of what happened since then; how many they are.

        Raises:
            NotFound.
        """
        await self._begin(principal)

        async def again(change: Change) -> dict[str, Any]:
            _there(await kept.find(change.session, webhook_id))
            count = await kept.repeat_from(change.session, webhook_id, then, change.at)
            await change.note("webhook.repeated", "webhook", webhook_id, deliveries=count)
            return {"count": count}

        asked = {"webhook": str(webhook_id), "from": then.isoformat()}
        made = await self._administration.change(
            principal, "repeatDeliveries", asked, operation_id, again
        )
        return int(made.answer["count"])

    async def _begin(self, principal: Principal) -> None:
        principal.require(Action.MANAGE_WEBHOOKS)
        terms = await self._standings.terms(principal.tenant_id)
        require_feature(terms.plan, terms.limits, Feature.WEBHOOKS)

    async def _change(
        self,
        principal: Principal,
        verb: str,
        asked: dict[str, Any],
        operation_id: str | None,
        changed: Any,
        action: str,
        details: dict[str, Any] | None = None,
        *,
        also: Also | None = None,
    ) -> WebhookRecord:
        made = await self._made(
            principal, verb, asked, operation_id, changed, action, details, also=also
        )
        if made is not None:
            return made
        return _there(await self._webhooks.find(principal.tenant_id, UUID(asked["webhook"])))

    async def _made(
        self,
        principal: Principal,
        verb: str,
        asked: dict[str, Any],
        operation_id: str | None,
        changed: Any,
        action: str,
        details: dict[str, Any] | None = None,
        *,
        also: Also | None = None,
    ) -> WebhookRecord | None:
        """The webhook as it is now; None: the operation is a repeat."""
        webhook_id = UUID(asked["webhook"])
        after: list[WebhookRecord] = []

        async def work(change: Change) -> dict[str, Any]:
            before = _there(await kept.find(change.session, webhook_id))
            after[:] = [replace(changed(before), updated_at=change.at)]
            await kept.change(change.session, after[0])
            if also is not None:
                await also(change.session, webhook_id, change.at)
            await change.note(action, "webhook", webhook_id, **(details or {}))
            return {"webhook": str(webhook_id)}

        await self._administration.change(principal, verb, asked, operation_id, work)
        return after[0] if after else None


async def _given_up(session: WriteSession, webhook_id: UUID, now: datetime) -> None:
    await kept.give_up(session, webhook_id, "The webhook was removed.", now)


def _there(found: WebhookRecord | None) -> WebhookRecord:
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _names(events: Sequence[WebhookEvent]) -> str:
    return orjson.dumps(sorted({event.value for event in events})).decode()


def _host(url: str) -> str:
    """What of an address goes on record: its path may be a secret."""
    return str(urlsplit(url).hostname)
