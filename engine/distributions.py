"""What is drawn for an uncertain input, each by its quantile function.

A quantile function turns a chance, uniform from 0 to 1, into a draw; a bell-shaped one takes a
standard normal instead. So the same distribution is drawn from plain streams, from Sobol points
and from correlated numbers, and its margin is the same.

Every draw d says what it is `relative_to` the input's own value x: an OFFSET (x + d), a MULTIPLE
(x · d), or ABSOLUTE (d instead of x).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar, Final, TypeAlias

import numpy as np

from engine.door import Door, FloatArray, Scalar

DRAW_MAX: Final = 1e18
LIST_MAX: Final = 1_000  # outcomes, or observations
SUM_WITHIN: Final = 1e-9  # of 1, for probabilities

# What is added to a draw: the bases of an OFFSET, one for each row, or nothing.
Origin: TypeAlias = FloatArray | float


class RelativeTo(StrEnum):
    """What a draw is to the input's own value."""

    OFFSET = "OFFSET"
    MULTIPLE = "MULTIPLE"
    ABSOLUTE = "ABSOLUTE"


@dataclass(frozen=True, slots=True)
class Normal:
    """Around ``mean``. Left out, that is the input's own value: an offset of 0, a multiple of 1."""

    NAME: ClassVar = "normal"
    FROM_NORMAL: ClassVar = True  # drawn from a standard normal, not from a chance

    standard_deviation: float
    mean: float | None = None
    relative_to: RelativeTo = RelativeTo.OFFSET

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        """(rows, trials) standard normals become draws, in place."""
        raw *= self.standard_deviation
        mean = self.mean
        if mean is None:
            mean = 1.0 if self.relative_to is RelativeTo.MULTIPLE else 0.0
        raw += origin + mean if mean else origin

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.standard_deviation", self.standard_deviation, 0.0, DRAW_MAX)
        if self.mean is not None:
            door.within(f"{path}.mean", self.mean, -DRAW_MAX, DRAW_MAX)
        elif self.relative_to is RelativeTo.ABSOLUTE:
            door.refuse(
                f"{path}.mean",
                "MISSING",
                "A normal draw that replaces the input needs a mean.",
                "Give one, or draw an OFFSET.",
            )


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything from ``low`` to ``high``, all alike."""

    NAME: ClassVar = "uniform"
    FROM_NORMAL: ClassVar = False

    low: float
    high: float
    relative_to: RelativeTo = RelativeTo.OFFSET

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        raw *= self.high - self.low
        raw += origin + self.low

    def check(self, door: Door, path: str) -> None:
        _ascending(door, path, "A uniform draw needs low <= high.", low=self.low, high=self.high)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """median · exp(σz): its logarithm is normal. The mean is median · exp(σ²/2), above the median
    (Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 2nd ed., chapter 14)."""

    NAME: ClassVar = "lognormal"
    FROM_NORMAL: ClassVar = True

    median: float
    log_standard_deviation: float
    relative_to: RelativeTo

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        raw *= self.log_standard_deviation
        np.exp(raw, out=raw)
        raw *= self.median
        raw += origin

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.median", self.median, 1e-12, DRAW_MAX)
        door.within(f"{path}.log_standard_deviation", self.log_standard_deviation, 0.0, 10.0)


@dataclass(frozen=True, slots=True)
class Triangular:
    """A density that rises straight from ``low`` to ``mode`` and falls straight to ``high``."""

    NAME: ClassVar = "triangular"
    FROM_NORMAL: ClassVar = False

    low: float
    mode: float
    high: float
    relative_to: RelativeTo

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        width = self.high - self.low
        rising = raw * width < self.mode - self.low
        left = self.low + np.sqrt(raw * (width * (self.mode - self.low)))
        right = self.high - np.sqrt((1.0 - raw) * (width * (self.high - self.mode)))
        np.copyto(raw, np.where(rising, left, right))
        raw += origin

    def check(self, door: Door, path: str) -> None:
        sentence = "A triangular draw needs low <= mode <= high."
        _ascending(door, path, sentence, low=self.low, mode=self.mode, high=self.high)


@dataclass(frozen=True, slots=True)
class Pert:
    """A beta density from ``low`` to ``high`` with its peak at ``mode``, which weighs λ against the
    ends: the mean is (low + λ mode + high) / (λ + 2). λ = 4 is Malcolm, Roseboom, Clark and Fazar's
    (Operations Research 7, 1959, p. 646); another weight makes it Vose's modified one (Risk
    Analysis, 3rd ed., 2008, appendix III)."""

    NAME: ClassVar = "pert"
    FROM_NORMAL: ClassVar = False

    low: float
    mode: float
    high: float
    relative_to: RelativeTo
    weight: float = 4.0

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        width = self.high - self.low
        if width > 0.0:
            from scipy.special import betaincinv

            before = 1.0 + self.weight * ((self.mode - self.low) / width)
            after = 1.0 + self.weight * ((self.high - self.mode) / width)
            betaincinv(before, after, raw, out=raw)
        raw *= width
        raw += origin + self.low

    def check(self, door: Door, path: str) -> None:
        sentence = "A PERT draw needs low <= mode <= high."
        _ascending(door, path, sentence, low=self.low, mode=self.mode, high=self.high)
        door.within(f"{path}.weight", self.weight, 0.0, 100.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that may happen, and how likely it is."""

    value: float
    probability: float


