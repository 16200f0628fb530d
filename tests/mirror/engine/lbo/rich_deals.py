"""Buyouts in which everything is used at once, for laws that drawn deals would seldom try.

Every feature is in one of them, and `tests/mirror/engine/lbo/test_rich_deals.py` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Final

from hypothesis import example

from engine.firm.losses import LossesCarriedForward
from engine.firm.operations import Operations, StockCompensation
from engine.lbo import (
    Cash,
    Covenant,
    Entry,
    Equity,
    Exit,
    FeeTreatment,
    InterestBasis,
    LboInputs,
    Measure,
    Recapitalisation,
    Timing,
    Tranche,
    TrancheKind,
)
from engine.schedules import Schedule
from tests.mirror.engine.lbo.deals import CLOSING, revolver, term_loan

YEARS: Final = 6


def by_year(*values: float) -> Schedule:
    """The last value holds for the years that are left."""
    return Schedule.explicit([*values, *values[-1:] * (YEARS - len(values))])


def tranche(name: str, kind: TrancheKind, **terms: Any) -> Tranche:
    return Tranche(name=name, kind=kind, **terms)


TRANCHES: Final = (
    revolver(40.0, None, amount=10.0, spread=0.03, undrawn_fee=0.005, fee=0.01, tenor=5),
    revolver(30.0, 0.07, name="Second revolver", undrawn_fee=0.004, tenor=4),
    term_loan(
        *(300.0, None),
        name="Term loan A",
        spread=0.035,
        floor=0.02,
        oid=0.01,
        fee=0.02,
        tenor=5,
        amortisation=by_year(0.03, 0.05, 0.1, 0.02),
    ),
    tranche("Term loan B", TrancheKind.TERM_LOAN, times_ebitda=1.0, spread=0.04, tenor=7),
    term_loan(30.0, 0.05, name="Bridge", swept=False, tenor=2, fee=0.01),
    tranche("Notes", TrancheKind.NOTES, times_ebitda=0.5, fixed_rate=0.08, fee=0.02, tenor=8),
    tranche(
        *("Mezzanine", TrancheKind.MEZZANINE),
        amount=90.0,
        fixed_rate=0.06,
        pik_rate=0.03,
        pik_share=by_year(1.0, 0.5, 0.8, 0.0),
        pik_premium=0.01,
        oid=0.03,
        tenor=9,
    ),
    # It is due faster than it lasts, and grows while it is: the cap of what is mandatory.
    tranche(
        *("Amortising", TrancheKind.MEZZANINE),
        amount=20.0,
        spread=0.02,
        pik_rate=0.09,
        amortisation=by_year(0.6, 0.7),
        tenor=9,
    ),
    tranche(
        *("Preferred", TrancheKind.PREFERRED),
        amount=60.0,
        fixed_rate=0.07,
        pik_rate=0.04,
        oid=0.02,
        tenor=10,
    ),
    tranche(
        *("Seller note", TrancheKind.SELLER_NOTE),
        amount=40.0,
        fixed_rate=0.05,
        pik_share=by_year(0.0, 1.0, 0.25),
        swept=True,
        tenor=6,
    ),
)


def rich(**changes: Any) -> LboInputs:
    """A buyout on average interest after a stub, with all that may be given."""
    plain: dict[str, Any] = {
        "timing": Timing(closing_date=CLOSING, years=YEARS, fiscal_year_end=date(2027, 5, 25)),
        "operations": business(),
        "entry": Entry(
            ltm_ebitda=180.0,
            ev_to_ebitda=9.5,
            transaction_fees=40.0,
            transaction_fee_treatment=FeeTreatment.DEDUCTED,
            cash_at_closing=25.0,
        ),
        "tranches": TRANCHES,
        "base_rate": by_year(0.01, 0.03, 0.025, 0.035, 0.04, 0.03),
        "cash": Cash(minimum=15.0, interest_rate=0.02, sweep=by_year(0.5, 0.8, 1.0, 0.6, 0.9, 1.0)),
        "interest": InterestBasis.AVERAGE,
        "equity": Equity(rollover=50.0, option_pool=0.1),
        "recapitalisation": Recapitalisation(year=3, amount=80.0, fixed_rate=0.09, fee=0.02),
        "covenants": tuple(
            Covenant(measure=measure, limit=by_year(*limits))
            for measure, limits in (
                (Measure.LEVERAGE, (6.0, 4.5, 4.0)),
                (Measure.NET_LEVERAGE, (4.4, 4.3, 3.8)),
                (Measure.INTEREST_COVER, (2.0, 3.5, 3.0)),
                (Measure.FIXED_CHARGE_COVER, (1.0, 1.2, 2.5)),
            )
        ),
        "exit": Exit(ev_to_ebitda=10.0, year=5, costs=0.02),
    }
    return LboInputs(**(plain | changes))


def business(**changes: Any) -> Operations:
    plain: dict[str, Any] = {
        "revenue": 1_000.0,
        "revenue_growth": by_year(0.08, 0.05, -0.04, 0.06, 0.04, 0.03),
        "ebitda_margin": by_year(0.2, 0.21, 0.18, 0.22, 0.2, 0.21),
        "tax_rate": by_year(0.25, 0.3, 0.2, 0.28, 0.25),
        "depreciation": by_year(0.03, 0.035, 0.04, 0.03),
        "capital_expenditure": by_year(0.05, 0.04, 0.03, 0.045),
        "working_capital": by_year(0.1, 0.12, 0.08, 0.1),
        "opening_working_capital": 70.0,
        "opening_fixed_assets": 300.0,
        "stock_compensation": by_year(0.01, 0.02, 0.015),
        "stock_compensation_treatment": StockCompensation.ADD_BACK,
        "losses": LossesCarriedForward(balance=60.0, limit_share=0.6, limit_amount=35.0),
    }
    return Operations(**(plain | changes))


def _entry(treatment: FeeTreatment) -> Entry:
    return replace(rich().entry, transaction_fee_treatment=treatment)


# It falls short of cash for two years: first both revolvers are drawn, and then run out.
_CRISIS: Final = by_year(0.2, 0.1, -0.02, 0.21, 0.22)

EVERYTHING: Final = (
    rich(),
    rich(
        operations=business(
            ebitda_margin=None,
            ebit_margin=by_year(0.17, 0.16, 0.18),
            stock_compensation_treatment=StockCompensation.EXPENSE,
            opening_working_capital=None,
            losses=None,
        ),
        entry=_entry(FeeTreatment.CAPITALISED),
        interest=InterestBasis.OPENING,
        write_off_fees_on_prepayment=True,
        recapitalisation=Recapitalisation(year=1, amount=50.0, fixed_rate=0.08, fee=0.03),
    ),
    rich(
        operations=business(ebitda_margin=_CRISIS),
        entry=_entry(FeeTreatment.NEITHER),
        timing=Timing(closing_date=CLOSING, years=YEARS),
        exit=Exit(ev_to_ebitda=11.0),
    ),
    rich(
        operations=business(
            ebitda_margin=_CRISIS,
            losses=LossesCarriedForward(balance=5.0, limit_share=0.8),
        ),
        entry=_entry(FeeTreatment.DEDUCTED),
        interest=InterestBasis.OPENING,
        recapitalisation=None,
        exit=Exit(ev_to_ebitda=11.0, costs=0.01),
    ),
    # A little debt, and fees that are more than the income of the stub: all of it is repaid.
    rich(
        timing=Timing(closing_date=CLOSING, years=YEARS, fiscal_year_end=date(2027, 3, 1)),
        tranches=(TRANCHES[0], replace(TRANCHES[2], amount=60.0), TRANCHES[8]),
        operations=business(losses=LossesCarriedForward(balance=0.0, limit_amount=1_000.0)),
        cash=Cash(minimum=5.0, interest_rate=0.03),
        write_off_fees_on_prepayment=True,
        exit=Exit(ev_to_ebitda=9.0, year=4, costs=0.02),
        equity=Equity(rollover=200.0, option_pool=0.05),
        base_rate=by_year(0.03),
    ),
)


def with_everything(test: Callable[..., None]) -> Callable[..., None]:
    """Besides what is drawn, a law is tried on each of them."""
    for one in EVERYTHING:
        test = example(one)(test)
    return test
