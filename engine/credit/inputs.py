"""What is known of a firm's equity and debt, from which its assets are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.door import MONEY_MAX, Door, Scalar, Sieve
from engine.names import check_currency

INPUT_VERSION = 1
BOUNDS = {
    "equity_value": (0.01, MONEY_MAX),
    "equity_volatility": (0.001, 10.0),
    "debt": (0.01, MONEY_MAX),
    "horizon": (1.0 / 365.0, 50.0),
    "risk_free_rate": (-0.2, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CreditInputs:
    """Money is in one currency, in whole units. Any number may be an array over scenarios."""

    equity_value: Scalar | None = None  # money: what all shares are worth; the door wants it
    equity_volatility: Scalar  # 1/square root of a year, of the shares' continuous returns
    debt: Scalar  # money: face value of all debt, due at the horizon
    horizon: Scalar  # years until then
    risk_free_rate: Scalar  # 1/year, continuously compounded
    currency: str = "USD"  # ISO 4217; a label, never converted


def admit(inputs: CreditInputs, known: CreditInputs | None = None) -> CreditInputs:
    """The same inputs, checked. ``known`` went through this door before.

    Raises:
        InvalidInput: with every problem, each under its path.
    """
    if inputs is not known:
        door = Door()
        _enter(door, inputs)
        door.close()
    return inputs


def outside(inputs: CreditInputs, known: CreditInputs) -> npt.NDArray[np.bool_] | None:  # noqa: ARG001 - as every kind's
    """(*batch) the drawn scenarios that `admit` would refuse; None where it would refuse none."""
    sieve = Sieve()
    _enter(sieve, inputs)
    return sieve.broken


def _enter(door: Door, inputs: CreditInputs) -> None:
    if inputs.equity_value is None:
        door.refuse(
            "equity_value",
            "MISSING",
            "What all shares are worth is not given.",
            "Give equity_value, in money: at the market, or by a valuation of the firm.",
        )
    for name, (low, high) in BOUNDS.items():
        if (value := getattr(inputs, name)) is not None:
            door.within(name, value, low, high)
    check_currency(door, inputs.currency)
