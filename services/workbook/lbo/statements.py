"""The sheet “Statements”: income statement, cash flow and balance sheet, which have to agree.

Amounts have the sign with which they are added: a cost, a repayment and a dividend are below zero.
"""

from __future__ import annotations

from typing import Final

from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.firm import add_losses, less, numbers
from services.workbook.lbo.buyout import Buyout, added
from services.workbook.sheet import Sheet

BEFORE_LOSSES: Final = "income.beforeLosses"  # the line, where transaction fees are deducted
WITH_WHAT_IS_PREPAID: Final = "Financing fees and discount written off on prepayment"


def add_statements(book: Book, buyout: Buyout) -> None:
    sheet = book.sheet("Statements")
    sheet.frozen = (1, 3)
    _add_income(sheet, buyout)
    _add_cash_flow(sheet, buyout)
    _add_balance_sheet(sheet, buyout)
    book.check("Assets equal claims at the closing", "={sheet.balanced@open}")
    book.check("Assets equal claims at the end of every year", "=AND({sheet.balanced@all})")
    book.check(
        "Closing cash is what repayments and drawings leave, in every year",
        "=SUMPRODUCT(ABS({flow.closing@all}-{debt.cash@all}))<=1E-9*MAX(1,SUM({sheet.assets@all}))",
    )


def _add_income(sheet: Sheet, buyout: Buyout) -> None:
    income, part = buyout.valuation.statements.income, buyout.part
    inputs, years = buyout.inputs, buyout.years
    words = "Income statement, from the closing on" if buyout.begins_late else "Income statement"
    sheet.heading(words, years_of(years))
    for key, label, formula, values, strong in (
        ("revenue", "Revenue", "={business.revenue}", numbers(income.revenue), False),
        ("ebitda", "EBITDA", "={business.ebitda}", numbers(income.ebitda), True),
        (
            "depreciation",
            "Depreciation and amortisation",
            "=-{business.depreciation}",
            less(income.depreciation),
            False,
        ),
    ):
        sheet.line(f"income.{key}", label, formula + part, values, strong=strong)
    ebit = "=SUM({income.ebitda:income.depreciation})"
    sheet.line("income.ebit", "EBIT", ebit, numbers(income.ebit), strong=True)
    for key, label, source, line in (
        ("interest", "Cash interest", "debt.interest", income.cash_interest),
        ("inKind", "Interest in kind", "debt.inKind", income.pik_interest),
        ("undrawn", "Undrawn fees", "debt.undrawn", income.undrawn_fees),
        (
            "written",
            "Financing fees and discount written off",
            "debt.written",
            income.amortisation_of_fees,
        ),
    ):
        sheet.line(f"income.{key}", label, f"=-{{{source}}}", less(line))
    if income.fees_written_off is not None:
        gone = less(income.fees_written_off)
        sheet.line("income.gone", WITH_WHAT_IS_PREPAID, "=-{debt.gone}", gone)
    mean = "({flow.opening}+{debt.cash})/2" if buyout.average else "{flow.opening}"
    sheet.line(
        "income.income",
        "Interest income on cash",
        f"={{cash.interestRate}}*{mean}{part}",
        numbers(income.interest_income),
        note=f"on {'mean' if buyout.average else 'opening'} balance",
    )
    ebt = "=SUM({income.ebit:income.income})"
    sheet.line("income.ebt", "EBT", ebt, numbers(income.ebt), strong=True)
    taxable, lines = list(income.ebt), ["income.ebt"]
    if income.fees_deducted is not None:
        formulas = ["=-{entry.transactionFees}", *["=0"] * (years - 1)]
        fees = less(income.fees_deducted)
        lines.append("income.deducted")
        sheet.line(lines[-1], "Transaction fees deducted", formulas, fees)
        taxable = [sum(pair) for pair in zip(taxable, fees, strict=True)]
        if income.losses_used is not None:
            lines = [BEFORE_LOSSES]
            formula = "={income.ebt}+{income.deducted}"
            sheet.line(BEFORE_LOSSES, "Income before losses are used", formula, taxable)
    if income.losses_used is not None:
        used = less(income.losses_used)
        lines.append("income.losses")
        sheet.line(lines[-1], "Losses used", "=-{losses.used}", used)
        taxable = [sum(pair) for pair in zip(taxable, used, strict=True)]
    sheet.line(
        "income.taxable",
        "Taxable income",
        f"=MAX({added(*lines)[1:]},0)",
        [max(each, 0.0) for each in taxable],
    )
    sheet.line("income.tax", "Tax", "=-{income.taxable}*{operations.taxRate}", less(income.tax))
    sheet.line(
        "income.net",
        "Net income",
        "={income.ebt}+{income.tax}",
        numbers(income.net_income),
        strong=True,
    )
    if buyout.stocks:
        sheet.line(
            "income.dividends",
            "Preferred dividends in cash and in kind, and issue costs written off",
            "=-{debt.dividends}-{debt.dividendsInKind}-{debt.stockCosts}",
            less(income.preferred_dividends),
        )
    losses = inputs.operations.losses
    if losses is not None:
        sheet.heading("Losses carried forward", years_of(years), opening="Closing")
        parts = buyout.parts if buyout.begins_late else None
        income_line, incomes = "income.ebt", numbers(income.ebt)
        if income.fees_deducted is not None:
            pairs = zip(incomes, income.fees_deducted, strict=True)
            income_line, incomes = BEFORE_LOSSES, tuple(ebt - fees for ebt, fees in pairs)
        add_losses(sheet, losses, incomes, income=income_line, parts=parts)


