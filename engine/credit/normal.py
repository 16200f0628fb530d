"""The standard normal distribution, with complex steps: the same bits for one and for many.

Probabilities are SciPy's `ndtr` and `log_ndtr`, imported when first used: both are good to some
ulps far into the tails, where 1 - N(d) and an erfc of few terms lose all digits, and a probability
of default is a tail. They are asked about real parts only, since a complex argument takes another
algorithm there with other bits; the step goes along the derivative, which the density is.

Arrays are in one row of memory: numpy's exp and log give other bits where numbers lie apart.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.door import FloatArray

Row: TypeAlias = npt.NDArray[Any]  # (n,) real, or complex with an infinitesimal imaginary part

_HALF_LOG_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))


def log_density(d: FloatArray) -> FloatArray:
    """(n,) ln of the density."""
    found: FloatArray = -0.5 * d * d - _HALF_LOG_TWO_PI
    return found


def probability(d: Row) -> Row:
    """(n,) N(d): that a standard normal number is not above d."""
    from scipy.special import ndtr

    found: FloatArray = ndtr(d.real)
    return _stepped(d, found, np.exp(log_density(d.real)))


def log_probability(d: Row) -> Row:
    """(n,) ln N(d), finite far below where N(d) is no longer a double."""
    from scipy.special import log_ndtr

    found: FloatArray = log_ndtr(d.real)
    return _stepped(d, found, hazard(d.real))


def hazard(d: FloatArray) -> FloatArray:
    """(n,) density over probability: the slope of ln N(d)."""
    from scipy.special import log_ndtr

    found: FloatArray = np.exp(log_density(d) - log_ndtr(d))
    return found


def _stepped(d: Row, value: FloatArray, slope: FloatArray) -> Row:
    return value + 1j * (slope * d.imag) if np.iscomplexobj(d) else value
