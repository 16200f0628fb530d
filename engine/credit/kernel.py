"""Merton's firm: equity is a call on the assets, struck at the debt. Solved for many at once.

With K = F exp(-rT), e = E / K, v = V / K, s = equity volatility x sqrt(T), x = asset volatility x
sqrt(T) and d1 = d2 + x, the two equations

    E = V N(d1) - K N(d2)                 equity is a call (Black-Scholes-Merton)
    equity vol. E = N(d1) asset vol. V    and moves as one (Ito)

say x = s e / (e + N(d2)), and with that they are one equation in d2, the distance to default:

    G(d2) = d2 x + x^2/2 + ln N(d1) - ln(e + N(d2)) = 0.

It has exactly one root, whatever the inputs. At a given equity value, x v N(d1) as a function of x
has the slope v N(d1) (1 - d1 R - R^2) with R = density(d1) / N(d1): the bracket is the variance of
a normal number that is known to be below d1, and so above zero. It rises from 0 without end, and
must be s e. The root lies below ln(1 + e) / x0 - x0 / 2, x0 = s e / (1 + e), where nobody would
default, and above min(ln e, 0) / x0 - s / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.credit.inputs import BOUNDS, CreditInputs
from engine.credit.normal import Row, hazard, log_density, log_probability, probability
from engine.door import FloatArray, Scalar

MOST_STEPS = 200  # bisection alone needs some seventy
# Relative to the equity, and to its volatility: what may be left of the two equations.
CERTAIN = 1e-12
# A step as short as this, of what it leads to, is the last: Newton's next one would be its square.
_SETTLED = 1e-9


class CreditOutput(StrEnum):
    """A number of a credit valuation that can be asked for over many scenarios."""

    DISTANCE_TO_DEFAULT = "DISTANCE_TO_DEFAULT"
    DEFAULT_PROBABILITY = "DEFAULT_PROBABILITY"
    SPREAD = "SPREAD"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth:
    """(*batch) the firm behind its shares; NaN where it cannot be found to the last digits."""

    asset_value: Scalar  # money
    asset_volatility: Scalar  # 1/square root of a year
    distance_to_default: Scalar  # d2: standard deviations, at the horizon, without risk premium
    default_probability: Scalar  # N(-d2): risk-neutral, up to the horizon
    debt_value: Scalar  # money, today
    riskless_debt_value: Scalar  # money, today: K
    expected_loss: Scalar  # share of K: what the risk of default takes off
    spread: Scalar  # 1/year, continuously compounded, over the risk-free rate
    steps: Scalar  # of the search
    equity_residual: Scalar  # of the first equation, share of the equity
    volatility_residual: Scalar  # of the second, share of the equity volatility


def worth(inputs: CreditInputs) -> Worth:
    """Solve admitted inputs (Merton, Journal of Finance 29, 1974, pp. 449-470).

    spread = -ln(D / K) / T, D = V - E = K (1 - expected loss).

    Raises nothing.
    """
    given = [getattr(inputs, name) for name in BOUNDS]
    shape = np.broadcast_shapes(*(np.shape(each) for each in given))
    kind = np.result_type(np.float64, *(np.asarray(each).dtype for each in given))
    equity, volatility, face, horizon, rate = (
        np.array(np.broadcast_to(each, shape), dtype=kind, order="C").ravel() for each in given
    )
    riskless = face * np.exp(-rate * horizon)
    e, root = equity / riskless, np.sqrt(horizon)
    s = volatility * root
    with np.errstate(all="ignore"):  # far from the root; what is not certain at it is NaN
        at, steps = _search(e.real, s.real)
        # A step of Newton at the root carries an infinitesimal change of the inputs through it.
        d2 = at - _gap(at, e, s)[0] / _gap(at, e.real, s.real)[1]
        survival = probability(d2)
        x = s * e / (e + survival)
        d1 = d2 + x
        v = np.exp(d2 * x + 0.5 * x * x)
        called = v * probability(d1)
        default = probability(-d2)
        rest = v * probability(-d1)
        loss = default - rest
        paid = survival + rest  # 1 - loss, which has no digits left where next to all is lost
        most = loss.real > 0.5
        left = np.abs((called - survival - e).real / e.real)
        moved = np.abs((called * x - s * e).real / (s * e).real)
        certain = (left <= CERTAIN) & (moved <= CERTAIN)
        found = (
            riskless * v,
            x / root,
            d2,
            default,
            riskless * np.where(most, paid, 1.0 - loss),
            riskless,
            loss,
            -np.where(most, _log(paid), _log_of_one_less(loss)) / horizon,
            steps,
            left,
            moved,
        )
    kept = [np.where(certain, each, np.nan) for each in found[:8]]
    return Worth(
        **dict(zip(Worth.__slots__, (_shaped(e, shape) for e in (*kept, *found[8:])), strict=True))
    )


def output_of(value: Worth, output: CreditOutput) -> Scalar:
    """The one number that was asked for."""
    match output:
        case CreditOutput.DISTANCE_TO_DEFAULT:
            return value.distance_to_default
        case CreditOutput.DEFAULT_PROBABILITY:
            return value.default_probability
        case CreditOutput.SPREAD:
            return value.spread


def _search(e: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) the root of G for each, and the steps that it took: Newton's, within a bracket.

    Whoever has arrived is left alone, so nobody's bits depend on who else is solved.
    """
    x0 = s * e / (1.0 + e)
    found, steps = np.log1p(e) / x0 - 0.5 * x0, np.zeros_like(e)
    at, high = found, found
    low = np.minimum(np.log(e), 0.0) / x0 - 0.5 * s
    last = high - low
    who = np.arange(e.size)
    for _ in range(MOST_STEPS):
        value, slope = _gap(at, e, s)
        low, high = np.where(value < 0.0, at, low), np.where(value < 0.0, high, at)
        step = -value / slope
        # Newton's step where it stays inside and is half the last one at most; else the middle.
        good = (low <= at + step) & (at + step <= high) & (np.abs(step) <= 0.5 * np.abs(last))
        step = np.where(good, step, 0.5 * (low + high) - at)
        at = at + step
        found[who], steps[who] = at, steps[who] + 1.0
        left = ~((np.abs(step) <= _SETTLED * np.maximum(np.abs(at), _SETTLED)) | (value == 0.0))
        if not left.any():
            break
        who, at, low, high, last = who[left], at[left], low[left], high[left], step[left]
        e, s = e[left], s[left]
    return found, steps


def _gap(d2: FloatArray, e: Row, s: Row) -> tuple[Row, Row]:
    """(n,) G and its slope in d2."""
    survival = probability(d2)
    both = e + survival
    x = s * e / both
    d1 = d2 + x
    density = np.exp(log_density(d2)) / both
    bent = -x * density  # the slope of x
    slope = x + bent * d1 + hazard(d1.real) * (1.0 + bent) - density
    return d2 * x + 0.5 * x * x + log_probability(d1) - np.log(both), slope


def _log_of_one_less(loss: Row) -> Row:
    """(n,) ln(1 - loss), also of a loss so small that 1 - loss is 1."""
    if np.iscomplexobj(loss):
        found: Row = np.log1p(-loss.real) - 1j * loss.imag / (1.0 - loss.real)
        return found
    return np.log1p(-loss)


def _log(paid: Row) -> Row:
    """(n,) ln of a share."""
    if np.iscomplexobj(paid):
        found: Row = np.log(paid.real) + 1j * paid.imag / paid.real
        return found
    return np.log(paid)


def _shaped(row: Row, shape: tuple[int, ...]) -> Scalar:
    return row.reshape(shape) if shape else row[0].item()
