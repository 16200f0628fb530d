"""A simulation in scrambles: sixteen estimates of everything, whose spread is the error.

Each scramble alone is an unbiased sample, and they are independent of each other; so the error of
a mean is that of sixteen means, with Student's t of 15 degrees of freedom (Owen, Monte Carlo
theory, methods and examples, chapter 17).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.convergence import PERCENTILES, Bracketed, Interval, Moments, SoFar, wilson
from engine.door import FloatArray
from engine.sampling import SCRAMBLES, SobolNets

# Two-sided 95 %: the 97.5th percentile of Student's t with 15 degrees of freedom.
T_95: Final = 2.131449545559776
FEW: Final = 2_048  # values that are sorted to find one of them; more are halved first


class Ordered:
    """Values in parts, each from least to greatest, read as if they were one list."""

    def __init__(self, parts: Sequence[FloatArray]) -> None:
        self.parts = [part for part in parts if part.size]
        self.size = sum(part.size for part in self.parts)

    def at(self, ranks: npt.NDArray[np.intp]) -> FloatArray:
        """(ranks,) the values at some ranks of all parts together, counted from 0.

        A rank's value lies between the least and the greatest of what the parts have at their own
        share of that rank: at most as many are below the one, and more are not above the other.
        """
        if len(self.parts) == 1:
            return self.parts[0][ranks]
        own = [part[ranks * part.size // self.size] for part in self.parts]
        lows, highs = np.min(own, axis=0), np.max(own, axis=0)
        starts = np.array([np.searchsorted(part, lows, "left") for part in self.parts])
        stops = np.array([np.searchsorted(part, highs, "right") for part in self.parts])
        pairs = zip(ranks.tolist(), starts.T.tolist(), stops.T.tolist(), strict=True)
        return np.array([self._one(*pair) for pair in pairs])

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """(levels,) linear between order statistics, as `engine.convergence.quantile` has it."""
        positions = np.array(levels) * (self.size - 1)
        below = positions.astype(np.intp)
        above = np.minimum(below + 1, self.size - 1)
        lower, upper = np.split(self.at(np.concatenate((below, above))), 2)
        found: FloatArray = lower + (positions - below) * (upper - lower)
        return found

    def counts(self, values: FloatArray, *, equal: bool = False) -> npt.NDArray[np.intp]:
        """(parts, values) how many are below each value, or with ``equal`` not above it."""
        return np.array(
            [part.searchsorted(values, "right" if equal else "left") for part in self.parts]
        )

    def _one(self, rank: int, starts: list[int], stops: list[int]) -> float:
        """The value at ``rank``, which is in [start, stop) of some part."""
        while True:
            widths = [stop - start for start, stop in zip(starts, stops, strict=True)]
            if sum(widths) <= FEW:
                between = zip(self.parts, starts, stops, strict=True)
                near = np.concatenate([part[start:stop] for part, start, stop in between])
                near.sort()
                return float(near[rank - sum(starts)])
            widest = widths.index(max(widths))
            pivot = self.parts[widest][starts[widest] + widths[widest] // 2]
            below = [int(part.searchsorted(pivot, "left")) for part in self.parts]
            upto = [int(part.searchsorted(pivot, "right")) for part in self.parts]
            if rank < sum(below):
                stops = below
            elif rank >= sum(upto):
                starts = upto
            else:
                return float(pivot)


class Replicates:
    """The values of a Sobol simulation as its trials come, each scramble's by itself.

    Trials without a finite value are counted and not kept.
    """

    __slots__ = ("_chunk", "_kept", "_means", "_nets", "_squares", "_values", "drawn", "ended")

    def __init__(self, nets: SobolNets) -> None:
        self._nets = nets
        self._values = np.empty((SCRAMBLES, nets.points))
        self._kept = [0] * SCRAMBLES
        self._means = [0.0] * SCRAMBLES
        self._squares = [0.0] * SCRAMBLES  # sums of squared distances from those means
        self._chunk = 0  # the next one
        self.drawn = 0
        self.ended = False  # no more trials come

    @property
    def kept(self) -> int:
        return sum(self._kept)

    @property
    def infeasible(self) -> int:
        return self.drawn - self.kept

    @property
    def whole(self) -> bool:
        """Whether every scramble has equally many points."""
        return self._chunk % SCRAMBLES == 0

    def add(self, values: FloatArray) -> None:
        """The next chunks' trials, in order; what is not finite has no value."""
        start = 0
        while start < values.size:
            stop = start + self._nets.drawn(self._chunk)
            self._add(self._chunk % SCRAMBLES, values[start:stop])
            self._chunk += 1
            start = stop
        self.drawn += values.size

    def _add(self, which: int, values: FloatArray) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            values = values[finite]
        if not values.size:
            return
        before = self._kept[which]
        stop = before + values.size
        np.add(values, 0.0, out=self._values[which, before:stop])  # one sign for zeros
        # Chan, Golub and LeVeque, American Statistician 37 (1983), p. 242: moments of two parts.
        with np.errstate(all="ignore"):  # beyond a double there is no moment: `moments` says None
            mean = values.mean()
            apart = mean - self._means[which]
            self._squares[which] += float(
                np.square(values - mean).sum() + apart * apart * before * (values.size / stop)
            )
            self._means[which] += float(apart * (values.size / stop))
        self._kept[which] = stop

    def moments(self) -> Moments | None:
        """None: there is one trial with a value or none, or no double holds the moments."""
        if self.kept < 2:
            return None
        filled = np.array(self._kept) > 0
        means, kept = np.array(self._means)[filled], np.array(self._kept)[filled]
        with np.errstate(all="ignore"):
            mean = float((means * kept).sum() / kept.sum())
            squares = float(np.sum(self._squares) + (np.square(means - mean) * kept).sum())
            error = _error(means)
        deviation = math.sqrt(squares / (self.kept - 1)) if squares < math.inf else math.inf
        if not (math.isfinite(mean) and math.isfinite(deviation) and math.isfinite(error)):
            return None
        ends = Interval(mean - T_95 * error, mean + T_95 * error)
        return Moments(mean=mean, standard_error=error, standard_deviation=deviation, ends=ends)

    def so_far(self) -> SoFar:
        """The same bits for the same trials."""
        moments = self.moments()
        return SoFar(
            trials_done=self.drawn,
            infeasible=self.infeasible,
            mean=None if moments is None else moments.mean,
            standard_error=None if moments is None else moments.standard_error,
            percentiles=self.percentiles(self.ordered()) if self.kept else (),
        )

    def ordered(self) -> Ordered:
        """Each scramble's values from least to greatest, sorted in place."""
        parts = [
            values[:kept] for values, kept in zip(self._values, self._kept, strict=True) if kept
        ]
        for part in parts:
            part.sort()
        return Ordered(parts)

    def percentiles(self, ordered: Ordered) -> tuple[Bracketed, ...]:
        """Each with the interval that holds the true one with 95 % confidence.

        The share of values up to a percentile is a mean, so sixteen scrambles tell its error; its
        ends are turned into values again (Woodruff, Journal of the American Statistical Association
        47, 1952, p. 635), rounded outwards and one rank further, as `engine.convergence.bracket`.
        """
        values = ordered.quantiles(PERCENTILES)
        counts = ordered.counts(values, equal=True)
        sizes = np.array([[part.size] for part in ordered.parts])
        found = []
        for level, value, share in zip(PERCENTILES, values, (counts / sizes).T, strict=True):
            reach = T_95 * _error(share)
            low = math.floor((level - reach) * ordered.size) - 1
            high = math.ceil((level + reach) * ordered.size)
            ends = ordered.at(np.array([max(low, 0), min(high, ordered.size - 1)]))
            found.append(
                Bracketed(
                    level=level,
                    value=float(value),
                    low=float(ends[0]) if low >= 0 else None,
                    high=float(ends[1]) if high < ordered.size else None,
                )
            )
        return tuple(found)

    def chance(self, ordered: Ordered, above: npt.NDArray[np.intp]) -> Interval:
        """95 % confidence for a share, of which each scramble has ``above``, (scrambles,)."""
        sizes = np.array([part.size for part in ordered.parts])
        share = float(above.sum()) / ordered.size
        if share in (0.0, 1.0):  # all scrambles agree, and their spread says nothing
            return wilson(share, ordered.size)
        reach = T_95 * _error(above / sizes) + 1.0 / ordered.size
        return Interval(max(share - reach, 0.0), min(share + reach, 1.0))


def _error(estimates: FloatArray) -> float:
    """The standard error of the mean of independent estimates."""
    if estimates.size < 2:
        return math.inf
    return float(estimates.std(ddof=1)) / math.sqrt(estimates.size)
