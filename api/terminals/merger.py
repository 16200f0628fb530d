"""A merger in words: what is paid and how, and what the acquirer's shareholders earn after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from api.terminals.equity import Answer, amount, price, scale_of
from api.terminals.explain import WIDTH, remarks
from api.terminals.sources import sources

_SOURCES: Final = (
    ("new shares", "newShares"),
    ("cash of the firms", "balanceSheetCash"),
    ("new debt", "newDebt"),
)
_USES: Final = (
    ("the target's equity", "equity"),
    ("its debt, refinanced", "refinancedDebt"),
    ("advisory fees", "advisoryFees"),
    ("financing fees", "financingFees"),
)
_OWNED: Final = "Owned by the acquirer's holders"


def merger(value: Answer, *, explained: bool) -> str:
    """Offer, sources and uses, and accretion by year; ``explained``, whose the value is, too."""
    offer, money, code = value["offer"], value["sourcesAndUses"], value["currency"]
    unit = scale_of(money["totalUses"], code)

    def row(name: str, sum_of_money: float) -> str:
        return f"{name:<34}{amount(sum_of_money, unit):>16} {unit[1]}"

    lines = [
        f"{'Offer a share':<34}{price(offer['price']):>16} {code}"
        f"   (a premium of {offer['premium']:.1%})".replace("-", "−"),
        row("Enterprise value of the target", offer["enterpriseValue"]),
        *(row(f"  for {name}", money[key]) for name, key in _USES if money[key]),
        row("Uses", money["totalUses"]),
        *(row(f"  from {name}", money[key]) for name, key in _SOURCES if money[key]),
        f"{_OWNED:<34}{value['acquirerOwnership']:>16.1%}",
        row("Goodwill", value["goodwill"]),
        "",
        *_earnings(value["perShare"], code),
    ]
    if explained:
        lines += ["", *_worth(value, row)]
    told = sources(value, WIDTH) if explained else []
    return "\n".join([*lines, *remarks(value), *told, "", f"Valuation id  {value['id']}"])


def _earnings(shares: Answer, code: str) -> list[str]:
    years = range(len(shares["gaap"]))

    def line(name: str, cells: Sequence[str]) -> str:
        return f"{name:<26}" + "".join(f"{cell:>10}" for cell in cells)

    def change(numbers: Sequence[float | None]) -> list[str]:
        told = ("none" if each is None else f"{each:+.1%}" for each in numbers)
        return [each.replace("-", "−") for each in told]

    return [
        line(f"{code} a share", [f"year {year + 1}" for year in years]),
        line("Earnings alone", [price(each) for each in shares["standAlone"]]),
        line("Earnings together", [price(each) for each in shares["gaap"]]),
        line("  accretion", change(shares["accretion"])),
        line("Cash earnings together", [price(each) for each in shares["cash"]]),
        line("  accretion", change(shares["cashAccretion"])),
    ]


def _worth(value: Answer, row: Callable[[str, float], str]) -> list[str]:
    made = value["valueCreation"]
    return [
        row("Synergies, today", made["synergies"]),
        row("  less the premium", -made["premium"]),
        row("Value created", made["created"]),
        row("  for the acquirer's holders", made["acquirerPart"]),
        row("  for the target's, with premium", made["targetPart"]),
    ]
