"""The verb: follow one merger from the offer to the years after, and keep every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from engine.errors import Infeasible
from engine.merger.admission import admit, outside
from engine.merger.dilution import TargetDilution, dilution_of
from engine.merger.earnings import EarningsPerShare, earnings_per_share
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import (
    Deal,
    MergerOutput,
    close,
    earn,
    net_debt_of_target,
    outputs,
)
from engine.merger.review import review
from engine.merger.statements import (
    BalanceSheets,
    CashFlow,
    ClosingBalance,
    IncomeStatement,
    carry_on,
    closing_balance,
    income_statement,
)
from engine.merger.worth import (
    Contribution,
    Leverage,
    Returns,
    ValueCreation,
    contribution,
    leverage,
    premium_over,
    returns,
    value_creation,
)
from engine.questions import Questions
from engine.remarks import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTerms:
    """What is paid for the target, and how much that is."""

    price: float  # money, for one of the target's shares
    premium: float  # on the target's share price
    premium_on_equity: float | None  # of the whole price on its unaffected diluted equity
    exchange_ratio: float  # of the acquirer's shares, for one of the target's
    stock_share: float  # of the price
    stock_per_share: float  # money
    cash_per_share: float  # money
    diluted_shares: float  # of the target, at the offer
    dilution: TargetDilution | None  # who takes part; None: diluted shares were given
    equity_price: float  # money
    earn_out: float  # money, at its fair value
    net_debt: float  # money, of the target at the closing
    enterprise_value: float  # money: all three
    ev_to_revenue: float | None  # on year 1, as are the next two
    ev_to_ebitda: float | None
    price_to_earnings: float | None
    acquirer_price_to_earnings: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAndUses:
    """Money at the closing; both sides are added up by themselves."""

    new_shares: float
    balance_sheet_cash: float
    new_debt: float
    total_sources: float
    equity: float
    refinanced_debt: float
    advisory_fees: float
    financing_fees: float
    total_uses: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who owns the acquirer after the closing."""

    acquirer_shares: float  # diluted at its own price
    new_shares: float
    shares: float  # both
    acquirer: float  # share of all
    target: float  # share of all


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceAllocation:
    """From the target's books to goodwill: money."""

    price: float  # the equity price, and the earn-out at its fair value
    book_equity: float
    existing_goodwill: float  # written off
    existing_deferred_tax: float  # written off
    intangibles: float
    fixed_asset_step_up: float
    inventory_step_up: float
    deferred_tax: float  # on the three
    net_assets: float  # at their fair values
    goodwill: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergerResult:
    """A deal and its consequences. ``inputs`` are as admitted: schedules year by year.

    The numbers first are those of `MergerOutput`, of year 1 where they are a year's.
    """

    inputs: MergerInputs
    accretion: float  # of GAAP earnings per share, as a fraction
    cash_accretion: float
    earnings_per_share: float  # money a share, GAAP, with the deal
    new_shares: float
    acquirer_ownership: float
    goodwill: float
    new_debt: float
    enterprise_value: float
    value_created: float
    stub_share: float | None  # None: the fiscal year's end was not given
    offer: OfferTerms
    sources_and_uses: SourcesAndUses
    holders: Holders
    allocation: PriceAllocation
    closing: ClosingBalance
    income_statement: IncomeStatement
    cash_flow: CashFlow
    balance_sheets: BalanceSheets
    per_share: EarningsPerShare
    contribution: Contribution
    leverage: Leverage
    returns: Returns
    value_creation: ValueCreation
    remarks: tuple[Remark, ...]


merger_question: Final = Questions(MergerOutput, admit, outputs, outside)


