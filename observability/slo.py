"""Service-level arithmetic: from counts to compliance, budget, burn and exhaustion.

Everything is decided on whole events and exact fractions; a float appears only where a person
reads it. Over counts of a window with target t:

    allowed   = (1 - t) * valid            events that may be bad
    spent     = valid - good               events that were
    remaining = 1 - spent / allowed        share of the budget that is left; below 0 is overspent
    burn      = (spent / valid) / (1 - t)  1 means: the budget ends with its window
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple


class State(StrEnum):
    """How a promise stands over its live window."""

    MET = "MET"
    BREACHED = "BREACHED"
    NO_DATA = "NO_DATA"  # nothing was counted: no promise was kept and none was broken


class Count(NamedTuple):
    """Events of one window: 0 <= good <= valid."""

    good: int
    valid: int

    @property
    def bad(self) -> int:
        """Events that broke the promise."""
        return self.valid - self.good

    def plus(self, other: Count) -> Count:
        """The events of both. Budgets add over events; averages of averages do not."""
        return Count(self.good + other.good, self.valid + other.valid)


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget over its window, in events."""

    allowed: Fraction  # events that may be bad, given the valid ones so far
    spent: int  # events that were bad
    remaining: Fraction | None  # share of the budget; below 0 is overspent; None without events


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one promise stands."""

    state: State
    compliance: Fraction | None  # good share of the live window; None without events
    budget: Budget
    burn_rate: Fraction | None  # over the live window; None without events
    exhausted_in_s: float | None  # 0 when spent; None when nothing burns


def compliance(count: Count) -> Fraction | None:
    """Good share of the valid events; None when there are none, never 100 %."""
    return Fraction(count.good, count.valid) if count.valid else None


def state(count: Count, target: Fraction) -> State:
    """Whether the promise was kept: good / valid >= target, compared as integers."""
    if not count.valid:
        return State.NO_DATA
    kept = count.good * target.denominator >= target.numerator * count.valid
    return State.MET if kept else State.BREACHED


def budget(count: Count, target: Fraction) -> Budget:
    """What may go wrong, what did, and the share that is left."""
    allowed = (1 - target) * count.valid
    remaining = 1 - count.bad / allowed if allowed else None
    return Budget(allowed=allowed, spent=count.bad, remaining=remaining)


def burn_rate(count: Count, target: Fraction) -> Fraction | None:
    """How fast the budget goes: 0 is not at all, 1 is gone at the end of its window."""
    return Fraction(count.bad, count.valid) / (1 - target) if count.valid else None


def exhausted_in_s(
    remaining: Fraction | None, burn: Fraction | None, window_s: float
) -> float | None:
    """Seconds until the budget is gone if the burn goes on: remaining * window / burn.

    0 when it is spent already, None when nothing burns or nothing was counted.
    """
    if remaining is None:
        return None
    if remaining <= 0:
        return 0.0
    if not burn:
        return None
    return float(remaining * Fraction(window_s) / burn)


def standing(live: Count, budgeted: Count, target: Fraction, budget_window_s: float) -> Standing:
    """One promise: its live window, and the budget over the longer one."""
    left = budget(budgeted, target)
    burn = burn_rate(live, target)
    return Standing(
        state=state(live, target),
        compliance=compliance(live),
        budget=left,
        burn_rate=burn,
        exhausted_in_s=exhausted_in_s(left.remaining, burn, budget_window_s),
    )
