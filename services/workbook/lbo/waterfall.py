"""What a year's available cash does, and the rounds by which it is found where it is circular.

Interest on mean balances depends on what is repaid, and that on the interest; and so does the tax,
where fees are written off with what is prepaid. A round takes the available cash of the round
before, lets it repay and draw, reckons interest and tax on the balances that come of it, and so has
the cash that is available then. From one round to the next the distance to the solution shrinks by
`steepness`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.firm.losses import LossesLeft
from services.workbook.lbo.buyout import Buyout, Loan
from services.workbook.lbo.costs import Costs

AVAILABLE: Final = "={flow.opening}+{flow.before}+{debt.mandatory}-{cash.minimum}"
_ARRIVED: Final = 1e-14  # of the first round's distance
_ROOM: Final = 1.5  # whoever types in rates that are dearer by half still gets as near
_LEAST, _MOST = 8, 400
_STEEPEST: Final = 0.95


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The engine's numbers: (n_years,) money; ``before`` by swept tranche, ``room`` by revolver."""

    available: list[float]
    budget: list[float]
    needed: list[float]
    before: list[list[float]]
    room: list[list[float]]

    @classmethod
    def of(cls, buyout: Buyout) -> Waterfall:
        flow, cash = buyout.valuation.statements.cash_flow, buyout.inputs.cash
        lines = zip(
            flow.opening_cash, flow.cash_before_repayment, flow.mandatory_repayment, strict=True
        )
        available = [start + more - due - float(cash.minimum) for start, more, due in lines]
        shares = [1.0] * buyout.years if cash.sweep is None else map(float, cash.sweep.years())
        pairs = zip(available, shares, strict=True)
        before = [
            [
                opening + accrued - due
                for opening, accrued, due in zip(
                    loan.schedule.opening,
                    loan.schedule.paid_in_kind,
                    loan.schedule.mandatory,
                    strict=True,
                )
            ]
            for loan in buyout.swept
        ]
        room = [
            [
                float(loan.tranche.commitment or 0.0) - owed
                if year + 1 < loan.tranche.tenor
                else 0.0
                for year, owed in enumerate(before[at])
            ]
            for at, loan in enumerate(buyout.revolvers)
        ]
        return cls(
            available=available,
            budget=[max(money, 0.0) * share for money, share in pairs],
            needed=[max(-money, 0.0) for money in available],
            before=before,
            room=room,
        )


