"""A firm's operations by year, from its filings: growth, margin, tax, investment, working capital.

Averages are over the last three years at most; where one odd year would carry an average away
(growth, tax) it is the median of all years instead. What is judgement says so in its sentence.
"""

from __future__ import annotations

import re
from typing import Final

from services.assumptions import Draft, rounded, run
from services.figures import day, fiscal, listed, money, percent, plain, tenths
from services.filings import (
    WORKING_CAPITAL_LINES,
    Filings,
    middle,
    working_capital_parts,
)
from store.companies import Origin
from store.market import CorporateTax

GROWTH_CEILING: Final = 0.15  # above it, past growth says little about the next three years
ASSUMED_GROWTH: Final = 0.08  # where the filings say nothing
TAX_BOUNDS: Final = (0.0, 0.35)
ASSET_LIFE: Final = 8  # years, between servers (five or six) and buildings (thirty and more)
# By the currency of the country whose law it is.
LOSS_LIMITS: Final = {"USD": (0.8, ("the United States", "26 U.S.C. 172(a)(2)"))}
_BARE_AMOUNT: Final = re.compile(r"\b\d{1,3}(?:,\d{3})+\b")  # in the unit of the reports


def forecast(draft: Draft, filings: Filings, tax: CorporateTax, long_run: float) -> None:
    """All of ``operations``; ``long_run`` is the growth after the last year."""
    _revenue(draft, filings)
    _growth(draft, filings, long_run)
    _margin(draft, filings)
    _tax(draft, filings, tax)
    _investment(draft, filings, long_run)
    _working_capital(draft, filings)
    _stock_compensation(draft, filings)


def _revenue(draft: Draft, filings: Filings) -> None:
    company, last = filings.company, filings.last
    adjusted = filings.adjusted_in("revenue", years=[last.fiscal_year])
    draft.put(
        "operations.revenue",
        round(last.revenue),
        money(last.revenue, company.currency),
        f"Revenue of {fiscal([last.fiscal_year])}"
        + (f".{adjusted}" if adjusted else ", as reported."),
        filings.of_years("revenue"),
    )


def _growth(draft: Draft, filings: Filings, long_run: float) -> None:
    grown, last = filings.growth(), filings.last
    origin: Origin | None = None
    if grown:
        years = [min(grown) - 1, *grown]
        origin = filings.of_years("revenue", years=years)
        found = rounded(middle(grown))
        start = min(max(found, 0.0), GROWTH_CEILING)
        by_year = listed([tenths(rate) for rate in grown.values()])
        text = f"Revenue grew by {by_year} in {fiscal(list(grown))}. "
        if len(grown) == 1:
            text += "That one rate is all that the filings here say of growth. "
        else:
            first = min(grown) - 1
            compound = (last.revenue / filings.revenue_of(first)) ** (1.0 / len(grown)) - 1.0
            text += (
                f"The forecast starts from {_middle_in_words(found, len(grown))}; the compound "
                f"rate since fiscal {first}, {tenths(compound)} a year, would rest on its first "
                "and last years alone. "
            )
        if found > start:
            text += f"No start above {percent(GROWTH_CEILING)} is taken. "
        elif found < start:
            text += "A fall is not carried forward: the forecast starts flat. "
    else:
        start = ASSUMED_GROWTH
        text = (
            f"Only {fiscal([last.fiscal_year])} is {'here' if filings.sourced else 'shipped'}, so "
            f"the filings here say nothing of growth: {percent(start)} is an assumption of ours, "
            "about twice the nominal growth of a large economy, and the first input to replace by "
            "a view of your own. "
        )
    text += run(
        "Growth", start, long_run, "the terminal growth: no firm outgrows its economy for ever"
    )
    text += " Rates derived from filings are rounded to 0.01 %."
    text += filings.adjusted_in("revenue", years=years if grown else ())
    draft.put_rate("operations.revenueGrowth", start, long_run, text, origin)


def _margin(draft: Draft, filings: Filings) -> None:
    margin = rounded(filings.average(lambda year: year.ebit))
    text = f"EBIT {_averaged(filings, margin)}, and the margin is held there. "
    if len(filings.recent) == 1:
        text += (
            "One year is thin ground: a margin at its peak, or still on its way up, would mislead "
            "for ever. "
        )
    last = filings.last
    paid = last.stock_compensation
    text += "Stock compensation "
    if paid:
        text += f"({money(paid, filings.company.currency)} in {fiscal([last.fiscal_year])}) "
    text += "is a cost within EBIT and is not added back."
    used, recent = ("revenue", "operating_income"), filings.recent_years
    text += filings.adjusted_in(*used, years=recent)
    draft.put_rate("operations.ebitMargin", margin, margin, text, _of_recent(filings, *used))


