"""One kernel, one batch axis: an analysis gives the bits of the single valuations it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    Gordon,
    Terminal,
    ValueDriver,
    dcf_question,
    value_dcf,
)
from engine.errors import InvalidInput
from engine.paths import Names, numbers, replaced, value_at
from engine.questions import Question
from engine.sampling import CHUNK, generator
from engine.scenarios import Axis, Swing, sensitivity, tornado
from engine.schedules import Schedule
from engine.simulation import Normal, Shock, SimulationSpec, Uniform, draw_values
from tests.mirror.engine.firms import LAW, any_firms, firm, firms, fuller, settled

FIRMS = (
    firms()
    | any_firms()
    | fuller(firms())
    | fuller(any_firms(), wide=True)
    | settled(fuller(firms()))
)
OUTPUTS = st.sampled_from(DcfOutput)


def alone(question: Question[DcfInputs], output: DcfOutput, **changes: Any) -> float | None:
    """The value of one scenario through the public verb; None where the door refuses it."""
    try:
        worth = value_dcf(replaced(question.inputs, changes["at"])).worth
    except InvalidInput:
        return None
    return float(getattr(worth, output.value.lower()))


@st.composite
def axes(draw: st.DrawFn, inputs: DcfInputs) -> Axis:
    """Some path, one year of a schedule among them, and values around the one that it has."""
    table = Names(inputs)
    path = draw(st.sampled_from(list(table)))
    whole = isinstance(table[path], Schedule)
    if whole and draw(st.booleans()):
        path = f"{path}[{draw(st.integers(0, inputs.timing.years - 1))}]"
        whole = False
    at = value_at(table, path)
    moves = draw(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=4))
    return Axis(path, np.array([0.1 * by if whole else at + at * by for by in moves]))


@LAW
@given(st.data(), FIRMS, OUTPUTS)
def test_a_cell_of_a_grid_is_a_valuation_to_the_last_bit(
    data: st.DataObject, inputs: DcfInputs, output: DcfOutput
) -> None:
    question = dcf_question(inputs, output)
    rows, columns = data.draw(axes(question.inputs)), data.draw(axes(question.inputs))
    assume(rows.path != columns.path)
    cells = [
        [
            alone(question, output, at={rows.path: float(row), columns.path: float(column)})
            for column in columns.values
        ]
        for row in rows.values
    ]
    if any(cell is None for line in cells for cell in line):
        with pytest.raises(InvalidInput):
            sensitivity(question, rows, columns)
    else:
        assert sensitivity(question, rows, columns).tolist() == cells


@LAW
@given(st.data(), FIRMS, OUTPUTS)
def test_an_end_of_a_tornado_is_a_valuation_to_the_last_bit(
    data: st.DataObject, inputs: DcfInputs, output: DcfOutput
) -> None:
    question = dcf_question(inputs, output)
    found = {axis.path: axis for axis in data.draw(st.lists(axes(question.inputs), min_size=1))}
    # A WACC and one of its parts do not move side by side: test_scenarios has that refusal.
    if any(path.startswith("capital.capm.") for path in found):
        found.pop("capital.wacc", None)
    swings = [
        Swing(path, float(axis.values[0]), float(axis.values[-1])) for path, axis in found.items()
    ]
    ends = {
        swing: [alone(question, output, at={swing.path: at}) for at in (swing.low, swing.high)]
        for swing in swings
    }
    if any(None in pair for pair in ends.values()):
        with pytest.raises(InvalidInput):
            tornado(question, swings)
    else:
        bars = tornado(question, swings)
        assert {bar.swing: [bar.at_low, bar.at_high] for bar in bars} == ends
        assert [bar.width for bar in bars] == sorted((bar.width for bar in bars), reverse=True)


@LAW
@given(st.data(), firms() | fuller(firms()) | settled(firms()), OUTPUTS)
def test_a_trial_of_a_simulation_is_a_valuation_to_the_last_bit(
    data: st.DataObject, inputs: DcfInputs, output: DcfOutput
) -> None:
    question = dcf_question(inputs, output)
    table = numbers(question.inputs)
    paths = data.draw(st.lists(st.sampled_from(list(table)), min_size=1, max_size=4, unique=True))
    shocks = tuple(
        Shock(
            path,
            # A thousandth: a draw of it stays inside the door's bounds, or outside for all to see.
            Normal(0.001 * max(abs(value_at(table, path)), 0.1)),
            every_year=isinstance(table[path], Schedule) and data.draw(st.booleans()),
        )
        for path in paths
    )
    values = draw_values(question, SimulationSpec(trials=100, seed=11, shocks=shocks))
    source = generator(11, 0)
    drawn: dict[str, np.ndarray] = {}
    for shock in shocks:
        moved = [f"{shock.path}[{year}]" for year in range(inputs.timing.years)]
        for path in moved if shock.every_year else [shock.path]:
            spread = source.standard_normal(CHUNK) * shock.distribution.standard_deviation
            drawn[path] = spread + value_at(table, path)
    for trial in (0, 1, 99):
        at = {path: float(numbers_[trial]) for path, numbers_ in drawn.items()}
        single = question.worth(replaced(question.inputs, at))
        assert values[trial] == single or np.isnan(values[trial])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(["gordon", "value_driver", "exit_multiple"]))
def test_a_trial_counts_exactly_where_the_door_lets_its_numbers_in(seed: int, kind: str) -> None:
    terminal: Terminal = Gordon(growth=0.03)
    shocks = [
        Shock("operations.revenue_growth", Normal(0.5), every_year=True),
        Shock("operations.tax_rate", Normal(0.15)),
        Shock("operations.ebit_margin", Uniform(-0.5, 1.0), every_year=True),
        Shock("capital.wacc", Normal(0.05)),
        Shock("bridge.debt", Normal(200.0)),
        Shock("shares.diluted", Normal(30.0)),
    ]
    if kind == "value_driver":
        terminal = ValueDriver(growth=0.03, return_on_new_capital=0.1)
        shocks.append(Shock("terminal.value_driver.return_on_new_capital", Normal(0.05)))
    elif kind == "exit_multiple":
        terminal = ExitMultiple(ev_to_ebitda=8.0)
        shocks.append(Shock("terminal.exit_multiple.ev_to_ebitda", Normal(6.0)))
    else:
        shocks.append(Shock("terminal.gordon.growth", Normal(0.03)))
    inputs = firm(wacc=0.12, terminal=terminal, bridge=Bridge(debt=300.0, cash=100.0))
    question = dcf_question(inputs, DcfOutput.VALUE_PER_SHARE)
    spec = SimulationSpec(trials=100, seed=seed, shocks=tuple(shocks))
    values = draw_values(question, spec)
    table, source = numbers(question.inputs), generator(seed, 0)
    drawn: dict[str, np.ndarray] = {}
    for shock in shocks:
        paths = [f"{shock.path}[{year}]" for year in range(2)] if shock.every_year else [shock.path]
        for path in paths:
            made = source.standard_normal if shock.distribution.FROM_NORMAL else source.random
            numbers_drawn = made((1, CHUNK))
            shock.distribution.shape(numbers_drawn, value_at(table, path))
            drawn[path] = numbers_drawn[0]
    for trial in range(100):
        at = {path: float(row[trial]) for path, row in drawn.items()}
        single = alone(question, DcfOutput.VALUE_PER_SHARE, at=at)
        assert (single is None) == bool(np.isnan(values[trial]))
        assert single is None or single == values[trial]
