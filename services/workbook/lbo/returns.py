"""The sheet “Returns”: a sale at the end of each year, who has what of it, and whence it came."""

from __future__ import annotations

from typing import Final, Literal

from engine.lbo import Holder
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.lbo.buyout import Buyout
from services.workbook.lbo.rates import Received, add_rate, add_rounds
from services.workbook.sheet import Sheet, Value, told

_PARTS: Final = (Form.MONEY, Form.RATE)
ROLLED: Final = "{transaction.rollover@0}/{transaction.invested}"  # its share of what is left


def add_returns(book: Book, buyout: Buyout) -> None:
    sheet = book.sheet("Returns")
    sheet.frozen = (0, 3)
    _add_outputs(book, sheet, buyout)
    got = _add_sales(sheet, buyout)
    _add_each(book, sheet, buyout)
    _add_holders(sheet, buyout)
    _add_value_creation(sheet, buyout)
    if buyout.inputs.recapitalisation is not None:
        add_rounds(sheet, buyout, got, "Rate of return of a sale in each year, by rounds")
        book.check("The rounds of every rate of return have arrived", "=MAX({sale.gap@all})<=1E-12")
    _check(book, buyout)


def _add_outputs(book: Book, sheet: Sheet, buyout: Buyout) -> None:
    valuation, at = buyout.valuation, buyout.valuation.exit_year - 1
    sheet.heading(f"Sponsor's return, sold at the end of year {valuation.exit_year}")
    for output, words, formula, value, form in (
        ("IRR", "IRR", f"={{sale.irr@{at}}}", valuation.irr, Form.RATE),
        ("MOIC", "MOIC", f"={{sale.moic@{at}}}", valuation.moic, Form.MULTIPLE),
        (
            "EXIT_EQUITY",
            "Equity at exit, of all owners",
            f"={{sale.equity@{at}}}",
            valuation.exit_equity,
            Form.MONEY,
        ),
        (
            "SPONSOR_EQUITY",
            "Sponsor's equity at closing",
            "={transaction.sponsor@0}",
            valuation.sponsor_equity,
            Form.MONEY,
        ),
    ):
        key = f"returns.{output.lower()}"
        sheet.number(key, words, formula, value, form, strong=output == "IRR")
        book.output(output, key)


def _add_sales(sheet: Sheet, buyout: Buyout) -> Received:
    """Equity = EV - exit costs - debt - preferred stock + cash, not below zero; shared out."""
    inputs, valuation, years = buyout.inputs, buyout.valuation, range(buyout.years)
    ends, exits = valuation.statements.balance_sheet, valuation.exits
    worth = [each.enterprise_value for each in exits]
    costs = [max(value, 0.0) * float(inputs.exit.costs) for value in worth]
    surplus = [
        worth[t] - costs[t] - (ends.debt[t + 1] + ends.preferred[t + 1] - ends.cash[t + 1])
        for t in years
    ]
    sheet.heading("Sale at the end of each year", years_of(buyout.years))
    rows: list[tuple[str, str, str, list[float], bool]] = [
        ("enterprise", "Enterprise value", "={exit.evToEbitda}*{business.ebitda}", worth, True),
        (
            "costs",
            "Exit costs",
            "=-MAX({sale.enterprise},0)*{exit.costs}",
            [0.0 - x for x in costs],
            False,
        ),
        ("debt", "Debt", "=-{debt.total}", [0.0 - x for x in ends.debt[1:]], False),
    ]
    if buyout.stocks:
        stock = [0.0 - x for x in ends.preferred[1:]]
        rows.append(("preferred", "Preferred stock", "=-{debt.preferred}", stock, False))
    equity = [each.equity for each in exits]
    pool = parts_of(buyout, "OPTION_POOL", "proceeds")
    proceeds = parts_of(buyout, "SPONSOR", "proceeds")
    rows += [
        ("cash", "Cash", "={flow.closing}", list(ends.cash[1:]), False),
        ("surplus", "What is left", "=SUM({sale.enterprise:sale.cash})", surplus, False),
        ("equity", "Equity: not below zero", "=MAX({sale.surplus},0)", equity, True),
        (
            "pool",
            "Of it the option pool's",
            "={equity.optionPool}*MAX({sale.equity}-{transaction.invested},0)",
            pool,
            False,
        ),
        (
            "rollover",
            "Of it rollover's",
            f"=({{sale.equity}}-{{sale.pool}})*{ROLLED}",
            parts_of(buyout, "ROLLOVER", "proceeds"),
            False,
        ),
        (
            "proceeds",
            "Of it the sponsor's",
            "=({sale.equity}-{sale.pool})*{transaction.share}",
            proceeds,
            False,
        ),
    ]
    dividends, received = [0.0] * buyout.years, "={sale.proceeds}"
    recap = inputs.recapitalisation
    if recap is not None:
        dividends = parts_of(buyout, "SPONSOR", "dividend")
        formula = (
            "=IF({time.year}>={recapitalisation.year},{recapitalisation.net}*{transaction.share},0)"
        )
        rows.append(("dividend", "Sponsor's dividend until then", formula, dividends, False))
        received = "={sale.proceeds}+{sale.dividend}"
    all_of_it = [proceeds[t] + dividends[t] for t in years]
    rows.append(("received", "Received by the sponsor", received, all_of_it, False))
    for key, words, formula, values, strong in rows:
        sheet.line(f"sale.{key}", words, formula, values, strong=strong)
    moic = [each.moic for each in exits]
    formula = "={sale.received}/{transaction.sponsor@0}"
    sheet.line("sale.moic", "Sponsor's MOIC", formula, moic, Form.MULTIPLE)
    got = Received("sale", proceeds, dividends, [each.irr for each in exits])
    add_rate(sheet, buyout, got, "Sponsor's IRR")
    return got


