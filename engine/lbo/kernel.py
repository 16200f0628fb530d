"""The LBO itself, written once for one deal or a batch of scenarios.

Numbers alone go through as Python floats, arrays as numpy's; nothing here asks which. Inputs that
no scenario changes stay numbers, so a grid over exit multiples runs its debt once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import Any

import numpy as np

from engine.door import Scalar, at_least, where
from engine.lbo.closing import Deal, close_deal
from engine.lbo.debt import any_of, serve
from engine.lbo.debt_year import DebtYear, YearInputs
from engine.lbo.entry import FeeTreatment
from engine.lbo.financing_costs import amortisation
from engine.lbo.forecast import Business, BusinessYear
from engine.lbo.inputs import InterestBasis, LboInputs, Recapitalisation
from engine.lbo.positions import Position
from engine.lbo.returns import Owners, PaidOut, at_exit
from engine.lbo.tranches import Tranche
from engine.schedules import Schedule


class LboOutput(StrEnum):
    """A number of an LBO that can be asked for over many scenarios."""

    IRR = "IRR"
    MOIC = "MOIC"
    EXIT_EQUITY = "EXIT_EQUITY"
    SPONSOR_EQUITY = "SPONSOR_EQUITY"


@dataclass(slots=True, eq=False)
class TrancheYear:
    """A tranche's year: (*batch) money."""

    opening: Scalar
    drawn: Scalar
    accrued: Scalar
    mandatory: Scalar
    swept: Scalar
    closing: Scalar


