"""The sheet “Earnings”: synergies, what the money costs, and earnings per share with the deal."""

from __future__ import annotations

from collections.abc import Callable

from engine.door import Scalar
from engine.merger.kernel import cash_income
from services.labels import Form
from services.workbook.firm import less
from services.workbook.merger.allocation import RATE
from services.workbook.merger.case import Case, same_lines
from services.workbook.merger.financing import (
    add_earn_out,
    add_new_debt,
    add_old_debt,
    add_synergies,
)
from services.workbook.sheet import Sheet, told


def add_earnings(case: Case, sheet: Sheet) -> None:
    """``together.net_income`` by year, ``per_share.accretion``, and year 1's as outputs."""
    add_synergies(case, sheet)
    add_new_debt(case, sheet)
    add_old_debt(case, sheet)
    add_earn_out(case, sheet)
    _add_operations(case, sheet)
    _add_below_ebit(case, sheet)
    _add_per_share(case, sheet)
    _add_first_year(case, sheet)


def _add_operations(case: Case, sheet: Sheet) -> None:
    """Down to EBIT, of what follows the closing."""
    part, inputs = case.part, case.inputs
    sheet.heading("The two firms as one", case.titles)

    def counted(amount: Callable[[int], Scalar]) -> list[float]:
        return case.each(lambda year: amount(year) * inputs.timing.share(year))

    for key, label, joined in (
        ("revenue", "Revenue", "sold"),
        ("ebitda", "EBITDA", "profit"),
    ):
        for firm, earner in (("acquirer", inputs.buyer), ("target", inputs.bought)):
            sheet.line(
                f"together.{key}.{firm}",
                f"{label} of the {firm}",
                f"={{{firm}.{key}}}{part}",
                counted(getattr(earner, key)),
            )
        terms = [f"together.{key}.acquirer", f"together.{key}.target"]
        if case.has(f"synergies.{joined}"):
            terms.append(f"together.{key}.synergies")
            sheet.line(
                terms[-1],
                "Revenue synergies" if joined == "sold" else "Synergies",
                f"={{synergies.{joined}}}{part}",
                counted(getattr(inputs.joined, joined)),
            )
        sheet.line(f"together.{key}", label, case.total(*terms), case.column(key), strong=True)
    both = "{acquirer.depreciation}+{target.depreciation}"
    sheet.line(
        "together.depreciation",
        "Less depreciation and amortisation in both books",
        f"=({both}){part}",
        less(case.column("depreciation")),
    )
    ebit = ["together.ebitda", "together.depreciation"]
    for key, label, line, of in (
        ("spent", "Less costs to achieve synergies", "costs_to_achieve", "synergies.spent"),
        (
            "intangibles",
            "Less amortisation of intangible assets written up",
            "intangible_amortisation",
            "write_off.intangibles",
        ),
        (
            "fixed_assets",
            "Less depreciation of the step-up",
            "step_up_depreciation",
            "write_off.fixed_assets",
        ),
        ("inventory", "Less step-up of inventory sold", "inventory_charge", "write_off.inventory"),
    ):
        if case.has(of):
            ebit.append(f"together.{key}")
            # Write-ups are charged from the closing on; costs are those of a whole year.
            formula = f"=-{{{of}}}{part}" if key == "spent" else f"=-{{{of}}}"
            sheet.line(f"together.{key}", label, formula, less(case.column(line)))
    sheet.line("together.ebit", "EBIT", case.total(*ebit), case.column("ebit"), strong=True)


def _add_below_ebit(case: Case, sheet: Sheet) -> None:
    part, inputs, earned = case.part, case.inputs, case.earned
    still = "{acquirer.interest}+{target.interest}+{target.interest_saved}"
    sheet.line(
        "together.interest",
        "Less interest on what both firms still owe",
        f"=({still}){part}",
        less(case.column("interest")),
    )
    sheet.line(
        "together.interest_saved",
        "Memo: interest saved, which is not in it",
        f"={{target.interest_saved}}{part}",
        case.column("interest_saved"),
    )
    lost = f"=-{{cash_used}}*{{financing.lostYield}}{part}"
    costs = ["together.lost_yield"]
    for key, label, line, of in (
        ("new_interest", "Less interest on the new debt", "new_interest", "interest.new"),
        ("fee", "Less fee of the new debt charged", "fee_amortisation", "interest.fee"),
    ):
        if case.has(of):
            costs.append(f"together.{key}")
            sheet.line(f"together.{key}", label, f"=-{{{of}}}", less(case.column(line)))
    sheet.line(
        "together.lost_yield",
        "Less yield lost on the cash used",
        lost,
        less(case.column("lost_yield")),
    )
    before = ["together.ebit", "together.interest", *costs]
    if case.has("earn_out.charge"):
        before.append("together.earn_out")
        charged = less(case.column("earn_out_charge"))
        sheet.line("together.earn_out", "Less earn-out", "=-{earn_out.charge}", charged)
    sheet.line(
        "together.pre_tax_profit",
        "Profit before tax",
        case.total(*before),
        case.column("pre_tax_profit"),
        strong=True,
    )
    alone = case.each(
        lambda year: (inputs.buyer.tax(year) + inputs.bought.tax(year)) * inputs.timing.share(year)
    )
    sheet.line(
        "together.tax.alone",
        "Less tax of both firms by themselves",
        f"=({{acquirer.tax}}+{{target.tax}}){part}",
        less(alone),
    )
    _add_effects(case, sheet, costs)
    taxed = "={together.tax.alone}+{together.tax.effects}"
    sheet.line("together.tax", "Less tax; a loss saves as much", taxed, less(case.column("tax")))
    sheet.line(
        "together.net_income",
        "Net income",
        "={together.pre_tax_profit}+{together.tax}",
        case.column("net_income"),
        strong=True,
    )
    sheet.heading("Net income by other ways", case.titles)
    money = [float(each.new_interest + each.lost_yield + each.fee_amortisation) for each in earned]
    rates = inputs.acquirer.statements.tax_rate.years()
    free = [
        float(each.net_income) + (1.0 - float(rates[year])) * money[year]
        for year, each in enumerate(earned)
    ]
    cost = case.total(*costs).removeprefix("=")
    sheet.line(
        "together.free",
        "Net income before what the money costs",
        f"={{together.net_income}}-({cost})*(1-{RATE})",
        free,
    )
    sheet.line(
        "together.otherwise",
        "Net income, added up from both firms'",
        f"=({{acquirer.net_income}}+{{target.net_income}}){part}+{{together.effects}}*(1-{RATE})"
        + ("+{together.earn_out}" if case.has("earn_out.charge") else ""),
        case.column("net_income"),
    )
    case.book.check(
        "Net income is both firms' by themselves and what the deal changes, after tax",
        same_lines("together.net_income", "together.otherwise", "together.ebitda"),
    )


