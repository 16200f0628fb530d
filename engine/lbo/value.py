"""The verb: what a buyout returns, and every step of the way to the number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.door import no_less, show
from engine.errors import Infeasible, Problem
from engine.lbo.attribution import created
from engine.lbo.covenants import covenant_test, credit_year
from engine.lbo.document import (
    CircularYear,
    ExitYear,
    Holder,
    LboValuation,
    SourcesAndUses,
    TrancheSource,
)
from engine.lbo.entry import MULTIPLE_MAX
from engine.lbo.inputs import LboInputs, admit, outside
from engine.lbo.kernel import Course, LboOutput, Year, owners_at, run, values
from engine.lbo.mending import nearest_that_mends, wiped_out
from engine.lbo.price import beyond_number, check_certificates
from engine.lbo.returns import Owners, stakes
from engine.lbo.review import review
from engine.lbo.statements import lenders_view, schedules, state
from engine.paths import replaced
from engine.questions import Questions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LboResult:
    """``inputs`` are as admitted: schedules year by year."""

    inputs: LboInputs
    valuation: LboValuation


_SOME: Final = 1e-9  # of a price: more than is lost in its rounding

lbo_question: Final = Questions(LboOutput, admit, values, outside)


def value_lbo(inputs: LboInputs) -> LboResult:
    """Value one buyout. Every number of ``inputs`` is a number alone.

    Raises:
        InvalidInput: with every problem of the inputs.
        NotConverged: if a circular year has no certain solution.
        Infeasible: if the owners are wiped out at exit, with the multiple that would leave
            something; or if a value leaves the range of a double.
    """
    with np.errstate(all="ignore"):  # what is not finite is refused, not warned about
        return _value(admit(inputs))


def _value(admitted: LboInputs) -> LboResult:
    years: list[Year] = []
    course = run(admitted, admitted.timing.years, years)
    check_certificates(admitted, years)
    owners = owners_at(admitted, course, admitted.exit_year, admitted.exit.ev_to_ebitda)
    _check_worth(admitted, course, owners)
    statements = state(admitted, course, years)
    flows = lenders_view(course, statements)
    credit = tuple(credit_year(number + 1, each) for number, each in enumerate(flows))
    tests = tuple(covenant_test(each, credit, flows) for each in admitted.covenants)
    sources = _sources(admitted, course)
    timing = admitted.timing
    valuation = LboValuation(
        irr=float(owners.irr),
        moic=float(owners.moic),
        exit_equity=float(owners.exit_equity),
        sponsor_equity=float(course.deal.sponsor),
        stub_share=None if timing.fiscal_year_end is None else timing.stub,
        exit_year=admitted.exit_year,
        sources_and_uses=sources,
        statements=statements,
        debt=schedules(admitted, course, years),
        credit=credit,
        covenants=tests,
        circularity=_circularity(admitted, years),
        exits=tuple(_exit(admitted, course, year + 1) for year in range(timing.years)),
        exit_costs=float(owners.exit_costs),
        holders=_holders(admitted, course, owners),
        value_creation=created(admitted, course, owners),
        remarks=review(admitted, course, years, credit, tests, owners),
    )
    return LboResult(inputs=admitted, valuation=valuation)


def _check_worth(inputs: LboInputs, course: Course, owners: Owners) -> None:
    year, multiple = inputs.exit_year, float(inputs.exit.ev_to_ebitda)
    if not (math.isfinite(owners.irr) and math.isfinite(owners.surplus)):
        message, mend = beyond_number(inputs, course, year)
        raise Infeasible(message, [Problem("exit.ev_to_ebitda", "OUT_OF_RANGE", message, mend)])
    if owners.exit_equity > 0.0 or owners.dividend > 0.0:
        return
    claims = course.claims[year - 1]
    ebitda, owed = float(claims.ebitda), float(claims.debt + claims.preferred - claims.cash)
    price, costs, spent = float(owners.enterprise), float(inputs.exit.costs), owners.exit_costs
    taken = f", of which exit costs take {show(float(spent))}" if spent > 0.0 else ""
    sold = f"the firm is sold for {show(price + 0.0)}{taken}, and owes {show(owed)} net of cash."
    if price < 0.0 <= owed:
        sold = (
            f"the firm owes {show(owed)} net of cash; EBITDA of that year is below zero, so nobody "
            "pays for the firm."
        )
    elif price < 0.0:
        sold = (
            f"EBITDA of that year is below zero, so at this multiple it costs {show(-price)} to be "
            f"rid of the firm, and its cash is {show(-owed)} above what it owes."
        )
    message = "The owners are wiped out, and there is no rate of return: "
    message += f"at the end of year {year} {sold}"
    path, mend = wiped_out(multiple, ebitda, owed, costs) or _better_margin(inputs, course)
    raise Infeasible(message, [Problem(path, "OUT_OF_RANGE", message, mend)])


def _better_margin(inputs: LboInputs, course: Course) -> tuple[str, str]:
    """Where no multiple helps, the least margin that does: of the year of the exit, or of all.

    A better margin brings cash until then as well, so each is tried on the deal as a whole.
    """
    operations, at = inputs.operations, inputs.exit_year - 1
    ebitda = operations.ebitda_margin
    name = "ebit_margin" if ebitda is None else "ebitda_margin"
    margins = operations.ebit_margin if ebitda is None else ebitda
    assert margins is not None  # noqa: S101 - the door let exactly one in
    sold, also = inputs.exit, ""
    if not sold.ev_to_ebitda > 0.0:  # then earnings bring nothing: at the price that was paid
        paid = float(course.deal.price) / float(inputs.entry.ltm_ebitda)
        sold = replace(sold, ev_to_ebitda=min(max(1.0, round(paid, 2)), MULTIPLE_MAX))
        also = f"exit.ev_to_ebitda of {show(float(sold.ev_to_ebitda))}, and "
    name, last = f"operations.{name}", inputs.timing.years
    for path, years, when in ((f"{name}[{at}]", (at,), ""), (name, range(last), " in every year")):

        def mended(margin: float, years: Iterable[int] = years) -> bool:
            better = replaced(inputs, {f"{name}[{year}]": margin for year in years})
            course = run(better, last)
            owners = owners_at(better, course, at + 1, sold.ev_to_ebitda)
            left, price = float(owners.surplus), float(owners.enterprise)
            return left > _SOME * abs(price) and not course.unsound

        least = nearest_that_mends(mended, float(margins.years()[at]), 1.0)
        if least is not None:
            return path, f"Give {also}{path} of {no_less(least)} or more{when}, or less debt."
    return "tranches", "No multiple and no margin that is allowed helps: lower the debt."


def _sources(inputs: LboInputs, course: Course) -> SourcesAndUses:
    deal, entry = course.deal, inputs.entry
    ltm, total = float(entry.ltm_ebitda), float(deal.uses)
    fees, discounts = map(float, deal.financing_fees), map(float, deal.discounts)
    tranches = tuple(
        TrancheSource(
            name=tranche.name.strip(),
            kind=tranche.kind,
            amount=float(face),
            times_ebitda=float(face) / ltm,
            share=float(face) / total,
            financing_fee=fee,
            original_issue_discount=discount,
        )
        for tranche, face, fee, discount in zip(
            inputs.tranches, deal.faces, fees, discounts, strict=True
        )
    )
    return SourcesAndUses(
        enterprise_value=float(deal.price),
        ev_to_ebitda=float(deal.price) / ltm,
        transaction_fees=float(entry.transaction_fees),
        financing_fees=math.fsum(each.financing_fee for each in tranches),
        original_issue_discount=math.fsum(each.original_issue_discount for each in tranches),
        cash_to_balance_sheet=float(entry.cash_at_closing),
        total=total,
        tranches=tranches,
        rollover=float(deal.rollover),
        sponsor_equity=float(deal.sponsor),
        equity_share=float(deal.invested) / total,
    )


def _circularity(inputs: LboInputs, years: Sequence[Year]) -> tuple[CircularYear, ...] | None:
    if not inputs.circular:
        return None
    return tuple(
        CircularYear(
            year=number + 1,
            iterations=certificate.iterations,
            residual=float(certificate.residual),
            contraction=float(certificate.contraction),
        )
        for number, year in enumerate(years)
        if (certificate := year.debt.certificate) is not None
    )


def _exit(inputs: LboInputs, course: Course, year: int) -> ExitYear:
    owners, claims = owners_at(inputs, course, year, inputs.exit.ev_to_ebitda), course.claims
    at = claims[year - 1]
    return ExitYear(
        year=year,
        enterprise_value=float(owners.enterprise),
        net_debt=float(at.debt + at.preferred - at.cash),
        equity=float(owners.exit_equity),
        moic=float(owners.moic),
        irr=float(owners.irr) if math.isfinite(owners.irr) else None,
        holders=_holders(inputs, course, owners),
    )


def _holders(inputs: LboInputs, course: Course, owners: Owners) -> tuple[Holder, ...]:
    return tuple(
        Holder(
            name=each.name,
            invested=float(each.invested),
            dividend=float(each.dividend),
            proceeds=float(each.proceeds),
            moic=None if each.moic is None else float(each.moic),
            irr=None if each.irr is None or not math.isfinite(each.irr) else float(each.irr),
        )
        for each in stakes(owners, course.deal, inputs.equity.option_pool)
    )
