"""One feature of a buyout at a time, on paper, by the engine and by the other witness.

The firm is that of `test_lbo_by_hand`: of 200 a year 150 are EBIT, 37.5 tax, and 112.5 are left.
"""

from __future__ import annotations

import pytest

from engine.lbo import value_lbo
from tests.mirror.engine.lbo.test_lbo_by_hand import LOAN, bought, near
from tests.mirror.engine.lbo.witnesses import WITNESSES, Facts, Witness, read

NOTES = {"name": "Notes", "kind": "NOTES", "amount": 1400.0, "fixedRate": 0.1, "tenor": 8}
A_FIFTH = {"closingDate": "2024-10-19", "fiscalYearEnd": "2024-12-31"}  # 73 days of 365


def revolver(name: str, amount: float, commitment: float, **terms: object) -> Facts:
    plain: Facts = {"kind": "REVOLVER", "fixedRate": 0.0, "tenor": 6}
    return {**plain, "name": name, "amount": amount, "commitment": commitment, **terms}


@pytest.fixture(params=WITNESSES)
def lbo(request: pytest.FixtureRequest) -> Witness:
    return WITNESSES[request.param]


def test_ebit_and_what_is_worn_off_are_what_a_multiple_is_of(lbo: Witness) -> None:
    """15 % and 5 % of 1,000 are the 200 that the firm is sold by."""
    facts = lbo(bought(operations={"ebitdaMargin": None, "ebitMargin": {"level": 0.15}}))
    first = facts["years"][0]
    assert [first["ebit"], first["ebitda"]] == near([150.0, 200.0])
    assert first["leverage"] == near(717.5 / 200.0)
    assert facts["exit"]["equity"] == near(968.09375)


def test_working_capital_at_closing_is_on_the_way_to_the_end_of_the_year(lbo: Witness) -> None:
    """From 50 to 100, a fifth of the year before its end: 90, and 10 more are tied up."""
    tied_up = {"workingCapital": {"level": 0.1}, "openingWorkingCapital": 50.0}
    facts = lbo(bought(timing=A_FIFTH, years=1, operations=tied_up))
    first, sheet = facts["years"][0], facts["closing"]["balance"]
    assert [sheet["workingCapital"], sheet["goodwill"]] == near([90.0, 1510.0])
    assert first["increaseInWorkingCapital"] == near(10.0)
    assert first["balance"]["workingCapital"] == near(100.0)
    assert first["cashBeforeRepayment"] == near(16.5 - 10.0)


def test_fixed_assets_are_no_goodwill_and_grow_by_what_is_not_worn_off(lbo: Witness) -> None:
    assets = {"openingFixedAssets": 400.0, "capitalExpenditure": {"level": 0.06}}
    facts = lbo(bought(operations=assets))
    sheets = [facts["closing"]["balance"], *(each["balance"] for each in facts["years"])]
    assert [each["fixedAssets"] for each in sheets] == near([400.0, 410.0, 420.0])
    assert [each["goodwill"] for each in sheets] == near([1200.0] * 3)


@pytest.mark.parametrize(("treatment", "added"), [("EXPENSE", 0.0), ("ADD_BACK", 4.0)])
def test_pay_in_shares_costs_no_cash_where_it_is_added_back(
    lbo: Witness, treatment: str, added: float
) -> None:
    """2 % of a fifth of 1,000: cash that is there, and paid in by whoever has the shares."""
    paid = {"stockCompensation": {"level": 0.02}, "stockCompensationTreatment": treatment}
    first = lbo(bought(timing=A_FIFTH, years=1, operations=paid))["years"][0]
    assert [first["addedBack"], first["netIncome"]] == near([added, 16.5])
    assert first["cashBeforeRepayment"] == near(16.5 + added)
    assert first["balance"]["equity"] == near(816.5 + added)


