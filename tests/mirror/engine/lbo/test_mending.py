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
    FeeTreatment,
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
from engine.schedules import Schedule
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


def a_little_past(number: float, by: int) -> float:
    """The number that is told, moved by more than it was rounded, to where it mends no more."""
    return number + by * (1.0 if abs(number) >= 1e4 else 3e-5 * abs(number) + 0.02)


def test_with_as_much_less_debt_or_rollover_or_as_high_a_price_a_deal_is_let_in() -> None:
    """Each by itself, and no less: whatever fee and discount are, however amounts were typed."""
    named = set()
    for at, inputs in enumerate(FIRMS):
        left_in = replace(inputs, equity=Equity(rollover=3.0 * inputs.entry.price))
        wrong = left_in if at % 2 else too_deep(inputs)
        problem = refusal(partial(admit, wrong), Infeasible)
        assert (problem.path, problem.code) == ("tranches", "CONTRADICTION")
        found = re.findall(rf"([a-z_]+(?:\[0\])?\.[a-z_]+) (?:to|be) {NUMBER}", problem.suggestion)
        groups = [path.split(".")[0] for path, _ in found]
        assert groups in (["tranches[0]", "entry"], ["equity", "entry"]), problem.suggestion
        assert at % 2 or groups[0] == "tranches[0]"
        for path, number in found:
            admit(replaced(wrong, {path: read(number)}))
            past = a_little_past(read(number), -1 if path.startswith("entry") else 1)
            refusal(partial(admit, replaced(wrong, {path: past})), Infeasible)
            named.add(path)
    assert len(named) == 5


@pytest.mark.parametrize("sold", [0.0, 3.0])
def test_where_no_tranche_alone_is_enough_the_share_of_all_that_is(sold: float) -> None:
    """Two that are each too much, and a revolver whose fee is of its commitment; where even
    without them the rollover is too much, it is lowered in the same proportion.
    """
    lent = (
        term_loan(5_000.0, oid=0.02, fee=0.03),
        term_loan(4_000.0, name="B", fee=0.01),
        revolver(3_000.0, amount=2_000.0, fee=0.02, oid=0.01),
    )
    equity = Equity(rollover=1_000.0 * sold)
    problem = refusal(lambda: admit(deal(tranches=lent, equity=equity)), Infeasible)
    share = told("to #% of what it is", problem.suggestion)
    assert ("equity.rollover," in problem.suggestion) == bool(sold)
    # 0.95 x 5,000 + 0.99 x 4,000 + 0.99 x 2,000 are brought; 1,000 and the revolver's 60 are paid.
    assert share == pytest.approx(100.0 * 1_059.99 / (10_690.0 + equity.rollover), rel=1e-5)

    def with_all_at(percent: float) -> LboInputs:
        faces = {f"tranches[{at}].amount": one.amount for at, one in enumerate(lent)}
        numbers = {**faces, "equity.rollover": equity.rollover}
        return replaced(
            deal(tranches=lent, equity=equity),
            {path: number * percent / 100.0 for path, number in numbers.items()},
        )

    admit(with_all_at(share))
    refusal(lambda: admit(with_all_at(share * 1.0001)), Infeasible)
    multiple = told("entry.ev_to_ebitda be # or more", problem.suggestion)
    admit(deal(tranches=lent, equity=equity, entry=Entry(ltm_ebitda=100.0, ev_to_ebitda=multiple)))


def test_a_price_and_a_loan_that_would_do_by_hand() -> None:
    """1,000 are paid and 1,050 lent at 2 % of discount: 29 too much, 29.01 / 0.98 less would do."""
    wrong = deal(tranches=(term_loan(1_050.0, oid=0.02),))
    found = refusal(lambda: admit(wrong), Infeasible).suggestion
    assert told("tranches[0].amount to #", found) == pytest.approx(1_050.0 - 29.01 / 0.98, abs=0.01)
    assert told("entry.ev_to_ebitda be # or more", found) == 10.2901
    assert "rollover" not in found


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


