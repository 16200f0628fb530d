"""What a tenant need not keep any longer, removed by the owner of the tables in bounded steps.

The role that serves removes none of it. What a run was made from stays with the run. Under a legal
hold of the tenant nothing goes; of a member, nothing of theirs; of a model, none of its deliveries.
A valuation is of no model and no member that anybody could name, so under any hold they all stay.
Each step asks for holds again, and nobody places one while it removes (``store.owning``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    and_,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from store.errors import TRANSLATED
from store.owning import owning
from store.tables import (
    DeliveryRow,
    DoneOnceRow,
    InvitationRow,
    LegalHoldRow,
    RunRow,
    SessionRow,
    SubscriptionChangeRow,
    TenantRow,
    ValuationRow,
    WebhookRow,
    table_of,
)

AT_ONCE: Final = 1_000  # rows of one transaction, so that nobody waits long

_TENANT, _HOLD, _RUN = table_of(TenantRow), table_of(LegalHoldRow), table_of(RunRow)
_VALUATION, _DELIVERY = table_of(ValuationRow), table_of(DeliveryRow)
_SESSION, _INVITATION = table_of(SessionRow), table_of(InvitationRow)
_WEBHOOK, _DONE = table_of(WebhookRow), table_of(DoneOnceRow)
_CHANGE = table_of(SubscriptionChangeRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a tenant's retention follows from."""

    slug: str
    plan: str
    earlier: tuple[tuple[datetime, str], ...]  # plans before it, each with its end; the first first
    settings: str  # JSON
    held: bool  # as a whole, by a legal hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The moments before which things go."""

    now: datetime  # valuations whose own end is before this
    ended: datetime  # whatever else had ended, or was answered, before this


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """How many rows of a tenant went, or would go."""

    valuations: int = 0
    deliveries: int = 0
    sessions: int = 0
    invitations: int = 0
    answers: int = 0  # to administrative changes, for whoever repeats them


async def bound_of(engine: AsyncEngine, tenant_id: UUID) -> Bound | None:
    """What a tenant's retention follows from; None where there is no such tenant."""
    with TRANSLATED:
        async with engine.begin() as connection:
            return await connection.run_sync(_bound, tenant_id)


async def remove(engine: AsyncEngine, tenant_id: UUID, cut: Cut, *, dry_run: bool) -> Gone:
    """Remove what may go of a tenant that is not held as a whole, or only count it.

    ``engine`` is that of the role which owns the tables. Raises DatabaseAway, DatabaseBusy.
    """
    found = {}
    for name, (table, rule) in _RULES.items():
        going = and_(table.c.tenant_id == tenant_id, rule(cut), ~_any_hold(table, "TENANT"))
        with TRANSLATED:
            if dry_run:
                async with engine.begin() as connection:
                    found[name] = await connection.run_sync(_count, tenant_id, table, going)
            else:
                found[name] = 0
                while True:
                    async with engine.begin() as connection:
                        gone = await connection.run_sync(_delete, tenant_id, table, going)
                    found[name] += gone
                    if gone < AT_ONCE:
                        break
    return Gone(**found)


def _bound(connection: Connection, tenant_id: UUID) -> Bound | None:
    with owning(connection, tenant_id):
        row = connection.execute(
            select(_TENANT.c.slug, _TENANT.c.plan, _TENANT.c.settings).where(
                _TENANT.c.tenant_id == tenant_id
            )
        ).one_or_none()
        if row is None:
            return None
        holds = select(func.count()).where(_held(tenant_id), _HOLD.c.subject_kind == "TENANT")
        changes = (
            select(_CHANGE.c.at, _CHANGE.c.plan_before)
            .where(_CHANGE.c.tenant_id == tenant_id)
            .order_by(_CHANGE.c.at, _CHANGE.c.id)
        )
        return Bound(
            slug=row.slug,
            plan=row.plan,
            earlier=tuple((at, plan) for at, plan in connection.execute(changes)),
            settings=row.settings,
            held=bool(connection.scalar(holds)),
        )


