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
    models: int | None  # that are not archived
    runs: int  # at one time
    trials: int  # of one run


LIMITS: Final[dict[Plan, Limits]] = {
    Plan.FREE: Limits(valuations_kept=timedelta(days=30), models=20, runs=1, trials=100_000),
    Plan.PRO: Limits(valuations_kept=timedelta(days=400), models=1_000, runs=4, trials=5_000_000),
    Plan.ENTERPRISE: Limits(valuations_kept=None, models=None, runs=16, trials=100_000_000),
}
