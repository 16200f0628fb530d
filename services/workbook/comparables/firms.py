"""The sheet “Figures”: a column for the firm and for each peer, with its value and its earnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from engine.comparables import (
    Calendarised,
    ComparablesResult,
    FirmFigures,
    Period,
)
from engine.comparables.inputs import WORDS
from engine.comparables.kernel import LEAST
from engine.comparables.metrics import NAMES, Metrics
from engine.firm.equity import Bridge, Shares
from services.labels import Form
from services.words import camel
from services.workbook.equity import net_debt
from services.workbook.sheet import Sheet, Value

_METRICS: Final = {
    "revenue": "Revenue",
    "ebitda": "EBITDA",
    "ebit": "EBIT",
    "net_income": "Net income",
}
NOTHING: Final = '=""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """What was given of a firm, where, and what the engine found."""

    path: str  # `subject`, or `peers[0]`
    found: FirmFigures
    metrics: Metrics
    day: date  # on which its value was seen
    day_key: str
    price_key: str | None  # of a share; None: its enterprise value was given, or nothing
    price: float | None
    value_key: str | None  # its enterprise value was given
    shares: Shares | None
    bridge: Bridge | None

    def running(self) -> tuple[int, float] | None:
        """The fiscal year that runs on the day, and the share of it that is gone; None: it has
        figures of twelve months, or none for that day."""
        if not isinstance(self.metrics, Calendarised):
            return None
        early, *late = self.metrics.weights(Period.LTM, self.day)
        number = early[0] + 1
        if not 0 <= number <= len(self.metrics.fiscal_years):
            return None
        return number, late[0][1] if late else 0.0

    def amount(self, name: str, period: Period) -> float | None:
        """Money of twelve months; None: not to be had."""
        found = self.found.ltm if period is Period.LTM else self.found.ntm
        value: float | None = getattr(found, name)
        return value


def firms_of(result: ComparablesResult) -> list[Firm]:
    """The firm that is valued, then its peers."""
    inputs, found = result.inputs, result.valuation
    subject, price = inputs.subject, inputs.market_price
    every = [
        Firm(
            path="subject",
            found=found.subject,
            metrics=subject.metrics,
            day=inputs.as_of,
            day_key="asOf",
            price_key=None if price is None else "marketPrice",
            price=price,
            value_key=None,
            shares=subject.shares,
            bridge=subject.bridge,
        )
    ]
    for number, peer in enumerate(inputs.peers):
        path, seen = f"peers[{number}]", peer.share_price
        every.append(
            Firm(
                path=path,
                found=found.peers[number],
                metrics=peer.metrics,
                day=peer.day(inputs.as_of),
                day_key="asOf" if peer.announced is None else f"{path}.announced",
                price_key=None if seen is None else f"{path}.sharePrice",
                price=None if seen is None else float(seen),
                value_key=None if peer.enterprise_value is None else f"{path}.enterpriseValue",
                shares=peer.shares,
                bridge=peer.bridge,
            )
        )
    return every


def add_firms(sheet: Sheet, firms: Sequence[Firm]) -> None:
    """`firms.enterpriseValue`, `firms.equityValue`, `firms.ltm.ebitda` and so on: column 0 is the
    firm's, column 1 the first peer's. Where nothing was given: ""."""
    sheet.frozen = (1, 1)
    sheet.heading("Value", [firm.found.name for firm in firms])
    _add_claims(sheet, firms)
    _add_values(sheet, firms)
    sheet.heading("Twelve months")
    sheet.number("firms.least", "Least amount that has a multiple", f"={LEAST}", LEAST, Form.PRICE)
    _add_line(
        sheet,
        "firms.gone",
        "Share of the running fiscal year that is gone",
        [_gone(firm) for firm in firms],
        Form.RATE,
    )
    for period in Period:
        for name in NAMES:
            if any(firm.amount(name, period) is not None for firm in firms):
                months = WORDS[period].removeprefix("the ")
                _add_line(
                    sheet,
                    f"firms.{period.lower()}.{camel(name)}",
                    f"{_METRICS[name]}, {months}",
                    [(_amount(firm, name, period), firm.amount(name, period)) for firm in firms],
                )


_Told = tuple[str, float | None]  # a formula, and what the engine found; None: the line says ""


def _add_line(
    sheet: Sheet,
    key: str,
    words: str,
    told: Sequence[_Told],
    form: Form = Form.MONEY,
    *,
    strong: bool = False,
) -> None:
    formulas = [NOTHING if value is None else formula for formula, value in told]
    values: list[Value] = ["" if value is None else value for _, value in told]
    sheet.line(key, words, formulas, values, form, strong=strong)


def _add_claims(sheet: Sheet, firms: Sequence[Firm]) -> None:
    """What all holders can claim at the price of a share, each kind of holder on its line."""
    prices = [(f"={{{firm.price_key}}}", firm.price) for firm in firms]
    _add_line(sheet, "firms.price", "Price of a share", prices, Form.PRICE)
    held = [_held(firm) for firm in firms]
    _add_line(sheet, "firms.held", "Shares held", held, Form.COUNT)
    last = None
    for key, words, told in _tranches(firms):
        _add_line(sheet, key, words, told)
        last = key
    first = "firms.ofOptions1" if "firms.ofOptions1" in sheet.places else "firms.ofConvertible1"
    joining = f"+SUM({{{first}:{last}}})" if last else ""
    told = []
    for firm in firms:
        value = None
        if firm.price is not None and firm.shares is not None:
            value = float(firm.shares.claims_at(firm.price))
        told.append((f"={{firms.price}}*{{firms.held}}{joining}", value))
    _add_line(sheet, "firms.claims", "Claims of all holders at that price", told)


def _held(firm: Firm) -> _Told:
    shares, path = firm.shares, f"{firm.path}.shares"
    if shares is None:
        return NOTHING, None
    if shares.diluted is not None:
        return f"={{{path}.diluted}}", float(shares.diluted)
    restricted = shares.restricted_stock
    more = "" if restricted is None else f"+{{{path}.restrictedStock}}"
    return f"={{{path}.basic}}{more}", float(shares.held)


def _tranches(firms: Sequence[Firm]) -> Iterator[tuple[str, str, list[_Told]]]:
    """A line for the first tranche of every firm, one for the second, and so on."""

    def most(count: Callable[[Shares], int]) -> int:
        return max((count(firm.shares) for firm in firms if firm.shares is not None), default=0)

    for number in range(most(lambda shares: len(shares.options))):
        told = [_of_options(firm, number) for firm in firms]
        yield f"firms.ofOptions{number + 1}", f"Options {number + 1} claim", told
    for number in range(most(lambda shares: len(shares.convertibles))):
        told = [_of_convertible(firm, number) for firm in firms]
        yield f"firms.ofConvertible{number + 1}", f"Convertible {number + 1} claims", told


def _of_options(firm: Firm, number: int) -> _Told:
    if firm.shares is None or firm.price is None or number >= len(firm.shares.options):
        return NOTHING, None
    path, tranche = f"{firm.path}.shares.options[{number}]", firm.shares.options[number]
    value = float(tranche.count) * max(firm.price - float(tranche.strike), 0.0)
    return f"={{{path}.count}}*MAX({{firms.price}}-{{{path}.strike}},0)", value


def _of_convertible(firm: Firm, number: int) -> _Told:
    if firm.shares is None or firm.price is None or number >= len(firm.shares.convertibles):
        return NOTHING, None
    path, bond = f"{firm.path}.shares.convertibles[{number}]", firm.shares.convertibles[number]
    value = float(bond.face_value) * max(firm.price / float(bond.conversion_price), 1.0)
    return f"={{{path}.faceValue}}*MAX({{firms.price}}/{{{path}.conversionPrice}},1)", value


def _add_values(sheet: Sheet, firms: Sequence[Firm]) -> None:
    debts: list[_Told] = []
    for firm in firms:
        at = f"{firm.path}.bridge"
        net = None if firm.bridge is None else float(firm.bridge.net_debt)
        debts.append((f"={net_debt(at)}", net))
    _add_line(sheet, "firms.netDebt", "Net debt and other claims, without convertibles", debts)
    values: list[_Told] = []
    for firm in firms:
        given = f"={{{firm.value_key}}}" if firm.value_key else "={firms.claims}+{firms.netDebt}"
        values.append((given, firm.found.enterprise_value))
    _add_line(sheet, "firms.enterpriseValue", "Enterprise value", values, strong=True)
    bonds = [firm for firm in firms if firm.shares is not None and firm.shares.convertibles]
    if bonds:
        told = [_face(firm) for firm in firms]
        _add_line(sheet, "firms.convertibles", "Less convertibles at face value", told)
    equities: list[_Told] = []
    for firm in firms:
        formula = "={firms.enterpriseValue}-{firms.netDebt}"
        if firm in bonds:
            formula += "+{firms.convertibles}"
        equities.append((formula, firm.found.equity_value))
    _add_line(sheet, "firms.equityValue", "Equity value, which earnings belong to", equities)


def _face(firm: Firm) -> _Told:
    if firm.shares is None or not firm.shares.convertibles:
        return NOTHING, None
    paths = [
        f"{{{firm.path}.shares.convertibles[{number}].faceValue}}"
        for number in range(len(firm.shares.convertibles))
    ]
    return f"=-({'+'.join(paths)})", 0.0 - float(firm.shares.convertible_debt)


def _gone(firm: Firm) -> _Told:
    """By days: from the end of the fiscal year before to the end of the one that runs."""
    found = firm.running()
    if found is None:
        return NOTHING, None
    running, gone = found
    assert isinstance(firm.metrics, Calendarised)  # noqa: S101 - others run through no year
    many = len(firm.metrics.fiscal_years)
    at = f"{firm.path}.metrics.calendarised.fiscalYears"
    begun = f"{{{at}[{running - 1}].end}}" if running else f"EDATE({{{at}[0].end}},-12)"
    end = f"{{{at}[{running}].end}}" if running < many else f"EDATE({{{at}[{many - 1}].end}},12)"
    return f"=({{{firm.day_key}}}-{begun})/({end}-{begun})", gone


def _amount(firm: Firm, name: str, period: Period) -> str:
    """The formula of money in twelve months that the firm has."""
    found = firm.running()
    if found is None:
        return f"={{{firm.path}.metrics.stated.{period.lower()}.{camel(name)}}}"
    running, gone = found
    first = running - 1 if period is Period.LTM else running
    at = f"{firm.path}.metrics.calendarised.fiscalYears"
    early, late = (f"{{{at}[{number}].{camel(name)}}}" for number in (first, first + 1))
    return f"=(1-{{firms.gone}})*{early}+{{firms.gone}}*{late}" if gone else f"={early}"
