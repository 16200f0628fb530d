"""What capital costs: given, or built by CAPM, with a beta of its own or the comparable firms'."""

from __future__ import annotations

from typing import Final

from engine.firm.betas import BETA_BOUNDS, Comparables, Unlevering
from engine.firm.capital import SPREAD_MIN, Capital, Capm, CostOfCapital, cost_of_capital
from services.labels import Form
from services.workbook.book import Book
from services.workbook.sheet import Sheet

LEAST_SPREAD: Final = f"{SPREAD_MIN:.12f}"  # in a formula
_PREMIA = (
    ("countryPremium", "Country premium", "country_premium"),
    ("sizePremium", "Size premium", "size_premium"),
    ("specificPremium", "Specific premium", "specific_premium"),
)


def prefix_of(wacc: str) -> str:
    """What stands before the names of the lines of a cost of capital: “” of the firm's."""
    return wacc.removesuffix("wacc")


def add_capital(sheet: Sheet, capital: Capital, *, at: str, wacc: str, title: str) -> None:
    """The line ``wacc``, and the parts that it is made of; ``at`` is `capital` in the document."""
    key = prefix_of(wacc)
    if not isinstance(capital, Capm):
        sheet.heading(title)
        rate = float(capital.wacc)
        sheet.number(wacc, "WACC", f"={{{at}.wacc}}", rate, Form.RATE, strong=True)
        return
    path, found = f"{at}.capm", cost_of_capital(capital)
    if capital.comparables is not None:
        _add_comparables(sheet, capital, capital.comparables, found, path, key)
    sheet.heading(title)
    beta = f"={{{path}.beta}}"
    if capital.comparables is not None:
        beta = f"={{{key}unleveredBeta}}*{{{key}ownLeverage}}"
    risk_free = float(capital.risk_free_rate)
    sheet.number(
        f"{key}riskFree", "Risk-free rate", f"={{{path}.riskFreeRate}}", risk_free, Form.RATE
    )
    sheet.number(f"{key}beta", "Beta, levered", beta, found.beta, Form.COUNT)
    sheet.number(
        f"{key}marketPremium",
        "Beta times equity risk premium",
        f"={{{key}beta}}*{{{path}.equityRiskPremium}}",
        found.market_premium,
        Form.RATE,
    )
    last = "marketPremium"
    for name, words, field in _PREMIA:
        premium: float | None = getattr(found, field)
        if premium is not None:
            sheet.number(f"{key}{name}", words, f"={{{path}.{name}}}", premium, Form.RATE)
            last = name
    premia = f"+SUM({{{key}marketPremium:{key}{last}}})"
    sheet.number(
        f"{key}costOfEquity",
        "Cost of equity",
        f"={{{key}riskFree}}{premia}",
        found.cost_of_equity,
        Form.RATE,
        strong=True,
    )
    _add_weights(sheet, capital, found, path, key)
    debt = f"{{{key}debtWeight}}"
    sheet.number(
        wacc,
        "WACC",
        f"=(1-{debt})*{{{key}costOfEquity}}+{debt}*{{{key}afterTaxCostOfDebt}}",
        float(capital.wacc),
        Form.RATE,
        strong=True,
    )
    sheet.number(
        f"{key}unleveredCost",
        "Cost of capital without debt",
        f"=(1-{debt})*{{{key}costOfEquity}}+{debt}*{{{path}.preTaxCostOfDebt}}",
        found.unlevered_cost,
        Form.RATE,
    )


def check_capital(book: Book, capital: Capital, *, wacc: str, named: str = "") -> None:
    """What the engine asks of a cost of capital that is made of parts, whatever the parts are."""
    if not isinstance(capital, Capm):
        return
    book.check(
        f"The cost of capital is from 0.1% to 100%{named}",
        f"=AND({{{wacc}}}>={LEAST_SPREAD},{{{wacc}}}<=1)",
    )
    if capital.comparables is not None:
        beta, (least, most) = f"{{{prefix_of(wacc)}beta}}", BETA_BOUNDS
        book.check(
            f"The beta at this firm's debt is from {least:g} to {most:g}{named}",
            f"=AND({beta}>={least:g},{beta}<={most:g})",
        )


def _add_weights(sheet: Sheet, capm: Capm, found: CostOfCapital, path: str, key: str) -> None:
    sheet.number(
        f"{key}afterTaxCostOfDebt",
        "Cost of debt after tax",
        f"={{{path}.preTaxCostOfDebt}}*(1-{{{path}.taxRate}})",
        found.after_tax_cost_of_debt,
        Form.RATE,
        strong=True,
    )
    sheet.number(
        f"{key}debtWeight",
        "Share of debt in capital",
        f"={{{path}.debtWeight}}",
        float(capm.debt_weight),
        Form.RATE,
    )


def _add_comparables(
    sheet: Sheet, capm: Capm, comparables: Comparables, found: CostOfCapital, path: str, key: str
) -> None:
    """A column for each comparable firm; then the median, at this firm's own debt."""
    paths = [f"{path}.comparables.peers[{number}]" for number in range(len(comparables.peers))]
    peers = found.peers or ()
    sheet.heading("Comparable firms", [peer.name for peer in peers])
    observed = [
        f"=(2*{{{each}.beta}}+1)/3" if comparables.blume else f"={{{each}.beta}}" for each in paths
    ]
    words = "Beta, observed, after Blume" if comparables.blume else "Beta, observed"
    betas = [peer.beta for peer in peers]
    sheet.line(f"{key}peers.beta", words, observed, betas, Form.COUNT)
    taxed = comparables.unlevering is Unlevering.HAMADA
    sheet.line(
        f"{key}peers.leverage",
        "What debt multiplies it by",
        [
            f"=1+(1-{{{each}.taxRate}})*{{{each}.debtToEquity}}"
            if taxed
            else f"=1+{{{each}.debtToEquity}}"
            for each in paths
        ],
        [
            1.0 + float((1.0 - peer.tax_rate if taxed else 1.0) * peer.debt_to_equity)
            for peer in comparables.peers
        ],
        Form.COUNT,
    )
    sheet.line(
        f"{key}peers.unlevered",
        "Beta, unlevered",
        f"={{{key}peers.beta}}/{{{key}peers.leverage}}",
        [peer.unlevered_beta for peer in peers],
        Form.COUNT,
    )
    sheet.number(
        f"{key}unleveredBeta",
        "Median of the unlevered betas",
        f"=MEDIAN({{{key}peers.unlevered@all}})",
        found.unlevered_beta or 0.0,
        Form.COUNT,
    )
    weight, tax = float(capm.debt_weight), float(capm.tax_rate)
    own = weight / (1.0 - weight)
    sheet.number(
        f"{key}ownDebtToEquity",
        "Debt to equity of this firm",
        f"={{{path}.debtWeight}}/(1-{{{path}.debtWeight}})",
        own,
        Form.COUNT,
    )
    ratio = f"{{{key}ownDebtToEquity}}"
    sheet.number(
        f"{key}ownLeverage",
        "What debt multiplies beta by",
        f"=1+(1-{{{path}.taxRate}})*{ratio}" if taxed else f"=1+{ratio}",
        1.0 + ((1.0 - tax) if taxed else 1.0) * own,
        Form.COUNT,
    )
