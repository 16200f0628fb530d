"""Who asks, and for whom: the caller's tenant, and what it decides about itself."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

import strawberry

from resolvers.access import ViewerAccess
from resolvers.billing import TenantBilling
from resolvers.branding import Branding, BrandingInput
from resolvers.context import Info
from resolvers.ids import global_id
from resolvers.members import Invitation, Member, OperationId
from resolvers.operator_grants import OperatorGrant
from resolvers.plans import PlanLimits, QuotaStatus, UsageDay
from resolvers.refusal import Refusal
from services.plans import Plan
from services.principal import Action, Principal, Role
from services.standing import terms_of
from services.tenant_settings import Wanted
from services.tenants import TenantRecord


@strawberry.enum(description="Whether a tenant's members are let in.")
class TenantState(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


@strawberry.type(
    description=(
        "Who pays. A caller sees their own tenant; an operator sees of every tenant what it has, "
        "and of its people and models nothing without a grant."
    )
)
class Tenant(TenantBilling):
    record: strawberry.Private[TenantRecord]
    id: strawberry.ID = strawberry.field(description="Global id.")
    slug: str = strawberry.field(description="Short name, unique among tenants.")
    name: str = strawberry.field(description="As people write it.")
    plan: Plan = strawberry.field(description="What was bought.")
    created_at: datetime = strawberry.field(description="When it came to be, UTC.")
    state: TenantState = strawberry.field(description="Whether its members are let in.")
    state_reason: str | None = strawberry.field(description="Why it is suspended; null: it is not.")
    state_since: datetime | None = strawberry.field(
        description="Since when the state is what it is, UTC; null: always."
    )
    revision: int = strawberry.field(
        description="Of its name, plan, state and settings: one more with each change."
    )
    origins: list[str] = strawberry.field(
        description="Pages that may ask for it from a browser, beside this server's own."
    )
    only_trusted: bool = strawberry.field(
        description="Whether no document runs but those that the tenant registered."
    )
    second_factor_required: bool = strawberry.field(
        description="Whether who signs in with a password needs a second factor."
    )
    limits: PlanLimits = strawberry.field(
        description="What it has, by its plan and its contract together."
    )
    valuations_kept_days: int | None = strawberry.field(
        description="How long a valuation is kept; null: by contract."
    )

    @classmethod
    def of(cls, tenant: TenantRecord) -> Tenant:
        terms = terms_of(tenant)
        limits = PlanLimits.of(terms.limits)
        return cls(
            record=tenant,
            id=global_id("Tenant", str(tenant.tenant_id)),
            slug=tenant.slug,
            name=tenant.name,
            plan=terms.plan,
            created_at=tenant.created_at,
            state=TenantState(tenant.state),
            state_reason=tenant.state_reason,
            state_since=tenant.state_since,
            revision=tenant.revision,
            origins=sorted(terms.origins),
            only_trusted=terms.only_trusted,
            second_factor_required=terms.second_factor,
            limits=limits,
            valuations_kept_days=limits.valuations_kept_days,
        )

    @strawberry.field(description="Everybody who is a member now, by name.")
    async def members(self, info: Info) -> list[Member]:
        members = await info.context.services.tenants.members(
            info.context.principal, self.record.tenant_id
        )
        return [Member.of(member) for member in members]

    @strawberry.field(description="Invitations that can still be accepted, the oldest first.")
    async def invitations(self, info: Info) -> list[Invitation]:
        found = await info.context.services.tenancy.invitations.open(
            info.context.principal, self.record.tenant_id
        )
        return [Invitation.of(each) for each in found]

    @strawberry.field(description="How the console looks; null: as for everybody.")
    async def branding(self, info: Info) -> Branding | None:
        found = await info.context.services.tenancy.branding.find(
            info.context.principal, self.record.tenant_id, self.slug
        )
        return None if found is None else Branding.of(found)

    @strawberry.field(description="What the plan counts, and how much of it is left now.")
    async def quotas(self, info: Info) -> list[QuotaStatus]:
        found = await info.context.services.tenancy.usage.quotas(
            info.context.principal, self.record.tenant_id
        )
        return [QuotaStatus.of(each) for each in found]

    @strawberry.field(description="What was used, by day and metric; at most 400 days at a time.")
    async def usage(
        self,
        info: Info,
        from_: Annotated[
            date | None,
            strawberry.argument(name="from", description="The first day, UTC; 30 days ago."),
        ] = None,
        to: Annotated[
            date | None, strawberry.argument(description="The last day, UTC; today.")
        ] = None,
    ) -> list[UsageDay]:
        found = await info.context.services.tenancy.usage.days(
            info.context.principal, self.record.tenant_id, from_, to
        )
        return [UsageDay.of(each) for each in found]

    @strawberry.field(
        description="The newest hundred ways in of operators: who, why, until when, by whose yes."
    )
    async def operator_grants(self, info: Info) -> list[OperatorGrant]:
        grants = info.context.services.tenancy.grants
        found = await grants.shown(info.context.principal, self.record.tenant_id)
        return [OperatorGrant.of(self.record.tenant_id, each, grants.state(each)) for each in found]


@strawberry.type(description="The asking party: a member of a tenant, until the token ends.")
class Viewer(ViewerAccess):
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


TenantOutcome: TypeAlias = Annotated[
    Tenant | Refusal,
    strawberry.union("TenantOutcome", description="The tenant as it is now, or what to mend."),
]


@strawberry.input(description="What is to be changed. What is left out stays as it is.")
class UpdateTenantInput:
    name: str | None = strawberry.field(description="As people write it.", default=None)
    origins: list[str] | None = strawberry.field(
        description=(
            "All pages that may ask for the tenant from a browser, as https://app.example.com; at "
            "most 20."
        ),
        default=None,
    )
    only_trusted: bool | None = strawberry.field(
        description="Whether no document runs but those that the tenant registered.", default=None
    )
    second_factor_required: bool | None = strawberry.field(
        description=(
            "Whether who signs in with a password needs a second factor. Who has none may from "
            "then on do nothing but set one up."
        ),
        default=None,
    )
    base_revision: int | None = strawberry.field(
        description="The tenant's revision that was seen: a CONFLICT if it is another by now.",
        default=None,
    )


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


@strawberry.type
class TenantMutation:
    @strawberry.mutation(
        description=(
            "Change the tenant's name, the pages that may ask for it, what may run, or whether "
            "passwords need a second factor."
        )
    )
    async def update_tenant(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the field's name in the schema
            UpdateTenantInput, strawberry.argument(description="What is to be changed.")
        ],
        operation_id: OperationId = None,
    ) -> TenantOutcome:
        wanted = Wanted(
            name=input.name,
            origins=input.origins,
            only_trusted=input.only_trusted,
            second_factor=input.second_factor_required,
            base_revision=input.base_revision,
        )
        changed = await info.context.services.tenancy.settings.update(
            info.context.principal, wanted, operation_id
        )
        return Tenant.of(changed)

    @strawberry.mutation(
        description="Change how the console looks for the tenant. The plan has to have branding."
    )
    async def update_branding(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the field's name in the schema
            BrandingInput, strawberry.argument(description="How it is to look.")
        ],
        operation_id: OperationId = None,
    ) -> TenantOutcome:
        services, principal = info.context.services, info.context.principal
        keep_logo = input.logo is strawberry.UNSET
        await services.tenancy.branding.update(
            principal,
            name=input.name,
            colours=vars(input.colours),
            logo=None if keep_logo else input.logo,
            keep_logo=keep_logo,
            operation_id=operation_id,
        )
        return Tenant.of(await services.tenants.tenant(principal))
