"""Discounted cash flow, as the schema says it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.scalars import FloatSeries
from resolvers.valuations.analyses import Analysable
from resolvers.valuations.dcf_inputs import DcfInput
from resolvers.valuations.reconciliation import CostOfCapital, Reconciliation
from resolvers.valuations.record import Remark, record_of
from resolvers.valuations.results import filled
from services.kinds import DCF
from services.valuations import Recorded


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
    tax: FloatSeries = strawberry.field(
        description="On EBIT, before losses carried forward; none on a loss."
    )
    nopat: FloatSeries = strawberry.field(description="EBIT less tax.")
    capital_expenditure: FloatSeries = strawberry.field(description="Positive when spent.")
    working_capital: FloatSeries = strawberry.field(description="At the end of the year.")
    increase_in_working_capital: FloatSeries = strawberry.field(
        description="Over the year before: above zero, it takes cash."
    )
    free_cash_flow: FloatSeries = strawberry.field(
        description=(
            "NOPAT + depreciation - capital expenditure - increase in working capital; plus stock "
            "compensation, where that is added back."
        )
    )
    discount_factor: FloatSeries | None = strawberry.field(
        description=(
            "What one unit of the year is worth today. Null: the sum of segments, each of which "
            "has its own."
        )
    )
    present_value: FloatSeries = strawberry.field(
        description="Free cash flow times discount factor; of year 1, its share that is a stub."
    )
    receivables: FloatSeries | None = strawberry.field(
        description="At the end of the year. Null: working capital is not given by days.",
        default=None,
    )
    inventories: FloatSeries | None = strawberry.field(
        description="At the end of the year. Null: working capital is not given by days.",
        default=None,
    )
    payables: FloatSeries | None = strawberry.field(
        description="At the end of the year. Null: working capital is not given by days.",
        default=None,
    )
    stock_compensation: FloatSeries | None = strawberry.field(
        description="Within EBIT, as a cost. Null: not given.", default=None
    )
    losses_used: FloatSeries | None = strawberry.field(
        description=(
            "Losses carried forward that are set against the year's EBIT, of year 1 against its "
            "part after the valuation date. Null: none are carried forward."
        ),
        default=None,
    )
    losses_left: FloatSeries | None = strawberry.field(
        description=(
            "Losses carried forward at the end of the year, with those of the forecast. Null: "
            "none are carried forward."
        ),
        default=None,
    )
    tax_saved: FloatSeries | None = strawberry.field(
        description=(
            "By the losses used, at the year's tax rate. It is no part of `tax` and of the free "
            "cash flow. Null: no losses are carried forward."
        ),
        default=None,
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
    losses_carried_forward: float | None = strawberry.field(
        description=(
            "Added: the tax that losses carried forward save, today. Null: none are carried "
            "forward."
        ),
        default=None,
    )
    convertibles: float | None = strawberry.field(
        description=(
            "Taken away: face value of the convertibles that are not converted. Null: none given."
        ),
        default=None,
    )


@strawberry.type(description="What becomes of one tranche of options.")
class DilutingOptions:
    count: float = strawberry.field(description="As given, in whole shares.")
    strike: float = strawberry.field(description="As given, in money a share.")
    exercised: bool = strawberry.field(description="Whether a share is worth more than the strike.")
    net_shares: float = strawberry.field(
        description="New shares less those that the strikes buy back; 0 where not exercised."
    )


@strawberry.type(description="What becomes of one convertible.")
class DilutingConvertible:
    face_value: float = strawberry.field(description="As given, in money.")
    conversion_price: float = strawberry.field(description="As given, in money a share.")
    converted: bool = strawberry.field(
        description="Whether a share is worth more than the conversion price."
    )
    shares: float = strawberry.field(description="New shares; 0 where it is not converted.")
    debt: float = strawberry.field(description="What is owed, in money; 0 where it is converted.")


@strawberry.type(
    description=(
        "Who takes part in the equity, solved together with the price: price × diluted shares is "
        "the equity value."
    )
)
class Dilution:
    price: float = strawberry.field(
        description="Value per share, of the going concern, at which all of them decide."
    )
    held_shares: float = strawberry.field(description="Basic shares and restricted stock.")
    options: list[DilutingOptions] = strawberry.field(description="In the order of the inputs.")
    convertibles: list[DilutingConvertible] = strawberry.field(
        description="In the order of the inputs."
    )


@strawberry.type(description="The equity of the firm in one of its two futures.")
class DcfFuture:
    equity_value: float = strawberry.field(description="In money.")
    value_per_share: float = strawberry.field(description="In units of the currency.")
    diluted_shares: float = strawberry.field(description="Whole shares.")


@strawberry.type(description="The two futures that the equity value and a share's are weighed of.")
class DcfFailure:
    going_concern: DcfFuture = strawberry.field(description="The firm lives on.")
    failed: DcfFuture = strawberry.field(
        description="It is sold in distress. Equity is what the claims leave of that, or nothing."
    )


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


@strawberry.type(
    description=(
        "A segment of the firm, valued by itself, in the firm's currency. Claims and shares are "
        "the firm's."
    )
)
class DcfSegment:
    name: str = strawberry.field(description="As given.")
    wacc: float = strawberry.field(
        description="Of its own capital, or the firm's: a fraction per year."
    )
    value_of_forecast: float = strawberry.field(description="The explicit years, today.")
    terminal_value: float = strawberry.field(description="At the end of the last year.")
    terminal_discount_factor: float = strawberry.field(
        description="What one unit of the terminal value is worth today."
    )
    value_of_terminal: float = strawberry.field(description="The terminal value, today.")
    enterprise_value: float = strawberry.field(
        description="Of the forecast and of what comes after, today; below zero, it takes away."
    )
    share: float | None = strawberry.field(
        description="Of the firm's enterprise value. Null: that is not above zero."
    )
    losses_carried_forward: float | None = strawberry.field(
        description="The tax that its own losses save, today. Null: none are carried forward."
    )
    forecast: DcfForecast = strawberry.field(description="Year by year.")
    cross_checks: DcfCrossChecks = strawberry.field(
        description="What other methods would say of it."
    )
    reconciliation: Reconciliation = strawberry.field(
        description=(
            "Its value by economic profit and by adjusted present value. Debt that is fixed in "
            "money is the firm's, and saves no tax here."
        )
    )


@strawberry.type(
    description=(
        "A firm valued by its free cash flow. Money is in whole units of `currency`; today is the "
        "valuation date."
    )
)
class DcfValuation(Analysable):
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    wacc: float = strawberry.field(
        description="Weighted average cost of capital, a fraction per year."
    )
    cost_of_equity: float | None = strawberry.field(
        description="A fraction per year; null where the WACC was given."
    )
    cost_of_capital: CostOfCapital | None = strawberry.field(
        description="How the WACC came about. Null: it was given.", default=None
    )
    stub_share: float | None = strawberry.field(
        description=(
            "Share of year 1 that is after the valuation date, days / 365, above 0 to 1. Null: no "
            "end of a fiscal year was given."
        ),
        default=None,
    )
    value_of_forecast: float = strawberry.field(description="The explicit years, today.")
    terminal_value: float = strawberry.field(description="At the end of the last year.")
    terminal_discount_factor: float | None = strawberry.field(
        description=(
            "What one unit of the terminal value is worth today. Null: the sum of segments, each "
            "of which has its own."
        )
    )
    value_of_terminal: float = strawberry.field(description="The terminal value, today.")
    enterprise_value: float = strawberry.field(
        description="Of the forecast and of what comes after, today."
    )
    net_debt: float = strawberry.field(
        description=(
            "All claims before the shareholders', with the convertibles that are not converted, "
            "less cash and associates."
        )
    )
    equity_value: float = strawberry.field(
        description=(
            "Enterprise value less net debt, plus the tax that losses carried forward save; where "
            "a failure is given, weighed over both futures."
        )
    )
    value_per_share: float = strawberry.field(
        description=(
            "Equity value over diluted shares, in units of the currency; where a failure is given, "
            "weighed over both futures."
        )
    )
    diluted_shares: float = strawberry.field(
        description="Whole shares; where a failure is given, of the going concern."
    )
    dilution: Dilution | None = strawberry.field(
        description="Who takes part, tranche by tranche. Null: diluted shares were given.",
        default=None,
    )
    failure: DcfFailure | None = strawberry.field(
        description="Both futures. Null: the inputs have no failure.", default=None
    )
    forecast: DcfForecast = strawberry.field(description="Year by year.")
    bridge: EquityBridge = strawberry.field(description="From enterprise to equity value.")
    cross_checks: DcfCrossChecks = strawberry.field(description="What other methods would say.")
    segments: list[DcfSegment] | None = strawberry.field(
        description="Each segment by itself, in the order of the inputs. Null: the firm has none.",
        default=None,
    )
    reconciliation: Reconciliation | None = strawberry.field(
        description=(
            "The same value by economic profit and by adjusted present value. Null: each segment "
            "has its own, or it was kept by a server that did not reconcile yet."
        ),
        default=None,
    )
    remarks: list[Remark] = strawberry.field(description="What a reviewer would note; often none.")

    @classmethod
    def of(cls, recorded: Recorded) -> DcfValuation:
        return filled(
            cls,
            recorded.result,
            **record_of("DcfValuation", recorded),
            currency=recorded.inputs["currency"],
        )


DcfOutcome: TypeAlias = Annotated[
    DcfValuation | Refusal,
    strawberry.union("DcfOutcome", description="A valuation, or what to mend in its inputs."),
]
Input: TypeAlias = Annotated[DcfInput, strawberry.argument(description="The firm to value.")]


@strawberry.type
class DcfMutation:
    @strawberry.mutation(description="Value a firm by its free cash flow, and keep the valuation.")
    async def value_dcf(self, info: Info, input: Input) -> DcfOutcome:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.value(
            info.context.principal, DCF, input.document
        )
        return DcfValuation.of(recorded)
