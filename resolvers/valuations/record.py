"""What every kept valuation says of itself, whatever its kind."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from resolvers.ids import Node, global_id
from resolvers.scalars import InputDocument
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
    result_hash: str = strawberry.field(description="SHA-256 of the kept result, in hex.")
    engine_version: str = strawberry.field(description="Of the engine that computed it.")
    computed_at: datetime = strawberry.field(description="When this was first computed, UTC.")
    duration_ms: float = strawberry.field(
        description="Milliseconds of computing: this time, or when a kept one was made."
    )


def record_of(type_name: str, recorded: Recorded) -> dict[str, Any]:
    """The values of the interface's fields."""
    return {
        "recorded": recorded,
        "id": global_id(type_name, recorded.id),
        "kind": ValuationKind(recorded.kind.name),
        "inputs": recorded.inputs,
        "result_hash": recorded.result_hash,
        "engine_version": recorded.engine_version,
        "computed_at": recorded.computed_at,
        "duration_ms": recorded.duration_ms,
    }
