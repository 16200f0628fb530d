"""The inputs of a DCF, as callers give them.

An input becomes a document (JSON with defaults applied), and the document becomes the engine's
inputs: the same road for GraphQL, for files, and for what was kept.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from engine.dcf import FlowTiming, TerminalDiscounting
from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.capital_inputs import CapitalInput
from resolvers.valuations.equity_inputs import BridgeInput, FailureInput, SharesInput
from resolvers.valuations.firm_inputs import RATE, OperationsInput, field
from resolvers.valuations.given import as_document

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


@strawberry.input(description="When value is taken and when cash comes.")
class TimingInput:
    valuation_date: date = field(
        "The day that values are of. Year 1 begins on it, unless `fiscalYearEnd` is given."
    )
    years: int = field("Years of explicit forecast, 1 to 100.")
    flows: FlowTiming = field("When a year's cash comes.", default=FlowTiming.END_YEAR)
    fiscal_year_end: date | None = field(
        "The last day of year 1, from 1 to 366 days after the valuation date. Schedules stay by "
        "fiscal year; of year 1's flow the share after the valuation date counts (days / 365, at "
        "most 1), and cash comes that much earlier. Left out: a whole year.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description="What the year after the forecast writes off and spends, if it is to last."
)
class NormalisedInput:
    depreciation: float = field(
        "Depreciation and amortisation, a share of the revenue of the year after the forecast, "
        "from 0 to 2."
    )
    capital_expenditure: float = field(
        "Capital expenditure, a share of the revenue of the year after the forecast, from -1 to "
        "5: above zero when spent."
    )


@strawberry.input(description="TV = FCF (1 + g) / (WACC - g), on the last year's free cash flow.")
class GordonInput:
    growth: float = field(
        f"Growth for ever, per year, from -0.5 to 0.5 and 0.001 or more below the WACC: {RATE}."
    )
    normalised: NormalisedInput | None = field(
        "Instead of the last year's free cash flow (1 + g): NOPAT (1 + g) + (depreciation - "
        "capital expenditure) of the year after the forecast - working capital × g; with stock "
        "compensation (1 + g), where that is added back.",
        default=strawberry.UNSET,
    )
    discounting: TerminalDiscounting = field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(
    description=(
        "TV = FCF ((1 + g) + H (gS - g)) / (WACC - g): growth falls in a straight line from gS to "
        "g over 2 H years after the forecast (the H-model of Fuller and Hsia)."
    )
)
class HModelInput:
    initial_growth: float = field(
        f"Growth gS right after the forecast, per year, from -0.5 to 1: {RATE}."
    )
    growth: float = field(
        "Growth g for ever after the fade, per year, from -0.5 to 0.5 and 0.001 or more below the "
        "WACC."
    )
    half_life: float = field("Half of the years H that the fade takes, from 0 to 50.")
    discounting: TerminalDiscounting = field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(description="TV = multiple × EBITDA of the last year, discounted N years.")
class ExitMultipleInput:
    ev_to_ebitda: float = field("Enterprise value over EBITDA, from 0 to 1,000.")


@strawberry.input(description="TV = NOPAT (1 + g)(1 - g / RONIC) / (WACC - g).")
class ValueDriverInput:
    growth: float = field(
        f"Growth for ever, per year, from -0.5 to 0.5 and 0.001 or more below the WACC: {RATE}."
    )
    return_on_new_capital: float = field(
        f"After-tax return on new capital (RONIC), per year, not below the growth: {RATE}."
    )
    discounting: TerminalDiscounting = field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(one_of=True, description="The value after the forecast. Give exactly one.")
class TerminalInput:
    gordon: GordonInput | None = field("A growing perpetuity.", default=strawberry.UNSET)
    h_model: HModelInput | None = field(
        "A perpetuity whose growth fades first.", default=strawberry.UNSET
    )
    exit_multiple: ExitMultipleInput | None = field(
        "A sale at the end of the last year.", default=strawberry.UNSET
    )
    value_driver: ValueDriverInput | None = field(
        "A perpetuity whose growth costs what its return says.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "A part of the firm with a business of its own. Its enterprise value is added to the "
        "others'; claims, shares and failure are the firm's."
    )
)
class SegmentInput:
    name: str = field("One line of 1 to 60 characters, unlike the other segments'.")
    operations: OperationsInput = field("Its business, year by year.")
    capital: CapitalInput | None = field(
        "What its capital costs. Left out: what the firm's does.", default=strawberry.UNSET
    )
    terminal: TerminalInput | None = field(
        "What comes after its forecast. Left out: as the firm's.", default=strawberry.UNSET
    )


@as_document
@strawberry.input(
    description=(
        "A firm to value by its free cash flow. Money is in whole units of one currency; rates "
        "are fractions."
    )
)
class DcfInput:
    timing: TimingInput = field("When value is taken and when cash comes.")
    operations: OperationsInput | None = field(
        "The business, year by year. Left out: `segments` have theirs.", default=strawberry.UNSET
    )
    segments: list[SegmentInput] | None = field(
        "The firm as the sum of its parts, 1 to 20 segments, instead of `operations`.",
        default=strawberry.UNSET,
    )
    capital: CapitalInput = field("What capital costs.")
    terminal: TerminalInput = field("What comes after the forecast.")
    bridge: BridgeInput = field("From enterprise to equity value.")
    shares: SharesInput = field("Who shares the equity value.")
    currency: str = field("ISO 4217 code of all money here.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    market_price: float | None = field(
        "Price of a share on the valuation date, in money, to compare with: it moves no value.",
        default=strawberry.UNSET,
    )
    failure: FailureInput | None = field(
        "The chance that the firm fails. Left out: it lives on for certain.",
        default=strawberry.UNSET,
    )
    assumptions: list[AssumptionInput] | None = field(
        "Where inputs come from, up to 200. They change no number, are kept with the valuation, "
        "and are part of its id.",
        default=strawberry.UNSET,
    )
