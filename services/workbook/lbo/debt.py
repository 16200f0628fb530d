"""The sheet “Debt”: where the cash goes, and every tranche with its rate and its balance by year.

The cash that is available decides all of it. With interest on opening balances it is what the cash
flow leaves; on mean balances, or where fees are written off with what is prepaid, it is what the
rounds of the sheet “Circularity” arrive at.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.firm import less, numbers
from services.workbook.lbo.buyout import RECAPITALISATION, Buyout, Loan, added
from services.workbook.lbo.costs import add_written, costs_of
from services.workbook.lbo.waterfall import AVAILABLE, Waterfall, last_round
from services.workbook.sheet import Sheet, rows


def add_debt(book: Book, buyout: Buyout) -> None:
    sheet = book.sheet("Debt")
    sheet.frozen = (1, 3)
    _add_waterfall(sheet, buyout)
    for loan in buyout.loans:
        _add_loan(sheet, buyout, loan)
    if buyout.new_debt is not None:
        _add_new_debt(sheet, buyout)
    _add_totals(sheet, buyout)
    _add_laws(book, buyout)


def _add_laws(book: Book, buyout: Buyout) -> None:
    """Of the closing and of every year; that cash is missing is a result, and breaks none."""
    balances = [*buyout.owed, *(f"{loan.key}.closing" for loan in buyout.stocks)]
    if balances:
        least = ",".join(f"{{{key}@open}},{{{key}@all}}" for key in balances)
        book.check(
            "No debt and no preferred stock is below zero, at the closing or later",
            f"=MIN({least})>=-1E-9*MAX(1,{{transaction.uses@0}})",
        )
    within = []
    for loan in buyout.revolvers:
        owed = f"MAX({{{loan.key}.closing@open}},{{{loan.key}.closing@all}})"
        within.append(f"{owed}<={{{loan.at}.commitment}}*(1+1E-9)")
    if within:
        book.check(
            "No revolver is drawn beyond its commitment, at the closing or later",
            f"=AND({','.join(within)})",
        )


def _add_waterfall(sheet: Sheet, buyout: Buyout) -> None:
    """What is available, what it repays in its order, and what is drawn where it is missing."""
    flow = buyout.valuation.statements.cash_flow
    cash = Waterfall.of(buyout)
    sheet.heading("Cash for repayment", years_of(buyout.years))
    sheet.line(
        "debt.available",
        "Cash available above the minimum; below zero: missing",
        f"={{{last_round(buyout)}.available}}" if buyout.circular else AVAILABLE,
        cash.available,
    )
    share = "" if buyout.inputs.cash.sweep is None else "*{cash.sweep}"
    sheet.line(
        "debt.budget", "Cash for the sweep", f"=MAX({{debt.available}},0){share}", cash.budget
    )
    sheet.line("debt.needed", "Cash that is missing", "=MAX(-{debt.available},0)", cash.needed)
    for at, loan in enumerate(buyout.swept):
        due = f"+{{{loan.key}.mandatory}}" if loan.repays else ""
        accrued = f"+{{{loan.key}.accrued}}" if loan.accrues else ""
        sheet.line(
            f"debt.before.{at}",
            f"Owed before the sweep: {loan.name}",
            f"={{{loan.key}.opening}}{accrued}{due}",
            cash.before[at],
        )
    for at, loan in enumerate(buyout.revolvers):
        sheet.line(
            f"debt.room.{at}",
            f"May be drawn: {loan.name}",
            "=" + loan.committed(f"{{{loan.at}.commitment}}-{{debt.before.{at}}}"),
            cash.room[at],
        )
    for at, loan in enumerate(buyout.swept):
        sheet.line(
            f"debt.paid.{at}",
            f"Repaid by the sweep: {loan.name}",
            _in_order("debt.budget", "debt.paid", at, f"debt.before.{at}"),
            numbers(loan.schedule.sweep),
        )
    for at, loan in enumerate(buyout.revolvers):
        sheet.line(
            f"debt.drawing.{at}",
            f"Drawn: {loan.name}",
            _in_order("debt.needed", "debt.drawing", at, f"debt.room.{at}"),
            numbers(loan.schedule.drawn),
        )
    repaid = f"SUM({rows('debt.paid', len(buyout.swept))})" if buyout.swept else "0"
    drawn = f"SUM({rows('debt.drawing', len(buyout.revolvers))})" if buyout.revolvers else "0"
    sheet.line(
        "debt.shortfall",
        "Shortfall: cash is below its minimum by it",
        f"=MAX({{debt.needed}}-{drawn},0)",
        numbers(flow.shortfall),
    )
    sheet.line(
        "debt.cash",
        "Cash at the end of the year",
        f"={{cash.minimum}}+{{debt.available}}-{repaid}+{drawn}",
        numbers(flow.closing_cash),
        strong=True,
    )


def _in_order(of: str, line: str, at: int, most: str) -> str:
    """What comes ``at`` its turn: of what those before it leave, up to its own most."""
    before = f"MAX({{{of}}}-SUM({rows(line, at)}),0)" if at else f"{{{of}}}"
    return f"=MIN({before},{{{most}}})"


def _add_loan(sheet: Sheet, buyout: Buyout, loan: Loan) -> None:
    kind = loan.tranche.kind.replace("_", " ").lower()
    words = loan.name if kind in loan.name.lower() else f"{loan.name} ({kind})"
    sheet.heading(words, years_of(buyout.years), opening="Closing")
    _add_rates(sheet, buyout, loan)
    _add_balance(sheet, buyout, loan)
    _add_costs(sheet, buyout, loan)


def _add_rates(sheet: Sheet, buyout: Buyout, loan: Loan) -> None:
    """The rate, the part of it that is paid in cash, and what is paid in kind."""
    tranche, key, at = loan.tranche, loan.key, loan.at
    if tranche.fixed_rate is not None:
        formula = f"={{{at}.fixedRate}}"
    elif tranche.floor is None:
        formula = f"={{baseRate}}+{{{at}.spread}}"
    else:
        formula = f"=MAX({{baseRate}},{{{at}.floor}})+{{{at}.spread}}"
    rates = numbers(tranche.rates(buyout.inputs.base_rate, buyout.years))
    words = "Dividend rate" if tranche.preferred else "Interest rate"
    sheet.line(f"{key}.rate", words, formula, rates, Form.RATE)
    if tranche.pik_share is not None:
        sheet.line(
            f"{key}.coupon",
            "Of which in cash",
            f"={{{key}.rate}}*(1-{{{at}.pikShare}})",
            numbers(loan.schedule.rate),
            Form.RATE,
        )
    if loan.accrues:
        terms, paid = [], [0.0] * buyout.years
        if tranche.pik_share is not None:
            more = "" if tranche.pik_premium is None else f"+{{{at}.pikPremium}}"
            terms.append(f"({{{key}.rate}}{more})*{{{at}.pikShare}}")
            premium = float(tranche.pik_premium or 0.0)
            shares = numbers(tranche.pik_share.years())
            paid = [(r + premium) * share for r, share in zip(rates, shares, strict=True)]
        if tranche.pik_rate is not None:
            terms.append(f"{{{at}.pikRate}}")
            paid = [rate + float(tranche.pik_rate) for rate in paid]
        formula = "=" + "+".join(terms)
        sheet.line(f"{key}.kind", "Rate paid in kind", formula, paid, Form.RATE)


def _add_balance(sheet: Sheet, buyout: Buyout, loan: Loan) -> None:
    """From the opening to the closing balance."""
    tranche, key, at, part = loan.tranche, loan.key, loan.at, buyout.part
    schedule = loan.schedule
    opening = f"{{{key}.opening}}"
    sheet.line(
        f"{key}.opening", "Opening balance", f"={{{key}.closing@-1}}", numbers(schedule.opening)
    )
    if loan.accrues:
        accrued = numbers(schedule.paid_in_kind)
        formula = f"={opening}*{{{key}.kind}}{part}"
        sheet.line(f"{key}.accrued", "Paid in kind", formula, accrued)
    if loan.repays:
        face = f"{{transaction.face.{loan.number}@0}}"
        due, grown = "0", f"{opening}+{{{key}.accrued}}" if loan.accrues else opening
        if tranche.amortisation is not None:
            most = f"{opening},{grown}" if loan.accrues else opening
            due = f"MIN({{{at}.amortisation}}*{face}{part},{most})"
        if loan.due:
            due = f"IF({{time.year}}={{{at}.tenor}},{grown},{due})"
        sheet.line(f"{key}.mandatory", "Mandatory repayment", f"=-{due}", less(schedule.mandatory))
    if loan in buyout.swept:
        turn = buyout.swept.index(loan)
        if tranche.revolving:
            formula = f"={{debt.drawing.{turn}}}"
            sheet.line(f"{key}.drawn", "Drawn", formula, numbers(schedule.drawn))
        sheet.line(f"{key}.sweep", "Sweep", f"=-{{debt.paid.{turn}}}", less(schedule.sweep))
        last = "sweep"
    else:
        last = "mandatory" if loan.repays else "accrued" if loan.accrues else "opening"
    sheet.line(
        f"{key}.closing",
        "Closing balance",
        f"=SUM({{{key}.opening:{key}.{last}}})",
        numbers(schedule.closing),
        opening=(f"={{transaction.face.{loan.number}@0}}", float(schedule.opening[0])),
        strong=True,
    )


def _add_costs(sheet: Sheet, buyout: Buyout, loan: Loan) -> None:
    """Interest, or dividends, in cash; the fee on what is not drawn; what is written off."""
    tranche, key, part = loan.tranche, loan.key, buyout.part
    mean = f"({{{key}.opening}}+{{{key}.closing}})/2" if buyout.average else f"{{{key}.opening}}"
    means = _mean_balances(buyout, loan)
    paid = [
        rate * balance * share
        for rate, balance, share in zip(loan.schedule.rate, means, buyout.parts, strict=True)
    ]
    words = "Dividends in cash" if tranche.preferred else "Cash interest"
    on = "mean" if buyout.average else "opening"
    formula = f"={{{loan.coupon}}}*{mean}{part}"
    sheet.line(f"{key}.interest", words, formula, paid, note=f"on {on} balance")
    if tranche.undrawn_fee is not None:
        fee = f"={loan.undrawn(mean, part)}"
        sheet.line(f"{key}.undrawn", "Undrawn fee", fee, _undrawn_fees(buyout, loan, means))
    add_written(sheet, buyout, loan)


def _mean_balances(buyout: Buyout, loan: Loan) -> list[float]:
    """Money that a year's interest is on."""
    pairs = zip(loan.schedule.opening, loan.schedule.closing, strict=True)
    return [0.5 * (start + end) if buyout.average else start for start, end in pairs]


