"""The sheet “Circularity”: a year's costs and repayments, round by round, without a circle.

No cell refers to itself: each round stands below the one before, and the last one is what the
sheet “Debt” begins with. How near it is, is said and checked.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.firm import most_used
from services.workbook.lbo.buyout import RECAPITALISATION, Buyout, Loan, added
from services.workbook.lbo.costs import at_once
from services.workbook.lbo.waterfall import (
    AVAILABLE,
    Round,
    Still,
    Waterfall,
    last_round,
    rounds_needed,
    rounds_of,
    steepness,
    steepness_by_loan,
)
from services.workbook.sheet import ERROR, Sheet, rows


def add_circularity(book: Book, buyout: Buyout) -> None:
    sheet = book.sheet("Circularity")
    sheet.frozen = (0, 3)
    cash = Waterfall.of(buyout)
    still = Still.of(buyout, cash)
    rounds = rounds_of(buyout, cash, still)
    _add_certificate(sheet, buyout, cash, rounds)
    _add_still(sheet, buyout, still)
    for number, each in enumerate(rounds, start=1):
        _add_round(sheet, buyout, number, each)
    book.check(
        "Circularity: each year's equation has one solution",
        "=MAX({circle.steepest@all})<1",
    )
    book.check(
        "Circularity: the last two rounds are the same, to a trillionth of the year's money",
        "=MAX({circle.error@all})<=1E-12",
    )
    book.check(
        "Circularity: the statements leave the cash that the last round found",
        "=MAX({circle.missed@all})<=1E-12",
    )


def _add_certificate(
    sheet: Sheet, buyout: Buyout, cash: Waterfall, rounds: Sequence[Round]
) -> None:
    """How steep the equation can be, and by how much its solution can be missed."""
    statements = buyout.valuation.statements
    flow, before = statements.cash_flow, statements.balance_sheet.debt
    last, count = last_round(buyout), rounds_needed(buyout)
    sheet.heading("Certificate", years_of(buyout.years))
    steepest, many = steepness(buyout), len(buyout.swept)
    lines = []
    if buyout.average:
        costs = [rows("circle.cost", many)] if many else []
        if _sweeps_stock(buyout):
            costs.append(rows("circle.dividend", many))
        every = ",".join([*costs, "{circle.kept}"])
        lines.append(f"MAX(MAX({every}),-MIN({every}))/2")
    if buyout.hastens and many:
        lines.append(f"MAX({rows('circle.taxed', many)})")
    sheet.line(
        "circle.steepest",
        "Steepest that the equation can be",
        f"=MAX({','.join(lines)})" if len(lines) > 1 else f"={''.join(lines) or '0'}",
        steepest,
        Form.RATE,
        note="below 1",
    )
    size = [
        before[t] + abs(statements.income.ebit[t]) + abs(flow.opening_cash[t]) + 1.0
        for t in range(buyout.years)
    ]
    sheet.line(
        "circle.size",
        "Money of the year",
        "={debt.total@-1}+ABS({income.ebit})+ABS({flow.opening})+1",
        size,
    )
    pairs = zip(rounds[-1].available, rounds[-2].available, strict=True)
    apart = [abs(one - other) for one, other in pairs]
    sheet.line(
        "circle.apart",
        f"Rounds {count - 1} and {count} are apart by",
        f"=ABS({{{last}.available}}-{{round.{count - 1}.available}})",
        apart,
    )
    triples = zip(apart, size, steepest, strict=True)
    sheet.line(
        "circle.error",
        "So the last one misses the solution by at most",
        "={circle.apart}/{circle.size}*{circle.steepest}/(1-{circle.steepest})",
        [gap / money * steep / (1.0 - steep) for gap, money, steep in triples],
        Form.COUNT,
        note="share of the money",
        like=ERROR,
    )
    sheet.line(
        "circle.stated",
        "Cash available as the statements have it",
        AVAILABLE,
        cash.available,
    )
    sheet.line(
        "circle.missed",
        "Which is apart from the last round by",
        f"=ABS({{circle.stated}}-{{{last}.available}})/{{circle.size}}",
        [
            abs(one - other) / money
            for one, other, money in zip(cash.available, rounds[-1].available, size, strict=True)
        ],
        Form.COUNT,
        note="share of the money",
        like=ERROR,
    )


def _add_still(sheet: Sheet, buyout: Buyout, still: Still) -> None:
    """What a year costs before anything is swept or drawn, and what each unit of that changes."""
    part = buyout.part
    sheet.heading("Before anything is swept or drawn", years_of(buyout.years))
    if buyout.average:
        _add_units(sheet, buyout, still)
        interest = "{circle.fixed}", "{circle.kept}*{flow.opening}/2"
        dividends = "-{circle.dividends}"
        sheet.line(
            "circle.kept",
            "Interest on a unit of cash",
            f"={{cash.interestRate}}{part}",
            still.kept,
            Form.RATE,
        )
        _add_fixed(sheet, buyout, still)
    else:
        interest = "{debt.interest}-{debt.undrawn}", "{income.income}"
        dividends = "-{debt.dividends}"
    gone, before = "", "SUM({flow.depreciation:flow.workingCapital})"
    if buyout.hastens:
        gone = "-{circle.atOnce}"
        before = (
            "{flow.depreciation}+{flow.written}+{circle.atOnce}"
            "+SUM({flow.inKind:flow.workingCapital})"
        )
        _add_write_offs(sheet, buyout, still)
    sheet.line(
        "circle.profit",
        "EBT, without interest on the closing cash" if buyout.average else "EBT",
        f"={{income.ebit}}-{interest[0]}-{{debt.inKind}}-{{debt.written}}{gone}+{interest[1]}",
        still.profit,
    )
    sheet.line(
        "circle.base",
        "Cash available beside EBT less tax",
        f"={{flow.opening}}+{before}"
        f"{dividends if buyout.stocks else ''}+{{debt.mandatory}}-{{cash.minimum}}",
        still.base,
    )
    sheet.line(
        "round.0.available",
        "Cash available if nothing moved: where the rounds begin",
        "={circle.base}+{circle.profit}-MAX({circle.profit},0)*{operations.taxRate}",
        still.start,
        strong=True,
    )


def _add_units(sheet: Sheet, buyout: Buyout, still: Still) -> None:
    """What a unit costs for the year, where interest is on mean balances."""
    part, swept = buyout.part, buyout.swept
    for at, loan in enumerate(swept):
        fee = "" if loan.tranche.undrawn_fee is None else f"-{{{loan.at}.undrawnFee}}"
        unit = f"{{{loan.coupon}}}" if not fee else f"({{{loan.coupon}}}{fee})"
        formula = "=0" if loan.tranche.preferred else f"={unit}{part}"
        words = f"Cost of a unit for the year: {loan.name}"
        sheet.line(f"circle.cost.{at}", words, formula, still.costs[at], Form.RATE)
    if _sweeps_stock(buyout):
        for at, loan in enumerate(swept):
            formula = f"={{{loan.coupon}}}{part}" if loan.tranche.preferred else "=0"
            words = f"Dividend on a unit for the year: {loan.name}"
            sheet.line(f"circle.dividend.{at}", words, formula, still.dividends[at], Form.RATE)


def _add_fixed(sheet: Sheet, buyout: Buyout, still: Still) -> None:
    """Interest and dividends on mean balances, if nothing is swept or drawn."""
    part, swept = buyout.part, buyout.swept
    for at, loan in enumerate(swept):
        mean = f"({{{loan.key}.opening}}+{{debt.before.{at}}})/2"
        fee = "" if loan.tranche.undrawn_fee is None else f"+{loan.undrawn(mean, part)}"
        words = "Dividends" if loan.tranche.preferred else "Interest and fee" if fee else "Interest"
        formula = f"={{{loan.coupon}}}*{mean}{part}{fee}"
        sheet.line(f"circle.interest.{at}", f"{words}: {loan.name}", formula, still.interest[at])
    rest = [
        *(f"{loan.key}.interest" for loan in buyout.debts if loan not in swept),
        *([] if buyout.new_debt is None else [f"{RECAPITALISATION}.interest"]),
    ]
    moved = [f"circle.interest.{at}" for at, loan in enumerate(swept) if loan in buyout.debts]
    sheet.line("circle.fixed", "Interest and fees of all debt", added(*moved, *rest), still.fixed)
    if buyout.stocks:
        paid = [
            f"circle.interest.{swept.index(loan)}" if loan in swept else f"{loan.key}.interest"
            for loan in buyout.stocks
        ]
        sheet.line("circle.dividends", "Preferred dividends in cash", added(*paid), still.paid_out)


def _add_write_offs(sheet: Sheet, buyout: Buyout, still: Still) -> None:
    """What goes with a unit that is prepaid, and how steep the tax on it makes the equation."""
    tax, steep = "{operations.taxRate}", steepness_by_loan(buyout)
    for at, loan in enumerate(buyout.swept):
        owed = f"{{debt.before.{at}}}"
        unit = f"=IF({owed}>0,{{{loan.key}.kept}}/{owed},0)" if buyout.saves(loan) else "=0"
        words = f"Fee and discount that go with a unit: {loan.name}"
        sheet.line(f"circle.writeOff.{at}", words, unit, still.write_offs[at], Form.RATE)
    for at, loan in enumerate(buyout.swept):
        words = f"Interest and tax that a unit saves: {loan.name}"
        formula = f"={_after_tax(buyout, loan, at)}{tax}*{{circle.writeOff.{at}}}"
        sheet.line(f"circle.taxed.{at}", words, formula, steep[at], Form.RATE)
    goes = [at_once(loan) for loan in buyout.loans if buyout.saves(loan)]
    words = "Fees and discount written off, whatever is swept"
    sheet.line("circle.atOnce", words, "=" + ("+".join(goes) or "0"), still.at_once)


def _after_tax(buyout: Buyout, loan: Loan, at: int) -> str:
    """A term of a sum, or none: half a unit's interest."""
    if not buyout.average:
        return ""
    if loan.tranche.preferred:
        return f"ABS({{circle.dividend.{at}}})/2+"
    return f"ABS({{circle.cost.{at}}})/2*(1-{{operations.taxRate}})+"


