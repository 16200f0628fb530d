"""A football field in a terminal: what is asked of which valuation, and the bars in lines."""

from __future__ import annotations

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

Range = tuple[str, float, float]  # a name or a path, from, to


class NoField(Exception):
    """Why there is no field, as a person reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command asks beside the valuations."""

    of: str
    swings: Sequence[Range]
    returns: tuple[float, float]  # of a buyout's sponsor, 1/year
    stated: Sequence[Range]
    market_price: float | None


async def field(embedded: Embedded, valuations: Sequence[str], asked: Asked) -> Answer:
    """Valuations by their global ids, side by side.

    Raises:
        NoField; QueryFailed.
    """
    variables = {
        "methods": methods(valuations, asked),
        "of": asked.of,
        "marketPrice": asked.market_price,
    }
    found: Answer = (await embedded.data(_FIELD, variables))["footballField"]
    if found["__typename"] == "Refusal":
        raise NoField(refusal(found))
    return found


def methods(valuations: Sequence[str], asked: Asked) -> list[dict[str, Any]]:
    """A comparison by its quartiles, a buyout by what it can pay; all others over the swings, or
    where there are none, those of one kind together as cases."""
    by_type: dict[str, list[str]] = {}
    for each in valuations:
        by_type.setdefault(type_of(each), []).append(each)
    leading = [*by_type.get("DcfValuation", ()), *by_type.get("ComparablesValuation", ())]
    swings = [{"path": path, "low": low, "high": high} for path, low, high in asked.swings]
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
                low, high = asked.returns
                bridge = {"bridge": leading[0]} if leading else {}
                found.append({"buyout": method | bridge | {"lowIrr": low, "highIrr": high}})
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
    if market is not None:
        held = sum(1 for bar in found["bars"] if bar["holdsMarketPrice"])
        rows.append(
            f"{'┊ market':<{_NAMES}}{told(found['marketPrice'])}, within {held} of "
            f"{len(found['bars'])} ranges"
        )
    both = found["overlap"]
    if both is None:
        rows.append("No two ranges meet.")
    else:
        rows.append(
            f"{'Most agree on':<{_NAMES}}{told(both['low'])} to {told(both['high'])}: "
            f"{len(both['methods'])} of {len(found['bars'])} ranges"
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
