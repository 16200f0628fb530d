"""What capital costs: given, or built from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from engine.door import Door, Scalar

# Below ten basis points a perpetuity is a thousand years of cash: no valuation. A hair less than
# 0.001, which 0.026 - 0.025 does not reach in doubles.
SPREAD_MIN = 0.001 - 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenWacc:
    BRANCH: ClassVar = ""

    wacc: Scalar  # 1/year, nominal, after tax


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capm:
    """WACC = (1 - D) (rf + beta ERP) + D kd (1 - t); D is the target share of debt in capital."""

    BRANCH: ClassVar = "capm"
    WHOLE: ClassVar = "wacc"  # an analysis may move what the parts come to, instead of a part

    risk_free_rate: Scalar  # 1/year
    equity_risk_premium: Scalar  # 1/year
    beta: Scalar  # levered
    pre_tax_cost_of_debt: Scalar  # 1/year
    debt_weight: Scalar  # D / (D + E), at market values
    tax_rate: Scalar  # marginal

    @property
    def cost_of_equity(self) -> Scalar:
        """(*batch) 1/year."""
        return self.risk_free_rate + self.beta * self.equity_risk_premium

    @property
    def wacc(self) -> Scalar:
        """(*batch) 1/year, the discount rate of free cash flow."""
        debt = self.pre_tax_cost_of_debt * (1.0 - self.tax_rate)
        return (1.0 - self.debt_weight) * self.cost_of_equity + self.debt_weight * debt

    def as_whole(self, wacc: Scalar) -> GivenWacc:
        """The same capital with its WACC given."""
        return GivenWacc(wacc=wacc)


Capital: TypeAlias = GivenWacc | Capm

_CAPM_BOUNDS = (
    ("risk_free_rate", -0.05, 1.0),
    ("equity_risk_premium", 0.0, 0.5),
    ("beta", -1.0, 5.0),
    ("pre_tax_cost_of_debt", -0.05, 1.0),
    ("debt_weight", 0.0, 1.0),
    ("tax_rate", 0.0, 0.9),
)


def check_capital(door: Door, capital: Capital) -> None:
    if isinstance(capital, GivenWacc):
        door.within("capital.wacc", capital.wacc, SPREAD_MIN, 1.0)
        return
    before = len(door.problems)
    for name, low, high in _CAPM_BOUNDS:
        door.within(f"capital.capm.{name}", getattr(capital, name), low, high)
    if len(door.problems) == before:
        door.within("capital.capm", capital.wacc, SPREAD_MIN, 1.0)
