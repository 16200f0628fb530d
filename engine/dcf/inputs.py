"""What a DCF is made of. The groups are the schema's, so that a path means one thing everywhere.

What a later version adds has its place already: a stub year in `Timing`, stock compensation and
loss carry-forwards in `Operations`, premia and comparable betas in `Capm`, an H-model beside
`Gordon`, options and convertibles in `Shares`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.door import MAX_YEARS, Door, Scalar, Sieve
from engine.schedules import Schedule

INPUT_VERSION = 1
# Below ten basis points a perpetuity is a thousand years of cash: no valuation. A hair less than
# 0.001, which 0.026 - 0.025 does not reach in doubles.
SPREAD_MIN = 0.001 - 1e-12
MONEY_MAX = 1e18  # above the money of all the world, in any currency
ZERO = 0.0
_CURRENCY = re.compile(r"[A-Z]{3}")


class FlowTiming(StrEnum):
    """When a year's cash comes: at its end, or spread over it (halfway, on average)."""

    END_YEAR = "END_YEAR"
    MID_YEAR = "MID_YEAR"


class TerminalDiscounting(StrEnum):
    """How a perpetuity is discounted when flows come at mid-year.

    LAST_FLOW: N - 1/2 years, since its flows too come at mid-year (Rosenbaum and Pearl,
    Investment Banking, 2nd ed., ch. 3, on the mid-year convention). YEAR_END: N years, as some
    houses do.
    """

    LAST_FLOW = "LAST_FLOW"
    YEAR_END = "YEAR_END"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """Year 1 begins on the valuation date."""

    valuation_date: date
    years: int  # of explicit forecast
    flows: FlowTiming = FlowTiming.END_YEAR


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operations:
    """The business by year. Give one of the two margins; shares are of the same year's revenue."""

    revenue: Scalar  # money, the base year: the twelve months before the valuation date
    revenue_growth: Schedule  # 1/year
    tax_rate: Schedule  # share of EBIT; a loss earns no credit
    depreciation: Schedule  # D&A, share of revenue
    capital_expenditure: Schedule  # share of revenue
    working_capital: Schedule  # net working capital at year end, share of revenue
    ebit_margin: Schedule | None = None  # share of revenue
    ebitda_margin: Schedule | None = None  # share of revenue
    opening_working_capital: Scalar | None = None  # money; None: year 1's share of base revenue


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gordon:
    """TV = FCF (1 + g) / (WACC - g), with the last year's free cash flow."""

    BRANCH: ClassVar = "gordon"

    growth: Scalar  # 1/year, for ever
    discounting: TerminalDiscounting = TerminalDiscounting.LAST_FLOW


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExitMultiple:
    """TV = multiple x EBITDA of the last year: paid at its end, so N years are discounted."""

    BRANCH: ClassVar = "exit_multiple"

    ev_to_ebitda: Scalar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueDriver:
    """TV = NOPAT (1 + g) (1 - g / RONIC) / (WACC - g): Koller et al., Valuation, 7th ed., c. 14."""

    BRANCH: ClassVar = "value_driver"

    growth: Scalar  # 1/year, for ever
    return_on_new_capital: Scalar  # 1/year, after tax
    discounting: TerminalDiscounting = TerminalDiscounting.LAST_FLOW


Capital: TypeAlias = GivenWacc | Capm
Terminal: TypeAlias = Gordon | ExitMultiple | ValueDriver


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bridge:
    """From enterprise to equity value. Entries are positive amounts on the valuation date."""

    debt: Scalar  # borrowings, at market or book value
    cash: Scalar  # cash and marketable securities
    leases: Scalar = ZERO
    preferred_stock: Scalar = ZERO
    minority_interests: Scalar = ZERO
    pensions_after_tax: Scalar = ZERO  # unfunded
    associates: Scalar = ZERO  # equity-method and other non-operating holdings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    diluted: Scalar  # whole shares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcfInputs:
    """Money is in one currency, in whole units; a rate is a fraction per year.

    Any number may be an array over scenarios, the batch; arrays broadcast against each other.
    """

    timing: Timing
    operations: Operations
    capital: Capital
    terminal: Terminal
    bridge: Bridge
    shares: Shares
    currency: str = "USD"  # ISO 4217, of all money here; a label, never converted
    market_price: float | None = None  # money a share, on the valuation date; only compared with


def admit(inputs: DcfInputs, known: DcfInputs | None = None) -> DcfInputs:
    """The same inputs, checked, with every schedule year by year.

    ``known`` went through this door before: what is the very same object there is not looked at
    again, which is most of a scenario that changes two inputs.

    Raises:
        InvalidInput: with every problem, each under its path.
    """
    return inputs if inputs is known else _enter(Door(), inputs, known)


def outside(inputs: DcfInputs, known: DcfInputs) -> npt.NDArray[np.bool_] | None:
    """(*batch) the drawn scenarios that `admit` would refuse; None where it would refuse none."""
    sieve = Sieve()
    _enter(sieve, inputs, known)
    return sieve.broken


