"""Fees and discount of the financing: how they are written off, over the tenor or with the debt.

In a straight line over the tenor they are known before the year is. Where debt is prepaid and its
costs go with it, they are one more thing that the available cash moves: what is written off saves
tax, and so it is part of the year's equation (`engine.lbo.debt`). Preferred stock is equity for
tax: what it cost to issue is written off beside its dividends, and saves none.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.door import Scalar, real, where
from engine.lbo.positions import Position, smaller
from engine.lbo.timing import Timing
from engine.lbo.tranches import Tranche


def amortisation(
    costs: Sequence[Scalar],
    tranches: Sequence[Tranche],
    positions: Sequence[Position],
    timing: Timing,
    year: int,
) -> tuple[Scalar, Scalar]:
    """(*batch) money: fees and discount written off in a year, counted from 0, whatever is repaid:
    of debt, and of preferred stock.

    In a straight line over the tenor from closing, by elapsed time; what is left when the tranche
    is due is written off then. Where a prepayment hastens it, what is left after one goes on in a
    straight line over what is left of the tenor; the positions have what is then unamortised.
    """
    debt: Scalar = 0.0
    stock: Scalar = 0.0
    for cost, tranche, position in zip(costs, tranches, positions, strict=False):
        if position.unamortised is None:
            share = written_off(tranche.tenor, timing, year)
            part = cost * share
        else:
            share = part_of_what_is_left(tranche.tenor, timing, year)
            part = position.unamortised * share
            if share:
                position.unamortised = position.unamortised - part
        if not share:
            continue
        if position.preferred:
            stock = stock + part
        else:
            debt = debt + part
    return debt, stock


def written_off(tenor: int, timing: Timing, year: int) -> float:
    """Share of a tranche's costs that falls into a year, counted from 0."""
    if year + 1 > tenor:
        return 0.0
    if year + 1 < tenor:
        return timing.share(year) / tenor
    return 1.0 - timing.elapsed(year - 1) / tenor


def part_of_what_is_left(tenor: int, timing: Timing, year: int) -> float:
    """The same, as a share of what was not yet written off when the year began."""
    if year + 1 > tenor:
        return 0.0
    return 1.0 if year + 1 == tenor else timing.share(year) / (tenor - timing.elapsed(year - 1))


class CostsOfPrepaid:
    """What a year's prepayments take with them of what is not yet written off.

    Of a tranche that the sweep repays by a share, that share of its unamortised fee and discount
    is written off: an extinguishment takes what is unamortised of the debt with it (FASB, ASC
    470-50-40-2). A revolver's fee is for a commitment, which a repayment does not end, and goes on
    (FASB, ASU 2015-15: over its term, whether anything is drawn or not).
    No more stays unamortised than is owed: debt is not carried below zero, and of debt that is
    repaid altogether nothing is left. Preferred stock's costs go in the same way, and save no tax.
    """

    __slots__ = ("at_once", "held", "stock_at_once")

    def __init__(
        self,
        positions: Sequence[Position],
        left: Sequence[Scalar],
        payers: Sequence[tuple[int, Scalar, Scalar]],
    ) -> None:
        """``left`` of each position is what is owed before the sweep; see `_Service.payers`."""
        self.at_once: Scalar = 0.0  # (*batch) money of debt, however much is swept
        self.stock_at_once: Scalar = 0.0  # and of preferred stock
        for position, owed in zip(positions, left, strict=True):
            if position.unamortised is not None:
                most = smaller(position.unamortised, owed)
                if position.preferred:
                    self.stock_at_once = self.stock_at_once + (position.unamortised - most)
                else:
                    self.at_once = self.at_once + (position.unamortised - most)
                position.unamortised = most
        # Of each payer: whether it is stock, what is unamortised, and what that is a share of.
        self.held: list[tuple[bool, Scalar, Scalar] | None] = []
        for at, owed, _ in payers:
            cost = positions[at].unamortised
            # Of nothing owed nothing is unamortised, whatever it is divided by.
            over = where(real(owed) > 0.0, owed, 1.0)
            self.held.append(None if cost is None else (positions[at].preferred, cost, over))

    def of(self, paid: Sequence[Scalar]) -> Scalar:
        """(*batch) money of debt that is written off with what each payer repays."""
        return self._gone(paid, stock=False)

    def of_stock(self, paid: Sequence[Scalar]) -> Scalar:
        """The same of preferred stock, with what is written off however much is swept."""
        return self.stock_at_once + self._gone(paid, stock=True)

    def _gone(self, paid: Sequence[Scalar], *, stock: bool) -> Scalar:
        total: Scalar = 0.0
        for held, pay in zip(self.held, paid, strict=True):
            if held is not None and held[0] is stock:
                _, cost, owed = held
                total = total + cost * (pay / owed)
        return total

    def each(self) -> list[Scalar]:
        """(*batch) of each payer: what of debt a unit repaid writes off, of real numbers."""
        return [
            0.0 if held is None or held[0] else real(held[1]) / real(held[2]) for held in self.held
        ]

    def close(
        self,
        positions: Sequence[Position],
        payers: Sequence[tuple[int, Scalar, Scalar]],
        paid: Sequence[Scalar],
    ) -> None:
        """Leave the positions what is unamortised at the end of the year."""
        for (at, _, _), held, pay in zip(payers, self.held, paid, strict=True):
            if held is not None:
                _, cost, owed = held
                positions[at].unamortised = cost - cost * (pay / owed)
