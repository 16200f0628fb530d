"""The sheet “Covenants”: the firm as a lender reads it, and how far each limit is."""

from __future__ import annotations

from typing import Final

from engine.lbo import CovenantTest, Measure
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.firm import numbers
from services.workbook.lbo.buyout import Buyout
from services.workbook.sheet import Sheet, Value, told

_NAMES: Final = {
    Measure.LEVERAGE: "Leverage: debt over EBITDA",
    Measure.NET_LEVERAGE: "Net leverage: debt less cash, over EBITDA",
    Measure.INTEREST_COVER: "Interest cover: EBITDA over cash interest and fees",
    Measure.FIXED_CHARGE_COVER: "Fixed-charge cover",
}
_EBITDA: Final = "{business.ebitda}"  # of the whole fiscal year
# What is measured, over what: the second has to be above zero.
_PARTS: Final = {
    Measure.LEVERAGE: ("{debt.total}", _EBITDA),
    Measure.NET_LEVERAGE: ("{credit.netDebt}", _EBITDA),
    Measure.INTEREST_COVER: ("{income.ebitda}", "{credit.interest}"),
    Measure.FIXED_CHARGE_COVER: ("{credit.left}", "{credit.charges}"),
}


def add_covenants(book: Book, buyout: Buyout) -> None:
    sheet = book.sheet("Covenants")
    sheet.frozen = (1, 3)
    _add_credit(sheet, buyout)
    tests = buyout.valuation.covenants
    for number, test in enumerate(tests):
        _add_test(sheet, buyout, number, test)
    sheet.heading("Over all years")
    most = max(each.shortfall for each in buyout.valuation.credit)
    _add_notice(
        book,
        sheet,
        ("credit.shortfallMost", "Largest shortfall of cash"),
        "=MAX({credit.shortfall@all})",
        float(most),
        Form.MONEY,
    )
    if tests:
        every = ",".join(f"{{covenant.{number}.kept@all}}" for number in range(len(tests)))
        kept = all(test.kept for test in tests)
        sheet.laws.append((sheet.row, sheet.columns.single))
        named = ("covenants.kept", "Covenants kept")
        _add_notice(book, sheet, named, f"=AND({every})", kept, Form.CHOICE)


def _add_notice(
    book: Book, sheet: Sheet, named: tuple[str, str], formula: str, value: Value, form: Form
) -> None:
    """A number that the summary of the book shows, too; ``named``: its key and its words."""
    key, words = named
    sheet.number(key, words, formula, value, form, strong=True)
    book.notices.append((words, key, form))


def _add_credit(sheet: Sheet, buyout: Buyout) -> None:
    statements, credit = buyout.valuation.statements, buyout.valuation.credit
    income, flow, years = statements.income, statements.cash_flow, range(buyout.years)
    sheet.heading("Credit", years_of(buyout.years))
    sheet.line("credit.debt", "Debt", "={debt.total}", [each.debt for each in credit])
    net = [each.net_debt for each in credit]
    sheet.line("credit.netDebt", "Debt less cash", "={debt.total}-{flow.closing}", net)
    sheet.line(
        "credit.interest",
        "Cash interest and undrawn fees",
        "={debt.interest}+{debt.undrawn}",
        [income.cash_interest[t] + income.undrawn_fees[t] for t in years],
    )
    words, stock = "Fixed charges: with mandatory repayment", ""
    if buyout.stocks:
        words, stock = f"{words} and preferred dividends in cash", "+{debt.dividends}"
    sheet.line(
        "credit.charges",
        words,
        f"={{credit.interest}}-{{debt.mandatory}}{stock}",
        [
            income.cash_interest[t]
            + income.undrawn_fees[t]
            + flow.mandatory_repayment[t]
            + flow.cash_preferred_dividends[t]
            for t in years
        ],
    )
    sheet.line(
        "credit.left",
        "EBITDA less capital expenditure and tax",
        "={income.ebitda}+{flow.capitalExpenditure}+{income.tax}",
        [income.ebitda[t] - flow.capital_expenditure[t] - income.tax[t] for t in years],
    )
    for measure, (over, under) in _PARTS.items():
        sheet.line(
            _key(measure),
            _NAMES[measure],
            f'=IF({under}>0,{over}/{under},"")',
            told(each.of(measure) for each in credit),
            Form.MULTIPLE,
        )
    shortfall = [each.shortfall for each in credit]
    sheet.line("credit.shortfall", "Shortfall of cash", "={debt.shortfall}", shortfall)


def _add_test(sheet: Sheet, buyout: Buyout, number: int, test: CovenantTest) -> None:
    """One covenant: its measure, its limit, how far they are apart, and whether it is kept."""
    measure, key = test.measure, f"covenant.{number}"
    limit = f"{{covenants[{number}].limit}}"
    over, under = _PARTS[measure]
    way = "at most" if measure.caps else "at least"
    sheet.heading(f"Covenant {number + 1}: {_NAMES[measure]}", years_of(buyout.years))
    actual = told(year.actual for year in test.years)
    sheet.line(f"{key}.actual", "Actual", f"={{{_key(measure)}}}", actual, Form.MULTIPLE)
    limits = numbers([year.limit for year in test.years])
    sheet.line(f"{key}.limit", f"Limit: {way}", f"={limit}", limits, Form.MULTIPLE)
    if measure.caps:
        headroom = f'=IF(MIN({limit},{_EBITDA})>0,1-{over}/{limit}/{_EBITDA},"")'
        # Of an EBITDA that is not above zero no debt is a multiple: none may be owed.
        kept = f"=OR({over}<=0,IF({_EBITDA}>0,{{{key}.actual}}<={limit},FALSE))"
    else:
        least = f"{limit}*{under}"
        if measure is Measure.FIXED_CHARGE_COVER:
            least = f"({least}-{{flow.capitalExpenditure}}-{{income.tax}})"
        headroom = f'=IF(MIN({under},{{income.ebitda}})>0,1-{least}/{{income.ebitda}},"")'
        kept = f"=OR({under}<=0,{{{key}.actual}}>={limit})"
    rooms = told(year.headroom for year in test.years)
    words = "Headroom: share by which EBITDA may fall"
    sheet.line(f"{key}.headroom", words, headroom, rooms, Form.RATE)
    first = sheet.columns.first
    sheet.laws += [(sheet.row, first + year) for year in range(buyout.years)]
    sheet.line(f"{key}.kept", "Kept", kept, [year.kept for year in test.years], Form.CHOICE)


def _key(measure: Measure) -> str:
    return f"credit.{measure.lower()}"
