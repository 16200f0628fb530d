"""The sheet “Exits”: what a sale brings by exit multiple and year, and who has what of it.

A holder whom the deal does not have has no table. Formulas have them all the same: whoever types in
a rollover or an option pool finds the sponsor's part of what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from engine.door import Scalar
from engine.lbo.price import sales
from engine.lbo.returns import Owners
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.lbo.buyout import Buyout
from services.workbook.lbo.rates import Received, add_rate, add_rounds
from services.workbook.lbo.returns import ROLLED, parts_of
from services.workbook.sheet import Sheet, step_words, told

STEP: Final = 0.5  # of the exit multiple, from row to row
AROUND: Final = 2  # rows on either side of the deal's own multiple
_STEPS: Final = range(-AROUND, AROUND + 1)


def add_exits(book: Book, buyout: Buyout) -> None:
    """The deal's own multiple stands in the middle. A multiple is not below zero."""
    sheet = book.sheet("Exits")
    sheet.frozen = (1, 3)
    rows = _rows(sheet, buyout)
    # Who rolled over has the sponsor's return: both are paid as they invested.
    whose = "Sponsor's and rollover's" if _rolled(buyout) else "Sponsor's"
    for title, add, below in _tables(buyout):
        sheet.heading(title.format(whose), years_of(buyout.years), opening="EV/EBITDA")
        for row in rows:
            add(row)
        if below is not None:
            below(sheet, buyout)
    if buyout.inputs.recapitalisation is not None:
        rounds = book.sheet("Exit rounds")
        rounds.frozen = (1, 3)
        for row in rows:
            add_rounds(rounds, buyout, row.got, f"Rate of return by rounds: {row.label}")
        gaps = ",".join(f"MAX({{{row.key}.gap@all}})" for row in rows)
        book.check("The rounds of every rate by multiple have arrived", f"=MAX({gaps})<=1E-12")
    _check(book, buyout)


def _below_rates(sheet: Sheet, buyout: Buyout) -> None:
    """The step, and what is odd."""
    sheet.given("exits.step", ("Step of the exit multiple",), STEP, Form.MULTIPLE)
    sheet.words("An IRR of -100%: the owners are wiped out, which the service refuses in a deal.")
    if buyout.inputs.recapitalisation is not None:
        sheet.words("A sale before the recapitalisation is without it.")
    timing = buyout.inputs.timing
    if timing.fiscal_year_end is not None and (elapsed := timing.elapsed(0)) < 1.0:
        sheet.words(f"Year 1 is a stub: it ends {elapsed:.2f} years after the closing.")


def _add_sponsor(sheet: Sheet, buyout: Buyout) -> None:
    paid = buyout.valuation.sources_and_uses.sponsor_equity
    _add_holder(sheet, buyout, "sponsor", paid, "sale.dividend")


def _add_rolled(sheet: Sheet, buyout: Buyout) -> None:
    paid = buyout.valuation.sources_and_uses.rollover
    _add_holder(sheet, buyout, "rollover", paid, "each.dividend")


def _add_holder(sheet: Sheet, buyout: Buyout, name: str, paid: float, dividend: str) -> None:
    """What a holder's return is reckoned on beside its proceeds."""
    whose, formula = f"{name.capitalize()}'s", f"={{transaction.{name}@0}}"
    sheet.number(f"exits.{name}", f"{whose} equity at closing", formula, paid)
    if buyout.inputs.recapitalisation is not None:
        got = parts_of(buyout, name.upper(), "dividend")
        label = f"{whose} dividend until then"
        sheet.line(f"exits.{name}.dividend", label, f"={{{dividend}}}", got)


def _rolled(buyout: Buyout) -> bool:
    return buyout.valuation.sources_and_uses.rollover > 0.0


def _rows(sheet: Sheet, buyout: Buyout) -> list[_Row]:
    """The debt runs once more, for all of them: the result keeps no course of it."""
    middle = float(buyout.inputs.exit.ev_to_ebitda)
    multiples = [max(middle + step * STEP, 0.0) for step in _STEPS]
    sold = sales(buyout.inputs, multiples)
    return [
        _Row(sheet, buyout, number, *row)
        for number, row in enumerate(zip(multiples, sold, strict=True))
    ]


