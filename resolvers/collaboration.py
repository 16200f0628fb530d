"""Rooms: who is in a model, where they point, what they change, and what it is worth then."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.financial_models import FinancialModel
from resolvers.financial_models import model_id as inner_model_id
from resolvers.ids import global_id
from resolvers.members import Member
from resolvers.refusal import Refusal
from resolvers.revisions import Revision
from resolvers.valuations.kinds import said
from resolvers.valuations.record import Valuation
from services.collaboration import Batch, Worth
from services.collaboration import Cursor as Pointing
from services.collaboration import Participant as Present
from services.principal import Role


@strawberry.type(description="One connection of a member to a room.")
class Participant:
    id: strawberry.ID = strawberry.field(
        description="Made for this connection and this room; never used again."
    )
    member: Member = strawberry.field(description="Who it is, with the role of their token.")
    colour: int = strawberry.field(
        description=(
            "0, 1, 2, …: an index into a palette. The same for all connections of a member, and no "
            "other member's in the room."
        )
    )

    @classmethod
    def of(cls, who: Present) -> Participant:
        member_id = global_id("Member", str(who.member_id))
        return cls(
            id=strawberry.ID(who.id),
            member=Member(id=member_id, name=who.name, role=Role(who.role)),
            colour=who.colour,
        )


@strawberry.type(description="Where a participant points.")
class Cursor:
    participant: strawberry.ID = strawberry.field(description="Whose it is.")
    path: str | None = strawberry.field(
        description="The input that it is over, such as `capital.wacc`; null: none of them."
    )
    x: float | None = strawberry.field(
        description="From 0 (left) to 1 (right), of the input's field or of the page."
    )
    y: float | None = strawberry.field(description="From 0 (top) to 1 (bottom), of the same.")


@strawberry.type(description="What a participant has selected.")
class Selection:
    participant: strawberry.ID = strawberry.field(description="Whose it is.")
    paths: list[str] = strawberry.field(description="Of the inputs; none: nothing is selected.")


@strawberry.type(description="What the model is worth after an edit.")
class RoomValuation:
    based_on_seq: int = strawberry.field(
        description="The revision that was valued. Below `seq`: a newer one is on its way."
    )
    valuation: Valuation | None = strawberry.field(description="Kept like any other; or a refusal.")
    refusal: Refusal | None = strawberry.field(
        description="Why the model has no value there; null: it has."
    )

    @classmethod
    def of(cls, worth: Worth) -> RoomValuation:
        recorded, refused = worth.recorded, worth.refused
        return cls(
            based_on_seq=worth.based_on_seq,
            valuation=None if recorded is None else said(recorded),
            refusal=None if refused is None else Refusal.of(refused),
        )


@strawberry.type(
    description=(
        "What is new in a room. The first batch has everything. A state replaces the one before: "
        "of a cursor that moved ten times, the newest place comes."
    )
)
class CollaborationBatch:
    me: Participant | None = strawberry.field(
        description="Whoever subscribed, in the first batch; null in every other."
    )
    seq: int = strawberry.field(
        description=(
            "The revision of the newest edit that has come, with this batch. Subscribe again with "
            "it as `after`, and none is missing."
        )
    )
    resync: bool = strawberry.field(
        description="Too many edits are missing: forget the model, and take `model` instead."
    )
    model: FinancialModel | None = strawberry.field(
        description="The model before these `edits`: at first, without `after`, and in a resync."
    )
    members: list[Participant] | None = strawberry.field(
        description="Everybody in the room, in place of whoever was known; null: as they were."
    )
    joined: list[Participant] = strawberry.field(description="Who came.")
    left: list[strawberry.ID] = strawberry.field(
        description="Participants who left. It comes before `joined`: who was lost may be found."
    )
    cursors: list[Cursor] = strawberry.field(
        description="Those that moved, your own too; with `members`, all there are."
    )
    selections: list[Selection] = strawberry.field(
        description="Those that changed, your own too; with `members`, all there are."
    )
    edits: list[Revision] = strawberry.field(
        description="The next revisions: each once, in order, without gaps, 256 at most."
    )
    valuation: RoomValuation | None = strawberry.field(
        description="What the model is worth now, where that is new."
    )

    @classmethod
    def of(cls, batch: Batch) -> CollaborationBatch:
        members, worth = batch.members, batch.worth
        return cls(
            me=None if batch.me is None else Participant.of(batch.me),
            seq=batch.seq,
            resync=batch.resync,
            model=None if batch.model is None else FinancialModel.of(batch.model),
            members=None if members is None else [Participant.of(who) for who in members],
            joined=[Participant.of(who) for who in batch.joined],
            left=[strawberry.ID(id_) for id_ in batch.left],
            cursors=[
                Cursor(participant=strawberry.ID(id_), path=at.path, x=at.x, y=at.y)
                for id_, at in batch.cursors
            ],
            selections=[
                Selection(participant=strawberry.ID(id_), paths=list(paths))
                for id_, paths in batch.selections
            ],
            edits=[Revision.of(revision) for revision in batch.edits],
            valuation=None if worth is None else RoomValuation.of(worth),
        )


@strawberry.input(description="Where to point.")
class CursorInput:
    path: str | None = strawberry.field(
        default=None,
        description="An input of the model, up to 200 characters; null: none of them.",
    )
    x: float | None = strawberry.field(
        default=None, description="From 0 (left) to 1 (right), of the input's field or of the page."
    )
    y: float | None = strawberry.field(
        default=None, description="From 0 (top) to 1 (bottom), of the same."
    )


ModelId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="A model's global id.")
]
Own: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description=(
            "A participant of yours: for a call that comes over another connection than the "
            "subscription. Left out: this connection's."
        )
    ),
]


@strawberry.type
class CollaborationSubscription:
    @strawberry.subscription(
        description=(
            "Be in a model's room: you are seen for as long as this lasts. It yields everything "
            "first, then what is new, at most thirty times a second."
        )
    )
    async def collaboration(
        self,
        info: Info,
        model_id: ModelId,
        after: Annotated[
            int | None,
            strawberry.argument(
                description="The newest revision that you have; left out: begin with the model."
            ),
        ] = None,
    ) -> AsyncGenerator[CollaborationBatch, None]:
        batches = info.context.services.collaboration.join(
            info.context.session, inner_model_id(model_id), after
        )
        try:
            async for batch in batches:
                yield CollaborationBatch.of(batch)
        finally:
            await batches.aclose()


@strawberry.type
class CollaborationMutation:
    @strawberry.mutation(
        description=(
            "Point somewhere in a model whose room you are in. False: this was the 31st within a "
            "second, and nobody saw it."
        )
    )
    async def move_cursor(
        self,
        info: Info,
        model_id: ModelId,
        cursor: Annotated[CursorInput, strawberry.argument(description="Where to.")],
        participant: Own = None,
    ) -> bool:
        return await info.context.services.collaboration.move(
            info.context.session,
            inner_model_id(model_id),
            Pointing(cursor.path, cursor.x, cursor.y),
            participant,
        )

    @strawberry.mutation(
        description=(
            "Select inputs of a model whose room you are in, in place of those that were. False: "
            "this was the 31st within a second, and nobody saw it."
        )
    )
    async def select(
        self,
        info: Info,
        model_id: ModelId,
        paths: Annotated[
            list[str],
            strawberry.argument(description="Of inputs, 100 at most; none: select nothing."),
        ],
        participant: Own = None,
    ) -> bool:
        return await info.context.services.collaboration.select(
            info.context.session, inner_model_id(model_id), paths, participant
        )
