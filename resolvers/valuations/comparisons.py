"""Valuations against each other and against a price, as the schema says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

import strawberry

from engine.attribution import Method
from engine.comparison import Case, Change, Comparison
from engine.solving import Reversed
from resolvers.refusal import Refusal
from resolvers.valuations.outputs import Output
from resolvers.valuations.simulation import INPUT_PATH
from services.analyses import Attributed
from services.words import camel, snake


@strawberry.input(description="One input that is different in a case.")
class CaseChangeInput:
    path: str = strawberry.field(description=INPUT_PATH)
    value: float = strawberry.field(
        description="What it is there. For a whole schedule: what is added to every year."
    )


@strawberry.input(description="A scenario: some inputs are different, all others are as they are.")
class CaseInput:
    name: str = strawberry.field(
        description="What it is called, in 1 to 80 characters; each case another name."
    )
    changes: list[CaseChangeInput] = strawberry.field(
        description="What is different, up to 100 inputs; none is the base once more."
    )
    probability: float | None = strawberry.field(
        description=(
            "How likely it is, from 0 to 1. Give one for every case, adding up to 1, or for none."
        ),
        default=None,
    )

    def to_engine(self) -> Case:
        changes = tuple(Change(snake(each.path), each.value) for each in self.changes)
        return Case(name=self.name, changes=changes, probability=self.probability)


@strawberry.type(description="One number of a valuation in a case, and against the base.")
class OutputValue:
    of: Output = strawberry.field(description="Which number it is.")
    value: float = strawberry.field(
        description="In its unit: money, money a share, or a fraction, such as an IRR."
    )
    difference: float = strawberry.field(description="Less the base's, in the same unit.")


@strawberry.type(description="What a case is worth.")
class CaseValue:
    name: str = strawberry.field(description="As it was given.")
    probability: float | None = strawberry.field(
        description="As it was given, from 0 to 1. Null: none was."
    )
    outputs: list[OutputValue] = strawberry.field(
        description="Every number that the kind has; what it is asked for first in front."
    )


@strawberry.type(description="Cases side by side, each a full valuation.")
class ScenarioComparison:
    base: list[OutputValue] = strawberry.field(description="The valuation as it is.")
    cases: list[CaseValue] = strawberry.field(description="In the order given.")
    expected: list[OutputValue] | None = strawberry.field(
        description=(
            "Each number weighed by the probabilities, and against the base. Null: there are none."
        )
    )

    @classmethod
    def of(cls, cases: Sequence[Case], found: Comparison) -> ScenarioComparison:
        def against_base(values: Mapping[str, float]) -> list[OutputValue]:
            return [
                OutputValue(of=Output(name), value=value, difference=value - found.base[name])
                for name, value in values.items()
            ]

        return cls(
            base=against_base(found.base),
            cases=[
                CaseValue(
                    name=case.name, probability=case.probability, outputs=against_base(values)
                )
                for case, values in zip(cases, found.cases, strict=True)
            ],
            expected=None if found.expected is None else against_base(found.expected),
        )


@strawberry.type(description="A value of the input that gives the target.")
class Solution:
    input: float = strawberry.field(
        description="The input. For a whole schedule: what is added to every year."
    )
    value: float = strawberry.field(
        description="What the valuation gives with it: the target, to rounding."
    )


@strawberry.type(description="Which values of one input give a target, all others as they are.")
class ReverseValuation:
    path: str = strawberry.field(description="The input.")
    of: Output = strawberry.field(description="The number that is to be the target.")
    target: float = strawberry.field(description="In the unit of that number.")
    own_input: float = strawberry.field(
        description="The input as it is; of a whole schedule 0, since nothing is added to it."
    )
    own_value: float = strawberry.field(description="What the valuation gives as it is.")
    low: float = strawberry.field(
        description="The least value of the input that was tried: of the range, what is allowed."
    )
    high: float = strawberry.field(description="The greatest value that was tried.")
    solutions: list[Solution] = strawberry.field(
        description="Each one that was found, up to 20; the nearest to the input's own value first."
    )

    @classmethod
    def of_found(cls, of: Output, found: Reversed) -> ReverseValuation:
        return cls(
            path=camel(found.path),
            of=of,
            target=found.target,
            own_input=found.own,
            own_value=found.own_value,
            low=found.low,
            high=found.high,
            solutions=[Solution(input=root.input, value=root.value) for root in found.roots],
        )


ATTRIBUTION_METHOD = strawberry.enum(
    Method,
    name="AttributionMethod",
    description=(
        "How a change is shared out among inputs: by Shapley's value, the mean over every order in "
        "which they could have changed; of each input, or where many changed, of groups of them."
    ),
)


@strawberry.type(description="What the change of some inputs adds to the value.")
class Contribution:
    paths: list[str] = strawberry.field(
        description=(
            "The inputs. More than one: a group of them, or inputs that make no sense apart, such "
            "as a growth above the earlier WACC and the WACC that goes with it."
        )
    )
    amount: float = strawberry.field(description="In the unit of the value; below zero, it lost.")
    before: float | None = strawberry.field(
        description="The input in the earlier valuation. Null: it is not one number on both sides."
    )
    after: float | None = strawberry.field(description="The input in this one, likewise.")


@strawberry.type(
    description="Why two valuations differ: `before` + every amount + `engine` = `after`."
)
class Attribution:
    of: Output = strawberry.field(description="The number that is explained.")
    before: float = strawberry.field(description="As the earlier valuation was kept.")
    after: float = strawberry.field(description="As this valuation was kept.")
    method: Method = strawberry.field(description="How the change was shared out.")
    contributions: list[Contribution] = strawberry.field(
        description="Largest first. Both valuations are valued by the engine that answers."
    )
    engine: float | None = strawberry.field(
        description=(
            "What is owed to another version that computed one of them. Null: to none, the engine "
            "that answers gives both numbers."
        )
    )

    @classmethod
    def of_found(cls, of: Output, found: Attributed) -> Attribution:
        return cls(
            of=of,
            before=found.before,
            after=found.after,
            method=found.by_inputs.method,
            contributions=[
                Contribution(
                    paths=[camel(path) for path in each.paths],
                    amount=each.amount,
                    before=each.before,
                    after=each.after,
                )
                for each in found.by_inputs.contributions
            ],
            engine=found.engine,
        )


ScenariosOutcome: TypeAlias = Annotated[
    ScenarioComparison | Refusal,
    strawberry.union(
        "ScenariosOutcome", description="Cases side by side, or what to mend in them."
    ),
]
ReverseOutcome: TypeAlias = Annotated[
    ReverseValuation | Refusal,
    strawberry.union(
        "ReverseOutcome",
        description="Values of the input, or INFEASIBLE with what can be reached, and where.",
    ),
]
AttributionOutcome: TypeAlias = Annotated[
    Attribution | Refusal,
    strawberry.union(
        "AttributionOutcome", description="Contributions, or why the two cannot be compared."
    ),
]

# Arguments.
Cases: TypeAlias = Annotated[
    list[CaseInput], strawberry.argument(description="The cases to compare, 1 to 100.")
]
InputPath: TypeAlias = Annotated[str, strawberry.argument(description=INPUT_PATH)]
Target: TypeAlias = Annotated[
    float | None,
    strawberry.argument(
        description=(
            "What the number is to be, in its unit. Left out: the market price among the inputs, "
            "for the value per share."
        )
    ),
]
Low: TypeAlias = Annotated[
    float | None,
    strawberry.argument(
        description="The least value of the input to try; left out: the least that is allowed."
    ),
]
High: TypeAlias = Annotated[
    float | None,
    strawberry.argument(
        description="The greatest value of the input to try; left out: the greatest allowed."
    ),
]
From: TypeAlias = Annotated[
    strawberry.ID,
    strawberry.argument(
        name="from", description="Global id of the earlier valuation, of the same kind."
    ),
]
