"""Two further questions of one deal: when to sell it at which multiple, and what to pay at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.door import Door, FloatArray, no_more, power, show, told_number
from engine.errors import Infeasible, NotConverged, Problem
from engine.lbo.entry import CENT, MULTIPLE_MAX
from engine.lbo.inputs import LboInputs
from engine.lbo.kernel import Course, Year, owners_at, run
from engine.lbo.mending import beyond_numbers, dear_rates, nearest_that_mends
from engine.lbo.returns import Owners, Stake, stakes
from engine.scenarios import MAX_CELLS

IRR_BOUNDS = (0.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExitGridHolder:
    """What one of the owners has, by exit year (rows) and exit multiple (columns)."""

    name: str  # SPONSOR, ROLLOVER or OPTION_POOL
    invested: float  # money at closing
    dividend: FloatArray  # (rows,) money of the recapitalisation until then
    proceeds: FloatArray  # (rows, columns) money at exit
    moic: FloatArray | None  # (rows, columns); None: nothing was invested
    irr: FloatArray | None  # (rows, columns) 1/year; -1: wiped out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExitGrid:
    """The sponsor's return by exit year (rows) and exit multiple (columns), and each holder's."""

    years: tuple[int, ...]
    multiples: FloatArray  # (columns,)
    irr: FloatArray  # (rows, columns) 1/year; -1: wiped out
    moic: FloatArray  # (rows, columns)
    holders: tuple[ExitGridHolder, ...]  # the sponsor first


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximumPrice:
    """The most that can be paid for a return, with the debt as it is in money."""

    target: float  # 1/year
    enterprise_value: float
    ev_to_ebitda: float  # of LTM EBITDA
    sponsor_equity: float
    premium: float  # over the price as it is, as a share of it


def exit_grid(inputs: LboInputs, years: Sequence[int], multiples: FloatArray) -> ExitGrid:
    """IRR and MOIC by exit year, multiple and holder: the debt runs once, for all of them.

    ``inputs`` have passed the door.

    Raises:
        InvalidInput: for years that the forecast does not have, or multiples past the door.
        NotConverged: if a circular year has no certain solution.
        Infeasible: if a return is beyond the range of a number.
    """
    door, last = Door(), inputs.timing.years
    if not (years and multiples.size) or len(years) * multiples.size > MAX_CELLS:
        door.refuse(
            "years",
            "WRONG_LENGTH",
            f"{len(years)} years and {multiples.size} multiples make no grid.",
            f"Give at least one of each, and up to {MAX_CELLS:,} cells.",
        )
    for number, year in enumerate(years[:MAX_CELLS]):
        if not 1 <= year <= last:
            door.refuse(
                f"years[{number}]",
                "OUT_OF_RANGE",
                f"Year {year} is not in the forecast.",
                f"Give whole years from 1 to {last}.",
            )
    for number, multiple in enumerate(multiples.tolist()[:MAX_CELLS]):
        door.within(f"multiples[{number}]", multiple, 0.0, MULTIPLE_MAX)
    door.close()
    lines: list[Year] = []
    course = run(inputs, max(years), lines)
    check_certificates(inputs, lines)
    with np.errstate(all="ignore"):  # what is not finite is refused, not warned about
        sold = {year: owners_at(inputs, course, year, multiples) for year in sorted(set(years))}
    rows = [sold[year] for year in years]
    irr, moic = (np.array([getattr(row, name) for row in rows]) for name in ("irr", "moic"))
    finite = np.isfinite(irr) & np.isfinite(moic)
    if not finite.all():
        row, column = divmod(int(finite.argmin()), multiples.size)
        message, mend = beyond_number(inputs, course, years[row])
        raise Infeasible(message, [Problem(f"multiples[{column}]", "OUT_OF_RANGE", message, mend)])
    parts = {
        year: stakes(each, course.deal, inputs.equity.option_pool) for year, each in sold.items()
    }
    holders = tuple(
        _over([parts[year][at] for year in years]) for at in range(len(parts[years[0]]))
    )
    return ExitGrid(years=tuple(years), multiples=multiples, irr=irr, moic=moic, holders=holders)


def sales(inputs: LboInputs, multiples: Sequence[float]) -> list[list[Owners]]:
    """What the owners have of a sale, by multiple, then by year; a rate beyond numbers is infinite.

    ``inputs`` have passed the door, and their valuation has succeeded.
    """
    course = run(inputs, inputs.timing.years)
    with np.errstate(all="ignore"):  # such a rate is the caller's to leave out
        return [
            [owners_at(inputs, course, year + 1, multiple) for year in range(inputs.timing.years)]
            for multiple in multiples
        ]


def _over(rows: Sequence[Stake]) -> ExitGridHolder:
    """One holder's sales, a row for each year."""
    first = rows[0]
    return ExitGridHolder(
        name=first.name,
        invested=float(first.invested),
        dividend=np.array([float(each.dividend) for each in rows]),
        proceeds=np.array([each.proceeds for each in rows]),
        moic=None if first.moic is None else np.array([each.moic for each in rows]),
        irr=None if first.irr is None else np.array([each.irr for each in rows]),
    )


