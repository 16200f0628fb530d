"""Dated cash flows: their worth at a rate, and the rates at which they are worth nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.door import Door, FloatArray
from engine.errors import Infeasible

DAYS = 365.0  # of a year: actual/365
MAX_FLOWS = 10_000
MAX_SIGN_CHANGES = 200  # bounds the rates that there can be, and with them the work
AMOUNT_MAX = 1e18  # money, either way
RATE_MAX = 1e308  # 1/year; flows a day apart can say that much
_GUESS = math.log1p(0.1)  # spreadsheets begin to look at 10 %
_EPSILON = float(np.finfo(np.float64).eps)
_STEPS = 200  # of a search; bisection alone needs some seventy


@dataclass(frozen=True, slots=True, kw_only=True)
class Xirr:
    """The rate at which flows are worth nothing; with ``others``, no one rate describes them."""

    rate: float  # 1/year, above -1; of several the one nearest to 10 %
    others: tuple[float, ...]  # 1/year, from low to high


def xnpv(rate: float, days: Sequence[date], amounts: Sequence[float]) -> float:
    """Money on the first day: the sum of amount / (1 + rate) ^ ((day - first day) / 365).

    ``rate`` is a fraction per year, above -1. ``amounts`` are money, above zero when received, on
    ``days`` in any order; the first day is the earliest.

    Raises:
        InvalidInput: with every problem; Infeasible: if the sum leaves the range of a double.
    """
    door = Door()
    door.within("rate", rate, -1.0, RATE_MAX)
    if rate == -1.0:
        door.refuse(
            "rate",
            "OUT_OF_RANGE",
            "At a rate of -1 money that comes later is worth more than any number.",
            "Give a rate above -1.",
        )
    _check(door, days, amounts)
    door.close()
    times, money = _by_day(days, amounts)
    with np.errstate(over="ignore"):  # refused below
        terms = money * np.exp(-math.log1p(rate) * times)
    if not np.isfinite(terms).all():
        raise Infeasible("At this rate the flows are worth more than a number can hold.")
    return math.fsum(terms.tolist())


def xirr(days: Sequence[date], amounts: Sequence[float]) -> Xirr:
    """Every rate above -1 at which `xnpv` is zero: all of them, not only the first one found.

    Raises:
        InvalidInput: with every problem, such as flows that are all on one side.
        Infeasible: if the flows are worth nothing at no rate.
    """
    door = Door()
    _check(door, days, amounts)
    door.close()
    times, money = _by_day(days, amounts)
    changes = int(np.count_nonzero(np.diff(np.sign(money))))
    if not changes:
        door.refuse(
            "amounts",
            "CONTRADICTION",
            "Net of each day, money goes only one way here, so no rate makes it worth nothing.",
            "Give at least one amount below zero and one above it, on different days.",
        )
    elif changes > MAX_SIGN_CHANGES:
        door.refuse(
            "amounts",
            "TOO_LARGE",
            f"The flows change their sign {changes:,} times, and as many rates may fit them.",
            f"Give sums of longer periods, with up to {MAX_SIGN_CHANGES} changes of sign.",
        )
    door.close()
    roots = _Sum(times, np.sign(money), np.log(np.abs(money))).roots()
    if not roots:
        raise Infeasible("At every rate these flows are worth more, or less, than nothing.")
    kept = [root for root in roots if root <= math.log1p(RATE_MAX) and math.expm1(root) > -1.0]
    if not kept:
        raise Infeasible("The rate at which these flows are worth nothing is out of this world.")
    nearest = min(kept, key=lambda root: abs(root - _GUESS))
    return Xirr(
        rate=math.expm1(nearest),
        others=tuple(math.expm1(root) for root in kept if root != nearest),
    )


def _check(door: Door, days: Sequence[date], amounts: Sequence[float]) -> None:
    if len(days) != len(amounts) or not 1 <= len(days) <= MAX_FLOWS:
        door.refuse(
            "amounts",
            "WRONG_LENGTH",
            f"{len(amounts):,} amounts are given on {len(days):,} days.",
            f"Give an amount for each day, and from 1 to {MAX_FLOWS:,} of them.",
        )
        return
    for number, amount in enumerate(amounts):
        door.within(f"amounts[{number}]", amount, -AMOUNT_MAX, AMOUNT_MAX)


def _by_day(days: Sequence[date], amounts: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """(n,) years since the first day, rising, and (n,) the money of each; days of none left out."""
    first = min(days)
    net: dict[int, list[float]] = {}
    for day, amount in zip(days, amounts, strict=True):
        net.setdefault((day - first).days, []).append(float(amount))
    sums = {day: math.fsum(net[day]) for day in sorted(net)}
    kept = {day: money for day, money in sums.items() if money != 0.0}
    return np.array(list(kept), dtype=np.float64) / DAYS, np.array(list(kept.values()))


class _Sum:
    """f(x) = sum of sign[i] exp(log[i] - x t[i]), x = ln(1 + rate): a sum of exponentials.

    Kept by logarithms, so that no term is too small or too large to count. Values are scaled by
    the largest term, which moves no root.
    """

    __slots__ = ("logs", "signs", "times")

    def __init__(self, times: FloatArray, signs: FloatArray, logs: FloatArray) -> None:
        self.times, self.signs, self.logs = times, signs, logs

    def roots(self) -> list[float]:
        """All of them, rising; those that rounding cannot tell apart are one.

        By Descartes' rule there are no more than changes of sign in time. With c between two
        terms of different sign, the derivative of exp(c x) f(x) changes sign once less, and
        between two of its roots f has at most one (Polya and Szego, Problems and Theorems in
        Analysis II, part five, ch. 1).
        """
        changes = np.flatnonzero(np.diff(self.signs))
        if not changes.size:
            return []
        at = changes[changes.size // 2]
        to_middle = 0.5 * (self.times[at] + self.times[at + 1]) - self.times
        weighted = _Sum(
            self.times, self.signs * np.sign(to_middle), self.logs + np.log(np.abs(to_middle))
        )
        turns = weighted.roots()
        heights = [self._sign(turn) for turn in turns]
        found = [turn for turn, height in zip(turns, heights, strict=True) if not height]
        # Far to the left the last term is the largest, far to the right the first.
        heights = [self.signs[-1], *heights, self.signs[0]]
        ends = [-math.inf, *turns, math.inf]
        found += [
            self._between(ends[k], ends[k + 1], heights[k])
            for k in range(len(ends) - 1)
            if heights[k] * heights[k + 1] < 0.0
        ]
        return sorted(found)

    def _between(self, low: float, high: float, at_low: float) -> float:
        """The one root between two places with different signs; either may be infinite."""
        low, high = self._bracket(low, high, at_low)
        x, last = 0.5 * (low + high), high - low
        for _ in range(_STEPS):
            value, slope = self._at(x)
            if value == 0.0:
                break
            if value * at_low > 0.0:
                low = x
            else:
                high = x
            # Newton's step where it stays inside and is half the last one at most; else the
            # middle. Where one term outweighs the rest, Newton alone would crawl.
            step = -value / slope if slope else math.inf
            if not (low < x + step < high and abs(step) <= 0.5 * abs(last)):
                step = 0.5 * (low + high) - x
            x, last = x + step, step
            if abs(step) <= 2.0 * _EPSILON * max(1.0, abs(x)):
                break
        return x

    def _bracket(self, low: float, high: float, at_low: float) -> tuple[float, float]:
        """Finite places with the same signs: ever further out, in steps that double."""
        step = 1.0
        if math.isinf(low) and math.isinf(high):
            if self._at(_GUESS)[0] * at_low > 0.0:
                low = _GUESS
            else:
                high = _GUESS
        while math.isinf(low):
            if self._at(high - step)[0] * at_low > 0.0:
                low = high - step
            step *= 2.0
        while math.isinf(high):
            if self._at(low + step)[0] * at_low < 0.0:
                high = low + step
            step *= 2.0
        return low, high

    def _at(self, x: float) -> tuple[float, float]:
        """The value and its derivative, both over the largest term."""
        heights = self.logs - x * self.times
        terms = self.signs * np.exp(heights - heights.max())
        return math.fsum(terms.tolist()), -float((terms * self.times).sum())

    def _sign(self, x: float) -> float:
        """-1, 0 or 1; 0 where the value is no larger than what rounding may have made of it."""
        heights = self.logs - x * self.times
        terms = np.exp(heights - heights.max())
        value = math.fsum((self.signs * terms).tolist())
        carried = 4.0 + np.abs(self.logs) + np.abs(x * self.times)  # each exponent's own rounding
        if abs(value) <= _EPSILON * float((terms * carried).sum()):
            return 0.0
        return math.copysign(1.0, value)
