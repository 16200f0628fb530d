"""What the inputs of a credit valuation are called."""

from __future__ import annotations

from typing import Final

from services.firm_labels import ASSUMPTIONS
from services.labels import Form, Label, Labels

CREDIT_LABELS: Final[Labels] = {
    "equityValue": Label("Equity value", Form.MONEY),
    "equityVolatility": Label("Equity volatility", Form.RATE),
    "debt": Label("Debt", Form.MONEY),
    "horizon": Label("Horizon, in years"),
    "riskFreeRate": Label("Risk-free rate", Form.RATE),
    "currency": Label("Currency"),
    **ASSUMPTIONS,
}
