"""A firm's operations by year, from its filings: growth, margin, tax, investment, working capital.

Averages are over the last three years at most; where one odd year would carry an average away
(growth, tax) it is the median of all years instead. What is judgement says so in its sentence.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from services.assumptions import Draft, rounded, run
from services.figures import day, fiscal, listed, money, percent, plain, tenths
from services.filings import Filings, middle, working_capital_parts
from store.market import CorporateTax

GROWTH_CEILING: Final = 0.15  # above it, past growth says little about the next three years
ASSUMED_GROWTH: Final = 0.08  # where the filings say nothing
TAX_BOUNDS: Final = (0.0, 0.35)
ASSET_LIFE: Final = 8  # years, between servers (five or six) and buildings (thirty and more)
_BARE_AMOUNT: Final = re.compile(r"\b\d{1,3}(?:,\d{3})+\b")  # in the unit of the reports


def forecast(draft: Draft, filings: Filings, tax: CorporateTax, long_run: float) -> None:
    """All of ``operations``; ``long_run`` is the growth after the last year."""
    _revenue(draft, filings)
    _growth(draft, filings, long_run)
    _margin(draft, filings)
    _tax(draft, filings, tax)
    _investment(draft, filings, long_run)
    _working_capital(draft, filings)


def _revenue(draft: Draft, filings: Filings) -> None:
    company, last = filings.company, filings.last
    draft.put(
        "operations.revenue",
        round(last.revenue),
        money(last.revenue, company.currency),
        f"Revenue of {fiscal([last.fiscal_year])}, as reported.",
        *filings.origin,
    )


def _growth(draft: Draft, filings: Filings, long_run: float) -> None:
    grown, last = filings.growth(), filings.last
    source: str | None
    as_of: date | None
    if grown:
        source, as_of = filings.origin
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
        source, as_of, start = None, None, ASSUMED_GROWTH
        text = (
            f"Only {fiscal([last.fiscal_year])} is shipped, so the filings here say nothing of "
            f"growth: {percent(start)} is an assumption of ours, about twice the nominal growth "
            "of a large economy, and the first input to replace by a view of your own. "
        )
    text += run(
        "Growth", start, long_run, "the terminal growth: no firm outgrows its economy for ever"
    )
    text += " Rates derived from filings are rounded to 0.01 %."
    draft.put_rate("operations.revenueGrowth", start, long_run, text, source, as_of)


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
    draft.put_rate("operations.ebitMargin", margin, margin, text, *filings.origin)


def _tax(draft: Draft, filings: Filings, tax: CorporateTax) -> None:
    path, rates, statutory = "operations.taxRate", filings.effective_tax(), rounded(tax.federal)
    if not rates:
        text = (
            f"The filings here show no year whose profit was taxed, so the rate of {tax.country} "
            "is taken, before state taxes."
        )
        draft.put_rate(path, statutory, statutory, text, tax.source, tax.in_force_since)
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
    text += run("The rate", start, end, f"the federal rate of {tax.country}")
    if end > start:
        text += (
            " Credits, deferrals and deductions for stock awards may last ten years, but a "
            "perpetuity should not rest on them; state taxes are taken to offset what low-taxed "
            "profit abroad still saves."
        )
    draft.put_rate(path, start, end, text, *filings.origin)


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
    draft.put_rate("operations.depreciation", written_off, later, text, *filings.origin)

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
    draft.put_rate("operations.capitalExpenditure", spent, lasting, text, *filings.origin)


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
        text = (
            "The balance sheet that is shipped does not break working capital down. It is taken "
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
        text += f"The average of the {len(shares)} year-ends that are shipped is {percent(share)}. "
    text += "The share is held"
    text += ": customers and suppliers help to pay for growth. " if share < 0.0 else ". "
    text += "The opening balance is taken at the same share, so year 1 bears its own growth alone."
    draft.put_rate(path, share, share, text, *filings.origin)


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
