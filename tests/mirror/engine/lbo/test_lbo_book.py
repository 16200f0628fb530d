"""ValueCo, the buyout of a textbook, as the engine values it: 55 returns and three years."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lbo import exit_grid
from engine.lbo.inputs import admit
from tests.mirror.engine.lbo import valueco as book
from tests.mirror.engine.lbo.valueco import valueco
from tests.mirror.engine.lbo.witnesses import engine, read

HALF_A_DIGIT = 0.051  # of what is printed with one


def test_valuecos_years_are_the_books() -> None:
    """Rosenbaum and Pearl, Investment Banking, 1st ed., ch. 5: interest on average balances."""
    years = engine(valueco())["years"][:3]
    told = book.as_printed(years)
    for name, printed in book.PRINTED.items():
        assert told[name] == pytest.approx(printed, abs=HALF_A_DIGIT), name
    assert years[2]["balance"]["debt"] == pytest.approx(750.0 - 155.4, abs=HALF_A_DIGIT)


def test_valuecos_sources_are_its_uses_as_in_the_book() -> None:
    """Rosenbaum and Pearl, 1st ed., ch. 5: 385 of equity, 750 of debt; fees of 20 (p. 213)."""
    closing = engine(valueco())["closing"]
    assert closing["sponsor"] == pytest.approx(385.0, abs=HALF_A_DIGIT)
    assert closing["financingFees"] == pytest.approx(20.0, abs=HALF_A_DIGIT)
    assert closing["uses"] == pytest.approx(1160.0 - book.CASH_ON_HAND, abs=HALF_A_DIGIT)
    assert sum(closing["faces"]) == pytest.approx(750.0, rel=1e-12)


@pytest.mark.parametrize("number", range(len(book.MULTIPLES)))
def test_valueco_earns_what_the_book_says_at_each_price(number: int) -> None:
    """Rosenbaum and Pearl, 1st ed., exhibit 5.42, p. 235; debt is fixed, the sponsor plugs."""
    multiple = book.MULTIPLES[number]
    document = valueco(evToEbitda=multiple)
    closing = engine(document)["closing"]
    worth = closing["enterpriseValue"]
    assert worth == pytest.approx(book.ENTERPRISE_VALUES[number], abs=HALF_A_DIGIT)
    contribution = 100.0 * closing["sponsor"] / (closing["uses"] + book.CASH_ON_HAND)
    assert contribution == pytest.approx(book.CONTRIBUTIONS[number], abs=HALF_A_DIGIT)
    grid = exit_grid(admit(read(document)), [5], np.array(book.MULTIPLES))
    printed = book.BY_ENTRY_AND_EXIT[multiple]
    assert 100.0 * np.ravel(grid.irr) == pytest.approx(printed, abs=HALF_A_DIGIT)


def test_valueco_earns_what_the_book_says_in_each_exit_year() -> None:
    """Rosenbaum and Pearl, 1st ed., exhibit 5.43, p. 235; and 20.1 %, or 2.5 times, in 2013."""
    grid = exit_grid(admit(read(valueco())), [3, 4, 5, 6, 7], np.array([6.5, 7.5]))
    irrs = 100.0 * np.asarray(grid.irr)
    assert irrs[:, 0] == pytest.approx(book.AT_SIX_AND_A_HALF, abs=HALF_A_DIGIT)
    assert irrs[2, 1] == pytest.approx(20.1, abs=HALF_A_DIGIT)
    assert np.asarray(grid.moic)[2, 1] == pytest.approx(2.5, abs=HALF_A_DIGIT)
