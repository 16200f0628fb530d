"""Whether whoever holds a token is still who it says: asked by every transport, before all else.

A token lives for minutes, and much can happen in them: a member is removed, a session ended, a
tenant suspended. So a request is let in by what the database says, looked up at most ten seconds
ago. Word over the bus makes it forget at once; where the bus is down the ten seconds hold.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

import orjson

from collab.bus import Bus
from collab.keys import standing_channel
from services.errors import DatabaseAway, DatabaseBusy, Forbidden, Unauthenticated
from services.plans import LIMITS, Limits, Plan
from services.principal import ENROLLING, Principal, Role
from store.directory import SYSTEM
from store.standing import AccessStanding
from store.standing import Standings as StandingStore

FRESH_S: Final = 10.0
STALE_S: Final = 60.0  # while the database is away, what was true a moment ago lets people in
_REMEMBERED: Final = 10_000
_BY_PASSWORD: Final = ("PASSWORD", "INVITATION")  # methods of sessions
KEY_SESSION: Final = "key:"  # a principal's session_id, where an API key is its way in

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tenant has, by its plan, its contract and its own settings."""

    plan: Plan
    limits: Limits
    origins: frozenset[str]  # of pages that may ask with the tenant's cookies and tokens
    only_trusted: bool  # no document runs but the tenant's own
    second_factor: bool  # who signs in with a password has to have one
    suspended: str | None  # why; "" where nobody said; None: it is not


@dataclass(frozen=True, slots=True)
class Standing(Terms):
    """Who asks, as it is now, and what their tenant has."""

    # With the role that both the token and the member have; without a second factor that the
    # tenant asks for, with no more than setting one up takes.
    principal: Principal


class _Known(NamedTuple):
    at_s: float
    standing: Standing


class _KnownTerms(NamedTuple):
    at_s: float
    terms: Terms


