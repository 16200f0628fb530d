"""Identity providers, as the schema says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id, inner_uuid
from resolvers.members import MemberId, OperationId
from resolvers.refusal import Refusal
from services.identity_provider import Given, LinkedIdentity, Provider
from services.principal import Role

_PROVIDER = "IdentityProvider"


@strawberry.type(description="What a value of a provider's claim makes somebody.")
class MappedRole:
    value: str = strawberry.field(description="The claim's value, such as a group's name.")
    role: Role = strawberry.field(description="What whoever has it is here.")


@strawberry.input(description="What a value of a provider's claim makes somebody.")
class MappedRoleInput:
    value: str = strawberry.field(description="The claim's value, such as a group's name.")
    role: Role = strawberry.field(
        description="What whoever has it is here: ADMIN, ANALYST or VIEWER."
    )


@strawberry.type(description="Who a provider's subject is here.")
class FederatedIdentity:
    subject: str = strawberry.field(
        description=(
            "The provider's name for them: the claim `sub`; of an erased member a keyed hash of it."
        )
    )
    member_id: strawberry.ID = strawberry.field(description="The member's global id.")
    linked_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, identity: LinkedIdentity) -> FederatedIdentity:
        return cls(
            subject=identity.subject,
            member_id=global_id("Member", str(identity.member_id)),
            linked_at=identity.linked_at,
        )


@strawberry.type(description="Whom the tenant trusts to say who somebody is: OpenID Connect.")
class IdentityProvider:
    inner: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(description="Global id.")
    issuer: str = strawberry.field(description="What its tokens say in `iss`.")
    client_id: str = strawberry.field(description="Whom its tokens are for: `aud`.")
    has_secret: bool = strawberry.field(
        description="Whether a client's secret is kept. It is told to nobody again."
    )
    role_claim: str | None = strawberry.field(
        description="The claim that says what somebody is; null: roles are given here."
    )
    roles: list[MappedRole] = strawberry.field(description="What the claim's values stand for.")
    default_role: Role | None = strawberry.field(
        description="What anybody else becomes at first; null: strangers stay out."
    )
    enabled: bool = strawberry.field(description="Whether it is believed now.")
    created_at: datetime = strawberry.field(description="UTC.")
    updated_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, provider: Provider) -> IdentityProvider:
        return cls(
            inner=provider.id,
            id=global_id(_PROVIDER, str(provider.id)),
            issuer=provider.issuer,
            client_id=provider.client_id,
            has_secret=provider.has_secret,
            role_claim=provider.role_claim,
            roles=[MappedRole(value=value, role=role) for value, role in provider.roles.items()],
            default_role=provider.default_role,
            enabled=provider.enabled,
            created_at=provider.created_at,
            updated_at=provider.updated_at,
        )

    @strawberry.field(description="Who its subjects are here, the oldest link first.")
    async def identities(self, info: Info) -> list[FederatedIdentity]:
        found = await info.context.services.identity_providers.identities(
            info.context.principal, self.inner
        )
        return [FederatedIdentity.of(each) for each in found]


@strawberry.type(description="A provider that is trusted no more.")
class RemovedIdentityProvider:
    id: strawberry.ID = strawberry.field(description="The global id that it had.")


IdentityProviderOutcome: TypeAlias = Annotated[
    IdentityProvider | Refusal,
    strawberry.union(
        "IdentityProviderOutcome", description="The provider as it is now, or what to mend."
    ),
]
RemoveIdentityProviderOutcome: TypeAlias = Annotated[
    RemovedIdentityProvider | Refusal,
    strawberry.union("RemoveIdentityProviderOutcome", description="What is gone, or why not."),
]
ProviderId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="The provider's global id.")
]
Subject: TypeAlias = Annotated[
    str, strawberry.argument(description="The provider's name for somebody: the claim `sub`.")
]


@strawberry.type
class IdentityProviderQuery:
    @strawberry.field(description="Whom the tenant trusts to say who somebody is.")
    async def identity_providers(self, info: Info) -> list[IdentityProvider]:
        found = await info.context.services.identity_providers.all(info.context.principal)
        return [IdentityProvider.of(each) for each in found]


@strawberry.type
class IdentityProviderMutation:
    @strawberry.mutation(
        description=(
            "Trust an issuer of OpenID Connect, or change how. It is asked at once whether it can "
            "be used. Another issuer is another provider, at which nobody is a member yet."
        )
    )
    async def set_identity_provider(
        self,
        info: Info,
        issuer: Annotated[
            str, strawberry.argument(description="Its address, exactly as its tokens say it.")
        ],
        client_id: Annotated[
            str, strawberry.argument(description="The client that you registered with it.")
        ],
        client_secret: Annotated[
            str | None,
            strawberry.argument(
                description="The client's secret; null: what is kept, or a public client."
            ),
        ] = None,
        role_claim: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "The claim of its ID tokens that says what somebody is, such as `groups` or "
                    "`realm_access.roles`. It is looked at whenever they sign in."
                )
            ),
        ] = None,
        roles: Annotated[
            list[MappedRoleInput],
            strawberry.argument(description="What its values stand for; at most 100."),
        ] = [],  # noqa: B006 - Strawberry copies it into the schema
        default_role: Annotated[
            Role | None,
            strawberry.argument(
                description=(
                    "What anybody becomes of whom the claim says nothing, and that strangers may "
                    "become members at all; null: they stay out."
                )
            ),
        ] = None,
        operation_id: OperationId = None,
    ) -> IdentityProviderOutcome:
        given = Given(
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            role_claim=role_claim,
            roles=[(each.value, each.role) for each in roles],
            default_role=default_role,
        )
        provider = await info.context.services.identity_providers.set(
            info.context.principal, given, operation_id
        )
        return IdentityProvider.of(provider)

    @strawberry.mutation(description="Believe a provider again.")
    async def enable_identity_provider(
        self,
        info: Info,
        id: ProviderId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> IdentityProviderOutcome:
        provider = await info.context.services.identity_providers.enable(
            info.context.principal, inner_uuid(_PROVIDER, id), operation_id
        )
        return IdentityProvider.of(provider)

    @strawberry.mutation(
        description="Believe a provider no more until it is enabled. Its sessions end at once."
    )
    async def disable_identity_provider(
        self,
        info: Info,
        id: ProviderId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> IdentityProviderOutcome:
        provider = await info.context.services.identity_providers.disable(
            info.context.principal, inner_uuid(_PROVIDER, id), operation_id
        )
        return IdentityProvider.of(provider)

    @strawberry.mutation(
        description=(
            "Forget a provider, and who its subjects are. Its sessions end at once; members stay."
        )
    )
    async def remove_identity_provider(
        self,
        info: Info,
        id: ProviderId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> RemoveIdentityProviderOutcome:
        removed = await info.context.services.identity_providers.remove(
            info.context.principal, inner_uuid(_PROVIDER, id), operation_id
        )
        return RemovedIdentityProvider(id=global_id(_PROVIDER, str(removed)))

    @strawberry.mutation(
        description=(
            "Say which member a provider's subject is: nobody is taken for a member by an address. "
            "Only an owner links an owner."
        )
    )
    async def link_identity(
        self,
        info: Info,
        provider_id: ProviderId,
        subject: Subject,
        member_id: MemberId,
        operation_id: OperationId = None,
    ) -> IdentityProviderOutcome:
        provider = await info.context.services.identity_providers.link(
            info.context.principal,
            inner_uuid(_PROVIDER, provider_id),
            subject,
            inner_uuid("Member", member_id),
            operation_id,
        )
        return IdentityProvider.of(provider)

    @strawberry.mutation(
        description="Let a provider's subject be nobody here. Their sessions by providers end."
    )
    async def unlink_identity(
        self,
        info: Info,
        provider_id: ProviderId,
        subject: Subject,
        operation_id: OperationId = None,
    ) -> IdentityProviderOutcome:
        provider = await info.context.services.identity_providers.unlink(
            info.context.principal,
            inner_uuid(_PROVIDER, provider_id),
            subject,
            operation_id,
        )
        return IdentityProvider.of(provider)
