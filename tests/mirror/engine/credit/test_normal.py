"""The normal distribution: 40 digits agree with it far into its tails, and its steps are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from engine.credit.normal import hazard, log_density, log_probability, probability
from tests.mirror.engine.firms import LAW, numbers

STEP = 1e-200
ROWS = st.lists(numbers(-36.0, 36.0), min_size=1, max_size=12)


@LAW
@given(numbers(-36.0, 36.0))
def test_probabilities_are_those_of_forty_digits(d: float) -> None:
    row = np.array([d])
    with mp.workdps(40):
        exact = mp.ncdf(mpf(d))
        slack = 1e-14 * (1.0 + d * d)  # the square of d is rounded before it is an exponent
        assert probability(row)[0] == pytest.approx(float(exact), rel=slack)
        logarithm = float(mp.log1p(-mp.ncdf(mpf(-d))) if d > 0.0 else mp.log(exact))
        close = 1e-13 + (slack if d > 0.0 else 0.0)  # above, it is as small as the other tail is
        assert log_probability(row)[0] == pytest.approx(logarithm, rel=close, abs=1e-300)
        assert hazard(row)[0] == pytest.approx(float(mp.npdf(mpf(d)) / exact), rel=slack)
        assert np.exp(log_density(row))[0] == pytest.approx(float(mp.npdf(mpf(d))), rel=slack)


@LAW
@given(numbers(-30.0, 30.0))
def test_a_step_goes_along_the_density(d: float) -> None:
    row = np.array([complex(d, STEP)])
    with mp.workdps(40):
        density = mp.npdf(mpf(d))
        slope = 1e-14 * (1.0 + d * d)
        found = probability(row)[0]
        assert found.imag / STEP == pytest.approx(float(density), rel=slope)
        assert log_probability(row)[0].imag / STEP == pytest.approx(
            float(density / mp.ncdf(mpf(d))), rel=slope
        )
    assert found.real == probability(np.array([d]))[0]


@LAW
@given(ROWS)
def test_many_have_the_bits_of_each(row: list[float]) -> None:
    for of in (probability, log_probability, hazard, log_density):
        assert of(np.array(row)).tolist() == [of(np.array([d]))[0] for d in row]
