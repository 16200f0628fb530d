"""The first page that a person sees: its query is the schema's, its numbers are the filings'."""

from __future__ import annotations

import json

from graphql import parse, validate

from api.transports.explorer import FOLDER
from services.derived_dcf import derive_dcf
from store.companies import Companies
from store.market import Market
from tests.the_schema import GRAPHQL


def test_the_first_query_is_one_of_the_schema() -> None:
    document = parse((FOLDER / "default.graphql").read_text(encoding="utf-8"))
    assert validate(GRAPHQL, document) == []


def test_its_numbers_are_those_that_follow_from_apples_filings() -> None:
    """So the page, the demo and the command line give one number under one valuation id."""
    shown = json.loads((FOLDER / "default-variables.json").read_text(encoding="utf-8"))
    apple = Companies().find("AAPL")
    assert apple is not None
    assert shown == {"input": derive_dcf(apple, Market()).document}
