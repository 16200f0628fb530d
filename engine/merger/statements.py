"""The two firms' books put together at the closing, and carried on from year to year."""

from __future__ import annotations

from dataclasses import dataclass

from engine.firm.dilution import ZERO
from engine.merger.allocation import straight_line
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, Year, taxed_apart
from engine.merger.parties import Party

Column = tuple[float, ...]  # (n_years,)


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSheet:
    """One set of books: money, and what it adds up to on both sides."""

    cash: float
    working_capital: float
    fixed_assets: float
    goodwill: float
    intangibles: float
    other_assets: float
    financing_fees: float  # capitalised, of the new debt
    total_assets: float
    debt: float  # with the convertibles that are not converted
    new_debt: float
    deferred_tax_liability: float
    earn_out: float
    other_liabilities: float
    equity: float
    total_claims: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingBalance:
    """acquirer + target + adjustments = pro forma, line by line."""

    acquirer: BalanceSheet
    target: BalanceSheet
    adjustments: BalanceSheet
    pro_forma: BalanceSheet


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSheets:
    """At each year's end: columns of money."""

    cash: Column
    working_capital: Column
    fixed_assets: Column
    goodwill: Column
    intangibles: Column
    other_assets: Column
    financing_fees: Column
    total_assets: Column
    debt: Column
    new_debt: Column
    deferred_tax_liability: Column
    earn_out: Column
    other_liabilities: Column
    equity: Column
    total_claims: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeStatement:
    """The two firms as one, by year: columns of money. Of a stub year what follows the closing."""

    revenue: Column
    ebitda: Column  # with synergies, before what they cost to achieve
    synergies: Column  # of it
    costs_to_achieve: Column
    depreciation: Column
    intangible_amortisation: Column
    step_up_depreciation: Column
    inventory_charge: Column
    ebit: Column
    interest: Column
    interest_saved: Column  # of the target's debt that ends: in no sum, ``interest`` is without it
    new_interest: Column
    lost_yield: Column
    fee_amortisation: Column
    earn_out_charge: Column
    pre_tax_profit: Column
    tax: Column
    tax_on_adjustments: Column  # of it; the rest is both firms' tax by themselves
    net_income: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class CashFlow:
    """From net income to the change in cash, by year: columns of money. No dividends are paid."""

    net_income: Column
    depreciation: Column  # with the write-off of write-ups
    fee_amortisation: Column
    earn_out_charge: Column
    deferred_tax: Column  # below zero: more tax is paid than charged
    capital_expenditure: Column
    increase_in_working_capital: Column
    new_debt_repaid: Column
    earn_out_paid: Column
    change_in_cash: Column


def closing_balance(inputs: MergerInputs, deal: Deal) -> ClosingBalance:
    """The books on the day of closing. Every number of the deal is a number alone."""
    allocated, funding = inputs.allocated, deal.funding
    step_up, its = allocated.fixed_asset_step_up, inputs.target.balance
    adjustments = _sheet(
        cash=-funding.cash_used,
        working_capital=allocated.inventory_step_up,
        fixed_assets=ZERO if step_up is None else step_up.amount,
        goodwill=deal.goodwill - its.goodwill,
        intangibles=sum(float(each.amount) for each in allocated.intangibles),
        financing_fees=funding.fee,
        debt=-deal.refinanced,
        new_debt=funding.new_debt,
        deferred_tax_liability=deal.deferred_tax - its.deferred_tax_liability,
        earn_out=deal.earn_out,
        equity=deal.new_shares * inputs.acquirer.share_price - deal.target_equity - inputs.advisory,
    )
    acquirer = _own_sheet(inputs.acquirer, float(deal.own.debt))
    target = _own_sheet(inputs.target, float(deal.bought.debt))
    columns = (acquirer, target, adjustments)
    pro_forma = _sheet(
        **{name: sum(getattr(column, name) for column in columns) for name in _LINES}
    )
    return ClosingBalance(
        acquirer=acquirer, target=target, adjustments=adjustments, pro_forma=pro_forma
    )


def _own_sheet(party: Party, convertible_debt: float) -> BalanceSheet:
    balance = party.balance
    return _sheet(
        cash=balance.cash,
        working_capital=balance.working_capital,
        fixed_assets=balance.fixed_assets,
        goodwill=balance.goodwill,
        intangibles=balance.intangibles,
        other_assets=balance.other_assets,
        debt=balance.debt + convertible_debt,
        deferred_tax_liability=balance.deferred_tax_liability,
        other_liabilities=balance.other_liabilities,
        equity=balance.equity(convertible_debt),
    )


