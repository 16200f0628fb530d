"""The corpus: what is sent, what it tries, and what must come back. All of it is data.

Each file in ``inputs/`` is a theme. An entry may stand for many: ``each`` names lists, and for
every combination of their values ``<name>`` in the entry becomes that value.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

INPUTS: Final = Path(__file__).with_name("inputs")
# What an entry sends, one of these.
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one, if there
KINDS: Final = ("raw", "http", "body", "query", "credential", "steps")
_WORDS: Final = {"name", "tries", "back", "each", "note"}
_MORE: Final = {
    "raw": {"leave"},
    "http": set(),
    "body": {"headers", "as"},
    "query": {"variables", "base", "put", "operation", "headers", "as"},
    "credential": {"at"},
    "steps": set(),
}
_NAMED: Final = re.compile(r"<(\w+)>")


@dataclass(frozen=True, slots=True)
class Attack:
    """One input."""

    theme: str
    name: str
    tries: str
    kind: str  # one of KINDS
    given: Mapping[str, Any]  # as the file says it
    back: frozenset[str]  # "413 QUERY_INVALID", "200 data", "closed" …: any of these is right

    def __str__(self) -> str:
        return f"{self.theme}: {self.name}"


class BadEntry(ValueError):
    """An entry that says too little, or what nobody reads."""


@cache
def corpus() -> tuple[Attack, ...]:
    """All themes' inputs.

    Raises:
        BadEntry.
    """
    found = [attack for file in sorted(INPUTS.glob("*.yaml")) for attack in theme(file)]
    names = [str(attack) for attack in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise BadEntry(f"twice: {sorted(twice)}")
    return tuple(found)


def theme(file: Path) -> Iterator[Attack]:
    """The inputs of one file."""
    for entry in yaml.load(file.read_text("utf-8"), _Loader):  # noqa: S506 - it is a safe one
        for one in spread(entry):
            yield read(file.stem, one)


def spread(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One entry for each combination of what it names."""
    lists = entry.get("each", {})
    plain = {key: value for key, value in entry.items() if key != "each"}
    for values in itertools.product(*lists.values()):
        yield _put(plain, dict(zip(lists, values, strict=True)))


def _put(value: Any, names: Mapping[str, Any]) -> Any:
    """What stands for a value alone becomes it; within a text it is written there."""
    if isinstance(value, dict):
        return {_put(key, names): _put(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_put(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _NAMED.fullmatch(value)
    if whole and whole[1] in names:
        return names[whole[1]]
    return _NAMED.sub(lambda found: str(names[found[1]]) if found[1] in names else found[0], value)


def read(theme: str, entry: Mapping[str, Any]) -> Attack:
    """
    Raises:
        BadEntry.
    """
    kinds = [kind for kind in KINDS if kind in entry]
    where = f"{theme}: {entry.get('name')}"
    if len(kinds) != 1:
        raise BadEntry(f"{where} sends {kinds or 'nothing'}, and one of {KINDS} is wanted")
    (kind,) = kinds
    unread = entry.keys() - _WORDS - {kind} - _MORE[kind]
    missing = {"name", "tries", "back"} - entry.keys()
    if unread or missing:
        raise BadEntry(f"{where} says {unread or '{}'}, which nobody reads, and lacks {missing}")
    back = frozenset(part.strip() for part in str(entry["back"]).split(" or "))
    return Attack(theme, str(entry["name"])[:140], entry["tries"], kind, entry, back)
