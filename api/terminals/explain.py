"""A valuation in words: what a person reads in a terminal. Pure text from the schema's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any, Final

Answer = Mapping[str, Any]

WIDTH: Final = 96
_COLUMNS: Final = 12  # years beside each other; a longer forecast shows its ends

# What the two reports below ask for.
FIELDS: Final = """
  __typename
  ... on Refusal { code message issues { path message suggestion } }
  ... on DcfValuation {
    id currency wacc costOfEquity valueOfForecast terminalValue terminalDiscountFactor
    valueOfTerminal enterpriseValue netDebt equityValue valuePerShare dilutedShares
    engineVersion inputs
    forecast {
      revenue ebitda depreciation ebit tax nopat capitalExpenditure workingCapital
      increaseInWorkingCapital freeCashFlow discountFactor presentValue
    }
    bridge { debt leases preferredStock minorityInterests pensionsAfterTax cash associates }
    crossChecks {
      terminalShare impliedExitMultiple impliedGrowth impliedReturnOnNewCapital evToRevenue
      evToEbitda upside
    }
    remarks { code path message }
  }
"""
VALUE: Final = f"mutation Value($input: DcfInput!) {{ valueDcf(input: $input) {{ {FIELDS} }} }}"

_CLAIMS: Final = (
    ("debt", "debt"),
    ("leases", "leases"),
    ("preferredStock", "preferred stock"),
    ("minorityInterests", "minority interests"),
    ("pensionsAfterTax", "pensions after tax"),
)
_ASSETS: Final = (("cash", "cash and securities"), ("associates", "associates"))


def summary(value: Answer) -> str:
    """The number, the bridge to it, and what it stands beside."""
    checks = value["crossChecks"]
    lines = [*_bridge(value), ""]
    price = value["inputs"].get("marketPrice")
    if price is not None:
        side = "above" if checks["upside"] >= 0 else "below"
        lines.append(
            f"{'Price on ' + value['inputs']['timing']['valuationDate']:<34}"
            f"{price:>16,.2f} {value['currency']}   "
            f"(the value is {abs(checks['upside']):.1%} {side} it)"
        )
    told = []
    if _has(checks, "terminalShare"):
        told.append(f"{checks['terminalShare']:.0%} of EV after the forecast")
    if _has(checks, "impliedExitMultiple"):
        told.append(f"terminal EV/EBITDA {checks['impliedExitMultiple']:.1f}×")
    if _has(checks, "impliedGrowth"):
        told.append(f"implied growth {checks['impliedGrowth']:.2%}")
    lines.append(f"{'WACC':<34}{value['wacc']:>16.2%}   {', '.join(told)}".rstrip())
    lines += _remarks(value)
    lines += ["", f"Valuation id  {value['id']}"]
    return "\n".join(lines)


def explanation(value: Answer) -> str:
    """Every step of the number."""
    unit, inputs = _unit(value), value["inputs"]
    forecast, years = value["forecast"], len(value["forecast"]["revenue"])
    mid = inputs["timing"]["flows"] == "MID_YEAR"
    parts = [
        _heading(
            f"1  The business, {years} years from {inputs['timing']['valuationDate']}, in {unit[1]}"
        ),
        _table(forecast, unit),
        "",
        "Free cash flow = NOPAT + depreciation − capital expenditure − more working capital.",
        "",
        _heading("2  What a year's wait costs"),
        *_capital(value),
        "",
        _wrapped(
            "Cash comes halfway through each year, so year t is discounted t − ½ years:"
            if mid
            else "Cash comes at the end of each year, so year t is discounted t years:"
        ),
        (
            f"  factor of year 1 = 1 / (1 + {value['wacc']:.4%}) ^ {'0.5' if mid else '1'}"
            f" = {forecast['discountFactor'][0]:.6f}"
        ),
        f"  present value of the {years} years = {_amount(value['valueOfForecast'], unit)}",
        "",
        _heading("3  What comes after"),
        *_terminal(value, unit),
        "",
        _heading("4  From the firm to one share"),
        *_bridge(value),
        "",
        _heading("5  Does it hold together?"),
        *_checks(value),
        *_remarks(value),
        "",
        f"Valuation id  {value['id']}",
        f"Engine        {value['engineVersion']}",
    ]
    return "\n".join(parts)


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


def _capital(value: Answer) -> list[str]:
    capm = value["inputs"]["capital"].get("capm")
    if capm is None:
        return [f"  WACC, as given = {value['wacc']:.4%}"]
    equity, weight = value["costOfEquity"], capm["debtWeight"]
    debt = capm["preTaxCostOfDebt"] * (1 - capm["taxRate"])
    return [
        (
            f"  cost of equity = {capm['riskFreeRate']:.2%} + {capm['beta']:.2f} × "
            f"{capm['equityRiskPremium']:.2%} = {equity:.4%}"
        ),
        (
            f"  cost of debt   = {capm['preTaxCostOfDebt']:.2%} × (1 − {capm['taxRate']:.1%})"
            f" = {debt:.4%}"
        ),
        (
            f"  WACC           = {1 - weight:.2%} × {equity:.4%} + {weight:.2%} × {debt:.4%}"
            f" = {value['wacc']:.4%}"
        ),
    ]


def _terminal(value: Answer, unit: tuple[float, str]) -> list[str]:
    terminal, wacc = value["inputs"]["terminal"], value["wacc"]
    forecast = value["forecast"]
    tv = _amount(value["terminalValue"], unit)
    if "exitMultiple" in terminal:
        multiple = terminal["exitMultiple"]["evToEbitda"]
        formula = f"{multiple:g} × EBITDA {_amount(forecast['ebitda'][-1], unit)}"
    elif "gordon" in terminal:
        growth = terminal["gordon"]["growth"]
        flow = _amount(forecast["freeCashFlow"][-1], unit)
        formula = f"{flow} × (1 + {growth:.2%}) / ({wacc:.4%} − {growth:.2%})"
    else:
        driver = terminal["valueDriver"]
        growth, ronic = driver["growth"], driver["returnOnNewCapital"]
        nopat = _amount(forecast["nopat"][-1], unit)
        formula = (
            f"NOPAT {nopat} × (1 + {growth:.2%}) × (1 − {growth:.2%} / {ronic:.2%})"
            f" / ({wacc:.4%} − {growth:.2%})"
        )
    return [
        f"  terminal value = {formula} = {tv}",
        (
            f"  today          = {tv} × {value['terminalDiscountFactor']:.6f}"
            f" = {_amount(value['valueOfTerminal'], unit)}"
        ),
    ]


def _bridge(value: Answer) -> list[str]:
    unit, bridge, code = _unit(value), value["bridge"], value["currency"]

    def row(name: str, amount: float) -> str:
        return f"{name:<34}{_amount(amount, unit):>16} {unit[1]}"

    return [
        row("Present value of the forecast", value["valueOfForecast"]),
        row("Present value of what comes after", value["valueOfTerminal"]),
        row("Enterprise value", value["enterpriseValue"]),
        *(row(f"  less {name}", -bridge[key]) for key, name in _CLAIMS if bridge[key]),
        *(row(f"  plus {name}", bridge[key]) for key, name in _ASSETS if bridge[key]),
        row("Equity value", value["equityValue"]),
        _shares(value["dilutedShares"]),
        f"{'Value per share':<34}{value['valuePerShare']:>16,.2f} {code}",
    ]


def _shares(count: float) -> str:
    scaled, word = (count / 1e6, " million") if count >= 1e6 else (count, "")
    return f"{'Diluted shares':<34}{scaled:>16,.1f}{word}"


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
    return [
        f"  {words:<34}{form.format(checks[key]):>14}"
        for key, words, form in rows
        if _has(checks, key)
    ]


def _remarks(value: Answer) -> list[str]:
    if not value["remarks"]:
        return []
    return ["", "A reviewer would note:"] + [
        fill(remark["message"], WIDTH, initial_indent="  • ", subsequent_indent="    ")
        for remark in value["remarks"]
    ]


def _table(forecast: Answer, unit: tuple[float, str]) -> str:
    years = len(forecast["revenue"])
    shown = _shown(years)
    rows = (
        ("Revenue", "revenue", 1),
        ("EBITDA", "ebitda", 1),
        ("− depreciation", "depreciation", -1),
        ("EBIT", "ebit", 1),
        ("− tax on EBIT", "tax", -1),
        ("NOPAT", "nopat", 1),
        ("+ depreciation", "depreciation", 1),
        ("− capital expenditure", "capitalExpenditure", -1),
        ("− increase in working capital", "increaseInWorkingCapital", -1),
        ("Free cash flow", "freeCashFlow", 1),
        ("Present value", "presentValue", 1),
    )
    cells = [
        [_amount(sign * forecast[key][year], unit) if year is not None else "…" for year in shown]
        for _, key, sign in rows
    ]
    factors = [
        f"{forecast['discountFactor'][year]:.4f}" if year is not None else "…" for year in shown
    ]
    cells.insert(10, factors)
    names = [name for name, _, _ in rows[:10]] + ["× discount factor", "Present value"]
    head = [str(year + 1) if year is not None else "…" for year in shown]
    width = max(len(cell) for row in [head, *cells] for cell in row) + 2
    lines = [f"{'Year':<30}" + "".join(f"{cell:>{width}}" for cell in head)]
    for name, row in zip(names, cells, strict=True):
        lines.append(f"{name:<30}" + "".join(f"{cell:>{width}}" for cell in row))
    return "\n".join(lines)


def _shown(years: int) -> Sequence[int | None]:
    if years <= _COLUMNS:
        return range(years)
    return [*range(_COLUMNS - 3), None, years - 2, years - 1]


def _unit(value: Answer) -> tuple[float, str]:
    """Money as a person reads it: a scale, and what it is called."""
    code = value["currency"]
    largest = max(abs(value["enterpriseValue"]), abs(value["inputs"]["operations"]["revenue"]))
    return next(
        (
            (scale, f"{word} {code}")
            for scale, word in ((1e9, "billion"), (1e6, "million"))
            if largest >= 10 * scale
        ),
        (1.0, code),
    )


def _amount(amount: float, unit: tuple[float, str]) -> str:
    shown = round(amount / unit[0], 1) + 0.0  # nothing is less than nothing: -0.0 + 0.0 is 0.0
    return f"{shown:,.1f}".replace("-", "−")


def _has(checks: Answer, key: str) -> bool:
    return checks.get(key) is not None


def _heading(text: str) -> str:
    return f"{text}\n{'─' * min(WIDTH, len(text))}"


def _wrapped(text: str) -> str:
    return fill(text, WIDTH)
