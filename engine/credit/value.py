"""The verb: what a firm's shares say of its debt, with the proof that the equations are solved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.credit.inputs import BOUNDS, CreditInputs, admit, outside
from engine.credit.kernel import CERTAIN, CreditOutput, output_of, worth
from engine.door import Scalar, no_less, show
from engine.errors import Infeasible, Problem
from engine.questions import Questions
from engine.remarks import Remark

# Where a reviewer starts to ask; they never change a number.
SHORT = 0.25  # years: the model has no surprises, so near debt looks safer than it trades
WILD = 1.0  # of an equity volatility
LIKELY = 0.5  # a default that is expected more than not
_TRIED: Final = 4_096  # equity values up to the greatest, each about a hundredth above the last
_CLEAR: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is left of the two equations at the answer, and how many steps led there."""

    steps: int
    equity_residual: float  # equity less the call on the assets, share of the equity
    volatility_residual: float  # share of the equity volatility


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditValuation:
    """What a document of the result shows, under the same names. Probabilities are risk-neutral."""

    asset_value: float  # money
    asset_volatility: float  # 1/square root of a year
    distance_to_default: float  # standard deviations between assets and debt at the horizon
    default_probability: float  # up to the horizon
    debt_value: float  # money, today: assets less equity
    riskless_debt_value: float  # money, today: the face value discounted at the risk-free rate
    expected_loss: float  # share of the riskless value
    recovery: float | None  # share of the debt that is paid after a default; None: there is none
    spread: float  # 1/year, continuously compounded, over the risk-free rate
    leverage: float  # debt over assets, both at market value
    certificate: Certificate
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CreditResult:
    """``inputs`` are as admitted."""

    inputs: CreditInputs
    valuation: CreditValuation


def value_credit(inputs: CreditInputs) -> CreditResult:
    """Value one firm's debt. Every number of ``inputs`` is a number alone.

    Raises:
        InvalidInput: with every problem of the inputs.
        Infeasible: if the equity is so thin that the equations cannot be solved to 12 digits.
    """
    admitted = admit(inputs)
    found = worth(admitted)
    if not math.isfinite(found.spread):
        raise _too_thin(admitted)
    default, loss = float(found.default_probability), float(found.expected_loss)
    valuation = CreditValuation(
        asset_value=float(found.asset_value),
        asset_volatility=float(found.asset_volatility),
        distance_to_default=float(found.distance_to_default),
        default_probability=default,
        debt_value=float(found.debt_value),
        riskless_debt_value=float(found.riskless_debt_value),
        expected_loss=loss,
        recovery=1.0 - loss / default if default > 0.0 else None,
        spread=float(found.spread),
        leverage=float(found.debt_value / found.asset_value),
        certificate=Certificate(
            steps=int(found.steps),
            equity_residual=float(found.equity_residual),
            volatility_residual=float(found.volatility_residual),
        ),
        remarks=tuple(_review(admitted, default)),
    )
    return CreditResult(inputs=admitted, valuation=valuation)


def _values(inputs: CreditInputs) -> dict[str, Scalar]:
    value = worth(inputs)
    return {output.value: output_of(value, output) for output in CreditOutput}


credit_question: Final = Questions(CreditOutput, admit, _values, outside)


def _too_thin(inputs: CreditInputs) -> Infeasible:
    assert inputs.equity_value is not None  # noqa: S101 - the door let it in
    given = float(inputs.equity_value)
    message = (
        f"The equity is {given / float(inputs.debt):.1e} of the debt. From so little the assets "
        f"cannot be told to one part in {1.0 / CERTAIN:.0e} of the equity."
    )
    enough = _enough_equity(inputs, given)
    more = f"an equity value of {enough} or more" if enough else "less debt"
    advice = (
        f"Give {more}; with so little equity a firm is its lenders' in all but name, and the price "
        "of its debt says more."
    )
    return Infeasible(message, [Problem("equity_value", "OUT_OF_RANGE", message, advice)])


def _enough_equity(inputs: CreditInputs, given: float) -> str:
    """An equity value from which on there is an answer, as a person would write it; "" for none.

    The digits run out at no sharp edge: so it is some way above the last that did not do.
    """
    most = BOUNDS["equity_value"][1]
    tried = np.geomspace(given, most, _TRIED)
    failed = tried[~np.isfinite(worth(replace(inputs, equity_value=tried)).spread)]
    enough = _CLEAR * float(failed.max(initial=given))
    return no_less(enough) if enough <= most else ""


def _review(inputs: CreditInputs, default: float) -> Iterator[Remark]:
    if inputs.horizon < SHORT:
        yield Remark(
            "SHORT_HORIZON",
            "horizon",
            "Over so short a time Merton's firm hardly ever defaults: its assets move without "
            "jumps. Spreads of short debt are higher on the market.",
        )
    if inputs.equity_volatility > WILD:
        yield Remark(
            "UNUSUAL_VOLATILITY",
            "equity_volatility",
            f"An equity volatility of {inputs.equity_volatility:.0%} a year is seen in turmoil "
            f"only. If {show(float(inputs.equity_volatility))} % was meant, give "
            f"{show(float(inputs.equity_volatility) / 100.0)}.",
        )
    if default > LIKELY:
        yield Remark(
            "DEFAULT_IS_LIKELY",
            "debt",
            f"Default has a probability of {default:.0%} without risk premium. What the assets "
            "bring, and who is paid first, decides more here than the model.",
        )
