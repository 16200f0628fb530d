"""What the deal is worth beside its earnings per share: returns, value, leverage, contributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.door import Scalar
from engine.merger.earners import Earner
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import (
    Deal,
    Year,
    net_debt_of_target,
    premium_paid,
    synergy_value,
    unaffected_claims,
)
from engine.merger.parties import Party
from engine.merger.statements import BalanceSheet, BalanceSheets, Column

ColumnOrNone = tuple[float | None, ...]  # (n_years,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionLine:
    """What each firm brings of one figure, by whole year."""

    acquirer: Column  # money
    target: Column  # money
    target_share: ColumnOrNone  # of the sum; None: one of them brings nothing, or less
    # Of the shares, what the target's holders would own by this figure alone: of the enterprise
    # value for what comes before interest, each firm's own net debt taken off.
    implied_ownership: ColumnOrNone


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """To be compared with the target's holders' ownership, were all of the price paid in shares."""

    revenue: ContributionLine
    ebitda: ContributionLine
    ebit: ContributionLine
    net_income: ContributionLine
    equity_value: float | None  # the target's share of both market values before the deal
    ownership: float  # of the target's holders, were all of the price paid in shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Leverage:
    """Debt with the new debt; EBITDA of the whole year, with the synergies that are in place."""

    debt_at_closing: float  # money
    at_closing: float | None  # debt over year 1's EBITDA without synergies
    net_at_closing: float | None  # the same, of debt less cash
    debt: Column  # money, at each year's end
    debt_to_ebitda: ColumnOrNone
    net_debt_to_ebitda: ColumnOrNone
    interest_cover: ColumnOrNone  # EBITDA over interest, both of what follows the closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What the price earns: ROIC = (the target's NOPAT + synergies after tax) / invested."""

    invested: float  # money: enterprise value and all fees
    nopat: Column  # money, of the whole year, before write-offs and costs to achieve
    roic: ColumnOrNone
    wacc: float
    spread: ColumnOrNone  # ROIC less WACC


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCreation:
    """What the synergies are worth, and whose they are: money at the closing.

    created = synergies - premium, which both firms' holders share as they own the firm; the
    target's have the premium besides, so acquirer_part + target_part = synergies.
    """

    synergies: float  # after tax and costs, discounted
    premium: float  # above the target's unaffected diluted equity
    created: float
    acquirer_part: float
    target_part: float
    acquirer_part_per_share: float
    fees: float  # advisers' and the new debt's: they come off, and nobody's part shows them


def contribution(inputs: MergerInputs, deal: Deal) -> Contribution:
    """Every number of the deal is a number alone."""
    one, other = inputs.acquirer, inputs.target
    values = tuple(_market_value(party) for party in (one, other))
    net_debts = tuple(_net_debt(party) for party in (one, other))
    both = (inputs.buyer, inputs.bought)
    years = range(inputs.timing.years)

    def line(
        columns: tuple[list[float], list[float]], *, before_interest: bool
    ) -> ContributionLine:
        mine, its = columns
        shares = [_share(part, rest) for rest, part in zip(mine, its, strict=True)]
        implied = shares
        if before_interest:
            implied = [_levered(share, values, net_debts) for share in shares]
        return ContributionLine(
            acquirer=tuple(mine),
            target=tuple(its),
            target_share=tuple(shares),
            implied_ownership=tuple(implied),
        )

    def of(read: Callable[[Earner, int], Scalar]) -> tuple[list[float], list[float]]:
        mine, its = ([float(read(each, year)) for year in years] for each in both)
        return mine, its

    in_shares = float(deal.equity_price) / float(one.share_price)
    return Contribution(
        revenue=line(of(Earner.revenue), before_interest=True),
        ebitda=line(of(Earner.ebitda), before_interest=True),
        ebit=line(of(Earner.ebit), before_interest=True),
        net_income=line(of(Earner.net_income), before_interest=False),
        equity_value=_share(values[1], values[0]),
        ownership=in_shares / (float(deal.own.diluted_shares) + in_shares),
    )


def _market_value(party: Party) -> float:
    """Money: diluted equity at the firm's own price."""
    return float(party.share_price * party.shares.shared_at(party.share_price).diluted_shares)


