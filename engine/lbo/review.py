"""What a reviewer would write in the margin: true of this deal, and worth a second look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.door import no_less, no_more, show
from engine.firm.operations import StockCompensation, ebit_margins
from engine.lbo.covenants import CovenantTest, CreditYear
from engine.lbo.entry import CENT
from engine.lbo.inputs import LboInputs
from engine.lbo.kernel import Course, Year, run
from engine.lbo.mending import covering_multiple
from engine.lbo.returns import Owners
from engine.remarks import Remark

# Where a reviewer starts to ask. Rules of thumb of the trade, not laws: they never change a number.
LEVERAGE_MOST = 7.0  # times LTM EBITDA, all debt and preferred stock
EQUITY_LEAST = 0.25  # of the sources
COVER_LEAST = 1.5  # EBITDA over cash interest
IRR_RANGE = (0.10, 0.40)
LTM_APART = 0.25  # of the base year's EBITDA
FASTEST = 1.0  # a firm that more than doubles in a year; more often a percentage typed as a rate

_SEARCHED = 60  # runs for a commitment that is enough


def review(
    inputs: LboInputs,
    course: Course,
    years: Sequence[Year],
    credit: Sequence[CreditYear],
    tests: Sequence[CovenantTest],
    owners: Owners,
) -> tuple[Remark, ...]:
    """In the order in which a reader meets the inputs."""
    return (
        *_on_operations(inputs, years),
        *_on_entry(inputs, course),
        *_on_debt(inputs, credit),
        *_on_covenants(tests),
        *_on_claims(inputs, course, float(owners.surplus)),
        *_on_returns(inputs, course, float(owners.irr)),
    )


def _on_operations(inputs: LboInputs, years: Sequence[Year]) -> Iterator[Remark]:
    losses = [number + 1 for number, year in enumerate(years) if year.debt.ebt < 0.0]
    if losses and inputs.operations.losses is None:
        yield Remark(
            "LOSS_WITHOUT_CREDIT",
            "operations",
            f"Income before tax is below zero in {_years(losses)}. No tax is charged there, and "
            "no credit is carried forward to later years: give operations.losses, if there is one.",
        )
    if inputs.operations.stock_compensation_treatment is StockCompensation.ADD_BACK:
        yield Remark(
            "STOCK_COMPENSATION_ADDED_BACK",
            "operations.stock_compensation_treatment",
            "Stock compensation is added back as if it cost nothing. In a private firm it is "
            "mostly paid in cash: leave it an expense, or widen the option pool.",
        )
    fastest = max(inputs.operations.revenue_growth.years())
    if fastest > FASTEST:
        yield Remark(
            "UNUSUAL_GROWTH",
            "operations.revenue_growth",
            f"Revenue grows by {fastest:.0%} in a year. If {fastest:g} % was meant, the rate is "
            f"{fastest / 100.0:g}.",
        )


def _on_entry(inputs: LboInputs, course: Course) -> Iterator[Remark]:
    operations, entry, deal = inputs.operations, inputs.entry, course.deal
    margin = ebit_margins(operations)[0] + operations.depreciation.years()[0]
    base, ltm = operations.revenue * margin, entry.ltm_ebitda
    if base > 0.0 and abs(float(ltm / base) - 1.0) > LTM_APART:
        yield Remark(
            "LTM_EBITDA_APART",
            "entry.ltm_ebitda",
            f"LTM EBITDA is {show(float(ltm))}, but the base year's revenue at the first year's "
            f"margin makes {show(float(base))}. One of them is of another year or unit.",
        )
    if deal.debt > LEVERAGE_MOST * ltm:
        yield Remark(
            "HIGH_LEVERAGE",
            "tranches",
            f"Debt and preferred stock are {deal.debt / ltm:.1f} times LTM EBITDA at closing. Few "
            f"lenders go beyond {LEVERAGE_MOST:.0f}.",
        )
    share = deal.invested / deal.uses
    if share < EQUITY_LEAST:
        yield Remark(
            "THIN_EQUITY",
            "tranches",
            f"Equity is {share:.0%} of the sources. Lenders usually ask for {EQUITY_LEAST:.0%} or "
            "more.",
        )


def _on_debt(inputs: LboInputs, credit: Sequence[CreditYear]) -> Iterator[Remark]:
    short = [year.year for year in credit if year.shortfall > 0.0]
    if short:
        worst = max(year.shortfall for year in credit)
        yield Remark(
            "SHORTFALL",
            "tranches",
            f"Cash is below its minimum in {_years(short)}, by up to {show(worst)}, and no "
            "revolver lends more. The plan needs more equity, a larger commitment or later "
            f"repayments{_enough_committed(inputs, short[-1])}.",
        )
    thin = [
        year.year
        for year in credit
        if year.interest_cover is not None and year.interest_cover < COVER_LEAST
    ]
    if thin:
        yield Remark(
            "THIN_INTEREST_COVER",
            "tranches",
            f"EBITDA is less than {COVER_LEAST:g} times cash interest in {_years(thin)}.",
        )
    early = [
        tranche.name.strip() for tranche in inputs.tranches if tranche.tenor < inputs.exit_year
    ]
    if early:
        yield Remark(
            "DUE_BEFORE_EXIT",
            "tranches",
            f"{', '.join(early)}: due before the exit in year {inputs.exit_year}, and nothing "
            "here refinances it.",
        )


def _enough_committed(inputs: LboInputs, last: int) -> str:
    """The commitment with which nothing is missing, of the first revolver that lends until the
    year ``last``: words that go on a sentence, or none.

    What it lends more bears interest, which is missing too: so the search goes on until a run with
    the number as it is told has no shortfall.
    """
    for at, tranche in enumerate(inputs.tranches):
        if not tranche.revolving or tranche.tenor <= last:
            continue
        enough, told = float(tranche.commitment or 0.0), ""
        for _ in range(_SEARCHED):
            told = no_less(enough * (1.0 + 1e-9))
            larger = replace(tranche, commitment=float(told.replace(",", "")))
            years: list[Year] = []
            tranches = (*inputs.tranches[:at], larger, *inputs.tranches[at + 1 :])
            run(replace(inputs, tranches=tranches), inputs.timing.years, years)
            missing = max(float(year.debt.shortfall) for year in years)
            if not missing > 0.0:
                return f": a tranches[{at}].commitment of {told} lends all of it"
            enough = float(larger.commitment or 0.0) + missing
    return ""


def _on_covenants(tests: Sequence[CovenantTest]) -> Iterator[Remark]:
    for number, test in enumerate(tests):
        broken = [year.year for year in test.years if not year.kept]
        if broken:
            name = test.measure.value.lower().replace("_", " ")
            yield Remark(
                "COVENANT_BROKEN",
                f"covenants[{number}]",
                f"The covenant on {name} is broken in {_years(broken)}.",
            )


def _on_claims(inputs: LboInputs, course: Course, surplus: float) -> Iterator[Remark]:
    recap, paid_out = inputs.recapitalisation, course.paid_out
    if surplus >= -0.5 * CENT or recap is None or paid_out is None:
        return  # owners who are paid nothing at all have been refused
    # As much less is enough: what is not borrowed saves its interest too.
    borrowed, mends = float(paid_out.borrowed), []
    claims = course.claims[inputs.exit_year - 1]
    owed = float(claims.debt + claims.preferred - claims.cash)
    least = covering_multiple(float(claims.ebitda), owed, float(inputs.exit.costs))
    if least is not None:
        mends.append(f"an exit multiple of {no_less(least)} or more")
    if borrowed + surplus > 0.0:
        name, one = "amount", 1.0
        if recap.times_ebitda is not None:
            name, one = "times_ebitda", borrowed / float(recap.times_ebitda)
        most = no_more((borrowed + surplus) / one)
        mends.append(f"a recapitalisation.{name} of {most} or less")
    said = " or ".join(mends)
    enough = f" {said[0].upper()}{said[1:]} leaves them all covered." if mends else ""
    yield Remark(
        "CLAIMS_NOT_COVERED",
        "recapitalisation",
        f"At the exit in year {inputs.exit_year} {show(-surplus)} is owed beyond what the firm is "
        f"sold for, and the lenders lose it: the owners have what they were paid before, and "
        f"nothing of the sale.{enough}",
    )


def _on_returns(inputs: LboInputs, course: Course, irr: float) -> Iterator[Remark]:
    paid = course.deal.price / inputs.entry.ltm_ebitda
    if inputs.exit.ev_to_ebitda > paid * (1.0 + 1e-9):
        yield Remark(
            "MULTIPLE_EXPANSION",
            "exit.ev_to_ebitda",
            f"The firm is sold at {inputs.exit.ev_to_ebitda:.1f} times EBITDA and bought at "
            f"{paid:.1f}. Part of the return is that somebody else will pay more.",
        )
    low, high = IRR_RANGE
    if not low <= irr <= high:
        yield Remark(
            "UNUSUAL_IRR",
            "exit",
            f"An IRR of {irr:.1%} is outside the usual {low:.0%} to {high:.0%}.",
        )


def _years(years: list[int]) -> str:
    named = ", ".join(str(year) for year in years[:6])
    return f"year {named}" if len(years) == 1 else f"years {named}{' …' if len(years) > 6 else ''}"
