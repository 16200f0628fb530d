"""Figures as a person reads them: ``$391.0 bn``, ``30.54 %``, ``28 September 2024``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_SCALES: Final = ((1e9, " bn"), (1e6, " m"))
# Not strftime's, which speak the machine's language.
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def percent(rate: float, places: int = 2) -> str:
    """A fraction in percent, without trailing zeros: 0.025 is ``2.5 %``."""
    return f"{plain(rate * 100.0, places)} %"


def tenths(rate: float) -> str:
    """A fraction in percent with one decimal: rates in a row, as ``7.8 %`` and ``2.0 %``."""
    return f"{'−' if round(rate, 3) < 0.0 else ''}{abs(rate) * 100.0:,.1f} %"


def plain(number: float, places: int = 2) -> str:
    """A number with thousands separated, a true minus, and without trailing zeros."""
    text = f"{abs(number):,.{places}f}"
    if places:
        text = text.rstrip("0").rstrip(".")
    return f"−{text}" if number < 0.0 and text != "0" else text


def money(amount: float, currency: str) -> str:
    """An amount in billions or millions of its currency, whichever reads well."""
    for scale, name in _SCALES:
        if abs(amount) >= scale:
            return _signed(f"{abs(amount) / scale:,.1f}{name}", amount, currency)
    return _signed(f"{abs(amount):,.0f}", amount, currency)


def price(amount: float, currency: str) -> str:
    """An amount to the cent."""
    return _signed(f"{abs(amount):,.2f}", amount, currency)


def speaks_of_money(text: str, currency: str) -> bool:
    """Whether there is an amount of the currency in it, as `money` and `price` write them."""
    return re.search(rf"{re.escape(_sign(currency))}[0-9]", text) is not None


def day(on: date) -> str:
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def day_and_month(on: date) -> str:
    return f"{on.day} {_MONTHS[on.month - 1]}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join((", ".join(words[:-1]), words[-1]) if len(words) > 1 else words)


def shortened(text: str, most: int) -> str:
    """A text of ``most`` characters; what was longer ends in an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def fiscal(years: Sequence[int]) -> str:
    """``fiscal 2024``, ``fiscal 2022 to 2024``, or ``fiscal 2020, 2022 and 2024``."""
    if len(years) > 2 and years[-1] - years[0] == len(years) - 1:
        return f"fiscal {years[0]} to {years[-1]}"
    return f"fiscal {listed([str(year) for year in years])}"


def _signed(text: str, amount: float, currency: str) -> str:
    return f"{'−' if amount < 0.0 else ''}{_sign(currency)}{text}"


def _sign(currency: str) -> str:
    return _SIGNS.get(currency, f"{currency} ")