def _add_each(book: Book, sheet: Sheet, buyout: Buyout) -> None:
    """What each holder would have received by the end of each year, were the firm sold then."""
    recap, rollover = buyout.inputs.recapitalisation, "{transaction.rollover@0}"
    sheet.heading("Each holder, sold at the end of each year", years_of(buyout.years))
    rest = "{sale.rollover}"
    if recap is not None:
        net = f"{{recapitalisation.net}}*{ROLLED}"
        formula = f"=IF({{time.year}}>={{recapitalisation.year}},{net},0)"
        dividends = parts_of(buyout, "ROLLOVER", "dividend")
        sheet.line("each.dividend", "Rollover's dividend until then", formula, dividends)
        rest += "+{each.dividend}"
    got = {
        name: [
            paid + dividend
            for paid, dividend in zip(
                parts_of(buyout, name, "proceeds"), parts_of(buyout, name, "dividend"), strict=True
            )
        ]
        for name in _HOLDERS
    }
    for name, words, formula in (
        ("SPONSOR", "Received by the sponsor", "={sale.received}"),
        ("ROLLOVER", "Received by rollover", f"={rest}"),
        ("OPTION_POOL", "Received by the option pool", "={sale.pool}"),
    ):
        sheet.line(f"each.{name.lower()}", words, formula, got[name])
    sheet.line(
        "each.all",
        "Received by all of them",
        "=SUM({each.sponsor:each.option_pool})",
        [sum(year) for year in zip(*got.values(), strict=True)],
        strong=True,
    )
    held = [_of(buyout, year, "ROLLOVER") for year in range(buyout.years)]
    sheet.line(
        "each.rollover.moic",
        "Rollover's MOIC",
        f'=IF({rollover}>0,{{each.rollover}}/{rollover},"")',
        told([None if each is None else each.moic for each in held]),
        Form.MULTIPLE,
    )
    sheet.line(
        "each.rollover.irr",
        "Rollover's IRR: the sponsor's",
        f'=IF({rollover}>0,{{sale.irr}},"")',
        told([None if each is None else each.irr for each in held]),
        Form.RATE,
    )
    book.check("Something is left for the owners", "={returns.moic}>0")
    paid = "SUM({sale.equity@all})"
    if recap is not None:  # in that year, and in each after it
        paid += f"+{{recapitalisation.net}}*{buyout.years - recap.year + 1}"
    book.check(
        "In each year all holders together have the equity and the dividends until then",
        f"=ABS(SUM({{each.all@all}})-({paid}))<=1E-9*MAX(1,{paid})",
    )


_HOLDERS: Final = ("SPONSOR", "ROLLOVER", "OPTION_POOL")


def _of(buyout: Buyout, year: int, name: str) -> Holder | None:
    """A holder of a sale at the end of a year, from 0; None: it has no part."""
    holders = buyout.valuation.exits[year].holders
    return next((each for each in holders if each.name == name), None)


def parts_of(buyout: Buyout, name: str, what: Literal["proceeds", "dividend"]) -> list[float]:
    """(n_years,) money of a holder of a sale at the end of each year; 0 where it has no part."""
    found = [_of(buyout, year, name) for year in range(buyout.years)]
    return [0.0 if each is None else getattr(each, what) for each in found]


def _add_holders(sheet: Sheet, buyout: Buyout) -> None:
    """Sponsor and rollover have the same rate of return; the pool has invested nothing."""
    valuation, at = buyout.valuation, buyout.valuation.exit_year - 1
    known = {holder.name: holder for holder in valuation.holders}
    holders = [known.get(name) for name in _HOLDERS]
    titles = ("Sponsor", "Rollover", "Option pool")
    sheet.heading(f"Holders, sold at the end of year {valuation.exit_year}", titles)
    proceeds = f"{{sale.proceeds@{at}}}"
    recap = buyout.inputs.recapitalisation
    received = "={holder.proceeds}"
    sheet.line(
        "holder.invested",
        "Invested",
        ("={transaction.sponsor@0}", "={transaction.rollover@0}", "=0"),
        [0.0 if each is None else each.invested for each in holders],
    )
    if recap is not None:
        net, share = "{recapitalisation.net}", "{transaction.share}"
        sheet.line(
            "holder.dividend",
            "Dividend of the recapitalisation",
            (f"={net}*{share}", f"={net}*{ROLLED}", "=0"),
            [0.0 if each is None else each.dividend for each in holders],
        )
        received += "+{holder.dividend}"
    sheet.line(
        "holder.proceeds",
        "Proceeds at exit",
        (f"={proceeds}", f"={{sale.rollover@{at}}}", f"={{sale.pool@{at}}}"),
        [0.0 if each is None else each.proceeds for each in holders],
    )
    sheet.line(
        "holder.received",
        "Received",
        received,
        [0.0 if each is None else each.dividend + each.proceeds for each in holders],
        strong=True,
    )
    sheet.line(
        "holder.moic",
        "MOIC",
        '=IF({holder.invested}>0,{holder.received}/{holder.invested},"")',
        told([None if each is None else each.moic for each in holders]),
        Form.MULTIPLE,
    )
    sheet.line(
        "holder.irr",
        "IRR",
        f'=IF({{holder.invested}}>0,{{sale.irr@{at}}},"")',
        told([None if each is None else each.irr for each in holders]),
        Form.RATE,
    )


