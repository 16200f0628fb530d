"""Returns, leverage and what synergies are worth, against 40 digits from the inputs alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from mpmath import mp, mpf

from engine.errors import Infeasible
from engine.firm.equity import Shares
from engine.merger import Financing, MergerInputs, Offer, Synergies, value_merger
from tests.mirror.engine.merger.deals import LAW, deals

WITHIN = 1e-12


def plain(inputs: MergerInputs) -> MergerInputs:
    """The same deal at a third above the market, of firms whose shares are counted already."""
    paid = Financing(
        stock_share=0.25,
        balance_sheet_cash=inputs.financing.balance_sheet_cash,
        new_debt=inputs.financing.new_debt,
        refinanced=0.5,
    )
    return replace(
        inputs,
        acquirer=replace(inputs.acquirer, shares=Shares(diluted=300.0)),
        target=replace(inputs.target, shares=Shares(diluted=120.0)),
        offer=Offer(price=1.375 * inputs.target.share_price),
        financing=paid,
        earn_out=None,
    )


def exact(inputs: MergerInputs) -> dict[str, Any]:
    """What the books say, year by year, in mpmath."""
    years = range(inputs.timing.years)
    own, its = inputs.acquirer.statements, inputs.target.statements
    rate, its_rate = mpf(own.tax_rate.level), mpf(its.tax_rate.level)
    joined = inputs.synergies or Synergies()

    def of(schedule: Any, year: int, otherwise: float = 0.0) -> mpf:
        if schedule is None:
            return mpf(otherwise)
        return mpf(schedule.level if schedule.level is not None else schedule.by_year[year])

    def gained(year: int) -> mpf:
        sold = of(joined.revenue, year) * mpf(joined.flow_through or 0.0)
        return (of(joined.cost, year) + sold) * of(joined.phase_in, year, 1.0)

    advisory = mpf(0.0 if inputs.fees is None else inputs.fees.advisory)
    equity = mpf(inputs.offer.price) * 120
    repaid = mpf(inputs.target.balance.debt) / 2
    need = equity * 3 / 4 + repaid + advisory
    borrowed = inputs.financing.new_debt
    used = min(mpf(inputs.financing.balance_sheet_cash), need)
    debt = (need - used) / (1 - mpf(borrowed.fee))
    kept = mpf(inputs.acquirer.balance.debt) + repaid
    value = equity + mpf(inputs.target.balance.debt) - mpf(inputs.target.balance.cash)
    invested = value + advisory + debt * mpf(borrowed.fee)
    ebitda = of(own.ebitda, 0) + of(its.ebitda, 0)
    worth, stub = mpf(0), mpf(inputs.timing.stub)
    for year in years:
        net = (gained(year) - of(joined.costs_to_achieve, year)) * (stub if year == 0 else 1)
        worth += net * (1 - rate) / (1 + mpf(inputs.wacc)) ** (stub + year)
    if joined.growth is not None:
        spread = mpf(inputs.wacc) - mpf(joined.growth)
        last = gained(years[-1]) * (1 - rate) * (1 + mpf(joined.growth)) / spread
        worth += last / (1 + mpf(inputs.wacc)) ** (stub + years[-1])
    return {
        "at_closing": (kept + debt) / ebitda,
        "roic": [
            (
                (of(its.ebitda, year) - of(its.depreciation, year)) * (1 - its_rate)
                + gained(year) * (1 - rate)
            )
            / invested
            for year in years
        ],
        "synergies": worth,
        "premium": equity - mpf(inputs.target.share_price) * 120,
    }


@LAW
@given(deals())
def test_returns_leverage_and_value_are_those_of_forty_digits(drawn: MergerInputs) -> None:
    inputs = plain(drawn)
    try:
        result = value_merger(inputs)
    except Infeasible:
        return
    with mp.workdps(40):
        true = exact(inputs)
    assert result.leverage.at_closing == pytest.approx(float(true["at_closing"]), rel=WITHIN)
    assert result.returns.roic == pytest.approx([float(each) for each in true["roic"]], rel=1e-11)
    assert result.returns.spread == pytest.approx(
        [float(each) - inputs.wacc for each in true["roic"]], abs=1e-10
    )
    value = result.value_creation
    size = abs(float(true["synergies"])) + float(true["premium"])
    assert value.synergies == pytest.approx(float(true["synergies"]), rel=1e-11, abs=1e-11)
    assert value.created == pytest.approx(
        float(true["synergies"] - true["premium"]), abs=WITHIN * size
    )
