"""The payment provider's objects as we read them: few of their fields, and none on trust."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, Final

import orjson

from services.contents import canonical_text
from services.prices import AMOUNT_MOST, Price, PriceList
from store.subscriptions import SubscriptionRecord

_NAME_MOST: Final = 255
_STATES: Final = {  # a subscription's status with the provider, and what it is here
    "active": "ACTIVE",
    "trialing": "ACTIVE",
    "past_due": "PAST_DUE",
    "unpaid": "PAST_DUE",
    "paused": "PAST_DUE",
    "canceled": "CANCELLED",
    "incomplete_expired": "CANCELLED",
}
_NOT_YET: Final = "incomplete"  # it begins once it is paid
_WORTH: Final = ("CANCELLED", "PAST_DUE", "ACTIVE")
_LATEST: Final = 2**33  # seconds since the epoch: the year 2242


class NotUnderstood(Exception):
    """It has not the form that it should have, or speaks of what nobody here knows."""


class Said(Enum):
    """What kind of thing an event says."""

    SUBSCRIPTION = auto()  # how a subscription is
    ENDED = auto()  # that one is no more
    PAID = auto()
    NOT_PAID = auto()
    WHOSE = auto()  # which tenant a customer is
    NOTHING = auto()


# The second number breaks a tie between events of the same second.
_TYPES: Final[Mapping[str, tuple[Said, int]]] = {
    "checkout.session.completed": (Said.WHOSE, 0),
    "customer.subscription.created": (Said.SUBSCRIPTION, 0),
    "invoice.payment_failed": (Said.NOT_PAID, 1),
    "invoice.paid": (Said.PAID, 2),
    "invoice.payment_succeeded": (Said.PAID, 2),
    "customer.subscription.updated": (Said.SUBSCRIPTION, 3),
    "customer.subscription.paused": (Said.SUBSCRIPTION, 3),
    "customer.subscription.resumed": (Said.SUBSCRIPTION, 3),
    "customer.subscription.deleted": (Said.ENDED, 4),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that the provider says."""

    id: str
    type: str
    created: datetime
    thing: Mapping[str, Any]  # the object that it is about
    text: str  # what of it is kept: JSON
    said: Said
    rank: int

    @property
    def hash(self) -> str:
        """SHA-256 in hex of what is kept."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def customer(self) -> str | None:
        """Whom it is about."""
        return _id_of(self.thing.get("customer"))

    @property
    def reference(self) -> str | None:
        """The subscription that it is about, if it is about one."""
        if self.said in (Said.PAID, Said.NOT_PAID):
            return _invoiced(self.thing)
        about = self.said in (Said.SUBSCRIPTION, Said.ENDED)
        return _id_of(self.thing.get("id")) if about else None

    @property
    def tenant(self) -> str | None:
        """The tenant that it names, as whoever opened the checkout wrote it."""
        metadata = self.thing.get("metadata")
        named = self.thing.get("client_reference_id")
        if not isinstance(named, str) and isinstance(metadata, dict):
            named = metadata.get("tenant")
        return named if isinstance(named, str) and len(named) <= _NAME_MOST else None

    @property
    def as_of(self) -> datetime:
        """Its place among others: the provider's clock has whole seconds only."""
        return self.created + timedelta(microseconds=self.rank)

    @property
    def may_fail(self) -> bool:
        """Whether it may say that something was not paid."""
        status = _STATES.get(str(self.thing.get("status")))
        return self.said is Said.NOT_PAID or (
            self.said is Said.SUBSCRIPTION and status == "PAST_DUE"
        )


def understood(body: bytes) -> Event:
    """An event, by its JSON.

    Raises:
        NotUnderstood: if it has not an event's form.
    """
    try:
        found = orjson.loads(body)
    except ValueError:
        raise NotUnderstood("It is no JSON.") from None
    given: dict[str, Any] = found if isinstance(found, dict) else {}
    data: Any = given.get("data")
    thing: Any = data.get("object") if isinstance(data, dict) else None
    name: Any = given.get("id")
    kind: Any = given.get("type")
    well_formed = (
        isinstance(thing, dict)
        and isinstance(name, str)
        and _is_name(name)
        and isinstance(kind, str)
        and kind.isprintable()
    )
    if not well_formed:
        raise NotUnderstood("It is no event: it has id, type, created and data.object.")
    created = moment_of(given.get("created"))
    said, rank = _TYPES.get(kind, (Said.NOTHING, 0))
    # What differs from one sending to the next of the same event is left out.
    kept = {"id": name, "type": kind, "created": given["created"], "data": {"object": thing}}
    try:
        text = canonical_text(kept)
    except (TypeError, ValueError, RecursionError):
        raise NotUnderstood("It is nested too deeply.") from None
    return Event(
        id=name,
        type=kind,
        created=created,
        thing=thing,
        text=text,
        said=said,
        rank=rank,
    )


