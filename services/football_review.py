"""What a reviewer would ask of valuations side by side: are they of one day, and of one unit?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from engine.door import show
from engine.football import FootballBar, FootballField
from engine.remarks import Remark
from services.football_methods import Method, ids_of, place
from services.valuations import KeptId, Recorded

# Days. A month of the cost of capital is about a hundredth of a value, and prices move by more.
FAR_APART: Final = 31
# Times. Methods do not differ by so much about one firm, but a thousand is soon left out.
OUT_OF_SIZE: Final = 10.0


def review(
    methods: Sequence[Method],
    found: Mapping[KeptId, Recorded],
    field: FootballField,
    numbers: Sequence[int],
) -> tuple[Remark, ...]:
    """``numbers`` tell of each bar the method that it comes from."""
    places = [place(number, methods[number]) for number in numbers]
    return (*_on_days(methods, found), *_on_sizes(field.bars, places))


def _on_days(methods: Sequence[Method], found: Mapping[KeptId, Recorded]) -> Iterator[Remark]:
    dated = [
        (day, at, found[asked].kind.noun)
        for at, asked in ids_of(methods)
        for day in [found[asked].kind.day_of(found[asked].inputs)]
        if day is not None
    ]
    first, last = min(dated, key=lambda each: each[0]), max(dated, key=lambda each: each[0])
    days = (last[0] - first[0]).days
    if days > FAR_APART:
        yield Remark(
            "DAYS_APART",
            first[1],
            f"The {first[2]} is of {first[0]} and the {last[2]} of {last[0]}, {days} days later. "
            "What a firm is worth moves with the day: bring them to one, or read the overlap with "
            "that in mind.",
        )


def _on_sizes(bars: Sequence[FootballBar], places: Sequence[str]) -> Iterator[Remark]:
    """Where bars fall into two groups, and all of one are many times all of the other."""
    rising = sorted(zip(bars, places, strict=True), key=lambda each: each[0].low)
    for count in range(1, len(rising)):
        below, above = rising[:count], rising[count:]
        highest, lowest = max(bar.high for bar, _ in below), above[0][0].low
        if 0.0 < OUT_OF_SIZE * highest < lowest:
            bar, at = below[0] if len(below) < len(above) else above[0]
            yield Remark(
                "SIZES_APART",
                at,
                f"“{bar.name}” and the others are of two sizes: up to {show(highest)}, and from "
                f"{show(lowest)} on. Are all of them in one unit?",
            )
            return
