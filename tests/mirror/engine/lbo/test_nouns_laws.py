"""Laws of single inputs and lines of a buyout, each said again from its own definition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given

from engine.errors import Infeasible
from engine.lbo import (
    FeeTreatment,
    LboInputs,
    LboValuation,
    Measure,
    Recapitalisation,
    TrancheKind,
    value_lbo,
)
from tests.mirror.engine.lbo.deals import LAW, deal, deals


def valued(inputs: LboInputs) -> LboValuation:
    try:
        return value_lbo(inputs).valuation
    except Infeasible:  # wiped out, or sold after a day for a rate that no number holds
        assume(False)
        raise


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-8)


@LAW
@given(deals())
def test_every_use_and_source_is_what_was_typed_and_the_sponsor_pays_the_rest(
    inputs: LboInputs,
) -> None:
    found, entry = valued(inputs).sources_and_uses, inputs.entry
    assert entry.ev_to_ebitda is not None
    assert found.enterprise_value == near(entry.ev_to_ebitda * entry.ltm_ebitda)
    assert found.transaction_fees == entry.transaction_fees
    assert found.cash_to_balance_sheet == entry.cash_at_closing
    assert found.rollover == inputs.equity.rollover
    fees = discounts = faces = 0.0
    for each, told in zip(inputs.tranches, found.tranches, strict=True):
        turns = each.times_ebitda
        face = float(each.amount or 0.0) if turns is None else turns * entry.ltm_ebitda
        assert told.amount == near(face)
        faces += face
        fees += each.fee * (each.commitment if each.commitment is not None else face)
        discounts += each.oid * face
    assert found.financing_fees == near(fees)
    assert found.original_issue_discount == near(discounts)
    uses = found.enterprise_value + entry.transaction_fees + fees + discounts
    rest = uses + entry.cash_at_closing - faces - inputs.equity.rollover
    assert found.sponsor_equity == near(rest)


@LAW
@given(deals())
def test_a_rate_is_fixed_or_the_base_not_below_its_floor_and_the_spread(inputs: LboInputs) -> None:
    """What is left of it in cash; the toggle's share and its premium are owed in kind instead."""
    result, years = valued(inputs), inputs.timing.years
    base = inputs.base_rate.years() if inputs.base_rate is not None else None
    assert base is None or len(base) in (1, years)
    for each, told in zip(inputs.tranches, result.debt, strict=False):
        for t in range(years):
            rate = each.fixed_rate
            if rate is None:
                assert base is not None
                low = base[t] if each.floor is None else max(base[t], each.floor)
                rate = low + float(each.spread or 0.0)
            toggled = 0.0 if each.pik_share is None else each.pik_share.years()[t]
            assert told.rate[t] == near(rate * (1.0 - toggled))
            kind = (each.pik_rate or 0.0) + (rate + (each.pik_premium or 0.0)) * toggled
            part = inputs.timing.part(t)
            assert told.paid_in_kind[t] == near(kind * told.opening[t] * part)


@LAW
@given(deals())
def test_what_is_due_is_paid_and_costs_are_written_off_by_then(inputs: LboInputs) -> None:
    result = valued(inputs)
    for each, told in zip(inputs.tranches, result.debt, strict=False):
        turns = each.times_ebitda
        face = float(each.amount or 0.0) if turns is None else turns * inputs.entry.ltm_ebitda
        for t in range(inputs.timing.years):
            due = told.opening[t] + told.paid_in_kind[t]
            if t + 1 < each.tenor:
                share = 0.0 if each.amortisation is None else each.amortisation.years()[t]
                due = min(told.opening[t], share * face * inputs.timing.part(t))
            assert told.mandatory[t] == near(due)
    sheet = result.statements.balance_sheet.financing_costs
    written_off = result.statements.income.amortisation_of_fees
    funds = result.sources_and_uses
    assert sheet[0] == near(funds.financing_fees + funds.original_issue_discount)
    last = max((each.tenor for each in inputs.tranches), default=0)
    for t, amount in enumerate(written_off):
        if inputs.recapitalisation is None:
            assert sheet[t + 1] == near(sheet[t] - amount)
            assert t + 1 < last or sheet[t + 1] == near(0.0)


