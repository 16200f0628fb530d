"""What a reviewer would write in the margin of a merger: true of it, and worth a second look."""

from __future__ import annotations

from collections.abc import Iterator

from engine.door import no_less, no_more, show
from engine.errors import any_of
from engine.merger.earnings import EarningsPerShare
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal
from engine.merger.statements import BalanceSheet, BalanceSheets
from engine.merger.worth import Leverage, Returns, ValueCreation
from engine.remarks import Remark, in_years

# Where a reviewer starts to ask. Rules of thumb of the trade, not laws: they never change a number.
HIGH_PREMIUM = 0.6
HIGH_LEVERAGE = 4.0  # net debt over EBITDA
LOW_COVER = 3.0
HIGH_RATE = 0.25  # 1/year: debt that costs more is more likely debt that was left out
BOLD_SYNERGIES = 0.15  # of the target's revenue, saved and sold together
GOODWILL_SHARE = 0.8  # of the price


def review(
    inputs: MergerInputs,
    deal: Deal,
    per_share: EarningsPerShare,
    leverage: Leverage,
    opening: BalanceSheet,
    sheets: BalanceSheets,
    returns: Returns,
    value: ValueCreation,
) -> tuple[Remark, ...]:
    """In the order in which a reader meets the inputs."""
    return (
        *_on_parties(inputs, per_share),
        *_on_refinancing(inputs, deal),
        *_on_offer(inputs, deal),
        *_on_financing(leverage, sheets),
        *_on_equity(inputs, deal, opening),
        *_on_allocation(inputs, deal),
        *_on_synergies(inputs, per_share, returns, value),
    )


def _on_parties(inputs: MergerInputs, per_share: EarningsPerShare) -> Iterator[Remark]:
    losing = [year + 1 for year, eps in enumerate(per_share.stand_alone) if eps < 0.0]
    if losing:
        yield Remark(
            "STAND_ALONE_LOSS",
            "acquirer.statements",
            f"By itself the acquirer makes a loss in {in_years(losing)}. Accretion is a share of "
            "that loss there, above zero where the deal makes it smaller. Such a share says "
            "little: read the money.",
        )
    for name, its in (("acquirer", inputs.buyer), ("target", inputs.bought)):
        span = range(inputs.timing.years)
        lost = [year + 1 for year in span if its.pre_tax_profit(year) < 0.0]
        if lost:
            called = getattr(inputs, name).name.strip()
            yield Remark(
                "LOSS_SAVES_TAX",
                f"{name}.statements",
                f"{called} makes a loss before tax in {in_years(lost)}, which is taken "
                "to save tax in the same year. Limits on losses may say otherwise.",
            )


def _on_refinancing(inputs: MergerInputs, deal: Deal) -> Iterator[Remark]:
    """Where the target's debt and its interest cannot both be what they are said to be."""
    target, rate = inputs.target, inputs.financing.target_debt_rate
    paid = [float(inputs.bought.interest(year)) for year in range(inputs.timing.years)]
    if rate is not None:
        yield from _on_saving(inputs, deal, paid)
    elif deal.refinanced > 0.0:
        income = [year + 1 for year, interest in enumerate(paid) if interest < 0.0]
        free = [year + 1 for year, interest in enumerate(paid) if interest == 0.0]
        if income:
            yield Remark(
                "INTEREST_IS_INCOME",
                "financing.target_debt_rate",
                f"In {in_years(income)} the target's interest is net income, and it falls with the "
                "debt that is refinanced. Give the rate of that debt, so that what it costs is "
                "saved.",
            )
        if free and target.balance.debt > 0.0:
            yield Remark(
                "DEBT_WITHOUT_INTEREST",
                "target.statements.interest",
                f"In {in_years(free)} the target pays no interest on a debt of "
                f"{show(float(target.balance.debt))}, so that nothing is saved where it is "
                "refinanced. Give what it pays, or the rate of that debt.",
            )
    before = float(target.balance.debt + target.shares.convertible_debt)
    dear = [year + 1 for year, interest in enumerate(paid) if interest > HIGH_RATE * before]
    if dear and inputs.financing.refinanced > 0.0:
        most = paid[dear[0] - 1]
        share = f"{most / before:.0%} of its debt" if before > 0.0 else "and owes nothing"
        yield Remark(
            "INTEREST_BEYOND_DEBT",
            "target.balance.debt",
            f"In {in_years(dear)} the target pays more interest than its debt can cost: "
            f"{show(most)} in year {dear[0]}, {share}. What is not in its books is not repaid.",
        )


def _on_saving(inputs: MergerInputs, deal: Deal, paid: list[float]) -> Iterator[Remark]:
    """Of the target's debt that ends, at the rate that was given for it; of whole years.

    Its interest may be net of income on its cash: of as much as that rate earns, and not more.
    """
    balance, bonds = inputs.target.balance, inputs.target.shares.convertible_debt
    ended = float(balance.debt + bonds - (deal.target_debt - deal.refinanced))
    rate, cash = float(inputs.financing.target_debt_rate or 0.0), float(balance.cash)
    saved, earned = rate * ended, rate * cash
    beyond = [
        year + 1
        for year, interest in enumerate(paid)
        if saved - earned - interest > 1e-9 * max(saved, abs(interest))
    ]
    if not beyond or not ended > 0.0:
        return
    least = min(paid)
    yield Remark(
        "SAVED_ABOVE_PAID",
        "financing.target_debt_rate",
        f"At {show(100.0 * rate)}% the target's debt that ends saves {show(saved)} of interest a "
        f"year. In {in_years(beyond)} the target pays less, {show(least)} at the least, and what "
        f"its cash earns at that rate, {show(earned)}, does not make up for it. "
        + any_of(
            [
                *_rates_borne_out(ended - cash, least),
                "give the interest that it pays, or its debt, as they are",
            ]
        ),
    )


