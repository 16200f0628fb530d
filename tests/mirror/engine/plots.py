"""A kind of valuation that is no kind: analyses know no formula, so any will do to test them.

A plot of land has a width and a length; its area is their product, its price what ``law`` says of
its width. A width below a half in size is not allowed, nor one above ten.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engine.door import Door, Scalar, Sieve
from engine.questions import Question

LEAST, MOST = 0.5, 10.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plot:
    width: Scalar = 1.0
    length: Scalar = 1.0
    name: str = "field"
    fence: str | None = None


def _enter(door: Door, plot: Plot) -> Plot:
    door.within("width", plot.width, -MOST, MOST)
    door.apart("width", LEAST**2, plot.width * plot.width, 0.0, "Too narrow.")
    door.within("length", plot.length, 0.0, MOST)
    door.close()
    return plot


def _admit(plot: Plot) -> Plot:
    return _enter(Door(), plot)


def _outside(plot: Plot) -> Any:
    sieve = Sieve()
    _enter(sieve, plot)
    return sieve.broken


def _values(law: Callable[[Any], Any], plot: Plot) -> dict[str, Scalar]:
    return {"AREA": plot.width * plot.length, "PRICE": law(np.asarray(plot.width))}


def plot_question(
    output: str = "PRICE", law: Callable[[Any], Any] = lambda width: width**2, **given: Any
) -> Question[Plot]:
    """What is asked about one plot; ``law``: from its width to its price, for any batch."""
    return Question(
        inputs=_admit(dataclasses.replace(Plot(), **given)),
        admit=_admit,
        values=partial(_values, law),
        outside=_outside,
        output=output,
    )
