"""The other witness, continued: the books of two firms put together, and what it all is worth."""

from __future__ import annotations

import math

from tests.mirror.engine.lbo.independent_business import Document, Facts, stub
from tests.mirror.engine.merger.independent_firms import (
    ASSETS,
    CLAIMS,
    amount,
    book_equity,
    diluted,
    lag,
    lent_by_convertibles,
    over,
    stand_alone,
)


def closing(document: Document, offer: Facts, money: Facts, allocation: Facts) -> Facts:
    """The balance sheet of both, with what the merger does to it."""
    acquirer = document["acquirer"]
    ours, theirs = acquirer["balance"], document["target"]["balance"]
    both = {each: amount(ours, each) + amount(theirs, each) for each in (*ASSETS, *CLAIMS)}
    lent = lent_by_convertibles(acquirer["shares"], acquirer["sharePrice"])
    return _added_up(
        {
            "cash": both["cash"] - money["balanceSheetCash"],
            "workingCapital": both["workingCapital"] + allocation["inventoryStepUp"],
            "fixedAssets": both["fixedAssets"] + allocation["fixedAssetStepUp"],
            "goodwill": amount(ours, "goodwill") + allocation["goodwill"],
            "intangibles": both["intangibles"] + allocation["intangibles"],
            "otherAssets": both["otherAssets"],
            "financingFees": money["financingFees"],
        },
        {
            "debt": both["debt"] + lent + offer["lentByConvertibles"] - money["refinanced"],
            "newDebt": money["newDebt"],
            "deferredTaxLiability": amount(ours, "deferredTaxLiability")
            + allocation["deferredTax"],
            "earnOut": offer["earnOut"],
            "otherLiabilities": both["otherLiabilities"],
            "equity": book_equity(ours) - lent + money["stock"] - money["advisory"],
        },
    )


def _added_up(assets: Facts, claims: Facts) -> Facts:
    return {
        **assets,
        "totalAssets": math.fsum(assets.values()),
        **claims,
        "totalClaims": math.fsum(claims.values()),
    }


def books(
    document: Document,
    opening: Facts,
    money: Facts,
    allocation: Facts,
    years: Facts,
    parts: list[float],
) -> Facts:
    """Cash flows, and every line of the books at each year's end: from all years before it."""
    terms = document.get("allocation") or {}
    life = terms.get("goodwillTaxLife")
    flows: Facts = {name: [] for name in ("deferredTax", "newDebtRepaid", "changeInCash")}
    sheets: list[Facts] = []
    gone = 0.0
    for t, part in enumerate(parts):
        written_off = math.fsum(
            years[name][t]
            for name in ("intangibleAmortisation", "stepUpDepreciation", "inventoryCharge")
        )
        deferred = 0.0
        if terms.get("structure") != "ASSET":
            deferred = -years["rates"][t] * written_off
        elif life is not None:
            of_it = min(gone + part, life) / life - min(gone, life) / life
            deferred = years["rates"][t] * of_it * allocation["goodwill"]
        gone += part
        repaid = money["newDebt"] * (years["newDebtLeft"][t] - years["newDebtLeft"][t + 1])
        come = [
            *(years[name][t] for name in ("netIncome", "depreciation", "feeAmortisation")),
            years["earnOutCharge"][t],
            written_off,
            deferred,
        ]
        spent = [years["invested"][t], years["tiedUp"][t], repaid, years["earnOutPaid"][t]]
        flows["deferredTax"].append(deferred)
        flows["newDebtRepaid"].append(repaid)
        flows["changeInCash"].append(math.fsum([*come, *(-each for each in spent)]))
        so_far = slice(0, t + 1)

        def until(name: str, span: slice = so_far) -> float:
            return math.fsum(years[name][span])

        sheets.append(
            _added_up(
                {
                    "cash": opening["cash"] + math.fsum(flows["changeInCash"]),
                    "workingCapital": opening["workingCapital"]
                    + until("tiedUp")
                    - until("inventoryCharge"),
                    "fixedAssets": opening["fixedAssets"]
                    + until("invested")
                    - until("depreciation")
                    - until("stepUpDepreciation"),
                    "goodwill": opening["goodwill"],
                    "intangibles": opening["intangibles"] - until("intangibleAmortisation"),
                    "otherAssets": opening["otherAssets"],
                    "financingFees": opening["financingFees"] - until("feeAmortisation"),
                },
                {
                    "debt": opening["debt"],
                    "newDebt": money["newDebt"] * years["newDebtLeft"][t + 1],
                    "deferredTaxLiability": opening["deferredTaxLiability"]
                    + math.fsum(flows["deferredTax"]),
                    "earnOut": years["earnOutOwed"][t + 1],
                    "otherLiabilities": opening["otherLiabilities"],
                    "equity": opening["equity"] + until("netIncome"),
                },
            )
        )
    return {"flows": flows, "sheets": {name: [s[name] for s in sheets] for name in opening}}


