"""The sheet “Offer”: what a share gets, what that comes to, who pays it, and who owns the firm."""

from __future__ import annotations

from engine.merger.offer import Collar, CollarFixes, FixedRatio, FloatingRatio
from services.labels import Form
from services.workbook.merger.case import Case, over, same
from services.workbook.sheet import Sheet

_RATIO = "offer.exchangeRatio"


def add_offer(case: Case, sheet: Sheet) -> None:
    """Single numbers: ``terms.price`` for a share, ``price`` for all, ``cash_need``, ``shares``."""
    _add_terms(case, sheet)
    _add_price(case, sheet)
    _add_multiples(case, sheet)
    _add_funding(case, sheet)
    _add_sources_and_uses(case, sheet)
    _add_holders(case, sheet)


def _add_terms(case: Case, sheet: Sheet) -> None:
    """What one share of the target gets: of a ratio the parts first, otherwise the whole."""
    offer, found = case.inputs.offer, case.result.offer
    sheet.heading("Offer for a share of the target")
    price = ("terms.price", "Offer price")
    if offer.exchange_ratio is None:
        whole = "={offer.price}" if offer.price is not None else _AT_A_PREMIUM
        sheet.number(*price, whole, found.price, Form.PRICE, strong=True)
        sheet.number(
            "terms.mix",
            "Share paid in stock",
            "={financing.stockShare}",
            found.stock_share,
            Form.RATE,
        )
        in_stock = "={terms.price}*{terms.mix}"
        sheet.number("terms.stock", "In stock", in_stock, found.stock_per_share, Form.PRICE)
        rest = "={terms.price}-{terms.stock}"
        sheet.number("terms.cash", "In cash", rest, found.cash_per_share, Form.PRICE)
    else:
        _add_ratio(case, sheet)
        beside = "=0" if offer.cash_per_share is None else "={offer.cashPerShare}"
        sheet.number("terms.cash", "In cash", beside, found.cash_per_share, Form.PRICE)
        whole = "={terms.stock}+{terms.cash}"
        sheet.number(*price, whole, found.price, Form.PRICE, strong=True)
        share = "={terms.stock}/{terms.price}"
        sheet.number("terms.mix", "Share paid in stock", share, found.stock_share, Form.RATE)
    sheet.number(
        "terms.ratio",
        "Exchange ratio",
        "={terms.stock}/{acquirer.sharePrice}",
        found.exchange_ratio,
        Form.COUNT,
    )
    sheet.number(
        "terms.premium",
        "Premium on the share price",
        "={terms.price}/{target.sharePrice}-1",
        found.premium,
        Form.RATE,
    )


_AT_A_PREMIUM = "={target.sharePrice}*(1+{offer.premium})"


def _add_ratio(case: Case, sheet: Sheet) -> None:
    """What the acquirer's shares for one of the target's are worth."""
    ratio, stock = case.inputs.offer.exchange_ratio, case.result.offer.stock_per_share
    if isinstance(ratio, FixedRatio):
        formula = f"={{{_RATIO}.fixed.ratio}}*{{acquirer.sharePrice}}"
    elif isinstance(ratio, FloatingRatio):
        formula = f"={{{_RATIO}.floating.value}}"
    else:
        assert isinstance(ratio, Collar)  # noqa: S101 - told apart above
        formula = _add_collar(case, sheet, ratio)
    sheet.number("terms.stock", "In stock", formula, stock, Form.PRICE)


def _add_collar(case: Case, sheet: Sheet, collar: Collar) -> str:
    """Whether the price is below the band, inside or above it; the formula of the shares' worth."""
    low, high = f"{{{_RATIO}.collar.lowPrice}}", f"{{{_RATIO}.collar.highPrice}}"
    ratio, at = f"{{{_RATIO}.collar.ratio}}", "{acquirer.sharePrice}"
    price = float(case.inputs.acquirer.share_price)
    least, most = float(collar.low_price), float(collar.high_price)
    edge = min(max(price, least), most)
    sheet.number(
        "collar.edge",
        "Acquirer's price, kept inside the collar",
        f"=MIN(MAX({at},{low}),{high})",
        edge,
        Form.PRICE,
    )
    case.book.check("The collar's band begins below its end", f"={low}<={high}")
    if collar.fixes is CollarFixes.RATIO:
        return f"={ratio}*{{collar.edge}}"
    given = collar.reference_price is not None
    agreed_at = f"={{{_RATIO}.collar.referencePrice}}" if given else f"=0.5*({low}+{high})"
    reference = float(collar.reference)
    label = "Price that the ratio was agreed at"
    sheet.number("collar.reference", label, agreed_at, reference, Form.PRICE)
    inside = f"=AND({low}<={{collar.reference}},{{collar.reference}}<={high})"
    case.book.check("The price that the ratio was agreed at is inside the collar's band", inside)
    agreed, value = f"={ratio}*{{collar.reference}}", float(collar.ratio) * reference
    sheet.number("collar.value", "Value agreed", agreed, value, Form.PRICE)
    # Outside the band the ratio stays what it is on the edge, and the value moves with the price.
    return f"={{collar.value}}*{at}/{{collar.edge}}"