@dataclass(slots=True)
class Still:
    """A year's money before anything is swept or drawn: (n_years,); by swept tranche where lists.

    Costs are of a unit that is repaid, or drawn, for the whole year: rates times the year's part.
    """

    costs: list[list[float]]  # of debt, before tax
    dividends: list[list[float]]  # of preferred stock, after it
    interest: list[list[float]]  # with the undrawn fee; of preferred stock its dividend
    write_offs: list[list[float]]  # of debt's fee and discount: a share of what is repaid
    at_once: list[float]  # of the same, whatever is swept
    kept: list[float]  # what a unit of cash earns
    fixed: list[float]  # interest and fees
    paid_out: list[float]  # preferred dividends in cash
    profit: list[float]  # EBT, without interest on the closing cash
    base: list[float]  # what is available beside EBT less tax
    start: list[float]  # what is available if nothing moved

    @classmethod
    def of(cls, buyout: Buyout, cash: Waterfall) -> Still:
        statements = buyout.valuation.statements
        income, flow = statements.income, statements.cash_flow
        cells = range(buyout.years)
        costs, dividends, interest, write_offs = [], [], [], []
        for at, loan in enumerate(buyout.swept):
            unit = [_cost(loan, year, part) for year, part in enumerate(buyout.parts)]
            none = [0.0] * buyout.years
            costs.append(none if loan.tranche.preferred else unit)
            dividends.append(unit if loan.tranche.preferred else none)
            interest.append(_on_means(buyout, loan, cash.before[at]))
            write_offs.append(Costs.of(buyout, loan).unit if buyout.saves(loan) else none)
        gone = [Costs.of(buyout, loan).at_once for loan in buyout.loans if buyout.saves(loan)]
        at_once = [sum(each[t] for each in gone) for t in cells]
        # All that does not move is what the engine says, less what does.
        fixed = [income.cash_interest[t] + income.undrawn_fees[t] for t in cells]
        paid_out = list(flow.cash_preferred_dividends)
        for at, loan in enumerate(buyout.swept):
            moved = _on_means(buyout, loan, loan.schedule.closing)
            into = paid_out if loan.tranche.preferred else fixed
            for t in cells:
                into[t] += interest[at][t] - moved[t]
        kept = [float(buyout.inputs.cash.interest_rate) * part for part in buyout.parts]
        profit = [
            income.ebit[t]
            - fixed[t]
            - income.pik_interest[t]
            - income.amortisation_of_fees[t]
            - at_once[t]
            + kept[t] * flow.opening_cash[t] * (1.0 - _half(buyout))
            for t in cells
        ]
        stock = flow.stock_compensation or (0.0,) * buyout.years
        base = [
            flow.opening_cash[t]
            + flow.depreciation[t]
            + flow.amortisation_of_fees[t]
            + at_once[t]
            + flow.pik_interest[t]
            + stock[t]
            - flow.capital_expenditure[t]
            - flow.increase_in_working_capital[t]
            - paid_out[t]
            - flow.mandatory_repayment[t]
            - float(buyout.inputs.cash.minimum)
            for t in cells
        ]
        rates = [float(rate) for rate in buyout.inputs.operations.tax_rate.years()]
        start = [base[t] + profit[t] - max(profit[t], 0.0) * rates[t] for t in cells]
        return cls(
            costs=costs,
            dividends=dividends,
            interest=interest,
            write_offs=write_offs,
            at_once=at_once,
            kept=kept,
            fixed=fixed,
            paid_out=paid_out,
            profit=profit,
            base=base,
            start=start,
        )


@dataclass(slots=True)
class Round:
    """One round of every year: (n_years,) money."""

    paid: list[list[float]]
    drawn: list[list[float]]
    cash: list[float] = field(default_factory=list)
    ebt: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    tax: list[float] = field(default_factory=list)
    available: list[float] = field(default_factory=list)


def rounds_of(buyout: Buyout, cash: Waterfall, still: Still) -> list[Round]:
    """What the formulas of each round come to; round k of a year follows its own round k - 1."""
    inputs, deducted, half = buyout.inputs, buyout.deducted, _half(buyout)
    rates = [float(rate) for rate in inputs.operations.tax_rate.years()]
    left = _losses_at_start(buyout)
    found = []
    available: Sequence[float] = still.start
    for _ in range(rounds_needed(buyout)):
        now = Round(
            paid=[[] for _ in buyout.swept],
            drawn=[[] for _ in buyout.revolvers],
        )
        for t, money in enumerate(available):
            share = 1.0 if inputs.cash.sweep is None else float(inputs.cash.sweep.years()[t])
            paid = _share_out(max(money, 0.0) * share, [owed[t] for owed in cash.before])
            drawn = _share_out(max(-money, 0.0), [room[t] for room in cash.room])
            for line, value in zip((*now.paid, *now.drawn), (*paid, *drawn), strict=True):
                line.append(value)
            closing = float(inputs.cash.minimum) + money - sum(paid) + sum(drawn)
            saved = sum(cost[t] * each for cost, each in zip(still.costs, paid, strict=True))
            spent = sum(cost[t] * each for cost, each in zip(still.costs, drawn, strict=False))
            stock = sum(rate[t] * each for rate, each in zip(still.dividends, paid, strict=True))
            gone = sum(unit[t] * each for unit, each in zip(still.write_offs, paid, strict=True))
            ebt = still.profit[t] + (saved - spent + still.kept[t] * closing) * half - gone
            income = ebt - deducted[t]
            used = _used(buyout, left[t], income, t)
            tax = max(income - used, 0.0) * rates[t]
            now.cash.append(closing)
            now.ebt.append(ebt)
            now.used.append(used)
            now.tax.append(tax)
            now.available.append(still.base[t] + ebt - tax + stock * half + gone)
        found.append(now)
        available = now.available
    return found


