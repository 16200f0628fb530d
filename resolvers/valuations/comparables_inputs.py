"""The inputs of a comparison, as callers give them."""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from engine.comparables import Multiple, PeerKind, Period
from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.equity_inputs import BridgeInput, SharesInput
from resolvers.valuations.firm_inputs import field
from resolvers.valuations.given import as_document

MULTIPLE = strawberry.enum(
    Multiple,
    description=(
        "What is divided by what: enterprise value by revenue, EBITDA or EBIT, or equity value by "
        "net income (PRICE_TO_EARNINGS)."
    ),
)
PERIOD = strawberry.enum(
    Period,
    description="The last twelve months (LTM) before the day, or the next twelve (NTM) after it.",
)
PEER_KIND = strawberry.enum(
    PeerKind,
    description=(
        "Where a value was seen: TRADING on the day of the comparison, or in a TRANSACTION, a "
        "takeover, whose price has a premium for control in it."
    ),
)
_MEANT = "In money, before what does not come again; a loss is below zero."


@strawberry.input(description="What a firm earns in twelve months.")
class TwelveMonthsInput:
    revenue: float | None = field("In money, 0 or more.", default=strawberry.UNSET)
    ebitda: float | None = field(_MEANT, default=strawberry.UNSET)
    ebit: float | None = field(_MEANT, default=strawberry.UNSET)
    net_income: float | None = field(
        "To the ordinary shareholders, after tax and interest, in money.", default=strawberry.UNSET
    )


@strawberry.input(description="What a firm earns in a fiscal year, reported or forecast.")
class EarningsOfYearInput:
    end: date = field("The last day of the fiscal year.")
    revenue: float | None = field("In money, 0 or more.", default=strawberry.UNSET)
    ebitda: float | None = field(_MEANT, default=strawberry.UNSET)
    ebit: float | None = field(_MEANT, default=strawberry.UNSET)
    net_income: float | None = field(
        "To the ordinary shareholders, after tax and interest, in money.", default=strawberry.UNSET
    )


@strawberry.input(description="Twelve months that somebody has put together already.")
class StatedMetricsInput:
    ltm: TwelveMonthsInput | None = field(
        "The last twelve months. Left out: not known.", default=strawberry.UNSET
    )
    ntm: TwelveMonthsInput | None = field(
        "The next twelve months, as forecast. Left out: not known.", default=strawberry.UNSET
    )


@strawberry.input(
    description=(
        "Fiscal years, of which twelve months are mixed by the days that each has in them, so that "
        "firms with other year ends can be compared."
    )
)
class CalendarisedMetricsInput:
    fiscal_years: list[EarningsOfYearInput] = field(
        "From early to late without a gap, 1 to 10 of them."
    )


@strawberry.input(one_of=True, description="What a firm earns. Give exactly one.")
class MetricsInput:
    stated: StatedMetricsInput | None = field(
        "Twelve months as they are.", default=strawberry.UNSET
    )
    calendarised: CalendarisedMetricsInput | None = field(
        "Twelve months from fiscal years.", default=strawberry.UNSET
    )


@strawberry.input(description="The firm to value.")
class ComparedFirmInput:
    name: str = field("One line of 1 to 80 characters.")
    metrics: MetricsInput = field("What it earns.")
    bridge: BridgeInput = field("From its enterprise to its equity value.")
    shares: SharesInput = field("Who shares its equity value.")


@strawberry.input(
    description=(
        "A firm in the same business whose value was seen. Give exactly one of `enterpriseValue` "
        "and `sharePrice`. Its money may be in a currency of its own, if all of it is."
    )
)
class ComparableFirmInput:
    name: str = field("One line of 1 to 80 characters, unlike the others'.")
    kind: PeerKind = field("Where its value was seen.", default=PeerKind.TRADING)
    enterprise_value: float | None = field(
        "In money; below zero where its cash is worth more than all of it.",
        default=strawberry.UNSET,
    )
    share_price: float | None = field(
        "In money a share, above 0; `shares` and `bridge` lead from it to the enterprise value.",
        default=strawberry.UNSET,
    )
    shares: SharesInput | None = field("Beside a share price only.", default=strawberry.UNSET)
    bridge: BridgeInput | None = field(
        "Beside an enterprise value it leads to the equity value, for price to earnings.",
        default=strawberry.UNSET,
    )
    announced: date | None = field(
        "The day a transaction was announced: its twelve months count from there.",
        default=strawberry.UNSET,
    )
    metrics: MetricsInput = field("What it earns.")


@strawberry.input(description="One multiple over one period.")
class AskedMultipleInput:
    multiple: Multiple = field("What is divided by what.")
    period: Period = field("Over which twelve months.")
    kind: PeerKind | None = field(
        "Among which peers. Left out: all of them.", default=strawberry.UNSET
    )


@as_document
@strawberry.input(
    description=(
        "A firm to value as others like it are. Money is in whole units of one currency, but each "
        "peer may have its own."
    )
)
class ComparablesInput:
    as_of: date = field("The day of the comparison: of its prices and its twelve months.")
    subject: ComparedFirmInput = field("The firm to value.")
    peers: list[ComparableFirmInput] = field("Firms like it, 1 to 50.")
    multiples: list[AskedMultipleInput] = field(
        "What is asked about, 1 to 24; the first one is what the firm is valued by."
    )
    currency: str = field("ISO 4217 code of the firm's money.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    market_price: float | None = field(
        "Price of a share of the firm, in money, above 0, to compare with: it moves no value.",
        default=strawberry.UNSET,
    )
    assumptions: list[AssumptionInput] | None = field(
        "Where inputs come from, up to 200. They change no number, are kept with the valuation, "
        "and are part of its id.",
        default=strawberry.UNSET,
    )