@dataclass(frozen=True, slots=True)
class Discrete:
    """One of some values, each with its probability."""

    NAME: ClassVar = "discrete"
    FROM_NORMAL: ClassVar = False

    outcomes: tuple[Outcome, ...]
    relative_to: RelativeTo

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        # From least to greatest, or the draw would not rise with the chance. The last one has what
        # rounding leaves of 1, so what is impossible is none of them.
        possible = [outcome for outcome in self.outcomes if outcome.probability]
        ordered = sorted(possible, key=lambda outcome: outcome.value)
        values = np.array([outcome.value for outcome in ordered])
        ends = np.cumsum([outcome.probability for outcome in ordered[:-1]])
        np.take(values, np.searchsorted(ends, raw, side="right"), out=raw)
        raw += origin

    def check(self, door: Door, path: str) -> None:
        path = f"{path}.outcomes"
        if not _many(door, path, len(self.outcomes), 1, "outcomes"):
            return
        sound = len(door.problems)
        for number, outcome in enumerate(self.outcomes):
            door.within(f"{path}[{number}].value", outcome.value, -DRAW_MAX, DRAW_MAX)
            door.within(f"{path}[{number}].probability", outcome.probability, 0.0, 1.0)
        if len(door.problems) > sound:
            return
        whole = math.fsum(outcome.probability for outcome in self.outcomes)
        if abs(whole - 1.0) > SUM_WITHIN:
            door.refuse(
                path,
                "CONTRADICTION",
                f"The probabilities add up to {whole:.10g}, not to 1.",
                "Give probabilities that add up to 1.",
            )


@dataclass(frozen=True, slots=True)
class Empirical:
    """As some observations were: the inverse of their distribution function, straight from each
    to the next, of which the least has the chance 0 and the greatest 1 (Law, Simulation Modeling
    and Analysis, 5th ed., 2015, chapter 6)."""

    NAME: ClassVar = "empirical"
    FROM_NORMAL: ClassVar = False

    observations: tuple[float, ...]
    relative_to: RelativeTo

    def shape(self, raw: FloatArray, origin: Origin) -> None:
        ordered = np.sort(np.array(self.observations))
        raw *= ordered.size - 1
        below = np.minimum(raw.astype(np.intp), ordered.size - 2)
        raw -= below
        raw *= np.diff(ordered)[below]
        raw += ordered[below]
        raw += origin

    def check(self, door: Door, path: str) -> None:
        path = f"{path}.observations"
        if _many(door, path, len(self.observations), 2, "observations"):
            for number, value in enumerate(self.observations):
                door.within(f"{path}[{number}]", value, -DRAW_MAX, DRAW_MAX)


Distribution: TypeAlias = Normal | Uniform | Lognormal | Triangular | Pert | Discrete | Empirical
DISTRIBUTIONS: Final[tuple[type[Distribution], ...]] = (
    Normal,
    Uniform,
    Lognormal,
    Triangular,
    Pert,
    Discrete,
    Empirical,
)


def placed(
    distribution: Distribution, raw: FloatArray, bases: FloatArray, *, correlated: bool
) -> Sequence[Scalar]:
    """What a shock puts at each of its paths, from its rows of raw numbers, which are used up.

    Shapes: ``raw`` is (rows, trials), ``bases`` (paths, 1), the answer one (trials,) for each path.
    There is a row for each path, or one for all of them. ``correlated`` rows are normals.
    """
    if correlated and not distribution.FROM_NORMAL:
        from scipy.special import ndtr

        ndtr(raw, out=raw)
    relative_to = distribution.relative_to
    distribution.shape(raw, bases if relative_to is RelativeTo.OFFSET else 0.0)
    if relative_to is RelativeTo.MULTIPLE:
        if len(raw) == len(bases):
            raw *= bases
        else:
            raw = raw * bases
    return [raw[0]] * len(bases) if len(raw) < len(bases) else list(raw)


def _ascending(door: Door, path: str, sentence: str, **numbers: float) -> None:
    """Finite numbers, none below the one before it."""
    for name, value in numbers.items():
        door.within(f"{path}.{name}", value, -DRAW_MAX, DRAW_MAX)
    named = list(numbers.items())
    for (_, lower), (name, upper) in pairwise(named):
        door.apart(f"{path}.{name}", lower, upper, 0.0, sentence)


def _many(door: Door, path: str, many: int, least: int, what: str) -> bool:
    """Whether there are as many as there may be."""
    if least <= many <= LIST_MAX:
        return True
    door.refuse(
        path, "WRONG_LENGTH", f"{many:,} {what} are given.", f"Give {least} to {LIST_MAX:,}."
    )
    return False
