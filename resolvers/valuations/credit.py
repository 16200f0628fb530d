"""Credit, as the schema says it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.valuations.credit_inputs import CreditInput
from resolvers.valuations.credit_results import CreditValuation
from resolvers.valuations.kinds import named
from services.credit import EquityOf

CreditOutcome: TypeAlias = Annotated[
    CreditValuation | Refusal,
    strawberry.union("CreditOutcome", description="A valuation, or what to mend in its inputs."),
]
Input: TypeAlias = Annotated[
    CreditInput, strawberry.argument(description="The firm whose debt to value.")
]
Of: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description=(
            "Global id of a DCF or a comparison of the same firm, in the same currency: its equity "
            "value, as kept, becomes the `equityValue` of the inputs, and the id its source among "
            "their assumptions. Exactly one of `equityOf` and `input.equityValue` is given."
        )
    ),
]


@strawberry.type
class CreditMutation:
    @strawberry.mutation(
        description="Value a firm's debt by what its shares say of it, and keep the valuation."
    )
    async def value_credit(self, info: Info, input: Input, equity_of: Of = None) -> CreditOutcome:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.credit.value(
            info.context.principal,
            input.document,
            None if equity_of is None else EquityOf(named(equity_of), equity_of),
        )
        return CreditValuation.of(recorded)
