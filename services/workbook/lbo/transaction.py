"""The sheet “Transaction”: the price, where the money comes from, and what it is used for."""

from __future__ import annotations

from typing import Final

from services.labels import Form
from services.workbook.book import Book
from services.workbook.lbo.buyout import Buyout, Loan
from services.workbook.sheet import Sheet

_SOURCE: Final = (Form.MONEY, Form.MULTIPLE, Form.RATE)
_USE: Final = (Form.MONEY, Form.MULTIPLE, Form.RATE)
_TITLES: Final = ("Amount", "Over EBITDA", "Share")


def add_transaction(book: Book, buyout: Buyout) -> None:
    sheet = book.sheet("Transaction")
    _add_price(sheet, buyout)
    _add_financing_costs(sheet, buyout)
    _add_uses(sheet, buyout)
    _add_sources(sheet, buyout)
    book.check(
        "Sources come to the same as uses, to the cent",
        "=ABS({transaction.sources@0}-{transaction.uses@0})"
        "<=MAX(0.005,1E-12*ABS({transaction.uses@0}))",
    )
    book.check(
        "Debt and rollover are less than uses: the sponsor pays something",
        "={transaction.sponsor@0}>=0.005",
    )


def _add_price(sheet: Sheet, buyout: Buyout) -> None:
    entry, sources = buyout.inputs.entry, buyout.valuation.sources_and_uses
    sheet.heading("Price")
    price = (
        "={entry.evToEbitda}*{entry.ltmEbitda}"
        if entry.enterprise_value is None
        else "={entry.enterpriseValue}"
    )
    sheet.number("transaction.price", "Enterprise value", price, sources.enterprise_value)
    sheet.number(
        "transaction.multiple",
        "EV/EBITDA of the last twelve months",
        "={transaction.price}/{entry.ltmEbitda}",
        sources.ev_to_ebitda,
        Form.MULTIPLE,
    )


def _add_financing_costs(sheet: Sheet, buyout: Buyout) -> None:
    """A row for each tranche: its fee, its discount, and both, which are written off."""
    sheet.heading("Costs of financing", ("Fee", "Issue discount", "Together"))
    sources = buyout.valuation.sources_and_uses
    for loan, source in zip(buyout.loans, sources.tranches, strict=True):
        fee, discount = source.financing_fee, source.original_issue_discount
        paid_on = f"{{{loan.at}.commitment}}" if loan.tranche.revolving else f"{{{_face(loan)}@0}}"
        sheet.line(
            _cost(loan),
            loan.name,
            (
                f"={{{loan.at}.fee}}*{paid_on}",
                f"={{{loan.at}.oid}}*{{{_face(loan)}@0}}",
                f"={{{_cost(loan)}@0}}+{{{_cost(loan)}@1}}",
            ),
            (fee, discount, fee + discount),
        )
    fees, discounts = sources.financing_fees, sources.original_issue_discount
    sheet.line(
        "transaction.costs",
        "All tranches",
        _sum(*map(_cost, buyout.loans)),
        (fees, discounts, fees + discounts),
        strong=True,
    )


def _add_uses(sheet: Sheet, buyout: Buyout) -> None:
    sources, ltm = buyout.valuation.sources_and_uses, float(buyout.inputs.entry.ltm_ebitda)
    total = sources.total
    sheet.heading("Uses", _TITLES)
    rows = (
        ("price", "Enterprise value", "{transaction.price}", sources.enterprise_value),
        ("fees", "Transaction fees", "{entry.transactionFees}", sources.transaction_fees),
        ("financing", "Financing fees", "{transaction.costs@0}", sources.financing_fees),
        (
            "discount",
            "Original issue discount",
            "{transaction.costs@1}",
            sources.original_issue_discount,
        ),
        (
            "cash",
            "Cash to the balance sheet",
            "{entry.cashAtClosing}",
            sources.cash_to_balance_sheet,
        ),
    )
    for name, words, source, value in rows:
        key = f"transaction.use.{name}"
        sheet.line(key, words, _row(key, source, "uses"), (value, value / ltm, value / total), _USE)
    sheet.line(
        "transaction.uses",
        "All uses",
        "=SUM({transaction.use.price:transaction.use.cash})",
        (total, total / ltm, 1.0),
        _USE,
        strong=True,
    )


def _add_sources(sheet: Sheet, buyout: Buyout) -> None:
    sources, ltm = buyout.valuation.sources_and_uses, float(buyout.inputs.entry.ltm_ebitda)
    total = sources.total
    sheet.heading("Sources", _TITLES)
    for loan, source in zip(buyout.loans, sources.tranches, strict=True):
        amount = (
            f"{{{loan.at}.amount}}"
            if loan.tranche.times_ebitda is None
            else f"{{{loan.at}.timesEbitda}}*{{entry.ltmEbitda}}"
        )
        sheet.line(
            _face(loan),
            loan.name,
            _row(_face(loan), amount, "sources"),
            (source.amount, source.times_ebitda, source.share),
            _SOURCE,
        )
    rollover, sponsor = sources.rollover, sources.sponsor_equity
    sheet.line(
        "transaction.rollover",
        "Rollover",
        _row("transaction.rollover", "{equity.rollover}", "sources"),
        (rollover, rollover / ltm, rollover / total),
        _SOURCE,
    )
    first = _face(buyout.loans[0]) if buyout.loans else "transaction.rollover"
    rest = f"{{transaction.uses@0}}-SUM({{{first}:transaction.rollover@0}})"
    sheet.line(
        "transaction.sponsor",
        "Sponsor's equity: what the others leave",
        _row("transaction.sponsor", rest, "sources"),
        (sponsor, sponsor / ltm, sponsor / total),
        _SOURCE,
    )
    sheet.line(
        "transaction.sources",
        "All sources",
        f"=SUM({{{first}:transaction.sponsor}})",
        (total, total / ltm, 1.0),
        _SOURCE,
        strong=True,
    )
    sheet.heading("Equity")
    invested = rollover + sponsor
    sheet.number(
        "transaction.invested",
        "Equity invested by sponsor and rollover",
        "={transaction.sponsor@0}+{transaction.rollover@0}",
        invested,
    )
    sheet.number(
        "transaction.share",
        "Sponsor's share of it",
        "={transaction.sponsor@0}/{transaction.invested}",
        sponsor / invested,
        Form.RATE,
    )
    sheet.number(
        "transaction.equityShare",
        "Equity as a share of all sources",
        "={transaction.invested}/{transaction.sources@0}",
        sources.equity_share,
        Form.RATE,
    )


def _row(key: str, amount: str, of: str) -> tuple[str, str, str]:
    """An amount, what it is over EBITDA, and as a share of all."""
    return (
        f"={amount}",
        f"={{{key}@0}}/{{entry.ltmEbitda}}",
        f"={{{key}@0}}/{{transaction.{of}@0}}",
    )


def _sum(*keys: str) -> str:
    return f"=SUM({{{keys[0]}:{keys[-1]}}})" if keys else "=0"


def _face(loan: Loan) -> str:
    return f"transaction.face.{loan.number}"


def _cost(loan: Loan) -> str:
    return f"transaction.cost.{loan.number}"
