"""A merger from the words of its specification alone, in plain floats and dictionaries.

It is the other witness: it takes the JSON document, not the engine's inputs, and shares no line
with the engine.

What comes back has the document's spelling; money is the document's, and series are by year. It
knows what conventions fix; what further inputs choose (convertibles, a discounted earn-out, debt
that amortises, goodwill that is deducted from tax, other fiscal years) it leaves to cases by hand.
"""

from __future__ import annotations

import math

from tests.mirror.engine.lbo.independent_business import Document, Facts, by_year, stub

ASSETS = ("cash", "workingCapital", "fixedAssets", "goodwill", "intangibles", "otherAssets")
CLAIMS = ("debt", "deferredTaxLiability", "otherLiabilities")


def merger(document: Document, *, further: float = 0.0, price: float | None = None) -> Facts:
    """Everything that is known of a merger.

    ``further``: pre-tax profit in every whole year beside the synergies. ``price``: offered for a
    share, in place of what the document says.
    """
    share = stub(document["timing"])
    parts = [share] + [1.0] * (document["timing"]["years"] - 1)
    acquirer, target = document["acquirer"], document["target"]
    own_shares = diluted(acquirer["shares"], acquirer["sharePrice"])
    offer = _offer(document, price)
    money = _financing(document, offer)
    new_shares = offer["stockShare"] * offer["equityPrice"] / acquirer["sharePrice"]
    allocation = _allocation(document, offer["equityPrice"] + offer["earnOut"])
    before = stand_alone(acquirer, parts)
    years = _years(document, money, allocation, parts, further)
    shares = own_shares + new_shares
    alone = [each / own_shares for each in before["netIncome"]]
    gaap = [each / shares for each in years["netIncome"]]
    cash = [
        (net + added) / shares
        for net, added in zip(years["netIncome"], years["addedBack"], strict=True)
    ]
    ownership = own_shares / shares
    return {
        "stubShare": share,
        "offer": offer,
        "financing": money,
        "acquirerShares": own_shares,
        "newShares": new_shares,
        "ownership": ownership,
        "allocation": allocation,
        "closing": _closing(document, offer, money, allocation),
        "years": years,
        "perShare": {
            "standAlone": alone,
            "gaap": gaap,
            "cash": cash,
            "accretion": [_over(new - old, old) for new, old in zip(gaap, alone, strict=True)],
            "cashAccretion": [_over(new - old, old) for new, old in zip(cash, alone, strict=True)],
        },
        "contribution": _contribution(acquirer, target, parts),
        "valueCreation": _value(document, offer, years, ownership),
        "roic": _returns(document, offer, money),
    }


def _over(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0.0 else None


def diluted(shares: Document, price: float) -> float:
    """Shares by the treasury-stock method at a price; restricted stock counts in full."""
    if shares.get("diluted") is not None:
        return float(shares["diluted"])
    count = shares["basic"] + (shares.get("restrictedStock") or 0.0)
    for option in shares.get("options") or []:
        if price > option["strike"]:
            count += option["count"] - option["count"] * option["strike"] / price
    return float(count)


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
    return {
        "price": paid,
        "premium": paid / target["sharePrice"] - 1.0,
        "stockShare": stock_share,
        "exchangeRatio": stock_share * paid / acquirer["sharePrice"],
        "dilutedShares": shares,
        "equityPrice": equity,
        "earnOut": _earn_out(document),
        "enterpriseValue": math.fsum(
            [equity, _earn_out(document), sheet.get("debt") or 0.0, -sheet["cash"]]
        ),
    }


def _collared(collar: Document, now: float) -> float:
    """Money for a share: fixed while the acquirer's price is in the band; beyond it, shares are."""
    low, high = float(collar["lowPrice"]), float(collar["highPrice"])
    agreed: float = collar["ratio"] * (low + high) / 2.0
    if now < low:
        return agreed / low * now
    return agreed / high * now if now > high else agreed


def _earn_out(document: Document) -> float:
    given = document.get("earnOut")
    return given["amount"] * given["probability"] if given else 0.0


def _financing(document: Document, offer: Facts) -> Facts:
    """Sources and uses: the fee on new debt is borrowed, too."""
    terms = document.get("financing") or {}
    lent = terms.get("newDebt") or {}
    refinanced_share = terms.get("refinanced")
    refinanced = (1.0 if refinanced_share is None else refinanced_share) * (
        document["target"]["balance"].get("debt") or 0.0
    )
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
        "advisory": advisory,
        "financingFees": fee,
        "uses": math.fsum([offer["equityPrice"], refinanced, advisory, fee]),
    }


def _tax_rate(document: Document) -> float:
    """Of the firm that is left: the acquirer's, in the first year."""
    years = document["timing"]["years"]
    return by_year(document["acquirer"]["statements"]["taxRate"], years)[0]


