"""A valuation of every kind is known by one number, and that is the one that is kept."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import parse, validate

from api.terminals.headline import FRAGMENT, HEADLINES, headline
from api.terminals.join import ROOM, VALUE
from api.terminals.listing import WORTH
from resolvers.valuations.kinds import type_names
from tests.the_schema import GRAPHQL


def test_every_kind_has_one() -> None:
    assert set(HEADLINES) == set(type_names())


@pytest.mark.parametrize("document", [ROOM, VALUE, WORTH], ids=["a room", "a value", "a list"])
def test_what_is_asked_is_in_the_schema(document: str) -> None:
    assert FRAGMENT in document
    assert validate(GRAPHQL, parse(document)) == []


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("Dcf", {"valuePerShare": 1234.5, "currency": "USD"}, "Worth 1,234.50 USD a share"),
        ("Comparables", {"valuePerShare": -2.0, "currency": "EUR"}, "Worth −2.00 EUR a share"),
        ("Lbo", {"irr": 0.18921, "moic": 2.378}, "IRR 18.92%, MOIC 2.38×"),
        ("Lbo", {"irr": -0.0767, "moic": 0.67}, "IRR −7.67%, MOIC 0.67×"),
        (
            "Merger",
            {"accretion": 0.1491, "earningsPerShare": 4.309, "currency": "USD"},
            "Accretion of 14.91% in year 1, to 4.31 USD a share",
        ),
        (
            "Merger",
            {"accretion": -0.112, "earningsPerShare": -0.25, "currency": "USD"},
            "Dilution of 11.20% in year 1, to −0.25 USD a share",
        ),
        (
            "Credit",
            {"distanceToDefault": -1.707, "spread": 0.00139},
            "Distance to default −1.71, spread 13.9 basis points",
        ),
    ],
)
def test_it_is_said_as_a_banker_says_it(kind: str, answer: dict[str, Any], words: str) -> None:
    assert headline({"__typename": f"{kind}Valuation", **answer}) == words
