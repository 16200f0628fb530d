"""A merger, as callers give it."""

from __future__ import annotations

from typing import Any


def merged(**changes: Any) -> dict[str, Any]:
    """A firm buys one of a fifth of its size, half in shares and half in debt: round numbers."""
    document: dict[str, Any] = {
        "timing": {"closingDate": "2024-12-31", "years": 3},
        "acquirer": {
            "name": "Elm",
            "sharePrice": 50.0,
            "shares": {"diluted": 100.0},
            "statements": {
                "revenue": {"level": 4000.0},
                "ebitda": {"level": 800.0},
                "depreciation": {"level": 200.0},
                "interest": {"level": 100.0},
                "taxRate": {"level": 0.25},
            },
            "balance": {"cash": 300.0, "fixedAssets": 3000.0, "debt": 1500.0},
        },
        "target": {
            "name": "Fir",
            "sharePrice": 20.0,
            "shares": {"diluted": 40.0},
            "statements": {
                "revenue": {"level": 1000.0},
                "ebitda": {"level": 180.0},
                "depreciation": {"level": 40.0},
                "interest": {"level": 20.0},
                "taxRate": {"level": 0.25},
            },
            "balance": {"cash": 50.0, "fixedAssets": 700.0, "debt": 300.0},
        },
        "offer": {"premium": 0.25},
        "financing": {"stockShare": 0.5, "newDebt": {"rate": 0.06, "tenor": 7.0}},
        "wacc": 0.09,
        "synergies": {"cost": {"level": 40.0}},
    }
    return document | changes