def test_a_tranche_that_is_no_loan_waits_until_it_is_due(lbo: Witness) -> None:
    """Interest of 20, 18, 4 and 8; a quarter of 100 is tax, and 75 repay the loan alone."""
    facts = lbo(
        bought(
            {**NOTES, "amount": 300.0, "fixedRate": 0.06},
            {**LOAN, "amount": 400.0},
            {**NOTES, "name": "Seller", "kind": "SELLER_NOTE", "amount": 100.0, "fixedRate": 0.04},
            {**NOTES, "name": "Mezzanine", "kind": "MEZZANINE", "amount": 100.0, "fixedRate": 0.08},
        )
    )
    assert facts["years"][0]["cashInterest"] == near(50.0)
    closing = [rows[0]["closing"] for rows in facts["tranches"].values()]
    assert closing == near([300.0, 325.0, 100.0, 100.0])


def test_revolvers_are_repaid_before_loans_and_each_in_its_order(lbo: Witness) -> None:
    """112.5: first the 20 of the revolver, then the 40 of the first loan, the rest to the second.

    And where 45 are missing the first revolver lends its 30, the second the rest.
    """
    free = {"fixedRate": 0.0}
    first_loan, second_loan = ({**LOAN, **free, "name": each} for each in ("First", "Second"))
    facts = lbo(
        bought(
            {**first_loan, "amount": 40.0},
            revolver("Revolver", 20.0, 50.0),
            {**second_loan, "amount": 100.0},
        )
    )
    assert [rows[0]["swept"] for rows in facts["tranches"].values()] == near([40.0, 20.0, 52.5])
    lent = (revolver("First", 0.0, 30.0), revolver("Second", 0.0, 50.0))
    short = lbo(bought(NOTES, *lent, cash={"minimum": 52.5}))
    assert [rows[0]["drawn"] for rows in short["tranches"].values()] == near([0.0, 30.0, 15.0])
    assert [short["years"][0]["drawn"], short["years"][0]["shortfall"]] == near([45.0, 0.0])


def test_what_is_due_of_a_tranche_that_grows_is_no_more_than_the_year_began_with(
    lbo: Witness,
) -> None:
    """100 at 10 % in kind, 60 a year due: 60; all of 50; all of 5. What accrued stays owed."""
    terms = {"fixedRate": 0.0, "pikRate": 0.1, "amortisation": {"level": 0.6}}
    mezzanine = {**NOTES, **terms, "name": "Mezzanine", "kind": "MEZZANINE", "amount": 100.0}
    rows = lbo(bought(mezzanine, years=3))["tranches"]["Mezzanine"]
    assert [row["mandatory"] for row in rows] == near([60.0, 50.0, 5.0])
    assert [row["pik"] for row in rows] == near([10.0, 5.0, 0.5])
    assert [row["closing"] for row in rows] == near([50.0, 5.0, 0.5])


def test_what_is_due_of_a_tranche_that_shrinks_is_no_more_than_is_left_of_it(lbo: Witness) -> None:
    """100 at a rate of -10 % in kind, 95 a year due: there are 90, and nothing after that."""
    terms = {"kind": "MEZZANINE", "fixedRate": None, "spread": -0.05, "pikShare": {"level": 1.0}}
    notes = {**NOTES, **terms, "amount": 100.0, "amortisation": {"level": 0.95}}
    rows = lbo(bought(notes, baseRate={"level": -0.05}))["tranches"]["Notes"]
    assert [row["mandatory"] for row in rows] == near([90.0, 0.0])
    assert [row["pik"] for row in rows] == near([-10.0, 0.0])
    assert [row["closing"] for row in rows] == near([0.0, 0.0])


def test_nothing_is_lent_on_a_loss(lbo: Witness) -> None:
    """Twice an EBITDA of -10 is no debt, and no dividend; twice 200 is 400."""
    again = {"year": 2, "timesEbitda": 2.0, "fixedRate": 0.08, "fee": 0.05}
    for margin, lent in ((-0.01, 0.0), (0.2, 400.0)):
        document = bought(
            {**NOTES, "amount": 10.0, "fixedRate": 0.0},
            operations={"ebitdaMargin": {"byYear": [0.2, margin, 0.2]}},
            recapitalisation=again,
            years=3,
        )
        facts = lbo(document)
        assert facts["exit"]["holders"]["sponsor"]["dividends"] == near(0.95 * lent)
        assert [year["balance"]["debt"] for year in facts["years"]] == near(
            [10.0, 10.0 + lent, 10.0 + lent]
        )
        assert facts["years"][2]["cashInterest"] == near(0.08 * lent)
        sheet = facts["years"][2]["balance"]
        assert sheet["assets"] == near(sheet["claims"])


