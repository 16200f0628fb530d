"""Laws that the other witness of a merger has to obey itself before anybody believes it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings

from tests.mirror.engine.merger.independent_backwards import breakeven_synergies, maximum_premium
from tests.mirror.engine.merger.independent_deals import deal, deals
from tests.mirror.engine.merger.independent_merger import merger

Facts = dict[str, Any]
MANY = settings(max_examples=60)


def near(value: float, facts: Facts) -> Any:
    return pytest.approx(value, rel=0.0, abs=1e-12 * facts["closing"]["totalAssets"])


@MANY
@given(document=deals())
def test_what_is_raised_is_what_is_spent(document: Facts) -> None:
    facts = merger(document)
    assert facts["financing"]["sources"] == near(facts["financing"]["uses"], facts)


@MANY
@given(document=deals())
def test_the_closing_balance_sheet_balances(document: Facts) -> None:
    facts = merger(document)
    assert facts["closing"]["totalAssets"] == near(facts["closing"]["totalClaims"], facts)


@MANY
@given(document=deals())
def test_what_the_synergies_are_worth_is_shared_without_a_rest(document: Facts) -> None:
    """Both get all of it, but for what the parties' shares were worth before."""
    facts = merger(document)
    value = facts["valueCreation"]
    assert value["acquirerPart"] + value["targetPart"] == near(value["synergies"], facts)


@MANY
@given(document=deals())
def test_all_that_is_written_up_is_written_off(document: Facts) -> None:
    """In a merger that is followed for as long as the longest life."""
    document["timing"] = {"closingDate": document["timing"]["closingDate"], "years": 25}
    document.pop("synergies", None)
    for party in (document["acquirer"], document["target"]):
        for name, line in party["statements"].items():
            party["statements"][name] = {"level": line.get("byYear", [line.get("level")])[0]}
    facts = merger(document)
    years = facts["years"]
    ups = ("intangibleAmortisation", "stepUpDepreciation", "inventoryCharge")
    off = math.fsum(each for name in ups for each in years[name])
    assert off == near(facts["allocation"]["writeUps"], facts)
    assert math.fsum(years["feeAmortisation"]) == near(facts["financing"]["financingFees"], facts)


@pytest.mark.parametrize("seed", range(25))
def test_breakeven_synergies_leave_the_earnings_per_share_as_they_were(seed: int) -> None:
    document = deal(seed)
    for year in range(document["timing"]["years"]):
        needed = breakeven_synergies(document, year)
        facts = merger(document)
        rate = facts["years"]["rates"][year]
        shares = facts["acquirerShares"] + facts["newShares"]
        missing = facts["perShare"]["standAlone"][year] * shares - facts["years"]["netIncome"][year]
        assert needed == pytest.approx(missing / (1.0 - rate), rel=1e-9, abs=1e-9 * shares)


@pytest.mark.parametrize("seed", range(25))
def test_at_the_highest_premium_nobody_is_diluted(seed: int) -> None:
    document = deal(seed)
    premium = maximum_premium(document, 0)
    if premium is None:
        return
    price = document["target"]["sharePrice"] * (1.0 + premium)
    assert merger(document, price=price)["perShare"]["accretion"][0] == pytest.approx(0, abs=1e-11)


def test_an_all_stock_merger_of_equals_changes_nothing_for_anybody() -> None:
    """Two of the same, at each other's price: EPS is what it was, and half belongs to each."""
    document = deal(2)
    document["timing"].pop("targetFiscalYearEnd", None)
    document["acquirer"]["shares"].pop("convertibles", None)
    document["target"] = {**document["acquirer"], "name": "Twin"}
    document["offer"] = {"exchangeRatio": {"fixed": {"ratio": 1.0}}}
    document["financing"] = {"refinanced": 0.0}
    for name in ("fees", "synergies", "allocation", "earnOut"):
        document.pop(name, None)
    facts = merger(document)
    assert facts["ownership"] == pytest.approx(0.5, rel=1e-12)
    assert facts["perShare"]["accretion"] == pytest.approx([0.0] * len(facts["years"]["tax"]))
