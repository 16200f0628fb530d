"""Twelve months that count for everybody: the days of fiscal years in them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.comparables import Calendarised, FiscalYear, Period, Stated
from tests.mirror.engine.comparables.firms import AS_OF, any_metrics, fiscal_years, months
from tests.mirror.engine.firms import LAW, numbers

DAYS = st.dates(date(2025, 6, 30), date(2027, 6, 29))


def shares(metrics: Calendarised, period: Period, day: date) -> dict[int, float]:
    return dict(metrics.weights(period, day))


@LAW
@given(DAYS, st.sampled_from(Period))
def test_the_shares_of_fiscal_years_in_twelve_months_add_up_to_one(
    day: date, period: Period
) -> None:
    found = shares(fiscal_years(1.0, 1.0, 1.0, 1.0, last=date(2028, 6, 30)), period, day)
    assert sum(found.values()) == 1.0
    assert all(0.0 < share <= 1.0 for share in found.values())


@LAW
@given(DAYS, numbers(0.01, 1e9), st.sampled_from(Period))
def test_a_firm_that_earns_the_same_every_year_earns_it_in_any_twelve_months(
    day: date, amount: float, period: Period
) -> None:
    metrics = fiscal_years(amount, amount, amount, amount, last=date(2028, 6, 30))
    assert metrics.of("ebitda", period, day) == pytest.approx(amount, rel=1e-15)


@LAW
@given(numbers(0.01, 1e9), numbers(0.01, 1e9), st.sampled_from(["revenue", "ebitda", "net_income"]))
def test_on_the_last_day_of_a_fiscal_year_the_twelve_months_are_fiscal_years_to_the_last_bit(
    last: float, coming: float, name: str
) -> None:
    metrics = fiscal_years(last, coming, last=AS_OF.replace(year=2027))
    first, second = metrics.fiscal_years
    assert metrics.of(name, Period.LTM, AS_OF) == getattr(first, name)
    assert metrics.of(name, Period.NTM, AS_OF) == getattr(second, name)


@LAW
@given(any_metrics(), DAYS)
def test_no_day_makes_twelve_months_of_what_no_fiscal_year_had(metrics: Stated, day: date) -> None:
    if not isinstance(metrics, Calendarised):
        return
    amounts = [year.ebitda for year in metrics.fiscal_years]
    for period in Period:
        found = metrics.of("ebitda", period, day)
        if found is not None:
            slack = 1e-12 * max(map(abs, amounts))
            assert min(amounts) - slack <= found <= max(amounts) + slack


@LAW
@given(DAYS)
def test_twelve_months_move_on_by_the_days_that_pass(day: date) -> None:
    # EBITDA of 365 more a year: of each day, as many days more as have passed since the first.
    metrics = fiscal_years(100.0, 465.0, 830.0, 1_195.0, last=date(2028, 6, 30))
    first = metrics.of("ebitda", Period.LTM, date(2025, 6, 30))
    found = metrics.of("ebitda", Period.LTM, day)
    gone = (day - date(2025, 6, 30)).days
    assert first == 100.0
    assert found == pytest.approx(100.0 + gone, abs=1.0)  # of 366 days in a leap year
    assert metrics.of("ebitda", Period.NTM, day) == pytest.approx(found + 365.0, abs=1.0)


def test_calendarised_by_hand() -> None:
    # 90 of 365 days of 2026 are gone on 31 March: 73/365 would be a fifth; 90/365 is 18/73.
    metrics = fiscal_years(730.0, 1_460.0, 2_190.0, last=date(2027, 12, 31))
    assert metrics.of("ebitda", Period.LTM, date(2026, 3, 31)) == pytest.approx(
        730.0 + 180.0, rel=1e-15
    )
    assert metrics.of("ebitda", Period.NTM, date(2026, 3, 31)) == pytest.approx(
        1_460.0 + 180.0, rel=1e-15
    )


def test_the_trades_rule_by_months_is_met_within_the_days_that_months_differ_by() -> None:
    # Fiscal year to 30 June; calendar 2026 is half of each (Rosenbaum and Pearl, ch. 1).
    metrics = fiscal_years(400.0, 500.0, 620.0, last=date(2027, 6, 30))
    calendar_2026 = 6.0 / 12.0 * 500.0 + 6.0 / 12.0 * 620.0
    found = metrics.of("ebitda", Period.LTM, date(2026, 12, 31))
    assert found == pytest.approx(calendar_2026, abs=120.0 * 2.0 / 365.0)


def test_a_fiscal_year_of_53_weeks_counts_its_own_days() -> None:
    ends = [date(2024, 9, 28), date(2025, 9, 27), date(2026, 10, 3)]
    years = tuple(
        FiscalYear(end=end, ebitda=each) for end, each in zip(ends, (10, 20, 40), strict=True)
    )
    metrics = Calendarised(fiscal_years=years)
    day = ends[1] + timedelta(days=53)
    assert shares(metrics, Period.LTM, day) == {1: 1.0 - 53 / 371, 2: 53 / 371}
    assert metrics.of("ebitda", Period.LTM, day) == pytest.approx(20 + 20 / 7)


def test_a_year_before_the_first_is_wanted_only_where_a_part_of_it_is() -> None:
    metrics = fiscal_years(10.0, 20.0, last=date(2027, 2, 28))
    assert metrics.of("ebitda", Period.LTM, date(2026, 2, 27)) is None
    assert metrics.of("ebitda", Period.NTM, date(2026, 2, 27)) is not None
    assert metrics.of("ebitda", Period.LTM, date(2026, 2, 28)) == 10.0
    assert metrics.of("ebitda", Period.NTM, date(2026, 2, 28)) == 20.0
    assert metrics.of("ebitda", Period.NTM, date(2026, 3, 1)) is None
    assert metrics.of("ebitda", Period.LTM, date(2027, 2, 28)) == 20.0
    assert metrics.of("ebitda", Period.LTM, date(2027, 3, 1)) is None


@pytest.mark.parametrize("day", [date(1, 1, 1), date(2020, 1, 1), date(2040, 1, 1), date.max])
@pytest.mark.parametrize("period", Period)
def test_far_from_what_was_given_there_is_nothing(day: date, period: Period) -> None:
    assert fiscal_years(10.0, 20.0, last=date(2027, 2, 28)).of("ebitda", period, day) is None
    leap = Calendarised(fiscal_years=(FiscalYear(end=date(2024, 2, 29), ebitda=1.0),))
    assert leap.of("ebitda", period, day) is None


def test_a_line_that_one_of_the_years_lacks_is_not_made_up() -> None:
    years = (FiscalYear(end=date(2025, 12, 31), ebit=5.0), FiscalYear(end=date(2026, 12, 31)))
    metrics = Calendarised(fiscal_years=years)
    assert metrics.of("ebit", Period.LTM, AS_OF) is None
    assert metrics.of("ebit", Period.LTM, date(2025, 12, 31)) == 5.0


def test_what_is_stated_is_taken_as_it_is() -> None:
    metrics = Stated(ltm=months(ebitda=7.0))
    assert metrics.of("ebitda", Period.LTM, AS_OF) == 7.0
    assert metrics.of("ebitda", Period.NTM, AS_OF) is None
