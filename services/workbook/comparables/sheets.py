"""The sheets of a comparison, in the order in which a reader follows the value."""

from __future__ import annotations

from engine.comparables import ComparablesResult, Multiple
from engine.comparables.kernel import Worth, implied
from services.labels import Form
from services.workbook.book import Book
from services.workbook.comparables.firms import add_firms, firms_of
from services.workbook.comparables.multiples import LEVELS, add_multiples, names_of, titles_of
from services.workbook.equity import add_bridge, add_holders, add_sharing, check_sharing
from services.workbook.sheet import Sheet, Value


def add_comparables(book: Book, result: ComparablesResult) -> None:
    """Every sheet of the kind. The firm is valued by the median of the first multiple."""
    firms = firms_of(result)
    comparables, figures = book.sheet("Comparables"), book.sheet("Figures")
    values = book.sheet("Implied values")
    figures.widths, values.widths = {0: 46.0, 1: 4.0}, {0: 46.0, 1: 4.0}
    add_firms(figures, firms)
    add_multiples(book, comparables, result, firms)
    _add_implied(values, result)
    _add_valuation(book, comparables, result)


def _add_implied(sheet: Sheet, result: ComparablesResult) -> None:
    """`median.enterpriseValue` and so on at each quartile, with a column for each multiple."""
    subject = result.inputs.subject
    sheet.heading("Claims before the shareholders'")
    beside = bool(subject.shares.convertibles)
    add_bridge(sheet, subject.bridge, at="subject.bridge", beside=beside)
    add_holders(sheet, subject.shares, at="subject.shares")
    face = "+SUM({holders.debt@all})" if subject.shares.convertibles else ""
    for level, words in LEVELS:
        sheet.heading(f"At the {words.lower()}", titles_of(result))
        found = [
            _worth(result, number, getattr(each, level))
            for number, each in enumerate(result.valuation.ranges)
        ]
        formulas = []
        for asked in result.inputs.multiples:
            value = f"{{stats.{level}}}*{{stats.metric}}"
            if asked.multiple is Multiple.PRICE_TO_EARNINGS:  # of the equity; so back to the firm
                value += f"+{{claims.netDebt}}{face}"
            means = f"AND(ISNUMBER({{stats.{level}}}),{{stats.metric}}>={{firms.least}})"
            formulas.append(f'=IF({means},{value},"")')
        values: list[Value] = [
            "" if each is None else float(each.enterprise_value) for each in found
        ]
        sheet.line(f"{level}.enterpriseValue", "Enterprise value", formulas, values, strong=True)
        sheet.line(
            f"{level}.before",
            "Equity" + (" before convertibles" if face else " to share"),
            f'=IF({{{level}.enterpriseValue}}="","",'
            f"{{{level}.enterpriseValue}}-{{claims.netDebt}})",
            [
                ""
                if each is None
                else float(each.settled.equity_value + each.settled.convertible_debt)
                for each in found
            ],
        )
        settled = [None if each is None else each.settled for each in found]
        add_sharing(sheet, subject.shares, settled, equity=f"{level}.before", key=level)


def _worth(result: ComparablesResult, number: int, at: object) -> Worth | None:
    """What the engine finds at a quartile of a multiple, with who shares it; None: nothing."""
    multiple = getattr(at, "multiple", None)
    if multiple is None:
        return None
    inputs = result.inputs
    return implied(inputs.subject, inputs.multiples[number], inputs.as_of, multiple)


def _add_valuation(book: Book, sheet: Sheet, result: ComparablesResult) -> None:
    """The outputs of the kind."""
    found, first = result.valuation, names_of(result)[0]
    sheet.heading(f"Value, by the median of {first}", opening=" ")
    lines: tuple[tuple[str, str, str, float, Form], ...] = (
        ("multiple", "Multiple", "={stats.median@0}", found.multiple, Form.MULTIPLE),
        (
            "enterpriseValue",
            "Enterprise value",
            "={median.enterpriseValue@0}",
            found.enterprise_value,
            Form.MONEY,
        ),
        (
            "netDebt",
            "Less net debt",
            "={value.equityValue}-{value.enterpriseValue}",
            0.0 - found.net_debt,
            Form.MONEY,
        ),
        (
            "equityValue",
            "Equity value",
            "={median.equityValue@0}",
            found.equity_value,
            Form.MONEY,
        ),
        (
            "dilutedShares",
            "Diluted shares",
            "={median.dilutedShares@0}",
            found.diluted_shares,
            Form.COUNT,
        ),
        (
            "valuePerShare",
            "Value per share",
            "={value.equityValue}/{value.dilutedShares}",
            found.value_per_share,
            Form.PRICE,
        ),
    )
    for name, words, formula, value, form in lines:
        strong = name == "valuePerShare"
        sheet.number(f"value.{name}", words, formula, value, form, strong=strong)
    if found.upside is not None:
        sheet.number(
            "value.upside",
            "Above market price",
            "={value.valuePerShare}/{marketPrice}-1",
            found.upside,
            Form.RATE,
        )
    for output, name in (
        ("VALUE_PER_SHARE", "valuePerShare"),
        ("EQUITY_VALUE", "equityValue"),
        ("ENTERPRISE_VALUE", "enterpriseValue"),
    ):
        book.output(output, f"value.{name}")
    check_sharing(
        book,
        result.inputs.subject.shares,
        price="{value.valuePerShare}",
        equity="{median.before@0}",
    )
