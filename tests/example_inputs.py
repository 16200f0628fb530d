"""The inputs among the examples, each with its kind. A new file is there by its name alone."""

from __future__ import annotations

import json
from typing import Any, Final

from services.kinds import DCF, KINDS, Document, Kind
from tests.pages import EXAMPLES

# Inputs whose names say something else than a kind, and files that are no inputs.
NAMED_OTHERWISE: Final = {"apple.json": DCF, "comparables.json": DCF}
NO_INPUTS: Final = {
    "analyses.json",
    "deals.json",
    "simulation.json",
    "trusted-documents.json",
    "value_apple.json",
    "value_apple_request.json",
}


def example_inputs() -> dict[str, tuple[Kind[Any, Any], Document]]:
    """Kind and document of every example of inputs, by its file's name: `lbo_….json` is an LBO."""
    found = {}
    for file in sorted(EXAMPLES.glob("*.json")):
        if file.name not in NO_INPUTS:
            beginning = file.name.partition("_")[0].upper()
            kind = NAMED_OTHERWISE.get(file.name) or KINDS[beginning]
            found[file.name] = (kind, json.loads(file.read_text("utf-8")))
    return found