def _add_round(sheet: Sheet, buyout: Buyout, number: int, now: Round) -> None:
    """What the round before leaves, repays and draws; and what that leaves in turn."""
    inputs, key = buyout.inputs, f"round.{number}"
    before = f"{{round.{number - 1}.available}}"
    sheet.heading(f"Round {number}", years_of(buyout.years))
    share = "" if inputs.cash.sweep is None else "*{cash.sweep}"
    paid, drawn = "", ""
    for at, loan in enumerate(buyout.swept):
        rest = f"-SUM({rows(f'{key}.paid', at)})" if at else ""
        budget = f"MAX({before},0){share}"
        formula = f"=MIN(MAX({budget}{rest},0),{{debt.before.{at}}})"
        if not at:
            formula = f"=MIN({budget},{{debt.before.{at}}})"
        sheet.line(f"{key}.paid.{at}", f"Repaid: {loan.name}", formula, now.paid[at])
    for at, loan in enumerate(buyout.revolvers):
        rest = f"-SUM({rows(f'{key}.drawn', at)})" if at else ""
        formula = f"=MIN(MAX(-{before}{rest},0),{{debt.room.{at}}})"
        if at:
            formula = f"=MIN(MAX(MAX(-{before},0){rest},0),{{debt.room.{at}}})"
        sheet.line(f"{key}.drawn.{at}", f"Drawn: {loan.name}", formula, now.drawn[at])
    costs, stock, gone = "", "", ""
    if buyout.swept:
        count = len(buyout.swept)
        paid = f"-SUM({rows(f'{key}.paid', count)})"
        if buyout.hastens:
            gone = _products("circle.writeOff", f"{key}.paid", count)
        costs = _products("circle.cost", f"{key}.paid", count) if buyout.average else ""
        if buyout.average and _sweeps_stock(buyout):
            stock = f"+{_products('circle.dividend', f'{key}.paid', count)}/2"
    if buyout.revolvers:
        count = len(buyout.revolvers)
        drawn = f"+SUM({rows(f'{key}.drawn', count)})"
        if buyout.average:
            costs += f"-{_products('circle.cost', f'{key}.drawn', count)}"
    sheet.line(f"{key}.cash", "Closing cash", f"={{cash.minimum}}+{before}{paid}{drawn}", now.cash)
    words = " and ".join(
        said
        for said, holds in (
            ("with interest on mean balances", buyout.average),
            ("after what is written off", buyout.hastens),
        )
        if holds
    )
    ebt = f"+({costs}+{{circle.kept}}*{{{key}.cash}})/2" if buyout.average else ""
    if gone:
        ebt, gone = f"{ebt}-{gone}", f"+{gone}"
    sheet.line(f"{key}.ebt", f"EBT, {words}", f"={{circle.profit}}{ebt}", now.ebt)
    taxed, losses = f"{key}.ebt", inputs.operations.losses
    if buyout.valuation.statements.income.fees_deducted is not None:
        taxed = f"{key}.income"
        values = [ebt - fees for ebt, fees in zip(now.ebt, buyout.deducted, strict=True)]
        formula = f"={{{key}.ebt}}+{{income.deducted}}"
        sheet.line(taxed, "Income after deducted fees", formula, values)
    taxable = f"{{{taxed}}}"
    if losses is not None:
        most = most_used(losses, taxed, cut=buyout.begins_late)
        sheet.line(f"{key}.used", "Losses used", f"=MIN({most},{{losses.left@-1}})", now.used)
        taxable += f"-{{{key}.used}}"
    tax = f"=MAX({taxable},0)*{{operations.taxRate}}"
    sheet.line(f"{key}.tax", "Tax", tax, now.tax)
    sheet.line(
        f"{key}.available",
        "Cash available",
        f"={{circle.base}}+{{{key}.ebt}}-{{{key}.tax}}{stock}{gone}",
        now.available,
        strong=True,
    )


def _sweeps_stock(buyout: Buyout) -> bool:
    return any(loan.tranche.preferred for loan in buyout.swept)


def _products(line: str, other: str, count: int) -> str:
    if count == 1:
        return f"{{{line}.0}}*{{{other}.0}}"
    return f"SUMPRODUCT({rows(line, count)},{rows(other, count)})"
