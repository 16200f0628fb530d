"""A tranche as the years go by: its balance, and what a year made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.door import Scalar, real, where


@dataclass(slots=True, eq=False)
class Position:
    """A tranche as the years go by. By year: (n_years,) of (*batch)."""

    balance: Scalar  # money
    face: Scalar  # money, at closing
    coupon: tuple[Scalar, ...]  # 1/year in cash
    in_kind: tuple[Scalar, ...] | None  # 1/year in kind; None: nothing is
    amortisation: tuple[Scalar, ...] | None  # share of the face, 1/year
    tenor: int | None  # years; None: outlasts the forecast
    preferred: bool
    swept: bool
    commitment: Scalar | None = None  # money, of a revolver
    undrawn_fee: Scalar | None = None  # 1/year
    # Money: fee and discount not yet written off; None: no prepayment hastens that.
    unamortised: Scalar | None = None
    # What the last year made of it, for the schedule:
    opening: Scalar = 0.0
    accrued: Scalar = 0.0  # in kind
    mandatory: Scalar = 0.0
    paid: Scalar = 0.0  # by the sweep
    drawn: Scalar = 0.0

    def matures(self, year: int) -> bool:
        """``year`` counts from 0."""
        return self.tenor is not None and year + 1 == self.tenor

    def lends(self, year: int) -> bool:
        """Whether a revolver can be drawn at the end of a year: not when it is due."""
        return self.tenor is None or year + 1 < self.tenor

    def begin(self, year: int, part: float) -> Scalar:
        """(*batch) money left before any sweep: the opening balance with what accrues, less what
        has to be repaid.
        """
        self.opening = opening = self.balance
        self.accrued = self.mandatory = self.paid = self.drawn = 0.0
        left = most = opening
        if self.in_kind is not None:
            self.accrued = opening * times(self.in_kind[year], part)
            left = opening + self.accrued
            most = smaller(opening, left)  # of a rate below zero less is left than there was
        if self.matures(year):
            self.mandatory = left
            return 0.0
        if self.amortisation is not None:
            due = self.face * times(self.amortisation[year], part)
            self.mandatory = smaller(due, most)
            left = left - self.mandatory
        return left


def times(value: Scalar, part: Scalar) -> Scalar:
    """The product, where there is something to multiply by."""
    return value if isinstance(part, float) and part == 1.0 else value * part


def positive(value: Scalar) -> Scalar:
    """The part above zero, with its complex step: the bits of `engine.door.at_least`, sooner."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "c":
            return np.where(value.real > 0.0, value, 0.0)
        found: Scalar = np.maximum(value, 0.0) + 0.0  # of a negative zero: zero
        return found
    return max(0.0, value)


def smaller(one: Scalar, other: Scalar) -> Scalar:
    """The lesser of two, with its complex step: the bits of `engine.door.lesser`, sooner."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        if np.iscomplexobj(one) or np.iscomplexobj(other):
            return where(real(one) <= real(other), one, other)
        found: Scalar = np.minimum(one, other)
        return found
    return min(one, other)
