"""Firms whose shares are a call on their assets."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from engine.credit import CreditInputs
from tests.mirror.engine.firms import numbers


def firm(**changes: Any) -> CreditInputs:
    """The firm of Hull's example."""
    plain: dict[str, Any] = {
        "equity_value": 3.0,
        "equity_volatility": 0.8,
        "debt": 10.0,
        "horizon": 1.0,
        "risk_free_rate": 0.05,
    }
    return CreditInputs(**(plain | changes))


def firms() -> st.SearchStrategy[CreditInputs]:
    """From firms that owe a hundred times what their shares are worth to those that owe a tenth."""
    return st.builds(
        CreditInputs,
        equity_value=numbers(1.0, 1_000.0),
        equity_volatility=numbers(0.05, 2.0),
        debt=numbers(10.0, 100.0),
        horizon=numbers(0.1, 10.0),
        risk_free_rate=numbers(-0.02, 0.12),
    )
