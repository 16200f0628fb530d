"""Numbers that must stay: examples and analyses of every kind, simulations, each with its hash.

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

from engine.paths import Names, value_at
from engine.provenance import surroundings
from engine.scenarios import Axis, gradient, sensitivity
from engine.simulation import Normal, Sampling, Shock, SimulationSpec, Uniform, draw_values
from services.kinds import DCF, KINDS, Kind, Output
from services.simulations import question_of
from services.valuations import canonical
from tests.dcf_documents import firm
from tests.example_inputs import example_inputs

FILE: Final = Path(__file__).parent / "contract" / "golden.json"

TRIALS: Final = 40_000
SHOCKS: Final = (
    Shock("operations.revenue_growth", Normal(0.02), every_year=True),
    Shock("capital.wacc", Uniform(-0.01, 0.01)),
)
LEVELS: Final = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)
# Of each kind an example, and two of its numbers: they span a grid, and are drawn.
ANALYSED: Final = {
    "DCF": ("dcf_dilution.json", "bridge.debt", "terminal.gordon.growth"),
    "LBO": ("lbo_average_interest.json", "entry.ev_to_ebitda", "exit.ev_to_ebitda"),
    "MERGER": ("merger_mixed.json", "offer.price", "financing.stock_share"),
    "COMPARABLES": ("comparables_trading.json", "subject.bridge.debt", "peers[0].share_price"),
    "CREDIT": ("credit_leveraged_firm.json", "equity_value", "equity_volatility"),
}

Document = dict[str, Any]


def examples() -> dict[str, tuple[Kind[Any, Any], Document]]:
    """The inputs among the examples, by their files' names, and the firm of the tests."""
    return {"the firm of the tests": (DCF, firm(marketPrice=12.0)), **example_inputs()}


def valuation(kind: Kind[Any, Any], document: Document) -> Document:
    """What comes out, and its hash."""
    text = canonical(kind.result_document(kind.value(kind.inputs_of(document))))
    return {"hash": hashlib.sha256(text).hexdigest(), "result": json.loads(text)}


def analyses(name: str) -> Document:
    """A grid, every slope and a few drawn values of a kind, and the hash of all three."""
    file, *paths = ANALYSED[name]
    kind, document = example_inputs()[file]
    question = kind.question(kind.inputs_of(document), kind.outputs[0], None)
    rows, columns = ((path, value_at(Names(question.inputs), path)) for path in paths)
    around = np.linspace(0.9, 1.1, 5)
    shocks = tuple(Shock(path, Normal(0.02 * own)) for path, own in (rows, columns))
    drawn = draw_values(question, SimulationSpec(trials=1_024, seed=1, shocks=shocks))
    grid = sensitivity(
        question, Axis(rows[0], rows[1] * around), Axis(columns[0], columns[1] * around)
    )
    text = canonical(
        {"grid": grid.tolist(), "gradient": gradient(question), "drawn": drawn[:64].tolist()}
    )
    bits = text + drawn.tobytes()
    return {"hash": hashlib.sha256(bits).hexdigest(), "result": json.loads(text)}


def simulation(sampling: Sampling) -> Document:
    """The hash of every trial's value, and a few of them."""
    spec = SimulationSpec(trials=TRIALS, seed=1, shocks=SHOCKS, sampling=sampling)
    values = draw_values(question_of("DCF", firm(), Output.VALUE_PER_SHARE), spec)
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
        "analyses": {name: analyses(name) for name in KINDS},
        "valuations": {name: valuation(*example) for name, example in examples().items()},
    }
    return json.dumps(golden, indent=1) + "\n"


def read() -> Document:
    golden: Document = json.loads(FILE.read_text("utf-8"))
    return golden


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
    print(f"Wrote {FILE}.")
