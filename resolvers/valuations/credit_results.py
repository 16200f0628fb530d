"""What a credit valuation answers, as the schema says it."""

from __future__ import annotations

import strawberry

from resolvers.valuations.analyses import Analysable
from resolvers.valuations.record import Remark, record_of
from resolvers.valuations.results import filled
from services.valuations import Recorded


@strawberry.type(description="What is left of the model's two equations at the answer.")
class CreditCertificate:
    steps: int = strawberry.field(description="Of the search, a count.")
    equity_residual: float = strawberry.field(
        description="Equity less the call on the assets, share of the equity; 1e-12 at most."
    )
    volatility_residual: float = strawberry.field(
        description=(
            "Equity volatility less that of the call, share of the equity volatility; 1e-12 at "
            "most."
        )
    )


@strawberry.type(
    description=(
        "What a firm's shares say of its debt, by Merton's model: the shares are a call on the "
        "assets, struck at the debt. Money is in whole units of `currency`. Probabilities are "
        "risk-neutral: higher than those that are counted afterwards."
    )
)
class CreditValuation(Analysable):
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    equity_value: float = strawberry.field(
        description="Of all shares, in money: as given, or as taken from another valuation."
    )
    asset_value: float = strawberry.field(description="Of the firm's assets today, in money.")
    asset_volatility: float = strawberry.field(
        description="Of the assets, a fraction per square root of a year."
    )
    distance_to_default: float = strawberry.field(
        description=(
            "Standard deviations between assets and debt at the horizon; below zero where default "
            "is likelier than not."
        )
    )
    default_probability: float = strawberry.field(
        description="That the assets do not pay the debt at the horizon, a fraction."
    )
    spread: float = strawberry.field(
        description=(
            "Yield of the debt over the risk-free rate, a fraction a year, continuously compounded."
        )
    )
    debt_value: float = strawberry.field(
        description="Of the debt today, in money: assets less equity."
    )
    riskless_debt_value: float = strawberry.field(
        description="Its face value discounted at the risk-free rate, in money."
    )
    expected_loss: float = strawberry.field(
        description="What the risk of default takes off, share of the riskless value."
    )
    recovery: float | None = strawberry.field(
        description="Share of the debt that is paid after a default. Null: there is no default."
    )
    leverage: float = strawberry.field(description="Debt over assets, both at market value.")
    certificate: CreditCertificate = strawberry.field(
        description="The proof that the equations are solved."
    )
    remarks: list[Remark] = strawberry.field(description="What a reviewer would note; often none.")

    @classmethod
    def of(cls, recorded: Recorded) -> CreditValuation:
        return filled(
            cls,
            recorded.result,
            **record_of("CreditValuation", recorded),
            currency=recorded.inputs["currency"],
            equity_value=recorded.inputs["equityValue"],
        )
