"""The inputs of a DCF, as callers give them.

An input becomes a document (JSON with defaults applied), and the document becomes the engine's
inputs: the same road for GraphQL, for files, and for what was kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson
import strawberry

from engine.dcf import FlowTiming, StockCompensation, TerminalDiscounting
from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.capital_inputs import CapitalInput
from resolvers.valuations.equity_inputs import BridgeInput, FailureInput, SharesInput

FLOW_TIMING = strawberry.enum(
    FlowTiming,
    description="When a year's cash comes: at its end, or halfway through it on average.",
)
TERMINAL_DISCOUNTING = strawberry.enum(
    TerminalDiscounting,
    description=(
        "How a perpetuity is discounted when flows come at mid-year: with the last flow "
        "(N - 1/2 years), or from the year's end (N years). At END_YEAR both are the same."
    ),
)
STOCK_COMPENSATION = strawberry.enum(
    StockCompensation,
    description=(
        "How pay in shares counts, which EBIT is already net of: as a cost like any other "
        "(EXPENSE), or added back to the free cash flow since no cash leaves (ADD_BACK)."
    ),
)

_RATE = "a fraction, so 0.08 is 8 %"


def _field(description: str, **default: Any) -> Any:
    return strawberry.field(description=description, **default)


@strawberry.input(description="Some years of a schedule.")
class StageInput:
    years: int = _field("How many years the stage lasts, 1 or more.")
    value: float = _field(
        "The value in each of them, in the schedule's unit; with `ramp`, in the last."
    )
    ramp: bool = _field("Go from the stage before to `value` in equal yearly steps.", default=False)


@strawberry.input(
    one_of=True,
    description=(
        "A driver of the forecast over its years, in the unit of the input that it is given for. "
        "Give exactly one."
    ),
)
class ScheduleInput:
    level: float | None = _field("The same in every year.", default=strawberry.UNSET)
    by_year: list[float] | None = _field("One number for each year.", default=strawberry.UNSET)
    stages: list[StageInput] | None = _field(
        "Stages whose years add up to the forecast's.", default=strawberry.UNSET
    )


@strawberry.input(description="When value is taken and when cash comes.")
class TimingInput:
    valuation_date: date = _field(
        "The day that values are of. Year 1 begins on it, unless `fiscalYearEnd` is given."
    )
    years: int = _field("Years of explicit forecast, 1 to 100.")
    flows: FlowTiming = _field("When a year's cash comes.", default=FlowTiming.END_YEAR)
    fiscal_year_end: date | None = _field(
        "The last day of year 1, from 1 to 366 days after the valuation date. Schedules stay by "
        "fiscal year; of year 1's flow the share after the valuation date counts (days / 365, at "
        "most 1), and cash comes that much earlier. Left out: a whole year.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description=(
        "Net working capital by how long money is tied up: receivables + inventories - payables, "
        "each at the end of the year, over years of 365 days."
    )
)
class WorkingCapitalDaysInput:
    receivables: ScheduleInput = _field(
        "Days of revenue that customers owe (DSO), from 0 to 3,650."
    )
    inventories: ScheduleInput = _field(
        "Days of the cost of sales that are in stock (DIH), from 0 to 3,650."
    )
    payables: ScheduleInput = _field(
        "Days of the cost of sales that suppliers are owed (DPO), from 0 to 3,650."
    )
    cost_of_sales: ScheduleInput = _field("Cost of sales, a share of revenue, from 0 to 5.")


@strawberry.input(
    description=(
        "Losses carried forward (NOL) and how fast they may be used. Losses of the forecast are "
        "added to them; what they save in tax is discounted at the WACC and added to the equity. "
        "What comes after the forecast is taxed in full."
    )
)
class LossesInput:
    balance: float = _field("Losses that can be used on the valuation date, in money, 0 or more.")
    limit_share: float | None = _field(
        f"The most of a year's EBIT that losses may be set against, from 0 to 1: {_RATE}. Left "
        "out: all of it.",
        default=strawberry.UNSET,
    )
    limit_amount: float | None = _field(
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
    revenue: float = _field("Revenue of the twelve months before year 1, in money, 0.01 or more.")
    revenue_growth: ScheduleInput = _field(
        f"Growth of revenue over the year before, from -0.99 to 10: {_RATE}."
    )
    tax_rate: ScheduleInput = _field(
        f"Tax on EBIT, from 0 to 0.9: {_RATE}. A loss pays no tax and earns no credit, unless "
        "`losses` are given. What comes after the forecast is taxed as its last year."
    )
    depreciation: ScheduleInput = _field(
        "Depreciation and amortisation, a share of revenue, from 0 to 2."
    )
    capital_expenditure: ScheduleInput = _field(
        "Capital expenditure, a share of revenue, from -1 to 5: above zero when spent."
    )
    working_capital: ScheduleInput | None = _field(
        "Net working capital at the end of the year, a share of that year's revenue, from -5 to "
        "5: below zero, customers and suppliers finance the business.",
        default=strawberry.UNSET,
    )
    working_capital_days: WorkingCapitalDaysInput | None = _field(
        "Net working capital by days of revenue and of the cost of sales, instead of a share.",
        default=strawberry.UNSET,
    )
    ebit_margin: ScheduleInput | None = _field(
        "EBIT as a share of revenue, from -5 to 1: below zero is a loss.", default=strawberry.UNSET
    )
    ebitda_margin: ScheduleInput | None = _field(
        "EBITDA as a share of revenue, from -5 to 1; EBIT is what depreciation leaves of it.",
        default=strawberry.UNSET,
    )
    opening_working_capital: float | None = _field(
        "Net working capital at the start of year 1, in money; below zero, it is owed. Left out: "
        "year 1's share of the base revenue.",
        default=strawberry.UNSET,
    )
    opening_fixed_assets: float | None = _field(
        "Net property, plant and equipment and other operating fixed capital on the valuation "
        "date, in money, 0 or more: for the reconciliation by economic profit, which is left out "
        "without it. It moves no other number.",
        default=strawberry.UNSET,
    )
    stock_compensation: ScheduleInput | None = _field(
        "Pay in shares and options, a share of revenue, from 0 to 1: a cost that EBIT and EBITDA "
        "are already net of.",
        default=strawberry.UNSET,
    )
    stock_compensation_treatment: StockCompensation | None = _field(
        "How `stockCompensation` counts. Left out: EXPENSE.", default=strawberry.UNSET
    )
    losses: LossesInput | None = _field(
        "Losses carried forward. Left out: no loss, past or to come, saves tax.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description="What the year after the forecast writes off and spends, if it is to last."
)
class NormalisedInput:
    depreciation: float = _field(
        "Depreciation and amortisation, a share of the revenue of the year after the forecast, "
        "from 0 to 2."
    )
    capital_expenditure: float = _field(
        "Capital expenditure, a share of the revenue of the year after the forecast, from -1 to "
        "5: above zero when spent."
    )


@strawberry.input(description="TV = FCF (1 + g) / (WACC - g), on the last year's free cash flow.")
class GordonInput:
    growth: float = _field(
        f"Growth for ever, per year, from -0.5 to 0.5 and 0.001 or more below the WACC: {_RATE}."
    )
    normalised: NormalisedInput | None = _field(
        "Instead of the last year's free cash flow (1 + g): NOPAT (1 + g) + (depreciation - "
        "capital expenditure) of the year after the forecast - working capital × g; with stock "
        "compensation (1 + g), where that is added back.",
        default=strawberry.UNSET,
    )
    discounting: TerminalDiscounting = _field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(
    description=(
        "TV = FCF ((1 + g) + H (gS - g)) / (WACC - g): growth falls in a straight line from gS to "
        "g over 2 H years after the forecast (the H-model of Fuller and Hsia)."
    )
)
class HModelInput:
    initial_growth: float = _field(
        f"Growth gS right after the forecast, per year, from -0.5 to 1: {_RATE}."
    )
    growth: float = _field(
        "Growth g for ever after the fade, per year, from -0.5 to 0.5 and 0.001 or more below the "
        "WACC."
    )
    half_life: float = _field("Half of the years H that the fade takes, from 0 to 50.")
    discounting: TerminalDiscounting = _field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(description="TV = multiple × EBITDA of the last year, discounted N years.")
class ExitMultipleInput:
    ev_to_ebitda: float = _field("Enterprise value over EBITDA, from 0 to 1,000.")


@strawberry.input(description="TV = NOPAT (1 + g)(1 - g / RONIC) / (WACC - g).")
class ValueDriverInput:
    growth: float = _field(
        f"Growth for ever, per year, from -0.5 to 0.5 and 0.001 or more below the WACC: {_RATE}."
    )
    return_on_new_capital: float = _field(
        f"After-tax return on new capital (RONIC), per year, not below the growth: {_RATE}."
    )
    discounting: TerminalDiscounting = _field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(one_of=True, description="The value after the forecast. Give exactly one.")
class TerminalInput:
    gordon: GordonInput | None = _field("A growing perpetuity.", default=strawberry.UNSET)
    h_model: HModelInput | None = _field(
        "A perpetuity whose growth fades first.", default=strawberry.UNSET
    )
    exit_multiple: ExitMultipleInput | None = _field(
        "A sale at the end of the last year.", default=strawberry.UNSET
    )
    value_driver: ValueDriverInput | None = _field(
        "A perpetuity whose growth costs what its return says.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "A part of the firm with a business of its own. Its enterprise value is added to the "
        "others'; claims, shares and failure are the firm's."
    )
)
class SegmentInput:
    name: str = _field("One line of 1 to 60 characters, unlike the other segments'.")
    operations: OperationsInput = _field("Its business, year by year.")
    capital: CapitalInput | None = _field(
        "What its capital costs. Left out: what the firm's does.", default=strawberry.UNSET
    )
    terminal: TerminalInput | None = _field(
        "What comes after its forecast. Left out: as the firm's.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "A firm to value by its free cash flow. Money is in whole units of one currency; rates "
        "are fractions."
    )
)
class DcfInput:
    timing: TimingInput = _field("When value is taken and when cash comes.")
    operations: OperationsInput | None = _field(
        "The business, year by year. Left out: `segments` have theirs.", default=strawberry.UNSET
    )
    segments: list[SegmentInput] | None = _field(
        "The firm as the sum of its parts, 1 to 20 segments, instead of `operations`.",
        default=strawberry.UNSET,
    )
    capital: CapitalInput = _field("What capital costs.")
    terminal: TerminalInput = _field("What comes after the forecast.")
    bridge: BridgeInput = _field("From enterprise to equity value.")
    shares: SharesInput = _field("Who shares the equity value.")
    currency: str = _field("ISO 4217 code of all money here.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    market_price: float | None = _field(
        "Price of a share on the valuation date, in money, to compare with: it moves no value.",
        default=strawberry.UNSET,
    )
    failure: FailureInput | None = _field(
        "The chance that the firm fails. Left out: it lives on for certain.",
        default=strawberry.UNSET,
    )
    assumptions: list[AssumptionInput] | None = _field(
        "Where inputs come from, up to 200. They change no number, are kept with the valuation, "
        "and are part of its id.",
        default=strawberry.UNSET,
    )


def document_of(given: Any) -> Any:
    """JSON of a coerced input, defaults applied; what was left out, or is null, is not in it."""
    # Through JSON and back: enums and dates become their words at the speed of C.
    text = orjson.dumps(given)
    document = orjson.loads(text)
    return _without_nulls(document) if b"null" in text else document


def _without_nulls(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            name: _without_nulls(value) for name, value in document.items() if value is not None
        }
    return [_without_nulls(item) for item in document] if isinstance(document, list) else document


def _read(kind: type[DcfInput], given: Mapping[str, Any], _context: object) -> DcfInput:
    """The input as its document alone, without an object for each of its parts."""
    # graphql-core has coerced it and applied the defaults; Strawberry's own conversion of these
    # 50 values costs as much as the rest of the request.
    read = kind.__new__(kind)
    read.document = document_of(given)
    return read


DcfInput.__strawberry_definition__.from_input = _read  # type: ignore[attr-defined] # strawberry's hook
