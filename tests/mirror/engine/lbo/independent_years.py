"""The years of a buyout, one after another: statements, tranches, and the cash that is left.

Where interest is on average balances a year is circular in one number: the cash that is available
before anything optional is paid. Every balance follows from it, and it from every balance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scipy.optimize import brentq

from tests.mirror.engine.lbo.independent_business import Document, Facts, by_year

RECAPITALISATION = "RECAPITALISATION"


def balance_sheet(
    *,
    cash: float,
    working_capital: float,
    fixed_assets: float,
    goodwill: float,
    costs: float,
    debt: float,
    preferred: float,
    equity: float,
) -> Facts:
    return {
        "cash": cash,
        "workingCapital": working_capital,
        "fixedAssets": fixed_assets,
        "goodwill": goodwill,
        "financingCosts": costs,
        "assets": math.fsum([cash, working_capital, fixed_assets, goodwill, costs]),
        "debt": debt,
        "preferred": preferred,
        "equity": equity,
        "claims": math.fsum([debt, preferred, equity]),
    }


def _terms(document: Document, closing: Facts, share: float) -> list[Facts]:
    """What each tranche is, year by year; the recapitalisation's is the last."""
    years = document["timing"]["years"]
    base = by_year(document.get("baseRate"), years)
    terms: list[Facts] = []
    for number, tranche in enumerate(document["tranches"]):
        spread = tranche.get("spread")
        if spread is None:
            rates = [tranche["fixedRate"]] * years
        else:
            floor = tranche.get("floor")
            rates = [(each if floor is None else max(each, floor)) + spread for each in base]
        kind, swept = tranche["kind"], tranche.get("swept")
        terms.append(
            {
                "name": tranche["name"],
                "kind": kind,
                "original": closing["faces"][number],
                "costs": closing["costs"][number],
                # What goes with the debt that is prepaid; None: it is not asked for, or never does.
                "unamortised": closing["costs"][number]
                if document.get("writeOffFeesOnPrepayment") and kind != "REVOLVER"
                else None,
                "tenor": tranche["tenor"],
                "firstPart": share,
                "rates": rates,
                "amortisation": by_year(tranche.get("amortisation"), years),
                "pikRate": tranche.get("pikRate") or 0.0,
                "pikShare": by_year(tranche.get("pikShare"), years),
                "pikPremium": tranche.get("pikPremium") or 0.0,
                "commitment": tranche.get("commitment") if kind == "REVOLVER" else None,
                "undrawnFee": tranche.get("undrawnFee") or 0.0,
                "swept": kind == "TERM_LOAN" if swept is None else swept,
            }
        )
    again = document.get("recapitalisation")
    if again is not None:
        terms.append(
            {
                "name": RECAPITALISATION,
                "kind": RECAPITALISATION,
                "original": 0.0,
                "costs": 0.0,
                "unamortised": None,
                "tenor": None,
                "firstPart": share,
                "rates": [again["fixedRate"]] * years,
                "amortisation": [0.0] * years,
                "pikRate": 0.0,
                "pikShare": [0.0] * years,
                "pikPremium": 0.0,
                "commitment": None,
                "undrawnFee": 0.0,
                "swept": False,
            }
        )
    return terms


def all_years(
    document: Document, business: Sequence[Facts], closing: Facts, share: float
) -> tuple[list[Facts], dict[str, list[Facts]]]:
    terms = _terms(document, closing, share)
    told: dict[str, list[Facts]] = {term["name"]: [] for term in terms}
    years: list[Facts] = []
    balances = [term["original"] for term in terms]
    losses = (document["operations"].get("losses") or {}).get("balance", 0.0)
    before = closing["balance"]
    for year in range(1, document["timing"]["years"] + 1):
        part = share if year == 1 else 1.0
        facts, rows = _year(
            document, terms, balances, before, losses, business, closing, year, part
        )
        years.append(facts)
        for term, row in zip(terms, rows, strict=True):
            told[term["name"]].append(row)
            term["unamortised"] = row["unamortised"]
        balances = [row["closing"] for row in rows]
        losses, before = facts["lossesLeft"] or 0.0, facts["balance"]
    return years, told