def _tax(draft: Draft, filings: Filings, tax: CorporateTax) -> None:
    path, rates, statutory = "operations.taxRate", filings.effective_tax(), rounded(tax.federal)
    if not rates:
        text = (
            f"The filings here show no year whose profit was taxed, so the rate of {tax.country} "
            "is taken" + (", before state taxes." if tax.state else ".")
        )
        law = Origin(source=tax.source, as_of=tax.in_force_since)
        draft.put_rate(path, statutory, statutory, text, law)
        return
    low, high = TAX_BOUNDS
    found = rounded(middle(rates))
    start = min(max(found, low), high)
    if len(rates) == 1:
        text = f"The effective rate of {fiscal(list(rates))}: income tax over pre-tax income. "
    else:
        each = listed([tenths(rate) for rate in rates.values()])
        text = (
            f"The effective rates of {fiscal(list(rates))} were {each}. The forecast starts from "
            f"{_middle_in_words(found, len(rates))}. "
        )
    if found != start:
        text += f"It is kept within {percent(low)} and {percent(high)}. "
    text += _noted(filings, "tax")
    end = max(start, statutory)
    text += run("The rate", start, end, f"the {tax.name} of {tax.country}")
    if end > start:
        text += (
            " Credits, deferrals and deductions for stock awards may last ten years, but a "
            "perpetuity should not rest on them"
        )
        text += (
            "; state taxes are taken to offset what low-taxed profit abroad still saves."
            if tax.state
            else "."
        )
    used = ("income_tax", "pretax_income")
    text += filings.adjusted_in(*used, years=rates)
    draft.put_rate(path, start, end, text, filings.of_years(*used, years=rates))


def _investment(draft: Draft, filings: Filings, long_run: float) -> None:
    """D&A and capital expenditure: in the long run two sides of one stock of assets."""
    written_off = rounded(filings.average(lambda year: year.depreciation))
    spent = rounded(filings.average(lambda year: year.capital_expenditure))
    renewal = renewal_ratio(ASSET_LIFE, long_run)
    halfway = (written_off + spent) / 2.0
    ahead = halfway * renewal < spent  # a build-up, from which the long run has to come down
    later = rounded(halfway) if ahead else written_off
    lasting = rounded(later * renewal)

    text = f"D&A {_averaged(filings, written_off)}. {_noted(filings, 'D&A')}"
    if ahead:
        text += (
            f"Capital expenditure runs ahead of it, at {percent(spent)}, and what is built now is "
            "written off once it is in service. "
        )
    text += run(
        "The share",
        written_off,
        later,
        "halfway between the two: the long run takes more than the old assets cost and less than "
        "a build-up does",
    )
    if ahead:
        text += " The EBIT margin is held all the same, so other costs are taken to fall as much."
    used, recent = ("revenue", "depreciation_amortization"), filings.recent_years
    text += filings.adjusted_in(*used, years=recent)
    origin = _of_recent(filings, *used)
    draft.put_rate("operations.depreciation", written_off, later, text, origin)

    text = f"Capital expenditure {_averaged(filings, spent)}"
    text += f", {plain(spent / written_off)} times D&A. " if written_off else ". "
    text += _noted(filings, "capital expenditure")
    if ahead:
        text += "A build-up does not last for ever, nor is it needed as growth slows. "
    elif spent < written_off:
        text += "A firm that grows cannot for ever spend less than it writes off. "
    text += run(
        "The share",
        spent,
        lasting,
        f"{plain(renewal)} times D&A: what assets with a life of {ASSET_LIFE} years (an "
        f"assumption) need in order to grow by {percent(long_run)} a year",
    )
    used = ("revenue", "capital_expenditure")
    text += filings.adjusted_in(*used, years=recent)
    origin = _of_recent(filings, *used)
    draft.put_rate("operations.capitalExpenditure", spent, lasting, text, origin)


def renewal_ratio(life: int, growth: float) -> float:
    """Capital expenditure over straight-line D&A of assets that live ``life`` years and grow.

    D&A[t] = sum(capex[t - k] for k in 1..life) / life, so with steady growth g the ratio is
    life g / (1 - (1 + g)^-life); without growth it is 1.
    """
    return life * growth / (1.0 - (1.0 + growth) ** -life) if growth > 0.0 else 1.0


