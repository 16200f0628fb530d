"""Plans: what can be bought, what a tenant has of it, and what it used."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from resolvers.context import Info
from services.plans import LIMITS, Feature, Limits, Plan
from services.principal import Action
from services.usage import Quota, QuotaName, Used

PLAN = strawberry.enum(Plan, description="What a tenant bought.")
FEATURE = strawberry.enum(Feature, description="Something that a plan has or has not.")
QUOTA_NAME = strawberry.enum(QuotaName, description="Something of which a plan holds so many.")


@strawberry.type(description="What a plan, or a contract, holds. Null: no limit, or by contract.")
class PlanLimits:
    requests_per_minute: int = strawberry.field(description="Requests a minute.")
    points_per_minute: int = strawberry.field(
        description="Points a minute: one is about a millisecond of the engine's work on one core."
    )
    runs: int = strawberry.field(description="Runs at one time.")
    trials: int = strawberry.field(description="Trials of one run.")
    models: int | None = strawberry.field(description="Models that are not archived.")
    members: int | None = strawberry.field(
        description="Members: people, service accounts and open invitations."
    )
    valuations_kept_days: int | None = strawberry.field(description="Days a valuation is kept.")
    audit_kept_days: int | None = strawberry.field(description="Days the audit is kept.")
    features: list[Feature] = strawberry.field(description="What comes with it.")

    @classmethod
    def of(cls, limits: Limits) -> PlanLimits:
        return cls(
            requests_per_minute=limits.requests_per_minute,
            points_per_minute=limits.points_per_minute,
            runs=limits.runs,
            trials=limits.trials,
            models=limits.models,
            members=limits.members,
            valuations_kept_days=_days(limits.valuations_kept),
            audit_kept_days=_days(limits.audit_kept),
            features=[feature for feature in Feature if feature in limits.features],
        )


@strawberry.type(description="A plan as it is offered.")
class PlanOffer:
    plan: Plan = strawberry.field(description="Its name.")
    description: str = strawberry.field(description="For whom it is, in words.")
    limits: PlanLimits = strawberry.field(description="What it holds, where no contract differs.")


@strawberry.type(description="How much there is of something that a plan counts.")
class QuotaStatus:
    name: QuotaName = strawberry.field(description="Of what.")
    used: int = strawberry.field(description="How many there are now.")
    limit: int | None = strawberry.field(description="How many there may be; null: no limit.")
    left: int | None = strawberry.field(description="How many more there may be; null: no limit.")

    @classmethod
    def of(cls, quota: Quota) -> QuotaStatus:
        return cls(name=quota.name, used=quota.used, limit=quota.limit, left=quota.left)


@strawberry.type(description="How much of something was used on a day, UTC.")
class UsageDay:
    day: str = strawberry.field(description="The day, as 2026-11-23.")
    metric: str = strawberry.field(
        description="What was counted, in small letters: requests, points, points by kind of work."
    )
    amount: float = strawberry.field(description="How much: a whole number.")

    @classmethod
    def of(cls, used: Used) -> UsageDay:
        return cls(day=used.day, metric=used.metric, amount=float(used.amount))


_WORDS = {
    Plan.FREE: "For one analyst who tries it: every kind of valuation, one model open at a time.",
    Plan.PRO: "For a team that works together in models, under its own name.",
    Plan.ENTERPRISE: (
        "For a firm with an identity provider and an auditor of its own; numbers by contract."
    ),
}


@strawberry.type
class PlanQuery:
    @strawberry.field(description="What can be bought: every plan with its limits and features.")
    def plans(self, info: Info) -> list[PlanOffer]:
        info.context.principal.require(Action.READ_TENANT)
        return [
            PlanOffer(plan=plan, description=_WORDS[plan], limits=PlanLimits.of(LIMITS[plan]))
            for plan in Plan
        ]


def _days(length: timedelta | None) -> int | None:
    return None if length is None else length.days
