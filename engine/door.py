"""The engine's door: every input is checked here, once, and all problems are said together."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidInput, Problem, ProblemCode

FloatArray: TypeAlias = npt.NDArray[np.float64]
# One number, or one for each scenario of the batch. A gradient's batch is complex: its real part
# is the number, its imaginary part an infinitesimal step.
Scalar: TypeAlias = float | npt.NDArray[Any]

_ALONE = (float, int)  # a number that is no batch
MAX_YEARS = 100
_SHOWN = 6  # digits of a number below 10,000; of a larger one all before its point
MONEY_MAX = 1e18  # above the money of all the world, in any currency


def real(value: Scalar) -> Scalar:
    """The number without its complex step. A branch of a formula tests this."""
    return value if isinstance(value, _ALONE) else value.real


def square_root(value: Scalar) -> Scalar:
    """The same bits for a number alone and in a batch (``x ** 0.5`` is not: it calls pow)."""
    return math.sqrt(value) if isinstance(value, _ALONE) else np.sqrt(value)


def power(base: Scalar, exponent: float) -> Scalar:
    """A fractional power of a base above zero: the same bits for a number alone and in a batch."""
    # Python's own ``**`` gives other bits, and so does numpy where numbers do not lie in a row.
    raised = np.power(np.array(base, order="C"), exponent)
    return float(raised) if isinstance(base, _ALONE) else raised


def where(chosen: Scalar | bool, value: Scalar, other: Scalar) -> Scalar:
    """``value`` in the scenarios that are chosen, ``other`` in the rest; the same bits for one."""
    if isinstance(chosen, np.ndarray):
        return np.where(chosen, value, other)
    return value if chosen else other


def lesser(one: Scalar, other: Scalar) -> Scalar:
    """The lesser of two numbers, with its complex step; of equals the first."""
    return where(real(one) <= real(other), one, other)


def at_least(value: Scalar, least: Scalar) -> Scalar:
    """The larger of the two, with its complex step; of equals ``least``."""
    return where(real(value) > real(least), value, least)


def show(value: float) -> str:
    """A number as a person would write it."""
    return f"{value:,.0f}" if 1e4 <= abs(value) <= 1e18 else f"{value:.6g}"


def no_less(value: float) -> str:
    """A number as a person would write it, not below ``value`` by more than its last bits."""
    return _rounded(value, ROUND_CEILING)


def no_more(value: float) -> str:
    """A number as a person would write it, not above ``value`` by more than its last bits."""
    return _rounded(value, ROUND_FLOOR)


def told_number(text: str) -> float:
    """The number that `show`, `no_less` or `no_more` wrote, as whoever types it in gives it."""
    return float(text.replace(",", ""))


def _rounded(value: float, way: str) -> str:
    # A sum that misses a round number by its last bits means that number.
    exact = Decimal(f"{value:.14g}")
    if abs(value) >= 1e4:
        return show(float(exact.to_integral_value(way)))
    return show(float(Context(prec=_SHOWN, rounding=way).plus(exact)))


class Door:
    """Collects problems; `close` raises them all as one `InvalidInput`.

    Every check is written so that NaN fails it: ``low <= nan`` is false.
    """

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def refuse(self, path: str, code: ProblemCode, message: str, suggestion: str) -> None:
        self.problems.append(Problem(path, code, message, suggestion))

    def close(self) -> None:
        if self.problems:
            raise InvalidInput.of(self.problems)

    def within(self, path: str, value: Scalar, low: float, high: float) -> None:
        """``low <= value <= high``, for every scenario."""
        if isinstance(value, _ALONE):
            if low <= value <= high:
                return
            worst = value
        else:
            lowest, highest = float(value.real.min()), float(value.real.max())
            if low <= lowest and highest <= high:
                return
            worst = lowest if not low <= lowest else highest
        self._outside(path, worst, low, high)

    def within_by_year(self, path: str, values: Sequence[Scalar], low: float, high: float) -> None:
        """``low <= value <= high``, for every year and scenario."""
        for year, value in enumerate(values):
            if isinstance(value, _ALONE) and low <= value <= high:
                continue
            self.within(f"{path}[{year}]", value, low, high)

    def apart(
        self,
        path: str,
        lower: Scalar,
        upper: Scalar,
        least: float,
        what: str,
        mend: Callable[[], str] | None = None,
    ) -> None:
        """``upper - lower >= least``, for every scenario. ``what`` says why, as a sentence; so does
        ``mend``, where it is given, what would be right.
        """
        try:
            spread = real(upper) - real(lower)
            narrowest = float(spread) if isinstance(spread, _ALONE) else float(spread.min())
        except OverflowError:  # of an integer that no double can hold
            narrowest = math.nan
        if narrowest >= least or not math.isfinite(narrowest):
            return  # what is not finite has been refused under its own name
        if isinstance(spread, _ALONE):
            where = f"{show(float(real(lower)))} against {show(float(real(upper)))}"
        else:
            at = np.unravel_index(int(spread.argmin()), spread.shape)
            pair = np.broadcast_arrays(real(lower), real(upper))
            where = f"{show(float(pair[0][at]))} against {show(float(pair[1][at]))}"
        self.refuse(
            path,
            "CONTRADICTION",
            f"{what} Here: {where}.",
            f"Keep them at least {show(least)} apart." if mend is None else mend(),
        )

    def _outside(self, path: str, value: float, low: float, high: float) -> None:
        if not abs(value) <= sys.float_info.max:  # nor is an integer that no double can hold
            self.refuse(path, "NOT_FINITE", "This is not a finite number.", "Give a finite number.")
            return
        edge = low if value < low else high
        side = "below the least" if value < low else "above the most"
        # Where six digits would say that a number is less than itself, all of them are shown.
        said = show(value) if show(value) != show(edge) else repr(float(value))
        # The least of a price is so small only because no price is 0.
        span = "above 0, up" if value <= 0.0 < low <= 1e-6 else f"from {show(low)}"
        self.refuse(
            path,
            "OUT_OF_RANGE",
            f"{said} is {side} that is allowed here, {show(edge)}.",
            f"Give a number {span} to {show(high)}{_hint(value, low, high)}.",
        )


class Sieve(Door):
    """The same rules for drawn scenarios: one that breaks any is sorted out, and nobody refused."""

    __slots__ = ("broken",)

    def __init__(self) -> None:
        super().__init__()
        self.broken: npt.NDArray[np.bool_] | None = None  # (*batch)

    def within(self, path: str, value: Scalar, low: float, high: float) -> None:  # noqa: ARG002 - as the door's
        # Most batches break nothing: two passes to know are cheaper than to write a mask.
        if isinstance(value, np.ndarray) and not (low <= value.min() and value.max() <= high):
            self._sort_out((low <= value) & (value <= high))

    def apart(
        self,
        path: str,  # noqa: ARG002 - as the door's
        lower: Scalar,
        upper: Scalar,
        least: float,
        what: str,  # noqa: ARG002 - as the door's
        mend: Callable[[], str] | None = None,  # noqa: ARG002 - as the door's
    ) -> None:
        spread = upper - lower
        if isinstance(spread, np.ndarray) and not spread.min() >= least:
            self._sort_out(spread >= least)

    def _sort_out(self, kept: npt.NDArray[np.bool_]) -> None:
        self.broken = ~kept if self.broken is None else self.broken | ~kept


class Bounds(Door):
    """The same rules, asked what they are: between which two numbers each input has to lie."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, tuple[float, float]] = {}  # of a schedule, for every year of it

    def within(self, path: str, value: Scalar, low: float, high: float) -> None:
        least, most = self.found.get(path, (low, high))
        self.found[path] = max(low, least), min(high, most)
        super().within(path, value, low, high)

    def within_by_year(self, path: str, values: Sequence[Scalar], low: float, high: float) -> None:
        self.found[path] = low, high
        super().within_by_year(path, values, low, high)


def _hint(value: float, low: float, high: float) -> str:
    """The usual slip: a rate typed in percent."""
    if high <= 10.0 and value > high and low <= value / 100.0 <= high:
        return f"; rates are fractions, so {show(value)} % is {show(value / 100.0)}"
    return ""
