"""Published multiples, quartiles and bridges, as a comparison has them."""

from __future__ import annotations

import pytest

from engine.comparables import Asked, Multiple, Peer, Period, Silence, Stated, value_comparables
from engine.comparables.quartiles import quantiles, quartiles
from engine.dcf import Bridge, OptionTranche, Shares
from tests.mirror.engine.comparables.firms import LTM_EBITDA, comparison, months, peer, subject

CENT = 0.00501  # half of one: what is printed with two digits

# Market capitalisation, enterprise value, revenue, EBITDA and net income in millions of dollars;
# then EV/revenue, EV/EBITDA and P/E as printed, where None is the slide's “NA”.
SOCIAL_MEDIA = {
    "Facebook": (173_540.0, 160_090.0, 7_870.0, 3_930.0, 1_490.0, 20.34, 40.74, 116.47),
    "LinkedIn": (23_530.0, 19_980.0, 1_530.0, 182.0, 27.0, 13.06, 109.78, 871.48),
    "Pandora": (7_320.0, 7_150.0, 655.0, -18.0, -29.0, 10.92, None, None),
    "Groupon": (6_690.0, 5_880.0, 2_440.0, 125.0, -95.0, 2.41, 47.04, None),
    "Netflix": (25_900.0, 25_380.0, 4_370.0, 277.0, 112.0, 5.81, 91.62, 231.25),
    "Yelp": (6_200.0, 5_790.0, 233.0, 2.4, -10.0, 24.85, 2_412.50, None),
    "Open Table": (1_720.0, 1_500.0, 190.0, 63.0, 33.0, 7.89, 23.81, 52.12),
    "Zynga": (4_200.0, 2_930.0, 873.0, 74.0, -37.0, 3.36, 39.59, None),
    "Zillow": (3_070.0, 2_860.0, 197.0, -13.0, -12.45, 14.52, None, None),
    "Trulia": (1_140.0, 1_120.0, 144.0, -6.0, -18.0, 7.78, None, None),
    "Tripadvisor": (13_510.0, 12_860.0, 945.0, 311.0, 205.0, 13.61, 41.35, 65.90),
}
ASKED = (Multiple.EV_TO_REVENUE, Multiple.EV_TO_EBITDA, Multiple.PRICE_TO_EARNINGS)
AVERAGES, MEDIANS = (11.32, 350.80, 267.44), (10.92, 44.20, 116.47)

# How long 272 eruptions of Old Faithful lasted, in minutes (Azzalini and Bowman, Applied Statistics
# 39, 1990); digit for digit those of the manual's own stem-and-leaf plot.
ERUPTIONS = """
3.6 1.8 3.333 2.283 4.533 2.883 4.7 3.6 1.95 4.35 1.833 3.917 4.2 1.75 4.7 2.167 1.75 4.8 1.6 4.25
1.8 1.75 3.45 3.067 4.533 3.6 1.967 4.083 3.85 4.433 4.3 4.467 3.367 4.033 3.833 2.017 1.867 4.833
1.833 4.783 4.35 1.883 4.567 1.75 4.533 3.317 3.833 2.1 4.633 2 4.8 4.716 1.833 4.833 1.733 4.883
3.717 1.667 4.567 4.317 2.233 4.5 1.75 4.8 1.817 4.4 4.167 4.7 2.067 4.7 4.033 1.967 4.5 4 1.983
5.067 2.017 4.567 3.883 3.6 4.133 4.333 4.1 2.633 4.067 4.933 3.95 4.517 2.167 4 2.2 4.333 1.867
4.817 1.833 4.3 4.667 3.75 1.867 4.9 2.483 4.367 2.1 4.5 4.05 1.867 4.7 1.783 4.85 3.683 4.733 2.3
4.9 4.417 1.7 4.633 2.317 4.6 1.817 4.417 2.617 4.067 4.25 1.967 4.6 3.767 1.917 4.5 2.267 4.65
1.867 4.167 2.8 4.333 1.833 4.383 1.883 4.933 2.033 3.733 4.233 2.233 4.533 4.817 4.333 1.983 4.633
2.017 5.1 1.8 5.033 4 2.4 4.6 3.567 4 4.5 4.083 1.8 3.967 2.2 4.15 2 3.833 3.5 4.583 2.367 5 1.933
4.617 1.917 2.083 4.583 3.333 4.167 4.333 4.5 2.417 4 4.167 1.883 4.583 4.25 3.767 2.033 4.433 4.083
1.833 4.417 2.183 4.8 1.833 4.8 4.1 3.966 4.233 3.5 4.366 2.25 4.667 2.1 4.35 4.133 1.867 4.6 1.783
4.367 3.85 1.933 4.5 2.383 4.7 1.867 3.833 3.417 4.233 2.4 4.8 2 4.15 1.867 4.267 1.75 4.483 4 4.117
4.083 4.267 3.917 4.55 4.083 2.417 4.183 2.217 4.45 1.883 1.85 4.283 3.95 2.333 4.15 2.35 4.933 2.9
4.583 3.833 2.083 4.367 2.133 4.35 2.2 4.45 3.567 4.5 4.15 3.817 3.917 4.45 2 4.283 4.767 4.533 1.85
4.25 1.983 2.25 4.75 4.117 2.15 4.417 1.817 4.467
"""


