"""The one schema, put together. `valor schema` prints it into ``schema.graphql``."""

from __future__ import annotations

import strawberry
from graphql import GraphQLInputObjectType
from strawberry.schema.config import StrawberryConfig

from resolvers.access import AccessMutation, AccessQuery
from resolvers.audit import AuditQuery
from resolvers.calls import DEFINITION, call_directly
from resolvers.collaboration import CollaborationMutation, CollaborationSubscription
from resolvers.companies import CompanyMutation, CompanyQuery
from resolvers.cost import price_fields
from resolvers.financial_models import ModelMutation, ModelQuery
from resolvers.holds import HoldMutation, HoldQuery
from resolvers.identity_providers import IdentityProviderMutation, IdentityProviderQuery
from resolvers.members import MemberMutation
from resolvers.nodes import NodeQuery
from resolvers.operator_grants import OperatorGrantMutation
from resolvers.operators import OperatorMutation, OperatorQuery
from resolvers.plans import PlanQuery
from resolvers.pricing import PricingQuery
from resolvers.refusal import ErrorCode
from resolvers.runs import RunMutation, RunQuery, RunSubscription
from resolvers.scalars import SCALARS
from resolvers.service_levels import ServiceLevelQuery
from resolvers.sessions import SessionMutation
from resolvers.sharing import SharingMutation
from resolvers.switches import SwitchMutation, SwitchQuery
from resolvers.tenants import TenantMutation, TenantQuery
from resolvers.trusted_documents import TrustedDocumentMutation, TrustedDocumentQuery
from resolvers.valuations.comparables import ComparablesMutation
from resolvers.valuations.credit import CreditMutation
from resolvers.valuations.dcf import DcfMutation
from resolvers.valuations.football import FootballQuery
from resolvers.valuations.kinds import TYPES, ValuationQuery
from resolvers.valuations.lbo import LboMutation
from resolvers.valuations.merger import MergerMutation
from resolvers.valuations.workbooks import WorkbookQuery
from resolvers.webhooks import WebhookMutation, WebhookQuery


@strawberry.type(description="What is known.")
class Query(
    NodeQuery,
    TenantQuery,
    AccessQuery,
    PlanQuery,
    OperatorQuery,
    SwitchQuery,
    ModelQuery,
    RunQuery,
    ValuationQuery,
    FootballQuery,
    WorkbookQuery,
    CompanyQuery,
    ServiceLevelQuery,
    WebhookQuery,
    PricingQuery,
    AuditQuery,
    HoldQuery,
    TrustedDocumentQuery,
    IdentityProviderQuery,
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
    SharingMutation,
    HoldMutation,
    CollaborationMutation,
    RunMutation,
    CompanyMutation,
    SessionMutation,
    WebhookMutation,
    AccessMutation,
    TenantMutation,
    MemberMutation,
    OperatorMutation,
    OperatorGrantMutation,
    SwitchMutation,
    TrustedDocumentMutation,
    IdentityProviderMutation,
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
    price_fields(schema)
    return schema


def root_fields(schema: strawberry.Schema) -> frozenset[str]:
    """Every root field, as Mutation.valueDcf."""
    kinds = schema._schema  # noqa: SLF001 - Strawberry offers no other way to its schema
    roots = (kinds.query_type, kinds.mutation_type, kinds.subscription_type)
    return frozenset(f"{root.name}.{name}" for root in roots if root for name in root.fields)
