"""What is brought of a company fits together, or all that does not is said."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Problem
from services.companies import CompanyService
from services.company_figures import Given, StatementUnit, merged
from services.contents import canonical_text
from services.errors import NotFound
from services.own_company import Origins, company_of
from tests.mirror.services.conftest import principal
from tests.mirror.services.test_own_companies import companies, places, refused
from tests.own_companies import ACME, acme, with_sheet, with_year

pytestmark = pytest.mark.anyio

WE = principal()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

__all__ = ["companies"]


@pytest.mark.parametrize("ticker", ["ß", "ıbm", "ﬁ", "ſ"])
async def test_letters_that_only_become_ours_as_capitals_are_no_ticker(
    companies: CompanyService, ticker: str
) -> None:
    assert places(await refused(companies.add(WE, acme(ticker=ticker)))) == ["company.ticker"]
    await companies.bring(WE, [acme(ticker=ticker.upper())])
    with pytest.raises(NotFound):
        await companies.find(WE, ticker)
    with pytest.raises(NotFound):
        await companies.remove(WE, ticker)


async def test_what_was_copied_twice_does_not_count_twice(companies: CompanyService) -> None:
    one_off = {"line": "operatingIncome", "amount": 5.0, "reason": "Closing", "source": "note 7"}
    twice = with_year(2024, adjustments=[one_off, {**one_off, "amount": 6.0}, one_off])
    found = await refused(companies.add(WE, twice))
    assert places(found) == ["company.years[2].adjustments[2]"]
    tranche = {"count": 1.0, "strike": 5.0}
    options = [tranche, {**tranche, "strike": 6.0}, tranche]
    found = await refused(companies.add(WE, with_sheet(options=options)))
    assert places(found) == ["company.balanceSheets[0].options[2]"]


async def test_an_origin_is_of_a_figure_that_is_given_and_given_once(
    companies: CompanyService,
) -> None:
    origins = [
        {"line": "revenue", "source": "p. 7"},
        {"line": "revenue", "source": "p. 8"},
        {"line": "stockCompensation", "source": "p. 9"},
    ]
    found = await refused(companies.add(WE, with_year(2024, origins=origins)))
    assert places(found) == [f"company.years[2].origins[{n}].line" for n in (1, 2)]


async def test_each_problem_of_a_correction_is_told(companies: CompanyService) -> None:
    await companies.add(WE, acme())
    both = {"value": -1.0, "source": " "}
    found = await refused(companies.correct(WE, "ACME", "years[2024].revenue", both))
    assert places(found) == ["figure.value", "figure.source"]


async def test_one_correction_after_the_other_makes_a_company_no_larger_than_may_be(
    companies: CompanyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await companies.add(WE, acme())
    monkeypatch.setattr("services.company_figures.BYTES_MOST", 6_500)
    figure = {"value": 1.0, "source": "x"}
    await companies.correct(WE, "ACME", "years[2024].stockCompensation", figure)
    figure["source"] = "é" * 1_000  # two bytes each
    (problem,) = await refused(companies.correct(WE, "ACME", "years[2023].netIncome", figure))
    assert (problem.path, problem.code) == ("path", "TOO_LARGE")


async def test_a_reported_line_stays_as_long_as_it_is_adjusted(companies: CompanyService) -> None:
    one_off = {"line": "revenue", "amount": 5.0, "reason": "x"}
    given = with_year(2024, adjustments=[one_off, {**one_off, "amount": 6.0}])
    await companies.add(WE, given)
    (problem,) = await refused(companies.correct(WE, "ACME", "years[2024].revenue", None))
    assert (problem.path, problem.code) == ("path", "CONTRADICTION")
    await companies.correct(WE, "ACME", "years[2024].adjustments", None)
    await companies.correct(WE, "ACME", "years[2024].revenue", None)


async def test_an_adjustment_needs_a_reported_line_and_a_reason(companies: CompanyService) -> None:
    none = with_year(
        2024, adjustments=[{"line": "stockCompensation", "amount": 1.0, "reason": "x"}]
    )
    (problem,) = await refused(companies.add(WE, none))
    assert "no stockCompensation that could be adjusted" in problem.message
    bare = with_year(2024, adjustments=[{"line": "revenue", "amount": 1.0, "reason": " "}])
    assert places(await refused(companies.add(WE, bare))) == [
        "company.years[2].adjustments[0].reason"
    ]
    below = with_year(2024, adjustments=[{"line": "revenue", "amount": -2000.0, "reason": "x"}])
    (problem,) = await refused(companies.add(WE, below))
    assert "Adjusted, revenue of fiscal 2024 would be" in problem.message


async def test_a_peer_is_whole(companies: CompanyService) -> None:
    half = acme(peers=[{"ticker": "MSFT", "beta": 1.1}])
    found = await refused(companies.add(WE, half))
    assert sorted(problem.message for problem in found) == [
        "The peer MSFT has no debtToEquity.",
        "The peer MSFT has no taxRate.",
    ]


async def test_all_lines_of_a_balance_sheet_come_back_as_they_were_given(
    companies: CompanyService,
) -> None:
    given = with_sheet(
        leases=1.0,
        lossesCarriedForward=2.0,
        basicShares=98.0,
        restrictedStock=1.0,
        options=[{"count": 2.0, "strike": 12.5}],
    )
    sheet = (await companies.add(WE, given)).company.balance_sheets[0]
    assert (sheet.leases, sheet.losses_carried_forward) == (1e6, 2e6)
    assert [(grant.count, grant.strike) for grant in sheet.options] == [(2e6, 12.5)]


# Laws

AMOUNTS = st.floats(0.0, 1e9, allow_nan=False)


@given(
    st.lists(st.tuples(st.integers(1990, 2030), AMOUNTS), min_size=1, unique_by=lambda t: t[0]),
    st.sampled_from(list(StatementUnit)),
)
def test_merging_is_the_same_done_twice_as_once(
    years: list[tuple[int, float]], unit: StatementUnit
) -> None:
    document = {
        "ticker": "X",
        "source": "s",
        "unit": unit,
        "years": [{"fiscalYear": year, "revenue": amount} for year, amount in years],
    }
    problems: list[Problem] = []
    figures = Given(document, "", problems).figures
    assert problems == []
    once = merged({}, figures, "me", "now")
    assert merged(once, figures, "you", "later") == once
    assert len(once) == len(years)


def test_a_document_is_not_changed_by_being_read() -> None:
    document = acme()
    Given(document, "", [])
    assert document == ACME == deepcopy(ACME)


def test_own_authors_who_left_are_said_to_have_left() -> None:
    problems: list[Problem] = []
    given = Given(acme(), "", problems)
    figures = merged({}, given.figures, UUID(int=9).hex, NOON.isoformat())
    company = company_of("ACME", figures, Origins(canonical_text(figures), {}))
    assert {each.author for each in company.origins.values()} == {"a former member"}
