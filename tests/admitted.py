"""Admission of everybody, for tests in which nobody asks who they are or what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from observability.logs import Logs
from services.admission import Admission
from services.metering import Budget
from services.plans import LIMITS, Plan
from services.principal import Principal
from services.standing import Standing
from services.switches import Switches

# A tenant's settings, for tests that ask more than any plan's minute holds.
LIFTED: Final = '{"contract":{"points_per_minute":100000000,"requests_per_minute":1000000}}'


class Everybody:
    """All are still who they say, on the largest plan."""

    async def of(self, principal: Principal) -> Standing:
        return Standing(
            plan=Plan.ENTERPRISE,
            limits=LIMITS[Plan.ENTERPRISE].under({"requests_per_minute": 10**6}),
            origins=frozenset(),
            only_trusted=False,
            second_factor=False,
            suspended=None,
            principal=principal,
        )


class Uncounted:
    """Nobody looks at what was used."""

    def count(self, tenant_id: UUID, amounts: Mapping[str, int]) -> None:
        """Nothing."""


class Unseen:
    """Nobody puts on record who looks, in tests of something else."""

    async def saw(self, *_: object, **_details: object) -> None:
        """Nothing is kept."""

    async def saw_all(self, *_: object) -> None:
        """Nothing is kept."""

    async def took(self, *_: object, **_details: object) -> None:
        """Nothing is kept."""


class Switched:
    """The one service that every operation asks: nobody has stopped anything."""

    def __init__(self) -> None:
        unused: Any = None
        self.stopped = Switches(unused, unused, Logs("CRITICAL").get("test"))


class NoServices:
    """For schemas whose resolvers ask no service."""

    tenancy = Switched()


SERVICES: Final[Any] = NoServices()


def admission() -> Admission:
    return Admission(Everybody(), Budget(Logs("CRITICAL").get("test")), Uncounted())
