from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import Any

import pytest

from store.companies import Companies
from store.errors import ShippedDataWrong
from store.market import MARKET, Market

WEEKLY_CLOSES = Path(__file__).parent / "weekly_closes.csv"


def weekly_returns() -> dict[str, list[float]]:
    lines = [line for line in WEEKLY_CLOSES.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    return {
        name: [log(float(now[name]) / float(before[name])) for before, now in pairwise(rows)]
        for name in ("AAPL", "MSFT", "SP500")
    }


def changed(tmp_path: Path, change: Callable[[Any], None]) -> Market:
    told = json.loads(MARKET.read_text(encoding="utf-8"))
    change(told)
    file = tmp_path / "market.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    return Market(file)


@pytest.mark.parametrize("company", Companies().all(), ids=lambda company: company.ticker)
def test_every_shipped_company_finds_its_rates_on_the_day_of_its_price(company: Any) -> None:
    market, on = Market(), company.price.date
    risk_free = market.risk_free_rate(company.currency, on)
    premium = market.equity_risk_premium(company.currency, on)
    assert risk_free is not None
    assert risk_free.as_of == on
    assert premium is not None
    assert premium.as_of <= on
    assert market.corporate_tax(company.currency, on) is not None


def test_the_rates_are_those_that_were_published() -> None:
    market = Market()
    yields = {
        day: getattr(market.risk_free_rate("USD", date.fromisoformat(day)), "value", None)
        for day in ("2024-06-28", "2024-09-27", "2024-12-31", "2025-01-24")
    }
    assert list(yields.values()) == [0.0436, 0.0375, 0.0458, 0.0463]
    premium = market.equity_risk_premium("USD", date(2025, 1, 24))
    assert premium is not None
    assert (premium.value, premium.as_of) == (0.0433, date(2025, 1, 1))


def test_nothing_that_came_later_is_known() -> None:
    premium = Market().equity_risk_premium("USD", date(2024, 12, 31))
    assert premium is not None
    assert premium.as_of == date(2024, 1, 1)
    assert Market().risk_free_rate("USD", date(2024, 6, 27)) is None
    assert Market().beta("AAPL", date(2022, 12, 22)) is None


def test_a_rate_that_is_too_old_is_not_known() -> None:
    on = date(2024, 9, 27)
    assert Market().risk_free_rate("USD", on + timedelta(days=7)) is not None
    assert Market().risk_free_rate("USD", on + timedelta(days=8)) is None


def test_another_currency_has_no_rates_here() -> None:
    market, on = Market(), date(2024, 9, 27)
    assert market.risk_free_rate("CHF", on) is None
    assert market.equity_risk_premium("CHF", on) is None
    assert market.corporate_tax("CHF", on) is None


@pytest.mark.parametrize("ticker", ["AAPL", "MSFT"])
def test_a_shipped_beta_is_the_slope_of_the_weekly_closes(ticker: str) -> None:
    returns = weekly_returns()
    slope = linear_regression(returns["SP500"], returns[ticker]).slope
    beta = Market().beta(ticker, date(2024, 1, 1))
    assert beta is not None
    assert beta.raw == round(slope, 4)
    assert beta.returns == len(returns[ticker])


def test_the_marginal_tax_rate_is_federal_and_state() -> None:
    tax = Market().corporate_tax("USD", date(2024, 1, 1))
    assert tax is not None
    assert tax.marginal == tax.federal + tax.state == 0.25
    assert Market().corporate_tax("USD", date(2017, 12, 31)) is None


def test_everything_says_where_it_is_from() -> None:
    told = json.loads(MARKET.read_text(encoding="utf-8"))
    assert Market().about
    for group in ("risk_free_rates", "equity_risk_premia", "corporate_taxes", "betas"):
        assert told[group]
        assert all(each["source"] for each in told[group])


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["risk_free_rates"][0]["observations"][0].update(value=4.36),
        lambda told: told["risk_free_rates"][0]["observations"][0].update(value=float("nan")),
        lambda told: told["risk_free_rates"][0]["observations"].reverse(),
        lambda told: told["equity_risk_premia"].append(told["equity_risk_premia"][0]),
        lambda told: told["corporate_taxes"][0].pop("source"),
        lambda told: told["betas"][0].update(last="soon"),
        lambda told: told["betas"][0].update(returns=True),
        lambda told: told.pop("betas"),
        lambda told: told.update(about=""),
    ],
    ids=["percent", "nan", "order", "twice", "no source", "no day", "no count", "gone", "no about"],
)
def test_a_file_that_is_wrong_is_refused_and_never_half_read(
    tmp_path: Path, change: Callable[[Any], None]
) -> None:
    market = changed(tmp_path, change)
    with pytest.raises(ShippedDataWrong, match=r"market\.json"):
        market.corporate_tax("USD", date(2024, 1, 1))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ShippedDataWrong, match=r"away\.json"):
        Market(tmp_path / "away.json").beta("AAPL", date(2024, 1, 1))
