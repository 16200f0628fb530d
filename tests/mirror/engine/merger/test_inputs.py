"""The door of a merger: everything that is wrong at once, and deals that cannot be closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from engine.errors import Infeasible, InvalidInput
from engine.firm.dilution import OptionTranche
from engine.firm.equity import Shares
from engine.merger import (
    Allocation,
    Collar,
    CollarFixes,
    EarnOut,
    Fees,
    Financing,
    FixedRatio,
    FloatingRatio,
    MergerInputs,
    MergerOutput,
    MergerTiming,
    NewDebt,
    Offer,
    Structure,
    Synergies,
    WrittenUp,
    admit,
    merger_question,
    outside,
    value_merger,
)
from engine.paths import numbers, replaced
from engine.scenarios import Axis, sensitivity
from tests.mirror.engine.merger.deals import (
    CLOSING,
    books,
    bought,
    buyer,
    by_year,
    deal,
    level,
    whole,
)

STOCK = Financing(refinanced=0.0)  # beside an exchange ratio


def problems(inputs: MergerInputs) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        admit(inputs)
    return {problem.path: problem.suggestion for problem in refused.value.problems}


def test_a_sound_deal_passes_with_every_schedule_by_year() -> None:
    admitted = admit(whole())
    assert admitted.acquirer.statements.revenue.by_year == (1000.0,) * 4
    assert admit(admitted, known=admitted) is admitted


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("offer", {"offer": Offer()}),
        ("offer", {"offer": Offer(price=9.0, premium=0.1)}),
        ("offer", {"offer": Offer(cash_per_share=1.0)}),
        ("offer.premium", {"offer": Offer(premium=30.0)}),
        ("offer.price", {"offer": Offer(price=-1.0)}),
        ("offer.cash_per_share", {"offer": Offer(price=9.0, cash_per_share=1.0)}),
        (
            "financing.stock_share",
            {"offer": Offer(exchange_ratio=FixedRatio(ratio=0.5))},
        ),
        ("financing.stock_share", {"financing": Financing()}),
        ("financing.stock_share", {"financing": Financing(stock_share=1.5)}),
        ("financing.refinanced", {"financing": Financing(stock_share=1.0, refinanced=1.5)}),
        (
            "financing.new_debt.fee",
            {"financing": Financing(stock_share=1.0, new_debt=NewDebt(rate=0.1, fee=1.0, tenor=5))},
        ),
        (
            "financing.new_debt.tenor",
            {"financing": Financing(stock_share=1.0, new_debt=NewDebt(rate=0.1, tenor=0.0))},
        ),
        (
            "financing.new_debt.amortisation",
            {
                "financing": Financing(
                    stock_share=1.0,
                    new_debt=NewDebt(rate=0.1, tenor=5.0, amortisation=by_year([0.1])),
                )
            },
        ),
        (
            "offer.exchange_ratio.collar.high_price",
            {
                "offer": Offer(exchange_ratio=Collar(ratio=0.5, low_price=22.0, high_price=18.0)),
                "financing": STOCK,
            },
        ),
        (
            "offer.exchange_ratio.collar.reference_price",
            {
                "offer": Offer(
                    exchange_ratio=Collar(
                        ratio=0.5, low_price=18.0, high_price=22.0, reference_price=17.0
                    )
                ),
                "financing": STOCK,
            },
        ),
        (
            "offer.exchange_ratio.collar.reference_price",
            {
                "offer": Offer(
                    exchange_ratio=Collar(
                        ratio=0.5,
                        low_price=18.0,
                        high_price=22.0,
                        reference_price=20.0,
                        fixes=CollarFixes.RATIO,
                    )
                ),
                "financing": STOCK,
            },
        ),
        (
            "offer.exchange_ratio.floating.value",
            {"offer": Offer(exchange_ratio=FloatingRatio(value=0.0)), "financing": STOCK},
        ),
        ("timing.years", {"timing": MergerTiming(closing_date=CLOSING, years=11)}),
        (
            "timing.fiscal_year_end",
            {"timing": MergerTiming(closing_date=CLOSING, years=3, fiscal_year_end=CLOSING)},
        ),
        ("acquirer.name", {"acquirer": buyer(name=" ")}),
        ("acquirer.share_price", {"acquirer": buyer(share_price=0.0)}),
        ("target.shares.diluted", {"target": bought(shares=Shares())}),
        (
            "target.shares.options",
            {
                "target": bought(
                    shares=Shares(diluted=5.0, options=(OptionTranche(count=1.0, strike=1.0),))
                )
            },
        ),
        (
            "target.balance.debt",
            {"target": replace(bought(), balance=replace(bought().balance, debt=-1.0))},
        ),
        (
            "acquirer.statements.tax_rate.level",
            {"acquirer": buyer(statements=books(tax_rate=25.0))},
        ),
        ("wacc", {"wacc": 10.0}),
        ("fees.advisory", {"fees": Fees(advisory=-1.0)}),
        (
            "allocation.intangibles[0].life",
            {"allocation": Allocation(intangibles=(WrittenUp(amount=1.0, life=0.0),))},
        ),
        ("allocation.goodwill_tax_life", {"allocation": Allocation(goodwill_tax_life=15.0)}),
        ("synergies.flow_through", {"synergies": Synergies(revenue=level(1.0))}),
        ("synergies.flow_through", {"synergies": Synergies(flow_through=0.5)}),
        ("synergies.phase_in", {"synergies": Synergies(phase_in=by_year([0.5]))}),
        ("synergies.growth", {"synergies": Synergies(growth=0.1)}),
        ("earn_out.year", {"earn_out": EarnOut(amount=1.0, year=4, probability=0.5)}),
        ("earn_out.probability", {"earn_out": EarnOut(amount=1.0, year=1, probability=1.5)}),
        ("currency", {"currency": "dollar"}),
    ],
)
def test_what_is_wrong_is_named_by_its_path(path: str, wrong: dict[str, Any]) -> None:
    assert list(problems(deal(**wrong))) == [path]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = problems(
        deal(
            offer=Offer(premium=30.0),
            wacc=10.0,
            acquirer=buyer(share_price=-1.0),
            synergies=Synergies(revenue=level(1.0)),
            currency="euro",
        )
    )
    assert set(found) == {
        "offer.premium",
        "wacc",
        "acquirer.share_price",
        "synergies.flow_through",
        "currency",
    }


def test_cash_beyond_what_is_there_is_refused_with_what_is_there() -> None:
    found = problems(
        deal(financing=Financing(stock_share=0.5, refinanced=0.0, balance_sheet_cash=221.0))
    )
    assert list(found) == ["financing.balance_sheet_cash"]
    assert "220" in found["financing.balance_sheet_cash"]


def test_a_collar_inside_out_is_refused_with_both_its_ends() -> None:
    inside_out = Collar(ratio=0.5, low_price=22.0, high_price=18.0)
    found = problems(deal(offer=Offer(exchange_ratio=inside_out), financing=STOCK))
    said = found["offer.exchange_ratio.collar.high_price"]
    assert "22" in said
    assert "18" in said


@pytest.mark.parametrize(
    ("low", "high", "reference", "said", "mends"),
    [
        (70.0, 68.0, 61.0, "Give a lowest price of 61 or less.", [{"low_price": 61.0}]),
        (56.0, 50.0, 61.0, "Give a highest price of 61 or more.", [{"high_price": 61.0}]),
        (
            68.0,
            56.0,
            61.0,
            "Give a lowest price of 61 or less and a highest price of 61 or more.",
            [{"low_price": 61.0, "high_price": 61.0}],
        ),
        (
            56.0,
            68.0,
            10.0,
            "Give a reference price from 56 to 68.",
            [{"reference_price": 56.0}, {"reference_price": 68.0}],
        ),
    ],
)
def test_what_a_collar_is_asked_for_mends_it_around_the_price_it_was_agreed_at(
    low: float, high: float, reference: float, said: str, mends: list[Any]
) -> None:
    wrong = Collar(ratio=0.5, low_price=low, high_price=high, reference_price=reference)
    found = problems(deal(offer=Offer(exchange_ratio=wrong), financing=STOCK))
    assert list(found.values()) == [said]
    for mend in mends:
        admit(deal(offer=Offer(exchange_ratio=replace(wrong, **mend)), financing=STOCK))


@pytest.mark.parametrize(("price", "side"), [(10.0, "below 56"), (80.0, "above 68")])
def test_a_price_outside_its_collar_is_said_first(price: float, side: str) -> None:
    wrong = Collar(ratio=0.5, low_price=56.0, high_price=68.0, reference_price=price)
    with pytest.raises(InvalidInput) as refused:
        admit(deal(offer=Offer(exchange_ratio=wrong), financing=STOCK))
    (problem,) = refused.value.problems
    assert problem.message.endswith(f"Here: {price:g} lies {side}.")


def test_an_allocation_above_the_price_is_refused_with_the_offer_that_would_pay_for_it() -> None:
    # Net assets of 160, and write-ups of 600 less a quarter: 610 against 500.
    written_up = Allocation(intangibles=(WrittenUp(amount=600.0, life=10.0),))
    with pytest.raises(Infeasible) as refused:
        admit(deal(allocation=written_up))
    (problem,) = refused.value.problems
    assert problem.path == "allocation"
    assert "110" in problem.message
    assert "12.2 a share" in problem.suggestion
    # What it says is what mends it.
    mended = value_merger(deal(allocation=written_up, offer=Offer(price=12.2)))
    assert mended.goodwill == pytest.approx(0.0, abs=1e-9)


def test_the_offer_that_would_pay_counts_the_options_that_it_brings_in() -> None:
    shares = Shares(basic=48.0, options=(OptionTranche(count=10.0, strike=11.0),))
    written_up = Allocation(intangibles=(WrittenUp(amount=600.0, life=10.0),))
    with pytest.raises(Infeasible) as refused:
        admit(deal(target=bought(shares=shares), allocation=written_up))
    said = refused.value.problems[0].suggestion
    least = float(said.split(" a share")[0].split()[-1])
    mended = value_merger(
        deal(target=bought(shares=shares), allocation=written_up, offer=Offer(price=least + 1e-4))
    )
    assert 0.0 <= mended.goodwill < 0.1


def test_sources_below_uses_are_refused_with_what_is_missing() -> None:
    with pytest.raises(Infeasible) as refused:
        admit(deal(financing=Financing(stock_share=0.5, refinanced=1.0, balance_sheet_cash=50.0)))
    (problem,) = refused.value.problems
    assert problem.path == "financing.new_debt"
    assert "400" in problem.message


def test_an_acquirer_that_earns_exactly_nothing_has_no_accretion() -> None:
    with pytest.raises(Infeasible, match="nothing in year 1") as refused:
        admit(deal(acquirer=buyer(statements=books(ebitda=80.0))))
    (problem,) = refused.value.problems
    path = "acquirer.statements.ebitda[0]"
    assert problem.path == path
    assert "depreciation and interest, 80:" in problem.suggestion
    with pytest.raises(Infeasible, match="nothing in year 1") as refused:
        admit(replaced(admit(deal()), {path: np.array([90.0, 80.0])}))
    assert refused.value.problems[0].suggestion == problem.suggestion


def test_a_deal_that_cannot_be_closed_for_two_reasons_says_both() -> None:
    with pytest.raises(Infeasible) as refused:
        admit(
            deal(
                financing=Financing(stock_share=0.5),
                allocation=Allocation(intangibles=(WrittenUp(amount=600.0, life=10.0),)),
            )
        )
    assert [problem.path for problem in refused.value.problems] == [
        "financing.new_debt",
        "allocation",
    ]


def test_scenarios_that_the_door_would_refuse_are_known_one_by_one() -> None:
    question = merger_question(deal(), MergerOutput.GOODWILL)
    paths = ("offer.premium", "target.balance.fixed_assets", "wacc")
    values = (
        np.array([0.1, 40.0, 0.2, 0.3]),
        np.array([300.0, 300.0, 5000.0, 300.0]),
        np.array([0.1, 0.1, 0.1, 9.0]),
    )
    broken = question.outside(replaced(question.inputs, dict(zip(paths, values, strict=True))))
    assert broken is not None
    assert broken.tolist() == [False, True, True, True]
    # And each by itself is refused by the door.
    for row, is_broken in enumerate(broken.tolist()):
        one = replaced(
            question.inputs,
            {path: float(column[row]) for path, column in zip(paths, values, strict=True)},
        )
        if is_broken:
            with pytest.raises((InvalidInput, Infeasible)):
                admit(one)
        else:
            admit(one)


def test_a_grid_with_a_cell_that_cannot_be_closed_is_refused() -> None:
    question = merger_question(
        deal(allocation=Allocation(intangibles=(WrittenUp(amount=300.0, life=10.0),))),
        MergerOutput.ACCRETION,
    )
    rows = Axis("allocation.intangibles[0].amount", np.array([300.0, 900.0]))
    columns = Axis("offer.premium", np.array([0.2, 0.3]))
    with pytest.raises(Infeasible, match="goodwill"):
        sensitivity(question, rows, columns)


def test_what_has_no_form_is_outside_as_a_whole_without_being_closed() -> None:
    question = merger_question(deal(), MergerOutput.ACCRETION)
    formless = replace(question.inputs, offer=Offer())
    assert outside(formless, question.inputs) is None


def test_every_number_of_a_whole_deal_has_a_path() -> None:
    paths = set(numbers(admit(whole())))
    assert {
        "offer.premium",
        "financing.stock_share",
        "financing.new_debt.amortisation",
        "target.statements.ebitda",
        "target.shares.options[1].strike",
        "allocation.intangibles[0].life",
        "synergies.phase_in",
        "earn_out.probability",
    } <= paths
    assert not any(path.endswith((".year", ".years", ".tenor")) for path in paths)


def test_an_asset_deal_may_deduct_its_goodwill() -> None:
    allowed = Allocation(structure=Structure.ASSET, goodwill_tax_life=15.0)
    assert value_merger(deal(allocation=allowed)).cash_flow.deferred_tax[0] == pytest.approx(
        0.25 * 340.0 / 15.0
    )


def test_the_year_of_a_stub_ends_within_a_year_of_the_closing() -> None:
    timing = MergerTiming(
        closing_date=CLOSING, years=3, fiscal_year_end=CLOSING + timedelta(days=367)
    )
    assert list(problems(deal(timing=timing))) == ["timing.fiscal_year_end"]


def test_drawn_deals_that_nobody_pays_for_are_outside() -> None:
    inputs = deal(financing=Financing(stock_share=0.9, refinanced=0.0, balance_sheet_cash=50.0))
    question = merger_question(inputs, MergerOutput.ACCRETION)
    mixes = replaced(question.inputs, {"financing.stock_share": np.array([0.95, 0.9, 0.89])})
    broken = question.outside(mixes)
    assert broken is not None
    assert broken.tolist() == [False, False, True]
    # Of 80 depreciation takes 50 and interest 30: exactly nothing is left.
    earned = np.array([200.0, 80.0, 60.0])
    broken = question.outside(replaced(question.inputs, {"acquirer.statements.ebitda[0]": earned}))
    assert broken is not None
    assert broken.tolist() == [False, True, False]