def _net_debt(party: Party) -> float:
    """Money, with the convertibles that are debt at the firm's own price."""
    debt = party.shares.shared_at(party.share_price).debt
    return float(party.balance.debt + debt - party.balance.cash)


def _share(part: float, rest: float) -> float | None:
    """Of a sum whose terms are not below zero; otherwise no share says anything."""
    return part / (part + rest) if part >= 0.0 and rest >= 0.0 and part + rest > 0.0 else None


def _levered(
    share: float | None, values: tuple[float, ...], net_debts: tuple[float, ...]
) -> float | None:
    """The target's part of the equity, where its part of the enterprise value is ``share``."""
    if share is None:
        return None
    enterprise = sum(values) + sum(net_debts)
    return (share * enterprise - net_debts[1]) / sum(values)


def leverage(
    inputs: MergerInputs,
    years: list[Year],
    opening: BalanceSheet,
    sheets: BalanceSheets,
) -> Leverage:
    """Every number of the deal is a number alone."""
    first = sum(float(each.ebitda(0)) for each in (inputs.buyer, inputs.bought))
    debt = [old + new for old, new in zip(sheets.debt, sheets.new_debt, strict=True)]
    ebitda = [float(each.ebitda) / inputs.timing.share(year) for year, each in enumerate(years)]
    at_closing = opening.debt + opening.new_debt
    return Leverage(
        debt_at_closing=at_closing,
        at_closing=_over(at_closing, first),
        net_at_closing=_over(at_closing - opening.cash, first),
        debt=tuple(debt),
        debt_to_ebitda=tuple(map(_over, debt, ebitda)),
        net_debt_to_ebitda=tuple(
            _over(owed - cash, earned)
            for owed, cash, earned in zip(debt, sheets.cash, ebitda, strict=True)
        ),
        interest_cover=tuple(
            _over(float(each.ebitda), float(each.interest + each.new_interest)) for each in years
        ),
    )


def returns(inputs: MergerInputs, deal: Deal) -> Returns:
    """Koller et al., Valuation, on mergers: after tax, before what accounting for the deal charges.

    Every number of the deal is a number alone.
    """
    rates = inputs.acquirer.statements.tax_rate.years()
    invested = float(
        deal.price + net_debt_of_target(inputs, deal) + inputs.advisory + deal.funding.fee
    )
    nopat = [
        float(inputs.bought.nopat(year) + inputs.joined.profit(year) * (1.0 - rates[year]))
        for year in range(inputs.timing.years)
    ]
    wacc = float(inputs.wacc)
    roic = [_over(each, invested) for each in nopat]
    return Returns(
        invested=invested,
        nopat=tuple(nopat),
        roic=tuple(roic),
        wacc=wacc,
        spread=tuple(None if each is None else each - wacc for each in roic),
    )


def value_creation(inputs: MergerInputs, deal: Deal) -> ValueCreation:
    """Brealey, Myers and Allen, Principles of Corporate Finance, 12th ed., ch. 31: the gain of a
    merger, and what it costs when part of it is paid in shares.

    With all holders' equity worth their two market values and the synergies, less the cash paid,
    the acquirer's gain is its ownership x (synergies - premium). Every number is a number alone.
    """
    synergies, premium = float(synergy_value(inputs)), float(premium_paid(inputs, deal))
    created, old = synergies - premium, float(deal.own.diluted_shares)
    ownership = old / float(deal.shares)
    mine = ownership * created
    return ValueCreation(
        synergies=synergies,
        premium=premium,
        created=created,
        acquirer_part=mine,
        target_part=premium + (1.0 - ownership) * created,
        acquirer_part_per_share=mine / old,
        fees=float(inputs.advisory + deal.funding.fee),
    )


def premium_over(inputs: MergerInputs, deal: Deal) -> float | None:
    """Share by which the price is above the target's unaffected diluted equity."""
    return _over(float(premium_paid(inputs, deal)), float(unaffected_claims(inputs)))


def _over(part: float, whole: float) -> float | None:
    """A ratio that says something: to a positive whole."""
    return part / whole if whole > 0.0 else None
