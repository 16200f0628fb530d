"""What the inputs of a firm are called, whatever kind of valuation asks for them."""

from __future__ import annotations

from typing import Final

from services.labels import Form, Label, Labels

_RATE, _MONEY = Form.RATE, Form.MONEY

OPERATIONS: Final[Labels] = {
    "operations.revenue": Label("Base revenue", _MONEY),
    "operations.revenueGrowth": Label("Revenue growth", _RATE),
    "operations.taxRate": Label("Tax rate", _RATE),
    "operations.depreciation": Label("Depreciation, share of revenue", _RATE),
    "operations.capitalExpenditure": Label("Capital expenditure, share of revenue", _RATE),
    "operations.workingCapital": Label("Working capital, share of revenue", _RATE),
    "operations.workingCapitalDays": Label("Working capital by days"),
    "operations.workingCapitalDays.receivables": Label("Days of receivables"),
    "operations.workingCapitalDays.inventories": Label("Days of inventories"),
    "operations.workingCapitalDays.payables": Label("Days of payables"),
    "operations.workingCapitalDays.costOfSales": Label("Cost of sales, share of revenue", _RATE),
    "operations.ebitMargin": Label("EBIT margin", _RATE),
    "operations.ebitdaMargin": Label("EBITDA margin", _RATE),
    "operations.openingWorkingCapital": Label("Opening working capital", _MONEY),
    "operations.stockCompensation": Label("Stock compensation, share of revenue", _RATE),
    "operations.stockCompensationTreatment": Label("Stock compensation counts as", Form.CHOICE),
    "operations.openingFixedAssets": Label("Opening fixed assets", _MONEY),
    "operations.losses": Label("Losses carried forward"),
    "operations.losses.balance": Label("Balance of losses", _MONEY),
    "operations.losses.limitShare": Label("Most of a year's EBIT that losses offset", _RATE),
    "operations.losses.limitAmount": Label("Most losses that are used in a year", _MONEY),
}
BRIDGE: Final[Labels] = {
    "bridge.debt": Label("Debt", _MONEY),
    "bridge.cash": Label("Cash", _MONEY),
    "bridge.leases": Label("Leases", _MONEY),
    "bridge.preferredStock": Label("Preferred stock", _MONEY),
    "bridge.minorityInterests": Label("Minority interests", _MONEY),
    "bridge.pensionsAfterTax": Label("Pensions after tax", _MONEY),
    "bridge.associates": Label("Associates", _MONEY),
}
SHARES: Final[Labels] = {
    "shares.diluted": Label("Diluted shares"),
    "shares.basic": Label("Basic shares"),
    "shares.restrictedStock": Label("Restricted stock"),
    "shares.options": Label("Options"),
    "shares.options[].count": Label("Number of options, tranche {}"),
    "shares.options[].strike": Label("Strike of options, tranche {}", Form.PRICE),
    "shares.convertibles": Label("Convertibles"),
    "shares.convertibles[].faceValue": Label("Face value, convertible {}", _MONEY),
    "shares.convertibles[].conversionPrice": Label("Conversion price, convertible {}", Form.PRICE),
}
ASSUMPTIONS: Final[Labels] = {
    "assumptions": Label("Assumptions"),
    "assumptions[].path": Label("Assumption {}, what it is of"),
    "assumptions[].source": Label("Assumption {}, source"),
    "assumptions[].asOf": Label("Assumption {}, day"),
    "assumptions[].author": Label("Assumption {}, author"),
    "assumptions[].note": Label("Assumption {}, note"),
}
