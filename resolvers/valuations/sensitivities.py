"""Grids, lines, tornados and slopes: how the value answers to its inputs, in the schema's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import numpy as np
import strawberry

from engine.door import FloatArray
from engine.scenarios import Axis, Bar, Swing
from resolvers.refusal import Refusal
from resolvers.scalars import FloatGrid, FloatSeries, series
from resolvers.valuations.outputs import Output
from resolvers.valuations.simulation import INPUT_PATH
from services.words import camel, snake


@strawberry.input(description="One side of a sensitivity grid.")
class AxisInput:
    path: str = strawberry.field(description=INPUT_PATH)
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


@strawberry.type(description="One number of a valuation along an input.")
class OutputLine:
    of: Output = strawberry.field(description="Which number it is.")
    values: FloatSeries = strawberry.field(description="One for each value of the input.")


@strawberry.type(
    description="Every number that the kind has along one input; each point is a full valuation."
)
class OneWaySensitivity:
    path: str = strawberry.field(description="The input.")
    input_values: FloatSeries = strawberry.field(description="The values that it takes.")
    lines: list[OutputLine] = strawberry.field(
        description="Side by side, what the kind is asked for first in front."
    )

    @classmethod
    def of(cls, axis: Axis, values: Mapping[str, FloatArray]) -> OneWaySensitivity:
        return cls(
            path=camel(axis.path),
            input_values=series(axis.values),
            lines=[
                OutputLine(of=Output(name), values=series(line)) for name, line in values.items()
            ],
        )


@strawberry.input(description="How far one input swings.")
class SwingInput:
    path: str = strawberry.field(description=INPUT_PATH)
    low: float = strawberry.field(
        description="One end. For a whole schedule: what is added to every year."
    )
    high: float = strawberry.field(description="The other end, likewise.")

    def to_engine(self) -> Swing:
        return Swing(snake(self.path), self.low, self.high)


@strawberry.type(description="What one input's swing does to the value.")
class TornadoBar:
    path: str = strawberry.field(description="The input that swings.")
    low: float = strawberry.field(description="The input at one end, as in `SwingInput`.")
    high: float = strawberry.field(description="The input at the other end.")
    value_at_low: float = strawberry.field(description="The value at the one end.")
    value_at_high: float = strawberry.field(description="The value at the other.")
    drawn_in: bool = strawberry.field(
        description=(
            "Whether `share` of the input would have passed what is allowed: then that end stands "
            "at the last number that is. Never with swings of your own, which are refused instead."
        )
    )

    @classmethod
    def of(cls, bar: Bar) -> TornadoBar:
        return cls(
            path=camel(bar.swing.path),
            low=bar.swing.low,
            high=bar.swing.high,
            value_at_low=bar.at_low,
            value_at_high=bar.at_high,
            drawn_in=bar.swing.drawn_in,
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

    @classmethod
    def of(cls, slopes: Mapping[str, float]) -> Gradient:
        return cls(
            slopes=[Slope(path=camel(path), derivative=slope) for path, slope in slopes.items()]
        )


SensitivityOutcome: TypeAlias = Annotated[
    Sensitivity | Refusal,
    strawberry.union("SensitivityOutcome", description="A grid, or what to mend in its axes."),
]
OneWaySensitivityOutcome: TypeAlias = Annotated[
    OneWaySensitivity | Refusal,
    strawberry.union(
        "OneWaySensitivityOutcome", description="Lines side by side, or what to mend in the axis."
    ),
]
TornadoOutcome: TypeAlias = Annotated[
    Tornado | Refusal,
    strawberry.union("TornadoOutcome", description="Bars, or what to mend in the swings."),
]
GradientOutcome: TypeAlias = Annotated[
    Gradient | Refusal,
    strawberry.union("GradientOutcome", description="Derivatives, or what to mend in the paths."),
]

# Arguments.
Rows: TypeAlias = Annotated[
    AxisInput, strawberry.argument(description="The input that changes from row to row.")
]
Columns: TypeAlias = Annotated[
    AxisInput, strawberry.argument(description="The input that changes from column to column.")
]
OneAxis: TypeAlias = Annotated[
    AxisInput, strawberry.argument(description="The input, and up to 40,000 values of it.")
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
    strawberry.argument(
        description="Of the inputs to differentiate by, up to 200; left out: every one there is."
    ),
]