def _add_value_creation(sheet: Sheet, buyout: Buyout) -> None:
    """Where the owners' gain came from."""
    made, at = buyout.valuation.value_creation, buyout.valuation.exit_year - 1
    more = f"({{business.ebitda@{at}}}-{{entry.ltmEbitda}})"
    dearer = "({exit.evToEbitda}-{transaction.multiple})"
    stock = f"+{{sale.preferred@{at}}}" if buyout.stocks else ""
    at_exit = f"{{sale.debt@{at}}}{stock}+{{sale.cash@{at}}}"
    at_closing = "{debt.total@open}" + ("+{debt.preferred@open}" if buyout.stocks else "")
    borrowed = net = fee = ""
    if buyout.inputs.recapitalisation is not None:
        borrowed, fee = "+{recapitalisation.borrowed}", "-{recapitalisation.cost}"
        net = "+{recapitalisation.net}"
    sheet.heading("Value created for all owners", ("Amount", "Share"))
    rows = (
        (
            "growth",
            "EBITDA growth, at the entry multiple",
            f"{more}*{{transaction.multiple}}",
            made.ebitda_growth,
        ),
        (
            "multiple",
            "Higher multiple, on the EBITDA at entry",
            f"{dearer}*{{entry.ltmEbitda}}",
            made.multiple_expansion,
        ),
        ("cross", "Both together", f"{more}*{dearer}", made.cross),
        (
            "netDebt",
            "Net debt paid down",
            f"{at_closing}-{{entry.cashAtClosing}}+{at_exit}{borrowed}",
            made.net_debt,
        ),
        (
            "fees",
            "Fees and costs",
            f"-{{entry.transactionFees}}-{{transaction.costs@2}}+{{sale.costs@{at}}}{fee}",
            made.fees,
        ),
        (
            "uncovered",
            "Claims that are not covered",
            f"MAX(-{{sale.surplus@{at}}},0)",
            made.claims_not_covered or 0.0,
        ),
    )
    for key, words, formula, value in rows:
        name = f"created.{key}"
        share: Value = value / made.total if made.total != 0.0 else ""
        sheet.line(name, words, _with_share(name, formula), (value, share), _PARTS)
    total = "SUM({created.growth:created.uncovered@0})"
    sheet.line(
        "created.total",
        "Value created",
        _with_share("created.total", total),
        (made.total, 1.0 if made.total != 0.0 else ""),
        _PARTS,
        strong=True,
    )
    sheet.number(
        "created.gain",
        "Equity at exit and dividends, less what was invested",
        f"={{sale.equity@{at}}}{net}-{{transaction.invested}}",
        made.total,
    )


def _with_share(name: str, formula: str) -> tuple[str, str]:
    all_of_it = "{created.total@0}"
    return f"={formula}", f'=IF({all_of_it}=0,"",{{{name}@0}}/{all_of_it})'


def _check(book: Book, buyout: Buyout) -> None:
    at = buyout.valuation.exit_year - 1
    book.check(
        "Sponsor, rollover and option pool have all of the equity",
        f"=ABS(SUM({{holder.proceeds@all}})-{{sale.equity@{at}}})<=1E-9*MAX(1,{{sale.equity@{at}}})",
    )
    book.check(
        "The parts of the value created come to the owners' gain",
        "=ABS({created.total@0}-{created.gain})<=1E-9*MAX(1,{transaction.uses@0},"
        "MAX({created.growth:created.uncovered@0}),-MIN({created.growth:created.uncovered@0}))",
    )
    recap = buyout.inputs.recapitalisation
    factor = "(1+{returns.irr})"
    worth = f"{{sale.proceeds@{at}}}/{factor}^{{time.elapsed@{at}}}"
    if recap is not None:
        worth += f"+{{sale.dividend@{at}}}/{factor}^{{time.elapsed@{recap.year - 1}}}"
    book.check(
        "At its IRR, what the sponsor receives is worth what it paid",
        f"=IF({{returns.irr}}>-1,ABS(({worth})/{{transaction.sponsor@0}}-1)<=1E-9,TRUE)",
    )
