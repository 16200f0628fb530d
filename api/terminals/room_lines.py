"""A model's room in lines: what somebody types, and what the others did, as a person reads it.

Pure: texts in, texts out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from api.terminals.headline import headline

Answer = Mapping[str, Any]

HELP: Final = """\
  move PATH           point at an input: move capital.wacc
  select PATH…        select inputs; without a path, none
  set PATH VALUE      edit: set capital.wacc 0.09; set exit.evToEbitda 9;
                      set name Apple, base case;
                      set operations.revenueGrowth {"level": 0.04};
                      set marketPrice null leaves it out
  value [SCENARIO]    value the model as it stands, or in a scenario
  who                 who is here, and where
  quit                leave"""

# The arm of `EditValue` for a list of objects, and for an object, by how the path ends.
_LISTS: Final = {
    "options": "options",
    "convertibles": "convertibles",
    "segments": "segments",
    "comparables.peers": "peers",
    "peers": "comparableFirms",
    "multiples": "multiples",
    "fiscalYears": "fiscalYears",
    "tranches": "tranches",
    "covenants": "covenants",
    "intangibles": "writeUps",
    "assumptions": "assumptions",
}
_OBJECTS: Final = {
    "capital": "capital",
    "terminal": "terminal",
    "metrics": "metrics",
    "exchangeRatio": "exchangeRatio",
}
_PERCENT: Final = re.compile(r"(-?\d+(?:\.\d+)?) ?%")


class Misspelt(Exception):
    """What was typed is no command; the words say what one looks like."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command: one of the words of `HELP`, and what follows."""

    word: str
    paths: tuple[str, ...] = ()  # of `value`: a scenario
    value: Mapping[str, Any] | None = None  # of `set`: an `EditValue`


def typed(line: str) -> Typed | None:
    """The command in a line; None for an empty one.

    Raises:
        Misspelt.
    """
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    match word:
        case "":
            return None
        case "who" | "quit" | "help":
            return Typed(word)
        case "value" if " " not in rest:
            return Typed(word, tuple(rest.split()))
        case "move" if rest and " " not in rest:
            return Typed(word, (rest,))
        case "select":
            return Typed(word, tuple(rest.split()))
        case "set":
            path, _, value = rest.partition(" ")
            if path and value.strip():
                return Typed(word, (path,), edit_value(path, value.strip()))
    raise Misspelt(f"I know these:\n{HELP}")


def in_percent(text: str) -> float | None:
    """The fraction that a text such as ``2.9%`` means; None for any other."""
    found = _PERCENT.fullmatch(text)
    return float(f"{found[1]}e-2") if found else None  # 2.9 % is 0.029 to the last bit


def edit_value(path: str, text: str) -> Mapping[str, Any]:
    """The `EditValue` that somebody means by a text at a path."""
    percent = in_percent(text)
    if percent is not None:
        return {"number": percent}
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except ValueError:
        return {"text": text}
    match value:
        case None:
            return {"nothing": True}
        case bool():
            return {"flag": value}
        case int() | float():
            return {"number": value}
        case str():
            return {"text": value}
        case list():
            return {_arm(_LISTS, path, "series"): value}
    if path.startswith("scenarios."):
        return {"scenario": value}
    return {_arm(_OBJECTS, path, "schedule"): value}


def _arm(arms: Mapping[str, str], path: str, otherwise: str) -> str:
    """The arm of the longest end of the path that has one."""
    end = path
    while end not in arms and "." in end:
        _, _, end = end.partition(".")
    return arms.get(end, otherwise)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


