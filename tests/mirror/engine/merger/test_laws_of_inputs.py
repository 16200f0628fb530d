"""Laws of single inputs of a merger: other words for the same deal, and a little more of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.firm.equity import Shares
from engine.merger import (
    Collar,
    EarnOut,
    Financing,
    FixedRatio,
    FloatingRatio,
    MergerInputs,
    MergerResult,
    MergerTiming,
    NewDebt,
    Offer,
    Synergies,
    value_merger,
)
from engine.schedules import Schedule
from tests.mirror.engine.merger.deals import (
    CLOSING,
    books,
    bought,
    buyer,
    by_year,
    deal,
    deals,
    followed,
    level,
    near,
    numbers,
)

LAW = settings(deadline=None, max_examples=25)
FEW = settings(deadline=None, max_examples=8)  # a deal is drawn slowly, and has all in it
WHO = st.sampled_from(["acquirer", "target"])


def same(one: MergerResult, other: MergerResult) -> None:
    """Who owns what, what it earns, and what was paid for what."""
    shares = one.holders.shares
    assert other.acquirer_ownership == near(one.acquirer_ownership, 1.0)
    assert other.goodwill == near(one.goodwill, 10.0 * abs(one.offer.equity_price))
    for year, gaap in enumerate(one.per_share.gaap):
        size = 10.0 * abs(one.income_statement.ebitda[year]) / shares
        assert other.per_share.gaap[year] == near(gaap, size + abs(gaap))


@FEW
@given(deals())
def test_an_offer_in_other_words_is_the_same_deal(inputs: MergerInputs) -> None:
    result = followed(inputs)
    terms, own = result.offer, inputs.acquirer.share_price
    mixed = replace(inputs.financing, stock_share=terms.stock_share)
    words = [Offer(price=terms.price), Offer(premium=terms.price / inputs.target.share_price - 1.0)]
    for offer in words:
        there = followed(replace(inputs, offer=offer, financing=mixed))
        assert there.offer.premium == near(terms.premium, 1.0)
        same(result, there)
    assume(terms.stock_per_share > 1e-6)
    ratio = terms.stock_per_share / own
    ratios = (
        FixedRatio(ratio=ratio),
        FloatingRatio(value=terms.stock_per_share),
        Collar(ratio=ratio, low_price=0.9 * own, high_price=1.1 * own),
    )
    for each in ratios:
        offer = Offer(exchange_ratio=each, cash_per_share=terms.cash_per_share)
        by_ratio = replace(inputs.financing, stock_share=None)
        same(result, followed(replace(inputs, offer=offer, financing=by_ratio)))


@FEW
@given(deals(), WHO, numbers(20.0, 500.0), numbers(0.0, 20.0))
def test_a_share_is_a_share_by_whatever_name(
    inputs: MergerInputs, who: str, count: float, restricted: float
) -> None:
    one, *others = (
        followed(replace(inputs, **{who: replace(getattr(inputs, who), shares=shares)}))
        for shares in (
            Shares(diluted=count + restricted),
            Shares(basic=count + restricted),
            Shares(basic=count, restricted_stock=restricted),
        )
    )
    for other in others:
        same(one, other)
        assert other.value_created == near(one.value_created, one.offer.equity_price)
    held = one.holders.acquirer_shares if who == "acquirer" else one.offer.diluted_shares
    assert held == near(count + restricted)


def more(inputs: MergerInputs, who: str, line: str, amount: float) -> MergerInputs:
    """So much more in a line of a firm's statements, in every year."""
    party = getattr(inputs, who)
    given: Schedule | None = getattr(party.statements, line)
    if given is None:
        given = (
            level(0.0) if line == "increase_in_working_capital" else party.statements.depreciation
        )
    years = given.by_year or (given.level,) * inputs.timing.years
    statements = replace(party.statements, **{line: by_year([each + amount for each in years])})
    return replace(inputs, **{who: replace(party, statements=statements)})


@FEW
@given(deals(), WHO, numbers(1.0, 200.0))
def test_what_either_sells_more_is_sold_by_both_and_is_no_profit(
    inputs: MergerInputs, who: str, amount: float
) -> None:
    one, other = followed(inputs), followed(more(inputs, who, "revenue", amount))
    assert other.per_share.gaap == one.per_share.gaap
    for year, sold in enumerate(one.income_statement.revenue):
        part = inputs.timing.stub if year == 0 else 1.0
        assert other.income_statement.revenue[year] == near(sold + part * amount, sold)
        brought = getattr(one.contribution.revenue, who)[year]
        assert getattr(other.contribution.revenue, who)[year] == near(brought + amount)


