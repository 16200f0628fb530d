"""Every analysis of the engine works on a buyout as it stands, through its question alone."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from engine.attribution import attribution
from engine.comparison import Case, Change, compare
from engine.errors import Infeasible, InvalidInput
from engine.lbo import (
    Cash,
    Entry,
    Equity,
    Exit,
    InterestBasis,
    LboInputs,
    LboOutput,
    Recapitalisation,
    Tranche,
    TrancheKind,
    exit_grid,
    lbo_question,
    maximum_price,
    value_lbo,
)
from engine.paths import numbers
from engine.scenarios import Axis, default_swings, gradient, one_way, sensitivity, tornado
from engine.schedules import Schedule
from engine.simulation import Normal, Sampling, Shock, SimulationSpec, Uniform, simulate
from engine.solving import reverse
from tests.mirror.engine.lbo.deals import deal, level, operations, revolver, term_loan

PATHS = ("entry.ev_to_ebitda", "exit.ev_to_ebitda", "tranches[1].amount", "operations.tax_rate")


def structured(**changes: object) -> LboInputs:
    """Four tranches on average interest, with a recapitalisation."""
    plain = deal(
        operations=operations(
            revenue_growth=level(0.05),
            tax_rate=level(0.25),
            depreciation=level(0.02),
            capital_expenditure=level(0.02),
            working_capital=level(0.05),
        ),
        tranches=(
            revolver(60.0, 0.06, undrawn_fee=0.005, fee=0.01),
            term_loan(250.0, 0.07, amortisation=level(0.05), oid=0.01),
            Tranche(name="Notes", kind=TrancheKind.NOTES, times_ebitda=1.0, spread=0.05, tenor=8),
            Tranche(
                name="Mezzanine",
                kind=TrancheKind.MEZZANINE,
                amount=60.0,
                fixed_rate=0.06,
                pik_rate=0.05,
                tenor=9,
            ),
        ),
        base_rate=level(0.03),
        cash=Cash(minimum=5.0, interest_rate=0.02),
        interest=InterestBasis.AVERAGE,
        equity=Equity(rollover=50.0, option_pool=0.1),
        recapitalisation=Recapitalisation(year=2, times_ebitda=0.5, fixed_rate=0.08, fee=0.02),
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # of the fields of a deal


def changed(inputs: LboInputs, path: str, value: float) -> LboInputs:
    """The same deal, typed in with another number."""
    if path == "entry.ev_to_ebitda":
        return replace(inputs, entry=replace(inputs.entry, ev_to_ebitda=value))
    if path == "exit.ev_to_ebitda":
        return replace(inputs, exit=replace(inputs.exit, ev_to_ebitda=value))
    if path == "tranches[1].amount":
        loan = replace(inputs.tranches[1], amount=value)
        return replace(inputs, tranches=(inputs.tranches[0], loan, *inputs.tranches[2:]))
    rate = Schedule.explicit([0.25 + value] * 3)
    return replace(inputs, operations=replace(inputs.operations, tax_rate=rate))


def test_each_cell_of_a_sensitivity_is_the_deal_typed_in() -> None:
    question = lbo_question(structured(), LboOutput.IRR)
    rows, columns = np.array([9.0, 10.0, 11.5]), np.array([8.0, 10.0])
    grid = sensitivity(
        question, Axis("entry.ev_to_ebitda", rows), Axis("exit.ev_to_ebitda", columns)
    )
    for i, paid in enumerate(rows.tolist()):
        for j, sold in enumerate(columns.tolist()):
            typed = changed(structured(), PATHS[0], paid)
            assert grid[i, j] == value_lbo(changed(typed, PATHS[1], sold)).valuation.irr


@pytest.mark.parametrize("path", PATHS)
def test_a_line_of_values_is_the_deals_typed_in(path: str) -> None:
    low, high = {"operations.tax_rate": (-0.05, 0.05), "tranches[1].amount": (100.0, 300.0)}.get(
        path, (9.0, 11.0)
    )
    question = lbo_question(structured(), LboOutput.MOIC)
    found = one_way(question, Axis(path, np.array([low, high])))
    for at, value in enumerate((low, high)):
        result = value_lbo(changed(structured(), path, value)).valuation
        assert found["IRR"][at] == result.irr
        assert found["MOIC"][at] == result.moic
        assert found["EXIT_EQUITY"][at] == result.exit_equity
        assert found["SPONSOR_EQUITY"][at] == result.sponsor_equity


def test_a_tornado_moves_every_number_of_a_deal() -> None:
    question = lbo_question(structured(), LboOutput.IRR)
    bars = tornado(question, default_swings(question, 0.1))
    moved = {bar.swing.path for bar in bars}
    assert {"exit.ev_to_ebitda", "tranches[2].spread", "base_rate", "equity.option_pool"} <= moved
    assert bars[0].width >= bars[-1].width
    assert not any(path.endswith(("year", "tenor")) for path in numbers(question.inputs))


def test_a_gradient_has_every_number_of_a_deal_and_the_right_signs() -> None:
    question = lbo_question(structured(), LboOutput.IRR)
    slopes = gradient(question)
    assert slopes.keys() == numbers(question.inputs).keys()
    assert slopes["exit.ev_to_ebitda"] > 0.0 > slopes["entry.ev_to_ebitda"]
    assert slopes["operations.tax_rate"] < 0.0
    assert slopes["tranches[3].pik_rate"] < 0.0
    h = 1e-4
    for path, slope in slopes.items():
        own = numbers(question.inputs)[path]
        at = 0.0 if isinstance(own, Schedule) else own
        if path in (
            "tranches[0].amount",
            "entry.cash_at_closing",
            "operations.capital_expenditure",
        ):
            continue  # at an end of what is allowed, or at a kink
        ends = one_way_values(path, at - h * max(1.0, at), at + h * max(1.0, at))
        assert slope == pytest.approx(
            (ends[1] - ends[0]) / (2.0 * h * max(1.0, at)), rel=2e-3, abs=1e-6
        ), path


def one_way_values(path: str, low: float, high: float) -> tuple[float, float]:
    question = lbo_question(structured(), LboOutput.IRR)
    from engine.paths import replaced

    found = question.worth(replaced(question.inputs, {path: np.array([low, high])}))
    both = np.broadcast_to(np.asarray(found), (2,))
    return float(both[0]), float(both[1])


def test_a_deal_is_solved_backwards_for_the_price_that_the_closed_form_gives() -> None:
    question = lbo_question(structured(), LboOutput.IRR)
    found = reverse(question, "entry.ev_to_ebitda", 0.15, 6.0, 14.0)
    assert found.roots[0].value == pytest.approx(0.15, abs=1e-12)
    price = maximum_price(question.inputs, 0.15)
    assert price.ev_to_ebitda == pytest.approx(found.roots[0].input, rel=1e-10)


def test_scenarios_side_by_side_are_the_deals_typed_in() -> None:
    question = lbo_question(structured(), LboOutput.IRR)
    cases = [
        Case(name="Down", changes=(Change("operations.tax_rate", 0.05),), probability=0.4),
        Case(name="Up", changes=(Change("exit.ev_to_ebitda", 12.0),), probability=0.6),
    ]
    found = compare(question, cases)
    assert found.base["IRR"] == value_lbo(structured()).valuation.irr
    down = value_lbo(changed(structured(), "operations.tax_rate", 0.05)).valuation
    up = value_lbo(changed(structured(), "exit.ev_to_ebitda", 12.0)).valuation
    assert [case["MOIC"] for case in found.cases] == [down.moic, up.moic]
    assert found.expected is not None
    assert found.expected["MOIC"] == pytest.approx(0.4 * down.moic + 0.6 * up.moic)


@pytest.mark.parametrize("sampling", list(Sampling))
def test_a_simulation_has_the_same_bits_on_any_number_of_threads(sampling: Sampling) -> None:
    question = lbo_question(structured(), LboOutput.IRR)
    spec = SimulationSpec(
        trials=20_000,
        seed=11,
        sampling=sampling,
        shocks=(
            Shock("exit.ev_to_ebitda", Normal(mean=10.0, standard_deviation=1.0)),
            Shock("operations.ebitda_margin", Normal(mean=0.0, standard_deviation=0.01)),
            Shock("tranches[1].amount", Uniform(low=100.0, high=900.0)),
        ),
    )
    alone = simulate(question, spec)
    with ThreadPoolExecutor(3) as pool:
        together = simulate(question, spec, executor=pool)
    assert alone.mean == together.mean
    # Loans that leave the sponsor nothing to pay have no value, and are counted.
    assert 0 < alone.infeasible < 20_000
    assert math.isfinite(alone.mean)


def test_a_case_that_cannot_be_paid_is_told_apart_from_the_others() -> None:
    """The second of two: its loan is more than all uses, whatever the firm is sold for."""
    sold = Change(path="exit.ev_to_ebitda", value=9.0)
    deep = Change(path="tranches[1].amount", value=5_000.0)
    cases = [Case(name="Low", changes=(sold,)), Case(name="Deep", changes=(sold, deep))]
    with pytest.raises(Infeasible, match="nothing to pay") as no:
        compare(lbo_question(structured(), LboOutput.IRR), cases)
    (problem,) = no.value.problems
    assert problem.path == "cases[1].changes[1].value"
    assert "tranches[1].amount to" in problem.suggestion
    # A number that is wrong by itself is said first.
    wrong = Change(path="exit.costs", value=2.0)
    with pytest.raises(InvalidInput) as bad:
        compare(
            lbo_question(structured(), LboOutput.IRR),
            [*cases, Case(name="Wrong", changes=(wrong,))],
        )
    assert [each.path for each in bad.value.problems] == ["cases[2].changes[0].value"]


def test_why_two_deals_differ_adds_up_and_names_what_changed() -> None:
    new = structured(
        entry=Entry(ltm_ebitda=100.0, ev_to_ebitda=11.0),
        exit=Exit(ev_to_ebitda=10.5, year=2),
        interest=InterestBasis.OPENING,
    )
    loan = replace(new.tranches[1], tenor=2, fixed_rate=0.08)
    new = replace(new, tranches=(new.tranches[0], loan, *new.tranches[2:]))
    old = structured(exit=Exit(ev_to_ebitda=10.0, year=3))
    found = attribution(lbo_question(old, LboOutput.IRR), lbo_question(new, LboOutput.IRR))
    assert found.before == value_lbo(old).valuation.irr
    assert found.after == value_lbo(new).valuation.irr
    assert found.before + sum(each.amount for each in found.contributions) == pytest.approx(
        found.after
    )
    named = {path for each in found.contributions for path in each.paths}
    assert named == {
        "entry.ev_to_ebitda",
        "exit.ev_to_ebitda",
        "exit.year",
        "interest",
        "tranches[1].tenor",
        "tranches[1].fixed_rate",
    }


def test_an_exit_grid_is_the_deals_typed_in_and_shows_who_is_wiped_out() -> None:
    for again in (structured().recapitalisation, None):
        question = lbo_question(
            structured(recapitalisation=again, exit=Exit(ev_to_ebitda=10.0, costs=0.02)),
            LboOutput.IRR,
        )
        multiples = np.array([1.0, 9.0, 10.0])
        grid = exit_grid(question.inputs, [3, 1], multiples)
        if again is None:
            assert (grid.irr[:, 0] == -1.0).all()
            assert (grid.moic[:, 0] == 0.0).all()
        for i, year in enumerate((3, 1)):
            for j in (1, 2):
                typed = structured(
                    # What comes after the sale is none of its owners' business.
                    recapitalisation=again if again and again.year <= year else None,
                    exit=Exit(ev_to_ebitda=multiples[j], year=year, costs=0.02),
                )
                result = value_lbo(typed).valuation
                assert (grid.irr[i, j], grid.moic[i, j]) == (result.irr, result.moic)


def test_a_question_can_be_sent_to_another_process() -> None:
    import pickle

    question = lbo_question(structured(), LboOutput.MOIC)
    sent = pickle.loads(pickle.dumps(question))  # noqa: S301 - our own
    assert sent.worth(sent.inputs) == question.worth(question.inputs)
