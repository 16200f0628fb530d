"""Whatever is typed: a refusal that says what to mend, or numbers that are all finite."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attribution import attribution
from engine.comparison import Case, Change, compare
from engine.correlation import CorrelationMethod
from engine.dcf import (
    Bridge,
    Capital,
    Capm,
    Comparables,
    Convertible,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    Failure,
    FlowTiming,
    GivenWacc,
    Gordon,
    HModel,
    LossesCarriedForward,
    Normalised,
    Operations,
    OptionTranche,
    Peer,
    Segment,
    Shares,
    StockCompensation,
    TaxShields,
    Terminal,
    TerminalDiscounting,
    Timing,
    Unlevering,
    ValueDriver,
    WorkingCapitalDays,
    dcf_question,
    value_dcf,
)
from engine.errors import Infeasible, InvalidInput, Refused
from engine.paths import Names
from engine.scenarios import (
    Axis,
    Swing,
    default_swings,
    gradient,
    one_way,
    sensitivity,
    tornado,
)
from engine.schedules import Schedule, Stage
from engine.simulation import (
    Correlation,
    Discrete,
    Empirical,
    Lognormal,
    Normal,
    Outcome,
    Pert,
    RelativeTo,
    Sampling,
    Shock,
    SimulationSpec,
    StopWhen,
    Triangular,
    Uniform,
    simulate,
)
from engine.solving import reverse
from tests.mirror.engine.firms import (
    BRIDGE,
    CAPM,
    DAYS,
    PEER,
    PREMIA,
    SCHEDULES,
    TODAY,
    any_firms,
    fuller,
    settled,
)

ANY = st.floats() | st.sampled_from(
    [math.nan, math.inf, -math.inf, 5e-324, -5e-324, -0.0, 1e308, -1e308, 1e-308, 1e18, 0.001, 1.0]
)
ANY_FIRMS = any_firms() | fuller(any_firms(), wide=True)
EVERY_FIRM = ANY_FIRMS | settled(any_firms())
MANY = settings(deadline=None, max_examples=120)
GROUPS = (
    *("timing", "operations", "segments", "capital", "terminal", "bridge", "shares", "failure"),
    "market_price",
)
ANALYSES = (
    "rows.",
    "columns.",
    "axis.",
    "swings",
    "paths",
    "cases",
    "target",
    "low",
    "high",
    "spec.",
)


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
    peers = st.builds(Peer, name=st.text(max_size=90), **dict.fromkeys(PEER, ANY))
    comparables = st.builds(
        Comparables,
        peers=st.lists(peers, max_size=3).map(tuple) | st.lists(peers, max_size=40).map(tuple),
        unlevering=st.sampled_from(Unlevering),
        blume=st.booleans(),
    )
    parts: dict[str, Any] = dict.fromkeys(CAPM, ANY) | dict.fromkeys(PREMIA, st.none() | ANY)
    shields = st.sampled_from(TaxShields)
    return (
        st.builds(GivenWacc, wacc=ANY)
        | st.builds(Capm, **parts, tax_shields=shields)
        | st.builds(
            Capm,
            **parts | {"beta": st.none() | ANY, "debt_weight": ANY | st.just(1.0)},
            comparables=st.none() | comparables,
            tax_shields=shields,
        )
    )


def terminals() -> st.SearchStrategy[Terminal]:
    how = st.sampled_from(TerminalDiscounting)
    return (
        st.builds(Gordon, growth=ANY, discounting=how)
        | st.builds(
            Gordon,
            growth=ANY,
            normalised=st.builds(Normalised, depreciation=ANY, capital_expenditure=ANY),
            discounting=how,
        )
        | st.builds(HModel, initial_growth=ANY, growth=ANY, half_life=ANY, discounting=how)
        | st.builds(ExitMultiple, ev_to_ebitda=ANY)
        | st.builds(ValueDriver, growth=ANY, return_on_new_capital=ANY, discounting=how)
    )


def working_capital_days() -> st.SearchStrategy[WorkingCapitalDays]:
    return st.builds(WorkingCapitalDays, **{name: schedules(ANY) for name in DAYS})


def losses() -> st.SearchStrategy[LossesCarriedForward]:
    limit = st.none() | ANY
    return st.builds(LossesCarriedForward, balance=ANY, limit_share=limit, limit_amount=limit)


def share_counts() -> st.SearchStrategy[Shares]:
    options = st.lists(st.builds(OptionTranche, count=ANY, strike=ANY), max_size=3)
    bonds = st.lists(st.builds(Convertible, face_value=ANY, conversion_price=ANY), max_size=2)
    return st.builds(Shares, diluted=ANY) | st.builds(
        Shares,
        diluted=st.none() | ANY,
        basic=st.none() | ANY,
        restricted_stock=st.none() | ANY,
        options=options.map(tuple),
        convertibles=bonds.map(tuple),
    )


def segments_of(inputs: DcfInputs) -> st.SearchStrategy[tuple[Segment, ...]]:
    segment = st.builds(
        Segment,
        name=st.text(max_size=70),
        operations=ANY.map(lambda revenue: dataclasses.replace(inputs.business, revenue=revenue))
        | st.just(inputs.business),
        capital=st.none() | capitals(),
        terminal=st.none() | terminals(),
    )
    return st.lists(segment, max_size=3).map(tuple)


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
            fiscal_year_end=draw(st.none() | st.dates()),
        ),
        operations=Operations(
            revenue=draw(ANY),
            opening_working_capital=draw(st.none() | ANY),
            working_capital_days=draw(st.none() | working_capital_days()),
            stock_compensation=draw(st.none() | schedules(ANY)),
            stock_compensation_treatment=draw(st.sampled_from(StockCompensation)),
            losses=draw(st.none() | losses()),
            opening_fixed_assets=draw(st.none() | ANY),
            **drivers,
        ),
        capital=draw(capitals()),
        terminal=draw(terminals()),
        bridge=Bridge(**{name: draw(ANY) for name in BRIDGE}),
        shares=draw(share_counts()),
        market_price=draw(st.none() | ANY),
        failure=draw(st.none() | st.builds(Failure, probability=ANY, recovery=ANY)),
    )


def spoilt() -> st.SearchStrategy[dict[str, Any]]:
    return (
        working_capital_days().map(lambda days: {"working_capital_days": days})
        | schedules(ANY).map(lambda paid: {"stock_compensation": paid})
        | losses().map(lambda carried: {"losses": carried})
        | ANY.map(lambda fixed: {"opening_fixed_assets": fixed})
    )


@st.composite
def spoiled_firms(draw: st.DrawFn) -> DcfInputs:
    """A firm that the door lets in, but for one field."""
    sound = draw(ANY_FIRMS)
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
                        {"shares": draw(share_counts())},
                        {"failure": Failure(probability=draw(ANY), recovery=draw(ANY))},
                        {"operations": None, "segments": draw(segments_of(sound))},
                        {"market_price": draw(ANY)},
                        {"operations": dataclasses.replace(sound.operations, **draw(spoilt()))},
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
@given(wild_firms() | spoiled_firms() | EVERY_FIRM)
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


TO = st.sampled_from(RelativeTo)
DISTRIBUTIONS = st.one_of(
    st.builds(Normal, ANY, st.none() | ANY, TO),
    st.builds(Uniform, ANY, ANY, TO),
    st.builds(Lognormal, ANY, ANY, TO),
    st.builds(Triangular, ANY, ANY, ANY, TO),
    st.builds(Pert, ANY, ANY, ANY, TO, ANY),
    st.builds(Discrete, st.lists(st.builds(Outcome, ANY, ANY), max_size=2).map(tuple), TO),
    st.builds(Empirical, st.lists(ANY, max_size=3).map(tuple), TO),
)
MATRICES = st.lists(st.lists(ANY, max_size=3).map(tuple), max_size=3).map(tuple)
CORRELATIONS = st.none() | st.builds(
    Correlation, st.sampled_from(CorrelationMethod), MATRICES | st.just(((1.0, 0.5), (0.5, 1.0)))
)


@MANY
@given(st.data(), EVERY_FIRM, st.sampled_from(DcfOutput))
def test_an_analysis_is_refused_or_finite_in_every_number(
    data: st.DataObject, inputs: DcfInputs, output: DcfOutput
) -> None:
    question = dcf_question(inputs, output)
    paths = list(Names(question.inputs))
    path = st.sampled_from(paths)
    axis = st.builds(Axis, path, st.lists(ANY, max_size=3).map(np.array))
    swings = st.lists(st.builds(Swing, path, ANY, ANY), min_size=1, max_size=4)
    end = st.none() | ANY
    change = st.builds(Change, path, ANY)
    case = st.builds(
        Case,
        name=st.text(max_size=3),
        changes=st.lists(change, max_size=2).map(tuple),
        probability=st.none() | st.just(1.0) | ANY,
    )
    cases = st.lists(case, max_size=3)
    shock = st.builds(Shock, path, DISTRIBUTIONS, st.booleans())
    shocks = st.lists(shock, min_size=1, max_size=3).map(tuple)
    for ask in (
        lambda: sensitivity(question, data.draw(axis), data.draw(axis)),
        lambda: one_way(question, data.draw(axis)),
        lambda: reverse(question, data.draw(path), data.draw(ANY), data.draw(end), data.draw(end)),
        lambda: compare(question, data.draw(cases)),
        lambda: tornado(question, data.draw(swings)),
        lambda: tornado(question, default_swings(question, data.draw(st.floats(1e-6, 0.9)))),
        lambda: simulate(
            question,
            SimulationSpec(
                trials=100,
                seed=1,
                shocks=data.draw(shocks),
                sampling=data.draw(st.sampled_from(Sampling)),
                correlation=data.draw(CORRELATIONS),
                stop_when=data.draw(st.none() | st.builds(StopWhen, ANY)),
            ),
            data.draw(st.none() | ANY),
        ),
    ):
        try:
            result = ask()
        except Refused as no:
            assert_sayable(no)
        else:
            assert all(map(math.isfinite, floats(result)))


@MANY
@given(any_firms(), any_firms(), st.sampled_from(DcfOutput))
def test_a_difference_is_finite_in_every_number(
    old: DcfInputs, new: DcfInputs, output: DcfOutput
) -> None:
    found = attribution(dcf_question(old, output), dcf_question(new, output))
    assert all(map(math.isfinite, floats(found)))
