"""Changes in the field's words: “Terminal growth from 2.5 % to 3 %”.

What an input is called stands beside its kind; this says how a place is named by it, and how a
value is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from services.contents import Unit
from services.shapes import Steps, path_of


class Form(Enum):
    """How a number is written."""

    RATE = auto()  # a fraction, as percent
    MONEY = auto()  # in the model's unit
    PRICE = auto()  # money that no unit scales
    MULTIPLE = auto()  # 12×
    COUNT = auto()  # years, shares, a beta; and whatever reads as it is
    CHOICE = auto()  # a name in capitals, read in small letters


@dataclass(frozen=True, slots=True)
class Label:
    """An input's name, as it stands at the beginning of a line.

    What stands in a list of groups has ``{}`` where its number goes, and ``[]`` in its path.
    """

    words: str
    form: Form = Form.COUNT


Labels = Mapping[str, Label]

_OWN: Final[Labels] = {
    "name": Label("Name"),
    "unit": Label("Unit", Form.CHOICE),
    "archived": Label("Archived"),
}
_SCALES: Final = {
    Unit.ONES: (1.0, ""),
    Unit.THOUSANDS: (1e3, " thousand"),
    Unit.MILLIONS: (1e6, " million"),
    Unit.BILLIONS: (1e9, " billion"),
}
_SHOWN: Final = 12  # numbers of a list; a longer one shows its ends


def label_of(labels: Labels, steps: Steps) -> str:
    """What a place is called, such as “Revenue growth, year 3”."""
    return _named(labels, steps)[0]


def form_of(labels: Labels, steps: Steps) -> Form:
    """How a number at a place is written."""
    return _named(labels, steps)[1]


def told(labels: Labels, steps: Steps, old: Any, new: Any, unit: Unit) -> str:
    """A change as a sentence. None: nothing stands there."""
    if steps == ("archived",):
        return "Archived" if new else "Taken out of the archive"
    if steps[0] == "assumptions":
        return "What is said of where inputs come from changed"
    if steps[0] == "scenarios":
        done = "added" if old is None else "removed" if new is None else "changed"
        return f"{label_of(labels, steps)} {done}"
    label, form = _named(labels, steps)
    before, after = (
        None if value is None else _written(labels, steps, value, form, unit)
        for value in (old, new)
    )
    if before is None:
        return f"{label} set to {after}"
    if after is None:
        return f"{label} left out; it was {before}"
    return f"{label} from {before} to {after}"


def _named(labels: Labels, steps: Steps) -> tuple[str, Form]:
    if steps[0] == "scenarios":
        return " ".join(("Scenario", *map(str, steps[1:]))), Form.COUNT
    known = {**_OWN, **labels}
    for length in range(len(steps), 0, -1):
        label = known.get(_key(steps[:length]))
        if label is not None:
            rest = steps[length:]
            form = Form.COUNT if rest and rest[-1] in ("years", "ramp") else label.form
            numbers = [step + 1 for step in steps[:length] if isinstance(step, int)]
            return label.words.format(*numbers) + _within(rest), form
    return path_of(steps), Form.COUNT


def _key(steps: Steps) -> str:
    """``shares.options[1].strike`` is named under ``shares.options[].strike``."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in steps)[1:]


def _within(rest: Steps) -> str:
    """A part of a schedule, after the schedule's own name."""
    match rest:
        case ("byYear", int(year)):
            return f", year {year + 1}"
        case ("stages", int(stage)):
            return f", stage {stage + 1}"
        case ("stages", int(stage), "value"):
            return f", value of stage {stage + 1}"
        case ("stages", int(stage), "years"):
            return f", years of stage {stage + 1}"
        case ("stages", int(stage), "ramp"):
            return f", ramp of stage {stage + 1}"
        case _:
            return ""


def _written(labels: Labels, steps: Steps, value: Any, form: Form, unit: Unit) -> str:
    """A value in words; what has a name, such as a segment, is told by it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, form, unit)
    if isinstance(value, str):
        return value.replace("_", " ").lower() if form is Form.CHOICE else value
    if isinstance(value, list):
        parts = [
            item["name"]
            if isinstance(item, dict) and "name" in item
            else _written(labels, (*steps, i), item, form, unit)
            for i, item in enumerate(value)
        ]
        if len(parts) > _SHOWN:
            parts = [*parts[: _SHOWN // 2], "…", *parts[-_SHOWN // 2 :]]
        return ", ".join(parts) or "nothing"
    return _object(labels, steps, value, form, unit)


def _object(labels: Labels, steps: Steps, value: Mapping[str, Any], form: Form, unit: Unit) -> str:
    if value.keys() <= {"years", "value", "ramp"}:
        years = "1 year" if value["years"] == 1 else f"{value['years']} years"
        way = "going to" if value.get("ramp") else "at"
        return f"{years} {way} {_number(value['value'], form, unit)}"
    if value.keys() <= {"level", "byYear", "stages"}:
        ((name, inner),) = value.items()
        return _written(labels, (*steps, name), inner, form, unit)
    parts = []
    for name, inner in value.items():
        label, inner_form = _named(labels, (*steps, name))
        written = _written(labels, (*steps, name), inner, inner_form, unit)
        colon = ":" if label[-1].isdigit() else ""  # the number is the label's, not the value's
        parts.append(
            f"{label} ({written})" if isinstance(inner, dict) else f"{label}{colon} {written}"
        )
    return ", ".join(parts)


def _number(value: float, form: Form, unit: Unit) -> str:
    if form is Form.RATE:
        written = f"{_plain(value * 100.0)} %"
    elif form is Form.MONEY:
        scale, word = _SCALES[unit]
        written = _plain(value / scale) + word
    elif form is Form.MULTIPLE:
        written = f"{_plain(value)}×"
    else:
        written = _plain(value)
    return written.replace("-", "−")


def _plain(value: float) -> str:
    """Up to ten digits, in groups of three before the point, without zeros at the end."""
    if abs(value) >= 1e15:
        return f"{value:.10g}"
    places = max(0, 10 - len(f"{abs(value):.0f}"))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
