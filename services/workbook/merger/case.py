"""One merger on its way into a book: what the engine found, and which lines there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, Year, close, earn, taxed_apart
from engine.merger.value import MergerResult
from services.workbook.book import Book, years_of


@dataclass(frozen=True, slots=True)
class Case:
    """A deal that was closed and followed, and the book that it is written into."""

    book: Book
    result: MergerResult
    inputs: MergerInputs
    deal: Deal
    earned: Sequence[Year]
    absent: frozenset[str]  # lines that say nothing here, so that no sheet has them

    @classmethod
    def of(cls, book: Book, result: MergerResult) -> Case:
        inputs = result.inputs
        deal = close(inputs)
        earned = [earn(inputs, deal, year) for year in range(inputs.timing.years)]
        return cls(book, result, inputs, deal, earned, frozenset(_absent(inputs)))

    @property
    def titles(self) -> Sequence[str]:
        """What the columns of the forecast are called."""
        return years_of(self.inputs.timing.years)

    @property
    def first(self) -> str:
        """What the first year is called, where it stands alone."""
        calendar = self.book.calendar
        return "year 1, a stub" if calendar is not None and calendar.stub else "year 1"

    @property
    def part(self) -> str:
        """What a whole year's amount is multiplied with, for what follows the closing."""
        return "" if self.inputs.timing.fiscal_year_end is None else "*{part}"

    def has(self, key: str) -> bool:
        return key not in self.absent

    def total(self, *terms: str) -> str:
        """``={one}-{two}`` of the lines that there are; a term to be taken off begins with -."""
        signed = [(term[:1] == "-", term.removeprefix("-")) for term in terms]
        there = [(less, key) for less, key in signed if self.has(key.partition("@")[0])]
        if not there:
            return "=0"
        return "=" + "".join(f"{'-' if less else '+'}{{{key}}}" for less, key in there).lstrip("+")

    def each(self, read: Callable[[int], Any]) -> list[float]:
        """A number of every year; years count from 0."""
        return [float(read(year)) for year in range(self.inputs.timing.years)]

    def column(self, name: str) -> list[float]:
        """A line of the income statement."""
        return [float(getattr(year, name)) for year in self.earned]


def within(key: str, template: str) -> str:
    """``{.strike}`` is a line of the table ``key``."""
    return template.replace("{.", f"{{{key}.")


def over(part: str, whole: str) -> str:
    """The formula of a ratio that says something: to a positive whole."""
    return f'=IF({whole}>0,{part}/{whole},"")'


def same(one: str, other: str) -> str:
    """The formula of a law: two amounts are equal, but for rounding."""
    return f"=ABS({one}-{other})<=1E-9*MAX(1,ABS({one}))"


def same_lines(one: str, other: str, size: str) -> str:
    """The same of two lines, beside amounts of the ``size`` of a third."""
    gap = f"SUMPRODUCT(ABS({{{one}@all}}-{{{other}@all}}))"
    return f"={gap}<=1E-9*MAX(1,SUMPRODUCT(ABS({{{size}@all}})))"


def _absent(inputs: MergerInputs) -> Iterator[str]:
    joined, allocated, borrowed = inputs.joined, inputs.allocated, inputs.financing.new_debt
    asset = not taxed_apart(inputs)
    bonds = {"acquirer": inputs.acquirer, "target": inputs.target}
    there = {
        "synergies.sold": joined.revenue is not None,
        "synergies.on_sales": joined.revenue is not None,
        "synergies.saved": joined.cost is not None,
        "synergies.profit": joined.revenue is not None or joined.cost is not None,
        "synergies.spent": joined.costs_to_achieve is not None,
        "fees.advisory": inputs.fees is not None,
        "write_off.intangibles": bool(allocated.intangibles),
        "write_off.fixed_assets": allocated.fixed_asset_step_up is not None,
        "write_off.inventory": inputs.allocation is not None,
        "write_off": inputs.allocation is not None,
        "deferred_tax": inputs.allocation is not None,
        "goodwill.deducted": asset and allocated.goodwill_tax_life is not None,
        "earn_out.value": inputs.earn_out is not None,
        "earn_out.paid": inputs.earn_out is not None,
        "earn_out.charge": inputs.earn_out is not None
        and inputs.earn_out.discount_rate is not None,
        "own.debt": bool(bonds["acquirer"].shares.convertibles),
        "before.debt": bool(bonds["target"].shares.convertibles),
        "bought.debt": bool(bonds["target"].shares.convertibles),
    }
    for name in ("new_debt", "new_debt.fee", "interest.new", "interest.fee", "new_debt.repaid"):
        there[name] = borrowed is not None
    for name, party in bonds.items():
        there[f"{name}.tied_up"] = party.statements.increase_in_working_capital is not None
    there["tied_up"] = there["acquirer.tied_up"] or there["target.tied_up"]
    yield from (name for name, is_there in there.items() if not is_there)
