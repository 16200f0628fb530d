"""Attribution: exact, complete, and the same whatever was changed first."""

from __future__ import annotations

import dataclasses
import itertools
import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.attribution import Attribution, Method, attribution, shapley
from engine.dcf import (
    Bridge,
    Comparables,
    Convertible,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    Failure,
    FlowTiming,
    Gordon,
    LossesCarriedForward,
    OptionTranche,
    Peer,
    Shares,
    dcf_question,
    value_dcf,
)
from engine.paths import replaced
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, any_firms, firm, firms, fuller
from tests.mirror.engine.plots import plot_question
from tests.mirror.engine.test_scenarios import BUILT

WACC, GROWTH = "capital.wacc", "terminal.gordon.growth"
TAX, MARGIN = "operations.tax_rate", "operations.ebit_margin"


def why(
    old: DcfInputs, new: DcfInputs, output: DcfOutput = DcfOutput.ENTERPRISE_VALUE
) -> Attribution:
    return attribution(dcf_question(old, output), dcf_question(new, output))


def by_path(found: Attribution) -> dict[tuple[str, ...], float]:
    return {each.paths: each.amount for each in found.contributions}


def firm_but(**changes: Any) -> DcfInputs:
    return dataclasses.replace(firm(), **changes)


# The shares of a game


def test_the_glove_game_gives_the_scarce_glove_two_thirds() -> None:
    # Players 0 and 1 have a left glove each, 2 a right one; a pair is worth 1.
    worth = [float(bool(c & 0b100) and bool(c & 0b011)) for c in range(8)]
    assert shapley(np.array(worth)) == pytest.approx([1 / 6, 1 / 6, 4 / 6], abs=1e-15)


def test_a_runway_is_paid_by_all_who_need_it_step_by_step() -> None:
    # Littlechild and Owen, Management Science 20 (1973), pp. 370-372: each step of the cost is
    # shared equally by those whose planes need it.
    costs = [1.0, 3.0, 4.0, 10.0]
    worth = [max((costs[k] for k in range(4) if c >> k & 1), default=0.0) for c in range(16)]
    first = 1.0 / 4.0
    second = first + 2.0 / 3.0
    third = second + 1.0 / 2.0
    assert shapley(np.array(worth)) == pytest.approx([first, second, third, third + 6.0])


@LAW
@given(st.integers(1, 4), st.data())
def test_a_share_is_the_mean_over_every_order(count: int, data: st.DataObject) -> None:
    worth = data.draw(
        st.lists(st.floats(-1e3, 1e3), min_size=1 << count, max_size=1 << count).map(np.array)
    )
    gains: list[list[float]] = [[] for _ in range(count)]
    for order in itertools.permutations(range(count)):
        coalition = 0
        for player in order:
            gains[player].append(worth[coalition | 1 << player] - worth[coalition])
            coalition |= 1 << player
    means = [math.fsum(each) / math.factorial(count) for each in gains]
    assert shapley(worth) == pytest.approx(means, abs=1e-11)


# By hand


def test_of_a_product_each_factor_gets_its_part_at_the_mean_of_the_other() -> None:
    old, new = (
        plot_question("AREA", width=2.0, length=5.0),
        plot_question("AREA", width=3.0, length=7.0),
    )
    found = attribution(old, new)
    assert (found.before, found.after, found.method) == (10.0, 21.0, Method.SHAPLEY)
    assert by_path(found) == {("width",): 6.0, ("length",): 5.0}  # 1 x (5 + 7) / 2, 2 x (2 + 3) / 2
    assert (found.contributions[0].before, found.contributions[0].after) == (2.0, 3.0)


def test_nothing_is_owed_to_a_name_and_nothing_to_what_did_not_change() -> None:
    old = plot_question("AREA", width=2.0)
    assert attribution(old, plot_question("AREA", width=2.0, name="meadow")).contributions == ()
    fenced = attribution(old, plot_question("AREA", width=2.0, fence="hedge"))
    assert by_path(fenced) == {("fence",): 0.0}
    assert why(firm(), firm(market_price=9.0)).contributions == ()


