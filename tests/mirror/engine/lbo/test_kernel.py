"""Laws of any buyout: money is conserved, books balance, and a batch is its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import Bridge, DcfInputs, Forecast, GivenWacc, Gordon, Shares
from engine.dcf import Timing as DcfTiming
from engine.dcf.inputs import admit as admit_dcf
from engine.dcf.kernel import worth
from engine.lbo import (
    InterestBasis,
    LboInputs,
    LboOutput,
    LboValuation,
    TrancheKind,
    kernel,
    lbo_question,
)
from engine.lbo.inputs import admit
from engine.lbo.kernel import Year, run
from engine.paths import numbers, replaced
from engine.scenarios import gradient
from engine.schedules import Schedule
from tests.mirror.engine.lbo.deals import LAW, deal, deals, revolver, term_loan
from tests.mirror.engine.lbo.rich_deals import with_everything
from tests.mirror.engine.lbo.soundness import after_closing, carried, valued

NEAR = 1e-9  # of a firm whose revenue is 1,000


def values(inputs: LboInputs) -> dict[str, Any]:
    """(*batch) every output; a return after a single day may be beyond any number."""
    with np.errstate(all="ignore"):
        return kernel.values(inputs)


@LAW
@with_everything
@given(deals())
def test_sources_are_uses(inputs: LboInputs) -> None:
    found = valued(inputs).sources_and_uses
    uses = (
        found.enterprise_value
        + found.transaction_fees
        + found.financing_fees
        + found.original_issue_discount
        + found.cash_to_balance_sheet
    )
    sources = sum(each.amount for each in found.tranches) + found.rollover + found.sponsor_equity
    assert uses == pytest.approx(sources, abs=NEAR)
    assert found.total == pytest.approx(sources, abs=NEAR)


@LAW
@with_everything
@given(deals())
def test_every_balance_sheet_balances(inputs: LboInputs) -> None:
    sheet = valued(inputs).statements.balance_sheet
    assert len(sheet.total_assets) == inputs.timing.years + 1
    assert sheet.total_assets == pytest.approx(sheet.total_claims, abs=1e-8)
    assets = zip(
        sheet.cash,
        sheet.working_capital,
        sheet.fixed_assets,
        sheet.goodwill,
        sheet.financing_costs,
        strict=True,
    )
    assert [sum(each) for each in assets] == pytest.approx(sheet.total_assets, abs=1e-8)


@LAW
@with_everything
@given(deals())
def test_cash_at_the_end_is_cash_at_the_start_and_what_came_and_went(inputs: LboInputs) -> None:
    flow = valued(inputs).statements.cash_flow
    stock = flow.stock_compensation or (0.0,) * len(flow.sweep)
    for t in range(inputs.timing.years):
        came = (
            flow.net_income[t]
            + flow.depreciation[t]
            + flow.amortisation_of_fees[t]
            + (0.0 if flow.fees_written_off is None else flow.fees_written_off[t])
            + flow.pik_interest[t]
            + stock[t]
            - flow.capital_expenditure[t]
            - flow.increase_in_working_capital[t]
            - flow.cash_preferred_dividends[t]
        )
        assert flow.cash_before_repayment[t] == pytest.approx(came, abs=1e-8)
        went = flow.mandatory_repayment[t] + flow.sweep[t] - flow.revolver_drawn[t]
        assert flow.change_in_cash[t] == pytest.approx(came - went, abs=1e-8)
        assert flow.closing_cash[t] == pytest.approx(flow.opening_cash[t] + came - went, abs=1e-8)


@LAW
@with_everything
@given(deals())
def test_no_debt_is_below_zero_and_no_revolver_above_its_commitment(inputs: LboInputs) -> None:
    result = valued(inputs)
    for schedule, tranche in zip(result.debt, inputs.tranches, strict=False):
        for t, closing in enumerate(schedule.closing):
            assert closing >= -NEAR
            moved = schedule.drawn[t] + schedule.paid_in_kind[t]
            repaid = schedule.mandatory[t] + schedule.sweep[t]
            assert closing == pytest.approx(schedule.opening[t] + moved - repaid, abs=NEAR)
            assert min(schedule.mandatory[t], schedule.sweep[t], schedule.drawn[t]) >= -NEAR
            if t + 1 >= tranche.tenor:
                assert closing == 0.0
        if tranche.kind is TrancheKind.REVOLVER:
            assert max(schedule.closing) <= tranche.commitment + NEAR


@LAW
@with_everything
@given(deals())
def test_what_no_revolver_lends_is_missing_from_the_cash(inputs: LboInputs) -> None:
    result = valued(inputs)
    minimum = inputs.cash.minimum
    for t, year in enumerate(result.credit):
        cash = result.statements.balance_sheet.cash[t + 1]
        assert year.shortfall == pytest.approx(max(0.0, minimum - cash), abs=1e-8)
        # In their order: the next one lends when the one before has nothing left to lend.
        needed = year.shortfall > 1e-6
        for schedule, tranche in reversed(list(zip(result.debt, inputs.tranches, strict=False))):
            if tranche.kind is TrancheKind.REVOLVER and t + 1 < tranche.tenor:
                if needed:
                    assert schedule.closing[t] == pytest.approx(tranche.commitment, abs=NEAR)
                needed = needed or schedule.drawn[t] > 1e-6


@LAW
@with_everything
@given(deals())
def test_average_interest_is_that_of_the_mean_balance(inputs: LboInputs) -> None:
    """The fixed point, seen from outside: interest follows from the printed schedule."""
    opening = valued(replace(inputs, interest=InterestBasis.OPENING)).statements
    assert opening.income.interest_income == pytest.approx(
        [
            inputs.cash.interest_rate * after_closing(inputs.timing, t) * cash
            for t, cash in enumerate(opening.cash_flow.opening_cash)
        ]
    )
    inputs = replace(inputs, interest=InterestBasis.AVERAGE)
    result = valued(inputs)
    for t in range(inputs.timing.years):
        part = after_closing(inputs.timing, t)
        # The debt of a recapitalisation, which has no kind, is lent on the last day of its year.
        paid = sum(
            each.rate[t]
            * part
            * (each.opening[t] + (each.closing if each.kind else each.opening)[t])
            / 2.0
            for each in result.debt
            if each.kind is not TrancheKind.PREFERRED
        )
        assert result.statements.income.cash_interest[t] == pytest.approx(paid, abs=1e-8)
        cash = result.statements.balance_sheet.cash
        earned = inputs.cash.interest_rate * part * (cash[t] + cash[t + 1]) / 2.0
        assert result.statements.income.interest_income[t] == pytest.approx(earned, abs=1e-8)
    assert result.circularity is not None
    assert [year.year for year in result.circularity] == list(range(1, inputs.timing.years + 1))
    for t, year in enumerate(result.circularity):
        # Half of the dearest rate that a unit of cash can save or cost in the year.
        rates = [inputs.cash.interest_rate]
        for each, told in zip(inputs.tranches, result.debt, strict=False):
            swept = each.kind is TrancheKind.TERM_LOAN if each.swept is None else each.swept
            if t + 1 < each.tenor and each.kind is TrancheKind.REVOLVER:
                rates.append(told.rate[t] - (each.undrawn_fee or 0.0))
            elif t + 1 != each.tenor and swept and each.kind is not TrancheKind.REVOLVER:
                rates.append(told.rate[t])
        steepest = max(map(abs, rates)) * after_closing(inputs.timing, t) / 2.0
        steepest = max(steepest, *by_what_is_prepaid(inputs, result, t))
        assert year.contraction == pytest.approx(steepest, abs=1e-12)
        assert year.contraction < 1.0
        assert year.residual <= 1e-12
        assert year.iterations <= 12


def by_what_is_prepaid(inputs: LboInputs, told: LboValuation, t: int) -> list[float]:
    """Of each tranche that the sweep may repay: the tax that a unit of it saves, by its costs that
    go with it, and the interest after that tax.
    """
    found, tax = [0.0], inputs.operations.tax_rate.years()[t]
    for each, schedule, rows in zip(
        inputs.tranches, told.debt, carried(inputs, told), strict=False
    ):
        row = rows[t]
        saves = each.kind not in (TrancheKind.REVOLVER, TrancheKind.PREFERRED)
        goes = inputs.write_off_fees_on_prepayment and saves
        swept = each.kind is TrancheKind.TERM_LOAN if each.swept is None else each.swept
        if goes and swept and row.owed > 0.0 and t + 1 != each.tenor:
            rate = abs(schedule.rate[t]) * after_closing(inputs.timing, t) / 2.0
            average = inputs.interest is InterestBasis.AVERAGE
            found.append((rate * (1.0 - tax) if average else 0.0) + tax * row.before / row.owed)
    return found


@LAW
@given(deals(rates=False))
def test_where_nothing_bears_interest_it_does_not_matter_on_which_balance(
    inputs: LboInputs,
) -> None:
    opening, average = (replace(inputs, interest=each) for each in InterestBasis)
    one, other = values(admit(opening)), values(admit(average))
    for name, value in one.items():
        assert other[name] == pytest.approx(value, rel=1e-9, abs=1e-9)


@LAW
@with_everything
@given(deals())
def test_before_financing_the_cash_flow_is_that_of_a_dcf(inputs: LboInputs) -> None:
    years: list[Year] = []
    admitted = admit(inputs)
    run(admitted, inputs.timing.years, years)
    timing = inputs.timing
    firm = DcfInputs(
        timing=DcfTiming(
            valuation_date=timing.closing_date,
            years=timing.years,
            fiscal_year_end=timing.fiscal_year_end,
        ),
        operations=inputs.operations,
        capital=GivenWacc(wacc=0.1),
        terminal=Gordon(growth=0.0),
        bridge=Bridge(debt=0.0, cash=0.0),
        shares=Shares(diluted=1.0),
    )
    forecast = Forecast()
    worth(admit_dcf(firm), forecast)
    rates = admitted.operations.tax_rate.years()
    for t, (year, rate) in enumerate(zip(years, rates, strict=True)):
        ebit = year.business.ebit
        free = ebit - rate * max(ebit, 0.0) + year.business.other
        assert free == pytest.approx(
            forecast.free_cash_flow[t] * after_closing(timing, t), abs=1e-9
        )
        assert year.business.ebitda == pytest.approx(forecast.ebitda[t], abs=1e-9)


@LAW
@with_everything
@given(deals())
def test_each_part_of_the_gain_is_its_own_and_together_they_are_the_gain(inputs: LboInputs) -> None:
    result, n = valued(inputs), inputs.exit.year or inputs.timing.years
    found, funds, sheet = (
        result.value_creation,
        result.sources_and_uses,
        result.statements.balance_sheet,
    )
    ltm = inputs.entry.ltm_ebitda
    last = result.statements.income.ebitda[n - 1] / after_closing(inputs.timing, n - 1)
    paid, sold = funds.enterprise_value / ltm, inputs.exit.ev_to_ebitda
    assert found.ebitda_growth == pytest.approx((last - ltm) * paid, abs=1e-8)
    assert found.multiple_expansion == pytest.approx((sold - paid) * ltm, abs=1e-8)
    assert found.cross == pytest.approx((last - ltm) * (sold - paid), abs=1e-8)
    again = inputs.recapitalisation
    borrowed = float(again.amount or 0.0) if again is not None and again.year <= n else 0.0
    owed = [sheet.debt[t] + sheet.preferred[t] - sheet.cash[t] for t in (0, n)]
    assert found.net_debt == pytest.approx(owed[0] - owed[1] + borrowed, abs=1e-8)
    costs = (
        *(funds.transaction_fees, funds.financing_fees, funds.original_issue_discount),
        *(inputs.exit.costs * sold * max(last, 0.0), borrowed * (again.fee if again else 0.0)),
    )
    assert found.fees == pytest.approx(-sum(costs), abs=1e-8)
    parts = (
        *(found.ebitda_growth, found.multiple_expansion, found.cross, found.net_debt, found.fees),
        found.claims_not_covered or 0.0,
    )
    assert found.total == pytest.approx(sum(parts), abs=1e-8)
    received = sum(each.dividend + each.proceeds for each in result.holders)
    invested = sum(each.invested for each in result.holders)
    assert found.total == pytest.approx(received - invested, abs=1e-8)
    missing = owed[1] - sold * (last - inputs.exit.costs * max(last, 0.0))
    told = found.claims_not_covered
    assert (told is None and missing <= 1e-8) or told == pytest.approx(missing, abs=1e-8)


@LAW
@given(deals(), st.data())
def test_a_batch_is_its_rows_to_the_bit(inputs: LboInputs, data: st.DataObject) -> None:
    admitted = admit(inputs)
    moved = data.draw(st.lists(st.sampled_from(sorted(numbers(admitted))), min_size=1, max_size=5))
    factor = np.array([1.0, 0.97, 1.01, 0.9, 1.0, 0.5])
    changes: dict[str, Any] = {}
    for path in set(moved):
        own = numbers(admitted)[path]
        changes[path] = (factor - 1.0) / 50.0 if isinstance(own, Schedule) else own * factor
    together = values(replaced(admitted, changes))
    for row in range(factor.size):
        alone = values(replaced(admitted, {p: float(each[row]) for p, each in changes.items()}))
        for name, value in alone.items():
            batch = np.broadcast_to(together[name], factor.shape)[row]
            assert batch == value or (np.isnan(batch) and np.isnan(value)), (name, row)


@LAW
@with_everything
@given(deals())
def test_a_gradient_is_the_slope_that_small_steps_find(inputs: LboInputs) -> None:
    """Complex steps go through the fixed point; the secant of a small step goes there by itself."""
    admitted = admit(inputs)
    question = lbo_question(admitted, LboOutput.EXIT_EQUITY, admitted)
    table = numbers(admitted)
    slopes = gradient(question)
    for path, own in table.items():
        h = 1e-5 * (1.0 if isinstance(own, Schedule) else max(abs(own), 1.0))
        at = 0.0 if isinstance(own, Schedule) else own
        low, mid, high = (
            float(question.worth(replaced(admitted, {path: at + step}))) for step in (-h, 0.0, h)
        )
        if abs((high - mid) - (mid - low)) > 1e-4 * abs(high - low) + 1e-7:
            continue  # a kink, where either side is right
        assert slopes[path] == pytest.approx((high - low) / (2.0 * h), rel=1e-3, abs=2e-2), path


def test_a_gradient_through_the_fixed_point_is_that_of_a_closed_form() -> None:
    """One year, one loan on average interest, tax t: X = B - (E - i)(1 - t), i = r (B + X) / 2."""
    b, e, t, r = 500.0, 100.0, 0.25, 0.08
    inputs = deal(
        timing=replace(deal().timing, years=1),
        operations=replace(deal().operations, tax_rate=Schedule.constant(t)),
        tranches=(term_loan(b, r),),
        interest=InterestBasis.AVERAGE,
    )
    k = 1.0 - t
    # X (1 - k r / 2) = B (1 + k r / 2) - E k
    closing = (b * (1.0 + k * r / 2.0) - e * k) / (1.0 - k * r / 2.0)
    slope = (b * k / 2.0 + closing * k / 2.0) / (1.0 - k * r / 2.0)
    question = lbo_question(inputs, LboOutput.EXIT_EQUITY)
    assert float(question.worth(question.inputs)) == pytest.approx(1_000.0 - closing, rel=1e-14)
    found = gradient(question, ["tranches[0].fixed_rate", "tranches[0].amount"])
    assert found["tranches[0].fixed_rate"] == pytest.approx(-slope, rel=1e-13)
    assert found["tranches[0].amount"] == pytest.approx(
        -(1.0 + k * r / 2.0) / (1.0 - k * r / 2.0), rel=1e-13
    )


@pytest.mark.parametrize("interest", InterestBasis)
def test_where_there_is_no_cash_and_nothing_to_lend_a_unit_more_is_kept_at_no_interest(
    interest: InterestBasis,
) -> None:
    """Two years of nothing, and a revolver of nothing at 12.5 %: a unit of EBITDA a year is three
    at the exit, and ten for the price, whichever way it goes.
    """
    idle = replace(deal().operations, ebitda_margin=Schedule.explicit([0.0, 0.0, 0.1]))
    inputs = deal(operations=idle, tranches=(revolver(0.0, 0.125),), interest=interest)
    question = lbo_question(inputs, LboOutput.EXIT_EQUITY)
    found = gradient(question, ["operations.ebitda_margin"])["operations.ebitda_margin"]
    assert found == pytest.approx(13_000.0, rel=1e-13)


def test_a_wiped_out_scenario_of_a_batch_has_lost_all_and_no_more() -> None:
    question = lbo_question(deal(tranches=(term_loan(700.0, 0.1),)), LboOutput.IRR)
    found = values(replaced(question.inputs, {"exit.ev_to_ebitda": np.array([1.0, 10.0])}))
    assert found["MOIC"][0] == 0.0
    assert found["IRR"][0] == -1.0
    assert found["EXIT_EQUITY"][0] == 0.0
    assert found["IRR"][1] > 0.0


def test_a_revolver_is_not_drawn_in_the_year_in_which_it_is_due() -> None:
    """A loan of 90 is due in year 2 out of nothing; the revolver is due then as well."""
    idle = replace(deal().operations, ebitda_margin=Schedule.constant(0.0))
    loan = term_loan(90.0, tenor=2, swept=False)
    inputs = deal(operations=idle, tranches=(revolver(100.0, tenor=2), loan))
    years: list[Year] = []
    run(admit(inputs), 3, years)
    assert [year.debt.shortfall for year in years] == [0.0, 90.0, 90.0]
    inputs = deal(operations=idle, tranches=(revolver(100.0, tenor=3), loan))
    years = []
    run(admit(inputs), 3, years)
    assert [year.debt.shortfall for year in years] == [0.0, 0.0, 90.0]
    assert [year.tranches[0].closing for year in years] == [0.0, 90.0, 0.0]


def test_the_slope_of_a_return_is_that_of_a_closed_form_and_of_nothing_it_is_zero() -> None:
    """(1 / T) MOIC^(1 / T - 1) EBITDA / sponsor; whoever is wiped out loses no more by a bit."""
    loan = deal(tranches=(term_loan(600.0, 0.1),))
    question = lbo_question(loan, LboOutput.IRR)
    found = gradient(question, ["exit.ev_to_ebitda"])["exit.ev_to_ebitda"]
    by_hand = (532.4 / 400.0) ** (1.0 / 3.0 - 1.0) / 3.0 * 100.0 / 400.0
    assert found == pytest.approx(by_hand, rel=1e-13)
    lost = lbo_question(replace(loan, exit=replace(loan.exit, ev_to_ebitda=1.0)), LboOutput.IRR)
    assert lost.worth(lost.inputs) == -1.0
    assert set(gradient(lost).values()) == {0.0}


def test_a_scenario_that_has_arrived_waits_for_the_slow_ones_without_moving_a_bit() -> None:
    """Debt at 190 % takes many steps, cheaper debt fewer, ordinary debt two: each then stands."""
    inputs = deal(
        tranches=(revolver(200.0, 0.06), term_loan(350.0, None, spread=0.04)),
        base_rate=Schedule.constant(0.03),
        interest=InterestBasis.AVERAGE,
        operations=replace(
            deal().operations,
            tax_rate=Schedule.constant(0.27),
        ),
    )
    question = lbo_question(inputs, LboOutput.IRR)
    rates = np.array([*np.linspace(0.0, 0.11, 40), *np.linspace(0.2, 1.0, 20)])
    spreads = np.array([*np.linspace(0.01, 0.05, 40), *[0.9] * 20])
    changes = {f"base_rate[{t}]": rates for t in range(3)} | {
        "tranches[1].spread": spreads,
        "operations.ebitda_margin": np.array([*np.linspace(0.0, 0.03, 40), *[0.65] * 20]),
    }
    together = question.values(replaced(question.inputs, dict(changes)))
    years: list[Year] = []
    run(replaced(question.inputs, dict(changes)), 1, years)
    assert years[0].debt.certificate is not None
    assert years[0].debt.certificate.iterations > 20
    for row in range(rates.size):
        one = {path: float(each[row]) for path, each in changes.items()}
        alone = question.values(replaced(question.inputs, dict(one)))
        assert {name: together[name][row] for name in ("IRR", "MOIC", "EXIT_EQUITY")} == {
            name: alone[name] for name in ("IRR", "MOIC", "EXIT_EQUITY")
        }
