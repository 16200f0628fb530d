"""Merton's firm: equity is a call on its assets, and what that says of its debt."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - its own short name
from hypothesis import assume, given
from mpmath import mp, mpf

from engine.credit import CreditInputs, CreditValuation, value_credit
from engine.credit.inputs import BOUNDS
from engine.credit.kernel import CERTAIN
from engine.errors import Infeasible
from services.documents import document_of, reader
from tests.mirror.engine.credit.firms import firm, firms
from tests.mirror.engine.firms import LAW, numbers
from tests.pages import DOCS, EXAMPLES, table


def answer(inputs: CreditInputs) -> CreditValuation:
    return value_credit(inputs).valuation


def option(kind: int, of: CreditValuation, inputs: CreditInputs) -> ql.BlackCalculator:
    """QuantLib's Black formula on the assets' forward, struck at the debt."""
    growth = math.exp(inputs.risk_free_rate * inputs.horizon)
    return ql.BlackCalculator(
        ql.PlainVanillaPayoff(kind, inputs.debt),
        of.asset_value * growth,
        of.asset_volatility * math.sqrt(inputs.horizon),
        1.0 / growth,
    )


def test_the_published_firm_has_the_published_assets_and_default() -> None:
    """Hull, Options, Futures, and Other Derivatives, 9th ed., ch. 24, on Merton's model.

    Equity 3, its volatility 80 %, debt 10 in a year, 5 %: assets 12.40, their volatility 21.23 %,
    default 12.7 %.
    """
    found = answer(firm())
    assert round(found.asset_value, 2) == 12.40
    assert round(found.asset_volatility, 4) == 0.2123
    assert round(100.0 * found.default_probability, 1) == 12.7
    # The book goes on: debt 9.40, worth 9.51 without risk, so that 1.2 % is expected to be lost.
    assert round(found.debt_value, 2) == 9.40
    assert round(found.riskless_debt_value, 2) == 9.51
    assert round(100.0 * found.expected_loss, 1) == 1.2
    # From these rounded figures the book has a recovery of 91 %; unrounded it is 90.3 %.
    assert found.recovery == pytest.approx(0.91, abs=0.01)


@LAW
@given(firms())
def test_equity_is_quantlibs_call_on_the_assets_and_moves_as_one(inputs: CreditInputs) -> None:
    found = answer(inputs)
    call = option(ql.Option.Call, found, inputs)
    slack = 1e-12 * (found.asset_value + found.riskless_debt_value)
    assert call.value() == pytest.approx(inputs.equity_value, rel=1e-12, abs=slack)
    # QuantLib's own elasticity: by how much more than the assets the shares move.
    moves = call.delta(found.asset_value) * found.asset_value / inputs.equity_value
    assert moves * found.asset_volatility == pytest.approx(inputs.equity_volatility, rel=1e-11)


@LAW
@given(firms())
def test_debt_is_riskless_debt_less_quantlibs_put_and_default_its_exercise(
    inputs: CreditInputs,
) -> None:
    found = answer(inputs)
    put = option(ql.Option.Put, found, inputs)
    slack = 1e-12 * (found.asset_value + found.riskless_debt_value)
    expected = found.riskless_debt_value - put.value()
    assert found.debt_value == pytest.approx(expected, rel=1e-12, abs=slack)
    # QuantLib tells how likely the call is to be exercised: the firm to pay.
    pays = option(ql.Option.Call, found, inputs).itmCashProbability()
    assert found.default_probability == pytest.approx(1.0 - pays, abs=1e-12)


@LAW
@given(firms())
def test_assets_are_equity_and_debt(inputs: CreditInputs) -> None:
    """Put-call parity: V = call + K exp(-rT) - put."""
    found = answer(inputs)
    assert found.asset_value == pytest.approx(inputs.equity_value + found.debt_value, rel=1e-13)
    assert found.expected_loss == pytest.approx(
        1.0 - found.debt_value / found.riskless_debt_value, abs=1e-14
    )
    assert found.leverage * found.asset_value == pytest.approx(found.debt_value, rel=1e-14)


@LAW
@given(firms())
def test_a_spread_is_what_the_debt_yields_over_the_risk_free_rate(inputs: CreditInputs) -> None:
    found = answer(inputs)
    yields = math.log(inputs.debt / found.debt_value) / inputs.horizon
    assert found.spread == pytest.approx(
        yields - inputs.risk_free_rate, abs=1e-14 / min(inputs.horizon, 1.0)
    )
    assert found.spread >= 0.0


@LAW
@given(firms())
def test_what_is_lost_is_a_default_that_does_not_recover(inputs: CreditInputs) -> None:
    found = answer(inputs)
    assert 0.0 <= found.default_probability <= 1.0
    if found.recovery is None:
        assert found.default_probability == 0.0
        return
    assert -1e-9 <= found.recovery <= 1.0
    assert found.default_probability * (1.0 - found.recovery) == pytest.approx(
        found.expected_loss, abs=1e-15
    )


@LAW
@given(firms())
def test_assets_lie_between_their_bounds(inputs: CreditInputs) -> None:
    """Lenders get no more than riskless debt, and assets move no more than the shares."""
    found = answer(inputs)
    whole = inputs.equity_value + found.riskless_debt_value
    assert inputs.equity_value < found.asset_value <= whole * (1.0 + 1e-14)
    least = inputs.equity_volatility * inputs.equity_value / whole
    assert least * (1.0 - 1e-13) <= found.asset_volatility < inputs.equity_volatility


@LAW
@given(firms(), numbers(1.01, 10.0), numbers(1.0, 2.0))
def test_the_spread_falls_as_assets_are_worth_more_and_rises_as_they_move_more(
    inputs: CreditInputs, richer: float, wilder: float
) -> None:
    """The same debt beside other assets, whose shares are QuantLib's call on them."""
    found = answer(inputs)
    again = answer(with_assets(inputs, found.asset_value * richer, found.asset_volatility))
    assert again.asset_volatility == pytest.approx(found.asset_volatility, rel=1e-9)
    assert again.spread <= found.spread + 1e-12
    if found.spread > 1e-9:
        assert again.spread < found.spread
    moved = answer(with_assets(inputs, found.asset_value, found.asset_volatility * wilder))
    assert moved.asset_value == pytest.approx(found.asset_value, rel=1e-9)
    assert moved.spread >= found.spread - 1e-12
    assert moved.debt_value <= found.debt_value * (1.0 + 1e-11)


