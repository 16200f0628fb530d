"""What a simulation knows so far: order statistics and moments of the trials that have come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.door import FloatArray

PERCENTILES: Final = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
# Two-sided 95 %: the 97.5th percentile of a standard normal.
Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """What holds a true number with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Of the trials that have a value; every one is finite."""

    mean: float
    standard_error: float  # of the mean
    standard_deviation: float  # of one trial
    ends: Interval  # of the mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracketed:
    """A percentile and the interval that holds the true one with 95 % confidence, whatever the
    distribution. None: there are too few trials for that end."""

    level: float
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """The trials 0 to ``trials_done`` - 1, whoever computed them and whenever this was asked."""

    trials_done: int
    infeasible: int
    mean: float | None  # None: fewer than two trials have a value, or no double holds it
    standard_error: float | None  # of the mean
    percentiles: tuple[Bracketed, ...]


class Sample:
    """The values of a simulation as its trials come, in one array that was made for all of them.

    Trials without a finite value are counted and not kept.
    """

    __slots__ = ("_mean", "_squares", "_values", "drawn", "ended", "kept")

    def __init__(self, trials: int) -> None:
        self._values = np.empty(trials)
        self.drawn = 0
        self.kept = 0
        self.ended = False  # no more trials come
        self._mean = 0.0
        self._squares = 0.0  # sum of squared distances from the mean

    @property
    def infeasible(self) -> int:
        return self.drawn - self.kept

    def add(self, values: FloatArray) -> None:
        """The next trials, in order; what is not finite has no value."""
        finite = np.isfinite(values)
        self.drawn += values.size
        if not finite.all():
            values = values[finite]
        if not values.size:
            return
        stop = self.kept + values.size
        self._values[self.kept : stop] = values
        # Chan, Golub and LeVeque, American Statistician 37 (1983), p. 242: moments of two parts.
        with np.errstate(all="ignore"):  # beyond a double there is no moment: `so_far` says None
            mean = values.mean()
            apart = mean - self._mean
            self._squares += float(
                np.square(values - mean).sum() + apart * apart * self.kept * (values.size / stop)
            )
            self._mean += float(apart * (values.size / stop))
        self.kept = stop

    @property
    def whole(self) -> bool:
        """Whether what has come may be looked at: always."""
        return True

    def moments(self) -> Moments | None:
        """None: fewer than two trials have a value, or no double holds the moments."""
        if not (math.isfinite(self._mean) and math.isfinite(self._squares) and self.kept > 1):
            return None
        variance = self._squares / (self.kept - 1)
        return moments_of(self._mean, math.sqrt(variance), math.sqrt(variance / self.kept))

    def so_far(self) -> SoFar:
        """The same bits for the same trials. It costs a third of sorting them."""
        moments = self.moments()
        return SoFar(
            trials_done=self.drawn,
            infeasible=self.infeasible,
            mean=None if moments is None else moments.mean,
            standard_error=None if moments is None else moments.standard_error,
            percentiles=self._percentiles() if self.kept else (),
        )

    def ordered(self) -> FloatArray:
        """(kept,) the values from least to greatest, sorted in place. No trial can be added after.

        0.0 and -0.0 are equal, so which of them comes first would be chance: all are 0.0.
        """
        values = self._values[: self.kept]
        values.sort()
        zeros = slice(np.searchsorted(values, 0.0, "left"), np.searchsorted(values, 0.0, "right"))
        values[zeros] = 0.0
        return values

    def _percentiles(self) -> tuple[Bracketed, ...]:
        values, count = self._values[: self.kept], self.kept
        ranks: set[int] = set()
        for level in PERCENTILES:
            below = int(level * (count - 1))
            ends = (end for end in bracket(level, count) if end is not None)
            ranks.update((below, min(below + 1, count - 1), *ends))
        # In place: the order of what is kept means nothing, and a copy would double the memory.
        values.partition(sorted(ranks))

        def at(rank: int | None) -> float | None:
            return None if rank is None else float(values[rank]) + 0.0  # never -0.0

        found = []
        for level in PERCENTILES:
            low, high = bracket(level, count)
            value = quantile(values, level) + 0.0
            found.append(Bracketed(level=level, value=value, low=at(low), high=at(high)))
        return tuple(found)


def moments_of(mean: float, deviation: float, error: float) -> Moments:
    """Of independent trials: so many that their mean is normal."""
    ends = Interval(mean - Z_95 * error, mean + Z_95 * error)
    return Moments(mean=mean, standard_error=error, standard_deviation=deviation, ends=ends)


def wilson(share: float, count: int) -> Interval:
    """95 % confidence for a probability, of which ``share`` was seen in ``count`` independent
    trials: it stays within 0 and 1, and has a width even where nothing, or everything, was seen
    (Wilson, Journal of the American Statistical Association 22, 1927, p. 209)."""
    weight = Z_95 * Z_95 / count
    middle = (share + weight / 2.0) / (1.0 + weight)
    reach = math.sqrt(share * (1.0 - share) * weight + weight * weight / 4.0) / (1.0 + weight)
    return Interval(max(middle - reach, 0.0), min(middle + reach, 1.0))


def bracket(level: float, count: int) -> tuple[int | None, int | None]:
    """Ranks, from 0, of the order statistics between which the true percentile is, 95 % surely.

    The number of trials below it is binomial, n p ± z sqrt(n p (1 - p)); both ends are rounded
    outwards, and one rank further than Conover, Practical Nonparametric Statistics, 3rd ed.
    (1999), section 3.2, so that the binomial's own skewness is covered too.
    """
    middle = count * level
    reach = Z_95 * math.sqrt(middle * (1.0 - level))
    low = math.floor(middle - reach) - 1
    high = math.ceil(middle + reach)
    return low if low >= 0 else None, high if high < count else None


def quantile(ordered: FloatArray, level: float) -> float:
    """Linear between order statistics: Hyndman and Fan, American Statistician 50 (1996), type 7."""
    position = level * (ordered.size - 1)
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))
