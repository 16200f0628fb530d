"""Which number of a valuation is asked for: every kind's, by one name."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from services.kinds import Output

__all__ = ["Of", "Output"]

VALUATION_OUTPUT = strawberry.enum(
    Output,
    name="ValuationOutput",
    description=(
        "A number of a valuation that analyses ask for over many scenarios. Each kind has some of "
        "them; a DCF and a comparison have the value per share, the equity value and the "
        "enterprise value, a buyout the sponsor's IRR and MOIC, the equity at exit and the "
        "sponsor's equity at closing, a merger the accretion of earnings per share in year 1 and "
        "what the deal comes to, a credit valuation the distance to default, the probability of "
        "default and the spread."
    ),
)
Of: TypeAlias = Annotated[
    Output | None,
    strawberry.argument(
        description=(
            "The number of the valuation that is asked for. Left out: what its kind is asked for "
            "first, of a DCF the value per share."
        )
    ),
]
