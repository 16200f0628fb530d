"""Losses carried forward: how much of them each year uses up."""

from __future__ import annotations

from dataclasses import dataclass

from engine.door import MONEY_MAX, Door, Scalar, lesser


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossesCarriedForward:
    """Losses of the past that may be set against income to come, within a limit a year.

    Two limits are law somewhere: a share of the year's income (in the United States 80 %, Internal
    Revenue Code, section 172(a)(2)), and an amount a year (there after a change of ownership,
    section 382). Where both are given, both hold.
    """

    balance: Scalar  # money, on the valuation date
    limit_share: Scalar | None = None  # of a year's EBIT above zero, 0 to 1; None: all of it
    limit_amount: Scalar | None = None  # money a year; None: no such limit

    def check(self, door: Door) -> None:
        door.within("operations.losses.balance", self.balance, 0.0, MONEY_MAX)
        if self.limit_share is not None:
            door.within("operations.losses.limit_share", self.limit_share, 0.0, 1.0)
        if self.limit_amount is not None:
            door.within("operations.losses.limit_amount", self.limit_amount, 0.0, MONEY_MAX)


class LossesLeft:
    """The balance as the years go by: (*batch) money, never below zero."""

    __slots__ = ("balance", "losses")

    def __init__(self, losses: LossesCarriedForward) -> None:
        self.losses = losses
        self.balance = losses.balance

    def set_against(self, income: Scalar, part: float = 1.0) -> Scalar:
        """(*batch) money: what a year's income uses up of the balance. A loss is added to it.

        ``part`` is the share of a year in which the income was earned; the yearly amount is cut
        to it.
        """
        losses = self.losses
        loss = lesser(income, 0.0)
        usable = income - loss
        if losses.limit_share is not None:
            usable = usable * losses.limit_share
        if losses.limit_amount is not None:
            usable = lesser(usable, losses.limit_amount * part)
        used = lesser(usable, self.balance)
        self.balance = self.balance - used - loss
        return used
