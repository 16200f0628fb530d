"""What owners earn: IRR and MOIC, holders, covenants, and what may be paid at most."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import numpy_financial
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import mp, mpf

from engine.errors import Infeasible, InvalidInput
from engine.lbo import (
    Covenant,
    Entry,
    Equity,
    Exit,
    LboInputs,
    Measure,
    Recapitalisation,
    Timing,
    exit_grid,
    maximum_price,
    value_lbo,
)
from engine.lbo.covenants import Flows, covenant_test, credit_year
from engine.lbo.inputs import admit
from engine.lbo.returns import discount_rate
from engine.schedules import Schedule
from tests.mirror.engine.lbo.deals import LAW, deal, deals, level, operations, term_loan
from tests.mirror.engine.lbo.rich_deals import EVERYTHING, with_everything
from tests.mirror.engine.lbo.soundness import after_closing, valued, years_until
from tests.mirror.engine.lbo.test_analyses import structured

amounts = st.floats(0.01, 1e6)


def test_all_equity_and_a_flat_firm_by_hand() -> None:
    """1,000 in, and after three years 300 of cash and 1,000 for the firm."""
    result = value_lbo(deal()).valuation
    assert (result.sponsor_equity, result.exit_equity) == (1_000.0, 1_300.0)
    assert result.moic == 1.3
    assert result.irr == pytest.approx(1.3 ** (1.0 / 3.0) - 1.0, rel=1e-14)


def test_a_loan_that_is_swept_by_hand() -> None:
    """600 at 10 %: 60, 56 and 51.6 of interest leave 40, 44 and 48.4 of each year's 100."""
    result = value_lbo(deal(tranches=(term_loan(600.0, 0.1),))).valuation
    assert result.debt[0].closing == pytest.approx((560.0, 516.0, 467.6))
    assert result.exit_equity == pytest.approx(1_000.0 - 467.6)
    assert result.moic == pytest.approx(532.4 / 400.0)
    assert result.irr == pytest.approx(0.1, rel=1e-12)  # 400 x 1.1^3 = 532.4: what debt costs


@LAW
@with_everything
@given(deals())
def test_irr_and_moic_tell_one_story(inputs: LboInputs) -> None:
    result = valued(inputs)
    sponsor = result.holders[0]
    assert sponsor.name == "SPONSOR"
    assert result.moic == pytest.approx((sponsor.dividend + sponsor.proceeds) / sponsor.invested)
    assert result.exit_year == (inputs.exit.year or inputs.timing.years)
    recap, last = inputs.recapitalisation, years_until(inputs.timing, result.exit_year - 1)
    when = last if recap is None else years_until(inputs.timing, recap.year - 1)
    assume(result.irr > -0.99)
    worth = (
        sponsor.dividend / (1.0 + result.irr) ** when
        + sponsor.proceeds / (1.0 + result.irr) ** last
    )
    assert worth == pytest.approx(sponsor.invested, rel=1e-9)


@given(amounts, amounts, amounts, st.integers(1, 9), st.integers(1, 9))
def test_a_return_with_a_dividend_on_the_way_is_numpy_financials(
    paid: float, first: float, last: float, when: int, after: int
) -> None:
    flows = [-paid, *[0.0] * (when - 1), first, *[0.0] * (after - 1), last]
    rate = discount_rate(paid, first, float(when), last, float(when + after))
    ours = float(np.expm1(rate))
    discounts = (1.0 + ours) ** -np.arange(len(flows))
    assert float(np.dot(flows, discounts)) == pytest.approx(0.0, abs=1e-9 * paid)
    theirs = numpy_financial.irr(flows)
    if np.isfinite(theirs) and 1e-4 < 1.0 + theirs < 1e3:
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("years", [0.5, 1.0, 2.0, 3.0])
def test_where_a_dividend_is_all_a_batch_has_the_bits_of_its_rows(years: float) -> None:
    """After two years the rate is a square root, for which a number alone knows a shorter way."""
    paid, first = np.linspace(50.0, 500.0, 40), np.linspace(200.0, 10.0, 40)
    together = discount_rate(paid, first, years, np.zeros(40), 4.0)
    assert together == pytest.approx(np.log(first / paid) / years, rel=1e-13, abs=1e-14)
    for row in range(40):
        one = discount_rate(float(paid[row]), float(first[row]), years, 0.0, 4.0)
        assert one == together[row]


