"""The inputs of a leveraged buyout, as callers give them."""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from engine.lbo import FeeTreatment, InterestBasis, Measure, TrancheKind
from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.firm_inputs import RATE, OperationsInput, ScheduleInput, field
from resolvers.valuations.given import as_document

TRANCHE_KIND = strawberry.enum(
    TrancheKind,
    description=(
        "What a tranche is. A REVOLVER is drawn and repaid as cash needs it; PREFERRED stock is "
        "equity for tax, which its dividends, fee and discount do not save, and comes before the "
        "common equity; the others differ in their terms alone."
    ),
)
FEE_TREATMENT = strawberry.enum(
    FeeTreatment,
    description=(
        "What becomes of the transaction fees. NEITHER: charged to the equity at closing, no tax "
        "is saved. DEDUCTED: so too, and year 1's taxable income is less by them. CAPITALISED: "
        "part of goodwill, never written off."
    ),
)
INTEREST = strawberry.enum(
    InterestBasis,
    description=(
        "What a year's cash interest is paid on: the balance at its opening, or the mean of "
        "opening and closing, which depends on the interest itself and is solved for."
    ),
)
COVENANT_MEASURE = strawberry.enum(
    Measure,
    name="CovenantMeasure",
    description=(
        "LEVERAGE: all debt but preferred stock over EBITDA. NET_LEVERAGE: less cash. "
        "INTEREST_COVER: EBITDA over cash interest and undrawn fees. FIXED_CHARGE_COVER: EBITDA "
        "less capital expenditure and tax, over cash interest, undrawn fees, mandatory "
        "repayments and preferred dividends in cash."
    ),
)


@strawberry.input(description="When the buyout closes, and how far the forecast goes.")
class LboTimingInput:
    closing_date: date = field(
        "The day of closing. Year 1 begins on it, unless `fiscalYearEnd` is given."
    )
    years: int = field("Years of forecast after closing, 1 to 20.")
    fiscal_year_end: date | None = field(
        "The last day of year 1, from 1 to 366 days after closing. Of year 1's flows the share "
        "after closing counts (days / 365, at most 1). Left out: a whole year.",
        default=strawberry.UNSET,
    )


@strawberry.input(
    description=(
        "What is paid for the firm, free of cash and debt. Give exactly one of `evToEbitda` and "
        "`enterpriseValue`."
    )
)
class LboEntryInput:
    ltm_ebitda: float = field("EBITDA of the twelve months before closing, in money, 0.01 or more.")
    ev_to_ebitda: float | None = field(
        "Enterprise value over that EBITDA, from 0.01 to 200.", default=strawberry.UNSET
    )
    enterprise_value: float | None = field("In money, 0.01 or more.", default=strawberry.UNSET)
    transaction_fees: float = field("Of advisers and lawyers, in money, 0 or more.", default=0.0)
    transaction_fee_treatment: FeeTreatment | None = field(
        "What becomes of them. Left out: NEITHER.", default=strawberry.UNSET
    )
    cash_at_closing: float = field(
        "Cash that the new owners put on the balance sheet, in money, 0 or more.", default=0.0
    )