def test_nobody_is_paid_for_a_sale_that_brings_nothing(lbo: Witness) -> None:
    """Twice an EBITDA of -10 takes 20 of the cash of 52.5, and 10 are owed: 22.5 are left."""
    notes = {**NOTES, "amount": 10.0, "fixedRate": 0.0}
    margins = {"ebitdaMargin": {"byYear": [0.2, -0.01]}}
    sold = {"evToEbitda": 2.0, "costs": 0.1}
    facts = lbo(bought(notes, operations=margins, exit=sold))
    assert [facts["exit"]["equity"], facts["exit"]["costs"]] == near([22.5, 0.0])
    assert facts["attribution"]["fees"] == near(0.0)


def test_the_fee_of_a_commitment_ends_with_it_and_is_a_cost(lbo: Witness) -> None:
    """40 of 100 drawn at 6 %: 2.4 and 0.3 in the year in which it is due, and nothing after."""
    terms = {"fixedRate": 0.06, "undrawnFee": 0.005, "tenor": 1}
    first, second = lbo(bought(revolver("Revolver", 40.0, 100.0, **terms)))["years"]
    assert [first["undrawnFee"], second["undrawnFee"]] == near([0.3, 0.0])
    flows = [first["cashBeforeRepayment"], second["cashBeforeRepayment"]]
    assert flows == near([0.75 * 147.3, 112.5])


def test_costs_and_a_dividend_are_no_debt_that_was_repaid(lbo: Witness) -> None:
    """A year's 6 of costs are written off; 84 and 87.15 repay the loan, and 50 are lent again.

    Of 900 at closing 778.85 are owed at the exit, 50 of them for 45 of dividend: 171.15 repaid.
    Costs: 10 of advice, 8 and 16 of financing, 16 at the exit, 5 for the dividend.
    """
    preferred = {"kind": "PREFERRED", "amount": 100.0, "fixedRate": 0.0, "name": "Preferred"}
    facts = lbo(
        bought(
            {**LOAN, "fee": 0.01, "oid": 0.02, "tenor": 4},
            {**NOTES, **preferred},
            entry={"transactionFees": 10.0},
            recapitalisation={"year": 1, "amount": 50.0, "fixedRate": 0.0, "fee": 0.1},
            exit={"costs": 0.01},
            equity={"rollover": 73.4},
        )
    )
    parts = facts["attribution"]
    assert [parts["netDebt"], parts["fees"], parts["created"]] == near([171.15, -55.0, 116.15])
    assert [parts["ebitdaGrowth"], parts["multipleExpansion"], parts["cross"]] == near([0.0] * 3)
    holders = facts["exit"]["holders"]
    # A tenth of the 734 is not the sponsor's.
    assert holders["sponsor"]["dividends"] == near(40.5)
    assert holders["rollover"]["dividends"] == near(4.5)
    assert holders["rollover"]["proceeds"] == near(80.515)


def test_a_certificate_is_half_of_the_dearest_rate_that_cash_can_save() -> None:
    """5 % on the loan; of a revolver 8 % less the 1 % that it costs undrawn; a fifth of a year."""
    fee = revolver("Revolver", 0.0, 50.0, fixedRate=0.08, undrawnFee=0.01)
    for tranches, timing, told in (
        ([LOAN], {}, [0.025, 0.025]),
        ([LOAN, fee], {}, [0.035, 0.035]),
        ([LOAN, NOTES | {"amount": 100.0}], A_FIFTH, [0.005, 0.025]),
        # In its second year it is due, whatever cash there is: nothing is in a circle.
        ([LOAN | {"tenor": 2}], {}, [0.025, 0.0]),
    ):
        document = bought(*tranches, timing=timing, interest="AVERAGE")
        if "fiscalYearEnd" in timing:
            document["timing"]["years"] = 2
        circle = value_lbo(read(document)).valuation.circularity
        assert circle is not None
        assert [each.year for each in circle] == [1, 2]
        assert [each.contraction for each in circle] == near(told)
        assert max(each.residual for each in circle) <= 1e-13
        assert max(each.iterations for each in circle) <= 4
    assert value_lbo(read(bought())).valuation.circularity is None
