"""A reviewer's remarks: each is made where it is true, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from engine.errors import Infeasible
from engine.firm.operations import StockCompensation
from engine.lbo import (
    Covenant,
    Entry,
    Exit,
    FeeTreatment,
    InterestBasis,
    LboInputs,
    Measure,
    Recapitalisation,
    Timing,
    value_lbo,
)
from engine.paths import replaced
from engine.schedules import Schedule
from tests.mirror.engine.lbo.deals import (
    CLOSING,
    LAW,
    deal,
    deals,
    level,
    operations,
    revolver,
    term_loan,
)
from tests.mirror.engine.lbo.rich_deals import with_everything
from tests.mirror.engine.lbo.soundness import valued


def codes(inputs: LboInputs) -> set[str]:
    return {remark.code for remark in value_lbo(inputs).valuation.remarks}


def sober(**changes: Any) -> LboInputs:
    """Growth and debt that nobody would remark on."""
    plain = {
        "operations": operations(revenue_growth=level(0.08)),
        "tranches": (term_loan(400.0, 0.06),),
        "exit": Exit(ev_to_ebitda=10.0),
    }
    return deal(**(plain | changes))


CASES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "LOSS_WITHOUT_CREDIT",
        "operations",
        {"operations": operations(revenue_growth=level(0.3), depreciation=level(0.09))},
    ),
    (
        "STOCK_COMPENSATION_ADDED_BACK",
        "operations.stock_compensation_treatment",
        {
            "operations": operations(
                stock_compensation=level(0.01),
                stock_compensation_treatment=StockCompensation.ADD_BACK,
            )
        },
    ),
    (
        "UNUSUAL_GROWTH",
        "operations.revenue_growth",
        {"operations": operations(revenue_growth=level(1.1))},
    ),
    ("LTM_EBITDA_APART", "entry.ltm_ebitda", {"entry": Entry(ltm_ebitda=60.0, ev_to_ebitda=15.0)}),
    ("HIGH_LEVERAGE", "tranches", {"tranches": (term_loan(710.0, 0.03),)}),
    ("THIN_EQUITY", "tranches", {"tranches": (term_loan(760.0, 0.03),)}),
    ("SHORTFALL", "tranches", {"tranches": (term_loan(400.0, 0.06, tenor=2),)}),
    ("DUE_BEFORE_EXIT", "tranches", {"tranches": (term_loan(100.0, 0.06, tenor=2),)}),
    ("THIN_INTEREST_COVER", "tranches", {"tranches": (term_loan(400.0, 0.19),)}),
    (
        "COVENANT_BROKEN",
        "covenants[0]",
        {"covenants": (Covenant(measure=Measure.LEVERAGE, limit=level(2.5)),)},
    ),
    (
        "CLAIMS_NOT_COVERED",
        "recapitalisation",
        {"recapitalisation": Recapitalisation(year=2, amount=2_000.0, fixed_rate=0.0)},
    ),
    ("MULTIPLE_EXPANSION", "exit.ev_to_ebitda", {"exit": Exit(ev_to_ebitda=10.5)}),
    ("UNUSUAL_IRR", "exit", {"exit": Exit(ev_to_ebitda=7.0)}),
]


@LAW
@with_everything
@given(deals())
def test_a_remark_is_made_exactly_where_the_document_says_what_it_says(inputs: LboInputs) -> None:
    told, firm = valued(inputs), inputs.operations
    funds, income = told.sources_and_uses, told.statements.income
    ltm = inputs.entry.ltm_ebitda
    sold = told.exits[told.exit_year - 1]
    margins = firm.ebitda_margin or firm.ebit_margin
    assert margins is not None
    worn = 0.0 if firm.ebitda_margin else firm.depreciation.years()[0]
    base = firm.revenue * (margins.years()[0] + worn)
    covers = [each.interest_cover for each in told.credit if each.interest_cover is not None]
    off = income.fees_deducted or (0.0,) * len(income.ebt)
    least = min(ebt - fees for ebt, fees in zip(income.ebt, off, strict=True))
    true = {
        "LOSS_WITHOUT_CREDIT": firm.losses is None and least < 0.0,
        "STOCK_COMPENSATION_ADDED_BACK": told.statements.cash_flow.stock_compensation is not None,
        "UNUSUAL_GROWTH": max(firm.revenue_growth.years()) > 1.0,
        "LTM_EBITDA_APART": base > 0.0 and abs(ltm - base) > 0.25 * base,
        "HIGH_LEVERAGE": sum(each.amount for each in funds.tranches) > 7.0 * ltm,
        "THIN_EQUITY": funds.rollover + funds.sponsor_equity < 0.25 * funds.total,
        "SHORTFALL": max(told.statements.cash_flow.shortfall) > 0.0,
        "THIN_INTEREST_COVER": min(covers, default=9.0) < 1.5,
        "DUE_BEFORE_EXIT": any(each.tenor < told.exit_year for each in inputs.tranches),
        "COVENANT_BROKEN": not all(each.kept for each in told.covenants),
        "CLAIMS_NOT_COVERED": sold.enterprise_value - told.exit_costs < sold.net_debt,
        "MULTIPLE_EXPANSION": inputs.exit.ev_to_ebitda > funds.ev_to_ebitda + 1e-7,
        "UNUSUAL_IRR": not 0.1 <= told.irr <= 0.4,
    }
    assert {each.code for each in told.remarks} == {code for code, said in true.items() if said}


@pytest.mark.parametrize(
    ("margin", "words"),
    [(0.1, ", less the transaction fees that are deducted,"), (0.02, ""), (0.12, None)],
)
def test_fees_that_are_more_than_is_taxed_save_no_tax_and_that_is_said(
    margin: float, words: str | None
) -> None:
    """108 less 24 of interest are less than 90; 21.6 are a loss without them; 105.6 are not."""
    fees = Entry(
        ltm_ebitda=100.0,
        ev_to_ebitda=10.0,
        transaction_fees=90.0,
        transaction_fee_treatment=FeeTreatment.DEDUCTED,
        cash_at_closing=100.0,
    )
    margins = Schedule.explicit([margin, 0.1, 0.1])
    firm = operations(revenue_growth=level(0.08), ebitda_margin=margins)
    remarks = value_lbo(sober(entry=fees, operations=firm)).valuation.remarks
    said = [each.message for each in remarks if each.code == "LOSS_WITHOUT_CREDIT"]
    assert len(said) == (words is not None)
    if words is not None:
        assert said[0].startswith(f"Income before tax{words} is below zero in year 1.")


def test_nothing_is_said_of_a_sober_deal() -> None:
    assert codes(sober()) == set()


@pytest.mark.parametrize(("code", "path", "changes"), CASES, ids=[case[0] for case in CASES])
def test_a_remark_is_made_where_it_is_true(code: str, path: str, changes: dict[str, Any]) -> None:
    remarks = value_lbo(sober(**changes)).valuation.remarks
    assert (code, path) in {(remark.code, remark.path) for remark in remarks}


@pytest.mark.parametrize(
    ("path", "given", "fee"), [("amount", 1_500.0, 0.0), ("times_ebitda", 15.0, 0.1)]
)
def test_with_the_recapitalisation_that_is_told_the_lenders_are_paid(
    path: str, given: float, fee: float
) -> None:
    """1,000 for the firm and its cash of three years: of 1,500 borrowed after one at 10 % a third
    is lost. Of x it is paid out of 1,300, with two years of interest: 1.2 x.
    """

    def recapitalised(size: float) -> LboInputs:
        new: dict[str, Any] = {path: size}
        return deal(recapitalisation=Recapitalisation(year=1, fixed_rate=0.1, fee=fee, **new))

    found = value_lbo(recapitalised(given)).valuation
    (said,) = [each.message for each in found.remarks if each.code == "CLAIMS_NOT_COVERED"]
    lost = found.value_creation.claims_not_covered
    assert lost is not None
    assert f"owes {lost:.6g} more than it is sold for" in said
    assert lost == 500.0
    told = re.search(rf"recapitalisation\.{path} of ([\d,.]+) or less", said)
    assert told
    most = float(told[1].replace(",", ""))
    assert most == pytest.approx(given * 1_300.0 / 1.2 / 1_500.0, rel=1e-5)
    mended = value_lbo(recapitalised(most)).valuation
    assert mended.value_creation.claims_not_covered is None
    assert "CLAIMS_NOT_COVERED" in codes(recapitalised(1.001 * most))
    # Or whoever buys it pays as much as is owed: 1,500 for a firm that earns 100.
    multiple = re.search(r"n exit multiple of ([\d,.]+) or more", said)
    assert multiple
    least = float(multiple[1])
    assert least == pytest.approx(15.0, rel=1e-5)
    sold = replace(recapitalised(given), exit=Exit(ev_to_ebitda=least))
    assert value_lbo(sold).valuation.value_creation.claims_not_covered is None


def test_of_owners_who_were_paid_before_the_return_is_of_that_alone() -> None:
    """1,000 paid in, 1,350 after a year, and nothing at the exit: 35 % a year, 1.35 times."""
    again = Recapitalisation(year=1, amount=1_500.0, fee=0.1, fixed_rate=0.0)
    found = value_lbo(deal(recapitalisation=again)).valuation
    assert found.holders[0].proceeds == found.exit_equity == 0.0
    assert (found.moic, found.irr) == (pytest.approx(1.35), pytest.approx(0.35))
    # A sale in year 1 would leave less than is owed as well.
    assert [each.moic for each in found.exits] == pytest.approx([1.35] * 3)


def test_where_the_lenders_lose_without_a_recapitalisation_too_none_is_told_as_enough() -> None:
    """300 for the firm, 600 of the first loan and 100 of the new debt are owed."""
    few = Recapitalisation(year=3, amount=100.0, fixed_rate=0.0)
    inputs = deal(tranches=(term_loan(900.0),), recapitalisation=few, exit=Exit(ev_to_ebitda=3.0))
    remarks = value_lbo(inputs).valuation.remarks
    (said,) = [each.message for each in remarks if each.code == "CLAIMS_NOT_COVERED"]
    assert "owes 400 more than it is sold for" in said
    assert "or less" not in said


def test_a_shortfall_says_in_which_years_and_how_much() -> None:
    remarks = value_lbo(sober(tranches=(term_loan(400.0, 0.0, tenor=1, swept=False),))).valuation
    (said,) = [each.message for each in remarks.remarks if each.code == "SHORTFALL"]
    # 108 of the first year and 116.64 of the second against 400 that are due in the first.
    assert "in years 1, 2, 3," in said
    assert "up to 292" in said
    assert "or a revolver that still lends in year 3" in said
    assert "tranches[" not in said


@pytest.mark.parametrize("interest", InterestBasis)
def test_with_the_commitment_that_is_told_nothing_is_missing(interest: InterestBasis) -> None:
    """What a larger one lends bears interest, and its fee is paid: more than the first shortfall.
    A revolver that is due before is of no use.
    """

    def lent(committed: float) -> LboInputs:
        return deal(
            interest=interest,
            tranches=(
                revolver(10.0, 0.1, name="Early", tenor=2),
                revolver(committed, 0.1, undrawn_fee=0.01, tenor=8),
                term_loan(400.0, 0.08, tenor=1, swept=False),
            ),
        )

    def missing(committed: float) -> float:
        return max(year.shortfall for year in value_lbo(lent(committed)).valuation.credit)

    assert missing(50.0) > 200.0
    remarks = value_lbo(lent(50.0)).valuation.remarks
    (said,) = [each.message for each in remarks if each.code == "SHORTFALL"]
    told = re.search(r"a tranches\[1\]\.commitment of ([\d,.]+) lends", said)
    assert told
    enough = float(told[1].replace(",", ""))
    assert missing(enough) == 0.0
    assert missing(0.999 * enough) > 0.0


# What is lent, how it is bought and sold, and the least commitment of the first revolver by hand.
LEAST: dict[str, tuple[dict[str, Any], float, str]] = {
    # 150 are lent in year 1 by the cheap one alone; with less the dear one bears interest, and in
    # year 3, when all of both is needed, that is missing.
    "spares dearer debt": (
        {
            "tranches": (
                revolver(50.0),
                revolver(100.0, 0.2, name="Dear"),
                term_loan(250.0, tenor=1, swept=False),
                term_loan(300.0, name="Late", tenor=3, swept=False),
            )
        },
        150.0,
        "lends all of it.",
    ),
    # The debt of 1,900 at the end of year 1 grows at 10 %, less 100 a year, for ten years.
    "grows for years": (
        {
            "timing": Timing(closing_date=CLOSING, years=11),
            "entry": Entry(ltm_ebitda=100.0, ev_to_ebitda=30.0),
            "tranches": (revolver(10.0, 0.1, tenor=12), term_loan(2_000.0, tenor=1, swept=False)),
            "exit": Exit(ev_to_ebitda=40.0),
        },
        1_900.0 * 1.1**10 - 100.0 * (1.1**10 - 1.0) / 0.1,
        "lends all of it.",
    ),
    # 50 and the fee on all of it in year 1; the fees of a little more are missing in year 3.
    "comes due itself": (
        {
            "tranches": (
                revolver(40.0, undrawn_fee=0.1, tenor=3),
                term_loan(150.0, tenor=1, swept=False),
                term_loan(138.0, name="Late", tenor=3, swept=False),
            )
        },
        50.0 / 0.9,
        "lends all of it.",
    ),
    # 300 of year 1 at 20 %: 212 are owed when the firm is sold for 150.
    "is dearer than the firm": (
        {
            "tranches": (revolver(1.0, 0.2), term_loan(400.0, tenor=1, swept=False)),
            "exit": Exit(ev_to_ebitda=1.5),
        },
        300.0,
        "lends all of it, but leaves the owners nothing at the exit.",
    ),
}


@pytest.mark.parametrize("what", LEAST)
def test_the_commitment_that_is_told_is_the_least_that_is_enough(what: str) -> None:
    changes, least, said = LEAST[what]
    inputs = deal(**changes)
    remarks = value_lbo(inputs).valuation.remarks
    (message,) = [each.message for each in remarks if each.code == "SHORTFALL"]
    assert message.endswith(said)
    assert ("a larger commitment" in message) == ("nothing" not in said)
    told = re.search(r"a tranches\[0\]\.commitment of ([\d,.]+) lends", message)
    assert told
    enough = float(told[1].replace(",", ""))
    assert enough == pytest.approx(least, rel=1e-5)
    larger = replaced(inputs, {"tranches[0].commitment": enough})
    if "nothing" in said:
        with pytest.raises(Infeasible, match="wiped out"):
            value_lbo(larger)
    else:
        assert "SHORTFALL" not in codes(larger)


def test_what_is_missing_by_rounding_alone_is_not_missing() -> None:
    """9 % of 700 are 63, 7 % of it 49: together the 112 that the firm earns, to the last bit but
    one."""
    loan = replace(term_loan(700.0, 0.09, tenor=9, swept=False), amortisation=level(0.07))
    inputs = deal(
        timing=Timing(closing_date=CLOSING, years=1),
        operations=operations(ebitda_margin=level(0.112)),
        tranches=(loan,),
    )
    found = value_lbo(inputs).valuation
    assert 0.0 < found.credit[0].shortfall < 1e-12
    assert "SHORTFALL" not in codes(inputs)


def test_owners_who_were_paid_before_are_told_that_a_commitment_leaves_them_nothing() -> None:
    """Year 1 pays them 100 of new debt. In year 2 200 more than is earned are due, and of
    what lends them at 50 % 200 are owed at the exit, beside the 100, of a firm of 150."""
    inputs = deal(
        tranches=(revolver(1.0, 0.5), term_loan(400.0, tenor=2, swept=False)),
        recapitalisation=Recapitalisation(year=1, amount=100.0, fixed_rate=0.0),
        exit=Exit(ev_to_ebitda=1.5),
    )
    remarks = value_lbo(inputs).valuation.remarks
    (said,) = [each.message for each in remarks if each.code == "SHORTFALL"]
    assert "a larger commitment" not in said
    assert said.endswith("lends all of it, but leaves the owners nothing at the exit.")


def test_a_multiple_of_a_loss_lends_nothing_and_says_so() -> None:
    margins = Schedule.explicit([0.1, -0.05, 0.1])
    again = {"year": 2, "fixed_rate": 0.1}
    for new, said in (({"times_ebitda": 2.0}, True), ({"amount": 100.0}, False)):
        inputs = deal(
            operations=operations(ebitda_margin=margins),
            recapitalisation=Recapitalisation(**again, **new),
        )
        assert ("NOTHING_LENT" in codes(inputs)) == said


def test_where_no_commitment_is_enough_a_larger_one_is_not_asked_for() -> None:
    """At least 50 / 0.8, with the fee on it, are lent in year 1, and due with 45 in year 2."""
    lent = (
        revolver(10.0, undrawn_fee=0.2, tenor=2),
        term_loan(150.0, tenor=1, swept=False),
        term_loan(45.0, name="Late", tenor=2, swept=False),
    )
    remarks = value_lbo(deal(tranches=lent)).valuation.remarks
    (message,) = [each.message for each in remarks if each.code == "SHORTFALL"]
    assert "in year 1, by up to 42," in message
    assert message.endswith("The plan needs more equity or later repayments.")
