"""Companies: their filings, and a first valuation's inputs derived from them."""

from __future__ import annotations

from typing import Protocol

from services.assumptions import Assumption, DerivedInputs
from services.derived_dcf import MarketRates, derive_dcf
from services.errors import NotFound
from store.companies import Company

__all__ = ["Assumption", "CompanyService", "DerivedInputs", "MarketData", "MarketRates"]


class MarketData(Protocol):
    """Where companies come from: the shipped filings are one provider, a tenant's own another."""

    def all(self) -> tuple[Company, ...]: ...

    def find(self, ticker: str) -> Company | None: ...


class CompanyService:
    """Open to every caller: these figures are public, and the same for everyone."""

    def __init__(self, companies: MarketData, market: MarketRates) -> None:
        self._companies, self._market = companies, market

    def all(self) -> tuple[Company, ...]:
        return self._companies.all()

    def find(self, ticker: str) -> Company:
        """
        Raises:
            NotFound: if no company has the ticker.
        """
        company = self._companies.find(ticker.strip())
        if company is None:
            known = ", ".join(company.ticker for company in self.all())
            raise NotFound(f"No company of that ticker is here. There are: {known}.")
        return company

    def dcf_inputs(self, ticker: str) -> DerivedInputs:
        """A DCF's inputs from the company's filings, with a sentence for each assumption.

        Raises:
            NotFound: if no company has the ticker.
            MissingData: if a figure that a DCF cannot do without is not there.
        """
        return derive_dcf(self.find(ticker), self._market)
