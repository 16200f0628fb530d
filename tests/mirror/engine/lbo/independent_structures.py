"""Random buyouts as documents: with a strategy that shrinks, and from a seed.

One description serves both: it asks a `Choices` for every number, which hypothesis or a seeded
generator answers. Most of them a bank could finance; some run out of cash, lose money, or leave
nothing for the owners, and then the two models have to say so together.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Document = dict[str, Any]

CLOSING = date(2024, 6, 30)


class Choices(Protocol):
    """Whoever makes up a document."""

    def number(self, low: float, high: float) -> float: ...

    def whole(self, low: int, high: int) -> int: ...

    def one_of(self, options: Sequence[T]) -> T: ...


class Seeded:
    """Choices by a seed: the same document for ever."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret: made-up firms

    def number(self, low: float, high: float) -> float:
        return round(self._random.uniform(low, high), 4)

    def whole(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def one_of(self, options: Sequence[T]) -> T:
        return self._random.choice(options)


class Drawn:
    """Choices by hypothesis, which makes them simpler where a test fails."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def number(self, low: float, high: float) -> float:
        return round(self._draw(st.floats(low, high)), 4)

    def whole(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def one_of(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))


def structure(seed: int) -> Document:
    """The buyout that belongs to a seed."""
    return _document(Seeded(seed))


@st.composite
def structures(draw: st.DrawFn) -> Document:
    """Any buyout."""
    return _document(Drawn(draw))


def _maybe(choose: Choices, times: int = 2) -> bool:
    """True once in so many ``times``."""
    return choose.whole(1, times) == times


def _schedule(choose: Choices, years: int, low: float, high: float) -> Document:
    """A level, a number for each year, or stages."""
    match choose.one_of(["level", "level", "byYear", "stages"]):
        case "byYear":
            return {"byYear": [choose.number(low, high) for _ in range(years)]}
        case "stages" if years > 1:
            first = choose.whole(1, years - 1)
            return {
                "stages": [
                    {"years": first, "value": choose.number(low, high)},
                    {
                        "years": years - first,
                        "value": choose.number(low, high),
                        "ramp": _maybe(choose),
                    },
                ]
            }
        case _:
            return {"level": choose.number(low, high)}


def _document(choose: Choices) -> Document:
    years = choose.whole(1, 10)
    margin = choose.number(0.08, 0.35)
    revenue = choose.one_of([100.0, 980.0, 25_000.0, 1.2e9])
    ltm = round(revenue * margin * choose.number(0.9, 1.1), 2)
    multiple = choose.number(5.0, 12.0)
    document: Document = {
        "currency": "USD",
        "timing": {"closingDate": CLOSING.isoformat(), "years": years},
        "operations": _operations(choose, years, revenue, margin),
        "entry": _entry(choose, ltm, multiple),
        "cash": {},
        "interest": choose.one_of(["AVERAGE", "AVERAGE", "OPENING"]),
        "equity": {},
        "exit": {"evToEbitda": round(multiple * choose.number(0.7, 1.3), 3)},
    }
    if _maybe(choose):
        end = CLOSING + timedelta(days=choose.one_of([1, 92, 184, 304, 365, 366]))
        document["timing"]["fiscalYearEnd"] = end.isoformat()
    document["tranches"] = _tranches(choose, years, ltm, multiple)
    if any(tranche.get("spread") is not None for tranche in document["tranches"]):
        document["baseRate"] = _schedule(choose, years, 0.0, 0.06)
    _wallet(choose, document, years, ltm)
    if _maybe(choose, 4):
        document["equity"]["rollover"] = round(ltm * multiple * choose.number(0.0, 0.08), 2)
    if _maybe(choose, 3):
        document["equity"]["optionPool"] = choose.number(0.0, 0.15)
    last = choose.whole(1, years) if _maybe(choose) else years
    if last < years or _maybe(choose):
        document["exit"]["year"] = last
    if _maybe(choose, 4):
        again: Document = {"year": choose.whole(1, last), "fixedRate": choose.number(0.04, 0.12)}
        size = choose.number(0.2, 1.5)
        again |= {"timesEbitda": size} if _maybe(choose) else {"amount": round(size * ltm, 2)}
        if _maybe(choose):
            again["fee"] = choose.number(0.0, 0.04)
        document["recapitalisation"] = again
    if _maybe(choose):
        document["exit"]["costs"] = choose.number(0.0, 0.03)
    if _maybe(choose):
        document["covenants"] = [
            {"measure": "LEVERAGE", "limit": _schedule(choose, years, 3.0, 8.0)},
            {"measure": "NET_LEVERAGE", "limit": _schedule(choose, years, 3.0, 8.0)},
            {"measure": "INTEREST_COVER", "limit": _schedule(choose, years, 1.0, 3.0)},
            {"measure": "FIXED_CHARGE_COVER", "limit": _schedule(choose, years, 0.8, 1.5)},
        ]
    if _maybe(choose, 3):
        document["writeOffFeesOnPrepayment"] = True
    return document


def _operations(choose: Choices, years: int, revenue: float, margin: float) -> Document:
    growth = choose.one_of([(-0.02, 0.1), (0.0, 0.2), (-0.25, 0.1)])  # the last: a bad one
    spread = choose.one_of([0.01, 0.03, margin])  # with the last, a year may lose money
    operations: Document = {
        "revenue": revenue,
        "revenueGrowth": _schedule(choose, years, *growth),
        "taxRate": _schedule(choose, years, 0.0, 0.4),
        "depreciation": _schedule(choose, years, 0.0, 0.06),
        "capitalExpenditure": _schedule(choose, years, 0.0, 0.06),
    }
    which = choose.one_of(["ebitdaMargin", "ebitdaMargin", "ebitMargin"])
    operations[which] = _schedule(choose, years, margin - spread, margin + 0.03)
    if _maybe(choose, 4):
        operations["workingCapitalDays"] = {
            "receivables": _schedule(choose, years, 20.0, 80.0),
            "inventories": _schedule(choose, years, 10.0, 90.0),
            "payables": _schedule(choose, years, 20.0, 70.0),
            "costOfSales": _schedule(choose, years, 0.4, 0.7),
        }
    else:
        operations["workingCapital"] = _schedule(choose, years, -0.05, 0.2)
    if _maybe(choose, 3):
        operations["openingWorkingCapital"] = round(revenue * choose.number(-0.05, 0.2), 2)
    if _maybe(choose):
        operations["openingFixedAssets"] = round(revenue * choose.number(0.0, 0.8), 2)
    if _maybe(choose, 3):
        operations["stockCompensation"] = _schedule(choose, years, 0.0, 0.02)
        operations["stockCompensationTreatment"] = choose.one_of(["EXPENSE", "ADD_BACK"])
    if _maybe(choose, 3):
        operations["losses"] = {"balance": round(revenue * choose.number(0.0, 0.3), 2)}
        if _maybe(choose):
            operations["losses"]["limitShare"] = choose.number(0.0, 1.0)
        if _maybe(choose):
            operations["losses"]["limitAmount"] = round(revenue * choose.number(0.0, 0.05), 2)
    return operations


def _entry(choose: Choices, ltm: float, multiple: float) -> Document:
    entry: Document = {"ltmEbitda": ltm}
    if _maybe(choose, 3):
        entry["enterpriseValue"] = round(ltm * multiple, 2)
    else:
        entry["evToEbitda"] = multiple
    if _maybe(choose):
        entry["transactionFees"] = round(ltm * choose.number(0.0, 0.3), 2)
        entry["transactionFeeTreatment"] = choose.one_of(["NEITHER", "DEDUCTED", "CAPITALISED"])
    if _maybe(choose):
        entry["cashAtClosing"] = round(ltm * choose.number(0.0, 0.5), 2)
    return entry


def _wallet(choose: Choices, document: Document, years: int, ltm: float) -> None:
    wallet = document["cash"]
    cash = document["entry"].get("cashAtClosing", 0.0)
    if _maybe(choose):
        # At times more than there is: then the first year has to find it.
        wallet["minimum"] = round(choose.one_of([1.0, 0.5]) * cash + _maybe(choose, 4) * ltm / 8, 2)
    if _maybe(choose):
        wallet["interestRate"] = choose.number(0.0, 0.04)
    if _maybe(choose):
        wallet["sweep"] = _schedule(choose, years, 0.0, 1.0)


_LOANS = ["TERM_LOAN", "TERM_LOAN", "NOTES", "MEZZANINE", "PREFERRED", "SELLER_NOTE"]


def _tranches(choose: Choices, years: int, ltm: float, multiple: float) -> list[Document]:
    """One to six of them; together up to nine tenths of the price, mostly much less."""
    many = choose.whole(1, 6)
    room = multiple * choose.one_of([0.35, 0.5, 0.65, 0.85])  # of debt, in turns of EBITDA
    tranches = []
    for number in range(many):
        revolver = _maybe(choose, 4) or (number == 0 and _maybe(choose))
        kind = "REVOLVER" if revolver else choose.one_of(_LOANS)
        tranches.append(_tranche(choose, years, ltm, room / many, kind, number))
    return tranches


def _tranche(
    choose: Choices, years: int, ltm: float, turns: float, kind: str, number: int
) -> Document:
    tranche: Document = {"name": f"{kind.lower().replace('_', ' ')} {number + 1}", "kind": kind}
    turns = round(turns * choose.number(0.5, 1.0), 4)
    if kind == "REVOLVER":
        drawn = choose.one_of([0.0, 0.0, 0.3, 1.0])
        tranche["commitment"] = round(turns * ltm, 2)
        tranche["amount"] = round(drawn * tranche["commitment"], 2)
        if _maybe(choose):
            tranche["undrawnFee"] = choose.number(0.0, 0.01)
    elif _maybe(choose):
        tranche["timesEbitda"] = turns
    else:
        tranche["amount"] = round(turns * ltm, 2)
    if kind in ("NOTES", "SELLER_NOTE", "PREFERRED") or _maybe(choose, 3):
        tranche["fixedRate"] = choose.number(0.0, 0.13)
    else:
        tranche["spread"] = choose.number(0.01, 0.08)
        if _maybe(choose):
            tranche["floor"] = choose.number(0.0, 0.04)
    if kind in ("MEZZANINE", "PREFERRED", "SELLER_NOTE", "NOTES"):
        if _maybe(choose):
            tranche["pikRate"] = choose.number(0.0, 0.08)
        if _maybe(choose, 3):
            tranche["pikShare"] = _schedule(choose, years, 0.0, 1.0)
            if _maybe(choose):
                tranche["pikPremium"] = choose.number(0.0, 0.02)
    if _maybe(choose):
        tranche["fee"] = choose.number(0.0, 0.03)
    if kind != "REVOLVER":
        if _maybe(choose, 3):
            tranche["oid"] = choose.number(0.0, 0.04)
        if kind == "TERM_LOAN" or _maybe(choose, 6):
            # At times faster than the whole of it lasts.
            most = choose.one_of([0.01, 0.1, 0.4])
            tranche["amortisation"] = _schedule(choose, years, 0.0, most)
        if _maybe(choose, 4):
            tranche["swept"] = _maybe(choose)
    tranche["tenor"] = choose.whole(1, 12)
    return tranche