@dataclass(slots=True, eq=False)
class Year:
    """All that a year is made of: (*batch)."""

    business: BusinessYear
    debt: DebtYear
    tranches: list[TrancheYear]
    amortised: Scalar  # fees and discount of debt, in a straight line


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """What comes before the owners at the end of a year: (*batch) money."""

    ebitda: Scalar  # of the whole fiscal year
    debt: Scalar  # all of it, without preferred stock
    preferred: Scalar
    cash: Scalar


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A deal, from closing to the last year that was asked for."""

    deal: Deal
    claims: list[Claims]  # at the end of each year
    paid_out: PaidOut | None  # by the recapitalisation
    unsound: Any  # (*batch) whether a circular year has no solution that is certain


def run(inputs: LboInputs, years: int, keep: list[Year] | None = None) -> Course:
    """The years 1 to ``years`` of admitted inputs; ``keep``, where given, collects their lines.

    Raises nothing; scenarios with a circular year that has no certain solution are `unsound`.
    """
    timing, operations, entry = inputs.timing, inputs.operations, inputs.entry
    deal = close_deal(entry, inputs.tranches, inputs.equity.rollover)
    positions = [
        _position(tranche, face, inputs.base_rate, timing.years)
        for tranche, face in zip(inputs.tranches, deal.faces, strict=True)
    ]
    business = Business(operations, timing)
    rates, recap = operations.tax_rate.years(), inputs.recapitalisation
    sweep = None if inputs.cash.sweep is None else inputs.cash.sweep.years()
    costs = deal.costs_of_financing
    hastens = inputs.write_off_fees_on_prepayment
    if hastens:
        for position, cost in zip(positions, costs, strict=True):
            position.unamortised = cost if position.commitment is None else None
    cash = entry.cash_at_closing
    losses_left: Scalar = 0.0 if operations.losses is None else operations.losses.balance
    deducted = entry.transaction_fee_treatment is FeeTreatment.DEDUCTED
    claims: list[Claims] = []
    paid_out = None
    unsound: Any = False
    for year in range(years):
        lines = business.next(year)
        amortised, of_stock = amortisation(costs, inputs.tranches, positions, timing, year)
        end = serve(
            YearInputs(
                year=year,
                part=timing.share(year),
                cash=cash,
                ebit=lines.ebit,
                other=lines.other,
                amortised=amortised,
                amortised_stock=of_stock,
                deducted=entry.transaction_fees if deducted and year == 0 else 0.0,
                tax_rate=rates[year],
                losses=operations.losses,
                losses_left=losses_left,
                minimum=inputs.cash.minimum,
                cash_rate=inputs.cash.interest_rate,
                sweep=1.0 if sweep is None else sweep[year],
                average=inputs.interest is InterestBasis.AVERAGE,
                hastens=hastens,
            ),
            positions,
            lines=keep is not None,
        )
        cash, losses_left = end.cash, end.losses_left
        if end.certificate is not None:
            unsound = unsound | end.certificate.unsound
        if keep is not None and end.lines is not None:
            keep.append(
                Year(lines, end.lines, [_tranche_year(each) for each in positions], amortised)
            )
        if recap is not None and year + 1 == recap.year:
            paid_out = _recapitalise(recap, lines.ebitda, timing.elapsed(year))
            positions.append(_new_debt(recap, paid_out.borrowed, timing.years))
        claims.append(_claims(lines, positions, cash))
    return Course(deal, claims, paid_out, unsound)


def values(inputs: LboInputs) -> dict[str, Scalar]:
    """(*batch) every output, by its name. Wiped out: a MOIC of 0 and an IRR of -1; without a
    certain solution: NaN, which is no value to any analysis.
    """
    year = inputs.exit_year
    with np.errstate(all="ignore"):  # a return after one day may be beyond any number
        course = run(inputs, year)
        owners = owners_at(inputs, course, year, inputs.exit.ev_to_ebitda)
    found = {
        LboOutput.IRR.value: owners.irr,
        LboOutput.MOIC.value: owners.moic,
        LboOutput.EXIT_EQUITY.value: owners.exit_equity,
        LboOutput.SPONSOR_EQUITY.value: course.deal.sponsor,
    }
    if any_of(course.unsound):
        return {name: where(course.unsound, nan, value) for name, value in found.items()}
    return found


def owners_at(inputs: LboInputs, course: Course, year: int, multiple: Scalar) -> Owners:
    """What the owners have of a sale at the end of a year, counted from 1."""
    claims, paid_out = course.claims[year - 1], course.paid_out
    recap = inputs.recapitalisation
    if recap is not None and recap.year > year:
        paid_out = None
    return at_exit(
        enterprise=multiple * claims.ebitda,
        costs=inputs.exit.costs,
        net_claims=claims.debt + claims.preferred - claims.cash,
        deal=course.deal,
        option_pool=inputs.equity.option_pool,
        paid_out=paid_out,
        years=inputs.timing.elapsed(year - 1),
    )


def _position(tranche: Tranche, face: Scalar, base: Schedule | None, years: int) -> Position:
    rates = tranche.rates(base, years)
    coupon = rates
    in_kind: tuple[Scalar, ...] | None = None
    if tranche.pik_share is not None:
        premium = 0.0 if tranche.pik_premium is None else tranche.pik_premium
        pairs = list(zip(rates, tranche.pik_share.years(), strict=True))
        coupon = tuple(rate * (1.0 - share) for rate, share in pairs)
        in_kind = tuple((rate + premium) * share for rate, share in pairs)
    if tranche.pik_rate is not None:
        always = tranche.pik_rate
        in_kind = (always,) * years if in_kind is None else tuple(r + always for r in in_kind)
    return Position(
        balance=face,
        face=face,
        coupon=coupon,
        in_kind=in_kind,
        amortisation=None if tranche.amortisation is None else tranche.amortisation.years(),
        tenor=tranche.tenor,
        preferred=tranche.preferred,
        swept=tranche.is_swept,
        commitment=tranche.commitment,
        undrawn_fee=tranche.undrawn_fee,
    )


def _recapitalise(recap: Recapitalisation, ebitda: Scalar, years: float) -> PaidOut:
    if recap.amount is not None:
        borrowed = recap.amount
    else:
        assert recap.times_ebitda is not None  # noqa: S101 - the door let exactly one in
        borrowed = at_least(recap.times_ebitda * ebitda, 0.0)  # nobody lends on a loss
    return PaidOut(borrowed=borrowed, net=borrowed * (1.0 - recap.fee), years=years)


def _new_debt(recap: Recapitalisation, borrowed: Scalar, years: int) -> Position:
    return Position(
        balance=borrowed,
        face=borrowed,
        coupon=(recap.fixed_rate,) * years,
        in_kind=None,
        amortisation=None,
        tenor=None,
        preferred=False,
        swept=False,
    )


def _tranche_year(position: Position) -> TrancheYear:
    return TrancheYear(
        opening=position.opening,
        drawn=position.drawn,
        accrued=position.accrued,
        mandatory=position.mandatory,
        swept=position.paid,
        closing=position.balance,
    )


def _claims(lines: BusinessYear, positions: Sequence[Position], cash: Scalar) -> Claims:
    debt: Scalar = 0.0
    preferred: Scalar = 0.0
    for position in positions:
        if position.preferred:
            preferred = preferred + position.balance
        else:
            debt = debt + position.balance
    return Claims(lines.ebitda, debt, preferred, cash)
