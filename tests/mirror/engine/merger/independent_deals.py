"""Random mergers as documents: with a strategy that shrinks, and from a seed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.mirror.engine.lbo.independent_structures import CLOSING, Choices, Drawn, Seeded

Document = dict[str, Any]


def deal(seed: int) -> Document:
    """The merger that belongs to a seed."""
    return _document(Seeded(seed))


@st.composite
def deals(draw: st.DrawFn) -> Document:
    """Any merger."""
    return _document(Drawn(draw))


def _maybe(choose: Choices, times: int = 2) -> bool:
    return choose.whole(1, times) == times


def _document(choose: Choices) -> Document:
    years = choose.whole(1, 8)
    timing = _timing(choose, years)
    its_years = years + (1 if "targetFiscalYearEnd" in timing else 0)
    acquirer = _party(choose, years, "Buyer", choose.one_of([2_000.0, 40_000.0]))
    target = _party(choose, its_years, "Target", choose.one_of([300.0, 2_000.0]))
    document: Document = {
        "currency": "USD",
        "timing": timing,
        "acquirer": acquirer,
        "target": target,
        "wacc": choose.number(0.06, 0.14),
    }
    financing: Document = {"refinanced": choose.one_of([0.0, 0.5, 1.0])}
    price = target["sharePrice"]
    match choose.one_of(["premium", "price", "fixed", "floating", "collar"]):
        case "premium":
            document["offer"] = {"premium": choose.number(0.05, 0.6)}
            financing["stockShare"] = choose.one_of([0.0, 0.5, 1.0, choose.number(0.0, 1.0)])
        case "price":
            document["offer"] = {"price": round(price * choose.number(1.05, 1.6), 2)}
            financing["stockShare"] = choose.one_of([0.0, 0.5, 1.0, choose.number(0.0, 1.0)])
        case "fixed":
            ratio = round(price * choose.number(1.0, 1.4) / acquirer["sharePrice"], 6)
            document["offer"] = {"exchangeRatio": {"fixed": {"ratio": ratio}}}
        case "collar":
            now, band = acquirer["sharePrice"], choose.number(0.02, 0.3)
            middle = now * choose.number(0.7, 1.3)  # at times out of the band
            collar = {
                "ratio": round(price * choose.number(1.05, 1.4) / now, 6),
                "lowPrice": round(middle * (1.0 - band), 4),
                "highPrice": round(middle * (1.0 + band), 4),
            }
            if _maybe(choose):
                collar["fixes"] = "RATIO"
            elif _maybe(choose):
                signed = choose.number(collar["lowPrice"], collar["highPrice"])
                collar["referencePrice"] = min(max(signed, collar["lowPrice"]), collar["highPrice"])
            document["offer"] = {"exchangeRatio": {"collar": collar}}
        case _:
            value = round(price * choose.number(1.0, 1.4), 2)
            document["offer"] = {"exchangeRatio": {"floating": {"value": value}}}
    if "exchangeRatio" in document["offer"] and _maybe(choose):
        document["offer"]["cashPerShare"] = round(price * choose.number(0.0, 0.4), 2)
    if _maybe(choose):
        document["fees"] = {"advisory": round(target["statements"]["_size"] * 0.05, 2)}
    _borrow(choose, document, financing)
    document["financing"] = financing
    if _maybe(choose):
        document["allocation"] = _allocation(choose, target)
    if _maybe(choose):
        document["synergies"] = _synergies(choose, years, target)
    if _maybe(choose, 4):
        document["earnOut"] = {
            "amount": round(target["statements"]["_size"] * choose.number(0.0, 0.5), 2),
            "year": choose.whole(1, years),
            "probability": choose.number(0.0, 1.0),
        }
        if _maybe(choose):
            document["earnOut"]["discountRate"] = choose.number(-0.02, 0.2)
    for party in (acquirer, target):
        del party["statements"]["_size"]
    return document


def _timing(choose: Choices, years: int) -> Document:
    """With a stub at times, and then at times a target whose years end earlier."""
    timing: Document = {"closingDate": CLOSING.isoformat(), "years": years}
    if _maybe(choose):
        end = CLOSING + timedelta(days=choose.one_of([31, 92, 184, 366]))
        timing["fiscalYearEnd"] = end.isoformat()
        if _maybe(choose):
            its = end - timedelta(days=choose.one_of([1, 59, 181, 364]))
            timing["targetFiscalYearEnd"] = its.isoformat()
    return timing


def _party(choose: Choices, years: int, name: str, revenue: float) -> Document:
    margin, growth = choose.number(0.12, 0.3), 1.0 + choose.number(-0.03, 0.1)
    earns = choose.one_of([1.0] * 9 + [-0.4])  # at times a loss, of a firm that is worth something
    sales = [round(revenue * growth**year, 2) for year in range(1, years + 1)]
    debt = round(revenue * choose.one_of([0.0, 0.1, 0.3]), 2)
    rate = choose.number(0.03, 0.08)
    ebitda = [round(each * margin * earns, 2) for each in sales]
    worth = round(revenue * margin * choose.number(6.0, 14.0), 2)
    price = choose.number(5.0, 120.0)
    basic = round(worth / price, 2)
    shares: Document = {"diluted": basic}
    if _maybe(choose):
        shares = {"basic": basic, "restrictedStock": round(basic * choose.number(0.0, 0.02), 2)}
        shares["options"] = [
            {
                "count": round(basic * choose.number(0.0, 0.05), 2),
                "strike": round(price * choose.number(0.3, 1.7), 2),
            }
            for _ in range(choose.whole(0, 3))
        ]
        shares["convertibles"] = [
            {
                "faceValue": round(basic * price * choose.number(0.0, 0.06), 2),
                "conversionPrice": round(price * choose.number(0.6, 1.9), 2),
            }
            for _ in range(choose.one_of([0, 0, 1, 2]))
        ]
    taxed: Document = {"level": choose.number(0.1, 0.35)}
    if _maybe(choose, 3):
        taxed = {"byYear": [choose.number(0.1, 0.35) for _ in range(years)]}
    further: Document = {}
    if _maybe(choose):
        spent = [round(choose.number(0.0, 0.08) * each, 2) for each in sales]
        further["capitalExpenditure"] = {"byYear": spent}
    if _maybe(choose):
        tied_up = round(choose.number(-0.01, 0.02) * revenue, 2)
        further["increaseInWorkingCapital"] = {"level": tied_up}
    return {
        "name": name,
        "sharePrice": price,
        "shares": shares,
        "statements": {
            "revenue": {"byYear": sales},
            "ebitda": {"byYear": ebitda},
            "depreciation": {"byYear": [round(0.03 * each, 2) for each in sales]},
            "interest": {"byYear": [round(debt * rate, 2)] * years},
            "taxRate": taxed,
            **further,
            "_size": revenue * margin,
        },
        "balance": {
            "cash": round(revenue * choose.number(0.02, 0.3), 2),
            "workingCapital": round(revenue * choose.number(-0.05, 0.15), 2),
            "fixedAssets": round(revenue * choose.number(0.1, 0.4), 2),
            "goodwill": round(revenue * choose.number(0.0, 0.1), 2),
            "intangibles": round(revenue * choose.number(0.0, 0.1), 2),
            "otherAssets": round(revenue * choose.number(0.0, 0.05), 2),
            "debt": debt,
            "deferredTaxLiability": round(revenue * choose.number(0.0, 0.02), 2),
            "otherLiabilities": round(revenue * choose.number(0.0, 0.1), 2),
        },
    }


def _borrow(choose: Choices, document: Document, financing: Document) -> None:
    """Cash from the balance sheet for a part of what is needed, and debt for the rest."""
    offer, target = document["offer"], document["target"]
    shares = target["shares"].get("diluted") or target["shares"]["basic"]
    in_cash = target["sharePrice"] * shares * (1.0 - financing.get("stockShare", 1.0))
    in_cash += offer.get("cashPerShare", 0.0) * shares
    in_cash += document.get("fees", {}).get("advisory", 0.0)
    in_cash += target["balance"]["debt"] * financing["refinanced"]
    bonds = financing["refinanced"] and target["shares"].get("convertibles")
    if in_cash > 0.0 or bonds:
        there = document["acquirer"]["balance"]["cash"]
        used = min(0.9 * in_cash, there) * choose.one_of([0.0, 0.5, 1.0])
        financing["balanceSheetCash"] = round(0.99 * used, 2)
        financing["lostYield"] = choose.number(0.0, 0.04)
        financing["newDebt"] = {
            "rate": choose.number(0.03, 0.1),
            "fee": choose.one_of([0.0, choose.number(0.0, 0.03)]),
            "tenor": float(choose.whole(1, 10)),
        }
        if _maybe(choose):
            paid_back = choose.one_of([0.02, 0.1, 0.4])
            financing["newDebt"]["amortisation"] = {"level": paid_back}
    if target["balance"]["debt"] and _maybe(choose):
        financing["targetDebtRate"] = choose.number(0.03, 0.08)


def _allocation(choose: Choices, target: Document) -> Document:
    size = target["statements"]["_size"]
    allocation: Document = {"structure": choose.one_of(["STOCK", "ASSET"])}
    if allocation["structure"] == "ASSET" and _maybe(choose):
        allocation["goodwillTaxLife"] = choose.one_of([3.5, 15.0])
    allocation["intangibles"] = [
        {"amount": round(size * choose.number(0.0, 0.8), 2), "life": float(choose.whole(1, 15))}
        for _ in range(choose.whole(0, 3))
    ]
    if _maybe(choose):
        allocation["fixedAssetStepUp"] = {
            "amount": round(size * choose.number(0.0, 0.5), 2),
            "life": float(choose.whole(1, 20)),
        }
    if _maybe(choose):
        allocation["inventoryStepUp"] = round(size * choose.number(0.0, 0.1), 2)
    return allocation


def _synergies(choose: Choices, years: int, target: Document) -> Document:
    size = target["statements"]["_size"]
    ramp = [round(min(1.0, (year + 1) / 3), 4) for year in range(years)]
    synergies: Document = {"cost": {"level": round(size * choose.number(0.0, 0.4), 2)}}
    if _maybe(choose):
        synergies["phaseIn"] = {"byYear": ramp}
    if _maybe(choose):
        synergies["revenue"] = {"level": round(size * choose.number(0.0, 0.5), 2)}
        synergies["flowThrough"] = choose.number(0.1, 0.6)
    if _maybe(choose):
        costs = [round(size * 0.2, 2), *[0.0] * (years - 1)]
        synergies["costsToAchieve"] = {"byYear": costs}
    if _maybe(choose):
        synergies["growth"] = choose.number(-0.02, 0.03)
    return synergies
