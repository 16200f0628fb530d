"""What a DCF is made of. The groups are the schema's, so that a path means one thing everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.dcf.terminal import Terminal, check_terminal
from engine.dcf.timing import Timing
from engine.door import Bounds, Door, Scalar, Sieve
from engine.errors import Problem
from engine.firm.capital import Capital, check_capital
from engine.firm.equity import Bridge, Failure, Shares
from engine.firm.operations import Operations
from engine.names import check_currency, folded, is_line

INPUT_VERSION = 1
SEGMENTS_MOST = 20
NAME_MOST = 60  # characters
_OWN_INPUT = re.compile(r"\b(?:operations|capital)\.[a-z]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """A part of the firm with a business of its own. When cash comes is the firm's timing."""

    name: str  # one line, unlike the other segments'
    operations: Operations
    capital: Capital | None = None  # None: the firm's
    terminal: Terminal | None = None  # None: the firm's


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcfInputs:
    """Money is in one currency, in whole units; a rate is a fraction per year.

    Any number may be an array over scenarios, the batch; arrays broadcast against each other.
    Exactly one of ``operations`` and ``segments`` is given.
    """

    timing: Timing
    operations: Operations | None = None
    segments: tuple[Segment, ...] = ()
    capital: Capital
    terminal: Terminal
    bridge: Bridge
    shares: Shares
    currency: str = "USD"  # ISO 4217, of all money here; a label, never converted
    market_price: float | None = None  # money a share, on the valuation date; only compared with
    failure: Failure | None = None  # None: the firm is a going concern for certain

    @property
    def business(self) -> Operations:
        """The operations of a firm that is not given in segments."""
        assert self.operations is not None  # noqa: S101 - whoever asks has looked for segments
        return self.operations


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


def bounds(inputs: DcfInputs) -> dict[str, tuple[float, float]]:
    """Between which two numbers each input has to lie, while the others are as they are."""
    door = Bounds()
    _enter(door, inputs, None)
    return door.found


def _enter(door: Door, inputs: DcfInputs, known: DcfInputs | None) -> DcfInputs:
    years = inputs.timing.check(door)
    same_years = known is not None and inputs.timing is known.timing
    operations = inputs.operations
    if (operations is None) == (not inputs.segments):
        door.refuse(
            "operations",
            "MISSING" if operations is None else "CONTRADICTION",
            "Exactly one of the operations and the segments of the firm has to be given.",
            "Give operations, or segments that have theirs.",
        )
    if operations is not None and not (
        known is not None and same_years and operations is known.operations
    ):
        operations = operations.admit(door, years)
    wacc = check_capital(door, inputs.capital)
    check_terminal(door, inputs.terminal, wacc)
    segments = inputs.segments
    if segments:
        segments = _enter_segments(door, inputs, years, wacc, known if same_years else None)
    admitted = DcfInputs(
        timing=inputs.timing,
        operations=operations,
        segments=segments,
        capital=inputs.capital,
        terminal=inputs.terminal,
        bridge=inputs.bridge,
        shares=inputs.shares,
        currency=inputs.currency,
        market_price=inputs.market_price,
        failure=inputs.failure,
    )
    if known is None or inputs.bridge is not known.bridge:
        inputs.bridge.check(door)
    inputs.shares.check(door)
    check_currency(door, inputs.currency)
    if inputs.market_price is not None:
        door.within("market_price", inputs.market_price, 1e-9, 1e12)
    if inputs.failure is not None:
        inputs.failure.check(door)
    door.close()
    return admitted


def _enter_segments(
    door: Door,
    inputs: DcfInputs,
    years: int | None,
    wacc: Scalar | None,
    known: DcfInputs | None,
) -> tuple[Segment, ...]:
    """Each with its operations admitted. ``wacc`` is the firm's; ``known`` has the same years."""
    if len(inputs.segments) > SEGMENTS_MOST:
        door.refuse(
            "segments",
            "TOO_LARGE",
            f"{len(inputs.segments)} segments are given.",
            f"Give up to {SEGMENTS_MOST}: put small ones together.",
        )
    sound, admitted, names = not door.problems, list[Segment](), set[str]()
    for number, segment in enumerate(inputs.segments[:SEGMENTS_MOST]):
        before = len(door.problems)
        _check_name(door, segment.name, names)
        was = known.segments[number] if known and number < len(known.segments) else None
        operations = segment.operations
        if was is None or operations is not was.operations:
            operations = operations.admit(door, years)
        cost = wacc if segment.capital is None else check_capital(door, segment.capital)
        if segment.terminal is not None:
            check_terminal(door, segment.terminal, cost)
        door.problems[before:] = [
            _of_segment(problem, f"segments[{number}].") for problem in door.problems[before:]
        ]
        if segment.terminal is None and segment.capital is not None and sound:
            # The firm's terminal value is sound at the firm's cost of capital, maybe not at this.
            before = len(door.problems)
            check_terminal(door, inputs.terminal, cost)
            door.problems[before:] = [
                replace(problem, path=f"segments[{number}].capital")
                for problem in door.problems[before:]
            ]
        admitted.append(replace(segment, operations=operations))
    return tuple(admitted)


def _of_segment(problem: Problem, where: str) -> Problem:
    """The segment's own inputs, where they stand in the firm: in the path and in the advice."""
    suggestion = _OWN_INPUT.sub(lambda name: where + name[0], problem.suggestion)
    return replace(problem, path=where + problem.path, suggestion=suggestion)


def _check_name(door: Door, name: str, names: set[str]) -> None:
    seen = folded(name)
    if not is_line(name, NAME_MOST):
        door.refuse(
            "name",
            "WRONG_LENGTH",
            f"A name is one line of 1 to {NAME_MOST} characters.",
            "Give a name that can be read.",
        )
    elif seen in names:
        door.refuse(
            "name",
            "CONTRADICTION",
            "Another segment has this name.",
            "Give each a name of its own.",
        )
    names.add(seen)
