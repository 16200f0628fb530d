"""What is let in: inputs that are sound each by itself, of a deal that can be closed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.door import Bounds, Door, Scalar, Sieve, real, show
from engine.errors import Infeasible, Problem, any_of
from engine.merger.inputs import MergerInputs, enter
from engine.merger.kernel import Deal, close
from engine.merger.mending import (
    enough_money,
    enough_price,
    fewer_assets,
    new_debt_of,
)

# Of the money at stake: what rounding may leave of two sums that are equal.
_ROUNDING = 1e-9


def admit(inputs: MergerInputs, known: MergerInputs | None = None) -> MergerInputs:
    """The same inputs, checked, with every schedule year by year.

    ``known`` went through this door before.

    Raises:
        InvalidInput: with every problem, each under its path.
        Infeasible: if the deal cannot be closed, with the number that would mend it.
    """
    if inputs is known:
        return inputs
    door = Door()
    admitted = enter(door, inputs, known)
    door.close()
    with np.errstate(all="ignore"):
        problems = list(_infeasible(admitted, close(admitted)))
    if problems:
        raise Infeasible(problems[0].message, problems)
    return admitted


def outside(inputs: MergerInputs, known: MergerInputs) -> npt.NDArray[np.bool_] | None:
    """(*batch) the drawn scenarios that `admit` would refuse; None where it would refuse none."""
    sieve = Sieve()
    entered = enter(sieve, inputs, known)
    if sieve.problems:  # with what has no form, no scenario can be closed
        return sieve.broken
    with np.errstate(all="ignore"):
        deal = close(entered)
        for broken in (_unpaid(deal), _bargain(deal), _no_earnings(entered)):
            if isinstance(broken, np.ndarray) and broken.any():
                sieve.broken = broken if sieve.broken is None else sieve.broken | broken
    return sieve.broken


def bounds(inputs: MergerInputs) -> dict[str, tuple[float, float]]:
    """Between which two numbers each input has to lie, while the others are as they are."""
    door = Bounds()
    enter(door, inputs, None)
    return door.found


def _unpaid(deal: Deal) -> npt.NDArray[np.bool_] | bool:
    """Where less money comes in than goes out."""
    missing: npt.NDArray[np.bool_] | bool = real(deal.funding.missing) > _ROUNDING * real(
        deal.price
    )
    return missing


def _bargain(deal: Deal) -> npt.NDArray[np.bool_] | bool:
    """Where more net assets are bought than are paid for."""
    negative: npt.NDArray[np.bool_] | bool = real(deal.goodwill) < -_ROUNDING * real(deal.price)
    return negative


def _no_earnings(inputs: MergerInputs) -> npt.NDArray[np.bool_] | bool:
    nothing: npt.NDArray[np.bool_] | bool = real(inputs.buyer.net_income(0)) == 0.0
    return nothing


def _infeasible(inputs: MergerInputs, deal: Deal) -> Iterator[Problem]:
    """What keeps the deal from being closed; of a batch what is worst."""
    if np.any(_unpaid(deal)):
        missing = _worst(deal.funding.missing)
        yield Problem(
            "financing.new_debt",
            "MISSING",
            f"The sources are below the uses by {show(missing)}: there is no new debt that could "
            "pay for it.",
            enough_money(inputs, deal, missing)
            if _alone(deal)
            else any_of([new_debt_of(missing), "use more cash", "pay more in shares"]),
        )
    if np.any(_bargain(deal)):
        gap = _worst(-deal.goodwill)
        yield Problem(
            "allocation",
            "CONTRADICTION",
            f"The net assets at their fair values exceed the price by {show(gap)}: the goodwill "
            "would be below zero.",
            enough_price(inputs, deal, gap)
            if _alone(deal)
            else any_of([fewer_assets(inputs, gap)]),
        )
    nothing = _no_earnings(inputs)
    if np.any(nothing):
        ebitda = real(inputs.buyer.ebitda(0))
        spent = float(np.broadcast_to(ebitda, np.shape(nothing))[nothing][0])
        yield Problem(
            "acquirer.statements.ebitda[0]",
            "OUT_OF_RANGE",
            "The acquirer by itself earns exactly nothing in year 1, so no accretion is a share of "
            "it.",
            f"Year 1's EBITDA is just its depreciation and interest, {show(spent)}: give another.",
        )


def _alone(deal: Deal) -> bool:
    """Whether there is one deal to speak of."""
    numbers = (deal.equity_price, deal.goodwill, deal.cash_need, deal.target_debt)
    return all(isinstance(number, float | int) for number in numbers)


def _worst(value: Scalar) -> float:
    return float(np.max(np.asarray(real(value))))
