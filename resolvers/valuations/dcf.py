"""Discounted cash flow, as the schema says it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.ids import inner_id
from resolvers.refusal import Refusal
from resolvers.scalars import FloatSeries
from resolvers.valuations.analyses import Analysable
from resolvers.valuations.inputs import DcfInput
from resolvers.valuations.record import Valuation, record_of
from services.kinds import DCF
from services.valuations import Recorded
from services.words import snake


def _words(document: dict[str, Any]) -> dict[str, Any]:
    return {snake(name): value for name, value in document.items()}


@strawberry.type(
    description="Every line of every year, one number for each; money, but for the factors."
)
class DcfForecast:
    revenue: FloatSeries = strawberry.field(description="Of the year before, grown.")
    ebitda: FloatSeries = strawberry.field(
        description="Earnings before interest, tax, depreciation and amortisation."
    )
    depreciation: FloatSeries = strawberry.field(description="With amortisation.")
    ebit: FloatSeries = strawberry.field(description="EBITDA less depreciation.")
    tax: FloatSeries = strawberry.field(description="On EBIT; none on a loss.")
    nopat: FloatSeries = strawberry.field(description="EBIT less tax.")
    capital_expenditure: FloatSeries = strawberry.field(description="Positive when spent.")
    working_capital: FloatSeries = strawberry.field(description="At the end of the year.")
    increase_in_working_capital: FloatSeries = strawberry.field(description="Over the year before.")
    free_cash_flow: FloatSeries = strawberry.field(
        description="NOPAT + depreciation - capital expenditure - increase in working capital."
    )
    discount_factor: FloatSeries = strawberry.field(
        description="What one unit of the year is worth today."
    )
    present_value: FloatSeries = strawberry.field(
        description="Free cash flow times discount factor."
    )


@strawberry.type(description="From enterprise to equity value, in money.")
class EquityBridge:
    debt: float = strawberry.field(description="Taken away.")
    leases: float = strawberry.field(description="Taken away.")
    preferred_stock: float = strawberry.field(description="Taken away.")
    minority_interests: float = strawberry.field(description="Taken away.")
    pensions_after_tax: float = strawberry.field(description="Taken away.")
    cash: float = strawberry.field(description="Added.")
    associates: float = strawberry.field(description="Added.")


@strawberry.type(
    description="What the value implies in the terms of other methods. Null: not defined here."
)
class DcfCrossChecks:
    terminal_share: float | None = strawberry.field(
        description="Share of the enterprise value that comes after the forecast."
    )
    implied_exit_multiple: float | None = strawberry.field(
        description="Terminal value over the last year's EBITDA, as a buyer at year end sees it."
    )
    implied_growth: float | None = strawberry.field(
        description="Growth for ever, per year, of a Gordon perpetuity of the same terminal value."
    )
    implied_return_on_new_capital: float | None = strawberry.field(
        description=(
            "Return on new capital, per year, that this growth and the last year's cash flow imply."
        )
    )
    ev_to_revenue: float = strawberry.field(
        description="Enterprise value over the base year's revenue."
    )
    ev_to_ebitda: float | None = strawberry.field(
        description="Enterprise value over year 1's EBITDA."
    )
    upside: float | None = strawberry.field(
        description="Value per share over the market price, less 1, as a fraction. Null: no price."
    )


@strawberry.type(description="What a reviewer would write in the margin. It changes no number.")
class Remark:
    code: str = strawberry.field(description="What kind of remark, for a program.")
    path: str = strawberry.field(description="The input to look at.")
    message: str = strawberry.field(description="The remark, for a person.")


@strawberry.type(description="A firm valued by its free cash flow. Money is in `currency`.")
class DcfValuation(Analysable):
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    wacc: float = strawberry.field(
        description="Weighted average cost of capital, a fraction per year."
    )
    cost_of_equity: float | None = strawberry.field(
        description="A fraction per year; null where the WACC was given."
    )
    value_of_forecast: float = strawberry.field(description="The explicit years, today.")
    terminal_value: float = strawberry.field(description="At the end of the last year.")
    terminal_discount_factor: float = strawberry.field(
        description="What one unit of the terminal value is worth today."
    )
    value_of_terminal: float = strawberry.field(description="The terminal value, today.")
    enterprise_value: float = strawberry.field(
        description="Of the forecast and of what comes after, today."
    )
    net_debt: float = strawberry.field(
        description="All claims before the shareholders', less cash and associates."
    )
    equity_value: float = strawberry.field(description="Enterprise value less net debt.")
    value_per_share: float = strawberry.field(
        description="Equity value over diluted shares, in units of the currency."
    )
    diluted_shares: float = strawberry.field(description="Whole shares.")
    forecast: DcfForecast = strawberry.field(description="Year by year.")
    bridge: EquityBridge = strawberry.field(description="From enterprise to equity value.")
    cross_checks: DcfCrossChecks = strawberry.field(description="What other methods would say.")
    remarks: list[Remark] = strawberry.field(description="What a reviewer would note; often none.")

    @classmethod
    def of(cls, recorded: Recorded) -> DcfValuation:
        result = dict(recorded.result)
        return cls(
            **record_of("DcfValuation", recorded),
            currency=recorded.inputs["currency"],
            forecast=DcfForecast(**_words(result.pop("forecast"))),
            bridge=EquityBridge(**_words(result.pop("bridge"))),
            cross_checks=DcfCrossChecks(**_words(result.pop("crossChecks"))),
            remarks=[Remark(**remark) for remark in result.pop("remarks")],
            **_words(result),
        )


DcfOutcome: TypeAlias = Annotated[
    DcfValuation | Refusal,
    strawberry.union("DcfOutcome", description="A valuation, or what to mend in its inputs."),
]
Input: TypeAlias = Annotated[DcfInput, strawberry.argument(description="The firm to value.")]
Id: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="A valuation's global id.")
]


@strawberry.type
class DcfMutation:
    @strawberry.mutation(description="Value a firm by its free cash flow, and keep the valuation.")
    async def value_dcf(self, info: Info, input: Input) -> DcfOutcome:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.value(
            info.context.principal, DCF, input.document
        )
        return DcfValuation.of(recorded)


@strawberry.type
class ValuationQuery:
    @strawberry.field(description="A valuation of the caller's tenant.")
    async def valuation(self, info: Info, id: Id) -> Valuation:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.find(
            info.context.principal, inner_id("DcfValuation", id)
        )
        return DcfValuation.of(recorded)