def with_assets(inputs: CreditInputs, value: float, volatility: float) -> CreditInputs:
    """What would be seen of the equity, if these were the assets."""
    growth = math.exp(inputs.risk_free_rate * inputs.horizon)
    deviation = volatility * math.sqrt(inputs.horizon)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, inputs.debt)
    call = ql.BlackCalculator(payoff, value * growth, deviation, 1.0 / growth)
    moves = call.delta(value) * value / call.value() * volatility
    assume(BOUNDS["equity_volatility"][0] <= moves <= BOUNDS["equity_volatility"][1])
    return replace(inputs, equity_value=call.value(), equity_volatility=moves)


@LAW
@given(firms(), numbers(1.01, 3.0))
def test_money_in_another_currency_changes_no_rate(inputs: CreditInputs, rate: float) -> None:
    abroad = CreditInputs(
        equity_value=inputs.equity_value * rate,
        equity_volatility=inputs.equity_volatility,
        debt=inputs.debt * rate,
        horizon=inputs.horizon,
        risk_free_rate=inputs.risk_free_rate,
    )
    one, other = answer(inputs), answer(abroad)
    assert other.asset_value == pytest.approx(one.asset_value * rate, rel=1e-12)
    assert other.asset_volatility == pytest.approx(one.asset_volatility, rel=1e-11)
    assert other.distance_to_default == pytest.approx(one.distance_to_default, rel=1e-9, abs=1e-10)


@LAW
@given(firms(), numbers(0.5, 4.0))
def test_a_year_can_be_cut_into_shorter_ones(inputs: CreditInputs, times: float) -> None:
    """Time has no unit of its own: T k, r / k and volatility / sqrt(k) is the same firm."""
    slower = CreditInputs(
        equity_value=inputs.equity_value,
        equity_volatility=inputs.equity_volatility / math.sqrt(times),
        debt=inputs.debt,
        horizon=inputs.horizon * times,
        risk_free_rate=inputs.risk_free_rate / times,
    )
    one, other = answer(inputs), answer(slower)
    assert other.asset_value == pytest.approx(one.asset_value, rel=1e-12)
    assert other.spread * times == pytest.approx(one.spread, rel=1e-8, abs=1e-12)


