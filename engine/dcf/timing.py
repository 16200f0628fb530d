"""When value is taken, and when cash comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from engine.door import MAX_YEARS, Door
from engine.firm.fiscal_years import FiscalYears


class FlowTiming(StrEnum):
    """When a year's cash comes: at its end, or spread over it (halfway, on average)."""

    END_YEAR = "END_YEAR"
    MID_YEAR = "MID_YEAR"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing(FiscalYears):
    """Year 1 begins on the valuation date, or has begun before it: then what is left is a stub."""

    BEGINNING: ClassVar[str] = "valuation date"
    valuation_date: date
    years: int  # of explicit forecast
    flows: FlowTiming = FlowTiming.END_YEAR
    fiscal_year_end: date | None = None

    @property
    def beginning(self) -> date:
        return self.valuation_date

    def check(self, door: Door) -> int | None:
        """The years of the forecast; None where there cannot be so many, and nobody can count."""
        self.check_first_year(door, "that runs on the valuation date, or begins with it")
        return self.check_years(
            door, MAX_YEARS, f"A forecast of {self.years} years cannot be valued.", "5 to 10"
        )
