"""A tenant's own companies: brought in full or in part, corrected, removed, and accounted for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from engine.errors import InvalidInput, Problem
from services.companies import CompanyService, Provided, ShippedCompanies
from services.company_figures import Given, merged
from services.errors import Conflict, Forbidden, NotFound, QuotaExceeded
from services.own_companies import OwnCompanyService
from services.own_company import FORMER, company_of
from services.principal import Role
from services.tenants import TenantService
from store.companies import Companies
from store.database import Database
from store.market import Market
from store.own_companies import OwnCompanies
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import THEIRS
from tests.own_companies import acme, with_year

pytestmark = pytest.mark.anyio

WE = principal()
ONE = {"value": 1.0, "source": "x"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def companies(database: Database, tenants: TenantService) -> CompanyService:
    own = OwnCompanyService(OwnCompanies(database), tenants, clock=lambda: NOON)
    return CompanyService(own, [ShippedCompanies(Companies())], Market())


async def refused(work: Any) -> list[Problem]:
    with pytest.raises(InvalidInput) as no:
        await work
    return list(no.value.problems)


def places(problems: list[Problem]) -> list[str]:
    return [problem.path for problem in problems]


async def test_amounts_and_shares_are_kept_in_whole_units(companies: CompanyService) -> None:
    company = (await companies.add(WE, acme())).company
    assert company.years[-1].revenue == 1_000_000_000.0
    assert company.balance_sheets[0].diluted_shares == 100_000_000.0
    assert company.price.close == 18.0  # of one share, whatever the unit


async def test_shares_may_have_a_unit_of_their_own(companies: CompanyService) -> None:
    given = acme(sharesUnit="THOUSANDS")
    given["balanceSheets"][0]["dilutedShares"] = 15_812.547
    company = (await companies.add(WE, given)).company
    assert company.balance_sheets[0].diluted_shares == 15_812_547.0
    assert company.balance_sheets[0].debt_noncurrent == 200e6


async def test_each_figure_has_its_source_its_day_its_author_and_its_note(
    companies: CompanyService,
) -> None:
    given = with_year(2024, origins=[{"line": "revenue", "note": "Restated.", "source": "p. 7"}])
    company = (await companies.add(WE, given)).company
    revenue, ebit = (
        company.origins[f"years[2024].{line}"] for line in ("revenue", "operatingIncome")
    )
    assert (revenue.source, revenue.note) == ("p. 7", "Restated.")
    assert (ebit.source, ebit.note) == ("Annual report 2024, p. 61", None)
    assert {(each.author, each.at) for each in company.origins.values()} == {("Member 1", NOON)}
    assert company.origins["balanceSheets[2024-12-31].debtNoncurrent"].as_of == date(2024, 12, 31)
    assert company.origins["prices[2024-12-31].close"].source == "The exchange"


async def test_a_figure_without_a_source_is_refused(companies: CompanyService) -> None:
    given = acme()
    del given["source"]
    assert "company.years[0].source" in places(await refused(companies.add(WE, given)))
    assert await companies.first(WE, "ACME") is None


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_kept(
    companies: CompanyService,
) -> None:
    given = acme(currency="dollars")
    given["years"][0] |= {"revenue": -1.0, "fiscalYear": 2024}
    given["years"][1]["depreciationAmortization"] = float("nan")
    given["balanceSheets"][0]["dilutedShares"] = 0.0
    given["peers"] = [{"ticker": "B U", "beta": 9.0, "source": "x"}, {"ticker": "BRK.B", "beta": 9}]
    found = places(await refused(companies.add(WE, given)))
    assert found == [
        "company.currency",
        "company.years[0].revenue",
        "company.years[1].depreciationAmortization",
        "company.years[2].fiscalYear",
        "company.balanceSheets[0].dilutedShares",
        "company.peers[0].ticker",
        "company.peers[1].beta",
    ]
    assert await companies.first(WE, "ACME") is None


@pytest.mark.parametrize(
    ("without", "where"),
    [
        ("name", "company.name"),
        ("currency", "company.currency"),
        ("years", "company.years"),
        ("balanceSheets", "company.balanceSheets"),
        ("prices", "company.prices"),
    ],
)
async def test_a_company_is_whole_or_it_is_not_kept(
    companies: CompanyService, without: str, where: str
) -> None:
    given = acme()
    del given[without]
    (problem,) = await refused(companies.add(WE, given))
    assert (problem.path, problem.code) == (where, "MISSING")


async def test_nothing_at_all_is_no_company(companies: CompanyService) -> None:
    found = places(await refused(companies.bring(WE, [{"ticker": "ACME"}])))
    needed = ("name", "currency", "years", "balanceSheets", "prices")
    assert found == [f"companies[0].{name}" for name in needed]
    await companies.add(WE, acme())
    assert (await companies.bring(WE, [{"ticker": "ACME"}]))[1] == ()
    (problem,) = await refused(companies.bring(WE, []))
    assert (problem.path, problem.suggestion) == ("companies", "Give one at least.")
    (problem,) = await refused(companies.bring(WE, [acme(ticker=f"T{n}") for n in range(51)]))
    assert (problem.path, problem.suggestion) == ("companies", "Split them up.")


async def test_the_same_import_again_changes_nothing(companies: CompanyService) -> None:
    _, first = await companies.bring(WE, [acme()])
    before = await companies.find(WE, "ACME")
    found, again = await companies.bring(WE, [acme()])
    assert (first, again) == (("ACME",), ())
    assert found == [before]
    assert len(await companies.history(WE, "ACME", limit=9)) == 1


async def test_an_import_changes_what_it_gives_and_leaves_the_rest(
    companies: CompanyService,
) -> None:
    await companies.bring(WE, [acme()])
    part = {"ticker": "acme", "source": "10-K/A", "years": [{"fiscalYear": 2024, "revenue": 5e8}]}
    (known,), changed = await companies.bring(WE, [part])
    assert changed == ("ACME",)
    assert known.company.years[-1].revenue == 5e8
    assert known.company.years[-1].operating_income == 200e6
    assert known.company.origins["years[2024].revenue"].source == "10-K/A"
    assert known.company.revision == 2


async def test_who_brings_the_same_number_from_another_source_stands_behind_it(
    companies: CompanyService,
) -> None:
    await companies.bring(WE, [acme()])
    bob = replace(WE, member_id=UUID(int=2))

    def given(source: str) -> list[dict[str, Any]]:
        year = {"fiscalYear": 2024, "revenue": 1_000e6, "source": source}
        return [{"ticker": "ACME", "years": [year]}]

    _, changed = await companies.bring(bob, given("Annual report 2024, p. 61"))
    assert changed == ()
    (known,), changed = await companies.bring(bob, given("10-K/A"))
    revenue = known.company.origins["years[2024].revenue"]
    assert (changed, revenue.source, revenue.author) == (("ACME",), "10-K/A", FORMER)
    assert known.company.origins["years[2024].operatingIncome"].author == "Member 1"


async def test_of_several_companies_all_are_brought_or_none(companies: CompanyService) -> None:
    broken = acme(ticker="BAD")
    del broken["prices"]
    assert places(await refused(companies.bring(WE, [acme(), broken]))) == ["companies[1].prices"]
    assert await companies.first(WE, "ACME") is None
    twice = await refused(companies.bring(WE, [acme(), acme(ticker=" acme ")]))
    assert places(twice) == ["companies[1].ticker"]


async def test_to_add_what_is_here_with_other_figures_is_a_conflict(
    companies: CompanyService,
) -> None:
    first = await companies.add(WE, acme())
    assert await companies.add(WE, acme()) == first
    with pytest.raises(Conflict, match="importCompanies"):
        await companies.add(WE, with_year(2024, revenue=1.0))


async def test_a_company_of_ones_own_stands_before_the_shipped_one_and_it_shows(
    companies: CompanyService,
) -> None:
    own = await companies.add(WE, acme(ticker="AAPL"))
    assert (own.provided, own.stands_before) == (Provided.OWN, (Provided.SHIPPED,))
    assert await companies.find(WE, "aapl") == own
    listed = {each.company.ticker: each for each in await companies.all(WE)}
    assert listed["AAPL"] == own
    assert listed["MSFT"].provided is Provided.SHIPPED
    assert len(listed) == 6
    left = await companies.remove(WE, "AAPL")
    assert left is not None
    assert (left.provided, left.company.name) == (Provided.SHIPPED, "Apple Inc.")


async def test_another_tenant_knows_nothing_of_it(companies: CompanyService) -> None:
    await companies.add(WE, acme())
    they = principal(tenant_id=THEIRS)
    with pytest.raises(NotFound):
        await companies.find(they, "ACME")
    assert "ACME" not in {each.company.ticker for each in await companies.all(they)}
    assert await companies.history(they, "ACME", limit=9) == []
    with pytest.raises(NotFound):
        await companies.correct(they, "ACME", "years[2024].revenue", ONE)
    with pytest.raises(NotFound):
        await companies.remove(they, "ACME")


async def test_whoever_may_not_edit_reads_and_changes_nothing(companies: CompanyService) -> None:
    viewer = principal(Role.VIEWER)
    await companies.add(WE, acme())
    assert (await companies.find(viewer, "ACME")).company.name == "Acme Corporation"
    changes: list[Callable[[], Any]] = [
        lambda: companies.add(viewer, acme(ticker="X")),
        lambda: companies.bring(viewer, [acme(ticker="X")]),
        lambda: companies.correct(viewer, "ACME", "years[2024].revenue", ONE),
        lambda: companies.remove(viewer, "ACME"),
    ]
    for change in changes:
        with pytest.raises(Forbidden):
            await change()


# Corrections


async def test_a_correction_is_in_the_history_with_what_stood_there(
    companies: CompanyService,
) -> None:
    await companies.add(WE, acme())
    figure = {"value": 1_010e6, "source": "10-K/A, p. 3", "note": "A typing error."}
    known = await companies.correct(WE, "acme", "years[2024].revenue", figure)
    assert known.company.years[-1].revenue == 1_010e6
    newest, first = await companies.history(WE, "ACME", limit=9)
    assert (newest.revision, newest.verb, first.verb) == (2, "CORRECT", "ADD")
    assert newest.author is not None
    assert newest.author.name == "Member 1"
    (change,) = newest.changes
    assert change["path"] == "years[2024].revenue"
    assert (change["old"]["value"], change["new"]["value"]) == (1_000e6, 1_010e6)
    assert change["new"]["note"] == "A typing error."


async def test_a_corrected_balance_is_of_its_sheets_day(companies: CompanyService) -> None:
    await companies.add(WE, acme())
    path = "balanceSheets[2024-12-31].debtNoncurrent"
    known = await companies.correct(WE, "ACME", path, {"value": 5e6, "source": "10-K/A"})
    assert known.company.origins[path].as_of == date(2024, 12, 31)
    revenue = "years[2024].revenue"
    figure = {"value": 1e9, "source": "10-K/A", "asOf": "2025-02-01"}
    known = await companies.correct(WE, "ACME", revenue, figure)
    assert known.company.origins[revenue].as_of == date(2025, 2, 1)


async def test_a_figure_or_a_whole_year_can_go(companies: CompanyService) -> None:
    await companies.add(WE, acme())
    gone = await companies.correct(WE, "ACME", "years[2023].incomeTax", None)
    assert [year.income_tax for year in gone.company.years] == [45e6, None, 50e6]
    gone = await companies.correct(WE, "ACME", "years[2022]", None)
    assert [year.fiscal_year for year in gone.company.years] == [2023, 2024]
    newest = (await companies.history(WE, "ACME", limit=1))[0]
    assert all(change["new"] is None for change in newest.changes)
    assert len(newest.changes) == 7


@pytest.mark.parametrize(
    ("path", "figure", "where"),
    [
        ("years[2024].profit", ONE, "path"),
        ("years[24].revenue", ONE, "path"),
        ("years[2024]", ONE, "path"),
        ("revenue", ONE, "path"),
        ("notes", ONE, "path"),
        ("years[2024].revenue[0]", None, "path"),
        ("balanceSheets[2024-13-01].debtCurrent", ONE, "path"),
        ("years[1999].revenue", None, "path"),
        ("years[2024].revenue", {"value": -1.0, "source": "x"}, "figure.value"),
        ("years[2024].revenue", {"value": 1.0, "source": " "}, "figure.source"),
        ("years[2024].revenue", {"value": 1.0, "source": "a\x07"}, "figure.source"),
        ("prices[2024-12-31].close", {"value": float("inf"), "source": "x"}, "figure.value"),
        (
            "balanceSheets[2024-12-31].debtNoncurrent",
            {"value": 1.0, "source": "x", "asOf": "2020-01-01"},
            "figure.asOf",
        ),
        ("prices[2024-12-31].close", None, "path"),  # a company has a price
    ],
)
async def test_a_wrong_correction_says_what_is_wrong_and_changes_nothing(
    companies: CompanyService, path: str, figure: Any, where: str
) -> None:
    before = await companies.add(WE, acme())
    assert places(await refused(companies.correct(WE, "ACME", path, figure))) == [where]
    assert await companies.find(WE, "ACME") == before


async def test_shipped_figures_are_not_corrected(companies: CompanyService) -> None:
    with pytest.raises(NotFound, match="shipped ones cannot be changed"):
        await companies.correct(WE, "AAPL", "years[2024].revenue", ONE)


async def test_what_was_removed_can_be_brought_again_and_its_history_goes_on(
    companies: CompanyService,
) -> None:
    await companies.add(WE, acme())
    assert await companies.remove(WE, "ACME") is None
    with pytest.raises(NotFound):
        await companies.find(WE, "ACME")
    assert (await companies.add(WE, acme(currency="EUR"))).company.revision == 3
    told = [each.verb for each in await companies.history(WE, "ACME", limit=9)]
    assert told == ["ADD", "REMOVE", "ADD"]


async def test_a_currency_does_not_change_under_figures(companies: CompanyService) -> None:
    await companies.add(WE, acme())
    given = {"ticker": "ACME", "currency": "EUR", "source": "x"}
    assert places(await refused(companies.bring(WE, [given]))) == ["companies[0].currency"]


async def test_a_tenant_holds_so_many_companies_and_no_more(
    companies: CompanyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.own_companies.COMPANIES_MOST", 2)
    await companies.bring(WE, [acme(), acme(ticker="B")])
    with pytest.raises(QuotaExceeded):
        await companies.add(WE, acme(ticker="C"))
    await companies.remove(WE, "B")
    await companies.add(WE, acme(ticker="C"))
    with pytest.raises(QuotaExceeded):  # what was removed takes a place again
        await companies.add(WE, acme(ticker="B"))


# Whoever else waits


async def test_everybody_else_has_a_turn_between_two_companies_of_an_import(
    companies: CompanyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    merged_at: list[int] = []
    told_at: list[int] = []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def merging(*given: Any) -> Any:
        merged_at.append(turns)
        return merged(*given)

    def telling(*given: Any) -> Any:
        told_at.append(turns)
        return company_of(*given)

    monkeypatch.setattr("services.own_companies.merged", merging)
    monkeypatch.setattr("services.own_companies.company_of", telling)
    waiting = asyncio.create_task(others())
    await companies.bring(WE, [acme(ticker=f"T{number}") for number in range(5)])
    waiting.cancel()
    for moments in (merged_at, told_at):
        assert len(set(moments)) == len(moments) == 5
    told_at.clear()
    waiting = asyncio.create_task(others())
    await companies.all(WE)
    waiting.cancel()
    assert len(set(told_at)) == len(told_at) == 5


async def test_what_is_given_is_read_beside_the_loop(
    companies: CompanyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()

    def reading(*given: Any) -> Given:
        threads.add(threading.get_ident())
        return Given(*given)

    monkeypatch.setattr("services.own_companies.Given", reading)
    await companies.bring(WE, [acme(), acme(ticker="B")])
    assert threads
    assert threading.get_ident() not in threads


async def test_of_many_companies_the_first_are_named_and_none_is_read(
    companies: CompanyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await companies.bring(WE, [acme(ticker=f"A{number:02}") for number in range(38)])
    await companies.remove(WE, "A00")
    monkeypatch.setattr("services.own_companies.company_of", None)
    with pytest.raises(NotFound, match=r"A01, A02, .*, A37, AAPL, MSFT, GOOGL, and 3 more\.$"):
        await companies.find(WE, "NONE")