def listed(name: str) -> Peer:
    """What its enterprise value is less than its market's is the cash that it has beyond debt."""
    capital, value, revenue, ebitda, earnings = SOCIAL_MEDIA[name][:5]
    return peer(
        name,
        value,
        bridge=Bridge(debt=0.0, cash=capital - value),
        metrics=Stated(ltm=months(revenue=revenue, ebitda=ebitda, net_income=earnings)),
    )


def test_social_media_firms_have_the_multiples_of_the_slide() -> None:
    """Damodaran, Valuation, lecture notes, fall 2015, session 18, “Social media in October 2013”.

    Eleven firms, of which eight have an EV/EBITDA and five a P/E: the others make losses.
    """
    asked = tuple(Asked(multiple=each, period=Period.LTM) for each in ASKED)
    answer = value_comparables(comparison(*map(listed, SOCIAL_MEDIA), asked=asked)).valuation
    assert [each.count for each in answer.ranges] == [11, 8, 5]
    for number, found in enumerate(answer.ranges):
        printed = {name: row[5 + number] for name, row in SOCIAL_MEDIA.items()}
        assert {
            each.name: each.multiple for each in found.peers if each.silence is None
        } == pytest.approx(
            {name: each for name, each in printed.items() if each is not None}, abs=CENT
        )
        assert {each.name for each in found.peers if each.silence is Silence.NOT_MEANINGFUL} == {
            name for name, each in printed.items() if each is None
        }
        assert found.statistics is not None
        assert found.statistics.mean == pytest.approx(AVERAGES[number], abs=CENT)
        assert found.statistics.median == pytest.approx(MEDIANS[number], abs=CENT)
    assert answer.multiple == pytest.approx(MEDIANS[0], abs=CENT)
    equity = {each.name: each.equity_value for each in answer.peers}
    assert equity == pytest.approx({name: row[0] for name, row in SOCIAL_MEDIA.items()})


def test_eruptions_have_the_quartiles_of_the_manual() -> None:
    """Venables, Smith and the R Core Team, An Introduction to R, section 8.2: `summary(eruptions)`.

    The hinges that stand beside them, 2.1585 and 4.4585, are another definition's.
    """
    found = quartiles([float(each) for each in ERUPTIONS.split()], [True] * 272)
    printed = {
        "low": 1.600,
        "lower_quartile": 2.163,
        "median": 4.000,
        "mean": 3.488,
        "upper_quartile": 4.454,
        "high": 5.100,
    }
    assert {name: getattr(found, name) for name in printed} == pytest.approx(printed, abs=0.000501)


def test_of_twelve_wafers_the_ninetieth_percentile_is_the_handbooks() -> None:
    """NIST/SEMATECH, e-Handbook of Statistical Methods, section 7.2.6.2, in ohm cm.

    Its method R7, Excel's, at 1 + p (N - 1), has 95.1957; R6 has 95.1981, R8 95.1972.
    """
    wafers = [95.1772, 95.1567, 95.1937, 95.1959, 95.1442, 95.0610]
    wafers += [95.1591, 95.1195, 95.1065, 95.0925, 95.1990, 95.1682]
    (found,) = quantiles(wafers, [True] * 12, [0.9])
    assert found == pytest.approx(95.1957, abs=0.0000501)


def test_home_depot_is_seen_at_its_share_price_with_the_books_bridge_and_back() -> None:
    """Koller, Goedhart and Wessels, Valuation, 4th ed., exhibit 5.4, in millions of dollars.

    Operations of 79,442, excess cash of 1,609, other assets of 84, debt of 1,365 and leases of
    6,554: equity of 73,216, or 32.44 for each of 2,257 shares.
    """
    bridge = Bridge(debt=1_365.0, leases=6_554.0, cash=1_609.0, associates=84.0)
    shares = Shares(diluted=2_257.0)
    cents = 2_257.0 * CENT
    seen = peer(enterprise_value=None, share_price=32.44, shares=shares, bridge=bridge)
    own = subject(bridge=bridge, shares=shares)
    at_price = value_comparables(comparison(seen)).valuation.peers[0]
    assert at_price.enterprise_value == pytest.approx(79_442.0, abs=cents)
    assert at_price.equity_value == pytest.approx(73_216.0, abs=cents)
    answer = value_comparables(comparison(peer(value=79_442.0), subject=own)).valuation
    assert answer.enterprise_value == pytest.approx(79_442.0, rel=1e-12)
    assert answer.net_debt == pytest.approx(6_226.0, rel=1e-12)
    assert answer.equity_value == pytest.approx(73_216.0, abs=1.0)
    assert answer.value_per_share == pytest.approx(32.44, abs=CENT)
    assert answer.diluted_shares == 2_257.0


def test_google_is_seen_at_the_books_price_with_its_options_and_back() -> None:
    """Damodaran on Valuation, 2nd ed., illustration 11.2, in millions: the treasury-stock approach.

    Equity of 32,187, 277.78 shares and 25.61 options at 24.41: 108.15 a share.
    """
    shares = Shares(basic=277.78, options=(OptionTranche(count=25.61, strike=24.41),))
    none = Bridge(debt=0.0, cash=0.0)
    seen = peer(enterprise_value=None, share_price=108.15, shares=shares, bridge=none)
    at_price = value_comparables(comparison(seen)).valuation.peers[0]
    assert at_price.equity_value == pytest.approx(32_187.0, abs=303.39 * CENT)
    own = subject(bridge=none, shares=shares)
    answer = value_comparables(
        comparison(peer(value=32_187.0), asked=(LTM_EBITDA,), subject=own)
    ).valuation
    assert answer.value_per_share == pytest.approx(108.15, abs=CENT)
