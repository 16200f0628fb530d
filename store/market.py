"""Rates of the capital market: reference data that is shipped with the product.

A rate is told with the day it was true. What is asked for a date is the newest observation of
that day or before, while it is fresh: a valuation never knows what came after it, and a rate
that is too old is None, never a silent stand-in. No tenant is involved.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from store.errors import ShippedDataWrong

MARKET = Path(__file__).parent / "shipped" / "market.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One observation of a rate."""

    name: str  # in words: "10-year US Treasury par yield"
    value: float  # 1/year
    as_of: date
    source: str
    stated: bool = False  # by a caller, for one question


@dataclass(frozen=True, slots=True, kw_only=True)
class CorporateTax:
    """What a country takes of a company's profit, as shares of it."""

    country: str
    federal: float
    state: float  # net of what it saves in federal tax; 0 where there is one level only
    in_force_since: date
    source: str

    @property
    def name(self) -> str:
        """What the rate of the whole country is called: where states tax as well, the federal."""
        return "federal rate" if self.state else "statutory rate"

    @property
    def marginal(self) -> float:
        """On one more unit of profit, or of interest saved."""
        return self.federal + self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Beta:
    """A share's slope on an index, unadjusted."""

    ticker: str
    index: str
    raw: float
    standard_error: float
    returns: int  # how many went into the regression
    first: date  # the first close
    last: date  # the last close
    method: str
    source: str


@dataclass(frozen=True, slots=True)
class _Series:
    good_for: timedelta
    rates: tuple[Rate, ...]  # from the oldest to the newest


@dataclass(frozen=True, slots=True)
class _Shipped:
    about: str
    risk_free_rates: dict[str, _Series]
    equity_risk_premia: dict[str, _Series]
    corporate_taxes: dict[str, CorporateTax]
    betas: dict[str, Beta]


class Market:
    """The shipped rates, read from the file when they are first asked for.

    Every question raises ShippedDataWrong if the file is not what it should be.
    """

    def __init__(self, file: Path = MARKET) -> None:
        self._file = file

    @property
    def about(self) -> str:
        """What the figures are."""
        return self._shipped.about

    def risk_free_rate(self, currency: str, on: date) -> Rate | None:
        """What a government without default risk pays for a long loan in the currency."""
        return _newest(self._shipped.risk_free_rates.get(currency), on)

    def equity_risk_premium(self, currency: str, on: date) -> Rate | None:
        """What the currency's stock market is expected to earn above the risk-free rate."""
        return _newest(self._shipped.equity_risk_premia.get(currency), on)

    def corporate_tax(self, currency: str, on: date) -> CorporateTax | None:
        """The statutory rates of the currency's country."""
        tax = self._shipped.corporate_taxes.get(currency)
        return tax if tax is not None and tax.in_force_since <= on else None

    def beta(self, ticker: str, on: date) -> Beta | None:
        """The share's beta, from prices up to the date at most."""
        beta = self._shipped.betas.get(ticker.upper())
        return beta if beta is not None and beta.last <= on else None

    @cached_property
    def _shipped(self) -> _Shipped:
        try:
            told = json.loads(
                self._file.read_text(encoding="utf-8"), parse_constant=_no_such_number
            )
            return _Shipped(
                about=_text(told, "about"),
                risk_free_rates=_by(told["risk_free_rates"], "currency", _series),
                equity_risk_premia=_by(told["equity_risk_premia"], "currency", _series),
                corporate_taxes=_by(told["corporate_taxes"], "currency", _corporate_tax),
                betas=_by(told["betas"], "ticker", _beta),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ShippedDataWrong(f"{self._file.name}: {error!r}") from error


def _newest(series: _Series | None, on: date) -> Rate | None:
    known = [rate for rate in series.rates if rate.as_of <= on] if series is not None else []
    return known[-1] if series and known and on - known[-1].as_of <= series.good_for else None


def _by(told: list[Mapping[str, Any]], key: str, of: Any) -> dict[str, Any]:
    named = {_text(each, key): of(each) for each in told}
    if len(named) != len(told):
        raise ValueError(f"a {key} is there twice")
    return named


def _series(told: Mapping[str, Any]) -> _Series:
    name, source = _text(told, "name"), _text(told, "source")
    rates = tuple(
        Rate(name=name, value=_rate(each, "value"), as_of=_day(each, "as_of"), source=source)
        for each in told["observations"]
    )
    days = [rate.as_of for rate in rates]
    if not days or days != sorted(set(days)):
        raise ValueError(f"{name}: observations do not run from the oldest to the newest")
    return _Series(timedelta(days=_count(told, "good_for_days")), rates)


def _corporate_tax(told: Mapping[str, Any]) -> CorporateTax:
    return CorporateTax(
        country=_text(told, "country"),
        federal=_rate(told, "federal"),
        state=_rate(told, "state"),
        in_force_since=_day(told, "in_force_since"),
        source=_text(told, "source"),
    )


def _beta(told: Mapping[str, Any]) -> Beta:
    return Beta(
        ticker=_text(told, "ticker"),
        index=_text(told, "index"),
        raw=_number(told, "raw", -5.0, 5.0),
        standard_error=_number(told, "standard_error", 0.0, 5.0),
        returns=_count(told, "returns"),
        first=_day(told, "first"),
        last=_day(told, "last"),
        method=_text(told, "method"),
        source=_text(told, "source"),
    )


def _text(told: Mapping[str, Any], key: str) -> str:
    text = told[key]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{key} is not a text")
    return text


def _day(told: Mapping[str, Any], key: str) -> date:
    return date.fromisoformat(_text(told, key))


def _count(told: Mapping[str, Any], key: str) -> int:
    count = told[key]
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{key} is not a count")
    return count


def _rate(told: Mapping[str, Any], key: str) -> float:
    """A fraction; 4.5 for 4.5 % is the usual slip, and is refused."""
    return _number(told, key, -0.05, 0.5)


def _number(told: Mapping[str, Any], key: str, low: float, high: float) -> float:
    number = told[key]
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ValueError(f"{key} is not a number")
    if not (math.isfinite(number) and low <= number <= high):
        raise ValueError(f"{key} is not from {low} to {high}: {number}")
    return float(number)


def _no_such_number(word: str) -> None:
    raise ValueError(f"{word} is not a number")
