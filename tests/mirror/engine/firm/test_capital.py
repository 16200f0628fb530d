"""What capital costs, built from its parts: premia, and a beta from comparable firms."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    Capm,
    Comparables,
    DcfInputs,
    DcfOutput,
    GivenWacc,
    Gordon,
    Peer,
    TaxShields,
    Unlevering,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit, outside
from engine.errors import InvalidInput
from engine.firm.betas import MAX_PEERS, median
from engine.paths import numbers
from engine.scenarios import COMPLEX_STEP, Axis, gradient, sensitivity
from tests.mirror.engine.exact import exact_dcf, exact_slope
from tests.mirror.engine.firms import LAW, PEER, PREMIA, built_in_full, firm
from tests.mirror.engine.firms import numbers as anywhere

PEERS = (
    Peer(name="Plum", beta=1.3, debt_to_equity=0.5, tax_rate=0.4),  # 1.3 / 1.3 = 1
    Peer(name="Pear", beta=1.2, debt_to_equity=1.0, tax_rate=0.5),  # 1.2 / 1.5 = 0.8
    Peer(name="Quince", beta=1.32, debt_to_equity=0.25, tax_rate=0.6),  # 1.32 / 1.1 = 1.2
)
PARTS: dict[str, Any] = {
    "risk_free_rate": 0.04,
    "equity_risk_premium": 0.05,
    "pre_tax_cost_of_debt": 0.06,
    "debt_weight": 0.2,
    "tax_rate": 0.2,
}


def compared(*peers: Peer, **changes: Any) -> Capm:
    how = {name: changes.pop(name) for name in ("unlevering", "blume") if name in changes}
    return Capm(**PARTS | changes, comparables=Comparables(peers=peers or PEERS, **how))


def refused(capital: Capm) -> dict[str, str]:
    with pytest.raises(InvalidInput) as no:
        admit(firm(capital=capital))
    return {problem.path: problem.code for problem in no.value.problems}


# Laws


@LAW
@given(
    anywhere(-1.0, 5.0),
    anywhere(0.0, 20.0),
    anywhere(0.0, 0.9),
    st.sampled_from(Unlevering),
)
def test_a_beta_levered_again_at_its_own_debt_and_tax_is_the_one_observed(
    beta: float, debt: float, tax: float, how: Unlevering
) -> None:
    peer = Peer(name="Plum", beta=beta, debt_to_equity=debt, tax_rate=tax)
    capital = compared(peer, debt_weight=debt / (1.0 + debt), tax_rate=tax, unlevering=how)
    assert capital.levered_beta == pytest.approx(beta, rel=1e-13)


@LAW
@given(built_in_full())
def test_blume_leaves_the_market_where_it_is_and_draws_everybody_a_third_of_the_way(
    capital: Capm,
) -> None:
    assert capital.comparables is not None
    drawn = dataclasses.replace(capital.comparables, blume=True)
    raw = dataclasses.replace(capital.comparables, blume=False)
    for after, before in zip(drawn.observed_betas(), raw.observed_betas(), strict=True):
        assert 1.0 - after == pytest.approx((1.0 - before) * 2.0 / 3.0, abs=1e-15)
    market = Peer(name="Market", beta=1.0, debt_to_equity=0.0, tax_rate=0.2)
    assert Comparables(peers=(market,), blume=True).unlevered_beta() == 1.0


@LAW
@given(built_in_full(), st.randoms())
def test_the_order_in_which_peers_are_named_changes_nothing(capital: Capm, chance: Any) -> None:
    assert capital.comparables is not None
    peers = list(capital.comparables.peers)
    chance.shuffle(peers)
    shuffled = dataclasses.replace(capital.comparables, peers=tuple(peers))
    assert dataclasses.replace(capital, comparables=shuffled).wacc == capital.wacc


@LAW
@given(built_in_full())
def test_the_wacc_is_the_unlevered_cost_less_the_tax_that_interest_saves(capital: Capm) -> None:
    saved = capital.debt_weight * capital.pre_tax_cost_of_debt * capital.tax_rate
    assert capital.wacc == pytest.approx(capital.unlevered_cost - saved, rel=1e-13)


@LAW
@given(built_in_full(), st.sampled_from(sorted(PREMIA)), anywhere(-0.01, 0.03))
def test_a_premium_is_added_to_the_cost_of_equity_point_by_point(
    capital: Capm, name: str, premium: float
) -> None:
    without = dataclasses.replace(capital, **{name: None})
    given_ = dataclasses.replace(capital, **{name: premium})
    assert given_.cost_of_equity == pytest.approx(without.cost_of_equity + premium, abs=1e-15)
    assert dataclasses.replace(capital, **{name: 0.0}).wacc == without.wacc


@given(st.lists(anywhere(-5.0, 5.0), min_size=1, max_size=7))
def test_half_of_the_values_are_no_higher_than_the_median_and_half_no_lower(
    values: list[float],
) -> None:
    middle = median(tuple(values))
    assert middle == np.median(values)
    assert 2 * sum(value <= middle for value in values) >= len(values)
    assert 2 * sum(value >= middle for value in values) >= len(values)


@given(st.lists(st.lists(anywhere(-5.0, 5.0), min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_median_over_scenarios_is_that_of_each(rows: list[list[float]]) -> None:
    batch = median(tuple(np.array(row) for row in rows))
    assert batch.tolist() == [median(tuple(column)) for column in zip(*rows, strict=True)]
    mixed = median((0.5, *(np.array(row) for row in rows)))
    assert mixed.tolist() == [median((0.5, *column)) for column in zip(*rows, strict=True)]


def test_a_complex_step_goes_through_the_value_in_the_middle_alone() -> None:
    def slopes(*values: float) -> list[float]:
        stepped = [np.full(len(values), value, dtype=complex) for value in values]
        for place, value in enumerate(stepped):
            value[place] += COMPLEX_STEP * 1j
        return (np.imag(median(tuple(stepped))) / COMPLEX_STEP).tolist()

    assert slopes(3.0, 1.0, 2.0) == [0.0, 0.0, 1.0]
    assert slopes(4.0, 1.0, 3.0, 2.0) == [0.0, 0.0, 0.5, 0.5]
    assert slopes(-7.0) == [1.0]


# By hand


def test_a_beta_from_peers_by_hand() -> None:
    # Unlevered 1, 0.8 and 1.2: the median is 1. Debt of 20 % of capital is a quarter of equity:
    # 1 x (1 + 0.8 x 0.25) = 1.2. Equity 4 % + 1.2 x 5 % + 2 % + 1 % - 0.5 % = 12.5 %; debt 4.8 %;
    # WACC 80 % x 12.5 % + 20 % x 4.8 % = 10.96 %; without debt 80 % x 12.5 % + 20 % x 6 % = 11.2 %.
    premia = {"country_premium": 0.02, "size_premium": 0.01, "specific_premium": -0.005}
    result = value_dcf(firm(capital=compared(**premia)))
    built = result.cost_of_capital
    assert built is not None
    assert built.peers is not None
    assert [peer.name for peer in built.peers] == ["Plum", "Pear", "Quince"]
    assert [peer.beta for peer in built.peers] == [1.3, 1.2, 1.32]
    assert [peer.unlevered_beta for peer in built.peers] == pytest.approx([1.0, 0.8, 1.2])
    assert built.unlevered_beta == pytest.approx(1.0)
    assert built.beta == pytest.approx(1.2)
    assert built.market_premium == pytest.approx(0.06)
    assert (built.country_premium, built.size_premium, built.specific_premium) == (
        0.02,
        0.01,
        -0.005,
    )
    assert built.cost_of_equity == pytest.approx(0.125)
    assert result.cost_of_equity == built.cost_of_equity
    assert built.after_tax_cost_of_debt == pytest.approx(0.048)
    assert result.worth.wacc == pytest.approx(0.1096)
    assert built.unlevered_cost == pytest.approx(0.112)


def test_unlevering_after_harris_and_pringle_asks_for_no_tax() -> None:
    # 1.3 / 1.5, 1.2 / 2 = 0.6 and 1.32 / 1.25 = 1.056: the median is 0.8667, levered x 1.25.
    capital = compared(unlevering=Unlevering.HARRIS_PRINGLE)
    assert capital.levered_beta == pytest.approx(1.3 / 1.5 * 1.25)
    untaxed = tuple(dataclasses.replace(peer, tax_rate=0.0) for peer in PEERS)
    again = compared(*untaxed, unlevering=Unlevering.HARRIS_PRINGLE, tax_rate=0.0)
    assert again.levered_beta == capital.levered_beta


def test_of_an_even_number_of_peers_the_middle_two_are_averaged_after_blume() -> None:
    # (2 x 1.3 + 1) / 3 = 1.2 over 1.3, and (2 x 1.2 + 1) / 3 = 1.1333 over 1.5.
    capital = compared(*PEERS[:2], blume=True)
    assert capital.comparables is not None
    assert capital.comparables.unlevered_beta() == pytest.approx(
        (1.2 / 1.3 + 3.4 / 3.0 / 1.5) / 2.0
    )


def test_a_beta_that_is_given_shows_no_peers() -> None:
    built = value_dcf(firm(capital=Capm(**PARTS, beta=1.2))).cost_of_capital
    assert built is not None
    assert (built.peers, built.unlevered_beta, built.beta) == (None, None, 1.2)
    assert (built.country_premium, built.size_premium, built.specific_premium) == (None,) * 3
    assert value_dcf(firm()).cost_of_capital is None


# Published


def test_embraers_dollar_cost_of_equity_is_the_books() -> None:
    """Damodaran, Damodaran on Valuation, 2nd ed., illustration 2.4.

    Aerospace firms have an unlevered beta of 0.95; at a debt-to-equity ratio of 18.95 % and a tax
    of 34 % that is 1.07. With a risk-free rate of 4.25 %, a premium of 4.84 % and 0.27 of Brazil's
    4.67 % on top, equity costs 10.69 %.
    """
    aerospace = Peer(name="Aerospace", beta=0.95, debt_to_equity=0.0, tax_rate=0.34)
    capital = compared(
        aerospace,
        risk_free_rate=0.0425,
        equity_risk_premium=0.0484,
        debt_weight=0.1895 / 1.1895,
        tax_rate=0.34,
        country_premium=0.27 * 0.0467,
    )
    assert capital.levered_beta == pytest.approx(1.07, abs=0.005)
    # The book goes on with the beta as it is printed.
    printed = dataclasses.replace(capital, beta=1.07, comparables=None)
    assert printed.cost_of_equity == pytest.approx(0.1069, abs=0.00005)


# The door


@pytest.mark.parametrize(
    ("capital", "problems"),
    [
        (Capm(**PARTS), {"capital.capm.beta": "MISSING"}),
        (
            Capm(**PARTS, beta=1.0, comparables=Comparables(peers=PEERS)),
            {"capital.capm.beta": "CONTRADICTION"},
        ),
        (
            Capm(**PARTS, comparables=Comparables(peers=())),
            {"capital.capm.comparables.peers": "WRONG_LENGTH"},
        ),
        (
            compared(*PEERS[:1] * (MAX_PEERS + 1)),
            {"capital.capm.comparables.peers": "WRONG_LENGTH"},
        ),
        (
            compared(dataclasses.replace(PEERS[0], name="  ")),
            {"capital.capm.comparables.peers[0].name": "WRONG_LENGTH"},
        ),
        (
            compared(PEERS[0], dataclasses.replace(PEERS[1], name="n" * 81)),
            {"capital.capm.comparables.peers[1].name": "WRONG_LENGTH"},
        ),
        (
            # What would steer a terminal is no name.
            compared(dataclasses.replace(PEERS[0], name="Plum\n\x1b[31mPear")),
            {"capital.capm.comparables.peers[0].name": "WRONG_LENGTH"},
        ),
        (compared(debt_weight=0.991), {"capital.capm.debt_weight": "OUT_OF_RANGE"}),
        # A debt of 98 % of capital, 49 times equity: a beta of 1 becomes 40.
        (compared(debt_weight=0.98), {"capital.capm.comparables": "OUT_OF_RANGE"}),
        (
            compared(
                dataclasses.replace(PEERS[0], beta=math.nan, tax_rate=35.0),
                country_premium=2.0,
                debt_weight=-0.1,
            ),
            {
                "capital.capm.debt_weight": "OUT_OF_RANGE",
                "capital.capm.country_premium": "OUT_OF_RANGE",
                "capital.capm.comparables.peers[0].beta": "NOT_FINITE",
                "capital.capm.comparables.peers[0].tax_rate": "OUT_OF_RANGE",
            },
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_everything_that_is_wrong(
    capital: Capm, problems: dict[str, str]
) -> None:
    assert refused(capital) == problems


@pytest.mark.parametrize("name", PREMIA)
def test_a_premium_at_its_bound_comes_in_and_one_step_beyond_does_not(name: str) -> None:
    low, high = PREMIA[name]
    sound = {"beta": 1.0, "risk_free_rate": 0.3}
    for inside in (low, high):
        admit(firm(capital=Capm(**PARTS | sound | {name: inside})))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(Capm(**PARTS | sound | {name: beyond})) == {
            f"capital.capm.{name}": "OUT_OF_RANGE"
        }


@pytest.mark.parametrize("name", PEER)
def test_a_peers_number_at_its_bound_comes_in_and_one_step_beyond_does_not(name: str) -> None:
    low, high = PEER[name]

    def one(value: float) -> Capm:
        peer = dataclasses.replace(PEERS[0], **{name: value})
        return compared(peer, PEERS[1], PEERS[2], risk_free_rate=0.3, debt_weight=0.0)

    for inside in (low, high):
        admit(firm(capital=one(inside)))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(one(beyond)) == {f"capital.capm.comparables.peers[0].{name}": "OUT_OF_RANGE"}


def test_growth_is_held_against_a_wacc_that_peers_make() -> None:
    with pytest.raises(InvalidInput) as no:
        admit(firm(capital=compared(), terminal=Gordon(growth=0.0895)))
    # 80 % x (4 % + 1.2 x 5 %) + 20 % x 4.8 % = 8.96 %
    assert [problem.path for problem in no.value.problems] == ["terminal.gordon.growth"]
    assert "0.0895 against 0.0896" in no.value.problems[0].message


def test_a_drawn_peer_is_outside_exactly_where_the_door_would_refuse_it() -> None:
    inputs = admit(firm(capital=compared()))
    drawn = dataclasses.replace(PEERS[0], debt_to_equity=np.array([-1.0, -0.01, 0.0, 20.0, 21.0]))
    capital = compared(drawn, *PEERS[1:])
    with np.errstate(all="ignore"):  # as a simulation has it
        found = outside(dataclasses.replace(inputs, capital=capital), inputs)
    assert found is not None
    assert found.tolist() == [True, True, False, False, True]


# What the analyses ask


def paths_of_capital(inputs: DcfInputs) -> list[str]:
    return [path for path in numbers(inputs) if path.startswith("capital.")]


def test_every_number_of_a_peer_has_a_path() -> None:
    inputs = admit(firm(capital=compared(size_premium=0.01)))
    assert paths_of_capital(inputs) == [
        "capital.capm.risk_free_rate",
        "capital.capm.equity_risk_premium",
        *(
            f"capital.capm.comparables.peers[{index}].{name}"
            for index in range(3)
            for name in ("beta", "debt_to_equity", "tax_rate")
        ),
        "capital.capm.pre_tax_cost_of_debt",
        "capital.capm.debt_weight",
        "capital.capm.tax_rate",
        "capital.capm.size_premium",
    ]


@LAW
@given(built_in_full())
def test_the_gradient_through_every_part_is_that_of_forty_digits(capital: Capm) -> None:
    inputs = admit(firm(years=4, capital=capital, terminal=Gordon(growth=0.01)))
    question = dcf_question(inputs, DcfOutput.ENTERPRISE_VALUE)
    gross = float(exact_dcf(inputs).gross)
    for path, slope in gradient(question, paths_of_capital(inputs)).items():
        exact = float(exact_slope(inputs, path, DcfOutput.ENTERPRISE_VALUE))
        assert slope == pytest.approx(exact, rel=1e-10, abs=1e-13 * gross), path


def test_a_grid_over_a_peer_changes_the_median_where_another_takes_the_middle() -> None:
    inputs = admit(firm(capital=compared()))
    question = dcf_question(inputs, DcfOutput.VALUE_PER_SHARE)
    betas, weights = np.array([0.2, 1.0, 1.3, 1.5, 4.0]), np.array([0.0, 0.2, 0.5])
    grid = sensitivity(
        question,
        Axis("capital.capm.comparables.peers[0].beta", betas),
        Axis("capital.capm.debt_weight", weights),
    )
    for row, beta in enumerate(betas):
        for column, weight in enumerate(weights):
            peer = dataclasses.replace(PEERS[0], beta=float(beta))
            capital = compared(peer, *PEERS[1:], debt_weight=float(weight))
            alone = value_dcf(firm(capital=capital)).worth.value_per_share
            assert grid[row, column] == alone
    # Below the others the median is Pear's 0.8; above them Quince's 1.2.
    lowest, highest = (
        value_dcf(firm(capital=compared(peer, debt_weight=0.0))).worth.value_per_share
        for peer in PEERS[1:]
    )
    assert grid[0, 0] == pytest.approx(float(lowest))
    assert grid[4, 0] == pytest.approx(float(highest))


def test_a_wacc_from_peers_moves_as_a_whole_too() -> None:
    built, given_ = firm(capital=compared()), firm(capital=GivenWacc(wacc=0.09))
    rows = Axis("capital.wacc", np.array([0.09]))
    columns = Axis("terminal.gordon.growth", np.array([0.01, 0.02]))
    grids = [
        sensitivity(dcf_question(inputs, DcfOutput.EQUITY_VALUE), rows, columns).tolist()
        for inputs in (built, given_)
    ]
    assert grids[0] == grids[1]


def test_how_tax_shields_are_valued_moves_no_number_of_the_value() -> None:
    one, other = (value_dcf(firm(capital=compared(tax_shields=shields))) for shields in TaxShields)
    assert one.worth.value_per_share == other.worth.value_per_share
    assert one.cross_checks == other.cross_checks