@pytest.mark.parametrize("costs", [0.0, 0.5])
def test_whoever_pays_to_be_rid_of_a_firm_pays_nobody_for_the_sale(costs: float) -> None:
    """Of 200 of cash a loss of 50 takes 50: three times that is what the rest can pay."""
    poor = operations(ebitda_margin=Schedule.explicit([0.1, 0.1, -0.05]))
    wrong = deal(operations=poor, exit=Exit(ev_to_ebitda=10.0, costs=costs))
    problem = refusal(lambda: value_lbo(wrong), Infeasible)
    assert "it costs 500 to be rid of the firm" in problem.message
    most = told("exit multiple of # or less", problem.suggestion)
    assert most == pytest.approx(3.0, rel=1e-5)
    mended = replace(wrong, exit=Exit(ev_to_ebitda=most, costs=costs))
    assert value_lbo(mended).valuation.exit_equity > 0.0


@pytest.mark.parametrize("multiple", [10.0, 0.0])
@pytest.mark.parametrize("margin", [-0.2, -0.01, 0.0, 0.0001])
def test_with_the_margin_that_is_told_something_is_left(margin: float, multiple: float) -> None:
    """No multiple up to 200 helps; what is owed in the end is less with a better last year, too."""
    wrong = deal(
        tranches=(term_loan(900.0),),
        operations=operations(ebitda_margin=level(margin)),
        exit=Exit(ev_to_ebitda=multiple),
    )
    problem = refusal(lambda: value_lbo(wrong), Infeasible)
    assert problem.path == "operations.ebitda_margin[2]"
    assert ("nobody pays for the firm" in problem.message) == (margin < 0.0 < multiple)
    assert "sold for -" not in problem.message
    # Owed: 900 and two years' losses, less the last year's EBITDA, which is sold for ten times it.
    enough = told("ebitda_margin[2] of # or more", problem.suggestion)
    assert enough == pytest.approx((900.0 - 2_000.0 * margin) / 11_000.0, rel=1e-4)
    assert multiple or told("exit.ev_to_ebitda of #, and", problem.suggestion) == 10.0

    def with_last(last: float) -> LboInputs:
        better = operations(ebitda_margin=Schedule.explicit([margin, margin, last]))
        return replace(wrong, operations=better, exit=Exit(ev_to_ebitda=10.0))

    assert value_lbo(with_last(enough)).valuation.exit_equity > 0.0
    refusal(lambda: value_lbo(with_last(enough * 0.9999)), Infeasible)


def test_where_one_good_year_is_not_enough_the_margin_of_all_is_told() -> None:
    """Losses of 12,000 are what ten times the last year's 1,000 and its cash cannot pay."""
    wrong = deal(tranches=(term_loan(900.0),), operations=operations(ebitda_margin=level(-5.0)))
    problem = refusal(lambda: value_lbo(wrong), Infeasible)
    assert problem.path == "operations.ebitda_margin[2]"
    poor = replace(wrong, exit=Exit(ev_to_ebitda=5.0))
    problem = refusal(lambda: value_lbo(poor), Infeasible)
    assert problem.path == "operations.ebitda_margin"
    enough = told("of # or more in every year", problem.suggestion)
    assert enough == pytest.approx(900.0 / 8_000.0, rel=1e-4)
    mended = replace(poor, operations=operations(ebitda_margin=level(enough)))
    assert value_lbo(mended).valuation.exit_equity > 0.0


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
    assert "spread that is named" in first.suggestion
    assert "OPENING" not in problem.suggestion  # which is said once
    mended = dear(most)
    assert mended.tranches[0].kind is TrancheKind.REVOLVER
    try:
        circle = value_lbo(mended).valuation.circularity
    except Infeasible:  # found, and so dear that the owners lose all
        return
    assert circle is not None
    assert max(year.residual for year in circle) <= 1e-12


