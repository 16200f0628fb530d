"""What was bought, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Plan(StrEnum):
    FREE = "FREE"
    PRO = "PRO"
    ENTERPRISE = "ENTERPRISE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit, or by contract."""

    valuations_kept: timedelta | None


LIMITS: Final[dict[Plan, Limits]] = {
    Plan.FREE: Limits(valuations_kept=timedelta(days=30)),
    Plan.PRO: Limits(valuations_kept=timedelta(days=400)),
    Plan.ENTERPRISE: Limits(valuations_kept=None),
}
