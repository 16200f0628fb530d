"""What a merger's inputs are called."""

from __future__ import annotations

from typing import Final

from services.firm_labels import ASSUMPTIONS, SHARES
from services.labels import Form, Label, Labels

_RATE, _MONEY, _PRICE = Form.RATE, Form.MONEY, Form.PRICE


def _party(at: str) -> Labels:
    """One of the two firms; which one begins the words."""
    whose = f"{at.capitalize()}'s"
    own = {
        "name": Label("Name"),
        "sharePrice": Label("Share price", _PRICE),
        **SHARES,
        "statements.revenue": Label("Revenue", _MONEY),
        "statements.ebitda": Label("EBITDA", _MONEY),
        "statements.depreciation": Label("Depreciation", _MONEY),
        "statements.interest": Label("Net interest", _MONEY),
        "statements.taxRate": Label("Tax rate", _RATE),
        "statements.capitalExpenditure": Label("Capital expenditure", _MONEY),
        "statements.increaseInWorkingCapital": Label("Increase in working capital", _MONEY),
        "balance.cash": Label("Cash", _MONEY),
        "balance.workingCapital": Label("Working capital", _MONEY),
        "balance.fixedAssets": Label("Fixed assets", _MONEY),
        "balance.goodwill": Label("Goodwill", _MONEY),
        "balance.intangibles": Label("Intangible assets", _MONEY),
        "balance.otherAssets": Label("Other assets", _MONEY),
        "balance.debt": Label("Debt", _MONEY),
        "balance.deferredTaxLiability": Label("Deferred tax liability", _MONEY),
        "balance.otherLiabilities": Label("Other liabilities", _MONEY),
    }
    return {
        f"{at}.{path}": Label(f"{whose} {_within(label.words)}", label.form)
        for path, label in own.items()
    }


def _within(words: str) -> str:
    """Words that no longer begin a line; EBITDA stays EBITDA."""
    return words if words[:2].isupper() else words[0].lower() + words[1:]


MERGER_LABELS: Final[Labels] = {
    "timing.closingDate": Label("Closing date"),
    "timing.years": Label("Years of forecast"),
    "timing.fiscalYearEnd": Label("End of fiscal year 1"),
    "timing.targetFiscalYearEnd": Label("End of the target's fiscal year 1"),
    **_party("acquirer"),
    **_party("target"),
    "offer.price": Label("Offer price", _PRICE),
    "offer.premium": Label("Offer premium", _RATE),
    "offer.exchangeRatio": Label("Exchange ratio"),
    "offer.exchangeRatio.fixed": Label("Fixed ratio"),
    "offer.exchangeRatio.fixed.ratio": Label("Shares for a share"),
    "offer.exchangeRatio.floating": Label("Floating ratio"),
    "offer.exchangeRatio.floating.value": Label("Value in shares for a share", _PRICE),
    "offer.exchangeRatio.collar": Label("Collar"),
    "offer.exchangeRatio.collar.ratio": Label("Collar's shares for a share"),
    "offer.exchangeRatio.collar.lowPrice": Label("Collar's lowest price", _PRICE),
    "offer.exchangeRatio.collar.highPrice": Label("Collar's highest price", _PRICE),
    "offer.exchangeRatio.collar.referencePrice": Label("Collar's reference price", _PRICE),
    "offer.exchangeRatio.collar.fixes": Label("Collar fixes", Form.CHOICE),
    "offer.cashPerShare": Label("Cash beside the exchange ratio", _PRICE),
    "financing.stockShare": Label("Share of the price in stock", _RATE),
    "financing.balanceSheetCash": Label("Cash to be used", _MONEY),
    "financing.lostYield": Label("Lost yield on cash", _RATE),
    "financing.newDebt": Label("New debt"),
    "financing.newDebt.rate": Label("Rate of the new debt", _RATE),
    "financing.newDebt.fee": Label("Fee of the new debt", _RATE),
    "financing.newDebt.tenor": Label("Tenor of the new debt"),
    "financing.newDebt.amortisation": Label("Amortisation of the new debt", _RATE),
    "financing.refinanced": Label("Share of the target's debt refinanced", _RATE),
    "financing.targetDebtRate": Label("Rate of the target's debt", _RATE),
    "wacc": Label("WACC", _RATE),
    "fees": Label("Fees"),
    "fees.advisory": Label("Advisory fees", _MONEY),
    "allocation": Label("Price allocation"),
    "allocation.structure": Label("Deal structure", Form.CHOICE),
    "allocation.intangibles": Label("Intangible assets written up"),
    "allocation.intangibles[].amount": Label("Write-up of intangible asset {}", _MONEY),
    "allocation.intangibles[].life": Label("Life of intangible asset {}"),
    "allocation.fixedAssetStepUp": Label("Step-up of fixed assets"),
    "allocation.fixedAssetStepUp.amount": Label("Amount of the fixed-asset step-up", _MONEY),
    "allocation.fixedAssetStepUp.life": Label("Life of the fixed-asset step-up"),
    "allocation.inventoryStepUp": Label("Step-up of inventory", _MONEY),
    "allocation.goodwillTaxLife": Label("Tax life of goodwill"),
    "synergies": Label("Synergies"),
    "synergies.cost": Label("Cost synergies", _MONEY),
    "synergies.revenue": Label("Revenue synergies", _MONEY),
    "synergies.flowThrough": Label("Profit share of revenue synergies", _RATE),
    "synergies.phaseIn": Label("Phase-in of synergies", _RATE),
    "synergies.costsToAchieve": Label("Costs to achieve synergies", _MONEY),
    "synergies.growth": Label("Growth of synergies after the forecast", _RATE),
    "earnOut": Label("Earn-out"),
    "earnOut.amount": Label("Amount of the earn-out", _MONEY),
    "earnOut.year": Label("Year of the earn-out"),
    "earnOut.probability": Label("Probability of the earn-out", _RATE),
    "earnOut.discountRate": Label("Discount rate of the earn-out", _RATE),
    "currency": Label("Currency"),
    **ASSUMPTIONS,
}