class _Row:
    """An exit multiple, in every year."""

    def __init__(
        self, sheet: Sheet, buyout: Buyout, number: int, multiple: float, sold: Sequence[Owners]
    ) -> None:
        step = _STEPS[number]
        self.key = f"exits.{number}"
        self.label = "Deal" if step == 0 else step_words(step)
        self._sheet, self._buyout, self._sold = sheet, buyout, sold
        self._strong = step == 0
        self._own = f"{{{self.key}.irr@open}}"  # the multiple is said first, beside the IRR
        self._multiple = multiple
        self._first = f"=MAX({{exit.evToEbitda}}+({step})*{{exits.step}},0)"
        irr = self._all(lambda owners: owners.irr)
        self.got = Received(
            self.key,
            self._all(lambda owners: owners.proceeds),
            [float(owners.dividend) for owners in sold],
            [rate if math.isfinite(rate) else None for rate in irr],
        )

    def _all(self, read: Callable[[Owners], Scalar]) -> list[float]:
        return [float(read(owners)) for owners in self._sold]

    def _add(
        self,
        name: str,
        formula: str,
        values: Sequence[float],
        form: Form = Form.MONEY,
    ) -> None:
        self._sheet.line(
            f"{self.key}.{name}",
            self.label,
            formula,
            told(values),
            form,
            opening=(f"={self._own}", self._multiple),
            opening_form=Form.MULTIPLE,
            strong=self._strong,
            shaded=self._strong,
        )

    def add_irr(self) -> None:
        add_rate(
            self._sheet,
            self._buyout,
            self.got,
            self.label,
            multiple=(self._first, self._multiple),
            strong=self._strong,
        )

    def add_moic(self) -> None:
        got = "proceeds" if self._buyout.inputs.recapitalisation is None else "received"
        formula = f"={{{self.key}.{got}}}/{{exits.sponsor}}"
        self._add("moic", formula, self._all(lambda owners: owners.moic), Form.MULTIPLE)

    def add_equity(self) -> None:
        ebitda = "{business.ebitda}"
        price = f"{self._own}*({ebitda}-MAX({ebitda},0)*{{exit.costs}})"
        stock = "-{debt.preferred}" if self._buyout.stocks else ""
        formula = f"=MAX({price}-{{debt.total}}{stock}+{{flow.closing}},0)"
        self._add("equity", formula, self._all(lambda owners: owners.exit_equity))

    def add_pool(self) -> None:
        self._add("pool", f"={self._pool}", self._all(lambda owners: owners.pool))

    def add_proceeds(self) -> None:
        self._add("proceeds", f"={self._rest}*{{transaction.share}}", self.got.proceeds)

    def add_rollover(self) -> None:
        sources = self._buyout.valuation.sources_and_uses
        share = sources.rollover / (sources.sponsor_equity + sources.rollover)
        left = self._all(lambda owners: (owners.exit_equity - owners.pool) * share)
        self._add("rollover", f"={self._rest}*{ROLLED}", left)

    def add_received(self) -> None:
        pairs = zip(self.got.proceeds, self.got.dividends, strict=True)
        formula = f"={{{self.key}.proceeds}}+{{exits.sponsor.dividend}}"
        values = [proceeds + dividend for proceeds, dividend in pairs]
        self._add("received", formula, values)

    @property
    def _rest(self) -> str:
        """What sponsor and rollover share as they invested."""
        pool = f"{{{self.key}.pool}}" if _pooled(self._buyout) else self._pool
        return f"({{{self.key}.equity}}-{pool})"

    @property
    def _pool(self) -> str:
        return f"{{equity.optionPool}}*MAX({{{self.key}.equity}}-{{transaction.invested}},0)"


def _pooled(buyout: Buyout) -> bool:
    return float(buyout.inputs.equity.option_pool) > 0.0


_Table: TypeAlias = tuple[str, Callable[[_Row], None], Callable[[Sheet, Buyout], None] | None]


def _tables(buyout: Buyout) -> Iterator[_Table]:
    """The title of each, its rows, and what stands below them."""
    yield "{} IRR, per annum", _Row.add_irr, _below_rates
    yield "{} MOIC", _Row.add_moic, _add_sponsor
    yield "Equity of all owners", _Row.add_equity, None
    if _pooled(buyout):
        yield "Of it the option pool's", _Row.add_pool, None
    if _rolled(buyout):
        yield "Of it rollover's", _Row.add_rollover, _add_rolled
    yield "Of it the sponsor's", _Row.add_proceeds, None
    if buyout.inputs.recapitalisation is not None:
        yield "Received by the sponsor, with its dividend until then", _Row.add_received, None


def _check(book: Book, buyout: Buyout) -> None:
    at = buyout.valuation.exit_year - 1
    for name, words in (("irr", "IRR"), ("moic", "MOIC")):
        own, middle = f"{{returns.{name}}}", f"{{exits.{AROUND}.{name}@{at}}}"
        same = f"ABS({middle}-{own})<=1E-9*MAX(1,ABS({own}))"
        book.check(
            f"The middle of the exits is the deal's {words}",
            f"=IF(ISNUMBER({own}),{same},{middle}={own})",
        )
    if not (_pooled(buyout) and _rolled(buyout)):
        return
    whole, *parts = (
        "+".join(f"SUM({{exits.{number}.{name}@all}})" for number in range(len(_STEPS)))
        for name in ("equity", "pool", "rollover", "proceeds")
    )
    book.check(
        "Sponsor, rollover and option pool have all of the equity of every exit",
        f"=ABS({'+'.join(parts)}-({whole}))<=1E-9*MAX(1,{whole})",
    )
