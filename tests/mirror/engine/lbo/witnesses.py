"""Who can be asked about a buyout: a document in, facts out, in one spelling.

The engine's answer is brought into the spelling of the independent model here and nowhere else, by
names only: nothing is computed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from engine.lbo import ExitGrid, LboInputs, exit_grid, value_lbo
from engine.lbo import maximum_price as engines_maximum_price
from engine.lbo.inputs import admit
from services.documents import document_of, reader
from tests.mirror.engine.lbo.independent import lbo, maximum_price

Facts = dict[str, Any]
Witness = Callable[[Facts], Facts]

read = reader(LboInputs)

# The independent model's name of a year's line, and the engine's statement and name.
LINES: Final = {
    "revenue": ("income", "revenue"),
    "ebitda": ("income", "ebitda"),
    "depreciation": ("income", "depreciation"),
    "ebit": ("income", "ebit"),
    "cashInterest": ("income", "cashInterest"),
    "pik": ("income", "pikInterest"),
    "undrawnFee": ("income", "undrawnFees"),
    "amortisedCosts": ("income", "amortisationOfFees"),
    "costsWrittenOff": ("income", "feesWrittenOff"),
    "interestIncome": ("income", "interestIncome"),
    "ebt": ("income", "ebt"),
    "lossesUsed": ("income", "lossesUsed"),
    "tax": ("income", "tax"),
    "netIncome": ("income", "netIncome"),
    "capitalExpenditure": ("cashFlow", "capitalExpenditure"),
    "increaseInWorkingCapital": ("cashFlow", "increaseInWorkingCapital"),
    "preferredCash": ("cashFlow", "cashPreferredDividends"),
    "cashBeforeRepayment": ("cashFlow", "cashBeforeRepayment"),
    "mandatory": ("cashFlow", "mandatoryRepayment"),
    "swept": ("cashFlow", "sweep"),
    "drawn": ("cashFlow", "revolverDrawn"),
    "openingCash": ("cashFlow", "openingCash"),
    "changeInCash": ("cashFlow", "changeInCash"),
    "cash": ("cashFlow", "closingCash"),
    "shortfall": ("cashFlow", "shortfall"),
}
SHEET: Final = {
    "cash": "cash",
    "workingCapital": "workingCapital",
    "fixedAssets": "fixedAssets",
    "goodwill": "goodwill",
    "financingCosts": "financingCosts",
    "assets": "totalAssets",
    "debt": "debt",
    "preferred": "preferred",
    "equity": "equity",
    "claims": "totalClaims",
}
TRANCHE: Final = {
    "rate": "rate",
    "opening": "opening",
    "drawn": "drawn",
    "pik": "paidInKind",
    "mandatory": "mandatory",
    "swept": "sweep",
    "closing": "closing",
}
RATIOS: Final = ("leverage", "netLeverage", "interestCover", "fixedChargeCover")


def engine(document: Facts) -> Facts:
    """The engine's numbers under the independent model's names."""
    told: Facts = document_of(value_lbo(read(document)))["valuation"]
    statements, funds = told["statements"], told["sourcesAndUses"]
    sheets = statements["balanceSheet"]

    def sheet(year: int) -> Facts:
        return {ours: sheets[theirs][year] for ours, theirs in SHEET.items()}

    years = []
    for number, credit in enumerate(told["credit"]):
        line: Facts = {}
        for ours, (statement, theirs) in LINES.items():
            series = statements[statement][theirs]
            line[ours] = None if series is None else series[number]
        line |= {each: credit[each] for each in RATIOS}
        line["balance"] = sheet(number + 1)
        added_back = statements["cashFlow"]["stockCompensation"]
        line["addedBack"] = 0.0 if added_back is None else added_back[number]
        deducted = statements["income"]["feesDeducted"]
        line["preferredDividends"] = statements["income"]["preferredDividends"][number]
        line["feesDeducted"] = 0.0 if deducted is None else deducted[number]
        years.append(line)
    tranches = {}
    for each in told["debt"]:
        name = "RECAPITALISATION" if each["kind"] is None else each["name"]
        names = [*TRANCHE]
        if each["kind"] is None:  # what is raised is no draw of a revolver
            names[names.index("drawn")] = "raised"
        rows = zip(*(each[theirs] for theirs in TRANCHE.values()), strict=True)
        tranches[name] = [dict(zip(names, row, strict=True)) for row in rows]
    return {
        "closing": {
            "enterpriseValue": funds["enterpriseValue"],
            "multiple": funds["evToEbitda"],
            "transactionFees": funds["transactionFees"],
            "financingFees": funds["financingFees"],
            "discount": funds["originalIssueDiscount"],
            "cash": funds["cashToBalanceSheet"],
            "uses": funds["total"],
            "faces": [each["amount"] for each in funds["tranches"]],
            "rollover": funds["rollover"],
            "sponsor": funds["sponsorEquity"],
            "balance": sheet(0),
        },
        "years": years,
        "tranches": tranches,
        "exit": {
            "year": told["exitYear"],
            "equity": told["exitEquity"],
            "costs": told["exitCosts"],
            "irr": told["irr"],
            "moic": told["moic"],
            "holders": _holders(told["holders"]),
        },
        "attribution": {
            "created": told["valueCreation"]["total"],
            "ebitdaGrowth": told["valueCreation"]["ebitdaGrowth"],
            "multipleExpansion": told["valueCreation"]["multipleExpansion"],
            "cross": told["valueCreation"]["cross"],
            "netDebt": told["valueCreation"]["netDebt"],
            "claimsNotCovered": told["valueCreation"]["claimsNotCovered"],
            "fees": told["valueCreation"]["fees"],
        },
        "remarks": "; ".join(f"{each['code']} {each['path']}" for each in told["remarks"]),
        "covenants": [
            {
                "measure": each["measure"],
                "limit": [year["limit"] for year in each["years"]],
                "ratio": [year["actual"] for year in each["years"]],
                "headroom": [year["headroom"] for year in each["years"]],
                "kept": [year["kept"] for year in each["years"]],
            }
            for each in told["covenants"]
        ],
    }


def _holders(told: list[Facts]) -> Facts:
    """Who has nothing of it is not named."""
    names = {"invested": "invested", "dividends": "dividend", "proceeds": "proceeds"}
    names |= {"irr": "irr", "moic": "moic"}
    spelled = {"SPONSOR": "sponsor", "ROLLOVER": "rollover", "OPTION_POOL": "optionPool"}
    return {
        spelled[each["name"]]: {ours: each[theirs] for ours, theirs in names.items()}
        for each in told
    }


def engine_exits(document: Facts) -> list[Facts]:
    """What the engine says of a sale in each year, at the multiple of the document."""
    told: list[Facts] = document_of(value_lbo(read(document)))["valuation"]["exits"]
    return told


def engine_grid(document: Facts, years: Sequence[int], multiples: Sequence[float]) -> ExitGrid:
    return exit_grid(admit(read(document)), years, np.array(multiples))


def engine_circle(document: Facts) -> list[Facts]:
    """The certificate of each year."""
    told: list[Facts] = document_of(value_lbo(read(document)))["valuation"]["circularity"]
    return told


def engine_price(document: Facts, target: float) -> float:
    return float(engines_maximum_price(admit(read(document)), target).enterprise_value)


WITNESSES: Final[dict[str, Witness]] = {"independent": lbo, "engine": engine}
PRICES: Final = {"independent": maximum_price, "engine": engine_price}
