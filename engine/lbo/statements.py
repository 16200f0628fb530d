"""Three statements and the debt schedule of one deal: every line of every year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.firm.operations import working_capital_shares
from engine.lbo.covenants import Flows
from engine.lbo.entry import FeeTreatment
from engine.lbo.forecast import opening_working_capital
from engine.lbo.inputs import LboInputs, Recapitalisation
from engine.lbo.kernel import Course, Year
from engine.lbo.tranches import TrancheKind

Line = tuple[float, ...]
RECAPITALISATION = "Recapitalisation"  # what its debt is called in the schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeStatement:
    """(n_years,) money; year 1 counts what comes after closing. Costs are positive numbers."""

    revenue: Line
    ebitda: Line
    depreciation: Line
    ebit: Line
    cash_interest: Line  # of debt
    pik_interest: Line  # of debt
    undrawn_fees: Line
    amortisation_of_fees: Line  # of fees and original issue discount of debt, in a straight line
    fees_written_off: Line | None  # of the same, with debt that is prepaid; None: nothing is
    interest_income: Line
    ebt: Line
    losses_used: Line | None  # against the taxable income; None: losses are not carried forward
    fees_deducted: Line | None  # from the taxable income; None: transaction fees are not
    tax: Line
    net_income: Line
    preferred_dividends: Line  # in cash and in kind, with the stock's fee and discount written off


@dataclass(frozen=True, slots=True, kw_only=True)
class CashFlowStatement:
    """(n_years,) money: opening cash + every line below = closing cash."""

    net_income: Line
    depreciation: Line
    amortisation_of_fees: Line
    fees_written_off: Line | None  # None: none are, whatever is prepaid
    pik_interest: Line
    stock_compensation: Line | None  # added back; None: it is not
    capital_expenditure: Line  # spent: above zero lessens cash
    increase_in_working_capital: Line  # above zero lessens cash
    cash_preferred_dividends: Line  # above zero lessens cash
    cash_before_repayment: Line  # what all lines above come to
    mandatory_repayment: Line  # above zero lessens cash
    sweep: Line  # revolvers' repayment with it; above zero lessens cash
    revolver_drawn: Line
    change_in_cash: Line
    opening_cash: Line
    closing_cash: Line
    shortfall: Line  # money that no revolver could lend: cash ends that far below its minimum


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSheet:
    """(n_years + 1,) money, at closing and at the end of each year: assets = claims."""

    cash: Line
    working_capital: Line  # net, without cash
    fixed_assets: Line  # net
    goodwill: Line
    financing_costs: Line  # fees and discount that are not yet written off
    total_assets: Line
    debt: Line
    preferred: Line
    equity: Line
    total_claims: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class TrancheSchedule:
    """One tranche: (n_years,) money. Opening + drawn + PIK - mandatory - sweep = closing."""

    name: str
    kind: TrancheKind | None  # None: of a recapitalisation
    rate: Line  # 1/year, of the cash coupon
    opening: Line
    drawn: Line
    paid_in_kind: Line
    mandatory: Line
    sweep: Line
    closing: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What a banker prints."""

    income: IncomeStatement
    cash_flow: CashFlowStatement
    balance_sheet: BalanceSheet


def state(inputs: LboInputs, course: Course, years: Sequence[Year]) -> Statements:
    """Every line of a deal. Numbers of ``inputs`` are numbers alone, and ``years`` are all years.

    The closing balance sheet has goodwill = EV - net working capital - fixed assets (and the
    transaction fees, where they are capitalised). Balance sheets are rolled forward from the
    flows, each line by its own, so that they balance is a check of all of them.
    """
    income = _income(inputs, years)
    cash_flow = _cash_flow(inputs, years, income)
    return Statements(
        income=income,
        cash_flow=cash_flow,
        balance_sheet=_balance_sheets(inputs, course, years, income, cash_flow),
    )


