"""A valuation of any kind in words: which words are whose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from api.terminals.buyout import buyout
from api.terminals.compared import comparison
from api.terminals.credit import credit
from api.terminals.equity import Answer
from api.terminals.explain import explanation, summary
from api.terminals.merger import merger

_WORDS: Final[dict[str, Callable[[Answer, bool], str]]] = {
    "DcfValuation": lambda value, explained: (explanation if explained else summary)(value),
    "LboValuation": lambda value, explained: buyout(value, explained=explained),
    "MergerValuation": lambda value, explained: merger(value, explained=explained),
    "ComparablesValuation": lambda value, explained: comparison(value, peers=explained),
    "CreditValuation": lambda value, explained: credit(value, explained=explained),
}


def told(value: Answer, *, explained: bool) -> str:
    """The number and what leads to it; ``explained``, every step."""
    return _WORDS[value["__typename"]](value, explained)
