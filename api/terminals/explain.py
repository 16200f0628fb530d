"""A valuation in words: what a person reads in a terminal. Pure text from the schema's answers."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Final

from api.terminals.equity import Answer, amount, bridge, businesses, notes, unit_of
from api.terminals.sources import TITLE, sources

WIDTH: Final = 96
_COLUMNS: Final = 12  # years beside each other; a longer forecast shows its ends
_PREMIA: Final = (
    ("countryPremium", "country"),
    ("sizePremium", "size"),
    ("specificPremium", "specific"),
)
_ROADS: Final = (
    ("economicProfit", "EV by economic profit"),
    ("adjustedPresentValue", "EV by adjusted present value"),
)
_LOSSES: Final = (
    ("Losses used", "lossesUsed", 1),
    ("Losses left", "lossesLeft", 1),
    ("Tax saved by them", "taxSaved", 1),
)
_CENT: Final = 0.005  # what is less is rounding


def summary(value: Answer) -> str:
    """The number, the bridge to it, and what it stands beside."""
    checks = value["crossChecks"]
    lines = [*bridge(value), ""]
    price = value["inputs"].get("marketPrice")
    if price is not None:
        side = "above" if checks["upside"] >= 0 else "below"
        lines.append(
            f"{'Price on ' + value['inputs']['timing']['valuationDate']:<34}"
            f"{price:>16,.2f} {value['currency']}   "
            f"(the value is {abs(checks['upside']):,.1%} {side} it)"
        )
    told = []
    if _has(checks, "terminalShare"):
        told.append(f"{checks['terminalShare']:.0%} of EV after the forecast")
    if _has(checks, "impliedExitMultiple"):
        told.append(f"terminal EV/EBITDA {checks['impliedExitMultiple']:.1f}×")
    if _has(checks, "impliedGrowth"):
        told.append(f"implied growth {checks['impliedGrowth']:.2%}")
    lines.append(f"{'WACC':<34}{value['wacc']:>16.2%}")
    lines += [", ".join(told).replace("-", "−")] if told else []
    lines += remarks(value)
    lines += ["", f"Valuation id  {value['id']}"]
    return "\n".join(lines)


def explanation(value: Answer) -> str:
    """Every step of the number."""
    unit, inputs = unit_of(value), value["inputs"]
    forecast, years = value["forecast"], len(value["forecast"]["revenue"])
    treated = [each.get("stockCompensationTreatment") for each in businesses(value)]
    added_back = "ADD_BACK" in treated
    parts = [
        _heading(
            f"1  The business, {years} years from {inputs['timing']['valuationDate']}, in {unit[1]}"
        ),
        _table(forecast, unit, value["stubShare"], added_back=added_back),
        "",
        _wrapped(
            "Free cash flow = NOPAT + depreciation "
            + ("+ stock compensation " if added_back else "")
            + "− capital expenditure − more working capital."
        ),
        "",
        *(_segments(value, unit) if value["segments"] else _alone(value, unit)),
        "",
        _heading("4  From the firm to one share"),
        *bridge(value),
        *(line for note in notes(value) for line in ("", _wrapped(note))),
        "",
        _heading("5  Does it hold together?"),
        *_checks(value),
        *remarks(value),
        *sources(value, WIDTH, f"6  {TITLE}"),
        "",
        f"Valuation id  {value['id']}",
        f"Engine        {value['engineVersion']}",
    ]
    return "\n".join(parts)


def _alone(value: Answer, unit: tuple[float, str]) -> list[str]:
    years = len(value["forecast"]["revenue"])
    return [
        _heading("2  What a year's wait costs"),
        *_capital(value),
        "",
        *_timing(value),
        f"  present value of the {years} years = {amount(value['valueOfForecast'], unit)}",
        "",
        _heading("3  What comes after"),
        *_terminal(value, unit),
    ]


def _segments(value: Answer, unit: tuple[float, str]) -> list[str]:
    """Sections 2 and 3 of a firm in segments: each one's WACC, and what it is worth."""
    columns = ("valueOfForecast", "valueOfTerminal", "enterpriseValue")
    heads = ("Forecast", "What comes after", "Enterprise value")
    inherits = any(each.get("capital") is None for each in value["inputs"]["segments"])
    return [
        _heading("2, 3  What each segment is worth today"),
        f"  {'Segment':<30}{'WACC':>8}" + "".join(f"{head:>18}" for head in heads),
        *(
            f"  {each['name'][:28]:<30}{_rate(each['wacc']):>8}"
            + "".join(f"{amount(each[column], unit):>18}" for column in columns)
            for each in value["segments"]
        ),
        *(["", "The firm's cost of capital, for segments that have none of their own:"] * inherits),
        *(_capital(value) if inherits else []),
    ]


def refusal(no: Answer) -> str:
    """A no, with everything that has to be mended."""
    lines = [f"{no['code']}: {no['message']}"]
    for issue in no["issues"]:
        lines += [
            f"  {issue['path']}",
            fill(issue["message"], WIDTH, initial_indent="    ", subsequent_indent="    "),
            fill(issue["suggestion"], WIDTH, initial_indent="    → ", subsequent_indent="      "),
        ]
    return "\n".join(lines)