def maximum_price(inputs: LboInputs, target: float) -> MaximumPrice:
    """The enterprise value at which the sponsor earns ``target``, 1/year, and no more.

    Debt, fees and rollover stay as they are in money, the sponsor pays the rest, and the exit is
    the same. With Z = sponsor + rollover, X the equity at exit, D the dividend, p the option pool,
    v = 1 / (1 + target): Z = D v^t + (X - p max(0, X - Z)) v^T, which is solved for Z as it stands.

    Raises:
        InvalidInput: for a target past the door.
        Infeasible: if no price above zero returns so much.
    """
    door = Door()
    door.within("target_irr", target, *IRR_BOUNDS)
    door.close()
    lines: list[Year] = []
    course = run(inputs, inputs.exit_year, lines)
    check_certificates(inputs, lines)
    deal = course.deal
    sponsor = _sponsors_most(inputs, course, target)
    price = float(deal.price) + sponsor - float(deal.sponsor)
    if not (sponsor > 0.0 and price > 0.0):
        raise _no_price(inputs, course, target, sponsor, price)
    return MaximumPrice(
        target=target,
        enterprise_value=price,
        ev_to_ebitda=price / float(inputs.entry.ltm_ebitda),
        sponsor_equity=sponsor,
        premium=price / float(deal.price) - 1.0,
    )


def _sponsors_most(inputs: LboInputs, course: Course, target: float) -> float:
    """Money that the sponsor may put in for a return, 1/year: the less, the higher that is."""
    year = inputs.exit_year
    with np.errstate(all="ignore"):  # the return as it is may be beyond the range of a number
        owners = owners_at(inputs, course, year, inputs.exit.ev_to_ebitda)
    v = 1.0 / (1.0 + target)
    last = float(power(v, inputs.timing.elapsed(year - 1)))
    early = 0.0
    if course.paid_out is not None:
        early = float(course.paid_out.net) * float(power(v, course.paid_out.years))
    pool, equity = float(inputs.equity.option_pool), float(owners.exit_equity)
    invested = (early + (1.0 - pool) * equity * last) / (1.0 - pool * last)
    if invested > equity:  # the options are worth nothing
        invested = early + equity * last
    return invested - float(course.deal.rollover)


