"""Rates of the capital market as a caller states them, where none are here of the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final

from engine.errors import InvalidInput, Problem
from services.currencies import check_stated
from services.derived_dcf import MarketRates
from store.market import Beta, CorporateTax, Rate

_BOUNDS: Final = {
    "risk_free_rate": (-0.05, 0.5),
    "equity_risk_premium": (0.0, 0.5),
    "tax_rate": (0.0, 0.9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRates:
    """What a caller says of the market of the valuation's currency."""

    risk_free_rate: float  # 1/year, in the currency
    equity_risk_premium: float  # 1/year
    tax_rate: float  # of companies, on one more unit of profit
    as_of: date
    source: str

    def check(self, on: date) -> None:
        """
        Raises:
            InvalidInput: for rates that cannot be, or that were not known on the day.
        """
        problems: list[Problem] = []
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not (isfinite(value) and low <= value <= high):
                message = f"{value:g} is not from {low:g} to {high:g}."
                rule = "A rate is a fraction: 0.045 for 4.5 %."
                problems.append(Problem(f"market.{name}", "OUT_OF_RANGE", message, rule))
        check_stated("market", self.as_of, self.source, on, problems)
        if problems:
            raise InvalidInput.of(problems)


class StatedMarket:
    """The stated rates, whatever the currency; betas are those that are here."""

    def __init__(self, rates: StatedRates, here: MarketRates) -> None:
        self._rates, self._here = rates, here

    def risk_free_rate(self, currency: str, on: date) -> Rate | None:  # noqa: ARG002 - as stated
        """As stated."""
        return self._rate("risk-free rate", self._rates.risk_free_rate)

    def equity_risk_premium(self, currency: str, on: date) -> Rate | None:  # noqa: ARG002 - as stated
        """As stated."""
        return self._rate("equity risk premium", self._rates.equity_risk_premium)

    def corporate_tax(self, currency: str, on: date) -> CorporateTax | None:  # noqa: ARG002 - as stated
        """As stated, of one level of the state alone."""
        return CorporateTax(
            country="the company's country, as stated",
            federal=self._rates.tax_rate,
            state=0.0,
            in_force_since=min(self._rates.as_of, on),
            source=self._rates.source,
        )

    def beta(self, ticker: str, on: date) -> Beta | None:
        """From the price histories that are here."""
        return self._here.beta(ticker, on)

    def _rate(self, name: str, value: float) -> Rate:
        rates = self._rates
        return Rate(name=name, value=value, as_of=rates.as_of, source=rates.source, stated=True)
