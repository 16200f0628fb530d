"""The verb: value a firm by its free cash flow, and keep every step of the way to the number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from engine.dcf.inputs import DcfInputs, admit, outside
from engine.dcf.kernel import DcfOutput, Forecast, Worth, output_of, worth
from engine.dcf.reconciliation import Reconciliation, reconcile
from engine.dcf.review import review, review_parts
from engine.dcf.segments import add_up, parts, summed_forecast, total
from engine.dcf.terminal import ExitMultiple, Gordon, Horizon, comes_with_last_flow
from engine.dcf.timing import FlowTiming
from engine.door import Scalar
from engine.errors import Infeasible
from engine.firm.capital import Capm, CostOfCapital, cost_of_capital
from engine.firm.dilution import Dilution
from engine.firm.equity import dilution_of
from engine.questions import Questions
from engine.remarks import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossChecks:
    """What the terminal value implies in the terms of the other methods. None: not defined here."""

    terminal_share: float | None  # of enterprise value
    implied_exit_multiple: float | None  # EV / EBITDA of the last year
    implied_growth: float | None  # 1/year, of a Gordon perpetuity with the same value
    implied_return_on_new_capital: (
        float | None
    )  # 1/year, which that perpetuity's reinvestment earns
    ev_to_revenue: float  # on the base year
    ev_to_ebitda: float | None  # on year 1
    upside: float | None  # value per share / market price - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentValue:
    """A segment, valued as a firm of its own without claims."""

    name: str
    inputs: DcfInputs  # as `engine.dcf.segments.parts` made them
    forecast: Forecast
    worth: Worth
    share: float | None  # of the firm's enterprise value; None where that is not above zero
    cross_checks: CrossChecks
    reconciliation: Reconciliation  # of this segment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcfResult:
    """A value and the way to it. ``inputs`` are as admitted: schedules year by year."""

    inputs: DcfInputs
    forecast: Forecast
    worth: Worth
    cost_of_capital: CostOfCapital | None  # where the WACC was built by CAPM
    cross_checks: CrossChecks
    reconciliation: Reconciliation | None  # None: each segment has its own
    remarks: tuple[Remark, ...]
    dilution: Dilution | None  # None: diluted shares were given
    segments: tuple[SegmentValue, ...] = ()

    @property
    def cost_of_equity(self) -> float | None:
        """1/year, where the WACC was built by CAPM."""
        return None if self.cost_of_capital is None else self.cost_of_capital.cost_of_equity


def value_dcf(inputs: DcfInputs) -> DcfResult:
    """Value one firm. Every number of ``inputs`` is a number alone; batches go through `scenarios`.

    Raises:
        InvalidInput: with every problem of the inputs.
        Infeasible: if a value leaves the range of a double.
    """
    admitted = admit(inputs)
    if admitted.segments:
        return _value_segments(admitted)
    forecast = Forecast()
    value = worth(admitted, forecast)
    _check_range(value)
    checks = _cross_check(admitted, forecast, value)
    capital = admitted.capital
    return DcfResult(
        inputs=admitted,
        forecast=forecast,
        worth=value,
        cost_of_capital=cost_of_capital(capital) if isinstance(capital, Capm) else None,
        cross_checks=checks,
        reconciliation=reconcile(admitted, forecast, value, checks.implied_growth),
        remarks=review(admitted, forecast, value, checks),
        dilution=dilution_of(admitted.shares, value.settled),
    )


def _value_segments(inputs: DcfInputs) -> DcfResult:
    alone, forecasts = parts(inputs), [Forecast() for _ in inputs.segments]
    values = [worth(part, kept) for part, kept in zip(alone, forecasts, strict=True)]
    value, forecast = add_up(inputs, values), summed_forecast(forecasts)
    _check_range(value)
    checks = [_cross_check(*each) for each in zip(alone, forecasts, values, strict=True)]
    segments = tuple(
        SegmentValue(
            name=segment.name.strip(),
            inputs=part,
            forecast=kept,
            worth=found,
            share=_over(float(found.enterprise_value), float(value.enterprise_value)),
            cross_checks=check,
            reconciliation=reconcile(part, kept, found, check.implied_growth, segment=True),
        )
        for segment, part, kept, found, check in zip(
            inputs.segments, alone, forecasts, values, checks, strict=True
        )
    )
    reviewed = [(each.inputs, each.forecast, each.worth, each.cross_checks) for each in segments]
    capital = inputs.capital
    return DcfResult(
        inputs=inputs,
        forecast=forecast,
        worth=value,
        cost_of_capital=cost_of_capital(capital) if isinstance(capital, Capm) else None,
        cross_checks=_cross_check_sum(inputs, forecast, value),
        reconciliation=None,
        remarks=review_parts(inputs, value, reviewed),
        dilution=dilution_of(inputs.shares, value.settled),
        segments=segments,
    )


def _check_range(value: Worth) -> None:
    if not math.isfinite(value.value_per_share):
        raise Infeasible(
            "The value is beyond the range of a number: the growth is out of this world."
        )


def _values(inputs: DcfInputs) -> dict[str, Scalar]:
    value = total(inputs)
    return {output.value: output_of(value, output) for output in DcfOutput}


dcf_question: Final = Questions(DcfOutput, admit, _values, outside)


def _cross_check(inputs: DcfInputs, forecast: Forecast, value: Worth) -> CrossChecks:
    """Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 3: multiple, growth and mid-year.

    implied multiple = TV (1 + w)^1/2 / EBITDA, implied growth = (TV w - F) / (TV + F) with
    F = FCF (1 + w)^1/2; the square root only where the perpetuity's flows come at mid-year. A
    normalised year after the forecast stands in for the last one's FCF, as it does in the value.
    """
    terminal = inputs.terminal
    tv, w, enterprise = map(float, (value.terminal_value, value.wacc, value.enterprise_value))
    flow, nopat, ebitda = (
        float(line[-1]) for line in (forecast.free_cash_flow, forecast.nopat, forecast.ebitda)
    )
    if isinstance(terminal, Gordon) and terminal.normalised is not None:
        horizon = Horizon(inputs.business, forecast.revenue[-1], flow, w)
        flow = float(terminal.payment(horizon) / (1.0 + terminal.growth))
    at_mid_year = inputs.timing.flows is FlowTiming.MID_YEAR and (
        isinstance(terminal, ExitMultiple) or comes_with_last_flow(terminal)
    )
    half = math.sqrt(1.0 + w) if at_mid_year else 1.0
    if isinstance(terminal, ExitMultiple):
        multiple: float | None = float(terminal.ev_to_ebitda)
        payment = flow * half
    else:
        multiple = _over(tv * half, ebitda)
        payment = flow
    # No perpetuity of a positive value pays nothing or less, at any growth below the WACC.
    growth = _over(tv * w - payment, tv + payment) if tv > 0.0 and payment > 0.0 else None
    reinvested = 1.0 - flow / nopat if nopat > 0.0 else 0.0
    price = inputs.market_price
    return CrossChecks(
        terminal_share=_over(float(value.value_of_terminal), enterprise),
        implied_exit_multiple=multiple,
        implied_growth=growth,
        implied_return_on_new_capital=None if growth is None else _over(growth, reinvested),
        ev_to_revenue=enterprise / float(inputs.business.revenue),
        ev_to_ebitda=_over(enterprise, float(forecast.ebitda[0])),
        upside=None if price is None else float(value.value_per_share) / price - 1.0,
    )


def _cross_check_sum(inputs: DcfInputs, forecast: Forecast, value: Worth) -> CrossChecks:
    """Of a firm in segments: what terminal values imply, each segment says for itself."""
    enterprise, price = float(value.enterprise_value), inputs.market_price
    revenue = sum(float(segment.operations.revenue) for segment in inputs.segments)
    return CrossChecks(
        terminal_share=_over(float(value.value_of_terminal), enterprise),
        implied_exit_multiple=None,
        implied_growth=None,
        implied_return_on_new_capital=None,
        ev_to_revenue=enterprise / revenue,
        ev_to_ebitda=_over(enterprise, float(forecast.ebitda[0])),
        upside=None if price is None else float(value.value_per_share) / price - 1.0,
    )


def _over(part: float, whole: float) -> float | None:
    """A ratio that says something: of a positive whole. Otherwise it would flatter or frighten."""
    return float(part / whole) if whole > 0.0 and math.isfinite(part / whole) else None