def _no_price(
    inputs: LboInputs, course: Course, target: float, sponsor: float, price: float
) -> Infeasible:
    """With what would have to be lower for that return, and the highest that there is a price for.

    A price is what the sponsor may put in, with the debt and the rollover, less the other uses: so
    it lacks fees that are lower, and the sponsor's part a rollover that is.
    """
    deal = course.deal
    rollover, least = float(deal.rollover), max(0.0, float(deal.sponsor) - float(deal.price))
    message = (
        f"No price returns {target:.1%} a year: the equity at exit is worth "
        f"{show(sponsor + rollover)} today at that rate, and the rollover alone is "
        f"{show(rollover)}."
        if sponsor <= 0.0
        else f"No price above zero returns {target:.1%} a year: it would be {show(price)}."
    )
    lower = _lower(inputs, course, target)
    most = nearest_that_mends(
        lambda asked: _sponsors_most(inputs, course, asked) > least, target, 0.0
    )
    if most is not None:
        also = f", or for {target:.1%} lower {lower}" if lower else ""
        mend = f"Ask for {no_more(most)} or less{also}."
    else:
        mend = f"For {target:.1%} lower {lower}." if lower else "The exit has to bring more."
        mend += " As it is, no return above 0 has a price."
    return Infeasible(message, [Problem("target_irr", "OUT_OF_RANGE", message, mend)])


def _lower(inputs: LboInputs, course: Course, target: float) -> str:
    """Fees and rollover with which there is a price for a return; nothing where they do not help.

    Fees that are deducted save tax, so with lower ones the exit brings less: they are tried.
    """
    mends, fees = [], float(inputs.entry.transaction_fees)

    def at(fees: float) -> tuple[float, float]:
        """Of the sponsor and of the price, money that the target allows with other fees."""
        other = run(
            replace(inputs, entry=replace(inputs.entry, transaction_fees=fees)), inputs.exit_year
        )
        most = _sponsors_most(inputs, other, target)
        return most, float(other.deal.price) + most - float(other.deal.sponsor)

    sponsor, price = at(fees)
    if price <= 0.0:
        low = nearest_that_mends(lambda fees: at(fees)[1] >= CENT, fees, 0.0)
        if low is None:
            return ""
        told = no_more(low)
        mends.append(f"entry.transaction_fees to {told} or less")
        sponsor = at(told_number(told))[0]
    if sponsor < CENT:
        rollover = float(course.deal.rollover) + sponsor - CENT
        if rollover < 0.0:
            return ""
        mends.append(f"equity.rollover to {no_more(rollover)} or less")
    return " and ".join(mends)


def beyond_number(inputs: LboInputs, course: Course, year: int) -> tuple[str, str]:
    """What is said of a sale at the end of ``year``, from 1, whose return no number holds."""
    claims = course.claims[year - 1]
    owed = float(claims.debt + claims.preferred - claims.cash)
    years = inputs.timing.elapsed(year - 1)
    message = (
        f"The return of a sale at the end of year {year}, {years:.3g} years after the closing, is "
        "beyond the range of a number."
    )
    kept = 1.0 - float(inputs.exit.costs)
    return message, beyond_numbers(
        float(course.deal.invested), float(claims.ebitda), owed, kept, years
    )


def check_certificates(inputs: LboInputs, years: Sequence[Year]) -> None:
    """That each year of average interest has its one solution.

    Raises:
        NotConverged: with the first year that has not, and what would be certain.
    """
    for number, year in enumerate(years):
        certificate = year.debt.certificate
        if certificate is None or not bool(certificate.unsound):
            continue
        steep, missed = float(certificate.contraction), float(certificate.residual)
        hastened = inputs.write_off_fees_on_prepayment
        why = (
            "a rate is so high that interest on it can move the debt by more than itself "
            f"(the equation's steepness is {steep:.3g}, and has to be below 1)."
            if steep >= 1.0
            else f"after {certificate.iterations} steps it is still {missed:.1e} of the year's "
            "money apart."
        )
        message = (
            f"Interest on average balances has no certain solution in year {number + 1}: {why}"
        )
        mend, dear = dear_rates(inputs.tranches, inputs.base_rate, inputs.timing, hastened=hastened)
        problem = Problem("interest", "OUT_OF_RANGE", message, mend)
        raise NotConverged(message, [problem, *dear])
