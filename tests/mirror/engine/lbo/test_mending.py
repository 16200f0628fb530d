"""A no names the number that would mend it: whoever puts that number in is let in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.door import no_less, no_more
from engine.errors import Infeasible, InvalidInput, NotConverged, Problem, Refused
from engine.lbo import (
    Entry,
    Equity,
    Exit,
    InterestBasis,
    LboInputs,
    Timing,
    TrancheKind,
    exit_grid,
    maximum_price,
    value_lbo,
)
from engine.lbo.inputs import admit
from engine.paths import replaced
from tests.mirror.engine.lbo.deals import CLOSING, deal, level, operations, revolver, term_loan
from tests.mirror.engine.lbo.independent_structures import structure
from tests.mirror.engine.lbo.witnesses import read as document

FIRMS = [document(structure(seed)) for seed in range(120)]
NUMBER = r"(-?[\d,]+(?:\.\d+)?(?:e[-+]\d+)?)"


def read(text: str) -> float:
    return float(text.replace(",", ""))


def told(words: str, suggestion: str) -> float:
    """The number that stands where ``words`` have a #."""
    found = re.search(re.escape(words).replace(r"\#", NUMBER), suggestion)
    assert found, suggestion
    return read(found[1])


def refusal(ask: Callable[[], Any], kind: type[Refused]) -> Problem:
    with pytest.raises(kind) as no:
        ask()
    return no.value.problems[-1]


@given(st.floats(-1e18, 1e18) | st.floats(-1e5, 1e5) | st.floats(1e-6, 1.0))
def test_a_number_that_is_shown_is_on_the_side_that_it_is_said_to_be(value: float) -> None:
    low, high, bits = read(no_more(value)), read(no_less(value)), 1e-13 * abs(value)
    assert low - bits <= value <= high + bits
    assert high - low <= (1.0 if abs(value) >= 1e4 else 1e-5 * abs(value)) + bits


def too_deep(inputs: LboInputs) -> LboInputs:
    """The first tranche alone is more than everything costs."""
    one, face = inputs.tranches[0], 2.0 * inputs.entry.price
    if one.times_ebitda is not None:
        one = replace(one, times_ebitda=face / inputs.entry.ltm_ebitda)
    else:
        one = replace(one, amount=face, commitment=None if one.commitment is None else face)
    return replace(inputs, tranches=(one, *inputs.tranches[1:]))


def test_with_as_much_less_debt_or_as_high_a_price_a_deal_is_let_in() -> None:
    """Whatever its fee and discount are, and however amount and price were typed."""
    named = set()
    for inputs in FIRMS:
        wrong = too_deep(inputs)
        problem = refusal(partial(admit, wrong), Infeasible)
        assert (problem.path, problem.code) == ("tranches", "CONTRADICTION")
        found = re.findall(rf"([a-z_]+(?:\[0\])?\.[a-z_]+) (?:to|be) {NUMBER}", problem.suggestion)
        assert [path.split(".")[0] for path, _ in found] == ["tranches[0]", "entry"]
        for path, number in found:
            admit(replaced(wrong, {path: read(number)}))
            named.add(path)
    assert len(named) == 4


def test_a_price_and_a_loan_that_would_do_by_hand() -> None:
    """1,000 are paid and 1,050 lent at 2 % of discount: 29 too much, 29.01 / 0.98 less would do."""
    wrong = deal(tranches=(term_loan(1_050.0, oid=0.02),))
    found = refusal(lambda: admit(wrong), Infeasible).suggestion
    assert told("by # or more", found) == 29.01
    assert told("tranches[0].amount to #", found) == pytest.approx(1_050.0 - 29.01 / 0.98, abs=0.01)
    assert told("entry.ev_to_ebitda be # or more", found) == 10.2901


