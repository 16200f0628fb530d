"""The one number that a valuation is known by, of every kind: what is asked for it, and its words.

A kind is a row of the table. Pure: an answer of the schema in, text out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.terminals.equity import price

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Headline:
    """Of one type of valuation: the fields that it takes, and how a person says them."""

    fields: str
    words: Callable[[Answer], str]


def _a_share(value: Answer) -> str:
    return f"Worth {price(value['valuePerShare'])} {value['currency']} a share"


def _returns(value: Answer) -> str:
    return f"IRR {value['irr']:.2%}, MOIC {value['moic']:.2f}×".replace("-", "−")


def _earnings(value: Answer) -> str:
    said = "Dilution" if value["accretion"] < 0 else "Accretion"
    earned = f"{price(value['earningsPerShare'])} {value['currency']} a share"
    return f"{said} of {abs(value['accretion']):.2%} in year 1, to {earned}"


def _credit(value: Answer) -> str:
    distance, spread = f"{value['distanceToDefault']:.2f}", f"{value['spread'] * 1e4:,.1f}"
    return f"Distance to default {distance}, spread {spread} basis points".replace("-", "−")


HEADLINES: Final[Mapping[str, Headline]] = {
    "DcfValuation": Headline("valuePerShare currency", _a_share),
    "ComparablesValuation": Headline("valuePerShare currency", _a_share),
    "LboValuation": Headline("irr moic", _returns),
    "MergerValuation": Headline("accretion earningsPerShare currency", _earnings),
    "CreditValuation": Headline("distanceToDefault spread", _credit),
}
# Beside a document that spreads it where a valuation of any kind stands.
FRAGMENT: Final = "fragment Headline on Valuation {{ __typename {} }}".format(
    " ".join(f"... on {name} {{ {each.fields} }}" for name, each in HEADLINES.items())
)


def headline(valuation: Answer) -> str:
    """What `FRAGMENT` was answered, in words, such as “Worth 136.55 USD a share”."""
    return HEADLINES[valuation["__typename"]].words(valuation)
