"""A comparison in words: what each multiple says, and what the firm is worth at it."""

from __future__ import annotations

from typing import Final

from api.terminals.equity import Answer, amount, price, scale_of
from api.terminals.explain import WIDTH, remarks
from api.terminals.sources import sources
from services.comparables_labels import name_of_multiple

_QUARTILES: Final = ("lowerQuartile", "median", "upperQuartile")


def comparison(value: Answer, *, peers: bool) -> str:
    """The number and the range of each multiple; with ``peers``, each firm's own multiple."""
    code, ranges = value["currency"], value["ranges"]
    unit = scale_of(abs(value["enterpriseValue"]), code)

    def row(name: str, money: float) -> str:
        return f"{name:<34}{amount(money, unit):>16} {unit[1]}"

    first = ranges[0]
    lines = [
        f"{name_of_multiple(first) + ', median':<34}{value['multiple']:>15,.1f}×",
        row("Enterprise value", value["enterpriseValue"]),
        row("  less net debt", -value["netDebt"]),
        row("Equity value", value["equityValue"]),
        f"{'Value per share':<34}{price(value['valuePerShare']):>16} {code}",
    ]
    if value["upside"] is not None:
        side = "above" if value["upside"] >= 0 else "below"
        lines.append(f"{'':<34}{abs(value['upside']):>16,.1%} {side} the market price")
    heads = "".join(f"{head:>11}" for head in ("P25", "median", "P75") * 2)
    lines += ["", f"{'':<26}{'multiple':>33}{f'{code} a share':>33}", f"{'':<26}{heads}"]
    for each in ranges:
        statistics = each["statistics"]
        told = [f"{statistics[name]:,.1f}×" if statistics else "none" for name in _QUARTILES]
        told += [price(each[name]["valuePerShare"]) if each[name] else "" for name in _QUARTILES]
        lines.append(
            f"{name_of_multiple(each):<26}{''.join(f'{cell:>11}' for cell in told)}".rstrip()
        )
        if peers:
            lines += [f"  {peer['name']:<32}{_of_peer(peer)}" for peer in each["peers"]]
    told = sources(value, WIDTH) if peers else []
    return "\n".join([*lines, *remarks(value), *told, "", f"Valuation id  {value['id']}"])


def _of_peer(peer: Answer) -> str:
    if peer["multiple"] is not None:
        return f"{peer['multiple']:>15,.1f}×"
    words = {"NOT_GIVEN": "not given", "NOT_MEANINGFUL": "not meaningful"}
    return f"{words[peer['silence']]:>16}"
