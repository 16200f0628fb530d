"""The door of a buyout: every problem at once, each with the number that would mend it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from engine.door import no_less
from engine.errors import Infeasible, InvalidInput, NotConverged
from engine.firm.operations import StockCompensation
from engine.lbo import (
    Cash,
    Covenant,
    Entry,
    Equity,
    Exit,
    InterestBasis,
    LboInputs,
    LboOutput,
    Measure,
    Recapitalisation,
    Timing,
    Tranche,
    TrancheKind,
    lbo_question,
    value_lbo,
)
from engine.lbo.inputs import admit
from engine.paths import numbers, replaced, value_at
from engine.scenarios import Axis, one_way
from engine.schedules import Schedule
from tests.mirror.engine.lbo.deals import CLOSING, deal, level, operations, revolver, term_loan
from tests.mirror.engine.lbo.test_analyses import structured


def problems(inputs: LboInputs) -> dict[str, str]:
    with pytest.raises(InvalidInput) as no:
        admit(inputs)
    return {problem.path: problem.code for problem in no.value.problems}


def told(inputs: LboInputs) -> set[tuple[str, str]]:
    """What the door says, if it says anything."""
    try:
        admit(inputs)
    except (InvalidInput, Infeasible) as no:
        return {(problem.path, problem.code) for problem in no.problems}
    return set()


def full() -> LboInputs:
    """A deal in which every number that may be given is given."""
    toggle = Tranche(
        name="Toggle",
        kind=TrancheKind.MEZZANINE,
        amount=40.0,
        spread=0.06,
        floor=0.01,
        pik_rate=0.01,
        pik_share=level(0.5),
        pik_premium=0.005,
        oid=0.01,
        fee=0.01,
        tenor=8,
        amortisation=level(0.01),
    )
    return structured(
        tranches=(*structured().tranches, toggle),
        cash=Cash(minimum=5.0, interest_rate=0.02, sweep=level(0.9)),
        covenants=(Covenant(measure=Measure.LEVERAGE, limit=level(5.0)),),
        exit=Exit(ev_to_ebitda=10.0, costs=0.01),
    )


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_no_number_may_be_anything_but_finite(wrong: float) -> None:
    admitted = admit(full())
    for path, value in numbers(admitted).items():
        year = f"{path}[1]" if isinstance(value, Schedule) else path
        with pytest.raises(InvalidInput) as no:
            admit(replaced(admitted, {year: wrong}))
        found = {problem.path.removesuffix(".level") for problem in no.value.problems}
        assert year in found, path
        assert {problem.code for problem in no.value.problems} == {"NOT_FINITE"}, path


BOUNDS: dict[str, tuple[float, float]] = {
    "entry.ltm_ebitda": (0.01, 1e18),
    "entry.ev_to_ebitda": (0.01, 200.0),
    "entry.transaction_fees": (0.0, 1e18),
    "entry.cash_at_closing": (0.0, 1e18),
    "tranches[0].amount": (0.0, 1e18),
    "tranches[0].commitment": (0.0, 1e18),
    "tranches[0].undrawn_fee": (0.0, 0.2),
    "tranches[1].fixed_rate": (0.0, 1.0),
    "tranches[1].oid": (0.0, 0.99),
    "tranches[1].fee": (0.0, 0.5),
    "tranches[1].amortisation": (0.0, 1.0),
    "tranches[2].times_ebitda": (0.0, 50.0),
    "tranches[2].spread": (-0.05, 1.0),
    "tranches[4].floor": (-0.05, 0.25),
    "tranches[4].pik_rate": (0.0, 1.0),
    "tranches[4].pik_share": (0.0, 1.0),
    "tranches[4].pik_premium": (0.0, 0.5),
    "base_rate": (-0.05, 1.0),
    "cash.minimum": (0.0, 1e18),
    "cash.interest_rate": (-0.05, 1.0),
    "cash.sweep": (0.0, 1.0),
    "equity.rollover": (0.0, 1e18),
    "equity.option_pool": (0.0, 0.99),
    "recapitalisation.times_ebitda": (0.0, 50.0),
    "recapitalisation.fixed_rate": (0.0, 1.0),
    "recapitalisation.fee": (0.0, 0.99),
    "covenants[0].limit": (0.0, 1_000.0),
    "exit.ev_to_ebitda": (0.0, 200.0),
    "exit.costs": (0.0, 0.99),
}


@pytest.mark.parametrize("path", BOUNDS)
def test_every_number_has_two_ends_and_nothing_past_them(path: str) -> None:
    admitted = admit(full())
    at = f"{path}[0]" if isinstance(numbers(admitted)[path], Schedule) else path
    low, high = BOUNDS[path]
    question = lbo_question(admitted, LboOutput.IRR, admitted)
    for end, past in ((low, -math.inf), (high, math.inf)):
        wrong = float(np.nextafter(end, past))
        assert (at, "OUT_OF_RANGE") in told(replaced(admitted, {at: wrong}))
        assert question.refused([{at: wrong}, {at: value_at(numbers(admitted), at)}]).tolist() == [
            True,
            False,
        ]
    for end in (low, high):  # whatever else is wrong with so much debt, the number itself is not
        assert (at, "OUT_OF_RANGE") not in told(replaced(admitted, {at: end}))


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"timing": Timing(closing_date=CLOSING, years=0)}, "timing.years", "OUT_OF_RANGE"),
        ({"timing": Timing(closing_date=CLOSING, years=21)}, "timing.years", "OUT_OF_RANGE"),
        (
            {"timing": Timing(closing_date=CLOSING, years=3, fiscal_year_end=CLOSING)},
            "timing.fiscal_year_end",
            "OUT_OF_RANGE",
        ),
        (
            {"timing": Timing(closing_date=CLOSING, years=3, fiscal_year_end=date(2028, 1, 3))},
            "timing.fiscal_year_end",
            "OUT_OF_RANGE",
        ),
        ({"entry": Entry(ltm_ebitda=100.0)}, "entry.ev_to_ebitda", "MISSING"),
        (
            {"entry": Entry(ltm_ebitda=100.0, ev_to_ebitda=9.0, enterprise_value=900.0)},
            "entry.ev_to_ebitda",
            "CONTRADICTION",
        ),
        ({"currency": "dollars"}, "currency", "UNKNOWN"),
        ({"exit": Exit(ev_to_ebitda=9.0, year=4)}, "exit.year", "OUT_OF_RANGE"),
        ({"exit": Exit(ev_to_ebitda=9.0, year=0)}, "exit.year", "OUT_OF_RANGE"),
        (
            {"recapitalisation": Recapitalisation(year=2, fixed_rate=0.1)},
            "recapitalisation.amount",
            "MISSING",
        ),
        (
            {"recapitalisation": Recapitalisation(year=4, amount=1.0, fixed_rate=0.1)},
            "recapitalisation.year",
            "OUT_OF_RANGE",
        ),
        (
            {
                "recapitalisation": Recapitalisation(year=3, amount=1.0, fixed_rate=0.1),
                "exit": Exit(ev_to_ebitda=9.0, year=2),
            },
            "recapitalisation.year",
            "CONTRADICTION",
        ),
        (
            {"operations": operations(stock_compensation_treatment=StockCompensation.ADD_BACK)},
            "operations.stock_compensation",
            "MISSING",
        ),
        (
            {"tranches": tuple(term_loan(1.0, name=f"{n}") for n in range(21))},
            "tranches",
            "TOO_LARGE",
        ),
        (
            {"covenants": (Covenant(measure=Measure.LEVERAGE, limit=level(5.0)),) * 21},
            "covenants",
            "TOO_LARGE",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(
    changes: dict[str, Any], path: str, code: str
) -> None:
    assert problems(deal(**changes))[path] == code


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"amount": None}, "amount", "MISSING"),
        ({"times_ebitda": 1.0}, "amount", "CONTRADICTION"),
        ({"fixed_rate": None}, "fixed_rate", "MISSING"),
        ({"spread": 0.05}, "fixed_rate", "CONTRADICTION"),
        ({"floor": 0.01}, "floor", "CONTRADICTION"),
        ({"tenor": 0}, "tenor", "OUT_OF_RANGE"),
        ({"tenor": 31}, "tenor", "OUT_OF_RANGE"),
        ({"commitment": 9.0}, "commitment", "CONTRADICTION"),
        ({"undrawn_fee": 0.01}, "undrawn_fee", "CONTRADICTION"),
        ({"pik_premium": 0.01}, "pik_share", "MISSING"),
        ({"name": " "}, "name", "WRONG_LENGTH"),
        ({"amortisation": Schedule.explicit([0.1])}, "amortisation", "WRONG_LENGTH"),
        ({"kind": TrancheKind.REVOLVER}, "commitment", "MISSING"),
        ({"kind": TrancheKind.REVOLVER, "commitment": 99.0}, "amount", "CONTRADICTION"),
        (
            {"kind": TrancheKind.REVOLVER, "commitment": 100.0, "pik_rate": 0.1},
            "pik_rate",
            "CONTRADICTION",
        ),
        (
            {"kind": TrancheKind.REVOLVER, "commitment": 100.0, "amortisation": level(0.1)},
            "amortisation",
            "CONTRADICTION",
        ),
    ],
)
def test_a_tranche_that_makes_no_sense_is_refused_where_it_stands(
    changes: dict[str, Any], path: str, code: str
) -> None:
    inputs = deal(tranches=(term_loan(100.0, 0.1, **changes),))
    assert problems(inputs)[f"tranches[0].{path}"] == code


def test_two_tranches_have_two_names_and_a_floating_one_has_a_base_rate() -> None:
    inputs = deal(tranches=(term_loan(1.0), term_loan(1.0, None, spread=0.03, name="TERM LOAN ")))
    assert problems(inputs) == {"tranches[1].name": "CONTRADICTION", "base_rate": "MISSING"}


def test_every_problem_is_said_at_once() -> None:
    inputs = deal(
        entry=Entry(ltm_ebitda=-1.0, ev_to_ebitda=math.nan),
        tranches=(term_loan(100.0, 8.0), revolver(-5.0, name="Second")),
        equity=Equity(option_pool=2.0),
        exit=Exit(ev_to_ebitda=-1.0, costs=3.0),
    )
    assert problems(inputs).keys() >= {
        "entry.ltm_ebitda",
        "entry.ev_to_ebitda",
        "tranches[0].fixed_rate",
        "tranches[1].commitment",
        "equity.option_pool",
        "exit.ev_to_ebitda",
        "exit.costs",
    }


def test_too_much_debt_is_told_by_how_much_and_with_so_much_less_it_is_let_in() -> None:
    with pytest.raises(Infeasible) as no:
        admit(deal(tranches=(term_loan(1_050.0, 0.1),), equity=Equity(rollover=20.0)))
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("tranches", "CONTRADICTION")
    assert "70 above" in problem.message
    assert "Lower tranches[0].amount to 979.99 or less" in problem.suggestion
    admit(deal(tranches=(term_loan(1_050.0 - 70.01, 0.1),), equity=Equity(rollover=20.0)))
    question = lbo_question(deal(tranches=(term_loan(100.0, 0.1),)), LboOutput.IRR)
    amounts = [{"tranches[0].amount": amount} for amount in (999.98, 1_000.0, 1_200.0)]
    assert question.refused(amounts).tolist() == [False, True, True]
    with pytest.raises(Infeasible, match="200 above"):
        one_way(question, Axis("tranches[0].amount", np.array([900.0, 1_200.0, 1_100.0])))


def test_owners_who_lose_all_are_told_the_multiple_that_would_leave_them_something() -> None:
    inputs = deal(
        tranches=(term_loan(900.0, 0.2, swept=False),),
        operations=operations(ebitda_margin=level(0.08)),
        exit=Exit(ev_to_ebitda=5.0, costs=0.02),
    )
    with pytest.raises(Infeasible) as no:
        value_lbo(inputs)
    # Each year 80 comes in and 180 of interest is due: 900 + 3 x 100 are owed at the end.
    least = 1_200.0 / (80.0 * 0.98)
    assert f"multiple of {no_less(least)} or more" in no.value.problems[0].suggestion
    saved = replace(inputs, exit=Exit(ev_to_ebitda=least * (1.0 + 1e-12), costs=0.02))
    assert 0.0 < value_lbo(saved).valuation.exit_equity < 1e-6
    with pytest.raises(Infeasible):
        value_lbo(replace(inputs, exit=Exit(ev_to_ebitda=least * (1.0 - 1e-12), costs=0.02)))


def test_no_multiple_is_promised_where_there_is_nothing_to_multiply() -> None:
    inputs = deal(tranches=(term_loan(900.0),), operations=operations(ebitda_margin=level(-0.01)))
    with pytest.raises(Infeasible) as no:
        value_lbo(inputs)
    assert "operations.ebitda_margin[2] of" in no.value.problems[0].suggestion


def test_a_rate_that_moves_the_debt_by_more_than_itself_is_refused_and_masked() -> None:
    inputs = deal(
        tranches=(term_loan(100.0, None, spread=1.0),),
        base_rate=level(1.0),
        interest=InterestBasis.AVERAGE,
        timing=Timing(closing_date=CLOSING, years=1),
    )
    with pytest.raises(NotConverged, match="in year 1") as no:
        value_lbo(inputs)
    assert no.value.code == "NOT_CONVERGED"
    question = lbo_question(inputs, LboOutput.IRR)
    found = question.values(replaced(question.inputs, {"base_rate[0]": np.array([0.0, 1.0])}))
    assert np.isfinite(found["IRR"][0])
    assert np.isnan(found["IRR"][1])
    with pytest.raises(Infeasible):
        one_way(question, Axis("base_rate[0]", np.array([0.0, 1.0])))


def test_dear_debt_is_solved_all_the_same() -> None:
    inputs = deal(
        tranches=(term_loan(300.0, None, spread=0.95),),
        base_rate=level(1.0),
        interest=InterestBasis.AVERAGE,
        operations=operations(ebitda_margin=level(0.5)),
    )
    result = value_lbo(inputs).valuation
    assert result.circularity is not None
    assert all(year.residual <= 1e-12 for year in result.circularity)
    assert result.circularity[0].contraction == pytest.approx(0.975)
