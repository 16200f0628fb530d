"""Companies of a tenant's own, in at the socket: on SQLite and PostgreSQL, one tenant's alone."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from services.principal import Role
from tests.mirror.store.conftest import OWNER, SERVING, administer, postgres_roles, role_url
from tests.own_companies import acme, with_sheet, with_year
from tests.served import THEIRS, Served, served

__all__ = ["postgres_roles"]

SAID = "__typename ... on Refusal { code message issues { path message suggestion } }"
ADD = f"""mutation ($company: CompanyInput!) {{ addCompany(company: $company) {{
  {SAID} ... on Company {{ ticker origin revision standsBefore }} }} }}"""
IMPORT = f"""mutation ($companies: [CompanyInput!]!) {{ importCompanies(companies: $companies) {{
  {SAID} ... on CompanyImport {{ changed companies {{ ticker revision }} }} }} }}"""
CORRECT = f"""mutation ($path: String!, $figure: FigureInput) {{
  correctFigure(ticker: "ACME", path: $path, figure: $figure) {{
    {SAID} ... on Company {{ revision }} }} }}"""
REMOVE = f"""mutation ($ticker: String!) {{ removeCompany(ticker: $ticker) {{
  {SAID} ... on CompanyRemoval {{ ticker shown {{ name origin }} }} }} }}"""
LOOK = """query ($ticker: String!) { company(ticker: $ticker) {
  ticker name origin revision standsBefore price { date close } earlierPrices { date }
  peers { ticker beta debtToEquity taxRate }
  years { fiscalYear revenue stockCompensation adjustments { line amount } adjusted { revenue } }
  balanceSheets { asOf dilutedShares options { count strike } leases }
  figures { path value source asOf author at note }
  history { revision verb author { name } at changes { path old new } } } }"""
DERIVE = f"""query (
  $currency: String, $rate: StatedRateInput, $market: StatedMarketInput, $with: Boolean
) {{
  company(ticker: "ACME") {{
    dcfInputs(currency: $currency, rate: $rate, market: $market, withAssumptions: $with) {{
      {SAID}
      ... on DerivedDcfInputs {{ input assumptions {{ path source author note }} }} }} }} }}"""
VALUE = f"""mutation ($input: DcfInput!) {{ valueDcf(input: $input) {{ {SAID}
  ... on DcfValuation {{ id valuePerShare resultHash
    assumptions {{ path label source asOf author note }} }} }} }}"""
FIND = """query ($id: ID!) { valuation(id: $id) { id inputs
  assumptions { path label source asOf author note } } }"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        with served(home) as server:
            yield server
        return
    request.getfixturevalue("postgres_roles")
    url: str = request.getfixturevalue("postgres_url")
    name = f"companies_{os.getpid()}"
    asyncio.run(administer(url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    try:
        with served(
            home,
            VALOR_DATABASE_URL=role_url(url, SERVING, name),
            VALOR_DATABASE_OWNER_URL=role_url(url, OWNER, name),
        ) as server:
            yield server
    finally:
        asyncio.run(administer(url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(autouse=True)
def nothing_is_left(server: Served) -> Iterator[None]:
    yield
    with server.caller() as caller:
        for each in caller.data("{ companies { ticker origin } }")["companies"]:
            if each["origin"] == "OWN":
                caller.data(REMOVE, {"ticker": each["ticker"]})


def test_a_company_is_brought_looked_at_corrected_and_removed(server: Served) -> None:
    with server.caller() as caller:
        added = caller.data(ADD, {"company": acme()})["addCompany"]
        assert (added["__typename"], added["origin"]) == ("Company", "OWN")
        look = caller.data(LOOK, {"ticker": " acme"})["company"]
        assert look["years"][-1]["revenue"] == 1e9
        assert look["price"] == {"date": "2024-12-31", "close": 18.0}
        assert {each["author"] for each in look["figures"]} == {"Analyst"}
        figure = {"value": 1.1e9, "source": "10-K/A", "asOf": "2025-02-01", "note": "Misprint."}
        path = "years[2024].revenue"
        corrected = caller.data(CORRECT, {"path": path, "figure": figure})["correctFigure"]
        assert corrected["revision"] == added["revision"] + 1
        after = caller.data(LOOK, {"ticker": "ACME"})["company"]
        (revenue,) = (each for each in after["figures"] if each["path"] == path)
        assert (revenue["value"], revenue["asOf"], revenue["note"]) == (
            1.1e9,
            "2025-02-01",
            "Misprint.",
        )
        newest = after["history"][0]
        assert (newest["verb"], newest["author"]["name"]) == ("CORRECT", "Analyst")
        assert newest["changes"][0]["old"]["value"] == 1e9
        gone = caller.data(CORRECT, {"path": "years[2022]"})["correctFigure"]
        assert gone["__typename"] == "Company"
        assert caller.data(REMOVE, {"ticker": "ACME"})["removeCompany"]["shown"] is None
        assert (
            caller.ask(LOOK, {"ticker": "ACME"})["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        )


def test_a_repeated_import_changes_nothing(server: Served) -> None:
    given = {"companies": [acme(), acme(ticker="BRK.B")]}
    with server.caller() as caller:
        first, again = (caller.data(IMPORT, given)["importCompanies"] for _ in range(2))
    assert first["changed"] == ["ACME", "BRK.B"]
    assert again["changed"] == []
    assert again["companies"] == first["companies"]


def test_ones_own_apple_hides_the_shipped_one_until_it_is_removed(server: Served) -> None:
    with server.caller() as caller:
        added = caller.data(ADD, {"company": acme(ticker="AAPL")})["addCompany"]
        assert added["standsBefore"] == ["SHIPPED"]
        listed = caller.data("{ companies { ticker origin } }")["companies"]
        assert [each["ticker"] for each in listed].count("AAPL") == 1
        left = caller.data(REMOVE, {"ticker": "aapl"})["removeCompany"]
        assert left == {
            "__typename": "CompanyRemoval",
            "ticker": "AAPL",
            "shown": {"name": "Apple Inc.", "origin": "SHIPPED"},
        }


def test_another_tenant_sees_nothing_of_it(server: Served) -> None:
    with server.caller() as caller, server.caller(tenant_id=THEIRS) as stranger:
        caller.data(ADD, {"company": acme(ticker="AAPL")})
        seen = stranger.data(LOOK, {"ticker": "AAPL"})["company"]
        assert (seen["name"], seen["origin"], seen["history"]) == ("Apple Inc.", "SHIPPED", [])
        no = stranger.data(REMOVE, {"ticker": "AAPL"})["removeCompany"]
        assert no["code"] == "NOT_FOUND"
        assert caller.data(LOOK, {"ticker": "AAPL"})["company"]["origin"] == "OWN"


def test_a_viewer_reads_and_may_not_bring(server: Served) -> None:
    with server.caller() as caller, server.caller(Role.VIEWER) as viewer:
        caller.data(ADD, {"company": acme()})
        assert viewer.data(LOOK, {"ticker": "ACME"})["company"]["origin"] == "OWN"
        assert viewer.data(ADD, {"company": acme(ticker="V")})["addCompany"]["code"] == "FORBIDDEN"


def test_every_problem_is_an_issue_with_its_path(server: Served) -> None:
    bad = with_year(2024, revenue=-5.0)
    bad |= {"prices": [{"date": "2024-12-31", "close": -1.0}], "currency": "??"}
    with server.caller() as caller:
        no = caller.data(IMPORT, {"companies": [acme(ticker="GOOD"), bad]})["importCompanies"]
        assert no["code"] == "INVALID_INPUT"
        assert [issue["path"] for issue in no["issues"]] == [
            "companies[1].currency",
            "companies[1].years[2].revenue",
            "companies[1].prices[0].close",
        ]
        assert all(issue["suggestion"] for issue in no["issues"])
        listed = caller.data("{ companies { ticker } }")["companies"]
        assert "GOOD" not in {each["ticker"] for each in listed}


def test_figures_lead_to_a_value_that_says_where_each_input_comes_from(server: Served) -> None:
    with server.caller() as caller:
        caller.data(ADD, {"company": with_sheet(leases=5.0)})
        derived = caller.data(DERIVE)["company"]["dcfInputs"]
        value = caller.data(VALUE, {"input": derived["input"]})["valueDcf"]
        assert value["__typename"] == "DcfValuation"
        by_path = {each["path"]: each for each in value["assumptions"]}
        assert set(by_path) == {each["path"] for each in derived["assumptions"]}
        leases = by_path["bridge.leases"]
        assert (leases["label"], leases["author"]) == ("Leases", "Analyst")
        assert (leases["source"], leases["asOf"]) == ("Annual report 2024, p. 61", "2024-12-31")
        notes = {each["path"]: each["note"] for each in derived["input"]["assumptions"]}
        assert {path: each["note"] for path, each in by_path.items()} == notes
        assert leases["note"].startswith("Leases of $5.0 m on 31 December 2024")
        kept = caller.data(FIND, {"id": value["id"]})["valuation"]
        assert kept["assumptions"] == value["assumptions"]
        assert kept["inputs"]["assumptions"] == derived["input"]["assumptions"]
        bare = caller.data(DERIVE, {"with": False})["company"]["dcfInputs"]["input"]
        assert "assumptions" not in bare
        plain = caller.data(VALUE, {"input": bare})["valueDcf"]
        assert plain["assumptions"] == []
        assert plain["id"] != value["id"]
        assert plain["resultHash"] == value["resultHash"]


def test_another_currency_needs_its_rate(server: Served) -> None:
    rate = {"value": 1.25, "asOf": "2024-12-31", "source": "its central bank"}
    with server.caller() as caller:
        caller.data(ADD, {"company": acme(currency="EUR")})

        def derived(**given: Any) -> Any:
            return caller.data(DERIVE, given)["company"]["dcfInputs"]

        no = derived(currency="USD")
        assert (no["code"], no["issues"][0]["path"]) == ("INVALID_INPUT", "rate")
        assert derived()["code"] == "MISSING_DATA"  # no rates of interest in euros are shipped
        assert derived(currency="EUR", rate=rate)["issues"][0]["path"] == "rate"
        assert derived(currency="USD", rate={**rate, "value": -1.0})["code"] == "INVALID_INPUT"
        assert derived(currency="USD", rate=rate)["input"]["operations"]["revenue"] == 1.25e9
        later = {**rate, "asOf": "2025-01-01"}
        assert derived(currency="USD", rate=later)["issues"][0]["path"] == "rate.asOf"


def test_stated_rates_are_of_the_day_of_the_price_or_before(server: Served) -> None:
    market = {
        "riskFreeRate": 0.025,
        "equityRiskPremium": 0.05,
        "taxRate": 0.3,
        "asOf": "2024-12-31",
        "source": "our treasury",
    }
    with server.caller() as caller:
        caller.data(ADD, {"company": acme(currency="EUR")})
        derived = caller.data(DERIVE, {"market": market})["company"]["dcfInputs"]
        assert derived["input"]["capital"]["capm"]["riskFreeRate"] == 0.025
        late = {**market, "asOf": "2025-01-01", "taxRate": 25.0}
        no = caller.data(DERIVE, {"market": late})["company"]["dcfInputs"]
        assert [issue["path"] for issue in no["issues"]] == ["market.taxRate", "market.asOf"]


def test_a_wrong_assumption_is_an_issue_beside_those_of_the_numbers(server: Served) -> None:
    with server.caller() as caller:
        caller.data(ADD, {"company": acme()})
        document = caller.data(DERIVE)["company"]["dcfInputs"]["input"]
        document["bridge"]["debt"] = -1.0
        document["assumptions"][0]["path"] = "operations.revenu"
        no = caller.data(VALUE, {"input": document})["valueDcf"]
        assert no["code"] == "INVALID_INPUT"
        assert [issue["path"] for issue in no["issues"]] == ["bridge.debt", "assumptions[0].path"]


def test_members_who_import_at_once_all_get_their_figures_in(server: Served) -> None:
    """The second waits for the first and sees it; nobody's figure is lost."""
    with server.caller() as caller:
        caller.data(ADD, {"company": acme()})
        before = caller.data(LOOK, {"ticker": "ACME"})["company"]["revision"]

        def bring(year: int) -> None:
            part = {
                "ticker": "ACME",
                "source": "x",
                "years": [{"fiscalYear": year, "revenue": float(year)}],
            }
            with server.caller(Role.ADMIN) as other:
                other.data(IMPORT, {"companies": [part]})

        threads = [threading.Thread(target=bring, args=(year,)) for year in range(2010, 2018)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = caller.data(LOOK, {"ticker": "ACME"})["company"]
    assert after["revision"] == before + 8
    revenues = {each["fiscalYear"]: each["revenue"] for each in after["years"]}
    assert {year: revenues[year] for year in range(2010, 2018)} == {
        year: float(year) for year in range(2010, 2018)
    }
