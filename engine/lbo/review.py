"""What a reviewer would write in the margin: true of this deal, and worth a second look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.door import MONEY_MAX, Scalar, no_less, no_more, show, told_number
from engine.firm.operations import ebit_margins
from engine.lbo.covenants import CovenantTest, CreditYear
from engine.lbo.entry import CENT, FeeTreatment
from engine.lbo.inputs import LboInputs
from engine.lbo.kernel import Course, Year, owners_at, run
from engine.lbo.mending import covering_multiple, told_that_mends
from engine.lbo.returns import Owners
from engine.paths import Names, replaced, value_at
from engine.remarks import Remark, in_years

# Where a reviewer starts to ask. Rules of thumb of the trade, not laws: they never change a number.
LEVERAGE_MOST = 7.0  # times LTM EBITDA, all debt and preferred stock
EQUITY_LEAST = 0.25  # of the sources
COVER_LEAST = 1.5  # EBITDA over cash interest
IRR_RANGE = (0.10, 0.40)
LTM_APART = 0.25  # of the base year's EBITDA
FASTEST = 1.0  # a firm that more than doubles in a year; more often a percentage typed as a rate

# More than is committed, of what is missing: from an eighth, in steps small enough not to pass over
# the few commitments that are enough where what is lent comes due within the forecast.
_MORE = 2.0 ** np.arange(-3.0, 16.0, 1.0 / 16.0)
_DUST = 1e-12  # of the uses: less than that is missing by rounding alone


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
        *_on_debt(inputs, course, credit),
        *_on_covenants(tests),
        *_on_recapitalisation(inputs, course),
        *_on_claims(inputs, course, float(owners.surplus)),
        *_on_returns(inputs, course, float(owners.irr)),
    )


def _on_operations(inputs: LboInputs, years: Sequence[Year]) -> Iterator[Remark]:
    incomes, less = [float(year.debt.ebt) for year in years], ""
    if inputs.entry.transaction_fee_treatment is FeeTreatment.DEDUCTED and incomes[0] >= 0.0:
        incomes[0] -= float(inputs.entry.transaction_fees)
        less = ", less the transaction fees that are deducted," if incomes[0] < 0.0 else ""
    losses = [number + 1 for number, income in enumerate(incomes) if income < 0.0]
    if losses and inputs.operations.losses is None:
        yield Remark(
            "LOSS_WITHOUT_CREDIT",
            "operations",
            f"Income before tax{less} is below zero in {in_years(losses)}. No tax is charged "
            "there, and no credit is carried forward to later years: give operations.losses, if "
            "there is one.",
        )
    if inputs.operations.adds_back:
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


def _on_debt(inputs: LboInputs, course: Course, credit: Sequence[CreditYear]) -> Iterator[Remark]:
    short = [year.year for year in credit if year.shortfall > _DUST * course.deal.uses]
    if short:
        worst = max(year.shortfall for year in credit)
        yield Remark(
            "SHORTFALL",
            "tranches",
            f"Cash is below its minimum in {in_years(short)}, by up to {show(worst)}, and no "
            f"revolver lends more. The plan needs {_enough(inputs, short[-1], worst)}.",
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
            f"EBITDA is less than {COVER_LEAST:g} times cash interest in {in_years(thin)}.",
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


def _enough(inputs: LboInputs, last: int, missing: float) -> str:
    """What a plan needs that is ``missing`` money, last in the year ``last``: with the least
    commitment that lends all of it, of the first revolver that lends beyond that year.

    What it lends more bears interest, which is missing too, and may spare interest on dearer debt:
    so every commitment is tried on the deal as a whole.
    """
    lending = [
        f"tranches[{at}].commitment"
        for at, tranche in enumerate(inputs.tranches)
        if tranche.revolving and tranche.tenor > last
    ]
    if not lending:
        return f"more equity, later repayments, or a revolver that still lends in year {last}"
    path = lending[0]
    told = _least_commitment(inputs, path, missing)
    if told is None:  # what it lends more costs more than there is
        return "more equity or later repayments"
    lends = f": a {path} of {told} lends all of it"
    larger = replaced(inputs, {path: told_number(told)})
    owners = _sold(larger, run(larger, inputs.exit_year))
    if owners.exit_equity > 0.0:
        return f"more equity, a larger commitment or later repayments{lends}"
    return f"more equity or later repayments{lends}, but leaves the owners nothing at the exit"


def _least_commitment(inputs: LboInputs, path: str, missing: float) -> str | None:
    """The least commitment with which nothing is missing in any year, as it is told."""

    def enough(committed: Scalar) -> Any:
        years: list[Year] = []
        course = run(replaced(inputs, {path: committed}), inputs.timing.years, years)
        short: Any = course.unsound
        for year in years:
            short = short | (year.debt.shortfall > _DUST * course.deal.uses)
        return np.logical_not(short)

    given = value_at(Names(inputs), path)
    candidates = given + missing * _MORE
    found = enough(candidates) & (candidates <= MONEY_MAX)
    if not found.any():
        return None
    first = int(found.argmax())
    wrong = float(candidates[first - 1]) if first else given
    return told_that_mends(lambda one: bool(enough(one)), wrong, float(candidates[first]), no_less)


def _on_recapitalisation(inputs: LboInputs, course: Course) -> Iterator[Remark]:
    recap, paid_out = inputs.recapitalisation, course.paid_out
    if recap is not None and recap.times_ebitda and paid_out and not paid_out.borrowed > 0.0:
        yield Remark(
            "NOTHING_LENT",
            "recapitalisation",
            f"EBITDA of year {recap.year} is not above zero, so that no multiple of it is lent: "
            "give recapitalisation.amount, or another year.",
        )


def _on_covenants(tests: Sequence[CovenantTest]) -> Iterator[Remark]:
    for number, test in enumerate(tests):
        broken = [year.year for year in test.years if not year.kept]
        if broken:
            name = test.measure.value.lower().replace("_", " ")
            yield Remark(
                "COVENANT_BROKEN",
                f"covenants[{number}]",
                f"The covenant on {name} is broken in {in_years(broken)}.",
            )


def _on_claims(inputs: LboInputs, course: Course, surplus: float) -> Iterator[Remark]:
    recap, paid_out = inputs.recapitalisation, course.paid_out
    if surplus >= -0.5 * CENT or recap is None or paid_out is None:
        return  # owners who are paid nothing at all have been refused
    mends = []
    claims = course.claims[inputs.exit_year - 1]
    owed = float(claims.debt + claims.preferred - claims.cash)
    least = covering_multiple(float(claims.ebitda), owed, float(inputs.exit.costs))
    if least is not None:
        mends.append(f"an exit multiple of {no_less(least)} or more")
    sized = "amount" if recap.times_ebitda is None else "times_ebitda"
    most = _most_borrowed(inputs, f"recapitalisation.{sized}", float(getattr(recap, sized)))
    if most is not None:
        mends.append(f"a recapitalisation.{sized} of {most} or less")
    said = " or ".join(mends)
    enough = f" {said[0].upper()}{said[1:]} leaves them all covered." if mends else ""
    yield Remark(
        "CLAIMS_NOT_COVERED",
        "recapitalisation",
        f"At the exit in year {inputs.exit_year} the firm owes {show(-surplus)} more than it is "
        f"sold for, and the lenders lose it: the owners have what they were paid before, and "
        f"nothing of the sale.{enough}",
    )


def _most_borrowed(inputs: LboInputs, path: str, given: float) -> str | None:
    """The most to borrow again with which the exit covers every claim, as it is told; None where
    next to nothing does not leave them covered either.

    What is not borrowed saves its interest too: so it is tried on the deal as a whole.
    """

    def covered(size: float) -> bool:
        smaller = replaced(inputs, {path: size})
        course = run(smaller, inputs.exit_year)
        return bool(_sold(smaller, course).surplus >= 0.0) and not course.unsound

    return told_that_mends(covered, given, 1e-6 * given, no_more)


def _sold(inputs: LboInputs, course: Course) -> Owners:
    return owners_at(inputs, course, inputs.exit_year, inputs.exit.ev_to_ebitda)


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
