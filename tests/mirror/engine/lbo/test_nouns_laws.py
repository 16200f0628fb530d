"""Laws of single inputs and lines of a buyout, each said again from its own definition."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given

from engine.firm.operations import StockCompensation
from engine.lbo import (
    Entry,
    FeeTreatment,
    LboInputs,
    Measure,
    Recapitalisation,
    TrancheKind,
    value_lbo,
)
from tests.mirror.engine.lbo.deals import LAW, deal, deals
from tests.mirror.engine.lbo.rich_deals import with_everything
from tests.mirror.engine.lbo.soundness import after_closing, carried, near, valued, years_until


@LAW
@with_everything
@given(deals())
def test_every_line_of_the_business_is_its_share_of_the_part_of_the_year_that_is_theirs(
    inputs: LboInputs,
) -> None:
    """From what was typed: revenue grows year by year, all else is a share of it, and what is tied
    up goes in a straight line from the year's start to its end.
    """
    result, typed = valued(inputs), inputs.operations
    income, flow = result.statements.income, result.statements.cash_flow
    sheet = result.statements.balance_sheet
    assert len(income.revenue) == len(flow.sweep) == len(sheet.cash) - 1 == inputs.timing.years
    assert typed.working_capital is not None
    tied_up, revenue = typed.working_capital.years(), typed.revenue
    start = typed.opening_working_capital
    before = tied_up[0] * revenue if start is None else start
    fixed = float(typed.opening_fixed_assets or 0.0)
    margins = typed.ebitda_margin or typed.ebit_margin
    assert margins is not None
    adds_back = typed.stock_compensation_treatment is StockCompensation.ADD_BACK
    assert (flow.stock_compensation is not None) == adds_back
    for t in range(inputs.timing.years):
        part = after_closing(inputs.timing, t)
        revenue *= 1.0 + typed.revenue_growth.years()[t]
        ours, worn = revenue * part, typed.depreciation.years()[t]
        margin = margins.years()[t] + (0.0 if typed.ebitda_margin else worn)
        assert income.revenue[t] == near(ours)
        assert income.ebitda[t] == near(margin * ours)
        assert income.depreciation[t] == near(worn * ours)
        assert flow.depreciation[t] == income.depreciation[t]
        assert flow.capital_expenditure[t] == near(typed.capital_expenditure.years()[t] * ours)
        after = tied_up[t] * revenue
        grown = (after - before) * part
        assert flow.increase_in_working_capital[t] == near(grown)
        assert sheet.working_capital[t : t + 2] == (near(after - grown), near(after))
        assert sheet.fixed_assets[t] == near(fixed)
        fixed += flow.capital_expenditure[t] - flow.depreciation[t]
        kept = income.net_income[t] - income.preferred_dividends[t]
        if flow.stock_compensation is not None and typed.stock_compensation is not None:
            paid = typed.stock_compensation.years()[t] * ours
            assert flow.stock_compensation[t] == near(paid)
            kept += paid
        again = inputs.recapitalisation
        kept -= float(again.amount or 0.0) if again and again.year == t + 1 else 0.0
        assert sheet.equity[t + 1] - sheet.equity[t] == near(kept)
        before = after


@LAW
@with_everything
@given(deals())
def test_every_use_and_source_is_what_was_typed_and_the_sponsor_pays_the_rest(
    inputs: LboInputs,
) -> None:
    result, entry = valued(inputs), inputs.entry
    found = result.sources_and_uses
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
    assert found.total == near(uses + entry.cash_at_closing)
    # What financing cost is an asset until it is written off.
    assert result.statements.balance_sheet.financing_costs[0] == near(fees + discounts)


@LAW
@with_everything
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
                low = base[min(t, len(base) - 1)]
                low = low if each.floor is None else max(low, each.floor)
                rate = low + float(each.spread or 0.0)
            toggled = 0.0 if each.pik_share is None else each.pik_share.years()[t]
            assert told.rate[t] == near(rate * (1.0 - toggled))
            kind = (each.pik_rate or 0.0) + (rate + (each.pik_premium or 0.0)) * toggled
            part = after_closing(inputs.timing, t)
            assert told.paid_in_kind[t] == near(kind * told.opening[t] * part)


@LAW
@with_everything
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
                due = min(due, told.opening[t], share * face * after_closing(inputs.timing, t))
            assert told.mandatory[t] == near(due)
    sheet = result.statements.balance_sheet.financing_costs
    income, hastened = result.statements.income, inputs.write_off_fees_on_prepayment
    assert (income.fees_written_off is not None) == hastened
    assert result.statements.cash_flow.fees_written_off == income.fees_written_off
    tranches = carried(inputs, result)
    for t, amount in enumerate(income.amortisation_of_fees):
        gone = 0.0 if income.fees_written_off is None else income.fees_written_off[t]
        assert gone >= -1e-9
        assert sheet[t + 1] == near(sum(each[t].after for each in tranches))
        # In a straight line over what is left of each tenor; the rest goes with the debt.
        straight = stock = 0.0
        for each, told, rows in zip(
            inputs.tranches, result.sources_and_uses.tranches, tranches, strict=True
        ):
            cost = told.financing_fee + told.original_issue_discount
            left = rows[t - 1].after if t else cost
            if each.kind is TrancheKind.PREFERRED:  # beside its dividends
                stock += left - rows[t].after
                continue
            ended, part = years_until(inputs.timing, t), after_closing(inputs.timing, t)
            due = t + 1 == each.tenor
            straight += left if due else left * part / (each.tenor - ended + part) if left else 0.0
        assert amount == near(straight)
        assert amount + gone + stock == near(sheet[t] - sheet[t + 1])


@LAW
@with_everything
@given(deals())
def test_the_given_share_of_the_cash_above_its_minimum_repays_and_no_more(
    inputs: LboInputs,
) -> None:
    result = valued(inputs)
    flow = result.statements.cash_flow
    pairs = list(zip(inputs.tranches, result.debt, strict=False))
    revolvers = [told for each, told in pairs if each.kind is TrancheKind.REVOLVER]
    loans = [
        told
        for each, told in pairs
        if each.kind is not TrancheKind.REVOLVER
        and (each.kind is TrancheKind.TERM_LOAN if each.swept is None else each.swept)
    ]
    swept = [*revolvers, *loans]
    for t in range(inputs.timing.years):
        share = 1.0 if inputs.cash.sweep is None else inputs.cash.sweep.years()[t]
        free = flow.opening_cash[t] + flow.cash_before_repayment[t] - flow.mandatory_repayment[t]
        most = share * max(0.0, free - inputs.cash.minimum)
        assert sum(told.sweep[t] for told in swept) == near(flow.sweep[t])
        left = sum(told.closing[t] for told in swept)
        assert flow.sweep[t] == near(most) or (flow.sweep[t] < most and left == near(0.0))
        # The next one has its turn when nothing is left of the one before.
        for number, told in enumerate(swept):
            if any(later.sweep[t] > 1e-6 for later in swept[number + 1 :]):
                assert told.closing[t] == near(0.0)


@LAW
@with_everything
@given(deals())
def test_tax_is_that_of_what_is_left_after_interest_fees_and_losses(inputs: LboInputs) -> None:
    """Losses: what a year may use of what is carried forward, and what it adds to it."""
    income = valued(inputs).statements.income
    losses, entry = inputs.operations.losses, inputs.entry
    carried = 0.0 if losses is None else float(losses.balance)
    deducts = entry.transaction_fee_treatment is FeeTreatment.DEDUCTED
    assert (income.fees_deducted is not None) == deducts
    assert (income.losses_used is not None) == (losses is not None)
    for t, rate in enumerate(inputs.operations.tax_rate.years()):
        charges = income.cash_interest[t] + income.pik_interest[t] + income.undrawn_fees[t]
        if income.fees_written_off is not None:
            charges += income.fees_written_off[t]
        ebt = income.ebit[t] - charges - income.amortisation_of_fees[t] + income.interest_income[t]
        assert income.ebit[t] == near(income.ebitda[t] - income.depreciation[t])
        assert income.ebt[t] == near(ebt)
        off = entry.transaction_fees if deducts and t == 0 else 0.0
        used, taxable = 0.0, ebt - off
        if losses is not None and income.losses_used is not None:
            share = 1.0 if losses.limit_share is None else float(losses.limit_share)
            used = min(carried, share * max(taxable, 0.0))
            if losses.limit_amount is not None:
                used = min(used, losses.limit_amount * after_closing(inputs.timing, t))
            carried += max(-taxable, 0.0) - used
            assert income.losses_used[t] == near(used)
        assert income.fees_deducted is None or income.fees_deducted[t] == off
        assert income.tax[t] == near(rate * max(0.0, taxable - used))
        assert income.net_income[t] == near(ebt - income.tax[t])


@LAW
@with_everything
@given(deals())
def test_fees_of_the_transaction_are_in_the_goodwill_or_lost_to_the_owners(
    inputs: LboInputs,
) -> None:
    result = valued(inputs)
    sheet, funds, entry = result.statements.balance_sheet, result.sources_and_uses, inputs.entry
    kept = entry.transaction_fee_treatment is FeeTreatment.CAPITALISED
    fees = entry.transaction_fees
    assert set(sheet.goodwill) == {sheet.goodwill[0]}
    assert sheet.fixed_assets[0] == (inputs.operations.opening_fixed_assets or 0.0)
    bought = sheet.goodwill[0] + sheet.working_capital[0] + sheet.fixed_assets[0]
    assert bought == near(funds.enterprise_value + (fees if kept else 0.0))
    paid_in = funds.sponsor_equity + funds.rollover
    assert sheet.equity[0] == near(paid_in - (0.0 if kept else fees))
    # Deducted, they save tax in year 1, and in no other, and never earn a credit.
    income = result.statements.income
    for t, rate in enumerate(inputs.operations.tax_rate.years()):
        used = 0.0 if income.losses_used is None else income.losses_used[t]
        off = fees if entry.transaction_fee_treatment is FeeTreatment.DEDUCTED and t == 0 else 0.0
        assert income.tax[t] == near(rate * max(0.0, income.ebt[t] - off - used))


@LAW
@with_everything
@given(deals())
def test_owners_share_what_the_price_leaves_after_every_claim(inputs: LboInputs) -> None:
    result, n = valued(inputs), (inputs.exit.year or inputs.timing.years)
    sheet = result.statements.balance_sheet
    ebitda = result.statements.income.ebitda[n - 1] / after_closing(inputs.timing, n - 1)
    price = inputs.exit.ev_to_ebitda * ebitda
    assert result.exit_year == n
    assert result.exit_costs == near(inputs.exit.costs * max(price, 0.0))
    owed = sheet.debt[n] + sheet.preferred[n] - sheet.cash[n]
    assert result.exit_equity == near(max(0.0, price - result.exit_costs - owed))
    holders = {each.name: each for each in result.holders}
    invested = sum(each.invested for each in result.holders)
    pool = holders.get("OPTION_POOL")
    gained = inputs.equity.option_pool * max(0.0, result.exit_equity - invested)
    assert (pool.proceeds if pool else 0.0) == near(gained)
    again, share = inputs.recapitalisation, inputs.equity.rollover / invested
    amount = float(again.amount or 0.0) if again else 0.0
    paid = amount * (1.0 - again.fee) if again else 0.0
    parts = [("SPONSOR", 1.0 - share), ("ROLLOVER", share)]
    for name, part in parts if "ROLLOVER" in holders else parts[:1]:
        assert holders[name].proceeds == near(part * (result.exit_equity - gained))
        assert holders[name].dividend == near(part * paid)
        assert holders[name].invested == near(part * invested)
    sponsor, growth = holders["SPONSOR"], 1.0 + result.irr
    if growth > 0.01:
        early = growth ** -years_until(inputs.timing, again.year - 1) if again else 0.0
        late = growth ** -years_until(inputs.timing, n - 1)
        assert sponsor.dividend * early + sponsor.proceeds * late == near(sponsor.invested)
    if again is not None:
        new, at = result.debt[-1], again.year - 1
        assert new.kind is None
        assert new.drawn[at] == near(amount)
        assert new.closing[at:] == (near(amount),) * (inputs.timing.years - at)
        assert set(new.rate) == {again.fixed_rate}


@LAW
@with_everything
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
                part = after_closing(inputs.timing, t)
                fees += float(each.undrawn_fee or 0.0) * unused * part
        assert result.statements.income.undrawn_fees[t] == near(fees)


@LAW
@with_everything
@given(deals())
def test_what_lenders_look_at_follows_from_the_statements(inputs: LboInputs) -> None:
    result = valued(inputs)
    income, flow = result.statements.income, result.statements.cash_flow
    sheet = result.statements.balance_sheet
    for t, year in enumerate(result.credit):
        ebitda = income.ebitda[t]
        paid = income.cash_interest[t] + income.undrawn_fees[t]
        assert year.debt == near(sheet.debt[t + 1])
        assert year.net_debt == near(sheet.debt[t + 1] - sheet.cash[t + 1])
        whole = ebitda / after_closing(inputs.timing, t)
        assert (year.leverage is None) == (year.net_leverage is None) == (not whole > 0.0)
        if year.leverage is not None and year.net_leverage is not None:
            assert year.leverage * whole == near(year.debt)
            assert year.net_leverage * whole == near(year.net_debt)
        if year.interest_cover is not None:
            assert year.interest_cover * paid == near(ebitda)
        if year.fixed_charge_cover is not None:
            left = ebitda - flow.capital_expenditure[t] - income.tax[t]
            charges = paid + flow.mandatory_repayment[t] + flow.cash_preferred_dividends[t]
            assert year.fixed_charge_cover * charges == near(left)
    names = {
        Measure.LEVERAGE: "leverage",
        Measure.NET_LEVERAGE: "net_leverage",
        Measure.INTEREST_COVER: "interest_cover",
        Measure.FIXED_CHARGE_COVER: "fixed_charge_cover",
    }
    for covenant, test in zip(inputs.covenants, result.covenants, strict=True):
        limits = covenant.limit.years()
        assert test.measure is covenant.measure
        assert test.kept == all(year.kept for year in test.years)
        caps = covenant.measure in (Measure.LEVERAGE, Measure.NET_LEVERAGE)
        for t, year in enumerate(test.years):
            assert year.limit == limits[min(t, len(limits) - 1)]
            assert year.actual == getattr(result.credit[t], names[covenant.measure])
            if year.actual is None or abs(year.actual - year.limit) < 1e-9:
                continue
            kept = year.actual < year.limit if caps else year.actual > year.limit
            assert year.kept == (kept or (caps and year.actual <= 0.0))
            if caps and year.headroom is not None:  # leverage falls as EBITDA does: both scale
                assert (1.0 - year.headroom) * year.limit == near(year.actual)


@LAW
@with_everything
@given(deals())
def test_a_tranche_is_paid_as_its_kind_says(inputs: LboInputs) -> None:
    """Preferred stock after tax, and as no debt; only loans are swept where nothing is said."""
    result = valued(inputs)
    income, flow = result.statements.income, result.statements.cash_flow
    preferred = [each for each in result.debt if each.kind is TrancheKind.PREFERRED]
    lent = [each for each in result.debt if each.kind is not TrancheKind.PREFERRED]
    pairs = zip(inputs.tranches, carried(inputs, result), strict=True)
    unwritten = [rows for each, rows in pairs if each.kind is TrancheKind.PREFERRED]
    sources = [each for each in result.sources_and_uses.tranches if each.kind.name == "PREFERRED"]
    before = sum(each.financing_fee + each.original_issue_discount for each in sources)
    for t in range(inputs.timing.years):
        kind = sum(each.paid_in_kind[t] for each in preferred)
        cash, after = flow.cash_preferred_dividends[t], sum(rows[t].after for rows in unwritten)
        assert income.preferred_dividends[t] == near(cash + kind + before - after)
        before = after
        assert income.pik_interest[t] == near(sum(each.paid_in_kind[t] for each in lent))
        ebt = income.ebit[t] + income.interest_income[t] - income.amortisation_of_fees[t]
        ebt -= income.cash_interest[t] + income.pik_interest[t] + income.undrawn_fees[t]
        ebt -= 0.0 if income.fees_written_off is None else income.fees_written_off[t]
        assert income.ebt[t] == near(ebt)
        assert result.credit[t].debt == near(sum(each.closing[t] for each in lent))
    for each, told in zip(inputs.tranches, result.debt, strict=False):
        assert told.kind is each.kind
        if each.swept is None and each.kind not in (TrancheKind.TERM_LOAN, TrancheKind.REVOLVER):
            assert set(told.sweep) == {0.0}


@LAW
@with_everything
@given(deals())
def test_to_borrow_turns_of_a_years_ebitda_again_is_to_borrow_that_amount(
    inputs: LboInputs,
) -> None:
    again = inputs.recapitalisation or Recapitalisation(year=1, amount=20.0, fixed_rate=0.1)
    one = valued(replace(inputs, recapitalisation=again))
    ebitda = one.statements.income.ebitda[again.year - 1]
    ebitda /= after_closing(inputs.timing, again.year - 1)
    assume(ebitda > 1.0)
    turns = replace(again, amount=None, times_ebitda=float(again.amount or 0.0) / ebitda)
    two = valued(replace(inputs, recapitalisation=turns))
    assert two.exit_equity == near(one.exit_equity)
    assert two.holders[0].dividend == near(one.holders[0].dividend)


def test_half_a_years_ebitda_borrowed_again_by_hand() -> None:
    """Half of 100, less a tenth for whoever arranges it, to the owners; 1,250 are left of 1,300."""
    again = Recapitalisation(year=2, times_ebitda=0.5, fixed_rate=0.0, fee=0.1)
    entry = Entry(ltm_ebitda=80.0, ev_to_ebitda=12.5)  # of what year 2 earns, not of this
    result = value_lbo(deal(recapitalisation=again, entry=entry)).valuation
    assert [each.dividend for each in result.holders] == [45.0]
    assert result.exit_equity == 1_250.0