def _add_cash_flow(sheet: Sheet, buyout: Buyout) -> None:
    flow, part = buyout.valuation.statements.cash_flow, buyout.part
    sheet.heading("Cash flow", years_of(buyout.years), opening="Closing")
    sheet.line("flow.net", "Net income", "={income.net}", numbers(flow.net_income))
    for key, label, source, line in (
        ("depreciation", "Depreciation and amortisation", "income.depreciation", flow.depreciation),
        (
            "written",
            "Financing fees and discount written off",
            "income.written",
            flow.amortisation_of_fees,
        ),
        ("inKind", "Interest in kind", "income.inKind", flow.pik_interest),
    ):
        sheet.line(f"flow.{key}", label, f"=-{{{source}}}", numbers(line))
        if key == "written" and flow.fees_written_off is not None:
            gone = numbers(flow.fees_written_off)
            sheet.line("flow.gone", WITH_WHAT_IS_PREPAID, "=-{income.gone}", gone)
    if flow.stock_compensation is not None:
        formula = f"={{business.stockCompensation}}{part}"
        stock = numbers(flow.stock_compensation)
        sheet.line("flow.stock", "Stock compensation added back", formula, stock)
    for key, label, source, line in (
        (
            "capitalExpenditure",
            "Capital expenditure",
            "business.capitalExpenditure",
            flow.capital_expenditure,
        ),
        (
            "workingCapital",
            "Increase in net working capital",
            "business.increaseInWorkingCapital",
            flow.increase_in_working_capital,
        ),
    ):
        sheet.line(f"flow.{key}", label, f"=-{{{source}}}{part}", less(line))
    last = "flow.workingCapital"
    if buyout.stocks:
        last = "flow.dividends"
        paid = less(flow.cash_preferred_dividends)
        sheet.line(last, "Preferred dividends in cash", "=-{debt.dividends}", paid)
    sheet.line(
        "flow.before",
        "Cash flow before repayment",
        f"=SUM({{flow.net:{last}}})",
        numbers(flow.cash_before_repayment),
        strong=True,
    )
    for key, label, source, values in (
        (
            "mandatory",
            "Mandatory repayment",
            "debt.mandatory",
            less(flow.mandatory_repayment),
        ),
        ("sweep", "Sweep", "debt.sweep", less(flow.sweep)),
        ("drawn", "Revolvers drawn", "debt.drawn", numbers(flow.revolver_drawn)),
    ):
        sheet.line(f"flow.{key}", label, f"={{{source}}}", values)
    last = "flow.drawn"
    if buyout.new_debt is not None:
        borrowed = numbers(buyout.new_debt.drawn)
        last = "flow.paidOut"
        sheet.line(
            "flow.borrowed",
            "New debt of the recapitalisation",
            "={debt.recapitalisation.drawn}",
            borrowed,
        )
        sheet.line(
            last, "Paid out to the owners, with its fee", "=-{flow.borrowed}", less(borrowed)
        )
    sheet.line(
        "flow.change",
        "Change in cash",
        f"=SUM({{flow.before:{last}}})",
        numbers(flow.change_in_cash),
        strong=True,
    )
    sheet.line("flow.opening", "Opening cash", "={flow.closing@-1}", numbers(flow.opening_cash))
    sheet.line(
        "flow.closing",
        "Closing cash",
        "={flow.opening}+{flow.change}",
        numbers(flow.closing_cash),
        opening=("={entry.cashAtClosing}", float(flow.opening_cash[0])),
        strong=True,
    )


