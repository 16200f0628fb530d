"""What the price was paid for: assets at their fair value, deferred tax, and goodwill."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.door import MONEY_MAX, Door, Scalar, lesser
from engine.firm.dilution import ZERO
from engine.merger.timing import MergerTiming

LIFE_RANGE = (0.25, 100.0)  # years
MOST_INTANGIBLES = 20


class Structure(StrEnum):
    """What the tax office sees.

    STOCK: shares change hands, and what assets cost for tax stays as it was: every write-up makes a
    deferred tax liability. ASSET: the assets are bought (or taxed as if), so their write-ups are
    deducted, and there is none.
    """

    STOCK = "STOCK"
    ASSET = "ASSET"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WrittenUp:
    """An asset's fair value above what stands in the target's books, written off evenly."""

    amount: Scalar  # money
    life: Scalar  # years from the closing

    def charge(self, timing: MergerTiming, year: int) -> Scalar:
        """(*batch) money, of a year; years count from 0."""
        return self.amount * straight_line(self.life, timing, year)

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.amount", self.amount, 0.0, MONEY_MAX)
        door.within(f"{path}.life", self.life, *LIFE_RANGE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocation:
    """How the target's books are restated. Without any of it, what is paid above them is goodwill.

    ``goodwill_tax_life`` is for an asset deal: there goodwill may be deducted from income, in the
    United States over 15 years (Internal Revenue Code, section 197). It lessens the tax that is
    paid and never the earnings, since the tax is deferred.
    """

    structure: Structure = Structure.STOCK
    intangibles: tuple[WrittenUp, ...] = ()
    fixed_asset_step_up: WrittenUp | None = None
    inventory_step_up: Scalar = ZERO  # money, all of it sold in year 1
    goodwill_tax_life: Scalar | None = None  # years; None: goodwill is not deducted

    def write_ups(self) -> Scalar:
        """(*batch) money, all of them."""
        amount = self.inventory_step_up
        for each in self._amortised():
            amount = amount + each.amount
        return amount

    def intangible_charge(self, timing: MergerTiming, year: int) -> Scalar:
        """(*batch) money, amortisation of a year."""
        charge: Scalar = ZERO
        for each in self.intangibles:
            charge = charge + each.charge(timing, year)
        return charge

    def fixed_asset_charge(self, timing: MergerTiming, year: int) -> Scalar:
        """(*batch) money, further depreciation of a year."""
        step_up = self.fixed_asset_step_up
        return ZERO if step_up is None else step_up.charge(timing, year)

    def inventory_charge(self, year: int) -> Scalar:
        """(*batch) money, further cost of sales of a year."""
        return ZERO if year else self.inventory_step_up

    def deferred_tax(self, timing: MergerTiming, rates: tuple[Scalar, ...]) -> Scalar:
        """(*batch) money, of the write-ups at the closing; ``rates`` by year, 1/1.

        At the rate of the year in which each part is written off (IAS 12, paragraph 47), of what is
        left after the forecast the last year's; at one rate for all years, write-ups x rate.
        """
        if self.structure is Structure.ASSET:
            return ZERO
        left = self.write_ups()
        tax: Scalar = ZERO
        for year, rate in enumerate(rates):
            charge = self.intangible_charge(timing, year) + self.fixed_asset_charge(timing, year)
            charge = charge + self.inventory_charge(year)
            tax = tax + charge * rate
            left = left - charge
        return tax + left * rates[-1]

    def check(self, door: Door) -> None:
        if len(self.intangibles) > MOST_INTANGIBLES:
            door.refuse(
                "allocation.intangibles",
                "TOO_LARGE",
                f"{len(self.intangibles)} intangible assets are given.",
                f"Give up to {MOST_INTANGIBLES}: put those of similar lives together.",
            )
        for number, each in enumerate(self.intangibles[:MOST_INTANGIBLES]):
            each.check(door, f"allocation.intangibles[{number}]")
        if self.fixed_asset_step_up is not None:
            self.fixed_asset_step_up.check(door, "allocation.fixed_asset_step_up")
        door.within("allocation.inventory_step_up", self.inventory_step_up, 0.0, MONEY_MAX)
        if self.goodwill_tax_life is not None:
            door.within("allocation.goodwill_tax_life", self.goodwill_tax_life, *LIFE_RANGE)
            if self.structure is Structure.STOCK:
                door.refuse(
                    "allocation.goodwill_tax_life",
                    "CONTRADICTION",
                    "Where shares are bought, no goodwill can be deducted for tax.",
                    "Leave it out, or make the structure ASSET.",
                )

    def _amortised(self) -> tuple[WrittenUp, ...]:
        step_up = self.fixed_asset_step_up
        return self.intangibles if step_up is None else (*self.intangibles, step_up)


NO_ALLOCATION = Allocation()


def straight_line(life: Scalar, timing: MergerTiming, year: int) -> Scalar:
    """(*batch) the share of an asset that a year writes off, from the closing on; years from 0."""
    before, after = timing.elapsed(year - 1), timing.elapsed(year)
    return (lesser(life, after) - lesser(life, before)) / life
