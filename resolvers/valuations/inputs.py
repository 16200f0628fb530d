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

from engine.dcf import FlowTiming, TerminalDiscounting

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

_RATE = "a fraction, so 0.08 is 8 %"


def _field(description: str, **default: Any) -> Any:
    return strawberry.field(description=description, **default)


@strawberry.input(description="Some years of a schedule.")
class StageInput:
    years: int = _field("How many years the stage lasts, 1 or more.")
    value: float = _field("The value in each of them; with `ramp`, in the last.")
    ramp: bool = _field("Go from the stage before to `value` in equal yearly steps.", default=False)


@strawberry.input(
    one_of=True, description="A driver of the forecast over its years. Give exactly one."
)
class ScheduleInput:
    level: float | None = _field("The same in every year.", default=strawberry.UNSET)
    by_year: list[float] | None = _field("One number for each year.", default=strawberry.UNSET)
    stages: list[StageInput] | None = _field(
        "Stages whose years add up to the forecast's.", default=strawberry.UNSET
    )


@strawberry.input(description="When value is taken and when cash comes.")
class TimingInput:
    valuation_date: date = _field("The day that values are of. Year 1 begins on it.")
    years: int = _field("Years of explicit forecast, 1 to 100.")
    flows: FlowTiming = _field("When a year's cash comes.", default=FlowTiming.END_YEAR)


@strawberry.input(description="The business. Give exactly one of the two margins.")
class OperationsInput:
    revenue: float = _field("Revenue of the twelve months before the valuation date, in money.")
    revenue_growth: ScheduleInput = _field(f"Growth of revenue, per year: {_RATE}.")
    tax_rate: ScheduleInput = _field(
        f"Tax on EBIT: {_RATE}. A loss pays no tax and earns no credit."
    )
    depreciation: ScheduleInput = _field("Depreciation and amortisation, a share of revenue.")
    capital_expenditure: ScheduleInput = _field("Capital expenditure, a share of revenue.")
    working_capital: ScheduleInput = _field(
        "Net working capital at the end of the year, a share of that year's revenue."
    )
    ebit_margin: ScheduleInput | None = _field(
        "EBIT as a share of revenue.", default=strawberry.UNSET
    )
    ebitda_margin: ScheduleInput | None = _field(
        "EBITDA as a share of revenue; EBIT is what depreciation leaves of it.",
        default=strawberry.UNSET,
    )
    opening_working_capital: float | None = _field(
        "Net working capital on the valuation date, in money. Left out: year 1's share of the "
        "base revenue.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="WACC = (1 - D)(rf + beta ERP) + D kd (1 - t).")
class CapmInput:
    risk_free_rate: float = _field(f"Per year: {_RATE}.")
    equity_risk_premium: float = _field("Expected return of the market above the risk-free rate.")
    beta: float = _field("Levered beta.")
    pre_tax_cost_of_debt: float = _field("Per year, before tax.")
    debt_weight: float = _field("Target debt as a share of debt and equity, at market values.")
    tax_rate: float = _field("Marginal rate at which interest saves tax.")


@strawberry.input(one_of=True, description="The cost of capital. Give exactly one.")
class CapitalInput:
    wacc: float | None = _field(
        f"Weighted average cost of capital, per year, after tax: {_RATE}.",
        default=strawberry.UNSET,
    )
    capm: CapmInput | None = _field("Built from its parts.", default=strawberry.UNSET)


@strawberry.input(description="TV = FCF (1 + g) / (WACC - g), on the last year's free cash flow.")
class GordonInput:
    growth: float = _field("Growth for ever, per year, below the WACC.")
    discounting: TerminalDiscounting = _field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(description="TV = multiple × EBITDA of the last year, discounted N years.")
class ExitMultipleInput:
    ev_to_ebitda: float = _field("Enterprise value over EBITDA.")


@strawberry.input(description="TV = NOPAT (1 + g)(1 - g / RONIC) / (WACC - g).")
class ValueDriverInput:
    growth: float = _field("Growth for ever, per year, below the WACC.")
    return_on_new_capital: float = _field("After-tax return on new capital (RONIC), per year.")
    discounting: TerminalDiscounting = _field(
        "From when it is discounted at mid-year.", default=TerminalDiscounting.LAST_FLOW
    )


@strawberry.input(one_of=True, description="The value after the forecast. Give exactly one.")
class TerminalInput:
    gordon: GordonInput | None = _field("A growing perpetuity.", default=strawberry.UNSET)
    exit_multiple: ExitMultipleInput | None = _field(
        "A sale at the end of the last year.", default=strawberry.UNSET
    )
    value_driver: ValueDriverInput | None = _field(
        "A perpetuity whose growth costs what its return says.", default=strawberry.UNSET
    )


@strawberry.input(
    description="From enterprise to equity value: positive amounts of money on the valuation date."
)
class BridgeInput:
    debt: float = _field("Borrowings.")
    cash: float = _field("Cash and marketable securities.")
    leases: float = _field("Lease liabilities.", default=0.0)
    preferred_stock: float = _field("Preferred stock.", default=0.0)
    minority_interests: float = _field("Minority (non-controlling) interests.", default=0.0)
    pensions_after_tax: float = _field("Unfunded pensions, after tax.", default=0.0)
    associates: float = _field("Associates and other holdings outside operations.", default=0.0)


@strawberry.input(description="Who shares the equity value.")
class SharesInput:
    diluted: float = _field("Diluted shares, in whole shares.")


@strawberry.input(
    description=(
        "A firm to value by its free cash flow. Money is in whole units of one currency; rates "
        "are fractions."
    )
)
class DcfInput:
    timing: TimingInput = _field("When value is taken and when cash comes.")
    operations: OperationsInput = _field("The business, year by year.")
    capital: CapitalInput = _field("What capital costs.")
    terminal: TerminalInput = _field("What comes after the forecast.")
    bridge: BridgeInput = _field("From enterprise to equity value.")
    shares: SharesInput = _field("Who shares the equity value.")
    currency: str = _field("ISO 4217 code of all money here.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    market_price: float | None = _field(
        "Price of a share on the valuation date, to compare with.", default=strawberry.UNSET
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
