"""The sheet “Sensitivity”: value by the cost of capital and by what the terminal value hangs on.

A table of a sheet, and none that a program fills: each cost of capital discounts the same flows
anew, in formulas. It moves what the service's sensitivity moves over the paths `capital.wacc` and,
say, `terminal.gordon.growth`: the cost of capital as a whole, whatever it was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from engine.dcf import DcfResult
from engine.dcf.inputs import admit
from engine.dcf.kernel import Worth, worth
from engine.dcf.segments import parts as alone
from engine.dcf.segments import total
from engine.dcf.terminal import ExitMultiple, Gordon, HModel, Perpetuity, Terminal, ValueDriver
from engine.errors import InvalidInput
from engine.firm.capital import GivenWacc
from engine.firm.equity import Settled
from services.labels import Form
from services.workbook.book import Book
from services.workbook.dcf.capital import LEAST_SPREAD
from services.workbook.dcf.part import Part, sheet_of
from services.workbook.dcf.terminal import horizon_of
from services.workbook.equity import shared_at
from services.workbook.sheet import Hand, Sheet, step_words, told

STEPS: Final = (-2, -1, 0, 1, 2)
RATE_STEP: Final = 0.005  # of the cost of capital and of growth
MULTIPLE_STEP: Final = 1.0
_MIDDLE: Final = STEPS.index(0)
_BASE: Final = "Base case"  # of the inputs as they are typed in now


def add_sensitivity(book: Book, result: DcfResult, parts: Sequence[Part], enterprise: str) -> None:
    """Value per share, equity and enterprise value; the middle is the base case, and as live."""
    sheet = sheet_of(book, "Sensitivity")
    sheet.widths[1] = 2.0
    sheet.frozen = (0, 3)
    if not (any(map(_at_firms_rate, parts)) and any(map(_with_firms_terminal, parts))):
        sheet.heading("Value by cost of capital and terminal value")
        sheet.words("No table: no segment has both from the firm.")
        return
    table = _Table(sheet, result, parts)
    table.add_prices()
    table.add_steps()
    table.add_equity()
    table.add_enterprise()
    price = "going" if result.inputs.failure is None else "weighed"
    for words, line, of in (
        ("value per share", "price", f"{price}.valuePerShare"),
        ("enterprise value", "enterprise", enterprise),
    ):
        middle = f"{{sensitivity.{line}.{_MIDDLE}@{_MIDDLE}}}"
        near = f"ABS({middle}-{{{of}}})<=1E-9*MAX(1,ABS({{{of}}}))"
        book.check(
            f"The middle of the sensitivity table is the {words}",
            f"=IF(ISNUMBER({middle}),{near},FALSE)",
        )


def _at_firms_rate(part: Part) -> bool:
    return part.wacc == "wacc"


def _with_firms_terminal(part: Part) -> bool:
    return part.terminal == "terminal"


@dataclass(frozen=True, slots=True)
class _Cell:
    """The firm at a cost of capital and a growth or multiple, and each of its parts."""

    firm: Worth
    parts: Sequence[Worth]

    @property
    def going(self) -> Settled:
        return self.firm.settled.going_concern or self.firm.settled


class _Table:
    def __init__(self, sheet: Sheet, result: DcfResult, parts: Sequence[Part]) -> None:
        self._sheet, self._inputs, self._parts = sheet, result.inputs, parts
        terminal = self._terminal = result.inputs.terminal
        self._by_multiple = isinstance(terminal, ExitMultiple)
        first = next(part for part in parts if _with_firms_terminal(part))
        self._path = first.at_terminal
        rate, step = float(result.worth.wacc), MULTIPLE_STEP if self._by_multiple else RATE_STEP
        self._rates = [rate + number * RATE_STEP for number in STEPS]
        across = terminal.ev_to_ebitda if isinstance(terminal, ExitMultiple) else terminal.growth
        self._across = [float(across) + number * step for number in STEPS]
        self._across_words = "EV/EBITDA at the exit" if self._by_multiple else "Terminal growth"
        self._across_form = Form.MULTIPLE if self._by_multiple else Form.RATE
        self._exported = float(result.worth.value_per_share)
        self._cells = [[self._at(rate, each) for each in self._across] for rate in self._rates]

    def _at(self, rate: float, across: float) -> _Cell | None:
        """None where the service would refuse it."""
        changed = replace(
            self._inputs, capital=GivenWacc(wacc=rate), terminal=_moved(self._terminal, across)
        )
        try:
            admit(changed, self._inputs)
        except InvalidInput:
            return None
        of = alone(changed) if changed.segments else (changed,)
        return _Cell(total(changed), [worth(each) for each in of])

    def add_prices(self) -> None:
        """`sensitivity.price.0` to `.4`, a line for each cost of capital."""
        inputs, before = self._inputs, "sensitivity.before.{row}"
        formula = shared_at(f"{{{before}}}", inputs.shares)
        if inputs.failure is not None:
            left = shared_at("{sensitivity.left.{row}}", inputs.shares)
            formula = f"(1-{{failure.probability}})*{formula}+{{failure.probability}}*{left}"
        self._add(
            "price",
            "Value per share",
            f'IF({{{before}}}="","",{formula})',
            lambda cell: float(cell.firm.value_per_share),
            Form.PRICE,
        )
        if any(not (_at_firms_rate(part) and _with_firms_terminal(part)) for part in self._parts):
            self._sheet.words("A segment keeps what it has of its own: cost of capital, terminal.")

    def add_steps(self) -> None:
        sheet = self._sheet
        sheet.heading("What the table asks")
        sheet.given("sensitivity.rateStep", ("Step of the WACC",), RATE_STEP, Form.RATE)
        step = MULTIPLE_STEP if self._by_multiple else RATE_STEP
        of = "multiple" if self._by_multiple else "growth"
        sheet.given("sensitivity.step", (f"Step of the {of}",), step, self._across_form)
        valued = ("Value per share when exported",)
        sheet.given("sensitivity.exported", valued, self._exported, Form.PRICE, Hand.FIXED)
        of_input = "evToEbitda" if self._by_multiple else "growth"
        for key, words, of, step_of, values, form in (
            ("rate", "WACC", "wacc", "rateStep", self._rates, Form.RATE),
            (
                "across",
                self._across_words,
                f"{self._path}.{of_input}",
                "step",
                self._across,
                self._across_form,
            ),
        ):
            formulas = [f"={{{of}}}+({number})*{{sensitivity.{step_of}}}" for number in STEPS]
            sheet.line(f"sensitivity.{key}", words, formulas, values, form)

    def add_equity(self) -> None:
        """`sensitivity.before.0` and so on: before convertibles, as `going.before` is; and what a
        sale in distress leaves, where one is reckoned with."""
        saved = "{sensitivity.saved@{row}}"
        saving = any(part.inputs.business.losses is not None for part in self._parts)
        enterprise = "{sensitivity.enterprise.{row}}"
        equity = f"{enterprise}-{{claims.netDebt}}" + (f"+{saved}" if saving else "")
        self._add(
            "before",
            "Equity to share",
            f'IF({enterprise}="","",{equity})',
            lambda cell: float(cell.going.equity_value + cell.going.convertible_debt),
        )
        if self._inputs.failure is None:
            return
        least = "SUM({holders.debt@all})" if self._inputs.shares.convertibles else "0"
        left = f"MAX({{failure.recovery}}*{enterprise}-{{claims.netDebt}},{least})"

        def failed(cell: _Cell) -> float:
            found = cell.firm.settled.failed
            assert found is not None  # noqa: S101 - where a failure is given, so is its firm
            return float(found.equity_value + found.convertible_debt)

        words = "What a sale in distress leaves"
        self._add("left", words, f'IF({enterprise}="","",{left})', failed)

    def add_enterprise(self) -> None:
        """`sensitivity.enterprise.0` and so on, and what each part adds to it."""
        many = len(self._parts) > 1
        if many:
            lines = [f"{{sensitivity.{part.key}.{{row}}}}" for part in self._parts]
            added = "+".join(lines)
            self._add(
                "enterprise",
                "Enterprise value",
                f'IF({lines[0]}="","",{added})',
                lambda cell: float(cell.firm.enterprise_value),
            )
        for number, part in enumerate(self._parts):
            self._add(
                part.key if many else "enterprise",
                f"Enterprise value{part.named}",
                f'IF({self._allowed()},{self._value_of(part)},"")',
                partial(_enterprise_of, number),
            )
        self._sheet.heading("At each WACC")
        self._sheet.line(
            "sensitivity.at", "WACC", "={sensitivity.rate}", self._rates, Form.RATE, strong=True
        )
        for part in self._parts:
            self._add_rates(part)
        self._add_savings()
        if any(_pays(part) and _with_firms_terminal(part) for part in self._parts):
            self._sheet.heading(f"At each {self._across_words.lower()}")
            self._sheet.line(
                "sensitivity.by",
                self._across_words,
                "={sensitivity.across}",
                self._across,
                self._across_form,
                strong=True,
            )
        for part in self._parts:
            self._add_payments(part)

    def _value_of(self, part: Part) -> str:
        """A formula, without its =: the forecast and the terminal value of a part."""
        key = f"sensitivity.{part.key}"
        forecast, factor = f"{{{key}.forecast@{{row}}}}", f"{{{key}.factor@{{row}}}}"
        rate = "{sensitivity.rate@{row}}"
        if not _at_firms_rate(part):
            forecast, factor = f"{{{part.key}.valueOfForecast}}", f"{{{part.key}.terminalFactor}}"
            rate = f"{{{part.wacc}}}"
        if _with_firms_terminal(part):
            if not _pays(part):
                return f"{forecast}+{factor}*{{sensitivity.across}}*{{{part.key}.ebitda@last}}"
            return f"{forecast}+{factor}*{{{key}.payment}}/({rate}-{{sensitivity.across}})"
        if not _pays(part):
            return f"{forecast}+{factor}*{{{part.key}.terminalValue}}"
        growth = f"{{{part.at_terminal}.growth}}"
        return f"{forecast}+{factor}*{{{part.key}.payment}}/({rate}-{growth})"

    def _allowed(self) -> str:
        """What the service asks of a cost of capital, and of growth beside it."""
        rate, across = "{sensitivity.rate@{row}}", "{sensitivity.across}"
        asked = [f"{rate}>={LEAST_SPREAD}", f"{rate}<=1"]
        if self._by_multiple:
            asked += [f"{across}>=0", f"{across}<=1000"]
        else:
            asked += [f"{across}>=-0.5", f"{across}<=0.5", f"{rate}-{across}>={LEAST_SPREAD}"]
        if isinstance(self._terminal, ValueDriver):
            asked.append(f"{{{self._path}.returnOnNewCapital}}>={across}")
        for part in self._parts:
            its_rate = rate if _at_firms_rate(part) else f"{{{part.wacc}}}"
            own = f"{{{part.at_terminal}.growth}}"
            growth = across if _with_firms_terminal(part) else own
            if _pays(part):
                asked.append(f"{its_rate}-{growth}>={LEAST_SPREAD}")
        return f"AND({','.join(dict.fromkeys(asked))})"

    def _add_rates(self, part: Part) -> None:
        """What depends on the cost of capital alone."""
        if not _at_firms_rate(part):
            return
        key, found = f"sensitivity.{part.key}", [self._at_rate(part, rate) for rate in self._rates]
        cut = "*{part@all}" if part.has_parts else ""
        discounted = "(1+{sensitivity.rate})^{time@all}"
        self._sheet.line(
            f"{key}.forecast",
            f"Value of the forecast{part.named}",
            f"=SUMPRODUCT({{{part.key}.freeCashFlow@all}}{cut}/{discounted})",
            [float(each.value_of_forecast) for each in found],
        )
        self._sheet.line(
            f"{key}.factor",
            f"Discount factor of the terminal value{part.named}",
            f"=1/(1+{{sensitivity.rate}})^{{{part.key}.terminalTime}}",
            [float(each.terminal_discount_factor or 0.0) for each in found],
            Form.COUNT,
        )
        if part.inputs.business.losses is not None:
            self._sheet.line(
                f"{key}.saved",
                f"Tax saved by losses carried forward{part.named}",
                f"=SUMPRODUCT({{{part.key}.taxSaved@all}}/{discounted})",
                [float(each.losses_carried_forward or 0.0) for each in found],
            )

    def _at_rate(self, part: Part, rate: float) -> Worth:
        terminal = part.inputs.terminal
        if not isinstance(terminal, ExitMultiple):  # any growth: the forecast does not hang on it
            terminal = replace(terminal, growth=rate - 1.0)
        return worth(replace(part.inputs, capital=GivenWacc(wacc=rate), terminal=terminal))

    def _add_savings(self) -> None:
        saving = [part for part in self._parts if part.inputs.business.losses is not None]
        if not saving:
            return
        terms = [
            f"{{sensitivity.{part.key}.saved}}"
            if _at_firms_rate(part)
            else f"{{{part.key}.taxSavings}}"
            for part in saving
        ]
        saved = [
            sum(
                float(
                    (
                        self._at_rate(part, rate) if _at_firms_rate(part) else part.worth
                    ).losses_carried_forward
                    or 0.0
                )
                for part in saving
            )
            for rate in self._rates
        ]
        words = "Tax saved by losses carried forward, in all"
        self._sheet.line("sensitivity.saved", words, f"={'+'.join(terms)}", saved)

    def _add_payments(self, part: Part) -> None:
        """What of the terminal value depends on growth alone."""
        if not (_pays(part) and _with_firms_terminal(part)):
            return
        horizon = horizon_of(part)
        values = [float(each.payment(horizon)) for each in self._perpetuities()]
        self._sheet.line(
            f"sensitivity.{part.key}.payment",
            f"Cash flow of the year after{part.named}",
            f"={_payment(part)}",
            values,
        )

    def _perpetuities(self) -> Iterator[Perpetuity]:
        for across in self._across:
            moved = _moved(self._terminal, across)
            assert not isinstance(moved, ExitMultiple)  # noqa: S101 - a multiple pays nothing
            yield moved

    def _add(
        self,
        key: str,
        words: str,
        formula: str,
        read: Callable[[_Cell], float],
        form: Form = Form.MONEY,
    ) -> None:
        """A table: costs of capital down, growth or multiples across."""
        sheet = self._sheet
        sheet.heading(words, list(map(_step, range(len(STEPS)))), opening="WACC")
        sheet.line(
            f"sensitivity.{key}.across",
            f"{self._across_words}, to the right",
            "={sensitivity.across}",
            self._across,
            self._across_form,
            strong=True,
        )
        for row, cells in enumerate(self._cells):
            sheet.line(
                f"sensitivity.{key}.{row}",
                _BASE if row == _MIDDLE else f"{_step(row)} of the WACC",
                "=" + formula.replace("{row}", str(row)),
                told(None if cell is None else read(cell) for cell in cells),
                form,
                opening=(f"={{sensitivity.rate@{row}}}", self._rates[row]),
                opening_form=Form.RATE,
                strong=row == _MIDDLE,
                shaded=row == _MIDDLE,
            )


def _step(number: int) -> str:
    return _BASE if number == _MIDDLE else step_words(STEPS[number])


def _enterprise_of(number: int, cell: _Cell) -> float:
    return float(cell.parts[number].enterprise_value)


def _pays(part: Part) -> bool:
    """Whether its terminal value is a perpetuity, which pays something each year."""
    return not isinstance(part.inputs.terminal, ExitMultiple)


def _moved(terminal: Terminal, across: float) -> Terminal:
    if isinstance(terminal, ExitMultiple):
        return replace(terminal, ev_to_ebitda=across)
    return replace(terminal, growth=across)


def _payment(part: Part) -> str:
    """A formula, without its =: as in the line `<key>.payment`, at another growth."""
    key, path, terminal, growth = (
        part.key,
        part.at_terminal,
        part.inputs.terminal,
        "{sensitivity.across}",
    )
    flow, nopat = f"{{{key}.freeCashFlow@last}}", f"{{{key}.nopat@last}}"
    if isinstance(terminal, ValueDriver):
        return f"{nopat}*(1+{growth})*(1-{growth}/{{{path}.returnOnNewCapital}})"
    if isinstance(terminal, HModel):
        fading = f"{{{path}.halfLife}}*({{{path}.initialGrowth}}-{growth})"
        return f"{flow}*(1+{growth}+{fading})"
    if isinstance(terminal, Gordon) and terminal.normalised is not None:
        normal = f"{path}.normalised"
        net = f"({{{normal}.depreciation}}-{{{normal}.capitalExpenditure}})"
        added = f"+{{{key}.stockCompensation@last}}" if part.inputs.business.adds_back else ""
        last = f"({nopat}{added}+{{{key}.revenue@last}}*{net})"
        return f"{last}*(1+{growth})-{{{key}.workingCapital@last}}*{growth}"
    return f"{flow}*(1+{growth})"
