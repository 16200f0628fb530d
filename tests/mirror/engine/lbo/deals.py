"""Buyouts to value: one that is easy by hand, and strategies that make any other."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

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

LAW = settings(deadline=None, max_examples=40)
CLOSING = date(2026, 12, 31)
level = Schedule.constant


def term_loan(face: float, rate: float | None = 0.0, **changes: Any) -> Tranche:
    plain: dict[str, Any] = {
        "name": "Term loan",
        "kind": TrancheKind.TERM_LOAN,
        "amount": face,
        "fixed_rate": rate,
        "tenor": 10,
    }
    return Tranche(**(plain | changes))


def revolver(commitment: float, rate: float | None = 0.0, **changes: Any) -> Tranche:
    plain: dict[str, Any] = {
        "name": "Revolver",
        "kind": TrancheKind.REVOLVER,
        "amount": 0.0,
        "commitment": commitment,
        "fixed_rate": rate,
        "tenor": 10,
    }
    return Tranche(**(plain | changes))


def deal(**changes: Any) -> LboInputs:
    """Flat EBITDA of 100 for three years, bought and sold at 10 times it, all by the sponsor."""
    plain: dict[str, Any] = {
        "timing": Timing(closing_date=CLOSING, years=3),
        "operations": operations(),
        "entry": Entry(ltm_ebitda=100.0, ev_to_ebitda=10.0),
        "exit": Exit(ev_to_ebitda=10.0),
    }
    return LboInputs(**(plain | changes))


def operations(**changes: Any) -> Operations:
    """Revenue 1,000 for ever, EBITDA 100, no depreciation, no tax, nothing tied up."""
    plain: dict[str, Any] = {
        "revenue": 1_000.0,
        "revenue_growth": level(0.0),
        "ebitda_margin": level(0.1),
        "tax_rate": level(0.0),
        "depreciation": level(0.0),
        "capital_expenditure": level(0.0),
        "working_capital": level(0.0),
    }
    return Operations(**(plain | changes))


def _numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: round(value, 6))


@st.composite
def deals(draw: st.DrawFn, *, rates: bool = True) -> LboInputs:
    """A structure that somebody could propose, good or bad; without ``rates`` nothing bears any."""
    years = draw(st.integers(1, 7))

    def by_year(low: float, high: float) -> Schedule:
        return Schedule.explicit([draw(_numbers(low, high)) for _ in range(years)])

    def rate(low: float, high: float) -> float:
        return draw(_numbers(low, high)) if rates else 0.0

    ending = draw(st.none() | st.dates(date(2027, 1, 1), date(2027, 12, 31)))
    losses = draw(
        st.none()
        | st.builds(
            LossesCarriedForward,
            balance=_numbers(0.0, 500.0),
            limit_share=st.none() | _numbers(0.0, 1.0),
            limit_amount=st.none() | _numbers(0.0, 60.0),
        )
    )
    stock = draw(st.none() | st.just(by_year(0.0, 0.03)))
    added = StockCompensation.ADD_BACK if stock and draw(st.booleans()) else None
    floating = rates and draw(st.booleans())
    kinds = draw(st.lists(st.sampled_from(TrancheKind), min_size=0, max_size=5))
    tranches = []
    for number, kind in enumerate(kinds):
        revolving = kind is TrancheKind.REVOLVER
        floats = floating and draw(st.booleans())
        given: dict[str, Any] = {
            "name": f"Tranche {number}",
            "kind": kind,
            "tenor": draw(st.integers(1, 9)),
            "oid": draw(_numbers(0.0, 0.03)),
            "fee": draw(_numbers(0.0, 0.03)),
        }
        if floats:
            given["spread"] = rate(-0.02, 0.08)
            given["floor"] = draw(st.none() | _numbers(0.0, 0.05))
        else:
            given["fixed_rate"] = rate(0.0, 0.15)
        if revolving:
            given["commitment"] = draw(_numbers(0.0, 150.0))
            given["amount"] = draw(_numbers(0.0, 1.0)) * given["commitment"]
            given["undrawn_fee"] = draw(st.none() | _numbers(0.0, 0.01)) if rates else None
        else:
            which = draw(st.sampled_from(["amount", "times_ebitda"]))
            given[which] = draw(_numbers(0.0, 180.0)) / (100.0 if which != "amount" else 1.0)
            given["amortisation"] = draw(st.none() | st.just(by_year(0.0, 0.4)))
            given["swept"] = draw(st.none() | st.booleans())
            given["pik_rate"] = draw(st.none() | _numbers(0.0, 0.1)) if rates else None
            if rates and draw(st.booleans()):
                given["pik_share"] = by_year(0.0, 1.0)
                given["pik_premium"] = draw(st.none() | _numbers(0.0, 0.02))
        tranches.append(Tranche(**given))
    sold = draw(st.none() | st.integers(1, years))
    recap = None
    if draw(st.booleans()):
        recap = Recapitalisation(
            year=draw(st.integers(1, sold or years)),
            amount=draw(_numbers(0.0, 100.0)),
            fixed_rate=rate(0.0, 0.12),
            fee=draw(_numbers(0.0, 0.05)),
        )
    covenants = draw(st.lists(st.sampled_from(Measure), max_size=4))
    margin = draw(st.sampled_from(["ebit_margin", "ebitda_margin"]))
    return LboInputs(
        timing=Timing(closing_date=CLOSING, years=years, fiscal_year_end=ending),
        operations=Operations(
            revenue=1_000.0,
            revenue_growth=by_year(-0.1, 0.2),
            tax_rate=by_year(0.0, 0.4),
            depreciation=by_year(0.0, 0.06),
            capital_expenditure=by_year(0.0, 0.08),
            working_capital=by_year(-0.1, 0.2),
            opening_working_capital=draw(st.none() | _numbers(-50.0, 150.0)),
            opening_fixed_assets=draw(st.none() | _numbers(0.0, 500.0)),
            stock_compensation=stock,
            stock_compensation_treatment=added or StockCompensation.EXPENSE,
            losses=losses,
            **{margin: by_year(-0.02, 0.25)},
        ),
        entry=Entry(
            ltm_ebitda=100.0,
            ev_to_ebitda=draw(_numbers(10.0, 14.0)),
            transaction_fees=draw(_numbers(0.0, 40.0)),
            transaction_fee_treatment=draw(st.sampled_from(FeeTreatment)),
            cash_at_closing=draw(_numbers(0.0, 40.0)),
        ),
        tranches=tuple(tranches),
        base_rate=by_year(-0.01, 0.06) if rates else level(0.0),
        cash=Cash(
            minimum=draw(_numbers(0.0, 30.0)),
            interest_rate=rate(0.0, 0.05),
            sweep=draw(st.none() | st.just(by_year(0.0, 1.0))),
        ),
        interest=draw(st.sampled_from(InterestBasis)),
        write_off_fees_on_prepayment=draw(st.booleans()),
        equity=Equity(rollover=draw(_numbers(0.0, 40.0)), option_pool=draw(_numbers(0.0, 0.2))),
        recapitalisation=recap,
        covenants=tuple(Covenant(measure=each, limit=by_year(0.0, 8.0)) for each in covenants),
        exit=Exit(
            ev_to_ebitda=draw(_numbers(4.0, 16.0)),
            year=sold,
            costs=draw(_numbers(0.0, 0.03)),
        ),
    )
