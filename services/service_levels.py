"""Service levels and health, as they are counted in this process."""

from __future__ import annotations

from collections.abc import Sequence

from observability.health import Report
from observability.watch import SloStatus, Watch
from services.errors import NotFound
from services.principal import Action, Principal

__all__ = ["Report", "ServiceLevels", "SloStatus"]


class ServiceLevels:
    """How well promises are kept, and what the service depends on."""

    def __init__(self, watch: Watch, version: str) -> None:
        self._watch = watch
        self.version = version

    def status(
        self, principal: Principal, names: Sequence[str] | None, own_only: bool
    ) -> list[SloStatus]:
        """Every objective, or the named ones; of the caller's tenant alone with ``own_only``.

        Raises:
            Forbidden; NotFound: for a name that is no objective.
        """
        principal.require(Action.READ_SERVICE_LEVEL)
        known = self._watch.slo_status(str(principal.tenant_id) if own_only else None)
        if names is None:
            return list(known)
        by_name = {status.objective.name: status for status in known}
        strange = [name for name in names if name not in by_name]
        if strange:
            raise NotFound(
                f"There is no objective “{strange[0]}”. There are: {', '.join(by_name)}."
            )
        return [by_name[name] for name in dict.fromkeys(names)]

    async def health(self, principal: Principal) -> Report:
        """Every check, now: under a tenth of a second."""
        principal.require(Action.READ_SERVICE_LEVEL)
        return await self._watch.health.report()
