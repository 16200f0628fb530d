"""The sheet “Worth”: what the deal brings beside its earnings per share, and to whom."""

from __future__ import annotations

from engine.merger.kernel import discount_factors
from engine.merger.worth import ContributionLine
from services.labels import Form
from services.workbook.merger.allocation import RATE
from services.workbook.merger.case import Case, over, same
from services.workbook.sheet import Sheet, told


def add_worth(case: Case, sheet: Sheet) -> None:
    """``value_created`` and its parts; contribution, leverage and returns by year."""
    _add_contribution(case, sheet)
    _add_leverage(case, sheet)
    _add_returns(case, sheet)
    _add_synergies(case, sheet)
    _add_value(case, sheet)


def _add_contribution(case: Case, sheet: Sheet) -> None:
    """Each firm at its own price, before the deal."""
    found, inputs = case.result.contribution, case.inputs
    sheet.heading("The two firms before the deal", ["Both"], opening="Target")
    own, before = case.deal.own, inputs.target.shares.shared_at(inputs.target.share_price)
    values = [
        float(inputs.acquirer.share_price * own.diluted_shares),
        float(inputs.target.share_price * before.diluted_shares),
    ]
    debts = [
        float(inputs.acquirer.balance.debt + own.debt - inputs.acquirer.balance.cash),
        float(inputs.target.balance.debt + before.debt - inputs.target.balance.cash),
    ]
    sheet.line(
        "market.value",
        "Market value of the equity",
        "={acquirer.sharePrice}*{own.diluted}+{market.value@open}",
        [sum(values)],
        opening=("={before.market_value}", values[1]),
    )
    mine = case.total("acquirer.balance.debt", "own.debt", "-acquirer.balance.cash")
    its = case.total("target.balance.debt", "before.debt", "-target.balance.cash")
    sheet.line(
        "market.net_debt",
        "Net debt, with convertibles that are debt",
        f"{mine}+{{market.net_debt@open}}",
        [sum(debts)],
        opening=(its, debts[1]),
    )
    share = "" if found.equity_value is None else found.equity_value
    sheet.number(
        "market.share",
        "Target's share of the equity",
        over("{market.value@open}", "{market.value@0}"),
        share,
        Form.RATE,
    )
    in_shares = "{equity_price}/{acquirer.sharePrice}"
    sheet.number(
        "market.ownership",
        "Ownership of the target's holders, were all paid in stock",
        f"={in_shares}/({{own.diluted}}+{in_shares})",
        found.ownership,
        Form.RATE,
    )
    sheet.heading("What the target contributes", case.titles)
    for name, label in (
        ("revenue", "revenue"),
        ("ebitda", "EBITDA"),
        ("ebit", "EBIT"),
        ("net_income", "net income"),
    ):
        _add_contribution_of(case, sheet, name, label)


def _add_contribution_of(case: Case, sheet: Sheet, name: str, label: str) -> None:
    """A share, and the ownership that it speaks for: before interest, with each one's own debt."""
    line: ContributionLine = getattr(case.result.contribution, name)
    one, other = f"{{acquirer.{name}}}", f"{{target.{name}}}"
    key = f"contributed.{name}"
    sheet.line(
        key,
        f"Target's share of {label}",
        f'=IF(AND({one}>=0,{other}>=0,{one}+{other}>0),{other}/({one}+{other}),"")',
        told(line.target_share),
        Form.RATE,
    )
    if name == "net_income":
        return  # what is left after interest is the equity's: the share is the ownership
    enterprise = "({market.value@0}+{market.net_debt@0})"
    equity = f"({{{key}}}*{enterprise}-{{market.net_debt@open}})/{{market.value@0}}"
    sheet.line(
        f"{key}.ownership",
        "Ownership that this implies",
        f'=IF({{{key}}}="","",{equity})',
        told(line.implied_ownership),
        Form.RATE,
    )


def _add_leverage(case: Case, sheet: Sheet) -> None:
    found = case.result.leverage
    earned, sheets = case.result.income_statement, case.result.balance_sheets
    sheet.heading("Leverage", case.titles, opening="Closing")
    pro_forma = case.result.closing.pro_forma
    debt, ebitda = "{leverage.debt}", "{leverage.ebitda}"
    sheet.line(
        "leverage.debt",
        "Debt, old and new",
        "={books.debt}+{books.new_debt}",
        found.debt,
        opening=("={books.debt@open}+{books.new_debt@open}", found.debt_at_closing),
    )
    sheet.line(
        "leverage.cash",
        "Cash",
        "={books.cash}",
        sheets.cash,
        opening=("={books.cash@open}", pro_forma.cash),
    )
    timing, inputs = case.inputs.timing, case.inputs
    whole = "" if not case.part else "/{part}"
    first = float(inputs.buyer.ebitda(0)) + float(inputs.bought.ebitda(0))
    sheet.line(
        "leverage.ebitda",
        "EBITDA of the whole year, at closing year 1's without synergies",
        f"={{together.ebitda}}{whole}",
        case.each(lambda y: earned.ebitda[y] / timing.share(y)),
        opening=("={acquirer.ebitda@0}+{target.ebitda@0}", first),
    )
    closing = "" if found.at_closing is None else found.at_closing
    at = over("{leverage.debt@open}", "{leverage.ebitda@open}")
    sheet.line(
        "leverage.gross",
        "Debt to EBITDA",
        over(debt, ebitda),
        told(found.debt_to_ebitda),
        Form.MULTIPLE,
        opening=(at, closing),
    )
    closing = "" if found.net_at_closing is None else found.net_at_closing
    net = "({leverage.debt@open}-{leverage.cash@open})"
    sheet.line(
        "leverage.net",
        "Net debt to EBITDA",
        over(f"({debt}-{{leverage.cash}})", ebitda),
        told(found.net_debt_to_ebitda),
        Form.MULTIPLE,
        opening=(over(net, "{leverage.ebitda@open}"), closing),
    )
    interest = "(-{together.interest}-{together.new_interest})"
    if not case.has("interest.new"):
        interest = "(-{together.interest})"
    sheet.line(
        "leverage.cover",
        "EBITDA to interest",
        over("{together.ebitda}", interest),
        told(found.interest_cover),
        Form.MULTIPLE,
    )


