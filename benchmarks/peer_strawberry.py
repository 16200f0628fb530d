"""The peer: plain Strawberry on Starlette, as its documentation sets it up.

It answers `valueDcf` with the same content as ours, in the shape that a plain schema gives it: a
list of rows for the forecast, a list of lists for the grid. It computes and keeps nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

READY = json.loads(Path(os.environ["BENCH_READY"]).read_text())


@strawberry.type
class Year:
    revenue: float
    ebitda: float
    depreciation: float
    ebit: float
    tax: float
    nopat: float
    capital_expenditure: float
    working_capital: float
    increase_in_working_capital: float
    free_cash_flow: float
    discount_factor: float
    present_value: float


@strawberry.type
class Valuation:
    id: strawberry.ID
    enterprise_value: float
    equity_value: float
    value_per_share: float
    wacc: float
    terminal_value: float
    forecast: list[Year]
    grid: list[list[float]]


@strawberry.input
class ValuationInput:
    revenue: float
    wacc: float
    terminal_growth: float
    years: int = 10


VALUATION = Valuation(
    **{key: READY[key] for key in ("id", "enterprise_value", "equity_value", "value_per_share")},
    wacc=READY["wacc"],
    terminal_value=READY["terminal_value"],
    forecast=[Year(**year) for year in READY["forecast"]],
    grid=READY["grid"],
)


@strawberry.type
class Query:
    @strawberry.field
    def ping(self) -> str:
        return "pong"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def value_dcf(self, input: ValuationInput) -> Valuation:  # noqa: A002, ARG002 - as ours
        return VALUATION


app = Starlette(routes=[Route("/graphql", GraphQL(strawberry.Schema(Query, Mutation)))])
