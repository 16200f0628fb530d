"""What a merger is made of. The groups are the schema's, so that a path means one thing everywhere.

What no number can mend by itself is refused after the door: a price that buys more than it pays
for, or a structure with less money than it spends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.door import Door, Scalar
from engine.firm.capital import SPREAD_MIN
from engine.merger.allocation import NO_ALLOCATION, Allocation
from engine.merger.earners import Earner
from engine.merger.financing import Fees, Financing
from engine.merger.offer import Offer, keep_apart
from engine.merger.parties import Party
from engine.merger.synergies import NO_SYNERGIES, EarnOut, Synergies
from engine.merger.timing import MergerTiming
from engine.names import check_currency

INPUT_VERSION = 1
_CASH = frozenset({"acquirer.balance.cash", "target.balance.cash", "financing.balance_sheet_cash"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergerInputs:
    """Money is in one currency, in whole units; a rate is a fraction per year.

    Any number may be an array over scenarios, the batch; arrays broadcast against each other.
    """

    timing: MergerTiming
    acquirer: Party
    target: Party
    offer: Offer
    financing: Financing
    wacc: Scalar  # 1/year, of the target's business: what synergies are discounted at
    fees: Fees | None = None
    allocation: Allocation | None = None  # None: all that is paid above the books is goodwill
    synergies: Synergies | None = None
    earn_out: EarnOut | None = None
    currency: str = "USD"  # ISO 4217, of all money here; a label, never converted

    @property
    def buyer(self) -> Earner:
        """The acquirer by itself."""
        return Earner(self.acquirer.statements)

    @property
    def bought(self) -> Earner:
        """The target by itself, in the acquirer's fiscal years."""
        return Earner(self.target.statements, self.timing.lag)

    @property
    def allocated(self) -> Allocation:
        return self.allocation or NO_ALLOCATION

    @property
    def joined(self) -> Synergies:
        return self.synergies or NO_SYNERGIES

    @property
    def advisory(self) -> Scalar:
        """(*batch) money, advisers' fees."""
        return 0.0 if self.fees is None else self.fees.advisory


def enter(door: Door, inputs: MergerInputs, known: MergerInputs | None) -> MergerInputs:
    """The same inputs, with every schedule year by year; what is wrong is said to the door.

    ``known`` went through before: what is the very same object there is not looked at again.
    """
    years = inputs.timing.check(door)
    # By days that are refused nobody knows how many of the target's years there have to be.
    odd_days = any(problem.path.endswith("fiscal_year_end") for problem in door.problems)
    same = known if known is not None and inputs.timing is known.timing else None
    acquirer, target = inputs.acquirer, inputs.target
    if same is None or acquirer is not same.acquirer:
        before = None if same is None else same.acquirer
        acquirer = acquirer.admit(door, "acquirer", years, before)
    if same is None or target is not same.target:
        its_years, before = None if odd_days else years, None if same is None else same.target
        target = _enter_target(door, inputs, its_years, before)
    inputs.offer.check(door)
    so_far = len(door.problems)
    door.within("wacc", inputs.wacc, SPREAD_MIN, 1.0)
    wacc = inputs.wacc if len(door.problems) == so_far else None
    financing = inputs.financing.admit(
        door,
        years,
        by_ratio=inputs.offer.exchange_ratio is not None,
        known=None if same is None else same.financing,
    )
    if _CASH.isdisjoint(problem.path for problem in door.problems):
        keep_apart(
            door,
            "financing.balance_sheet_cash",
            financing.balance_sheet_cash,
            inputs.acquirer.balance.cash + inputs.target.balance.cash,
            "More cash is used than both firms have.",
            "Use up to {high}, and borrow the rest, or pay it in shares.",
        )
    if inputs.fees is not None:
        inputs.fees.check(door)
    if inputs.allocation is not None:
        inputs.allocation.check(door)
    synergies = inputs.synergies
    if synergies is not None and not (
        same is not None and synergies is same.synergies and inputs.wacc is same.wacc
    ):
        synergies = synergies.admit(door, years, wacc)
    if inputs.earn_out is not None:
        inputs.earn_out.check(door, years)
    check_currency(door, inputs.currency)
    return MergerInputs(
        timing=inputs.timing,
        acquirer=acquirer,
        target=target,
        offer=inputs.offer,
        financing=financing,
        wacc=inputs.wacc,
        fees=inputs.fees,
        allocation=inputs.allocation,
        synergies=synergies,
        earn_out=inputs.earn_out,
        currency=inputs.currency,
    )


def _enter_target(
    door: Door, inputs: MergerInputs, years: int | None, known: Party | None
) -> Party:
    """The target, checked. Of years that end earlier one more is needed: the last of the
    acquirer's ends in it."""
    if years is None or inputs.timing.lag == 0.0:
        return inputs.target.admit(door, "target", years, known)
    before = len(door.problems)
    target = inputs.target.admit(door, "target", years + 1, known)
    why = "The target's years end before the acquirer's, of which the last needs one more. "
    door.problems[before:] = [
        replace(problem, suggestion=why + problem.suggestion)
        if problem.code == "WRONG_LENGTH" and problem.path.startswith("target.statements")
        else problem
        for problem in door.problems[before:]
    ]
    return target
