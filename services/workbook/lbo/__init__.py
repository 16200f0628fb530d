"""The sheets of a buyout: what is paid, what the firm does, its debt, and what the owners have."""

from __future__ import annotations

from engine.lbo import LboResult
from services.workbook.book import Book
from services.workbook.lbo.buyout import Buyout
from services.workbook.lbo.circularity import add_circularity
from services.workbook.lbo.covenants import add_covenants
from services.workbook.lbo.debt import add_debt
from services.workbook.lbo.exits import add_exits
from services.workbook.lbo.forecast import add_forecast
from services.workbook.lbo.returns import add_returns
from services.workbook.lbo.statements import add_statements
from services.workbook.lbo.transaction import add_transaction

__all__ = ["add_lbo"]


def add_lbo(book: Book, result: LboResult) -> None:
    """Every sheet of a buyout, its outputs and its laws."""
    buyout = Buyout.of(result)
    add_transaction(book, buyout)
    add_forecast(book, buyout)
    add_debt(book, buyout)
    if buyout.circular:
        add_circularity(book, buyout)
    add_statements(book, buyout)
    add_covenants(book, buyout)
    add_returns(book, buyout)
    add_exits(book, buyout)
