"""ValueCo, the buyout that a textbook takes through every step, as a document.

Rosenbaum and Pearl, Investment Banking, 1st ed. (2009), ch. 5. In millions of dollars. It closes at
the end of 2008; its EBITDA of the twelve months to September 2008 is printed as 146.7, of which 7.5
times are 1,100. What the document says in other words than the book:

- The enterprise value of 1,100 is the equity price of 825 and 300 of debt that is repaid, less the
  cash of 25 that goes into the deal: here a purchase free of cash and debt.
- The agent's fee of 0.15 a year is part of the undrawn fee: 0.65 % of 100 that nobody draws.
- The fee for committing to a bridge (1 % of 300) and 0.6 of other fees are with the notes' 2.25 %,
  and are written off with them (p. 213 has the fees; the tenors are six, seven and ten years).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

LTM_EBITDA: Final = 1100.0 / 7.5
MULTIPLES: Final = [6.5, 6.75, 7.0, 7.25, 7.5, 7.75, 8.0]

# Exhibit 5.42, p. 235: IRR in percent for an exit at the end of 2013, by entry and exit multiple.
BY_ENTRY_AND_EXIT: Final = {
    6.5: [26.6, 28.1, 29.5, 30.9, 32.2, 33.5, 34.7],
    6.75: [23.0, 24.5, 25.9, 27.2, 28.5, 29.7, 30.9],
    7.0: [19.9, 21.4, 22.7, 24.1, 25.3, 26.5, 27.7],
    7.25: [17.3, 18.7, 20.0, 21.3, 22.6, 23.7, 24.9],
    7.5: [15.0, 16.4, 17.7, 18.9, 20.1, 21.3, 22.4],
    7.75: [12.9, 14.3, 15.5, 16.8, 18.0, 19.1, 20.2],
    8.0: [11.0, 12.4, 13.6, 14.8, 16.0, 17.1, 18.2],
}
# The same exhibit: enterprise value, and the sponsor's share of all sources in percent.
ENTERPRISE_VALUES: Final = [953.3, 990.0, 1026.7, 1063.3, 1100.0, 1136.7, 1173.3]
CONTRIBUTIONS: Final = [23.5, 26.2, 28.7, 31.0, 33.2, 35.2, 37.2]
CASH_ON_HAND: Final = 25.0  # a source in the book
# Exhibit 5.43, p. 235: IRR in percent at the lowest multiple, for exits in 2011 to 2015.
AT_SIX_AND_A_HALF: Final = [13.7, 14.7, 15.0, 14.9, 14.8]

# The years 2009, 2010 and 2011 of the model behind the chapter.
PRINTED: Final = {
    "sales": [1080.0, 1144.8, 1190.6],
    "ebitda": [162.0, 171.7, 178.6],
    "cash interest": [58.5, 55.9, 52.7],
    "interest": [60.9, 58.4, 55.2],  # with what is written off of the financing fees
    "taxes": [30.2, 34.4, 37.9],
    "capex": [21.6, 22.9, 23.8],
    "increase in working capital": [8.0, 6.5, 4.6],
    "free cash flow": [43.7, 52.0, 59.6],
    "repaid so far": [43.7, 95.8, 155.4],
}


def valueco(**entry: float) -> dict[str, Any]:
    """The document; another price in ``entry``: ``evToEbitda`` or ``enterpriseValue``."""
    return {
        "currency": "USD",
        "timing": {"closingDate": "2008-12-31", "years": 7},
        "operations": {
            "revenue": 1000.0,
            "revenueGrowth": {"byYear": [0.08, 0.06, 0.04, 0.03, 0.03, 0.03, 0.03]},
            "ebitdaMargin": {"level": 0.15},
            "taxRate": {"level": 0.38},
            "depreciation": {"level": 0.02},
            "capitalExpenditure": {"level": 0.02},
            "workingCapital": {"level": 0.10},
        },
        "entry": {
            "ltmEbitda": LTM_EBITDA,
            "transactionFees": 15.0,
            **(entry or {"enterpriseValue": 1100.0}),
        },
        "tranches": [
            {
                "name": "Revolving credit facility",
                "kind": "REVOLVER",
                "amount": 0.0,
                "commitment": 100.0,
                "undrawnFee": 0.0065,
                "spread": 0.0325,
                "fee": 0.0175,
                "tenor": 6,
            },
            {
                "name": "Term loan B",
                "kind": "TERM_LOAN",
                "amount": 450.0,
                "spread": 0.035,
                "fee": 0.0175,
                "tenor": 7,
                "amortisation": {"level": 0.01},
            },
            {
                "name": "Senior subordinated notes",
                "kind": "NOTES",
                "amount": 300.0,
                "fixedRate": 0.10,
                "fee": 0.0225 + 0.01 + 0.6 / 300.0,
                "tenor": 10,
            },
        ],
        "baseRate": {"byYear": [0.03, 0.0315, 0.033, 0.036, 0.04, 0.0435, 0.048]},
        "cash": {},
        "interest": "AVERAGE",
        "equity": {},
        "exit": {"evToEbitda": 7.5, "year": 5},
    }


def as_printed(years: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """The lines that the book prints of some years, whichever witness tells them."""
    paid = [year["cashInterest"] + year["undrawnFee"] for year in years]
    flows = [year["cashBeforeRepayment"] for year in years]
    return {
        "sales": [year["revenue"] for year in years],
        "ebitda": [year["ebitda"] for year in years],
        "cash interest": paid,
        "interest": [each + year["amortisedCosts"] for each, year in zip(paid, years, strict=True)],
        "taxes": [year["tax"] for year in years],
        "capex": [year["capitalExpenditure"] for year in years],
        "increase in working capital": [year["increaseInWorkingCapital"] for year in years],
        "free cash flow": flows,
        "repaid so far": list(accumulate(flows)),
    }
