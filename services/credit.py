"""A firm's debt, valued by the equity value that a kept valuation of the firm has found.

The number itself goes into the document, so it is kept, replayed and analysed without the other
valuation; where it comes from is said as of any input, by an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine.credit.inputs import BOUNDS
from engine.door import show
from engine.errors import InvalidInput, Problem
from services.errors import NotFound
from services.kinds import CREDIT, KINDS, Document, Kind, Output
from services.principal import Action, Principal
from services.sourced_inputs import NAME as ASSUMPTIONS
from services.valuations import KeptId, Recorded, ValuationService

EQUITY: Final = "equityValue"  # in the document
ARGUMENT: Final = "equity_of"  # beside the document
_LEAST, _MOST = BOUNDS["equity_value"]


@dataclass(frozen=True, slots=True)
class EquityOf:
    """Whose equity value is meant."""

    valuation: KeptId
    id: str  # as the caller gave it, by which anybody of the tenant finds it


class CreditService:
    """Values a firm's debt by its equity: as given, or as kept."""

    def __init__(self, valuations: ValuationService) -> None:
        self._valuations = valuations

    async def value(
        self, principal: Principal, inputs: Document, equity_of: EquityOf | None
    ) -> Recorded:
        """Value the inputs, with the equity value of another valuation where one is named.

        Raises:
            Forbidden; NotFound: if there is no such valuation; InvalidInput, with every problem;
            Infeasible; Overloaded.
        """
        principal.require(Action.VALUE)
        if equity_of is not None and EQUITY not in inputs:
            try:
                of = await self._valuations.find_named(principal, equity_of.valuation, ARGUMENT)
            except NotFound as no:
                raise NotFound(no.message, [*no.problems, *_others(inputs)]) from None
            problems = list(_unfit(inputs, of))
            if not problems:
                inputs = _with_equity(inputs, of, equity_of.id)
        else:
            problems = list(_not_one(inputs, equity_of))
        if problems:
            raise InvalidInput.of([*problems, *_others(inputs)])
        return await self._valuations.value(principal, CREDIT, inputs)


def _with_equity(inputs: Document, of: Recorded, said: str) -> Document:
    source = {"path": EQUITY, "source": f"Equity value of the {of.kind.noun} {said}"}
    return inputs | {
        EQUITY: _equity(of),
        ASSUMPTIONS: [*inputs.get(ASSUMPTIONS, ()), source],
    }


def _equity(of: Recorded) -> float:
    return of.kind.kept(Output.EQUITY_VALUE, of.result)


def _not_one(inputs: Document, equity_of: EquityOf | None) -> Iterator[Problem]:
    if equity_of is not None:
        message = "An equity value is given, and a valuation to take it from."
        yield Problem(ARGUMENT, "CONTRADICTION", message, "Leave out equity_of, or equity_value.")
    elif EQUITY not in inputs:
        message = "Neither an equity value is given nor a valuation to take it from."
        mend = "Give equity_value in money, or equity_of: the id of a DCF or a comparison."
        yield Problem("equity_value", "MISSING", message, mend)


def _unfit(inputs: Document, of: Recorded) -> Iterator[Problem]:
    """Why a valuation's equity value cannot be taken."""
    if not _tells(of.kind):
        able = " or ".join(f"a {each.noun}" for each in KINDS.values() if _tells(each))
        message = f"A {of.kind.noun} has no equity value of its firm."
        mend = f"Name {able}, or give equity_value instead."
        yield Problem(ARGUMENT, "CONTRADICTION", message, mend)
    elif not _LEAST <= _equity(of) <= _MOST:
        worth = f"{show(_equity(of))} {of.inputs['currency']}"
        message = f"The equity of this valuation is worth {worth}: no call on assets is worth that."
        mend = "Give equity_value instead: what the market pays for all shares."
        yield Problem(ARGUMENT, "OUT_OF_RANGE", message, mend)
    theirs, ours = of.inputs["currency"], inputs["currency"]
    if theirs != ours:
        message = f"The valuation is in {theirs}, and these inputs are in {ours}."
        mend = f"Give all of them in {theirs}, the debt as well: nothing is converted."
        yield Problem("currency", "CONTRADICTION", message, mend)
    for number, each in enumerate(inputs.get(ASSUMPTIONS, ())):
        if each["path"] == EQUITY:
            message = "Where the equity value comes from is said by equity_of."
            mend = "Leave this out, or give equity_value instead of equity_of."
            yield Problem(f"{ASSUMPTIONS}[{number}].path", "CONTRADICTION", message, mend)


def _tells(kind: Kind[Any, Any]) -> bool:
    return Output.EQUITY_VALUE in kind.outputs


def _others(inputs: Document) -> tuple[Problem, ...]:
    """What is wrong with the rest of the inputs."""
    try:
        CREDIT.door({EQUITY: _LEAST} | inputs)
    except InvalidInput as no:
        return no.problems
    return ()
