"""Correlated shocks: a Gaussian copula, asked for by ranks or by itself.

Standard normals are correlated by a Cholesky factor, and each shock's own distribution is made
of its normal by way of the chance that a normal is below it; so margins stay what they are, and
any chunk is drawn without looking at another. (Iman and Conover's reordering, Communications in
Statistics - Simulation and Computation 11, 1982, p. 311, needs every trial at once.)

Ranks: Spearman's correlation of a Gaussian copula is (6/π) asin(ρ/2) (McNeil, Frey and Embrechts,
Quantitative Risk Management, 2nd ed., 2015, chapter 7), so ρ = 2 sin(π ρ_s / 6) is drawn.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np

from engine.door import Door, FloatArray

# A pivot below this is none: what rounding leaves of a matrix that is just singular.
PIVOT_MIN: Final = 1e-12
ROUNDS_MAX: Final = 200  # of the search for the nearest matrix: more than four decimals need
WORK_MAX: Final = 2_000  # rounds × shocks: a refusal of fifty shocks may take a tenth of a second
LEAST_MIN: Final = 1e-9  # eigenvalue of a matrix that is suggested
DECIMALS: Final = 4  # of a matrix that is suggested

# (shocks, shocks) lower triangle, row by row. A row that is only its own stays as it was drawn.
Factor: TypeAlias = tuple[tuple[float, ...], ...]


class CorrelationMethod(StrEnum):
    """What the numbers of the matrix are."""

    RANK = "RANK"  # Spearman's correlations of the draws
    GAUSSIAN_COPULA = "GAUSSIAN_COPULA"  # of the normals that the draws are made of


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of every shock with every other, in the order of the shocks."""

    method: CorrelationMethod
    matrix: tuple[tuple[float, ...], ...]

    def check(self, door: Door, path: str, sizes: list[int]) -> None:
        """``sizes`` has, for each shock, how many numbers it draws for a trial."""
        where, many = f"{path}.matrix", len(sizes)
        if [len(row) for row in self.matrix] != [many] * many:
            door.refuse(
                where,
                "WRONG_LENGTH",
                f"{many} shocks have correlations in {many} rows of {many}.",
                "Give a row for each shock, and in it a number for each shock, in their order.",
            )
            return
        sound = len(door.problems)
        for i, row in enumerate(self.matrix):
            for j, value in enumerate(row):
                door.within(f"{where}[{i}][{j}]", value, -1.0, 1.0)
        if len(door.problems) == sound:
            self._check_pairs(door, where, sizes)
        if len(door.problems) == sound and self.factor() is None:
            door.refuse(
                where,
                "CONTRADICTION",
                "No numbers can be correlated like this: the matrix is not positive semidefinite.",
                f"Give the nearest matrix that can be: {json.dumps(self.nearest())}.",
            )

    def _check_pairs(self, door: Door, where: str, sizes: list[int]) -> None:
        for i, row in enumerate(self.matrix):
            if row[i] != 1.0:
                door.refuse(
                    f"{where}[{i}][{i}]",
                    "CONTRADICTION",
                    f"{row[i]:.6g} is a shock's correlation with itself.",
                    "Give 1.",
                )
            for j, value in enumerate(row[:i]):
                if value != self.matrix[j][i]:
                    door.refuse(
                        f"{where}[{i}][{j}]",
                        "CONTRADICTION",
                        f"It is not symmetric: {value:.6g} here, and {self.matrix[j][i]:.6g} in "
                        f"row {j}, column {i}, counted from 0.",
                        "Give the same number in both places.",
                    )
                elif value and sizes[i] != sizes[j]:
                    door.refuse(
                        f"{where}[{i}][{j}]",
                        "CONTRADICTION",
                        "A number that is drawn once and one that is drawn for each year have no "
                        "one correlation.",
                        "Draw both each year, or both once, or give 0.",
                    )

    def factor(self) -> Factor | None:
        """The Cholesky factor of what is drawn; None: there is none."""
        return cholesky(self._drawn())

    def nearest(self) -> tuple[tuple[float, ...], ...]:
        """The nearest matrix that is one, in the method's own numbers, rounded."""
        found = nearest_correlation(self._drawn())
        for shrunk in (0.0, *(2.0**-power for power in range(14, 0, -1))):  # for the rounding
            drawn = found * (1.0 - shrunk) + np.eye(len(found)) * shrunk
            asked = (6.0 / math.pi) * np.arcsin(drawn / 2.0) if self._ranks else drawn
            rounded = np.round((asked + asked.T) / 2.0, DECIMALS) + 0.0
            np.fill_diagonal(rounded, 1.0)
            suggested = Correlation(self.method, tuple(map(tuple, rounded.tolist())))
            if np.linalg.eigvalsh(suggested._drawn())[0] >= LEAST_MIN and suggested.factor():
                break
        return suggested.matrix

    @property
    def _ranks(self) -> bool:
        return self.method is CorrelationMethod.RANK

    def _drawn(self) -> FloatArray:
        """(shocks, shocks) correlations of the normals."""
        drawn = [
            [1.0 if i == j else self._of_normals(value) for j, value in enumerate(row)]
            for i, row in enumerate(self.matrix)
        ]
        return np.array(drawn)

    def _of_normals(self, value: float) -> float:
        if not self._ranks or abs(value) == 1.0:  # 2 sin(π/6) is 1 but for its last digit
            return value
        return 2.0 * math.sin(math.pi * value / 6.0)


