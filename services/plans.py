"""What was bought, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from services.errors import QuotaExceeded


class Plan(StrEnum):
    FREE = "FREE"
    PRO = "PRO"
    ENTERPRISE = "ENTERPRISE"


class Feature(StrEnum):
    """Something that a plan has or has not."""

    COLLABORATION = "several members in models at one time"
    WEBHOOKS = "webhooks"
    BRANDING = "branding of its own"
    IDENTITY_PROVIDER = "an identity provider of its own"
    OWN_OBJECTIVES = "objectives of its own"
    OPERATOR_GRANTS = "a say in operators' ways in"
    AUDIT_EXPORT = "export of the audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit, or by contract."""

    requests_per_minute: int
    points_per_minute: int  # one is about a millisecond of the engine's work on one core
    runs: int  # at one time
    trials: int  # of one run
    models: int | None  # that are not archived
    members: int | None
    valuations_kept: timedelta | None
    audit_kept: timedelta | None
    features: frozenset[Feature]

    def under(self, contract: Mapping[str, Any]) -> Limits:
        """With what a contract says instead: by the fields' names; days for how long."""
        found: dict[str, Any] = {}
        for field in fields(self):
            if field.name in contract:
                value = contract[field.name]
                if field.name.endswith("_kept") and value is not None:
                    value = timedelta(days=value)
                elif field.name == "features":
                    value = self.features | {Feature[name] for name in value}
                found[field.name] = value
        return replace(self, **found) if found else self


_PRO: Final = frozenset({Feature.COLLABORATION, Feature.WEBHOOKS, Feature.BRANDING})
LIMITS: Final[dict[Plan, Limits]] = {
    Plan.FREE: Limits(
        requests_per_minute=100,
        points_per_minute=1_000,
        runs=1,
        trials=100_000,
        models=20,
        members=3,
        valuations_kept=timedelta(days=30),
        audit_kept=timedelta(days=90),
        features=frozenset(),
    ),
    Plan.PRO: Limits(
        requests_per_minute=500,
        points_per_minute=20_000,
        runs=4,
        trials=5_000_000,
        models=1_000,
        members=50,
        valuations_kept=timedelta(days=400),
        audit_kept=timedelta(days=730),
        features=_PRO,
    ),
    Plan.ENTERPRISE: Limits(
        requests_per_minute=2_000,
        points_per_minute=200_000,
        runs=16,
        trials=100_000_000,
        models=None,
        members=None,
        valuations_kept=None,
        audit_kept=None,
        features=frozenset(Feature),
    ),
}


def require_feature(plan: Plan, limits: Limits, feature: Feature) -> None:
    """
    Raises:
        QuotaExceeded: if the plan has not got it, with the first one that has.
    """
    if feature not in limits.features:
        having = next(each for each in Plan if feature in LIMITS[each].features)
        raise QuotaExceeded(
            f"The {plan} plan has no {feature.value}. It comes with the {having} plan."
        )
