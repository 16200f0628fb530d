"""Who asks, and for whom."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id
from services.plans import LIMITS, Plan
from services.principal import Action, Principal, Role
from services.tenants import MemberRecord, TenantRecord

ROLE = strawberry.enum(Role, description="What a member may do in their tenant.")
PLAN = strawberry.enum(Plan, description="What a tenant bought.")
PERMISSION = strawberry.enum(Action, name="Permission", description="Something a role allows.")


@strawberry.type(description="Who belongs to a tenant.")
class Member:
    id: strawberry.ID = strawberry.field(description="Global id.")
    name: str = strawberry.field(description="As colleagues know them.")
    role: Role = strawberry.field(description="What they may do. A token may say less, and counts.")

    @classmethod
    def of(cls, member: MemberRecord) -> Member:
        return cls(id=global_id("Member", str(member.id)), name=member.name, role=Role(member.role))


@strawberry.type(description="Who pays. A caller sees their own tenant and no other.")
class Tenant:
    id: strawberry.ID = strawberry.field(description="Global id.")
    slug: str = strawberry.field(description="Short name, unique among tenants.")
    name: str = strawberry.field(description="As people write it.")
    plan: Plan = strawberry.field(description="What was bought.")
    created_at: datetime = strawberry.field(description="When it came to be, UTC.")
    valuations_kept_days: int | None = strawberry.field(
        description="How long the plan keeps a valuation; null: by contract."
    )

    @classmethod
    def of(cls, tenant: TenantRecord) -> Tenant:
        plan = Plan(tenant.plan)
        kept = LIMITS[plan].valuations_kept
        return cls(
            id=global_id("Tenant", str(tenant.tenant_id)),
            slug=tenant.slug,
            name=tenant.name,
            plan=plan,
            created_at=tenant.created_at,
            valuations_kept_days=None if kept is None else kept.days,
        )

    @strawberry.field(description="Everybody in the tenant, by name.")
    async def members(self, info: Info) -> list[Member]:
        members = await info.context.services.tenants.members(info.context.principal)
        return [Member.of(member) for member in members]


@strawberry.type(description="The asking party: a member of a tenant, until the token ends.")
class Viewer:
    principal: strawberry.Private[Principal]
    role: Role = strawberry.field(description="As the token says.")
    permissions: list[Action] = strawberry.field(description="What the role may do.")
    expires_at: datetime = strawberry.field(description="When the token ends, UTC.")

    @strawberry.field(description="The member; null if they have left the tenant.")
    async def member(self, info: Info) -> Member | None:
        found = await info.context.services.tenants.member(info.context.principal)
        return None if found is None else Member.of(found)

    @strawberry.field(description="The tenant that the token is for.")
    async def tenant(self, info: Info) -> Tenant:
        return Tenant.of(await info.context.services.tenants.tenant(info.context.principal))


@strawberry.type
class TenantQuery:
    @strawberry.field(description="Who am I, and what may I do?")
    def viewer(self, info: Info) -> Viewer:
        principal = info.context.principal
        return Viewer(
            principal=principal,
            role=principal.role,
            permissions=[action for action in Action if principal.may(action)],
            expires_at=principal.expires_at,
        )

    @strawberry.field(description="The caller's tenant.")
    async def tenant(self, info: Info) -> Tenant:
        return Tenant.of(await info.context.services.tenants.tenant(info.context.principal))
