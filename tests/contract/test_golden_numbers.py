"""No published number changes unless somebody meant it to, and the test says who changed it.

On the type of machine that the file is of every bit is compared; on another one every number, to
1e-12. What is meant to change is written anew by ``python -m tests.golden``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from engine.provenance import ENGINE_VERSION
from engine.simulation import Sampling
from services.kinds import KINDS
from tests import golden
from tests.example_inputs import NO_INPUTS
from tests.pages import EXAMPLES

GOLDEN = golden.read()
THEN, NOW = GOLDEN["madeBy"], golden.made_by()
SAME_MACHINE = all(THEN[name] == NOW[name] for name in ("numpy", "scipy", "arithmetic"))
NEAR = 1e-12


def leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict):
        for name, below in document.items():
            yield from leaves(below, f"{path}.{name}")
    elif isinstance(document, list):
        for place, below in enumerate(document):
            yield from leaves(below, f"{path}[{place}]")
    else:
        yield path, document


def differing(then: Any, now: Any) -> list[str]:
    """Every leaf that is another one, numbers to within the tolerance."""
    before, after = dict(leaves(then)), dict(leaves(now))
    found = [f"{path} is gone" for path in before.keys() - after.keys()]
    for path, value in after.items():
        was = before.get(path)
        if path not in before:
            found.append(f"{path} is new")
        elif isinstance(value, float) and isinstance(was, float):
            if value != pytest.approx(was, rel=NEAR, abs=NEAR):
                found.append(f"{path} was {was!r} and is {value!r}")
        elif value != was:
            found.append(f"{path} was {was!r} and is {value!r}")
    return sorted(found)


def blame() -> str:
    """Who can have changed a number, by what is another one around it."""
    if THEN["draws"] != NOW["draws"]:
        return f"numpy draws other numbers: {THEN['numpy']} then, {NOW['numpy']} now"
    others = [
        f"{name} {THEN[name]} then, {NOW[name]} now"
        for name in ("numpy", "scipy", "arithmetic")
        if THEN[name] != NOW[name]
    ]
    if others:
        return f"numpy, or the processor, rounds otherwise ({'; '.join(others)}), or the engine did"
    return (
        "the engine did, since numpy and the processor are the same. If it is meant: raise "
        "ENGINE_VERSION, say why in engine/changes.py, then run python -m tests.golden"
    )


def check(then: dict[str, Any], now: dict[str, Any]) -> None:
    other = differing(then["result"], now["result"])
    assert not other, f"{len(other)} numbers changed; {blame()}:\n" + "\n".join(other[:20])
    if SAME_MACHINE:
        assert now["hash"] == then["hash"], f"the bits changed within 1e-12; {blame()}"


def test_the_file_is_of_todays_engine() -> None:
    assert (THEN["engine"], THEN["stream"]) == (NOW["engine"], NOW["stream"]), (
        f"The engine is {ENGINE_VERSION}: run python -m tests.golden, and look at the difference"
    )


def test_numpy_draws_the_numbers_that_it_drew() -> None:
    assert NOW["draws"] == THEN["draws"], blame()


@pytest.mark.parametrize("sampling", list(Sampling))
def test_a_simulation_has_the_values_that_it_had(sampling: Sampling) -> None:
    check(GOLDEN["simulations"][sampling.value], golden.simulation(sampling))


@pytest.mark.parametrize("name", golden.examples())
def test_an_example_has_the_numbers_that_it_had(name: str) -> None:
    assert name in GOLDEN["valuations"], "A new example: run python -m tests.golden"
    check(GOLDEN["valuations"][name], golden.valuation(*golden.examples()[name]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_analysis_of_each_kind_has_the_numbers_that_it_had(kind: str) -> None:
    assert kind in golden.ANALYSED, "A new kind: give it a row, then run python -m tests.golden"
    check(GOLDEN["analyses"][kind], golden.analyses(kind))


def test_no_example_of_the_file_is_gone() -> None:
    assert GOLDEN["valuations"].keys() <= golden.examples().keys()
    assert {kind.name for kind, _ in golden.examples().values()} == KINDS.keys()
    assert {path.name for path in EXAMPLES.glob("*.json")} >= NO_INPUTS


def test_a_number_that_changed_in_its_last_digits_is_seen_and_rounding_is_not() -> None:
    then = {"value": 11.0, "years": [1.0, 2.0]}
    assert differing(then, {"value": 11.0 * (1 + 2e-13), "years": [1.0, 2.0]}) == []
    assert differing(then, {"value": 11.0 * (1 + 1e-11), "years": [1.0]}) == [
        ".value was 11.0 and is 11.00000000011",
        ".years[1] is gone",
    ]


def test_on_a_processor_that_rounds_otherwise_the_numbers_are_the_same_to_1e_12() -> None:
    """Without the widest vectors and fused multiplication this machine is another one."""
    widest = "X86_V4 AVX512_ICL AVX512_SPR AVX512_SKX AVX512F"
    other = {
        "NPY_DISABLE_CPU_FEATURES": widest,
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2_Usable,-FMA4",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from tests import golden; print(golden.written())"],
        cwd=golden.FILE.parents[2],
        env={**os.environ, **other},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    if there["madeBy"]["arithmetic"] == NOW["arithmetic"]:
        pytest.skip("this machine has nothing that could be taken from it")
    assert there["madeBy"]["draws"] == NOW["draws"]
    for part in ("simulations", "analyses", "valuations"):
        for name, then in GOLDEN[part].items():
            assert differing(then["result"], there[part][name]["result"]) == [], name
