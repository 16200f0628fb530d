"""When a buyout closes, and for how many years it is followed."""

from __future__ import annotations

from dataclasses import dataclass

from engine.door import Door
from engine.firm.fiscal_years import ClosingDate

YEARS_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing(ClosingDate):
    """Closing is year 0, and the forecast goes on for as long as the firm may be held."""

    def check(self, door: Door) -> int | None:
        """The years of the forecast; None where there cannot be so many, and nobody can count."""
        self.check_first_year(door, "in which the deal closes")
        return self.check_years(
            door,
            YEARS_MOST,
            f"A holding period of {self.years} years cannot be valued.",
            "3 to 7",
        )
