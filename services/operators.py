"""What operators do for tenants: make them, suspend them, and change what they have."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

import orjson

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.contents import canonical_text
from services.credentials import Secret
from services.errors import Forbidden, NotFound
from services.ids import new_id, operation_id_of
from services.invitations import PREFIX, add, checked
from services.members import name_of
from services.plans import Feature, Plan
from services.principal import Action, Principal, Role
from services.shapes import is_readable
from store import tenants
from store.directory import SYSTEM, SYSTEM_SLUG, Directory, lead
from store.session import WriteSession
from store.tenants import TenantRecord, Tenants

REASON_MOST: Final = 500  # characters
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# The least and the most that a contract may say; days for how long.
CONTRACT: Final[Mapping[str, tuple[int, int]]] = {
    "requests_per_minute": (1, 10_000_000),
    "points_per_minute": (1, 1_000_000_000),
    "runs": (1, 1_024),
    "trials": (100, 1_000_000_000),
    "models": (1, 10_000_000),
    "members": (1, 1_000_000),
    "valuations_kept": (1, 36_500),
    "audit_kept": (1, 36_500),
}


Effect: TypeAlias = Callable[[Change, TenantRecord], Awaitable[None]]


class Prorates(Protocol):
    """Writes down what a change of plan gives back and costs, in the change's own transaction."""

    async def __call__(self, change: Change, before: Plan, after: Plan) -> None: ...


@dataclass(frozen=True, slots=True)
class Created:
    """A tenant, and its first owner's invitation where it was made just now."""

    tenant: TenantRecord
    invitation: str | None


