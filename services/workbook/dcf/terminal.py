"""What a business is worth at the end of the forecast, by each of the four ways."""

from __future__ import annotations

from engine.dcf.terminal import ExitMultiple, Gordon, HModel, Horizon, Normalised, ValueDriver
from services.labels import Form
from services.workbook.dcf.part import Part
from services.workbook.sheet import Sheet


def horizon_of(part: Part) -> Horizon:
    """The last year of the forecast."""
    lines = part.forecast
    revenue, flow = lines.revenue[-1], lines.free_cash_flow[-1]
    return Horizon(part.inputs.business, revenue, flow, part.worth.wacc)


def add_terminal(sheet: Sheet, part: Part) -> None:
    """`<key>.terminalValue`; of a perpetuity `<key>.payment`, too: of the year after."""
    key, path, terminal = part.key, part.at_terminal, part.inputs.terminal
    horizon, value = horizon_of(part), float(part.worth.terminal_value)
    if isinstance(terminal, ExitMultiple):
        sheet.number(
            f"{key}.terminalValue",
            "Multiple of the last year's EBITDA",
            f"={{{path}.evToEbitda}}*{{{key}.ebitda@last}}",
            value,
            strong=True,
        )
        return
    flow = f"{{{key}.freeCashFlow@last}}"
    if isinstance(terminal, ValueDriver):
        formula = _add_value_driver(sheet, part, terminal, horizon)
    elif isinstance(terminal, HModel):
        fading = float(terminal.half_life * (terminal.initial_growth - terminal.growth))
        sheet.number(
            f"{key}.fading",
            "Growth above the terminal one, in all",
            f"={{{path}.halfLife}}*({{{path}.initialGrowth}}-{{{path}.growth}})",
            fading,
            Form.RATE,
        )
        formula = f"={flow}*(1+{{{path}.growth}}+{{{key}.fading}})"
    elif terminal.normalised is not None:
        formula = _add_normalised(sheet, part, terminal, terminal.normalised, horizon)
    else:
        formula = f"={flow}*(1+{{{path}.growth}})"
    payment = float(terminal.payment(horizon))
    sheet.number(f"{key}.payment", "Cash flow of the year after", formula, payment)
    sheet.number(
        f"{key}.spread",
        "WACC less terminal growth",
        f"={{{part.wacc}}}-{{{path}.growth}}",
        float(part.worth.wacc - terminal.growth),
        Form.RATE,
    )
    sheet.number(
        f"{key}.terminalValue",
        "Terminal value",
        f"={{{key}.payment}}/{{{key}.spread}}",
        value,
        strong=True,
    )


def _add_value_driver(sheet: Sheet, part: Part, terminal: ValueDriver, horizon: Horizon) -> str:
    """The lines above the cash flow of the year after, and its formula."""
    key, path, growth = part.key, part.at_terminal, float(terminal.growth)
    sheet.number(
        f"{key}.nopatAfter",
        "NOPAT of the year after",
        f"={{{key}.nopat@last}}*(1+{{{path}.growth}})",
        float(horizon.nopat) * (1.0 + growth),
    )
    sheet.number(
        f"{key}.reinvested",
        "Share of it that growth needs",
        f"={{{path}.growth}}/{{{path}.returnOnNewCapital}}",
        growth / float(terminal.return_on_new_capital),
        Form.RATE,
    )
    return f"={{{key}.nopatAfter}}*(1-{{{key}.reinvested}})"


def _add_normalised(
    sheet: Sheet, part: Part, terminal: Gordon, normal: Normalised, horizon: Horizon
) -> str:
    """The year after the forecast, line by line, and the sum of its lines."""
    key, path, growth = part.key, part.at_terminal, float(terminal.growth)
    grown = f"*(1+{{{path}.growth}})"
    revenue = float(horizon.revenue) * (1.0 + growth)
    sheet.number(
        f"{key}.revenueAfter",
        "Revenue of the year after",
        f"={{{key}.revenue@last}}{grown}",
        revenue,
    )
    sheet.number(
        f"{key}.nopatAfter",
        "NOPAT",
        f"={{{key}.nopat@last}}{grown}",
        float(horizon.nopat) * (1.0 + growth),
    )
    if part.inputs.business.adds_back:
        sheet.number(
            f"{key}.stockAfter",
            "Stock compensation, added back",
            f"={{{key}.stockCompensation@last}}{grown}",
            float(horizon.added_back) * (1.0 + growth),
        )
    for name, words, sign, share in (
        ("depreciation", "Normal depreciation", 1.0, normal.depreciation),
        (
            "capitalExpenditure",
            "Less normal capital expenditure",
            -1.0,
            normal.capital_expenditure,
        ),
    ):
        sheet.number(
            f"{key}.{name}After",
            words,
            f"={'-' if sign < 0.0 else ''}{{{key}.revenueAfter}}*{{{path}.normalised.{name}}}",
            sign * revenue * float(share),
        )
    sheet.number(
        f"{key}.workingCapitalAfter",
        "Less increase in working capital",
        f"=-{{{key}.workingCapital@last}}*{{{path}.growth}}",
        -float(horizon.working_capital) * growth,
    )
    return f"=SUM({{{key}.nopatAfter:{key}.workingCapitalAfter}})"
