"""The bounds of the door, by the engine's names.

Written out again on purpose: a bound that moves without a decision turns tests red.
"""

from __future__ import annotations

SCHEDULES = {
    "revenue_growth": (-0.99, 10.0),
    "tax_rate": (0.0, 0.9),
    "depreciation": (0.0, 2.0),
    "capital_expenditure": (-1.0, 5.0),
    "working_capital": (-5.0, 5.0),
    "ebit_margin": (-5.0, 1.0),
    "ebitda_margin": (-5.0, 1.0),
}
DAYS = {
    "receivables": (0.0, 3_650.0),
    "inventories": (0.0, 3_650.0),
    "payables": (0.0, 3_650.0),
    "cost_of_sales": (0.0, 5.0),
}
CAPM = {
    "risk_free_rate": (-0.05, 1.0),
    "equity_risk_premium": (0.0, 0.5),
    "beta": (-1.0, 5.0),
    "pre_tax_cost_of_debt": (-0.05, 1.0),
    "debt_weight": (0.0, 1.0),
    "tax_rate": (0.0, 0.9),
}
PREMIA = {
    "country_premium": (-0.1, 0.5),
    "size_premium": (-0.1, 0.5),
    "specific_premium": (-0.1, 0.5),
}
PEER = {"beta": (-1.0, 5.0), "debt_to_equity": (0.0, 20.0), "tax_rate": (0.0, 0.9)}
BRIDGE = (
    "debt",
    "cash",
    "leases",
    "preferred_stock",
    "minority_interests",
    "pensions_after_tax",
    "associates",
)
