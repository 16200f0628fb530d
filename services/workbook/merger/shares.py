"""The sheet “Shares”: who dilutes the two firms, tranche by tranche, at a price that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.firm.dilution import Dilution, Shared, dilution_at
from engine.firm.equity import Shares
from services.labels import Form
from services.workbook.merger.case import Case, within
from services.workbook.sheet import Sheet


def add_shares(case: Case, sheet: Sheet) -> None:
    """The tables ``bought``, ``before`` and ``own``, with lines such as ``bought.diluted``."""
    one, other = case.inputs.acquirer, case.inputs.target
    unaffected = other.shares.shared_at(other.share_price)
    target, acquirer = other.name.strip(), one.name.strip()
    bought = _Table(sheet, "bought", "target.shares", other.shares, case.deal.bought)
    bought.add(f"{target} at the offer", "terms.price")
    before = _Table(sheet, "before", "target.shares", other.shares, unaffected)
    before.add(f"{target} before the deal was known", "target.sharePrice")
    own = _Table(sheet, "own", "acquirer.shares", one.shares, case.deal.own)
    own.add(f"{acquirer} at its own price", "acquirer.sharePrice")


@dataclass(frozen=True, slots=True)
class _Table:
    """One firm at one price: options by the treasury-stock method, convertibles if-converted."""

    sheet: Sheet
    key: str  # what comes before the names of its lines
    at: str  # where the shares stand in the document
    shares: Shares
    shared: Shared

    def add(self, title: str, price: str) -> None:
        self.sheet.heading(title)
        self._number("price", "Price", f"={{{price}}}", float(self.shared.price), Form.PRICE)
        diluted = float(self.shared.diluted_shares)
        if self.shares.diluted is not None:
            self._number("diluted", "Diluted shares", f"={{{self.at}.diluted}}", diluted)
            return
        said = self._said
        restricted = (
            "" if self.shares.restricted_stock is None else f"+{{{self.at}.restrictedStock}}"
        )
        basic = f"={{{self.at}.basic}}{restricted}"
        self._number("held", "Basic and restricted shares", basic, said.held)
        counted = "={.held}"
        if self.shares.options:
            counted += "+SUM({.net@all})"
            self._add_options(said)
        if self.shares.convertibles:
            counted += "+SUM({.new@all})"
            self._add_convertibles(said)
        self.sheet.blank()
        self._number("diluted", "Diluted shares", counted, diluted)
        if self.shares.convertibles:
            stays, debt = "=SUM({.stays@all})", float(self.shared.debt)
            self._number("debt", "Convertibles that stay debt", stays, debt, Form.MONEY)

    @property
    def _said(self) -> Dilution:
        shares = self.shares
        return dilution_at(self.shared, float(shares.held), shares.options, shares.convertibles)

    def _add_options(self, said: Dilution) -> None:
        options = self.shares.options
        strikes = [float(each.strike) for each in options]
        self._tranches("Options", len(options))
        self._given("count", "Count", "options", [float(each.count) for each in options])
        self._given("strike", "Strike", "options", strikes, Form.PRICE)
        does = [float(each.exercised) for each in said.options]
        self._line(
            "exercised",
            "Exercised (1) or not (0)",
            "=IF({.price}>{.strike},1,0)",
            does,
            Form.CHOICE,
        )
        net = "={.exercised}*{.count}*(1-{.strike}/{.price})"
        new = [each.net_shares for each in said.options]
        self._line("net", "New shares, less those bought back", net, new)

    def _add_convertibles(self, said: Dilution) -> None:
        bonds = self.shares.convertibles
        prices = [float(each.conversion_price) for each in bonds]
        faces = [float(each.face_value) for each in bonds]
        self._tranches("Convertibles", len(bonds))
        self._given("face", "Face value", "convertibles", faces, Form.MONEY)
        self._given("conversion", "Conversion price", "convertibles", prices, Form.PRICE)
        does = [float(each.converted) for each in said.convertibles]
        self._line(
            "converted",
            "Converted (1) or not (0)",
            "=IF({.price}>{.conversion},1,0)",
            does,
            Form.CHOICE,
        )
        new = [each.shares for each in said.convertibles]
        self._line("new", "New shares", "={.converted}*{.face}/{.conversion}", new)
        debt = [each.debt for each in said.convertibles]
        self._line("stays", "Stays debt", "=(1-{.converted})*{.face}", debt, Form.MONEY)

    def _tranches(self, title: str, count: int) -> None:
        self.sheet.heading(title, [str(number + 1) for number in range(count)])

    def _given(
        self, name: str, label: str, kind: str, values: Sequence[float], form: Form = Form.COUNT
    ) -> None:
        field = _FIELDS[name]
        formulas = [f"={{{self.at}.{kind}[{number}].{field}}}" for number in range(len(values))]
        self.sheet.line(f"{self.key}.{name}", label, formulas, values, form)

    def _line(
        self, name: str, label: str, formula: str, values: Sequence[float], form: Form = Form.COUNT
    ) -> None:
        self.sheet.line(f"{self.key}.{name}", label, within(self.key, formula), values, form)

    def _number(
        self, name: str, label: str, formula: str, value: float, form: Form = Form.COUNT
    ) -> None:
        key, strong = f"{self.key}.{name}", name == "diluted"
        self.sheet.number(key, label, within(self.key, formula), float(value), form, strong=strong)


# The lines that are inputs, as the document names them.
_FIELDS = {
    "count": "count",
    "strike": "strike",
    "face": "faceValue",
    "conversion": "conversionPrice",
}
