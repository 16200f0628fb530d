"""What plans cost: data, in a file, with the payment provider's own names for prices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from services.plans import Plan

_CURRENCY: Final = re.compile(r"[a-z]{3}")
AMOUNT_MOST: Final = 10**12  # of the smallest coin
MONTHS_MOST: Final = 120


class PricesInvalid(Exception):
    """What is wrong with a list of prices, and how it is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a plan costs for so many months."""

    id: str  # the provider's name for it
    plan: Plan
    amount: int  # in the currency's smallest coin
    currency: str  # in small letters, ISO 4217
    months: int


class PriceList:
    """All that can be bought. Of a plan's several prices the first counts."""

    def __init__(self, prices: Sequence[Price] = ()) -> None:
        self._prices = tuple(prices)
        self._by_id = {price.id: price for price in prices}

    def find(self, price_id: str) -> Price | None:
        """The price that the provider calls so."""
        return self._by_id.get(price_id)

    def of_plan(self, plan: Plan, currency: str | None = None, months: int | None = None) -> Price:
        """What a plan costs; one that is in no list costs nothing here."""
        for price in self._prices:
            known = currency in (None, price.currency) and months in (None, price.months)
            if price.plan is plan and known:
                return price
        return Price(
            id="", plan=plan, amount=0, currency=currency or self.currency, months=months or 1
        )

    def nearest(self, plan: Plan, currency: str, months: int | None) -> Price:
        """What a plan costs for so many months; where it is not sold so, its first price."""
        found = self.of_plan(plan, currency, months)
        return found if found.id else self.of_plan(plan, currency)

    @property
    def currency(self) -> str:
        """Of whatever has no other."""
        return self._prices[0].currency if self._prices else "usd"

    @classmethod
    def read(cls, file: Path) -> PriceList:
        """
        Raises:
            PricesInvalid: with what is wrong with the file.
        """
        try:
            found = orjson.loads(file.read_bytes())
        except (OSError, ValueError) as no:
            raise PricesInvalid(f"{file} is no file of JSON that can be read.") from no
        entries = found.get("prices") if isinstance(found, dict) else None
        if not isinstance(entries, list):
            raise PricesInvalid(f'{file} holds {{"prices": [...]}} and nothing else.')
        problems: list[str] = []
        prices = [_price(entry, number, problems) for number, entry in enumerate(entries)]
        ids = [price.id for price in prices if price is not None]
        problems += [
            f"{name} stands twice." for name in sorted({x for x in ids if ids.count(x) > 1})
        ]
        if problems:
            raise PricesInvalid(f"{file}: {' '.join(problems)}")
        return cls([price for price in prices if price is not None])


def _price(entry: Any, number: int, problems: list[str]) -> Price | None:
    given: dict[str, Any] = entry if isinstance(entry, dict) else {}
    name: Any = given.get("id")
    plan: Any = given.get("plan")
    amount: Any = given.get("amount")
    currency: Any = given.get("currency")
    months: Any = given.get("months", 1)
    flaws = []
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        flaws.append("id is the provider's name for the price")
    if plan not in tuple(Plan):
        flaws.append(f"plan is {', '.join(Plan)}")
    if type(amount) is not int or not 0 <= amount <= AMOUNT_MOST:
        flaws.append("amount is a whole number of the smallest coin")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        flaws.append("currency is like usd")
    if type(months) is not int or not 1 <= months <= MONTHS_MOST:
        flaws.append("months is a whole number from 1 on")
    if flaws:
        problems.append(f"prices[{number}]: {'; '.join(flaws)}.")
        return None
    return Price(id=name, plan=Plan(plan), amount=amount, currency=currency, months=months)