# Laws


def gross(inputs: DcfInputs) -> float:
    return float(exact_dcf(inputs).gross)


@LAW
@given(firms() | fuller(firms()), firms() | fuller(firms()))
def test_the_contributions_add_up_to_the_change_whatever_changed(
    old: DcfInputs, new: DcfInputs
) -> None:
    found = why(old, new, DcfOutput.EQUITY_VALUE)
    assert found.before == value_dcf(old).worth.equity_value
    assert found.after == value_dcf(new).worth.equity_value
    total = math.fsum(each.amount for each in found.contributions)
    sizes = [gross(old), gross(new), *(abs(each.amount) for each in found.contributions)]
    assert found.after - found.before == pytest.approx(total, abs=1e-12 * math.fsum(sizes))
    amounts = [abs(each.amount) for each in found.contributions]
    assert amounts == sorted(amounts, reverse=True)


@LAW
@given(any_firms())
def test_a_firm_has_nothing_to_explain_against_itself(inputs: DcfInputs) -> None:
    assert why(inputs, inputs).contributions == ()


@LAW
@given(firms(), firms())
def test_on_the_way_back_every_contribution_has_the_other_sign(
    one: DcfInputs, other: DcfInputs
) -> None:
    there, back = by_path(why(one, other)), by_path(why(other, one))
    assert set(there) == set(back)
    size = gross(one) + gross(other) + sum(map(abs, there.values()))
    for paths, amount in there.items():
        assert amount == pytest.approx(-back[paths], abs=1e-11 * size)


def test_the_contributions_are_the_mean_over_every_order_of_whole_valuations() -> None:
    question = dcf_question(firm(), DcfOutput.VALUE_PER_SHARE)
    changes = {WACC: 0.2, GROWTH: 0.03, TAX: 0.02, "shares.diluted": 60.0}
    gains: dict[str, list[float]] = {path: [] for path in changes}
    for order in itertools.permutations(changes):
        made: dict[str, Any] = {}
        before = float(question.worth(question.inputs))
        for path in order:
            made[path] = changes[path]
            after = value_dcf(replaced(question.inputs, made)).worth.value_per_share
            gains[path].append(after - before)
            before = after
    found = why(firm(), replaced(question.inputs, changes), DcfOutput.VALUE_PER_SHARE)
    assert {each.paths[0]: each.amount for each in found.contributions} == {
        path: pytest.approx(math.fsum(each) / 24.0, rel=1e-11) for path, each in gains.items()
    }


# What is no number


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"terminal": ExitMultiple(ev_to_ebitda=8.0)}, "terminal"),
        ({"capital": BUILT}, "capital"),
        ({"failure": Failure(probability=0.1, recovery=0.3)}, "failure"),
        ({"bridge": Bridge(debt=10.0, cash=0.0)}, "bridge.debt"),
        (
            {"shares": Shares(basic=50.0, options=(OptionTranche(count=5.0, strike=1.0),))},
            "shares.diluted",
        ),
    ],
)
def test_one_change_of_any_kind_is_the_whole_difference(change: Any, path: str) -> None:
    new = firm_but(**change)
    found = why(firm(), new, DcfOutput.VALUE_PER_SHARE)
    assert len(found.contributions) == 1
    (only,) = found.contributions
    assert path in only.paths
    assert only.amount == found.after - found.before
    assert found.after == value_dcf(new).worth.value_per_share


def test_timing_and_what_was_given_or_left_out_are_players_like_any_other() -> None:
    new = firm(
        flows=FlowTiming.MID_YEAR,
        wacc=0.2,
        opening_working_capital=50.0,
        losses=LossesCarriedForward(balance=100.0),
    )
    found = why(firm(), new, DcfOutput.EQUITY_VALUE)
    assert {each.paths for each in found.contributions} == {
        ("timing.flows",),
        (WACC,),
        ("operations.opening_working_capital",),
        ("operations.losses",),
    }
    dated = dataclasses.replace(
        firm(), timing=dataclasses.replace(firm().timing, fiscal_year_end=date(2024, 12, 31))
    )
    assert by_path(why(firm(), dated)).keys() == {("timing.fiscal_year_end",)}


