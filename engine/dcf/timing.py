"""When value is taken, and when cash comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from engine.door import MAX_YEARS, Door


class FlowTiming(StrEnum):
    """When a year's cash comes: at its end, or spread over it (halfway, on average)."""

    END_YEAR = "END_YEAR"
    MID_YEAR = "MID_YEAR"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """Year 1 begins on the valuation date."""

    valuation_date: date
    years: int  # of explicit forecast
    flows: FlowTiming = FlowTiming.END_YEAR

    def check(self, door: Door) -> None:
        if not 1 <= self.years <= MAX_YEARS:
            door.refuse(
                "timing.years",
                "OUT_OF_RANGE",
                f"A forecast of {self.years} years cannot be valued.",
                f"Give from 1 to {MAX_YEARS} years; 5 to 10 are usual.",
            )
            door.close()  # nothing that counts years can be read
