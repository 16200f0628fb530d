"""A credit valuation in words: how far the assets are from default, and what that costs."""

from __future__ import annotations

from textwrap import fill
from typing import Final

from api.terminals.equity import Answer, amount, scale_of
from api.terminals.explain import WIDTH, remarks
from api.terminals.sources import sources

_ROUNDING: Final = 1e-15  # a share: the last places of a double


def credit(value: Answer, *, explained: bool) -> str:
    """Default and spread; ``explained``, what is lost in it and how well that is known, too."""
    inputs = value["inputs"]
    unit = scale_of(value["assetValue"], value["currency"])
    years = f"{inputs['horizon']:g} year{'' if inputs['horizon'] == 1.0 else 's'}"

    def row(name: str, money: float) -> str:
        return f"{name:<34}{amount(money, unit):>16} {unit[1]}"

    def share(name: str, fraction: float, more: str = "") -> str:
        return f"{name:<34}{fraction:>16.2%}{more}"

    lines = [
        row("Equity value", inputs["equityValue"]),
        row("  plus debt, at its value today", value["debtValue"]),
        row("Assets", value["assetValue"]),
        share("Volatility of the shares", inputs["equityVolatility"], " a year"),
        share("Volatility of the assets", value["assetVolatility"], " a year"),
        "",
        f"{'Distance to default':<34}{value['distanceToDefault']:>16.2f} standard deviations",
        share("Probability of default", value["defaultProbability"], f" within {years}"),
        f"{'Spread':<34}{value['spread'] * 1e4:>16,.1f} basis points a year",
    ]
    if explained:
        recovery, proof = value["recovery"], value["certificate"]
        apart = max(proof["equityResidual"], proof["volatilityResidual"])
        lines += [
            "",
            row(f"Face value, due in {years}", inputs["debt"]),
            row("  discounted without risk", value["risklessDebtValue"]),
            row("  less what default takes", value["debtValue"] - value["risklessDebtValue"]),
            row("Debt, at its value today", value["debtValue"]),
            share("Expected loss", value["expectedLoss"], " of the riskless value"),
            *([] if recovery is None else [share("Recovery", recovery, " after a default")]),
            share("Leverage", value["leverage"], " of the assets"),
            "",
            fill(
                "Merton's model: the shares are a call on the assets, struck at the debt. "
                "Probabilities are risk-neutral. The two equations hold to "
                f"{'rounding' if apart < _ROUNDING else f'{apart:.0e}'}, found in "
                f"{proof['steps']} steps.",
                WIDTH,
                break_on_hyphens=False,
            ),
        ]
    text = "\n".join(lines).replace(" -", " −").replace("e-", "e−")
    told = sources(value, WIDTH) if explained else []
    return "\n".join([text, *remarks(value), *told, "", f"Valuation id  {value['id']}"])
