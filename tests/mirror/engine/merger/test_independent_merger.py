"""The engine's merger and the other witness, number by number over random documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from engine.errors import Infeasible
from engine.merger import MergerInputs, MergerOutput, merger_question, value_merger
from engine.scenarios import Axis, sensitivity
from services.documents import document_of, reader
from tests.mirror.engine.merger.independent_backwards import breakeven_synergies, maximum_premium
from tests.mirror.engine.merger.independent_deals import deal, deals
from tests.mirror.engine.merger.independent_merger import merger
from tests.mirror.engine.merger.independent_review import accretion_at, remarks_on

Facts = dict[str, Any]
Pairs = Iterator[tuple[str, Any, Any]]

DEALS, WITHIN = 1_000, 1e-9
read = reader(MergerInputs)

OFFER = (
    "price",
    "premium",
    "premiumOnEquity",
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
    "earnOutCharge",
    "ebitda",
    "interestSaved",
    "newInterest",
    "lostYield",
    "preTaxProfit",
    "tax",
    "taxOnAdjustments",
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
ALLOCATION = (
    "price",
    "bookEquity",
    "intangibles",
    "fixedAssetStepUp",
    "inventoryStepUp",
    "deferredTax",
    "netAssets",
    "goodwill",
)
LEVERAGE = (
    "debtAtClosing",
    "debt",
    "atClosing",
    "netAtClosing",
    "debtToEbitda",
    "netDebtToEbitda",
    "interestCover",
)
RATIOS = ("perShare", "contribution: ", "ownership", "ROIC", "leverage: ", "multiple: ")


def side_by_side(told: Facts, seen: Facts) -> Pairs:
    """(what, the witness's, the engine's)."""
    for name in OFFER:
        yield f"offer.{name}", told["offer"][name], seen["offer"][name]
    for name, multiple in told["multiples"].items():
        yield f"multiple: {name}", multiple, seen["offer"][name]
    money, funds = told["financing"], seen["sourcesAndUses"]
    yield "perShare.accretion of year 1", told["perShare"]["accretion"][0], seen["accretion"]
    cash = told["perShare"]["cashAccretion"][0]
    yield "perShare.cashAccretion of year 1", cash, seen["cashAccretion"]
    yield "perShare.gaap of year 1", told["perShare"]["gaap"][0], seen["earningsPerShare"]
    yield "newShares", told["newShares"], seen["newShares"]
    yield "ownership of all", told["ownership"], seen["acquirerOwnership"]
    yield "goodwill", told["allocation"]["goodwill"], seen["goodwill"]
    yield "newDebt", money["newDebt"], seen["newDebt"]
    yield "enterpriseValue", told["offer"]["enterpriseValue"], seen["enterpriseValue"]
    yield "valueCreated", told["valueCreation"]["left"], seen["valueCreated"]
    yield "value created", told["valueCreation"]["left"], seen["valueCreation"]["created"]
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
    for name in ALLOCATION:
        yield f"allocation.{name}", told["allocation"][name], seen["allocation"][name]
    for name in CLOSING:
        yield f"closing.{name}", told["closing"][name], seen["closing"]["proForma"][name]
        yield f"books.{name}", told["books"]["sheets"][name], seen["balanceSheets"][name]
    for name in ("deferredTax", "newDebtRepaid", "changeInCash"):
        yield f"flows.{name}", told["books"]["flows"][name], seen["cashFlow"][name]
    for name in LEVERAGE[:2]:
        yield f"leverage.{name}", told["leverage"][name], seen["leverage"][name]
    for name in LEVERAGE[2:]:
        yield f"leverage: {name}", told["leverage"][name], seen["leverage"][name]
    for name in YEARS:
        yield f"years.{name}", told["years"][name], seen["incomeStatement"][name]
    yield "years.interest", told["years"]["oldInterest"], seen["incomeStatement"]["interest"]
    for name in ("standAlone", "gaap", "cash", "accretion", "cashAccretion"):
        yield f"perShare.{name}", told["perShare"][name], seen["perShare"][name]
    for name in ("revenue", "ebitda", "ebit", "netIncome"):
        ours, theirs = told["contribution"][name], seen["contribution"][name]
        for column in ("acquirer", "target"):
            yield f"contribution.{name}.{column}", ours[column], theirs[column]
        for column in ("targetShare", "impliedOwnership"):
            yield f"contribution: {name}.{column}", ours[column], theirs[column]
    for name in ("equityValue", "ownership"):
        yield f"contribution: {name}", told["contribution"][name], seen["contribution"][name]
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
        least = WITHIN * (1.0 if what.startswith(RATIOS) else size)
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
    bonds = document["target"]["shares"].get("convertibles")
    seen = document_of(value_merger(read(document)))["perShare"]
    for year in range(document["timing"]["years"]):
        needed = breakeven_synergies(document, year)
        assert seen["breakevenSynergies"][year] == pytest.approx(needed, rel=1e-9, abs=1e-8), year
        # Where a convertible of the target is converted, earnings jump: that is by hand.
        if not ("exchangeRatio" in document["offer"] or bonds):
            most = maximum_premium(document, year)
            assert seen["maximumPremium"][year] == (most and pytest.approx(most, abs=1e-9)), year


@pytest.mark.parametrize("seed", range(6))
def test_every_cell_of_premium_and_mix_is_that_of_another_model(seed: int) -> None:
    document = deal(seed)
    premiums, mixes = np.array([0.2, 0.3, 0.45, 0.8]), np.array([0.0, 0.3, 0.75, 1.0])
    lent = {"rate": 0.06, "fee": 0.02, "tenor": 6.0}
    document["financing"] = {"stockShare": 0.5, "refinanced": 0.5, "newDebt": lent}
    document["offer"] = {"premium": 0.3}
    question = merger_question(read(document), MergerOutput.ACCRETION)
    rows, columns = Axis("offer.premium", premiums), Axis("financing.stock_share", mixes)
    exact = [[accretion_at(document, row, column) for column in mixes] for row in premiums]
    assert sensitivity(question, rows, columns) == pytest.approx(np.array(exact), rel=1e-9)


def test_remarks_are_those_that_another_model_would_make() -> None:
    made = set[str]()
    for seed in range(200):
        document = deal(seed)
        said = {remark.code for remark in value_merger(read(document)).remarks}
        assert said == remarks_on(document), seed
        made |= said
    assert len(made) == 14  # nobody bids below the market here, or has interest unlike its debt