def _year(
    document: Document,
    terms: Sequence[Facts],
    balances: Sequence[float],
    before: Facts,
    losses: float,
    business: Sequence[Facts],
    closing: Facts,
    year: int,
    part: float,
) -> tuple[Facts, list[Facts]]:
    """One year: its statements, and a row for each tranche."""
    firm = business[year]
    wallet = document.get("cash") or {}
    minimum, earns = wallet.get("minimum") or 0.0, wallet.get("interestRate") or 0.0
    swept_share = by_year(wallet.get("sweep"), document["timing"]["years"], without=1.0)[year - 1]
    average = document.get("interest") == "AVERAGE"
    ebitda, depreciation = firm["ebitda"] * part, firm["depreciation"] * part
    capex, added_back = firm["capitalExpenditure"] * part, firm["addedBack"] * part
    increase = firm["workingCapital"] - before["workingCapital"]
    deducted = 0.0
    if year == 1 and document["entry"].get("transactionFeeTreatment") == "DEDUCTED":
        deducted = closing["transactionFees"]
    rows = [_row(term, opening, year, part) for term, opening in zip(terms, balances, strict=True)]
    mandatory = math.fsum(row["mandatory"] for row in rows)
    # What preferred stock cost is written off as well, but like its dividends: tax knows neither.
    stocks = [term["kind"] == "PREFERRED" for term in terms]
    amortised, amortised_stock = (
        math.fsum(
            row["amortisedCosts"] for row, each in zip(rows, stocks, strict=True) if each is stock
        )
        for stock in (False, True)
    )
    begins_with = before["cash"]

    def lived(available: float) -> Facts:
        """The year, if so much cash were available above the minimum before anything optional."""
        paid, missing = _waterfall(terms, rows, available, swept_share, year)
        cash = math.fsum([minimum, available, *(row["drawn"] - row["swept"] for row in paid)])
        for term, row in zip(terms, paid, strict=True):
            _charge(term, row, year, part, average)
        income = earns * part * ((begins_with + cash) / 2.0 if average else begins_with)
        lent = [row for term, row in zip(terms, paid, strict=True) if term["kind"] != "PREFERRED"]
        held = [row for term, row in zip(terms, paid, strict=True) if term["kind"] == "PREFERRED"]
        interest = math.fsum(row["cashInterest"] for row in lent)
        accrued = math.fsum(row["pik"] for row in lent)
        undrawn = math.fsum(row["undrawnFee"] for row in lent)
        gone = math.fsum(row["writtenOff"] for row in lent)
        charges = math.fsum([interest, accrued, undrawn, amortised, gone])
        ebt = math.fsum([ebitda, -depreciation, -charges, income])
        used, left = _losses(document["operations"].get("losses"), losses, ebt - deducted, part)
        tax = firm["taxRate"] * max(ebt - deducted - used, 0.0)
        dividends = math.fsum(row["cashInterest"] for row in held)
        flow = math.fsum(
            [ebt, -tax, depreciation, amortised, gone, accrued, added_back, -capex, -increase]
        )
        flow -= dividends
        return {
            "rows": paid,
            "cash": cash,
            "shortfall": missing,
            "cashInterest": interest,
            "pik": accrued,
            "undrawnFee": undrawn,
            "interestIncome": income,
            "costsWrittenOff": gone,
            "ebt": ebt,
            "lossesUsed": used,
            "lossesLeft": left,
            "tax": tax,
            "preferredCash": dividends,
            "preferredPik": math.fsum(row["pik"] for row in held),
            "preferredCosts": amortised_stock + math.fsum(row["writtenOff"] for row in held),
            "cashBeforeRepayment": flow,
            "available": begins_with + flow - mandatory - minimum,
        }

    year_lived = lived(_fixed_point(lambda available: lived(available)["available"], ebitda))
    rows = year_lived.pop("rows")
    del year_lived["available"]
    net_income = year_lived["ebt"] - year_lived["tax"]
    again = document.get("recapitalisation")
    dividend = fee = 0.0
    if again is not None and again["year"] == year:
        amount = again.get("amount")
        # A loss is lent nothing.
        raised = again["timesEbitda"] * max(firm["ebitda"], 0.0) if amount is None else amount
        fee = (again.get("fee") or 0.0) * raised
        dividend = raised - fee
        rows[-1]["raised"] = raised
        rows[-1]["closing"] += raised
    drawn = math.fsum(row["drawn"] for row in rows)
    preferred = math.fsum(
        row["closing"] for term, row in zip(terms, rows, strict=True) if term["kind"] == "PREFERRED"
    )
    debt = math.fsum(row["closing"] for row in rows) - preferred
    equity = math.fsum(
        [
            before["equity"],
            net_income,
            -year_lived["preferredCash"],
            -year_lived["preferredPik"],
            -year_lived["preferredCosts"],
            added_back,
            -dividend,
            -fee,
        ]
    )
    fixed = year_lived["cashInterest"] + year_lived["undrawnFee"]
    charges = fixed + mandatory + year_lived["preferredCash"]
    facts = {
        "revenue": firm["revenue"] * part,
        "ebitda": ebitda,
        "ebitdaOfFiscalYear": firm["ebitda"],
        "depreciation": depreciation,
        "ebit": ebitda - depreciation,
        "capitalExpenditure": capex,
        "increaseInWorkingCapital": increase,
        "addedBack": added_back,
        "amortisedCosts": amortised,
        "feesDeducted": deducted,
        **year_lived,
        "preferredDividends": math.fsum(
            year_lived[each] for each in ("preferredCash", "preferredPik", "preferredCosts")
        ),
        "netIncome": net_income,
        "mandatory": mandatory,
        "drawn": drawn,
        "openingCash": begins_with,
        "changeInCash": year_lived["cash"] - begins_with,
        "swept": math.fsum(row["swept"] for row in rows),
        "recapitalisationDividend": dividend,
        "recapitalisationFee": fee,
        "balance": balance_sheet(
            cash=year_lived["cash"],
            working_capital=firm["workingCapital"],
            fixed_assets=before["fixedAssets"] + capex - depreciation,
            goodwill=before["goodwill"],
            costs=math.fsum(
                [
                    before["financingCosts"],
                    -amortised,
                    -year_lived["costsWrittenOff"],
                    -year_lived["preferredCosts"],
                ]
            ),
            debt=debt,
            preferred=preferred,
            equity=equity,
        ),
        "leverage": _over(debt, firm["ebitda"]),
        "netLeverage": _over(debt - year_lived["cash"], firm["ebitda"]),
        "interestCover": _over(ebitda, fixed),
        "fixedChargeCover": _over(ebitda - capex - year_lived["tax"], charges),
    }
    if document["operations"].get("losses") is None:
        facts["lossesUsed"] = facts["lossesLeft"] = None
    if not document.get("writeOffFeesOnPrepayment"):
        facts["costsWrittenOff"] = None
    return facts, rows


