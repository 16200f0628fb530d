"""The one schema, put together. `valor schema` prints it into ``schema.graphql``."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.companies import CompanyQuery
from resolvers.refusal import ErrorCode, RefusedHandler
from resolvers.scalars import SCALARS
from resolvers.service_levels import ServiceLevelQuery
from resolvers.tenants import TenantQuery
from resolvers.valuations.dcf import DcfMutation, DcfValuation, ValuationQuery


@strawberry.type(description="What is known.")
class Query(TenantQuery, ValuationQuery, CompanyQuery, ServiceLevelQuery):
    pass


@strawberry.type(description="What is decided. Each answers with what came out, or a `Refusal`.")
class Mutation(DcfMutation):
    pass


def build_schema() -> strawberry.Schema:
    """A schema of its own for each application: resolvers are timed in place."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=[DcfValuation, ErrorCode],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=False),
        exception_handlers=[RefusedHandler()],
    )
