"""Analyses of a valuation: the same kernel over other inputs, computed when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.attribution import Attribution, attribution
from engine.comparison import Case, Comparison, compare
from engine.door import Door, FloatArray
from engine.errors import InvalidInput, Problem
from engine.lbo import ExitGrid, MaximumPrice, exit_grid, maximum_price
from engine.questions import Outputs, Question
from engine.scenarios import (
    MAX_TOGETHER,
    Axis,
    Bar,
    Span,
    Swing,
    default_swings,
    gradient,
    one_way,
    sensitivity,
    span,
    tornado,
)
from engine.shocks import SimulationSpec, admit_spec
from engine.solving import Reversed, reverse
from services.compute import Compute
from services.kinds import Document, Output
from services.principal import Action, Principal
from services.simulations import work_document
from services.valuations import Recorded, ValuationService
from services.work import (
    ATTRIBUTION,
    BATCH,
    CHANGE,
    CORRELATION,
    GRADIENT,
    REVERSE,
    TORNADO,
    cases_ms,
    years_of,
)
from services.workers import WorkerPool

# What fits a request. Longer simulations belong to runs, which have workers of their own.
TRIALS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """Why a valuation differs from an earlier one, by its inputs and by the engines.

    ``before`` + all contributions + ``engine`` = ``after``, as both were kept.
    """

    before: float
    after: float
    by_inputs: Attribution  # of both, valued by this engine
    engine: float | None  # what other versions make of it; None: this one computed both


class AnalysisService:
    """Every analysis works on every kind: it asks the kind's question, over a batch.

    Every method may raise Forbidden; where an output is named, InvalidInput for one that the kind
    does not have. None is the kind's first.
    """

    def __init__(
        self,
        compute: Compute,
        valuations: ValuationService,
        workers: WorkerPool,
        *,
        deadline_s: float,
    ) -> None:
        """``workers`` are for what a request waits for: not behind a run that lasts minutes."""
        self._compute, self._valuations, self._workers = compute, valuations, workers
        self._deadline_s = deadline_s

    async def sensitivity(
        self, principal: Principal, of: Recorded, output: Output | None, rows: Axis, columns: Axis
    ) -> FloatArray:
        """(rows, columns) of ``output``.

        Raises:
            InvalidInput: for the axes, or for cells that are not valid inputs.
        """
        cells = rows.values.size * columns.values.size
        return await self._compute.run(
            _expected_ms(of, cells),
            lambda: sensitivity(self._ask(principal, of, output), rows, columns),
        )

    async def one_way(self, principal: Principal, of: Recorded, axis: Axis) -> Outputs:
        """(n,) every output of the kind along one axis.

        Raises:
            InvalidInput: for the axis, or for values that are not valid inputs.
        """
        return await self._compute.run(
            _expected_ms(of, axis.values.size),
            lambda: one_way(self._ask(principal, of, None), axis),
        )

    async def exit_grid(
        self, principal: Principal, of: Recorded, years: Sequence[int], multiples: FloatArray
    ) -> ExitGrid:
        """A buyout's returns by year and multiple of exit.

        Raises:
            InvalidInput: for the years and multiples. Infeasible, NotConverged.
        """
        return await self._compute.run(
            _expected_ms(of, len(years)),
            lambda: exit_grid(self._ask(principal, of, None).inputs, years, multiples),
        )

    async def maximum_price(
        self, principal: Principal, of: Recorded, target: float
    ) -> MaximumPrice:
        """The most that can be paid for a return, 1/year, of a buyout.

        Raises:
            InvalidInput: for the target. Infeasible, NotConverged.
        """
        return await self._compute.run(
            _expected_ms(of, 1),
            lambda: maximum_price(self._ask(principal, of, None).inputs, target),
        )

    async def tornado(
        self,
        principal: Principal,
        of: Recorded,
        output: Output | None,
        swings: Sequence[Swing] | None,
        share: float,
    ) -> list[Bar]:
        """The bars, widest first. Without ``swings`` every input moves by ``share`` of itself, as
        far as the door allows; of more than 200, those that move the value most.

        Raises:
            InvalidInput: for the share, or the swings.
        """
        if swings is not None:
            return await self._compute.run(
                _expected_ms(of, 2 * len(swings)),
                lambda: tornado(self._ask(principal, of, output), swings),
            )
        question = self._ask(principal, of, output)
        door = Door()
        door.within("share", share, 1e-6, 0.9)
        door.close()
        return await self._compute.run(
            _base_ms(of) * TORNADO, lambda: tornado(question, default_swings(question, share))
        )

    async def span(
        self, principal: Principal, of: Recorded, output: Output, swings: Sequence[Swing]
    ) -> Span:
        """How far ``output`` goes while inputs swing together.

        Raises:
            InvalidInput: for the swings; Infeasible.
        """
        return await self._compute.run(
            _expected_ms(of, 3 ** min(len(swings), MAX_TOGETHER)),
            lambda: span(self._ask(principal, of, output), swings),
        )

    async def gradient(
        self,
        principal: Principal,
        of: Recorded,
        output: Output | None,
        paths: Sequence[str] | None,
    ) -> dict[str, float]:
        """Path to derivative, for every number of the inputs unless ``paths`` are named.

        Raises:
            InvalidInput: for the paths.
        """
        return await self._compute.run(
            _base_ms(of) * GRADIENT,
            lambda: gradient(self._ask(principal, of, output), paths),
        )

    async def reverse(
        self,
        principal: Principal,
        of: Recorded,
        output: Output | None,
        path: str,
        target: float | None,
        low: float | None,
        high: float | None,
    ) -> Reversed:
        """Every value of an input that gives ``target``; None: what the market says it is.

        Raises:
            InvalidInput: also without a target, where the market says nothing.
            Infeasible: if there is none, with what can be reached.
        """
        question = self._ask(principal, of, output)
        if target is None:
            target = of.kind.observed_in(of.inputs, of.kind.asked(output))
        if target is None:
            message = "There is no target, and the inputs hold no market price of this output."
            how = "Give a target."
            raise InvalidInput.of([Problem("target", "MISSING", message, how)])
        wanted = target
        return await self._compute.run(REVERSE, lambda: reverse(question, path, wanted, low, high))

    async def scenarios(
        self, principal: Principal, of: Recorded, cases: Sequence[Case]
    ) -> Comparison:
        """Every output of the base and of each case, and the expected one.

        Raises:
            InvalidInput: with every problem of the cases; Infeasible: if one has no finite value.
        """
        changes = sum(len(case.changes) for case in cases)
        return await self._compute.run(
            _expected_ms(of, len(cases)) + changes * CHANGE,
            lambda: compare(self._ask(principal, of, None), cases),
        )

    async def attribution(
        self, principal: Principal, of: Recorded, output: Output | None, before_id: str
    ) -> Attributed:
        """Why a valuation differs from a kept one, ``before_id``, of the same kind.

        Raises:
            NotFound; InvalidInput: if the two are not in one currency.
        """
        asked = of.kind.asked(output)
        new = self._ask(principal, of, output)
        earlier = await self._valuations.find(principal, before_id)
        _comparable(earlier, of)
        old = self._ask(principal, earlier, output)
        found = await self._compute.run(ATTRIBUTION, lambda: attribution(old, new))
        before = of.kind.kept(asked, earlier.result)
        after = of.kind.kept(asked, of.result)
        engine = (after - found.after) - (before - found.before)
        ours = before == found.before and after == found.after
        same = earlier.engine_version == of.engine_version
        return Attributed(
            before=before, after=after, by_inputs=found, engine=None if ours and same else engine
        )

    async def simulation(
        self,
        principal: Principal,
        of: Recorded,
        output: Output | None,
        spec: SimulationSpec,
        price: float | None,
    ) -> Document:
        """The distribution of ``output``, as `services.simulations` has it, from a worker process.

        ``price`` is what is asked about; None: what the market says that the output is.

        Raises:
            InvalidInput: for the spec; Infeasible: if most trials have no value.
            DeadlineMissed, Unsupported; Overloaded: too many wait already.
        """
        question, asked = self._ask(principal, of, output), of.kind.asked(output)
        await self._compute.run(
            len(spec.shocks) ** 2 * CORRELATION if spec.correlation else 0.0,
            lambda: admit_spec(question, spec, TRIALS_MAX, price),
        )
        if price is None:
            price = of.kind.observed_in(of.inputs, asked)
        job = {"kind": of.kind.name, "inputs": of.inputs, **work_document(asked, spec, price)}
        return await self._workers.done("SIMULATION", job, self._deadline_s)

    def _ask(self, principal: Principal, of: Recorded, output: Output | None) -> Question[Any]:
        principal.require(Action.READ_VALUATION)
        self._valuations.admit(of.kind)
        inputs = of.kind.inputs_of(of.inputs) if of.admitted is None else of.admitted
        return of.kind.question(inputs, of.kind.asked(output).value, of.admitted)


def _expected_ms(of: Recorded, numbers: int) -> float:
    """What a batch of so many numbers takes: by how long the base case took when it was valued, so
    that a firm in twenty segments counts as such."""
    return BATCH * _base_ms(of) + cases_ms(of.kind.name, numbers, years=years_of(of.inputs))


def _base_ms(of: Recorded) -> float:
    return of.duration_ms + of.kind.importing_ms()


def _comparable(one: Recorded, other: Recorded) -> None:
    """
    Raises:
        InvalidInput: where a difference of the two would mean nothing.
    """
    how = "Name a valuation of the same kind, in the same currency."
    for what, its, ours in (
        ("kind", one.kind.name, other.kind.name),
        ("currency", one.inputs.get("currency"), other.inputs.get("currency")),
    ):
        if its != ours:
            message = f"The other valuation has another {what}: {its}, not {ours}."
            raise InvalidInput.of([Problem("from", "CONTRADICTION", message, how)])
