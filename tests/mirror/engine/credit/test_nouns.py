"""What each word of a credit valuation means, beside the model's own equations."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import QuantLib as ql  # noqa: N813 - its own short name
from hypothesis import assume, given

from engine.credit import CreditInputs, CreditValuation, value_credit
from tests.mirror.engine.credit.firms import firm, firms
from tests.mirror.engine.firms import LAW


def answer(inputs: CreditInputs) -> CreditValuation:
    return value_credit(inputs).valuation


def test_a_firm_that_owes_what_it_is_worth_by_hand() -> None:
    """Assets of 100 that move by 20 % a year, and a debt of 100 e^(5 % 4) in four years: V = K, so
    d1 and d2 are 0.2 and -0.2, and N(0.2) is 0.57925971."""
    below = 0.57925971
    equity = 100.0 * (2.0 * below - 1.0)  # 100 N(d1) - 100 N(d2)
    found = answer(
        CreditInputs(
            equity_value=equity,
            equity_volatility=below * 0.2 * 100.0 / equity,
            debt=122.1402758,
            horizon=4.0,
            risk_free_rate=0.05,
        )
    )
    by_hand = {
        "asset_value": 100.0,
        "asset_volatility": 0.2,
        "distance_to_default": -0.2,
        "default_probability": below,
        "riskless_debt_value": 100.0,
        "debt_value": 100.0 - equity,
        "expected_loss": 2.0 * below - 1.0,  # N(0.2) - N(-0.2)
        "recovery": (1.0 - below) / below,
        "spread": -math.log(2.0 - 2.0 * below) / 4.0,
        "leverage": 2.0 - 2.0 * below,
    }
    assert {name: getattr(found, name) for name in by_hand} == pytest.approx(by_hand, rel=1e-6)
    (remark,) = found.remarks
    assert remark.code == "DEFAULT_IS_LIKELY"


@LAW
@given(firms())
def test_a_rate_does_nothing_but_discount_the_debt(inputs: CreditInputs) -> None:
    """Debt of F at a rate of r is debt of F e^(-rT) at a rate of nothing."""
    discounted = inputs.debt * math.exp(-inputs.risk_free_rate * inputs.horizon)
    found = answer(inputs)
    without = answer(replace(inputs, debt=discounted, risk_free_rate=0.0))
    assert found.riskless_debt_value == pytest.approx(discounted, rel=1e-14)
    assert without.riskless_debt_value == pytest.approx(discounted, rel=1e-14)
    assert found.asset_value == pytest.approx(without.asset_value, rel=1e-12)
    assert found.distance_to_default == pytest.approx(
        without.distance_to_default, rel=1e-9, abs=1e-9
    )
    assert found.spread == pytest.approx(without.spread, rel=1e-7, abs=1e-12)


@LAW
@given(firms(), firms())
def test_of_two_firms_the_one_that_is_nearer_to_default_is_likelier_to(
    one: CreditInputs, other: CreditInputs
) -> None:
    """And likelier than not exactly where the distance is below zero."""
    near, far = sorted(map(answer, (one, other)), key=lambda found: found.distance_to_default)
    assume(far.distance_to_default - near.distance_to_default > 1e-9)
    assume(far.distance_to_default < 37.0)  # beyond, no double is as small as the probability
    assert near.default_probability > far.default_probability
    for found in (near, far):
        if abs(found.distance_to_default) > 1e-9:
            assert (found.default_probability > 0.5) == (found.distance_to_default < 0.0)


@LAW
@given(firms())
def test_a_remark_is_made_exactly_where_it_is_true(inputs: CreditInputs) -> None:
    found = answer(inputs)
    assert {remark.code for remark in found.remarks} == {
        code
        for code, true in (
            ("SHORT_HORIZON", inputs.horizon < 0.25),
            ("UNUSUAL_VOLATILITY", inputs.equity_volatility > 1.0),
            ("DEFAULT_IS_LIKELY", found.distance_to_default < 0.0),
        )
        if true
    }


@LAW
@given(firms())
def test_a_default_is_called_likely_where_quantlibs_call_is_rather_left(
    inputs: CreditInputs,
) -> None:
    found = answer(inputs)
    growth = math.exp(inputs.risk_free_rate * inputs.horizon)
    call = ql.BlackCalculator(
        ql.PlainVanillaPayoff(ql.Option.Call, inputs.debt),
        found.asset_value * growth,
        found.asset_volatility * math.sqrt(inputs.horizon),
        1.0 / growth,
    )
    pays = call.itmCashProbability()
    assume(abs(pays - 0.5) > 1e-9)
    codes = [remark.code for remark in found.remarks]
    assert ("DEFAULT_IS_LIKELY" in codes) == (pays < 0.5)


def test_a_firm_without_a_default_that_a_double_can_tell_has_nothing_to_recover() -> None:
    found = answer(firm(equity_value=1e6, equity_volatility=0.01))
    assert (found.default_probability, found.recovery) == (0.0, None)
    assert found.spread == 0.0
    assert found.debt_value == found.riskless_debt_value