def test_at_the_multiple_that_is_told_something_is_left_for_the_owners() -> None:
    lost = 0
    for inputs, multiple in product(FIRMS, (0.0, 2.0)):
        sold = replace(inputs.exit, ev_to_ebitda=multiple)
        wrong = replace(inputs, exit=sold, recapitalisation=None)
        try:
            value_lbo(wrong)
        except Infeasible as no:
            (problem,) = no.problems
        else:
            continue
        if problem.path == "exit.ev_to_ebitda":
            least = told("exit multiple of # or more", problem.suggestion)
            mended = replace(wrong, exit=replace(sold, ev_to_ebitda=least))
            assert value_lbo(mended).valuation.exit_equity > 0.0
            lost += 1
    assert lost > 90


@pytest.mark.parametrize(
    ("ebitda", "multiple", "path"), [(100.0, 10.0, "exit.ev_to_ebitda"), (5.0, 200.0, "exit.costs")]
)
def test_exit_costs_that_take_what_would_be_left_are_told_and_how_low_they_may_be(
    ebitda: float, multiple: float, path: str
) -> None:
    """Of a price of 1,000 they take 800; of a debt of 900 three years' EBITDA is repaid."""
    costly = Exit(ev_to_ebitda=multiple, costs=0.8)
    poor = operations(ebitda_margin=level(ebitda / 1_000.0))
    wrong = deal(tranches=(term_loan(900.0),), operations=poor, exit=costly)
    problem = refusal(lambda: value_lbo(wrong), Infeasible)
    owed = 900.0 - 3.0 * ebitda
    assert problem.path == path
    assert f"of which exit costs take 800, and owes {owed:.6g}" in problem.message
    most = told("xit costs of # or less", problem.suggestion)
    assert most == pytest.approx(1.0 - owed / 1_000.0, abs=1e-5)
    mended = replace(wrong, exit=replace(costly, costs=most))
    assert value_lbo(mended).valuation.exit_equity > 0.0


@pytest.mark.parametrize("margin", [-0.01, 0.0, 0.0001])
def test_with_the_earnings_that_are_told_something_is_left(margin: float) -> None:
    """No multiple up to 200 of so little is 900; at ten times, 90 and more in that year are."""
    wrong = deal(tranches=(term_loan(900.0),), operations=operations(ebitda_margin=level(margin)))
    problem = refusal(lambda: value_lbo(wrong), Infeasible)
    assert problem.path == "operations"
    enough = told("EBITDA is # or more", problem.suggestion)
    mended = operations(ebitda_margin=level(enough / 1_000.0))
    assert value_lbo(replace(wrong, operations=mended)).valuation.exit_equity > 0.0


@pytest.mark.parametrize("drawn", [{"amount": 150.003}, {"amount": None, "times_ebitda": 1.5}])
def test_a_revolver_is_drawn_up_to_its_commitment_or_committed_for_more(drawn: Any) -> None:
    def with_it(**changes: Any) -> LboInputs:
        given = {"commitment": 100.123456, **drawn, **changes}
        return deal(tranches=(revolver(**given),))

    problem = refusal(lambda: admit(with_it()), InvalidInput)
    name = "amount" if drawn["amount"] else "times_ebitda"
    assert problem.path == f"tranches[0].{name}"
    admit(with_it(**{name: told("Give # or less", problem.suggestion)}))
    admit(with_it(commitment=told("commitment of # or more", problem.suggestion)))


def dear(spread: float) -> LboInputs:
    """What is missing is drawn, at a rate that makes twice as much missing."""
    return deal(
        tranches=(revolver(1e15, None, spread=spread, amount=10.0),),
        base_rate=level(1.0),
        operations=operations(ebitda_margin=level(0.001)),
        interest=InterestBasis.AVERAGE,
        exit=Exit(ev_to_ebitda=200.0),
    )