@FEW
@given(deals(), WHO, numbers(0.5, 50.0))
def test_what_is_invested_is_in_the_books_and_in_no_earnings(
    inputs: MergerInputs, who: str, amount: float
) -> None:
    one = followed(inputs)
    for line, asset in (
        ("capital_expenditure", "fixed_assets"),
        ("increase_in_working_capital", "working_capital"),
    ):
        other = followed(more(inputs, who, line, amount))
        assert other.per_share == one.per_share
        gone = 0.0
        for year in range(inputs.timing.years):
            gone += amount * (inputs.timing.stub if year == 0 else 1.0)
            size = 1e4 + abs(one.balance_sheets.cash[year])
            for name, sign in (("cash", -1.0), (asset, 1.0)):
                before = getattr(one.balance_sheets, name)[year]
                after = getattr(other.balance_sheets, name)[year]
                assert after - before == near(sign * gone, size)


@FEW
@given(deals(), numbers(0.02, 0.12), numbers(0.0, 1.0), numbers(0.0, 1.0), numbers(0.0, 1.0))
def test_money_at_one_price_earns_the_same_wherever_it_comes_from(
    inputs: MergerInputs, rate: float, mix: float, refinanced: float, used: float
) -> None:
    """New debt without a fee, cash, and debt that is kept: each costs the rate."""
    there = inputs.acquirer.balance.cash + inputs.target.balance.cash
    lent = NewDebt(rate=rate, tenor=20.0)
    plain = Financing(
        stock_share=mix, lost_yield=rate, new_debt=lent, refinanced=0.0, target_debt_rate=rate
    )
    other = replace(plain, refinanced=refinanced, balance_sheet_cash=used * there)
    offer = Offer(price=1.5 * inputs.target.share_price)
    one, two = (followed(replace(inputs, offer=offer, financing=each)) for each in (plain, other))
    same(one, two)
    owed = one.closing.target.debt
    repaid = one.closing.pro_forma.debt - two.closing.pro_forma.debt
    assert repaid == near(refinanced * owed, 1e3)


@FEW
@given(deals(), numbers(0.0, 60.0), numbers(0.0, 60.0), numbers(0.0, 1.0), st.data())
def test_synergies_in_other_words_are_the_same_deal(
    inputs: MergerInputs, cost: float, revenue: float, through: float, data: st.DataObject
) -> None:
    """Revenue counts by what flows through, what is in place by its share, and costs are costs."""
    years = inputs.timing.years
    column = st.lists(numbers(0.0, 1.0), min_size=years, max_size=years)
    phased, spent = data.draw(column), [30.0 * each for each in data.draw(column)]
    full = [part * (cost + through * revenue) for part in phased]
    words = (
        Synergies(
            cost=level(cost),
            revenue=level(revenue),
            flow_through=through,
            phase_in=by_year(phased),
            costs_to_achieve=by_year(spent),
        ),
        Synergies(cost=by_year(full), costs_to_achieve=by_year(spent)),
        Synergies(cost=by_year([one - other for one, other in zip(full, spent, strict=True)])),
    )
    one, *others = (followed(replace(inputs, synergies=each)) for each in words)
    for other in others:
        same(one, other)
        worth = other.value_creation.synergies
        assert worth == near(one.value_creation.synergies, 1e3)
    assert others[1].income_statement.costs_to_achieve == (0.0,) * years


@LAW
@given(
    numbers(0.05, 0.15),
    numbers(-0.05, 0.03),
    numbers(1.0, 50.0),
    st.integers(1, 9),
    st.none() | st.integers(1, 366),
)
def test_a_longer_forecast_of_synergies_that_grow_on_is_worth_the_same(
    wacc: float, growth: float, saved: float, years: int, days: int | None
) -> None:
    end = None if days is None else CLOSING + timedelta(days=days)

    def worth(span: int) -> float:
        column = [saved * (1.0 + growth) ** max(year - years + 1, 0) for year in range(span)]
        timing = MergerTiming(closing_date=CLOSING, years=span, fiscal_year_end=end)
        joined = Synergies(cost=by_year(column), growth=growth)
        return value_merger(
            deal(timing=timing, wacc=wacc, synergies=joined)
        ).value_creation.synergies

    assert worth(10) == pytest.approx(worth(years), rel=1e-12)


