"""Which shock drives the value: each one's share of the value's variance.

The share is the first-order index of Sobol (Saltelli and others, Global Sensitivity Analysis: The
Primer, 2008, chapter 1), Var(E[value | draw]) / Var(value): what would be gone of the variance if
the draw were known. It is estimated from the trials themselves by cutting each draw into bins
(Plischke, Borgonovo and Smith, European Journal of Operational Research 226, 2013, p. 536), less
what bins find in noise (Kelley, Proceedings of the National Academy of Sciences 21, 1935, p. 554).

The shares of independent shocks add up to at most 1; the rest is what shocks do together.
Correlated shocks share what they have in common, so theirs may add up to more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.door import FloatArray
from engine.sampling import Block

TRIALS: Final = 32_768  # the first ones, which tell a share to half a point; more cost time
BINS_MIN: Final = 8
NORMAL_REACH: Final = 3.2  # standard deviations that are cut into bins; what is beyond is outer

Bins: TypeAlias = npt.NDArray[np.uint8]


def bins_for(trials: int) -> int:
    """How many bins so many trials fill: more find more noise, fewer lose what is within them."""
    return max(BINS_MIN, int(min(trials, TRIALS) ** (1.0 / 3.0)))


def binned(raw: FloatArray, blocks: Sequence[Block], bins: int) -> Bins:
    """(rows, trials) the bin of every raw number, before it becomes a draw."""
    found = np.empty(raw.shape, dtype=np.uint8)
    for rows, normal in blocks:
        scaled = raw[rows] * (bins / (2.0 * NORMAL_REACH) if normal else bins)
        if normal:
            scaled += bins / 2.0
        np.clip(scaled, 0.0, bins - 0.5, out=scaled)
        np.copyto(found[rows], scaled, casting="unsafe")  # cut down to the whole number
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What some trials say. Tallies are added in the order of the trials."""

    counts: FloatArray  # (rows, bins) trials
    sums: FloatArray  # (rows, bins) of their values, less the value without shocks
    trials: int
    whole: float  # sum of those values
    squares: float

    def plus(self, other: Tally) -> Tally:
        return Tally(
            self.counts + other.counts,
            self.sums + other.sums,
            self.trials + other.trials,
            self.whole + other.whole,
            self.squares + other.squares,
        )


def tally(found: Bins, values: FloatArray, centre: float, bins: int) -> Tally:
    """``found`` is (rows, trials); trials without a finite value are left out."""
    finite = np.isfinite(values)
    if not finite.all():
        found, values = found[:, finite], values[finite]
    apart = values - centre
    counts = [np.bincount(row, minlength=bins) for row in found]
    sums = [np.bincount(row, weights=apart, minlength=bins) for row in found]
    return Tally(
        np.array(counts, dtype=np.float64),
        np.array(sums),
        values.size,
        float(apart.sum()),
        float(np.square(apart).sum()),
    )


def shares(told: Tally, sizes: Sequence[int]) -> list[float] | None:
    """The share of each shock, of which each has as many rows as ``sizes`` says.

    A shock that is drawn for each year has the shares of its years together. None where the value
    does not vary, or varies beyond the range of a number.
    """
    total = told.squares - told.whole * told.whole / max(told.trials, 1)
    if not np.isfinite(total) or total <= 1e-14 * told.squares:
        return None
    filled = told.counts > 0.0
    means = np.divide(np.square(told.sums), told.counts, out=np.zeros_like(told.sums), where=filled)
    between = means.sum(axis=1) - told.whole * told.whole / told.trials
    spent = filled.sum(axis=1)  # bins that hold anything, one of them for the mean
    within = (total - between) / np.maximum(told.trials - spent, 1)
    by_row = (between - (spent - 1) * within) / total
    ends = np.cumsum([0, *sizes])
    return [min(max(float(by_row[start:stop].sum()), 0.0), 1.0) for start, stop in pairwise(ends)]
