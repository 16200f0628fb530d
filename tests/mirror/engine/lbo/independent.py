"""A leveraged buyout from the words of its specification alone, in plain floats and dictionaries.

It is the other witness: it takes the JSON document, not the engine's inputs, shares no line with
the engine, goes through the years one scenario at a time, and where interest on average balances
makes a year circular it asks Brent's method for the cash that is left instead of iterating.
(Rosenbaum and Pearl, Investment Banking, 1st ed., ch. 5, take the same steps in the same order.)

What comes back has the document's spelling. Every amount is money of the document; a fact that
does not apply is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.optimize import brentq

from tests.mirror.engine.lbo.independent_business import (
    Document,
    Facts,
    by_year,
    operations_by_year,
    stub,
)
from tests.mirror.engine.lbo.independent_remarks import remarks
from tests.mirror.engine.lbo.independent_years import all_years, balance_sheet


def lbo(document: Document) -> Facts:
    """Everything that is known of a buyout: closing, years, exit, returns, attribution, tests."""
    share = stub(document["timing"])
    business = operations_by_year(document["operations"], document["timing"]["years"])
    closing = _closing(document, business, share)
    years, tranches = all_years(document, business, closing, share)
    facts: Facts = {"stubShare": share, "closing": closing, "years": years, "tranches": tranches}
    last = document["exit"].get("year") or len(years)
    facts["exit"] = exit_at(document, facts, last, document["exit"]["evToEbitda"])
    facts["attribution"] = _attribution(document, facts, last)
    facts["covenants"] = [_covenant(each, facts) for each in document.get("covenants") or []]
    facts["remarks"] = "; ".join(remarks(document, facts))
    return facts


def _closing(document: Document, business: Sequence[Facts], share: float) -> Facts:
    """Sources, uses and the balance sheet on the day of the closing."""
    entry, equity = document["entry"], document["equity"]
    ltm = entry["ltmEbitda"]
    price = entry.get("enterpriseValue")
    if price is None:
        price = entry["evToEbitda"] * ltm
    faces, fees, discounts = [], [], []
    for tranche in document["tranches"]:
        amount = tranche.get("amount")
        face = tranche["timesEbitda"] * ltm if amount is None else amount
        on = tranche["commitment"] if tranche["kind"] == "REVOLVER" else face
        faces.append(face)
        fees.append((tranche.get("fee") or 0.0) * on)
        discounts.append((tranche.get("oid") or 0.0) * face)
    transaction = entry.get("transactionFees") or 0.0
    cash = entry.get("cashAtClosing") or 0.0
    capitalised = entry.get("transactionFeeTreatment") == "CAPITALISED"
    uses = math.fsum([price, transaction, *fees, *discounts, cash])
    rollover = equity.get("rollover") or 0.0
    sponsor = math.fsum([uses, -rollover, *(-face for face in faces)])
    first, second = business[0]["workingCapital"], business[1]["workingCapital"]
    tied_up = second - share * (second - first)  # on the way from one year's end to the next
    fixed = document["operations"].get("openingFixedAssets") or 0.0
    preferred = math.fsum(
        face
        for face, tranche in zip(faces, document["tranches"], strict=True)
        if tranche["kind"] == "PREFERRED"
    )
    return {
        "enterpriseValue": price,
        "multiple": price / ltm,
        "transactionFees": transaction,
        "financingFees": math.fsum(fees),
        "discount": math.fsum(discounts),
        "cash": cash,
        "uses": uses,
        "faces": faces,
        "costs": [fee + discount for fee, discount in zip(fees, discounts, strict=True)],
        "rollover": rollover,
        "sponsor": sponsor,
        "sources": math.fsum([*faces, rollover, sponsor]),
        "balance": balance_sheet(
            cash=cash,
            working_capital=tied_up,
            fixed_assets=fixed,
            goodwill=price - tied_up - fixed + (transaction if capitalised else 0.0),
            costs=math.fsum([*fees, *discounts]),
            debt=math.fsum(faces) - preferred,
            preferred=preferred,
            equity=sponsor + rollover - (0.0 if capitalised else transaction),
        ),
    }


def exit_at(document: Document, facts: Facts, year: int, multiple: float) -> Facts:
    """Sold at the end of ``year``: who gets what, and what that is a year."""
    closing, years = facts["closing"], facts["years"]
    at = years[year - 1]
    price = multiple * at["ebitdaOfFiscalYear"]
    # Nobody is paid for the sale of a firm that nobody pays for.
    costs = (document["exit"].get("costs") or 0.0) * max(price, 0.0)
    sheet = at["balance"]
    left = math.fsum([price, -costs, -sheet["debt"], -sheet["preferred"], sheet["cash"]])
    equity = max(left, 0.0)
    sponsor, rollover = closing["sponsor"], closing["rollover"]
    invested = sponsor + rollover
    pool = (document["equity"].get("optionPool") or 0.0) * max(equity - invested, 0.0)
    holders: Facts = {}
    for name, paid in (("sponsor", sponsor), ("rollover", rollover)):
        part = paid / invested
        flows = [(0.0, -paid)]
        for number in range(1, year + 1):
            dividend = years[number - 1]["recapitalisationDividend"]
            if dividend:
                flows.append((facts["stubShare"] + number - 1, part * dividend))
        flows.append((facts["stubShare"] + year - 1, part * (equity - pool)))
        received = math.fsum(amount for _, amount in flows[1:])
        holders[name] = {
            "invested": paid,
            "dividends": received - flows[-1][1],
            "proceeds": flows[-1][1],
            "irr": irr(flows) if paid > 0.0 else None,
            "moic": received / paid if paid > 0.0 else None,
        }
    nothing_in = {"invested": 0.0, "dividends": 0.0, "irr": None, "moic": None}
    holders["optionPool"] = {**nothing_in, "proceeds": pool}
    return {
        "year": year,
        "time": facts["stubShare"] + year - 1,
        "ebitda": at["ebitdaOfFiscalYear"],
        "enterpriseValue": price,
        "costs": costs,
        "debt": sheet["debt"],
        "preferred": sheet["preferred"],
        "cash": sheet["cash"],
        "beforeLimitedLiability": left,
        "equity": equity,
        "holders": holders,
        "irr": holders["sponsor"]["irr"],
        "moic": holders["sponsor"]["moic"],
    }


def irr(flows: Sequence[tuple[float, float]]) -> float:
    """The yearly rate at which (time, amount) are worth nothing; one payment, then receipts."""
    if math.fsum(amount for _, amount in flows[1:]) <= 0.0:
        return -1.0

    def worth(log_rate: float) -> float:
        return math.fsum(a * math.exp(-log_rate * time) for time, a in flows if a)

    toward = 0.1 if worth(0.0) > 0.0 else -0.1  # where they are worth less, or more
    end = toward
    while (worth(end) > 0.0) == (toward > 0.0):
        end *= 2.0
    return math.expm1(float(brentq(worth, min(end, 0.0), max(end, 0.0), xtol=1e-15, rtol=1e-15)))


def maximum_price(document: Document, target: float) -> float:
    """The price at entry at which the sponsor earns ``target`` a year; all debt is fixed."""

    def at(price: float) -> Facts:
        entry = {**document["entry"], "enterpriseValue": price, "evToEbitda": None}
        return lbo({**document, "entry": entry})

    now = lbo(document)["closing"]
    low = now["enterpriseValue"] - now["sponsor"] * (1.0 - 1e-9)  # next to no equity of its own
    high = now["enterpriseValue"]
    while at(high)["exit"]["irr"] > target:
        high += now["sponsor"]
    found = brentq(
        lambda price: at(price)["exit"]["irr"] - target, low, high, xtol=1e-13 * high, rtol=1e-15
    )
    return float(found)


def _attribution(document: Document, facts: Facts, year: int) -> Facts:
    """Where the value that was created came from; the parts add up to it."""
    closing, sold = facts["closing"], facts["exit"]
    ltm, before = document["entry"]["ltmEbitda"], closing["multiple"]
    growth, expansion = sold["ebitda"] - ltm, document["exit"]["evToEbitda"] - before
    dividends = math.fsum(each["recapitalisationDividend"] for each in facts["years"][:year])
    recapitalisation_fee = math.fsum(each["recapitalisationFee"] for each in facts["years"][:year])
    opening = math.fsum([*closing["faces"], -closing["cash"]])
    ending = sold["debt"] + sold["preferred"] - sold["cash"]
    return {
        "created": sold["equity"] + dividends - closing["sponsor"] - closing["rollover"],
        "ebitdaGrowth": growth * before,
        "multipleExpansion": expansion * ltm,
        "cross": growth * expansion,
        "netDebt": opening - ending + dividends + recapitalisation_fee,
        "claimsNotCovered": max(-sold["beforeLimitedLiability"], 0.0) or None,
        "fees": -math.fsum(
            [
                closing["transactionFees"],
                closing["financingFees"],
                closing["discount"],
                sold["costs"],
                recapitalisation_fee,
            ]
        ),
    }


def _covenant(covenant: Document, facts: Facts) -> Facts:
    """Each year's ratio, its limit, and the share of EBITDA that may be lost before it breaks."""
    measure, years = covenant["measure"], facts["years"]
    told: Facts = {"measure": measure, "limit": [], "ratio": [], "headroom": [], "kept": []}
    for year, limit in zip(years, by_year(covenant["limit"], len(years)), strict=True):
        sheet, ebitda = year["balance"], year["ebitdaOfFiscalYear"]
        fixed = year["cashInterest"] + year["undrawnFee"]
        least: float | None  # the EBITDA at which it breaks
        if measure in ("LEVERAGE", "NET_LEVERAGE"):
            ratio = year["leverage" if measure == "LEVERAGE" else "netLeverage"]
            owed = sheet["debt"] - (sheet["cash"] if measure == "NET_LEVERAGE" else 0.0)
            least = owed / limit
        else:
            ebitda = year["ebitda"]
            ratio = year["interestCover" if measure == "INTEREST_COVER" else "fixedChargeCover"]
            least = limit * fixed
            if measure == "FIXED_CHARGE_COVER":
                least = limit * (fixed + year["mandatory"] + year["preferredCash"])
                least += year["capitalExpenditure"] + year["tax"]
        room = 1.0 - least / ebitda if ratio is not None and ebitda > 0.0 else None
        told["limit"].append(limit)
        told["ratio"].append(ratio)
        told["headroom"].append(room)
        # Where nothing has to be paid, nothing can be left unpaid.
        told["kept"].append(ebitda >= least or (ratio is None and measure.endswith("COVER")))
    return told