def lowered(inputs: LboInputs, suggestion: str, *, past: int = 0) -> LboInputs:
    """As is told for the return that was asked for; ``past``: by a little less than that."""
    found = re.findall(rf"(entry\.transaction_fees|equity\.rollover) to {NUMBER}", suggestion)
    assert found, suggestion
    numbers = {path: read(number) for path, number in found}
    return replaced(inputs, {p: a_little_past(n, 1) if past else n for p, n in numbers.items()})


def test_for_the_return_that_is_told_there_is_a_price() -> None:
    """Of firms to which their sellers leave a half: asked for too much, and for nothing at all."""
    ways = set()
    for inputs in FIRMS:
        half = Equity(rollover=0.5 * inputs.entry.price, option_pool=0.1)
        try:
            wrong = admit(replace(inputs, equity=half, tranches=inputs.tranches[:1]))
        except Infeasible:
            continue
        for target in (2.0, 0.2):
            try:
                maximum_price(wrong, target)
            except Infeasible as no:
                (problem,) = no.problems
            else:
                continue
            assert problem.path == "target_irr"
            if "Ask for" in problem.suggestion:
                most = told("Ask for # or less", problem.suggestion)
                assert maximum_price(wrong, most).sponsor_equity > 0.0
                ways.add("return")
            else:
                assert "no return above 0 has a price" in problem.suggestion
                refusal(partial(maximum_price, wrong, 0.0), Infeasible)
                ways.add("none")
            if " lower " in problem.suggestion.lower():
                mended = admit(lowered(wrong, problem.suggestion))
                assert maximum_price(mended, target).sponsor_equity > 0.0
                short = lowered(wrong, problem.suggestion, past=1)
                refusal(partial(maximum_price, short, target), Infeasible)
                ways.add("lowered")
    assert ways == {"return", "none", "lowered"}


@pytest.mark.parametrize("treatment", FeeTreatment)
def test_fees_that_are_more_than_a_firm_brings_are_told_by_how_much(
    treatment: FeeTreatment,
) -> None:
    """It earns 10 in its year and is sold for 10: at 25 % a year 16 today. A tax of a half leaves
    15 of it, or all where the fees are deducted.
    """
    entry = Entry(
        ltm_ebitda=100.0,
        ev_to_ebitda=9.0,
        transaction_fees=60.0,
        transaction_fee_treatment=treatment,
    )
    poor = operations(ebitda_margin=level(0.01), tax_rate=level(0.5))
    inputs = deal(entry=entry, operations=poor, exit=Exit(ev_to_ebitda=1.0, year=1))
    problem = refusal(lambda: maximum_price(admit(inputs), 0.25), Infeasible)
    deducted = treatment is FeeTreatment.DEDUCTED
    most = told("entry.transaction_fees to # or less", problem.suggestion)
    assert most == pytest.approx((16.0 if deducted else 12.0) - 0.01, abs=1e-4)
    mended = admit(lowered(inputs, problem.suggestion))
    assert maximum_price(mended, 0.25).enterprise_value == pytest.approx(0.01, abs=1e-4)
    short = admit(lowered(inputs, problem.suggestion, past=1))
    refusal(lambda: maximum_price(short, 0.25), Infeasible)
    assert "As it is, no return above 0 has a price" in problem.suggestion


def test_where_neither_fees_nor_rollover_are_too_much_no_number_is_told() -> None:
    """200 of cash that earns nothing costs more than the sponsor may pay for a firm of 10."""
    entry = Entry(ltm_ebitda=100.0, ev_to_ebitda=9.0, cash_at_closing=200.0)
    poor = operations(ebitda_margin=level(0.01))
    inputs = deal(entry=entry, operations=poor, exit=Exit(ev_to_ebitda=1.0, year=1))
    problem = refusal(lambda: maximum_price(admit(inputs), 0.25), Infeasible)
    assert " lower " not in problem.suggestion.lower()


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