def _working_capital(draft: Draft, filings: Filings) -> None:
    path, currency = "operations.workingCapital", filings.company.currency
    shares, parts = filings.working_capital(), working_capital_parts(filings.sheet)
    if not shares or not parts:
        here = "here" if filings.sourced else "shipped"
        text = (
            f"The balance sheet that is {here} does not break working capital down. It is taken "
            "as 0, so that growth neither ties up nor frees cash."
        )
        draft.put_rate(path, 0.0, 0.0, text)
        return
    total, share = sum(parts.values()), rounded(sum(shares) / len(shares))
    owned = [f"{name} of {money(part, currency)}" for name, part in parts.items() if part >= 0.0]
    owed = [f"{name} of {money(-part, currency)}" for name, part in parts.items() if part < 0.0]
    text = (
        f"On {day(filings.sheet.as_of)} there were {listed(owned)}, less {listed(owed)}: together "
        f"{money(total, currency)}, or {percent(total / filings.last.revenue)} of the year's "
        "revenue. "
    )
    if len(shares) > 1:
        here = "are here" if filings.sourced else "are shipped"
        text += f"The average of the {len(shares)} year-ends that {here} is {percent(share)}. "
    text += "The share is held"
    text += ": customers and suppliers help to pay for growth. " if share < 0.0 else ". "
    text += "The opening balance is taken at the same share, so year 1 bears its own growth alone."
    draft.put_rate(path, share, share, text, filings.of_sheets(*WORKING_CAPITAL_LINES))


def _stock_compensation(draft: Draft, filings: Filings) -> None:
    """As a line of its own, where figures say where they are from: a cost, and never added back."""
    paid = [year for year in filings.recent if year.stock_compensation is not None]
    if not filings.sourced or not paid:
        return
    share = rounded(
        sum((year.stock_compensation or 0.0) / year.revenue for year in paid) / len(paid)
    )
    years = [year.fiscal_year for year in paid]
    verb, over = ("was", "in") if len(years) == 1 else ("averaged", "over")
    text = (
        f"Stock compensation {verb} {percent(share)} of revenue {over} {fiscal(years)}, and the "
        "share is held. It is shown as a line and counts as an expense, which EBIT is net of "
        "already: nothing is added back, since shareholders pay it by owning less."
    )
    text += filings.adjusted_in("stock_compensation", "revenue", years=years)
    origin = filings.of_years("stock_compensation", years=years)
    draft.put_rate("operations.stockCompensation", share, share, text, origin)
    draft.put(
        "operations.stockCompensationTreatment",
        "EXPENSE",
        "expense",
        "A cost like any other: pay in shares is pay.",
    )


def losses(draft: Draft, filings: Filings, law: tuple[float, tuple[str, str]] | None) -> None:
    """Losses carried forward, where the balance sheet gives them, within what a law allows."""
    balance, currency = filings.sheet.losses_carried_forward, filings.company.currency
    if not balance:
        return
    draft.put(
        "operations.losses.balance",
        round(balance),
        money(balance, currency),
        f"Losses carried forward on {day(filings.sheet.as_of)}, before tax, all of it taken to be "
        "usable.",
        filings.of_sheet("losses_carried_forward"),
    )
    if law is not None:
        share, (country, paragraph) = law
        draft.put(
            "operations.losses.limitShare",
            share,
            percent(share),
            f"What losses of the past may offset of a year's income in {country}.",
            Origin(source=paragraph),
        )


def _of_recent(filings: Filings, *lines: str) -> Origin:
    """Where the lines of the years that are averaged are from."""
    return filings.of_years(*lines, years=filings.recent_years)


def _averaged(filings: Filings, share: float) -> str:
    years = [year.fiscal_year for year in filings.recent]
    verb, over = ("was", "in") if len(years) == 1 else ("averaged", "over")
    return f"{verb} {percent(share)} of revenue {over} {fiscal(years)}"


def _middle_in_words(rate: float, of: int) -> str:
    if of == 2:
        return f"their average, {percent(rate)}"
    return f"the median, {percent(rate)}, which one unusual year does not move"


def _noted(filings: Filings, word: str) -> str:
    note = filings.note_on(word)
    unit = " (in millions)" if note and _BARE_AMOUNT.search(note) else ""
    return f"The filings' note{unit}: “{note}” " if note else ""