def value_merger(inputs: MergerInputs) -> MergerResult:
    """Follow one deal. Every number of ``inputs`` is a number alone; batches go through
    `scenarios`.

    Raises:
        InvalidInput: with every problem of the inputs.
        Infeasible: if the deal cannot be closed, or a number leaves the range of a double.
    """
    admitted = admit(inputs)
    deal = close(admitted)
    years = [earn(admitted, deal, year) for year in range(admitted.timing.years)]
    closing = closing_balance(admitted, deal)
    flow, sheets = carry_on(admitted, deal, closing.pro_forma, years)
    top = {name.lower(): float(value) for name, value in outputs(admitted).items()}
    timing = admitted.timing
    per_share = earnings_per_share(admitted, deal, years)
    debts = leverage(admitted, years, closing.pro_forma, sheets)
    earned, created = returns(admitted, deal), value_creation(admitted, deal)
    result = MergerResult(
        inputs=admitted,
        **top,
        stub_share=None if timing.fiscal_year_end is None else timing.stub,
        offer=_offer_terms(admitted, deal),
        sources_and_uses=_sources_and_uses(admitted, deal),
        holders=_holders(deal),
        allocation=_allocation(admitted, deal),
        closing=closing,
        income_statement=income_statement(years),
        cash_flow=flow,
        balance_sheets=sheets,
        per_share=per_share,
        contribution=contribution(admitted, deal),
        leverage=debts,
        returns=earned,
        value_creation=created,
        remarks=review(
            admitted, deal, per_share, debts, closing.pro_forma, sheets, earned, created
        ),
    )
    if not all(map(math.isfinite, _numbers(result))):
        raise Infeasible(
            "A number of the merger is beyond the range of a double: the figures are out of this "
            "world."
        )
    return result


def _numbers(node: Any) -> Iterator[float]:
    """Every number of a result, but for its inputs."""
    if isinstance(node, float):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from _numbers(each)
    elif is_dataclass(node) and not isinstance(node, MergerInputs):
        for field in fields(node):
            yield from _numbers(getattr(node, field.name))


def _offer_terms(inputs: MergerInputs, deal: Deal) -> OfferTerms:
    target, terms = inputs.target, deal.terms
    price, stock = float(terms.price), float(terms.stock)
    net_debt = float(net_debt_of_target(inputs, deal))
    enterprise = float(deal.price) + net_debt
    its = inputs.bought
    return OfferTerms(
        price=price,
        premium=price / float(target.share_price) - 1.0,
        premium_on_equity=premium_over(inputs, deal),
        exchange_ratio=stock / float(inputs.acquirer.share_price),
        stock_share=float(terms.stock_share),
        stock_per_share=stock,
        cash_per_share=price - stock,
        diluted_shares=float(deal.bought.diluted_shares),
        dilution=dilution_of(target.shares, deal.bought),
        equity_price=float(deal.equity_price),
        earn_out=float(deal.earn_out),
        net_debt=net_debt,
        enterprise_value=enterprise,
        ev_to_revenue=_over(enterprise, its.revenue(0)),
        ev_to_ebitda=_over(enterprise, its.ebitda(0)),
        price_to_earnings=_over(deal.price, its.net_income(0)),
        acquirer_price_to_earnings=_over(
            inputs.acquirer.share_price * deal.own.diluted_shares, inputs.buyer.net_income(0)
        ),
    )


def _sources_and_uses(inputs: MergerInputs, deal: Deal) -> SourcesAndUses:
    funding = deal.funding
    sources = {
        "new_shares": float(deal.new_shares * inputs.acquirer.share_price),
        "balance_sheet_cash": float(funding.cash_used),
        "new_debt": float(funding.new_debt),
    }
    uses = {
        "equity": float(deal.equity_price),
        "refinanced_debt": float(deal.refinanced),
        "advisory_fees": float(inputs.advisory),
        "financing_fees": float(funding.fee),
    }
    return SourcesAndUses(
        **sources, total_sources=sum(sources.values()), **uses, total_uses=sum(uses.values())
    )


def _holders(deal: Deal) -> Holders:
    old, new, shares = map(float, (deal.own.diluted_shares, deal.new_shares, deal.shares))
    return Holders(
        acquirer_shares=old,
        new_shares=new,
        shares=shares,
        acquirer=old / shares,
        target=new / shares,
    )


def _allocation(inputs: MergerInputs, deal: Deal) -> PriceAllocation:
    allocated, balance = inputs.allocated, inputs.target.balance
    step_up = allocated.fixed_asset_step_up
    return PriceAllocation(
        price=float(deal.price),
        book_equity=float(deal.target_equity),
        existing_goodwill=float(balance.goodwill),
        existing_deferred_tax=float(balance.deferred_tax_liability),
        intangibles=float(sum(each.amount for each in allocated.intangibles)),
        fixed_asset_step_up=0.0 if step_up is None else float(step_up.amount),
        inventory_step_up=float(allocated.inventory_step_up),
        deferred_tax=float(deal.deferred_tax),
        net_assets=float(deal.net_assets),
        goodwill=float(deal.goodwill),
    )


def _over(part: Any, whole: Any) -> float | None:
    """A ratio that says something: to a positive whole."""
    return float(part) / float(whole) if whole > 0.0 else None