def exact(inputs: CreditInputs) -> tuple[mpf, mpf]:
    """V and its volatility by the two equations as they stand, in 40 digits, from a bisection over
    the volatility with another one over the assets inside: it knows nothing of d2."""
    with mp.workdps(40):
        equity, face = mpf(inputs.equity_value), mpf(inputs.debt)
        horizon, rate = mpf(inputs.horizon), mpf(inputs.risk_free_rate)
        discounted = face * mp.exp(-rate * horizon)

        def d1(value: mpf, deviation: mpf) -> mpf:
            x = deviation * mp.sqrt(horizon)
            return mp.log(value / discounted) / x + x / 2

        def call(value: mpf, deviation: mpf) -> mpf:
            d = d1(value, deviation)
            x = deviation * mp.sqrt(horizon)
            return value * mp.ncdf(d) - discounted * mp.ncdf(d - x)

        def assets(deviation: mpf) -> mpf:
            low, high = equity, equity + discounted
            for _ in range(70):
                middle = (low + high) / 2
                low, high = (middle, high) if call(middle, deviation) < equity else (low, middle)
            return low

        low, high = mpf(0), mpf(inputs.equity_volatility)
        for _ in range(70):
            middle = (low + high) / 2
            value = assets(middle)
            moves = mp.ncdf(d1(value, middle)) * middle * value
            low, high = (
                (middle, high) if moves < inputs.equity_volatility * equity else (low, middle)
            )
        return assets(low), low


@pytest.mark.parametrize(
    "inputs",
    [
        firm(),
        firm(equity_value=0.4, equity_volatility=1.5),
        firm(equity_value=40.0, equity_volatility=0.3, horizon=7.0, risk_free_rate=-0.01),
        firm(equity_value=1.0, equity_volatility=0.25, debt=30.0, horizon=0.5),
    ],
)
def test_assets_are_those_of_forty_digits(inputs: CreditInputs) -> None:
    value, deviation = exact(inputs)
    found = answer(inputs)
    assert found.asset_value == pytest.approx(float(value), rel=1e-14)
    assert found.asset_volatility == pytest.approx(float(deviation), rel=1e-12)
    with mp.workdps(40):
        x = deviation * mp.sqrt(inputs.horizon)
        discounted = inputs.debt * mp.exp(-mpf(inputs.risk_free_rate) * inputs.horizon)
        d2 = mp.log(value / discounted) / x - x / 2
        spread = -mp.log((value - inputs.equity_value) / discounted) / inputs.horizon
        assert found.distance_to_default == pytest.approx(float(d2), rel=1e-11)
        assert found.default_probability == pytest.approx(float(mp.ncdf(-d2)), rel=1e-10)
        assert found.spread == pytest.approx(float(spread), rel=1e-9, abs=1e-15)
        owed = value - inputs.equity_value
        loss = 1 - owed / discounted
        assert found.riskless_debt_value == pytest.approx(float(discounted), rel=1e-14)
        assert found.debt_value == pytest.approx(float(owed), rel=1e-12)
        assert found.leverage == pytest.approx(float(owed / value), rel=1e-12)
        assert found.expected_loss == pytest.approx(float(loss), rel=1e-9, abs=1e-15)
        assert found.recovery == pytest.approx(float(1 - loss / mp.ncdf(-d2)), rel=1e-9)


def test_a_default_as_rare_as_no_double_from_one_can_tell_keeps_its_digits() -> None:
    found = answer(firm(equity_value=40.0, equity_volatility=0.12))
    d2 = found.distance_to_default
    assert d2 > 10.0
    with mp.workdps(40):
        assert found.default_probability == pytest.approx(float(mp.ncdf(-mpf(d2))), rel=1e-11)
    assert 0.0 < found.expected_loss < found.default_probability
    assert 0.0 < found.spread < 1e-20


@LAW
@given(firms())
def test_every_answer_comes_with_a_certificate(inputs: CreditInputs) -> None:
    proof = answer(inputs).certificate
    assert 1 <= proof.steps < 60
    assert 0.0 <= proof.equity_residual <= CERTAIN
    assert 0.0 <= proof.volatility_residual <= CERTAIN


