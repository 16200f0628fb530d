"""What a firm does, as callers give it: the same words for every kind of valuation."""

from __future__ import annotations

from typing import Any

import strawberry

from engine.firm.operations import StockCompensation

STOCK_COMPENSATION = strawberry.enum(
    StockCompensation,
    description=(
        "How pay in shares counts, which EBIT is already net of: as a cost like any other "
        "(EXPENSE), or added back to the free cash flow since no cash leaves (ADD_BACK)."
    ),
)

RATE = "a fraction, so 0.08 is 8 %"


def field(description: str, **default: Any) -> Any:
    return strawberry.field(description=description, **default)


@strawberry.input(description="Some years of a schedule.")
class StageInput:
    years: int = field("How many years the stage lasts, 1 or more.")
    value: float = field(
        "The value in each of them, in the schedule's unit; with `ramp`, in the last."
    )
    ramp: bool = field("Go from the stage before to `value` in equal yearly steps.", default=False)


@strawberry.input(
    one_of=True,
    description=(
        "A driver of the forecast over its years, in the unit of the input that it is given for. "
        "Give exactly one."
    ),
)
class ScheduleInput:
    level: float | None = field("The same in every year.", default=strawberry.UNSET)
    by_year: list[float] | None = field("One number for each year.", default=strawberry.UNSET)
    stages: list[StageInput] | None = field(
        "Stages whose years add up to the forecast's.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "Net working capital by how long money is tied up: receivables + inventories - payables, "
        "each at the end of the year, over years of 365 days."
    )
)
class WorkingCapitalDaysInput:
    receivables: ScheduleInput = field("Days of revenue that customers owe (DSO), from 0 to 3,650.")
    inventories: ScheduleInput = field(
        "Days of the cost of sales that are in stock (DIH), from 0 to 3,650."
    )
    payables: ScheduleInput = field(
        "Days of the cost of sales that suppliers are owed (DPO), from 0 to 3,650."
    )
    cost_of_sales: ScheduleInput = field("Cost of sales, a share of revenue, from 0 to 5.")


@strawberry.input(
    description=(
        "Losses carried forward (NOL) and how fast they may be used. Losses of the forecast are "
        "added to them; what they save in tax is discounted at the WACC and added to the equity. "
        "What comes after the forecast is taxed in full."
    )
)
class LossesInput:
    balance: float = field("Losses that can be used on the valuation date, in money, 0 or more.")
    limit_share: float | None = field(
        f"The most of a year's EBIT that losses may be set against, from 0 to 1: {RATE}. Left "
        "out: all of it.",
        default=strawberry.UNSET,
    )
    limit_amount: float | None = field(
        "The most that may be used in a year, in money, 0 or more; of a stub, its share. Left "
        "out: no such limit.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description=(
        "The business. Give exactly one of the two margins, and exactly one of `workingCapital` "
        "and `workingCapitalDays`."
    )
)
class OperationsInput:
    revenue: float = field("Revenue of the twelve months before year 1, in money, 0.01 or more.")
    revenue_growth: ScheduleInput = field(
        f"Growth of revenue over the year before, from -0.99 to 10: {RATE}."
    )
    tax_rate: ScheduleInput = field(
        f"Tax on EBIT, from 0 to 0.9: {RATE}. A loss pays no tax and earns no credit, unless "
        "`losses` are given. What comes after the forecast is taxed as its last year."
    )
    depreciation: ScheduleInput = field(
        "Depreciation and amortisation, a share of revenue, from 0 to 2."
    )
    capital_expenditure: ScheduleInput = field(
        "Capital expenditure, a share of revenue, from -1 to 5: above zero when spent."
    )
    working_capital: ScheduleInput | None = field(
        "Net working capital at the end of the year, a share of that year's revenue, from -5 to "
        "5: below zero, customers and suppliers finance the business.",
        default=strawberry.UNSET,
    )
    working_capital_days: WorkingCapitalDaysInput | None = field(
        "Net working capital by days of revenue and of the cost of sales, instead of a share.",
        default=strawberry.UNSET,
    )
    ebit_margin: ScheduleInput | None = field(
        "EBIT as a share of revenue, from -5 to 1: below zero is a loss.", default=strawberry.UNSET
    )
    ebitda_margin: ScheduleInput | None = field(
        "EBITDA as a share of revenue, from -5 to 1; EBIT is what depreciation leaves of it.",
        default=strawberry.UNSET,
    )
    opening_working_capital: float | None = field(
        "Net working capital at the start of year 1, in money; below zero, it is owed. Left out: "
        "year 1's share of the base revenue.",
        default=strawberry.UNSET,
    )
    opening_fixed_assets: float | None = field(
        "Net property, plant and equipment and other operating fixed capital on the valuation "
        "date, in money, 0 or more: for the reconciliation by economic profit, which is left out "
        "without it. It moves no other number.",
        default=strawberry.UNSET,
    )
    stock_compensation: ScheduleInput | None = field(
        "Pay in shares and options, a share of revenue, from 0 to 1: a cost that EBIT and EBITDA "
        "are already net of.",
        default=strawberry.UNSET,
    )
    stock_compensation_treatment: StockCompensation | None = field(
        "How `stockCompensation` counts. Left out: EXPENSE.", default=strawberry.UNSET
    )
    losses: LossesInput | None = field(
        "Losses carried forward. Left out: no loss, past or to come, saves tax.",
        default=strawberry.UNSET,
    )