def _add_returns(case: Case, sheet: Sheet) -> None:
    """After tax, before what accounting for the deal charges: of whole years."""
    found = case.result.returns
    sheet.heading("Return on what is invested", case.titles)
    paid = case.total("enterprise_value", "fees.advisory", "new_debt.fee")
    label = "Enterprise value and all fees"
    sheet.number("invested", label, paid, found.invested)
    joined = f"+{{synergies.profit}}*(1-{RATE})" if case.has("synergies.profit") else ""
    sheet.line(
        "nopat", "Target's EBIT and synergies, after tax", f"={{target.nopat}}{joined}", found.nopat
    )
    sheet.line(
        "roic",
        "Return on invested capital",
        over("{nopat}", "{invested}"),
        told(found.roic),
        Form.RATE,
        strong=True,
    )
    sheet.line(
        "spread",
        "Above the WACC",
        '=IF({roic}="","",{roic}-{wacc})',
        told(found.spread),
        Form.RATE,
    )


def _add_synergies(case: Case, sheet: Sheet) -> None:
    """What follows the closing, after tax and costs, discounted from each year's end."""
    if not (case.has("synergies.profit") or case.has("synergies.spent")):
        return
    inputs = case.inputs
    joined, timing = inputs.joined, inputs.timing
    rates = inputs.acquirer.statements.tax_rate.years()
    sheet.heading("Value of the synergies", case.titles)
    both = case.total("synergies.profit", "-synergies.spent").removeprefix("=")
    nets = case.each(
        lambda y: (joined.profit(y) - joined.spent(y)) * timing.share(y) * (1.0 - rates[y])
    )
    sheet.line(
        "synergies.net", "Synergies after costs and tax", f"=({both}){case.part}*(1-{RATE})", nets
    )
    factors = [float(each) for each in discount_factors(inputs)]
    sheet.line(
        "synergies.factor",
        "Discount factor, at the WACC",
        "=1/(1+{wacc})^{elapsed}",
        factors,
        Form.COUNT,
    )
    values = [net * factor for net, factor in zip(nets, factors, strict=True)]
    sheet.line("synergies.present", "Present value", "={synergies.net}*{synergies.factor}", values)
    later = case.result.value_creation.synergies - sum(values)
    if joined.growth is None or not case.has("synergies.profit"):
        return
    last = "{synergies.profit@last}*(1-" + RATE.replace("}", "@last}") + ")"
    sheet.number(
        "synergies.later",
        "Present value of what comes after the forecast",
        f"={last}*(1+{{synergies.growth}})/({{wacc}}-{{synergies.growth}})"
        "*{synergies.factor@last}",
        later,
    )
    words = "Synergies grow more slowly than they are discounted"
    case.book.check(words, "={synergies.growth}<{wacc}")


def _add_value(case: Case, sheet: Sheet) -> None:
    found = case.result.value_creation
    sheet.heading("Value created, and whose it is")
    terms = list[str]()
    if case.has("synergies.profit") or case.has("synergies.spent"):
        terms.append("SUM({synergies.present@all})")
        if case.inputs.joined.growth is not None and case.has("synergies.profit"):
            terms.append("{synergies.later}")
    summed = "=" + ("+".join(terms) or "0")
    sheet.number("value.synergies", "Value of the synergies", summed, found.synergies)
    sheet.number("value.premium", "Less premium paid", "=-{premium}", 0.0 - found.premium)
    created = "={value.synergies}+{value.premium}"
    sheet.number("value_created", "Value created", created, found.created, strong=True)
    mine = "={ownership}*{value_created}"
    sheet.number("value.acquirer", "Acquirer's holders' part", mine, found.acquirer_part)
    its = "={premium}+{ownership.target}*{value_created}"
    sheet.number("value.target", "Target's holders' part", its, found.target_part)
    sheet.number(
        "value.per_share",
        "Acquirer's holders' part, a share",
        "={value.acquirer}/{own.diluted}",
        found.acquirer_part_per_share,
        Form.PRICE,
    )
    paid = case.total("fees.advisory", "new_debt.fee")
    sheet.number("value.fees", "Fees, which nobody's part shows", paid, found.fees)
    case.book.check(
        "Both holders' parts are the synergies' value",
        same("({value.acquirer}+{value.target})", "{value.synergies}"),
    )
