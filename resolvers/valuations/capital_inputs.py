"""The cost of capital of a DCF, as callers give it."""

from __future__ import annotations

import strawberry

from engine.dcf import TaxShields, Unlevering

UNLEVERING = strawberry.enum(
    Unlevering,
    description=(
        "What a firm's debt adds to its beta. HAMADA: beta = unlevered × (1 + (1 - t) D/E), debt "
        "being fixed in money. HARRIS_PRINGLE: beta = unlevered × (1 + D/E), debt being a fixed "
        "share of value. Both take the beta of debt as zero."
    ),
)
TAX_SHIELDS = strawberry.enum(
    TaxShields,
    description=(
        "How the tax that interest saves is valued in the adjusted present value. UNLEVERED_COST: "
        "debt is a constant share of value, discounted at the unlevered cost of capital, as the "
        "WACC has it. COST_OF_DEBT: debt stays at `bridge.debt` for ever, discounted at the cost "
        "of debt; the gap to the value at the WACC is reported."
    ),
)


@strawberry.input(description="A listed firm in the same business.")
class BetaPeerInput:
    name: str = strawberry.field(description="Its name or ticker, 1 to 80 characters.")
    beta: float = strawberry.field(description="Levered, as observed, from -1 to 5.")
    debt_to_equity: float = strawberry.field(
        description="Debt over equity at market values, from 0 to 20."
    )
    tax_rate: float = strawberry.field(
        description="Its own marginal rate: a fraction, from 0 to 0.9."
    )


@strawberry.input(
    description=(
        "A beta from comparable firms: each is unlevered by its own debt and tax, and the median "
        "is levered at `debtWeight` and `taxRate`, with a debt weight of at most 0.99."
    )
)
class BetaComparablesInput:
    peers: list[BetaPeerInput] = strawberry.field(description="From 1 to 30 firms.")
    unlevering: Unlevering = strawberry.field(
        description="How beta and debt go together, for peers and firm alike.",
        default=Unlevering.HAMADA,
    )
    blume: bool = strawberry.field(
        description="Draw each observed beta a third of the way to 1: 2/3 beta + 1/3.",
        default=False,
    )


@strawberry.input(
    description=(
        "WACC = (1 - D) ke + D kd (1 - t), ke = rf + beta ERP + country, size and specific "
        "premium. Give exactly one of `beta` and `comparables`."
    )
)
class CapmInput:
    risk_free_rate: float = strawberry.field(
        description="Per year, from -0.05 to 1: a fraction, so 0.08 is 8 %."
    )
    equity_risk_premium: float = strawberry.field(
        description=(
            "Expected return of the market above the risk-free rate, per year, from 0 to 0.5: a "
            "fraction."
        )
    )
    beta: float | None = strawberry.field(
        description="Levered beta, from -1 to 5.", default=strawberry.UNSET
    )
    comparables: BetaComparablesInput | None = strawberry.field(
        description="Comparable firms to take the beta from.", default=strawberry.UNSET
    )
    pre_tax_cost_of_debt: float = strawberry.field(
        description="Per year, before tax, from -0.05 to 1: a fraction."
    )
    debt_weight: float = strawberry.field(
        description="Target debt as a share of debt and equity, at market values, from 0 to 1."
    )
    tax_rate: float = strawberry.field(
        description="Marginal rate at which interest saves tax: a fraction, from 0 to 0.9."
    )
    country_premium: float | None = strawberry.field(
        description=(
            "Added to the cost of equity for the country's risk, from -0.1 to 0.5: a fraction per "
            "year."
        ),
        default=strawberry.UNSET,
    )
    size_premium: float | None = strawberry.field(
        description=(
            "Added to the cost of equity for a small firm, from -0.1 to 0.5: a fraction per year."
        ),
        default=strawberry.UNSET,
    )
    specific_premium: float | None = strawberry.field(
        description=(
            "Added to the cost of equity for what else is this firm's own, from -0.1 to 0.5: a "
            "fraction per year."
        ),
        default=strawberry.UNSET,
    )
    tax_shields: TaxShields | None = strawberry.field(
        description=(
            "How the reconciliation by adjusted present value treats debt; it moves no other "
            "number. Left out: UNLEVERED_COST."
        ),
        default=strawberry.UNSET,
    )


@strawberry.input(one_of=True, description="The cost of capital. Give exactly one.")
class CapitalInput:
    wacc: float | None = strawberry.field(
        description=(
            "Weighted average cost of capital, per year, after tax, from 0.001 to 1: a fraction, "
            "so 0.08 is 8 %."
        ),
        default=strawberry.UNSET,
    )
    capm: CapmInput | None = strawberry.field(
        description="Built from its parts.", default=strawberry.UNSET
    )