def _income(inputs: LboInputs, years: Sequence[Year]) -> IncomeStatement:
    operations, timing = inputs.operations, inputs.timing
    parts = [timing.share(number) for number in range(len(years))]
    ebit = tuple(float(year.business.ebit) for year in years)
    depreciation = tuple(
        float(year.business.revenue * share) * part
        for year, share, part in zip(years, operations.depreciation.years(), parts, strict=True)
    )
    deducted = inputs.entry.transaction_fee_treatment is FeeTreatment.DEDUCTED
    return IncomeStatement(
        revenue=tuple(
            float(year.business.revenue) * part for year, part in zip(years, parts, strict=True)
        ),
        ebitda=tuple(profit + da for profit, da in zip(ebit, depreciation, strict=True)),
        depreciation=depreciation,
        ebit=ebit,
        cash_interest=tuple(float(year.debt.cash_interest) for year in years),
        pik_interest=tuple(float(year.debt.pik_interest) for year in years),
        undrawn_fees=tuple(float(year.debt.undrawn_fees) for year in years),
        amortisation_of_fees=tuple(float(year.amortised) for year in years),
        fees_written_off=(
            tuple(float(year.debt.written_off) for year in years)
            if inputs.write_off_fees_on_prepayment
            else None
        ),
        # -0.0 + 0.0 is 0.0
        interest_income=tuple(float(year.debt.interest_income) + 0.0 for year in years),
        ebt=tuple(float(year.debt.ebt) for year in years),
        losses_used=(
            None
            if operations.losses is None
            else tuple(float(year.debt.losses_used) for year in years)
        ),
        fees_deducted=(
            (float(inputs.entry.transaction_fees), *(0.0,) * (len(years) - 1)) if deducted else None
        ),
        tax=tuple(float(year.debt.tax) for year in years),
        net_income=tuple(float(year.debt.ebt - year.debt.tax) for year in years),
        preferred_dividends=tuple(
            float(year.debt.cash_dividends + year.debt.pik_dividends + year.debt.stock_costs)
            for year in years
        ),
    )


def _cash_flow(
    inputs: LboInputs, years: Sequence[Year], income: IncomeStatement
) -> CashFlowStatement:
    operations, timing = inputs.operations, inputs.timing
    count = range(len(years))
    capex = operations.capital_expenditure.years()
    invested = _working_capital(inputs, years)
    paid = operations.stock_compensation
    stock = None
    if paid is not None and operations.adds_back:
        shares = paid.years()
        stock = tuple(float(years[t].business.revenue * shares[t]) * timing.share(t) for t in count)
    closing = tuple(float(year.debt.cash) for year in years)
    opening = (float(inputs.entry.cash_at_closing), *closing[:-1])
    return CashFlowStatement(
        net_income=income.net_income,
        depreciation=income.depreciation,
        amortisation_of_fees=income.amortisation_of_fees,
        fees_written_off=income.fees_written_off,
        pik_interest=income.pik_interest,
        stock_compensation=stock,
        capital_expenditure=tuple(
            float(years[t].business.revenue * capex[t]) * timing.share(t) for t in count
        ),
        increase_in_working_capital=tuple(invested[t + 1] - invested[t] for t in count),
        cash_preferred_dividends=tuple(float(year.debt.cash_dividends) for year in years),
        cash_before_repayment=tuple(float(year.debt.cash_before_repayment) for year in years),
        mandatory_repayment=tuple(float(year.debt.mandatory) for year in years),
        sweep=tuple(sum(float(each.swept) for each in year.tranches) for year in years),
        revolver_drawn=tuple(sum(float(each.drawn) for each in year.tranches) for year in years),
        change_in_cash=tuple(end - start for start, end in zip(opening, closing, strict=True)),
        opening_cash=opening,
        closing_cash=closing,
        shortfall=tuple(float(year.debt.shortfall) for year in years),
    )


def _working_capital(inputs: LboInputs, years: Sequence[Year]) -> list[float]:
    """(n_years + 1,) money; at closing on the way from the year's start to its end."""
    operations, part = inputs.operations, inputs.timing.share(0)
    shares = working_capital_shares(operations)
    ends = [float(share * year.business.revenue) for share, year in zip(shares, years, strict=True)]
    start = float(opening_working_capital(operations))
    return [start if part == 1.0 else ends[0] - part * (ends[0] - start), *ends]