def test_equity_too_thin_to_see_the_assets_through_is_refused_with_what_would_do() -> None:
    with pytest.raises(Infeasible, match="of the debt") as no:
        value_credit(firm(equity_value=0.01, equity_volatility=0.01, debt=1e8))
    (problem,) = no.value.problems
    assert problem.path == "equity_value"
    assert "or more" in problem.suggestion


@pytest.mark.parametrize("rate", [-0.2, 0.0, 0.5])
@pytest.mark.parametrize("horizon", [0.5, 5.0, 50.0])
def test_from_the_equity_that_a_refusal_names_on_there_is_an_answer_and_far_below_is_none(
    rate: float, horizon: float
) -> None:
    for volatility in (0.01, 0.1, 1.0):
        thin = firm(equity_value=0.01, equity_volatility=volatility, debt=1e12)
        thin = replace(thin, risk_free_rate=rate, horizon=horizon)
        try:
            value_credit(thin)
        except Infeasible as no:
            (found,) = re.findall(r"value of ([\d.,e+]+) or more", no.problems[0].suggestion)
            enough = float(found.replace(",", ""))
            for times in np.geomspace(1.0, 1e3, 40):
                value_credit(replace(thin, equity_value=enough * float(times)))
            with pytest.raises(Infeasible):
                value_credit(replace(thin, equity_value=enough / 1e3))


@pytest.mark.parametrize("volatility", [2.0, 2.3, 10.0])
@pytest.mark.parametrize("equity", [0.01, 10.0, 1e6])
def test_debt_of_which_next_to_nothing_is_left_has_its_spread_to_the_last_digits(
    equity: float, volatility: float
) -> None:
    """Of shares that move so much until the horizon, of fifty years, as 14 to 70 standard ones."""
    found = answer(firm(equity_value=equity, equity_volatility=volatility, horizon=50.0))
    with mp.workdps(60):
        riskless = 10 * mp.exp(-mpf(0.05) * 50)
        e, s = equity / riskless, mpf(volatility) * mp.sqrt(50)

        def gap(d2: mpf) -> mpf:
            x = s * e / (e + mp.ncdf(d2))
            return mp.exp(d2 * x + x * x / 2) * mp.ncdf(d2 + x) - mp.ncdf(d2) - e

        d2 = mp.findroot(gap, (found.distance_to_default - 1e-9, found.distance_to_default + 1e-9))
        x = s * e / (e + mp.ncdf(d2))
        paid = mp.ncdf(d2) + mp.exp(d2 * x + x * x / 2) * mp.ncdf(-d2 - x)
        assert found.debt_value == pytest.approx(float(paid * riskless), rel=1e-11)
        assert found.spread == pytest.approx(float(-mp.log(paid) / 50), rel=1e-13)


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"horizon": 0.2}, "SHORT_HORIZON", "horizon"),
        ({"equity_volatility": 1.01}, "UNUSUAL_VOLATILITY", "equity_volatility"),
        ({"horizon": 10.0}, "DEFAULT_IS_LIKELY", "debt"),
    ],
)
def test_remarks(changes: dict[str, float], code: str, path: str) -> None:
    assert answer(firm()).remarks == ()
    (remark,) = answer(firm(**changes)).remarks
    assert (remark.code, remark.path) == (code, path)


@pytest.mark.parametrize("name", ["credit_merton", "credit_leveraged_firm"])
def test_an_example_is_read_and_its_answer_written_by_name(name: str) -> None:
    document = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    inputs = reader(CreditInputs)(document)
    written = document_of(value_credit(inputs).valuation)
    assert json.loads(json.dumps(written)) == written
    assert {"distanceToDefault", "defaultProbability", "spread", "certificate"} <= set(written)


def test_every_example_is_listed_with_what_it_comes_to() -> None:
    rows = table(DOCS / "maths" / "credit.md", "file | the firm | default | spread")
    told = {file.split("]")[0].lstrip("["): numbers for file, _, *numbers in rows}
    assert told.keys() == {path.name for path in EXAMPLES.glob("credit_*.json")}
    for name, said in told.items():
        found = answer(reader(CreditInputs)(json.loads((EXAMPLES / name).read_text("utf-8"))))
        percents = (f"{100.0 * found.default_probability:.1f}", f"{100.0 * found.spread:.2f}")
        assert said == [f"{each} %" for each in percents]
