"""Mergers that a person worked out with a pencil."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.firm.dilution import Convertible, OptionTranche
from engine.firm.equity import Shares
from engine.merger import (
    Allocation,
    EarnOut,
    Fees,
    Financing,
    MergerTiming,
    NewDebt,
    Offer,
    Synergies,
    WrittenUp,
    value_merger,
)
from tests.mirror.engine.merger.deals import CLOSING, books, bought, buyer, by_year, deal, level


def test_a_deal_in_shares_by_hand() -> None:
    # 50 shares at 8 and a quarter more: 500, for 500 / 18 new shares. 90 + 36 over 127.78.
    result = value_merger(deal())
    assert result.offer.price == 10.0
    assert result.offer.equity_price == 500.0
    assert result.new_shares == pytest.approx(500.0 / 18.0)
    assert result.per_share.stand_alone == (0.9, 0.9, 0.9)
    assert result.earnings_per_share == pytest.approx(126.0 / (100.0 + 500.0 / 18.0))
    assert result.accretion == pytest.approx(0.0956522, abs=1e-7)
    assert result.acquirer_ownership == pytest.approx(0.7826087, abs=1e-7)
    assert result.holders.acquirer == pytest.approx(0.7826087, abs=1e-7)
    # Books of 200, without goodwill of 50, and no deferred tax of 10 any more.
    assert result.goodwill == 500.0 - (200.0 - 50.0 + 10.0)
    assert (result.enterprise_value, result.offer.enterprise_value) == (680.0, 680.0)
    assert result.offer.ev_to_ebitda == 680.0 / 80.0
    assert result.offer.price_to_earnings == pytest.approx(500.0 / 36.0)
    assert result.offer.acquirer_price_to_earnings == 20.0
    # Shares at 20 times earnings pay 36 x 20 = 720 without dilution: 14.4 a share, 80 % more.
    assert result.per_share.maximum_premium[0] == pytest.approx(0.8)
    assert result.value_created == -100.0  # no synergies: the premium is given away


def test_a_mixed_deal_by_hand() -> None:
    result = value_merger(
        deal(
            financing=Financing(
                stock_share=0.5,
                balance_sheet_cash=50.0,
                lost_yield=0.04,
                new_debt=NewDebt(rate=0.06, fee=0.02, tenor=5.0),
            ),
            fees=Fees(advisory=8.0),
            allocation=Allocation(
                intangibles=(WrittenUp(amount=80.0, life=8.0),),
                fixed_asset_step_up=WrittenUp(amount=40.0, life=10.0),
                inventory_step_up=10.0,
            ),
            synergies=Synergies(
                cost=level(24.0),
                phase_in=by_year([0.5, 1.0, 1.0]),
                costs_to_achieve=by_year([12.0, 0.0, 0.0]),
            ),
        )
    )
    # 250 in cash, 200 of debt repaid and 8 of fees: 458, of which 50 are there.
    table = result.sources_and_uses
    assert table.new_debt == pytest.approx(408.0 / 0.98)
    shares = pytest.approx(250.0 / 18.0)
    assert (result.new_shares, result.holders.new_shares) == (shares, shares)
    assert result.holders.acquirer == pytest.approx(100.0 / (100.0 + 250.0 / 18.0))
    assert table.financing_fees == pytest.approx(8.3265306, abs=1e-7)
    assert table.total_sources == pytest.approx(716.3265306, abs=1e-7)
    # 130 of write-ups owe a quarter in tax.
    assert result.allocation.deferred_tax == 32.5
    assert result.goodwill == pytest.approx(500.0 - (160.0 + 130.0 - 32.5))
    lines = result.income_statement
    assert lines.ebitda == (292.0, 304.0, 304.0)
    assert lines.ebit[0] == pytest.approx(292.0 - 12.0 - 70.0 - 10.0 - 4.0 - 10.0)
    assert lines.interest == (30.0, 30.0, 30.0)
    assert lines.new_interest[0] == pytest.approx(24.9795918, abs=1e-7)
    assert lines.fee_amortisation[0] == pytest.approx(1.6653061, abs=1e-7)
    assert lines.net_income[0] == pytest.approx(95.5163265, abs=1e-7)
    assert result.accretion == pytest.approx(-0.0681334, abs=1e-7)
    assert result.cash_accretion == pytest.approx(0.1196616, abs=1e-7)
    assert result.per_share.breakeven_synergies[0] == pytest.approx(9.3115646, abs=1e-7)
    # 24 after tax in years 2 and 3, at 10 %; year 1 spends what it saves.
    assert result.value_creation.synergies == pytest.approx(18.0 / 1.21 + 18.0 / 1.331)
    assert result.value_created == pytest.approx(28.3996995 - 100.0, abs=1e-7)
    # Closing: 200 + 20 - 50 of cash; equity of 1,800 - 950 - 0 ... in the books 850, and 250 - 8.
    opened = result.closing.pro_forma
    assert opened.cash == 170.0
    assert opened.equity == pytest.approx(850.0 + 250.0 - 8.0)
    assert opened.goodwill == pytest.approx(100.0 + 242.5)
    assert opened.debt == 500.0
    # 916.33 of debt over EBITDA of 280 before synergies.
    assert result.leverage.at_closing == pytest.approx((500.0 + 416.3265306) / 280.0)
    assert result.leverage.net_at_closing == pytest.approx((916.3265306 - 170.0) / 280.0)
    left = 916.3265306 - result.balance_sheets.cash[0]
    assert result.leverage.net_debt_to_ebitda[0] == pytest.approx(left / 292.0)
    assert result.leverage.interest_cover[0] == pytest.approx(292.0 / 54.9795918)
    # Of 71.60 that is lost the holders of 100 shares of 113.89 bear their part.
    assert result.value_creation.acquirer_part_per_share == pytest.approx(-71.6003005 / 113.8888889)
    # (60 + 12) after tax on 500 + 180 of net debt, and 16.33 of fees.
    assert result.returns.roic[0] == pytest.approx(72.0 * 0.75 / (680.0 + 8.0 + 8.3265306))


def test_year_one_is_the_part_of_it_after_the_closing() -> None:
    # 146 of 365 days are left: 0.4 of every flow, on both sides.
    stub = MergerTiming(
        closing_date=CLOSING, years=3, fiscal_year_end=CLOSING + timedelta(days=146)
    )
    result = value_merger(
        deal(
            timing=stub,
            financing=Financing(
                stock_share=0.5,
                refinanced=0.0,
                new_debt=NewDebt(rate=0.06, fee=0.02, tenor=5.0),
            ),
            allocation=Allocation(
                intangibles=(WrittenUp(amount=80.0, life=1.5),), inventory_step_up=10.0
            ),
            synergies=Synergies(cost=level(30.0)),
        )
    )
    assert result.stub_share == 0.4
    lines = result.income_statement
    assert lines.revenue == (600.0, 1500.0, 1500.0)
    assert lines.ebitda[0] == pytest.approx(0.4 * 310.0)
    assert lines.new_interest[0] == pytest.approx(0.4 * 0.06 * 250.0 / 0.98)
    assert lines.inventory_charge == (10.0, 0.0, 0.0)
    # A year and a half: 0.4 of a year, a whole one, and a tenth of one.
    assert lines.intangible_amortisation == pytest.approx(
        (80.0 * 0.4 / 1.5, 80.0 / 1.5, 80.0 * 0.1 / 1.5)
    )
    assert result.per_share.stand_alone == pytest.approx((0.36, 0.9, 0.9))
    # Multiples and leverage are of the whole year; the value, to the days of the year ends.
    assert result.leverage.debt_to_ebitda[0] == pytest.approx((700.0 + 250.0 / 0.98) / 310.0)
    saved = 30.0 * 0.75
    expected = 0.4 * saved / 1.1**0.4 + saved / 1.1**1.4 + saved / 1.1**2.4
    assert result.value_creation.synergies == pytest.approx(expected)


def test_options_and_convertibles_take_part_at_the_offer_and_not_at_the_market() -> None:
    # Market 8, offer 10. 4 options at 9: 4 (1 - 9/10) = 0.4 shares. A convertible at 9.5: 19 of it
    # become 2 shares, and its debt is gone; one at 12 stays debt.
    shares = Shares(
        basic=50.0,
        options=(OptionTranche(count=4.0, strike=9.0), OptionTranche(count=7.0, strike=10.0)),
        convertibles=(
            Convertible(face_value=19.0, conversion_price=9.5),
            Convertible(face_value=12.0, conversion_price=12.0),
        ),
    )
    result = value_merger(deal(target=bought(shares=shares)))
    assert result.offer.diluted_shares == pytest.approx(52.4)
    assert result.offer.equity_price == pytest.approx(524.0)
    assert result.closing.target.debt == 212.0
    table = result.offer.dilution
    assert table is not None
    assert [each.exercised for each in table.options] == [True, False]
    assert [each.converted for each in table.convertibles] == [True, False]
    # Before: 400 and both convertibles as debt, 431. At the offer: 524 and 12.
    assert result.value_creation.premium == pytest.approx(536.0 - 431.0)
    # Of 231 that were owed 212 still are, and so is that share of the interest.
    assert result.income_statement.interest[0] == pytest.approx(30.0 + 12.0 * 212.0 / 231.0)
    assert result.income_statement.interest_saved[0] == pytest.approx(12.0 * 19.0 / 231.0)


def test_the_interest_of_debt_at_a_given_rate_is_saved() -> None:
    financing = Financing(
        stock_share=1.0,
        refinanced=0.5,
        target_debt_rate=0.07,
        new_debt=NewDebt(rate=0.05, tenor=5.0),
    )
    lines = value_merger(deal(financing=financing)).income_statement
    assert lines.interest[0] == pytest.approx(30.0 + 12.0 - 0.07 * 100.0)
    assert lines.interest_saved == pytest.approx((7.0,) * 3)
    assert lines.new_interest[0] == pytest.approx(0.05 * 100.0)
    # Of the 2 that are left a quarter is tax, beside the 30 and the 12 that both paid before.
    assert lines.tax_on_adjustments == pytest.approx((0.5,) * 3)
    assert lines.tax == pytest.approx((42.5,) * 3)


def test_the_interest_of_a_convertible_that_is_converted_is_saved_too() -> None:
    # At the offer of 10, a debt of 20 at 9 becomes shares: half of the other 200 is repaid.
    bonds = (Convertible(face_value=20.0, conversion_price=9.0),)
    financing = Financing(
        stock_share=1.0,
        refinanced=0.5,
        target_debt_rate=0.07,
        new_debt=NewDebt(rate=0.05, tenor=5.0),
    )
    converted = bought(shares=Shares(basic=50.0, convertibles=bonds))
    result = value_merger(deal(target=converted, financing=financing))
    assert result.sources_and_uses.refinanced_debt == 100.0
    assert result.income_statement.interest[0] == pytest.approx(42.0 - 0.07 * 120.0)
    # Without conversion it is repaid like any other debt.
    dear = (Convertible(face_value=20.0, conversion_price=11.0),)
    kept = value_merger(
        deal(target=bought(shares=Shares(basic=50.0, convertibles=dear)), financing=financing)
    )
    assert kept.sources_and_uses.refinanced_debt == 110.0
    assert kept.income_statement.interest[0] == pytest.approx(42.0 - 0.07 * 110.0)


def test_revenue_synergies_flow_through_and_savings_do_whole() -> None:
    joined = Synergies(cost=level(10.0), revenue=level(50.0), flow_through=0.4)
    lines = value_merger(deal(synergies=joined)).income_statement
    assert lines.revenue[0] == 1550.0
    assert lines.synergies[0] == 30.0


def test_synergies_that_grow_for_ever_are_a_perpetuity_after_the_forecast() -> None:
    joined = Synergies(cost=level(20.0), growth=0.02)
    value = value_merger(deal(synergies=joined)).value_creation.synergies
    explicit = 15.0 / 1.1 + 15.0 / 1.21 + 15.0 / 1.331
    assert value == pytest.approx(explicit + 15.0 * 1.02 / 0.08 / 1.331)
    forever = Synergies(cost=level(20.0), growth=0.0)
    assert value_merger(deal(synergies=forever)).value_creation.synergies == pytest.approx(150.0)


def test_new_debt_is_repaid_as_it_is_due_and_costs_interest_on_what_was_left() -> None:
    debt = NewDebt(rate=0.1, tenor=2.5, amortisation=level(0.3))
    financing = Financing(stock_share=0.0, refinanced=0.0, new_debt=debt)
    result = value_merger(deal(financing=financing))
    assert result.balance_sheets.new_debt == pytest.approx((350.0, 200.0, 0.0))
    assert result.income_statement.new_interest == pytest.approx((50.0, 35.0, 20.0))
    assert result.cash_flow.new_debt_repaid == pytest.approx((150.0, 150.0, 200.0))


def test_debt_is_repaid_by_the_part_of_a_stub_and_never_below_nothing() -> None:
    debt = NewDebt(rate=0.1, tenor=9.0, amortisation=level(0.5))
    stub = MergerTiming(
        closing_date=CLOSING, years=4, fiscal_year_end=CLOSING + timedelta(days=146)
    )
    financing = Financing(stock_share=0.0, refinanced=0.0, new_debt=debt)
    result = value_merger(deal(timing=stub, financing=financing))
    assert result.balance_sheets.new_debt == pytest.approx((400.0, 150.0, 0.0, 0.0), abs=1e-9)
    assert result.cash_flow.new_debt_repaid == pytest.approx((100.0, 250.0, 150.0, 0.0), abs=1e-9)


def test_deferred_tax_is_measured_at_the_rates_of_the_years_it_reverses_in() -> None:
    acquirer = buyer(statements=replace(books(), tax_rate=by_year([0.2, 0.3, 0.4])))
    written_up = Allocation(intangibles=(WrittenUp(amount=40.0, life=4.0),))
    result = value_merger(deal(acquirer=acquirer, allocation=written_up))
    # 10 a year: at 20 %, 30 %, 40 %, and what is left after the forecast at the last rate.
    assert result.allocation.deferred_tax == pytest.approx(2.0 + 3.0 + 4.0 + 4.0)
    assert result.balance_sheets.deferred_tax_liability == pytest.approx((11.0, 8.0, 4.0))


def test_an_earn_out_is_paid_for_at_its_fair_value() -> None:
    promised = EarnOut(amount=60.0, year=2, probability=0.5, discount_rate=0.1)
    result = value_merger(deal(earn_out=promised))
    assert result.offer.earn_out == pytest.approx(30.0 / 1.21)
    assert result.goodwill == pytest.approx(340.0 + 30.0 / 1.21)
    assert result.income_statement.earn_out_charge == pytest.approx(
        (30.0 / 1.1 - 30.0 / 1.21, 30.0 - 30.0 / 1.1, 0.0)
    )
    assert result.balance_sheets.earn_out == pytest.approx((30.0 / 1.1, 0.0, 0.0))
    # Nobody pays it in the year, so cash earnings do not know of it.
    assert result.cash_accretion == pytest.approx(value_merger(deal()).accretion)
    assert result.accretion < result.cash_accretion
    # It lessens earnings and is deducted by nobody.
    plain = value_merger(deal()).income_statement
    assert plain.tax == result.income_statement.tax


def test_cash_flow_by_hand() -> None:
    acquirer = buyer(
        statements=replace(
            books(), capital_expenditure=level(60.0), increase_in_working_capital=level(5.0)
        )
    )
    written_up = Allocation(fixed_asset_step_up=WrittenUp(amount=20.0, life=4.0))
    result = value_merger(deal(acquirer=acquirer, allocation=written_up))
    flow, sheets = result.cash_flow, result.balance_sheets
    # 60 of its own, and the target renews what wears out: 20. Of 90 + 36 the step-up takes 3.75,
    # of which the tax of 1.25 is paid all the same.
    assert flow.capital_expenditure == (80.0, 80.0, 80.0)
    assert flow.increase_in_working_capital == (5.0, 5.0, 5.0)
    assert flow.net_income[0] == pytest.approx(122.25)
    assert flow.deferred_tax[0] == pytest.approx(-1.25)
    assert flow.change_in_cash[0] == pytest.approx(122.25 + 75.0 - 1.25 - 80.0 - 5.0)
    assert sheets.cash[0] == pytest.approx(220.0 + 111.0)
    assert sheets.working_capital[2] == pytest.approx(210.0 + 15.0)
    # 900 + 300 + 20, and a year of 80 less 70 and less 5.
    assert sheets.fixed_assets[0] == pytest.approx(1220.0 + 80.0 - 70.0 - 5.0)
    assert sheets.equity[0] == pytest.approx(850.0 + 500.0 + 122.25)


def test_contributions_by_hand() -> None:
    result = value_merger(deal()).contribution
    assert result.revenue.target_share == pytest.approx((1.0 / 3.0,) * 3)
    assert result.net_income.target_share == pytest.approx((36.0 / 126.0,) * 3)
    assert (result.ebit.acquirer, result.ebit.target) == ((150.0,) * 3, (60.0,) * 3)
    # Enterprise values 1,800 + 300 and 400 + 180: a third of 2,680, less 180, of 2,200.
    assert result.revenue.implied_ownership[0] == pytest.approx((2680.0 / 3.0 - 180.0) / 2200.0)
    assert result.equity_value == pytest.approx(400.0 / 2200.0)
    assert result.ownership == pytest.approx((500.0 / 18.0) / (100.0 + 500.0 / 18.0))
    # And were less of it paid in shares, what all of it would be stays the yardstick.
    lent = Financing(stock_share=0.2, refinanced=0.0, new_debt=NewDebt(rate=0.05, tenor=5.0))
    assert value_merger(deal(financing=lent)).contribution.ownership == result.ownership


def test_contributions_are_held_against_a_price_all_in_shares_and_count_convertibles() -> None:
    # At the market of 8 a convertible at 9 is debt: 200 of net debt, and an EV of 600.
    bonds = (Convertible(face_value=20.0, conversion_price=9.0),)
    half = Financing(stock_share=0.5, refinanced=0.0, new_debt=NewDebt(rate=0.05, tenor=5.0))
    target = bought(shares=Shares(basic=50.0, convertibles=bonds))
    result = value_merger(deal(target=target, financing=half)).contribution
    assert result.revenue.implied_ownership[0] == pytest.approx((2700.0 / 3.0 - 200.0) / 2200.0)
    in_shares = 10.0 * (50.0 + 20.0 / 9.0) / 18.0
    assert result.ownership == pytest.approx(in_shares / (100.0 + in_shares))


def test_a_loss_that_shrinks_is_accretive() -> None:
    acquirer = buyer(statements=books(ebitda=60.0))  # 60 - 50 - 30 = -20, -15 after tax
    result = value_merger(deal(acquirer=acquirer, offer=Offer(premium=0.0)))
    assert result.per_share.stand_alone[0] == pytest.approx(-0.15)
    shares = 100.0 + 400.0 / 18.0
    assert result.accretion == pytest.approx((21.0 / shares + 0.15) / 0.15)
    assert "STAND_ALONE_LOSS" in {remark.code for remark in result.remarks}


def test_of_a_year_that_earns_nothing_no_share_is_told_but_the_money_is() -> None:
    # 200, 80 and 60 less 80: 90 after tax, nothing, and a loss of 15. With the target's 36 a year.
    own = replace(books(), ebitda=by_year([200.0, 80.0, 60.0]))
    told = value_merger(deal(acquirer=buyer(statements=own))).per_share
    shares = 100.0 + 500.0 / 18.0
    assert told.stand_alone == pytest.approx((0.9, 0.0, -0.15))
    assert told.accretion == pytest.approx(
        (126.0 / shares / 0.9 - 1.0, None, (21.0 / shares + 0.15) / 0.15)
    )
    assert (told.accretion[1], told.cash_accretion[1]) == (None, None)
    assert told.accretion_amount[1] == pytest.approx(36.0 / shares)


def test_the_maximum_premium_is_found_on_the_right_side_of_a_conversion() -> None:
    # All in debt at 8 % before tax, 6 % after: a price of 36 / 0.06 = 600 changes nothing, and 20
    # of debt at 9 are shares by then, whose interest of 20 / 220 of 12 is saved.
    bonds = (Convertible(face_value=20.0, conversion_price=9.0),)
    financing = Financing(stock_share=0.0, refinanced=0.0, new_debt=NewDebt(rate=0.08, tenor=9.0))
    target = bought(shares=Shares(basic=50.0, convertibles=bonds))
    result = value_merger(deal(target=target, financing=financing))
    price = (36.0 + 12.0 * 20.0 / 220.0 * 0.75) / 0.06
    offer = price / (50.0 + 20.0 / 9.0)
    assert result.per_share.maximum_premium[0] == pytest.approx(offer / 8.0 - 1.0)
    # Where it is converted only above what can be paid, its interest goes on.
    dear = (Convertible(face_value=20.0, conversion_price=30.0),)
    kept = value_merger(
        deal(target=bought(shares=Shares(basic=50.0, convertibles=dear)), financing=financing)
    )
    assert kept.per_share.maximum_premium[0] == pytest.approx(600.0 / 50.0 / 8.0 - 1.0)
