"""A company's figures in another currency, at one stated rate, and never without one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Any, Final, TypeVar

from engine.errors import InvalidInput, Problem
from services.company_lines import BALANCE_SHEETS, YEARS, Measure, Section, text_of
from services.figures import day, plain
from services.words import snake
from store.companies import Company

T = TypeVar("T")

RATE_MOST: Final = 1e6  # of one currency for one unit of another


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRate:
    """What one unit of a company's currency is worth in the valuation's."""

    value: float
    as_of: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """From one currency to another, once, at one rate."""

    given: str  # ISO 4217, of the statements
    into: str  # ISO 4217, of the valuation
    rate: StatedRate

    def sentence(self) -> str:
        """How every amount came to be in the currency of the valuation."""
        rate = self.rate
        return (
            f"Converted from {self.given} at {plain(rate.value, 6)} {self.into} for 1 {self.given} "
            f"({rate.source}, {day(rate.as_of)})."
        )


def conversion_of(
    company: Company, currency: str | None, rate: StatedRate | None
) -> Conversion | None:
    """What is to be converted; None: nothing, since the currency is the company's own.

    Raises:
        InvalidInput: for a currency without a rate, or a rate that means nothing.
    """
    given, into = company.currency, company.currency if currency is None else currency.strip()
    problems: list[Problem] = []
    if len(into) != len("USD") or not (into.isascii() and into.isalpha() and into.isupper()):
        rule = "Give three capitals, such as USD."
        problems.append(Problem("currency", "WRONG_TYPE", "This is no ISO 4217 code.", rule))
    elif into == given and rate is not None:
        message = f"The figures of {company.ticker} are in {given} already."
        rule = "Leave the rate out, or name the currency that it leads to."
        problems.append(Problem("rate", "CONTRADICTION", message, rule))
    elif into != given and rate is None:
        message = (
            f"The figures of {company.ticker} are in {given}, and no rate into {into} is given."
        )
        rule = f"Give a rate: {into} for 1 {given}, with its day and its source."
        problems.append(Problem("rate", "MISSING", message, rule))
    if rate is not None:
        if not (isfinite(rate.value) and 1.0 / RATE_MOST <= rate.value <= RATE_MOST):
            message = f"{rate.value:g} is not from {1.0 / RATE_MOST:g} to {RATE_MOST:g}."
            rule = f"Give what 1 {given} is worth in {into}."
            problems.append(Problem("rate.value", "OUT_OF_RANGE", message, rule))
        check_stated("rate", rate.as_of, rate.source, company.price.date, problems)
    if problems:
        raise InvalidInput.of(problems)
    return None if rate is None else Conversion(given=given, into=into, rate=rate)


def check_stated(at: str, as_of: date, source: str, on: date, problems: list[Problem]) -> None:
    """What is stated was known on the day of the price, and says where it is from."""
    if as_of > on:
        message = f"The valuation is of {day(on)}, and this was not known before {day(as_of)}."
        rule = "Give what was known on the day of the price."
        problems.append(Problem(f"{at}.as_of", "CONTRADICTION", message, rule))
    if not source.strip():
        message, rule = "What is stated says where it is from.", "Name who published it."
        problems.append(Problem(f"{at}.source", "MISSING", message, rule))
    else:
        text_of(source, f"{at}.source", problems)


def converted(company: Company, conversion: Conversion) -> Company:
    """Every amount of money of a company times the rate; counts, betas and rates stay."""
    rate = conversion.rate.value
    years = tuple(
        replace(
            _scaled(year, YEARS, rate),
            adjustments=tuple(
                replace(each, amount=each.amount * rate) for each in year.adjustments
            ),
        )
        for year in company.years
    )
    sheets = tuple(
        replace(
            _scaled(sheet, BALANCE_SHEETS, rate),
            options=tuple(replace(each, strike=each.strike * rate) for each in sheet.options),
        )
        for sheet in company.balance_sheets
    )
    return replace(
        company,
        currency=conversion.into,
        years=years,
        balance_sheets=sheets,
        price=replace(company.price, close=company.price.close * rate),
        earlier_prices=tuple(
            replace(each, close=each.close * rate) for each in company.earlier_prices
        ),
    )


def _scaled(period: T, section: Section, rate: float) -> T:
    lines: Iterable[str] = (
        snake(line.name) for line in section.lines.values() if line.measure is Measure.MONEY
    )
    amounts = {name: getattr(period, name) for name in lines}
    known: dict[str, Any] = {
        name: each * rate for name, each in amounts.items() if each is not None
    }
    return replace(period, **known)  # type: ignore[type-var] # a fiscal year or a balance sheet
