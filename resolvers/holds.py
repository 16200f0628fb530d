"""Legal holds and erasure, as the schema says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypeAlias
from uuid import UUID

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id, inner_id, type_of
from resolvers.members import Member as MemberOf
from resolvers.members import MemberOutcome, OperationId
from resolvers.refusal import Refusal
from services.errors import NotFound
from services.holds import Held, HoldRecord

HELD = strawberry.enum(Held, description="What a legal hold is about; TENANT: everything.")
_NODES: Final = {"Tenant": Held.TENANT, "FinancialModel": Held.MODEL, "Member": Held.MEMBER}
_NAMES: Final = {held: name for name, held in _NODES.items()}
_TYPE: Final = "LegalHold"


@strawberry.type(
    description=(
        "Something that must be kept: while it holds, nothing of the audit is pruned, and nobody "
        "whom it is about is erased."
    )
)
class LegalHold:
    id: strawberry.ID = strawberry.field(description="Global id.")
    kind: Held = strawberry.field(description="What is held.")
    subject_id: strawberry.ID = strawberry.field(description="Its global id.")
    reason: str = strawberry.field(description="Why, in the words of who placed it.")
    placed_by_id: strawberry.ID = strawberry.field(description="Global id of the member.")
    placed_at: datetime = strawberry.field(description="UTC.")
    released_by_id: strawberry.ID | None = strawberry.field(
        description="Global id of the member who let go of it; null: it holds."
    )
    released_at: datetime | None = strawberry.field(description="UTC; null: it holds.")

    @classmethod
    def of(cls, hold: HoldRecord) -> LegalHold:
        held, released_by = Held(hold.subject_kind), hold.released_by
        return cls(
            id=global_id(_TYPE, str(hold.id)),
            kind=held,
            subject_id=global_id(_NAMES[held], hold.subject),
            reason=hold.reason,
            placed_by_id=global_id("Member", str(hold.placed_by)),
            placed_at=hold.placed_at,
            released_by_id=None if released_by is None else global_id("Member", str(released_by)),
            released_at=hold.released_at,
        )


HoldOutcome: TypeAlias = Annotated[
    LegalHold | Refusal,
    strawberry.union("HoldOutcome", description="The hold as it is now, or why not."),
]


@strawberry.type
class HoldQuery:
    @strawberry.field(
        description="The tenant's legal holds, newest first, with those that were released."
    )
    async def legal_holds(self, info: Info) -> list[LegalHold]:
        found = await info.context.services.auditing.holds.all(info.context.principal)
        return [LegalHold.of(hold) for hold in found]


@strawberry.type
class HoldMutation:
    @strawberry.mutation(
        description=(
            "Have a model, a member or the whole tenant kept, whatever the plan says, until the "
            "hold is released."
        )
    )
    async def place_hold(
        self,
        info: Info,
        subject_id: Annotated[
            strawberry.ID,
            strawberry.argument(description="Global id of a model, a member, or the tenant."),
        ],
        reason: Annotated[
            str,
            strawberry.argument(description="Why, for people, 1 to 500 characters. It is kept."),
        ],
        operation_id: OperationId = None,
    ) -> HoldOutcome:
        held, subject = _subject(subject_id)
        hold = await info.context.services.auditing.holds.place(
            info.context.principal, held, subject, reason, operation_id
        )
        return LegalHold.of(hold)

    @strawberry.mutation(description="Let go of a legal hold. It stays on record.")
    async def release_hold(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The hold's global id.")],  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> HoldOutcome:
        hold = await info.context.services.auditing.holds.release(
            info.context.principal, _uuid(_TYPE, id), operation_id
        )
        return LegalHold.of(hold)

    @strawberry.mutation(
        description=(
            "Forget who a member is, for good: name, address, sign-in, invitations. Their access "
            "ends. What they did keeps their id. Refused under a legal hold."
        )
    )
    async def erase_member(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The member's global id.")],  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> MemberOutcome:
        member = await info.context.services.auditing.holds.erase(
            info.context.principal, _uuid("Member", id), operation_id
        )
        return MemberOf.of(member)


def _subject(given: str) -> tuple[Held, UUID]:
    """
    Raises:
        NotFound: if this is no id of something that can be held.
    """
    name = type_of(given)
    held = _NODES.get(name)
    if held is None:
        raise NotFound("There is no such model, member or tenant.")
    return held, _uuid(name, given)


def _uuid(name: str, given: str) -> UUID:
    try:
        return UUID(inner_id(name, given))
    except ValueError:
        raise NotFound("There is nothing of that kind under this id.") from None
