"""Operators' ways into a tenant, as the schema says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id, inner_id, inner_uuid
from resolvers.members import OperationId
from resolvers.refusal import Refusal
from services.errors import NotFound
from services.operator_grants import GrantRecord, GrantState
from services.principal import Role

GRANT_STATE = strawberry.enum(GrantState, description="Where an operator's grant stands.")
_TYPE = "OperatorGrant"


@strawberry.type(
    description=(
        "An operator's way into a tenant. Whatever they do by it is in the tenant's audit, as done "
        "by an OPERATOR, with the grant's id."
    )
)
class OperatorGrant:
    id: strawberry.ID = strawberry.field(description="Global id.")
    grant: strawberry.ID = strawberry.field(
        description="As entries of the audit name it: `details.grant`."
    )
    operator_id: strawberry.ID = strawberry.field(
        description="Who, as entries of the audit name them: `actor`."
    )
    operator_name: str = strawberry.field(description="Who it is.")
    role: Role = strawberry.field(
        description="What they may do, but for what people do in person, such as inviting others."
    )
    reason: str = strawberry.field(description="Why, in their words.")
    state: GrantState = strawberry.field(description="Where it stands.")
    created_at: datetime = strawberry.field(description="UTC.")
    ends_at: datetime = strawberry.field(description="When it ends by itself, UTC.")
    needs_approval: bool = strawberry.field(
        description="Whether it lets nobody in before an owner or administrator says yes."
    )
    approved_at: datetime | None = strawberry.field(description="When somebody said yes, UTC.")
    approved_by_id: strawberry.ID | None = strawberry.field(description="The member who did.")
    ended_at: datetime | None = strawberry.field(description="When it was ended early, UTC.")

    @classmethod
    def of(cls, tenant_id: UUID, grant: GrantRecord, state: GrantState) -> OperatorGrant:
        by = grant.approved_by
        return cls(
            id=global_id(_TYPE, f"{tenant_id.hex}.{grant.id.hex}"),
            grant=strawberry.ID(str(grant.id)),
            operator_id=strawberry.ID(str(grant.operator_id)),
            operator_name=grant.operator_name,
            role=Role(grant.role),
            reason=grant.reason,
            state=state,
            created_at=grant.created_at,
            ends_at=grant.ends_at,
            needs_approval=grant.needs_approval,
            approved_at=grant.approved_at,
            approved_by_id=None if by is None else global_id("Member", str(by)),
            ended_at=grant.ended_at,
        )


@strawberry.type(description="A token by which an operator is in a tenant, for minutes.")
class TenantAccess:
    access_token: str = strawberry.field(description="As `Authorization: Bearer` takes it.")
    expires_at: datetime = strawberry.field(description="When it ends, UTC. Then enter again.")


OperatorGrantOutcome: TypeAlias = Annotated[
    OperatorGrant | Refusal,
    strawberry.union("OperatorGrantOutcome", description="The grant as it is now, or why not."),
]
EnterTenantOutcome: TypeAlias = Annotated[
    TenantAccess | Refusal,
    strawberry.union("EnterTenantOutcome", description="The token, or why not."),
]
GrantId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="The grant's global id.")
]


@strawberry.type
class OperatorGrantMutation:
    @strawberry.mutation(
        description=(
            "Of operators: ask for a way into a tenant. The tenant sees it, and ends it whenever "
            "it likes; with a plan that has OPERATOR_GRANTS it has to say yes first."
        )
    )
    async def open_operator_grant(
        self,
        info: Info,
        tenant_id: Annotated[
            strawberry.ID, strawberry.argument(description="The tenant's global id.")
        ],
        role: Annotated[
            Role, strawberry.argument(description="The least that does: ADMIN, ANALYST or VIEWER.")
        ],
        reason: Annotated[str, strawberry.argument(description="Why, for the tenant to read.")],
        until: Annotated[
            datetime, strawberry.argument(description="When it ends, UTC; within seven days.")
        ],
        operation_id: OperationId = None,
    ) -> OperatorGrantOutcome:
        whose, grants = inner_uuid("Tenant", tenant_id), info.context.services.tenancy.grants
        opened = await grants.open(
            info.context.principal,
            whose,
            role=role,
            reason=reason,
            until=until,
            operation_id=operation_id,
        )
        return OperatorGrant.of(whose, opened, grants.state(opened))

    @strawberry.mutation(description="Say yes to an operator who waits for it.")
    async def approve_operator_grant(
        self,
        info: Info,
        id: GrantId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> OperatorGrantOutcome:
        whose, grant_id = _grant_of(id)
        grants = info.context.services.tenancy.grants
        approved = await grants.approve(info.context.principal, whose, grant_id, operation_id)
        return OperatorGrant.of(whose, approved, grants.state(approved))

    @strawberry.mutation(description="End an operator's grant: whoever is in by it is out at once.")
    async def end_operator_grant(
        self,
        info: Info,
        id: GrantId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> OperatorGrantOutcome:
        whose, grant_id = _grant_of(id)
        grants = info.context.services.tenancy.grants
        ended = await grants.end(info.context.principal, whose, grant_id, operation_id)
        return OperatorGrant.of(whose, ended, grants.state(ended))

    @strawberry.mutation(
        description="Of operators: end a grant, one's own or a colleague's, before its time."
    )
    async def leave_tenant(
        self,
        info: Info,
        grant_id: GrantId,
        operation_id: OperationId = None,
    ) -> OperatorGrantOutcome:
        whose, grant = _grant_of(grant_id)
        grants = info.context.services.tenancy.grants
        ended = await grants.leave(info.context.principal, whose, grant, operation_id)
        return OperatorGrant.of(whose, ended, grants.state(ended))

    @strawberry.mutation(
        description="Of operators: a token for the tenant of an open grant of one's own."
    )
    async def enter_tenant(
        self,
        info: Info,
        grant_id: GrantId,
    ) -> EnterTenantOutcome:
        whose, grant = _grant_of(grant_id)
        access = await info.context.services.tenancy.grants.enter(
            info.context.principal, whose, grant
        )
        return TenantAccess(access_token=access.token, expires_at=access.expires_at)


def _grant_of(given: str) -> tuple[UUID, UUID]:
    """(tenant, grant) of a global id: an operator finds the tenant by it."""
    tenant, _, grant = inner_id(_TYPE, given).partition(".")
    try:
        return UUID(hex=tenant), UUID(hex=grant)
    except ValueError:
        raise NotFound("There is no such grant.") from None