def _balance_sheets(
    inputs: LboInputs,
    course: Course,
    years: Sequence[Year],
    income: IncomeStatement,
    flow: CashFlowStatement,
) -> BalanceSheet:
    deal, entry = course.deal, inputs.entry
    invested = _working_capital(inputs, years)
    given = inputs.operations.opening_fixed_assets
    fixed = [0.0 if given is None else float(given)]
    capitalised = entry.transaction_fee_treatment is FeeTreatment.CAPITALISED
    fees = float(entry.transaction_fees)
    goodwill = float(deal.price) - invested[0] - fixed[0] + (fees if capitalised else 0.0)
    costs = [float(sum(deal.costs_of_financing))]
    equity = [float(deal.invested) - (0.0 if capitalised else fees)]
    preferred = [
        sum(
            float(face)
            for face, tranche in zip(deal.faces, inputs.tranches, strict=True)
            if tranche.preferred
        )
    ]
    debt = [float(deal.debt) - preferred[0]]
    recap, paid_out = inputs.recapitalisation, course.paid_out
    for number in range(len(years)):
        fixed.append(fixed[-1] + flow.capital_expenditure[number] - flow.depreciation[number])
        costs.append(costs[-1] - flow.amortisation_of_fees[number])
        costs[-1] -= float(years[number].debt.stock_costs)
        if flow.fees_written_off is not None:
            costs[-1] -= flow.fees_written_off[number]
        kept = income.net_income[number] - income.preferred_dividends[number]
        if flow.stock_compensation is not None:
            kept += flow.stock_compensation[number]
        if recap is not None and paid_out is not None and recap.year == number + 1:
            kept -= float(paid_out.borrowed)
        equity.append(equity[-1] + kept)
        claims = course.claims[number]
        debt.append(float(claims.debt))
        preferred.append(float(claims.preferred))
    cash = (float(entry.cash_at_closing), *flow.closing_cash)
    assets = [sum(each) + goodwill for each in zip(cash, invested, fixed, costs, strict=True)]
    return BalanceSheet(
        cash=cash,
        working_capital=tuple(invested),
        fixed_assets=tuple(fixed),
        goodwill=(goodwill,) * (len(years) + 1),
        financing_costs=tuple(costs),
        total_assets=tuple(assets),
        debt=tuple(debt),
        preferred=tuple(preferred),
        equity=tuple(equity),
        total_claims=tuple(sum(each) for each in zip(debt, preferred, equity, strict=True)),
    )


def schedules(
    inputs: LboInputs, course: Course, years: Sequence[Year]
) -> tuple[TrancheSchedule, ...]:
    """Each tranche over the years, and the new debt of a recapitalisation after them."""
    named = [(tranche.name.strip(), tranche.kind) for tranche in inputs.tranches]
    found = []
    for at, (name, kind) in enumerate(named):
        rows = [year.tranches[at] for year in years]
        rates = inputs.tranches[at].rates(inputs.base_rate, inputs.timing.years)
        in_kind = inputs.tranches[at].pik_share
        shares = (0.0,) * len(rates) if in_kind is None else in_kind.years()
        found.append(
            TrancheSchedule(
                name=name,
                kind=kind,
                rate=tuple(
                    float(rate * (1.0 - share)) for rate, share in zip(rates, shares, strict=True)
                ),
                opening=tuple(float(row.opening) for row in rows),
                drawn=tuple(float(row.drawn) for row in rows),
                paid_in_kind=tuple(float(row.accrued) for row in rows),
                mandatory=tuple(float(row.mandatory) for row in rows),
                sweep=tuple(float(row.swept) for row in rows),
                closing=tuple(float(row.closing) for row in rows),
            )
        )
    recap, paid_out = inputs.recapitalisation, course.paid_out
    if recap is not None and paid_out is not None:
        found.append(_of_recapitalisation(recap, float(paid_out.borrowed), len(years)))
    return tuple(found)


def _of_recapitalisation(recap: Recapitalisation, borrowed: float, years: int) -> TrancheSchedule:
    numbers, zeros = range(1, years + 1), (0.0,) * years
    return TrancheSchedule(
        name=RECAPITALISATION,
        kind=None,
        rate=(float(recap.fixed_rate),) * years,
        opening=tuple(borrowed if number > recap.year else 0.0 for number in numbers),
        drawn=tuple(borrowed if number == recap.year else 0.0 for number in numbers),
        paid_in_kind=zeros,
        mandatory=zeros,
        sweep=zeros,
        closing=tuple(borrowed if number >= recap.year else 0.0 for number in numbers),
    )


def lenders_view(course: Course, statements: Statements) -> tuple[Flows, ...]:
    """What credit measures are made of, year by year."""
    income, flow = statements.income, statements.cash_flow
    return tuple(
        Flows(
            fiscal_year_ebitda=float(claims.ebitda),
            ebitda=income.ebitda[number],
            capital_expenditure=flow.capital_expenditure[number],
            tax=income.tax[number],
            cash_interest=income.cash_interest[number] + income.undrawn_fees[number],
            mandatory=flow.mandatory_repayment[number],
            cash_dividends=flow.cash_preferred_dividends[number],
            debt=float(claims.debt),
            cash=float(claims.cash),
            shortfall=flow.shortfall[number],
        )
        for number, claims in enumerate(course.claims)
    )
