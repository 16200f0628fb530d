"""Remarks: made where they are due, and only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.firm.dilution import Convertible
from engine.firm.equity import Shares
from engine.merger import (
    Allocation,
    Financing,
    MergerInputs,
    NewDebt,
    Offer,
    Party,
    Synergies,
    WrittenUp,
    value_merger,
)
from tests.mirror.engine.merger.deals import (
    books,
    bought,
    buyer,
    by_year,
    deal,
    deals,
    followed,
    level,
    whole,
)
from tests.mirror.engine.merger.test_laws import scaled

REPAID = Financing(stock_share=1.0, new_debt=NewDebt(rate=0.06, tenor=5.0))


def calm(**changes: Any) -> MergerInputs:
    """A deal that nobody would ask about: written up, cheap, and worth it."""
    plain: dict[str, Any] = {
        "allocation": Allocation(intangibles=(WrittenUp(amount=150.0, life=10.0),)),
        "synergies": Synergies(
            cost=level(32.0), costs_to_achieve=by_year([20.0, 0.0, 0.0]), growth=0.0
        ),
    }
    return deal(**(plain | changes))


def codes(inputs: MergerInputs) -> set[str]:
    return {remark.code for remark in value_merger(inputs).remarks}


def debt(share: float, rate: float = 0.05) -> Financing:
    return Financing(stock_share=share, refinanced=0.0, new_debt=NewDebt(rate=rate, tenor=2.0))


def paying(interest: float) -> Party:
    lines = books(revenue=500.0, ebitda=80.0, depreciation=20.0, interest=interest)
    return bought(statements=lines)


def owing(debt: float) -> Party:
    return bought(balance=replace(bought().balance, debt=debt, fixed_assets=300.0 - 200.0 + debt))


def with_equity(amount: float) -> Party:
    """The acquirer's books have 850 of it before its other liabilities."""
    return buyer(balance=replace(buyer().balance, other_liabilities=850.0 - amount))


INCOME = paying(-3.0)


@pytest.mark.parametrize(
    ("code", "due", "not_due"),
    [
        ("STAND_ALONE_LOSS", calm(acquirer=buyer(statements=books(ebitda=70.0))), calm()),
        ("LOSS_SAVES_TAX", calm(acquirer=buyer(statements=books(ebitda=70.0))), calm()),
        (
            "INTEREST_IS_INCOME",
            calm(target=INCOME, financing=REPAID),
            calm(target=INCOME, financing=replace(REPAID, target_debt_rate=0.05)),
        ),
        (
            "DEBT_WITHOUT_INTEREST",
            calm(target=paying(0.0), financing=REPAID),
            calm(target=paying(0.1), financing=REPAID),
        ),
        # 12 are paid on 200, net of what 20 of cash earn: 12.06 at 6.7 %, and 11.88 at 6.6 %.
        (
            "SAVED_ABOVE_PAID",
            calm(financing=replace(REPAID, target_debt_rate=0.067)),
            calm(financing=replace(REPAID, target_debt_rate=0.066)),
        ),
        # 12 of interest on 47 are more than a quarter, and on 49 less.
        (
            "INTEREST_BEYOND_DEBT",
            calm(target=owing(47.0), financing=REPAID),
            calm(target=owing(49.0), financing=REPAID),
        ),
        ("OFFER_BELOW_MARKET", calm(offer=Offer(premium=-0.01)), calm(offer=Offer(premium=0.0))),
        ("HIGH_PREMIUM", calm(offer=Offer(premium=0.61)), calm(offer=Offer(premium=0.59))),
        # Net debt of 300 + 180 + 500 x share, over EBITDA of 280: 4.07 times, and 3.96.
        (
            "HIGH_LEVERAGE",
            calm(financing=debt(0.0), offer=Offer(price=13.2)),
            calm(financing=debt(0.0), offer=Offer(price=12.6)),
        ),
        # Nothing is paid in shares, and the target's own equity falls away.
        (
            "EQUITY_BELOW_ZERO",
            calm(acquirer=with_equity(-5.0), financing=debt(0.0)),
            calm(acquirer=with_equity(5.0), financing=debt(0.0)),
        ),
        (
            "LOW_INTEREST_COVER",
            calm(financing=debt(0.0, rate=0.13)),
            calm(financing=debt(0.0, rate=0.11)),
        ),
        ("CASH_RUNS_OUT", calm(financing=debt(0.0)), calm(financing=debt(1.0))),
        ("NOTHING_WRITTEN_UP", calm(allocation=None), calm()),
        (
            "MOSTLY_GOODWILL",
            calm(
                offer=Offer(premium=0.5),
                target=bought(balance=replace(bought().balance, fixed_assets=190.0)),
                allocation=Allocation(inventory_step_up=1.0),
            ),
            calm(),
        ),
        (
            "BOLD_SYNERGIES",
            calm(synergies=Synergies(cost=level(76.0))),
            calm(synergies=Synergies(cost=level(74.0))),
        ),
        (
            "SYNERGIES_COST_NOTHING",
            calm(synergies=Synergies(cost=level(30.0), growth=0.0)),
            calm(),
        ),
        ("VALUE_DESTROYED", calm(synergies=None), calm()),
        ("RETURN_BELOW_COST", calm(synergies=None), calm()),
    ],
)
def test_a_remark_is_made_where_it_is_due_and_only_there(
    code: str, due: MergerInputs, not_due: MergerInputs
) -> None:
    assert code in codes(due)
    assert code not in codes(not_due)


