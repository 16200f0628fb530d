"""A comparison in words: what each multiple says, and what the firm is worth at it."""

from __future__ import annotations

from typing import Final

from api.terminals.equity import Answer, amount, price, scale_of
from api.terminals.explain import WIDTH, remarks
from api.terminals.sources import sources
from services.comparables_labels import name_of_multiple

_QUARTILES: Final = ("lowerQuartile", "median", "upperQuartile")
# What a multiple divides: the value of a firm, and what it earns in twelve months.
_PARTS: Final = {
    "EV_TO_REVENUE": ("enterpriseValue", "revenue"),
    "EV_TO_EBITDA": ("enterpriseValue", "ebitda"),
    "EV_TO_EBIT": ("enterpriseValue", "ebit"),
    "PRICE_TO_EARNINGS": ("equityValue", "netIncome"),
}


def comparison(value: Answer, *, peers: bool) -> str:
    """The number and the range of each multiple; with ``peers``, what each firm's is made of."""
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
        given = value["inputs"]
        lines.append(
            f"{'Price on ' + given['asOf']:<34}{price(given['marketPrice']):>16} {code}   "
            f"(the value is {abs(value['upside']):,.1%} {side} it)"
        )
    heads = "".join(f"{head:>10}" for head in ("P25", "median", "P75") * 2)
    lines += ["", f"{'':<32}{'multiple':>30}{f'{code} a share':>30}", f"{'peers':>32}{heads}"]
    firms = {each["name"]: each for each in value["peers"]}
    for each in ranges:
        statistics = each["statistics"]
        told = [f"{statistics[name]:,.1f}×" if statistics else "none" for name in _QUARTILES]
        told += [price(each[name]["valuePerShare"]) if each[name] else "" for name in _QUARTILES]
        cells = "".join(f"{cell:>10}" for cell in told)
        lines.append(f"{name_of_multiple(each):<28}{each['count']:>4}{cells}".rstrip())
        if peers and statistics:
            ends = (f"{name} {statistics[name]:,.1f}×" for name in ("low", "mean", "high"))
            lines.append(f"  {', '.join(ends)}")
        if peers:
            lines += [_of_firm(each, firms[peer["name"]], peer) for peer in each["peers"]]
            if value["upside"] is not None:
                own = {"name": f"{value['subject']['name']}, at its market price"}
                own |= {"multiple": each["atMarket"], "silence": "NOT_MEANINGFUL"}
                lines.append(_of_firm(each, value["subject"], own))
    told = sources(value, WIDTH) if peers else []
    return "\n".join([*lines, *remarks(value), *told, "", f"Valuation id  {value['id']}"])


def _of_firm(asked: Answer, firm: Answer, told: Answer) -> str:
    """A firm's multiple and what it is made of, in the firm's own money; or why it has none."""
    name = f"  {told['name']:<32}"
    if told["multiple"] is None:
        words = {"NOT_GIVEN": "not given", "NOT_MEANINGFUL": "not meaningful"}
        return f"{name}{words[told['silence']]:>16}"
    worth, earned = _PARTS[asked["multiple"]]
    value, over = firm[worth], firm[asked["period"].lower()][earned]
    unit = scale_of(abs(value), "")
    made_of = f"{amount(value, unit)} / {amount(over, unit)} {unit[1]}"
    return f"{name}{told['multiple']:>15,.1f}×   {made_of}".rstrip()