def _over(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0.0 else None


def _row(term: Facts, opening: float, year: int, part: float) -> Facts:
    """What is sure of a tranche before anybody knows how much cash the year will leave."""
    at, tenor = year - 1, term["tenor"]
    share = term["pikShare"][at]
    rate = term["pikRate"] + share * (term["rates"][at] + term["pikPremium"])
    accrued = rate * opening * part
    due = term["amortisation"][at] * term["original"] * part
    # Before maturity no more is due than was owed when the year began, or is by its end: at a rate
    # below zero there is less of it.
    mandatory = opening + accrued if year == tenor else min(due, opening, opening + accrued)
    elapsed = 0.0  # share of the tenor in this year
    if tenor is not None and year <= tenor:
        # What is left at maturity is written off then: it ends tenor years after year 0's end.
        elapsed = part / tenor if year < tenor else (1.0 if tenor == 1 else 0.0)
        if year == tenor > 1:
            elapsed = 1.0 - (term["firstPart"] + tenor - 2) / tenor
    amortised, carried = elapsed * term["costs"], term["unamortised"]
    if carried is not None:
        # What a prepayment has left goes on over the years that are left.
        gone = 0.0 if year == 1 else term["firstPart"] + year - 2
        amortised = carried if year >= tenor else carried * part / (tenor - gone)
        carried -= amortised
    return {
        "opening": opening,
        "pik": accrued,
        "mandatory": mandatory,
        "amortisedCosts": amortised,
        "unamortised": carried,
        "raised": 0.0,
    }


def _waterfall(
    terms: Sequence[Facts], rows: Sequence[Facts], available: float, swept_share: float, year: int
) -> tuple[list[Facts], float]:
    """Who draws and who is paid, revolvers first, then what is swept; and what nobody lends."""
    paid = [{**row, "drawn": 0.0, "swept": 0.0} for row in rows]
    pairs = list(zip(terms, paid, strict=True))
    revolvers = [pair for pair in pairs if pair[0]["commitment"] is not None]
    need, spare = max(-available, 0.0), max(available, 0.0) * swept_share
    for term, row in revolvers:
        if year < term["tenor"]:
            owed = row["opening"] + row["pik"] - row["mandatory"]
            row["drawn"] = min(need, max(term["commitment"] - owed, 0.0))
            need -= row["drawn"]
    loans = [pair for pair in pairs if pair[0]["commitment"] is None and pair[0]["swept"]]
    for _, row in [*revolvers, *loans]:
        owed = row["opening"] + row["pik"] - row["mandatory"]
        row["swept"] = min(spare, owed)
        spare -= row["swept"]
    for row in paid:
        # In this order what is repaid to the last unit leaves nothing, not a rounding.
        owed = row["opening"] + row["pik"] - row["mandatory"]
        row["closing"] = owed - row["swept"] + row["drawn"]
        row["writtenOff"] = 0.0
        if row["unamortised"] is not None:
            # Each unit that is owed carries its part of the costs, and not more than itself.
            each = min(row["unamortised"] / owed, 1.0) if owed > 0.0 else 0.0
            row["writtenOff"] = row["unamortised"] - each * row["closing"]
            row["unamortised"] = each * row["closing"]
    return paid, need


def _charge(term: Facts, row: Facts, year: int, part: float, average: bool) -> None:
    """Cash interest, or a preferred's cash dividend, and the fee on what a revolver leaves."""
    base = (row["opening"] + row["closing"]) / 2.0 if average else row["opening"]
    row["rate"] = term["rates"][year - 1] * (1.0 - term["pikShare"][year - 1])  # in cash
    row["cashInterest"] = row["rate"] * base * part
    row["undrawnFee"] = 0.0
    if term["commitment"] is not None and year <= term["tenor"]:
        row["undrawnFee"] = term["undrawnFee"] * (term["commitment"] - base) * part


def _losses(
    limits: Document | None, balance: float, income: float, part: float
) -> tuple[float, float]:
    """Used of what is carried forward, and what is left: a loss is added, a profit uses it up."""
    if limits is None:
        return 0.0, 0.0
    if income < 0.0:
        return 0.0, balance - income
    usable = income
    if limits.get("limitShare") is not None:
        usable *= limits["limitShare"]
    if limits.get("limitAmount") is not None:
        usable = min(usable, limits["limitAmount"] * part)
    used = min(usable, balance)
    return used, balance - used


def _fixed_point(leaves: Callable[[float], float], scale: float) -> float:
    """The cash at which a year that has so much leaves just so much, by Brent's method."""
    start = leaves(0.0)
    gap = leaves(start) - start
    if gap == 0.0:  # interest on opening balances: nothing is circular
        return start
    reach = max(abs(gap), 1e-9 * abs(scale))
    low, high = start - reach, start + reach
    while leaves(low) < low:
        low -= (reach := 2.0 * reach)
    while leaves(high) > high:
        high += (reach := 2.0 * reach)
    size = max(abs(low), abs(high), abs(scale))
    found = brentq(lambda x: leaves(x) - x, low, high, xtol=1e-15 * size, rtol=1e-15, maxiter=500)
    return float(found)