def _undrawn_fees(buyout: Buyout, loan: Loan, means: Sequence[float]) -> list[float]:
    """Money; nothing after the year in which the revolver is due."""
    commitment = float(loan.tranche.commitment or 0.0)
    fee = float(loan.tranche.undrawn_fee or 0.0)
    return [
        fee * (commitment - mean) * part if year < loan.tranche.tenor else 0.0
        for year, (mean, part) in enumerate(zip(means, buyout.parts, strict=True))
    ]


def _add_new_debt(sheet: Sheet, buyout: Buyout) -> None:
    """Of the recapitalisation: paid out at the end of its year, and owed from then on."""
    recap, schedule = buyout.inputs.recapitalisation, buyout.new_debt
    assert recap is not None  # noqa: S101 - whoever asks has looked
    assert schedule is not None  # noqa: S101 - the two come together
    sheet.heading(f"{schedule.name} in year {recap.year}")
    borrowed = float(sum(schedule.drawn))
    amount = "={recapitalisation.amount}"
    if recap.amount is None:
        amount = f"={{recapitalisation.timesEbitda}}*MAX({{business.ebitda@{recap.year - 1}}},0)"
    sheet.number("recapitalisation.borrowed", "New debt", amount, borrowed)
    sheet.number(
        "recapitalisation.cost",
        "Fee",
        "={recapitalisation.borrowed}*{recapitalisation.fee}",
        borrowed * float(recap.fee),
    )
    sheet.number(
        "recapitalisation.net",
        "Dividend to sponsor and rollover",
        "={recapitalisation.borrowed}-{recapitalisation.cost}",
        borrowed * (1.0 - float(recap.fee)),
    )
    key = RECAPITALISATION
    sheet.heading("Debt of the recapitalisation", years_of(buyout.years), opening="Closing")
    sheet.line(
        f"{key}.opening", "Opening balance", f"={{{key}.closing@-1}}", numbers(schedule.opening)
    )
    sheet.line(
        f"{key}.drawn",
        "Borrowed at the end of the year",
        "=IF({time.year}={recapitalisation.year},{recapitalisation.borrowed},0)",
        numbers(schedule.drawn),
    )
    sheet.line(
        f"{key}.closing",
        "Closing balance",
        f"=SUM({{{key}.opening:{key}.drawn}})",
        numbers(schedule.closing),
        opening=("=0", 0.0),
        strong=True,
    )
    triples = zip(schedule.rate, schedule.opening, buyout.parts, strict=True)
    sheet.line(
        f"{key}.interest",
        "Cash interest",
        f"={{recapitalisation.fixedRate}}*{{{key}.opening}}{buyout.part}",
        [rate * opening * part for rate, opening, part in triples],
        note="on opening balance",
    )


