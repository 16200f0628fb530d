"""Where a valuation's inputs come from, as callers give it and as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import strawberry

from services.kinds import Kind
from services.labels import label_of
from services.shapes import steps_of


@strawberry.input(
    description=(
        "Where an input comes from. It changes no number; it is kept with the valuation and is "
        "part of its id. Give at least one word of it."
    )
)
class AssumptionInput:
    path: str = strawberry.field(
        description=(
            "Of the input, such as `operations.ebitMargin`, or of a group of them, such as "
            "`bridge`. One assumption for each path."
        )
    )
    source: str | None = strawberry.field(
        description="Which report or study, and where in it; up to 2,000 characters.",
        default=strawberry.UNSET,
    )
    as_of: date | None = strawberry.field(
        description="What day the source is true of.", default=strawberry.UNSET
    )
    author: str | None = strawberry.field(
        description="Who stands behind it; up to 200 characters.", default=strawberry.UNSET
    )
    note: str | None = strawberry.field(
        description="Why this number, in a sentence or a few; up to 4,000 characters.",
        default=strawberry.UNSET,
    )


@strawberry.type(description="Where an input of a valuation comes from. It changes no number.")
class InputAssumption:
    path: str = strawberry.field(description="Of the input, or of a group of them.")
    label: str = strawberry.field(description="The same in the field's words.")
    source: str | None = strawberry.field(description="Which report or study; null: not said.")
    as_of: date | None = strawberry.field(
        description="What day the source is true of; null: not said."
    )
    author: str | None = strawberry.field(description="Who stands behind it; null: not said.")
    note: str | None = strawberry.field(description="Why this number; null: not said.")


def assumptions_of(kind: Kind[Any, Any], inputs: Mapping[str, Any]) -> list[InputAssumption]:
    """What a document says of where its inputs come from, in its order."""
    return [
        InputAssumption(
            path=each["path"],
            label=label_of(kind.labels, steps_of(each["path"]) or ()),
            source=each.get("source"),
            as_of=date.fromisoformat(each["asOf"]) if "asOf" in each else None,
            author=each.get("author"),
            note=each.get("note"),
        )
        for each in inputs.get("assumptions", ())
    ]
