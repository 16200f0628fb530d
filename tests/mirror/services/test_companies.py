from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from engine.dcf import DcfResult, value_dcf
from services.companies import CompanyService, DerivedInputs, ShippedCompanies
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from services.errors import NotFound
from services.own_companies import OwnCompanyService
from services.own_company import Provided
from services.tenants import TenantService
from store.companies import Companies, Company, Origin, Price
from store.database import Database
from store.market import Market
from store.own_companies import OwnCompanies
from tests.mirror.services.conftest import principal
from tests.mirror.services.filed import filed

WE = principal()
SHIPPED = Companies()
TICKERS = [company.ticker for company in SHIPPED.all()]


@pytest.fixture
def own(database: Database, tenants: TenantService) -> OwnCompanyService:
    return OwnCompanyService(OwnCompanies(database), tenants)


@pytest.fixture
def service(own: OwnCompanyService) -> CompanyService:
    return CompanyService(own, [ShippedCompanies(SHIPPED)], Market())


def leaves(document: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a document under its path; the elements of a list under the list's."""
    if isinstance(document, dict):
        for name, part in document.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(document, list):
        for part in document:
            yield from leaves(part, path)
    else:
        yield path, document


def covers(path: str, leaf: str) -> bool:
    return leaf == path or leaf.startswith(path + ".")


def numbers(document: object) -> list[tuple[str, float]]:
    return [
        (path, value)
        for path, value in leaves(document)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def company(ticker: str) -> Company:
    found = SHIPPED.find(ticker)
    assert found is not None
    return found


def derived(ticker: str) -> DerivedInputs:
    return derive_dcf(company(ticker), Market())


def valued(ticker: str) -> DcfResult:
    return value_dcf(inputs_of(derived(ticker).document))


def assumption(ticker: str, path: str) -> str:
    return next(each.text for each in derived(ticker).assumptions if each.path == path)


def rate(ticker: str, name: str) -> Any:
    operations: Any = derived(ticker).document["operations"]
    return operations[name]


def test_six_companies_are_shipped() -> None:
    assert TICKERS == ["AAPL", "MSFT", "GOOGL", "META", "AMZN", "NVDA"]


@pytest.mark.anyio
@pytest.mark.parametrize("written", ["AAPL", "aapl", " Aapl "])
async def test_a_ticker_is_found_however_it_is_written(
    service: CompanyService, written: str
) -> None:
    found = await service.find(WE, written)
    assert (found.company.name, found.provided) == ("Apple Inc.", Provided.SHIPPED)


@pytest.mark.anyio
@pytest.mark.parametrize("asked", ["ZZZZ", "", "../etc", "x" * 500, "A\0B"])
async def test_a_ticker_that_nobody_has_is_refused_with_those_that_are_there(
    service: CompanyService, asked: str
) -> None:
    with pytest.raises(NotFound, match="AAPL, MSFT, GOOGL") as refused:
        await service.find(WE, asked)
    assert refused.value.code == "NOT_FOUND"
    assert "ZZZZ" not in refused.value.message  # what a caller typed is not said back


class Quotes:
    """A third provider, of a data house that knows one firm and another price of Apple."""

    provides = Provided.SHIPPED

    async def all(self, tenant_id: UUID) -> Sequence[Company]:  # noqa: ARG002 - the same for all
        return [filed(ticker="DATA"), filed(ticker="AAPL")]

    async def find(self, tenant_id: UUID, ticker: str) -> Company | None:
        return next((each for each in await self.all(tenant_id) if each.ticker == ticker), None)


@pytest.mark.anyio
async def test_a_third_provider_stands_where_it_is_put(own: OwnCompanyService) -> None:
    first = CompanyService(own, [Quotes(), ShippedCompanies(SHIPPED)], Market())
    last = CompanyService(own, [ShippedCompanies(SHIPPED), Quotes()], Market())
    for service in (first, last):
        assert (await service.find(WE, "data")).company.ticker == "DATA"
        tickers = [each.company.ticker for each in await service.all(WE)]
        assert sorted(tickers) == sorted([*TICKERS, "DATA"])
    assert (await first.find(WE, "AAPL")).company.name == "A Firm"
    assert (await last.find(WE, "AAPL")).company.name == "Apple Inc."


def test_the_price_of_a_third_provider_is_not_said_to_be_shipped() -> None:
    figure = {"years[2023].revenue": Origin(source="A data house")}
    firm = replace(filed(), origins=figure, source="A data house")
    inputs = derive_dcf(replace(firm, price=Price(date=date(2024, 6, 28), close=18.0)), Market())
    (told,) = (each for each in inputs.assumptions if each.path == "marketPrice")
    assert told.source == "A data house; closing price"


@pytest.mark.parametrize("ticker", TICKERS)
def test_each_value_of_the_document_is_under_exactly_one_assumption(ticker: str) -> None:
    inputs = derived(ticker)
    paths = [each.path for each in inputs.assumptions]
    for leaf, _ in leaves(inputs.document):
        assert [path for path in paths if covers(path, leaf)] != [], leaf
        assert len([path for path in paths if covers(path, leaf)]) == 1, leaf
    for path in paths:
        assert any(covers(path, leaf) for leaf, _ in leaves(inputs.document)), path


@pytest.mark.parametrize("ticker", TICKERS)
def test_every_number_is_finite_money_is_whole_and_rates_have_four_decimals(ticker: str) -> None:
    found = numbers(derived(ticker).document)
    assert len(found) > 20
    for path, number in found:
        assert math.isfinite(number), path
        if path.startswith(("bridge.", "shares.", "operations.revenue.")) or abs(number) > 1_000:
            assert isinstance(number, int), path
        elif path != "marketPrice":
            assert number == round(number, 4), path


@pytest.mark.parametrize("ticker", TICKERS)
def test_the_document_survives_json_unchanged(ticker: str) -> None:
    document = derived(ticker).document
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize("ticker", TICKERS)
def test_the_engine_values_what_was_derived_and_its_reviewer_has_nothing_to_say(
    ticker: str,
) -> None:
    result = valued(ticker)
    assert result.worth.value_per_share > 0.0
    assert 0.06 < result.worth.wacc < 0.13
    assert result.remarks == ()


def test_the_six_are_valued_beside_their_prices(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(company(ticker).price.close, valued(ticker)) for ticker in TICKERS]
    upsides = [result.cross_checks.upside for _, result in rows]
    with capsys.disabled():
        print(f"\n{'':6}{'price':>9}{'value':>9}{'upside':>9}{'WACC':>8}")
        for ticker, (close, result), upside in zip(TICKERS, rows, upsides, strict=True):
            worth = result.worth
            print(
                f"{ticker:6}{close:9.2f}{worth.value_per_share:9.2f}{upside:9.1%}{worth.wacc:8.2%}"
            )
    assert None not in upsides


@pytest.mark.parametrize("ticker", TICKERS)
def test_the_sentences_are_prose_for_people(ticker: str) -> None:
    for each in derived(ticker).assumptions:
        assert each.text[0].isupper() or each.text[0].isdigit(), each.path
        assert each.text.endswith("."), each.path
        assert "  " not in each.text, each.path
        assert not re.search(r"None|nan|\d{7}|e[+-]\d|\d\.\d{4}|_", each.text + each.value), each
        assert (each.source is None) == (each.as_of is None), each.path


@pytest.mark.parametrize("ticker", TICKERS)
def test_a_figure_without_a_source_says_that_it_is_assumed(ticker: str) -> None:
    ours = {each.path: each.text for each in derived(ticker).assumptions if each.source is None}
    words = re.compile(r"assum|taken|count|first \d+ years|discounted")
    assert all(words.search(text) for text in ours.values()), ours


def test_apple_starts_from_the_median_of_its_growth_and_says_what_it_was() -> None:
    assert rate("AAPL", "revenueGrowth")["stages"][0] == {"years": 3, "value": 0.0491}
    assert "33.3 %, 7.8 %, −2.8 % and 2.0 %" in assumption("AAPL", "operations.revenueGrowth")


def test_apples_one_time_tax_charge_does_no_harm_and_the_filings_note_is_quoted() -> None:
    assert rate("AAPL", "taxRate")["stages"][0]["value"] == round(16_741 / 113_736, 4)
    assert "State Aid" in assumption("AAPL", "operations.taxRate")


def test_apples_working_capital_is_the_mean_of_two_year_ends() -> None:
    last = 33_410 + 32_833 + 7_286 + 14_287 - 68_960 - 78_304 - 8_249
    before = 29_508 + 31_477 + 6_331 + 14_695 - 62_611 - 58_829 - 8_061
    share = (last / 391_035 + before / 383_285) / 2
    assert rate("AAPL", "workingCapital") == {"level": round(share, 4)}


def test_microsofts_inputs_are_what_its_two_years_say() -> None:
    growth = rate("MSFT", "revenueGrowth")["stages"]
    assert growth[0]["value"] == 0.15  # 245,122 / 211,915 is 15.67 %, above what is taken
    margin = (88_523 / 211_915 + 109_433 / 245_122) / 2
    assert rate("MSFT", "ebitMargin") == {"level": round(margin, 4)}
    effective = (16_950 / 89_311 + 19_651 / 107_787) / 2
    assert rate("MSFT", "taxRate")["stages"][0]["value"] == round(effective, 4)
    written_off = (13_861 / 211_915 + 22_287 / 245_122) / 2
    assert rate("MSFT", "depreciation")["stages"][0]["value"] == round(written_off, 4)
    spent = (28_107 / 211_915 + 44_477 / 245_122) / 2
    assert rate("MSFT", "capitalExpenditure")["stages"][0]["value"] == round(spent, 4)
    tied_up = 56_924 + 1_246 + 26_021 - 21_996 - 36_766 - 57_582
    assert rate("MSFT", "workingCapital") == {"level": round(tied_up / 245_122, 4)}
    document: Any = derived("MSFT").document
    assert document["bridge"]["debt"] == (8_942 + 42_688) * 10**6
    assert document["bridge"]["cash"] == (18_315 + 57_228) * 10**6
    worth = 446.95 * 7_469
    debt_weight = (8_942 + 42_688) / (8_942 + 42_688 + worth)
    assert document["capital"]["capm"]["debtWeight"] == round(debt_weight, 4)
    assert document["capital"]["capm"]["beta"] == round((2 * 0.9703 + 1) / 3, 2)


def test_apples_bridge_is_its_balance_sheet() -> None:
    bridge: Any = derived("AAPL").document["bridge"]
    assert bridge["debt"] == (20_879 + 85_750) * 10**6
    assert bridge["cash"] == (29_943 + 35_228 + 91_479) * 10**6
    assert derived("AAPL").document["shares"] == {"diluted": 15_408_095_000}


@pytest.mark.parametrize("ticker", ["GOOGL", "META", "AMZN", "NVDA"])
def test_where_one_year_is_shipped_growth_is_said_to_be_an_assumption(ticker: str) -> None:
    told = assumption(ticker, "operations.revenueGrowth")
    assert "say nothing of growth" in told
    assert "assumption" in told
    growth = next(e for e in derived(ticker).assumptions if e.path == "operations.revenueGrowth")
    assert growth.source is None


@pytest.mark.parametrize("ticker", ["MSFT", "GOOGL", "META", "AMZN"])
def test_an_investment_peak_does_not_last_for_ever(ticker: str) -> None:
    first, last = rate(ticker, "capitalExpenditure")["stages"]
    assert last["value"] < first["value"]
    assert last["value"] > rate(ticker, "depreciation")["stages"][-1]["value"]


def test_debt_that_is_not_given_counts_as_nothing_and_is_said_so() -> None:
    assert "Current debt: not given, counted as 0." in assumption("GOOGL", "bridge.debt")
    assert "not given" not in assumption("NVDA", "bridge.debt")  # it gave a zero


def test_the_filings_notes_come_along() -> None:
    for ticker in TICKERS:
        assert derived(ticker).notes == company(ticker).notes