def _add_price(case: Case, sheet: Sheet) -> None:
    found, deal = case.result.offer, case.deal
    sheet.heading("Price of the target")
    shares = "={bought.diluted}"
    label = "Target's diluted shares at the offer"
    sheet.number("price.shares", label, shares, found.diluted_shares, Form.COUNT)
    sheet.number(
        "equity_price", "Equity price", "={terms.price}*{price.shares}", found.equity_price
    )
    if case.has("earn_out.value"):
        promised = "={earn_out.value@open}"
        sheet.number("price.earn_out", "Earn-out at its fair value", promised, found.earn_out)
        whole = "={equity_price}+{price.earn_out}"
    else:
        whole = "={equity_price}"
    sheet.number("price", "Price", whole, float(deal.price), strong=True)
    owed = case.total("target.balance.debt", "bought.debt")
    label = "Target's debt, with convertibles that stay debt"
    sheet.number("target.debt", label, owed, float(deal.target_debt))
    cash = 0.0 - float(case.inputs.target.balance.cash)
    sheet.number("target.less_cash", "Less target's cash", "=-{target.balance.cash}", cash)
    net_debt = "=SUM({target.debt:target.less_cash})"
    sheet.number("target.net_debt", "Target's net debt", net_debt, found.net_debt)
    sheet.number(
        "enterprise_value",
        "Enterprise value",
        "={price}+{target.net_debt}",
        found.enterprise_value,
        strong=True,
    )
    created = case.result.value_creation
    unaffected = case.total("before.market_value", "before.debt")
    market = float(case.inputs.target.share_price) * _unaffected_shares(case)
    sheet.number(
        "before.market_value",
        "Target's diluted equity before the deal was known",
        "={target.sharePrice}*{before.diluted}",
        market,
    )
    # Convertibles that are debt count on both sides, so that what converts is set against itself.
    premium = case.total("price", "bought.debt", "-before.market_value", "-before.debt")
    sheet.number("premium", "Premium, in money", premium, created.premium)
    claims = unaffected.removeprefix("=")
    on_equity = found.premium_on_equity
    sheet.number(
        "premium.on_equity",
        "Premium on the diluted equity",
        over("{premium}", f"({claims})"),
        "" if on_equity is None else on_equity,
        Form.RATE,
    )


def _unaffected_shares(case: Case) -> float:
    target = case.inputs.target
    return float(target.shares.shared_at(target.share_price).diluted_shares)


def _add_multiples(case: Case, sheet: Sheet) -> None:
    found = case.result.offer
    sheet.heading("Multiples of the whole year 1")
    own_price = "({acquirer.sharePrice}*{own.diluted})"
    for key, label, formula, value in (
        (
            "multiple.revenue",
            "Enterprise value to revenue",
            over("{enterprise_value}", "{target.revenue@0}"),
            found.ev_to_revenue,
        ),
        (
            "multiple.ebitda",
            "Enterprise value to EBITDA",
            over("{enterprise_value}", "{target.ebitda@0}"),
            found.ev_to_ebitda,
        ),
        (
            "multiple.earnings",
            "Price to earnings",
            over("{price}", "{target.net_income@0}"),
            found.price_to_earnings,
        ),
        (
            "multiple.acquirer",
            "Price to earnings of the acquirer",
            over(own_price, "{acquirer.net_income@0}"),
            found.acquirer_price_to_earnings,
        ),
    ):
        shown = "" if value is None else value
        sheet.number(key, label, formula, shown, Form.MULTIPLE)