def test_a_dividend_may_be_all_that_the_owners_ever_have() -> None:
    """400 lent in year 1 are paid out; the firm is then sold for less than it owes."""
    inputs = deal(
        tranches=(term_loan(500.0, swept=False),),
        recapitalisation=Recapitalisation(year=1, amount=400.0, fixed_rate=0.0, fee=0.1),
        exit=Exit(ev_to_ebitda=1.0),
        operations=operations(ebitda_margin=level(0.05)),
        entry=Entry(ltm_ebitda=50.0, enterprise_value=800.0),
    )
    result = value_lbo(inputs).valuation
    assert result.exit_equity == 0.0
    assert result.irr == pytest.approx(360.0 / 300.0 - 1.0)
    assert result.value_creation.claims_not_covered == pytest.approx(900.0 - 150.0 - 50.0)
    assert result.value_creation.total == pytest.approx(360.0 - 300.0)


def test_a_pool_shares_what_was_gained_and_the_rest_is_shared_as_invested() -> None:
    inputs = deal(equity=Equity(rollover=200.0, option_pool=0.1))
    sponsor, rollover, pool = value_lbo(inputs).valuation.holders
    assert pool.proceeds == pytest.approx(30.0)  # a tenth of 1,300 - 1,000
    assert (pool.moic, pool.irr) == (None, None)
    assert sponsor.proceeds == pytest.approx(1_270.0 * 0.8)
    assert rollover.proceeds == pytest.approx(1_270.0 * 0.2)
    assert sponsor.irr == rollover.irr


@LAW
@example(EVERYTHING[0], 0.15)
@example(EVERYTHING[1], 0.02)
@example(EVERYTHING[4], 0.3)
@given(deals(), st.floats(0.0, 0.6))
def test_at_the_highest_price_the_deal_returns_the_target(inputs: LboInputs, target: float) -> None:
    if after_closing(inputs.timing, 0) < 0.25:  # over a few days a return says nothing
        inputs = replace(inputs, timing=replace(inputs.timing, fiscal_year_end=None))
    try:
        found = maximum_price(admit(inputs), target)
    except Infeasible:
        assume(False)
        raise
    assume(found.sponsor_equity > 0.01 and found.enterprise_value > 0.01)
    paid = replace(inputs.entry, ev_to_ebitda=None, enterprise_value=found.enterprise_value)
    again = value_lbo(replace(inputs, entry=paid)).valuation
    assert again.irr == pytest.approx(target, abs=1e-9)
    assert again.sponsor_equity == pytest.approx(found.sponsor_equity, rel=1e-9, abs=1e-7)


def test_no_price_returns_what_is_asked_of_a_firm_that_is_worth_nothing() -> None:
    inputs = admit(deal(equity=Equity(rollover=900.0)))
    with pytest.raises(Infeasible, match=r"No price returns 30\.0% a year"):
        maximum_price(inputs, 0.3)
    for wrong in (-0.01, 10.01, float("nan")):
        with pytest.raises(InvalidInput):
            maximum_price(inputs, wrong)


def test_a_firm_that_is_sold_after_a_stub_has_earned_for_the_stub() -> None:
    """From 1 July on: half of the year's 100, after 184 of 365 days."""
    timing = Timing(closing_date=date(2026, 6, 30), years=3, fiscal_year_end=date(2026, 12, 31))
    result = value_lbo(deal(timing=timing, exit=Exit(ev_to_ebitda=10.0, year=1))).valuation
    s = 184.0 / 365.0
    assert result.stub_share == pytest.approx(s)
    assert result.moic == pytest.approx(1.0 + 0.1 * s)
    assert result.irr == pytest.approx((1.0 + 0.1 * s) ** (1.0 / s) - 1.0)
    assert result.credit[0].leverage == 0.0


