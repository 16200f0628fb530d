"""What a DCF's inputs are called."""

from __future__ import annotations

from typing import Final

from services.firm_labels import ASSUMPTIONS, BRIDGE, OPERATIONS, SHARES
from services.labels import Form, Label, Labels

_RATE = Form.RATE

_OF_THE_FIRM: Final[Labels] = {
    "timing.valuationDate": Label("Valuation date"),
    "timing.years": Label("Years of forecast"),
    "timing.flows": Label("Timing of flows", Form.CHOICE),
    "timing.fiscalYearEnd": Label("End of fiscal year 1"),
    "operations": Label("Operations"),
    **OPERATIONS,
    "capital": Label("Cost of capital"),
    "capital.wacc": Label("WACC", _RATE),
    "capital.capm": Label("CAPM"),
    "capital.capm.riskFreeRate": Label("Risk-free rate", _RATE),
    "capital.capm.equityRiskPremium": Label("Equity risk premium", _RATE),
    "capital.capm.beta": Label("Beta"),
    "capital.capm.comparables": Label("Comparable firms"),
    "capital.capm.comparables.peers": Label("Comparable firms"),
    "capital.capm.comparables.peers[].name": Label("Name of comparable {}"),
    "capital.capm.comparables.peers[].beta": Label("Beta of comparable {}"),
    "capital.capm.comparables.peers[].debtToEquity": Label("Debt to equity of comparable {}"),
    "capital.capm.comparables.peers[].taxRate": Label("Tax rate of comparable {}", _RATE),
    "capital.capm.comparables.unlevering": Label("Unlevering of betas", Form.CHOICE),
    "capital.capm.comparables.blume": Label("Blume's adjustment"),
    "capital.capm.preTaxCostOfDebt": Label("Pre-tax cost of debt", _RATE),
    "capital.capm.debtWeight": Label("Debt weight", _RATE),
    "capital.capm.taxRate": Label("Tax rate on interest", _RATE),
    "capital.capm.countryPremium": Label("Country premium", _RATE),
    "capital.capm.sizePremium": Label("Size premium", _RATE),
    "capital.capm.specificPremium": Label("Specific premium", _RATE),
    "capital.capm.taxShields": Label("Discounting of tax shields", Form.CHOICE),
    "terminal": Label("Terminal value"),
    "terminal.gordon": Label("Gordon growth"),
    "terminal.gordon.growth": Label("Terminal growth", _RATE),
    "terminal.gordon.discounting": Label("Terminal discounting", Form.CHOICE),
    "terminal.gordon.normalised": Label("Normalised year"),
    "terminal.gordon.normalised.depreciation": Label("Normal depreciation", _RATE),
    "terminal.gordon.normalised.capitalExpenditure": Label("Normal capital expenditure", _RATE),
    "terminal.hModel": Label("H-model"),
    "terminal.hModel.initialGrowth": Label("Growth after the forecast", _RATE),
    "terminal.hModel.growth": Label("Terminal growth", _RATE),
    "terminal.hModel.halfLife": Label("Half of the years of fading"),
    "terminal.hModel.discounting": Label("Terminal discounting", Form.CHOICE),
    "terminal.exitMultiple": Label("Exit multiple"),
    "terminal.exitMultiple.evToEbitda": Label("Terminal EV/EBITDA", Form.MULTIPLE),
    "terminal.valueDriver": Label("Value driver"),
    "terminal.valueDriver.growth": Label("Terminal growth", _RATE),
    "terminal.valueDriver.returnOnNewCapital": Label("Return on new capital", _RATE),
    "terminal.valueDriver.discounting": Label("Terminal discounting", Form.CHOICE),
    **BRIDGE,
    **SHARES,
    "currency": Label("Currency"),
    "marketPrice": Label("Market price", Form.PRICE),
    **ASSUMPTIONS,
    "failure": Label("Failure"),
    "failure.probability": Label("Probability of failure", _RATE),
    "failure.recovery": Label("Recovery in failure", _RATE),
}


def _of_a_segment(label: Label) -> Label:
    """The segment's number comes last in the words, and first in the path."""
    words = label.words.replace("{}", "{1}")
    return Label(f"{words}, segment {{0}}", label.form)


DCF_LABELS: Final[Labels] = {
    **_OF_THE_FIRM,
    "segments": Label("Segments"),
    "segments[].name": Label("Name, segment {}"),
    **{
        f"segments[].{path}": _of_a_segment(label)
        for path, label in _OF_THE_FIRM.items()
        if path.startswith(("operations.", "capital", "terminal"))
    },
}