@strawberry.input(
    description=(
        "A layer of the financing. Give exactly one of `amount` and `timesEbitda`, and exactly "
        "one of `fixedRate` and `spread`."
    )
)
class TrancheInput:
    name: str = field("One line of 1 to 60 characters, unlike the other tranches'.")
    kind: TrancheKind = field("What it is.")
    amount: float | None = field(
        "Face value at closing, in money, 0 or more; of a revolver what is drawn then.",
        default=strawberry.UNSET,
    )
    times_ebitda: float | None = field(
        "The same as a multiple of the EBITDA before closing, from 0 to 50.",
        default=strawberry.UNSET,
    )
    commitment: float | None = field(
        "The most that can be drawn, in money, 0 or more: of a revolver, and only there.",
        default=strawberry.UNSET,
    )
    undrawn_fee: float | None = field(
        f"Of what is committed and not drawn, per year, from 0 to 0.2: {RATE}. Of a revolver only.",
        default=strawberry.UNSET,
    )
    fixed_rate: float | None = field(
        f"Interest, per year, from 0 to 1: {RATE}.", default=strawberry.UNSET
    )
    spread: float | None = field(
        f"Interest above `baseRate`, per year, from -0.05 to 1: {RATE}.", default=strawberry.UNSET
    )
    floor: float | None = field(
        "The least that the base rate counts for, per year, from -0.05 to 0.25; with `spread` "
        "only.",
        default=strawberry.UNSET,
    )
    pik_rate: float | None = field(
        "Interest paid in kind beside the cash interest, per year, on the opening balance, from 0 "
        f"to 1: {RATE}.",
        default=strawberry.UNSET,
    )
    pik_share: ScheduleInput | None = field(
        "Share of the cash interest that is paid in kind instead, from 0 to 1: the toggle, as it "
        "is pulled. Left out: none.",
        default=strawberry.UNSET,
    )
    pik_premium: float | None = field(
        "What is added to the rate on that share, per year, from 0 to 0.5. Left out: nothing.",
        default=strawberry.UNSET,
    )
    oid: float = field(
        "Original issue discount: the share of face that is not paid out, from 0 to 0.99.",
        default=0.0,
    )
    fee: float = field(
        "Financing fee, a share of face, from 0 to 0.5; of a revolver, of its commitment.",
        default=0.0,
    )
    tenor: int = field("Years until what is left is due, 1 to 30.")
    amortisation: ScheduleInput | None = field(
        "What has to be repaid each year, a share of the original amount, from 0 to 1. Left out: "
        "nothing before the end.",
        default=strawberry.UNSET,
    )
    swept: bool | None = field(
        "Whether cash to spare repays it, after the tranches before it. Left out: term loans are, "
        "others are not; a revolver always is, and first.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="Cash of the firm after closing.")
class LboCashInput:
    minimum: float = field("What has to stay, in money, 0 or more.", default=0.0)
    interest_rate: float = field(f"Earned on cash, per year, from -0.05 to 1: {RATE}.", default=0.0)
    sweep: ScheduleInput | None = field(
        "Share of the cash above the minimum that repays debt, from 0 to 1. Left out: all of it.",
        default=strawberry.UNSET,
    )


@strawberry.input(description="Who owns the equity beside the sponsor.")
class LboEquityInput:
    rollover: float = field(
        "What the old owners keep, at the price of entry, in money, 0 or more.", default=0.0
    )
    option_pool: float = field(
        "Management's share of what the equity is worth at exit above what was invested, from 0 "
        "to 0.99.",
        default=0.0,
    )


@strawberry.input(
    description=(
        "New debt that is paid out to all equity at the end of a year, less its fee. Give exactly "
        "one of `amount` and `timesEbitda`."
    )
)
class RecapitalisationInput:
    year: int = field("At whose end, from 1 to the year of the exit.")
    amount: float | None = field("Face value, in money, 0 or more.", default=strawberry.UNSET)
    times_ebitda: float | None = field(
        "The same as a multiple of that year's EBITDA, from 0 to 50; on a loss nothing is lent.",
        default=strawberry.UNSET,
    )
    fixed_rate: float = field(f"Interest from the next year on, per year, from 0 to 1: {RATE}.")
    fee: float = field(
        "A share of face, kept back from what is paid out, from 0 to 0.99.", default=0.0
    )


@strawberry.input(description="A promise to lenders, tested each year.")
class CovenantInput:
    measure: Measure = field("What is measured.")
    limit: ScheduleInput = field(
        "The most leverage, or the least cover, by year, in times, from 0 to 1,000."
    )


@strawberry.input(description="The sale.")
class LboExitInput:
    ev_to_ebitda: float = field(
        "Enterprise value over the EBITDA of the year of exit, from 0 to 200."
    )
    year: int | None = field(
        "At whose end, from 1 on. Left out: the last.", default=strawberry.UNSET
    )
    costs: float = field(
        "Of the sale, a share of enterprise value, from 0 to 0.99; none where that is below zero.",
        default=0.0,
    )


@as_document
@strawberry.input(
    description=(
        "A buyout with borrowed money. Money is in whole units of one currency; rates are "
        "fractions."
    )
)
class LboInput:
    timing: LboTimingInput = field("When it closes, and how far the forecast goes.")
    operations: OperationsInput = field(
        "The business, year by year; tax is on earnings after interest."
    )
    entry: LboEntryInput = field("What is paid.")
    tranches: list[TrancheInput] = field("The financing, from the most senior, up to 20 tranches.")
    base_rate: ScheduleInput | None = field(
        "What floating rates are above, per year, from -0.05 to 1. Left out: no tranche floats.",
        default=strawberry.UNSET,
    )
    cash: LboCashInput | None = field(
        "What cash has to stay and what it earns. Left out: none, and nothing.",
        default=strawberry.UNSET,
    )
    interest: InterestBasis = field("What interest is paid on.", default=InterestBasis.OPENING)
    write_off_fees_on_prepayment: bool | None = field(
        "Whether fee and discount of a tranche that the sweep repays are written off with it, by "
        "the share of it that is repaid; of a revolver never. Left out or false: over the tenor, "
        "whatever is repaid.",
        default=strawberry.UNSET,
    )
    equity: LboEquityInput | None = field(
        "Owners beside the sponsor. Left out: none.", default=strawberry.UNSET
    )
    recapitalisation: RecapitalisationInput | None = field(
        "Debt that is taken up to pay the owners. Left out: none.", default=strawberry.UNSET
    )
    covenants: list[CovenantInput] | None = field(
        "Promises to lenders, up to 20. Left out: none.", default=strawberry.UNSET
    )
    exit: LboExitInput = field("The sale.")
    currency: str = field("ISO 4217 code of all money here.", default="USD")
    document: strawberry.Private[dict[str, Any]]
    assumptions: list[AssumptionInput] | None = field(
        "Where inputs come from, up to 200. They change no number, are kept with the valuation, "
        "and are part of its id.",
        default=strawberry.UNSET,
    )
