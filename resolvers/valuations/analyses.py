"""Analyses, the same words for every kind: fields of a valuation, computed when selected."""

from __future__ import annotations

import strawberry

from resolvers.context import Info
from resolvers.ids import inner_id, type_of
from resolvers.scalars import grid, series
from resolvers.valuations.comparisons import (
    Attribution,
    AttributionOutcome,
    Cases,
    From,
    High,
    InputPath,
    Low,
    ReverseOutcome,
    ReverseValuation,
    ScenarioComparison,
    ScenariosOutcome,
    Target,
)
from resolvers.valuations.outputs import Of
from resolvers.valuations.record import Valuation
from resolvers.valuations.sensitivities import (
    Columns,
    Gradient,
    GradientOutcome,
    OneAxis,
    OneWaySensitivity,
    OneWaySensitivityOutcome,
    Paths,
    Rows,
    Sensitivity,
    SensitivityOutcome,
    Share,
    Swings,
    Tornado,
    TornadoBar,
    TornadoOutcome,
)
from resolvers.valuations.simulation import SimulationOutcome, SimulationResult, Spec
from services.words import snake


@strawberry.interface(description="A valuation that can be computed again over other inputs.")
class Analysable(Valuation):
    @strawberry.field(description="The value over two inputs at once, up to 40,000 cells.")
    async def sensitivity(
        self, info: Info, rows: Rows, columns: Columns, of: Of = None
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

    @strawberry.field(description="Every number that the kind has, side by side along one input.")
    async def one_way_sensitivity(self, info: Info, axis: OneAxis) -> OneWaySensitivityOutcome:
        asked = axis.to_engine()
        values = await info.context.services.analyses.one_way(
            info.context.principal, self.recorded, asked
        )
        return OneWaySensitivity.of(asked, values)

    @strawberry.field(
        description=(
            "Which inputs move the value most. Without `swings`, every input moves up and down by "
            "`share` of itself, as far as it is allowed to; of more than 200, the 200 that matter "
            "most by their slope."
        )
    )
    async def tornado(
        self,
        info: Info,
        swings: Swings = strawberry.UNSET,
        share: Share = 0.1,
        of: Of = None,
    ) -> TornadoOutcome:
        asked = None if not swings and swings != [] else [each.to_engine() for each in swings]
        bars = await info.context.services.analyses.tornado(
            info.context.principal, self.recorded, of, asked, share
        )
        return Tornado(bars=[TornadoBar.of(bar) for bar in bars])

    @strawberry.field(description="Exact derivatives by every input, or by the named ones.")
    async def gradient(
        self, info: Info, paths: Paths = strawberry.UNSET, of: Of = None
    ) -> GradientOutcome:
        asked = None if not paths and paths != [] else [snake(path) for path in paths]
        return Gradient.of(
            await info.context.services.analyses.gradient(
                info.context.principal, self.recorded, of, asked
            )
        )

    @strawberry.field(
        description=(
            "The valuation backwards: which value of an input gives this price? All of them over "
            "the range are found, or it is said what can be reached."
        )
    )
    async def reverse(
        self,
        info: Info,
        path: InputPath,
        target: Target = None,
        of: Of = None,
        low: Low = None,
        high: High = None,
    ) -> ReverseOutcome:
        found = await info.context.services.analyses.reverse(
            info.context.principal, self.recorded, of, snake(path), target, low, high
        )
        return ReverseValuation.of_found(self.recorded.kind.asked(of), found)

    @strawberry.field(
        description="Scenarios side by side: what each is worth, and what they are together."
    )
    async def scenarios(self, info: Info, cases: Cases) -> ScenariosOutcome:
        asked = [case.to_engine() for case in cases]
        found = await info.context.services.analyses.scenarios(
            info.context.principal, self.recorded, asked
        )
        return ScenarioComparison.of(asked, found)

    @strawberry.field(
        description=(
            "Why this valuation differs from an earlier one: what each input that changed adds to "
            "the value. The amounts add up to the change, and no order of changes is preferred."
        )
    )
    async def attribution(self, info: Info, from_: From, of: Of = None) -> AttributionOutcome:
        found = await info.context.services.analyses.attribution(
            info.context.principal, self.recorded, of, inner_id(type_of(self.id), from_)
        )
        return Attribution.of_found(self.recorded.kind.asked(of), found)

    @strawberry.field(description="The distribution of the value when inputs are uncertain.")
    async def simulation(self, info: Info, spec: Spec, of: Of = None) -> SimulationOutcome:
        found = await info.context.services.analyses.simulation(
            info.context.principal, self.recorded, of, spec.to_engine(), spec.price
        )
        return SimulationResult.of(found)
