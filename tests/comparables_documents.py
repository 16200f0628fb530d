"""A comparison, as callers give it."""

from __future__ import annotations

from typing import Any


def compared(**changes: Any) -> dict[str, Any]:
    """Medlar beside three orchards: a document with round numbers."""
    metrics = {"stated": {"ltm": {"revenue": 1000.0, "ebitda": 200.0, "netIncome": 80.0}}}
    peers = [
        {
            "name": name,
            "enterpriseValue": ev,
            "metrics": {"stated": {"ltm": {"revenue": 100.0, "ebitda": 20.0}}},
        }
        for name, ev in (("Plum", 160.0), ("Pear", 200.0), ("Quince", 260.0))
    ]
    document: dict[str, Any] = {
        "asOf": "2024-09-27",
        "subject": {
            "name": "Medlar",
            "metrics": metrics,
            "bridge": {"debt": 300.0, "cash": 100.0},
            "shares": {"diluted": 100.0},
        },
        "peers": peers,
        "multiples": [
            {"multiple": "EV_TO_EBITDA", "period": "LTM"},
            {"multiple": "EV_TO_REVENUE", "period": "LTM"},
        ],
        "marketPrice": 15.0,
    }
    return document | changes