def _add_totals(sheet: Sheet, buyout: Buyout) -> None:
    statements = buyout.valuation.statements
    income, flow, ends = statements.income, statements.cash_flow, statements.balance_sheet
    debts, stocks = buyout.debts, buyout.stocks
    sheet.heading("All tranches", years_of(buyout.years), opening="Closing")
    interest = [f"{loan.key}.interest" for loan in debts]
    if buyout.new_debt is not None:
        interest.append(f"{RECAPITALISATION}.interest")
    undrawn = [f"{each.key}.undrawn" for each in debts if each.tranche.undrawn_fee is not None]
    in_kind = [f"{loan.key}.accrued" for loan in debts if loan.accrues]
    written = [f"{loan.key}.written" for loan in debts]
    due = [f"{loan.key}.mandatory" for loan in buyout.loans if loan.repays]
    swept, drawn = (
        [f"debt.{name}.{at}" for at in range(len(loans))]
        for name, loans in (("paid", buyout.swept), ("drawing", buyout.revolvers))
    )
    for key, words, keys, values in (
        ("debt.interest", "Cash interest", interest, income.cash_interest),
        ("debt.inKind", "Interest in kind", in_kind, income.pik_interest),
        ("debt.undrawn", "Undrawn fees", undrawn, income.undrawn_fees),
        ("debt.written", "Fees and discount written off", written, income.amortisation_of_fees),
    ):
        sheet.line(key, words, added(*keys), numbers(values))
    if income.fees_written_off is not None:
        gone = [f"{loan.key}.gone" for loan in debts if buyout.goes(loan)]
        words = "Unamortised fees and discount written off on prepayment"
        sheet.line("debt.gone", words, added(*gone), numbers(income.fees_written_off))
    if stocks:
        cash = flow.cash_preferred_dividends
        accrued = [f"{loan.key}.accrued" for loan in stocks if loan.accrues]
        paid = [sum(loan.schedule.paid_in_kind[t] for loan in stocks) for t in range(buyout.years)]
        dividends = [f"{loan.key}.interest" for loan in stocks]
        sheet.line(
            "debt.dividends", "Preferred dividends in cash", added(*dividends), numbers(cash)
        )
        sheet.line("debt.dividendsInKind", "Preferred dividends in kind", added(*accrued), paid)
        parts = [f"{loan.key}.written" for loan in stocks]
        parts += [f"{loan.key}.gone" for loan in stocks if buyout.goes(loan)]
        costs = zip(*(costs_of(buyout, loan) for loan in stocks), strict=True)
        words = "Fee and discount of preferred stock written off"
        sheet.line("debt.stockCosts", words, added(*parts), [sum(each) for each in costs])
    sheet.line("debt.mandatory", "Mandatory repayment", added(*due), less(flow.mandatory_repayment))
    sheet.line("debt.sweep", "Sweep", _less(swept), less(flow.sweep))
    sheet.line("debt.drawn", "Revolvers drawn", added(*drawn), numbers(flow.revolver_drawn))
    owed, preferred = numbers(ends.debt), numbers(ends.preferred)
    sheet.line(
        "debt.total",
        "Debt",
        added(*buyout.owed),
        owed[1:],
        opening=(_opening(added(*buyout.owed)), owed[0]),
        strong=True,
    )
    if stocks:
        sum_of = added(*(f"{loan.key}.closing" for loan in stocks))
        sheet.line(
            "debt.preferred",
            "Preferred stock",
            sum_of,
            preferred[1:],
            opening=(_opening(sum_of), preferred[0]),
            strong=True,
        )


def _less(keys: Sequence[str]) -> str:
    return "=" + ("".join(f"-{{{key}}}" for key in keys) or "0")


def _opening(formula: str) -> str:
    """The same sum, of opening balances."""
    return formula.replace("}", "@open}")
