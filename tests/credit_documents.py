"""A firm whose debt is valued, as callers give it."""

from __future__ import annotations

from typing import Any


def indebted(**changes: Any) -> dict[str, Any]:
    """The firm of Hull, Options, Futures, and Other Derivatives, 9th ed., ch. 24."""
    document: dict[str, Any] = {
        "equityValue": 3.0,
        "equityVolatility": 0.8,
        "debt": 10.0,
        "horizon": 1.0,
        "riskFreeRate": 0.05,
    }
    return document | changes
