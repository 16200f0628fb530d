"""A football field in a terminal: what is asked of which valuation, and the bars in lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.embedded import Embedded
from api.terminals.equity import Answer, amount, price, scale_of
from api.terminals.explain import refusal, remarks
from resolvers.ids import type_of

_FIELD: Final = """
query ($methods: [FootballMethodInput!]!, $of: ValuationOutput!, $marketPrice: Float) {
  footballField(methods: $methods, of: $of, marketPrice: $marketPrice) {
    __typename
    ... on FootballField {
      of currency marketPrice marketPlace
      ticks
      overlap { low high methods all }
      remarks { code path message }
      bars {
        name kind valuations days low mid high lowPlace midPlace highPlace
        lowUpside highUpside holdsMarketPrice
      }
    }
    ... on Refusal { code message issues { path message suggestion } }
  }
}
"""
_NAMES, _CHART, _NUMBER = 26, 42, 9  # characters
_OF: Final = {
    "VALUE_PER_SHARE": "Value per share",
    "EQUITY_VALUE": "Equity value",
    "ENTERPRISE_VALUE": "Enterprise value",
}

_METHOD: Final = re.compile(
    r"methods\[(?P<number>\d+)\]\.(cases\.valuations\[(?P<case>\d+)\]|buyout\.(?P<bridge>bridge)|)"
)
Range = tuple[str, float, float]  # a name or a path, from, to


class NoField(Exception):
    """Why there is no field, as a person reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command asks beside the valuations."""

    of: str
    swings: Sequence[Range]
    returns: tuple[float, float] | None  # of a buyout's sponsor, 1/year; None: the service's own
    stated: Sequence[Range]
    market_price: float | None


async def field(embedded: Embedded, valuations: Sequence[tuple[str, str]], asked: Asked) -> Answer:
    """Valuations by their global ids, side by side; beside each, what it was given as.

    Raises:
        NoField; QueryFailed.
    """
    given_as: dict[str, str] = {}
    for each, source in valuations:
        if given_as.get(each) == source:
            raise NoField(f"{source} is given twice.")
        if each in given_as:
            raise NoField(f"{given_as[each]} and {source} are one valuation. Leave one out.")
        given_as[each] = source
    put = methods(list(given_as), asked)
    variables = {
        "methods": put,
        "of": asked.of,
        "marketPrice": asked.market_price,
    }
    found: Answer = (await embedded.data(_FIELD, variables))["footballField"]
    if found["__typename"] == "Refusal":
        for issue in found["issues"]:
            issue["message"] = f"{_source(issue['path'], put, given_as)}{issue['message']}"
        raise NoField(refusal(found))
    return found


def _source(path: str, put: Sequence[Answer], given_as: Mapping[str, str]) -> str:
    """What the method under a path was given as, to be said before what is wrong with it."""
    of = _METHOD.match(path)
    if of is None:
        return ""
    if path.endswith(("Irr", ".low", ".high")):  # numbers, which stand in no file
        return "--irr: " if path.endswith("Irr") else "--swing: "
    (method,) = put[int(of["number"])].values()
    named = method.get("bridge" if of["bridge"] else "valuation")
    if of["case"]:
        named = method["valuations"][int(of["case"])]
    return f"{given_as[named]}: " if named else ""


def methods(valuations: Sequence[str], asked: Asked) -> list[dict[str, Any]]:
    """A comparison by its quartiles, a buyout by what it can pay; all others over the swings, or
    where there are none, those of one kind together as cases.

    Raises:
        NoField: for an option that no valuation takes.
    """
    by_type: dict[str, list[str]] = {}
    for each in valuations:
        by_type.setdefault(type_of(each), []).append(each)
    kinds = {each.removesuffix("Valuation") for each in by_type}
    if asked.swings and kinds <= {"Comparables", "Lbo"}:
        raise NoField("--swing moves the inputs of a DCF, and there is none among the SOURCEs.")
    if asked.returns and "Lbo" not in kinds:
        raise NoField("--irr is of a buyout, and there is none among the SOURCEs.")
    leading = [*by_type.get("DcfValuation", ()), *by_type.get("ComparablesValuation", ())]
    swings = [{"path": path, "low": low, "high": high} for path, low, high in asked.swings]
    low_to_high = ("lowIrr", "highIrr")
    returns = dict(zip(low_to_high, asked.returns, strict=True)) if asked.returns else {}
    found: list[dict[str, Any]] = []
    for name, ids in by_type.items():
        kind = name.removesuffix("Valuation")
        if kind not in ("Comparables", "Lbo") and not swings:
            found.append({"cases": {"valuations": ids}})
            continue
        for number, each in enumerate(ids, 1):
            method: dict[str, Any] = {"valuation": each}
            if len(ids) > 1:
                method["name"] = f"{'Peers' if kind == 'Comparables' else kind.upper()} {number}"
            if kind == "Comparables":
                found.append({"multiples": method})
            elif kind == "Lbo":
                method |= {"bridge": leading[0]} if leading else {}
                found.append({"buyout": method | returns})
            else:
                found.append({"swings": method | {"swings": swings}})
    stated = [
        {"stated": {"name": name, "low": low, "high": high}} for name, low, high in asked.stated
    ]
    return found + stated


def drawn(found: Answer) -> str:
    """A line for each bar, from the top down, with its numbers beside it."""
    told, unit = _numbers(found)
    rows = [
        f"{_OF[found['of']]}, {unit}",
        "",
        _ticks(found, told) + "".join(f"{head:>{_NUMBER}}" for head in ("low", "mid", "high")),
    ]
    market = found["marketPlace"]
    for bar in found["bars"]:
        name = bar["name"] if len(bar["name"]) < _NAMES else bar["name"][: _NAMES - 2] + "…"
        cells = (bar[key] for key in ("low", "mid", "high"))
        numbers = "".join(f"{'' if each is None else told(each):>{_NUMBER}}" for each in cells)
        rows.append(f"{name:<{_NAMES}}{_line(bar, market)}{numbers}")
    rows.append("")
    count = len(found["bars"])
    if market is not None:
        held = sum(1 for bar in found["bars"] if bar["holdsMarketPrice"])
        within = f", within {held} of {count} ranges" if count > 1 else ""
        rows.append(f"{'┊ market':<{_NAMES}}{told(found['marketPrice'])}{within}")
    both = found["overlap"]
    if both is None:
        rows += ["No two ranges meet."] if count > 1 else []
    else:
        rows.append(
            f"{'Most agree on':<{_NAMES}}{told(both['low'])} to {told(both['high'])}: "
            f"{len(both['methods'])} of {count} ranges"
        )
    return "\n".join([*rows, *remarks(found)])


def _numbers(found: Answer) -> tuple[Callable[[float], str], str]:
    """How a number of the field is written, and in which unit."""
    if found["of"] == "VALUE_PER_SHARE":
        return price, found["currency"]
    unit = scale_of(max(map(abs, found["ticks"])), found["currency"])
    return lambda money: amount(money, unit), unit[1]


def _line(bar: Mapping[str, Any], market: float | None) -> str:
    cells = [" "] * _CHART
    first, last = _cell(bar["lowPlace"]), _cell(bar["highPlace"])
    if market is not None:
        cells[_cell(market)] = "┊"
    cells[first : last + 1] = "█" * (last + 1 - first)
    if bar["midPlace"] is not None:
        cells[_cell(bar["midPlace"])] = "│" if first < last else "█"
    return "".join(cells)


def _ticks(found: Answer, told: Callable[[float], str]) -> str:
    """The scale: as many of its ticks as have room beside each other."""
    line = [" "] * (_NAMES + _CHART)
    ticks = found["ticks"]
    free = 0
    for number, tick in enumerate(ticks):
        text = told(tick).removesuffix(".00").removesuffix(".0")
        middle = _NAMES + _cell(number / (len(ticks) - 1))
        start = min(max(middle - len(text) // 2, 0), len(line) - len(text))
        if start >= free:
            line[start : start + len(text)] = text
            free = start + len(text) + 1
    return "".join(line)


def _cell(place: float) -> int:
    return min(max(round(place * (_CHART - 1)), 0), _CHART - 1)