def paid_by(events: Iterable[Event], prices: PriceList, now: datetime) -> SubscriptionRecord | None:
    """What a tenant pays for after all of these, in the order in which they were said.

    Of several subscriptions one counts: one that is paid before one that is not, and the one that
    began last.
    """
    known = each_paid(events, prices, now)
    best: SubscriptionRecord | None = None
    for one in known.values():  # as they began
        if best is None or _WORTH.index(one.state) >= _WORTH.index(best.state):
            best = one
    return best


def each_paid(
    events: Iterable[Event], prices: PriceList, now: datetime
) -> dict[str, SubscriptionRecord]:
    """Each subscription by its reference, as these events leave it."""
    known: dict[str, SubscriptionRecord] = {}
    for event in events:
        reference = event.reference
        if reference is not None:
            try:
                after = paid_after(event, known.get(reference), prices, now)
            except NotUnderstood:
                continue  # that was said when it came
            if after is not None:
                known[reference] = after
    return known


def paid_after(
    event: Event, before: SubscriptionRecord | None, prices: PriceList, now: datetime
) -> SubscriptionRecord | None:
    """What the subscription that an event is about is after it. None: what it was, or nothing yet.

    Raises:
        NotUnderstood: for a price that is in no list, or a form that is none.
    """
    if event.said in (Said.SUBSCRIPTION, Said.ENDED):
        return _subscribed(event, before, prices, now)
    if before is None or before.state == "CANCELLED":
        return None
    if event.said in (Said.PAID, Said.NOT_PAID):
        state = "ACTIVE" if event.said is Said.PAID else "PAST_DUE"
        since = before.state_since if before.state == state else event.created
        return replace(before, state=state, state_since=since, as_of=event.as_of, updated_at=now)
    return None


def _subscribed(
    event: Event, before: SubscriptionRecord | None, prices: PriceList, now: datetime
) -> SubscriptionRecord | None:
    thing, status = event.thing, event.thing.get("status")
    if status == _NOT_YET:
        return None
    state = _STATES.get(str(status))
    if state is None or event.reference is None or event.customer is None:
        raise NotUnderstood(f"A subscription's status “{str(status)[:40]}” is not known.")
    price, quantity, item = _priced(thing, prices)
    period = item if "current_period_start" in item else thing
    start = moment_of(period.get("current_period_start"))
    end = moment_of(period.get("current_period_end"))
    if start >= end:
        raise NotUnderstood("A period ends after its start.")
    # Nothing is paid for the period of a trial; its length is in no list of prices either.
    amount = 0 if status == "trialing" else price.amount * quantity
    if amount > AMOUNT_MOST:
        raise NotUnderstood(f"No subscription costs more than {AMOUNT_MOST:,}.")
    same_state = before is not None and before.state == state
    return SubscriptionRecord(
        plan=price.plan.value,
        state=state,
        state_since=before.state_since if before is not None and same_state else event.created,
        period_start=start,
        period_end=end,
        amount=amount,
        currency=price.currency,
        customer=event.customer,
        reference=event.reference,
        as_of=event.as_of,
        updated_at=now,
    )


def _priced(thing: Mapping[str, Any], prices: PriceList) -> tuple[Price, int, Mapping[str, Any]]:
    """The first of a subscription's items whose price is a plan's."""
    items = thing.get("items")
    data = items.get("data") if isinstance(items, dict) else None
    seen = []
    for item in data if isinstance(data, list) else []:
        asked = item.get("price") if isinstance(item, dict) else None
        name = _id_of(asked)
        found = None if name is None else prices.find(name)
        quantity = item.get("quantity", 1) if isinstance(item, dict) else 1
        if found is not None and type(quantity) is int and 1 <= quantity <= 1_000_000:
            return found, quantity, item
        seen.append(str(name)[:80])
    raise NotUnderstood(f"No plan has a price of these: {', '.join(seen) or 'none is named'}.")


def _invoiced(thing: Mapping[str, Any]) -> str | None:
    """The subscription that an invoice is for, in the older form and the newer."""
    found = _id_of(thing.get("subscription"))
    if found is not None:
        return found
    parent = thing.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    return _id_of(details.get("subscription")) if isinstance(details, dict) else None


def _id_of(named: Any) -> str | None:
    """An id, given as such or inside of the object itself."""
    found = named.get("id") if isinstance(named, dict) else named
    return found if isinstance(found, str) and _is_name(found) else None


def _is_name(given: str) -> bool:
    """Whether a database can keep it: PostgreSQL has no text with a zero in it."""
    return 1 <= len(given) <= _NAME_MOST and given.isprintable()


def moment_of(seconds: Any) -> datetime:
    """
    Raises:
        NotUnderstood: if these are no seconds since the epoch.
    """
    if type(seconds) is not int or not 0 <= seconds < _LATEST:
        raise NotUnderstood("A moment is a number of seconds since 1970.")
    return datetime.fromtimestamp(seconds, UTC)
