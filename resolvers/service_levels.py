"""Promises and health: how well the service does, in the schema that it serves."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from services.service_levels import Report, SloStatus


@strawberry.enum(description="Whose requests are counted.")
class SloScope(StrEnum):
    PROCESS = "PROCESS"
    TENANT = "TENANT"


@strawberry.enum(description="How a promise stands over its live window.")
class SloState(StrEnum):
    MET = "MET"
    BREACHED = "BREACHED"
    NO_DATA = "NO_DATA"


@strawberry.type(description="What may go wrong before the promise is broken, in events.")
class ErrorBudget:
    window_seconds: float = strawberry.field(description="What the budget runs over, in seconds.")
    covered_seconds: float = strawberry.field(
        description="How many seconds of it were counted; fewer than all after a start."
    )
    valid: int = strawberry.field(description="Events that count.")
    allowed: float = strawberry.field(description="Events that may be bad.")
    spent: int = strawberry.field(description="Events that were.")
    remaining: float | None = strawberry.field(
        description="Share of the budget that is left, below 0 when overspent; null without events."
    )


@strawberry.type(name="SloStatus", description="Where one objective stands.")
class ObjectiveStatus:
    name: str = strawberry.field(description="As in the catalogue.")
    sli: str = strawberry.field(description="What is measured: availability or latency.")
    operation: str | None = strawberry.field(
        description="The field that the promise is about; null: all of them."
    )
    target: float = strawberry.field(description="Share of valid events that shall be good.")
    within_seconds: float | None = strawberry.field(
        description="For latency: how many seconds a good event takes at the most."
    )
    window_seconds: float = strawberry.field(description="The live window, in seconds.")
    state: SloState = strawberry.field(description="Over the live window.")
    good: int = strawberry.field(description="Good events in the live window.")
    valid: int = strawberry.field(description="Events that count in the live window.")
    compliance: float | None = strawberry.field(
        description="Good share of the events that count; null without events, never 1."
    )
    burn_rate: float | None = strawberry.field(
        description="1: at this pace the budget ends with its window; 0: nothing burns."
    )
    exhausted_in_seconds: float | None = strawberry.field(
        description=(
            "Seconds until the budget is gone at this pace; 0 when it is, null when nothing burns."
        )
    )
    budget: ErrorBudget = strawberry.field(description="What may still go wrong.")

    @classmethod
    def of(cls, status: SloStatus) -> ObjectiveStatus:
        objective, where, budget = status.objective, status.standing, status.standing.budget
        return cls(
            name=objective.name,
            sli=objective.sli.value,
            operation=objective.operation,
            target=float(objective.target),
            within_seconds=objective.within_s,
            window_seconds=float(objective.window_s),
            state=SloState(where.state.value),
            good=status.live.good,
            valid=status.live.valid,
            compliance=_float(where.compliance),
            burn_rate=_float(where.burn_rate),
            exhausted_in_seconds=where.exhausted_in_s,
            budget=ErrorBudget(
                window_seconds=float(status.budget_window_s),
                covered_seconds=status.covered_s,
                valid=status.budgeted.valid,
                allowed=float(budget.allowed),
                spent=budget.spent,
                remaining=_float(budget.remaining),
            ),
        )


@strawberry.enum(description="How a check stands. WARN: it works, but look at it.")
class HealthState(StrEnum):
    PASS = "PASS"  # noqa: S105 - the word for healthy
    WARN = "WARN"
    FAIL = "FAIL"


@strawberry.type(description="One thing that the service depends on.")
class HealthCheck:
    name: str = strawberry.field(description="What is looked at.")
    state: HealthState = strawberry.field(description="What was found.")
    critical: bool = strawberry.field(description="Whether the service is down without it.")
    latency_ms: float = strawberry.field(description="Milliseconds that the look took.")
    detail: str | None = strawberry.field(
        description="What was found, in words; null: nothing to say."
    )


@strawberry.type(description="Every check, looked at now.")
class Health:
    state: HealthState = strawberry.field(description="The worst of the checks.")
    version: str = strawberry.field(description="Of the server.")
    draining: bool = strawberry.field(description="Whether this process takes no more work.")
    checks: list[HealthCheck] = strawberry.field(
        description="Each thing that the service depends on."
    )

    @classmethod
    def of(cls, report: Report, version: str) -> Health:
        return cls(
            state=HealthState(report.state.value),
            version=version,
            draining=report.draining,
            checks=[
                HealthCheck(
                    name=check.name,
                    state=HealthState(check.state.value),
                    critical=check.critical,
                    latency_ms=check.latency_ms,
                    detail=check.detail,
                )
                for check in report.checks
            ],
        )


Names: TypeAlias = Annotated[
    list[str] | None,
    strawberry.argument(description="Of the objectives; null or left out: every one."),
]
Scope: TypeAlias = Annotated[
    SloScope,
    strawberry.argument(
        description="Whether everybody's requests count, or the caller's tenant's."
    ),
]


@strawberry.type
class ServiceLevelQuery:
    @strawberry.field(
        description="Where the service's promises stand, as counted in the answering process."
    )
    def slo_status(
        self,
        info: Info,
        names: Names = None,
        scope: Scope = SloScope.PROCESS,
    ) -> list[ObjectiveStatus]:
        statuses = info.context.services.service_levels.status(
            info.context.principal, names, own_only=scope is SloScope.TENANT
        )
        return [ObjectiveStatus.of(status) for status in statuses]

    @strawberry.field(description="What the service depends on, and how that is.")
    async def health(self, info: Info) -> Health:
        levels = info.context.services.service_levels
        return Health.of(await levels.health(info.context.principal), levels.version)


def _float(share: object) -> float | None:
    return None if share is None else float(share)  # type: ignore[arg-type] # a Fraction
