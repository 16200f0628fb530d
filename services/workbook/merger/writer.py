"""The sheets of a merger, in the order in which a reader turns them."""

from __future__ import annotations

from typing import Final

from engine.merger.kernel import MergerOutput
from engine.merger.value import MergerResult
from services.workbook.book import Book
from services.workbook.merger.allocation import add_allocation
from services.workbook.merger.books import add_books, add_cash_flow, add_closing
from services.workbook.merger.breakeven import add_breakeven
from services.workbook.merger.case import Case
from services.workbook.merger.earnings import add_earnings
from services.workbook.merger.firms import add_firms
from services.workbook.merger.grid import add_grid
from services.workbook.merger.offer import add_offer
from services.workbook.merger.shares import add_shares
from services.workbook.merger.worth import add_worth
from services.workbook.sheet import Sheet

# Which line is which number; of the earnings year 1's.
_OUTPUTS: Final = {
    MergerOutput.ACCRETION: "first.accretion",
    MergerOutput.CASH_ACCRETION: "first.cash_accretion",
    MergerOutput.EARNINGS_PER_SHARE: "first.per_share",
    MergerOutput.NEW_SHARES: "new_shares",
    MergerOutput.ACQUIRER_OWNERSHIP: "ownership",
    MergerOutput.GOODWILL: "goodwill",
    MergerOutput.NEW_DEBT: "sources.debt",
    MergerOutput.ENTERPRISE_VALUE: "enterprise_value",
    MergerOutput.VALUE_CREATED: "value_created",
}


def add_merger(book: Book, result: MergerResult) -> None:
    """The sheets Offer, Shares, Firms, Allocation, Earnings, Breakeven, Grid, Balance sheet and
    Worth."""
    case = Case.of(book, result)

    def sheet(name: str) -> Sheet:
        made = book.sheet(name)
        made.widths = {0: 52.0, 1: 2.0}
        made.frozen = (0, 1)
        return made

    add_offer(case, sheet("Offer"))
    add_shares(case, sheet("Shares"))
    add_firms(case, sheet("Firms"))
    add_allocation(case, sheet("Allocation"))
    add_earnings(case, sheet("Earnings"))
    add_breakeven(case, sheet("Breakeven"))
    add_grid(case, sheet("Grid"))
    balance = sheet("Balance sheet")
    add_closing(case, balance)
    add_cash_flow(case, balance)
    add_books(case, balance)
    add_worth(case, sheet("Worth"))
    for output, key in _OUTPUTS.items():
        book.output(output.value, key)
