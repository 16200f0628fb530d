"""The engine beside what it is compared with: `python -m benchmarks.engine`.

The case is `dcf-lean`: ten years, growth, margin, tax, capital, WACC, Gordon. Each line is the best
of five rounds in CPU time of this process; both sides of a ratio take turns in the same rounds, so
that a noisy neighbour slows both. The targets are printed for information: nothing here fails.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from typing import Final

import numpy as np

from engine.dcf import (
    Bridge,
    DcfInputs,
    DcfOutput,
    GivenWacc,
    Gordon,
    Operations,
    Shares,
    Timing,
    dcf_question,
    value_dcf,
)
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from engine.sampling import CHUNK, generator
from engine.scenarios import Axis, gradient, sensitivity
from engine.schedules import Schedule
from engine.simulation import Normal, Shock, SimulationSpec, draw_values, simulate

ROUNDS: Final = 5
YEARS: Final = 10
TRIALS: Final = 1_000_000
SHOCKS: Final = (
    Shock("operations.revenue_growth", Normal(0.02), every_year=True),
    Shock("operations.ebit_margin", Normal(0.015), every_year=True),
    Shock("operations.capital_expenditure", Normal(0.004), every_year=True),
)
WACC: Final = np.linspace(0.07, 0.10, 100)
GROWTH: Final = np.linspace(0.01, 0.035, 100)


def lean() -> DcfInputs:
    """A large firm, built anew each time as a request builds it."""
    return DcfInputs(
        timing=Timing(valuation_date=date(2024, 9, 27), years=YEARS),
        operations=Operations(
            revenue=391_035e6,
            revenue_growth=Schedule.constant(0.05),
            ebit_margin=Schedule.constant(0.315),
            tax_rate=Schedule.constant(0.16),
            depreciation=Schedule.constant(0.029),
            capital_expenditure=Schedule.constant(0.028),
            working_capital=Schedule.constant(-0.02),
        ),
        capital=GivenWacc(wacc=0.085),
        terminal=Gordon(growth=0.025),
        bridge=Bridge(debt=106_629e6, cash=156_650e6),
        shares=Shares(diluted=15_408_095e3),
    )


def grid_by_a_loop() -> list[list[float]]:
    """The same cells in plain Python, as one would write them: no door, no classes, only floats."""
    return [[_value_per_share(wacc, g) for g in GROWTH.tolist()] for wacc in WACC.tolist()]


def _value_per_share(wacc: float, terminal_growth: float) -> float:
    revenue, discount, enterprise, flow = 391_035e6, 1.0, 0.0, 0.0
    invested = -0.02 * revenue
    for _ in range(YEARS):
        revenue *= 1.05
        ebit = revenue * 0.315
        needed = -0.02 * revenue
        flow = ebit - ebit * 0.16 + revenue * 0.029 - revenue * 0.028 - (needed - invested)
        invested = needed
        discount /= 1.0 + wacc
        enterprise += flow * discount
    enterprise += flow * (1.0 + terminal_growth) / (wacc - terminal_growth) * discount
    return (enterprise - 106_629e6 + 156_650e6) / 15_408_095e3


def best(**tasks: tuple[Callable[[], object], int]) -> dict[str, float]:
    """Seconds of CPU for one call of each (task, calls a round): the best of the rounds."""
    fastest = dict.fromkeys(tasks, float("inf"))
    for _ in range(ROUNDS):
        for name, (task, calls) in tasks.items():
            start = time.process_time()
            for _ in range(calls):
                task()
            fastest[name] = min(fastest[name], (time.process_time() - start) / calls)
    return fastest


def peak_mb(task: Callable[[], object]) -> float:
    """Traced megabytes at the highest, in a pass of its own: tracing slows what it watches."""
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main() -> None:
    question = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
    rows, columns = Axis("capital.wacc", WACC), Axis("terminal.gordon.growth", GROWTH)
    spec = SimulationSpec(trials=TRIALS, seed=1, shocks=SHOCKS)
    workspace = np.empty((YEARS * len(SHOCKS), CHUNK))

    def draw_alone() -> None:
        for chunk in range(-(-TRIALS // CHUNK)):
            generator(spec.seed, chunk).standard_normal(out=workspace)

    def grid() -> object:
        return sensitivity(question, rows, columns)

    apart = np.abs(sensitivity(question, rows, columns) - np.array(grid_by_a_loop())).max()
    assert apart < 1e-9, "the loop and the engine value different firms"  # noqa: S101 - or the ratio is a lie

    cpu = best(
        one=(lambda: value_dcf(lean()), 500),
        slopes=(lambda: gradient(question), 100),
        grid=(grid, 30),
        loop=(grid_by_a_loop, 3),
        draws=(draw_alone, 1),
        values=(lambda: draw_values(question, spec), 1),
        summary=(lambda: simulate(question, spec), 1),
    )
    memory = peak_mb(lambda: simulate(question, spec))

    print(f"engine {ENGINE_VERSION}, numpy {NUMPY_VERSION}, Python {sys.version.split()[0]}")
    print(f"dcf-lean, {YEARS} years; CPU time, best of {ROUNDS} rounds\n")
    inputs = len(gradient(question))
    for task, measured, target in (
        ("one valuation, door and construction included", f"{cpu['one'] * 1e6:.1f} µs", "≤ 100 µs"),
        (f"gradient, {inputs} inputs", f"{cpu['slopes'] * 1e6:.1f} µs", ""),
        ("    beside one valuation", f"{cpu['slopes'] / cpu['one']:.1f} ×", ""),
        ("WACC × growth, 100 × 100 values per share", f"{cpu['grid'] * 1e3:.3f} ms", "≤ 1 ms"),
        ("    the same by a Python loop", f"{cpu['loop'] * 1e3:.2f} ms", ""),
        ("    loop / grid", f"{cpu['loop'] / cpu['grid']:.0f} ×", "≥ 40 ×"),
        (
            f"{TRIALS:,} trials × {YEARS} years × {len(SHOCKS)} shocks",
            f"{cpu['values'] * 1e3:.0f} ms",
            "",
        ),
        ("    drawing the numbers alone", f"{cpu['draws'] * 1e3:.0f} ms", ""),
        ("    values / numbers alone", f"{cpu['values'] / cpu['draws']:.2f} ×", "≤ 1.5 ×"),
        ("    with its summary / numbers alone", f"{cpu['summary'] / cpu['draws']:.2f} ×", ""),
        ("    traced memory with its summary", f"{memory:.1f} MB", "≤ 32 MB"),
    ):
        print(f"{task:<50}{measured:>12}   {target}".rstrip())


if __name__ == "__main__":
    main()
