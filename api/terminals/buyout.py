"""A buyout in words: where the money comes from, what it earns, and how the debt goes down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from api.terminals.equity import Answer, amount, scale_of
from api.terminals.explain import WIDTH, remarks
from api.terminals.sources import sources

_COLUMNS = 10  # years beside each other; a longer forecast shows its beginning and its last year


def buyout(value: Answer, *, explained: bool) -> str:
    """Sources, uses and returns; ``explained``, the years and where the gain comes from, too."""
    closing, code = value["sourcesAndUses"], value["currency"]
    unit = scale_of(closing["total"], code)

    def row(name: str, money: float, more: str = "") -> str:
        return f"{name:<34}{amount(money, unit):>16} {unit[1]}{more}"

    ebitda = closing["enterpriseValue"] / closing["evToEbitda"]
    lines = [
        row("Enterprise value", closing["enterpriseValue"], f"   {closing['evToEbitda']:.1f}×"),
        *(row(f"  plus {name}", closing[key]) for name, key in _USES if closing[key]),
        row("Uses", closing["total"]),
        *(
            row(f"  from {each['name']}", each["amount"], f"   {each['timesEbitda']:.1f}×")
            for each in closing["tranches"]
        ),
        *(row("  from rollover", money) for money in [closing["rollover"]] if money),
        row(
            "  from the sponsor",
            closing["sponsorEquity"],
            f"   {closing['sponsorEquity'] / ebitda:.1f}×",
        ),
        "",
        row(f"Equity at exit, year {value['exitYear']}", value["exitEquity"]),
        f"{'MOIC':<34}{value['moic']:>15.2f}×",
        f"{'IRR':<34}{value['irr']:>16.1%}".replace("-", "−"),
    ]
    if explained:
        lines += ["", *_years(value, unit), "", *_gain(value, row), *_owners(value, unit)]
    told = sources(value, WIDTH) if explained else []
    return "\n".join([*lines, *remarks(value), *told, "", f"Valuation id  {value['id']}"])


_USES = (
    ("transaction fees", "transactionFees"),
    ("financing fees", "financingFees"),
    ("original issue discount", "originalIssueDiscount"),
    ("cash to the balance sheet", "cashToBalanceSheet"),
)
_MEASURES = {
    "LEVERAGE": "leverage",
    "NET_LEVERAGE": "net leverage",
    "INTEREST_COVER": "interest",
    "FIXED_CHARGE_COVER": "fixed charges",
}
_GAINS = (
    ("  growth of EBITDA", "ebitdaGrowth"),
    ("  multiple", "multipleExpansion"),
    ("  both together", "cross"),
    ("  debt paid down", "netDebt"),
    ("  fees and costs", "fees"),
)


def _years(value: Answer, unit: tuple[float, str]) -> list[str]:
    income, flows = value["statements"]["income"], value["statements"]["cashFlow"]
    count = len(income["revenue"])
    shown = list(range(count))
    if count > _COLUMNS:
        shown = [*range(_COLUMNS - 1), count - 1]

    def line(name: str, numbers: Sequence[float]) -> str:
        return f"{name:<26}" + "".join(f"{amount(numbers[year], unit):>10}" for year in shown)

    def times(name: str, key: str) -> str:
        told = [value["credit"][year][key] for year in shown]
        cells = "".join(f"{'none' if each is None else f'{each:.1f}×':>10}" for each in told)
        return f"{name:<26}{cells}"

    heads = "".join(f"{f'year {year + 1}':>10}" for year in shown)
    return [
        f"{unit[1]:<26}{heads}",
        line("Revenue", income["revenue"]),
        line("EBITDA", income["ebitda"]),
        line("Cash interest", income["cashInterest"]),
        line("Tax", income["tax"]),
        line("Net income", income["netIncome"]),
        line("Cash before repayment", flows["cashBeforeRepayment"]),
        *(line(f"{each['name']}, closing", each["closing"]) for each in value["debt"]),
        line("Cash, closing", flows["closingCash"]),
        *(line("Shortfall", short) for short in [flows["shortfall"]] if any(short)),
        times("Debt / EBITDA", "leverage"),
        times("Interest cover", "interestCover"),
        *(_headroom(each, shown) for each in value["covenants"]),
    ]


def _headroom(covenant: Answer, shown: Sequence[int]) -> str:
    """By how much EBITDA may fall in each year before the covenant breaks."""
    years = [covenant["years"][year] for year in shown]
    cells = ["broken" if not each["kept"] else _share(each["headroom"], ".0%") for each in years]
    name = f"Headroom, {_MEASURES[covenant['measure']]}"
    return f"{name:<26}" + "".join(f"{cell:>10}" for cell in cells)


def _gain(value: Answer, row: Callable[[str, float], str]) -> list[str]:
    made = value["valueCreation"]
    return [
        row("Gain of all owners", made["total"]),
        *(row(name, made[key]) for name, key in _GAINS),
    ]


def _owners(value: Answer, unit: tuple[float, str]) -> list[str]:
    """What each had and got; nothing where the sponsor has it all."""
    holders = value["holders"]
    if len(holders) < 2:
        return []
    heads = ("invested", "dividend", "at exit", "MOIC", "IRR")
    lines = [f"{unit[1]:<26}" + "".join(f"{head:>10}" for head in heads)]
    for each in holders:
        money = [amount(each[key], unit) for key in ("invested", "dividend", "proceeds")]
        moic = "none" if each["moic"] is None else f"{each['moic']:.2f}×"
        cells = [*money, moic, _share(each["irr"], ".1%")]
        name = each["name"].replace("_", " ").capitalize()
        lines.append(f"{name:<26}" + "".join(f"{cell:>10}" for cell in cells))
    return ["", *lines]


def _share(fraction: float | None, form: str) -> str:
    return "none" if fraction is None else format(fraction, form).replace("-", "−")
