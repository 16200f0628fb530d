"""Analyses, the same words for every kind: fields of a valuation, computed when selected."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import numpy as np
import strawberry

from engine.dcf import DcfOutput
from engine.scenarios import Axis, Bar, Swing
from engine.simulation import Normal, Shock, SimulationSpec, Uniform
from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.scalars import FloatGrid, FloatSeries, grid, series
from resolvers.valuations.record import Valuation
from services.simulations import simulation_document
from services.words import camel, snake

DCF_OUTPUT = strawberry.enum(DcfOutput, description="Which number of the valuation is asked for.")

_PATH = (
    "Path of an input, such as `capital.wacc`, `operations.revenueGrowth` (the whole schedule) or "
    "`operations.revenueGrowth[3]` (one year, counted from 0)."
)


@strawberry.input(description="One side of a sensitivity grid.")
class AxisInput:
    path: str = strawberry.field(description=_PATH)
    values: list[float] = strawberry.field(
        description=(
            "The values that the input takes. For a whole schedule: what is added to every year."
        )
    )

    def to_engine(self) -> Axis:
        return Axis(snake(self.path), np.array(self.values, dtype=np.float64))


@strawberry.type(description="A value for each pair of inputs; each cell is a full valuation.")
class Sensitivity:
    row_path: str = strawberry.field(description="The input of the rows.")
    column_path: str = strawberry.field(description="The input of the columns.")
    row_values: FloatSeries = strawberry.field(
        description="The values that it takes, one for each row."
    )
    column_values: FloatSeries = strawberry.field(
        description="The values that it takes, one for each column."
    )
    values: FloatGrid = strawberry.field(description="One row for each row value.")


@strawberry.input(description="How far one input swings.")
class SwingInput:
    path: str = strawberry.field(description=_PATH)
    low: float = strawberry.field(
        description="One end. For a whole schedule: what is added to every year."
    )
    high: float = strawberry.field(description="The other end, likewise.")


@strawberry.type(description="What one input's swing does to the value.")
class TornadoBar:
    path: str = strawberry.field(description="The input that swings.")
    low: float = strawberry.field(description="The input at one end, as in `SwingInput`.")
    high: float = strawberry.field(description="The input at the other end.")
    value_at_low: float = strawberry.field(description="The value at the one end.")
    value_at_high: float = strawberry.field(description="The value at the other.")

    @classmethod
    def of(cls, bar: Bar) -> TornadoBar:
        return cls(
            path=camel(bar.swing.path),
            low=bar.swing.low,
            high=bar.swing.high,
            value_at_low=bar.at_low,
            value_at_high=bar.at_high,
        )


@strawberry.type(description="Which inputs move the value most.")
class Tornado:
    bars: list[TornadoBar] = strawberry.field(description="Widest first.")


@strawberry.type(description="The exact derivative of the value by one input.")
class Slope:
    path: str = strawberry.field(description="The input.")
    derivative: float = strawberry.field(
        description="Change of the value per unit of the input; a schedule moves in all its years."
    )


@strawberry.type(description="Exact derivatives by complex step: good to rounding.")
class Gradient:
    slopes: list[Slope] = strawberry.field(description="In the order of the inputs.")


@strawberry.input(description="Normal around the input's own value.")
class NormalInput:
    standard_deviation: float = strawberry.field(description="In the unit of the input, 0 or more.")


@strawberry.input(description="Uniform between two offsets from the input's own value.")
class UniformInput:
    low: float = strawberry.field(description="Added to the input at the least.")
    high: float = strawberry.field(description="Added to the input at the most.")


@strawberry.input(one_of=True, description="What is drawn. Give exactly one.")
class DistributionInput:
    normal: NormalInput | None = strawberry.field(
        description="A bell around the input.", default=strawberry.UNSET
    )
    uniform: UniformInput | None = strawberry.field(
        description="Anything between two ends, all alike.", default=strawberry.UNSET
    )

    def to_engine(self) -> Normal | Uniform:
        if self.normal:
            return Normal(self.normal.standard_deviation)
        assert self.uniform  # noqa: S101 - the schema lets exactly one in
        return Uniform(self.uniform.low, self.uniform.high)


@strawberry.input(description="One uncertain input.")
class ShockInput:
    path: str = strawberry.field(description=_PATH)
    distribution: DistributionInput = strawberry.field(
        description="What is drawn, and added to the input."
    )
    every_year: bool = strawberry.field(
        description="Draw each year of a schedule by itself; otherwise all years move together.",
        default=False,
    )

    def to_engine(self) -> Shock:
        return Shock(snake(self.path), self.distribution.to_engine(), self.every_year)


@strawberry.input(description="A Monte Carlo simulation. Shocks are independent of each other.")
class SimulationInput:
    shocks: list[ShockInput] = strawberry.field(description="The uncertain inputs, 1 to 50.")
    trials: int = strawberry.field(
        description=(
            "How many: 100 to 100,000 as an analysis; as a run, up to what the tenant's plan has."
        ),
        default=10_000,
    )
    seed: int = strawberry.field(
        description="The same seed gives the same trials, on any number of workers.", default=1
    )
    price: float | None = strawberry.field(
        description="What `probabilityAbove` asks about; left out, the inputs' market price.",
        default=None,
    )

    def to_engine(self) -> SimulationSpec:
        return SimulationSpec(
            trials=self.trials,
            seed=self.seed,
            shocks=tuple(shock.to_engine() for shock in self.shocks),
        )


@strawberry.type(description="One point of a distribution.")
class Percentile:
    level: float = strawberry.field(description="Share of trials at or below, so 0.95 is P95.")
    value: float = strawberry.field(description="The value there.")


@strawberry.type(description="How often a value fell where. Outer bins hold what lies beyond.")
class Histogram:
    edges: FloatSeries = strawberry.field(
        description="Values between which the bins lie: one more than there are bins."
    )
    counts: FloatSeries = strawberry.field(description="Trials in each bin.")


@strawberry.type(name="Simulation", description="The distribution of a value.")
class SimulationResult:
    trials: int = strawberry.field(description="How many were drawn.")
    infeasible: int = strawberry.field(
        description="Trials without a value, such as growth drawn above the WACC; in no statistic."
    )
    mean: float = strawberry.field(
        description="Of the trials that have a value, like all that follows."
    )
    standard_error: float = strawberry.field(description="Of the mean.")
    standard_deviation: float = strawberry.field(description="Of one trial.")
    minimum: float = strawberry.field(description="The least value.")
    maximum: float = strawberry.field(description="The greatest value.")
    percentiles: list[Percentile] = strawberry.field(description="From the 1st to the 99th.")
    histogram: Histogram = strawberry.field(description="How the values spread.")
    probability_above: float | None = strawberry.field(
        description="Share of trials above the price; null without a price."
    )

    @classmethod
    def of(cls, found: dict[str, Any]) -> SimulationResult:
        """From the document that `services.simulations` makes of it, new or kept."""
        histogram = found["histogram"]
        return cls(
            trials=found["trials"],
            infeasible=found["infeasible"],
            mean=found["mean"],
            standard_error=found["standardError"],
            standard_deviation=found["standardDeviation"],
            minimum=found["minimum"],
            maximum=found["maximum"],
            percentiles=[Percentile(**each) for each in found["percentiles"]],
            histogram=Histogram(
                edges=series(histogram["edges"]), counts=series(histogram["counts"])
            ),
            probability_above=found["probabilityAbove"],
        )


SensitivityOutcome: TypeAlias = Annotated[
    Sensitivity | Refusal,
    strawberry.union("SensitivityOutcome", description="A grid, or what to mend in its axes."),
]
TornadoOutcome: TypeAlias = Annotated[
    Tornado | Refusal,
    strawberry.union("TornadoOutcome", description="Bars, or what to mend in the swings."),
]
GradientOutcome: TypeAlias = Annotated[
    Gradient | Refusal,
    strawberry.union("GradientOutcome", description="Derivatives, or what to mend in the paths."),
]
SimulationOutcome: TypeAlias = Annotated[
    SimulationResult | Refusal,
    strawberry.union(
        "SimulationOutcome", description="A distribution, or what to mend in the shocks."
    ),
]

# The arguments of the analyses.
Rows: TypeAlias = Annotated[
    AxisInput, strawberry.argument(description="The input that changes from row to row.")
]
Columns: TypeAlias = Annotated[
    AxisInput, strawberry.argument(description="The input that changes from column to column.")
]
Swings: TypeAlias = Annotated[
    list[SwingInput] | None,
    strawberry.argument(description="Which inputs swing and how far, 1 to 200."),
]
Share: TypeAlias = Annotated[
    float,
    strawberry.argument(description="Without `swings`: a fraction of each input, so 0.1 is 10 %."),
]
Paths: TypeAlias = Annotated[
    list[str] | None,
    strawberry.argument(description="Of the inputs to differentiate by; left out: every one."),
]
Spec: TypeAlias = Annotated[
    SimulationInput,
    strawberry.argument(description="What is uncertain, and how often it is drawn."),
]
Of: TypeAlias = Annotated[
    DcfOutput, strawberry.argument(description="The number of the valuation that is asked for.")
]


@strawberry.interface(description="A valuation that can be computed again over other inputs.")
class Analysable(Valuation):
    @strawberry.field(description="The value over two inputs at once, up to 40,000 cells.")
    async def sensitivity(
        self,
        info: Info,
        rows: Rows,
        columns: Columns,
        of: Of = DcfOutput.VALUE_PER_SHARE,
    ) -> SensitivityOutcome:
        one, other = rows.to_engine(), columns.to_engine()
        values = await info.context.services.analyses.sensitivity(
            info.context.principal, self.recorded, of, one, other
        )
        return Sensitivity(
            row_path=rows.path,
            column_path=columns.path,
            row_values=series(one.values),
            column_values=series(other.values),
            values=grid(values),
        )

    @strawberry.field(
        description=(
            "Which inputs move the value most. Without `swings`, every input moves up and down by "
            "`share` of itself."
        )
    )
    async def tornado(
        self,
        info: Info,
        swings: Swings = strawberry.UNSET,
        share: Share = 0.1,
        of: Of = DcfOutput.VALUE_PER_SHARE,
    ) -> TornadoOutcome:
        asked = (
            None
            if not swings and swings != []
            else [Swing(snake(s.path), s.low, s.high) for s in swings]
        )
        bars = await info.context.services.analyses.tornado(
            info.context.principal, self.recorded, of, asked, share
        )
        return Tornado(bars=[TornadoBar.of(bar) for bar in bars])

    @strawberry.field(description="Exact derivatives by every input, or by the named ones.")
    async def gradient(
        self,
        info: Info,
        paths: Paths = strawberry.UNSET,
        of: Of = DcfOutput.VALUE_PER_SHARE,
    ) -> GradientOutcome:
        slopes = await info.context.services.analyses.gradient(
            info.context.principal,
            self.recorded,
            of,
            None if not paths and paths != [] else [snake(path) for path in paths],
        )
        return Gradient(
            slopes=[Slope(path=camel(path), derivative=slope) for path, slope in slopes.items()]
        )

    @strawberry.field(description="The distribution of the value when inputs are uncertain.")
    async def simulation(
        self,
        info: Info,
        spec: Spec,
        of: Of = DcfOutput.VALUE_PER_SHARE,
    ) -> SimulationOutcome:
        price = self.recorded.inputs.get("marketPrice") if spec.price is None else spec.price
        found = await info.context.services.analyses.simulation(
            info.context.principal, self.recorded, of, spec.to_engine(), price
        )
        return SimulationResult.of(simulation_document(found))
