"""Every example's workbook, computed by LibreOffice: unchanged, and with other inputs typed in.

The formulas of a workbook are a second way to every number. Here the two are held against each
other cell by cell: what the engine found stands in each cell of a formula, LibreOffice is made to
forget it, and finds its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from engine.paths import replaced
from engine.questions import Question
from engine.scenarios import Axis, sensitivity
from services.kind import Kind
from services.kinds import KINDS
from services.words import snake
from services.workbook.export import workbook_of
from services.workbook.inputs import Leaf, leaves, name_of
from tests.workbooks import Found, Read, changed, computed, read, recorded, with_planted

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
AGREE: Final = 1e-6  # relative: what is promised of LibreOffice and the engine
NEAR_ZERO: Final = 1e-6  # absolute, of what should be nothing beside amounts of millions
WITH_BOOKS: Final = [kind for kind in KINDS.values() if kind.workbook is not None]


@dataclass(frozen=True)
class Case:
    """A workbook with other inputs typed in, and what the engine says of the same inputs."""

    says: str
    book: bytes
    question: Question[Any]  # of the same inputs

    @property
    def outputs(self) -> dict[str, float]:
        """What the engine finds."""
        found = self.question.values(self.question.inputs)
        return {name: float(value) for name, value in found.items()}


def documents_of(kind: Kind[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    files = sorted(EXAMPLES.glob(f"{kind.name.lower()}_*.json"))
    if kind.name == "DCF":  # the second takes its beta from comparable firms
        files += [EXAMPLES / "apple.json", EXAMPLES / "comparables.json"]
    for file in files:
        yield file.stem, json.loads(file.read_text())
    if kind.name == "DCF":
        yield "segments that may fail", failing_segments()
    if kind.name == "COMPARABLES":
        yield "earnings first, at a year's end", earnings_first()
    if kind.name == "MERGER":
        yield "a merger that leaves out what may be", plainest_merger()
    if kind.name == "LBO":
        yield "a buyout with all that may be", fullest_buyout()


def failing_segments() -> dict[str, Any]:
    """One writes losses off within both limits, another has a WACC as it was given; who shares
    what a sale in distress leaves is not who shares a going concern."""
    document: dict[str, Any] = json.loads((EXAMPLES / "dcf_segments.json").read_text())
    document["timing"]["fiscalYearEnd"] = "2026-09-30"
    shops, software, _ = document["segments"]
    del shops["operations"]["workingCapital"]
    days = {"receivables": 9, "inventories": 48, "payables": 41, "costOfSales": 0.66}
    shops["operations"] |= {
        "workingCapitalDays": {name: {"level": level} for name, level in days.items()},
        "ebitMargin": {"byYear": [-0.02, 0.05, 0.07, -0.01, 0.08]},
        "losses": {"balance": 90e6, "limitShare": 0.8, "limitAmount": 75e6},
        "stockCompensation": {"level": 0.01},
        "stockCompensationTreatment": "ADD_BACK",
    }
    normal = {"depreciation": 0.03, "capitalExpenditure": 0.034}
    gordon = {"growth": 0.018, "normalised": normal, "discounting": "YEAR_END"}
    shops["terminal"], software["capital"] = {"gordon": gordon}, {"wacc": 0.104}
    document["shares"] = {
        "basic": 55e6,
        "options": [{"count": 4e6, "strike": 3}, {"count": 3e6, "strike": 19}],
        "convertibles": [{"faceValue": 60e6, "conversionPrice": 12}],
    }
    document["failure"] = {"probability": 0.2, "recovery": 0.4}
    return document


def earnings_first() -> dict[str, Any]:
    """Some fiscal years end on the day of the comparison; convertibles count as the debt that
    earnings have paid interest on."""
    document: dict[str, Any] = json.loads((EXAMPLES / "comparables_trading.json").read_text())
    document["asOf"] = "2025-12-31"
    bonds = [{"faceValue": 90e6, "conversionPrice": price} for price in (40, 55)]
    document["peers"][0]["shares"]["convertibles"] = bonds
    document["multiples"].reverse()
    return document


def plainest_merger() -> dict[str, Any]:
    """Without fees, write-ups and new debt; convertibles decide how much interest goes on."""
    document: dict[str, Any] = json.loads((EXAMPLES / "merger_collar.json").read_text())
    del document["fees"], document["allocation"]
    collar = {"ratio": 0.58, "lowPrice": 56, "highPrice": 60, "fixes": "RATIO"}
    document["offer"] = {"exchangeRatio": {"collar": collar}, "cashPerShare": 1.5}
    document["financing"] = {"balanceSheetCash": 350e6, "refinanced": 0.4}
    document["synergies"] = {"cost": {"level": 70e6}}
    document["earnOut"] = {"amount": 50e6, "year": 1, "probability": 0.5}
    document["acquirer"]["shares"] = {"diluted": 184e6}
    bonds = [{"faceValue": 75e6, "conversionPrice": price} for price in (30, 40)]
    document["target"]["shares"] = {"basic": 64e6, "convertibles": bonds}
    return document


def fullest_buyout() -> dict[str, Any]:
    """In a bad year two revolvers are not enough; later a bridge falls due, and the sweep reaches
    the preferred stock, whose fee goes with it; a dividend comes a quarter and a year after the
    closing."""
    document: dict[str, Any] = json.loads((EXAMPLES / "lbo_covenants_and_stub.json").read_text())
    document["operations"] |= {
        "ebitMargin": {"byYear": [0.16, -0.02, 0.14, 0.16, 0.16, 0.16]},
        "stockCompensation": {"level": 0.01},
        "stockCompensationTreatment": "ADD_BACK",
        "losses": {"balance": 12e6, "limitShare": 0.8, "limitAmount": 9e6},
    }
    document["entry"]["transactionFeeTreatment"] = "DEDUCTED"
    revolver, loan = document["tranches"]
    document["tranches"] = [
        {**revolver, "commitment": 10e6},
        {**revolver, "name": "Second revolver", "amount": 1e6, "commitment": 4e6,
         "undrawnFee": None, "tenor": 4},
        {**loan, "timesEbitda": 1.25, "pikRate": 0.01, "floor": 0.03},
        {"name": "Bridge", "kind": "NOTES", "amount": 40e6, "fixedRate": 0.08, "pikRate": 0.01,
         "tenor": 5},
        {"name": "Stock", "kind": "PREFERRED", "amount": 20e6, "fixedRate": 0.07, "pikRate": 0.02,
         "tenor": 9, "swept": True, "fee": 0.01},
    ]  # fmt: skip
    document["baseRate"] = {"byYear": [0.04, 0.035, 0.028, 0.025, 0.032, 0.036]}
    document["cash"]["sweep"] = {"level": 0.8}
    document["equity"] = {"rollover": 8e6, "optionPool": 0.1}
    document["recapitalisation"] = {"year": 2, "amount": 15e6, "fixedRate": 0.1, "fee": 0.02}
    document["writeOffFeesOnPrepayment"] = True
    return document


def moved(leaf: Leaf, number: int) -> Any:
    """Another value, by a different part for each input, so that no two of them cancel."""
    by = 1.0 + 0.002 * (number % 7 + 1)
    if 1.0 in (leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)):
        by = 1.0 / by  # of a share that is all there is
    if isinstance(leaf.value, tuple):
        return tuple(value * by for value in leaf.value)
    return leaf.value * by


def question_with(kind: Kind[Any, Any], inputs: Any, values: Mapping[str, Any]) -> Question[Any]:
    """What the engine is asked, with other values at the paths of inputs."""
    changes: dict[str, float] = {}
    for path, value in values.items():
        if isinstance(value, tuple):
            changes |= {f"{snake(path)}[{year}]": each for year, each in enumerate(value)}
        else:
            changes[snake(path)] = value
    return kind.question(replaced(inputs, changes), kind.outputs[0], None)


def cases_of(
    kind: Kind[Any, Any], name: str, document: dict[str, Any], *, first: bool
) -> Iterator[Case]:
    """A book as it was written, and with all inputs changed; of the first, with three of them."""
    valuation = recorded(kind, document)
    book = workbook_of(valuation)
    inputs = valuation.admitted
    live = [each for each in leaves(inputs) if each.live and each.path != "marketPrice"]
    values = {each.path: moved(each, number) for number, each in enumerate(live)}
    three = dict(list(values.items())[:: max(1, len(values) // 3)][:3])
    changes = {"as written": {}, "every input": values} | ({"three inputs": three} if first else {})
    for says, chosen in changes.items():
        typed = {name_of(path): value for path, value in chosen.items()}
        yield Case(f"{name}, {says}", changed(book, typed), question_with(kind, inputs, chosen))


@pytest.mark.parametrize("kind", WITH_BOOKS, ids=lambda kind: kind.name)
def test_a_workbook_finds_what_the_engine_finds_whatever_is_typed_in(
    kind: Kind[Any, Any], tmp_path: Path
) -> None:
    cases = [
        case
        for number, (name, document) in enumerate(documents_of(kind))
        for case in cases_of(kind, name, document, first=number == 0)
    ]
    assert cases
    wrong: list[str] = []
    for case, found in zip(cases, computed([case.book for case in cases], tmp_path), strict=True):
        wrong += [f"{case.says}: {error}" for error in found.errors]
        for output, expected in case.outputs.items():
            value = found.number(f"out_{output.lower()}")
            if value != pytest.approx(expected, rel=AGREE, abs=NEAR_ZERO):
                wrong.append(f"{case.says}: {output} is {value!r}, and {expected!r} of the engine")
        if found.cells["Summary"][_address_of(found, "All checks hold")] is not True:
            broken = [row for row in _checks(found) if row[1] is not True]
            wrong.append(f"{case.says}: the checks that fail are {broken}")
        wrong += [f"{case.says}: {each}" for each in _table_that_differs(found, case.question)]
        if case.says.endswith("as written"):
            wrong += [f"{case.says}: {each}" for each in _cells_that_differ(read(case.book), found)]
    assert not wrong, "\n".join(wrong)


def broken_by(nonsense: Mapping[str, tuple[str, str, dict[str, float]]]) -> list[bytes]:
    """By the check that should break: the kind, the document, and what is typed in by path."""
    books = []
    for name, document, typed in nonsense.values():
        kind = next(each for each in WITH_BOOKS if each.name == name)
        valuation = recorded(kind, dict(documents_of(kind))[document])
        numbers = {name_of(path): value for path, value in typed.items()}
        books.append(changed(workbook_of(valuation), numbers))
    return books


def test_nonsense_typed_into_a_workbook_breaks_the_check_that_says_so(tmp_path: Path) -> None:
    full, growth = "a buyout with all that may be", "terminal.gordon.growth"
    debt, premium = "capital.capm.preTaxCostOfDebt", "capital.capm.equityRiskPremium"
    weight = "capital.capm.debtWeight"
    driver = "terminal.valueDriver.returnOnNewCapital"
    nonsense: dict[str, tuple[str, str, dict[str, float]]] = {
        "Terminal growth is below the cost of capital, by": ("DCF", "apple", {growth: 0.2}),
        "Terminal growth is below the cost of capital without debt": (
            "DCF", "dcf_value_driver", {"terminal.valueDriver.growth": 0.3},
        ),
        "The return on new capital is not below": ("DCF", "dcf_value_driver", {driver: 0.01}),
        "The cost of capital is from 0.1%": ("DCF", "comparables", {premium: 0.0, debt: -0.9}),
        "The beta at this firm's debt": ("DCF", "comparables", {weight: 0.95}),
        "Debt that is fixed in money costs": ("DCF", "dcf_fixed_debt", {debt: 0.0}),
        "No revolver is drawn beyond": ("LBO", full, {"tranches[1].commitment": 0.5e6}),
        "No debt and no preferred stock is below zero": ("LBO", full, {"tranches[1].amount": -1e6}),
        "Debt and rollover are less than uses": ("LBO", full, {"equity.rollover": 900e6}),
        "Something is left for the owners": ("LBO", "lbo_prepayment", {"exit.evToEbitda": 0.5}),
        "The price that the ratio was agreed at is inside": (
            "MERGER", "merger_collar", {"offer.exchangeRatio.collar.referencePrice": 305.0},
        ),
        "No more cash is to be used": (
            "MERGER", "a merger that leaves out what may be", {"financing.balanceSheetCash": 9e8},
        ),
        "Every input is within": ("MERGER", "merger_mixed", {"financing.stockShare": 1.5}),
    }  # fmt: skip
    books = computed(broken_by(nonsense), tmp_path)
    for words, found in zip(nonsense, books, strict=True):
        told = [holds for said, holds in _checks(found) if str(said).startswith(words)]
        assert told == [False], words
        assert found.cells["Summary"][_address_of(found, "All checks hold")] is not True, words


def test_libreoffice_is_made_to_forget_the_numbers_in_the_file(tmp_path: Path) -> None:
    kind = WITH_BOOKS[0]
    valuation = recorded(kind, next(documents_of(kind))[1])
    book = workbook_of(valuation)
    name = f"out_{kind.outputs[0].lower()}"
    sheet, address = read(book).names[name].replace("$", "").split("!")
    planted = with_planted(book, sheet, address, -1.0)
    assert read(planted).number(name) == -1.0
    (found,) = computed([planted], tmp_path)
    assert found.number(name) == pytest.approx(read(book).number(name), rel=AGREE)


@pytest.mark.parametrize("kind", WITH_BOOKS, ids=lambda kind: kind.name)
def test_a_workbook_has_every_input_and_is_the_same_bytes_each_time(kind: Kind[Any, Any]) -> None:
    for _, document in documents_of(kind):
        valuation = recorded(kind, document)
        book = workbook_of(valuation)
        assert workbook_of(valuation) == book
        names = read(book).names
        for leaf in leaves(valuation.admitted):
            assert not leaf.live or name_of(leaf.path) in names


def _cells_that_differ(written: Read, found: Read) -> Iterator[str]:
    """Where LibreOffice computes another number than the engine's, which stood in the cell."""
    for sheet, formulas in written.formulas.items():
        for address in formulas:
            engine = written.cells[sheet].get(address, "")
            office: Found = found.cells[sheet].get(address, "")
            if isinstance(engine, float) and isinstance(office, float):
                if office == pytest.approx(engine, rel=AGREE, abs=NEAR_ZERO):
                    continue
            elif engine == office:
                continue
            yield f"{sheet}!{address} is {office!r}, and {engine!r} of the engine"


