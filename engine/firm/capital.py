"""What capital costs: given, or built from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from engine.door import Door, Scalar
from engine.firm.betas import BETA_BOUNDS, Comparables

# Below ten basis points a perpetuity is a thousand years of cash: no valuation. A hair less than
# 0.001, which 0.026 - 0.025 does not reach in doubles.
SPREAD_MIN = 0.001 - 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenWacc:
    BRANCH: ClassVar = ""

    wacc: Scalar  # 1/year, nominal, after tax


class TaxShields(StrEnum):
    """How safe the tax is that interest saves, where value is taken apart by APV.

    UNLEVERED_COST: debt is a constant share of the firm's value, so what it saves is as risky as
    the firm and is discounted at the unlevered cost of capital (Harris and Pringle, 1985). The
    WACC says the same. COST_OF_DEBT: debt stays what it is today, in money, so what it saves is
    as safe as the debt (Modigliani and Miller, American Economic Review 53, 1963, pp. 433-443).
    """

    UNLEVERED_COST = "UNLEVERED_COST"
    COST_OF_DEBT = "COST_OF_DEBT"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capm:
    """WACC = (1 - D) ke + D kd (1 - t); D is the target share of debt in capital.

    ke = rf + beta ERP + country + size + specific, with whichever premia were given. Exactly one
    of ``beta`` and ``comparables`` is.
    """

    BRANCH: ClassVar = "capm"
    WHOLE: ClassVar = "wacc"  # an analysis may move what the parts come to, instead of a part

    risk_free_rate: Scalar  # 1/year
    equity_risk_premium: Scalar  # 1/year
    beta: Scalar | None = None  # levered
    comparables: Comparables | None = None
    pre_tax_cost_of_debt: Scalar  # 1/year
    debt_weight: Scalar  # D / (D + E), at market values
    tax_rate: Scalar  # marginal
    country_premium: Scalar | None = None  # 1/year
    size_premium: Scalar | None = None  # 1/year
    specific_premium: Scalar | None = None  # 1/year, for what the market does not price
    tax_shields: TaxShields = TaxShields.UNLEVERED_COST  # of the APV; the WACC does not ask

    @property
    def levered_beta(self) -> Scalar:
        """(*batch) as given, or the peers' at this firm's debt and tax."""
        if self.beta is not None:
            return self.beta
        assert self.comparables is not None  # noqa: S101 - the door let exactly one in
        return self.comparables.relevered_beta(self.debt_weight, self.tax_rate)

    @property
    def cost_of_equity(self) -> Scalar:
        """(*batch) 1/year."""
        cost = self.risk_free_rate + self.levered_beta * self.equity_risk_premium
        for premium in (self.country_premium, self.size_premium, self.specific_premium):
            if premium is not None:
                cost = cost + premium
        return cost

    @property
    def wacc(self) -> Scalar:
        """(*batch) 1/year, the discount rate of free cash flow."""
        debt = self.pre_tax_cost_of_debt * (1.0 - self.tax_rate)
        return (1.0 - self.debt_weight) * self.cost_of_equity + self.debt_weight * debt

    @property
    def unlevered_cost(self) -> Scalar:
        """(*batch) 1/year, of capital without debt: E ke + D kd (Harris and Pringle, 1985)."""
        debt = self.debt_weight * self.pre_tax_cost_of_debt
        return (1.0 - self.debt_weight) * self.cost_of_equity + debt

    def as_whole(self, wacc: Scalar) -> GivenWacc:
        """The same capital with its WACC given."""
        return GivenWacc(wacc=wacc)


Capital: TypeAlias = GivenWacc | Capm

_CAPM_BOUNDS = (
    ("risk_free_rate", -0.05, 1.0),
    ("equity_risk_premium", 0.0, 0.5),
    ("beta", *BETA_BOUNDS),
    ("pre_tax_cost_of_debt", -0.05, 1.0),
    ("debt_weight", 0.0, 1.0),
    ("tax_rate", 0.0, 0.9),
    ("country_premium", -0.1, 0.5),
    ("size_premium", -0.1, 0.5),
    ("specific_premium", -0.1, 0.5),
)
# Equity of a hundredth of capital bears a hundred times its risk: no beta is levered that far.
_MOST_WITH_COMPARABLES = {"debt_weight": 0.99}


def check_capital(door: Door, capital: Capital) -> Scalar | None:
    """The WACC, (*batch) 1/year; None where its parts are too wrong to make one."""
    if isinstance(capital, GivenWacc):
        door.within("capital.wacc", capital.wacc, SPREAD_MIN, 1.0)
        return capital.wacc
    before, comparables = len(door.problems), capital.comparables
    for name, low, high in _CAPM_BOUNDS:
        value = getattr(capital, name)
        most = high if comparables is None else _MOST_WITH_COMPARABLES.get(name, high)
        if value is not None:
            door.within(f"capital.capm.{name}", value, low, most)
    if (capital.beta is None) == (comparables is None):
        door.refuse(
            "capital.capm.beta",
            "MISSING" if comparables is None else "CONTRADICTION",
            "Exactly one of a beta and comparable firms to take it from has to be given.",
            "Give capital.capm.beta, or capital.capm.comparables.",
        )
        return None
    path = "capital.capm.comparables"
    if comparables is not None:
        comparables.check(door, path)
    if len(door.problems) > before:
        return None
    if comparables is not None:
        door.within(path, capital.levered_beta, *BETA_BOUNDS)
    wacc = capital.wacc
    if len(door.problems) == before:
        door.within("capital.capm", wacc, SPREAD_MIN, 1.0)
    return wacc


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeerBeta:
    """What one comparable firm says of the business."""

    name: str
    beta: float  # levered; after Blume's adjustment, where it was asked for
    unlevered_beta: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CostOfCapital:
    """A WACC's parts, as one firm's valuation shows them. None: not given."""

    peers: tuple[PeerBeta, ...] | None
    unlevered_beta: float | None  # the peers' median
    beta: float  # levered: as given, or the median at this firm's debt and tax
    market_premium: float  # 1/year, beta x equity risk premium
    country_premium: float | None  # 1/year
    size_premium: float | None  # 1/year
    specific_premium: float | None  # 1/year
    cost_of_equity: float  # 1/year: the risk-free rate and the premia
    after_tax_cost_of_debt: float  # 1/year
    unlevered_cost: float  # 1/year, of capital without debt


def cost_of_capital(capm: Capm) -> CostOfCapital:
    """How one firm's WACC came about. Every number of ``capm`` is a number alone."""
    comparables, beta = capm.comparables, float(capm.levered_beta)
    peers = None
    if comparables is not None:
        betas = zip(comparables.observed_betas(), comparables.unlevered_betas(), strict=True)
        peers = tuple(
            PeerBeta(name=peer.name, beta=float(observed), unlevered_beta=float(unlevered))
            for peer, (observed, unlevered) in zip(comparables.peers, betas, strict=True)
        )
    return CostOfCapital(
        peers=peers,
        unlevered_beta=None if comparables is None else float(comparables.unlevered_beta()),
        beta=beta,
        market_premium=float(beta * capm.equity_risk_premium),
        country_premium=_number(capm.country_premium),
        size_premium=_number(capm.size_premium),
        specific_premium=_number(capm.specific_premium),
        cost_of_equity=float(capm.cost_of_equity),
        after_tax_cost_of_debt=float(capm.pre_tax_cost_of_debt * (1.0 - capm.tax_rate)),
        unlevered_cost=float(capm.unlevered_cost),
    )


def _number(value: Scalar | None) -> float | None:
    return None if value is None else float(value)
