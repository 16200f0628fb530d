"""The merger itself, written once for one deal or a batch of scenarios.

Numbers alone go through as Python floats, arrays as numpy's; nothing here asks which. What no
scenario changes stays a number. Nothing is iterated: the offer says how many shares dilute the
target, and new debt that pays its own fee is one division.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from engine.door import Scalar, power, real, where
from engine.firm.dilution import ZERO, Shared
from engine.merger.allocation import Structure, straight_line
from engine.merger.financing import Funding, fund
from engine.merger.inputs import MergerInputs
from engine.merger.offer import Terms, terms_of


class MergerOutput(StrEnum):
    """A number of a merger that can be asked for over many scenarios."""

    ACCRETION = "ACCRETION"
    CASH_ACCRETION = "CASH_ACCRETION"
    EARNINGS_PER_SHARE = "EARNINGS_PER_SHARE"
    NEW_SHARES = "NEW_SHARES"
    ACQUIRER_OWNERSHIP = "ACQUIRER_OWNERSHIP"
    GOODWILL = "GOODWILL"
    NEW_DEBT = "NEW_DEBT"
    ENTERPRISE_VALUE = "ENTERPRISE_VALUE"
    VALUE_CREATED = "VALUE_CREATED"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deal:
    """What happens on the day of closing: (*batch) money, but for shares and shares of a whole."""

    terms: Terms
    own: Shared  # who shares the acquirer, at its price
    bought: Shared  # who shares the target, at the offer
    equity_price: Scalar  # for all of the target's shares
    new_shares: Scalar  # of the acquirer
    shares: Scalar  # of the acquirer, old and new
    target_debt: Scalar  # of the target, with what is not converted at the offer
    refinanced: Scalar
    interest_kept: Scalar  # share of the target's interest that goes on
    interest_saved: Scalar  # a whole year's, where a rate was given for it; otherwise 0
    cash_need: Scalar
    funding: Funding
    earn_out: Scalar  # at its fair value
    target_equity: Scalar  # in its books
    write_ups: Scalar
    deferred_tax: Scalar  # on them
    net_assets: Scalar  # bought, at their fair values
    goodwill: Scalar
    debt_left: list[Scalar]  # (n_years + 1) share of the new debt, from the closing on

    @property
    def price(self) -> Scalar:
        """(*batch) money: the consideration, with what may have to be paid later."""
        return self.equity_price + self.earn_out


def close(inputs: MergerInputs) -> Deal:
    """The closing of admitted inputs.

    equity price = offer x shares diluted at the offer; new shares = its part in stock / the
    acquirer's price; need = its part in cash + refinanced debt + advisers' fees;
    goodwill = price - (book equity - goodwill there + deferred tax there + write-ups - their tax).
    (Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 7.)
    """
    acquirer, target, financing = inputs.acquirer, inputs.target, inputs.financing
    terms = terms_of(inputs.offer, financing.stock_share, target.share_price, acquirer.share_price)
    own = acquirer.shares.shared_at(acquirer.share_price)
    bought = target.shares.shared_at(terms.price)
    equity_price = terms.price * bought.diluted_shares
    in_stock = equity_price * terms.stock_share
    new_shares = in_stock / acquirer.share_price
    balance = target.balance
    target_debt = balance.debt + bought.debt
    refinanced = target_debt * financing.refinanced
    kept, saved = _interest_left(inputs, target_debt, refinanced)
    need = (equity_price - in_stock) + refinanced + inputs.advisory
    promised = ZERO if inputs.earn_out is None else inputs.earn_out.value(inputs.timing, -1)
    target_equity = balance.equity(bought.debt)
    allocated = inputs.allocated
    write_ups = allocated.write_ups()
    deferred = allocated.deferred_tax(inputs.timing, acquirer.statements.tax_rate.years())
    stripped = target_equity - balance.goodwill + balance.deferred_tax_liability
    net_assets = stripped + write_ups - deferred
    borrowed = financing.new_debt
    return Deal(
        terms=terms,
        own=own,
        bought=bought,
        equity_price=equity_price,
        new_shares=new_shares,
        shares=own.diluted_shares + new_shares,
        target_debt=target_debt,
        refinanced=refinanced,
        interest_kept=kept,
        interest_saved=saved,
        cash_need=need,
        funding=fund(financing, need),
        earn_out=promised,
        target_equity=target_equity,
        write_ups=write_ups,
        deferred_tax=deferred,
        net_assets=net_assets,
        goodwill=equity_price + promised - net_assets,
        debt_left=[] if borrowed is None else borrowed.left(inputs.timing),
    )


def _interest_left(
    inputs: MergerInputs, target_debt: Scalar, refinanced: Scalar
) -> tuple[Scalar, Scalar]:
    """The share of the target's interest that goes on, and money that is saved at a given rate.

    Debt ends where it is refinanced, or converted at the offer.
    """
    target, rate = inputs.target, inputs.financing.target_debt_rate
    before = target.balance.debt + target.shares.convertible_debt
    left = target_debt - refinanced
    if rate is not None:
        return 1.0, rate * (before - left)
    owing = real(before) > ZERO
    return where(owing, left, 1.0) / where(owing, before, 1.0), ZERO


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Year:
    """The income statement of the two firms as one: (*batch) money, of what follows the closing."""

    revenue: Scalar
    ebitda: Scalar  # with synergies, before what they cost to achieve
    synergies: Scalar  # of it
    costs_to_achieve: Scalar
    depreciation: Scalar  # of what both had in their books
    intangible_amortisation: Scalar  # of write-ups, as are the next two
    step_up_depreciation: Scalar
    inventory_charge: Scalar
    ebit: Scalar
    interest: Scalar  # of what both owed before and still owe
    interest_saved: Scalar  # of the target's debt that ends; the line above is without it
    new_interest: Scalar
    lost_yield: Scalar  # on the cash used
    fee_amortisation: Scalar
    earn_out_charge: Scalar  # what is promised comes nearer; not deducted for tax
    pre_tax_profit: Scalar
    tax: Scalar
    tax_on_adjustments: Scalar  # of it, on all that the deal adds and takes
    net_income: Scalar
    stand_alone: Scalar  # the acquirer's net income by itself

    @property
    def write_off(self) -> Scalar:
        """(*batch) money: what the write-ups take from the profit."""
        return self.intangible_amortisation + self.step_up_depreciation + self.inventory_charge


def earn(inputs: MergerInputs, deal: Deal, year: int) -> Year:
    """One year's income statement; years count from 0, and year 0 may be a stub.

    Each firm's profit is taxed at its own rate, and whatever the deal adds or takes at the
    acquirer's: so a deal without effects adds up the two net incomes.
    """
    timing, joined, allocated = inputs.timing, inputs.joined, inputs.allocated
    one, other = inputs.buyer, inputs.bought
    part, rate = timing.share(year), inputs.acquirer.statements.tax_rate.years()[year]
    synergies = joined.profit(year) * part
    spent = joined.spent(year) * part
    ebitda = (one.ebitda(year) + other.ebitda(year)) * part + synergies
    depreciation = (one.depreciation(year) + other.depreciation(year)) * part
    amortisation = allocated.intangible_charge(timing, year)
    step_up = allocated.fixed_asset_charge(timing, year)
    inventory = allocated.inventory_charge(year)
    write_off = amortisation + step_up + inventory
    target_interest = other.interest(year)
    still = target_interest * deal.interest_kept - deal.interest_saved
    new_interest, fees = _new_debt_costs(inputs, deal, year)
    lost = deal.funding.cash_used * inputs.financing.lost_yield * part
    nearer = _earn_out_charge(inputs, year)
    interest = (one.interest(year) + still) * part
    ebit = ebitda - spent - depreciation - write_off
    saved = (target_interest - still) * part
    before_tax = ebit - interest - new_interest - lost - fees - nearer
    effects = synergies - spent - write_off + saved - (new_interest + lost + fees)
    on_effects = effects * rate
    tax = (one.tax(year) + other.tax(year)) * part + on_effects
    return Year(
        revenue=(one.revenue(year) + other.revenue(year) + joined.sold(year)) * part,
        ebitda=ebitda,
        synergies=synergies,
        costs_to_achieve=spent,
        depreciation=depreciation,
        intangible_amortisation=amortisation,
        step_up_depreciation=step_up,
        inventory_charge=inventory,
        ebit=ebit,
        interest=interest,
        interest_saved=saved,
        new_interest=new_interest,
        lost_yield=lost,
        fee_amortisation=fees,
        earn_out_charge=nearer,
        pre_tax_profit=before_tax,
        tax=tax,
        tax_on_adjustments=on_effects,
        net_income=before_tax - tax,
        stand_alone=one.net_income(year) * part,
    )


def _new_debt_costs(inputs: MergerInputs, deal: Deal, year: int) -> tuple[Scalar, Scalar]:
    """Interest on the opening balance, and the part of the fee that is written off."""
    borrowed = inputs.financing.new_debt
    if borrowed is None:
        return ZERO, ZERO
    opening = deal.funding.new_debt * deal.debt_left[year]
    interest = opening * borrowed.rate * inputs.timing.share(year)
    return interest, deal.funding.fee * straight_line(borrowed.tenor, inputs.timing, year)


def _earn_out_charge(inputs: MergerInputs, year: int) -> Scalar:
    earn_out = inputs.earn_out
    if earn_out is None or earn_out.discount_rate is None:
        return ZERO
    after = earn_out.value(inputs.timing, year) + earn_out.paid(year)
    return after - earn_out.value(inputs.timing, year - 1)


def cash_income(inputs: MergerInputs, earned: Year, year: int) -> Scalar:
    """(*batch) money: net income without what the deal charges and nobody pays in the year.

    Write-offs of write-ups and of fees, after tax, and the earn-out's charge.
    """
    rate = inputs.acquirer.statements.tax_rate.years()[year]
    charged = (earned.write_off + earned.fee_amortisation) * (1.0 - rate)
    return earned.net_income + charged + earned.earn_out_charge


def accretion(with_deal: Scalar, without: Scalar) -> Scalar:
    """(*batch) share by which earnings rise; of a loss, of its amount: above zero is better."""
    at = real(without)
    size = where(at > ZERO, without, where(at < ZERO, -without, math.nan))
    return (with_deal - without) / size


def discount_factors(inputs: MergerInputs) -> list[Scalar]:
    """(n_years, *batch) of each year's end, at the WACC."""
    step = 1.0 / (1.0 + inputs.wacc)
    stub = inputs.timing.stub
    factors = [step if stub == 1.0 else power(1.0 + inputs.wacc, -stub)]
    for _ in range(1, inputs.timing.years):
        factors.append(factors[-1] * step)
    return factors


