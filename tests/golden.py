"""Numbers that must stay: a fixed simulation and the examples, hashed, with what they were made by.

``python -m tests.golden`` writes `tests/contract/golden.json` anew. Do that when a number is meant
to change: after `ENGINE_VERSION` was raised and `engine/changes.py` says why, or for a new version
of numpy. The diff of the file is part of the review.
"""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.dcf import DcfOutput
from engine.provenance import surroundings
from engine.simulation import Normal, Sampling, Shock, SimulationSpec, Uniform, draw_values
from services.kinds import DCF
from services.simulations import question_of
from services.valuations import canonical
from tests.dcf_documents import firm

FILE: Final = Path(__file__).parent / "contract" / "golden.json"
EXAMPLES: Final = Path(__file__).parents[1] / "examples"

TRIALS: Final = 40_000
SHOCKS: Final = (
    Shock("operations.revenue_growth", Normal(0.02), every_year=True),
    Shock("capital.wacc", Uniform(-0.01, 0.01)),
)
LEVELS: Final = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)

Document = dict[str, Any]


def examples() -> dict[str, Document]:
    """The inputs among the examples, by their files' names, and the firm of the tests."""
    found = {"the firm of the tests": firm(marketPrice=12.0)}
    for file in sorted(EXAMPLES.glob("*.json")):
        document = json.loads(file.read_text("utf-8"))
        if isinstance(document, dict) and {"timing", "capital", "terminal"} <= document.keys():
            found[file.name] = document
    return found


def valuation(document: Document) -> Document:
    """What comes out, and its hash."""
    text = canonical(DCF.result_document(DCF.value(DCF.inputs_of(document))))
    return {"hash": hashlib.sha256(text).hexdigest(), "result": json.loads(text)}


def simulation(sampling: Sampling) -> Document:
    """The hash of every trial's value, and a few of them."""
    spec = SimulationSpec(trials=TRIALS, seed=1, shocks=SHOCKS, sampling=sampling)
    values = draw_values(question_of("DCF", firm(), DcfOutput.VALUE_PER_SHARE), spec)
    ordered = np.sort(values)
    ranks = [int(level * (ordered.size - 1)) for level in LEVELS]
    return {
        "hash": hashlib.sha256(values.tobytes()).hexdigest(),
        "result": {"first": values[:8].tolist(), "ordered": ordered[ranks].tolist()},
    }


def draws() -> str:
    """Of the numbers that numpy itself draws: they are the same on every processor."""
    source = np.random.Generator(np.random.SFC64(np.random.SeedSequence(1, spawn_key=(0, 0))))
    drawn = np.concatenate((source.standard_normal(8_192), source.random(8_192)))
    return hashlib.sha256(drawn.tobytes()).hexdigest()


def made_by() -> Document:
    """All that the bits depend on, and for people what that is."""
    return {
        **surroundings(),
        "machine": platform.machine(),
        "draws": draws(),
    }


def written() -> str:
    """The file, as it is by today's code on this machine."""
    golden = {
        "madeBy": made_by(),
        "simulations": {sampling.value: simulation(sampling) for sampling in Sampling},
        "valuations": {name: valuation(document) for name, document in examples().items()},
    }
    return json.dumps(golden, indent=1) + "\n"


def read() -> Document:
    golden: Document = json.loads(FILE.read_text("utf-8"))
    return golden


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
    print(f"Wrote {FILE}.")
