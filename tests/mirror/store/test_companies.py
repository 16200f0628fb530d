from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from store.companies import FILINGS, BalanceSheet, Companies
from store.errors import ShippedDataWrong

SHIPPED = json.loads(FILINGS.read_text(encoding="utf-8"))


def test_apple_is_as_its_report_says() -> None:
    apple = Companies().find("AAPL")
    assert apple is not None
    assert (apple.name, apple.currency) == ("Apple Inc.", "USD")
    year, sheet = apple.years[-1], apple.balance_sheets[-1]
    assert year.fiscal_year == 2024
    assert year.revenue == 391_035_000_000.0
    assert year.stock_compensation == 11_688_000_000.0
    assert sheet.as_of == date(2024, 9, 28)
    assert sheet.diluted_shares == 15_408_095_000.0  # exactly: 15,408.095 millions
    assert apple.balance_sheets[0].diluted_shares == 15_812_547_000.0
    assert sheet.debt_noncurrent == 85_750_000_000.0
    assert apple.price.date == date(2024, 9, 27)
    assert apple.price.close == 227.79
    assert apple.source.startswith("Form 10-K")
    assert "State Aid" in apple.notes[0]


@pytest.mark.parametrize("ticker", ["aapl", "Aapl", "AAPL"])
def test_a_ticker_is_found_in_capitals_or_not(ticker: str) -> None:
    found = Companies().find(ticker)
    assert found is not None
    assert found.ticker == "AAPL"


def test_a_company_that_is_not_there_is_none() -> None:
    assert Companies().find("XXXX") is None
    assert Companies().find("") is None


def test_all_are_there_in_the_order_of_the_file() -> None:
    tickers = [company.ticker for company in Companies().all()]
    assert tickers == [company["ticker"] for company in SHIPPED["companies"]]
    assert Companies().about == SHIPPED["about"]


def test_what_a_report_does_not_give_is_none_and_zero_is_zero() -> None:
    google, nvidia = Companies().find("GOOGL"), Companies().find("NVDA")
    assert google is not None
    assert nvidia is not None
    assert google.balance_sheets[-1].debt_current is None
    assert google.balance_sheets[-1].accounts_payable is None
    assert nvidia.balance_sheets[-1].debt_current == 0.0


def test_every_figure_is_the_files_to_the_cent() -> None:
    for told, company in zip(SHIPPED["companies"], Companies().all(), strict=True):
        for kind, read in (("years", company.years), ("balance_sheets", company.balance_sheets)):
            for theirs, ours in zip(told[kind], read, strict=True):
                for name, value in theirs.items():
                    if name in ("fiscal_year", "as_of"):
                        continue
                    mine = getattr(ours, name)
                    assert mine is None if value is None else abs(mine - value * 1e6) < 0.005


def test_net_income_is_what_the_tax_leaves() -> None:
    for company in Companies().all():
        for year in company.years:
            assert year.pretax_income is not None
            assert year.income_tax is not None
            assert year.net_income is not None
            # Amazon's is after 101 millions of an equity-method loss, as its note says.
            gap = abs(year.pretax_income - year.income_tax - year.net_income)
            assert gap <= (101e6 if company.ticker == "AMZN" else 0.0)


def test_every_figure_is_finite() -> None:
    for company in Companies().all():
        for sheet in company.balance_sheets:
            for field in fields(BalanceSheet):
                value = getattr(sheet, field.name)
                assert value is None or isinstance(value, (date, tuple)) or math.isfinite(value)


def test_the_file_is_read_once_and_only_when_asked(tmp_path: Path) -> None:
    companies = Companies(tmp_path / "not_there_yet.json")
    (tmp_path / "not_there_yet.json").write_text(json.dumps(SHIPPED), encoding="utf-8")
    first = companies.find("MSFT")
    (tmp_path / "not_there_yet.json").unlink()
    assert first is not None
    assert companies.find("MSFT") is first


def change(*path: Any, to: Any) -> Callable[[Any], None]:
    def apply(filings: Any) -> None:
        for step in path[:-1]:
            filings = filings[step]
        if to is None:
            del filings[path[-1]]
        else:
            filings[path[-1]] = to

    return apply


APPLE = ("companies", 0)
WRONG = {
    "a key is missing": change(*APPLE, "years", 0, "revenue", to=None),
    "a key is unknown": change(*APPLE, "years", 0, "revenues", to=1),
    "a company has a key too many": change(*APPLE, "sector", to="phones"),
    "a figure is a text": change(*APPLE, "years", 0, "revenue", to="274515"),
    "a figure is a truth": change(*APPLE, "years", 0, "revenue", to=True),
    "a figure is not finite": change(*APPLE, "years", 0, "revenue", to=math.inf),
    "a figure is not a number": change(*APPLE, "years", 0, "revenue", to=math.nan),
    "a date is none": change(*APPLE, "balance_sheets", 0, "as_of", to="2023-02-30"),
    "a price is nothing": change(*APPLE, "price", "close", to=0),
    "a price has no day": change(*APPLE, "price", "date", to=None),
    "years run backwards": change(*APPLE, "years", 0, "fiscal_year", to=2030),
    "a year is there twice": change(*APPLE, "years", 0, "fiscal_year", to=2021),
    "there are no years": change(*APPLE, "years", to=[]),
    "a ticker is in small letters": change(*APPLE, "ticker", to="aapl"),
    "a ticker is there twice": change(*APPLE, "ticker", to="MSFT"),
    "a name is empty": change(*APPLE, "name", to=""),
    "the file is about nothing": change("about", to=None),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_file_that_is_wrong_is_refused_and_named(
    wrong: Callable[[Any], None], tmp_path: Path
) -> None:
    filings = json.loads(json.dumps(SHIPPED))
    wrong(filings)
    path = tmp_path / "filings.json"
    path.write_text(json.dumps(filings), encoding="utf-8")
    with pytest.raises(ShippedDataWrong, match=r"^filings\.json: "):
        Companies(path).all()


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"about": "x", "companies": 1}'])
def test_a_file_that_is_something_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "filings.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ShippedDataWrong):
        Companies(path).all()


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShippedDataWrong):
        Companies(tmp_path / "nowhere.json").all()
