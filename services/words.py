"""One name in two spellings: ``revenue_growth[3]`` of the engine, ``revenueGrowth[3]`` outside."""

from __future__ import annotations

import re
from functools import lru_cache

_SNAKE = re.compile(r"_([a-z0-9])")
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_WORD = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


@lru_cache(maxsize=1_024)
def camel(path: str) -> str:
    """``terminal.exit_multiple.ev_to_ebitda`` in the schema's spelling."""
    return _SNAKE.sub(lambda match: match[1].upper(), path)


@lru_cache(maxsize=1_024)
def snake(path: str) -> str:
    """``terminal.exitMultiple.evToEbitda`` in the engine's spelling."""
    return _CAMEL.sub(lambda match: "_" + match[1].lower(), path)


def for_callers(sentence: str) -> str:
    """A sentence of the engine with its input names in the schema's spelling."""
    return _WORD.sub(lambda match: camel(match[0]), sentence)
