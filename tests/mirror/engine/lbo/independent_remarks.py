"""What a reviewer would remark on a buyout, from the words of the specification alone."""

from __future__ import annotations

from collections.abc import Iterator

from tests.mirror.engine.lbo.independent_business import Document, Facts, by_year


def remarks(document: Document, facts: Facts) -> Iterator[str]:
    """Code and path of each, in the order in which a reader meets the inputs."""
    firm, closing, years = document["operations"], facts["closing"], facts["years"]
    many, ltm, sold = len(years), document["entry"]["ltmEbitda"], facts["exit"]
    incomes = [year["ebt"] - year["feesDeducted"] for year in years]  # what tax looks at
    if firm.get("losses") is None and min(incomes) < 0.0:
        yield "LOSS_WITHOUT_CREDIT operations"
    if firm.get("stockCompensationTreatment") == "ADD_BACK":
        yield "STOCK_COMPENSATION_ADDED_BACK operations.stock_compensation_treatment"
    if max(by_year(firm["revenueGrowth"], many)) > 1.0:
        yield "UNUSUAL_GROWTH operations.revenue_growth"
    # The base year's revenue at the margin of the first: what year 1 earns, before it grew.
    growth = by_year(firm["revenueGrowth"], many)[0]
    base = years[0]["ebitdaOfFiscalYear"] / (1.0 + growth)
    if base > 0.0 and not 0.75 * base <= ltm <= 1.25 * base:
        yield "LTM_EBITDA_APART entry.ltm_ebitda"
    if sum(closing["faces"]) / ltm > 7.0:
        yield "HIGH_LEVERAGE tranches"
    if (closing["sponsor"] + closing["rollover"]) / closing["uses"] < 0.25:
        yield "THIN_EQUITY tranches"
    if any(year["shortfall"] > 1e-12 * closing["uses"] for year in years):
        yield "SHORTFALL tranches"
    covers = [year["interestCover"] for year in years if year["interestCover"] is not None]
    if covers and min(covers) < 1.5:
        yield "THIN_INTEREST_COVER tranches"
    if any(tranche["tenor"] < sold["year"] for tranche in document["tranches"]):
        yield "DUE_BEFORE_EXIT tranches"
    for number, covenant in enumerate(facts["covenants"]):
        if not all(covenant["kept"]):
            yield f"COVENANT_BROKEN covenants[{number}]"
    again = document.get("recapitalisation") or {}
    if again.get("timesEbitda") and years[again["year"] - 1]["ebitdaOfFiscalYear"] <= 0.0:
        yield "NOTHING_LENT recapitalisation"
    if sold["beforeLimitedLiability"] < 0.0:
        yield "CLAIMS_NOT_COVERED recapitalisation"
    if document["exit"]["evToEbitda"] > (1.0 + 1e-9) * closing["multiple"]:
        yield "MULTIPLE_EXPANSION exit.ev_to_ebitda"
    if sold["irr"] is None or not 0.1 <= sold["irr"] <= 0.4:
        yield "UNUSUAL_IRR exit"
