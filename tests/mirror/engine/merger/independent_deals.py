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
    acquirer = _party(choose, years, "Buyer", choose.one_of([2_000.0, 40_000.0]))
    target = _party(choose, years, "Target", choose.one_of([300.0, 2_000.0]))
    document: Document = {
        "currency": "USD",
        "timing": {"closingDate": CLOSING.isoformat(), "years": years},
        "acquirer": acquirer,
        "target": target,
        "wacc": choose.number(0.06, 0.14),
    }
    if _maybe(choose):
        end = CLOSING + timedelta(days=choose.one_of([31, 92, 184, 366]))
        document["timing"]["fiscalYearEnd"] = end.isoformat()
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
    for party in (acquirer, target):
        del party["statements"]["_size"]
    return document


def _party(choose: Choices, years: int, name: str, revenue: float) -> Document:
    margin, growth = choose.number(0.12, 0.3), 1.0 + choose.number(-0.03, 0.1)
    sales = [round(revenue * growth**year, 2) for year in range(1, years + 1)]
    debt = round(revenue * choose.one_of([0.0, 0.1, 0.3]), 2)
    rate = choose.number(0.03, 0.08)
    ebitda = [round(each * margin, 2) for each in sales]
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
    return {
        "name": name,
        "sharePrice": price,
        "shares": shares,
        "statements": {
            "revenue": {"byYear": sales},
            "ebitda": {"byYear": ebitda},
            "depreciation": {"byYear": [round(0.03 * each, 2) for each in sales]},
            "interest": {"byYear": [round(debt * rate, 2)] * years},
            "taxRate": {"level": choose.number(0.1, 0.35)},
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
    if in_cash > 0.0:
        there = document["acquirer"]["balance"]["cash"]
        used = min(0.9 * in_cash, there) * choose.one_of([0.0, 0.5, 1.0])
        financing["balanceSheetCash"] = round(0.99 * used, 2)
        financing["lostYield"] = choose.number(0.0, 0.04)
        financing["newDebt"] = {
            "rate": choose.number(0.03, 0.1),
            "fee": choose.one_of([0.0, choose.number(0.0, 0.03)]),
            "tenor": float(choose.whole(1, 10)),
        }
    if target["balance"]["debt"] and _maybe(choose):
        financing["targetDebtRate"] = choose.number(0.03, 0.08)


def _allocation(choose: Choices, target: Document) -> Document:
    size = target["statements"]["_size"]
    allocation: Document = {"structure": choose.one_of(["STOCK", "ASSET"])}
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
