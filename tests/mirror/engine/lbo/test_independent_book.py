"""A published buyout, through the other witness: the book says that it can be trusted."""

from __future__ import annotations

import pytest

from tests.mirror.engine.lbo import valueco as book
from tests.mirror.engine.lbo.independent import exit_at, lbo
from tests.mirror.engine.lbo.valueco import valueco

HALF_A_DIGIT = 0.051  # of what is printed with one


def test_valuecos_years_are_the_books() -> None:
    """Rosenbaum and Pearl, Investment Banking, 1st ed., ch. 5: interest on average balances."""
    years = lbo(valueco())["years"][:3]
    told = book.as_printed(years)
    for name, printed in book.PRINTED.items():
        assert told[name] == pytest.approx(printed, abs=HALF_A_DIGIT), name
    assert years[2]["balance"]["debt"] == pytest.approx(750.0 - 155.4, abs=HALF_A_DIGIT)


def test_valueco_earns_what_the_book_says_at_each_of_49_prices() -> None:
    """Rosenbaum and Pearl, 1st ed., exhibit 5.42, p. 235; debt is fixed, the sponsor plugs."""
    for number, multiple in enumerate(book.MULTIPLES):
        document = valueco(evToEbitda=multiple)
        facts = lbo(document)
        closing = facts["closing"]
        worth = closing["enterpriseValue"]
        assert worth == pytest.approx(book.ENTERPRISE_VALUES[number], abs=HALF_A_DIGIT)
        contribution = 100.0 * closing["sponsor"] / (closing["sources"] + book.CASH_ON_HAND)
        assert contribution == pytest.approx(book.CONTRIBUTIONS[number], abs=HALF_A_DIGIT)
        irrs = [100.0 * exit_at(document, facts, 5, each)["irr"] for each in book.MULTIPLES]
        assert irrs == pytest.approx(book.BY_ENTRY_AND_EXIT[multiple], abs=HALF_A_DIGIT)


def test_valueco_earns_what_the_book_says_in_each_exit_year() -> None:
    """Rosenbaum and Pearl, 1st ed., exhibit 5.43, p. 235."""
    document = valueco()
    facts = lbo(document)
    irrs = [100.0 * exit_at(document, facts, year, 6.5)["irr"] for year in (3, 4, 5, 6, 7)]
    assert irrs == pytest.approx(book.AT_SIX_AND_A_HALF, abs=HALF_A_DIGIT)
    assert facts["exit"]["irr"] == pytest.approx(0.201, abs=0.00051)
    assert facts["exit"]["moic"] == pytest.approx(2.5, abs=HALF_A_DIGIT)
    assert facts["closing"]["sponsor"] == pytest.approx(385.0, abs=HALF_A_DIGIT)
