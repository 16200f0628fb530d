"""A tenant's own company as it is handed up: read out of the figures that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import orjson

from services.company_figures import Document, Figures, day_of
from services.company_lines import (
    BALANCE_SHEETS,
    PEERS,
    PRICES,
    SECTIONS,
    YEARS,
    Section,
    parts_of,
    path_of,
)
from services.figures import day_and_month, listed
from services.words import camel, snake
from store.companies import (
    Adjustment,
    BalanceSheet,
    Company,
    FiscalYear,
    OptionGrant,
    Origin,
    Peer,
    Price,
)
from store.own_companies import OwnCompanyRecord

FORMER: Final = "a former member"
_SOURCES_SHOWN: Final = 3


class Provided(StrEnum):
    """Who has provided a company's figures."""

    OWN = "OWN"
    SHIPPED = "SHIPPED"


class Origins(Mapping[str, Origin]):
    """Where each figure is from, by its path; read when it is asked for, which is seldom.

    Two hundred companies have half a million figures: as text they take a fifth of the room.
    """

    def __init__(self, kept: str, names: Mapping[str, str]) -> None:
        """``kept``: the figures as JSON; ``names`` of their authors, by id."""
        self._kept, self._names = kept, names

    @cached_property
    def _figures(self) -> Figures:
        figures: Figures = orjson.loads(self._kept)
        return figures

    def __getitem__(self, path: str) -> Origin:
        return _origin(self._figures[path], self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)


def company_of(
    ticker: str, figures: Figures, origins: Mapping[str, Origin], revision: int = 1
) -> Company:
    """The company that complete figures are of."""
    held: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in SECTIONS}
    for path, figure in figures.items():
        parts = parts_of(path)
        if parts is not None and parts[2] is not None:
            held[parts[0].name].setdefault(parts[1], {})[snake(parts[2])] = figure["value"]
    years = held[YEARS.name]
    sheets = [_sheet(key, lines) for key, lines in sorted(held[BALANCE_SHEETS.name].items())]
    prices = [
        Price(date=date.fromisoformat(key), close=lines["close"])
        for key, lines in sorted(held[PRICES.name].items())
    ]
    sources = list(
        dict.fromkeys(
            figure["source"] for path, figure in figures.items() if path.startswith("years[")
        )
    )
    if len(sources) > _SOURCES_SHOWN:
        sources = [*sources[:_SOURCES_SHOWN], f"{len(sources) - _SOURCES_SHOWN} more"]
    ending = figures.get("fiscalYearEnd", {}).get("value") or day_and_month(sheets[-1].as_of)
    return Company(
        ticker=ticker,
        name=figures["name"]["value"],
        currency=figures["currency"]["value"],
        fiscal_year_end=ending,
        source=listed(sources),
        notes=tuple(figures.get("notes", {}).get("value", ())),
        years=tuple(_year(key, years[key]) for key in sorted(years, key=int)),
        balance_sheets=tuple(sheets),
        price=prices[-1],
        earlier_prices=tuple(prices[:-1]),
        peers=tuple(Peer(ticker=key, **lines) for key, lines in sorted(held[PEERS.name].items())),
        origins=origins,
        revision=revision,
    )


def figure_values(company: Company) -> dict[str, Any]:
    """Every figure of a company under its path, as JSON."""
    values: dict[str, Any] = {
        "name": company.name,
        "currency": company.currency,
        "fiscalYearEnd": company.fiscal_year_end,
        "notes": list(company.notes),
    }
    held: list[tuple[Section, str, object]] = [
        *((YEARS, str(year.fiscal_year), year) for year in company.years),
        *((BALANCE_SHEETS, str(sheet.as_of), sheet) for sheet in company.balance_sheets),
        *((PRICES, str(each.date), each) for each in (*company.earlier_prices, company.price)),
        *((PEERS, peer.ticker, peer) for peer in company.peers),
    ]
    for section, key, period in held:
        for line in section.lines:
            values[path_of(section.name, key, line)] = getattr(period, snake(line))
        for line in section.lists:
            parts = [asdict(each) for each in getattr(period, line)]
            for part in parts:
                if "line" in part:
                    part["line"] = camel(part["line"])
            values[path_of(section.name, key, line)] = parts
    return values


def _origin(figure: Document, names: Mapping[str, str]) -> Origin:
    return Origin(
        source=figure["source"],
        as_of=day_of(figure),
        author=names.get(figure["author"], FORMER),
        note=figure.get("note"),
        at=datetime.fromisoformat(figure["at"]),
    )


def _year(key: str, lines: dict[str, Any]) -> FiscalYear:
    adjustments = tuple(
        Adjustment(
            line=snake(each["line"]),
            amount=each["amount"],
            reason=each["reason"],
            source=each["source"],
        )
        for each in lines.pop("adjustments", ())
    )
    reported = {snake(name): lines.get(snake(name)) for name in YEARS.lines}
    return FiscalYear(fiscal_year=int(key), **reported, adjustments=adjustments)


def _sheet(key: str, lines: dict[str, Any]) -> BalanceSheet:
    options = tuple(OptionGrant(**each) for each in lines.pop("options", ()))
    balances = {snake(name): lines.get(snake(name)) for name in BALANCE_SHEETS.lines}
    return BalanceSheet(as_of=date.fromisoformat(key), **balances, options=options)


def figures_of(record: OwnCompanyRecord) -> Figures:
    figures: Figures = orjson.loads(record.figures)
    return figures