def test_a_list_of_groups_is_compared_item_by_item_where_it_has_the_same_length() -> None:
    def listed(strike: float, *peers: Peer) -> DcfInputs:
        capital = dataclasses.replace(BUILT, beta=None, comparables=Comparables(peers=peers))
        shares = Shares(
            basic=50.0,
            options=(OptionTranche(count=5.0, strike=strike),),
            convertibles=(Convertible(face_value=20.0, conversion_price=9.0),),
        )
        return firm_but(capital=capital, shares=shares)

    one = Peer(name="One", beta=1.1, debt_to_equity=0.3, tax_rate=0.2)
    two = Peer(name="Two", beta=1.3, debt_to_equity=0.3, tax_rate=0.2)
    share = DcfOutput.VALUE_PER_SHARE
    assert {
        each.paths for each in why(listed(1.0, one), listed(2.0, two), share).contributions
    } == {
        ("shares.options[0].strike",),
        ("capital.capm.comparables.peers[0].beta",),
    }
    longer = why(listed(1.0, one), listed(1.0, one, two), share)
    assert [each.paths for each in longer.contributions] == [("capital.capm.comparables.peers",)]


def test_what_makes_no_sense_apart_changes_together() -> None:
    # The new growth is above the old WACC; the tax has nothing to do with it.
    found = why(firm(wacc=0.10), firm(wacc=0.40, terminal=Gordon(growth=0.30), tax_rate=0.3))
    assert {each.paths for each in found.contributions} == {(WACC, GROWTH), (TAX,)}
    margins = why(firm(), firm(ebit_margin=None, ebitda_margin=0.26, wacc=0.2))
    assert {each.paths for each in margins.contributions} == {
        ("operations.ebit_margin", "operations.ebitda_margin"),
        (WACC,),
    }


def test_a_longer_forecast_goes_with_the_schedules_that_it_makes_longer() -> None:
    found = why(firm(), firm(years=5, wacc=0.2))
    longer = next(each for each in found.contributions if "timing.years" in each.paths)
    assert longer.paths[0] == "timing.years"
    assert set(longer.paths[1:]) == {
        f"operations.{name}"
        for name in (
            "revenue_growth",
            "tax_rate",
            "depreciation",
            "capital_expenditure",
            "working_capital",
            "ebit_margin",
        )
    }
    assert [each.paths for each in found.contributions if each is not longer] == [(WACC,)]


def test_a_longer_forecast_is_one_change_of_ten_and_not_seven() -> None:
    found = why(
        firm(),
        firm(
            years=4,
            wacc=0.2,
            revenue=900.0,
            opening_working_capital=80.0,
            terminal=Gordon(growth=0.03),
            bridge=Bridge(debt=1.0, cash=2.0, leases=3.0),
            flows=FlowTiming.MID_YEAR,
        ),
        DcfOutput.EQUITY_VALUE,
    )
    assert found.method is Method.SHAPLEY
    assert len(found.contributions) == 9


@LAW
@given(firms())
def test_a_contribution_of_one_change_among_others_is_between_its_first_and_last_effect(
    inputs: DcfInputs,
) -> None:
    # Two players: the share is the mean of the effect alone and the effect after the other.
    question = dcf_question(inputs, DcfOutput.EQUITY_VALUE)
    own = question.inputs
    more = {"operations.revenue": float(own.operations.revenue) * 1.1, "bridge.cash": 1.0}
    found = why(inputs, replaced(own, more), DcfOutput.EQUITY_VALUE)

    def value(paths: list[str]) -> float:
        return value_dcf(replaced(own, {path: more[path] for path in paths})).worth.equity_value

    nothing, all_ = value([]), value(list(more))
    for path, other in itertools.permutations(more):
        alone, last = value([path]) - nothing, all_ - value([other])
        amount = by_path(found).get((path,), 0.0)
        assert amount == pytest.approx((alone + last) / 2.0, abs=1e-11 * gross(inputs))
