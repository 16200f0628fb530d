"""How long the engine's work takes, in milliseconds of one core: the one place that guesses it.

A request is priced by these numbers before it runs (a point is a millisecond), and the same ones
choose between the event loop and a thread. They were timed on the dearer of the examples and
are good to a factor of two or three for these; `python -m benchmarks.limits` times them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

YEARS: Final = 10  # of a forecast that nobody has looked at yet


class Pace(NamedTuple):
    """How fast a kind is."""

    base: float  # one valuation, with its documents
    cell: float  # one more case of a batch, in which few inputs of ten years change


PACES: Final[Mapping[str, Pace]] = {
    "DCF": Pace(0.2, 1e-4),
    "LBO": Pace(0.7, 6e-4),
    "MERGER": Pace(1.7, 3e-4),
    "COMPARABLES": Pace(0.9, 2e-4),
    "CREDIT": Pace(0.3, 1e-3),
}
UNKNOWN: Final = Pace(1.7, 3e-4)  # a kind that nobody has looked at yet

# Of a kind that starts at once: what a base case is taken for where its kind is not looked at.
BASE_CASE_MS: Final = 0.1
DOCUMENT_MS: Final = 0.4  # to make one of a model's scenarios, and to value it
# In base cases.
BATCH: Final = 3.0
GRADIENT: Final = 6.0
TORNADO: Final = 12.0  # the door is asked again and again how far an input may swing
# In milliseconds, whatever the kind.
REVERSE: Final = 10.0
ATTRIBUTION: Final = 10.0
MAXIMUM_PRICE: Final = 4.0
CHANGE: Final = 0.03  # of a case: each is looked up and checked
CORRELATION: Final = 0.04  # of two shocks: where a matrix is refused, the nearest is looked for
WORKBOOK: Final = 80.0
ROW: Final = 0.02  # of a list, read and written
WRITTEN: Final = 1e-4  # a number of a grid, put into the answer


def years_of(inputs: Any) -> int:
    """The years of all forecasts in a document of inputs: those of each segment count apart."""
    if not isinstance(inputs, dict):
        return YEARS
    timing, segments = inputs.get("timing"), inputs.get("segments")
    years = timing.get("years") if isinstance(timing, dict) else None
    if not isinstance(years, int) or isinstance(years, bool) or years < 1:
        return YEARS
    return years * max(1, len(segments)) if isinstance(segments, list) else years


def base_ms(kind: str | None, years: int = YEARS) -> float:
    """One valuation."""
    return PACES.get(kind or "", UNKNOWN).base * (0.7 + 0.03 * years)


def batch_ms(kind: str | None, cases: float, inputs: float = 2.0, years: int = YEARS) -> float:
    """So many cases together, in each of which so many inputs are others."""
    return BATCH * base_ms(kind, years) + cases_ms(kind, cases, inputs, years)


def cases_ms(kind: str | None, cases: float, inputs: float = 2.0, years: int = YEARS) -> float:
    """The cases of a batch, without what it takes to begin one."""
    return cases * PACES.get(kind or "", UNKNOWN).cell * (0.7 + 0.025 * inputs * years)