class OperatorService:
    """The tenants of a deployment, for its operators; and a tenant's own plan."""

    def __init__(
        self,
        kept: Tenants,
        directory: Directory,
        administration: Administration,
        prorate: Prorates | None = None,
    ) -> None:
        self._kept, self._directory = kept, directory
        self._administration, self._prorate = administration, prorate

    async def page(
        self, principal: Principal, after: str, limit: int
    ) -> tuple[list[TenantRecord], bool]:
        """The next tenants by slug, and whether there are more.

        Raises:
            Forbidden.
        """
        principal.require(Action.OPERATE)
        found: list[TenantRecord] = []
        while len(found) <= limit:
            led = await self._directory.page("SLUG", after=after, limit=limit + 1)
            for slug, tenant_id in led:
                after = slug
                tenant = await self._kept.find(tenant_id)
                # One whose making was cut short has a name only: the same operation makes it.
                if tenant is not None:
                    found.append(tenant)
            if len(led) <= limit:
                break
        return found[:limit], len(found) > limit

    async def find(self, principal: Principal, tenant_id: UUID) -> TenantRecord:
        """
        Raises:
            Forbidden, NotFound.
        """
        principal.require(Action.OPERATE)
        return await self._tenant(tenant_id)

    async def create(
        self,
        principal: Principal,
        *,
        slug: str,
        name: str,
        plan: Plan,
        owner_email: str,
        owner_name: str | None,
        operation_id: str | None = None,
    ) -> Created:
        """A new tenant, whose first owner is invited.

        It takes two transactions, the name's and the tenant's own. Whatever happens between them,
        the same operation asked again goes on where it was.

        Raises:
            Forbidden; InvalidInput: with every problem, a slug that is taken among them.
            IdempotencyKeyReused.
        """
        principal.require(Action.OPERATE)
        operation_id = operation_id_of(operation_id)
        name, email, owner_name = _new(slug, name, owner_email, owner_name)

        async def take_name(change: Change) -> dict[str, str]:
            tenant_id = new_id()
            if slug == SYSTEM_SLUG or not await lead(
                change.session, "SLUG", slug, tenant_id, change.at
            ):
                message = f"Another tenant is called {slug}."
                raise InvalidInput.of(
                    [Problem("input.slug", "CONTRADICTION", message, "Choose another slug.")]
                )
            await change.note("tenant.created", "tenant", tenant_id, slug=slug, plan=plan.value)
            return {"tenant": str(tenant_id), "invitation": str(new_id())}

        asked = [slug, name, plan.value, email, owner_name]
        named = await self._administration.change(
            principal, "createTenant", asked, operation_id, take_name, tenant_id=SYSTEM
        )
        tenant_id = named.id("tenant")
        told: list[str] = []

        async def make(change: Change) -> dict[str, str]:
            await tenants.add(
                change.session,
                TenantRecord(
                    tenant_id=tenant_id, slug=slug, name=name, plan=plan.value, created_at=change.at
                ),
            )
            secret = Secret.new(PREFIX, tenant_id, named.id("invitation"))
            await change.note("tenant.created", "tenant", tenant_id, plan=plan.value)
            await add(change, secret, email=email, name=owner_name, role=Role.OWNER)
            told.append(secret.text)
            return named.answer

        made = await self._administration.change(
            principal, "createTenant", asked, operation_id, make, tenant_id=tenant_id
        )
        return Created(await self._tenant(tenant_id), told[-1] if made.fresh else None)

    async def suspend(
        self, principal: Principal, tenant_id: UUID, reason: str, operation_id: str | None = None
    ) -> TenantRecord:
        """Let nobody of the tenant in, for a reason that they read. Nothing is lost.

        Raises:
            Forbidden, NotFound, InvalidInput.
        """
        principal.require(Action.OPERATE)
        reason = reason_of(reason)

        async def work(change: Change, tenant: TenantRecord) -> None:
            if (tenant.state, tenant.state_reason) == ("SUSPENDED", reason):
                return
            await tenants.change(
                change.session,
                tenant,
                state="SUSPENDED",
                state_reason=reason,
                state_since=change.at,
            )
            await change.note("tenant.suspended", "tenant", tenant_id, reason=reason)

        asked = [str(tenant_id), reason]
        return await self._operate(principal, "suspendTenant", tenant_id, asked, operation_id, work)

    async def resume(
        self, principal: Principal, tenant_id: UUID, operation_id: str | None = None
    ) -> TenantRecord:
        """Let the tenant's members in again.

        Raises:
            Forbidden, NotFound.
        """

        async def work(change: Change, tenant: TenantRecord) -> None:
            if tenant.state == "ACTIVE":
                return
            await tenants.change(
                change.session, tenant, state="ACTIVE", state_reason=None, state_since=change.at
            )
            await change.note("tenant.resumed", "tenant", tenant_id)

        asked = str(tenant_id)
        return await self._operate(principal, "resumeTenant", tenant_id, asked, operation_id, work)

    async def set_contract(
        self,
        principal: Principal,
        tenant_id: UUID,
        contract: Mapping[str, Any],
        operation_id: str | None = None,
    ) -> TenantRecord:
        """What the tenant has instead of what its plan says: all of it; nothing, without entries.

        ``contract``: by the names of `Limits`; days for how long; ``features`` are added.

        Raises:
            Forbidden, NotFound; InvalidInput: with every number that cannot be meant.
        """
        principal.require(Action.OPERATE)
        agreed = _agreed(contract)

        async def work(change: Change, tenant: TenantRecord) -> None:
            settings: dict[str, Any] = orjson.loads(tenant.settings)
            settings.pop("contract", None)
            if agreed:
                settings["contract"] = agreed
            await tenants.change(change.session, tenant, settings=canonical_text(settings))
            await change.note("tenant.contract_changed", "tenant", tenant_id, contract=agreed)

        asked = [str(tenant_id), agreed]
        return await self._operate(principal, "setContract", tenant_id, asked, operation_id, work)

    async def change_plan(
        self,
        principal: Principal,
        plan: Plan,
        tenant_id: UUID | None = None,
        operation_id: str | None = None,
    ) -> TenantRecord:
        """Buy another plan: an owner for their own tenant, an operator for any.

        What is there beyond the new plan's limits stays; there will only be no more of it.

        Raises:
            Forbidden, NotFound, IdempotencyKeyReused.
        """
        whose = principal.tenant_id if tenant_id is None else tenant_id
        principal.require(Action.MANAGE_PLAN if whose == principal.tenant_id else Action.OPERATE)

        async def work(change: Change) -> dict[str, str]:
            tenant = await _there(change.session, whose)
            before = Plan(tenant.plan)
            if before is plan:
                return {"tenant": str(whose)}
            await tenants.change(change.session, tenant, plan=plan.value)
            if self._prorate is not None:
                await self._prorate(change, before, plan)
            await change.note(
                "tenant.plan_changed", "tenant", whose, before=before.value, after=plan.value
            )
            return {"tenant": str(whose)}

        asked = [str(whose), plan.value]
        await self._administration.change(
            principal, "changePlan", asked, operation_id, work, tenant_id=whose
        )
        return await self._tenant(whose)

    async def _operate(
        self,
        principal: Principal,
        verb: str,
        tenant_id: UUID,
        asked: Any,
        operation_id: str | None,
        effect: Effect,
    ) -> TenantRecord:
        principal.require(Action.OPERATE)

        async def work(change: Change) -> dict[str, str]:
            await effect(change, await _there(change.session, tenant_id))
            return {"tenant": str(tenant_id)}

        await self._administration.change(
            principal, verb, asked, operation_id, work, tenant_id=tenant_id
        )
        return await self._tenant(tenant_id)

    async def _tenant(self, tenant_id: UUID) -> TenantRecord:
        tenant = await self._kept.find(tenant_id)
        if tenant is None:
            raise no_tenant()
        return tenant