def _amount(sheet: Document, name: str) -> float:
    return sheet.get(name) or 0.0


def book_equity(sheet: Document) -> float:
    return math.fsum(
        [*(_amount(sheet, each) for each in ASSETS), *(-_amount(sheet, each) for each in CLAIMS)]
    )


def _written_up(document: Document) -> list[tuple[str, float, float]]:
    """(what, amount, years) of everything that is written up but inventories."""
    allocation = document.get("allocation") or {}
    found = [
        ("intangibles", each["amount"], each["life"])
        for each in allocation.get("intangibles") or []
    ]
    step = allocation.get("fixedAssetStepUp")
    return [*found, ("fixedAssets", step["amount"], step["life"])] if step else found


def _allocation(document: Document, paid: float) -> Facts:
    allocation, sheet = document.get("allocation") or {}, document["target"]["balance"]
    inventory = allocation.get("inventoryStepUp") or 0.0
    ups = math.fsum([inventory, *(amount for _, amount, _ in _written_up(document))])
    in_assets = allocation.get("structure") == "ASSET"
    deferred = 0.0 if in_assets else ups * _tax_rate(document)
    net = math.fsum(
        [
            book_equity(sheet),
            -_amount(sheet, "goodwill"),
            _amount(sheet, "deferredTaxLiability"),
            ups,
            -deferred,
        ]
    )
    return {
        "writeUps": ups,
        "deferredTax": deferred,
        "netAssets": net,
        "goodwill": paid - net,
    }


def _closing(document: Document, offer: Facts, money: Facts, allocation: Facts) -> Facts:
    """The balance sheet of both, with what the merger does to it."""
    ours, theirs = document["acquirer"]["balance"], document["target"]["balance"]
    both = {each: _amount(ours, each) + _amount(theirs, each) for each in (*ASSETS, *CLAIMS)}
    inventory = (document.get("allocation") or {}).get("inventoryStepUp") or 0.0
    ups = _written_up(document)
    assets = {
        "cash": both["cash"] - money["balanceSheetCash"],
        "workingCapital": both["workingCapital"] + inventory,
        "fixedAssets": both["fixedAssets"] + math.fsum(a for n, a, _ in ups if n == "fixedAssets"),
        "goodwill": _amount(ours, "goodwill") + allocation["goodwill"],
        "intangibles": both["intangibles"] + math.fsum(a for n, a, _ in ups if n == "intangibles"),
        "otherAssets": both["otherAssets"],
        "financingFees": money["financingFees"],
    }
    claims = {
        "debt": both["debt"] - money["refinanced"],
        "newDebt": money["newDebt"],
        "deferredTaxLiability": _amount(ours, "deferredTaxLiability") + allocation["deferredTax"],
        "earnOut": offer["earnOut"],
        "otherLiabilities": both["otherLiabilities"],
        "equity": book_equity(ours) + money["stock"] - money["advisory"],
    }
    return {
        **assets,
        "totalAssets": math.fsum(assets.values()),
        **claims,
        "totalClaims": math.fsum(claims.values()),
    }


def stand_alone(party: Document, parts: list[float]) -> Facts:
    """A firm by itself: what is left of each year. A loss is a credit, as deferred tax makes it."""
    lines = {
        name: [
            value * part
            for value, part in zip(
                by_year(party["statements"][name], len(parts)), parts, strict=True
            )
        ]
        for name in ("revenue", "ebitda", "depreciation", "interest")
    }
    rates = by_year(party["statements"]["taxRate"], len(parts))
    pre_tax = [
        math.fsum([lines["ebitda"][t], -lines["depreciation"][t], -lines["interest"][t]])
        for t in range(len(parts))
    ]
    net = [each - each * rate for each, rate in zip(pre_tax, rates, strict=True)]
    return {**lines, "preTaxProfit": pre_tax, "netIncome": net}


def _worn_off(amount: float, life: float, parts: list[float]) -> list[float]:
    """Straight line by the time that has gone by."""
    told, gone = [], 0.0
    for part in parts:
        left, gone = min(gone, life), gone + part
        told.append(amount * (min(gone, life) - left) / life)
    return told


