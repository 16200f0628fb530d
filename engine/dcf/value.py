"""The verb: value a firm by its free cash flow, and keep every step of the way to the number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from engine.dcf.capital import Capm
from engine.dcf.inputs import DcfInputs, admit, outside
from engine.dcf.kernel import DcfOutput, Forecast, Worth, output_of, worth
from engine.dcf.review import Remark, review
from engine.dcf.terminal import ExitMultiple, TerminalDiscounting
from engine.dcf.timing import FlowTiming
from engine.door import Scalar
from engine.errors import Infeasible
from engine.scenarios import Question


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
class DcfResult:
    """A value and the way to it. ``inputs`` are as admitted: schedules year by year."""

    inputs: DcfInputs
    forecast: Forecast
    worth: Worth
    cost_of_equity: float | None  # 1/year, where the WACC was built by CAPM
    cross_checks: CrossChecks
    remarks: tuple[Remark, ...]


def value_dcf(inputs: DcfInputs) -> DcfResult:
    """Value one firm. Every number of ``inputs`` is a number alone; batches go through `scenarios`.

    Raises:
        InvalidInput: with every problem of the inputs.
        Infeasible: if a value leaves the range of a double.
    """
    admitted = admit(inputs)
    forecast = Forecast()
    value = worth(admitted, forecast)
    if not math.isfinite(value.value_per_share):
        raise Infeasible(
            "The value is beyond the range of a number: the growth is out of this world."
        )
    checks = _cross_check(admitted, forecast, value)
    capital = admitted.capital
    equity = float(capital.cost_of_equity) if isinstance(capital, Capm) else None
    return DcfResult(
        inputs=admitted,
        forecast=forecast,
        worth=value,
        cost_of_equity=equity,
        cross_checks=checks,
        remarks=review(admitted, forecast, value, checks.implied_exit_multiple),
    )


def dcf_question(
    inputs: DcfInputs, output: DcfOutput, known: DcfInputs | None = None
) -> Question[DcfInputs]:
    """What the analyses ask about one firm: ``output`` over a batch of changed inputs.

    ``known`` are inputs that passed the door before, such as those of a result.

    Raises:
        InvalidInput: with every problem of the inputs.
    """
    admitted = admit(inputs, known)
    return Question(  # of functions with names: it can be sent to another process
        inputs=admitted,
        admit=partial(admit, known=admitted),
        worth=partial(_output, output),
        outside=partial(outside, known=admitted),
    )


def _output(output: DcfOutput, inputs: DcfInputs) -> Scalar:
    return output_of(worth(inputs), output)


def _cross_check(inputs: DcfInputs, forecast: Forecast, value: Worth) -> CrossChecks:
    """Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 3: multiple, growth and mid-year.

    implied multiple = TV (1 + w)^1/2 / EBITDA, implied growth = (TV w - F) / (TV + F) with
    F = FCF (1 + w)^1/2; the square root only where the perpetuity's flows come at mid-year.
    """
    terminal = inputs.terminal
    tv, w, enterprise = map(float, (value.terminal_value, value.wacc, value.enterprise_value))
    flow, nopat, ebitda = (
        float(line[-1]) for line in (forecast.free_cash_flow, forecast.nopat, forecast.ebitda)
    )
    at_mid_year = inputs.timing.flows is FlowTiming.MID_YEAR and (
        isinstance(terminal, ExitMultiple) or terminal.discounting is TerminalDiscounting.LAST_FLOW
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
        ev_to_revenue=enterprise / float(inputs.operations.revenue),
        ev_to_ebitda=_over(enterprise, float(forecast.ebitda[0])),
        upside=None if price is None else float(value.value_per_share) / price - 1.0,
    )


def _over(part: float, whole: float) -> float | None:
    """A ratio that says something: of a positive whole. Otherwise it would flatter or frighten."""
    return float(part / whole) if whole > 0.0 and math.isfinite(part / whole) else None
