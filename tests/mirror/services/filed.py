"""A company whose filings are easy to reckon with by hand, and rates of a made-up market."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from store.companies import BalanceSheet, Company, FiscalYear, Price
from store.market import Beta, CorporateTax, Rate


def year(fiscal_year: int, revenue: float | None = 1_000e6, **changes: Any) -> FiscalYear:
    """A margin of 20 %, tax of 25 %, D&A of 5 % and capital expenditure of 6 % of revenue."""
    base = revenue or 0.0
    plain: dict[str, Any] = {
        "operating_income": 0.20 * base,
        "pretax_income": 0.20 * base,
        "income_tax": 0.05 * base,
        "net_income": 0.15 * base,
        "depreciation_amortization": 0.05 * base,
        "capital_expenditure": 0.06 * base,
        "stock_compensation": None,
    }
    return FiscalYear(fiscal_year=fiscal_year, revenue=revenue, **(plain | changes))


def sheet(as_of: date = date(2023, 12, 31), **changes: Any) -> BalanceSheet:
    """Debt of 200 m, cash of 50 m, 100 m shares, no parts of working capital."""
    plain: dict[str, Any] = {
        "cash_and_equivalents": 50e6,
        "marketable_securities_current": 0.0,
        "marketable_securities_noncurrent": 0.0,
        "debt_current": 20e6,
        "debt_noncurrent": 180e6,
        "diluted_shares": 100e6,
    }
    return BalanceSheet(as_of=as_of, **(plain | changes))


def filed(*years: FiscalYear, **changes: Any) -> Company:
    plain: dict[str, Any] = {
        "ticker": "FIRM",
        "name": "A Firm",
        "currency": "USD",
        "fiscal_year_end": "31 December",
        "source": "Form 10-K",
        "notes": (),
        "balance_sheets": (sheet(),),
        "price": Price(date=date(2023, 12, 29), close=18.0),
    }
    return Company(years=years or (year(2023),), **(plain | changes))


@dataclass(frozen=True)
class Rates:
    """A dollar market whose rates are true on every day; None where it knows nothing."""

    risk_free: float | None = 0.04
    premium: float | None = 0.05
    taxes: tuple[float, float] | None = (0.21, 0.04)
    raw_beta: float | None = None

    def risk_free_rate(self, currency: str, on: date) -> Rate | None:
        return self._rate("10-year yield", self.risk_free, currency, on)

    def equity_risk_premium(self, currency: str, on: date) -> Rate | None:
        return self._rate("premium", self.premium, currency, on)

    def corporate_tax(self, currency: str, on: date) -> CorporateTax | None:
        if self.taxes is None or currency != "USD":
            return None
        federal, state = self.taxes
        return CorporateTax(
            country="Nowhere", federal=federal, state=state, in_force_since=on, source="its law"
        )

    def beta(self, ticker: str, on: date) -> Beta | None:
        if self.raw_beta is None:
            return None
        return Beta(
            ticker=ticker,
            index="its index",
            raw=self.raw_beta,
            standard_error=0.1,
            returns=259,
            first=on,
            last=on,
            method="least squares",
            source="its exchange",
        )

    def but(self, **changes: Any) -> Rates:
        return replace(self, **changes)

    def _rate(self, name: str, value: float | None, currency: str, on: date) -> Rate | None:
        if value is None or currency != "USD":
            return None
        return Rate(name=name, value=value, as_of=on, source="its bank")