def reason_of(given: str, at: str = "reason") -> str:
    """A reason as people read it.

    Raises:
        InvalidInput: for none, or one that is too long or cannot be shown on one line.
    """
    reason = given.strip()
    if not is_readable(reason, REASON_MOST):
        message = f"A reason is one line of 1 to {REASON_MOST} characters that can be seen."
        mend = "Say in a sentence why, for those who will read it."
        raise InvalidInput.of([Problem(at, "WRONG_LENGTH", message, mend)])
    return reason


def no_tenant() -> NotFound:
    return NotFound("There is no such tenant.")


def _new(
    slug: str, name: str, owner_email: str, owner_name: str | None
) -> tuple[str, str, str | None]:
    """Name, owner's address and owner's name, as they are kept, if all of it can be."""
    problems: list[Problem] = []
    if not _SLUG.fullmatch(slug):
        message = "A slug has 1 to 63 small letters, digits and hyphens, none of these at an end."
        problems.append(Problem("input.slug", "WRONG_TYPE", message, "Give one like acme-capital."))
    name = name_of(name, "input.name", problems)
    email, called = owner_email, owner_name
    try:
        email, called = checked(owner_email, owner_name, at="input.owner.")
    except InvalidInput as no:
        problems += no.problems
    if problems:
        raise InvalidInput.of(problems)
    return name, email, called


def _agreed(contract: Mapping[str, Any]) -> dict[str, Any]:
    """A contract as it is kept, if every number of it can be meant."""
    problems: list[Problem] = []
    agreed: dict[str, Any] = {}
    for name, (least, most) in CONTRACT.items():
        value = contract.get(name)
        if value is None:
            continue
        if type(value) is not int or not least <= value <= most:
            message = f"It must be a whole number from {least:,} to {most:,}."
            mend = f"Give a number from {least:,} to {most:,}, or leave it out for the plan's."
            at = f"contract.{name}{'_days' if name.endswith('_kept') else ''}"
            problems.append(Problem(at, "OUT_OF_RANGE", message, mend))
        agreed[name] = value
    features = [Feature[name].name for name in contract.get("features") or ()]
    if features:
        agreed["features"] = sorted(set(features))
    if problems:
        raise InvalidInput.of(problems)
    return agreed


async def _there(session: WriteSession, tenant_id: UUID) -> TenantRecord:
    """The tenant that an operator changes; the system's own is not one of them."""
    tenant = await tenants.find(session)
    if tenant is None:
        raise no_tenant()
    if tenant_id == SYSTEM:
        raise Forbidden("The system's tenant is what it is.")
    return tenant