def _timing(value: Answer) -> list[str]:
    """When cash comes, and what that makes of the first of it."""
    mid, left = value["inputs"]["timing"]["flows"] == "MID_YEAR", value["stubShare"]
    first = (0.5 if mid else 1.0) * (1.0 if left is None else left)
    if left is None:
        said = (
            "Cash comes halfway through each year, so year t is discounted t − ½ years:"
            if mid
            else "Cash comes at the end of each year, so year t is discounted t years:"
        )
    else:
        said = (
            f"Of year 1 a share of {left:.4f} is left on the valuation date, and so much of its "
            f"flow counts. It comes {'halfway through' if mid else 'at the end of'} what is left; "
            f"a later year t is discounted t − {(1.5 if mid else 1.0) - left:.4f} years:"
        )
    factor = value["forecast"]["discountFactor"][0]
    return [
        _wrapped(said),
        f"  factor of year 1 = 1 / (1 + {_rate(value['wacc'], 4)}) ^ {first:.4g} = {factor:.6f}",
    ]


def _capital(value: Answer) -> list[str]:
    capm = value["inputs"]["capital"].get("capm")
    if capm is None:
        return [f"  WACC, as given = {_rate(value['wacc'], 4)}"]
    equity, weight, built = value["costOfEquity"], capm["debtWeight"], value["costOfCapital"]
    debt = capm["preTaxCostOfDebt"] * (1 - capm["taxRate"])
    premia = "".join(
        f" {'−' if built[key] < 0 else '+'} {_rate(abs(built[key]))} {name}"
        for key, name in _PREMIA
        if built[key] is not None
    )
    return [
        *_peers(built, capm),
        (
            f"  cost of equity = {_rate(capm['riskFreeRate'])} + {_number(built['beta'])} × "
            f"{_rate(capm['equityRiskPremium'])}{premia} = {_rate(equity, 4)}"
        ),
        (
            f"  cost of debt   = {_rate(capm['preTaxCostOfDebt'])} × (1 − "
            f"{_rate(capm['taxRate'], 1)}) = {_rate(debt, 4)}"
        ),
        (
            f"  WACC           = {_rate(1 - weight)} × {_rate(equity, 4)} + {_rate(weight)} × "
            f"{_rate(debt, 4)} = {_rate(value['wacc'], 4)}"
        ),
    ]


def _peers(built: Answer, capm: Answer) -> list[str]:
    if built["peers"] is None:
        return []
    rows = [
        f"    {peer['name']:<32}{_number(peer['beta']):>8}{_number(peer['unleveredBeta']):>12}"
        for peer in built["peers"]
    ]
    how = capm["comparables"]
    head = "Comparable firm, beta after Blume" if how.get("blume") else "Comparable firm"
    fixed_share = how.get("unlevering") == "HARRIS_PRINGLE"
    tax = "" if fixed_share else f" and {_rate(capm['taxRate'], 1)} tax"
    return [
        f"    {head:<33}{'beta':>7}{'unlevered':>12}",
        *rows,
        (
            f"  beta           = the median, {_number(built['unleveredBeta'])}, levered at "
            f"{_rate(capm['debtWeight'])} debt{tax} = {_number(built['beta'])} "
            f"({'Harris-Pringle' if fixed_share else 'Hamada'})"
        ),
    ]


def _terminal(value: Answer, unit: tuple[float, str]) -> list[str]:
    terminal, wacc = value["inputs"]["terminal"], value["wacc"]
    forecast = value["forecast"]
    tv = amount(value["terminalValue"], unit)
    if "exitMultiple" in terminal:
        multiple = terminal["exitMultiple"]["evToEbitda"]
        formula = f"{multiple:g} × EBITDA {amount(forecast['ebitda'][-1], unit)}"
    elif "hModel" in terminal:
        fade = terminal["hModel"]
        growth, first, half = fade["growth"], fade["initialGrowth"], fade["halfLife"]
        flow = amount(forecast["freeCashFlow"][-1], unit)
        formula = (
            f"{flow} × (1 + {_rate(growth)} + {half:g} × ({_rate(first)} − {_rate(growth)}))"
            f" / ({_rate(wacc, 4)} − {_rate(growth)})"
        )
    elif "normalised" in terminal.get("gordon", {}):
        growth = terminal["gordon"]["growth"]
        flow = amount(value["terminalValue"] * (wacc - growth), unit)
        formula = f"normalised flow {flow} / ({_rate(wacc, 4)} − {_rate(growth)})"
    elif "gordon" in terminal:
        growth = terminal["gordon"]["growth"]
        flow = amount(forecast["freeCashFlow"][-1], unit)
        formula = f"{flow} × (1 + {_rate(growth)}) / ({_rate(wacc, 4)} − {_rate(growth)})"
    else:
        driver = terminal["valueDriver"]
        growth, ronic = driver["growth"], driver["returnOnNewCapital"]
        nopat = amount(forecast["nopat"][-1], unit)
        formula = (
            f"NOPAT {nopat} × (1 + {_rate(growth)}) × (1 − {_rate(growth)} / {_rate(ronic)})"
            f" / ({_rate(wacc, 4)} − {_rate(growth)})"
        )
    factor = value["terminalDiscountFactor"]
    apart = factor != forecast["discountFactor"][-1]
    today = amount(value["valueOfTerminal"], unit)
    return [
        f"  terminal value = {formula} = {tv}",
        f"  today          = {tv} × {factor:.6f} = {today}"
        + (", from the end of the last year" if apart else ""),
    ]