def leverage(opening: Facts, sheets: Facts, years: Facts, parts: list[float]) -> Facts:
    """Debt over what is earned in whole years; synergies count once they are there."""
    whole = [earned / part for earned, part in zip(years["ebitda"], parts, strict=True)]
    owed = [old + new for old, new in zip(sheets["debt"], sheets["newDebt"], strict=True)]
    at_first = opening["debt"] + opening["newDebt"]
    before = whole[0] - years["synergies"][0] / parts[0]
    cost = [o + n for o, n in zip(years["oldInterest"], years["newInterest"], strict=True)]
    return {
        "debtAtClosing": at_first,
        "atClosing": over(at_first, before),
        "netAtClosing": over(at_first - opening["cash"], before),
        "debt": owed,
        "debtToEbitda": [over(d, e) for d, e in zip(owed, whole, strict=True)],
        "netDebtToEbitda": [
            over(d - c, e) for d, c, e in zip(owed, sheets["cash"], whole, strict=True)
        ],
        "interestCover": [over(e, i) for e, i in zip(years["ebitda"], cost, strict=True)],
    }


def contribution(document: Document, offer: Facts, own_shares: float) -> Facts:
    """The target's share of what both have in whole years, and what it would own by that."""
    whole = [1.0] * document["timing"]["years"]
    firms = (document["acquirer"], document["target"])
    ours = stand_alone(firms[0], whole)
    theirs = stand_alone(firms[1], whole, lag(document["timing"]))
    values, debts = [], []
    for firm in firms:
        price, shares = firm["sharePrice"], firm["shares"]
        values.append(price * diluted(shares, price))
        lent = lent_by_convertibles(shares, price)
        debts.append(lent + amount(firm["balance"], "debt") - firm["balance"]["cash"])
    told: Facts = {"equityValue": over(values[1], sum(values))}
    in_shares = offer["equityPrice"] / firms[0]["sharePrice"]
    told["ownership"] = in_shares / (own_shares + in_shares)
    for name in ("revenue", "ebitda", "ebit", "netIncome"):
        shares_of = [
            over(its, own + its) if own >= 0.0 and its >= 0.0 else None
            for own, its in zip(ours[name], theirs[name], strict=True)
        ]
        implied = shares_of
        if name != "netIncome":  # of what is earned for lenders too
            firm_values = math.fsum([*values, *debts])
            implied = [
                None if share is None else (share * firm_values - debts[1]) / sum(values)
                for share in shares_of
            ]
        told[name] = {
            "acquirer": ours[name],
            "target": theirs[name],
            "targetShare": shares_of,
            "impliedOwnership": implied,
        }
    return told


def returns(document: Document, offer: Facts, money: Facts, years: Facts) -> list[float]:
    """What the target and the synergies earn after tax on all that is paid, by whole years."""
    whole = [1.0] * document["timing"]["years"]
    nopat = stand_alone(document["target"], whole, lag(document["timing"]))["nopat"]
    invested = offer["enterpriseValue"] + money["advisory"] + money["financingFees"]
    gained = zip(years["synergies"], years["parts"], years["rates"], strict=True)
    joined = [gain / part * (1.0 - rate) for gain, part, rate in gained]
    return [(each + more) / invested for each, more in zip(nopat, joined, strict=True)]


def value(document: Document, offer: Facts, years: Facts, ownership: float) -> Facts:
    """What the synergies are worth, less what is paid for them; both shared by ownership."""
    wacc, time, worth = document["wacc"], stub(document["timing"]), list[float]()
    for gain in years["synergiesAfterTax"]:
        worth.append(gain / (1.0 + wacc) ** time)
        time += 1.0
    growth = (document.get("synergies") or {}).get("growth")
    if growth is not None:
        later = years["lastSynergy"] * (1.0 + growth) / (wacc - growth)
        worth.append(later / (1.0 + wacc) ** (time - 1.0))
    target = document["target"]
    price, shares = target["sharePrice"], target["shares"]
    before = price * diluted(shares, price) + lent_by_convertibles(shares, price)
    after = offer["equityPrice"] + offer["earnOut"] + offer["lentByConvertibles"]
    synergies, premium = math.fsum(worth), after - before
    return {
        "synergies": synergies,
        "premium": premium,
        "left": synergies - premium,
        "acquirerPart": ownership * (synergies - premium),
        "targetPart": premium + (1.0 - ownership) * (synergies - premium),
    }
