"""Sobol's points beside random ones: `python -m benchmarks.simulation`.

The case is `dcf-lean` with 30 draws a trial, as in `benchmarks.engine`. How near a mean comes is
measured against the true one, which is known: the value is a sum of products of independent
factors, each with its own value as its mean. Times are CPU time of this process, the best of five
rounds in which all tasks take turns; an answer from a worker process is wall-clock time. The
targets are printed for information: nothing here fails.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Final

from benchmarks.engine import SHOCKS
from benchmarks.firms import lean
from benchmarks.measures import best, peak_mb
from benchmarks.runs import INPUT
from engine.correlation import Correlation, CorrelationMethod
from engine.dcf import DcfOutput, dcf_question
from engine.distributions import (
    Discrete,
    Distribution,
    Empirical,
    Lognormal,
    Normal,
    Outcome,
    Pert,
    RelativeTo,
    Triangular,
    Uniform,
)
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from engine.sampling import Sampling
from engine.simulation import Shock, SimulationSpec, draw_values, simulate
from observability.logs import Logs
from services.kinds import Output
from services.simulations import work_document
from services.workers import WorkerPool

SEEDS: Final = range(24)
PATHS: Final = 16_384
MILLION: Final = 1_000_000
REQUESTS: Final = 20
SOBOL, PLAIN = Sampling.SOBOL, Sampling.PLAIN
TO: Final = RelativeTo.OFFSET
MARGINS: Final[tuple[Distribution, ...]] = (
    Normal(0.02),
    Uniform(-0.02, 0.02),
    Lognormal(1.0, 0.2, RelativeTo.MULTIPLE),
    Triangular(-0.02, 0.0, 0.03, TO),
    Pert(-0.02, 0.0, 0.03, TO),
    Discrete((Outcome(-0.01, 0.3), Outcome(0.0, 0.5), Outcome(0.02, 0.2)), TO),
    Empirical(tuple(0.001 * n for n in range(-10, 11)), TO),
)
HANGING: Final = Correlation(
    CorrelationMethod.RANK, ((1.0, 0.5, 0.2), (0.5, 1.0, 0.3), (0.2, 0.3, 1.0))
)
QUESTION: Final = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
TRUE: Final = float(QUESTION.worth(QUESTION.inputs))


def spec(trials: int, sampling: Sampling, seed: int = 1) -> SimulationSpec:
    return SimulationSpec(trials=trials, seed=seed, shocks=SHOCKS, sampling=sampling)


def off(trials: int, sampling: Sampling) -> float:
    """How far the mean is from the true one, over many seeds: the root of the mean square."""
    found = [simulate(QUESTION, spec(trials, sampling, seed)).mean - TRUE for seed in SEEDS]
    return math.sqrt(math.fsum(each * each for each in found) / len(found))


def spread(trials: int, sampling: Sampling, at: int) -> float:
    """How far one percentile is from its mean over many seeds."""
    found = [
        float(simulate(QUESTION, spec(trials, sampling, seed)).percentiles[at]) for seed in SEEDS
    ]
    middle = math.fsum(found) / len(found)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in found) / (len(found) - 1))


def drawing(distribution: Distribution) -> Callable[[], object]:
    """65,536 trials in which one number is drawn by a distribution."""
    shock = Shock("operations.ebit_margin", distribution)
    asked = replace(spec(65_536, SOBOL), shocks=(shock,))
    return lambda: draw_values(QUESTION, asked)


async def answers() -> dict[str, float]:
    """Milliseconds from a request to its answer, by a worker process: the median, and at first."""
    told: dict[str, float] = {}
    pool = WorkerPool(1, 2, 2_048, Logs("CRITICAL").get("bench"))
    try:
        pool.start()
        async with pool.lent():
            pass
        await asyncio.sleep(5.0)  # idle: it imports what Sobol's points need
        for sampling in (SOBOL, PLAIN):
            job = {
                "kind": "DCF",
                "inputs": {**INPUT, "currency": "USD"},
                **work_document(Output.VALUE_PER_SHARE, spec(PATHS, sampling), 120.0),
            }
            times = []
            for _ in range(REQUESTS):
                start = time.perf_counter()
                await pool.done("SIMULATION", job, 60.0)
                times.append((time.perf_counter() - start) * 1e3)
            told[f"{sampling} first"] = times[0]
            told[f"{sampling}"] = sorted(times)[REQUESTS // 2]
    finally:
        await pool.close()
    return told


def main() -> None:
    simulate(QUESTION, spec(1_600, SOBOL))  # imports what it needs
    print(
        f"engine {ENGINE_VERSION}, numpy {NUMPY_VERSION}, scipy {version('scipy')}, "
        f"Python {sys.version.split()[0]}"
    )
    print(f"dcf-lean, 10 years × {len(SHOCKS)} shocks; {len(SEEDS)} seeds\n")
    lines: list[tuple[str, str, str]] = []
    for trials in (1_024, 4_096, 10_000, PATHS, 65_536):
        plain, sobol = off(trials, PLAIN), off(trials, SOBOL)
        target = "≥ 20 ×" if trials == PATHS else ""
        lines.append((f"error of the mean, {trials:,} trials, plain", f"{plain:.5f}", ""))
        lines.append(("    Sobol", f"{sobol:.5f}", ""))
        lines.append(("    plain / Sobol", f"{plain / sobol:.0f} ×", target))
    for level, at in (("P1", 0), ("P5", 1), ("P50", 4)):
        ratio = spread(PATHS, PLAIN, at) / spread(PATHS, SOBOL, at)
        lines.append((f"error of {level}, {PATHS:,} trials, plain / Sobol", f"{ratio:.1f} ×", ""))

    hanging = replace(spec(65_536, SOBOL), correlation=HANGING)
    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "plain": (lambda: simulate(QUESTION, spec(MILLION, PLAIN)), 1),
        "sobol": (lambda: simulate(QUESTION, spec(MILLION, SOBOL)), 1),
        "free": (lambda: simulate(QUESTION, spec(65_536, SOBOL)), 1),
        "hanging": (lambda: simulate(QUESTION, hanging), 1),
        "request": (lambda: simulate(QUESTION, spec(PATHS, SOBOL)), 1),
    }
    tasks |= {each.NAME: (drawing(each), 1) for each in MARGINS}
    cpu = best(**tasks)
    lines += [
        (f"{MILLION:,} plain trials, with their summary", f"{cpu['plain'] * 1e3:.0f} ms", ""),
        (f"{MILLION:,} Sobol trials", f"{cpu['sobol'] * 1e3:.0f} ms", ""),
        ("    Sobol / plain", f"{cpu['sobol'] / cpu['plain']:.1f} ×", ""),
        (f"{PATHS:,} Sobol trials", f"{cpu['request'] * 1e3:.1f} ms", ""),
        ("correlated / independent", f"{cpu['hanging'] / cpu['free']:.2f} ×", ""),
    ]
    lines += [
        (f"65,536 trials of one {each.NAME} draw", f"{cpu[each.NAME] * 1e3:.0f} ms", "")
        for each in MARGINS
    ]
    for sampling in (PLAIN, SOBOL):
        memory = peak_mb(partial(simulate, QUESTION, spec(MILLION, sampling)))
        task = f"traced memory of {MILLION:,} {sampling} trials"
        lines.append((task, f"{memory:.1f} MB", "≤ 32 MB"))
    for name, took in asyncio.run(answers()).items():
        lines.append((f"an answer from a worker, {PATHS:,} {name}", f"{took:.1f} ms", ""))
    for task, measured, target in lines:
        print(f"{task:<58}{measured:>12}   {target}".rstrip())


if __name__ == "__main__":
    main()