def test_the_exits_of_each_year_are_the_deals_typed_in_and_the_rows_of_the_grid() -> None:
    """A sale before the dividend knows nothing of it."""
    for inputs in (admit(structured()), *EVERYTHING):
        result, last = value_lbo(inputs).valuation, inputs.timing.years
        grid = exit_grid(admit(inputs), range(1, last + 1), np.array([inputs.exit.ev_to_ebitda]))
        assert [each.year for each in result.exits] == list(range(1, last + 1))
        assert [each.irr for each in result.exits] == grid.irr[:, 0].tolist()
        assert [each.moic for each in result.exits] == grid.moic[:, 0].tolist()
        for each in result.exits:
            again = inputs.recapitalisation
            typed = replace(
                inputs,
                exit=replace(inputs.exit, year=each.year),
                recapitalisation=again if again and again.year <= each.year else None,
            )
            if each.equity > 0.0:
                sold = value_lbo(typed).valuation
                assert (each.irr, each.moic) == (sold.irr, sold.moic)
                assert each.equity == sold.exit_equity
                owed = each.enterprise_value - sold.exit_costs - each.net_debt
                assert each.equity == pytest.approx(owed, abs=1e-8)


def test_each_owner_has_its_part_of_a_sale_in_any_year_and_at_any_multiple_by_hand() -> None:
    """1,000 in, a fifth of it rolled over, and 100 of cash a year; 200 of new debt, of which 180
    are paid out at the end of year 2. The pool has a tenth of what is above 1,000."""
    inputs = deal(
        equity=Equity(rollover=200.0, option_pool=0.1),
        recapitalisation=Recapitalisation(year=2, amount=200.0, fixed_rate=0.0, fee=0.1),
    )
    grid = exit_grid(admit(inputs), [3, 1], np.array([12.0, 10.0]))
    sponsor, rollover, pool = grid.holders
    assert (sponsor.name, rollover.name, pool.name) == ("SPONSOR", "ROLLOVER", "OPTION_POOL")
    assert (sponsor.invested, rollover.invested, pool.invested) == (800.0, 200.0, 0.0)
    # After year 3: 1,200 or 1,000 for the firm and 300 of cash, less 200 owed. After year 1: 100.
    equity = np.array([[1_300.0, 1_100.0], [1_300.0, 1_100.0]])
    assert pool.proceeds == pytest.approx(0.1 * (equity - 1_000.0))
    assert sponsor.proceeds == pytest.approx(np.array([[1_016.0, 872.0], [1_016.0, 872.0]]))
    assert rollover.proceeds == pytest.approx(np.array([[254.0, 218.0], [254.0, 218.0]]))
    assert sponsor.dividend == pytest.approx([144.0, 0.0])
    assert rollover.dividend == pytest.approx([36.0, 0.0])
    assert (pool.dividend.tolist(), pool.moic, pool.irr) == ([0.0, 0.0], None, None)
    assert sponsor.irr is not None
    assert sponsor.irr[1] == pytest.approx([0.27, 0.09])
    for each in (sponsor, rollover):
        assert each.moic == pytest.approx(np.array([[1.45, 1.27], [1.27, 1.09]]))
    year_3 = value_lbo(inputs).valuation.exits[2]
    told = [(each.proceeds, each.dividend) for each in year_3.holders]
    assert told == [
        (pytest.approx(872.0), pytest.approx(144.0)),
        (pytest.approx(218.0), pytest.approx(36.0)),
        (pytest.approx(10.0), 0.0),
    ]


