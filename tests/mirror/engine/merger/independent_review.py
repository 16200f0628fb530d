"""What a reviewer would write of a merger, and what its grid holds: as the other witness has it."""

from __future__ import annotations

from tests.mirror.engine.lbo.independent_business import Document, by_year
from tests.mirror.engine.merger.independent_firms import amount, lag, stand_alone
from tests.mirror.engine.merger.independent_merger import merger


def accretion_at(document: Document, premium: float, mix: float) -> float:
    """Of year 1, at a premium of which a share is paid in stock."""
    financing = {**document["financing"], "stockShare": mix}
    told = merger({**document, "offer": {"premium": premium}, "financing": financing})
    return float(told["perShare"]["accretion"][0])


def remarks_on(document: Document) -> set[str]:
    """The codes of all remarks that are due, by the rules of the page of formulas."""
    told, whole = merger(document), [1.0] * document["timing"]["years"]
    target = stand_alone(document["target"], whole, lag(document["timing"]))
    profits = stand_alone(document["acquirer"], whole)["preTaxProfit"] + target["preTaxProfit"]
    covers = [each for each in told["leverage"]["interestCover"] if each is not None]
    allocation, value = told["allocation"], told["valueCreation"]
    joined = document.get("synergies") or {}
    last = told["years"]["synergies"][-1] / told["years"]["parts"][-1]
    terms, owed = document.get("financing") or {}, amount(document["target"]["balance"], "debt")
    bonds = document["target"]["shares"].get("convertibles") or []
    all_owed = owed + sum(bond["faceValue"] for bond in bonds)
    repays = 1.0 if terms.get("refinanced") is None else terms["refinanced"]
    given = terms.get("targetDebtRate")
    # Net of income on cash, which earns no more than the debt costs.
    ended = told["financing"]["ended"]
    ending = ended - amount(document["target"]["balance"], "cash")
    net_leverage = told["leverage"]["netAtClosing"]
    due = {
        "STAND_ALONE_LOSS": min(told["perShare"]["standAlone"]) < 0.0,
        "LOSS_SAVES_TAX": min(profits) < 0.0,
        "INTEREST_IS_INCOME": given is None
        and told["financing"]["refinanced"] > 0.0
        and min(target["interest"]) < 0.0,
        "DEBT_WITHOUT_INTEREST": given is None
        and repays * owed > 0.0
        and 0.0 in target["interest"],
        "SAVED_ABOVE_PAID": given is not None
        and ended > 0.0
        and given * ending > min(target["interest"]),
        "INTEREST_BEYOND_DEBT": repays > 0.0 and max(target["interest"]) > 0.25 * all_owed,
        "OFFER_BELOW_MARKET": told["offer"]["premium"] < 0.0,
        "HIGH_PREMIUM": told["offer"]["premium"] > 0.6,
        "HIGH_LEVERAGE": net_leverage is not None and net_leverage > 4.0,
        "EQUITY_BELOW_ZERO": told["closing"]["equity"] < 0.0,
        "LOW_INTEREST_COVER": bool(covers) and min(covers) < 3.0,
        "CASH_RUNS_OUT": min(told["books"]["sheets"]["cash"]) < 0.0,
        "NOTHING_WRITTEN_UP": allocation["writeUps"] == 0.0,
        "MOSTLY_GOODWILL": allocation["writeUps"] > 0.0
        and allocation["goodwill"] > 0.8 * allocation["price"],
        "BOLD_SYNERGIES": last > 0.15 * target["revenue"][-1],
        "SYNERGIES_COST_NOTHING": value["synergies"] > 0.0
        and by_year(joined.get("costsToAchieve"), 1, without=-1.0)[0] < 0.0,
        "VALUE_DESTROYED": value["left"] < 0.0,
        "RETURN_BELOW_COST": told["roic"][-1] < document["wacc"],
    }
    return {code for code, is_due in due.items() if is_due}
