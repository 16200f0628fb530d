"""What every kept valuation says of itself, whatever its kind."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from resolvers.context import Info
from resolvers.ids import Node, global_id
from resolvers.scalars import InputDocument
from resolvers.valuations.assumptions import InputAssumption, assumptions_of
from resolvers.valuations.replay import Replay
from services.valuations import Recorded


@strawberry.enum(description="What is valued, and how.")
class ValuationKind(StrEnum):
    DCF = "DCF"
    LBO = "LBO"
    MERGER = "MERGER"
    COMPARABLES = "COMPARABLES"
    REAL_OPTION = "REAL_OPTION"
    PORTFOLIO = "PORTFOLIO"
    RISK = "RISK"
    CREDIT = "CREDIT"


@strawberry.type(description="What a reviewer would write in the margin. It changes no number.")
class Remark:
    code: str = strawberry.field(description="What kind of remark, for a program.")
    path: str = strawberry.field(description="The input to look at.")
    message: str = strawberry.field(description="The remark, for a person.")


@strawberry.interface(
    description=(
        "A valuation that was computed and kept. Its id is the address of its content: the same "
        "inputs, engine and versions always have the same id."
    )
)
class Valuation(Node):
    recorded: strawberry.Private[Recorded]
    id: strawberry.ID = strawberry.field(
        description="Global id: the address of the content, the same wherever it is computed."
    )
    kind: ValuationKind = strawberry.field(description="What was valued.")
    inputs: InputDocument = strawberry.field(
        description="The inputs, ready to be sent again for the same id."
    )
    assumptions: list[InputAssumption] = strawberry.field(
        description="Where the inputs come from, as the inputs themselves say; often nothing."
    )
    result_hash: str = strawberry.field(description="SHA-256 of the kept result, in hex.")
    engine_version: str = strawberry.field(description="Of the engine that computed it.")
    computed_at: datetime = strawberry.field(description="When this was first computed, UTC.")
    duration_ms: float = strawberry.field(
        description="Milliseconds of computing: this time, or when a kept one was made."
    )

    @strawberry.field(
        description=(
            "What is kept beside what the same inputs give today: for whoever audits this number."
        )
    )
    async def replay(self, info: Info) -> Replay:
        found = await info.context.services.replays.replay(info.context.principal, self.recorded.id)
        return Replay.of(found)


def record_of(type_name: str, recorded: Recorded) -> dict[str, Any]:
    """The values of the interface's fields."""
    return {
        "recorded": recorded,
        "id": global_id(type_name, recorded.id),
        "kind": ValuationKind(recorded.kind.name),
        "inputs": recorded.inputs,
        "assumptions": assumptions_of(recorded.kind, recorded.inputs),
        "result_hash": recorded.result_hash,
        "engine_version": recorded.engine_version,
        "computed_at": recorded.computed_at,
        "duration_ms": recorded.duration_ms,
    }
