"""The two firms of a merger, line by line and share by share, as a person worked them out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.firm.dilution import Convertible, OptionTranche
from engine.firm.equity import Shares
from engine.merger import (
    Allocation,
    EarnOut,
    Fees,
    Financing,
    NewDebt,
    OpeningBalance,
    WrittenUp,
    value_merger,
)
from tests.mirror.engine.merger.deals import books, bought, buyer, by_year, deal, level

OWN = OpeningBalance(
    cash=200.0,
    working_capital=150.0,
    fixed_assets=900.0,
    goodwill=100.0,
    intangibles=70.0,
    other_assets=30.0,
    debt=500.0,
    deferred_tax_liability=40.0,
    other_liabilities=60.0,
)
ITS = OpeningBalance(
    cash=20.0,
    working_capital=60.0,
    fixed_assets=300.0,
    goodwill=50.0,
    intangibles=15.0,
    other_assets=5.0,
    debt=200.0,
    deferred_tax_liability=10.0,
    other_liabilities=25.0,
)


def lines(sheet: Any) -> dict[str, float]:
    return {name: getattr(sheet, name) for name in type(sheet).__slots__}


def test_every_line_of_the_books_by_hand() -> None:
    """Half of 500 in shares, half of the debt of 200 repaid, 8 to advisers, 20 promised: 358 in
    cash, of which 50 are there, and 308 / 0.96 = 320.83 is borrowed with a fee of 12.83."""
    result = value_merger(
        deal(
            acquirer=buyer(balance=OWN),
            target=bought(balance=ITS),
            financing=Financing(
                stock_share=0.5,
                balance_sheet_cash=50.0,
                refinanced=0.5,
                new_debt=NewDebt(rate=0.06, fee=0.04, tenor=5.0),
            ),
            fees=Fees(advisory=8.0),
            allocation=Allocation(
                intangibles=(WrittenUp(amount=80.0, life=8.0),),
                fixed_asset_step_up=WrittenUp(amount=40.0, life=10.0),
                inventory_step_up=12.0,
            ),
            earn_out=EarnOut(amount=25.0, year=2, probability=0.8),
        )
    )
    closing = result.closing
    # 1,450 of assets less 600 of liabilities; 450 less 235.
    assert (closing.acquirer.equity, closing.acquirer.total_assets) == (850.0, 1450.0)
    assert (closing.target.equity, closing.target.total_claims) == (215.0, 450.0)
    # 520 for 215 - 50 + 10, and write-ups of 132 of which a quarter, 33, is owed in tax.
    assert result.goodwill == 520.0 - (175.0 + 132.0 - 33.0)
    assert lines(closing.pro_forma) == pytest.approx(
        {
            "cash": 170.0,
            "working_capital": 222.0,
            "fixed_assets": 1240.0,
            "goodwill": 346.0,
            "intangibles": 165.0,
            "other_assets": 35.0,
            "financing_fees": 308.0 / 0.96 * 0.04,
            "total_assets": 2178.0 + 308.0 / 0.96 * 0.04,
            "debt": 600.0,
            "new_debt": 308.0 / 0.96,
            "deferred_tax_liability": 73.0,
            "earn_out": 20.0,
            "other_liabilities": 85.0,
            "equity": 850.0 + 250.0 - 8.0,
            "total_claims": 1870.0 + 308.0 / 0.96,
        }
    )
    own, its, change = (
        lines(each) for each in (closing.acquirer, closing.target, closing.adjustments)
    )
    for name, total in lines(closing.pro_forma).items():
        assert own[name] + its[name] + change[name] == pytest.approx(total)
    for name in OpeningBalance.__slots__:
        assert (own[name], its[name]) == (getattr(OWN, name), getattr(ITS, name))
    # At the end of year 2 the promise is paid, and of the fee three fifths are left.
    assert result.balance_sheets.earn_out == (20.0, 0.0, 0.0)
    assert result.balance_sheets.financing_fees[1] == pytest.approx(308.0 / 0.96 * 0.04 * 0.6)
    assert result.balance_sheets.intangibles == (155.0, 145.0, 135.0)


def test_who_shares_the_acquirer_by_hand() -> None:
    """At 18: 8 options at 9 leave 4 shares, and those at 20 none. Of 36 at 12 there are 3 shares;
    25 at 25 are a debt. 90 + 4 + 4 + 3 = 101, to which 500 / 18 come."""
    shares = Shares(
        basic=90.0,
        restricted_stock=4.0,
        options=(OptionTranche(count=8.0, strike=9.0), OptionTranche(count=5.0, strike=20.0)),
        convertibles=(
            Convertible(face_value=36.0, conversion_price=12.0),
            Convertible(face_value=25.0, conversion_price=25.0),
        ),
    )
    result = value_merger(deal(acquirer=buyer(shares=shares)))
    assert result.holders.acquirer_shares == pytest.approx(101.0)
    assert result.per_share.stand_alone[0] == pytest.approx(90.0 / 101.0)
    assert result.earnings_per_share == pytest.approx(126.0 / (101.0 + 500.0 / 18.0))
    assert result.closing.acquirer.debt == 525.0
    assert result.closing.acquirer.equity == 825.0


def test_who_shares_the_target_by_hand() -> None:
    """At 10: 6 options at 5 leave 3 shares; 21 at 7 are 3 shares, 30 at 15 are a debt."""
    shares = Shares(
        basic=40.0,
        restricted_stock=4.0,
        options=(OptionTranche(count=6.0, strike=5.0), OptionTranche(count=9.0, strike=12.0)),
        convertibles=(
            Convertible(face_value=21.0, conversion_price=7.0),
            Convertible(face_value=30.0, conversion_price=15.0),
        ),
    )
    result = value_merger(deal(target=bought(shares=shares)))
    assert result.offer.diluted_shares == pytest.approx(50.0)
    assert result.offer.equity_price == pytest.approx(500.0)
    assert result.closing.target.debt == 230.0
    assert result.enterprise_value == pytest.approx(500.0 + 230.0 - 20.0)


def test_a_target_invests_by_its_own_words_by_hand() -> None:
    """25 where 20 wear out, and 3 of working capital; of the acquirer 50 are worn and renewed."""
    statements = replace(
        bought().statements,
        capital_expenditure=level(25.0),
        increase_in_working_capital=by_year([3.0, 0.0, -1.0]),
    )
    result = value_merger(deal(target=bought(statements=statements)))
    assert result.cash_flow.capital_expenditure == (75.0, 75.0, 75.0)
    assert result.cash_flow.increase_in_working_capital == (3.0, 0.0, -1.0)
    # 126 and 70 that wear out, less 75 and 3.
    assert result.balance_sheets.cash[0] == 220.0 + 126.0 + 70.0 - 78.0
    assert result.balance_sheets.working_capital == (213.0, 213.0, 212.0)
    assert result.balance_sheets.fixed_assets == (1205.0, 1210.0, 1215.0)


def test_both_income_statements_by_hand() -> None:
    """Each line and each rate of its own: (200 - 60 - 30) less 30 %, (80 - 25 - 12) less 20 %."""
    own = books(ebitda=200.0, depreciation=60.0, interest=30.0, tax_rate=0.3)
    its = books(revenue=500.0, ebitda=80.0, depreciation=25.0, interest=12.0, tax_rate=0.2)
    result = value_merger(deal(acquirer=buyer(statements=own), target=bought(statements=its)))
    told = result.income_statement
    assert (told.revenue[0], told.ebitda[0], told.depreciation[0]) == (1500.0, 280.0, 85.0)
    assert (told.ebit[0], told.interest[0], told.pre_tax_profit[0]) == (195.0, 42.0, 153.0)
    assert told.tax[0] == pytest.approx(33.0 + 8.6)
    assert told.net_income[0] == pytest.approx(77.0 + 34.4)
    assert result.per_share.stand_alone[0] == pytest.approx(0.77)
    assert result.contribution.ebit.target[0] == 55.0
    assert result.returns.nopat[0] == pytest.approx(44.0)
    assert result.returns.roic[0] == pytest.approx(44.0 / 680.0)