def _years(
    document: Document, money: Facts, allocation: Facts, parts: list[float], further: float
) -> Facts:
    many = len(parts)
    ours = stand_alone(document["acquirer"], parts)
    theirs = stand_alone(document["target"], parts)
    rates = by_year(document["acquirer"]["statements"]["taxRate"], many)
    their_rates = by_year(document["target"]["statements"]["taxRate"], many)
    terms = document.get("financing") or {}
    lent = terms.get("newDebt") or {}
    inventory = (document.get("allocation") or {}).get("inventoryStepUp") or 0.0
    gains, costs, sold = _synergies(document, parts)
    owed = document["target"]["balance"].get("debt") or 0.0
    worn: dict[str, list[float]] = {"intangibles": [0.0] * many, "fixedAssets": [0.0] * many}
    for what, amount, life in _written_up(document):
        off = _worn_off(amount, life, parts)
        worn[what] = [one + other for one, other in zip(worn[what], off, strict=True)]
    fees = [0.0] * many
    if money["financingFees"]:
        fees = _worn_off(money["financingFees"], lent["tenor"], parts)
    told: Facts = {name: [] for name in ("newInterest", "lostYield", "oldInterest", "preTaxProfit")}
    told |= {"tax": [], "netIncome": [], "addedBack": []}
    for t, part in enumerate(parts):
        if terms.get("targetDebtRate") is not None:
            saved = terms["targetDebtRate"] * money["refinanced"] * part
        else:
            saved = theirs["interest"][t] * (money["refinanced"] / owed if owed else 0.0)
        new_interest = 0.0  # once it is repaid: at the end of the year in which its tenor ends
        if lent and math.fsum(parts[:t]) < lent["tenor"]:
            new_interest = (lent.get("rate") or 0.0) * money["newDebt"] * part
        lost = (terms.get("lostYield") or 0.0) * money["balanceSheetCash"] * part
        expensed = inventory if t == 0 else 0.0
        ppa = math.fsum([worn["intangibles"][t], worn["fixedAssets"][t], expensed, fees[t]])
        pre_tax = math.fsum(
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
        earned = theirs["preTaxProfit"][t]
        tax = earned * their_rates[t] + (pre_tax - earned) * rates[t]
        told["newInterest"].append(new_interest)
        told["lostYield"].append(lost)
        told["oldInterest"].append(ours["interest"][t] + theirs["interest"][t] - saved)
        told["preTaxProfit"].append(pre_tax)
        told["tax"].append(tax)
        told["netIncome"].append(pre_tax - tax)
        told["addedBack"].append(ppa * (1.0 - rates[t]))
    both = {
        name: [one + other for one, other in zip(ours[name], theirs[name], strict=True)]
        for name in ("revenue", "ebitda", "depreciation")
    }
    both["revenue"] = [one + more for one, more in zip(both["revenue"], sold, strict=True)]
    return {
        **told,
        **both,
        "synergies": gains,
        "costsToAchieve": costs,
        "intangibleAmortisation": worn["intangibles"],
        "stepUpDepreciation": worn["fixedAssets"],
        "inventoryCharge": [inventory] + [0.0] * (many - 1),
        "feeAmortisation": fees,
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


def _contribution(acquirer: Document, target: Document, parts: list[float]) -> Facts:
    """The target's share of what both have, year by year."""
    ours, theirs = stand_alone(acquirer, parts), stand_alone(target, parts)
    return {
        name: [
            _over(their, our + their) for our, their in zip(ours[name], theirs[name], strict=True)
        ]
        for name in ("revenue", "ebitda", "netIncome")
    }


def _returns(document: Document, offer: Facts, money: Facts) -> list[float]:
    """What the target and the synergies earn after tax on all that is paid, by whole years."""
    whole = [1.0] * document["timing"]["years"]
    theirs, gains = stand_alone(document["target"], whole), _synergies(document, whole)[0]
    own = by_year(document["target"]["statements"]["taxRate"], len(whole))
    rates = by_year(document["acquirer"]["statements"]["taxRate"], len(whole))
    invested = offer["enterpriseValue"] + money["advisory"] + money["financingFees"]
    return [
        (
            (theirs["ebitda"][t] - theirs["depreciation"][t]) * (1.0 - own[t])
            + gains[t] * (1.0 - rates[t])
        )
        / invested
        for t in range(len(whole))
    ]


def _value(document: Document, offer: Facts, years: Facts, ownership: float) -> Facts:
    """What the synergies are worth, less what is paid for them; both shared by ownership."""
    wacc = document.get("wacc")
    if wacc is None:
        return {}
    time, worth = stub(document["timing"]), []
    for gain in years["synergiesAfterTax"]:
        worth.append(gain / (1.0 + wacc) ** time)
        time += 1.0
    growth = (document.get("synergies") or {}).get("growth")
    if growth is not None:
        later = years["lastSynergy"] * (1.0 + growth) / (wacc - growth)
        worth.append(later / (1.0 + wacc) ** (time - 1.0))
    target = document["target"]
    before = target["sharePrice"] * diluted(target["shares"], target["sharePrice"])
    synergies, premium = math.fsum(worth), offer["equityPrice"] + offer["earnOut"] - before
    return {
        "synergies": synergies,
        "premium": premium,
        "left": synergies - premium,
        "acquirerPart": ownership * (synergies - premium),
        "targetPart": premium + (1.0 - ownership) * (synergies - premium),
    }
