"""Leveraged buyouts, as the schema says them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np
import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.scalars import FloatGrid, FloatSeries, grid, series
from resolvers.valuations.analyses import Analysable
from resolvers.valuations.lbo_inputs import LboInput
from resolvers.valuations.lbo_results import (
    CircularYear,
    CovenantTest,
    CreditYear,
    EquityHolder,
    ExitYear,
    LboStatements,
    SourcesAndUses,
    TrancheSchedule,
    ValueCreation,
)
from resolvers.valuations.record import Remark, record_of
from resolvers.valuations.results import filled
from services.kinds import LBO
from services.valuations import Recorded


@strawberry.type(
    description="What one holder of the equity has of it, by year (rows) and multiple (columns)."
)
class ExitGridHolder:
    name: str = strawberry.field(description="SPONSOR, ROLLOVER or OPTION_POOL.")
    invested: float = strawberry.field(description="At closing, in money.")
    dividend: FloatSeries = strawberry.field(
        description="Of a recapitalisation until each year, in money: by row."
    )
    proceeds: FloatGrid = strawberry.field(
        description="At exit, in money: what all holders have of a cell is its equity."
    )
    moic: FloatGrid | None = strawberry.field(
        description="Money back over money in. Null: nothing was invested."
    )
    irr: FloatGrid | None = strawberry.field(
        description="Per year, fractions; -1: all is lost. Null: nothing was invested."
    )


@strawberry.type(description="The sponsor's returns by year (rows) and multiple (columns) of exit.")
class ExitGrid:
    years: list[int] = strawberry.field(description="Of the rows, from 1.")
    multiples: FloatSeries = strawberry.field(description="Of the columns, EV over EBITDA.")
    irr: FloatGrid = strawberry.field(description="Per year, fractions; -1: all is lost.")
    moic: FloatGrid = strawberry.field(description="Money back over money in.")
    holders: list[ExitGridHolder] = strawberry.field(
        description="The sponsor first, with the numbers above; the others where there are such."
    )


@strawberry.type(description="The most that can be paid for a return.")
class MaximumPrice:
    enterprise_value: float = strawberry.field(description="In money.")
    ev_to_ebitda: float = strawberry.field(description="Over the EBITDA before closing.")
    sponsor_equity: float = strawberry.field(description="At that price, in money.")
    premium: float = strawberry.field(
        description="Over the price as it is, a fraction; below zero, that price is too high."
    )


ExitGridOutcome: TypeAlias = Annotated[
    ExitGrid | Refusal,
    strawberry.union("ExitGridOutcome", description="A grid, or what to mend in what was asked."),
]
MaximumPriceOutcome: TypeAlias = Annotated[
    MaximumPrice | Refusal,
    strawberry.union("MaximumPriceOutcome", description="A price, or why there is none."),
]
Years: TypeAlias = Annotated[
    list[int], strawberry.argument(description="At whose end it is sold, from 1: the rows.")
]
Multiples: TypeAlias = Annotated[
    list[float],
    strawberry.argument(description="EV over EBITDA at exit, 0 or more: the columns."),
]
TargetIrr: TypeAlias = Annotated[
    float, strawberry.argument(description="A fraction per year, from 0 to 10, such as 0.2.")
]


@strawberry.type(
    description=(
        "A buyout with borrowed money: what its owners earn. Money is in whole units of `currency`."
    )
)
class LboValuation(Analysable):
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    irr: float = strawberry.field(description="The sponsor's return, a fraction per year.")
    moic: float = strawberry.field(description="The sponsor's money back over the money in.")
    exit_equity: float = strawberry.field(description="Of all owners at exit, in money.")
    sponsor_equity: float = strawberry.field(description="At closing, in money.")
    stub_share: float | None = strawberry.field(
        description="Share of year 1 after closing. Null: no end of a fiscal year was given."
    )
    exit_year: int = strawberry.field(description="From 1: the year at whose end it is sold.")
    sources_and_uses: SourcesAndUses = strawberry.field(description="At closing.")
    statements: LboStatements = strawberry.field(description="Year by year.")
    debt: list[TrancheSchedule] = strawberry.field(
        description="Each tranche in the order of the inputs, and a recapitalisation's at the end."
    )
    credit: list[CreditYear] = strawberry.field(description="Year by year.")
    covenants: list[CovenantTest] = strawberry.field(description="In the order of the inputs.")
    circularity: list[CircularYear] | None = strawberry.field(
        description=(
            "Year by year. Null: nothing is circular, since interest is on opening balances and "
            "no prepayment takes fees along."
        )
    )
    exits: list[ExitYear] = strawberry.field(description="A sale in each year of the forecast.")
    exit_costs: float = strawberry.field(description="In money.")
    holders: list[EquityHolder] = strawberry.field(description="The sponsor first.")
    value_creation: ValueCreation = strawberry.field(description="Where the gain comes from.")
    remarks: list[Remark] = strawberry.field(description="What a reviewer would note; often none.")

    @strawberry.field(
        description="Returns by year and multiple of exit, up to 40,000 cells, on the same debt."
    )
    async def exit_grid(self, info: Info, years: Years, multiples: Multiples) -> ExitGridOutcome:
        found = await info.context.services.analyses.exit_grid(
            info.context.principal, self.recorded, years, np.array(multiples, dtype=np.float64)
        )
        return ExitGrid(
            years=list(found.years),
            multiples=series(found.multiples),
            irr=grid(found.irr),
            moic=grid(found.moic),
            holders=[
                ExitGridHolder(
                    name=each.name,
                    invested=each.invested,
                    dividend=series(each.dividend),
                    proceeds=grid(each.proceeds),
                    moic=None if each.moic is None else grid(each.moic),
                    irr=None if each.irr is None else grid(each.irr),
                )
                for each in found.holders
            ],
        )

    @strawberry.field(
        description=(
            "The most that can be paid for a return: debt, fees and rollover stay as they are in "
            "money, the sponsor pays the rest, and the exit is the same."
        )
    )
    async def maximum_price(self, info: Info, target_irr: TargetIrr) -> MaximumPriceOutcome:
        found = await info.context.services.analyses.maximum_price(
            info.context.principal, self.recorded, target_irr
        )
        return MaximumPrice(
            enterprise_value=found.enterprise_value,
            ev_to_ebitda=found.ev_to_ebitda,
            sponsor_equity=found.sponsor_equity,
            premium=found.premium,
        )

    @classmethod
    def of(cls, recorded: Recorded) -> LboValuation:
        return filled(
            cls,
            recorded.result,
            **record_of("LboValuation", recorded),
            currency=recorded.inputs["currency"],
        )


LboOutcome: TypeAlias = Annotated[
    LboValuation | Refusal,
    strawberry.union("LboOutcome", description="A valuation, or what to mend in its inputs."),
]
Input: TypeAlias = Annotated[LboInput, strawberry.argument(description="The buyout to value.")]


@strawberry.type
class LboMutation:
    @strawberry.mutation(description="Value a leveraged buyout, and keep the valuation.")
    async def value_lbo(self, info: Info, input: Input) -> LboOutcome:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.value(
            info.context.principal, LBO, input.document
        )
        return LboValuation.of(recorded)