def _add_funding(case: Case, sheet: Sheet) -> None:
    deal, funding, financing = case.deal, case.deal.funding, case.inputs.financing
    cash_part = float(deal.equity_price) - float(deal.equity_price * deal.terms.stock_share)
    sheet.heading("Need of cash")
    in_cash = "={equity_price}*(1-{terms.mix})"
    sheet.number("need.price", "Price paid in cash", in_cash, cash_part)
    repaid = "={target.debt}*{financing.refinanced}"
    sheet.number("refinanced", "Target's debt refinanced", repaid, float(deal.refinanced))
    parts = ["need.price", "refinanced"]
    if case.has("fees.advisory"):
        parts.append("need.advisory")
        advisers = "={fees.advisory}"
        sheet.number(parts[-1], "Advisers' fees", advisers, float(case.inputs.advisory))
    sheet.number(
        "cash_need",
        "Need of cash",
        case.total(*parts),
        float(deal.cash_need),
        strong=True,
    )
    used = "=MIN({financing.balanceSheetCash},{cash_need})"
    sheet.number("cash_used", "Cash of both firms used", used, float(funding.cash_used))
    if financing.new_debt is None:
        return
    sheet.number(
        "new_debt",
        "New debt, which pays its own fee",
        "=({cash_need}-{cash_used})/(1-{financing.newDebt.fee})",
        float(funding.new_debt),
    )
    fee = "={new_debt}*{financing.newDebt.fee}"
    sheet.number("new_debt.fee", "Fee of the new debt", fee, float(funding.fee))


def _add_sources_and_uses(case: Case, sheet: Sheet) -> None:
    found = case.result.sources_and_uses
    sheet.heading("Sources and uses")
    in_stock = "={equity_price}*{terms.mix}/{acquirer.sharePrice}"
    sheet.number("new_shares", "New shares", in_stock, case.result.new_shares, Form.COUNT)
    issued = "={new_shares}*{acquirer.sharePrice}"
    sheet.number("sources.shares", "New shares, at the acquirer's price", issued, found.new_shares)
    sheet.number("sources.cash", "Cash", "={cash_used}", found.balance_sheet_cash)
    sheet.number("sources.debt", "New debt", case.total("new_debt"), found.new_debt)
    total = "=SUM({sources.shares:sources.debt})"
    sheet.number("sources", "Sources", total, found.total_sources, strong=True)
    sheet.number("uses.equity", "Equity of the target", "={equity_price}", found.equity)
    sheet.number("uses.debt", "Debt refinanced", "={refinanced}", found.refinanced_debt)
    advisers = case.total("fees.advisory")
    sheet.number("uses.advisory", "Advisers' fees", advisers, found.advisory_fees)
    fee = case.total("new_debt.fee")
    sheet.number("uses.fee", "Fee of the new debt", fee, found.financing_fees)
    sheet.number("uses", "Uses", "=SUM({uses.equity:uses.fee})", found.total_uses, strong=True)
    case.book.check("Sources are uses", same("{sources}", "{uses}"))
    both = "({acquirer.balance.cash}+{target.balance.cash})"
    case.book.check(
        "No more cash is to be used than both firms have",
        f"={{financing.balanceSheetCash}}<={both}",
    )
    case.book.check(
        "The new shares are the exchange ratio for every diluted share of the target",
        same("{new_shares}", "{terms.ratio}*{bought.diluted}"),
    )


def _add_holders(case: Case, sheet: Sheet) -> None:
    found = case.result.holders
    sheet.heading("Who owns the acquirer after the closing")
    old = found.acquirer_shares
    sheet.number("holders.old", "Acquirer's diluted shares", "={own.diluted}", old, Form.COUNT)
    sheet.number("holders.new", "New shares", "={new_shares}", found.new_shares, Form.COUNT)
    sheet.number(
        "shares",
        "Shares after the closing",
        "={holders.old}+{holders.new}",
        found.shares,
        Form.COUNT,
        strong=True,
    )
    sheet.number(
        "ownership",
        "Ownership of the acquirer's holders",
        "={holders.old}/{shares}",
        found.acquirer,
        Form.RATE,
    )
    sheet.number(
        "ownership.target",
        "Ownership of the target's holders",
        "={holders.new}/{shares}",
        found.target,
        Form.RATE,
    )
