"""Fees and discount that go with the debt that is prepaid: on paper, by both witnesses.

The firm is that of `test_lbo_by_hand`: of 200 a year 150 are EBIT, 37.5 tax, and 112.5 are left.
What is written off with a repayment saves tax, which repays more: a circle on any interest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import NotConverged
from engine.lbo import LboInputs, LboOutput, lbo_question, value_lbo
from engine.scenarios import gradient
from tests.mirror.engine.lbo.test_lbo_by_hand import LOAN, bought, near
from tests.mirror.engine.lbo.test_lbo_features_by_hand import A_FIFTH, NOTES, revolver
from tests.mirror.engine.lbo.witnesses import WITNESSES, Facts, Witness, read

DEAR = {**LOAN, "fee": 0.03, "oid": 0.02, "tenor": 5}  # 40 of costs: 8 a year
SPENT = {"capitalExpenditure": {"level": 0.0355}}


@pytest.fixture(params=WITNESSES)
def lbo(request: pytest.FixtureRequest) -> Witness:
    return WITNESSES[request.param]


def prepaid(*tranches: Facts, **groups: Any) -> Facts:
    return {**bought(*tranches, **groups), "writeOffFeesOnPrepayment": True}


def circle(document: Facts) -> list[tuple[int, float]]:
    """(iterations, contraction) of each year."""
    told = value_lbo(read(document)).valuation.circularity
    assert told is not None
    assert max(year.residual for year in told) <= 1e-13
    return [(year.iterations, year.contraction) for year in told]


def test_a_fifth_of_a_loan_takes_a_fifth_of_its_costs(lbo: Witness) -> None:
    """20 of 100 are prepaid, 2.5 are unamortised, so 0.5 is written off.

    (Deloitte, Roadmap: Issuer's Accounting for Debt, section 10.4, note 5.) Of 3.125 a fifth has
    gone in the year; without tax 145 come in, of which 125 have to stay.
    """
    loan = {**LOAN, "amount": 100.0, "fee": 0.03125, "tenor": 5}
    facts = lbo(prepaid(loan, operations={"taxRate": {"level": 0.0}}, cash={"minimum": 125.0}))
    first = facts["years"][0]
    assert [first["swept"], first["amortisedCosts"], first["costsWrittenOff"]] == near(
        [20.0, 0.625, 0.5]
    )
    assert first["balance"]["financingCosts"] == near(2.0)


def test_what_is_written_off_saves_tax_that_repays_more(lbo: Witness) -> None:
    """32 of 800 are 4 % of each unit, and a quarter of that in tax: 99 repay 99 / 0.99 = 100.

    EBT 150 - 40 - 8 - 4 = 98, tax 24.5; 28 of costs are left for four years.
    """
    facts = lbo(prepaid(DEAR, operations=SPENT))
    first, second = facts["years"]
    assert [first["swept"], first["costsWrittenOff"]] == near([100.0, 4.0])
    assert [first["ebt"], first["tax"], first["netIncome"]] == near([98.0, 24.5, 73.5])
    assert first["cashBeforeRepayment"] == near(100.0)
    assert first["balance"]["financingCosts"] == near(28.0)
    # 35 of interest and 7 in a straight line; 21 of 700 are 3 % of each unit.
    paid = (0.75 * 108.0 + 7.0 + 14.5) / (1.0 - 0.25 * 0.03)
    assert [second["amortisedCosts"], second["swept"]] == near([7.0, paid])
    assert second["costsWrittenOff"] == near(0.03 * paid)
    sheet = second["balance"]
    assert sheet["financingCosts"] == near(21.0 - 0.03 * paid)
    assert sheet["assets"] == near(sheet["claims"])


def test_it_and_the_interest_that_a_repayment_saves_are_one_circle(lbo: Witness) -> None:
    """Half of 5 % less a quarter in tax, and 1 % of tax saved: 99 / (1 - 0.01875 - 0.01)."""
    document = {**prepaid(DEAR, operations=SPENT), "interest": "AVERAGE"}
    first = lbo(document)["years"][0]
    paid = 99.0 / (1.0 - 0.75 * 0.025 - 0.25 * 0.04)
    assert [first["swept"], first["costsWrittenOff"]] == near([paid, 0.04 * paid])
    assert first["cashInterest"] == near(0.05 * (800.0 - paid / 2.0))


def test_a_certificate_counts_the_tax_on_what_goes_with_a_unit() -> None:
    """On opening balances 0.25 × 4 %; on the mean 0.75 × 2.5 % beside it, a certificate by year."""
    document = prepaid(DEAR, operations=SPENT)
    assert circle(document)[0] == (2, near(0.01))
    assert circle({**document, "interest": "AVERAGE"})[0] == (2, near(0.02875))
    # Of stock neither saves tax; and half of 20 % is more than what is left of it with the rest.
    stock = {**DEAR, "kind": "PREFERRED", "swept": True}
    on_stock = {**prepaid(stock, operations=SPENT), "interest": "AVERAGE"}
    assert circle(on_stock)[0][1] == near(0.025)
    dear = {**prepaid({**DEAR, "fixedRate": 0.2}, operations=SPENT), "interest": "AVERAGE"}
    assert circle(dear)[0][1] == near(0.1)
    assert circle(prepaid(revolver("Revolver", 50.0, 100.0, fee=0.05)))[0][1] == 0.0


def test_a_part_of_the_cash_takes_a_part_of_the_costs(lbo: Witness) -> None:
    """Half is swept: 2 % of each unit of cash is written off, and half a per cent saved."""
    first = lbo(prepaid(DEAR, operations=SPENT, cash={"sweep": {"level": 0.5}}))["years"][0]
    assert first["swept"] == near(0.5 * 99.0 / 0.995)
    assert first["costsWrittenOff"] == near(0.04 * first["swept"])


def test_a_repayment_that_is_due_takes_nothing_with_it(lbo: Witness) -> None:
    """80 of 800 are mandatory; what is left of the 99 prepays, of 720, at 32 / 720 a unit."""
    loan = {**DEAR, "amortisation": {"level": 0.1}}
    first = lbo(prepaid(loan, operations=SPENT))["years"][0]
    paid = 19.0 / (1.0 - 0.25 * 32.0 / 720.0)
    assert [first["mandatory"], first["swept"]] == near([80.0, paid])
    assert first["costsWrittenOff"] == near(32.0 / 720.0 * paid)
    none = lbo(prepaid({**DEAR, "swept": False}, operations=SPENT))["years"]
    assert [each["costsWrittenOff"] for each in none] == [0.0, 0.0]
    assert [each["amortisedCosts"] for each in none] == near([8.0, 8.0])


def test_of_a_loan_that_is_repaid_altogether_nothing_is_left(lbo: Witness) -> None:
    first, second = lbo(prepaid({**DEAR, "amount": 50.0}))["years"]
    assert [first["swept"], first["amortisedCosts"], first["costsWrittenOff"]] == near(
        [50.0, 0.5, 2.0]
    )
    assert first["balance"]["financingCosts"] == 0.0
    assert [second["amortisedCosts"], second["costsWrittenOff"]] == [0.0, 0.0]


def test_no_more_stays_unamortised_than_is_owed(lbo: Witness) -> None:
    """Of 100 nine tenths are due in year 1, and 12 of its 15 are not written off: 10 may stay."""
    loan = {**NOTES, "amount": 100.0, "fixedRate": 0.0, "fee": 0.15, "tenor": 5}
    first, second = lbo(prepaid({**loan, "amortisation": {"level": 0.9}}))["years"]
    assert [first["amortisedCosts"], first["costsWrittenOff"]] == near([3.0, 2.0])
    assert first["balance"]["financingCosts"] == near(10.0)
    # Then the last tenth is due, and nothing is owed that anything could be unamortised of.
    assert [second["amortisedCosts"], second["costsWrittenOff"]] == near([2.5, 7.5])
    assert second["balance"]["financingCosts"] == near(0.0)


def test_a_revolvers_fee_is_for_its_commitment_and_goes_on(lbo: Witness) -> None:
    """5 % of 100 over 6 years, though the 50 that were drawn are repaid at once."""
    lent = revolver("Revolver", 50.0, 100.0, fee=0.05)
    first, second = lbo(prepaid(lent))["years"]
    assert first["swept"] == near(50.0)
    assert [first["costsWrittenOff"], second["costsWrittenOff"]] == [0.0, 0.0]
    assert [first["amortisedCosts"], second["amortisedCosts"]] == near([5.0 / 6.0] * 2)


def test_in_a_loss_it_saves_no_tax_and_is_carried_forward_with_it(lbo: Witness) -> None:
    """EBIT 30 less 40, 8 and the 4 % of what 22 of cash repay; the loss has all of it."""
    business = {"ebitdaMargin": {"level": 0.08}, "capitalExpenditure": {"level": 0.018}}
    business |= {"losses": {"balance": 0.0}}
    first = lbo(prepaid(DEAR, operations=business, exit={"evToEbitda": 12.0}))["years"][0]
    assert [first["swept"], first["costsWrittenOff"]] == near([22.0, 0.88])
    assert [first["ebt"], first["tax"]] == near([-18.88, 0.0])


def test_after_a_stub_what_is_left_goes_on_over_what_is_left_of_the_tenor(lbo: Witness) -> None:
    """A fifth of 8 in the stub, then 38.4 less what went, over the 4.8 years that are left."""
    first, second = lbo(prepaid(DEAR, timing=A_FIFTH, operations=SPENT))["years"]
    assert first["amortisedCosts"] == near(1.6)
    left = 38.4 - first["costsWrittenOff"]
    assert first["costsWrittenOff"] == near(38.4 / 800.0 * first["swept"])
    assert second["amortisedCosts"] == near(left / 4.8)


def test_the_slope_in_a_fee_goes_through_what_it_writes_off() -> None:
    """One year, interest i on the opening balance B, tax t, five years: the sweep is
    A = ((E - i B)(1 - t) + t f B / 5) / (1 - 4 t f / 5).
    """
    document = {**prepaid({**LOAN, "fee": 0.05, "tenor": 5}, years=1, operations=SPENT)}
    question = lbo_question(read(document), LboOutput.EXIT_EQUITY)
    base, slope = 0.25 * 800.0 / 5.0, 0.25 * 0.8
    over = 1.0 - slope * 0.05
    paid = (0.75 * 110.0 + 14.5 + base * 0.05) / over
    assert float(question.worth(question.inputs)) == pytest.approx(800.0 + paid, rel=1e-13)
    by_hand = base / over + paid * slope / over
    found = gradient(question, ["tranches[0].fee"])["tranches[0].fee"]
    assert found == pytest.approx(by_hand, rel=1e-12)


def test_without_the_word_nothing_of_it_is_said_or_done() -> None:
    """Left out or false: the same document to the last bit, on either balance."""
    for basis in ("OPENING", "AVERAGE"):
        plain: LboInputs = read({**bought(DEAR, operations=SPENT), "interest": basis})
        told = value_lbo(plain).valuation
        other = value_lbo(replace(plain, write_off_fees_on_prepayment=False)).valuation
        assert told == other
        assert told.statements.income.fees_written_off is None
        assert told.statements.cash_flow.fees_written_off is None


def test_an_equation_too_steep_to_arrive_names_what_makes_it_so() -> None:
    """Notes at 170 % a year that cost more than they brought, and a tax of 90 %: 0.085 + 0.9."""
    notes = {**NOTES, "swept": True, "amount": 50.0, "tenor": 30, "oid": 0.9, "fee": 0.5}
    notes |= {"fixedRate": None, "spread": 0.8}
    taxed: Facts = {"operations": {"taxRate": {"level": 0.9}}, "cash": {"minimum": 24.0}}
    document = {**prepaid(notes, **taxed), "baseRate": {"level": 0.9}, "interest": "AVERAGE"}
    with pytest.raises(NotConverged) as no:
        value_lbo(read(document))
    assert "Leave write_off_fees_on_prepayment out" in no.value.problems[0].suggestion
    # Either by itself has its solution, and so has stock, which saves no tax.
    assert circle({**document, "interest": "OPENING"})[0][1] == near(0.9)
    plain = value_lbo(read({**document, "writeOffFeesOnPrepayment": False})).valuation
    assert plain.circularity is not None
    assert plain.circularity[0].contraction == near(0.85)
    stock = {**document, "tranches": [{**notes, "kind": "PREFERRED"}]}
    assert circle(stock)[0][1] == near(0.85)
