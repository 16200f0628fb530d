"""From a firm to one of its shares: bridge, shares and failure of a DCF, as callers give them."""

from __future__ import annotations

import strawberry


@strawberry.input(
    description=(
        "From enterprise to equity value: amounts of money on the valuation date, each 0 or more, "
        "whichever way it counts."
    )
)
class BridgeInput:
    debt: float = strawberry.field(description="Borrowings, at market or book value: taken away.")
    cash: float = strawberry.field(description="Cash and marketable securities: added.")
    leases: float = strawberry.field(description="Lease liabilities: taken away.", default=0.0)
    preferred_stock: float = strawberry.field(
        description="Preferred stock: taken away.", default=0.0
    )
    minority_interests: float = strawberry.field(
        description="Minority (non-controlling) interests: taken away.", default=0.0
    )
    pensions_after_tax: float = strawberry.field(
        description="Unfunded pensions, after the tax that paying them saves: taken away.",
        default=0.0,
    )
    associates: float = strawberry.field(
        description="Associates and other holdings outside operations: added.", default=0.0
    )


@strawberry.input(
    description="Options or warrants on new shares at one strike, by the treasury-stock method."
)
class OptionTrancheInput:
    count: float = strawberry.field(description="How many, in whole shares, 0 or more.")
    strike: float = strawberry.field(
        description=(
            "What one pays for a share, in money, 0 or more. Exercised where a share is worth "
            "more; what is paid buys shares back at the value per share."
        )
    )


@strawberry.input(
    description="Debt or preferred stock that may become shares, by the if-converted method."
)
class ConvertibleInput:
    face_value: float = strawberry.field(
        description=(
            "What is owed where it is not converted, in money, 0 or more. Leave it out of the "
            "bridge's debt."
        )
    )
    conversion_price: float = strawberry.field(
        description=(
            "Face value for one share, in money, above zero. Converted where a share is worth more."
        )
    )


@strawberry.input(
    description=(
        "Who shares the equity value. Give exactly one of `diluted` and `basic`; what dilutes "
        "stands beside `basic`, and takes part at the value per share that it leads to."
    )
)
class SharesInput:
    diluted: float | None = strawberry.field(
        description="Diluted shares, in whole shares, 1 or more.", default=strawberry.UNSET
    )
    basic: float | None = strawberry.field(
        description="Basic shares outstanding, in whole shares, 1 or more.",
        default=strawberry.UNSET,
    )
    restricted_stock: float | None = strawberry.field(
        description=(
            "Restricted stock beside the basic shares, in whole shares, 0 or more, all counted."
        ),
        default=strawberry.UNSET,
    )
    options: list[OptionTrancheInput] | None = strawberry.field(
        description="Options and warrants, up to 20 tranches.", default=strawberry.UNSET
    )
    convertibles: list[ConvertibleInput] | None = strawberry.field(
        description="Convertible debt and preferred stock, up to 20.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "The chance that the firm does not live to earn its forecast. Value = (1 - p) value as a "
        "going concern + p value in failure, of the equity and of a share."
    )
)
class FailureInput:
    probability: float = strawberry.field(
        description="Of failing at any time, a probability from 0 to 1: a fraction, so 0.08 is 8 %."
    )
    recovery: float = strawberry.field(
        description=(
            "What a sale in distress brings, as a share of the enterprise value, from 0 to 1. "
            "Every claim is paid before the shareholders, who lose no more than all."
        )
    )