def _enter(door: Door, inputs: DcfInputs, known: DcfInputs | None) -> DcfInputs:
    years = inputs.timing.years
    if not 1 <= years <= MAX_YEARS:
        door.refuse(
            "timing.years",
            "OUT_OF_RANGE",
            f"A forecast of {years} years cannot be valued.",
            f"Give from 1 to {MAX_YEARS} years; 5 to 10 are usual.",
        )
        door.close()  # nothing that counts years can be read
    same_years = known is not None and inputs.timing is known.timing
    operations = inputs.operations
    if not (known is not None and same_years and operations is known.operations):
        operations = _admit_operations(door, operations, years)
    admitted = DcfInputs(
        timing=inputs.timing,
        operations=operations,
        capital=inputs.capital,
        terminal=inputs.terminal,
        bridge=inputs.bridge,
        shares=inputs.shares,
        currency=inputs.currency,
        market_price=inputs.market_price,
    )
    _check_capital(door, inputs.capital)
    _check_terminal(door, inputs.terminal, inputs.capital.wacc)
    bridge = inputs.bridge
    if known is None or bridge is not known.bridge:
        for name in Bridge.__slots__:
            door.within(f"bridge.{name}", getattr(bridge, name), 0.0, MONEY_MAX)
    door.within("shares.diluted", inputs.shares.diluted, 1.0, 1e15)
    if not _CURRENCY.fullmatch(inputs.currency):
        door.refuse(
            "currency",
            "UNKNOWN",
            "A currency has three capital letters.",
            "Give its ISO 4217 code, such as USD or EUR.",
        )
    if inputs.market_price is not None:
        door.within("market_price", inputs.market_price, 1e-9, 1e12)
    door.close()
    return admitted


def _admit_operations(door: Door, given: Operations, years: int) -> Operations:
    door.within("operations.revenue", given.revenue, 0.01, MONEY_MAX)
    ebit, ebitda = given.ebit_margin, given.ebitda_margin
    if (ebit is None) == (ebitda is None):
        door.refuse(
            "operations.ebit_margin",
            "MISSING" if ebit is None else "CONTRADICTION",
            "Exactly one of the EBIT margin and the EBITDA margin has to be given.",
            "Give operations.ebit_margin, or operations.ebitda_margin.",
        )
    opening = given.opening_working_capital
    if opening is not None:
        door.within("operations.opening_working_capital", opening, -MONEY_MAX, MONEY_MAX)

    def schedule(name: str, of: Schedule, low: float, high: float) -> Schedule:
        return of.admit(door, f"operations.{name}", years, low, high)

    return Operations(
        revenue=given.revenue,
        revenue_growth=schedule("revenue_growth", given.revenue_growth, -0.99, 10.0),
        tax_rate=schedule("tax_rate", given.tax_rate, 0.0, 0.9),
        depreciation=schedule("depreciation", given.depreciation, 0.0, 2.0),
        capital_expenditure=schedule("capital_expenditure", given.capital_expenditure, -1.0, 5.0),
        working_capital=schedule("working_capital", given.working_capital, -5.0, 5.0),
        ebit_margin=ebit and schedule("ebit_margin", ebit, -5.0, 1.0),
        ebitda_margin=ebitda and schedule("ebitda_margin", ebitda, -5.0, 1.0),
        opening_working_capital=opening,
    )


_CAPM_BOUNDS = (
    ("risk_free_rate", -0.05, 1.0),
    ("equity_risk_premium", 0.0, 0.5),
    ("beta", -1.0, 5.0),
    ("pre_tax_cost_of_debt", -0.05, 1.0),
    ("debt_weight", 0.0, 1.0),
    ("tax_rate", 0.0, 0.9),
)


def _check_capital(door: Door, capital: Capital) -> None:
    if isinstance(capital, GivenWacc):
        door.within("capital.wacc", capital.wacc, SPREAD_MIN, 1.0)
        return
    before = len(door.problems)
    for name, low, high in _CAPM_BOUNDS:
        door.within(f"capital.capm.{name}", getattr(capital, name), low, high)
    if len(door.problems) == before:
        door.within("capital.capm", capital.wacc, SPREAD_MIN, 1.0)


def _check_terminal(door: Door, terminal: Terminal, wacc: Scalar) -> None:
    path = f"terminal.{terminal.BRANCH}"
    if isinstance(terminal, ExitMultiple):
        door.within(f"{path}.ev_to_ebitda", terminal.ev_to_ebitda, 0.0, 1_000.0)
        return
    door.within(f"{path}.growth", terminal.growth, -0.5, 0.5)
    door.apart(
        f"{path}.growth",
        terminal.growth,
        wacc,
        SPREAD_MIN,
        "The terminal growth must stay below the WACC, or the perpetuity has no finite value.",
    )
    if isinstance(terminal, ValueDriver):
        door.within(f"{path}.return_on_new_capital", terminal.return_on_new_capital, 0.001, 10.0)
        door.apart(
            f"{path}.return_on_new_capital",
            terminal.growth,
            terminal.return_on_new_capital,
            0.0,
            "Growth above the return on new capital needs more than all of the profit reinvested.",
        )
