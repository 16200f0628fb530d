"""Comparables, as the schema says them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypeAlias

import strawberry

from engine.comparables import Multiple, PeerKind, Period, Silence
from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.valuations.analyses import Analysable
from resolvers.valuations.comparables_inputs import ComparablesInput
from resolvers.valuations.record import Remark, record_of
from resolvers.valuations.results import filled
from services.kinds import COMPARABLES
from services.valuations import Recorded

SILENCE = strawberry.enum(
    Silence,
    name="MultipleSilence",
    description=(
        "Why a peer has no multiple: NOT_GIVEN, its figures or what leads to its value; "
        "NOT_MEANINGFUL, it makes a loss or its value is not above zero."
    ),
)
_TIMES = "As a multiple."


@strawberry.type(description="One peer's multiple, or why it has none.")
class PeerMultiple:
    name: str = strawberry.field(description="As given.")
    multiple: float | None = strawberry.field(description="Null: see `silence`.")
    silence: Silence | None = strawberry.field(description="Null: it has a multiple.")


@strawberry.type(
    description=(
        "Of the peers' multiples that mean something. Quartiles are interpolated between the two "
        "nearest (type 7 of Hyndman and Fan)."
    )
)
class MultipleStatistics:
    low: float = strawberry.field(description=_TIMES)
    lower_quartile: float = strawberry.field(description=_TIMES)
    median: float = strawberry.field(description=_TIMES)
    mean: float = strawberry.field(description=_TIMES)
    upper_quartile: float = strawberry.field(description=_TIMES)
    high: float = strawberry.field(description=_TIMES)


@strawberry.type(description="What the firm is worth at one multiple.")
class ImpliedValue:
    multiple: float = strawberry.field(description=_TIMES)
    enterprise_value: float = strawberry.field(description="In money.")
    equity_value: float = strawberry.field(description="In money, through the bridge.")
    value_per_share: float = strawberry.field(
        description="In units of the currency, diluted at that price."
    )


@strawberry.type(description="What one multiple says of the firm.")
class MultipleRange:
    multiple: Multiple = strawberry.field(description="What is divided by what.")
    period: Period = strawberry.field(description="Over which twelve months.")
    kind: PeerKind | None = strawberry.field(description="Among which peers. Null: all.")
    metric: float = strawberry.field(description="The firm's own figure, in money.")
    count: int = strawberry.field(description="Peers whose multiple means something.")
    peers: list[PeerMultiple] = strawberry.field(description="In the order of the inputs.")
    statistics: MultipleStatistics | None = strawberry.field(description="Null: no such peer.")
    lower_quartile: ImpliedValue | None = strawberry.field(
        description="Null: no such peer, or the firm's figure is not above zero."
    )
    median: ImpliedValue | None = strawberry.field(description="Null as `lowerQuartile` is.")
    upper_quartile: ImpliedValue | None = strawberry.field(
        description="Null as `lowerQuartile` is."
    )
    at_market: float | None = strawberry.field(
        description="The firm's own multiple at its market price. Null: no price, or no meaning."
    )


@strawberry.type(description="Twelve months as the multiples use them, in money. Null: not known.")
class TwelveMonthsEarnings:
    revenue: float | None = strawberry.field(description="In money.")
    ebitda: float | None = strawberry.field(description="In money.")
    ebit: float | None = strawberry.field(description="In money.")
    net_income: float | None = strawberry.field(description="In money.")


@strawberry.type(description="A firm on one day: its value, and what it earns.")
class ComparedFirm:
    name: str = strawberry.field(description="As given.")
    kind: PeerKind | None = strawberry.field(description="Null: the firm that is valued.")
    as_of: date = strawberry.field(description="The day that its twelve months count from.")
    enterprise_value: float | None = strawberry.field(
        description=(
            "In money; of the firm that is valued, at its market price. Null: without a price, and "
            "where it cannot be known."
        )
    )
    equity_value: float | None = strawberry.field(
        description="In money, convertibles at face value among the debt. Null as above."
    )
    ltm: TwelveMonthsEarnings = strawberry.field(description="The last twelve months.")
    ntm: TwelveMonthsEarnings = strawberry.field(description="The next twelve months.")


@strawberry.type(
    description=(
        "A firm valued as others like it are: by the median of the first multiple asked about. "
        "Money is in whole units of `currency`."
    )
)
class ComparablesValuation(Analysable):
    currency: str = strawberry.field(description="ISO 4217, of the firm's money.")
    multiple: float = strawberry.field(description="The median that the firm is valued at.")
    enterprise_value: float = strawberry.field(description="In money.")
    net_debt: float = strawberry.field(
        description="All claims before the shareholders', less cash and associates."
    )
    equity_value: float = strawberry.field(description="Enterprise value less net debt.")
    diluted_shares: float = strawberry.field(description="Whole shares.")
    value_per_share: float = strawberry.field(description="In units of the currency.")
    upside: float | None = strawberry.field(
        description="Value per share over the market price, less 1. Null: no price."
    )
    ranges: list[MultipleRange] = strawberry.field(description="In the order asked.")
    subject: ComparedFirm = strawberry.field(description="The firm that is valued.")
    peers: list[ComparedFirm] = strawberry.field(description="In the order of the inputs.")
    remarks: list[Remark] = strawberry.field(description="What a reviewer would note; often none.")

    @classmethod
    def of(cls, recorded: Recorded) -> ComparablesValuation:
        return filled(
            cls,
            recorded.result,
            **record_of("ComparablesValuation", recorded),
            currency=recorded.inputs["currency"],
        )


ComparablesOutcome: TypeAlias = Annotated[
    ComparablesValuation | Refusal,
    strawberry.union(
        "ComparablesOutcome", description="A valuation, or what to mend in its inputs."
    ),
]
Input: TypeAlias = Annotated[
    ComparablesInput, strawberry.argument(description="The firm to value, and those like it.")
]


@strawberry.type
class ComparablesMutation:
    @strawberry.mutation(description="Value a firm as others like it are, and keep the valuation.")
    async def value_comparables(self, info: Info, input: Input) -> ComparablesOutcome:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.value(
            info.context.principal, COMPARABLES, input.document
        )
        return ComparablesValuation.of(recorded)
