"""Companies: their filings, and a first valuation's inputs derived from them."""

from __future__ import annotations

from typing import Protocol

from services.assumptions import Assumption, DerivedInputs
from services.derived_dcf import MarketRates, derive_dcf
from services.errors import NotFound
from services.principal import Action, Principal
from store.companies import BalanceSheet, Company, FiscalYear

__all__ = [
    "Assumption",
    "BalanceSheet",
    "Company",
    "CompanyService",
    "DerivedInputs",
    "FiscalYear",
    "MarketData",
    "MarketRates",
]


class MarketData(Protocol):
    """Where companies come from: the shipped filings are one provider, a tenant's own another."""

    def all(self) -> tuple[Company, ...]: ...

    def find(self, ticker: str) -> Company | None: ...


class CompanyService:
    """What a member may know of companies. The shipped figures are the same for everyone."""

    def __init__(self, companies: MarketData, market: MarketRates) -> None:
        self._companies, self._market = companies, market

    def all(self, principal: Principal) -> tuple[Company, ...]:
        """Every company, by ticker."""
        principal.require(Action.READ_COMPANY)
        return self._companies.all()

    def find(self, principal: Principal, ticker: str) -> Company:
        """
        Raises:
            Forbidden; NotFound: if no company has the ticker.
        """
        principal.require(Action.READ_COMPANY)
        company = self._companies.find(ticker.strip())
        if company is None:
            known = ", ".join(company.ticker for company in self._companies.all())
            raise NotFound(f"No company of that ticker is here. There are: {known}.")
        return company

    def dcf_inputs(self, principal: Principal, ticker: str) -> DerivedInputs:
        """A DCF's inputs from the company's filings, with a sentence for each assumption.

        Raises:
            Forbidden; NotFound: if no company has the ticker.
            MissingData: if a figure that a DCF cannot do without is not there.
        """
        return derive_dcf(self.find(principal, ticker), self._market)