@LAW
@given(deals())
def test_the_given_share_of_the_cash_above_its_minimum_repays_and_no_more(
    inputs: LboInputs,
) -> None:
    result = valued(inputs)
    flow = result.statements.cash_flow
    swept = [
        told
        for each, told in zip(inputs.tranches, result.debt, strict=False)
        if each.kind is TrancheKind.REVOLVER
        or each.swept
        or (each.swept is None and each.kind is TrancheKind.TERM_LOAN)
    ]
    for t in range(inputs.timing.years):
        share = 1.0 if inputs.cash.sweep is None else inputs.cash.sweep.years()[t]
        free = flow.opening_cash[t] + flow.cash_before_repayment[t] - flow.mandatory_repayment[t]
        most = share * max(0.0, free - inputs.cash.minimum)
        assert flow.sweep[t] == near(sum(told.sweep[t] for told in result.debt))
        assert sum(told.sweep[t] for told in swept) == near(flow.sweep[t])
        left = sum(told.closing[t] for told in swept)
        assert flow.sweep[t] == near(most) or (flow.sweep[t] < most and left == near(0.0))


@LAW
@given(deals())
def test_tax_is_that_of_what_is_left_after_interest_fees_and_losses(inputs: LboInputs) -> None:
    income = valued(inputs).statements.income
    rates = inputs.operations.tax_rate.years()
    for t, rate in enumerate(rates):
        charges = income.cash_interest[t] + income.pik_interest[t] + income.undrawn_fees[t]
        ebt = income.ebit[t] - charges - income.amortisation_of_fees[t] + income.interest_income[t]
        assert income.ebt[t] == near(ebt)
        used = 0.0 if income.losses_used is None else income.losses_used[t]
        deducted = 0.0 if income.fees_deducted is None else income.fees_deducted[t]
        assert income.tax[t] == near(rate * max(0.0, ebt - deducted - used))
        assert income.net_income[t] == near(ebt - income.tax[t])


@LAW
@given(deals())
def test_fees_of_the_transaction_are_in_the_goodwill_or_lost_to_the_owners(
    inputs: LboInputs,
) -> None:
    result = valued(inputs)
    sheet, funds, entry = result.statements.balance_sheet, result.sources_and_uses, inputs.entry
    kept = entry.transaction_fee_treatment is FeeTreatment.CAPITALISED
    fees = entry.transaction_fees
    assert set(sheet.goodwill) == {sheet.goodwill[0]}
    bought = sheet.goodwill[0] + sheet.working_capital[0] + sheet.fixed_assets[0]
    assert bought == near(funds.enterprise_value + (fees if kept else 0.0))
    paid_in = funds.sponsor_equity + funds.rollover
    assert sheet.equity[0] == near(paid_in - (0.0 if kept else fees))
    deducted = result.statements.income.fees_deducted or (0.0,)
    if entry.transaction_fee_treatment is not FeeTreatment.DEDUCTED:
        assert sum(deducted) == 0.0
    else:
        assert 0.0 <= sum(deducted) <= fees + 1e-9


@LAW
@given(deals())
def test_owners_share_what_the_price_leaves_after_every_claim(inputs: LboInputs) -> None:
    result, n = valued(inputs), (inputs.exit.year or inputs.timing.years)
    sheet = result.statements.balance_sheet
    ebitda = result.statements.income.ebitda[n - 1] / inputs.timing.part(n - 1)
    price = inputs.exit.ev_to_ebitda * ebitda
    assert result.exit_costs == near(inputs.exit.costs * price)
    owed = sheet.debt[n] + sheet.preferred[n] - sheet.cash[n]
    assert result.exit_equity == near(max(0.0, price * (1.0 - inputs.exit.costs) - owed))
    holders = {each.name: each for each in result.holders}
    invested = sum(each.invested for each in result.holders)
    pool = holders.get("OPTION_POOL")
    gained = inputs.equity.option_pool * max(0.0, result.exit_equity - invested)
    assert (pool.proceeds if pool else 0.0) == near(gained)
    rolled = holders.get("ROLLOVER")
    share = inputs.equity.rollover / invested
    if rolled is not None:
        assert rolled.proceeds == near(share * (result.exit_equity - gained))
        assert rolled.invested == inputs.equity.rollover
    again = inputs.recapitalisation
    if again is not None and again.year <= n:
        paid = sum(each.dividend for each in result.holders)
        amount = float(again.amount or 0.0)
        assert paid == near(amount * (1.0 - again.fee))
        new = result.debt[-1]
        assert new.kind is None
        assert new.closing[again.year - 1] == near(amount)
        assert new.rate[-1] == near(again.fixed_rate)


