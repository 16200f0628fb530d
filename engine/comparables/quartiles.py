"""The quartiles of peers, some of which may say nothing: ordered in each scenario by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.door import Scalar, real, where


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quartiles:
    """(*batch) of the values that count; NaN where none does."""

    low: Scalar
    lower_quartile: Scalar
    median: Scalar
    mean: Scalar
    upper_quartile: Scalar
    high: Scalar


LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def quartiles(values: Sequence[Scalar], counted: Sequence[Scalar | bool]) -> Quartiles:
    """(n, *batch) in, what lies where in their order out. ``counted``: which of them do.

    Quantiles are of type 7 of Hyndman and Fan (The American Statistician 50, 1996, pp. 361-365),
    the one of numpy and of spreadsheets' QUARTILE.INC: the value at place (n - 1) q from the
    lowest, counted from 0, on a straight line between its neighbours.
    """
    low, lower, median, upper, high = quantiles(values, counted, LEVELS)
    total: Scalar = 0.0
    count: Scalar = 0.0
    for value, counts in zip(values, counted, strict=True):
        total = total + where(counts, value, 0.0)
        count = count + where(counts, 1.0, 0.0)
    some = count > 0.0
    return Quartiles(
        low=low,
        lower_quartile=lower,
        median=median,
        mean=where(some, total / where(some, count, 1.0), math.nan),
        upper_quartile=upper,
        high=high,
    )


def quantiles(
    values: Sequence[Scalar], counted: Sequence[Scalar | bool], levels: Sequence[float]
) -> list[Scalar]:
    """(*batch) at each level, from 0 to 1; NaN where no value counts.

    Ordered by real parts, so that a complex step goes through the two neighbours: the quantile is
    piecewise linear in the values.
    """
    alone = [float(value) for value in values if isinstance(value, float | int)]
    if len(alone) == len(values):
        kept = sorted(value for value, counts in zip(alone, counted, strict=True) if counts)
        return [_of_row(kept, level) for level in levels]
    shape = np.broadcast_shapes(*(np.shape(each) for each in (*values, *counted)))
    rows = np.stack([np.broadcast_to(value, shape) for value in values])  # (n, *batch)
    counts = np.stack([np.broadcast_to(each, shape) for each in counted])
    order = np.argsort(np.where(counts, real(rows), np.inf), axis=0, kind="stable")
    last = counts.sum(axis=0) - 1
    found: list[Scalar] = []
    for level in levels:
        place = np.maximum(last, 0) * level
        below = np.floor(place)
        at = below.astype(np.intp)
        neighbours = np.stack((at, np.minimum(at + 1, np.maximum(last, 0))))
        one, other = np.take_along_axis(rows, np.take_along_axis(order, neighbours, axis=0), axis=0)
        found.append(np.where(last < 0, math.nan, _between(one, other, place - below)))
    return found


def _of_row(ordered: Sequence[float], level: float) -> float:
    if not ordered:
        return math.nan
    place = (len(ordered) - 1) * level
    at = math.floor(place)
    other = ordered[min(at + 1, len(ordered) - 1)]
    return float(_between(ordered[at], other, place - at))


def _between(one: Scalar, other: Scalar, share: Scalar) -> Scalar:
    """On the line between two, counted from the nearer one: as numpy does it, to the last bit."""
    gap = other - one
    return where(share >= 0.5, other - gap * (1.0 - share), one + gap * share)