class Standings:
    """The standing of everybody who asks here."""

    def __init__(
        self,
        store: StandingStore,
        bus: Bus,
        clock: Clock = lambda: datetime.now(UTC),
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._store, self._bus = store, bus
        self._clock, self._timer = clock, timer
        self._known: OrderedDict[Principal, _Known] = OrderedDict()
        self._of_tenant: dict[UUID, set[Principal]] = {}
        self._terms: OrderedDict[UUID, _KnownTerms] = OrderedDict()
        self._listeners: list[Callable[[UUID], None]] = []
        self._words = 0  # heard so far: what was looked up before the newest may be old already

    async def start(self) -> None:
        """Hear what changes elsewhere from now on."""
        await self._bus.subscribe(standing_channel(SYSTEM), self._heard)
        self._bus.on_reconnect(lambda: self.forget(SYSTEM))  # words of any tenant may be lost

    def on_change(self, listener: Callable[[UUID], None]) -> None:
        """Have it called with a tenant whose members' standing may be another now."""
        self._listeners.append(listener)

    def changed(self, tenant_id: UUID) -> None:
        """Say everywhere that the standing of a tenant's members may be another now."""
        self.forget(tenant_id)
        self._bus.publish(standing_channel(SYSTEM), tenant_id.bytes)

    def forget(self, tenant_id: UUID) -> None:
        """Look anew at the next request."""
        self._words += 1
        if tenant_id == SYSTEM:  # an operator may be in any tenant
            self._forget_all()
        self._terms.pop(tenant_id, None)
        for principal in self._of_tenant.pop(tenant_id, ()):
            self._known.pop(principal, None)
        for listener in self._listeners:
            listener(tenant_id)

    async def of(self, principal: Principal) -> Standing:
        """The standing of somebody who proved a token.

        Raises:
            Unauthenticated: if the tenant, the member or the way in is no more.
            Forbidden: if the tenant is suspended, with the reason.
            DatabaseAway, DatabaseBusy.
        """
        known = self._known.get(principal)
        now, words = self._timer(), self._words
        if known is not None and now - known.at_s < FRESH_S:
            return known.standing
        try:
            standing = await self._look(principal)
        except (DatabaseAway, DatabaseBusy):
            if known is not None and now - known.at_s < STALE_S:
                return known.standing
            raise
        except (Unauthenticated, Forbidden):
            self._known.pop(principal, None)
            self._of_tenant.get(principal.tenant_id, set()).discard(principal)
            raise
        if words != self._words:
            return standing
        self._known[principal] = _Known(now, standing)
        self._of_tenant.setdefault(principal.tenant_id, set()).add(principal)
        if len(self._known) > _REMEMBERED:
            forgotten, _ = self._known.popitem(last=False)
            self._of_tenant.get(forgotten.tenant_id, set()).discard(forgotten)
        return standing

    async def still(self, principal: Principal) -> bool:
        """Whether whoever proved a token may go on with it as it is.

        Raises:
            DatabaseAway, DatabaseBusy.
        """
        try:
            return (await self.of(principal)).principal == principal
        except (Unauthenticated, Forbidden):
            return False

    async def in_force(self, tenant_id: UUID) -> bool:
        """Whether a tenant is not suspended.

        Raises:
            Unauthenticated: if there is no such tenant.
            DatabaseAway, DatabaseBusy.
        """
        return (await self.terms(tenant_id)).suspended is None

    async def terms(self, tenant_id: UUID) -> Terms:
        """What a tenant has, looked up at most ten seconds ago.

        Raises:
            Unauthenticated: if there is no such tenant.
            DatabaseAway, DatabaseBusy.
        """
        known = self._terms.get(tenant_id)
        now = self._timer()
        if known is not None and now - known.at_s < FRESH_S:
            return known.terms
        try:
            return await self._look_at_tenant(tenant_id)
        except (DatabaseAway, DatabaseBusy):
            if known is not None and now - known.at_s < STALE_S:
                return known.terms
            raise

    async def _look_at_tenant(self, tenant_id: UUID) -> Terms:
        now, words = self._timer(), self._words
        tenant = await self._store.tenant(tenant_id)
        if tenant is None:
            self._terms.pop(tenant_id, None)
            raise Unauthenticated
        terms = terms_of(tenant)
        if words == self._words:
            self._terms[tenant_id] = _KnownTerms(now, terms)
        if len(self._terms) > _REMEMBERED:
            self._terms.popitem(last=False)
        return terms

    def _forget_all(self) -> None:
        self._words += 1
        self._known.clear()
        self._of_tenant.clear()
        self._terms.clear()

    async def _look(self, principal: Principal) -> Standing:
        terms = await self._look_at_tenant(principal.tenant_id)
        if terms.suspended is not None:
            raise Forbidden(f"This tenant is suspended. {terms.suspended}".rstrip())
        if principal.grant_id is not None:
            role = await self._granted(principal, principal.grant_id)
        else:
            role = await self._belonging(principal)
        way = await self._way_in(principal)
        scopes = principal.scopes
        if terms.second_factor and way is not None and await self._lacks_factor(principal, way):
            scopes = ENROLLING
        return Standing(
            plan=terms.plan,
            limits=terms.limits,
            origins=terms.origins,
            only_trusted=terms.only_trusted,
            second_factor=terms.second_factor,
            suspended=None,
            principal=replace(principal, role=role, scopes=scopes),
        )

    async def _belonging(self, principal: Principal) -> Role:
        member = await self._store.member(principal.tenant_id, principal.member_id)
        if member is None or member.state != "ACTIVE":
            raise Unauthenticated
        return weaker(principal.role, Role(member.role), principal.tenant_id)

    async def _granted(self, principal: Principal, grant_id: UUID) -> Role:
        operator = await self._store.member(SYSTEM, principal.member_id)
        grant = await self._store.grant(principal.tenant_id, grant_id)
        good = (
            operator is not None
            and operator.state == "ACTIVE"
            and operator.role == Role.OPERATOR
            and grant is not None
            and grant.operator_id == principal.member_id
            and grant.ended_at is None
            and grant.ends_at > self._clock()
            and (grant.approved_at is not None or not grant.needs_approval)
        )
        if not good or grant is None:
            raise Unauthenticated
        return weaker(principal.role, Role(grant.role), principal.tenant_id)

    async def _lacks_factor(self, principal: Principal, way: AccessStanding) -> bool:
        """Whether a password alone let them in. Who came by another issuer has a factor there."""
        by_password = principal.grant_id is None and way.method in _BY_PASSWORD
        return by_password and not await self._store.has_factor(
            principal.tenant_id, principal.member_id
        )

    async def _way_in(self, principal: Principal) -> AccessStanding | None:
        """The session or the key; None for a development token: nobody signed in for it.

        Raises:
            Unauthenticated: if it has ended.
        """
        way: AccessStanding | None
        home = SYSTEM if principal.grant_id is not None else principal.tenant_id
        if principal.session_id.startswith(KEY_SESSION):
            key_id = UUID(principal.session_id.removeprefix(KEY_SESSION))
            way = await self._store.key(home, key_id)
        else:
            session_id = session_of(principal.session_id)
            if session_id is None:
                return None
            way = await self._store.session(home, session_id)
        if (
            way is None
            or way.member_id != principal.member_id
            or way.ended_at is not None
            or (way.expires_at is not None and way.expires_at <= self._clock())
        ):
            raise Unauthenticated
        return way

    def _heard(self, message: bytes) -> None:
        if len(message) == 16:
            self.forget(UUID(bytes=message))


def weaker(one: Role, other: Role, tenant_id: UUID) -> Role:
    """The role that allows what both allow.

    Raises:
        Unauthenticated: for an operator anywhere but in the system's tenant, and for anybody else
            there.
    """
    operators = Role.OPERATOR in (one, other)
    if operators != (tenant_id == SYSTEM) or (operators and one is not other):
        raise Unauthenticated
    order = list(Role)
    return max(one, other, key=order.index)


def session_of(session_id: str) -> UUID | None:
    """The session behind a token's ``sid``; None for one that nobody signed in for."""
    try:
        return UUID(session_id)
    except ValueError:
        return None


class HasTerms(Protocol):
    """A tenant's row, or as much of it."""

    @property
    def plan(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def state_reason(self) -> str | None: ...
    @property
    def settings(self) -> str: ...


def terms_of(tenant: HasTerms) -> Terms:
    """What a tenant has, by its row."""
    settings: dict[str, Any] = orjson.loads(tenant.settings)
    plan = Plan(tenant.plan)
    return Terms(
        plan=plan,
        limits=LIMITS[plan].under(settings.get("contract") or {}),
        origins=frozenset(settings.get("origins") or ()),
        only_trusted=bool(settings.get("onlyTrusted")),
        second_factor=bool(settings.get("secondFactor")),
        suspended=None if tenant.state == "ACTIVE" else tenant.state_reason or "",
    )
