"""What is kept of a company can be brought, and looked at, line by line under the same names."""

from __future__ import annotations

from dataclasses import fields

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType

from services.company_lines import BALANCE_SHEETS, PEERS, PRICES, SECTIONS, YEARS, Section
from services.words import snake
from store import companies as store
from tests.the_schema import GRAPHQL

TYPES = GRAPHQL.type_map
BROUGHT = {
    YEARS.name: "FiscalYearInput",
    BALANCE_SHEETS.name: "BalanceSheetInput",
    PRICES.name: "PriceInput",
    PEERS.name: "CompanyPeerInput",
}
SHOWN = {
    YEARS.name: ("FiscalYear", store.FiscalYear),
    BALANCE_SHEETS.name: ("BalanceSheet", store.BalanceSheet),
    PRICES.name: ("Price", store.Price),
    PEERS.name: ("Peer", store.Peer),
}


@pytest.mark.parametrize("section", SECTIONS.values(), ids=list(SECTIONS))
def test_each_line_can_be_brought_kept_and_looked_at(section: Section) -> None:
    brought, (shown, kept) = TYPES[BROUGHT[section.name]], SHOWN[section.name]
    looked_at = TYPES[shown]
    assert isinstance(brought, GraphQLInputObjectType)
    assert isinstance(looked_at, GraphQLObjectType)
    lines = {*section.lines, *section.lists}
    origin = {"source", "asOf", "note", "origins"}
    assert brought.fields.keys() - origin - {section.key} == lines
    assert looked_at.fields.keys() - {section.key, "ticker", "adjusted"} == lines
    assert {snake(line) for line in lines} < {field.name for field in fields(kept)}


@pytest.mark.parametrize("section", [YEARS, BALANCE_SHEETS], ids=["years", "sheets"])
def test_a_line_means_the_same_to_who_brings_it_and_to_who_looks_at_it(section: Section) -> None:
    brought, looked_at = TYPES[BROUGHT[section.name]], TYPES[SHOWN[section.name][0]]
    assert isinstance(brought, GraphQLInputObjectType)
    assert isinstance(looked_at, GraphQLObjectType)
    for line in section.lines:
        assert brought.fields[line].description == looked_at.fields[line].description
