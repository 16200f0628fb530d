"""From the firm to one share, in rows of text: the bridge, both futures, and who takes part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Answer = Mapping[str, Any]

_CLAIMS: Final = (
    ("debt", "debt"),
    ("leases", "leases"),
    ("preferredStock", "preferred stock"),
    ("minorityInterests", "minority interests"),
    ("pensionsAfterTax", "pensions after tax"),
    ("convertibles", "convertibles, as debt"),
)
_ASSETS: Final = (("cash", "cash and securities"), ("associates", "associates"))


def bridge(value: Answer) -> list[str]:
    """One row for each amount on the way from the enterprise value to a share."""
    unit, parts, code = unit_of(value), value["bridge"], value["currency"]

    def row(name: str, money: float) -> str:
        return f"{name:<34}{amount(money, unit):>16} {unit[1]}"

    return [
        row("Present value of the forecast", value["valueOfForecast"]),
        row("Present value of what comes after", value["valueOfTerminal"]),
        row("Enterprise value", value["enterpriseValue"]),
        *(row(f"  less {name}", -parts[key]) for key, name in _CLAIMS if parts[key]),
        *(row(f"  plus {name}", parts[key]) for key, name in _ASSETS if parts[key]),
        *(
            row("  plus tax that past losses save", saved)
            for saved in [parts["lossesCarriedForward"]]
            if saved
        ),
        *_futures(value, row),
        row("Equity value", value["equityValue"]),
        *_tranches(value["dilution"]),
        _shares("Diluted shares", value["dilutedShares"]),
        f"{'Value per share':<34}{value['valuePerShare']:>16,.2f} {code}",
    ]


def _futures(value: Answer, row: Callable[[str, float], str]) -> list[str]:
    if value["failure"] is None:
        return []
    likely, futures = value["inputs"]["failure"]["probability"], value["failure"]
    return [
        row("Equity as a going concern", futures["goingConcern"]["equityValue"]),
        row(f"Equity in failure, {likely:.1%} likely", futures["failed"]["equityValue"]),
    ]


def _tranches(dilution: Answer | None) -> list[str]:
    """Who takes part; what is out of the money is not said."""
    if dilution is None:
        return []
    rows = [("Basic and restricted shares", dilution["heldShares"])]
    rows += [
        (f"  plus options at {each['strike']:,.2f}, net", each["netShares"])
        for each in dilution["options"]
        if each["exercised"]
    ]
    rows += [
        (f"  plus converted at {each['conversionPrice']:,.2f}", each["shares"])
        for each in dilution["convertibles"]
        if each["converted"]
    ]
    return [_shares(name, count) for name, count in rows] if rows[1:] else []


def _shares(name: str, count: float) -> str:
    scaled, word = (count / 1e6, " million") if count >= 1e6 else (count, "")
    return f"{name:<34}{scaled:>16,.1f}{word}"


def businesses(value: Answer) -> list[Answer]:
    """The operations of the firm, or of each of its segments."""
    inputs = value["inputs"]
    parts = inputs.get("segments") or [inputs]
    return [each["operations"] for each in parts]


def unit_of(value: Answer) -> tuple[float, str]:
    """Money as a person reads it: a scale, and what it is called."""
    code = value["currency"]
    sold = sum(each["revenue"] for each in businesses(value))
    largest = max(abs(value["enterpriseValue"]), abs(sold))
    return next(
        (
            (scale, f"{word} {code}")
            for scale, word in ((1e9, "billion"), (1e6, "million"))
            if largest >= 10 * scale
        ),
        (1.0, code),
    )


def amount(money: float, unit: tuple[float, str]) -> str:
    """Money in a unit, with one decimal."""
    shown = round(money / unit[0], 1) + 0.0  # nothing is less than nothing: -0.0 + 0.0 is 0.0
    return f"{shown:,.1f}".replace("-", "−")
