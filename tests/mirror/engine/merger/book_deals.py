"""Mergers of the textbooks as documents, and what the books say of them.

A book that speaks of earnings alone has no tax here, and its profit is its EBITDA. Where it names
no balance sheet the target has next to nothing on it: no number of the book depends on that.
"""

from __future__ import annotations

from typing import Any, Final

Document = dict[str, Any]

WACC: Final = 0.10


def party(name: str, price: float, shares: float, earnings: float = 0.0) -> Document:
    return {
        "name": name,
        "sharePrice": price,
        "shares": {"diluted": shares},
        "statements": {
            "revenue": {"level": 10.0 * earnings or 1.0},
            "ebitda": {"level": earnings},
            "depreciation": {"level": 0.0},
            "interest": {"level": 0.0},
            "taxRate": {"level": 0.0},
        },
        "balance": {"cash": 0.0, "fixedAssets": 0.01 * price * shares},
    }


def in_stock(acquirer: Document, target: Document, **offer: Any) -> Document:
    """Shares for shares; without a word on the offer at the target's price."""
    in_shares = {} if "exchangeRatio" in offer else {"stockShare": 1.0}
    return {
        "currency": "USD",
        "timing": {"closingDate": "2024-12-31", "years": 1},
        "acquirer": acquirer,
        "target": target,
        "offer": offer or {"premium": 0.0},
        "financing": in_shares,
        "wacc": WACC,
    }


def worth(synergies: float) -> Document:
    """Synergies of the first year that are worth so much on the day of the closing."""
    return {"cost": {"level": synergies * (1.0 + WACC)}}


# Brealey, Myers and Allen, Principles of Corporate Finance, ch. 31, “the bootstrap game”: World
# Enterprises gives 50,000 shares for Muck and Slurry, and earns 2.67 a share instead of 2.00.
WORLD_ENTERPRISES: Final = in_stock(
    party("World Enterprises", 40.0, 100_000.0, 200_000.0),
    party("Muck and Slurry", 20.0, 100_000.0, 200_000.0),
)
# Ross, Westerfield and Jaffe, Corporate Finance, on mergers, “earnings growth”: Global Resources
# gives 40 shares for Regional Enterprises, and earns 1.43 a share instead of 1.00.
GLOBAL_RESOURCES: Final = in_stock(
    party("Global Resources", 25.0, 100.0, 100.0), party("Regional Enterprises", 10.0, 100.0, 100.0)
)
# Berk and DeMarzo, Corporate Finance, ch. 28, example “mergers and earnings per share”: NewWorld
# gives 600,000 shares for OldWorld, and earns 6.25 a share instead of 5.
NEW_WORLD: Final = in_stock(party("NewWorld", 100.0, 1e6, 5e6), party("OldWorld", 60.0, 1e6, 5e6))
# Berk and DeMarzo, ch. 28, the problem on TargetCo: 3.69 a share without a premium, 3.43 with 20 %.
TARGET_CO: Final = in_stock(party("Yours", 40.0, 1e6, 4e6), party("TargetCo", 25.0, 1e6, 2e6))

# Shares issued, EPS before, EPS after.
EARNINGS: Final[list[tuple[Document, float, float, float]]] = [
    (WORLD_ENTERPRISES, 50_000.0, 2.00, 2.67),
    (GLOBAL_RESOURCES, 40.0, 1.00, 1.43),
    (NEW_WORLD, 600_000.0, 5.00, 6.25),
    (TARGET_CO, 625_000.0, 4.00, 3.69),
    ({**TARGET_CO, "offer": {"premium": 0.2}}, 750_000.0, 4.00, 3.43),
]

# Brealey, Myers and Allen, ch. 31, on the cost of a merger: A is worth 200 million and B 50, and
# they gain 25 together. B's owners get 65, in cash or in 325,000 shares of A at 200 each.
_A, _B = party("A", 200.0, 1e6, 20e6), party("B", 50.0, 1e6, 5e6)
_A["balance"]["cash"] = 65e6
IN_SHARES: Final = in_stock(_A, _B, price=65.0) | {"synergies": worth(25e6)}
IN_CASH: Final = IN_SHARES | {"financing": {"stockShare": 0.0, "balanceSheetCash": 65e6}}

# Berk and DeMarzo, ch. 28, example “maximum exchange ratio in a stock takeover”: Sprint at 25
# dollars, 1.48 billion shares; Nextel at 30, worth 34 billion; synergies of 12 billion. The most
# that Sprint can give is 1.624 shares, or 40.59 dollars.
SPRINT_NEXTEL: Final = in_stock(
    party("Sprint", 25.0, 1.48e9, 2e9), party("Nextel", 30.0, 34e9 / 30.0, 2e9)
) | {"synergies": worth(12e9)}

# Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 7: BuyerCo at 70 dollars offers 58.73 for
# each share of ValueCo at 43.50, 4,700 million in all, half of it in shares. It borrows 3,700,
# uses 300 of cash, repays ValueCo's 1,500, and pays 60 of fees and premiums beside 90 to its
# lenders. ValueCo's equity of 3,500 has 1,000 of goodwill; 15 % of what is paid above the rest are
# tangible assets and 10 % intangible ones, at a tax of 38 %: goodwill of 1,859.
BUYER_CO: Final[Document] = {
    "currency": "USD",
    "timing": {"closingDate": "2012-12-31", "years": 1},
    "acquirer": party("BuyerCo", 70.0, 140.0, 1409.6),
    "target": party("ValueCo", 43.5, 4700.0 / 58.73, 556.9)
    | {"balance": {"cash": 250.0, "goodwill": 1000.0, "otherAssets": 3750.0, "debt": 1500.0}},
    "offer": {"price": 58.73},
    "financing": {
        "stockShare": 0.5,
        "balanceSheetCash": 300.0,
        "newDebt": {"rate": 0.06, "fee": 90.0 / 3700.0, "tenor": 7.0},
    },
    "fees": {"advisory": 60.0},
    "allocation": {
        "intangibles": [{"amount": 220.0, "life": 15.0}],
        "fixedAssetStepUp": {"amount": 330.0, "life": 15.0},
    },
    "wacc": WACC,
}
BUYER_CO["acquirer"]["balance"]["cash"] = 300.0
for _party in ("acquirer", "target"):
    BUYER_CO[_party]["statements"]["taxRate"] = {"level": 0.38}
