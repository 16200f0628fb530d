"""Analyses of a valuation: the same kernel over other inputs, computed when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.dcf import DcfOutput
from engine.door import Door, FloatArray
from engine.scenarios import (
    Axis,
    Bar,
    Question,
    Swing,
    default_swings,
    gradient,
    sensitivity,
    tornado,
)
from engine.simulation import Simulation, SimulationSpec, admit_spec, simulate
from services.compute import Compute
from services.principal import Action, Principal
from services.valuations import Recorded

# What fits a request. Longer simulations belong to runs, which have workers of their own.
TRIALS_MAX: Final = 100_000
# Measured per cell or trial on two cores; only good enough to choose a thread or the loop.
_CELL_MS: Final = 2e-4
_DRAW_MS: Final = 1.2e-5


class AnalysisService:
    """Every analysis works on every kind: it asks the kind's question, over a batch."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute

    async def sensitivity(
        self, principal: Principal, of: Recorded, output: DcfOutput, rows: Axis, columns: Axis
    ) -> FloatArray:
        """(rows, columns) of ``output``.

        Raises:
            Forbidden; InvalidInput: for the axes, or for cells that are not valid inputs.
        """
        cells = rows.values.size * columns.values.size
        return await self._compute.run(
            cells * _CELL_MS, lambda: sensitivity(self._ask(principal, of, output), rows, columns)
        )

    async def tornado(
        self,
        principal: Principal,
        of: Recorded,
        output: DcfOutput,
        swings: Sequence[Swing] | None,
        share: float,
    ) -> list[Bar]:
        """The bars, widest first. Without ``swings`` every input moves by ``share`` of itself."""
        question = self._ask(principal, of, output)
        if swings is None:
            door = Door()
            door.within("share", share, 1e-6, 0.9)
            door.close()
            swings = default_swings(question.inputs, share)
        return await self._compute.run(len(swings) * 0.02, lambda: tornado(question, swings))

    async def gradient(
        self, principal: Principal, of: Recorded, output: DcfOutput, paths: Sequence[str] | None
    ) -> dict[str, float]:
        """Path to derivative, for every number of the inputs unless ``paths`` are named."""
        return await self._compute.run(
            0.3, lambda: gradient(self._ask(principal, of, output), paths)
        )

    async def simulation(
        self,
        principal: Principal,
        of: Recorded,
        output: DcfOutput,
        spec: SimulationSpec,
        price: float | None,
    ) -> Simulation:
        """The distribution of ``output``; ``price`` is what ``probability_above`` asks about."""
        question = self._ask(principal, of, output)
        admit_spec(question, spec, TRIALS_MAX)
        years = of.inputs["timing"]["years"]
        draws = spec.trials * (1 + sum(years if shock.every_year else 1 for shock in spec.shocks))
        return await self._compute.run(draws * _DRAW_MS, lambda: simulate(question, spec, price))

    def _ask(self, principal: Principal, of: Recorded, output: DcfOutput) -> Question[Any]:
        principal.require(Action.READ_VALUATION)
        inputs = of.kind.inputs_of(of.inputs) if of.admitted is None else of.admitted
        return of.kind.question(inputs, output, of.admitted)