def _count(
    connection: Connection, tenant_id: UUID, table: Table, going: ColumnElement[bool]
) -> int:
    with owning(connection, tenant_id):
        return connection.scalar(select(func.count()).select_from(table).where(going)) or 0


def _delete(
    connection: Connection, tenant_id: UUID, table: Table, going: ColumnElement[bool]
) -> int:
    key = table.primary_key.columns
    some = select(*key).where(going).limit(AT_ONCE)
    with owning(connection, tenant_id, [table.name]):
        return connection.execute(delete(table).where(tuple_(*key).in_(some))).rowcount


def _held(tenant_id: Any) -> ColumnElement[bool]:
    return and_(_HOLD.c.tenant_id == tenant_id, _HOLD.c.released_at.is_(None))


def _any_hold(table: Table, *kinds: str) -> ColumnElement[bool]:
    """Whether there is a hold of one of these kinds in the row's tenant; of any, where none is."""
    found = select(literal(1)).where(_held(table.c.tenant_id))
    return (found.where(_HOLD.c.subject_kind.in_(kinds)) if kinds else found).exists()


def _is_held(table: Table, kind: str, *subjects: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a hold of this kind names one of the row's columns."""
    named = or_(*(func.replace(cast(each, String), "-", "") == _PLAIN for each in subjects))
    return (
        select(literal(1))
        .where(_held(table.c.tenant_id), _HOLD.c.subject_kind == kind, named)
        .exists()
    )


# Ids are told with hyphens or without, by database and by whoever placed the hold.
_PLAIN: Final = func.replace(_HOLD.c.subject, "-", "")


def _valuations(cut: Cut) -> ColumnElement[bool]:
    # Of all tenants that are seen, so that it is looked up once and not for each valuation.
    of_runs = select(_RUN.c.tenant_id, _RUN.c.valuation_id)
    of_a_run = tuple_(_VALUATION.c.tenant_id, _VALUATION.c.id).in_(of_runs)
    return and_(_VALUATION.c.keep_until < cut.now, ~of_a_run, ~_any_hold(_VALUATION))


def _deliveries(cut: Cut) -> ColumnElement[bool]:
    removed = (
        select(literal(1))
        .where(
            _WEBHOOK.c.tenant_id == _DELIVERY.c.tenant_id,
            _WEBHOOK.c.id == _DELIVERY.c.webhook_id,
            _WEBHOOK.c.state == "REMOVED",
        )
        .exists()
    )
    return and_(
        or_(_DELIVERY.c.ended_at < cut.ended, and_(_DELIVERY.c.created_at < cut.ended, removed)),
        ~_is_held(_DELIVERY, "MODEL", func.replace(_DELIVERY.c.stream, "model:", "")),
    )


def _sessions(cut: Cut) -> ColumnElement[bool]:
    ended = func.coalesce(_SESSION.c.ended_at, _SESSION.c.expires_at)
    return and_(ended < cut.ended, ~_is_held(_SESSION, "MEMBER", _SESSION.c.member_id))


def _invitations(cut: Cut) -> ColumnElement[bool]:
    invitation = _INVITATION.c
    return and_(
        func.coalesce(invitation.accepted_at, invitation.revoked_at, invitation.expires_at)
        < cut.ended,
        ~_is_held(_INVITATION, "MEMBER", invitation.member_id, invitation.created_by),
    )


def _answers(cut: Cut) -> ColumnElement[bool]:
    return _DONE.c.at < cut.ended


_RULES: Final[dict[str, tuple[Table, Callable[[Cut], ColumnElement[bool]]]]] = {
    "valuations": (_VALUATION, _valuations),
    "deliveries": (_DELIVERY, _deliveries),
    "sessions": (_SESSION, _sessions),
    "invitations": (_INVITATION, _invitations),
    "answers": (_DONE, _answers),
}
