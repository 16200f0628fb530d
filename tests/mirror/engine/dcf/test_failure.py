"""If the firm may fail: two futures, weighed, and who is paid in the worse one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Convertible,
    DcfInputs,
    DcfOutput,
    DcfResult,
    Failure,
    OptionTranche,
    Settled,
    Shares,
    value_dcf,
)
from engine.errors import Infeasible
from engine.firm.equity import dilution_of, settle
from tests.mirror.engine.firms import LAW, any_failures, any_firms, any_shares, firm, numbers

SAME = 1e-12  # relative
NOTHING = Bridge(debt=0.0, cash=0.0)

# 50 basic shares, and of each kind one that takes part at 12.69 a share and one that does not.
DILUTED = Shares(
    basic=50.0,
    restricted_stock=2.0,
    options=(OptionTranche(count=5.0, strike=8.0), OptionTranche(count=5.0, strike=80.0)),
    convertibles=(
        Convertible(face_value=30.0, conversion_price=10.0),
        Convertible(face_value=40.0, conversion_price=100.0),
    ),
)


def failing(probability: float, recovery: float, **changes: Any) -> DcfResult:
    failure = Failure(probability=probability, recovery=recovery)
    return value_dcf(dataclasses.replace(firm(), failure=failure, **changes))


@LAW
@given(any_firms(), st.none() | any_shares(), numbers(0.0, 1.0))
def test_a_failure_that_cannot_happen_changes_nothing(
    inputs: DcfInputs, shares: Shares | None, recovery: float
) -> None:
    inputs = dataclasses.replace(inputs, shares=inputs.shares if shares is None else shares)
    never = Failure(probability=0.0, recovery=recovery)
    try:
        plain = value_dcf(inputs).worth
    except Infeasible:
        return
    worth = value_dcf(dataclasses.replace(inputs, failure=never)).worth
    for output in DcfOutput:
        name = output.value.lower()
        assert getattr(worth, name) == getattr(plain, name)
    assert (worth.net_debt, worth.diluted_shares) == (plain.net_debt, plain.diluted_shares)
    going = worth.settled.going_concern
    assert isinstance(going, Settled)
    assert going.value_per_share == plain.value_per_share


@LAW
@given(any_firms(), st.none() | any_shares())
def test_a_failure_that_is_certain_and_recovers_nothing_leaves_nothing(
    inputs: DcfInputs, shares: Shares | None
) -> None:
    bridge = dataclasses.replace(inputs.bridge, cash=0.0, associates=0.0)
    lost = Failure(probability=1.0, recovery=0.0)
    certain = dataclasses.replace(
        inputs, shares=shares or inputs.shares, bridge=bridge, failure=lost
    )
    try:
        worth = value_dcf(certain).worth
    except Infeasible:
        return
    assert worth.equity_value == 0.0
    assert worth.value_per_share == 0.0


def test_what_is_left_in_failure_goes_to_the_creditors_first() -> None:
    bridge = Bridge(debt=300.0, cash=65.60)
    # EV 634.40, equity 400, 8 a share. A sale at half of it brings 317.20: 82.80 after net debt.
    half = failing(0.25, 0.5, bridge=bridge)
    settled = half.worth.settled
    assert settled.going_concern is not None
    assert settled.failed is not None
    assert settled.going_concern.value_per_share == pytest.approx(8.0)
    assert settled.failed.equity_value == pytest.approx(82.80)
    assert half.worth.equity_value == pytest.approx(0.75 * 400.0 + 0.25 * 82.80)
    assert half.worth.value_per_share == pytest.approx(half.worth.equity_value / 50.0)
    # At a fifth the creditors lose, and the shareholders no more than all.
    fifth = failing(0.25, 0.2, bridge=bridge).worth
    assert fifth.equity_value == pytest.approx(300.0)
    # The enterprise value and the net debt are the going concern's.
    assert half.worth.enterprise_value == pytest.approx(634.40)
    assert half.worth.net_debt == pytest.approx(234.40)


def test_in_failure_a_convertible_is_a_creditor_like_the_others() -> None:
    # Going on, 30 at 10 convert: 634.40 / 53 = 11.97. Sold for 31.72, they are owed 30 of it.
    shares = Shares(basic=50.0, convertibles=DILUTED.convertibles[:1])
    result = failing(0.5, 0.05, shares=shares)
    settled = result.worth.settled
    assert settled.going_concern is not None
    assert settled.failed is not None
    assert settled.going_concern.convertible_debt == 0.0
    assert settled.failed.convertible_debt == 30.0
    assert settled.failed.equity_value == pytest.approx(1.72)
    assert result.worth.value_per_share == pytest.approx(0.5 * 634.40 / 53.0 + 0.5 * 1.72 / 50.0)
    # Sold for less than it is owed, it takes all of it, and nobody makes up for the rest.
    short = failing(0.5, 0.02, shares=shares).worth.settled.failed
    assert short is not None
    assert (short.equity_value, short.value_per_share) == (0.0, 0.0)
    # What is shown of the bridge, and told tranche by tranche, is of the going concern.
    assert settled.convertible_debt == 0.0
    assert (settled.net_debt, settled.diluted_shares) == (
        settled.going_concern.net_debt,
        settled.going_concern.diluted_shares,
    )
    told = dilution_of(shares, settled)
    assert told is not None
    assert told.convertibles[0].converted


def test_losses_carried_forward_are_lost_with_the_firm() -> None:
    nearly = Failure(probability=0.5, recovery=0.5)
    settled = settle(100.0, NOTHING, Shares(diluted=1.0), 10.0, nearly)
    assert settled.equity_value == 0.5 * 110.0 + 0.5 * 50.0


def test_where_a_sale_pays_just_the_claims_a_step_goes_along_nothing() -> None:
    # Half of 400 pays the net debt of 200: the real parts say that nothing is left.
    half = Failure(probability=0.5, recovery=0.5)
    for step in (1e-200, -1e-200):
        enterprise = np.array([400.0 + step * 1j])
        bridge = Bridge(debt=200.0, cash=0.0)
        settled = settle(enterprise, bridge, Shares(diluted=1.0), failure=half)
        assert settled.equity_value[0].real == 100.0
        assert settled.equity_value[0].imag / step == 0.5


@LAW
@given(any_firms(), any_failures(), numbers(0.0, 1.0))
def test_the_more_likely_the_failure_the_nearer_the_value_is_to_that_of_failure(
    inputs: DcfInputs, failure: Failure, more: float
) -> None:
    likely = dataclasses.replace(
        failure, probability=failure.probability + (1.0 - failure.probability) * more
    )
    one, other = (
        value_dcf(dataclasses.replace(inputs, failure=each)).worth for each in (failure, likely)
    )
    failed = one.settled.failed
    assert failed is not None
    assert failed.equity_value >= 0.0
    rounding = SAME * (abs(one.equity_value) + abs(failed.equity_value))
    gaps = [abs(each.equity_value - failed.equity_value) for each in (one, other)]
    assert gaps[1] <= gaps[0] + rounding


def test_the_value_of_global_crossing_in_the_book() -> None:
    # Damodaran on Valuation, 2nd ed., ch. 17, illustrations 17.1 to 17.3, in millions: operating
    # assets 5,529.92 as a going concern and 2,180 in a distress sale, cash 2,260, debt 4,922.75,
    # employee options 14.31, 886.47 shares, probability of distress 76.63 %. Per share 3.22 as a
    # going concern, and 0.75 weighed with the nothing that limited liability leaves in distress.
    bridge = Bridge(debt=4_922.75, cash=2_260.0, preferred_stock=14.31)
    distress = Failure(probability=0.7663, recovery=2_180.0 / 5_529.92)
    settled = settle(5_529.92, bridge, Shares(diluted=886.47), failure=distress)
    assert settled.going_concern is not None
    assert settled.failed is not None
    assert settled.going_concern.value_per_share == pytest.approx(3.22, abs=0.005)
    assert settled.failed.value_per_share == 0.0
    assert settled.value_per_share == pytest.approx(0.75, abs=0.005)


def test_a_reviewer_asks_about_a_failure_that_costs_nothing_or_is_likely() -> None:
    def said(probability: float, recovery: float, **changes: Any) -> set[str]:
        result = failing(probability, recovery, **changes)
        about = {remark.path: remark.code for remark in result.remarks}
        return {code for path, code in about.items() if path.startswith("failure.")}

    assert said(0.2, 0.5) == set()
    assert said(0.2, 1.0) == {"FAILURE_COSTS_NOTHING"}
    assert said(0.51, 0.5) == {"FAILURE_IS_LIKELY"}
    # Worth less than nothing as it goes on, and nothing in failure.
    assert said(0.2, 0.0, bridge=Bridge(debt=900.0, cash=0.0)) == {"FAILURE_COSTS_NOTHING"}
    assert said(0.0, 1.0) == set()
