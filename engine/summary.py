"""What a simulation comes to: every statistic of its values, each with how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.convergence import (
    PERCENTILES,
    Bracketed,
    Interval,
    Moments,
    Sample,
    bracket,
    moments_of,
    quantile,
    wilson,
)
from engine.door import FloatArray
from engine.errors import Infeasible
from engine.replicates import Ordered, Replicates
from engine.sampling import Sampling

BINS: Final = 40
BIN_ENDS: Final = (0.005, 0.995)  # percentiles between which the bins lie


@dataclass(frozen=True, slots=True)
class Driver:
    """A shock's share of the value's variance, see `engine.drivers`."""

    path: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """A distribution of values. Trials without a value (say, growth drawn above the WACC) are
    counted as ``infeasible`` and stand in no statistic. Intervals are of 95 % confidence."""

    sampling: Sampling
    trials: int  # that were drawn
    infeasible: int
    mean: float
    standard_error: float  # of the mean
    mean_ends: Interval
    standard_deviation: float
    minimum: float
    maximum: float
    percentile_levels: tuple[float, ...]
    percentiles: FloatArray  # (levels,) by linear interpolation (Hyndman and Fan's type 7)
    percentile_ends: tuple[tuple[float | None, float | None], ...]
    bin_edges: FloatArray  # (bins + 1,) from the 0.5th to the 99.5th percentile
    bin_counts: FloatArray  # (bins,) trials beyond the edges are in the outer bins
    probability_above: float | None  # of the price that was asked about
    probability_ends: Interval | None
    mean_shortfall: float | None  # of those below the price; None: without a price, or such trials
    converged: bool | None  # to what was asked for; None: nothing was
    drivers: tuple[Driver, ...]  # the greatest share first; empty where the value does not vary


def summarise(
    sample: Sample | Replicates,
    price: float | None,
    drivers: tuple[Driver, ...],
    converged: bool | None,
) -> Simulation:
    """Every statistic. The sample is used up: a hundred million trials have no room for a copy.

    Raises:
        Infeasible: where the values spread beyond the range of a number.
    """
    trials, infeasible = sample.drawn, sample.infeasible
    if isinstance(sample, Replicates):
        ordered, sampling = sample.ordered(), Sampling.SOBOL
        percentiles = sample.percentiles(ordered)
    else:
        ordered, sampling = Ordered([sample.ordered()]), Sampling.PLAIN
        percentiles = _percentiles(ordered.parts[0])
    least, most = ordered.at(np.array([0, ordered.size - 1])).tolist()
    edges, counts = _histogram(ordered)
    probability, ends, shortfall = _about(price, ordered, sample)
    moments = sample.moments() if isinstance(sample, Replicates) else _moments(ordered.parts[0])
    if moments is None:
        raise Infeasible(
            "The values spread beyond the range of a number: the shocks are wider than the model "
            "can bear."
        )
    return Simulation(
        sampling=sampling,
        trials=trials,
        infeasible=infeasible,
        mean=moments.mean,
        standard_error=moments.standard_error,
        mean_ends=moments.ends,
        standard_deviation=moments.standard_deviation,
        minimum=least,
        maximum=most,
        percentile_levels=PERCENTILES,
        percentiles=np.array([each.value for each in percentiles]),
        percentile_ends=tuple((each.low, each.high) for each in percentiles),
        bin_edges=edges,
        bin_counts=counts,
        probability_above=probability,
        probability_ends=ends,
        mean_shortfall=shortfall,
        converged=converged,
        drivers=drivers,
    )


def _percentiles(ordered: FloatArray) -> tuple[Bracketed, ...]:
    found = []
    for level in PERCENTILES:
        low, high = bracket(level, ordered.size)
        found.append(
            Bracketed(
                level=level,
                value=quantile(ordered, level),
                low=None if low is None else float(ordered[low]),
                high=None if high is None else float(ordered[high]),
            )
        )
    return tuple(found)


def _moments(values: FloatArray) -> Moments | None:
    """Of independent trials; ``values`` is used up. None: no double holds them."""
    with np.errstate(all="ignore"):
        mean = values.mean()
        # What numpy's std does, in place.
        values -= mean
        np.multiply(values, values, out=values)
        deviation = float(np.sqrt(values.sum() / (values.size - 1)))
    if not math.isfinite(deviation):
        return None
    return moments_of(float(mean), deviation, deviation / float(np.sqrt(values.size)))


def _histogram(ordered: Ordered) -> tuple[FloatArray, FloatArray]:
    low, high = ordered.quantiles(BIN_ENDS).tolist()
    with np.errstate(all="ignore"):
        edges = (
            np.linspace(low, high, BINS + 1)
            if high > low
            else np.array([low, np.nextafter(low, np.inf)])
        )
    inner = ordered.counts(edges[1:-1]).sum(axis=0)
    return edges, np.diff(np.concatenate(([0], inner, [ordered.size]))).astype(np.float64)


def _about(
    price: float | None, ordered: Ordered, sample: Sample | Replicates
) -> tuple[float | None, Interval | None, float | None]:
    """How likely a value above the price is, within which ends, and what the others fall short."""
    if price is None:
        return None, None, None
    at = np.array([price])
    upto = ordered.counts(at, equal=True)[:, 0]
    share = float(1.0 - upto.sum() / ordered.size)
    if isinstance(sample, Replicates):
        sizes = np.array([part.size for part in ordered.parts])
        ends = sample.chance(ordered, sizes - upto)
    else:
        ends = wilson(share, ordered.size)
    below = ordered.counts(at)[:, 0].tolist()
    many = sum(below)
    if not many:
        return share, ends, None
    with np.errstate(all="ignore"):
        pairs = zip(ordered.parts, below, strict=True)
        mean = sum(float(part[:count].sum()) for part, count in pairs) / many
    return share, ends, price - mean if math.isfinite(mean) else None