def synergy_value(inputs: MergerInputs) -> Scalar:
    """(*batch) money: synergies after tax and costs, discounted to the closing.

    Without `Synergies.growth` they end with the forecast; with it, the last year's go on.
    """
    joined, timing = inputs.joined, inputs.timing
    if inputs.synergies is None:
        return ZERO
    rates = inputs.acquirer.statements.tax_rate.years()
    value: Scalar = ZERO
    factors = discount_factors(inputs)
    for year, factor in enumerate(factors):
        net = (joined.profit(year) - joined.spent(year)) * timing.share(year)
        value = value + net * (1.0 - rates[year]) * factor
    if joined.growth is None:
        return value
    last = joined.profit(timing.years - 1) * (1.0 - rates[-1])
    return value + last * (1.0 + joined.growth) / (inputs.wacc - joined.growth) * factors[-1]


def unaffected_claims(inputs: MergerInputs) -> Scalar:
    """(*batch) money: the target's diluted equity before the deal was known, with its convertibles
    that are debt there, so that what converts at the offer is compared with itself."""
    target = inputs.target
    shared = target.shares.shared_at(target.share_price)
    return target.share_price * shared.diluted_shares + shared.debt


def premium_paid(inputs: MergerInputs, deal: Deal) -> Scalar:
    """(*batch) money: the price above the target's unaffected diluted equity."""
    return deal.price + deal.bought.debt - unaffected_claims(inputs)


