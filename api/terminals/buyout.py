"""A buyout in words: where the money comes from, what it earns, and how the debt goes down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from api.terminals.equity import Answer, amount, percent, scale_of
from api.terminals.explain import WIDTH, remarks
from api.terminals.sources import sources

_COLUMNS = 7  # years beside each other; a longer forecast shows its beginning and its last year


def buyout(value: Answer, *, explained: bool) -> str:
    """Sources, uses and returns; ``explained``, the years, the sale and the gain, too."""
    closing, code = value["sourcesAndUses"], value["currency"]
    unit = scale_of(closing["total"], code)
    wide = max([34, *(len(f"  from {each['name']} ") for each in value["debt"])])

    def row(name: str, money: float, more: str = "") -> str:
        return f"{name:<{wide}}{amount(money, unit):>16} {unit[1]}{more}"

    ebitda = closing["enterpriseValue"] / closing["evToEbitda"]
    whose = "Sponsor's " if len(value["holders"]) > 1 else ""
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
        f"{f'{whose}MOIC':<{wide}}{value['moic']:>15.2f}×",
        f"{f'{whose}IRR':<{wide}}{percent(value['irr']):>16}",
    ]
    if explained:
        parts = (_years(value, unit), _exit(value, row), _exits(value, unit), _gain(value, row))
        lines += [line for part in (*parts, _owners(value, unit)) for line in ("", *part) if part]
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
# In a sentence, and over a column.
_HOLDERS = {
    "SPONSOR": ("the sponsor", "sponsor"),
    "ROLLOVER": ("rollover", "rollover"),
    "OPTION_POOL": ("the option pool", "pool"),
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

    stub = value["stubShare"] not in (None, 1.0)
    whole = ", whole year" if stub else ""
    counted = [percent(value["stubShare"] if year == 0 else 1.0) for year in shown]
    wide = max([26, *(len(f"{each['name']}, closing ") for each in value["debt"])])

    def line(name: str, numbers: Sequence[float]) -> str:
        return f"{name:<{wide}}" + "".join(f"{amount(numbers[year], unit):>10}" for year in shown)

    def times(name: str, key: str) -> str:
        told = [value["credit"][year][key] for year in shown]
        cells = "".join(f"{'none' if each is None else f'{each:.1f}×':>10}" for each in told)
        return f"{name:<{wide}}{cells}"

    heads = "".join(f"{f'year {year + 1}':>10}" for year in shown)
    missing = any(each["code"] == "SHORTFALL" for each in value["remarks"])
    return [
        f"{unit[1]:<{wide}}{heads}",
        *([_cells("Share of the fiscal year", counted, wide)] if stub else []),
        line("Revenue", income["revenue"]),
        line("EBITDA", income["ebitda"]),
        line("Cash interest", income["cashInterest"]),
        line("Tax", income["tax"]),
        line("Net income", income["netIncome"]),
        line("Cash before repayment", flows["cashBeforeRepayment"]),
        *(line(f"{each['name']}, closing", each["closing"]) for each in value["debt"]),
        line("Cash, closing", flows["closingCash"]),
        *([line("Shortfall", flows["shortfall"])] if missing else []),
        times(f"Debt / EBITDA{whole}", "leverage"),
        times("Interest cover", "interestCover"),
        *(_headroom(each, shown, wide) for each in value["covenants"]),
    ]


def _headroom(covenant: Answer, shown: Sequence[int], wide: int) -> str:
    """By how much EBITDA may fall in each year before the covenant breaks."""
    years = [covenant["years"][year] for year in shown]
    cells = ["broken" if not each["kept"] else percent(each["headroom"], 0) for each in years]
    return _cells(f"Headroom, {_MEASURES[covenant['measure']]}", cells, wide)


def _exit(value: Answer, row: Callable[[str, float], str]) -> list[str]:
    """From what the firm is sold for to what each owner has of it."""
    at = value["exitYear"] - 1
    cash = value["statements"]["cashFlow"]["closingCash"][at]
    owed = ((each["name"], each["closing"][at]) for each in value["debt"])
    lost = value["valueCreation"]["claimsNotCovered"]
    multiple = value["inputs"]["exit"]["evToEbitda"]
    return [
        row(f"Sold at the end of year {at + 1}", value["exits"][at]["enterpriseValue"])
        + f"   {multiple:.1f}×",
        *(row("  less costs", -cost) for cost in [value["exitCosts"]] if cost),
        *(row(f"  less {name}", -debt) for name, debt in owed if debt),
        row("  plus cash" if cash >= 0.0 else "  less cash that is missing", cash),
        *([] if lost is None else [row("  plus what lenders lose", lost)]),
        row("Equity at exit", value["exitEquity"]),
        *(row(f"  for {_HOLDERS[each['name']][0]}", each["proceeds"]) for each in value["holders"]),
    ]


def _exits(value: Answer, unit: tuple[float, str]) -> list[str]:
    """What a sale in each year, at the same multiple, would be for the owners, and for each where
    there are several: the sponsor last, whose return stands beside it."""
    exits = value["exits"]
    owners = exits[0]["holders"] or ()  # what was kept before they were told has none
    order = [*range(1, len(owners)), 0] if len(owners) > 1 else []
    names = [_HOLDERS[owners[at]["name"]][1] for at in order]
    its = "its " if order else ""
    lines = [_cells(unit[1], ("equity", *names, f"{its}MOIC", f"{its}IRR"), 26)]
    for each in exits:
        parts = [each["holders"][at]["proceeds"] for at in order]
        money = [amount(part, unit) for part in (each["equity"], *parts)]
        cells = [*money, f"{each['moic']:.2f}×", percent(each["irr"])]
        lines.append(_cells(f"Sold in year {each['year']}", cells, 26))
    return lines


def _cells(name: str, cells: Sequence[str], wide: int) -> str:
    return f"{name:<{wide}}" + "".join(f"{cell:>10}" for cell in cells)


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
    lines = [_cells(unit[1], heads, 26)]
    for each in holders:
        money = [amount(each[key], unit) for key in ("invested", "dividend", "proceeds")]
        moic = "none" if each["moic"] is None else f"{each['moic']:.2f}×"
        name = each["name"].replace("_", " ").capitalize()
        lines.append(_cells(name, [*money, moic, percent(each["irr"])], 26))
    return lines