_ASSETS = (
    "cash",
    "working_capital",
    "fixed_assets",
    "goodwill",
    "intangibles",
    "other_assets",
    "financing_fees",
)
_CLAIMS = (
    "debt",
    "new_debt",
    "deferred_tax_liability",
    "earn_out",
    "other_liabilities",
    "equity",
)
_LINES = (*_ASSETS, *_CLAIMS)


def _sheet(**lines: object) -> BalanceSheet:
    """Each side is added up by itself: nothing makes them equal but the lines."""
    money = {name: float(lines.get(name, 0.0)) for name in _LINES}  # type: ignore[arg-type] # numbers alone
    return BalanceSheet(
        **money,
        total_assets=sum(money[name] for name in _ASSETS),
        total_claims=sum(money[name] for name in _CLAIMS),
    )


def carry_on(
    inputs: MergerInputs, deal: Deal, opening: BalanceSheet, years: list[Year]
) -> tuple[CashFlow, BalanceSheets]:
    """Cash flows and books of every year, each from the books of the year before."""
    flows, sheets = list[dict[str, float]](), [opening]
    for year, earned in enumerate(years):
        flow = _flow(inputs, deal, earned, year)
        flows.append(flow)
        sheets.append(_next(inputs, deal, sheets[-1], flow, earned, year))
    closings = sheets[1:]
    return (
        CashFlow(**{name: _column(flow[name] for flow in flows) for name in flows[0]}),
        BalanceSheets(
            **{
                name: _column(getattr(sheet, name) for sheet in closings)
                for name in BalanceSheets.__slots__
            }
        ),
    )


def _flow(inputs: MergerInputs, deal: Deal, earned: Year, year: int) -> dict[str, float]:
    part = inputs.timing.share(year)
    both = (inputs.buyer, inputs.bought)
    left, earn_out = deal.debt_left, inputs.earn_out
    repaid = deal.funding.new_debt * (left[year] - left[year + 1]) if left else ZERO
    flow = {
        "net_income": earned.net_income,
        "depreciation": earned.depreciation + earned.write_off,
        "fee_amortisation": earned.fee_amortisation,
        "earn_out_charge": earned.earn_out_charge,
        "deferred_tax": _deferred_tax(inputs, deal, earned, year),
        "capital_expenditure": sum(each.invested(year) for each in both) * part,
        "increase_in_working_capital": sum(each.tied_up(year) for each in both) * part,
        "new_debt_repaid": repaid,
        "earn_out_paid": ZERO if earn_out is None else earn_out.paid(year),
    }
    come, gone = list(flow.values())[:5], list(flow.values())[5:]
    return {
        **{name: float(value) for name, value in flow.items()},
        "change_in_cash": float(sum(come) - sum(gone)),
    }


def _deferred_tax(inputs: MergerInputs, deal: Deal, earned: Year, year: int) -> float:
    """Money by which the liability grows: in a stock deal it is released as write-ups are written
    off; in an asset deal it grows where goodwill is deducted and never charged."""
    rate = inputs.acquirer.statements.tax_rate.years()[year]
    if taxed_apart(inputs):
        return float(-earned.write_off * rate)
    life = inputs.allocated.goodwill_tax_life
    if life is None:
        return 0.0
    return float(deal.goodwill * straight_line(life, inputs.timing, year) * rate)


def _next(
    inputs: MergerInputs,
    deal: Deal,
    before: BalanceSheet,
    flow: dict[str, float],
    earned: Year,
    year: int,
) -> BalanceSheet:
    left, earn_out = deal.debt_left, inputs.earn_out
    renewed = flow["capital_expenditure"] - float(earned.depreciation)
    return _sheet(
        cash=before.cash + flow["change_in_cash"],
        working_capital=before.working_capital
        + flow["increase_in_working_capital"]
        - float(earned.inventory_charge),
        fixed_assets=before.fixed_assets + renewed - float(earned.step_up_depreciation),
        goodwill=before.goodwill,
        intangibles=before.intangibles - float(earned.intangible_amortisation),
        other_assets=before.other_assets,
        financing_fees=before.financing_fees - float(earned.fee_amortisation),
        debt=before.debt,
        new_debt=deal.funding.new_debt * left[year + 1] if left else ZERO,
        deferred_tax_liability=before.deferred_tax_liability + flow["deferred_tax"],
        earn_out=ZERO if earn_out is None else earn_out.value(inputs.timing, year),
        other_liabilities=before.other_liabilities,
        equity=before.equity + flow["net_income"],
    )


def income_statement(years: list[Year]) -> IncomeStatement:
    """The kernel's years as columns."""
    return IncomeStatement(
        **{
            name: _column(float(getattr(year, name)) for year in years)
            for name in IncomeStatement.__slots__
        }
    )


def _column(values: object) -> Column:
    return tuple(values)  # type: ignore[arg-type] # of floats
