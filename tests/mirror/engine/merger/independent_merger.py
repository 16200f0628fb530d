"""A merger from the words of its specification alone, in plain floats and dictionaries.

It is the other witness: it takes the JSON document, not the engine's inputs, and shares no line
with the engine.

What comes back has the document's spelling; money is the document's, and series are by year.
"""

from __future__ import annotations

import math

from tests.mirror.engine.lbo.independent_business import Document, Facts, by_year, stub
from tests.mirror.engine.merger.independent_firms import (
    amount,
    book_equity,
    diluted,
    lag,
    lent_by_convertibles,
    over,
    stand_alone,
)
from tests.mirror.engine.merger.independent_worth import (
    books,
    closing,
    contribution,
    leverage,
    returns,
    value,
)


def merger(document: Document, *, further: float = 0.0, price: float | None = None) -> Facts:
    """Everything that is known of a merger.

    ``further``: pre-tax profit in every whole year beside the synergies. ``price``: offered for a
    share, in place of what the document says.
    """
    share = stub(document["timing"])
    parts = [share] + [1.0] * (document["timing"]["years"] - 1)
    acquirer = document["acquirer"]
    own_shares = diluted(acquirer["shares"], acquirer["sharePrice"])
    offer = _offer(document, price)
    money = _financing(document, offer)
    new_shares = offer["stockShare"] * offer["equityPrice"] / acquirer["sharePrice"]
    allocation = _allocation(document, offer, parts)
    before = stand_alone(acquirer, parts)
    years = _years(document, money, parts, further)
    shares = own_shares + new_shares
    alone = [each / own_shares for each in before["netIncome"]]
    gaap = [each / shares for each in years["netIncome"]]
    cash = [
        (net + added) / shares
        for net, added in zip(years["netIncome"], years["addedBack"], strict=True)
    ]
    ownership = own_shares / shares
    opening = closing(document, offer, money, allocation)
    later = books(document, opening, money, allocation, years, parts)
    return {
        "stubShare": share,
        "offer": offer,
        "multiples": multiples(document, offer, own_shares),
        "financing": money,
        "acquirerShares": own_shares,
        "newShares": new_shares,
        "ownership": ownership,
        "allocation": allocation,
        "closing": opening,
        "years": years,
        "books": later,
        "perShare": {
            "standAlone": alone,
            "gaap": gaap,
            "cash": cash,
            "accretion": _rises(gaap, alone),
            "cashAccretion": _rises(cash, alone),
        },
        "contribution": contribution(document, offer, own_shares),
        "leverage": leverage(opening, later["sheets"], years, parts),
        "valueCreation": value(document, offer, years, ownership),
        "roic": returns(document, offer, money, years),
    }


def _rises(after: list[float], before: list[float]) -> list[float]:
    """Of what was earned, or of what was lost: above zero is better."""
    return [(new - old) / abs(old) for new, old in zip(after, before, strict=True)]


def _offer(document: Document, price: float | None) -> Facts:
    acquirer, target, offer = document["acquirer"], document["target"], document["offer"]
    ratio = offer.get("exchangeRatio")
    stock_share = (document.get("financing") or {}).get("stockShare") or 0.0
    if ratio is not None:
        if ratio.get("fixed") is not None:
            in_stock = ratio["fixed"]["ratio"] * acquirer["sharePrice"]
        elif ratio.get("collar") is not None:
            in_stock = _collared(ratio["collar"], acquirer["sharePrice"])
        else:
            in_stock = ratio["floating"]["value"]
        paid = in_stock + (offer.get("cashPerShare") or 0.0)
        stock_share = in_stock / paid
    elif offer.get("price") is not None:
        paid = offer["price"]
    else:
        paid = target["sharePrice"] * (1.0 + offer["premium"])
    if price is not None:
        paid = price
    shares = diluted(target["shares"], paid)
    sheet = target["balance"]
    equity = paid * shares
    lent = lent_by_convertibles(target["shares"], paid)
    promised = _earn_out(document)[0]
    return {
        "price": paid,
        "premium": paid / target["sharePrice"] - 1.0,
        "stockShare": stock_share,
        "exchangeRatio": stock_share * paid / acquirer["sharePrice"],
        "dilutedShares": shares,
        "equityPrice": equity,
        "lentByConvertibles": lent,
        "premiumOnEquity": _above(document, equity + lent + promised),
        "earnOut": promised,
        "enterpriseValue": math.fsum(
            [equity, promised, amount(sheet, "debt"), lent, -sheet["cash"]]
        ),
    }


