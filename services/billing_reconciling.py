"""Whether what the payment provider lists is what tenants have here; and mending it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.billing import BillingService, tenant_of
from services.billing_objects import Event, NotUnderstood, paid_after, paid_by, understood
from services.prices import PriceList
from services.standing import Clock
from store.directory import Directory
from store.subscriptions import SubscriptionRecord, Subscriptions

_COMPARED: Final = (
    "plan",
    "state",
    "amount",
    "currency",
    "period_start",
    "period_end",
    "customer",
    "reference",
)
_TYPE: Final = "customer.subscription.updated"
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not here as the provider has it."""

    customer: str
    tenant_id: UUID | None
    message: str
    events: tuple[Event, ...] = ()  # that would mend it; none: it is for a person to mend


class Reconciling:
    """Compares a list of the provider's subscriptions with ours."""

    def __init__(
        self,
        billing: BillingService,
        kept: Subscriptions,
        directory: Directory,
        prices: PriceList,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._billing, self._kept, self._directory = billing, kept, directory
        self._prices, self._clock = prices, clock

    async def differences(self, listed: Sequence[Mapping[str, Any]]) -> list[Difference]:
        """What differs, in the order of the list; then what the list has not.

        Raises:
            NotUnderstood: for an entry that is no subscription.
        """
        now = self._clock()
        said: dict[str, list[Event]] = {}
        for number, entry in enumerate(listed):
            event = self._event(entry, number, now)
            if event.customer is None:
                raise NotUnderstood(f"Entry {number + 1} names no customer.")
            said.setdefault(event.customer, []).append(event)
        payers: dict[UUID | str, list[Event]] = {}  # by tenant: one may pay as several customers
        for customer, events in said.items():
            tenant_id = await self._directory.find("CUSTOMER", customer)
            named = [each.tenant for each in events if each.tenant is not None]
            if tenant_id is None and named:
                tenant_id = tenant_of(named[0])
            payers.setdefault(tenant_id or customer, []).extend(events)
        found: list[Difference] = []
        for payer, events in payers.items():
            if isinstance(payer, str):
                found.append(Difference(payer, None, "nobody here knows whose customer this is"))
                continue
            tenant_id, customer = payer, events[0].customer or ""
            found += [
                Difference(customer, tenant_id, flaw)
                for flaw in (self._flaw(event, now) for event in events)
                if flaw is not None
            ]
            there = paid_by(events, self._prices, now)
            here = await self._kept.find(tenant_id)
            message = "" if there is None else _difference(here, there)
            if message:
                found.append(Difference(customer, tenant_id, message, tuple(events)))
        return found + await self._missing(set(said))

    async def mend(self, differences: Sequence[Difference]) -> int:
        """Take what the provider lists for what it says now; how many differ no more."""
        mended = 0
        for each in differences:
            for event in each.events:
                await self._billing.take(event)
            if each.events and each.tenant_id is not None:
                here = await self._kept.find(each.tenant_id)
                there = paid_by(each.events, self._prices, self._clock())
                # Taken is not mended: what counts may be something that the list has not.
                mended += there is not None and not _difference(here, there)
        return mended

    async def _missing(self, seen: set[str]) -> list[Difference]:
        found, after = [], ""
        while page := await self._directory.page("CUSTOMER", after=after, limit=_PAGE):
            for customer, tenant_id in page:
                known = None if customer in seen else await self._kept.find(tenant_id)
                if known is not None and known.customer == customer and known.state != "CANCELLED":
                    said = f"the list has nothing of it, and here it is {known.state}"
                    found.append(Difference(customer, tenant_id, said))
            after = page[-1][0]
        return found

    def _flaw(self, event: Event, now: datetime) -> str | None:
        try:
            paid_after(event, None, self._prices, now)
        except NotUnderstood as no:
            return str(no)
        return None

    def _event(self, entry: Mapping[str, Any], number: int, now: datetime) -> Event:
        if not isinstance(entry, Mapping) or "status" not in entry:
            raise NotUnderstood(f"Entry {number + 1} is no subscription.")
        text = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(text).hexdigest()[:32]
        seconds = int(now.timestamp())
        said = {
            "id": f"reconciled-{seconds}-{digest}",
            "type": _TYPE,
            "created": seconds,
            "data": {"object": entry},
        }
        return understood(orjson.dumps(said))


def _difference(here: SubscriptionRecord | None, there: SubscriptionRecord) -> str:
    if here is None:
        return f"here there is no subscription, and there it is {there.plan}, {there.state}"
    changed = [
        f"{name.replace('_', ' ')} is {getattr(here, name)} here and {getattr(there, name)} there"
        for name in _COMPARED
        if getattr(here, name) != getattr(there, name)
    ]
    return "; ".join(changed)
