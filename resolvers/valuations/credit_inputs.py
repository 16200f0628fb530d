"""The inputs of a credit valuation, as callers give them."""

from __future__ import annotations

from typing import Any

import strawberry

from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.firm_inputs import field
from resolvers.valuations.given import as_document


@as_document
@strawberry.input(
    description=(
        "What is known of a firm's equity and debt, from which Merton's model finds its assets. "
        "Money is in whole units of one currency."
    )
)
class CreditInput:
    equity_value: float | None = field(
        "What all shares are worth, in money, from 0.01 to 1e18: at the market, or the equity "
        "value of another valuation of the firm. Only `valueCredit` can do without, where its "
        "`equityOf` names a valuation that says it.",
        default=strawberry.UNSET,
    )
    equity_volatility: float = field(
        "Of the shares' continuous returns, a fraction per square root of a year, from 0.001 to "
        "10: 0.3 is 30 %."
    )
    debt: float = field(
        "Face value of all debt, in money, from 0.01 to 1e18. It counts as one zero bond that is "
        "due at the horizon."
    )
    horizon: float = field("Years until the debt is due, from 1/365 to 50.")
    risk_free_rate: float = field(
        "Continuously compounded, a fraction a year, from -0.2 to 1: ln(1.05) for 5 % a year."
    )
    currency: str = field("ISO 4217 code of the firm's money.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    assumptions: list[AssumptionInput] | None = field(
        "Where inputs come from, up to 200. They change no number, are kept with the valuation, "
        "and are part of its id.",
        default=strawberry.UNSET,
    )