@LAW
@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(1, 366))
def test_year_one_counts_by_its_days_after_the_closing(closing: date, days: int) -> None:
    whole = MergerTiming(closing_date=closing, years=2)
    part = replace(whole, fiscal_year_end=closing + timedelta(days=days))
    joined = Synergies(cost=level(20.0))
    one, other = (value_merger(deal(timing=each, synergies=joined)) for each in (whole, part))
    share = min(days, 365)
    for name in ("revenue", "ebitda", "interest", "net_income"):
        year, its = (getattr(each.income_statement, name) for each in (one, other))
        assert its[0] * 365.0 == near(year[0] * share)
        assert its[1] == year[1]
    assert other.per_share.accretion[0] == near(one.per_share.accretion[0], 1.0)


@LAW
@given(st.integers(1, 9), st.integers(1, 9))
def test_a_longer_forecast_begins_with_the_shorter_one(years: int, longer: int) -> None:
    assume(years < longer)
    one, other = (
        value_merger(
            deal(
                timing=MergerTiming(closing_date=CLOSING, years=span),
                synergies=Synergies(cost=level(20.0)),
                financing=Financing(stock_share=0.5, new_debt=NewDebt(rate=0.06, tenor=4.0)),
            )
        )
        for span in (years, longer)
    )
    for group in ("income_statement", "cash_flow", "balance_sheets", "per_share"):
        short, long = getattr(one, group), getattr(other, group)
        for name in type(short).__slots__:
            assert len(getattr(short, name)) == years
            assert getattr(short, name) == getattr(long, name)[:years]


@FEW
@given(deals())
def test_new_debt_is_repaid_once_and_costs_interest_while_it_is_owed(inputs: MergerInputs) -> None:
    result = followed(inputs)
    lent = inputs.financing.new_debt
    assert lent is not None
    owed = result.new_debt
    for year, repaid in enumerate(result.cash_flow.new_debt_repaid):
        part = inputs.timing.stub if year == 0 else 1.0
        interest = result.income_statement.new_interest[year]
        assert interest == near(owed * lent.rate * part, result.new_debt)
        due = 0.0 if lent.amortisation is None else lent.amortisation.level * part * result.new_debt
        over = lent.tenor <= inputs.timing.stub + year
        assert repaid == near(owed if over else min(due, owed), result.new_debt)
        owed -= repaid
        assert result.balance_sheets.new_debt[year] == near(owed, result.new_debt)


@LAW
@given(numbers(0.0, 0.3), numbers(0.0, 1.0), st.integers(2, 5), st.integers(1, 366))
def test_an_earn_out_grows_at_its_rate_until_it_is_paid(
    rate: float, probability: float, year: int, days: int
) -> None:
    promised = EarnOut(amount=50.0, year=year, probability=probability, discount_rate=rate)
    timing = MergerTiming(
        closing_date=CLOSING, years=5, fiscal_year_end=CLOSING + timedelta(days=days)
    )
    result = value_merger(deal(timing=timing, earn_out=promised))
    owed, charged = result.balance_sheets.earn_out, result.income_statement.earn_out_charge
    for later in range(1, year - 1):
        assert owed[later] == near(owed[later - 1] * (1.0 + rate))
        assert charged[later] == near(owed[later - 1] * rate, 50.0)
    assert charged[year - 1] == near(owed[year - 2] * rate, 50.0)
    first = result.offer.earn_out * (1.0 + rate) ** timing.stub
    assert owed[0] == pytest.approx(first, rel=1e-12)


@FEW
@given(deals())
def test_write_ups_are_in_gaap_earnings_and_in_no_cash_earnings(inputs: MergerInputs) -> None:
    result, without = followed(inputs), followed(replace(inputs, allocation=None))
    size = 10.0 * max(map(abs, result.income_statement.ebitda)) / result.holders.shares
    assert result.per_share.cash == near(without.per_share.cash, size)
    for year, charged in enumerate(result.income_statement.fee_amortisation):
        rate = inputs.acquirer.statements.tax_rate.level
        gap = without.per_share.cash[year] - without.per_share.gaap[year]
        kept = charged * (1.0 - rate) + result.income_statement.earn_out_charge[year]
        assert gap == near(kept / result.holders.shares, size)


@FEW
@given(deals(), numbers(1.0, 80.0))
def test_debt_that_comes_with_the_target_is_part_of_what_it_costs(
    inputs: MergerInputs, amount: float
) -> None:
    """At the same offer; and cash that comes with it is so much less."""
    one, its = followed(inputs), inputs.target.balance
    for name, sign in (("debt", 1.0), ("cash", -1.0)):
        balance = replace(its, **{name: getattr(its, name) + amount})
        other = followed(replace(inputs, target=replace(inputs.target, balance=balance)))
        assert other.offer.equity_price == one.offer.equity_price
        assert other.enterprise_value == near(one.enterprise_value + sign * amount, 1e3)
        assert other.goodwill == near(one.goodwill + sign * amount, 1e3)


