"""The sheet “Comparables”: each peer's multiples, their quartiles, and what the firm is worth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from engine.comparables import Asked, ComparablesResult, Multiple
from services.comparables_labels import name_of_multiple
from services.labels import Form
from services.words import camel
from services.workbook.book import Book
from services.workbook.comparables.firms import NOTHING, Firm
from services.workbook.sheet import Sheet, Value

_STATISTICS: Final = (
    ("low", "Lowest", "MIN({0})"),
    ("lower_quartile", "Lower quartile", "QUARTILE({0},1)"),
    ("median", "Median", "MEDIAN({0})"),
    ("mean", "Mean", "AVERAGE({0})"),
    ("upper_quartile", "Upper quartile", "QUARTILE({0},3)"),
    ("high", "Highest", "MAX({0})"),
)
LEVELS: Final = (
    ("lower_quartile", "Lower quartile"),
    ("median", "Median"),
    ("upper_quartile", "Upper quartile"),
)


def names_of(result: ComparablesResult) -> list[str]:
    """What each multiple is called, with the kind of peers where one is asked for."""
    return [
        name_of_multiple({"multiple": each.multiple, "period": each.period, "kind": each.kind})
        for each in result.inputs.multiples
    ]


def titles_of(result: ComparablesResult) -> list[str]:
    """The same above a column, the kind below."""
    return [name.replace(", ", "\n") for name in names_of(result)]


def metric_key(asked: Asked) -> str:
    """The line of what is multiplied."""
    return f"firms.{asked.period.lower()}.{camel(asked.multiple.metric)}"


def value_key(asked: Asked) -> str:
    """The line of the value that is divided by it."""
    of_equity = asked.multiple is Multiple.PRICE_TO_EARNINGS
    return "firms.equityValue" if of_equity else "firms.enterpriseValue"


def add_multiples(
    book: Book, sheet: Sheet, result: ComparablesResult, firms: Sequence[Firm]
) -> None:
    """`peer.0` and so on with a column for each multiple, and `stats.median` and the like."""
    asked, ranges = result.inputs.multiples, result.valuation.ranges
    sheet.frozen = (1, 1)
    sheet.heading("Multiples", titles_of(result), beside=("Peers",))
    found = [{peer.name: peer.multiple for peer in each.peers} for each in ranges]
    for number, firm in enumerate(firms[1:]):
        formulas, values = [], list[Value]()
        for each, there in zip(asked, found, strict=True):
            formulas.append(_multiple(firm, number + 1, each))
            value = there.get(firm.found.name)
            values.append("" if value is None else value)
        kind = firm.found.kind
        note = kind.lower() if kind else ""
        sheet.line(f"peer.{number}", firm.found.name, formulas, values, Form.MULTIPLE, note=note)
    _add_statistics(sheet, result, len(firms) - 1)
    metrics = [each.metric for each in ranges]
    sheet.heading(f"What they say of {firms[0].found.name}")
    told = [f"={{{metric_key(each)}@0}}" for each in asked]
    sheet.line("stats.metric", "The firm's own figure", told, metrics)
    for name, words in LEVELS:
        implied = [getattr(each, name) for each in ranges]
        sheet.line(
            f"range.{name}",
            f"Value per share, {words.lower()}",
            f"={{{name}.valuePerShare}}",
            ["" if each is None else each.value_per_share for each in implied],
            Form.PRICE,
            strong=name == "median",
        )
    if result.inputs.market_price is not None:
        sheet.line(
            "stats.atMarket",
            "Multiple at market price",
            [_ratio(f"{{{value_key(each)}@0}}", "{stats.metric}") for each in asked],
            ["" if each.at_market is None else each.at_market for each in ranges],
            Form.MULTIPLE,
        )
    for number, name in enumerate(names_of(result)):
        ordered = [f"{{stats.{level}@{number}}}" for level, _, _ in _STATISTICS if level != "mean"]
        steps = ",".join(f"{low}<={high}" for low, high in pairwise(ordered))
        book.check(
            f"The quartiles are in their order, multiple {number + 1}: {name}",
            f"=IF({{stats.count@{number}}}>0,AND({steps}),TRUE)",
        )


def _multiple(firm: Firm, column: int, asked: Asked) -> str:
    """A peer's multiple; empty where it has no figures, or they mean nothing."""
    value = firm.found.enterprise_value
    if asked.multiple is Multiple.PRICE_TO_EARNINGS:
        value = firm.found.equity_value
    amount = firm.amount(asked.multiple.metric, asked.period)
    if asked.kind not in (None, firm.found.kind) or value is None or amount is None:
        return NOTHING
    return _ratio(f"{{{value_key(asked)}@{column}}}", f"{{{metric_key(asked)}@{column}}}")


def _ratio(value: str, metric: str) -> str:
    return f'=IF(AND({value}>0,{metric}>={{firms.least}}),{value}/{metric},"")'


def _add_statistics(sheet: Sheet, result: ComparablesResult, peers: int) -> None:
    sheet.heading("Of those that mean something")
    every, ranges = f"{{peer.0:peer.{peers - 1}}}", result.valuation.ranges
    counts = [each.count for each in ranges]
    sheet.line("stats.count", "Number of peers", f"=COUNT({every})", counts, Form.CHOICE)
    for name, words, function in _STATISTICS:
        sheet.line(
            f"stats.{name}",
            words,
            f'=IF({{stats.count}}>0,{function.format(every)},"")',
            ["" if each.statistics is None else getattr(each.statistics, name) for each in ranges],
            Form.MULTIPLE,
            strong=name == "median",
        )
