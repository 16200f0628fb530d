"""The engine's merger and the other witness, number by number over random documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from engine.errors import Infeasible
from engine.merger import MergerInputs, value_merger
from services.documents import document_of, reader
from tests.mirror.engine.merger.independent_backwards import breakeven_synergies, maximum_premium
from tests.mirror.engine.merger.independent_deals import deal, deals
from tests.mirror.engine.merger.independent_merger import merger

Facts = dict[str, Any]
Pairs = Iterator[tuple[str, Any, Any]]

DEALS, WITHIN = 1_000, 1e-9
read = reader(MergerInputs)

OFFER = (
    "price",
    "premium",
    "exchangeRatio",
    "stockShare",
    "dilutedShares",
    "equityPrice",
    "earnOut",
    "enterpriseValue",
)
YEARS = (
    "revenue",
    "depreciation",
    "synergies",
    "costsToAchieve",
    "intangibleAmortisation",
    "stepUpDepreciation",
    "inventoryCharge",
    "feeAmortisation",
    "newInterest",
    "lostYield",
    "preTaxProfit",
    "tax",
    "netIncome",
)
CLOSING = (
    "cash",
    "workingCapital",
    "fixedAssets",
    "goodwill",
    "intangibles",
    "otherAssets",
    "financingFees",
    "totalAssets",
    "debt",
    "newDebt",
    "deferredTaxLiability",
    "earnOut",
    "otherLiabilities",
    "equity",
    "totalClaims",
)


def side_by_side(told: Facts, seen: Facts) -> Pairs:
    """(what, the witness's, the engine's)."""
    for name in OFFER:
        yield f"offer.{name}", told["offer"][name], seen["offer"][name]
    money, funds = told["financing"], seen["sourcesAndUses"]
    yield "sources: shares", money["stock"], funds["newShares"]
    yield "sources: cash", money["balanceSheetCash"], funds["balanceSheetCash"]
    yield "sources: debt", money["newDebt"], funds["newDebt"]
    yield "sources", money["sources"], funds["totalSources"]
    yield "uses: refinanced", money["refinanced"], funds["refinancedDebt"]
    yield "uses: advisory", money["advisory"], funds["advisoryFees"]
    yield "uses: fees", money["financingFees"], funds["financingFees"]
    yield "uses", money["uses"], funds["totalUses"]
    yield "acquirer's shares", told["acquirerShares"], seen["holders"]["acquirerShares"]
    yield "new shares", told["newShares"], seen["holders"]["newShares"]
    yield "ownership", told["ownership"], seen["holders"]["acquirer"]
    allocation = seen["allocation"]
    yield "deferred tax", told["allocation"]["deferredTax"], allocation["deferredTax"]
    yield "net assets", told["allocation"]["netAssets"], allocation["netAssets"]
    yield "goodwill", told["allocation"]["goodwill"], allocation["goodwill"]
    for name in CLOSING:
        yield f"closing.{name}", told["closing"][name], seen["closing"]["proForma"][name]
    for name in YEARS:
        yield f"years.{name}", told["years"][name], seen["incomeStatement"][name]
    yield "years.interest", told["years"]["oldInterest"], seen["incomeStatement"]["interest"]
    for name in ("standAlone", "gaap", "cash", "accretion", "cashAccretion"):
        yield f"perShare.{name}", told["perShare"][name], seen["perShare"][name]
    for name in ("revenue", "ebitda", "netIncome"):
        yield (
            f"contribution.{name}",
            told["contribution"][name],
            seen["contribution"][name]["targetShare"],
        )
    yield "ROIC", told["roic"], seen["returns"]["roic"]
    value, created = told["valueCreation"], seen["valueCreation"]
    yield "value of synergies", value["synergies"], created["synergies"]
    yield "premium paid", value["premium"], created["premium"]
    yield "the acquirer's part", value["acquirerPart"], created["acquirerPart"]
    yield "the target's part", value["targetPart"], created["targetPart"]


def differences(told: Facts, seen: Facts) -> list[str]:
    """Every number that differs by more than rounding; money by the size of the merger."""
    size = told["closing"]["totalAssets"]
    found = []
    for what, ours, theirs in side_by_side(told, seen):
        many = isinstance(ours, list)
        pairs = zip(ours, theirs, strict=True) if many else [(ours, theirs)]
        ratio = what.startswith(("perShare", "contribution", "ownership", "ROIC"))
        least = WITHIN * (1.0 if ratio else size)
        for year, (one, other) in enumerate(pairs):
            if one is None or other is None:
                if one is not other:
                    found.append(f"{what}[{year}]: {one} and {other}")
            elif not abs(one - other) <= max(WITHIN * abs(one), 1e-3 * least):
                found.append(f"{what}[{year}]: {one!r} and {other!r}")
    return found


def compared(document: Facts) -> list[str]:
    """What differs. A price below what the net assets are worth is refused, and only that is."""
    told = merger(document)
    try:
        seen = document_of(value_merger(read(document)))
    except Infeasible as refusal:
        return [] if told["allocation"]["goodwill"] < 0.0 else [f"refused: {refusal}"]
    return differences(told, seen)


def test_a_thousand_mergers_are_the_same_number_by_number() -> None:
    found = {seed: told for seed in range(DEALS) if (told := compared(deal(seed)))}
    assert not found, dict(list(found.items())[:3])


@settings(max_examples=100)
@given(document=deals())
def test_any_merger_is_the_same_number_by_number(document: Facts) -> None:
    assert not compared(document)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_asked_backwards_is_what_a_search_finds(seed: int) -> None:
    """Brent's method on whole mergers: synergies to break even, and the highest premium."""
    document = deal(seed)
    seen = document_of(value_merger(read(document)))["perShare"]
    for year in range(document["timing"]["years"]):
        needed = breakeven_synergies(document, year)
        assert seen["breakevenSynergies"][year] == pytest.approx(needed, rel=1e-9, abs=1e-8), year
        if "exchangeRatio" not in document["offer"]:
            most = maximum_premium(document, year)
            assert seen["maximumPremium"][year] == (most and pytest.approx(most, abs=1e-9)), year