def _above(document: Document, paid: float) -> float:
    """By how much of it the price is above what the target's shares were worth before."""
    price, shares = document["target"]["sharePrice"], document["target"]["shares"]
    return paid / (price * diluted(shares, price) + lent_by_convertibles(shares, price)) - 1.0


def multiples(document: Document, offer: Facts, own_shares: float) -> Facts:
    """Of what both earn in the whole of year 1; None of a loss."""
    its = stand_alone(document["target"], [1.0], lag(document["timing"]))
    own = stand_alone(document["acquirer"], [1.0])["netIncome"][0]
    value, market = offer["enterpriseValue"], own_shares * document["acquirer"]["sharePrice"]
    return {
        "evToRevenue": over(value, its["revenue"][0]),
        "evToEbitda": over(value, its["ebitda"][0]),
        "priceToEarnings": over(offer["equityPrice"] + offer["earnOut"], its["netIncome"][0]),
        "acquirerPriceToEarnings": over(market, own),
    }


def _collared(collar: Document, now: float) -> float:
    """Money for a share: in the band its value is fixed, beyond it its shares; or the reverse."""
    low, high = float(collar["lowPrice"]), float(collar["highPrice"])
    nearest: float = sorted([low, now, high])[1]
    if collar.get("fixes") == "RATIO":
        return float(collar["ratio"]) * nearest
    signed = collar.get("referencePrice") or (low + high) / 2.0
    agreed: float = collar["ratio"] * signed
    return agreed * now / nearest


def _earn_out(document: Document) -> list[float]:
    """What is owed at the closing and at the end of each year; after it is paid, nothing."""
    given, timing = document.get("earnOut"), document["timing"]
    owed = [0.0] * (timing["years"] + 1)
    if given:
        rate, share = given.get("discountRate") or 0.0, stub(timing)
        for year in range(given["year"]):
            wait = given["year"] - year - (1.0 - share if year == 0 else 0.0)
            owed[year] = given["amount"] * given["probability"] / (1.0 + rate) ** wait
    return owed


def _financing(document: Document, offer: Facts) -> Facts:
    """Sources and uses: the fee on new debt is borrowed, too."""
    terms = document.get("financing") or {}
    lent = terms.get("newDebt") or {}
    refinanced_share = terms.get("refinanced")
    sheet, shares = document["target"]["balance"], document["target"]["shares"]
    owed = amount(sheet, "debt") + offer["lentByConvertibles"]
    refinanced = (1.0 if refinanced_share is None else refinanced_share) * owed
    bonds = math.fsum(each["faceValue"] for each in shares.get("convertibles") or [])
    before = amount(sheet, "debt") + bonds
    advisory = (document.get("fees") or {}).get("advisory") or 0.0
    own_cash = terms.get("balanceSheetCash") or 0.0
    stock = offer["stockShare"] * offer["equityPrice"]
    need = math.fsum([offer["equityPrice"], -stock, refinanced, advisory])
    debt = (need - own_cash) / (1.0 - (lent.get("fee") or 0.0))
    fee = (lent.get("fee") or 0.0) * debt
    return {
        "stock": stock,
        "balanceSheetCash": own_cash,
        "newDebt": debt,
        "sources": math.fsum([stock, own_cash, debt]),
        "equity": offer["equityPrice"],
        "refinanced": refinanced,
        "ended": before - owed + refinanced,  # with what is converted
        "endedShare": (before - owed + refinanced) / before if before else 0.0,
        "advisory": advisory,
        "financingFees": fee,
        "uses": math.fsum([offer["equityPrice"], refinanced, advisory, fee]),
    }


