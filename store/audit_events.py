"""Looking into a tenant's audit: events by what they are about, page after page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Select, bindparam

from store import scope
from store.audit_chain import LINK, Link
from store.database import Database
from store.tables import AuditEventRow, OperatorGrantRow

_SEQ_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; what is None is not asked for."""

    actions: tuple[str, ...] | None = None
    actor: UUID | None = None
    subjects: tuple[str, ...] | None = None
    since: datetime | None = None  # at or after
    until: datetime | None = None  # before


_OPERATORS = scope.select(OperatorGrantRow, "operator_id", "operator_name")


class AuditEvents:
    """The chained events of all tenants, each tenant's apart. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        tenant_id: UUID,
        wanted: EventFilter,
        *,
        beyond: int | None = None,
        limit: int,
        descending: bool = False,
    ) -> list[Link]:
        """The next events past a seq, by their seq; ``descending`` from the newest back."""
        statement = _page(
            actions=wanted.actions is not None,
            actor=wanted.actor is not None,
            subjects=wanted.subjects is not None,
            since=wanted.since is not None,
            until=wanted.until is not None,
            descending=descending,
        )
        if beyond is None:
            beyond = _SEQ_MAX if descending else 0
        # A session's statement: a list of values has no place among the prepared ones.
        async with self._database.reading(tenant_id) as session:
            rows = await session.all(
                statement,
                actions=list(wanted.actions or ()),
                actor=wanted.actor,
                subjects=list(wanted.subjects or ()),
                since=wanted.since,
                until=wanted.until,
                beyond=beyond,
                limit=limit,
            )
        return [_link([row[name] for name in LINK]) for row in rows]

    async def operators(self, tenant_id: UUID) -> dict[UUID, str]:
        """Who of the house was ever let into the tenant, by their ids."""
        rows = await self._database.all(tenant_id, _OPERATORS)
        return {operator_id: name for operator_id, name in rows}  # noqa: C416 - a row is no pair


@cache
def _page(
    *, actions: bool, actor: bool, subjects: bool, since: bool, until: bool, descending: bool
) -> Select[Any]:
    seq = scope.column(AuditEventRow, "seq")
    at = scope.column(AuditEventRow, "at")
    beyond = bindparam("beyond", type_=BigInteger())
    statement = scope.select(AuditEventRow, *LINK).where(
        seq < beyond if descending else seq > beyond
    )
    if actions:
        statement = statement.where(scope.among(AuditEventRow, ("action",), "actions"))
    if actor:
        statement = statement.where(scope.equals(AuditEventRow, "actor"))
    if subjects:
        statement = statement.where(scope.among(AuditEventRow, ("subject",), "subjects"))
    if since:
        statement = statement.where(at >= scope.given(AuditEventRow, "at", "since"))
    if until:
        statement = statement.where(at < scope.given(AuditEventRow, "at", "until"))
    order = seq.desc() if descending else seq
    return statement.order_by(order).limit(bindparam("limit", type_=Integer()))


def _link(row: Sequence[Any]) -> Link:
    return Link(**dict(zip(LINK, row, strict=True)))