@LAW
@with_everything
@given(deals())
def test_all_of_a_sale_goes_to_costs_lenders_and_holders_in_every_year_and_cell(
    inputs: LboInputs,
) -> None:
    """And each holder's part is what makes its return, whichever year and multiple it is."""
    result, timing = valued(inputs), inputs.timing
    base, sheet = inputs.exit.ev_to_ebitda, result.statements.balance_sheet
    years, multiples = range(timing.years, 0, -1), [0.4 * base, base, 1.5 * base]
    try:
        grid = exit_grid(admit(inputs), years, np.array(multiples))
    except Infeasible:  # over a few days a return may be beyond any number
        assume(False)
        raise
    sponsor = grid.holders[0]
    assert sponsor.irr is not None
    assert sponsor.moic is not None
    assert sponsor.irr.tolist() == grid.irr.tolist()
    assert sponsor.moic.tolist() == grid.moic.tolist()
    size = result.sources_and_uses.total
    for row, year in enumerate(years):
        sold = result.exits[year - 1]
        owed = sheet.debt[year] + sheet.preferred[year] - sheet.cash[year]
        for column, multiple in enumerate(multiples):
            price = sold.enterprise_value * multiple / base
            left = price - inputs.exit.costs * max(price, 0.0) - owed
            whole = sum(each.proceeds[row, column] for each in grid.holders)
            assert whole == pytest.approx(max(left, 0.0), rel=1e-9, abs=1e-9 * size)
        assert (sold.holders[0].moic, sold.holders[0].irr) == (sold.moic, sold.irr)
        assert [each.name for each in sold.holders] == [each.name for each in result.holders]
        for of_year, each in zip(sold.holders, grid.holders, strict=True):
            assert of_year.name == each.name
            assert of_year.invested == each.invested
            assert of_year.proceeds == each.proceeds[row, 1]
            assert of_year.dividend == each.dividend[row]
            if each.moic is None:
                assert (of_year.moic, of_year.irr, each.irr) == (None, None, None)
                continue
            assert each.irr is not None
            assert (of_year.moic, of_year.irr) == (each.moic[row, 1], each.irr[row, 1])
            received = each.proceeds[row] + each.dividend[row]
            assert each.moic[row] * each.invested == pytest.approx(received, abs=1e-9 * size)
    assert result.exits[result.exit_year - 1].holders == result.holders


def test_a_grid_of_exits_that_cannot_be_is_refused() -> None:
    inputs = admit(structured())
    for years, multiples in (([], [1.0]), ([4], [1.0]), ([0], [1.0]), ([1], [-1.0]), ([1], [])):
        with pytest.raises(InvalidInput):
            exit_grid(inputs, years, np.array(multiples))


def test_every_year_of_a_grid_that_is_not_in_the_forecast_is_named() -> None:
    """Of a forecast of three years, however many are asked for."""
    with pytest.raises(InvalidInput) as no:
        exit_grid(admit(structured()), [1, 2, 3, 4, 0, 3, -1], np.array([8.0, -1.0]))
    assert [problem.path for problem in no.value.problems] == [
        "years[3]",
        "years[4]",
        "years[6]",
        "multiples[1]",
    ]


@given(
    st.sampled_from(Measure),
    st.floats(0.1, 8.0),
    *(st.floats(low, high) for low, high in ((1.0, 200.0), (0.0, 30.0), (0.0, 20.0))),
    *(st.floats(low, high) for low, high in ((0.5, 50.0), (0.0, 40.0), (0.0, 20.0), (0.0, 900.0))),
    st.floats(0.1, 1.0),
)
def test_an_ebitda_that_is_lower_by_the_headroom_is_at_the_limit(
    measure: Measure,
    limit: float,
    ebitda: float,
    capex: float,
    tax: float,
    interest: float,
    due: float,
    dividends: float,
    debt: float,
    part: float,
) -> None:
    flows = Flows(
        fiscal_year_ebitda=ebitda / part,
        ebitda=ebitda,
        capital_expenditure=capex,
        tax=tax,
        cash_interest=interest,
        mandatory=due,
        cash_dividends=dividends,
        debt=debt + 100.0,
        cash=50.0,
        shortfall=0.0,
    )
    covenant = Covenant(measure=measure, limit=Schedule.explicit([limit]))
    (year,) = covenant_test(covenant, [credit_year(1, flows)], [flows]).years
    assert year.headroom is not None
    assert year.kept == (year.headroom >= 0.0) or abs(year.headroom) < 1e-12
    fallen = ebitda * (1.0 - year.headroom)
    assume(fallen > 1e-6)
    lower = replace(flows, fiscal_year_ebitda=fallen / part, ebitda=fallen)
    assert credit_year(1, lower).of(measure) == pytest.approx(limit, rel=1e-9)