@FEW
@given(deals())
def test_what_both_bring_is_shared_without_a_rest_whoever_buys(inputs: MergerInputs) -> None:
    """Were the target to buy the acquirer, each would bring what it brings now."""
    swapped = replace(
        inputs,
        acquirer=inputs.target,
        target=inputs.acquirer,
        offer=Offer(premium=9.0),  # of the books whatever they hold
        financing=Financing(stock_share=1.0, refinanced=0.0),
        allocation=None,
        earn_out=None,
        fees=None,
    )
    one, other = followed(inputs).contribution, followed(swapped).contribution
    assert one.equity_value is not None
    assert other.equity_value == near(1.0 - one.equity_value, 1.0)
    for name in ("revenue", "ebitda", "ebit", "net_income"):
        here, there = getattr(one, name), getattr(other, name)
        assert (here.acquirer, here.target) == (there.target, there.acquirer)
        for column in ("target_share", "implied_ownership"):
            for part, rest in zip(getattr(here, column), getattr(there, column), strict=True):
                assert (part is None) == (rest is None)
                assert part is None or part + rest == near(1.0, 100.0)


@FEW
@given(deals())
def test_leverage_is_of_the_debt_and_the_earnings_in_the_books(inputs: MergerInputs) -> None:
    result = followed(inputs)
    told, opening, lines = result.leverage, result.closing.pro_forma, result.income_statement
    before = result.contribution.ebitda.acquirer[0] + result.contribution.ebitda.target[0]
    owed = opening.debt + opening.new_debt
    assert told.at_closing is not None
    assert told.net_at_closing is not None
    assert told.at_closing * before == near(owed)
    assert told.net_at_closing * before == near(owed - opening.cash, owed + 1e3)
    sheets = result.balance_sheets
    for year, ebitda in enumerate(lines.ebitda):
        owed, part = sheets.debt[year] + sheets.new_debt[year], inputs.timing.share(year)
        assert told.debt_to_ebitda[year] * ebitda / part == near(owed, 1e3)
        size = abs(sheets.cash[year]) + 1e3
        assert told.net_debt_to_ebitda[year] * ebitda / part == near(owed - sheets.cash[year], size)
        paid = lines.interest[year] + lines.new_interest[year]
        cover = told.interest_cover[year]
        assert (cover is None) == (paid <= 0.0)
        assert cover is None or cover * paid == near(ebitda)


@LAW
@given(numbers(0.05, 0.15), numbers(80.0, 300.0), numbers(0.0, 0.5), numbers(0.0, 40.0))
def test_a_price_of_earnings_for_ever_at_the_cost_of_capital_earns_just_that(
    wacc: float, ebitda: float, tax: float, saved: float
) -> None:
    """The target's at its own tax rate, the synergies' at the acquirer's of a quarter."""
    nopat = (ebitda - 20.0) * (1.0 - tax) + 0.75 * saved
    statements = books(revenue=500.0, ebitda=ebitda, depreciation=20.0, interest=12.0, tax_rate=tax)
    price = (nopat / wacc - 200.0 + 20.0) / 50.0  # for 50 shares, after net debt
    assume(price > 4.0)  # which pays for the books
    fair = deal(
        wacc=wacc,
        target=bought(statements=statements),
        offer=Offer(price=price),
        synergies=Synergies(cost=level(saved)),
    )
    found = value_merger(fair).returns
    assert found.spread == near((0.0, 0.0, 0.0), 1.0)
    assert found.roic == near((wacc, wacc, wacc))
    # A fee is invested too, and earns nothing more.
    assert value_merger(replace(fair, offer=Offer(price=1.1 * price))).returns.spread[0] < 0.0


@LAW
@given(numbers(18.0, 22.0), numbers(18.0, 22.0), numbers(15.0, 25.0))
def test_the_value_of_a_collar_is_as_large_as_the_price_it_was_agreed_at(
    signed: float, other: float, now: float
) -> None:
    def value(reference: float) -> Any:
        collar = Collar(ratio=0.5, low_price=18.0, high_price=22.0, reference_price=reference)
        return value_merger(
            deal(
                acquirer=buyer(share_price=now),
                offer=Offer(exchange_ratio=collar),
                financing=Financing(refinanced=0.0),
            )
        ).offer.price

    assert value(signed) * other == near(value(other) * signed)