def _table_that_differs(found: Read, question: Question[Any]) -> Iterator[str]:
    """Where a table by WACC and growth, or multiple, differs from the engine's sensitivity."""
    if "Sensitivity" not in found.cells:
        return
    rates, across, table = table_of(found)
    assert sum(cell is not None for row in table for cell in row) >= 15
    terminal = question.inputs.terminal
    of = "ev_to_ebitda" if terminal.BRANCH == "exit_multiple" else "growth"
    path = f"terminal.{terminal.BRANCH}.{of}"
    for rate, row in zip(rates, table, strict=True):
        said = [(each, value) for each, value in zip(across, row, strict=True)]
        none = [each for each, value in said if value is None]
        scenarios = [{"capital.wacc": rate, path: each} for each in none]
        if not all(question.refused(scenarios)):
            yield f"at a WACC of {rate} the table leaves out one of {none}, and the engine does not"
        there = {each: value for each, value in said if value is not None}
        if there:
            rows, columns = Axis("capital.wacc", np.array([rate])), Axis(path, np.array([*there]))
            expected = sensitivity(question, rows, columns)[0]
            if [*there.values()] != pytest.approx(expected, rel=AGREE):
                yield f"at a WACC of {rate} the table has {there}, and the engine {expected}"


def table_of(found: Read) -> tuple[list[float], list[float], list[list[float | None]]]:
    """The first table of the sheet: what stands on its left, above it, and in it."""
    cells = found.cells["Sensitivity"]

    def row(number: int) -> list[float | None]:
        values = [cells.get(f"{letter}{number}", "") for letter in "CDEFGH"]
        return [value if isinstance(value, float) else None for value in values]

    assert str(cells["A1"]).startswith("Value per share")
    lines = [row(number) for number in range(3, 8)]
    rates, across = [line[0] for line in lines], row(2)[1:]
    numbers = [each for each in (*rates, *across) if each is not None]
    assert len(numbers) == 10
    return numbers[:5], numbers[5:], [line[1:] for line in lines]


def _address_of(found: Read, words: str) -> str:
    """The cell of a single number, by the words that stand before it."""
    at = next(at for at, said in found.cells["Summary"].items() if said == words)
    return f"C{at[1:]}"


def _checks(found: Read) -> Iterator[tuple[Found, Found]]:
    cells = found.cells["Checks"]
    for address, words in cells.items():
        if address.startswith("A") and f"C{address[1:]}" in cells:
            yield words, cells[f"C{address[1:]}"]