def _written_up(document: Document) -> list[tuple[str, float, float]]:
    """(what, amount, years) of everything that is written up but inventories."""
    allocation = document.get("allocation") or {}
    found = [
        ("intangibles", each["amount"], each["life"])
        for each in allocation.get("intangibles") or []
    ]
    step = allocation.get("fixedAssetStepUp")
    return [*found, ("fixedAssets", step["amount"], step["life"])] if step else found


def _charges(document: Document, parts: list[float]) -> dict[str, list[float]]:
    """By year what is written off of each kind of write-up."""
    many = len(parts)
    worn: dict[str, list[float]] = {"intangibles": [0.0] * many, "fixedAssets": [0.0] * many}
    for what, written, life in _written_up(document):
        off = worn_off(written, life, parts)
        worn[what] = [one + other for one, other in zip(worn[what], off, strict=True)]
    inventory = (document.get("allocation") or {}).get("inventoryStepUp") or 0.0
    return {**worn, "inventory": [inventory] + [0.0] * (many - 1)}


def _allocation(document: Document, offer: Facts, parts: list[float]) -> Facts:
    allocation, sheet = document.get("allocation") or {}, document["target"]["balance"]
    written, inventory = _written_up(document), allocation.get("inventoryStepUp") or 0.0
    ups = math.fsum([inventory, *(each for _, each, _ in written)])
    rates = by_year(document["acquirer"]["statements"]["taxRate"], len(parts))
    charged = [math.fsum(year) for year in zip(*_charges(document, parts).values(), strict=True)]
    # Each part at the rate of the year that charges it, the rest at the last one.
    taxed = [charge * rate for charge, rate in zip(charged, rates, strict=True)]
    owed = math.fsum([*taxed, (ups - math.fsum(charged)) * rates[-1]])
    deferred = 0.0 if allocation.get("structure") == "ASSET" else owed
    net = math.fsum(
        [
            book_equity(sheet),
            -offer["lentByConvertibles"],
            -amount(sheet, "goodwill"),
            amount(sheet, "deferredTaxLiability"),
            ups,
            -deferred,
        ]
    )
    paid = offer["equityPrice"] + offer["earnOut"]
    return {
        "price": paid,
        "bookEquity": book_equity(sheet) - offer["lentByConvertibles"],
        "writeUps": ups,
        "intangibles": math.fsum(each for what, each, _ in written if what == "intangibles"),
        "fixedAssetStepUp": math.fsum(each for what, each, _ in written if what == "fixedAssets"),
        "inventoryStepUp": inventory,
        "deferredTax": deferred,
        "netAssets": net,
        "goodwill": paid - net,
    }


def worn_off(amount: float, life: float, parts: list[float]) -> list[float]:
    """Straight line by the time that has gone by."""
    told, gone = [], 0.0
    for part in parts:
        left, gone = min(gone, life), gone + part
        told.append(amount * (min(gone, life) - left) / life)
    return told


def _left(document: Document, parts: list[float]) -> list[float]:
    """Share of the new debt that is owed at the closing and at the end of each year."""
    lent = (document.get("financing") or {}).get("newDebt")
    left = [1.0]
    for year, due in enumerate(by_year((lent or {}).get("amortisation"), len(parts))):
        over_by_now = lent is not None and math.fsum(parts[: year + 1]) >= lent["tenor"]
        left.append(0.0 if over_by_now else max(left[-1] - due * parts[year], 0.0))
    return left


