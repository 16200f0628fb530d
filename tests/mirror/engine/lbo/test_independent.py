"""The engine's buyout and the other witness, number by number over random documents.

The witness solves each circular year by Brent's method; the engine says what it does and proves
it. Whatever one refuses because nothing is left for the owners, the other has to call worthless.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from engine.errors import Infeasible
from engine.lbo import ExitGridHolder
from tests.mirror.engine.lbo.independent import exit_at, lbo, maximum_price
from tests.mirror.engine.lbo.independent_structures import structure, structures
from tests.mirror.engine.lbo.witnesses import (
    engine,
    engine_circle,
    engine_exits,
    engine_grid,
    engine_price,
)

Facts = dict[str, Any]

STRUCTURES, WITHIN = 1_000, 1e-9
# Everything else is money, and compared with the size of the deal.
RATIOS = {
    *("irr", "moic", "multiple", "rate", "time", "stubShare"),
    *("leverage", "netLeverage", "interestCover", "fixedChargeCover"),
    *("ratio", "headroom", "limit"),
}

SPELLED = {"sponsor": "SPONSOR", "rollover": "ROLLOVER", "optionPool": "OPTION_POOL"}


def leaves(facts: Any, path: str = "", name: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path, the last name on it, value)."""
    if isinstance(facts, dict):
        for key, value in facts.items():
            yield from leaves(value, f"{path}.{key}" if path else key, key)
    elif isinstance(facts, list):
        for index, value in enumerate(facts):
            yield from leaves(value, f"{path}[{index}]", name)
    else:
        yield path, name, facts


def differences(told: Facts, seen: Facts) -> list[str]:
    """Every number of the engine's that is not the witness's within 1e-9."""
    size = told["closing"]["uses"]
    witness = {path: value for path, _, value in leaves(told)}
    found = []
    for path, name, theirs in leaves(seen):
        ours = witness[path]
        if isinstance(theirs, bool | str) or ours is None or theirs is None:
            if ours != theirs:
                found.append(f"{path}: {ours!r}, and the engine says {theirs!r}")
            continue
        # Money that is left of larger amounts is known as well as they are.
        least = 1.0 if name in RATIOS else 1e-3 * size
        if not abs(ours - theirs) <= WITHIN * max(abs(ours), least):
            found.append(f"{path}: {ours!r}, and the engine says {theirs!r}")
    return found


def compared(document: Facts) -> list[str] | None:
    """What differs; None where both say that nothing is left for the owners."""
    told = lbo(document)
    try:
        seen = engine(document)
    except Infeasible as refusal:
        worthless = told["exit"]["equity"] <= 0.0 or told["closing"]["sponsor"] <= 0.0
        return None if worthless else [f"refused: {refusal}"]
    return differences(told, seen)


