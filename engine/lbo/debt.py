"""One year of debt: what it costs, what is repaid, and how both are solved where each moves the
other.

Whatever is paid or drawn depends on one number, the cash available for it; and that depends on the
interest, which on average balances depends on what is paid or drawn, and on the tax that is saved
by costs which are written off with what is prepaid. So a year is one equation A = G(A). G is
continuous and made of straight pieces, and no piece is steeper than half the dearest rate that the
cash can save or cost, and the tax on what it writes off: far below 1, so there is one solution, and
Newton's steps find it, mostly in two. The certificate of a year says how steep G can be, and by how
much the solution misses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from engine.door import Scalar, at_least, real, where
from engine.firm.losses import LossesLeft
from engine.lbo.debt_year import Certificate, DebtYear, YearEnd, YearInputs
from engine.lbo.entry import CENT
from engine.lbo.financing_costs import CostsOfPrepaid
from engine.lbo.positions import Position, positive, smaller, times

TOLERANCE: Final = 1e-13  # of all that is added up in the equation
STEPS_MOST: Final = 400
# Below this steepness Newton's steps always come nearer; above it plain ones do, more slowly.
_NEWTON: Final = 0.3


def serve(given: YearInputs, positions: Sequence[Position], *, lines: bool) -> YearEnd:
    """Pay a year's interest and repayments, sweep or draw; the positions have their new balances.

    Repaid first is what is due, then with ``sweep`` of the cash above the minimum the revolvers,
    then swept tranches, each in its order. Where cash is missing the revolvers are drawn in their
    order, up to their commitments; what is then still missing is the shortfall, and cash is below
    its minimum by it.
    """
    return _Service(given, positions).settle(lines)


class _Service:
    """The equation of one year."""

    __slots__ = (
        "accrued_debt",
        "accrued_stock",
        "base",
        "cash_rate",
        "debt_interest",
        "dividends",
        "fees",
        "given",
        "half",
        "income",
        "left",
        "mandatory",
        "payers",
        "positions",
        "prepaid",
        "profit",
        "revolvers",
    )

    def __init__(self, given: YearInputs, positions: Sequence[Position]) -> None:
        self.given, self.positions = given, positions
        year, part = given.year, given.part
        self.half = 0.5 if given.average else 0.0
        self.left = [position.begin(year, part) for position in positions]
        debt: Scalar = 0.0
        fees: Scalar = 0.0
        dividends: Scalar = 0.0
        accrued: list[Scalar] = [0.0, 0.0]  # of debt, and of preferred stock
        mandatory: Scalar = 0.0
        # Each position that cash can move: which, how much, and what a unit of it costs a year.
        self.payers: list[tuple[int, Scalar, Scalar]] = []
        self.revolvers: list[tuple[int, Scalar, Scalar]] = []
        later: list[tuple[int, Scalar, Scalar]] = []
        for at, (position, left) in enumerate(zip(positions, self.left, strict=True)):
            mean = position.opening
            if given.average and left is not mean:
                mean = 0.5 * (mean + left)
            coupon = times(position.coupon[year], part)
            interest = coupon * mean
            accrued[position.preferred] = accrued[position.preferred] + position.accrued
            mandatory = mandatory + position.mandatory
            if position.preferred:
                dividends = dividends + interest
            else:
                debt = debt + interest
            if position.commitment is not None:
                if position.tenor is not None and year >= position.tenor:
                    continue
                cost = coupon
                if position.undrawn_fee is not None:
                    fee = times(position.undrawn_fee, part)
                    fees = fees + fee * (position.commitment - mean)
                    cost = coupon - fee
                if position.lends(year):
                    self.payers.append((at, left, cost))
                    self.revolvers.append((at, positive(position.commitment - left), cost))
            elif position.swept and not position.matures(year):
                later.append((at, left, coupon))
        self.payers += later
        amortised = given.amortised
        self.prepaid: CostsOfPrepaid | None = None
        if given.hastens:
            self.prepaid = CostsOfPrepaid(positions, self.left, self.payers)
            amortised = amortised + self.prepaid.at_once
        self.debt_interest, self.fees, self.dividends = debt, fees, dividends
        self.accrued_debt, self.accrued_stock = accrued
        self.mandatory = mandatory
        self.cash_rate = times(given.cash_rate, part)
        # Before what depends on the available cash:
        self.income = self.cash_rate * ((1.0 - self.half) * given.cash)
        self.profit = given.ebit - self.accrued_debt - amortised - debt - fees + self.income
        self.base = (
            given.cash
            + given.other
            + amortised
            + self.accrued_debt
            - dividends
            - mandatory
            - given.minimum
        )

    def settle(self, lines: bool) -> YearEnd:
        given = self.given
        if not given.average and self.prepaid is None:
            ebt = self.profit
            tax, used, left = self.taxed(ebt)
            available = self.base + ebt - tax
            return self.close(_End(self.spread(available), ebt, tax, used, left, None), lines)
        scale, bound = self.scale(), self.bound()
        newton = bound < _NEWTON
        everywhere = not any_of(bound >= _NEWTON)
        tax, _, _ = self.taxed(self.profit)
        available = self.base + self.profit - tax
        steps, polish = 0, 0
        while True:
            steps += 1
            moved = self.spread(available)
            ebt = self.profit - moved.cost
            tax, used, left = self.taxed(ebt)
            gap = self.base + ebt - tax - moved.dividends - available
            if self.prepaid is not None:
                gap = gap + moved.written
            missed = _size(real(gap))
            apart = missed > TOLERANCE * scale
            if not any_of(apart):
                # Within a straight piece one more step brings a complex step's imaginary part
                # home as well; the second is for what the first rounds.
                if polish == 2 or not np.iscomplexobj(gap):
                    break
                polish += 1
                available = available + gap / (1.0 - self.slope(moved, ebt, used))
                continue
            if steps == STEPS_MOST:
                break
            slope = self.slope(moved, ebt, used)
            if not everywhere:
                slope = where(newton, slope, 0.0)
            available = where(apart, available + gap / (1.0 - slope), available)
        unsound = (missed > TOLERANCE * scale) | (bound >= 1.0)
        certificate = Certificate(steps, missed / scale, bound, unsound)
        return self.close(_End(moved, ebt, tax, used, left, certificate), lines)

    def spread(self, available: Scalar) -> _Moved:
        """Where the available cash goes, and by how much that changes the year's costs."""
        given = self.given
        over = positive(available)
        budget = times(over, given.sweep)
        rest = budget
        cost: Scalar = 0.0
        dividends: Scalar = 0.0
        paid, drawn, wanted, needed = [], [], [], []
        for at, cap, rate in self.payers:
            wanted.append(rest)
            pay = smaller(rest, cap)
            rest = rest - pay
            paid.append(pay)
            if given.average:
                if self.positions[at].preferred:
                    dividends = dividends - pay * rate
                else:
                    cost = cost - pay * rate
        short = over - available
        for _, room, rate in self.revolvers:
            needed.append(short)
            draw = smaller(room, short)  # of equals the room: what is full lends no more
            short = short - draw
            drawn.append(draw)
            if given.average:
                cost = cost + draw * rate
        cash = given.minimum + rest - short
        if budget is not over:
            cash = cash + (over - budget)
        if given.average:
            cost = 0.5 * (cost - self.cash_rate * cash)
            dividends = 0.5 * dividends
        written: Scalar = 0.0
        if self.prepaid is not None:
            written = self.prepaid.of(paid)
            cost = cost + written
        return _Moved(available, paid, drawn, wanted, needed, short, cash, cost, dividends, written)

    def taxed(self, ebt: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        """Tax, losses used, and losses left at the end of the year.

        Losses are set against what is taxable without them, after the fees that are deducted.
        """
        given = self.given
        taxable = ebt if _is_zero(given.deducted) else ebt - given.deducted
        used: Scalar = 0.0
        left = given.losses_left
        if given.losses is not None:
            trial = LossesLeft(given.losses)
            trial.balance = given.losses_left
            used = trial.set_against(taxable, given.part)
            left = trial.balance
            taxable = taxable - used
        return given.tax_rate * positive(taxable), used, left

    def slope(self, moved: _Moved, ebt: Scalar, used: Scalar) -> Scalar:
        """(*batch) how steep G is at a point: of real numbers, whatever the point is."""
        given = self.given
        kept = real(self.cash_rate)
        sweep = real(given.sweep)
        debt: Scalar = kept  # saved for each unit more, before tax
        stock: Scalar = 0.0  # and after it
        stocks = any(self.positions[at].preferred for at, _, _ in self.payers)
        pairs = list(zip(self.payers, moved.wanted, strict=True))
        for (at, cap, rate), wanted in reversed(pairs):
            enough = real(wanted) <= real(cap)
            marginal = sweep * real(rate)
            unswept = (1.0 - sweep) * kept
            if self.positions[at].preferred:
                debt, stock = where(enough, unswept, debt), where(enough, marginal, stock)
            else:
                debt = where(enough, marginal + unswept, debt)
                stock = where(enough, 0.0, stock) if stocks else 0.0
        below: Scalar = kept
        for (_, room, rate), needed in reversed(
            list(zip(self.revolvers, moved.needed, strict=True))
        ):
            below = where(real(needed) < real(room), real(rate), below)
        over = real(moved.available) > 0.0
        debt = where(over, debt, below)
        stock = where(over, stock, 0.0) if stocks else 0.0
        tax = self.marginal_tax(real(ebt), real(used))
        found = self.half * (debt * (1.0 - tax) + stock)
        if self.prepaid is None:
            return found
        written: Scalar = 0.0
        for (_, cap, _), wanted, unit in reversed(
            list(zip(self.payers, moved.wanted, self.prepaid.each(), strict=True))
        ):
            written = where(real(wanted) <= real(cap), sweep * unit, written)
        return found + tax * where(over, written, 0.0)

    def marginal_tax(self, ebt: Scalar, used: Scalar) -> Scalar:
        given, losses = self.given, self.given.losses
        income = ebt - real(given.deducted)
        share: Scalar = 1.0
        if losses is not None:
            free = (income > 0.0) & (used < real(given.losses_left))
            limit: Scalar = 1.0 if losses.limit_share is None else real(losses.limit_share)
            if losses.limit_amount is not None:
                free = free & (used < real(losses.limit_amount) * given.part)
            share = where(free, 1.0 - limit, 1.0)
        taxed = income - used > 0.0
        return where(taxed, real(given.tax_rate) * share, 0.0)

    def bound(self) -> Scalar:
        """(*batch) no piece of G is steeper: tax only flattens what is saved in interest.

        What is written off is flattened by no tax, it saves one: so a piece is steepest without
        any tax, or with all of it.
        """
        steepest = _size(real(self.cash_rate))
        for _, _, rate in (*self.payers, *self.revolvers):
            steepest = at_least(steepest, _size(real(rate)))
        found = self.half * steepest
        if self.prepaid is not None:
            tax = real(self.given.tax_rate)
            for (_, _, rate), unit in zip(self.payers, self.prepaid.each(), strict=True):
                kept = self.half * _size(real(rate)) * (1.0 - tax)
                found = at_least(found, kept + tax * unit)
        return found

    def scale(self) -> Scalar:
        """(*batch) money: all that the equation adds up, without signs."""
        given = self.given
        total = _size(real(given.cash)) + _size(real(given.ebit)) + _size(real(given.other))
        total = total + real(given.minimum) + real(self.mandatory) + real(given.deducted)
        for left in self.left:
            total = total + real(left)
        for _, room, _ in self.revolvers:
            total = total + _size(real(room))
        return at_least(total, CENT)

    def close(self, end: _End, lines: bool) -> YearEnd:
        """Put the balances at the end of the year."""
        moved = end.moved
        for position, balance in zip(self.positions, self.left, strict=True):
            position.balance = balance
        for (at, _, _), pay in zip(self.payers, moved.paid, strict=True):
            position = self.positions[at]
            position.paid = pay
            position.balance = position.balance - pay
        for (at, _, _), draw in zip(self.revolvers, moved.drawn, strict=True):
            position = self.positions[at]
            position.drawn = draw
            position.balance = position.balance + draw
        if self.prepaid is not None:
            self.prepaid.close(self.positions, self.payers, moved.paid)
        told = self.lines(end) if lines else None
        return YearEnd(moved.cash, end.left, end.certificate, told)

    def lines(self, end: _End) -> DebtYear:
        """What the year cost, taken apart."""
        given, moved = self.given, end.moved
        interest, fees, dividends = self.debt_interest, self.fees, self.dividends
        income = self.income
        if given.average:
            income = income + 0.5 * self.cash_rate * moved.cash
            for at, _, _ in self.payers:
                position = self.positions[at]
                mean = 0.5 * (position.drawn - position.paid)  # by which it is another one
                more = times(position.coupon[given.year], given.part) * mean
                if position.preferred:
                    dividends = dividends + more
                else:
                    interest = interest + more
                if position.undrawn_fee is not None:
                    fees = fees - times(position.undrawn_fee, given.part) * mean
        flow = end.ebt - end.tax + given.other + given.amortised + self.accrued_debt - dividends
        written_off: Scalar = 0.0
        stock_costs = given.amortised_stock
        if self.prepaid is not None:
            written_off = self.prepaid.at_once + moved.written
            stock_costs = stock_costs + self.prepaid.of_stock(moved.paid)
            flow = flow + written_off
        return DebtYear(
            cash_interest=interest,
            pik_interest=self.accrued_debt,
            undrawn_fees=fees,
            interest_income=income,
            cash_dividends=dividends,
            pik_dividends=self.accrued_stock,
            ebt=end.ebt,
            losses_used=end.used,
            tax=end.tax,
            cash_before_repayment=flow,
            mandatory=self.mandatory,
            written_off=written_off,
            stock_costs=stock_costs,
            cash=moved.cash,
            shortfall=moved.short,
            certificate=end.certificate,
        )


@dataclass(slots=True, eq=False)
class _Moved:
    """One trial: where the available cash goes."""

    available: Scalar
    paid: list[Scalar]
    drawn: list[Scalar]
    wanted: list[Scalar]  # of each payer: what was left when it was its turn
    needed: list[Scalar]  # of each revolver
    short: Scalar
    cash: Scalar
    cost: Scalar  # of the year before tax, beside what does not depend on the available cash
    dividends: Scalar
    written: Scalar  # of that cost what is no cash: fees and discount of debt that is prepaid


@dataclass(slots=True, eq=False)
class _End:
    """The trial that is the solution."""

    moved: _Moved
    ebt: Scalar
    tax: Scalar
    used: Scalar
    left: Scalar
    certificate: Certificate | None


def _size(value: Scalar) -> Scalar:
    """Without its sign; of real numbers."""
    return abs(value) if isinstance(value, float | int) else np.abs(value)


def any_of(chosen: Any) -> bool:
    return bool(chosen.any()) if isinstance(chosen, np.ndarray) else bool(chosen)


def _is_zero(value: Scalar) -> bool:
    return isinstance(value, float | int) and value == 0.0