def _years(document: Document, money: Facts, parts: list[float], further: float) -> Facts:
    many = len(parts)
    ours = stand_alone(document["acquirer"], parts)
    theirs = stand_alone(document["target"], parts, lag(document["timing"]))
    rates = by_year(document["acquirer"]["statements"]["taxRate"], many)
    terms = document.get("financing") or {}
    lent = terms.get("newDebt") or {}
    gains, costs, sold = _synergies(document, parts)
    worn, left, promised = _charges(document, parts), _left(document, parts), _earn_out(document)
    fees = [0.0] * many
    if money["financingFees"]:
        fees = worn_off(money["financingFees"], lent["tenor"], parts)
    told: Facts = {name: [] for name in ("newInterest", "lostYield", "oldInterest", "preTaxProfit")}
    told |= {"interestSaved": [], "taxOnAdjustments": []}
    told |= {"tax": [], "netIncome": [], "addedBack": [], "earnOutCharge": [], "earnOutPaid": []}
    for t, part in enumerate(parts):
        if terms.get("targetDebtRate") is not None:
            saved = terms["targetDebtRate"] * money["ended"] * part
        else:
            saved = theirs["interest"][t] * money["endedShare"]
        new_interest = (lent.get("rate") or 0.0) * money["newDebt"] * left[t] * part
        lost = (terms.get("lostYield") or 0.0) * money["balanceSheetCash"] * part
        ppa = math.fsum([*(column[t] for column in worn.values()), fees[t]])
        earn_out = document.get("earnOut")
        due = earn_out is not None and earn_out["year"] == t + 1
        paid = earn_out["amount"] * earn_out["probability"] if earn_out and due else 0.0
        nearer = promised[t + 1] + paid - promised[t]
        taxable = math.fsum(
            [
                ours["preTaxProfit"][t],
                theirs["preTaxProfit"][t],
                saved,
                gains[t],
                -costs[t],
                -new_interest,
                -lost,
                -ppa,
                further * part,
            ]
        )
        # Each firm's own profit at its own rate, what the merger does at the acquirer's.
        tax = theirs["tax"][t] + (taxable - theirs["preTaxProfit"][t]) * rates[t]
        told["interestSaved"].append(saved)
        told["taxOnAdjustments"].append(tax - ours["tax"][t] - theirs["tax"][t])
        told["newInterest"].append(new_interest)
        told["lostYield"].append(lost)
        told["oldInterest"].append(ours["interest"][t] + theirs["interest"][t] - saved)
        told["earnOutCharge"].append(nearer)
        told["earnOutPaid"].append(paid)
        told["preTaxProfit"].append(taxable - nearer)
        told["tax"].append(tax)
        told["netIncome"].append(taxable - nearer - tax)
        told["addedBack"].append(ppa * (1.0 - rates[t]) + nearer)
    both = {
        name: [one + other for one, other in zip(ours[name], theirs[name], strict=True)]
        for name in ("revenue", "ebitda", "depreciation", "invested", "tiedUp")
    }
    both["revenue"] = [one + more for one, more in zip(both["revenue"], sold, strict=True)]
    both["ebitda"] = [one + more for one, more in zip(both["ebitda"], gains, strict=True)]
    return {
        **told,
        **both,
        "rates": rates,
        "synergies": gains,
        "costsToAchieve": costs,
        "intangibleAmortisation": worn["intangibles"],
        "stepUpDepreciation": worn["fixedAssets"],
        "inventoryCharge": worn["inventory"],
        "feeAmortisation": fees,
        "newDebtLeft": left,
        "earnOutOwed": promised,
        "parts": parts,
        "synergiesAfterTax": [
            (gain - cost) * (1.0 - rate)
            for gain, cost, rate in zip(gains, costs, rates, strict=True)
        ],
        "lastSynergy": gains[-1] / parts[-1] * (1.0 - rates[-1]),  # of a whole year
    }


def _synergies(document: Document, parts: list[float]) -> tuple[list[float], ...]:
    """By year: pre-tax profit from synergies, what it costs to have them, and what is sold more."""
    given, many = document.get("synergies") or {}, len(parts)
    saved = by_year(given.get("cost"), many)
    sold = by_year(given.get("revenue"), many)
    phased = by_year(given.get("phaseIn"), many, without=1.0)
    costs = by_year(given.get("costsToAchieve"), many)
    through = given.get("flowThrough") or 0.0
    gains = [(saved[t] + sold[t] * through) * phased[t] * parts[t] for t in range(many)]
    return (
        gains,
        [cost * part for cost, part in zip(costs, parts, strict=True)],
        [sold[t] * phased[t] * parts[t] for t in range(many)],
    )
