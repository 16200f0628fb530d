"""What a DCF is made of. The groups are the schema's, so that a path means one thing everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.dcf.capital import Capital, check_capital
from engine.dcf.equity import Bridge, Shares
from engine.dcf.operations import Operations
from engine.dcf.terminal import Terminal, check_terminal
from engine.dcf.timing import Timing
from engine.door import Door, Sieve

INPUT_VERSION = 1
_CURRENCY = re.compile(r"[A-Z]{3}")


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
    inputs.timing.check(door)
    years = inputs.timing.years
    same_years = known is not None and inputs.timing is known.timing
    operations = inputs.operations
    if not (known is not None and same_years and operations is known.operations):
        operations = operations.admit(door, years)
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
    check_capital(door, inputs.capital)
    check_terminal(door, inputs.terminal, inputs.capital.wacc)
    if known is None or inputs.bridge is not known.bridge:
        inputs.bridge.check(door)
    inputs.shares.check(door)
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
