"""What the two firms are worth together beyond what they are apart, and what is promised for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.door import MONEY_MAX, Door, Scalar, no_less, no_more, power, real
from engine.firm.capital import SPREAD_MIN
from engine.firm.dilution import ZERO
from engine.merger.timing import MergerTiming
from engine.schedules import Schedule


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synergies:
    """Before tax, money by fiscal year. The phase-in counts for savings and revenue alike."""

    cost: Schedule | None = None  # saved a year, once all is in place
    revenue: Schedule | None = None  # sold more a year, once all is in place
    flow_through: Scalar | None = None  # share of that revenue that is profit
    phase_in: Schedule | None = None  # share 0 to 1 that is in place; None: all of it
    costs_to_achieve: Schedule | None = None  # spent once, in its year
    growth: Scalar | None = None  # 1/year, for ever after the forecast; None: they end with it

    def sold(self, year: int) -> Scalar:
        """(*batch) money, further revenue of a whole year; years count from 0."""
        if self.revenue is None:
            return ZERO
        return self.revenue.years()[year] * self._in_place(year)

    def saved(self, year: int) -> Scalar:
        """(*batch) money, lower cost of a whole year."""
        return ZERO if self.cost is None else self.cost.years()[year] * self._in_place(year)

    def profit(self, year: int) -> Scalar:
        """(*batch) money before tax, of a whole year, before what it costs to achieve."""
        if self.flow_through is None:
            return self.saved(year)
        return self.saved(year) + self.sold(year) * self.flow_through

    def spent(self, year: int) -> Scalar:
        """(*batch) money, of a whole year."""
        spent = self.costs_to_achieve
        return ZERO if spent is None else spent.years()[year]

    def _in_place(self, year: int) -> Scalar:
        return 1.0 if self.phase_in is None else self.phase_in.years()[year]

    def admit(self, door: Door, years: int | None, wacc: Scalar | None) -> Synergies:
        """The same, checked. ``wacc``: None where it is refused already."""

        def line(name: str, low: float, high: float) -> Schedule | None:
            given: Schedule | None = getattr(self, name)
            if given is None:
                return None
            return given.admit(door, f"synergies.{name}", years, low, high)

        admitted = replace(
            self,
            cost=line("cost", -MONEY_MAX, MONEY_MAX),
            revenue=line("revenue", -MONEY_MAX, MONEY_MAX),
            phase_in=line("phase_in", 0.0, 1.0),
            costs_to_achieve=line("costs_to_achieve", 0.0, MONEY_MAX),
        )
        if self.flow_through is not None:
            door.within("synergies.flow_through", self.flow_through, 0.0, 1.0)
        if (self.revenue is None) != (self.flow_through is None):
            door.refuse(
                "synergies.flow_through",
                "MISSING" if self.flow_through is None else "CONTRADICTION",
                "Of further revenue only a share is profit."
                if self.flow_through is None
                else "There is no further revenue of which a share could be profit.",
                "Give it, such as the margin after all that varies with sales."
                if self.flow_through is None
                else "Give synergies.revenue, or leave this out.",
            )
        if self.growth is not None:
            self._check_growth(door, self.growth, wacc)
        return admitted

    def _check_growth(self, door: Door, growth: Scalar, wacc: Scalar | None) -> None:
        before = len(door.problems)
        door.within("synergies.growth", growth, -0.5, 0.5)
        if wacc is None or len(door.problems) > before:
            return

        def mend() -> str:
            # Of a batch, what holds for every scenario.
            most = float(np.min(real(wacc))) - SPREAD_MIN
            least = float(np.max(real(growth))) + SPREAD_MIN
            return (
                f"Let synergies.growth be {no_more(round(most, 12))} or less, or let wacc be "
                f"{no_less(least)} or more."
            )

        what = "Synergies must grow more slowly than they are discounted, or have no value."
        door.apart("synergies.growth", growth, wacc, SPREAD_MIN, what, mend)


NO_SYNERGIES = Synergies()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EarnOut:
    """Paid later, and only if: part of the price at its fair value at the closing."""

    amount: Scalar  # money, paid at the end of the year
    year: int  # of the forecast, from 1
    probability: Scalar  # 0 to 1
    discount_rate: Scalar | None = None  # 1/year; None: not discounted

    def value(self, timing: MergerTiming, year: int) -> Scalar:
        """(*batch) money, expected and discounted, at a year's end; years from 0, -1: closing."""
        if year >= self.year - 1:
            return ZERO
        expected = self.amount * self.probability
        if self.discount_rate is None:
            return expected
        wait = timing.elapsed(self.year - 1) - timing.elapsed(year)
        return expected * power(1.0 + self.discount_rate, -wait)

    def paid(self, year: int) -> Scalar:
        """(*batch) money, expected, at a year's end."""
        return self.amount * self.probability if year == self.year - 1 else ZERO

    def check(self, door: Door, years: int | None) -> None:
        door.within("earn_out.amount", self.amount, 0.0, MONEY_MAX)
        door.within("earn_out.probability", self.probability, 0.0, 1.0)
        if self.discount_rate is not None:
            door.within("earn_out.discount_rate", self.discount_rate, -0.05, 1.0)
        if years is not None and not 1 <= self.year <= years:
            door.refuse(
                "earn_out.year",
                "OUT_OF_RANGE",
                f"Year {self.year} is not one of the forecast's.",
                f"Give a year from 1 to {years}.",
            )
