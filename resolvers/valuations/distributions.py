"""What may be drawn for an uncertain input, as the schema asks for it."""

from __future__ import annotations

import strawberry

from engine import distributions as engine
from engine.distributions import RelativeTo

RELATIVE_TO = strawberry.enum(
    RelativeTo,
    description=(
        "What a draw is to the input's own value: an OFFSET is added to it (a draw of 0.01 is a "
        "point more), a MULTIPLE multiplies it (1.01 is a hundredth more), and an ABSOLUTE draw "
        "stands instead of it. For a whole schedule: to that of each of its years."
    ),
)
_SAID = "What a draw is to the input's own value."
_ORDER = "In the unit that `relativeTo` gives it, like the others; low <= mode <= high."


@strawberry.input(description="Normal, around the input's own value unless it has a mean.")
class NormalInput:
    standard_deviation: float = strawberry.field(
        description="0 or more: in the unit of the input, or of a MULTIPLE, so 0.1 is a tenth."
    )
    mean: float | None = strawberry.field(
        description=(
            "The middle of the draws. Left out: 0 for an OFFSET and 1 for a MULTIPLE, which is the "
            "input's own value; an ABSOLUTE draw needs one."
        ),
        default=None,
    )
    relative_to: RelativeTo = strawberry.field(description=_SAID, default=RelativeTo.OFFSET)

    def to_engine(self) -> engine.Normal:
        return engine.Normal(self.standard_deviation, self.mean, self.relative_to)


@strawberry.input(description="Uniform between two ends: by default, offsets from the input.")
class UniformInput:
    low: float = strawberry.field(description="The least draw: an OFFSET is added to the input.")
    high: float = strawberry.field(description="The greatest, not below `low`.")
    relative_to: RelativeTo = strawberry.field(description=_SAID, default=RelativeTo.OFFSET)

    def to_engine(self) -> engine.Uniform:
        return engine.Uniform(self.low, self.high, self.relative_to)


@strawberry.input(
    description=(
        "Lognormal: always above 0, with the logarithm normal. A MULTIPLE with the median 1 makes "
        "the input vary in proportion, as often above its own value as below."
    )
)
class LognormalInput:
    median: float = strawberry.field(
        description="As many draws are above as below, above 0. The mean is higher."
    )
    log_standard_deviation: float = strawberry.field(
        description="Of the draw's natural logarithm, 0 to 10: 0.2 is about a fifth up or down."
    )
    relative_to: RelativeTo = strawberry.field(description=_SAID)

    def to_engine(self) -> engine.Lognormal:
        return engine.Lognormal(self.median, self.log_standard_deviation, self.relative_to)


@strawberry.input(description="Triangular: from the least to the greatest, most often the mode.")
class TriangularInput:
    low: float = strawberry.field(description=_ORDER)
    mode: float = strawberry.field(description="The most likely draw.")
    high: float = strawberry.field(description="The greatest draw.")
    relative_to: RelativeTo = strawberry.field(description=_SAID)

    def to_engine(self) -> engine.Triangular:
        return engine.Triangular(self.low, self.mode, self.high, self.relative_to)


@strawberry.input(
    description="PERT: as triangular, but smooth, and with less weight on the ends. A beta density."
)
class PertInput:
    low: float = strawberry.field(description=_ORDER)
    mode: float = strawberry.field(description="The most likely draw.")
    high: float = strawberry.field(description="The greatest draw.")
    relative_to: RelativeTo = strawberry.field(description=_SAID)
    weight: float = strawberry.field(
        description=(
            "How much the mode weighs (λ) against the ends, 0 to 100: the mean is "
            "(low + λ mode + high) / (λ + 2). 4 is usual."
        ),
        default=4.0,
    )

    def to_engine(self) -> engine.Pert:
        return engine.Pert(self.low, self.mode, self.high, self.relative_to, self.weight)


@strawberry.input(description="One value of a discrete draw.")
class OutcomeInput:
    value: float = strawberry.field(description="What is drawn.")
    probability: float = strawberry.field(
        description="How likely that is, 0 to 1. All of them together are 1."
    )


@strawberry.input(description="One of some values, such as two tax rates, each with its chance.")
class DiscreteInput:
    outcomes: list[OutcomeInput] = strawberry.field(description="1 to 1,000 of them.")
    relative_to: RelativeTo = strawberry.field(description=_SAID)

    def to_engine(self) -> engine.Discrete:
        outcomes = tuple(engine.Outcome(each.value, each.probability) for each in self.outcomes)
        return engine.Discrete(outcomes, self.relative_to)


@strawberry.input(
    description=(
        "As some observations were, such as a firm's growth in past years: between the least and "
        "the greatest, straight from each to the next."
    )
)
class EmpiricalInput:
    observations: list[float] = strawberry.field(description="2 to 1,000, in any order.")
    relative_to: RelativeTo = strawberry.field(description=_SAID)

    def to_engine(self) -> engine.Empirical:
        return engine.Empirical(tuple(self.observations), self.relative_to)


@strawberry.input(one_of=True, description="What is drawn. Give exactly one.")
class DistributionInput:
    normal: NormalInput | None = strawberry.field(
        description="A bell around the input.", default=strawberry.UNSET
    )
    uniform: UniformInput | None = strawberry.field(
        description="Anything between two ends, all alike.", default=strawberry.UNSET
    )
    lognormal: LognormalInput | None = strawberry.field(
        description="Above 0, and skewed to the right.", default=strawberry.UNSET
    )
    triangular: TriangularInput | None = strawberry.field(
        description="Three numbers: least, most likely, greatest.", default=strawberry.UNSET
    )
    pert: PertInput | None = strawberry.field(
        description="The same three, smoothly.", default=strawberry.UNSET
    )
    discrete: DiscreteInput | None = strawberry.field(
        description="One of some values.", default=strawberry.UNSET
    )
    empirical: EmpiricalInput | None = strawberry.field(
        description="As was observed.", default=strawberry.UNSET
    )

    def to_engine(self) -> engine.Distribution:
        (given,) = filter(None, vars(self).values())  # the schema lets exactly one in
        found: engine.Distribution = given.to_engine()
        return found