def _add_effects(case: Case, sheet: Sheet, costs: list[str]) -> None:
    """What the deal adds to the taxed profit, or takes: at the acquirer's rate."""
    effects = list[float]()
    for each in case.earned:
        money = float(each.new_interest + each.lost_yield + each.fee_amortisation)
        made = float(each.synergies - each.costs_to_achieve - each.write_off)
        effects.append(made + float(each.interest_saved) - money)
    terms = list[str]()
    for key, of in (
        ("together.ebitda.synergies", "synergies.profit"),
        ("together.spent", "synergies.spent"),
        ("together.intangibles", "write_off.intangibles"),
        ("together.fixed_assets", "write_off.fixed_assets"),
        ("together.inventory", "write_off.inventory"),
    ):
        if case.has(of):
            terms.append(key)
    made_of = case.total(*terms, "together.interest_saved", *costs)
    sheet.line(
        "together.effects",
        "Memo: what the deal changes, before tax",
        made_of,
        effects,
    )
    sheet.line(
        "together.tax.effects",
        "Less tax on it, at the acquirer's rate",
        f"=-{{together.effects}}*{RATE}",
        less(case.column("tax_on_adjustments")),
    )


def _add_per_share(case: Case, sheet: Sheet) -> None:
    """GAAP and cash, both beside what the acquirer earns by itself."""
    found, part = case.result.per_share, case.part
    sheet.heading("Earnings per share", case.titles)

    def line(key: str, label: str, formula: str, values: tuple[float, ...]) -> None:
        sheet.line(f"per_share.{key}", label, formula, values, Form.PRICE, strong=key != "amount")

    line(
        "alone",
        "Acquirer by itself",
        f"={{acquirer.net_income}}{part}/{{own.diluted}}",
        found.stand_alone,
    )
    line("gaap", "With the deal, GAAP", "={together.net_income}/{shares}", found.gaap)
    _add_accretion(sheet, "gaap", found.accretion_amount, found.accretion)
    charges = [
        f"together.{key}"
        for key, of in (
            ("intangibles", "write_off.intangibles"),
            ("fixed_assets", "write_off.fixed_assets"),
            ("inventory", "write_off.inventory"),
            ("fee", "interest.fee"),
        )
        if case.has(of)
    ]
    later = "-{together.earn_out}" if case.has("earn_out.charge") else ""
    charged = f"({case.total(*charges).removeprefix('=')})" if charges else "0"
    values = [float(cash_income(case.inputs, each, year)) for year, each in enumerate(case.earned)]
    sheet.line(
        "cash_income",
        "Net income without what write-ups, fees and an earn-out charge",
        f"={{together.net_income}}-{charged}*(1-{RATE}){later}",
        values,
    )
    line("cash", "With the deal, cash", "={cash_income}/{shares}", found.cash)
    _add_accretion(sheet, "cash", found.cash_accretion_amount, found.cash_accretion)
    sheet.line(
        "breakeven_synergies",
        "Further synergies at which GAAP earnings do not change",
        f"=({{per_share.alone}}*{{shares}}-{{together.net_income}})/(1-{RATE})",
        found.breakeven_synergies,
    )


def _add_accretion(
    sheet: Sheet,
    key: str,
    amounts: tuple[float, ...],
    shares: tuple[float | None, ...],
) -> None:
    difference = f"={{per_share.{key}}}-{{per_share.alone}}"
    amount = f"per_share.{key}.amount"
    sheet.line(amount, "Accretion, in money", difference, amounts, Form.PRICE)
    sheet.line(
        f"per_share.{key}.accretion",
        "Accretion; of a loss, of its amount",
        f'=IF({{per_share.alone}}=0,"",{{{amount}}}/ABS({{per_share.alone}}))',
        told(shares),
        Form.RATE,
    )


def _add_first_year(case: Case, sheet: Sheet) -> None:
    result = case.result
    sheet.heading(case.first.capitalize())
    for key, label, of, value, form in (
        (
            "first.per_share",
            "Earnings per share with the deal, GAAP",
            "per_share.gaap",
            result.earnings_per_share,
            Form.PRICE,
        ),
        (
            "first.accretion",
            "Accretion of GAAP earnings per share",
            "per_share.gaap.accretion",
            result.accretion,
            Form.RATE,
        ),
        (
            "first.cash_accretion",
            "Accretion of cash earnings per share",
            "per_share.cash.accretion",
            result.cash_accretion,
            Form.RATE,
        ),
    ):
        sheet.number(key, label, f"={{{of}@0}}", value, form, strong=True)
