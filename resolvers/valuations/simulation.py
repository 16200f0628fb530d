"""A Monte Carlo simulation, as the schema asks for it and says it: inputs and results."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import strawberry

from engine.correlation import Correlation, CorrelationMethod
from engine.sampling import Sampling
from engine.shocks import Shock, SimulationSpec, StopWhen
from resolvers.refusal import Refusal
from resolvers.scalars import FloatSeries, series
from resolvers.valuations.distributions import DistributionInput
from services.words import snake

INPUT_PATH = (
    "Path of an input, such as `capital.wacc`, `operations.revenueGrowth` (the whole schedule) or "
    "`operations.revenueGrowth[3]` (one year, counted from 0)."
)


SAMPLING = strawberry.enum(
    Sampling,
    description=(
        "Where the trials' numbers come from. SOBOL: points that fill the space evenly, in sixteen "
        "independent scrambles, whose spread tells the error; at the same number of trials the "
        "error of a mean is a small fraction of that of PLAIN random numbers. PLAIN is for what "
        "happens far out in a tail, and for comparing."
    ),
)
CORRELATION_METHOD = strawberry.enum(
    CorrelationMethod,
    description=(
        "What a correlation matrix is of. RANK: Spearman's correlations of the draws, whatever "
        "their distributions. GAUSSIAN_COPULA: correlations of the normals that they are made of."
    ),
)


@strawberry.input(description="One uncertain input.")
class ShockInput:
    path: str = strawberry.field(description=INPUT_PATH)
    distribution: DistributionInput = strawberry.field(
        description="What is drawn, and by its `relativeTo` what it does to the input."
    )
    every_year: bool = strawberry.field(
        description="Draw each year of a schedule by itself; otherwise all years move together.",
        default=False,
    )

    def to_engine(self) -> Shock:
        return Shock(snake(self.path), self.distribution.to_engine(), self.every_year)


@strawberry.input(description="How the draws of the shocks hang together.")
class CorrelationInput:
    matrix: list[list[float]] = strawberry.field(
        description=(
            "A row for each shock and in it a number for each shock, in their order, from -1 to 1, "
            "with 1 in the diagonal. Shocks that are drawn for each year are correlated within the "
            "year; one year is independent of the next. A matrix that no draws can have is refused "
            "with the nearest one."
        )
    )
    method: CorrelationMethod = strawberry.field(
        description="What the numbers are.", default=CorrelationMethod.RANK
    )

    def to_engine(self) -> Correlation:
        return Correlation(self.method, tuple(map(tuple, self.matrix)))


@strawberry.input(description="Trials end early once enough is known. `trials` is then the most.")
class StopWhenInput:
    standard_error_share: float = strawberry.field(
        description=(
            "Once the mean's standard error is at most this share of the mean, above 0 to 1: 0.001 "
            "is a tenth of a percent. It is looked at whenever the trials have doubled."
        )
    )


@strawberry.input(description="A Monte Carlo simulation.")
class SimulationInput:
    shocks: list[ShockInput] = strawberry.field(
        description="The uncertain inputs, 1 to 50. Without a correlation they are independent."
    )
    trials: int = strawberry.field(
        description=(
            "How many: 100 to 100,000 as an analysis; as a run, up to what the tenant's plan has. "
            "With SOBOL rounded up to a multiple of 16; 16 times a power of two is best by far."
        ),
        default=16_384,
    )
    seed: int = strawberry.field(
        description="The same seed gives the same trials, on any number of workers.", default=1
    )
    price: float | None = strawberry.field(
        description=(
            "What `probabilityAbove` and `meanShortfall` ask about, in the unit of the output. "
            "Left out: the market price of the inputs, where the output is the value per share."
        ),
        default=None,
    )
    sampling: Sampling = strawberry.field(
        description="Where the trials' numbers come from.", default=Sampling.SOBOL
    )
    correlation: CorrelationInput | None = strawberry.field(
        description="Left out: the shocks are independent of each other.", default=None
    )
    stop_when: StopWhenInput | None = strawberry.field(
        description="Left out: all trials are drawn.", default=None
    )

    def to_engine(self) -> SimulationSpec:
        return SimulationSpec(
            trials=self.trials,
            seed=self.seed,
            shocks=tuple(shock.to_engine() for shock in self.shocks),
            sampling=self.sampling,
            correlation=self.correlation.to_engine() if self.correlation else None,
            stop_when=StopWhen(self.stop_when.standard_error_share) if self.stop_when else None,
        )


@strawberry.type(description="What holds the true number with 95 % confidence.")
class Interval:
    low: float = strawberry.field(description="The lower end.")
    high: float = strawberry.field(description="The upper end.")


@strawberry.type(description="One point of a distribution.")
class Percentile:
    level: float = strawberry.field(description="Share of trials at or below, so 0.95 is P95.")
    value: float = strawberry.field(description="The value there.")
    low: float | None = strawberry.field(
        description=(
            "Between this and `high` is the true one, with 95 % confidence; null: too few trials "
            "to tell, or kept by a server that did not tell."
        ),
        default=None,
    )
    high: float | None = strawberry.field(description="The other end, likewise.", default=None)


@strawberry.type(description="What one shock has to do with how uncertain the value is.")
class Driver:
    path: str = strawberry.field(description="The input that is uncertain.")
    share: float = strawberry.field(
        description=(
            "Of the value's variance, 0 to 1: what would be gone of it if this input were known "
            "(the first-order index of Sobol; of a shock for each year, its years together). "
            "Independent shocks add up to 1 at most, less what they do together; correlated ones "
            "may add up to more."
        )
    )


@strawberry.type(description="How often a value fell where. Outer bins hold what lies beyond.")
class Histogram:
    edges: FloatSeries = strawberry.field(
        description="Values between which the bins lie: one more than there are bins."
    )
    counts: FloatSeries = strawberry.field(description="Trials in each bin.")


@strawberry.type(name="Simulation", description="The distribution of a value.")
class SimulationResult:
    sampling: Sampling = strawberry.field(description="Where the trials' numbers came from.")
    trials: int = strawberry.field(
        description="How many were drawn: with SOBOL a multiple of 16, and fewer after `stopWhen`."
    )
    infeasible: int = strawberry.field(
        description="Trials without a value, such as growth drawn above the WACC; in no statistic."
    )
    mean: float = strawberry.field(
        description="Of the trials that have a value, like all that follows."
    )
    standard_error: float = strawberry.field(
        description="Of the mean: with SOBOL from the means of sixteen independent scrambles."
    )
    mean_interval: Interval | None = strawberry.field(
        description=(
            "What holds the true mean with 95 % confidence: with SOBOL by Student's t of 15 degrees"
            " of freedom. Null: kept by a server that did not tell."
        )
    )
    converged: bool | None = strawberry.field(
        description="Whether what `stopWhen` asks for was reached; null without it."
    )
    standard_deviation: float = strawberry.field(description="Of one trial.")
    minimum: float = strawberry.field(description="The least value.")
    maximum: float = strawberry.field(description="The greatest value.")
    percentiles: list[Percentile] = strawberry.field(description="From the 1st to the 99th.")
    histogram: Histogram = strawberry.field(description="How the values spread.")
    probability_above: float | None = strawberry.field(
        description="Share of trials above the price; null without a price."
    )
    probability_interval: Interval | None = strawberry.field(
        description="What holds the true probability with 95 % confidence; null without a price."
    )
    mean_shortfall: float | None = strawberry.field(
        description=(
            "By how much the trials below the price fall short of it, on average; null without a "
            "price, and where none is below."
        )
    )
    drivers: list[Driver] = strawberry.field(
        description=(
            "The shocks by their share of the variance, the greatest first, told by the first "
            "32,768 trials; empty where the value does not vary."
        )
    )

    @classmethod
    def of(cls, found: dict[str, Any]) -> SimulationResult:
        """From the document that `services.simulations` makes of it, new or kept.

        What was kept before there was a choice of sampling has fewer numbers.
        """
        histogram = found["histogram"]
        return cls(
            sampling=Sampling(found.get("sampling", Sampling.PLAIN)),
            trials=found["trials"],
            infeasible=found["infeasible"],
            mean=found["mean"],
            standard_error=found["standardError"],
            mean_interval=_interval(found.get("meanInterval")),
            converged=found.get("converged"),
            standard_deviation=found["standardDeviation"],
            minimum=found["minimum"],
            maximum=found["maximum"],
            percentiles=[Percentile(**each) for each in found["percentiles"]],
            histogram=Histogram(
                edges=series(histogram["edges"]), counts=series(histogram["counts"])
            ),
            probability_above=found["probabilityAbove"],
            probability_interval=_interval(found.get("probabilityInterval")),
            mean_shortfall=found.get("meanShortfall"),
            drivers=[Driver(**each) for each in found.get("drivers", [])],
        )


def _interval(ends: dict[str, float] | None) -> Interval | None:
    return None if ends is None else Interval(**ends)


SimulationOutcome: TypeAlias = Annotated[
    SimulationResult | Refusal,
    strawberry.union(
        "SimulationOutcome", description="A distribution, or what to mend in the shocks."
    ),
]
Spec: TypeAlias = Annotated[
    SimulationInput,
    strawberry.argument(description="What is uncertain, and how often it is drawn."),
]
