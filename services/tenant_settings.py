"""What a tenant decides about itself: its name, whose pages may ask for it, which documents run."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.contents import canonical_text
from services.errors import Conflict
from services.members import name_of
from services.operators import no_tenant
from services.principal import Action, Principal
from services.standing import Standings
from store import tenants
from store.directory import Directory
from store.tenants import TenantRecord, Tenants

ORIGINS_MOST: Final = 20
_ORIGIN: Final = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be changed; None: as it is."""

    name: str | None = None
    origins: Sequence[str] | None = None
    only_trusted: bool | None = None
    second_factor: bool | None = None
    base_revision: int | None = None  # that the caller saw; None: whatever it is


class TenantSettings:
    """The caller's own."""

    def __init__(
        self,
        kept: Tenants,
        directory: Directory,
        administration: Administration,
        standings: Standings,
    ) -> None:
        self._kept, self._directory = kept, directory
        self._administration, self._standings = administration, standings

    async def update(
        self, principal: Principal, wanted: Wanted, operation_id: str | None = None
    ) -> TenantRecord:
        """Change what is wanted, all of it or nothing.

        Raises:
            Forbidden, IdempotencyKeyReused; InvalidInput: with every problem.
            Conflict: if somebody changed the tenant since the revision that was seen.
        """
        principal.require(Action.MANAGE_TENANT)
        name, origins = _checked(wanted)

        async def work(change: Change) -> dict[str, Any]:
            before = await tenants.find(change.session)
            if before is None:
                raise no_tenant()
            if wanted.base_revision not in (None, before.revision):
                raise Conflict(
                    f"Somebody changed the tenant since: it is at revision {before.revision}. "
                    "Look at what stands there now."
                )
            settings: dict[str, Any] = orjson.loads(before.settings)
            was = settings.get("origins") or []
            if origins is not None:
                settings["origins"] = origins
            if wanted.only_trusted is not None:
                settings["onlyTrusted"] = wanted.only_trusted
            if wanted.second_factor is not None:
                settings["secondFactor"] = wanted.second_factor
            await tenants.change(
                change.session,
                before,
                name=before.name if name is None else name,
                settings=canonical_text(settings),
            )
            await change.note(
                "tenant.updated",
                "tenant",
                before.tenant_id,
                revision=before.revision + 1,
                renamed=name is not None and name != before.name,
                origins=origins,
                only_trusted=wanted.only_trusted,
                second_factor=wanted.second_factor,
            )
            return {"gone": sorted(set(was) - set(settings.get("origins") or []))}

        asked = [name, origins, wanted.only_trusted, wanted.second_factor, wanted.base_revision]
        made = await self._administration.change(
            principal, "updateTenant", asked, operation_id, work
        )
        tenant = await self._settled(principal.tenant_id, made.answer["gone"])
        self._standings.changed(principal.tenant_id)
        return tenant

    async def _settled(self, tenant_id: UUID, gone: Sequence[str]) -> TenantRecord:
        """The tenant, once the directory leads from its origins to it, and from no other.

        That is another transaction than the change: so it goes on until nothing changed meanwhile,
        and a repeat of the operation does it again.
        """
        tenant, seen = await self._tenant(tenant_id), 0
        while tenant.revision != seen:
            seen = tenant.revision
            now = orjson.loads(tenant.settings).get("origins") or []
            for origin in now:
                await self._directory.put("ORIGIN", origin_name(origin, tenant_id), tenant_id)
            for origin in set(gone) - set(now):
                await self._directory.remove("ORIGIN", origin_name(origin, tenant_id))
            tenant = await self._tenant(tenant_id)
        return tenant

    async def _tenant(self, tenant_id: UUID) -> TenantRecord:
        tenant = await self._kept.find(tenant_id)
        if tenant is None:
            raise no_tenant()
        return tenant


def origin_name(origin: str, tenant_id: UUID) -> str:
    """What leads from an origin to one of the tenants that let its pages ask."""
    return f"{origin} {tenant_id}"


def _checked(wanted: Wanted) -> tuple[str | None, list[str] | None]:
    problems: list[Problem] = []
    name = None if wanted.name is None else name_of(wanted.name, "input.name", problems)
    origins = None if wanted.origins is None else sorted(set(wanted.origins))
    for number, origin in enumerate(wanted.origins or ()):
        why = _flaw(origin)
        if why is not None:
            mend = "Give the page's origin as browsers send it, such as https://app.example.com."
            problems.append(Problem(f"input.origins[{number}]", "WRONG_TYPE", why, mend))
    if origins is not None and len(origins) > ORIGINS_MOST:
        message = f"A tenant has at most {ORIGINS_MOST} origins."
        problems.append(
            Problem("input.origins", "TOO_LARGE", message, "Leave out those not in use.")
        )
    if problems:
        raise InvalidInput.of(problems)
    return name, origins


def _flaw(origin: str) -> str | None:
    """What is wrong with an origin; None: nothing."""
    shown = origin[:80]
    if not _ORIGIN.fullmatch(origin):
        return f"“{shown}” is no origin: scheme, host and port, in small letters, and no path."
    try:
        parts = urlsplit(origin)
    except ValueError:
        return f"“{shown}” has no such host."
    try:
        if parts.port is not None and not 0 < parts.port < 65_536:
            return f"“{shown}” has no such port."
    except ValueError:
        return f"“{shown}” has no such port."
    if parts.port == {"https": 443, "http": 80}[parts.scheme]:
        return f"“{shown}” names the port that browsers leave out."
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        return f"“{shown}” is not encrypted: somebody on the way could be the page."
    return None


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