def rounds_needed(buyout: Buyout) -> int:
    """How many rounds it takes until what is left of a first guess is below a double's digits."""
    shrinks = min(_ROOM * max(steepness(buyout)), _STEEPEST)
    if shrinks <= 0.0:
        return _LEAST
    return min(max(math.ceil(math.log(_ARRIVED) / math.log(shrinks)), _LEAST), _MOST)


def steepness(buyout: Buyout) -> list[float]:
    """(n_years,) how much of a unit of cash may come back: half a rate, and the tax on what goes.

    A unit's interest is taxed, and what is written off with it saves tax: so it is steepest without
    any tax, or with all of it.
    """
    half, kept = _half(buyout), abs(float(buyout.inputs.cash.interest_rate))
    lines, found = steepness_by_loan(buyout) if buyout.hastens else [], []
    for year, part in enumerate(buyout.parts):
        untaxed = [half * abs(_cost(loan, year, part)) for loan in buyout.swept]
        taxed = [line[year] for line in lines]
        found.append(max(half * kept * part, *untaxed, *taxed, 0.0))
    return found


def steepness_by_loan(buyout: Buyout) -> list[list[float]]:
    """The same with all of the tax, by swept tranche: half its rate after tax, and the tax that
    is saved on what of its costs goes with a unit.
    """
    half, found = _half(buyout), []
    rates = [float(rate) for rate in buyout.inputs.operations.tax_rate.years()]
    for loan in buyout.swept:
        units = Costs.of(buyout, loan).unit if buyout.saves(loan) else [0.0] * buyout.years
        line = []
        for year, (part, tax) in enumerate(zip(buyout.parts, rates, strict=True)):
            kept = 1.0 if loan.tranche.preferred else 1.0 - tax
            line.append(half * abs(_cost(loan, year, part)) * kept + tax * units[year])
        found.append(line)
    return found


def last_round(buyout: Buyout) -> str:
    """What the lines of the last round begin with."""
    return f"round.{rounds_needed(buyout)}"


def _share_out(money: float, most: Sequence[float]) -> list[float]:
    """In their order, each up to its own most."""
    found: list[float] = []
    for each in most:
        found.append(min(max(money - sum(found), 0.0), each))
    return found


def _cost(loan: Loan, year: int, part: float) -> float:
    fee = 0.0 if loan.tranche.undrawn_fee is None else float(loan.tranche.undrawn_fee)
    return (loan.schedule.rate[year] - fee) * part


def _on_means(buyout: Buyout, loan: Loan, closing: Sequence[float]) -> list[float]:
    """Money a year: interest, or dividends, and undrawn fee on the mean with a closing balance; on
    the opening one, where interest is on that.
    """
    tranche, found = loan.tranche, []
    for year, part in enumerate(buyout.parts):
        mean = loan.schedule.opening[year]
        if buyout.average:
            mean = (mean + closing[year]) / 2.0
        cost = loan.schedule.rate[year] * mean
        if tranche.undrawn_fee is not None and year < tranche.tenor:
            cost += float(tranche.undrawn_fee) * (float(tranche.commitment or 0.0) - mean)
        found.append(cost * part)
    return found


def _half(buyout: Buyout) -> float:
    """What of a balance's change interest is on."""
    return 0.5 if buyout.average else 0.0


def _losses_at_start(buyout: Buyout) -> list[float]:
    """What is carried forward into each year."""
    losses = buyout.inputs.operations.losses
    if losses is None:
        return [0.0] * buyout.years
    running, found = LossesLeft(losses), []
    lines = zip(buyout.valuation.statements.income.ebt, buyout.deducted, buyout.parts, strict=True)
    for ebt, deducted, part in lines:
        found.append(float(running.balance))
        running.set_against(ebt - deducted, part)
    return found


def _used(buyout: Buyout, left: float, income: float, year: int) -> float:
    losses = buyout.inputs.operations.losses
    if losses is None:
        return 0.0
    trial = LossesLeft(losses)
    trial.balance = left
    return float(trial.set_against(income, buyout.parts[year]))
