"""Mergers, as the schema says them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.valuations.analyses import Analysable
from resolvers.valuations.merger_inputs import MergerInput
from resolvers.valuations.merger_results import (
    MergerBalanceSheets,
    MergerCashFlow,
    MergerClosingBalance,
    MergerContribution,
    MergerEarningsPerShare,
    MergerHolders,
    MergerIncomeStatement,
    MergerLeverage,
    MergerOfferTerms,
    MergerPriceAllocation,
    MergerReturns,
    MergerSourcesAndUses,
    MergerValueCreation,
)
from resolvers.valuations.record import Remark, record_of
from resolvers.valuations.results import filled
from services.kinds import MERGER
from services.valuations import Recorded


@strawberry.type(
    description=(
        "A merger: what an acquirer's shareholders earn and own after buying another firm. Money "
        "is in whole units of `currency`."
    )
)
class MergerValuation(Analysable):
    currency: str = strawberry.field(description="ISO 4217, of all money here.")
    accretion: float = strawberry.field(
        description=(
            "Of GAAP earnings per share in year 1, a fraction; below zero is dilution. Of a loss, "
            "of its amount."
        )
    )
    cash_accretion: float = strawberry.field(
        description=(
            "The same of cash earnings: without what write-ups, fees and an earn-out charge."
        )
    )
    earnings_per_share: float = strawberry.field(
        description="GAAP, with the deal, in year 1, in money a share."
    )
    new_shares: float = strawberry.field(
        description="Of the acquirer, for the target's holders; 0 where all is cash."
    )
    acquirer_ownership: float = strawberry.field(
        description="Of those who held the acquirer, after closing, a fraction."
    )
    goodwill: float = strawberry.field(description="The deal's own, in money.")
    new_debt: float = strawberry.field(description="Borrowed for the deal, in money.")
    enterprise_value: float = strawberry.field(
        description="Paid for the target: equity, earn-out and its net debt, in money."
    )
    value_created: float = strawberry.field(
        description="What synergies are worth less the premium, in money, before fees."
    )
    stub_share: float | None = strawberry.field(
        description="Share of year 1 after closing. Null: no end of a fiscal year was given."
    )
    offer: MergerOfferTerms = strawberry.field(description="What is paid for the target.")
    sources_and_uses: MergerSourcesAndUses = strawberry.field(description="At closing.")
    holders: MergerHolders = strawberry.field(description="After closing.")
    allocation: MergerPriceAllocation = strawberry.field(
        description="From the target's books to goodwill."
    )
    closing: MergerClosingBalance = strawberry.field(description="The books on the day of closing.")
    income_statement: MergerIncomeStatement = strawberry.field(description="Year by year.")
    cash_flow: MergerCashFlow = strawberry.field(description="Year by year.")
    balance_sheets: MergerBalanceSheets = strawberry.field(description="At each year's end.")
    per_share: MergerEarningsPerShare = strawberry.field(
        description="Earnings per share, year by year."
    )
    contribution: MergerContribution = strawberry.field(
        description="What each firm brings, year by year."
    )
    leverage: MergerLeverage = strawberry.field(
        description="Of the two firms as one, year by year."
    )
    returns: MergerReturns = strawberry.field(description="On what was invested, year by year.")
    value_creation: MergerValueCreation = strawberry.field(
        description="What the deal is worth to whom."
    )
    remarks: list[Remark] = strawberry.field(description="What a reviewer would note; often none.")

    @classmethod
    def of(cls, recorded: Recorded) -> MergerValuation:
        return filled(
            cls,
            recorded.result,
            **record_of("MergerValuation", recorded),
            currency=recorded.inputs["currency"],
        )


MergerOutcome: TypeAlias = Annotated[
    MergerValuation | Refusal,
    strawberry.union("MergerOutcome", description="A valuation, or what to mend in its inputs."),
]
Input: TypeAlias = Annotated[MergerInput, strawberry.argument(description="The merger to value.")]


@strawberry.type
class MergerMutation:
    @strawberry.mutation(
        description="Value a merger for its acquirer's shareholders, and keep the valuation."
    )
    async def value_merger(self, info: Info, input: Input) -> MergerOutcome:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.value(
            info.context.principal, MERGER, input.document
        )
        return MergerValuation.of(recorded)