@settings(deadline=None, max_examples=8)
@given(deals(), st.sampled_from([-20, 20]))
def test_no_remark_depends_on_the_unit_of_money(inputs: MergerInputs, power: int) -> None:
    assert codes(scaled(followed(inputs).inputs, 2.0**power)) == codes(inputs)


def test_nobody_asks_about_a_calm_deal() -> None:
    assert codes(calm()) == set()


def test_accretion_that_destroys_value_is_called_by_its_name() -> None:
    said = {remark.code: remark.message for remark in value_merger(deal()).remarks}
    assert "though earnings per share rise" in said["VALUE_DESTROYED"]


@pytest.mark.parametrize(
    ("interest", "cash", "rate", "advice", "mended", "nearly"),
    [
        # 12 on 200, of which 20 of cash may earn a part: at most 12 / 180.
        (12.0, 20.0, 0.08, "A rate of up to 6.66666% saves no", 0.0666666, 0.0666668),
        # 8 are earned, and cash is more than the debt that ends by 100.
        (-8.0, 300.0, 0.05, "A rate of 8% or more makes up for it, or", 0.08, 0.07999),
        # 2 on 1 more of cash, or 8 on none: no rate is above 1.
        (-2.0, 201.0, 0.05, "Give the interest that it pays", None, 1.0),
        (-8.0, 200.0, 0.05, "Give the interest that it pays", None, 1.0),
        (0.0, 20.0, 0.05, "A rate of up to 0% saves no more than is paid, or give", 0.0, 1e-9),
    ],
)
def test_a_rate_that_a_remark_names_bears_the_interest_out_and_a_hair_off_does_not(
    interest: float, cash: float, rate: float, advice: str, mended: float | None, nearly: float
) -> None:
    """The target owes 200, and all of it ends."""
    party = paying(interest)
    party = replace(party, balance=replace(party.balance, cash=cash, fixed_assets=0.0))

    def said(at: float, refinanced: float = 1.0) -> list[str]:
        financing = replace(REPAID, target_debt_rate=at, refinanced=refinanced)
        found = value_merger(deal(target=party, financing=financing)).remarks
        return [each.message for each in found if each.code == "SAVED_ABOVE_PAID"]

    (message,) = said(rate)
    assert advice in message
    assert f"saves {200.0 * rate:g} of interest a year" in message
    assert f"earns at that rate, {cash * rate:g}, does not" in message
    assert said(nearly)
    assert mended is None or not said(mended)
    assert not said(0.0, refinanced=0.0)  # nothing ends, and no rate changes a number


def test_of_several_years_those_are_named_in_which_too_much_is_saved() -> None:
    """12.4 and of them 1.24 by cash, beside 12, 11.5 and 10."""
    lines = replace(bought().statements, interest=by_year([12.0, 11.5, 10.0]))
    financing = replace(REPAID, target_debt_rate=0.062)
    result = value_merger(calm(target=bought(statements=lines), financing=financing))
    (said,) = (each.message for each in result.remarks if each.code == "SAVED_ABOVE_PAID")
    assert "In year 3 the target pays less, 10 at the least" in said


def test_equity_below_zero_names_the_shares_that_bring_it_to_zero() -> None:
    """100 are missing, a fifth of the price of 500; of 600 only 500 could be paid in shares."""

    def said(equity: float, share: float) -> list[str]:
        found = value_merger(calm(acquirer=with_equity(equity), financing=debt(share))).remarks
        return [each.message for each in found if each.code == "EQUITY_BELOW_ZERO"]

    (message,) = said(-100.0, 0.0)
    assert message == (
        "At the closing the books together have equity of -100, and of the acquirer alone -100: "
        "100 more in shares brings it to zero."
    )
    assert said(-100.0, 0.2) == []
    assert said(-600.0, 0.1)[0].endswith(
        "550 more in shares brings it to zero, and only 450 of the price is not in shares."
    )


def test_what_is_not_refinanced_is_not_asked_about() -> None:
    assert codes(calm(target=INCOME)) == set()
    assert codes(calm(target=paying(0.0))) == set()
    # Income is no interest of nothing, and a convertible is a debt like any other.
    assert codes(calm(target=INCOME, financing=REPAID)) == {"INTEREST_IS_INCOME"}
    shares = Shares(basic=50.0, convertibles=(Convertible(face_value=20.0, conversion_price=30.0),))
    beside = replace(owing(40.0), shares=shares)
    assert "INTEREST_BEYOND_DEBT" not in codes(calm(target=beside, financing=REPAID))


def test_interest_without_a_debt_is_told() -> None:
    none = value_merger(calm(target=owing(0.0), financing=REPAID)).remarks
    assert any("12 in year 1, and owes nothing" in each.message for each in none)
    assert "INTEREST_BEYOND_DEBT" not in codes(calm(target=owing(0.0)))  # nothing is refinanced


def test_a_remark_names_an_input_that_is_there() -> None:
    for inputs in (whole(), calm(synergies=None), deal(financing=debt(0.0))):
        for remark in value_merger(inputs).remarks:
            assert remark.path.split(".")[0] in MergerInputs.__slots__
            assert remark.message.endswith(".")
