"""Two firms whose fiscal years end on different days."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.merger import (
    Financing,
    MergerInputs,
    MergerTiming,
    NewDebt,
    Statements,
    admit,
    value_merger,
)
from engine.schedules import Schedule
from tests.mirror.engine.merger.deals import LAW, bought, by_year, deal, numbers

END = date(2026, 12, 31)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
LINES = ("revenue", "ebitda", "depreciation", "interest")


def ends(days: int | None, years: int = 2) -> MergerTiming:
    """Year 1 of the target ends so many days before the acquirer's."""
    return MergerTiming(
        closing_date=date(2025, 12, 31),
        years=years,
        fiscal_year_end=END,
        target_fiscal_year_end=None if days is None else END - timedelta(days=days),
    )


def with_years(*, tax_rate: Schedule | None = None, **lines: list[float]) -> MergerInputs:
    columns: dict[str, Any] = {name: by_year(years) for name, years in lines.items()}
    rate = tax_rate or bought().statements.tax_rate
    return deal(
        target=bought(statements=Statements(**columns, tax_rate=rate)),
        financing=Financing(
            stock_share=0.5, refinanced=1.0, new_debt=NewDebt(rate=0.05, tenor=5.0)
        ),
    )


def test_a_year_of_the_acquirer_has_parts_of_two_of_the_targets() -> None:
    # 73 of 365 days: four fifths of the one year and a fifth of the next.
    inputs = with_years(
        revenue=[500.0, 600.0, 700.0],
        ebitda=[80.0, 100.0, 130.0],
        depreciation=[20.0, 25.0, 30.0],
        interest=[12.0, 12.0, 12.0],
    )
    result = value_merger(replace(inputs, timing=ends(73)))
    assert result.contribution.revenue.target == pytest.approx((520.0, 620.0))
    assert result.contribution.ebitda.target == pytest.approx((84.0, 106.0))
    assert result.contribution.net_income.target == pytest.approx(
        ((0.8 * 48.0 + 0.2 * 63.0) * 0.75, (0.8 * 63.0 + 0.2 * 88.0) * 0.75)
    )
    assert result.income_statement.revenue == pytest.approx((1520.0, 1620.0))
    assert result.offer.ev_to_ebitda == pytest.approx(result.enterprise_value / 84.0)


def test_each_part_is_taxed_at_the_rate_of_its_own_year() -> None:
    inputs = with_years(
        tax_rate=by_year([0.2, 0.3, 0.4]),
        revenue=[500.0] * 3,
        ebitda=[100.0] * 3,
        depreciation=[0.0] * 3,
        interest=[0.0] * 3,
    )
    result = value_merger(replace(inputs, timing=ends(73)))
    net = result.contribution.net_income.target
    assert net == pytest.approx((0.8 * 80.0 + 0.2 * 70.0, 0.8 * 70.0 + 0.2 * 60.0))
    # The return is on EBIT after the same tax; nothing is owed on it here.
    assert result.returns.nopat == pytest.approx(net)
    in_shares = Financing(stock_share=1.0, refinanced=0.0)
    together = value_merger(replace(inputs, timing=ends(73), financing=in_shares))
    assert together.income_statement.net_income == pytest.approx([90.0 + each for each in net])


def test_a_firm_that_earns_the_same_every_year_earns_it_in_any_twelve_months() -> None:
    plain = value_merger(deal(timing=ends(None)))
    for days in (1, 90, 364):
        other = value_merger(deal(timing=ends(days)))
        assert other.per_share.gaap == pytest.approx(plain.per_share.gaap, rel=1e-14)
        assert other.returns.nopat == pytest.approx(plain.returns.nopat, rel=1e-14)


def test_years_that_end_together_are_one_to_the_last_bit() -> None:
    one, other = value_merger(deal(timing=ends(None))), value_merger(deal(timing=ends(0)))
    assert one.per_share == other.per_share
    assert one.balance_sheets == other.balance_sheets


@LAW
@given(st.integers(1, 364), st.data())
def test_a_merger_is_the_one_of_statements_that_were_put_together_by_hand(
    days: int, data: st.DataObject
) -> None:
    columns = {
        name: data.draw(st.lists(numbers(5.0, 100.0), min_size=3, max_size=3)) for name in LINES
    }
    share = days / 365.0
    mixed = {
        name: [(1.0 - share) * now + share * then for now, then in pairwise(years)]
        for name, years in columns.items()
    }
    found = value_merger(replace(with_years(**columns), timing=ends(days)))
    by_hand = value_merger(replace(with_years(**mixed), timing=ends(None)))
    assert found.per_share.gaap == pytest.approx(by_hand.per_share.gaap, rel=1e-11, abs=1e-11)
    assert found.balance_sheets.cash == pytest.approx(by_hand.balance_sheets.cash, rel=1e-11)
    assert found.returns.roic == pytest.approx(by_hand.returns.roic, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    ("path", "timing"),
    [
        ("timing.target_fiscal_year_end", ends(-1)),
        ("timing.target_fiscal_year_end", ends(365)),
        ("timing.fiscal_year_end", replace(ends(30), fiscal_year_end=None)),
    ],
)
def test_years_that_do_not_fit_together_are_refused(path: str, timing: MergerTiming) -> None:
    with pytest.raises(InvalidInput) as refused:
        admit(deal(timing=timing))
    (problem,) = refused.value.problems
    assert problem.path == path
    if path == "timing.target_fiscal_year_end":
        first, last = (date.fromisoformat(day) for day in DAY.findall(problem.suggestion))
        assert (first, last) == (END - timedelta(days=364), END)
        for day in (first, last):
            admit(deal(timing=replace(timing, target_fiscal_year_end=day)))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    "timing",
    [
        ends(-1),
        ends(365),
        replace(ends(30), fiscal_year_end=None),
        replace(ends(30), fiscal_year_end=END + timedelta(days=31)),
    ],
)
def test_a_day_that_is_refused_brings_no_other_problem(timing: MergerTiming, count: int) -> None:
    """Such as how many years of the target are needed, which the day would say."""
    inputs = with_years(**{name: [10.0] * count for name in LINES})
    with pytest.raises(InvalidInput) as refused:
        admit(replace(inputs, timing=timing))
    (problem,) = refused.value.problems
    assert problem.path.endswith("fiscal_year_end")
    if timing.fiscal_year_end not in (None, END):
        days = [date.fromisoformat(day) for day in DAY.findall(problem.suggestion)]
        assert days == [timing.closing_date + timedelta(days=after) for after in (1, 366)]


def test_a_target_whose_years_end_earlier_needs_one_more() -> None:
    short = with_years(**{name: [10.0, 10.0] for name in LINES})
    with pytest.raises(InvalidInput) as refused:
        admit(replace(short, timing=ends(30)))
    (first, *_) = refused.value.problems
    assert first.path == "target.statements.revenue"
    assert first.suggestion.startswith("The target's years end before the acquirer's")
    assert "3 numbers" in first.suggestion
