"""How a DCF's cost of capital came about, and its value by two other roads."""

from __future__ import annotations

import strawberry

from resolvers.scalars import FloatSeries


@strawberry.type(description="What one comparable firm says of the business.")
class PeerBeta:
    name: str = strawberry.field(description="As given.")
    beta: float = strawberry.field(
        description="Levered; after Blume's adjustment, where it was asked for."
    )
    unlevered_beta: float = strawberry.field(description="Without its debt.")


@strawberry.type(description="The parts of a WACC that was built. Null: not given.")
class CostOfCapital:
    peers: list[PeerBeta] | None = strawberry.field(
        description="In the order of the inputs. Null: the beta was given."
    )
    unlevered_beta: float | None = strawberry.field(
        description="Median of the peers'. Null: the beta was given."
    )
    beta: float = strawberry.field(
        description="Levered: as given, or the median at the firm's own debt and tax."
    )
    market_premium: float = strawberry.field(
        description="Beta × equity risk premium, a fraction per year."
    )
    country_premium: float | None = strawberry.field(
        description="As given, a fraction per year. Null: not given."
    )
    size_premium: float | None = strawberry.field(
        description="As given, a fraction per year. Null: not given."
    )
    specific_premium: float | None = strawberry.field(
        description="As given, a fraction per year. Null: not given."
    )
    cost_of_equity: float = strawberry.field(
        description="The risk-free rate and all premia, a fraction per year."
    )
    after_tax_cost_of_debt: float = strawberry.field(description="A fraction per year.")
    unlevered_cost: float = strawberry.field(
        description="Of capital without debt, (1 - D) ke + D kd: a fraction per year."
    )


@strawberry.type(
    description=(
        "Enterprise value as the capital in place and the profit above its cost; of a year 1 that "
        "has begun, what is left counts. Money; lists are by year."
    )
)
class EconomicProfit:
    opening_capital: float = strawberry.field(
        description="On the valuation date: operating fixed assets and net working capital."
    )
    capital: FloatSeries = strawberry.field(description="At the end of the year.")
    capital_charge: FloatSeries = strawberry.field(
        description="What the capital at the start of the year costs: WACC × capital, if a year."
    )
    economic_profit: FloatSeries = strawberry.field(description="NOPAT less the capital charge.")
    value_of_economic_profit: float = strawberry.field(description="Of the forecast, today.")
    value_of_terminal: float = strawberry.field(
        description="Of the economic profit after the forecast, today."
    )
    enterprise_value: float = strawberry.field(
        description="Opening capital and both values of economic profit."
    )
    gap: float = strawberry.field(
        description="Less the value by discounted cash flow: nothing but rounding."
    )


@strawberry.type(
    description=(
        "Enterprise value as the firm without debt, and the tax that its debt saves. Money; lists "
        "are by year."
    )
)
class AdjustedPresentValue:
    unlevered_cost: float = strawberry.field(
        description="Of capital without debt: a fraction per year."
    )
    unlevered_value: float = strawberry.field(
        description="The same free cash flows at the unlevered cost of capital, today."
    )
    tax_shields: FloatSeries = strawberry.field(
        description="Tax saved by the year's interest, until its cash flow comes."
    )
    value_of_tax_shields: float = strawberry.field(description="Of the forecast, today.")
    value_of_terminal_tax_shields: float | None = strawberry.field(
        description="Of what is saved after it, today. Null: held by the price at the exit."
    )
    enterprise_value: float = strawberry.field(
        description="The unlevered value and both values of tax shields."
    )
    gap: float = strawberry.field(
        description=(
            "Less the value by discounted cash flow: nothing but rounding where debt is a constant "
            "share of value; what the assumption on debt is worth where it is fixed."
        )
    )


@strawberry.type(
    description=(
        "The enterprise value by two other roads. The value by discounted cash flow has no part "
        "of a failure and of losses carried forward, and neither have these."
    )
)
class Reconciliation:
    economic_profit: EconomicProfit | None = strawberry.field(
        description="Null: `noEconomicProfit` says why."
    )
    no_economic_profit: str | None = strawberry.field(
        description="Why there is none, in words. Null: there is one."
    )
    adjusted_present_value: AdjustedPresentValue | None = strawberry.field(
        description="Null: `noAdjustedPresentValue` says why."
    )
    no_adjusted_present_value: str | None = strawberry.field(
        description="Why there is none, in words. Null: there is one."
    )