def _checks(value: Answer) -> list[str]:
    checks = value["crossChecks"]
    rows = (
        ("terminalShare", "share of EV after the forecast", "{:.1%}"),
        ("impliedExitMultiple", "implied EV/EBITDA at the end", "{:.2f}×"),
        ("impliedGrowth", "implied growth for ever", "{:.2%}"),
        ("impliedReturnOnNewCapital", "implied return on new capital", "{:.1%}"),
        ("evToRevenue", "EV over base revenue", "{:.2f}×"),
        ("evToEbitda", "EV over year 1's EBITDA", "{:.2f}×"),
        ("upside", "value over market price, less 1", "{:+.1%}"),
    )
    told = [
        f"  {words:<34}{form.format(checks[key]).replace('-', '−'):>14}"
        for key, words, form in rows
        if _has(checks, key)
    ]
    unit, roads = unit_of(value), value["reconciliation"] or {}
    for key, words in _ROADS:
        road = roads.get(key)
        if road is not None:
            gap = f"{road['gap'] / unit[0]:+,.1f}".replace("-", "−")
            apart = f", {gap} apart" if abs(road["gap"]) > _CENT else ""
            told.append(
                f"  {words:<34}{amount(road['enterpriseValue'], unit):>14} {unit[1]}{apart}"
            )
    return told


def remarks(value: Answer) -> list[str]:
    if not value["remarks"]:
        return []
    return ["", "A reviewer would note:"] + [
        fill(remark["message"], WIDTH, initial_indent="  • ", subsequent_indent="    ")
        for remark in value["remarks"]
    ]


def _table(
    forecast: Answer, unit: tuple[float, str], stub: float | None, *, added_back: bool
) -> str:
    years = len(forecast["revenue"])
    shown = _shown(years)
    if stub is not None and forecast["discountFactor"] is not None:
        forecast = {**forecast, "counts": [stub, *[1.0] * (years - 1)]}
    rows = [
        ("Revenue", "revenue", 1),
        ("EBITDA", "ebitda", 1),
        ("− depreciation", "depreciation", -1),
        ("EBIT", "ebit", 1),
        ("− tax on EBIT", "tax", -1),
        ("NOPAT", "nopat", 1),
        ("+ depreciation", "depreciation", 1),
        *([("+ stock compensation", "stockCompensation", 1)] if added_back else []),
        ("− capital expenditure", "capitalExpenditure", -1),
        ("− increase in working capital", "increaseInWorkingCapital", -1),
        ("Free cash flow", "freeCashFlow", 1),
        ("× discount factor", "discountFactor", 0),
        ("× share after the valuation date", "counts", 0),
        ("Present value", "presentValue", 1),
        *_LOSSES,
    ]
    rows = [row for row in rows if forecast.get(row[1]) is not None]
    cells = [
        [
            "…"
            if year is None
            else amount(sign * forecast[key][year], unit)
            if sign
            else f"{forecast[key][year]:.4f}"
            for year in shown
        ]
        for _, key, sign in rows
    ]
    names = [name for name, _, _ in rows]
    head = [str(year + 1) if year is not None else "…" for year in shown]
    width = max(len(cell) for row in [head, *cells] for cell in row) + 2
    wide = max(30, *(len(name) + 1 for name in names))
    lines = [f"{'Year':<{wide}}" + "".join(f"{cell:>{width}}" for cell in head)]
    for name, row in zip(names, cells, strict=True):
        lines.append(f"{name:<{wide}}" + "".join(f"{cell:>{width}}" for cell in row))
    return "\n".join(lines)


def _shown(years: int) -> Sequence[int | None]:
    if years <= _COLUMNS:
        return range(years)
    return [*range(_COLUMNS - 3), None, years - 2, years - 1]


def _number(value: float, least: int = 2) -> str:
    """With as many decimals as it has, of ``least`` to four: sums and products come out as told."""
    whole, decimals = f"{round(value, 4) + 0.0:.4f}".split(".")
    return f"{whole}.{decimals[:least]}{decimals[least:].rstrip('0')}".replace("-", "−")


def _rate(value: float, least: int = 2) -> str:
    return f"{_number(value * 100.0, least)}%"


def _has(checks: Answer, key: str) -> bool:
    return checks.get(key) is not None


def _heading(text: str) -> str:
    return f"{text}\n{'─' * min(WIDTH, len(text))}"


def _wrapped(text: str) -> str:
    return fill(text, WIDTH)
