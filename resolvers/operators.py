"""What operators do: make tenants, suspend them, and change what they have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.ids import inner_uuid
from resolvers.members import OperationId, link_of
from resolvers.paging import After, First, PageInfo, cursor_of, values_of, window
from resolvers.refusal import Refusal
from resolvers.tenants import Tenant, TenantOutcome
from services.plans import Feature, Plan

TenantId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="The tenant's global id.")
]


@strawberry.input(description="Who may do everything in a new tenant.")
class FirstOwnerInput:
    email: str = strawberry.field(description="Their address; they sign in by it.")
    name: str | None = strawberry.field(description="What colleagues call them.", default=None)


@strawberry.input(description="A new tenant.")
class CreateTenantInput:
    slug: str = strawberry.field(
        description="Short name, unique: 1 to 63 small letters, digits and hyphens."
    )
    name: str = strawberry.field(description="As people write it.")
    plan: Plan = strawberry.field(description="What was bought.")
    owner: FirstOwnerInput = strawberry.field(description="Who is invited as its first owner.")


@strawberry.input(
    description=(
        "What a tenant has instead of what its plan says. What is left out is the plan's; features "
        "are added to it."
    )
)
class ContractInput:
    requests_per_minute: int | None = strawberry.field(description="1 to 10,000,000.", default=None)
    points_per_minute: int | None = strawberry.field(
        description="1 to 1,000,000,000.", default=None
    )
    runs: int | None = strawberry.field(description="At one time: 1 to 1,024.", default=None)
    trials: int | None = strawberry.field(
        description="Of a run: 100 to 1,000,000,000.", default=None
    )
    models: int | None = strawberry.field(description="1 to 10,000,000.", default=None)
    members: int | None = strawberry.field(description="1 to 1,000,000.", default=None)
    valuations_kept_days: int | None = strawberry.field(description="1 to 36,500.", default=None)
    audit_kept_days: int | None = strawberry.field(description="1 to 36,500.", default=None)
    features: list[Feature] = strawberry.field(
        description="That the plan has not.", default_factory=list
    )


@strawberry.type(
    description=(
        "A new tenant, and the secret by which its first owner comes in. No mail is sent from here."
    )
)
class CreatedTenant:
    tenant: Tenant = strawberry.field(description="As it was made.")
    secret: str | None = strawberry.field(
        description="What POST /auth/accept takes. It is told this once; null: this is a repeat."
    )
    link: str | None = strawberry.field(
        description="The secret as a fragment, to be put behind the address of your page."
    )


@strawberry.type(description="A place in the list of tenants.")
class TenantEdge:
    cursor: str = strawberry.field(description="Of this place in the list.")
    node: Tenant = strawberry.field(description="The tenant.")


@strawberry.type(description="All tenants, by slug.")
class TenantConnection:
    edges: list[TenantEdge] = strawberry.field(description="One for each tenant.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


CreateTenantOutcome: TypeAlias = Annotated[
    CreatedTenant | Refusal,
    strawberry.union("CreateTenantOutcome", description="The tenant, or what to mend."),
]


@strawberry.type
class OperatorQuery:
    @strawberry.field(description="Of operators: all tenants but the system's own, by slug.")
    async def tenants(
        self, info: Info, first: First = None, after: After = None
    ) -> TenantConnection:
        part = window(first, after, None, None)
        slug = "" if part.cursor is None else str(values_of(part.cursor, 1)[0])
        found, more = await info.context.services.tenancy.operators.page(
            info.context.principal, slug, part.limit
        )
        edges = [TenantEdge(cursor=cursor_of(each.slug), node=Tenant.of(each)) for each in found]
        cursors = [edge.cursor for edge in edges]
        return TenantConnection(edges=edges, page_info=part.page_info(cursors, more=more))


@strawberry.type
class OperatorMutation:
    @strawberry.mutation(
        description=(
            "Of operators: a new tenant, whose first owner is invited. If the answer is lost, ask "
            "again with the same operation id: it goes on where it was."
        )
    )
    async def create_tenant(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the field's name in the schema
            CreateTenantInput, strawberry.argument(description="The tenant.")
        ],
        operation_id: OperationId = None,
    ) -> CreateTenantOutcome:
        made = await info.context.services.tenancy.operators.create(
            info.context.principal,
            slug=input.slug,
            name=input.name,
            plan=input.plan,
            owner_email=input.owner.email,
            owner_name=input.owner.name,
            operation_id=operation_id,
        )
        return CreatedTenant(
            tenant=Tenant.of(made.tenant), secret=made.invitation, link=link_of(made.invitation)
        )

    @strawberry.mutation(
        description=(
            "Of operators: let nobody of a tenant in, for a reason that they read. Sockets close, "
            "runs wait, nothing is lost."
        )
    )
    async def suspend_tenant(
        self,
        info: Info,
        id: TenantId,  # noqa: A002 - the field's name in the schema
        reason: Annotated[str, strawberry.argument(description="Why, for its members to read.")],
        operation_id: OperationId = None,
    ) -> TenantOutcome:
        suspended = await info.context.services.tenancy.operators.suspend(
            info.context.principal, inner_uuid("Tenant", id), reason, operation_id
        )
        return Tenant.of(suspended)

    @strawberry.mutation(description="Of operators: let a tenant's members in again.")
    async def resume_tenant(
        self,
        info: Info,
        id: TenantId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> TenantOutcome:
        resumed = await info.context.services.tenancy.operators.resume(
            info.context.principal, inner_uuid("Tenant", id), operation_id
        )
        return Tenant.of(resumed)

    @strawberry.mutation(
        description=(
            "Buy another plan: an owner for their own tenant, an operator for any. What is there "
            "beyond its limits stays, and there will be no more of it."
        )
    )
    async def change_plan(
        self,
        info: Info,
        plan: Annotated[Plan, strawberry.argument(description="What is bought now.")],
        tenant_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The tenant's global id; left out, the caller's own."),
        ] = None,
        operation_id: OperationId = None,
    ) -> TenantOutcome:
        changed = await info.context.services.tenancy.operators.change_plan(
            info.context.principal,
            plan,
            None if tenant_id is None else inner_uuid("Tenant", tenant_id),
            operation_id,
        )
        return Tenant.of(changed)

    @strawberry.mutation(
        description="Of operators: what a tenant has instead of what its plan says, all of it."
    )
    async def set_contract(
        self,
        info: Info,
        tenant_id: TenantId,
        contract: Annotated[
            ContractInput, strawberry.argument(description="Empty: what the plan says.")
        ],
        operation_id: OperationId = None,
    ) -> TenantOutcome:
        agreed = {
            "requests_per_minute": contract.requests_per_minute,
            "points_per_minute": contract.points_per_minute,
            "runs": contract.runs,
            "trials": contract.trials,
            "models": contract.models,
            "members": contract.members,
            "valuations_kept": contract.valuations_kept_days,
            "audit_kept": contract.audit_kept_days,
            "features": [feature.name for feature in contract.features],
        }
        changed = await info.context.services.tenancy.operators.set_contract(
            info.context.principal, inner_uuid("Tenant", tenant_id), agreed, operation_id
        )
        return Tenant.of(changed)
