"""What a DCF's inputs are called."""

from __future__ import annotations

from typing import Final

from services.labels import Form, Label, Labels

_RATE, _MONEY = Form.RATE, Form.MONEY

DCF_LABELS: Final[Labels] = {
    "timing.valuationDate": Label("Valuation date"),
    "timing.years": Label("Years of forecast"),
    "timing.flows": Label("Timing of flows", Form.CHOICE),
    "operations.revenue": Label("Base revenue", _MONEY),
    "operations.revenueGrowth": Label("Revenue growth", _RATE),
    "operations.taxRate": Label("Tax rate", _RATE),
    "operations.depreciation": Label("Depreciation, share of revenue", _RATE),
    "operations.capitalExpenditure": Label("Capital expenditure, share of revenue", _RATE),
    "operations.workingCapital": Label("Working capital, share of revenue", _RATE),
    "operations.ebitMargin": Label("EBIT margin", _RATE),
    "operations.ebitdaMargin": Label("EBITDA margin", _RATE),
    "operations.openingWorkingCapital": Label("Opening working capital", _MONEY),
    "capital": Label("Cost of capital"),
    "capital.wacc": Label("WACC", _RATE),
    "capital.capm": Label("CAPM"),
    "capital.capm.riskFreeRate": Label("Risk-free rate", _RATE),
    "capital.capm.equityRiskPremium": Label("Equity risk premium", _RATE),
    "capital.capm.beta": Label("Beta"),
    "capital.capm.preTaxCostOfDebt": Label("Pre-tax cost of debt", _RATE),
    "capital.capm.debtWeight": Label("Debt weight", _RATE),
    "capital.capm.taxRate": Label("Tax rate on interest", _RATE),
    "terminal": Label("Terminal value"),
    "terminal.gordon": Label("Gordon growth"),
    "terminal.gordon.growth": Label("Terminal growth", _RATE),
    "terminal.gordon.discounting": Label("Terminal discounting", Form.CHOICE),
    "terminal.exitMultiple": Label("Exit multiple"),
    "terminal.exitMultiple.evToEbitda": Label("Terminal EV/EBITDA", Form.MULTIPLE),
    "terminal.valueDriver": Label("Value driver"),
    "terminal.valueDriver.growth": Label("Terminal growth", _RATE),
    "terminal.valueDriver.returnOnNewCapital": Label("Return on new capital", _RATE),
    "terminal.valueDriver.discounting": Label("Terminal discounting", Form.CHOICE),
    "bridge.debt": Label("Debt", _MONEY),
    "bridge.cash": Label("Cash", _MONEY),
    "bridge.leases": Label("Leases", _MONEY),
    "bridge.preferredStock": Label("Preferred stock", _MONEY),
    "bridge.minorityInterests": Label("Minority interests", _MONEY),
    "bridge.pensionsAfterTax": Label("Pensions after tax", _MONEY),
    "bridge.associates": Label("Associates", _MONEY),
    "shares.diluted": Label("Diluted shares"),
    "currency": Label("Currency"),
    "marketPrice": Label("Market price", Form.PRICE),
}
