"""A tenant's own companies: changed with their history, all or none, and seen by no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from store.database import Database
from store.errors import NotKept
from store.own_companies import Known, NewCompanyChange, OwnCompanies
from tests.mirror.store.world import NOON, OURS, THEIRS

pytestmark = pytest.mark.anyio

AUTHOR = UUID(int=1)


def change(ticker: str = "ACME", **changes: Any) -> NewCompanyChange:
    plain: dict[str, Any] = {
        "ticker": ticker,
        "verb": "ADD",
        "removed": False,
        "figures": '{"name":{"value":"Acme"}}',
        "changes": "[]",
    }
    return NewCompanyChange(**(plain | changes))


@pytest.fixture
def companies(database: Database) -> OwnCompanies:
    return OwnCompanies(database)


def deciding(*changes: NewCompanyChange) -> Callable[..., Awaitable[Sequence[NewCompanyChange]]]:
    """A decision that looks at nothing."""

    async def decide(_known: Known, _count: int) -> Sequence[NewCompanyChange]:
        return changes

    return decide


async def put(companies: OwnCompanies, *changes: NewCompanyChange, tenant: UUID = OURS) -> None:
    tickers = [each.ticker for each in changes]
    await companies.change(tenant, AUTHOR, NOON, tickers, deciding(*changes))


async def test_a_company_is_found_as_it_was_put(companies: OwnCompanies) -> None:
    assert await companies.find(OURS, "ACME") is None
    written = await companies.change(OURS, AUTHOR, NOON, ["ACME"], deciding(change()))
    found = await companies.find(OURS, "ACME")
    assert found == written["ACME"]
    assert found is not None
    assert (found.revision, found.updated_at, found.updated_by) == (1, NOON, AUTHOR)
    (told,) = await companies.changes(OURS, "ACME", limit=9)
    assert (told.seq, told.verb, told.author, told.at) == (1, "ADD", AUTHOR, NOON)


async def test_each_change_is_a_revision_and_its_history_is_kept(companies: OwnCompanies) -> None:
    await put(companies, change())
    for number in range(2, 5):
        later = NOON + timedelta(hours=number)
        new = change(verb="CORRECT", figures=f"{{{number}}}", changes=f"[{number}]")
        await companies.change(OURS, UUID(int=number), later, ["ACME"], deciding(new))
    found = await companies.find(OURS, "ACME")
    assert found is not None
    assert (found.revision, found.figures) == (4, "{4}")
    history = await companies.changes(OURS, "ACME", limit=9)
    assert [(told.seq, told.changes) for told in history] == [
        (4, "[4]"),
        (3, "[3]"),
        (2, "[2]"),
        (1, "[]"),
    ]
    assert [told.author.int for told in history] == [4, 3, 2, 1]
    older = await companies.changes(OURS, "ACME", before=3, limit=1)
    assert [told.seq for told in older] == [2]


async def test_whoever_decides_is_shown_what_stands(companies: OwnCompanies) -> None:
    await put(companies, change("B"), change("A"))
    seen: list[tuple[list[str], int]] = []

    async def decide(known: Known, count: int) -> Sequence[NewCompanyChange]:
        seen.append((sorted(known), count))
        return [change("A", removed=True, verb="REMOVE")] if count == 2 else []

    for _ in range(2):
        await companies.change(OURS, AUTHOR, NOON, ["A", "C"], decide)
    assert seen == [(["A"], 2), (["A"], 1)]  # what was removed is known, and counts no more
    assert [(each.ticker, each.removed) for each in await companies.all(OURS)] == [
        ("A", True),
        ("B", False),
    ]


async def test_of_several_companies_all_are_written_or_none(companies: OwnCompanies) -> None:
    with pytest.raises(NotKept):
        await put(companies, change("GOOD"), change("BAD", verb="GUESS"))
    assert await companies.all(OURS) == []
    assert await companies.changes(OURS, "GOOD", limit=9) == []


async def test_what_is_raised_while_deciding_comes_out_and_nothing_is_written(
    companies: OwnCompanies,
) -> None:
    async def decide(_known: Known, _count: int) -> Sequence[NewCompanyChange]:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await companies.change(OURS, AUTHOR, NOON, ["ACME"], decide)
    assert await companies.all(OURS) == []
    await put(companies, change())  # and the next one may go on


async def test_another_tenant_sees_and_changes_nothing_of_ours(companies: OwnCompanies) -> None:
    await put(companies, change())
    assert await companies.find(THEIRS, "ACME") is None
    assert await companies.all(THEIRS) == []
    assert await companies.changes(THEIRS, "ACME", limit=9) == []
    await put(companies, change(figures='"theirs"'), tenant=THEIRS)
    mine, other = await companies.find(OURS, "ACME"), await companies.find(THEIRS, "ACME")
    assert mine is not None
    assert other is not None
    assert (mine.figures, mine.revision) == ('{"name":{"value":"Acme"}}', 1)
    assert (other.figures, other.revision) == ('"theirs"', 1)


async def test_tickers_are_those_of_the_companies_that_a_tenant_has(
    companies: OwnCompanies,
) -> None:
    await put(companies, change("B"), change("A"), change("C"))
    await put(companies, change("B", verb="REMOVE", removed=True))
    await put(companies, change("D"), tenant=THEIRS)
    assert await companies.tickers(OURS) == ["A", "C"]


async def test_of_two_changes_at_once_the_second_sees_the_first(companies: OwnCompanies) -> None:
    async def add_one(known: Known, _: int) -> Sequence[NewCompanyChange]:
        so_far = known["ACME"].figures if "ACME" in known else ""
        return [change(figures=so_far + "x")]

    each = [companies.change(OURS, AUTHOR, NOON, ["ACME"], add_one) for _ in range(8)]
    await asyncio.gather(*each)
    found = await companies.find(OURS, "ACME")
    assert found is not None
    assert (found.revision, found.figures) == (8, "x" * 8)
    assert len(await companies.changes(OURS, "ACME", limit=99)) == 8
