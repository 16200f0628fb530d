"""Mergers of the textbooks, as the engine values them."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.optimize import brentq

from engine.merger import MergerInputs, value_merger
from services.documents import document_of, reader
from tests.mirror.engine.merger import book_deals as book

CENT = 0.00501  # half of one: what is printed with two digits
read = reader(MergerInputs)


def merged(document: book.Document) -> dict[str, Any]:
    told: dict[str, Any] = document_of(value_merger(read(document)))
    return told


@pytest.mark.parametrize(("document", "issued", "before", "after"), book.EARNINGS)
def test_shares_for_shares_earn_what_the_books_say(
    document: book.Document, issued: float, before: float, after: float
) -> None:
    """Brealey, Myers and Allen, ch. 31; Ross, Westerfield and Jaffe; Berk and DeMarzo, ch. 28.

    World Enterprises, Global Resources, NewWorld and TargetCo's buyer, as `book_deals` has them.
    """
    result = merged(document)
    assert result["newShares"] == pytest.approx(issued, rel=1e-12)
    assert result["perShare"]["standAlone"][0] == pytest.approx(before, rel=1e-12)
    assert result["earningsPerShare"] == pytest.approx(after, abs=CENT)
    assert result["accretion"] == pytest.approx(after / before - 1.0, abs=CENT / before)
    assert result["perShare"]["gaap"][0] == pytest.approx(after, abs=CENT)


def test_what_a_merger_costs_in_shares_depends_on_what_it_gains() -> None:
    """Brealey, Myers and Allen, ch. 31: of 25 A keeps 10 if it pays cash, 7.55 if it pays shares.

    The book has the cost to A, what B's owners get of the gain: 15, and 17.45.
    """
    told = [merged(each) for each in (book.IN_CASH, book.IN_SHARES)]
    cash, shares = (each["valueCreation"] for each in told)
    assert [each["valueCreated"] for each in told] == pytest.approx([10e6, 10e6], rel=1e-12)
    assert cash["acquirerPart"] == pytest.approx(10e6, rel=1e-12)
    assert shares["acquirerPart"] == pytest.approx(7.55e6, abs=0.005e6)
    assert shares["synergies"] - shares["acquirerPart"] == pytest.approx(17.45e6, abs=0.005e6)


def test_the_most_that_sprint_can_give_is_the_books() -> None:
    """Berk and DeMarzo, ch. 28: 1.624 shares, which are worth 40.59."""

    def left(ratio: float) -> float:
        offer = {"exchangeRatio": {"fixed": {"ratio": ratio}}}
        document = book.SPRINT_NEXTEL | {"offer": offer, "financing": {}}
        return float(merged(document)["valueCreation"]["acquirerPart"])

    most = brentq(left, 1.0, 3.0, xtol=1e-14)
    assert most == pytest.approx(1.624, abs=0.0005)
    assert 25.0 * most == pytest.approx(40.59, abs=CENT)


def test_buyercos_goodwill_is_the_books() -> None:
    """Rosenbaum and Pearl, 2nd ed., ch. 7: sources of 6,350, 33.6 new shares, goodwill of 1,859."""
    result = merged(book.BUYER_CO)
    offer, funds = result["offer"], result["sourcesAndUses"]
    assert offer["equityPrice"] == pytest.approx(4700.0, rel=1e-12)
    assert offer["premium"] == pytest.approx(0.35, abs=0.0005)
    assert offer["enterpriseValue"] == pytest.approx(5950.0, rel=1e-12)
    assert funds["newShares"] == pytest.approx(2350.0, rel=1e-12)
    assert funds["newDebt"] == pytest.approx(3700.0, rel=1e-12)
    assert funds["totalSources"] == pytest.approx(6350.0, rel=1e-12)
    assert result["newShares"] == pytest.approx(33.57, abs=CENT)
    assert result["allocation"]["netAssets"] == pytest.approx(2500.0 + 550.0 - 209.0, rel=1e-12)
    assert result["allocation"]["deferredTax"] == pytest.approx(209.0, rel=1e-12)
    assert result["goodwill"] == pytest.approx(1859.0, rel=1e-12)
