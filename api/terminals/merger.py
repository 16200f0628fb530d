"""A merger in words: what is paid and how, and what the acquirer's shareholders earn after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from api.terminals.equity import Answer, amount, percent, price, scale_of
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
_RESTATED: Final = (
    ("  less goodwill there", "existingGoodwill", -1),
    ("  plus deferred tax there", "existingDeferredTax", 1),
    ("  plus intangibles, written up", "intangibles", 1),
    ("  plus fixed assets, written up", "fixedAssetStepUp", 1),
    ("  plus inventory, written up", "inventoryStepUp", 1),
    ("  less deferred tax on these", "deferredTax", -1),
)
_EFFECTS: Final = (
    ("  synergies", "synergies", 1),
    ("  what they cost to achieve", "costsToAchieve", -1),
    ("  intangibles, amortised", "intangibleAmortisation", -1),
    ("  write-up, depreciated", "stepUpDepreciation", -1),
    ("  write-up of inventory, sold", "inventoryCharge", -1),
    ("  interest saved on old debt", "interestSaved", 1),
    ("  interest on new debt", "newInterest", -1),
    ("  yield lost on cash", "lostYield", -1),
    ("  fee of new debt, amortised", "feeAmortisation", -1),
    ("  tax on these", "taxOnAdjustments", -1),
    ("  accretion of the earn-out", "earnOutCharge", -1),  # which is not deducted
)
_FIGURES: Final = (
    ("Revenue", "revenue"),
    ("EBITDA", "ebitda"),
    ("EBIT", "ebit"),
    ("Net income", "netIncome"),
)
_OWNED: Final = "Owned by the acquirer's holders"
_COLUMNS: Final = 7  # years beside each other; a longer forecast has its beginning and last year

_Row = Callable[[str, float], str]


def merger(value: Answer, *, explained: bool) -> str:
    """Offer, sources and uses, and accretion by year; ``explained``, every step of them, too."""
    money, code = value["sourcesAndUses"], value["currency"]
    unit = scale_of(money["totalUses"], code)

    def row(name: str, sum_of_money: float) -> str:
        return f"{name:<34}{amount(sum_of_money, unit):>16} {unit[1]}"

    lines = [
        *_offer(value["offer"], code, row),
        "",
        *(row(f"  for {name}", money[key]) for name, key in _USES if money[key]),
        row("Uses", money["totalUses"]),
        *(row(f"  from {name}", money[key]) for name, key in _SOURCES if money[key]),
        row("Sources", money["totalSources"]),
        "",
        f"{_OWNED:<34}{value['acquirerOwnership']:>16.1%}",
        row("Goodwill", value["goodwill"]),
        "",
        *_earnings(value, code),
    ]
    if explained:
        lines += _explained(value, unit, row)
    told = sources(value, WIDTH) if explained else []
    return "\n".join([*lines, *remarks(value), *told, "", f"Valuation id  {value['id']}"])


def _offer(offer: Answer, code: str, row: _Row) -> list[str]:
    """From the price of a share to the enterprise value; no part of it is left out."""
    owed = offer["netDebt"]
    premium = f"(a premium of {percent(offer['premium'])})"
    return [
        f"{'Offer a share':<34}{price(offer['price']):>16} {code}   {premium}",
        _counted("  times the target's shares", offer["dilutedShares"]),
        row("Equity of the target", offer["equityPrice"]),
        *(row("  plus the earn-out", worth) for worth in [offer["earnOut"]] if worth),
        row("  less its net cash" if owed < 0.0 else "  plus its net debt", owed),
        row("Enterprise value of the target", offer["enterpriseValue"]),
    ]


def _earnings(value: Answer, code: str) -> list[str]:
    shares, shown = value["perShare"], _shown(value)
    return [
        _heads(f"{code} a share", shown),
        _line("Earnings alone", shares["standAlone"], shown, price),
        _line("Earnings together", shares["gaap"], shown, price),
        _line("  accretion", shares["accretion"], shown, _change),
        _line("Cash earnings together", shares["cash"], shown, price),
        _line("  accretion", shares["cashAccretion"], shown, _change),
    ]


def _explained(value: Answer, unit: tuple[float, str], row: _Row) -> list[str]:
    """Groups of lines, each after an empty one."""
    groups = (
        _bridge(value, unit),
        _allocation(value, row),
        _contribution(value),
        _leverage(value, unit, row),
        _returns(value, unit, row),
        _worth(value, row),
    )
    return [line for group in groups for line in ("", *group)]


def _bridge(value: Answer, unit: tuple[float, str]) -> list[str]:
    """From two net incomes to one a share; and how far the deal may go before it dilutes.

    What each firm earns is of whole years: of a stub, the share that follows the closing counts.
    """
    income, shares, shown = value["incomeStatement"], value["perShare"], _shown(value)
    together, earned = income["netIncome"], value["contribution"]["netIncome"]
    parts = _parts(value, len(together))
    alone = [
        [part * whole for part, whole in zip(parts, earned[firm], strict=True)]
        for firm in ("acquirer", "target")
    ]
    effects = [
        (name, [sign * each for each in income[key]])
        for name, key, sign in _EFFECTS
        if any(income[key] or ())
    ]
    count, code = value["holders"]["shares"], value["currency"]
    scale, word = _scale(count)

    def money(name: str, column: Sequence[float]) -> str:
        return _line(name, column, shown, lambda each: amount(each, unit))

    return [
        _heads(unit[1], shown),
        *([] if _whole(value) else [_line("Share of the fiscal year", parts, shown, percent)]),
        money("Net income of the acquirer", alone[0]),
        money("Net income of the target", alone[1]),
        *(money(name, column) for name, column in effects),
        money("Net income together", together),
        money("  before tax", income["preTaxProfit"]),
        money("  tax", [-each for each in income["tax"]]),
        _line(f"Shares{word}", [count / scale] * len(together), shown, "{:,.1f}".format),
        _line(f"Earnings a share, {code}", shares["gaap"], shown, price),
        _line("  accretion", shares["accretion"], shown, _change),
        money("Breakeven synergies", shares["breakevenSynergies"]),
        _line("Maximum premium", shares["maximumPremium"], shown, percent),
    ]


def _allocation(value: Answer, row: _Row) -> list[str]:
    paid = value["allocation"]
    later = ", with the earn-out" if value["offer"]["earnOut"] else " of the equity"
    return [
        row("Book equity of the target", paid["bookEquity"]),
        *(row(name, sign * paid[key]) for name, key, sign in _RESTATED if paid[key]),
        row("Net assets, at fair value", paid["netAssets"]),
        row(f"Price{later}", paid["price"]),
        row("  less net assets", -paid["netAssets"]),
        row("Goodwill", paid["goodwill"]),
    ]


def _contribution(value: Answer) -> list[str]:
    """What the target brings, and what its holders would own for that; by whole years."""
    brought, shown = value["contribution"], _shown(value)
    told = f"Contribution{' of the target' if _whole(value) else _of_what(value)}"
    lines = [_heads(told, shown)]
    for name, key in _FIGURES:
        lines.append(_line(name, brought[key]["targetShare"], shown, percent))
        implied = brought[key]["impliedOwnership"]
        lines.append(_line("  implied ownership", implied, shown, percent))
    return [
        *lines,
        f"{'Its part of both market values':<34}{percent(brought['equityValue']):>16}",
        f"{'Ownership if all stock':<34}{percent(brought['ownership']):>16}",
    ]


def _leverage(value: Answer, unit: tuple[float, str], row: _Row) -> list[str]:
    owed, shown = value["leverage"], _shown(value)
    whole = _of_what(value)
    return [
        row("Debt at closing", owed["debtAtClosing"]),
        f"{'  on EBITDA of year 1' + whole:<34}{_times(owed['atClosing']):>16}",
        f"{'  less cash, on the same':<34}{_times(owed['netAtClosing']):>16}",
        _heads(unit[1], shown),
        _line("Debt, closing", owed["debt"], shown, lambda each: amount(each, unit)),
        _line(f"Debt / EBITDA{whole}", owed["debtToEbitda"], shown, _times),
        _line(f"Net debt / EBITDA{whole}", owed["netDebtToEbitda"], shown, _times),
        _line("Interest cover", owed["interestCover"], shown, _times),
    ]


def _returns(value: Answer, unit: tuple[float, str], row: _Row) -> list[str]:
    made, shown = value["returns"], _shown(value)
    return [
        row("Invested, with all fees", made["invested"]),
        _heads(f"{unit[1]}{_of_what(value)}", shown),
        _line("NOPAT with synergies", made["nopat"], shown, lambda each: amount(each, unit)),
        _line("ROIC", made["roic"], shown, percent),
        _line("  less WACC", [-made["wacc"]] * len(made["roic"]), shown, percent),
        _line("Spread", made["spread"], shown, percent),
    ]


def _worth(value: Answer, row: _Row) -> list[str]:
    made = value["valueCreation"]
    return [
        row("Synergies, today", made["synergies"]),
        row("  less the premium", -made["premium"]),
        row("Value created", made["created"]),
        row("  for the acquirer's holders", made["acquirerPart"]),
        row("  for the target's, with premium", made["targetPart"]),
    ]


def _shown(value: Answer) -> list[int]:
    count = len(value["perShare"]["gaap"])
    return [*range(count)] if count <= _COLUMNS else [*range(_COLUMNS - 1), count - 1]


def _whole(value: Answer) -> bool:
    """Whether year 1 is a whole year."""
    return value["stubShare"] in (None, 1.0)


def _of_what(value: Answer) -> str:
    """Said of what is of a whole year, beside a stub that is not."""
    return "" if _whole(value) else ", whole year"


def _parts(value: Answer, count: int) -> list[float]:
    """What of each year follows the closing."""
    return [1.0 if _whole(value) else value["stubShare"], *[1.0] * (count - 1)]


def _heads(name: str, shown: Sequence[int]) -> str:
    return f"{name:<30}" + "".join(f"{f'year {year + 1}':>10}" for year in shown)


def _line(
    name: str, column: Sequence[Any], shown: Sequence[int], form: Callable[[Any], str]
) -> str:
    return f"{name:<30}" + "".join(f"{form(column[year]):>10}" for year in shown)


def _counted(name: str, shares: float) -> str:
    scale, word = _scale(shares)
    return f"{name:<34}{shares / scale:>16,.1f}{word.replace(',', '')}"


def _scale(shares: float) -> tuple[float, str]:
    return (1e6, ", million") if shares >= 1e6 else (1.0, "")


def _change(fraction: float | None) -> str:
    return "none" if fraction is None else f"{_rounded(fraction, 3):+.1%}".replace("-", "−")


def _times(multiple: float | None) -> str:
    return "none" if multiple is None else f"{_rounded(multiple, 1):.1f}×".replace("-", "−")


def _rounded(number: float, decimals: int) -> float:
    return round(number, decimals) + 0.0  # nothing is less than nothing
