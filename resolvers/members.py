"""Members and invitations, as the schema says them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id, inner_uuid
from resolvers.refusal import Refusal
from services.invitations import InvitationRecord, Invited
from services.principal import Action, Role
from services.tenants import MemberRecord

ROLE = strawberry.enum(Role, description="What a member may do in their tenant.")
PERMISSION = strawberry.enum(Action, name="Permission", description="Something a role allows.")


@strawberry.enum(description="What a member is.")
class MemberKind(StrEnum):
    PERSON = "PERSON"
    SERVICE = "SERVICE"


@strawberry.enum(description="Whether somebody is a member. Who is none any more stays an author.")
class MemberState(StrEnum):
    ACTIVE = "ACTIVE"
    REMOVED = "REMOVED"
    ERASED = "ERASED"


@strawberry.type(description="Who belongs to a tenant, or belonged to it and is an author still.")
class Member:
    id: strawberry.ID = strawberry.field(description="Global id.")
    name: str = strawberry.field(description="As colleagues know them.")
    role: Role = strawberry.field(description="What they may do. A token may say less, and counts.")
    kind: MemberKind | None = strawberry.field(
        description="A person, or a program with keys; null: of a participant of a room.",
        default=None,
    )
    state: MemberState = strawberry.field(
        description="Whether they are a member.", default=MemberState.ACTIVE
    )
    joined_at: datetime | None = strawberry.field(
        description="When they became one, UTC; null: before that was kept, or as kind.",
        default=None,
    )

    @classmethod
    def of(cls, member: MemberRecord) -> Member:
        return cls(
            id=global_id("Member", str(member.id)),
            name=member.name,
            role=Role(member.role),
            kind=MemberKind(member.kind),
            state=MemberState(member.state),
            joined_at=member.joined_at,
        )


@strawberry.type(description="An address that may become a member.")
class Invitation:
    id: strawberry.ID = strawberry.field(description="Global id.")
    email: str = strawberry.field(description="To whom it is, in small letters.")
    name: str | None = strawberry.field(description="What they will be called; null: they say.")
    role: Role = strawberry.field(description="What they will be.")
    created_at: datetime = strawberry.field(description="UTC.")
    expires_at: datetime = strawberry.field(description="Until when it can be accepted, UTC.")

    @classmethod
    def of(cls, invitation: InvitationRecord) -> Invitation:
        return cls(
            id=global_id("Invitation", str(invitation.id)),
            email=invitation.email,
            name=invitation.name,
            role=Role(invitation.role),
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )


@strawberry.type(
    description=(
        "An invitation with its secret. No mail is sent from here: send the link to the address "
        "yourself, over a way that you trust."
    )
)
class InvitedMember:
    invitation: Invitation = strawberry.field(description="Who may become what, and until when.")
    secret: str | None = strawberry.field(
        description=(
            "What POST /auth/accept takes. It is told this once; null: this is a repeat, and "
            "whoever lost it invites again."
        )
    )
    link: str | None = strawberry.field(
        description=(
            "The secret as a fragment, to be put behind the address of your page: a browser sends "
            "no fragment to any server. Null: as the secret."
        )
    )

    @classmethod
    def of(cls, invited: Invited) -> InvitedMember:
        return cls(
            invitation=Invitation.of(invited.invitation),
            secret=invited.text,
            link=link_of(invited.text),
        )


InviteMemberOutcome: TypeAlias = Annotated[
    InvitedMember | Refusal,
    strawberry.union("InviteMemberOutcome", description="The invitation, or what to mend."),
]
InvitationOutcome: TypeAlias = Annotated[
    Invitation | Refusal,
    strawberry.union("InvitationOutcome", description="The invitation, or why not."),
]
MemberOutcome: TypeAlias = Annotated[
    Member | Refusal,
    strawberry.union("MemberOutcome", description="The member as they are now, or why not."),
]
OperationId: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description=(
            "Of the caller's own making, one for each change: a repeat with the same id gets the "
            "first answer. Left out, a repeat is a change of its own."
        )
    ),
]
MemberId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="A member's id.")]
AskedRole: TypeAlias = Annotated[
    Role, strawberry.argument(description="What they will be; not above the caller.")
]


@strawberry.type
class MemberMutation:
    @strawberry.mutation(
        description=(
            "Invite somebody for seven days, and end earlier invitations of the same address. The "
            "answer has a secret that is told once."
        )
    )
    async def invite_member(
        self,
        info: Info,
        email: Annotated[
            str, strawberry.argument(description="Their address; they sign in by it.")
        ],
        role: AskedRole,
        name: Annotated[
            str | None, strawberry.argument(description="What colleagues call them.")
        ] = None,
        operation_id: OperationId = None,
    ) -> InviteMemberOutcome:
        invited = await info.context.services.tenancy.invitations.invite(
            info.context.principal, email=email, name=name, role=role, operation_id=operation_id
        )
        return InvitedMember.of(invited)

    @strawberry.mutation(description="End an invitation that nobody has accepted.")
    async def revoke_invitation(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the field's name in the schema
            strawberry.ID, strawberry.argument(description="The invitation's global id.")
        ],
        operation_id: OperationId = None,
    ) -> InvitationOutcome:
        revoked = await info.context.services.tenancy.invitations.revoke(
            info.context.principal, inner_uuid("Invitation", id), operation_id
        )
        return Invitation.of(revoked)

    @strawberry.mutation(
        description=(
            "Make a member something else, not above oneself. It is felt at once, by whoever is "
            "signed in. The last owner stays one."
        )
    )
    async def change_role(
        self, info: Info, member_id: MemberId, role: AskedRole, operation_id: OperationId = None
    ) -> MemberOutcome:
        changed = await info.context.services.tenancy.members.change_role(
            info.context.principal, inner_uuid("Member", member_id), role, operation_id
        )
        return Member.of(changed)

    @strawberry.mutation(
        description=(
            "End a membership: their sessions and keys end with it, at once. Models stay, and so "
            "does who wrote what. Invited again, they are who they were."
        )
    )
    async def remove_member(
        self, info: Info, member_id: MemberId, operation_id: OperationId = None
    ) -> MemberOutcome:
        removed = await info.context.services.tenancy.members.remove(
            info.context.principal, inner_uuid("Member", member_id), operation_id
        )
        return Member.of(removed)

    @strawberry.mutation(
        description="Make a member that is a program. It has no password: give it API keys."
    )
    async def create_service_account(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="What colleagues call it.")],
        role: AskedRole,
        operation_id: OperationId = None,
    ) -> MemberOutcome:
        made = await info.context.services.tenancy.members.create_service_account(
            info.context.principal, name, role, operation_id
        )
        return Member.of(made)


def link_of(secret: str | None) -> str | None:
    return None if secret is None else f"#invitation={secret}"
