from __future__ import annotations

from datetime import date

from services.assumptions import PRODUCT, Draft, run
from store.companies import Origin


def test_an_input_enters_a_document_together_with_its_assumption() -> None:
    draft = Draft()
    draft.put("bridge.debt", 5, "$5", "Borrowed.", Origin(source="a report"))
    draft.put("bridge.cash", 7, "$7", "In the till.")
    draft.put("currency", "USD", "USD", "As filed.")
    assert draft.document == {"bridge": {"debt": 5, "cash": 7}, "currency": "USD"}
    assert [each.path for each in draft.assumptions] == ["bridge.debt", "bridge.cash", "currency"]


def test_a_rate_that_moves_is_held_for_three_years_and_ramped_over_seven() -> None:
    draft = Draft()
    draft.put_rate("operations.taxRate", 0.1, 0.2, "Rises.")
    assert draft.document["operations"]["taxRate"]["stages"] == [
        {"years": 3, "value": 0.1},
        {"years": 7, "value": 0.2, "ramp": True},
    ]
    assert draft.assumptions[0].value == "10 % for 3 years, then by equal steps to 20 %"


def test_a_rate_that_does_not_move_is_a_level() -> None:
    draft = Draft()
    draft.put_rate("operations.ebitMargin", 0.3, 0.3, "Held.")
    assert draft.document == {"operations": {"ebitMargin": {"level": 0.3}}}


def test_the_sentence_says_which_way_a_rate_goes() -> None:
    assert " rises in equal steps to 20 % in year 10, " in run("The rate", 0.1, 0.2, "why")
    assert " falls in equal steps to 10 % in year 10, " in run("The rate", 0.2, 0.1, "why")
    assert run("The rate", 0.2, 0.2, "why") == "The rate is held."


def test_an_assumption_says_who_stands_behind_it() -> None:
    draft = Draft()
    origin = Origin(source="p. 7", as_of=date(2024, 12, 31), author="Ada", note="Restated.")
    draft.put("bridge.debt", 5, "$5", "Borrowed.", origin)
    draft.put("bridge.cash", 7, "$7", "In the till.")
    debt, cash = draft.assumptions
    assert (debt.author, cash.author) == ("Ada", PRODUCT)
    assert debt.entry() == {
        "path": "bridge.debt",
        "source": "p. 7",
        "asOf": "2024-12-31",
        "author": "Ada",
        "note": "Borrowed. Restated.",
    }
    assert cash.entry() == {"path": "bridge.cash", "author": PRODUCT, "note": "In the till."}
