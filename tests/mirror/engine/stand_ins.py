"""Questions whose answer is known: a formula of a few numbers instead of a firm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.door import FloatArray, Scalar
from engine.questions import Question
from engine.schedules import Schedule
from engine.simulation import Shock, SimulationSpec, draw_values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Inputs without a meaning."""

    a: Scalar = 2.0
    b: Scalar = -3.0
    c: Scalar = 0.0
    years: Schedule = Schedule(by_year=(1.0, 2.0, 4.0))  # noqa: RUF009 - it cannot be changed
    others: Schedule = Schedule(by_year=(1.0, 1.0, 1.0))  # noqa: RUF009 - nor can this


def question(formula: Callable[[Any], Scalar], inputs: Numbers | None = None) -> Question[Numbers]:
    """Asks for what ``formula`` makes of the inputs."""
    return Question(
        inputs=inputs or Numbers(),
        admit=lambda given: given,
        values=lambda given: {"it": formula(given)},
        outside=lambda _given: None,
        output="it",
    )


def drawn(formula: Callable[[Any], Scalar], spec: SimulationSpec) -> FloatArray:
    """(trials,) what ``formula`` makes of each trial's inputs."""
    return draw_values(question(formula), spec)


def spec(*shocks: Shock, trials: int = 16_384, seed: int = 7, **changes: Any) -> SimulationSpec:
    return SimulationSpec(trials=trials, seed=seed, shocks=shocks, **changes)


def middles(count: int) -> FloatArray:
    """(count,) the middles of as many equal parts of 0 to 1."""
    return (np.arange(count) + 0.5) / count