@LAW
@given(deals())
def test_a_commitment_that_is_not_used_costs_its_fee_until_it_is_due(inputs: LboInputs) -> None:
    result = valued(inputs)
    for t in range(inputs.timing.years):
        fees = 0.0
        for each, told in zip(inputs.tranches, result.debt, strict=False):
            if each.kind is TrancheKind.REVOLVER and t < each.tenor:
                mean = (told.opening[t] + told.closing[t]) / 2.0
                owed = mean if inputs.interest.value == "AVERAGE" else told.opening[t]
                unused = float(each.commitment or 0.0) - owed
                fees += float(each.undrawn_fee or 0.0) * unused * inputs.timing.part(t)
        assert result.statements.income.undrawn_fees[t] == near(fees)


@LAW
@given(deals())
def test_what_lenders_look_at_follows_from_the_statements(inputs: LboInputs) -> None:
    result = valued(inputs)
    income, flow = result.statements.income, result.statements.cash_flow
    sheet = result.statements.balance_sheet
    for t, year in enumerate(result.credit):
        ebitda = income.ebitda[t]
        paid = income.cash_interest[t] + income.undrawn_fees[t]
        assert (year.debt, year.net_debt) == (
            near(sheet.debt[t + 1]),
            near(sheet.debt[t + 1] - sheet.cash[t + 1]),
        )
        if year.leverage is not None:
            whole = ebitda / inputs.timing.part(t)
            assert year.leverage * whole == near(year.debt)
            assert year.net_leverage is not None
            assert year.net_leverage * whole == near(year.net_debt)
        if year.interest_cover is not None:
            assert year.interest_cover * paid == near(ebitda)
        if year.fixed_charge_cover is not None:
            left = ebitda - flow.capital_expenditure[t] - income.tax[t]
            charges = paid + flow.mandatory_repayment[t]
            assert year.fixed_charge_cover * charges == near(left)
    for covenant, test in zip(inputs.covenants, result.covenants, strict=True):
        limits = covenant.limit.years()
        names = {
            Measure.LEVERAGE: "leverage",
            Measure.NET_LEVERAGE: "net_leverage",
            Measure.INTEREST_COVER: "interest_cover",
            Measure.FIXED_CHARGE_COVER: "fixed_charge_cover",
        }
        assert test.measure is covenant.measure
        for t, year in enumerate(test.years):
            assert year.limit == limits[t]
            assert year.actual == getattr(result.credit[t], names[covenant.measure])


@LAW
@given(deals())
def test_preferred_dividends_are_its_rates_and_no_leverage(inputs: LboInputs) -> None:
    result = valued(inputs)
    income, flow = result.statements.income, result.statements.cash_flow
    preferred = [each for each in result.debt if each.kind is TrancheKind.PREFERRED]
    lent = [each for each in result.debt if each.kind is not TrancheKind.PREFERRED]
    for t in range(inputs.timing.years):
        kind = sum(each.paid_in_kind[t] for each in preferred)
        cash = income.preferred_dividends[t] - kind
        assert flow.cash_preferred_dividends[t] == near(cash)
        part = inputs.timing.part(t)
        on = [
            (each.opening[t] + each.closing[t]) / 2.0
            if inputs.interest.value == "AVERAGE"
            else each.opening[t]
            for each in preferred
        ]
        rates = [each.rate[t] * part for each in preferred]
        assert cash == near(sum(a * b for a, b in zip(on, rates, strict=True)))
        sheet = result.statements.balance_sheet
        assert sheet.preferred[t + 1] == near(sum(each.closing[t] for each in preferred))
        assert sheet.debt[t + 1] == near(sum(each.closing[t] for each in lent))
        assert income.pik_interest[t] == near(sum(each.paid_in_kind[t] for each in lent))


@LAW
@given(deals())
def test_to_borrow_turns_of_a_years_ebitda_again_is_to_borrow_that_amount(
    inputs: LboInputs,
) -> None:
    again = inputs.recapitalisation
    assume(again is not None)
    assert again is not None
    ebitda = valued(inputs).statements.income.ebitda[again.year - 1]
    ebitda /= inputs.timing.part(again.year - 1)
    assume(ebitda > 1.0)
    turns = replace(again, amount=None, times_ebitda=float(again.amount or 0.0) / ebitda)
    one, two = valued(inputs), valued(replace(inputs, recapitalisation=turns))
    assert two.exit_equity == near(one.exit_equity)
    assert two.holders[0].dividend == near(one.holders[0].dividend)


def test_half_a_years_ebitda_borrowed_again_by_hand() -> None:
    """Half of 100, less a tenth for whoever arranges it, to the owners; 1,250 are left of 1,300."""
    again = Recapitalisation(year=2, times_ebitda=0.5, fixed_rate=0.0, fee=0.1)
    result = value_lbo(deal(recapitalisation=again)).valuation
    assert [each.dividend for each in result.holders] == [45.0]
    assert result.exit_equity == 1_250.0