def test_a_thousand_buyouts_are_the_same_number_by_number() -> None:
    """On average interest, each year of which is a circle; every fifth on opening balances too."""
    same, different = 0, {}
    for seed in range(STRUCTURES + STRUCTURES // 5):
        found = compared(structure(seed) | {"interest": "AVERAGE"})
        same += found == []
        if seed % 5 == 0:
            found = (found or []) + (compared(structure(seed) | {"interest": "OPENING"}) or [])
        if found:
            different[seed] = found
        if same == STRUCTURES:
            break
    assert not different, (len(different), dict(list(different.items())[:3]))
    assert same == STRUCTURES


def test_of_what_shrinks_in_kind_nothing_goes_below_zero() -> None:
    """Every tranche at a rate below zero, in kind, and due faster than it lasts."""
    seen = 0
    for seed in range(120):
        document = structure(seed) | {
            "baseRate": {"level": -0.05},
            "writeOffFeesOnPrepayment": True,
        }
        for number, tranche in enumerate(document["tranches"]):
            if tranche["kind"] != "REVOLVER":
                tranche |= {"fixedRate": None, "floor": None, "spread": -0.01 * (number % 5)}
                tranche |= {
                    "pikShare": {"level": 1.0},
                    "amortisation": {"level": 0.33},
                    "fee": 0.02,
                }
                tranche["swept"] = bool(number % 2)
        assert not compared(document)
        try:
            facts = engine(document)
        except Infeasible:
            continue
        size = facts["closing"]["uses"]
        spent = facts["closing"]["financingFees"] + facts["closing"]["discount"]
        for year in facts["years"]:
            assert -1e-9 * size <= year["costsWrittenOff"] <= spent + 1e-9 * size
        rows = [row for rows in facts["tranches"].values() for row in rows]
        assert min(row[each] for row in rows for each in ("swept", "mandatory", "closing")) >= (
            -1e-12 * size
        )
        seen += any(row["pik"] < 0.0 for row in rows)
    assert seen > 60


@settings(max_examples=150)
@given(document=structures())
def test_any_buyout_is_the_same_number_by_number(document: Facts) -> None:
    assert not compared(document)


@pytest.mark.parametrize("seed", range(60))
def test_a_sale_in_any_year_and_at_any_multiple_brings_the_same(seed: int) -> None:
    document = structure(seed)
    facts, multiple = lbo(document), document["exit"]["evToEbitda"]
    if facts["exit"]["equity"] <= 0.0:
        return
    exits = engine_exits(document)
    years = [told["year"] for told in exits]
    assert years == list(range(1, len(facts["years"]) + 1))
    multiples = [0.8 * multiple, multiple, 1.25 * multiple]
    # From the last year to the first: a grid has the order in which it is asked for.
    grid = engine_grid(document, years[::-1], multiples)
    for row, told in enumerate(reversed(exits)):
        for column, each in enumerate(multiples):
            sold = exit_at(document, facts, told["year"], each)
            near = pytest.approx(sold["moic"], rel=WITHIN, abs=WITHIN)
            assert grid.moic[row, column] == near
            assert grid.irr[row, column] == pytest.approx(sold["irr"], rel=WITHIN, abs=WITHIN)
            of_cell = {each.name: holder_in(each, row, column) for each in grid.holders}
            same_holders(of_cell, sold["holders"], WITHIN * facts["closing"]["uses"])
        sold = exit_at(document, facts, told["year"], multiple)
        size = WITHIN * facts["closing"]["uses"]
        assert told["equity"] == pytest.approx(sold["equity"], rel=WITHIN, abs=size)
        assert told["enterpriseValue"] == pytest.approx(sold["enterpriseValue"], rel=WITHIN)
        owed = sold["debt"] + sold["preferred"] - sold["cash"]
        assert told["netDebt"] == pytest.approx(owed, rel=WITHIN, abs=size)
        assert (told["irr"], told["moic"]) == (grid.irr[row, 1], grid.moic[row, 1])
        same_holders({each["name"]: each for each in told["holders"]}, sold["holders"], size)


def holder_in(holder: ExitGridHolder, row: int, column: int) -> Facts:
    """One cell of a grid, as a document tells a holder."""
    return {
        "invested": holder.invested,
        "dividend": holder.dividend[row],
        "proceeds": holder.proceeds[row, column],
        "moic": None if holder.moic is None else holder.moic[row, column],
        "irr": None if holder.irr is None else holder.irr[row, column],
    }


def same_holders(seen: Facts, told: Facts, size: float) -> None:
    """Whoever the engine names has what the witness says; nobody else has anything."""
    for name, other in told.items():
        mine = seen.get(SPELLED[name])
        if mine is None:
            assert (other["invested"], other["proceeds"]) == (0.0, 0.0)
            continue
        for ours, theirs in (("invested",) * 2, ("dividend", "dividends"), ("proceeds",) * 2):
            assert mine[ours] == pytest.approx(other[theirs], rel=WITHIN, abs=size), name
        for ratio in ("moic", "irr"):
            near = other[ratio]
            assert mine[ratio] == (
                None if near is None else pytest.approx(near, rel=WITHIN, abs=WITHIN)
            ), name


def first_year_compared(document: Facts) -> tuple[float, float, float]:
    """How far the closing balances of year 1 are from Brent's, how far its certificate lets them
    be, and the money that year 1 adds up.
    """
    told, certificate = lbo(document), engine_circle(document)[0]
    year, rows = told["years"][0], told["tranches"]
    left = {name: each[0]["opening"] + each[0]["pik"] for name, each in rows.items()}
    left = {name: owed - rows[name][0]["mandatory"] for name, owed in left.items()}
    room = [
        each["commitment"] - left[each["name"]]
        for each in document["tranches"]
        if each["kind"] == "REVOLVER" and each["tenor"] > 1
    ]
    beside = year["depreciation"] + year["addedBack"] - year["capitalExpenditure"]
    added_up = (
        *(told["closing"]["cash"], abs(year["ebit"])),
        *(abs(beside - year["increaseInWorkingCapital"]), year["mandatory"], year["feesDeducted"]),
        *(document["cash"].get("minimum", 0.0), *left.values(), *map(abs, room)),
    )
    may = certificate["residual"] / (1.0 - certificate["contraction"]) * sum(added_up)
    seen = engine(document)["tranches"]
    apart = [abs(seen[name][0]["closing"] - each[0]["closing"]) for name, each in rows.items()]
    return max(apart), may, sum(added_up)


def test_a_year_misses_brents_solution_by_no_more_than_its_certificate_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped long before the end, and by plain steps, so that there is something to see."""
    monkeypatch.setattr("engine.lbo.debt.TOLERANCE", 1e-3)
    monkeypatch.setattr("engine.lbo.debt._NEWTON", 0.0)
    seen = 0
    for seed in range(120):
        document = structure(seed) | {"interest": "AVERAGE", "recapitalisation": None}
        try:
            apart, may, size = first_year_compared(document)
        except Infeasible:
            continue
        assert apart <= may + 1e-11 * size
        seen += apart > 1e-7 * size
    assert seen > 20


@pytest.mark.parametrize("seed", range(30))
def test_the_highest_price_for_a_return_is_what_a_search_finds(seed: int) -> None:
    """Brent's method on whole buyouts, each at another price."""
    document = structure(seed)
    if (lbo(document)["exit"]["irr"] or -1.0) > 0.0:
        most = maximum_price(document, 0.2)
        assert engine_price(document, 0.2) == pytest.approx(most, rel=WITHIN)
