"""What an LBO is made of. The groups are the schema's: a path means one thing everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from engine.door import MONEY_MAX, Bounds, Door, Scalar, Sieve, real, show
from engine.errors import Infeasible, Problem
from engine.firm.operations import Operations
from engine.lbo.closing import Deal, close_deal
from engine.lbo.covenants import COVENANTS_MOST, Covenant
from engine.lbo.debt import any_of
from engine.lbo.entry import CENT, MULTIPLE_MAX, Entry
from engine.lbo.mending import too_much_debt
from engine.lbo.timing import Timing
from engine.lbo.tranches import (
    BASE_RATE_BOUNDS,
    NAME_MOST,
    TIMES_MAX,
    TRANCHES_MOST,
    Tranche,
    check_drawn,
)
from engine.names import check_currency, folded, is_line
from engine.schedules import Schedule

INPUT_VERSION = 1


class InterestBasis(StrEnum):
    """What a year's cash interest is reckoned on.

    OPENING: the balance at the start of the year. AVERAGE: the mean of opening and closing balance,
    which the interest itself moves: solved, and certified, year by year.
    """

    OPENING = "OPENING"
    AVERAGE = "AVERAGE"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cash:
    """How much stays in the firm, what it earns, and how much of the rest repays debt."""

    minimum: Scalar = 0.0  # money
    interest_rate: Scalar = 0.0  # 1/year, earned
    sweep: Schedule | None = None  # 0 to 1, of the cash above the minimum; None: all of it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equity:
    """Who owns it beside the sponsor, whose money is the rest of the sources."""

    rollover: Scalar = 0.0  # money, at entry value, that the sellers or managers leave in
    option_pool: Scalar = 0.0  # share of the equity at exit above what was invested


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recapitalisation:
    """New debt at the end of a year, paid out to sponsor and rollover. Exactly one of ``amount``
    and ``times_ebitda`` is given. It is not amortised, not swept, and outlasts the forecast.
    """

    year: int  # from 1
    amount: Scalar | None = None  # money
    times_ebitda: Scalar | None = None  # of that year's EBITDA
    fixed_rate: Scalar  # 1/year, from the next year on
    fee: Scalar = 0.0  # share of the new debt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exit:
    """The sale at the end of a year."""

    ev_to_ebitda: Scalar  # times that fiscal year's EBITDA
    year: int | None = None  # from 1; None: the last of the forecast
    costs: Scalar = 0.0  # share of the enterprise value at exit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LboInputs:
    """Money is in one currency, in whole units; a rate is a fraction per year.

    Any number may be an array over scenarios, the batch; arrays broadcast against each other.
    """

    timing: Timing
    operations: Operations
    entry: Entry
    tranches: tuple[Tranche, ...] = ()
    base_rate: Schedule | None = None  # 1/year, that floating tranches are paid over
    cash: Cash = Cash()
    interest: InterestBasis = InterestBasis.OPENING
    # Whether fees and discount of debt that is prepaid are written off with it, not over the tenor.
    write_off_fees_on_prepayment: bool = False
    equity: Equity = Equity()
    recapitalisation: Recapitalisation | None = None
    covenants: tuple[Covenant, ...] = ()
    exit: Exit
    currency: str = "USD"  # ISO 4217, of all money here; a label, never converted

    @property
    def exit_year(self) -> int:
        """From 1: the year at whose end the firm is sold."""
        return self.timing.years if self.exit.year is None else self.exit.year

    @property
    def circular(self) -> bool:
        """Whether what is repaid in a year moves what that year costs, before tax or after it."""
        return self.interest is InterestBasis.AVERAGE or self.write_off_fees_on_prepayment


def admit(inputs: LboInputs, known: LboInputs | None = None) -> LboInputs:
    """The same inputs, checked, with every schedule year by year.

    ``known`` went through this door before: operations that are the very same object there are not
    looked at again, which is most of a scenario that changes a price or a rate.

    Raises:
        InvalidInput: with every problem, each under its path.
        Infeasible: if debt and rollover leave the sponsor nothing to pay, with what would mend it.
    """
    if inputs is known:
        return inputs
    door = Door()
    admitted = enter(door, inputs, known)
    door.close()
    deal = _deal_of(admitted)
    if any_of(_unpaid(deal)):
        problem = _too_much_debt(admitted, deal)
        raise Infeasible(problem.message, [problem])
    return admitted


def outside(inputs: LboInputs, known: LboInputs) -> npt.NDArray[np.bool_] | None:
    """(*batch) the drawn scenarios that `admit` would refuse; None where it would refuse none."""
    sieve = Sieve()
    entered = enter(sieve, inputs, known)
    if sieve.problems:  # with what has no form, nothing can be bought
        return sieve.broken
    unpaid = _unpaid(_deal_of(entered))
    if isinstance(unpaid, np.ndarray) and unpaid.any():
        return unpaid if sieve.broken is None else sieve.broken | unpaid
    return sieve.broken


def bounds(inputs: LboInputs) -> dict[str, tuple[float, float]]:
    """Between which two numbers each input has to lie, while the others are as they are."""
    door = Bounds()
    enter(door, inputs, None)
    return door.found


def enter(door: Door, inputs: LboInputs, known: LboInputs | None) -> LboInputs:
    """The same inputs, with every schedule year by year; ``door`` knows what is wrong with each of
    them. Whether they make a deal that can be paid, `admit` says.
    """
    years = inputs.timing.check(door)
    operations = inputs.operations
    same = known is not None and inputs.timing is known.timing and operations is known.operations
    if not same:
        operations = operations.admit(door, years)
    inputs.entry.check(door)
    tranches = _enter_tranches(door, inputs, years)
    base = inputs.base_rate
    if base is not None:
        base = base.admit(door, "base_rate", years, *BASE_RATE_BOUNDS)
    elif any(tranche.spread is not None for tranche in inputs.tranches):
        door.refuse(
            "base_rate",
            "MISSING",
            "A tranche floats, and there is no base rate for it to float over.",
            "Give base_rate, by level, by year or by stages; or give every tranche a fixed rate.",
        )
    cash = inputs.cash
    door.within("cash.minimum", cash.minimum, 0.0, MONEY_MAX)
    door.within("cash.interest_rate", cash.interest_rate, *BASE_RATE_BOUNDS)
    if cash.sweep is not None:
        cash = replace(cash, sweep=cash.sweep.admit(door, "cash.sweep", years, 0.0, 1.0))
    door.within("equity.rollover", inputs.equity.rollover, 0.0, MONEY_MAX)
    door.within("equity.option_pool", inputs.equity.option_pool, 0.0, 0.99)
    _check_exit(door, inputs, years)
    _check_recapitalisation(door, inputs, years)
    if len(inputs.covenants) > COVENANTS_MOST:
        door.refuse(
            "covenants",
            "TOO_LARGE",
            f"{len(inputs.covenants)} covenants are given.",
            f"Give up to {COVENANTS_MOST}.",
        )
    covenants = tuple(
        covenant.admit(door, f"covenants[{number}]", years)
        for number, covenant in enumerate(inputs.covenants[:COVENANTS_MOST])
    )
    check_currency(door, inputs.currency)
    return LboInputs(
        timing=inputs.timing,
        operations=operations,
        entry=inputs.entry,
        tranches=tranches,
        base_rate=base,
        cash=cash,
        interest=inputs.interest,
        write_off_fees_on_prepayment=inputs.write_off_fees_on_prepayment,
        equity=inputs.equity,
        recapitalisation=inputs.recapitalisation,
        covenants=covenants,
        exit=inputs.exit,
        currency=inputs.currency,
    )


def _enter_tranches(door: Door, inputs: LboInputs, years: int | None) -> tuple[Tranche, ...]:
    if len(inputs.tranches) > TRANCHES_MOST:
        door.refuse(
            "tranches",
            "TOO_LARGE",
            f"{len(inputs.tranches)} tranches are given.",
            f"Give up to {TRANCHES_MOST}.",
        )
    names: set[str] = set()
    admitted = []
    for number, tranche in enumerate(inputs.tranches[:TRANCHES_MOST]):
        path = f"tranches[{number}]"
        _check_name(door, f"{path}.name", tranche.name, names)
        before = len(door.problems)
        admitted.append(tranche.admit(door, path, years))
        if len(door.problems) == before:
            check_drawn(door, path, tranche, inputs.entry.ltm_ebitda)
    return tuple(admitted)


def _check_name(door: Door, path: str, name: str, names: set[str]) -> None:
    seen = folded(name)
    if not is_line(name, NAME_MOST):
        door.refuse(
            path,
            "WRONG_LENGTH",
            f"A name is one line of 1 to {NAME_MOST} characters.",
            "Give a name that can be read, such as Term loan B.",
        )
    elif seen in names:
        door.refuse(
            path, "CONTRADICTION", "Another tranche has this name.", "Give each a name of its own."
        )
    names.add(seen)


def _check_exit(door: Door, inputs: LboInputs, years: int | None) -> None:
    door.within("exit.ev_to_ebitda", inputs.exit.ev_to_ebitda, 0.0, MULTIPLE_MAX)
    door.within("exit.costs", inputs.exit.costs, 0.0, 0.99)
    if inputs.exit.year is not None and years is not None:
        _check_year(door, "exit.year", inputs.exit.year, years, "The exit")


def _check_year(door: Door, path: str, year: int, years: int, what: str) -> None:
    if not 1 <= year <= years:
        door.refuse(
            path,
            "OUT_OF_RANGE",
            f"{what} is in year {year}, and the forecast has the years 1 to {years}.",
            f"Give a whole year from 1 to {years}.",
        )


def _check_recapitalisation(door: Door, inputs: LboInputs, years: int | None) -> None:
    recap = inputs.recapitalisation
    if recap is None:
        return
    path = "recapitalisation"
    if years is not None:
        _check_year(door, f"{path}.year", recap.year, years, "The recapitalisation")
        if inputs.exit_year < recap.year <= years:
            door.refuse(
                f"{path}.year",
                "CONTRADICTION",
                f"The recapitalisation in year {recap.year} comes after the exit in year "
                f"{inputs.exit_year}.",
                f"Give a year up to {inputs.exit_year}, or let the exit come later.",
            )
    if (recap.amount is None) == (recap.times_ebitda is None):
        door.refuse(
            f"{path}.amount",
            "MISSING" if recap.amount is None else "CONTRADICTION",
            "Exactly one of an amount and a multiple of EBITDA has to be given.",
            f"Give {path}.amount, or {path}.times_ebitda.",
        )
    for name, high in (
        ("amount", MONEY_MAX),
        ("times_ebitda", TIMES_MAX),
        ("fixed_rate", 1.0),
        ("fee", 0.99),
    ):
        value = getattr(recap, name)
        if value is not None:
            door.within(f"{path}.{name}", value, 0.0, high)


def _deal_of(inputs: LboInputs) -> Deal:
    return close_deal(inputs.entry, inputs.tranches, inputs.equity.rollover)


def _unpaid(deal: Deal) -> npt.NDArray[np.bool_] | bool:
    """(*batch) where the sponsor, who pays the rest, has nothing to pay.

    Half a cent less than is asked for, so that whoever follows the advice is let in.
    """
    paid: npt.NDArray[np.bool_] | bool = real(deal.sponsor) >= 0.5 * CENT
    return ~paid if isinstance(paid, np.ndarray) else not paid


def _too_much_debt(inputs: LboInputs, deal: Deal) -> Problem:
    """Of a batch, of the scenario that lacks most."""
    sponsor = np.asarray(real(deal.sponsor))
    at = np.unravel_index(int(sponsor.argmin()), sponsor.shape)

    def number(value: Scalar) -> float:
        return float(np.broadcast_to(real(value), sponsor.shape)[at])

    lacks = number(deal.sponsor)
    above = f"is {show(-lacks)} above them" if lacks < 0.0 else "is all of them"
    wrong = (
        f"The sponsor would have nothing to pay: uses are {show(number(deal.uses))}, and debt "
        f"of {show(number(deal.debt))} with the rollover {above}."
    )
    mend = too_much_debt(inputs.entry, inputs.tranches, deal, CENT - lacks, number)
    return Problem("tranches", "CONTRADICTION", wrong, mend)
