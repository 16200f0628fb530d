"""At the ends of everything that is allowed: finite, right, and told apart from nonsense."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from hypothesis import HealthCheck, assume, given, settings

from engine.dcf import DcfInputs, DcfOutput, Shares, TaxShields, dcf_question, value_dcf
from engine.errors import InvalidInput
from engine.firm.capital import Capm
from engine.scenarios import gradient
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import cornered_firms

CORNERS = settings(
    deadline=None,
    max_examples=150,
    # Half of the corners contradict each other: that is what a corner is.
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
# A spread of ten basis points between two rates loses three digits more than anything else.
SAME = 1e-11


def floats(node: object) -> Iterator[float]:
    """Every number in a result, however deep."""
    if dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            yield from floats(getattr(node, field.name))
    elif isinstance(node, dict):
        for value in node.values():
            yield from floats(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from floats(value)
    elif isinstance(node, float):
        yield node


@CORNERS
@given(cornered_firms())
def test_in_every_corner_a_firm_is_refused_by_its_path_or_finite_in_every_number(
    inputs: DcfInputs,
) -> None:
    try:
        result = value_dcf(inputs)
    except InvalidInput as no:
        # The numbers are all in range: what is wrong is what they come to together.
        for problem in no.problems:
            assert problem.path.startswith(("capital.capm", "terminal."))
        return
    assert all(map(math.isfinite, floats(result)))
    for output in DcfOutput:
        assert all(map(math.isfinite, gradient(dcf_question(inputs, output)).values()))


@CORNERS
@given(cornered_firms())
def test_in_every_corner_the_value_is_that_of_forty_digits(inputs: DcfInputs) -> None:
    plain = dataclasses.replace(inputs, shares=Shares(diluted=1.0), failure=None)
    try:
        result = value_dcf(plain)
    except InvalidInput:
        assume(False)
    exact = exact_dcf(plain)
    room = SAME * float(exact.gross) + SAME * float(abs(exact.terminal_value))
    assert abs(result.worth.enterprise_value - float(exact.enterprise_value)) <= room
    assert abs(result.worth.value_per_share - float(exact.value_per_share)) <= room


@CORNERS
@given(cornered_firms())
def test_in_every_corner_the_other_roads_lead_to_the_same_value(inputs: DcfInputs) -> None:
    try:
        result = value_dcf(inputs)
    except InvalidInput:
        assume(False)
    assert result.reconciliation is not None
    profit = result.reconciliation.economic_profit
    adjusted = result.reconciliation.adjusted_present_value
    room = float(exact_dcf(dataclasses.replace(inputs, shares=Shares(diluted=1.0))).gross)
    if profit is not None:
        charged = sum(map(abs, profit.capital_charge)) + abs(profit.opening_capital)
        assert abs(profit.gap) <= 1e-9 * (room + charged + max(map(abs, profit.capital)))
    capital = inputs.capital
    if adjusted is not None and isinstance(capital, Capm):
        saved = sum(map(abs, adjusted.tax_shields)) + abs(adjusted.unlevered_value)
        if capital.tax_shields is TaxShields.UNLEVERED_COST:
            assert abs(adjusted.gap) <= 1e-9 * (room + saved)
