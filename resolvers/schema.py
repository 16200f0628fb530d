"""The one schema, put together. `valor schema` prints it into ``schema.graphql``."""

from __future__ import annotations

import strawberry
from graphql import GraphQLInputObjectType
from strawberry.schema.config import StrawberryConfig

from resolvers.calls import DEFINITION, call_directly
from resolvers.collaboration import CollaborationMutation, CollaborationSubscription
from resolvers.companies import CompanyMutation, CompanyQuery
from resolvers.financial_models import ModelMutation, ModelQuery
from resolvers.nodes import NodeQuery
from resolvers.refusal import ErrorCode
from resolvers.runs import RunMutation, RunQuery, RunSubscription
from resolvers.scalars import SCALARS
from resolvers.service_levels import ServiceLevelQuery
from resolvers.sessions import SessionMutation
from resolvers.tenants import TenantQuery
from resolvers.valuations.comparables import ComparablesMutation
from resolvers.valuations.credit import CreditMutation
from resolvers.valuations.dcf import DcfMutation
from resolvers.valuations.football import FootballQuery
from resolvers.valuations.kinds import TYPES, ValuationQuery
from resolvers.valuations.lbo import LboMutation
from resolvers.valuations.merger import MergerMutation
from resolvers.valuations.workbooks import WorkbookQuery


@strawberry.type(description="What is known.")
class Query(
    NodeQuery,
    TenantQuery,
    ModelQuery,
    RunQuery,
    ValuationQuery,
    FootballQuery,
    WorkbookQuery,
    CompanyQuery,
    ServiceLevelQuery,
):
    pass


@strawberry.type(description="What is decided. Each answers with what came out, or a `Refusal`.")
class Mutation(
    DcfMutation,
    LboMutation,
    MergerMutation,
    ComparablesMutation,
    CreditMutation,
    ModelMutation,
    CollaborationMutation,
    RunMutation,
    CompanyMutation,
    SessionMutation,
):
    pass


# What can be followed: classes with `@strawberry.subscription` fields, mixed into one root.
STREAMS: tuple[type, ...] = (CollaborationSubscription, RunSubscription)


def build_schema() -> strawberry.Schema:
    """A schema of its own for each application: resolvers are timed in place."""
    root = type("Subscription", STREAMS, {})
    followed = "What happens, as it happens. A stream ends with an error where it cannot go on."
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=strawberry.type(root, description=followed) if STREAMS else None,
        types=[*TYPES.values(), ErrorCode],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=False),
    )
    # Strawberry looks after @oneOf itself, and cannot say where in an input the flaw is. Once
    # graphql-core knows of it, such a flaw has its path like any other.
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - Strawberry offers no other way
        if isinstance(kind, GraphQLInputObjectType):
            kind.is_one_of = kind.extensions[DEFINITION].is_one_of
    call_directly(schema)
    return schema
