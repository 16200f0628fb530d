"""Runs: computations that outlast a request, as the schema says them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from resolvers.context import Info
from resolvers.ids import Node, global_id, inner_id
from resolvers.model_inputs import ModelInputs, given_inputs
from resolvers.refusal import Refusal
from resolvers.tariffs import METER
from resolvers.valuations.kinds import kept_id, said
from resolvers.valuations.outputs import Output
from resolvers.valuations.record import Valuation
from resolvers.valuations.simulation import SimulationInput, SimulationResult
from services import run as runs
from services.errors import NotFound

RUN_STATE = strawberry.enum(
    runs.RunState, description="Where a run stands. DONE, FAILED and CANCELLED are ends."
)


@strawberry.enum(description="What a run computes.")
class RunKind(StrEnum):
    SIMULATION = "SIMULATION"


@strawberry.input(description="A model as it is now, or with a scenario's changes made.")
class ModelSourceInput:
    model: strawberry.ID = strawberry.field(description="The model's global id.")
    scenario: str | None = strawberry.field(
        description="Key of one of its scenarios; left out, the model itself.", default=None
    )


@strawberry.input(
    one_of=True,
    description=("What a simulation is about. Give exactly one; inputs are valued and kept first."),
)
class SimulationSourceInput(ModelInputs):
    valuation: strawberry.ID | None = strawberry.field(
        description="The global id of a kept valuation.", default=strawberry.UNSET
    )
    model: ModelSourceInput | None = strawberry.field(
        description="A model, which is valued and kept first.", default=strawberry.UNSET
    )

    def asked(self) -> runs.Source:
        if self.model:
            inner = inner_id("FinancialModel", self.model.model)
            return runs.OfModel(_uuid(inner), self.model.scenario)
        if isinstance(self.valuation, str):
            return runs.OfValuation(kept_id(self.valuation))
        return runs.OfInputs(*given_inputs(self))


@strawberry.input(description="A simulation that is computed as a run.")
class StartSimulationInput:
    source: SimulationSourceInput = strawberry.field(description="What it is about.")
    spec: SimulationInput = strawberry.field(
        description="What is uncertain, and how often it is drawn: as often as the plan allows."
    )
    output: Output | None = strawberry.field(
        description=(
            "The number of the valuation that is asked for. Left out: what its kind is asked for "
            "first, of a DCF the value per share."
        ),
        default=strawberry.UNSET,
    )

    def asked(self) -> runs.AskedSimulation:
        return runs.AskedSimulation(
            source=self.source.asked(),
            output=self.output or None,
            spec=self.spec.to_engine(),
            price=self.spec.price,
        )


@strawberry.type(
    description=(
        "A percentile of the trials so far, between the ends that hold the true one with 95 % "
        "confidence, whatever the distribution."
    )
)
class PercentileSoFar:
    level: float = strawberry.field(description="Share of trials at or below, so 0.95 is P95.")
    value: float = strawberry.field(description="The value there, of the trials so far.")
    low: float | None = strawberry.field(
        description="The lower end; null: too few trials to tell. It closes in as trials come."
    )
    high: float | None = strawberry.field(description="The upper end, likewise.")


@strawberry.type(
    description=(
        "What is known of a run. After the same number of trials it is the same to the last bit, "
        "whoever computed them."
    )
)
class RunProgress:
    state: runs.RunState = strawberry.field(description="Where the run stands.")
    trials_done: int = strawberry.field(description="Trials that this is known from.")
    trials: int = strawberry.field(description="Trials that were asked for.")
    infeasible: int = strawberry.field(
        description="Trials so far without a value; they stand in no statistic."
    )
    mean: float | None = strawberry.field(
        description="Of the values so far; null: there are too few."
    )
    standard_error: float | None = strawberry.field(description="Of the mean.")
    percentiles: list[PercentileSoFar] = strawberry.field(
        description="From the 1st to the 99th; empty: nothing is known yet."
    )
    result: SimulationResult | None = strawberry.field(
        description="What came out, once the run is DONE."
    )
    refusal: Refusal | None = strawberry.field(
        description="Why there is no result, once the run has FAILED or was CANCELLED."
    )

    @classmethod
    def of(cls, run: runs.Run) -> RunProgress:
        known = run.known
        return cls(
            state=run.state,
            trials_done=0 if known is None else known.trials_done,
            trials=run.trials,
            infeasible=0 if known is None else known.infeasible,
            mean=None if known is None else known.mean,
            standard_error=None if known is None else known.standard_error,
            percentiles=[]
            if known is None
            else [
                PercentileSoFar(level=each.level, value=each.value, low=each.low, high=each.high)
                for each in known.percentiles
            ],
            result=None if run.result is None else SimulationResult.of(run.result),
            refusal=None if run.refusal is None else Refusal.of(run.refusal),
        )


@strawberry.type(
    description=(
        "A computation that outlasts a request. It goes on when whoever started it has left, and "
        "when the process that computes it ends, another takes it over."
    )
)
class Run(Node):
    valuation_id: strawberry.Private[str]
    id: strawberry.ID = strawberry.field(description="Global id.")
    kind: RunKind = strawberry.field(description="What is computed.")
    state: runs.RunState = strawberry.field(description="Where it stands.")
    output: Output = strawberry.field(description="The number that is asked for.")
    attempts: int = strawberry.field(
        description="How often it was begun: more than once where a process ended in mid-work."
    )
    progress: RunProgress = strawberry.field(description="What is known of it now.")
    result: SimulationResult | None = strawberry.field(
        description="What came out, once it is DONE: to the last bit what the analysis gives."
    )
    refusal: Refusal | None = strawberry.field(
        description="Why there is no result, once it has FAILED or was CANCELLED."
    )
    created_at: datetime = strawberry.field(description="When it was asked for, UTC.")
    started_at: datetime | None = strawberry.field(description="When it was first begun, UTC.")
    ended_at: datetime | None = strawberry.field(description="When it ended, UTC.")

    @strawberry.field(description="The valuation that it is about.")
    async def valuation(self, info: Info) -> Valuation:
        recorded = await info.context.services.valuations.find(
            info.context.principal, self.valuation_id
        )
        return said(recorded)

    @classmethod
    def of(cls, run: runs.Run) -> Run:
        progress = RunProgress.of(run)
        return cls(
            valuation_id=run.valuation_id,
            id=global_id("Run", str(run.id)),
            kind=RunKind(run.kind),
            state=run.state,
            output=run.output,
            attempts=run.attempts,
            progress=progress,
            result=progress.result,
            refusal=progress.refusal,
            created_at=run.created_at,
            started_at=run.started_at,
            ended_at=run.ended_at,
        )


def _uuid(inner: str) -> UUID:
    try:
        return UUID(inner)
    except ValueError:
        raise NotFound("There is nothing of that kind under this id.") from None


StartRunOutcome: TypeAlias = Annotated[
    Run | Refusal,
    strawberry.union("StartRunOutcome", description="The run, or what to mend."),
]
CancelRunOutcome: TypeAlias = Annotated[
    Run | Refusal,
    strawberry.union("CancelRunOutcome", description="The run, or why it cannot be cancelled."),
]
Id: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="A run's global id.")]
OperationId: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description=(
            "Names this start, in 1 to 64 characters: a repeat with the same input answers with "
            "the same run. Left out, each call starts a run."
        )
    ),
]
Asked: TypeAlias = Annotated[
    StartSimulationInput, strawberry.argument(description="What is simulated.")
]


@strawberry.type
class RunMutation:
    @strawberry.mutation(
        description=(
            "Start a simulation that may outlast this request, within the plan's trials and runs. "
            "Follow it by `runProgress`, or ask `run` for it."
        )
    )
    async def start_simulation(
        self,
        info: Info,
        input: Asked,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> StartRunOutcome:
        started = await info.context.services.runs.start(
            info.context.principal, input.asked(), operation_id, METER.get()
        )
        return Run.of(started)

    @strawberry.mutation(
        description="End a run. One that was cancelled already stays so; another end is a CONFLICT."
    )
    async def cancel_run(self, info: Info, id: Id) -> CancelRunOutcome:  # noqa: A002 - the field's name in the schema
        cancelled = await info.context.services.runs.cancel(
            info.context.principal, _uuid(inner_id("Run", id))
        )
        return Run.of(cancelled)


@strawberry.type
class RunQuery:
    @strawberry.field(description="A run of the caller's tenant.")
    async def run(self, info: Info, id: Id) -> Run | None:  # noqa: A002 - the field's name in the schema
        found = await info.context.services.runs.find(
            info.context.principal, _uuid(inner_id("Run", id))
        )
        return Run.of(found)


@strawberry.type
class RunSubscription:
    @strawberry.subscription(
        description=(
            "What is known of a run: at once, then as trials come, and at last its end with the "
            "result. Percentiles close in; whoever is slow misses steps, never the end."
        )
    )
    async def run_progress(self, info: Info, id: Id) -> AsyncIterator[RunProgress]:  # noqa: A002 - the field's name in the schema
        following = info.context.services.runs.follow(
            info.context.principal, _uuid(inner_id("Run", id))
        )
        async with aclosing(following) as steps:
            async for run in steps:
                yield RunProgress.of(run)