def net_debt_of_target(inputs: MergerInputs, deal: Deal) -> Scalar:
    """(*batch) money, at the closing."""
    return deal.target_debt - inputs.target.balance.cash


def outputs(inputs: MergerInputs) -> dict[str, Scalar]:
    """Every `MergerOutput` of admitted inputs; of the earnings year 1's."""
    deal = close(inputs)
    first = earn(inputs, deal, 0)
    alone = first.stand_alone / deal.own.diluted_shares
    per_share = first.net_income / deal.shares
    in_cash = cash_income(inputs, first, 0) / deal.shares
    return {
        MergerOutput.ACCRETION.value: accretion(per_share, alone),
        MergerOutput.CASH_ACCRETION.value: accretion(in_cash, alone),
        MergerOutput.EARNINGS_PER_SHARE.value: per_share,
        MergerOutput.NEW_SHARES.value: deal.new_shares,
        MergerOutput.ACQUIRER_OWNERSHIP.value: deal.own.diluted_shares / deal.shares,
        MergerOutput.GOODWILL.value: deal.goodwill,
        MergerOutput.NEW_DEBT.value: deal.funding.new_debt,
        MergerOutput.ENTERPRISE_VALUE.value: deal.price + net_debt_of_target(inputs, deal),
        MergerOutput.VALUE_CREATED.value: synergy_value(inputs) - premium_paid(inputs, deal),
    }


def taxed_apart(inputs: MergerInputs) -> bool:
    """Whether write-ups are charged without being deducted, so that their tax is deferred."""
    return inputs.allocated.structure is Structure.STOCK
