"""Remarks: made where they are due, and only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.merger import (
    Allocation,
    Financing,
    MergerInputs,
    NewDebt,
    Offer,
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


INCOME = bought(statements=books(revenue=500.0, ebitda=80.0, depreciation=20.0, interest=-3.0))


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
        ("OFFER_BELOW_MARKET", calm(offer=Offer(premium=-0.01)), calm(offer=Offer(premium=0.0))),
        ("HIGH_PREMIUM", calm(offer=Offer(premium=0.61)), calm(offer=Offer(premium=0.59))),
        # Net debt of 300 + 180 + 500 x share, over EBITDA of 280: 4.07 times, and 3.96.
        (
            "HIGH_LEVERAGE",
            calm(financing=debt(0.0), offer=Offer(price=13.2)),
            calm(financing=debt(0.0), offer=Offer(price=12.6)),
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


def test_a_remark_names_an_input_that_is_there() -> None:
    for inputs in (whole(), calm(synergies=None), deal(financing=debt(0.0))):
        for remark in value_merger(inputs).remarks:
            assert remark.path.split(".")[0] in MergerInputs.__slots__
            assert remark.message.endswith(".")