@pytest.mark.parametrize("spread", [1.0, 0.999])
def test_at_the_spread_that_is_told_the_circle_has_its_certain_solution(spread: float) -> None:
    """One that has none at all, and one that four hundred steps do not find."""
    problem = refusal(lambda: value_lbo(dear(spread)), NotConverged)
    assert problem.path == "tranches[0].spread"
    with pytest.raises(NotConverged) as no:
        value_lbo(dear(spread))
    first, most = no.value.problems[0], told("spread of # or less", problem.suggestion)
    assert first.path == "interest"
    assert told("tranches[0].spread to # or less", first.suggestion) == most
    mended = dear(told("spread of # or less", problem.suggestion))
    assert mended.tranches[0].kind is TrancheKind.REVOLVER
    try:
        circle = value_lbo(mended).valuation.circularity
    except Infeasible:  # found, and so dear that the owners lose all
        return
    assert circle is not None
    assert max(year.residual for year in circle) <= 1e-12


def test_for_the_return_that_is_told_there_is_a_price() -> None:
    """Of firms to which their sellers leave a half: asked for too much, and for nothing at all."""
    ways = set()
    for inputs in FIRMS:
        half = Equity(rollover=0.5 * inputs.entry.price, option_pool=0.1)
        try:
            wrong = admit(replace(inputs, equity=half, tranches=inputs.tranches[:1]))
        except Infeasible:
            continue
        try:
            maximum_price(wrong, 2.0)
        except Infeasible as no:
            (problem,) = no.problems
        else:
            continue
        assert problem.path == "target_irr"
        if "Ask for" in problem.suggestion:
            target = told("Ask for # or less", problem.suggestion)
            assert maximum_price(wrong, target).sponsor_equity > 0.0
            ways.add("return")
        elif "rollover by" in problem.suggestion:
            less = told("rollover by # or more", problem.suggestion)
            low = replace(half, rollover=half.rollover - less)
            assert maximum_price(replace(wrong, equity=low), 0.0).sponsor_equity > 0.0
            ways.add("rollover")
    assert ways == {"return", "rollover"}


def test_fees_that_are_more_than_a_firm_brings_are_told_by_how_much() -> None:
    """It earns 10 in its year, is sold for 10, and 60 of fees are 40 more than both."""
    entry = Entry(ltm_ebitda=100.0, ev_to_ebitda=9.0, transaction_fees=60.0)
    poor = operations(ebitda_margin=level(0.01))
    inputs = deal(entry=entry, operations=poor, exit=Exit(ev_to_ebitda=1.0, year=1))
    problem = refusal(lambda: maximum_price(admit(inputs), 0.1), Infeasible)
    assert told("fees by # or more", problem.suggestion) == 40.01
    mended = replace(inputs, entry=replace(entry, transaction_fees=60.0 - 40.01))
    assert maximum_price(admit(mended), 0.0).enterprise_value == pytest.approx(0.01)


def test_a_return_over_a_day_that_no_number_holds_is_told_the_multiple_that_one_does() -> None:
    """Eight times the money after a day, to the power of 365."""
    day = Timing(closing_date=CLOSING, years=2, fiscal_year_end=CLOSING + timedelta(days=1))
    wrong = deal(
        timing=day,
        entry=Entry(ltm_ebitda=100.0, ev_to_ebitda=5.0),
        exit=Exit(ev_to_ebitda=40.0, year=1),
    )
    problem = refusal(lambda: value_lbo(wrong), Infeasible)
    assert problem.path == "exit.ev_to_ebitda"
    most = told("multiple of # or less", problem.suggestion)
    assert 5.0 < most < 40.0
    assert value_lbo(replace(wrong, exit=Exit(ev_to_ebitda=most, year=1))).valuation.irr > 1e200
    later = value_lbo(replace(wrong, exit=Exit(ev_to_ebitda=40.0, year=2))).valuation
    assert later.exits[0].irr is None
    multiples = np.array([5.0, 40.0])
    problem = refusal(lambda: exit_grid(admit(wrong), [2, 1], multiples), Infeasible)
    assert problem.path == "multiples[1]"
    multiples[1] = told("multiple of # or less", problem.suggestion)
    assert exit_grid(admit(wrong), [2, 1], multiples).irr[1, 1] > 1e200