def _add_balance_sheet(sheet: Sheet, buyout: Buyout) -> None:
    """Each line is rolled forward by its own flows; that they balance is a check of all of them."""
    ends, entry = buyout.valuation.statements.balance_sheet, buyout.inputs.entry
    capitalised = entry.transaction_fee_treatment.name == "CAPITALISED"
    fees = "{entry.transactionFees}"
    needed = "={business.workingCapital@open}"
    if buyout.begins_late:
        needed = "={business.workingCapital@0}-{business.increaseInWorkingCapital@0}*{stub}"
    fixed = buyout.inputs.operations.opening_fixed_assets
    sheet.heading("Balance sheet", years_of(buyout.years), opening="Closing")
    goodwill = "={transaction.price}-{sheet.workingCapital@open}-{sheet.fixedAssets@open}"
    equity = "={transaction.invested}"
    if capitalised:
        goodwill += f"+{fees}"
    else:
        equity += f"-{fees}"
    kept = ["{sheet.equity@-1}", "{income.net}"]
    if buyout.stocks:
        kept.append("{income.dividends}")
    if buyout.valuation.statements.cash_flow.stock_compensation is not None:
        kept.append("{flow.stock}")
    if buyout.new_debt is not None:
        kept.append("{flow.paidOut}")
    claims = [("debt", "Debt", "={debt.total@open}", "={debt.total}", ends.debt)]
    if buyout.stocks:
        stock = ("preferred", "Preferred stock", "={debt.preferred@open}", "={debt.preferred}")
        claims.append((*stock, ends.preferred))
    claims.append(("equity", "Equity", equity, "=" + "+".join(kept), ends.equity))
    for key, label, opening, formula, line in (
        ("cash", "Cash", "={flow.closing@open}", "={flow.closing}", ends.cash),
        (
            "workingCapital",
            "Net working capital",
            needed,
            "={business.workingCapital}",
            ends.working_capital,
        ),
        (
            "fixedAssets",
            "Fixed assets",
            "=0" if fixed is None else "={operations.openingFixedAssets}",
            "={sheet.fixedAssets@-1}-{flow.capitalExpenditure}-{flow.depreciation}",
            ends.fixed_assets,
        ),
        ("goodwill", "Goodwill", goodwill, "={sheet.goodwill@-1}", ends.goodwill),
        (
            "costs",
            "Financing fees and discount not written off",
            "={transaction.costs@2}",
            "={sheet.costs@-1}-{flow.written}"
            + ("-{flow.gone}" if buyout.hastens else "")
            + ("-{debt.stockCosts}" if buyout.stocks else ""),
            ends.financing_costs,
        ),
        (
            "assets",
            "Assets",
            "=SUM({sheet.cash:sheet.costs@open})",
            "=SUM({sheet.cash:sheet.costs})",
            ends.total_assets,
        ),
        *claims,
        (
            "claims",
            "Claims",
            "=SUM({sheet.debt:sheet.equity@open})",
            "=SUM({sheet.debt:sheet.equity})",
            ends.total_claims,
        ),
    ):
        values = numbers(line)
        sheet.line(
            f"sheet.{key}",
            label,
            formula,
            values[1:],
            opening=(opening, values[0]),
            strong=key in ("assets", "claims"),
        )
    balanced = "=ABS({sheet.assets}-{sheet.claims})<=1E-9*MAX(1,ABS({sheet.assets}))"
    first = sheet.columns.first - 1
    sheet.laws += [(sheet.row, first + number) for number in range(buyout.years + 1)]
    sheet.line(
        "sheet.balanced",
        "Assets equal claims",
        balanced,
        [True] * buyout.years,
        Form.CHOICE,
        opening=(balanced.replace("}", "@open}"), True),
    )
