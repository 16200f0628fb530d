"""Whatever is typed: a refusal that says what to mend, or numbers that are all finite."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Capital,
    Capm,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    FlowTiming,
    GivenWacc,
    Gordon,
    Operations,
    Shares,
    Terminal,
    TerminalDiscounting,
    Timing,
    ValueDriver,
    dcf_question,
    value_dcf,
)
from engine.errors import Infeasible, InvalidInput, Refused
from engine.paths import Names
from engine.scenarios import Axis, Swing, default_swings, gradient, sensitivity, tornado
from engine.schedules import Schedule, Stage
from engine.simulation import Normal, Shock, SimulationSpec, Uniform, simulate
from tests.mirror.engine.firms import BRIDGE, CAPM, SCHEDULES, TODAY, any_firms

ANY = st.floats() | st.sampled_from(
    [math.nan, math.inf, -math.inf, 5e-324, -5e-324, -0.0, 1e308, -1e308, 1e-308, 1e18, 0.001, 1.0]
)
MANY = settings(deadline=None, max_examples=120)
GROUPS = ("timing", "operations", "capital", "terminal", "bridge", "shares", "market_price")
ANALYSES = ("rows.", "columns.", "swings", "paths", "spec.")


def schedules(values: st.SearchStrategy[float]) -> st.SearchStrategy[Schedule]:
    stages = st.builds(Stage, years=st.integers(-1, 4), value=values, ramp=st.booleans())
    return st.one_of(
        values.map(Schedule.constant),
        st.lists(values, max_size=4).map(Schedule.explicit),
        st.lists(stages, max_size=3).map(lambda drawn: Schedule.staged(*drawn)),
        st.builds(
            Schedule,
            level=st.none() | values,
            by_year=st.none() | st.lists(values, max_size=3).map(tuple),
        ),
    )


def capitals() -> st.SearchStrategy[Capital]:
    return st.builds(GivenWacc, wacc=ANY) | st.builds(Capm, **dict.fromkeys(CAPM, ANY))


def terminals() -> st.SearchStrategy[Terminal]:
    how = st.sampled_from(TerminalDiscounting)
    return (
        st.builds(Gordon, growth=ANY, discounting=how)
        | st.builds(ExitMultiple, ev_to_ebitda=ANY)
        | st.builds(ValueDriver, growth=ANY, return_on_new_capital=ANY, discounting=how)
    )


@st.composite
def wild_firms(draw: st.DrawFn) -> DcfInputs:
    """Every field is any number at all."""
    drivers: dict[str, Any] = {name: draw(schedules(ANY)) for name in SCHEDULES}
    for margin in ("ebit_margin", "ebitda_margin"):
        drivers[margin] = draw(st.none() | schedules(ANY))
    return DcfInputs(
        timing=Timing(
            valuation_date=TODAY,
            years=draw(st.integers(-1, 4) | st.sampled_from([100, 101, 10**12])),
            flows=draw(st.sampled_from(FlowTiming)),
        ),
        operations=Operations(
            revenue=draw(ANY), opening_working_capital=draw(st.none() | ANY), **drivers
        ),
        capital=draw(capitals()),
        terminal=draw(terminals()),
        bridge=Bridge(**{name: draw(ANY) for name in BRIDGE}),
        shares=Shares(diluted=draw(ANY)),
        market_price=draw(st.none() | ANY),
    )


@st.composite
def spoiled_firms(draw: st.DrawFn) -> DcfInputs:
    """A firm that the door lets in, but for one field."""
    sound = draw(any_firms())
    field = draw(st.sampled_from([*SCHEDULES, "revenue", "opening_working_capital", *BRIDGE, "?"]))
    if field in BRIDGE:
        return dataclasses.replace(
            sound, bridge=dataclasses.replace(sound.bridge, **{field: draw(ANY)})
        )
    if field in SCHEDULES:
        spoiled: dict[str, Any] = {field: draw(schedules(ANY))}
    elif field != "?":
        spoiled = {field: draw(ANY)}
    else:
        return dataclasses.replace(
            sound,
            **draw(
                st.sampled_from(
                    [
                        {"capital": draw(capitals())},
                        {"terminal": draw(terminals())},
                        {"shares": Shares(diluted=draw(ANY))},
                        {"market_price": draw(ANY)},
                    ]
                )
            ),
        )
    return dataclasses.replace(sound, operations=dataclasses.replace(sound.operations, **spoiled))


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
    elif isinstance(node, np.ndarray):
        yield from node.ravel().tolist()
    elif isinstance(node, float):
        yield node


def assert_sayable(no: Refused) -> None:
    """A refusal can be shown to a person: where, what, and what would be right."""
    assert isinstance(no, InvalidInput | Infeasible)
    assert isinstance(no, Infeasible) or no.problems
    for problem in no.problems:
        assert problem.path.startswith((*GROUPS, *ANALYSES))
        assert problem.message.endswith(".")
        assert problem.suggestion.endswith(".")
        for words in (problem.message, problem.suggestion):
            assert len(words) < 300
            assert not {"nan", "inf", "-inf"} & set(words.replace(",", " ").rstrip(".").split())


@MANY
@given(wild_firms() | spoiled_firms() | any_firms())
def test_a_valuation_is_refused_or_finite_in_every_number(inputs: DcfInputs) -> None:
    try:
        result = value_dcf(inputs)
    except Refused as no:
        assert_sayable(no)
    else:
        assert all(map(math.isfinite, floats(result)))
        for output in DcfOutput:
            question = dcf_question(inputs, output)
            assert all(map(math.isfinite, floats(gradient(question))))


@MANY
@given(st.data(), any_firms(), st.sampled_from(DcfOutput))
def test_an_analysis_is_refused_or_finite_in_every_number(
    data: st.DataObject, inputs: DcfInputs, output: DcfOutput
) -> None:
    question = dcf_question(inputs, output)
    paths = list(Names(question.inputs))
    path = st.sampled_from(paths)
    axis = st.builds(Axis, path, st.lists(ANY, max_size=3).map(np.array))
    swings = st.lists(st.builds(Swing, path, ANY, ANY), min_size=1, max_size=4)
    shock = st.builds(
        Shock, path, st.builds(Normal, ANY) | st.builds(Uniform, ANY, ANY), st.booleans()
    )
    shocks = st.lists(shock, min_size=1, max_size=3).map(tuple)
    for ask in (
        lambda: sensitivity(question, data.draw(axis), data.draw(axis)),
        lambda: tornado(question, data.draw(swings)),
        lambda: tornado(question, default_swings(question.inputs, data.draw(st.floats(1e-6, 0.9)))),
        lambda: simulate(
            question, SimulationSpec(trials=100, seed=1, shocks=data.draw(shocks)), data.draw(ANY)
        ),
    ):
        try:
            result = ask()
        except Refused as no:
            assert_sayable(no)
        else:
            assert all(map(math.isfinite, floats(result)))
