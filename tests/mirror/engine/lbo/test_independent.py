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
from tests.mirror.engine.lbo.independent import exit_at, lbo, maximum_price
from tests.mirror.engine.lbo.independent_structures import structure, structures
from tests.mirror.engine.lbo.witnesses import engine, engine_exits, engine_price

Facts = dict[str, Any]

STRUCTURES, WITHIN = 1_000, 1e-9
# Everything else is money, and compared with the size of the deal.
RATIOS = {
    *("irr", "moic", "multiple", "rate", "time", "stubShare"),
    *("leverage", "netLeverage", "interestCover", "fixedChargeCover"),
    *("ratio", "headroom", "limit"),
}


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
    told = {seed: compared(structure(seed)) for seed in range(STRUCTURES)}
    different = {seed: found for seed, found in told.items() if found}
    assert not different, (len(different), dict(list(different.items())[:3]))
    assert sum(found is not None for found in told.values()) >= 0.9 * STRUCTURES


@settings(max_examples=150)
@given(document=structures())
def test_any_buyout_is_the_same_number_by_number(document: Facts) -> None:
    assert not compared(document)


@pytest.mark.parametrize("seed", range(60))
def test_a_sale_in_any_year_brings_the_same(seed: int) -> None:
    document = structure(seed)
    facts = lbo(document)
    if facts["exit"]["equity"] <= 0.0:
        return
    for told in engine_exits(document):
        sold = exit_at(document, facts, told["year"], document["exit"]["evToEbitda"])
        near = pytest.approx(sold["equity"], rel=WITHIN, abs=WITHIN * facts["closing"]["uses"])
        assert told["equity"] == near
        assert told["moic"] == pytest.approx(sold["moic"], rel=WITHIN, abs=WITHIN)
        assert told["irr"] == pytest.approx(sold["irr"], rel=WITHIN, abs=WITHIN)


@pytest.mark.parametrize("seed", range(30))
def test_the_highest_price_for_a_return_is_what_a_search_finds(seed: int) -> None:
    """Brent's method on whole buyouts, each at another price."""
    document = structure(seed)
    if (lbo(document)["exit"]["irr"] or -1.0) > 0.0:
        most = maximum_price(document, 0.2)
        assert engine_price(document, 0.2) == pytest.approx(most, rel=WITHIN)
