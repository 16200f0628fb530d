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
_FUTURES: Final = ("goingConcern", "failed")
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
            row("  plus tax saved by losses", saved)
            for saved in [parts["lossesCarriedForward"]]
            if saved
        ),
        *_futures(value, row),
        row("Equity value", value["equityValue"]),
        *_shared(value),
        f"{'Value per share':<34}{price(value['valuePerShare']):>16} {code}",
    ]


def _futures(value: Answer, row: Callable[[str, float], str]) -> list[str]:
    if value["failure"] is None:
        return []
    likely, futures = value["inputs"]["failure"]["probability"], value["failure"]
    return [
        row("Equity as a going concern", futures["goingConcern"]["equityValue"]),
        row(f"Equity in failure, {likely:.1%} likely", futures["failed"]["equityValue"]),
    ]


def _shared(value: Answer) -> list[str]:
    """Who takes part, in one unit, and how many shares that is; who does not is not said."""
    dilution, count = value["dilution"], value["dilutedShares"]
    rows = [] if dilution is None else [("Basic and restricted shares", dilution["heldShares"])]
    rows += [
        (f"  plus options at {each['strike']:,.2f}, net", each["netShares"])
        for each in _exercised(value)
    ]
    rows += [
        (f"  plus converted at {each['conversionPrice']:,.2f}", each["shares"])
        for each in (dilution or {}).get("convertibles", ())
        if each["converted"]
    ]
    scale, word = (1e6, " million") if count >= 1e6 else (1.0, "")
    return [
        f"{name:<34}{shares / scale:>16,.1f}{word}"
        for name, shares in [*(rows if rows[1:] else []), ("Diluted shares", count)]
    ]


def _exercised(value: Answer) -> list[Answer]:
    return [each for each in (value["dilution"] or {}).get("options", ()) if each["exercised"]]


def notes(value: Answer) -> list[str]:
    """How the rows that are no sums come about, a sentence each."""
    told, futures, unit = [], value["failure"], unit_of(value)
    if _exercised(value):
        concern = " of the going concern" if futures else ""
        told.append(
            f"Options are net: new shares less those that their strikes buy back at the value per "
            f"share{concern}, {price(value['dilution']['price'])} {value['currency']}."
        )
    if futures:
        given, going, failed = value["inputs"]["failure"], *map(futures.get, _FUTURES)
        likely, left = given["probability"], given["recovery"] * value["enterpriseValue"]
        told.append(
            f"In failure the firm is sold for {given['recovery']:.1%} of its enterprise value, "
            f"{amount(left, unit)}; every claim is paid from that, and losses save nothing. Equity "
            f"value = {1 - likely:.1%} × {amount(going['equityValue'], unit)} + {likely:.1%} × "
            f"{amount(failed['equityValue'], unit)}; value per share = {1 - likely:.1%} × "
            f"{price(going['valuePerShare'])} + {likely:.1%} × {price(failed['valuePerShare'])}. "
            "Diluted shares are the going concern's."
        )
    return told


def businesses(value: Answer) -> list[Answer]:
    """The operations of the firm, or of each of its segments."""
    inputs = value["inputs"]
    parts = inputs.get("segments") or [inputs]
    return [each["operations"] for each in parts]


def unit_of(value: Answer) -> tuple[float, str]:
    """Money as a person reads it: a scale, and what it is called."""
    sold = sum(each["revenue"] for each in businesses(value))
    return scale_of(max(abs(value["enterpriseValue"]), abs(sold)), value["currency"])


def scale_of(largest: float, code: str) -> tuple[float, str]:
    """A scale for amounts up to this one, and what it is called."""
    return next(
        (
            (scale, f"{word} {code}")
            for scale, word in ((1e9, "billion"), (1e6, "million"))
            if largest >= 10 * scale
        ),
        (1.0, code),
    )


def price(money: float) -> str:
    """Money a share, to the cent."""
    return f"{round(money, 2) + 0.0:,.2f}".replace("-", "−")


def percent(fraction: float | None, decimals: int = 1) -> str:
    """A fraction in percent, nothing being no less than nothing; none where there is none."""
    if fraction is None:
        return "none"
    return f"{round(fraction, decimals + 2) + 0.0:.{decimals}%}".replace("-", "−")


def amount(money: float, unit: tuple[float, str]) -> str:
    """Money in a unit, with one decimal."""
    shown = round(money / unit[0], 1) + 0.0  # nothing is less than nothing: -0.0 + 0.0 is 0.0
    return f"{shown:,.1f}".replace("-", "−")
