"""A company as a tenant brings it: easy to reckon with by hand, and changes to it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

Document = dict[str, Any]

# In millions, on a day for which rates are shipped. EBIT margin 20 %, tax 25 %, D&A 5 %, capital
# expenditure 6 % of revenue; 100 m shares.
ACME: Final[Document] = {
    "ticker": "ACME",
    "name": "Acme Corporation",
    "currency": "USD",
    "unit": "MILLIONS",
    "source": "Annual report 2024, p. 61",
    "years": [
        {
            "fiscalYear": year,
            "revenue": revenue,
            "operatingIncome": 0.2 * revenue,
            "pretaxIncome": 0.2 * revenue,
            "incomeTax": 0.05 * revenue,
            "netIncome": 0.15 * revenue,
            "depreciationAmortization": 0.05 * revenue,
            "capitalExpenditure": 0.06 * revenue,
        }
        for year, revenue in ((2022, 900.0), (2023, 950.0), (2024, 1000.0))
    ],
    "balanceSheets": [
        {
            "asOf": "2024-12-31",
            "cashAndEquivalents": 50.0,
            "debtNoncurrent": 200.0,
            "dilutedShares": 100.0,
        }
    ],
    "prices": [{"date": "2024-12-31", "close": 18.0, "source": "The exchange"}],
}


def acme(**changes: Any) -> Document:
    """The company with other values for some of its fields."""
    return deepcopy({**ACME, **changes})


def with_year(year: int, **changes: Any) -> Document:
    """The company with other lines in one of its years."""
    document = acme()
    (found,) = (each for each in document["years"] if each["fiscalYear"] == year)
    found.update(changes)
    return document


def with_sheet(**changes: Any) -> Document:
    """The company with other lines in its balance sheet."""
    document = acme()
    document["balanceSheets"][0].update(changes)
    return document
