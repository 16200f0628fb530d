"""The sheet “Exits”: what a sale brings by exit multiple and year, and who has what of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from engine.door import Scalar
from engine.lbo.price import sales
from engine.lbo.returns import Owners
from services.labels import Form
from services.workbook.book import Book, years_of
from services.workbook.lbo.buyout import Buyout
from services.workbook.lbo.rates import Received, add_rate, add_rounds
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
    rolled = buyout.valuation.sources_and_uses.rollover > 0.0
    whose = "Sponsor's and rollover's" if rolled else "Sponsor's"
    for title, add in _TABLES:
        sheet.heading(title.format(whose), years_of(buyout.years), opening="EV/EBITDA")
        for row in rows:
            add(row)
        if add is _Row.add_irr:
            sheet.given("exits.step", ("Step of the exit multiple",), STEP, Form.MULTIPLE)
            _say_what_is_odd(sheet, buyout)
    if buyout.inputs.recapitalisation is not None:
        rounds = book.sheet("Exit rounds")
        rounds.frozen = (1, 3)
        title = "Received by the sponsor, with its dividend until then"
        rounds.heading(title, years_of(buyout.years), opening="EV/EBITDA")
        for row in rows:
            row.add_received(rounds)
        for row in rows:
            add_rounds(rounds, buyout, row.got, f"Rate of return by rounds: {row.label}")
        gaps = ",".join(f"MAX({{{row.key}.gap@all}})" for row in rows)
        book.check("The rounds of every rate by multiple have arrived", f"=MAX({gaps})<=1E-12")
    _check(book, buyout)


def _say_what_is_odd(sheet: Sheet, buyout: Buyout) -> None:
    sheet.words("An IRR of -100%: the owners are wiped out, which the service refuses in a deal.")
    if buyout.inputs.recapitalisation is not None:
        sheet.words("A sale before the recapitalisation is without it.")
    timing = buyout.inputs.timing
    if timing.fiscal_year_end is not None and (elapsed := timing.elapsed(0)) < 1.0:
        sheet.words(f"Year 1 is a stub: it ends {elapsed:.2f} years after the closing.")


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
        *,
        sheet: Sheet | None = None,
    ) -> None:
        (sheet or self._sheet).line(
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
        formula = f"={{{self.key}.{got}}}/{{transaction.sponsor@0}}"
        self._add("moic", formula, self._all(lambda owners: owners.moic), Form.MULTIPLE)

    def add_equity(self) -> None:
        price = f"{self._own}*{{business.ebitda}}*(1-{{exit.costs}})"
        stock = "-{debt.preferred}" if self._buyout.stocks else ""
        formula = f"=MAX({price}-{{debt.total}}{stock}+{{flow.closing}},0)"
        self._add("equity", formula, self._all(lambda owners: owners.exit_equity))

    def add_pool(self) -> None:
        gain = f"MAX({{{self.key}.equity}}-{{transaction.invested}},0)"
        formula = f"={{equity.optionPool}}*{gain}"
        self._add("pool", formula, self._all(lambda owners: owners.pool))

    def add_proceeds(self) -> None:
        self._add("proceeds", f"={self._rest}*{{transaction.share}}", self.got.proceeds)

    def add_rollover(self) -> None:
        left = self._all(lambda owners: owners.exit_equity - owners.pool - owners.proceeds)
        self._add("rollover", f"={self._rest}*(1-{{transaction.share}})", left)

    def add_received(self, sheet: Sheet) -> None:
        pairs = zip(self.got.proceeds, self.got.dividends, strict=True)
        formula = f"={{{self.key}.proceeds}}+{{sale.dividend}}"
        values = [proceeds + dividend for proceeds, dividend in pairs]
        self._add("received", formula, values, sheet=sheet)

    @property
    def _rest(self) -> str:
        """What sponsor and rollover share as they invested."""
        return f"({{{self.key}.equity}}-{{{self.key}.pool}})"


_TABLES: Final[tuple[tuple[str, Callable[[_Row], None]], ...]] = (
    ("{} IRR, per annum", _Row.add_irr),
    ("{} MOIC", _Row.add_moic),
    ("Equity of all owners", _Row.add_equity),
    ("Of it the option pool's", _Row.add_pool),
    ("Of it rollover's", _Row.add_rollover),
    ("Of it the sponsor's", _Row.add_proceeds),
)


def _check(book: Book, buyout: Buyout) -> None:
    at = buyout.valuation.exit_year - 1
    for name, words in (("irr", "IRR"), ("moic", "MOIC")):
        own, middle = f"{{returns.{name}}}", f"{{exits.{AROUND}.{name}@{at}}}"
        same = f"ABS({middle}-{own})<=1E-9*MAX(1,ABS({own}))"
        book.check(
            f"The middle of the exits is the deal's {words}",
            f"=IF(ISNUMBER({own}),{same},{middle}={own})",
        )
    whole, *parts = (
        "+".join(f"SUM({{exits.{number}.{name}@all}})" for number in range(len(_STEPS)))
        for name in ("equity", "pool", "rollover", "proceeds")
    )
    book.check(
        "Sponsor, rollover and option pool have all of the equity of every exit",
        f"=ABS({'+'.join(parts)}-({whole}))<=1E-9*MAX(1,{whole})",
    )
