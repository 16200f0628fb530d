"""What a request would cost and what is left of the budget, as the schema says it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.cost import Work
from resolvers.plans import PLAN
from resolvers.scalars import Variables
from services.admission import LetIn
from services.errors import Unauthenticated
from services.metering import Charge, Part
from services.plans import Plan


@strawberry.type(description="What one field of a request costs, without those below it.")
class CostPart:
    path: str = strawberry.field(description="Response keys, such as `valueDcf.simulation`.")
    field: str = strawberry.field(description="Of the schema, such as `DcfValuation.simulation`.")
    work: Work = strawberry.field(description="What kind of work it is.")
    points: float = strawberry.field(description="About milliseconds of one core.")
    how: str | None = strawberry.field(
        description="Where the points come from, in words. Null: there is nothing to say."
    )

    @classmethod
    def of(cls, part: Part) -> CostPart:
        return cls(
            path=part.path,
            field=part.field,
            work=Work(part.work.upper()),
            points=part.points,
            how=part.how or None,
        )


@strawberry.type(description="How a bucket of the tenant's budget stands. It fills all the time.")
class BudgetBucket:
    limit: int = strawberry.field(description="What the plan has a minute: a full bucket.")
    remaining: int = strawberry.field(description="What is left now, after this request.")
    reset_at: datetime = strawberry.field(
        description="When it is full again if nothing more is asked, UTC."
    )


@strawberry.type(description="The tenant's budget: of both, a request takes.")
class RateLimit:
    requests: BudgetBucket = strawberry.field(description="Requests.")
    points: BudgetBucket = strawberry.field(
        description="Points: one is about a millisecond of the engine's work on one core."
    )

    @classmethod
    def of(cls, state: Charge) -> RateLimit:
        return cls(
            requests=BudgetBucket(
                limit=state.limits.requests_per_minute,
                remaining=state.requests_left,
                reset_at=state.at + timedelta(seconds=state.requests_full_in_s),
            ),
            points=BudgetBucket(
                limit=state.limits.points_per_minute,
                remaining=state.points_left,
                reset_at=state.reset_at,
            ),
        )


@strawberry.type(description="What a request would cost, without its being run.")
class RequestCost:
    points: int | None = strawberry.field(
        description="What it would be charged at first, at least 1; null: it would not run."
    )
    parts: list[CostPart] = strawberry.field(description="The dearest first.")
    complaints: list[str] = strawberry.field(
        description="Why it would not run; none: it would, with variables of the right types."
    )
    limit: int = strawberry.field(description="Points that the tenant's plan has a minute.")
    fits: bool = strawberry.field(description="Whether a minute has as many points as it costs.")
    plan: Plan | None = strawberry.field(
        graphql_type=PLAN | None,
        description="The smallest plan whose minute has so many. Null: none has, or it costs none.",
    )


Document: TypeAlias = Annotated[
    str, strawberry.argument(description="The document that would be sent.")
]
Given: TypeAlias = Annotated[
    Variables | None, strawberry.argument(description="Those that would be sent with it.")
]
Operation: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="The operation's name, where the document has several."),
]


@strawberry.type
class PricingQuery:
    @strawberry.field(
        description="What a request would cost, part by part. It is not run; this costs 1 point."
    )
    async def cost(
        self,
        info: Info,
        query: Document,
        variables: Given = None,
        operation_name: Operation = None,
    ) -> RequestCost:
        pricing = info.context.services.pricing
        found = await pricing.estimate(
            info.context.principal, query, variables or {}, operation_name
        )
        state = await pricing.state(_let_in(info))
        price, limit = found.price, state.limits.points_per_minute
        parts = sorted(price.parts, key=lambda part: -part.points) if price else []
        return RequestCost(
            points=None if price is None else price.points,
            parts=[CostPart.of(part) for part in parts],
            complaints=list(found.complaints),
            limit=limit,
            fits=price is not None and price.points <= limit,
            plan=None if price is None else pricing.smallest(price),
        )

    @strawberry.field(description="How the tenant's budget stands, after this request.")
    async def rate_limit(self, info: Info) -> RateLimit:
        return RateLimit.of(await info.context.services.pricing.state(_let_in(info)))


def _let_in(info: Info) -> LetIn:
    if info.context.let_in is None:
        raise Unauthenticated
    return info.context.let_in