def cholesky(matrix: FloatArray) -> Factor | None:
    """L with L L' = ``matrix``, entry by entry, so that it has the same bits everywhere.

    None where the matrix is not positive semidefinite (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., 2002, chapter 10).
    """
    rows: list[list[float]] = []
    for i, given in enumerate(matrix.tolist()):
        row: list[float] = []
        for j in range(i):
            rest = given[j] - math.fsum(row[k] * rows[j][k] for k in range(j))
            pivot = rows[j][j]
            if pivot == 0.0 and abs(rest) > math.sqrt(PIVOT_MIN):
                return None
            row.append(rest / pivot if pivot else 0.0)
        left = given[i] - math.fsum(value * value for value in row)
        if left < -math.sqrt(PIVOT_MIN):
            return None
        rows.append([*row, math.sqrt(left) if left > PIVOT_MIN else 0.0])
    return tuple(map(tuple, rows))


def correlate(factor: Factor, blocks: list[FloatArray]) -> None:
    """Independent standard normals become correlated ones, in place.

    A block, (rows, trials), is a shock's; row by row each follows its own and those before it.
    """
    for i in reversed(range(len(blocks))):
        own = factor[i]
        if not any(own[:i]):
            continue
        blocks[i] *= own[i]
        for j in range(i):
            if own[j]:
                blocks[i] += own[j] * blocks[j]


def correlated(factor: Factor) -> list[bool]:
    """Which shocks follow another or are followed; the rest is drawn as if nobody had asked."""
    many = len(factor)
    return [
        any(factor[i][:i]) or any(factor[k][i] for k in range(i + 1, many)) for i in range(many)
    ]


def nearest_correlation(matrix: FloatArray) -> FloatArray:
    """The correlation matrix at the least distance, by the sum of squared differences.

    Alternating projections with Dykstra's correction: Higham, IMA Journal of Numerical Analysis 22
    (2002), p. 329, algorithm 3.3.
    """
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(min(ROUNDS_MAX, WORK_MAX // len(matrix))):
        before = found
        moved = found - correction
        values, vectors = np.linalg.eigh(moved)
        semidefinite = (vectors * np.maximum(values, 0.0)) @ vectors.T
        correction = semidefinite - moved
        found = (semidefinite + semidefinite.T) / 2.0
        np.fill_diagonal(found, 1.0)
        if np.abs(found - before).max() <= 1e-7:
            break
    return np.clip(found, -1.0, 1.0)
