"""What the schema says of an input's least and most is what the door of its kind lets in.

Operations, shares and bridge are shared with the DCF, and stand in its test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from engine.errors import InvalidInput
from services.kinds import COMPARABLES, CREDIT, LBO, MERGER, Kind
from services.words import snake
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.mirror.resolvers.valuations.test_bounds_in_words import put
from tests.the_schema import GRAPHQL

NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e\d+)?(?:/\d+)?"
BOUNDS = re.compile(
    rf"(?<![\d.])({NUMBER})(?: \([^)]*\))? to ({NUMBER})|\b({NUMBER}) or more(?! below)|(above 0)"
)
COUNT = re.compile(r"(\d+) to (\d+)|up to (\d+)")
SHARED = ("operations", "shares", "bridge", "segments", "assumptions")
OF_TERM: Final = {"revenue": 1.0, "ebitda": 1.0}

EXAMPLES: Final[dict[str, tuple[Kind[Any, Any], dict[str, Any]]]] = {
    "LboInput": (
        LBO,
        bought(
            baseRate={"level": 0.03},
            cash={},
            equity={},
            recapitalisation={"year": 1, "amount": 1.0, "fixedRate": 0.1},
            covenants=[{"measure": "LEVERAGE", "limit": {"level": 9.0}}],
        ),
    ),
    "MergerInput": (
        MERGER,
        merged(
            allocation={
                "intangibles": [{"amount": 1.0, "life": 5.0}],
                "fixedAssetStepUp": {"amount": 1.0, "life": 5.0},
            },
            fees={},
            earnOut={"amount": 1.0, "year": 1, "probability": 0.5},
        ),
    ),
    "ComparablesInput": (COMPARABLES, compared()),
    "CreditInput": (CREDIT, indebted()),
}
# What has to stand there, so that an input's own bounds are what is asked.
BESIDE: Final[dict[str, Any]] = {
    "offer.exchangeRatio.fixed": {"ratio": 1.0},
    "offer.exchangeRatio.floating": {"value": 1.0},
    "offer.exchangeRatio.collar": {"ratio": 1.0, "lowPrice": 1.0, "highPrice": 2.0},
    "subject.metrics.calendarised": {"fiscalYears": [{"end": "2024-12-31", **OF_TERM}]},
    "peers[0].metrics.calendarised": {"fiscalYears": [{"end": "2024-12-31", **OF_TERM}]},
    "subject.metrics.stated": {"ltm": OF_TERM, "ntm": OF_TERM},
    "peers[0].metrics.stated": {"ltm": OF_TERM, "ntm": OF_TERM},
}


def told(kind: GraphQLInputObjectType, before: str = "") -> Iterator[tuple[str, str, bool, str]]:
    """Every number and every list of a kind: path, type, whether it is a list, sentence."""
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        many = isinstance(get_nullable_type(field.type), GraphQLList)
        if name in SHARED:
            continue
        if many or inner.name in ("Float", "Int", "ScheduleInput"):
            yield f"{before}{name}", inner.name, many, field.description or ""
        if isinstance(inner, GraphQLInputObjectType) and inner.name != "ScheduleInput":
            yield from told(inner, f"{before}{name}{'[0]' if many else ''}.")


def number(text: str) -> float:
    over, _, under = text.replace(",", "").partition("/")
    return float(over) / float(under or 1.0)


def bounds() -> Iterator[tuple[str, str, str, float, float, float | None]]:
    """Document, path, type; a number that is too low, the least, and the most."""
    for document in EXAMPLES:
        kind = GRAPHQL.type_map[document]
        assert isinstance(kind, GraphQLInputObjectType)
        for path, name, many, sentence in told(kind):
            found = None if many else BOUNDS.search(sentence)
            if found is None:
                continue
            step = 1.0 if name == "Int" else 1e-6
            if found[4]:
                yield document, path, name, 0.0, step, None
            else:
                least = number(found[1] or found[3])
                most = number(found[2]) if found[2] else None
                yield document, path, name, least - step, least, most


def counts() -> Iterator[tuple[str, str, int, int]]:
    for document in EXAMPLES:
        kind = GRAPHQL.type_map[document]
        assert isinstance(kind, GraphQLInputObjectType)
        for path, _, many, sentence in told(kind):
            if many:
                found = COUNT.search(sentence)
                assert found, f"{path} does not say how many there may be"
                yield document, path, int(found[1] or 0), int(found[2] or found[3])


def refused(document: str, path: str, value: Any) -> set[tuple[str, str]]:
    kind, given = EXAMPLES[document]
    for group, beside in BESIDE.items():
        if path.startswith(f"{group}."):
            at, _, branch = group.rpartition(".")
            given = put(given, at, {branch: beside})
    try:
        kind.door(put(given, path, value))
    except InvalidInput as no:
        return {(problem.path, problem.code) for problem in no.problems}
    return set()


ALL = list(bounds())


@pytest.mark.parametrize(
    ("document", "path", "kind", "below", "least", "most"),
    ALL,
    ids=[f"{each[0]}-{each[1]}" for each in ALL],
)
def test_a_number_is_let_in_from_the_least_to_the_most_that_its_sentence_says(
    document: str, path: str, kind: str, below: float, least: float, most: float | None
) -> None:
    by_year, whole = kind == "ScheduleInput", kind == "Int"
    no = (f"{snake(path)}{'.level' if by_year else ''}", "OUT_OF_RANGE")

    def is_refused(value: float) -> bool:
        given: Any = int(value) if whole else value
        problems = refused(document, path, {"level": given} if by_year else given)
        if whole:  # a number of years that cannot be is of the wrong length at some doors
            return no[0] in {where for where, _ in problems}
        return no in problems

    assert is_refused(below)
    assert not is_refused(least)
    if most is not None:
        assert is_refused(most + (1.0 if whole else max(1e-6, 1e-9 * most)))
        assert not is_refused(most)


@pytest.mark.parametrize(("document", "path", "least", "most"), list(counts()))
def test_a_list_is_as_long_as_its_sentence_says(
    document: str, path: str, least: int, most: int
) -> None:
    def is_refused(many: int) -> bool:
        given: Any = EXAMPLES[document][1]
        for group, beside in BESIDE.items():
            if path.startswith(f"{group}."):
                given = beside
        for step in re.findall(r"\w+", path.rpartition("calendarised.")[2]):
            given = given[step]
        problems = refused(document, path, [given[0]] * many)
        return (snake(path), "TOO_LARGE") in problems or (snake(path), "WRONG_LENGTH") in problems

    assert is_refused(most + 1)
    assert not is_refused(most)
    assert not is_refused(least)
    if least:
        assert is_refused(least - 1)


@pytest.mark.parametrize(("last", "late"), [(None, 6), (3, 4)])
def test_owners_can_be_paid_out_of_new_debt_up_to_the_year_of_the_exit(
    last: int | None, late: int
) -> None:
    def paid_in(year: int) -> set[str]:
        kind, given = EXAMPLES["LboInput"]
        given = put(given, "exit", {"evToEbitda": 8.0, **({"year": last} if last else {})})
        try:
            kind.door(put(given, "recapitalisation.year", year))
        except InvalidInput as no:
            return {problem.path for problem in no.problems}
        return set()

    assert paid_in(late - 1) == set()
    assert paid_in(late) == paid_in(0) == {"recapitalisation.year"}


def test_all_numbers_but_those_of_either_sign_say_their_bounds() -> None:
    spoken = {(document, path) for document, path, *_ in ALL}
    silent = set()
    for document in EXAMPLES:
        kind = GRAPHQL.type_map[document]
        assert isinstance(kind, GraphQLInputObjectType)
        for path, _, many, _ in told(kind):
            if not many and (document, path) not in spoken:
                silent.add(path.rpartition(".")[2])
    assert silent == {
        # Money of either sign.
        "ebitda",
        "ebit",
        "netIncome",
        "interest",
        "capitalExpenditure",
        "increaseInWorkingCapital",
        "workingCapital",
        "deferredTaxLiability",
        "cost",
        "revenue",
        "enterpriseValue",
        # Up to what another input says.
        "balanceSheetCash",
        "year",
    }
