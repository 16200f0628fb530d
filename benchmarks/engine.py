"""The engine beside what it is compared with: `python -m benchmarks.engine`.

The cases are those of `benchmarks/firms.py`, then those of `benchmarks/deals.py`. Each line is the
best of five rounds in CPU time of this process; both sides of a ratio take turns in the same
rounds, so that a noisy neighbour slows both. The targets are printed for information: nothing here
fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Final

import numpy as np

from benchmarks import deals, firms
from benchmarks.firms import YEARS, full, full_by_hand, lean, lean_by_hand
from benchmarks.measures import ROUNDS, best, peak_mb, show
from engine.dcf import DcfInputs, DcfOutput, dcf_question, value_dcf
from engine.dcf.inputs import admit
from engine.dcf.kernel import worth
from engine.door import FloatArray
from engine.memory import keep_scratch
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from engine.questions import Question
from engine.sampling import CHUNK, generator
from engine.scenarios import Axis, gradient, sensitivity
from engine.schedules import Schedule
from engine.simulation import Normal, Shock, SimulationSpec, draw_values, simulate

TRIALS: Final = 1_000_000
BY_HAND: Final = 2_000  # trials of the loop, whose time is then scaled
SHOCKS: Final = (
    Shock("operations.revenue_growth", Normal(0.02), every_year=True),
    Shock("operations.ebit_margin", Normal(0.015), every_year=True),
    Shock("operations.capital_expenditure", Normal(0.004), every_year=True),
)
WACC: Final = np.linspace(0.07, 0.10, 100)
GROWTH: Final = np.linspace(0.01, 0.035, 100)


def speed_up_of_two_threads() -> float:
    """One thread's time over two threads', by the clock on the wall: the best of the rounds."""
    question = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
    spec = SimulationSpec(trials=TRIALS, seed=1, shocks=SHOCKS)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for threads, taken in seconds.items():
            with ThreadPoolExecutor(threads) as executor:
                start = time.perf_counter()
                draw_values(question, spec, executor)
                taken.append(time.perf_counter() - start)
    return max(one / two for one, two in zip(seconds[1], seconds[2], strict=True))


def grid_of(
    by_hand: Callable[[float, float], float], question: Question[DcfInputs]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """WACC × growth by the engine and by a loop, which have been seen to agree."""
    rows, columns = Axis("capital.wacc", WACC), Axis("terminal.gordon.growth", GROWTH)

    def grid() -> FloatArray:
        return sensitivity(question, rows, columns)

    def loop() -> list[list[float]]:
        return [[by_hand(wacc, growth) for growth in GROWTH.tolist()] for wacc in WACC.tolist()]

    apart = np.abs(grid() - np.array(loop())).max()
    assert apart < 1e-9, "the loop and the engine value different firms"  # noqa: S101 - or the ratio is a lie
    return grid, loop


def on_lean() -> None:
    question = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
    spec = SimulationSpec(trials=TRIALS, seed=1, shocks=SHOCKS)
    workspace = np.empty((YEARS * len(SHOCKS), CHUNK))

    def draw_alone() -> None:
        for chunk in range(-(-TRIALS // CHUNK)):
            generator(spec.seed, chunk).standard_normal(out=workspace)

    grid, loop = grid_of(lean_by_hand, question)
    paths = list(gradient(question))
    cpu = best(
        one=(lambda: value_dcf(lean()), 500),
        slopes=(lambda: gradient(question, paths[:15]), 100),
        grid=(grid, 30),
        loop=(loop, 3),
        draws=(draw_alone, 1),
        values=(lambda: draw_values(question, spec), 1),
        summary=(lambda: simulate(question, spec), 1),
    )
    memory = peak_mb(lambda: simulate(question, spec))
    print(f"\ndcf-lean, {YEARS} years; CPU time, best of {ROUNDS} rounds\n")
    show(
        (
            (
                "one valuation, door and construction included",
                f"{cpu['one'] * 1e6:.1f} µs",
                "≤ 100 µs",
            ),
            ("gradient, 15 inputs", f"{cpu['slopes'] * 1e6:.1f} µs", ""),
            ("    beside one valuation", f"{cpu['slopes'] / cpu['one']:.1f} ×", "≤ 15 ×"),
            ("WACC × growth, 100 × 100 values per share", f"{cpu['grid'] * 1e3:.3f} ms", "≤ 1 ms"),
            ("    the same by a Python loop", f"{cpu['loop'] * 1e3:.2f} ms", ""),
            ("    loop / grid", f"{cpu['loop'] / cpu['grid']:.0f} ×", "≥ 40 ×"),
            (
                f"{TRIALS:,} trials × {YEARS} years × {len(SHOCKS)} shocks",
                f"{cpu['values'] * 1e3:.0f} ms",
                "",
            ),
            ("    drawing the numbers alone", f"{cpu['draws'] * 1e3:.0f} ms", ""),
            ("    values / numbers alone", f"{cpu['values'] / cpu['draws']:.2f} ×", "≤ 1.4 ×"),
            ("    with its summary / numbers alone", f"{cpu['summary'] / cpu['draws']:.2f} ×", ""),
            ("    traced memory with its summary", f"{memory:.1f} MB", "≤ 32 MB"),
            ("    two threads beside one", f"{speed_up_of_two_threads():.2f} ×", "≥ 1.6 ×"),
        )
    )


def drawn_by_python() -> Iterator[tuple[list[float], ...]]:
    """Growth, margin and capital expenditure of each year, trial by trial, as a loop draws them."""
    bell = Random(1).gauss  # noqa: S311 - trials, no secrets
    for _ in range(BY_HAND):
        yield (
            [bell(firms.GROWTH, 0.02) for _ in range(YEARS)],
            [bell(firms.MARGIN, 0.015) for _ in range(YEARS)],
            [bell(firms.CAPEX, 0.004) for _ in range(YEARS)],
        )


def with_drawn(
    admitted: DcfInputs, growth: list[float], margin: list[float], capex: list[float]
) -> DcfInputs:
    """The firm in one trial, past the door."""
    operations = replace(
        admitted.business,
        revenue_growth=Schedule.explicit(growth),
        ebit_margin=Schedule.explicit(margin),
        capital_expenditure=Schedule.explicit(capex),
    )
    return replace(admitted, operations=operations)


def on_full() -> None:
    question = dcf_question(full(), DcfOutput.VALUE_PER_SHARE)
    spec = SimulationSpec(trials=TRIALS, seed=1, shocks=SHOCKS)
    draws = np.empty((YEARS * len(SHOCKS), CHUNK))

    def draw_alone() -> None:
        for chunk in range(-(-TRIALS // CHUNK)):
            generator(spec.seed, chunk).standard_normal(out=draws)

    def trials_by_hand() -> None:
        for growth, margin, capex in drawn_by_python():
            full_by_hand(firms.RATE, firms.LONG_RUN, growth, margin, capex)

    def trials_by_the_kernel() -> None:
        for growth, margin, capex in drawn_by_python():
            worth(with_drawn(admitted, growth, margin, capex))

    admitted = admit(full())
    grid, loop = grid_of(full_by_hand, question)
    paths = list(gradient(question))
    cpu = best(
        one=(lambda: value_dcf(full()), 300),
        slopes=(lambda: gradient(question, paths[:15]), 50),
        grid=(grid, 10),
        loop=(loop, 1),
        by_hand=(trials_by_hand, 1),
        by_kernel=(trials_by_the_kernel, 1),
        draws=(draw_alone, 1),
        values=(lambda: draw_values(question, spec), 1),
    )
    hand = cpu["by_hand"] / BY_HAND * TRIALS
    kernel = cpu["by_kernel"] / BY_HAND * TRIALS
    memory = peak_mb(lambda: draw_values(question, spec))
    print("\ndcf-full: a stub year, mid-year flows, losses carried forward, options\n")
    show(
        (
            ("one valuation, door and construction included", f"{cpu['one'] * 1e6:.1f} µs", ""),
            ("gradient, 15 inputs", f"{cpu['slopes'] * 1e6:.1f} µs", ""),
            ("    beside one valuation", f"{cpu['slopes'] / cpu['one']:.1f} ×", "≤ 15 ×"),
            ("WACC × growth, 100 × 100 values per share", f"{cpu['grid'] * 1e3:.3f} ms", "≤ 10 ms"),
            ("    loop / grid", f"{cpu['loop'] / cpu['grid']:.0f} ×", ""),
            (
                f"{TRIALS:,} trials × {YEARS} years × {len(SHOCKS)} shocks",
                f"{cpu['values'] * 1e3:.0f} ms",
                "",
            ),
            (f"    a loop over one kernel call a trial, {BY_HAND:,} scaled", f"{kernel:.1f} s", ""),
            ("    that loop / values", f"{kernel / cpu['values']:.0f} ×", "≥ 100 ×"),
            (f"    a loop by hand for this firm, {BY_HAND:,} scaled", f"{hand:.1f} s", ""),
            ("    that loop / values", f"{hand / cpu['values']:.0f} ×", ""),
            ("    that loop / drawing the numbers alone", f"{hand / cpu['draws']:.0f} ×", ""),
            ("    traced memory", f"{memory:.1f} MB", ""),
        )
    )


def main() -> None:
    print(f"engine {ENGINE_VERSION}, numpy {NUMPY_VERSION}, Python {sys.version.split()[0]}")
    keep_scratch()  # as every process of the service does
    on_lean()
    on_full()
    deals.on_all()


if __name__ == "__main__":
    main()