def test_a_covenant_on_nothing_is_kept_and_one_on_a_loss_is_broken() -> None:
    covenants = tuple(Covenant(measure=each, limit=level(2.0)) for each in Measure)
    free = value_lbo(deal(covenants=covenants)).valuation
    assert [test.kept for test in free.covenants] == [True] * 4
    assert [test.years[0].actual for test in free.covenants] == [0.0, -1.0, None, None]
    losing = deal(
        covenants=covenants,
        operations=operations(ebitda_margin=Schedule.explicit([-0.01, 0.1, 0.1])),
        tranches=(term_loan(100.0, 0.1),),
        entry=Entry(ltm_ebitda=100.0, ev_to_ebitda=10.0, cash_at_closing=300.0),
    )
    tests = value_lbo(losing).valuation.covenants
    # Its cash repays the loan at the end of year 1, of which nothing is then owed.
    assert [test.years[0].kept for test in tests] == [True, True, False, False]
    assert [test.years[0].headroom for test in tests] == [None] * 4


def test_a_sale_before_the_recapitalisation_knows_nothing_of_it() -> None:
    with_it, without = (
        value_lbo(each).valuation.exits
        for each in (structured(), structured(recapitalisation=None))
    )
    assert with_it[0] == without[0]
    assert with_it[1].net_debt > without[1].net_debt
    grid = exit_grid(admit(structured()), [1], np.array([10.0]))
    assert (grid.irr[0, 0], grid.moic[0, 0]) == (without[0].irr, without[0].moic)


def test_money_five_times_over_after_a_day_has_its_rate_beside_an_ordinary_one() -> None:
    """5^365 is 1e255: a factor of a year that no number holds much longer, and a rate of 587."""
    paid, first, last = np.array([1e6, 1e6]), np.array([5e6, 1e6]), 1e6
    far, near = discount_rate(paid, first, 1.0 / 365.0, last, 5.0)
    assert far == pytest.approx(365.0 * math.log(5.0), rel=1e-12)
    assert near == discount_rate(1e6, 1e6, 1.0 / 365.0, last, 5.0)


@pytest.mark.parametrize("soon", [1 / 365, 12 / 365, 0.25])
@pytest.mark.parametrize("last", [0.0, 1e-9, 0.1023, 3.0, 1e6])
@pytest.mark.parametrize("first", [0.0, 1e-6, 20.0, 200.0, 5000.0])
def test_a_rate_discounts_what_came_soon_and_what_came_late_to_what_was_paid(
    first: float, last: float, soon: float
) -> None:
    """Brent's method finds the same rate on the worths themselves, in logarithms of 60 digits."""
    if first + last == 0.0:
        return
    found = float(discount_rate(500.0, first, soon, last, soon + 5.0))
    with mp.workdps(60):
        worth = mpf(first) * mp.exp(-found * soon) + mpf(last) * mp.exp(-found * (soon + 5.0))
        assert abs(worth / 500 - 1) <= 1e-12 * (1.0 + abs(found))
    among = discount_rate(
        np.array([500.0, 1.0]), np.array([first, 2.0]), soon, np.array([last, 1.0]), soon + 5.0
    )
    assert isinstance(among, np.ndarray)
    assert among[0] == found
