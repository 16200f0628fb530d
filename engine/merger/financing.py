"""Where the money comes from: shares, cash that is there, and new debt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.door import MONEY_MAX, Door, Scalar, at_least, lesser, real, where
from engine.firm.dilution import ZERO
from engine.merger.timing import MergerTiming
from engine.schedules import Schedule

FEE_MAX = 0.9  # of a debt; at 1 it would pay for nothing but itself
TENOR_MAX = 50.0  # years


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewDebt:
    """Borrowed for the deal: whatever of its cash neither shares nor cash that is there pay."""

    rate: Scalar  # 1/year, on the opening balance
    fee: Scalar = ZERO  # share of the debt; capitalised, and amortised over the tenor
    tenor: Scalar  # years from the closing; the rest is due at the end of the year it falls in
    amortisation: Schedule | None = None  # share of the original debt a year; None: none before

    def admit(self, door: Door, years: int | None) -> NewDebt:
        path = "financing.new_debt"
        door.within(f"{path}.rate", self.rate, 0.0, 1.0)
        door.within(f"{path}.fee", self.fee, 0.0, FEE_MAX)
        door.within(f"{path}.tenor", self.tenor, 1.0, TENOR_MAX)
        if self.amortisation is None:
            return self
        paid = self.amortisation.admit(door, f"{path}.amortisation", years, 0.0, 1.0)
        return replace(self, amortisation=paid)

    def left(self, timing: MergerTiming) -> list[Scalar]:
        """(n_years + 1, *batch) share of the original debt at the closing and each year's end."""
        left: list[Scalar] = [1.0]
        for year in range(timing.years):
            rest = left[-1]
            if self.amortisation is not None:
                due = self.amortisation.years()[year] * timing.share(year)
                rest = at_least(rest - due, ZERO)
            left.append(where(real(self.tenor) <= timing.elapsed(year), ZERO, rest))
        return left


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Financing:
    """How the price and the debts that fall due are paid."""

    stock_share: Scalar | None = None  # 0 to 1, of the price; not beside an exchange ratio
    balance_sheet_cash: Scalar = ZERO  # money, of both firms, up to which cash pays first
    lost_yield: Scalar = ZERO  # 1/year before tax, that the cash used earned
    new_debt: NewDebt | None = None  # for what is missing; None: nothing may be
    refinanced: Scalar = 1.0  # share of the target's debt that is repaid at the closing
    target_debt_rate: Scalar | None = None  # 1/year; None: its interest falls with its debt

    def admit(
        self, door: Door, years: int | None, *, by_ratio: bool, known: Financing | None
    ) -> Financing:
        """The same, checked. ``by_ratio``: an exchange ratio says what is paid in shares."""
        if self.stock_share is not None:
            door.within("financing.stock_share", self.stock_share, 0.0, 1.0)
        if (self.stock_share is None) != by_ratio:
            door.refuse(
                "financing.stock_share",
                "CONTRADICTION" if by_ratio else "MISSING",
                "An exchange ratio says already what is paid in shares."
                if by_ratio
                else "It is not said how much of the price is paid in shares.",
                "Leave it out; offer.cash_per_share is what is paid in cash beside the shares."
                if by_ratio
                else "Give a share from 0 (all cash) to 1 (all stock).",
            )
        door.within("financing.balance_sheet_cash", self.balance_sheet_cash, 0.0, MONEY_MAX)
        door.within("financing.lost_yield", self.lost_yield, -0.05, 1.0)
        door.within("financing.refinanced", self.refinanced, 0.0, 1.0)
        if self.target_debt_rate is not None:
            door.within("financing.target_debt_rate", self.target_debt_rate, 0.0, 1.0)
        debt = self.new_debt
        if debt is None or (known is not None and debt is known.new_debt):
            return self
        return replace(self, new_debt=debt.admit(door, years))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fees:
    """What advisers cost."""

    advisory: Scalar = ZERO  # money, expensed at the closing: in equity, in no year's earnings

    def check(self, door: Door) -> None:
        door.within("fees.advisory", self.advisory, 0.0, MONEY_MAX)


@dataclass(frozen=True, slots=True, eq=False)
class Funding:
    """(*batch) money: how a need of cash is met."""

    cash_used: Scalar
    new_debt: Scalar
    fee: Scalar  # of the new debt
    missing: Scalar  # where there may be no new debt; otherwise 0


def fund(financing: Financing, need: Scalar) -> Funding:
    """Cash pays first; new debt pays the rest, and its own fee: (need - cash) / (1 - fee)."""
    used = lesser(financing.balance_sheet_cash, need)
    rest = need - used
    debt = financing.new_debt
    if debt is None:
        return Funding(used, ZERO, ZERO, rest)
    borrowed = rest / (1.0 - debt.fee)
    return Funding(used, borrowed, borrowed * debt.fee, ZERO)
