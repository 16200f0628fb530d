"""What would mend a deal that cannot be closed: numbers, rounded to the side on which they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.door import no_less, no_more
from engine.errors import any_of
from engine.firm.dilution import PRICE_MAX, share_out
from engine.merger.allocation import Allocation
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, taxed_apart
from engine.merger.offer import (
    PREMIUM_RANGE,
    RATIO_MAX,
    Collar,
    FixedRatio,
    FloatingRatio,
    Offer,
)
from engine.merger.parties import Party


def new_debt_of(missing: float) -> str:
    """What has to be borrowed for what is ``missing``, in money: new debt pays for its own fee."""
    return f"give financing.new_debt: {no_less(missing)} / (1 - its fee) would be borrowed"


def enough_money(inputs: MergerInputs, deal: Deal, missing: float) -> str:
    """What may pay for what is ``missing``, in money, each by itself; of one deal."""
    financing = inputs.financing
    owed, price = float(deal.target_debt), float(deal.equity_price)
    ways = [new_debt_of(missing)]
    used = float(financing.balance_sheet_cash)
    if used + missing <= float(inputs.acquirer.balance.cash + inputs.target.balance.cash):
        ways.append(f"let financing.balance_sheet_cash be {no_less(used + missing)} or more")
    in_cash = float(deal.cash_need) - float(deal.refinanced) - float(inputs.advisory)
    if financing.stock_share is not None and in_cash >= missing:
        mix = float(financing.stock_share) + missing / price
        ways.append(f"let financing.stock_share be {no_less(min(mix, 1.0))} or more")
    if float(deal.refinanced) >= missing:
        kept = (float(deal.refinanced) - missing) / owed
        ways.append(f"let financing.refinanced be {no_more(kept)} or less")
    return any_of(ways)


def enough_price(inputs: MergerInputs, deal: Deal, gap: float) -> str:
    """What to offer so that net assets that exceed the price by ``gap``, in money, do not; in the
    words in which the offer is made. Of one deal.

    The price and the target's convertibles together come to the net assets before the
    convertibles, whoever converts.
    """
    less = f"{fewer_assets(inputs, gap)}{_lower_write_up(inputs, gap)}"
    claims = float(deal.equity_price) + float(deal.bought.debt) + gap
    price = _price_of(inputs.target, claims)
    own, market = float(inputs.acquirer.share_price), float(inputs.target.share_price)
    if price > PRICE_MAX:
        return any_of([less])
    named = _in_words(inputs.offer, price, own, market)
    return any_of([less, f"offer {no_less(price)} a share or more{named}"])


def fewer_assets(inputs: MergerInputs, gap: float) -> str:
    """By how much the net assets are too many: ``gap``, in money."""
    taxed = " after deferred tax" if taxed_apart(inputs) else ""
    return f"bring the net assets down by {no_less(gap)}{taxed}"


def _lower_write_up(inputs: MergerInputs, gap: float) -> str:
    """The largest write-up, and what it may be, where it alone can be lowered by enough."""
    path, alone = max(_write_ups(inputs.allocated), key=lambda each: float(each[1].write_ups()))
    amount = float(alone.write_ups())
    rates = inputs.acquirer.statements.tax_rate.years()
    net = amount - float(alone.deferred_tax(inputs.timing, rates))
    if not net >= gap:
        return ""
    return f", so let allocation.{path} be {no_more(amount * (1.0 - gap / net))} or less"


def _write_ups(allocation: Allocation) -> Iterator[tuple[str, Allocation]]:
    """Each by itself, and where its amount stands."""
    only = Allocation(structure=allocation.structure)
    yield "inventory_step_up", replace(only, inventory_step_up=allocation.inventory_step_up)
    if allocation.fixed_asset_step_up is not None:
        step_up = replace(only, fixed_asset_step_up=allocation.fixed_asset_step_up)
        yield "fixed_asset_step_up.amount", step_up
    for number, each in enumerate(allocation.intangibles):
        yield f"intangibles[{number}].amount", replace(only, intangibles=(each,))


def offer_for(target: Party, equity_price: float, debt: float) -> float | None:
    """Money a share at which all of the target's shares, diluted at that offer, come to a price.

    ``debt`` is the face value of the convertibles that stay debt; None where, at the offer that is
    found, others do.
    """
    shares = target.shares
    if shares.diluted is not None:
        return equity_price / float(shares.diluted)
    found = share_out(equity_price + debt, shares.held, shares.options, shares.convertibles)
    return float(found.price) if float(found.debt) == debt else None


def _price_of(target: Party, claims: float) -> float:
    """Money a share at which all claims on the target's equity come to so much."""
    shares = target.shares
    if shares.diluted is not None:
        return claims / float(shares.diluted)
    return float(share_out(claims, shares.held, shares.options, shares.convertibles).price)


def _in_words(offer: Offer, price: float, own: float, market: float) -> str:
    """The input that makes the offer come to a price, and what it has to be."""
    ratio = offer.exchange_ratio
    if offer.price is not None:
        return f", so let offer.price be {no_less(price)} or more"
    if offer.premium is not None:
        premium = price / market - 1.0
        if premium > PREMIUM_RANGE[1]:
            return ""
        return f", so let offer.premium be {no_less(premium)} or more"
    in_stock = price - (0.0 if offer.cash_per_share is None else float(offer.cash_per_share))
    path = "offer.exchange_ratio"
    match ratio:
        case FixedRatio():
            name, least, most = "fixed.ratio", in_stock / own, RATIO_MAX
        case FloatingRatio():
            name, least, most = "floating.value", in_stock, PRICE_MAX
        case Collar():
            times = in_stock / float(ratio.stock_value(own))
            name, least, most = "collar.ratio", float(ratio.ratio) * times, RATIO_MAX
        case _:
            return ""
    return f", so let {path}.{name} be {no_less(least)} or more" if least <= most else ""
