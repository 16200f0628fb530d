"""The two firms of a merger by themselves: read from the document alone, in plain floats."""

from __future__ import annotations

import math
from datetime import date

from tests.mirror.engine.lbo.independent_business import Document, Facts, by_year

ASSETS = ("cash", "workingCapital", "fixedAssets", "goodwill", "intangibles", "otherAssets")
CLAIMS = ("debt", "deferredTaxLiability", "otherLiabilities")


def over(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0.0 else None


def amount(sheet: Document, name: str) -> float:
    return sheet.get(name) or 0.0


def book_equity(sheet: Document) -> float:
    """Before convertibles, which stand among the shares."""
    return math.fsum(
        [*(amount(sheet, each) for each in ASSETS), *(-amount(sheet, each) for each in CLAIMS)]
    )


def diluted(shares: Document, price: float) -> float:
    """Shares at a price: options buy back at it, convertibles convert above theirs."""
    if shares.get("diluted") is not None:
        return float(shares["diluted"])
    count = shares["basic"] + (shares.get("restrictedStock") or 0.0)
    for option in shares.get("options") or []:
        if price > option["strike"]:
            count += option["count"] - option["count"] * option["strike"] / price
    for bond in shares.get("convertibles") or []:
        if price > bond["conversionPrice"]:
            count += bond["faceValue"] / bond["conversionPrice"]
    return float(count)


def lent_by_convertibles(shares: Document, price: float) -> float:
    """What holders of convertibles are owed who do not convert at a price."""
    bonds = shares.get("convertibles") or []
    return math.fsum(b["faceValue"] for b in bonds if price <= b["conversionPrice"])


def lag(timing: Document) -> float:
    """Share of a year by which the target's years end before the acquirer's."""
    its = timing.get("targetFiscalYearEnd")
    if its is None:
        return 0.0
    own = date.fromisoformat(timing["fiscalYearEnd"])
    return (own - date.fromisoformat(its)).days / 365.0


def stand_alone(party: Document, parts: list[float], late: float = 0.0) -> Facts:
    """A firm by itself: what is left of each year. A loss is a credit, as deferred tax makes it.

    ``late``: of so much of a year the figures are the next fiscal year's of its own.
    """
    given, years = party["statements"], len(parts) + (1 if late else 0)
    lines = {
        name: by_year(given[name], years)
        for name in ("revenue", "ebitda", "depreciation", "interest")
    }
    renewed = given.get("capitalExpenditure") or given["depreciation"]
    lines["invested"] = by_year(renewed, years)
    lines["tiedUp"] = by_year(given.get("increaseInWorkingCapital"), years)
    rates = by_year(given["taxRate"], years)
    lines["ebit"] = [lines["ebitda"][t] - lines["depreciation"][t] for t in range(years)]
    lines["preTaxProfit"] = [lines["ebit"][t] - lines["interest"][t] for t in range(years)]
    lines["tax"] = [lines["preTaxProfit"][t] * rates[t] for t in range(years)]
    lines["netIncome"] = [lines["preTaxProfit"][t] - lines["tax"][t] for t in range(years)]
    lines["nopat"] = [lines["ebit"][t] - lines["ebit"][t] * rates[t] for t in range(years)]

    def kept(column: list[float], year: int) -> float:
        if not late:
            return column[year]
        return column[year] + late * (column[year + 1] - column[year])

    return {
        name: [kept(column, year) * part for year, part in enumerate(parts)]
        for name, column in lines.items()
    }