@dataclass(slots=True)
class Room:
    """What is known of a room, from its batches."""

    me: str = ""  # a participant's id; another one over each connection
    seq: int = 0  # the revision of the newest edit that was told
    names: dict[str, str] = field(default_factory=dict)  # by participant
    cursors: dict[str, str | None] = field(default_factory=dict)  # path, by participant
    selections: dict[str, Sequence[str]] = field(default_factory=dict)
    value: str = ""  # the newest valuation
    _own: set[int] = field(default_factory=set)  # revisions that were told as they were made

    def lines(self, batch: Answer) -> list[str]:
        """What a batch says that was not known."""
        told = [*self._met(batch), *self._seen(batch)]
        if batch["model"] is not None:
            self.seq = batch["model"]["revision"]
        for edit in batch["edits"]:
            if edit["revision"] > self.seq and edit["revision"] not in self._own:
                told += edited(edit)
        self.seq = max(self.seq, batch["seq"])
        if batch["valuation"] is not None:
            told += self._valued(batch["valuation"])
        return told

    def made(self, edit: Answer) -> list[str]:
        """What an edit of one's own did."""
        self._own.add(edit["revision"])
        return edited(edit)

    @property
    def behind(self) -> bool:
        """Whether an edit of one's own has not come back yet, nor what others did before it."""
        return max(self._own, default=0) > self.seq

    def who(self) -> list[str]:
        """Everybody who is here, and where."""
        told = []
        for id_ in self.names:
            here = self._who(id_)
            if self.cursors.get(id_):
                here += f", at {self.cursors[id_]}"
            if self.selections.get(id_):
                here += f", with {', '.join(self.selections[id_])} selected"
            told.append(here)
        return told

    def _met(self, batch: Answer) -> list[str]:
        """Who is here now: everybody, or who came and left."""
        model, told = batch["model"], []
        if batch["resync"] and self.me and not batch["me"]:
            told.append(f"Too much has happened to tell: this is revision {model['revision']}")
        before = dict(self.names)
        if batch["members"] is not None:
            here = {member["id"] for member in batch["members"]}
            for id_ in before.keys() - here:
                self._forget(id_)
            for member in batch["members"]:
                self._name(member)
        if batch["me"] is not None:
            again, self.me = bool(self.me), batch["me"]["id"]
            self._name(batch["me"])
            with_you = f"With you: {self._others()}"
            if again:
                return [*told, f"Here again. {with_you}"]
            title = f"{model['name']} ({model['kind']}), revision {model['revision']}"
            return [title, f"You are {self.names[self.me]}. {with_you}"]
        for member in batch["joined"]:
            self._name(member)
        for id_ in batch["left"]:
            self._forget(id_)
        told += [f"{name} left" for id_, name in before.items() if id_ not in self.names]
        told += [f"{name} came" for id_, name in self.names.items() if id_ not in before]
        return told

    def _seen(self, batch: Answer) -> list[str]:
        """Where they point now, and what they have selected."""
        told = []
        for cursor in batch["cursors"]:
            id_, path = cursor["participant"], cursor["path"]
            if id_ != self.me and self.cursors.get(id_) != path:
                told.append(f"{self._who(id_)} points at {path or 'nothing'}")
            self.cursors[id_] = path
        for selection in batch["selections"]:
            id_, paths = selection["participant"], selection["paths"]
            if id_ != self.me and self.selections.get(id_, []) != paths:
                told.append(f"{self._who(id_)} selects {', '.join(paths) or 'nothing'}")
            self.selections[id_] = paths
        return told

    def _others(self) -> str:
        return ", ".join(name for id_, name in self.names.items() if id_ != self.me) or "nobody"

    def _name(self, member: Answer) -> None:
        """Two connections of one member are told apart by a number."""
        if member["id"] not in self.names:
            name = given = member["member"]["name"]
            number = 1
            while given in self.names.values():
                number += 1
                given = f"{name} {number}"
            self.names[member["id"]] = given

    def _who(self, id_: str) -> str:
        name = self.names.get(id_, "Somebody")
        return f"{name} (you)" if id_ == self.me else name

    def _forget(self, id_: str) -> None:
        for known in (self.names, self.cursors, self.selections):
            known.pop(id_, None)

    def _valued(self, valuation: Answer) -> list[str]:
        found, at = valuation["valuation"], f"at revision {valuation['basedOnSeq']}"
        told = f"No value: {valuation['refusal']['message']}" if found is None else headline(found)
        if told == self.value:
            return []
        self.value = told
        return [f"{told} ({at})"]


def edited(edit: Answer) -> list[str]:
    """A revision, a line for each change."""
    author = edit["author"]["name"] if edit["author"] is not None else "Somebody who has left"
    done = [change["text"] for change in edit["changes"]] or ["nothing changed"]
    return [f"{author}: {text} (revision {edit['revision']})" for text in done]


def refusal(no: Answer) -> list[str]:
    """What is to be mended; where that is one thing, nothing else."""
    issues = [_issue(each) for each in no["issues"]]
    if len(issues) == 1:
        return issues
    conflicts = [
        f"{each['path']} is {_written(each['value'])} since revision {each['revision']}"
        for each in no.get("conflicts", ())
    ]
    return [no["message"], *(f"  {line}" for line in issues + conflicts)]


def _issue(issue: Answer) -> str:
    # What is wrong with the edit itself is wrong with the line that was typed.
    where = "" if issue["path"].startswith("edits[0].") else f"{issue['path']}: "
    return f"{where}{issue['message']} {issue['suggestion']}".rstrip()


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
