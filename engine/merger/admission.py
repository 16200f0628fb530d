"""What is let in: inputs that are sound each by itself, of a deal that can be closed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.door import Door, Scalar, Sieve, real, show
from engine.errors import Infeasible, Problem
from engine.firm.dilution import share_out
from engine.merger.inputs import MergerInputs, enter
from engine.merger.kernel import Deal, close
from engine.merger.parties import Party

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
            f"Give financing.new_debt, or {show(missing)} more of financing.balance_sheet_cash, or "
            "pay more of the price in shares.",
        )
    if np.any(_bargain(deal)):
        gap = _worst(-deal.goodwill)
        yield Problem(
            "allocation",
            "CONTRADICTION",
            f"The net assets at their fair values exceed the price by {show(gap)}: the goodwill "
            "would be below zero.",
            f"Bring the net assets down by {show(gap)} after deferred tax{_price(inputs, deal)}.",
        )
    if np.any(_no_earnings(inputs)):
        yield Problem(
            "acquirer.statements",
            "OUT_OF_RANGE",
            "The acquirer by itself earns exactly nothing in year 1, so no accretion is a share of "
            "it.",
            "Give a net income of year 1 above or below zero.",
        )


def _price(inputs: MergerInputs, deal: Deal) -> str:
    """The least offer that pays for the net assets, where there is one deal to speak of."""
    price, goodwill = deal.equity_price, deal.goodwill
    if not isinstance(price, float | int) or not isinstance(goodwill, float | int):
        return ""
    offer = offer_for(inputs.target, float(price - goodwill), float(deal.bought.debt))
    return "" if offer is None else f", or offer {show(offer)} a share or more"


def offer_for(target: Party, equity_price: float, debt: float) -> float | None:
    """Money a share at which all of the target's shares, diluted at that offer, come to a price.

    ``debt`` is the face value of the convertibles that stay debt; None where, at the offer that is
    found, others do.
    """
    shares = target.shares
    if shares.diluted is not None:
        return equity_price / float(shares.diluted)
    found = share_out(equity_price + debt, shares.held, shares.options, shares.convertibles)
    return float(found.price) if float(found.debt) == debt else None


def _worst(value: Scalar) -> float:
    return float(np.max(np.asarray(real(value))))
