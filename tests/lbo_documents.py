"""A buyout, as callers give it."""

from __future__ import annotations

from typing import Any


def bought(**changes: Any) -> dict[str, Any]:
    """A firm that stands still, bought at 8 times EBITDA for five years: round numbers."""
    document: dict[str, Any] = {
        "timing": {"closingDate": "2024-12-31", "years": 5},
        "operations": {
            "revenue": 1000.0,
            "revenueGrowth": {"level": 0.0},
            "ebitdaMargin": {"level": 0.2},
            "depreciation": {"level": 0.04},
            "capitalExpenditure": {"level": 0.04},
            "workingCapital": {"level": 0.1},
            "taxRate": {"level": 0.25},
        },
        "entry": {"ltmEbitda": 200.0, "evToEbitda": 8.0},
        "tranches": [
            {
                "name": "Term loan",
                "kind": "TERM_LOAN",
                "timesEbitda": 4.0,
                "fixedRate": 0.08,
                "tenor": 7,
            }
        ],
        "interest": "AVERAGE",
        "exit": {"evToEbitda": 8.0},
    }
    return document | changes
