"""What the schema says of an input's least and most is what the door lets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    get_named_type,
    get_nullable_type,
)

from engine.errors import InvalidInput
from services.kinds import DCF
from services.words import snake
from tests.dcf_documents import Document, firm, without
from tests.the_schema import GRAPHQL

BOUNDS = re.compile(r"from (-?[\d.,]*\d) to (-?[\d.,]*\d)|(?<!from )\b(\S+) or more(?! below)")
NUMBERS = ("Float", "ScheduleInput")
PEER = {"name": "Plum", "beta": 1.0, "debtToEquity": 0.5, "taxRate": 0.2}
CAPM = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "preTaxCostOfDebt": 0.06,
    "debtWeight": 0.2,
    "taxRate": 0.25,
}
# What has to stand beside an input, so that the input's own bounds are what is asked.
BESIDE: dict[str, dict[str, Any]] = {
    "capital.capm": {"capital": {"capm": {**CAPM, "beta": 1.0}}},
    "capital.capm.comparables": {"capital": {"capm": {**CAPM, "comparables": {"peers": [PEER]}}}},
    "operations.workingCapitalDays": {
        "operations.workingCapitalDays": {
            name: {"level": 0.5}
            for name in ("receivables", "inventories", "payables", "costOfSales")
        }
    },
    "operations.losses": {"operations.losses": {"balance": 1.0}},
    "terminal.gordon.normalised": {
        "terminal.gordon.normalised": {"depreciation": 0.05, "capitalExpenditure": 0.05}
    },
    "terminal.hModel": {
        "terminal": {"hModel": {"initialGrowth": 0.02, "growth": 0.01, "halfLife": 2.0}}
    },
    "terminal.valueDriver": {
        "terminal": {"valueDriver": {"growth": 0.01, "returnOnNewCapital": 0.1}}
    },
    "terminal.exitMultiple": {"terminal": {"exitMultiple": {"evToEbitda": 8.0}}},
    "shares.basic": {"shares": {"basic": 10.0}},
    "shares.restrictedStock": {"shares": {"basic": 10.0, "restrictedStock": 0.0}},
    "shares.options": {"shares": {"basic": 10.0, "options": [{"count": 1.0, "strike": 1.0}]}},
    "shares.convertibles": {
        "shares": {"basic": 10.0, "convertibles": [{"faceValue": 1.0, "conversionPrice": 1.0}]}
    },
    "failure": {"failure": {"probability": 0.1, "recovery": 0.5}},
}


def told(kind: GraphQLNamedType, before: str = "") -> Iterator[tuple[str, bool, str]]:
    """Every number that a firm without segments is given by: path, whether by year, sentence."""
    assert isinstance(kind, GraphQLInputObjectType)
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        many = isinstance(get_nullable_type(field.type), GraphQLList)
        path = f"{before}{name}{'[0]' if many else ''}"
        if inner.name in NUMBERS:
            yield path, inner.name == "ScheduleInput", field.description or ""
        elif isinstance(inner, GraphQLInputObjectType) and name not in ("segments", "assumptions"):
            yield from told(inner, f"{path}.")


def bounds() -> Iterator[tuple[str, bool, float, float | None]]:
    kind = GRAPHQL.type_map["DcfInput"]
    for path, by_year, sentence in told(kind):
        found = BOUNDS.search(sentence)
        if path.startswith("bridge."):
            yield path, by_year, 0.0, None  # the group's sentence says it of each
        elif found is not None:
            low, high, least = (part and part.replace(",", "") for part in found.groups())
            yield path, by_year, float(low or least), float(high) if high else None


ALL = list(bounds())


def problems(path: str, value: float, *, by_year: bool) -> set[tuple[str, str]]:
    document: Document = firm()
    group = max(
        (at for at in BESIDE if f"{path}.".startswith((f"{at}.", f"{at}["))), default="", key=len
    )
    for at, beside in BESIDE.get(group, {}).items():
        document = put(document, at, beside)
    if group.endswith("Days"):
        document = without(document, "operations.workingCapital")
    if path.endswith("ebitdaMargin"):
        document = without(document, "operations.ebitMargin")
    document = put(document, path, {"level": value} if by_year else value)
    try:
        DCF.door(document)
    except InvalidInput as no:
        return {(problem.path, problem.code) for problem in no.problems}
    return set()


def put(document: Any, path: str, value: Any) -> Document:
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
    changed: Any = {**document}
    at = changed
    for step in steps[:-1]:
        inner = at[step]
        at[step] = list(inner) if isinstance(inner, list) else dict(inner)
        at = at[step]
    at[steps[-1]] = value
    return dict(changed)


@pytest.mark.parametrize(("path", "by_year", "low", "high"), ALL, ids=[each[0] for each in ALL])
def test_a_number_is_let_in_from_the_least_to_the_most_that_its_sentence_says(
    path: str, low: float, high: float | None, *, by_year: bool
) -> None:
    where = snake(path) + (".level" if by_year else "")
    refused = (where, "OUT_OF_RANGE")
    assert refused in problems(path, low - 1e-6, by_year=by_year)
    assert refused not in problems(path, low, by_year=by_year)
    if high is not None:
        assert refused in problems(path, high + 1e-6, by_year=by_year)
        assert refused not in problems(path, high, by_year=by_year)


def test_most_numbers_say_their_bounds() -> None:
    kind = GRAPHQL.type_map["DcfInput"]
    silent = {path for path, _, _ in told(kind)} - {each[0] for each in ALL}
    # Money of either sign; a price of more than nothing; and what has no bound of its own.
    assert silent == {
        "operations.openingWorkingCapital",
        "shares.convertibles[0].conversionPrice",
        "terminal.valueDriver.returnOnNewCapital",
        "marketPrice",
    }