def _rates_borne_out(net_debt: float, least_paid: float) -> Iterator[str]:
    """The rates at which no more is saved than is paid, both in money a year: up to one; where cash
    exceeds the debt that ends, from one on; none where no rate does."""
    if net_debt > 0.0 and least_paid >= 0.0:
        most = no_more(100.0 * least_paid / net_debt)
        yield f"a rate of up to {most}% saves no more than is paid"
    elif least_paid < 0.0 and -least_paid <= -net_debt:  # no rate is above 1
        least = no_less(100.0 * least_paid / net_debt)
        yield f"a rate of {least}% or more makes up for it"


def _on_offer(inputs: MergerInputs, deal: Deal) -> Iterator[Remark]:
    premium = deal.terms.price / inputs.target.share_price - 1.0
    if premium < 0.0:
        yield Remark(
            "OFFER_BELOW_MARKET",
            "offer",
            f"The offer is {-premium:.1%} below the target's share price. Its holders do better on "
            "the market.",
        )
    elif premium > HIGH_PREMIUM:
        yield Remark(
            "HIGH_PREMIUM",
            "offer",
            f"A premium of {premium:.0%} is far above what is usually paid, a fifth to two fifths.",
        )


def _on_financing(leverage: Leverage, sheets: BalanceSheets) -> Iterator[Remark]:
    net = leverage.net_at_closing
    if net is not None and net > HIGH_LEVERAGE:
        yield Remark(
            "HIGH_LEVERAGE",
            "financing",
            f"Net debt is {net:.1f} times EBITDA at the closing. Above {HIGH_LEVERAGE:g} times few "
            "firms keep an investment grade.",
        )
    covers = [cover for cover in leverage.interest_cover if cover is not None]
    if covers and min(covers) < LOW_COVER:
        yield Remark(
            "LOW_INTEREST_COVER",
            "financing",
            f"EBITDA covers interest {min(covers):.1f} times in the worst year.",
        )
    short = [year + 1 for year, cash in enumerate(sheets.cash) if cash < 0.0]
    if short:
        least = min(sheets.cash)
        yield Remark(
            "CASH_RUNS_OUT",
            "financing",
            f"At the end of {in_years(short)} cash is below zero, {show(least)} at worst: what is "
            "due has to be borrowed again, at a cost that is not counted here.",
        )


def _on_equity(inputs: MergerInputs, deal: Deal, opening: BalanceSheet) -> Iterator[Remark]:
    """What is issued is all that the deal adds: the target's own equity falls away."""
    short = -opening.equity
    if not short > 0.0:
        return
    own = float(inputs.acquirer.balance.equity(float(deal.own.debt)))
    in_cash = float(deal.equity_price * (1.0 - deal.terms.stock_share))
    beyond = f", and only {show(in_cash)} of the price is not in shares" if short > in_cash else ""
    yield Remark(
        "EQUITY_BELOW_ZERO",
        "acquirer.balance" if own < 0.0 else "financing",
        f"At the closing the books together have equity of {show(-short)}, and of the acquirer "
        f"alone {show(own)}: {no_less(short)} more in shares brings it to zero{beyond}.",
    )


def _on_allocation(inputs: MergerInputs, deal: Deal) -> Iterator[Remark]:
    if inputs.allocation is None or float(deal.write_ups) == 0.0:
        yield Remark(
            "NOTHING_WRITTEN_UP",
            "allocation",
            "No asset is written up, so all that is paid above the books is goodwill, and nothing "
            "of it is ever charged to earnings. An auditor will find intangible assets.",
        )
    elif float(deal.goodwill) > GOODWILL_SHARE * float(deal.price):
        yield Remark(
            "MOSTLY_GOODWILL",
            "allocation",
            f"Goodwill is {float(deal.goodwill) / float(deal.price):.0%} of the price, which "
            "nothing charges to earnings until it is impaired.",
        )


def _on_synergies(
    inputs: MergerInputs, per_share: EarningsPerShare, returns: Returns, value: ValueCreation
) -> Iterator[Remark]:
    joined, last = inputs.joined, inputs.timing.years - 1
    revenue = float(inputs.bought.revenue(last))
    share = float(joined.profit(last)) / revenue if revenue > 0.0 else 0.0
    if share > BOLD_SYNERGIES:
        yield Remark(
            "BOLD_SYNERGIES",
            "synergies",
            f"Synergies of the last year are {share:.0%} of the target's revenue.",
        )
    if joined.costs_to_achieve is None and value.synergies > 0.0:
        yield Remark(
            "SYNERGIES_COST_NOTHING",
            "synergies.costs_to_achieve",
            "Nothing is spent to achieve the synergies. A year's worth of them is usual.",
        )
    accretive = per_share.accretion_amount[last] > 0.0
    if value.created < 0.0:
        flatter = ", though earnings per share rise" if accretive else ""
        yield Remark(
            "VALUE_DESTROYED",
            "offer",
            f"The premium exceeds what the synergies are worth by {show(-value.created)}{flatter}.",
        )
    spread = returns.spread[last]
    if spread is not None and spread < 0.0:
        yield Remark(
            "RETURN_BELOW_COST",
            "offer",
            f"In the last year the price earns {-spread:.1%} a year less than capital costs.",
        )
